//! XML as FHIR has it (FHIR R4 xml §2.6.1): well-formed, in UTF-8, without document types, processing instructions and
//! entities of its own, in two namespaces. quick-xml finds where markup begins and ends; what it lets pass in names,
//! attributes and references is refused here.

use std::{borrow::Cow, ops::Range};

use quick_xml::{Reader, events::Event};

use super::{FHIR, XHTML, XmlLimits, tree::syntax};
use crate::error::Problem;

/// Attributes of one element: each is compared with those before it.
const ATTRIBUTES: usize = 64;
/// Namespaces declared around one place: each name may ask for all of them.
const DECLARATIONS: usize = 64;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// An element begins: [`Cursor::local`], [`Cursor::space`] and [`Cursor::attributes`] are its.
    Open,
    /// An element ends.
    Close,
    /// Text other than white space.
    Text,
    /// The body ends.
    End,
}

/// A namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Fhir,
    Xhtml,
    /// None, or any other.
    Other,
}

#[derive(Debug)]
struct Declared<'a> {
    depth: usize,
    prefix: &'a str,
    space: Space,
}

/// A place in a text of XML.
pub(super) struct Cursor<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// What was read last.
    current: Range<usize>,
    limits: XmlLimits,
    elements: usize,
    depth: usize,
    /// Whether the element that was read last has ended: its declarations hold until then.
    closed: bool,
    declared: Vec<Declared<'a>>,
    prefix: &'a str,
    local: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, limits: XmlLimits) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        Self {
            text,
            reader,
            current: 0..0,
            limits,
            elements: 0,
            depth: 0,
            closed: false,
            declared: Vec::new(),
            prefix: "",
            local: "",
            attributes: Vec::new(),
        }
    }

    /// Refuses characters that XML has not (XML 1.0 §2.2), before anything is read.
    pub(super) fn legal(&mut self) -> Result<(), Problem> {
        let bad = |b: u8| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r');
        // The two passes over bytes are much cheaper than one over characters.
        if !self.text.bytes().any(bad) && !self.text.contains('\u{fffe}') && !self.text.contains('\u{ffff}') {
            return Ok(());
        }
        let found = self.text.char_indices().find(|(_, c)| !is_char(*c)).map_or(0, |(offset, _)| offset);
        self.current = found..found;
        Err(self.syntax())
    }

    /// Name of the element that begins, without its prefix.
    pub(super) fn local(&self) -> &'a str {
        self.local
    }

    /// Namespace of the element that begins.
    pub(super) fn space(&self) -> Space {
        self.resolve(self.prefix).0
    }

    /// Attributes of the element that begins, declarations of namespaces left out; values as they are written.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.attributes.iter().copied().filter(|(name, _)| prefix_declared(name).is_none())
    }

    /// Whether the element that begins declares a namespace that is none of FHIR's two.
    pub(super) fn declares_other(&self) -> bool {
        self.declared.iter().rev().take_while(|d| d.depth == self.depth).any(|d| d.space == Space::Other)
    }

    /// That the text is wrong where it was read last.
    pub(super) fn syntax(&self) -> Problem {
        syntax(self.text, self.current.start)
    }

    /// Reads on; comments and white space are passed over.
    pub(super) fn next(&mut self) -> Result<Token, Problem> {
        if self.closed {
            self.closed = false;
            self.declared.retain(|d| d.depth < self.depth);
            self.depth = self.depth.saturating_sub(1);
        }
        loop {
            let event = self.reader.read_event();
            let end = usize::try_from(self.reader.buffer_position()).unwrap_or(self.text.len());
            self.current = self.current.end..end;
            let Some(raw) = self.text.get(self.current.clone()) else { return Err(self.syntax()) };
            let sound = match event {
                Ok(Event::Start(_)) => return self.open(raw).map(|()| Token::Open),
                Ok(Event::End(_)) => {
                    self.closed = true;
                    return Ok(Token::Close);
                }
                Ok(Event::Text(_)) if is_blank(raw) => true,
                Ok(Event::Text(_)) if !raw.contains("]]>") => return Ok(Token::Text),
                Ok(Event::CData(_)) => return Ok(Token::Text),
                Ok(Event::GeneralRef(_)) if unescape(raw).is_some() => return Ok(Token::Text),
                Ok(Event::Comment(_)) => true,
                Ok(Event::Decl(_)) => self.current.start == 0 && declaration(raw),
                Ok(Event::Eof) if self.depth == 0 => return Ok(Token::End),
                _ => false,
            };
            if !sound {
                return Err(self.syntax());
            }
        }
    }

    fn open(&mut self, raw: &'a str) -> Result<(), Problem> {
        self.elements += 1;
        self.depth += 1;
        if self.elements > self.limits.elements {
            return Err(Problem::TooLarge);
        }
        if self.depth > self.limits.depth {
            return Err(Problem::TooDeep);
        }
        let Some(inside) = raw.strip_prefix('<').and_then(|raw| raw.strip_suffix('>')) else {
            return Err(self.syntax());
        };
        let inside = inside.strip_suffix('/').unwrap_or(inside);
        let (name, rest) = inside.split_at(inside.bytes().position(is_space).unwrap_or(inside.len()));
        let Some((prefix, local)) = split(name) else { return Err(self.syntax()) };
        (self.prefix, self.local) = (prefix, local);
        self.attributes.clear();
        if attributes(rest, &mut self.attributes).is_none() {
            return Err(self.syntax());
        }
        for (name, value) in &self.attributes {
            let Some(prefix) = prefix_declared(name) else { continue };
            let space = match unescape(value).as_deref() {
                Some(FHIR) => Space::Fhir,
                Some(XHTML) => Space::Xhtml,
                _ => Space::Other,
            };
            // Neither of the two prefixes of XML itself may be declared anew, and no prefix stands for nothing.
            if matches!(prefix, "xml" | "xmlns") || (!prefix.is_empty() && value.is_empty()) {
                return Err(self.syntax());
            }
            self.declared.push(Declared { depth: self.depth, prefix, space });
        }
        if self.declared.len() > DECLARATIONS { Err(Problem::TooLarge) } else { Ok(()) }
    }

    /// The namespace a prefix stands for, and the depth of the element that says so.
    fn resolve(&self, prefix: &str) -> (Space, usize) {
        let found = self.declared.iter().rev().find(|d| d.prefix == prefix);
        found.map_or((Space::Other, 0), |d| (d.space, d.depth))
    }

    /// Reads the `div` that begins to its end (FHIR R4 narrative): well-formed, all of it in the namespace of
    /// xhtml. What is returned stands by itself: namespaces declared further out are declared in it.
    pub(super) fn xhtml(&mut self) -> Result<Cow<'a, str>, Problem> {
        let (start, depth) = (self.current.start, self.depth);
        let mut outer: Vec<&'a str> = Vec::new();
        if self.local != "div" {
            return Err(Problem::UnknownElement);
        }
        let colon = usize::from(!self.prefix.is_empty());
        let name = start + 1 + self.prefix.len() + colon + self.local.len();
        loop {
            let (space, since) = self.resolve(self.prefix);
            let foreign = |name: &str| name.contains(':') && !name.starts_with("xml:");
            if space != Space::Xhtml || self.attributes().any(|(name, _)| foreign(name)) {
                return Err(Problem::UnknownElement);
            }
            if since < depth && !outer.contains(&self.prefix) {
                outer.push(self.prefix);
            }
            loop {
                match self.next()? {
                    Token::Open => break,
                    Token::Text => {}
                    Token::Close if self.depth > depth => {}
                    Token::Close => return self.cut(start, name, &outer).ok_or_else(|| self.syntax()),
                    Token::End => return Err(self.syntax()),
                }
            }
        }
    }

    /// What was read since `start`, with declarations of xhtml for `prefixes` at `into`.
    fn cut(&self, start: usize, into: usize, prefixes: &[&str]) -> Option<Cow<'a, str>> {
        let whole = self.text.get(start..self.current.end)?;
        if prefixes.is_empty() {
            return Some(Cow::Borrowed(whole));
        }
        let (name, rest) = whole.split_at_checked(into.checked_sub(start)?)?;
        let mut made = name.to_owned();
        for prefix in prefixes {
            made.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            made.push_str(prefix);
            made.push_str("=\"");
            made.push_str(XHTML);
            made.push('"');
        }
        made.push_str(rest);
        Some(Cow::Owned(made))
    }
}

/// A declaration of XML 1.0 in UTF-8 (XML 1.0 §2.8).
fn declaration(raw: &str) -> bool {
    let inside = raw.strip_prefix("<?xml").and_then(|raw| raw.strip_suffix("?>"));
    let mut found = Vec::new();
    if inside.and_then(|inside| attributes(inside, &mut found)).is_none() {
        return false;
    }
    let mut found = found.into_iter().peekable();
    let version = found.next() == Some(("version", "1.0"));
    let encoding = found.next_if(|(name, _)| *name == "encoding");
    found.next_if(|(name, value)| *name == "standalone" && matches!(*value, "yes" | "no"));
    version && found.next().is_none() && encoding.is_none_or(|(_, value)| value.eq_ignore_ascii_case("utf-8"))
}

/// The prefix an attribute declares, empty for the default namespace; none if it declares nothing.
fn prefix_declared(name: &str) -> Option<&str> {
    match name.strip_prefix("xmlns")? {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    }
}

/// Reads the attributes of a tag: each after white space, no name twice, no `<`, no unknown reference (XML 1.0 §3.1).
fn attributes<'a>(mut rest: &'a str, into: &mut Vec<(&'a str, &'a str)>) -> Option<()> {
    loop {
        let next = rest.trim_start_matches(SPACE);
        if next.is_empty() {
            return Some(());
        }
        let (name, value) = next.split_once('=')?;
        let (name, value) = (name.trim_end_matches(SPACE), value.trim_start_matches(SPACE));
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, after) = value.get(1..)?.split_once(quote)?;
        let apart = next.len() < rest.len();
        let new = into.len() < ATTRIBUTES && into.iter().all(|(known, _)| *known != name);
        let sound = !value.contains('<') && (!value.contains('&') || unescape(value).is_some());
        if !apart || !new || !sound || split(name).is_none() {
            return None;
        }
        into.push((name, value));
        rest = after;
    }
}

/// A name as prefix (or none) and local part. FHIR and xhtml have names in ASCII only.
fn split(name: &str) -> Option<(&str, &str)> {
    let (prefix, local) = name.split_once(':').map_or((None, name), |(prefix, local)| (Some(prefix), local));
    let sound = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    (sound(local) && prefix.is_none_or(sound)).then_some((prefix.unwrap_or_default(), local))
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether there is nothing but white space: attributes and strings can never be so empty (FHIR R4 xml §2.6.1).
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// A character XML can hold (XML 1.0 §2.2).
pub(super) fn is_char(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// The value of an attribute: references resolved, white space that is written as such made spaces (XML 1.0 §3.3.3).
/// None if there is a reference to anything but a character or one of the five entities of XML (§4.1, §4.6).
pub(super) fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.bytes().any(|b| matches!(b, b'&' | b'\t' | b'\n' | b'\r')) {
        return Some(Cow::Borrowed(raw));
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        if let Some(reference) = from.strip_prefix('&') {
            let (name, after) = reference.split_once(';')?;
            text.push(character(name)?);
            rest = after;
        } else {
            text.push(' ');
            // A line that ends with both of its characters is one end of line (§2.11).
            rest = from.strip_prefix("\r\n").or_else(|| from.get(1..))?;
        }
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

fn character(name: &str) -> Option<char> {
    let digits = |digits: &str, radix: u32| {
        let all = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        let code = all.then(|| u32::from_str_radix(digits, radix).ok()).flatten();
        code.and_then(char::from_u32).filter(|c| is_char(*c))
    };
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix("#x") {
            Some(hex) => digits(hex, 16),
            None => digits(name.strip_prefix('#')?, 10),
        },
    }
}
