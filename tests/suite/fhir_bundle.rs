//! FHIR as care software speaks it to the gateway: a caller with its card and bearer, and PDSm bundles written here
//! from the guide, sharing nothing with the code they try.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use testkit::{Client, Credentials, Gateway, Reply, TestDocument};

/// System of the numbers of the test register.
pub(crate) const SYSTEM: &str = "urn:oid:1.2.250.1.213.1.4.10";
/// Media type of FHIR.
pub(crate) const FHIR: &str = "application/fhir+json";

/// Somebody's software: one kept connection, and a bearer for one holder.
pub(crate) struct FhirCaller {
    pub(crate) client: Client,
    pub(crate) bearer: String,
    pub(crate) ins: String,
}

impl FhirCaller {
    /// `name` (a card of the demonstration) about the `holder`th holder.
    pub(crate) fn of(gateway: &Gateway, name: &str, holder: usize) -> Self {
        Self::with(gateway, name, holder, |_| ())
    }

    /// The same with a credential changed before it is signed.
    pub(crate) fn with(gateway: &Gateway, name: &str, holder: usize, change: impl FnOnce(&mut Credentials)) -> Self {
        let pki = gateway.data().join("pki");
        let ins = gateway.ins(holder).to_owned();
        let mut credentials = Credentials::of(&pki, name, &ins);
        change(&mut credentials);
        Self { client: Client::new(&gateway.pro, &pki, name), bearer: credentials.bearer(), ins }
    }

    /// Posts a bundle.
    pub(crate) async fn post(&mut self, bundle: &Value) -> Reply {
        self.post_bytes(FHIR, bundle.to_string()).await
    }

    /// Posts anything as anything.
    pub(crate) async fn post_bytes(&mut self, content_type: &str, body: impl Into<Bytes>) -> Reply {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", content_type)];
        self.client.post("/fhir", &headers, body).await
    }

    /// Deposits one document.
    pub(crate) async fn deposit(&mut self, document: &TestDocument) -> Reply {
        let sent = bundle(&self.ins, &testkit::oid(), std::slice::from_ref(document));
        self.post(&sent).await
    }

    /// Deposits one document, which must succeed; gives the `DocumentReference`'s location without its version.
    pub(crate) async fn put(&mut self, document: &TestDocument) -> String {
        let locations = locations(&self.deposit(document).await, "201 Created");
        locations[1].split("/_history").next().unwrap_or_default().to_owned()
    }

    /// Gets a resource of the face.
    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.client.get(&format!("/fhir/{path}"), &[("authorization", &self.bearer)]).await
    }

    /// Gets the bytes of a document, as any software that cares not for its type.
    pub(crate) async fn binary(&mut self, unique_id: &str) -> Reply {
        let path = format!("Binary/{unique_id}");
        self.get(&path).await
    }

    /// Searches documents; `more` is further parameters.
    pub(crate) async fn find(&mut self, more: &str) -> Reply {
        let path = format!("DocumentReference?patient.identifier={SYSTEM}%7C{}{more}", self.ins);
        self.get(&path).await
    }

    /// uniqueIds of the documents that a search shows.
    pub(crate) async fn listed(&mut self, more: &str) -> Vec<String> {
        let found = matches(&self.find(more).await);
        found.iter().map(|r| text(&r["masterIdentifier"]["value"]).replace("urn:oid:", "")).collect()
    }
}

/// A string, or nothing.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The resources that a search found.
#[track_caller]
pub(crate) fn matches(reply: &Reply) -> Vec<Value> {
    let bundle = reply.json();
    assert_eq!((reply.status.as_u16(), &bundle["type"]), (200, &"searchset".into()), "{bundle:#}");
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().filter(|e| e["search"]["mode"] == "match").map(|e| e["resource"].clone()).collect()
}

/// Where a bundle's parts stand, once each was made (or found again) with this status.
#[track_caller]
pub(crate) fn locations(reply: &Reply, status: &str) -> Vec<String> {
    let bundle = reply.json();
    assert_eq!((reply.status.as_u16(), &bundle["type"]), (200, &"transaction-response".into()), "{bundle:#}");
    let entries = bundle["entry"].as_array().expect("an entry for each of the request's");
    let code = status.split(' ').next().unwrap_or_default();
    let made = |e: &Value| {
        assert!(text(&e["response"]["status"]).starts_with(code), "{status}: {e:#}");
        text(&e["response"]["location"])
    };
    entries.iter().map(made).collect()
}

/// A refusal: its status, its first cause, and where; both languages, and a severity, are asked of it on the way.
#[track_caller]
pub(crate) fn outcome(reply: &Reply) -> (u16, String, String) {
    assert!(reply.header("content-type").starts_with(FHIR), "{}: {}", reply.status, reply.text());
    let outcome = reply.json();
    assert_eq!(outcome["resourceType"], "OperationOutcome", "{outcome:#}");
    let issue = &outcome["issue"][0];
    assert!(issue["severity"] == "error" && issue["code"].is_string(), "{outcome:#}");
    assert!(issue["details"]["text"].is_string() && issue["diagnostics"].is_string(), "{outcome:#}");
    (reply.status.as_u16(), text(&issue["details"]["coding"][0]["code"]), text(&issue["expression"][0]))
}

/// A refusal with this status and cause.
#[track_caller]
pub(crate) fn refused(reply: &Reply, status: u16, cause: &str) {
    let (found, code, _) = outcome(reply);
    assert_eq!((found, code.as_str()), (status, cause), "{}", reply.text());
}

fn concept(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code, "display": format!("Libellé {code}") }] })
}

fn nos(name: &str) -> String {
    format!("https://mos.esante.gouv.fr/NOS/{name}/FHIR/{}", name.replace('_', "-"))
}

/// Kinds of document stand in LOINC or in the national complement.
fn type_system(oid: &str) -> String {
    if oid == "2.16.840.1.113883.6.1" { "http://loinc.org".into() } else { nos("TRE_A05-TypeDocComplementaire") }
}

fn people() -> Value {
    json!([
        { "resourceType": "Practitioner", "id": "auteur",
          "identifier": [{ "system": "urn:oid:1.2.250.1.71.4.2.1", "value": "899900000101",
            "type": { "coding": [{ "system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203",
              "code": "IDNPS" }] } }],
          "name": [{ "family": "VASSEUR", "given": ["ELISE"] }] },
        { "resourceType": "Organization", "id": "cabinet", "name": "CABINET VASSEUR",
          "identifier": [{ "system": "urn:oid:1.2.250.1.71.4.2.2", "value": "499900000101001" }] },
        { "resourceType": "PractitionerRole", "id": "role", "practitioner": { "reference": "#auteur" },
          "organization": { "reference": "#cabinet" },
          "specialty": [concept(&nos("TRE_A02-ProfessionSavFaire-CISIS"), "G15_10/SM26")] }
    ])
}

/// A transaction of ITI-65 for the holder of `ins`: set, then for each document its metadata and its `Binary`.
pub(crate) fn bundle(ins: &str, set_id: &str, documents: &[TestDocument]) -> Value {
    let url = |kind: u8, n: usize| format!("urn:uuid:{kind}0000000-0000-4000-8000-{n:012}");
    let mut entries = vec![json!({
        "fullUrl": url(1, 0),
        "resource": {
            "resourceType": "List", "status": "current", "mode": "working", "title": "Lot de test",
            "contained": people(),
            "extension": [
                { "url": "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-designationType",
                  "valueCodeableConcept": concept(&nos("TRE_R209-TypeActivite"), "07") },
                { "url": "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-sourceId",
                  "valueIdentifier": { "system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.250.1.999.8" } }
            ],
            "identifier": [{ "use": "usual", "system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{set_id}") }],
            "code": { "coding": [{ "system": "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes",
              "code": "submissionset" }] },
            "subject": { "reference": format!("Patient?identifier={SYSTEM}|{ins}") },
            "date": "2026-01-01T12:00:00+01:00",
            "source": { "reference": "#auteur" },
            "entry": (0..documents.len()).map(|n| json!({ "item": { "reference": url(2, n) } })).collect::<Vec<_>>()
        },
        "request": { "method": "POST", "url": "List" }
    })];
    for (n, document) in documents.iter().enumerate() {
        entries.push(json!({
            "fullUrl": url(2, n),
            "resource": reference(ins, document, &url(3, n)),
            "request": { "method": "POST", "url": "DocumentReference" }
        }));
        entries.push(json!({
            "fullUrl": url(3, n),
            "resource": { "resourceType": "Binary", "contentType": document.mime_type,
              "data": STANDARD.encode(&document.body) },
            "request": { "method": "POST", "url": "Binary" }
        }));
    }
    json!({
        "resourceType": "Bundle", "type": "transaction", "entry": entries,
        "meta": { "profile": ["https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-comprehensive-provide-document-bundle"] }
    })
}

fn reference(ins: &str, document: &TestDocument, content: &str) -> Value {
    let mut labels = vec![concept("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N")];
    labels.extend(document.visibility.iter().map(|c| concept(&nos("TRE_A07-StatusVisibiliteDocument"), c)));
    let mut reference = json!({
        "resourceType": "DocumentReference", "status": "current", "contained": people(),
        "masterIdentifier": { "system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{}", document.unique_id) },
        "type": concept(&type_system(&document.type_code.1), &document.type_code.0),
        "category": [concept(&nos("TRE_A03-ClasseDocument"), &document.class_code)],
        "subject": { "identifier": { "system": SYSTEM, "value": ins } },
        "date": "2026-01-01T11:59:00+01:00",
        "author": [{ "reference": "#role" }],
        "authenticator": { "reference": "#auteur" },
        "custodian": { "reference": "#cabinet" },
        "description": "Commentaire",
        "securityLabel": labels,
        "content": [{
            "attachment": { "contentType": document.mime_type, "language": "fr-FR", "url": content,
              "size": document.body.len(), "title": document.title, "creation": "2026-01-01T11:59:00+01:00" },
            "format": { "system": nos("TRE_A11-IheFormatCode"), "code": document.format_code.0 }
        }],
        "context": {
            "period": { "start": "2026-01-01T11:00:00+01:00", "end": "2026-01-01T11:30:00+01:00" },
            "facilityType": concept(&nos("TRE_R02-SecteurActivite"), "SA01"),
            "practiceSetting": concept(&nos("TRE_A01-CadreExercice"), "ETABLISSEMENT")
        }
    });
    if let Some(target) = &document.replaces {
        reference["relatesTo"] = json!([{ "code": "replaces", "target": { "reference": target } }]);
    }
    reference
}
