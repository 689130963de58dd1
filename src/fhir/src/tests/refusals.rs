//! Bad input: each a clear outcome with its place, nothing stored, and the next call served.

use std::time::Duration;

use axum::{body::Body, http::StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::world::{Document, OTHER, SYSTEM, World, bundle, find, request};
use crate::FhirLimits;

fn sound() -> Value {
    bundle("1.2.250.1.999.1.2.1", &[Document::new("1.2.250.1.999.1.1.1", b"sound")])
}

/// A bundle broken in one way.
fn broken(how: impl FnOnce(&mut Value)) -> Value {
    let mut sent = sound();
    how(&mut sent["entry"]);
    sent
}

#[tokio::test]
async fn who_calls_is_asked_before_anything_else() {
    let world = World::new().await;
    for path in [
        "/fhir/DocumentReference?nonsense=1",
        "/fhir/List",
        "/fhir/Binary/x",
        "/fhir/Patient",
        "/fhir/AuditEvent",
        "/fhir/DocumentReference/1",
    ] {
        let refused = world.get("", path).await;
        assert_eq!(
            (refused.status, refused.refused().1),
            (StatusCode::UNAUTHORIZED, "bearer_missing".into()),
            "{path}"
        );
        assert_eq!(refused.headers["www-authenticate"], "Bearer realm=\"passerelle\"");
    }
    assert_eq!(world.post_bytes("", "no JSON").await.status, StatusCode::UNAUTHORIZED);
    let refused = world.get("menteur", &find("")).await;
    assert_eq!(refused.refused().1, "bearer_invalid");
    assert!(refused.headers["www-authenticate"].to_str().expect("text").contains("invalid_token"));
}

#[tokio::test]
async fn a_body_that_is_no_bundle_is_refused_with_its_place() {
    let world = World::new().await;
    let cases: Vec<(String, u16, &str, &str)> = vec![
        ("".into(), 400, "bundle_missing", ""),
        ("{\"resourceType\":\"Bundle\"".into(), 400, "malformed_json", "Bundle"),
        ("{\"resourceType\":\"Bundle\",\"type\":1,\"type\":2}".into(), 400, "malformed_json", "Bundle.type"),
        ("[".repeat(10_000), 400, "xml_too_deep", ""),
        (json!({ "resourceType": "Patient" }).to_string(), 422, "resource_invalid", "Bundle"),
        (json!({ "resourceType": "Bundle", "type": "batch" }).to_string(), 422, "resource_invalid", "Bundle.type"),
        (
            json!({ "resourceType": "Bundle", "type": "transaction" }).to_string(),
            422,
            "empty_submission",
            "Bundle.entry",
        ),
    ];
    for (body, status, code, place) in cases {
        let refused = world.post_bytes("medecin", body.clone()).await.refused();
        assert_eq!((refused.0, refused.1.as_str()), (status, code), "{}", &body[..body.len().min(60)]);
        assert!(place.is_empty() || refused.2 == place, "{} {place}", refused.2);
    }
    assert_eq!(world.post("medecin", &sound()).await.status, StatusCode::OK, "the next call is served");
}

#[tokio::test]
async fn what_is_wrong_in_a_bundle_is_told_by_its_fhirpath_and_nothing_is_stored() {
    let world = World::new().await;
    let r = "Bundle.entry[1].resource";
    let cases: Vec<(Value, u16, &str, String)> = vec![
        (broken(|e| e[1]["resource"]["titel"] = "x".into()), 422, "resource_invalid", format!("{r}.titel")),
        (broken(|e| e[1]["resource"]["status"] = "final".into()), 422, "resource_invalid", r.into()),
        (broken(|e| e[1]["resource"]["status"] = "superseded".into()), 422, "resource_invalid", format!("{r}.status")),
        (
            broken(|e| e[1]["resource"]["author"][0]["reference"] = "#x".into()),
            422,
            "resource_invalid",
            format!("{r}.author[0]"),
        ),
        (
            broken(|e| e[1]["resource"]["content"][0]["attachment"]["url"] = "urn:x".into()),
            422,
            "missing_document",
            format!("{r}.content[0].attachment.url"),
        ),
        (
            broken(|e| e[1]["resource"]["content"][0]["attachment"]["hash"] = "AAAA".into()),
            422,
            "metadata_hash",
            format!("{r}.content[0].attachment.hash"),
        ),
        (
            broken(|e| {
                e[1]["resource"]["context"]["related"] =
                    json!([{ "identifier": { "system": "urn:oid:1.2.3", "value": "7" } }]);
            }),
            422,
            "metadata_reference_id",
            format!("{r}.context.related[0].identifier.type"),
        ),
        (
            broken(|e| e[1]["resource"]["content"][0]["attachment"]["hash"] = "2jmj7l5rSw0yVb/vlWAYkK/YBwk=".into()),
            409,
            "non_identical_hash",
            r.into(),
        ),
        (
            broken(|e| e[1]["resource"]["content"][0]["attachment"]["size"] = 6.into()),
            422,
            "non_identical_size",
            r.into(),
        ),
        (
            broken(|e| e[1]["resource"]["type"]["coding"][0]["code"] = "0-0".into()),
            422,
            "unknown_document_type",
            r.into(),
        ),
        (
            broken(|e| e[1]["resource"]["modifierExtension"] = json!([{ "url": "u", "valueBoolean": true }])),
            422,
            "resource_invalid",
            format!("{r}.modifierExtension"),
        ),
        (broken(|e| e[1]["resource"]["masterIdentifier"]["value"] = "x".into()), 422, "unique_id_invalid", r.into()),
        (
            broken(|e| e[1]["resource"]["subject"]["identifier"]["value"] = "279035121518988".into()),
            422,
            "",
            String::new(),
        ),
        (
            broken(|e| e[1]["resource"]["subject"]["identifier"]["value"] = OTHER.into()),
            403,
            "patient_mismatch",
            format!("{r}.subject"),
        ),
        (
            broken(|e| e[1]["request"]["method"] = "PUT".into()),
            422,
            "resource_invalid",
            "Bundle.entry[1].request.method".into(),
        ),
        (
            broken(|e| e[1]["request"]["url"] = "Patient".into()),
            422,
            "resource_invalid",
            "Bundle.entry[1].request.url".into(),
        ),
        (
            broken(|e| e[2]["resource"]["data"] = "***".into()),
            422,
            "resource_invalid",
            "Bundle.entry[2].resource.data".into(),
        ),
        (
            broken(|e| {
                e[2]["resource"].as_object_mut().expect("Binary").remove("data");
            }),
            422,
            "missing_document",
            "Bundle.entry[2].resource.data".into(),
        ),
        (
            broken(|e| e[0]["resource"]["code"]["coding"][0]["code"] = "folder".into()),
            422,
            "resource_invalid",
            "Bundle.entry[0].resource.code".into(),
        ),
        (
            broken(|e| e[0]["resource"]["entry"][0]["item"]["reference"] = "DocumentReference/9".into()),
            422,
            "unknown_association_target",
            "Bundle.entry[0].resource.entry[0].item".into(),
        ),
        (
            broken(|e| {
                e.as_array_mut().expect("entries").remove(0);
            }),
            422,
            "resource_invalid",
            "Bundle.entry".into(),
        ),
        (
            broken(|e| {
                e.as_array_mut().expect("entries").remove(1);
            }),
            422,
            "",
            String::new(),
        ),
        (
            broken(|e| {
                e.as_array_mut().expect("entries").push(json!({ "resource": { "resourceType": "Basic",
            "code": { "text": "x" } }, "request": { "method": "POST", "url": "Basic" } }))
            }),
            422,
            "resource_invalid",
            "Bundle.entry[3].resource".into(),
        ),
    ];
    for (number, (sent, status, code, place)) in cases.into_iter().enumerate() {
        let answer = world.post("medecin", &sent).await;
        let refused = answer.refused();
        // A wrong key passes for numbers of test: the holder is then another than the credential's.
        if code.is_empty() {
            assert!(answer.status.is_client_error(), "{number}");
        } else {
            assert_eq!(refused, (status, code.to_owned(), place), "case {number}");
        }
    }
    assert_eq!(world.get("medecin", &find("")).await.matches().len(), 0, "nothing stored");
}

#[tokio::test]
async fn several_wrong_things_are_told_at_once() {
    let world = World::new().await;
    let sent = broken(|e| {
        e[0]["resource"].as_object_mut().expect("List").remove("date");
        e[1]["resource"]["author"][0]["reference"] = "#x".into();
        e[1]["resource"].as_object_mut().expect("reference").remove("masterIdentifier");
    });
    assert!(world.post("medecin", &sent).await.causes().len() >= 3);
}

#[tokio::test]
async fn forms_that_are_not_served_are_refused() {
    let world = World::new().await;
    let turtle = request("GET", "medecin", &find("")).header("accept", "text/turtle");
    let turtle = world.send(turtle.body(Body::empty()).expect("request")).await;
    assert_eq!(turtle.refused(), (406, "format_not_served".into(), String::new()));
    assert_eq!(world.get("medecin", &find("&_format=ttl")).await.refused().0, 406);
    assert_eq!(world.get("medecin", &find("&_format=application/fhir+json")).await.status, StatusCode::OK);
    let body = request("POST", "medecin", "/fhir").header("content-type", "text/turtle");
    let body = world.send(body.body(Body::from("a fhir:Bundle")).expect("request")).await;
    assert_eq!(body.refused(), (415, "wrong_content_type".into(), String::new()));
    assert_eq!(world.get("medecin", "/fhir/Encounter").await.refused().1, "route_unknown");
    let wrong = request("DELETE", "medecin", "/fhir/DocumentReference/1").body(Body::empty()).expect("request");
    assert_eq!(world.send(wrong).await.refused().0, 405);
    assert_eq!(world.get("medecin", "/fhir").await.refused().0, 405);
    assert_eq!(world.get("medecin", "/fhir/").await.refused().0, 405);
    let unknown = world.get("medecin", "/fhir/DocumentReference/f81d4fae-7dec-11d0-a765-00a0c91e6bf6").await;
    assert_eq!(unknown.refused().0, 404);
    assert_eq!(world.get("medecin", "/fhir/Binary/1.2.3").await.refused().0, 404);
}

#[tokio::test]
async fn the_base_may_end_with_a_slash_and_metadata_ask_for_no_credential() {
    let world = World::new().await;
    let posted = request("POST", "medecin", "/fhir/").header("content-type", "application/fhir+json; charset=utf-8");
    let posted = world.send(posted.body(Body::from(sound().to_string())).expect("request")).await;
    assert_eq!(posted.status, StatusCode::OK, "{}", String::from_utf8_lossy(&posted.bytes));
    let metadata = world.get("", "/fhir/metadata").await.json();
    assert_eq!(metadata["implementation"]["url"], "https://dmp.test:8443/fhir");
    assert_eq!(world.get("", "/fhir/metadata?_format=ttl").await.refused().0, 406);
}

#[tokio::test]
async fn a_body_too_large_or_too_slow_is_refused() {
    let limits = FhirLimits { body: 1000, body_timeout: Duration::from_millis(100), ..FhirLimits::default() };
    let world = World::with(limits).await;
    assert_eq!(world.post("medecin", &sound()).await.refused().0, 413);
    let chunks = futures::stream::iter((0..50).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 100]))));
    assert_eq!(world.post_bytes("medecin", Body::from_stream(chunks)).await.refused().0, 413);
    let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
    let slow = world.post_bytes("medecin", Body::from_stream(never)).await;
    assert_eq!(slow.refused(), (408, "timed_out".into(), String::new()));
    let cut = futures::stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
    assert_eq!(world.post_bytes("medecin", Body::from_stream(cut)).await.refused().1, "truncated");
}

#[tokio::test]
async fn a_blocked_or_foreign_depositor_is_refused() {
    let world = World::new().await;
    assert_eq!(world.post("bloque", &sound()).await.refused(), (403, "blocked".into(), String::new()));
    let foreign = world.post(&format!("medecin@{OTHER}"), &sound()).await;
    assert_eq!((foreign.status, foreign.refused().1), (StatusCode::FORBIDDEN, "patient_mismatch".into()));
    let foreign = world.get(&format!("medecin@{OTHER}"), &find("")).await;
    assert_eq!(foreign.refused().1, "patient_mismatch");
    let nobody = "124018852493334";
    let mut sent = sound();
    for entry in 0..2 {
        sent["entry"][entry]["resource"]["subject"] = json!({ "identifier": { "system": SYSTEM, "value": nobody } });
    }
    let unknown = world.post(&format!("medecin@{nobody}"), &sent).await;
    assert_eq!((unknown.status, unknown.refused().1), (StatusCode::NOT_FOUND, "unknown_holder".into()));
}
