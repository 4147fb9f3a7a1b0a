//! What can go wrong is said in words, and the page lives on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::ear::EAR;
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::server::Fault;
use e2e::{Session, Setup};

/// Waits for the error state and checks that the error's words contain all of `words`, and that one
/// can still write.
async fn check_error(page: &Session, words: &[&str]) -> Result<()> {
    let look = page.state("error", LOAD).await?;
    for word in words {
        ensure!(
            look.error.contains(word),
            "the error {:?} does not say {word:?}",
            look.error
        );
    }
    page.set_note("").await?;
    page.type_keys("still alive").await?;
    let look = page.look().await?;
    assert_eq!(
        (look.value.as_str(), look.state.as_str()),
        ("still alive", "error")
    );
    Ok(())
}

#[test]
fn broken_model_files() -> Result<()> {
    let expected_problems = &["Failed to load resource"];
    let setup = Setup {
        fault: Fault::Missing,
        expected_problems,
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        let version = |version| format!("\"format_version\":\"{version}\"");
        for (fault, words) in [
            (Fault::Missing, &["404"][..]),
            (Fault::Html, &[]),
            (Fault::Truncated(0), &[]),
            (Fault::Truncated(7), &[]),
            (Fault::Truncated(1_000), &[]),
            (Fault::Truncated(5_000_000), &[]),
            (Fault::BrokenOff(5_000_000), &[]),
            (
                Fault::FlippedBit {
                    from_end: 1_000_000,
                },
                &["checksum"],
            ),
            (
                Fault::Replaced(version("1"), version("9")),
                &["version", "9"],
            ),
        ] {
            page.server.set_fault(fault.clone());
            page.open(&page.server.url()).await?;
            let words = [words, &["model.safetensors"]].concat();
            check_error(page, &words)
                .await
                .with_context(|| format!("{fault:?}"))?;
        }

        page.server.set_fault(Fault::None);
        page.click("Try again").await?;
        page.ready(LOAD).await?;
        assert_eq!(
            page.analyse(EXAMPLE, SHORT_NOTE).await?.found(),
            EXAMPLE_FOUND
        );
        Ok(())
    })
}

#[test]
fn missing_worker_script() -> Result<()> {
    let setup = Setup {
        fault: Fault::Missing,
        spoiled: "/worker-",
        expected_problems: &["Failed to load resource", "integrity"],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        check_error(page, &["worker-"]).await?;
        page.server.set_fault(Fault::None);
        page.click("Try again").await?;
        page.ready(LOAD).await.map(|_| ())
    })
}

#[test]
fn browser_without_simd() -> Result<()> {
    let setup = Setup {
        before: Some("WebAssembly.validate = () => false;"),
        ..Setup::default()
    };
    Session::run(setup, async |page| check_error(page, &["SIMD"]).await)
}

#[test]
fn worker_that_dies() -> Result<()> {
    let setup = Setup {
        before: Some(EAR),
        expected_problems: &["died on purpose"],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        page.fail_in_worker("died on purpose").await?;
        check_error(page, &["died on purpose"]).await?;
        page.click("Try again").await?;
        page.ready(LOAD).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(
            page.analyse(EXAMPLE, SHORT_NOTE).await?.found(),
            EXAMPLE_FOUND
        );
        Ok(())
    })
}
