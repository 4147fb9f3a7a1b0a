//! Several files as one to download.

use std::io::{Cursor, Write};

use ner::formats::File;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The files as a ZIP archive. They are stored as they are: annotations are small, and a browser needs no decompressor then.
///
/// # Errors
/// When two files have one name, or the archive would pass the 4 GiB of the format.
pub fn zip(files: &[File]) -> Result<Vec<u8>, ZipError> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        archive.start_file(file.name.as_str(), options)?;
        archive.write_all(file.content.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use zip::ZipArchive;

    use super::*;

    fn file(name: &str, content: &str) -> File {
        File {
            name: name.to_owned(),
            content: content.to_owned(),
        }
    }

    #[test]
    fn files_come_back() {
        let check = |files: &[File]| {
            let bytes = zip(files).expect("an archive");
            let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("it can be read");
            let mut found = Vec::new();
            for at in 0..archive.len() {
                let mut entry = archive.by_index(at).expect("an entry");
                let name = entry.name().expect("a name in UTF-8").into_owned();
                let mut content = String::new();
                entry.read_to_string(&mut content).expect("its content");
                found.push(file(&name, &content));
            }
            assert_eq!(found, files);
        };
        check(&[]);
        check(&[file("annotation.conf", "[entities]\n")]);
        check(&[file("月经.txt", "é\r\n😀"), file("月经.ann", "")]);
    }

    #[test]
    fn a_name_is_there_once() {
        assert!(zip(&[file("a", ""), file("a", "")]).is_err());
    }
}
