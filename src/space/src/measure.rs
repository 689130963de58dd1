//! Measures of a space (R.1111-27 3° a): what was measured, when, how, and whether it may be said so.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use terminology::{MeasureKind, Measures, Saying};

use crate::{
    cause::{Cause, Refusal},
    code::Code,
    dtm::Dtm,
};

/// System of the codes of glucose kinds and numbers of days that LOINC has not (TA_ASIP).
pub const TA_ASIP: &str = "1.2.250.1.213.1.1.4.322";
/// LOINC.
pub const LOINC: &str = "2.16.840.1.113883.6.1";
/// Word of weight, height and the index calculated from them (R146).
const WEIGHT: &str = "weight";
const HEIGHT: &str = "height";
/// The index.
pub const BODY_MASS_INDEX: &str = "body_mass_index";
/// Systolic and diastolic pressure.
const SYSTOLIC: &str = "8480-6";
const DIASTOLIC: &str = "8462-4";
/// Value sets of moments and numbers of days.
const MOMENTS: &str = "J157";
const DAYS: &str = "J164";
/// Longest comment (the holder's application), in characters.
const LONGEST_COMMENT: usize = 150;
/// Longest number, in characters.
const LONGEST_NUMBER: usize = 24;

/// A number as it was written: `1.0` is not `1.00`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal(String);

/// Why a text is no decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most 24 characters")]
pub struct DecimalError;

impl Decimal {
    /// Reads a number as JSON writes it.
    ///
    /// # Errors
    /// When it is none, or longer than any measure is.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (number, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(n, e)| (n, Some(e)));
        let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
        let exponent = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
        let sound = digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(digits)
            && exponent.is_none_or(|e| digits(e) && e.len() <= 2);
        if sound && text.len() <= LONGEST_NUMBER { Ok(Self(text.to_owned())) } else { Err(DecimalError) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, to be compared.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// Digits after the point.
    fn decimals(&self) -> usize {
        let (number, exponent) = self.0.split_once(['e', 'E']).unwrap_or((&self.0, "0"));
        let written = number.split_once('.').map_or(0, |(_, f)| i64::try_from(f.len()).unwrap_or(i64::MAX));
        usize::try_from(written - exponent.parse::<i64>().unwrap_or(0)).unwrap_or(0)
    }
}

impl TryFrom<String> for Decimal {
    type Error = DecimalError;
    fn try_from(text: String) -> Result<Self, DecimalError> {
        Self::parse(&text)
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.0
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredValue {
    /// What it is a value of: the measure's own code, or that of a part of it.
    #[serde(rename = "c")]
    pub code: String,
    /// The number.
    #[serde(rename = "v")]
    pub value: Decimal,
    /// Its unit (UCUM).
    #[serde(rename = "u")]
    pub unit: String,
    /// The unit as people read it.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub unit_text: Option<String>,
}

/// A measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Word of its kind (`measures.tsv`).
    pub kind: String,
    /// When it was taken.
    pub at: Dtm,
    /// Its values: one, or one for each part.
    pub values: Vec<MeasuredValue>,
    /// At what moment of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Code>,
    /// Over how many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Code>,
    /// Why, in the taker's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// How.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Code>,
    /// Where on the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Code>,
    /// By what device: its id in the space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Whether who put it in says that it is not so (entered in error, cancelled): it stays, and nothing is made of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub void: bool,
}

/// A device that measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuringDevice {
    /// OID of the system of its number.
    pub system: String,
    /// Its number.
    pub number: String,
}

impl MeasuringDevice {
    /// What makes it the same device.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}|{}", self.system, self.number)
    }
}

impl Measure {
    /// Whether it may be put in at `now` for somebody born then; everything wrong is told (API Mesures 1.5.2, R146, R152).
    ///
    /// # Errors
    /// Every rule that stands against it, with the FHIRPath-like name of what it is about.
    pub fn check(&self, kinds: &Measures, now: Dtm, birth: Option<&Dtm>) -> Result<(), Vec<Refusal>> {
        self.check_as(kinds, now, birth, true)
    }

    /// The same of a measure that a document feeds: what an app must say besides, a document may leave open.
    ///
    /// # Errors
    /// As [`Measure::check`].
    pub fn check_fed(&self, kinds: &Measures, now: Dtm, birth: Option<&Dtm>) -> Result<(), Vec<Refusal>> {
        self.check_as(kinds, now, birth, false)
    }

    fn check_as(&self, kinds: &Measures, now: Dtm, birth: Option<&Dtm>, whole: bool) -> Result<(), Vec<Refusal>> {
        let Some(kind) = kinds.of_word(&self.kind) else {
            return Err(vec![Refusal::new(Cause::MeasureUnknown).at("code")]);
        };
        if !kind.is_written {
            return Err(vec![Refusal::new(Cause::MeasureCalculated).at("code")]);
        }
        let mut wrong = Vec::new();
        self.check_values(kind, &mut wrong);
        if whole {
            said(kind.moment, self.moment.is_some(), (Cause::MomentMissing, Cause::MomentForbidden), &mut wrong);
            said(kind.days, self.days.is_some(), (Cause::DaysMissing, Cause::DaysForbidden), &mut wrong);
        }
        // Of the glucose kinds the moment is of a closed set; of the others it is open.
        let moments = (kind.moment == Saying::Must).then_some(MOMENTS);
        coded(kinds, "extension", self.moment.as_ref(), moments, &mut wrong);
        coded(kinds, "extension", self.days.as_ref(), Some(DAYS), &mut wrong);
        if self.comment.as_ref().is_some_and(|c| c.chars().count() > LONGEST_COMMENT) {
            wrong.push(Refusal::new(Cause::MeasureComment).about(LONGEST_COMMENT.to_string()));
        }
        // A day that names no zone begins up to fourteen hours before it does in UTC.
        let zone = if self.at.as_str().len() <= 8 { SignedDuration::from_hours(14) } else { SignedDuration::ZERO };
        let latest = now.end().checked_add(zone).unwrap_or(now.end());
        if self.at.first() > latest || birth.is_some_and(|birth| self.at.end() <= birth.first()) {
            wrong.push(Refusal::new(Cause::MeasureDate).at("effectiveDateTime"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Whether method and site are of the value sets of its kind: asked of who claims a profile that binds them.
    ///
    /// # Errors
    /// Those that are not.
    pub fn check_codes(&self, kinds: &Measures) -> Result<(), Vec<Refusal>> {
        let mut wrong = Vec::new();
        if let Some(kind) = kinds.of_word(&self.kind) {
            let bound = |set: &'_ Option<(String, bool)>| set.clone().filter(|(_, loose)| !loose).map(|(set, _)| set);
            let (method, site) = (bound(&kind.method), bound(&kind.site));
            coded(kinds, "method", self.method.as_ref(), method.as_deref(), &mut wrong);
            coded(kinds, "bodySite", self.site.as_ref(), site.as_deref(), &mut wrong);
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn check_values(&self, kind: &MeasureKind, wrong: &mut Vec<Refusal>) {
        if kind.parts.is_empty() {
            if self.values.len() != 1 {
                wrong.push(Refusal::new(Cause::MeasureValueMissing).at("valueQuantity"));
            }
        } else {
            let has = |code: &str| self.values.iter().filter(|v| v.code == code).count();
            for part in &kind.parts {
                if (part.required && has(&part.code) == 0) || has(&part.code) > 1 {
                    wrong.push(Refusal::new(Cause::MeasureValueMissing).at("component").about(&part.code));
                }
            }
            if self.values.iter().any(|v| kind.parts.iter().all(|part| part.code != v.code)) {
                wrong.push(Refusal::new(Cause::MeasureUnknown).at("component"));
            }
            let of = |code: &str| self.values.iter().find(|v| v.code == code).map(|v| v.value.value());
            if let (Some(systolic), Some(diastolic)) = (of(SYSTOLIC), of(DIASTOLIC))
                && systolic <= diastolic
            {
                wrong.push(Refusal::new(Cause::MeasurePressure).at("component"));
            }
        }
        let place = if kind.parts.is_empty() { "valueQuantity" } else { "component.valueQuantity" };
        for value in &self.values {
            let other_text = |text: &String| value.unit_text.as_ref().is_some_and(|t| t != text);
            if value.unit != kind.unit || kind.unit_text.as_ref().is_some_and(other_text) {
                wrong.push(Refusal::new(Cause::MeasureUnit).at(place).about(&kind.unit));
            }
            let number = value.value.value();
            let outside = kind.least.is_some_and(|least| number < least) || kind.most.is_some_and(|m| number > m);
            if !number.is_finite() || outside || kind.decimals.is_some_and(|most| value.value.decimals() > most) {
                wrong.push(Refusal::new(Cause::MeasureRange).at(place));
            }
        }
    }

    /// The body mass index of a weight (kg) with a height (cm), as a measure taken with the weight (R146): to one digit
    /// after the point. `None` when they are of other kinds or give no number.
    #[must_use]
    pub fn body_mass_index(weight: &Self, height: &Self) -> Option<Self> {
        if weight.kind != WEIGHT || height.kind != HEIGHT {
            return None;
        }
        let kg = weight.values.first()?.value.value();
        let m = height.values.first()?.value.value() / 100.0;
        let index = (kg / (m * m) * 10.0).round() / 10.0;
        let value = Decimal::parse(&format!("{index:.1}")).ok().filter(|_| index.is_finite() && m > 0.0)?;
        let values = vec![MeasuredValue {
            code: "39156-5".into(),
            value,
            unit: "kg/m2".into(),
            unit_text: Some("kg/m2".into()),
        }];
        let at = weight.at.clone();
        let kind = BODY_MASS_INDEX.to_owned();
        Some(Self {
            kind,
            at,
            values,
            moment: None,
            days: None,
            comment: None,
            method: None,
            site: None,
            device: None,
            void: false,
        })
    }

    /// Whether indices are calculated from measures of this kind: weights, each with the height that was known then.
    #[must_use]
    pub fn is_weight(&self) -> bool {
        self.kind == WEIGHT
    }
}

/// Words of the kinds that the body mass index is calculated from.
pub const INDEX_OF: (&str, &str) = (WEIGHT, HEIGHT);

fn coded(kinds: &Measures, place: &str, code: Option<&Code>, set: Option<&str>, wrong: &mut Vec<Refusal>) {
    if let (Some(code), Some(set)) = (code, set)
        && !kinds.contains(set, &code.code, &code.scheme)
    {
        wrong.push(Refusal::new(Cause::CodeUnknown).at(place).about(set));
    }
}

fn said(saying: Saying, is_said: bool, causes: (Cause, Cause), wrong: &mut Vec<Refusal>) {
    match (saying, is_said) {
        (Saying::Must, false) => wrong.push(Refusal::new(causes.0).at("extension")),
        (Saying::No, true) => wrong.push(Refusal::new(causes.1).at("extension")),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use terminology::{Mappings, Terminology};

    use super::*;

    fn measure(kind: &str, code: &str, value: &str, unit: &str) -> Measure {
        Measure {
            kind: kind.into(),
            at: Dtm::parse("20250314073000").expect("time"),
            values: vec![MeasuredValue {
                code: code.into(),
                value: Decimal::parse(value).expect("number"),
                unit: unit.into(),
                unit_text: None,
            }],
            moment: None,
            days: None,
            comment: None,
            method: None,
            site: None,
            device: None,
            void: false,
        }
    }

    fn causes(measure: &Measure) -> Vec<Cause> {
        let terms = Terminology::load(&Mappings::built_in()).expect("tables");
        let now = Dtm::parse("20260101").expect("day");
        let birth = Dtm::parse("19801105").expect("day");
        let wrong = measure.check(&terms.measures, now, Some(&birth)).err().unwrap_or_default();
        wrong.into_iter().map(|r| r.cause).collect()
    }

    #[test]
    fn a_number_is_kept_as_it_was_written() {
        for good in ["0", "-1", "1.00", "36.60", "1e2", "0.10"] {
            assert_eq!(Decimal::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "01", "1.", ".5", "+1", "1e999", "NaN", "1,5", "--1", "1234567890123456789012345"] {
            assert!(Decimal::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_kind_is_held_to_its_rules() {
        assert!(causes(&measure("weight", "29463-7", "71.250", "kg")).is_empty());
        assert_eq!(causes(&measure("weight", "29463-7", "71", "g")), [Cause::MeasureUnit]);
        assert_eq!(causes(&measure("weight", "29463-7", "601", "kg")), [Cause::MeasureRange]);
        assert_eq!(causes(&measure("weight", "29463-7", "71.2501", "kg")), [Cause::MeasureRange]);
        assert_eq!(causes(&measure("weight", "29463-7", "712501e-4", "kg")), [Cause::MeasureRange]);
        assert_eq!(causes(&measure("body_mass_index", "39156-5", "22", "kg/m2")), [Cause::MeasureCalculated]);
        assert_eq!(causes(&measure("glucose", "2345-7", "95", "mg/dL")), [Cause::MomentMissing]);
        assert_eq!(causes(&measure("interstitial_glucose", "MED-969", "95", "mg/dL")), [Cause::DaysMissing]);
        let fasting = Some(Code::new("53049-3", LOINC, ""));
        let glucose = Measure { moment: fasting.clone(), ..measure("glucose", "2345-7", "95", "mg/dL") };
        assert!(causes(&glucose).is_empty());
        let days = Some(Code::new("GEN-276", TA_ASIP, ""));
        let hba1c = measure("glycated_hemoglobin", "4548-4", "6.5", "%");
        assert_eq!(causes(&Measure { days: days.clone(), ..hba1c.clone() }), [Cause::DaysForbidden]);
        assert_eq!(causes(&Measure { moment: fasting, ..hba1c }), [Cause::MomentForbidden]);
        let index = measure("glucose_management_index", "MED-972", "6.5", "%");
        assert!(causes(&Measure { days, ..index }).is_empty());
        let early = Measure { at: Dtm::parse("1975").expect("year"), ..measure("weight", "29463-7", "3", "kg") };
        assert_eq!(causes(&early), [Cause::MeasureDate]);
        let late = Measure { at: Dtm::parse("2027").expect("year"), ..measure("weight", "29463-7", "3", "kg") };
        assert_eq!(causes(&late), [Cause::MeasureDate]);
        let strange = Some(Code::new("X", "1.2.3", ""));
        let by_hand = Measure { method: strange, ..measure("weight", "29463-7", "3", "kg") };
        assert!(causes(&by_hand).is_empty(), "who binds the method is the profile");
        let terms = Terminology::load(&Mappings::built_in()).expect("tables");
        let wrong = by_hand.check_codes(&terms.measures).expect_err("not of the set");
        assert_eq!(wrong.iter().map(|r| r.cause).collect::<Vec<_>>(), [Cause::CodeUnknown]);
    }

    #[test]
    fn systolic_is_above_diastolic_and_both_are_there() {
        let part = |code: &str, value: &str| measure("x", code, value, "mm[Hg]").values.remove(0);
        let of = |values| Measure { values, ..measure("blood_pressure", "", "0", "") };
        assert!(causes(&of(vec![part("8480-6", "120"), part("8462-4", "80"), part("8478-0", "93")])).is_empty());
        assert_eq!(causes(&of(vec![part("8480-6", "80"), part("8462-4", "80")])), [Cause::MeasurePressure]);
        assert_eq!(causes(&of(vec![part("8480-6", "120")])), [Cause::MeasureValueMissing]);
        let strange = of(vec![part("8480-6", "120"), part("8462-4", "80"), part("1-1", "1")]);
        assert_eq!(causes(&strange), [Cause::MeasureUnknown]);
    }

    #[test]
    fn the_body_mass_index_is_calculated_from_weight_and_height() {
        let (weight, height) = (measure("weight", "29463-7", "71", "kg"), measure("height", "8302-2", "178", "cm"));
        let index = Measure::body_mass_index(&weight, &height).expect("an index");
        assert_eq!(index.values[0].value.as_str(), "22.4");
        assert!(Measure::body_mass_index(&weight, &measure("height", "8302-2", "0", "cm")).is_none());
    }
}
