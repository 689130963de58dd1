//! The one error of the message readers: a stable kind and a place, never what stood there.

use std::fmt;

/// Why a message could not be read, and where.
///
/// The text of the error names elements and attributes of the standard only: nothing a sender wrote as a value is
/// repeated, so that it may be logged and sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at {place}")]
pub struct MessageError {
    /// What is wrong.
    pub kind: MessageErrorKind,
    /// Where, as an XPath-like string such as `/Envelope/Body/AdhocQueryRequest/AdhocQuery/Slot[2]`.
    pub place: String,
}

/// What is wrong with a message. [`MessageErrorKind::code`] is stable and may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageErrorKind {
    /// The element is not the one expected here.
    UnexpectedElement,
    /// A required child element is absent.
    MissingElement(&'static str),
    /// A child element that may occur once occurs again.
    RepeatedElement(&'static str),
    /// A required attribute is absent.
    MissingAttribute(&'static str),
    /// An attribute or element does not have its type's form (`integer`, `boolean`, `base64Binary` ...).
    InvalidValue(&'static str),
    /// A text or attribute is longer than any of its kind needs.
    TooLong {
        /// The bound in bytes.
        max: usize,
    },
    /// An element repeats more often than any message needs.
    TooMany(&'static str),
    /// An `xop:Include` reference is not a `cid:` URI.
    InvalidReference,
    /// A stored-query value does not follow the grammar of ITI TF-2 3.18.4.1.2.3.
    InvalidQueryValue,
    /// Two documents carry the same id, or an id fits several objects when its case is ignored.
    AmbiguousDocument,
    /// An `ExtrinsicObject` has no document with its id.
    MissingDocument,
    /// A document has no `ExtrinsicObject` with its id.
    MissingDocumentMetadata,
}

impl MessageErrorKind {
    /// A stable name for logs, metrics and fault details.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnexpectedElement => "unexpected-element",
            Self::MissingElement(_) => "missing-element",
            Self::RepeatedElement(_) => "repeated-element",
            Self::MissingAttribute(_) => "missing-attribute",
            Self::InvalidValue(_) => "invalid-value",
            Self::TooLong { .. } => "value-too-long",
            Self::TooMany(_) => "too-many-elements",
            Self::InvalidReference => "invalid-reference",
            Self::InvalidQueryValue => "invalid-query-value",
            Self::AmbiguousDocument => "ambiguous-document",
            Self::MissingDocument => "missing-document",
            Self::MissingDocumentMetadata => "missing-document-metadata",
        }
    }
}

impl fmt::Display for MessageErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedElement => f.write_str("unexpected element"),
            Self::MissingElement(name) => write!(f, "missing element {name}"),
            Self::RepeatedElement(name) => write!(f, "repeated element {name}"),
            Self::MissingAttribute(name) => write!(f, "missing attribute {name}"),
            Self::InvalidValue(form) => write!(f, "value is not of type {form}"),
            Self::TooLong { max } => write!(f, "value is longer than {max} bytes"),
            Self::TooMany(name) => write!(f, "element {name} repeats too often"),
            Self::InvalidReference => f.write_str("reference is not a cid URI"),
            Self::InvalidQueryValue => f.write_str("value does not follow the stored-query grammar"),
            Self::AmbiguousDocument => f.write_str("document id is ambiguous"),
            Self::MissingDocument => f.write_str("object has no document"),
            Self::MissingDocumentMetadata => f.write_str("document has no object"),
        }
    }
}

impl MessageErrorKind {
    /// This error at a place.
    pub(crate) fn at(self, place: impl Into<String>) -> MessageError {
        MessageError { kind: self, place: place.into() }
    }
}
