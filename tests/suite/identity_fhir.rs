//! PIXm and PDQm: a hospital's numbers fed and asked by FHIR (ITI-83, 104), people searched and matched (ITI-78, 119).

use serde_json::{Value, json};
use space::Purpose;
use testkit::{
    Client, Credentials, Gateway, Reply,
    client::{full, request},
};

use crate::{
    fhir_bundle::{FHIR, FhirCaller, SYSTEM, matches},
    support::newest,
};

/// The hospital's own system, under a bearer for the `holder`th holder or for nobody.
fn hospital(gateway: &Gateway, holder: Option<usize>) -> FhirCaller {
    let pki = gateway.data().join("pki");
    let ins = gateway.ins(holder.unwrap_or_default()).to_owned();
    let mut credentials = Credentials::of(&pki, "hopital-seal", &ins);
    if holder.is_none() {
        credentials.request.patient = None;
    }
    FhirCaller { client: Client::new(&gateway.pro, &pki, "hopital-auth"), bearer: credentials.bearer(), ins }
}

async fn send(caller: &mut FhirCaller, method: &str, path: &str, body: &Value) -> Reply {
    let headers = [("authorization", caller.bearer.as_str()), ("content-type", FHIR)];
    let call = request(method, &format!("/fhir/{path}"), &headers, full(body.to_string()));
    caller.client.send(call).await.expect("the connection holds")
}

fn domain(gateway: &Gateway) -> String {
    format!("urn:oid:{}", gateway.demo["structures"][0]["domain"].as_str().expect("a domain"))
}

/// A holder of the demonstration as the hospital knows them.
fn patient(gateway: &Gateway, holder: usize, number: &str) -> Value {
    let known = &gateway.demo["holders"][holder];
    json!({
        "resourceType": "Patient", "active": true,
        "identifier": [
            { "system": domain(gateway), "value": number }, { "system": SYSTEM, "value": known["ins"] },
        ],
        "name": [{ "use": "official", "family": known["family"], "given": [known["given"]] }],
        "birthDate": known["birthDate"], "gender": if known["sex"] == "F" { "female" } else { "male" },
    })
}

async fn put(caller: &mut FhirCaller, gateway: &Gateway, number: &str, body: &Value) -> Reply {
    let path = format!("Patient?identifier={}%7C{number}", domain(gateway));
    send(caller, "PUT", &path, body).await
}

/// The status of a refusal, its stable code and issue code.
#[track_caller]
fn refused(reply: &Reply) -> (u16, String, String) {
    let outcome = reply.json();
    let issue = &outcome["issue"][0];
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    (reply.status.as_u16(), text(&issue["details"]["coding"][0]["code"]), text(&issue["code"]))
}

fn wanted(status: u16, cause: &str, code: &str) -> (u16, String, String) {
    (status, cause.to_owned(), code.to_owned())
}

fn identifiers(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let parameters = reply.json();
    assert_eq!(parameters["resourceType"], "Parameters", "{parameters:#}");
    let all = parameters["parameter"].as_array().cloned().unwrap_or_default();
    let told = all.iter().filter(|p| p["name"] == "targetIdentifier").map(|p| &p["valueIdentifier"]);
    told.map(|i| format!("{}|{}", i["system"].as_str().unwrap_or(""), i["value"].as_str().unwrap_or(""))).collect()
}

#[tokio::test]
async fn a_number_is_linked_asked_by_and_taken_away() {
    let gateway = Gateway::start();
    let mut source = hospital(&gateway, None);
    let body = patient(&gateway, 0, "F1");
    let made = put(&mut source, &gateway, "F1", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["identifier"][1]["value"], "F1", "{}", made.text());
    assert_eq!(put(&mut source, &gateway, "F1", &body).await.status, 200, "told again");
    assert_eq!(newest(&gateway, gateway.ins(0), "feed_identity")["outcome"], "done");

    let own = domain(&gateway);
    let ask = format!("Patient/$ihe-pix?sourceIdentifier={own}%7CF1&targetSystem={SYSTEM}");
    let ins = format!("{SYSTEM}|{}", gateway.ins(0));
    let told = source.get(&ask).await;
    assert_eq!(identifiers(&told), std::slice::from_ref(&ins));
    let id = told.json()["parameter"][1]["valueReference"]["reference"].as_str().unwrap_or_default().to_owned();
    assert!(id.contains("/fhir/Patient/"), "{}", told.text());
    let posted = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "sourceIdentifier", "valueString": format!("{own}|F1") } ] });
    assert_eq!(identifiers(&send(&mut source, "POST", "Patient/$ihe-pix", &posted).await), [ins]);
    // The other way, about whom the credential names.
    let mut about = hospital(&gateway, Some(0));
    let ask = format!("Patient/$ihe-pix?sourceIdentifier={SYSTEM}%7C{}&targetSystem={own}", gateway.ins(0));
    assert_eq!(identifiers(&about.get(&ask).await), [format!("{own}|F1")]);

    let pix = |rest: &str| format!("Patient/$ihe-pix?sourceIdentifier={rest}");
    for (ask, answer) in [
        (pix(&format!("{own}%7CF9")), wanted(404, "unknown_identifier", "not-found")),
        (pix("urn:oid:1.2.3%7C9"), wanted(400, "unknown_domain", "code-invalid")),
        (pix("https://x%7C9"), wanted(400, "unknown_domain", "code-invalid")),
        (pix(&format!("{own}%7CF1&targetSystem=urn:oid:1.2.3")), wanted(403, "unknown_target_domain", "code-invalid")),
        (pix("F1"), wanted(400, "query_parameter_invalid", "value")),
        ("Patient/$ihe-pix".to_owned(), wanted(400, "query_parameter_missing", "required")),
        (pix(&format!("{own}%7CF1&x=1")), wanted(400, "query_parameter_unknown", "not-supported")),
    ] {
        assert_eq!(refused(&source.get(&ask).await), answer, "{ask}");
    }
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    let foreign = physician.get(&pix(&format!("{own}%7CF1"))).await;
    assert_eq!(refused(&foreign), wanted(403, "foreign_domain", "forbidden"));

    let path = format!("Patient?identifier={own}%7CF1");
    let foreign = send(&mut physician, "DELETE", &path, &Value::Null).await;
    assert_eq!(refused(&foreign).1, "foreign_domain");
    assert_eq!(send(&mut source, "DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(refused(&source.get(&pix(&format!("{own}%7CF1"))).await).0, 404);
    assert_eq!(refused(&send(&mut source, "DELETE", &path, &Value::Null).await).0, 404);
}

#[tokio::test]
async fn what_a_patient_may_not_say_is_refused_and_a_duplicate_resolved() {
    let gateway = Gateway::start();
    let mut source = hospital(&gateway, None);
    let good = patient(&gateway, 0, "F1");
    let without = |key: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(key);
        body
    };
    let mut no_ins = good.clone();
    no_ins["identifier"].as_array_mut().expect("a list").pop();
    let mut provisional = good.clone();
    provisional["extension"] = json!([{
        "url": "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability",
        "extension": [{ "url": "identityStatus", "valueCoding": {
            "system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0445", "code": "PROV" } }],
    }]);
    let mut other = good.clone();
    other["name"][0]["family"] = "AUTRE".into();
    for (body, answer) in [
        (no_ins, wanted(422, "ins_missing", "required")),
        (provisional, wanted(422, "identity_mismatch", "business-rule")),
        (other, wanted(422, "identity_mismatch", "business-rule")),
        (without("birthDate"), wanted(422, "identity_mismatch", "business-rule")),
        (without("identifier"), wanted(422, "resource_invalid", "invalid")),
        (json!({ "resourceType": "Basic", "code": { "text": "x" } }), wanted(422, "resource_invalid", "invalid")),
        (json!({ "resourceType": "Patient", "surname": "x" }), wanted(422, "resource_invalid", "invalid")),
        (patient(&gateway, 5, "F1"), wanted(403, "space_closed", "forbidden")),
    ] {
        assert_eq!(refused(&put(&mut source, &gateway, "F1", &body).await), answer, "{body}");
    }
    let register = format!("Patient?identifier={SYSTEM}%7C{}", gateway.ins(0));
    assert_eq!(refused(&send(&mut source, "PUT", &register, &good).await).1, "local_id_invalid");
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    assert_eq!(refused(&put(&mut physician, &gateway, "F1", &good).await).1, "foreign_domain");

    for number in ["F1", "F2"] {
        assert_eq!(put(&mut source, &gateway, number, &patient(&gateway, 0, number)).await.status, 201);
    }
    let replaced = |by: &str, kind: &str| {
        json!({ "resourceType": "Patient", "active": false,
            "identifier": [{ "system": domain(&gateway), "value": "F2" }],
            "link": [{ "other": { "identifier": { "system": domain(&gateway), "value": by } }, "type": kind }] })
    };
    let wrong = put(&mut source, &gateway, "F2", &replaced("F1", "seealso")).await;
    assert_eq!(refused(&wrong).1, "resource_invalid");
    assert_eq!(refused(&put(&mut source, &gateway, "F2", &replaced("F9", "replaced-by")).await).0, 404);
    assert_eq!(refused(&put(&mut source, &gateway, "F2", &replaced("F2", "replaced-by")).await).0, 409);
    assert_eq!(put(&mut source, &gateway, "F2", &replaced("F1", "replaced-by")).await.status, 200);
    let gone = source.get(&format!("Patient/$ihe-pix?sourceIdentifier={}%7CF2", domain(&gateway))).await;
    assert_eq!(refused(&gone).0, 404);
    // Another one's, and the two not one person.
    assert_eq!(put(&mut source, &gateway, "F2", &patient(&gateway, 1, "F2")).await.status, 201);
    let mismatch = put(&mut source, &gateway, "F2", &replaced("F1", "replaced-by")).await;
    assert_eq!(refused(&mismatch).1, "identity_mismatch");
    let linked = |number: &str| {
        let mut body = replaced("F1", "seealso");
        (body["active"], body["identifier"][0]["value"]) = (true.into(), number.into());
        body
    };
    assert_eq!(refused(&put(&mut source, &gateway, "F2", &linked("F2")).await).1, "identity_mismatch");
    // Of one person twice: asked about the one, the structure is told of the other.
    let ins = crate::identity::second_identity(&gateway, "2801175123461", "AUBRY", "seealso.ndjson");
    let mut twin = patient(&gateway, 0, "F3");
    twin["identifier"].as_array_mut().expect("a list").retain(|i| i["system"] != SYSTEM);
    twin["identifier"].as_array_mut().expect("a list").push(json!({ "system": SYSTEM, "value": ins }));
    assert_eq!(put(&mut source, &gateway, "F3", &twin).await.status, 201);
    assert_eq!(put(&mut source, &gateway, "F3", &linked("F3")).await.status, 200);
    let known = source.get(&format!("Patient/$ihe-pix?sourceIdentifier={}%7CF1", domain(&gateway))).await;
    assert!(known.text().contains(&ins) && known.text().contains("\"F3\""), "{}", known.text());
    // What is meant of two is never done to one.
    let one = format!("Patient?identifier={0}%7CF1", domain(&gateway));
    for rest in [
        "&link:identifier=".to_owned(),
        format!("&link:identifier={0}%7CF3&link:identifier={0}%7CF2", domain(&gateway)),
    ] {
        let reply = send(&mut source, "DELETE", &format!("{one}{rest}"), &Value::Null).await;
        assert_eq!(refused(&reply).1, "query_parameter_invalid", "{rest}");
    }
    assert_eq!(refused(&send(&mut source, "DELETE", &format!("{one}&link:x=1"), &Value::Null).await).0, 400);
    // Who said it takes it back, once.
    let removal = format!("Patient?identifier={0}%7CF1&link:identifier={0}%7CF3", domain(&gateway));
    assert_eq!(send(&mut source, "DELETE", &removal, &Value::Null).await.status, 204);
    assert_eq!(refused(&send(&mut source, "DELETE", &removal, &Value::Null).await).1, "merge_refused");
    let known = source.get(&format!("Patient/$ihe-pix?sourceIdentifier={}%7CF1", domain(&gateway))).await;
    assert!(!known.text().contains(&ins), "{}", known.text());
}

#[tokio::test]
async fn people_are_searched_and_matched_under_the_law_of_pdq() {
    let gateway = Gateway::start();
    let known = gateway.demo["holders"][0].clone();
    let part = |key: &str| known[key].as_str().expect("known").to_owned();
    let by_traits = format!(
        "Patient?family={}&given={}&birthdate={}&gender=female",
        part("family"),
        part("given"),
        part("birthDate")
    );
    let mut samu = FhirCaller::with(&gateway, "samu", 0, |c| {
        c.request.patient = None;
        c.request.purpose = Purpose::Centre15;
    });
    let found = matches(&samu.get(&by_traits).await);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["identifier"][0]["value"], gateway.ins(0));
    assert!(matches(&samu.get(&by_traits.replace("female", "male")).await).is_empty());
    for (ask, cause) in [
        ("Patient?family=AUB".to_owned(), "query_parameter_missing"),
        (by_traits.replace(&part("birthDate"), "1980"), "query_parameter_invalid"),
        (format!("{by_traits}&address=Paris"), "query_parameter_unknown"),
    ] {
        assert_eq!(refused(&samu.get(&ask).await).1, cause, "{ask}");
    }
    // Outside of regulation nobody is looked for by traits.
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    assert_eq!(refused(&physician.get(&by_traits).await), wanted(403, "function_denied", "forbidden"));

    let mut without_numbers = patient(&gateway, 0, "x");
    without_numbers.as_object_mut().expect("an object").remove("identifier");
    let parameters = |resource: &Value, certain: bool| {
        json!({ "resourceType": "Parameters", "parameter": [
            { "name": "resource", "resource": resource }, { "name": "onlyCertainMatches", "valueBoolean": certain },
            { "name": "count", "valueInteger": 3 } ] })
    };
    let reply = send(&mut samu, "POST", "Patient/$match", &parameters(&without_numbers, false)).await;
    assert_eq!(matches(&reply).len(), 1);
    let search = reply.json()["entry"][0]["search"].clone();
    assert_eq!((&search["score"], &search["extension"][0]["valueCode"]), (&json!(0.9), &json!("probable")), "{search}");
    let certain = send(&mut samu, "POST", "Patient/$match", &parameters(&without_numbers, true)).await;
    assert!(matches(&certain).is_empty(), "traits alone make nobody certain");
    let denied = send(&mut physician, "POST", "Patient/$match", &parameters(&without_numbers, false)).await;
    assert_eq!(refused(&denied).1, "function_denied");
    // With the INS it is a test of existence; with a number of one's own too.
    let mut numbered = without_numbers.clone();
    numbered["identifier"] = json!([{ "system": SYSTEM, "value": gateway.ins(0) }]);
    let reply = send(&mut physician, "POST", "Patient/$match", &parameters(&numbered, true)).await;
    assert_eq!(reply.json()["entry"][0]["search"]["extension"][0]["valueCode"], "certain", "{}", reply.text());
    numbered["gender"] = "male".into();
    let other = send(&mut physician, "POST", "Patient/$match", &parameters(&numbered, true)).await;
    assert!(matches(&other).is_empty(), "what else is asked is compared");
    let mut source = hospital(&gateway, None);
    assert_eq!(put(&mut source, &gateway, "F1", &patient(&gateway, 0, "F1")).await.status, 201);
    let by_number = source.get(&format!("Patient?identifier={}%7CF1", domain(&gateway))).await;
    assert_eq!(matches(&by_number).len(), 1);
    let none = source.get(&format!("Patient?identifier={}%7CF2", domain(&gateway))).await;
    assert!(matches(&none).is_empty());
    let nobody = json!({ "resourceType": "Parameters", "parameter": [{ "name": "count", "valueInteger": 1 }] });
    assert_eq!(refused(&send(&mut samu, "POST", "Patient/$match", &nobody).await).1, "query_parameter_missing");

    let statement = samu.get("metadata").await.json();
    let resources = statement["rest"][0]["resource"].as_array().expect("resources");
    let declared = resources.iter().find(|r| r["type"] == "Patient").expect("Patient");
    assert_eq!((&declared["conditionalUpdate"], &declared["operation"][0]["name"]), (&json!(true), &json!("ihe-pix")));
}
