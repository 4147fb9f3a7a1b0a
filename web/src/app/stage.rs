//! Where the page stands.

use web::protocol::Failure;

/// What the page is doing. The texts for it are in `status`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    /// The worker's program is being fetched and started.
    Starting,
    /// The model file is on its way.
    Downloading { received: u32, total: u32 },
    /// The model file is being read.
    Preparing,
    /// The note is not wholly analysed yet.
    Analysing { done: u32, windows: u32 },
    /// The note that stands on the page is wholly analysed.
    Ready,
    /// Nothing can be analysed.
    Failed(Trouble),
}

/// Why nothing can be analysed, in words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trouble {
    /// What does not work.
    pub(crate) heading: String,
    /// Why, and what to do.
    pub(crate) message: String,
}

impl Stage {
    /// Analysing a note whose windows are not counted yet.
    pub(crate) const UNCOUNTED: Self = Self::Analysing {
        done: 0,
        windows: 0,
    };

    /// The value of `data-state`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Stage::Starting | Stage::Downloading { .. } | Stage::Preparing => "loading",
            Stage::Analysing { .. } => "analysing",
            Stage::Ready => "ready",
            Stage::Failed(_) => "error",
        }
    }

    /// Whether texts can be analysed.
    pub(crate) fn has_model(&self) -> bool {
        matches!(self, Stage::Analysing { .. } | Stage::Ready)
    }
}

impl Trouble {
    /// A failure that the worker reported.
    pub(crate) fn reported(failure: Failure, message: String) -> Self {
        let heading = match failure {
            Failure::Download => "The model could not be downloaded",
            Failure::Model => "The model file cannot be used",
            Failure::Analysis => "The analysis stopped",
        };
        Self {
            heading: heading.to_owned(),
            message,
        }
    }
}
