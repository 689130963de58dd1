//! The header block of one part: RFC 2045 §3 to §8, RFC 822 folding.
//!
//! Never interprets a header that is not one of MIME's; keeps them all.

use crate::content_type::{MediaType, is_token, strip_angle_brackets};

/// Longest Content-ID repeated in an error.
const MAX_ID_IN_PLACE: usize = 128;

/// The headers of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHeaders {
    /// Position of the part, from 1.
    pub index: usize,
    /// `Content-ID` without angle brackets.
    pub content_id: Option<String>,
    /// `Content-Type`; `None` when absent or not a media type.
    pub content_type: Option<MediaType>,
    /// Names in lower case with unfolded values, in order.
    pub all: Vec<(String, String)>,
}

impl PartHeaders {
    /// Reads a header block without its empty line. `None` when a line is no header.
    pub(super) fn parse(block: &[u8], index: usize) -> Option<Self> {
        let text = String::from_utf8_lossy(block);
        let mut all: Vec<(String, String)> = Vec::new();
        for line in text.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)).filter(|l| !l.is_empty()) {
            if line.starts_with([' ', '\t']) {
                let (_, value) = all.last_mut()?;
                value.push(' ');
                value.push_str(line.trim());
            } else {
                let (name, value) = line.split_once(':')?;
                let name = name.trim_end();
                if !is_token(name) {
                    return None;
                }
                all.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        let mut headers = Self { index, content_id: None, content_type: None, all };
        headers.content_id =
            headers.get("content-id").map(strip_angle_brackets).filter(|id| !id.is_empty()).map(str::to_owned);
        headers.content_type = headers.get("content-type").and_then(|v| MediaType::parse(v).ok());
        Some(headers)
    }

    /// The first header of this name (given in lower case).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// How errors name this part: its Content-ID, or `#n`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.content_id {
            Some(id) => id.chars().filter(|c| !c.is_control()).take(MAX_ID_IN_PLACE).collect(),
            None => format!("#{}", self.index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_insensitive_and_lines_unfold() {
        let headers =
            PartHeaders::parse(b"CONTENT-id: <a@b>\r\ncontent-TYPE: text/xml;\r\n\tcharset=utf-8\r\nX: y\n", 1)
                .unwrap();
        assert_eq!(headers.content_id.as_deref(), Some("a@b"));
        assert_eq!(headers.content_type.as_ref().unwrap().charset(), Some("utf-8"));
        assert_eq!(headers.get("x"), Some("y"));
        assert_eq!(headers.place(), "a@b");
    }

    #[test]
    fn a_content_id_may_lack_its_brackets() {
        assert_eq!(PartHeaders::parse(b"Content-ID: a@b", 2).unwrap().content_id.as_deref(), Some("a@b"));
        assert_eq!(PartHeaders::parse(b"", 2).unwrap().place(), "#2");
    }

    #[test]
    fn a_line_that_is_no_header_is_refused() {
        for block in [&b"no colon"[..], b" folded first: x", b": empty", b"a b: c"] {
            assert!(PartHeaders::parse(block, 1).is_none());
        }
    }
}
