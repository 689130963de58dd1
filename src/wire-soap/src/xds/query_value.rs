//! The value grammar of stored queries: ITI TF-2 3.18.4.1.2.3.5.
//!
//! A `rim:Value` holds `'text'` with `''` for a quote, a number, or a list of these in parentheses. Several `Value`
//! elements of one slot are one list.

use crate::ebxml::Place;
use crate::{MessageError, MessageErrorKind as Kind};

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryValue {
    /// Quoted text, its quotes undone.
    Text(String),
    /// An unquoted number in its lexical form: digits with an optional sign and decimal part.
    Number(String),
}

impl QueryValue {
    /// The characters, whichever kind it is: senders write times both ways.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let (Self::Text(text) | Self::Number(text)) = self;
        text
    }

    /// The number, if it is an integer that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(text) => text.parse().ok(),
            Self::Text(_) => None,
        }
    }

    /// Appends the value in the grammar.
    fn write(&self, out: &mut String) {
        match self {
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => {
                out.push('\'');
                out.push_str(&text.replace('\'', "''"));
                out.push('\'');
            }
        }
    }
}

/// The values of one slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryValues {
    /// All values, lists flattened, in order.
    pub values: Vec<QueryValue>,
    /// Whether the list form was used, which some parameters do not allow.
    pub list: bool,
}

impl QueryValues {
    /// Reads the `rim:Value` texts of one slot.
    ///
    /// # Errors
    /// `InvalidQueryValue` at the value that does not follow the grammar.
    pub fn parse(raw: &[String], place: &Place) -> Result<Self, MessageError> {
        let mut all = Self { values: Vec::new(), list: raw.len() > 1 };
        for (index, text) in raw.iter().enumerate() {
            let error = || Kind::InvalidQueryValue.at(format!("{place}/ValueList/Value[{}]", index + 1));
            all.list |= read(text, &mut all.values).ok_or_else(error)?;
        }
        Ok(all)
    }

    /// The one value of a parameter that takes no list.
    #[must_use]
    pub fn single(&self) -> Option<&QueryValue> {
        match self.values.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The text of one `rim:Value` that holds these values.
    #[must_use]
    pub fn to_raw(&self) -> String {
        let mut out = String::new();
        if self.list {
            out.push('(');
        }
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            value.write(&mut out);
        }
        if self.list {
            out.push(')');
        }
        out
    }
}

/// Reads one text; tells whether it was a list.
fn read(text: &str, values: &mut Vec<QueryValue>) -> Option<bool> {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('(') else {
        let (value, rest) = read_one(text)?;
        values.push(value);
        return rest.is_empty().then_some(false);
    };
    let mut rest = inner.strip_suffix(')')?.trim();
    loop {
        let (value, after) = read_one(rest)?;
        values.push(value);
        let after = after.trim_start();
        if after.is_empty() {
            return Some(true);
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

/// Reads a value off the front.
fn read_one(text: &str) -> Option<(QueryValue, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        return is_number(number).then(|| (QueryValue::Number(number.to_owned()), rest));
    };
    let mut value = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('\'')?;
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(after_pair) => {
                value.push('\'');
                rest = after_pair;
            }
            None => return Some((QueryValue::Text(value), after)),
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, decimals)) => digits(whole) && digits(decimals),
        None => digits(unsigned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &[&str]) -> Result<QueryValues, MessageError> {
        let raw: Vec<String> = raw.iter().map(|&r| r.to_owned()).collect();
        QueryValues::parse(&raw, &Place("/Slot[1]".into()))
    }

    fn texts(raw: &[&str]) -> (Vec<String>, bool) {
        let values = parse(raw).unwrap();
        (values.values.iter().map(|v| v.as_str().to_owned()).collect(), values.list)
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&t| t.to_owned()).collect()
    }

    #[test]
    fn text_numbers_and_lists_are_read() {
        assert_eq!(texts(&["'a^^^&1.2&ISO^NH'"]), (strings(&["a^^^&1.2&ISO^NH"]), false));
        assert_eq!(texts(&["'l''Hay'"]), (strings(&["l'Hay"]), false));
        assert_eq!(texts(&["''"]), (strings(&[""]), false));
        assert_eq!(texts(&["''''"]), (strings(&["'"]), false));
        assert_eq!(texts(&[" 20040101 "]), (strings(&["20040101"]), false));
        assert_eq!(texts(&["('a')"]), (strings(&["a"]), true));
        assert_eq!(texts(&["( 'a,b' ,\n'c)' , -1.5 )"]), (strings(&["a,b", "c)", "-1.5"]), true));
        assert_eq!(texts(&["('a','b')", "('c')"]), (strings(&["a", "b", "c"]), true));
        assert_eq!(parse(&["12"]).unwrap().single().unwrap().as_i64(), Some(12));
    }

    #[test]
    fn what_does_not_follow_the_grammar_is_refused() {
        for raw in [
            "",
            "a",
            "'a",
            "a'",
            "'a'b",
            "()",
            "('a'",
            "'a')",
            "('a',)",
            "('a''b)",
            "('a' 'b')",
            "(('a'))",
            "1.",
            ".5",
            "1e3",
            "--1",
            "'a','b'",
        ] {
            assert_eq!(parse(&["'x'", raw]).unwrap_err().place, "/Slot[1]/ValueList/Value[2]", "{raw:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let values = parse(&["('l''a','b',3)"]).unwrap();
        assert_eq!(values.to_raw(), "('l''a','b',3)");
        assert_eq!(parse(&["'a'"]).unwrap().to_raw(), "'a'");
    }
}
