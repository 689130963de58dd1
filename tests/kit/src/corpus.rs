//! Documents and messages that nobody here wrote, when they stand beside the project (`../shared`, or where
//! `PASSERELLE_SHARED` says). A test that has none says so and passes; one whose folder is empty fails.

use std::path::PathBuf;

/// The files of a folder of the corpus, sorted; `None` (said on stdout) when there is no corpus.
///
/// # Panics
/// When the corpus is there and the folder is not, or is empty.
#[must_use]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub fn files(folder: &str) -> Option<Vec<PathBuf>> {
    let Some(shared) = shared() else {
        println!("skipped: ../shared is absent");
        return None;
    };
    let folder = shared.join(folder);
    let read = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = read.map(|f| f.expect("readable").path()).filter(|p| p.is_file()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    Some(files)
}

/// Where the corpus is, when it is.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let path = std::env::var_os("PASSERELLE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    path.is_dir().then_some(path)
}
