//! Names of files that are made from ids.

use std::collections::{HashMap, HashSet};

/// Longest name, in characters; file systems take 255 bytes, of which a character has up to four.
const LONGEST: usize = 60;

/// Names that Windows keeps for devices, whatever follows a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// Gives each document of a collection a name for its files that any system takes and no other has.
///
/// ```
/// let mut names = ner::formats::FileNames::default();
/// assert_eq!(names.unique("../visit 3"), "visit_3");
/// assert_eq!(names.unique("Visit/3"), "Visit_3-2");
/// ```
#[derive(Debug, Clone, Default)]
pub struct FileNames {
    /// In lower case, as some systems do not tell case.
    taken: HashSet<String>,
    /// The number to try next for a name that was asked for before, in lower case.
    next: HashMap<String, usize>,
}

impl FileNames {
    /// A name, without extension, of letters, digits, `-`, `_` and `.`.
    pub fn unique(&mut self, id: &str) -> String {
        let safe = safe(id);
        let next = self.next.entry(safe.to_lowercase()).or_insert(1);
        loop {
            let name = match *next {
                1 => safe.clone(),
                number => format!("{safe}-{number}"),
            };
            *next += 1;
            if self.taken.insert(name.to_lowercase()) {
                return name;
            }
        }
    }
}

fn safe(id: &str) -> String {
    let replaced = id.chars().map(|c| {
        let stays = c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if stays { c } else { '_' }
    });
    let name: String = replaced.collect();
    // A leading dot hides a file, a leading `-` looks like an option, Windows drops dots at the end.
    let name: String = name
        .trim_start_matches(['.', '-', '_'])
        .chars()
        .take(LONGEST)
        .collect();
    let name = name.trim_end_matches(['.', '_']);
    let first = name.split('.').next().unwrap_or_default().to_lowercase();
    let device = first.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.is_empty() {
        "document".to_owned()
    } else if DEVICES.contains(&device) && first.len() <= 4 {
        format!("document-{name}")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_differ() {
        let check = |ids: &[&str], expected: &[&str]| {
            let mut names = FileNames::default();
            let found: Vec<String> = ids.iter().map(|id| names.unique(id)).collect();
            assert_eq!(found, expected, "{ids:?}");
        };
        check(
            &["note-1", "note-1.v2", "月经"],
            &["note-1", "note-1.v2", "月经"],
        );
        check(
            &["a/b", "a\\b", "a b", "A:B"],
            &["a_b", "a_b-2", "a_b-3", "A_B-4"],
        );
        check(&["a", "a", "a-2", "a"], &["a", "a-2", "a-2-2", "a-3"]);
        check(
            &["", "..", "\0\n", "-"],
            &["document", "document-2", "document-3", "document-4"],
        );
        check(
            &["../../etc/passwd", ".hidden", "-rf", "end. "],
            &["etc_passwd", "hidden", "rf", "end"],
        );
        check(
            &["CON", "nul.txt", "com1", "contra", "lpt10"],
            &[
                "document-CON",
                "document-nul.txt",
                "document-com1",
                "contra",
                "lpt10",
            ],
        );
        check(&["e\u{301}<img>"], &["e__img"]);
    }

    /// In time that grows with their number, not its square.
    #[test]
    fn many_names_are_numbered() {
        let mut names = FileNames::default();
        let last = (0..100_000).map(|_| names.unique("note")).last();
        assert_eq!(last.as_deref(), Some("note-100000"));
    }

    #[test]
    fn long_names_are_cut() {
        let mut names = FileNames::default();
        let id = "月".repeat(300);
        assert_eq!(names.unique(&id).len(), 180);
        assert_eq!(names.unique(&id).len(), 182);
    }
}
