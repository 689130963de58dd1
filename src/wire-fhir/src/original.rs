//! A resource as it came, kept text for text: numbers with their digits, elements no structure here knows. Only what the
//! server gives is left out and put in again: type, id, version, time.

use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{ParseError, Problem};

/// The elements of an object, in order, each as it is written.
pub(crate) struct Elements<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Elements<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut elements: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if elements.iter().any(|(known, _)| *known == key) {
                        return Err(A::Error::custom("twice"));
                    }
                    elements.push((key, value));
                }
                Ok(Elements(elements))
            }
        }
        json.deserialize_map(Read)
    }
}

/// What is kept of a resource that was found sound: everything but its type, its id, its version and its time, without the
/// white space between. `meta` comes first. `changes` replaces elements; one without text is left out.
///
/// # Errors
/// When the text is no JSON object.
pub fn kept(text: &str, changes: &[(&str, Option<&str>)]) -> Result<String, ParseError> {
    let elements: Elements<'_> =
        serde_json::from_str(text).map_err(|_| ParseError::new("Resource", Problem::WrongType))?;
    let mut out = String::with_capacity(text.len());
    out.push('{');
    if let Some((_, meta)) = elements.0.iter().find(|(key, _)| key == "meta") {
        let meta: Elements<'_> =
            serde_json::from_str(meta.get()).map_err(|_| ParseError::new("Resource.meta", Problem::WrongType))?;
        let left = meta.0.iter().filter(|(k, _)| !matches!(k.trim_start_matches('_'), "versionId" | "lastUpdated"));
        let mut inside = String::new();
        for (key, value) in left {
            element(&mut inside, key, value.get());
        }
        if !inside.is_empty() {
            out.push_str("\"meta\":{");
            out.push_str(&inside);
            out.push('}');
        }
    }
    for (key, value) in &elements.0 {
        if matches!(key.as_str(), "resourceType" | "id" | "meta") {
            continue;
        }
        match changes.iter().find(|(changed, _)| changed == key) {
            Some((_, Some(new))) => element(&mut out, key, new),
            Some((_, None)) => {}
            None => element(&mut out, key, value.get()),
        }
    }
    out.push('}');
    Ok(out)
}

/// A resource as it is answered: what was kept, under its id, version (none of what is calculated anew each time) and time
/// (RFC 3339).
#[must_use]
pub fn answered(kind: &str, id: &str, version: Option<u32>, last_updated: &str, kept: &str) -> String {
    const META: &str = "{\"meta\":{";
    let mut out = String::with_capacity(kept.len() + 160);
    out.push_str("{\"resourceType\":\"");
    out.push_str(kind);
    out.push_str("\",\"id\":\"");
    out.push_str(id);
    out.push_str("\",\"meta\":{");
    if let Some(version) = version {
        out.push_str("\"versionId\":\"");
        out.push_str(&version.to_string());
        out.push_str("\",");
    }
    out.push_str("\"lastUpdated\":\"");
    out.push_str(last_updated);
    out.push('"');
    match kept.strip_prefix(META) {
        Some(rest) => {
            out.push(',');
            out.push_str(rest);
        }
        None => {
            out.push('}');
            let rest = kept.strip_prefix('{').unwrap_or("}");
            if !rest.starts_with('}') {
                out.push(',');
            }
            out.push_str(rest);
        }
    }
    out
}

/// Writes one element after those that stand.
fn element(out: &mut String, key: &str, value: &str) {
    if !matches!(out.as_bytes().last(), None | Some(b'{')) {
        out.push(',');
    }
    out.push('"');
    // FHIR's names need no escape; what is no name never passed the check.
    out.extend(key.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_'));
    out.push_str("\":");
    dense(out, value);
}

/// Writes JSON without the white space between its tokens.
fn dense(out: &mut String, json: &str) {
    let (mut in_text, mut escaped) = (false, false);
    let mut from = 0;
    for (at, byte) in json.bytes().enumerate() {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
        } else if byte == b'"' {
            in_text = true;
        } else if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            out.push_str(json.get(from..at).unwrap_or_default());
            from = at + 1;
        }
    }
    out.push_str(json.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_what_came_under_its_new_id() {
        let came = "{ \"resourceType\":\"Observation\", \"id\" : \"x\", \"status\":\"final\",\n \"note\":[ { \"text\" : \"a \\\" b\" } ],
            \"meta\": {\"versionId\":\"9\", \"profile\":[ \"http://p\" ], \"lastUpdated\":\"2020-01-01T00:00:00Z\"},
            \"valueQuantity\": { \"value\": 1.00 } }";
        let kept = kept(came, &[]).expect("an object");
        assert_eq!(
            kept,
            r#"{"meta":{"profile":["http://p"]},"status":"final","note":[{"text":"a \" b"}],"valueQuantity":{"value":1.00}}"#
        );
        let answered = answered("Observation", "y", Some(2), "2026-01-01T00:00:00Z", &kept);
        assert!(answered.starts_with(
            r#"{"resourceType":"Observation","id":"y","meta":{"versionId":"2","lastUpdated":"2026-01-01T00:00:00Z","profile":["#
        ));
        let back: serde_json::Value = serde_json::from_str(&answered).expect("JSON");
        assert_eq!(back["note"][0]["text"], "a \" b");
        assert!(answered.contains("\"value\":1.00"));
    }

    #[test]
    fn elements_are_replaced_or_left_out_and_none_need_be_left() {
        let came = r#"{"resourceType":"Observation","device":{"reference":"Device/a"},"x":1}"#;
        let changed = kept(came, &[("device", Some(r#"{"reference":"Device/b"}"#)), ("x", None)]).expect("an object");
        assert_eq!(changed, r#"{"device":{"reference":"Device/b"}}"#);
        let empty = kept(r#"{"resourceType":"Device","id":"1","meta":{"versionId":"1"}}"#, &[]).expect("an object");
        assert_eq!(empty, "{}");
        let told = answered("Device", "1", Some(1), "2026-01-01T00:00:00Z", &empty);
        serde_json::from_str::<serde_json::Value>(&told).expect(&told);
        assert!(kept("[]", &[]).is_err());
    }
}
