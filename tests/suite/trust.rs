//! Who is let in: client certificates, revocation, and the VIHF's rules. Signature wrapping has a module of its own.

use std::{path::Path, time::Duration};

use ambient::{SystemClock, SystemRng};
use space::{AuthMode, ProfessionalId, StructureId};
use testkit::{
    Client, Credentials, Gateway, TestDocument,
    client::{self, full, request},
    soap,
};
use trust::{IssueRequest, KeyType, Kind, Pki};

use crate::support::{Caller, SOAP, eventually, faulted, newest, stored};

/// Whether a client that shows `name`'s certificate gets any answer at all.
async fn is_served(gateway: &Gateway, config: std::sync::Arc<rustls::ClientConfig>) -> bool {
    let mut client = Client::with_config(&gateway.pro, config);
    let message = request("POST", soap::REGISTRY, &[("content-type", SOAP)], full("<x/>"));
    client.send(message).await.is_ok()
}

fn issue(gateway: &Gateway, name: &str, more: &[&str]) {
    let known = [
        "pki",
        "issue",
        "--kind",
        "cps",
        "--name",
        name,
        "--id",
        "899900000101",
        "--profession",
        "10",
        "--speciality",
        "SM26",
        "--structure",
        "499900000101001",
        "--p256",
    ];
    let _ = gateway.command(&[&known[..], more].concat());
}

/// An authority nobody trusts, with a card that says it is the demonstration's physician.
fn foreign(folder: &Path) {
    let pki = Pki::create(folder, SystemClock::new(), SystemRng::new()).expect("an authority");
    let kind = Kind::Cps {
        id: ProfessionalId::parse("899900000101").expect("an identifier"),
        profession: "10".into(),
        speciality: Some("SM26".into()),
        structure: Some(StructureId::parse("499900000101001").expect("a structure")),
        family: "VASSEUR".into(),
        given: "ELISE".into(),
    };
    pki.issue(&IssueRequest { key: KeyType::P256, ..IssueRequest::new("medecin", kind) }).expect("a card");
}

#[tokio::test]
async fn without_a_certificate_of_a_trusted_authority_there_is_no_service() {
    let gateway = Gateway::start();
    let pki = gateway.data().join("pki");
    let elsewhere = tempfile::tempdir().expect("a folder");
    foreign(elsewhere.path());
    for suffix in ["pem", "key"] {
        let from = elsewhere.path().join(format!("medecin.{suffix}"));
        std::fs::copy(from, pki.join(format!("etranger.{suffix}"))).expect("copied");
    }
    issue(&gateway, "perime", &["--days-before", "30", "--days-after", "-1"]);
    issue(&gateway, "futur", &["--days-before", "-2", "--days-after", "30"]);
    assert!(is_served(&gateway, client::tls(&pki, Some("medecin"))).await);
    assert!(!is_served(&gateway, client::tls(&pki, None)).await, "no certificate");
    for name in ["etranger", "perime", "futur"] {
        assert!(!is_served(&gateway, client::tls(&pki, Some(name))).await, "{name}");
    }
}

#[tokio::test]
async fn a_certificate_revoked_meanwhile_ends_new_and_open_connections() {
    let gateway = Gateway::start();
    let pki = gateway.data().join("pki");
    issue(&gateway, "perdue", &[]);
    let mut open = Caller::of(&gateway, "perdue", 0);
    open.put(&TestDocument::biology()).await;
    let _ = gateway.command(&["pki", "revoke", "perdue"]);
    assert!(eventually(async || !is_served(&gateway, client::tls(&pki, Some("perdue"))).await).await);
    let before = stored(&gateway);
    let deposit = soap::Deposit::one(&open.ins, TestDocument::biology());
    let (content_type, message) = deposit.message(&open.vihf);
    let message = request("POST", soap::REPOSITORY, &[("content-type", &content_type)], full(message));
    assert!(open.client.send(message).await.is_err(), "the open connection still serves");
    assert_eq!(stored(&gateway), before);
    assert!(is_served(&gateway, client::tls(&pki, Some("medecin"))).await, "others go on");
}

#[tokio::test]
async fn the_certificate_that_signed_a_vihf_must_be_trusted_valid_and_not_revoked() {
    let gateway = Gateway::start();
    let pki = gateway.data().join("pki");
    let elsewhere = tempfile::tempdir().expect("a folder");
    foreign(elsewhere.path());
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let good = physician.vihf.clone();
    let before = stored(&gateway);
    physician.vihf = Credentials::of(elsewhere.path(), "medecin", &physician.ins).vihf();
    faulted(&physician.deposit(&TestDocument::biology()).await, 400, "signer_untrusted");
    issue(&gateway, "perime", &["--days-before", "30", "--days-after", "-1"]);
    physician.vihf = Credentials::of(&pki, "perime", &physician.ins).vihf();
    faulted(&physician.deposit(&TestDocument::biology()).await, 400, "signer_expired");
    issue(&gateway, "perdue", &[]);
    let _ = gateway.command(&["pki", "revoke", "perdue"]);
    let mut lost = Caller::of(&gateway, "medecin", 0);
    lost.vihf = Credentials::of(&pki, "perdue", &physician.ins).vihf();
    let mut told = None;
    for _ in 0..100 {
        // Accepted until the gateway has read the new revocation list.
        let reply = lost.find("").await;
        told = soap::fault_code(&reply.text());
        if told.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(told.as_deref(), Some("signer_revoked"));
    assert_eq!(stored(&gateway), before);
    physician.vihf = good;
    physician.put(&TestDocument::biology()).await;
    assert_eq!(physician.client.connections, 1);
}

/// A credential of the physician with one thing wrong.
type Change = fn(&mut Credentials);

#[tokio::test]
async fn each_defect_of_a_vihf_has_its_fault_and_leaves_the_connection_usable() {
    let gateway = Gateway::start();
    let before = stored(&gateway);
    let cases: [(&str, Change); 14] = [
        ("assertion_expired", |c| c.request.issued -= Duration::from_secs(2 * 3600)),
        ("assertion_expired", |c| {
            c.request.issued -= Duration::from_secs(600);
            c.request.validity = Some(Duration::from_secs(300));
        }),
        ("assertion_not_yet_valid", |c| c.request.issued += Duration::from_secs(600)),
        ("issuer_mismatch", |c| c.request.issuer = Some("CN=899900000999,OU=Médecin,O=TEST,C=FR".into())),
        ("structure_mismatch", |c| c.request.structure = StructureId::parse("10B0999992").expect("a structure")),
        ("peer_mismatch", |c| c.request.subject = ProfessionalId::parse("899900000202").expect("an identifier")),
        ("mode_mismatch", |c| c.request.mode = AuthMode::Indirecte),
        ("claim_invalid", |c| c.request.roles[0].code = "60".into()),
        ("claim_invalid", |c| c.request.sector = "ICI".into()),
        ("claim_invalid", |c| c.request.sector = "SA99".into()),
        ("claim_missing", |c| c.request.omit = vec!["Identifiant_Structure".into()]),
        ("claim_missing", |c| c.request.omit = vec!["VIHF_Version".into()]),
        ("claim_missing", |c| c.request.omit = vec!["urn:oasis:names:tc:xacml:2.0:subject:role".into()]),
        ("claim_missing", |c| c.request.omit = vec!["urn:oasis:names:tc:xspa:1.0:subject:purposeofuse".into()]),
    ];
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let good = physician.vihf.clone();
    for (cause, change) in cases {
        physician.vihf = Caller::with(&gateway, "medecin", 0, change).vihf;
        let reply = physician.deposit(&TestDocument::biology()).await;
        faulted(&reply, 400, cause);
        assert!(reply.text().contains("/Assertion/"), "{cause} has its place: {}", reply.text());
        faulted(&physician.find("").await, 400, cause);
    }
    assert_eq!(stored(&gateway), before);
    physician.vihf = good;
    physician.put(&TestDocument::biology()).await;
    assert_eq!(physician.client.connections, 1);
}

#[tokio::test]
async fn a_vihf_that_is_absent_unsigned_changed_or_doubled_is_refused() {
    let gateway = Gateway::start();
    let before = stored(&gateway);
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let good = physician.vihf.clone();
    let unsigned = Credentials::of(&gateway.data().join("pki"), "medecin", &physician.ins).request.unsigned("_1");
    for (cause, vihf) in [
        ("assertion_missing", String::new()),
        ("assertion_unsigned", unsigned),
        ("signature_invalid", good.replace(">SA01^", ">SA07^")),
        ("signature_invalid", good.replace(&physician.ins, gateway.ins(1))),
        ("assertion_duplicated", format!("{good}{good}")),
        ("signature_algorithm", good.replace("#rsa-sha256", "#rsa-sha1").replace("xmldsig-more#", "xmldsig#")),
    ] {
        assert_ne!(vihf, good, "{cause}");
        physician.vihf = vihf;
        faulted(&physician.deposit(&TestDocument::biology()).await, 400, cause);
    }
    assert_eq!(stored(&gateway), before);
    physician.vihf = good;
    physician.put(&TestDocument::biology()).await;
    assert_eq!(physician.client.connections, 1);
}

#[tokio::test]
async fn a_vihf_of_another_card_or_mode_than_the_connections_is_refused() {
    let gateway = Gateway::start();
    let before = stored(&gateway);
    let vihf = |name: &str| Caller::of(&gateway, name, 0).vihf;
    for (tls, vihf, cause) in [
        ("medecin", vihf("infirmier"), "peer_mismatch"),
        ("medecin", vihf("hopital"), "mode_mismatch"),
        ("hopital", vihf("medecin"), "mode_mismatch"),
    ] {
        let mut caller = Caller::of(&gateway, tls, 0);
        let good = std::mem::replace(&mut caller.vihf, vihf);
        faulted(&caller.deposit(&TestDocument::biology()).await, 400, cause);
        caller.vihf = good;
        caller.put(&TestDocument::biology()).await;
        assert_eq!(caller.client.connections, 1, "{tls}");
    }
    assert_eq!(stored(&gateway), before + 3);
}

#[tokio::test]
async fn a_structure_vouches_only_for_itself() {
    let gateway = Gateway::start();
    for kind in ["structure", "seal"] {
        let name = format!("clinique-{kind}");
        let id = ["--id", "10B0999992", "--organisation", "CLINIQUE", "--p256"];
        let _ = gateway.command(&[&["pki", "issue", "--kind", kind, "--name", &name][..], &id].concat());
    }
    let pki = gateway.data().join("pki");
    let mut hospital = Caller::of(&gateway, "hopital", 0);
    hospital.vihf = Credentials::of(&pki, "clinique-seal", &hospital.ins).vihf();
    faulted(&hospital.deposit(&TestDocument::biology()).await, 400, "peer_mismatch");
    hospital.vihf = Caller::with(&gateway, "hopital", 0, |c| {
        c.request.structure = StructureId::parse("10B0999992").expect("a structure");
    })
    .vihf;
    faulted(&hospital.deposit(&TestDocument::biology()).await, 400, "structure_mismatch");
    let mut clinic = Credentials::of(&pki, "clinique-seal", &hospital.ins);
    clinic.request.mode = AuthMode::IndirecteRenforcee;
    let mut client = Client::new(&gateway.pro, &pki, "clinique-structure");
    let vihf = clinic.vihf();
    let query = soap::find_documents(&hospital.ins, soap::APPROVED, "");
    let reply = soap::query(&mut client, &vihf, &query).await;
    assert!(reply.text().contains("not_authorised"), "{}", reply.text());
    assert_eq!(newest(&gateway, &hospital.ins, "find")["who"]["structure"], "10B0999992");
}
