/// What can be wrong with a model or an input of the network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input without tokens.
    #[error("input of 0 tokens, the network needs at least one")]
    Empty,
    /// An input longer than the model's positions.
    #[error("input of {tokens} tokens, the model has {positions} positions; cut it into windows")]
    TooLong {
        /// T.
        tokens: usize,
        /// Longest input of the model.
        positions: usize,
    },
    /// A token id outside the vocabulary.
    #[error(
        "token id {id} at position {position}, the vocabulary has {vocab_size} entries; \
         model and tokenizer do not belong together"
    )]
    UnknownToken {
        /// The id.
        id: u32,
        /// Where in the input it stands.
        position: usize,
        /// Rows of the word embedding.
        vocab_size: usize,
    },
    /// A configuration that this engine cannot run.
    #[error("{0}")]
    Unsupported(String),
    /// Finite weights so large that the sums of a forward pass left the range of F32.
    #[error(
        "the logits at position {position} are not finite; the weights of the model are too large"
    )]
    Overflow {
        /// Where in the input.
        position: usize,
    },
}
