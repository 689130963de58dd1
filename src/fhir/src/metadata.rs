//! `GET metadata` (FHIR R4 http *capabilities*): exactly what is served, from the tables that serve it. Public to whoever
//! reaches the listener: it says nothing of anybody.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};

use crate::{
    Door, FhirState,
    call::{base, form_pairs},
    format,
    respond::{self, Failure},
    search::Parameter,
    table::{self, Does, KINDS, Kind},
};

/// Day on which what is declared here last changed.
const DATE: &str = "2026-11-23";

/// Answers with the statement.
pub(crate) async fn capabilities(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let parameters = form_pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
    let named = parameters.iter().find(|(name, _)| name == "_format").map(|(_, value)| value.as_str());
    if format::wanted(named, &parts.headers).is_none() {
        return Err(space::Refusal::new(space::Cause::FormatNotServed).into());
    }
    let kinds = state.desk.terms().measures.kinds();
    let measures: std::collections::BTreeSet<&String> = kinds.iter().flat_map(|kind| &kind.profiles).collect();
    let measures: Vec<String> = measures.into_iter().cloned().collect();
    Ok(respond::json(StatusCode::OK, &statement(&base(&state, &parts), state.door, &measures)))
}

/// The statement of a listener.
pub(crate) fn statement(base: &str, door: Door, measures: &[String]) -> Value {
    let security = match door {
        Door::Professional => "TLS mutuel, et Authorization: Bearer (équivalent JWT du VIHF)",
        Door::Public => "TLS, et Authorization: Bearer (jeton d'accès du titulaire)",
    };
    let mut statement = json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": { "name": "Passerelle", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Passerelle, espace numérique de santé", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
        "rest": [{
            "mode": "server",
            "documentation": "Paramètres de réponse servis : _count, _offset, _sort (date), _format ; pour Observation aussi _cursor, _total, _summary=count, _include=Observation:device. Un paramètre inconnu est refusé, sauf Prefer: handling=lenient.",
            "security": { "cors": false, "service": [{ "text": security }] },
            "resource": KINDS.iter().filter_map(|kind| resource(kind, door, measures)).collect::<Vec<_>>(),
            "interaction": [{
                "code": "transaction",
                "documentation": match door {
                    Door::Professional => "ITI-65 : un lot, ses fiches, leurs documents (Binary.data). Ou une mesure et son appareil (API Mesures 1.5.2). Tout ou rien.",
                    Door::Public => "API Mesures 1.5.2 : une mesure et au plus son appareil. Tout ou rien.",
                }
            }]
        }]
    });
    if door == Door::Professional {
        statement["instantiates"] = json!([
            "https://interop.esante.gouv.fr/ig/fhir/pdsm/CapabilityStatement/PDSm-GestionnaireDePartageDeDocuments",
            "https://profiles.ihe.net/ITI/PIXm/CapabilityStatement/IHE.PIXm.Manager"
        ]);
        statement["implementationGuide"] =
            json!(["https://interop.esante.gouv.fr/ig/fhir/pdsm/ImplementationGuide/ans.fhir.fr.pdsm|3.1.1"]);
    }
    statement
}

/// What is served of a type at a listener; nothing when no route is about it.
fn resource(kind: &Kind, door: Door, measures: &[String]) -> Option<Value> {
    let routes: Vec<_> = table::at(door).filter(|route| route.kind == kind.name).collect();
    let (mut interactions, mut operations): (Vec<&str>, Vec<Value>) = (Vec::new(), Vec::new());
    for route in &routes {
        match route.does {
            Does::Interaction(code) if !interactions.contains(&code) => interactions.push(code),
            Does::Operation(name, definition) if operations.iter().all(|o| o["name"] != name) => {
                operations.push(json!({ "name": name, "definition": definition }));
            }
            _ => {}
        }
    }
    if routes.is_empty() {
        return None;
    }
    let interactions: Vec<Value> = interactions.iter().map(|code| json!({ "code": code })).collect();
    let mut resource = json!({
        "type": kind.name,
        "interaction": interactions,
        "versioning": if kind.versioned { "versioned" } else { "no-version" },
    });
    if !kind.profile.is_empty() {
        resource["profile"] = kind.profile.into();
    }
    if !kind.documentation.is_empty() {
        resource["documentation"] = kind.documentation.into();
    }
    if !operations.is_empty() {
        resource["operation"] = operations.into();
    }
    match kind.name {
        // Only under a condition, which names one.
        "Patient" => {
            resource["conditionalUpdate"] = true.into();
            resource["conditionalDelete"] = "single".into();
        }
        "Device" => resource["conditionalRead"] = "full-support".into(),
        "Observation" => {
            resource["supportedProfile"] = measures.into();
            resource["conditionalRead"] = "full-support".into();
            resource["updateCreate"] = false.into();
            resource["searchInclude"] = json!(["Observation:device"]);
        }
        _ => {}
    }
    if !kind.parameters.is_empty() {
        resource["searchParam"] = kind.parameters.iter().map(declared).collect();
    }
    Some(resource)
}

fn declared(parameter: &Parameter) -> Value {
    let mut declared = json!({ "name": parameter.name, "type": parameter.kind.word() });
    if !parameter.definition.is_empty() {
        declared["definition"] = parameter.definition.into();
    }
    declared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_fhir_and_declares_the_tables_that_serve() {
        for door in [Door::Professional, Door::Public] {
            let statement = statement("https://x/fhir", door, &["http://p".to_owned()]);
            wire_fhir::check(&statement).expect("FHIR R4");
            assert_eq!(statement["fhirVersion"], "4.0.1");
            let resources = statement["rest"][0]["resource"].as_array().expect("resources");
            for route in table::at(door).filter(|r| !r.kind.is_empty()) {
                let declared = resources.iter().find(|r| r["type"] == route.kind).expect(route.kind);
                let (list, name) = match route.does {
                    Does::Interaction(code) => ("interaction", code),
                    Does::Operation(name, _) => ("operation", name),
                    _ => continue,
                };
                let all = declared[list].as_array().expect(list);
                assert!(all.iter().any(|i| i["code"] == name || i["name"] == name), "{name} {}", route.kind);
            }
            for declared in resources {
                let kind = KINDS.iter().find(|k| declared["type"] == k.name).expect("a kind");
                let names: Vec<&str> = declared["searchParam"]
                    .as_array()
                    .map_or(&[][..], Vec::as_slice)
                    .iter()
                    .filter_map(|p| p["name"].as_str())
                    .collect();
                assert_eq!(names, kind.parameters.iter().map(|p| p.name).collect::<Vec<_>>());
                for interaction in declared["interaction"].as_array().expect("interactions") {
                    let served = |r: &&table::Route| {
                        r.kind == kind.name && matches!(r.does, Does::Interaction(code) if interaction["code"] == code)
                    };
                    assert!(table::at(door).any(|r| served(&r)), "{interaction}");
                }
            }
        }
    }
}
