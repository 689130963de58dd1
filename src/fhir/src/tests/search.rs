//! Searching: criteria, pages, who sees what.

use axum::{body::Body, http::StatusCode};
use serde_json::Value;

use super::world::{Document, HOLDER, OTHER, SYSTEM, World, bundle, find, request};

async fn filled(count: usize) -> World {
    let world = World::new().await;
    for index in 0..count {
        let document = Document::new(&format!("1.2.250.1.999.1.1.{index}"), format!("document {index}").as_bytes());
        let mut sent = bundle(&format!("1.2.250.1.999.1.2.{index}"), &[document]);
        let creation = format!("2026-03-{:02}T10:00:00Z", index + 1);
        sent["entry"][1]["resource"]["content"][0]["attachment"]["creation"] = creation.into();
        let answer = world.post("medecin", &sent).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.bytes));
    }
    world
}

fn days(found: &[Value]) -> Vec<String> {
    let day = |v: &Value| v["content"][0]["attachment"]["creation"].as_str().unwrap_or_default()[8..10].to_owned();
    found.iter().map(day).collect()
}

#[tokio::test]
async fn criteria_narrow_and_pages_follow_one_another() {
    let world = filled(5).await;
    let count = |rest: &'static str| {
        let world = &world;
        async move { world.get("medecin", &find(rest)).await.matches().len() }
    };
    for (rest, expected) in [
        ("", 5),
        ("&date=2026-03-02", 1),
        ("&creation=ge2026-03-02&creation=lt2026-03-04", 2),
        ("&date=2026-03-02,2026-03-03", 2),
        ("&type=11488-4", 5),
        ("&type=http://loinc.org%7C11502-2,http://loinc.org%7C11488-4", 5),
        ("&type=11488-4&type=11502-2", 0),
        ("&type=%7C11488-4", 0),
        ("&category=10&facility=SA07&setting=AMBULATOIRE&security-label=N&format=urn:ihe:iti:xds-sd:pdf:2008", 5),
        ("&category=11", 0),
        ("&identifier=urn:ietf:rfc:3986%7Curn:oid:1.2.250.1.999.1.1.3", 1),
        ("&author.family=m%C3%A1x&author.given=lib", 5),
        ("&author.family=libre", 0),
        ("&period=2026-03-14", 0),
        ("&period-start=2026-03-14&period=ge2026-01-01", 5),
        ("&period-end=2026", 0),
        ("&isArchived=true", 0),
        ("&isArchived=false", 5),
        ("&event=x", 0),
        ("&related=x", 0),
        ("&_id=f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 0),
    ] {
        assert_eq!(count(rest).await, expected, "{rest}");
    }
    let page = world.get("medecin", &find("&_count=2&_sort=-date")).await.json();
    assert_eq!(page["total"], 5);
    let link = |page: &Value, relation: &str| {
        let links = page["link"].as_array().cloned().unwrap_or_default();
        let found = links.into_iter().find(|l| l["relation"] == relation);
        found.map(|l| l["url"].as_str().expect("url").strip_prefix("https://dmp.test:8443").expect("ours").to_owned())
    };
    let own = link(&page, "self").expect("self");
    assert!(own.contains("patient.identifier=") && own.contains("status=current") && own.contains("_sort=-date"));
    let mut seen = Vec::new();
    let mut next = Some(own);
    while let Some(url) = next {
        let answer = world.get("medecin", &url).await;
        seen.extend(days(&answer.matches()));
        next = link(&answer.json(), "next");
    }
    assert_eq!(seen, ["05", "04", "03", "02", "01"]);
}

#[tokio::test]
async fn a_posted_search_is_the_same_search() {
    let world = filled(1).await;
    let form = format!("patient.identifier={SYSTEM}%7C{HOLDER}&status=current");
    let posted = request("POST", "medecin", "/fhir/DocumentReference/_search")
        .header("content-type", "application/x-www-form-urlencoded");
    let posted = world.send(posted.body(Body::from(form.clone())).expect("request")).await;
    assert_eq!(posted.matches().len(), 1);
    let wrong = request("POST", "medecin", "/fhir/DocumentReference/_search").header("content-type", "text/plain");
    let wrong = world.send(wrong.body(Body::from(form)).expect("request")).await;
    assert_eq!(wrong.refused().0, 415);
}

#[tokio::test]
async fn minimum_criteria_and_unknown_parameters_are_refused_by_name() {
    let world = filled(1).await;
    let patient = format!("patient.identifier={SYSTEM}%7C{HOLDER}");
    let refused = world.get("medecin", &format!("/fhir/DocumentReference?{patient}")).await;
    assert_eq!(refused.refused(), (400, "query_parameter_missing".into(), "http.status".into()));
    let refused = world.get("medecin", "/fhir/DocumentReference").await;
    assert_eq!(refused.causes().len(), 2, "patient and status");
    let refused = world.get("medecin", "/fhir/DocumentReference?status=current").await;
    assert_eq!(refused.refused(), (400, "query_parameter_missing".into(), "http.patient".into()));
    let refused = world.get("medecin", &format!("/fhir/List?{patient}&status=current")).await;
    assert_eq!(refused.refused(), (400, "query_parameter_missing".into(), "http.code".into()));
    let refused = world.get("medecin", &find("&colour=red&type:not=x")).await;
    assert_eq!(refused.refused(), (400, "query_parameter_unknown".into(), "http.colour".into()));
    assert_eq!(refused.causes().len(), 2);
    let lenient = request("GET", "medecin", &find("&colour=red")).header("prefer", "handling=lenient");
    let lenient = world.send(lenient.body(Body::empty()).expect("request")).await;
    assert_eq!(lenient.matches().len(), 1);
    let outcome = lenient.json()["entry"][1].clone();
    assert_eq!(outcome["search"]["mode"], "outcome");
    assert_eq!(outcome["resource"]["issue"][0]["severity"], "warning");
    for bad in ["&date=yesterday", "&_count=x", "&_sort=title", "&status=final", "&isArchived=maybe", "&date=%zz"] {
        let refused = world.get("medecin", &find(bad)).await;
        assert_eq!(refused.refused().1, "query_parameter_invalid", "{bad}");
    }
}

#[tokio::test]
async fn a_patient_is_found_by_number_and_its_id_names_the_holder_of_a_search() {
    let world = filled(1).await;
    let found = world.get("medecin", &format!("/fhir/Patient?identifier={SYSTEM}%7C{HOLDER}")).await.matches();
    let id = found[0]["id"].as_str().expect("id").to_owned();
    assert_eq!(found[0]["identifier"][0]["value"], HOLDER);
    for patient in [id.clone(), format!("Patient/{id}"), format!("https://dmp.test:8443/fhir/Patient/{id}")] {
        let path = format!("/fhir/DocumentReference?patient={patient}&status=current");
        assert_eq!(world.get("medecin", &path).await.matches().len(), 1, "{patient}");
    }
    assert_eq!(world.get("medecin", &format!("/fhir/Patient/{id}")).await.json(), found[0]);
    let absent = world.get("medecin", "/fhir/Patient/f81d4fae-7dec-11d0-a765-00a0c91e6bf6").await;
    assert_eq!(absent.refused().0, 404);
    let other = "/fhir/DocumentReference?patient=Patient/f81d4fae-7dec-11d0-a765-00a0c91e6bf6&status=current";
    assert_eq!(world.get("medecin", other).await.refused().1, "patient_mismatch");
    let nobody = "124018852493334";
    let empty = world.get(&format!("medecin@{nobody}"), &format!("/fhir/Patient?identifier={SYSTEM}%7C{nobody}")).await;
    assert_eq!(empty.matches().len(), 0);
    assert_eq!(empty.json()["total"], 0);
    let wrong = world.get("medecin", &format!("/fhir/Patient?identifier={SYSTEM}%7C12")).await;
    assert_eq!(wrong.refused(), (422, "ins_invalid".into(), "http.identifier".into()));
    let foreign = world.get("medecin", &format!("/fhir/Patient?identifier={SYSTEM}%7C{OTHER}")).await;
    assert_eq!(foreign.refused().1, "patient_mismatch");
}

#[tokio::test]
async fn what_is_listed_is_what_may_be_read() {
    let world = filled(1).await;
    // A pharmacist's column of the matrix excludes reports of consultations of this kind, or the list shows them all.
    let listed = world.get("pharmacien", &find("")).await.matches();
    let fetched = world.get("pharmacien", "/fhir/Binary/1.2.250.1.999.1.1.0").await;
    assert_eq!(listed.len() == 1, fetched.status == StatusCode::OK, "{}", fetched.status);
    let blocked = world.get("bloque", &find("")).await;
    assert_eq!(blocked.refused(), (403, "blocked".into(), String::new()));
    let blocked = world.get("bloque", "/fhir/Binary/1.2.250.1.999.1.1.0").await;
    assert_eq!(blocked.refused().1, "blocked");
    let unknown = world.get("inconnu", &find("")).await;
    assert_eq!((unknown.status, unknown.refused().1), (StatusCode::FORBIDDEN, "not_authorised".into()));
    let traces = format!("/fhir/AuditEvent?patient.identifier={SYSTEM}%7C{HOLDER}&outcome=4&_count=1");
    let traces = world.get("medecin-traitant", &traces).await;
    let page = traces.json();
    assert!(page["total"].as_u64().is_some_and(|t| t >= 3), "refusals are traced");
    assert_eq!(traces.matches()[0]["outcomeDesc"], "not_authorised");
}

#[tokio::test]
async fn a_kind_that_the_matrix_closes_to_a_profession_is_neither_listed_nor_read() {
    let world = World::new().await;
    // A kind of report that the tables open to physicians and close to pharmacists.
    let tables = access::Tables::load(&terminology::Mappings::built_in(), access::AccessPolicy::default());
    let tables = tables.expect("tables");
    let matrix = tables.matrix();
    let pharmacist = space::Profession { code: "21".into(), speciality: None, activity: None };
    let column = matrix.column(&pharmacist);
    let physician = matrix.column(&space::Profession { code: "10".into(), ..space::Profession::default() });
    let closed = world.desk.terms().types.iter().find(|(code, kind)| {
        kind.may_be_written
            && kind.scheme == "2.16.840.1.113883.6.1"
            && kind.class.as_deref() == Some("10")
            && !matrix.may_read(column, matrix.kind(code, &kind.scheme))
            && matrix.may_read(physician, matrix.kind(code, &kind.scheme))
    });
    let (code, _) = closed.expect("there is one");
    let mut sent = bundle("1.2.250.1.999.1.2.1", &[Document::new("1.2.250.1.999.1.1.1", b"closed")]);
    sent["entry"][1]["resource"]["type"]["coding"][0]["code"] = code.into();
    assert_eq!(world.post("medecin", &sent).await.status, StatusCode::OK);
    assert_eq!(world.get("medecin", &find("")).await.matches().len(), 1);
    assert_eq!(world.get("pharmacien", &find("")).await.matches().len(), 0);
    let refused = world.get("pharmacien", "/fhir/Binary/1.2.250.1.999.1.1.1").await;
    assert_eq!((refused.status, refused.refused().1), (StatusCode::FORBIDDEN, "matrix_excludes".into()));
    // Break-glass opens the space to a physician that nobody authorised.
    assert_eq!(world.get("urgentiste", &find("")).await.matches().len(), 1);
}
