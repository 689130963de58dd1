//! A small report, as the physician of the demonstration would deposit it.

use desk::{Caller, DepositRequest, Desk, EntryBody, Face, Original};
use space::{
    Association, AssociationKind, Author, AvailabilityStatus, Cause, Code, Credential, DocumentEntry, Dtm, EntryKind,
    Ins, LocalizedText, Oid, Refusal, Slot, Submission, SubmissionSet, SubmittedDocument,
    hl7::{Cx, Xcn, Xon},
    people::{PS_ID_NAT_OID, STRUCT_ID_NAT_OID},
};

use super::people::PROFESSIONALS;

/// Root of the demonstration's identifiers.
const SOURCE: &str = "1.2.250.1.999.7";

/// Deposits one report of a kind.
pub(super) async fn deposit(
    desk: &Desk,
    ins: &Ins,
    family: &str,
    given: &str,
    kind: &str,
    masked: bool,
    unique_id: &str,
) -> Result<(), desk::Fault> {
    let author = &PROFESSIONALS[0];
    let actor = author.actor()?;
    let xcn = Xcn::new(
        actor.id.as_ref().map_or("", |i| i.as_str()),
        author.family(),
        author.given(),
        PS_ID_NAT_OID,
        "D",
        "IDNPS",
    );
    let xon =
        Xon::new("CABINET VASSEUR", STRUCT_ID_NAT_OID, "IDNST", actor.structure.as_ref().map_or("", |s| s.as_str()));
    let authors = vec![Author {
        person: Some(xcn.clone()),
        institutions: vec![xon],
        specialties: vec!["G15_10/SM26^Médecin - Qualifié en Médecine Générale (SM)^1.2.250.1.213.1.1.4.5".into()],
        ..Author::default()
    }];
    let unknown = || Refusal::new(Cause::UnknownDocumentType).about(kind.to_owned());
    let described = desk.terms().types.get(kind).ok_or_else(unknown)?;
    let class = described.class.clone().unwrap_or_default();
    let class_label = desk.terms().classes.get(&class).map(|c| c.label.clone()).unwrap_or_default();
    let title = described.label.clone();
    // A fixed day: a first start that was interrupted makes the same bytes again.
    let at = Dtm::parse("20260105090000").map_err(|_| Refusal::new(Cause::MetadataInvalid))?;
    let mut confidentiality_codes = vec![Code::new("N", space::document::CONFIDENTIALITY_SCHEME, "Normal")];
    if masked {
        let label = "Masqué aux professionnels de santé";
        confidentiality_codes.push(Code::new("MASQUE_PS", space::document::VISIBILITY_SCHEME, label));
    }
    let entry = DocumentEntry {
        entry_uuid: "Document01".into(),
        logical_id: String::new(),
        version: 1,
        kind: EntryKind::Stable,
        repository: None,
        unique_id: unique_id.to_owned(),
        status: AvailabilityStatus::Approved,
        patient_id: Cx(ins.to_cx()),
        source_patient_id: Some(Cx::new("DEMO-1", "1.2.250.1.999.7.2", "PI")),
        source_patient_info: vec![format!("PID-5|{family}^{given}^^^^^L")],
        authors: authors.clone(),
        legal_authenticator: Some(xcn),
        title: vec![LocalizedText::french(&title)],
        comments: Vec::new(),
        creation_time: at.clone(),
        service_start_time: Some(at.clone()),
        service_stop_time: None,
        language_code: "fr-FR".into(),
        mime_type: "text/xml".into(),
        class_code: Code::new(class, "1.2.250.1.213.1.1.4.1", &class_label),
        type_code: Code::new(kind, described.scheme.clone(), &title),
        format_code: Code::new(
            "urn:ihe:iti:xds-sd:text:2008",
            "1.3.6.1.4.1.19376.1.2.3",
            "Document à corps non structuré en texte brut",
        ),
        confidentiality_codes,
        healthcare_facility_type_code: Code::new("SA07", "1.2.250.1.71.4.2.4", "Cabinet individuel"),
        practice_setting_code: Code::new("AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire"),
        event_codes: Vec::new(),
        reference_ids: Vec::new(),
        hash: String::new(),
        size: 0,
        home: None,
        extra: Vec::new(),
    };
    let set = SubmissionSet {
        entry_uuid: "SubmissionSet01".into(),
        unique_id: format!("{unique_id}.9"),
        source_id: Oid::parse(SOURCE).map_err(|_| Refusal::new(Cause::UniqueIdInvalid))?,
        patient_id: Cx(ins.to_cx()),
        status: AvailabilityStatus::Approved,
        submission_time: at.clone(),
        authors,
        content_type_code: Code::new("07", "1.2.250.1.213.2.2", "Consultations, soins externes"),
        title: vec![LocalizedText::french("Dépôt de démonstration")],
        comments: Vec::new(),
        intended_recipients: Vec::new(),
        home: None,
        extra: Vec::new(),
    };
    let member = Association {
        entry_uuid: "Association01".into(),
        kind: AssociationKind::HasMember,
        source: "SubmissionSet01".into(),
        target: "Document01".into(),
        status: AvailabilityStatus::Approved,
        documentation: None,
        slots: vec![Slot { name: "SubmissionSetStatus".into(), values: vec!["Original".into()] }],
    };
    let document = SubmittedDocument { entry, place: "demo".into(), announced_hash: None, announced_size: None };
    let mut writer = desk.stage();
    writer.write(cda(ins, family, given, kind, &title, unique_id, &at).as_bytes()).await?;
    let bodies = vec![EntryBody::Staged(writer.finish().await?)];
    let submission = Submission {
        set,
        place: "demo".into(),
        documents: vec![document],
        folders: Vec::new(),
        associations: vec![(member, "demo".into())],
    };
    let caller = Caller::new(Credential { actor, patient: Some(ins.clone()) }, Face::Cli);
    let original = Original { media_type: "text/plain", bytes: b"passerelle demo".to_vec() };
    desk.deposit(&caller, DepositRequest { submission, bodies, original }).await.map(drop)
}

/// A CDA R2 document of level 1 with a text body (header as CI-SIS asks, reduced to what a reader needs).
fn cda(ins: &Ins, family: &str, given: &str, kind: &str, title: &str, unique_id: &str, at: &Dtm) -> String {
    let matricule = ins.matricule();
    let oid = ins.oid().as_str();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <realmCode code="FR"/>
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <templateId root="2.16.840.1.113883.2.8.2.1"/>
  <templateId root="1.2.250.1.213.1.1.1.1"/>
  <templateId root="1.3.6.1.4.1.19376.1.2.20"/>
  <id root="{unique_id}"/>
  <code code="{kind}" codeSystem="2.16.840.1.113883.6.1"/>
  <title>{title}</title>
  <effectiveTime value="{at}+0000"/>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
  <languageCode code="fr-FR"/>
  <recordTarget>
    <patientRole>
      <id root="{oid}" extension="{matricule}"/>
      <patient><name><family qualifier="BR">{family}</family><given>{given}</given></name></patient>
    </patientRole>
  </recordTarget>
  <component>
    <nonXMLBody><text mediaType="text/plain" representation="B64">RG9jdW1lbnQgZGUgZMOpbW9uc3RyYXRpb24uCg==</text></nonXMLBody>
  </component>
</ClinicalDocument>
"#
    )
}
