//! `GET metadata` (FHIR R4 http *capabilities*): exactly what is served, from the tables that serve it. Public to whoever
//! reaches the listener: it says nothing of anybody.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};

use crate::{
    FhirState,
    call::{accepted, base, form_pairs, is_json},
    respond::{self, Failure},
    search::{
        Parameter,
        parameters::{AUDIT_EVENT, DOCUMENT_REFERENCE, LIST, PATIENT},
    },
    translate::urls::{FR_CORE_PATIENT_INS, PDSM_DOCUMENT_REFERENCE, PDSM_SUBMISSION_SET, TDE_AUDIT_EVENT},
};

/// Day on which what is declared here last changed.
const DATE: &str = "2026-11-23";

/// Answers with the statement.
pub(crate) async fn capabilities(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let parameters = form_pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
    let format = parameters.iter().find(|(name, _)| name == "_format").map(|(_, value)| is_json(value));
    let asked = format.unwrap_or_else(|| accepted(&parts.headers).is_none_or(|r| r.iter().any(|r| is_json(r))));
    if !asked {
        return Err(space::Refusal::new(space::Cause::FormatNotServed).into());
    }
    Ok(respond::json(StatusCode::OK, &statement(&base(&state, &parts))))
}

/// The statement.
pub(crate) fn statement(base: &str) -> Value {
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "instantiates": [
            "https://interop.esante.gouv.fr/ig/fhir/pdsm/CapabilityStatement/PDSm-GestionnaireDePartageDeDocuments",
            "https://profiles.ihe.net/ITI/PIXm/CapabilityStatement/IHE.PIXm.Manager"
        ],
        "software": { "name": "Passerelle", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Passerelle, espace de santé : partage de documents (PDSm)", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "implementationGuide": [
            "https://interop.esante.gouv.fr/ig/fhir/pdsm/ImplementationGuide/ans.fhir.fr.pdsm|3.1.1"
        ],
        "rest": [{
            "mode": "server",
            "documentation": "Paramètres de réponse servis : _count, _offset, _sort (date), _format. Un paramètre inconnu est refusé, sauf Prefer: handling=lenient.",
            "security": {
                "cors": false,
                "service": [{ "text": "TLS mutuel, et Authorization: Bearer (équivalent JWT du VIHF)" }]
            },
            "resource": [
                resource("AuditEvent", TDE_AUDIT_EVENT, &["search-type"], AUDIT_EVENT),
                resource("Binary", "", &["read"], &[]),
                resource("DocumentReference", PDSM_DOCUMENT_REFERENCE, &["read", "search-type"], DOCUMENT_REFERENCE),
                resource("List", PDSM_SUBMISSION_SET, &["read", "search-type"], LIST),
                patient(),
            ],
            "interaction": [{
                "code": "transaction",
                "documentation": "ITI-65 : un lot, ses fiches, leurs documents (Binary.data). Tout ou rien."
            }]
        }]
    })
}

/// `Patient`: searched, fed by a structure's own numbers, and asked by operations (PDQm, PIXm).
fn patient() -> Value {
    let served = ["read", "search-type", "update", "delete"];
    let mut patient = resource("Patient", FR_CORE_PATIENT_INS, &served, PATIENT);
    patient["conditionalUpdate"] = true.into();
    patient["conditionalDelete"] = "single".into();
    patient["documentation"] = "ITI-104 : PUT et DELETE Patient?identifier=… seulement, pour les domaines de la structure appelante ; link replaced-by fusionne, seealso lie, DELETE avec link:identifier délie. Recherche sans numéro : en régulation seulement.".into();
    patient["operation"] = json!([
        { "name": "ihe-pix", "definition": "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix" },
        { "name": "match", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-match" },
    ]);
    patient
}

fn resource(kind: &str, profile: &str, interactions: &[&str], parameters: &[Parameter]) -> Value {
    let interactions: Vec<Value> = interactions.iter().map(|code| json!({ "code": code })).collect();
    let mut resource = json!({ "type": kind, "interaction": interactions, "versioning": "no-version" });
    if !profile.is_empty() {
        resource["profile"] = profile.into();
    }
    if !parameters.is_empty() {
        resource["searchParam"] = parameters
            .iter()
            .map(|p| {
                let mut declared = json!({ "name": p.name, "type": p.kind.word() });
                if !p.definition.is_empty() {
                    declared["definition"] = p.definition.into();
                }
                declared
            })
            .collect();
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_fhir_and_declares_the_tables_that_serve() {
        let statement = statement("https://x/fhir");
        wire_fhir::check(&statement).expect("FHIR R4");
        assert_eq!(statement["fhirVersion"], "4.0.1");
        for (kind, table) in [
            ("DocumentReference", DOCUMENT_REFERENCE),
            ("List", LIST),
            ("Patient", PATIENT),
            ("AuditEvent", AUDIT_EVENT),
        ] {
            let resources = statement["rest"][0]["resource"].as_array().expect("resources");
            let declared = resources.iter().find(|r| r["type"] == kind).expect(kind);
            let names: Vec<&str> = declared["searchParam"]
                .as_array()
                .expect("parameters")
                .iter()
                .filter_map(|p| p["name"].as_str())
                .collect();
            assert_eq!(names, table.iter().map(|p| p.name).collect::<Vec<_>>());
        }
    }
}
