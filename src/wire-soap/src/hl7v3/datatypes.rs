//! The simple data types of HL7 v3 (Abstract Data Types, XML ITS 1.0): `II`, `CS`, `BL`, `INT`, `TS`
//! and null flavours.

use crate::MessageErrorKind as Kind;
use crate::ebxml::Place;
use crate::record::{At, Component, Result, attribute, boolean, integer, open};
use crate::xml::Element;
use crate::xml::escape::{attr, attr_opt, raw};
use std::borrow::Cow;

/// `@nullFlavor`: why a value is not there. A flavour this list does not have is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NullFlavor(Cow<'static, str>);

impl NullFlavor {
    /// `NI`: nothing is said of it.
    pub const NO_INFORMATION: Self = Self(Cow::Borrowed("NI"));
    /// `UNK`: there is a value, unknown.
    pub const UNKNOWN: Self = Self(Cow::Borrowed("UNK"));
    /// `NA`: there is none to have.
    pub const NOT_APPLICABLE: Self = Self(Cow::Borrowed("NA"));
    /// `MSK`: it is held back.
    pub const MASKED: Self = Self(Cow::Borrowed("MSK"));
    /// `NAV`: it cannot be had now.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self(Cow::Borrowed("NAV"));

    /// The code on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Option<Self>> {
        Ok(attribute(element, "nullFlavor", at)?.map(|code| Self(Cow::Owned(code))))
    }

    pub(super) fn write(flavor: Option<&Self>, out: &mut Vec<u8>) {
        attr_opt(out, "nullFlavor", flavor.map(Self::as_str));
    }
}

/// A value, or why it is not there: `BL`, `INT` and `TS` where the schema makes them optional.
///
/// An element with neither value nor flavour says nothing (`NI`); one with both is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nullable<T> {
    /// `@value`.
    Value(T),
    /// `@nullFlavor`.
    Null(NullFlavor),
}

impl<T> Nullable<T> {
    /// The value, if it is there.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Null(_) => None,
        }
    }
}

impl<T> From<T> for Nullable<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

/// The form of `@value` of a type.
pub(super) trait Lexical: Sized {
    fn parse(text: &str, at: &At<'_>) -> Result<Self>;
    fn text(&self) -> Cow<'_, str>;
}

impl Lexical for bool {
    fn parse(text: &str, at: &At<'_>) -> Result<Self> {
        boolean(text, at)
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(if *self { "true" } else { "false" })
    }
}

impl Lexical for i64 {
    fn parse(text: &str, at: &At<'_>) -> Result<Self> {
        integer(text, at)
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

impl Lexical for Timestamp {
    fn parse(text: &str, at: &At<'_>) -> Result<Self> {
        let text = text.trim();
        if is_timestamp(text) { Ok(Self(text.to_owned())) } else { Err(at.error(Kind::InvalidValue("TS"))) }
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

/// Appends the one attribute of a value or of its absence.
pub(super) fn write_nullable<T: Lexical>(nullable: &Nullable<T>, out: &mut Vec<u8>) {
    match nullable {
        Nullable::Value(value) => attr(out, "value", &value.text()),
        Nullable::Null(flavor) => attr(out, "nullFlavor", flavor.as_str()),
    }
}

impl<T: Lexical> Component for Nullable<T> {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        match (NullFlavor::read(element, at)?, attribute(element, "value", at)?) {
            (Some(flavor), _) => Ok(Self::Null(flavor)),
            (None, None) => Ok(Self::Null(NullFlavor::NO_INFORMATION)),
            (None, Some(value)) => T::parse(&value, at).map(Self::Value),
        }
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        write_nullable(self, out);
        raw(out, "/>");
    }
}

/// `TS`: a point in time, as precise as its digits (`YYYYMMDDhhmmss.fff±zzzz`, cut where precision ends).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timestamp(pub String);

impl From<&str> for Timestamp {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl Component for Timestamp {
    /// Where the schema makes the time mandatory: a null flavour is refused.
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        let value = attribute(element, "value", at)?.ok_or_else(|| at.error(Kind::MissingAttribute("value")))?;
        Self::parse(&value, at)
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        attr(out, "value", &self.0);
        raw(out, "/>");
    }
}

/// The pattern of `ts` in `datatypes-base.xsd`.
fn is_timestamp(text: &str) -> bool {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let (time, zone) = match text.find(['+', '-']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = match time.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (time, None),
    };
    let precise = match fraction {
        Some(fraction) => whole.len() == 14 && digits(fraction),
        None => whole.len() <= 14,
    };
    let zoned = zone.is_none_or(|z| z.len() <= 4 && digits(z) && whole.len() >= 9);
    digits(whole) && precise && zoned
}

/// `II`: an identifier. Two that differ in place only are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceIdentifier {
    /// `@root`: an OID or UUID.
    pub root: Option<String>,
    /// `@extension`: unique within the root.
    pub extension: Option<String>,
    /// `@assigningAuthorityName`.
    pub assigning_authority_name: Option<String>,
    /// `@nullFlavor`.
    pub null_flavor: Option<NullFlavor>,
    /// Where the identifier was read.
    pub place: Place,
}

impl InstanceIdentifier {
    /// An identifier that is its root alone.
    #[must_use]
    pub fn root(root: impl Into<String>) -> Self {
        Self { root: Some(root.into()), ..Self::default() }
    }

    /// An extension within a root.
    #[must_use]
    pub fn new(root: impl Into<String>, extension: impl Into<String>) -> Self {
        Self { root: Some(root.into()), extension: Some(extension.into()), ..Self::default() }
    }

    /// Appends what follows the element's name.
    pub(super) fn write_rest(&self, out: &mut Vec<u8>) {
        NullFlavor::write(self.null_flavor.as_ref(), out);
        attr_opt(out, "root", self.root.as_deref());
        attr_opt(out, "extension", self.extension.as_deref());
        attr_opt(out, "assigningAuthorityName", self.assigning_authority_name.as_deref());
        raw(out, "/>");
    }
}

impl Component for InstanceIdentifier {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        Ok(Self {
            root: attribute(element, "root", at)?,
            extension: attribute(element, "extension", at)?,
            assigning_authority_name: attribute(element, "assigningAuthorityName", at)?,
            null_flavor: NullFlavor::read(element, at)?,
            place: Place(at.path()),
        })
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        self.write_rest(out);
    }
}

/// `CS`: a code whose system the schema fixes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Code(pub String);

impl From<&str> for Code {
    fn from(code: &str) -> Self {
        Self(code.to_owned())
    }
}

impl PartialEq<str> for Code {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl Component for Code {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        let code = attribute(element, "code", at)?.ok_or_else(|| at.error(Kind::MissingAttribute("code")))?;
        Ok(Self(code.trim().to_owned()))
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        attr(out, "code", &self.0);
        raw(out, "/>");
    }
}

#[cfg(test)]
mod tests {
    use super::is_timestamp;

    #[test]
    fn times_follow_the_pattern_of_the_schema() {
        for good in
            ["1", "1960", "19600618", "202092393350", "20210519174507", "20210519174507.12+0200", "2021051917-1"]
        {
            assert!(is_timestamp(good), "{good}");
        }
        for bad in
            ["", "1960-06-18", "20210519174507.", "2021.5", "2021+0200", "20210519174507+", "202105191745071", "x"]
        {
            assert!(!is_timestamp(bad), "{bad}");
        }
    }
}
