//! Coded data types of HL7 v3: `CD`, `CE`, `CV` and `SC`.

use super::datatypes::NullFlavor;
use crate::ns;
use crate::record::{At, Component, Result, attribute, close, open, optional, text};
use crate::xml::Element;
use crate::xml::escape::{self, attr_opt, raw};

/// `CD`, `CE` or `CV`: a code in a system. Translations and qualifiers are not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConceptDescriptor {
    /// `@code`.
    pub code: Option<String>,
    /// `@codeSystem`, an OID.
    pub code_system: Option<String>,
    /// `@codeSystemName`.
    pub code_system_name: Option<String>,
    /// `@codeSystemVersion`.
    pub code_system_version: Option<String>,
    /// `@displayName`.
    pub display_name: Option<String>,
    /// `@nullFlavor`.
    pub null_flavor: Option<NullFlavor>,
    /// `originalText`.
    pub original_text: Option<String>,
}

impl ConceptDescriptor {
    /// A code in a system.
    #[must_use]
    pub fn new(code: impl Into<String>, code_system: impl Into<String>) -> Self {
        Self { code: Some(code.into()), code_system: Some(code_system.into()), ..Self::default() }
    }

    /// Whether this is that code of that system.
    #[must_use]
    pub fn is(&self, code: &str, code_system: &str) -> bool {
        self.code.as_deref() == Some(code) && self.code_system.as_deref() == Some(code_system)
    }

    /// Appends what follows the element's name.
    pub(super) fn write_rest(&self, out: &mut Vec<u8>, name: &str) {
        NullFlavor::write(self.null_flavor.as_ref(), out);
        attr_opt(out, "code", self.code.as_deref());
        attr_opt(out, "codeSystem", self.code_system.as_deref());
        attr_opt(out, "codeSystemName", self.code_system_name.as_deref());
        attr_opt(out, "codeSystemVersion", self.code_system_version.as_deref());
        attr_opt(out, "displayName", self.display_name.as_deref());
        match &self.original_text {
            None => raw(out, "/>"),
            Some(original) => {
                raw(out, ">");
                original.write(out, "originalText");
                close(out, name);
            }
        }
    }
}

impl Component for ConceptDescriptor {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        Ok(Self {
            code: attribute(element, "code", at)?,
            code_system: attribute(element, "codeSystem", at)?,
            code_system_name: attribute(element, "codeSystemName", at)?,
            code_system_version: attribute(element, "codeSystemVersion", at)?,
            display_name: attribute(element, "displayName", at)?,
            null_flavor: NullFlavor::read(element, at)?,
            original_text: optional(element, ns::HL7V3, "originalText", at)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        self.write_rest(out, name);
    }
}

/// `SC`: text that may be a code too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodedText {
    /// The text, which may be empty beside a code.
    pub text: String,
    /// `@code`.
    pub code: Option<String>,
    /// `@codeSystem`, an OID.
    pub code_system: Option<String>,
    /// `@displayName`.
    pub display_name: Option<String>,
}

impl CodedText {
    /// A code in a system, without text.
    #[must_use]
    pub fn coded(code: impl Into<String>, code_system: impl Into<String>) -> Self {
        Self { code: Some(code.into()), code_system: Some(code_system.into()), ..Self::default() }
    }
}

impl From<&str> for CodedText {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

impl Component for CodedText {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        Ok(Self {
            text: text(element, at)?,
            code: attribute(element, "code", at)?,
            code_system: attribute(element, "codeSystem", at)?,
            display_name: attribute(element, "displayName", at)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        attr_opt(out, "code", self.code.as_deref());
        attr_opt(out, "codeSystem", self.code_system.as_deref());
        attr_opt(out, "displayName", self.display_name.as_deref());
        raw(out, ">");
        escape::text(out, &self.text);
        close(out, name);
    }
}
