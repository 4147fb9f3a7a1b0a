//! From files to documents: which files belong together, and what their documents are called.

use std::collections::HashMap;

use ner::Labels;
use ner::formats::{self, Exported, Imported, brat};

/// Files of which documents are made, as indices into the list that [`group`] was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// A file that [`formats::read`] knows, or brat's text.
    pub file: usize,
    /// brat's annotations of that text.
    pub annotations: Option<usize>,
}

/// What `files` of a folder come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grouped {
    /// What to read, in the order of paths.
    pub groups: Vec<Group>,
    /// Files that are of no kind that holds documents.
    pub left_out: Vec<usize>,
}

/// Endings of the names of files that hold documents.
pub const ENDINGS: [&str; 11] = [
    "txt", "jsonl", "ndjson", "json", "csv", "conll", "bio", "iob", "iob2", "tsv", "ann",
];

/// Sorts files by path and puts brat's pairs together: `visit.txt` and `visit.ann` in one folder. Of a folder, whose paths have
/// slashes, files with other endings than [`ENDINGS`] are left out; a file that somebody chose by itself is read whatever it is
/// called.
pub fn group<S: AsRef<str>>(paths: &[S]) -> Grouped {
    let path = |at: usize| paths[at].as_ref();
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by(|a, b| path(*a).cmp(path(*b)));
    let of_ending = |wanted: &'static str| {
        let all = order.iter().filter_map(move |&at| {
            let (stem, ending) = path(at).rsplit_once('.')?;
            ending.eq_ignore_ascii_case(wanted).then_some((stem, at))
        });
        all.collect::<HashMap<&str, usize>>()
    };
    let (texts, annotations) = (of_ending("txt"), of_ending("ann"));
    let stem = |at: usize| path(at).rsplit_once('.').map_or(path(at), |(stem, _)| stem);
    let mut grouped = Grouped::default();
    for at in order {
        let known = path(at).rsplit_once('.').is_some_and(|(_, ending)| {
            ENDINGS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        });
        let is_text = texts.get(stem(at)) == Some(&at);
        let is_annotation = annotations.get(stem(at)) == Some(&at);
        if is_annotation && texts.contains_key(stem(at)) {
            continue;
        }
        if known || !path(at).contains('/') {
            let annotations = annotations.get(stem(at)).copied();
            grouped.groups.push(Group {
                file: at,
                annotations: annotations.filter(|_| is_text),
            });
        } else {
            grouped.left_out.push(at);
        }
    }
    grouped
}

/// A document that is to become a note; its id is what the note is to be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// With the marks that its file has for it.
    pub document: Exported,
    /// Whether the file says what is marked in it, be it nothing.
    pub annotated: bool,
}

/// The documents of a file, or of a text with brat's annotations. A document is called what its file calls it; where the file
/// does not, as the file, with the number of its line if the file has several.
///
/// # Errors
/// Names file and line of what cannot be read.
pub fn documents(
    path: &str,
    content: &str,
    annotations: Option<&str>,
    labels: &Labels,
) -> Result<Vec<Opened>, ner::Error> {
    let stem = formats::read::stem(path);
    let imported = match annotations {
        Some(annotations) => {
            let name = path.rsplit_once('.').map_or(path, |(name, _)| name);
            let mut imported = brat::read(name, content, annotations, labels)?;
            imported.document.id = stem.to_owned();
            vec![imported]
        }
        None => formats::read(path, content, labels)?,
    };
    let alone = imported.len() == 1;
    let opened = imported.into_iter().map(|imported| {
        let Imported {
            mut document,
            named,
            annotated,
            line,
            ..
        } = imported;
        if !named || document.id.trim().is_empty() {
            document.id = if alone {
                stem.to_owned()
            } else {
                format!("{stem} {line}")
            };
        }
        Opened {
            document,
            annotated,
        }
    });
    Ok(opened.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups() {
        let check = |paths: &[&str], groups: &[(&str, Option<&str>)], left_out: &[&str]| {
            let found = group(paths);
            let named = found.groups.iter().map(|group| {
                let annotations = group.annotations.map(|at| paths[at]);
                (paths[group.file], annotations)
            });
            assert_eq!(named.collect::<Vec<_>>(), groups, "{paths:?}");
            let left: Vec<&str> = found.left_out.iter().map(|&at| paths[at]).collect();
            assert_eq!(left, left_out, "{paths:?}");
        };
        check(&[], &[], &[]);
        check(
            &["b.txt", "a.jsonl"],
            &[("a.jsonl", None), ("b.txt", None)],
            &[],
        );
        check(&["a.ann", "a.txt"], &[("a.txt", Some("a.ann"))], &[]);
        check(&["a.ANN", "a.TXT"], &[("a.TXT", Some("a.ANN"))], &[]);
        check(
            &["x/a.ann", "y/a.txt"],
            &[("x/a.ann", None), ("y/a.txt", None)],
            &[],
        );
        check(
            &["a.ann", "a.csv"],
            &[("a.ann", None), ("a.csv", None)],
            &[],
        );
        check(
            &["notes", "x.pdf"],
            &[("notes", None), ("x.pdf", None)],
            &[],
        );
        check(
            &["f/annotation.conf", "f/.DS_Store", "f/a.bio"],
            &[("f/a.bio", None)],
            &["f/.DS_Store", "f/annotation.conf"],
        );
    }

    fn labels() -> Labels {
        let names = ["O", "B-Symptoms", "I-Symptoms"].map(str::to_owned);
        Labels::new(names.to_vec()).expect("labels in pairs")
    }

    #[test]
    fn names_and_marks() {
        let check = |path: &str, content: &str, annotations, expected: &[(&str, bool, usize)]| {
            let opened = documents(path, content, annotations, &labels()).expect("a file to read");
            let found = opened.iter().map(|opened| {
                let document = &opened.document;
                (document.id.as_str(), opened.annotated, document.marks.len())
            });
            assert_eq!(found.collect::<Vec<_>>(), expected, "{path}");
        };
        check("in/visit.txt", "Cramps.", None, &[("visit", false, 0)]);
        check(
            "in/v.txt",
            "Cramps.",
            Some("T1\tSymptoms 0 6\tCramps\n"),
            &[("v", true, 1)],
        );
        check("a.jsonl", "{\"text\":\"x\"}", None, &[("a", false, 0)]);
        check(
            "a.jsonl",
            "{\"text\":\"x\"}\n\n{\"text\":\"y\"}\n{\"id\":\"left\",\"text\":\"z\"}",
            None,
            &[("a 1", false, 0), ("a 3", false, 0), ("left", false, 0)],
        );
        check(
            "a.jsonl",
            "{\"id\":77,\"text\":\"x\"}",
            None,
            &[("77", false, 0)],
        );
        // An id that happens to be the number of its line is one all the same.
        check(
            "a.jsonl",
            "{\"id\":\"1\",\"text\":\"x\"}\n{\"id\":2,\"text\":\"y\"}\n{\"text\":\"z\"}",
            None,
            &[("1", false, 0), ("2", false, 0), ("a 3", false, 0)],
        );
        check("a.csv", "id,text\nv1,Cramps\n", None, &[("v1", false, 0)]);
        check("a.bio", "Cramps B-Symptoms\n", None, &[("a", true, 1)]);
    }

    #[test]
    fn errors_name_file_and_line() {
        let check = |path: &str, content: &str, annotations, expected: &str| {
            let error =
                documents(path, content, annotations, &labels()).expect_err("a broken file");
            let error = error.to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check("in/a.jsonl", "{\"text\":\"x\"}\n{", None, "in/a.jsonl:2: ");
        check("in/a.bio", "x O\ny B-Disease\n", None, "in/a.bio:2: ");
        check(
            "in/a.txt",
            "Cramps",
            Some("T1\tSymptoms 0 7\tCramps\n"),
            "in/a.ann:1: ",
        );
        check("in/a.ann", "T1\tSymptoms 0 7\tCramps\n", None, "in/a.ann: ");
    }
}
