//! Base64 of RFC 2045 §6.8, decoded as it arrives: at most three characters are kept between chunks.
//!
//! White space is ignored, as the RFC asks; any other character outside the alphabet is refused rather than skipped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

#[derive(Default)]
pub(super) struct Base64Stream {
    /// Characters not yet decoded, fewer than four between calls.
    waiting: Vec<u8>,
    /// Padding was read: nothing may follow.
    padded: bool,
}

impl Base64Stream {
    /// Decodes what is complete. `None` when the text is not base64.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Option<Bytes> {
        self.waiting.extend(chunk.iter().copied().filter(|b| !b.is_ascii_whitespace()));
        let complete = self.waiting.len() - self.waiting.len() % 4;
        if self.padded {
            return self.waiting.is_empty().then(Bytes::new);
        }
        let decoded = STANDARD.decode(&self.waiting[..complete]).ok()?;
        self.padded = self.waiting[..complete].ends_with(b"=");
        self.waiting.drain(..complete);
        if self.padded && !self.waiting.is_empty() {
            return None;
        }
        Some(Bytes::from(decoded))
    }

    /// Whether the text was complete.
    pub(super) fn finish(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(chunks: &[&str]) -> Option<Vec<u8>> {
        let mut stream = Base64Stream::default();
        let mut all = Vec::new();
        for chunk in chunks {
            all.extend_from_slice(&stream.push(chunk.as_bytes())?);
        }
        stream.finish().then_some(all)
    }

    #[test]
    fn lines_and_chunks_do_not_matter() {
        assert_eq!(decode(&["Ym9u", "\r\nam91\r\n", "c", "g", "=", "=", "\r\n"]).unwrap(), b"bonjour");
        assert_eq!(decode(&[]).unwrap(), b"");
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        for chunks in [&["Ym9"][..], &["Ym9u="], &["Yg==", "Yg=="], &["Yg==Yg=="], &["Y*=="], &["===="]] {
            assert!(decode(chunks).is_none(), "{chunks:?}");
        }
    }
}
