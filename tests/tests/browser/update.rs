//! A newer build on the host: it is announced, used when nothing is lost by it, and never mixed with the one that is there.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::shelf::SOON;
use e2e::{Need, Session, Setup, site_folder};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// What is kept has been written by then.
const SETTLE: Duration = Duration::from_secs(1);

/// The newer build's title and a mark that its script leaves.
const NEWER: &str = "ClinicalBERT Menstrual NER, newer";

/// Which build the page's document and its first script are of, and what is kept on the device.
const BUILDS: &str = "
const done = arguments[arguments.length - 1];
caches.keys().then((names) => done([
    document.title, window.build === 2, names.filter((name) => name.includes(' site ')).length,
]));";

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            // Of the model there is but one, and many tests at once.
            fs::hard_link(entry.path(), &to)
                .or_else(|_| fs::copy(entry.path(), &to).map(|_| ()))?;
        }
    }
    Ok(())
}

fn integrity(bytes: &[u8]) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(bytes)))
}

/// A file that is not the one it was linked to.
fn replace(path: &Path, content: &str) -> Result<()> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    Ok(fs::write(path, content)?)
}

/// Puts a newer build in the place of the one in `site`, as `cargo xtask dist` would after a change of `index.html` and
/// `start.js`: the old script is gone.
fn renew(site: &Path) -> Result<()> {
    let index = site.join("index.html");
    let worker = site.join("sw.js");
    let (page, service) = (fs::read_to_string(&index)?, fs::read_to_string(&worker)?);
    let start = page.split('"').find(|part| part.starts_with("start-"));
    let start = start.context("index.html loads no start.js")?;
    let script = fs::read_to_string(site.join(start))?;
    let (old, script) = (
        integrity(script.as_bytes()),
        format!("window.build = 2;\n{script}"),
    );
    let new = integrity(script.as_bytes());
    fs::remove_file(site.join(start))?;
    fs::write(site.join("start-newer.js"), script)?;

    let newer = page
        .replace(start, "start-newer.js")
        .replace(&old, &new)
        .replace(
            "<title>ClinicalBERT Menstrual NER</title>",
            &format!("<title>{NEWER}</title>"),
        );
    let service = service
        .replace(start, "start-newer.js")
        .replace(&old, &new)
        .replace(&integrity(page.as_bytes()), &integrity(newer.as_bytes()))
        .replacen("\"version\":\"", "\"version\":\"newer", 1);
    ensure!(
        service.contains(&integrity(newer.as_bytes())),
        "sw.js does not name index.html"
    );
    ensure!(
        service.contains("\"version\":\"newer"),
        "sw.js has no version"
    );
    replace(&index, &newer)?;
    replace(&worker, &service)?;
    // Copies of what has gone.
    for name in ["index.html.br", "index.html.gz", "sw.js.br", "sw.js.gz"] {
        fs::remove_file(site.join(name))?;
    }
    Ok(())
}

#[test]
fn newer_build_is_announced_and_not_mixed_with_the_old_one() -> Result<()> {
    let old = json!(["ClinicalBERT Menstrual NER", false]);
    let new = json!([NEWER, true]);
    let site = TempDir::with_prefix("e2e-site-")?;
    copy(&site_folder()?, site.path())?;
    let profile = tempfile::tempdir()?;
    let setup = || Setup {
        site: Some(site.path().to_owned()),
        profile: Some(profile.path().to_owned()),
        needs: &[Need::Profile],
        ..Setup::default()
    };
    let mut url = String::new();
    Session::run(setup(), async |page| {
        let builds = async || {
            let found = page.browser.driver.execute_async(BUILDS, vec![]).await?;
            let found = found.json().as_array().context("no list")?.clone();
            anyhow::Ok((json!(found[..2]), found[2].clone()))
        };
        url = page.server.url();
        page.ready(LOAD).await?;
        tokio::time::sleep(SETTLE).await;
        assert_eq!(builds().await?, (old.clone(), json!(1)));

        // A page that is open does not look for it.
        renew(site.path())?;
        let asked = page.server.log().len();
        page.analyse(EXAMPLE, SHORT_NOTE).await?;
        tokio::time::sleep(SETTLE).await;
        assert_eq!(page.server.log()[asked..], [""; 0]);
        assert_eq!(page.text("update").await?, "");

        // One that is opened does, and is of the old build as a whole, though the host has no part of it any more.
        page.open(&url).await?;
        page.ready(LOAD).await?;
        page.until("it is announced", SOON, async || {
            let said = page.text("update").await?;
            Ok(said.starts_with("There is a newer version").then_some(()))
        })
        .await?;
        assert_eq!(builds().await?, (old.clone(), json!(2)));
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        let hidden =
            "return document.querySelector('[data-testid=update] button').checkVisibility()";
        assert_eq!(
            page.browser.execute(hidden, vec![]).await?,
            false,
            "a note would be lost"
        );

        // Nor is it forced upon a page that is reloaded.
        page.open(&url).await?;
        page.ready(LOAD).await?;
        assert_eq!(builds().await?.0, old);
        page.until("the button is there", SOON, async || {
            Ok((page.browser.execute(hidden, vec![]).await? == true).then_some(()))
        })
        .await?;
        page.click("Use it now").await?;
        page.until("the newer build is there", LOAD, async || {
            Ok((builds().await? == (new.clone(), json!(1))).then_some(()))
        })
        .await?;
        page.ready(LOAD).await?;
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        look.check()?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        assert_eq!(page.text("update").await?, "");
        Ok(())
    })
}

#[test]
fn newer_build_comes_once_no_page_of_the_old_one_is_open() -> Result<()> {
    let site = TempDir::with_prefix("e2e-site-")?;
    copy(&site_folder()?, site.path())?;
    Session::run(
        Setup {
            site: Some(site.path().to_owned()),
            needs: &[Need::Profile],
            ..Setup::default()
        },
        async |page| {
            let url = page.server.url();
            page.ready(LOAD).await?;
            tokio::time::sleep(SETTLE).await;
            renew(site.path())?;
            page.open(&url).await?;
            page.ready(LOAD).await?;
            page.until("it is announced", SOON, async || {
                let said = page.text("update").await?;
                Ok(said.starts_with("There is a newer version").then_some(()))
            })
            .await?;
            page.browser.driver.goto("about:blank").await?;
            tokio::time::sleep(SETTLE).await;
            page.open(&url).await?;
            page.ready(LOAD).await?;
            assert_eq!(page.browser.driver.title().await?, NEWER);
            let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
            assert_eq!(look.found(), EXAMPLE_FOUND);
            Ok(())
        },
    )
}
