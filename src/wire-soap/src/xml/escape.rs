//! Writing XML 1.0 §2.4 by appending to one buffer: escaped text, escaped attributes, nothing else.
//!
//! Whatever the value, what is written is well-formed: a character that XML cannot hold becomes U+FFFD. Line ends
//! and tabs that a parser would normalise (§2.11, §3.3.3) are written as references, so that in = out.

/// Appends ` name="value"`; `name` must be a constant of the standard.
pub(crate) fn attr(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    escape(out, value, &ATTRIBUTE);
    out.push(b'"');
}

/// Appends ` name="value"` if there is a value.
pub(crate) fn attr_opt(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        attr(out, name, value);
    }
}

/// Appends character data.
pub(crate) fn text(out: &mut Vec<u8>, value: &str) {
    escape(out, value, &TEXT);
}

/// Appends `<name>value</name>`; `name` must be a constant of the standard.
pub(crate) fn element(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    text(out, value);
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// Appends bytes as they are.
pub(crate) fn raw(out: &mut Vec<u8>, markup: &str) {
    out.extend_from_slice(markup.as_bytes());
}

const TEXT: [bool; 256] = special(false);
const ATTRIBUTE: [bool; 256] = special(true);

/// Bytes that cannot be copied: 0xEF opens U+FFFE and U+FFFF, which XML has no place for.
const fn special(attribute: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 0x20 {
        table[i] = true;
        i += 1;
    }
    if !attribute {
        table[b'\t' as usize] = false;
        table[b'\n' as usize] = false;
    }
    table[b'&' as usize] = true;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[b'"' as usize] = attribute;
    table[0xEF] = true;
    table
}

fn escape(out: &mut Vec<u8>, value: &str, special: &[bool; 256]) {
    let bytes = value.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(|&b| special[usize::from(b)]) {
        let here = at + offset;
        let (written, length): (&[u8], usize) = match bytes[here] {
            b'&' => (b"&amp;", 1),
            b'<' => (b"&lt;", 1),
            b'>' => (b"&gt;", 1),
            b'"' => (b"&quot;", 1),
            b'\t' => (b"&#9;", 1),
            b'\n' => (b"&#10;", 1),
            b'\r' => (b"&#13;", 1),
            0xEF if matches!(bytes[here..], [_, 0xBF, 0xBE | 0xBF, ..]) => (REPLACEMENT, 3),
            0xEF => {
                at = here + 1;
                continue;
            }
            _ => (REPLACEMENT, 1),
        };
        out.extend_from_slice(&bytes[copied..here]);
        out.extend_from_slice(written);
        at = here + length;
        copied = at;
    }
    out.extend_from_slice(&bytes[copied..]);
}

const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_escapes_markup_and_keeps_line_feeds() {
        assert_eq!(written(|o| text(o, "a<b>&\"\n\r\t é")), "a&lt;b&gt;&amp;\"\n&#13;\t é");
    }

    #[test]
    fn attributes_escape_quotes_and_white_space() {
        assert_eq!(written(|o| attr(o, "v", "\"\n\t\r'")), " v=\"&quot;&#10;&#9;&#13;'\"");
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_replaced() {
        assert_eq!(
            written(|o| text(o, "a\0b\u{1}\u{FFFF}\u{FFFE}\u{FFFD}\u{FEFF}")),
            "a\u{FFFD}b\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FEFF}"
        );
    }
}
