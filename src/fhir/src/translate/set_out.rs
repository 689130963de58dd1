//! `SubmissionSet` → `List` (PDSm 3.1.1 *pdsm-submissionset-comprehensive*; ANS *submissionSetToPDSM*).

use space::{Ins, SubmissionSet};
use wire_fhir::{
    Annotation, CodeableConcept, Coding, Extension, Identifier, List, ListEntry, Meta, Reference, Resource,
};

use super::{
    code::concept,
    entry_out::{named_labels, subject},
    ids,
    people_out::Contained,
    person,
    urls::{
        AUTHOR_ORG, DESIGNATION_TYPE, HL7_TEXT, HOME, LIST_TYPES, MHD_BASE, OTHER_AUTHOR, PDSM_INTENDED_RECIPIENT,
        PDSM_IS_ARCHIVED, PDSM_SUBMISSION_SET, RFC_3986, SOURCE_ID,
    },
};

/// The resource of a set and its visible members (`entry_uuid`s).
pub(crate) fn list(ins: &Ins, set: &SubmissionSet, members: &[String]) -> List {
    let mut contained = Contained::default();
    let (status, archived) = ids::list_status(set.status);
    let source = source(set, &mut contained);
    let mut extension = vec![
        Extension {
            value_codeable_concept: Some(concept(&set.content_type_code)),
            ..Extension::new(format!("{MHD_BASE}{DESIGNATION_TYPE}"))
        },
        Extension {
            value_identifier: Some(Identifier::new(RFC_3986, format!("urn:oid:{}", set.source_id))),
            ..Extension::new(format!("{MHD_BASE}{SOURCE_ID}"))
        },
        Extension::boolean(PDSM_IS_ARCHIVED, archived),
    ];
    extension.extend(set.intended_recipients.iter().map(|text| recipient(text, &mut contained)));
    if let Some(home) = &set.home {
        extension.push(Extension::string(HOME, home));
    }
    extension.extend(named_labels("title", &set.title));
    extension.extend(named_labels("comments", &set.comments));
    List {
        id: Some(ids::resource_id(&set.entry_uuid).to_owned()),
        meta: Some(Meta {
            version_id: Some("1".into()),
            last_updated: None,
            profile: vec![PDSM_SUBMISSION_SET.to_owned()],
        }),
        contained: contained.into_resources(),
        extension,
        identifier: vec![
            ids::unique(&set.unique_id).used("usual"),
            Identifier::new(RFC_3986, &set.entry_uuid).used("official"),
        ],
        status: status.to_owned(),
        mode: "working".to_owned(),
        title: set.title.first().map(|t| t.value.clone()),
        code: Some(CodeableConcept::of(Coding::new(Some(LIST_TYPES), "submissionset", Some("Submission Set")))),
        subject: Some(subject(ins)),
        date: Some(set.submission_time.to_fhir()),
        source,
        note: set.comments.first().map(|c| Annotation { text: c.value.clone() }).into_iter().collect(),
        entry: members
            .iter()
            .map(|m| ListEntry { item: Reference::to(format!("DocumentReference/{}", ids::resource_id(m))) })
            .collect(),
    }
}

/// The sender; the structure alone stands in MHD's extension `authorOrg` of an empty reference.
fn source(set: &SubmissionSet, contained: &mut Contained) -> Option<Reference> {
    let (first, others) = set.authors.split_first()?;
    let found = contained.author(first);
    let structure_alone = first.person.is_none() && found.extension.is_empty() && first.institutions.len() == 1;
    let mut source = if structure_alone && first.roles.is_empty() && first.specialties.is_empty() {
        let organization = Extension::reference(&format!("{MHD_BASE}{AUTHOR_ORG}"), found);
        Reference { extension: vec![organization], ..Reference::default() }
    } else {
        found
    };
    for author in others {
        source.extension.push(Extension::reference(OTHER_AUTHOR, contained.author(author)));
    }
    Some(source)
}

/// A recipient `XON|XCN|XTN`: what refers to a person or structure is a reference; the text goes along when it is more.
fn recipient(text: &str, contained: &mut Contained) -> Extension {
    let (structure, person) = text.split_once('|').unwrap_or((text, ""));
    let reference = match (structure.is_empty(), person.is_empty()) {
        (true, false) => contained.put(person::of_xcn(&space::hl7::Xcn(person.to_owned()))),
        (_, true) => contained.structure(&space::hl7::Xon(structure.to_owned())),
        (false, false) => {
            let practitioner = contained.put(person::of_xcn(&space::hl7::Xcn(person.to_owned())));
            let organization = contained.structure(&space::hl7::Xon(structure.to_owned()));
            contained.put(Resource::PractitionerRole(Box::new(wire_fhir::PractitionerRole {
                practitioner: Some(practitioner),
                organization: Some(organization),
                ..Default::default()
            })))
        }
    };
    let mut reference = reference;
    if person.contains('|') || text.ends_with('|') {
        reference.extension.push(Extension::string(HL7_TEXT, text));
    }
    Extension::reference(PDSM_INTENDED_RECIPIENT, reference)
}
