//! Bases of the hub, as a server of this test plays it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::server::{Hub, Server, WEIGHTS, sha256};
use crate::{VOCABULARY, Workplace, files};

fn hub() -> Hub {
    Hub::new(
        files()
            .into_iter()
            .map(|(name, content)| (name, content.to_vec()))
            .collect(),
    )
}

impl Workplace {
    /// Of the model in the cache.
    fn cached(&self, name: &str) -> PathBuf {
        self.path("cache/hub/models--owner--model").join(name)
    }

    fn blob(&self) -> PathBuf {
        self.cached("blobs").join(sha256(&hub().files[WEIGHTS]))
    }

    fn succeeds(&self, server: &Server, output: &str) -> String {
        let (code, message) = self.fine_tune("owner/model", output, &server.address, &[]);
        assert_eq!(code, 0, "{message}");
        message
    }

    fn fails(&self, server: &Server, expected: &str) {
        let (code, message) = self.fine_tune("owner/model", "out", &server.address, &[]);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

/// A port that nothing listens on.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_model_of_the_hub_is_fetched_once() {
    let place = Workplace::new();
    let server = hub().serve();
    let message = place.succeeds(&server, "out");
    assert!(
        message.contains("fetching pytorch_model.bin of owner/model, "),
        "{message}"
    );
    assert_eq!(
        fs::read_to_string(place.path("out/vocab.txt")).unwrap(),
        VOCABULARY
    );
    assert!(server.tokens().contains(&Some("Bearer secret".to_owned())));

    // Hugging Face's layout: files by their hashes, and a folder of links for each commit.
    assert_eq!(
        fs::read_to_string(place.cached("refs/main")).unwrap(),
        "c0ffee"
    );
    let link = fs::read_link(place.cached("snapshots/c0ffee").join(WEIGHTS)).unwrap();
    assert_eq!(
        link,
        Path::new("../../blobs").join(place.blob().file_name().unwrap())
    );

    place.succeeds(&server, "second");
    assert_eq!(server.downloads(), [0]);
    let (code, message) = place.fine_tune("owner/model", "third", &nowhere(), &["--offline"]);
    assert_eq!(code, 0, "{message}");
    let weights = |output: &str| fs::read(place.path(output).join("model.safetensors")).unwrap();
    assert!(weights("out") == weights("second") && weights("out") == weights("third"));

    let (code, message) = place.fine_tune("owner/model", "fourth", &nowhere(), &[]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("which --offline takes"), "{message}");
    let (code, message) = place.fine_tune("owner/other", "other", &server.address, &[]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("404; there is no such model"), "{message}");
}

#[test]
fn a_hub_out_of_reach_is_explained() {
    let place = Workplace::new();
    for (extra, expected) in [
        (&[] as &[&str], "the Hugging Face hub does not answer"),
        (&["--offline"], "was not downloaded before"),
    ] {
        let (code, message) = place.fine_tune("owner/model", "out", &nowhere(), extra);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(expected), "{message}");
        for name in [
            "owner/model",
            "config.json",
            "model.safetensors",
            "vocab.txt",
            "--base",
        ] {
            assert!(message.contains(name), "{name}: {message}");
        }
        assert!(!place.path("out").exists());
    }
}

#[test]
fn a_broken_download_goes_on_where_it_broke() {
    let place = Workplace::new();
    let mut hub = hub();
    hub.breaks = vec![1000, 0];
    let server = hub.serve();
    let message = place.succeeds(&server, "out");
    assert!(message.contains("trying again"), "{message}");
    assert_eq!(server.downloads(), [0, 1000, 1000]);
}

#[test]
fn a_download_of_an_earlier_run_goes_on() {
    let place = Workplace::new();
    let weights = &hub().files[WEIGHTS];
    fs::create_dir_all(place.cached("blobs")).unwrap();
    let part = place.blob().with_extension("part");
    for (there, first) in [(&weights[..2000], 2000), (weights.as_slice(), 0)] {
        fs::write(&part, there).unwrap();
        let server = hub().serve();
        place.succeeds(&server, &format!("out-{first}"));
        assert_eq!(server.downloads(), [first]);
        fs::remove_file(place.blob()).unwrap();
        fs::remove_dir_all(place.cached("snapshots")).unwrap();
    }
}

#[test]
fn what_another_commit_has_is_not_fetched_again() {
    let place = Workplace::new();
    place.succeeds(&hub().serve(), "out");
    let mut newer = hub();
    newer.commit = "beef";
    let server = newer.serve();
    place.succeeds(&server, "newer");
    assert_eq!(server.downloads().len(), 0);
    assert_eq!(
        fs::read_to_string(place.cached("refs/main")).unwrap(),
        "beef"
    );
    assert!(place.cached("snapshots/beef").join(WEIGHTS).exists());
}

#[test]
fn other_bytes_than_the_hub_names_are_refused() {
    let place = Workplace::new();
    let mut damaged = hub();
    let mut weights = damaged.files[WEIGHTS].clone();
    weights[3000] ^= 1;
    damaged.sent.insert(WEIGHTS, weights.clone());
    place.fails(&damaged.serve(), "is damaged, its SHA-256 is");
    assert!(!place.blob().exists());

    let mut short = hub();
    short.sent.insert(WEIGHTS, weights[..3000].to_vec());
    place.fails(&short.serve(), "3000 bytes arrived");
    assert!(!place.blob().exists());

    // Nothing of it is in the way of the right one, which is checked again in the cache.
    place.succeeds(&hub().serve(), "out");
    fs::write(place.blob(), weights).unwrap();
    let (code, message) = place.fine_tune("owner/model", "again", &nowhere(), &["--offline"]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("is damaged"), "{message}");
    let (code, message) = place.fine_tune("owner/model", "again", &nowhere(), &["--offline"]);
    assert_eq!(code, 2, "{message}");
    assert!(
        message.contains("without --offline the rest is fetched"),
        "{message}"
    );
    place.succeeds(&hub().serve(), "again");
}

#[test]
fn answers_that_make_no_model_are_refused() {
    let place = Workplace::new();
    let mut outside = hub();
    outside.etag = Some("../../../../outside");
    place.fails(&outside.serve(), "which is no hash");
    let mut above = hub();
    above.commit = "../../above";
    place.fails(&above.serve(), "names a commit");
    let mut moved = hub();
    moved.files_commit = Some("beef");
    place.fails(&moved.serve(), "changed meanwhile; run the command again");
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let mut closed = hub();
        closed.status = Some(status);
        place.fails(&closed.serve(), "set HF_TOKEN");
    }
}
