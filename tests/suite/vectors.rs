//! The corpus of hostile assertions against the running program: each in a real message over mutual TLS, each answered
//! by the fault of its cause, none by data; those of a caller that is known leave their trace, the others are counted.

use std::collections::BTreeMap;

use ambient::{SharedClock, SystemClock, SystemRng};
use space::{Cause, Ins, InsOid, InsTolerance};
use testkit::{Credentials, Gateway, TestDocument, soap};
use trust::{
    Pki,
    vectors::{Vector, Workshop, corpus},
};

use crate::support::{Caller, eventually, refused, stored, succeeded};

const FIND: &str = "urn:ihe:iti:2007:RegistryStoredQuery";

/// The vectors about the first holder, forgeries about the second; the messages look for the first one's documents.
fn made(gateway: &Gateway) -> (Vec<Vector>, Workshop) {
    let folder = gateway.data().join("pki");
    let (clock, rng): (SharedClock, _) = (SystemClock::new(), SystemRng::new());
    let pki = Pki::open(&folder, clock.clone(), rng.clone()).expect("an authority");
    let ins = gateway.ins(0).to_owned();
    let other = Ins::parse(gateway.ins(1), InsOid::NirTest, InsTolerance::Test).expect("an INS");
    let request = Credentials::of(&folder, "medecin", &ins).request;
    let query = soap::find_documents(&ins, soap::APPROVED, "");
    let envelope = move |security: &str| soap::envelope(FIND, security, &query);
    let workshop = Workshop::new(pki, request, other, &clock, rng, envelope);
    (corpus(&workshop), workshop)
}

/// A counter by its labels, as they are written.
fn counted(gateway: &Gateway, metric: &str) -> BTreeMap<String, u64> {
    let page = crate::operations::page(&gateway.admin, "/metrics").1;
    let read = |line: &str| {
        let (labels, count) = line.strip_prefix(metric)?.strip_prefix('{')?.split_once("} ")?;
        Some((labels.to_owned(), count.parse().ok()?))
    };
    page.lines().filter_map(read).collect()
}

fn faults(gateway: &Gateway) -> BTreeMap<String, u64> {
    counted(gateway, "passerelle_faults_total")
}

/// Acts traced: the trace of a refusal may be in nobody's space.
fn acts(gateway: &Gateway) -> BTreeMap<String, u64> {
    counted(gateway, "passerelle_acts_total")
}

fn act(act: &str, outcome: &str) -> String {
    format!("act=\"{act}\",face=\"ihe\",outcome=\"{outcome}\"")
}

#[tokio::test]
async fn every_hostile_assertion_is_answered_by_the_fault_of_its_cause_and_counted() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.put(&TestDocument::biology()).await;
    let (vectors, _workshop) = made(&gateway);
    let revoked = vectors.iter().find(|v| v.expected == Err(Cause::SignerRevoked)).expect("a revoked signer").clone();
    let pki = gateway.data().join("pki");
    // Its card was revoked a moment ago: the list is looked at once a second.
    let followed = eventually(async || {
        let mut other = testkit::Client::new(&gateway.pro, &pki, "medecin");
        let message = revoked.message.clone();
        let headers = [("content-type", crate::support::SOAP)];
        let reply = other.post(soap::REGISTRY, &headers, message).await;
        soap::fault_code(&reply.text()).as_deref() == Some(Cause::SignerRevoked.code())
    });
    assert!(followed.await);
    let (before, mut wanted, mut traced) = (stored(&gateway), faults(&gateway), acts(&gateway));
    for vector in &vectors {
        let mut caller = testkit::Client::new(&gateway.pro, &pki, "medecin");
        let headers = [("content-type", crate::support::SOAP)];
        let reply = caller.post(soap::REGISTRY, &headers, vector.message.clone()).await;
        let text = reply.text();
        match vector.expected {
            Ok(()) => {
                succeeded(&reply);
                *traced.entry(act("find", "done")).or_default() += 1;
            }
            Err(cause) => {
                assert_eq!(soap::fault_code(&text).as_deref(), Some(cause.code()), "{}: {text}", vector.name);
                assert!(reply.status.is_client_error(), "{}: {}", vector.name, reply.status);
                assert!(!text.contains("ExtrinsicObject") && !text.contains("ObjectRef"), "{}: data", vector.name);
                *wanted.entry(format!("cause=\"{}\"", cause.code())).or_default() += 1;
            }
        }
    }
    assert_eq!(faults(&gateway), wanted, "each fault is counted once, under its cause");
    assert_eq!(stored(&gateway), before);
    assert_eq!(acts(&gateway), traced, "only the sound ones did anything");
    let log = gateway.log();
    for secret in ["VECTEUR", physician.ins.as_str(), gateway.ins(1)] {
        assert!(!log.contains(secret), "the log names somebody");
    }
    succeeded(&physician.find("").await);
}

#[tokio::test]
async fn a_call_about_another_holder_than_its_assertions_is_refused_and_traced() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.put(&TestDocument::biology()).await;
    // The assertion is about the other holder, the query and the deposit about the first, and the other way round.
    physician.vihf = Caller::of(&gateway, "medecin", 1).vihf;
    let before = stored(&gateway);
    refused(&physician.find("").await, "XDSPatientIdDoesNotMatch", "patient_mismatch");
    refused(&physician.deposit(&TestDocument::biology()).await, "XDSPatientIdDoesNotMatch", "patient_mismatch");
    let acts = acts(&gateway);
    for what in ["find", "deposit"] {
        assert_eq!(acts.get(&act(what, "patient_mismatch")), Some(&1), "{what}: {acts:?}");
    }
    assert_eq!(stored(&gateway), before);
}
