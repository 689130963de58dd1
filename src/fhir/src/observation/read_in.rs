//! `Observation` and `Device` as the model's measures and devices: profiles of Mon espace santé, of ans.fhir.fr.mesures and
//! of FR Core. Everything wrong is told at once.

use desk::Whose;
use space::{
    Cause, Code, Dtm, Ins, InsOid, InsTolerance, Refusal,
    measure::{Decimal, Measure, MeasuredValue, MeasuringDevice},
};
use terminology::{MeasureKind, Measures};
use wire_fhir::{CodeableConcept, Observation, PhdDevice, Quantity, Reference};

use crate::translate::{self, systems};

pub(super) const REASON: &str =
    "https://interop.esante.gouv.fr/ig/fhir/mesures/StructureDefinition/mesures-reason-for-measurement";
pub(super) const MOMENT: &str =
    "https://interop.esante.gouv.fr/ig/fhir/mesures/StructureDefinition/mesures-moment-of-measurement";
pub(super) const DAYS: &str =
    "https://interop.esante.gouv.fr/ig/fhir/mesures/StructureDefinition/mesures-number-of-days";
/// How the profiles of FR Core begin.
const FR_CORE: &str = "https://hl7.fr/ig/fhir/core/";
/// The profile of devices (Continua PHD).
const PHD_DEVICE: &str = "http://hl7.org/fhir/uv/phd/StructureDefinition/PhdDevice";
pub(super) const UCUM: &str = "http://unitsofmeasure.org";
pub(super) const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
pub(super) const VITAL_SIGNS: &str = "vital-signs";

/// What is read of an observation.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) measure: Measure,
    pub(super) whose: Whose,
}

/// Reads an observation that stands at `place`.
pub(super) fn measure(
    observation: &Observation,
    place: &str,
    kinds: &Measures,
    tolerance: InsTolerance,
    base: &str,
) -> Result<Read, Vec<Refusal>> {
    let at = |element: &str| format!("{place}.{element}");
    let Some(kind) = kind_of(&observation.code, kinds) else {
        return Err(vec![Refusal::new(Cause::MeasureUnknown).at(at("code"))]);
    };
    // Nothing else of it matters: it is never taken.
    if !kind.is_written {
        return Err(vec![Refusal::new(Cause::MeasureCalculated).at(at("code"))]);
    }
    let mut wrong = Vec::new();
    let profiles = observation.meta.as_ref().map_or(&[][..], |meta| &meta.profile);
    let bare = |profile: &str| profile.split('|').next().unwrap_or_default().to_owned();
    if profiles.is_empty() {
        wrong.push(Refusal::new(Cause::ProfileMissing).at(at("meta.profile")));
    } else if !profiles.iter().any(|p| kind.profiles.contains(&bare(p))) {
        wrong.push(Refusal::new(Cause::ProfileUnknown).at(at("meta.profile")).about(kind.word.clone()));
    }
    let is_vital =
        |c: &wire_fhir::Coding| c.system.as_deref() == Some(CATEGORIES) && c.code.as_deref() == Some(VITAL_SIGNS);
    if !observation.category.iter().flat_map(|c| &c.coding).any(is_vital) {
        wrong.push(Refusal::new(Cause::ResourceInvalid).at(at("category")).about(VITAL_SIGNS));
    }
    let whose = subject(observation.subject.as_ref(), tolerance, base).unwrap_or_else(|refusal| {
        wrong.push(refusal.or_at(|| at("subject")));
        Whose::default()
    });
    let when = observation.effective_date_time.as_deref().and_then(|text| Dtm::from_fhir(text).ok());
    if when.is_none() {
        wrong.push(Refusal::new(Cause::MeasureDate).at(at("effectiveDateTime")));
    }
    let values = values(observation, kind, place, &mut wrong);
    let extension = |url: &str| observation.extension.iter().find(|e| e.url == url);
    // That something is said is told by its address; what, by its code: one without is of no value set.
    let concept =
        |url: &str| extension(url).map(|e| e.value_codeable_concept.as_ref().and_then(code_of).unwrap_or_default());
    for url in [REASON, MOMENT, DAYS] {
        if observation.extension.iter().filter(|e| e.url == url).count() > 1 {
            wrong.push(Refusal::new(Cause::ResourceInvalid).at(at("extension")).about("once"));
        }
    }
    let (Some(when), true) = (when, wrong.is_empty()) else { return Err(wrong) };
    let measure = Measure {
        kind: kind.word.clone(),
        at: when,
        values,
        moment: concept(MOMENT),
        days: concept(DAYS),
        comment: extension(REASON).and_then(|e| e.value_string.clone()),
        method: observation.method.as_ref().and_then(code_of),
        site: observation.body_site.as_ref().and_then(code_of),
        device: observation.device.as_ref().and_then(|d| device_id(d, base)),
        void: matches!(observation.status.as_str(), "entered-in-error" | "cancelled"),
    };
    // FR Core binds method and site otherwise, and not to these sets.
    let binds = profiles.iter().any(|p| !p.starts_with(FR_CORE) && kind.profiles.contains(&bare(p)));
    if binds {
        measure.check_codes(kinds).map_err(|wrong| {
            let placed = |r: Refusal| Refusal { place: r.place.map(|p| at(&p)), ..r };
            wrong.into_iter().map(placed).collect::<Vec<_>>()
        })?;
    }
    Ok(Read { measure, whose })
}

/// The id of a device that a reference names, of this server or of the message.
pub(super) fn device_id(reference: &Reference, base: &str) -> Option<String> {
    let text = reference.reference.as_deref()?;
    let text = text.strip_prefix(base).map_or(text, |rest| rest.trim_start_matches('/'));
    let id = text.strip_prefix("Device/").unwrap_or(text);
    Some(id.split("/_history/").next().unwrap_or(id).to_owned())
}

fn kind_of<'a>(code: &CodeableConcept, kinds: &'a Measures) -> Option<&'a MeasureKind> {
    let mut named = code.coding.iter().filter_map(|coding| {
        let system = systems::from_uri(coding.system.as_deref()?);
        kinds.of_code(coding.code.as_deref()?, &system)
    });
    let first = named.next()?;
    // What names two kinds is neither.
    named.all(|other| other.word == first.word).then_some(first)
}

fn code_of(concept: &CodeableConcept) -> Option<Code> {
    concept.coding.first().map(translate::code::code)
}

fn values(observation: &Observation, kind: &MeasureKind, place: &str, wrong: &mut Vec<Refusal>) -> Vec<MeasuredValue> {
    let mut read = |quantity: Option<&Quantity>, code: String, at: String| {
        let number = quantity.and_then(Quantity::number);
        let (Some(quantity), Some(number)) = (quantity, number) else {
            wrong.push(Refusal::new(Cause::MeasureValueMissing).at(at));
            return None;
        };
        // A bound is no value that was measured.
        if quantity.comparator.is_some() {
            wrong.push(Refusal::new(Cause::ResourceInvalid).at(format!("{at}.comparator")));
        }
        if quantity.system.as_deref() != Some(UCUM) {
            wrong.push(Refusal::new(Cause::MeasureUnit).at(format!("{at}.system")).about(UCUM));
        }
        let Ok(value) = Decimal::parse(number) else {
            wrong.push(Refusal::new(Cause::MeasureRange).at(format!("{at}.value")));
            return None;
        };
        let unit = quantity.code.clone().unwrap_or_default();
        Some(MeasuredValue { code, value, unit, unit_text: quantity.unit.clone() })
    };
    if kind.parts.is_empty() {
        let code = kind.codes.first().cloned().unwrap_or_default();
        let at = format!("{place}.valueQuantity");
        return read(observation.value_quantity.as_ref(), code, at).into_iter().collect();
    }
    let mut found = Vec::new();
    for (index, component) in observation.component.iter().enumerate() {
        let of_kind =
            |c: &&wire_fhir::Coding| c.system.as_deref().map(systems::from_uri).as_ref() == Some(&kind.scheme);
        let code = component.code.coding.iter().find(of_kind).and_then(|c| c.code.clone()).unwrap_or_default();
        let at = format!("{place}.component[{index}].valueQuantity");
        found.extend(read(component.value_quantity.as_ref(), code, at));
    }
    found
}

/// Whom an observation is about: by number, or by the id that this server gave.
fn subject(subject: Option<&Reference>, tolerance: InsTolerance, base: &str) -> Result<Whose, Refusal> {
    let subject = subject.ok_or(Refusal::new(Cause::SubjectMissing))?;
    let mut whose = Whose::default();
    if let Some(identifier) = &subject.identifier {
        let oid = identifier.system.as_deref().and_then(InsOid::parse).ok_or(Refusal::new(Cause::InsInvalid))?;
        whose.ins = Some(Ins::parse(identifier.value.as_deref().unwrap_or_default(), oid, tolerance)?);
    }
    // Both, where both are there: neither is kept unlooked at.
    if let Some(text) = subject.reference.as_deref() {
        whose.space = Some(space_of(text, base).ok_or(Refusal::new(Cause::PatientMismatch))?);
    }
    if whose.ins.is_none() && whose.space.is_none() {
        return Err(Refusal::new(Cause::SubjectMissing));
    }
    Ok(whose)
}

/// The space that a reference to a `Patient` of this server names.
pub(super) fn space_of(text: &str, base: &str) -> Option<space::SpaceId> {
    let text = text.strip_prefix(base).map_or(text, |rest| rest.trim_start_matches('/'));
    let id = text.strip_prefix("Patient/").unwrap_or(text);
    uuid::Uuid::try_parse(id).ok().map(space::SpaceId)
}

/// Reads the device of a transaction, created on condition that there is none of its number.
pub(super) fn device(
    device: &PhdDevice,
    condition: Option<&str>,
    place: &str,
) -> Result<MeasuringDevice, Vec<Refusal>> {
    let mut wrong = Vec::new();
    let profiles = device.meta.as_ref().map_or(&[][..], |meta| &meta.profile);
    if profiles.is_empty() {
        wrong.push(Refusal::new(Cause::ProfileMissing).at(format!("{place}.resource.meta.profile")));
    } else if !profiles.iter().any(|p| p.split('|').next() == Some(PHD_DEVICE)) {
        wrong.push(Refusal::new(Cause::ProfileUnknown).at(format!("{place}.resource.meta.profile")));
    }
    let key = condition.and_then(condition_of);
    let own = |key: &&MeasuringDevice| {
        let system = format!("urn:oid:{}", key.system);
        device
            .identifier
            .iter()
            .any(|i| i.system.as_deref() == Some(&system) && i.value.as_deref() == Some(key.number.as_str()))
    };
    match key.as_ref().filter(own) {
        Some(key) if wrong.is_empty() => Ok(key.clone()),
        Some(_) => Err(wrong),
        None => {
            wrong.push(Refusal::new(Cause::DeviceKey).at(format!("{place}.request.ifNoneExist")));
            Err(wrong)
        }
    }
}

/// `identifier=urn:oid:OID|NUMBER`, letters, digits, `+` and hyphens in the number.
fn condition_of(condition: &str) -> Option<MeasuringDevice> {
    let condition = condition.strip_prefix('?').unwrap_or(condition).replace("%7C", "|").replace("%7c", "|");
    let (oid, number) = condition.strip_prefix("identifier=urn:oid:")?.split_once('|')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+');
    let sound = (2..=64).contains(&number.len())
        && number.bytes().all(plain)
        && number.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    let oid = space::Oid::parse(oid).ok().filter(|_| sound)?;
    Some(MeasuringDevice { system: oid.as_str().to_owned(), number: number.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_of_a_device_is_the_one_of_the_interface() {
        let read = condition_of("identifier=urn:oid:1.2.250.1.999.1.2|FE-ED-AB-AA").expect("reads");
        assert_eq!((read.system.as_str(), read.number.as_str()), ("1.2.250.1.999.1.2", "FE-ED-AB-AA"));
        assert!(condition_of("identifier=urn:oid:1.2.3%7CAB1").is_some());
        for bad in [
            "",
            "identifier=1.2.3|AB",
            "identifier=urn:oid:1.2.3",
            "identifier=urn:oid:x|AB",
            "identifier=urn:oid:1.2.3|-AB",
            "identifier=urn:oid:1.2.3|A B",
            "serial=urn:oid:1.2.3|AB",
        ] {
            assert!(condition_of(bad).is_none(), "{bad}");
        }
    }
}
