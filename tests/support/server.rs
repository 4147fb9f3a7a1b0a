//! A static host for the built site: with or without the headers that threads require, a log of
//! every request, and faults on demand.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::net::TcpListener;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// How the paths of the model's parts begin within the site.
pub const MODEL: &str = "models/default/model-";

/// Isolates the page from other origins, which is what a browser lets share memory; `no-cache` has
/// it ask for every file each time. As `cargo xtask serve` sends them.
const ISOLATION: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-cache"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Bytes that are sent at once before a connection breaks, and the pause before each.
const PIECE: usize = 256 << 10;
const PAUSE: Duration = Duration::from_millis(100);

/// What the server does to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the file as it is.
    None,
    /// Status 404.
    Missing,
    /// An HTML page with status 200, as hosts of single-page applications answer for what they do
    /// not have.
    Html,
    /// The first bytes only, and a length that agrees with them: a file that was damaged on the
    /// server.
    Truncated(usize),
    /// The first bytes only, then the connection breaks: a download that was damaged on its way.
    BrokenOff(usize),
    /// One bit is wrong: bit 0 of the byte so many bytes from the end.
    FlippedBit {
        /// 1 is the last byte.
        from_end: usize,
    },
    /// The first place that holds the first string holds the second one, of the same length,
    /// instead.
    Replaced(String, String),
    /// The file in pieces of 1/16 with a pause before each.
    Slow(Duration),
}

/// The site on a free port of this machine until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    base: String,
    spoiled: &'static str,
    fault: Mutex<Fault>,
    before: Mutex<Option<String>>,
    log: Mutex<Vec<String>>,
}

impl Server {
    /// Serves the folder below the path `base`, which begins and ends with a slash, `isolated` from
    /// other origins or without any special header. The fault strikes files whose paths contain
    /// `spoiled`.
    pub async fn start(
        folder: &Path,
        base: &str,
        isolated: bool,
        spoiled: &'static str,
        fault: Fault,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            base: base.to_owned(),
            spoiled,
            fault: Mutex::new(fault),
            before: Mutex::default(),
            log: Mutex::default(),
        });
        let files = ServeDir::new(folder);
        let site = match base {
            "/" => Router::new().fallback_service(files),
            _ => Router::new().nest_service(base.trim_end_matches('/'), files),
        };
        let mut site = site.layer(middleware::from_fn_with_state(
            Arc::clone(&shared),
            log_and_spoil,
        ));
        for (name, value) in ISOLATION.into_iter().filter(|_| isolated) {
            let value = HeaderValue::from_static(value);
            site = site.layer(SetResponseHeaderLayer::overriding(name, value));
        }
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no free port")?;
        let address = listener.local_addr()?.to_string();
        let task = tokio::spawn(async move {
            // Ends only with the runtime.
            let _ = axum::serve(listener, site).await;
        });
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// The page's address.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.shared.base)
    }

    /// `METHOD path` of every request so far, and `bytes=FROM-` where it asked for a part.
    pub fn log(&self) -> Vec<String> {
        self.shared
            .log
            .lock()
            .expect("no panic holds the lock")
            .clone()
    }

    /// Puts a script before all others of each page, where the browser itself cannot.
    pub(crate) fn set_before(&self, script: Option<String>) {
        *self.shared.before.lock().expect("no panic holds the lock") = script;
    }

    /// Changes what happens from now on.
    pub fn set_fault(&self, fault: Fault) {
        *self.shared.fault.lock().expect("no panic holds the lock") = fault;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn log_and_spoil(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let range = request.headers().get(header::RANGE);
    let range = range.and_then(|range| range.to_str().ok());
    let range = range.map_or(String::new(), |range| format!(" {range}"));
    let line = format!("{} {}{range}", request.method(), request.uri());
    shared
        .log
        .lock()
        .expect("no panic holds the lock")
        .push(line);
    let fault = shared
        .fault
        .lock()
        .expect("no panic holds the lock")
        .clone();
    let path = request.uri().path();
    if fault == Fault::None || !path.contains(shared.spoiled) {
        // Whoever else asks for the page, the service worker, knows its checksum.
        let accepted = request.headers().get(header::ACCEPT);
        let is_page = path.ends_with('/')
            && accepted
                .is_some_and(|types| types.to_str().is_ok_and(|types| types.contains("html")));
        let before = shared
            .before
            .lock()
            .expect("no panic holds the lock")
            .clone();
        let before = before.filter(|_| is_page);
        let response = next.run(request).await;
        return match before {
            Some(script) => with_script(response, &script).await,
            None => response,
        };
    }
    let file = shared
        .folder
        .join(path.strip_prefix(&shared.base).unwrap_or(path));
    match spoiled(&file, fault).await {
        Ok(response) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

/// A page with a script before everything that stands in it, its policy too.
async fn with_script(response: Response, script: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(page) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let page = String::from_utf8_lossy(&page);
    let page = page.replacen("<head>", &format!("<head><script>{script}</script>"), 1);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::ETAG);
    Response::from_parts(parts, Body::from(page))
}

async fn spoiled(file: &Path, fault: Fault) -> Result<Response> {
    let mut bytes = tokio::fs::read(file)
        .await
        .with_context(|| format!("cannot read {}", file.display()))?;
    let whole = bytes.len();
    let response = match fault {
        Fault::None => bytes.into_response(),
        Fault::Missing => StatusCode::NOT_FOUND.into_response(),
        Fault::Html => {
            axum::response::Html("<!doctype html><title>Welcome</title>").into_response()
        }
        Fault::Truncated(length) => {
            bytes.truncate(length);
            bytes.into_response()
        }
        Fault::BrokenOff(length) => {
            bytes.truncate(length);
            let bytes = Bytes::from(bytes);
            // What has been sent arrives before the connection breaks.
            let pieces = stream::unfold(Some(bytes), |rest| async move {
                let mut rest = rest?;
                tokio::time::sleep(PAUSE).await;
                if rest.is_empty() {
                    return Some((Err(io::Error::other("broken off on purpose")), None));
                }
                let piece = rest.split_to(rest.len().min(PIECE));
                Some((Ok(piece), Some(rest)))
            });
            let mut response = Body::from_stream(pieces).into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from(whole));
            response
        }
        Fault::FlippedBit { from_end } => {
            *bytes
                .get_mut(whole - from_end)
                .context("the file is shorter than that")? ^= 1;
            bytes.into_response()
        }
        Fault::Replaced(old, new) => {
            anyhow::ensure!(
                old.len() == new.len(),
                "{old:?} and {new:?} differ in length"
            );
            let place = bytes
                .windows(old.len())
                .position(|window| window == old.as_bytes());
            let place = place.with_context(|| format!("the file does not hold {old:?}"))?;
            bytes[place..place + new.len()].copy_from_slice(new.as_bytes());
            bytes.into_response()
        }
        Fault::Slow(pause) => {
            let bytes = Bytes::from(bytes);
            let size = whole.div_ceil(16);
            let pieces = stream::unfold(0, move |start| {
                let piece = bytes.slice(start..whole.min(start + size));
                async move {
                    tokio::time::sleep(pause).await;
                    (!piece.is_empty()).then(|| (Ok::<_, io::Error>(piece), start + size))
                }
            });
            let mut response = Body::from_stream(pieces).into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from(whole));
            response
        }
    };
    Ok(response)
}
