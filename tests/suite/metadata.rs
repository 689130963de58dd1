//! The rules of metadata (ITI TF-3 §4.2): each broken by itself in a deposit that is sound otherwise, and told with its own
//! code and place.

use testkit::{Gateway, TestDocument, soap::Deposit};

use crate::support::{Caller, refused, stored, succeeded};

/// A slot of one value, as the test's deposits write it.
fn slot(name: &str, value: &str) -> String {
    format!(r#"<Slot name="{name}"><ValueList><Value>{value}</Value></ValueList></Slot>"#)
}

#[tokio::test]
async fn each_rule_of_metadata_is_told_with_its_own_code() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let created = slot("creationTime", "20260101115900");
    let member = r#"<Slot name="SubmissionSetStatus"><ValueList><Value>Original</Value></ValueList></Slot>"#;
    let unique = |root: &str| format!(r#"registryObject="{root}""#);
    let with = |name: &str, value: &str| format!("{created}{}", slot(name, value));
    let second = r#"<RegistryPackage id="second"><Classification classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd" classifiedObject="second" id="cla"/></RegistryPackage>"#;
    // What is written in place of what, and the code; the attribute or element it is told of.
    let rules: Vec<(String, String, &str, &str)> = vec![
        (created.clone(), slot("creationTime", "2026-01-01T11:59:00Z"), "metadata_time", "creationTime"),
        (created.clone(), slot("creationTime", "20261301"), "metadata_time", "creationTime"),
        (created.clone(), String::new(), "metadata_missing", "creationTime"),
        (created.clone(), format!("{created}{created}"), "metadata_repeated", "creationTime"),
        (
            created.clone(),
            r#"<Slot name="creationTime"><ValueList><Value>2026</Value><Value>2025</Value></ValueList></Slot>"#.into(),
            "metadata_repeated",
            "creationTime",
        ),
        (
            slot("serviceStopTime", "20260101113000"),
            slot("serviceStopTime", "2025"),
            "metadata_period",
            "serviceStopTime",
        ),
        (slot("languageCode", "fr-FR"), slot("languageCode", "fr_FR"), "metadata_language", "languageCode"),
        (r#"mimeType="text/xml""#.into(), r#"mimeType="xml""#.into(), "metadata_media_type", "mimeType"),
        (
            "0456789999^^^&amp;1.2.250.1.999.8.2&amp;ISO^PI".into(),
            "0456789999^^^1.2.250.1.999.8.2".into(),
            "metadata_patient_id",
            "sourcePatientId",
        ),
        ("PID-8|F".into(), "PID-8|FEMME".into(), "metadata_patient_info", "sourcePatientInfo"),
        ("PID-7|19801105".into(), "PID-7|05/11/1980".into(), "metadata_patient_info", "sourcePatientInfo"),
        ("PID-5|".into(), "PID-19|".into(), "metadata_patient_info", "sourcePatientInfo"),
        (created.clone(), with("hash", "abc"), "metadata_hash", "hash"),
        (created.clone(), with("size", "-1"), "metadata_size", "size"),
        (created.clone(), with("size", "1"), "non_identical_size", "size"),
        (created.clone(), with("documentAvailability", "Online"), "metadata_availability", "documentAvailability"),
        (
            created.clone(),
            with("urn:ihe:iti:xds:2013:referenceIdList", "7^^^&amp;1.2.3&amp;ISO"),
            "metadata_reference_id",
            "referenceIdList",
        ),
        (
            slot("submissionTime", "20260101120000"),
            format!("{}{}", slot("submissionTime", "20260101120000"), slot("intendedRecipient", "||")),
            "metadata_recipient",
            "intendedRecipient",
        ),
        (r#"value="1.2.250.1.999.8""#.into(), r#"value="moi""#.into(), "metadata_oid", "XDSSubmissionSet.sourceId"),
        (
            r#"<ExtrinsicObject id="Document01""#.into(),
            r#"<ExtrinsicObject home="1.2.3" id="Document01""#.into(),
            "metadata_community",
            "homeCommunityId",
        ),
        ("Document01".into(), "urn:uuid:1".into(), "metadata_uuid", "entryUUID"),
        (unique("Document01"), unique("Document09"), "metadata_parent", ""),
        (member.into(), String::new(), "submission_set_status", "SubmissionSetStatus"),
        (member.into(), member.replace("Original", "Reference"), "submission_set_status", "SubmissionSetStatus"),
        ("AssociationType:HasMember".into(), "AssociationType:Owns".into(), "association_type", "associationType"),
        (
            "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1".into(),
            "urn:uuid:00000000-054d-47f2-a032-9b2a5b5186c1".into(),
            "metadata_object",
            "objectType",
        ),
        (
            r#"nodeRepresentation="ETABLISSEMENT""#.into(),
            r#"nodeRepresentation="""#.into(),
            "metadata_code",
            "nodeRepresentation",
        ),
        (
            slot("codingScheme", "1.2.250.1.213.1.1.4.9"),
            slot("codingSystem", "1.2.250.1.213.1.1.4.9"),
            "metadata_code",
            "codingScheme",
        ),
        (
            slot("codingScheme", "1.2.250.1.213.1.1.4.9"),
            r#"<Slot name="codingScheme"><ValueList><Value>1.2</Value><Value>1.3</Value></ValueList></Slot>"#.into(),
            "metadata_repeated",
            "codingScheme",
        ),
        ("<RegistryObjectList>".into(), format!("<RegistryObjectList>{second}"), "one_submission_set", ""),
        (
            r#"targetObject="Document01""#.into(),
            r#"targetObject="urn:uuid:a6e06ca8-0c75-4064-9e5c-88b9045a96f6""#.into(),
            "submission_set_status",
            "",
        ),
    ];
    for (from, to, cause, attribute) in &rules {
        let deposit = Deposit::one(&physician.ins, TestDocument::biology());
        let edit = |body: String| {
            assert!(body.contains(from.as_str()), "{cause}: {from} is not in the message: {body}");
            body.replace(from.as_str(), to)
        };
        let reply = physician.send_edited(&deposit, edit).await;
        let code = if *cause == "non_identical_size" { "XDSNonIdenticalSize" } else { "XDSRegistryMetadataError" };
        refused(&reply, code, cause);
        assert!(attribute.is_empty() || reply.text().contains(&format!("[{attribute}")), "{cause}: {}", reply.text());
        assert!(reply.text().contains("location=\"/"), "{cause} has a place: {}", reply.text());
    }
    assert_eq!(stored(&gateway), before);
    succeeded(&physician.deposit(&TestDocument::biology()).await);
}

#[tokio::test]
async fn shapes_of_people_and_organisations_are_told_apart() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let sound = Deposit::one(&physician.ins, TestDocument::biology()).body();
    let value = |name: &str| {
        let rest = sound.split_once(&format!(r#"<Slot name="{name}"><ValueList><Value>"#)).expect("a slot").1;
        rest.split_once('<').expect("its end").0.to_owned()
    };
    let (person, institution) = (value("authorPerson"), value("authorInstitution"));
    for (from, to, cause) in [
        (&person, "^^^Dr", "metadata_person"),
        (&person, "8012^A^B^^^^^^1.2.3", "metadata_person"),
        (&institution, "^^^^^&amp;1.2.3&amp;ISO^^^^1", "metadata_organization"),
        (&institution, "CABINET^^^^^^^^^1750", "metadata_organization"),
    ] {
        let deposit = Deposit::one(&physician.ins, TestDocument::biology());
        let reply = physician.send_edited(&deposit, |body| body.replace(from.as_str(), to)).await;
        refused(&reply, "XDSRegistryMetadataError", cause);
    }
    // An attribute of an author is said once.
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let twice =
        |body: String| body.replacen(&slot("authorPerson", &person), &slot("authorPerson", &person).repeat(2), 1);
    let reply = physician.send_edited(&deposit, twice).await;
    refused(&reply, "XDSRegistryMetadataError", "metadata_repeated");
    // What is in no set is in nothing.
    let member = r#"<Association associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember""#;
    let alone = |body: String| {
        let (start, end) = (body.find(member).expect("a member"), "</Association>");
        let end = start + body[start..].find(end).expect("its end") + end.len();
        format!("{}{}", &body[..start], &body[end..])
    };
    refused(&physician.send_edited(&deposit, alone).await, "XDSRegistryMetadataError", "not_in_set");
    let long = "é".repeat(129);
    let deposit = Deposit::one(&physician.ins, TestDocument { title: long, ..TestDocument::biology() });
    refused(&physician.send(&deposit).await, "XDSRegistryMetadataError", "metadata_title");
}
