//! PDSm 3.1.1 on FHIR R4: ITI-65, ITI-66, ITI-67 and ITI-68; PIXm 3.1.0: ITI-83 and ITI-104; and what FHIR itself asks of
//! every server.

use crate::{
    Clause,
    bundle::{bundle, document},
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
        name: "PDSm_ITI65_provide_then_ITI68_retrieve",
        asks: "a document provided by a transaction bundle is answered by a transaction-response and read byte for byte",
        check: |s| {
            let (id, body) = (s.fresh_oid(), document("provided"));
            provided(&post(s, &bundle(s, &id, &s.fresh_oid(), &body))?)?;
            let json = get(s, &documents(s, &format!("&status=current&identifier=urn:oid:{id}")), true)?.json()?;
            let url = json["entry"][0]["resource"]["content"][0]["attachment"]["url"].as_str().ok_or("not found")?;
            let answer = s.get(url, &[("authorization", &bearer(s))])?;
            if answer.body == body { Ok(()) } else { Err(format!("status {}: {}", answer.status, answer.head())) }
        },
    },
    Clause {
        name: "MHD_3.65.4.1.2_replaces",
        asks: "a document replaced (relatesTo replaces) is superseded and no longer current",
        check: |s| {
            let (old, new) = (s.fresh_oid(), s.fresh_oid());
            provided(&post(s, &bundle(s, &old, &s.fresh_oid(), &document("old")))?)?;
            let path = |status: &str, id: &str| documents(s, &format!("&status={status}&identifier=urn:oid:{id}"));
            let found = get(s, &path("current", &old), true)?.json()?;
            let target = found["entry"][0]["resource"]["id"].as_str().ok_or("not found")?;
            let mut sent = bundle(s, &new, &s.fresh_oid(), &document("new"));
            let reference = serde_json::json!({ "reference": format!("DocumentReference/{target}") });
            sent["entry"][1]["resource"]["relatesTo"] =
                serde_json::json!([{ "code": "replaces", "target": reference }]);
            provided(&post(s, &sent)?)?;
            let superseded = get(s, &path("superseded", &old), true)?.json()?;
            same(&superseded["entry"][0]["resource"]["status"], "superseded")?;
            let current = get(s, &path("current", &old), true)?.json()?;
            if current["entry"].as_array().is_none_or(Vec::is_empty) { Ok(()) } else { Err("still current".to_owned()) }
        },
    },
    Clause {
        name: "PDSm_ITI65_same_identifier_other_content",
        asks: "the same masterIdentifier with other content is refused by a 4xx with an OperationOutcome",
        check: |s| {
            let id = s.fresh_oid();
            provided(&post(s, &bundle(s, &id, &s.fresh_oid(), &document("one")))?)?;
            let answer = post(s, &bundle(s, &id, &s.fresh_oid(), &document("two")))?;
            outcome(&answer, if (400..500).contains(&answer.status) { answer.status } else { 409 })
        },
    },
    Clause {
        name: "PDSm_ITI65_all_or_nothing",
        asks: "a bundle whose document lacks its Binary is refused, and nothing of it is found",
        check: |s| {
            let id = s.fresh_oid();
            let mut sent = bundle(s, &id, &s.fresh_oid(), &document("alone"));
            sent["entry"].as_array_mut().ok_or("entry")?.pop();
            let answer = post(s, &sent)?;
            outcome(&answer, if (400..500).contains(&answer.status) { answer.status } else { 422 })?;
            let json = get(s, &documents(s, &format!("&status=current&identifier=urn:oid:{id}")), true)?.json()?;
            if json["entry"].as_array().is_none_or(Vec::is_empty) { Ok(()) } else { Err("it is found".to_owned()) }
        },
    },
    Clause {
        name: "PDSm_ITI66_search",
        asks: "submission sets of a patient are a searchset of List that names the documents",
        check: |s| {
            let set = s.fresh_oid();
            provided(&post(s, &bundle(s, &s.fresh_oid(), &set, &document("listed")))?)?;
            let path = format!(
                "/List?patient.identifier=urn:oid:{}%7C{}&code=submissionset&status=current&identifier=urn:oid:{set}",
                s.oid, s.ins
            );
            let json = get(s, &path, true)?.json()?;
            same(&json["type"], "searchset")?;
            let list = &json["entry"][0]["resource"];
            same(&list["resourceType"], "List")?;
            let item = list["entry"][0]["item"]["reference"].as_str().unwrap_or_default();
            if item.contains("DocumentReference/") { Ok(()) } else { Err(list.to_string()) }
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
    Clause {
        name: "PIXm_2_3.83.4.2.2_domain_of_source",
        asks: "an unknown domain of sourceIdentifier is refused by 400 code-invalid",
        check: |s| issue(&get(s, &pix("urn:oid:1.2.250.1.999.404%7C1", ""), true)?, 400, "code-invalid"),
    },
    Clause {
        name: "PIXm_2_3.83.4.2.2_domain_of_target",
        asks: "an unknown targetSystem is refused by 403 code-invalid",
        check: |s| {
            let source = format!("urn:oid:{}%7C{}", s.oid, s.ins);
            let target = "&targetSystem=urn:oid:1.2.250.1.999.404";
            issue(&get(s, &pix(&source, target), true)?, 403, "code-invalid")
        },
    },
    Clause {
        name: "PIXm_2_3.83.4.2.2_parameters",
        asks: "identifiers of a patient are Parameters of targetIdentifier, and never the one that was asked by",
        check: |s| {
            let json = get(s, &pix(&format!("urn:oid:{}%7C{}", s.oid, s.ins), ""), true)?.json()?;
            same(&json["resourceType"], "Parameters")?;
            if json.to_string().contains(&s.ins) { Err(json.to_string()) } else { Ok(()) }
        },
    },
    Clause {
        name: "PIXm_2_3.104_foreign_domain",
        asks: "a feed into a domain that is not the caller's is refused by a 4xx with an OperationOutcome",
        check: |s| {
            let body =
                br#"{"resourceType":"Patient","identifier":[{"system":"urn:oid:1.2.250.1.999.404","value":"1"}]}"#;
            let path = format!("{}/Patient?identifier=urn:oid:1.2.250.1.999.404%7C1", s.fhir);
            let headers = [("authorization", bearer(s)), ("content-type", "application/fhir+json".to_owned())];
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = s.put(&path, &headers, body)?;
            if answer.status / 100 == 4 { outcome(&answer, answer.status) } else { Err(answer.head()) }
        },
    },
];

fn pix(source: &str, more: &str) -> String {
    format!("/Patient/$ihe-pix?sourceIdentifier={source}{more}")
}

fn issue(answer: &Answer, status: u16, code: &str) -> Result<(), String> {
    outcome(answer, status)?;
    same(&answer.json()?["issue"][0]["code"], code)
}

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

fn post(s: &Server, bundle: &serde_json::Value) -> Result<Answer, String> {
    let headers = [("authorization", bearer(s)), ("content-type", "application/fhir+json".to_owned())];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    s.post(&s.fhir, &headers, bundle.to_string().as_bytes())
}

/// A transaction-response, each of its entries a success with a location.
fn provided(answer: &Answer) -> Result<(), String> {
    let json = answer.json()?;
    if answer.status != 200 {
        return Err(format!("status {}: {}", answer.status, answer.head()));
    }
    same(&json["type"], "transaction-response")?;
    let entries = json["entry"].as_array().ok_or("no entry")?;
    let made = |e: &serde_json::Value| {
        let status = e["response"]["status"].as_str().unwrap_or_default();
        status.starts_with('2') && e["response"]["location"].is_string()
    };
    if entries.iter().all(made) { Ok(()) } else { Err(answer.head()) }
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
