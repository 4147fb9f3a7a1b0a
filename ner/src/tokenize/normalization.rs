//! What is done to a text before it is tokenized, and who decides on it.

use tokenizers::normalizers::BertNormalizer;

use super::{Tokenizer, vocab};
use crate::Error;

impl Tokenizer {
    /// The same tokenizer as `AutoTokenizer` opens it beside this `tokenizer_config.json`.
    ///
    /// For a BERT model that file decides about case, accents and ideographs, by BERT's defaults
    /// (lower case) where it says nothing or is missing, and whatever `tokenizer.json` says; but a
    /// `tokenizer_class` that is none of BERT's takes `tokenizer.json` as it is (transformers 5.24,
    /// `models/bert/tokenization_bert.py`).
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when the configuration is not JSON of its form.
    pub fn with_config(self, config: Option<&str>) -> Result<Self, Error> {
        match vocab::normalizer(config)? {
            Some(normalizer) => self.with_normalizer(normalizer),
            None => Ok(self),
        }
    }

    /// The same tokenizer with or without lower-casing; accents go where it lower-cases, unless its
    /// configuration says otherwise.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when an added token has no form under it.
    pub fn with_lowercase(self, lowercase: bool) -> Result<Self, Error> {
        let mut normalizer = self.inner.get_normalizer().copied().unwrap_or_default();
        normalizer.lowercase = lowercase;
        self.with_normalizer(normalizer)
    }

    fn with_normalizer(mut self, normalizer: BertNormalizer) -> Result<Self, Error> {
        self.inner
            .with_normalizer(Some(normalizer))
            .map_err(|error| Error::Tokenizer(error.to_string()))?;
        Ok(self)
    }

    /// Whether input is lower-cased.
    pub fn lowercase(&self) -> bool {
        self.inner
            .get_normalizer()
            .is_some_and(|normalizer| normalizer.lowercase)
    }

    /// Number of tokens with a capital, which no lower-cased text has; special tokens, `[unused1]`
    /// and their like are left out.
    pub fn capitals(&self) -> usize {
        let has_capital = |token: &String| {
            let named = token.starts_with('[') && token.ends_with(']');
            !named && token.chars().any(char::is_uppercase)
        };
        self.inner
            .get_vocab(true)
            .keys()
            .filter(|token| has_capital(token))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[unused1]\nPain\npain\n##S\nÄrztin\n";

    #[test]
    fn capitals_are_those_of_words() {
        let tokenizer = Tokenizer::from_vocab(VOCABULARY, None).unwrap();
        assert_eq!(tokenizer.capitals(), 3);
    }

    #[test]
    fn case_can_be_decided_against_the_files() {
        let ids = |tokenizer: &Tokenizer| tokenizer.tokenize("Pain pain").ids;
        let tokenizer = Tokenizer::from_vocab(VOCABULARY, None).unwrap();
        assert_eq!(ids(&tokenizer), [6, 6]);
        let cased = tokenizer.with_lowercase(false).unwrap();
        assert!(!cased.lowercase());
        assert_eq!(ids(&cased), [5, 6]);
        let error = cased.with_config(Some("{")).unwrap_err().to_string();
        assert!(error.contains("tokenizer_config.json"), "{error}");
    }
}
