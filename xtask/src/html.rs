//! Reads the tags of the one HTML file that we write ourselves, and checks it against its own
//! Content-Security-Policy.

use std::ops::Range;
use std::path::Path;

use anyhow::{Result, bail, ensure};

/// An opening tag.
#[derive(Debug)]
pub(crate) struct Tag<'a> {
    /// Bytes of the tag itself, `<` and `>` included.
    pub(crate) range: Range<usize>,
    /// Name in lower case.
    pub(crate) name: String,
    attributes: Vec<(String, &'a str)>,
    /// What stands between `<script>`, `<style>` and the like and their ends; empty for other tags.
    text: &'a str,
}

impl<'a> Tag<'a> {
    /// The value of an attribute (named in lower case), character references left as they are;
    /// empty where it has none.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes
            .iter()
            .find(|(own, _)| own == name)
            .map(|&(_, value)| value)
    }
}

/// Elements whose content holds no tags.
const RAW_TEXT: [&str; 4] = ["script", "style", "textarea", "title"];

/// The opening tags of a document in order. Comments and the doctype are skipped.
///
/// # Errors
/// When a tag, comment or raw text element does not end.
pub(crate) fn tags(html: &str) -> Result<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|found| at + found) {
        let rest = &html[open + 1..];
        at = if rest.starts_with("!--") {
            end_of(html, open + 4, "-->")?
        } else if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let mut tag = open_tag(html, open)?;
            let mut end = tag.range.end;
            if RAW_TEXT.contains(&tag.name.as_str()) {
                // Lower-casing ASCII keeps every byte's place.
                let lower = html[end..].to_ascii_lowercase();
                let Some(close) = lower.find(&format!("</{}", tag.name)) else {
                    bail!("<{}> does not end", tag.name);
                };
                tag.text = &html[end..end + close];
                end += close;
            }
            tags.push(tag);
            end
        } else {
            // A closing tag, the doctype, or a bare `<` in text.
            open + 1
        };
    }
    Ok(tags)
}

fn end_of(html: &str, from: usize, end: &str) -> Result<usize> {
    match html[from..].find(end) {
        Some(found) => Ok(from + found + end.len()),
        None => bail!("`{}` has no `{end}`", &html[from.saturating_sub(4)..from]),
    }
}

/// The tag that begins at `open`.
fn open_tag(html: &str, open: usize) -> Result<Tag<'_>> {
    let bytes = html.as_bytes();
    let ends = |at: usize, set: &[u8]| {
        bytes
            .get(at)
            .is_none_or(|byte| byte.is_ascii_whitespace() || set.contains(byte))
    };
    let until = |mut at: usize, set: &[u8]| {
        while !ends(at, set) {
            at += 1;
        }
        at
    };
    let mut at = until(open + 1, b"/>");
    let name = html[open + 1..at].to_ascii_lowercase();
    let mut attributes = Vec::new();
    loop {
        while bytes
            .get(at)
            .is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'/')
        {
            at += 1;
        }
        match bytes.get(at) {
            None => bail!("<{name}> does not end"),
            Some(b'>') => break,
            Some(_) => {}
        }
        let end = until(at + 1, b"/>=");
        let attribute = html[at..end].to_ascii_lowercase();
        at = end;
        let mut value = "";
        if bytes.get(at) == Some(&b'=') {
            match bytes.get(at + 1) {
                Some(&quote @ (b'"' | b'\'')) => {
                    let end = end_of(html, at + 2, if quote == b'"' { "\"" } else { "'" })?;
                    value = &html[at + 2..end - 1];
                    at = end;
                }
                _ => {
                    let end = until(at + 1, b">");
                    value = &html[at + 1..end];
                    at = end;
                }
            }
        }
        attributes.push((attribute, value));
    }
    Ok(Tag {
        range: open..at + 1,
        name,
        attributes,
        text: "",
    })
}

/// Has the browser check what a page loads: scripts and styles get the `integrity` that `hash` has
/// for their file. What is fetched ahead for scripts is left to those.
///
/// # Errors
/// Those of `hash`.
pub(crate) fn with_integrity(html: &str, hash: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut page = html.to_owned();
    // From the back, so that the places of those before stay.
    for tag in tags(html)?.iter().rev() {
        let loads = match tag.name.as_str() {
            "script" => tag.attribute("src"),
            "link" => match tag.attribute("rel") {
                Some("stylesheet" | "modulepreload") => tag.attribute("href"),
                _ => None,
            },
            _ => None,
        };
        if let (Some(file), None) = (loads, tag.attribute("integrity")) {
            let hash = hash(file.trim_start_matches("./"))?;
            let name_end = tag.range.start + 1 + tag.name.len();
            page.insert_str(name_end, &format!(" integrity=\"{hash}\""));
        }
    }
    Ok(page)
}

/// Checks that a page keeps its promises: it has a Content-Security-Policy without `unsafe-inline`,
/// nothing inline that the policy would block, no address that ties it to one host or path, and
/// every file it names is in `folder`.
///
/// # Errors
/// Names the tag that breaks a promise.
pub(crate) fn check(html: &str, folder: &Path) -> Result<()> {
    let tags = tags(html)?;
    let policy = tags.iter().find(|tag| {
        tag.name == "meta"
            && tag
                .attribute("http-equiv")
                .is_some_and(|value| value.eq_ignore_ascii_case("Content-Security-Policy"))
    });
    let policy = policy
        .and_then(|tag| tag.attribute("content"))
        .unwrap_or_default();
    ensure!(
        policy.contains("default-src 'none'"),
        "the page has no Content-Security-Policy with default-src 'none'"
    );
    ensure!(
        !policy.contains("'unsafe-inline'"),
        "the page's Content-Security-Policy allows inline code"
    );

    for tag in &tags {
        let shown = &html[tag.range.clone()];
        if tag.name == "style"
            || (tag.name == "script" && tag.attribute("src").is_none())
            || !tag.text_is_harmless()
        {
            bail!("{shown} is inline: the Content-Security-Policy blocks it");
        }
        let is_checked = tag.attribute("integrity").is_some();
        ensure!(
            is_checked || tag.name != "script",
            "{shown} has no `integrity`"
        );
        for (name, value) in &tag.attributes {
            if name == "style" || name.starts_with("on") {
                bail!("{shown} has an inline `{name}`: the Content-Security-Policy blocks it");
            }
            if (name == "href" || name == "src") && tag.name != "a" {
                check_address(value, folder)
                    .map_err(|error| error.context(format!("in {shown}")))?;
            }
        }
    }
    Ok(())
}

impl Tag<'_> {
    fn text_is_harmless(&self) -> bool {
        self.name != "script" || self.text.trim().is_empty()
    }
}

fn check_address(address: &str, folder: &Path) -> Result<()> {
    ensure!(
        !address.starts_with('/'),
        "`{address}` is absolute: the site would not work below a sub-path"
    );
    ensure!(!address.contains(':'), "`{address}` leaves the site");
    let file = address.split(['?', '#']).next().unwrap_or_default();
    ensure!(folder.join(file).exists(), "`{file}` is not in the site");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tags_and_attributes() {
        let html = "<!DOCTYPE html><!-- <b> --><Meta CharSet=utf-8>\n\
            <link rel='icon' href=\"a b.svg\"/><script defer src=x.js>'<i>'</script><p hidden>1 < 2</p>";
        let tags = tags(html).unwrap();
        let names: Vec<_> = tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["meta", "link", "script", "p"]);
        assert_eq!(tags[0].attribute("charset"), Some("utf-8"));
        assert_eq!(tags[1].attribute("href"), Some("a b.svg"));
        assert_eq!(tags[1].attribute("rel"), Some("icon"));
        assert_eq!(
            (tags[2].attribute("defer"), tags[2].attribute("src")),
            (Some(""), Some("x.js"))
        );
        assert_eq!(tags[2].text, "'<i>'");
        assert_eq!(&html[tags[3].range.clone()], "<p hidden>");
    }

    #[test]
    fn unfinished_documents_are_errors() {
        for html in ["<!-- x", "<p", "<p class=\"x>", "<script>1"] {
            assert!(tags(html).is_err(), "{html}");
        }
    }

    #[test]
    fn what_is_loaded_is_checked() {
        let page = "<link rel=stylesheet href=a.css><link rel=icon href=i.svg><script src=\"./b.js\"></script>\
            <link rel=\"modulepreload\" href=\"./c.js\" integrity=\"own\">";
        let found = with_integrity(page, |file| Ok(format!("of {file}"))).unwrap();
        assert_eq!(
            found,
            "<link integrity=\"of a.css\" rel=stylesheet href=a.css><link rel=icon href=i.svg>\
             <script integrity=\"of b.js\" src=\"./b.js\"></script>\
             <link rel=\"modulepreload\" href=\"./c.js\" integrity=\"own\">"
        );
    }

    #[test]
    fn page_that_breaks_a_promise_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.js"), "").unwrap();
        let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self'\">";
        let check = |body: &str| check(&format!("<title>t</title>{policy}{body}"), folder.path());

        check("<script integrity=i type=module src=./x.js></script><a href=\"https://example.org/\">x</a>")
            .unwrap();
        for (body, reason) in [
            ("<script>1</script>", "is inline"),
            ("<script src=./x.js>1</script>", "is inline"),
            ("<style>p {}</style>", "is inline"),
            ("<p style=\"color: red\">", "inline `style`"),
            ("<p onclick=\"x()\">", "inline `onclick`"),
            ("<script src=./x.js></script>", "has no `integrity`"),
            ("<script integrity=i src=/x.js></script>", "is absolute"),
            (
                "<link href=\"https://example.org/x.css\">",
                "leaves the site",
            ),
            (
                "<script integrity=i src=y.js></script>",
                "is not in the site",
            ),
        ] {
            let error = format!("{:#}", check(body).unwrap_err());
            assert!(error.contains(reason), "{body}: {error}");
        }
        let bare = super::check("<title>t</title>", folder.path())
            .unwrap_err()
            .to_string();
        assert!(bare.contains("no Content-Security-Policy"), "{bare}");
    }
}
