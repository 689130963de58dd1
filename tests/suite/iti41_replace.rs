//! ITI-41 with a replacement (RPLC): who may replace what, and what becomes of what was replaced.

use testkit::{
    Gateway, TestDocument,
    soap::{self, Deposit},
};

use crate::support::{Caller, object_ids, refused, stored, succeeded, unique_ids};

fn replacing(entry_uuid: &str) -> TestDocument {
    TestDocument { replaces: Some(entry_uuid.to_owned()), ..TestDocument::biology() }
}

#[tokio::test]
async fn a_hospital_looks_its_own_document_up_and_replaces_it() {
    let gateway = Gateway::start();
    let mut hospital = Caller::of(&gateway, "hopital", 0);
    let first = TestDocument::biology();
    hospital.put(&first).await;
    let target = hospital.entry_uuid(&first.unique_id).await;
    let second = replacing(&target);
    hospital.put(&second).await;

    let mut physician = Caller::of(&gateway, "medecin", 0);
    let approved = physician.listed("").await;
    assert!(approved.contains(&second.unique_id) && !approved.contains(&first.unique_id), "{approved:?}");
    let query = soap::find_documents(&physician.ins, soap::DEPRECATED, "");
    let deprecated = physician.query(&query).await;
    assert_eq!(unique_ids(&deprecated), [first.unique_id.as_str()]);
    assert!(deprecated.text().contains(&format!(r#"status="{}""#, soap::DEPRECATED)), "{}", deprecated.text());
    // The old version is still a document: it can be read.
    assert_eq!(physician.bytes(&first.unique_id).await, first.body.as_slice());
}

#[tokio::test]
async fn a_document_already_replaced_is_not_replaced_again() {
    let gateway = Gateway::start();
    let mut hospital = Caller::of(&gateway, "hopital", 0);
    let first = TestDocument::biology();
    hospital.put(&first).await;
    let target = hospital.entry_uuid(&first.unique_id).await;
    hospital.put(&replacing(&target)).await;
    let before = stored(&gateway);
    let reply = hospital.deposit(&replacing(&target)).await;
    refused(&reply, "XDSRegistryDeprecatedDocumentError", "replaced_not_approved");
    assert_eq!(stored(&gateway), before);
}

#[tokio::test]
async fn a_replacement_sent_again_after_a_lost_answer_succeeds() {
    let gateway = Gateway::start();
    let mut hospital = Caller::of(&gateway, "hopital", 0);
    let first = TestDocument::biology();
    hospital.put(&first).await;
    let target = hospital.entry_uuid(&first.unique_id).await;
    let deposit = Deposit::one(&hospital.ins, replacing(&target));
    succeeded(&hospital.send(&deposit).await);
    let before = stored(&gateway);
    succeeded(&hospital.send(&deposit).await);
    assert_eq!(stored(&gateway), before);
}

#[tokio::test]
async fn nobody_replaces_a_document_of_another() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    physician.put(&document).await;
    let target = physician.entry_uuid(&document.unique_id).await;
    let before = stored(&gateway);
    for name in ["infirmier", "medecin-traitant"] {
        let reply = Caller::of(&gateway, name, 0).deposit(&replacing(&target)).await;
        refused(&reply, "LocalPolicyRestrictionError", "not_author");
    }
    // To a structure, which may not even read it, it is not there.
    let reply = Caller::of(&gateway, "hopital", 0).deposit(&replacing(&target)).await;
    refused(&reply, "UnresolvedReferenceException", "unknown_association_target");
    assert_eq!(stored(&gateway), before);
    assert!(physician.listed("").await.contains(&document.unique_id));
}

#[tokio::test]
async fn a_replacement_of_nothing_known_here_is_refused() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let unknown = replacing(&format!("urn:uuid:{}", testkit::uuid()));
    let reply = physician.deposit(&unknown).await;
    refused(&reply, "UnresolvedReferenceException", "unknown_association_target");
    // A document of another space is as unknown as one that never was.
    let mut elsewhere = Caller::of(&gateway, "medecin", 1);
    let document = TestDocument::biology();
    elsewhere.put(&document).await;
    let target = elsewhere.entry_uuid(&document.unique_id).await;
    let reply = physician.deposit(&replacing(&target)).await;
    refused(&reply, "UnresolvedReferenceException", "unknown_association_target");
}

#[tokio::test]
async fn a_lookup_by_entry_uuid_gives_the_same_entry_as_one_by_unique_id() {
    let gateway = Gateway::start();
    let mut hospital = Caller::of(&gateway, "hopital", 0);
    let document = TestDocument::biology();
    hospital.put(&document).await;
    let uuid = hospital.entry_uuid(&document.unique_id).await;
    let by_uuid = soap::get_documents(&uuid).replace("$XDSDocumentEntryUniqueId", "$XDSDocumentEntryEntryUUID");
    let reply = hospital.query(&by_uuid).await;
    succeeded(&reply);
    assert_eq!((object_ids(&reply), unique_ids(&reply)), (vec![uuid], vec![document.unique_id]));
}
