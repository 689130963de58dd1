//! Who may read and feed what: authorisation, block, matrix, masking, emergency, mode, state of the space.

use space::Purpose;
use testkit::{
    Gateway, TestDocument,
    soap::{self, REPOSITORY_ID},
};

use crate::support::{Caller, envelope_of, object_ids, refused, stored, succeeded};

const LOCAL: &str = "LocalPolicyRestrictionError";
const UNKNOWN: &str = "XDSDocumentUniqueIdError";
/// Documents of the ordinary holder: biology, pregnancy (physicians and midwives only), a masked consultation.
const BIOLOGY: &str = "1.2.250.1.999.7.1.1.1";
const PREGNANCY: &str = "1.2.250.1.999.7.1.1.2";
const MASKED: &str = "1.2.250.1.999.7.1.1.3";

fn bris(reason: &str) -> Purpose {
    Purpose::BrisDeGlace { reason: (!reason.is_empty()).then(|| reason.to_owned()) }
}

fn space(gateway: &Gateway, action: &str, holder: usize, more: &[&str]) {
    let arguments = [&["space", action, "--ins", gateway.ins(holder)], more].concat();
    let _ = gateway.command(&arguments);
}

/// Issues a card and gives its name back.
fn card<'a>(gateway: &Gateway, kind: &str, name: &'a str, more: &[&str]) -> &'a str {
    let id = "899900000901";
    let structure = "499900000901001";
    let known = ["pki", "issue", "--kind", kind, "--name", name, "--id", id, "--structure", structure, "--p256"];
    let _ = gateway.command(&[&known[..], more].concat());
    name
}

#[tokio::test]
async fn the_matrix_keeps_a_pregnancy_report_from_a_pharmacist_in_list_and_fetch() {
    let gateway = Gateway::start();
    let mut pharmacist = Caller::of(&gateway, "pharmacien", 0);
    assert_eq!(pharmacist.listed("").await, [BIOLOGY]);
    let lookup = pharmacist.query(&soap::get_documents(PREGNANCY)).await;
    assert!(object_ids(&lookup).is_empty(), "{}", lookup.text());
    refused(&pharmacist.retrieve(PREGNANCY).await, LOCAL, "matrix_excludes");
    let mut family_physician = Caller::of(&gateway, "medecin-traitant", 0);
    assert_eq!(family_physician.listed("").await, [BIOLOGY, PREGNANCY]);
}

#[tokio::test]
async fn a_masked_document_does_not_exist_for_others_than_its_author() {
    let gateway = Gateway::start();
    for name in ["pharmacien", "infirmier", "medecin-traitant"] {
        let mut reader = Caller::of(&gateway, name, 0);
        assert!(!reader.listed("").await.contains(&MASKED.to_owned()), "{name}");
        let reply = reader.retrieve(MASKED).await;
        refused(&reply, UNKNOWN, "unknown_document");
        // Not one byte tells it from a document that never was, but for what was asked and when.
        let never = envelope_of(&reader.retrieve("1.2.250.1.999.7.1.1.404").await);
        let bare = |xml: &str| xml.split("RegistryErrorList").nth(1).map(str::to_owned);
        assert_eq!(bare(&envelope_of(&reply)), bare(&never));
    }
    assert!(!Caller::of(&gateway, "medecin", 0).bytes(MASKED).await.is_empty());
    let told = gateway.trace(gateway.ins(0));
    assert!(told.iter().any(|e| e["cause"] == "masked"), "the holder is told the true cause");
}

#[tokio::test]
async fn what_a_list_shows_is_exactly_what_a_fetch_gives() {
    let gateway = Gateway::start();
    for holder in 0..4 {
        let documents: Vec<String> = gateway.demo["holders"][holder]["documents"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|d| d.as_str().expect("a uniqueId").to_owned())
            .collect();
        for name in ["medecin", "infirmier", "pharmacien", "samu", "medecin-traitant", "hopital"] {
            let mut reader = Caller::of(&gateway, name, holder);
            let found = reader.find("").await;
            let shown = if found.text().contains("Success") { crate::support::unique_ids(&found) } else { Vec::new() };
            let asked: Vec<_> = documents.iter().map(|d| (REPOSITORY_ID, d.as_str())).collect();
            let reply = reader.retrieve_all(&asked).await;
            let given = envelope_of(&reply);
            for document in &documents {
                let is_given = given.contains(&format!(">{document}<"));
                assert_eq!(is_given, shown.contains(document), "{name}, holder {holder}, {document}: {given}");
            }
        }
    }
}

#[tokio::test]
async fn a_blocked_professional_is_refused_everything() {
    let gateway = Gateway::start();
    let before = stored(&gateway);
    let mut nurse = Caller::of(&gateway, "infirmier", 1);
    refused(&nurse.find("").await, LOCAL, "blocked");
    refused(&nurse.retrieve("1.2.250.1.999.7.1.2.1").await, LOCAL, "blocked");
    refused(&nurse.deposit(&TestDocument::biology()).await, LOCAL, "blocked");
    refused(&nurse.query(&soap::get_documents("1.2.250.1.999.7.1.2.1")).await, LOCAL, "blocked");
    let mut breaking = Caller::in_mode(&gateway, "infirmier", 1, bris("arrêt cardiaque"));
    refused(&breaking.find("").await, LOCAL, "blocked");
    assert_eq!(stored(&gateway), before);
}

#[tokio::test]
async fn what_the_holder_changes_holds_from_the_next_request() {
    let gateway = Gateway::start();
    let mut nurse = Caller::of(&gateway, "infirmier", 0);
    assert_eq!(nurse.listed("").await, [BIOLOGY]);
    space(&gateway, "withdraw", 0, &["--who", "infirmier"]);
    refused(&nurse.find("").await, LOCAL, "not_authorised");
    refused(&nurse.retrieve(BIOLOGY).await, LOCAL, "not_authorised");
    // What is one's own stays readable.
    let own = TestDocument::biology();
    nurse.put(&own).await;
    assert_eq!(nurse.listed("").await, [own.unique_id.as_str()]);
    space(&gateway, "authorise", 0, &["--who", "infirmier"]);
    assert_eq!(nurse.listed("").await.len(), 2);
    space(&gateway, "block", 0, &["--who", "infirmier"]);
    refused(&nurse.find("").await, LOCAL, "blocked");
    refused(&nurse.retrieve(&own.unique_id).await, LOCAL, "blocked");
    space(&gateway, "unblock", 0, &["--who", "infirmier"]);
    assert_ne!(soap::errors(&nurse.find("").await.text()).first().map(|e| e.1.as_str()), Some("blocked"));
    assert_eq!(nurse.client.connections, 1);
}

#[tokio::test]
async fn an_authorised_structure_opens_the_space_to_its_team() {
    let gateway = Gateway::start();
    let mut hospital = Caller::of(&gateway, "hopital", 6);
    let document = TestDocument::biology();
    hospital.put(&document).await;
    let mut emergency_physician = Caller::of(&gateway, "samu", 6);
    refused(&emergency_physician.find("").await, LOCAL, "not_authorised");
    space(&gateway, "authorise", 6, &["--who", "hopital"]);
    assert_eq!(emergency_physician.bytes(&document.unique_id).await, document.body.as_slice());
    space(&gateway, "block", 6, &["--who", "hopital"]);
    refused(&emergency_physician.find("").await, LOCAL, "blocked");
    refused(&hospital.deposit(&TestDocument::biology()).await, LOCAL, "blocked");
}

#[tokio::test]
async fn break_glass_asks_for_a_reason_and_for_the_holders_consent() {
    let gateway = Gateway::start();
    let document = TestDocument::biology();
    Caller::of(&gateway, "hopital", 6).put(&document).await;
    for reason in ["", "  "] {
        let mut silent = Caller::in_mode(&gateway, "samu", 6, bris(reason));
        refused(&silent.find("").await, LOCAL, "reason_required");
        refused(&silent.retrieve(&document.unique_id).await, LOCAL, "reason_required");
    }
    let mut breaking = Caller::in_mode(&gateway, "samu", 6, bris("patient inconscient"));
    assert_eq!(breaking.listed("").await, [document.unique_id.as_str()]);
    assert_eq!(breaking.bytes(&document.unique_id).await, document.body.as_slice());
    let mut opposed = Caller::in_mode(&gateway, "samu", 2, bris("patient inconscient"));
    refused(&opposed.find("").await, LOCAL, "emergency_opposed");
    refused(&opposed.retrieve("1.2.250.1.999.7.1.3.1").await, LOCAL, "emergency_opposed");
}

#[tokio::test]
async fn regulation_reads_where_the_holder_has_not_opposed_it() {
    let gateway = Gateway::start();
    let document = TestDocument::biology();
    Caller::of(&gateway, "hopital", 6).put(&document).await;
    let mut regulating = Caller::in_mode(&gateway, "samu", 6, Purpose::Centre15);
    assert_eq!(regulating.listed("").await, [document.unique_id.as_str()]);
    assert_eq!(regulating.bytes(&document.unique_id).await, document.body.as_slice());
    let mut opposed = Caller::in_mode(&gateway, "samu", 2, Purpose::Centre15);
    refused(&opposed.find("").await, LOCAL, "emergency_opposed");
    space(&gateway, "emergency", 6, &["--centre15", "false"]);
    refused(&regulating.find("").await, LOCAL, "emergency_opposed");
    let mut normally = Caller::of(&gateway, "samu", 6);
    refused(&normally.find("").await, LOCAL, "not_authorised");
}

#[tokio::test]
async fn masked_documents_open_in_an_emergency_only_by_consent() {
    let gateway = Gateway::start();
    for purpose in [bris("patient inconscient"), Purpose::Centre15] {
        let mut emergency = Caller::in_mode(&gateway, "samu", 0, purpose);
        assert!(emergency.listed("").await.contains(&MASKED.to_owned()));
        assert!(!emergency.bytes(MASKED).await.is_empty());
        space(&gateway, "emergency", 0, &["--masked", "false"]);
        assert!(!emergency.listed("").await.contains(&MASKED.to_owned()));
        refused(&emergency.retrieve(MASKED).await, UNKNOWN, "unknown_document");
        space(&gateway, "emergency", 0, &["--masked", "true"]);
    }
}

#[tokio::test]
async fn a_structure_feeds_and_looks_up_its_own_but_reads_nothing() {
    let gateway = Gateway::start();
    let mut hospital = Caller::of(&gateway, "hopital", 0);
    let document = TestDocument::biology();
    hospital.put(&document).await;
    refused(&hospital.find("").await, LOCAL, "function_denied");
    refused(&hospital.retrieve(&document.unique_id).await, LOCAL, "function_denied");
    assert_eq!(hospital.entry_uuid(&document.unique_id).await.len(), 45);
    let of_another = hospital.query(&soap::get_documents(BIOLOGY)).await;
    succeeded(&of_another);
    assert!(object_ids(&of_another).is_empty(), "{}", of_another.text());
}

#[tokio::test]
async fn a_space_that_is_not_open_lets_nothing_in_or_out() {
    let gateway = Gateway::start();
    for (holder, cause) in [(4, "space_not_open"), (5, "space_closed")] {
        let before = stored(&gateway);
        let mut physician = Caller::of(&gateway, "medecin", holder);
        refused(&physician.find("").await, LOCAL, cause);
        refused(&physician.deposit(&TestDocument::biology()).await, LOCAL, cause);
        refused(&physician.retrieve("1.2.3").await, LOCAL, cause);
        let mut emergency = Caller::in_mode(&gateway, "samu", holder, bris("coma"));
        refused(&emergency.find("").await, LOCAL, cause);
        assert_eq!(stored(&gateway), before);
    }
}

#[tokio::test]
async fn an_occupational_physician_feeds_and_reads_nothing() {
    let gateway = Gateway::start();
    let name = card(&gateway, "cps", "travail", &["--profession", "10", "--speciality", "SM25"]);
    space(&gateway, "authorise", 0, &["--who", "899900000901"]);
    let mut occupational = Caller::of(&gateway, name, 0);
    let document = TestDocument::biology();
    occupational.put(&document).await;
    refused(&occupational.find("").await, LOCAL, "function_denied");
    refused(&occupational.retrieve(BIOLOGY).await, LOCAL, "function_denied");
    refused(&occupational.retrieve(&document.unique_id).await, LOCAL, "function_denied");
}

#[tokio::test]
async fn a_secretarys_card_feeds_for_its_structure_and_reads_nothing() {
    let gateway = Gateway::start();
    let name = card(&gateway, "cpe", "secretaire", &[]);
    let mut secretary = Caller::of(&gateway, name, 0);
    let document = TestDocument::biology();
    secretary.put(&document).await;
    refused(&secretary.find("").await, LOCAL, "function_denied");
    refused(&secretary.retrieve(&document.unique_id).await, LOCAL, "function_denied");
    assert_eq!(secretary.entry_uuid(&document.unique_id).await.len(), 45);
    assert_eq!(Caller::of(&gateway, "pharmacien", 0).bytes(&document.unique_id).await, document.body.as_slice());
}

#[tokio::test]
async fn a_profession_without_column_reads_nothing() {
    let gateway = Gateway::start();
    let name = card(&gateway, "cps", "autre", &["--profession", "93"]);
    space(&gateway, "authorise", 0, &["--who", "899900000901"]);
    let mut other = Caller::of(&gateway, name, 0);
    refused(&other.find("").await, LOCAL, "profession_excluded");
    refused(&other.retrieve(BIOLOGY).await, LOCAL, "profession_excluded");
}

#[tokio::test]
async fn in_a_secret_connection_only_what_representatives_do_not_see_goes_in() {
    let gateway = Gateway::start();
    let mut secretly = Caller::with(&gateway, "medecin", 3, |c| c.request.secret = true);
    let before = stored(&gateway);
    let open = TestDocument::biology();
    refused(&secretly.deposit(&open).await, "XDSRegistryMetadataError", "secret_visibility");
    assert_eq!(stored(&gateway), before);
    let hidden = TestDocument::biology().visible(&["INVISIBLE_REPRESENTANTS_LEGAUX"]);
    secretly.put(&hidden).await;
    // Professionals read it: it is hidden from the representatives.
    assert_eq!(Caller::of(&gateway, "medecin-traitant", 3).bytes(&hidden.unique_id).await, hidden.body.as_slice());
}

#[tokio::test]
async fn authors_read_what_they_deposited_masked_or_hidden() {
    let gateway = Gateway::start();
    let mut pharmacist = Caller::of(&gateway, "pharmacien", 6);
    for visibility in ["MASQUE_PS", "INVISIBLE_PATIENT"] {
        // Nobody authorised him and the matrix would not let him read this kind of another.
        let own = TestDocument::report("89233-1", "10").visible(&[visibility]);
        let reply = pharmacist
            .send_edited(&soap::Deposit::one(&pharmacist.ins.clone(), own.clone()), |xml| {
                xml.replace("899900000101", "899900000303")
            })
            .await;
        succeeded(&reply);
        assert!(pharmacist.listed("").await.contains(&own.unique_id), "{visibility}");
        assert_eq!(pharmacist.bytes(&own.unique_id).await, own.body.as_slice());
    }
}
