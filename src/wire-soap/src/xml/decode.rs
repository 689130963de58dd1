//! Bytes of a document to text: XML 1.0 appendix F and RFC 7303 §3, for the character sets that occur.
//!
//! A byte-order mark wins over the `charset` parameter, which wins over the XML declaration. UTF-8, US-ASCII,
//! ISO-8859-1 and windows-1252 are read; UTF-16 and the rest are refused, as is text that is not what it says:
//! a wrong byte is never replaced, for a replaced byte would be verified and stored as something nobody wrote.

use super::XmlError;
use std::borrow::Cow;

/// Decodes a document whose transport declared `charset`, if it did.
///
/// # Errors
/// [`XmlError::NotText`] for a byte that is invalid in the declared set, [`XmlError::UnknownCharset`] for a set
/// that is not read.
pub fn decode<'a>(bytes: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, str>, XmlError> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return utf8(rest, 3);
    }
    if bytes.starts_with(b"\xFE\xFF") || bytes.starts_with(b"\xFF\xFE") {
        return Err(XmlError::UnknownCharset);
    }
    let label = charset.map(str::trim).filter(|c| !c.is_empty()).or_else(|| declared_encoding(bytes));
    match label.unwrap_or("utf-8").to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => utf8(bytes, 0),
        "iso-8859-1" | "iso8859-1" | "latin1" => Ok(bytes.iter().map(|&b| char::from(b)).collect::<String>().into()),
        "windows-1252" | "cp1252" => windows_1252(bytes).map(Cow::Owned),
        _ => Err(XmlError::UnknownCharset),
    }
}

fn utf8(bytes: &[u8], skipped: usize) -> Result<Cow<'_, str>, XmlError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(e) => Err(XmlError::NotText { offset: e.valid_up_to() + skipped, charset: "UTF-8" }),
    }
}

/// The `encoding` of an XML declaration, which is ASCII in every set read here.
fn declared_encoding(bytes: &[u8]) -> Option<&str> {
    let head = &bytes[..bytes.len().min(256)];
    let head = head.strip_prefix(b"<?xml")?;
    let head = &head[..memchr::memmem::find(head, b"?>")?];
    let after = &head[memchr::memmem::find(head, b"encoding")? + b"encoding".len()..];
    let value = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&quote, value) = value.split_first()?;
    let end = memchr::memchr(quote, value)?;
    std::str::from_utf8(&value[..end]).ok()
}

fn windows_1252(bytes: &[u8]) -> Result<String, XmlError> {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 16);
    for (offset, &byte) in bytes.iter().enumerate() {
        let c = match byte {
            0x80..=0x9F => WINDOWS_1252[usize::from(byte - 0x80)],
            _ => char::from(byte),
        };
        if c == '\0' && byte != 0 {
            return Err(XmlError::NotText { offset, charset: "windows-1252" });
        }
        text.push(c);
    }
    Ok(text)
}

/// Bytes 0x80 to 0x9F of windows-1252 (Unicode mapping table CP1252); `\0` where none is assigned.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_is_borrowed_and_a_byte_order_mark_is_dropped() {
        assert!(matches!(decode(b"<a/>", None), Ok(Cow::Borrowed("<a/>"))));
        assert!(matches!(decode(b"\xEF\xBB\xBF<a/>", Some("latin1")), Ok(Cow::Borrowed("<a/>"))));
    }

    #[test]
    fn a_wrong_byte_is_refused_with_its_offset() {
        assert_eq!(decode(b"ab\xE9", None), Err(XmlError::NotText { offset: 2, charset: "UTF-8" }));
        assert_eq!(decode(b"ab\x81", Some("Cp1252")), Err(XmlError::NotText { offset: 2, charset: "windows-1252" }));
    }

    #[test]
    fn declared_character_sets_are_honoured() {
        let xml = b"<?xml version='1.0' encoding = \"ISO-8859-1\"?><a>\xE9</a>";
        assert!(decode(xml, None).unwrap().contains("<a>é</a>"));
        assert_eq!(decode(b"\x80\xE9\x9C", Some("windows-1252")).unwrap(), "€éœ");
        assert_eq!(decode(b"<?xml version='1.0' encoding='UTF-16'?><a/>", None), Err(XmlError::UnknownCharset));
        assert_eq!(decode(b"\xFF\xFE<\0", None), Err(XmlError::UnknownCharset));
    }
}
