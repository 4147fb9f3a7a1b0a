//! Model files for the target `model`: what a fuzzer would have to guess, checksums above all, is put
//! in for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use ner::model::Config;
use ner::model::tensors::{Role, Spec, scale_name, specs};
use ner::{Labels, Tokenizer};
use serde::Serialize;

/// What one input of the fuzzer stands for.
pub struct File {
    /// To be read.
    pub bytes: Vec<u8>,
    /// What is known of it.
    pub known: Known,
}

/// What is known of a file before it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it may be refused or not.
    Nothing,
    /// It is that of [`base`] with some bytes changed: refused, or the same model.
    Edited,
    /// It is not what its checksums, or its header, say: refused.
    Spoilt,
}

/// What stands between the parts of an input.
const SEPARATOR: &[u8] = b"\n---\n";

/// More values are claimed, but not put into a file.
const MOST_VALUES: usize = 1 << 14;

/// The file that an input stands for, which its first byte says: `w`, the bytes that follow; `p`,
/// edits of a good file; `m`, parts of a file that are put together and given their checksums.
pub fn file(data: &[u8]) -> Option<File> {
    let (kind, rest) = data.split_first()?;
    let (bytes, known) = match kind {
        b'w' => (rest.to_vec(), Known::Nothing),
        b'p' => (edited(rest), Known::Edited),
        b'm' => made(rest),
        _ => return None,
    };
    Some(File { bytes, known })
}

/// A good file of the smallest kind.
pub fn base() -> &'static [u8] {
    static BASE: LazyLock<Vec<u8>> = LazyLock::new(|| made(b"").0);
    &BASE
}

/// Edits, each a place (two bytes, with the highest bit counted from the end), how many bytes are taken
/// out, how many put in, and these. From 128 on as many are taken out as are put in.
fn edited(mut edits: &[u8]) -> Vec<u8> {
    let mut bytes = base().to_vec();
    while let [low, high, removed, added, rest @ ..] = edits {
        let place = u16::from_le_bytes([*low, *high]);
        let at = usize::from(place & 0x7fff).min(bytes.len());
        let at = if place >> 15 == 0 {
            at
        } else {
            bytes.len() - at
        };
        let (new, rest) = rest.split_at(usize::from(*added).min(rest.len()));
        let removed = if *removed < 128 {
            usize::from(*removed)
        } else {
            new.len()
        };
        let end = (at + removed).min(bytes.len());
        bytes.splice(at..end, new.iter().copied());
        edits = rest;
    }
    bytes
}

/// A file before it is one.
struct Parts {
    fields: BTreeMap<&'static str, String>,
    tensors: Vec<Tensor>,
    /// Bytes that are left out at the end, or added there.
    longer: i64,
}

struct Tensor {
    name: String,
    dtype: &'static str,
    shape: Vec<u64>,
    /// Bytes by the header.
    size: u64,
    bytes: Vec<u8>,
}

/// From a configuration, labels, a tokenizer, values and faults; those of a good file for a part that
/// is empty.
fn made(input: &[u8]) -> (Vec<u8>, Known) {
    let mut sections = split(input).into_iter();
    let mut text = |or: &str| match sections.next().unwrap_or_default() {
        b"" => or.to_owned(),
        section => String::from_utf8_lossy(section).into_owned(),
    };
    let config = text(CONFIG);
    // A file that is refused for its configuration is to be one that is good otherwise.
    let read = match config == CONFIG {
        true => None,
        false => Config::from_json(&config).ok(),
    };
    let read = read.filter(|config| config.num_hidden_layers <= 3);
    let read = read.as_ref().unwrap_or(&READ_CONFIG);
    let labels = read.labels().unwrap_or_else(|_| Labels::of_types(&["X"]));
    let fields = BTreeMap::from([
        ("format", "clinical-ner".to_owned()),
        ("format_version", "1".to_owned()),
        ("quantization", "int8-rows".to_owned()),
        ("config", config),
        ("labels", text(&to_json(labels.names()))),
        ("tokenizer", text(&TOKENIZER)),
        ("source_sha256", "00ff".repeat(16)),
    ]);
    let values = sections.next().unwrap_or_default();
    let faults = sections.next().unwrap_or_default();
    let mut parts = Parts {
        fields,
        tensors: tensors(read, labels.len(), values),
        longer: 0,
    };
    parts.seal();
    let good = parts.bytes();
    if faults.len() < 3 {
        return (good, Known::Nothing);
    }
    for fault in faults.chunks_exact(3).take(4) {
        parts.spoil(fault);
    }
    let bytes = parts.bytes();
    let known = if bytes == good {
        Known::Nothing
    } else {
        Known::Spoilt
    };
    (bytes, known)
}

const CONFIG: &str = r#"{"model_type":"bert","vocab_size":9,"hidden_size":4,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":6,"max_position_embeddings":5,"classifier_head":"crf","id2label":{"0":"O","1":"B-X","2":"I-X"}}"#;

static READ_CONFIG: LazyLock<Config> =
    LazyLock::new(|| Config::from_json(CONFIG).expect("a good configuration"));

static TOKENIZER: LazyLock<String> = LazyLock::new(|| {
    let vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n##b\n,\n.\n";
    let tokenizer = Tokenizer::from_vocab(vocab, None).expect("a vocabulary");
    tokenizer.to_json()
});

fn to_json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("strings and numbers are JSON")
}

fn split(mut input: &[u8]) -> Vec<&[u8]> {
    let mut sections = Vec::new();
    let find = |input: &[u8]| {
        input
            .windows(SEPARATOR.len())
            .position(|at| at == SEPARATOR)
    };
    while let Some(at) = find(input) {
        sections.push(&input[..at]);
        input = &input[at + SEPARATOR.len()..];
    }
    sections.push(input);
    sections
}

/// The tensors of a configuration, F32 before I8 unless the first of `values` is odd; their values are
/// drawn from these by turns.
fn tensors(config: &Config, labels: usize, values: &[u8]) -> Vec<Tensor> {
    let mut bytes = (!values.is_empty()).then(|| values.iter().copied().cycle());
    let mut byte = || bytes.as_mut().and_then(Iterator::next);
    let mut left = MOST_VALUES;
    let mut floats = Vec::new();
    let mut integers = Vec::new();
    let mut float = |name: String, shape: &[usize], byte: &mut dyn FnMut() -> Option<u8>| {
        let values: usize = shape.iter().product();
        let put = values.min(left);
        left -= put;
        // Sixteenths from -8 to 8; a scale takes the magnitude.
        let value = |_| {
            let value = f32::from(byte().unwrap_or(40).cast_signed()) / 16.0;
            let value = if name.ends_with("_scale") {
                value.abs()
            } else {
                value
            };
            value.to_le_bytes()
        };
        let bytes = (0..put).flat_map(value).collect();
        floats.push(Tensor::new(name, "F32", shape, 4, bytes));
    };
    let mut also = MOST_VALUES;
    for Spec { name, shape, role } in specs(config, labels) {
        if role == Role::Float {
            float(name, &shape, &mut byte);
            continue;
        }
        float(scale_name(&name), &shape[..1], &mut byte);
        let put = shape.iter().product::<usize>().min(also);
        also -= put;
        let value = |_| byte().unwrap_or(3).cast_signed().max(-127).cast_unsigned();
        let bytes = (0..put).map(value).collect();
        integers.push(Tensor::new(name, "I8", &shape, 1, bytes));
    }
    // A large tensor that comes first is begun, though most of it is not there.
    let integers_first = values.first().is_some_and(|byte| byte % 2 == 1);
    if integers_first {
        integers.extend(floats);
        return integers;
    }
    floats.extend(integers);
    floats
}

impl Tensor {
    fn new(name: String, dtype: &'static str, shape: &[usize], width: u64, bytes: Vec<u8>) -> Self {
        let shape: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
        let size = shape.iter().product::<u64>() * width;
        Self {
            name,
            dtype,
            shape,
            size,
            bytes,
        }
    }
}

impl Parts {
    /// Gives every part its checksum.
    fn seal(&mut self) {
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| (*name, crc32fast::hash(value.as_bytes())));
        let tensors = self.tensors.iter();
        let tensors = tensors.map(|tensor| (&tensor.name[..], crc32fast::hash(&tensor.bytes)));
        let checksums: BTreeMap<&str, u32> = fields.chain(tensors).collect();
        self.fields.insert("checksums", to_json(&checksums));
    }

    /// Does something to it that no good writer would.
    fn spoil(&mut self, fault: &[u8]) {
        let [kind, which, how] = [0, 1, 2].map(|i| usize::from(fault[i]));
        let number = which % self.tensors.len().max(1);
        let Some(tensor) = self.tensors.get_mut(number) else {
            return;
        };
        let dimension = how % tensor.shape.len().max(1);
        match kind % 10 {
            0 => drop(self.tensors.remove(number)),
            1 => tensor.name.push('x'),
            2 => tensor.dtype = ["F32", "I8", "U8", "F16", "I64", "BOOL", "F4", "X"][how % 8],
            3 => tensor.size = tensor.size.wrapping_add(how as u64).wrapping_sub(128),
            4 => tensor.size = u64::MAX >> (how % 64),
            5 => drop(
                tensor
                    .shape
                    .get_mut(dimension)
                    .map(|size| *size = 1 << (how % 64)),
            ),
            6 => tensor.shape.push(how as u64),
            // Not sealed again.
            7 => drop(tensor.bytes.get_mut(how).map(|byte| *byte ^= 1)),
            8 => self.longer = how as i64 - 128,
            _ => {
                let field = self.fields.keys().nth(which % self.fields.len()).copied();
                let value = field.and_then(|field| self.fields.get_mut(field));
                if let Some(value) = value {
                    value.truncate(value.floor_char_boundary(how));
                }
            }
        }
    }

    /// The safetensors file.
    fn bytes(&self) -> Vec<u8> {
        let mut header = format!(r#"{{"__metadata__":{}"#, to_json(&self.fields));
        let mut start: u64 = 0;
        for Tensor {
            name,
            dtype,
            shape,
            size,
            ..
        } in &self.tensors
        {
            let end = start.wrapping_add(*size);
            write!(
                header,
                r#","{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
            )
            .expect("writing to a string does not fail");
            start = end;
        }
        header.push('}');
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.bytes());
        file.extend(self.tensors.iter().flat_map(|tensor| &tensor.bytes));
        let longer = file.len().saturating_add_signed(self.longer as isize);
        file.resize(longer, 0);
        file
    }
}
