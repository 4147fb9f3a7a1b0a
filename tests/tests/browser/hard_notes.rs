//! Notes that are long, large or strange: nothing is lost, every offset is exact, the page stays
//! alive.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::answers::in_text_area;
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND, long, repetitive};
use e2e::page::{LOAD, Look, SHORT_NOTE};
use e2e::{Session, Setup};

/// Checks that the note stands on the page and that the example at its very end has its entities.
fn check_example_at_the_end(note: &str, look: &Look) -> Result<()> {
    look.check()?;
    ensure!(
        look.value == in_text_area(note),
        "the note is not what was pasted"
    );
    let end = look.value.encode_utf16().count();
    let start = end - EXAMPLE.len();
    let found: Vec<_> = look
        .marks
        .iter()
        .filter(|mark| mark.start >= start)
        .collect();
    let found: Vec<_> = found
        .iter()
        .map(|mark| (mark.text.as_str(), mark.entity.as_str(), mark.start - start))
        .collect();
    ensure!(
        found
            == [
                (EXAMPLE_FOUND[0].0, EXAMPLE_FOUND[0].1, 16),
                (EXAMPLE_FOUND[1].0, EXAMPLE_FOUND[1].1, 42)
            ],
        "in the last sentence: {found:?}"
    );
    Ok(())
}

/// 3,000 words are some 30 windows.
const LONG_NOTE: Duration = Duration::from_secs(120);

#[test]
fn three_thousand_words_to_the_last_one() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        let note = long(3000, EXAMPLE);
        ensure!(note.split_whitespace().count() >= 3000);
        page.ready(LOAD).await?;
        let look = page.analyse(&note, LONG_NOTE).await?;
        check_example_at_the_end(&note, &look)?;
        ensure!(
            look.marks.len() > 100,
            "only {} entities in 3,000 words",
            look.marks.len()
        );
        Ok(())
    })
}

#[test]
fn strange_notes() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        // Of a word that the model has seen: what surrounds a sentence changes what is found in it, and strange words more.
        let many_words = "a ".repeat(5_000);
        for (name, note) in [
            ("CRLF", "One line.\r\n\r\nAnother line.\r\n".to_owned()),
            ("carriage returns", "One line.\rAnother line.\r".to_owned()),
            ("tabs", "Date\tE2\tLH\n\t\t1\t2\n\n".to_owned()),
            ("emoji", "😀👩‍⚕️👍🏽🇩🇪 fine today 🩸.\n".to_owned()),
            (
                "combining accents",
                "Ze\u{301}ro\u{308} a\u{30a}\u{323} done.\n".to_owned(),
            ),
            (
                "NUL and controls",
                "a\0b\u{7}\u{b}\u{1b}[0m\u{85}\u{2028}\u{feff}\u{200b} done.\n".to_owned(),
            ),
            ("Chinese", "患者今天很好。没有其他问题。\n".to_owned()),
            (
                "right to left",
                "שלום \u{202e}abc\u{202c} مرحبا done.\n".to_owned(),
            ),
            (
                "a word of 10,000 characters",
                format!("{}\n\n", "x".repeat(10_000)),
            ),
            ("5,000 words of one letter", format!("{many_words}\n\n")),
            ("10,000 line breaks", "\n".repeat(10_000)),
            (
                "markup",
                "<img src=x onerror=alert(1)> &amp; </textarea><script>alert(2)</script>\n"
                    .to_owned(),
            ),
        ] {
            let note = format!("{note}{EXAMPLE}");
            let look = page
                .analyse(&note, LONG_NOTE)
                .await
                .with_context(|| name.to_owned())?;
            check_example_at_the_end(&note, &look).with_context(|| name.to_owned())?;
        }
        for note in ["", " ", "\n", "\u{200b}", "\0", "🩸", "."] {
            let look = page
                .analyse(note, SHORT_NOTE)
                .await
                .with_context(|| format!("{note:?}"))?;
            look.check().with_context(|| format!("{note:?}"))?;
            ensure!(look.value == note, "{note:?} became {:?}", look.value);
        }
        Ok(())
    })
}

const MEGABYTE: usize = 1_000_000;
/// Windows that come again are not run again.
const REPETITIVE_MEGABYTE: Duration = Duration::from_secs(120);
/// Laying out a megabyte alone keeps the browser busy for a second; a page that waited for the
/// network to run would stand still for the whole analysis.
const STANDSTILL: Duration = Duration::from_secs(10);

#[test]
fn megabyte_leaves_the_page_alive() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.watch_pulse().await?;
        let note = repetitive(MEGABYTE, EXAMPLE);
        let start = Instant::now();
        let look = page.analyse(&note, REPETITIVE_MEGABYTE).await?;
        let standstill = page.longest_standstill().await?;
        println!(
            "1 MB repetitive: ready in {:?}, longest standstill {standstill:?}",
            start.elapsed()
        );
        check_example_at_the_end(&note, &look)?;
        ensure!(
            standstill < STANDSTILL,
            "the page stood still for {standstill:?}"
        );
        Ok(())
    })
}

#[test]
fn newer_note_overtakes_a_megabyte() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        // Without repetition: minutes of work.
        page.set_note(&long(MEGABYTE / 6, EXAMPLE)).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(page.look().await?.state, "analysing");
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        look.check()
    })
}

#[test]
#[ignore = "takes minutes: cargo xtask test --full"]
fn megabyte_without_repetition() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        let note = long(MEGABYTE / 6, EXAMPLE);
        let start = Instant::now();
        let look = page.analyse(&note, Duration::from_secs(900)).await?;
        println!(
            "{} bytes, {} entities: ready in {:?}",
            note.len(),
            look.marks.len(),
            start.elapsed()
        );
        check_example_at_the_end(&note, &look)
    })
}
