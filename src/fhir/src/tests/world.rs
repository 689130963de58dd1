//! The world of a test: a desk on a temporary folder, two holders, a few professionals, and the routes at `/fhir`.

use std::{sync::Arc, time::Duration};

use access::{AccessPolicy, Tables};
use ambient::{SharedClock, SharedRng, SystemClock, SystemRng};
use axum::{
    Router,
    body::{Body, Bytes},
    http::{Extensions, HeaderMap, Request, Response, StatusCode},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use desk::{Caller, Desk, DeskOptions, NewHolder, SettingChange};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use space::{
    Actor, AuthMode, Cause, Credential, Dtm, Ins, InsOid, InsTolerance, Profession, ProfessionalId, Purpose, Refusal,
    Role, Sex, Software, SpaceState, Traits,
};
use store::{Store, StoreOptions};
use terminology::{Mappings, Terminology};
use tower::ServiceExt as _;

use crate::{Authenticate, BaseUrl, BodyBudget, FhirLimits, FhirState, routes};

/// The holder of most tests, test register.
pub(super) const HOLDER: &str = "279035121518989";
/// Another holder with a space.
pub(super) const OTHER: &str = "207058575627097";
pub(super) const SYSTEM: &str = "urn:oid:1.2.250.1.213.1.4.10";

pub(super) fn ins(matricule: &str) -> Ins {
    Ins::parse(matricule, InsOid::NirTest, InsTolerance::Strict).expect("INS")
}

/// `Authorization: Bearer <name>[@<matricule>]`: a professional of the world, for a holder.
struct Named;

impl Authenticate for Named {
    fn authenticate(&self, headers: &HeaderMap, _: &Extensions) -> Result<Credential, Refusal> {
        let value = headers.get("authorization").ok_or_else(|| Refusal::new(Cause::BearerMissing))?;
        let text = value.to_str().ok().and_then(|v| v.strip_prefix("Bearer "));
        let text = text.ok_or_else(|| Refusal::new(Cause::BearerInvalid))?;
        let (name, holder) = text.split_once('@').unwrap_or((text, HOLDER));
        Ok(Credential { actor: actor(name)?, patient: (holder != "nobody").then(|| ins(holder)) })
    }
}

fn actor(name: &str) -> Result<Actor, Refusal> {
    let (id, profession, purpose) = match name {
        "medecin" => ("899900063480", "10", Purpose::Normal),
        "urgentiste" => ("899900063489", "10", Purpose::BrisDeGlace { reason: Some("inconscient".into()) }),
        "pharmacien" => ("899900063481", "21", Purpose::Normal),
        "bloque" => ("899900063482", "10", Purpose::Normal),
        "inconnu" => ("899900063483", "10", Purpose::Normal),
        "medecin-traitant" => ("899900063484", "10", Purpose::Normal),
        _ => return Err(Refusal::new(Cause::BearerInvalid)),
    };
    Ok(Actor {
        role: Role::Professional,
        id: Some(ProfessionalId::parse(id)?),
        profession: Profession {
            code: profession.into(),
            speciality: (profession == "10").then(|| "SM26".into()),
            activity: None,
        },
        name: name.to_owned(),
        structure: None,
        auth: AuthMode::Directe,
        purpose,
        structure_proven: true,
        secret: false,
        software: Software { name: "essai".into(), version: "1".into() },
    })
}

/// A world; its folder goes with it.
pub(super) struct World {
    pub(super) desk: Arc<Desk>,
    pub(super) router: Router,
    _folder: tempfile::TempDir,
}

/// An answer, read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        let value: Value = serde_json::from_slice(&self.bytes).expect("JSON");
        let media = self.headers["content-type"].to_str().expect("text");
        assert!(media.starts_with("application/fhir+json; fhirVersion=4.0"), "{media}");
        wire_fhir::check(&value).unwrap_or_else(|e| panic!("no FHIR R4: {e}\n{value:#}"));
        value
    }

    /// Codes of the causes of an `OperationOutcome`, each with its first expression.
    pub(super) fn causes(&self) -> Vec<(String, String)> {
        let outcome = self.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        let issues = outcome["issue"].as_array().expect("issues");
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        issues.iter().map(|i| (text(&i["details"]["coding"][0]["code"]), text(&i["expression"][0]))).collect()
    }

    /// The first cause, with the status it came with.
    pub(super) fn refused(&self) -> (u16, String, String) {
        let (code, place) = self.causes().swap_remove(0);
        (self.status.as_u16(), code, place)
    }

    /// Resources of a search set.
    pub(super) fn matches(&self) -> Vec<Value> {
        let bundle = self.json();
        assert_eq!((self.status, &bundle["type"]), (StatusCode::OK, &"searchset".into()), "{bundle:#}");
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries.into_iter().filter(|e| e["search"]["mode"] == "match").map(|e| e["resource"].clone()).collect()
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(FhirLimits::default()).await
    }

    pub(super) async fn with(limits: FhirLimits) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let rng: SharedRng = SystemRng::new();
        let clock: SharedClock = SystemClock::new();
        let master = store::LocalMaster::from_text(&store::LocalMaster::make(&rng)).expect("a key");
        let options = StoreOptions::in_folder(folder.path(), store::MasterKeys::new(master, Vec::new()));
        let store = Store::open(&options, &clock, &rng).await.expect("store");
        let policy = AccessPolicy { operator_may_set: true, ..AccessPolicy::default() };
        let tables = Tables::load(&Mappings::built_in(), policy).expect("tables");
        let terms = Terminology::load(&Mappings::built_in()).expect("terms");
        let desk = Arc::new(Desk::new(store, tables, terms, clock, rng, DeskOptions::default()));
        for matricule in [HOLDER, OTHER] {
            let traits = Traits {
                family: "DUPONT".into(),
                given: vec!["ELISE".into(), "MARIE".into()],
                used_family: None,
                birth_date: Dtm::parse("19790301").expect("DTM"),
                sex: Sex::F,
                birth_place: Some("51215".into()),
            };
            let new = NewHolder { ins: ins(matricule), traits, state: SpaceState::Open };
            desk.create(&Caller::operator(), new).await.expect("space");
            for (who, blocked) in
                [("899900063480", false), ("899900063481", false), ("899900063482", true), ("899900063484", false)]
            {
                let who = who.to_owned();
                let change = if blocked {
                    SettingChange::Block { who, is_structure: false }
                } else {
                    SettingChange::Authorise { who, is_structure: false }
                };
                desk.set(&Caller::operator(), Some(&ins(matricule)), &change).await.expect("set");
            }
            let mt = SettingChange::MedecinTraitant { who: "899900063484".into(), declared: true };
            desk.set(&Caller::operator(), Some(&ins(matricule)), &mt).await.expect("set");
        }
        let state = FhirState {
            desk: Arc::clone(&desk),
            auth: Arc::new(Named),
            base_url: BaseUrl::FromHost,
            limits,
            bodies: BodyBudget::of(256 << 20),
            door: crate::Door::Professional,
        };
        Self { desk, router: routes(state), _folder: folder }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response<Body> = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = tokio::time::timeout(Duration::from_secs(30), body.collect()).await;
        let bytes = bytes.expect("in time").expect("whole").to_bytes();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    pub(super) async fn get(&self, who: &str, path: &str) -> Answer {
        self.send(request("GET", who, path).body(Body::empty()).expect("request")).await
    }

    pub(super) async fn post(&self, who: &str, bundle: &Value) -> Answer {
        self.post_bytes(who, bundle.to_string()).await
    }

    pub(super) async fn post_bytes(&self, who: &str, body: impl Into<Body>) -> Answer {
        let request = request("POST", who, "/fhir").header("content-type", "application/fhir+json");
        self.send(request.body(body.into()).expect("request")).await
    }
}

pub(super) fn request(method: &str, who: &str, path: &str) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(path).header("host", "dmp.test:8443");
    if who.is_empty() { request } else { request.header("authorization", format!("Bearer {who}")) }
}

/// A search of documents in the holder's space.
pub(super) fn find(rest: &str) -> String {
    format!("/fhir/DocumentReference?patient.identifier={SYSTEM}%7C{HOLDER}&status=current{rest}")
}

/// A coding as PDSm writes it.
fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code, "display": display }] })
}

fn nos(name: &str) -> String {
    format!("https://mos.esante.gouv.fr/NOS/{name}/FHIR/{}", name.replace('_', "-"))
}

fn people(own: &str) -> Value {
    json!([
        { "resourceType": "Practitioner", "id": own,
          "identifier": [{ "system": "urn:oid:1.2.250.1.71.4.2.1", "value": "899900063480",
            "type": { "coding": [{ "system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203",
              "code": "IDNPS" }] } }],
          "name": [{ "family": "MAX", "given": ["LIBRE"] }] },
        { "resourceType": "Organization", "id": "cabinet", "name": "CABINET",
          "identifier": [{ "system": "urn:oid:1.2.250.1.71.4.2.2", "value": "499900063480001" }] },
        { "resourceType": "PractitionerRole", "id": "role", "practitioner": { "reference": format!("#{own}") },
          "organization": { "reference": "#cabinet" },
          "specialty": [concept(&nos("TRE_A02-ProfessionSavFaire-CISIS"), "G15_10/SM26", "Médecin généraliste")] }
    ])
}

/// A document of a test.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) unique_id: String,
    pub(super) content: Vec<u8>,
    pub(super) type_code: &'static str,
    pub(super) class_code: &'static str,
    pub(super) replaces: Option<String>,
}

impl Document {
    pub(super) fn new(unique_id: &str, content: &[u8]) -> Self {
        Self {
            unique_id: unique_id.into(),
            content: content.to_vec(),
            type_code: "11488-4",
            class_code: "10",
            replaces: None,
        }
    }
}

/// A transaction of ITI-65.
pub(super) fn bundle(set: &str, documents: &[Document]) -> Value {
    let mut entries = vec![json!({
        "fullUrl": "urn:uuid:10000000-0000-4000-8000-000000000000",
        "resource": {
            "resourceType": "List", "status": "current", "mode": "working", "title": "Lot",
            "contained": people("sender"),
            "extension": [
                { "url": "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-designationType",
                  "valueCodeableConcept": concept(&nos("TRE_R209-TypeActivite"), "07", "Consultations") },
                { "url": "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-sourceId",
                  "valueIdentifier": { "system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.250.1.999.1" } }
            ],
            "identifier": [{ "use": "usual", "system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{set}") }],
            "code": { "coding": [{ "system": "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes",
              "code": "submissionset" }] },
            "subject": { "reference": format!("Patient?identifier={SYSTEM}|{HOLDER}") },
            "date": "2026-03-14T20:45:35+01:00",
            "source": { "reference": "#sender" },
            "entry": (0..documents.len()).map(|i| json!({ "item": { "reference": document_url(i) } })).collect::<Vec<_>>()
        },
        "request": { "method": "POST", "url": "List" }
    })];
    for (index, document) in documents.iter().enumerate() {
        entries.push(json!({
            "fullUrl": document_url(index),
            "resource": reference(index, document),
            "request": { "method": "POST", "url": "DocumentReference" }
        }));
        entries.push(json!({
            "fullUrl": binary_url(index),
            "resource": { "resourceType": "Binary", "contentType": "application/pdf",
              "data": STANDARD.encode(&document.content) },
            "request": { "method": "POST", "url": "Binary" }
        }));
    }
    json!({
        "resourceType": "Bundle", "type": "transaction",
        "meta": { "profile": ["https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-comprehensive-provide-document-bundle"] },
        "entry": entries
    })
}

fn document_url(index: usize) -> String {
    format!("urn:uuid:20000000-0000-4000-8000-{index:012}")
}

fn binary_url(index: usize) -> String {
    format!("urn:uuid:30000000-0000-4000-8000-{index:012}")
}

fn reference(index: usize, document: &Document) -> Value {
    let mut reference = json!({
        "resourceType": "DocumentReference", "status": "current",
        "contained": people("author"),
        "masterIdentifier": { "system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{}", document.unique_id) },
        "type": concept("http://loinc.org", document.type_code, "CR de consultation"),
        "category": [concept(&nos("TRE_A03-ClasseDocument"), document.class_code, "Compte rendu")],
        "subject": { "identifier": { "system": SYSTEM, "value": HOLDER } },
        "date": "2026-03-14T20:45:35+01:00",
        "author": [{ "reference": "#role" }],
        "authenticator": { "reference": "#author" },
        "custodian": { "reference": "#cabinet" },
        "description": "À relire",
        "securityLabel": [concept("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N", "Normal")],
        "content": [{
            "attachment": { "contentType": "application/pdf", "language": "fr-FR", "url": binary_url(index),
              "size": document.content.len(), "title": "CR", "creation": "2026-03-14T19:45:35Z" },
            "format": { "system": nos("TRE_A11-IheFormatCode"), "code": "urn:ihe:iti:xds-sd:pdf:2008" }
        }],
        "context": {
            "period": { "start": "2026-03-14T08:00:00+01:00" },
            "facilityType": concept(&nos("TRE_R02-SecteurActivite"), "SA07", "Cabinet individuel"),
            "practiceSetting": concept(&nos("TRE_A01-CadreExercice"), "AMBULATOIRE", "Ambulatoire")
        }
    });
    if let Some(target) = &document.replaces {
        reference["relatesTo"] = json!([{ "code": "replaces", "target": { "reference": target } }]);
    }
    reference
}
