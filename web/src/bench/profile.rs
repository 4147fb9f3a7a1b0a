//! Where the time of a forward pass goes, step by step, and how near the products come to the
//! fastest that any product could be.

use engine::{Error, Model, Scratch, Step};
use js_sys::{Reflect, global};
use ner::model::Config;
use serde::Serialize;
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use web_sys::Performance;

use crate::peak::Peak;

/// Turns of the peak's loop between two passes: some milliseconds.
const TURNS: u32 = 1_000_000;

/// Times of several passes, and of the peak's loop before each of them.
#[derive(Serialize)]
pub(crate) struct Profile {
    /// Products of bytes that the loop has; zero where there is none.
    peak_products: f64,
    peak_ms: Vec<f64>,
    steps: Vec<Total>,
}

/// All steps of a name.
#[derive(Serialize)]
struct Total {
    step: &'static str,
    /// Products of numbers that the step's matrix products have, in one pass.
    products: f64,
    /// Whether they are of bytes.
    int8: bool,
    /// Of each pass.
    ms: Vec<f64>,
}

impl Profile {
    /// Of so many passes over one input.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub(crate) fn of(
        model: &Model,
        config: &Config,
        ids: &[u32],
        passes: usize,
        scratch: &mut Scratch,
    ) -> Result<Self, Error> {
        let clock: Performance = Reflect::get(&global(), &"performance".into())
            .expect_throw("a global object")
            .unchecked_into();
        let peak = Peak::of(&model.isa().to_string());
        let mut peak_ms = Vec::new();
        let mut steps: Vec<(Step, Vec<f64>)> = Vec::new();
        for pass in 0..passes {
            if let Some(peak) = &peak {
                let start = clock.now();
                peak.run(TURNS);
                peak_ms.push(clock.now() - start);
            }
            let mut before = clock.now();
            model.forward_observed(&[ids], scratch, |step| {
                let now = clock.now();
                let at = steps.iter().position(|(known, _)| *known == step);
                let at = at.unwrap_or_else(|| {
                    steps.push((step, vec![0.0; passes]));
                    steps.len() - 1
                });
                steps[at].1[pass] += now - before;
                before = now;
            })?;
        }
        let total = |(step, ms)| Total {
            step: name(step),
            int8: matches!(
                step,
                Step::QueryKeyValue | Step::AttentionOutput | Step::Intermediate | Step::Output
            ),
            products: products(step, config, ids.len() as f64, model.labels() as f64),
            ms,
        };
        Ok(Self {
            peak_products: peak.map_or(0.0, |peak| f64::from(TURNS) * peak.products as f64),
            peak_ms,
            steps: steps.into_iter().map(total).collect(),
        })
    }
}

/// As the report prints it.
fn name(step: Step) -> &'static str {
    match step {
        Step::Embeddings => "embeddings",
        Step::QueryKeyValue => "queries, keys, values",
        Step::Attention => "attention",
        Step::AttentionOutput => "attention's output",
        Step::AddLayerNorm => "residual, LayerNorm, quantization",
        Step::Intermediate => "feed-forward, in, with GELU",
        Step::Output => "feed-forward, out",
        Step::Quantize => "quantization of what attention and GELU give",
        Step::Classifier => "classifier",
    }
}

/// Those of all layers together.
fn products(step: Step, config: &Config, tokens: f64, labels: f64) -> f64 {
    let [layers, hidden, intermediate] = [
        config.num_hidden_layers,
        config.hidden_size,
        config.intermediate_size,
    ]
    .map(|size| size as f64);
    match step {
        Step::QueryKeyValue => layers * tokens * hidden * 3.0 * hidden,
        Step::Attention => layers * 2.0 * tokens * tokens * hidden,
        Step::AttentionOutput => layers * tokens * hidden * hidden,
        Step::Intermediate | Step::Output => layers * tokens * hidden * intermediate,
        Step::Classifier => tokens * hidden * labels,
        Step::Embeddings | Step::AddLayerNorm | Step::Quantize => 0.0,
    }
}
