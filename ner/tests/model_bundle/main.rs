//! The exported file: what is written is read back, and nothing that is damaged is.

mod damage;
mod file;

use ner::Error;
use ner::model::bundle::{self, Values};
use ner::model::card::{Card, Measured};
use ner::model::quant::quantize_rows;
use ner::model::tensors::{Role, specs};
use ner::model::{Bundle, Incoming};
use serde_json::Value;

use file::{config, exported, fine_tuned, tokenizer};

const FILE: &str = "some/model.safetensors";

/// Reads a file as a whole, after it has been found to give the same model or the same error when it
/// arrives in pieces.
fn read(file: &[u8]) -> Result<Bundle<'_>, Error> {
    let whole = Bundle::read(FILE, file);
    for size in [13, 4096, usize::MAX] {
        let mut incoming = Incoming::new(FILE);
        for piece in file.chunks(size) {
            incoming.push(piece).unwrap();
        }
        match (&whole, incoming.finish()) {
            (Ok(whole), Ok(pieces)) => {
                assert_eq!(whole.config(), pieces.config());
                assert_eq!(whole.tokenizer_json(), pieces.tokenizer_json());
                assert_eq!(whole.source_sha256(), pieces.source_sha256());
                assert_eq!(whole.card(), pieces.card());
                assert!(
                    tensor_bytes(whole) == tensor_bytes(&pieces),
                    "other tensors"
                );
            }
            (Err(whole), Err(pieces)) => assert_eq!(whole.to_string(), pieces.to_string()),
            (whole, pieces) => panic!("{whole:?} as a whole, {pieces:?} in pieces of {size}"),
        }
    }
    whole
}

fn tensor_bytes(bundle: &Bundle) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let parts = |name: String| match bundle.tensor(&name) {
        Values::F32(bytes) => (name, bytes.to_vec(), vec![]),
        Values::I8 { values, scales } => (name, values.to_vec(), scales.to_vec()),
    };
    specs(bundle.config(), bundle.config().labels().unwrap().len())
        .into_iter()
        .map(|spec| parts(spec.name))
        .collect()
}

#[test]
fn tensors_can_be_taken_as_they_arrive() {
    let file = exported();
    let whole = Bundle::read(FILE, &file).unwrap();
    let mut taken = Vec::new();
    let mut incoming = Incoming::new(FILE);
    let names = specs(whole.config(), whole.config().labels().unwrap().len());
    for piece in file.chunks(100) {
        incoming.push(piece).unwrap();
        let Some(bundle) = incoming.arrived() else {
            assert!(taken.is_empty(), "a fault");
            continue;
        };
        for name in names.iter().map(|spec| &spec.name) {
            if bundle.has(name) {
                let (tensor, expected) = (bundle.take(name), whole.tensor(name));
                assert_eq!(tensor.values().to_f32(), expected.to_f32(), "{name}");
                taken.push(name);
            }
        }
    }
    assert_eq!(taken.len(), names.len());
    assert!(incoming.finish().is_ok());
}

#[test]
fn reads_what_was_written() {
    let source = fine_tuned();
    let source_file = source.file();
    let float =
        Bundle::from_fine_tuned("dir", &config().to_json(), &tokenizer(), &source_file).unwrap();
    let file = bundle::write(&float).unwrap();
    let quantized = read(&file).unwrap();

    assert_eq!(quantized.config(), &config());
    assert_eq!(quantized.source_sha256(), float.source_sha256());
    assert_eq!(quantized.source_sha256().len(), 64);
    let (written, read): (Value, Value) = (
        serde_json::from_str(&tokenizer()).unwrap(),
        serde_json::from_str(quantized.tokenizer_json()).unwrap(),
    );
    assert_eq!(written, read, "the tokenizer is the same JSON");
    assert!(
        quantized.tokenizer_json().len() < tokenizer().len(),
        "without the white space between its tokens"
    );

    for spec in specs(&config(), 3) {
        let floats = float.tensor(&spec.name).to_f32();
        match (spec.role, quantized.tensor(&spec.name)) {
            (Role::Float, Values::F32(bytes)) => {
                assert_eq!(bytes, source.tensors[&spec.name].2, "{}", spec.name)
            }
            (Role::Embedding | Role::Linear, Values::I8 { values, scales }) => {
                let (expected, expected_scales) =
                    quantize_rows(&floats, spec.shape[0], spec.shape[1]).unwrap();
                assert!(
                    values
                        .iter()
                        .map(|v| v.cast_signed())
                        .eq(expected.iter().copied()),
                    "{}",
                    spec.name
                );
                assert!(
                    scales
                        .iter()
                        .copied()
                        .eq(expected_scales.iter().flat_map(|s| s.to_le_bytes())),
                    "{}",
                    spec.name
                );
            }
            (role, values) => panic!("{}: {role:?} is stored as {values:?}", spec.name),
        }
    }
}

#[test]
fn same_model_gives_the_same_bytes() {
    let first = exported();
    for _ in 0..8 {
        assert!(exported() == first, "two exports of one model differ");
    }
}

#[test]
fn floats_are_aligned_in_the_file() {
    let file = exported();
    let bundle = read(&file).unwrap();
    for spec in specs(&config(), 3) {
        let (Values::F32(floats) | Values::I8 { scales: floats, .. }) = bundle.tensor(&spec.name);
        let offset = floats.as_ptr().addr() - file.as_ptr().addr();
        assert_eq!(offset % 4, 0, "{} at byte {offset}", spec.name);
    }
}

#[test]
fn quantized_model_is_written_as_it_is() {
    let file = exported();
    let mut model = read(&file).unwrap();
    assert_eq!(bundle::write(&model).unwrap(), file);

    assert!(model.card().is_empty());
    let card = Card {
        base: Some("bert".into()),
        metrics: Some(Measured {
            precision: 0.9,
            recall: 0.8,
            f1: 0.85,
            documents: 150,
        }),
    };
    model.set_card(card.clone()).unwrap();
    let described = bundle::write(&model).unwrap();
    let read_again = read(&described).unwrap();
    assert_eq!(read_again.card(), &card);
    for spec in specs(&config(), 3) {
        assert_eq!(
            read_again.tensor(&spec.name).to_f32(),
            model.tensor(&spec.name).to_f32()
        );
    }
    // It is checked as everything else is.
    let at = described
        .windows(4)
        .position(|part| part == b"bert")
        .unwrap();
    let mut damaged = described.clone();
    damaged[at] ^= 1;
    read(&damaged).unwrap_err();
    let bad = Card {
        base: Some("a\nb".into()),
        metrics: None,
    };
    model.set_card(bad).unwrap_err();
}

#[test]
fn every_truncation_is_an_error() {
    let file = exported();
    for length in 0..file.len() {
        let error = read(&file[..length])
            .expect_err("a truncated file was read")
            .to_string();
        assert!(error.starts_with(FILE), "{error}");
    }
    for length in [1, 7, 8, 100] {
        let error = read(&file[..length]).unwrap_err().to_string();
        assert!(error.contains("truncated"), "{length} bytes: {error}");
    }
}

/// One flipped bit anywhere is an error that names the file, or (the padding of the header) changes
/// nothing.
#[test]
fn every_flipped_bit_is_found() {
    let file = exported();
    let expected = tensor_bytes(&read(&file).unwrap());
    let check = |bits: std::ops::Range<usize>| {
        let mut damaged = file.clone();
        for bit in bits {
            damaged[bit / 8] ^= 1 << (bit % 8);
            match Bundle::read(FILE, &damaged) {
                Err(error) => assert!(error.to_string().starts_with(FILE), "bit {bit}: {error}"),
                Ok(bundle) => {
                    let same = bundle.config() == &config() && tensor_bytes(&bundle) == expected;
                    assert!(
                        same,
                        "bit {bit} of byte {} gave another model without an error",
                        bit / 8
                    );
                }
            }
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bits = file.len() * 8;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let check = &check;
            scope.spawn(move || check(bits * thread / threads..bits * (thread + 1) / threads));
        }
    });
}
