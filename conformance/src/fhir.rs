//! PDSm 3.1.1 on FHIR R4: ITI-67 and ITI-68, and what FHIR itself asks of every server.

use crate::{
    Clause,
    client::{Answer, Server},
};

pub const CLAUSES: &[Clause] = &[
    Clause {
        name: "FHIR_R4_http_capabilities",
        asks: "metadata is a CapabilityStatement of FHIR 4.0.1",
        check: |s| {
            let json = get(s, "/metadata", true)?.json()?;
            same(&json["resourceType"], "CapabilityStatement")?;
            same(&json["fhirVersion"], "4.0.1")
        },
    },
    Clause {
        name: "FHIR_R4_security_no_token",
        asks: "a search without token is refused by 401 with an OperationOutcome",
        check: |s| outcome(&get(s, &documents(s, "&status=current"), false)?, 401),
    },
    Clause {
        name: "FHIR_R4_http_2.21.0.6_format",
        asks: "a format that is not served is refused by 406",
        check: |s| {
            let path = format!("{}{}", s.fhir, documents(s, "&status=current"));
            let answer = s.get(&path, &[("authorization", &bearer(s)), ("accept", "application/fhir+xml")])?;
            if answer.status == 406 || answer.content_type.contains("xml") {
                Ok(())
            } else {
                Err(format!("status {}: {}", answer.status, answer.head()))
            }
        },
    },
    Clause {
        name: "PDSm_ITI67_search",
        asks: "documents of a patient by status are a searchset of DocumentReference",
        check: |s| {
            let json = get(s, &documents(s, "&status=current"), true)?.json()?;
            same(&json["resourceType"], "Bundle")?;
            same(&json["type"], "searchset")?;
            let entries = json["entry"].as_array().ok_or("no entry: the holder needs a document")?;
            entries.iter().try_for_each(|e| same(&e["resource"]["resourceType"], "DocumentReference"))
        },
    },
    Clause {
        name: "PDSm_ITI67_minimum_criteria",
        asks: "a search without status is refused with an OperationOutcome that names it",
        check: |s| {
            let answer = get(s, &documents(s, ""), true)?;
            outcome(&answer, 400)?;
            if answer.text().contains("status") { Ok(()) } else { Err(answer.head()) }
        },
    },
    Clause {
        name: "FHIR_R4_search_3.1.1.7_unknown_parameter",
        asks: "an unknown parameter is refused under strict handling",
        check: |s| {
            let path = format!("{}{}", s.fhir, documents(s, "&status=current&nonsense=1"));
            let answer = s.get(&path, &[("authorization", &bearer(s)), ("prefer", "handling=strict")])?;
            outcome(&answer, 400)
        },
    },
    Clause {
        name: "PDSm_DocumentReference_attachment",
        asks: "each document has type, size, SHA-1 hash, MIME type and title (PDSm 3.1.1, content.attachment)",
        check: |s| {
            let json = get(s, &documents(s, "&status=current"), true)?.json()?;
            for entry in json["entry"].as_array().into_iter().flatten() {
                let attachment = &entry["resource"]["content"][0]["attachment"];
                for field in ["contentType", "size", "hash", "title", "url"] {
                    if attachment[field].is_null() {
                        return Err(format!("no attachment.{field}"));
                    }
                }
            }
            Ok(())
        },
    },
    Clause {
        name: "PDSm_ITI68_retrieve",
        asks: "attachment.url gives the document: its MIME type, its size, its SHA-1",
        check: |s| {
            use base64::Engine as _;
            use sha1::Digest as _;
            let json = get(s, &documents(s, "&status=current"), true)?.json()?;
            let attachment = &json["entry"][0]["resource"]["content"][0]["attachment"];
            let url = attachment["url"].as_str().ok_or("no url")?;
            let answer = s.get(url, &[("authorization", &bearer(s))])?;
            let kind = attachment["contentType"].as_str().unwrap_or_default();
            if answer.status != 200 || !answer.content_type.starts_with(kind) {
                return Err(format!("status {}, {}", answer.status, answer.content_type));
            }
            same(&attachment["size"], answer.body.len() as u64)?;
            let hash = base64::engine::general_purpose::STANDARD.encode(sha1::Sha1::digest(&answer.body));
            same(&attachment["hash"], hash.as_str())
        },
    },
    Clause {
        name: "FHIR_R4_http_not_found",
        asks: "an unknown resource is refused by 404 with an OperationOutcome",
        check: |s| outcome(&get(s, &format!("/Binary/{}", s.fresh_oid()), true)?, 404),
    },
    Clause {
        name: "FHIR_R4_json_malformed",
        asks: "a body that is no JSON is refused by 400 with an OperationOutcome",
        check: |s| {
            let kind = ("content-type", "application/fhir+json");
            outcome(&s.post(&s.fhir, &[("authorization", &bearer(s)), kind], b"{")?, 400)
        },
    },
    Clause {
        name: "PDQm_Patient_by_INS",
        asks: "a patient is found by INS, with the identifier asked",
        check: |s| {
            let path = format!("/Patient?identifier=urn:oid:{}%7C{}", s.oid, s.ins);
            let json = get(s, &path, true)?.json()?;
            same(&json["type"], "searchset")?;
            let text = json["entry"][0]["resource"]["identifier"].to_string();
            if text.contains(&s.ins) { Ok(()) } else { Err(text) }
        },
    },
];

fn bearer(s: &Server) -> String {
    format!("Bearer {}", s.bearer.as_deref().unwrap_or_default())
}

fn documents(s: &Server, more: &str) -> String {
    format!("/DocumentReference?patient.identifier=urn:oid:{}%7C{}{more}", s.oid, s.ins)
}

fn get(s: &Server, path: &str, token: bool) -> Result<Answer, String> {
    let path = format!("{}{path}", s.fhir);
    let bearer = bearer(s);
    let headers: &[(&str, &str)] = if token { &[("authorization", &bearer)] } else { &[] };
    s.get(&path, headers)
}

fn same(found: &serde_json::Value, wanted: impl Into<serde_json::Value>) -> Result<(), String> {
    let wanted = wanted.into();
    if *found == wanted { Ok(()) } else { Err(format!("expected {wanted}, found {found}")) }
}

fn outcome(answer: &Answer, status: u16) -> Result<(), String> {
    if answer.status != status {
        return Err(format!("expected {status}, found {}: {}", answer.status, answer.head()));
    }
    same(&answer.json()?["resourceType"], "OperationOutcome")
}
