//! The DMP's services about people: TD0.2 to TD0.5, TD1.3a, TD1.6, and what a record of Mon espace santé refuses.

use space::Purpose;
use testkit::{Gateway, Reply, TestDocument, soap};

use crate::support::{Caller, faulted, newest};

async fn patients(caller: &mut Caller, interaction: &str, body: &str) -> Reply {
    let envelope = soap::envelope(&format!("urn:hl7-org:v3:{interaction}"), &caller.vihf, body);
    caller.post_envelope(soap::PATIENTS, envelope).await
}

async fn existence(caller: &mut Caller, reason: &str) -> String {
    let body = soap::get_demographics(&caller.ins.clone(), reason);
    let reply = patients(caller, "PRPA_IN201307UV02", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.text().contains("PRPA_IN201308UV02"), "{}", reply.text());
    reply.text()
}

async fn habilitations(caller: &mut Caller, body: &str) -> String {
    let action = "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorization";
    let envelope = soap::envelope(action, &caller.vihf, body);
    let reply = caller.post_envelope(soap::HABILITATIONS, envelope).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text()
}

async fn list(caller: &mut Caller, start: &str, kind: &str) -> String {
    let action = "urn:si-dmp-patients:PatientSpecificEndPoint:patientList";
    let envelope = soap::envelope(action, &caller.vihf, &soap::patient_list(start, kind));
    let reply = caller.post_envelope(soap::PATIENTS, envelope).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text()
}

fn status(text: &str) -> &str {
    text.split_once("status>").and_then(|(_, rest)| rest.split_once('<')).map_or("", |(status, _)| status)
}

#[tokio::test]
async fn existence_is_told_with_the_callers_standing() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let found = existence(&mut physician, "TEST_EXST").await;
    for part in [
        r#"typeCode="AA""#,
        r#"code="VALIDE""#,
        r#"queryResponseCode code="OK""#,
        r#"statusCode code="active""#,
        r#"code="RATTACHEMENT_ENS""#,
        r#"code="OPPOSITION_BRIS_DE_GLACE""#,
        r#"qualifier="BR""#,
        physician.ins.as_str(),
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    let none = existence(&mut Caller::of(&gateway, "hopital", 1), "TEST_EXST").await;
    assert!(!none.contains("VALIDE") && none.contains(r#"code="OK""#), "{none}");
    let traitant = existence(&mut Caller::of(&gateway, "medecin-traitant", 0), "TEST_EXST").await;
    let after = traitant.split_once("STATUT_MT").map(|(_, rest)| rest.chars().take(120).collect::<String>());
    assert!(after.is_some_and(|line| line.contains(r#"value="true""#)), "{traitant}");
    assert_eq!(newest(&gateway, &physician.ins, "identify")["outcome"], "done");
    assert!(existence(&mut physician, "CNSLT_DATA").await.contains("birthTime"));
}

#[tokio::test]
async fn a_record_that_is_not_there_a_closed_one_and_a_blocked_caller_are_told_apart() {
    let gateway = Gateway::start();
    // Noticed: nobody has a record before the notice is over.
    let noticed = existence(&mut Caller::of(&gateway, "medecin", 4), "TEST_EXST").await;
    assert!(noticed.contains(r#"code="NF""#) && !noticed.contains("patientPerson"), "{noticed}");
    let closed = existence(&mut Caller::of(&gateway, "medecin", 5), "TEST_EXST").await;
    assert!(closed.contains("terminated") && closed.contains("FERMETURE_DEMANDE_PATIENT"), "{closed}");
    let closed = existence(&mut Caller::of(&gateway, "medecin", 5), "CNSLT_DATA").await;
    assert!(closed.contains(r#"typeCode="AE""#) && closed.contains("space_closed"), "{closed}");
    let ins = gateway.ins(0).to_owned();
    let _ = gateway.command(&["space", "block", "--ins", &ins, "--who", "pharmacien"]);
    let blocked = existence(&mut Caller::of(&gateway, "pharmacien", 0), "TEST_EXST").await;
    assert!(blocked.contains("INTERDITE") && blocked.contains(r#"typeCode="AE""#), "{blocked}");
    assert!(!blocked.contains("patientPerson"), "{blocked}");
    // The message may bear on nobody but the holder of the VIHF.
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let other = gateway.ins(1).to_owned();
    let reply = patients(&mut physician, "PRPA_IN201307UV02", &soap::get_demographics(&other, "TEST_EXST")).await;
    assert!(reply.text().contains("patient_mismatch"), "{}", reply.text());
}

#[tokio::test]
async fn a_professional_declares_and_gives_up_its_authorisation() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 1);
    let ins = physician.ins.clone();
    let _ = gateway.command(&["space", "withdraw", "--ins", &ins, "--who", "medecin"]);
    assert!(!existence(&mut physician, "TEST_EXST").await.contains("VALIDE"));
    assert_eq!(status(&habilitations(&mut physician, &soap::set_authorization("AJOUT", "")).await), "DMPOk");
    assert!(existence(&mut physician, "TEST_EXST").await.contains("VALIDE"));
    assert_eq!(newest(&gateway, &ins, "authorise")["outcome"], "done");
    let listed = habilitations(&mut physician, &soap::list_authorization("ACTIVE")).await;
    assert!(listed.contains("899900000101") && listed.contains("<mode>ACTIVE"), "{listed}");
    let set = habilitations(&mut physician, &soap::set_authorization("AJOUT", "MEDECIN_TRAITANT")).await;
    assert_eq!(status(&set), "DMPOk", "{set}");
    let listed = habilitations(&mut physician, &soap::list_authorization("TOUTE")).await;
    assert!(listed.contains("MEDECIN_TRAITANT"), "{listed}");
    for role in ["MEDECIN_TRAITANT", ""] {
        let set = habilitations(&mut physician, &soap::set_authorization("SUPPRESSION", role)).await;
        assert_eq!(status(&set), "DMPOk", "{set}");
    }
    assert!(!existence(&mut physician, "TEST_EXST").await.contains("VALIDE"));
    // A nurse is nobody's médecin traitant; a structure's certificate declares nothing.
    let mut nurse = Caller::of(&gateway, "infirmier", 0);
    let set = habilitations(&mut nurse, &soap::set_authorization("AJOUT", "MEDECIN_TRAITANT")).await;
    assert_eq!(status(&set), "DMPFunctionDenied", "{set}");
    let set = habilitations(&mut Caller::of(&gateway, "hopital", 1), &soap::set_authorization("AJOUT", "")).await;
    assert_eq!(status(&set), "DMPFunctionDenied", "{set}");
    assert!(set.contains("PDT-INF-526"), "{set}");
}

#[tokio::test]
async fn the_records_a_caller_is_authorised_on_are_listed_and_no_others() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let all = list(&mut physician, "20200101000000", "LASTAUTORIZATION").await;
    assert_eq!(status(&all), "DMPOk", "{all}");
    assert!(all.contains(&physician.ins), "{all}");
    let ins = physician.ins.clone();
    assert_eq!(newest(&gateway, &ins, "list_spaces")["outcome"], "done");
    let future = list(&mut physician, "20990101000000", "LASTAUTORIZATION").await;
    assert!(!future.contains(&ins) && status(&future) == "DMPOk", "{future}");
    let future = list(&mut physician, "20990101000000", "LASTDOC").await;
    assert!(!future.contains(&ins), "{future}");
    let _ = gateway.command(&["space", "withdraw", "--ins", &ins, "--who", "medecin"]);
    assert!(!list(&mut physician, "20200101000000", "LASTDOC").await.contains(&ins));
}

#[tokio::test]
async fn people_are_searched_by_traits_in_regulation_only() {
    let gateway = Gateway::start();
    let holder = gateway.demo["holders"][0].clone();
    let text = |key: &str| holder[key].as_str().expect("text").to_owned();
    let (family, given, birth) = (text("family"), text("given"), text("birthDate").replace('-', ""));
    let mut samu = Caller::with(&gateway, "samu", 0, |c| {
        c.request.purpose = Purpose::Centre15;
        c.request.patient = None;
    });
    let ask = |f: &str, g: &str, b: &str, s: &str| soap::find_candidates(&soap::candidate_traits(f, g, b, s));
    for body in [
        ask(&family, "", &birth, ""),
        ask(&family.to_lowercase(), &given, "", ""),
        ask(&family, &given, &birth, &text("sex")),
    ] {
        let found = patients(&mut samu, "PRPA_IN201305UV02", &body).await.text();
        assert!(found.contains(&text("ins")) && found.contains("PRPA_IN201306UV02"), "{found}");
        assert!(found.contains(r#"resultTotalQuantity value="1""#), "{found}");
    }
    assert_eq!(newest(&gateway, &text("ins"), "identify")["outcome"], "done");
    let other = if text("sex") == "F" { "M" } else { "F" };
    let none = patients(&mut samu, "PRPA_IN201305UV02", &ask(&family, &given, &birth, other)).await.text();
    assert!(none.contains(r#"code="NF""#) && !none.contains(&text("ins")), "{none}");
    let little = patients(&mut samu, "PRPA_IN201305UV02", &ask(&family, "", "", "")).await.text();
    assert!(little.contains("query_parameter_missing"), "{little}");
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let denied = patients(&mut physician, "PRPA_IN201305UV02", &ask(&family, &given, &birth, "")).await.text();
    assert!(denied.contains("function_denied") && !denied.contains("patientPerson"), "{denied}");
    // With the number it is ITI-47 as anybody may ask it.
    let by_number = format!(
        r#"<livingSubjectId><value root="1.2.250.1.213.1.4.10" extension="{}"/><semanticsText>LivingSubject.id</semanticsText></livingSubjectId>"#,
        text("ins")
    );
    let found = patients(&mut physician, "PRPA_IN201305UV02", &soap::find_candidates(&by_number)).await.text();
    assert!(found.contains(&family) && found.contains("IHE_PDQ"), "{found}");
}

#[tokio::test]
async fn a_record_of_mon_espace_sante_is_not_managed_here() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let body = soap::get_demographics(&physician.ins, "TEST_EXST");
    // A message that is not as its schema has it is a fault, with its place.
    let broken = body.replace("<statusCode code=\"new\"/>", "");
    let reply = patients(&mut physician, "PRPA_IN201307UV02", &broken).await;
    faulted(&reply, 400, "malformed_message");
    let start = body.find("<id ").expect("a head");
    let end = body.find("<controlActProcess").expect("an act");
    let head = &body[start..end];
    for (interaction, answer) in
        [("PRPA_IN201311UV02", "PRPA_IN201313UV02"), ("PRPA_IN201314UV02", "PRPA_IN201316UV02")]
    {
        let ins = &physician.ins.clone();
        let body = format!(
            r#"<{interaction} xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0">{head}<controlActProcess classCode="CACT" moodCode="RQO"><subject typeCode="SUBJ"><registrationRequest classCode="REG" moodCode="RQO"><statusCode code="active"/><subject1 typeCode="SBJ"><patient classCode="PAT"><id root="1.2.250.1.213.1.4.10" extension="{ins}"/><statusCode code="active"/><patientPerson classCode="PSN" determinerCode="INSTANCE"><name><family>X</family></name></patientPerson></patient></subject1></registrationRequest></subject></controlActProcess></{interaction}>"#
        );
        let reply = patients(&mut physician, interaction, &body).await;
        let text = reply.text();
        assert!(
            text.contains(answer) && text.contains("attached_record") && text.contains(r#"typeCode="AE""#),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_last_deposit_decides_what_a_list_by_documents_shows() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.put(&TestDocument::biology()).await;
    let listed = list(&mut physician, "20200101000000", "LASTDOC").await;
    assert!(listed.contains(&physician.ins) && listed.contains("lastAddDate"), "{listed}");
}
