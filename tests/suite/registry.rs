//! The registry whole: every stored query of ITI-18, folders, links, and what a caller is not shown.

use testkit::{
    Gateway, GatewayOptions, Reply, TestDocument,
    soap::{self, Deposit, HAS_MEMBER, SET, stored_query},
};

use crate::{
    operations::page,
    support::{Caller, object_ids, refused, succeeded, unique_ids},
};

const FIND_SETS: &str = "f26abbcb-ac74-4422-8a30-edb644bbc1a9";
const FIND_FOLDERS: &str = "958f3006-baad-4929-a4de-ff1114824431";
const GET_ALL: &str = "10b545ea-725c-446d-9b95-8aeb444eddf3";
const GET_FOLDERS: &str = "5737b14c-8a1a-4539-b659-e03a34a5e1e4";
const GET_ASSOCIATIONS: &str = "a7ae438b-4bc2-4642-93e9-be891f7bb155";
const GET_DOCUMENTS_AND_ASSOCIATIONS: &str = "bab9529a-4a10-40b3-a01f-f68a615d247a";
const GET_SETS: &str = "51224314-5390-4169-9b91-b1980040715a";
const GET_SET_AND_CONTENTS: &str = "e8e3cb2c-e39c-46b9-99e4-c12f57260b83";
const GET_FOLDER_AND_CONTENTS: &str = "b909a503-523d-4517-8acf-8e5834dfc4c7";
const GET_FOLDERS_FOR_DOCUMENT: &str = "10cae35a-c7f9-4cf5-b61e-fc3278ffb578";
const GET_RELATED: &str = "d90e5407-b356-4d91-a89f-873917b4b0e6";
const FIND_BY_REFERENCE: &str = "12941a89-e02e-4be5-967c-ce4bfc8fe492";

const APND: &str = "urn:ihe:iti:2007:AssociationType:APND";

/// How many objects of each kind an answer holds: sets and folders, documents, links.
fn counts(reply: &Reply) -> (usize, usize, usize) {
    succeeded(reply);
    let text = reply.text();
    let count = |name: &str| text.matches(&format!("<rim:{name} ")).count();
    (count("RegistryPackage"), count("ExtrinsicObject"), count("Association"))
}

fn quoted(text: &str) -> String {
    format!("('{text}')")
}

fn patient(ins: &str) -> String {
    format!("'{ins}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH'")
}

/// A set of two documents, the first in a folder of the set.
struct World {
    caller: Caller,
    documents: [TestDocument; 2],
    set: String,
    folder: String,
}

impl World {
    async fn of(gateway: &Gateway) -> Self {
        let mut caller = Caller::of(gateway, "medecin", 0);
        let first = TestDocument { id: "DocA".into(), ..TestDocument::biology() };
        let second = TestDocument { id: "DocB".into(), ..TestDocument::biology() };
        let (set, folder) = (testkit::oid(), testkit::oid());
        let documents = [first, second];
        let in_folder = soap::association(HAS_MEMBER, "Folder01", "DocA", &[]);
        let more = [
            soap::folder("Folder01", &caller.ins, &folder, "Suivi de grossesse"),
            soap::association(HAS_MEMBER, SET, "Folder01", &[]),
            in_folder,
            soap::association(HAS_MEMBER, SET, "Folder01.DocA", &[]),
        ];
        let deposit = Deposit {
            ins: caller.ins.clone(),
            set_id: set.clone(),
            documents: documents.to_vec(),
            more: more.concat(),
        };
        succeeded(&caller.send(&deposit).await);
        Self { caller, documents, set, folder }
    }

    async fn ask(&mut self, id: &str, slots: &[(&str, &str)]) -> Reply {
        self.caller.query(&stored_query(id, "LeafClass", slots)).await
    }

    async fn uuid(&mut self, n: usize) -> String {
        let id = self.documents[n].unique_id.clone();
        self.caller.entry_uuid(&id).await
    }
}

#[tokio::test]
async fn a_folder_goes_in_with_its_documents_and_comes_back_as_it_was() {
    let gateway = Gateway::start();
    let mut world = World::of(&gateway).await;
    let unique = quoted(&world.folder);
    let found = world.ask(GET_FOLDERS, &[("$XDSFolderUniqueId", &unique)]).await;
    assert_eq!(counts(&found), (1, 0, 0));
    let text = found.text();
    for given in
        ["Suivi de grossesse", "Classeur de test", "GROSSESSE", "1.2.250.1.999.9", "lastUpdateTime", &world.folder]
    {
        assert!(text.contains(given), "{given}: {text}");
    }
    let contents = world.ask(GET_FOLDER_AND_CONTENTS, &[("$XDSFolderUniqueId", &format!("'{}'", world.folder))]).await;
    assert_eq!(counts(&contents), (1, 1, 1));
    assert_eq!(unique_ids(&contents), [world.documents[0].unique_id.as_str()]);
    let document = world.uuid(0).await;
    let by_document = [("$XDSDocumentEntryEntryUUID", format!("'{document}'"))];
    let holding = world.ask(GET_FOLDERS_FOR_DOCUMENT, &[(by_document[0].0, &by_document[0].1)]).await;
    assert_eq!(counts(&holding), (1, 0, 0));
    let other = world.uuid(1).await;
    let none = world.ask(GET_FOLDERS_FOR_DOCUMENT, &[("$XDSDocumentEntryEntryUUID", &format!("'{other}'"))]).await;
    assert_eq!(counts(&none), (0, 0, 0));
}

#[tokio::test]
async fn every_find_is_answered_by_its_criteria() {
    let gateway = Gateway::start();
    let mut world = World::of(&gateway).await;
    let (ins, approved) = (patient(&world.caller.ins), quoted(soap::APPROVED));
    let sets = |more: &[(&str, &str)]| {
        let mut slots =
            vec![("$XDSSubmissionSetPatientId", ins.as_str()), ("$XDSSubmissionSetStatus", approved.as_str())];
        slots.extend_from_slice(more);
        stored_query(FIND_SETS, "LeafClass", &slots)
    };
    let all = counts(&world.caller.query(&sets(&[])).await).0;
    assert!(all >= 1);
    for (name, fits, not) in [
        ("$XDSSubmissionSetSourceId", "('1.2.250.1.999.8')", "('1.2.250.1.999.99')"),
        ("$XDSSubmissionSetContentType", "('04^^1.2.250.1.213.2.2')", "('19^^1.2.250.1.213.2.2')"),
        ("$XDSSubmissionSetAuthorPerson", "'%VASSEUR%'", "'%NOBODY%'"),
        ("$XDSSubmissionSetSubmissionTimeFrom", "20260101120000", "20260101120001"),
        ("$XDSSubmissionSetSubmissionTimeTo", "20260101120001", "20250101"),
    ] {
        let found = world.caller.query(&sets(&[(name, fits)])).await;
        assert!(found.text().contains(&world.set), "{name}: {}", found.text());
        let found = world.caller.query(&sets(&[(name, not)])).await;
        assert!(!found.text().contains(&world.set), "{name}");
    }
    let folders = |more: &[(&str, &str)]| {
        let mut slots = vec![("$XDSFolderPatientId", ins.as_str()), ("$XDSFolderStatus", approved.as_str())];
        slots.extend_from_slice(more);
        stored_query(FIND_FOLDERS, "LeafClass", &slots)
    };
    assert_eq!(counts(&world.caller.query(&folders(&[])).await).0, 1);
    for (name, fits, not) in [
        ("$XDSFolderCodeList", "('GROSSESSE^^1.2.250.1.999.9')", "('AUTRE^^1.2.250.1.999.9')"),
        ("$XDSFolderLastUpdateTimeFrom", "2020", "2999"),
    ] {
        assert_eq!(counts(&world.caller.query(&folders(&[(name, fits)])).await).0, 1, "{name}");
        assert_eq!(counts(&world.caller.query(&folders(&[(name, not)])).await).0, 0, "{name}");
    }
    let everything = [
        ("$patientId", ins.as_str()),
        ("$XDSDocumentEntryStatus", approved.as_str()),
        ("$XDSSubmissionSetStatus", approved.as_str()),
        ("$XDSFolderStatus", approved.as_str()),
    ];
    let found = world.ask(GET_ALL, &everything).await;
    let (packages, documents, links) = counts(&found);
    assert!(packages >= 2 && documents >= 2 && links >= 5, "{packages} {documents} {links}");
    let refs = world.caller.query(&stored_query(GET_ALL, "ObjectRef", &everything)).await;
    assert_eq!(object_ids(&refs).len(), packages + documents + links);
    assert!(!refs.text().contains("ExtrinsicObject"));
}

#[tokio::test]
async fn what_is_looked_up_by_identifiers_is_found_with_its_links() {
    let gateway = Gateway::start();
    let mut world = World::of(&gateway).await;
    let (a, b) = (world.uuid(0).await, world.uuid(1).await);
    // From the set, and from the folder.
    let both = format!("('{a}','{b}')");
    assert_eq!(counts(&world.ask(GET_ASSOCIATIONS, &[("$uuid", &both)]).await), (0, 0, 3));
    let found = world.ask(GET_DOCUMENTS_AND_ASSOCIATIONS, &[("$XDSDocumentEntryEntryUUID", &quoted(&a))]).await;
    assert_eq!(counts(&found), (0, 1, 2));
    let found = world.ask(GET_SETS, &[("$uuid", &both)]).await;
    assert_eq!(counts(&found), (1, 0, 2));
    assert!(found.text().contains(&world.set));
    let by_unique = format!("'{}'", world.set);
    let found = world.ask(GET_SET_AND_CONTENTS, &[("$XDSSubmissionSetUniqueId", &by_unique)]).await;
    // The set and its folder; two documents; set to each of three, set to the link, and the link.
    assert_eq!(counts(&found), (2, 2, 5));
    let formats = quoted("none^^1.2.3");
    let slots = [("$XDSSubmissionSetUniqueId", by_unique.as_str()), ("$XDSDocumentEntryFormatCode", formats.as_str())];
    assert_eq!(counts(&world.ask(GET_SET_AND_CONTENTS, &slots).await).1, 0);
}

#[tokio::test]
async fn documents_are_found_by_what_they_refer_to_and_by_what_is_linked_to_them() {
    let gateway = Gateway::start();
    let mut world = World::of(&gateway).await;
    let reference = "ACC-77^^^&amp;1.2.250.1.999.5&amp;ISO^urn:ihe:iti:xds:2013:accession";
    let extra = soap::query_slot("urn:ihe:iti:xds:2013:referenceIdList", reference);
    let addendum = TestDocument { extra, ..TestDocument::biology() };
    let target = world.uuid(0).await;
    let more = soap::association(APND, &addendum.id, &target, &[]);
    let deposit = Deposit { more, ..Deposit::one(&world.caller.ins, addendum.clone()) };
    succeeded(&world.caller.send(&deposit).await);
    let (ins, approved) = (patient(&world.caller.ins), quoted(soap::APPROVED));
    let by = |value: &str| {
        let slots = [
            ("$XDSDocumentEntryPatientId", ins.as_str()),
            ("$XDSDocumentEntryStatus", approved.as_str()),
            ("$XDSDocumentEntryReferenceIdList", value),
        ];
        stored_query(FIND_BY_REFERENCE, "LeafClass", &slots)
    };
    let found = world.caller.query(&by(&quoted(reference))).await;
    assert_eq!(unique_ids(&found), [addendum.unique_id.as_str()]);
    assert_eq!(counts(&world.caller.query(&by("('other')")).await).1, 0);
    let slots = [("$XDSDocumentEntryEntryUUID", format!("'{target}'")), ("$AssociationTypes", quoted(APND))];
    let slots = [(slots[0].0, slots[0].1.as_str()), (slots[1].0, slots[1].1.as_str())];
    assert_eq!(counts(&world.ask(GET_RELATED, &slots).await), (0, 2, 1));
    let other = [slots[0], ("$AssociationTypes", "('urn:ihe:iti:2007:AssociationType:XFRM')")];
    assert_eq!(counts(&world.ask(GET_RELATED, &other).await), (0, 0, 0));
}

#[tokio::test]
async fn a_replacement_goes_into_the_folders_of_what_it_replaces() {
    let gateway = Gateway::start();
    let mut world = World::of(&gateway).await;
    let target = world.uuid(0).await;
    let second = TestDocument { replaces: Some(target), ..TestDocument::biology() };
    world.caller.put(&second).await;
    let unique = format!("'{}'", world.folder);
    let contents = world.ask(GET_FOLDER_AND_CONTENTS, &[("$XDSFolderUniqueId", &unique)]).await;
    assert_eq!(counts(&contents), (1, 2, 2));
    assert!(unique_ids(&contents).contains(&second.unique_id));
}

#[tokio::test]
async fn a_document_goes_into_a_folder_that_is_there_and_one_into_none_is_refused() {
    let gateway = Gateway::start();
    let mut world = World::of(&gateway).await;
    let found = world.ask(GET_FOLDERS, &[("$XDSFolderUniqueId", &quoted(&world.folder.clone()))]).await;
    let folder = soap::attributes(&soap::element_of(&found.text(), "RegistryPackage"), "id").remove(0);
    let document = TestDocument::biology();
    let more = soap::association(HAS_MEMBER, &folder, &document.id, &[]);
    let deposit = Deposit { more, ..Deposit::one(&world.caller.ins, document.clone()) };
    succeeded(&world.caller.send(&deposit).await);
    let unique = format!("'{}'", world.folder);
    let contents = world.ask(GET_FOLDER_AND_CONTENTS, &[("$XDSFolderUniqueId", &unique)]).await;
    assert_eq!(counts(&contents).1, 2);
    let none = format!("urn:uuid:{}", testkit::uuid());
    let document = TestDocument::biology();
    let more = soap::association(HAS_MEMBER, &none, &document.id, &[]);
    let deposit = Deposit { more, ..Deposit::one(&world.caller.ins, document) };
    refused(&world.caller.send(&deposit).await, "UnresolvedReferenceException", "unknown_association_target");
}

#[tokio::test]
async fn what_is_masked_is_not_told_by_its_set_its_folder_or_its_links() {
    let gateway = Gateway::start();
    let mut owner = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument { visibility: vec!["MASQUE_PS".into()], ..TestDocument::biology() };
    let (set, folder) = (testkit::oid(), testkit::oid());
    let more = [
        soap::folder("Folder01", &owner.ins, &folder, "Classeur"),
        soap::association(HAS_MEMBER, SET, "Folder01", &[]),
        soap::association(HAS_MEMBER, "Folder01", &document.id, &[]),
    ];
    let deposit =
        Deposit { ins: owner.ins.clone(), set_id: set.clone(), documents: vec![document.clone()], more: more.concat() };
    succeeded(&owner.send(&deposit).await);
    let uuid = owner.entry_uuid(&document.unique_id).await;
    let mut other = Caller::of(&gateway, "pharmacien", 0);
    let (set, folder, uuids) = (format!("'{set}'"), format!("'{folder}'"), quoted(&uuid));
    for (query, name, value) in [
        (GET_SET_AND_CONTENTS, "$XDSSubmissionSetUniqueId", &set),
        (GET_FOLDER_AND_CONTENTS, "$XDSFolderUniqueId", &folder),
        (GET_ASSOCIATIONS, "$uuid", &uuids),
        (GET_SETS, "$uuid", &uuids),
        (GET_DOCUMENTS_AND_ASSOCIATIONS, "$XDSDocumentEntryEntryUUID", &uuids),
    ] {
        let slots = [(name, value.as_str())];
        let message = stored_query(query, "LeafClass", &slots);
        let shown = counts(&owner.query(&message).await);
        assert!(shown.0 + shown.1 + shown.2 > 0, "{query}: {shown:?}");
        assert_eq!(counts(&other.query(&message).await), (0, 0, 0), "{query}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told_by_its_own_code() {
    let gateway = Gateway::start();
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let ins = patient(&caller.ins);
    let missing = "XDSStoredQueryMissingParam";
    let number = "XDSStoredQueryParamNumber";
    for (id, slots, code, cause) in [
        (FIND_SETS, vec![("$XDSSubmissionSetPatientId", ins.as_str())], missing, "query_parameter_missing"),
        (FIND_FOLDERS, vec![("$XDSFolderStatus", "('x')")], number, "query_parameter_invalid"),
        (GET_ALL, vec![("$patientId", ins.as_str())], missing, "query_parameter_missing"),
        (GET_ASSOCIATIONS, vec![], missing, "query_parameter_missing"),
        (GET_RELATED, vec![("$XDSDocumentEntryEntryUUID", "'x'")], missing, "query_parameter_missing"),
        (
            GET_FOLDERS,
            vec![("$XDSFolderUniqueId", "('a')"), ("$XDSFolderEntryUUID", "('b')")],
            number,
            "query_parameter_invalid",
        ),
        (GET_SET_AND_CONTENTS, vec![("$XDSSubmissionSetUniqueId", "('a','b')")], number, "query_parameter_invalid"),
        (GET_SETS, vec![("$uuid", "('a')"), ("$unheardOf", "'1'")], number, "query_parameter_unknown"),
        ("00000000-0000-0000-0000-000000000000", vec![], "XDSUnknownStoredQuery", "unknown_stored_query"),
    ] {
        refused(&caller.query(&stored_query(id, "LeafClass", &slots)).await, code, cause);
    }
}

/// Commits the gateway has made for callers so far.
pub(crate) fn commits(gateway: &Gateway) -> u64 {
    let (_, metrics) = page(&gateway.admin, "/metrics");
    let line = metrics.lines().find(|l| l.starts_with("passerelle_commit_seconds_count")).expect("a count");
    line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}

#[tokio::test]
async fn a_call_makes_one_transaction_at_most() {
    let gateway = Gateway::start();
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let documents = [TestDocument::biology(), TestDocument { id: "DocB".into(), ..TestDocument::biology() }];
    let deposit = Deposit { documents: documents.to_vec(), ..Deposit::one(&caller.ins, documents[0].clone()) };
    let before = commits(&gateway);
    succeeded(&caller.send(&deposit).await);
    assert_eq!(commits(&gateway), before + 1, "ITI-41");
    let ins = patient(&caller.ins);
    let approved = quoted(soap::APPROVED);
    let everything = [
        ("$patientId", ins.as_str()),
        ("$XDSDocumentEntryStatus", approved.as_str()),
        ("$XDSSubmissionSetStatus", approved.as_str()),
        ("$XDSFolderStatus", approved.as_str()),
    ];
    let before = commits(&gateway);
    succeeded(&caller.query(&stored_query(GET_ALL, "LeafClass", &everything)).await);
    assert_eq!(commits(&gateway), before + 1, "ITI-18");
    let both = documents.each_ref().map(|d| (soap::REPOSITORY_ID, d.unique_id.as_str()));
    let asked = [both[0], both[1], (soap::REPOSITORY_ID, "1.2.3"), ("1.2.3", "1.2.3")];
    let before = commits(&gateway);
    let reply = caller.retrieve_all(&asked).await;
    assert_eq!(soap::unpack(&reply).1.len(), 2);
    assert_eq!(commits(&gateway), before + 1, "ITI-43, given and refused");
    let before = commits(&gateway);
    refused(
        &caller.query(&stored_query(GET_ALL, "LeafClass", &[])).await,
        "XDSStoredQueryMissingParam",
        "query_parameter_missing",
    );
    assert_eq!(commits(&gateway), before + 1, "a refusal");
}

#[tokio::test]
async fn another_community_is_not_known_here() {
    let gateway = Gateway::start();
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let ins = patient(&caller.ins);
    let approved = quoted(soap::APPROVED);
    let slots = [("$XDSDocumentEntryPatientId", ins.as_str()), ("$XDSDocumentEntryStatus", approved.as_str())];
    let query = stored_query("14d4debf-8f97-4251-9a74-a90016b0af0d", "LeafClass", &slots);
    let elsewhere = query.replace("<AdhocQuery id", r#"<AdhocQuery home="urn:oid:1.2.3.4" id"#);
    refused(&caller.query(&elsewhere).await, "XDSUnknownCommunity", "unknown_community");
    let own = Gateway::with(GatewayOptions::default().with("IHE__HOME_COMMUNITY_ID", "1.2.3.4"));
    let mut caller = Caller::of(&own, "medecin", 0);
    let elsewhere = elsewhere.replace(&ins, &patient(&caller.ins));
    succeeded(&caller.query(&elsewhere).await);
}
