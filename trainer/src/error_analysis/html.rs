//! Errors for a browser: one page that needs nothing else, runs no script and loads nothing.

use std::fmt::Write as _;

use ner::evaluate::confusion::{Confusion, Outcomes};
use ner::formats::html::Escaped;

use super::{Category, Error, Shown, Subject};
use crate::report::cell;

const STYLE: &str = include_str!("style.css");

/// Counts, the confusion matrix, and a section for each category of errors.
pub(super) fn page(subject: &Subject, errors: &[Error]) -> String {
    let (model, data) = (subject.model, subject.data.display().to_string());
    // The one style is inline; nothing else may run or be loaded, whatever a text holds.
    let mut page = format!(
        "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"referrer\" content=\"no-referrer\">
<title>Errors of {model} on {data}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<h1>Errors of {model} on {data}</h1>
{}{}",
        outcomes(&subject.evaluation.outcomes),
        confusion(&subject.evaluation.confusion),
        model = Escaped(model),
        data = Escaped(&data),
    );
    for category in Category::ALL {
        section(&mut page, category, errors);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// How many of each there are, with links to them.
fn outcomes(outcomes: &Outcomes) -> String {
    let mut table = format!(
        "<table>\n<caption>Gold entities and predictions, each counted once</caption>\n\
         <thead><tr><th scope=\"col\">Outcome</th><th scope=\"col\" class=\"number\">Count</th></tr></thead>\n\
         <tbody>\n<tr><th scope=\"row\">correct</th><td class=\"number\">{}</td></tr>\n",
        outcomes.correct
    );
    for category in Category::ALL {
        let (anchor, name, count) = (anchor(category), category.name(), category.count(outcomes));
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "<tr><th scope=\"row\"><a href=\"#{anchor}\">{name}</a></th><td class=\"number\">{count}</td></tr>"
        );
    }
    table + "</tbody>\n</table>\n"
}

fn confusion(confusion: &Confusion) -> String {
    let mut table = String::from(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"confusion\">\n<table>\n\
         <caption id=\"confusion\">Gold types (rows) against predicted types (columns). \
         After a plus: pairs that overlap with other boundaries. None: missed or spurious.</caption>\n\
         <thead><tr><td></td>",
    );
    for kind in &confusion.types {
        let _ = write!(
            table,
            "<th scope=\"col\" class=\"number\">{}</th>",
            Escaped(kind)
        );
    }
    table.push_str("<th scope=\"col\" class=\"number\">none</th></tr></thead>\n<tbody>\n");
    let rows = confusion.types.iter().zip(&confusion.pairs);
    for ((kind, row), missed) in rows.zip(&confusion.missed) {
        let _ = write!(table, "<tr><th scope=\"row\">{}</th>", Escaped(kind));
        for pairs in row {
            let _ = write!(table, "<td class=\"number\">{}</td>", cell(pairs));
        }
        let _ = writeln!(table, "<td class=\"number\">{missed}</td></tr>");
    }
    table.push_str("<tr><th scope=\"row\">none</th>");
    for spurious in &confusion.spurious {
        let _ = write!(table, "<td class=\"number\">{spurious}</td>");
    }
    table + "<td></td></tr>\n</tbody>\n</table>\n</div>\n"
}

/// The errors of a category, in the order of the documents.
fn section(page: &mut String, category: Category, errors: &[Error]) {
    let of_category = || errors.iter().filter(|error| error.category == category);
    let (anchor, name, count) = (anchor(category), category.name(), of_category().count());
    let _ = writeln!(page, "<section>\n<h2 id=\"{anchor}\">{name}: {count}</h2>");
    if count == 0 {
        page.push_str("</section>\n");
        return;
    }
    page.push_str("<ol>\n");
    for error in of_category() {
        let (place, id) = (Escaped(error.place), Escaped(error.document));
        let _ = writeln!(
            page,
            "<li>\n<p class=\"soft\">{place}, document <b>{id}</b></p>\n<dl>"
        );
        for (whose, shown) in error.entities() {
            entity(page, whose, shown);
        }
        page.push_str("</dl>\n</li>\n");
    }
    page.push_str("</ol>\n</section>\n");
}

/// An entity among its surroundings, and what it is.
fn entity(page: &mut String, whose: &str, shown: &Shown) {
    let score = shown.score.map(|score| format!(", score {score:.2}"));
    let _ = writeln!(
        page,
        "<dt>{whose}</dt><dd><b>{label}</b> <span class=\"soft\">{start}\u{2013}{end}{score}</span>\
         <div class=\"text\">{before}<mark class=\"{whose}\">{word}</mark>{after}</div></dd>",
        label = Escaped(shown.label),
        start = shown.start,
        end = shown.end,
        score = score.unwrap_or_default(),
        before = Escaped(shown.before),
        word = Escaped(shown.word),
        after = Escaped(shown.after),
    );
}

/// Where a category stands on the page.
fn anchor(category: Category) -> String {
    category.name().replace(' ', "-")
}
