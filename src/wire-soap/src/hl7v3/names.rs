//! Names of people and organisations: `EN`, `PN`, `ON`.

use super::datatypes::NullFlavor;
use crate::ns;
use crate::record::{At, Component, Result, attribute, bounded, children, close, open, repeats, text};
use crate::xml::Element;
use crate::xml::escape::{self, attr, raw};

/// What a part of a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamePartType {
    /// `family`.
    Family,
    /// `given`.
    Given,
    /// `prefix`.
    Prefix,
    /// `suffix`.
    Suffix,
    /// `delimiter`.
    Delimiter,
}

impl NamePartType {
    const ALL: [(&'static str, Self); 5] = [
        ("family", Self::Family),
        ("given", Self::Given),
        ("prefix", Self::Prefix),
        ("suffix", Self::Suffix),
        ("delimiter", Self::Delimiter),
    ];

    /// The element's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, part)| *part == self).map_or("", |(name, _)| name)
    }
}

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePart {
    /// What it is.
    pub part_type: NamePartType,
    /// `@qualifier`: `BR` at birth, `SP` by marriage (the DMP's usual name), `CL` called by ...
    pub qualifiers: Vec<String>,
    /// The text.
    pub value: String,
}

/// `EN`, `PN` or `ON`: a name of a person or an organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntityName {
    /// `@use`: `L` legal, `SRCH` to search by ...
    pub uses: Vec<String>,
    /// `@nullFlavor`.
    pub null_flavor: Option<NullFlavor>,
    /// The parts, in order.
    pub parts: Vec<NamePart>,
    /// Text outside parts: the name of an organisation, as a rule. Several runs are joined by a space.
    pub text: String,
}

impl EntityName {
    /// A name that is one text, as an organisation's.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A name that is not there.
    #[must_use]
    pub fn null(flavor: NullFlavor) -> Self {
        Self { null_flavor: Some(flavor), ..Self::default() }
    }

    /// Adds a part.
    #[must_use]
    pub fn with(mut self, part_type: NamePartType, qualifier: Option<&str>, value: impl Into<String>) -> Self {
        let qualifiers = qualifier.map(str::to_owned).into_iter().collect();
        self.parts.push(NamePart { part_type, qualifiers, value: value.into() });
        self
    }

    /// The parts of one kind.
    pub fn of(&self, part_type: NamePartType) -> impl Iterator<Item = &NamePart> {
        self.parts.iter().filter(move |part| part.part_type == part_type)
    }
}

impl Component for EntityName {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        let mut name = Self {
            uses: words(element, "use", at)?,
            null_flavor: NullFlavor::read(element, at)?,
            parts: Vec::new(),
            text: own_text(element, at)?,
        };
        for child in children(element, ns::HL7V3) {
            let Some((n, part_type)) = NamePartType::ALL.into_iter().find(|(n, _)| *n == child.local_name()) else {
                continue;
            };
            repeats(name.parts.len(), n, at)?;
            let at = at.child(n, 0);
            name.parts.push(NamePart {
                part_type,
                qualifiers: words(child, "qualifier", &at)?,
                value: text(child, &at)?,
            });
        }
        Ok(name)
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        NullFlavor::write(self.null_flavor.as_ref(), out);
        write_words(out, "use", &self.uses);
        raw(out, ">");
        escape::text(out, &self.text);
        for part in &self.parts {
            let name = part.part_type.as_str();
            open(out, name);
            write_words(out, "qualifier", &part.qualifiers);
            raw(out, ">");
            escape::text(out, &part.value);
            close(out, name);
        }
        close(out, name);
    }
}

/// The text that stands directly in an element.
pub(super) fn own_text(element: Element<'_, '_>, at: &At<'_>) -> Result<String> {
    let text = element.own_text();
    bounded(&text, at)?;
    Ok(text)
}

/// An attribute that is a list of words.
pub(super) fn words(element: Element<'_, '_>, name: &str, at: &At<'_>) -> Result<Vec<String>> {
    let list = attribute(element, name, at)?.unwrap_or_default();
    Ok(list.split_ascii_whitespace().map(str::to_owned).collect())
}

/// Appends an attribute that is a list of words, if there are any.
pub(super) fn write_words(out: &mut Vec<u8>, name: &str, words: &[String]) {
    if !words.is_empty() {
        attr(out, name, &words.join(" "));
    }
}
