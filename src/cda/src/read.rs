//! First bytes of a document → the elements of its header, up to the start of the body.
//!
//! Stops at the first element below `structuredBody`, or at the start of `nonXMLBody/text`: the encoded content is never
//! read. Time and memory are bounded by the bytes given, the number of elements and their depth.

use quick_xml::{
    XmlVersion,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
    reader::NsReader,
};

use crate::{
    error::{HeaderError, HeaderErrorKind as Kind},
    tree::{Node, Tree},
};

/// Namespace of CDA.
const HL7: &[u8] = b"urn:hl7-org:v3";
/// Nesting of elements, what stands around the document included.
const MAX_DEPTH: usize = 48;
/// Elements of a header; the longest published one has some 1 200.
const MAX_ELEMENTS: usize = 20_000;
/// Attributes of one element.
const MAX_ATTRIBUTES: usize = 64;
/// How deep in other elements the document itself may stand: a self-displaying one stands in a stylesheet.
const MAX_AROUND: usize = 4;

/// The elements of a header.
///
/// # Errors
/// When the text ends before the body begins, is not CDA, passes a bound or is not well-formed.
pub(crate) fn read(text: &str) -> Result<Tree, HeaderError> {
    let mut reader = NsReader::from_str(text);
    let mut build = Build::default();
    loop {
        let (namespace, event) = match reader.read_resolved_event() {
            Ok(read) => read,
            Err(error) => {
                let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
                let cut = is_cut(&error, text.len().saturating_sub(at));
                let kind = if cut { Kind::Incomplete } else { Kind::Malformed };
                return Err(kind.at(build.place()));
            }
        };
        let hl7 = matches!(namespace, ResolveResult::Bound(Namespace(n)) if n == HL7);
        match event {
            Event::Start(start) => build.open(&start, hl7, false)?,
            Event::Empty(start) => build.open(&start, hl7, true)?,
            Event::End(_) => build.close()?,
            Event::Text(t) => {
                build.push_text(&t.xml10_content().map_err(|_| Kind::NotText.at(build.place()))?)?;
            }
            Event::CData(t) => {
                build.push_text(&t.xml10_content().map_err(|_| Kind::NotText.at(build.place()))?)?;
            }
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character,
                    Ok(None) => predefined(&reference).ok_or_else(|| Kind::Entity.at(build.place()))?,
                    Err(_) => return Err(Kind::Malformed.at(build.place())),
                };
                build.push_text(character.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return Err(Kind::Doctype.at("/")),
            Event::Eof => return Err(build.ended()),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
        }
        if build.finished {
            build.tree.number();
            return Ok(build.tree);
        }
    }
}

/// Whether markup is wrong only because the bytes end in it; `left` is how many follow the place of the error.
fn is_cut(error: &quick_xml::Error, left: usize) -> bool {
    use quick_xml::errors::SyntaxError;
    /// Longest markup whose beginning alone says nothing: `<![CDATA[`, `<!DOCTYPE`.
    const BANG: usize = 9;
    match error {
        quick_xml::Error::Syntax(SyntaxError::InvalidBangMarkup) => left <= BANG,
        quick_xml::Error::Syntax(_) => true,
        _ => left <= BANG,
    }
}

/// Whether bytes are a name (XML 1.0 §2.3), as far as ASCII goes: what lies beyond it is left to pass.
fn is_name(name: &[u8]) -> bool {
    let first = |b: &u8| b.is_ascii_alphabetic() || *b == b'_' || !b.is_ascii();
    let later = |b: &u8| first(b) || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b':');
    name.first().is_some_and(first) && name.iter().all(later)
}

fn predefined(name: &[u8]) -> Option<char> {
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        _ => None,
    }
}

/// The tree under construction.
#[derive(Default)]
struct Build {
    tree: Tree,
    /// Open elements: of the tree, or `None` for one of another namespace and all below it.
    open: Vec<Option<usize>>,
    /// Whether the `ClinicalDocument` has begun.
    begun: bool,
    /// Whether the body has begun: there is nothing more to read.
    finished: bool,
    /// Elements met before the document and outside of it.
    passed: usize,
}

impl Build {
    fn open(&mut self, start: &BytesStart<'_>, hl7: bool, empty: bool) -> Result<(), HeaderError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Kind::TooDeep.at(self.place()));
        }
        // The parser takes anything for a name; a second element beside the first is no document either.
        if !is_name(start.name().as_ref()) || (self.open.is_empty() && self.passed > 0) {
            return Err(Kind::Malformed.at(self.place()));
        }
        self.passed += 1;
        if self.passed > MAX_ELEMENTS {
            return Err(Kind::TooManyElements.at(self.place()));
        }
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        let node =
            if self.begun { self.header_element(name, start, hl7)? } else { self.outer(name, start, hl7, empty)? };
        if empty {
            return if self.open.is_empty() && self.begun { Err(self.ended()) } else { Ok(()) };
        }
        self.open.push(node);
        Ok(())
    }

    /// An element around the document, or the document itself.
    fn outer(
        &mut self,
        name: String,
        start: &BytesStart<'_>,
        hl7: bool,
        empty: bool,
    ) -> Result<Option<usize>, HeaderError> {
        if hl7 && name == "ClinicalDocument" && self.open.len() <= MAX_AROUND {
            self.begun = true;
            let parent = self.open.last().copied().flatten();
            let index = self.add(name, start, parent)?;
            self.tree.root = index;
            return Ok(Some(index));
        }
        // Only what may hold the document is kept, for its place.
        let parent = self.open.last().copied().flatten();
        if !empty && self.open.len() < MAX_AROUND && self.open.len() == self.tree.nodes.len() {
            return self.add(name, start, parent).map(Some);
        }
        Ok(None)
    }

    /// An element of the header; `None` for extensions of other namespaces.
    fn header_element(
        &mut self,
        name: String,
        start: &BytesStart<'_>,
        hl7: bool,
    ) -> Result<Option<usize>, HeaderError> {
        let Some(parent) = self.open.last().copied().flatten().filter(|_| hl7) else { return Ok(None) };
        let index = self.add(name, start, Some(parent))?;
        self.finished = self.begins_body(index, parent);
        Ok(Some(index))
    }

    /// Whether what was just read is as far as a header goes.
    fn begins_body(&self, index: usize, parent: usize) -> bool {
        let name = |index: usize| self.tree.nodes[index].name.as_str();
        let above = |index: usize| self.tree.nodes[index].parent;
        let in_body =
            |body: usize| above(body).is_some_and(|c| name(c) == "component" && above(c) == Some(self.tree.root));
        (name(index) == "structuredBody" && in_body(index))
            || (name(index) == "text" && name(parent) == "nonXMLBody" && in_body(parent))
    }

    fn add(&mut self, name: String, start: &BytesStart<'_>, parent: Option<usize>) -> Result<usize, HeaderError> {
        let attributes = self.attributes(start)?;
        let index = self.tree.nodes.len();
        self.tree.nodes.push(Node { name, attributes, parent, ..Node::default() });
        if let Some(parent) = parent {
            self.tree.nodes[parent].children.push(index);
        }
        Ok(index)
    }

    fn attributes(&self, start: &BytesStart<'_>) -> Result<Vec<(String, String)>, HeaderError> {
        let mut attributes = Vec::new();
        for (count, attribute) in start.attributes().enumerate() {
            if count >= MAX_ATTRIBUTES {
                return Err(Kind::TooManyAttributes.at(self.place()));
            }
            let malformed = || Kind::Malformed.at(self.place());
            let attribute = attribute.map_err(|_| malformed())?;
            if attribute.key.prefix().is_some() || attribute.key.as_ref() == b"xmlns" {
                continue;
            }
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| malformed())?.into_owned();
            attributes.push((String::from_utf8_lossy(attribute.key.as_ref()).into_owned(), value));
        }
        Ok(attributes)
    }

    fn close(&mut self) -> Result<(), HeaderError> {
        let closed = self.open.pop();
        if !self.begun {
            // Its place is nobody's way any more.
            if let Some(Some(index)) = closed {
                self.forget(index);
            }
            return Ok(());
        }
        match closed.flatten() {
            Some(index) if index == self.tree.root => Err(self.ended()),
            Some(index) if self.is_body(index) => {
                // A nonXMLBody without text: as empty as it is, it is the body.
                self.finished = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_body(&self, index: usize) -> bool {
        let node = &self.tree.nodes[index];
        node.name == "nonXMLBody"
            && node.parent.is_some_and(|c| {
                self.tree.nodes[c].name == "component" && self.tree.nodes[c].parent == Some(self.tree.root)
            })
    }

    fn forget(&mut self, index: usize) {
        self.tree.nodes.truncate(index);
        for node in &mut self.tree.nodes {
            node.children.retain(|&c| c < index);
        }
    }

    fn push_text(&mut self, text: &str) -> Result<(), HeaderError> {
        // Letters before the first element: a message, a listing, but no XML document.
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(Kind::NotCda.at("/"));
        }
        if let Some(index) = self.open.last().copied().flatten().filter(|_| self.begun) {
            self.tree.nodes[index].text.push_str(text);
        }
        Ok(())
    }

    /// What is wrong when the document or the bytes end here.
    fn ended(&self) -> HeaderError {
        match (self.begun, self.open.is_empty()) {
            (false, true) => Kind::NotCda.at("/"),
            // Closed without a body: no CDA has none (CDA R2 §4.3.1).
            (true, true) => Kind::NotCda.at("/ClinicalDocument/component"),
            _ => Kind::Incomplete.at(self.place()),
        }
    }

    /// Where reading stands.
    fn place(&self) -> String {
        let index = self.open.iter().rev().find_map(|o| *o);
        index.map_or_else(|| "/".to_owned(), |index| self.tree.place(index))
    }
}
