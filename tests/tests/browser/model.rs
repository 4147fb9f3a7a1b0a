//! Where the model comes from: the server, what is kept of it on the device, or a file of the visitor's.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::server::{Fault, MODEL};
use e2e::terminal::site_model;
use e2e::{Engine, Session, Setup};
use serde_json::{Map, Value};

/// How the server was asked for the model, in order.
fn asked(page: &Session) -> Vec<String> {
    let mut log = page.server.log();
    log.retain(|line| line.contains(MODEL));
    log
}

/// What is kept is being deleted or written by then.
const SETTLE: Duration = Duration::from_millis(500);

#[test]
fn what_was_fetched_is_kept_until_it_is_deleted() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        assert_eq!(asked(page).len(), 1, "{:?}", asked(page));
        tokio::time::sleep(SETTLE).await;

        page.open(&page.server.url()).await?;
        page.ready(LOAD).await?;
        assert_eq!(asked(page).len(), 1, "{:?}", asked(page));
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        assert_eq!(look.found(), EXAMPLE_FOUND);

        page.until("the kept model is shown", SHORT_NOTE, async || {
            Ok(page.is_shown("kept").await?.then_some(()))
        })
        .await?;
        page.click("Delete it").await?;
        tokio::time::sleep(SETTLE).await;
        ensure!(!page.is_shown("kept").await?, "it is still said to be kept");
        page.open(&page.server.url()).await?;
        page.ready(LOAD).await?;
        assert_eq!(asked(page).len(), 2, "{:?}", asked(page));
        Ok(())
    })
}

#[test]
fn broken_download_goes_on_where_it_broke() -> Result<()> {
    const MIB: usize = 1 << 20;
    let setup = Setup {
        fault: Fault::BrokenOff(5 * MIB + 1000),
        expected_problems: &["Failed to load resource"],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        let look = page.state("error", LOAD).await?;
        // WebKitGTK does not hand over all that has arrived.
        let whole = page.browser.engine != Engine::WebKit;
        let arrived = if whole {
            " 5.2 MB of 23.4 MB"
        } else {
            " MB of 23.4 MB"
        };
        ensure!(look.error.contains(arrived), "{}", look.error);
        page.server.set_fault(Fault::None);
        page.click("Try again").await?;
        page.ready(LOAD).await?;
        let asked = asked(page);
        let rest = format!(" bytes={}-", 5 * MIB);
        let goes_on = |line: &str| line.ends_with(&rest) || (!whole && line.contains(" bytes="));
        ensure!(asked.len() == 2 && goes_on(&asked[1]), "{asked:?}");
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        Ok(())
    })
}

#[test]
fn what_is_kept_and_damaged_is_fetched_anew() -> Result<()> {
    const SPOIL: &str = r#"
        const [name] = (await caches.keys()).filter((name) => name.startsWith("clinical-ner model "));
        const cache = await caches.open(name);
        const [, second] = await cache.keys();
        const bytes = new Uint8Array(await (await cache.match(second)).arrayBuffer());
        bytes[1000] ^= 1;
        await cache.put(second, new Response(bytes));
        return name;
    "#;
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        tokio::time::sleep(SETTLE).await;
        page.browser
            .evaluate(&format!("(async () => {{{SPOIL}}})()"))
            .await?;
        page.open(&page.server.url()).await?;
        let look = page.state("error", LOAD).await?;
        ensure!(look.error.contains("checksum"), "{}", look.error);
        page.click("Try again").await?;
        page.ready(LOAD).await?;
        assert_eq!(asked(page).len(), 2, "{:?}", asked(page));
        Ok(())
    })
}

/// A copy of the site's model in which a type has another name of the same length; whoever reads it finds nothing wrong with it.
pub(crate) fn renamed(old: &str, new: &str) -> Result<PathBuf> {
    assert_eq!(old.len(), new.len());
    let file = fs::read(site_model()?)?;
    let length = u64::from_le_bytes(file[..8].try_into()?) as usize;
    let header = std::str::from_utf8(&file[8..8 + length])?;
    let mut header: Map<String, Value> = serde_json::from_str(&header.replace(old, new))?;
    let fields = header["__metadata__"]
        .as_object_mut()
        .context("no metadata")?;
    let mut checksums: Map<String, Value> =
        serde_json::from_str(fields["checksums"].as_str().context("no checksums")?)?;
    for (name, value) in fields.iter().filter(|(name, _)| *name != "checksums") {
        if let Some(checksum) = checksums.get_mut(name) {
            *checksum = crc32fast::hash(value.as_str().unwrap_or_default().as_bytes()).into();
        }
    }
    fields["checksums"] = serde_json::to_string(&checksums)?.into();
    let header = serde_json::to_string(&header)?;
    ensure!(header.len() <= length, "the header has grown");
    let mut bytes = file[..8].to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(8 + length, b' ');
    bytes.extend(&file[8 + length..]);
    let path = tempfile::tempdir()?.keep().join("renamed.safetensors");
    fs::write(&path, bytes)?;
    Ok(path)
}

#[test]
fn model_of_the_visitors_with_other_labels() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.analyse(EXAMPLE, SHORT_NOTE).await?;
        let before = asked(page);
        // What the file tells of itself.
        assert_eq!(
            page.text("model-base").await?,
            "sentence-transformers/all-MiniLM-L6-v2"
        );
        let metrics = page.text("model-metrics").await?;
        ensure!(metrics.starts_with("F1 93.8 % (precision"), "{metrics}");
        let own = renamed("Symptoms", "Findings")?;
        page.choose("own-model", &[&own]).await?;
        page.until("the other model is shown", LOAD, async || {
            let shown = page.text("model-file").await?;
            Ok(shown.contains("renamed.safetensors").then_some(()))
        })
        .await?;
        let look = page.ready(LOAD).await?;
        look.check()?;
        assert_eq!(
            look.found(),
            [("irregular periods", "Findings"), ("estrogen", "Hormones")]
        );
        assert_eq!(asked(page), before, "nothing is fetched for it");
        let colour = "return getComputedStyle(document.querySelector('mark[data-entity=Findings]')).backgroundColor";
        let other = "return getComputedStyle(document.querySelector('mark[data-entity=Hormones]')).backgroundColor";
        let [colour, other] = [
            page.browser.execute(colour, vec![]).await?,
            page.browser.execute(other, vec![]).await?,
        ];
        ensure!(colour != other, "both are {colour}");

        let broken = own.with_file_name("broken.safetensors");
        fs::write(&broken, &fs::read(&own)?[..1_000_000])?;
        page.choose("own-model", &[&broken]).await?;
        let look = page.state("error", LOAD).await?;
        ensure!(look.error.contains("broken.safetensors"), "{}", look.error);
        page.click_on("[data-testid=error] [data-testid=site-model]")
            .await?;
        let look = page.ready(LOAD).await?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        Ok(())
    })
}
