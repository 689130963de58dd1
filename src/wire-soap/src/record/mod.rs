//! How an element becomes a struct and back, for messages whose schemas are plain sequences.
//!
//! [`record!`] states one sequence once: fields in the order of the schema, each with its element name and how often it
//! occurs; reading and writing follow from it, so that they cannot drift apart. A type that is no sequence implements
//! [`Component`] by hand.
//!
//! The order of children is not enforced when reading, and is the schema's when writing. White space around text is
//! taken off. An element with `xsi:nil="true"` counts as absent. Repetitions and lengths are bounded here, depth and
//! nodes by the tree.

mod at;
mod macros;

pub(crate) use at::At;
pub(crate) use macros::{codes, field_type, finish, inside, put, record, slot_type, take, unknown};

use crate::ns;
use crate::xml::Element;
use crate::xml::escape::{self, raw};
use crate::{MessageError, MessageErrorKind as Kind};

/// What reading gives.
pub(crate) type Result<T> = std::result::Result<T, MessageError>;

/// How often one element may repeat under one parent: more than any listing of a patient or a professional needs.
pub(crate) const MAX_REPEATS: usize = 10_000;

/// Length of one text or attribute in bytes.
pub(crate) const MAX_TEXT: usize = 10_000;

/// A type that knows its element.
pub(crate) trait Component: Sized {
    /// The attributes that the schema fixes, which a nil element needs too.
    const FIXED: &'static [(&'static str, &'static str)] = &[];

    /// Reads the element, which stands at `at`.
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self>;

    /// Appends the element under this name, a constant of the standard.
    fn write(&self, out: &mut Vec<u8>, name: &str);
}

/// A text: `xs:string`, or the HL7 types `ST` and `ED` without their reference.
impl Component for String {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        text(element, at)
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        escape::element(out, name, self);
    }
}

/// `xs:boolean` as text.
impl Component for bool {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        boolean(&text(element, at)?, at)
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        escape::element(out, name, if *self { "true" } else { "false" });
    }
}

/// The trimmed text of an element.
pub(crate) fn text(element: Element<'_, '_>, at: &At<'_>) -> Result<String> {
    let text = element.text();
    let text = text.trim();
    bounded(text, at)?;
    Ok(text.to_owned())
}

/// An attribute in no namespace.
pub(crate) fn attribute(element: Element<'_, '_>, name: &str, at: &At<'_>) -> Result<Option<String>> {
    let Some(value) = element.attr(name) else { return Ok(None) };
    bounded(value, at)?;
    Ok(Some(value.to_owned()))
}

/// Refuses a text that is too long.
pub(crate) fn bounded(text: &str, at: &At<'_>) -> Result<()> {
    if text.len() > MAX_TEXT { Err(at.error(Kind::TooLong { max: MAX_TEXT })) } else { Ok(()) }
}

/// The lexical forms of `xs:boolean`.
pub(crate) fn boolean(text: &str, at: &At<'_>) -> Result<bool> {
    match text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(at.error(Kind::InvalidValue("boolean"))),
    }
}

/// `xs:integer`, as far as 64 bits reach.
pub(crate) fn integer(text: &str, at: &At<'_>) -> Result<i64> {
    text.trim().parse().map_err(|_| at.error(Kind::InvalidValue("integer")))
}

/// The children in a namespace that are not nil.
pub(crate) fn children<'t, 'a>(
    element: Element<'t, 'a>,
    namespace: &'static str,
) -> impl Iterator<Item = Element<'t, 'a>> {
    let nil = |e: Element<'_, '_>| matches!(e.attr_ns(ns::XSI, "nil").map(str::trim), Some("true" | "1"));
    element.children().filter(move |e| e.namespace() == Some(namespace) && !nil(*e))
}

/// The one child of this name.
pub(crate) fn only<'t, 'a>(
    element: Element<'t, 'a>,
    namespace: &'static str,
    name: &'static str,
    at: &At<'_>,
) -> Result<Element<'t, 'a>> {
    let mut found = children(element, namespace).filter(|e| e.local_name() == name);
    match (found.next(), found.next()) {
        (Some(child), None) => Ok(child),
        (None, _) => Err(at.error(Kind::MissingElement(name))),
        (_, Some(_)) => Err(at.child(name, 2).error(Kind::RepeatedElement(name))),
    }
}

/// Takes a child into a field that may be there once.
pub(crate) fn take_one<T: Component>(
    field: &mut Option<T>,
    child: Element<'_, '_>,
    name: &'static str,
    at: &At<'_>,
) -> Result<()> {
    if field.is_some() {
        return Err(at.child(name, 2).error(Kind::RepeatedElement(name)));
    }
    *field = Some(T::read(child, &at.child(name, 0))?);
    Ok(())
}

/// Takes a child into a field that may repeat.
pub(crate) fn take_many<T: Component>(
    field: &mut Vec<T>,
    child: Element<'_, '_>,
    name: &'static str,
    at: &At<'_>,
) -> Result<()> {
    repeats(field.len(), name, at)?;
    field.push(T::read(child, &at.child(name, field.len() + 1))?);
    Ok(())
}

/// Refuses one more element when there are so many.
pub(crate) fn repeats(already: usize, name: &'static str, at: &At<'_>) -> Result<()> {
    if already >= MAX_REPEATS { Err(at.error(Kind::TooMany(name))) } else { Ok(()) }
}

/// The children of one name, each read.
pub(crate) fn many<T: Component>(
    element: Element<'_, '_>,
    namespace: &'static str,
    name: &'static str,
    at: &At<'_>,
) -> Result<Vec<T>> {
    let mut all = Vec::new();
    for child in children(element, namespace).filter(|e| e.local_name() == name) {
        take_many(&mut all, child, name, at)?;
    }
    Ok(all)
}

/// The child of one name, read if there is one.
pub(crate) fn optional<T: Component>(
    element: Element<'_, '_>,
    namespace: &'static str,
    name: &'static str,
    at: &At<'_>,
) -> Result<Option<T>> {
    let mut one = None;
    for child in children(element, namespace).filter(|e| e.local_name() == name) {
        take_one(&mut one, child, name, at)?;
    }
    Ok(one)
}

/// The one child of one name, read.
pub(crate) fn required<T: Component>(
    element: Element<'_, '_>,
    namespace: &'static str,
    name: &'static str,
    at: &At<'_>,
) -> Result<T> {
    optional(element, namespace, name, at)?.ok_or_else(|| at.error(Kind::MissingElement(name)))
}

/// Appends `<name`.
pub(crate) fn open(out: &mut Vec<u8>, name: &str) {
    raw(out, "<");
    raw(out, name);
}

/// Appends `</name>`.
pub(crate) fn close(out: &mut Vec<u8>, name: &str) {
    raw(out, "</");
    raw(out, name);
    raw(out, ">");
}

/// Appends the element of a component that is absent where the schema wants one: `xsi:nil`.
pub(crate) fn write_nil<T: Component>(out: &mut Vec<u8>, name: &str) {
    open(out, name);
    T::FIXED.iter().for_each(|(name, value)| escape::attr(out, name, value));
    raw(out, " xsi:nil=\"true\"/>");
}

/// Appends each, or a nil element when there is none.
pub(crate) fn write_or_nil<'c, T: Component + 'c>(
    all: impl ExactSizeIterator<Item = &'c T>,
    out: &mut Vec<u8>,
    name: &str,
) {
    if all.len() == 0 {
        write_nil::<T>(out, name);
    }
    all.for_each(|one| one.write(out, name));
}

/// Appends each of a list.
pub(crate) fn write_all<T: Component>(all: &[T], out: &mut Vec<u8>, name: &str) {
    all.iter().for_each(|one| one.write(out, name));
}
