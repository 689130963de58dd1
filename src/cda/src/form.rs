//! What an element must look like, as the table of rules writes it.
//!
//! `value`: no exceptional value (`@nullFlavor`) · `@a`: has the attribute · `!@a`: has not · `@a=v|w`: is one of ·
//! `@a:kind`: is of a kind · `@a?:kind`: is, when it is there · `text`, `text:kind`: the text · `in:table`: its code
//! stands in a table. An element with an exceptional value has no form but `value`.

use space::{Ins, InsOid, InsTolerance, Oid};
use terminology::Terminology;

use crate::{time::Time, tree::Element};

/// One form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    Value,
    Absent(String),
    OneOf { attribute: String, values: Vec<String> },
    Attribute { attribute: String, optional: bool, kind: Kind },
    Text(Kind),
    Coded(CodeTable),
}

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything but nothing.
    Present,
    /// An OID of at most 64 characters.
    Oid,
    /// An OID, or a UUID: what HL7 lets stand as the root of an identifier.
    Root,
    /// A date to the second with an offset.
    Second,
    /// A date to the minute or the second with an offset.
    Minute,
    /// A date; with an offset when it has a time.
    Time,
    /// `prefix:address`, without space.
    Telecom,
    /// A number from 1.
    Positive,
    /// At most 128 characters.
    Short,
    /// A code of the INSEE for a place: five digits or capitals.
    Cog,
    /// Fifteen characters with the shape of an INS; the register is the `@root` beside it.
    Ins,
}

/// A table of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeTable {
    DocumentTypes,
    AuthorSpecialties,
    FacilityTypes,
    PracticeSettings,
}

impl Form {
    /// Reads one; `None` when it means nothing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "value" {
            return Some(Self::Value);
        }
        if let Some(attribute) = text.strip_prefix("!@") {
            return Some(Self::Absent(attribute.to_owned()));
        }
        if let Some(table) = text.strip_prefix("in:") {
            return CodeTable::parse(table).map(Self::Coded);
        }
        if let Some(kind) = text.strip_prefix("text") {
            return Kind::after_colon(kind).map(Self::Text);
        }
        let rest = text.strip_prefix('@')?;
        if let Some((attribute, values)) = rest.split_once('=') {
            let values = values.split('|').map(str::to_owned).collect();
            return Some(Self::OneOf { attribute: attribute.to_owned(), values });
        }
        let end = rest.find(['?', ':']).unwrap_or(rest.len());
        let (attribute, tail) = rest.split_at(end);
        let (optional, tail) = tail.strip_prefix('?').map_or((false, tail), |t| (true, t));
        let kind = Kind::after_colon(tail)?;
        (!attribute.is_empty()).then(|| Self::Attribute { attribute: attribute.to_owned(), optional, kind })
    }

    /// Whether an element has it.
    pub(crate) fn holds(&self, element: Element<'_>, terms: &Terminology) -> bool {
        if element.null_flavor().is_some() {
            return *self != Self::Value;
        }
        match self {
            Self::Value => true,
            Self::Absent(attribute) => element.attr(attribute).is_none(),
            Self::OneOf { attribute, values } => {
                element.attr(attribute).is_some_and(|value| values.iter().any(|v| v == value))
            }
            Self::Attribute { attribute, optional, kind } => {
                element.attr(attribute).map_or(*optional, |value| kind.fits(value, element))
            }
            Self::Text(kind) => !element.text().is_empty() && kind.fits(element.text(), element),
            Self::Coded(table) => table.has(element, terms),
        }
    }
}

impl Kind {
    fn after_colon(text: &str) -> Option<Self> {
        Some(match text {
            "" => Self::Present,
            ":oid" => Self::Oid,
            ":root" => Self::Root,
            ":second" => Self::Second,
            ":minute" => Self::Minute,
            ":time" => Self::Time,
            ":telecom" => Self::Telecom,
            ":positive" => Self::Positive,
            ":short" => Self::Short,
            ":cog" => Self::Cog,
            ":ins" => Self::Ins,
            _ => return None,
        })
    }

    fn fits(self, value: &str, element: Element<'_>) -> bool {
        let time = || Time(value.to_owned());
        match self {
            Self::Present => true,
            Self::Oid => oid(value),
            Self::Root => oid(value) || uuid(value),
            Self::Second => time().is_sound() && time().precision() == 14,
            Self::Minute => time().is_sound() && time().precision() >= 12,
            Self::Time => time().is_sound(),
            Self::Telecom => telecom(value),
            Self::Positive => value.parse::<u32>().is_ok_and(|n| n > 0),
            Self::Short => value.split_whitespace().map(|w| w.chars().count() + 1).sum::<usize>() <= 129,
            Self::Cog => value.len() == 5 && value.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()),
            Self::Ins => {
                let register = element.attr("root").and_then(InsOid::parse);
                // The key is the deposit's to judge: test numbers bear wrong ones.
                register.is_some() && Ins::parse(value, InsOid::NirTest, InsTolerance::Test).is_ok()
            }
        }
    }
}

fn oid(value: &str) -> bool {
    Oid::parse(value).is_ok_and(|oid| oid.as_str() == value)
}

/// Hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn uuid(value: &str) -> bool {
    let groups: Vec<usize> = value.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// `prefix:address` of the schemes that a header may use, without space.
fn telecom(value: &str) -> bool {
    const SCHEMES: [&str; 7] = ["tel", "fax", "mailto", "http", "https", "ftp", "mllp"];
    value.split_once(':').is_some_and(|(scheme, address)| {
        SCHEMES.contains(&scheme) && !address.is_empty() && !address.contains(char::is_whitespace)
    })
}

impl CodeTable {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "document-types" => Self::DocumentTypes,
            "author-specialties" => Self::AuthorSpecialties,
            "healthcare-facility-types" => Self::FacilityTypes,
            "practice-settings" => Self::PracticeSettings,
            _ => return None,
        })
    }

    fn has(self, element: Element<'_>, terms: &Terminology) -> bool {
        let (code, system) = (element.attr("code").unwrap_or_default(), element.attr("codeSystem").unwrap_or_default());
        match self {
            Self::DocumentTypes => terms.types.get(code).is_some_and(|kind| kind.scheme == system),
            Self::AuthorSpecialties => terms.author_specialties.contains(code, system),
            Self::FacilityTypes => terms.facilities.contains(code, system),
            Self::PracticeSettings => terms.settings.contains(code, system),
        }
    }
}
