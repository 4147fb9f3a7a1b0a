//! Clinical entity recognition without the network.
//!
//! A note goes through two pure halves with any forward pass between them: [`prepare`] turns text
//! into the model's inputs, [`finish`] turns the logits back into entities.
//!
//! Ranges are half-open bytes of the original text throughout.
//!
//! ```
//! use ner::{Decoder, Labels, Tokenizer, finish, formats, prepare};
//!
//! let vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nno\nheavy\nblee\n##ding\n,\nlow\nlh\n";
//! let tokenizer = Tokenizer::from_vocab(vocab, None)?;
//! let decoder = Decoder::bio(Labels::guide());
//! let labels = &decoder.labels;
//!
//! // Text to words, words to tokens, tokens to windows, windows to inputs. A short text is one
//! // window.
//! let text = "No heavy bleeding, low LH";
//! let prepared = prepare(text, &tokenizer, ner::window::MAX_TOKENS);
//! let words: Vec<&str> = prepared.tokens.words.iter().map(|word| &text[word.clone()]).collect();
//! assert_eq!(words, ["No", "heavy", "bleeding", ",", "low", "LH"]);
//! assert_eq!(prepared.inputs, [[2, 4, 5, 6, 7, 8, 9, 10, 3]]);
//!
//! // A network would say for each token how much it looks like each of the labels; here the token
//! // alone decides.
//! let forward = |input: &[u32]| -> Vec<f32> {
//!     let logits = |token: &u32| -> Vec<f32> {
//!         let label = match token {
//!             5 => "B-Symptoms",
//!             6 => "I-Symptoms",
//!             10 => "B-Hormones",
//!             _ => "O",
//!         };
//!         labels.names().iter().map(|name| if name == label { 9.0 } else { 0.0 }).collect()
//!     };
//!     input.iter().flat_map(logits).collect()
//! };
//! let logits: Vec<Vec<f32>> = prepared.inputs.iter().map(|input| forward(input)).collect();
//!
//! // Logits to labels to entities. A word is what its first token is: `##ding` has no say.
//! let entities = finish(text, &prepared, &logits, &decoder)?;
//! assert_eq!(entities[0].span.range, 3..17);
//! assert!(entities[0].score > 0.99);
//! let printed = formats::python::tuples(text, &entities);
//! assert_eq!(printed, "[('heavy bleeding', 'Symptoms'), ('LH', 'Hormones')]");
//!
//! // The same in one call, where the forward pass does not have to be waited for.
//! let forward = |input: &[u32]| Ok::<_, ner::Error>(forward(input));
//! let same = ner::recognize(text, &tokenizer, &decoder, 256, forward)?;
//! assert_eq!(same, entities);
//!
//! // Files hold code points.
//! let record = formats::jsonl::record("note 1".into(), text, &entities);
//! assert_eq!((record.entities[1].start, record.entities[1].end), (23, 25));
//! # Ok::<(), ner::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod bootstrap;
pub mod boundary;
pub mod calibration;
pub mod crf;
pub mod decode;
pub mod entity;
pub mod evaluate;
pub mod formats;
pub mod kind;
pub mod label;
pub mod metrics;
pub mod model;
pub mod random;
pub mod tokenize;
pub mod window;

mod error;

pub use decode::{Decoder, WordLogits};
pub use entity::{Document, Entity, Span};
pub use error::Error;
pub use label::{Labels, Tag};
pub use tokenize::{Tokenizer, Tokens};
pub use window::Window;

/// A text ready for the network.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Words and subword tokens of the text.
    pub tokens: Tokens,
    /// What each forward pass sees and which tokens it answers for.
    pub windows: Vec<Window>,
    /// One input per window: `[CLS]`, the window's tokens, `[SEP]`.
    pub inputs: Vec<Vec<u32>>,
}

/// Text to network inputs. `max_tokens` is the longest input of the network, its two special tokens
/// included; at least 3. A text without words has no inputs.
pub fn prepare(text: &str, tokenizer: &Tokenizer, max_tokens: usize) -> Prepared {
    let tokens = tokenizer.tokenize(text);
    let windows = window::cut(text, &tokens, max_tokens);
    let inputs = windows
        .iter()
        .map(|window| tokenizer.input(&tokens.ids[window.tokens.clone()]))
        .collect();
    Prepared {
        tokens,
        windows,
        inputs,
    }
}

/// Window logits to entities. `logits[i]` is `[T, L]` row-major for `prepared.inputs[i]`, special
/// tokens included.
///
/// # Errors
/// [`Error::WindowCount`] and [`Error::LogitShape`] when the logits do not fit the inputs,
/// [`Error::Logit`] when one is not a finite number.
pub fn finish<R: AsRef<[f32]>>(
    text: &str,
    prepared: &Prepared,
    logits: &[R],
    decoder: &Decoder,
) -> Result<Vec<Entity>, Error> {
    let tokens = &prepared.tokens;
    let logits = window::stitch(tokens, &prepared.windows, logits, decoder.labels.len())?;
    decode::entities(text, tokens, &logits, decoder)
}

/// [`prepare`], `forward` for one input after another, [`finish`].
///
/// # Errors
/// What `forward` returns, and what [`finish`] does.
pub fn recognize<E: From<Error>>(
    text: &str,
    tokenizer: &Tokenizer,
    decoder: &Decoder,
    max_tokens: usize,
    forward: impl FnMut(&[u32]) -> Result<Vec<f32>, E>,
) -> Result<Vec<Entity>, E> {
    let prepared = prepare(text, tokenizer, max_tokens);
    let logits = prepared
        .inputs
        .iter()
        .map(Vec::as_slice)
        .map(forward)
        .collect::<Result<Vec<_>, E>>()?;
    Ok(finish(text, &prepared, &logits, decoder)?)
}
