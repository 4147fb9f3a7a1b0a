//! Marks are accepted, rejected, relabelled, resized and added by keyboard, mouse and touch.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::input::Pointer;
use e2e::page::{LOAD, Look, Page, SHORT_NOTE};
use e2e::{Engine, Need, Session, Setup};
use serde_json::json;

const NOTE: &str = "Patient reports irregular periods and low estrogen.\nShe denies nausea.";

/// What [`NOTE`] has, as [`shown`] writes it.
const FOUND: [&str; 3] = [
    "irregular periods Symptoms open",
    "estrogen Hormones open",
    "nausea Symptoms open",
];

/// Text, type and what was decided of every mark; `you` where a person made it.
fn shown(look: &Look) -> Vec<String> {
    let mark = |mark: &e2e::page::Finding| {
        let by = if mark.source == "person" { " you" } else { "" };
        format!("{} {} {}{by}", mark.text, mark.entity, mark.verdict)
    };
    look.marks.iter().map(mark).collect()
}

/// Checks what the reviewed note shows, soon or now: what was done is drawn with the next frame.
async fn check(page: &Page, expected: &[&str]) -> Result<()> {
    let mut look = page.look().await?;
    for _ in 0..40 {
        if shown(&look) == expected {
            return look.check();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        look = page.look().await?;
    }
    assert_eq!(shown(&look), expected);
    look.check()
}

/// The text of the mark that has the focus.
async fn focused(page: &Page) -> Result<String> {
    let script =
        "const e = document.activeElement; return e && e.tagName === 'MARK' ? e.textContent : ''";
    Ok(page
        .browser
        .execute(script, vec![])
        .await?
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

async fn review(page: &Page) -> Result<()> {
    page.ready(LOAD).await?;
    page.analyse(NOTE, SHORT_NOTE).await?;
    page.review().await?;
    assert_eq!(focused(page).await?, "irregular periods");
    check(page, &FOUND).await
}

#[test]
fn by_keyboard() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        review(page).await?;
        // Accepting and rejecting go on to the next that is open.
        page.press("a").await?;
        assert_eq!(focused(page).await?, "estrogen");
        page.press("x").await?;
        assert_eq!(focused(page).await?, "nausea");
        let decided = [
            "irregular periods Symptoms accepted",
            "estrogen Hormones rejected",
            FOUND[2],
        ];
        check(page, &decided).await?;
        let look = page.look().await?;
        assert_eq!(look.rows.len(), 2, "what was rejected is no finding");
        ensure!(look.status.contains("2 findings"), "{}", look.status);

        page.press("Control+z").await?;
        check(page, &[decided[0], FOUND[1], FOUND[2]]).await?;
        page.press("Control+y").await?;
        check(page, &decided).await?;

        // Marks and their ends.
        page.press("ArrowLeft").await?;
        assert_eq!(focused(page).await?, "estrogen");
        page.press("r Shift+ArrowUp").await?;
        let resized = [decided[0], "low estrogen Hormones accepted you", FOUND[2]];
        check(page, &resized).await?;
        assert_eq!(focused(page).await?, "low estrogen");
        page.press("Shift+ArrowRight").await?;
        check(
            page,
            &[decided[0], "low estrogen. Hormones accepted you", FOUND[2]],
        )
        .await?;
        page.press("Shift+ArrowLeft").await?;
        check(page, &resized).await?;
        page.press("4").await?;
        let relabelled = [
            decided[0],
            "low estrogen Medications accepted you",
            FOUND[2],
        ];
        check(page, &relabelled).await?;

        // Words without a mark.
        page.press("Home n Shift+ArrowRight Shift+ArrowLeft 3")
            .await?;
        check(
            page,
            &[
                decided[0],
                "and Procedures accepted you",
                relabelled[1],
                FOUND[2],
            ],
        )
        .await?;
        assert_eq!(focused(page).await?, "and");
        page.press("Control+z End").await?;
        assert_eq!(focused(page).await?, "nausea");
        check(page, &relabelled).await?;

        // Help opens, and its keys stay in it.
        page.press("?").await?;
        let open = "return document.querySelector('[data-testid=help]').open";
        assert_eq!(page.browser.execute(open, vec![]).await?, true);
        page.press("x Escape").await?;
        assert_eq!(page.browser.execute(open, vec![]).await?, false);
        check(page, &relabelled).await?;

        // From the note to the buttons and on without a mouse.
        page.press("Enter").await?;
        let active = "return document.activeElement.innerText.trim()";
        let active = page.browser.execute(active, vec![]).await?;
        ensure!(
            active
                .as_str()
                .is_some_and(|name| name.starts_with("Accept")),
            "{active}"
        );
        page.press("Enter").await?;
        check(
            page,
            &[relabelled[0], relabelled[1], "nausea Symptoms accepted"],
        )
        .await
    })
}

#[test]
fn single_keys_act_only_in_the_reviewed_note() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        review(page).await?;
        // Elsewhere on the page they are nothing.
        page.browser
            .execute(
                "document.querySelector('[data-testid=threshold]').focus()",
                vec![],
            )
            .await?;
        page.press("a x 2").await?;
        check(page, &FOUND).await?;

        // Switched off, they are nothing in the note either; keys with a modifier and arrows stay.
        page.click_on("[data-testid=review] mark").await?;
        page.press("?").await?;
        page.click_on("[data-testid=help] input").await?;
        page.press("Escape").await?;
        page.click_on("[data-testid=review] mark").await?;
        page.press("a x 2").await?;
        check(page, &FOUND).await?;
        page.press("ArrowRight Shift+ArrowUp").await?;
        let resized = [FOUND[0], "low estrogen Hormones accepted you", FOUND[2]];
        check(page, &resized).await?;
        page.press("Control+z").await?;
        check(page, &FOUND).await?;

        // Where the note is written, they are letters.
        page.click("Write").await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        page.press("a").await?;
        let look = page.ready(SHORT_NOTE).await?;
        ensure!(look.value.len() == NOTE.len() + 1, "{:?}", look.value);
        Ok(())
    })
}

/// Chooses, decides, drags and selects with a pointer.
async fn by_pointer(page: &Page, pointer: Pointer) -> Result<()> {
    review(page).await?;
    let tap = async |text: &str| page.tap(pointer, page.in_note(text, "middle").await?).await;
    let press = async |label: &str| {
        let script = "for (const b of document.querySelectorAll('[data-testid=inspector] button')) \
             if ((b.ariaLabel ?? b.firstChild.data).trim() === arguments[0]) { b.id = 'wanted'; return true; } else b.removeAttribute('id')";
        let found = page.browser.execute(script, vec![json!(label)]).await?;
        ensure!(found == true, "there is no button {label}");
        let place = page.middle_of("#wanted").await?;
        page.tap(pointer, place).await?;
        page.browser
            .execute(
                "document.querySelector('#wanted')?.removeAttribute('id')",
                vec![],
            )
            .await
    };
    tap("estrogen").await?;
    press("Reject").await?;
    check(page, &[FOUND[0], "estrogen Hormones rejected", FOUND[2]]).await?;
    tap("nausea").await?;
    press("Accept").await?;
    check(
        page,
        &[
            FOUND[0],
            "estrogen Hormones rejected",
            "nausea Symptoms accepted",
        ],
    )
    .await?;
    press("Undo").await?;
    press("Undo").await?;
    check(page, &FOUND).await?;
    tap("estrogen").await?;
    press("Medications").await?;
    check(
        page,
        &[FOUND[0], "estrogen Medications accepted you", FOUND[2]],
    )
    .await?;
    press("Start one word earlier").await?;
    check(
        page,
        &[FOUND[0], "low estrogen Medications accepted you", FOUND[2]],
    )
    .await?;
    press("Reset").await?;
    check(page, &FOUND).await?;

    // The start of the mark, dragged over a word; what was dragged over is the mark.
    tap("nausea").await?;
    let handle = page
        .middle_of("mark[aria-current] .handle[data-edge=start]")
        .await?;
    let to = page.in_note("denies", "first").await?;
    page.drag(pointer, handle, to).await?;
    check(
        page,
        &[FOUND[0], FOUND[1], "denies nausea Symptoms accepted you"],
    )
    .await?;
    let handle = page
        .middle_of("mark[aria-current] .handle[data-edge=end]")
        .await?;
    let to = page.in_note("denies", "last").await?;
    page.drag(pointer, handle, to).await?;
    check(page, &[FOUND[0], FOUND[1], "denies Symptoms accepted you"]).await?;
    press("Undo").await?;
    press("Undo").await?;
    check(page, &FOUND).await?;

    // Selected words, not quite whole.
    match pointer {
        Pointer::Mouse => {
            let from = page.in_note("Patient", "first").await?;
            let to = page.in_note("reports", "last").await?;
            page.drag(pointer, from, to).await?;
        }
        // What a long press does is the browser's, and not in headless ones.
        Pointer::Touch => {
            let script = "const t = document.querySelector('[data-testid=review] > div').firstChild; \
                 getSelection().setBaseAndExtent(t, 1, t, 12)";
            page.browser.execute(script, vec![]).await?;
        }
    }
    press("Procedures").await?;
    check(
        page,
        &[
            "Patient reports Procedures accepted you",
            FOUND[0],
            FOUND[1],
            FOUND[2],
        ],
    )
    .await
}

#[test]
fn by_mouse() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        by_pointer(page, Pointer::Mouse).await
    })
}

#[test]
fn by_touch() -> Result<()> {
    let setup = Setup {
        needs: &[Need::View, Need::Touch],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.set_view(390, 844, "light").await?;
        if let Some(devtools) = page.browser.devtools() {
            let touch = json!({ "enabled": true, "maxTouchPoints": 1 });
            devtools
                .command("Emulation.setTouchEmulationEnabled", touch)
                .await?;
        }
        by_pointer(page, Pointer::Touch).await
    })
}

#[test]
fn corrections_outlive_the_analysis_of_the_rest() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        review(page).await?;
        page.press("a x 3").await?;
        page.click("Write").await?;
        let written = [
            "irregular periods Symptoms accepted",
            "nausea Procedures accepted you",
        ];
        check(page, &written).await?;
        // Before, behind and between; each is analysed anew.
        for edit in [
            format!("Takes letrozole daily.\n{NOTE}"),
            format!("Takes letrozole daily.\n{NOTE} She has acne."),
            format!("Takes letrozole daily.\n{NOTE} She has acne.")
                .replace("She denies", "Today she denies any"),
        ] {
            page.analyse(&edit, SHORT_NOTE).await?;
        }
        let after = [
            "letrozole Medications open",
            written[0],
            written[1],
            "acne Symptoms open",
        ];
        check(page, &after).await?;
        page.review().await?;
        check(
            page,
            &[
                after[0],
                after[1],
                "estrogen Hormones rejected",
                after[2],
                after[3],
            ],
        )
        .await?;
        // Undone where the text now is.
        page.press("Control+z Control+z Control+z").await?;
        check(page, &[after[0], FOUND[0], FOUND[1], FOUND[2], after[3]]).await
    })
}

#[test]
fn marks_are_filtered_sorted_and_explained() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.analyse(NOTE, SHORT_NOTE).await?;
        let rows = async || -> Result<Vec<String>> {
            let look = page.look().await?;
            Ok(look.rows.iter().map(|row| row.text.clone()).collect())
        };
        // Types are hidden and come back.
        page.click_on("[data-testid=legend] [data-entity=Symptoms] button")
            .await?;
        check(page, &[FOUND[1]]).await?;
        assert_eq!(rows().await?, ["estrogen"]);
        page.click_on("[data-testid=legend] [data-entity=Symptoms] button")
            .await?;
        check(page, &FOUND).await?;

        // By text, backwards, and as they stand.
        page.click("Text").await?;
        assert_eq!(rows().await?, ["estrogen", "irregular periods", "nausea"]);
        page.click("Text").await?;
        assert_eq!(rows().await?, ["nausea", "irregular periods", "estrogen"]);
        page.click("Text").await?;
        assert_eq!(rows().await?, ["irregular periods", "estrogen", "nausea"]);
        page.click("Score").await?;
        let scores: Vec<f64> = page
            .look()
            .await?
            .rows
            .iter()
            .map(|row| row.score)
            .collect();
        ensure!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        page.click("Score").await?;
        page.click("Score").await?;
        page.click_on("[data-testid=grouped]").await?;
        let groups = "return Array.from(document.querySelectorAll('[data-group]')).map(e => e.innerText.trim())";
        let groups = page.browser.execute(groups, vec![]).await?;
        assert_eq!(groups, json!(["Symptoms 2", "Hormones 1"]));
        assert_eq!(rows().await?, ["irregular periods", "nausea", "estrogen"]);
        page.click_on("[data-testid=grouped]").await?;

        // A score above that of the least sure mark hides it, and exports say so elsewhere.
        let look = page.look().await?;
        let least = look.marks.iter().map(|mark| mark.score).fold(1.0, f64::min);
        let above = (100.0 * least).floor() + 1.0;
        let script = "const s = document.querySelector('[data-testid=threshold]'); s.value = arguments[0]; \
             s.dispatchEvent(new InputEvent('input', { bubbles: true })); return s.value";
        let set = page.browser.execute(script, vec![json!(above)]).await?;
        assert_eq!(set, json!(format!("{above}")), "the slider goes so far");
        let expected = look.marks.iter().filter(|mark| 100.0 * mark.score >= above);
        let look = page.look().await?;
        assert_eq!(look.marks.len(), expected.count());
        ensure!(look.marks.len() < 3, "{least} is not below {above} %");
        page.browser.execute(script, vec![json!(40)]).await?;
        check(page, &FOUND).await?;

        // Under the pointer, in the text field as in the review.
        // Of a text field WebKitGTK does not tell which letter is under the pointer.
        let in_field = page.browser.engine != Engine::WebKit;
        for (mode, described) in [("Write", in_field), ("Review", true)] {
            page.click(mode).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let place = page.in_note("estrogen", "middle").await?;
            page.hover(place).await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
            let tip = "const t = document.querySelector('[data-testid=tip]'); return t.hidden ? '' : t.innerText";
            let tip = page.browser.execute(tip, vec![]).await?;
            let tip = tip.as_str().unwrap_or_default();
            let says = ["Hormones", "score", "characters 42 to 50"];
            ensure!(
                says.iter().all(|part| tip.contains(part)) == described,
                "{mode}: {tip:?}"
            );
        }
        Ok(())
    })
}
