//! MTOM framing of an answer: RFC 2387, RFC 2046 §5.1.1, W3C MTOM §3, XOP §4.1.
//!
//! Gives the bytes around the bodies, so that a caller can announce a `Content-Length` and stream each document
//! between them. Never touches a document.

use crate::content_type::{MediaType, quoted};

/// A package: its boundary and the Content-ID of its root part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MtomFrame {
    boundary: String,
    root_id: String,
}

impl MtomFrame {
    /// A frame; `None` when the boundary is not of 1 to 70 characters that need no escape, or the Content-ID is
    /// empty or could end a header.
    ///
    /// The caller draws the boundary at random: it must not occur in a document.
    #[must_use]
    pub fn new(boundary: &str, root_id: &str) -> Option<Self> {
        let safe = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b);
        let boundary_ok = (1..=70).contains(&boundary.len()) && boundary.bytes().all(safe);
        (boundary_ok && is_content_id(root_id))
            .then(|| Self { boundary: boundary.to_owned(), root_id: root_id.to_owned() })
    }

    /// The `Content-Type` of the whole, with the WS-Addressing action if given.
    #[must_use]
    pub fn content_type(&self, action: Option<&str>) -> String {
        let mut value = format!(
            "multipart/related; type=\"application/xop+xml\"; boundary=\"{}\"; start=\"<{}>\"; start-info=\"application/soap+xml\"",
            self.boundary, self.root_id
        );
        if let Some(action) = action {
            value.push_str("; action=");
            value.push_str(&quoted(action));
        }
        value
    }

    /// The first bytes: the root part with the envelope.
    #[must_use]
    pub fn prefix(&self, envelope: &[u8]) -> Vec<u8> {
        let headers = format!(
            "--{}\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{}>\r\n\r\n",
            self.boundary, self.root_id
        );
        [headers.as_bytes(), envelope].concat()
    }

    /// The bytes between what comes before and a document. A media type that is none becomes
    /// `application/octet-stream`, for it may come from metadata.
    ///
    /// `None` when the Content-ID is empty or could end a header.
    #[must_use]
    pub fn part_header(&self, content_id: &str, mime_type: &str) -> Option<Vec<u8>> {
        if !is_content_id(content_id) {
            return None;
        }
        let mime_type =
            MediaType::parse(mime_type).map_or_else(|_| "application/octet-stream".to_owned(), |m| m.to_string());
        let header = format!(
            "\r\n--{}\r\nContent-Type: {mime_type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{content_id}>\r\n\r\n",
            self.boundary
        );
        Some(header.into_bytes())
    }

    /// The last bytes.
    #[must_use]
    pub fn closing(&self) -> Vec<u8> {
        format!("\r\n--{}--\r\n", self.boundary).into_bytes()
    }
}

fn is_content_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 255 && id.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\".contains(&b))
}
