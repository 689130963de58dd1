//! Bounds of one archive.

/// Bounds of one archive and of what it unpacks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the archive.
    pub max_archive: u64,
    /// Entries, folders included.
    pub max_entries: usize,
    /// Bytes that one entry unpacks to.
    pub max_entry: u64,
    /// Bytes that all entries together unpack to.
    pub max_total: u64,
    /// Bytes unpacked for one packed, in entries larger than [`Limits::ratio_from`].
    pub max_ratio: u64,
    /// Bytes from which the ratio counts: small texts pack well and harm nobody.
    pub ratio_from: u64,
    /// Bytes of one `METADATA.XML`.
    pub max_metadata: usize,
    /// Submission sets.
    pub max_subsets: usize,
}

impl Default for Limits {
    /// 256 MiB, 1 000 entries of at most 100 MiB, 512 MiB in all, 200 to 1 (deflate reaches 1 032), 4 MiB of metadata,
    /// 20 sets.
    fn default() -> Self {
        Self {
            max_archive: 256 << 20,
            max_entries: 1_000,
            max_entry: 100 << 20,
            max_total: 512 << 20,
            max_ratio: 200,
            ratio_from: 1 << 20,
            max_metadata: 4 << 20,
            max_subsets: 20,
        }
    }
}
