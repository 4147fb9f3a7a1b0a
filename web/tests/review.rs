//! A person's decisions through edits, analyses, and steps back and forth.

use proptest::prelude::*;
use web::mark::{Mark, Verdict};
use web::note::{ALL, Note};
use web::review::Suggestion;
use web::word;

/// A note from a text in which `[...]` are suggestions of type 0, in order.
fn note(bracketed: &str) -> Note {
    let (mut text, mut found) = (String::new(), Vec::new());
    let mut start = 0;
    for c in bracketed.chars() {
        let at = text.encode_utf16().count();
        match c {
            '[' => start = at,
            ']' => found.push(Suggestion {
                kind: 0,
                range: start..at,
                score: 0.9,
            }),
            _ => text.push(c),
        }
    }
    let mut note = Note::new(1, "n".to_owned(), &text);
    note.found(note.version(), ALL, found);
    note
}

/// The note as text: suggestions in `[]`, accepted marks of type N in `(N:)`, rejected ones in `{}`.
fn show(note: &Note) -> String {
    let slice = |range: std::ops::Range<usize>| String::from_utf16_lossy(&note.text()[range]);
    let mut shown = String::new();
    let mut at = 0;
    for mark in note.review().marks(0.0) {
        shown += &slice(at..mark.start);
        let text = slice(mark.range());
        let person = if mark.by_person() { "!" } else { "" };
        shown += &match mark.verdict {
            Verdict::Open => format!("[{text}]"),
            Verdict::Accepted => format!("({}{person}:{text})", mark.kind),
            Verdict::Rejected => format!("{{{text}}}"),
        };
        at = mark.end;
    }
    shown + &slice(at..note.text().len())
}

/// Does what is written: `a` accept, `x` reject, `r` reset, `lN` relabel and `sTEXT` resize to TEXT, all of the mark that holds the
/// word before the space; `+N` adds that text as type N; `u` and `d` undo and redo; `=` makes the text what follows.
fn act(note: &mut Note, (what, of): (&str, &str)) -> bool {
    let text = String::from_utf16_lossy(note.text());
    let find = |part: &str| {
        let at = text
            .find(part)
            .unwrap_or_else(|| panic!("{part:?} is not in {text:?}"));
        let start = text[..at].encode_utf16().count();
        start..start + part.encode_utf16().count()
    };
    if what == "=" {
        return note.edit(of).is_some();
    }
    let place = find(of);
    let id = note
        .review()
        .marks(0.0)
        .iter()
        .find(|mark| mark.start <= place.start && place.end <= mark.end)
        .map_or(0, |mark| mark.id);
    let number = || what[1..].parse().expect("a type");
    let (resized, kind) = match what.as_bytes()[0] {
        b's' => (Some(find(&what[1..])), 0),
        b'l' | b'+' => (None, number()),
        _ => (None, 0),
    };
    note.correct(|review, text| match what.as_bytes()[0] {
        b'a' => review.accept(id),
        b'x' => review.reject(id),
        b'r' => review.reset(id),
        b'l' => review.relabel(id, kind),
        b's' => review.resize(id, resized.expect("a place"), text),
        b'+' => review.add(place, kind, text).is_some_and(|(_, new)| new),
        b'u' => review.undo(),
        b'd' => review.redo(),
        _ => panic!("{what:?} is not known"),
    })
}

#[track_caller]
fn check(start: &str, steps: &[(&str, &str, bool)], expected: &str) {
    let mut note = note(start);
    for &(what, of, done) in steps {
        assert_eq!(act(&mut note, (what, of)), done, "{what} {of}");
    }
    assert_eq!(show(&note), expected);
}

#[test]
fn decisions() {
    check("no [cramps]", &[("a", "cramps", true)], "no (0:cramps)");
    check(
        "no [cramps]",
        &[("a", "cramps", true), ("a", "cramps", false)],
        "no (0:cramps)",
    );
    check(
        "no [cramps]",
        &[("x", "cramps", true), ("x", "cramps", false)],
        "no {cramps}",
    );
    check(
        "no [cramps]",
        &[("x", "cramps", true), ("a", "cramps", true)],
        "no (0:cramps)",
    );
    check(
        "no [cramps]",
        &[("x", "cramps", true), ("r", "cramps", true)],
        "no [cramps]",
    );
    check(
        "no [cramps]",
        &[("r", "cramps", false), ("a", "no", false)],
        "no [cramps]",
    );
    check("no [cramps]", &[("l2", "cramps", true)], "no (2!:cramps)");
    check("no [cramps]", &[("l0", "cramps", true)], "no (0:cramps)");
    check(
        "bad [cramps]",
        &[("sbad cramps", "cramps", true)],
        "(0!:bad cramps)",
    );
    check(
        "bad [cramps]",
        &[("sad cra", "cramps", true)],
        "(0!:bad cramps)",
    );
    check(
        "bad [cramps]",
        &[("scram", "cramps", false)],
        "bad [cramps]",
    );
    check("[low] [LH]", &[("+1", "low LH", true)], "(1!:low LH)");
    check("low [LH]", &[("+0", "LH", true)], "low (0:LH)");
    check("low [LH]", &[("+1", "ow", true)], "(1!:low) [LH]");
    check(
        "[low] [LH]",
        &[("+1", "low", true), ("sLH", "low", true)],
        "[low] (1!:LH)",
    );
}

#[test]
fn steps_back_and_forth() {
    let back = ("u", "no", true);
    let forth = ("d", "no", true);
    check(
        "no [LH]",
        &[("u", "no", false), ("d", "no", false)],
        "no [LH]",
    );
    check("no [LH]", &[("x", "LH", true), back], "no [LH]");
    check("no [LH]", &[("x", "LH", true), back, forth], "no {LH}");
    check(
        "no [LH]",
        &[("x", "LH", true), ("+1", "no", true), back],
        "no {LH}",
    );
    check(
        "no [LH]",
        &[
            ("x", "LH", true),
            back,
            ("a", "LH", true),
            ("d", "no", false),
        ],
        "no (0:LH)",
    );
    // What was decided before an edit is taken back where the text then is.
    check(
        "no [LH]",
        &[("l1", "LH", true), ("=", "now no LH", true), back],
        "now no [LH]",
    );
    check(
        "no [LH]",
        &[("x", "LH", true), back, ("=", "now no LH", true), forth],
        "now no {LH}",
    );
}

#[test]
fn edits() {
    let accepted = ("a", "cramps", true);
    let check_edit =
        |old: &str, new: &str, expected: &str| check(old, &[accepted, ("=", new, true)], expected);
    check_edit("no [cramps]", "now no cramps", "now no (0:cramps)");
    check_edit("no [cramps]", "no cramps.", "no (0:cramps).");
    check_edit("no [cramps]", "no xcramps", "no (0:xcramps)");
    check_edit("no [cramps]", "no crampsx", "no (0:crampsx)");
    check_edit(
        "no [bad cramps]",
        "no bad old cramps",
        "no (0:bad old cramps)",
    );
    check_edit("no [bad cramps]", "no cramps", "no (0:cramps)");
    check_edit("no [bad cramps]", "no bad", "no (0:bad)");
    check_edit("no [cramps] [LH]", "no LH", "no [LH]");
    check_edit("no [cramps]", "", "");
    check_edit(
        "no [bad cramps]",
        "no bad\n\ncramps",
        "no (0:bad)\n\ncramps",
    );
}

#[test]
fn an_analysis_changes_no_decision() {
    let mut note = note("[low] [LH] and [AMH] or [FSH]");
    for step in [("x", "low"), ("l1", "LH"), ("sAMH or", "AMH")] {
        assert!(act(&mut note, step));
    }
    let before = show(&note);
    assert_eq!(before, "{low} (1!:LH) and (0!:AMH or) [FSH]");
    let found = |range, kind| Suggestion {
        kind,
        range,
        score: 0.8,
    };
    note.found(
        note.version(),
        ALL,
        vec![found(0..6, 2), found(11..14, 3), found(18..21, 0)],
    );
    assert_eq!(show(&note), before);
    note.found(note.version(), ALL, Vec::new());
    assert_eq!(show(&note), "{low} (1!:LH) and (0!:AMH or) FSH");
    assert!(note.is_unsaved());
    // One that was made for an older text is not taken in.
    let version = note.version();
    assert!(act(&mut note, ("=", "low LH and AMH or FSH!")));
    assert!(!note.found(version, ALL, vec![found(18..21, 0)]));
    assert!(!note.analysed);
    assert_eq!(show(&note), "{low} (1!:LH) and (0!:AMH or) FSH!");
}

#[test]
fn the_threshold_is_for_the_models_marks() {
    let mut note = note("[low] [LH] [AMH]");
    assert!(act(&mut note, ("a", "LH")));
    assert!(act(&mut note, ("l1", "AMH")));
    let count = |threshold| note.review().marks(threshold).len();
    assert_eq!([count(0.5), count(0.9), count(0.95)], [3, 3, 2]);
    assert_eq!(note.counts(2, 0.95), [1, 1]);
}

/// Something that happens to a note; numbers choose marks and places.
#[derive(Debug, Clone)]
enum Event {
    Edit(f64, f64, String),
    Analysis(Vec<(f64, f64, usize)>),
    Accept(usize),
    Reject(usize),
    Relabel(usize, usize),
    Resize(usize, f64, f64),
    Add(f64, f64, usize),
    Reset(usize),
    Undo,
    Redo,
}

fn event() -> impl Strategy<Value = Event> {
    let part = || 0.0..1.0;
    let text = "[a-c, \n😀é\r]{0,6}";
    prop_oneof![
        3 => (part(), part(), text).prop_map(|(a, b, t)| Event::Edit(a, b, t)),
        2 => proptest::collection::vec((part(), 0.0..0.2, 0..3usize), 0..8).prop_map(Event::Analysis),
        1 => any::<usize>().prop_map(Event::Accept),
        1 => any::<usize>().prop_map(Event::Reject),
        1 => (any::<usize>(), 0..3usize).prop_map(|(m, k)| Event::Relabel(m, k)),
        1 => (any::<usize>(), part(), part()).prop_map(|(m, a, b)| Event::Resize(m, a, b)),
        1 => (part(), 0.0..0.3, 0..3usize).prop_map(|(a, b, k)| Event::Add(a, a + b, k)),
        1 => any::<usize>().prop_map(Event::Reset),
        1 => Just(Event::Undo),
        1 => Just(Event::Redo),
    ]
}

fn happen(note: &mut Note, event: &Event) {
    let length = note.text().len() as f64;
    let place = |part: f64| (part * length) as usize;
    let range = |a: f64, b: f64| place(a.min(b))..place(a.max(b).min(1.0));
    let marks = note.review().marks(0.0);
    let id = |number: usize| match marks.len() {
        0 => 0,
        count => marks[number % count].id,
    };
    match event {
        Event::Edit(a, b, new) => {
            let range = range(*a, *b);
            let text = |part: &[u16]| String::from_utf16_lossy(part);
            // As a text field has it.
            let new = new.replace("\r\n", "\n").replace('\r', "\n");
            let value = text(&note.text()[..range.start]) + &new + &text(&note.text()[range.end..]);
            note.edit(&value);
        }
        Event::Analysis(found) => {
            let mut free = 0;
            let mut found: Vec<_> = found
                .iter()
                .map(|(a, b, kind)| (range(*a, a + b), *kind))
                .collect();
            found.sort_by_key(|(range, _)| range.start);
            let snapped = found.into_iter().filter_map(|(range, kind)| {
                let range = word::snap(note.text(), range)?;
                (free <= range.start).then(|| {
                    free = range.end;
                    Suggestion {
                        kind,
                        range,
                        score: 0.7,
                    }
                })
            });
            let snapped: Vec<_> = snapped.collect();
            let mut at_once = note.clone();
            at_once.found(note.version(), ALL, snapped.clone());
            // As the page takes a long analysis in: in parts, each to where the next one begins.
            let (mut start, mut parts) = (0, snapped.chunks(2).peekable());
            while start < ALL.end {
                note.analysed = false;
                let part = parts.next().unwrap_or_default().to_vec();
                let end = parts.peek().map_or(ALL.end, |next| next[0].range.start);
                note.found(note.version(), start..end, part);
                assert_eq!(note.analysed, note.text().len() <= end);
                start = end;
            }
            assert_eq!(*note, at_once, "in parts and at once");
        }
        event => {
            note.correct(|review, text| match event {
                Event::Accept(mark) => review.accept(id(*mark)),
                Event::Reject(mark) => review.reject(id(*mark)),
                Event::Relabel(mark, kind) => review.relabel(id(*mark), *kind),
                Event::Resize(mark, a, b) => review.resize(id(*mark), range(*a, *b), text),
                Event::Add(a, b, kind) => {
                    let added = review.add(range(*a, *b), *kind, text);
                    added.is_some_and(|(_, new)| new)
                }
                Event::Reset(mark) => review.reset(id(*mark)),
                Event::Undo => review.undo(),
                Event::Redo => review.redo(),
                Event::Edit(..) | Event::Analysis(_) => unreachable!("they are no corrections"),
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn marks_are_always_words_in_order(text in "[a-c, .\n😀é]{0,60}", events in proptest::collection::vec(event(), 0..30)) {
        let mut note = Note::new(1, String::new(), &text);
        for event in &events {
            let decided: Vec<Mark> = note.review().decisions().to_vec();
            happen(&mut note, event);
            let mut free = 0;
            for mark in note.review().marks(0.0) {
                prop_assert!(free <= mark.start && mark.start < mark.end && mark.end <= note.text().len());
                free = mark.end;
                let decision = note.review().decisions().iter().any(|other| other.id == mark.id);
                prop_assert_eq!(decision, mark.verdict != Verdict::Open);
                if decision {
                    prop_assert_eq!(word::snap(note.text(), mark.range()), Some(mark.range()));
                }
            }
            if let Event::Analysis(_) = event {
                prop_assert_eq!(note.review().decisions(), &decided[..]);
            }
        }
    }

    #[test]
    fn undoing_everything_and_doing_it_again(text in "[a-c ]{1,40}", events in proptest::collection::vec(event(), 0..20)) {
        let mut note = Note::new(1, String::new(), &text);
        for event in events.iter().filter(|event| !matches!(event, Event::Edit(..))) {
            happen(&mut note, event);
        }
        let end = note.review().decisions().to_vec();
        while note.correct(|review, _| review.redo()) {}
        let last = note.review().decisions().to_vec();
        let mut steps = 0;
        while note.correct(|review, _| review.undo()) {
            steps += 1;
        }
        prop_assert!(note.review().decisions().is_empty());
        for _ in 0..steps {
            prop_assert!(note.correct(|review, _| review.redo()));
        }
        prop_assert_eq!(note.review().decisions(), &last[..]);
        prop_assert!(end.is_empty() || steps > 0);
    }
}
