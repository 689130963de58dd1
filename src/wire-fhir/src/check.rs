//! Whether JSON is a FHIR R4 resource: read with fhir-sdk's types, and written back to find what those types let pass
//! in silence (unknown elements, empty arrays). Refuses modifiers, which FHIR forbids to ignore. Knows no profile.

use fhir_sdk::r4b::resources::Resource;
use serde::Deserialize as _;
use serde_json::Value;

use crate::{
    error::{ParseError, Problem},
    json::shown,
};

/// Values of `Extension.value[x]` that R4B knows and R4 does not.
const NOT_IN_R4: [&str; 2] = ["valueCodeableReference", "valueRatioRange"];

/// A resource of more values than this has no closer place of an error looked for: looking costs a reading of all of
/// it for each of its elements.
const NARROW: usize = 2_000;

/// Checks that `value` is a resource of FHIR R4.
///
/// # Errors
/// The first element that is not, by its FHIRPath.
pub fn check(value: &Value) -> Result<(), ParseError> {
    let root = value["resourceType"].as_str().map_or_else(|| "Resource".to_owned(), shown);
    modifiers(value, &mut root.clone())?;
    let read = Resource::deserialize(value).map_err(|error| locate(value, &root, &error))?;
    let back = serde_json::to_value(&read).map_err(|_| ParseError::new(&root, Problem::WrongType))?;
    drop(read);
    same_keys(value, &back, &mut root.clone())
}

/// Refuses `modifierExtension` and `implicitRules` anywhere (FHIR R4 *extensibility* §2.4.1, *resource* §2.26.3.2).
fn modifiers(value: &Value, path: &mut String) -> Result<(), ParseError> {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let modifier = matches!(key.as_str(), "modifierExtension" | "implicitRules" | "_implicitRules");
                inside(path, &format!(".{}", shown(key)), |path| {
                    if modifier {
                        return Err(ParseError::new(path.as_str(), Problem::Modifier));
                    }
                    modifiers(inner, path)
                })?;
            }
            Ok(())
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                inside(path, &format!("[{index}]"), |path| modifiers(inner, path))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Everything that came in must come back: what the types did not know is missing.
fn same_keys(sent: &Value, back: &Value, path: &mut String) -> Result<(), ParseError> {
    match (sent, back) {
        (Value::Object(sent), Value::Object(back)) => {
            for (key, inner) in sent {
                inside(path, &format!(".{}", shown(key)), |path| match back.get(key) {
                    Some(found) if !NOT_IN_R4.contains(&key.as_str()) => same_keys(inner, found, path),
                    _ => Err(ParseError::new(path.as_str(), Problem::UnknownElement)),
                })?;
            }
            Ok(())
        }
        (Value::Array(sent), Value::Array(back)) => {
            if sent.len() != back.len() {
                return Err(ParseError::new(path.as_str(), Problem::UnknownElement));
            }
            for (index, (inner, found)) in sent.iter().zip(back).enumerate() {
                inside(path, &format!("[{index}]"), |path| same_keys(inner, found, path))?;
            }
            Ok(())
        }
        (Value::Object(_) | Value::Array(_), _) => Err(ParseError::new(path.as_str(), Problem::UnknownElement)),
        _ => Ok(()),
    }
}

fn inside<T>(path: &mut String, step: &str, then: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    path.push_str(step);
    let result = then(path);
    path.truncate(length);
    result
}

/// Where fhir-sdk's refusal comes from: the entry of a bundle, then the element without which the resource reads.
fn locate(value: &Value, root: &str, error: &serde_json::Error) -> ParseError {
    let Some(object) = value.as_object() else {
        return ParseError::new(root, Problem::WrongType);
    };
    if root == "Bundle"
        && let Some(entries) = object.get("entry").and_then(Value::as_array)
    {
        for (index, entry) in entries.iter().enumerate() {
            if let Some(resource) = entry.get("resource")
                && let Err(error) = Resource::deserialize(resource)
            {
                return locate(resource, &format!("Bundle.entry[{index}].resource"), &error);
            }
        }
    }
    if !object.contains_key("resourceType") {
        return ParseError::new(root, Problem::Missing("resourceType".into()));
    }
    let problem = problem(error);
    if object.len() <= 64 && values(value, NARROW) <= NARROW {
        for key in object.keys().filter(|k| *k != "resourceType") {
            let mut without = object.clone();
            without.remove(key);
            if Resource::deserialize(Value::Object(without)).is_ok() {
                return ParseError::new(format!("{root}.{}", shown(key)), problem);
            }
        }
    }
    match problem {
        Problem::Missing(field) => ParseError::new(format!("{root}.{field}"), Problem::Missing(field)),
        other => ParseError::new(root, other),
    }
}

/// How many values there are, counted no further than just past `limit`.
fn values(value: &Value, limit: usize) -> usize {
    let mut waiting = vec![value];
    let mut count = 0;
    while let Some(value) = waiting.pop() {
        count += 1;
        if count > limit {
            break;
        }
        match value {
            Value::Object(object) => waiting.extend(object.values()),
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    count
}

/// What serde says, without the values it quotes.
fn problem(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    match text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        Some((field, _)) => Problem::Missing(shown(field)),
        None => Problem::WrongType,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(value: &Value) -> (String, Problem) {
        let error = check(value).expect_err("refused");
        (error.place, error.problem)
    }

    #[test]
    fn an_unknown_element_is_refused_at_its_place_even_in_contained_and_extension() {
        let bad = json!({"resourceType": "Patient", "surname": "x"});
        assert_eq!(refused(&bad), ("Patient.surname".into(), Problem::UnknownElement));
        let bad = json!({"resourceType": "List", "status": "current", "mode": "working",
            "contained": [{"resourceType": "Practitioner", "id": "a", "name": [{"familly": "x"}]}]});
        assert_eq!(refused(&bad), ("List.contained[0].name[0].familly".into(), Problem::UnknownElement));
        let bad = json!({"resourceType": "Patient", "extension": [{"url": "u", "valueFoo": 1}]});
        assert_eq!(refused(&bad), ("Patient.extension[0].valueFoo".into(), Problem::UnknownElement));
        let bad = json!({"resourceType": "Patient", "extension": [{"url": "u", "valueString": "a", "valueCode": "b"}]});
        assert!(check(&bad).is_err(), "two values");
        let bad = json!({"resourceType": "Patient", "name": null});
        assert!(check(&bad).is_err(), "null");
    }

    #[test]
    fn a_wrong_type_code_or_missing_element_is_told_by_its_place() {
        let bad = json!({"resourceType": "List", "status": "maybe", "mode": "working"});
        assert_eq!(refused(&bad), ("List".into(), Problem::WrongType));
        let bad = json!({"resourceType": "List", "mode": "working"});
        assert_eq!(refused(&bad), ("List.status".into(), Problem::Missing("status".into())));
        let bad = json!({"resourceType": "Patient", "birthDate": "yesterday"});
        assert_eq!(refused(&bad), ("Patient.birthDate".into(), Problem::WrongType));
        let bad = json!({"resourceType": "Bundle", "type": "batch", "entry": [{}, {"resource":
            {"resourceType": "Patient", "active": "yes"}}]});
        assert_eq!(refused(&bad), ("Bundle.entry[1].resource.active".into(), Problem::WrongType));
        assert_eq!(refused(&json!({"id": "x"})).1, Problem::Missing("resourceType".into()));
        assert_eq!(refused(&json!([1])).1, Problem::WrongType);
        assert!(check(&json!({"resourceType": "Nonsense"})).is_err());
    }

    #[test]
    fn a_modifier_is_never_ignored() {
        let bad = json!({"resourceType": "Patient", "modifierExtension": [{"url": "u", "valueBoolean": true}]});
        assert_eq!(refused(&bad), ("Patient.modifierExtension".into(), Problem::Modifier));
        let bad = json!({"resourceType": "Patient", "implicitRules": "http://x"});
        assert_eq!(refused(&bad).1, Problem::Modifier);
    }

    #[test]
    fn an_error_repeats_no_value_and_no_strange_key() {
        let bad = json!({"resourceType": "Patient", "gender": "DUPONT Jean"});
        assert!(!check(&bad).expect_err("refused").to_string().contains("DUPONT"));
        let bad = json!({"resourceType": "Patient", "DUPONT Jean": 1});
        assert!(!check(&bad).expect_err("refused").to_string().contains("DUPONT"));
    }
}
