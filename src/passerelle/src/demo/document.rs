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
    desk.deposit(&caller, DepositRequest { submission, bodies, original, fill_in: false }).await.map(drop)
}

/// A document of the minimal structure (CI-SIS), whole: what the demonstration holds breaks no rule of
/// `mappings/cda-header.tsv`.
fn cda(ins: &Ins, family: &str, given: &str, kind: &str, title: &str, unique_id: &str, at: &Dtm) -> String {
    let matricule = ins.matricule();
    let oid = ins.oid().as_str();
    // A number of the test register says sex, month and place of birth.
    let sex = if matricule.starts_with('1') { "M" } else { "F" };
    let month = matricule.get(1..5).unwrap_or("8001");
    let born = format!("{}{month}", if month < "2700" { "20" } else { "19" });
    let place = matricule.get(5..10).unwrap_or("75056");
    let author = &PROFESSIONALS[0];
    let (id, surname, first) = (format!("8{}", author.rpps), author.family(), author.given());
    let organisation =
        format!(r#"<id root="1.2.250.1.71.4.2.2" extension="{}"/><name>CABINET {surname}</name>"#, author.structure);
    let somebody =
        format!(r#"<assignedPerson><name><family>{surname}</family><given>{first}</given></name></assignedPerson>"#);
    let code = r#"<code code="G15_10/SM26" codeSystem="1.2.250.1.213.1.1.4.5" displayName="Médecin - Qualifié en Médecine Générale (SM)"/>"#;
    let contact = r#"<addr nullFlavor="NASK"/><telecom nullFlavor="NASK"/>"#;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <realmCode code="FR"/>
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <templateId root="2.16.840.1.113883.2.8.2.1"/>
  <templateId root="1.2.250.1.213.1.1.1.1"/>
  <templateId root="1.3.6.1.4.1.19376.1.2.20"/>
  <id root="{unique_id}"/>
  <code code="{kind}" codeSystem="2.16.840.1.113883.6.1" displayName="{title}"/>
  <title>{title}</title>
  <effectiveTime value="{at}+0000"/>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25" displayName="Normal"/>
  <languageCode code="fr-FR"/>
  <setId root="{unique_id}.1"/>
  <versionNumber value="1"/>
  <recordTarget>
    <patientRole>
      <id root="{oid}" extension="{matricule}"/>
      {contact}
      <patient>
        <name><family qualifier="BR">{family}</family><given>{given}</given><given qualifier="BR">{given}</given></name>
        <administrativeGenderCode code="{sex}" codeSystem="2.16.840.1.113883.5.1" displayName="{sex}"/>
        <birthTime value="{born}"/>
        <birthplace><place><addr><county>{place}</county></addr></place></birthplace>
      </patient>
    </patientRole>
  </recordTarget>
  <author>
    <time value="{at}+0000"/>
    <assignedAuthor>
      <id root="1.2.250.1.71.4.2.1" extension="{id}"/>
      {code}
      {contact}
      {somebody}
      <representedOrganization>{organisation}</representedOrganization>
    </assignedAuthor>
  </author>
  <custodian>
    <assignedCustodian>
      <representedCustodianOrganization>{organisation}</representedCustodianOrganization>
    </assignedCustodian>
  </custodian>
  <legalAuthenticator>
    <time value="{at}+0000"/>
    <signatureCode code="S"/>
    <assignedEntity>
      <id root="1.2.250.1.71.4.2.1" extension="{id}"/>
      {code}
      {contact}
      {somebody}
      <representedOrganization>{organisation}</representedOrganization>
    </assignedEntity>
  </legalAuthenticator>
  <documentationOf>
    <serviceEvent>
      <effectiveTime><low value="{at}+0000"/></effectiveTime>
      <performer typeCode="PRF">
        <assignedEntity>
          <id root="1.2.250.1.71.4.2.1" extension="{id}"/>
          {code}
          {contact}
          {somebody}
          <representedOrganization>
            {organisation}
            <standardIndustryClassCode code="AMBULATOIRE" codeSystem="1.2.250.1.213.1.1.4.9" displayName="Ambulatoire"/>
          </representedOrganization>
        </assignedEntity>
      </performer>
    </serviceEvent>
  </documentationOf>
  <componentOf>
    <encompassingEncounter>
      <effectiveTime><low value="{at}+0000"/></effectiveTime>
      <location>
        <healthCareFacility>
          <code code="SA07" codeSystem="1.2.250.1.71.4.2.4" displayName="Cabinet individuel"/>
        </healthCareFacility>
      </location>
    </encompassingEncounter>
  </componentOf>
  <component>
    <nonXMLBody><text mediaType="text/plain" representation="B64">RG9jdW1lbnQgZGUgZMOpbW9uc3RyYXRpb24uCg==</text></nonXMLBody>
  </component>
</ClinicalDocument>
"#
    )
}

#[cfg(test)]
mod tests {
    use space::{InsOid, InsTolerance};

    use super::*;

    #[test]
    fn a_document_of_the_demonstration_breaks_no_rule_of_its_header() {
        let rules = ::cda::Rules::load(&terminology::Mappings::built_in()).expect("the rules load");
        let ins = Ins::parse("279035121518989", InsOid::NirTest, InsTolerance::Strict).expect("an INS");
        let at = Dtm::parse("20260105090000").expect("a date");
        let text = cda(&ins, "AUBRY", "CLAIRE", "11502-2", "CR d'examens biologiques", "1.2.250.1.999.7.1", &at);
        let header = ::cda::Header::read(text.as_bytes()).expect("a header");
        assert_eq!(::cda::check(&header, &rules), []);
    }
}
