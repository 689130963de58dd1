//! A multipart body split as it arrives: RFC 2046 §5.1 (delimiters), RFC 2045 §6 (transfer encodings), RFC 2387.
//!
//! Memory is constant whatever the size of a part: one chunk of the input, and at most one header block. Chunks of
//! a part are slices of the chunks that arrived, except where a delimiter might straddle two of them.
//!
//! Lines may end in CRLF or, as hand-made messages do, in bare LF: whichever ends the first delimiter line is what
//! must precede every delimiter, so that a part's bytes come out exactly. A line that merely starts like the
//! delimiter is content.
//!
//! Never buffers a part, never sniffs content, never reads past the closing delimiter (the epilogue is ignored).

mod base64_stream;
mod headers;
mod splitter;

pub use headers::PartHeaders;

use base64_stream::Base64Stream;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use splitter::{Event, Splitter};

/// Bounds of one multipart body. The length of the whole body is the transport's to bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultipartLimits {
    /// Header block of one part, in bytes.
    pub max_header_bytes: usize,
    /// Number of parts.
    pub max_parts: usize,
    /// Bytes before the first delimiter.
    pub max_preamble_bytes: usize,
}

impl Default for MultipartLimits {
    /// 16 KiB of headers, 1,000 parts, 64 KiB of preamble.
    fn default() -> Self {
        Self { max_header_bytes: 16 << 10, max_parts: 1000, max_preamble_bytes: 64 << 10 }
    }
}

/// Why a body could not be split. `part` names the part: its Content-ID, or `#n` (from 1) when it has none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MultipartError {
    /// The boundary parameter is empty, too long, or not printable ASCII.
    #[error("the boundary parameter is not one of RFC 2046")]
    Boundary,
    /// No delimiter within the bounded preamble, or none at all.
    #[error("no boundary found in the first {max} bytes")]
    Preamble {
        /// The bound.
        max: usize,
    },
    /// The body ends before its closing delimiter.
    #[error("the body ends within part {part}")]
    Truncated {
        /// The part.
        part: String,
    },
    /// A header block is longer than allowed.
    #[error("headers of part {part} are longer than {max} bytes")]
    HeadersTooLong {
        /// The part.
        part: String,
        /// The bound.
        max: usize,
    },
    /// A header has no form.
    #[error("headers of part {part} are malformed")]
    Headers {
        /// The part.
        part: String,
    },
    /// More parts than allowed.
    #[error("more than {max} parts")]
    TooManyParts {
        /// The bound.
        max: usize,
    },
    /// A transfer encoding this reader refuses, such as quoted-printable.
    #[error("transfer encoding of part {part} is not supported")]
    TransferEncoding {
        /// The part.
        part: String,
    },
    /// A base64 part is not base64.
    #[error("part {part} is not base64")]
    Base64 {
        /// The part.
        part: String,
    },
    /// The input failed.
    #[error("the body could not be received")]
    Input(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl MultipartError {
    /// A stable name for logs, metrics and fault details.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Boundary => "multipart-boundary",
            Self::Preamble { .. } => "multipart-preamble",
            Self::Truncated { .. } => "multipart-truncated",
            Self::HeadersTooLong { .. } => "multipart-headers-too-long",
            Self::Headers { .. } => "multipart-headers",
            Self::TooManyParts { .. } => "multipart-too-many-parts",
            Self::TransferEncoding { .. } => "multipart-transfer-encoding",
            Self::Base64 { .. } => "multipart-base64",
            Self::Input(_) => "multipart-input",
        }
    }

    /// The part the error is about, or an empty string.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Truncated { part }
            | Self::HeadersTooLong { part, .. }
            | Self::Headers { part }
            | Self::TransferEncoding { part }
            | Self::Base64 { part } => part,
            _ => "",
        }
    }
}

/// A splitter over a stream of chunks.
pub struct Multipart<S> {
    stream: S,
    splitter: Splitter,
    /// Name of the current part, for errors.
    part: String,
    parts: usize,
    decoder: Option<Base64Stream>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a part; at most a preamble was passed.
    Between,
    /// In the content of a part.
    Content,
    /// Past the closing delimiter, or after an error.
    Ended,
}

impl<S> std::fmt::Debug for Multipart<S> {
    /// No content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multipart").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl<S, E> Multipart<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A splitter for a body whose `Content-Type` gave this boundary.
    ///
    /// # Errors
    /// [`MultipartError::Boundary`] when the boundary could not have been sent.
    pub fn new(stream: S, boundary: &str, limits: MultipartLimits) -> Result<Self, MultipartError> {
        let splitter = Splitter::new(boundary, limits).ok_or(MultipartError::Boundary)?;
        Ok(Self { stream, splitter, part: String::new(), parts: 0, decoder: None, state: State::Between })
    }

    /// The next part's headers; what is left of the current part is passed over. `None` after the last part.
    ///
    /// # Errors
    /// [`MultipartError`]; the splitter is at its end afterwards.
    pub async fn next_part(&mut self) -> Result<Option<PartHeaders>, MultipartError> {
        while self.state == State::Content {
            self.next_event().await?;
        }
        if self.state == State::Ended {
            return Ok(None);
        }
        match self.next_event().await? {
            Event::Headers(block) => match self.enter(&block) {
                Ok(headers) => Ok(Some(headers)),
                Err(error) => self.fail(error),
            },
            _ => Ok(None),
        }
    }

    /// The next bytes of the current part, decoded, never empty; `None` at its end.
    ///
    /// # Errors
    /// [`MultipartError`]; the splitter is at its end afterwards.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, MultipartError> {
        while self.state == State::Content {
            let event = self.next_event().await?;
            let chunk = match (event, &mut self.decoder) {
                (Event::Content(bytes), None) => Some(bytes),
                (Event::Content(bytes), Some(decoder)) => decoder.push(&bytes),
                (_, Some(decoder)) => decoder.finish().then(Bytes::new),
                (_, None) => return Ok(None),
            };
            match chunk {
                Some(bytes) if bytes.is_empty() => {}
                Some(bytes) => return Ok(Some(bytes)),
                None => return self.fail(MultipartError::Base64 { part: self.part.clone() }),
            }
        }
        Ok(None)
    }

    /// The headers of a part, and how its content is to be decoded.
    fn enter(&mut self, block: &[u8]) -> Result<PartHeaders, MultipartError> {
        self.parts += 1;
        let index = self.parts;
        let max = self.splitter.limits().max_parts;
        if index > max {
            return Err(MultipartError::TooManyParts { max });
        }
        let headers =
            PartHeaders::parse(block, index).ok_or_else(|| MultipartError::Headers { part: format!("#{index}") })?;
        self.part = headers.place();
        self.decoder = match headers.get("content-transfer-encoding").map(str::to_ascii_lowercase).as_deref() {
            None | Some("binary" | "8bit" | "7bit" | "") => None,
            Some("base64") => Some(Base64Stream::default()),
            Some(_) => return Err(MultipartError::TransferEncoding { part: self.part.clone() }),
        };
        self.state = State::Content;
        Ok(headers)
    }

    async fn next_event(&mut self) -> Result<Event, MultipartError> {
        loop {
            match self.splitter.step() {
                Ok(Some(event)) => {
                    self.state = match &event {
                        Event::Headers(_) | Event::Content(_) => self.state,
                        Event::EndOfPart => State::Between,
                        Event::End => State::Ended,
                    };
                    return Ok(event);
                }
                Ok(None) => {}
                Err(fault) => {
                    let next = format!("#{}", self.parts + 1);
                    let part = if self.state == State::Content { &self.part } else { &next };
                    let error = fault.named(part, self.splitter.limits());
                    return self.fail(error);
                }
            }
            match self.stream.next().await {
                Some(Ok(chunk)) => self.splitter.feed(chunk),
                Some(Err(error)) => return self.fail(MultipartError::Input(error.into())),
                None => self.splitter.end_of_input(),
            }
        }
    }

    fn fail<T>(&mut self, error: MultipartError) -> Result<T, MultipartError> {
        self.state = State::Ended;
        Err(error)
    }
}

/// Splits a complete body in memory: for tests and tools, not for requests.
///
/// # Errors
/// [`MultipartError`] as [`Multipart`] gives it.
pub fn split_complete(
    body: impl Into<Bytes>,
    boundary: &str,
    limits: MultipartLimits,
) -> Result<Vec<(PartHeaders, Bytes)>, MultipartError> {
    use futures::FutureExt;
    let stream = futures::stream::iter([Ok::<_, std::convert::Infallible>(body.into())]);
    let all = async {
        let mut multipart = Multipart::new(stream, boundary, limits)?;
        let mut parts = Vec::new();
        while let Some(headers) = multipart.next_part().await? {
            let mut content = Vec::new();
            while let Some(chunk) = multipart.next_chunk().await? {
                content.extend_from_slice(&chunk);
            }
            parts.push((headers, Bytes::from(content)));
        }
        Ok(parts)
    };
    // A stream over memory is always ready, so the future never waits.
    all.now_or_never().unwrap_or(Err(MultipartError::Truncated { part: String::new() }))
}

#[cfg(test)]
mod tests;
