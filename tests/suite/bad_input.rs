//! What is not a message of its protocol: each gets a clear error, a trace where an actor is known, stores nothing and
//! leaves the connection usable.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use space::{Ins, InsOid, InsTolerance};
use testkit::{
    Gateway, GatewayOptions, Reply, TestDocument,
    client::{full, request, streamed},
    soap::{self, Deposit},
};

use crate::support::{Caller, SOAP, faulted, newest, refused, stored, succeeded};

const ITI41: &str = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";
const ITI18: &str = "urn:ihe:iti:2007:RegistryStoredQuery";

/// Nothing more is stored than `before`, and the caller goes on by the same connection.
async fn unharmed(gateway: &Gateway, caller: &mut Caller, before: u64) {
    assert_eq!(stored(gateway), before);
    caller.put(&TestDocument::biology()).await;
    assert_eq!(caller.client.connections, 1, "the connection is usable afterwards");
}

/// The newest act of a kind was refused for this cause.
#[track_caller]
fn traced(gateway: &Gateway, ins: &str, act: &str, cause: &str) {
    let event = newest(gateway, ins, act);
    assert_eq!((&event["outcome"], &event["cause"]), (&"refused".into(), &cause.into()), "{event}");
    assert_eq!(event["who"]["id"], "899900000101", "{event}");
}

#[tokio::test]
async fn what_is_not_xml_is_refused_with_its_place() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let good = soap::envelope(ITI18, &physician.vihf, &soap::find_documents(&physician.ins, soap::APPROVED, ""));
    let doctype = r#"<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>"#;
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    for (body, cause) in [
        (String::new(), "malformed_xml"),
        ("bonjour".to_owned(), "malformed_xml"),
        (good[..good.len() / 2].to_owned(), "malformed_xml"),
        (good.replace("</soap:Body>", "</soap:Bodi>"), "malformed_xml"),
        (good.replace("<soap:Body>", "<soap:Body>\u{1}"), "malformed_xml"),
        (format!("{good}<a/>"), "malformed_xml"),
        (format!("{doctype}{good}"), "dtd_forbidden"),
        (good.replace("<soap:Body>", &format!("<soap:Body>{deep}")), "xml_too_deep"),
        (deep, "xml_too_deep"),
        ("<a/>".to_owned(), "version_mismatch"),
        (good.replace("soap-envelope", "soap-envelope/2030"), "version_mismatch"),
        (good.replace("soap:Body>", "soap:Bodies>"), "malformed_soap"),
    ] {
        let reply = physician.post_envelope(soap::REGISTRY, body).await;
        let status = if cause == "version_mismatch" { 500 } else { 400 };
        faulted(&reply, status, cause);
    }
    let latin = good.replace("Libellé", "x").into_bytes();
    let reply = physician.post_envelope(soap::REGISTRY, [latin.as_slice(), b"\xe9\xff"].concat()).await;
    faulted(&reply, 400, "malformed_xml");
    let header = r#"<x:Pay xmlns:x="urn:x" soap:mustUnderstand="true"/></soap:Header>"#;
    let reply = physician.post_envelope(soap::REGISTRY, good.replace("</soap:Header>", header)).await;
    assert_eq!(soap::fault_code(&reply.text()).as_deref(), Some("must_understand"));
    unharmed(&gateway, &mut physician, before).await;
}

#[tokio::test]
async fn a_package_that_is_cut_short_is_refused_and_traced() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let (_, message) = Deposit::one(&physician.ins, TestDocument::biology()).message(&physician.vihf);
    let part = message.windows(14).rposition(|w| w == b"\r\n\r\n<?xml vers").expect("the document's part");
    // In the envelope, before the document, in it, and before the last dashes.
    for (length, known) in [(700, false), (part - 30, true), (part + 40, true), (message.len() - 6, true)] {
        faulted(&physician.post_package(message[..length].to_vec()).await, 400, "truncated");
        if known {
            traced(&gateway, &physician.ins, "deposit", "truncated");
        }
    }
    let bare = message.replace_first("----=_Part", "----=_Other");
    assert_eq!(physician.post_package(bare).await.status, 400);
    unharmed(&gateway, &mut physician, before).await;
}

trait ReplaceFirst {
    fn replace_first(&self, from: &str, to: &str) -> Vec<u8>;
}

impl ReplaceFirst for Vec<u8> {
    fn replace_first(&self, from: &str, to: &str) -> Self {
        String::from_utf8_lossy(self).replacen(from, to, 1).into_bytes()
    }
}

#[tokio::test]
async fn a_wrong_content_type_method_path_or_action_is_said_so() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let query = soap::find_documents(&physician.ins, soap::APPROVED, "");
    let good = soap::envelope(ITI18, &physician.vihf, &query);
    for kind in ["text/plain", "application/json", "multipart/related", "multipart/form-data; boundary=x", "soap", ""] {
        let reply = physician.client.post(soap::REGISTRY, &[("content-type", kind)], good.clone()).await;
        faulted(&reply, 415, "wrong_content_type");
    }
    faulted(&physician.client.post(soap::REGISTRY, &[], good.clone()).await, 415, "wrong_content_type");
    let reply = physician.client.get(soap::REGISTRY, &[]).await;
    faulted(&reply, 405, "method_not_served");
    assert_eq!(reply.header("allow"), "POST");
    let path = "/si-dmp-server/v2/services/nothing";
    assert_eq!(physician.client.post(path, &[("content-type", SOAP)], good.clone()).await.status, 404);
    // The message of one service at the other, and an action that is not its body's.
    faulted(&physician.post_envelope(soap::REPOSITORY, good.clone()).await, 400, "unknown_action");
    traced(&gateway, &physician.ins, "find", "unknown_action");
    let other = soap::envelope("urn:ihe:iti:2007:RetrieveDocumentSet", &physician.vihf, &query);
    faulted(&physician.post_envelope(soap::REGISTRY, other).await, 400, "unknown_action");
    let none = soap::envelope("urn:x", &physician.vihf, r#"<Rien xmlns="urn:x"/>"#);
    faulted(&physician.post_envelope(soap::REGISTRY, none).await, 400, "unknown_action");
    unharmed(&gateway, &mut physician, before).await;
}

#[tokio::test]
async fn parts_and_entries_that_do_not_match_are_refused_and_traced() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let bytes = deposit.documents[0].body.clone();
    let envelope = |vihf: &str, body: &str| soap::envelope(ITI41, vihf, body);
    let body = deposit.body();
    let whole = envelope(&physician.vihf, &body);

    refused(&physician.post_package(soap::package(&whole, &[])).await, "XDSMissingDocument", "missing_part");
    traced(&gateway, &physician.ins, "deposit", "missing_part");
    refused(&physician.post_envelope(soap::REPOSITORY, whole.clone()).await, "XDSMissingDocument", "missing_part");

    let two = soap::package(&whole, &[("text/xml", &bytes), ("text/xml", b"<more/>")]);
    let reply = physician.post_package(two).await;
    faulted(&reply, 400, "malformed_multipart");
    assert!(reply.text().contains("1@test"), "the part is named: {}", reply.text());
    traced(&gateway, &physician.ins, "deposit", "malformed_multipart");

    let no_document = crate::iti41::cut(&body, "<ns4:Document ", "</ns4:Document>");
    let reply = physician.post_envelope(soap::REPOSITORY, envelope(&physician.vihf, &no_document)).await;
    refused(&reply, "XDSMissingDocument", "missing_document");
    let no_entry = crate::iti41::cut(&body, "<ExtrinsicObject ", "</ExtrinsicObject>");
    let package = soap::package(&envelope(&physician.vihf, &no_entry), &[("text/xml", &bytes)]);
    refused(&physician.post_package(package).await, "XDSMissingDocumentMetadata", "missing_document_metadata");
    traced(&gateway, &physician.ins, "deposit", "missing_document_metadata");
    unharmed(&gateway, &mut physician, before).await;
}

#[tokio::test]
async fn a_document_over_the_size_accepted_is_refused_and_the_next_goes_in() {
    let options = GatewayOptions::default().with("LIMITS__DOCUMENT_BYTES", "100000");
    let gateway = Gateway::with(options);
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    for length in [100_001, 1_000_000] {
        let document = TestDocument::of(crate::iti41::noise(length), "11502-2", "10");
        let reply = physician.deposit(&document).await;
        faulted(&reply, 413, "too_large");
        assert!(reply.text().contains("0@test"), "the part is named: {}", reply.text());
        traced(&gateway, &physician.ins, "deposit", "too_large");
    }
    physician.put(&TestDocument::of(crate::iti41::noise(100_000), "11502-2", "10")).await;
    unharmed(&gateway, &mut physician, before + 1).await;
}

#[tokio::test]
async fn an_envelope_over_the_size_accepted_is_refused() {
    let gateway = Gateway::with(GatewayOptions::default().with("LIMITS__ENVELOPE_BYTES", "60000"));
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let long = format!("<a>{}</a>", "x".repeat(700_000));
    faulted(&physician.post_envelope(soap::REGISTRY, long.clone()).await, 413, "too_large");
    faulted(&physician.post_package(soap::package(&long, &[])).await, 413, "too_large");
    let kind = [("content-type", "text/plain")];
    let reply = physician.client.post(soap::REGISTRY, &kind, "x".repeat(1_000_000)).await;
    faulted(&reply, 415, "wrong_content_type");
    unharmed(&gateway, &mut physician, before).await;
}

/// A message whose document goes on as `tail` says.
async fn unending(
    physician: &mut Caller,
    tail: impl futures::Stream<Item = Result<Bytes, std::io::Error>> + Send + Sync + 'static,
) -> Reply {
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let envelope = soap::envelope(ITI41, &physician.vihf, &deposit.body());
    let mut head = soap::package_head(&envelope);
    head.extend_from_slice(soap::part_head(0, "text/xml").as_bytes());
    let body = streamed(futures::stream::iter([Ok(Bytes::from(head))]).chain(tail));
    let message = request("POST", soap::REPOSITORY, &[("content-type", &soap::content_type())], body);
    physician.client.send(message).await.expect("an answer")
}

#[tokio::test]
async fn a_part_that_never_ends_is_refused_at_the_size_accepted() {
    let gateway = Gateway::with(GatewayOptions::default().with("LIMITS__DOCUMENT_BYTES", "1000000"));
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let (mut sender, endless) = futures::channel::mpsc::channel(1);
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![b'x'; 16384]);
        // Until the other side of the channel is given up.
        while futures::SinkExt::send(&mut sender, Ok(chunk.clone())).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let began = std::time::Instant::now();
    let reply = unending(&mut physician, endless).await;
    assert!(began.elapsed() < Duration::from_secs(15), "it is read on without bound: {:?}", began.elapsed());
    faulted(&reply, 413, "too_large");
    traced(&gateway, &physician.ins, "deposit", "too_large");
    assert_eq!(stored(&gateway), before);
    physician.put(&TestDocument::biology()).await;
}

#[tokio::test]
async fn a_message_that_falls_silent_is_refused_in_time() {
    let gateway = Gateway::with(GatewayOptions::default().with("LIMITS__IDLE_S", "1"));
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let began = std::time::Instant::now();
    let reply = unending(&mut physician, futures::stream::pending()).await;
    faulted(&reply, 408, "timed_out");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    traced(&gateway, &physician.ins, "deposit", "timed_out");
    let silent = request("POST", soap::REGISTRY, &[("content-type", SOAP)], streamed(futures::stream::pending()));
    faulted(&physician.client.send(silent).await.expect("an answer"), 408, "timed_out");
    assert_eq!(stored(&gateway), before);
    physician.put(&TestDocument::biology()).await;
}

#[tokio::test]
async fn an_ins_nobody_bears_is_said_unknown_and_traced() {
    let gateway = Gateway::start();
    let key = space::ins::key_of("1800175123456").expect("a key");
    let ins = format!("1800175123456{key:02}");
    let mut physician = Caller::with(&gateway, "medecin", 0, |c| {
        c.request.patient = Ins::parse(&ins, InsOid::NirTest, InsTolerance::Strict).ok();
    });
    let before = stored(&gateway);
    let events = || {
        let report: serde_json::Value = serde_json::from_str(&gateway.command(&["verify"])).expect("a report");
        report["events"].as_u64().expect("a number")
    };
    let known = std::mem::replace(&mut physician.ins, ins);
    let traced = events();
    refused(&physician.deposit(&TestDocument::biology()).await, "XDSUnknownPatientId", "unknown_holder");
    refused(&physician.find("").await, "XDSUnknownPatientId", "unknown_holder");
    refused(&physician.retrieve("1.2.3").await, "XDSUnknownPatientId", "unknown_holder");
    assert_eq!(events(), traced + 3, "each leaves a trace");
    physician.ins = known;
    physician.vihf = Caller::of(&gateway, "medecin", 0).vihf;
    unharmed(&gateway, &mut physician, before).await;
}

#[tokio::test]
async fn a_wrong_key_of_an_ins_is_refused_wherever_it_stands() {
    let gateway = Gateway::with(GatewayOptions::default().with("IDENTITY__INS_KEY", "strict"));
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let wrong = format!("{}99", &physician.ins[..13]);
    let deposit = Deposit::one(&wrong, TestDocument::biology());
    refused(&physician.send(&deposit).await, "XDSRegistryMetadataError", "ins_key_wrong");
    let query = soap::find_documents(&wrong, soap::APPROVED, "");
    refused(&physician.query(&query).await, "XDSRegistryMetadataError", "ins_key_wrong");
    traced(&gateway, &physician.ins, "find", "ins_key_wrong");
    let good = physician.vihf.clone();
    physician.vihf = Caller::with(&gateway, "medecin", 0, |c| {
        c.request.patient = Ins::parse(&wrong, InsOid::NirTest, InsTolerance::Test).ok();
    })
    .vihf;
    faulted(&physician.find("").await, 400, "ins_key_wrong");
    physician.vihf = good;
    unharmed(&gateway, &mut physician, before).await;
}

#[tokio::test]
async fn the_same_call_goes_through_after_a_client_hung_up_in_the_middle() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let deposit = Deposit::one(&physician.ins, TestDocument::biology());
    let (content_type, message) = deposit.message(&physician.vihf);
    let half = Bytes::copy_from_slice(&message[..message.len() - 100]);
    let breaks = futures::stream::iter([Ok(half), Err(std::io::Error::other("the cable is pulled"))]);
    let headers = [("content-type", content_type.as_str())];
    let broken = request("POST", soap::REPOSITORY, &headers, streamed(breaks));
    assert!(physician.client.send(broken).await.is_err());
    assert_eq!(stored(&gateway), before);
    let whole = request("POST", soap::REPOSITORY, &headers, full(message));
    succeeded(&physician.client.send(whole).await.expect("an answer"));
    assert_eq!(stored(&gateway), before + 1);
}
