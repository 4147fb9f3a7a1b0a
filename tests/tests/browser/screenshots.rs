//! Pictures for people to look at, in target/e2e, and what of a layout can be checked without eyes.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::{Need, Session, Setup};
use serde_json::json;

const NOTE: &str = "CC: heavy menstrual bleeding.\n\
    HPI: 34 y.o. with heavy menstrual bleeding and severe cramps for 6 months. Reports fatigue, denies pelvic pain.\n\
    Labs: FSH 7.2, estradiol 48, AMH 2.1, TSH 1.8.\n\
    Transvaginal ultrasound: intramural fibroid 2.1 cm, endometrial thickness 9 mm, dominant follicle on the right.\n\
    Plan: tranexamic acid 1 g TID, ibuprofen 400 mg PRN; hysteroscopy if no better. Discussed Mirena IUD.";

#[test]
fn views() -> Result<()> {
    let folder = PathBuf::from(
        env::var_os("E2E_OUTPUT").context("E2E_OUTPUT names no folder for the pictures")?,
    );
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let setup = Setup {
        needs: &[Need::View],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        for (name, width, height) in [
            ("phone", 390, 844),
            ("laptop", 1366, 900),
            ("desktop", 2560, 1440),
        ] {
            for scheme in ["light", "dark"] {
                page.set_view(width, height, scheme).await?;
                for (content, note) in [("empty", ""), ("note", NOTE)] {
                    page.set_note(note).await?;
                    page.ready(SHORT_NOTE).await?;
                    let png = page.browser.driver.screenshot_as_png().await?;
                    // Width and height stand in a PNG's first chunk.
                    let size = |at: usize| {
                        png.get(at..at + 4)
                            .and_then(|bytes| bytes.try_into().ok())
                            .map(u32::from_be_bytes)
                    };
                    assert_eq!((size(16), size(20)), (Some(width), Some(height)), "{name}");
                    fs::write(folder.join(format!("{name}-{scheme}-{content}.png")), &png)?;
                    check_layout(page)
                        .await
                        .with_context(|| format!("{name}, {scheme}, {content}"))?;
                }
            }
        }
        Ok(())
    })
}

/// Nothing sticks out sideways, the editor shows the whole note without a scroll bar of its own,
/// and marks are set in its letters, so that they lie behind their text.
async fn check_layout(page: &Session) -> Result<()> {
    let script = r#"
        const root = document.documentElement;
        const note = document.querySelector("[data-testid=note]");
        const marks = Array.from(document.querySelectorAll("mark[data-entity]"));
        const frame = note.getBoundingClientRect();
        const outside = (mark) => Array.from(mark.getClientRects()).some((r) =>
            r.left < frame.left || r.right > frame.right || r.top < frame.top || r.bottom > frame.bottom);
        const letters = (e) => { const s = getComputedStyle(e);
            return [s.fontFamily, s.fontSize, s.fontWeight, s.lineHeight, s.letterSpacing, s.wordSpacing].join(); };
        return {
            overflow: root.scrollWidth - root.clientWidth,
            hidden: note.scrollHeight - note.clientHeight,
            outside: marks.filter(outside).length,
            unlike: marks.filter((mark) => letters(mark) !== letters(note)).length,
        };
    "#;
    let layout = page.browser.execute(script, vec![]).await?;
    let none = json!({ "overflow": 0, "hidden": 0, "outside": 0, "unlike": 0 });
    ensure!(
        layout == none,
        "pixels or marks that should not be: {layout}"
    );
    Ok(())
}
