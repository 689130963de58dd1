//! `Observation` and `Device` of measures, and the transaction that brings them (API Mesures 1.5.2; IHE POU PCH-01), read
//! beside the text they came as.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    check,
    error::{ParseError, Problem},
    json::{self, Limits},
    types::{Annotation, CodeableConcept, Extension, Identifier, Meta, Reference},
};

/// A quantity; its number as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Quantity {
    /// The number.
    #[serde(default)]
    value: Option<Box<RawValue>>,
    /// Unit, as people read it.
    #[serde(default)]
    pub unit: Option<String>,
    /// System of `code`.
    #[serde(default)]
    pub system: Option<String>,
    /// Unit, as a code.
    #[serde(default)]
    pub code: Option<String>,
    /// `<`, `>`…
    #[serde(default)]
    pub comparator: Option<String>,
}

impl Quantity {
    /// The number's text.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        self.value.as_deref().map(RawValue::get)
    }
}

/// A concept of `Observation.category`.
pub type Category = CodeableConcept;

/// A part of an observation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservationComponent {
    /// What it is.
    #[serde(default)]
    pub code: CodeableConcept,
    /// Its value.
    #[serde(default)]
    pub value_quantity: Option<Quantity>,
}

/// An observation, as far as measures need it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// Id.
    #[serde(default)]
    pub id: Option<String>,
    /// Profiles, source.
    #[serde(default)]
    pub meta: Option<ObservationMeta>,
    /// Status.
    #[serde(default)]
    pub status: String,
    /// Categories.
    #[serde(default)]
    pub category: Vec<Category>,
    /// What was measured.
    #[serde(default)]
    pub code: CodeableConcept,
    /// Of whom.
    #[serde(default)]
    pub subject: Option<Reference>,
    /// When.
    #[serde(default)]
    pub effective_date_time: Option<String>,
    /// Its value.
    #[serde(default)]
    pub value_quantity: Option<Quantity>,
    /// Its values.
    #[serde(default)]
    pub component: Vec<ObservationComponent>,
    /// Reason, moment, number of days.
    #[serde(default)]
    pub extension: Vec<Extension>,
    /// How.
    #[serde(default)]
    pub method: Option<CodeableConcept>,
    /// Where on the body.
    #[serde(default)]
    pub body_site: Option<CodeableConcept>,
    /// By what device.
    #[serde(default)]
    pub device: Option<Reference>,
    /// Notes.
    #[serde(default)]
    pub note: Vec<Annotation>,
}

/// `meta`, with its source.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ObservationMeta {
    /// Profiles claimed.
    #[serde(default)]
    pub profile: Vec<String>,
    /// Where it comes from.
    #[serde(default)]
    pub source: Option<String>,
}

/// A device that measures (Continua PHD).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PhdDevice {
    /// Id inside the bundle.
    #[serde(default)]
    pub id: Option<String>,
    /// Profiles.
    #[serde(default)]
    pub meta: Option<Meta>,
    /// Its numbers.
    #[serde(default)]
    pub identifier: Vec<Identifier>,
}

/// What an entry brings.
#[derive(Debug, Clone)]
pub enum MeasureEntry {
    /// A measure, and its text.
    Observation(Box<Observation>, String),
    /// A device, and its text.
    Device(Box<PhdDevice>, String),
    /// Something else.
    Other,
}

/// A transaction of a measure.
#[derive(Debug, Clone, Default)]
pub struct MeasureBundle {
    /// Its entries: `fullUrl`, method, URL, `ifNoneExist`, resource.
    pub entries: Vec<(Option<String>, Request, MeasureEntry)>,
}

/// What an entry asks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// HTTP method.
    #[serde(default)]
    pub method: String,
    /// Type, or type and id.
    #[serde(default)]
    pub url: String,
    /// Condition of a creation.
    #[serde(default)]
    pub if_none_exist: Option<String>,
    /// Conditions on versions and times.
    #[serde(default)]
    pub if_match: Option<String>,
    /// The same.
    #[serde(default)]
    pub if_none_match: Option<String>,
    /// The same.
    #[serde(default)]
    pub if_modified_since: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBundle<'a> {
    #[serde(borrow, default)]
    entry: Vec<RawEntry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry<'a> {
    #[serde(default)]
    full_url: Option<String>,
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
    #[serde(default)]
    request: Option<Request>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Typed {
    #[serde(default)]
    resource_type: String,
}

/// Reads a body as a tree that is sound FHIR, and its text.
fn checked<'a>(bytes: &'a [u8], root: &'static str, limits: Limits) -> Result<(Value, &'a str), ParseError> {
    let json::Tree { value, .. } = json::read(bytes, root, limits)?;
    match value["resourceType"].as_str() {
        Some(kind) if kind == root => {}
        Some(_) => return Err(ParseError::new(root, Problem::WrongResource(root))),
        None => return Err(ParseError::new(root, Problem::Missing("resourceType".into()))),
    }
    check::check(&value)?;
    let text = std::str::from_utf8(bytes).map_err(|_| ParseError::new(root, Problem::Syntax { line: 1, column: 1 }))?;
    // What is kept must be told in XML too: its rules on empty texts, characters and narratives hold in both forms.
    crate::xml::to_xml(text)?;
    Ok((value, text))
}

/// Reads an observation.
///
/// # Errors
/// The first thing that is wrong with it, by its FHIRPath.
pub fn parse_observation(bytes: &[u8], limits: Limits) -> Result<(Observation, String), ParseError> {
    let (_, text) = checked(bytes, "Observation", limits)?;
    let read = serde_json::from_str(text).map_err(|_| ParseError::new("Observation", Problem::WrongType))?;
    Ok((read, text.to_owned()))
}

/// Reads a transaction that brings a measure.
///
/// # Errors
/// The first thing that is wrong with it, by its FHIRPath.
pub fn parse_measure_bundle(bytes: &[u8], limits: Limits) -> Result<MeasureBundle, ParseError> {
    let (value, text) = checked(bytes, "Bundle", limits)?;
    if value["type"] != "transaction" {
        return Err(ParseError::new("Bundle.type", Problem::WrongType));
    }
    let raw: RawBundle<'_> = serde_json::from_str(text).map_err(|_| ParseError::new("Bundle", Problem::WrongType))?;
    let mut bundle = MeasureBundle::default();
    for (index, entry) in raw.entry.into_iter().enumerate() {
        let place = || format!("Bundle.entry[{index}]");
        let missing = |what: &str| ParseError::new(format!("{}.{what}", place()), Problem::Missing(what.into()));
        let wrong = || ParseError::new(format!("{}.resource", place()), Problem::WrongType);
        let request = entry.request.ok_or_else(|| missing("request"))?;
        let resource = match entry.resource {
            None => MeasureEntry::Other,
            Some(raw) => {
                let typed: Typed = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
                let text = raw.get().to_owned();
                match typed.resource_type.as_str() {
                    "Observation" => MeasureEntry::Observation(serde_json::from_str(&text).map_err(|_| wrong())?, text),
                    "Device" => MeasureEntry::Device(serde_json::from_str(&text).map_err(|_| wrong())?, text),
                    _ => MeasureEntry::Other,
                }
            }
        };
        bundle.entries.push((entry.full_url, request, resource));
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_digits() {
        let text =
            r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":36.60}}"#;
        let (read, came) = parse_observation(text.as_bytes(), Limits::of_size(1 << 16)).expect("reads");
        assert_eq!(read.value_quantity.expect("value").number(), Some("36.60"));
        assert_eq!(came, text);
    }

    #[test]
    fn entries_are_read_beside_their_text() {
        let text = r#"{"resourceType":"Bundle","type":"transaction","entry":[
            {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Device","id":"d"},"request":{"method":"POST","url":"Device","ifNoneExist":"identifier=a|b"}},
            {"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"}},"request":{"method":"POST","url":"Observation"}},
            {"request":{"method":"DELETE","url":"Observation/1"}}]}"#;
        let read = parse_measure_bundle(text.as_bytes(), Limits::of_size(1 << 16)).expect("reads");
        assert!(
            matches!(&read.entries[0].2, MeasureEntry::Device(d, t) if d.id.as_deref() == Some("d") && t == r#"{"resourceType":"Device","id":"d"}"#)
        );
        assert!(matches!(read.entries[1].2, MeasureEntry::Observation(..)));
        assert!(matches!(read.entries[2].2, MeasureEntry::Other));
        let bare = r#"{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:1"}]}"#;
        let error = parse_measure_bundle(bare.as_bytes(), Limits::of_size(1 << 16)).expect_err("no request");
        assert_eq!(error.place, "Bundle.entry[0].request");
        let batch = r#"{"resourceType":"Bundle","type":"batch"}"#;
        assert_eq!(
            parse_measure_bundle(batch.as_bytes(), Limits::of_size(1 << 16)).expect_err("batch").place,
            "Bundle.type"
        );
    }
}
