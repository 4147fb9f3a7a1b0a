//! Text to words and subword tokens.

mod normalization;
mod vocab;

use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{Decoder, Encoding, Model, PaddingParams, PostProcessor, TokenizerImpl};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::Error;

/// Splits a text into words: at white space, around every punctuation character and around every
/// CJK ideograph, as BERT's pre-tokenizer does, but as ranges of the original text with case kept.
///
/// Every character that is not white space is in exactly one word. White space is Unicode's
/// `White_Space`.
pub fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        let alone = is_punctuation(c) || is_ideograph(c);
        if alone || c.is_whitespace() {
            words.extend(start.take().map(|start| start..at));
            if alone {
                words.push(at..at + c.len_utf8());
            }
        } else {
            start.get_or_insert(at);
        }
    }
    words.extend(start.map(|start| start..text.len()));
    words
}

/// BERT's punctuation: every ASCII character that is not a letter, digit, space or control
/// character ("$" and "+" too), and Unicode's categories P*.
pub fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || !c.is_ascii() && c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// The ideographs that BERT takes for words of their own, with the block boundaries of the
/// `tokenizers` crate.
fn is_ideograph(c: char) -> bool {
    matches!(c,
        '\u{4E00}'..='\u{9FFF}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{20000}'..='\u{2A6DF}'
        | '\u{2A700}'..='\u{2B73F}'
        | '\u{2B740}'..='\u{2B81F}'
        | '\u{2B920}'..='\u{2CEAF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{2F800}'..='\u{2FA1F}')
}

/// A WordPiece tokenizer of a BERT model.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    /// Without truncation and padding; special tokens in a text are text.
    inner: Inner,
    /// Where it names the padding token; to be written again.
    padding: Option<PaddingParams>,
    cls: u32,
    sep: u32,
    pad: u32,
    unknown: u32,
}

/// The parts by their own types: where any kind may come, each is read in a detour over a tree of
/// JSON values, which for a vocabulary takes several times as long.
type Inner = TokenizerImpl<WordPiece, BertNormalizer, BertPreTokenizer, Unused, Unused>;

/// A part that does nothing here, and is written again as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Unused(Box<RawValue>);

impl PostProcessor for Unused {
    fn added_tokens(&self, _is_pair: bool) -> usize {
        0
    }

    fn process(
        &self,
        encoding: Encoding,
        _pair_encoding: Option<Encoding>,
        _add_special_tokens: bool,
    ) -> tokenizers::Result<Encoding> {
        Ok(encoding)
    }

    fn process_encodings(
        &self,
        encodings: Vec<Encoding>,
        _add_special_tokens: bool,
    ) -> tokenizers::Result<Vec<Encoding>> {
        Ok(encodings)
    }
}

impl Decoder for Unused {
    fn decode_chain(&self, tokens: Vec<String>) -> tokenizers::Result<Vec<String>> {
        Ok(tokens)
    }
}

/// What a `tokenizer.json` says of its parts.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Outline {
    model: Option<Part>,
    normalizer: Option<Part>,
    pre_tokenizer: Option<Part>,
    post_processor: Value,
    decoder: Option<Part>,
    padding: Option<Padding>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Part {
    r#type: Option<String>,
    /// A model's.
    unk_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Padding {
    pad_token: Option<String>,
}

/// A tokenized text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Subword ids of the whole text, without special tokens.
    pub ids: Vec<u32>,
    /// The words of the text.
    pub words: Vec<Range<usize>>,
    /// For each word the index into `ids` of its first subword; `None` for a word that the
    /// tokenizer's normalization removes (a lone control character).
    pub first: Vec<Option<usize>>,
}

/// A token in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// Whether Hugging Face's pipeline takes it for the continuation of the token before: its name is not as long as its text, and
    /// it is not the unknown token.
    pub continues: bool,
}

impl Tokenizer {
    /// From the text of a `tokenizer.json`, which alone decides; of a file of someone else's
    /// directory see also [`Self::with_config`].
    ///
    /// Its truncation and padding are switched off: nothing is ever cut silently.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when it is not of BERT's kind (`BertNormalizer`, `BertPreTokenizer`,
    /// `WordPiece`), lacks a special token or has two ids for it, leaves ids unused, or has an added
    /// token that is not one word.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let error = |problem: String| Error::Tokenizer(problem);
        let outline: Option<Outline> =
            serde_json::from_str(json).map_err(|e| error(format!("not JSON of its form: {e}")))?;
        let outline = outline.unwrap_or_default();
        for (name, part, wanted) in [
            ("model", &outline.model, "WordPiece"),
            ("normalizer", &outline.normalizer, "BertNormalizer"),
            ("pre_tokenizer", &outline.pre_tokenizer, "BertPreTokenizer"),
        ] {
            let found = part.as_ref().and_then(|part| part.r#type.as_deref());
            if found != Some(wanted) {
                let found = found.unwrap_or("none");
                return Err(error(format!("its {name} is {found}, not BERT's {wanted}")));
            }
        }
        if outline.decoder.is_some_and(|part| part.r#type.is_none()) {
            return Err(error("its decoder has no type".into()));
        }
        let mut inner: Inner = serde_json::from_str(json).map_err(|e| error(format!("{e}")))?;

        let id = |name: &str| {
            let id = inner.token_to_id(name);
            id.ok_or_else(|| error(format!("the vocabulary lacks the special token `{name}`")))
        };
        let unk = outline.model.and_then(|model| model.unk_token);
        let unk = unk.as_deref().unwrap_or("[UNK]");
        let unknown = id(unk)?;
        // WordPiece does not see added tokens.
        if inner.get_model().token_to_id(unk).is_none() {
            let problem = format!("`{unk}` is an added token and none of the vocabulary");
            return Err(error(problem));
        }
        let Some(specials) = specials(&outline.post_processor) else {
            return Err(error(
                "its post_processor does not put one token before a text and one after it".into(),
            ));
        };
        for (name, its_id) in specials {
            let id = id(name)?;
            if its_id != u64::from(id) {
                return Err(error(format!(
                    "its post_processor gives `{name}` the id {its_id}, the vocabulary {id}"
                )));
            }
        }
        let [cls, sep] = specials.map(|(_, id)| id as u32);
        // Hugging Face keeps the name of another padding token in the padding section only.
        let other_pad = outline.padding.and_then(|padding| padding.pad_token);
        let other_pad = other_pad.filter(|name| name != "[PAD]");
        let pad = id(other_pad.as_deref().unwrap_or("[PAD]"))?;
        check_vocabulary(&inner)?;

        inner
            .with_truncation(None)
            .map_err(|e| error(format!("{e}")))?;
        let padding = inner.get_padding().cloned();
        inner.with_padding(None);
        inner.set_encode_special_tokens(true);
        Ok(Self {
            inner,
            padding: padding.filter(|_| other_pad.is_some()),
            cls,
            sep,
            pad,
            unknown,
        })
    }

    /// From the text of a `vocab.txt` and, where there is one, of a `tokenizer_config.json`, as
    /// `BertTokenizerFast` does.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when the configuration is not JSON, a token stands twice, or a special
    /// token is missing.
    pub fn from_vocab(vocab: &str, config: Option<&str>) -> Result<Self, Error> {
        Self::from_json(&vocab::tokenizer_json(vocab, config)?.to_string())
    }

    /// The text of a `tokenizer.json` that [`Self::from_json`] reads back.
    pub fn to_json(&self) -> String {
        let mut whole = self.inner.clone();
        whole.with_padding(self.padding.clone());
        serde_json::to_string(&whole).expect("a tokenizer is JSON")
    }

    /// The vocabulary in id order, one token per line, as in `vocab.txt`.
    pub fn to_vocab(&self) -> String {
        let mut tokens: Vec<(String, u32)> = self.inner.get_vocab(true).into_iter().collect();
        tokens.sort_unstable_by_key(|(_, id)| *id);
        tokens.into_iter().map(|(token, _)| token + "\n").collect()
    }

    /// Number of tokens in the vocabulary; every id is below it.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Tokenizes word by word, so that every token belongs to one word and offsets are the words'
    /// own.
    ///
    /// The ids are those that the tokenizer gives for the whole text, but for these cases, where
    /// words say more about the text:
    /// - a special token written out in a text (`[SEP]`) is text;
    /// - vertical tab, form feed and U+0085 separate words; the tokenizer removes them and so joins
    ///   their neighbours;
    /// - ideographs are words of their own also where the tokenizer's `handle_chinese_chars` is
    ///   off;
    /// - punctuation is Unicode's of today, the tokenizer's of Unicode 8.
    pub fn tokenize(&self, text: &str) -> Tokens {
        let words = words(text);
        let mut ids: Vec<u32> = Vec::new();
        let mut first = Vec::with_capacity(words.len());
        // Notes repeat their words; where a word's tokens stand in `ids` is remembered instead of
        // encoding it again.
        let mut known: HashMap<&str, Range<usize>> = HashMap::new();
        for range in &words {
            let word = &text[range.clone()];
            let start = ids.len();
            if let Some(earlier) = known.get(word) {
                ids.extend_from_within(earlier.clone());
            } else {
                let encoding = self.inner.encode_fast(word, false);
                // WordPiece fails for want of its unknown token only, which `from_json` asked for.
                ids.extend_from_slice(
                    encoding
                        .expect("the vocabulary has the unknown token")
                        .get_ids(),
                );
                known.insert(word, start..ids.len());
            }
            first.push((ids.len() > start).then_some(start));
        }
        Tokens { ids, words, first }
    }

    /// Where each token of [`Self::tokenize`] stands in its text.
    pub fn pieces(&self, text: &str, tokens: &Tokens) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(tokens.ids.len());
        for word in &tokens.words {
            let encoding = self.inner.encode(&text[word.clone()], false);
            let encoding = encoding.expect("the vocabulary has the unknown token");
            for (&(start, end), (token, id)) in encoding
                .get_offsets()
                .iter()
                .zip(encoding.get_tokens().iter().zip(encoding.get_ids()))
            {
                let range = word.start + start..word.start + end;
                let as_long = token.chars().count() == text[range.clone()].chars().count();
                let continues = !as_long && *id != self.unknown;
                pieces.push(Piece { range, continues });
            }
        }
        pieces
    }

    /// `[CLS]`, `ids`, `[SEP]`: one input of the network.
    pub fn input(&self, ids: &[u32]) -> Vec<u32> {
        [&[self.cls], ids, &[self.sep]].concat()
    }

    /// Id of `[PAD]`.
    pub fn pad(&self) -> u32 {
        self.pad
    }
}

fn is_word(text: &str) -> bool {
    words(text).first() == Some(&(0..text.len()))
}

/// Names and ids of the tokens that a post-processor of a `tokenizer.json` puts before and after a
/// single text.
fn specials<'a>(post_processor: &'a Value) -> Option<[(&'a str, u64); 2]> {
    match post_processor["type"].as_str()? {
        "BertProcessing" => {
            let special = |name: &str| {
                let special = &post_processor[name];
                Some((special[0].as_str()?, special[1].as_u64()?))
            };
            Some([special("cls")?, special("sep")?])
        }
        "TemplateProcessing" => match post_processor["single"].as_array()?.as_slice() {
            [cls, text, sep] if text.get("Sequence").is_some() => {
                let name = |part: &'a Value| part["SpecialToken"]["id"].as_str();
                let id = |name: &str| {
                    let ids = &post_processor["special_tokens"][name]["ids"];
                    ids[0].as_u64().filter(|_| ids[1].is_null())
                };
                let (cls, sep) = (name(cls)?, name(sep)?);
                Some([(cls, id(cls)?), (sep, id(sep)?)])
            }
            _ => None,
        },
        _ => None,
    }
}

/// Every id below the size is one token that a line of a `vocab.txt` can hold, and added tokens are
/// words.
fn check_vocabulary(tokenizer: &Inner) -> Result<(), Error> {
    let error = |problem| Err(Error::Tokenizer(problem));
    let size = tokenizer.get_vocab_size(true);
    let added = tokenizer.get_added_tokens_decoder();
    for id in 0..size as u32 {
        let token = added.get(&id).map(|token| token.content.clone());
        let Some(token) = token.or_else(|| tokenizer.get_model().id_to_token(id)) else {
            // There are as many tokens as ids, so one of them has another.
            let vocabulary = tokenizer.get_vocab(true);
            let wrong = |&(token, &id): &(&String, &u32)| {
                id as usize >= size || tokenizer.id_to_token(id).as_ref() != Some(token)
            };
            let first = vocabulary.iter().filter(wrong).min_by_key(|&(_, id)| id);
            let (token, id) = first.expect("ids that are missing are those of other tokens");
            return error(format!(
                "token `{token}` has id {id}, but the {size} tokens do not have the ids 0 to {}",
                size - 1
            ));
        };
        if token.contains(['\n', '\r']) {
            return error(format!("token {id} holds a line end"));
        }
    }
    for token in added.values() {
        if !token.special && !is_word(&token.content) {
            return error(format!(
                "added token `{}` is not one word, and tokens never reach over words",
                token.content
            ));
        }
    }
    Ok(())
}
