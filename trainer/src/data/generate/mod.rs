//! Synthetic documents: authored ones with other entities, and templates filled from lexicons.

mod forms;
mod noise;
mod swap;
mod template;
mod wording;

use std::collections::HashSet;

use anyhow::{Result, bail, ensure};
use ner::{Document, Span};

use crate::random::{Stream, mix};
use forms::Forms;
use template::Register;

/// How many documents of what kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Documents.
    pub count: usize,
    /// The same seed gives the same documents.
    pub seed: u64,
    /// Share of documents that are authored ones with other entities, 0 to 1; the rest is from
    /// templates.
    pub swaps: f64,
    /// Share of documents with noise, 0 to 1.
    pub noise: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            count: 1000,
            seed: 42,
            swaps: 0.6,
            noise: 0.4,
        }
    }
}

/// A stretch of a document: plain text, or an entity of a type.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    text: String,
    label: Option<String>,
}

/// Draws that may fail to give a new document before the next one is given up.
const ATTEMPTS: u64 = 100;

/// Makes documents with ids `gen-000001` and on, no two of the same text and none that stands in
/// `corpus`, whose types are those of the guide. A document depends on the seed and its number
/// only, but for such doubles.
///
/// # Errors
/// When the corpus is empty, or no further document can be made from it.
pub fn generate(corpus: &[Document], options: Options) -> Result<Vec<Document>> {
    ensure!(!corpus.is_empty(), "holds no documents");
    let forms = Forms::new(corpus);
    let registers = template::registers()?;
    let mut known: HashSet<String> = corpus.iter().map(|d| d.text.clone()).collect();
    let mut documents = Vec::with_capacity(options.count);
    for number in 1..=options.count {
        let id = format!("gen-{number:06}");
        let seed = mix(options.seed ^ mix(number as u64));
        let mut attempts = (0..ATTEMPTS).map(|attempt| {
            let random = &mut Stream::new(mix(seed ^ attempt));
            document(id.clone(), corpus, &forms, &registers, options, random)
        });
        match attempts.find(|document| !known.contains(&document.text)) {
            Some(document) => {
                known.insert(document.text.clone());
                documents.push(document);
            }
            None => bail!(
                "no more than {} different documents can be made from this; lower --count",
                documents.len()
            ),
        }
    }
    Ok(documents)
}

fn document(
    id: String,
    corpus: &[Document],
    forms: &Forms,
    registers: &[Register],
    options: Options,
    random: &mut Stream,
) -> Document {
    let mut pieces = if random.unit() <= options.swaps {
        let original = &corpus[random.below(corpus.len())];
        swap::swap(original, forms, random)
    } else {
        let register = &registers[random.below(registers.len())];
        template::fill(register, forms, random)
    };
    if random.unit() <= options.noise {
        noise::add(&mut pieces, random);
    }
    assemble(id, &pieces)
}

/// A document as pieces: plain text, possibly empty, before, between and after its entities.
fn pieces(document: &Document) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(2 * document.spans.len() + 1);
    let mut at = 0;
    for span in &document.spans {
        pieces.push(plain(&document.text[at..span.range.start]));
        pieces.push(Piece {
            text: document.text[span.range.clone()].to_owned(),
            label: Some(span.label.clone()),
        });
        at = span.range.end;
    }
    pieces.push(plain(&document.text[at..]));
    pieces
}

fn plain(text: &str) -> Piece {
    Piece {
        text: text.to_owned(),
        label: None,
    }
}

/// The document of pieces: the inverse of [`pieces`], but for white space around the whole.
fn assemble(id: String, pieces: &[Piece]) -> Document {
    let mut document = Document {
        id,
        ..Document::default()
    };
    for piece in pieces {
        let start = document.text.len();
        // Entities begin and end on words, so that only plain text has white space to lose.
        document.text.push_str(match start {
            0 => piece.text.trim_start(),
            _ => &piece.text,
        });
        if let Some(label) = &piece.label {
            document.spans.push(Span {
                range: start..document.text.len(),
                label: label.clone(),
            });
        }
    }
    let end = document.text.trim_end().len();
    document.text.truncate(end);
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::part;
    use ner::Labels;
    use ner::decode::label_ids;
    use ner::tokenize::words;

    fn corpus() -> Vec<Document> {
        let content = "=== a\nThe [[pain|Symptoms]] came back; [[pain|Symptoms]] all day.\n\
            === b\nLOW [[AMH|Hormones]]. [[SCAN|Procedures]] SHOWS A [[CYST|Ultrasound]]\n\
            === c\n[[Clomid|Medications]] and an [[HSG|Procedures]]\n\n[[N/V|Symptoms]]/[[rash|Symptoms]]. [[Abd. distension|Symptoms]]";
        let documents = part("train", content).documents;
        documents
            .into_iter()
            .map(|placed| placed.document)
            .collect()
    }

    fn options(count: usize) -> Options {
        Options {
            count,
            ..Options::default()
        }
    }

    #[test]
    fn a_document_is_its_pieces() {
        for document in corpus() {
            let pieces = pieces(&document);
            assert_eq!(pieces.len(), 2 * document.spans.len() + 1);
            assert_eq!(assemble(document.id.clone(), &pieces), document);
        }
    }

    #[test]
    fn the_seed_decides() {
        let make = |count, seed| {
            let options = Options {
                seed,
                ..options(count)
            };
            generate(&corpus(), options).unwrap()
        };
        assert_eq!(make(50, 1), make(50, 1));
        assert_eq!(make(50, 1)[..20], make(20, 1));
        assert_ne!(make(20, 1), make(20, 2));
    }

    #[test]
    fn every_mark_is_legal_and_no_text_stands_twice() {
        let labels = Labels::guide();
        let options = Options {
            noise: 1.0,
            ..options(3000)
        };
        let documents = generate(&corpus(), options).unwrap();
        let mut texts = HashSet::new();
        for document in &documents {
            let Document { id, text, spans } = document;
            label_ids(text, &words(text), spans, &labels).unwrap_or_else(|e| panic!("{id}: {e}"));
            assert!(!text.is_empty() && text.trim() == text, "{id}: {text:?}");
            assert!(
                spans
                    .iter()
                    .all(|span| !text[span.range.clone()].contains('\n')),
                "{id}"
            );
            assert!(texts.insert(text.as_str()), "{id}: {text}");
        }
        assert_eq!(documents.len(), 3000);
    }

    #[test]
    fn impossible_requests_are_refused() {
        let check = |corpus: &[Document], message: &str| {
            let options = Options {
                swaps: 1.0,
                noise: 0.0,
                ..options(10)
            };
            let error = generate(corpus, options).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        };
        check(&[], "no documents");
        // Nothing to swap.
        let document = Document {
            text: "Nothing.".into(),
            ..Document::default()
        };
        check(&[document], "no more than 0 different documents");
    }
}
