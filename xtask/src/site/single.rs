//! The site as one HTML file that needs neither a server nor a network: for a stick, or a machine that has no network.
//!
//! A browser lets a page that was opened as a file load nothing beside it. So everything stands in the page: scripts and styles
//! inline, which its Content-Security-Policy names by their hashes, the rest as parts that `www/embedded.js` reads.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use super::{integrity, read, write};
use crate::command::{command, run};
use crate::html;
use crate::tools::{SiteTools, WASM_TARGET};
use crate::{cargo_target, target};

/// What reads the parts; before every other script, which ask whether it is there.
const READER: &str = include_str!("../../../www/embedded.js");

/// The application's WebAssembly, among the parts.
const APP: &str = "app.wasm";

/// What the policy allows beside the scripts and styles: nothing that leaves the page.
const POLICY: &str = "default-src 'none'; img-src data:; worker-src blob:; connect-src 'none'; base-uri 'none'; form-action 'none'";

/// What goes into the file.
#[derive(Default)]
struct Contents {
    /// Those of the head, in order.
    scripts: Vec<String>,
    styles: Vec<String>,
    icon: String,
    /// Names and bytes of what is neither script nor style.
    parts: Vec<(String, Vec<u8>)>,
    /// Scripts at the end of the page.
    last: Vec<String>,
}

/// Makes the file out of the built site, and returns where it is.
pub(super) fn build(site: &Path, tools: &SiteTools) -> Result<PathBuf> {
    let page = text(&site.join("index.html"))?;
    let (script, wasm) = app(tools)?;
    let page = assemble(&page, site, script, wasm)?;
    let path = target().join("dist/clinical-ner.html");
    write(&path, page.as_bytes())?;
    Ok(path)
}

/// The application as a classic script, as modules are not loaded from files, and its WebAssembly. Trunk has had it compiled.
fn app(tools: &SiteTools) -> Result<(String, Vec<u8>)> {
    let built = cargo_target().join(WASM_TARGET).join("page/app.wasm");
    let bound = cargo_target().join("single-file");
    run(command("wasm-bindgen")
        .arg(&built)
        .args(["--target", "no-modules", "--no-typescript"])
        .args(["--out-name", "app", "--out-dir"])
        .arg(&bound)
        .env("PATH", &tools.path))?;
    let wasm = bound.join("app_bg.wasm");
    super::optimize_app(tools, &wasm)?;
    Ok((text(&bound.join("app.js"))?, read(&wasm)?))
}

fn assemble(page: &str, site: &Path, app_script: String, app_wasm: Vec<u8>) -> Result<String> {
    let boot = format!(
        "wasm_bindgen({{ module_or_path: embedded.part(\"{APP}\", \"{}\").then(function (part) {{ return part.arrayBuffer(); }}) }});\n",
        integrity(&app_wasm)
    );
    let mut contents = Contents {
        scripts: vec![READER.to_owned()],
        parts: vec![(APP.to_owned(), app_wasm)],
        last: vec![app_script, boot],
        ..Contents::default()
    };
    let page = take_out(page, site, &mut contents)?;
    put_in(&page, &contents)
}

/// Takes everything that the page loads out of it and into `contents`.
fn take_out(page: &str, site: &Path, contents: &mut Contents) -> Result<String> {
    let mut rest = String::with_capacity(page.len());
    let mut from = 0;
    for tag in html::tags(page)? {
        let rel = tag.attribute("rel").unwrap_or_default();
        let (file, end) = match tag.name.as_str() {
            "script" => (tag.attribute("src"), "</script>"),
            "link" => (tag.attribute("href"), ""),
            _ => continue,
        };
        let file = site.join(file.with_context(|| format!("a <{}> names no file", tag.name))?);
        match (tag.name.as_str(), rel) {
            // It begins the application as a module.
            ("script", _) if tag.attribute("type") == Some("module") => {}
            ("script", _) => {
                let script = with_parts(text(&file)?, site, &mut contents.parts)?;
                contents.scripts.push(script);
            }
            ("link", "stylesheet") => contents.styles.push(text(&file)?),
            ("link", "icon") => contents.icon = BASE64.encode(read(&file)?),
            // They are fetched ahead for others, or make the page one that can be installed.
            ("link", "modulepreload" | "preload" | "manifest") => {}
            _ => bail!("{} has no place in a single file", file.display()),
        }
        rest.push_str(&page[from..tag.range.start]);
        from = tag.range.end;
        ensure!(page[from..].starts_with(end), "a <script> is not empty");
        from += end.len();
    }
    rest.push_str(&page[from..]);
    Ok(rest)
}

/// Takes the workers and the model, which the script that chooses among them names, into `parts`. Other scripts stay as they are.
fn with_parts(script: String, site: &Path, parts: &mut Vec<(String, Vec<u8>)>) -> Result<String> {
    let line = |name| {
        let start = format!("var {name} = ");
        let line = script
            .lines()
            .find_map(|line| line.trim().strip_prefix(&start));
        line.and_then(|line| line.strip_suffix(';'))
    };
    let Some((workers, model)) = line("WORKERS").zip(line("MODEL")) else {
        return Ok(script);
    };
    let mut single: Map<String, Value> = serde_json::from_str(workers)?;
    // No page that was opened as a file is isolated from other origins.
    for variant in super::VARIANTS.iter().filter(|variant| variant.threads) {
        single.remove(variant.name);
    }
    let model: Value = serde_json::from_str(model)?;
    let of_workers = single
        .values()
        .flat_map(|worker| [&worker["script"], &worker["program"]]);
    let of_model = model["parts"].as_array().context("a model without parts")?;
    for name in of_workers.chain(of_model.iter().map(|part| &part["url"])) {
        let name = name.as_str().context("a part without a name")?;
        parts.push((name.to_owned(), read(&site.join(name))?));
    }
    Ok(script.replacen(workers, &Value::from(single).to_string(), 1))
}

fn put_in(page: &str, contents: &Contents) -> Result<String> {
    let Contents {
        scripts,
        styles,
        icon,
        parts,
        last,
    } = contents;
    let hashes = |texts: &mut dyn Iterator<Item = &String>| {
        texts
            .map(|text| format!(" '{}'", integrity(text.as_bytes())))
            .collect::<String>()
    };
    let policy = format!(
        "{POLICY}; script-src{} 'wasm-unsafe-eval'; style-src{}",
        hashes(&mut scripts.iter().chain(last)),
        hashes(&mut styles.iter())
    );
    let tags = html::tags(page)?;
    let old = tags
        .iter()
        .find(|tag| tag.attribute("http-equiv") == Some("Content-Security-Policy"))
        .and_then(|tag| tag.attribute("content"))
        .context("the page has no Content-Security-Policy")?;

    let mut head = format!(
        "<link rel=\"icon\" type=\"image/svg+xml\" href=\"data:image/svg+xml;base64,{icon}\" />\n"
    );
    for script in scripts {
        head.push_str(&inline("script", script)?);
    }
    for style in styles {
        head.push_str(&inline("style", style)?);
    }
    // Behind what is seen first.
    let mut body = String::new();
    for (name, bytes) in parts {
        let base64 = BASE64.encode(bytes);
        body.push_str(&format!(
            "<script type=\"application/octet-stream\" data-part=\"{name}\">{base64}</script>\n"
        ));
    }
    for script in last {
        body.push_str(&inline("script", script)?);
    }
    let mut page = page.replacen(old, &policy, 1);
    for (end, what) in [("</head>", head), ("</body>", body)] {
        let at = page
            .find(end)
            .with_context(|| format!("the page has no {end}"))?;
        page.insert_str(at, &what);
    }
    Ok(page)
}

/// An element with a text that a browser reads as it stands, as its hash is taken of that.
fn inline(element: &str, text: &str) -> Result<String> {
    // What ends the element, or makes its end count for nothing; and what the browser would replace.
    for part in [&format!("</{element}"), "<!--", "\r", "\0"] {
        ensure!(
            !text.to_ascii_lowercase().contains(part),
            "a {element} holds {part:?} and cannot stand in the page"
        );
    }
    Ok(format!("<{element}>{text}</{element}>\n"))
}

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: &str, expected: Result<&[&str], &str>) {
        let site = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("a.js", "first()"),
            (
                "choose.js",
                "var WORKERS = {\"simd128\":{\"script\":\"w.js\",\"program\":\"w.wasm\"},\"threads\":{\"script\":\"t.js\",\"program\":\"t.wasm\"}};\nvar MODEL = {\"parts\":[{\"url\":\"m\"}]};",
            ),
            ("bad.js", "'</SCRIPT>'"),
            ("s.css", "p {}"),
            ("i.svg", "<svg/>"),
            ("w.js", "work()"),
            ("w.wasm", "\0asm"),
            ("m", "model"),
        ] {
            fs::write(site.path().join(name), content).unwrap();
        }
        let found = assemble(page, site.path(), "app()".to_owned(), b"app".to_vec());
        match (found, expected) {
            (Ok(page), Ok(parts)) => {
                for part in parts {
                    assert!(page.contains(part), "{part} is not in {page}");
                }
                for tag in html::tags(&page).unwrap() {
                    assert!(tag.attribute("src").is_none(), "{tag:?}");
                    assert!(
                        tag.attribute("href")
                            .is_none_or(|href| href.starts_with("data:")),
                        "{tag:?}"
                    );
                }
            }
            (Err(error), Err(reason)) => {
                assert!(format!("{error:#}").contains(reason), "{error:#}")
            }
            (found, _) => panic!("{page}: {found:?}"),
        }
    }

    #[test]
    fn everything_stands_in_the_page() {
        let around = |head: &str| {
            format!(
                "<html><head><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'\">{head}</head>\
                 <body><p>seen</p></body></html>"
            )
        };
        check(
            &around(
                "<link rel=manifest href=m.json><link rel=icon href=i.svg><script integrity=i src=a.js></script>\
                 <script src=choose.js></script><link rel=stylesheet href=s.css><script type=module src=boot.js></script>",
            ),
            Ok(&[
                &format!("script-src '{}' '", integrity(READER.as_bytes())),
                &format!(" '{}' ", integrity(b"first()")),
                &format!("; style-src '{}'\"", integrity(b"p {}")),
                "connect-src 'none'",
                "<script>first()</script>",
                "<style>p {}</style>",
                "data:image/svg+xml;base64,PHN2Zy8+",
                // What is in it may come in any order; of the worker with threads nothing is.
                "var WORKERS = {\"simd128\":{",
                "}};\nvar MODEL = ",
                "data-part=\"w.js\">d29yaygp</script>",
                "data-part=\"w.wasm\">AGFzbQ==</script>",
                "data-part=\"m\">bW9kZWw=</script>",
                "data-part=\"app.wasm\">YXBw</script>",
                "<p>seen</p><script type=\"application/octet-stream\" data-part=\"app.wasm\">",
                "<script>app()</script>\n<script>wasm_bindgen(",
            ]),
        );
        check(
            &around("<link rel=prefetch href=x>"),
            Err("has no place in a single file"),
        );
        check(&around("<script src=gone.js></script>"), Err("cannot read"));
        check(
            &around("<script src=bad.js></script>"),
            Err("holds \"</script\""),
        );
        check(
            "<html><head></head><body></body></html>",
            Err("no Content-Security-Policy"),
        );
    }
}
