//! How page and report name the entity types of the annotation guide to people.

/// An entity type for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// As the model's labels name it.
    pub name: &'static str,
    /// The short label that every mark carries, so that colour is not its only sign. It has to fit above a two-letter word.
    pub code: &'static str,
    /// What belongs to it.
    pub gloss: &'static str,
}

/// The types for which FHIR has resources of their own.
pub(crate) const PROCEDURES: &str = "Procedures";
pub(crate) const MEDICATIONS: &str = "Medications";

/// The five types of the annotation guide, in label order.
pub const GUIDE: [Kind; 5] = [
    Kind {
        name: "Symptoms",
        code: "Sym",
        gloss: "What is felt or observed",
    },
    Kind {
        name: "Hormones",
        code: "Hor",
        gloss: "Measured or discussed",
    },
    Kind {
        name: PROCEDURES,
        code: "Pro",
        gloss: "Tests, imaging, treatment",
    },
    Kind {
        name: MEDICATIONS,
        code: "Med",
        gloss: "Drugs and supplements",
    },
    Kind {
        name: "Ultrasound",
        code: "US",
        gloss: "What imaging shows",
    },
];

/// The short label of a type; its first three letters where the guide does not know it.
pub fn code(name: &str) -> &str {
    match GUIDE.iter().find(|kind| kind.name == name) {
        Some(kind) => kind.code,
        None => name
            .char_indices()
            .nth(3)
            .map_or(name, |(end, _)| &name[..end]),
    }
}

/// What belongs to a type; empty where the guide does not know it.
pub fn gloss(name: &str) -> &'static str {
    GUIDE
        .iter()
        .find(|kind| kind.name == name)
        .map_or("", |kind| kind.gloss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        let check = |name, expected| assert_eq!(code(name), expected);
        check("Ultrasound", "US");
        check("Disease", "Dis");
        check("Ärzte", "Ärz");
        check("Y", "Y");
        check("", "");
    }

    #[test]
    fn glosses() {
        assert!(GUIDE.iter().all(|kind| gloss(kind.name) == kind.gloss));
        assert_eq!(gloss("Disease"), "");
    }
}
