//! The PATCH entry by which a bundle marks the document it replaces as superseded (MHD 4.2 *UpdateDocumentRefs*; PDSm4DMP
//! TD2.1). The replacement itself does that: the entry may say so and nothing else.

use serde_json::Value;
use space::{Cause, Refusal};
use wire_fhir::{Parameter, Resource, TransactionEntry};

/// Checks that an entry sets `DocumentReference.status` to `superseded`, by FHIRPath or JSON Patch.
pub(super) fn check(entry: &TransactionEntry, place: &str) -> Result<(), Refusal> {
    let good = match &entry.resource {
        Some(Resource::Parameters(parameters)) => {
            !parameters.parameter.is_empty() && parameters.parameter.iter().all(supersedes)
        }
        Some(Resource::Binary(binary)) if binary.content_type.starts_with("application/json-patch+json") => {
            let patch = entry.content.as_deref().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
            patch.as_ref().and_then(Value::as_array).is_some_and(|operations| {
                !operations.is_empty()
                    && operations.iter().all(|o| {
                        matches!(o["op"].as_str(), Some("replace" | "add" | "test"))
                            && o["path"] == "/status"
                            && (o["value"] == "superseded" || o["op"] == "test")
                    })
            })
        }
        _ => false,
    };
    if good {
        Ok(())
    } else {
        Err(Refusal::new(Cause::ResourceInvalid).at(format!("{place}.resource")).about("status := superseded"))
    }
}

/// Whether an operation of a FHIRPath patch replaces the status by `superseded`.
fn supersedes(operation: &Parameter) -> bool {
    let part = |name: &str| {
        let found = operation.part.iter().find(|p| p.name == name)?;
        found.value_code.as_deref().or(found.value_string.as_deref())
    };
    operation.name == "operation"
        && part("type") == Some("replace")
        && part("path") == Some("DocumentReference.status")
        && part("value") == Some("superseded")
}
