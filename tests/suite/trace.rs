//! The trace: what the holder is shown, that it cannot be changed unseen, and what no log ever says.

use std::path::Path;

use space::Purpose;
use testkit::{Gateway, GatewayOptions, TestDocument, soap};

use crate::support::{Caller, faulted, newest, refused, stored};

#[tokio::test]
async fn the_holder_is_shown_who_did_what_when_and_how_it_ended() {
    let gateway = Gateway::start();
    let ins = gateway.ins(0).to_owned();
    let mut hospital = Caller::of(&gateway, "hopital", 0);
    let document = TestDocument::biology();
    hospital.put(&document).await;
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let _ = physician.listed("").await;
    let _ = physician.bytes(&document.unique_id).await;
    let mut pharmacist = Caller::of(&gateway, "pharmacien", 0);
    refused(&pharmacist.retrieve("1.2.250.1.999.7.1.1.2").await, "LocalPolicyRestrictionError", "matrix_excludes");

    let trace = gateway.trace(&ins);
    let acts: Vec<_> = trace.iter().take(4).map(|e| e["act"].as_str().expect("an act")).collect();
    assert_eq!(acts, ["fetch", "fetch", "find", "deposit"], "newest first");
    let [refusal, fetch, find, deposit] = &trace[..4] else { panic!("four events") };
    assert_eq!((&refusal["outcome"], &refusal["cause"]), (&"refused".into(), &"matrix_excludes".into()));
    assert_eq!(refusal["who"]["name"], "ROUSSEL NADIA");
    assert_eq!(refusal["who"]["profession"], "21");
    assert_eq!(refusal["documents"][0], "1.2.250.1.999.7.1.1.2");
    assert_eq!((&fetch["outcome"], &fetch["documents"][0]), (&"done".into(), &document.unique_id.as_str().into()));
    assert_eq!((&fetch["who"]["id"], &fetch["who"]["name"]), (&"899900000101".into(), &"VASSEUR ELISE".into()));
    assert_eq!((&find["outcome"], &find["emergency"]), (&"done".into(), &serde_json::Value::Null));
    assert_eq!(deposit["who"]["structure"], "10B0999991");
    assert_eq!(deposit["documents"][0], document.unique_id.as_str());
    for event in &trace {
        let at = event["at"].as_str().expect("an instant");
        assert!(at.len() >= 20 && at.ends_with('Z') && at.starts_with("20"), "{event}");
        assert!(!event["rule"].as_str().expect("a rule").is_empty(), "{event}");
    }
    assert!(newest(&gateway, &ins, "read_trace")["who"].is_object(), "reading the trace leaves a trace");
}

#[tokio::test]
async fn refusals_of_the_blocked_and_emergencies_stand_out() {
    let gateway = Gateway::start();
    let mut nurse = Caller::of(&gateway, "infirmier", 1);
    refused(&nurse.find("").await, "LocalPolicyRestrictionError", "blocked");
    let event = newest(&gateway, gateway.ins(1), "find");
    assert_eq!((&event["outcome"], &event["cause"]), (&"refused".into(), &"blocked".into()));
    assert_eq!(event["who"]["id"], "899900000202");

    let reason = Some("patient inconscient".to_owned());
    let mut breaking = Caller::in_mode(&gateway, "samu", 0, Purpose::BrisDeGlace { reason });
    let _ = breaking.listed("").await;
    let event = newest(&gateway, gateway.ins(0), "find");
    assert_eq!((&event["emergency"], &event["reason"]), (&"bris_de_glace".into(), &"patient inconscient".into()));
    let mut opposed = Caller::in_mode(&gateway, "samu", 2, Purpose::Centre15);
    refused(&opposed.find("").await, "LocalPolicyRestrictionError", "emergency_opposed");
    let event = newest(&gateway, gateway.ins(2), "find");
    assert_eq!((&event["emergency"], &event["outcome"]), (&"centre_15".into(), &"refused".into()));
}

#[tokio::test]
async fn what_the_holder_sets_is_traced_too() {
    let gateway = Gateway::start();
    let ins = gateway.ins(0).to_owned();
    let _ = gateway.command(&["space", "block", "--ins", &ins, "--who", "infirmier"]);
    let event = newest(&gateway, &ins, "block");
    assert_eq!((&event["outcome"], &event["documents"][0]), (&"done".into(), &"899900000202".into()));
}

#[tokio::test]
async fn acts_on_one_space_are_in_no_other_trace() {
    let gateway = Gateway::start();
    let before = gateway.trace(gateway.ins(1)).len();
    let _ = Caller::of(&gateway, "medecin", 0).listed("").await;
    // One more, by our own reading of it.
    assert_eq!(gateway.trace(gateway.ins(1)).len(), before + 1);
}

/// Replaces bytes by others of the same length wherever they stand in a file; how many times.
fn forge(file: &Path, from: &str, to: &str) -> usize {
    assert_eq!(from.len(), to.len());
    let mut bytes = std::fs::read(file).expect("it is a file");
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|&i| bytes[i..].starts_with(from.as_bytes())).collect();
    for place in &places {
        bytes[*place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    std::fs::write(file, bytes).expect("it is written");
    places.len()
}

/// `verify` must fail with exit 1 and one line that names a place.
#[track_caller]
fn breaks(gateway: &Gateway, place: &str) {
    let output = gateway.run(&["verify"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(place) && told.trim_end().lines().count() == 1, "{place}: {told}");
}

/// A gateway on the embedded store, whose files the test changes.
fn embedded() -> Gateway {
    Gateway::with(GatewayOptions::default().with("STORE__URL", "sqlite:passerelle.db"))
}

#[tokio::test]
async fn a_log_taken_away_is_found_by_verify() {
    let mut gateway = embedded();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    for _ in 0..3 {
        let _ = physician.listed("").await;
    }
    assert_eq!(gateway.terminate(), Some(0));
    assert!(stored(&gateway) > 0, "nothing is wrong yet");
    // The last head signed is that of the process above, or of the command after it: each has a log of its own.
    let heads = std::fs::read_to_string(gateway.data().join("keys/heads.txt")).expect("signed heads");
    let origin = heads.lines().find_map(|l| l.strip_prefix("passerelle/")).expect("an origin").to_owned();
    let database = gateway.data().join("passerelle.db");
    let other = "00000000-0000-0000-0000-000000000000";
    assert!(forge(&database, &origin, other) > 0, "its events are in the database file");
    breaks(&gateway, "head ");
    assert!(forge(&database, other, &origin) > 0);
    let _ = stored(&gateway);
    // A head that nobody signed is not believed either.
    let forged = heads.replacen("\ntime ", "\ntime 1", 1);
    std::fs::write(gateway.data().join("keys/heads.txt"), forged).expect("written");
    breaks(&gateway, "--heads");
}

#[tokio::test]
async fn changed_or_lost_bytes_of_a_document_are_found_by_verify() {
    let mut gateway = embedded();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let large = TestDocument::of(crate::iti41::noise(100_000), "11502-2", "10");
    physician.put(&large).await;
    assert_eq!(gateway.terminate(), Some(0));
    let file = walk(&gateway.data().join("blobs")).pop().expect("a body in a file");
    let mut bytes = std::fs::read(&file).expect("it is read");
    assert!(!bytes.windows(64).any(|w| w == &large.body[1000..1064]), "a body on disk is sealed");
    bytes[1000] ^= 1;
    std::fs::write(&file, &bytes).expect("it is written");
    breaks(&gateway, "body ");
    bytes[1000] ^= 1;
    std::fs::write(&file, &bytes).expect("it is written");
    let _ = stored(&gateway);
    std::fs::remove_file(file).expect("it is removed");
    breaks(&gateway, "body ");
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("readable").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn no_log_line_carries_an_ins_a_name_a_token_or_content() {
    let mut options = GatewayOptions::default();
    options.environment.push(("PASSERELLE_LOG".into(), "debug".into()));
    let mut gateway = Gateway::with(options);
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::of(b"<secret>contenu du document</secret>".to_vec(), "11502-2", "10");
    physician.put(&document).await;
    let _ = physician.listed("").await;
    let _ = physician.bytes(&document.unique_id).await;
    refused(&physician.retrieve("1.2.3").await, "XDSDocumentUniqueIdError", "unknown_document");
    let query = soap::find_documents(gateway.ins(1), soap::APPROVED, "");
    refused(&physician.query(&query).await, "XDSPatientIdDoesNotMatch", "patient_mismatch");
    refused(&Caller::of(&gateway, "infirmier", 1).find("").await, "LocalPolicyRestrictionError", "blocked");
    let reason = Some("raison tres privee".to_owned());
    let _ = Caller::in_mode(&gateway, "samu", 0, Purpose::BrisDeGlace { reason }).find("").await;
    let changed = physician.vihf.replace(&physician.ins, gateway.ins(1));
    let good = std::mem::replace(&mut physician.vihf, changed);
    faulted(&physician.find("").await, 400, "signature_invalid");
    let broken = format!("<a>{}</b>", physician.ins);
    faulted(&physician.post_envelope(soap::REGISTRY, broken).await, 400, "malformed_xml");
    assert_eq!(gateway.terminate(), Some(0));

    let log = gateway.log();
    assert!(log.lines().count() > 5, "there is a log: {log}");
    let id = good.split("ID=\"").nth(1).and_then(|s| s.split('"').next()).expect("an ID").to_owned();
    let signature = good.split("SignatureValue>").nth(1).expect("a signature")[..30].to_owned();
    let certificate = good.split("X509Certificate>").nth(1).expect("a certificate")[..60].to_owned();
    let mut forbidden: Vec<String> = (0..7).map(|i| gateway.ins(i).to_owned()).collect();
    forbidden.extend(forbidden.clone().iter().map(|ins| ins[..13].to_owned()));
    forbidden.extend([id, signature, certificate]);
    let names = ["VASSEUR", "AUBRY", "DIALLO", "KERVELLA", "CLAIRE", "899900000101", "899900000202"];
    let contents = ["contenu du document", "raison tres privee", "Compte rendu de test", "19801105"];
    forbidden.extend(names.iter().chain(&contents).map(|s| (*s).to_owned()));
    for word in forbidden {
        let line = log.lines().find(|line| line.contains(&word));
        assert_eq!(line, None, "{word}");
    }
}
