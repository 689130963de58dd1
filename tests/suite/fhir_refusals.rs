//! What the FHIR face refuses: each with its status, cause and place, a trace where the caller is known, nothing stored,
//! and the connection usable afterwards.

use std::time::Duration;

use serde_json::{Value, json};
use space::{Ins, InsOid, InsTolerance};
use testkit::{Credentials, Gateway, GatewayOptions, TestDocument};

use crate::{
    fhir_bundle::{FHIR, FhirCaller, SYSTEM, bundle, matches, outcome, refused},
    support::{newest, stored},
};

const CURRENT: &str = "&status=current";

/// The newest event of an act is a refusal for this cause, and came by FHIR.
#[track_caller]
fn traced(gateway: &Gateway, ins: &str, act: &str, cause: &str) {
    let event = newest(gateway, ins, act);
    assert_eq!((&event["outcome"], &event["cause"]), (&"refused".into(), &cause.into()), "{event:#}");
}

#[tokio::test]
async fn a_call_without_a_bearer_of_its_own_card_is_refused() {
    let gateway = Gateway::start();
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let path = format!("/fhir/DocumentReference?patient.identifier={SYSTEM}%7C{}{CURRENT}", physician.ins);
    let reply = physician.client.get(&path, &[]).await;
    refused(&reply, 401, "bearer_missing");
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"passerelle\"");
    for (authorization, cause) in [("Bearer x.y.z", "bearer_invalid"), ("Basic eDp5", "bearer_missing")] {
        refused(&physician.client.get(&path, &[("authorization", authorization)]).await, 401, cause);
    }
    let stolen = FhirCaller::of(&gateway, "medecin-traitant", 0).bearer;
    let good = std::mem::replace(&mut physician.bearer, stolen);
    refused(&physician.find(CURRENT).await, 401, "peer_mismatch");
    let (head, signature) = good.rsplit_once('.').expect("a signature");
    let changed = if signature.starts_with('A') { 'B' } else { 'A' };
    physician.bearer = format!("{head}.{changed}{}", &signature[1..]);
    refused(&physician.find(CURRENT).await, 401, "signature_invalid");
    physician.bearer = good;
    assert!(!matches(&physician.find(CURRENT).await).is_empty());
    assert_eq!(physician.client.connections, 1, "the connection stays usable");
}

#[tokio::test]
async fn a_bearer_out_of_its_time_is_refused() {
    let gateway = Gateway::start();
    let shifted = |seconds: i64| {
        FhirCaller::with(&gateway, "medecin", 0, |c: &mut Credentials| {
            c.request.issued += jiff::SignedDuration::from_secs(seconds);
            c.request.validity = Some(Duration::from_secs(60));
        })
    };
    let reply = shifted(-3600).find(CURRENT).await;
    refused(&reply, 401, "assertion_expired");
    assert!(reply.header("www-authenticate").contains("invalid_token"));
    refused(&shifted(3600).find(CURRENT).await, 401, "assertion_not_yet_valid");
}

/// A sound bundle broken in one way.
fn broken(ins: &str, how: impl FnOnce(&mut Value)) -> String {
    let mut sent = bundle(ins, &testkit::oid(), &[TestDocument::biology()]);
    how(&mut sent["entry"]);
    sent.to_string()
}

#[tokio::test]
async fn a_bundle_that_cannot_be_taken_is_traced_and_leaves_nothing() {
    let gateway = Gateway::start();
    let before = stored(&gateway);
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let ins = physician.ins.clone();
    let r = "Bundle.entry[1].resource";
    let cases: Vec<(String, u16, &str, String)> = vec![
        ("{".into(), 400, "malformed_json", "Bundle".into()),
        ("[".repeat(10_000), 400, "xml_too_deep", String::new()),
        (json!({ "resourceType": "Patient" }).to_string(), 422, "resource_invalid", "Bundle".into()),
        (
            broken(&ins, |e| e[1]["resource"]["content"][0]["attachment"]["titel"] = "x".into()),
            422,
            "resource_invalid",
            format!("{r}.content[0].attachment.titel"),
        ),
        (
            broken(&ins, |e| e[1]["resource"]["type"]["coding"][0]["code"] = "0-0".into()),
            422,
            "unknown_document_type",
            String::new(),
        ),
        (broken(&ins, |e| e[2]["resource"]["data"] = "?".into()), 422, "resource_invalid", String::new()),
        (
            broken(&ins, |e| {
                let _ = e.as_array_mut().expect("entries").pop();
            }),
            422,
            "missing_document",
            format!("{r}.content[0].attachment.url"),
        ),
        (
            broken(&ins, |e| e[1]["resource"]["content"][0]["attachment"]["size"] = 1.into()),
            422,
            "non_identical_size",
            String::new(),
        ),
        (
            broken(&ins, |e| e[1]["resource"]["subject"]["identifier"]["value"] = gateway.ins(1).into()),
            403,
            "patient_mismatch",
            format!("{r}.subject"),
        ),
    ];
    for (body, status, cause, place) in cases {
        let reply = physician.post_bytes(FHIR, body).await;
        let (found, code, at) = outcome(&reply);
        assert_eq!((found, code.as_str()), (status, cause), "{}", reply.text());
        assert!(place.is_empty() || at == place, "{cause}: at {at}, not {place}");
        traced(&gateway, &ins, "deposit", cause);
    }
    let reply = physician.post_bytes("text/turtle", "a fhir:Bundle").await;
    refused(&reply, 415, "wrong_content_type");
    assert_eq!(stored(&gateway), before, "nothing is stored");
    let _ = physician.put(&TestDocument::biology()).await;
    assert_eq!(physician.client.connections, 1, "the connection stays usable");
}

#[tokio::test]
async fn a_search_that_cannot_be_understood_is_traced() {
    let gateway = Gateway::start();
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let ins = physician.ins.clone();
    let lists = format!("List?patient.identifier={SYSTEM}%7C{ins}");
    for (path, cause, place) in [
        ("", "query_parameter_missing", "http.status"),
        ("&status=current&nonsense=1", "query_parameter_unknown", "http.nonsense"),
        ("&status=final", "query_parameter_invalid", "http.status"),
        ("&status=current&date=hier", "query_parameter_invalid", "http.date"),
        ("&status=current&_count=x", "query_parameter_invalid", "http._count"),
    ] {
        let reply = physician.find(path).await;
        assert_eq!(outcome(&reply), (400, cause.to_owned(), place.to_owned()), "{path}");
        traced(&gateway, &ins, "find", cause);
    }
    refused(&physician.find("&status=%zz").await, 400, "query_parameter_invalid");
    traced(&gateway, &ins, "find", "query_parameter_invalid");
    refused(&physician.get(&lists).await, 400, "query_parameter_missing");
    traced(&gateway, &ins, "find", "query_parameter_missing");
    refused(&physician.get(&format!("{lists}&code=submissionset&status=x")).await, 400, "query_parameter_invalid");
    traced(&gateway, &ins, "find", "query_parameter_invalid");
    assert!(!matches(&physician.find(CURRENT).await).is_empty());
}

#[tokio::test]
async fn a_bundle_over_the_configured_size_is_refused() {
    let gateway = Gateway::with(GatewayOptions::default().with("LIMITS__BUNDLE_BYTES", "20000"));
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let large = TestDocument::of(vec![b'x'; 100_000], "11502-2", "10");
    let reply = physician.deposit(&large).await;
    refused(&reply, 413, "too_large");
    traced(&gateway, &physician.ins, "deposit", "too_large");
    assert_eq!(stored(&gateway), before);
    let _ = physician.put(&TestDocument::biology()).await;
}

#[tokio::test]
async fn forms_routes_and_methods_not_served_are_said_so() {
    let gateway = Gateway::start();
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let bearer = physician.bearer.clone();
    let path = format!("/fhir/DocumentReference?patient.identifier={SYSTEM}%7C{}{CURRENT}", physician.ins);
    let turtle = [("authorization", bearer.as_str()), ("accept", "text/turtle")];
    refused(&physician.client.get(&path, &turtle).await, 406, "format_not_served");
    refused(&physician.find("&status=current&_format=ttl").await, 406, "format_not_served");
    for unknown in ["Encounter", "DocumentReference/x/y", "$everything"] {
        refused(&physician.get(unknown).await, 404, "route_unknown");
    }
    refused(&physician.get("DocumentReference/00000000-0000-4000-8000-000000000000").await, 404, "unknown_document");
    for (method, path) in [("DELETE", "/fhir/Binary/1.2.3"), ("PUT", "/fhir/List/1"), ("GET", "/fhir")] {
        let sent = testkit::client::request(method, path, &[("authorization", &bearer)], testkit::client::full(""));
        refused(&physician.client.send(sent).await.expect("an answer"), 405, "method_not_served");
    }
}

#[tokio::test]
async fn an_ins_nobody_bears_and_one_with_a_wrong_key_are_refused() {
    let gateway = Gateway::start();
    let key = space::ins::key_of("1800175123456").expect("a key");
    let ins = format!("1800175123456{key:02}");
    let before = stored(&gateway);
    let mut physician = FhirCaller::with(&gateway, "medecin", 0, |c| {
        c.request.patient = Ins::parse(&ins, InsOid::NirTest, InsTolerance::Strict).ok();
    });
    let known = std::mem::replace(&mut physician.ins, ins);
    refused(&physician.find(CURRENT).await, 404, "unknown_holder");
    refused(&physician.deposit(&TestDocument::biology()).await, 404, "unknown_holder");
    refused(&physician.binary("1.2.3").await, 404, "unknown_holder");
    let path = format!("Patient?identifier={SYSTEM}%7C{}", physician.ins);
    assert!(matches(&physician.get(&path).await).is_empty(), "an empty answer is the answer");

    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let number: u8 = known[13..].parse().expect("a key");
    physician.ins = format!("{}{:02}", &known[..13], number % 97 + 1);
    refused(&physician.find(CURRENT).await, 422, "ins_key_wrong");
    traced(&gateway, &known, "find", "ins_key_wrong");
    refused(&physician.deposit(&TestDocument::biology()).await, 422, "ins_key_wrong");
    traced(&gateway, &known, "deposit", "ins_key_wrong");
    assert_eq!(stored(&gateway), before);
}

#[tokio::test]
async fn a_read_that_is_refused_leaves_its_trace() {
    let gateway = Gateway::start();
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let ins = physician.ins.clone();
    let document = gateway.demo["holders"][0]["documents"][0].as_str().expect("a document").to_owned();
    let cases = [
        ("/fhir/DocumentReference/no-id-of-ours".to_owned(), "*/*", 404, "lookup", "unknown_document"),
        ("/fhir/DocumentReference/x?_format=ttl".to_owned(), "*/*", 406, "lookup", "format_not_served"),
        ("/fhir/List/no-id-of-ours".to_owned(), "*/*", 404, "find", "unknown_document"),
        ("/fhir/Patient/somebody-else".to_owned(), "*/*", 404, "identify", "unknown_holder"),
        (format!("/fhir/Binary/{document}"), "image/png", 406, "fetch", "format_not_served"),
    ];
    for (path, accept, status, act, cause) in cases {
        let authorization = physician.bearer.clone();
        let headers = [("authorization", authorization.as_str()), ("accept", accept)];
        refused(&physician.client.get(&path, &headers).await, status, cause);
        traced(&gateway, &ins, act, cause);
    }
}
