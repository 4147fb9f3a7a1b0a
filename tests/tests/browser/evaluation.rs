//! A file with marked entities goes in, the terminal's numbers come out.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::answers::answers;
use e2e::evaluation::{Evaluation, SMALL_FILE};
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND, long};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::server::Fault;
use e2e::terminal::trainer;
use e2e::{Need, Session, Setup};
use serde_json::{Value, json};

/// Colours of buttons fade over less than this when the scheme changes.
const FADE: Duration = Duration::from_millis(300);

/// Sentences with a mistake of each kind, if `irregular periods` and `estrogen` are found.
const SENTENCES: &str = "\
Patient O
reports O
irregular B-Symptoms
periods I-Symptoms
and O
low O
estrogen B-Hormones
. O

Patient O
reports O
irregular O
periods B-Symptoms
and O
low O
estrogen B-Medications
. O

-DOCSTART- -X- O

Patient B-Procedures
reports O
irregular O
periods O
and O
low O
estrogen B-Hormones
. O
";

/// What stands in the confusion table of [`SENTENCES`], and its mistakes.
const SENTENCES_CONFUSION: [[&str; 7]; 6] = [
    ["Symptoms", "1 + 1 overlapping", "0", "0", "0", "0", "0"],
    ["Hormones", "0", "2", "0", "0", "0", "0"],
    ["Procedures", "0", "0", "0", "0", "0", "1"],
    ["Medications", "0", "1", "0", "0", "0", "0"],
    ["Ultrasound", "0", "0", "0", "0", "0", "0"],
    ["Not marked", "1", "0", "0", "0", "0", ""],
];
const SENTENCES_MISTAKES: [(&str, &str, &str); 4] = [
    ("boundary", "periods", "irregular periods"),
    ("type", "estrogen", "estrogen"),
    ("missed", "Patient", ""),
    ("spurious", "", "irregular periods"),
];

/// The stored answers as marked documents, a third of them with one entity less, a third with one of
/// another type, so that there is something wrong.
fn documents() -> Result<String> {
    let answers = answers()?;
    let types: Vec<&str> = answers
        .iter()
        .flat_map(|answer| answer.entities.iter().map(|e| e.entity_group.as_str()))
        .collect();
    let mut lines = String::new();
    for (number, answer) in answers.iter().enumerate() {
        let entity = |(at, entity): (usize, &e2e::answers::Entity)| -> Option<Value> {
            let entity_group = match (at, number % 3) {
                (0, 1) => return None,
                (0, 2) => types[number % types.len()],
                _ => &entity.entity_group,
            };
            let (word, start, end) = (&entity.word, entity.start, entity.end);
            Some(json!({ "entity_group": entity_group, "word": word, "start": start, "end": end }))
        };
        let entities: Vec<Value> = answer
            .entities
            .iter()
            .enumerate()
            .filter_map(entity)
            .collect();
        let line = json!({ "id": answer.id, "text": answer.text, "entities": entities });
        lines.push_str(&format!("{line}\n"));
    }
    Ok(lines)
}

/// Sentences without a mark, none like another, that keep the network busy for longer than a test
/// takes that does not wait for them.
fn busy() -> String {
    let words = |sentence: &str| -> String {
        let lines = sentence.split_whitespace();
        lines.map(|word| format!("{word} O\n")).collect()
    };
    let note = long(80_000, "");
    let sentences: Vec<String> = note.split_inclusive(". ").map(words).collect();
    sentences.join("\n")
}

#[test]
fn metrics_are_the_terminals() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let check = async |page: &Session, name: &str, content: &str| -> Result<Evaluation> {
        let path = folder.path().join(name);
        fs::write(&path, content)?;
        page.choose_file(&path).await?;
        let look = page.evaluation_state("done", SMALL_FILE).await?;
        let stem = name.split('.').next().unwrap_or(name);
        let saved = page.metrics(&format!("{stem}.metrics.json")).await?;
        let path = path.to_str().context("a path in UTF-8")?;
        let printed = trainer(&["evaluate", "--format", "json", "--data", path])?;
        ensure!(
            saved == printed,
            "{name}: the page saves\n{saved}\nthe terminal prints\n{printed}"
        );
        check_shown(&look, &serde_json::from_str(&printed)?);
        Ok(look)
    };
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        let look = check(page, "sentences.bio", SENTENCES).await?;
        assert_eq!(look.confusion, SENTENCES_CONFUSION);
        let mistakes = look.mistakes.iter();
        let mistakes: Vec<_> = mistakes
            .map(|(kind, gold, found)| (kind.as_str(), gold.as_str(), found.as_str()))
            .collect();
        assert_eq!(mistakes, SENTENCES_MISTAKES);
        check(page, "answers.jsonl", &documents()?).await?;

        // What is dropped is what is chosen.
        page.drop_file("dropped.bio", SENTENCES).await?;
        let dropped = page.evaluation_state("done", SMALL_FILE).await?;
        let file = dropped.file.clone();
        assert_eq!(dropped, Evaluation { file, ..look });
        Ok(())
    })
}

/// Checks that the page shows the numbers of the metrics.
fn check_shown(look: &Evaluation, metrics: &Value) {
    let three = |value: &Value| format!("{:.3}", value.as_f64().unwrap_or(f64::NAN));
    let row = |name: &str, strict: &Value, ends: &Value, overlap: &Value, overlap_ends: &Value| {
        let measures = |score: &Value, ends: &Value| {
            let shares = ["precision", "recall", "f1"].map(|key| three(&score[key]));
            let interval = format!("{}–{}", three(&ends[0]), three(&ends[1]));
            shares.into_iter().chain([interval])
        };
        let counts = [
            strict["support"].to_string(),
            strict["predicted"].to_string(),
        ];
        let cells = [name.to_owned()].into_iter().chain(counts);
        let cells = cells.chain(measures(strict, ends));
        cells
            .chain(measures(overlap, overlap_ends))
            .collect::<Vec<_>>()
    };
    let (last, types) = look.scores.split_last().expect("a row of all types");
    let of_all = row(
        "All types",
        &metrics["overall"],
        &metrics["f1_intervals"]["overall"],
        &metrics["overlap"],
        &metrics["overlap_f1_intervals"]["overall"],
    );
    assert_eq!(*last, of_all);
    let known = metrics["types"].as_object().expect("types by name");
    assert_eq!(types.len(), known.len());
    for shown in types {
        let name = shown[0].as_str();
        let of_type = row(
            name,
            &metrics["types"][name],
            &metrics["f1_intervals"]["types"][name],
            &metrics["overlap_types"][name],
            &metrics["overlap_f1_intervals"]["types"][name],
        );
        assert_eq!(*shown, of_type);
    }
    let error = three(&metrics["calibration_error"]);
    assert!(look.calibration.contains(&error), "{}", look.calibration);
    let bins = metrics["reliability"].as_array().expect("a list of bins");
    let counts = bins.iter().filter(|bin| bin["count"] != 0);
    for count in counts.map(|bin| bin["count"].to_string()) {
        assert!(look.drawn.contains(&count), "{count}: {:?}", look.drawn);
    }
}

#[test]
fn note_goes_first_and_an_evaluation_can_be_left() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.drop_file("busy.bio", &busy()).await?;
        let started = page
            .evaluation_until(SMALL_FILE, |look| 0 < look.done.unwrap_or(0))
            .await?;
        ensure!(
            started.status.contains("busy.bio") && started.done < started.documents,
            "{started:?}"
        );

        for _ in 0..2 {
            let before = page.evaluation().await?.done;
            page.set_note("").await?;
            page.type_keys(EXAMPLE).await?;
            let look = page.ready(SHORT_NOTE).await?;
            assert_eq!(look.found(), EXAMPLE_FOUND);
            // And it has not been the end of the evaluation.
            page.evaluation_until(SMALL_FILE, |look| before < look.done)
                .await?;
        }

        page.click("Cancel").await?;
        let left = page.evaluation().await?;
        assert_eq!((left.state.as_str(), left.done), ("empty", None));
        // The worker has left it as well: another file, and a note, do not wait for it.
        page.drop_file("sentences.bio", SENTENCES).await?;
        page.evaluation_state("done", SMALL_FILE).await?;

        // A newer file takes the place of one that is running.
        page.drop_file("busy.bio", &busy()).await?;
        page.evaluation_until(SMALL_FILE, |look| look.documents.is_some())
            .await?;
        page.drop_file("sentences.bio", SENTENCES).await?;
        let look = page.evaluation_state("done", SMALL_FILE).await?;
        assert_eq!(look.confusion, SENTENCES_CONFUSION);
        let look = page.analyse("Low estrogen.", SHORT_NOTE).await?;
        assert_eq!(look.found(), [("estrogen", "Hormones")]);
        Ok(())
    })
}

#[test]
fn broken_files_are_named_with_their_line() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        for (name, content, words) in [
            (
                "label.bio",
                "low O\nestrogen\n",
                &["label.bio:2", "no label"][..],
            ),
            (
                "type.bio",
                "low O\nestrogen B-Allergies\n",
                &["type.bio:2", "B-Allergies"],
            ),
            ("line.jsonl", "\n\n{\"id\": 1}\n", &["line.jsonl:3", "text"]),
            ("empty.bio", "", &["empty.bio", "no documents"]),
        ] {
            page.drop_file(name, content).await?;
            let look = page.evaluation_state("failed", SMALL_FILE).await?;
            for word in words {
                ensure!(
                    look.error.contains(word),
                    "{:?} does not say {word:?}",
                    look.error
                );
            }
        }
        let folder = tempfile::tempdir()?;
        let latin = folder.path().join("latin.bio");
        fs::write(&latin, b"low O\nAMH O\nn\xe9e O\n")?;
        page.choose_file(&latin).await?;
        let look = page.evaluation_state("failed", SMALL_FILE).await?;
        ensure!(
            look.error.contains("latin.bio:3: not UTF-8"),
            "{:?}",
            look.error
        );

        // Nothing of it has been the end of anything.
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        page.drop_file("sentences.bio", SENTENCES).await?;
        let look = page.evaluation_state("done", SMALL_FILE).await?;
        ensure!(look.error.is_empty(), "{look:?}");
        Ok(())
    })
}

#[test]
fn file_that_comes_before_the_model_waits_for_it() -> Result<()> {
    let setup = Setup {
        fault: Fault::Slow(Duration::from_millis(150)),
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.drop_file("sentences.bio", SENTENCES).await?;
        let look = page
            .evaluation_until(LOAD, |look| look.status.contains("waits for the model"))
            .await?;
        assert_eq!(page.look().await?.state, "loading", "{look:?}");
        let look = page.evaluation_state("done", LOAD).await?;
        assert_eq!(look.confusion, SENTENCES_CONFUSION);
        Ok(())
    })
}

#[test]
fn nothing_sticks_out() -> Result<()> {
    let folder = env::var_os("E2E_OUTPUT").map(PathBuf::from);
    let folder = folder.context("E2E_OUTPUT names no folder for the pictures")?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let setup = Setup {
        needs: &[Need::View],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        page.drop_file("answers.jsonl", &documents()?).await?;
        page.evaluation_state("done", SMALL_FILE).await?;
        for (name, width, height) in [
            ("narrow", 360, 3000),
            ("laptop", 1366, 2400),
            ("4k", 3840, 3600),
        ] {
            for scheme in ["light", "dark"] {
                page.set_view(width, height, scheme).await?;
                let overflow =
                    "document.querySelector('[data-testid=evaluation]').scrollIntoView();
                    const root = document.documentElement;
                    return root.scrollWidth - root.clientWidth;";
                let overflow = page.browser.execute(overflow, vec![]).await?;
                assert_eq!(overflow, 0, "{name}, {scheme}");
                tokio::time::sleep(FADE).await;
                let png = page.browser.driver.screenshot_as_png().await?;
                fs::write(folder.join(format!("evaluation-{name}-{scheme}.png")), png)?;
            }
        }
        Ok(())
    })
}
