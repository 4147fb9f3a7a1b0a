//! What the site is made of, as a CycloneDX bill of materials for whoever keeps track of it.
//!
//! It is our own, as `cargo cyclonedx` writes into the source tree, tells of what runs while building as of what is served, and
//! cannot name the model. It has no time and no serial number, so that the same source gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::command::{cargo, command, output};
use crate::root;
use crate::tools::WASM_TARGET;

/// In the site's folder.
pub(super) const FILE: &str = "sbom.cdx.json";

/// The whole page: both programs are in one package.
const PACKAGE: &str = "web";

/// A crate as cargo tells of it.
#[derive(Debug, PartialEq)]
struct Crate {
    name: String,
    version: String,
    license: String,
    repository: String,
    /// References of what it uses.
    uses: BTreeSet<String>,
}

/// Writes the list of what is in the site: the crates that are compiled into it, the standard library and the model (as
/// `super::model::split` tells of it).
pub(super) fn write(site: &Path, model: &Value) -> Result<()> {
    let tree = output(
        cargo()
            .args(["tree", "--locked", "--offline", "--package", PACKAGE])
            .args(["--features", "app,worker", "--target", WASM_TARGET])
            // Procedural macros and build scripts run while building.
            .args(["--edges", "normal,no-proc-macro"])
            .args([
                "--prefix",
                "depth",
                "--no-dedupe",
                "--format",
                "|{p}|{l}|{r}",
            ]),
    );
    let crates = parse(&tree.context("`cargo tree` does not run")?)?;
    let path = root().join("Cargo.lock");
    let lock =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let rust = output(command("rustc").arg("--version")).context("rustc does not run")?;
    let rust = rust
        .split_whitespace()
        .nth(1)
        .context("rustc has no version")?;
    let document = document(&crates, &checksums(&lock), rust, model)?;
    let text = serde_json::to_string_pretty(&document)?;
    super::write(&site.join(FILE), format!("{text}\n").as_bytes())
}

/// The crates of a tree in which every line begins with its depth.
fn parse(tree: &str) -> Result<BTreeMap<String, Crate>> {
    let mut crates: BTreeMap<String, Crate> = BTreeMap::new();
    let mut above: Vec<String> = Vec::new();
    for line in tree.lines() {
        let fields: Vec<_> = line.split('|').collect();
        let [depth, package, license, repository] = fields[..] else {
            anyhow::bail!("`cargo tree` writes {line:?}");
        };
        let depth: usize = depth
            .parse()
            .with_context(|| format!("no depth in {line:?}"))?;
        let mut words = package.split_whitespace();
        let (name, version) = words
            .next()
            .zip(words.next())
            .context("a crate without a version")?;
        let version = version.trim_start_matches('v');
        let reference = reference(name, version);
        ensure!(depth <= above.len(), "{line:?} lacks what is above it");
        above.truncate(depth);
        if let Some(user) = above.last().and_then(|user| crates.get_mut(user)) {
            user.uses.insert(reference.clone());
        }
        above.push(reference.clone());
        crates.entry(reference).or_insert_with(|| Crate {
            name: name.to_owned(),
            version: version.to_owned(),
            // What was allowed once, for what is an expression of SPDX today.
            license: license.replace('/', " OR "),
            repository: repository.to_owned(),
            uses: BTreeSet::new(),
        });
    }
    Ok(crates)
}

fn reference(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{version}")
}

/// SHA-256 of the crates' archives by reference. Those of the workspace have none.
fn checksums(lock: &str) -> BTreeMap<String, String> {
    let packages = lock.split("[[package]]").skip(1);
    let found = packages.filter_map(|package| {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_matches([' ', '=', '"']))
        };
        let reference = reference(field("name")?, field("version")?);
        Some((reference, field("checksum")?.to_owned()))
    });
    found.collect()
}

fn document(
    crates: &BTreeMap<String, Crate>,
    checksums: &BTreeMap<String, String>,
    rust: &str,
    model: &Value,
) -> Result<Value> {
    let sha256 = |hash: &Value| json!([{ "alg": "SHA-256", "content": hash }]);
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    let mut whole = None;
    for (reference, this) in crates {
        ensure!(!this.license.is_empty(), "{reference} names no licence");
        let mut component = json!({
            "type": "library",
            "bom-ref": reference,
            "name": this.name,
            "version": this.version,
            "licenses": [{ "expression": this.license }],
        });
        match checksums.get(reference) {
            Some(hash) => {
                component["purl"] = reference.as_str().into();
                component["hashes"] = sha256(&hash.as_str().into());
            }
            // Of the workspace: no registry has it.
            None => ensure!(
                root().join(&this.name).join("Cargo.toml").is_file(),
                "Cargo.lock has no checksum of {reference}"
            ),
        }
        if !this.repository.is_empty() {
            component["externalReferences"] = json!([{ "type": "vcs", "url": this.repository }]);
        }
        let mut uses: Vec<_> = this.uses.iter().map(String::as_str).collect();
        if this.name == PACKAGE {
            uses.extend(["rust-std", "model"]);
            component["type"] = "application".into();
            component["name"] = "clinical-ner".into();
            component["description"] =
                "The page: a Leptos application and the worker that runs the model".into();
            whole = Some(component);
        } else {
            components.push(component);
        }
        dependencies.push(json!({ "ref": reference, "dependsOn": uses }));
    }
    components.push(json!({
        "type": "library",
        "bom-ref": "rust-std",
        "name": "std",
        "version": rust,
        "description": "Rust's standard library",
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
    }));
    components.push(json!({
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": model["name"],
        "hashes": sha256(&model["sha256"]),
    }));
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": whole.context("the page is not in its own tree")? },
        "components": components,
        "dependencies": dependencies,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0|web v0.1.0 (/somewhere/web)|MIT OR Apache-2.0|\n\
        1|ner v0.1.0 (/somewhere/ner)|MIT OR Apache-2.0|\n\
        2|csv v1.4.0|Unlicense/MIT|https://example.org/csv\n\
        3|memchr v2.8.3|MIT|\n\
        1|memchr v2.8.3|MIT|\n";
    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"csv\"\nversion = \"1.4.0\"\nchecksum = \"c5\"\n\n\
        [[package]]\nname = \"memchr\"\nversion = \"2.8.3\"\nchecksum = \"3e\"\n\n\
        [[package]]\nname = \"ner\"\nversion = \"0.1.0\"\n";

    fn of(tree: &str, lock: &str) -> Result<Value> {
        let model = json!({ "name": "model.safetensors", "sha256": "ab" });
        document(&parse(tree)?, &checksums(lock), "1.95.0", &model)
    }

    #[test]
    fn tree_becomes_a_document() {
        let document = of(TREE, LOCK).unwrap();
        assert_eq!(document["metadata"]["component"]["name"], "clinical-ner");
        let components = document["components"].as_array().unwrap();
        let names: Vec<_> = components
            .iter()
            .map(|component| component["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["csv", "memchr", "ner", "std", "model.safetensors"]);
        assert_eq!(
            components[0]["licenses"][0]["expression"],
            "Unlicense OR MIT"
        );
        assert_eq!(components[0]["hashes"][0]["content"], "c5");
        assert_eq!(components[0]["purl"], "pkg:cargo/csv@1.4.0");
        assert!(components[2].get("purl").is_none());
        let uses = document["dependencies"].as_array().unwrap();
        let uses: Vec<_> = uses
            .iter()
            .map(|node| (node["ref"].as_str().unwrap(), node["dependsOn"].to_string()))
            .collect();
        assert_eq!(
            uses,
            [
                (
                    "pkg:cargo/csv@1.4.0",
                    r#"["pkg:cargo/memchr@2.8.3"]"#.to_owned()
                ),
                ("pkg:cargo/memchr@2.8.3", "[]".to_owned()),
                (
                    "pkg:cargo/ner@0.1.0",
                    r#"["pkg:cargo/csv@1.4.0"]"#.to_owned()
                ),
                (
                    "pkg:cargo/web@0.1.0",
                    r#"["pkg:cargo/memchr@2.8.3","pkg:cargo/ner@0.1.0","rust-std","model"]"#
                        .to_owned()
                ),
            ]
        );
    }

    #[test]
    fn what_cannot_be_told_is_an_error() {
        for (tree, lock, reason) in [
            ("x|web v0.1.0|MIT|", LOCK, "no depth"),
            ("0|web|MIT|", LOCK, "without a version"),
            ("1|web v0.1.0|MIT|", LOCK, "lacks what is above"),
            ("web v0.1.0", LOCK, "`cargo tree` writes"),
            ("0|web v0.1.0||", LOCK, "names no licence"),
            ("0|ner v0.1.0|MIT|", LOCK, "not in its own tree"),
            (TREE, "", "no checksum of pkg:cargo/csv@1.4.0"),
        ] {
            let error = format!("{:#}", of(tree, lock).unwrap_err());
            assert!(error.contains(reason), "{tree}: {error}");
        }
    }
}
