//! The label set: ids, names and what they mean in BIO.

use std::collections::BTreeSet;

use crate::{Error, kind};

/// The five entity types of the annotation guide, in id order.
pub const GUIDE_TYPES: [&str; kind::GUIDE.len()] = {
    let mut names = [""; kind::GUIDE.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = kind::GUIDE[i].name;
        i += 1;
    }
    names
};

/// What a label says about a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `O`: in no entity.
    Outside,
    /// `B-X`: first word of an entity of type number `.0` (an index into [`Labels::types`]).
    Begin(usize),
    /// `I-X`: a further word of an entity of type number `.0`.
    Inside(usize),
}

impl Tag {
    /// Whether a word with this tag may follow a word tagged `previous` (`None`: nothing stands
    /// before it).
    ///
    /// The whole of BIO: an `I-X` continues a `B-X` or an `I-X`, everything else may stand
    /// anywhere.
    pub fn follows(self, previous: Option<Tag>) -> bool {
        match self {
            Tag::Inside(kind) => {
                previous == Some(Tag::Begin(kind)) || previous == Some(Tag::Inside(kind))
            }
            Tag::Outside | Tag::Begin(_) => true,
        }
    }
}

/// An ordered label set; a label's id is its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
    tags: Vec<Tag>,
    types: Vec<String>,
}

impl Labels {
    /// `O` and `B-`/`I-` of the five types of the annotation guide: eleven labels.
    pub fn guide() -> Self {
        Self::of_types(&GUIDE_TYPES)
    }

    /// `O`, then `B-` and `I-` of each type in order.
    ///
    /// # Panics
    /// When a type stands twice or is empty; [`Self::new`] is for names from outside.
    pub fn of_types<S: AsRef<str>>(types: &[S]) -> Self {
        let pairs = types
            .iter()
            .flat_map(|t| [format!("B-{}", t.as_ref()), format!("I-{}", t.as_ref())]);
        let names = std::iter::once("O".to_owned()).chain(pairs).collect();
        Self::new(names).expect("types are distinct and not empty")
    }

    /// The labels of data whose types are these, in any order and as often as they occur: `O`, then all
    /// other names as they sort.
    ///
    /// # Errors
    /// [`Error::Labels`] for a type without a name.
    pub fn of_data<'a>(types: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let types: BTreeSet<&str> = types.into_iter().collect();
        let of_tag = |tag| types.iter().map(move |kind| format!("{tag}-{kind}"));
        // Types are in order, so their names with the same tag are, and B comes before I.
        let names = std::iter::once("O".to_owned())
            .chain(of_tag("B"))
            .chain(of_tag("I"));
        Self::new(names.collect())
    }

    /// From names in id order, as a model's `id2label` lists them.
    ///
    /// # Errors
    /// [`Error::Labels`] when `O` is missing, a name stands twice or is not `O`, `B-X` or `I-X`, or
    /// a `B-X` or `I-X` lacks its counterpart.
    pub fn new(names: Vec<String>) -> Result<Self, Error> {
        let mut types: Vec<String> = Vec::new();
        let mut tags = Vec::with_capacity(names.len());
        for (id, name) in names.iter().enumerate() {
            if names[..id].contains(name) {
                return Err(Error::Labels(format!("`{name}` stands twice")));
            }
            let (tag, kind): (fn(usize) -> Tag, _) = match name.split_once('-') {
                None if name == "O" => {
                    tags.push(Tag::Outside);
                    continue;
                }
                Some(("B", kind)) if !kind.is_empty() => (Tag::Begin, kind),
                Some(("I", kind)) if !kind.is_empty() => (Tag::Inside, kind),
                _ => {
                    return Err(Error::Labels(format!(
                        "`{name}` is not `O`, `B-` and a type or `I-` and a type"
                    )));
                }
            };
            let number = types.iter().position(|t| t == kind).unwrap_or_else(|| {
                types.push(kind.to_owned());
                types.len() - 1
            });
            tags.push(tag(number));
        }
        if !tags.contains(&Tag::Outside) {
            return Err(Error::Labels("`O` is missing".to_owned()));
        }
        for (number, kind) in types.iter().enumerate() {
            for (tag, prefix) in [(Tag::Begin(number), "B"), (Tag::Inside(number), "I")] {
                if !tags.contains(&tag) {
                    return Err(Error::Labels(format!("`{prefix}-{kind}` is missing")));
                }
            }
        }
        Ok(Self { names, tags, types })
    }

    /// Number of labels, L.
    #[allow(clippy::len_without_is_empty)] // `O` is always there.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Names in id order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Entity types in the order of their first label.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// The id of a label name.
    pub fn id(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    /// What label `id` means.
    ///
    /// # Panics
    /// When `id` is not below [`Self::len`].
    pub fn tag(&self, id: usize) -> Tag {
        self.tags[id]
    }

    /// What each label means, in id order.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// The id of the label that means `tag`.
    ///
    /// # Panics
    /// When the tag's type number is not an index into [`Self::types`].
    pub fn id_of(&self, tag: Tag) -> usize {
        self.tags
            .iter()
            .position(|t| *t == tag)
            .expect("every type has its two labels")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guide_has_the_ids_of_the_annotation_guide() {
        let labels = Labels::guide();
        let ids = [
            (0, "O", Tag::Outside),
            (1, "B-Symptoms", Tag::Begin(0)),
            (2, "I-Symptoms", Tag::Inside(0)),
            (5, "B-Procedures", Tag::Begin(2)),
            (8, "I-Medications", Tag::Inside(3)),
            (10, "I-Ultrasound", Tag::Inside(4)),
        ];
        assert_eq!(labels.len(), 11);
        assert_eq!(labels.types(), GUIDE_TYPES);
        for (id, name, tag) in ids {
            assert_eq!(labels.id(name), Some(id));
            assert_eq!(labels.names()[id], name);
            assert_eq!(labels.tag(id), tag);
            assert_eq!(labels.id_of(tag), id);
        }
        assert_eq!(labels.id("B-Other"), None);
    }

    #[test]
    fn labels_of_data_are_sorted() {
        let check = |types: &[&str], names: &[&str]| {
            let labels = Labels::of_data(types.iter().copied()).unwrap();
            assert_eq!(labels.names(), names);
            let sorted: BTreeSet<&String> = labels.names()[1..].iter().collect();
            assert!(labels.names()[1..].iter().eq(sorted));
        };
        check(&[], &["O"]);
        check(
            &["PER", "LOC", "PER", "Ä", "LO"],
            &[
                "O", "B-LO", "B-LOC", "B-PER", "B-Ä", "I-LO", "I-LOC", "I-PER", "I-Ä",
            ],
        );
        let error = Labels::of_data([""]).unwrap_err().to_string();
        assert_eq!(
            error,
            "labels: `B-` is not `O`, `B-` and a type or `I-` and a type"
        );
    }

    #[test]
    fn any_order_of_names_is_kept() {
        let names = ["I-X", "B-Y-Z", "O", "B-X", "I-Y-Z"]
            .map(str::to_owned)
            .to_vec();
        let labels = Labels::new(names.clone()).unwrap();
        assert_eq!(labels.names(), names);
        assert_eq!(labels.types(), ["X", "Y-Z"]);
        assert_eq!(
            labels.tags(),
            [
                Tag::Inside(0),
                Tag::Begin(1),
                Tag::Outside,
                Tag::Begin(0),
                Tag::Inside(1)
            ]
        );
    }

    #[test]
    fn broken_sets_are_refused() {
        let check = |names: &[&str], message: &str| {
            let error = Labels::new(names.iter().map(|n| n.to_string()).collect()).unwrap_err();
            assert_eq!(error.to_string(), format!("labels: {message}"));
        };
        check(&[], "`O` is missing");
        check(&["B-X", "I-X"], "`O` is missing");
        check(&["O", "B-X", "I-X", "B-X"], "`B-X` stands twice");
        check(&["O", "I-X"], "`B-X` is missing");
        check(&["O", "B-X"], "`I-X` is missing");
        check(
            &["O", "LABEL_1"],
            "`LABEL_1` is not `O`, `B-` and a type or `I-` and a type",
        );
        check(
            &["O", "B-"],
            "`B-` is not `O`, `B-` and a type or `I-` and a type",
        );
    }
}
