//! What an exported file tells of its origin. Nothing of it is needed to run the model: it is shown to whoever uses it.

use serde::{Deserialize, Serialize};

/// Longest name of a base that is shown.
const MAX_NAME: usize = 200;

/// Where a model comes from, and how it did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Card {
    /// What it was fine-tuned from: a name on the hub, or a folder's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// How it did on documents that it was not trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Measured>,
}

/// Strict entity-level scores, all types together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// 0 to 1.
    pub precision: f64,
    /// 0 to 1.
    pub recall: f64,
    /// 0 to 1.
    pub f1: f64,
    /// On how many documents.
    pub documents: usize,
}

impl Card {
    /// Whether it tells anything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The base by the name of a hub id or a folder, as `--base` has it: of a path the last part, as nobody else has the rest.
    pub fn named(base: &str) -> Option<String> {
        let is_id = base.split('/').count() <= 2 && !base.starts_with(['/', '.']);
        let name = if is_id && !base.contains('\\') {
            base
        } else {
            base.rsplit(['/', '\\']).find(|part| !part.is_empty())?
        };
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// Reads the field of an exported file.
    ///
    /// # Errors
    /// What is wrong with it, for whoever made the file.
    pub(super) fn from_json(json: &str) -> Result<Self, String> {
        let card: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        card.check()?;
        Ok(card)
    }

    /// Whether it can be shown as it is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if let Some(base) = &self.base
            && (base.is_empty() || base.len() > MAX_NAME || base.chars().any(char::is_control))
        {
            return Err(format!(
                "the name of the base has to be a line of at most {MAX_NAME} bytes"
            ));
        }
        if let Some(metrics) = &self.metrics {
            for (name, value) in [
                ("precision", metrics.precision),
                ("recall", metrics.recall),
                ("f1", metrics.f1),
            ] {
                if !(0.0..=1.0).contains(&value) {
                    return Err(format!("{name} is {value}, expected 0 to 1"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_is_named_without_its_place() {
        for (base, name) in [
            (
                "emilyalsentzer/Bio_ClinicalBERT",
                Some("emilyalsentzer/Bio_ClinicalBERT"),
            ),
            ("bert-base-cased", Some("bert-base-cased")),
            ("target/base/all-MiniLM-L6-v2/", Some("all-MiniLM-L6-v2")),
            ("/home/somebody/bert", Some("bert")),
            ("./bert", Some("bert")),
            ("C:\\models\\bert", Some("bert")),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(Card::named(base).as_deref(), name, "{base:?}");
        }
    }

    #[test]
    fn cards_are_checked() {
        for (json, problem) in [
            (
                r#"{"base":"b","metrics":{"precision":1,"recall":0,"f1":0.5,"documents":3}}"#,
                None,
            ),
            ("{}", None),
            (r#"{"later":1}"#, None),
            ("[", Some("EOF")),
            (r#"{"base":""}"#, Some("a line of at most")),
            (r#"{"base":"a\nb"}"#, Some("a line of at most")),
            (
                r#"{"metrics":{"precision":1.5,"recall":0,"f1":0,"documents":3}}"#,
                Some("precision is 1.5"),
            ),
            (r#"{"metrics":{"f1":0}}"#, Some("missing field")),
        ] {
            match (Card::from_json(json), problem) {
                (Ok(_), None) => {}
                (Err(error), Some(problem)) => assert!(error.contains(problem), "{json}: {error}"),
                (found, _) => panic!("{json}: {found:?}"),
            }
        }
    }
}
