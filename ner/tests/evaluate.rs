//! Evaluation: what is read, what is counted, and what is shown of the mistakes.

use ner::bootstrap::Intervals;
use ner::evaluate::confusion::{Confusion, Pairs, align, confusion};
use ner::evaluate::mistakes::{Mistake, context, mistakes, worst};
use ner::evaluate::{Evaluation, answer, summarize};
use ner::formats::read_annotated;
use ner::metrics::{overlap, spans};
use ner::{Decoder, Document, Entity, Labels, Span, Tokenizer};
use proptest::prelude::*;

const TYPES: [&str; 3] = ["S", "H", "P"];

fn types() -> Vec<String> {
    TYPES.map(str::to_owned).to_vec()
}

type Marks<'a> = &'a [(usize, usize, &'a str)];

fn marks(marks: Marks) -> Vec<Span> {
    let span = |&(start, end, label): &(usize, usize, &str)| Span {
        range: start..end,
        label: label.to_owned(),
    };
    marks.iter().map(span).collect()
}

fn entities(spans: &[Span]) -> Vec<Entity> {
    let entity = |span: &Span| Entity {
        span: span.clone(),
        score: 0.5,
    };
    spans.iter().map(entity).collect()
}

fn document(spans: Vec<Span>) -> Document {
    Document {
        spans,
        ..Document::default()
    }
}

#[test]
fn files_are_read_by_their_names() {
    let labels = Labels::guide();
    let record = |kind: &str, end: usize| {
        let word = &"AMH low"[..end];
        format!(
            r#"{{"text": "AMH low", "entities": [{{"entity_group": "{kind}", "word": "{word}", "start": 0, "end": {end}}}]}}"#
        )
    };
    let check = |file: &str, content: &str, expected: Result<usize, &str>| {
        let found = read_annotated(file, content, &labels);
        let found = found.map(|documents| documents.len());
        assert_eq!(
            found.map_err(|error| error.to_string()),
            expected.map_err(str::to_owned),
            "{file}: {content}"
        );
    };
    check("a.bio", "AMH B-Hormones\n\nlow O\n", Ok(2));
    check("a.txt", "AMH B-Hormones", Ok(1));
    check("a", "AMH B-Hormones", Ok(1));
    check("b/a.jsonl", &record("Hormones", 3), Ok(1));
    check("a.jsonl", "", Err("a.jsonl: holds no documents"));
    check("a.bio", "\n", Err("a.bio: holds no documents"));
    check(
        "a.bio",
        "low O\nAMH\n",
        Err("a.bio:2: `AMH` has no label: a line is a word, a space or tab, and a label"),
    );
    check(
        "a.jsonl",
        "\n{}",
        Err("a.jsonl:2: column 2: missing field `text`; expected an object with a `text`"),
    );
    let cut = "a.jsonl:1: an entity of type `Hormones`: `AM` does not begin and end on a word";
    check("a.jsonl", &record("Hormones", 2), Err(cut));
    let unknown = "a.jsonl:1: an entity of type `Allergies`: the type is not one of Symptoms, Hormones, \
        Procedures, Medications, Ultrasound";
    check("a.jsonl", &record("Allergies", 3), Err(unknown));
}

#[test]
fn predictions_answer_gold_spans() {
    let check = |gold: Marks, found: Marks, expected: &[(usize, usize)]| {
        let pairs = align(&marks(gold), &entities(&marks(found)));
        assert_eq!(pairs, expected, "{gold:?} {found:?}");
    };
    check(&[], &[], &[]);
    check(&[(0, 5, "S")], &[], &[]);
    check(&[], &[(0, 5, "S")], &[]);
    check(&[(0, 5, "S")], &[(5, 9, "S")], &[]);
    check(&[(0, 5, "S")], &[(0, 5, "H")], &[(0, 0)]);
    check(&[(0, 5, "S")], &[(3, 9, "H")], &[(0, 0)]);
    // The type goes before the place.
    check(&[(0, 9, "S")], &[(0, 5, "H"), (6, 9, "S")], &[(0, 1)]);
    check(&[(0, 5, "H"), (6, 9, "S")], &[(0, 9, "S")], &[(1, 0)]);
    // The same boundaries go before the type, and the rest is paired all the same.
    check(
        &[(0, 5, "S"), (6, 9, "H")],
        &[(0, 5, "H"), (5, 7, "S")],
        &[(0, 0), (1, 1)],
    );
    // A pairing that takes the longest overlap first would find one pair here.
    check(
        &[(0, 5, "S"), (6, 9, "S")],
        &[(0, 2, "H"), (3, 9, "H")],
        &[(0, 0), (1, 1)],
    );
}

#[test]
fn types_are_counted_against_types() {
    // A table as text: a row per gold type, then the spurious; the last column is of the missed.
    // A pair with other boundaries stands behind a plus.
    let written = |table: &Confusion| -> Vec<String> {
        let cell = |&Pairs { exact, overlapping }: &Pairs| match overlapping {
            0 => exact.to_string(),
            more => format!("{exact}+{more}"),
        };
        let row = |(row, missed): (&Vec<Pairs>, &usize)| {
            let cells = row.iter().map(cell).chain([missed.to_string()]);
            cells.collect::<Vec<_>>().join(" ")
        };
        let spurious: Vec<String> = table.spurious.iter().map(usize::to_string).collect();
        let rows = table.pairs.iter().zip(&table.missed).map(row);
        rows.chain([spurious.join(" ")]).collect()
    };
    let check = |cases: &[(Marks, Marks)], expected: &[&str]| {
        let documents: Vec<_> = cases
            .iter()
            .map(|(gold, found)| (document(marks(gold)), entities(&marks(found))))
            .collect();
        let pairs = documents.iter().map(|(gold, found)| (gold, &found[..]));
        assert_eq!(written(&confusion(pairs, &types())), expected, "{cases:?}");
    };
    check(&[], &["0 0 0 0", "0 0 0 0", "0 0 0 0", "0 0 0"]);
    check(
        &[
            (&[(0, 5, "S"), (6, 9, "H")], &[(0, 5, "S"), (6, 8, "H")]),
            (&[(0, 5, "S"), (6, 9, "S")], &[(0, 5, "H"), (6, 8, "P")]),
            (&[(0, 5, "P")], &[(6, 9, "P")]),
        ],
        &["1 1 0+1 0", "0 0+1 0 0", "0 0 0 1", "0 0 1"],
    );
    // A type that the model does not have gets a row and a column of its own.
    check(
        &[(&[(0, 5, "X")], &[(0, 5, "S")])],
        &[
            "0 0 0 0 0",
            "0 0 0 0 0",
            "0 0 0 0 0",
            "1 0 0 0 0",
            "0 0 0 0",
        ],
    );
}

#[test]
fn mistakes_are_named() {
    let check = |gold: Marks, found: Marks, expected: &[(&str, usize, usize)]| {
        let found = entities(&marks(found));
        let mistakes = mistakes(&document(marks(gold)), &found);
        let named = mistakes.iter().map(|mistake| {
            let name = match mistake {
                Mistake::Missed { .. } => "missed",
                Mistake::Spurious { .. } => "spurious",
                Mistake::WrongType { .. } => "type",
                Mistake::WrongBoundary { .. } => "boundary",
            };
            assert_eq!(mistake.gold().is_none(), name == "spurious");
            assert_eq!(mistake.found().is_none(), name == "missed");
            (name, mistake.range().start, mistake.range().end)
        });
        assert_eq!(named.collect::<Vec<_>>(), expected, "{gold:?} {found:?}");
    };
    check(&[(0, 5, "S")], &[(0, 5, "S")], &[]);
    check(&[(0, 5, "S")], &[], &[("missed", 0, 5)]);
    check(&[], &[(0, 5, "S")], &[("spurious", 0, 5)]);
    check(&[(0, 5, "S")], &[(0, 5, "H")], &[("type", 0, 5)]);
    check(&[(0, 5, "S")], &[(3, 9, "H")], &[("type", 0, 9)]);
    check(&[(3, 9, "S")], &[(0, 5, "S")], &[("boundary", 0, 9)]);
    check(
        &[(0, 2, "S"), (10, 12, "H")],
        &[(4, 6, "S"), (10, 13, "H")],
        &[("missed", 0, 2), ("spurious", 4, 6), ("boundary", 10, 13)],
    );
}

#[test]
fn documents_with_the_most_mistakes_come_first() {
    // Documents by their numbers of missed spans.
    let check = |missed: &[usize], most: usize, expected: &[usize]| {
        let of = |&count: &usize| {
            let spans = (0..count).map(|at| Span {
                range: at..at + 1,
                label: "S".to_owned(),
            });
            document(spans.collect())
        };
        let documents: Vec<Document> = missed.iter().map(of).collect();
        let found = worst(documents.iter().map(|document| (document, &[][..])), most);
        let order: Vec<usize> = found.iter().map(|(at, _)| *at).collect();
        assert_eq!(order, expected, "{missed:?}");
        for (at, mistakes) in found {
            assert_eq!(mistakes.len(), missed[at]);
        }
    };
    check(&[], 3, &[]);
    check(&[0, 0], 3, &[]);
    check(&[1, 0, 3, 1], 9, &[2, 0, 3]);
    check(&[1, 2, 3, 4], 2, &[3, 2]);
}

#[test]
fn context_ends_on_words() {
    let check = |before: &str, after: &str, left: &str, right: &str| {
        let text = format!("{before}AMH{after}");
        let range = before.len()..before.len() + 3;
        let expected = format!("{left}AMH{right}");
        assert_eq!(&text[context(&text, &range)], expected);
    };
    check("", "", "", "");
    check("low ", ", high", "low ", ", high");
    let word = "é".repeat(9) + " ";
    // Eight words of ten characters are eighty.
    check(&word.repeat(8), "", &word.repeat(8), "");
    check(&word.repeat(9), "", &word.repeat(8), "");
    check(&format!("x{}", word.repeat(8)), "", &word.repeat(7), "");
    let word = " ".to_owned() + &"é".repeat(9);
    check("", &word.repeat(8), "", &word.repeat(8));
    check("", &word.repeat(9), "", &word.repeat(8));
    check("", &format!("{}x", word.repeat(8)), "", &word.repeat(7));
    // One word without an end.
    let long = "é".repeat(200);
    check(&long, &long, &long[..160], &long[..160]);
}

/// Logits that make `x` a `B-S` and other words none.
fn forward(ids: &[u32]) -> Vec<f32> {
    let row = |&id: &u32| match id {
        4 => [0.0, 1.0, 0.0],
        _ => [1.0, 0.0, 0.0],
    };
    ids.iter().flat_map(row).collect()
}

fn note(text: &str, gold: Marks) -> Document {
    Document {
        id: "note".into(),
        text: text.into(),
        spans: marks(gold),
    }
}

#[test]
fn answers_are_summed_up() {
    let decoder = Decoder::bio(Labels::of_types(&["S"]));
    let tokenizer = Tokenizer::from_vocab("[PAD]\n[UNK]\n[CLS]\n[SEP]\nx\n", None).unwrap();
    let documents = [note("x y", &[(0, 1, "S")]), note("y", &[])];
    let run = |document: &Document, decoder: &Decoder| {
        let prepared = ner::prepare(&document.text, &tokenizer, 16);
        let logits: Vec<_> = prepared.inputs.iter().map(|ids| forward(ids)).collect();
        answer(document, &prepared, &logits, decoder)
    };
    let answers: Vec<_> = documents
        .iter()
        .map(|document| run(document, &decoder).unwrap())
        .collect();
    let found = summarize(&documents, &answers, &decoder).unwrap();
    assert_eq!((found.eval_documents, found.eval_words), (2, 3));
    assert_eq!((found.eval_f1, found.overall.correct), (1.0, 1));
    // The second document has no entity: a quarter of the resamples are nothing but that one, and
    // do not count.
    let intervals = Intervals {
        overall: [1.0; 2],
        types: [("S".to_owned(), [1.0; 2])].into(),
    };
    assert_eq!(found.f1_intervals, intervals);
    // Each word's label has the logit 1, the two others 0.
    let loss = (1.0_f64.exp() + 2.0).ln() - 1.0;
    assert!((found.eval_loss - loss).abs() < 1e-12, "{found:?}");
    assert_eq!(answers[0].entities(&decoder)[0].span, documents[0].spans[0]);

    let json = found.to_json();
    assert!(json.starts_with("{\n  \"eval_loss\": 0.55") && json.ends_with("\n}\n"));
    assert_eq!(serde_json::from_str::<Evaluation>(&json).unwrap(), found);

    let check = |document: &Document, logits: &[Vec<f32>], problem: &str| {
        let prepared = ner::prepare(&document.text, &tokenizer, 16);
        let error = answer(document, &prepared, logits, &decoder).unwrap_err();
        assert_eq!(error.to_string(), format!("document `note`: {problem}"));
    };
    check(&documents[0], &[], "logits of 0 windows for 1");
    check(
        &documents[0],
        &[vec![f32::NAN; 12]],
        "word 0: the logit of `O` is NaN",
    );
    let unknown = "span 0..1 of type `X`: the type is not one of S";
    check(&note("x", &[(0, 1, "X")]), &[forward(&[2, 4, 3])], unknown);
}

/// Spans that do not overlap, from gaps, lengths and types.
fn some_spans() -> impl Strategy<Value = Vec<Span>> {
    prop::collection::vec((0..3_usize, 1..5_usize, 0..3_usize), 0..12).prop_map(|parts| {
        let mut end = 0;
        let span = |(gap, length, kind): (usize, usize, usize)| {
            let start = end + gap;
            end = start + length;
            Span {
                range: start..end,
                label: TYPES[kind].to_owned(),
            }
        };
        parts.into_iter().map(span).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn confusion_adds_up_to_the_metrics(
        cases in prop::collection::vec((some_spans(), some_spans()), 1..4),
    ) {
        let documents: Vec<(Document, Vec<Entity>)> = cases
            .iter()
            .map(|(gold, found)| (document(gold.clone()), entities(found)))
            .collect();
        let table = confusion(documents.iter().map(|(gold, found)| (gold, &found[..])), &types());
        let pairs = || cases.iter().map(|(gold, found)| (&gold[..], &found[..]));
        let (strict, loose) = (spans(pairs(), &types()), overlap(pairs(), &types()));
        let all = |pairs: &Pairs| pairs.exact + pairs.overlapping;
        let mut wrong = 0;
        for (at, ((_, strict), (_, loose))) in strict.types.iter().zip(&loose.types).enumerate() {
            let row: usize = table.pairs[at].iter().map(all).sum();
            prop_assert_eq!(row + table.missed[at], strict.support);
            let column: usize = table.pairs.iter().map(|row| all(&row[at])).sum();
            prop_assert_eq!(column + table.spurious[at], strict.predicted);
            prop_assert_eq!(table.pairs[at][at].exact, strict.correct);
            prop_assert_eq!(all(&table.pairs[at][at]), loose.correct);
            wrong += row - table.pairs[at][at].exact + table.missed[at] + table.spurious[at];
        }
        // Whatever is off the exact diagonal is a mistake.
        let each = documents.iter().map(|(gold, found)| mistakes(gold, found).len());
        prop_assert_eq!(each.sum::<usize>(), wrong);

        let sums = table.outcomes();
        let off = sums.wrong_type + sums.wrong_boundary + sums.wrong_type_and_boundary;
        prop_assert_eq!(sums.correct, strict.overall.correct);
        prop_assert_eq!(sums.correct + sums.wrong_boundary, loose.overall.correct);
        prop_assert_eq!(sums.correct + off + sums.missed, strict.overall.support);
        prop_assert_eq!(sums.correct + off + sums.spurious, strict.overall.predicted);
        prop_assert_eq!(off + sums.missed + sums.spurious, wrong);
    }
}
