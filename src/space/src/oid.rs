//! Object identifiers as XDS and HL7 write them: dotted decimal, at most 64 characters, no leading zero in a node
//! (ITI TF-3 §4.2.3.1.7, ITU-T X.660).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A dotted-decimal object identifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(String);

/// Why a text is no OID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an OID: dotted decimal numbers without leading zero, 64 characters at most")]
pub struct OidError;

impl Oid {
    /// Reads `text`; a leading `urn:oid:` is taken off.
    ///
    /// # Errors
    /// When what remains is not an OID of at most 64 characters.
    pub fn parse(text: &str) -> Result<Self, OidError> {
        let text = text.strip_prefix("urn:oid:").unwrap_or(text);
        let node_ok = |node: &str| {
            !node.is_empty() && node.bytes().all(|b| b.is_ascii_digit()) && (node == "0" || !node.starts_with('0'))
        };
        let first_ok = matches!(text.as_bytes().first(), Some(b'0'..=b'2')) && text.as_bytes().get(1) == Some(&b'.');
        if text.len() <= 64 && first_ok && text.split('.').all(node_ok) {
            Ok(Self(text.to_owned()))
        } else {
            Err(OidError)
        }
    }

    /// The OID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Oid {
    type Error = OidError;
    fn try_from(text: String) -> Result<Self, OidError> {
        Self::parse(&text)
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.0
    }
}

#[cfg(test)]
mod tests {
    use super::Oid;

    #[test]
    fn accepts_what_x660_accepts_and_nothing_else() {
        for good in ["1.2.250.1.213.1.4.8", "2.16.840.1.113883.6.1", "0.9", "urn:oid:1.2.3"] {
            assert!(Oid::parse(good).is_ok(), "{good}");
        }
        let long = format!("1.2.{}", "1".repeat(70));
        for bad in ["", "1", "3.1", "1..2", "1.02", "1.2.", "1.2.x", "1.2^3", &long] {
            assert!(Oid::parse(bad).is_err(), "{bad}");
        }
    }
}
