//! Wire ⇄ model, each way: `DocumentReference` ⇄ `DocumentEntry`, `List` ⇄ `SubmissionSet` (ANS ConceptMaps
//! *documentReferenceToPDSM* and *submissionSetToPDSM*, MHD 4.2 §3.65.4.1.2). Decides nothing; what FHIR has no place
//! for travels in extensions of ours, so that it comes back as it went.

pub(crate) mod code;
pub(crate) mod entry_in;
pub(crate) mod entry_out;
pub(crate) mod ids;
pub(crate) mod people_in;
pub(crate) mod people_out;
pub(crate) mod person;
pub(crate) mod resolve;
pub(crate) mod set_in;
pub(crate) mod set_out;
pub(crate) mod source_patient;
pub(crate) mod systems;
#[cfg(test)]
mod tests;
pub(crate) mod urls;
