//! Authors and other people: from references and what they point at to the model (MHD §4.5.1.1, PDSm).

use space::{
    Author, Cause, Refusal,
    hl7::{Xcn, Xon},
};
use wire_fhir::{CodeableConcept, PractitionerRole, Reference, Resource};

use super::{
    person,
    resolve::Scope,
    systems,
    urls::{AUTHOR_INSTITUTION, AUTHOR_ROLE, AUTHOR_SPECIALTY, AUTHOR_TELECOM, texts},
};

fn not_found(place: &str) -> Refusal {
    Refusal::new(Cause::ResourceInvalid).at(place).about("reference to a contained resource or an entry of the bundle")
}

fn unidentified(place: &str) -> Refusal {
    Refusal::new(Cause::ResourceInvalid).at(place).about("identifier with an urn:oid: system")
}

/// The author that a reference points at.
pub(crate) fn author(reference: &Reference, scope: Scope<'_>, place: &str) -> Result<Author, Refusal> {
    let mut author = Author::default();
    match scope.resolve(reference).ok_or_else(|| not_found(place))? {
        Resource::PractitionerRole(role) => fill_role(&mut author, role, scope, place)?,
        Resource::Organization(o) => {
            author.institutions.push(person::organization_xon(o).ok_or_else(|| unidentified(place))?);
        }
        Resource::Device(device) => {
            author.person = Some(person::device_xcn(device).ok_or_else(|| unidentified(place))?);
            if let Some(owner) = &device.owner {
                author.institutions.push(structure(owner, scope, place)?);
            }
        }
        other => author.person = Some(person_of(other, scope, place)?),
    }
    author.roles.extend(texts(&reference.extension, AUTHOR_ROLE));
    author.specialties.extend(texts(&reference.extension, AUTHOR_SPECIALTY));
    author.telecoms.extend(texts(&reference.extension, AUTHOR_TELECOM));
    for extension in reference.extension.iter().filter(|e| e.url == AUTHOR_INSTITUTION) {
        if let Some(target) = &extension.value_reference {
            author.institutions.push(structure(target, scope, place)?);
        }
    }
    Ok(author)
}

fn fill_role(author: &mut Author, role: &PractitionerRole, scope: Scope<'_>, place: &str) -> Result<(), Refusal> {
    if let Some(reference) = &role.practitioner {
        author.person = Some(person(reference, scope, place)?);
    }
    if let Some(reference) = &role.organization {
        author.institutions.push(structure(reference, scope, place)?);
    }
    author.specialties = role.specialty.iter().filter_map(specialty).collect();
    author.roles = role.code.iter().filter_map(label).collect();
    author.telecoms = role.telecom.iter().filter_map(person::point_xtn).collect();
    Ok(())
}

/// The person or system that a reference points at.
pub(crate) fn person(reference: &Reference, scope: Scope<'_>, place: &str) -> Result<Xcn, Refusal> {
    let resource = scope.resolve(reference).ok_or_else(|| not_found(place))?;
    person_of(resource, scope, place)
}

fn person_of(resource: &Resource, scope: Scope<'_>, place: &str) -> Result<Xcn, Refusal> {
    let xcn = match resource {
        Resource::Practitioner(r) => person::practitioner_xcn(r),
        Resource::Patient(r) => person::patient_xcn(r),
        Resource::Device(r) => person::device_xcn(r),
        Resource::Organization(r) => person::organization_xcn(r),
        Resource::PractitionerRole(role) => {
            // One step only: a role names a practitioner, never another role.
            let who = role.practitioner.as_ref().and_then(|p| scope.resolve(p)).ok_or_else(|| not_found(place))?;
            match who {
                Resource::Practitioner(r) => person::practitioner_xcn(r),
                _ => None,
            }
        }
        _ => None,
    };
    xcn.ok_or_else(|| unidentified(place))
}

/// The structure that a reference points at, or names by its identifier.
pub(crate) fn structure(reference: &Reference, scope: Scope<'_>, place: &str) -> Result<Xon, Refusal> {
    match scope.resolve(reference) {
        Some(Resource::Organization(o)) => person::organization_xon(o).ok_or_else(|| unidentified(place)),
        _ => Err(not_found(place)),
    }
}

/// An intended recipient: `XON|XCN`.
pub(crate) fn recipient(reference: &Reference, scope: Scope<'_>, place: &str) -> Result<String, Refusal> {
    match scope.resolve(reference).ok_or_else(|| not_found(place))? {
        Resource::Organization(o) => Ok(person::organization_xon(o).ok_or_else(|| unidentified(place))?.0),
        Resource::PractitionerRole(role) => {
            let mut found = Author::default();
            fill_role(&mut found, role, scope, place)?;
            let structure = found.institutions.first().map_or("", |x| x.0.as_str()).to_owned();
            let person = found.person.map_or_else(String::new, |x| format!("|{}", x.0));
            Ok(structure + &person)
        }
        other => Ok(format!("|{}", person_of(other, scope, place)?.0)),
    }
}

fn label(concept: &CodeableConcept) -> Option<String> {
    let coded = || concept.coding.iter().find_map(|c| c.display.clone());
    concept.text.clone().or_else(coded).filter(|l| !l.is_empty())
}

/// `<code>^<label>^<OID>`.
fn specialty(concept: &CodeableConcept) -> Option<String> {
    let coding = concept.coding.first()?;
    let clean = |t: &str| t.replace(['^', '&', '|', '~'], " ");
    let oid = coding.system.as_deref().map(systems::from_uri).unwrap_or_default();
    let display = coding.display.as_deref().unwrap_or_default();
    Some(format!("{}^{}^{}", clean(coding.code.as_deref()?), clean(display), clean(&oid)))
}
