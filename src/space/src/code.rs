//! A coded value as document metadata carries it.

use serde::{Deserialize, Serialize};

use crate::document::LocalizedText;

/// A code, its system, and the label its sender gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Code {
    /// The code.
    #[serde(rename = "c")]
    pub code: String,
    /// OID, URI or name of its system.
    #[serde(rename = "s")]
    pub scheme: String,
    /// Label as sent, kept to be given back; never compared.
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    pub label: Vec<LocalizedText>,
}

impl Code {
    /// A code with one French label.
    #[must_use]
    pub fn new(code: impl Into<String>, scheme: impl Into<String>, label: &str) -> Self {
        let label = if label.is_empty() { Vec::new() } else { vec![LocalizedText::french(label)] };
        Self { code: code.into(), scheme: scheme.into(), label }
    }

    /// The label, or nothing.
    #[must_use]
    pub fn display(&self) -> Option<&str> {
        self.label.first().map(|l| l.value.as_str())
    }

    /// Same code of the same system.
    #[must_use]
    pub fn is(&self, code: &str, scheme: &str) -> bool {
        self.code == code && self.scheme == scheme
    }
}
