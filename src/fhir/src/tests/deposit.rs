//! Putting in and taking out: what went in comes out, and is found, listed and traced.

use axum::{body::Body, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::world::{Document, HOLDER, SYSTEM, World, bundle, find, request};

const PDF: &[u8] = b"%PDF-1.7 not really \x00\xff";

fn location(answer: &Value, entry: usize) -> String {
    answer["entry"][entry]["response"]["location"].as_str().expect("location").to_owned()
}

#[tokio::test]
async fn a_document_goes_in_and_comes_out_byte_for_byte_and_is_found_listed_and_traced() {
    let world = World::new().await;
    let sent = bundle("1.2.250.1.999.1.2.1", &[Document::new("1.2.250.1.999.1.1.1", PDF)]);
    let answer = world.post("medecin", &sent).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.bytes));
    let answer = answer.json();
    assert_eq!(answer["type"], "transaction-response");
    let entries = answer["entry"].as_array().expect("entries");
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|e| e["response"]["status"] == "201"));
    assert!(location(&answer, 0).starts_with("List/") && location(&answer, 0).ends_with("/_history/1"));
    assert!(location(&answer, 1).starts_with("DocumentReference/"));
    assert_eq!(location(&answer, 2), "Binary/1.2.250.1.999.1.1.1");

    let found = world.get("medecin", &find("&type=http://loinc.org%7C11488-4&date=ge2026-03-14")).await.matches();
    assert_eq!(found.len(), 1);
    let attachment = &found[0]["content"][0]["attachment"];
    let url = attachment["url"].as_str().expect("url");
    assert_eq!(url, "https://dmp.test:8443/fhir/Binary/1.2.250.1.999.1.1.1");
    assert_eq!(attachment["size"], PDF.len());
    let path = url.strip_prefix("https://dmp.test:8443").expect("absolute");
    let fetched = world.get("medecin", path).await;
    assert_eq!((fetched.status, fetched.bytes.as_ref()), (StatusCode::OK, PDF));
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-length", "22"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(fetched.headers[name], value, "{name}");
    }

    let id = found[0]["id"].as_str().expect("id");
    let read = world.get("medecin", &format!("/fhir/DocumentReference/{id}")).await;
    assert_eq!(read.json(), found[0]);
    assert_eq!(read.headers["etag"], "W/\"1\"");

    let lists = format!("/fhir/List?patient.identifier={SYSTEM}%7C{HOLDER}&status=current&code=submissionset");
    let lists = world.get("medecin", &lists).await.matches();
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0]["entry"][0]["item"]["reference"], format!("DocumentReference/{id}"));
    let list = format!("/fhir/{}", location(&answer, 0).trim_end_matches("/_history/1"));
    assert_eq!(world.get("medecin", &list).await.json(), lists[0]);

    let traces = format!("/fhir/AuditEvent?patient.identifier={SYSTEM}%7C{HOLDER}");
    let traces = world.get("medecin-traitant", &traces).await.matches();
    let acts: Vec<&str> = traces.iter().filter_map(|t| t["subtype"][0]["code"].as_str()).collect();
    for act in ["deposit", "find", "fetch", "lookup"] {
        assert!(acts.contains(&act), "{act} in {acts:?}");
    }
    let fetch = traces.iter().find(|t| t["subtype"][0]["code"] == "fetch").expect("traced");
    assert_eq!((&fetch["outcome"], &fetch["action"]), (&"0".into(), &"R".into()));
    assert_eq!(fetch["entity"][1]["what"]["identifier"]["value"], "urn:oid:1.2.250.1.999.1.1.1");
}

#[tokio::test]
async fn what_is_sent_again_is_the_same_success_and_with_other_content_a_conflict() {
    let world = World::new().await;
    let sent = bundle("1.2.250.1.999.1.2.1", &[Document::new("1.2.250.1.999.1.1.1", PDF)]);
    let first = world.post("medecin", &sent).await.json();
    let again = world.post("medecin", &sent).await;
    assert_eq!(again.status, StatusCode::OK);
    let again = again.json();
    for entry in 0..3 {
        assert_eq!(again["entry"][entry]["response"]["status"], "200");
        assert_eq!(location(&again, entry), location(&first, entry));
    }
    let other = bundle("1.2.250.1.999.1.2.1", &[Document::new("1.2.250.1.999.1.1.1", b"other")]);
    let refused = world.post("medecin", &other).await;
    assert_eq!(refused.refused(), (409, "non_identical_hash".into(), "Bundle.entry[1].resource".into()));
    assert_eq!(world.get("medecin", &find("")).await.matches().len(), 1);
}

#[tokio::test]
async fn a_replacement_supersedes_and_says_what_it_replaces() {
    let world = World::new().await;
    let sent = bundle("1.2.250.1.999.1.2.1", &[Document::new("1.2.250.1.999.1.1.1", PDF)]);
    let first = world.post("medecin", &sent).await.json();
    let target = location(&first, 1).trim_end_matches("/_history/1").to_owned();
    let mut second = bundle(
        "1.2.250.1.999.1.2.2",
        &[Document { replaces: Some(target.clone()), ..Document::new("1.2.250.1.999.1.1.2", b"v2") }],
    );
    let patch = json!({ "fullUrl": target, "request": { "method": "PATCH", "url": target }, "resource":
        { "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
            { "name": "type", "valueCode": "replace" },
            { "name": "path", "valueString": "DocumentReference.status" },
            { "name": "value", "valueCode": "superseded" }] }] } });
    second["entry"].as_array_mut().expect("entries").push(patch);
    let answer = world.post("medecin", &second).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.bytes));
    assert_eq!(answer.json()["entry"][3]["response"]["status"], "200");
    let current = world.get("medecin", &find("")).await.matches();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["relatesTo"][0]["code"], "replaces");
    assert_eq!(current[0]["relatesTo"][0]["target"]["reference"], target.as_str());
    let by_relation = find(&format!("&relatesto={target}&relation=replaces"));
    assert_eq!(world.get("medecin", &by_relation).await.matches().len(), 1);
    // The replaced one is no longer current, and is not replaced twice.
    let third = bundle(
        "1.2.250.1.999.1.2.3",
        &[Document { replaces: Some(target), ..Document::new("1.2.250.1.999.1.1.3", b"v3") }],
    );
    let refused = world.post("medecin", &third).await;
    let place = "Bundle.entry[1].resource.relatesTo[0]".to_owned();
    assert_eq!(refused.refused(), (409, "replaced_not_approved".into(), place));
}

#[tokio::test]
async fn a_document_known_by_its_identifier_is_replaced_too_and_an_unknown_one_refused() {
    let world = World::new().await;
    world.post("medecin", &bundle("1.2.250.1.999.1.2.1", &[Document::new("1.2.250.1.999.1.1.1", PDF)])).await.json();
    let replacing = |set: &str, target: &str| {
        let mut sent = bundle(set, &[Document::new(&format!("{set}.9"), b"v2")]);
        sent["entry"][1]["resource"]["relatesTo"] = json!([{ "code": "replaces", "target": {
            "identifier": { "system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{target}") } } }]);
        sent
    };
    let unknown = world.post("medecin", &replacing("1.2.250.1.999.1.2.2", "1.2.3")).await;
    assert_eq!(unknown.refused().1, "unknown_association_target");
    let known = world.post("medecin", &replacing("1.2.250.1.999.1.2.3", "1.2.250.1.999.1.1.1")).await;
    assert_eq!(known.status, StatusCode::OK, "{}", String::from_utf8_lossy(&known.bytes));
}

#[tokio::test]
async fn a_large_document_streams_out_and_a_small_one_is_given_as_a_resource_when_asked() {
    let world = World::new().await;
    let large: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
    let sent = bundle(
        "1.2.250.1.999.1.2.1",
        &[Document::new("1.2.250.1.999.1.1.1", &large), Document::new("1.2.250.1.999.1.1.2", PDF)],
    );
    assert_eq!(world.post("medecin", &sent).await.status, StatusCode::OK);
    let fetched = world.get("medecin", "/fhir/Binary/1.2.250.1.999.1.1.1").await;
    assert!(fetched.bytes == large, "identical");
    let fhir = |path: &str| request("GET", "medecin", path).header("accept", "application/fhir+json");
    let small = world.send(fhir("/fhir/Binary/1.2.250.1.999.1.1.2").body(Body::empty()).expect("request")).await;
    let small = small.json();
    assert_eq!(small["contentType"], "application/pdf");
    assert_eq!(STANDARD.decode(small["data"].as_str().expect("data")).expect("base64"), PDF);
    let raw = world.get("medecin", "/fhir/Binary/1.2.250.1.999.1.1.2").await;
    let tag = raw.headers["etag"].clone();
    let again = request("GET", "medecin", "/fhir/Binary/1.2.250.1.999.1.1.2").header("if-none-match", tag);
    let again = world.send(again.body(Body::empty()).expect("request")).await;
    assert_eq!((again.status, again.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
    let head = request("HEAD", "medecin", "/fhir/Binary/1.2.250.1.999.1.1.2").body(Body::empty()).expect("request");
    let head = world.send(head).await;
    assert_eq!((head.status, head.bytes.len()), (StatusCode::OK, 0));
    assert_eq!(head.headers["content-length"], PDF.len().to_string());
    let html = request("GET", "medecin", "/fhir/Binary/1.2.250.1.999.1.1.2").header("accept", "text/html");
    let html = world.send(html.body(Body::empty()).expect("request")).await;
    assert_eq!(html.refused().0, 406);
}

#[tokio::test]
async fn people_as_entries_of_their_own_and_a_set_without_identifier_are_understood() {
    let world = World::new().await;
    let mut sent = bundle("1.2.250.1.999.1.2.1", &[Document::new("1.2.250.1.999.1.1.1", PDF)]);
    sent["entry"][0]["resource"].as_object_mut().expect("List").remove("identifier");
    sent["entry"][0]["resource"]["code"]["coding"][0]["system"] =
        "http://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes".into();
    sent["entry"][1]["resource"]["author"] = json!([{ "reference": "urn:uuid:40000000-0000-4000-8000-000000000000" }]);
    sent["entry"].as_array_mut().expect("entries").push(json!({
        "fullUrl": "urn:uuid:40000000-0000-4000-8000-000000000000",
        "resource": { "resourceType": "Practitioner", "name": [{ "family": "Rpps" }], "identifier": [
            { "system": "https://rpps.esante.gouv.fr", "value": "99900063480" }] },
        "request": { "method": "POST", "url": "Practitioner" } }));
    let first = world.post("medecin", &sent).await.json();
    assert_eq!(first["entry"].as_array().map(Vec::len), Some(4));
    let again = world.post("medecin", &sent).await.json();
    assert_eq!(location(&again, 0), location(&first, 0));
    let found = world.get("medecin", &find("&author.family=rpp")).await.matches();
    assert_eq!(found[0]["contained"][0]["identifier"][0]["value"], "899900063480");
}
