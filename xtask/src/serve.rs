//! A static file server for one machine: `cargo xtask demo` without a further tool.

use std::io;
use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use clap::Args;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Where to listen.
#[derive(Args)]
pub(crate) struct Listen {
    /// Port to listen on
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Address to listen on; the default is reached from this machine only
    #[arg(long, default_value = "127.0.0.1")]
    address: String,
}

impl Listen {
    /// Opens the port.
    ///
    /// # Errors
    /// When another program has it.
    pub(crate) fn bind(&self) -> Result<TcpListener> {
        TcpListener::bind((self.address.as_str(), self.port)).map_err(|error| {
            let reason = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "is taken by another program, choose one with --port".to_owned()
                }
                _ => format!("cannot be listened on ({error})"),
            };
            anyhow::anyhow!("port {} of {} {reason}", self.port, self.address)
        })
    }
}

/// Sent with everything. Isolation from other origins is what threads in WebAssembly require;
/// `no-cache` lets the browser keep a file but not use it unasked, so that a new build shows at
/// once.
const HEADERS: [(HeaderName, &str); 5] = [
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
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Serves a folder until the process is ended.
pub(crate) fn serve_folder(folder: &Path, listen: &Listen) -> Result<()> {
    serve(listen.bind()?, folder)
}

/// Serves a folder on an open port until the process is ended.
pub(crate) fn serve(listener: TcpListener, folder: &Path) -> Result<()> {
    ensure!(
        folder.join("index.html").is_file(),
        "{} holds no index.html",
        folder.display()
    );
    let address = listener.local_addr().context("the port was closed")?;
    let host = if address.ip().is_loopback() {
        "localhost".to_owned()
    } else {
        address.ip().to_string()
    };
    let files = ServeDir::new(folder)
        .precompressed_br()
        .precompressed_gzip();
    let site = with_headers(Router::new().fallback_service(files));
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        println!("ready: http://{host}:{} (Ctrl-C ends it)", address.port());
        axum::serve(listener, site)
            .await
            .context("the server ended")
    })
}

/// Sends [`HEADERS`] with every answer.
pub(crate) fn with_headers(site: Router) -> Router {
    HEADERS.into_iter().fold(site, |site, (name, value)| {
        let value = HeaderValue::from_static(value);
        site.layer(SetResponseHeaderLayer::overriding(name, value))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::thread;

    use super::*;

    /// What a server of a site, beside a file that is no part of it, answers to a request line.
    fn check(request: &str, status: u16, header: &str, body: &str) {
        let outside = tempfile::tempdir().unwrap();
        let site = outside.path().join("site");
        fs::create_dir_all(site.join("a")).unwrap();
        fs::write(site.join("index.html"), "<p>root").unwrap();
        fs::write(site.join("a/index.html"), "<p>a").unwrap();
        fs::write(site.join("a/b c.wasm"), "wasm").unwrap();
        fs::write(outside.path().join("secret.txt"), "secret").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || serve(listener, &site));

        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, found) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")) && head.contains(header),
            "{request}: {head}"
        );
        assert_eq!(found, body, "{request}");
    }

    #[test]
    fn answers() {
        check("GET /", 200, "content-type: text/html", "<p>root");
        check(
            "GET /a/",
            200,
            "cross-origin-embedder-policy: require-corp",
            "<p>a",
        );
        // Relative addresses in the page need the slash.
        check("GET /a", 307, "location: /a/", "");
        check(
            "GET /a/b%20c.wasm",
            200,
            "content-type: application/wasm",
            "wasm",
        );
        check("HEAD /a/b%20c.wasm", 200, "content-length: 4", "");
        check("GET /none", 404, "x-content-type-options: nosniff", "");
        check("GET /../secret.txt", 404, "", "");
        check("GET /a/..%2f..%2fsecret.txt", 404, "", "");
        check("POST /", 405, "", "");
    }

    #[test]
    fn taken_port_is_said() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = Listen {
            port: taken.local_addr().unwrap().port(),
            address: "127.0.0.1".into(),
        };
        let error = listen.bind().unwrap_err().to_string();
        assert!(
            error.contains("is taken") && error.contains("--port"),
            "{error}"
        );
    }
}
