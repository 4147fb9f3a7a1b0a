//! What the worker tells of an evaluation.

use serde::{Deserialize, Serialize};

use crate::pieces::Piece;

/// How the model did on annotated documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// What `trainer evaluate --format json` prints for the same file.
    pub json: String,
    /// Documents of the file.
    pub documents: u32,
    /// Words that the network saw.
    pub words: u32,
    /// Scores of each type, in label order.
    pub types: Vec<TypeScores>,
    /// Scores over all types.
    pub overall: Scores,
    /// Which types are taken for which.
    pub confusion: Confusion,
    /// The expected calibration error over `reliability`.
    pub calibration_error: f64,
    /// Entities by score, in intervals of equal width from 0 to 1.
    pub reliability: Vec<Bin>,
    /// The documents with the most mistakes, the worst first.
    pub worst: Vec<Example>,
}

/// Scores of a type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeScores {
    /// The type.
    pub name: String,
    /// Its scores.
    pub scores: Scores,
}

/// Scores of one type or of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Entities marked in the file.
    pub support: u32,
    /// Entities that the model found.
    pub predicted: u32,
    /// Right are those with the same boundaries and type.
    pub strict: Measures,
    /// Right are those that overlap one of their type.
    pub overlap: Measures,
}

/// Precision, recall and F1, all from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Share of the found entities that are right.
    pub precision: f64,
    /// Share of the marked entities that were found.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Lower and upper end of the 95 % interval of F1.
    pub interval: [f64; 2],
}

/// Marked types (rows) against found types (columns).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// What rows and columns stand for.
    pub types: Vec<String>,
    /// `pairs[marked][found]`.
    pub pairs: Vec<Vec<Pairs>>,
    /// Marked entities of each type that nothing was found for.
    pub missed: Vec<u32>,
    /// Found entities of each type that nothing is marked for.
    pub spurious: Vec<u32>,
}

/// Numbers of pairs of a marked and a found entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// With the same boundaries.
    pub exact: u32,
    /// That overlap otherwise.
    pub overlapping: u32,
}

/// Entities whose scores lie in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// How many.
    pub count: u32,
    /// Their mean score.
    pub score: f64,
    /// Share of them that is right.
    pub accuracy: f64,
}

/// A document with mistakes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The document's name.
    pub id: String,
    /// Number of its mistakes.
    pub count: u32,
    /// Its first mistakes, in text order.
    pub mistakes: Vec<Mistake>,
}

/// Something that the model got wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// In which way.
    pub kind: MistakeKind,
    /// What is marked; none for [`MistakeKind::Spurious`].
    pub gold: Option<Marked>,
    /// What was found; none for [`MistakeKind::Missed`].
    pub found: Option<Marked>,
    /// Both in their surroundings.
    pub context: Vec<Piece>,
}

/// A way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MistakeKind {
    /// Marked, not found.
    Missed,
    /// Found, not marked.
    Spurious,
    /// Found with another type.
    WrongType,
    /// Found with other boundaries.
    WrongBoundary,
}

/// A marked or found entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Marked {
    /// Its words.
    pub text: String,
    /// Its type.
    pub entity: String,
    /// From 0 to 1; none for what is marked.
    pub score: Option<f32>,
}
