//! A report for people: one page that needs nothing else, runs no script and loads nothing.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{Exported, Mark, Provenance, Source};
use crate::kind;

const STYLE: &str = include_str!("report.css");

/// What stands after the last document.
pub(super) const TAIL: &str = "</main>\n</body>\n</html>\n";

/// What stands before the first document: styles, what the page is not, and what made the marks.
pub fn head(provenance: &Provenance) -> String {
    let Provenance {
        model,
        version,
        sha256,
        threshold,
    } = provenance;
    // The one style is inline; nothing else may run or be loaded, whatever a note holds.
    format!(
        "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"referrer\" content=\"no-referrer\">
<title>Clinical entities</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<h1>Clinical entities</h1>
<p class=\"warning\">Made by a tool for reading and research, not a medical device. A mark says that something is mentioned. It does not say that the patient has it: what is denied, past, planned or another person's is marked alike.</p>
<dl class=\"soft\">
<dt>Model</dt><dd>{}</dd>
<dt>Version</dt><dd>{}</dd>
<dt>SHA-256 of the weights</dt><dd>{}</dd>
<dt>Least score</dt><dd>{threshold}</dd>
</dl>
",
        Escaped(model),
        Escaped(version),
        Escaped(sha256),
    )
}

/// A document: its text with marks, and what was found in it.
pub fn section(document: &Exported) -> String {
    let text = &document.text;
    let mut html = format!(
        "<section>\n<h2>{}</h2>\n<div class=\"text\">",
        Escaped(&document.id)
    );
    let mut at = 0;
    for mark in &document.marks {
        let range = &mark.span.range;
        write!(
            html,
            "{}<mark class=\"{}\" title=\"{}{}\">{}<b>{}</b></mark>",
            Escaped(&text[at..range.start]),
            class(&mark.span.label),
            Escaped(&mark.span.label),
            remark(mark),
            Escaped(&text[range.clone()]),
            Escaped(kind::code(&mark.span.label)),
        )
        .expect("writing to a string does not fail");
        at = range.end;
    }
    writeln!(html, "{}</div>", Escaped(&text[at..])).expect("writing to a string does not fail");
    html.push_str(&table(document));
    html.push_str("</section>\n");
    html
}

/// What is known of a mark beyond its type, for people.
fn remark(mark: &Mark) -> String {
    let score = mark.score.map(|score| format!(", score {score:.2}"));
    let whose = match (mark.source, mark.accepted) {
        (Source::Person, _) => ", marked by a person",
        (Source::Model, true) => ", confirmed by a person",
        (Source::Model, false) => "",
    };
    score.unwrap_or_default() + whose
}

/// Marks of one type and text, whatever their case and white space.
struct Finding<'a> {
    label: &'a str,
    /// The first mark's text.
    text: String,
    marks: Vec<&'a Mark>,
}

/// The findings, in the order of their types' and their own first mention, with their counts.
fn table(document: &Exported) -> String {
    let mut findings: Vec<Finding> = Vec::new();
    let mut places = HashMap::new();
    let mut types: Vec<&str> = Vec::new();
    for mark in &document.marks {
        let label = mark.span.label.as_str();
        let words: Vec<&str> = document.text[mark.span.range.clone()]
            .split_whitespace()
            .collect();
        let text = words.join(" ");
        let place = *places
            .entry((label, text.to_lowercase()))
            .or_insert_with(|| {
                findings.push(Finding {
                    label,
                    text,
                    marks: Vec::new(),
                });
                findings.len() - 1
            });
        findings[place].marks.push(mark);
        if !types.contains(&label) {
            types.push(label);
        }
    }
    if findings.is_empty() {
        return "<p class=\"soft\">Nothing is marked.</p>\n".to_owned();
    }
    let mut html = format!(
        "<table>\n<caption>{} in {}</caption>\n<thead><tr><th scope=\"col\">Type</th><th scope=\"col\">Text</th><th scope=\"col\" class=\"number\">Mentions</th><th scope=\"col\" class=\"number\">Score</th><th scope=\"col\">By a person</th></tr></thead>\n<tbody>\n",
        count(document.marks.len(), "mention"),
        count(types.len(), "type"),
    );
    findings.sort_by_key(|finding| types.iter().position(|&label| label == finding.label));
    for finding in &findings {
        let marks = || finding.marks.iter();
        let of = |counted: usize, what: &str| match counted {
            0 => None,
            all if all == finding.marks.len() => Some(what.to_owned()),
            some => Some(format!("{some} {what}")),
        };
        let made = of(
            marks().filter(|m| m.source == Source::Person).count(),
            "marked",
        );
        let confirmed = marks().filter(|m| m.source == Source::Model && m.accepted);
        let said: Vec<String> = made
            .into_iter()
            .chain(of(confirmed.count(), "confirmed"))
            .collect();
        let best = marks().filter_map(|mark| mark.score).reduce(f32::max);
        writeln!(
            html,
            "<tr class=\"{}\"><td><b>{}</b></td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td></tr>",
            class(finding.label),
            Escaped(finding.label),
            Escaped(&finding.text),
            finding.marks.len(),
            best.map_or_else(String::new, |score| format!("{score:.2}")),
            said.join(", "),
        )
        .expect("writing to a string does not fail");
    }
    html + "</tbody>\n</table>\n"
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The class that the style knows a type by.
fn class(label: &str) -> String {
    let guide = kind::GUIDE.iter().find(|kind| kind.name == label);
    guide.map_or_else(|| "other".to_owned(), |kind| kind.code.to_lowercase())
}

/// Text that is nothing but text, between tags as well as in a quoted attribute.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // A parser drops it.
                '\0' => f.write_char(char::REPLACEMENT_CHARACTER)?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
