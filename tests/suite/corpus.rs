//! Documents and messages that nobody here wrote. What stands in `../shared` is not copied here: without it these tests
//! say that they are skipped.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
};

use testkit::{Gateway, Reply, TestDocument, corpus, document::cda_code, soap};

use crate::support::{Caller, FAILURE, SUCCESS, envelope_of, faulted, refused, stored, succeeded};

/// Kinds of document that may be deposited, with their class.
fn kinds() -> HashMap<String, (String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mappings/document-types.tsv");
    let text = std::fs::read_to_string(file).expect("the project's table");
    let rows = text.lines().filter(|l| !l.starts_with('#')).map(|l| l.split('\t').collect::<Vec<_>>());
    rows.filter(|r| r.len() > 3 && r[3] == "y" && r[2] != "?")
        .map(|r| (r[0].to_owned(), (r[1].to_owned(), r[2].to_owned())))
        .collect()
}

/// A CDA file as a document, under its own code where the tables know it.
fn described(bytes: Vec<u8>, kinds: &HashMap<String, (String, String)>) -> TestDocument {
    let code = cda_code(&bytes).filter(|c| kinds.contains_key(c)).unwrap_or_else(|| "11502-2".into());
    let (scheme, class) = &kinds[&code];
    let mut document = TestDocument::of(bytes, &code, class);
    document.type_code.1.clone_from(scheme);
    document
}

#[tokio::test]
async fn every_cda_document_comes_back_byte_for_byte() {
    let Some(files) = corpus::files("corpus/cda") else { return };
    let gateway = Gateway::start();
    let kinds = kinds();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let mut known = 0;
    for file in &files {
        let bytes = std::fs::read(file).expect("it can be read");
        known += usize::from(cda_code(&bytes).is_some_and(|c| kinds.contains_key(&c)));
        let document = described(bytes, &kinds);
        let reply = physician.deposit(&document).await;
        assert!(reply.text().contains(SUCCESS), "{}: {}", file.display(), reply.text());
        let got = physician.bytes(&document.unique_id).await;
        assert!(got == document.body.as_slice(), "{} came back with other bytes", file.display());
        // FHIR: read the same document by ITI-68 here, and deposit it by ITI-65 and read it by both.
    }
    assert!(known > files.len() / 2, "{known} of {} files bear a known code", files.len());
}

/// A message of the DMP's samples for the demonstration's physician and first holder: another INS, a fresh assertion.
fn adapted(text: &str, physician: &Caller) -> String {
    let start = text.find("<saml2:Assertion").expect("an assertion");
    let end = text.find("</saml2:Assertion>").expect("its end") + "</saml2:Assertion>".len();
    [&text[..start], &physician.vihf, &text[end..]].concat().replace("207058575627097", &physician.ins)
}

fn sample(folder: &[PathBuf], name: &str) -> String {
    let file = folder.iter().find(|f| f.ends_with(name)).unwrap_or_else(|| panic!("{name} is absent"));
    String::from_utf8_lossy(&std::fs::read(file).expect("it can be read")).into_owned()
}

#[tokio::test]
async fn the_dmps_own_deposit_is_understood() {
    let Some(files) = corpus::files("corpus/dmp/messages") else { return };
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let message = adapted(&sample(&files, "TD2.1-request.xml"), &physician);
    let content_type = r#"multipart/related; type="application/xop+xml"; start="<rootpart@soapui.org>"; start-info="application/soap+xml"; boundary="----=_Part_9_20030738.1554380517598""#;
    let headers = [("content-type", content_type)];
    // Its type was withdrawn since.
    let reply = physician.client.post(soap::REPOSITORY, &headers, message.clone()).await;
    refused(&reply, "XDSRegistryMetadataError", "withdrawn_document_type");
    assert_eq!(stored(&gateway), before);
    let message = message.replace("27899-4", "70004-7");
    let reply = physician.client.post(soap::REPOSITORY, &headers, message.clone()).await;
    succeeded(&reply);
    assert_eq!(stored(&gateway), before + 2, "the document and the signature of the set");
    assert_eq!(physician.client.connections, 1);
    let found = physician.listed("").await;
    let sent = "1.2.250.1.999.1.1.7898.3.1622814651504";
    assert!(found.iter().any(|id| id == sent), "{found:?}");
    let got = physician.bytes(sent).await;
    let part = message.split("------=_Part_9_20030738.1554380517598").nth(2).expect("the document's part");
    let (_, document) = part.split_once("\n\n").expect("its headers");
    assert_eq!(got, document.strip_suffix('\n').expect("the line before the boundary"));
}

#[tokio::test]
async fn the_dmps_own_queries_and_retrievals_are_understood() {
    let Some(files) = corpus::files("corpus/dmp/messages") else { return };
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let query = adapted(&sample(&files, "TD3.1-request.xml"), &physician);
    let reply = physician.post_envelope(soap::REGISTRY, query).await;
    succeeded(&reply);
    assert!(reply.text().contains("1.2.250.1.999.7.1.1.1"), "{}", reply.text());
    let retrieval = adapted(&sample(&files, "TD3.2-request.xml"), &physician);
    let reply = physician.post_envelope(soap::REPOSITORY, retrieval.clone()).await;
    refused(&reply, "XDSDocumentUniqueIdError", "unknown_document");
    let known = retrieval.replace("1.2.250.1.999.1.1.7898.1.995657292", "1.2.250.1.999.7.1.1.1");
    succeeded(&physician.post_envelope(soap::REPOSITORY, known).await);
}

#[tokio::test]
async fn the_dmps_own_messages_about_people_are_understood_by_their_service_alone() {
    let Some(files) = corpus::files("corpus/dmp/messages") else { return };
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    for (name, answer) in [("TD0.2-request.xml", "VALIDE"), ("TD0.4-request.xml", "DMPOk")] {
        let message = adapted(&sample(&files, name), &physician);
        for path in [soap::REGISTRY, soap::REPOSITORY, soap::HABILITATIONS] {
            faulted(&physician.post_envelope(path, message.clone()).await, 400, "unknown_action");
        }
        let reply = physician.post_envelope(soap::PATIENTS, message).await;
        assert!(reply.status == 200 && reply.text().contains(answer), "{name}: {}", reply.text());
    }
    physician.put(&TestDocument::biology()).await;
    assert_eq!(physician.client.connections, 1);
}

/// The body of an answer as a document of its own.
fn body_of(reply: &Reply) -> String {
    let envelope = envelope_of(reply);
    let (_, rest) = envelope.split_once("<soap:Body>").expect("a body");
    rest.rsplit_once("</soap:Body>").expect("its end").0.to_owned()
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
async fn every_answer_obeys_the_schemas_of_the_dmp() {
    let Some(shared) = corpus::shared() else { return println!("skipped: ../shared is absent") };
    if Command::new("xmllint").arg("--version").output().is_err() {
        return println!("skipped: xmllint is not installed");
    }
    let schemas = shared.join("corpus/dmp/contract/schema");
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let signed = TestDocument::biology().visible(&["INVISIBLE_PATIENT"]);
    let find = soap::find_documents(&physician.ins, soap::APPROVED, "");
    let answers = [
        ("rs", SUCCESS, physician.deposit(&signed).await),
        ("rs", FAILURE, physician.deposit(&TestDocument::report("99999-9", "10")).await),
        ("query", SUCCESS, physician.query(&find).await),
        ("query", SUCCESS, physician.query(&find.replace("LeafClass", "ObjectRef")).await),
        ("query", SUCCESS, physician.query(&soap::get_documents("1.2.250.1.999.8.404")).await),
        ("query", FAILURE, physician.find(&soap::query_slot("$XDSDocumentEntryTitle", "('x')")).await),
        ("xds", SUCCESS, physician.retrieve(&signed.unique_id).await),
        ("xds", FAILURE, physician.retrieve("1.2.250.1.999.8.404").await),
        (
            "xds",
            "ResponseStatusType:PartialSuccess",
            physician.retrieve_all(&[(soap::REPOSITORY_ID, &signed.unique_id), ("1.2.3", "1.2.3")]).await,
        ),
    ];
    for (schema, status, reply) in answers {
        let schema = match schema {
            "rs" => schemas.join("ebRS/rs.xsd"),
            "query" => schemas.join("ebRS/query.xsd"),
            _ => schemas.join("IHE/XDS.b_DocumentRepository.xsd"),
        };
        let mut body = body_of(&reply);
        assert!(body.contains(status), "{body}");
        // The schema says base64 where MTOM puts an inclusion.
        while let Some(start) = body.find("<xop:Include") {
            let end = start + body[start..].find("/>").expect("its end") + 2;
            body.replace_range(start..end, "AA==");
        }
        let file = gateway.data().join("answer.xml");
        std::fs::write(&file, &body).expect("written");
        let checked = Command::new("xmllint").args(["--nonet", "--noout", "--schema"]).arg(&schema).arg(&file).output();
        let checked = checked.expect("xmllint runs");
        assert!(checked.status.success(), "{}\n{body}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// Every published example and constructed message of FHIR comes back from XML as it went in, numbers by their digits.
#[test]
fn examples_of_fhir_come_back_from_xml() {
    let Some(shared) = testkit::corpus::shared().map(|s| s.join("reference/fhir")) else { return };
    let mut waiting = vec![shared.join("json"), shared.join("mes/constructed-examples")];
    let (mut equal, mut wrong) = (0, Vec::new());
    while let Some(folder) = waiting.pop() {
        for file in std::fs::read_dir(&folder).expect("a folder of examples") {
            let path = file.expect("a file").path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let in_examples =
                path.parent().is_some_and(|p| p.ends_with("example") || p.ends_with("constructed-examples"));
            if !in_examples || path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("text");
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert!(wire_fhir::xml::knows(value["resourceType"].as_str().unwrap_or_default()), "{}", path.display());
            let back = wire_fhir::xml::to_xml(&text).and_then(|xml| {
                wire_fhir::xml::from_xml(xml.as_bytes(), wire_fhir::xml::XmlLimits::of_size(xml.len()))
            });
            match back {
                Ok(back) if serde_json::from_str::<serde_json::Value>(&back).ok() == Some(value) => equal += 1,
                other => wrong.push(format!("{}: {:?}", path.display(), other.err())),
            }
        }
    }
    // Three of the care circle's write an empty string, which is no FHIR.
    assert!(equal >= 110 && wrong.len() <= 3 && wrong.iter().all(|w| w.contains("fr.cds")), "{equal} {wrong:#?}");
}
