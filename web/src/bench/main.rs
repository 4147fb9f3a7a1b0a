//! The engine alone, for `cargo xtask bench`: no texts, no messages, only forward passes.
#![forbid(unsafe_code)]

mod peak;
mod profile;

use std::sync::{Arc, OnceLock};

use engine::{Model, Scratch, Team};
use ner::model::{Bundle, Config};
use wasm_bindgen::prelude::*;

use profile::Profile;

/// Whom helpers help. One memory means one set of statics.
static TEAM: OnceLock<Arc<Team>> = OnceLock::new();

fn main() {}

/// A loaded model.
#[wasm_bindgen]
pub struct Engine {
    model: Model,
    config: Config,
    team: Arc<Team>,
    scratch: Scratch,
}

#[wasm_bindgen]
impl Engine {
    /// Reads an exported file. So many threads work on an input, this one and workers that call [`help`]; only
    /// this one in a build without shared memory.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    #[wasm_bindgen(constructor)]
    pub fn new(file: &[u8], threads: usize) -> Result<Self, JsError> {
        let threads = if cfg!(target_feature = "atomics") {
            threads
        } else {
            1
        };
        let team = TEAM.get_or_init(|| Arc::new(Team::waiting_for_help(threads)));
        let bundle = Bundle::read("the model", file)?;
        Ok(Self {
            config: bundle.config().clone(),
            model: Model::new(bundle)?,
            team: Arc::clone(team),
            scratch: Scratch::with_team(Arc::clone(team)),
        })
    }

    /// Logits of inputs of `tokens` ids each, one behind the other.
    ///
    /// # Errors
    /// As [`Model::forward_all`].
    pub fn forward(&mut self, ids: &[u32], tokens: usize) -> Result<Vec<f32>, JsError> {
        let inputs: Vec<&[u32]> = ids.chunks(tokens).collect();
        Ok(self.model.forward_all(&inputs, &mut self.scratch)?.to_vec())
    }

    /// Where the time of a forward pass over one input goes: a `Profile` of so many passes.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn profile(&mut self, ids: &[u32], passes: usize) -> Result<JsValue, JsError> {
        let Self {
            model,
            config,
            scratch,
            ..
        } = self;
        let profile = Profile::of(model, config, ids, passes, scratch)?;
        Ok(serde_wasm_bindgen::to_value(&profile)?)
    }

    /// The variant of the kernels that runs.
    pub fn kernels(&self) -> String {
        self.model.isa().to_string()
    }

    /// Threads that share a forward pass, once all helpers have come.
    pub fn threads(&self) -> usize {
        self.team.threads()
    }

    /// Helpers that have come so far.
    pub fn helpers(&self) -> usize {
        self.team.helpers()
    }
}

/// Gives a worker to the engine that runs on the same memory, for as long as the worker lives.
#[wasm_bindgen]
pub fn help() {
    let team = TEAM
        .get()
        .expect("the engine makes its team before helpers");
    team.help();
}
