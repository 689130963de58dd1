//! Values in the body of a level-3 document (CDA R2 §4.3.6): observations that a table names by template, code and unit, with
//! the time they themselves say. Read in one pass, bounded; what is about somebody else than the patient, was not done, is
//! not finished or has no time is left out.

use quick_xml::{
    XmlVersion,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
    reader::NsReader,
};
use terminology::{LoadError, Mappings};

use crate::{
    error::{HeaderError, HeaderErrorKind as Kind},
    text,
    time::Time,
};

const HL7: &[u8] = b"urn:hl7-org:v3";
/// Nesting of elements: entries stand in sections, and in one another.
const MAX_DEPTH: usize = 128;
/// Elements of a document.
const MAX_ELEMENTS: usize = 500_000;
/// Templates of one observation.
const MAX_TEMPLATES: usize = 64;
/// Values taken of one document.
const MOST: usize = 200;

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueRule {
    /// Word of the measure it becomes.
    pub measure: String,
    template: String,
    code: String,
    scheme: String,
    unit: String,
    factor: f64,
    /// Digits after the point once it is multiplied; as it is written when it is not.
    decimals: Option<usize>,
    /// Age in years below which alone it is taken.
    pub under: Option<i16>,
    /// What the code says of the moment (LOINC).
    pub moment: Option<String>,
}

/// All that is looked for: the files of `mappings/cda/`.
#[derive(Debug, Clone, Default)]
pub struct ValueRules(Vec<ValueRule>);

impl ValueRules {
    /// Loads every file of `mappings/cda/`.
    ///
    /// # Errors
    /// When a column is absent, or a cell means nothing.
    pub fn load(mappings: &Mappings) -> Result<Self, LoadError> {
        let mut rules = Vec::new();
        for name in mappings.tables_of("cda")? {
            let table = mappings.table(&name)?;
            for (line, row) in table.rows() {
                let cell = |column: &str| Ok::<_, LoadError>(row[table.column(column)?].clone());
                let bad = |column: &str, value: &str| LoadError::from(table.bad_value(line, column, value));
                let factor = cell("factor")?;
                let optional = |column: &str| Ok::<_, LoadError>(Some(cell(column)?).filter(|c| !c.is_empty()));
                rules.push(ValueRule {
                    measure: cell("measure")?,
                    template: cell("template")?,
                    code: cell("code")?,
                    scheme: cell("scheme")?,
                    unit: cell("unit")?,
                    factor: factor
                        .parse()
                        .ok()
                        .filter(|f: &f64| f.is_finite())
                        .ok_or_else(|| bad("factor", &factor))?,
                    decimals: match optional("decimals")? {
                        None => None,
                        Some(text) => {
                            Some(text.parse().ok().filter(|d| *d <= 9).ok_or_else(|| bad("decimals", &text))?)
                        }
                    },
                    under: match optional("under")? {
                        None => None,
                        Some(text) => Some(text.parse().map_err(|_| bad("under", &text))?),
                    },
                    moment: optional("moment")?,
                });
            }
        }
        Ok(Self(rules))
    }

    fn of(&self, seen: &Seen) -> Option<&ValueRule> {
        self.0.iter().find(|rule| {
            seen.code == (rule.code.as_str(), rule.scheme.as_str())
                && seen.unit == rule.unit
                && seen.templates.contains(&rule.template)
        })
    }
}

/// A value found.
#[derive(Debug, Clone, PartialEq)]
pub struct Value<'r> {
    /// The rule it was found by.
    pub rule: &'r ValueRule,
    /// When it was measured.
    pub time: Time,
    /// The number, in the unit of the measure, as it is to be kept.
    pub number: String,
}

/// An observation that is being read.
#[derive(Debug, Default)]
struct Seen {
    templates: Vec<String>,
    code: Coded,
    unit: String,
    number: String,
    time: String,
    /// Not an event that took place, or not finished.
    void: bool,
}

/// Code and system.
#[derive(Debug, Default, PartialEq, Eq)]
struct Coded(String, String);

impl PartialEq<(&str, &str)> for Coded {
    fn eq(&self, (code, scheme): &(&str, &str)) -> bool {
        self.0 == *code && self.1 == *scheme
    }
}

/// An open element.
#[derive(Debug, Default)]
struct Open {
    observation: Option<Seen>,
    /// It is about somebody else, or stands in what is.
    foreign: bool,
}

/// The values that `rules` look for, in the order in which they stand.
///
/// # Errors
/// When the document is not well-formed, declares a type, or passes a bound; nothing is taken of it then.
pub fn values<'r>(document: &[u8], rules: &'r ValueRules) -> Result<Vec<Value<'r>>, HeaderError> {
    let text = text::decode(document)?;
    let mut reader = NsReader::from_str(&text);
    let (mut open, mut found): (Vec<Open>, Vec<Value<'r>>) = (Vec::new(), Vec::new());
    let mut elements = 0;
    loop {
        let malformed = |_| Kind::Malformed.at("/");
        let (namespace, event) = reader.read_resolved_event().map_err(malformed)?;
        let hl7 = matches!(namespace, ResolveResult::Bound(Namespace(n)) if n == HL7);
        match event {
            Event::Start(start) => {
                elements += 1;
                if open.len() >= MAX_DEPTH || elements > MAX_ELEMENTS {
                    return Err(Kind::TooDeep.at("/"));
                }
                let opened = element(&start, hl7, &mut open)?;
                open.push(opened);
            }
            Event::Empty(start) => {
                elements += 1;
                element(&start, hl7, &mut open)?;
            }
            Event::End(_) => {
                let Some(Open { observation: Some(seen), foreign: false }) = open.pop() else { continue };
                if found.len() < MOST
                    && let Some(value) = told(seen, rules)
                {
                    found.push(value);
                }
            }
            Event::DocType(_) => return Err(Kind::Doctype.at("/")),
            Event::Eof if open.is_empty() => return Ok(found),
            Event::Eof => return Err(Kind::Incomplete.at("/")),
            _ => {}
        }
    }
}

/// Takes what an element says of the observation it stands in; gives what it is itself.
fn element(start: &BytesStart<'_>, hl7: bool, open: &mut [Open]) -> Result<Open, HeaderError> {
    let foreign = open.last().is_some_and(|o| o.foreign);
    if !hl7 {
        return Ok(Open { observation: None, foreign });
    }
    let name = start.local_name();
    if name.as_ref() == b"observation" {
        let void = attribute(start, b"moodCode")?.is_some_and(|m| m != "EVN")
            || attribute(start, b"negationInd")?.is_some_and(|n| n != "false");
        return Ok(Open { observation: Some(Seen { void, ..Seen::default() }), foreign });
    }
    let Some(parent) = open.last_mut() else { return Ok(Open { observation: None, foreign }) };
    // Of a section, an organizer or an observation: somebody else (a child, a mother, a foetus), unless only named.
    if name.as_ref() == b"subject" {
        parent.foreign = true;
        return Ok(Open { observation: None, foreign: true });
    }
    if let Some(seen) = &mut parent.observation {
        match name.as_ref() {
            b"templateId" if seen.templates.len() < MAX_TEMPLATES => {
                seen.templates.extend(attribute(start, b"root")?);
            }
            b"code" => {
                seen.code = Coded(
                    attribute(start, b"code")?.unwrap_or_default(),
                    attribute(start, b"codeSystem")?.unwrap_or_default(),
                );
            }
            b"statusCode" => seen.void |= attribute(start, b"code")?.is_some_and(|c| c != "completed"),
            b"effectiveTime" => seen.time = attribute(start, b"value")?.unwrap_or_default(),
            b"value" => {
                let kind = attribute(start, b"type")?.unwrap_or_default();
                if kind.rsplit(':').next() == Some("PQ") {
                    seen.number = attribute(start, b"value")?.unwrap_or_default();
                    seen.unit = attribute(start, b"unit")?.unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    Ok(Open { observation: None, foreign })
}

/// An attribute by its local name.
fn attribute(start: &BytesStart<'_>, name: &[u8]) -> Result<Option<String>, HeaderError> {
    for attribute in start.attributes() {
        let malformed = |_| Kind::Malformed.at("/");
        let attribute = attribute.map_err(|_| Kind::Malformed.at("/"))?;
        if attribute.key.local_name().as_ref() == name && attribute.key.as_ref() != b"xmlns" {
            return Ok(Some(attribute.normalized_value(XmlVersion::Explicit1_0).map_err(malformed)?.into_owned()));
        }
    }
    Ok(None)
}

fn told<'r>(seen: Seen, rules: &'r ValueRules) -> Option<Value<'r>> {
    let rule = rules.of(&seen).filter(|_| !seen.void)?;
    let time = Time(seen.time);
    let sound = time.to_utc().is_some() && seen.number.len() <= 24;
    let number: f64 = seen.number.parse().ok().filter(|n: &f64| n.is_finite() && sound)?;
    let number = match rule.decimals {
        None => seen.number,
        Some(decimals) => {
            let text = format!("{:.decimals$}", number * rule.factor);
            // The digits that say nothing are left out: they would say it was measured so closely.
            let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            text.to_owned()
        }
    };
    Some(Value { rule, time, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VITAL: &str = "1.2.250.1.213.1.1.3.50";

    fn observation(attributes: &str, template: &str, code: &str, inner: &str) -> String {
        format!(
            r#"<observation classCode="OBS" {attributes}><templateId root="1.2"/><templateId root="{template}"/>
            <code code="{code}" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/>{inner}</observation>"#
        )
    }

    fn document(body: &str) -> String {
        format!(
            r#"<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"
            xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><component><structuredBody><component><section><entry>
            {body}</entry></section></component></structuredBody></component></ClinicalDocument>"#
        )
    }

    fn found(body: &str) -> Vec<(String, String)> {
        let rules = ValueRules::load(&Mappings::built_in()).expect("rules");
        let text = document(body);
        let values = values(text.as_bytes(), &rules).expect("reads");
        values.into_iter().map(|v| (v.rule.measure.clone(), v.number)).collect()
    }

    fn weight(unit: &str, number: &str, time: &str) -> String {
        let inner = format!(r#"<effectiveTime value="{time}"/><value xsi:type="PQ" value="{number}" unit="{unit}"/>"#);
        observation(r#"moodCode="EVN""#, VITAL, "29463-7", &inner)
    }

    #[test]
    fn a_value_is_taken_by_template_code_and_unit_and_turned_into_the_units_of_measures() {
        let of = |text: &str| vec![("weight".to_owned(), text.to_owned())];
        assert_eq!(found(&weight("kg", "71.50", "20190901")), of("71.50"));
        assert_eq!(found(&weight("g", "3900", "20190901")), of("3.9"));
        assert!(found(&weight("[lb_av]", "150", "20190901")).is_empty(), "another unit");
        let inner = r#"<effectiveTime value="20140402145521+0200"/><value xsi:type="PQ" value="4.89" unit="mmol/L"/>"#;
        let glucose = observation("", "1.3.6.1.4.1.19376.1.3.1.6", "40193-5", inner);
        assert_eq!(found(&glucose), [("glucose".to_owned(), "88.1".to_owned())]);
    }

    #[test]
    fn what_is_not_the_patients_or_was_not_measured_or_has_no_time_is_left() {
        let sound = weight("kg", "71", "20190901");
        for body in [
            weight("kg", "71", "").replace(" value=\"\"", " nullFlavor=\"NA\""),
            weight("kg", "many", "20190901"),
            sound.replace("EVN", "INT"),
            sound.replace("moodCode", "negationInd=\"true\" moodCode"),
            sound.replace("completed", "active"),
            sound.replace(VITAL, "1.2.250.1.213.1.1.3.53"),
            sound.replace("<statusCode", "<subject><relatedSubject/></subject><statusCode"),
            format!("<organizer><subject/><component>{sound}</component></organizer>"),
            sound.replace("xsi:type=\"PQ\"", "xsi:type=\"ST\""),
            sound
                .replace("<observation", "<x:observation xmlns:x=\"urn:other\"")
                .replace("</observation", "</x:observation"),
        ] {
            assert!(found(&body).is_empty(), "{body}");
        }
        assert_eq!(found(&format!("<organizer><component>{sound}</component></organizer>")).len(), 1);
    }

    #[test]
    fn a_document_that_is_not_whole_or_declares_a_type_gives_nothing() {
        let rules = ValueRules::load(&Mappings::built_in()).expect("rules");
        let sound = document(&weight("kg", "71", "20190901"));
        let kind = |text: &str| values(text.as_bytes(), &rules).expect_err("refused").kind;
        assert_eq!(kind(&sound[..sound.len() - 9]), Kind::Malformed);
        assert_eq!(kind(&sound.replace("<?xml version=\"1.0\"?>", "<!DOCTYPE x>")), Kind::Doctype);
        let deep = document(&format!("{}{}", "<act>".repeat(200), "</act>".repeat(200)));
        assert_eq!(kind(&deep), Kind::TooDeep);
    }
}
