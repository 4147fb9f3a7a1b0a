use ner::formats::{Exported, Format, Source, write};

use crate::{collection, exported, provenance};

fn report(documents: &[Exported]) -> String {
    write::write(Format::Html, documents, &provenance()).unwrap()
}

/// The tags of a page, without their attributes.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .map(|tag| &tag[..tag.find([' ', '>', '\n']).unwrap()])
        .collect()
}

#[test]
fn text_is_marked() {
    let html = report(&collection());
    assert!(html.contains(
        "<h2>visit 1/2</h2>\n<div class=\"text\">😀 Denies <mark class=\"sym\" title=\"Symptoms, score 0.98\">pelvic\r\npain\
         <b>Sym</b></mark>.\r\n\r\nLow <mark class=\"hor\" title=\"Hormones, score 0.50, confirmed by a person\">oestradiol\
         <b>Hor</b></mark> — café &lt;b&gt;\u{301}\n</div>\n"
    ), "{html}");
    assert!(
        html.contains(
            "<mark class=\"us\" title=\"Ultrasound, score 0.62\">follicle<b>US</b></mark>"
        ),
        "{html}"
    );
    assert!(
        html.contains("title=\"Medications, marked by a person\""),
        "{html}"
    );
    assert!(html.contains("not a medical device"));
}

#[test]
fn findings_are_counted() {
    let text = "Cramps, LH, heavy\nflow, cramps, heavy flow";
    let document = exported(
        "a",
        text,
        &[
            ("Cramps", "Symptoms", Some(0.5), Source::Model, true),
            ("LH", "Hormones", None, Source::Person, true),
            ("heavy\nflow", "Symptoms", Some(0.75), Source::Model, false),
            ("cramps", "Symptoms", Some(0.875), Source::Model, false),
            ("heavy flow", "Disease", Some(1.0), Source::Model, true),
        ],
    );
    let html = report(&[document]);
    let row = |class: &str, label: &str, text: &str, count: usize, score: &str, person: &str| {
        format!(
            "<tr class=\"{class}\"><td><b>{label}</b></td><td>{text}</td><td class=\"number\">{count}</td>\
             <td class=\"number\">{score}</td><td>{person}</td></tr>\n"
        )
    };
    let rows = [
        row("sym", "Symptoms", "Cramps", 2, "0.88", "1 confirmed"),
        row("sym", "Symptoms", "heavy flow", 1, "0.75", ""),
        row("hor", "Hormones", "LH", 1, "", "marked"),
        row("other", "Disease", "heavy flow", 1, "1.00", "confirmed"),
    ];
    assert!(
        html.contains(&format!("<tbody>\n{}</tbody>", rows.concat())),
        "{html}"
    );
    assert!(
        html.contains("<caption>5 mentions in 3 types</caption>"),
        "{html}"
    );
    assert!(report(&collection()[1..2]).contains("<p class=\"soft\">Nothing is marked.</p>"));
}

/// Whatever a document holds, and wherever, the page has the same tags and its policy is its own.
#[test]
fn nothing_becomes_markup() {
    let page = |id: &str, text: &str, label: &str, model: &str| {
        let before = format!("{text} pain");
        let document = Exported {
            marks: vec![ner::formats::Mark::by_person(ner::Span {
                range: 0..before.len(),
                label: label.to_owned(),
            })],
            id: id.to_owned(),
            text: before,
        };
        let mut provenance = provenance();
        provenance.model = model.to_owned();
        write::write(Format::Html, &[document], &provenance).unwrap()
    };
    let harmless = page("a", "a", "a", "a");
    for hostile in [
        "<script>alert(1)</script>",
        "</style></title></textarea><img src=x onerror=alert(1)>",
        "\"><svg onload=alert(1)>",
        "' onmouseover='alert(1)",
        "<!--",
        "]]>",
        "&lt;b&gt;",
        "\0<\0script>",
    ] {
        for html in [
            page(hostile, "a", "a", "a"),
            page("a", hostile, "a", "a"),
            page("a", "a", hostile, "a"),
            page("a", "a", "a", hostile),
        ] {
            assert_eq!(tags(&html), tags(&harmless), "{hostile}");
            assert_eq!(
                html.matches('"').count(),
                harmless.matches('"').count(),
                "{hostile}"
            );
            assert!(!html.contains('\0'));
        }
    }
    let entity = page("a", "&lt;b&gt;", "a", "a");
    assert!(entity.contains("&amp;lt;b&amp;gt;"));
}

#[test]
fn page_needs_nothing_else() {
    let html = report(&collection());
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
    assert!(html.contains(&format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">"
    )));
    for absent in [
        "<script", "<link", "url(", "@import", " src=", " href=", " style=", "http:", "https:",
    ] {
        assert!(!html.contains(absent), "{absent}");
    }
}
