//! The static site: Trunk builds the page, [`assemble`] adds the workers and the model, gives every
//! built file a name made of its content, and has the browser check each by its hash.

mod compress;
mod model;
mod npm;
mod sbom;
mod single;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::command::{cargo, command, lock, output, run};
use crate::tools::{self, SiteTools, WASM_TARGET};
use crate::{cargo_target, html, root, target};

/// A build of the worker. WebAssembly modules are validated whole, so that each set of instructions
/// needs a module of its own; `www/analysis.js` chooses among them.
struct Variant {
    name: &'static str,
    target_features: &'static str,
    /// Whether several workers can run on one memory.
    threads: bool,
}

const VARIANTS: [Variant; 3] = [
    Variant {
        name: "simd128",
        target_features: "+simd128",
        threads: false,
    },
    Variant {
        name: "relaxed",
        target_features: "+simd128,+relaxed-simd",
        threads: false,
    },
    Variant {
        name: "threads",
        target_features: "+simd128,+relaxed-simd,+atomics,+bulk-memory,+mutable-globals",
        threads: true,
    },
];

/// What a build with threads asks of the linker: a memory that is made outside, that all threads
/// share and whose limit is fixed (1 GiB, of which a browser uses what is asked for), and the names
/// by which wasm-bindgen gives every thread its own stack and thread-local variables.
const SHARED_MEMORY: [&str; 8] = [
    "--shared-memory",
    "--import-memory",
    "--max-memory=1073741824",
    "--export=__wasm_init_tls",
    "--export=__tls_size",
    "--export=__tls_align",
    "--export=__tls_base",
    "--export=__heap_base",
];

/// What wasm-opt does to the engine: little, for LLVM has done the rest. From -O2 on it moves the
/// loads of the innermost loops, and V8 runs out of registers: a forward pass then takes 1.5 times as
/// long.
pub(crate) const WORKER_OPTIMIZATION: &str = "-O1";

/// The script that knows what a browser can run.
const KERNELS: &str = "kernels.js";

/// The script that chooses among the workers, and where it leaves room for what is built.
const CHOOSER: &str = "analysis.js";
const WORKERS: &str = "var WORKERS = {};";
const CHOSEN_MODEL: &str = "var MODEL = null;";

/// The script that speaks where the page cannot.
const SPEAKER: &str = "start.js";

/// The script that serves the page without a network, and where it leaves room for the page's files.
const SERVICE_WORKER: &str = "sw.js";
const BUILD: &str = r#"const BUILD = { version: "", files: {}, workers: {} };"#;

/// How every worker's script finds the model and begins its module.
const START: [&str; 2] = [
    include_str!("../../web/src/worker/model.js"),
    include_str!("../../web/src/worker/start.js"),
];

/// Where the page and `trainer predict` look for the model.
pub(crate) const MODEL: &str = "www/models/default/model.safetensors";

/// What is built beside the site.
#[derive(clap::Args, Clone, Copy, Default)]
pub(crate) struct Args {
    /// Writes target/dist/clinical-ner.html too: the page, its program and the model in one file that is opened without a server
    #[arg(long)]
    pub(crate) single_file: bool,
    /// Writes target/dist/npm too: the model as a package for other pages
    #[arg(long)]
    pub(crate) npm: bool,
}

/// Builds the site and returns its folder.
pub(crate) fn dist(args: Args) -> Result<PathBuf> {
    let tools = tools::for_site()?;
    let _lock = lock(&target().join("dist/lock"))?;
    ensure!(
        root().join(MODEL).is_file(),
        "{MODEL} is not there, and a site without a model would find nothing: `cargo xtask train-default` makes it"
    );
    // Trunk and the worker's build run offline: everything is fetched here, once.
    run(cargo().args(["fetch", "--locked"]))?;
    for variant in VARIANTS.iter().filter(|variant| variant.threads) {
        // Fetches what the standard library is made of: of that, unlike of our own crates, cargo
        // fetches by default what the host needs, and WebAssembly has an allocator beside it.
        let environment = worker_environment(variant)?;
        run(cargo()
            .args(["fetch", "--locked", "--target", WASM_TARGET])
            .envs(environment))?;
    }
    let site = target().join("dist/site");
    run(command("trunk")
        .args(["build", "--config"])
        .arg(root().join("www/Trunk.toml"))
        .args(["--release", "--offline", "--skip-version-check", "--dist"])
        .arg(&site)
        .env("PATH", &tools.path)
        .env(RUSTFLAGS, rustflags("")?)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // Trunk refuses the value `1` that the convention asks for.
        .env_remove("NO_COLOR"))?;
    eprintln!(
        "the site is in {}",
        site.strip_prefix(root()).unwrap_or(&site).display()
    );
    for (name, bytes) in largest_files(&site)? {
        eprintln!("{:>12} bytes  {name}", bytes);
    }
    let fastest = VARIANTS.last().expect("there are builds of the worker");
    let [page, worker] = compress::weight(&site, &format!("worker-{}-", fastest.name))?;
    eprintln!(
        "without the model, compressed by brotli: {page} bytes of the page, {worker} of a worker"
    );
    if args.npm {
        let folder = npm::build(&site)?;
        eprintln!(
            "the package is in {}",
            folder.strip_prefix(root()).unwrap_or(&folder).display()
        );
    }
    if args.single_file {
        let file = single::build(&site, &tools)?;
        let bytes = fs::metadata(&file)?.len();
        eprintln!(
            "{bytes:>12} bytes  {}",
            file.strip_prefix(root()).unwrap_or(&file).display()
        );
    }
    Ok(site)
}

/// Finishes what Trunk has built so far, in the folder that it names in TRUNK_STAGING_DIR.
pub(crate) fn assemble() -> Result<()> {
    let staging = env::var_os("TRUNK_STAGING_DIR").map(PathBuf::from);
    let staging =
        staging.context("TRUNK_STAGING_DIR is not set: Trunk calls this, see www/Trunk.toml")?;
    let tools = tools::for_site()?;
    if tools.wasm_opt.is_none() {
        eprintln!(
            "Node is not installed: wasm-opt is skipped, the page is larger and slower than it could be"
        );
    }
    let index = staging.join("index.html");
    let mut page =
        fs::read_to_string(&index).with_context(|| format!("cannot read {}", index.display()))?;

    let mut workers = serde_json::Map::new();
    for variant in &VARIANTS {
        workers.insert(variant.name.to_owned(), worker(variant, &tools, &staging)?);
    }
    let path = MODEL.strip_prefix("www/").expect("the model lies in www");
    let model = model::split(&staging, path)?;
    let chooser = staging.join(CHOOSER);
    let mut script = fs::read_to_string(&chooser)
        .with_context(|| format!("cannot read {}", chooser.display()))?;
    for (room, name, value) in [
        (WORKERS, "WORKERS", &workers.clone().into()),
        (CHOSEN_MODEL, "MODEL", &model),
    ] {
        ensure!(script.contains(room), "{CHOOSER} has no line `{room}`");
        script = script.replacen(room, &format!("var {name} = {value};"), 1);
    }
    write(&chooser, script.as_bytes())?;
    // The application and the workers rely on them: no cache should have an older one beside them.
    for name in [KERNELS, CHOOSER, SPEAKER] {
        let (stem, ending) = name.split_once('.').expect("a file with an ending");
        let hashed = format!("{stem}-{}.{ending}", hash(&read(&staging.join(name))?));
        fs::rename(staging.join(name), staging.join(&hashed))
            .with_context(|| format!("cannot rename {name}"))?;
        page = page.replace(&format!("\"{name}\""), &format!("\"{hashed}\""));
    }
    page = link_app(&page, &tools, &staging)?;
    page = html::with_integrity(&page, |file| Ok(integrity(&read(&staging.join(file))?)))?;
    html::check(&page, &staging).with_context(|| format!("{}", index.display()))?;
    service_worker(&staging, &page, &workers)?;
    // Not for the page, which does not keep it.
    sbom::write(&staging, &model)?;
    // GitHub's pages are otherwise run through Jekyll, which leaves files out.
    write(&staging.join(".nojekyll"), b"")?;
    fs::write(&index, page).with_context(|| format!("cannot write {}", index.display()))?;
    compress::all(&staging)
}

/// Tells the service worker which files the page is made of, which is what it keeps.
fn service_worker(
    staging: &Path,
    page: &str,
    workers: &serde_json::Map<String, serde_json::Value>,
) -> Result<()> {
    let mut files = serde_json::Map::new();
    files.insert("./".to_owned(), integrity(page.as_bytes()).into());
    for entry in fs::read_dir(staging)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // Files that begin with an underscore are for the host.
        let is_page = !name.starts_with(['_', '.'])
            && !name.starts_with("worker-")
            && name != SERVICE_WORKER
            && name != "index.html";
        if is_page && staging.join(&name).is_file() {
            let hash = integrity(&read(&staging.join(&name))?);
            files.insert(name, hash.into());
        }
    }
    let mut of_workers = serde_json::Map::new();
    for worker in workers.values() {
        for part in ["script", "program"] {
            let name = worker[part].as_str().context("a worker without a name")?;
            of_workers.insert(name.to_owned(), worker[&format!("{part}Hash")].clone());
        }
    }
    let parts = json!({"files": files, "workers": of_workers});
    let build = json!({
        "version": hash(parts.to_string().as_bytes()),
        "files": files,
        "workers": of_workers,
    });
    let path = staging.join(SERVICE_WORKER);
    let script =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        script.contains(BUILD),
        "{SERVICE_WORKER} has no line `{BUILD}`"
    );
    let script = script.replacen(BUILD, &format!("const BUILD = {build};"), 1);
    write(&path, script.as_bytes())
}

/// Builds a variant of the worker into `staging` and tells `www/analysis.js` what it is made of.
fn worker(variant: &Variant, tools: &SiteTools, staging: &Path) -> Result<serde_json::Value> {
    let cargo_target = worker_target(variant);
    run(cargo()
        .args([
            "build",
            "--locked",
            "--offline",
            "--package",
            "web",
            "--bin",
            "worker",
            "--features",
            "worker",
        ])
        .args(["--profile", "worker", "--target", WASM_TARGET])
        .envs(worker_environment(variant)?)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
    let built = cargo_target.join(WASM_TARGET).join("worker/worker.wasm");
    let bound = cargo_target.join("bindgen");
    run(command("wasm-bindgen")
        .arg(&built)
        .args([
            "--target",
            "no-modules",
            "--no-typescript",
            "--remove-producers-section",
        ])
        .args(["--out-name", "worker", "--out-dir"])
        .arg(&bound)
        .env("PATH", &tools.path))?;

    let mut wasm = bound.join("worker_bg.wasm");
    if let Some(wasm_opt) = &tools.wasm_opt {
        let optimized = bound.join("worker_opt.wasm");
        run(Command::new(wasm_opt)
            .args([WORKER_OPTIMIZATION, "-o"])
            .arg(&optimized)
            .arg(&wasm))?;
        wasm = optimized;
    }
    let bytes = read(&wasm)?;
    let wasm_name = format!("worker-{}-{}.wasm", variant.name, hash(&bytes));
    write(&staging.join(&wasm_name), &bytes)?;

    let glue = bound.join("worker.js");
    let mut script =
        fs::read_to_string(&glue).with_context(|| format!("cannot read {}", glue.display()))?;
    START.iter().for_each(|part| script.push_str(part));
    let script_name = format!("worker-{}-{}.js", variant.name, hash(script.as_bytes()));
    write(&staging.join(&script_name), script.as_bytes())?;
    Ok(json!({
        "script": script_name,
        "scriptHash": integrity(script.as_bytes()),
        "program": wasm_name,
        "programHash": integrity(&bytes),
    }))
}

/// Optimizes the page's own module, renames its files by their content, and puts the links to it
/// into the page.
fn link_app(page: &str, tools: &SiteTools, staging: &Path) -> Result<String> {
    let tags = html::tags(page)?;
    let slot = tags
        .iter()
        .find(|tag| tag.name == "script" && tag.attribute("data-app-wasm").is_some());
    let slot = slot.context(
        "Trunk left no <script data-app-js data-app-wasm>, see `pattern_script` in www/Trunk.toml",
    )?;
    let named = |attribute| {
        slot.attribute(attribute)
            .context("the <script> of `pattern_script` lacks an attribute")
    };
    let (script_name, wasm_name) = (named("data-app-js")?, named("data-app-wasm")?);
    let (script_path, wasm_path) = (staging.join(script_name), staging.join(wasm_name));

    optimize_app(tools, &wasm_path)?;
    let wasm = read(&wasm_path)?;
    let new_wasm = format!("app-{}.wasm", hash(&wasm));
    fs::rename(&wasm_path, staging.join(&new_wasm))
        .with_context(|| format!("cannot rename {wasm_name}"))?;
    let new_script = format!("app-{}.js", hash(&read(&script_path)?));
    fs::rename(&script_path, staging.join(&new_script))
        .with_context(|| format!("cannot rename {script_name}"))?;

    // A file of its own, since the Content-Security-Policy allows no inline script.
    let boot = format!(
        "import init from \"./{new_script}\";\n\n\
         const integrity = \"{}\";\n\
         await init({{ module_or_path: fetch(new URL(\"./{new_wasm}\", import.meta.url), {{ integrity }}) }});\n",
        integrity(&wasm)
    );
    let new_boot = format!("boot-{}.js", hash(boot.as_bytes()));
    write(&staging.join(&new_boot), boot.as_bytes())?;

    let (before, after) = (&page[..slot.range.start], &page[slot.range.end..]);
    let page = format!("{before}<script type=\"module\" src=\"./{new_boot}\">{after}");
    let head_end = page.find("</head>").context("the page has no </head>")?;
    let (before, after) = page.split_at(head_end);
    Ok(format!(
        "{before}<link rel=\"modulepreload\" href=\"./{new_script}\">\n\
         <link rel=\"preload\" href=\"./{new_wasm}\" as=\"fetch\" type=\"application/wasm\" crossorigin>\n{after}"
    ))
}

/// Makes the application's module small; it is not what takes the time.
fn optimize_app(tools: &SiteTools, wasm: &Path) -> Result<()> {
    match &tools.wasm_opt {
        Some(wasm_opt) => run(Command::new(wasm_opt)
            .args(["-Oz", "-o"])
            .arg(wasm)
            .arg(wasm)),
        None => Ok(()),
    }
}

/// Rust flags of a build for WebAssembly. This variable has no effect on what cargo builds for the
/// host.
const RUSTFLAGS: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

fn rustflags(target_features: &str) -> Result<String> {
    // Panic messages hold source paths: they should not tell whose machine built the site, and the
    // same source should give the same bytes everywhere.
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    let rust =
        output(command("rustc").args(["--print", "sysroot"])).context("rustc does not run")?;
    let rust = Path::new(rust.trim());
    let mut flags = Vec::new();
    // cargo names the sources of the workspace from its root.
    for (path, shown) in [(rust, "rust"), (&home, "cargo")] {
        let path = path.display().to_string();
        // cargo splits the variable at white space.
        if !path.contains(char::is_whitespace) {
            flags.push(format!("--remap-path-prefix={path}={shown}"));
        }
    }
    if !target_features.is_empty() {
        flags.push(format!("-Ctarget-feature={target_features}"));
    }
    Ok(flags.join(" "))
}

/// What the environment of cargo must hold to build or check each variant of the worker.
pub(crate) fn worker_environments() -> Result<Vec<Environment>> {
    VARIANTS.iter().map(worker_environment).collect()
}

type Environment = Vec<(&'static str, OsString)>;

fn worker_environment(variant: &Variant) -> Result<Environment> {
    let mut flags = rustflags(variant.target_features)?;
    let mut environment = vec![("CARGO_TARGET_DIR", worker_target(variant).into())];
    if variant.threads {
        for argument in SHARED_MEMORY {
            flags.push_str(&format!(" -Clink-arg={argument}"));
        }
        // The standard library that rustup has is built without atomics. That it is built along is
        // not stable yet, which this variable of a stable toolchain passes over.
        environment.push(("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort".into()));
        environment.push(("RUSTC_BOOTSTRAP", "1".into()));
    }
    environment.push((RUSTFLAGS, flags.into()));
    Ok(environment)
}

/// A folder for each variant, since cargo would otherwise build all crates anew on each change of
/// the flags.
fn worker_target(variant: &Variant) -> PathBuf {
    cargo_target().join(format!("worker-{}", variant.name))
}

/// What an `integrity` attribute holds.
fn integrity(bytes: &[u8]) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(bytes)))
}

/// The first 16 hexadecimal digits of the SHA-256.
fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Names, relative to the folder, and sizes of the files of more than 10,000 bytes, the largest
/// first.
fn largest_files(folder: &Path) -> Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in
            fs::read_dir(&current).with_context(|| format!("cannot read {}", current.display()))?
        {
            let entry = entry?;
            let size = entry.metadata()?.len();
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if size > 10_000 {
                let name = entry.path().strip_prefix(folder)?.display().to_string();
                files.push((name, size));
            }
        }
    }
    files.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    Ok(files)
}
