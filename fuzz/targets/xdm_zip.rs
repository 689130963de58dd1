//! XDM media: the archive, and each document that it claims to hold.
#![no_main]
use std::io;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = xdm::Limits { max_entry: 1 << 20, max_total: 4 << 20, ..xdm::Limits::default() };
    let Ok(mut media) = xdm::Media::open(io::Cursor::new(bytes), limits) else { return };
    let documents: Vec<_> = media.submission_sets.iter().flat_map(|set| set.documents.clone()).collect();
    for document in documents {
        let _ = media.document(&document, &mut io::sink());
    }
});
