//! `--labels`: which labels the data of a command has.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, ensure};
use ner::{Error, Labels};
use serde::{Serialize, Serializer};

use crate::data::{self, Placed};

/// Which labels data has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelsChoice {
    /// The eleven of the annotation guide.
    Guide,
    /// Those of the types that occur: `O`, then the others as they sort.
    FromData,
    /// These.
    Listed(Labels),
}

const GUIDE: &str = "guide";
const FROM_DATA: &str = "from-data";

impl FromStr for LabelsChoice {
    type Err = Error;

    /// `guide`, `from-data`, or names separated by commas: with an `O` among them they are labels in
    /// id order, else types.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            GUIDE => return Ok(Self::Guide),
            FROM_DATA => return Ok(Self::FromData),
            _ => {}
        }
        let listed: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if listed.iter().any(|name| name == "O") {
            return Labels::new(listed).map(Self::Listed);
        }
        // Who names labels and forgets `O` means no type `B-Disease`.
        if listed
            .iter()
            .any(|name| name.starts_with("B-") || name.starts_with("I-"))
        {
            return Err(Error::Labels("`O` is missing".to_owned()));
        }
        let pairs = listed
            .iter()
            .flat_map(|kind| [format!("B-{kind}"), format!("I-{kind}")]);
        Labels::new(std::iter::once("O".to_owned()).chain(pairs).collect()).map(Self::Listed)
    }
}

impl std::fmt::Display for LabelsChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Guide => f.write_str(GUIDE),
            Self::FromData => f.write_str(FROM_DATA),
            Self::Listed(labels) => f.write_str(&labels.names().join(",")),
        }
    }
}

/// As on the command line.
impl Serialize for LabelsChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl LabelsChoice {
    /// Reads documents, a list for each path, and says which labels they have.
    ///
    /// # Errors
    /// Names file and line of what cannot be read, a type that is not chosen included, and data
    /// without a mark to take labels from.
    pub fn read(&self, paths: &[PathBuf]) -> Result<(Labels, Vec<Vec<Placed>>)> {
        let labels = match self {
            Self::Guide => Labels::guide(),
            Self::Listed(labels) => labels.clone(),
            Self::FromData => return from_data(paths),
        };
        let parts = paths.iter().map(|path| data::read_placed(path, &labels));
        match parts.collect::<Result<_>>() {
            Ok(parts) => Ok((labels, parts)),
            // Where only the types are wrong, it may well be another corpus.
            Err(error) if *self == Self::Guide && from_data(paths).is_ok() => Err(anyhow!(
                "{error:#}; or name the data's labels, by --labels {FROM_DATA} or --labels LIST"
            )),
            Err(error) => Err(error),
        }
    }
}

fn from_data(paths: &[PathBuf]) -> Result<(Labels, Vec<Vec<Placed>>)> {
    let parts = paths.iter().map(|path| data::read_placed_any_type(path));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let spans = parts
        .iter()
        .flatten()
        .flat_map(|placed| &placed.document.spans);
    let labels = Labels::of_data(spans.map(|span| span.label.as_str()))
        .with_context(|| format!("--labels {FROM_DATA}"))?;
    let names: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    ensure!(
        !labels.types().is_empty(),
        "--labels {FROM_DATA}: nothing is marked in {}",
        names.join(", ")
    );
    Ok((labels, parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_parsed_and_printed() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let parsed = text.parse::<LabelsChoice>();
            if let Ok(choice) = &parsed {
                assert_eq!(choice.to_string().parse(), Ok(choice.clone()), "{text}");
            }
            let printed = parsed.map(|choice| choice.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(
                printed.map_err(|error| error.to_string()),
                expected,
                "{text}"
            );
        };
        check("guide", Ok("guide"));
        check("from-data", Ok("from-data"));
        check("Drug,Disease", Ok("O,B-Drug,I-Drug,B-Disease,I-Disease"));
        check("B-X, I-X, O", Ok("B-X,I-X,O"));
        check("Drug,Drug", Err("labels: `B-Drug` stands twice"));
        check("O,B-X", Err("labels: `I-X` is missing"));
        check("B-X,I-X", Err("labels: `O` is missing"));
        let empty = "labels: `B-` is not `O`, `B-` and a type or `I-` and a type";
        check("", Err(empty));
        check("Drug,", Err(empty));
    }
}
