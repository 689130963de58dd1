//! Whose space a search bears on: `patient.identifier=system|value`, or `patient=Patient/<id>` with an id that a search
//! of `Patient` gave. Credential and request must name the same holder: the desk checks it.

use desk::PersonKey;
use space::{Cause, Ins, InsOid, LocalId, Refusal};

use super::{Search, invalid, place};
use crate::{FhirState, call::Call, respond::Failure};

/// The holder a search names.
pub(crate) async fn named(state: &FhirState, call: &Call, search: &Search) -> Result<Ins, Failure> {
    let mut found: Option<Ins> = None;
    let mut same = |ins: Ins, name: &str| match &found {
        Some(first) if *first != ins => Err(Refusal::new(Cause::PatientMismatch).at(place(name))),
        _ => {
            found = Some(ins);
            Ok(())
        }
    };
    for values in search.all("patient.identifier") {
        same(number(state, "patient.identifier", values)?, "patient.identifier")?;
    }
    for values in search.all("patient") {
        same(referred(state, call, values).await?, "patient")?;
    }
    found.ok_or_else(|| {
        Refusal::new(Cause::QueryParameterMissing).at(place("patient")).about("patient | patient.identifier").into()
    })
}

/// The number of one value `system|value`.
pub(crate) fn number(state: &FhirState, name: &str, values: &[String]) -> Result<Ins, Refusal> {
    let [value] = values else { return Err(invalid(name, "one value")) };
    let (system, matricule) = value.split_once('|').ok_or_else(|| invalid(name, "system|value"))?;
    let oid = InsOid::parse(system).ok_or_else(|| Refusal::new(Cause::InsInvalid).at(place(name)))?;
    Ins::parse(matricule, oid, state.desk.ins_tolerance()).map_err(|r| r.at(place(name)))
}

/// Whom one value `system|value` names: the number of a register, or a structure's.
pub(crate) fn key(state: &FhirState, name: &str, values: &[String]) -> Result<PersonKey, Refusal> {
    let system = values.first().and_then(|value| value.split_once('|')).map(|(system, _)| system);
    match system {
        Some(system) if system.starts_with("urn:oid:") && InsOid::parse(system).is_none() => {
            local(name, values).map(PersonKey::Local)
        }
        _ => number(state, name, values).map(PersonKey::Ins),
    }
}

/// The structure's number of one value `system|value`.
pub(crate) fn local(name: &str, values: &[String]) -> Result<LocalId, Refusal> {
    let [value] = values else { return Err(invalid(name, "one value")) };
    let (system, number) = value.split_once('|').ok_or_else(|| invalid(name, "system|value"))?;
    LocalId::parse(system, number).map_err(|refusal| refusal.at(place(name)))
}

/// The holder of a reference. Its id says nothing: it must be the id of the holder that the credential names.
async fn referred(state: &FhirState, call: &Call, values: &[String]) -> Result<Ins, Failure> {
    let [value] = values else { return Err(invalid("patient", "one value").into()) };
    if let Some(query) = value.strip_prefix("Patient?identifier=") {
        return Ok(number(state, "patient", &[query.to_owned()])?);
    }
    let id = value.strip_prefix(&call.base).map_or(value.as_str(), |rest| rest.trim_start_matches('/'));
    let id = id.strip_prefix("Patient/").unwrap_or(id);
    let id = uuid::Uuid::try_parse(id).map_err(|_| invalid("patient", "Patient/<id>"))?;
    let (holder, ..) = state.desk.identify(&call.caller, None).await?;
    if holder.space.0 == id {
        Ok(holder.ins)
    } else {
        Err(Refusal::new(Cause::PatientMismatch).at(place("patient")).into())
    }
}
