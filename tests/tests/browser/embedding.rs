//! The npm package in a plain page of somebody else's, under a strict Content-Security-Policy.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::embedding::{
    PAGE, evaluate, no_worker_is_left, running, until, with_page, with_policy, with_site,
};
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND};
use e2e::terminal::run;
use e2e::{Engine, Need, leave_out, package, site_folder};
use serde_json::{Value, json};
use tokio::process::Command;

/// With what offsets can go wrong by.
pub(crate) const NOTE: &str = "Patient 😩 reports irregular periods and low estrogen. E\u{301}coute: she denies nausea; letrozole.";

/// Type, word, start and end.
type Place = (String, String, u64, u64);

/// Everything that was found, and the scores.
fn places(found: &Value) -> Result<(Vec<Place>, Vec<f32>)> {
    let found = found
        .as_array()
        .with_context(|| format!("no list: {found}"))?;
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let places = found.iter().map(|entity| {
        let name = if entity["entity"].is_null() {
            &entity["entity_group"]
        } else {
            &entity["entity"]
        };
        let place = |name: &str| entity[name].as_u64().unwrap_or(u64::MAX);
        (
            text(name),
            text(&entity["word"]),
            place("start"),
            place("end"),
        )
    });
    let scores = found
        .iter()
        .map(|entity| entity["score"].as_f64().unwrap_or(-1.0) as f32);
    Ok((places.collect(), scores.collect()))
}

#[test]
fn pipeline_answers_as_the_terminal() -> Result<()> {
    for isolated in [true, false] {
        with_page(isolated, async |browser, server| {
            let load = "const progress_callback = (progress) => heard.push(progress); window.heard = []; \
                window.ner = await pipeline('token-classification', null, { progress_callback }); return ner.model.kernels";
            let kernels = evaluate(browser, load).await?;
            ensure!(
                kernels.as_str().is_some_and(|name| name.contains("simd")),
                "{kernels}"
            );
            let heard = evaluate(browser, "return heard").await?;
            let heard = heard.as_array().context("no progress")?;
            let (last, before) = heard.split_last().context("no progress")?;
            assert_eq!(last["status"], "ready");
            let whole = before.last().context("no download")?;
            assert_eq!(
                (&whole["status"], &whole["progress"]),
                (&json!("progress"), &json!(100))
            );

            let found = evaluate(browser, &format!("return await ner({NOTE:?})")).await?;
            let (found, scores) = places(&found)?;
            let terminal = run(&["predict", "--format", "jsonl", NOTE])?;
            let terminal: Value = serde_json::from_str(&terminal)?;
            let (expected, expected_scores) = places(&terminal["entities"])?;
            assert_eq!(scores, expected_scores);
            let units = |point: u64| {
                NOTE.chars()
                    .take(point as usize)
                    .map(char::len_utf16)
                    .sum::<usize>() as u64
            };
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(name, word, start, end)| (name, word, units(start), units(end)))
                .collect();
            assert_eq!(found, expected);
            ensure!(
                found.len() > 3 && found[0].2 > found[0].1.len() as u64 / 4,
                "{found:?}"
            );
            let requests = server.log().len();

            // Several texts, options, and what is refused.
            let texts = format!(
                "return (await ner([{EXAMPLE:?}, '', {EXAMPLE:?}])).map((found) => found.map((e) => e.word + ' ' + e.entity_group))"
            );
            let words: Vec<String> = EXAMPLE_FOUND
                .iter()
                .map(|(word, kind)| format!("{word} {kind}"))
                .collect();
            assert_eq!(evaluate(browser, &texts).await?, json!([words, [], words]));
            for (options, expected) in [
                ("{ threshold: 0.99 }", json!(["irregular periods"])),
                ("{ threshold: 1.01 }", json!([])),
                (
                    "{ ignore_labels: ['Hormones'] }",
                    json!(["irregular periods"]),
                ),
                (
                    "{ aggregation_strategy: 'simple' }",
                    json!(["irregular periods", "estrogen"]),
                ),
                (
                    "{ aggregation_strategy: 'none' }",
                    json!(["irregular", "periods", "est", "rogen"]),
                ),
                (
                    "{ aggregation_strategy: null, threshold: null, ignore_labels: null, signal: null }",
                    json!(["irregular periods", "estrogen"]),
                ),
                (
                    "{ threshold: '0.5' }",
                    json!("TypeError: the threshold has to be a number, not \"0.5\""),
                ),
                (
                    "{ threshold: NaN }",
                    json!("TypeError: the threshold has to be a number, not NaN"),
                ),
                (
                    "{ ignore_labels: 'O' }",
                    json!("TypeError: ignore_labels has to be a list of strings"),
                ),
                (
                    "{ aggregation_strategy: 'most' }",
                    json!(
                        "TypeError: \"most\" is no aggregation_strategy; there are constrained, none, simple, first, average, max"
                    ),
                ),
            ] {
                let call = format!("return (await ner({EXAMPLE:?}, {options})).map((e) => e.word)");
                assert_eq!(evaluate(browser, &call).await?, expected, "{options}");
            }
            let none =
                format!("return (await ner({EXAMPLE:?}, {{ aggregation_strategy: 'none' }}))[0]");
            let token = evaluate(browser, &none).await?;
            assert_eq!(
                (
                    &token["entity"],
                    &token["index"],
                    &token["start"],
                    &token["end"]
                ),
                (&json!("B-Symptoms"), &json!(3), &json!(16), &json!(25))
            );
            for strategy in ["first", "average", "max"] {
                let call = format!(
                    "return (await ner({EXAMPLE:?}, {{ aggregation_strategy: {strategy:?} }})).map((e) => [e.word, e.entity_group])"
                );
                assert_eq!(
                    evaluate(browser, &call).await?,
                    json!(EXAMPLE_FOUND),
                    "{strategy}"
                );
            }
            assert_eq!(
                server.log()[requests..],
                [""; 0],
                "a text has been sent somewhere"
            );
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn work_is_stopped_and_memory_comes_back() -> Result<()> {
    if let Some(why) = Engine::asked_for()?.lacks(Need::DevTools) {
        return leave_out(why);
    }
    with_page(true, async |browser, _| {
        let devtools = browser.devtools().context("no DevTools")?;
        let long = "const long = 'She reports irregular periods. '.repeat(20000) + Math.random();";
        let load = "window.ner = await pipeline('token-classification'); return 'loaded'";
        let collect = async || {
            let command = devtools.command("HeapProfiler.collectGarbage", json!({}));
            command.await.and_then(|_| browser.memory())
        };
        let without = collect().await?;
        assert_eq!(evaluate(browser, load).await?, "loaded");
        let before = format!(
            "{long} return await ner(long, {{ signal: AbortSignal.abort(new Error('at once')) }})"
        );
        assert_eq!(evaluate(browser, &before).await?, "Error: at once");
        let during = format!(
            "{long} const control = new AbortController(); const start = performance.now(); \
             setTimeout(() => control.abort(), 300); \
             const waiting = ner({EXAMPLE:?}.repeat(2)); \
             const stopped = await ner(long, {{ signal: control.signal }}).catch((error) => error.name); \
             const took = performance.now() - start; \
             const after = (await ner({EXAMPLE:?})).length; \
             return [stopped, took < 3000, (await waiting).length, after, performance.now() - start < 6000]"
        );
        assert_eq!(
            evaluate(browser, &during).await?,
            json!(["AbortError", true, 4, 2, true])
        );
        // One that waits behind another leaves it alone.
        let queued = format!(
            "const control = new AbortController(); const first = ner({EXAMPLE:?}); \
             const second = ner('No cramps.', {{ signal: control.signal }}).catch((error) => error.name); control.abort(); \
             return [(await first).length, await second]"
        );
        assert_eq!(evaluate(browser, &queued).await?, json!([2, "AbortError"]));

        ensure!(running(browser) > 0, "no worker runs");
        let used = collect().await?;
        let dispose = format!(
            "{long} const waiting = ner(long).catch((error) => error.message); await ner.dispose(); \
             return [await waiting, await ner('x').catch((error) => error.message)]"
        );
        let disposed = "This pipeline has been disposed of";
        assert_eq!(
            evaluate(browser, &dispose).await?,
            json!([disposed, disposed])
        );
        no_worker_is_left(browser).await?;
        // The browser takes its time.
        let start = Instant::now();
        let mut left = collect().await?;
        while left + 60_000_000 > used && start.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            left = collect().await?;
        }
        let [without, used, left] = [without, used, left].map(|bytes| bytes as f64 / 1e6);
        println!(
            "the page's process: {without:.0} MB before, {used:.0} MB with a model, {left:.0} MB after dispose()"
        );
        ensure!(left + 60.0 <= used, "{used} MB before, {left} MB after");
        Ok(())
    })
}

#[test]
fn what_cannot_be_loaded_says_why() -> Result<()> {
    with_page(true, async |browser, _| {
        for (call, expected) in [
            (
                "'token-classification', 'gone.safetensors'",
                "Error: gone.safetensors could not be fetched: the server answered with status 404",
            ),
            (
                "'token-classification', 'index.html'",
                "index.html: not a safetensors file",
            ),
            (
                "'token-classification', new Blob(['x'])",
                "the model: is truncated",
            ),
            (
                "'translation'",
                "Error: \"translation\" is not supported: this is a pipeline for \"token-classification\"",
            ),
            (
                "'token-classification', null, { device: 'webgpu' }",
                "Error: the device \"webgpu\" is not supported",
            ),
            (
                "'token-classification', null, { signal: AbortSignal.abort() }",
                "AbortError",
            ),
        ] {
            let said = evaluate(browser, &format!("return typeof await pipeline({call})")).await?;
            ensure!(
                said.as_str().is_some_and(|said| said.contains(expected)),
                "{call}: {said}"
            );
        }
        no_worker_is_left(browser).await
    })
}

#[test]
fn without_shared_memory_one_thread_runs() -> Result<()> {
    // As a browser does that has such memories and none left.
    const REFUSE: &str = "const Own = Blob; \
        window.Blob = function (parts, options) { \
            const script = options?.type === 'text/javascript'; \
            const refuse = 'WebAssembly.Memory = function () { throw new RangeError(\"refused\"); };'; \
            return new Own(script ? [refuse, ...parts] : parts, options); \
        }; \
        Blob.prototype = Own.prototype;";
    with_page(true, async |browser, server| {
        let call = format!(
            "{REFUSE} const ner = await pipeline('token-classification'); const found = await ner({EXAMPLE:?}); await ner.dispose(); \
             return found.map((entity) => [entity.word, entity.entity_group])"
        );
        assert_eq!(evaluate(browser, &call).await?, json!(EXAMPLE_FOUND));
        let asked = |what: &str| {
            let log = server.log();
            log.iter().filter(|line| line.contains(what)).count()
        };
        assert_eq!(
            [asked("worker-threads.txt"), asked("model.safetensors")],
            [1, 1]
        );
        no_worker_is_left(browser).await
    })
}

#[test]
fn what_is_on_its_way_is_left_when_something_fails() -> Result<()> {
    with_page(true, async |browser, _| {
        let call = "const own = fetch; let heard = 0; \
            window.fetch = (url, ...rest) => \
                String(url).includes('worker-') ? new Promise((_, no) => setTimeout(no, 50, new Error('no script'))) : own(url, ...rest); \
            const said = await pipeline('token-classification', null, { progress_callback: () => heard++ }).catch((error) => error.message); \
            const before = heard; await new Promise((go) => setTimeout(go, 1500)); \
            return [said, heard - before]";
        // A piece that has arrived is still told.
        let answer = evaluate(browser, call).await?;
        ensure!(
            answer[0]
                .as_str()
                .is_some_and(|said| said.contains("(no script)")),
            "{answer}"
        );
        ensure!(answer[1].as_u64() <= Some(1), "{answer}");
        Ok(())
    })
}

#[test]
fn what_a_policy_forbids_says_why() -> Result<()> {
    if let Some(why) = Engine::asked_for()?.lacks(Need::DevTools) {
        return leave_out(why);
    }
    let page = PAGE.replace("; worker-src blob:", "");
    let problems = &["Content Security Policy"];
    with_policy(&page, false, problems, async |browser, _| {
        for (call, expected) in [
            (
                "null",
                "a Content-Security-Policy has to allow worker-src blob:",
            ),
            (
                "'http://127.0.0.1:9/model'",
                "Error: http://127.0.0.1:9/model could not be fetched from http://127.0.0.1:9/model (",
            ),
        ] {
            let call = format!("return typeof await pipeline('token-classification', {call})");
            let said = evaluate(browser, &call).await?;
            ensure!(
                said.as_str().is_some_and(|said| said.contains(expected)),
                "{call}: {said}"
            );
        }
        Ok(())
    })
}

#[test]
fn package_works_in_a_vite_project() -> Result<()> {
    let built = std::env::var_os("E2E_VITE").context("E2E_VITE names no built project")?;
    let built = PathBuf::from(built);
    with_site(&built, true, &[], async |browser, server| {
        finds_the_example(browser).await?;
        // All of it comes from the project's own files, which Vite has named.
        let log = server.log();
        ensure!(
            log.iter().any(|line| line.contains("/assets/model-")),
            "{log:?}"
        );

        // The same from the development server, which lets files through as they are or rewrites them.
        let project = built.parent().context("the built project lies in it")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut vite = Command::new(project.join("node_modules/.bin/vite"))
            .args(["--host", "127.0.0.1", "--strictPort"])
            .args(["--logLevel", "warn", "--port", &port.to_string()])
            .current_dir(project)
            .kill_on_drop(true)
            .spawn()
            .context("Vite does not start")?;
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(vite.try_wait()?.is_none(), "Vite has ended");
            ensure!(start.elapsed() < Duration::from_secs(30), "Vite is silent");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let address = format!("http://127.0.0.1:{port}/");
        browser.goto(&address).await?;
        let done = finds_the_example(browser).await;
        // Its page would complain that it is gone.
        browser.goto(&server.url()).await?;
        vite.kill().await?;
        done
    })
}

/// What the project's page says it has found.
async fn finds_the_example(browser: &Browser) -> Result<()> {
    until(
        "an answer",
        browser,
        "window.found !== undefined || window.failed !== undefined",
    )
    .await?;
    let failed = browser.evaluate("window.failed ?? null").await?;
    assert_eq!(failed, Value::Null);
    let found = browser.evaluate("window.found").await?;
    let (places, _) = places(&found["entities"])?;
    let found_words: Vec<_> = places
        .iter()
        .map(|(name, word, ..)| (word.as_str(), name.as_str()))
        .collect();
    assert_eq!(found_words, EXAMPLE_FOUND);
    assert_eq!(found["tokens"][0]["word"], "irregular");
    until(
        "the marks of the element",
        browser,
        "document.querySelector('clinical-ner').entities.length === 2",
    )
    .await
}

/// The package and the site are of one build.
#[test]
fn package_holds_what_npm_needs() -> Result<()> {
    let package = package()?;
    let manifest: Value = serde_json::from_str(&fs::read_to_string(package.join("package.json"))?)?;
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    let mut named = vec![manifest["types"].as_str().context("no types")?.to_owned()];
    for target in manifest["exports"]
        .as_object()
        .context("no exports")?
        .values()
    {
        let targets = target
            .as_object()
            .map(|targets| targets.values().collect())
            .unwrap_or(vec![target]);
        named.extend(
            targets
                .iter()
                .filter_map(|target| target.as_str().map(str::to_owned)),
        );
    }
    // The first condition that holds is taken.
    let text = fs::read_to_string(package.join("package.json"))?;
    let exports = &text[text.find("\"exports\"").context("no exports")?..];
    for entry in exports.split('}') {
        if let Some(default) = entry.find("\"default\"") {
            let types = entry.find("\"types\"");
            ensure!(types.is_some_and(|types| types < default), "{text}");
        }
    }
    for name in named {
        ensure!(
            package.join(&name).is_file(),
            "{name} is not in the package"
        );
    }
    let builds = fs::read_to_string(package.join("builds.js"))?;
    for variant in ["threads", "relaxed", "simd128"] {
        for ending in ["txt", "wasm"] {
            let address = format!("new URL(\"./worker-{variant}.{ending}\", import.meta.url)");
            ensure!(builds.contains(&address), "{builds}");
        }
    }
    ensure!(site_folder()?.join("index.html").is_file());
    Ok(())
}
