//! The texts that `trainer predict` is given.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, Result, anyhow, bail};
use ner::formats::jsonl::id_text;
use ner::formats::read::{self, Text};
use ner::formats::read_texts;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::data::utf8;

/// What an input holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// One document.
    Txt,
    /// A document on every line: `{"id", "text"}`.
    Jsonl,
    /// An array of the same objects.
    Json,
    /// A table with a column `text` and perhaps `id`.
    Csv,
    /// A word and its label on every line.
    Conll,
}

impl From<read::Kind> for Kind {
    fn from(kind: read::Kind) -> Self {
        match kind {
            read::Kind::Text => Self::Txt,
            read::Kind::JsonLines => Self::Jsonl,
            read::Kind::Json => Self::Json,
            read::Kind::Table => Self::Csv,
            read::Kind::Words => Self::Conll,
        }
    }
}

impl From<Kind> for read::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Txt => Self::Text,
            Kind::Jsonl => Self::JsonLines,
            Kind::Json => Self::Json,
            Kind::Csv => Self::Table,
            Kind::Conll => Self::Words,
        }
    }
}

/// A text to analyse.
#[derive(Debug)]
pub struct Note {
    /// Its name, as it stood in the input.
    pub id: Box<RawValue>,
    /// The text, unchanged.
    pub text: String,
    /// Where it came from, for errors.
    pub place: String,
}

/// An input that has been opened.
pub enum Input {
    /// One document.
    Note(Note),
    /// A document on every line.
    Lines {
        /// The input's name, for errors.
        file: String,
        /// Its bytes, from the beginning.
        reader: Box<dyn BufRead + Send>,
    },
    /// What can only be read as a whole, by [`documents`].
    Whole {
        /// The input's name, for errors.
        file: String,
        /// Its kind.
        kind: Kind,
        /// All of it.
        content: String,
    },
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

impl Note {
    /// The text that stands on the command line; its id is 1.
    pub fn of_argument(text: &str) -> Self {
        Self {
            id: number(1),
            text: text.to_owned(),
            place: "TEXT".to_owned(),
        }
    }

    /// Its name as text: a string's content, anything else as JSON.
    pub fn name(&self) -> String {
        id_text(&self.id)
    }
}

impl Input {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// Names the file that cannot be read, is not UTF-8, or is of a kind that nothing tells.
    pub fn open(path: &Path, kind: Option<Kind>) -> Result<Self> {
        if path.as_os_str() == "-" {
            return Self::standard_input(kind);
        }
        let file = path.display().to_string();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let named = || read::Kind::of_extension(extension?).map(Kind::from);
        let Some(kind) = kind.or_else(named) else {
            bail!(
                "{file}: its name ends in none of .txt, .jsonl, .json, .csv, .conll and .bio; say what it is with --input-format"
            );
        };
        match kind {
            Kind::Txt => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let bytes = fs::read(path).with_context(|| file.clone())?;
                Ok(Self::Note(Note {
                    id: to_raw_value(&stem)?,
                    text: utf8(&file, 1, 0, bytes)?,
                    place: file,
                }))
            }
            Kind::Jsonl => {
                let reader = BufReader::new(File::open(path).with_context(|| file.clone())?);
                Ok(Self::Lines {
                    file,
                    reader: Box::new(reader),
                })
            }
            kind => {
                let bytes = fs::read(path).with_context(|| file.clone())?;
                Self::whole(file, kind, bytes)
            }
        }
    }

    fn whole(file: String, kind: Kind, bytes: Vec<u8>) -> Result<Self> {
        let content = utf8(&file, 1, 0, bytes)?;
        Ok(Self::Whole {
            file,
            kind,
            content,
        })
    }

    fn standard_input(kind: Option<Kind>) -> Result<Self> {
        let file = "standard input".to_owned();
        // Not the lock: it cannot go to the thread that reads the lines.
        let mut reader = BufReader::new(io::stdin());
        let mut head = Vec::new();
        let kind = match kind {
            Some(kind) => kind,
            None => guess(&mut reader, &mut head).with_context(|| file.clone())?,
        };
        let mut reader = Cursor::new(head).chain(reader);
        match kind {
            Kind::Txt => {
                let mut bytes = Vec::new();
                reader
                    .read_to_end(&mut bytes)
                    .with_context(|| file.clone())?;
                Ok(Self::Note(Note {
                    id: number(1),
                    text: utf8(&file, 1, 0, bytes)?,
                    place: file,
                }))
            }
            Kind::Jsonl => Ok(Self::Lines {
                file,
                reader: Box::new(reader),
            }),
            kind => {
                let mut bytes = Vec::new();
                reader
                    .read_to_end(&mut bytes)
                    .with_context(|| file.clone())?;
                Self::whole(file, kind, bytes)
            }
        }
    }
}

/// The documents of a file that is read as a whole, whatever is marked in them.
///
/// # Errors
/// Names file and line of what cannot be read.
pub fn documents(file: &str, kind: Kind, content: &str) -> Result<Vec<Note>> {
    let texts = read_texts(kind.into(), file, content)?.into_iter();
    let note = |Text { id, text, line }| Note {
        id,
        text,
        place: format!("{file}:{line}"),
    };
    Ok(texts.map(note).collect())
}

/// Whether the first line that is not blank is a JSON object with a text. Leaves in `head` what was
/// read for that.
fn guess(reader: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<Kind> {
    loop {
        let start = head.len();
        if reader.read_until(b'\n', head)? == 0 {
            return Ok(Kind::Txt);
        }
        let line = head[start..].strip_prefix(BOM).unwrap_or(&head[start..]);
        if line.trim_ascii().is_empty() {
            continue;
        }
        let is_record = line.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<Record>(line).is_ok();
        return Ok(if is_record { Kind::Jsonl } else { Kind::Txt });
    }
}

/// A line of an input, with its line feed.
#[derive(Debug)]
pub struct Line {
    /// From 1.
    number: usize,
    /// Where it begins in the file.
    offset: usize,
    bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    text: String,
}

impl Line {
    /// The document on the line; none on a blank one. A byte order mark before the first line is
    /// passed over.
    ///
    /// # Errors
    /// Names file and line of what is not UTF-8, not a JSON object, or has no text.
    pub fn note(self, file: &str) -> Result<Option<Note>> {
        let Self {
            number: line,
            mut offset,
            mut bytes,
        } = self;
        let place = format!("{file}:{line}");
        if line == 1 && bytes.starts_with(BOM) {
            bytes.drain(..BOM.len());
            offset += BOM.len();
        }
        if bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        let json = utf8(file, line, offset, bytes)?;
        // Where the line ends, its JSON does: an error then says what is missing.
        let json = json.trim_end();
        let record: Record = serde_json::from_str(json).map_err(|error| {
            let problem = error.to_string();
            let problem = problem.split(" at line ").next().unwrap_or(&problem);
            anyhow!(
                "{place}: column {}: {problem}; expected {{\"id\", \"text\"}}",
                error.column()
            )
        })?;
        let id = record.id.map_or_else(|| number(line), ToOwned::to_owned);
        Ok(Some(Note {
            id,
            text: record.text,
            place,
        }))
    }
}

/// Lines as they arrive, at most `ahead` of whoever takes them.
pub fn lines(
    mut reader: impl BufRead + Send + 'static,
    ahead: usize,
) -> Receiver<io::Result<Line>> {
    let (sender, receiver) = sync_channel(ahead);
    std::thread::spawn(move || {
        let mut offset = 0;
        for number in 1.. {
            let mut bytes = Vec::new();
            let line = match reader.read_until(b'\n', &mut bytes) {
                Ok(0) => return,
                Ok(length) => {
                    let line = Line {
                        number,
                        offset,
                        bytes,
                    };
                    offset += length;
                    Ok(line)
                }
                Err(error) => Err(error),
            };
            let failed = line.is_err();
            // Nobody takes lines any more once one was wrong.
            if sender.send(line).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

fn number(number: usize) -> Box<RawValue> {
    to_raw_value(&number).expect("a number is JSON")
}
