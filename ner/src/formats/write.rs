//! Writing a collection in any of the formats, at once or document by document.

use super::{Exported, FileNames, Format, Provenance};
use super::{brat, conll, csv, doccano, fhir, html, jsonl, prodigy};
use crate::{Error, Labels};

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, without folder, that any system takes.
    pub name: String,
    /// Its content, UTF-8.
    pub content: String,
}

/// A document of a collection, the `number`th from 0, for [`Writer::document`]. Documents can be
/// made in any order, also side by side.
///
/// # Errors
/// [`Error::Document`] for what the format cannot hold: in columns, marks that are not on words, and
/// types with white space; for brat as one text, a second document.
///
/// # Panics
/// When marks do not lie in the text as [`Exported::marks`] has them.
pub fn document(
    format: Format,
    number: usize,
    document: &Exported,
    provenance: &Provenance,
) -> Result<String, Error> {
    Ok(match format {
        Format::Json | Format::Jsonl => jsonl::line(&document.id, document, provenance),
        Format::DoccanoJsonl => doccano::line(document, provenance),
        Format::ProdigyJsonl => prodigy::line(document, provenance),
        Format::Conll => conll::document(document, provenance)?,
        Format::Brat if number > 0 => {
            return Err(Error::Document {
                id: document.id.clone(),
                problem: "brat has two files for each document; write them into a folder".into(),
            });
        }
        Format::Brat => brat::annotations(document, provenance)?,
        Format::Csv => csv::rows(document, provenance),
        Format::Html => html::section(document),
        Format::Fhir => fhir::entries(number, document, provenance),
    })
}

/// Puts the documents of a collection together, with what stands before, between and after them.
///
/// What it returns is to be written in this order.
#[derive(Debug)]
pub struct Writer<'a> {
    format: Format,
    provenance: &'a Provenance,
    /// Documents that left something.
    written: usize,
    begun: bool,
}

impl<'a> Writer<'a> {
    /// For a collection of which nothing is written.
    pub fn new(format: Format, provenance: &'a Provenance) -> Self {
        Self {
            format,
            provenance,
            written: 0,
            begun: false,
        }
    }

    /// What to write for what [`document`] gave.
    pub fn document(&mut self, document: &str) -> String {
        let mut content = self.head();
        if document.is_empty() {
            return content;
        }
        let (before, after) = match (self.format, self.written) {
            (Format::Json | Format::Fhir, 0) => ("", ""),
            (Format::Json | Format::Fhir, _) => (",\n", ""),
            (Format::Jsonl | Format::DoccanoJsonl | Format::ProdigyJsonl, _) => ("", "\n"),
            (Format::Conll | Format::Brat | Format::Csv | Format::Html, _) => ("", ""),
        };
        if self.format == Format::Fhir && self.written == 0 {
            content.push_str(fhir::FIRST);
        }
        self.written += 1;
        content.extend([before, document, after]);
        content
    }

    /// What to write at the end.
    pub fn end(mut self) -> String {
        let mut content = self.head();
        content.push_str(match (self.format, self.written) {
            (Format::Json, _) => "]\n",
            (Format::Fhir, 0) => "}\n",
            (Format::Fhir, _) => "]}\n",
            (Format::Html, _) => html::TAIL,
            _ => "",
        });
        content
    }

    /// What stands before the first document, once.
    fn head(&mut self) -> String {
        if std::mem::replace(&mut self.begun, true) {
            return String::new();
        }
        match self.format {
            Format::Json => "[".to_owned(),
            Format::Csv => csv::head(),
            Format::Html => html::head(self.provenance),
            Format::Fhir => fhir::head(self.provenance),
            Format::Jsonl
            | Format::DoccanoJsonl
            | Format::ProdigyJsonl
            | Format::Conll
            | Format::Brat => String::new(),
        }
    }
}

/// A collection as one text.
///
/// # Errors
/// As [`document`].
pub fn write(
    format: Format,
    documents: &[Exported],
    provenance: &Provenance,
) -> Result<String, Error> {
    let mut writer = Writer::new(format, provenance);
    let mut content = String::new();
    for (number, exported) in documents.iter().enumerate() {
        let piece = document(format, number, exported, provenance)?;
        content.push_str(&writer.document(&piece));
    }
    content.push_str(&writer.end());
    Ok(content)
}

/// A collection as files: for brat a `.txt` and an `.ann` for each document, named for its id, and
/// `annotation.conf`; otherwise one file of this name.
///
/// # Errors
/// As [`document`] and [`brat::configuration`].
pub fn files(
    format: Format,
    name: &str,
    documents: &[Exported],
    provenance: &Provenance,
    labels: &Labels,
) -> Result<Vec<File>, Error> {
    let mut names = FileNames::default();
    if format != Format::Brat {
        return Ok(vec![File {
            name: format!("{}.{}", names.unique(name), format.extension()),
            content: write(format, documents, provenance)?,
        }]);
    }
    let mut files = vec![brat_configuration(labels, provenance)?];
    for document in documents {
        files.extend(brat_files(document, provenance, &mut names)?);
    }
    Ok(files)
}

/// The files of a document for brat.
///
/// # Errors
/// As [`document`].
pub fn brat_files(
    document: &Exported,
    provenance: &Provenance,
    names: &mut FileNames,
) -> Result<[File; 2], Error> {
    let annotations = brat::annotations(document, provenance)?;
    let name = names.unique(&document.id);
    let file = |extension: &str, content| File {
        name: format!("{name}.{extension}"),
        content,
    };
    Ok([file("txt", document.text.clone()), file("ann", annotations)])
}

/// The file that tells brat the types of a folder.
///
/// # Errors
/// As [`brat::configuration`].
pub fn brat_configuration(labels: &Labels, provenance: &Provenance) -> Result<File, Error> {
    Ok(File {
        name: "annotation.conf".to_owned(),
        content: brat::configuration(labels, provenance)?,
    })
}
