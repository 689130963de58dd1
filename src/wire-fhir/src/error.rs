//! What can be wrong with a body, and where: a FHIRPath, never a value.

/// Why a body was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at {place}")]
pub struct ParseError {
    /// FHIRPath of the element.
    pub place: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl ParseError {
    pub(crate) fn new(place: impl Into<String>, problem: Problem) -> Self {
        Self { place: place.into(), problem }
    }
}

/// What is wrong. No variant carries a value of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Larger, or with more values, than accepted.
    #[error("too large")]
    TooLarge,
    /// Nested deeper than accepted.
    #[error("nested too deeply")]
    TooDeep,
    /// No JSON.
    #[error("not JSON (line {line}, column {column})")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A key stands twice in one object.
    #[error("a key stands twice in one object")]
    DuplicateKey,
    /// Not base64.
    #[error("not base64")]
    Base64,
    /// Not the resource this place is for.
    #[error("expected {0}")]
    WrongResource(&'static str),
    /// FHIR R4 has no such element there, or an empty one.
    #[error("no such element in FHIR R4, or an empty one")]
    UnknownElement,
    /// The element has not its type, or a code outside its required value set.
    #[error("not of its type, or a code outside its value set")]
    WrongType,
    /// A mandatory element is absent.
    #[error("mandatory element `{0}` is absent")]
    Missing(String),
    /// A modifier that is not understood.
    #[error("a modifier that is not understood: it may not be ignored")]
    Modifier,
}
