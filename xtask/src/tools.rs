//! The tools that building and testing need, at pinned versions.
//!
//! A tool of the right version on PATH is used as it is. What is missing is installed from the
//! package registries into `target/tools`, nowhere else, and said.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, command, lock, output, run};

const TRUNK: &str = "0.21.14";
const CARGO_FUZZ: &str = "0.13.1";
const GECKODRIVER: &str = "0.37.1";
/// Version of the npm package `binaryen`; `npm/package-lock.json` pins its hash. Debian's version
/// 108 breaks wasm-bindgen's output.
const WASM_OPT: &str = "132";
const CARGO_DENY: &str = "0.20.2";
/// Version of the npm package `axe-core`, and its script.
const AXE: &str = "4.14.1";
const AXE_SCRIPT: &str = "axe.min.js";
const PACKAGE: &str = include_str!("../npm/package.json");
const PACKAGE_LOCK: &str = include_str!("../npm/package-lock.json");

pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";
/// With musl, since rustup brings the libraries for it, and a linker.
pub(crate) const ARM_TARGET: &str = "aarch64-unknown-linux-musl";

/// What building the site needs.
pub(crate) struct SiteTools {
    /// PATH on which Trunk and wasm-bindgen of the right version come first.
    pub(crate) path: OsString,
    /// Absent where Node is not installed.
    pub(crate) wasm_opt: Option<PathBuf>,
}

/// A browser that drives the site.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Chromium,
    Firefox,
    WebKit,
}

/// The programs that make one up, by the environment variables in which the end-to-end tests look for them.
pub(crate) type Programs = BTreeMap<&'static str, PathBuf>;

/// Parts of the Rust toolchain beside the compiler.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Clippy,
    Rustfmt,
    WasmTarget,
    ArmTarget,
    /// The standard library's source, for a build of it with threads.
    Source,
}

/// Installs the parts of the toolchain that are missing. rustup does it by itself in most set-ups,
/// but not where `RUSTUP_AUTO_INSTALL=0` is set or a part was removed.
pub(crate) fn ensure_rust(parts: &[Part]) -> Result<()> {
    for &part in parts {
        let (present, what, add): (bool, _, [&str; 3]) = match part {
            Part::Clippy => (
                output(cargo().args(["clippy", "--version"])).is_some(),
                "clippy",
                ["component", "add", "clippy"],
            ),
            Part::Rustfmt => (
                output(cargo().args(["fmt", "--version"])).is_some(),
                "rustfmt",
                ["component", "add", "rustfmt"],
            ),
            Part::WasmTarget => (
                has_target(WASM_TARGET),
                "the standard library for wasm32",
                ["target", "add", WASM_TARGET],
            ),
            Part::ArmTarget => (
                has_target(ARM_TARGET),
                "the standard library for aarch64",
                ["target", "add", ARM_TARGET],
            ),
            Part::Source => (
                has_source(),
                "the standard library's source",
                ["component", "add", "rust-src"],
            ),
        };
        if present {
            continue;
        }
        eprintln!("{what} is missing: asking rustup for it");
        run(command("rustup").args(add)).with_context(|| {
            format!("{what} is needed; without rustup, install it the way this Rust toolchain was installed")
        })?;
    }
    Ok(())
}

fn has_target(target: &str) -> bool {
    let libraries = output(command("rustc").args(["--print", "target-libdir", "--target", target]));
    libraries.is_some_and(|folder| Path::new(folder.trim()).is_dir())
}

fn has_source() -> bool {
    let root = output(command("rustc").args(["--print", "sysroot"]));
    root.is_some_and(|root| {
        let library = Path::new(root.trim()).join("lib/rustlib/src/rust/library");
        library.join("Cargo.lock").is_file()
    })
}

/// Finds or installs Trunk, wasm-bindgen and, where there is Node, wasm-opt.
pub(crate) fn for_site() -> Result<SiteTools> {
    let tools = folder();
    let _lock = lock(&tools.join("lock"))?;
    ensure_rust(&[Part::WasmTarget, Part::Source])?;

    let trunk = match find("trunk", TRUNK) {
        Some(trunk) => trunk,
        None => {
            eprintln!(
                "Trunk {TRUNK}, which bundles the page, is not installed: building it (about 3 minutes)"
            );
            // Without its TLS features Trunk cannot download tools behind our back.
            cargo_install(
                "trunk",
                &[
                    "trunk",
                    "--version",
                    TRUNK,
                    "--locked",
                    "--no-default-features",
                ],
                TRUNK,
            )?
        }
    };
    let version = wasm_bindgen_version(&crate::root().join("Cargo.lock"))?;
    let wasm_bindgen = match find("wasm-bindgen", &version) {
        Some(wasm_bindgen) => wasm_bindgen,
        None => {
            eprintln!(
                "wasm-bindgen {version}, as in Cargo.lock, is not installed: building it (about 1 minute)"
            );
            cargo_install(
                "wasm-bindgen",
                &["wasm-bindgen-cli", "--version", &version],
                &version,
            )?
        }
    };

    let first = [trunk, wasm_bindgen]
        .map(|tool| tool.parent().expect("a tool lies in a folder").to_owned());
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(first.into_iter().chain(env::split_paths(&path)))
        .context("PATH cannot be extended")?;
    Ok(SiteTools {
        path,
        wasm_opt: wasm_opt()?,
    })
}

/// Finds or installs cargo-deny.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    let _lock = lock(&folder().join("lock"))?;
    if let Some(tool) = find("cargo-deny", CARGO_DENY) {
        return Ok(tool);
    }
    eprintln!(
        "cargo-deny {CARGO_DENY}, which looks at the dependencies, is not installed: building it (about 2 minutes)"
    );
    let version = ["cargo-deny", "--version", CARGO_DENY];
    let lean = ["--locked", "--no-default-features"];
    cargo_install(
        "cargo-deny",
        &[version.as_slice(), &lean].concat(),
        CARGO_DENY,
    )
}

/// Runs `cargo install`, unoptimized since the tools run for seconds, and returns the installed
/// program.
fn cargo_install(program: &str, args: &[&str], version: &str) -> Result<PathBuf> {
    let build = folder().join("build");
    run(cargo()
        .arg("install")
        .args(args)
        .args(["--debug", "--force", "--root"])
        .arg(folder())
        .env("CARGO_TARGET_DIR", &build)
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env_remove("RUSTFLAGS"))?;
    // Several hundred megabytes that nobody needs again.
    fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
    find(program, version)
        .with_context(|| format!("{program} was installed but does not report version {version}"))
}

/// Finds or installs wasm-opt. `None` where there is no Node.
fn wasm_opt() -> Result<Option<PathBuf>> {
    if let Some(tool) = find("wasm-opt", WASM_OPT) {
        return Ok(Some(tool));
    }
    if !has_node() {
        return Ok(None);
    }
    eprintln!(
        "wasm-opt {WASM_OPT}, which makes the page smaller and faster, is not installed: asking npm for it"
    );
    ask_npm()?;
    let tool = find("wasm-opt", WASM_OPT)
        .context("npm installed binaryen, but its wasm-opt does not run")?;
    Ok(Some(tool))
}

/// Finds or installs axe-core, a script by which the tests look for what keeps people out. `None` where there is no Node, which
/// brings it.
pub(crate) fn axe() -> Result<Option<PathBuf>> {
    let script = folder().join(format!("npm/node_modules/axe-core/{AXE_SCRIPT}"));
    let is_there = || {
        let start = fs::read_to_string(&script).unwrap_or_default();
        start.starts_with(&format!("/*! axe v{AXE}"))
    };
    if !is_there() {
        if !has_node() {
            return Ok(None);
        }
        let _lock = lock(&folder().join("lock"))?;
        eprintln!(
            "axe-core {AXE}, which the tests of accessibility need, is not installed: asking npm for it"
        );
        ask_npm()?;
        anyhow::ensure!(
            is_there(),
            "npm installed axe-core, but {} is not of it",
            script.display()
        );
    }
    Ok(Some(script))
}

/// Whether there are Node and npm.
pub(crate) fn has_node() -> bool {
    ["node", "npm"]
        .iter()
        .all(|name| output(command(name).arg("--version")).is_some())
}

/// Installs what `xtask/npm` names.
fn ask_npm() -> Result<()> {
    let folder = folder().join("npm");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::write(folder.join("package.json"), PACKAGE)?;
    fs::write(folder.join("package-lock.json"), PACKAGE_LOCK)?;
    npm_ci(&folder)
}

/// Installs what a folder's lock file names.
pub(crate) fn npm_ci(folder: &Path) -> Result<()> {
    run(command("npm")
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
        ])
        .arg(folder))
}

/// Packs a package's folder and installs what comes of it into a project, without a network: a package of ours needs no other.
pub(crate) fn npm_pack_into(package: &Path, project: &Path) -> Result<()> {
    let manifest = fs::read(package.join("package.json"))
        .with_context(|| format!("{} is no package", package.display()))?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest)?;
    let field = |name: &str| {
        manifest[name]
            .as_str()
            .context("package.json is incomplete")
    };
    let tarball = format!("{}-{}.tgz", field("name")?, field("version")?);
    run(command("npm")
        .args(["pack", "--silent", "--pack-destination"])
        .arg(project)
        .current_dir(package))?;
    run(command("npm")
        .args(["install", "--no-save", "--offline", "--ignore-scripts"])
        .args(["--no-audit", "--no-fund"])
        .arg(project.join(tarball))
        .current_dir(project))
}

impl Engine {
    /// As `E2E_BROWSER` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::WebKit => "webkit",
        }
    }

    /// Its programs: the variable, then the names on PATH or the paths, in which `*` stands for any folder.
    fn programs(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Chromium => &[
                (
                    "CHROMIUM",
                    &["chromium", "chromium-browser", "google-chrome"],
                ),
                ("CHROMEDRIVER", &["chromedriver"]),
            ],
            // Its WebDriver comes from elsewhere.
            Self::Firefox => &[("FIREFOX", &["firefox-esr", "firefox"])],
            Self::WebKit => &[
                ("WEBKIT_WEBDRIVER", &["WebKitWebDriver"]),
                (
                    "WEBKIT_MINIBROWSER",
                    &[
                        "/usr/lib/*/webkit2gtk-4.1/MiniBrowser",
                        "/usr/lib/*/webkit2gtk-4.0/MiniBrowser",
                        "/usr/lib/*/webkitgtk-6.0/MiniBrowser",
                    ],
                ),
                ("XVFB", &["Xvfb"]),
            ],
        }
    }

    /// What Debian calls it.
    fn packages(self) -> &'static str {
        match self {
            Self::Chromium => "chromium chromium-driver",
            Self::Firefox => "firefox-esr",
            Self::WebKit => "webkit2gtk-driver xvfb",
        }
    }

    /// How to have it where there is no apt.
    fn elsewhere(self) -> &'static str {
        match self {
            Self::Chromium => {
                "install Chrome or Chromium and the chromedriver of the same version, and name them in the \
                 environment variables CHROMIUM and CHROMEDRIVER."
            }
            Self::Firefox => "install Firefox, and name it in the environment variable FIREFOX.",
            Self::WebKit => {
                "install WebKitGTK with its WebDriver and MiniBrowser, and Xvfb, and name them in the environment \
                 variables WEBKIT_WEBDRIVER, WEBKIT_MINIBROWSER and XVFB."
            }
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
            Self::WebKit => "WebKitGTK",
        })
    }
}

/// Finds a browser and its WebDriver, or installs them where that is possible without asking: as
/// root on Debian's kin.
pub(crate) fn for_browser(engine: Engine) -> Result<Programs> {
    let mut programs = find_browser(engine);
    let packages = engine.packages();
    if programs.is_none() {
        let what = format!("{engine}, which the end-to-end tests drive,");
        if ask_apt(packages, &what)? {
            programs = find_browser(engine);
        }
    }
    let Some(mut programs) = programs else {
        let names: Vec<_> = engine
            .programs()
            .iter()
            .map(|(_, names)| names[0])
            .collect();
        bail!(
            "the end-to-end tests in {engine} need programs that are not all there: {}.\n\
             On Debian: sudo apt-get update && sudo {APT_INSTALL} {packages}\n\
             Elsewhere: {}\n\
             To run everything else: cargo xtask test --skip-browser{}",
            names.join(", "),
            engine.elsewhere(),
            match engine {
                Engine::Chromium => String::new(),
                _ => format!("={}", engine.name()),
            }
        );
    };
    if engine == Engine::Firefox {
        programs.insert("GECKODRIVER", geckodriver()?);
    }
    Ok(programs)
}

/// Finds or builds Firefox's WebDriver, which Debian does not have.
fn geckodriver() -> Result<PathBuf> {
    if let Some(geckodriver) = env::var_os("GECKODRIVER") {
        return Ok(geckodriver.into());
    }
    let _lock = lock(&folder().join("lock"))?;
    if let Some(geckodriver) = find("geckodriver", GECKODRIVER) {
        return Ok(geckodriver);
    }
    eprintln!(
        "geckodriver {GECKODRIVER}, Firefox's WebDriver, is not installed: building it (about 2 minutes)"
    );
    let args = ["geckodriver", "--version", GECKODRIVER, "--locked"];
    cargo_install("geckodriver", &args, GECKODRIVER)
}

/// Finds QEMU's emulator of aarch64 processors for single programs, or installs it as
/// [`for_browser`] does.
pub(crate) fn for_arm() -> Result<PathBuf> {
    let find = || {
        ["qemu-aarch64-static", "qemu-aarch64"]
            .iter()
            .find_map(|name| on_path(name))
    };
    if let Some(emulator) = find() {
        return Ok(emulator);
    }
    let packages = "qemu-user-static";
    if ask_apt(packages, "QEMU, which runs the kernels for aarch64,")?
        && let Some(emulator) = find()
    {
        return Ok(emulator);
    }
    bail!(
        "the step `unit-arm` needs QEMU's user mode emulation, and `qemu-aarch64` is not on PATH.\n\
         On Debian: sudo apt-get update && sudo {APT_INSTALL} {packages}"
    );
}

/// Finds or installs cargo-fuzz, and the C++ compiler that libFuzzer is built with, as
/// [`for_browser`] does.
pub(crate) fn for_fuzzing() -> Result<PathBuf> {
    let has_compiler = || env::var_os("CXX").is_some() || on_path("c++").is_some();
    let packages = "g++";
    if !has_compiler() && !ask_apt(packages, "A C++ compiler, which builds libFuzzer,")? {
        bail!(
            "the step `fuzz` builds libFuzzer, and `c++` is not on PATH.\n\
             On Debian: sudo apt-get update && sudo {APT_INSTALL} {packages}"
        );
    }
    let _lock = lock(&folder().join("lock"))?;
    if let Some(cargo_fuzz) = find("cargo-fuzz", CARGO_FUZZ) {
        return Ok(cargo_fuzz);
    }
    eprintln!(
        "cargo-fuzz {CARGO_FUZZ}, which builds fuzz targets, is not installed: building it (about 1 minute)"
    );
    let args = ["cargo-fuzz", "--version", CARGO_FUZZ, "--locked"];
    cargo_install("cargo-fuzz", &args, CARGO_FUZZ)
}

const APT_INSTALL: &str = "apt-get install -y --no-install-recommends";

/// Installs packages, which are missing, where that is possible without asking; returns whether it
/// is.
fn ask_apt(packages: &str, what: &str) -> Result<bool> {
    let root = output(command("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    if !root || on_path("apt-get").is_none() {
        return Ok(false);
    }
    eprintln!("{what} is missing: asking apt for it");
    for line in ["apt-get update", &format!("{APT_INSTALL} {packages}")] {
        run(command("sh")
            .args(["-c", line])
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    Ok(true)
}

fn find_browser(engine: Engine) -> Option<Programs> {
    let program = |(variable, names): &(&'static str, &[&str])| {
        let named = env::var_os(variable).map(PathBuf::from);
        let found = named.or_else(|| names.iter().find_map(|name| installed(name)))?;
        Some((*variable, found))
    };
    engine.programs().iter().map(program).collect()
}

/// A program by its name on PATH, or by a path in which `*` stands for any one folder.
fn installed(name: &str) -> Option<PathBuf> {
    let Some((before, after)) = name.split_once("/*/") else {
        return on_path(name);
    };
    let folders = fs::read_dir(before).ok()?;
    let mut paths = folders.filter_map(|folder| Some(folder.ok()?.path().join(after)));
    paths.find(|path| path.is_file())
}

fn folder() -> PathBuf {
    crate::target().join("tools")
}

/// The program of that name and version in our own folder or on PATH.
fn find(program: &str, version: &str) -> Option<PathBuf> {
    let own = [folder().join("bin"), folder().join("npm/node_modules/.bin")]
        .map(|folder| folder.join(program));
    own.into_iter().chain(on_path(program)).find(|path| {
        let report = output(Command::new(path).arg("--version"));
        report.is_some_and(|report| report.split_whitespace().any(|word| word == version))
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// The version of the `wasm-bindgen` crate in a Cargo.lock: the tool must be of the same.
fn wasm_bindgen_version(lock: &Path) -> Result<String> {
    let text =
        fs::read_to_string(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let mut lines = text
        .lines()
        .skip_while(|line| *line != r#"name = "wasm-bindgen""#)
        .skip(1);
    let version = lines
        .next()
        .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    version
        .map(str::to_owned)
        .with_context(|| format!("{} has no wasm-bindgen", lock.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_lock_file_pins_wasm_bindgen() {
        let version = wasm_bindgen_version(&crate::root().join("Cargo.lock")).unwrap();
        assert_eq!(version.split('.').count(), 3, "{version}");
        let manifest = fs::read_to_string(crate::root().join("web/Cargo.toml")).unwrap();
        assert!(
            manifest.contains(&format!("wasm-bindgen = \"={version}\"")),
            "web pins another version than {version}"
        );
    }

    #[test]
    fn npm_lock_pins_the_version_asked_for() {
        assert!(PACKAGE.contains(&format!("\"binaryen\": \"{WASM_OPT}.0.0\"")));
        assert!(PACKAGE_LOCK.contains(&format!("\"version\": \"{WASM_OPT}.0.0\"")));
        assert!(PACKAGE.contains(&format!("\"axe-core\": \"{AXE}\"")));
        assert!(PACKAGE_LOCK.contains(&format!("\"version\": \"{AXE}\"")));
        assert!(PACKAGE_LOCK.contains("\"integrity\": \"sha512-"));
    }
}
