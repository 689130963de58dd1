//! Both ways of the translation: what goes out is FHIR and comes back as it went.

use desk::Listed;
use space::{
    Association, AssociationKind, Author, AvailabilityStatus, Code, Dtm, EntryKind, Ins, InsOid, InsTolerance,
    LocalizedText, Oid, SubmissionSet,
    document::DocumentEntry,
    hl7::{Cx, Xcn, Xon},
};
use wire_fhir::Resource;

use super::{entry_in, entry_out, ids, resolve::Names, resolve::Scope, set_in, set_out};

fn ins() -> Ins {
    Ins::parse("279035121518989", InsOid::NirTest, InsTolerance::Strict).expect("INS")
}

fn dtm(text: &str) -> Dtm {
    Dtm::parse(text).expect("DTM")
}

fn authors() -> Vec<Author> {
    let xon = |id: &str| Xon(format!("CABINET {id}^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^{id}"));
    vec![
        Author {
            person: Some(Xcn("899900063480^MAX^LIBRE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS".into())),
            institutions: vec![xon("499900063480001"), xon("10B0127189")],
            roles: vec!["Médecin traitant".into()],
            specialties: vec!["G15_10/SM26^Médecin - Qualifié en médecine générale^1.2.250.1.213.1.1.4.5".into()],
            telecoms: vec!["^^Internet^max@medecin.mssante.fr".into(), "^PRN^PH^^33^1".into()],
            extra: Vec::new(),
        },
        Author {
            person: Some(Xcn("3750100125/9762^Automate^Xware^^^^^^&1.2.250.1.71.4.2.1&ISO^U^^^RI".into())),
            institutions: vec![xon("10B0127189")],
            specialties: vec!["sans forme".into()],
            ..Author::default()
        },
        Author {
            person: Some(Xcn("279035121518989^DUPONT^ELISE^^^^^^&1.2.250.1.213.1.4.10&ISO^D^^^NH".into())),
            roles: vec!["patient".into()],
            ..Author::default()
        },
        Author { institutions: vec![xon("10B0127189")], ..Author::default() },
        Author {
            person: Some(Xcn("899900063480^MAX^LIBRE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS".into())),
            ..Author::default()
        },
    ]
}

fn entry() -> DocumentEntry {
    let uuid = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6".to_owned();
    DocumentEntry {
        entry_uuid: uuid.clone(),
        logical_id: uuid,
        version: 3,
        kind: EntryKind::Stable,
        repository: None,
        unique_id: "1.2.250.1.999.1.1.42".into(),
        status: AvailabilityStatus::Archived,
        patient_id: Cx(ins().to_cx()),
        source_patient_id: Some(Cx("45^^^&1.2.250.1.999.2&ISO^PI".into())),
        source_patient_info: vec!["PID-5|DUPONT^ELISE^^^^^L".into(), "PID-7|19790301".into(), "PID-8|F".into()],
        authors: authors(),
        legal_authenticator: Some(Xcn("899900063480^MAX^LIBRE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS".into())),
        title: vec![
            LocalizedText::french("Compte rendu"),
            LocalizedText { value: "Report".into(), lang: Some("en".into()), charset: None },
        ],
        comments: vec![LocalizedText::french("À relire")],
        creation_time: dtm("20260314"),
        service_start_time: Some(dtm("20260314")),
        service_stop_time: Some(dtm("20260315101112")),
        language_code: "fr-FR".into(),
        mime_type: "text/xml".into(),
        class_code: Code::new("10", "1.2.250.1.213.1.1.4.1", "Compte rendu"),
        type_code: Code::new("11488-4", "2.16.840.1.113883.6.1", "CR de consultation"),
        format_code: Code::new("urn:ihe:iti:xds-sd:pdf:2008", "1.3.6.1.4.1.19376.1.2.3", ""),
        confidentiality_codes: vec![
            Code::new("N", "2.16.840.1.113883.5.25", "Normal"),
            Code::new("MASQUE_PS", "1.2.250.1.213.1.1.4.13", "Masqué aux professionnels de santé"),
        ],
        healthcare_facility_type_code: Code::new("SA07", "1.2.250.1.71.4.2.4", "Cabinet individuel"),
        practice_setting_code: Code::new("AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire"),
        event_codes: vec![
            Code::new("YYYY", "1.2.250.1.213.2.5", "Acte"),
            Code::new("J45", "2.16.840.1.113883.6.3", ""),
        ],
        reference_ids: vec![
            Cx("2009001^^^&1.2.250.1.999.3&ISO^urn:ihe:iti:xds:2013:accession".into()),
            Cx("1.2.3.4^^^^urn:ihe:iti:xds:2016:studyInstanceUID".into()),
        ],
        hash: "da39a3ee5e6b4b0d3255bfef95601890afd80709".into(),
        size: 12,
        home: Some("urn:oid:1.2.3".into()),
        extra: Vec::new(),
    }
}

fn listed(entry: DocumentEntry) -> Listed {
    Listed { entry, deposited_ms: 1_790_000_000_000 }
}

#[test]
fn every_attribute_of_a_document_goes_out_as_fhir_and_comes_back() {
    for status in AvailabilityStatus::ALL {
        let sent = DocumentEntry { status, ..entry() };
        let resource = entry_out::document_reference(&ins(), &listed(sent.clone()), &[], "https://x/fhir");
        let value = serde_json::to_value(Resource::DocumentReference(Box::new(resource))).expect("JSON");
        wire_fhir::check(&value).expect("FHIR R4");
        let Resource::DocumentReference(read) = serde_json::from_value(value).expect("structures") else {
            panic!("another resource");
        };
        let names = Names::default();
        let scope = Scope { contained: &read.contained, names: &names };
        let back = entry_in::read(&read, scope, &ins(), &sent.entry_uuid, "DocumentReference").expect("reads");
        assert_eq!(back.announced_hash.as_deref(), Some(sent.hash.as_str()));
        assert_eq!(back.announced_size, Some(sent.size));
        let back = DocumentEntry { hash: sent.hash.clone(), size: sent.size, ..back.entry };
        assert_eq!(back, sent);
    }
}

#[test]
fn the_wire_carries_both_identifiers_both_dates_and_the_hash_in_base64() {
    let resource = entry_out::document_reference(&ins(), &listed(entry()), &[], "https://x/fhir");
    let unique = resource.master_identifier.expect("masterIdentifier");
    assert_eq!(unique.value.as_deref(), Some("urn:oid:1.2.250.1.999.1.1.42"));
    assert!(resource.identifier.iter().any(|i| i.value == unique.value), "identifier too");
    assert_eq!(resource.date.as_deref(), Some("2026-03-14T00:00:00Z"), "an instant");
    let attachment = &resource.content[0].attachment;
    assert_eq!(attachment.creation.as_deref(), Some("2026-03-14"));
    assert_eq!(attachment.hash.as_deref(), Some("2jmj7l5rSw0yVb/vlWAYkK/YBwk="));
    assert_eq!(attachment.url.as_deref(), Some("https://x/fhir/Binary/1.2.250.1.999.1.1.42"));
    assert_eq!(resource.extension[0].value_boolean, Some(true), "isArchived");
    assert!(resource.custodian.is_some());
}

#[test]
fn replacements_are_relations() {
    let sent = entry();
    let target = "urn:uuid:00000000-7dec-11d0-a765-00a0c91e6bf6".to_owned();
    let link = |kind| Association {
        entry_uuid: "urn:uuid:1".into(),
        kind,
        source: sent.entry_uuid.clone(),
        target: target.clone(),
        status: AvailabilityStatus::Approved,
        slots: Vec::new(),
        documentation: None,
    };
    let links = [link(AssociationKind::Replace), link(AssociationKind::HasMember)];
    let resource = entry_out::document_reference(&ins(), &listed(sent.clone()), &links, "https://x/fhir");
    assert_eq!(resource.relates_to.len(), 1);
    assert_eq!(resource.relates_to[0].code, "replaces");
    let reference = resource.relates_to[0].target.reference.as_deref();
    assert_eq!(reference, Some("DocumentReference/00000000-7dec-11d0-a765-00a0c91e6bf6"));
}

#[test]
fn every_attribute_of_a_set_goes_out_as_fhir_and_comes_back() {
    for authors in [authors(), authors().split_off(3), authors().split_off(4)] {
        let unique_id = "1.2.250.1.999.1.2.7".to_owned();
        let sent = SubmissionSet {
            entry_uuid: format!("urn:uuid:{}", ids::derived_uuid("List", &unique_id)),
            unique_id,
            source_id: Oid::parse("1.2.250.1.999.1").expect("OID"),
            patient_id: Cx(ins().to_cx()),
            status: AvailabilityStatus::Approved,
            submission_time: dtm("20260314194535"),
            authors,
            content_type_code: Code::new("07", "1.2.250.1.213.2.2", "Consultations, soins externes"),
            title: vec![LocalizedText::french("Lot")],
            comments: vec![LocalizedText { value: "note".into(), lang: None, charset: None }],
            intended_recipients: vec![
                "CABINET^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^499900063480001".into(),
                "|899900063480^MAX^LIBRE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS".into(),
                "A^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^10B0127189|899900063480^MAX^L^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
                    .into(),
                "A^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^10B0127189||^^Internet^x@y".into(),
            ],
            home: None,
            extra: Vec::new(),
        };
        let list = set_out::list(&ins(), &sent, &["urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6".into()]);
        assert_eq!(set_in::kind(&list), Some("submissionset"));
        let value = serde_json::to_value(Resource::List(Box::new(list))).expect("JSON");
        wire_fhir::check(&value).expect("FHIR R4");
        let Resource::List(read) = serde_json::from_value(value).expect("structures") else { panic!("another") };
        let names = Names::default();
        let scope = Scope { contained: &read.contained, names: &names };
        assert_eq!(set_in::read(&read, scope, &ins(), &[], "List").expect("reads"), sent);
    }
}
