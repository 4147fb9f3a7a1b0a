//! A whole forward pass on one thread over random weights, with the sizes of MiniLM and of
//! BERT-base. `cargo bench -p engine --bench forward`

use std::collections::HashMap;

use divan::Bencher;
use divan::counter::ItemsCount;
use engine::{Isa, Model, Scratch};
use ner::model::{Bundle, Config, bundle, tensors};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const TOKENS: [usize; 4] = [16, 128, 256, 512];

/// The tokenizer is not used; a file must have one.
const TOKENIZER: &str = include_str!("../tests/goldens/tiny_bert/tokenizer.json");

fn main() {
    divan::main();
}

#[divan::bench(args = TOKENS, sample_count = 20)]
fn minilm_int8(bencher: Bencher, tokens: usize) {
    run(
        bencher,
        Bundle::read("random", &int8_file(&minilm())).expect("a valid file"),
        tokens,
    );
}

#[divan::bench(args = TOKENS, sample_count = 20)]
fn minilm_f32(bencher: Bencher, tokens: usize) {
    let config = minilm();
    run(
        bencher,
        float_bundle(&config, &random_weights(&config)),
        tokens,
    );
}

#[divan::bench(args = TOKENS, sample_count = 20)]
fn base_int8(bencher: Bencher, tokens: usize) {
    let config = config(12, 768, 28_996);
    run(
        bencher,
        Bundle::read("random", &int8_file(&config)).expect("a valid file"),
        tokens,
    );
}

/// Times the fastest variant, once its logits have been found to be those of the definition.
fn run(bencher: Bencher, bundle: Bundle, tokens: usize) {
    let ids: Vec<u32> = (0..tokens as u32)
        .map(|i| (i * 7919 + 13) % 28_000)
        .collect();
    let mut scratch = Scratch::default();
    let model = Model::new(bundle.clone()).expect("a supported model");
    let definition = Isa::available().next().expect("the scalar variant");
    let definition = Model::with_isa(bundle, definition).expect("a supported model");
    let few = &ids[..16];
    let expected = definition
        .forward(few, &mut scratch)
        .expect("a valid input")
        .to_vec();
    assert_eq!(
        model.forward(few, &mut scratch).expect("a valid input"),
        expected
    );
    bencher
        .counter(ItemsCount::new(tokens))
        .bench_local(|| model.forward(&ids, &mut scratch).expect("a valid input")[0]);
}

fn minilm() -> Config {
    config(6, 384, 30_522)
}

fn config(layers: usize, hidden: usize, vocab: usize) -> Config {
    let json = format!(
        r#"{{"model_type": "bert", "vocab_size": {vocab}, "hidden_size": {hidden},
            "num_hidden_layers": {layers}, "num_attention_heads": 12,
            "intermediate_size": {}, "id2label": {{"0": "O", "1": "B-X", "2": "I-X"}}}}"#,
        4 * hidden
    );
    Config::from_json(&json).expect("a valid configuration")
}

/// The bytes of a `model.safetensors`; gains around 1, everything else around 0.
fn random_weights(config: &Config) -> Vec<u8> {
    let mut state = 1u32;
    let mut value = |center: f32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (center + state.cast_signed() as f32 / (1u32 << 31) as f32 * 0.1).to_le_bytes()
    };
    let specs = tensors::specs(config, config.id2label.len());
    let data: HashMap<&str, Vec<u8>> = specs
        .iter()
        .map(|spec| {
            let center = if spec.name.ends_with("LayerNorm.weight") {
                1.0
            } else {
                0.0
            };
            (
                spec.name.as_str(),
                (0..spec.len()).flat_map(|_| value(center)).collect(),
            )
        })
        .collect();
    let views = specs.iter().map(|spec| {
        let view = TensorView::new(Dtype::F32, spec.shape.clone(), &data[spec.name.as_str()]);
        (
            &spec.name,
            view.expect("as many bytes as the shape asks for"),
        )
    });
    safetensors::serialize(views, None).expect("a valid header")
}

fn float_bundle<'a>(config: &Config, weights: &'a [u8]) -> Bundle<'a> {
    let bundle = Bundle::from_fine_tuned("random", &config.to_json(), TOKENIZER, weights);
    bundle.expect("a valid model")
}

fn int8_file(config: &Config) -> Vec<u8> {
    bundle::write(&float_bundle(config, &random_weights(config))).expect("a float model")
}
