//! `trainer fine-tune`: reads and checks everything that a run needs, then trains.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ner::model::config::Head;
use ner::{Document, Labels, Tokenizer};
use serde::Serialize;

use crate::batch::{self, Example, Subwords};
use crate::bert::Bert;
use crate::hub::Lowercase;
use crate::labels::LabelsChoice;
use crate::train::{Run, Stopped};
use crate::{checkpoint, data, device, hub};

/// Fine-tunes a BERT model into a token classifier for clinical entities
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize)]
pub struct FineTuneArgs {
    /// Base model: a directory in Hugging Face's layout, or a hub id such as `owner/name`
    ///
    /// A directory holds config.json, model.safetensors (or pytorch_model.bin), and tokenizer.json
    /// (or vocab.txt, with tokenizer_config.json where the model has one). A directory that this
    /// command wrote can be trained further. A hub id is fetched into Hugging Face's own cache, and a
    /// download that broke goes on where it did; HF_HOME, HF_HUB_CACHE, HF_TOKEN and HF_ENDPOINT mean
    /// what they mean in Python.
    #[arg(long, value_name = "DIR|HUB_ID")]
    pub base: String,
    /// Training documents: BIO (.bio, .conll, .txt), JSON (.jsonl, .json; also doccano's and
    /// Prodigy's), brat (.ann, or a directory of them), a file or a directory of marked text;
    /// repeat it for several
    #[arg(long, value_name = "FILE|DIR", required = true)]
    pub train: Vec<PathBuf>,
    /// Development documents, in the same formats: the epoch with the best strict F1 on them is
    /// kept
    #[arg(long, value_name = "FILE|DIR")]
    pub dev: PathBuf,
    /// Directory that the model is written to; see Output below
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replace a model that is in the output directory
    #[arg(long)]
    pub overwrite: bool,
    /// Go on with the run in the output directory from its last checkpoint, or begin it where there is none: with the same
    /// arguments and data it ends with the same weights as if it had not been interrupted, to the bit on the CPU
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Write a checkpoint every so many steps too, not only after each epoch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub save_steps: Option<u32>,
    /// Checkpoints that stay, the last ones; the best one stays beside them
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: u32,
    /// Stop after so many epochs without a better F1
    #[arg(long, value_name = "EPOCHS", value_parser = clap::value_parser!(u32).range(1..))]
    pub patience: Option<u32>,
    /// Passes over the training documents
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,
    /// Highest learning rate; 1e-4 suits MiniLM's size (H 384), 5e-5 BERT-base's (H 768). A CRF's
    /// terms learn 30 times as fast
    #[arg(long, value_name = "RATE", default_value_t = 1e-4, value_parser = positive)]
    pub lr: f64,
    /// Windows per step
    #[arg(long, value_name = "N", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: u32,
    /// Longest window in tokens, its two special tokens included; longer documents are cut into
    /// overlapping windows
    #[arg(long, value_name = "TOKENS", default_value_t = ner::window::MAX_TOKENS as u32)]
    #[arg(value_parser = clap::value_parser!(u32).range(3..))]
    pub max_length: u32,
    /// Seed of new weights, order and dropout: the same seed gives the same bytes on the same
    /// machine
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Where to train
    #[arg(long, value_enum, default_value_t = device::Choice::Cpu)]
    pub device: device::Choice,
    /// Part of the steps in which the learning rate rises from 0; afterwards it falls back to 0
    #[arg(long, value_name = "RATIO", default_value_t = 0.1, value_parser = fraction)]
    pub warmup_ratio: f64,
    /// Decoupled weight decay; biases, LayerNorm and a CRF have none
    #[arg(long, value_name = "DECAY", default_value_t = 0.01, value_parser = not_negative)]
    pub weight_decay: f64,
    /// Global norm that longer gradients are scaled down to
    #[arg(long, value_name = "NORM", default_value_t = 1.0, value_parser = positive)]
    pub max_grad_norm: f64,
    /// Dropout everywhere, instead of what the base's config.json says
    #[arg(long, value_name = "PROBABILITY", value_parser = fraction)]
    pub dropout: Option<f64>,
    /// What stands behind the classifier: nothing, or a linear-chain CRF that learns how labels follow
    /// each other
    #[arg(long, value_enum, default_value_t = HeadChoice::Softmax)]
    pub head: HeadChoice,
    /// Which tokens of a word learn its label; a CRF is one of words and takes `first`
    #[arg(long, value_enum, default_value_t = Subwords::First)]
    pub subwords: Subwords,
    /// Labels of the training data, which the model gets: `guide` (the five types of the annotation
    /// guide), `from-data` (those that occur: O, then the others as they sort), or a list separated
    /// by commas, of types, or of all labels in id order (O,B-Drug,I-Drug). Any other label in the
    /// training or development data is an error
    #[arg(long, value_name = "guide|from-data|LIST", default_value_t = LabelsChoice::Guide)]
    pub labels: LabelsChoice,
    /// Whether texts are lower-cased; the output's tokenizer_config.json says what was decided
    ///
    /// Bio_ClinicalBERT has a cased vocabulary and no tokenizer_config.json, for want of which
    /// AutoTokenizer, and so `auto`, lower-cases its texts.
    #[arg(long, value_enum, default_value_t)]
    pub lowercase: Lowercase,
    /// Take a hub model only from what was downloaded before; so does HF_HUB_OFFLINE=1
    #[arg(long)]
    pub offline: bool,
}

/// [`Head`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadChoice {
    /// Words are independent of each other but for BIO's rules.
    Softmax,
    /// A linear-chain CRF.
    Crf,
}

impl From<HeadChoice> for Head {
    fn from(choice: HeadChoice) -> Self {
        match choice {
            HeadChoice::Softmax => Self::Softmax,
            HeadChoice::Crf => Self::Crf,
        }
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .ok_or_else(|| "not a number".into())
}

fn positive(text: &str) -> Result<f64, String> {
    number(text).and_then(|value| {
        if value > 0.0 {
            Ok(value)
        } else {
            Err("not above 0".into())
        }
    })
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text).and_then(|value| {
        if value >= 0.0 {
            Ok(value)
        } else {
            Err("below 0".into())
        }
    })
}

fn fraction(text: &str) -> Result<f64, String> {
    number(text).and_then(|value| {
        if (0.0..1.0).contains(&value) {
            Ok(value)
        } else {
            Err("not in 0..1".into())
        }
    })
}

/// Trains as the arguments say; the output directory holds the best epoch so far after each one.
///
/// # Errors
/// Names the argument, file or document that is wrong before anything is trained; [`Stopped`] once
/// training has begun.
pub fn run(arguments: &FineTuneArgs) -> Result<()> {
    if arguments.head == HeadChoice::Crf && arguments.subwords == Subwords::All {
        bail!("--head crf: its labels are those of words; leave out --subwords all");
    }
    let device = arguments.device.open()?;
    let resumed = match arguments.resume {
        true => checkpoint::last(&arguments.output)?,
        false => None,
    };
    let base = base(arguments, resumed)?;
    let max_length = arguments.max_length as usize;
    if max_length > base.config.max_position_embeddings {
        bail!(
            "--max-length {max_length}: the base has {} positions",
            base.config.max_position_embeddings
        );
    }
    let (labels, train) = arguments.labels.read(&arguments.train)?;
    let train = train.into_iter().flatten().map(|placed| placed.document);
    let train: Vec<Document> = train.collect();
    let dev = data::read_documents(&arguments.dev, &labels).context("--dev")?;
    let examples = |argument, documents| {
        examples(
            argument,
            documents,
            &base.tokenizer,
            &labels,
            max_length,
            arguments.subwords,
        )
    };
    let dev_examples = examples("--dev", &dev)?;
    let examples = examples("--train", &train)?;
    warn_of_leaks(&train, &dev);
    let data_sha256 = batch::sha256(examples.iter().chain(&dev_examples));

    let hub::Base {
        config,
        tokenizer,
        mut weights,
    } = base;
    if config.labels().ok().as_ref() != Some(&labels) {
        weights.retain(|name, _| !is_head(name));
    }
    let mut config = config.with_labels(&labels);
    config.classifier_head = arguments.head.into();
    config.calibration = None;
    if let Some(dropout) = arguments.dropout {
        config.hidden_dropout_prob = dropout;
        config.attention_probs_dropout_prob = dropout;
        config.classifier_dropout = Some(dropout);
    }
    let place = match resumed {
        Some(step) => checkpoint::path_of(&arguments.output, step)
            .display()
            .to_string(),
        None => arguments.base.clone(),
    };
    let (bert, drawn) =
        Bert::new(config, weights, arguments.seed, &device).with_context(|| place.clone())?;
    let is_missing = |name: &&String| resumed.is_some() || !is_head(name);
    if let Some(name) = drawn.iter().find(is_missing) {
        bail!("{place}: the weights lack {name}");
    }
    if arguments.resume && arguments.output.exists() {
        checkpoint::clean(&arguments.output)?;
        if resumed.is_none() {
            eprintln!("{}: no checkpoint yet", arguments.output.display());
        }
    }
    checkpoint::prepare(&arguments.output, arguments.overwrite, arguments.resume)?;

    let run = Run {
        arguments,
        bert,
        tokenizer,
        examples,
        dev,
        data_sha256,
        resumed,
    };
    let start = run.start()?;
    run.train(start).map_err(|error| {
        let place = arguments.output.display();
        let kept = match arguments.output.join("model.safetensors").exists() {
            true => format!("{place} holds the best epoch so far"),
            false => format!("no epoch was finished, so {place} holds no model"),
        };
        let next = match checkpoint::last(&arguments.output) {
            Ok(Some(step)) => format!("; --resume goes on from checkpoint-{step}"),
            _ => String::new(),
        };
        error.context(Stopped::new(format!("training stopped; {kept}{next}")))
    })
}

/// What the run begins with: the base, or the checkpoint after so many steps from which it goes on.
fn base(arguments: &FineTuneArgs, resumed: Option<usize>) -> Result<hub::Base> {
    let Some(step) = resumed else {
        let offline = arguments.offline || hub::offline();
        let base = hub::load(&arguments.base, arguments.lowercase, offline)?;
        warn_of_case(&base.tokenizer, arguments.lowercase);
        return Ok(base);
    };
    let checkpoint = checkpoint::path_of(&arguments.output, step);
    // What was decided about case stands in it.
    let base = hub::load(&checkpoint.to_string_lossy(), Lowercase::Auto, true);
    base.with_context(|| {
        format!(
            "--resume: {} is damaged; without it, the run goes on from the one before",
            checkpoint.display()
        )
    })
}

/// Whether a tensor belongs to the task and not to the base.
fn is_head(name: &str) -> bool {
    name.starts_with("classifier.") || name.starts_with("crf.")
}

fn examples(
    argument: &str,
    documents: &[Document],
    tokenizer: &Tokenizer,
    labels: &Labels,
    max_length: usize,
    subwords: Subwords,
) -> Result<Vec<Example>> {
    let examples = batch::examples(documents, tokenizer, labels, max_length, subwords)
        .context(argument.to_owned())?;
    if examples.is_empty() {
        bail!(
            "{argument}: {} documents without a single word",
            documents.len()
        );
    }
    Ok(examples)
}

/// A vocabulary of the other case loses most of its words without an error.
fn warn_of_case(tokenizer: &Tokenizer, lowercase: Lowercase) {
    match (tokenizer.lowercase(), tokenizer.capitals()) {
        (true, capitals @ 1..) if lowercase == Lowercase::Auto => eprintln!(
            "warning: texts are lower-cased, as AutoTokenizer does by the base's files, but {capitals} \
             of its {} tokens have capitals; choose by --lowercase true or false",
            tokenizer.vocab_size()
        ),
        (false, 0) => eprintln!(
            "warning: texts keep their case, but no token of the base has a capital; --lowercase true \
             suits it"
        ),
        _ => {}
    }
}

/// Scores on texts that were trained on say nothing.
fn warn_of_leaks(train: &[Document], dev: &[Document]) {
    let seen: HashSet<&str> = train.iter().map(|document| document.text.trim()).collect();
    let leaks = dev
        .iter()
        .filter(|document| seen.contains(document.text.trim()))
        .count();
    if leaks > 0 {
        eprintln!(
            "warning: the text of {leaks} of {} development documents is among the training ones too",
            dev.len()
        );
    }
}
