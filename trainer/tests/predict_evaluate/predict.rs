use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::model::Models;
use crate::{printed, trainer};

/// Long enough for a loaded machine; only a command that waits for more input than it needs takes
/// it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A case of `goldens/predict.json`.
#[derive(Deserialize)]
struct Case {
    text: String,
    entities: Vec<Expected>,
    printed: String,
}

#[derive(Deserialize)]
struct Expected {
    entity_group: String,
    word: String,
    start: usize,
    end: usize,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../goldens/predict.json")).unwrap()
}

/// The documented object, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    id: Box<RawValue>,
    text: String,
    entities: Vec<Entity>,
    model: Model,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    name: String,
    version: String,
    sha256: String,
    threshold: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entity {
    entity_group: String,
    score: f64,
    word: String,
    start: usize,
    end: usize,
}

fn check(record: &Record, id: &str, case: &Case) {
    assert_eq!(record.text, case.text);
    assert_eq!(record.id.get(), id, "of {:?}", case.text);
    let Model {
        name,
        version,
        sha256,
        threshold,
    } = &record.model;
    assert!(["model.safetensors", "fine tuned"].contains(&name.as_str()));
    assert!(version.starts_with("clinical-ner "));
    assert_eq!((sha256.len(), *threshold), (64, 0.0));
    assert_eq!(
        record.entities.len(),
        case.entities.len(),
        "in {:?}",
        case.text
    );
    for (found, expected) in record.entities.iter().zip(&case.entities) {
        let Expected {
            entity_group,
            word,
            start,
            end,
        } = expected;
        assert_eq!(
            (&found.entity_group, &found.word),
            (entity_group, word),
            "in {:?}",
            case.text
        );
        assert_eq!(
            (found.start, found.end),
            (*start, *end),
            "{word} in {:?}",
            case.text
        );
        // One logit of 3 * 15 / sqrt(15) against ten of -3 / sqrt(15).
        assert!(
            (0.99..=1.0).contains(&found.score),
            "{word} has score {}",
            found.score
        );
        let slice: String = case.text.chars().skip(*start).take(end - start).collect();
        assert_eq!(&slice, word);
    }
}

/// Ids of every JSON type, as they must come back; none stands for an object without one.
const IDS: [Option<&str>; 8] = [
    Some(r#""note 1""#),
    Some("17"),
    None,
    Some("-1.50"),
    Some("12345678901234567890123"),
    Some(r#"["a", {"b": null}]"#),
    Some("true"),
    Some(r#""é\u00e9\n""#),
];

/// JSON lines of all cases with the id of each, blank lines between, fields in either order.
fn jsonl(cases: &[Case]) -> (String, Vec<String>) {
    let mut lines = String::new();
    let mut ids = Vec::new();
    for (number, (case, id)) in (1..).zip(cases.iter().zip(IDS.into_iter().cycle())) {
        let text = serde_json::to_string(&case.text).unwrap();
        lines += &match id {
            Some(id) if number % 2 == 0 => {
                format!("{{\"id\": {id}, \"text\": {text}, \"source\": 4}}\r\n \n")
            }
            Some(id) => format!("  {{\"text\":{text},\"id\":{id}}}\n\n"),
            None => format!("{{\"text\": {text}}}\n\n"),
        };
        // Each takes two lines.
        ids.push(id.map_or_else(|| (2 * number - 1).to_string(), str::to_owned));
    }
    (lines, ids)
}

pub(crate) fn predict(models: &Models, args: &[&str]) -> Output {
    let model = models.file.to_str().unwrap();
    trainer(
        models.root.path(),
        ["predict", "--model", model].iter().chain(args),
    )
}

#[test]
fn text_prints_what_python_prints() {
    let models = Models::new();
    for case in cases().iter().filter(|case| !case.text.contains('\0')) {
        assert_eq!(
            printed(&predict(&models, &["--", &case.text])),
            case.printed.clone() + "\n"
        );
    }
}

#[test]
fn jsonl_has_a_line_per_document_in_order() {
    let models = Models::new();
    let cases = cases();
    let (lines, ids) = jsonl(&cases);
    fs::write(
        models.root.path().join("notes.jsonl"),
        "\u{feff}".to_owned() + &lines,
    )
    .unwrap();
    for model in [&models.file, &models.directory] {
        let model = model.to_str().unwrap();
        let args = [
            "predict",
            "--input",
            "notes.jsonl",
            "--format",
            "jsonl",
            "--model",
            model,
        ];
        let output = trainer(models.root.path(), args);
        let lines: Vec<&str> = printed(&output).lines().collect();
        assert_eq!(lines.len(), cases.len());
        for ((line, id), case) in lines.iter().zip(&ids).zip(&cases) {
            check(&serde_json::from_str(line).unwrap(), id, case);
        }
    }
}

#[test]
fn json_is_an_array_of_the_same_objects() {
    let models = Models::new();
    let cases = cases();
    let (lines, ids) = jsonl(&cases);
    fs::write(models.root.path().join("notes.jsonl"), lines).unwrap();
    let output = predict(&models, &["--input", "notes.jsonl", "--format", "json"]);
    let records: Vec<Record> = serde_json::from_str(printed(&output)).unwrap();
    assert_eq!(records.len(), cases.len());
    for ((record, id), case) in records.iter().zip(&ids).zip(&cases) {
        check(record, id, case);
    }
    let lines = predict(&models, &["--input", "notes.jsonl", "--format", "jsonl"]);
    let lines: Vec<Value> = printed(&lines)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        serde_json::from_str::<Vec<Value>>(printed(&output)).unwrap(),
        lines
    );

    fs::write(models.root.path().join("none.jsonl"), "\n").unwrap();
    for (format, expected) in [("json", "[]\n"), ("jsonl", ""), ("text", "")] {
        assert_eq!(
            printed(&predict(
                &models,
                &["--input", "none.jsonl", "--format", format]
            )),
            expected
        );
    }
}

#[test]
fn text_file_is_one_document() {
    let models = Models::new();
    for (number, case) in cases().iter().enumerate() {
        let name = format!("note {number}.v2.TXT");
        fs::write(models.root.path().join(&name), &case.text).unwrap();
        let output = predict(&models, &["--input", &name, "--format", "jsonl"]);
        check(
            &serde_json::from_str(printed(&output)).unwrap(),
            &format!("\"note {number}.v2\""),
            case,
        );
    }
}

/// Starts the command with the input of a pipe.
fn start(models: &Models, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args([
            "predict",
            "--input",
            "-",
            "--model",
            models.file.to_str().unwrap(),
        ])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) fn pipe(models: &Models, args: &[&str], input: &[u8]) -> Output {
    let mut child = start(models, args);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The command may stop reading early.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[test]
fn kind_of_standard_input_is_guessed_or_said() {
    const FOUND: &str = "[('estrogen', 'Hormones')]\n";
    let models = Models::new();
    let twice = FOUND.repeat(2);
    for (input, args, expected) in [
        ("low estrogen", &[][..], FOUND),
        (
            "\u{feff}\n {\"text\": \"estrogen\"}\n\n{\"text\": \"estrogen\"}",
            &[],
            &twice,
        ),
        (
            "{\"text\": \"estrogen\"}\n",
            &["--input-format", "jsonl"],
            FOUND,
        ),
        (
            "{\"text\": \"estrogen\"}\n{\"text\": \"estrogen\"}\n",
            &["--input-format", "txt"],
            "[('estrogen', 'Hormones'), ('estrogen', 'Hormones')]\n",
        ),
        ("{estrogen}\n", &[], FOUND),
        ("{\"note\": \"estrogen\"}\n", &[], FOUND),
        ("\n\n", &[], "[]\n"),
        ("", &[], "[]\n"),
        ("", &["--input-format", "jsonl"], ""),
    ] {
        assert_eq!(
            printed(&pipe(&models, args, input.as_bytes())),
            expected,
            "{input:?} {args:?}"
        );
    }
    let record = pipe(&models, &["--format", "jsonl"], b"\r\nlow estrogen\r\n");
    let record: Record = serde_json::from_str(printed(&record)).unwrap();
    assert_eq!(
        (record.id.get(), record.text.as_str()),
        ("1", "\r\nlow estrogen\r\n")
    );
}

/// A line is answered before the next one has come.
#[test]
fn lines_are_answered_as_they_come() {
    let models = Models::new();
    let mut child = start(&models, &["--format", "jsonl"]);
    let mut stdin = child.stdin.take().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, answers) = mpsc::channel();
    std::thread::spawn(move || {
        stdout
            .lines()
            .try_for_each(|line| sender.send(line.unwrap()))
    });
    for id in 0..5 {
        writeln!(stdin, "{}", json!({"id": id, "text": "low estrogen"})).unwrap();
        stdin.flush().unwrap();
        let answer = answers
            .recv_timeout(PATIENCE)
            .expect("the line was not answered");
        assert!(answer.starts_with(&format!("{{\"id\":{id},")), "{answer}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn order_is_kept_over_many_documents() {
    const DOCUMENTS: usize = 700;
    let models = Models::new();
    let line = |id: usize| {
        json!({"id": id, "text": format!("{}estrogen", "pain ".repeat(id * 7 % 50))}).to_string()
            + "\n"
    };
    let output = pipe(
        &models,
        &["--format", "jsonl"],
        (0..DOCUMENTS).map(line).collect::<String>().as_bytes(),
    );
    let ids: Vec<Value> = printed(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].take())
        .collect();
    assert_eq!(ids, (0..DOCUMENTS).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn long_note_is_analysed_to_its_last_word() {
    let models = Models::new();
    let note = "nothing to see here and ".repeat(600) + "estrogen";
    let output = pipe(&models, &["--format", "json"], note.as_bytes());
    let records: Vec<Record> = serde_json::from_str(printed(&output)).unwrap();
    let entities: Vec<_> = records[0]
        .entities
        .iter()
        .map(|entity| (entity.start, entity.end))
        .collect();
    assert_eq!(entities, [(note.len() - 8, note.len())]);
}

/// `predict ... | head -1` ends without a complaint.
#[test]
fn closed_output_is_no_error() {
    let models = Models::new();
    let mut child = start(&models, &["--format", "jsonl"]);
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let line = json!({"text": "estrogen ".repeat(100)}).to_string() + "\n";
        // Ends with an error as soon as the command has ended.
        while stdin.write_all(line.as_bytes()).is_ok() {}
    });
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    let status = child.wait().unwrap();
    writer.join().unwrap();
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
}
