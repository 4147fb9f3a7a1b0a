//! Input with something wrong in it: what is refused, with which words, and what is taken.

use std::fs;

use serde_json::Value;

use crate::other_labels::workplace;
use crate::{check, trainer};

/// What comes of a command over a file.
enum Outcome<'a> {
    /// It does its work.
    Taken,
    /// It ends with this exit code and says these words.
    Refused(i32, &'a [&'a str]),
}
use Outcome::{Refused, Taken};

const FINE_TUNE: &str = "fine-tune --base base --output out --overwrite --epochs 1 --max-length 48";

const DOUBLE_IDS: &[u8] = br#"{"id": "a", "text": "Anna left", "label": [[0, 4, "PER"]]}
{"id": "a", "text": "Paris", "label": [[0, 5, "LOC"]]}
"#;

/// Each line of [`wrong_data`]: what it is about, a file and its content, arguments, and what comes of it.
type Case<'a> = (&'a str, &'a str, &'a [u8], &'a str, Outcome<'a>);

#[test]
fn wrong_data() {
    let place = workplace();
    let long: String = (0..599).map(|_| "in O\n").collect();
    let long = format!("{long}Anna B-PER\n\nRome B-LOC\n");
    let train_file = format!("{FINE_TUNE} --labels from-data --train FILE --dev FILE");
    let dev_file = format!("{FINE_TUNE} --labels from-data --train train.conll --dev FILE");
    let guide = format!("{FINE_TUNE} --train FILE --dev FILE");
    let few =
        "--min-documents 0 --min-strings 0 --min-mentions 0 --min-sparse 0 --max-similarity 1";
    let validate = format!("data validate FILE --labels from-data {few}");
    let table: [Case; 17] = [
        (
            "a label of --dev that is not in --train",
            "dev.bio",
            b"Anna B-PER\n\nUN B-ORG\n",
            &dev_file,
            Refused(2, &["--dev: dev.bio:3: `B-ORG` is not a label; the labels are O, B-LOC, B-PER, I-LOC, I-PER"]),
        ),
        (
            "labels that are not the guide's",
            "other.bio",
            b"Anna B-PER\n",
            &guide,
            Refused(2, &["other.bio:1: `B-PER` is not a label", "or name the data's labels, by --labels from-data"]),
        ),
        (
            "a misspelt label among the guide's, in a file that is wrong otherwise too",
            "other.bio",
            b"cramps B-Symptom\nAMH\n",
            &guide,
            Refused(2, &["other.bio:1: `B-Symptom` is not a label; the labels are O, B-Symptoms"]),
        ),
        ("a sentence of 600 words", "long.bio", long.as_bytes(), &train_file, Taken),
        ("empty sentences", "gaps.bio", b"\n\n \nAnna B-PER\n\n\n\t\nRome B-LOC\n\n", &train_file, Taken),
        (
            "an empty text among others",
            "empty.jsonl",
            b"{\"text\": \"\", \"label\": []}\n{\"text\": \"Anna left\", \"label\": [[0, 4, \"PER\"]]}\n",
            &train_file,
            Taken,
        ),
        (
            "nothing but empty texts",
            "empty.jsonl",
            b"{\"text\": \"\", \"label\": []}\n{\"text\": \" \", \"label\": []}\n",
            &train_file,
            Refused(2, &["--labels from-data: nothing is marked in empty.jsonl"]),
        ),
        (
            "nothing but empty texts, by known labels",
            "empty.jsonl",
            b"{\"text\": \"\", \"label\": []}\n",
            &guide,
            Refused(2, &["--dev: 1 documents without a single word"]),
        ),
        // Training and evaluation ask for no ids; who wants them to be unique asks `validate`.
        ("an id that stands twice, in training", "ids.jsonl", DOUBLE_IDS, &train_file, Taken),
        (
            "an id that stands twice",
            "ids.jsonl",
            DOUBLE_IDS,
            &validate,
            Refused(1, &["1 problem"]),
        ),
        (
            "an id that stands twice in marked text",
            "ids.txt",
            b"=== a\n[[Anna|PER]]\n=== a\n[[Rome|LOC]]\n",
            &train_file,
            Refused(2, &["ids.txt:3: the id `a` stands at ids.txt:1 too"]),
        ),
        (
            "spaces and tabs after the label",
            "spaces.bio",
            b"Anna  B-PER  \t\r\nBerg\tI-PER \r\nleft O\t\r\n",
            &train_file,
            Taken,
        ),
        (
            "bytes that are not UTF-8 among words",
            "latin.bio",
            b"Anna B-PER\nM\xfcller O\n",
            &train_file,
            Refused(2, &["latin.bio:2: not UTF-8 at byte 12; convert the file"]),
        ),
        (
            "bytes that are not UTF-8 in JSON",
            "latin.jsonl",
            b"{\"text\": \"M\xfcller\", \"label\": []}\n",
            &dev_file,
            Refused(2, &["latin.jsonl:1: not UTF-8 at byte 11; convert the file"]),
        ),
        (
            "IOB1",
            "iob1.bio",
            b"Anna I-PER\nBerg I-PER\n",
            &train_file,
            Refused(2, &["iob1.bio:1: `I-PER` at the beginning of a sentence", "IOB1, convert it to IOB2"]),
        ),
        (
            "BIOES",
            "bioes.bio",
            b"Anna B-PER\nBerg E-PER\n",
            &train_file,
            Refused(2, &["bioes.bio:2: `E-PER` is of a scheme like BIOES or BILOU", "convert the file"]),
        ),
        (
            "a type without a name",
            "nameless.jsonl",
            b"{\"text\": \"Anna left\", \"label\": [[0, 4, \"\"]]}\n",
            &train_file,
            Refused(2, &["nameless.jsonl:1: entity `Anna`: its type has no name"]),
        ),
    ];
    for (about, file, content, arguments, outcome) in table {
        fs::write(place.path().join(file), content).unwrap();
        let arguments = arguments
            .split(' ')
            .map(|word| if word == "FILE" { file } else { word });
        let output = trainer(place.path(), arguments);
        let (code, errors) = match outcome {
            Taken => (0, &[][..]),
            Refused(code, errors) => (code, errors),
        };
        eprintln!("{about}");
        check(&output, code, errors);
        fs::remove_file(place.path().join(file)).unwrap();
    }
}

/// What is taken is also counted: nothing is cut, and what is empty has no entities.
#[test]
fn long_and_empty_sentences_are_evaluated() {
    let place = workplace();
    let words: String = (0..599).map(|_| "in ").collect();
    let data = format!(
        "{{\"id\": 1, \"text\": \"{words}Anna\", \"label\": [[{}, {}, \"PER\"]]}}\n{{\"id\": 1, \"text\": \"\", \"label\": []}}\n",
        words.len(),
        words.len() + 4
    );
    fs::write(place.path().join("odd.jsonl"), data).unwrap();
    let run = |arguments: &str| check(&trainer(place.path(), arguments.split(' ')), 0, &[]);
    run(&format!(
        "{FINE_TUNE} --labels from-data --train train.conll --dev train.conll"
    ));
    let printed = run("evaluate --model out --data odd.jsonl --format json");
    let metrics: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(metrics["eval_documents"], 2, "{metrics}");
    assert_eq!(metrics["eval_words"], 600, "{metrics}");
    assert_eq!(metrics["overall"]["support"], 1, "{metrics}");
}

#[test]
fn bases_that_do_not_fit_together() {
    let place = workplace();
    let base = place.path().join("base");
    let run = || {
        let arguments =
            format!("{FINE_TUNE} --labels from-data --train train.conll --dev train.conll");
        trainer(place.path(), arguments.split(' '))
    };
    let vocabulary = fs::read_to_string(base.join("vocab.txt")).unwrap();
    let tokens = vocabulary.lines().count();
    let config = fs::read_to_string(base.join("config.json")).unwrap();
    let sized = |size: usize| {
        let from = format!("\"vocab_size\":{tokens}");
        assert!(config.contains(&from), "{config}");
        config.replace(&from, &format!("\"vocab_size\":{size}"))
    };
    let write = |name: &str, content: &str| fs::write(base.join(name), content).unwrap();

    write("vocab.txt", &format!("{vocabulary}extra\n"));
    let both = format!(
        "the tokenizer has {} tokens, the model embeds {tokens}",
        tokens + 1
    );
    check(&run(), 2, &["base: ", &both, "do not belong together"]);

    // The configuration says so too, and the weights do not.
    write("config.json", &sized(tokens + 1));
    check(
        &run(),
        2,
        &["base", "bert.embeddings.word_embeddings.weight"],
    );

    // Rows of padding that no token has, as many models have, are no mistake.
    write("vocab.txt", &vocabulary.replace("york\n", ""));
    write("config.json", &config);
    check(&run(), 0, &[]);
}
