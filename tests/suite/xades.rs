//! The signature of a set (DMP TD2.1): kept as it came, looked at when the set goes in, and what was found traced.

use std::sync::Arc;

use ambient::{Clock as _, SystemClock};
use serde_json::Value;
use testkit::{
    Gateway, GatewayOptions, TestDocument,
    soap::{self, Deposit},
};
use trust::{Peer, SignedDocument, SigningKey, sign_set};

use crate::support::{Caller, envelope_of, refused, stored, succeeded};

/// What `name` of the demonstration signs of a set.
fn sign(gateway: &Gateway, name: &str, set: &str, documents: &[TestDocument]) -> Vec<u8> {
    let pki = gateway.data().join("pki");
    let signer = Peer::from_pem_file(&pki.join(format!("{name}.pem"))).expect("a certificate");
    let key = Arc::new(SigningKey::from_file(&pki.join(format!("{name}.key"))).expect("a key"));
    let documents: Vec<_> = documents
        .iter()
        .map(|d| SignedDocument { unique_id: &d.unique_id, sha1: "", sha256: "", bytes: Some(&d.body) })
        .collect();
    sign_set(set, &documents, &key, &signer, SystemClock::default().now()).expect("signs").into_bytes()
}

fn signed(gateway: &Gateway, name: &str, ins: &str, documents: Vec<TestDocument>) -> Deposit {
    let deposit = Deposit { documents, ..Deposit::one(ins, TestDocument::biology()) };
    deposit.signed(|set, documents| sign(gateway, name, set, documents))
}

/// What the trace says of the newest deposit's signature.
fn found(gateway: &Gateway, ins: &str) -> Value {
    let trace = gateway.trace(ins);
    trace.iter().find(|event| event["act"] == "deposit").expect("a deposit")["signature"].clone()
}

/// Codes of the warnings of a set that went in.
fn warned(reply: &testkit::Reply) -> Vec<(String, String)> {
    succeeded(reply);
    soap::errors(&envelope_of(reply))
}

fn of_signature(warnings: &[(String, String)]) -> Vec<&str> {
    warnings.iter().map(|(_, cause)| cause.as_str()).filter(|cause| cause.starts_with("set_signature")).collect()
}

#[tokio::test]
async fn a_signed_set_is_verified_traced_and_given_back_as_it_came() {
    let gateway = Gateway::start();
    for (name, signer) in [("medecin", "medecin"), ("hopital", "hopital-seal")] {
        let mut caller = Caller::of(&gateway, name, 0);
        let mut large = TestDocument::biology();
        large.id = "Document02".into();
        // Larger than what is kept beside the metadata: it is read back to be verified.
        large.body = format!("<ClinicalDocument><text>{}</text></ClinicalDocument>", "é ".repeat(400_000)).into_bytes();
        let deposit = signed(&gateway, signer, &caller.ins, vec![TestDocument::biology(), large]);
        assert_eq!(of_signature(&warned(&caller.send(&deposit).await)), Vec::<&str>::new());
        assert_eq!(found(&gateway, &caller.ins), "valid");
        let mut reader = Caller::of(&gateway, "medecin", 0);
        for document in &deposit.documents {
            assert_eq!(reader.bytes(&document.unique_id).await, document.body.as_slice());
        }
    }
}

#[tokio::test]
async fn what_is_wrong_in_a_signature_is_told_and_traced_and_the_set_goes_in() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let empty = Deposit::one(&physician.ins, TestDocument::biology())
        .signed(|_, _| b"<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>".to_vec());
    let other = signed(&gateway, "infirmier", &physician.ins, vec![TestDocument::biology()]);
    let mut changed = signed(&gateway, "medecin", &physician.ins, vec![TestDocument::biology()]);
    changed.documents[0].body = b"<ClinicalDocument/>".to_vec();
    let mut partial = signed(&gateway, "medecin", &physician.ins, vec![TestDocument::biology()]);
    let mut more = TestDocument::biology();
    more.id = "Document02".into();
    partial.documents.insert(1, more);
    for (deposit, cause) in [
        (empty, "set_signature_malformed"),
        (other, "set_signature_signer"),
        (changed, "set_signature_invalid"),
        (partial, "set_signature_incomplete"),
    ] {
        let reply = physician.send(&deposit).await;
        let warnings = warned(&reply);
        assert_eq!(of_signature(&warnings), [cause]);
        assert!(envelope_of(&reply).contains("ExtrinsicObject["), "the place is told");
        assert_eq!(found(&gateway, &physician.ins), cause);
        let signature = deposit.documents.last().expect("a signature");
        assert_eq!(physician.bytes(&signature.unique_id).await, signature.body.as_slice());
    }
}

#[tokio::test]
async fn a_gateway_may_refuse_what_is_not_signed_as_it_should_be() {
    let options = GatewayOptions::default().with("XADES__POLICY", "refuse").with("XADES__REQUIRED", "true");
    let gateway = Gateway::with(options);
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let before = stored(&gateway);
    let other = signed(&gateway, "infirmier", &physician.ins, vec![TestDocument::biology()]);
    refused(&physician.send(&other).await, "InvalidDocumentContent", "set_signature_signer");
    refused(
        &physician.send(&Deposit::one(&physician.ins, TestDocument::biology())).await,
        "InvalidDocumentContent",
        "set_signature_missing",
    );
    assert_eq!(stored(&gateway), before);
    let trace = gateway.trace(&physician.ins);
    assert_eq!(trace[0]["cause"], "set_signature_missing");
    let own = signed(&gateway, "medecin", &physician.ins, vec![TestDocument::biology()]);
    assert_eq!(of_signature(&warned(&physician.send(&own).await)), Vec::<&str>::new());
    assert_eq!(stored(&gateway), before + 2);
}

#[tokio::test]
async fn a_signature_does_not_tell_of_a_document_that_is_masked() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let mut pharmacist = Caller::of(&gateway, "pharmacien", 0);
    let mut masked = TestDocument::biology().visible(&["MASQUE_PS"]);
    masked.id = "Document02".into();
    let open = signed(&gateway, "medecin", &physician.ins, vec![TestDocument::biology()]);
    let telling = signed(&gateway, "medecin", &physician.ins, vec![TestDocument::biology(), masked]);
    let hidden = {
        let masked = TestDocument::biology().visible(&["MASQUE_PS"]);
        signed(&gateway, "medecin", &physician.ins, vec![masked])
    };
    for deposit in [&open, &telling, &hidden] {
        succeeded(&physician.send(deposit).await);
    }
    let signature = |deposit: &Deposit| deposit.documents.last().expect("a signature").unique_id.clone();
    let seen = pharmacist.find("").await.text();
    assert!(seen.contains(&signature(&open)) && seen.contains(&telling.documents[0].unique_id), "{seen}");
    assert!(!seen.contains(&signature(&telling)) && !seen.contains(&signature(&hidden)));
    let patient = format!("'{}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH'", pharmacist.ins);
    let query = soap::stored_query(
        "f26abbcb-ac74-4422-8a30-edb644bbc1a9",
        "LeafClass",
        &[
            ("$XDSSubmissionSetPatientId", &patient),
            ("$XDSSubmissionSetStatus", "('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')"),
        ],
    );
    let sets = soap::query(&mut pharmacist.client, &pharmacist.vihf, &query).await.text();
    assert!(sets.contains(&open.set_id) && sets.contains(&telling.set_id) && !sets.contains(&hidden.set_id));
    let fetched = soap::retrieve(&mut pharmacist.client, &pharmacist.vihf, &signature(&telling)).await;
    assert_eq!(soap::errors(&envelope_of(&fetched))[0].1, "unknown_document");
    assert_eq!(pharmacist.bytes(&signature(&open)).await, open.documents[1].body.as_slice());
    // To whom they are his own all of it is there.
    let own = physician.find("").await.text();
    assert!([&open, &telling, &hidden].iter().all(|deposit| own.contains(&signature(deposit))));
    assert_eq!(physician.bytes(&signature(&hidden)).await, hidden.documents[1].body.as_slice());
}
