//! `trainer predict`: the entities of a text or of a file of texts.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use engine::{Scratch, Team};
use ner::Entity;
use ner::formats::jsonl::{EntityRecord, record};
use ner::formats::python;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::input::{Input, Kind, Note, lines};
use crate::source::Source;

/// What to analyse, and how to print it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = FORMATS_HELP)]
pub struct PredictArgs {
    /// The text to analyse
    #[arg(required_unless_present = "input", conflicts_with = "input")]
    pub text: Option<String>,
    /// The file to analyse, `.txt` (one document) or `.jsonl` (`{"id", "text"}` on every line); `-`
    /// is standard input
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// What the input is, where its name does not say it; standard input whose first line is a JSON
    /// object with a "text" is taken for jsonl
    #[arg(long, value_enum, conflicts_with = "text")]
    pub input_format: Option<Kind>,
    /// How to print the entities; see Formats below
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Exported file or fine-tuned directory; the shipped model where it is left out
    #[arg(long, value_name = "FILE|DIR")]
    pub model: Option<PathBuf>,
}

const FORMATS_HELP: &str = "\
Formats:
  text   one line per document, the list of (text, type) tuples as Python prints it:
         [('irregular periods', 'Symptoms'), ('estrogen', 'Hormones')]
  jsonl  one JSON object per document and line, in the order of the input:
         {\"id\", \"text\", \"entities\": [{\"entity_group\", \"score\", \"word\", \"start\", \"end\"}]}
         start and end are Unicode code points: in Python, text[start:end] == word. The text is that of the input; so is
         the id, or else the number of its line, or the name of the file without its extension. Each line is written as
         soon as its document is analysed.
  json   an array of the same objects. It is left open when a line of the input is broken.";

/// How the entities are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One line per document, a list of tuples as Python prints it.
    Text,
    /// One array of objects.
    Json,
    /// One object per line.
    Jsonl,
}

/// Documents that are analysed side by side at most. Fewer are where standard input has no more to
/// give at the moment.
const BATCH: usize = 64;

/// Analyses as the arguments say and prints the result. Whoever reads it may stop reading at any
/// time.
///
/// # Errors
/// Names the model, or the file and line of the input, that is wrong. What was analysed before has
/// been printed.
pub fn run(args: &PredictArgs) -> Result<()> {
    let input = match (&args.text, &args.input) {
        (Some(text), _) => Input::Note(Note::of_argument(text)),
        (None, Some(path)) => Input::open(path, args.input_format)?,
        (None, None) => unreachable!("the command line asks for one of them"),
    };
    let source = Source::load(args.model.as_deref())?;
    let recognize = |text: &str, scratch: &mut Scratch| source.recognize(text, scratch);
    let mut writer = Writer {
        format: args.format,
        documents: 0,
        out: io::stdout().lock(),
    };
    let written = match input {
        Input::Note(note) => {
            let mut scratch = Scratch::with_team(Arc::new(Team::of_all_cores()));
            render(&note, args.format, &recognize, &mut scratch)
                .and_then(|text| writer.document(&text))
        }
        Input::Lines { file, reader } => stream(&file, reader, &recognize, &mut writer),
    };
    match written.and_then(|()| writer.end()) {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        result => result,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Analyses line after line. Lines that have arrived are analysed together, those that have not are
/// not waited for.
fn stream<F>(
    file: &str,
    reader: Box<dyn BufRead + Send>,
    recognize: &F,
    writer: &mut Writer<impl Write>,
) -> Result<()>
where
    F: Fn(&str, &mut Scratch) -> Result<Vec<Entity>> + Sync,
{
    let format = writer.format;
    let arriving = lines(reader, BATCH);
    while let Ok(first) = arriving.recv() {
        let batch: Vec<_> = std::iter::once(first)
            .chain(arriving.try_iter().take(BATCH - 1))
            .collect();
        let rendered: Vec<Result<Option<String>>> = batch
            .into_par_iter()
            .map_init(Scratch::default, |scratch, line| {
                match line.with_context(|| file.to_owned())?.note(file)? {
                    Some(note) => render(&note, format, recognize, scratch).map(Some),
                    None => Ok(None),
                }
            })
            .collect();
        for text in rendered {
            if let Some(text) = text? {
                writer.document(&text)?;
            }
        }
    }
    Ok(())
}

/// What is printed for one document, without what separates it from the next.
fn render<F>(note: &Note, format: Format, recognize: &F, scratch: &mut Scratch) -> Result<String>
where
    F: Fn(&str, &mut Scratch) -> Result<Vec<Entity>>,
{
    #[derive(Serialize)]
    struct Record<'a> {
        id: &'a RawValue,
        text: &'a str,
        entities: Vec<EntityRecord>,
    }
    let entities = recognize(&note.text, scratch).with_context(|| note.place.clone())?;
    Ok(match format {
        Format::Text => python::tuples(&note.text, &entities),
        Format::Json | Format::Jsonl => {
            let entities = record(Value::Null, &note.text, &entities).entities;
            serde_json::to_string(&Record {
                id: &note.id,
                text: &note.text,
                entities,
            })?
        }
    })
}

/// Puts documents together in a format.
struct Writer<W: Write> {
    format: Format,
    documents: usize,
    out: W,
}

impl<W: Write> Writer<W> {
    /// Writes one document through to whoever reads.
    fn document(&mut self, rendered: &str) -> Result<()> {
        let (before, after) = match (self.format, self.documents) {
            (Format::Text | Format::Jsonl, _) => ("", "\n"),
            (Format::Json, 0) => ("[", ""),
            (Format::Json, _) => (",\n", ""),
        };
        self.documents += 1;
        self.print(&[before, rendered, after].concat())
    }

    fn end(&mut self) -> Result<()> {
        if self.format == Format::Json {
            self.print(if self.documents == 0 { "[]\n" } else { "]\n" })?;
        }
        Ok(())
    }

    fn print(&mut self, text: &str) -> Result<()> {
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .context("standard output")
    }
}
