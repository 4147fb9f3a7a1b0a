//! Strings that are marked here and not there, or with two types.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use ner::tokenize::words;

use super::{Part, Placed};

/// Occurrences of a string that are marked alike.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Use {
    /// How many there are.
    pub count: usize,
    /// Where the first of them stand.
    pub places: Vec<String>,
}

/// A string that is not always marked alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The string, lower-cased.
    pub string: String,
    /// By type, the most frequent first; none for unmarked ones.
    pub uses: Vec<(Option<String>, Use)>,
}

/// Places that a [`Use`] keeps.
const PLACES: usize = 3;

/// Words that a place shows on either side.
const CONTEXT: usize = 3;

/// The strings with at least `least` marked occurrences that stand unmarked as whole words too, or
/// that are marked with two types; those with the most exceptions first.
///
/// An unmarked occurrence touches no mark: the "estrogen" of "[[estrogen patches]]" is none. Of
/// several that begin at a word only the longest counts.
pub fn inconsistencies(parts: &[Part], least: usize) -> Vec<Finding> {
    let documents = || parts.iter().flat_map(|part| &part.documents);
    let mut marked: HashMap<String, usize> = HashMap::new();
    for Placed { document, .. } in documents() {
        for span in &document.spans {
            let string = document.text[span.range.clone()].to_lowercase();
            *marked.entry(string).or_default() += 1;
        }
    }
    marked.retain(|_, count| *count >= least);
    let longest = marked.keys().map(|string| words(string).len()).max();

    let mut uses: BTreeMap<String, BTreeMap<Option<String>, Use>> = BTreeMap::new();
    for placed in documents() {
        for (string, kind, place) in occurrences(placed, &marked, longest.unwrap_or(0)) {
            let entry = uses.entry(string).or_default().entry(kind).or_default();
            entry.count += 1;
            if entry.places.len() < PLACES {
                entry.places.push(place);
            }
        }
    }
    let mut findings: Vec<Finding> = uses
        .into_iter()
        .filter(|(_, uses)| uses.len() > 1)
        .map(|(string, uses)| {
            let mut uses: Vec<_> = uses.into_iter().collect();
            uses.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.count));
            Finding { string, uses }
        })
        .collect();
    let exceptions = |finding: &Finding| -> usize {
        let counts = finding.uses[1..].iter().map(|(_, entry)| entry.count);
        counts.sum()
    };
    findings.sort_by_key(|finding| std::cmp::Reverse(exceptions(finding)));
    findings
}

/// The occurrences of the `marked` strings, of at most `longest` words each, in a document whose
/// spans begin and end on words: string, type where it is marked, place.
fn occurrences(
    placed: &Placed,
    marked: &HashMap<String, usize>,
    longest: usize,
) -> Vec<(String, Option<String>, String)> {
    let text = &placed.document.text;
    let words = words(text);
    let place = |from: usize, to: usize| {
        let start = words[from.saturating_sub(CONTEXT)].start;
        let end = words[(to - 1 + CONTEXT).min(words.len() - 1)].end;
        let (start_of, end_of) = (words[from].start, words[to - 1].end);
        let [before, it, after] = [start..start_of, start_of..end_of, end_of..end]
            .map(|range| text[range].replace('\n', " "));
        let Placed { place, document } = placed;
        format!("{place}: {}: {before}>{it}<{after}", document.id)
    };
    let mut found = Vec::new();
    let mut spans = placed.document.spans.iter().peekable();
    let mut from = 0;
    while let Some(word) = words.get(from) {
        if let Some(span) = spans.next_if(|span| span.range.start < word.end) {
            let inside = |word: &&std::ops::Range<usize>| word.start < span.range.end;
            let to = from + words[from..].iter().take_while(inside).count();
            let string = text[span.range.clone()].to_lowercase();
            if marked.contains_key(&string) {
                found.push((string, Some(span.label.clone()), place(from, to)));
            }
            from = to;
            continue;
        }
        let free = spans.peek().map_or(text.len(), |span| span.range.start);
        let ends = words[from..].iter().take(longest).map(|word| word.end);
        let candidates: Vec<usize> = ends.take_while(|end| *end <= free).collect();
        let hit = candidates.iter().enumerate().rev().find_map(|(more, end)| {
            let string = text[word.start..*end].to_lowercase();
            marked.contains_key(&string).then_some((string, more + 1))
        });
        match hit {
            Some((string, count)) => {
                found.push((string, None, place(from, from + count)));
                from += count;
            }
            None => from += 1,
        }
    }
    found
}

/// Counts of all uses, and places of all but the most frequent one.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |kind: &Option<String>| match kind {
            Some(kind) => format!("marked {kind}"),
            None => "unmarked".to_owned(),
        };
        let counts = self
            .uses
            .iter()
            .map(|(kind, entry)| format!("{} {}", entry.count, name(kind)));
        write!(
            f,
            "`{}`: {}",
            self.string,
            counts.collect::<Vec<_>>().join(", ")
        )?;
        for (kind, entry) in &self.uses[1..] {
            for place in &entry.places {
                write!(f, "\n  {}: {place}", name(kind))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::part;

    #[test]
    fn strings_that_are_not_always_marked_alike_are_found() {
        let check = |marked: &str, expected: &[&str]| {
            let findings = inconsistencies(&[part("train", marked)], 2);
            let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
            assert_eq!(lines, expected, "{marked}");
        };
        let twice = "=== a\n[[Pain|Symptoms]], [[pain|Symptoms]]";
        check(twice, &[]);
        check(
            &format!("{twice}.\n=== b\nNo pain\nat night, painful"),
            &["`pain`: 2 marked Symptoms, 1 unmarked\n  unmarked: train:3: b: No >pain< at night,"],
        );
        check(
            &format!("{twice} and [[pain|Hormones]]"),
            &["`pain`: 2 marked Symptoms, 1 marked Hormones\n  \
                  marked Hormones: train:1: a: , pain and >pain<"],
        );
        // Marked once only; within a mark; the longest of two strings.
        check("=== a\n[[pain|Symptoms]] pain", &[]);
        check(&format!("{twice}, [[pelvic pain|Symptoms]]"), &[]);
        let pelvic = "[[pelvic pain|Symptoms]] [[pelvic pain|Symptoms]]";
        check(
            &format!("{twice} {pelvic} pelvic pain [[worse|Symptoms]]"),
            &["`pelvic pain`: 2 marked Symptoms, 1 unmarked\n  \
                  unmarked: train:1: a: pain pelvic pain >pelvic pain< worse"],
        );
        check("=== a\n...", &[]);
    }

    #[test]
    fn the_most_exceptions_come_first_and_three_places_are_kept() {
        let marked = "[[a|Hormones]] [[a|Hormones]] [[b|Hormones]] [[b|Hormones]]";
        let findings = inconsistencies(&[part("x", &format!("=== 1\n{marked} a b b b b b"))], 2);
        let strings: Vec<&str> = findings.iter().map(|f| f.string.as_str()).collect();
        assert_eq!(strings, ["b", "a"]);
        let (kind, most) = &findings[0].uses[0];
        assert_eq!((kind, most.count, most.places.len()), (&None, 5, PLACES));
    }
}
