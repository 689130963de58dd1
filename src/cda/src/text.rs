//! First bytes of a document to text (XML 1.0 appendix F): UTF-8, ISO-8859-1 and windows-1252. A wrong byte is refused,
//! never replaced; a character cut by the end of the bytes is left out.

use std::borrow::Cow;

use crate::error::{HeaderError, HeaderErrorKind as Kind};

/// Decodes the first bytes of a document by their byte-order mark or XML declaration.
pub(crate) fn decode(head: &[u8]) -> Result<Cow<'_, str>, HeaderError> {
    if let Some(rest) = head.strip_prefix(b"\xEF\xBB\xBF") {
        return utf8(rest);
    }
    if head.starts_with(b"\xFE\xFF") || head.starts_with(b"\xFF\xFE") {
        return Err(Kind::UnknownCharset.at("byte 0"));
    }
    match declared(head).unwrap_or("utf-8").to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => utf8(head),
        "iso-8859-1" | "iso8859-1" | "latin1" => Ok(head.iter().map(|&b| char::from(b)).collect::<String>().into()),
        "windows-1252" | "cp1252" => windows_1252(head).map(Cow::Owned),
        _ => Err(Kind::UnknownCharset.at("byte 0")),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, HeaderError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        // A character that the end of the bytes cuts is not a wrong one.
        Err(e) if e.error_len().is_none() => {
            Ok(Cow::Borrowed(std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default()))
        }
        Err(e) => Err(Kind::NotText.at(format!("byte {}", e.valid_up_to()))),
    }
}

/// The `encoding` of an XML declaration, which is ASCII in every set read here.
fn declared(head: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(&head[..head.len().min(256)]).or_else(|e| {
        // The declaration comes first: what follows it may be in any set.
        std::str::from_utf8(&head[..e.valid_up_to()])
    });
    let declaration = head.ok()?.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|q| matches!(q, '"' | '\''))?;
    value[1..].split_once(quote).map(|(name, _)| name)
}

fn windows_1252(bytes: &[u8]) -> Result<String, HeaderError> {
    let mut text = String::with_capacity(bytes.len());
    for (offset, &byte) in bytes.iter().enumerate() {
        text.push(match byte {
            0x80..=0x9F => UPPER[usize::from(byte - 0x80)].ok_or_else(|| Kind::NotText.at(format!("byte {offset}")))?,
            _ => char::from(byte),
        });
    }
    Ok(text)
}

/// Bytes 0x80 to 0x9F of windows-1252 (Unicode mapping table CP1252).
const UPPER: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];
