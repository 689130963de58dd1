//! ITI-43 Retrieve Document Set (DMP TD3.2).

use testkit::{
    Gateway, TestDocument,
    soap::{self, REPOSITORY_ID},
};

use crate::support::{Caller, PARTIAL, SUCCESS, envelope_of, refused};

#[tokio::test]
async fn several_documents_come_in_one_package_in_the_order_asked() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let documents = [TestDocument::biology(), TestDocument::report("11488-4", "10"), TestDocument::biology()];
    for document in &documents {
        physician.put(document).await;
    }
    let asked: Vec<_> = documents.iter().rev().map(|d| (REPOSITORY_ID, d.unique_id.as_str())).collect();
    let reply = physician.retrieve_all(&asked).await;
    let (envelope, parts) = soap::unpack(&reply);
    assert!(envelope.contains(SUCCESS), "{envelope}");
    let wanted: Vec<_> = documents.iter().rev().map(|d| d.body.as_slice()).collect();
    assert_eq!(parts, wanted);
    assert_eq!(envelope.matches("Include").count(), 3, "{envelope}");
    assert!(envelope.contains(">text/xml<"), "{envelope}");
    assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    assert!(reply.header("content-type").contains("application/xop+xml"), "{:?}", reply.headers);
}

#[tokio::test]
async fn what_is_refused_stands_beside_what_is_given() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    physician.put(&document).await;
    let asked = [
        (REPOSITORY_ID, "1.2.250.1.999.8.404"),
        (REPOSITORY_ID, document.unique_id.as_str()),
        ("1.2.3.4", document.unique_id.as_str()),
    ];
    let reply = physician.retrieve_all(&asked).await;
    let (envelope, parts) = soap::unpack(&reply);
    assert!(envelope.contains(PARTIAL), "{envelope}");
    assert_eq!(parts, [document.body.as_slice()]);
    let codes = soap::errors(&envelope);
    let told: Vec<_> = codes.iter().map(|(code, cause)| (code.as_str(), cause.as_str())).collect();
    let wanted = [("XDSDocumentUniqueIdError", "unknown_document"), ("XDSUnknownRepositoryId", "unknown_repository")];
    assert_eq!(told, wanted, "{envelope}");
    assert!(envelope.contains("DocumentRequest[1]") && envelope.contains("DocumentRequest[3]"), "{envelope}");
}

#[tokio::test]
async fn an_unknown_document_or_repository_is_a_failure_in_a_package() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let reply = physician.retrieve("1.2.250.1.999.8.404").await;
    assert!(reply.header("content-type").starts_with("multipart/related"), "{:?}", reply.headers);
    refused(&reply, "XDSDocumentUniqueIdError", "unknown_document");
    let reply = physician.retrieve_all(&[("1.2.3.4", "1.2.250.1.999.8.404")]).await;
    refused(&reply, "XDSUnknownRepositoryId", "unknown_repository");
    assert_eq!(physician.client.connections, 1);
}

#[tokio::test]
async fn a_document_of_another_space_is_unknown_here() {
    let gateway = Gateway::start();
    let document = TestDocument::biology();
    Caller::of(&gateway, "medecin", 1).put(&document).await;
    let reply = Caller::of(&gateway, "medecin", 0).retrieve(&document.unique_id).await;
    refused(&reply, "XDSDocumentUniqueIdError", "unknown_document");
    assert!(!envelope_of(&reply).contains(gateway.ins(1)));
}

#[tokio::test]
async fn more_documents_than_may_be_asked_at_once_are_refused() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let asked = vec![(REPOSITORY_ID, "1.2.250.1.999.7.1.1.1"); 101];
    let reply = physician.retrieve_all(&asked).await;
    assert!(envelope_of(&reply).contains("too_many_results"), "{}", envelope_of(&reply));
    assert!(envelope_of(&physician.retrieve_all(&asked[..100]).await).contains(SUCCESS));
}
