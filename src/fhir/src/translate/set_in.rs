//! `List` → `SubmissionSet`, as a submission brings one (ITI-65; PDSm 3.1.1).

use space::{AvailabilityStatus, Cause, Dtm, Ins, Oid, Refusal, SubmissionSet, hl7::Cx};
use wire_fhir::{Identifier, List};

use super::{
    code,
    entry_in::localized_from,
    ids, people_in,
    resolve::Scope,
    urls::{
        AUTHOR_ORG, DESIGNATION_TYPE, HL7_TEXT, HOME, INTENDED_RECIPIENT, LIST_TYPES, LIST_TYPES_HTTP, OTHER_AUTHOR,
        PDSM_INTENDED_RECIPIENT, RFC_3986, SOURCE_ID, is_mhd, text,
    },
};

/// What kind of list it is: `submissionset`, `folder`.
pub(crate) fn kind(list: &List) -> Option<&str> {
    let codes = list.code.iter().flat_map(|c| &c.coding);
    codes.filter(|c| matches!(c.system.as_deref(), Some(LIST_TYPES | LIST_TYPES_HTTP))).find_map(|c| c.code.as_deref())
}

/// Reads a set. `documents` are the uniqueIds it holds: a set without uniqueId gets one that is always the same for
/// them, so that it is known again when it is sent again.
pub(crate) fn read(
    list: &List,
    scope: Scope<'_>,
    ins: &Ins,
    documents: &[String],
    place: &str,
) -> Result<SubmissionSet, Vec<Refusal>> {
    let mut wrong = Vec::new();
    let at = |path: &str| format!("{place}.{path}");
    let unique_id = unique_id(list, documents);
    let source_id = list.extension.iter().find(|e| is_mhd(e, SOURCE_ID)).and_then(|e| e.value_identifier.as_ref());
    let source_id = match source_id {
        None => {
            wrong.push(Refusal::new(Cause::MetadataMissing).at(at("extension")).about(SOURCE_ID));
            None
        }
        Some(identifier) => oid_of(identifier).or_else(|| {
            wrong.push(Refusal::new(Cause::MetadataOid).at(at("extension")).about("ihe-sourceId (urn:oid:)"));
            None
        }),
    };
    let designation = list.extension.iter().find(|e| is_mhd(e, DESIGNATION_TYPE));
    let submission_time = match list.date.as_deref().map(Dtm::from_fhir) {
        Some(Ok(time)) => Some(time),
        Some(Err(_)) => {
            wrong.push(Refusal::new(Cause::MetadataTime).at(at("date")).about("submissionTime"));
            None
        }
        None => {
            wrong.push(Refusal::new(Cause::MetadataMissing).at(at("date")).about("submissionTime"));
            None
        }
    };
    if list.status != "current" {
        wrong.push(Refusal::new(Cause::ResourceInvalid).at(at("status")).about("current"));
    }
    let authors = authors(list, scope, &at("source"), &mut wrong);
    let recipients = recipients(list, scope, &at("extension"), &mut wrong);
    match (source_id, submission_time) {
        (Some(source_id), Some(submission_time)) if wrong.is_empty() => Ok(SubmissionSet {
            entry_uuid: format!("urn:uuid:{}", ids::derived_uuid("List", &unique_id)),
            unique_id,
            source_id,
            patient_id: Cx(ins.to_cx()),
            status: AvailabilityStatus::Approved,
            submission_time,
            authors,
            content_type_code: code::of_concept(designation.and_then(|e| e.value_codeable_concept.as_ref())),
            title: localized_from(&list.extension, "title", list.title.as_deref()),
            comments: localized_from(&list.extension, "comments", list.note.first().map(|n| n.text.as_str())),
            intended_recipients: recipients,
            home: text(&list.extension, HOME).map(str::to_owned),
            extra: Vec::new(),
        }),
        _ => Err(wrong),
    }
}

fn unique_id(list: &List, documents: &[String]) -> String {
    let usual = list.identifier.iter().find(|i| i.usage.as_deref() == Some("usual"));
    let other = || list.identifier.iter().find(|i| i.usage.as_deref() != Some("official"));
    usual.or_else(other).and_then(ids::unique_id).unwrap_or_else(|| {
        let mut names = documents.to_vec();
        names.sort();
        format!("2.25.{}", ids::derived_uuid("SubmissionSet", &names.join("|")).as_u128())
    })
}

/// The OID of a source: MHD writes it as a value, PDSm's example as a system.
fn oid_of(identifier: &Identifier) -> Option<Oid> {
    let value = identifier.value.as_deref().and_then(|v| Oid::parse(v).ok());
    let system = identifier.system.as_deref().filter(|s| *s != RFC_3986).and_then(|s| Oid::parse(s).ok());
    value.or(system)
}

fn authors(list: &List, scope: Scope<'_>, place: &str, wrong: &mut Vec<Refusal>) -> Vec<space::Author> {
    let Some(source) = &list.source else { return Vec::new() };
    let mut authors = Vec::new();
    let mut take = |result: Result<space::Author, Refusal>| match result {
        Ok(author) => authors.push(author),
        Err(refusal) => wrong.push(refusal),
    };
    let organization = source.extension.iter().find(|e| is_mhd(e, AUTHOR_ORG)).and_then(|e| e.value_reference.as_ref());
    let organization = organization.map(|reference| people_in::structure(reference, scope, place));
    match (source.reference.is_some(), organization) {
        (true, organization) => take(people_in::author(source, scope, place).and_then(|mut author| {
            if let Some(structure) = organization.transpose()?
                && !author.institutions.contains(&structure)
            {
                author.institutions.push(structure);
            }
            Ok(author)
        })),
        (false, Some(structure)) => {
            take(structure.map(|s| space::Author { institutions: vec![s], ..space::Author::default() }));
        }
        (false, None) => {}
    }
    for extension in source.extension.iter().filter(|e| e.url == OTHER_AUTHOR) {
        if let Some(reference) = &extension.value_reference {
            take(people_in::author(reference, scope, place));
        }
    }
    authors
}

fn recipients(list: &List, scope: Scope<'_>, place: &str, wrong: &mut Vec<Refusal>) -> Vec<String> {
    let mut found = Vec::new();
    for extension in &list.extension {
        if extension.url != PDSM_INTENDED_RECIPIENT && !is_mhd(extension, INTENDED_RECIPIENT) {
            continue;
        }
        let Some(reference) = &extension.value_reference else { continue };
        match text(&reference.extension, HL7_TEXT) {
            Some(hl7) => found.push(hl7.to_owned()),
            None => match people_in::recipient(reference, scope, place) {
                Ok(text) => found.push(text),
                Err(refusal) => wrong.push(refusal),
            },
        }
    }
    found
}
