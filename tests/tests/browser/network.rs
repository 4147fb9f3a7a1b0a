//! After the model has loaded not one request leaves the page.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::ear::EAR;
use e2e::evaluation::SMALL_FILE;
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND, long};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::{Engine, Session, Setup};

use crate::single_file::POLICY;

/// Requests that the browser makes on its own after loading (an icon) have been made by then.
const SETTLE: Duration = Duration::from_secs(1);
/// What was sent is on record by then.
const ARRIVE: Duration = Duration::from_millis(500);

#[test]
fn nothing_leaves_the_page_once_the_model_is_there() -> Result<()> {
    let setup = Setup {
        before: Some(EAR),
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        tokio::time::sleep(SETTLE).await;
        let (browser, server) = (&page.browser, &page.server);
        let (seen, logged) = (browser.requests(), server.log());
        for needed in ["index.html", ".css", ".js", ".wasm", ".safetensors"] {
            let name = if needed == "index.html" { "/" } else { needed };
            ensure!(
                logged.iter().any(|line| line.ends_with(name)),
                "{needed} was not requested: {logged:?}"
            );
        }

        page.analyse(EXAMPLE, SHORT_NOTE).await?;
        page.type_keys(" She denies nausea.\nTakes letrozole.")
            .await?;
        page.ready(SHORT_NOTE).await?;
        page.analyse(&long(500, EXAMPLE), SHORT_NOTE).await?;
        let click_all = "document.querySelectorAll('[data-testid=findings] tr[data-entity] button').forEach(b => b.click())";
        page.browser.execute(click_all, vec![]).await?;
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        page.drop_file("marked.bio", "low O\nestrogen B-Hormones\n")
            .await?;
        page.evaluation_state("done", SMALL_FILE).await?;
        page.metrics("marked.metrics.json").await?;
        tokio::time::sleep(ARRIVE).await;
        assert_eq!(
            browser.requests()[seen.len()..],
            [""; 0],
            "seen by the browser"
        );
        assert_eq!(server.log()[logged.len()..], [""; 0], "seen by the server");
        assert_eq!(
            page.text("sent").await?,
            "Since it was ready, this page has sent nothing."
        );

        // The watch itself works: it sees a request by the page and one by the worker, and so does
        // the server.
        let url = |name: &str| format!("{}{name}", server.url());
        let [by_page, by_worker] =
            ["page", "worker"].map(|by| url(&format!("models/default/README.md?{by}")));
        assert_eq!(page.fetch(&by_page).await?, "200");
        assert_eq!(page.fetch_in_worker(&by_worker).await?, "200");
        tokio::time::sleep(ARRIVE).await;
        let expected = match browser.engine {
            Engine::Chromium => vec![format!("page {by_page}"), format!("worker {by_worker}")],
            Engine::Firefox => vec![by_page, by_worker],
            // It tells of none, so that the server and the page are all that is asked.
            Engine::WebKit => Vec::new(),
        };
        assert_eq!(browser.requests()[seen.len()..], expected);
        assert_eq!(
            server.log()[logged.len()..],
            [
                "GET /models/default/README.md?page",
                "GET /models/default/README.md?worker"
            ]
        );
        let shown = page.text("sent").await?;
        for part in [
            "2 requests",
            "models/default/README.md?page",
            "models/default/README.md?worker",
        ] {
            ensure!(shown.contains(part), "{shown:?} does not say {part:?}");
        }
        Ok(())
    })
}

#[test]
fn what_the_policy_forbids_is_shown_and_not_sent() -> Result<()> {
    let setup = Setup {
        before: Some(EAR),
        expected_problems: POLICY,
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        let elsewhere = "http://127.0.0.1:9/note";
        assert_eq!(page.fetch(elsewhere).await?, "refused");
        // A worker from an address would not be bound by the page's policy.
        assert_eq!(page.fetch_in_worker(elsewhere).await?, "refused");
        tokio::time::sleep(ARRIVE).await;
        let shown = page.text("sent").await?;
        let told = 1 + usize::from(page.browser.engine.tells_workers());
        ensure!(shown.matches("(blocked)").count() == told, "{shown:?}");
        Ok(())
    })
}

/// A text that stands nowhere but in the note.
const CANARY: &str = "zygomorphic canary 48151623";

/// Where the page could have left it: each place with what it holds.
const PLACES: &str = r#"
(async () => {
    const places = { title: document.title, address: location.href, cookies: document.cookie };
    places.local = JSON.stringify({ ...localStorage });
    places.session = JSON.stringify({ ...sessionStorage });
    places.databases = JSON.stringify(await indexedDB.databases());
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
            places[`${name} ${request.url}`] = await (await cache.match(request)).text();
        }
    }
    return Object.entries(places).filter(([, text]) => text.includes(CANARY)).map(([place]) => place);
})()"#;

#[test]
fn the_note_is_left_nowhere() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.analyse(&format!("{EXAMPLE} {CANARY}"), SHORT_NOTE)
            .await?;
        page.type_keys(" Typed.").await?;
        page.ready(SHORT_NOTE).await?;
        tokio::time::sleep(ARRIVE).await;
        let browser = &page.browser;
        let places = PLACES.replace("CANARY", &format!("{CANARY:?}"));
        assert_eq!(browser.evaluate(&places).await?, serde_json::json!([]));
        // In WebKitGTK nobody tells.
        let mentions = || browser.mentions(CANARY);
        ensure!(
            mentions().is_none_or(|told| told.is_empty()),
            "{:?}",
            mentions()
        );
        ensure!(
            page.server
                .log()
                .iter()
                .all(|line| !line.contains("canary")),
            "the server has seen it"
        );
        // The search itself works.
        let leave = format!("localStorage.setItem('x', {CANARY:?}); console.log({CANARY:?})");
        browser.execute(&leave, vec![]).await?;
        tokio::time::sleep(ARRIVE).await;
        assert_eq!(
            browser.evaluate(&places).await?,
            serde_json::json!(["local"])
        );
        ensure!(mentions().is_none_or(|told| !told.is_empty()));
        Ok(())
    })
}
