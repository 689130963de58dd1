//! JSON as a tree that borrows its text and keeps numbers as they are written, which serde_json's own values do not.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::ROOT;
use crate::error::{ParseError, Problem};

/// Objects and arrays inside one another.
const DEPTH: usize = 100;
/// Values of all kinds: they take more memory than their text.
const VALUES: usize = 5_000_000;

/// A value.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    /// Its text.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    /// Members as they stand, keys that repeat included.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// Reads a text of JSON (RFC 8259).
pub(super) fn read(json: &str) -> Result<Node<'_>, ParseError> {
    // serde_json says whether this is JSON, and where it is not; what follows need not be told again.
    serde_json::from_str::<IgnoredAny>(json)
        .map_err(|error| ParseError::new(ROOT, Problem::Syntax { line: error.line(), column: error.column() }))?;
    let mut walk = Walk { rest: json, values: 0 };
    walk.value(0).map_err(|problem| {
        let problem = problem.unwrap_or_else(|| syntax(json, json.len() - walk.rest.len()));
        ParseError::new(ROOT, problem)
    })
}

/// The line and the column of a byte of `text`.
pub(super) fn syntax(text: &str, offset: usize) -> Problem {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    Problem::Syntax { line, column }
}

struct Walk<'a> {
    rest: &'a str,
    values: usize,
}

/// No problem said: the text is not JSON.
type Failed = Option<Problem>;

impl<'a> Walk<'a> {
    /// The next byte that is no white space, not yet taken.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.bytes().next()
    }

    /// Takes `length` bytes.
    fn take(&mut self, length: usize) -> Result<&'a str, Failed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(None)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a comma or the end of what `close` closes; whether it was the end.
    fn ends(&mut self, close: u8) -> Result<bool, Failed> {
        let found = self.peek().ok_or(None)?;
        if found != close && found != b',' {
            return Err(None);
        }
        self.take(1)?;
        Ok(found == close)
    }

    /// Recursion goes no deeper than [`DEPTH`].
    fn value(&mut self, depth: usize) -> Result<Node<'a>, Failed> {
        self.values += 1;
        if self.values > VALUES {
            return Err(Some(Problem::TooLarge));
        }
        let first = self.peek().ok_or(None)?;
        if matches!(first, b'{' | b'[') && depth == DEPTH {
            return Err(Some(Problem::TooDeep));
        }
        match first {
            b'{' => self.object(depth + 1),
            b'[' => self.list(depth + 1),
            b'"' => Ok(Node::Text(self.text()?)),
            b't' => self.take(4).map(|_| Node::Bool(true)),
            b'f' => self.take(5).map(|_| Node::Bool(false)),
            b'n' => self.take(4).map(|_| Node::Null),
            _ => {
                let end = self.rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
                Ok(Node::Number(self.take(end.unwrap_or(self.rest.len()))?))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node<'a>, Failed> {
        self.take(1)?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.take(1)?;
            return Ok(Node::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.ends(b']')? {
                return Ok(Node::List(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, Failed> {
        self.take(1)?;
        let mut members = Vec::new();
        if self.peek() == Some(b'}') {
            self.take(1)?;
            return Ok(Node::Object(members));
        }
        loop {
            self.peek();
            let key = self.text()?;
            if self.peek() != Some(b':') {
                return Err(None);
            }
            self.take(1)?;
            members.push((key, self.value(depth)?));
            if self.ends(b'}')? {
                return Ok(Node::Object(members));
            }
        }
    }

    fn text(&mut self) -> Result<Cow<'a, str>, Failed> {
        let mut escaped = false;
        let mut bytes = self.rest.bytes().enumerate().skip(1);
        let end = loop {
            match bytes.next().ok_or(None)? {
                (end, b'"') => break end,
                (_, b'\\') => {
                    escaped = true;
                    bytes.next();
                }
                _ => {}
            }
        };
        // Escapes are undone by serde_json, which also refuses halves of surrogate pairs.
        if escaped {
            let quoted = self.rest.get(..=end).ok_or(None)?;
            let text = serde_json::from_str::<String>(quoted).map_err(|_| None)?;
            self.take(end + 1)?;
            return Ok(Cow::Owned(text));
        }
        let quoted = self.take(end + 1)?;
        Ok(Cow::Borrowed(quoted.get(1..end).ok_or(None)?))
    }
}
