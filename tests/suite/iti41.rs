//! ITI-41 Provide and Register Document Set-b (DMP TD2.1).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use testkit::{
    Gateway, GatewayOptions, TestDocument,
    soap::{self, Deposit},
};

use crate::support::{Caller, envelope_of, faulted, refused, stored, succeeded};

const ACTION: &str = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";

#[tokio::test]
async fn a_deposit_is_answered_by_a_registry_response_that_relates_to_its_message() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let (content_type, message) = deposit.message(&physician.vihf);
    let sent = String::from_utf8(message.clone()).expect("text");
    let id = sent.split("addressing\">").nth(1).and_then(|s| s.split('<').next()).expect("a MessageID");
    let reply = physician.client.post(soap::REPOSITORY, &[("content-type", &content_type)], message).await;
    succeeded(&reply);
    assert!(reply.header("content-type").starts_with("application/soap+xml"), "{:?}", reply.headers);
    let text = reply.text();
    assert!(text.contains("ProvideAndRegisterDocumentSet-bResponse</"), "{text}");
    assert!(text.contains(&format!(">{id}</")), "{text}");
}

#[tokio::test]
async fn a_replay_after_a_lost_answer_succeeds_and_doubles_nothing() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 6);
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    succeeded(&physician.send(&deposit).await);
    let before = stored(&gateway);
    succeeded(&physician.send(&deposit).await);
    let other_set = Deposit { set_id: testkit::oid(), ..deposit.clone() };
    succeeded(&physician.send(&other_set).await);
    let seen = physician.query(&soap::get_documents(&deposit.documents[0].unique_id)).await;
    assert_eq!(crate::support::unique_ids(&seen), [deposit.documents[0].unique_id.as_str()]);
    assert_eq!(stored(&gateway), before);
}

#[tokio::test]
async fn other_bytes_under_a_known_unique_id_are_refused() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    physician.put(&document).await;
    let other = TestDocument { body: b"<other/>".to_vec(), ..document.clone() };
    refused(&physician.deposit(&other).await, "XDSNonIdenticalHash", "non_identical_hash");
    assert_eq!(physician.bytes(&document.unique_id).await, document.body.as_slice());
}

#[tokio::test]
async fn a_unique_id_of_another_space_is_refused_without_saying_whose() {
    let gateway = Gateway::start();
    let document = TestDocument::biology();
    Caller::of(&gateway, "medecin", 0).put(&document).await;
    let mut elsewhere = Caller::of(&gateway, "medecin", 1);
    let reply = elsewhere.deposit(&document).await;
    refused(&reply, "XDSDuplicateUniqueIdInRegistry", "duplicate_unique_id");
    assert!(!reply.text().contains(gateway.ins(0)), "{}", reply.text());
}

#[tokio::test]
async fn a_set_that_names_one_identifier_twice_is_refused_whole() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let mut deposit = pair(&physician.ins);
    deposit.documents[1].unique_id = deposit.documents[0].unique_id.clone();
    let reply = physician.send(&deposit).await;
    refused(&reply, "XDSRegistryDuplicateUniqueIdInMessage", "duplicate_unique_id_in_message");
    let mut of_the_set = Deposit::one(&physician.ins, TestDocument::biology());
    of_the_set.documents[0].unique_id = of_the_set.set_id.clone();
    let reply = physician.send(&of_the_set).await;
    refused(&reply, "XDSRegistryDuplicateUniqueIdInMessage", "duplicate_unique_id_in_message");
    let mut same_entry = pair(&physician.ins);
    same_entry.documents[1].id = same_entry.documents[0].id.clone();
    assert!(!envelope_of(&physician.send(&same_entry).await).contains(crate::support::SUCCESS));
    assert_eq!(stored(&gateway), before);
    assert_eq!(physician.client.connections, 1);
}

fn pair(ins: &str) -> Deposit {
    let mut deposit = Deposit::one(ins, TestDocument::biology());
    deposit.documents.push(TestDocument { id: "Document02".into(), ..TestDocument::report("11488-4", "10") });
    deposit
}

#[tokio::test]
async fn two_documents_go_in_together_or_not_at_all() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let mut deposit = pair(&physician.ins);
    deposit.documents[1].type_code.0 = "99999-9".into();
    let reply = physician.send(&deposit).await;
    refused(&reply, "XDSRegistryMetadataError", "unknown_document_type");
    assert!(reply.text().contains("ExtrinsicObject[2]"), "{}", reply.text());
    assert_eq!(stored(&gateway), before);
    deposit.documents[1].type_code.0 = "11488-4".into();
    succeeded(&physician.send(&deposit).await);
    assert_eq!(stored(&gateway), before + 2);
    for document in &deposit.documents {
        assert_eq!(physician.bytes(&document.unique_id).await, document.body.as_slice());
    }
}

#[tokio::test]
async fn parts_may_come_in_any_order() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let deposit = pair(&physician.ins);
    let envelope = soap::envelope(ACTION, &physician.vihf, &deposit.body());
    let mut message = soap::package_head(&envelope);
    for n in [1, 0] {
        message.extend_from_slice(soap::part_head(n, "text/xml").as_bytes());
        message.extend_from_slice(&deposit.documents[n].body);
    }
    message.extend_from_slice(soap::package_end().as_bytes());
    succeeded(&physician.post_package(message).await);
    for document in &deposit.documents {
        assert_eq!(physician.bytes(&document.unique_id).await, document.body.as_slice());
    }
}

/// Puts the document into the envelope as base64.
fn inline(deposit: &Deposit) -> String {
    let body = deposit.body();
    let (before, rest) = body.split_once("<xop:Include").expect("an inclusion");
    let (_, after) = rest.split_once("/>").expect("its end");
    format!("{before}{}{after}", STANDARD.encode(&deposit.documents[0].body))
}

#[tokio::test]
async fn a_document_may_stand_in_the_envelope_as_base64() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let envelope = soap::envelope(ACTION, &physician.vihf, &inline(&deposit));
    succeeded(&physician.post_envelope(soap::REPOSITORY, envelope).await);
    let in_package = Deposit::one(&physician.ins, TestDocument::report("11488-4", "10"));
    let envelope = soap::envelope(ACTION, &physician.vihf, &inline(&in_package));
    succeeded(&physician.post_package(soap::package(&envelope, &[])).await);
    for sent in [deposit, in_package] {
        let document = &sent.documents[0];
        assert_eq!(physician.bytes(&document.unique_id).await, document.body.as_slice());
    }
}

#[tokio::test]
async fn lines_of_mime_may_end_with_a_bare_line_feed() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let (_, message) = deposit.message(&physician.vihf);
    let message = String::from_utf8(message).expect("text").replace("\r\n", "\n");
    succeeded(&physician.post_package(message).await);
    let document = &deposit.documents[0];
    assert_eq!(physician.bytes(&document.unique_id).await, document.body.as_slice());
}

#[tokio::test]
async fn the_namespace_of_soap_1_1_and_ids_that_differ_in_case_are_tolerated() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let body = deposit.body().replace(r#"<ns4:Document id="Document01""#, r#"<ns4:Document id="document01""#);
    let envelope = soap::envelope(ACTION, &physician.vihf, &body)
        .replace("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/")
        .replace(r#"soap:mustUnderstand="true""#, r#"soap:mustUnderstand="1""#);
    succeeded(&physician.post_package(soap::package(&envelope, &[("text/xml", &deposit.documents[0].body)])).await);
}

#[tokio::test]
async fn a_document_type_that_is_unknown_withdrawn_or_of_another_class_is_refused_by_name() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    for (kind, class, cause) in [
        ("99999-9", "10", "unknown_document_type"),
        ("27899-4", "10", "withdrawn_document_type"),
        ("11502-2", "31", "class_mismatch"),
    ] {
        let reply = physician.deposit(&TestDocument::report(kind, class)).await;
        refused(&reply, "XDSRegistryMetadataError", cause);
    }
    assert_eq!(stored(&gateway), before);
}

#[tokio::test]
async fn metadata_that_are_missing_are_named_with_their_place() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let cases: [(&str, &str, &str); 6] = [
        (r#"<Slot name="legalAuthenticator">"#, "</Slot>", "legalAuthenticator"),
        (r#"<Slot name="serviceStartTime">"#, "</Slot>", "serviceStartTime"),
        (r#"<Slot name="sourcePatientId">"#, "</Slot>", "sourcePatientId"),
        (r#"<Slot name="languageCode">"#, "</Slot>", "languageCode"),
        (r#"<Slot name="creationTime">"#, "</Slot>", "creationTime"),
        (
            r#"<Classification classificationScheme="urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead""#,
            "</Classification>",
            "practiceSettingCode",
        ),
    ];
    for (start, end, attribute) in cases {
        let deposit = Deposit::one(&physician.ins, TestDocument::biology());
        let reply = physician.send_edited(&deposit, |xml| cut(&xml, start, end)).await;
        refused(&reply, "XDSRegistryMetadataError", "metadata_missing");
        let text = envelope_of(&reply);
        assert!(text.contains(attribute), "{attribute}: {text}");
        assert!(text.contains("/RegistryObjectList/ExtrinsicObject"), "{attribute}: {text}");
    }
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let reply = physician
        .send_edited(&deposit, |xml| {
            // The last identifier of the entry is its uniqueId.
            let start = xml.rfind("<ExternalIdentifier").expect("identifiers");
            [&xml[..start], &cut(&xml[start..], "<ExternalIdentifier", "</ExternalIdentifier>")].concat()
        })
        .await;
    refused(&reply, "XDSRegistryMetadataError", "metadata_missing");
    assert!(reply.text().contains("XDSDocumentEntry.uniqueId"), "{}", reply.text());
    assert_eq!(stored(&gateway), before);
}

/// Cuts from `start` to `end` out of a text.
pub(crate) fn cut(xml: &str, start: &str, end: &str) -> String {
    let from = xml.find(start).unwrap_or_else(|| panic!("{start} is not there"));
    let to = from + xml[from..].find(end).expect("its end") + end.len();
    [&xml[..from], &xml[to..]].concat()
}

#[tokio::test]
async fn a_hash_or_size_that_was_announced_must_be_that_of_the_bytes() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let slot = |name: &str, value: &str| {
        format!(r#"<Slot name="{name}"><ValueList><Value>{value}</Value></ValueList></Slot>"#)
    };
    let wrong_hash = TestDocument { extra: slot("hash", &"0".repeat(40)), ..TestDocument::biology() };
    refused(&physician.deposit(&wrong_hash).await, "XDSNonIdenticalHash", "non_identical_hash");
    let wrong_size = TestDocument { extra: slot("size", "7"), ..TestDocument::biology() };
    refused(&physician.deposit(&wrong_size).await, "XDSNonIdenticalSize", "non_identical_size");
    assert_eq!(stored(&gateway), before);
    let mut right = TestDocument::biology();
    right.extra = slot("size", &right.body.len().to_string());
    physician.put(&right).await;
}

#[tokio::test]
async fn a_document_is_not_masked_and_hidden_from_the_holder_at_once() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let both = TestDocument::biology().visible(&["MASQUE_PS", "INVISIBLE_PATIENT"]);
    refused(&physician.deposit(&both).await, "XDSRegistryMetadataError", "visibility_conflict");
    let unknown = TestDocument::biology().visible(&["MASQUE_TOUS"]);
    refused(&physician.deposit(&unknown).await, "XDSRegistryMetadataError", "code_unknown");
}

#[tokio::test]
async fn a_message_about_another_holder_than_its_credential_is_refused() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let elsewhere = Deposit::one(gateway.ins(1), TestDocument::biology());
    refused(&physician.send(&elsewhere).await, "XDSPatientIdDoesNotMatch", "patient_mismatch");
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let (mine, other) = (physician.ins.clone(), gateway.ins(1).to_owned());
    let reply = physician
        .send_edited(&deposit, |xml| {
            let (set, entry) = xml.split_once("<ExtrinsicObject").expect("an entry");
            format!("{set}<ExtrinsicObject{}", entry.replace(&mine, &other))
        })
        .await;
    refused(&reply, "XDSPatientIdDoesNotMatch", "patient_mismatch");
}

#[tokio::test]
async fn large_documents_come_back_byte_for_byte() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    // Around the size up to which bodies stand in the database, one over a mebibyte, and bytes that look like MIME.
    let mut awkward = b"\r\n------=_Part_7_1234.567\r\n--\r\n\0\xff\r".repeat(3000);
    awkward.extend_from_slice(b"\r\n------=_Part_7_1234.56789\r\n");
    for body in [vec![7u8; 32768], vec![8u8; 32769], noise(1_300_001), awkward] {
        let document = TestDocument { mime_type: "application/pdf".into(), ..TestDocument::of(body, "11502-2", "10") };
        physician.put(&document).await;
        let got = physician.bytes(&document.unique_id).await;
        assert!(got == document.body.as_slice(), "{} bytes came back as {}", document.body.len(), got.len());
    }
}

/// Bytes without pattern, the same in every run.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(step).take(length).collect()
}

#[tokio::test]
async fn a_set_without_document_is_refused() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let empty =
        Deposit { ins: physician.ins.clone(), set_id: testkit::oid(), documents: Vec::new(), more: String::new() };
    refused(&physician.send(&empty).await, "XDSRegistryMetadataError", "empty_submission");
    let mut no_oid = Deposit::one(&physician.ins, TestDocument::biology());
    no_oid.documents[0].unique_id = "urn:uuid:8dac336f-4621-433d-b67d-f6a05785273e".into();
    refused(&physician.send(&no_oid).await, "XDSRegistryMetadataError", "unique_id_invalid");
    let other_action = soap::envelope("urn:ihe:iti:2007:RegistryStoredQuery", &physician.vihf, &empty.body());
    faulted(&physician.post_envelope(soap::REPOSITORY, other_action).await, 400, "unknown_action");
}

#[tokio::test]
async fn what_breaks_a_rule_of_the_cda_header_is_told_or_refused_as_the_policy_has_it() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let header = concat!(
        r#"<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><realmCode code="US"/>"#,
        r#"<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/><id root="1.2.3"/>"#,
        r#"<component><nonXMLBody><text mediaType="text/plain">x</text></nonXMLBody></component></ClinicalDocument>"#
    );
    let document = TestDocument { body: header.into(), ..TestDocument::biology() };
    let told = physician.deposit(&document).await;
    succeeded(&told);
    let text = told.text();
    assert!(text.contains("ErrorSeverityType:Warning") && !text.contains("ErrorSeverityType:Error"), "{text}");
    assert!(text.contains("InvalidDocumentContent") && text.contains("realm-code"), "{text}");
    assert!(text.contains("/ClinicalDocument"), "{text}");

    let strict = Gateway::with(GatewayOptions::default().with("CDA__POLICY", "refuse"));
    let mut physician = Caller::of(&strict, "medecin", 0);
    let before = stored(&strict);
    refused(&physician.deposit(&document).await, "InvalidDocumentContent", "content_invalid");
    assert_eq!(stored(&strict), before);
    // What is no CDA is not looked at.
    let scan = TestDocument { mime_type: "application/pdf".into(), ..TestDocument::biology() };
    let reply = physician.deposit(&scan).await;
    succeeded(&reply);
    assert!(!reply.text().contains("Warning"), "{}", reply.text());
}
