//! Whose space a bundle is for: the subject of its set and of its documents, all the same, by number — in the reference
//! itself, in the `Patient` it points at, or as `Patient?identifier=`; or by the id that a search of `Patient` gave.

use space::{Cause, Ins, InsOid, InsTolerance, Refusal};
use wire_fhir::{Identifier, Reference, Resource, TransactionBundle};

use crate::{
    FhirState,
    call::Call,
    respond::Failure,
    translate::resolve::{Names, Scope},
};

/// A holder as a reference names one.
enum Named {
    Number(Ins),
    Id(uuid::Uuid),
}

/// The holder of a bundle.
pub(super) async fn of(state: &FhirState, call: &Call, bundle: &TransactionBundle) -> Result<Ins, Failure> {
    let subjects = subjects(bundle, state.desk.ins_tolerance(), &call.base)?;
    let mut found: Option<Ins> = None;
    for (named, place) in subjects {
        let ins = match named {
            Named::Number(ins) => ins,
            Named::Id(id) => {
                let (holder, ..) = state.desk.identify(&call.caller, None).await?;
                if holder.space.0 != id {
                    return Err(Refusal::new(Cause::PatientMismatch).at(place).into());
                }
                holder.ins
            }
        };
        match &found {
            Some(first) if *first != ins => return Err(Refusal::new(Cause::PatientMismatch).at(place).into()),
            _ => found = Some(ins),
        }
    }
    found.ok_or_else(|| Refusal::new(Cause::EmptySubmission).at("Bundle.entry").into())
}

fn subjects(
    bundle: &TransactionBundle,
    tolerance: InsTolerance,
    base: &str,
) -> Result<Vec<(Named, String)>, Vec<Refusal>> {
    let names = Names::of(&bundle.entries);
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for (index, entry) in bundle.entries.iter().enumerate() {
        let (subject, contained) = match &entry.resource {
            Some(Resource::DocumentReference(r)) => (&r.subject, r.contained.as_slice()),
            Some(Resource::List(r)) => (&r.subject, r.contained.as_slice()),
            _ => continue,
        };
        let place = format!("Bundle.entry[{index}].resource.subject");
        match subject {
            None => wrong.push(Refusal::new(Cause::MetadataMissing).at(place).about("patientId")),
            Some(subject) => match named(subject, Scope { contained, names: &names }, tolerance, base) {
                Ok(named) => found.push((named, place)),
                Err(refusal) => wrong.push(refusal.at(place)),
            },
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn named(subject: &Reference, scope: Scope<'_>, tolerance: InsTolerance, base: &str) -> Result<Named, Refusal> {
    if let Some(Resource::Patient(patient)) = scope.resolve(subject) {
        let found = patient.identifier.iter().find(|i| register(i).is_some());
        let found = found.ok_or_else(|| Refusal::new(Cause::InsInvalid).about("identifier"))?;
        return number(found, tolerance).map(Named::Number);
    }
    if let Some(identifier) = &subject.identifier {
        return number(identifier, tolerance).map(Named::Number);
    }
    let text = subject.reference.as_deref().unwrap_or_default();
    let text = text.strip_prefix(base).map_or(text, |rest| rest.trim_start_matches('/'));
    if let Some(query) = text.strip_prefix("Patient?identifier=") {
        let query = query.replace("%7C", "|").replace("%7c", "|").replace("%3A", ":").replace("%3a", ":");
        let (system, value) = query.split_once('|').ok_or_else(|| Refusal::new(Cause::InsInvalid))?;
        return number(&Identifier::new(system, value), tolerance).map(Named::Number);
    }
    let id = text.strip_prefix("Patient/").and_then(|id| uuid::Uuid::try_parse(id).ok());
    id.map(Named::Id).ok_or_else(|| {
        Refusal::new(Cause::ResourceInvalid).about("Patient by INS identifier, contained, or of the bundle")
    })
}

fn register(identifier: &Identifier) -> Option<InsOid> {
    identifier.system.as_deref().and_then(InsOid::parse)
}

fn number(identifier: &Identifier, tolerance: InsTolerance) -> Result<Ins, Refusal> {
    let oid = register(identifier).ok_or_else(|| Refusal::new(Cause::InsInvalid).about("identifier.system"))?;
    Ins::parse(identifier.value.as_deref().unwrap_or_default(), oid, tolerance)
}
