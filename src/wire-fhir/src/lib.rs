//! FHIR JSON, bytes ⇄ plain structures: the only crate that names fhir-sdk. Opens no socket and knows no rule of the
//! model.
//!
//! [`parse_bundle`] reads the transaction of ITI-65; [`check`] says whether JSON is a FHIR R4 resource. What is answered
//! is written by the light structures of this crate, and tests prove that fhir-sdk reads all of it.
//!
//! # FHIR R4 by R4B types
//!
//! The gateway speaks FHIR 4.0.1; fhir-sdk has the types of R4B (4.3.0). For the resources used here they differ so:
//!
//! | resource | R4 4.0.1 → R4B 4.3.0 | what is done |
//! |---|---|---|
//! | `Extension` (everywhere) | `value[x]` gained `valueCodeableReference` and `valueRatioRange` | both refused |
//! | `CapabilityStatement` | `fhirVersion` gained `4.1.0`, `4.3.0`; still knows `4.0.1` | `4.0.1` is written |
//! | `CapabilityStatement.rest.resource.type`, `Bundle` entries, `contained` | resource types gained (`SubscriptionTopic`, `ClinicalUseDefinition`…) and lost (`MedicinalProduct…`, `EffectEvidenceSynthesis`…) | none of them is used: refused by the transaction whichever they are |
//! | `DocumentReference`, `List`, `Binary`, `Bundle`, `OperationOutcome`, `Parameters` | same elements, same required codes | — |
//! | `Patient`, `Practitioner`, `PractitionerRole`, `Organization`, `Device` | same elements, same required codes | — |
//! | `AuditEvent` | same elements, same required codes (R5 changed it, R4B did not) | — |
//!
//! fhir-sdk lets pass unknown elements, empty arrays and modifiers: [`check`] does not. Lengths of `id`, white space in
//! `string` and invariants (`dom-*`, `bdl-*`) are checked by nobody here: the face checks what it relies on.

mod audit;
mod bundle;
mod check;
mod error;
mod json;
mod measure;
mod original;
mod outcome;
mod people;
mod resources;
#[cfg(test)]
mod tests;
mod types;
pub mod xml;

pub use audit::{AuditAgent, AuditDetail, AuditEntity, AuditEvent, AuditSource};
pub use bundle::{
    Answered, AnsweredRequest, Bundle, BundleType, Entry, Link, Response, Search, TransactionBundle, TransactionEntry,
    parse_bundle, parse_resource,
};
pub use check::check;
pub use error::{ParseError, Problem};
pub use json::Limits;
pub use measure::{
    Category, MeasureBundle, MeasureEntry, Observation, ObservationComponent, ObservationMeta, PhdDevice, Quantity,
    Request, parse_measure_bundle, parse_observation,
};
pub use original::{answered, kept};
pub use outcome::{Issue, OperationOutcome};
pub use people::{
    Device, DeviceName, Organization, Parameter, Parameters, Patient, PatientLink, Practitioner, PractitionerRole,
};
pub use resources::{Binary, Content, Context, DocumentReference, List, ListEntry, RelatesTo, Resource};
pub use types::{
    Address, Annotation, Attachment, CodeableConcept, Coding, ContactPoint, Extension, HumanName, Identifier, Meta,
    Period, Reference,
};
