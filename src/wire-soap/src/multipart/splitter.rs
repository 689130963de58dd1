//! The state machine of RFC 2046 §5.1: chunks in, header blocks and content out. No waiting, no decoding.

use super::{MultipartError, MultipartLimits};
use bytes::{Bytes, BytesMut};
use memchr::{memchr, memmem};

/// Blanks allowed after a boundary on its line (RFC 2046 `transport-padding`).
const MAX_PADDING: usize = 256;
/// RFC 2046 allows 70 characters; some senders go beyond.
const MAX_BOUNDARY: usize = 200;

/// What the next bytes are.
pub(super) enum Event {
    /// A complete header block, its empty line left out.
    Headers(Bytes),
    /// Bytes of the current part; they may be none.
    Content(Bytes),
    /// The current part is complete and another follows.
    EndOfPart,
    /// The closing delimiter was read.
    End,
}

/// A failure, not yet bound to a part's name.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    Preamble,
    HeadersTooLong,
    Truncated,
}

impl Fault {
    pub(super) fn named(self, part: &str, limits: MultipartLimits) -> MultipartError {
        let part = part.to_owned();
        match self {
            Self::Preamble => MultipartError::Preamble { max: limits.max_preamble_bytes },
            Self::HeadersTooLong => MultipartError::HeadersTooLong { part, max: limits.max_header_bytes },
            Self::Truncated => MultipartError::Truncated { part },
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Preamble,
    Headers,
    Content,
    Done,
}

pub(super) struct Splitter {
    buffer: Bytes,
    phase: Phase,
    ended: bool,
    limits: MultipartLimits,
    /// `--boundary`.
    dashed: Vec<u8>,
    /// The line end of the first delimiter, and `--boundary`.
    delimiter: Vec<u8>,
    finder: memmem::Finder<'static>,
    /// Bytes of the preamble passed so far.
    passed: usize,
    /// Offset in the buffer up to which the current search is done.
    searched: usize,
    /// Length of the empty line after the headers, as long as it is in the buffer.
    skip: usize,
}

/// What follows `--boundary`.
enum Tail {
    /// Another part; the line is this long and ends in CRLF or not.
    Next { length: usize, crlf: bool },
    /// The closing delimiter.
    Close,
    /// Not a delimiter after all.
    Content,
    /// More bytes are needed to tell.
    Unknown,
}

impl Splitter {
    pub(super) fn new(boundary: &str, limits: MultipartLimits) -> Option<Self> {
        let printable = boundary.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY || boundary.ends_with(' ') || !printable {
            return None;
        }
        let dashed = [b"--", boundary.as_bytes()].concat();
        let finder = memmem::Finder::new(&dashed).into_owned();
        Some(Self {
            buffer: Bytes::new(),
            phase: Phase::Preamble,
            ended: false,
            limits,
            delimiter: dashed.clone(),
            dashed,
            finder,
            passed: 0,
            searched: 0,
            skip: 0,
        })
    }

    pub(super) fn limits(&self) -> MultipartLimits {
        self.limits
    }

    /// Adds a chunk. Without bytes left over from before, it is taken as it is.
    pub(super) fn feed(&mut self, chunk: Bytes) {
        if self.buffer.is_empty() {
            self.buffer = chunk;
        } else if !chunk.is_empty() {
            let rest = std::mem::take(&mut self.buffer);
            let mut joined = rest.try_into_mut().unwrap_or_else(|rest| BytesMut::from(&rest[..]));
            joined.extend_from_slice(&chunk);
            self.buffer = joined.freeze();
        }
    }

    /// No chunk will follow.
    pub(super) fn end_of_input(&mut self) {
        self.ended = true;
    }

    /// The next event, or `None` when more input is needed.
    pub(super) fn step(&mut self) -> Result<Option<Event>, Fault> {
        match self.phase {
            Phase::Preamble => self.preamble(),
            Phase::Headers => self.headers(),
            Phase::Content => self.content(),
            Phase::Done => Ok(Some(Event::End)),
        }
    }

    /// Looks for the first delimiter line, which nothing or a line end precedes.
    fn preamble(&mut self) -> Result<Option<Event>, Fault> {
        // One byte before a possible match stays in the buffer, for it tells whether the match begins a line.
        let mut pass = self.buffer.len().saturating_sub(self.dashed.len());
        while let Some(offset) = self.finder.find(&self.buffer[self.searched..]) {
            let at = self.searched + offset;
            if self.passed + at > self.limits.max_preamble_bytes {
                return Err(Fault::Preamble);
            }
            let begins_line = if at == 0 { self.passed == 0 } else { self.buffer[at - 1] == b'\n' };
            match if begins_line { self.tail(at + self.dashed.len()) } else { Tail::Content } {
                Tail::Next { length, crlf } => {
                    let line_end: &[u8] = if crlf { b"\r\n" } else { b"\n" };
                    self.delimiter = [line_end, &self.dashed].concat();
                    self.finder = memmem::Finder::new(&self.delimiter).into_owned();
                    let _ = self.take(at + self.dashed.len() + length);
                    self.phase = Phase::Headers;
                    return self.headers();
                }
                Tail::Close => {
                    self.phase = Phase::Done;
                    self.buffer = Bytes::new();
                    return Ok(Some(Event::End));
                }
                Tail::Content => self.searched = at + 1,
                Tail::Unknown => {
                    pass = at.saturating_sub(1);
                    break;
                }
            }
        }
        let _ = self.take(pass);
        self.passed += pass;
        if self.ended || self.passed > self.limits.max_preamble_bytes {
            return Err(Fault::Preamble);
        }
        Ok(None)
    }

    /// Collects lines up to an empty one.
    fn headers(&mut self) -> Result<Option<Event>, Fault> {
        let mut line = self.searched;
        while let Some(offset) = memchr(b'\n', &self.buffer[line..]) {
            let end = line + offset;
            if end > self.limits.max_header_bytes {
                return Err(Fault::HeadersTooLong);
            }
            if matches!(&self.buffer[line..end], b"" | b"\r") {
                // The empty line stays: its end may be the one that belongs to a delimiter.
                self.skip = end + 1 - line;
                self.phase = Phase::Content;
                return Ok(Some(Event::Headers(self.take(line))));
            }
            line = end + 1;
        }
        self.searched = line;
        if self.buffer.len() > self.limits.max_header_bytes {
            return Err(Fault::HeadersTooLong);
        }
        if self.ended { Err(Fault::Truncated) } else { Ok(None) }
    }

    /// Gives content up to the next delimiter, as much of it as is certain.
    fn content(&mut self) -> Result<Option<Event>, Fault> {
        while let Some(offset) = self.finder.find(&self.buffer[self.searched..]) {
            let at = self.searched + offset;
            match self.tail(at + self.delimiter.len()) {
                Tail::Content => self.searched = at + 1,
                _ if at > 0 => return Ok(Some(self.give(at))),
                Tail::Next { length, .. } => {
                    self.skip = 0;
                    let _ = self.take(self.delimiter.len() + length);
                    self.phase = Phase::Headers;
                    return Ok(Some(Event::EndOfPart));
                }
                Tail::Close => {
                    self.phase = Phase::Done;
                    self.buffer = Bytes::new();
                    return Ok(Some(Event::End));
                }
                Tail::Unknown => {
                    self.searched = 0;
                    return Ok(None);
                }
            }
        }
        if self.ended {
            return Err(Fault::Truncated);
        }
        let certain = self.buffer.len() - partial_suffix(&self.buffer, &self.delimiter);
        if certain == 0 {
            self.searched = 0;
            return Ok(None);
        }
        Ok(Some(self.give(certain)))
    }

    /// Takes bytes as content, without what is left of the empty line before it.
    fn give(&mut self, count: usize) -> Event {
        let mut bytes = self.take(count);
        let skip = self.skip.min(bytes.len());
        self.skip -= skip;
        Event::Content(bytes.split_off(skip))
    }

    /// Reads what follows a boundary that ends at `at`.
    fn tail(&self, at: usize) -> Tail {
        let rest = &self.buffer[at..];
        let unknown = if self.ended { Tail::Content } else { Tail::Unknown };
        match rest {
            [] | b"-" => return unknown,
            [b'-', b'-', ..] => return Tail::Close,
            _ => {}
        }
        let padding = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        match &rest[padding..] {
            _ if padding > MAX_PADDING => Tail::Content,
            [] | b"\r" => unknown,
            [b'\n', ..] => Tail::Next { length: padding + 1, crlf: false },
            [b'\r', b'\n', ..] => Tail::Next { length: padding + 2, crlf: true },
            _ => Tail::Content,
        }
    }

    /// Takes bytes off the front of the buffer and starts a new search.
    fn take(&mut self, count: usize) -> Bytes {
        self.searched = 0;
        self.buffer.split_to(count.min(self.buffer.len()))
    }
}

/// Length of the longest end of `bytes` that begins `delimiter` without completing it.
fn partial_suffix(bytes: &[u8], delimiter: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(delimiter.len() - 1);
    let mut at = from;
    while let Some(offset) = memchr(delimiter[0], &bytes[at..]) {
        at += offset;
        if delimiter.starts_with(&bytes[at..]) {
            return bytes.len() - at;
        }
        at += 1;
    }
    0
}
