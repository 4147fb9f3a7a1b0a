//! Corrections are not lost by accident, and nothing is kept that nobody asked for.

use anyhow::{Result, ensure};
use e2e::notes::EXAMPLE;
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::shelf::SOON;
use e2e::{Session, Setup};
use serde_json::{Value, json};

/// Everything that a page can store, as text; empty where there is nothing.
const STORED: &str = r#"(async () => {
    const databases = await indexedDB.databases();
    // The page's own files and the model.
    const caches_ = (await caches.keys()).filter((name) => !/^clinical-ner (site|model) /.test(name));
    return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, databases, caches_]);
})()"#;
const NOTHING: &str = "[{},{},\"\",[],[]]";

async fn stored(page: &Session) -> Result<String> {
    let stored = page.browser.evaluate(STORED).await?;
    Ok(stored.as_str().unwrap_or_default().to_owned())
}

/// What was decided about the marks of the reviewed note.
async fn verdicts(page: &Session) -> Result<Vec<String>> {
    let marks = page.look().await?.marks;
    Ok(marks.into_iter().map(|mark| mark.verdict).collect())
}

/// Rejects the first mark of a note of two and gives the second another type.
async fn correct(page: &Session) -> Result<()> {
    page.review().await?;
    page.press("x 4").await?;
    page.until("the corrections", SOON, async || {
        Ok((verdicts(page).await? == ["rejected", "accepted"]).then_some(()))
    })
    .await
}

#[test]
fn a_draft_is_kept_for_who_wants_it() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.analyse(EXAMPLE, SHORT_NOTE).await?;
        correct(page).await?;
        assert_eq!(stored(page).await?, NOTHING, "with the draft off");

        page.hook("keep-draft").await?.click().await?;
        page.until("the draft", SOON, async || {
            Ok(stored(page)
                .await?
                .contains("irregular periods")
                .then_some(()))
        })
        .await?;
        page.click("New note").await?;
        page.set_note("A second note.").await?;
        page.until("the second note in the draft", SOON, async || {
            Ok(stored(page).await?.contains("A second note.").then_some(()))
        })
        .await?;

        page.open(&page.server.url()).await?;
        ensure!(page.hook("keep-draft").await?.is_selected().await?);
        let rows = page.rows().await?;
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["Note 1", "Note 2"]);
        assert_eq!(rows[0].state, "unsaved");
        assert_eq!(page.look().await?.value, "A second note.");
        page.ready(LOAD).await?;
        page.open_note("Note 1").await?;
        page.ready(SHORT_NOTE).await?;
        page.review().await?;
        assert_eq!(verdicts(page).await?, ["rejected", "accepted"]);
        let look = page.look().await?;
        assert_eq!(look.found()[1], ("estrogen", "Medications"));

        page.click("Delete draft").await?;
        assert_eq!(stored(page).await?, NOTHING, "after it was deleted");
        ensure!(!page.hook("keep-draft").await?.is_selected().await?);
        page.click("Write").await?;
        page.type_keys("More. ").await?;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(
            stored(page).await?,
            NOTHING,
            "and nothing is stored after that"
        );
        page.open(&page.server.url()).await?;
        assert_eq!(page.look().await?.value, "");
        Ok(())
    })
}

#[test]
fn storage_that_is_full_or_blocked_is_said_in_words() -> Result<()> {
    let check = |before: &'static str, expected: &'static str, ticked: bool| {
        let setup = Setup {
            before: Some(before),
            ..Setup::default()
        };
        Session::run(setup, async |page| {
            page.ready(LOAD).await?;
            page.hook("keep-draft").await?.click().await?;
            let words = page
                .until("words", SOON, async || {
                    let words = page.text("draft-trouble").await?;
                    Ok((!words.is_empty()).then_some(words))
                })
                .await?;
            ensure!(words.contains(expected), "{words:?}");
            assert_eq!(page.hook("keep-draft").await?.is_selected().await?, ticked);
            Ok(())
        })
    };
    check(
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };",
        "more than this browser stores",
        true,
    )?;
    check(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });",
        "does not allow the page to store",
        false,
    )
}

#[test]
fn leaving_warns_of_unsaved_corrections_only() -> Result<()> {
    // What a browser asks of the page before it leaves it.
    const ASK: &str = "const e = new Event('beforeunload', { cancelable: true }); window.dispatchEvent(e); return e.defaultPrevented;";
    Session::run(Setup::default(), async |page| {
        let warns = async || page.browser.execute(ASK, vec![]).await;
        page.ready(LOAD).await?;
        assert_eq!(warns().await?, false);
        page.analyse(EXAMPLE, SHORT_NOTE).await?;
        assert_eq!(warns().await?, false, "a text without corrections");
        correct(page).await?;
        assert_eq!(warns().await?, true, "corrections");

        page.export("jsonl", false, "Download").await?;
        page.downloaded("Note_1.jsonl", SOON).await?;
        page.browser
            .execute(
                "document.querySelector('[data-testid=export]').close()",
                vec![],
            )
            .await?;
        assert_eq!(warns().await?, false, "exported");
        page.click_on("[data-testid=review]").await?;
        page.press("Control+z").await?;
        page.until("the undone step", SOON, async || {
            Ok((warns().await? == json!(true)).then_some(()))
        })
        .await?;
        page.hook("keep-draft").await?.click().await?;
        assert_eq!(warns().await?, Value::Bool(false), "kept in the draft");
        page.click("Delete draft").await?;
        assert_eq!(warns().await?, true);
        Ok(())
    })
}

/// Where the draft of a page at the root is.
const KEY: &str = "clinical-ner draft /";

#[test]
fn drafts_of_others_are_left_alone() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        let run = async |script: String| page.browser.execute(&script, vec![]).await;
        let get = async || run(format!("return localStorage.getItem({KEY:?})")).await;
        page.ready(LOAD).await?;
        page.set_note("A note of the other tab.").await?;
        page.hook("keep-draft").await?.click().await?;
        let theirs = page
            .until("the draft", SOON, async || {
                let stored = get().await?;
                Ok(stored.as_str().map(str::to_owned))
            })
            .await?;
        page.click("Delete draft").await?;
        page.set_note("A note of this tab.").await?;
        run(format!("localStorage.setItem({KEY:?}, {theirs:?})")).await?;

        // What is there is neither overwritten nor passed over.
        page.hook("keep-draft").await?.click().await?;
        page.until("the question", SOON, async || {
            Ok(page.is_shown("draft-question").await?.then_some(()))
        })
        .await?;
        assert_eq!(get().await?, theirs.as_str());
        page.click("Open its notes beside these").await?;
        page.until("both notes in the draft", SOON, async || {
            let stored = get().await?;
            let stored = stored.as_str().unwrap_or_default();
            let both = stored.contains("of the other tab") && stored.contains("of this tab");
            Ok(both.then_some(()))
        })
        .await?;
        assert_eq!(page.rows().await?.len(), 2);

        // Another page of the origin stores something of its own.
        run("dispatchEvent(new StorageEvent('storage', { key: 'other' }))".into()).await?;
        page.set_note("Still kept.").await?;
        page.until("the next change in the draft", SOON, async || {
            let stored = get().await?;
            Ok(stored
                .as_str()
                .unwrap_or_default()
                .contains("Still kept.")
                .then_some(()))
        })
        .await?;
        assert_eq!(page.text("draft-trouble").await?, "");
        Ok(())
    })
}

#[test]
fn a_draft_that_cannot_be_read_stays_as_it_is() -> Result<()> {
    let setup = Setup {
        before: Some(
            "if (!sessionStorage.getItem('x')) { localStorage.setItem('clinical-ner draft /', '{'); \
             sessionStorage.setItem('x', '1'); }",
        ),
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        let words = page.text("draft-trouble").await?;
        ensure!(words.contains("cannot be read"), "{words:?}");
        page.set_note("Something new.").await?;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let stored = "return localStorage.getItem('clinical-ner draft /')";
        assert_eq!(page.browser.execute(stored, vec![]).await?, "{");
        Ok(())
    })
}
