//! A tiny random BERT: its logits against PyTorch's, and what does not fit it against its errors.

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::sync::Arc;

use engine::{Error, Isa, Model, Scratch, Team};
use ner::model::{Bundle, bundle};

const CONFIG: &str = include_str!("goldens/tiny_bert/config.json");
const TOKENIZER: &str = include_str!("goldens/tiny_bert/tokenizer.json");
const WEIGHTS: &[u8] = include_bytes!("goldens/tiny_bert/model.safetensors");
const LOGITS: &str = include_str!("goldens/tiny_bert/logits.json");

/// Errors relative to the largest logit of an input.
///
/// F32 against PyTorch's F64: some fifty roundings of 6e-8 one after the other.
const FLOAT_ERROR: f64 = 2e-6;
/// int8 against the same roundings to integers in F64: the same F32 error, and that of a few weights of
/// attention that lie so near the middle of two integers that they round the other way, 1/32767 of a
/// value each. The inputs are chosen so that no activation of 8 bits does.
const INT8_ERROR: f64 = 1e-5;
/// int8 against float: two layers of weights and activations with a relative error of 1/255 each, which
/// attention that is far from even makes ten times larger.
const QUANTIZATION_ERROR: f64 = 0.08;

/// FNV-1a of the bits of all logits in the order of `logits.json`. The same in every variant, on
/// every machine and in every browser.
const FLOAT_HASH: u64 = 0x8c8f_e107_2009_4891;
const INT8_HASH: u64 = 0xa960_688c_992d_f61e;

struct Case {
    ids: Vec<u32>,
    float: Vec<f64>,
    int8: Vec<f64>,
}

fn cases() -> Vec<Case> {
    let json: serde_json::Value = serde_json::from_str(LOGITS).expect("logits.json is JSON");
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value
            .as_array()
            .expect("an array")
            .iter()
            .map(|x| x.as_f64().expect("a number"))
            .collect()
    };
    let case = |case: &serde_json::Value| Case {
        ids: numbers(&case["ids"])
            .into_iter()
            .map(|id| id as u32)
            .collect(),
        float: numbers(&case["float"]),
        int8: numbers(&case["int8"]),
    };
    json.as_array()
        .expect("an array")
        .iter()
        .map(case)
        .collect()
}

fn float_bundle(config: &str, weights: &'static [u8]) -> Bundle<'static> {
    Bundle::from_fine_tuned("tiny_bert", config, TOKENIZER, weights).expect("a valid model")
}

fn float_model(isa: Isa) -> Model {
    Model::with_isa(float_bundle(CONFIG, WEIGHTS), isa).expect("a supported model")
}

fn int8_model(isa: Isa) -> Model {
    let file = bundle::write(&float_bundle(CONFIG, WEIGHTS)).expect("a float model");
    let bundle = Bundle::read("tiny_bert.safetensors", &file).expect("a valid file");
    Model::with_isa(bundle, isa).expect("a supported model")
}

fn check(model: &Model, scratch: &mut Scratch, ids: &[u32], expected: &[f64], error: f64) {
    let found = model.forward(ids, scratch).expect("a valid input");
    assert_eq!(found.len(), expected.len(), "{} tokens", ids.len());
    let scale = expected.iter().fold(0.0f64, |scale, x| scale.max(x.abs()));
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(found) - expected).abs() / scale;
        assert!(
            difference <= error,
            "{} tokens, logit {i}: {found}, expected {expected}, off by {difference:.1e}",
            ids.len()
        );
    }
}

#[test]
fn logits_are_pytorchs() {
    let cases = cases();
    for isa in Isa::available() {
        let (float, int8) = (float_model(isa), int8_model(isa));
        // Longer and shorter inputs by turns through the same buffers: nothing must be left over.
        let mut scratch = Scratch::default();
        for Case {
            ids,
            float: expected,
            int8: expected_int8,
        } in cases.iter().chain(cases.iter().rev())
        {
            check(&float, &mut scratch, ids, expected, FLOAT_ERROR);
            check(&int8, &mut scratch, ids, expected_int8, INT8_ERROR);
            check(&int8, &mut scratch, ids, expected, QUANTIZATION_ERROR);
        }
    }
}

#[test]
fn logits_are_the_same_bits_everywhere() {
    let hash = |model: &Model| {
        let mut scratch = Scratch::default();
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for case in cases() {
            for logit in model
                .forward(&case.ids, &mut scratch)
                .expect("a valid input")
            {
                for byte in logit.to_le_bytes() {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
                }
            }
        }
        hash
    };
    for isa in Isa::available() {
        let found = (hash(&float_model(isa)), hash(&int8_model(isa)));
        assert_eq!(
            found,
            (FLOAT_HASH, INT8_HASH),
            "{}: ({:#018x}, {:#018x})",
            isa,
            found.0,
            found.1
        );
    }
}

#[test]
fn neither_threads_nor_company_change_a_bit() {
    let cases = cases();
    let inputs: Vec<&[u32]> = cases.iter().map(|case| &case.ids[..]).collect();
    #[cfg(target_family = "wasm")]
    let several = Team::waiting_for_help(3);
    #[cfg(not(target_family = "wasm"))]
    let several = Team::new(3).expect("two threads");
    let mut several = Scratch::with_team(Arc::new(several));
    for model in [float_model(Isa::detect()), int8_model(Isa::detect())] {
        let mut alone = Vec::new();
        for ids in &inputs {
            let mut scratch = Scratch::default();
            alone.extend_from_slice(model.forward(ids, &mut scratch).expect("a valid input"));
        }
        for scratch in [&mut Scratch::default(), &mut several] {
            let together = model.forward_all(&inputs, scratch).expect("valid inputs");
            assert_eq!(together, alone);
        }
    }
}

#[test]
fn inputs_that_do_not_fit() {
    let model = float_model(Isa::detect());
    assert_eq!((model.labels(), model.positions()), (11, 40));
    let check = |ids: &[u32], error: Error| {
        let mut scratch = Scratch::default();
        assert_eq!(model.forward(ids, &mut scratch), Err(error), "{ids:?}");
        model
            .forward(&[2, 5, 3], &mut scratch)
            .expect("a valid input after a bad one");
    };
    let unknown = |id, position| Error::UnknownToken {
        id,
        position,
        vocab_size: 120,
    };
    check(&[], Error::Empty);
    check(
        &[5; 41],
        Error::TooLong {
            tokens: 41,
            positions: 40,
        },
    );
    check(&[2, 120, 3], unknown(120, 1));
    check(&[2, 3, u32::MAX], unknown(u32::MAX, 2));
}

#[test]
fn models_that_cannot_run() {
    let config = CONFIG.replace("\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": 1e-60");
    let error = Model::new(float_bundle(&config, WEIGHTS)).expect_err("no such epsilon in F32");
    let Error::Unsupported(message) = error else {
        panic!("{error:?}");
    };
    assert!(message.starts_with("layer_norm_eps is 1"), "{message}");

    // Every weight is finite, but not what they come to.
    let mut weights = WEIGHTS.to_vec();
    let header = u64::from_le_bytes(*weights.first_chunk().expect("a header")) as usize;
    let layout: serde_json::Value = serde_json::from_slice(&weights[8..8 + header]).expect("JSON");
    let at = layout["classifier.weight"]["data_offsets"][0]
        .as_u64()
        .expect("an offset") as usize;
    for value in weights[8 + header + at..]
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .take(36)
    {
        *value = 3e38f32.to_le_bytes();
    }
    let model = Model::new(float_bundle(CONFIG, weights.leak())).expect("a supported model");
    let mut scratch = Scratch::default();
    let error = model
        .forward(&[2, 5, 3], &mut scratch)
        .expect_err("an overflow");
    assert_eq!(error, Error::Overflow { position: 0 });
}
