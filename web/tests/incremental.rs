//! Editing a note gives the entities that the new text gives from scratch, whatever is kept from the old one.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ner::{Decoder, Entity, Labels, Tokenizer};
use proptest::prelude::*;
use web::cache::Cache;
use web::windows;

/// Words that the tokenizer knows, some that it cuts, some that it does not know, and whatever ends sentences and paragraphs.
const PIECES: [&str; 24] = [
    "no", "heavy", "bleeding", "blee", "ding", "low", "LH", "xyz", "é", "😀", ",", ".", ". ", "! ",
    "\n", "\n\n", "\r\n", "\t", " ", " ", " ", "e\u{301}", "痛", "\u{feff}",
];

const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nno\nheavy\nblee\n##ding\n,\nlow\nlh\n.\nding\n";

/// The longest input, so short that a note of some sentences has many windows.
const MAX_TOKENS: usize = 24;

/// Whatever is computed for a window is kept, or little of it.
const CACHES: [usize; 2] = [1 << 20, 2_000];

/// Inputs that go through the network together have no more tokens than this.
const TOGETHER: usize = 48;

/// Stands for the network: every logit depends on every token of the window, so that a window which was not run again, but
/// should have been, shows.
fn forward(input: &[u32], labels: usize) -> Rc<[f32]> {
    let mix = |seed: u32, id: u32| (seed ^ id).wrapping_mul(0x0100_0193).rotate_left(13);
    let whole = input.iter().fold(0x811c_9dc5, |hash, &id| mix(hash, id));
    let logit = |(token, label): (usize, usize)| {
        let hash = mix(mix(whole, token as u32), label as u32);
        (hash >> 8) as f32 / (1 << 21) as f32
    };
    let places = (0..input.len()).flat_map(|token| (0..labels).map(move |label| (token, label)));
    places.map(logit).collect()
}

struct Model {
    tokenizer: Tokenizer,
    decoder: Decoder,
}

impl Model {
    fn entities(&self, text: &str, cache: &RefCell<Cache>) -> Vec<Entity> {
        let prepared = ner::prepare(text, &self.tokenizer, MAX_TOKENS);
        let labels = self.decoder.labels.len();
        let all = |inputs: &[&[u32]]| {
            let logits = inputs.iter().map(|input| forward(input, labels));
            Ok::<_, Infallible>(logits.collect())
        };
        let logits = windows::logits(&prepared.inputs, cache, TOGETHER, all, async |_| true);
        let Poll::Ready(Ok(Some(logits))) =
            pin!(logits).poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("nothing waits, fails or is cancelled");
        };
        ner::finish(text, &prepared, &logits, &self.decoder).expect("all logits are finite")
    }
}

/// Where an edit begins and ends, in parts of the text, and what it puts there.
type Edit = (f64, f64, Vec<usize>);

fn edit(text: &mut String, (from, to, pieces): &Edit) {
    let place = |part: f64| {
        let at = (part * text.len() as f64) as usize;
        (at..=text.len())
            .find(|&at| text.is_char_boundary(at))
            .expect("the end is a boundary")
    };
    let (from, to) = (place(from.min(*to)), place(from.max(*to)));
    let new: String = pieces.iter().map(|&piece| PIECES[piece]).collect();
    text.replace_range(from..to, &new);
}

fn pieces(most: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..PIECES.len(), 0..most)
}

/// Most edits are of a few characters, as typing is; some replace half a note.
fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let span = prop_oneof![4 => 0.0..0.01, 1 => 0.0..0.5];
    let one = (0.0..1.0, span, pieces(6));
    proptest::collection::vec(one.prop_map(|(at, span, new)| (at, at + span, new)), 1..12).prop_map(
        |edits| {
            let within = |(from, to, new): Edit| (from, to.min(1.0), new);
            edits.into_iter().map(within).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn edits_give_what_the_text_gives_from_scratch(start in pieces(300), edits in edits()) {
        let model = Model {
            tokenizer: Tokenizer::from_vocab(VOCAB, None).expect("the vocabulary is BERT's"),
            decoder: Decoder::bio(Labels::guide()),
        };
        for bytes in CACHES {
            let cache = RefCell::new(Cache::new(bytes));
            let mut text: String = start.iter().map(|&piece| PIECES[piece]).collect();
            model.entities(&text, &cache);
            for step in &edits {
                edit(&mut text, step);
                let fresh = RefCell::new(Cache::new(0));
                prop_assert_eq!(
                    model.entities(&text, &cache),
                    model.entities(&text, &fresh),
                    "{:?}",
                    text
                );
            }
        }
    }
}
