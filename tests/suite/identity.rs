//! By which numbers a person is known: what a hospital feeds, who is told, two spaces that become one (ITI-44 to ITI-47).

use testkit::{
    Gateway, Reply,
    soap::{self, FedPatient},
};

use crate::support::{Caller, faulted, newest};

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
    assert!(ids.is_empty() && answer.contains(r#"code="NF""#) && !answer.contains("42\""), "{answer}");
    // By an INS one asks only about whom the credential names.
    let (answer, _) = known_by(&mut hospital, REGISTER, &second.ins, &[]).await;
    assert!(answer.contains("claim_missing"), "{answer}");
}
