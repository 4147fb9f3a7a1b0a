//! One loaded model and the texts that go through it.

use std::cell::{Cell, RefCell};
use std::collections::TryReserveError;
use std::rc::Rc;
use std::sync::Arc;

use engine::{Builder, Isa, Model, Scratch, Team};
use ner::model::card::Measured;
use ner::model::{Incoming, bundle};
use ner::{Decoder, Prepared, Tokenizer};
use web::cache::Cache;
use web::protocol::{Entity, Event, ModelCard};

use crate::scope;

/// Memory for window logits: some 5,000 windows, which is a note of several megabytes.
const CACHE_BYTES: usize = 64 << 20;

/// The revision of no text.
pub(crate) const NO_TEXT: u32 = 0;

/// A model ready for texts.
pub(crate) struct Session {
    model: Model,
    scratch: RefCell<Scratch>,
    tokenizer: Tokenizer,
    pub(crate) decoder: Decoder,
    /// Longest input of the network, special tokens included.
    pub(crate) max_tokens: usize,
    cache: RefCell<Cache>,
    wanted: Cell<u32>,
    /// Texts that are being analysed.
    analyses: Cell<u32>,
    evaluation: Cell<Option<u32>>,
    classification: Cell<Option<u32>>,
}

/// A model on its way. What can be made of the part that is there is made while the rest is awaited.
pub(crate) struct Incomplete {
    file: Incoming,
    tokenizer: Option<Result<Tokenizer, ner::Error>>,
    builder: Option<Result<Builder, engine::Error>>,
}

impl Incomplete {
    /// `name` is what messages call it.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            file: Incoming::new(name),
            tokenizer: None,
            builder: None,
        }
    }

    /// Takes the next bytes of an exported file.
    ///
    /// # Errors
    /// When they do not fit into memory.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), TryReserveError> {
        self.file.push(bytes)?;
        if let Some(bundle) = self.file.arrived() {
            self.tokenizer.get_or_insert_with(|| bundle.tokenizer());
            let builder = self
                .builder
                .get_or_insert_with(|| Builder::new(bundle.config(), Isa::detect()));
            if let Ok(builder) = builder {
                builder.take(bundle);
            }
        }
        Ok(())
    }
}

impl Session {
    /// From a model of so many bytes with this hash, for texts to go through it on the threads of `team`; `name` is what messages
    /// call it.
    ///
    /// # Errors
    /// Says in words what is wrong with the file, and where.
    pub(crate) fn new(
        name: &str,
        model: Incomplete,
        bytes: u32,
        sha256: &str,
        team: Arc<Team>,
    ) -> Result<(Self, ModelCard), String> {
        let bundle = model.file.finish().map_err(|error| error.to_string())?;
        let config = bundle.config().clone();
        let card = bundle.card().clone();
        let source_sha256 = bundle.source_sha256().to_owned();
        let decoder = bundle
            .decoder()
            .map_err(|error| format!("{name}: {error}"))?;
        let complete = "a file without a fault has had a header";
        let tokenizer = model.tokenizer.expect(complete);
        let tokenizer = tokenizer.map_err(|error| format!("{name}: {error}"))?;
        let builder = model.builder.expect(complete);
        let builder = builder.map_err(|error| format!("{name}: {error}"))?;
        let model = builder.finish(bundle);
        let max_tokens = ner::window::MAX_TOKENS.min(config.max_position_embeddings);
        let card = ModelCard {
            name: model_name(name),
            bytes,
            sha256: sha256.to_owned(),
            format_version: bundle::FORMAT_VERSION.into(),
            source_sha256,
            base: card.base.unwrap_or_default(),
            metrics: card.metrics.map(in_words).unwrap_or_default(),
            labels: decoder.labels.names().to_vec(),
            types: decoder.labels.types().to_vec(),
            least_score: decoder.least_score(),
            layers: config.num_hidden_layers as u32,
            hidden: config.hidden_size as u32,
            vocabulary: config.vocab_size as u32,
            window_tokens: max_tokens as u32,
            kernels: model.isa().to_string(),
        };
        let session = Self {
            model,
            scratch: RefCell::new(Scratch::with_team(team)),
            tokenizer,
            decoder,
            max_tokens,
            cache: RefCell::new(Cache::new(CACHE_BYTES)),
            wanted: Cell::new(NO_TEXT),
            analyses: Cell::new(0),
            evaluation: Cell::new(None),
            classification: Cell::new(None),
        };
        Ok((session, card))
    }

    /// Makes `revision` the text that is wanted; the analysis of any other ends at its next window.
    pub(crate) fn want(&self, revision: u32) {
        self.wanted.set(revision);
    }

    /// Makes `revision` the evaluation that is wanted; any other ends at its next window.
    pub(crate) fn want_evaluation(&self, revision: Option<u32>) {
        self.evaluation.set(revision);
    }

    /// Makes `id` the text that is to be classified; any other ends at its next window.
    pub(crate) fn want_classification(&self, id: Option<u32>) {
        self.classification.set(id);
    }

    /// Whether it still is, once what the page has sent meanwhile was taken in.
    pub(crate) async fn classification_wanted(&self, id: u32) -> bool {
        scope::turn().await;
        self.classification.get() == Some(id)
    }

    pub(crate) fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The entities of a text; `None` when a newer one came in between.
    ///
    /// # Errors
    /// Says in words what the network could not do. It is a fault of this program: every text has an answer.
    pub(crate) async fn analyse(
        &self,
        revision: u32,
        text: &str,
    ) -> Result<Option<Vec<Entity>>, String> {
        self.analyses.update(|count| count + 1);
        let entities = self.find(revision, text).await;
        self.analyses.update(|count| count - 1);
        entities
    }

    async fn find(&self, revision: u32, text: &str) -> Result<Option<Vec<Entity>>, String> {
        // Texts that came in together: only the last of them is cut into tokens.
        if !self.still_wanted(revision).await {
            return Ok(None);
        }
        let prepared = self.prepare(text);
        let windows = prepared.inputs.len() as u32;
        let wanted = async |done: usize| {
            scope::post(&Event::Progress {
                revision,
                done: done as u32,
                windows,
            });
            self.still_wanted(revision).await
        };
        let Some(logits) = self.logits(&prepared.inputs, wanted).await? else {
            return Ok(None);
        };
        let found = ner::finish(text, &prepared, &logits, &self.decoder)
            .map_err(|error| error.to_string())?;
        Ok(Some(self.entities(text, &found)))
    }

    /// A text ready for the network.
    pub(crate) fn prepare(&self, text: &str) -> Prepared {
        ner::prepare(text, &self.tokenizer, self.max_tokens)
    }

    /// Logits `[T, L]` of every input; `None` as soon as they are not `wanted` any more, see [`web::windows::logits`].
    ///
    /// # Errors
    /// Says in words what the network could not do.
    pub(crate) async fn logits(
        &self,
        inputs: &[Vec<u32>],
        wanted: impl AsyncFnMut(usize) -> bool,
    ) -> Result<Option<Vec<Rc<[f32]>>>, String> {
        let forward = |inputs: &[&[u32]]| {
            let mut scratch = self.scratch.borrow_mut();
            let mut logits = self.model.forward_all(inputs, &mut scratch)?;
            let of_one = |ids: &&[u32]| {
                let (these, rest) = logits.split_at(ids.len() * self.model.labels());
                logits = rest;
                Rc::from(these)
            };
            Ok::<_, engine::Error>(inputs.iter().map(of_one).collect())
        };
        web::windows::logits(inputs, &self.cache, self.max_tokens, forward, wanted)
            .await
            .map_err(|error| error.to_string())
    }

    async fn still_wanted(&self, revision: u32) -> bool {
        scope::turn().await;
        self.wanted.get() == revision
    }

    /// Waits until no text is being analysed, for what is being typed goes first, and tells whether the evaluation is still
    /// wanted then.
    pub(crate) async fn evaluation_wanted(&self, revision: u32) -> bool {
        loop {
            // An analysis takes a turn after every window, so that this one comes by now and then.
            scope::turn().await;
            if self.evaluation.get() != Some(revision) {
                return false;
            }
            if self.analyses.get() == 0 {
                return true;
            }
        }
    }

    fn entities(&self, text: &str, found: &[ner::Entity]) -> Vec<Entity> {
        let places =
            web::units::to_utf16(text, found.iter().map(|entity| entity.span.range.clone()));
        let kind = |label: &str| {
            self.decoder
                .labels
                .types()
                .iter()
                .position(|name| name == label)
        };
        found
            .iter()
            .zip(places)
            .map(|(entity, place)| Entity {
                kind: kind(&entity.span.label).expect("entities are of the labels' types") as u32,
                start_utf16: place.start as u32,
                end_utf16: place.end as u32,
                score: entity.score,
            })
            .collect()
    }
}

/// How a model did.
fn in_words(metrics: Measured) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    format!(
        "F1 {} (precision {}, recall {}) on {} documents",
        percent(metrics.f1),
        percent(metrics.precision),
        percent(metrics.recall),
        metrics.documents
    )
}

/// The folder of a model's file, such as `models/default`, as files in it are all called alike.
fn model_name(file: &str) -> String {
    let folder = file.rsplit_once('/').map_or(file, |(folder, _)| folder);
    folder.to_owned()
}
