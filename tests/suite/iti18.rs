//! ITI-18 Registry Stored Query (DMP TD3.1).

use testkit::{
    Gateway, TestDocument,
    soap::{self, query_slot},
};

use crate::support::{Caller, object_ids, refused, succeeded, unique_ids};

/// A physician who has put in three documents that differ in what queries look at.
async fn three(gateway: &Gateway) -> (Caller, [TestDocument; 3]) {
    let mut physician = Caller::of(gateway, "medecin", 1);
    let biology = TestDocument::biology();
    let imaging = TestDocument::report("18748-4", "31");
    let mut pdf = TestDocument::report("11488-4", "10");
    pdf.format_code.0 = "urn:ihe:iti:xds-sd:pdf:2008".into();
    let documents = [biology, imaging, pdf];
    for document in &documents {
        let mut deposit = soap::Deposit::one(&physician.ins, document.clone());
        deposit.documents[0] = document.clone();
        let edit = |xml: String| {
            match document.type_code.0.as_str() {
            "11488-4" => xml.replace("20260101115900", "20240229").replace("VASSEUR^ELISE", "ROUSSEL^NADIA"),
            "18748-4" => xml.replace(
                r#"<Classification classificationScheme="urn:uuid:a09d5840"#,
                r#"<Classification classificationScheme="urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4" classifiedObject="Document01" id="event" nodeRepresentation="ZCQK002"><Slot name="codingScheme"><ValueList><Value>1.2.250.1.213.2.5</Value></ValueList></Slot><Name><LocalizedString value="Mammographie"/></Name></Classification><Classification classificationScheme="urn:uuid:a09d5840"#,
            ),
            _ => xml,
        }
        };
        succeeded(&physician.send_edited(&deposit, edit).await);
    }
    (physician, documents)
}

#[tokio::test]
async fn find_documents_selects_by_each_of_its_parameters() {
    let gateway = Gateway::start();
    let (mut physician, [biology, imaging, pdf]) = three(&gateway).await;
    let cases: [(&str, &str, &[&TestDocument]); 14] = [
        ("$XDSDocumentEntryTypeCode", "('11502-2^^2.16.840.1.113883.6.1')", &[&biology]),
        (
            "$XDSDocumentEntryTypeCode",
            "('11502-2^^2.16.840.1.113883.6.1','18748-4^^2.16.840.1.113883.6.1')",
            &[&biology, &imaging],
        ),
        ("$XDSDocumentEntryTypeCode", "('11502-2^^1.2.3')", &[]),
        ("$XDSDocumentEntryClassCode", "('31^^1.2.250.1.213.1.1.4.1')", &[&imaging]),
        ("$XDSDocumentEntryFormatCode", "('urn:ihe:iti:xds-sd:pdf:2008^^1.3.6.1.4.1.19376.1.2.3')", &[&pdf]),
        ("$XDSDocumentEntryCreationTimeTo", "20250101", &[&pdf]),
        ("$XDSDocumentEntryCreationTimeFrom", "20260101", &[&biology, &imaging]),
        ("$XDSDocumentEntryServiceStartTimeTo", "2025", &[]),
        ("$XDSDocumentEntryServiceStopTimeFrom", "20260101", &[&biology, &imaging, &pdf]),
        ("$XDSDocumentEntryAuthorPerson", "('%VASSEUR%')", &[&biology, &imaging]),
        ("$XDSDocumentEntryAuthorPerson", "('899900000101^ROUSS_L^%')", &[&pdf]),
        ("$XDSDocumentEntryEventCodeList", "('ZCQK002^^1.2.250.1.213.2.5')", &[&imaging]),
        ("$XDSDocumentEntryConfidentialityCode", "('N^^2.16.840.1.113883.5.25')", &[&biology, &imaging, &pdf]),
        ("$XDSDocumentEntryHealthcareFacilityTypeCode", "('SA99^^1.2.250.1.71.4.2.4')", &[]),
    ];
    let known: Vec<&str> = [&biology, &imaging, &pdf].iter().map(|d| d.unique_id.as_str()).collect();
    for (name, value, wanted) in cases {
        let mut found = physician.listed(&query_slot(name, value)).await;
        found.retain(|id| known.contains(&id.as_str()));
        let wanted: Vec<&str> = wanted.iter().map(|d| d.unique_id.as_str()).collect();
        assert_eq!(found, wanted, "{name} {value}");
    }
}

#[tokio::test]
async fn bounds_of_time_include_the_day_they_name() {
    let gateway = Gateway::start();
    let (mut physician, [_, _, pdf]) = three(&gateway).await;
    let span = |from: &str, to: &str| {
        query_slot("$XDSDocumentEntryCreationTimeFrom", from) + &query_slot("$XDSDocumentEntryCreationTimeTo", to)
    };
    assert_eq!(physician.listed(&span("20240101", "20241231")).await, [pdf.unique_id.as_str()]);
    assert!(physician.listed(&span("20240301", "20241231")).await.is_empty());
    assert!(physician.listed(&span("20230101", "20240228")).await.is_empty());
}

#[tokio::test]
async fn object_refs_name_what_leaf_classes_describe() {
    let gateway = Gateway::start();
    let (mut physician, _) = three(&gateway).await;
    let query = soap::find_documents(&physician.ins, soap::APPROVED, "");
    let leaves = physician.query(&query).await;
    let refs = physician.query(&query.replace("LeafClass", "ObjectRef")).await;
    succeeded(&refs);
    assert!(refs.text().contains("ObjectRef") && !refs.text().contains("ExtrinsicObject"), "{}", refs.text());
    assert_eq!(object_ids(&leaves), object_ids(&refs));
    assert!(object_ids(&refs).len() >= 3 && object_ids(&refs).iter().all(|id| id.starts_with("urn:uuid:")));
}

#[tokio::test]
async fn metadata_come_back_as_they_went_in_with_what_the_registry_adds() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let extra = r#"<Slot name="urn:exemple:dossier"><ValueList><Value>Élodie &amp; Cie</Value><Value>&lt;2&gt;</Value></ValueList></Slot><Slot name="urn:ihe:iti:xds:2013:referenceIdList"><ValueList><Value>A12^^^&amp;1.2.250.1.999.8.3&amp;ISO^urn:ihe:iti:xds:2013:accession</Value></ValueList></Slot>"#;
    let title = "Bilan d&apos;été &amp; suivi";
    let document = TestDocument { extra: extra.into(), title: title.into(), ..TestDocument::biology() };
    physician.put(&document).await;
    let reply = physician.query(&soap::get_documents(&document.unique_id)).await;
    let text = reply.text();
    let size = format!(">{}</", document.body.len());
    for part in [
        r"urn:exemple:dossier",
        "Élodie &amp; Cie",
        "&lt;2&gt;",
        "urn:ihe:iti:xds:2013:accession",
        "Commentaire",
        "Libellé 11502-2",
        r#"charset="UTF8""#,
        r#"xml:lang="FR""#,
        "PID-5|AUBRY^CLAIRE^^^^^L",
        "PID-7|19801105",
        "899900000101^VASSEUR^ELISE^^^^^^&amp;1.2.250.1.71.4.2.1&amp;ISO^D^^^IDNPS",
        "499900000101001",
        "20260101110000",
        "20260101113000",
        "0456789999^^^&amp;1.2.250.1.999.8.2&amp;ISO^PI",
        "XDSDocumentEntry.uniqueId",
        r#"mimeType="text/xml""#,
        r#"name="repositoryUniqueId""#,
        soap::REPOSITORY_ID,
        r#"name="hash""#,
        r#"name="size""#,
        &size,
        soap::APPROVED,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.contains("Bilan d'été &amp; suivi") || text.contains("Bilan d&apos;été &amp; suivi"), "{text}");
}

#[tokio::test]
async fn mandatory_parameters_are_asked_for_by_name() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let whole = soap::find_documents(&physician.ins, soap::APPROVED, "");
    for name in ["$XDSDocumentEntryPatientId", "$XDSDocumentEntryStatus"] {
        let query = crate::iti41::cut(&whole, &format!(r#"<Slot name="{name}">"#), "</Slot>");
        let reply = physician.query(&query).await;
        refused(&reply, "XDSStoredQueryMissingParam", "query_parameter_missing");
        assert!(reply.text().contains(name), "{}", reply.text());
    }
    let get = soap::get_documents("1.2.3");
    let query = crate::iti41::cut(&get, "<Slot name=\"$XDSDocumentEntryUniqueId\">", "</Slot>");
    refused(&physician.query(&query).await, "XDSStoredQueryMissingParam", "query_parameter_missing");
}

#[tokio::test]
async fn values_that_are_none_are_refused_and_nothing_is_ignored_in_silence() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    for (name, value, cause) in [
        ("$XDSDocumentEntryTypeCode", "('11502-2')", "query_parameter_invalid"),
        ("$XDSDocumentEntryTypeCode", "(11502-2", "query_parameter_invalid"),
        ("$XDSDocumentEntryCreationTimeFrom", "hier", "query_parameter_invalid"),
        ("$XDSDocumentEntryCreationTimeFrom", "20261301", "query_parameter_invalid"),
        ("$XDSDocumentEntryStatus", "('urn:x')", "query_parameter_invalid"),
        ("$XDSDocumentEntryTitle", "('x')", "query_parameter_unknown"),
        ("$XDSFolderStatus", "('x')", "query_parameter_unknown"),
    ] {
        let reply = physician.find(&query_slot(name, value)).await;
        refused(&reply, "XDSStoredQueryParamNumber", cause);
        assert!(reply.text().contains(name), "{name}: {}", reply.text());
    }
    let query = soap::find_documents(&physician.ins, soap::APPROVED, "");
    let other = query.replace(soap::FIND_DOCUMENTS, "urn:uuid:f26abbcb-ac74-4422-8a30-edb644bbc1aa");
    refused(&physician.query(&other).await, "XDSUnknownStoredQuery", "unknown_stored_query");
    let kind = query.replace("LeafClass", "LeafClassWithRepositoryItem");
    refused(&physician.query(&kind).await, "XDSStoredQueryParamNumber", "query_parameter_invalid");
    assert_eq!(physician.client.connections, 1);
}

#[tokio::test]
async fn a_query_about_another_holder_or_nobody_is_refused() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let query = soap::find_documents(gateway.ins(1), soap::APPROVED, "");
    refused(&physician.query(&query).await, "XDSPatientIdDoesNotMatch", "patient_mismatch");
    let no_cx = query.replace("^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH", "");
    refused(&physician.query(&no_cx).await, "XDSRegistryMetadataError", "ins_invalid");
}

#[tokio::test]
async fn get_documents_of_an_unknown_identifier_finds_nothing() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let reply = physician.query(&soap::get_documents("1.2.250.1.999.8.404")).await;
    succeeded(&reply);
    assert!(unique_ids(&reply).is_empty());
}

#[tokio::test]
async fn a_search_for_on_demand_documents_finds_none() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let kind = |uuid: &str| query_slot("$XDSDocumentEntryType", &format!("('urn:uuid:{uuid}')"));
    assert!(physician.listed(&kind("34268e47-fdf5-41a6-ba33-82133c465248")).await.is_empty());
    assert!(!physician.listed(&kind("7edca82f-054d-47f2-a032-9b2a5b5186c1")).await.is_empty());
}
