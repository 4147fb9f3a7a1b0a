//! The runs behind the model card's recipe, and their scores on the development documents. The test
//! documents are not read here.

mod recipes;
mod results;

use std::cmp::Reverse;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::recipes::{CLAIM_SEEDS, CLAIMED, EXPERIMENTS, Experiment, LEARNING_CURVE, Recipe};
use self::results::Run;
use crate::command::{cargo, command, run};
use crate::{root, target, train};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Questions or runs, such as `lr` or `lr-1e-4`; all where none is named
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Runs side by side, each on one thread
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    jobs: u32,
}

const TRAIN: &str = "trainer/data/corpus/train";
/// Of a run, in its folder.
const WEIGHTS: &str = "model.safetensors";
const DEV: &str = "trainer/data/corpus/dev";
/// Every run that there is a current result of.
const RESULTS: &str = "www/models/default/experiments.json";

/// A run that can be started.
struct Job {
    experiment: &'static Experiment,
    seed: u64,
    /// What it learns from, and how many documents these files hold.
    train: Vec<PathBuf>,
    documents: usize,
    /// Its output. Experiments with the same recipe share it.
    folder: PathBuf,
    fingerprint: String,
}

/// Runs what has no current result, there or in `target`, writes experiments.json and prints it as a table.
pub(crate) fn experiments(args: &Args) -> Result<()> {
    let selected = recipes::select(&args.names)?;
    let work = target().join("experiments");
    let base = train::base()?;
    let trainer = build(&work)?;
    make_data(&trainer, &work)?;
    let jobs = jobs(&work)?;
    // What was run elsewhere.
    let path = root().join(RESULTS);
    let known: Vec<Run> = read_json(&path)?.unwrap_or_default();
    let current = |job: &Job| -> Result<Option<Run>> {
        let known = || known.iter().find(|run| run.fingerprint == job.fingerprint);
        Ok(finished(job)?.or_else(|| known().cloned()))
    };

    let mut due: Vec<&Job> = Vec::new();
    for job in &jobs {
        let taken = due.iter().any(|other| other.folder == job.folder);
        if selected.contains(&job.experiment.name) && !taken && current(job)?.is_none() {
            due.push(job);
        }
    }
    // The longest first, so that the last ones end together.
    due.sort_by_key(|job| Reverse(job.documents * job.experiment.recipe.epochs as usize));
    let failed = AtomicUsize::new(0);
    side_by_side(&due, args.jobs, |number, job| {
        let outcome = match perform(job, &trainer, &base) {
            Ok(run) => format!("F1 {:.4} after {} s", run.f1, run.seconds),
            Err(error) => {
                failed.fetch_add(1, Ordering::Relaxed);
                format!("{error:#}")
            }
        };
        let (name, count) = (job.experiment.name, due.len());
        eprintln!(
            "[{}/{count}] {name}, seed {}: {outcome}",
            number + 1,
            job.seed
        );
    });

    let mut runs = Vec::new();
    for job in &jobs {
        runs.extend(current(job)?.map(|run| Run {
            question: job.experiment.question.to_owned(),
            name: job.experiment.name.to_owned(),
            ..run
        }));
    }
    write_json(&path, &runs)?;
    if runs.iter().any(|done| done.question == LEARNING_CURVE) {
        run(command(&trainer)
            .args(["plot", LEARNING_CURVE])
            .arg(&path)
            .arg("--output")
            .arg(path.with_file_name("learning-curve.svg")))?;
    }
    println!("{}", results::table(&runs));
    let failed = failed.into_inner();
    ensure!(
        failed == 0,
        "runs that failed: {failed}; the others are in {RESULTS}"
    );
    Ok(())
}

/// Trains by the claimed recipe with its first seed, on all cores, and returns the model's folder.
/// It is one of the runs above, and its result counts as theirs. With `reuse` what is there is taken,
/// where it is the result of the same arguments and data.
pub(crate) fn train_claimed(reuse: bool) -> Result<PathBuf> {
    let work = target().join("experiments");
    let base = train::base()?;
    let trainer = build(&work)?;
    make_data(&trainer, &work)?;
    let job = job(&work, recipes::first(&CLAIMED), CLAIM_SEEDS[0])?;
    if reuse && finished(&job)?.is_some() && job.folder.join(WEIGHTS).is_file() {
        return Ok(job.folder);
    }
    let threads = thread::available_parallelism()?.get();
    let start = Instant::now();
    run(training(&job, &trainer, &base).env("RAYON_NUM_THREADS", threads.to_string()))?;
    note(&job, start.elapsed().as_secs() * threads as u64)?;
    Ok(job.folder)
}

/// Builds the trainer and returns a copy, so that one program makes all runs whatever is built
/// meanwhile.
fn build(work: &Path) -> Result<PathBuf> {
    run(cargo()
        .args(["build", "--release", "--package", "trainer", "--target-dir"])
        .arg(target()))?;
    let name = format!("trainer{}", std::env::consts::EXE_SUFFIX);
    let (built, copy) = (target().join("release").join(&name), work.join(&name));
    fs::create_dir_all(work).with_context(|| format!("cannot create {}", work.display()))?;
    fs::copy(&built, &copy).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(copy)
}

/// Where the documents of a recipe's share are, and those that are generated from them.
fn data_folders(work: &Path, recipe: &Recipe) -> [PathBuf; 2] {
    let share = work.join("data").join(recipe.share.to_string());
    let generated = share.join(format!("generated-{}", recipe.generated));
    [share, generated]
}

fn make_data(trainer: &Path, work: &Path) -> Result<()> {
    let mut made = Vec::new();
    for Experiment { recipe, .. } in EXPERIMENTS {
        let folders = data_folders(work, recipe);
        if made.contains(&folders) {
            continue;
        }
        let [share, generated] = &folders;
        // The part before them shrinks and documents stay where they are: shares are nested.
        run(command(trainer)
            .args(["data", "split", TRAIN, "--test", "0", "--dev"])
            .arg((1.0 - recipe.share).to_string())
            .arg("--output")
            .arg(share))?;
        if recipe.generated > 0 {
            run(command(trainer)
                .args(["data", "generate", "--seed", "1", "--corpus"])
                .arg(share.join("train.jsonl"))
                .args(["--count", &recipe.generated.to_string(), "--output"])
                .arg(generated))?;
        }
        made.push(folders);
    }
    Ok(())
}

fn jobs(work: &Path) -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for experiment in EXPERIMENTS {
        for &seed in experiment.seeds {
            jobs.push(job(work, experiment, seed)?);
        }
    }
    Ok(jobs)
}

fn job(work: &Path, experiment: &'static Experiment, seed: u64) -> Result<Job> {
    let recipe = &experiment.recipe;
    let [share, generated] = data_folders(work, recipe);
    let authored = recipe.authored.then(|| share.join("train.jsonl"));
    let generated = (recipe.generated > 0).then(|| generated.join("generated.jsonl"));
    let train: Vec<PathBuf> = authored.into_iter().chain(generated).collect();

    let mut hash = Sha256::new();
    hash.update(format!("{} {seed} {}", train::BASE, recipe.arguments()));
    let mut documents = 0;
    for file in &train {
        let content = read(file)?;
        documents += content.iter().filter(|&&byte| byte == b'\n').count();
        hash.update(content);
    }
    let dev = root().join(DEV);
    let entries = fs::read_dir(&dev).with_context(|| format!("cannot read {}", dev.display()))?;
    let mut dev = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    dev.sort();
    for file in dev {
        hash.update(read(&file)?);
    }
    let hash = hash.finalize();
    let fingerprint = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Job {
        experiment,
        seed,
        train,
        documents,
        folder: work
            .join(recipes::first(recipe).name)
            .join(seed.to_string()),
        fingerprint,
    })
}

/// The result of a run that was finished with the same arguments and data.
fn finished(job: &Job) -> Result<Option<Run>> {
    let run: Option<Run> = read_json(&job.folder.join("run.json"))?;
    Ok(run.filter(|run| run.fingerprint == job.fingerprint))
}

/// Trains in silence and leaves the scores and curves; what the trainer prints goes to `log` in the
/// run's folder.
fn perform(job: &Job, trainer: &Path, base: &Path) -> Result<Run> {
    let folder = &job.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("log");
    let log = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut training = training(job, trainer, base);
    training
        .env("RAYON_NUM_THREADS", "1")
        .stdout(log.try_clone()?)
        .stderr(log);
    let start = Instant::now();
    let status = training
        .status()
        .with_context(|| format!("cannot start {}", trainer.display()))?;
    ensure!(
        status.success(),
        "failed ({status}); {} says why",
        path.display()
    );
    let run = note(job, start.elapsed().as_secs())?;
    drop_weights(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    Ok(run)
}

fn training(job: &Job, trainer: &Path, base: &Path) -> Command {
    let mut training = command(trainer);
    training
        .args(["fine-tune", "--overwrite", "--base"])
        .arg(base);
    for file in &job.train {
        training.arg("--train").arg(file);
    }
    training
        .args(["--dev", DEV, "--seed", &job.seed.to_string()])
        .args(job.experiment.recipe.arguments().split(' '))
        .arg("--output")
        .arg(&job.folder);
    training
}

/// Writes run.json from what the trainer has left.
fn note(job: &Job, seconds: u64) -> Result<Run> {
    let path = job.folder.join("eval_metrics.json");
    let metrics: Value = serde_json::from_slice(&read(&path)?)?;
    let score = |pointer: &str| {
        let score = metrics.pointer(pointer).and_then(Value::as_f64);
        score.with_context(|| format!("{} lacks {pointer}", path.display()))
    };
    let Experiment {
        question,
        name,
        recipe,
        ..
    } = job.experiment;
    let run = Run {
        question: question.to_string(),
        name: name.to_string(),
        arguments: recipe.arguments(),
        seed: job.seed,
        documents: job.documents,
        epochs: recipe.epochs,
        f1: score("/overall/f1")?,
        overlap_f1: score("/overlap/f1")?,
        seconds,
        fingerprint: job.fingerprint.clone(),
    };
    write_json(&job.folder.join("run.json"), &run)?;
    Ok(run)
}

/// Each run leaves some 400 MB; its scores and curves stay.
fn drop_weights(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(&path)?;
        }
    }
    fs::remove_file(folder.join(WEIGHTS))
}

/// Does all of the work on so many threads; `act` is also told the position of its item.
fn side_by_side<T: Sync>(work: &[T], threads: u32, act: impl Fn(usize, &T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = work.get(at) else { break };
                    act(at, item);
                }
            });
        }
    });
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// `None` where there is no such file.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let value = serde_json::from_slice(&read(path)?);
    value.with_context(|| format!("{}: remove it", path.display()))
}

fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<()> {
    fs::write(path, serde_json::to_string_pretty(value)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_item_is_done_once() {
        let check = |items: usize, threads: u32| {
            let work: Vec<usize> = (0..items).collect();
            let done = Mutex::new(Vec::new());
            side_by_side(&work, threads, |at, &item| {
                assert_eq!(at, item);
                done.lock().unwrap().push(item);
            });
            let mut done = done.into_inner().unwrap();
            done.sort_unstable();
            assert_eq!(done, work, "{threads} threads");
        };
        check(0, 2);
        check(1, 2);
        check(7, 1);
        check(20, 3);
    }

    #[test]
    fn a_run_is_finished_until_its_fingerprint_changes() {
        let folder = tempfile::tempdir().unwrap();
        let mut job = Job {
            experiment: &EXPERIMENTS[0],
            seed: 1,
            train: Vec::new(),
            documents: 7,
            folder: folder.path().to_owned(),
            fingerprint: "a".into(),
        };
        let metrics = folder.path().join("eval_metrics.json");
        write_json(&metrics, &serde_json::json!({"overall": {"f1": 0.5}})).unwrap();
        let error = note(&job, 60).unwrap_err().to_string();
        assert!(
            error.ends_with("eval_metrics.json lacks /overlap/f1"),
            "{error}"
        );
        assert_eq!(finished(&job).unwrap(), None);

        let scores = serde_json::json!({"overall": {"f1": 0.5}, "overlap": {"f1": 0.75}});
        write_json(&metrics, &scores).unwrap();
        let (weights, checkpoint) = ("model.safetensors", "checkpoint-5");
        fs::write(folder.path().join(weights), "").unwrap();
        fs::create_dir(folder.path().join(checkpoint)).unwrap();
        let run = note(&job, 60).unwrap();
        assert_eq!((run.f1, run.overlap_f1, run.documents), (0.5, 0.75, 7));
        drop_weights(folder.path()).unwrap();
        assert!(!folder.path().join(weights).exists());
        assert!(!folder.path().join(checkpoint).exists());
        assert!(metrics.exists());
        assert_eq!(finished(&job).unwrap(), Some(run));
        job.fingerprint = "b".into();
        assert_eq!(finished(&job).unwrap(), None);
    }

    #[test]
    fn json_that_is_missing_is_told_from_json_that_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        assert_eq!(read_json::<Vec<u64>>(&path).unwrap(), None);
        write_json(&path, &[1_u64, 2]).unwrap();
        assert_eq!(read_json::<Vec<u64>>(&path).unwrap(), Some(vec![1, 2]));
        fs::write(&path, "[1,").unwrap();
        let error = format!("{:#}", read_json::<Vec<u64>>(&path).unwrap_err());
        assert!(error.contains("run.json: remove it"), "{error}");
    }
}
