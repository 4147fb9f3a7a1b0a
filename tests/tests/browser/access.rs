//! Nobody is kept out: every state of the page under axe-core's rules, by keyboard, at every width, in everybody's colours.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use e2e::evaluation::SMALL_FILE;
use e2e::page::{LOAD, Page, SHORT_NOTE};
use e2e::server::Fault;
use e2e::shelf::SOON;
use e2e::{Session, Setup};
use serde_json::json;
use tempfile::TempDir;

/// With a finding of each type.
const NOTE: &str = "Patient reports irregular periods and low estrogen. Letrozole 2.5 mg daily. TVUS shows a dominant follicle. \
    She denies nausea.";

/// Size of the view and what the visitor's system asks for.
type View = (
    &'static str,
    u32,
    u32,
    &'static [(&'static str, &'static str)],
);
const VIEWS: [View; 4] = [
    ("light", 1366, 900, &[("prefers-color-scheme", "light")]),
    ("dark", 1366, 900, &[("prefers-color-scheme", "dark")]),
    (
        "narrow and dark",
        360,
        740,
        &[("prefers-color-scheme", "dark")],
    ),
    ("forced colours", 1366, 900, &[("forced-colors", "active")]),
];

/// What is wrong with the states that were looked at.
#[derive(Default)]
struct Findings {
    states: usize,
    wrong: Vec<String>,
}

impl Findings {
    /// Looks at a state of the page in every view.
    async fn check(&mut self, page: &Page, state: &str) -> Result<()> {
        for (view, width, height, media) in VIEWS {
            page.set_media(width, height, media).await?;
            self.states += 1;
            let barriers = page
                .barriers()
                .await
                .with_context(|| format!("{state}, {view}"))?;
            self.wrong.extend(
                barriers
                    .into_iter()
                    .map(|line| format!("{state}, {view}: {line}")),
            );
        }
        let (_, width, height, media) = VIEWS[0];
        page.set_media(width, height, media).await
    }

    fn end(self, least: usize) -> Result<()> {
        ensure!(self.wrong.is_empty(), "{:#?}", self.wrong);
        assert_eq!(self.states, least * VIEWS.len());
        Ok(())
    }
}

#[test]
fn states_of_a_note() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        let mut findings = Findings::default();
        page.ready(LOAD).await?;
        findings.check(page, "an empty note").await?;
        let look = page.analyse(NOTE, SHORT_NOTE).await?;
        let found = look.found();
        let types: BTreeSet<_> = found.iter().map(|(_, of_type)| *of_type).collect();
        ensure!(types.len() == 5, "a type is missing: {found:?}");
        findings.check(page, "an analysed note").await?;
        page.review().await?;
        findings.check(page, "a selected mark").await?;
        page.press("a x").await?;
        findings.check(page, "decided marks").await?;
        page.press("Home n Shift+ArrowRight").await?;
        findings.check(page, "words without a mark").await?;
        page.press("?").await?;
        findings.check(page, "help").await?;
        page.press("Escape").await?;
        findings.end(6)
    })
}

#[test]
fn states_of_several_notes() -> Result<()> {
    let folder = TempDir::with_prefix("e2e-access-")?;
    let broken = folder.path().join("broken.jsonl");
    fs::write(&broken, "{\"id\": 1}\n")?;
    Session::run(Setup::default(), async |page| {
        let mut findings = Findings::default();
        page.ready(LOAD).await?;
        page.analyse(NOTE, SHORT_NOTE).await?;
        page.click("New note").await?;
        page.analyse("No cramps.", SHORT_NOTE).await?;
        findings.check(page, "two notes").await?;
        page.choose("open-files", &[&broken]).await?;
        page.until("the problem is shown", SOON, async || {
            Ok(page.is_shown("opening-problems").await?.then_some(()))
        })
        .await?;
        findings.check(page, "a file that cannot be opened").await?;
        page.open_note("Note 1").await?;
        page.ready(SHORT_NOTE).await?;
        page.review().await?;
        page.press("a").await?;
        let close = "document.querySelector('[aria-label=\"Close Note 1\"]').click()";
        page.browser.execute(close, vec![]).await?;
        ensure!(page.is_shown("closing").await?, "closing asks nothing");
        findings.check(page, "a question before closing").await?;
        page.click("Keep it open").await?;
        page.click("Export…").await?;
        findings.check(page, "the export").await?;
        page.export("jsonl", true, "Download all").await?;
        findings.check(page, "an export that is done").await?;
        findings.end(5)
    })
}

#[test]
fn states_of_an_evaluation_and_of_models() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        let mut findings = Findings::default();
        page.ready(LOAD).await?;
        page.drop_file("bad.jsonl", "{").await?;
        page.evaluation_state("failed", SMALL_FILE).await?;
        findings.check(page, "an evaluation that failed").await?;
        page.drop_file(
            "marked.bio",
            "low O\nestrogen B-Hormones\n\nsevere B-Symptoms\ncramps I-Symptoms\nno O\nCT O\n",
        )
        .await?;
        page.evaluation_state("done", SMALL_FILE).await?;
        findings.check(page, "an evaluation").await?;
        let own = crate::model::renamed("Symptoms", "Findings")?;
        page.choose("own-model", &[&own]).await?;
        page.until("the other model is shown", LOAD, async || {
            let shown = page.text("model-file").await?;
            Ok(shown.contains("renamed.safetensors").then_some(()))
        })
        .await?;
        page.ready(LOAD).await?;
        page.analyse(NOTE, SHORT_NOTE).await?;
        findings.check(page, "a model with other labels").await?;
        let broken = own.with_file_name("broken.safetensors");
        fs::write(&broken, &fs::read(&own)?[..1_000_000])?;
        page.choose("own-model", &[&broken]).await?;
        page.state("error", LOAD).await?;
        findings.check(page, "a model that cannot be read").await?;
        findings.end(4)
    })
}

#[test]
fn states_before_there_is_a_model() -> Result<()> {
    let slow = Setup {
        fault: Fault::Slow(std::time::Duration::from_secs(5)),
        ..Setup::default()
    };
    Session::run(slow, async |page| {
        let mut findings = Findings::default();
        page.state("loading", LOAD).await?;
        findings.check(page, "loading").await?;
        ensure!(
            page.look().await?.state == "loading",
            "it is ready too early"
        );
        findings.end(1)
    })?;
    let missing = Setup {
        fault: Fault::Missing,
        expected_problems: &["Failed to load resource", "WebAssembly is not defined"],
        ..Setup::default()
    };
    Session::run(missing, async |page| {
        let mut findings = Findings::default();
        page.state("error", LOAD).await?;
        findings.check(page, "no model").await?;
        // A page that does not start at all.
        let without = "delete window.WebAssembly";
        let params =
            json!({ "source": format!("if (location.protocol.startsWith('http')) {without}") });
        let devtools = &page.browser.devtools;
        devtools.command("Page.enable", json!({})).await?;
        devtools
            .command("Page.addScriptToEvaluateOnNewDocument", params)
            .await?;
        page.browser.driver.goto(page.server.url()).await?;
        page.until("it says that it does not start", SOON, async || {
            let text = page
                .browser
                .execute("return document.body.innerText", vec![])
                .await?;
            Ok(text
                .as_str()
                .is_some_and(|text| text.contains("has no WebAssembly"))
                .then_some(()))
        })
        .await?;
        findings.check(page, "not started").await?;
        findings.end(2)
    })
}

#[test]
fn every_control_is_reached_by_tab_and_shows_it() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.analyse(NOTE, SHORT_NOTE).await?;
        page.click("New note").await?;
        page.analyse(NOTE, SHORT_NOTE).await?;
        for mode in ["Write", "Review", "Export…"] {
            page.click(mode).await?;
            let round = page.tab_through().await?;
            ensure!(
                round.missed.is_empty(),
                "{mode}: not reached: {:#?}, reached: {:?}",
                round.missed,
                round.reached
            );
            ensure!(
                round.unseen.is_empty(),
                "{mode}: no focus is seen at {:#?}",
                round.unseen
            );
            ensure!(round.reached.len() > 5, "{mode}: {:?}", round.reached);
        }
        // Who hides it is found.
        let hide = "const hidden = new CSSStyleSheet(); \
                    hidden.replaceSync('*, :focus-within { outline: none !important; box-shadow: none !important; transition: none }'); \
                    document.adoptedStyleSheets.push(hidden)";
        page.browser.execute(hide, vec![]).await?;
        let round = page.tab_through().await?;
        ensure!(!round.unseen.is_empty(), "{round:?}");
        Ok(())
    })
}

/// From 400 % zoom of a small screen to a large one; 683 and 640 are what 200 % leave of usual ones.
#[test]
fn nothing_sticks_out_at_any_width() -> Result<()> {
    const ASIDE: &str =
        "const root = document.documentElement; return root.scrollWidth - root.clientWidth";
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.analyse(NOTE, SHORT_NOTE).await?;
        page.click("New note").await?;
        page.analyse(NOTE, SHORT_NOTE).await?;
        page.drop_file("marked.bio", "low O\nestrogen B-Hormones\n")
            .await?;
        page.evaluation_state("done", SMALL_FILE).await?;
        for mode in ["Write", "Review", "Export…"] {
            page.click(mode).await?;
            for width in [320, 360, 640, 683, 960, 1366, 1920, 3840] {
                page.set_view(width, if width > 2000 { 2160 } else { 720 }, "light")
                    .await?;
                let aside = page.browser.execute(ASIDE, vec![]).await?;
                assert_eq!(aside, 0, "{mode} at {width} pixels");
            }
            page.set_view(1366, 900, "light").await?;
        }
        Ok(())
    })
}
