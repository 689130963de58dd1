//! The SOAP 1.2 fault: part 1 §5.4, with the `Upgrade` header of §5.4.7.
//!
//! Reasons are given in French and English; the detail tells a developer the stable code, the place, and the rule.

use crate::ns;
use crate::xml::escape::{attr, element, raw, text};
use std::borrow::Cow;

/// `env:Code/env:Value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCode {
    /// The message was wrong: sending it again as it is will not help.
    Sender,
    /// The message could not be processed: it may succeed later.
    Receiver,
    /// A header that must be understood is not.
    MustUnderstand,
    /// The envelope is of another version.
    VersionMismatch,
}

impl FaultCode {
    const fn value(self) -> &'static str {
        match self {
            Self::Sender => "soap:Sender",
            Self::Receiver => "soap:Receiver",
            Self::MustUnderstand => "soap:MustUnderstand",
            Self::VersionMismatch => "soap:VersionMismatch",
        }
    }
}

/// `env:Subcode/env:Value`: a qualified name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subcode {
    /// The namespace name; empty for a name in none, as the DMP's own codes are.
    pub namespace: Cow<'static, str>,
    /// The local name: an `NCName`.
    pub local_name: Cow<'static, str>,
}

/// What a developer needs to mend the message. Never content of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultDetail {
    /// A stable code.
    pub code: Cow<'static, str>,
    /// Where in the message.
    pub place: String,
    /// The clause or rule that was broken.
    pub rule: Cow<'static, str>,
}

/// A base fault of the Web Services resource framework (WS-BaseFaults 1.2 §2), as WS-Notification names its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFault {
    /// The namespace of its name.
    pub namespace: &'static str,
    /// Its name.
    pub local_name: &'static str,
    /// When it happened: `xs:dateTime`.
    pub timestamp: String,
    /// What happened.
    pub description: Cow<'static, str>,
    /// What it says besides: names of the same namespace, and text.
    pub more: Vec<(&'static str, String)>,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose fault it is.
    pub code: FaultCode,
    /// A finer code.
    pub subcode: Option<Subcode>,
    /// The reason in French.
    pub reason_fr: Cow<'static, str>,
    /// The reason in English.
    pub reason_en: Cow<'static, str>,
    /// What a developer needs.
    pub detail: Option<FaultDetail>,
    /// The transaction's own word for it, which stands in the detail first.
    pub base: Option<BaseFault>,
}

impl Fault {
    /// Header block that goes with the fault.
    pub(super) fn header(&self) -> &'static str {
        match self.code {
            FaultCode::VersionMismatch => {
                "<soap:Upgrade><soap:SupportedEnvelope qname=\"soap:Envelope\"/></soap:Upgrade>"
            }
            _ => "",
        }
    }

    /// Appends `soap:Fault`; the prefix `soap` must be declared around it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<soap:Fault><soap:Code>");
        element(out, "soap:Value", self.code.value());
        if let Some(subcode) = &self.subcode {
            subcode.write(out);
        }
        raw(out, "</soap:Code><soap:Reason>");
        for (lang, reason) in [("fr", &self.reason_fr), ("en", &self.reason_en)] {
            raw(out, "<soap:Text");
            attr(out, "xml:lang", lang);
            raw(out, ">");
            text(out, reason);
            raw(out, "</soap:Text>");
        }
        raw(out, "</soap:Reason>");
        if self.base.is_some() || self.detail.is_some() {
            raw(out, "<soap:Detail>");
            if let Some(base) = &self.base {
                base.write(out);
            }
            if let Some(detail) = &self.detail {
                detail.write(out);
            }
            raw(out, "</soap:Detail>");
        }
        raw(out, "</soap:Fault>");
    }
}

impl Subcode {
    fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<soap:Subcode><soap:Value");
        if self.namespace.is_empty() {
            raw(out, ">");
        } else {
            attr(out, "xmlns:sub", &self.namespace);
            raw(out, ">sub:");
        }
        text(out, &self.local_name);
        raw(out, "</soap:Value></soap:Subcode>");
    }
}

impl FaultDetail {
    fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<p:Problem xmlns:p=\"");
        raw(out, ns::FAULT_DETAIL);
        raw(out, "\">");
        element(out, "p:Code", &self.code);
        element(out, "p:Place", &self.place);
        element(out, "p:Rule", &self.rule);
        raw(out, "</p:Problem>");
    }
}

impl BaseFault {
    fn write(&self, out: &mut Vec<u8>) {
        let name = format!("f:{}", self.local_name);
        raw(out, "<");
        raw(out, &name);
        attr(out, "xmlns:f", self.namespace);
        attr(out, "xmlns:bf", ns::WSRF_BF);
        raw(out, ">");
        element(out, "bf:Timestamp", &self.timestamp);
        element(out, "bf:Description", &self.description);
        for (child, value) in &self.more {
            element(out, &format!("f:{child}"), value);
        }
        raw(out, "</");
        raw(out, &name);
        raw(out, ">");
    }
}
