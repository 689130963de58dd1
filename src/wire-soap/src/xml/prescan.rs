//! One pass over the bytes of a document before it becomes a tree: bounds that the parser does not keep.
//!
//! Knows just enough of XML 1.0 §2 to find tags, comments, CDATA sections and quotes; whatever is malformed beyond
//! that is left for the parser to refuse. Linear, without recursion, in memory bounded by the depth limit.

use super::{XmlError, XmlLimits};
use memchr::{memchr, memchr3, memmem};

/// Attributes of one element; ebRIM's richest element has ten.
const MAX_ATTRIBUTES: u32 = 64;
/// Namespace declarations in scope at one point.
const MAX_NAMESPACES: u32 = 256;
/// Length of one namespace name.
const MAX_NAMESPACE_NAME: usize = 256;

/// Refuses a document that passes a limit or carries a DOCTYPE.
pub(super) fn check(bytes: &[u8], limits: &XmlLimits) -> Result<(), XmlError> {
    let mut scan = Scan { bytes, limits, nodes: 0, in_scope: 0, declared: Vec::new() };
    let mut at = 0;
    // Characters that XML 1.0 §2.2 has not: the parser below lets them pass.
    let forbidden = |b: &u8| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r');
    if let Some(offset) = bytes.iter().position(forbidden) {
        return Err(XmlError::NotText { offset, charset: "XML 1.0" });
    }
    while let Some(offset) = memchr(b'<', &bytes[at..]) {
        if offset > 0 {
            scan.count_node()?;
        }
        at = scan.markup(at + offset)?;
    }
    Ok(())
}

struct Scan<'b> {
    bytes: &'b [u8],
    limits: &'b XmlLimits,
    nodes: usize,
    /// Namespace declarations in scope.
    in_scope: u32,
    /// Namespace declarations of each open element; its length is the depth.
    declared: Vec<u32>,
}

impl Scan<'_> {
    /// Passes the markup that starts at `at`; returns the offset after it.
    fn markup(&mut self, at: usize) -> Result<usize, XmlError> {
        let rest = &self.bytes[at..];
        if rest.starts_with(b"<!--") {
            self.count_node()?;
            self.after(at + 4, b"-->")
        } else if rest.starts_with(b"<![CDATA[") {
            self.count_node()?;
            self.after(at + 9, b"]]>")
        } else if rest.starts_with(b"<!") {
            Err(XmlError::Doctype)
        } else if rest.starts_with(b"<?") {
            self.count_node()?;
            self.after(at + 2, b"?>")
        } else if rest.starts_with(b"</") {
            if let Some(count) = self.declared.pop() {
                self.in_scope -= count;
            }
            self.after(at + 2, b">")
        } else {
            self.start_tag(at + 1)
        }
    }

    fn start_tag(&mut self, mut at: usize) -> Result<usize, XmlError> {
        self.count_node()?;
        let mut attributes = 0;
        let mut namespaces = 0;
        loop {
            let offset = memchr3(b'"', b'\'', b'>', &self.bytes[at..]).ok_or(XmlError::Truncated)?;
            let stop = at + offset;
            let quote = self.bytes[stop];
            if quote == b'>' {
                let empty = self.bytes[stop - 1] == b'/';
                self.open(namespaces, empty)?;
                return Ok(stop + 1);
            }
            let length = memchr(quote, &self.bytes[stop + 1..]).ok_or(XmlError::Truncated)?;
            self.count_node()?;
            attributes += 1;
            if attributes > MAX_ATTRIBUTES {
                return Err(XmlError::TooManyAttributes { max: MAX_ATTRIBUTES });
            }
            if attribute_name(&self.bytes[at..stop]).starts_with(b"xmlns") {
                namespaces += 1;
                if length > MAX_NAMESPACE_NAME {
                    return Err(TOO_MANY_NAMESPACES);
                }
            }
            at = stop + 1 + length + 1;
        }
    }

    fn open(&mut self, namespaces: u32, empty: bool) -> Result<(), XmlError> {
        if self.declared.len() >= self.limits.max_depth as usize {
            return Err(XmlError::TooDeep { max: self.limits.max_depth });
        }
        if self.in_scope + namespaces > MAX_NAMESPACES {
            return Err(TOO_MANY_NAMESPACES);
        }
        if !empty {
            self.in_scope += namespaces;
            self.declared.push(namespaces);
        }
        Ok(())
    }

    fn count_node(&mut self) -> Result<(), XmlError> {
        self.nodes += 1;
        if self.nodes > self.limits.max_nodes {
            return Err(XmlError::TooManyNodes { max: self.limits.max_nodes });
        }
        Ok(())
    }

    fn after(&self, from: usize, end: &[u8]) -> Result<usize, XmlError> {
        let rest = self.bytes.get(from..).ok_or(XmlError::Truncated)?;
        memmem::find(rest, end).map(|offset| from + offset + end.len()).ok_or(XmlError::Truncated)
    }
}

const TOO_MANY_NAMESPACES: XmlError = XmlError::Namespaces { max: MAX_NAMESPACES, max_length: MAX_NAMESPACE_NAME };

/// The name before `=` at the end of what precedes a quote: `a xmlns:b = ` gives `xmlns:b`.
fn attribute_name(before_quote: &[u8]) -> &[u8] {
    let name = before_quote.trim_ascii_end();
    let name = name.strip_suffix(b"=").unwrap_or(name).trim_ascii_end();
    name.rsplit(|b| b.is_ascii_whitespace()).next().unwrap_or(name)
}
