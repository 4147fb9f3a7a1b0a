//! Where `trainer predict` writes, and in which format.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::builder::PossibleValue;
use ner::Labels;
use ner::formats::{Exported, FileNames, Format, Provenance, Writer, read, write};

use crate::checkpoint;

/// How documents are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// One line per document, a list of tuples as Python prints it.
    Text,
    /// A file format, which the page has too.
    File(Format),
}

/// Tuples first, which are what is printed where nothing is said.
const PRINTED: [Printed; Format::ALL.len() + 1] = {
    let mut all = [Printed::Text; Format::ALL.len() + 1];
    let mut i = 0;
    while i < Format::ALL.len() {
        all[i + 1] = Printed::File(Format::ALL[i]);
        i += 1;
    }
    all
};

impl clap::ValueEnum for Printed {
    fn value_variants<'a>() -> &'a [Self] {
        &PRINTED
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Text => "text",
            Self::File(format) => format.name(),
        }))
    }
}

/// Where documents go, one after the other.
pub enum Output<'a> {
    /// To standard output or into one file.
    Stream {
        /// Puts the documents together; none for tuples, which are a line each.
        writer: Option<Writer<'a>>,
        /// What takes them.
        sink: Sink,
    },
    /// Into a folder, for brat.
    Folder {
        /// The folder, which exists.
        path: PathBuf,
        /// Names that were given.
        names: FileNames,
        /// What the marks are from.
        provenance: &'a Provenance,
    },
}

/// What takes a stream.
pub enum Sink {
    /// Standard output, where whoever reads has each document at once.
    Standard(io::StdoutLock<'static>),
    /// A file, which appears when it is whole.
    File {
        /// Its name.
        path: PathBuf,
        /// Its name until then; none for what is no file, such as a pipe or a device, and takes each
        /// document at once.
        partial: Option<PathBuf>,
        /// What is written.
        file: BufWriter<File>,
    },
}

/// Names of standard output.
const STANDARD: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Names of what else the process has open, which may be files.
const OPEN: [&str; 3] = ["/dev/stderr", "/dev/fd", "/proc/self/fd"];

impl<'a> Output<'a> {
    /// Opens what `--output` says. `input` is the name of the input, for files in a folder.
    ///
    /// # Errors
    /// Names the file or folder that cannot be made.
    pub fn open(
        path: Option<&Path>,
        printed: Printed,
        input: Option<&Path>,
        provenance: &'a Provenance,
        labels: &Labels,
    ) -> Result<Self> {
        let writer = match printed {
            Printed::Text => None,
            Printed::File(format) => Some(Writer::new(format, provenance)),
        };
        let sink = match (path, printed) {
            (None, _) => Sink::Standard(io::stdout().lock()),
            // Opened anew, it would have a place of its own in the file that it may lead to.
            (Some(path), _) if STANDARD.iter().any(|name| path == Path::new(name)) => {
                Sink::Standard(io::stdout().lock())
            }
            (Some(path), Printed::File(Format::Brat)) => {
                fs::create_dir_all(path).with_context(|| format!("--output {}", path.display()))?;
                let configuration = write::brat_configuration(labels, provenance)?;
                save(path, &configuration)?;
                return Ok(Self::Folder {
                    path: path.to_owned(),
                    names: FileNames::default(),
                    provenance,
                });
            }
            (Some(path), _) if path.is_dir() => {
                let name = input.map(|input| input.to_string_lossy().into_owned());
                let stem = name.as_deref().map_or("entities", read::stem);
                let stem = if stem == "-" { "entities" } else { stem };
                let extension = match printed {
                    Printed::Text => "txt",
                    Printed::File(format) => format.extension(),
                };
                let path = path.join(format!("{stem}.{extension}"));
                ensure!(
                    input.is_none_or(|input| !same(input, &path)),
                    "--output: {} is the input; name a file",
                    path.display()
                );
                Sink::file(path)?
            }
            (Some(path), _) => Sink::file(path.to_owned())?,
        };
        Ok(Self::Stream { writer, sink })
    }

    /// Whether documents are written as files of their own.
    pub fn is_folder(&self) -> bool {
        matches!(self, Self::Folder { .. })
    }

    /// Writes one document, which `rendered` is in a stream's format.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn document(&mut self, document: &Exported, rendered: &str) -> Result<()> {
        match self {
            Self::Stream { writer, sink } => sink.print(&match writer {
                Some(writer) => writer.document(rendered),
                None => format!("{rendered}\n"),
            }),
            Self::Folder {
                path,
                names,
                provenance,
            } => {
                let files = write::brat_files(document, provenance, names)?;
                files.iter().try_for_each(|file| save(path, file))
            }
        }
    }

    /// Writes what stands at the end.
    ///
    /// # Errors
    /// As [`Self::document`].
    pub fn end(self) -> Result<()> {
        match self {
            Self::Stream { writer, mut sink } => {
                sink.print(&writer.map_or_else(String::new, Writer::end))?;
                sink.close()
            }
            Self::Folder { .. } => Ok(()),
        }
    }

    /// Leaves no half file behind. What is in a folder stays, as each document is whole.
    pub fn discard(self) {
        if let Self::Stream {
            sink:
                Sink::File {
                    partial: Some(partial),
                    ..
                },
            ..
        } = self
        {
            // The error that is reported is the one that came before.
            let _ = fs::remove_file(partial);
        }
    }
}

/// Writes a file into a folder where annotators may be at work: what they have changed is not written
/// over.
fn save(folder: &Path, file: &write::File) -> Result<()> {
    let path = folder.join(&file.name);
    match fs::read(&path) {
        Ok(found) if found == file.content.as_bytes() => Ok(()),
        Ok(_) => bail!(
            "{}: is there with other content; name an empty folder, or move the file away",
            path.display()
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            checkpoint::write(&path, file.content.as_bytes())
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Whether two paths are one file.
fn same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

impl Sink {
    fn file(path: PathBuf) -> Result<Self> {
        let named = || format!("--output {}", path.display());
        // A link stays one, and what it leads to is written.
        let target = path.canonicalize().unwrap_or_else(|_| path.clone());
        let is_file = fs::symlink_metadata(&target).map_or(true, |found| found.is_file());
        let is_open = OPEN.iter().any(|open| path.starts_with(open));
        if is_open || !is_file {
            // Appending leaves what is there of a file; elsewhere it makes no difference.
            let file = File::options().append(true).create(true).open(&path);
            return Ok(Self::File {
                file: BufWriter::new(file.with_context(named)?),
                path,
                partial: None,
            });
        }
        let name = target.file_name().with_context(named)?.to_string_lossy();
        let partial = target.with_file_name(format!(".{name}.partial"));
        let file = BufWriter::new(File::create(&partial).with_context(named)?);
        Ok(Self::File {
            path: target,
            partial: Some(partial),
            file,
        })
    }

    fn print(&mut self, text: &str) -> Result<()> {
        match self {
            Self::Standard(out) => out
                .write_all(text.as_bytes())
                .and_then(|()| out.flush())
                .context("standard output"),
            Self::File {
                path,
                partial,
                file,
            } => file
                .write_all(text.as_bytes())
                .and_then(|()| match partial {
                    Some(_) => Ok(()),
                    None => file.flush(),
                })
                .with_context(|| format!("cannot write {}", path.display())),
        }
    }

    fn close(self) -> Result<()> {
        let Self::File {
            path,
            partial,
            file,
        } = self
        else {
            return Ok(());
        };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error);
        let written = match &partial {
            None => file.map(drop),
            Some(partial) => file
                .and_then(|file| file.sync_all())
                .and_then(|()| fs::rename(partial, &path))
                // The error that is reported is the one that came before.
                .inspect_err(|_| drop(fs::remove_file(partial))),
        };
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_put_in_place_is_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let mut sink = Sink::file(path.clone()).unwrap();
        sink.print("[]").unwrap();
        fs::create_dir(&path).unwrap();
        let error = format!("{:#}", sink.close().unwrap_err());
        assert!(error.contains("cannot write"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
