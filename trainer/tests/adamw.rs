//! AdamW, clipping and the learning rate schedule against PyTorch and transformers.

use std::collections::HashMap;

use candle_core::{Device, Tensor, Var};
use serde_json::Value;
use trainer::adamw::{AdamW, Options};
use trainer::schedule::Linear;

const GOLDEN: &str = include_str!("goldens/adamw.json");

/// Differences of F32 state to PyTorch's F64 after seven steps, values being about 1: some units in
/// the last place.
const PRECISION: f64 = 2e-6;

fn floats(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap() as f32)
        .collect()
}

/// As in the script: most values get a gradient late or never.
fn late_gradient(step: usize) -> Vec<f32> {
    let mut gradient = vec![0f32; 3000];
    let end = if step < 4 { 10 } else { 1500 };
    for i in (0..end).step_by(5) {
        gradient[i] = (0.01 * (step + 1) as f64) as f32;
    }
    if step >= 4 {
        gradient[2900..2910].fill(-0.02);
    }
    gradient
}

#[test]
fn steps_equal_pytorch() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let number = |name: &str| golden[name].as_f64().unwrap();
    let names = ["a.weight", "a.bias", "b.LayerNorm.weight", "c.weight"];
    let vars: HashMap<&str, Var> = names
        .iter()
        .map(|&name| {
            let values = match name {
                "c.weight" => (0..3000).map(|i| ((i % 17) - 8) as f32 / 8.0).collect(),
                _ => floats(&golden["initial"][name]),
            };
            let count = values.len();
            (
                name,
                Var::from_tensor(&Tensor::from_vec(values, count, &Device::Cpu).unwrap()).unwrap(),
            )
        })
        .collect();
    let options = Options {
        weight_decay: number("weight_decay"),
        max_norm: number("max_norm"),
        ..Options::default()
    };
    let steps = golden["steps"].as_array().unwrap();
    let schedule = Linear {
        peak: number("peak"),
        warmup: number("warmup") as usize,
        total: steps.len(),
    };
    let mut optimizer = AdamW::new(
        names.map(|name| (name.to_owned(), vars[name].clone())),
        options,
    )
    .unwrap();
    let mut clipped = 0;
    for (i, step) in steps.iter().enumerate() {
        // The gradient of `sum(parameter * g)` is g.
        let terms = names.map(|name| {
            let gradient = if name == "c.weight" {
                late_gradient(i)
            } else {
                floats(&step["gradients"][name])
            };
            let gradient = Tensor::new(gradient, &Device::Cpu).unwrap();
            vars[name].mul(&gradient).unwrap().sum_all().unwrap()
        });
        let loss = terms.into_iter().reduce(|a, b| (a + b).unwrap()).unwrap();
        let rate = schedule.rate(i);
        assert!(
            (rate - step["rate"].as_f64().unwrap()).abs() < 1e-15,
            "step {i}: rate {rate}"
        );
        let norm = optimizer.step(&loss.backward().unwrap(), rate).unwrap();
        let expected = step["norm"].as_f64().unwrap();
        assert!(
            (norm - expected).abs() < PRECISION * expected,
            "step {i}: norm {norm}, expected {expected}"
        );
        clipped += usize::from(norm > 1.0);
        for name in names {
            let found = vars[name].as_tensor().to_vec1::<f32>().unwrap();
            let expected: Vec<(usize, f64)> = match &step["values"][name] {
                Value::Object(picks) => picks
                    .iter()
                    .map(|(i, v)| (i.parse().unwrap(), v.as_f64().unwrap()))
                    .collect(),
                values => floats(values)
                    .into_iter()
                    .map(f64::from)
                    .enumerate()
                    .collect(),
            };
            for (j, expected) in expected {
                let error = (f64::from(found[j]) - expected).abs();
                assert!(
                    error < PRECISION,
                    "step {i}: {name}[{j}] is {}, expected {expected}",
                    found[j]
                );
            }
        }
    }
    assert!(
        clipped > 0 && clipped < steps.len(),
        "the golden has steps of both kinds, {clipped} clipped"
    );
}

#[test]
fn schedules_equal_transformers() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    for case in golden["schedules"].as_array().unwrap() {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let schedule = Linear {
            peak: case["peak"].as_f64().unwrap(),
            warmup: number("warmup"),
            total: number("total"),
        };
        for (step, expected) in case["rates"].as_array().unwrap().iter().enumerate() {
            let expected = expected.as_f64().unwrap();
            assert!(
                (schedule.rate(step) - expected).abs() < 1e-15,
                "{case} at {step}: {}",
                schedule.rate(step)
            );
        }
    }
    // Hugging Face's trainer rounds the warm-up's steps up.
    assert_eq!(Linear::new(1.0, 0.1, 101).warmup, 11);
}

#[test]
fn gradients_that_are_missing_or_not_finite_change_nothing() {
    let var = |value: f32| Var::from_tensor(&Tensor::new(&[value], &Device::Cpu).unwrap()).unwrap();
    let (a, b) = (var(1.0), var(2.0));
    let parameters = [
        ("a.weight".to_owned(), a.clone()),
        ("b.weight".to_owned(), b.clone()),
    ];
    let mut optimizer = AdamW::new(parameters, Options::default()).unwrap();
    let only_a = a.sum_all().unwrap().backward().unwrap();
    let message = format!("{:#}", optimizer.step(&only_a, 0.1).unwrap_err());
    assert!(message.contains("b.weight"), "{message}");
    let infinite = (a.as_tensor() * b.as_tensor())
        .unwrap()
        .affine(f64::INFINITY, 0.0)
        .unwrap()
        .sum_all()
        .unwrap();
    assert!(optimizer.step(&infinite.backward().unwrap(), 0.1).is_err());
    assert_eq!(
        (a.to_vec1::<f32>().unwrap(), b.to_vec1::<f32>().unwrap()),
        (vec![1.0], vec![2.0])
    );
}
