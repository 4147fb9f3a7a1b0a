//! Surface forms of entities to draw from.

use std::collections::{BTreeMap, BTreeSet};

use ner::Document;

use super::wording::{Case, is_abbreviation, opens_sentence};
use crate::random::Stream;

/// The lexicons. They are part of the program, so that it works from any directory and a seed gives
/// the same documents wherever it was copied to.
pub(super) const LEXICONS: [(&str, &str); 5] = [
    (
        "Symptoms",
        include_str!("../../../data/lexicon/Symptoms.txt"),
    ),
    (
        "Hormones",
        include_str!("../../../data/lexicon/Hormones.txt"),
    ),
    (
        "Procedures",
        include_str!("../../../data/lexicon/Procedures.txt"),
    ),
    (
        "Medications",
        include_str!("../../../data/lexicon/Medications.txt"),
    ),
    (
        "Ultrasound",
        include_str!("../../../data/lexicon/Ultrasound.txt"),
    ),
];

/// The forms of a lexicon: a line each, but for blank ones and `#` comments.
pub(super) fn lexicon(content: &str) -> impl Iterator<Item = &str> {
    let lines = content.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Forms from one source, abbreviations before the others.
#[derive(Debug, Default)]
struct Source {
    forms: Vec<String>,
    abbreviations: usize,
}

impl Source {
    fn new(forms: BTreeSet<String>) -> Self {
        let (mut all, others): (Vec<_>, Vec<_>) =
            forms.into_iter().partition(|form| is_abbreviation(form));
        let abbreviations = all.len();
        all.extend(others);
        Self {
            forms: all,
            abbreviations,
        }
    }
}

/// Forms of every type, from its lexicon and from authored documents.
#[derive(Debug)]
pub(super) struct Forms(BTreeMap<String, [Source; 2]>);

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Abbreviation,
    Full,
}

/// Longer ones are clauses that make sense where they stand only.
const MAX_WORDS: usize = 6;

impl Forms {
    /// From the lexicons and the entities of documents.
    pub(super) fn new(corpus: &[Document]) -> Self {
        let mut authored: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for document in corpus {
            let case = Case::of(document);
            for span in &document.spans {
                let form = &document.text[span.range.clone()];
                let before = &document.text[..span.range.start];
                // The capital may be the sentence's, the capitals the document's.
                let is_own_case =
                    case != Case::Upper && (is_abbreviation(form) || !opens_sentence(before));
                if is_own_case && form.split_whitespace().count() <= MAX_WORDS {
                    authored
                        .entry(&span.label)
                        .or_default()
                        .insert(form.to_owned());
                }
            }
        }
        let source = |(label, content): (&str, &str)| {
            let written = lexicon(content).map(str::to_owned).collect();
            let authored = authored.remove(label).unwrap_or_default();
            (label.to_owned(), [written, authored].map(Source::new))
        };
        Self(LEXICONS.into_iter().map(source).collect())
    }

    /// A form of a type, from either source with the same chance; any form where neither source has
    /// the kind.
    ///
    /// # Panics
    /// For a type that is not the guide's.
    pub(super) fn draw(&self, label: &str, kind: Kind, random: &mut Stream) -> &str {
        let sources = &self.0[label];
        let first = random.below(2);
        for (source, kind) in [(first, kind), (1 - first, kind), (0, Kind::Any)] {
            let Source {
                forms,
                abbreviations,
            } = &sources[source];
            let forms = match kind {
                Kind::Any => &forms[..],
                Kind::Abbreviation => &forms[..*abbreviations],
                Kind::Full => &forms[*abbreviations..],
            };
            if !forms.is_empty() {
                return &forms[random.below(forms.len())];
            }
        }
        unreachable!("no lexicon is empty")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::data::tests::part;
    use ner::tokenize::{is_punctuation, words};

    #[test]
    fn every_form_is_a_legal_span_of_one_type() {
        let mut seen = HashMap::new();
        for ((label, content), least) in LEXICONS.into_iter().zip([500, 120, 400, 500, 400]) {
            assert!(lexicon(content).count() >= least, "{label}");
            for form in lexicon(content) {
                let at_border = |c: Option<char>| c.is_none_or(is_punctuation);
                let (first, last) = (form.chars().next(), form.chars().next_back());
                assert!(!at_border(first) && !at_border(last), "{label}: {form}");
                assert!(
                    !form.contains(['[', ']', '\t']) && !form.contains("  "),
                    "{label}: {form}"
                );
                // Doses stay outside.
                let is_unit = |word| ["mg", "mcg", "ml", "iu"].contains(&word);
                let lower = form.to_lowercase();
                assert!(
                    !words(&lower).into_iter().any(|word| is_unit(&lower[word])),
                    "{form}"
                );
                let earlier = seen.insert(lower, label);
                assert_eq!(earlier, None, "{label}: {form}");
            }
        }
    }

    #[test]
    fn comments_are_no_forms() {
        let forms: Vec<&str> = lexicon("# a\npain\n\n  hot flush \n#b").collect();
        assert_eq!(forms, ["pain", "hot flush"]);
    }

    /// Draws of a kind from a corpus of one document.
    fn draws(marked: &str, label: &str, kind: Kind) -> BTreeSet<String> {
        let documents = part("train", &format!("=== a\n{marked}")).documents;
        let corpus: Vec<Document> = documents
            .into_iter()
            .map(|placed| placed.document)
            .collect();
        let forms = Forms::new(&corpus);
        let mut random = Stream::new(1);
        let draw = |_| forms.draw(label, kind, &mut random).to_owned();
        (0..2000).map(draw).collect()
    }

    #[test]
    fn authored_forms_are_drawn_in_their_own_case() {
        let check = |marked: &str, form: &str, expected: bool| {
            let drawn = draws(marked, "Hormones", Kind::Any).contains(form);
            assert_eq!(drawn, expected, "{marked}");
        };
        check("low [[hepcidin|Hormones]]", "hepcidin", true);
        check("[[Hepcidin|Hormones]] low", "Hepcidin", false);
        check("Low. [[HPCD|Hormones]]", "HPCD", true);
        check("LOW BUT RISING [[HEPCIDIN|Hormones]]", "HEPCIDIN", false);
        check("low [[a b c d e f|Hormones]]", "a b c d e f", true);
        check("low [[a b c d e f g|Hormones]]", "a b c d e f g", false);
    }

    #[test]
    fn the_kind_is_kept() {
        let check = |kind, expected| {
            let drawn = draws("low [[hepcidin|Hormones]]", "Hormones", kind);
            assert!(
                drawn.iter().all(|form| is_abbreviation(form) == expected),
                "{drawn:?}"
            );
        };
        check(Kind::Abbreviation, true);
        check(Kind::Full, false);
    }
}
