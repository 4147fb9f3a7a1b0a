//! Pickles written by hand, opcode by opcode.

pub(crate) const NONE: &[u8] = b"N";

pub(crate) fn text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    [b"X", length.as_slice(), text.as_bytes()].concat()
}

pub(crate) fn int(value: i64) -> Vec<u8> {
    [[0x8a, 8].as_slice(), &value.to_le_bytes()].concat()
}

pub(crate) fn tuple(items: &[&[u8]]) -> Vec<u8> {
    [b"(", items.concat().as_slice(), b"t"].concat()
}

pub(crate) fn list(items: &[&[u8]]) -> Vec<u8> {
    [b"](", items.concat().as_slice(), b"e"].concat()
}

pub(crate) fn ints(values: &[i64]) -> Vec<u8> {
    let items: Vec<u8> = values.iter().flat_map(|&value| int(value)).collect();
    tuple(&[&items])
}

pub(crate) fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

pub(crate) fn call(module: &str, name: &str, arguments: &[&[u8]]) -> Vec<u8> {
    [global(module, name), tuple(arguments), b"R".to_vec()].concat()
}

/// A storage of a stream, `part` being what is meant of it.
pub(crate) fn storage(kind: &str, key: &str, numel: i64, part: &[u8]) -> Vec<u8> {
    let id = tuple(&[
        &text("storage"),
        &global("torch", kind),
        &text(key),
        &text("cpu"),
        &int(numel),
        part,
    ]);
    [id, b"Q".to_vec()].concat()
}

/// A storage of an archive.
pub(crate) fn entry_storage(kind: &str, key: &str, numel: i64) -> Vec<u8> {
    let id = tuple(&[
        &text("storage"),
        &global("torch", kind),
        &text(key),
        &text("cpu"),
        &int(numel),
    ]);
    [id, b"Q".to_vec()].concat()
}

pub(crate) fn tensor(storage: &[u8], offset: i64, shape: &[i64], stride: &[i64]) -> Vec<u8> {
    let arguments = [
        storage,
        &int(offset),
        &ints(shape),
        &ints(stride),
        b"\x89",
        b"}",
    ];
    call("torch._utils", "_rebuild_tensor_v2", &arguments)
}

/// A dict of text to whatever the values are.
pub(crate) fn dict(items: &[(&str, &[u8])]) -> Vec<u8> {
    let items: Vec<u8> = items
        .iter()
        .flat_map(|(key, value)| [&text(key), *value].concat())
        .collect();
    [b"}(", items.as_slice(), b"u"].concat()
}

/// A stream of a pickle's opcodes and of storages, given as counts and contents.
pub(crate) fn stream(object: &[u8], storages: &[(&str, i64, &[u8])]) -> Vec<u8> {
    let magic: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let keys: Vec<Vec<u8>> = storages.iter().map(|(key, ..)| text(key)).collect();
    let keys = list(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut file = [magic, b"\x80\x02M\xe9\x03.", b"\x80\x02}.".as_slice()].concat();
    for pickle in [object, &keys] {
        file.extend([b"\x80\x02", pickle, b"."].concat());
    }
    for (_, numel, content) in storages {
        file.extend([&numel.to_le_bytes(), *content].concat());
    }
    file
}

/// A file of a zip archive.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    /// What the directory says of where its header is, instead of where that is.
    pub(crate) header: Option<u32>,
    /// What the directory says of its size, instead of what that is.
    pub(crate) bytes: Option<u32>,
    /// In the directory.
    pub(crate) extra: Vec<u8>,
}

pub(crate) fn entry(name: &str, content: &[u8]) -> Entry {
    Entry {
        name: name.to_owned(),
        content: content.to_vec(),
        flags: 0,
        method: 0,
        header: None,
        bytes: None,
        extra: Vec::new(),
    }
}

/// A zip archive as the format's description (APPNOTE.TXT) has it; the comment stands at its end.
pub(crate) fn archive(entries: &[Entry], comment: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let header = entry.header.unwrap_or(file.len() as u32);
        let size = entry.content.len() as u32;
        let said = entry.bytes.unwrap_or(size);
        let mut both = Vec::new();
        both.extend(
            [20, entry.flags, entry.method, 0, 0]
                .map(u16::to_le_bytes)
                .concat(),
        );
        both.extend(crc32fast::hash(&entry.content).to_le_bytes());
        let name_length = (entry.name.len() as u16).to_le_bytes();

        file.extend([b"PK\x03\x04", both.as_slice()].concat());
        file.extend([size, size].map(u32::to_le_bytes).concat());
        file.extend([&name_length, [0; 2].as_slice(), entry.name.as_bytes()].concat());
        file.extend(&entry.content);

        directory.extend([b"PK\x01\x02\x14\0", both.as_slice()].concat());
        directory.extend([said, said].map(u32::to_le_bytes).concat());
        directory.extend(name_length);
        directory.extend((entry.extra.len() as u16).to_le_bytes());
        directory.extend([[0; 10].as_slice(), &header.to_le_bytes()].concat());
        directory.extend([entry.name.as_bytes(), &entry.extra].concat());
    }
    let start = file.len() as u32;
    let count = (entries.len() as u16).to_le_bytes();
    file.extend(&directory);
    file.extend([b"PK\x05\x06\0\0\0\0", count.as_slice(), &count].concat());
    file.extend(
        [directory.len() as u32, start]
            .map(u32::to_le_bytes)
            .concat(),
    );
    file.extend([&(comment.len() as u16).to_le_bytes(), comment].concat());
    file
}
