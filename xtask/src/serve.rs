//! A static file server for one machine: `cargo xtask demo` without a further tool.
//!
//! Every response closes its connection, and every answer comes from [`respond`], which has no side
//! effects but reading the file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

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

/// Serves a folder until the process is ended.
pub(crate) fn serve_folder(folder: &Path, listen: &Listen) -> Result<()> {
    serve(&listen.bind()?, folder)
}

/// Serves a folder on an open port until the process is ended.
pub(crate) fn serve(listener: &TcpListener, folder: &Path) -> Result<()> {
    let folder = folder
        .canonicalize()
        .with_context(|| format!("cannot serve {}", folder.display()))?;
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
    println!("ready: http://{host}:{} (Ctrl-C ends it)", address.port());
    for stream in listener.incoming() {
        let folder = folder.clone();
        // A browser that goes away in the middle of a transfer is not an error of ours.
        thread::spawn(move || stream.and_then(|stream| answer(stream, &folder)).ok());
    }
    Ok(())
}

/// Longest request that is read; browsers send a few hundred bytes of headers.
const MAX_REQUEST: u64 = 64 * 1024;
/// How long a silent connection is kept, such as those that browsers open ahead of need.
const SILENCE: Duration = Duration::from_secs(30);

fn answer(mut stream: TcpStream, folder: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?.take(MAX_REQUEST));
    let mut request = String::new();
    if reader.read_line(&mut request)? == 0 {
        return Ok(());
    }
    // The headers change nothing, but a connection that is closed with unread input is reset.
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let mut response = respond(&request, folder);
    stream.write_all(response.head.as_bytes())?;
    match &mut response.body {
        Body::Text(text) => stream.write_all(text.as_bytes()),
        Body::File(file) => io::copy(file, &mut stream).map(|_| ()),
    }
}

struct Response {
    head: String,
    body: Body,
}

enum Body {
    Text(String),
    File(File),
}

/// Sent with everything. Isolation from other origins is what threads in WebAssembly require;
/// `no-cache` lets the browser keep a file but not use it unasked, so that a new build shows at
/// once.
const HEADERS: &str = "Connection: close\r\n\
    Cache-Control: no-cache\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Embedder-Policy: require-corp\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    X-Content-Type-Options: nosniff\r\n";

/// The answer to a request line such as `GET /a/b.js?x HTTP/1.1`.
fn respond(request: &str, folder: &Path) -> Response {
    let mut words = request.split_whitespace();
    let (Some(method), Some(address)) = (words.next(), words.next()) else {
        return text(400, "Bad Request", "");
    };
    if method != "GET" && method != "HEAD" {
        return text(405, "Method Not Allowed", "Allow: GET, HEAD\r\n");
    }
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let Some(mut file) = decode(path).and_then(|path| below(folder, &path)) else {
        return text(404, "Not Found", "");
    };
    if file.is_dir() {
        // Relative addresses in the page need the slash.
        if !path.ends_with('/') {
            let name = path.trim_start_matches('/');
            return text(301, "Moved Permanently", &format!("Location: /{name}/\r\n"));
        }
        file.push("index.html");
    }
    let opened = File::open(&file).and_then(|opened| Ok((opened.metadata()?.len(), opened)));
    let Ok((length, opened)) = opened else {
        return text(404, "Not Found", "");
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {length}\r\n{HEADERS}\r\n",
        media_type(&file)
    );
    let body = if method == "HEAD" {
        Body::Text(String::new())
    } else {
        Body::File(opened)
    };
    Response { head, body }
}

fn text(status: u16, reason: &str, headers: &str) -> Response {
    let body = format!("{status} {reason}\n");
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         {headers}{HEADERS}\r\n",
        body.len()
    );
    Response {
        head,
        body: Body::Text(body),
    }
}

/// Undoes percent-encoding. `None` when what comes out is not UTF-8 or an escape is broken.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let digits = tail
                .get(..2)
                .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The existing file or folder of that path, unless it lies outside `folder` (by `..`, an absolute
/// path or a link).
fn below(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path.trim_start_matches('/'));
    if !relative
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    {
        return None;
    }
    let found = folder.join(relative).canonicalize().ok()?;
    found.starts_with(folder).then_some(found)
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A site in a folder beside a file that must not be served.
    fn site() -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let outside = outer.path().canonicalize().unwrap();
        let site = outside.join("site");
        fs::create_dir_all(site.join("a")).unwrap();
        fs::write(site.join("index.html"), "<p>root").unwrap();
        fs::write(site.join("a/index.html"), "<p>a").unwrap();
        fs::write(site.join("a/b c.wasm"), [0, 1, 2]).unwrap();
        fs::write(outside.join("secret.txt"), "secret").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.join("secret.txt"), site.join("link.txt")).unwrap();
        (outer, site)
    }

    fn body(response: &mut Response) -> Vec<u8> {
        match &mut response.body {
            Body::Text(text) => text.clone().into_bytes(),
            Body::File(file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                bytes
            }
        }
    }

    #[test]
    fn answers() {
        let (_outer, site) = site();
        for (request, status, header, expected) in [
            (
                "GET / HTTP/1.1",
                200,
                "Content-Type: text/html; charset=utf-8",
                &b"<p>root"[..],
            ),
            ("GET /?x=1 HTTP/1.1", 200, "Content-Length: 7", b"<p>root"),
            (
                "GET /a/ HTTP/1.1",
                200,
                "Cross-Origin-Embedder-Policy: require-corp",
                b"<p>a",
            ),
            (
                "GET /a HTTP/1.1",
                301,
                "Location: /a/",
                b"301 Moved Permanently\n",
            ),
            (
                "GET //a HTTP/1.1",
                301,
                "Location: /a/",
                b"301 Moved Permanently\n",
            ),
            (
                "GET /a/b%20c.wasm HTTP/1.1",
                200,
                "Content-Type: application/wasm",
                b"\x00\x01\x02",
            ),
            ("HEAD /a/b%20c.wasm HTTP/1.1", 200, "Content-Length: 3", b""),
            (
                "GET /none HTTP/1.1",
                404,
                "X-Content-Type-Options: nosniff",
                b"404 Not Found\n",
            ),
            ("GET /../secret.txt HTTP/1.1", 404, "", b"404 Not Found\n"),
            (
                "GET /a/../../secret.txt HTTP/1.1",
                404,
                "",
                b"404 Not Found\n",
            ),
            (
                "GET /%2e%2e/secret.txt HTTP/1.1",
                404,
                "",
                b"404 Not Found\n",
            ),
            (
                "GET /a/..%2f..%2fsecret.txt HTTP/1.1",
                404,
                "",
                b"404 Not Found\n",
            ),
            ("GET /link.txt HTTP/1.1", 404, "", b"404 Not Found\n"),
            ("GET /%zz HTTP/1.1", 404, "", b"404 Not Found\n"),
            ("GET /%ff HTTP/1.1", 404, "", b"404 Not Found\n"),
            ("GET /%00 HTTP/1.1", 404, "", b"404 Not Found\n"),
            (
                "POST / HTTP/1.1",
                405,
                "Allow: GET, HEAD",
                b"405 Method Not Allowed\n",
            ),
            ("", 400, "", b"400 Bad Request\n"),
        ] {
            let mut response = respond(request, &site);
            assert!(
                response.head.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request}: {}",
                response.head
            );
            assert!(
                response.head.contains(header),
                "{request}: {}",
                response.head
            );
            assert!(
                response.head.ends_with("\r\n\r\n"),
                "{request}: {}",
                response.head
            );
            assert_eq!(body(&mut response), expected, "{request}");
        }
    }

    #[test]
    fn serves_over_a_socket() {
        let (_outer, site) = site();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || serve(&listener, &site));
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"GET /a/ HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n<p>a"),
            "{answer}"
        );
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
