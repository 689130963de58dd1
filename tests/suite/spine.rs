//! The spine: a report goes in over SOAP and comes out over SOAP — decided, traced, kept.

use testkit::{Client, Credentials, Gateway, TestDocument, soap};

#[tokio::test]
async fn a_hospital_deposits_and_a_physician_finds_and_reads_the_same_bytes() {
    let gateway = Gateway::start();
    let pki = gateway.data().join("pki");
    let ins = gateway.ins(0);
    let mut hospital = Client::new(&gateway.pro, &pki, "hopital-auth");
    let seal = Credentials::of(&pki, "hopital-seal", ins).vihf();
    let document = TestDocument::biology();
    let reply = soap::Deposit::one(ins, document.clone()).send(&mut hospital, &seal).await;
    assert!(reply.text().contains("ResponseStatusType:Success"), "{}", reply.text());

    let mut physician = Client::new(&gateway.pro, &pki, "medecin");
    let vihf = Credentials::of(&pki, "medecin", ins).vihf();
    let found = soap::query(&mut physician, &vihf, &soap::find_documents(ins, soap::APPROVED, "")).await;
    assert!(found.text().contains(&document.unique_id), "{}", found.text());
    let got = soap::retrieve(&mut physician, &vihf, &document.unique_id).await;
    let (envelope, parts) = soap::unpack(&got);
    assert!(envelope.contains("ResponseStatusType:Success"), "{envelope}");
    assert_eq!(parts, [document.body.as_slice()]);
    assert_eq!(physician.connections, 1, "the connection is kept");
}
