//! What notes are called: each its own name, in lists and files alike.

use std::collections::HashSet;

/// The names that are taken.
#[derive(Debug, Clone, Default)]
pub struct Names {
    taken: HashSet<String>,
}

impl<'a> FromIterator<&'a str> for Names {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        Self {
            taken: names.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Names {
    /// The name, or, where it is taken, the name with the first number that is free: `visit`, `visit (2)`. White space becomes
    /// single spaces.
    pub fn unique(&mut self, name: &str) -> String {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let numbered = (2..).map(|number: usize| format!("{name} ({number})"));
        self.take(std::iter::once(name.clone()).chain(numbered))
    }

    /// A name for what has none, with the first number that is free: `Note 1`.
    pub fn numbered(&mut self, word: &str) -> String {
        self.take((1..).map(|number: usize| format!("{word} {number}")))
    }

    fn take(&mut self, mut names: impl Iterator<Item = String>) -> String {
        names
            .find(|name| self.taken.insert(name.clone()))
            .expect("numbers do not end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ() {
        let check = |taken: &[&str], names: &[&str], expected: &[&str]| {
            let mut all: Names = taken.iter().copied().collect();
            let found: Vec<String> = names.iter().map(|name| all.unique(name)).collect();
            assert_eq!(found, expected, "{taken:?} {names:?}");
        };
        check(&[], &["a", "b"], &["a", "b"]);
        check(&["a"], &["a", "a"], &["a (2)", "a (3)"]);
        check(&["a (2)"], &["a", "a"], &["a", "a (3)"]);
        check(&[], &["a (2)", "a", "a"], &["a (2)", "a", "a (3)"]);
        check(&["a b"], &["a\t b\n"], &["a b (2)"]);
    }

    #[test]
    fn numbers_are_the_first_that_are_free() {
        let check = |taken: &[&str], expected: &str| {
            let mut all: Names = taken.iter().copied().collect();
            assert_eq!(all.numbered("Note"), expected);
        };
        check(&[], "Note 1");
        check(&["Note 1", "Note 3"], "Note 2");
        check(&["note 1"], "Note 1");
    }
}
