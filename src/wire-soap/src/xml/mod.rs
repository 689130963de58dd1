//! A bounded XML tree: the one that signatures are verified on and that messages are read from.
//!
//! Carries out W3C XML 1.0 and Namespaces in XML 1.0 through the `uppsala` crate, whose parser, tree and drop are
//! iterative. What `uppsala` does not bound is refused beforehand by [`prescan`]: nodes, attributes of one element
//! (it compares them pairwise), namespace declarations in scope (it searches them linearly) and the length of a
//! namespace name (it may be copied into every element).
//!
//! Never accepts a document type declaration, hence no entity but the five of XML; never repeats content in an
//! error.

mod decode;
mod element;
pub(crate) mod escape;
mod prescan;

pub use decode::decode;
pub use element::Element;

/// Bounds of one XML document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XmlLimits {
    /// Length of the document in bytes.
    pub max_bytes: usize,
    /// Nesting of elements; the document element is at depth 1.
    pub max_depth: u32,
    /// Elements, attributes, texts, comments and processing instructions together.
    pub max_nodes: usize,
}

impl Default for XmlLimits {
    /// 4 MiB, 100 levels, 250,000 nodes: some 400 documents in one submission, at most about 60 MB of tree.
    fn default() -> Self {
        Self { max_bytes: 4 << 20, max_depth: 100, max_nodes: 250_000 }
    }
}

/// Why a document is refused. The place is a position in the document, never its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// More bytes than [`XmlLimits::max_bytes`].
    #[error("document is longer than {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// More levels than [`XmlLimits::max_depth`].
    #[error("elements are nested deeper than {max} levels")]
    TooDeep {
        /// The bound.
        max: u32,
    },
    /// More nodes than [`XmlLimits::max_nodes`].
    #[error("document has more than {max} nodes")]
    TooManyNodes {
        /// The bound.
        max: usize,
    },
    /// One element has more attributes than any message of this family needs.
    #[error("an element has more than {max} attributes")]
    TooManyAttributes {
        /// The bound.
        max: u32,
    },
    /// Too many namespace declarations are in scope at once, or one is too long.
    #[error("namespace declarations exceed {max} in scope or {max_length} bytes in length")]
    Namespaces {
        /// The bound of declarations in scope.
        max: u32,
        /// The bound of a namespace name.
        max_length: usize,
    },
    /// A document type declaration (XML 1.0 §2.8), refused whatever it says.
    #[error("document type declarations are refused")]
    Doctype,
    /// The bytes are not text in the declared character set.
    #[error("byte {offset} is not valid {charset}")]
    NotText {
        /// Offset of the first wrong byte.
        offset: usize,
        /// The character set that was expected.
        charset: &'static str,
    },
    /// A character set this reader does not know.
    #[error("the declared character set is not supported")]
    UnknownCharset,
    /// The document ends before its end.
    #[error("document ends before its last element is closed")]
    Truncated,
    /// Not well-formed, or a prefix without a namespace.
    #[error("document is not well-formed at line {line}, column {column}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

impl XmlError {
    /// A stable name for logs, metrics and fault details.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong { .. } => "xml-too-long",
            Self::TooDeep { .. } => "xml-too-deep",
            Self::TooManyNodes { .. } => "xml-too-many-nodes",
            Self::TooManyAttributes { .. } => "xml-too-many-attributes",
            Self::Namespaces { .. } => "xml-namespaces",
            Self::Doctype => "xml-doctype",
            Self::NotText { .. } => "xml-not-text",
            Self::UnknownCharset => "xml-unknown-charset",
            Self::Truncated => "xml-truncated",
            Self::Malformed { .. } => "xml-malformed",
        }
    }

    /// Where in the document: a line and column, a byte, or `/` when the document as a whole is meant.
    #[must_use]
    pub fn place(self) -> String {
        match self {
            Self::Malformed { line, column } => format!("line {line}, column {column}"),
            Self::NotText { offset, .. } => format!("byte {offset}"),
            _ => "/".to_owned(),
        }
    }
}

/// A parsed document.
#[derive(Debug)]
pub struct Tree<'a> {
    document: uppsala::Document<'a>,
    root: uppsala::NodeId,
}

impl<'a> Tree<'a> {
    /// Parses a document within limits, in time linear in its length.
    ///
    /// # Errors
    /// [`XmlError`] when a bound is passed, a DTD is present, or the text is not namespace-well-formed XML.
    pub fn parse(text: &'a str, limits: &XmlLimits) -> Result<Self, XmlError> {
        if text.len() > limits.max_bytes {
            return Err(XmlError::TooLong { max: limits.max_bytes });
        }
        prescan::check(text.as_bytes(), limits)?;
        let document = uppsala::Parser::new()
            .with_max_depth(limits.max_depth)
            .with_forbid_dtd(true)
            .with_forbid_entities(true)
            .parse(text)
            .map_err(|error| translate(&error))?;
        let root = document.document_element().ok_or(XmlError::Truncated)?;
        Ok(Self { document, root })
    }

    /// The document itself, for XML-DSig: what is verified is what is read.
    #[must_use]
    pub fn document(&self) -> &uppsala::Document<'a> {
        &self.document
    }

    /// The document element.
    #[must_use]
    pub fn root(&self) -> Element<'_, 'a> {
        Element::new(self, self.root)
    }

    /// The element with this node id, if that node is an element.
    #[must_use]
    pub fn element(&self, id: uppsala::NodeId) -> Option<Element<'_, 'a>> {
        self.document.element(id).map(|_| Element::new(self, id))
    }

    /// The text the tree was parsed from.
    #[must_use]
    pub fn source(&self) -> &'a str {
        self.document.input_text()
    }
}

/// `uppsala` messages may quote names and values of the document: only the position is kept.
fn translate(error: &uppsala::XmlError) -> XmlError {
    let (line, column) = match error {
        uppsala::XmlError::UnexpectedEof => return XmlError::Truncated,
        uppsala::XmlError::Parse(e) => (e.line, e.column),
        uppsala::XmlError::WellFormedness(e) => (e.line, e.column),
        uppsala::XmlError::Namespace(e) => (e.line, e.column),
        _ => (0, 0),
    };
    XmlError::Malformed { line: line.max(1), column: column.max(1) }
}

#[cfg(test)]
mod tests;
