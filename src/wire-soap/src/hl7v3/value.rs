//! The type that may be any: `ANY`, told by `xsi:type`.

use super::concept::ConceptDescriptor;
use super::datatypes::{Code, InstanceIdentifier, Lexical, Nullable, Timestamp, write_nullable};
use super::interval::Interval;
use crate::MessageErrorKind as Kind;
use crate::ns;
use crate::record::{At, Component, Result, close, open, text};
use crate::xml::Element;
use crate::xml::escape::{self, attr, raw};

/// A value whose type the sender chooses with `xsi:type` (`ANY`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `BL`.
    Boolean(Nullable<bool>),
    /// `INT`.
    Integer(Nullable<i64>),
    /// `TS`.
    Time(Nullable<Timestamp>),
    /// `IVL_TS`.
    Interval(Interval),
    /// `CD`; also a null flavour without type, which reads the same whatever type was meant.
    Concept(ConceptDescriptor),
    /// `CE`.
    CodedWithEquivalents(ConceptDescriptor),
    /// `CV`.
    CodedValue(ConceptDescriptor),
    /// `CS`.
    CodedSimple(Code),
    /// `ST`, or the text of an `ED`.
    Text(String),
    /// `II`.
    Identifier(InstanceIdentifier),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value.into())
    }
}

impl Component for Value {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        let declared = element.attr_ns(ns::XSI, "type").map(str::trim);
        // The prefix of the type names the one namespace there is.
        let declared = declared.map(|name| name.rsplit_once(':').map_or(name, |(_, local)| local));
        Ok(match declared {
            Some("BL") => Self::Boolean(Nullable::read(element, at)?),
            Some("INT") => Self::Integer(Nullable::read(element, at)?),
            Some("TS") => Self::Time(Nullable::read(element, at)?),
            Some("IVL_TS") => Self::Interval(Interval::read(element, at)?),
            Some("CD") => Self::Concept(ConceptDescriptor::read(element, at)?),
            Some("CE") => Self::CodedWithEquivalents(ConceptDescriptor::read(element, at)?),
            Some("CV") => Self::CodedValue(ConceptDescriptor::read(element, at)?),
            Some("CS") => Self::CodedSimple(Code::read(element, at)?),
            Some("ST" | "ED") => Self::Text(text(element, at)?),
            Some("II") => Self::Identifier(InstanceIdentifier::read(element, at)?),
            None if element.attr("nullFlavor").is_some() => Self::Concept(ConceptDescriptor::read(element, at)?),
            None => return Err(at.error(Kind::MissingAttribute("xsi:type"))),
            Some(_) => return Err(at.error(Kind::InvalidValue("ANY"))),
        })
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        attr(out, "xsi:type", self.type_name());
        match self {
            Self::Concept(c) | Self::CodedWithEquivalents(c) | Self::CodedValue(c) => c.write_rest(out, name),
            Self::Interval(interval) => interval.write_rest(out, name),
            Self::Boolean(value) => write_scalar(value, out),
            Self::Integer(value) => write_scalar(value, out),
            Self::Time(value) => write_scalar(value, out),
            Self::CodedSimple(code) => {
                attr(out, "code", &code.0);
                raw(out, "/>");
            }
            Self::Text(value) => {
                raw(out, ">");
                escape::text(out, value);
                close(out, name);
            }
            Self::Identifier(id) => id.write_rest(out),
        }
    }
}

fn write_scalar<T: Lexical>(value: &Nullable<T>, out: &mut Vec<u8>) {
    write_nullable(value, out);
    raw(out, "/>");
}

impl Value {
    /// `@xsi:type`.
    const fn type_name(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "BL",
            Self::Integer(_) => "INT",
            Self::Time(_) => "TS",
            Self::Interval(_) => "IVL_TS",
            Self::Concept(_) => "CD",
            Self::CodedWithEquivalents(_) => "CE",
            Self::CodedValue(_) => "CV",
            Self::CodedSimple(_) => "CS",
            Self::Text(_) => "ST",
            Self::Identifier(_) => "II",
        }
    }
}
