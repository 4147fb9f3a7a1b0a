//! candle-transformers' BERT as a second oracle for the float path.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::BertModel;
use engine::{Model, Scratch};
use ner::model::Bundle;

const CONFIG: &str = include_str!("goldens/tiny_bert/config.json");
const TOKENIZER: &str = include_str!("goldens/tiny_bert/tokenizer.json");
const WEIGHTS: &[u8] = include_bytes!("goldens/tiny_bert/model.safetensors");

/// Relative to the largest logit: both sides compute in F32, candle in another order.
const ERROR: f32 = 5e-6;

#[test]
fn logits_are_candles() -> Result<()> {
    let weights = VarBuilder::from_slice_safetensors(WEIGHTS, DType::F32, &Device::Cpu)?;
    let config = serde_json::from_str(CONFIG).expect("a BERT configuration");
    let encoder = BertModel::load(weights.pp("bert"), &config)?;
    let classifier = candle_nn::linear(36, 11, weights.pp("classifier"))?;

    let bundle = Bundle::from_fine_tuned("tiny_bert", CONFIG, TOKENIZER, WEIGHTS);
    let model = Model::new(bundle.expect("a valid model")).expect("a supported model");
    let mut scratch = Scratch::default();
    for tokens in 1..=40 {
        let ids: Vec<u32> = (0..tokens).map(|i| 5 + (i * 37 + tokens) % 115).collect();
        let input = Tensor::new(&ids[..], &Device::Cpu)?.unsqueeze(0)?;
        let hidden = encoder.forward(&input, &input.zeros_like()?, None)?;
        let expected = candle_nn::Module::forward(&classifier, &hidden)?.flatten_all()?;
        let expected = expected.to_vec1::<f32>()?;
        let found = model.forward(&ids, &mut scratch).expect("a valid input");
        assert_eq!(found.len(), expected.len(), "{tokens} tokens");
        let scale = expected.iter().fold(0.0f32, |scale, x| scale.max(x.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            let error = (found - expected).abs() / scale;
            assert!(
                error <= ERROR,
                "{tokens} tokens: {found}, expected {expected}"
            );
        }
    }
    Ok(())
}
