//! XML → JSON, in one pass.

use std::borrow::Cow;

use super::{
    KNOWN, ROOT, XmlLimits,
    markup::{Cursor, Space, Token, is_blank, unescape},
    place::Place,
    schema::{Kind, Slot, Type, table},
    tree::syntax,
};
use crate::error::{ParseError, Problem};

/// Reads XML; see [`super::from_xml`].
pub(super) fn from_xml(xml: &[u8], limits: XmlLimits) -> Result<String, ParseError> {
    if xml.len() > limits.size {
        return Err(ParseError::new(ROOT, Problem::TooLarge));
    }
    let text = std::str::from_utf8(xml).map_err(|error| {
        let sound = xml.get(..error.valid_up_to()).and_then(|sound| std::str::from_utf8(sound).ok());
        ParseError::new(ROOT, syntax(sound.unwrap_or_default(), error.valid_up_to()))
    })?;
    let mut read = Read { cursor: Cursor::new(text, limits), place: Place::new() };
    read.cursor.legal().map_err(|problem| read.place.fail(problem))?;
    let mut out = String::with_capacity(text.len());
    match read.token()? {
        Token::Open => read.resource(&mut out)?,
        _ => return Err(read.place.fail(read.cursor.syntax())),
    }
    // A second root, or text behind the first one.
    match read.token()? {
        Token::End => Ok(out),
        _ => Err(read.place.fail(read.cursor.syntax())),
    }
}

struct Read<'a> {
    cursor: Cursor<'a>,
    place: Place,
}

/// The attributes of a FHIR element.
#[derive(Default)]
struct Attributes<'a> {
    id: Option<Cow<'a, str>>,
    url: Option<Cow<'a, str>>,
    value: Option<Cow<'a, str>>,
}

/// An element and its repetitions: in JSON one array, or two for a primitive (FHIR R4 json §2.6.2, primitive
/// elements).
struct Run {
    slot: &'static Slot,
    count: usize,
    /// Where its key begins in the JSON, and whether a comma was needed there.
    start: usize,
    comma: bool,
    /// How many have a value.
    values: usize,
    /// What stands beside the values, a comma after each, for the first `beside_of` of them.
    beside: String,
    beside_of: usize,
}

impl<'a> Read<'a> {
    fn token(&mut self) -> Result<Token, ParseError> {
        self.cursor.next().map_err(|problem| self.place.fail(problem))
    }

    /// Reads the resource of which the element begins, to its end.
    fn resource(&mut self, out: &mut String) -> Result<(), ParseError> {
        if self.cursor.space() != Space::Fhir {
            return Err(self.place.fail(Problem::UnknownElement));
        }
        let Some((name, ty)) = table().resource(self.cursor.local()) else {
            return Err(self.place.fail(Problem::WrongResource(KNOWN)));
        };
        if self.place.is_root() {
            self.place.root = name;
        }
        self.attributes(|_| false)?;
        out.push_str("{\"resourceType\":\"");
        out.push_str(name);
        out.push('"');
        let first = self.token()?;
        self.children(ty, first, Attributes::default(), true, out)?;
        out.push('}');
        Ok(())
    }

    /// The attributes of the element that begins, all of them `allowed`.
    fn attributes(&self, allowed: impl Fn(&str) -> bool) -> Result<Attributes<'a>, ParseError> {
        let mut found = Attributes::default();
        for (name, value) in self.cursor.attributes() {
            let into = match name {
                "id" => &mut found.id,
                "url" => &mut found.url,
                "value" => &mut found.value,
                _ => return Err(self.place.fail_at(name, Problem::UnknownElement)),
            };
            // Attributes can never be empty (FHIR R4 xml §2.6.1).
            let value = unescape(value).filter(|value| allowed(name) && !is_blank(value));
            *into = Some(value.ok_or_else(|| self.place.fail_at(name, Problem::UnknownElement))?);
        }
        // No namespaces but those of FHIR and xhtml occur in resources, that of schema instances in particular.
        if self.cursor.declares_other() {
            return Err(self.place.fail_at("xmlns", Problem::UnknownElement));
        }
        Ok(found)
    }

    /// Reads elements, from `token` to the end of the one around them; whether there are any. `comma` says whether a
    /// comma is needed before the first member. Recursion goes as deep as [`XmlLimits::depth`] lets it.
    fn children(
        &mut self,
        ty: &'static Type,
        mut token: Token,
        mut attributes: Attributes<'a>,
        mut comma: bool,
        out: &mut String,
    ) -> Result<bool, ParseError> {
        if let Some(id) = attributes.id {
            key(out, &mut comma, "", "id");
            quote(out, &id);
        }
        let mut run: Option<Run> = None;
        loop {
            match token {
                Token::Open => {}
                Token::Close => break,
                Token::Text => return Err(self.place.fail(Problem::WrongType)),
                Token::End => return Err(self.place.fail(self.cursor.syntax())),
            }
            let name = self.cursor.local();
            let Some(slot) = ty.slot(name).filter(|slot| self.cursor.space() == space_of(slot.kind)) else {
                return Err(self.place.fail_at(name, Problem::UnknownElement));
            };
            let mut current = match run.take() {
                Some(mut last) if last.slot.rank == slot.rank && slot.many => {
                    out.push(',');
                    last.count += 1;
                    last
                }
                Some(last) if last.slot.field == slot.field => {
                    return Err(self.place.fail_at(name, Problem::DuplicateKey));
                }
                // Elements always appear in the order documented (FHIR R4 xml §2.6.1).
                Some(last) if last.slot.field > slot.field => {
                    return Err(self.place.fail_at(name, Problem::UnknownElement));
                }
                last => {
                    if let Some(last) = last {
                        last.finish(out, &mut comma);
                    }
                    // The attribute `url` is documented behind the element `extension`.
                    if let Some(url) = attributes.url.take_if(|_| slot.name != "extension") {
                        key(out, &mut comma, "", "url");
                        quote(out, &url);
                    }
                    Run::begin(slot, out, &mut comma)
                }
            };
            self.place.enter(&slot.name, slot.many.then_some(current.count - 1));
            self.element(&mut current, out)?;
            self.place.leave();
            run = Some(current);
            token = self.token()?;
        }
        let any = run.is_some();
        if let Some(last) = run {
            last.finish(out, &mut comma);
        }
        if let Some(url) = attributes.url {
            key(out, &mut comma, "", "url");
            quote(out, &url);
        }
        Ok(any)
    }

    /// Reads the element that begins, to its end.
    fn element(&mut self, run: &mut Run, out: &mut String) -> Result<(), ParseError> {
        match run.slot.kind {
            Kind::Complex(id) => {
                let ty = table().inner(id);
                let attributes = self.attributes(|name| ty.has_attribute(name))?;
                out.push('{');
                let first = self.token()?;
                if !self.children(ty, first, attributes, false, out)? {
                    return Err(self.place.fail(Problem::UnknownElement));
                }
                out.push('}');
            }
            Kind::Resource => {
                self.attributes(|_| false)?;
                match self.token()? {
                    Token::Open => self.resource(out)?,
                    Token::Text => return Err(self.place.fail(Problem::WrongType)),
                    Token::Close | Token::End => return Err(self.place.fail(Problem::UnknownElement)),
                }
                match self.token()? {
                    Token::Close => {}
                    Token::Open => return Err(self.place.fail(Problem::DuplicateKey)),
                    Token::Text | Token::End => return Err(self.place.fail(Problem::WrongType)),
                }
            }
            Kind::Xhtml => {
                let div = self.cursor.xhtml().map_err(|problem| self.place.fail(problem))?;
                quote(out, &div);
            }
            _ => return self.primitive(run, out),
        }
        run.values += 1;
        Ok(())
    }

    /// Reads an element with a value, extensions, or both, to its end (FHIR R4 xml §2.6.1).
    fn primitive(&mut self, run: &mut Run, out: &mut String) -> Result<(), ParseError> {
        let attributes = self.attributes(|name| matches!(name, "id" | "value"))?;
        match &attributes.value {
            Some(value) => {
                if !scalar(run.slot.kind, value, out) {
                    return Err(self.place.fail(Problem::WrongType));
                }
                run.values += 1;
            }
            None => out.push_str("null"),
        }
        let (valued, first) = (attributes.value.is_some(), self.token()?);
        let mut any = false;
        if first != Token::Close || attributes.id.is_some() {
            run.pad(run.count - 1);
            run.beside.push('{');
            any = self.children(table().element(), first, attributes, false, &mut run.beside)?;
            run.beside.push_str("},");
            run.beside_of = run.count;
        }
        if valued || any { Ok(()) } else { Err(self.place.fail(Problem::Missing("value".into()))) }
    }
}

impl Run {
    fn begin(slot: &'static Slot, out: &mut String, comma: &mut bool) -> Self {
        let (start, before) = (out.len(), *comma);
        key(out, comma, "", &slot.name);
        if slot.many {
            out.push('[');
        }
        Self { slot, count: 1, start, comma: before, values: 0, beside: String::new(), beside_of: 0 }
    }

    /// Fills up what stands beside values, for the first `count` of them.
    fn pad(&mut self, count: usize) {
        for _ in self.beside_of..count {
            self.beside.push_str("null,");
        }
        self.beside_of = count;
    }

    fn finish(mut self, out: &mut String, comma: &mut bool) {
        if self.values == 0 {
            // Without any value there is no property for values.
            out.truncate(self.start);
            *comma = self.comma;
        } else if self.slot.many {
            out.push(']');
        }
        if self.beside.is_empty() {
            return;
        }
        self.pad(self.count);
        self.beside.pop();
        key(out, comma, "_", &self.slot.name);
        if self.slot.many {
            out.push('[');
        }
        out.push_str(&self.beside);
        if self.slot.many {
            out.push(']');
        }
    }
}

/// The namespace an element is in.
fn space_of(kind: Kind) -> Space {
    match kind {
        Kind::Xhtml => Space::Xhtml,
        // Nothing is in this one: an attribute is no element.
        Kind::Attribute => Space::Other,
        _ => Space::Fhir,
    }
}

/// Writes a value as JSON; whether it is of its type.
fn scalar(kind: Kind, value: &str, out: &mut String) -> bool {
    match kind {
        Kind::Boolean if !matches!(value, "true" | "false") => return false,
        Kind::Boolean => out.push_str(value),
        Kind::Integer { least } => {
            let digits = value.trim_start_matches(['+', '-']);
            let number = value.parse::<i32>().ok().filter(|n| *n >= least);
            if number.is_none() || (digits.starts_with('0') && value != "0") {
                return false;
            }
            // JSON has no plus sign.
            out.push_str(value.trim_start_matches('+'));
        }
        Kind::Decimal if !is_decimal(value) => return false,
        Kind::Decimal => out.push_str(value),
        _ => quote(out, value),
    }
    true
}

/// A decimal of FHIR R4 (datatypes, decimal), which is a number of JSON.
fn is_decimal(value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = value.split_once(['e', 'E']).map_or((value, None), |(m, e)| (m, Some(e)));
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// Begins a member of an object.
fn key(out: &mut String, comma: &mut bool, before: &str, name: &str) {
    out.push_str(if *comma { ",\"" } else { "\"" });
    out.push_str(before);
    out.push_str(name);
    out.push_str("\":");
    *comma = true;
}

/// Writes a string of JSON (RFC 8259 §7).
fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| b < 0x20 || matches!(b, b'"' | b'\\')) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let mut letters = from.chars();
        match letters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            // XML has no other characters of control.
            _ => {}
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}
