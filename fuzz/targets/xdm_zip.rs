//! XDM media: the archive, and each document that it claims to hold. What begins with `M` is the metadata of an archive
//! that is otherwise sound: no mutation of bytes keeps a checksum right, and what lies behind it is to be read too.
#![no_main]
use std::io::{self, Cursor, Write};

use zip::write::{SimpleFileOptions, ZipWriter};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match bytes.strip_prefix(b"M") {
    Some(metadata) => read(&archive(metadata)),
    None => read(bytes),
});

fn read(bytes: &[u8]) {
    let limits = xdm::Limits { max_entry: 1 << 20, max_total: 4 << 20, ..xdm::Limits::default() };
    let Ok(mut media) = xdm::Media::open(Cursor::new(bytes), limits) else { return };
    let documents: Vec<_> = media.submission_sets.iter().flat_map(|set| set.documents.clone()).collect();
    for document in documents {
        let _ = media.document(&document, &mut io::sink());
    }
}

/// A medium of one set of three documents, with this metadata.
fn archive(metadata: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let files: [(&str, &[u8]); 6] = [
        ("INDEX.HTM", b"<html/>"),
        ("README.TXT", b"read"),
        ("IHE_XDM/SUBSET01/METADATA.XML", metadata),
        ("IHE_XDM/SUBSET01/DOC00001.TXT", b"mot"),
        ("IHE_XDM/SUBSET01/DOC00002.XML", b"<a/>"),
        ("IHE_XDM/SUBSET01/ANNEX/DOC00003.PDF", b"%PDF-1.4"),
    ];
    for (name, content) in files {
        zip.start_file(name, SimpleFileOptions::default()).expect("a file");
        zip.write_all(content).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}
