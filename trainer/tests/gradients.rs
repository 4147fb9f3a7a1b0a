//! Loss, logits and the gradient of every parameter against PyTorch in double precision, and the
//! first steps of training.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use ner::boundary::Boundary;
use ner::model::Config;
use safetensors::SafeTensors;
use trainer::adamw::{AdamW, Options};
use trainer::batch::{Batch, Example};
use trainer::bert::{Bert, Mode};
use trainer::schedule::Linear;

const GOLDEN: &[u8] = include_bytes!("goldens/gradients.safetensors");

/// Largest difference to PyTorch's F64, as a part of the tensor's largest value: sums of some
/// hundred F32 products.
const PRECISION: f64 = 5e-6;

/// Keys of attention shift every score of a query by the same amount, which softmax undoes: the
/// bias of the key projection has a gradient of zero, and what either side finds is rounding. It is
/// held against the query bias's gradient instead.
const KEY_BIAS: &str = "attention.self.key.bias";

struct Golden {
    bert: Bert,
    batch: Batch,
    loss: f64,
    tensors: HashMap<String, Tensor>,
}

fn golden() -> Golden {
    let (_, metadata) = SafeTensors::read_metadata(GOLDEN).unwrap();
    let config = Config::from_json(&metadata.metadata().as_ref().unwrap()["config"]).unwrap();
    let tensors = candle_core::safetensors::load_buffer(GOLDEN, &Device::Cpu).unwrap();
    let weights = tensors.iter().filter_map(|(name, tensor)| {
        Some((name.strip_prefix("weight.")?.to_owned(), tensor.clone()))
    });
    let (bert, drawn) = Bert::new(config, weights.collect(), 0, &Device::Cpu).unwrap();
    assert!(drawn.is_empty(), "{drawn:?}");

    let rows = |name: &str| {
        tensors[name]
            .to_dtype(DType::I64)
            .unwrap()
            .to_vec2::<i64>()
            .unwrap()
    };
    let lengths = tensors["lengths"].to_vec1::<i64>().unwrap();
    let examples = rows("ids")
        .into_iter()
        .zip(rows("targets"))
        .zip(&lengths)
        .map(|((ids, targets), &length)| Example {
            ids: ids[..length as usize].iter().map(|&id| id as u32).collect(),
            targets: targets[..length as usize]
                .iter()
                .map(|&target| u32::try_from(target).ok())
                .collect(),
            boundaries: vec![Boundary::Word; length as usize],
            cut: vec![false; length as usize],
        });
    let batch = Batch::of(&examples.collect::<Vec<_>>());
    let loss = tensors["loss"].to_vec1::<f64>().unwrap()[0];
    Golden {
        bert,
        batch,
        loss,
        tensors,
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor
        .to_dtype(DType::F64)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |a, b| a.max(b.abs()))
}

/// Largest difference as a part of `scale`.
fn difference(found: &[f64], expected: &[f64], scale: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    largest(
        &found
            .iter()
            .zip(expected)
            .map(|(f, e)| f - e)
            .collect::<Vec<_>>(),
    ) / scale
}

fn check_gradients(name: &str, loss: impl Fn(&Golden) -> anyhow::Result<Tensor>) {
    let golden = golden();
    let loss = loss(&golden).unwrap();
    let value = f64::from(loss.to_scalar::<f32>().unwrap());
    assert!(
        (value - golden.loss).abs() < PRECISION * golden.loss,
        "{name}: loss {value}, expected {}",
        golden.loss
    );
    let gradients = loss.backward().unwrap();
    let mut checked = 0;
    for (parameter, var) in golden.bert.parameters() {
        let expected = |parameter: &str| values(&golden.tensors[&format!("gradient.{parameter}")]);
        let found = values(
            gradients
                .get(var)
                .unwrap_or_else(|| panic!("{name}: {parameter} has no gradient")),
        );
        let scale = match parameter.strip_suffix(KEY_BIAS) {
            Some(layer) => largest(&expected(&format!("{layer}attention.self.query.bias"))),
            None => largest(&expected(parameter)),
        };
        assert!(scale > 0.0, "{parameter}: a golden of zeros proves nothing");
        let difference = difference(&found, &expected(parameter), scale);
        assert!(
            difference < PRECISION,
            "{name}: {parameter} differs by {difference:e} of its largest gradient"
        );
        checked += 1;
    }
    let expected = golden
        .tensors
        .keys()
        .filter(|name| name.starts_with("gradient."))
        .count();
    assert_eq!(checked, expected, "parameters with a golden gradient");
}

#[test]
fn every_gradient_equals_pytorch() {
    check_gradients("fused", |golden| {
        golden.bert.loss(&golden.batch, Mode::Train { seed: 0 })
    });
}

#[test]
fn every_gradient_of_the_composite_form_equals_pytorch() {
    check_gradients("composite", |golden| {
        golden
            .bert
            .composite_loss(&golden.batch, Mode::Train { seed: 0 })
    });
}

#[test]
fn logits_equal_pytorch() {
    let golden = golden();
    let found = values(&golden.bert.logits(&golden.batch, Mode::Evaluate).unwrap());
    let padded = golden.tensors["logits"].to_vec3::<f32>().unwrap();
    let lengths = golden.batch.starts.windows(2).map(|pair| pair[1] - pair[0]);
    let expected: Vec<f64> = padded
        .iter()
        .zip(lengths)
        .flat_map(|(rows, length)| rows[..length].concat())
        .map(f64::from)
        .collect();
    let difference = difference(&found, &expected, largest(&expected));
    assert!(difference < PRECISION, "{difference:e}");
}

/// What twenty steps of F32 may differ from F64 by, relatively: each step's rounding is in all later ones.
const STEPS_PRECISION: f64 = 1e-4;

#[derive(serde::Deserialize)]
struct Steps {
    rate: f64,
    warmup: usize,
    weight_decay: f64,
    max_norm: f64,
    batches: Vec<Vec<Sequence>>,
    losses: Vec<f64>,
    norms: Vec<f64>,
    weight_norms: HashMap<String, f64>,
}

#[derive(serde::Deserialize)]
struct Sequence {
    ids: Vec<u32>,
    targets: Vec<Option<u32>>,
}

/// Gradients, clipping, schedule, bias correction and decay together, as Hugging Face's Trainer has them.
#[test]
fn twenty_steps_are_those_of_hugging_faces_trainer() {
    let golden = golden();
    let steps: Steps = serde_json::from_str(include_str!("goldens/steps.json")).unwrap();
    let parameters = golden.bert.parameters();
    let parameters = parameters.map(|(name, var)| (name.to_owned(), var.clone()));
    let options = Options {
        weight_decay: steps.weight_decay,
        max_norm: steps.max_norm,
        ..Options::default()
    };
    let mut optimizer = AdamW::new(parameters, options).unwrap();
    let total = steps.batches.len();
    let ratio = steps.warmup as f64 / total as f64;
    let schedule = Linear::new(steps.rate, ratio, total);
    let check = |what: &str, found: f64, expected: f64| {
        let difference = (found - expected).abs() / expected.abs();
        assert!(
            difference < STEPS_PRECISION,
            "{what}: {found}, expected {expected}"
        );
    };
    for (step, batch) in steps.batches.iter().enumerate() {
        let examples = batch.iter().map(|Sequence { ids, targets }| Example {
            ids: ids.clone(),
            targets: targets.clone(),
            boundaries: vec![Boundary::Word; ids.len()],
            cut: vec![false; ids.len()],
        });
        let batch = Batch::of(&examples.collect::<Vec<_>>());
        let mode = Mode::Train { seed: step as u64 };
        let loss = golden.bert.loss(&batch, mode).unwrap();
        let value = f64::from(loss.to_scalar::<f32>().unwrap());
        check(&format!("loss of step {step}"), value, steps.losses[step]);
        let gradients = loss.backward().unwrap();
        let norm = optimizer.step(&gradients, schedule.rate(step)).unwrap();
        check(&format!("norm of step {step}"), norm, steps.norms[step]);
    }
    for (name, var) in golden.bert.parameters() {
        // Where the gradient is rounding alone, so are the steps.
        if !name.ends_with(KEY_BIAS) {
            let square: f64 = values(var.as_tensor())
                .iter()
                .map(|value| value * value)
                .sum();
            check(name, square.sqrt(), steps.weight_norms[name]);
        }
    }
}

#[test]
fn every_parameter_moves_and_the_loss_falls() {
    let golden = golden();
    let before: Vec<Vec<f64>> = golden
        .bert
        .parameters()
        .map(|(_, var)| values(var.as_tensor()))
        .collect();
    let parameters = golden
        .bert
        .parameters()
        .map(|(name, var)| (name.to_owned(), var.clone()));
    // Without decay, so that only a gradient moves anything.
    let options = Options {
        weight_decay: 0.0,
        ..Options::default()
    };
    let mut optimizer = AdamW::new(parameters, options).unwrap();
    let loss = || {
        golden
            .bert
            .loss(&golden.batch, Mode::Evaluate)
            .unwrap()
            .to_scalar::<f32>()
            .unwrap()
    };
    let first = loss();
    for seed in 0..10 {
        let gradients = golden
            .bert
            .loss(&golden.batch, Mode::Train { seed })
            .unwrap()
            .backward()
            .unwrap();
        optimizer.step(&gradients, 1e-3).unwrap();
    }
    assert!(loss() < first, "the loss went from {first} to {}", loss());
    for ((name, var), before) in golden.bert.parameters().zip(before) {
        // The key bias has no gradient but rounding, which AdamW's normalization may or may not let
        // through.
        if !name.ends_with(KEY_BIAS) {
            let moved = values(var.as_tensor())
                .iter()
                .zip(&before)
                .any(|(after, before)| after != before);
            assert!(moved, "{name} did not move");
        }
    }
}

#[test]
fn dropout_changes_the_loss_with_the_seed_only() {
    let Golden {
        bert,
        batch,
        tensors,
        ..
    } = golden();
    let mut config = bert.config().clone();
    config.hidden_dropout_prob = 0.2;
    config.attention_probs_dropout_prob = 0.2;
    let weights = tensors.iter().filter_map(|(name, tensor)| {
        Some((name.strip_prefix("weight.")?.to_owned(), tensor.clone()))
    });
    let (bert, _) = Bert::new(config, weights.collect(), 0, &Device::Cpu).unwrap();
    let loss = |mode| f64::from(bert.loss(&batch, mode).unwrap().to_scalar::<f32>().unwrap());
    let composite = |mode| {
        f64::from(
            bert.composite_loss(&batch, mode)
                .unwrap()
                .to_scalar::<f32>()
                .unwrap(),
        )
    };
    let mode = |seed| Mode::Train { seed };
    assert_eq!(loss(mode(1)), loss(mode(1)));
    assert_ne!(loss(mode(1)), loss(mode(2)));
    assert_ne!(loss(mode(1)), loss(Mode::Evaluate));
    for seed in 0..5 {
        let (fused, composite) = (loss(mode(seed)), composite(mode(seed)));
        assert!(
            (fused - composite).abs() < PRECISION * composite,
            "seed {seed}: {fused}, composite {composite}"
        );
    }
}

#[test]
fn inputs_that_the_model_cannot_embed_are_errors() {
    let Golden { bert, .. } = golden();
    let message = |ids: &[u32]| {
        format!(
            "{:#}",
            bert.logits(&Batch::single(ids), Mode::Evaluate)
                .unwrap_err()
        )
    };
    assert!(
        message(&[1, 40]).contains("token id 40"),
        "{}",
        message(&[1, 40])
    );
    assert!(
        message(&[1; 25]).contains("25 tokens"),
        "{}",
        message(&[1; 25])
    );
    assert!(bert.loss(&Batch::single(&[1, 2]), Mode::Evaluate).is_err());
}
