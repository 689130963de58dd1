//! Measures and devices as they are answered: what came as a resource as it came, what came otherwise, or was calculated,
//! made from the model.

use jiff::Timestamp;
use serde_json::{Value, json, value::RawValue};
use space::{
    SpaceId,
    data::{Authorship, Content, Datum, DatumKind, StoredDatum},
    measure::{Measure, MeasuringDevice},
};
use terminology::Measures;

use super::read_in::{CATEGORIES, DAYS, MOMENT, REASON, UCUM, VITAL_SIGNS};
use crate::translate::{code, ids, systems, urls::RFC_3986};

/// The FHIR type of a kind of data.
pub(crate) const fn type_of(kind: DatumKind) -> &'static str {
    match kind {
        DatumKind::Measure => "Observation",
        DatumKind::Device => "Device",
    }
}

/// An instant, as FHIR writes it.
pub(crate) fn instant(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// A version as a resource; `None` of one that was taken away.
pub(crate) fn text(stored: &StoredDatum, space: SpaceId, kinds: &Measures) -> Option<String> {
    let datum = stored.datum.as_ref()?;
    let kept = match &datum.original {
        Some(original) => original.clone(),
        // Its elements in the order in which answers are put together.
        None => wire_fhir::kept(&made(datum, space, kinds).to_string(), &[]).ok()?,
    };
    let kind = type_of(datum.content.kind());
    let version = (!is_calculated(stored)).then_some(stored.version);
    Some(wire_fhir::answered(kind, &stored.id, version, &instant(stored.recorded_ms), &kept))
}

/// Whether it is calculated anew each time it is read: it has no versions, and nobody has it already.
pub(crate) fn is_calculated(stored: &StoredDatum) -> bool {
    stored.datum.as_ref().is_some_and(|d| d.author == Authorship::Gateway)
}

/// The same as a part of a larger answer.
pub(crate) fn raw(stored: &StoredDatum, space: SpaceId, kinds: &Measures) -> Option<Box<RawValue>> {
    text(stored, space, kinds).and_then(|text| RawValue::from_string(text).ok())
}

fn made(datum: &Datum, space: SpaceId, kinds: &Measures) -> Value {
    match &datum.content {
        Content::Measure(measure) => {
            let mut out = observation(measure, space, kinds);
            if let Authorship::Document(source) = &datum.author {
                out["derivedFrom"] = json!([{
                    "reference": format!("DocumentReference/{}", ids::resource_id(&source.entry_uuid)),
                    "identifier": { "system": RFC_3986, "value": format!("urn:oid:{}", source.unique_id) },
                }]);
            }
            out
        }
        Content::Device(device) => made_device(device),
    }
}

fn made_device(device: &MeasuringDevice) -> Value {
    json!({ "identifier": [{ "system": systems::to_uri(&device.system), "value": device.number }] })
}

fn observation(measure: &Measure, space: SpaceId, kinds: &Measures) -> Value {
    let kind = kinds.of_word(&measure.kind);
    let system = kind.map_or_else(String::new, |k| systems::to_uri(&k.scheme));
    let coding = |code: &str| json!({ "coding": [{ "system": system, "code": code }] });
    let quantity = |value: &space::measure::MeasuredValue| {
        let mut quantity =
            json!({ "unit": value.unit_text.as_deref().unwrap_or(&value.unit), "system": UCUM, "code": value.unit });
        if let Ok(number) = serde_json::from_str::<Value>(value.value.as_str()) {
            quantity["value"] = number;
        }
        quantity
    };
    let own = kind.and_then(|k| k.codes.first()).map_or("", String::as_str);
    let mut out = json!({
        "status": "final",
        "category": [{ "coding": [{ "system": CATEGORIES, "code": VITAL_SIGNS }] }],
        "code": {
            "coding": [{ "system": system, "code": own, "display": kind.map_or("", |k| k.label.as_str()) }],
        },
        "subject": { "reference": format!("Patient/{space}") },
        "effectiveDateTime": measure.at.to_fhir(),
    });
    if let Some(profile) = kind.and_then(|k| k.profiles.first()) {
        out["meta"] = json!({ "profile": [profile] });
    }
    match measure.values.as_slice() {
        [one] if one.code == own => out["valueQuantity"] = quantity(one),
        several => {
            let part =
                |v: &space::measure::MeasuredValue| json!({ "code": coding(&v.code), "valueQuantity": quantity(v) });
            out["component"] = several.iter().map(part).collect();
        }
    }
    let mut extensions = Vec::new();
    if let Some(comment) = &measure.comment {
        extensions.push(json!({ "url": REASON, "valueString": comment }));
    }
    for (url, said) in [(MOMENT, &measure.moment), (DAYS, &measure.days)] {
        if let Some(said) = said {
            extensions.push(json!({ "url": url, "valueCodeableConcept": code::concept(said) }));
        }
    }
    if !extensions.is_empty() {
        out["extension"] = extensions.into();
    }
    for (element, said) in [("method", &measure.method), ("bodySite", &measure.site)] {
        if let Some(said) = said {
            out[element] = json!(code::concept(said));
        }
    }
    if let Some(device) = &measure.device {
        out["device"] = json!({ "reference": format!("Device/{device}") });
    }
    out
}
