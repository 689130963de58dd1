//! Model → ebXML: an entry as the registry gives it back.

use space::{Author, Code, DocumentEntry, LocalizedText, Slot};
use wire_soap::ebxml::{
    Classification, Common, ExternalIdentifier, ExtrinsicObject, InternationalString, LocalizedString, Slot as EbSlot,
    VersionInfo,
};

use super::scheme;

/// The entry as an `ExtrinsicObject`, with what the registry adds (hash, size, repositoryUniqueId, status, version).
pub(crate) fn extrinsic_object(entry: &DocumentEntry, repository: &str) -> ExtrinsicObject {
    let id = entry.entry_uuid.as_str();
    let mut parts = Parts { id, next: 0, classifications: Vec::new() };
    for author in &entry.authors {
        parts.author(author);
    }
    parts.code(scheme::ENTRY_CLASS, &entry.class_code);
    for code in &entry.confidentiality_codes {
        parts.code(scheme::ENTRY_CONFIDENTIALITY, code);
    }
    for code in &entry.event_codes {
        parts.code(scheme::ENTRY_EVENT, code);
    }
    parts.code(scheme::ENTRY_FORMAT, &entry.format_code);
    parts.code(scheme::ENTRY_FACILITY, &entry.healthcare_facility_type_code);
    parts.code(scheme::ENTRY_PRACTICE, &entry.practice_setting_code);
    parts.code(scheme::ENTRY_TYPE, &entry.type_code);
    let external_identifiers = vec![
        parts.identifier(scheme::ENTRY_PATIENT, "XDSDocumentEntry.patientId", &entry.patient_id.0),
        parts.identifier(scheme::ENTRY_UNIQUE, "XDSDocumentEntry.uniqueId", &entry.unique_id),
    ];
    let common = Common {
        id: id.to_owned(),
        home: entry.home.clone(),
        lid: Some(entry.logical_id.clone()),
        object_type: Some(scheme::STABLE_DOCUMENT.to_owned()),
        status: Some(entry.status.urn().to_owned()),
        slots: slots(entry, repository),
        name: international(&entry.title),
        description: international(&entry.comments),
        version_info: Some(VersionInfo { version_name: Some(entry.version.to_string()), comment: None }),
        classifications: parts.classifications,
        external_identifiers,
        ..Common::default()
    };
    ExtrinsicObject {
        common,
        mime_type: Some(entry.mime_type.clone()),
        is_opaque: Some(false),
        content_version_info: None,
    }
}

fn slots(entry: &DocumentEntry, repository: &str) -> Vec<EbSlot> {
    let mut slots = Vec::with_capacity(12);
    let mut add = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            slots.push(EbSlot { name: name.to_owned(), slot_type: None, values });
        }
    };
    let one = |value: &str| vec![value.to_owned()];
    let time = |value: Option<&space::Dtm>| value.map(|t| one(t.as_str())).unwrap_or_default();
    add("creationTime", time(Some(&entry.creation_time)));
    add("hash", one(&entry.hash));
    add("languageCode", one(&entry.language_code));
    add("legalAuthenticator", entry.legal_authenticator.as_ref().map(|x| one(&x.0)).unwrap_or_default());
    add("repositoryUniqueId", one(repository));
    add("serviceStartTime", time(entry.service_start_time.as_ref()));
    add("serviceStopTime", time(entry.service_stop_time.as_ref()));
    add("size", vec![entry.size.to_string()]);
    add("sourcePatientId", entry.source_patient_id.as_ref().map(|x| one(&x.0)).unwrap_or_default());
    add("sourcePatientInfo", entry.source_patient_info.clone());
    add(scheme::REFERENCE_IDS, entry.reference_ids.iter().map(|r| r.0.clone()).collect());
    slots.extend(entry.extra.iter().map(eb_slot));
    slots
}

fn eb_slot(slot: &Slot) -> EbSlot {
    EbSlot { name: slot.name.clone(), slot_type: None, values: slot.values.clone() }
}

fn international(texts: &[LocalizedText]) -> Option<InternationalString> {
    let one = |t: &LocalizedText| LocalizedString {
        value: t.value.clone(),
        lang: t.lang.clone(),
        charset: t.charset.clone(),
    };
    (!texts.is_empty()).then(|| InternationalString(texts.iter().map(one).collect()))
}

/// Makes the parts of an object, each with an identifier that is unique in the answer: the object's own with a number.
/// (ebXML asks for an id on each; nobody refers to it, so none is stored.)
struct Parts<'a> {
    id: &'a str,
    next: u32,
    classifications: Vec<Classification>,
}

impl Parts<'_> {
    fn part_id(&mut self) -> String {
        self.next += 1;
        format!("{}-{}", self.id, self.next)
    }

    fn common(&mut self, slots: Vec<EbSlot>, name: Option<InternationalString>) -> Common {
        Common { id: self.part_id(), slots, name, ..Common::default() }
    }

    fn classify(&mut self, scheme: &str, representation: &str, slots: Vec<EbSlot>, name: Option<InternationalString>) {
        let common = self.common(slots, name);
        self.classifications.push(Classification {
            common,
            scheme: Some(scheme.to_owned()),
            node: None,
            classified_object: self.id.to_owned(),
            node_representation: Some(representation.to_owned()),
        });
    }

    fn code(&mut self, scheme: &str, code: &Code) {
        let slots = vec![EbSlot::new("codingScheme", [code.scheme.as_str()])];
        self.classify(scheme, &code.code, slots, international(&code.label));
    }

    fn author(&mut self, author: &Author) {
        let mut slots = Vec::new();
        let mut add = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                slots.push(EbSlot { name: name.to_owned(), slot_type: None, values });
            }
        };
        add("authorInstitution", author.institutions.iter().map(|i| i.0.clone()).collect());
        add("authorPerson", author.person.iter().map(|p| p.0.clone()).collect());
        add("authorRole", author.roles.clone());
        add("authorSpecialty", author.specialties.clone());
        add("authorTelecommunication", author.telecoms.clone());
        slots.extend(author.extra.iter().map(eb_slot));
        self.classify(scheme::ENTRY_AUTHOR, "", slots, None);
    }

    fn identifier(&mut self, scheme: &str, name: &str, value: &str) -> ExternalIdentifier {
        let name = InternationalString(vec![LocalizedString { value: name.to_owned(), lang: None, charset: None }]);
        ExternalIdentifier {
            common: self.common(Vec::new(), Some(name)),
            scheme: scheme.to_owned(),
            registry_object: self.id.to_owned(),
            value: value.to_owned(),
        }
    }
}
