//! Why an archive was refused: a stable kind and a place, never a name or a value of it.

/// Why an archive was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at {place}")]
pub struct XdmError {
    /// What is wrong.
    pub kind: XdmErrorKind,
    /// Where: `archive`, `entry n` (from 1, in the order of the directory), `subset n` and a place in its metadata. Names
    /// of files may name people: they are not repeated.
    pub place: String,
}

/// What is wrong with an archive. [`XdmErrorKind::code`] is stable and may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XdmErrorKind {
    /// The bytes could not be read or written.
    #[error("input or output failed")]
    Io,
    /// No zip.
    #[error("not a zip archive")]
    NotZip,
    /// A zip that has no end, or more than one.
    #[error("the archive is cut or has bytes after its end")]
    Truncated,
    /// More bytes than [`crate::Limits::max_archive`].
    #[error("the archive is too large")]
    ArchiveTooLarge,
    /// More entries than [`crate::Limits::max_entries`].
    #[error("too many entries")]
    TooManyEntries,
    /// Zip64, which nothing within the limits needs.
    #[error("zip64 is refused")]
    Zip64,
    /// Directory and entries do not fit together.
    #[error("the directory of the archive is not sound")]
    Directory,
    /// Two entries share bytes of the archive.
    #[error("entries overlap")]
    Overlap,
    /// An entry is encrypted.
    #[error("an entry is encrypted")]
    Encrypted,
    /// Packed neither as it is nor by deflate.
    #[error("an entry is packed in a way that is not read")]
    Method,
    /// A name that is empty, too long, or holds what no name holds.
    #[error("a name is not sound")]
    Name,
    /// A name from the root of a disk.
    #[error("a name is absolute")]
    AbsoluteName,
    /// A name that leads out of its folder.
    #[error("a name leads out of the archive")]
    Traversal,
    /// A link or a special file.
    #[error("an entry is a link or a special file")]
    Link,
    /// Two entries of one name, were it but for their case, or a file that is a folder as well.
    #[error("two entries have one name")]
    DuplicateName,
    /// An entry unpacks to more than [`crate::Limits::max_entry`].
    #[error("an entry is too large")]
    EntryTooLarge,
    /// All entries unpack to more than [`crate::Limits::max_total`].
    #[error("the entries are too large together")]
    TotalTooLarge,
    /// An entry unpacks to more than [`crate::Limits::max_ratio`] times its bytes.
    #[error("an entry is packed too well to be honest")]
    Ratio,
    /// An entry does not unpack, or not to the length and check sum that it claims.
    #[error("an entry is damaged")]
    Damaged,
    /// There is no `IHE_XDM` folder with a set in it, or several.
    #[error("no IHE_XDM folder, or several")]
    NoXdm,
    /// More sets than [`crate::Limits::max_subsets`].
    #[error("too many submission sets")]
    TooManySubsets,
    /// A folder of `IHE_XDM` has no `METADATA.XML`.
    #[error("a set has no METADATA.XML")]
    NoMetadata,
    /// `METADATA.XML` is larger than [`crate::Limits::max_metadata`].
    #[error("METADATA.XML is too large")]
    MetadataTooLarge,
    /// `METADATA.XML` is no `SubmitObjectsRequest`; the code says why.
    #[error("METADATA.XML cannot be read ({0})")]
    Metadata(&'static str),
    /// A document entry has no `URI`, or one that is no place in its set.
    #[error("a document has no sound URI")]
    Uri,
    /// A document entry without `hash` or `size`, which XDM asks for.
    #[error("a document has no hash or size")]
    NoHash,
    /// Nothing stands where a document's `URI` points.
    #[error("a document is absent")]
    NoDocument,
    /// Two document entries point at one file.
    #[error("two documents are one file")]
    SharedDocument,
    /// A document has another size than its metadata say.
    #[error("a document has another size")]
    SizeDiffers,
    /// A document has another SHA-1 than its metadata say.
    #[error("a document has another hash")]
    HashDiffers,
    /// More sets or documents than the names of XDM can number.
    #[error("too much to be written")]
    TooMuch,
    /// A document to be written has no `ExtrinsicObject` in its set, or one has no document.
    #[error("documents and metadata to be written do not match")]
    Unmatched,
}

impl XdmErrorKind {
    /// A stable name for logs, metrics and answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Io => "xdm-io",
            Self::NotZip => "xdm-not-zip",
            Self::Truncated => "xdm-truncated",
            Self::ArchiveTooLarge => "xdm-archive-too-large",
            Self::TooManyEntries => "xdm-too-many-entries",
            Self::Zip64 => "xdm-zip64",
            Self::Directory => "xdm-directory",
            Self::Overlap => "xdm-overlap",
            Self::Encrypted => "xdm-encrypted",
            Self::Method => "xdm-method",
            Self::Name => "xdm-name",
            Self::AbsoluteName => "xdm-absolute-name",
            Self::Traversal => "xdm-traversal",
            Self::Link => "xdm-link",
            Self::DuplicateName => "xdm-duplicate-name",
            Self::EntryTooLarge => "xdm-entry-too-large",
            Self::TotalTooLarge => "xdm-total-too-large",
            Self::Ratio => "xdm-ratio",
            Self::Damaged => "xdm-damaged",
            Self::NoXdm => "xdm-no-xdm",
            Self::TooManySubsets => "xdm-too-many-subsets",
            Self::NoMetadata => "xdm-no-metadata",
            Self::MetadataTooLarge => "xdm-metadata-too-large",
            Self::Metadata(_) => "xdm-metadata",
            Self::Uri => "xdm-uri",
            Self::NoHash => "xdm-no-hash",
            Self::NoDocument => "xdm-no-document",
            Self::SharedDocument => "xdm-shared-document",
            Self::SizeDiffers => "xdm-size-differs",
            Self::HashDiffers => "xdm-hash-differs",
            Self::TooMuch => "xdm-too-much",
            Self::Unmatched => "xdm-unmatched",
        }
    }

    /// This error at a place.
    pub(crate) fn at(self, place: impl Into<String>) -> XdmError {
        XdmError { kind: self, place: place.into() }
    }

    /// This error of the archive as a whole.
    pub(crate) fn whole(self) -> XdmError {
        self.at("archive")
    }

    /// This error at an entry, counted from 0.
    pub(crate) fn entry(self, index: usize) -> XdmError {
        self.at(format!("entry {}", index + 1))
    }
}

/// What the system says of itself may name a file: only that it failed is kept.
pub(crate) fn io(_: std::io::Error) -> XdmError {
    XdmErrorKind::Io.whole()
}
