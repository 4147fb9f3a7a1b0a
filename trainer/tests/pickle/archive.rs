//! Zip archives that no torch wrote.

use crate::program::{Entry, archive, dict, entry, entry_storage, tensor};
use crate::{read, refusal};

/// What `data.pkl` has: a tensor of a storage of so many single-precision numbers.
fn object(numel: i64) -> Vec<u8> {
    let storage = entry_storage("FloatStorage", "0", numel);
    let dict = dict(&[("a", &tensor(&storage, 0, &[2], &[1]))]);
    [b"\x80\x02", dict.as_slice(), b"."].concat()
}

fn floats() -> Vec<u8> {
    [1.5_f32, -2.5].map(f32::to_le_bytes).concat()
}

fn entries() -> [Entry; 2] {
    [
        entry("model/data.pkl", &object(2)),
        entry("model/data/0", &floats()),
    ]
}

#[test]
fn archives_of_others_are_read() {
    let check = |name: &str, file: &[u8]| {
        let tensors = read(file).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(
            tensors["a"].to_vec1::<f32>().unwrap(),
            [1.5, -2.5],
            "{name}"
        );
    };
    check("plain", &archive(&entries(), b""));
    check("with a comment", &archive(&entries(), &[b'x'; 0xffff]));
    let [pickle, mut storage] = entries();
    // Sizes of 64 bits stand behind another field.
    let header = 30 + pickle.name.len() + pickle.content.len();
    storage.bytes = Some(u32::MAX);
    storage.header = Some(u32::MAX);
    storage.extra = b"FB\x02\0\0\0\x01\0\x18\0".to_vec();
    for size in [8, 8, header as u64] {
        storage.extra.extend(size.to_le_bytes());
    }
    check(
        "with wide sizes",
        &archive(&[pickle.clone(), storage.clone()], b""),
    );

    // As any archive of more than 4 GiB has it.
    let mut wide = archive(&entries(), b"");
    let end = wide.split_off(wide.len() - 22);
    let record = wide.len() as u64;
    let number = |at: usize| u64::from(u32::from_le_bytes(end[at..at + 4].try_into().unwrap()));
    wide.extend([b"PK\x06\x06".as_slice(), &[0; 36]].concat());
    wide.extend([number(12), number(16)].map(u64::to_le_bytes).concat());
    wide.extend(
        [
            b"PK\x06\x07\0\0\0\0",
            record.to_le_bytes().as_slice(),
            &[0; 4],
        ]
        .concat(),
    );
    wide.extend([&end[..12], &[0xff; 8], &end[20..]].concat());
    check("with a wide directory", &wide);

    storage.extra.truncate(18);
    let message = refusal(&archive(&[pickle, storage], b""));
    assert!(message.contains("model/data/0 has no size"), "{message}");
}

#[test]
fn archives_that_are_wrong_are_refused() {
    let check = |change: &dyn Fn(&mut Vec<Entry>), expected: &str| {
        let mut entries = entries().to_vec();
        change(&mut entries);
        let message = refusal(&archive(&entries, b""));
        assert!(message.contains(expected), "{expected}: {message}");
    };
    check(&|entries| entries.clear(), "no file of torch.save");
    check(
        &|entries| drop(entries.remove(0)),
        "without the one data.pkl",
    );
    check(
        &|entries| entries[0].name = "a/b/data.pkl".into(),
        "without the one data.pkl",
    );
    check(
        &|entries| entries.push(entry("other/data.pkl", &object(2))),
        "without the one data.pkl",
    );
    check(
        &|entries| drop(entries.remove(1)),
        "its storage 0 is missing",
    );
    check(
        &|entries| entries[1].name = "data/0".into(),
        "its storage 0 is missing",
    );
    check(
        &|entries| entries.push(entries[1].clone()),
        "model/data/0 stands twice",
    );
    check(&|entries| entries[1].method = 8, "is compressed");
    check(&|entries| entries[1].flags = 1, "or encrypted");
    check(
        &|entries| entries[1].bytes = Some(7),
        "has 7 bytes, 2 elements of F32 take 8",
    );
    check(
        &|entries| entries[1].bytes = Some(1 << 30),
        "cut off or damaged",
    );
    check(
        &|entries| entries[0].bytes = Some(1 << 30),
        "cut off or damaged",
    );
    check(&|entries| entries[0].bytes = Some(5), "checksum is wrong");
    check(
        &|entries| entries[1].header = Some(1),
        "no header of a file",
    );
    check(&|entries| entries[1].header = Some(1 << 30), "cut off");
    check(
        &|entries| entries[0].content = object(i64::MAX),
        "storage 0 of 9223372036854775807",
    );
    check(
        &|entries| entries[0].content = object(3),
        "3 elements of F32 take 12",
    );
    check(
        &|entries| entries[0].content = vec![b'N'; 17 << 20],
        "bytes",
    );
    check(
        &|entries| entries.push(entry("model/byteorder", b"middle")),
        "says neither `little` nor `big`",
    );
    check(
        &|entries| entries[0].content = b"cos\nsystem\n".to_vec(),
        "model/data.pkl: byte 0",
    );
}

#[test]
fn directories_that_are_wrong_are_refused() {
    let file = archive(&entries(), b"");
    let end = file.len() - 22;
    let check = |at: usize, value: u32, expected: &str| {
        let mut file = file.clone();
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let message = refusal(&file);
        assert!(message.contains(expected), "{expected}: {message}");
    };
    check(end, 0, "its directory is missing");
    check(end + 12, 1 << 30, "a directory of 1073741824 bytes");
    check(end + 12, 10_000, "cut off or damaged");
    check(end + 12, 50, "the directory of the archive is cut off");
    check(end + 12, 3, "the directory of the archive is cut off");
    check(end + 16, 0, "no entry where one should be");
    check(end + 16, 1 << 30, "cut off or damaged");
    check(end + 16, u32::MAX, "without a place of its directory");
}
