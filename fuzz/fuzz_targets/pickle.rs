//! PyTorch's files: whole ones, and pickles that are put into both containers, with the checksum of
//! the archive, which chance does not hit.

#![no_main]

use std::collections::BTreeMap;
use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use trainer::pickle::read_from;

/// What the storage of the containers holds.
const STORAGE: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!?";

/// More than this no error quotes of a file.
const MAX_MESSAGE: usize = 2000;

/// Shape and bits of the values, by names.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<u64>)>;

fuzz_target!(|content: &[u8]| {
    let _ = read(content);
    // Behind its end, an object could bring storages of its own, which a stream would read.
    let ends = (1..=content.len()).filter(|&end| content[end - 1] == b'.');
    let objects = ends.map(|end| &content[..end]);
    let Some((object, archive)) = objects
        .map(|object| (object, read(&archive(object))))
        .find(|(_, archive)| archive.is_some())
    else {
        return;
    };
    // An archive does not care by how many types a storage is seen, nor whether it is seen at all.
    if let stream @ Some(_) = read(&stream(object)) {
        assert_eq!(archive, stream, "the containers differ");
    }
});

fn read(file: &[u8]) -> Option<Tensors> {
    let tensors = match read_from(Cursor::new(file), |_| true) {
        Ok(tensors) => tensors,
        Err(error) => {
            let message = format!("{error:#}");
            assert!(
                !message.is_empty() && message.len() < MAX_MESSAGE,
                "{message}"
            );
            return None;
        }
    };
    let values = |(name, tensor): (String, candle_core::Tensor)| {
        let whole = tensor
            .flatten_all()
            .and_then(|all| all.to_dtype(candle_core::DType::F64));
        let values = whole
            .and_then(|all| all.to_vec1::<f64>())
            .expect("a tensor on the CPU");
        let bits = values.iter().map(|value| value.to_bits()).collect();
        (name, (tensor.dims().to_vec(), bits))
    };
    Some(tensors.into_iter().map(values).collect())
}

/// A file of torch.save before PyTorch 1.6, whose storage `0` has 16 numbers of four bytes.
fn stream(object: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let head = [magic.as_slice(), b"\x80\x02M\xe9\x03.", b"\x80\x02}."].concat();
    let keys = b"\x80\x02]X\x01\0\0\x000a.";
    let storage = [16_u64.to_le_bytes().as_slice(), STORAGE].concat();
    [head.as_slice(), object, keys, &storage].concat()
}

/// One of today's, with the same storage.
fn archive(object: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in [("a/data.pkl", object), ("a/data/0", STORAGE.as_slice())] {
        let header = (file.len() as u32).to_le_bytes();
        let size = (content.len() as u32).to_le_bytes();
        let crc = crc32fast::hash(content).to_le_bytes();
        let name_length = (name.len() as u16).to_le_bytes();
        let both = [
            [0; 10].as_slice(),
            &crc,
            &size,
            &size,
            &name_length,
            &[0; 2],
        ]
        .concat();
        file.extend([b"PK\x03\x04", both.as_slice(), name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02\0\0", both.as_slice(), &[0; 10], &header].concat());
        directory.extend(name.as_bytes());
    }
    let start = (file.len() as u32).to_le_bytes();
    let size = (directory.len() as u32).to_le_bytes();
    file.extend(directory);
    file.extend([b"PK\x05\x06".as_slice(), &[0; 8], &size, &start, &[0; 2]].concat());
    file
}
