/// Everything that can be wrong with what this crate is given.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Logits of a window that do not fit its input.
    #[error(
        "window {window}: {found} logits for {tokens} tokens and {labels} labels, expected {}",
        tokens * labels
    )]
    LogitShape {
        /// Index of the window.
        window: usize,
        /// T, the two special tokens included.
        tokens: usize,
        /// L.
        labels: usize,
        /// Logits given.
        found: usize,
    },
    /// A label set that is not `O` plus pairs of `B-X` and `I-X`.
    #[error("labels: {0}")]
    Labels(String),
    /// A tokenizer that is not BERT's, or a vocabulary that lacks something.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// Another number of logit slices than windows.
    #[error("logits of {found} windows for {expected}")]
    WindowCount {
        /// Windows of the text.
        expected: usize,
        /// Slices given.
        found: usize,
    },
    /// A logit that is NaN or infinite: the model or the forward pass is broken.
    #[error("word {word}: the logit of `{label}` is {value}")]
    Logit {
        /// Index of the word.
        word: usize,
        /// Name of the label.
        label: String,
        /// What was found.
        value: f32,
    },
    /// A span that does not fit its text or the label set.
    #[error("span {start}..{end} of type `{label}`: {problem}")]
    Span {
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
        /// Type.
        label: String,
        /// What is wrong.
        problem: String,
    },
    /// A document with something wrong in it.
    #[error("document `{id}`: {problem}")]
    Document {
        /// The document's name.
        id: String,
        /// What is wrong.
        problem: String,
    },
    /// A file that cannot be read as a whole.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A line of a file that cannot be read.
    #[error("{file}:{line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// Line number, from 1.
        line: usize,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A configuration that is not a BERT token classifier's, or that contradicts itself.
    #[error("config: {0}")]
    Config(String),
    /// A model file that cannot be read as a whole: not safetensors, truncated, of another format
    /// or version.
    #[error("{file}: {problem}")]
    ModelFile {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A metadata field of a model file that is missing, damaged or wrong.
    #[error("{file}: metadata `{field}`: {problem}")]
    ModelMetadata {
        /// The file.
        file: String,
        /// The metadata key.
        field: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A tensor of a model file that is missing, damaged, or of another type or shape than the
    /// configuration asks for.
    #[error("{file}: tensor `{tensor}`: {problem}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A weight that int8 cannot stand for.
    #[error("row {row}, column {column}: {value} cannot be quantized")]
    NotFinite {
        /// Row of the matrix.
        row: usize,
        /// Column of the matrix.
        column: usize,
        /// NaN or an infinity.
        value: f32,
    },
}
