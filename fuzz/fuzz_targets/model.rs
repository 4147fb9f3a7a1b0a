//! Model files: read at once and in pieces, made into a network, and run.

#![no_main]

use engine::{Builder, Isa, Model, Scratch};
use fuzz::model::{File, Known, base, file};
use libfuzzer_sys::{Corpus, fuzz_target};
use ner::Error;
use ner::model::bundle::Values;
use ner::model::tensors::specs;
use ner::model::{Bundle, Config, Incoming};
use serde_json::{Value, to_value};

const FILE: &str = "model.safetensors";

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some(File { bytes, known }) = file(data) else {
        return Corpus::Reject;
    };
    let sum: usize = data.iter().map(|&byte| usize::from(byte)).sum();
    let size = 1 + sum % 1021;
    let bundle = match Bundle::read(FILE, &bytes) {
        Ok(bundle) => bundle,
        Err(error) => {
            assert!(error.to_string().starts_with(FILE), "{error}");
            // To read it in pieces takes as long again, and faults are many.
            if sum.is_multiple_of(4) {
                let pieces = in_pieces(&bytes, size).err();
                assert_eq!(pieces.as_ref().map(problem), Some(problem(&error)));
            }
            return Corpus::Keep;
        }
    };
    check_same(&bundle, &in_pieces(&bytes, size).expect("as a whole"));
    match known {
        Known::Nothing => {}
        Known::Edited => check_same(&bundle, &Bundle::read(FILE, base()).expect("a good file")),
        Known::Spoilt => panic!("a spoilt file was read"),
    }
    check_config(bundle.config());
    check_tokenizer(&bundle);
    bundle.decoder().expect("the labels were checked");
    check_network(&bundle, &bytes, size);
    Corpus::Keep
});

fn in_pieces(bytes: &[u8], size: usize) -> Result<Bundle<'static>, Error> {
    let mut incoming = Incoming::new(FILE);
    for piece in bytes.chunks(size) {
        incoming
            .push(piece)
            .expect("no more than the file's own size");
    }
    incoming.finish()
}

/// An error as a text. safetensors has the tensors of a header in no order: which of several it names
/// first is left out.
fn problem(error: &Error) -> String {
    let said = error.to_string();
    match (error, said.split_once('`')) {
        (Error::ModelFile { .. }, Some((problem, _))) => problem.to_owned(),
        _ => said,
    }
}

fn check_same(a: &Bundle, b: &Bundle) {
    assert_eq!(a.config(), b.config());
    assert_eq!(a.tokenizer_json(), b.tokenizer_json());
    assert_eq!(a.source_sha256(), b.source_sha256());
    let labels = a.config().labels().expect("the labels were checked");
    for spec in specs(a.config(), labels.len()) {
        let bytes = [a, b].map(|bundle| match bundle.tensor(&spec.name) {
            Values::F32(bytes) => [bytes, &[]],
            Values::I8 { values, scales } => [values, scales],
        });
        assert!(bytes[0] == bytes[1], "{}", spec.name);
    }
}

/// A configuration survives its file, but for the last bit of a number of many digits, which serde_json
/// rounds fast rather than well.
fn check_config(config: &Config) {
    let again = Config::from_json(&config.to_json()).expect("what was written can be read");
    let [before, after] = [config, &again].map(|config| to_value(config).expect("JSON"));
    assert!(is_near(&before, &after), "{before} became {after}");
}

fn is_near(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut pairs = a.iter().zip(b);
            a.len() == b.len() && pairs.all(|((k, a), (l, b))| k == l && is_near(a, b))
        }
        _ => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 2.0 * f64::EPSILON * a.abs(),
            _ => a == b,
        },
    }
}

/// Every id that it gives has a row in the embedding.
fn check_tokenizer(bundle: &Bundle) {
    let Ok(tokenizer) = bundle.tokenizer() else {
        return;
    };
    let tokens = tokenizer.tokenize("a ab, b. \u{e9}[SEP]\u{4e00}");
    let ids = tokenizer.input(&tokens.ids);
    let rows = bundle.config().vocab_size;
    assert!(ids.iter().all(|&id| (id as usize) < rows), "{ids:?}");
    tokenizer.to_json();
}

/// The definition and the fastest kernels agree to the bit, the weights taken at once or as they arrive.
fn check_network(bundle: &Bundle, bytes: &[u8], size: usize) {
    let config = bundle.config();
    let definition = Isa::available().next().expect("there is a definition");
    let Ok(mut builder) = Builder::new(config, Isa::detect()) else {
        return;
    };
    let mut incoming = Incoming::new(FILE);
    for piece in bytes.chunks(size) {
        incoming.push(piece).expect("as before");
        if let Some(arrived) = incoming.arrived() {
            builder.take(arrived);
        }
    }
    let fastest = builder.finish(incoming.finish().expect("as before"));
    let slowest = Model::with_isa(bundle.clone(), definition).expect("as before");
    let last = config.vocab_size as u32 - 1;
    for ids in [&[0, last, last / 2][..], &[last]] {
        let mut scratch = [Scratch::default(), Scratch::default()];
        let [a, b] = &mut scratch;
        match (fastest.forward(ids, a), slowest.forward(ids, b)) {
            (Ok(a), Ok(b)) => {
                assert!(a.iter().all(|logit| logit.is_finite()));
                assert!(
                    a.iter()
                        .map(|x| x.to_bits())
                        .eq(b.iter().map(|x| x.to_bits()))
                );
            }
            (a, b) => assert_eq!(a, b),
        }
    }
}
