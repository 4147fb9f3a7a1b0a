//! `trainer predict`: the entities of a text or of a file of texts.

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use engine::{Scratch, Team};
use ner::Entity;
use ner::formats::{Exported, Format, Mark, Provenance, VERSION, jsonl, python, write};
use rayon::prelude::*;

use crate::input::{Input, Kind, Note, documents, lines};
use crate::output::{Output, Printed};
use crate::parts;
use crate::source::Source;

/// What to analyse, and how to print it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = FORMATS_HELP)]
pub struct PredictArgs {
    /// The text to analyse
    #[arg(required_unless_present = "input", conflicts_with = "input")]
    pub text: Option<String>,
    /// The file to analyse, whose name says what it is: one document (.txt), documents as JSON
    /// (.jsonl, .json), a table with a column "text" (.csv), or words and labels (.conll, .bio, .tsv);
    /// `-` is standard input. Marks that it has are passed over, whatever they are
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// What the input is, where its name does not say it; standard input whose first line is a JSON
    /// object with a "text" is taken for jsonl
    #[arg(long, value_enum, conflicts_with = "text")]
    pub input_format: Option<Kind>,
    /// How to print the entities; see Formats below
    #[arg(long, value_enum, default_value = "text")]
    pub format: Printed,
    /// Least score of an entity, 0 to 1. A model that is calibrated finds nothing below 0.4, which is
    /// what is used where this is lower or left out
    #[arg(long, value_name = "SCORE", value_parser = parts::share)]
    pub threshold: Option<f64>,
    /// Where to write: a file, or a folder that exists, where it is named for the input; for brat a
    /// folder, which is made. Devices and pipes are written into. Standard output where it is left out
    #[arg(long, value_name = "FILE|DIR")]
    pub output: Option<PathBuf>,
    /// Exported file or fine-tuned directory; the shipped model where it is left out
    #[arg(long, value_name = "FILE|DIR")]
    pub model: Option<PathBuf>,
}

const FORMATS_HELP: &str = "\
Formats:
  text           one line per document, the list of (text, type) tuples as Python prints it:
                 [('irregular periods', 'Symptoms'), ('estrogen', 'Hormones')]
  jsonl          one JSON object per document and line, in the order of the input:
                 {\"id\", \"text\", \"entities\": [{\"entity_group\", \"score\", \"word\", \"start\", \"end\"}],
                 \"model\": {\"name\", \"version\", \"sha256\", \"threshold\"}}
                 start and end are Unicode code points: in Python, text[start:end] == word. The text is that of the
                 input; so is the id, or else the number of its line, or the name of the file without its extension.
                 sha256 is that of the fine-tuned weights.
  json           an array of the same objects.
  csv            a table with a row per entity, and one for a document without any. A cell that a spreadsheet would run as a formula begins with an
                 apostrophe.
  html           a report for people, one page without scripts.
  conll          a word and its BIO label per line; each document begins with a -DOCSTART- line.
  brat           standoff. With --output DIR a .txt and an .ann per document, and annotation.conf; without it the .ann
                 of one document.
  doccano-jsonl  doccano's import for sequence labelling.
  prodigy-jsonl  Prodigy's spans.
  fhir           an R4 Bundle of Observations, Procedures and MedicationStatements that say what is mentioned, and not
                 that it is so.
  All but text name the model. json, html and fhir are left open where a line of the input is broken, so that half an
  answer is not taken for all of it. On standard output each document is written as soon as it is analysed; a file of
  --output appears when it is complete. brat's files are not written over others with the same names. jsonl, doccano-jsonl, prodigy-jsonl, conll and brat can be trained on once
  they are corrected.";

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
    let provenance = provenance(args, &source);
    let labels = &source.decoder.labels;
    let mut output = Output::open(
        args.output.as_deref(),
        args.format,
        args.input.as_deref(),
        &provenance,
        labels,
    )?;
    let job = Job {
        // Files of their own are not put into one text.
        printed: (!output.is_folder()).then_some(args.format),
        provenance: &provenance,
        recognize: |text: &str, scratch: &mut Scratch| source.recognize(text, scratch),
    };
    let written = match input {
        Input::Note(note) => {
            let mut scratch = Scratch::with_team(Arc::new(Team::of_all_cores()));
            job.render(0, &note, &mut scratch)
                .and_then(|(document, text)| output.document(&document, &text))
        }
        Input::Lines { file, reader } => stream(&file, reader, &job, &mut output),
        Input::Whole {
            file,
            kind,
            content,
        } => documents(&file, kind, &content).and_then(|notes| batches(notes, &job, &mut output)),
    };
    let written = match written {
        Ok(()) => output.end(),
        Err(error) => {
            output.discard();
            Err(error)
        }
    };
    match written {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        result => result,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What the entities are from.
fn provenance(args: &PredictArgs, source: &Source) -> Provenance {
    let least = source.decoder.least_score();
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    };
    Provenance {
        model: args
            .model
            .as_ref()
            .map_or_else(|| "models/default".to_owned(), name),
        version: VERSION.to_owned(),
        sha256: source.sha256.clone(),
        threshold: args
            .threshold
            .map_or(least, |asked| least.max(asked as f32)),
    }
}

/// What is done with each text.
struct Job<'a, F> {
    /// None where documents are written as files of their own.
    printed: Option<Printed>,
    provenance: &'a Provenance,
    recognize: F,
}

impl<F> Job<'_, F>
where
    F: Fn(&str, &mut Scratch) -> Result<Vec<Entity>> + Sync,
{
    /// The `number`th document from 0, and as it is printed, without what separates it from the next.
    fn render(
        &self,
        number: usize,
        note: &Note,
        scratch: &mut Scratch,
    ) -> Result<(Exported, String)> {
        let mut entities =
            (self.recognize)(&note.text, scratch).with_context(|| note.place.clone())?;
        entities.retain(|entity| entity.score >= self.provenance.threshold);
        let document = Exported {
            id: note.name(),
            text: note.text.clone(),
            marks: entities.iter().map(Mark::from).collect(),
        };
        let rendered = match self.printed {
            None => String::new(),
            Some(Printed::Text) => python::tuples(&note.text, &entities),
            // An id of any kind stays what it is.
            Some(Printed::File(Format::Json | Format::Jsonl)) => {
                jsonl::line(&note.id, &document, self.provenance)
            }
            Some(Printed::File(format)) => {
                write::document(format, number, &document, self.provenance)
                    .with_context(|| format!("{}: --format {}", note.place, format.name()))?
            }
        };
        Ok((document, rendered))
    }

    /// Analyses notes side by side, the first of which is the `number`th, and writes them in order.
    fn batch(&self, number: usize, notes: Vec<Note>, output: &mut Output) -> Result<()> {
        let rendered: Vec<Result<(Exported, String)>> = notes
            .into_par_iter()
            .enumerate()
            .map_init(Scratch::default, |scratch, (at, note)| {
                self.render(number + at, &note, scratch)
            })
            .collect();
        for document in rendered {
            let (document, text) = document?;
            output.document(&document, &text)?;
        }
        Ok(())
    }
}

/// Analyses line after line. Lines that have arrived are analysed together, those that have not are
/// not waited for.
fn stream<F>(
    file: &str,
    reader: Box<dyn BufRead + Send>,
    job: &Job<F>,
    output: &mut Output,
) -> Result<()>
where
    F: Fn(&str, &mut Scratch) -> Result<Vec<Entity>> + Sync,
{
    let arriving = lines(reader, BATCH);
    let mut number = 0;
    while let Ok(first) = arriving.recv() {
        let mut notes = Vec::new();
        let mut broken = None;
        for line in std::iter::once(first).chain(arriving.try_iter().take(BATCH - 1)) {
            match line
                .with_context(|| file.to_owned())
                .and_then(|line| line.note(file))
            {
                Ok(note) => notes.extend(note),
                // The lines before it are answered first.
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        let count = notes.len();
        job.batch(number, notes, output)?;
        number += count;
        if let Some(error) = broken {
            return Err(error);
        }
    }
    Ok(())
}

/// Analyses the documents of a file that was read as a whole.
fn batches<F>(notes: Vec<Note>, job: &Job<F>, output: &mut Output) -> Result<()>
where
    F: Fn(&str, &mut Scratch) -> Result<Vec<Entity>> + Sync,
{
    let mut notes = notes.into_iter();
    for number in (0..).step_by(BATCH) {
        let batch: Vec<Note> = notes.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        job.batch(number, batch, output)?;
    }
    Ok(())
}
