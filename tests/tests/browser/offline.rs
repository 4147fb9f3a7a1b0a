//! Without a network, and on hosts that send no headers: what the service worker does.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::{Need, Session, Setup};

/// What is kept has been written by then.
const SETTLE: Duration = Duration::from_secs(1);

#[test]
fn second_visit_needs_no_network() -> Result<()> {
    for (base, isolated) in [("/", true), ("/a/b/", false)] {
        let profile = tempfile::tempdir()?;
        let setup = Setup {
            base,
            isolated,
            needs: &[Need::Profile],
            profile: Some(profile.path().to_owned()),
            ..Setup::default()
        };
        let mut url = String::new();
        Session::run(setup, async |page| {
            page.ready(LOAD).await?;
            tokio::time::sleep(SETTLE).await;
            url = page.server.url();
            Ok(())
        })?;
        // The server has gone, and the browser with it.
        let setup = Setup {
            needs: &[Need::Profile],
            profile: Some(profile.path().to_owned()),
            at: Some(url),
            // The service worker asks in vain whether there is a newer build.
            expected_problems: &["Failed to load resource", "sw.js"],
            ..Setup::default()
        };
        Session::run(setup, async |page| {
            page.ready(LOAD).await?;
            let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
            look.check()?;
            assert_eq!(look.found(), EXAMPLE_FOUND);
            assert_eq!(
                page.server.log(),
                [""; 0],
                "another server is asked nothing"
            );
            Ok(())
        })
        .with_context(|| format!("below {base}"))?;
    }
    Ok(())
}

#[test]
fn host_without_headers_is_isolated_by_one_reload() -> Result<()> {
    const LOADS: &str = "return [crossOriginIsolated, sessionStorage.getItem('loads')]";
    let setup = Setup {
        isolated: false,
        needs: &[Need::Threads],
        before: Some(
            "sessionStorage.setItem('loads', 1 + Number(sessionStorage.getItem('loads')))",
        ),
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        tokio::time::sleep(SETTLE).await;
        let loads = page.browser.execute(LOADS, vec![]).await?;
        assert_eq!(loads, serde_json::json!([true, "2"]));
        Ok(())
    })?;
    // A browser in which the service worker does not help, and one without any.
    for before in [
        "const register = ServiceWorkerContainer.prototype.register; \
         ServiceWorkerContainer.prototype.register = () => Promise.reject(new Error('not here')); \
         sessionStorage.setItem('loads', 1 + Number(sessionStorage.getItem('loads')))",
        "delete Navigator.prototype.serviceWorker; \
         sessionStorage.setItem('loads', 1 + Number(sessionStorage.getItem('loads')))",
    ] {
        let setup = Setup {
            isolated: false,
            before: Some(before),
            ..Setup::default()
        };
        Session::run(setup, async |page| {
            page.ready(LOAD).await?;
            let loads = page.browser.execute(LOADS, vec![]).await?;
            assert_eq!(loads, serde_json::json!([false, "1"]), "{before}");
            let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
            assert_eq!(look.found(), EXAMPLE_FOUND);
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn page_can_be_installed() -> Result<()> {
    let setup = Setup {
        needs: &[Need::Installability],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        let devtools = page.browser.devtools().context("no DevTools")?;
        let errors = devtools
            .command("Page.getInstallabilityErrors", serde_json::json!({}))
            .await?;
        let errors = errors["installabilityErrors"]
            .as_array()
            .context("no list of errors")?
            .iter()
            // Of the test's own window.
            .filter(|error| error["errorId"] != "in-incognito")
            .collect::<Vec<_>>();
        ensure!(errors.is_empty(), "{errors:?}");
        Ok(())
    })
}
