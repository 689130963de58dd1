//! `DocumentEntry` → `DocumentReference` (PDSm 3.1.1; ANS *documentReferenceToPDSM*; MHD 4.2 §2:4.5.1.1).

use desk::Listed;
use space::{Association, AssociationKind, AvailabilityStatus, DocumentEntry, Ins, LocalizedText};
use wire_fhir::{
    Attachment, Content, Context, DocumentReference, Extension, Meta, Period, Reference, RelatesTo, Resource,
};

use super::{
    code::{coding, concept, labels},
    ids,
    people_out::Contained,
    person, source_patient,
    urls::{AUTHOR_INSTITUTION, HOME, LABELS, PDSM_DOCUMENT_REFERENCE, PDSM_IS_ARCHIVED, RFC_3986},
};

/// Slot in which the custodian that FHIR asks for is kept.
pub(crate) const CUSTODIAN_SLOT: &str = "urn:passerelle:fhir:custodian";
/// Slot in which identifiers that XDS has no place for are kept, as `system|value`.
pub(crate) const IDENTIFIER_SLOT: &str = "urn:passerelle:fhir:identifier";

/// The resource of a document of a listing.
pub(crate) fn document_reference(
    ins: &Ins,
    listed: &Listed,
    associations: &[Association],
    base: &str,
) -> DocumentReference {
    let entry = &listed.entry;
    let mut contained = Contained::default();
    let (status, archived) = ids::document_status(entry.status);
    let author = entry.authors.iter().map(|a| contained.author(a)).collect();
    let authenticator = entry.legal_authenticator.as_ref().map(|x| contained.person(x));
    let context = context(entry, &mut contained);
    let custodian = Some(custodian(entry, &mut contained));
    let mut extension = Vec::new();
    if archived || entry.status == AvailabilityStatus::Approved {
        extension.push(Extension::boolean(PDSM_IS_ARCHIVED, archived));
    }
    if let Some(home) = &entry.home {
        extension.push(Extension::string(HOME, home));
    }
    extension.extend(named_labels("title", &entry.title));
    extension.extend(named_labels("comments", &entry.comments));
    DocumentReference {
        id: Some(ids::resource_id(&entry.entry_uuid).to_owned()),
        meta: Some(Meta {
            version_id: Some(entry.version.to_string()),
            last_updated: jiff::Timestamp::from_millisecond(listed.deposited_ms).ok().map(|t| t.to_string()),
            profile: vec![PDSM_DOCUMENT_REFERENCE.to_owned()],
        }),
        contained: contained.into_resources(),
        extension,
        master_identifier: Some(ids::unique(&entry.unique_id).used("usual")),
        identifier: identifiers(entry),
        status: status.to_owned(),
        doc_status: None,
        kind: Some(concept(&entry.type_code)),
        category: vec![concept(&entry.class_code)],
        subject: Some(subject(ins)),
        // FHIR asks for an instant; `attachment.creation` keeps the precision that was given.
        date: Some(entry.creation_time.first().to_string()),
        author,
        authenticator,
        custodian,
        relates_to: relates_to(entry, associations),
        description: entry.comments.first().map(|c| c.value.clone()),
        security_label: entry.confidentiality_codes.iter().map(concept).collect(),
        content: vec![Content { attachment: attachment(entry, base), format: Some(coding(&entry.format_code)) }],
        context: Some(context),
    }
}

/// The holder, by number: the id of a `Patient` is given by searching one.
pub(crate) fn subject(ins: &Ins) -> Reference {
    Reference::identified("Patient", person::ins_identifier(ins.matricule(), ins.oid()))
}

fn identifiers(entry: &DocumentEntry) -> Vec<wire_fhir::Identifier> {
    let uuid = |value: &str| wire_fhir::Identifier::new(RFC_3986, value);
    let mut identifiers = vec![ids::unique(&entry.unique_id).used("usual"), uuid(&entry.entry_uuid).used("official")];
    if entry.logical_id != entry.entry_uuid {
        identifiers.push(uuid(&entry.logical_id).used("secondary"));
    }
    for slot in entry.extra.iter().filter(|s| s.name == IDENTIFIER_SLOT) {
        identifiers.extend(slot.values.iter().map(|v| match v.split_once('|') {
            Some((system, value)) if !system.is_empty() => wire_fhir::Identifier::new(system, value),
            _ => wire_fhir::Identifier { value: Some(v.trim_start_matches('|').to_owned()), ..Default::default() },
        }));
    }
    identifiers
}

fn attachment(entry: &DocumentEntry, base: &str) -> Attachment {
    let some = |t: &str| (!t.is_empty()).then(|| t.to_owned());
    Attachment {
        content_type: some(&entry.mime_type),
        language: some(&entry.language_code),
        data: None,
        url: Some(format!("{base}/Binary/{}", entry.unique_id)),
        size: Some(entry.size),
        hash: ids::hash_base64(&entry.hash),
        title: entry.title.first().map(|t| t.value.clone()),
        creation: Some(entry.creation_time.to_fhir()),
    }
}

fn context(entry: &DocumentEntry, contained: &mut Contained) -> Context {
    let start = entry.service_start_time.as_ref().map(space::Dtm::to_fhir);
    let end = entry.service_stop_time.as_ref().map(space::Dtm::to_fhir);
    let known = entry.source_patient_id.is_some() || !entry.source_patient_info.is_empty();
    let source = known.then(|| {
        let patient = source_patient::patient(entry.source_patient_id.as_ref(), &entry.source_patient_info);
        contained.put(Resource::Patient(Box::new(patient)))
    });
    Context {
        event: entry.event_codes.iter().map(concept).collect(),
        period: (start.is_some() || end.is_some()).then_some(Period { start, end }),
        facility_type: Some(concept(&entry.healthcare_facility_type_code)),
        practice_setting: Some(concept(&entry.practice_setting_code)),
        source_patient_info: source,
        related: entry
            .reference_ids
            .iter()
            .map(|cx| Reference { identifier: Some(person::of_cx(cx)), ..Reference::default() })
            .collect(),
    }
}

/// Who keeps the document: as its sender said, or else its first author's structure (XDS has it in the VIHF only).
fn custodian(entry: &DocumentEntry, contained: &mut Contained) -> Reference {
    let said = entry.extra.iter().find(|s| s.name == CUSTODIAN_SLOT).and_then(|s| s.values.first());
    let said = said.map(|text| space::hl7::Xon(text.clone()));
    let author = || entry.authors.iter().find_map(|a| a.institutions.first());
    match said.as_ref().or_else(author) {
        Some(xon) => {
            let mut reference = contained.structure(xon);
            if said.is_none() {
                // Told apart from one that was said, so that it does not come back as one.
                reference.extension.push(Extension::boolean(AUTHOR_INSTITUTION, true));
            }
            reference
        }
        None => Reference { display: Some("inconnu".into()), ..Reference::default() },
    }
}

fn relates_to(entry: &DocumentEntry, associations: &[Association]) -> Vec<RelatesTo> {
    let mut links: Vec<RelatesTo> = Vec::new();
    for link in associations.iter().filter(|a| a.source == entry.entry_uuid) {
        let Some(code) = relation(link.kind) else { continue };
        let target = Reference::to(format!("DocumentReference/{}", ids::resource_id(&link.target)));
        links.push(RelatesTo { code: code.to_owned(), target });
    }
    links
}

/// The code of a relation. XFRM_RPLC both replaces and transforms: what must not be missed is that it replaces.
pub(crate) const fn relation(kind: AssociationKind) -> Option<&'static str> {
    match kind {
        AssociationKind::Replace | AssociationKind::TransformReplace => Some("replaces"),
        AssociationKind::Append => Some("appends"),
        AssociationKind::Transform => Some("transforms"),
        AssociationKind::Signs => Some("signs"),
        AssociationKind::HasMember
        | AssociationKind::IsSnapshotOf
        | AssociationKind::UpdateAvailabilityStatus
        | AssociationKind::SubmitAssociation => None,
    }
}

/// Texts that an element of one string cannot carry, each with the name of its attribute.
pub(crate) fn named_labels(attribute: &str, label: &[LocalizedText]) -> Vec<Extension> {
    let prefixed =
        |e: Extension| Extension::string(&format!("{LABELS}-{attribute}"), e.value_string.unwrap_or_default());
    labels(label).into_iter().map(prefixed).collect()
}
