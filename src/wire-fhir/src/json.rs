//! Strict reading of JSON before anything interprets it (RFC 8259; FHIR R4 *json*): a key twice in one object is
//! refused, depth and number of values are bounded, and the base64 of `Bundle.entry[n].resource.data` is decoded as it
//! is met instead of being copied into the tree. Never says a value in an error, only where it is.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::{ParseError, Problem};

/// How much a body may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes.
    pub size: usize,
    /// Objects and arrays inside one another.
    pub depth: usize,
    /// Values of all kinds: a body of empty objects costs memory beyond its size.
    pub values: usize,
}

impl Limits {
    /// Depth 100 and 200,000 values, in at most `size` bytes.
    #[must_use]
    pub const fn of_size(size: usize) -> Self {
        Self { size, depth: 100, values: 200_000 }
    }
}

/// The content of a `Binary` of the bundle, taken out of the tree.
#[derive(Debug)]
pub(crate) struct Content {
    /// Index of its entry.
    pub(crate) entry: usize,
    /// The bytes it encodes.
    pub(crate) bytes: Vec<u8>,
    /// Where the base64 stands in the body; none when it was written with escapes.
    pub(crate) range: Option<Range<usize>>,
}

/// A body read.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) value: Value,
    pub(crate) contents: Vec<Content>,
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

struct Walk<'a> {
    input: &'a [u8],
    limits: Limits,
    values: usize,
    depth: usize,
    path: Vec<Step>,
    contents: Vec<Content>,
    problem: Option<Problem>,
}

/// Reads a body whose root is called `root` in FHIRPath.
pub(crate) fn read(input: &[u8], root: &str, limits: Limits) -> Result<Tree, ParseError> {
    if input.len() > limits.size {
        return Err(ParseError::new(root, Problem::TooLarge));
    }
    let mut walk = Walk { input, limits, values: 0, depth: 0, path: Vec::new(), contents: Vec::new(), problem: None };
    let mut json = serde_json::Deserializer::from_slice(input);
    let read = Seed(&mut walk).deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    match read {
        Ok(value) => Ok(Tree { value, contents: walk.contents }),
        Err(error) => {
            let problem = walk.problem.take().unwrap_or(Problem::Syntax { line: error.line(), column: error.column() });
            Err(ParseError::new(walk.place(root), problem))
        }
    }
}

impl Walk<'_> {
    fn place(&self, root: &str) -> String {
        let mut place = root.to_owned();
        for step in &self.path {
            match step {
                Step::Key(key) => {
                    place.push('.');
                    place.push_str(&shown(key));
                }
                Step::Index(index) => {
                    place.push_str(&format!("[{index}]"));
                }
            }
        }
        place
    }

    fn fail<E: serde::de::Error>(&mut self, problem: Problem) -> E {
        self.problem = Some(problem);
        E::custom("refused")
    }

    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.values += 1;
        if self.values > self.limits.values { Err(self.fail(Problem::TooLarge)) } else { Ok(()) }
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > self.limits.depth { Err(self.fail(Problem::TooDeep)) } else { Ok(()) }
    }

    /// The entry whose content is being read, when it is one.
    fn content_of(&self) -> Option<usize> {
        match self.path.as_slice() {
            [Step::Key(entry), Step::Index(index), Step::Key(resource), Step::Key(data)]
                if entry == "entry" && resource == "resource" && data == "data" =>
            {
                Some(*index)
            }
            _ => None,
        }
    }

    fn text<E: serde::de::Error>(&mut self, text: &str, borrowed: bool) -> Result<Value, E> {
        self.count()?;
        let Some(entry) = self.content_of() else { return Ok(Value::String(text.to_owned())) };
        let bytes = decode(text).ok_or_else(|| self.fail(Problem::Base64))?;
        // A borrowed text is a part of the input: its place is the distance between the two starts.
        let range = borrowed.then(|| {
            let start = text.as_ptr().addr().wrapping_sub(self.input.as_ptr().addr());
            start..start + text.len()
        });
        let range = range.filter(|r| self.input.get(r.clone()).is_some_and(|found| found == text.as_bytes()));
        self.contents.push(Content { entry, bytes, range });
        Ok(Value::String(String::new()))
    }
}

/// Decodes base64; FHIR allows white space inside.
fn decode(text: &str) -> Option<Vec<u8>> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return Some(bytes);
    }
    let dense: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if dense.len() == text.len() { None } else { STANDARD.decode(dense).ok() }
}

/// A key as it may be told: a sender can write anything there, so only what looks like an element's name is repeated.
pub(crate) fn shown(key: &str) -> String {
    let name = !key.is_empty() && key.len() <= 64 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if name { key.to_owned() } else { "?".to_owned() }
}

struct Seed<'w, 'a>(&'w mut Walk<'a>);

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: serde::de::Error>(self, v: bool) -> Result<Value, E> {
        self.0.count()?;
        Ok(Value::Bool(v))
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Value, E> {
        self.0.count()?;
        Ok(v.into())
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Value, E> {
        self.0.count()?;
        Ok(v.into())
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Value, E> {
        self.0.count()?;
        Ok(v.into())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.0.count()?;
        Ok(Value::Null)
    }

    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Value, E> {
        self.0.text(v, false)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, v: &'de str) -> Result<Value, E> {
        self.0.text(v, true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let walk = self.0;
        walk.count()?;
        walk.enter()?;
        let mut items = Vec::new();
        // The path is left as it stands when an error comes up: it is the place of the error.
        walk.path.push(Step::Index(0));
        while let Some(item) = seq.next_element_seed(Seed(walk))? {
            items.push(item);
            if let Some(last) = walk.path.last_mut() {
                *last = Step::Index(items.len());
            }
        }
        walk.path.pop();
        walk.depth -= 1;
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let walk = self.0;
        walk.count()?;
        walk.enter()?;
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            walk.path.push(Step::Key(key.clone()));
            if object.contains_key(&key) {
                walk.problem = Some(Problem::DuplicateKey);
                return Err(A::Error::custom("refused"));
            }
            let value = map.next_value_seed(Seed(walk))?;
            walk.path.pop();
            object.insert(key, value);
        }
        walk.depth -= 1;
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (String, Problem) {
        let error = read(text.as_bytes(), "Bundle", Limits::of_size(1 << 20)).expect_err("refused");
        (error.place, error.problem)
    }

    #[test]
    fn a_key_twice_is_refused_where_it_stands() {
        let (place, what) = problem(r#"{"entry":[{"a":1},{"b":{"c":1,"c":2}}]}"#);
        assert_eq!((place.as_str(), what), ("Bundle.entry[1].b.c", Problem::DuplicateKey));
    }

    #[test]
    fn depth_size_and_number_of_values_are_bounded() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(problem(&deep).1, Problem::TooDeep);
        let deep = "{\"a\":".repeat(101);
        assert_eq!(problem(&deep).1, Problem::TooDeep);
        let many = format!("[{}0]", "0,".repeat(200_000));
        assert_eq!(problem(&many).1, Problem::TooLarge);
        let large = read(b"[1,2,3]", "Bundle", Limits::of_size(4)).expect_err("too large");
        assert_eq!(large.problem, Problem::TooLarge);
    }

    #[test]
    fn what_is_no_json_is_refused_with_line_and_place() {
        for bad in ["", "{", "{\"a\":tru}", "{\"a\":1}x", "{\"a\":1,}", "\u{feff}{}"] {
            assert!(matches!(problem(bad).1, Problem::Syntax { .. }), "{bad}");
        }
        assert_eq!(problem("{\"entry\":[{\"x\":tru}]}").0, "Bundle.entry[0].x");
    }

    #[test]
    fn content_is_decoded_on_the_way_and_its_place_known() {
        let text = r#"{"entry":[{"resource":{"data":"SGVsbG8gV29ybGQ="}},{"resource":{"data":"SGVs\nbG8="}}]}"#;
        let tree = read(text.as_bytes(), "Bundle", Limits::of_size(1 << 20)).expect("reads");
        assert_eq!(tree.contents[0].bytes, b"Hello World");
        assert_eq!(&text[tree.contents[0].range.clone().expect("borrowed")], "SGVsbG8gV29ybGQ=");
        assert_eq!((tree.contents[1].bytes.as_slice(), &tree.contents[1].range), (b"Hello".as_slice(), &None));
        assert_eq!(tree.value["entry"][0]["resource"]["data"], "");
        let (place, what) = problem(r#"{"entry":[{"resource":{"data":"***"}}]}"#);
        assert_eq!((place.as_str(), what), ("Bundle.entry[0].resource.data", Problem::Base64));
    }
}
