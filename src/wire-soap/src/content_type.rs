//! Media types with parameters: RFC 2045 §5.1, as `Content-Type` headers of RFC 2387, MTOM and SOAP carry them.
//!
//! Reads `multipart/related; type="application/xop+xml"; start=...; boundary=...` as well as plain
//! `application/soap+xml; action=...` and the `text/xml` of SOAP 1.1. Names are case-insensitive. An unquoted value
//! may hold what RFC 2045 would have quoted (`start=<root@host>`), for many senders write it so.
//!
//! Never guesses: a header without a type, or with an unclosed quote, is an error.

use std::fmt;

/// A media type and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype` in lower case.
    pub essence: String,
    /// Names in lower case with their values as sent, in order.
    pub params: Vec<(String, String)>,
}

/// A `Content-Type` that is not a media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("content type is not a media type at byte {offset}")]
pub struct MediaTypeError {
    /// Offset in the header value where reading stopped.
    pub offset: usize,
}

impl MediaType {
    /// Reads a header value.
    ///
    /// # Errors
    /// [`MediaTypeError`] when there is no `type/subtype` or a parameter has no form.
    pub fn parse(value: &str) -> Result<Self, MediaTypeError> {
        let (essence, mut rest) = split(value);
        let essence = essence.trim();
        let is_media_type = matches!(essence.split_once('/'), Some((t, s)) if is_token(t) && is_token(s));
        if !is_media_type {
            return Err(MediaTypeError { offset: 0 });
        }
        let mut params = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c == ';' || c.is_ascii_whitespace());
            if rest.is_empty() {
                return Ok(Self { essence: essence.to_ascii_lowercase(), params });
            }
            let error = MediaTypeError { offset: value.len() - rest.len() };
            let (name, after) = rest.split_once('=').ok_or(error)?;
            let name = name.trim();
            if !is_token(name) {
                return Err(error);
            }
            let (value, after) = read_value(after.trim_start()).ok_or(error)?;
            params.push((name.to_ascii_lowercase(), value));
            rest = after;
        }
    }

    /// The first parameter of this name (given in lower case).
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Whether this is an MTOM or plain SOAP-with-attachments package (RFC 2387).
    #[must_use]
    pub fn is_multipart_related(&self) -> bool {
        self.essence == "multipart/related"
    }

    /// Whether a body of this type is a SOAP envelope by itself: SOAP 1.2, SOAP 1.1 or an XOP root part.
    #[must_use]
    pub fn is_envelope(&self) -> bool {
        matches!(self.essence.as_str(), "application/soap+xml" | "text/xml" | "application/xml" | "application/xop+xml")
    }

    /// The `boundary` of a multipart type.
    #[must_use]
    pub fn boundary(&self) -> Option<&str> {
        self.param("boundary")
    }

    /// The Content-ID of the root part (RFC 2387 §3.2), without angle brackets.
    #[must_use]
    pub fn start(&self) -> Option<&str> {
        self.param("start").map(strip_angle_brackets)
    }

    /// The `charset` parameter.
    #[must_use]
    pub fn charset(&self) -> Option<&str> {
        self.param("charset")
    }

    /// The SOAP `action` (RFC 3902), empty values counting as none.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.param("action").filter(|a| !a.is_empty())
    }
}

impl fmt::Display for MediaType {
    /// The header value, every parameter quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        for (name, value) in &self.params {
            write!(f, "; {name}={}", quoted(value))?;
        }
        Ok(())
    }
}

/// A quoted string of RFC 2045; characters that could end the header are left out.
pub(crate) fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// `<id>` or `id` to `id`.
pub(crate) fn strip_angle_brackets(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('<').and_then(|v| v.strip_suffix('>')).unwrap_or(value)
}

fn split(value: &str) -> (&str, &str) {
    value.split_at(value.find(';').unwrap_or(value.len()))
}

/// A value and what follows its `;`. `None` for an unclosed quote or text after one.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(inner) = text.strip_prefix('"') else {
        let (value, rest) = split(text);
        return Some((value.trim_end().to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = inner[at + 1..].trim_start();
                return (rest.is_empty() || rest.starts_with(';')).then_some((value, rest));
            }
            '\\' => value.push(chars.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

/// RFC 2045 `token`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mtom_content_type_is_read() {
        let media = MediaType::parse(
            "Multipart/Related; Boundary=\"uuid:a;b\"; TYPE=\"application/xop+xml\"; start=\"<root@x>\"; start-info=\"application/soap+xml\"; action=\"urn:x\"",
        )
        .unwrap();
        assert!(media.is_multipart_related());
        assert_eq!(media.boundary(), Some("uuid:a;b"));
        assert_eq!(media.start(), Some("root@x"));
        assert_eq!(media.action(), Some("urn:x"));
        assert_eq!(media.param("type"), Some("application/xop+xml"));
    }

    #[test]
    fn unquoted_values_and_stray_semicolons_are_tolerated() {
        let media = MediaType::parse("multipart/related;boundary=----=_Part_9;;start=<root.message@cxf.apache.org> ; ")
            .unwrap();
        assert_eq!(media.boundary(), Some("----=_Part_9"));
        assert_eq!(media.start(), Some("root.message@cxf.apache.org"));
    }

    #[test]
    fn plain_soap_types_are_envelopes() {
        for value in
            ["application/soap+xml;charset=UTF-8;action=\"urn:x\"", "text/xml; charset=utf-8", "application/soap+xml"]
        {
            assert!(MediaType::parse(value).unwrap().is_envelope(), "{value}");
        }
        assert_eq!(MediaType::parse("application/soap+xml; action=\"\"").unwrap().action(), None);
    }

    #[test]
    fn what_is_no_media_type_is_refused() {
        for value in [
            "",
            "text",
            "text/",
            "/xml",
            "te xt/xml",
            "text/xml; charset",
            "text/xml; =a",
            "text/xml; a=\"b",
            "text/xml; a=\"b\\",
            "text/xml; a=\"b\"c",
        ] {
            assert!(MediaType::parse(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let media =
            MediaType { essence: "multipart/related".into(), params: vec![("boundary".into(), "a\"b\\c;d".into())] };
        assert_eq!(MediaType::parse(&media.to_string()).unwrap(), media);
    }
}
