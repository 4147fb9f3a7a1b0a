//! The model as an npm package for other pages: what `web/npm` holds, with the workers of the built site and the model.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{KERNELS, MODEL, integrity, read, write};
use crate::{root, target};

/// Everything in `web/npm` that goes in as it is.
const SOURCES: [&str; 5] = [
    "clinical-ner.js",
    "clinical-ner.d.ts",
    "element.js",
    "element.d.ts",
    "README.md",
];

/// Where the package's manifest leaves room for the version.
const VERSION: &str = r#""version": """#;

/// What a worker is made of: endings of its files in the site, and here. Bundlers and their development servers rewrite what ends as
/// a script, and its hash would not be what it was.
const PARTS: [[&str; 2]; 2] = [["js", "txt"], ["wasm", "wasm"]];

/// Writes the package and returns where it is.
pub(super) fn build(site: &Path) -> Result<PathBuf> {
    let folder = target().join("dist/npm");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let sources = root().join("web/npm");
    for name in SOURCES {
        write(&folder.join(name), &read(&sources.join(name))?)?;
    }
    for name in ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE"] {
        write(&folder.join(name), &read(&root().join(name))?)?;
    }
    // As text, since the order counts: the first condition of `exports` that holds is taken, so that `types` has to stand first.
    let package = fs::read_to_string(sources.join("package.json"))
        .context("cannot read web/npm/package.json")?;
    ensure!(
        package.contains(VERSION),
        "web/npm/package.json has no line `{VERSION}`"
    );
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let package = package.replacen(VERSION, &version, 1);
    write(&folder.join("package.json"), package.as_bytes())?;

    // A script of the page, here as a module.
    let kernels = read(&root().join("www").join(KERNELS))?;
    let kernels = [kernels.as_slice(), b"\nexport { kernels };\n"].concat();
    write(&folder.join(KERNELS), &kernels)?;
    let model = read(&root().join(MODEL))?;
    write(&folder.join("model.safetensors"), &model)?;

    let mut builds = String::from(
        "// Written by the build. Addresses stand here as bundlers look for them.\nexport const builds = {\n",
    );
    for variant in &super::VARIANTS {
        let mut parts = Vec::new();
        for [in_site, ending] in PARTS {
            let built = built(site, variant.name, in_site)?;
            let name = format!("worker-{}.{ending}", variant.name);
            let bytes = read(&built)?;
            write(&folder.join(&name), &bytes)?;
            parts.push((name, integrity(&bytes)));
        }
        let [(script, script_hash), (program, program_hash)] = &parts[..] else {
            unreachable!("a script and a program");
        };
        builds.push_str(&format!(
            "  {}: {{\n    script: new URL(\"./{script}\", import.meta.url).href,\n    scriptHash: \"{script_hash}\",\n    \
             program: new URL(\"./{program}\", import.meta.url).href,\n    programHash: \"{program_hash}\",\n  }},\n",
            variant.name
        ));
    }
    let facts = json!({ "name": "models/default/model.safetensors", "sha256": super::model::sha256(&model) });
    builds.push_str(&format!(
        "}};\nexport const model = {{\n  url: new URL(\"./model.safetensors\", import.meta.url).href,\n  name: {},\n  sha256: {},\n}};\n",
        facts["name"], facts["sha256"]
    ));
    write(&folder.join("builds.js"), builds.as_bytes())?;
    Ok(folder)
}

/// A worker's file in the site, where its name has a hash.
fn built(site: &Path, variant: &str, ending: &str) -> Result<PathBuf> {
    let start = format!("worker-{variant}-");
    let end = format!(".{ending}");
    let mut found = Vec::new();
    for entry in fs::read_dir(site).with_context(|| format!("cannot read {}", site.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(&start) && name.ends_with(&end) {
            found.push(site.join(name));
        }
    }
    ensure!(
        found.len() == 1,
        "the site has {} files {start}*{end}",
        found.len()
    );
    Ok(found.remove(0))
}
