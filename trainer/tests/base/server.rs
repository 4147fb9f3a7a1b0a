//! The Hugging Face hub, as far as a model is fetched from it, with what can go wrong.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

/// What the hub has and does.
#[derive(Clone)]
pub(crate) struct Hub {
    /// The commit that `main` is at.
    pub(crate) commit: &'static str,
    pub(crate) files: HashMap<&'static str, Vec<u8>>,
    /// What is sent in the place of a file's own bytes.
    pub(crate) sent: HashMap<&'static str, Vec<u8>>,
    /// Bytes after which a connection breaks, for each download of the weights in turn.
    pub(crate) breaks: Vec<usize>,
    /// What names the weights instead of their SHA-256.
    pub(crate) etag: Option<&'static str>,
    /// The commit that files are said to be of.
    pub(crate) files_commit: Option<&'static str>,
    /// The status of every answer.
    pub(crate) status: Option<&'static str>,
}

pub(crate) const WEIGHTS: &str = "pytorch_model.bin";

impl Hub {
    pub(crate) fn new(files: HashMap<&'static str, Vec<u8>>) -> Self {
        Self {
            commit: "c0ffee",
            files,
            sent: HashMap::new(),
            breaks: Vec::new(),
            etag: None,
            files_commit: None,
            status: None,
        }
    }

    /// Answers for `owner/model` until the test ends.
    pub(crate) fn serve(self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let server = Server {
            address: address.clone(),
            requests: Arc::clone(&requests),
        };
        std::thread::spawn(move || {
            let mut hub = self;
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = Request::read(&stream) else {
                    continue;
                };
                let answer = hub.answer(&request, &address);
                requests.lock().unwrap().push(request);
                // The client may have gone.
                let _ = (&stream).write_all(&answer);
            }
        });
        server
    }

    fn answer(&mut self, request: &Request, address: &str) -> Vec<u8> {
        if let Some(status) = self.status {
            return head(status, &[], 0);
        }
        let path = request.path.as_str();
        if path == "/api/models/owner/model/revision/main" {
            let name = |name: &&str| serde_json::json!({"rfilename": name});
            let siblings: Vec<_> = self.files.keys().map(name).collect();
            let info = serde_json::json!({"siblings": siblings, "sha": self.commit}).to_string();
            return [head("200 OK", &[], info.len()), info.into_bytes()].concat();
        }
        let commit = format!(
            "x-repo-commit: {}",
            self.files_commit.unwrap_or(self.commit)
        );
        match path.strip_prefix("/owner/model/resolve/main/") {
            // Large files lie elsewhere, and are named by their SHA-256.
            Some(WEIGHTS) => {
                let etag = self
                    .etag
                    .map_or_else(|| sha256(&self.files[WEIGHTS]), str::to_owned);
                let etag = format!("x-linked-etag: \"{etag}\"");
                let location = format!("location: {address}/elsewhere");
                head("302 Found", &[&commit, &etag, &location], 0)
            }
            Some(name) if self.files.contains_key(name) => {
                // Git's hash of a small file; any will do.
                let etag = format!("etag: \"{}\"", &sha256(&self.files[name])[..40]);
                self.content(name, request.first, request.last, &[&commit, &etag])
            }
            None if path == "/elsewhere" => {
                let mut answer =
                    self.content(WEIGHTS, request.first, request.last, &["etag: \"x\""]);
                if request.last.is_none() && !self.breaks.is_empty() {
                    let body = answer
                        .windows(4)
                        .position(|bytes| bytes == b"\r\n\r\n")
                        .unwrap()
                        + 4;
                    answer.truncate(body + self.breaks.remove(0));
                }
                answer
            }
            _ => head("404 Not Found", &[], 0),
        }
    }

    fn content(&self, name: &str, first: usize, last: Option<usize>, headers: &[&str]) -> Vec<u8> {
        let content = self.sent.get(name).unwrap_or(&self.files[name]);
        let size = self.files[name].len();
        let end = last.map_or(content.len(), |last| content.len().min(last + 1));
        let range = format!("content-range: bytes {first}-{}/{size}", end - 1);
        let headers = [headers, &[&range]].concat();
        let body = &content[first..end];
        [
            head("206 Partial Content", &headers, body.len()),
            body.to_vec(),
        ]
        .concat()
    }
}

fn head(status: &str, headers: &[&str], length: usize) -> Vec<u8> {
    let mut lines = vec![format!("HTTP/1.1 {status}"), "connection: close".to_owned()];
    lines.push(format!("content-length: {length}"));
    lines.extend(headers.iter().map(ToString::to_string));
    (lines.join("\r\n") + "\r\n\r\n").into_bytes()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hub that answers.
pub(crate) struct Server {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// The first byte that each download of the weights asked for.
    pub(crate) fn downloads(&self) -> Vec<usize> {
        let requests = self.requests.lock().unwrap();
        let downloads = requests.iter().filter(|request| {
            // hf-hub asks for one byte to learn the size.
            request.path == "/elsewhere" && request.last.is_none()
        });
        downloads.map(|request| request.first).collect()
    }

    /// What the requests came with to be let in.
    pub(crate) fn tokens(&self) -> Vec<Option<String>> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| request.token.clone())
            .collect()
    }
}

struct Request {
    path: String,
    first: usize,
    last: Option<usize>,
    token: Option<String>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let mut request = Self {
            path: lines.next()?.split(' ').nth(1)?.to_owned(),
            first: 0,
            last: None,
            token: None,
        };
        for line in lines.take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ")?;
            match name.to_lowercase().as_str() {
                "range" => {
                    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
                    request.first = first.parse().ok()?;
                    request.last = last.parse().ok();
                }
                "authorization" => request.token = Some(value.to_owned()),
                _ => {}
            }
        }
        Some(request)
    }
}
