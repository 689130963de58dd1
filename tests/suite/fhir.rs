//! The FHIR face: what is put in by one face is found and read by both, as the caller may see it.

use serde_json::Value;
use testkit::{Gateway, TestDocument};

use crate::{
    fhir_bundle::{FhirCaller, SYSTEM, bundle, locations, matches, refused, text},
    support::{Caller, newest, stored},
};

/// Documents of the ordinary holder: biology, pregnancy (physicians and midwives only), a masked consultation.
const BIOLOGY: &str = "1.2.250.1.999.7.1.1.1";
const PREGNANCY: &str = "1.2.250.1.999.7.1.1.2";
const MASKED: &str = "1.2.250.1.999.7.1.1.3";
const CURRENT: &str = "&status=current";

#[tokio::test]
async fn a_bundle_is_found_and_read_the_same_by_fhir_and_by_soap() {
    let gateway = Gateway::start();
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let documents = [TestDocument::biology(), TestDocument::report("11488-4", "10")];
    let sent = bundle(&physician.ins, &testkit::oid(), &documents);
    let locations = locations(&physician.post(&sent).await, "201");
    assert_eq!(locations.len(), 5, "an entry for each: {locations:?}");
    let kinds: Vec<&str> = locations.iter().filter_map(|l| l.split('/').next()).collect();
    assert_eq!(kinds, ["List", "DocumentReference", "Binary", "DocumentReference", "Binary"]);

    let found = matches(&physician.find(CURRENT).await);
    let mut soap = Caller::of(&gateway, "medecin", 0);
    let listed = soap.listed("").await;
    for (n, document) in documents.iter().enumerate() {
        let id = format!("urn:oid:{}", document.unique_id);
        let resource = found.iter().find(|r| r["masterIdentifier"]["value"] == id).expect("found by FHIR");
        let attachment = &resource["content"][0]["attachment"];
        assert_eq!(attachment["size"], document.body.len(), "{resource:#}");
        assert!(listed.contains(&document.unique_id), "found by SOAP: {listed:?}");
        // The address in the metadata, the location of the deposit, and the uniqueId lead to the same bytes.
        let url = text(&attachment["url"]);
        let path = url.split_once("/fhir/").expect("below the base").1.to_owned();
        for path in [path, locations[2 * n + 2].clone(), format!("Binary/{}", document.unique_id)] {
            let got = physician.get(&path).await;
            assert_eq!(got.status.as_u16(), 200, "{path}: {}", got.text());
            assert_eq!((got.header("content-type"), &got.body[..]), ("text/xml", &document.body[..]), "{path}");
        }
        assert_eq!(soap.bytes(&document.unique_id).await, document.body);
        let path = locations[2 * n + 1].split("/_history").next().unwrap_or_default().to_owned();
        assert_eq!(&physician.get(&path).await.json(), resource, "read alone it is the same");
    }
    assert_eq!(physician.client.connections, 1, "the connection is kept");
}

#[tokio::test]
async fn a_soap_deposit_is_found_and_read_by_fhir() {
    let gateway = Gateway::start();
    let document = TestDocument::biology();
    Caller::of(&gateway, "hopital", 0).put(&document).await;
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let more = format!("{CURRENT}&identifier=urn:oid:{}", document.unique_id);
    let [resource] = &matches(&physician.find(&more).await)[..] else { panic!("one") };
    assert_eq!(resource["content"][0]["attachment"]["title"], document.title);
    assert_eq!(resource["type"]["coding"][0]["code"], "11502-2");
    assert_eq!(resource["type"]["coding"][0]["system"], "http://loinc.org");
    assert_eq!(physician.binary(&document.unique_id).await.body, document.body);
    let lists = format!("List?patient.identifier={SYSTEM}%7C{}&status=current&code=submissionset", physician.ins);
    let sets = matches(&physician.get(&lists).await);
    let id = text(&resource["id"]);
    let holds = |set: &&Value| set["entry"].to_string().contains(&id);
    assert_eq!(sets.iter().filter(holds).count(), 1, "its submission set is shown once");
    let form = "application/x-www-form-urlencoded";
    let headers = [("authorization", physician.bearer.as_str()), ("content-type", form)];
    let body = format!("patient.identifier={SYSTEM}%7C{}{more}", physician.ins);
    let posted = physician.client.post("/fhir/DocumentReference/_search", &headers, body).await;
    assert_eq!(matches(&posted), std::slice::from_ref(resource), "a posted search finds the same");
}

#[tokio::test]
async fn a_replay_is_the_same_success_and_other_content_a_conflict() {
    let gateway = Gateway::start();
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let mut document = TestDocument::biology();
    let sent = bundle(&physician.ins, &testkit::oid(), std::slice::from_ref(&document));
    let first = locations(&physician.post(&sent).await, "201");
    let before = stored(&gateway);
    assert_eq!(locations(&physician.post(&sent).await, "200"), first);
    let good = std::mem::replace(&mut document.body, b"<other/>".to_vec());
    let other = bundle(&physician.ins, &testkit::oid(), std::slice::from_ref(&document));
    refused(&physician.post(&other).await, 409, "non_identical_hash");
    assert_eq!(stored(&gateway), before);
    assert_eq!(physician.binary(&document.unique_id).await.body, good);
}

#[tokio::test]
async fn a_replaced_document_is_superseded() {
    let gateway = Gateway::start();
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let (old, mut new) = (TestDocument::biology(), TestDocument::biology());
    let location = physician.put(&old).await;
    new.replaces = Some(location.clone());
    let _ = physician.put(&new).await;
    let current = physician.listed(CURRENT).await;
    assert!(current.contains(&new.unique_id) && !current.contains(&old.unique_id), "{current:?}");
    assert_eq!(physician.listed("&status=superseded").await, std::slice::from_ref(&old.unique_id));
    let soap = Caller::of(&gateway, "medecin", 0).listed("").await;
    assert!(soap.contains(&new.unique_id) && !soap.contains(&old.unique_id), "{soap:?}");
    let mut third = TestDocument::biology();
    third.replaces = Some(location);
    refused(&physician.deposit(&third).await, 409, "replaced_not_approved");
}

#[tokio::test]
async fn one_bad_document_keeps_the_whole_bundle_out() {
    let gateway = Gateway::start();
    let before = stored(&gateway);
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let (good, bad) = (TestDocument::biology(), TestDocument::report("00000-0", "10"));
    let sent = bundle(&physician.ins, &testkit::oid(), &[good.clone(), bad]);
    refused(&physician.post(&sent).await, 422, "unknown_document_type");
    assert_eq!(stored(&gateway), before);
    refused(&physician.binary(&good.unique_id).await, 404, "unknown_document");
}

#[tokio::test]
async fn what_the_matrix_excludes_or_a_mask_hides_is_in_no_answer() {
    let gateway = Gateway::start();
    let mut pharmacist = FhirCaller::of(&gateway, "pharmacien", 0);
    assert_eq!(pharmacist.listed(CURRENT).await, [BIOLOGY]);
    refused(&pharmacist.binary(PREGNANCY).await, 403, "matrix_excludes");
    refused(&pharmacist.binary(MASKED).await, 404, "unknown_document");
    let mut family_physician = FhirCaller::of(&gateway, "medecin-traitant", 0);
    assert_eq!(family_physician.listed(CURRENT).await, [BIOLOGY, PREGNANCY]);
    let masked = TestDocument::biology().visible(&["MASQUE_PS"]);
    let mut author = FhirCaller::of(&gateway, "medecin", 0);
    let _ = author.put(&masked).await;
    assert_eq!(author.binary(&masked.unique_id).await.body, masked.body, "an author always reads");
    assert_eq!(family_physician.listed(CURRENT).await, [BIOLOGY, PREGNANCY]);
    refused(&family_physician.binary(&masked.unique_id).await, 404, "unknown_document");
}

#[tokio::test]
async fn a_blocked_professional_is_refused_everywhere() {
    let gateway = Gateway::start();
    let mut blocked = FhirCaller::of(&gateway, "infirmier", 1);
    let before = stored(&gateway);
    refused(&blocked.find(CURRENT).await, 403, "blocked");
    assert_eq!(newest(&gateway, &blocked.ins, "find")["outcome"], "refused");
    refused(&blocked.binary("1.2.250.1.999.7.1.2.1").await, 403, "blocked");
    refused(&blocked.deposit(&TestDocument::biology()).await, 403, "blocked");
    assert_eq!(stored(&gateway), before);
}

/// Who acted, by the events of a search of traces.
fn actors(events: &[Value]) -> Vec<String> {
    let mut ids: Vec<String> =
        events.iter().map(|e| text(&e["agent"][0]["who"]["identifier"]["value"])).filter(|id| !id.is_empty()).collect();
    ids.sort();
    ids.dedup();
    ids
}

#[tokio::test]
async fn the_family_physician_reads_every_trace_and_others_their_own() {
    let gateway = Gateway::start();
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    let _ = physician.put(&document).await;
    let mut nurse = FhirCaller::of(&gateway, "infirmier", 0);
    assert_eq!(nurse.binary(&document.unique_id).await.body, document.body);
    let path = format!("AuditEvent?patient.identifier={SYSTEM}%7C{}", nurse.ins);
    assert_eq!(actors(&matches(&nurse.get(&path).await)), ["899900000202"], "his own");
    let all = matches(&FhirCaller::of(&gateway, "medecin-traitant", 0).get(&path).await);
    let seen = actors(&all);
    assert!(seen.contains(&"899900000101".into()) && seen.contains(&"899900000202".into()), "{seen:?}");
    let acts: Vec<String> = all.iter().map(|e| text(&e["subtype"][0]["code"])).collect();
    assert!(["deposit", "fetch", "read_trace"].iter().all(|act| acts.contains(&(*act).to_owned())), "{acts:?}");
    let fetch = all.iter().find(|e| e["subtype"][0]["code"] == "fetch").expect("the reading");
    assert_eq!((&fetch["action"], &fetch["outcome"]), (&"R".into(), &"0".into()));
}

#[tokio::test]
async fn a_holder_is_found_by_number_and_the_face_says_what_it_serves() {
    let gateway = Gateway::start();
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let path = format!("Patient?identifier={SYSTEM}%7C{}", physician.ins);
    let [patient] = &matches(&physician.get(&path).await)[..] else { panic!("one") };
    assert_eq!((&patient["name"][0]["family"], &patient["birthDate"]), (&"AUBRY".into(), &"1980-11-05".into()));
    let id = text(&patient["id"]);
    assert_eq!(&physician.get(&format!("Patient/{id}")).await.json(), patient);
    let by_id = physician.get(&format!("DocumentReference?patient=Patient/{id}{CURRENT}")).await;
    assert!(!matches(&by_id).is_empty(), "the id leads to the documents");
    let metadata = physician.get("metadata").await.json();
    assert_eq!((&metadata["resourceType"], &metadata["fhirVersion"]), (&"CapabilityStatement".into(), &"4.0.1".into()));
    let served: Vec<String> =
        metadata["rest"][0]["resource"].as_array().expect("resources").iter().map(|r| text(&r["type"])).collect();
    for kind in ["DocumentReference", "List", "Binary", "Patient", "AuditEvent"] {
        assert!(served.contains(&kind.to_owned()), "{kind}: {served:?}");
    }
}

#[tokio::test]
async fn what_a_sender_leaves_out_is_taken_from_the_document() {
    let gateway = Gateway::start();
    let mut caller = FhirCaller::of(&gateway, "medecin", 0);
    let kept = gateway.demo["holders"][0]["documents"][0].as_str().expect("a document").to_owned();
    let sample = caller.binary(&kept).await.text();
    let mut document = TestDocument::biology();
    document.body = sample.replace(&kept, &document.unique_id).into_bytes();
    let mut sent = bundle(&caller.ins, &testkit::oid(), std::slice::from_ref(&document));
    let reference = &mut sent["entry"][1]["resource"];
    for left_out in ["type", "category", "authenticator", "securityLabel", "context", "author"] {
        reference.as_object_mut().expect("an object").remove(left_out).expect("said before");
    }
    let content = reference["content"][0].as_object_mut().expect("an object");
    content.remove("format").expect("said before");
    // What is said stands.
    content["attachment"]["title"] = "Dit par l'expéditeur".into();
    locations(&caller.post(&sent).await, "201 Created");
    let found = matches(&caller.find(&format!("{CURRENT}&identifier=urn:oid:{}", document.unique_id)).await);
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(found["type"]["coding"][0]["code"], "11502-2");
    assert_eq!(found["category"][0]["coding"][0]["code"], "10");
    assert_eq!(found["content"][0]["attachment"]["title"], "Dit par l'expéditeur");
    assert!(found["content"][0]["format"]["code"].is_string() && found["securityLabel"][0].is_object());
    assert!(found["context"]["facilityType"].is_object() && found["context"]["practiceSetting"].is_object());
    assert!(found["author"][0].is_object() && found["context"]["period"]["start"].is_string(), "{found:#}");
    // A document that is no CDA says nothing: what is left out is missing.
    let mut other = TestDocument::biology();
    other.body = b"%PDF-1.4".to_vec();
    let mut sent = bundle(&caller.ins, &testkit::oid(), std::slice::from_ref(&other));
    sent["entry"][1]["resource"].as_object_mut().expect("an object").remove("type").expect("said before");
    refused(&caller.post(&sent).await, 422, "metadata_missing");
}
