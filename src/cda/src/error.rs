//! Why a header could not be read: a stable kind and a place, never what stood there.

/// Why a header could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at {place}")]
pub struct HeaderError {
    /// What is wrong.
    pub kind: HeaderErrorKind,
    /// Where: an XPath, or `byte n` where there is none yet.
    pub place: String,
}

/// What is wrong with a header. [`HeaderErrorKind::code`] is stable and may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderErrorKind {
    /// The bytes end before the body begins: more of them are needed, or the document is cut.
    #[error("the bytes end before the body begins")]
    Incomplete,
    /// No `ClinicalDocument` of `urn:hl7-org:v3` is in them.
    #[error("not a CDA document")]
    NotCda,
    /// A document type declaration, whatever it says.
    #[error("document type declarations are refused")]
    Doctype,
    /// An entity that XML does not know by itself.
    #[error("unknown entity")]
    Entity,
    /// Elements are nested deeper than any header nests.
    #[error("elements are nested too deeply")]
    TooDeep,
    /// More elements than any header holds.
    #[error("too many elements")]
    TooManyElements,
    /// An element has more attributes than any header element.
    #[error("too many attributes")]
    TooManyAttributes,
    /// The bytes are not text in the declared character set.
    #[error("not text in the declared character set")]
    NotText,
    /// A character set that is not read (UTF-8, ISO-8859-1 and windows-1252 are).
    #[error("the declared character set is not supported")]
    UnknownCharset,
    /// Not well-formed.
    #[error("not well-formed")]
    Malformed,
}

impl HeaderErrorKind {
    /// A stable name for logs, metrics and answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Incomplete => "cda-incomplete",
            Self::NotCda => "cda-not-cda",
            Self::Doctype => "cda-doctype",
            Self::Entity => "cda-entity",
            Self::TooDeep => "cda-too-deep",
            Self::TooManyElements => "cda-too-many-elements",
            Self::TooManyAttributes => "cda-too-many-attributes",
            Self::NotText => "cda-not-text",
            Self::UnknownCharset => "cda-unknown-charset",
            Self::Malformed => "cda-malformed",
        }
    }

    /// This error at a place.
    pub(crate) fn at(self, place: impl Into<String>) -> HeaderError {
        HeaderError { kind: self, place: place.into() }
    }
}
