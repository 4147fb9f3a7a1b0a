//! Serves the pages of the benchmark, the packages, models and the site, gives the pages their job
//! and takes their results.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{Html, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::runtime::Runtime;
use tower_http::services::ServeDir;

use super::setup::{self, Tools};
use super::wasm;
use crate::{root, serve, target};

/// A running server; it ends when it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    results: Receiver<String>,
    folders: Vec<(&'static str, PathBuf)>,
    _runtime: Runtime,
}

struct Shared {
    job: Mutex<String>,
    /// Paths of all requests.
    log: Mutex<BTreeSet<String>>,
    results: Sender<String>,
    site: PathBuf,
}

impl Server {
    /// Starts on a free port of this machine.
    pub(super) fn start(tools: &Tools) -> Result<Self> {
        let site = target().join("dist/site");
        let folders = vec![
            ("/bench/pages", root().join("xtask/bench/pages")),
            ("/bench/npm", tools.npm.clone()),
            ("/bench/models", setup::models_folder()),
            ("/bench/engine", wasm::builds_folder()),
            ("", site.clone()),
        ];
        let (sender, results) = mpsc::channel();
        let shared = Arc::new(Shared {
            job: Mutex::default(),
            log: Mutex::default(),
            results: sender,
            site,
        });

        let mut router = Router::new()
            .route("/bench/job", get(job))
            .route("/bench/progress", post(progress))
            .route("/bench/result", post(result))
            .route("/bench.html", get(site_with_clock));
        for (path, folder) in &folders {
            let files = ServeDir::new(folder);
            router = match *path {
                "" => router.fallback_service(files),
                path => router.nest_service(path, files),
            };
        }
        let router = router
            .layer(DefaultBodyLimit::disable())
            .layer(middleware::from_fn_with_state(Arc::clone(&shared), log))
            .with_state(Arc::clone(&shared));

        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = Runtime::new()?;
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, serve::with_headers(router)).await
        });
        Ok(Self {
            address,
            shared,
            results,
            folders,
            _runtime: runtime,
        })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What the next page is to do.
    pub(super) fn set_job(&self, job: &Value) {
        *locked(&self.shared.job) = job.to_string();
        locked(&self.shared.log).clear();
    }

    /// What pages have posted.
    pub(super) fn results(&self) -> &Receiver<String> {
        &self.results
    }

    /// The files that have been requested since [`Self::set_job`], without those of the benchmark
    /// itself.
    pub(super) fn fetched(&self) -> Vec<PathBuf> {
        let log = locked(&self.shared.log);
        let files = log.iter().filter_map(|path| file(&self.folders, path));
        files.filter(|file| file.is_file()).collect()
    }
}

/// The file behind a path.
fn file(folders: &[(&'static str, PathBuf)], path: &str) -> Option<PathBuf> {
    if path == "/bench.html" {
        // The site's page, but for the clock in it.
        return file(folders, "/index.html");
    }
    if path.starts_with("/bench/pages/") {
        return None;
    }
    folders.iter().find_map(|(prefix, folder)| {
        let below = path.strip_prefix(prefix)?.strip_prefix('/')?;
        Some(folder.join(below))
    })
}

async fn log(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    locked(&shared.log).insert(request.uri().path().to_owned());
    next.run(request).await
}

async fn job(State(shared): State<Arc<Shared>>) -> String {
    locked(&shared.job).clone()
}

async fn progress(line: String) {
    eprintln!("  {line}");
}

async fn result(State(shared): State<Arc<Shared>>, result: String) {
    // Nobody waits any more when the time for it was over.
    let _ = shared.results.send(result);
}

/// The site's page with one more script, in place of which a person would paste and look.
async fn site_with_clock(State(shared): State<Arc<Shared>>) -> Html<String> {
    Html(with_clock(&shared.site))
}

fn with_clock(site: &Path) -> String {
    let page = std::fs::read_to_string(site.join("index.html")).unwrap_or_default();
    let clock = "<script type=\"module\" src=\"/bench/pages/start-site.js\"></script>\n</head>";
    page.replacen("</head>", clock, 1)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_files() {
        let folders = [
            ("/bench/npm", PathBuf::from("/n")),
            ("", PathBuf::from("/site")),
        ];
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(file(&folders, path), expected.map(PathBuf::from), "{path}");
        };
        check("/bench/npm/a/b.js", Some("/n/a/b.js"));
        check("/app.js", Some("/site/app.js"));
        check("/bench.html", Some("/site/index.html"));
        check("/bench/pages/wait.js", None);
    }
}
