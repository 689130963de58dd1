//! `DocumentReference` → `DocumentEntry`, as a submission brings one (ITI-65; PDSm 3.1.1). Everything wrong is told at
//! once, each by its FHIRPath. What XDS requires beyond is checked by the rules of `space::submission`.

use space::{
    AvailabilityStatus, Cause, Dtm, EntryKind, Ins, LocalizedText, Refusal, Slot, document::DocumentEntry, hl7::Cx,
};
use wire_fhir::{DocumentReference, Extension, Identifier, Resource};

use super::{
    code,
    entry_out::{CUSTODIAN_SLOT, IDENTIFIER_SLOT},
    ids, people_in, person,
    resolve::Scope,
    source_patient,
    urls::{AUTHOR_INSTITUTION, HOME, LABELS, PDSM_IS_ARCHIVED, text, texts},
};

/// An entry with what its sender announced of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadEntry {
    pub(crate) entry: DocumentEntry,
    pub(crate) announced_hash: Option<String>,
    pub(crate) announced_size: Option<u64>,
}

struct Reader<'a> {
    place: &'a str,
    wrong: Vec<Refusal>,
}

impl Reader<'_> {
    fn at(&self, path: &str) -> String {
        format!("{}.{path}", self.place)
    }

    fn refuse(&mut self, cause: Cause, path: &str, subject: &str) {
        self.wrong.push(Refusal::new(cause).at(self.at(path)).about(subject));
    }

    fn time(&mut self, text: Option<&str>, path: &str) -> Option<Dtm> {
        match text.map(Dtm::from_fhir)? {
            Ok(time) => Some(time),
            Err(_) => {
                self.refuse(Cause::MetadataTime, path, "dateTime");
                None
            }
        }
    }

    fn take<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.wrong.push(refusal)).ok()
    }
}

/// Reads a document's metadata. `name` is how other objects of the submission call it; `ins` is its holder.
pub(crate) fn read(
    resource: &DocumentReference,
    scope: Scope<'_>,
    ins: &Ins,
    name: &str,
    place: &str,
) -> Result<ReadEntry, Vec<Refusal>> {
    let mut reader = Reader { place, wrong: Vec::new() };
    let archived = resource.extension.iter().any(|e| e.url == PDSM_IS_ARCHIVED && e.value_boolean == Some(true));
    let status = ids::status_of(&resource.status, archived);
    let (unique_id, others) = identifiers(&mut reader, resource);
    let content = match resource.content.as_slice() {
        [one] => one.clone(),
        _ => {
            reader.refuse(Cause::ResourceInvalid, "content", "exactly one");
            return Err(reader.wrong);
        }
    };
    let attachment = &content.attachment;
    if attachment.data.is_some() {
        reader.refuse(Cause::ResourceInvalid, "content[0].attachment.data", "a Binary in the bundle, by its url");
    }
    let creation = reader.time(attachment.creation.as_deref(), "content[0].attachment.creation");
    let date = reader.time(resource.date.as_deref(), "date");
    let creation_time = creation.or(date);
    if creation_time.is_none() && reader.wrong.is_empty() {
        reader.refuse(Cause::MetadataMissing, "content[0].attachment.creation", "creationTime");
    }
    let announced_hash = match attachment.hash.as_deref() {
        Some(hash) => {
            let hex = ids::hash_hex(hash);
            if hex.is_none() {
                reader.refuse(Cause::MetadataHash, "content[0].attachment.hash", "base64 of SHA-1");
            }
            hex
        }
        None => None,
    };
    let context = resource.context.clone().unwrap_or_default();
    let period = context.period.clone().unwrap_or_default();
    let start = reader.time(period.start.as_deref(), "context.period.start");
    let stop = reader.time(period.end.as_deref(), "context.period.end");
    let mut authors = Vec::new();
    for (index, author) in resource.author.iter().enumerate() {
        let place = reader.at(&format!("author[{index}]"));
        authors.extend(reader.take(people_in::author(author, scope, &place)));
    }
    let authenticator = resource.authenticator.as_ref().and_then(|reference| {
        let place = reader.at("authenticator");
        reader.take(people_in::person(reference, scope, &place))
    });
    let (source_patient_id, source_patient_info) = source(&mut reader, &context, scope, ins);
    let reference_ids = related(&mut reader, &context);
    if resource.category.len() > 1 {
        reader.refuse(Cause::ResourceInvalid, "category", "one at most");
    }
    let mut extra = Vec::new();
    extra.extend(custodian(&mut reader, resource, scope));
    if !others.is_empty() {
        extra.push(Slot { name: IDENTIFIER_SLOT.into(), values: others });
    }
    let (Some(creation_time), Some(status), true) = (creation_time, status, reader.wrong.is_empty()) else {
        if status.is_none() {
            reader.refuse(Cause::ResourceInvalid, "status", "current");
        }
        return Err(reader.wrong);
    };
    Ok(ReadEntry {
        announced_hash,
        announced_size: attachment.size,
        entry: DocumentEntry {
            entry_uuid: name.to_owned(),
            logical_id: name.to_owned(),
            version: version(resource),
            kind: EntryKind::Stable,
            repository: None,
            unique_id,
            status,
            patient_id: Cx(ins.to_cx()),
            source_patient_id,
            source_patient_info,
            authors,
            legal_authenticator: authenticator,
            title: localized(resource, "title", attachment.title.as_deref()),
            comments: localized(resource, "comments", resource.description.as_deref()),
            creation_time,
            service_start_time: start,
            service_stop_time: stop,
            language_code: attachment.language.clone().unwrap_or_default(),
            mime_type: attachment.content_type.clone().unwrap_or_default(),
            class_code: code::of_concept(resource.category.first()),
            type_code: code::of_concept(resource.kind.as_ref()),
            format_code: content.format.as_ref().map(code::code).unwrap_or_default(),
            confidentiality_codes: resource.security_label.iter().map(|c| code::of_concept(Some(c))).collect(),
            healthcare_facility_type_code: code::of_concept(context.facility_type.as_ref()),
            practice_setting_code: code::of_concept(context.practice_setting.as_ref()),
            event_codes: context.event.iter().map(|c| code::of_concept(Some(c))).collect(),
            reference_ids,
            hash: String::new(),
            size: 0,
            home: text(&resource.extension, HOME).map(str::to_owned),
            extra,
        },
    })
}

fn version(resource: &DocumentReference) -> u32 {
    let said = resource.meta.as_ref().and_then(|m| m.version_id.as_deref());
    said.and_then(|v| v.parse().ok()).unwrap_or(1)
}

/// uniqueId, from `masterIdentifier` or else `identifier`, and the identifiers that XDS has no attribute for.
fn identifiers(reader: &mut Reader<'_>, resource: &DocumentReference) -> (String, Vec<String>) {
    let plain = |i: &Identifier| i.usage.as_deref() != Some("official") && i.usage.as_deref() != Some("secondary");
    let is_oid = |i: &Identifier| i.value.as_deref().is_some_and(|v| v.starts_with("urn:oid:"));
    let listed =
        resource.identifier.iter().find(|i| is_oid(i)).or_else(|| resource.identifier.iter().find(|i| plain(i)));
    let unique = resource.master_identifier.as_ref().or(listed).and_then(ids::unique_id);
    let Some(unique) = unique else {
        reader.refuse(Cause::MetadataMissing, "masterIdentifier", "uniqueId");
        return (String::new(), Vec::new());
    };
    let others = resource
        .identifier
        .iter()
        .filter(|i| plain(i) && ids::unique_id(i).as_deref() != Some(unique.as_str()))
        .filter_map(|i| Some(format!("{}|{}", i.system.as_deref().unwrap_or_default(), i.value.as_deref()?)))
        .collect();
    (unique, others)
}

/// The sender's own view of the holder; without one, the holder's number (reference §2.1).
fn source(
    reader: &mut Reader<'_>,
    context: &wire_fhir::Context,
    scope: Scope<'_>,
    ins: &Ins,
) -> (Option<Cx>, Vec<String>) {
    let own = Some(Cx(ins.to_cx()));
    let Some(reference) = &context.source_patient_info else { return (own, Vec::new()) };
    match scope.resolve(reference) {
        Some(Resource::Patient(patient)) => (source_patient::id(patient).or(own), source_patient::info(patient)),
        Some(_) => {
            reader.refuse(Cause::ResourceInvalid, "context.sourcePatientInfo", "Patient");
            (own, Vec::new())
        }
        // A reference to the holder elsewhere says no more than the subject.
        None if reference.reference.as_deref().is_none_or(|r| !r.starts_with('#')) => (own, Vec::new()),
        None => {
            reader.refuse(Cause::ResourceInvalid, "context.sourcePatientInfo", "contained Patient");
            (own, Vec::new())
        }
    }
}

fn related(reader: &mut Reader<'_>, context: &wire_fhir::Context) -> Vec<Cx> {
    let mut found = Vec::new();
    for (index, reference) in context.related.iter().enumerate() {
        match reference.identifier.as_ref().and_then(|i| person::identifier_cx(i, "")) {
            Some(cx) if cx.id_type().is_some() => found.push(cx),
            Some(_) => {
                let place = format!("context.related[{index}].identifier.type");
                reader.refuse(Cause::MetadataReferenceId, &place, "type");
            }
            None => {
                reader.refuse(Cause::ResourceInvalid, &format!("context.related[{index}].identifier"), "identifier")
            }
        }
    }
    found
}

fn custodian(reader: &mut Reader<'_>, resource: &DocumentReference, scope: Scope<'_>) -> Option<Slot> {
    let reference = resource.custodian.as_ref()?;
    let derived = reference.extension.iter().any(|e| e.url == AUTHOR_INSTITUTION);
    if derived || (reference.reference.is_none() && reference.identifier.is_none()) {
        return None;
    }
    let xon = match &reference.identifier {
        Some(identifier) if reference.reference.is_none() => {
            let organization = wire_fhir::Organization {
                identifier: vec![identifier.clone()],
                name: reference.display.clone(),
                ..Default::default()
            };
            person::organization_xon(&organization)?
        }
        _ => {
            let place = reader.at("custodian");
            reader.take(people_in::structure(reference, scope, &place))?
        }
    };
    Some(Slot { name: CUSTODIAN_SLOT.into(), values: vec![xon.0] })
}

/// A text in its languages.
pub(crate) fn localized_from(extensions: &[Extension], attribute: &str, plain: Option<&str>) -> Vec<LocalizedText> {
    let kept: Vec<Extension> = texts(extensions, &format!("{LABELS}-{attribute}"))
        .into_iter()
        .map(|value| Extension::string(LABELS, value))
        .collect();
    code::read_labels(plain, &kept)
}

fn localized(resource: &DocumentReference, attribute: &str, plain: Option<&str>) -> Vec<LocalizedText> {
    localized_from(&resource.extension, attribute, plain)
}

/// What a submission may say of the state of what it brings.
pub(crate) const fn may_be_submitted(status: AvailabilityStatus) -> bool {
    matches!(status, AvailabilityStatus::Approved)
}
