//! Every message between the page and its worker.
//!
//! A message is a JavaScript object made by `serde-wasm-bindgen`. The page sends [`Request::Load`] at once and, after
//! [`Event::Loaded`], the note after every change. Each text has a revision; a newer one cancels what the worker is still doing
//! for an older one, and the page ignores answers to all but its latest.

pub mod evaluation;

use serde::{Deserialize, Serialize};

/// Page to worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Take in and prepare a model; once, as the first message. `www/analysis.js` makes it, and the worker's `start.js` reads it
    /// before the worker does: in its message is also where program and model come from.
    Load {
        /// What error messages call the exported file.
        name: String,
        /// Its size.
        bytes: u32,
        /// SHA-256 (hex) that it must have; none where the visitor has chosen it.
        sha256: Option<String>,
        /// Threads that the network runs on, the worker's own included. A build without shared memory has its own only.
        threads: u32,
    },
    /// Find the entities of a text.
    Analyse {
        /// Number of the text, larger than that of every text before it.
        revision: u32,
        /// The whole note.
        text: String,
    },
    /// Leave the text that is being analysed as it is.
    Stop,
    /// Find the entities of annotated documents and compare them with what is marked. Notes are analysed meanwhile, and go
    /// first.
    Evaluate {
        /// Number of the evaluation, larger than that of every one before it, which it ends.
        revision: u32,
        /// The file's name: it tells the format, and messages name it.
        file: String,
        /// What stands in it.
        content: String,
    },
    /// Leave the evaluation that is running, if one is. It is not answered.
    StopEvaluation,
    /// Find what an embedding program asks for (`web/npm`). It sends the next text once this one is answered or stopped.
    Classify {
        /// Number of the text, another than the last one's.
        id: u32,
        /// The whole text.
        text: String,
        /// `constrained`, which is what [`Request::Analyse`] does, or an `aggregation_strategy` of Hugging Face's.
        strategy: String,
        /// Least score.
        threshold: f32,
        /// Labels or types that are left out.
        ignored: Vec<String>,
    },
    /// Leave the text that is being classified, if one is. It is not answered.
    StopClassification,
}

/// Worker to page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Bytes of the model file have arrived.
    Downloading {
        /// Bytes so far.
        received: u32,
        /// Bytes of the whole file.
        total: u32,
    },
    /// The whole file has arrived and is being prepared.
    Downloaded,
    /// The network runs on one thread more; any time after [`Request::Load`].
    ThreadJoined,
    /// The model is ready for texts.
    Loaded(Box<ModelCard>),
    /// A worker has requested something, or tried to. Its script tells of it (`start.js`).
    Requested {
        /// Of what.
        address: String,
        /// When, in milliseconds since 1970.
        start: f64,
        /// Whether the page's policy forbade it.
        blocked: bool,
    },
    /// Part of a text's windows has gone through the network.
    Progress {
        /// Of which text.
        revision: u32,
        /// Windows that have their logits.
        done: u32,
        /// Windows of the text.
        windows: u32,
    },
    /// A text's entities, in text order, none overlapping.
    Analysed {
        /// Of which text.
        revision: u32,
        /// All of its entities.
        entities: Vec<Entity>,
    },
    /// Part of an evaluation's documents has gone through the network.
    Evaluating {
        /// Of which evaluation.
        revision: u32,
        /// Documents that are done.
        done: u32,
        /// Documents of the file.
        documents: u32,
    },
    /// How the model did.
    Evaluated {
        /// In which evaluation.
        revision: u32,
        /// All that the page shows of it.
        results: Box<evaluation::Results>,
    },
    /// An evaluation cannot be made of this file. The worker goes on.
    EvaluationFailed {
        /// Which evaluation.
        revision: u32,
        /// What is wrong with the file, and where, in words.
        message: String,
    },
    /// What was found in a text to be classified.
    Classified {
        /// In which text.
        id: u32,
        /// In text order.
        entities: Vec<Classified>,
    },
    /// A text cannot be classified as asked. The worker goes on.
    ClassificationFailed {
        /// Which text.
        id: u32,
        /// Why, in words.
        message: String,
    },
    /// The worker cannot go on.
    Failed {
        /// At what.
        failure: Failure,
        /// Why, in words.
        message: String,
    },
}

/// What a worker failed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Fetching the model file.
    Download,
    /// Reading it.
    Model,
    /// Anything after that: a fault of this program.
    Analysis,
}

/// An entity of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// Entity type, as an index into [`ModelCard::types`].
    pub kind: u32,
    /// First UTF-16 unit.
    pub start_utf16: u32,
    /// UTF-16 unit after the last.
    pub end_utf16: u32,
    /// 0 to 1.
    pub score: f32,
}

/// A token or an entity of a text that was classified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classified {
    /// A label, or an entity type.
    pub name: String,
    /// 0 to 1.
    pub score: f32,
    /// First UTF-16 unit.
    pub start_utf16: u32,
    /// UTF-16 unit after the last.
    pub end_utf16: u32,
    /// Of a token: its number, from 1.
    pub index: Option<u32>,
}

/// What the page tells about the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// What exports call it.
    pub name: String,
    /// Bytes of the exported file.
    pub bytes: u32,
    /// SHA-256 (hex) of all of them.
    pub sha256: String,
    /// Version of its format.
    pub format_version: String,
    /// SHA-256 (hex) of the fine-tuned weights that it was made from.
    pub source_sha256: String,
    /// What the model was fine-tuned from; empty where the file does not tell.
    pub base: String,
    /// How it did, in words; empty where the file does not tell.
    pub metrics: String,
    /// Label names in id order.
    pub labels: Vec<String>,
    /// Entity types in label order.
    pub types: Vec<String>,
    /// Below this score there is no entity.
    pub least_score: f32,
    /// Number of encoder layers.
    pub layers: u32,
    /// H.
    pub hidden: u32,
    /// Tokens in the vocabulary.
    pub vocabulary: u32,
    /// Tokens of the longest window that the worker makes.
    pub window_tokens: u32,
    /// The engine's name for the kernels that it runs on.
    pub kernels: String,
}
