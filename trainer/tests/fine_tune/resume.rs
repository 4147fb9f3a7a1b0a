//! A run that is ended at any moment goes on as if it had not been.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use trainer::random::Stream;

use crate::workplace::{arguments, fine_tune, json_of, names, run_binary, workplace};

/// Twenty sentences, five steps an epoch.
const RUN: [&str; 6] = ["--epochs", "12", "--lr", "3e-3", "--save-steps", "2"];

/// All that goes on: the weights, what the optimizer remembers, and the scores of all epochs.
fn check_same(whole: &Path, interrupted: &Path) {
    for file in [
        "model.safetensors",
        "config.json",
        "eval_metrics.json",
        "trainer_state.json",
        "checkpoint-60/model.safetensors",
        "checkpoint-60/optimizer.safetensors",
        "checkpoint-60/trainer_state.json",
    ] {
        let read = |output: &Path| fs::read(output.join(file)).unwrap();
        assert!(read(whole) == read(interrupted), "{file} differs");
    }
    assert_eq!(names(whole), names(interrupted));
    // The log has every step once, in order.
    let steps = |output: &Path| -> Vec<(Value, Value)> {
        let log = fs::read_to_string(output.join("train_log.jsonl")).unwrap();
        let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
        let steps = lines.map(|line: Value| (line["step"].clone(), line["loss"].clone()));
        steps.collect()
    };
    assert_eq!(steps(whole), steps(interrupted));
    assert_eq!(steps(whole).len(), 60 + 12);
}

/// Ends runs by SIGKILL, so many times, then lets one come to its end.
fn kill(times: usize, seed: u64) {
    let place = workplace();
    let whole = fine_tune(place.path(), "base", "whole", &RUN).unwrap();
    let arguments = arguments(
        place.path(),
        "base",
        "out",
        &[&RUN[..], &["--resume"]].concat(),
    );
    let mut random = Stream::new(seed);
    let (mut killed, mut longest) = (0, 20_000);
    while killed < times {
        let mut run = Command::new(env!("CARGO_BIN_EXE_trainer"))
            .args(&arguments[1..])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(random.below(longest) as u64));
        run.kill().unwrap();
        let status = run.wait().unwrap();
        match status.code() {
            None => killed += 1,
            // It was too quick: begin anew, and give it less time.
            Some(0) => {
                check_same(&whole, &place.path().join("out"));
                fs::remove_dir_all(place.path().join("out")).unwrap();
                longest = longest.div_ceil(2);
                continue;
            }
            Some(code) => panic!("ended with {code} after {killed} kills"),
        }
        longest = (longest + longest / 8).min(2_000_000);
    }
    let (code, message) = run_binary(&arguments);
    assert_eq!(code, 0, "{message}");
    check_same(&whole, &place.path().join("out"));
}

#[test]
fn killed_runs_end_with_the_same_weights() {
    kill(25, 1);
}

#[test]
#[ignore = "takes minutes"]
fn runs_that_are_killed_many_times_end_with_the_same_weights() {
    for seed in 2..12 {
        kill(100, seed);
    }
}

#[test]
fn what_cannot_go_on_says_why() {
    let place = workplace();
    let output = fine_tune(place.path(), "base", "out", &RUN).unwrap();
    let resume = |change: &[(&str, &str)]| {
        let mut arguments = arguments(
            place.path(),
            "base",
            "out",
            &[&RUN[..], &["--resume"]].concat(),
        );
        for (flag, value) in change {
            match arguments.iter().position(|argument| argument == flag) {
                Some(at) => arguments[at + 1] = (*value).to_owned(),
                None => arguments.extend([*flag, *value].map(str::to_owned)),
            }
        }
        run_binary(&arguments)
    };
    // It is over: nothing is left to do.
    let before = fs::read(output.join("model.safetensors")).unwrap();
    let (code, message) = resume(&[]);
    assert_eq!(code, 0, "{message}");
    assert!(before == fs::read(output.join("model.safetensors")).unwrap());

    let other = place.path().join("other.bio");
    fs::write(&other, "cramps B-Symptoms\n").unwrap();
    let table: [(&[(&str, &str)], &str); 4] = [
        (&[("--seed", "9")], "seed was 42, is 9"),
        (&[("--epochs", "13")], "epochs was 12, is 13"),
        (&[("--dropout", "0")], "dropout was null, is 0.0"),
        (&[("--train", other.to_str().unwrap())], "data_sha256 was"),
    ];
    for (change, expected) in table {
        let (code, message) = resume(change);
        assert_ne!(code, 0, "{change:?}");
        assert!(message.contains(expected), "{change:?}: {message}");
    }

    // Files of the last checkpoint that are damaged or do not belong together.
    let last = output.join("checkpoint-60");
    let damage = |name: &str, change: &dyn Fn(&[u8]) -> Vec<u8>, expected: &str| {
        let path = last.join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, change(&whole)).unwrap();
        let (code, message) = resume(&[]);
        assert_ne!(code, 0, "{name}");
        assert!(
            message.contains("checkpoint-60") && message.contains(expected),
            "{name}: {message}"
        );
        fs::write(&path, whole).unwrap();
    };
    let half = |content: &[u8]| content[..content.len() / 2].to_vec();
    damage("optimizer.safetensors", &half, "optimizer.safetensors");
    damage("model.safetensors", &half, "model.safetensors");
    damage("trainer_state.json", &half, "trainer_state.json");
    damage("training_args.json", &half, "training_args.json");
    let renamed = |content: &[u8]| {
        let name = b"exp_avg.classifier.bias";
        let at = content.windows(name.len()).position(|part| part == name);
        let mut content = content.to_vec();
        content[at.unwrap() + name.len() - 1] = b'z';
        content
    };
    damage("optimizer.safetensors", &renamed, "classifier.bi");
    let step = |content: &[u8]| {
        let mut state: Value = serde_json::from_slice(content).unwrap();
        state["global_step"] = json!(59);
        state.to_string().into_bytes()
    };
    damage("trainer_state.json", &step, "is of step 59");
    let wider = |content: &[u8]| {
        let text = String::from_utf8_lossy(content);
        text.replace("\"intermediate_size\": 64", "\"intermediate_size\": 80")
            .into_bytes()
    };
    damage("config.json", &wider, "intermediate.dense.weight");

    // Without it, the one before goes on.
    fs::remove_dir_all(&last).unwrap();
    let (code, message) = resume(&[]);
    assert_eq!(code, 0, "{message}");
    assert!(message.contains("going on from"), "{message}");
    assert!(before == fs::read(output.join("model.safetensors")).unwrap());
}

/// As on a disk that is full: no file can grow beyond a limit.
#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_last_checkpoint() {
    let place = workplace();
    let whole = fine_tune(place.path(), "base", "whole", &RUN).unwrap();
    let first = [&RUN[..], &["--resume"]].concat();
    let arguments = arguments(place.path(), "base", "out", &first);
    // Until there is a checkpoint.
    let mut run = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(&arguments[1..])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = place.path().join("out");
    while !output.join("checkpoint-4").exists() && run.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    run.kill().unwrap();
    run.wait().unwrap();

    // In blocks of 512 bytes: less than the model takes.
    let limited = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 40; exec \"$@\"", "bash"])
        .arg(env!("CARGO_BIN_EXE_trainer"))
        .args(&arguments[1..])
        .output()
        .unwrap();
    let message = String::from_utf8(limited.stderr).unwrap();
    assert_eq!(limited.status.code(), Some(1), "{message}");
    for part in [
        "training stopped",
        "--resume goes on from checkpoint-",
        "model.safetensors",
        "File too large",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let left = names(&output);
    assert!(
        !left.iter().any(|name| name.contains("partial")),
        "{left:?}"
    );

    let (code, message) = run_binary(&arguments);
    assert_eq!(code, 0, "{message}");
    check_same(&whole, &output);
}

#[test]
fn a_directory_that_cannot_be_written_to_is_said_at_once() {
    let place = workplace();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let (code, message) = run_binary(&arguments(place.path(), "base", "file/out", &RUN));
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("cannot make"), "{message}");
}

#[test]
fn patience_comes_to_an_end() {
    let place = workplace();
    // By heart after some epochs, and no better after that.
    let long = [
        "--epochs",
        "200",
        "--lr",
        "3e-3",
        "--patience",
        "3",
        "--keep",
        "1",
    ];
    let output = fine_tune(place.path(), "base", "out", &long).unwrap();
    let mut steps: Vec<u64> = names(&output)
        .iter()
        .filter_map(|name| name.strip_prefix("checkpoint-")?.parse().ok())
        .collect();
    steps.sort_unstable();
    let last = steps.pop().unwrap();
    let state = json_of(&output.join(format!("checkpoint-{last}/trainer_state.json")));
    let scores = state["log_history"].as_array().unwrap();
    let f1 = |epoch: &Value| epoch["eval_f1"].as_f64().unwrap();
    let highest = scores.iter().map(f1).fold(0.0, f64::max);
    let first = scores
        .iter()
        .position(|epoch| f1(epoch) == highest)
        .unwrap();
    assert_eq!(scores.len(), first + 1 + 3, "{state}");
    assert!(scores.len() < 200, "it never stopped");
    // Beside the last one the best, where that is another.
    let best = state["best_global_step"].as_u64().unwrap();
    assert!(
        steps.is_empty() && best == last || steps == [best],
        "{steps:?}"
    );
}
