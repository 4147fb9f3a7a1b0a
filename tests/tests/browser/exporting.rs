//! What leaves the page is what the terminal writes, comes back as it was, and trains a model.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND};
use e2e::page::{LOAD, Look, Page, SHORT_NOTE};
use e2e::shelf::SOON;
use e2e::terminal::run;
use e2e::{Need, Session, Setup, base};
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::ZipArchive;

/// A note with everything that offsets can go wrong by.
const NOTE: &str = "Patient reports irregular periods 😩 and low estrogen.\n\nE\u{301}coute: she denies nausea; letrozole, \
    \"hot flashes\" & <b>cramps</b> =1+1.\n";

/// Every format with the ending of its file.
const FORMATS: [(&str, &str); 9] = [
    ("json", "json"),
    ("jsonl", "jsonl"),
    ("csv", "csv"),
    ("html", "html"),
    ("conll", "conll"),
    ("brat", "zip"),
    ("doccano-jsonl", "doccano.jsonl"),
    ("prodigy-jsonl", "prodigy.jsonl"),
    ("fhir", "fhir.json"),
];

fn folder() -> Result<TempDir> {
    TempDir::with_prefix("e2e-exports-").context("no folder for exports")
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

/// Names and texts of the files in an archive.
fn unzip(bytes: Vec<u8>) -> Result<BTreeMap<String, String>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    let mut files = BTreeMap::new();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at)?;
        let name = file.name()?.into_owned();
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        files.insert(name, text);
    }
    Ok(files)
}

/// Type, place and text of every mark.
fn marks(look: &Look) -> Vec<(String, usize, usize, String)> {
    let mark =
        |mark: &e2e::page::Finding| (mark.entity.clone(), mark.start, mark.end, mark.text.clone());
    look.marks.iter().map(mark).collect()
}

#[test]
fn every_format_is_what_the_terminal_writes() -> Result<()> {
    let folder = folder()?;
    let input = folder.path().join("input.jsonl");
    fs::write(&input, json!({ "id": "Note 1", "text": NOTE }).to_string())?;
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        let look = page.analyse(NOTE, SHORT_NOTE).await?;
        ensure!(look.marks.len() > 3, "hardly a mark to export: {look:?}");
        for (format, ending) in FORMATS {
            let written = run(&["predict", "--format", format, "--input", utf8(&input)?])?;
            let words = page.export(format, false, "Download").await?;
            let name = format!("Note_1.{ending}");
            assert_eq!(words, format!("Saved as {name}."));
            let bytes = page.downloaded_bytes(&name, SOON).await?;
            if format == "brat" {
                let out = folder.path().join("brat");
                run(&[
                    "predict",
                    "--format",
                    format,
                    "--input",
                    utf8(&input)?,
                    "--output",
                    utf8(&out)?,
                ])?;
                let mut expected = BTreeMap::new();
                for entry in fs::read_dir(&out)? {
                    let path = entry?.path();
                    let name = path
                        .file_name()
                        .context("a name")?
                        .to_string_lossy()
                        .into_owned();
                    expected.insert(name, fs::read_to_string(path)?);
                }
                assert_eq!(unzip(bytes)?, expected);
                assert_eq!(expected.len(), 3);
            } else {
                assert_eq!(String::from_utf8(bytes)?, written, "{format} by download");
            }
            assert_eq!(page.export(format, false, "Copy").await?, "Copied.");
            assert_eq!(page.copied().await?, written, "{format} by copy");
        }
        Ok(())
    })
}

#[test]
fn exports_of_several_notes_are_one_file_and_come_back() -> Result<()> {
    let folder = folder()?;
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        let first = marks(&page.analyse(NOTE, SHORT_NOTE).await?);
        page.click("New note").await?;
        let second = marks(&page.analyse(EXAMPLE, SHORT_NOTE).await?);
        let expected = [("Note 1", &first), ("Note 2", &second)];
        for (format, ending) in FORMATS {
            page.open(&page.server.url()).await?;
            page.ready(LOAD).await?;
            page.analyse(NOTE, SHORT_NOTE).await?;
            page.click("New note").await?;
            page.analyse(EXAMPLE, SHORT_NOTE).await?;
            let name = format!("notes.{ending}");
            page.export(format, true, "Download all")
                .await
                .with_context(|| format.to_owned())?;
            let bytes = page.downloaded_bytes(&name, SOON).await?;
            let into = folder.path().join(format);
            fs::create_dir_all(&into)?;
            match format {
                "csv" => {
                    let rows = String::from_utf8(bytes)?.lines().count();
                    assert_eq!(rows, 1 + first.len() + second.len(), "one row per mark");
                    continue;
                }
                // Nobody reads them back.
                "html" | "fhir" => continue,
                "brat" => {
                    for (name, text) in unzip(bytes)? {
                        fs::write(into.join(name), text)?;
                    }
                }
                _ => fs::write(into.join(&name), bytes)?,
            }

            page.open(&page.server.url()).await?;
            page.ready(LOAD).await?;
            page.choose("open-folder", &[&into]).await?;
            page.opened().await?;
            for (name, expected) in expected {
                let name = if format == "brat" {
                    name.replace(' ', "_")
                } else {
                    name.to_owned()
                };
                page.open_note(&name)
                    .await
                    .with_context(|| format!("{format}: {name}"))?;
                let look = page.ready(SHORT_NOTE).await?;
                if format == "conll" {
                    // It does not keep white space.
                    let texts = |marks: &[(String, usize, usize, String)]| {
                        marks
                            .iter()
                            .map(|mark| (mark.0.clone(), mark.3.clone()))
                            .collect::<Vec<_>>()
                    };
                    assert_eq!(texts(&marks(&look)), texts(expected), "{format}: {name}");
                } else {
                    assert_eq!(&marks(&look), expected, "{format}: {name}");
                }
            }
        }
        Ok(())
    })
}

#[test]
fn half_an_analysis_is_not_exported() -> Result<()> {
    let folder = folder()?;
    let lines =
        (0..5).map(|number| json!({ "text": format!("Visit {number}. {EXAMPLE}") }).to_string());
    let path = folder.path().join("five.jsonl");
    fs::write(&path, lines.collect::<Vec<_>>().join("\n"))?;
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.choose("open-files", &[&path]).await?;
        page.opened().await?;
        page.ready(SHORT_NOTE).await?;
        page.click("Export…").await?;
        page.hook("export-all").await?.click().await?;
        let words = page.text("export-unfinished").await?;
        ensure!(words.contains("4 of 5 notes are not analysed"), "{words:?}");
        let disabled = "return Array.from(document.querySelectorAll('[data-testid=export] footer > button')).every((b) => b.disabled)";
        assert_eq!(page.browser.execute(disabled, vec![]).await?, true);

        page.click("Analyse first").await?;
        page.until("all notes are analysed", LOAD, async || {
            Ok((!page.is_shown("export-unfinished").await?).then_some(()))
        })
        .await?;
        page.export("jsonl", true, "Download all").await?;
        let text = page.downloaded("notes.jsonl", SOON).await?;
        let counts = text.lines().map(|line| {
            let document: Value = serde_json::from_str(line)?;
            Ok(document["entities"].as_array().map_or(0, Vec::len))
        });
        let counts = counts.collect::<Result<Vec<_>>>()?;
        assert_eq!(counts, [2; 5]);
        Ok(())
    })
}

/// Corrects [`EXAMPLE`] by keyboard: `irregular periods` becomes a procedure, and `Patient` is marked.
async fn correct(page: &Page) -> Result<()> {
    page.analyse(EXAMPLE, SHORT_NOTE).await?;
    page.review().await?;
    page.press("3").await?;
    page.until("the corrected type", SOON, async || {
        let marks = page.look().await?.marks;
        Ok((marks[0].entity == "Procedures").then_some(()))
    })
    .await?;
    page.press("ArrowRight Shift+ArrowUp").await?;
    page.until("the corrected start", SOON, async || {
        let marks = page.look().await?.marks;
        Ok((marks[1].text == "low estrogen").then_some(()))
    })
    .await
}

/// What [`EXAMPLE`] has once it is corrected.
const CORRECTED: [(&str, &str); 2] = [
    ("irregular periods", "Procedures"),
    ("low estrogen", "Hormones"),
];

#[test]
fn corrections_train_a_model() -> Result<()> {
    let folder = folder()?;
    let place = |name: &str| folder.path().join(name);
    base::write(&place("base"), &[EXAMPLE])?;
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        correct(page).await?;
        for (format, name) in [("jsonl", "Note_1.jsonl"), ("conll", "Note_1.conll")] {
            page.export(format, false, "Download").await?;
            fs::write(place(name), page.downloaded(name, SOON).await?)?;
        }
        Ok(())
    })?;
    let lines = fs::read_to_string(place("Note_1.conll"))?;
    for line in [
        "irregular B-Procedures",
        "periods I-Procedures",
        "low B-Hormones",
        "estrogen I-Hormones",
    ] {
        ensure!(
            lines.lines().any(|other| other == line),
            "{lines:?} lacks {line:?}"
        );
    }
    for name in ["Note_1.jsonl", "Note_1.conll"] {
        let (data, base, output) = (
            place(name),
            place("base"),
            place(&format!("model of {name}")),
        );
        let data = utf8(&data)?;
        let minimums = [
            "--min-documents",
            "--min-strings",
            "--min-mentions",
            "--min-sparse",
        ];
        let mut validate = vec!["data", "validate", data];
        validate.extend(minimums.iter().flat_map(|minimum| [*minimum, "0"]));
        run(&validate)?;
        let stats: Value =
            serde_json::from_str(&run(&["data", "stats", "--format", "json", data])?)?;
        let types = stats["total"]["types"].as_array().context("no types")?;
        let strings = types.iter().flat_map(|kind| {
            let strings = kind["frequent"].as_array().into_iter().flatten();
            strings.map(|string| (string[0].as_str(), kind["name"].as_str()))
        });
        let mut strings: Vec<_> = strings.collect();
        strings.sort();
        let mut expected = CORRECTED.map(|(text, kind)| (Some(text), Some(kind)));
        expected.sort();
        assert_eq!(strings, expected, "what trainer reads of {name}");
        run(&[
            "fine-tune",
            "--base",
            utf8(&base)?,
            "--train",
            data,
            "--dev",
            data,
            "--epochs",
            "1",
            "--batch-size",
            "1",
            "--max-length",
            "64",
            "--output",
            utf8(&output)?,
        ])?;
        ensure!(
            output.join("model.safetensors").is_file(),
            "{name} trained no model"
        );
    }
    Ok(())
}

#[test]
fn a_print_names_its_marks_without_colour() -> Result<()> {
    // What is seen on paper, and what stands behind each mark.
    const PAPER: &str = r#"
        const shown = (selector) => Array.from(document.querySelectorAll(selector)).some((e) => e.checkVisibility());
        const mark = (e) => {
            const [own, after] = [getComputedStyle(e), getComputedStyle(e, "::after")];
            // Some browsers tell the rule, some what has come of it.
            const content = after.content.replace(/" attr\(([^)]*)\) "/, (_, name) => e.getAttribute(name)).replaceAll('"', "");
            const name = after.display === "none" || after.content === "none" ? "" : content;
            return [e.textContent + name, own.textDecorationLine, own.color, own.backgroundColor];
        };
        return {
            controls: shown("button:not(td button, th button), input, textarea, dialog, [data-testid=shelf], .masthead"),
            marks: Array.from(document.querySelectorAll("mark[data-entity]")).map(mark),
            findings: shown("[data-testid=findings] tr"),
            imprint: ["printed-name", "imprint"].map((name) => document.querySelector(`[data-testid=${name}]`).innerText).join(),
        };
    "#;
    let output = env::var_os("E2E_OUTPUT").context("E2E_OUTPUT names no folder")?;
    let output = PathBuf::from(output);
    fs::create_dir_all(&output)?;
    let setup = Setup {
        needs: &[Need::View],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        page.analyse(&format!("{EXAMPLE}\nShe denies nausea."), SHORT_NOTE)
            .await?;
        for reviewed in [false, true] {
            if reviewed {
                page.review().await?;
                page.press("x").await?;
            }
            let sheet = [794, 1123];
            page.browser.set_view(sheet, "dark", "print").await?;
            let paper = page.browser.execute(PAPER, vec![]).await?;
            let png = page.browser.driver.screenshot_as_png().await?;
            fs::write(output.join(format!("notes-print-{reviewed}.png")), png)?;
            let (black, none) = ("rgb(0, 0, 0)", "rgba(0, 0, 0, 0)");
            let first = if reviewed {
                json!(["irregular periods", "none", black, none])
            } else {
                json!(["irregular periods[Sym]", "underline", black, none])
            };
            let others = [
                json!(["estrogen[Hor]", "underline", black, none]),
                json!(["nausea[Sym]", "underline", black, none]),
            ];
            assert_eq!(paper["marks"], json!([first, others[0], others[1]]));
            assert_eq!(
                (&paper["controls"], &paper["findings"]),
                (&json!(false), &json!(true))
            );
            let imprint = paper["imprint"].as_str().context("no imprint")?;
            for part in [
                "Note 1",
                "models/default",
                "SHA-256",
                "clinical-ner",
                "40 %",
            ] {
                ensure!(imprint.contains(part), "{imprint:?} lacks {part:?}");
            }
            page.browser.set_view(sheet, "dark", "screen").await?;
        }
        Ok(())
    })
}

#[test]
fn only_what_was_reviewed_and_what_is_saved() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        assert_eq!(
            page.analyse(EXAMPLE, SHORT_NOTE).await?.found(),
            EXAMPLE_FOUND
        );
        page.review().await?;
        page.press("x").await?;
        page.click("Export…").await?;
        page.hook("reviewed-only").await?.click().await?;
        let entities = async || {
            page.export("jsonl", false, "Download").await?;
            let line = page.downloaded("Note_1.jsonl", SOON).await?;
            let document: Value = serde_json::from_str(&line)?;
            let words = document["entities"]
                .as_array()
                .context("no entities")?
                .clone();
            Ok::<_, anyhow::Error>(
                words
                    .iter()
                    .map(|e| e["word"].to_string())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(entities().await?, [""; 0], "nothing was accepted");
        page.hook("reviewed-only").await?.click().await?;
        assert_eq!(
            entities().await?,
            ["\"estrogen\""],
            "what was rejected is no entity"
        );
        let facts = page.text("export-facts").await?;
        for part in ["models/default", "SHA-256", "40 %"] {
            ensure!(facts.contains(part), "{facts:?} lacks {part:?}");
        }
        Ok(())
    })
}
