//! What the benchmark needs beside the workspace: Python and npm packages of exact versions and two
//! models, all below `target/bench`, made once and again when what they are made from changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::folder;
use crate::command::{cargo, command, output, run};
use crate::tools::{self, Engine};
use crate::{root, site};

/// Texts that inputs are cut from.
const TEXTS: &str = "tests/fixtures/texts.jsonl";
const MODELS: &str = "xtask/bench/models.py";
const REQUIREMENTS: &str = "xtask/bench/requirements.txt";
const NPM: [&str; 2] = ["xtask/bench/package.json", "xtask/bench/package-lock.json"];

/// Programs and packages that are there.
pub(super) struct Tools {
    pub(super) chromium: PathBuf,
    pub(super) python: PathBuf,
    /// `node_modules`.
    pub(super) npm: PathBuf,
}

/// A model in the formats of both engines.
pub(super) struct Model {
    pub(super) name: &'static str,
    /// Ours.
    pub(super) exported: PathBuf,
    pub(super) onnx: PathBuf,
    /// The inputs to run.
    pub(super) cells: PathBuf,
    /// Whether its labels mean something.
    pub(super) trained: bool,
}

/// Where the models lie; `minilm` and `base` are folders in it.
pub(super) fn models_folder() -> PathBuf {
    folder().join("models")
}

/// Finds or installs everything but the models.
pub(super) fn tools() -> Result<Tools> {
    let chromium = tools::for_browser(Engine::Chromium)?["CHROMIUM"].clone();
    let npm = folder().join("npm");
    made_from(&npm, &NPM, || {
        eprintln!(
            "onnxruntime-web and transformers.js, which we are compared with: asking npm for them"
        );
        for file in NPM {
            let name = Path::new(file).file_name().expect("files have names");
            fs::copy(root().join(file), npm.join(name)).with_context(|| file.to_owned())?;
        }
        run(command("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .arg("--prefix")
            .arg(&npm))
        .context("the benchmark needs Node with npm")
    })?;
    let venv = folder().join("venv");
    let python = venv.join("bin/python");
    made_from(&venv, &[REQUIREMENTS], || {
        // PyPI has PyTorch for Linux with CUDA only, and without its libraries it does not start.
        eprintln!(
            "PyTorch, transformers and onnxruntime, which make the ONNX models: asking pip for them \
             (3 GB to download, 7 GB in target/bench/venv)"
        );
        run(command("python3").args(["-m", "venv"]).arg(&venv))
            .context("the benchmark needs Python 3 with venv")?;
        run(command(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-compile",
                "--requirement",
            ])
            .arg(root().join(REQUIREMENTS)))
    })?;
    Ok(Tools {
        chromium,
        python,
        npm: npm.join("node_modules"),
    })
}

/// Finds or makes the two models: the shipped one, and one of BERT-base's shape with random weights.
pub(super) fn models(tools: &Tools) -> Result<[Model; 2]> {
    let folder = models_folder();
    let model = |name, trained| Model {
        name,
        exported: folder.join(name).join("engine.safetensors"),
        onnx: folder.join(name).join("onnx/model_quantized.onnx"),
        cells: folder.join(name).join("cells.json"),
        trained,
    };
    let models = [model("minilm", true), model("base", false)];
    made_from(&folder, &[MODELS, REQUIREMENTS, TEXTS, site::MODEL], || {
        run(command(&tools.python)
            .args(["-W", "ignore", MODELS, site::MODEL, TEXTS])
            .arg(&folder))?;
        let [minilm, base] = &models;
        fs::copy(root().join(site::MODEL), &minilm.exported).context(site::MODEL)?;
        let float = folder.join(base.name);
        run(cargo()
            .args(["run", "--release", "--quiet", "--package", "model-export"])
            .args(["--", "quantize"])
            .arg(&float)
            .arg("--output")
            .arg(&base.exported))?;
        // 430 MB that nobody needs again.
        fs::remove_file(float.join("model.safetensors")).context("model.safetensors")
    })?;
    Ok(models)
}

/// Raw, gzip -9 and brotli 11 bytes of files.
pub(super) fn sizes(files: &[PathBuf]) -> Result<Vec<[u64; 3]>> {
    let sizes = output(
        Command::new("node")
            .arg(root().join("xtask/bench/sizes.mjs"))
            .arg(folder().join("sizes.json"))
            .args(files),
    );
    let sizes = sizes.context("Node cannot compress the files that were fetched")?;
    Ok(serde_json::from_str(&sizes)?)
}

/// Makes a folder unless it is there and was made from the same files.
fn made_from(folder: &Path, files: &[&str], make: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(fs::read(root().join(file)).with_context(|| format!("cannot read {file}"))?);
    }
    let hash: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    let stamp = folder.join("made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == hash) {
        return Ok(());
    }
    let place = || format!("cannot make {} anew", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(place)?;
    }
    fs::create_dir_all(folder).with_context(place)?;
    make()?;
    fs::write(&stamp, hash).with_context(place)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_folder_is_made_when_its_sources_change() {
        let made = Cell::new(0);
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("made");
        let check = |files: &[&str], times: usize| {
            let make = || {
                assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
                made.set(made.get() + 1);
                Ok(())
            };
            made_from(&folder, files, make).unwrap();
            assert_eq!(made.get(), times, "{files:?}");
        };
        check(&[REQUIREMENTS], 1);
        check(&[REQUIREMENTS], 1);
        check(&[REQUIREMENTS, MODELS], 2);
        // What failed is made again.
        fs::remove_file(folder.join("made-from")).unwrap();
        assert!(made_from(&folder, &[MODELS], || anyhow::bail!("no")).is_err());
        check(&[MODELS], 3);
    }

    #[test]
    fn npm_lock_pins_what_package_json_asks_for() {
        let [package, lock] = NPM.map(|file| fs::read_to_string(root().join(file)).unwrap());
        for pin in [
            r#""onnxruntime-web": "1.30.0""#,
            r#"transformers": "4.3.1""#,
        ] {
            assert!(package.contains(pin) && lock.contains(pin), "{pin}");
        }
        assert!(lock.contains(r#""integrity": "sha512-"#));
    }
}
