//! How a message was taken: `acknowledgement` and its details.

use super::concept::ConceptDescriptor;
use super::datatypes::InstanceIdentifier;
use crate::MessageErrorKind as Kind;
use crate::ns;
use crate::record::{At, Component, Result, attribute, close, codes, many, only, open, optional, required, write_all};
use crate::xml::Element;
use crate::xml::escape::{attr, attr_opt, raw};

codes! {
    code;
    /// `acknowledgement/typeCode`.
    pub enum AcknowledgementType {
        /// Done.
        ApplicationAccept = "AA",
        /// Understood, and not done: the details say why.
        ApplicationError = "AE",
        /// Not understood, or not for this application.
        ApplicationReject = "AR",
        /// Received (HL7 calls it accept acknowledgement).
        CommitAccept = "CA",
        /// Received, and not kept.
        CommitError = "CE",
        /// Not received as it should be.
        CommitReject = "CR",
    }
}

/// `acknowledgementDetail`: one thing that is wrong, or worth knowing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcknowledgementDetail {
    /// `@typeCode`: `E` error, `W` warning, `I` information.
    pub type_code: Option<String>,
    /// `code`.
    pub code: Option<ConceptDescriptor>,
    /// `text`.
    pub text: Option<String>,
    /// `location`: XPath in the message that is acknowledged.
    pub locations: Vec<String>,
}

impl Component for AcknowledgementDetail {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        Ok(Self {
            type_code: attribute(element, "typeCode", at)?,
            code: optional(element, ns::HL7V3, "code", at)?,
            text: optional(element, ns::HL7V3, "text", at)?,
            locations: many(element, ns::HL7V3, "location", at)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        attr_opt(out, "typeCode", self.type_code.as_deref());
        raw(out, ">");
        self.code.iter().for_each(|code| code.write(out, "code"));
        self.text.iter().for_each(|text| text.write(out, "text"));
        write_all(&self.locations, out, "location");
        close(out, name);
    }
}

/// `acknowledgement`: how a message was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// `typeCode`.
    pub type_code: AcknowledgementType,
    /// `targetMessage/id`: the message that is answered.
    pub target_message: InstanceIdentifier,
    /// `acknowledgementDetail`.
    pub details: Vec<AcknowledgementDetail>,
}

/// Where an acknowledgement has its `typeCode`, which the normative editions differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edition {
    /// 2008 (IHE, and the DMP's PDQ): a child element.
    Ne2008,
    /// 2009 (the DMP's other services): an attribute.
    Ne2009,
}

impl Acknowledgement {
    /// Done, or received, without details.
    #[must_use]
    pub fn of(type_code: AcknowledgementType, target_message: InstanceIdentifier) -> Self {
        Self { type_code, target_message, details: Vec::new() }
    }

    /// Reads the one acknowledgement of a message, of either edition.
    pub(super) fn read_in(message: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        required(message, ns::HL7V3, "acknowledgement", at)
    }

    /// Appends the element as an edition has it.
    pub(super) fn write_as(&self, out: &mut Vec<u8>, edition: Edition) {
        raw(out, "<acknowledgement");
        match edition {
            Edition::Ne2009 => {
                attr(out, "typeCode", self.type_code.as_str());
                raw(out, ">");
            }
            Edition::Ne2008 => {
                raw(out, ">");
                self.type_code.write(out, "typeCode");
            }
        }
        raw(out, "<targetMessage>");
        self.target_message.write(out, "id");
        raw(out, "</targetMessage>");
        write_all(&self.details, out, "acknowledgementDetail");
        raw(out, "</acknowledgement>");
    }
}

impl Component for Acknowledgement {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        let type_code = match element.attr("typeCode") {
            Some(code) => AcknowledgementType::from_code(code.trim())
                .ok_or_else(|| at.error(Kind::InvalidValue("AcknowledgementType")))?,
            None => required(element, ns::HL7V3, "typeCode", at)?,
        };
        let target = only(element, ns::HL7V3, "targetMessage", at)?;
        let target_message = required(target, ns::HL7V3, "id", &at.child("targetMessage", 0))?;
        let details = many(element, ns::HL7V3, "acknowledgementDetail", at)?;
        Ok(Self { type_code, target_message, details })
    }

    fn write(&self, out: &mut Vec<u8>, _: &str) {
        self.write_as(out, Edition::Ne2009);
    }
}
