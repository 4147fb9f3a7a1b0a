//! `vocab.txt` and `tokenizer_config.json` as a `tokenizer.json`.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokenizers::normalizers::BertNormalizer;

use crate::Error;

/// The `tokenizer.json` that transformers' `BertTokenizerFast` makes of a `vocab.txt` and a
/// `tokenizer_config.json`.
pub(super) fn tokenizer_json(vocab: &str, config: Option<&str>) -> Result<Value, Error> {
    let config = VocabConfig::from_json(config)?;
    let mut ids = Map::new();
    for (line, token) in vocab.lines().enumerate() {
        if let Some(first) = ids.insert(token.to_owned(), line.into()) {
            let first = first.as_u64().unwrap_or_default() + 1;
            let message = format!(
                "vocab.txt: lines {first} and {} both hold `{token}`",
                line + 1
            );
            return Err(Error::Tokenizer(message));
        }
    }
    let [unk, cls, sep, pad, mask] = [
        &config.unk_token,
        &config.cls_token,
        &config.sep_token,
        &config.pad_token,
        &config.mask_token,
    ]
    .map(TokenName::as_str);
    for name in [unk, cls, sep, pad] {
        if !ids.contains_key(name) {
            return Err(Error::Tokenizer(format!(
                "vocab.txt: the special token `{name}` is missing"
            )));
        }
    }
    let added: Vec<Value> = [pad, unk, cls, sep, mask]
        .into_iter()
        .filter_map(|name| {
            Some(json!({
                "id": ids.get(name)?,
                "content": name,
                "special": true,
                "single_word": false,
                "lstrip": false,
                "rstrip": false,
                "normalized": false,
            }))
        })
        .collect();
    let special = |name: &str, kind: u32| json!({"SpecialToken": {"id": name, "type_id": kind}});
    let sequence = |name: &str, kind: u32| json!({"Sequence": {"id": name, "type_id": kind}});
    let named = |name: &str| json!({"id": name, "ids": [ids[name]], "tokens": [name]});
    let padding = (pad != "[PAD]").then(|| {
        json!({
            "strategy": "BatchLongest",
            "direction": "Right",
            "pad_to_multiple_of": null,
            "pad_id": ids[pad],
            "pad_type_id": 0,
            "pad_token": pad,
        })
    });
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": padding,
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": config.tokenize_chinese_chars,
            "strip_accents": config.strip_accents,
            "lowercase": config.do_lower_case,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special(cls, 0), sequence("A", 0), special(sep, 0)],
            "pair": [
                special(cls, 0), sequence("A", 0), special(sep, 0),
                sequence("B", 1), special(sep, 1),
            ],
            "special_tokens": {cls: named(cls), sep: named(sep)},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece",
            "unk_token": unk,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": ids,
        },
    }))
}

/// The normalization that a `tokenizer_config.json` asks for; `None` where it leaves it to
/// `tokenizer.json`.
pub(super) fn normalizer(config: Option<&str>) -> Result<Option<BertNormalizer>, Error> {
    let config = VocabConfig::from_json(config)?;
    if let Some("PreTrainedTokenizerFast" | "TokenizersBackend") = config.tokenizer_class.as_deref()
    {
        return Ok(None);
    }
    Ok(Some(BertNormalizer::new(
        true,
        config.tokenize_chinese_chars,
        config.strip_accents,
        config.do_lower_case,
    )))
}

/// The fields of a `tokenizer_config.json` that change what `BertTokenizerFast` does.
#[derive(Deserialize)]
#[serde(default)]
struct VocabConfig {
    tokenizer_class: Option<String>,
    do_lower_case: bool,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: bool,
    unk_token: TokenName,
    cls_token: TokenName,
    sep_token: TokenName,
    pad_token: TokenName,
    mask_token: TokenName,
}

impl VocabConfig {
    fn from_json(json: Option<&str>) -> Result<Self, Error> {
        json.map_or_else(|| Ok(Self::default()), serde_json::from_str)
            .map_err(|e| Error::Tokenizer(format!("tokenizer_config.json: {e}")))
    }
}

/// A special token is written as a string or as an `AddedToken` object.
#[derive(Deserialize)]
#[serde(untagged)]
enum TokenName {
    Text(String),
    Object { content: String },
}

impl TokenName {
    fn as_str(&self) -> &str {
        match self {
            TokenName::Text(text) => text,
            TokenName::Object { content } => content,
        }
    }
}

impl Default for VocabConfig {
    fn default() -> Self {
        let token = |name: &str| TokenName::Text(name.to_owned());
        Self {
            tokenizer_class: None,
            do_lower_case: true,
            strip_accents: None,
            tokenize_chinese_chars: true,
            unk_token: token("[UNK]"),
            cls_token: token("[CLS]"),
            sep_token: token("[SEP]"),
            pad_token: token("[PAD]"),
            mask_token: token("[MASK]"),
        }
    }
}
