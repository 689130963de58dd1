//! RFC 4514 text of a distinguished name, written and read. Reads RFC 2253 as well, and the short names that common
//! libraries write beyond it; `S=` is no state (reference §1.9: `ST=` is).

use std::fmt::Write;

use super::{DistinguishedName, NameAttribute};

/// Types that RFC 4514 §3 writes by a short name.
const WRITTEN: [(&str, &str); 9] = [
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
];

/// Types that are read by further names.
const READ: [(&str, &str); 11] = [
    ("SN", "2.5.4.4"),
    ("SURNAME", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("T", "2.5.4.12"),
    ("TITLE", "2.5.4.12"),
    ("GN", "2.5.4.42"),
    ("G", "2.5.4.42"),
    ("GIVENNAME", "2.5.4.42"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("E", "1.2.840.113549.1.9.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
];

/// An attribute as text names it.
pub(super) struct TextAttribute {
    oid: String,
    value: TextValue,
}

enum TextValue {
    Text(String),
    Der(Vec<u8>),
}

impl TextAttribute {
    pub(super) fn matches(&self, attribute: &NameAttribute) -> bool {
        self.oid == attribute.oid
            && match &self.value {
                TextValue::Text(text) => attribute.text().as_ref() == Some(text),
                TextValue::Der(der) => *der == attribute.der() || same_text(der, attribute),
            }
    }
}

/// Whether the DER string `der` carries the same text as the attribute, in whatever string type.
fn same_text(der: &[u8], attribute: &NameAttribute) -> bool {
    let text = match der {
        [tag, len, content @ ..] if *len < 0x80 && content.len() == usize::from(*len) => {
            super::decode_text(*tag, content)
        }
        [tag, 0x81, len, content @ ..] if content.len() == usize::from(*len) => super::decode_text(*tag, content),
        _ => None,
    };
    text.is_some() && text == attribute.text()
}

pub(super) fn render(name: &DistinguishedName) -> String {
    let rdns: Vec<String> =
        name.rdns.iter().rev().map(|rdn| rdn.iter().map(render_attribute).collect::<Vec<_>>().join("+")).collect();
    rdns.join(",")
}

fn render_attribute(attribute: &NameAttribute) -> String {
    let short = WRITTEN.iter().find(|(_, oid)| *oid == attribute.oid).map(|(short, _)| *short);
    match (short, attribute.text()) {
        (Some(short), Some(text)) => format!("{short}={}", escape(&text)),
        (short, _) => {
            let mut out = format!("{}=#", short.unwrap_or(&attribute.oid));
            for byte in attribute.der() {
                let _ = write!(out, "{byte:02x}");
            }
            out
        }
    }
}

/// RFC 4514 §2.4.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let last = text.chars().count().saturating_sub(1);
    for (i, c) in text.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            '#' if i == 0 => out.push_str("\\#"),
            ' ' if i == 0 || i == last => out.push_str("\\ "),
            '\0' => out.push_str("\\00"),
            c => out.push(c),
        }
    }
    out
}

/// Reads a name's text: RDNs in the order written (most specific first). `None` when it is no such text.
pub(super) fn parse(text: &str) -> Option<Vec<Vec<TextAttribute>>> {
    let mut rdns = vec![Vec::new()];
    let mut rest = text.trim();
    if rest.is_empty() || rest.len() > 8192 {
        return None;
    }
    loop {
        let (attribute, end) = parse_attribute(rest)?;
        rdns.last_mut()?.push(attribute);
        let mut chars = rest[end..].chars();
        match chars.next() {
            None => return Some(rdns),
            Some(',' | ';') => rdns.push(Vec::new()),
            Some('+') => {}
            Some(_) => return None,
        }
        rest = chars.as_str().trim_start();
    }
}

/// One `type=value`, and where it ends.
fn parse_attribute(text: &str) -> Option<(TextAttribute, usize)> {
    let equals = text.find('=')?;
    let oid = type_oid(text[..equals].trim())?;
    let after = &text[equals + 1..];
    let lead = after.len() - after.trim_start_matches(' ').len();
    let value = &after[lead..];
    let (value, len) = match value.chars().next() {
        Some('#') => hex_value(value)?,
        Some('"') => quoted_value(value)?,
        _ => plain_value(value)?,
    };
    Some((TextAttribute { oid, value }, equals + 1 + lead + len))
}

fn type_oid(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let known = WRITTEN.iter().chain(&READ).find(|(short, _)| *short == upper);
    if let Some((_, oid)) = known {
        return Some((*oid).to_owned());
    }
    let dotted = upper.strip_prefix("OID.").unwrap_or(&upper);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (dotted.contains('.') && dotted.split('.').all(digits)).then(|| dotted.to_owned())
}

fn hex_value(text: &str) -> Option<(TextValue, usize)> {
    let digits = text[1..].bytes().take_while(u8::is_ascii_hexdigit).count();
    if digits == 0 || digits % 2 == 1 {
        return None;
    }
    let hex = &text[1..=digits];
    let bytes = (0..digits).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).ok()).collect::<Option<_>>()?;
    let spaces = text[1 + digits..].len() - text[1 + digits..].trim_start_matches(' ').len();
    Some((TextValue::Der(bytes), 1 + digits + spaces))
}

fn quoted_value(text: &str) -> Option<(TextValue, usize)> {
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        let rest = &text[at..];
        let c = rest.chars().next()?;
        at += match c {
            '"' => break,
            '\\' => unescape(rest, &mut bytes)?,
            c => push(c, &mut bytes),
        };
    }
    at += 1;
    at += text[at..].len() - text[at..].trim_start_matches(' ').len();
    Some((TextValue::Text(String::from_utf8(bytes).ok()?), at))
}

fn plain_value(text: &str) -> Option<(TextValue, usize)> {
    let mut bytes = Vec::new();
    let mut at = 0;
    // Trailing spaces that are not escaped are no part of the value.
    let mut kept = 0;
    while let Some(c) = text[at..].chars().next() {
        match c {
            ',' | '+' | ';' => break,
            '"' | '<' | '>' => return None,
            '\\' => {
                at += unescape(&text[at..], &mut bytes)?;
                kept = bytes.len();
            }
            c => {
                at += push(c, &mut bytes);
                if c != ' ' {
                    kept = bytes.len();
                }
            }
        }
    }
    bytes.truncate(kept);
    Some((TextValue::Text(String::from_utf8(bytes).ok()?), at))
}

fn push(c: char, bytes: &mut Vec<u8>) -> usize {
    let mut buffer = [0; 4];
    bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
    c.len_utf8()
}

/// `\` and a special character, or `\` and two hexadecimal digits of one byte of UTF-8.
fn unescape(text: &str, bytes: &mut Vec<u8>) -> Option<usize> {
    let next = text[1..].chars().next()?;
    if next.is_ascii_hexdigit() {
        bytes.push(u8::from_str_radix(text.get(1..3)?, 16).ok()?);
        Some(3)
    } else if matches!(next, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '#' | '=' | ' ') {
        Some(1 + push(next, bytes))
    } else {
        None
    }
}
