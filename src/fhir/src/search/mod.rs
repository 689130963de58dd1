//! Searching (FHIR R4 *search*): what parameters are served, what their values mean, and pages of results. The table of
//! parameters is the one the `CapabilityStatement` declares; a parameter that is not in it is refused.

pub(crate) mod date;
pub(crate) mod holder;
pub(crate) mod page;
pub(crate) mod parameters;
pub(crate) mod text;
pub(crate) mod token;

use space::{Cause, Refusal};

use crate::{call::Call, respond::Failure};
pub(crate) use parameters::Parameter;

/// Parameters about the answer, served for every search.
pub(crate) const RESULT: [&str; 4] = ["_count", "_offset", "_sort", "_format"];

/// The same where pages are told by a cursor.
pub(crate) const RESULT_MORE: [&str; 4] = ["_cursor", "_total", "_summary", "_include"];

/// A search, its parameters known and split: each with its values, any of which fits.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Criteria in order, repetitions kept: all of them must fit.
    pub(crate) criteria: Vec<(&'static Parameter, Vec<String>)>,
    /// What was left out because the caller asked to be told rather than refused.
    pub(crate) ignored: Vec<Refusal>,
    /// What was understood, as it is said again in links.
    pub(crate) understood: Vec<(String, String)>,
}

impl Search {
    /// Reads the parameters of a call.
    pub(crate) fn read(call: &Call, served: &'static [Parameter]) -> Result<Self, Failure> {
        let mut search = Self::default();
        let mut wrong = Vec::new();
        for (name, value) in &call.parameters {
            let more = std::ptr::eq(served, parameters::OBSERVATION) && RESULT_MORE.contains(&name.as_str());
            if more || RESULT.contains(&name.as_str()) {
                continue;
            }
            match served.iter().find(|p| p.name == name || p.aliases.contains(&name.as_str())) {
                // FHIR R4 search §3.1.1.3: a parameter without a value says nothing.
                Some(_) if value.is_empty() => {}
                Some(parameter) => {
                    search.understood.push((parameter.name.to_owned(), value.clone()));
                    search.criteria.push((parameter, split(value)));
                }
                None => {
                    let refusal = Refusal::new(Cause::QueryParameterUnknown).at(place(name)).about(shown(name));
                    if call.lenient { &mut search.ignored } else { &mut wrong }.push(refusal);
                }
            }
        }
        if wrong.is_empty() { Ok(search) } else { Err(wrong.into()) }
    }

    /// Values of the criteria of one name, each criterion apart.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [String]> {
        self.criteria.iter().filter(move |(p, _)| p.name == name).map(|(_, values)| values.as_slice())
    }

    /// Refuses a search that lacks one of its mandatory criteria.
    pub(crate) fn require(&self, names: &[&str]) -> Result<(), Failure> {
        let missing: Vec<Refusal> = names
            .iter()
            .filter(|name| self.all(name).next().is_none())
            .map(|name| Refusal::new(Cause::QueryParameterMissing).at(place(name)).about(*name))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(missing.into()) }
    }
}

/// Where a parameter stands, as FHIR R4 *operationoutcome* writes it.
pub(crate) fn place(name: &str) -> String {
    format!("http.{}", shown(name))
}

/// A parameter's value is not of its form.
pub(crate) fn invalid(name: &str, form: &str) -> Refusal {
    Refusal::new(Cause::QueryParameterInvalid).at(place(name)).about(form)
}

/// A name as it may be told: a caller can write anything there.
fn shown(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) { name.to_owned() } else { "?".to_owned() }
}

/// Values between commas; a comma, dollar, bar or backslash is escaped by a backslash (FHIR R4 search §3.1.1.4.0.3).
fn split(value: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let last = values.len() - 1;
        match c {
            ',' => values.push(String::new()),
            '\\' => values[last].extend(chars.next()),
            other => values[last].push(other),
        }
    }
    values.retain(|v| !v.is_empty());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_at_commas_that_are_not_escaped() {
        assert_eq!(split("a,b"), ["a", "b"]);
        assert_eq!(split(r"a\,b,c\\"), ["a,b", r"c\"]);
        assert_eq!(split(",,a,"), ["a"]);
    }

    #[test]
    fn a_name_is_told_only_when_it_looks_like_one() {
        assert_eq!((place("author.given"), place("DUPONT Jean")), ("http.author.given".into(), "http.?".into()));
    }
}
