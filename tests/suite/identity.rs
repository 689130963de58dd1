//! By which numbers a person is known: what a hospital feeds, who is told, two spaces that become one (ITI-44 to ITI-47).

use space::{Ins, InsOid, InsTolerance};
use testkit::{
    Catcher, Gateway, GatewayOptions, Reply, TestDocument,
    soap::{self, FedPatient},
};

use crate::support::{Caller, eventually, faulted, newest, refused as refused_by_registry, stored, succeeded};

/// A register of the demonstration's holders.
const REGISTER: &str = "1.2.250.1.213.1.4.10";
const ADD: &str = "PRPA_IN201301UV02";
const REVISE: &str = "PRPA_IN201302UV02";

/// The hospital's own system: its credential names nobody.
fn source(gateway: &Gateway) -> Caller {
    Caller::with(gateway, "hopital", 0, |c| c.request.patient = None)
}

async fn post(caller: &mut Caller, path: &str, interaction: &str, body: &str) -> Reply {
    let envelope = soap::envelope(&format!("urn:hl7-org:v3:{interaction}"), &caller.vihf, body);
    caller.post_envelope(path, envelope).await
}

async fn feed(caller: &mut Caller, interaction: &str, patient: &FedPatient) -> String {
    let body = soap::identity_feed(interaction, patient, None);
    let reply = post(caller, soap::PIX, interaction, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.text().contains("MCCI_IN000002UV01"), "{}", reply.text());
    reply.text()
}

#[track_caller]
fn accepted(answer: &str) {
    assert!(answer.contains(r#"<typeCode code="CA"/>"#), "{answer}");
}

#[track_caller]
fn refused(answer: &str, cause: &str) {
    let told = answer.contains(&format!(r#"code="{cause}""#)) && answer.contains("acknowledgementDetail");
    assert!(answer.contains(r#"<typeCode code="CE"/>"#) && told, "{cause}: {answer}");
}

/// Identifiers of the one patient of an answer, as `root|extension`; none when nobody is told.
async fn known_by(caller: &mut Caller, domain: &str, number: &str, wanted: &[&str]) -> (String, Vec<String>) {
    let body = soap::get_identifiers(domain, number, wanted);
    let reply = post(caller, soap::PIX, "PRPA_IN201309UV02", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let text = reply.text();
    let patient = text.split_once("<patient ").and_then(|(_, rest)| rest.split_once("<statusCode"));
    let ids = patient.map_or_else(Vec::new, |(ids, _)| {
        let (roots, numbers) = (soap::attributes(ids, "root"), soap::attributes(ids, "extension"));
        roots.into_iter().zip(numbers).map(|(root, number)| format!("{root}|{number}")).collect()
    });
    (text, ids)
}

#[tokio::test]
async fn a_hospital_feeds_its_numbers_and_asks_by_them() {
    let gateway = Gateway::start();
    let mut hospital = source(&gateway);
    let patient = FedPatient::of(&gateway.demo, 0, "IPP-0042");
    let domain = patient.local.0.clone();
    accepted(&feed(&mut hospital, ADD, &patient).await);
    // Told again, it is the same link.
    accepted(&feed(&mut hospital, ADD, &patient).await);
    let event = newest(&gateway, &patient.ins, "feed_identity");
    assert_eq!((&event["outcome"], &event["documents"][0]), (&"done".into(), &domain.as_str().into()), "{event}");

    let (answer, ids) = known_by(&mut hospital, &domain, "IPP-0042", &[]).await;
    assert_eq!(ids, [format!("{REGISTER}|{}", patient.ins)], "{answer}");
    for part in [r#"<typeCode code="AA"/>"#, r#"queryResponseCode code="OK""#, r#"code="PRPA_TE201310UV02""#] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
    assert!(!answer.contains(&patient.family), "PIX names nobody: {answer}");
    // The other way, under a credential for the holder.
    let mut of_holder = Caller::of(&gateway, "hopital", 0);
    let (answer, ids) = known_by(&mut of_holder, REGISTER, &patient.ins, &[&domain]).await;
    assert_eq!(ids, [format!("{domain}|IPP-0042")], "{answer}");
    // A number of its own opens PDQ without INS, to the structure alone.
    let by_number = format!(
        r#"<livingSubjectId><value root="{domain}" extension="IPP-0042"/><semanticsText>LivingSubject.id</semanticsText></livingSubjectId>"#
    );
    let reply = post(&mut hospital, soap::PDQ, "PRPA_IN201305UV02", &soap::find_candidates(&by_number)).await;
    assert!(reply.text().contains(&patient.family) && reply.text().contains(&patient.ins), "{}", reply.text());
    let log = gateway.log();
    assert!(!log.contains("IPP-0042") && !log.contains(&patient.ins), "nothing of anybody is logged: {log}");
}

#[tokio::test]
async fn what_a_feed_may_not_say_is_refused_with_its_cause() {
    let gateway = Gateway::start();
    let mut hospital = source(&gateway);
    let patient = FedPatient::of(&gateway.demo, 0, "7");
    let with = |change: fn(&mut FedPatient)| {
        let mut other = patient.clone();
        change(&mut other);
        other
    };
    for (wrong, cause) in [
        (with(|p| p.local.0 = "1.2.250.1.999.8.9".into()), "unknown_domain"),
        (with(|p| p.ins.clear()), "ins_missing"),
        (with(|p| p.ins = "180010112345678".into()), "ins_key_wrong"),
        (with(|p| p.ins = "279035121518989".into()), "unknown_holder"),
        (with(|p| p.family = "AUTRE".into()), "identity_mismatch"),
        (with(|p| p.birth = "1980".into()), "identity_mismatch"),
        (with(|p| p.sex = "UN".into()), "identity_mismatch"),
        (with(|p| p.local.1 = "7^8".into()), "local_id_invalid"),
        (FedPatient::of(&gateway.demo, 4, "8"), "space_not_open"),
        (FedPatient::of(&gateway.demo, 5, "9"), "space_closed"),
    ] {
        refused(&feed(&mut hospital, ADD, &wrong).await, cause);
    }
    // Another's domain, by whoever proves no part in the structure.
    let mut physician = Caller::of(&gateway, "medecin", 0);
    refused(&feed(&mut physician, ADD, &patient).await, "foreign_domain");
    // A credential about somebody else.
    let mut about_another = Caller::of(&gateway, "hopital", 1);
    refused(&feed(&mut about_another, ADD, &patient).await, "patient_mismatch");
    // Blocked is blocked.
    let _ = gateway.command(&["space", "block", "--ins", &patient.ins, "--who", "hopital"]);
    refused(&feed(&mut hospital, ADD, &patient).await, "blocked");
    assert_eq!(newest(&gateway, &patient.ins, "feed_identity")["cause"], "blocked");
    // No message at all.
    let body = soap::identity_feed(ADD, &patient, None);
    let envelope = soap::envelope(&format!("urn:hl7-org:v3:{ADD}"), &hospital.vihf, &body);
    let dtd = format!("<!DOCTYPE x [<!ENTITY y 'z'>]>{}", envelope.trim_start_matches("<?xml version=\"1.0\"?>"));
    faulted(&hospital.post_envelope(soap::PIX, dtd).await, 400, "dtd_forbidden");
    let alone = soap::identity_feed(ADD, &patient, None).replace("<subject typeCode", "<subjekt typeCode");
    let alone = alone.replace("</subject></controlActProcess>", "</subjekt></controlActProcess>");
    faulted(&post(&mut hospital, soap::PIX, ADD, &alone).await, 400, "malformed_message");
    let unknown = body.replace(ADD, "PRPA_IN201399UV02");
    faulted(&post(&mut hospital, soap::PIX, "PRPA_IN201399UV02", &unknown).await, 400, "unknown_action");
    let no_vihf = format!(
        r#"<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Body>{body}</soap:Body></soap:Envelope>"#
    );
    faulted(&hospital.post_envelope(soap::PIX, no_vihf).await, 400, "assertion_missing");
}

#[tokio::test]
async fn a_number_is_revised_and_questions_that_may_not_be_answered_are_not() {
    let gateway = Gateway::start();
    let mut hospital = source(&gateway);
    let first = FedPatient::of(&gateway.demo, 0, "42");
    let domain = first.local.0.clone();
    accepted(&feed(&mut hospital, ADD, &first).await);
    // The number was somebody else's all along.
    let second = FedPatient::of(&gateway.demo, 1, "42");
    refused(&feed(&mut hospital, ADD, &second).await, "identifier_taken");
    accepted(&feed(&mut hospital, REVISE, &second).await);
    let (answer, ids) = known_by(&mut hospital, &domain, "42", &[]).await;
    assert_eq!(ids, [format!("{REGISTER}|{}", second.ins)], "{answer}");
    for ins in [&first.ins, &second.ins] {
        assert_eq!(newest(&gateway, ins, "feed_identity")["outcome"], "done", "in both");
    }
    let mut about_first = Caller::of(&gateway, "hopital", 0);
    let (answer, ids) = known_by(&mut about_first, REGISTER, &first.ins, &[&domain]).await;
    assert!(ids.is_empty() && answer.contains(r#"queryResponseCode code="NF""#), "{answer}");

    let ask = async |caller: &mut Caller, domain: &str, number: &str, wanted: &[&str], cause: &str| {
        let (answer, ids) = known_by(caller, domain, number, wanted).await;
        assert!(ids.is_empty() && answer.contains(r#"<typeCode code="AE"/>"#), "{cause}: {answer}");
        assert!(answer.contains(&format!(r#"code="{cause}""#)) && answer.contains("<location>"), "{cause}: {answer}");
    };
    ask(&mut hospital, &domain, "43", &[], "unknown_identifier").await;
    ask(&mut hospital, "1.2.3.4", "42", &[], "unknown_domain").await;
    ask(&mut hospital, &domain, "42", &["1.2.3.4"], "unknown_target_domain").await;
    // The numbers of a structure are told to nobody else, and nobody else asks by them.
    let mut physician = Caller::of(&gateway, "medecin", 1);
    ask(&mut physician, &domain, "42", &[], "foreign_domain").await;
    ask(&mut physician, REGISTER, &second.ins, &[&domain], "unknown_target_domain").await;
    let (answer, ids) = known_by(&mut physician, REGISTER, &second.ins, &[]).await;
    assert!(ids.is_empty() && answer.contains(r#"code="NF""#) && !answer.contains(r#"extension="42""#), "{answer}");
    // By an INS one asks only about whom the credential names.
    let (answer, _) = known_by(&mut hospital, REGISTER, &second.ins, &[]).await;
    assert!(answer.contains("claim_missing"), "{answer}");
}

/// One more INS of the first holder of the demonstration, with a space of its own, and its number.
pub(crate) fn second_identity(gateway: &Gateway, thirteen: &str, family: &str, name: &str) -> String {
    let first = &gateway.demo["holders"][0];
    let ins = format!("{thirteen}{:02}", space::ins::key_of(thirteen).expect("a number"));
    let line = serde_json::json!({
        "ins": ins, "oid": REGISTER, "family": family, "given": [first["given"]], "birthDate": first["birthDate"],
        "sex": first["sex"],
    });
    let file = gateway.data().join(name);
    std::fs::write(&file, line.to_string()).expect("written");
    let _ = gateway.command(&["import", "identities", file.to_str().expect("text")]);
    ins
}

/// The same caller about another number of the test register.
fn about(gateway: &Gateway, name: &str, ins: &str) -> Caller {
    let number = Ins::parse(ins, InsOid::NirTest, InsTolerance::Strict).expect("an INS");
    let caller = Caller::with(gateway, name, 0, |c| c.request.patient = Some(number));
    Caller { ins: ins.to_owned(), ..caller }
}

async fn merge(caller: &mut Caller, patient: &FedPatient, prior: &str) -> String {
    let interaction = "PRPA_IN201304UV02";
    let body = soap::identity_feed(interaction, patient, Some(prior));
    let reply = post(caller, soap::PIX, interaction, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text()
}

#[tokio::test]
async fn two_spaces_of_one_person_become_one_and_nothing_is_lost() {
    let gateway = Gateway::start();
    let (survivor, retired) =
        (gateway.ins(0).to_owned(), second_identity(&gateway, "2801175123457", "AUBRY", "one.ndjson"));
    let _ = gateway.command(&["space", "authorise", "--ins", &retired, "--who", "medecin"]);
    let _ = gateway.command(&["space", "block", "--ins", &retired, "--who", "infirmier"]);
    let _ = gateway.command(&["space", "emergency", "--ins", &retired, "--bris-de-glace", "false"]);
    let mut before = about(&gateway, "medecin", &retired);
    let (small, large) = (TestDocument::biology(), TestDocument::of(crate::iti41::noise(200_000), "11502-2", "10"));
    for document in [&small, &large] {
        before.put(document).await;
    }
    let count = stored(&gateway);

    let mut hospital = source(&gateway);
    let patient = FedPatient::of(&gateway.demo, 0, "A1");
    let domain = patient.local.0.clone();
    accepted(&feed(&mut hospital, ADD, &patient).await);
    let duplicate = FedPatient { local: (domain.clone(), "B2".into()), ins: retired.clone(), ..patient.clone() };
    accepted(&feed(&mut hospital, ADD, &duplicate).await);
    // Answers that the gateway remembers are of before.
    let mut infirmier = Caller::of(&gateway, "infirmier", 0);
    succeeded(&infirmier.find("").await);
    accepted(&merge(&mut hospital, &patient, "B2").await);

    // Under either number, the one space: documents, links to their bytes, and what was set in either.
    let mut after = Caller::of(&gateway, "medecin", 0);
    for caller in [&mut after, &mut before] {
        for document in [&small, &large] {
            assert!(caller.bytes(&document.unique_id).await == document.body.as_slice());
        }
    }
    let listed = after.listed("").await;
    assert!(listed.contains(&small.unique_id) && listed.iter().any(|id| id == "1.2.250.1.999.7.1.1.1"), "{listed:?}");
    assert_eq!(before.listed("").await, listed, "by the number that is no more");
    refused_by_registry(&infirmier.find("").await, "LocalPolicyRestrictionError", "blocked");
    let shown: serde_json::Value =
        serde_json::from_str(&gateway.command(&["space", "show", "--ins", &retired])).expect("JSON");
    assert_eq!((&shown["ins"], &shown["emergency"]["bris_de_glace"]), (&survivor.as_str().into(), &false.into()));
    assert_eq!(stored(&gateway), count, "what is stored is whole");
    // A document may be put in under either, and stands under the number that goes on.
    let late = TestDocument::biology();
    before.put(&late).await;
    let found = after.query(&soap::get_documents(&late.unique_id)).await.text();
    let (of_survivor, of_retired) = (format!("{survivor}^^^"), format!("{retired}^^^&amp;"));
    assert!(found.contains(&of_survivor) && !found.contains(&of_retired), "{found}");
    // The same again is the same: its identifier came along.
    succeeded(&before.deposit(&small).await);
    // Traced in both, and the trace of both is the holder's.
    let trace = gateway.trace(&survivor);
    let merges = trace.iter().filter(|e| e["act"] == "feed_identity" && e["outcome"] == "done").count();
    assert!(merges >= 4, "two links, and the merge in both: {trace:#?}");
    let put = |e: &&serde_json::Value| e["documents"] == serde_json::json!([small.unique_id]) && e["act"] == "deposit";
    assert!(trace.iter().any(|e| put(&e)), "what was done before: {trace:#?}");
    let (_, ids) = known_by(&mut hospital, &domain, "A1", &[]).await;
    assert_eq!(ids, [format!("{REGISTER}|{survivor}")]);
    let (answer, _) = known_by(&mut hospital, &domain, "B2", &[]).await;
    assert!(answer.contains("unknown_identifier"), "{answer}");
    // Once is enough.
    refused(&merge(&mut hospital, &patient, "B2").await, "unknown_identifier");
    let again = gateway.run(&["space", "merge", "--ins", &retired, "--into", &survivor]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("merge_refused") && again.status.code() == Some(1));
}

#[tokio::test]
async fn what_is_not_one_person_in_two_open_spaces_is_not_merged() {
    let gateway = Gateway::start();
    let mut hospital = source(&gateway);
    let fed = |holder: usize, number: &str| FedPatient::of(&gateway.demo, holder, number);
    for (holder, number) in [(0, "A"), (0, "A2"), (1, "B")] {
        accepted(&feed(&mut hospital, ADD, &fed(holder, number)).await);
    }
    refused(&merge(&mut hospital, &fed(0, "A"), "B").await, "identity_mismatch");
    assert_eq!(newest(&gateway, gateway.ins(0), "feed_identity")["cause"], "identity_mismatch");
    refused(&merge(&mut hospital, &fed(0, "A"), "A").await, "merge_refused");
    refused(&merge(&mut hospital, &fed(0, "A"), "Z").await, "unknown_identifier");
    refused(&merge(&mut hospital, &fed(0, "Z"), "A").await, "unknown_identifier");
    let mut physician = Caller::of(&gateway, "medecin", 0);
    refused(&merge(&mut physician, &fed(0, "A"), "B").await, "foreign_domain");
    // Two numbers of one patient: the one is no more.
    accepted(&merge(&mut hospital, &fed(0, "A"), "A2").await);
    let domain = fed(0, "A").local.0;
    let (_, ids) = known_by(&mut hospital, &domain, "A", &[]).await;
    assert_eq!(ids.len(), 1, "{ids:?}");

    let other = second_identity(&gateway, "2801175123458", "AUBRY", "two.ndjson");
    let refused_at = |from: &str, into: &str, why: &str| {
        let run = gateway.run(&["space", "merge", "--ins", from, "--into", into]);
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.code() == Some(1) && said.contains(why), "{why}: {said}");
    };
    refused_at(&other, &other, "merge_refused");
    refused_at(gateway.ins(1), &other, "identity_mismatch");
    refused_at(gateway.ins(5), &other, "merge_refused");
    refused_at(&other, gateway.ins(5), "merge_refused");
    // What the gateway remembers of the one is of no consequence once the command line has made them one.
    let mut remembered = about(&gateway, "medecin", &other);
    refused_by_registry(&remembered.find("").await, "LocalPolicyRestrictionError", "not_authorised");
    let _ = gateway.command(&["space", "merge", "--ins", &other, "--into", gateway.ins(0)]);
    assert!(remembered.listed("").await.iter().any(|id| id == "1.2.250.1.999.7.1.1.1"));
    refused_at(&other, gateway.ins(0), "merge_refused");
    assert!(stored(&gateway) > 0);
}

#[tokio::test]
async fn two_spaces_of_one_person_may_be_linked_and_stay_two() {
    let gateway = Gateway::start();
    let (one, other) =
        (gateway.ins(0).to_owned(), second_identity(&gateway, "2801175123459", "AUBRY", "linked.ndjson"));
    let mut hospital = source(&gateway);
    let patient = FedPatient::of(&gateway.demo, 0, "L1");
    let domain = patient.local.0.clone();
    accepted(&feed(&mut hospital, ADD, &patient).await);
    let second = FedPatient { local: (domain.clone(), "L2".into()), ins: other.clone(), ..patient.clone() };
    accepted(&feed(&mut hospital, ADD, &second).await);
    let link = |word: &str, from: &str, with: &str| gateway.run(&["space", word, "--ins", from, "--with", with]);
    assert!(link("link", &one, &other).status.success());
    // Asked about either, a structure is told by which numbers both are known.
    let wanted =
        [format!("{REGISTER}|{one}"), format!("{domain}|L1"), format!("{REGISTER}|{other}"), format!("{domain}|L2")];
    let without = |number: &str| {
        let mut all: Vec<String> = wanted.iter().filter(|id| !id.ends_with(number)).cloned().collect();
        all.sort();
        all
    };
    for number in ["L1", "L2"] {
        let (answer, mut ids) = known_by(&mut hospital, &domain, number, &[]).await;
        ids.sort();
        assert_eq!(ids, without(number), "{answer}");
    }
    // In both, that they were linked, and that who asked about the one was told of the other.
    for ins in [&one, &other] {
        let trace = gateway.trace(ins);
        let count = |act: &str| trace.iter().filter(|e| e["act"] == act && e["outcome"] == "done").count();
        assert_eq!((count("feed_identity"), count("identify")), (2, 2), "{trace:#?}");
    }
    // Nothing else is shared: what stands in the one is not in the other.
    let _ = gateway.command(&["space", "authorise", "--ins", &other, "--who", "medecin"]);
    assert!(about(&gateway, "medecin", &other).listed("").await.is_empty());
    // A space that blocks the caller is left out, and its holder is told nothing was told.
    let _ = gateway.command(&["space", "block", "--ins", &other, "--who", "hopital"]);
    let (_, ids) = known_by(&mut hospital, &domain, "L1", &[]).await;
    assert_eq!(ids, [format!("{REGISTER}|{one}")]);
    let _ = gateway.command(&["space", "unblock", "--ins", &other, "--who", "hopital"]);
    // Not one person; a space and itself; one that is not open; what was not linked.
    for (from, with, why) in [
        (gateway.ins(1), other.as_str(), "identity_mismatch"),
        (other.as_str(), other.as_str(), "merge_refused"),
        (gateway.ins(5), other.as_str(), "space_closed"),
    ] {
        let run = link("link", from, with);
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.code() == Some(1) && said.contains(why), "{why}: {said}");
    }
    assert!(link("unlink", &one, &other).status.success());
    assert!(String::from_utf8_lossy(&link("unlink", &one, &other).stderr).contains("not linked"));
    let (_, ids) = known_by(&mut hospital, &domain, "L1", &[]).await;
    assert_eq!(ids, [format!("{REGISTER}|{one}")]);

    // Linked again, and then made one: the link goes on with what is left of it, a third.
    let third = second_identity(&gateway, "2801175123460", "AUBRY", "third.ndjson");
    assert!(link("link", &other, &third).status.success());
    let _ = gateway.command(&["space", "merge", "--ins", &other, "--into", &one]);
    let (_, ids) = known_by(&mut hospital, &domain, "L1", &[REGISTER]).await;
    assert_eq!(ids, [format!("{REGISTER}|{one}"), format!("{REGISTER}|{third}")]);
}

#[tokio::test]
async fn every_answer_is_valid_by_the_schemas_of_hl7() {
    let Some(contract) = crate::zeep::contract() else { return };
    let gateway = Gateway::start();
    let mut hospital = source(&gateway);
    let patient = FedPatient::of(&gateway.demo, 0, "V1");
    let domain = patient.local.0.clone();
    let mut messages = serde_json::Map::new();
    for (name, number) in [("ITI-44 accepted", "V1"), ("ITI-44 refused", "V^")] {
        let fed = FedPatient { local: (domain.clone(), number.into()), ..patient.clone() };
        let body = soap::identity_feed(ADD, &fed, None);
        let asked = soap::envelope(&format!("urn:hl7-org:v3:{ADD}"), &hospital.vihf, &body);
        messages.insert(format!("{name}, asked"), asked.into());
        messages.insert(name.into(), feed(&mut hospital, ADD, &fed).await.into());
    }
    messages.insert("ITI-44 merge refused".into(), merge(&mut hospital, &patient, "V9").await.into());
    for (name, number, wanted) in [
        ("ITI-45 found", "V1", vec![]),
        ("ITI-45 nothing", "V1", vec![domain.as_str()]),
        ("ITI-45 unknown", "V2", vec![]),
    ] {
        let (answer, _) = known_by(&mut hospital, &domain, number, &wanted).await;
        messages.insert(name.into(), answer.into());
    }
    let by_number = format!(
        r#"<livingSubjectId><value root="{domain}" extension="V1"/><semanticsText>LivingSubject.id</semanticsText></livingSubjectId>"#
    );
    let found = post(&mut hospital, soap::PDQ, "PRPA_IN201305UV02", &soap::find_candidates(&by_number)).await;
    messages.insert("ITI-47".into(), found.text().into());
    let report = crate::zeep::validity(&contract, &messages.into());
    for (name, said) in report.as_object().expect("a report") {
        assert_eq!(said, "valid", "{name}");
    }
}

/// What a consumer answers: that it took the notice, or not.
fn acknowledgement(code: &str) -> Vec<u8> {
    format!(
        r#"<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Body><MCCI_IN000002UV01 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0"><id root="1.2.3"/><creationTime value="20260101"/><interactionId root="2.16.840.1.113883.1.6" extension="MCCI_IN000002UV01"/><processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="NE"/><receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE"><id root="1.2.3"/></device></receiver><sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="1.2.4"/></device></sender><acknowledgement><typeCode code="{code}"/><targetMessage><id root="1.2.5"/></targetMessage></acknowledgement></MCCI_IN000002UV01></soap:Body></soap:Envelope>"#
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_is_told_of_its_own_patients_until_it_has_taken_it() {
    // The folder's PKI is there before the gateway: the consumer's server shows a certificate of it.
    let template = Gateway::start();
    let pki = template.data().join("pki");
    let turns = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = turns.clone();
    let consumer = Catcher::https("127.0.0.1:0", &pki, move |_| {
        // The first time it cannot keep what it is told.
        let first = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        (200, "application/soap+xml", acknowledgement(if first { "CE" } else { "CA" }))
    })
    .await;
    let port = consumer.address.rsplit(':').next().expect("a port").to_owned();
    let consumers = format!(
        r#"[{{ name = "dpi", url = "https://localhost:{port}/pix", device = "1.2.250.1.999.8.2", structure = "10B0999991", domains = ["1.2.250.1.999.8.1", "{REGISTER}"] }}]"#
    );
    let own = |file: &str| format!("{}/{file}", pki.display());
    let options = GatewayOptions::default()
        .with("IDENTITY__CONSUMERS", &consumers)
        .with("IDENTITY__CONSUMER_AUTHORITIES", &format!("[\"{}\"]", own("ca.pem")))
        .with("IDENTITY__CONSUMER_CERTIFICATE", &own("hopital-auth.pem"))
        .with("IDENTITY__CONSUMER_KEY", &own("hopital-auth.key"));
    let gateway = Gateway::with(options);
    let mut hospital = source(&gateway);
    let patient = FedPatient::of(&gateway.demo, 0, "N1");
    accepted(&feed(&mut hospital, ADD, &patient).await);
    // A consumer that failed is left alone for a while.
    let twice = async || consumer.caught().len() >= 2;
    assert!(eventually(twice).await || eventually(twice).await, "told again until it is taken");
    let told = consumer.texts().pop().expect("told");
    for part in ["PRPA_IN201302UV02", r#"extension="N1""#, &patient.ins, r#"root="1.2.250.1.999.8.2""#] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains(&patient.family), "nobody is named: {told}");
    if let Some(contract) = crate::zeep::contract() {
        let report = crate::zeep::validity(&contract, &serde_json::json!({ "ITI-46": told }));
        assert_eq!(report["ITI-46"], "valid");
    }
    // Who has blocked the structure is told of to nobody; once there is nothing more to say, nothing is said.
    let other = FedPatient::of(&gateway.demo, 1, "N2");
    let third = FedPatient::of(&gateway.demo, 2, "N3");
    accepted(&feed(&mut hospital, ADD, &other).await);
    assert!(eventually(async || consumer.texts().iter().any(|t| t.contains("\"N2\""))).await);
    let _ = gateway.command(&["jobs", "stop", "notify"]);
    accepted(&feed(&mut hospital, ADD, &third).await);
    let _ = gateway.command(&["space", "block", "--ins", &third.ins, "--who", "hopital"]);
    let _ = gateway.command(&["jobs", "start", "notify"]);
    let fourth = FedPatient::of(&gateway.demo, 3, "N4");
    accepted(&feed(&mut hospital, ADD, &fourth).await);
    assert!(eventually(async || consumer.texts().iter().any(|t| t.contains("\"N4\""))).await);
    assert!(!consumer.texts().iter().any(|t| t.contains("\"N3\"")));
    assert_eq!(newest(&gateway, &third.ins, "feed_identity")["cause"], "blocked");
}
