//! Authored documents with other entities.

use std::collections::HashMap;

use ner::Document;

use super::forms::{Forms, Kind};
use super::wording::{Case, agree, is_abbreviation, recase};
use super::{Piece, pieces};
use crate::random::Stream;

/// A copy of a document in which some of the entities are others of the same type: abbreviations
/// for abbreviations, the same one wherever the same string stands, in the case that it had.
pub(super) fn swap(document: &Document, forms: &Forms, random: &mut Stream) -> Vec<Piece> {
    let case = Case::of(document);
    // A copy that shares nothing with its original but the frame, or half of it.
    let share = 0.4 + 0.6 * random.unit();
    let mut swapped: HashMap<(String, String), Option<&str>> = HashMap::new();
    let mut pieces = pieces(document);
    let mut before = String::new();
    for index in 0..pieces.len() {
        if let Some(label) = pieces[index].label.clone() {
            let original = pieces[index].text.clone();
            let kind = match case {
                // "PAIN" is no abbreviation there.
                Case::Upper | Case::Lower => Kind::Any,
                Case::Mixed if is_abbreviation(&original) => Kind::Abbreviation,
                Case::Mixed => Kind::Full,
            };
            let form = *swapped
                .entry((label.clone(), original.to_lowercase()))
                .or_insert_with(|| {
                    (random.unit() <= share).then(|| forms.draw(&label, kind, random))
                });
            if let Some(form) = form {
                let form = recase(form, &original, &before, case);
                agree(&mut pieces[index - 1].text, &form);
                pieces[index].text = form;
            }
        }
        before.push_str(&pieces[index].text);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::part;

    #[test]
    fn a_string_is_swapped_everywhere_or_nowhere() {
        let content = "=== a\n[[Pain|Symptoms]] and an [[ache|Symptoms]]; [[pain|Symptoms]] with low [[AMH|Hormones]].";
        let document = part("train", content).documents.remove(0).document;
        let forms = Forms::new(std::slice::from_ref(&document));
        let mut changed = 0;
        for seed in 0..200 {
            let pieces = swap(&document, &forms, &mut Stream::new(seed));
            let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
            let [_, first, and, _, _, third, with, hormone, end] = texts[..] else {
                panic!("{texts:?}");
            };
            assert_eq!(first.to_lowercase(), third.to_lowercase());
            assert!([" and a ", " and an "].contains(&and), "{and}");
            assert_eq!((with, end), (" with low ", "."));
            assert!(is_abbreviation(hormone), "{hormone}");
            changed += usize::from(first != "Pain");
        }
        assert!((100..200).contains(&changed), "{changed}");
    }
}
