//! ITI-57, ITI-92, ITI-62, ITI-86 and ITI-42: what is registered is changed, removed, or registered from elsewhere.

use testkit::{
    Gateway, Reply, TestDocument,
    soap::{self, APPROVED, ARCHIVED, DELETED, DEPRECATED},
};

use crate::support::{Caller, newest, object_ids, refused, succeeded, unique_ids};

const UPDATE: &str = "urn:ihe:iti:2010:UpdateDocumentSet";
const RESTRICTED: &str = "urn:ihe:iti:2018:RestrictedUpdateDocumentSet";
const MASKED: &str = "MASQUE_PS";

pub(crate) async fn update(caller: &mut Caller, objects: &str) -> Reply {
    submit(caller, UPDATE, objects).await
}

async fn submit(caller: &mut Caller, action: &str, objects: &str) -> Reply {
    let body = soap::submit_objects(&caller.ins, objects);
    let envelope = soap::envelope(action, &caller.vihf, &body);
    caller.post_envelope(soap::REGISTRY, envelope).await
}

/// The entry of a document as the registry gives it back.
async fn entry(caller: &mut Caller, unique_id: &str) -> String {
    let found = caller.query(&soap::get_documents(unique_id)).await;
    succeeded(&found);
    soap::element_of(&found.text(), "ExtrinsicObject")
}

pub(crate) fn masked(entry: String) -> String {
    let code = r#"<Classification classificationScheme="urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f" classifiedObject="Document01" id="mask" nodeRepresentation="MASQUE_PS"><Slot name="codingScheme"><ValueList><Value>1.2.250.1.213.1.1.4.13</Value></ValueList></Slot></Classification><ExternalIdentifier"#;
    entry.replacen("<ExternalIdentifier", code, 1)
}

/// Removes a document of the demonstration's repository (ITI-86).
pub(crate) async fn remove_document(caller: &mut Caller, unique_id: &str) -> Reply {
    let body = format!(
        r#"<rmd:RemoveDocumentsRequest xmlns:rmd="urn:ihe:iti:rmd:2017"><x:DocumentRequest xmlns:x="urn:ihe:iti:xds-b:2007"><x:RepositoryUniqueId>{}</x:RepositoryUniqueId><x:DocumentUniqueId>{unique_id}</x:DocumentUniqueId></x:DocumentRequest></rmd:RemoveDocumentsRequest>"#,
        soap::REPOSITORY_ID
    );
    let envelope = soap::envelope("urn:ihe:iti:2017:RemoveDocuments", &caller.vihf, &body);
    caller.post_envelope(soap::REPOSITORY, envelope).await
}

async fn statuses(caller: &mut Caller, unique_id: &str) -> Vec<String> {
    let found = caller.query(&soap::get_documents(unique_id)).await;
    soap::attributes(&soap::element_of(&found.text(), "ExtrinsicObject"), "status")
}

#[tokio::test]
async fn a_document_is_archived_taken_back_and_deleted() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    physician.put(&document).await;
    let uuid = physician.entry_uuid(&document.unique_id).await;
    for (from, to, act) in
        [(APPROVED, ARCHIVED, "archive"), (ARCHIVED, APPROVED, "unarchive"), (APPROVED, ARCHIVED, "archive")]
    {
        succeeded(&update(&mut physician, &soap::status_order(&uuid, from, to)).await);
        assert_eq!(statuses(&mut physician, &document.unique_id).await, [to]);
        assert_eq!(newest(&gateway, &physician.ins, act)["outcome"], "done");
    }
    assert!(!physician.listed("").await.contains(&document.unique_id));
    // What is announced must be what stands.
    let wrong = update(&mut physician, &soap::status_order(&uuid, APPROVED, ARCHIVED)).await;
    refused(&wrong, "XDSMetadataUpdateError", "metadata_update");
    succeeded(&update(&mut physician, &soap::status_order(&uuid, ARCHIVED, DELETED)).await);
    assert!(statuses(&mut physician, &document.unique_id).await.is_empty());
    assert_eq!(newest(&gateway, &physician.ins, "delete")["outcome"], "done");
    assert!(!physician.retrieve(&document.unique_id).await.text().contains("ResponseStatusType:Success"));
    let again = update(&mut physician, &soap::status_order(&uuid, DELETED, APPROVED)).await;
    refused(&again, "XDSMetadataUpdateOperationError", "metadata_operation");
}

#[tokio::test]
async fn masking_makes_a_new_version_that_its_author_alone_sees() {
    let gateway = Gateway::start();
    let mut author = Caller::of(&gateway, "medecin", 0);
    let mut other = Caller::of(&gateway, "pharmacien", 0);
    let document = TestDocument::biology();
    author.put(&document).await;
    let first = author.entry_uuid(&document.unique_id).await;
    assert!(other.listed("").await.contains(&document.unique_id));
    let sent = soap::new_version(&entry(&mut author, &document.unique_id).await, 1, masked);
    succeeded(&update(&mut author, &sent).await);
    assert!(!other.listed("").await.contains(&document.unique_id));
    let found = entry(&mut author, &document.unique_id).await;
    assert!(found.contains(MASKED) && found.contains(r#"versionName="2""#), "{found}");
    assert_eq!(soap::attributes(&found, "lid"), [first.as_str()]);
    assert_ne!(soap::attributes(&found, "id")[0], first);
    assert_eq!(author.bytes(&document.unique_id).await, document.body.as_slice());
    assert_eq!(newest(&gateway, &author.ins, "mask")["outcome"], "done");
    // The former version is shown to who says that it understands versions.
    let query = soap::get_documents(&document.unique_id)
        .replace("</AdhocQuery>", &format!("{}</AdhocQuery>", soap::query_slot("$MetadataLevel", "2")));
    assert_eq!(object_ids(&author.query(&query).await).len(), 2);
    // Sent again from the version that is no more the last.
    refused(&update(&mut author, &sent).await, "XDSMetadataVersionError", "metadata_version");
    // Unmasked: the same entry with N alone.
    let unmask = |entry: String| {
        let start = entry.find(r#"nodeRepresentation="MASQUE_PS""#).expect("masked");
        let (before, after) = (&entry[..start], &entry[start..]);
        let before = &before[..before.rfind("<Classification").expect("a classification")];
        let after = &after[after.find("</Classification>").expect("its end") + "</Classification>".len()..];
        format!("{before}{after}")
    };
    let sent = soap::new_version(&found, 2, unmask);
    succeeded(&update(&mut author, &sent).await);
    assert!(other.listed("").await.contains(&document.unique_id));
    assert_eq!(newest(&gateway, &author.ins, "unmask")["outcome"], "done");
    assert!(gateway.command(&["verify"]).contains("\"problems\":[]"));
}

#[tokio::test]
async fn another_professional_may_mask_but_change_nothing_else() {
    let gateway = Gateway::start();
    let mut author = Caller::of(&gateway, "medecin", 0);
    let mut other = Caller::of(&gateway, "pharmacien", 0);
    let document = TestDocument::biology();
    author.put(&document).await;
    let known = entry(&mut other, &document.unique_id).await;
    let retitled = |entry: String| entry.replace(&document.title, "Autre titre");
    let sent = soap::new_version(&known, 1, |e| masked(retitled(e)));
    refused(&update(&mut other, &sent).await, "UnmodifiableMetadataError", "unmodifiable_metadata");
    let sent = soap::new_version(&known, 1, retitled);
    refused(&update(&mut other, &sent).await, "LocalPolicyRestrictionError", "not_author");
    succeeded(&update(&mut other, &soap::new_version(&known, 1, masked)).await);
    // He sees it no more, and may not take the mask off.
    assert!(!other.listed("").await.contains(&document.unique_id));
    let unmask = soap::new_version(&known, 2, |e| e);
    refused(&update(&mut other, &unmask).await, "XDSMetadataIdentifierError", "metadata_identifier");
    // The author corrects his own.
    let mine = entry(&mut author, &document.unique_id).await;
    succeeded(&update(&mut author, &soap::new_version(&mine, 2, retitled)).await);
    assert!(entry(&mut author, &document.unique_id).await.contains("Autre titre"));
}

#[tokio::test]
async fn what_no_update_may_change_is_refused() {
    let gateway = Gateway::start();
    let mut author = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    author.put(&document).await;
    let known = entry(&mut author, &document.unique_id).await;
    let other_id = testkit::oid();
    for (edit, cause, code) in [
        ((document.unique_id.as_str(), other_id.as_str()), "unmodifiable_metadata", "UnmodifiableMetadataError"),
        (("mimeType=\"text/xml\"", "mimeType=\"text/plain\""), "unmodifiable_metadata", "UnmodifiableMetadataError"),
        (("lid=\"urn:uuid:", "lid=\"urn:uuid:0"), "metadata_identifier", "XDSMetadataIdentifierError"),
    ] {
        let sent = soap::new_version(&known, 1, |e| e.replace(edit.0, edit.1));
        refused(&update(&mut author, &sent).await, code, cause);
    }
    let nothing = update(&mut author, "").await;
    refused(&nothing, "XDSMetadataUpdateOperationError", "metadata_operation");
    let uuid = author.entry_uuid(&document.unique_id).await;
    let order = soap::status_order(&uuid, APPROVED, DEPRECATED);
    refused(&submit(&mut author, RESTRICTED, &order).await, "XDSMetadataUpdateOperationError", "metadata_operation");
    succeeded(&submit(&mut author, RESTRICTED, &soap::new_version(&known, 1, masked)).await);
}

#[tokio::test]
async fn a_hospital_deletes_what_is_its_own_and_nothing_else() {
    let gateway = Gateway::start();
    let mut hospital = Caller::of(&gateway, "hopital", 0);
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let (own, other) = (TestDocument::biology(), TestDocument::biology());
    hospital.put(&own).await;
    physician.put(&other).await;
    let uuid = hospital.entry_uuid(&own.unique_id).await;
    succeeded(&update(&mut hospital, &soap::status_order(&uuid, APPROVED, DELETED)).await);
    let uuid = physician.entry_uuid(&other.unique_id).await;
    let reply = update(&mut hospital, &soap::status_order(&uuid, APPROVED, DELETED)).await;
    refused(&reply, "UnresolvedReferenceException", "unknown_association_target");
    assert!(physician.listed("").await.contains(&other.unique_id));
}

fn remove(ids: &[String]) -> String {
    let refs: String = ids.iter().map(|id| format!(r#"<rim:ObjectRef id="{id}"/>"#)).collect();
    format!(
        r#"<lcm:RemoveObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><rim:ObjectRefList>{refs}</rim:ObjectRefList></lcm:RemoveObjectsRequest>"#
    )
}

#[tokio::test]
async fn metadata_and_documents_are_removed_with_all_that_refers_to_them() {
    let gateway = Gateway::start();
    let mut author = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    author.put(&document).await;
    let uuid = author.entry_uuid(&document.unique_id).await;
    let action = "urn:ihe:iti:2010:DeleteDocumentSet";
    let send = |caller: &Caller, ids: &[String]| soap::envelope(action, &caller.vihf, &remove(ids));
    let alone = send(&author, std::slice::from_ref(&uuid));
    refused(&author.post_envelope(soap::REGISTRY, alone).await, "ReferencesExistException", "references_exist");
    let query =
        soap::stored_query("51224314-5390-4169-9b91-b1980040715a", "ObjectRef", &[("$uuid", &format!("('{uuid}')"))]);
    let mut all = object_ids(&author.query(&query).await);
    all.push(uuid);
    assert_eq!(all.len(), 3);
    // Another's it is not to remove.
    let mut other = Caller::of(&gateway, "pharmacien", 0);
    let theirs = send(&other, &all);
    refused(&other.post_envelope(soap::REGISTRY, theirs).await, "LocalPolicyRestrictionError", "not_author");
    let mine = send(&author, &all);
    succeeded(&author.post_envelope(soap::REGISTRY, mine).await);
    assert!(!author.listed("").await.contains(&document.unique_id));

    let document = TestDocument::biology();
    author.put(&document).await;
    let body = |repository: &str| {
        format!(
            r#"<rmd:RemoveDocumentsRequest xmlns:rmd="urn:ihe:iti:rmd:2017"><x:DocumentRequest xmlns:x="urn:ihe:iti:xds-b:2007"><x:RepositoryUniqueId>{repository}</x:RepositoryUniqueId><x:DocumentUniqueId>{}</x:DocumentUniqueId></x:DocumentRequest></rmd:RemoveDocumentsRequest>"#,
            document.unique_id
        )
    };
    let action = "urn:ihe:iti:2017:RemoveDocuments";
    let elsewhere = soap::envelope(action, &author.vihf, &body("1.2.3"));
    refused(&author.post_envelope(soap::REPOSITORY, elsewhere).await, "XDSUnknownRepositoryId", "unknown_repository");
    let here = soap::envelope(action, &author.vihf, &body(soap::REPOSITORY_ID));
    succeeded(&author.post_envelope(soap::REPOSITORY, here).await);
    assert!(!author.listed("").await.contains(&document.unique_id));
}

#[tokio::test]
async fn a_document_of_another_repository_is_registered_and_found() {
    let gateway = Gateway::start();
    let mut author = Caller::of(&gateway, "medecin", 0);
    let elsewhere = [
        soap::query_slot("repositoryUniqueId", "1.2.250.1.999.77"),
        soap::query_slot("hash", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        soap::query_slot("size", "4711"),
    ];
    let document = TestDocument { extra: elsewhere.concat(), ..TestDocument::biology() };
    let member = soap::association(soap::HAS_MEMBER, soap::SET, &document.id, &[("SubmissionSetStatus", "Original")]);
    let objects = soap::document_entry(&author.ins, &document) + &member;
    succeeded(&submit(&mut author, "urn:ihe:iti:2007:RegisterDocumentSet-b", &objects).await);
    let found = entry(&mut author, &document.unique_id).await;
    assert!(found.contains("1.2.250.1.999.77") && found.contains("4711"), "{found}");
    assert!(!author.retrieve(&document.unique_id).await.text().contains("ResponseStatusType:Success"));
    // Without repository, hash and size it is no entry of a document elsewhere.
    let bare = TestDocument::biology();
    let member = soap::association(soap::HAS_MEMBER, soap::SET, &bare.id, &[("SubmissionSetStatus", "Original")]);
    let objects = soap::document_entry(&author.ins, &bare) + &member;
    let reply = submit(&mut author, "urn:ihe:iti:2007:RegisterDocumentSet-b", &objects).await;
    refused(&reply, "XDSRegistryMetadataError", "metadata_missing");

    // On demand: asked for by its own kind.
    let on_demand =
        TestDocument { extra: soap::query_slot("repositoryUniqueId", "1.2.250.1.999.77"), ..TestDocument::biology() };
    let member = soap::association(soap::HAS_MEMBER, soap::SET, &on_demand.id, &[("SubmissionSetStatus", "Original")]);
    let objects = soap::document_entry(&author.ins, &on_demand)
        .replace("7edca82f-054d-47f2-a032-9b2a5b5186c1", "34268e47-fdf5-41a6-ba33-82133c465248")
        + &member;
    succeeded(&submit(&mut author, "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry", &objects).await);
    assert!(!author.listed("").await.contains(&on_demand.unique_id));
    let kind = soap::query_slot("$XDSDocumentEntryType", "('urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248')");
    let found = author.find(&kind).await;
    assert_eq!(unique_ids(&found), [on_demand.unique_id.as_str()]);
    let shown = soap::element_of(&found.text(), "ExtrinsicObject");
    assert!(!shown.contains("\"hash\"") && !shown.contains("creationTime"), "{shown}");
    assert!(gateway.command(&["verify"]).contains("\"problems\":[]"));
}

#[tokio::test]
async fn what_a_new_version_says_obeys_the_rules_of_metadata_too() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    physician.put(&document).await;
    let current = entry(&mut physician, &document.unique_id).await;
    for (from, to, cause) in [
        ("<ExtrinsicObject ", r#"<ExtrinsicObject home="1.2.3" "#, "metadata_community"),
        ("PID-8|F", "PID-8|FEMME", "metadata_patient_info"),
        ("&amp;1.2.250.1.999.8.2&amp;ISO^PI", "&amp;x&amp;ISO^PI", "metadata_patient_id"),
    ] {
        let version = soap::new_version(&current, 1, |entry| {
            assert!(entry.contains(from), "{from}: {entry}");
            entry.replacen(from, to, 1)
        });
        refused(&update(&mut physician, &version).await, "XDSRegistryMetadataError", cause);
    }
    // Who only changes who sees it names it properly too.
    let version = soap::new_version(&current, 1, masked).replace("\"Document01\"", "\"urn:uuid:1\"");
    refused(&update(&mut physician, &version).await, "XDSRegistryMetadataError", "metadata_uuid");
    let version = soap::new_version(&current, 1, masked);
    succeeded(&update(&mut physician, &version).await);
}
