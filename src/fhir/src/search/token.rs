//! Tokens (FHIR R4 search §3.1.1.4.10): `code`, `system|code`, `|code`, `system|`.

use space::Code;

use crate::translate::{ids, systems};

/// A token asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The system: not said, none, or this one (as XDS names it).
    pub(crate) system: Option<String>,
    /// The system as it was written.
    pub(crate) uri: Option<String>,
    /// The code; any when empty.
    pub(crate) code: String,
}

impl Token {
    /// Reads one value.
    pub(crate) fn read(value: &str) -> Self {
        match value.split_once('|') {
            Some((system, code)) => {
                Self { system: Some(systems::from_uri(system)), uri: Some(system.to_owned()), code: code.to_owned() }
            }
            None => Self { system: None, uri: None, code: value.to_owned() },
        }
    }

    /// Whether it is this code.
    pub(crate) fn fits(&self, code: &Code) -> bool {
        let code_fits = self.code.is_empty() || self.code == code.code;
        let read = super::super::translate::code::code(&wire_fhir::Coding::new(self.uri.as_deref(), &code.code, None));
        code_fits && self.system.as_ref().is_none_or(|s| *s == code.scheme || read.scheme == code.scheme)
    }

    /// Whether it is this word of a fixed list of codes, whatever system it names.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.code == word
    }

    /// Whether it names an object by one of its identifiers, written as `system|value`.
    pub(crate) fn names(&self, unique_id: &str, uuids: &[&str], others: &[String]) -> bool {
        let uri = self.uri.as_deref();
        if uri.is_none_or(|u| u == crate::translate::urls::RFC_3986) {
            let bare = ids::unique_of_value(&self.code);
            if bare == unique_id || uuids.contains(&self.code.as_str()) {
                return true;
            }
        }
        others.iter().any(|other| match (uri, other.split_once('|')) {
            (Some(uri), Some((system, value))) => uri == system && self.code == value,
            (None, Some((_, value))) => self.code == value,
            _ => false,
        })
    }
}

/// Reads a criterion.
pub(crate) fn tokens(values: &[String]) -> Vec<Token> {
    values.iter().map(|v| Token::read(v)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_by_code_by_system_or_by_both() {
        let code = Code::new("11488-4", "2.16.840.1.113883.6.1", "");
        for good in
            ["11488-4", "http://loinc.org|11488-4", "urn:oid:2.16.840.1.113883.6.1|11488-4", "http://loinc.org|"]
        {
            assert!(Token::read(good).fits(&code), "{good}");
        }
        for bad in ["11488", "|11488-4", "http://snomed.info/sct|11488-4", "http://loinc.org|1"] {
            assert!(!Token::read(bad).fits(&code), "{bad}");
        }
    }

    #[test]
    fn an_object_is_named_by_its_oid_its_uuid_or_another_identifier() {
        let uuid = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        let others = ["urn:oid:1.2.9|AB".to_owned()];
        for good in [
            "urn:ietf:rfc:3986|urn:oid:1.2.3",
            "1.2.3",
            "urn:oid:1.2.3",
            "urn:ietf:rfc:3986|urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "urn:oid:1.2.9|AB",
            "AB",
        ] {
            assert!(Token::read(good).names("1.2.3", &[uuid], &others), "{good}");
        }
        for bad in ["1.2", "urn:oid:1.2.8|AB", "urn:oid:1.2|1.2.3", "|AB"] {
            assert!(!Token::read(bad).names("1.2.3", &[uuid], &others), "{bad}");
        }
    }
}
