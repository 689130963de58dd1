//! Postal and telecommunication addresses: `AD`, `TEL`.

use super::datatypes::NullFlavor;
use super::names::{own_text, words, write_words};
use crate::ns;
use crate::record::{At, Component, Result, attribute, children, close, open, repeats, text};
use crate::xml::Element;
use crate::xml::escape::{self, attr_opt, raw};

/// `AD`: a postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostalAddress {
    /// `@use`: `HP` home, `WP` work ...
    pub uses: Vec<String>,
    /// `@nullFlavor`.
    pub null_flavor: Option<NullFlavor>,
    /// The parts, in order: name of the element and text.
    pub parts: Vec<AddressPart>,
    /// Text outside parts. Several runs are joined by a space.
    pub text: String,
}

/// A part of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPart {
    /// The element's name, one of [`AddressPart::NAMES`].
    pub name: &'static str,
    /// The text.
    pub value: String,
}

impl AddressPart {
    /// The parts that `AD` has.
    pub const NAMES: [&'static str; 27] = [
        "delimiter",
        "country",
        "state",
        "county",
        "city",
        "postalCode",
        "streetAddressLine",
        "houseNumber",
        "houseNumberNumeric",
        "direction",
        "streetName",
        "streetNameBase",
        "streetNameType",
        "additionalLocator",
        "unitID",
        "unitType",
        "careOf",
        "censusTract",
        "deliveryAddressLine",
        "deliveryInstallationType",
        "deliveryInstallationArea",
        "deliveryInstallationQualifier",
        "deliveryMode",
        "deliveryModeIdentifier",
        "buildingNumberSuffix",
        "postBox",
        "precinct",
    ];
}

impl PostalAddress {
    /// Adds a part; `name` must be one of [`AddressPart::NAMES`].
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parts.push(AddressPart { name, value: value.into() });
        self
    }

    /// The first part of this name.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&str> {
        self.parts.iter().find(|part| part.name == name).map(|part| part.value.as_str())
    }
}

impl Component for PostalAddress {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        let mut address = Self {
            uses: words(element, "use", at)?,
            null_flavor: NullFlavor::read(element, at)?,
            parts: Vec::new(),
            text: own_text(element, at)?,
        };
        for child in children(element, ns::HL7V3) {
            let Some(name) = AddressPart::NAMES.into_iter().find(|n| *n == child.local_name()) else { continue };
            repeats(address.parts.len(), name, at)?;
            let value = text(child, &at.child(name, 0))?;
            address.parts.push(AddressPart { name, value });
        }
        Ok(address)
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        NullFlavor::write(self.null_flavor.as_ref(), out);
        write_words(out, "use", &self.uses);
        raw(out, ">");
        escape::text(out, &self.text);
        self.parts.iter().for_each(|part| escape::element(out, part.name, &part.value));
        close(out, name);
    }
}

/// `TEL`: a telephone number or electronic address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Telecom {
    /// `@value`, a URI such as `tel:0102030405` or `mailto:a@b`.
    pub value: Option<String>,
    /// `@use`: `HP` home, `MC` mobile ...
    pub uses: Vec<String>,
    /// `@nullFlavor`.
    pub null_flavor: Option<NullFlavor>,
}

impl Component for Telecom {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        Ok(Self {
            value: attribute(element, "value", at)?,
            uses: words(element, "use", at)?,
            null_flavor: NullFlavor::read(element, at)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        NullFlavor::write(self.null_flavor.as_ref(), out);
        attr_opt(out, "value", self.value.as_deref());
        write_words(out, "use", &self.uses);
        raw(out, "/>");
    }
}
