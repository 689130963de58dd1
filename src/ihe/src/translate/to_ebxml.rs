//! Model → ebXML: an entry as the registry gives it back.

use std::iter;

use space::{Author, Code, DocumentEntry, Dtm, EntryKind, LocalizedText, Slot};
use wire_soap::{
    ebxml::{
        ExtrinsicHead, ExtrinsicObject, ExtrinsicWriter, Localized, NAMESPACES, RegistryObject, RegistryObjectList,
    },
    xml::{Tree, XmlLimits},
};

use super::scheme;

/// Appends the entry as an `ExtrinsicObject`, with what the registry adds (hash, size, repositoryUniqueId, status,
/// version).
pub(crate) fn write_extrinsic_object(out: &mut Vec<u8>, entry: &DocumentEntry, repository: &str) {
    let head = ExtrinsicHead {
        id: &entry.entry_uuid,
        home: entry.home.as_deref(),
        lid: &entry.logical_id,
        object_type: match entry.kind {
            EntryKind::Stable => scheme::STABLE_DOCUMENT,
            EntryKind::OnDemand => scheme::ON_DEMAND_DOCUMENT,
        },
        status: entry.status.urn(),
        mime_type: &entry.mime_type,
    };
    let mut object = ExtrinsicWriter::open(out, &head);
    slots(&mut object, entry, repository);
    object.name(localized(&entry.title));
    object.description(localized(&entry.comments));
    object.version(&entry.version.to_string());
    for one in &entry.authors {
        author(&mut object, one);
    }
    code(&mut object, scheme::ENTRY_CLASS, &entry.class_code);
    for one in &entry.confidentiality_codes {
        code(&mut object, scheme::ENTRY_CONFIDENTIALITY, one);
    }
    for one in &entry.event_codes {
        code(&mut object, scheme::ENTRY_EVENT, one);
    }
    code(&mut object, scheme::ENTRY_FORMAT, &entry.format_code);
    code(&mut object, scheme::ENTRY_FACILITY, &entry.healthcare_facility_type_code);
    code(&mut object, scheme::ENTRY_PRACTICE, &entry.practice_setting_code);
    code(&mut object, scheme::ENTRY_TYPE, &entry.type_code);
    object.external_identifier(scheme::ENTRY_PATIENT, "XDSDocumentEntry.patientId", &entry.patient_id.0);
    object.external_identifier(scheme::ENTRY_UNIQUE, "XDSDocumentEntry.uniqueId", &entry.unique_id);
    object.close();
}

/// The entry as a registry object, to be changed before it is sent.
pub(crate) fn extrinsic_object(entry: &DocumentEntry) -> Option<ExtrinsicObject> {
    let mut xml = format!("<rim:RegistryObjectList{NAMESPACES}>").into_bytes();
    write_extrinsic_object(&mut xml, entry, entry.repository.as_deref().unwrap_or_default());
    xml.extend_from_slice(b"</rim:RegistryObjectList>");
    let xml = String::from_utf8(xml).ok()?;
    let tree = Tree::parse(&xml, &XmlLimits::default()).ok()?;
    RegistryObjectList::read(tree.root()).ok()?.0.into_iter().find_map(|object| match object {
        RegistryObject::ExtrinsicObject(object) => Some(object),
        _ => None,
    })
}

fn slots(object: &mut ExtrinsicWriter<'_>, entry: &DocumentEntry, repository: &str) {
    let stands = entry.kind == EntryKind::Stable;
    if stands {
        object.slot("creationTime", iter::once(entry.creation_time.as_str()));
        object.slot("hash", iter::once(entry.hash.as_str()));
    }
    object.slot("languageCode", iter::once(entry.language_code.as_str()));
    object.slot_if_any("legalAuthenticator", entry.legal_authenticator.as_ref().map(|x| x.0.as_str()));
    object.slot("repositoryUniqueId", iter::once(entry.repository.as_deref().unwrap_or(repository)));
    object.slot_if_any("serviceStartTime", entry.service_start_time.as_ref().map(Dtm::as_str));
    object.slot_if_any("serviceStopTime", entry.service_stop_time.as_ref().map(Dtm::as_str));
    if stands {
        object.slot("size", iter::once(entry.size.to_string().as_str()));
    }
    object.slot_if_any("sourcePatientId", entry.source_patient_id.as_ref().map(|x| x.0.as_str()));
    object.slot_if_any("sourcePatientInfo", strings(&entry.source_patient_info));
    object.slot_if_any(scheme::REFERENCE_IDS, entry.reference_ids.iter().map(|r| r.0.as_str()));
    extra(object, &entry.extra);
}

fn author(object: &mut ExtrinsicWriter<'_>, author: &Author) {
    let slots = |object: &mut ExtrinsicWriter<'_>| {
        object.slot_if_any("authorInstitution", author.institutions.iter().map(|i| i.0.as_str()));
        object.slot_if_any("authorPerson", author.person.as_ref().map(|p| p.0.as_str()));
        object.slot_if_any("authorRole", strings(&author.roles));
        object.slot_if_any("authorSpecialty", strings(&author.specialties));
        object.slot_if_any("authorTelecommunication", strings(&author.telecoms));
        extra(object, &author.extra);
    };
    object.classification(scheme::ENTRY_AUTHOR, "", slots, []);
}

fn code(object: &mut ExtrinsicWriter<'_>, scheme: &str, code: &Code) {
    let slots = |object: &mut ExtrinsicWriter<'_>| object.slot("codingScheme", iter::once(code.scheme.as_str()));
    object.classification(scheme, &code.code, slots, localized(&code.label));
}

fn extra(object: &mut ExtrinsicWriter<'_>, slots: &[Slot]) {
    for slot in slots {
        object.slot(&slot.name, strings(&slot.values));
    }
}

fn strings(values: &[String]) -> impl Iterator<Item = &str> {
    values.iter().map(String::as_str)
}

fn localized(texts: &[LocalizedText]) -> impl Iterator<Item = Localized<'_>> {
    texts.iter().map(|t| Localized { value: &t.value, lang: t.lang.as_deref(), charset: t.charset.as_deref() })
}
