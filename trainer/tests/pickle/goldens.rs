//! Files that torch wrote, with the values that it reads from them.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use serde_json::Value;

use crate::{read, refusal};

fn path(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/pickle");
    folder.join(name)
}

fn values(tensor: &Tensor) -> Vec<f64> {
    // No value has more than eight bits, so no type loses any.
    let tensor = tensor.to_dtype(DType::F64).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn values_are_those_of_torch() {
    let expected = fs::read_to_string(path("tensors.json")).unwrap();
    let expected: serde_json::Map<String, Value> = serde_json::from_str(&expected).unwrap();
    for file in [
        "archive-2.bin",
        "archive-3.bin",
        "archive-4.bin",
        "archive-5.bin",
        "archive-big-endian.bin",
        "dict.bin",
        "stream-2.bin",
        "stream-3.bin",
        "stream-4.bin",
        "stream-5.bin",
    ] {
        let tensors = read(&fs::read(path(file)).unwrap()).unwrap();
        assert_eq!(tensors.len(), expected.len(), "{file}");
        for (name, expected) in &expected {
            let tensor = &tensors[name];
            let dtype = match expected["type"].as_str().unwrap() {
                "float64" => DType::F64,
                "float32" => DType::F32,
                "float16" => DType::F16,
                "bfloat16" => DType::BF16,
                "int64" => DType::I64,
                "int32" => DType::I32,
                "int16" => DType::I16,
                _ => DType::U8,
            };
            assert_eq!(tensor.dtype(), dtype, "{file}: {name}");
            let shape = Value::from(tensor.dims());
            assert_eq!(shape, expected["shape"], "{file}: {name}");
            let values = Value::from(values(tensor));
            assert_eq!(values, expected["values"], "{file}: {name}");
        }
    }
}

#[test]
fn only_what_is_wanted_is_read() {
    let tensors = trainer::pickle::read(&path("stream-2.bin"), |name| name == "part").unwrap();
    assert_eq!(tensors.keys().collect::<Vec<_>>(), ["part"]);
    for (wanted, expected) in [
        ("unwanted, int8", "tensors of I8 are not supported"),
        ("unwanted, a number", "is an int and no tensor"),
    ] {
        let error = trainer::pickle::read(&path("archive-2.bin"), |name| name == wanted);
        let message = format!("{:#}", error.unwrap_err());
        for part in ["archive-2.bin", wanted, expected] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[test]
fn a_file_that_is_cut_off_is_refused() {
    for name in ["archive-2.bin", "stream-2.bin", "stream-5.bin"] {
        let file = fs::read(path(name)).unwrap();
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "{name}, {length} bytes");
        }
    }
}

#[test]
fn a_damaged_file_is_refused_or_read() {
    for name in [
        "archive-2.bin",
        "archive-5.bin",
        "stream-2.bin",
        "stream-5.bin",
    ] {
        let mut file = fs::read(path(name)).unwrap();
        for at in 0..file.len() {
            for flip in [0x01, 0x80, 0xff] {
                file[at] ^= flip;
                // A stream has no checksum; what counts is that nothing panics.
                let _ = read(&file);
                file[at] ^= flip;
            }
        }
    }
}

#[test]
fn a_damaged_storage_of_an_archive_is_told_by_its_checksum() {
    let mut file = fs::read(path("archive-2.bin")).unwrap();
    let value = 1.625_f32.to_le_bytes();
    let at = file
        .windows(4)
        .position(|bytes| bytes == 1.375_f32.to_le_bytes());
    file[at.unwrap()..][..4].copy_from_slice(&value);
    let message = refusal(&file);
    assert!(message.contains("checksum is wrong"), "{message}");
}
