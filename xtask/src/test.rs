//! Every test there is, in the order in which failures are cheapest to find.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Args as ClapArgs, ValueEnum};

use crate::command::{cargo, command, output, run};
use crate::tools::{self, ARM_TARGET, Engine, Part, WASM_TARGET};
use crate::{fuzz, site};

/// What to test.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Runs these steps only (repeat for several)
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,
    /// Leaves out the site and what drives it in a browser, or one browser (repeat for both)
    #[arg(
        long,
        value_name = "BROWSER",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all"
    )]
    skip_browser: Vec<Skip>,
    /// Runs also the tests that take minutes, and the steps `unit-arm` and `fuzz`
    #[arg(long)]
    full: bool,
    /// Runs the tests whose names contain one of these (steps `unit`, `unit-wasm`, `unit-arm`, `fuzz` and those of the browsers)
    filter: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Skip {
    /// The site and every browser
    All,
    /// Firefox
    Firefox,
    /// WebKitGTK
    Webkit,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// rustfmt's check
    Format,
    /// clippy for this machine, the engine's for aarch64, and the fuzz targets'
    Lint,
    /// clippy for the page and the worker
    LintWasm,
    /// Licences and sources of all dependencies, and advisories about them where those can be looked up
    Dependencies,
    /// Unit, integration and documentation tests
    Unit,
    /// The engine's tests as WebAssembly in Chromium
    UnitWasm,
    /// The engine's tests for aarch64, emulated; only by name, or with `--full` on Linux where it is
    /// another processor
    UnitArm,
    /// The static site
    Site,
    /// End-to-end tests of the site in Chromium
    Browser,
    /// Those in Firefox; only by name, or with `--full`: about once in a hundred pages its worker stops before it asks for the
    /// model, and the page says "Starting" for ever, which is not understood yet
    BrowserFirefox,
    /// Those in WebKitGTK; all of them only by name or with `--full`, else what a visit consists of
    BrowserWebkit,
    /// Each fuzz target for a minute; only by name, or with `--full` on Linux
    Fuzz,
}

/// Tests that WebKitGTK runs each time: to load, analyse, correct and export. All of them take it twice as long.
const VISIT: [&str; 6] = [
    "editing::",
    "reviewing::",
    "exporting::",
    "files::",
    "kernels::",
    "single_file::",
];

const STEPS: [Step; 12] = [
    Step::Format,
    Step::Lint,
    Step::LintWasm,
    Step::Dependencies,
    Step::Unit,
    Step::UnitWasm,
    Step::UnitArm,
    Step::Site,
    Step::Browser,
    Step::BrowserFirefox,
    Step::BrowserWebkit,
    Step::Fuzz,
];

/// Elsewhere there is no emulation of single programs, or no need for one.
const EMULATES: bool = cfg!(all(target_os = "linux", not(target_arch = "aarch64")));

/// Elsewhere nobody has tried.
const FUZZES: bool = cfg!(target_os = "linux");

/// Runs the steps, stops at the first failure, and prints how long each took.
pub(crate) fn test(args: &Args) -> Result<()> {
    let mut times = Vec::new();
    let done = steps(args, &mut times);
    eprintln!();
    for (step, time) in times {
        eprintln!("{:>15}  {}", name(step), minutes(time));
    }
    done?;
    eprintln!("all steps passed");
    Ok(())
}

fn steps(args: &Args, times: &mut Vec<(Step, Duration)>) -> Result<()> {
    for step in STEPS {
        let needs_browser = matches!(step, Step::UnitWasm | Step::Site) || engine(step).is_some();
        if (!args.only.is_empty() && !args.only.contains(&step))
            || (args.skip_browser.contains(&Skip::All) && needs_browser)
            || (args.skip_browser.contains(&Skip::Firefox) && step == Step::BrowserFirefox)
            || (args.skip_browser.contains(&Skip::Webkit) && step == Step::BrowserWebkit)
            || (step == Step::UnitArm && !(args.full && EMULATES) && args.only.is_empty())
            || (step == Step::BrowserFirefox && !args.full && args.only.is_empty())
            || (step == Step::Fuzz && !(args.full && FUZZES) && args.only.is_empty())
        {
            continue;
        }
        let start = Instant::now();
        let done = match step {
            Step::Format => format(),
            Step::Lint => lint(),
            Step::LintWasm => lint_wasm(),
            Step::Dependencies => dependencies(),
            Step::Unit => unit(args),
            Step::UnitWasm => unit_wasm(args),
            Step::UnitArm => unit_arm(args),
            Step::Site => site::dist(site::Args {
                single_file: true,
                npm: true,
            })
            .map(|_| ()),
            Step::Browser => browser(args, Engine::Chromium),
            Step::BrowserFirefox => browser(args, Engine::Firefox),
            Step::BrowserWebkit => browser(args, Engine::WebKit),
            Step::Fuzz => fuzz::fuzz(&args.filter),
        };
        times.push((step, start.elapsed()));
        done.with_context(|| format!("step `{}`", name(step)))?;
    }
    Ok(())
}

fn format() -> Result<()> {
    tools::ensure_rust(&[Part::Rustfmt])?;
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["fmt", "--manifest-path", FUZZ_MANIFEST, "--check"]))
}

/// A workspace of its own.
const FUZZ_MANIFEST: &str = "fuzz/Cargo.toml";

/// Clippy and the tests select the whole workspace, so that dependencies get the same features, and
/// are compiled once.
fn lint() -> Result<()> {
    tools::ensure_rust(&[Part::Clippy, Part::ArmTarget])?;
    let what = [
        "clippy",
        "--workspace",
        "--features",
        "e2e/browser",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    run(cargo().args(what))?;
    run(cargo()
        .args(["clippy", "--package", "engine", "--target", ARM_TARGET])
        .args(["--", "-D", "warnings"]))?;
    run(cargo()
        .args(["clippy", "--manifest-path", FUZZ_MANIFEST])
        // Without libFuzzer, which is of C++.
        .args(["--no-default-features", "--all-targets"])
        .args(["--", "-D", "warnings"])
        .env("CARGO_TARGET_DIR", crate::cargo_target()))
}

fn lint_wasm() -> Result<()> {
    tools::ensure_rust(&[Part::Clippy, Part::WasmTarget, Part::Source])?;
    let packages = ["clippy", "--target", WASM_TARGET, "--package", "web"];
    run(cargo()
        .args(packages)
        .args(["--features", "app", "--", "-D", "warnings"]))?;
    for environment in site::worker_environments()? {
        let mut command = cargo();
        command
            .envs(environment)
            .env_remove("RUSTFLAGS")
            .args(packages);
        command.args([
            "--package",
            "ner",
            "--package",
            "engine",
            "--features",
            "web/worker,web/bench",
        ]);
        run(command.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// What `deny.toml` asks of every dependency. The database of advisories is a git repository, which is out of reach where there is
/// no network but for the registries.
fn dependencies() -> Result<()> {
    let deny = tools::cargo_deny()?;
    let deny = || command(&deny);
    run(deny().args(["--locked", "check", "licenses", "bans", "sources"]))?;
    if output(deny().args(["fetch", "db"])).is_none() {
        eprintln!("advisories are not checked, as their database cannot be fetched from here");
        return Ok(());
    }
    run(deny().args(["check", "--disable-fetch", "advisories"]))
}

/// Without the feature `e2e/browser` everything but the end-to-end tests.
fn unit(args: &Args) -> Result<()> {
    run(cargo()
        .args(["test", "--workspace", "--"])
        .args(harness_args(args)))
}

/// The kernels that the page runs exist for this target only. wasm-bindgen's runner isolates its page
/// from other origins, as the variant with threads needs it; `engine/webdriver.json` has the
/// browser's options.
fn unit_wasm(args: &Args) -> Result<()> {
    let site = tools::for_site()?;
    let browser = tools::for_browser(Engine::Chromium)?;
    for environment in site::worker_environments()? {
        run(cargo()
            .args(["test", "--package", "engine", "--target", WASM_TARGET])
            .args(["--lib", "--test", "golden", "--"])
            .args(harness_args(args))
            .envs(environment)
            .env_remove("RUSTFLAGS")
            .env("PATH", &site.path)
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
                "wasm-bindgen-test-runner",
            )
            .env("WASM_BINDGEN_USE_BROWSER", "1")
            .envs(&browser))?;
    }
    Ok(())
}

/// What runs on Apple's processors and on servers of that kind, instruction by instruction.
fn unit_arm(args: &Args) -> Result<()> {
    tools::ensure_rust(&[Part::ArmTarget])?;
    run(cargo()
        .args(["test", "--package", "engine", "--target", ARM_TARGET])
        .args(["--lib", "--test", "golden", "--"])
        .args(harness_args(args))
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld")
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER",
            tools::for_arm()?,
        ))
}

/// The engine whose end-to-end tests a step runs.
fn engine(step: Step) -> Option<Engine> {
    match step {
        Step::Browser => Some(Engine::Chromium),
        Step::BrowserFirefox => Some(Engine::Firefox),
        Step::BrowserWebkit => Some(Engine::WebKit),
        _ => None,
    }
}

fn browser(args: &Args, engine: Engine) -> Result<()> {
    let browser = tools::for_browser(engine)?;
    let site = crate::target().join("dist/site");
    ensure!(
        site.join("index.html").is_file(),
        "there is no site in target/dist/site: run the step `site` first"
    );
    // Page and terminal are compared. The profile is that of the step `unit`.
    run(cargo().args(["build", "--package", "trainer", "--bin", "trainer"]))?;
    let trainer = crate::cargo_target().join("debug/trainer");
    let axe = tools::axe()?;
    let vite = vite()?;
    let mut skipped = Vec::new();
    if axe.is_none() || vite.is_none() {
        eprintln!(
            "Node is not installed: the tests of accessibility, by axe-core, and of the package in a Vite project are left out"
        );
        skipped.extend(["--skip", "access::", "--skip", "vite"]);
    }
    let is_asked_for = args.full || !args.only.is_empty() || !args.filter.is_empty();
    let visit: &[&str] = match engine {
        Engine::WebKit if !is_asked_for => &VISIT,
        _ => &[],
    };
    let output = crate::target().join("e2e").join(engine.name());
    fs::create_dir_all(&output).with_context(|| format!("cannot create {}", output.display()))?;
    let left_out = output.join("left-out.txt");
    fs::write(&left_out, "")?;
    let done = run(cargo()
        .args([
            "test",
            "--workspace",
            "--features",
            "e2e/browser",
            "--test",
            "browser",
            "--",
        ])
        .args(skipped)
        .args(harness_args(args))
        .envs(axe.map(|axe| ("E2E_AXE", axe)))
        .envs(vite.map(|vite| ("E2E_VITE", vite)))
        .args(visit)
        // Their errors say where the page is wrong; stack traces of a test runner would bury that.
        .env("RUST_BACKTRACE", "0")
        .env("E2E_BROWSER", engine.name())
        .env("E2E_SITE", site)
        .env("E2E_OUTPUT", output)
        .env("E2E_LEFT_OUT", &left_out)
        .env(
            "E2E_TRAINER",
            trainer.with_extension(env::consts::EXE_EXTENSION),
        )
        .envs(browser));
    let mut left_out: Vec<_> = fs::read_to_string(&left_out)?
        .lines()
        .map(str::to_owned)
        .collect();
    left_out.sort();
    if !left_out.is_empty() {
        eprintln!("left out in {engine}, {}:", left_out.len());
        left_out.iter().for_each(|line| eprintln!("  {line}"));
    }
    done
}

/// Builds a project of somebody else's with the package in it (`tests/fixtures/vite`), and checks the types that it sees; returns
/// where the built one is. `None` where there is no Node.
fn vite() -> Result<Option<PathBuf>> {
    if !tools::has_node() {
        return Ok(None);
    }
    let (fixture, project) = (
        crate::root().join("tests/fixtures/vite"),
        crate::target().join("vite"),
    );
    fs::create_dir_all(&project).with_context(|| project.display().to_string())?;
    let mut is_installed = project.join("node_modules/.bin/vite").is_file();
    for entry in fs::read_dir(&fixture)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let (new, old) = (fs::read(&path)?, fs::read(project.join(&name)).ok());
        if name == "package-lock.json" && old.as_ref() != Some(&new) {
            is_installed = false;
        }
        fs::write(project.join(&name), new)?;
    }
    if !is_installed {
        eprintln!(
            "Vite and TypeScript, with which the package is tried, are not installed: asking npm for them"
        );
        tools::npm_ci(&project)?;
    }
    let package = crate::target().join("dist/npm");
    ensure!(
        package.is_dir(),
        "there is no package in target/dist/npm: run the step `site` first"
    );
    tools::npm_pack_into(&package, &project)?;
    for (tool, args) in [
        ("tsc", &["--project"][..]),
        ("vite", &["build", "--emptyOutDir", "--logLevel", "warn"]),
    ] {
        run(command(project.join("node_modules/.bin").join(tool))
            .args(args)
            .arg(if tool == "tsc" {
                project.join("tsconfig.json")
            } else {
                project.clone()
            })
            .current_dir(&project))?;
    }
    Ok(Some(project.join("dist")))
}

/// Arguments for the test programs themselves.
fn harness_args(args: &Args) -> impl Iterator<Item = &str> {
    let ignored = args.full.then_some("--include-ignored");
    ignored
        .into_iter()
        .chain(args.filter.iter().map(String::as_str))
}

fn name(step: Step) -> String {
    step.to_possible_value()
        .expect("no step is hidden")
        .get_name()
        .to_owned()
}

fn minutes(time: Duration) -> String {
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}
