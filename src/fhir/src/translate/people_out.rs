//! Authors and other people of the model as contained resources and the references to them (MHD §4.5.1.1, PDSm).

use space::{
    Author,
    hl7::{Xcn, Xon},
};
use wire_fhir::{CodeableConcept, Coding, Extension, PractitionerRole, Reference, Resource};

use super::{
    person, systems,
    urls::{AUTHOR_INSTITUTION, AUTHOR_ROLE, AUTHOR_SPECIALTY, AUTHOR_TELECOM},
};

/// The resources that one resource contains; the same one is contained once.
#[derive(Debug, Default)]
pub(crate) struct Contained {
    resources: Vec<(Resource, String)>,
}

impl Contained {
    /// Contains a resource, and refers to it.
    pub(crate) fn put(&mut self, mut resource: Resource) -> Reference {
        let id = match self.resources.iter().position(|(found, _)| *found == resource) {
            Some(index) => self.resources[index].1.clone(),
            None => {
                let id = format!("{}-{}", resource.kind().to_ascii_lowercase(), self.resources.len() + 1);
                self.resources.push((resource.clone(), id.clone()));
                id
            }
        };
        resource.set_id(&id);
        Reference::to(format!("#{id}"))
    }

    /// Everything contained.
    pub(crate) fn into_resources(self) -> Vec<Resource> {
        self.resources
            .into_iter()
            .map(|(mut resource, id)| {
                resource.set_id(&id);
                resource
            })
            .collect()
    }

    /// A person or system.
    pub(crate) fn person(&mut self, xcn: &Xcn) -> Reference {
        self.put(person::of_xcn(xcn))
    }

    /// A structure.
    pub(crate) fn structure(&mut self, xon: &Xon) -> Reference {
        self.put(Resource::Organization(person::of_xon(xon)))
    }

    /// An author: a structure alone, a person alone, or a person in a structure.
    pub(crate) fn author(&mut self, author: &Author) -> Reference {
        let bare = author.roles.is_empty() && author.specialties.is_empty() && author.telecoms.is_empty();
        let Some(xcn) = &author.person else {
            return match author.institutions.as_slice() {
                [only] if bare => self.structure(only),
                _ => self.role(None, author),
            };
        };
        let mut resource = person::of_xcn(xcn);
        match &mut resource {
            Resource::Practitioner(_) if bare && author.institutions.is_empty() => self.put(resource),
            Resource::Practitioner(_) => {
                let who = self.put(resource);
                self.role(Some(who), author)
            }
            Resource::Device(device) => {
                let (first, others) = split(&author.institutions);
                device.owner = first.map(|xon| self.structure(xon));
                let reference = self.put(resource);
                self.rest(reference, author, others)
            }
            _ => {
                let reference = self.put(resource);
                self.rest(reference, author, &author.institutions)
            }
        }
    }

    fn role(&mut self, practitioner: Option<Reference>, author: &Author) -> Reference {
        let (first, others) = split(&author.institutions);
        let mut role = PractitionerRole { practitioner, ..PractitionerRole::default() };
        role.organization = first.map(|xon| self.structure(xon));
        role.code = author.roles.iter().map(|r| CodeableConcept::text(r)).collect();
        role.telecom = author.telecoms.iter().map(|t| person::of_xtn(t)).collect();
        let mut extension = Vec::new();
        // A speciality that has no coded form keeps its place among the others only if all go the same way.
        let coded: Option<Vec<_>> = author.specialties.iter().map(|s| specialty(s)).collect();
        match coded {
            Some(coded) => role.specialty = coded,
            None => extension.extend(author.specialties.iter().map(|s| Extension::string(AUTHOR_SPECIALTY, s))),
        }
        let mut reference = self.put(Resource::PractitionerRole(Box::new(role)));
        extension.extend(others.iter().map(|xon| Extension::reference(AUTHOR_INSTITUTION, self.structure(xon))));
        reference.extension = extension;
        reference
    }

    /// What an author that is no professional has beside, on the reference to it.
    fn rest(&mut self, mut reference: Reference, author: &Author, others: &[Xon]) -> Reference {
        let strings =
            [(AUTHOR_ROLE, &author.roles), (AUTHOR_SPECIALTY, &author.specialties), (AUTHOR_TELECOM, &author.telecoms)];
        for (url, values) in strings {
            reference.extension.extend(values.iter().map(|v| Extension::string(url, v)));
        }
        let others = others.iter().map(|xon| Extension::reference(AUTHOR_INSTITUTION, self.structure(xon)));
        reference.extension.extend(others);
        reference
    }
}

fn split(institutions: &[Xon]) -> (Option<&Xon>, &[Xon]) {
    match institutions.split_first() {
        Some((first, others)) => (Some(first), others),
        None => (None, &[]),
    }
}

/// `<code>^<label>^<OID>` as a concept; none when it is not of that form.
fn specialty(text: &str) -> Option<CodeableConcept> {
    let mut parts = text.split('^');
    let (code, label, oid) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = parts.next().is_none() && !code.is_empty() && !oid.is_empty() && !label.is_empty();
    let system = systems::to_uri(oid);
    (plain && systems::from_uri(&system) == oid)
        .then(|| CodeableConcept::of(Coding::new(Some(&system), code, Some(label))))
}
