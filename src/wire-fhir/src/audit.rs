//! AuditEvent, as it is answered (TDE 2.0.0 on FHIR R4).

use serde::Serialize;

use crate::{
    resources::{Resource, is_none},
    types::{CodeableConcept, Coding, Meta, Period, Reference},
};

/// One trace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "resourceType", rename_all = "camelCase")]
pub struct AuditEvent {
    /// Id.
    pub id: String,
    /// Profiles.
    pub meta: Meta,
    /// People.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contained: Vec<Resource>,
    /// Kind of event.
    #[serde(rename = "type")]
    pub kind: Coding,
    /// Kind of interaction.
    pub subtype: Vec<Coding>,
    /// C, R, U, D, E.
    pub action: &'static str,
    /// When it happened.
    pub period: Period,
    /// When it was recorded.
    pub recorded: String,
    /// 0 done, 4 refused, 8 failed.
    pub outcome: &'static str,
    /// Code of the cause.
    #[serde(skip_serializing_if = "is_none")]
    pub outcome_desc: Option<String>,
    /// Why.
    pub purpose_of_event: Vec<CodeableConcept>,
    /// Who.
    pub agent: Vec<AuditAgent>,
    /// Who recorded it.
    pub source: AuditSource,
    /// On what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entity: Vec<AuditEntity>,
}

/// Who took part.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditAgent {
    /// How they took part.
    #[serde(rename = "type", skip_serializing_if = "is_none")]
    pub kind: Option<CodeableConcept>,
    /// What they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub role: Vec<CodeableConcept>,
    /// Who.
    pub who: Reference,
    /// Name.
    #[serde(skip_serializing_if = "is_none")]
    pub name: Option<String>,
    /// Whether they asked.
    pub requestor: bool,
    /// Rules that applied, as URIs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<String>,
}

/// Who recorded it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditSource {
    /// The gateway.
    pub observer: Reference,
}

/// What it bore on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntity {
    /// The thing.
    pub what: Reference,
    /// Kind of thing.
    #[serde(rename = "type")]
    pub kind: Coding,
    /// Part it plays.
    pub role: Coding,
    /// What else is known of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<AuditDetail>,
}

/// What else is known of a thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditDetail {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What it says.
    pub value_string: String,
}
