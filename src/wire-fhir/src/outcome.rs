//! OperationOutcome, as it is answered.

use serde::Serialize;

use crate::{resources::is_none, types::CodeableConcept};

/// What went wrong, or is to be known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "resourceType")]
pub struct OperationOutcome {
    /// Issues.
    pub issue: Vec<Issue>,
}

/// One issue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Issue {
    /// error, warning.
    pub severity: &'static str,
    /// Of the required value set `issue-type`.
    pub code: &'static str,
    /// Stable code and advice.
    #[serde(skip_serializing_if = "is_none")]
    pub details: Option<CodeableConcept>,
    /// More.
    #[serde(skip_serializing_if = "is_none")]
    pub diagnostics: Option<String>,
    /// FHIRPath of what is meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expression: Vec<String>,
}
