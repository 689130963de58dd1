//! The transaction bundle of ITI-65 as PDSm 3.1.1 asks for it: one biology report by a physician.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::client::Server;

const SET: &str = "urn:uuid:10000000-0000-4000-8000-000000000001";
const DOCUMENT: &str = "urn:uuid:20000000-0000-4000-8000-000000000001";
const BINARY: &str = "urn:uuid:30000000-0000-4000-8000-000000000001";

/// A small document.
pub fn document(text: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\"?><ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title>{text}</title></ClinicalDocument>\n"
    )
    .into_bytes()
}

fn concept(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code, "display": code }] })
}

fn nos(name: &str) -> String {
    format!("https://mos.esante.gouv.fr/NOS/{name}/FHIR/{}", name.replace('_', "-"))
}

fn people() -> Value {
    json!([
        { "resourceType": "Practitioner", "id": "author",
          "identifier": [{ "system": "urn:oid:1.2.250.1.71.4.2.1", "value": "899900000101" }],
          "name": [{ "family": "CONFORMANCE", "given": ["TEST"] }] },
        { "resourceType": "Organization", "id": "structure", "name": "CONFORMANCE",
          "identifier": [{ "system": "urn:oid:1.2.250.1.71.4.2.2", "value": "499900000101001" }] },
        { "resourceType": "PractitionerRole", "id": "role", "practitioner": { "reference": "#author" },
          "organization": { "reference": "#structure" } }
    ])
}

/// A submission: its set (entry 0), the document's metadata (1) and its content (2).
pub fn bundle(s: &Server, unique_id: &str, set_id: &str, body: &[u8]) -> Value {
    let mhd = "https://profiles.ihe.net/ITI/MHD";
    let system = format!("urn:oid:{}", s.oid);
    json!({
        "resourceType": "Bundle", "type": "transaction",
        "entry": [
            { "fullUrl": SET, "request": { "method": "POST", "url": "List" }, "resource": {
                "resourceType": "List", "status": "current", "mode": "working", "contained": people(),
                "extension": [
                    { "url": format!("{mhd}/StructureDefinition/ihe-designationType"),
                      "valueCodeableConcept": concept(&nos("TRE_R209-TypeActivite"), "07") },
                    { "url": format!("{mhd}/StructureDefinition/ihe-sourceId"),
                      "valueIdentifier": { "system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.250.1.999.9" } }
                ],
                "identifier": [{ "use": "usual", "system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{set_id}") }],
                "code": concept(&format!("{mhd}/CodeSystem/MHDlistTypes"), "submissionset"),
                "subject": { "identifier": { "system": system, "value": s.ins } },
                "date": "2026-01-01T12:00:00+01:00", "source": { "reference": "#author" },
                "entry": [{ "item": { "reference": DOCUMENT } }]
            } },
            { "fullUrl": DOCUMENT, "request": { "method": "POST", "url": "DocumentReference" }, "resource": {
                "resourceType": "DocumentReference", "status": "current", "contained": people(),
                "masterIdentifier": { "system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{unique_id}") },
                "type": concept("http://loinc.org", "11502-2"),
                "category": [concept(&nos("TRE_A03-ClasseDocument"), "10")],
                "subject": { "identifier": { "system": system, "value": s.ins } },
                "date": "2026-01-01T11:59:00+01:00",
                "author": [{ "reference": "#role" }], "authenticator": { "reference": "#author" },
                "custodian": { "reference": "#structure" },
                "securityLabel": [concept("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N")],
                "content": [{
                    "attachment": { "contentType": "text/xml", "language": "fr-FR", "url": BINARY,
                        "size": body.len(), "title": "Compte rendu de conformité",
                        "creation": "2026-01-01T11:59:00+01:00" },
                    "format": { "system": nos("TRE_A11-IheFormatCode"), "code": "urn:ihe:iti:xds-sd:text:2008" }
                }],
                "context": {
                    "period": { "start": "2026-01-01T11:00:00+01:00" },
                    "facilityType": concept(&nos("TRE_R02-SecteurActivite"), "SA01"),
                    "practiceSetting": concept(&nos("TRE_A01-CadreExercice"), "ETABLISSEMENT")
                }
            } },
            { "fullUrl": BINARY, "request": { "method": "POST", "url": "Binary" }, "resource": {
                "resourceType": "Binary", "contentType": "text/xml", "data": STANDARD.encode(body)
            } }
        ]
    })
}
