//! Measures by FHIR (API Mesures 1.5.2): the holder on the public listener, professionals where that is open. Observations
//! are written here from the guide.

use serde_json::{Value, json};
use testkit::{Client, Gateway, GatewayOptions, Reply, TestDocument, client, holder_token};

use crate::{
    fhir_bundle::{FHIR, FhirCaller, SYSTEM, matches, outcome, refused, text},
    support::Caller,
};

const MES: &str = "https://fhir.monespacesante.fr/ref/mesure/StructureDefinition/mes-observation-";
const IG: &str = "https://interop.esante.gouv.fr/ig/fhir/mesures/StructureDefinition/";
const LOINC: &str = "http://loinc.org";
const TA_ASIP: &str = "urn:oid:1.2.250.1.213.1.1.4.322";

/// A holder's software, on the public listener.
struct Holder {
    client: Client,
    bearer: String,
    ins: String,
}

impl Holder {
    fn of(gateway: &Gateway, index: usize) -> Self {
        let pki = gateway.data().join("pki");
        let ins = gateway.ins(index).to_owned();
        let client = Client::with_config(&gateway.public, client::tls(&pki, None));
        Self { client, bearer: format!("Bearer {}", holder_token(&pki, &ins)), ins }
    }

    async fn get(&mut self, path: &str) -> Reply {
        self.client.get(&format!("/fhir/{path}"), &[("authorization", &self.bearer)]).await
    }

    async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Reply {
        let mut all = vec![("authorization", self.bearer.as_str()), ("content-type", FHIR)];
        all.extend(headers);
        let request = client::request(method, &format!("/fhir/{path}"), &all, client::full(body));
        self.client.send(request).await.expect("answered")
    }

    async fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.ask("POST", path, &[], body.to_string()).await
    }

    fn weight(&self, kg: &str, at: &str) -> Value {
        self.observation("bodyweight", (LOINC, "29463-7"), at, json!({ "valueQuantity": quantity(kg, "kg") }))
    }

    fn observation(&self, profile: &str, (system, code): (&str, &str), at: &str, more: Value) -> Value {
        let mut observation = json!({
            "resourceType": "Observation",
            "meta": { "profile": [format!("{MES}{profile}")] },
            "status": "final",
            "category": [{ "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs",
            }] }],
            "code": { "coding": [{ "system": system, "code": code }] },
            "subject": { "identifier": { "system": SYSTEM, "value": self.ins } },
            "effectiveDateTime": at,
        });
        for (key, value) in more.as_object().expect("elements") {
            observation[key] = value.clone();
        }
        observation
    }

    /// Puts a measure in, which must succeed; gives its id.
    async fn put(&mut self, observation: &Value) -> String {
        let reply = self.post("Observation", observation).await;
        assert_eq!(reply.status.as_u16(), 201, "{}", reply.text());
        text(&reply.json()["id"])
    }
}

/// A quantity in UCUM; its number is written as it stands.
fn quantity(number: &str, unit: &str) -> Value {
    let number: Value = serde_json::from_str(number).expect("a number");
    json!({ "value": number, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit })
}

fn coded(url: &str, system: &str, code: &str) -> Value {
    let concept = json!({ "coding": [{ "system": system, "code": code }] });
    json!({ "url": format!("{IG}{url}"), "valueCodeableConcept": concept })
}

fn transaction(entries: &[(&Value, Value)]) -> Value {
    let entry: Vec<Value> =
        entries.iter().map(|(resource, request)| json!({ "resource": resource, "request": request })).collect();
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry })
}

fn posts(kind: &str) -> Value {
    json!({ "method": "POST", "url": kind })
}

#[tokio::test]
async fn a_measure_comes_back_as_it_came_version_by_version_until_nothing_is_left() {
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let sent = holder.weight("71.250", "2025-03-14T08:30:00+01:00").to_string().replace("71.25", "71.250");
    let made = holder.ask("POST", "Observation", &[], sent.clone()).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.text());
    let id = text(&made.json()["id"]);
    assert!(made.header("location").ends_with(&format!("/fhir/Observation/{id}/_history/1")));
    assert_eq!(made.header("etag"), "W/\"1\"");

    let read = holder.get(&format!("Observation/{id}")).await;
    assert!(read.text().contains("71.250"), "the number keeps its digits: {}", read.text());
    let mut back = read.json();
    assert_eq!(back["meta"]["versionId"], "1");
    let sent: Value = serde_json::from_str(&sent).expect("JSON");
    back.as_object_mut().expect("object").remove("id");
    back["meta"] = sent["meta"].clone();
    assert_eq!(back, sent);
    let kept = holder.ask("GET", &format!("Observation/{id}"), &[("if-none-match", "W/\"1\"")], String::new()).await;
    assert_eq!((kept.status.as_u16(), kept.header("etag")), (304, "W/\"1\""));

    let mut second = holder.weight("70.5", "2025-03-14T08:30:00+01:00");
    second["id"] = id.clone().into();
    let path = format!("Observation/{id}");
    let late = holder.ask("PUT", &path, &[("if-match", "W/\"7\"")], second.to_string()).await;
    refused(&late, 412, "datum_changed");
    let only_new = holder.ask("PUT", &path, &[("if-none-match", "*")], second.to_string()).await;
    refused(&only_new, 412, "datum_changed");
    let unless = holder.ask("POST", "Observation", &[("if-none-exist", "identifier=x|y")], second.to_string()).await;
    refused(&unless, 400, "precondition_invalid");
    let unread = holder.ask("PUT", &path, &[("if-match", "one")], second.to_string()).await;
    refused(&unread, 400, "precondition_invalid");
    let changed = holder.ask("PUT", &path, &[("if-match", "W/\"1\"")], second.to_string()).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "W/\"2\""), "{}", changed.text());
    let former = holder.get(&format!("{path}/_history/1")).await;
    assert!(former.text().contains("71.250"), "{}", former.text());
    refused(&holder.get(&format!("{path}/_history/9")).await, 404, "unknown_datum");
    let history = holder.get(&format!("{path}/_history")).await.json();
    let told: Vec<_> =
        history["entry"].as_array().expect("entries").iter().map(|e| text(&e["request"]["method"])).collect();
    assert_eq!(told, ["PUT", "POST"], "newest first");

    let deleted = holder.ask("DELETE", &path, &[], String::new()).await;
    assert_eq!(deleted.status.as_u16(), 204, "{}", deleted.text());
    refused(&holder.get(&path).await, 410, "datum_removed");
    refused(&holder.get(&format!("{path}/_history/1")).await, 410, "datum_removed");
    let again = holder.ask("DELETE", &path, &[], String::new()).await;
    assert_eq!(again.status.as_u16(), 204, "nothing is left to delete, and that is as well");
    let history = holder.get(&format!("{path}/_history")).await.json();
    let first = &history["entry"][0];
    assert!(first["request"]["method"] == "DELETE" && first["resource"].is_null(), "{history:#}");
    refused(&holder.ask("PUT", &path, &[], second.to_string()).await, 410, "datum_removed");

    let trace = gateway.trace(&holder.ins);
    let acts: Vec<String> = trace.iter().map(|e| text(&e["act"])).collect();
    for act in ["add_data", "read_data", "change_data", "remove_data"] {
        assert!(acts.iter().any(|a| a == act), "{act}: {acts:?}");
    }
    assert!(!gateway.log().contains(&holder.ins), "no number in the log");
}

#[tokio::test]
async fn every_kind_is_taken_by_its_rules_and_found_by_its_code() {
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let at = "2025-03-14T08:30:00+01:00";
    let value = |number, unit| json!({ "valueQuantity": quantity(number, unit) });
    let with = |mut base: Value, extension: Value| {
        base["extension"] = json!([extension]);
        base
    };
    let fasting = || coded("mesures-moment-of-measurement", LOINC, "53049-3");
    let days = || coded("mesures-number-of-days", TA_ASIP, "GEN-276");
    let without_code =
        || json!({ "url": format!("{IG}mesures-moment-of-measurement"), "valueCodeableConcept": { "text": "à jeun" } });
    let part = |code: &str, number: &str| json!({ "code": { "coding": [{ "system": LOINC, "code": code }] }, "valueQuantity": quantity(number, "mm[Hg]") });
    let mut steps = quantity("8042", "1/(24.h)");
    steps["unit"] = "steps/day".into();
    let mut pain = quantity("3", "1");
    pain["unit"] = "Level".into();
    let good = [
        ("bodyweight", (LOINC, "29463-7"), value("71", "kg")),
        ("bp", (LOINC, "85354-9"), json!({ "component": [part("8480-6", "121"), part("8462-4", "79")] })),
        ("bodytemperature", (LOINC, "8310-5"), value("36.6", "Cel")),
        ("glucose", (LOINC, "2345-7"), with(value("95", "mg/dL"), fasting())),
        ("glucose", (LOINC, "4548-4"), value("6.5", "%")),
        ("glucose", (TA_ASIP, "MED-969"), with(value("101", "mg/dL"), days())),
        ("glucose", (TA_ASIP, "MED-972"), with(value("6.9", "%"), days())),
        ("painseverity", (LOINC, "72514-3"), json!({ "valueQuantity": pain })),
        ("stepsbyday", (LOINC, "41950-7"), json!({ "valueQuantity": steps })),
        ("waistcircumference", (LOINC, "8280-0"), value("84", "cm")),
        ("headcircumference", (LOINC, "8287-5"), value("56", "cm")),
        ("heartrate", (LOINC, "8867-4"), value("64", "/min")),
    ];
    for (profile, code, more) in &good {
        let observation = holder.observation(profile, *code, at, more.clone());
        let id = holder.put(&observation).await;
        let found = matches(&holder.get(&format!("Observation?code={}", code.1)).await);
        assert_eq!(found.iter().map(|o| text(&o["id"])).collect::<Vec<_>>(), [id], "{profile} {}", code.1);
    }
    let bad = [
        ("glucose", (LOINC, "2345-7"), value("95", "mg/dL"), "moment_missing"),
        ("glucose", (LOINC, "2345-7"), with(value("95", "mg/dL"), days()), "moment_missing"),
        ("glucose", (LOINC, "4548-4"), with(value("6.5", "%"), days()), "days_forbidden"),
        ("glucose", (LOINC, "4548-4"), with(value("6.5", "%"), fasting()), "moment_forbidden"),
        ("glucose", (TA_ASIP, "MED-969"), value("101", "mg/dL"), "days_missing"),
        ("glucose", (LOINC, "4548-4"), with(value("6.5", "%"), without_code()), "moment_forbidden"),
        ("glucose", (LOINC, "2345-7"), with(value("95", "mg/dL"), without_code()), "code_unknown"),
        ("bmi", (LOINC, "39156-5"), value("22", "kg/m2"), "measure_calculated"),
        ("bodyweight", (LOINC, "29463-7"), value("71", "[lb_av]"), "measure_unit"),
        ("bodyweight", (LOINC, "29463-7"), value("-1", "kg"), "measure_range"),
        ("bodyweight", (LOINC, "29463-7"), json!({}), "measure_value_missing"),
        ("bodyweight", (LOINC, "1-1"), value("71", "kg"), "measure_unknown"),
        ("heartrate", (LOINC, "29463-7"), value("71", "kg"), "profile_unknown"),
        (
            "bp",
            (LOINC, "85354-9"),
            json!({ "component": [part("8480-6", "79"), part("8462-4", "79")] }),
            "measure_pressure",
        ),
        ("bp", (LOINC, "85354-9"), json!({ "component": [part("8480-6", "121")] }), "measure_value_missing"),
    ];
    for (profile, code, more, cause) in bad {
        let observation = holder.observation(profile, code, at, more);
        refused(&holder.post("Observation", &observation).await, 422, cause);
    }
    for (at, cause) in [("1950-01-01", "measure_date"), ("2999-01-01", "measure_date")] {
        let observation = holder.weight("71", at);
        refused(&holder.post("Observation", &observation).await, 422, cause);
    }
    let mut other = holder.weight("71", at);
    other["subject"]["identifier"]["value"] = gateway.ins(1).into();
    refused(&holder.post("Observation", &other).await, 403, "patient_mismatch");
    other["subject"] = json!({ "identifier": { "system": SYSTEM, "value": holder.ins }, "reference": format!("Patient/{}", testkit::uuid()) });
    refused(&holder.post("Observation", &other).await, 403, "patient_mismatch");
    other.as_object_mut().expect("object").remove("subject");
    refused(&holder.post("Observation", &other).await, 422, "subject_missing");
    // What could not be told in XML is not taken in JSON, and what names two kinds is neither.
    for (element, value) in [
        ("text", json!({ "status": "generated", "div": "hello" })),
        ("note", json!([{ "text": " " }])),
        ("note", json!([{ "text": "a\u{1}b" }])),
    ] {
        let mut unsaid = holder.weight("71", at);
        unsaid[element] = value;
        refused(&holder.post("Observation", &unsaid).await, 422, "resource_invalid");
    }
    let mut two = holder.weight("71", at);
    two["code"]["coding"].as_array_mut().expect("codings").push(json!({ "system": LOINC, "code": "39156-5" }));
    refused(&holder.post("Observation", &two).await, 422, "measure_unknown");
    let mut bare = holder.weight("71", at);
    bare.as_object_mut().expect("object").remove("meta");
    let reply = holder.post("Observation", &bare).await;
    assert_eq!(outcome(&reply), (422, "profile_missing".into(), "Observation.meta.profile".into()));
    // A validation gives the same verdict, and puts nothing in.
    let verdict = holder.post("Observation/$validate", &bare).await;
    let found = verdict.json();
    assert_eq!((verdict.status.as_u16(), &found["issue"][0]["severity"]), (200, &json!("error")), "{found:#}");
    assert_eq!(found["issue"][0]["details"], reply.json()["issue"][0]["details"]);
    let sound = holder.weight("71", at);
    let verdict = holder.post("Observation/$validate", &sound).await;
    assert_eq!(verdict.json()["issue"][0]["severity"], "information", "{}", verdict.text());
    let all = matches(&holder.get("Observation").await);
    assert_eq!(all.len(), good.len(), "nothing refused was kept");
}

#[tokio::test]
async fn the_body_mass_index_is_calculated_and_never_written() {
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let weight = holder.weight("71", "2025-03-14T08:30:00+01:00");
    let weight_id = holder.put(&weight).await;
    assert!(matches(&holder.get("Observation?code=39156-5").await).is_empty(), "no height is known");
    let height = holder.observation(
        "bodyheight",
        (LOINC, "8302-2"),
        "2020-01-01",
        json!({ "valueQuantity": quantity("178", "cm") }),
    );
    holder.put(&height).await;
    let found = matches(&holder.get("Observation?code=39156-5&_total=accurate").await);
    let [index] = &found[..] else { panic!("one index: {found:?}") };
    assert_eq!((text(&index["id"]), &index["valueQuantity"]["value"]), (format!("bmi-{weight_id}"), &json!(22.4)));
    assert_eq!(&holder.get(&format!("Observation/bmi-{weight_id}")).await.json(), index);
    assert_eq!(matches(&holder.get("Observation").await).len(), 3, "with the others it is told too");
    // Calculated anew each time: nobody has it already, and it has no versions.
    let read = holder
        .ask("GET", &format!("Observation/bmi-{weight_id}"), &[("if-none-match", "W/\"1\"")], String::new())
        .await;
    assert!(read.status.as_u16() == 200 && read.header("etag").is_empty() && index["meta"]["versionId"].is_null());
    refused(&holder.get(&format!("Observation/bmi-{weight_id}/_history/1")).await, 404, "unknown_datum");
    // A height that its author takes back makes no index.
    let mut wrong = holder.observation(
        "bodyheight",
        (LOINC, "8302-2"),
        "2024-01-01",
        json!({ "valueQuantity": quantity("78", "cm") }),
    );
    wrong["status"] = "entered-in-error".into();
    holder.put(&wrong).await;
    let again = matches(&holder.get("Observation?code=39156-5").await);
    assert_eq!(again[0]["valueQuantity"]["value"], json!(22.4));
    let mut written = index.clone();
    written["id"] = format!("bmi-{weight_id}").into();
    let reply = holder.ask("PUT", &format!("Observation/bmi-{weight_id}"), &[], written.to_string()).await;
    refused(&reply, 422, "measure_calculated");
    let reply = holder.ask("DELETE", &format!("Observation/bmi-{weight_id}"), &[], String::new()).await;
    refused(&reply, 422, "measure_calculated");
    holder.ask("DELETE", &format!("Observation/{weight_id}"), &[], String::new()).await;
    assert!(matches(&holder.get("Observation?code=39156-5").await).is_empty(), "it goes with its weight");
}

#[tokio::test]
async fn a_transaction_brings_a_measure_and_its_device_once() {
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let device = json!({
        "resourceType": "Device", "id": "d1",
        "meta": { "profile": ["http://hl7.org/fhir/uv/phd/StructureDefinition/PhdDevice"] },
        "identifier": [{ "system": "urn:oid:1.2.250.1.999.1.2", "value": "FE-ED-AB" }],
        "type": { "coding": [{ "system": "urn:iso:std:iso:11073:10101", "code": "65573" }] },
    });
    let mut posted = posts("Device");
    posted["ifNoneExist"] = "identifier=urn:oid:1.2.250.1.999.1.2|FE-ED-AB".into();
    let mut weight = holder.weight("71", "2025-03-14T08:30:00+01:00");
    weight["device"] = json!({ "reference": "Device/d1" });
    let mut seen = Vec::new();
    for status in ["201", "200"] {
        let sent = transaction(&[(&weight, posts("Observation")), (&device, posted.clone())]);
        let reply = holder.post("", &sent).await;
        let answer = reply.json();
        assert_eq!((reply.status.as_u16(), &answer["type"]), (200, &json!("transaction-response")), "{answer:#}");
        assert_eq!(answer["entry"][0]["response"]["status"], "201");
        assert_eq!(answer["entry"][1]["response"]["status"], status);
        let location = text(&answer["entry"][1]["response"]["location"]);
        seen.push(location.split("/_history").next().unwrap_or_default().to_owned());
        assert_eq!(answer["entry"][0]["resource"]["device"]["reference"], seen[0].as_str());
    }
    assert_eq!(seen[0], seen[1], "one device, whoever sends it");
    let read = holder.get(&seen[0]).await.json();
    assert_eq!((&read["resourceType"], &read["identifier"]), (&json!("Device"), &device["identifier"]));
    let found = holder.get("Observation?_include=Observation:device").await.json();
    let modes: Vec<_> =
        found["entry"].as_array().expect("entries").iter().map(|e| text(&e["search"]["mode"])).collect();
    assert_eq!(modes, ["match", "match", "include"], "the device once");

    let other = json!({ "reference": "Device/d2" });
    let mut astray = weight.clone();
    astray["device"] = other;
    let mut unlinked = weight.clone();
    unlinked.as_object_mut().expect("object").remove("device");
    let mut loose = posted.clone();
    loose.as_object_mut().expect("object").remove("ifNoneExist");
    let deletes = json!({ "method": "DELETE", "url": "Observation/1" });
    let mut other_device = device.clone();
    other_device["meta"]["profile"] = json!(["http://example.org/other"]);
    let mut conditional = posts("Observation");
    conditional["ifNoneExist"] = "identifier=x|y".into();
    let reply = holder.post("", &transaction(&[(&unlinked, conditional)])).await;
    assert_eq!(outcome(&reply), (400, "precondition_invalid".into(), "Bundle.entry[0].request".into()));
    // Documents are not brought by this door.
    let binary = json!({ "resourceType": "Binary", "contentType": "text/plain", "data": "AAAA" });
    let reply = holder.post("", &transaction(&[(&binary, posts("Binary"))])).await;
    refused(&reply, 422, "bundle_content");
    for (entries, cause, place) in [
        (
            vec![(&astray, posts("Observation")), (&device, posted.clone())],
            "device_reference",
            "Bundle.entry[0].resource.device.reference",
        ),
        (
            vec![(&unlinked, posts("Observation")), (&device, posted.clone())],
            "device_reference",
            "Bundle.entry[0].resource.device.reference",
        ),
        (vec![(&weight, posts("Observation")), (&device, loose)], "device_key", "Bundle.entry[1].request.ifNoneExist"),
        (vec![(&device, posted.clone())], "bundle_content", "Bundle.entry"),
        (
            vec![(&unlinked, posts("Observation")), (&unlinked, posts("Observation"))],
            "bundle_content",
            "Bundle.entry[1]",
        ),
        (vec![(&unlinked, deletes)], "bundle_method", "Bundle.entry[0].request"),
        (
            vec![(&weight, posts("Observation")), (&other_device, posted.clone())],
            "profile_unknown",
            "Bundle.entry[1].resource.meta.profile",
        ),
        (vec![(&astray, posts("Observation"))], "device_reference", "device.reference"),
    ] {
        let reply = holder.post("", &transaction(&entries)).await;
        assert_eq!(outcome(&reply), (422, cause.into(), place.into()), "{}", reply.text());
    }
    refused(&holder.ask("POST", "", &[], String::new()).await, 400, "bundle_missing");
    assert_eq!(matches(&holder.get("Observation").await).len(), 2, "nothing refused was kept");
}

#[tokio::test]
async fn pages_lose_nothing_and_the_interface_for_apps_has_its_own_rules() {
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    for day in 1..=25 {
        let observation = holder.weight(&format!("7{}.5", day % 10), &format!("2025-03-{day:02}T08:30:00+01:00"));
        holder.put(&observation).await;
    }
    let mut path = "Observation?code=29463-7&_count=10&_sort=-date".to_owned();
    let mut days = Vec::new();
    loop {
        let page = holder.get(&path).await;
        days.extend(matches(&page).iter().map(|o| text(&o["effectiveDateTime"])));
        let bundle = page.json();
        let links = bundle["link"].as_array().expect("links").clone();
        // What comes in meanwhile is newer than what was told.
        if days.len() == 10 {
            let observation = holder.weight("80", "2025-04-01T08:30:00+02:00");
            holder.put(&observation).await;
        }
        let Some(next) = links.iter().find(|l| l["relation"] == "next") else { break };
        path = text(&next["url"]).split_once("/fhir/").expect("below the base").1.to_owned();
    }
    let mut sorted = days.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    sorted.dedup();
    assert_eq!((days.len(), &days), (25, &sorted), "each once, newest first");
    refused(&holder.get("Observation?_cursor=AAAA").await, 400, "query_parameter_invalid");
    let count = holder.get("Observation?code=29463-7&_summary=count").await.json();
    assert!(count["total"] == 26 && count["entry"].is_null(), "{count:#}");
    for (criterion, many) in [
        ("date=ge2025-03-20&date=lt2025-03-25", 5),
        ("date=2025-03-20", 1),
        ("date=2025-03", 25),
        ("date=2025-03-20,2025-03-21", 2),
        ("value-quantity=gt79||kg", 3),
        ("status=final&code=http://loinc.org|29463-7", 26),
        ("status=amended", 0),
        ("status=http://other|final", 0),
        ("code=8302-2", 0),
        ("code=urn:oid:1.2|29463-7", 0),
        ("category=vital-signs", 26),
        ("category=laboratory", 0),
        ("category=http://terminology.hl7.org/CodeSystem/observation-category|", 26),
        ("combo-code=29463-7", 26),
        ("combo-code=8480-6", 0),
        ("code=99999-9", 0),
        ("value-quantity=gt79||kg&_total=accurate", 3),
    ] {
        let found = holder.get(&format!("Observation?{}&_count=100", criterion.replace('|', "%7C"))).await;
        assert_eq!(matches(&found).len(), many, "{criterion}");
    }
    refused(&holder.get("Observation?colour=red").await, 400, "query_parameter_unknown");
    refused(
        &holder.get("Observation?_include=Observation:subject&_include=Observation:device").await,
        400,
        "query_parameter_invalid",
    );
    for bad in ["_offset=20", "date=,", "value-quantity=70%7Ckg"] {
        let reply = holder.get(&format!("Observation?{bad}")).await;
        assert!(reply.status.as_u16() == 400 || matches(&reply).is_empty(), "{bad}: {}", reply.text());
    }
    refused(&holder.get("Observation?_sort=code").await, 400, "query_parameter_invalid");

    let whose = format!("subject.identifier={SYSTEM}%7C{}", holder.ins);
    let of_apps = |more: &str| format!("Observation?{whose}&{more}");
    let bounds = "date=ge2025-03-01&date=le2025-03-31";
    let page = holder.get(&of_apps(&format!("code=29463-7&{bounds}&_count=10&_offset=1"))).await;
    assert_eq!((matches(&page).len(), &page.json()["total"]), (10, &json!(25)), "{}", page.text());
    let relations: Vec<_> =
        page.json()["link"].as_array().expect("links").iter().map(|l| text(&l["relation"])).collect();
    assert_eq!(relations, ["self", "next", "previous"]);
    let last = holder.get(&of_apps("code=29463-7&_sort=-date&_count=1")).await;
    assert_eq!(text(&matches(&last)[0]["effectiveDateTime"]), "2025-04-01T08:30:00+02:00");
    for (more, cause) in [
        (format!("code=29463-7&{bounds}&_count=101"), "page_too_large"),
        ("code=29463-7".to_owned(), "search_mode"),
        ("code=29463-7&date=ge2025-03-01".to_owned(), "search_mode"),
        (format!("code=29463-7&{bounds}&_sort=date"), "search_mode"),
        ("code=29463-7&_sort=-date&_count=2".to_owned(), "search_mode"),
        (bounds.to_owned(), "query_parameter_missing"),
    ] {
        refused(&holder.get(&of_apps(&more)).await, 400, cause);
    }
}

#[tokio::test]
async fn measures_are_the_holders_own_until_a_gateway_opens_them_to_professionals() {
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let weight = holder.weight("71", "2025-03-14T08:30:00+01:00");
    let id = holder.put(&weight).await;
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    for path in [format!("Observation/{id}"), "Observation".to_owned(), format!("Observation/{id}/_history")] {
        refused(&physician.get(&path).await, 403, "brick_reserved");
    }
    let headers = [("authorization", physician.bearer.as_str()), ("content-type", FHIR)];
    let reply = physician.client.post("/fhir/Observation", &headers, weight.to_string()).await;
    refused(&reply, 403, "brick_reserved");
    // What is not one's own is not there, and tokens open their own space alone.
    let mut other = Holder::of(&gateway, 1);
    refused(&other.get(&format!("Observation/{id}")).await, 404, "unknown_datum");
    assert!(matches(&other.get("Observation").await).is_empty());
    let strange = format!("Observation?patient.identifier={SYSTEM}%7C{}", holder.ins);
    refused(&other.get(&strange).await, 403, "patient_mismatch");
    // Documents are not served to holders here yet, and nobody comes in without a token, or with a professional's.
    let reply = holder.get("DocumentReference?status=current").await;
    assert_eq!(reply.status.as_u16(), 404, "{}", reply.text());
    for bearer in ["", "Bearer x", physician.bearer.as_str()] {
        holder.bearer = bearer.to_owned();
        assert_eq!(holder.get("Observation").await.status.as_u16(), 401, "{bearer}");
    }
    holder.bearer = String::new();
    assert_eq!(holder.get("metadata").await.status.as_u16(), 200, "what says nothing of anybody is told to all");

    let options = GatewayOptions::default().with("ACCESS__BRICKS_OPEN_TO_PROFESSIONALS", "[\"measures\"]");
    let gateway = Gateway::with(options);
    let mut holder = Holder::of(&gateway, 1);
    let weight = holder.weight("71", "2025-03-14T08:30:00+01:00");
    let id = holder.put(&weight).await;
    let mut physician = FhirCaller::of(&gateway, "medecin", 1);
    assert_eq!(matches(&physician.get("Observation").await).len(), 1);
    let headers = [("authorization", physician.bearer.as_str()), ("content-type", FHIR)];
    let reply = physician.client.post("/fhir/Observation", &headers, weight.to_string()).await;
    assert_eq!(reply.status.as_u16(), 201, "{}", reply.text());
    let mut changed = weight.clone();
    changed["id"] = id.clone().into();
    let request =
        client::request("PUT", &format!("/fhir/Observation/{id}"), &headers, client::full(changed.to_string()));
    refused(&physician.client.send(request).await.expect("answered"), 403, "not_author");
    // Whom the holder blocks, or never authorised, sees nothing of it.
    let mut nurse = FhirCaller::of(&gateway, "infirmier", 1);
    refused(&nurse.get("Observation").await, 403, "blocked");
    let mut unknown = FhirCaller::of(&gateway, "medecin-traitant", 1);
    refused(&unknown.get("Observation").await, 403, "not_authorised");
}

#[tokio::test]
async fn xml_is_spoken_as_well_as_json_and_bodies_may_be_packed() {
    use std::io::{Read as _, Write as _};
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let observation = format!(
        r#"<Observation xmlns="http://hl7.org/fhir"><meta><profile value="{MES}heartrate"/></meta><status value="final"/><category><coding><system value="http://terminology.hl7.org/CodeSystem/observation-category"/><code value="vital-signs"/></coding></category><code><coding><system value="{LOINC}"/><code value="8867-4"/></coding></code><subject><identifier><system value="{SYSTEM}"/><value value="{}"/></identifier></subject><effectiveDateTime value="2025-03-14T08:30:00+01:00"/><valueQuantity><value value="64.0"/><unit value="/min"/><system value="http://unitsofmeasure.org"/><code value="/min"/></valueQuantity></Observation>"#,
        holder.ins
    );
    let bearer = holder.bearer.clone();
    let xml = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/fhir+xml"),
        ("accept", "application/fhir+xml"),
    ];
    let made = holder.client.post("/fhir/Observation", &xml, observation.clone()).await;
    assert_eq!(
        (made.status.as_u16(), made.header("content-type")),
        (201, "application/fhir+xml; fhirVersion=4.0; charset=utf-8"),
        "{}",
        made.text()
    );
    let id = text(&made.header("location").split('/').rev().nth(2).unwrap_or_default().into());
    let read = holder.get(&format!("Observation/{id}?_format=xml")).await.text();
    let after_meta = |text: &str| text.split_once("<status").expect("a status").1.to_owned();
    assert_eq!(after_meta(&read), after_meta(&observation), "as it came");
    let json = holder.get(&format!("Observation/{id}")).await;
    assert!(json.text().contains(r#""value":64.0,"#), "{}", json.text());
    let bundle = holder.get("Observation?_format=application/fhir%2Bxml").await.text();
    assert!(bundle.starts_with("<Bundle") && bundle.contains("<Observation"), "{bundle}");
    let form = [("authorization", bearer.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let found = holder.client.post("/fhir/Observation/_search", &form, "code=8867-4&_format=xml").await;
    assert!(found.text().starts_with("<Bundle"), "{}", found.text());
    let metadata = holder.get("metadata?_format=xml").await.text();
    assert!(metadata.starts_with("<CapabilityStatement"), "{metadata}");
    for (body, place) in [
        (observation.replace("<status", "<estate/><status"), "Observation.estate"),
        (observation.replace("</code><subject>", "</code><status value=\"final\"/><subject>"), "Observation.status"),
        (observation.replace(">64.0<", "><").replace("\"64.0\"", "\"many\""), "Observation.valueQuantity.value"),
        (format!("<!DOCTYPE x [<!ENTITY e \"x\">]>{observation}"), "Resource"),
    ] {
        let reply = holder.client.post("/fhir/Observation", &xml[..2], body).await;
        assert_eq!(outcome(&reply).2, place, "{}", reply.text());
    }

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(holder.weight("71", "2025-03-15").to_string().as_bytes()).expect("packed");
    let packed = packed.finish().expect("packed");
    let gzip = [("authorization", bearer.as_str()), ("content-type", FHIR), ("content-encoding", "gzip")];
    let made = holder.client.post("/fhir/Observation", &gzip, packed).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.text());
    let asks = [("authorization", bearer.as_str()), ("accept-encoding", "gzip")];
    let answer = holder.client.get("/fhir/Observation", &asks).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).expect("unpacked");
    assert!(text.contains("searchset"), "{text}");
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 8 << 20]).expect("packed");
    let bomb = bomb.finish().expect("packed");
    refused(&holder.client.post("/fhir/Observation", &gzip, bomb).await, 413, "too_large");
}

#[tokio::test]
async fn what_is_declared_is_served_and_what_is_not_is_not() {
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let described = holder.get("openapi.json").await;
    assert_eq!(described.header("content-type"), "application/json");
    let described = described.json();
    let bearer = holder.bearer.clone();
    let mut tried = 0;
    for (path, methods) in described["paths"].as_object().expect("paths") {
        let path =
            format!("/fhir{}", path.replace("{id}", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6").replace("{version}", "1"));
        let served: Vec<String> = methods.as_object().expect("methods").keys().map(|m| m.to_uppercase()).collect();
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let headers = [("authorization", bearer.as_str()), ("content-type", FHIR)];
            let request = client::request(method, &path, &headers, client::full("{}"));
            let reply = holder.client.send(request).await.expect("answered");
            let is_served = served.iter().any(|m| m == method);
            assert_eq!(reply.status.as_u16() != 405, is_served, "{method} {path}: {}", reply.text());
            assert!(!reply.text().contains("route_unknown"), "{method} {path}");
            tried += 1;
        }
    }
    assert!(tried > 30, "{tried}");
    let statement = holder.get("metadata").await.json();
    let kinds: Vec<String> =
        statement["rest"][0]["resource"].as_array().expect("resources").iter().map(|r| text(&r["type"])).collect();
    assert_eq!(kinds, ["Device", "Observation"], "what this listener serves");
    for kind in ["DocumentReference", "Patient", "AuditEvent", "Binary/1.2.3", "Encounter"] {
        refused(&holder.get(kind).await, 404, "route_unknown");
    }
}

/// A CDA with observations in its body, as a report of a professional.
fn report_of(entries: &str) -> TestDocument {
    let whole = String::from_utf8(TestDocument::biology().body).expect("CDA is text");
    let head = whole.split_once("</ClinicalDocument>").expect("its end").0;
    let body = format!(
        r#"{head}<component><structuredBody><component><section><text/><entry xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><organizer classCode="CLUSTER" moodCode="EVN">{entries}</organizer></entry></section></component></structuredBody></component></ClinicalDocument>"#
    );
    TestDocument { body: body.into_bytes(), ..TestDocument::biology() }
}

fn vital(code: &str, time: &str, number: &str, unit: &str, more: &str) -> String {
    format!(
        r#"<component><observation classCode="OBS" moodCode="EVN"><templateId root="1.2.250.1.213.1.1.3.50"/><code code="{code}" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/><effectiveTime value="{time}"/><value xsi:type="PQ" value="{number}" unit="{unit}"/>{more}</observation></component>"#
    )
}

#[tokio::test]
async fn values_in_documents_of_professionals_feed_the_measures_unless_the_holder_opposed() {
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let mut soap = Caller::of(&gateway, "medecin", 0);
    let foetus = "<subject><relatedSubject classCode=\"PRS\"/></subject>";
    let document = report_of(&format!(
        "{}{}{}{}{}",
        vital("29463-7", "20240311", "71.40", "kg", ""),
        vital("8302-2", "20240311", "1.66", "m", ""),
        vital("29463-7", "20240310", "0.9", "kg", foetus),
        vital("8287-5", "20240311", "56", "cm", ""),
        vital("29463-7", "20990101", "72", "kg", ""),
    ));
    soap.put(&document).await;
    let found = matches(&holder.get("Observation?_sort=date").await);
    let told: Vec<_> = found
        .iter()
        .map(|o| (text(&o["code"]["coding"][0]["code"]), o["valueQuantity"]["value"].to_string()))
        .collect();
    let of = |code: &str, value: &str| (code.to_owned(), value.to_owned());
    let index = (71.4_f64 / (1.66 * 1.66) * 10.0).round() / 10.0;
    let mut expected = [of("29463-7", "71.4"), of("39156-5", &index.to_string()), of("8302-2", "166")];
    let mut sorted = told.clone();
    sorted.sort();
    expected.sort();
    // Neither the foetus's, nor an adult's head, nor what is to come.
    assert_eq!(sorted, expected);
    let weight = found.iter().find(|o| o["code"]["coding"][0]["code"] == "29463-7").expect("a weight");
    let source = &weight["derivedFrom"][0];
    assert_eq!(text(&source["identifier"]["value"]), format!("urn:oid:{}", document.unique_id));
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    assert_eq!(physician.get(&text(&source["reference"])).await.status.as_u16(), 200, "the source is there");
    // Once, however many documents say it; and the act is traced by itself.
    soap.put(&report_of(&vital("29463-7", "20240311", "71.40", "kg", ""))).await;
    assert_eq!(matches(&holder.get("Observation?code=29463-7").await).len(), 1);
    let fed: Vec<_> = gateway.trace(&holder.ins).into_iter().filter(|e| e["act"] == "add_data").collect();
    assert!(fed.len() == 2 && text(&fed[0]["rule"]).contains("R136"), "{fed:?}");
    // What is kept from the holder does not tell by the way what is in it.
    let hidden = report_of(&vital("29463-7", "20240401", "70", "kg", "")).visible(&["MASQUE_PS"]);
    soap.put(&hidden).await;
    assert_eq!(matches(&holder.get("Observation?code=29463-7").await).len(), 1);
    // The holder takes it away; opposed, nothing feeds any more, and what was fed stays.
    let path = format!("Observation/{}", text(&weight["id"]));
    assert_eq!(holder.ask("DELETE", &path, &[], String::new()).await.status.as_u16(), 204);
    let _ = gateway.command(&["space", "oppose-feeding", "--ins", &holder.ins]);
    soap.put(&report_of(&vital("29463-7", "20240501", "70", "kg", ""))).await;
    assert!(matches(&holder.get("Observation?code=29463-7").await).is_empty());
    assert_eq!(matches(&holder.get("Observation?code=8302-2").await).len(), 1);
    let _ = gateway.command(&["space", "oppose-feeding", "--again", "--ins", &holder.ins]);
    soap.put(&report_of(&vital("29463-7", "20240601", "70", "kg", ""))).await;
    assert_eq!(matches(&holder.get("Observation?code=29463-7").await).len(), 1);
}

/// The transactions that were made from the interface's text: those it accepts, and those (`-422`) it refuses.
#[tokio::test]
async fn the_examples_of_the_interface_are_taken_and_come_back_or_are_refused() {
    let Some(folder) = testkit::corpus::shared().map(|s| s.join("reference/fhir/mes/constructed-examples")) else {
        return;
    };
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let (mut taken, mut refused) = (0, 0);
    for file in std::fs::read_dir(&folder).expect("examples") {
        let path = file.expect("an example").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        // The identifier that pairing gives an app is the INS here, until there is pairing.
        let body = std::fs::read_to_string(&path).expect("text");
        let body =
            body.replace("urn:oid:1.2.250.1.999.1.1\"", &format!("{SYSTEM}\"")).replace("idpe-0001", &holder.ins);
        let sent: Value = serde_json::from_str(&body).expect("JSON");
        let reply = holder.ask("POST", "", &[], body).await;
        if name.contains("-422") {
            assert_eq!(outcome(&reply).0, 422, "{name}: {}", reply.text());
            refused += 1;
            continue;
        }
        let answer = reply.json();
        assert_eq!(reply.status.as_u16(), 200, "{name}: {answer:#}");
        for (entry, told) in
            sent["entry"].as_array().expect("entries").iter().zip(answer["entry"].as_array().expect("an answer each"))
        {
            let location = text(&told["response"]["location"]);
            let path = location.split("/_history").next().unwrap_or_default().to_owned();
            let mut back = holder.get(&path).await.json();
            let mut came = entry["resource"].clone();
            // What the server gives: the id, the version, the time, and the device's id.
            for resource in [&mut back, &mut came] {
                let object = resource.as_object_mut().expect("a resource");
                object.remove("id");
                object.remove("device");
                for given in ["versionId", "lastUpdated"] {
                    object.get_mut("meta").and_then(Value::as_object_mut).and_then(|meta| meta.remove(given));
                }
            }
            assert_eq!(back, came, "{name}");
        }
        taken += 1;
    }
    assert!(taken >= 7 && refused >= 4, "{taken} taken, {refused} refused");
}

/// Examples of FR Core's measures, as they are published, about a holder of the demonstration.
#[tokio::test]
async fn the_measures_of_fr_core_are_taken_and_come_back() {
    let Some(folder) = testkit::corpus::shared().map(|s| s.join("reference/fhir/json")) else { return };
    let gateway = Gateway::start();
    let mut holder = Holder::of(&gateway, 0);
    let mut taken = 0;
    for version in ["hl7.fhir.fr.core-2.1.0", "hl7.fhir.fr.core-2.2.0"] {
        for file in std::fs::read_dir(folder.join(version).join("example")).expect("examples") {
            let path = file.expect("an example").path();
            let mut example: Value = serde_json::from_slice(&std::fs::read(&path).expect("bytes")).expect("JSON");
            if example["resourceType"] != "Observation" {
                continue;
            }
            example["subject"] = json!({ "identifier": { "system": SYSTEM, "value": holder.ins } });
            let reply = holder.post("Observation", &example).await;
            if example["code"]["coding"][0]["code"] == "39156-5" {
                refused(&reply, 422, "measure_calculated");
                continue;
            }
            assert_eq!(reply.status.as_u16(), 201, "{}: {}", path.display(), reply.text());
            let mut back = reply.json();
            back["id"] = example["id"].clone();
            for given in ["versionId", "lastUpdated"] {
                back["meta"].as_object_mut().expect("meta").remove(given);
            }
            assert_eq!(back, example, "{}", path.display());
            taken += 1;
        }
    }
    assert!(taken >= 12, "{taken}");
}
