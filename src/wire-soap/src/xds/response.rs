//! `RegistryResponse` and its errors: ebRS 3.0 §2.1, ITI TF-3 4.2.4.

use super::{expect, optional_child};
use crate::ebxml::NAMESPACES;
use crate::ns;
use crate::xml::Element;
use crate::xml::escape::{attr, attr_opt, raw};
use crate::{MessageError, MessageErrorKind as Kind};
use std::borrow::Cow;

/// `@status` of a response (ITI TF-3 4.2.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseStatus {
    /// All was done; there may be warnings.
    Success,
    /// Some was done: errors say what was not.
    PartialSuccess,
    /// Nothing was done.
    Failure,
}

impl ResponseStatus {
    /// The URN.
    #[must_use]
    pub const fn urn(self) -> &'static str {
        match self {
            Self::Success => "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success",
            Self::PartialSuccess => "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess",
            Self::Failure => "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure",
        }
    }
}

/// `@severity` of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The request was affected.
    Error,
    /// It was not.
    Warning,
}

impl Severity {
    /// The URN.
    #[must_use]
    pub const fn urn(self) -> &'static str {
        match self {
            Self::Error => "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error",
            Self::Warning => "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Warning",
        }
    }
}

/// `rs:RegistryError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryError {
    /// `@errorCode`, from ITI TF-3 table 4.2.4.1-2 or a national list.
    pub code: Cow<'static, str>,
    /// `@codeContext`: what a person should know.
    pub context: String,
    /// `@location`: where, when that is known.
    pub location: Option<String>,
    /// `@severity`.
    pub severity: Severity,
}

/// `rs:RegistryResponse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryResponse {
    /// `@status`.
    pub status: ResponseStatus,
    /// Errors and warnings.
    pub errors: Vec<RegistryError>,
}

impl RegistryResponse {
    /// Everything was done.
    #[must_use]
    pub const fn success() -> Self {
        Self { status: ResponseStatus::Success, errors: Vec::new() }
    }

    /// Nothing was done.
    #[must_use]
    pub const fn failure(errors: Vec<RegistryError>) -> Self {
        Self { status: ResponseStatus::Failure, errors }
    }

    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as `rs.xsd` has it, or its status is unknown.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::RS, "RegistryResponse")?;
        Ok(Self { status: read_status(element)?, errors: read_errors(element)? })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<rs:RegistryResponse");
        raw(out, NAMESPACES);
        attr(out, "status", self.status.urn());
        raw(out, ">");
        write_errors(out, &self.errors);
        raw(out, "</rs:RegistryResponse>");
    }
}

pub(super) fn read_status(element: Element<'_, '_>) -> Result<ResponseStatus, MessageError> {
    let status = element.attr("status").ok_or_else(|| Kind::MissingAttribute("status").at(element.path()))?;
    [ResponseStatus::Success, ResponseStatus::PartialSuccess, ResponseStatus::Failure]
        .into_iter()
        .find(|s| s.urn() == status.trim())
        .ok_or_else(|| Kind::InvalidValue("status").at(element.path()))
}

pub(super) fn read_errors(element: Element<'_, '_>) -> Result<Vec<RegistryError>, MessageError> {
    let Some(list) = optional_child(element, ns::RS, "RegistryErrorList")? else { return Ok(Vec::new()) };
    let error = |e: Element<'_, '_>| {
        let required = |name| e.attr(name).map(str::to_owned).ok_or_else(|| Kind::MissingAttribute(name).at(e.path()));
        Ok(RegistryError {
            code: Cow::Owned(required("errorCode")?),
            context: required("codeContext")?,
            location: e.attr("location").map(str::to_owned),
            severity: match e.attr("severity").map(str::trim) {
                Some(urn) if urn.ends_with(":Warning") => Severity::Warning,
                _ => Severity::Error,
            },
        })
    };
    list.children_named(ns::RS, "RegistryError").map(error).collect()
}

/// Appends `rs:RegistryErrorList` if there are errors.
pub(super) fn write_errors(out: &mut Vec<u8>, errors: &[RegistryError]) {
    if errors.is_empty() {
        return;
    }
    let only_warnings = errors.iter().all(|e| e.severity == Severity::Warning);
    let highest = if only_warnings { Severity::Warning } else { Severity::Error };
    raw(out, "<rs:RegistryErrorList");
    attr(out, "highestSeverity", highest.urn());
    raw(out, ">");
    for error in errors {
        raw(out, "<rs:RegistryError");
        attr(out, "codeContext", &error.context);
        attr(out, "errorCode", &error.code);
        attr(out, "severity", error.severity.urn());
        attr_opt(out, "location", error.location.as_deref());
        raw(out, "/>");
    }
    raw(out, "</rs:RegistryErrorList>");
}
