//! The exchanges that `docs/dmp.md` shows are those of this module: `UPDATE_DOCS=1 cargo test -p passerelle-tests
//! examples` writes `docs/dmp/` anew, any other run compares. What differs from run to run (identifiers, times, the
//! VIHF) is replaced by fixed words.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use space::Purpose;
use testkit::{
    Gateway, TestDocument,
    soap::{self, APPROVED, ARCHIVED, DELETED, Deposit, HAS_MEMBER, SET},
};

use crate::support::{Caller, envelope_of, object_ids};

/// UUIDs that mean something are those the sources write.
const SOURCES: [&str; 4] = [
    include_str!("../kit/src/soap.rs"),
    include_str!("../../src/ihe/src/translate/scheme.rs"),
    include_str!("../../src/ihe/src/iti18.rs"),
    include_str!("../../src/ihe/src/people.rs"),
];

const UPDATE: &str = "urn:ihe:iti:2010:UpdateDocumentSet";
const IMAGING: &str = "18748-4";
/// Parameters of a stored query.
type Slots<'a> = &'a [(&'a str, &'a str)];
/// Heads of the identifiers of these examples.
const OURS: &str = "00000000-0000-4000-8000-";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dmp")
}

fn quoted(text: &str) -> String {
    format!("('{text}')")
}

/// The fixed words of what changes from run to run.
#[derive(Default)]
struct Words {
    uuids: BTreeMap<String, usize>,
    oids: BTreeMap<String, usize>,
}

impl Words {
    fn stable(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(uuid) = rest.get(..36).filter(|word| is_uuid(word)) {
                out.push_str(&self.uuid(uuid));
                rest = &rest[36..];
            } else if first.is_ascii_digit() {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                // What could be the head of an identifier is looked at letter by letter.
                let end = if rest[end..].starts_with(|c: char| c.is_ascii_hexdigit()) { 1 } else { end };
                out.push_str(&self.number(&rest[..end]));
                rest = &rest[end..];
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        out
    }

    /// Names the links of an answer by their ends.
    fn name_links(&mut self, xml: &str) {
        let one = |tag: &str| ["sourceObject", "targetObject", "id"].map(|name| soap::attributes(tag, name).concat());
        let tags = xml.split('<').filter(|tag| tag.starts_with("rim:Association "));
        let mut links: Vec<[String; 3]> = tags.map(one).collect();
        links.sort();
        for [_, _, id] in links {
            let _ = self.stable(&id);
        }
    }

    fn uuid(&mut self, word: &str) -> String {
        if word.starts_with(OURS) || SOURCES.iter().any(|source| source.contains(word)) {
            return word.to_owned();
        }
        let next = self.uuids.len() + 1;
        format!("{OURS}{:012}", self.uuids.entry(word.to_owned()).or_insert(next))
    }

    /// A number, a time or an OID.
    fn number(&mut self, word: &str) -> String {
        if word.strip_prefix("1.2.250.1.999.8.").is_some_and(|last| last.len() > 20) {
            let next = self.oids.len() + 101;
            return format!("1.2.250.1.999.8.{}", self.oids.entry(word.to_owned()).or_insert(next));
        }
        let now = word.len() == 14
            && word.starts_with("20")
            && !word.contains('.')
            && !["20260101", "2020", "2099"].iter().any(|fixed| word.starts_with(fixed));
        if now { "20260101120001".to_owned() } else { word.to_owned() }
    }
}

fn is_uuid(word: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    word.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && word.split('-').all(hex)
}

/// Files by name.
#[derive(Default)]
struct Examples {
    words: Words,
    files: BTreeMap<String, String>,
}

impl Examples {
    fn keep(&mut self, name: &str, xml: &str) {
        let start = xml.find("<saml2:Assertion").or_else(|| xml.find("<saml:Assertion"));
        let end = xml.rfind("Assertion>").map(|end| end + "Assertion>".len());
        let cut = match (start, end) {
            (Some(start), Some(end)) => format!("{}<!-- the signed VIHF -->{}", &xml[..start], &xml[end..]),
            _ => xml.to_owned(),
        };
        let mut lines: Vec<_> = self.words.stable(&soap::indented(&cut)).lines().map(str::to_owned).collect();
        // Links have no order among themselves.
        let refs = |line: &String| line.trim_start().starts_with("<rim:ObjectRef ");
        if name.ends_with("-answer") {
            for group in lines.chunk_by_mut(|a, b| refs(a) && refs(b)) {
                group.sort();
            }
        }
        let text = lines.join("\n") + "\n";
        assert!(self.files.insert(format!("{name}.xml"), text).is_none(), "{name} twice");
    }

    /// One exchange; its answer's envelope.
    async fn exchange(&mut self, name: &str, caller: &mut Caller, path: &str, action: &str, body: &str) -> String {
        let envelope = soap::envelope(action, &caller.vihf, body);
        let reply = caller.post_envelope(path, envelope.clone()).await;
        let answer = envelope_of(&reply);
        self.keep(&format!("{name}-request"), &envelope);
        self.keep(&format!("{name}-answer"), &answer);
        answer
    }

    /// A submission to the registry.
    async fn submit(&mut self, name: &str, caller: &mut Caller, action: &str, objects: &str) {
        let body = soap::submit_objects(&caller.ins, objects);
        let answer = self.exchange(name, caller, soap::REGISTRY, action, &body).await;
        assert!(answer.contains("ResponseStatusType:Success"), "{name}: {answer}");
    }

    async fn query(&mut self, name: &str, caller: &mut Caller, kind: &str, query: &str, slots: Slots<'_>) {
        let body = soap::stored_query(query, kind, slots);
        let action = "urn:ihe:iti:2007:RegistryStoredQuery";
        let answer = self.exchange(&format!("iti-18-{name}"), caller, soap::REGISTRY, action, &body).await;
        assert!(answer.contains("ResponseStatusType:Success"), "{name}: {answer}");
    }
}

fn imaging(id: &str) -> TestDocument {
    let body = br#"<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Exemple</title></ClinicalDocument>"#;
    TestDocument { id: id.into(), ..TestDocument::of(body.to_vec(), IMAGING, "31") }
}

async fn people(examples: &mut Examples, gateway: &Gateway) {
    let holder = &gateway.demo["holders"][0];
    let text = |key: &str| holder[key].as_str().expect("text").to_owned();
    let mut physician = Caller::of(gateway, "medecin", 0);
    let ins = physician.ins.clone();
    let action = |interaction: &str| format!("urn:hl7-org:v3:{interaction}");
    let get = action("PRPA_IN201307UV02");
    let body = soap::get_demographics(&ins, "TEST_EXST");
    examples.exchange("td0.2", &mut physician, soap::PATIENTS, &get, &body).await;
    let mut stranger = Caller::of(gateway, "medecin", 4);
    let unknown = soap::get_demographics(&stranger.ins.clone(), "TEST_EXST");
    examples.exchange("td0.2-no-record", &mut stranger, soap::PATIENTS, &get, &unknown).await;
    let set = "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorization";
    examples.exchange("td0.3", &mut physician, soap::HABILITATIONS, set, &soap::set_authorization("AJOUT", "")).await;
    let mut nurse = Caller::of(gateway, "infirmier", 0);
    let refused = soap::set_authorization("AJOUT", "MEDECIN_TRAITANT");
    examples.exchange("td0.3-refused", &mut nurse, soap::HABILITATIONS, set, &refused).await;
    let list = "urn:si-dmp-patients:PatientSpecificEndPoint:patientList";
    let listed = soap::patient_list("20200101000000", "LASTAUTORIZATION");
    examples.exchange("td0.4", &mut nurse, soap::PATIENTS, list, &listed).await;
    let mut regulation = Caller::with(gateway, "samu", 0, |c| {
        c.request.purpose = Purpose::Centre15;
        c.request.patient = None;
    });
    let traits = soap::candidate_traits(&text("family"), "", &text("birthDate").replace('-', ""), "");
    let find = action("PRPA_IN201305UV02");
    let sought = soap::find_candidates(&traits);
    examples.exchange("td0.5", &mut regulation, soap::PATIENTS, &find, &sought).await;
    examples.exchange("td0.5-refused", &mut physician, soap::PATIENTS, &find, &sought).await;
    let number = format!(
        r#"<livingSubjectId><value root="1.2.250.1.213.1.4.10" extension="{ins}"/><semanticsText>LivingSubject.id</semanticsText></livingSubjectId>"#
    );
    let by_number = soap::find_candidates(&number);
    examples.exchange("iti-47", &mut physician, soap::PATIENTS, &find, &by_number).await;
    let head = &body[body.find("<id ").expect("a head")..body.find("<controlActProcess").expect("an act")];
    let management = format!(
        r#"<PRPA_IN201311UV02 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0">{}<controlActProcess classCode="CACT" moodCode="RQO"><subject typeCode="SUBJ"><registrationRequest classCode="REG" moodCode="RQO"><statusCode code="active"/><subject1 typeCode="SBJ"><patient classCode="PAT"><id root="1.2.250.1.213.1.4.10" extension="{ins}"/><statusCode code="active"/><patientPerson classCode="PSN" determinerCode="INSTANCE"><name><family>{}</family></name></patientPerson><providerOrganization classCode="ORG" determinerCode="INSTANCE"><id root="1.2.250.1.71.4.2.2" extension="499900000101001"/><contactParty classCode="CON"/></providerOrganization></patient></subject1></registrationRequest></subject></controlActProcess></PRPA_IN201311UV02>"#,
        head.replace("PRPA_IN201307UV02", "PRPA_IN201311UV02"),
        text("family"),
    );
    let add = action("PRPA_IN201311UV02");
    examples.exchange("td1.1-refused", &mut physician, soap::PATIENTS, &add, &management).await;
    let body = soap::get_demographics(&ins, "CNSLT_DATA");
    examples.exchange("td1.3a", &mut physician, soap::PATIENTS, &get, &body).await;
    let listing = "urn:si-dmp-habilitations:HabilitationsEndPoint:listAuthorizationByPatient";
    let body = soap::list_authorization("TOUTE");
    examples.exchange("td1.6", &mut physician, soap::HABILITATIONS, listing, &body).await;
}

/// A set of a document in a folder, deposited; the document.
async fn deposit(examples: &mut Examples, caller: &mut Caller) -> (TestDocument, String, String) {
    let (document, set, folder) = (imaging("Document01"), testkit::oid(), testkit::oid());
    let more = [
        soap::folder("Folder01", &caller.ins, &folder, "Suivi"),
        soap::association(HAS_MEMBER, SET, "Folder01", &[]),
        soap::association(HAS_MEMBER, "Folder01", "Document01", &[]),
    ];
    let deposit = Deposit {
        ins: caller.ins.clone(),
        set_id: set.clone(),
        documents: vec![document.clone()],
        more: more.concat(),
    };
    let action = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";
    // Identifiers of one's own instead of symbols: the registry keeps them, and the examples stay the same.
    let named = [
        "SubmissionSet01.Document01",
        "SubmissionSet01.Folder01",
        "Folder01.Document01",
        "SubmissionSet01",
        "Document01",
        "Folder01",
    ];
    let body = named
        .iter()
        .enumerate()
        .fold(deposit.body(), |body, (n, symbol)| body.replace(symbol, &format!("urn:uuid:{OURS}0000000009{n:02}")));
    let envelope = soap::envelope(action, &caller.vihf, &body);
    let sent = soap::package(&envelope, &[("text/xml", document.body.as_slice())]);
    let reply = caller.post_package(sent).await;
    examples.keep("td2.1-request", &envelope);
    examples.keep("td2.1-answer", &reply.text());
    assert!(reply.text().contains("ResponseStatusType:Success"), "{}", reply.text());
    (document, set, folder)
}

async fn queries(examples: &mut Examples, caller: &mut Caller, (id, set, folder): (&str, &str, &str)) {
    let uuid = caller.entry_uuid(id).await;
    let links = soap::stored_query(
        "e8e3cb2c-e39c-46b9-99e4-c12f57260b83",
        "LeafClass",
        &[("$XDSSubmissionSetUniqueId", &format!("'{set}'"))],
    );
    examples.words.name_links(&caller.query(&links).await.text());
    let patient = format!("'{}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH'", caller.ins);
    let (patient, approved) = (patient.as_str(), quoted(APPROVED));
    let (uuids, one, set, folder) = (quoted(&uuid), format!("'{uuid}'"), format!("'{set}'"), format!("'{folder}'"));
    let (approved, uuids, one, set, folder) =
        (approved.as_str(), uuids.as_str(), one.as_str(), set.as_str(), folder.as_str());
    let of_entry = [("$XDSDocumentEntryPatientId", patient), ("$XDSDocumentEntryStatus", approved)];
    let kind = ("$XDSDocumentEntryTypeCode", "('18748-4^^2.16.840.1.113883.6.1')");
    let (leaf, refs) = ("LeafClass", "ObjectRef");
    let asked = "14d4debf-8f97-4251-9a74-a90016b0af0d";
    examples.query("find-documents", caller, leaf, asked, &[of_entry[0], of_entry[1], kind]).await;
    let reference = (
        "$XDSDocumentEntryReferenceIdList",
        "('ACC-77^^^&amp;1.2.250.1.999.5&amp;ISO^urn:ihe:iti:xds:2013:accession')",
    );
    let slots = [of_entry[0], of_entry[1], reference];
    let asked = "12941a89-e02e-4be5-967c-ce4bfc8fe492";
    examples.query("find-documents-by-reference-id", caller, refs, asked, &slots).await;
    let slots = [
        ("$XDSSubmissionSetPatientId", patient),
        ("$XDSSubmissionSetStatus", approved),
        ("$XDSSubmissionSetSourceId", "('1.2.250.1.999.8')"),
    ];
    examples.query("find-submission-sets", caller, refs, "f26abbcb-ac74-4422-8a30-edb644bbc1a9", &slots).await;
    let slots = [("$XDSFolderPatientId", patient), ("$XDSFolderStatus", approved)];
    examples.query("find-folders", caller, leaf, "958f3006-baad-4929-a4de-ff1114824431", &slots).await;
    let document = ("$XDSDocumentEntryUniqueId", quoted(id));
    let document = [(document.0, document.1.as_str())];
    examples.query("get-documents", caller, refs, "5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4", &document).await;
    let (in_folder, in_set) = ([("$XDSFolderUniqueId", folder)], [("$XDSSubmissionSetUniqueId", set)]);
    let (any, by_uuid) = ([("$uuid", uuids)], [("$XDSDocumentEntryEntryUUID", one)]);
    let by_uuids = [("$XDSDocumentEntryEntryUUID", uuids)];
    let related = [by_uuid[0], ("$AssociationTypes", "('urn:ihe:iti:2007:AssociationType:APND')")];
    let in_folders = [("$XDSFolderUniqueId", quoted(folder.trim_matches('\'')))];
    let in_folders = [(in_folders[0].0, in_folders[0].1.as_str())];
    let all: [(&str, &str, Slots<'_>); 8] = [
        ("get-folders", "5737b14c-8a1a-4539-b659-e03a34a5e1e4", &in_folders),
        ("get-associations", "a7ae438b-4bc2-4642-93e9-be891f7bb155", &any),
        ("get-documents-and-associations", "bab9529a-4a10-40b3-a01f-f68a615d247a", &by_uuids),
        ("get-submission-sets", "51224314-5390-4169-9b91-b1980040715a", &any),
        ("get-submission-set-and-contents", "e8e3cb2c-e39c-46b9-99e4-c12f57260b83", &in_set),
        ("get-folder-and-contents", "b909a503-523d-4517-8acf-8e5834dfc4c7", &in_folder),
        ("get-folders-for-document", "10cae35a-c7f9-4cf5-b61e-fc3278ffb578", &by_uuid),
        ("get-related-documents", "d90e5407-b356-4d91-a89f-873917b4b0e6", &related),
    ];
    for (name, asked, slots) in all {
        examples.query(name, caller, refs, asked, slots).await;
    }
    // Everything of a holder with one document, and nothing else.
    let everything = [
        ("$patientId", patient),
        ("$XDSDocumentEntryStatus", "('urn:asip:ci-sis:2010:StatusType:Archived')"),
        ("$XDSSubmissionSetStatus", "('urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated')"),
        ("$XDSFolderStatus", approved),
    ];
    examples.query("get-all", caller, refs, "10b545ea-725c-446d-9b95-8aeb444eddf3", &everything).await;
    let missing = soap::stored_query("14d4debf-8f97-4251-9a74-a90016b0af0d", leaf, &of_entry[..1]);
    let action = "urn:ihe:iti:2007:RegistryStoredQuery";
    examples.exchange("iti-18-refused", caller, soap::REGISTRY, action, &missing).await;
    let vihf = std::mem::take(&mut caller.vihf);
    examples.exchange("fault", caller, soap::REGISTRY, action, &missing).await;
    caller.vihf = vihf;
}

async fn entry(caller: &mut Caller, unique_id: &str) -> String {
    let found = caller.query(&soap::get_documents(unique_id)).await;
    soap::element_of(&found.text(), "ExtrinsicObject")
}

fn masked(entry: String) -> String {
    let code = r#"<Classification classificationScheme="urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f" classifiedObject="Document01" id="mask" nodeRepresentation="MASQUE_PS"><Slot name="codingScheme"><ValueList><Value>1.2.250.1.213.1.1.4.13</Value></ValueList></Slot></Classification><ExternalIdentifier"#;
    entry.replacen("<ExternalIdentifier", code, 1)
}

fn hidden(entry: String) -> String {
    masked(entry).replace("MASQUE_PS", "INVISIBLE_PATIENT")
}

/// The entry without the visibility code added before.
fn plain(entry: String) -> String {
    let mut out = entry;
    for code in ["MASQUE_PS", "INVISIBLE_PATIENT"] {
        let Some(found) = out.find(&format!("nodeRepresentation=\"{code}\"")) else { continue };
        let start = out[..found].rfind("<Classification").expect("a classification");
        let end = found + out[found..].find("</Classification>").expect("its end") + "</Classification>".len();
        out.replace_range(start..end, "");
    }
    out
}

async fn changes(examples: &mut Examples, caller: &mut Caller, id: &str) {
    let version = |entry: &str, n: u32, edit: fn(String) -> String| soap::new_version(entry, n, edit);
    let sent = version(&entry(caller, id).await, 1, masked);
    examples.submit("td3.3a", caller, UPDATE, &sent).await;
    let former = sent;
    let body = soap::submit_objects(&caller.ins, &former);
    examples.exchange("td3.3-version-refused", caller, soap::REGISTRY, UPDATE, &body).await;
    let known = entry(caller, id).await;
    succeed(caller, &version(&known, 2, |e| hidden(plain(e)))).await;
    let sent = version(&entry(caller, id).await, 3, plain);
    examples.submit("td3.3b", caller, UPDATE, &sent).await;
    let restricted = version(&entry(caller, id).await, 4, masked);
    examples.submit("iti-92", caller, "urn:ihe:iti:2018:RestrictedUpdateDocumentSet", &restricted).await;
    let uuid = caller.entry_uuid(id).await;
    examples.submit("td3.3d", caller, UPDATE, &soap::status_order(&uuid, APPROVED, ARCHIVED)).await;
    examples.submit("td3.3c", caller, UPDATE, &soap::status_order(&uuid, ARCHIVED, DELETED)).await;
}

async fn succeed(caller: &mut Caller, objects: &str) {
    let envelope = soap::envelope(UPDATE, &caller.vihf, &soap::submit_objects(&caller.ins, objects));
    let reply = caller.post_envelope(soap::REGISTRY, envelope).await;
    assert!(reply.text().contains("ResponseStatusType:Success"), "{}", reply.text());
}

async fn removals(examples: &mut Examples, caller: &mut Caller) {
    let (first, second) = (TestDocument { id: "Document01".into(), ..imaging("") }, imaging("Document01"));
    caller.put(&first).await;
    let uuid = caller.entry_uuid(&first.unique_id).await;
    let query = soap::stored_query("51224314-5390-4169-9b91-b1980040715a", "ObjectRef", &[("$uuid", &quoted(&uuid))]);
    let mut all = object_ids(&caller.query(&query).await);
    all.push(uuid);
    let refs: String = all.iter().map(|id| format!(r#"<rim:ObjectRef id="{id}"/>"#)).collect();
    let body = format!(
        r#"<lcm:RemoveObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><rim:ObjectRefList>{refs}</rim:ObjectRefList></lcm:RemoveObjectsRequest>"#
    );
    let action = "urn:ihe:iti:2010:DeleteDocumentSet";
    examples.exchange("iti-62", caller, soap::REGISTRY, action, &body).await;
    caller.put(&second).await;
    let body = format!(
        r#"<rmd:RemoveDocumentsRequest xmlns:rmd="urn:ihe:iti:rmd:2017"><x:DocumentRequest xmlns:x="urn:ihe:iti:xds-b:2007"><x:RepositoryUniqueId>{}</x:RepositoryUniqueId><x:DocumentUniqueId>{}</x:DocumentUniqueId></x:DocumentRequest></rmd:RemoveDocumentsRequest>"#,
        soap::REPOSITORY_ID,
        second.unique_id
    );
    examples.exchange("iti-86", caller, soap::REPOSITORY, "urn:ihe:iti:2017:RemoveDocuments", &body).await;
}

async fn from_elsewhere(examples: &mut Examples, caller: &mut Caller) {
    let slots = [
        soap::query_slot("repositoryUniqueId", "1.2.250.1.999.77"),
        soap::query_slot("hash", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        soap::query_slot("size", "4711"),
    ];
    let member = soap::association(HAS_MEMBER, SET, "Document01", &[("SubmissionSetStatus", "Original")]);
    let document = TestDocument { extra: slots.concat(), ..imaging("Document01") };
    let objects = soap::document_entry(&caller.ins, &document) + &member;
    examples.submit("iti-42", caller, "urn:ihe:iti:2007:RegisterDocumentSet-b", &objects).await;
    let document = TestDocument { extra: slots[0].clone(), ..imaging("Document01") };
    let objects = soap::document_entry(&caller.ins, &document)
        .replace("7edca82f-054d-47f2-a032-9b2a5b5186c1", "34268e47-fdf5-41a6-ba33-82133c465248")
        + &member;
    examples.submit("iti-61", caller, "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry", &objects).await;
}

#[tokio::test]
async fn the_exchanges_of_the_page_for_integrators_are_these() {
    let gateway = Gateway::start();
    let mut examples = Examples::default();
    people(&mut examples, &gateway).await;
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let (document, set, in_folder) = deposit(&mut examples, &mut physician).await;
    queries(&mut examples, &mut physician, (&document.unique_id, &set, &in_folder)).await;
    let body = format!(
        r#"<RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007"><DocumentRequest><RepositoryUniqueId>{}</RepositoryUniqueId><DocumentUniqueId>{}</DocumentUniqueId></DocumentRequest></RetrieveDocumentSetRequest>"#,
        soap::REPOSITORY_ID,
        document.unique_id
    );
    let retrieve = "urn:ihe:iti:2007:RetrieveDocumentSet";
    examples.exchange("td3.2", &mut physician, soap::REPOSITORY, retrieve, &body).await;
    changes(&mut examples, &mut physician, &document.unique_id).await;
    removals(&mut examples, &mut physician).await;
    from_elsewhere(&mut examples, &mut physician).await;

    let folder = folder();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in &examples.files {
            std::fs::write(folder.join(name), text).expect("written");
        }
    }
    let there = std::fs::read_dir(&folder).expect("docs/dmp").map(|f| f.expect("readable").file_name());
    let there: BTreeSet<String> = there.map(|name| name.to_string_lossy().into_owned()).collect();
    assert_eq!(
        there,
        examples.files.keys().cloned().collect(),
        "UPDATE_DOCS=1 cargo test -p passerelle-tests examples"
    );
    let page = std::fs::read_to_string(folder.join("../dmp.md")).expect("docs/dmp.md");
    for (name, text) in &examples.files {
        let kept = std::fs::read_to_string(folder.join(name)).expect("readable");
        assert_eq!(&kept, text, "{name}: UPDATE_DOCS=1 cargo test -p passerelle-tests examples");
        assert!(page.contains(&format!("](dmp/{name})")), "docs/dmp.md does not show {name}");
    }
}
