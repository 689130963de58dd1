//! `GET openapi.json`: the REST face as OpenAPI 3.1, from the table that serves it. Public, as `metadata` is.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Map, Value, json};

use crate::{
    Door, FhirState,
    call::base,
    respond,
    search::{Parameter, RESULT, RESULT_MORE, parameters::OBSERVATION},
    table::{self, Does, KINDS, Route},
};

/// Media type of requests and answers.
const FHIR: &str = "application/fhir+json";
/// The other form of both.
const FHIR_XML: &str = "application/fhir+xml";

/// Answers with the description.
pub(crate) async fn description(State(state): State<FhirState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let mut response = respond::json(StatusCode::OK, &document(&base(&state, &parts), state.door));
    let json = axum::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, json);
    response
}

/// The description.
pub(crate) fn document(base: &str, door: Door) -> Value {
    let mut paths = Map::new();
    for route in table::at(door) {
        let path = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        path[route.method] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Passerelle, FHIR R4",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Ce qui est servi ici ; metadata (CapabilityStatement) en dit autant à un client FHIR.",
        },
        "servers": [{ "url": base }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "schemas": {
                "Resource": {
                    "type": "object",
                    "required": ["resourceType"],
                    "properties": { "resourceType": { "type": "string" } },
                },
                "OperationOutcome": {
                    "type": "object",
                    "required": ["resourceType", "issue"],
                    "properties": {
                        "resourceType": { "const": "OperationOutcome" },
                        "issue": { "type": "array", "minItems": 1, "items": { "type": "object" } },
                    },
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let summary = match route.does {
        Does::Interaction(code) => format!("{code} {}", route.kind),
        Does::Operation(name, _) => format!("{}/${name}", route.kind),
        Does::Transaction => "transaction".to_owned(),
        Does::Server => route.path.trim_start_matches('/').to_owned(),
    };
    let done = match route.does {
        Does::Interaction("create") => "201",
        Does::Interaction("delete") => "204",
        _ => "200",
    };
    let mut operation = json!({
        "summary": summary,
        "operationId": format!("{} {}", route.method, route.path),
        "responses": {
            done: answer(done),
            "default": {
                "description": "Refusé : chaque cause avec son code, sa place et un conseil.",
                "content": in_both("OperationOutcome"),
            },
        },
    });
    // A number that is linked for the first time.
    if route.kind == "Patient" && route.method == "put" {
        operation["responses"]["201"] = answer("201");
    }
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = body(route) {
        operation["requestBody"] = body;
    }
    if route.does == Does::Server {
        operation["security"] = json!([]);
    }
    operation
}

/// A schema in either form: of XML no more is said than that it is text.
fn in_both(schema: &str) -> Value {
    let reference = format!("#/components/schemas/{schema}");
    json!({ FHIR: { "schema": { "$ref": reference } }, FHIR_XML: { "schema": { "type": "string" } } })
}

fn answer(status: &str) -> Value {
    if status == "204" {
        return json!({ "description": "Fait." });
    }
    json!({
        "description": "Fait.",
        "content": in_both("Resource"),
    })
}

fn body(route: &Route) -> Option<Value> {
    let resource = in_both("Resource");
    let form = json!({ "application/x-www-form-urlencoded": { "schema": { "type": "object" } } });
    let content = match (route.method, route.does) {
        ("post", Does::Interaction("search-type")) => form,
        ("post" | "put", _) => resource,
        _ => return None,
    };
    Some(json!({ "required": !route.path.ends_with("_search"), "content": content }))
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut found = Vec::new();
    for name in ["id", "version"] {
        if route.path.contains(&format!("{{{name}}}")) {
            found.push(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
        }
    }
    let query = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string" } });
    let served = KINDS.iter().find(|kind| kind.name == route.kind).map_or(&[][..], |kind| kind.parameters);
    if route.does == Does::Interaction("search-type") && route.method == "get" {
        let more = if std::ptr::eq(served, OBSERVATION) { &RESULT_MORE[..] } else { &[] };
        found.extend(served.iter().map(|p: &Parameter| query(p.name)));
        found.extend(RESULT.iter().chain(more).map(|name| query(name)));
    }
    if matches!(route.does, Does::Interaction("update" | "delete")) && route.path.contains("{id}") {
        found.push(json!({ "name": "If-Match", "in": "header", "schema": { "type": "string" } }));
    }
    if matches!(route.does, Does::Interaction("update" | "delete")) && route.path == "/Patient" {
        found.push(json!({ "name": "identifier", "in": "query", "required": true, "schema": { "type": "string" } }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_a_listener_is_described_and_no_other() {
        for door in [Door::Professional, Door::Public] {
            let document = document("https://x/fhir", door);
            let mut described = 0;
            for (path, methods) in document["paths"].as_object().expect("paths") {
                for method in methods.as_object().expect("methods").keys() {
                    assert!(table::at(door).any(|r| r.path == path && r.method == method), "{method} {path}");
                    described += 1;
                }
            }
            assert_eq!(described, table::at(door).count());
        }
    }
}
