//! Which build of the worker a browser gets, and on how many threads it runs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::answers::answers;
use e2e::ear::EAR;
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::server::Fault;
use e2e::{Engine, Need, Session, Setup};
use serde_json::json;

use crate::answers;

/// Of the stored answers so many are compared; `answers` compares all of them in one build.
const NOTES: usize = 8;

/// Between two looks at the page or its workers.
const LOOK: Duration = Duration::from_millis(25);
/// How long workers may take to end.
const END: Duration = Duration::from_secs(10);

/// Else it would isolate the page.
const NO_SERVICE_WORKER: &str = "delete Navigator.prototype.serviceWorker;";

/// The kernels that a build may run; which of the relaxed ones depends on the browser and the
/// processor.
fn kernels(build: &str) -> &'static [&'static str] {
    match build {
        "worker-simd128" => &["simd128"],
        _ => &[
            "relaxed simd, pairs",
            "relaxed simd, unsigned",
            "relaxed simd, signed",
        ],
    }
}

/// What becomes of a build and its threads in an engine: without relaxed SIMD, there is one for everything.
fn in_engine(engine: Engine, wanted: (&str, u64)) -> (&str, u64) {
    match engine.lacks(Need::Threads) {
        Some(_) => ("worker-simd128", 1),
        None => wanted,
    }
}

/// The page fetches one module, `build`, and says that it runs its kernels on so many threads; what
/// it finds is what every other build finds.
async fn check(page: &Session, build: &str, threads: u64) -> Result<()> {
    page.ready(LOAD).await?;
    let (build, threads) = in_engine(page.browser.engine, (build, threads));
    let plural = if threads == 1 { "" } else { "s" };
    let expected: Vec<_> = kernels(build)
        .iter()
        .map(|kernels| format!("{kernels}, {threads} thread{plural}"))
        .collect();
    // A helper is not waited for, so that it may come later than the model.
    let start = Instant::now();
    loop {
        let shown = page.look().await?.kernels;
        if expected.contains(&shown) {
            break;
        }
        ensure!(start.elapsed() < LOAD, "{shown:?} is none of {expected:?}");
        tokio::time::sleep(LOOK).await;
    }
    for answer in answers()?.iter().take(NOTES) {
        let look = page.analyse(&answer.text, SHORT_NOTE).await?;
        answers::check(answer, &look).with_context(|| answer.id.clone())?;
    }
    let mut modules = requests(page, ".wasm");
    // Where the browser's cache keeps nothing, the service worker asks for it once more.
    modules.dedup();
    ensure!(
        modules.len() == 1 && modules[0].contains(build),
        "{modules:?} instead of one of {build}"
    );
    Ok(())
}

/// What was requested of the worker's files of that ending.
fn requests(page: &Session, ending: &str) -> Vec<String> {
    let mut log = page.server.log();
    log.retain(|line| line.contains("/worker-") && line.ends_with(ending));
    log
}

#[test]
fn builds_that_are_asked_for() -> Result<()> {
    for (query, build, threads) in [
        ("?kernels=simd128", "worker-simd128", 1),
        ("?kernels=relaxed&threads=3", "worker-relaxed", 1),
        ("?kernels=threads&threads=3", "worker-threads", 3),
        ("?threads=1", "worker-relaxed", 1),
    ] {
        let setup = Setup {
            query,
            // Where it is not there.
            expected_problems: &["is ignored: here run simd128"],
            ..Setup::default()
        };
        Session::run(setup, async |page| check(page, build, threads).await).context(query)?;
    }
    Ok(())
}

#[test]
fn builds_that_are_chosen() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        let cores = "return navigator.hardwareConcurrency";
        let cores = page.browser.execute(cores, vec![]).await?.as_u64();
        match cores.context("no number of cores")? {
            1 => check(page, "worker-relaxed", 1).await,
            cores => check(page, "worker-threads", cores.min(8)).await,
        }
    })?;
    let setup = Setup {
        isolated: false,
        before: Some(NO_SERVICE_WORKER),
        ..Setup::default()
    };
    Session::run(setup, async |page| check(page, "worker-relaxed", 1).await)?;
    let setup = Setup {
        // Nothing that holds the relaxed dot product is valid.
        before: Some(
            "const validate = WebAssembly.validate; \
             WebAssembly.validate = (bytes) => !bytes.join().includes('253,147,2') && validate(bytes);",
        ),
        ..Setup::default()
    };
    Session::run(setup, async |page| check(page, "worker-simd128", 1).await)
}

/// Builds that run, cores, the page's query; build, threads, and a word of each complaint.
type Choice<'a> = (&'a [&'a str], u32, &'a str, (&'a str, u32), &'a [&'a str]);

#[test]
fn choices() -> Result<()> {
    const ALL: &[&str] = &["threads", "relaxed", "simd128"];
    let mut table: Vec<Choice> = vec![
        (ALL, 4, "", ("threads", 4), &[]),
        (ALL, 64, "", ("threads", 8), &[]),
        (ALL, 1, "", ("relaxed", 1), &[]),
        (&ALL[1..], 4, "", ("relaxed", 1), &[]),
        (&ALL[2..], 4, "", ("simd128", 1), &[]),
        // Better one thread than none.
        (&ALL[..1], 1, "", ("threads", 1), &[]),
        (ALL, 4, "?threads=2", ("threads", 2), &[]),
        (ALL, 1, "?threads=12", ("threads", 12), &[]),
        (ALL, 4, "?threads=1", ("relaxed", 1), &[]),
        (ALL, 4, "?kernels=simd128", ("simd128", 1), &[]),
        (ALL, 4, "?kernels=relaxed&threads=3", ("relaxed", 1), &[]),
        (ALL, 4, "?kernels=threads&threads=1", ("threads", 1), &[]),
        (ALL, 1, "?kernels=threads", ("threads", 1), &[]),
        (ALL, 4, "?kernels=avx512", ("threads", 4), &["avx512"]),
        // Known, but nothing that this browser can run.
        (
            &ALL[1..],
            4,
            "?kernels=threads",
            ("relaxed", 1),
            &["relaxed, simd128"],
        ),
        (
            ALL,
            4,
            "?kernels=x&threads=y",
            ("threads", 4),
            &["threads=y", "kernels=x"],
        ),
    ];
    let wrong = ["0", "33", "-1", "two", "2.5", "1e1", ""].map(|n| (format!("?threads={n}"), n));
    table.extend(
        wrong.iter().map(|(query, n)| -> Choice {
            (ALL, 4, query, ("threads", 4), std::slice::from_ref(n))
        }),
    );
    Session::run(Setup::default(), async |page| {
        let choose = async |builds: &[&str], cores, query| {
            let arguments = json!([builds, cores, query]);
            let choose = format!("kernels.choose(...{arguments})");
            page.browser.evaluate(&choose).await
        };
        for (builds, cores, query, (name, threads), complaints) in table {
            let found = choose(builds, cores, query).await?;
            let case = format!("{builds:?}, {cores}, {query}: {found}");
            ensure!(found["name"] == name && found["threads"] == threads, case);
            let ignored = found["ignored"].as_array().context("complaints")?;
            ensure!(ignored.len() == complaints.len(), case);
            for (ignored, word) in ignored.iter().zip(complaints) {
                ensure!(
                    ignored.as_str().is_some_and(|said| said.contains(word)),
                    case
                );
            }
        }
        let none = choose(&[], 4, "").await?;
        ensure!(none["name"].is_null(), "{none}");
        Ok(())
    })
}

#[test]
fn wishes_that_cannot_be_fulfilled() -> Result<()> {
    let setup = Setup {
        query: "?kernels=threads&threads=many",
        isolated: false,
        before: Some(NO_SERVICE_WORKER),
        expected_problems: &["kernels=threads is ignored", "threads=many is ignored"],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        check(page, "worker-relaxed", 1).await?;
        let problems = page.browser.problems().await?;
        ensure!(problems.len() == 2, "{problems:?}");
        Ok(())
    })
}

#[test]
fn worker_with_helpers_that_does_not_start() -> Result<()> {
    let setup = Setup {
        query: "?threads=3",
        needs: &[Need::Threads],
        fault: Fault::Missing,
        spoiled: "/worker-threads",
        expected_problems: &["Failed to load resource", "integrity"],
        ..Setup::default()
    };
    Session::run(setup, async |page| check(page, "worker-relaxed", 1).await)
}

#[test]
fn helpers_that_do_not_start() -> Result<()> {
    let setup = Setup {
        query: "?threads=3",
        needs: &[Need::Threads],
        // The worker's script, a blob, is given helpers that fail.
        before: Some(
            r#"const fail = `const Helper = self.Worker; self.Worker = function (_, options) {
                const script = new Blob(['throw new Error("no help")']);
                return new Helper(URL.createObjectURL(script), options);
            };`;
            const Plain = self.Blob;
            self.Blob = function (parts, options) {
                return new Plain(options?.type === "text/javascript" ? [fail, ...parts] : parts, options);
            };"#,
        ),
        expected_problems: &["no help"],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        check(page, "worker-threads", 1).await?;
        if let Some(devtools) = page.browser.devtools() {
            let workers = devtools.workers();
            ensure!(workers.len() == 3, "two helpers were tried: {workers:?}");
        }
        Ok(())
    })
}

#[test]
fn helpers_end_with_their_worker() -> Result<()> {
    let setup = Setup {
        query: "?threads=3",
        needs: &[Need::Workers],
        before: Some(EAR),
        expected_problems: &["died on purpose"],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        check(page, "worker-threads", 3).await?;
        let devtools = page.browser.devtools().context("no DevTools")?;
        let running = || {
            devtools
                .workers()
                .iter()
                .filter(|worker| worker.running)
                .count()
        };
        assert_eq!(running(), 3, "{:?}", devtools.workers());
        page.fail_in_worker("died on purpose").await?;
        page.state("error", LOAD).await?;
        let start = Instant::now();
        while running() > 0 {
            ensure!(start.elapsed() < END, "{:?}", devtools.workers());
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    })
}
