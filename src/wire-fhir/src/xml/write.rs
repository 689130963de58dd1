//! JSON → XML, from the tree of the JSON.

use std::borrow::Cow;

use super::{
    FHIR, KNOWN, XmlLimits,
    markup::{Cursor, Token, is_blank, is_char},
    place::Place,
    schema::{Kind, Slot, Type, table},
    tree::{self, Node},
};
use crate::error::{ParseError, Problem};

/// Reads JSON; see [`super::to_xml`].
pub(super) fn to_xml(json: &str) -> Result<String, ParseError> {
    let tree = tree::read(json)?;
    // Tags at both ends make XML larger than JSON, rarely twice as large.
    let mut write = Write { out: String::with_capacity(json.len() * 2), place: Place::new() };
    write.resource(&tree)?;
    Ok(write.out)
}

struct Write {
    out: String,
    place: Place,
}

/// One element of an object: what stands under its name, and under its name after `_` (FHIR R4 json §2.6.2, primitive
/// elements).
struct Member<'n, 'a> {
    slot: &'static Slot,
    value: Option<&'n Node<'a>>,
    beside: Option<&'n Node<'a>>,
}

impl Write {
    /// Recursion goes no deeper than the tree of the JSON, which is bounded.
    fn resource(&mut self, node: &Node<'_>) -> Result<(), ParseError> {
        let Node::Object(members) = node else { return Err(self.place.fail(Problem::WrongType)) };
        let (name, ty) = match members.iter().find(|(key, _)| key == "resourceType") {
            None => return Err(self.place.fail(Problem::Missing("resourceType".into()))),
            Some((_, Node::Text(name))) => {
                table().resource(name).ok_or_else(|| self.place.fail(Problem::WrongResource(KNOWN)))?
            }
            Some(_) => return Err(self.place.fail_at("resourceType", Problem::WrongType)),
        };
        let root = self.place.is_root();
        if root {
            self.place.root = name;
        }
        let found = self.members(ty, members, true)?;
        self.out.push('<');
        self.out.push_str(name);
        if root {
            self.out.push_str(" xmlns=\"");
            self.out.push_str(FHIR);
            self.out.push('"');
        }
        self.content(name, &found)
    }

    /// The members of an object in the order of the specification.
    fn members<'n, 'a>(
        &self,
        ty: &'static Type,
        members: &'n [(Cow<'a, str>, Node<'a>)],
        resource: bool,
    ) -> Result<Vec<Member<'n, 'a>>, ParseError> {
        let mut found: Vec<Member<'n, 'a>> = Vec::with_capacity(members.len().min(64));
        let mut typed = false;
        for (key, node) in members {
            if resource && key == "resourceType" {
                if typed {
                    return Err(self.place.fail_at(key, Problem::DuplicateKey));
                }
                typed = true;
                continue;
            }
            let beside = key.strip_prefix('_');
            let slot = ty.slot(beside.unwrap_or(key)).filter(|slot| beside.is_none() || slot.kind.is_primitive());
            let Some(slot) = slot else { return Err(self.place.fail_at(key, Problem::UnknownElement)) };
            // There are no more to search than the type has elements.
            let member = match found.iter().position(|member| member.slot.field == slot.field) {
                Some(index) => found.get_mut(index),
                None => {
                    found.push(Member { slot, value: None, beside: None });
                    found.last_mut()
                }
            };
            let Some(member) = member.filter(|member| member.slot.rank == slot.rank) else {
                return Err(self.place.fail_at(key, Problem::DuplicateKey));
            };
            let into = if beside.is_some() { &mut member.beside } else { &mut member.value };
            if into.replace(node).is_some() {
                return Err(self.place.fail_at(key, Problem::DuplicateKey));
            }
        }
        found.sort_unstable_by_key(|member| member.slot.rank);
        Ok(found)
    }

    /// Ends the start tag, writes elements and the end tag, or ends an empty one.
    fn content(&mut self, name: &str, found: &[Member<'_, '_>]) -> Result<(), ParseError> {
        if found.iter().all(|member| member.slot.kind == Kind::Attribute) {
            self.out.push_str("/>");
            return Ok(());
        }
        self.out.push('>');
        for member in found {
            self.elements(member)?;
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        Ok(())
    }

    /// Writes an element, as often as it stands.
    fn elements(&mut self, member: &Member<'_, '_>) -> Result<(), ParseError> {
        let slot = member.slot;
        if slot.kind == Kind::Attribute {
            return Ok(());
        }
        if !slot.many {
            self.place.enter(&slot.name, None);
            self.element(slot, member.value, member.beside)?;
            self.place.leave();
            return Ok(());
        }
        let (values, beside) = (self.list(slot, member.value)?, self.list(slot, member.beside)?);
        if let (Some(values), Some(beside)) = (values, beside)
            && values.len() != beside.len()
        {
            return Err(self.place.fail_at(&slot.name, Problem::WrongType));
        }
        for index in 0..values.or(beside).map_or(0, <[_]>::len) {
            self.place.enter(&slot.name, Some(index));
            let (mut value, mut beside) = (values.and_then(|l| l.get(index)), beside.and_then(|l| l.get(index)));
            // Nulls fill up the one array where only the other has something.
            if slot.kind.is_primitive() {
                value = value.filter(|node| !matches!(node, Node::Null));
                beside = beside.filter(|node| !matches!(node, Node::Null));
            }
            self.element(slot, value, beside)?;
            self.place.leave();
        }
        Ok(())
    }

    /// What has to be an array with something in it.
    fn list<'n, 'a>(&self, slot: &Slot, node: Option<&'n Node<'a>>) -> Result<Option<&'n [Node<'a>]>, ParseError> {
        match node {
            None => Ok(None),
            Some(Node::List(items)) if !items.is_empty() => Ok(Some(items)),
            Some(Node::List(_)) => Err(self.place.fail_at(&slot.name, Problem::UnknownElement)),
            Some(_) => Err(self.place.fail_at(&slot.name, Problem::WrongType)),
        }
    }

    fn element(
        &mut self,
        slot: &'static Slot,
        value: Option<&Node<'_>>,
        beside: Option<&Node<'_>>,
    ) -> Result<(), ParseError> {
        if let Some(Node::Null) = value {
            return Err(self.place.fail(Problem::WrongType));
        }
        match (slot.kind, value) {
            (Kind::Complex(id), Some(Node::Object(members))) => {
                let found = self.members(table().inner(id), members, false)?;
                // Elements are never empty (FHIR R4 xml §2.6.1): attributes alone are nothing.
                if found.iter().all(|member| member.slot.kind == Kind::Attribute) {
                    return Err(self.place.fail(Problem::UnknownElement));
                }
                self.start(slot, &found)?;
                self.content(&slot.name, &found)
            }
            (Kind::Resource, Some(node)) => {
                self.start(slot, &[])?;
                self.out.push('>');
                self.resource(node)?;
                self.out.push_str("</");
                self.out.push_str(&slot.name);
                self.out.push('>');
                Ok(())
            }
            (Kind::Xhtml, Some(Node::Text(text))) => self.xhtml(text),
            (kind, value) if kind.is_primitive() => self.primitive(slot, value, beside),
            _ => Err(self.place.fail(Problem::WrongType)),
        }
    }

    /// Begins a start tag: its name, and those of `found` that are attributes.
    fn start(&mut self, slot: &Slot, found: &[Member<'_, '_>]) -> Result<(), ParseError> {
        self.out.push('<');
        self.out.push_str(&slot.name);
        for member in found.iter().filter(|member| member.slot.kind == Kind::Attribute) {
            let name = &member.slot.name;
            let Some(Node::Text(text)) = member.value else {
                return Err(self.place.fail_at(name, Problem::WrongType));
            };
            self.attribute(name, text).map_err(|problem| self.place.fail_at(name, problem))?;
        }
        Ok(())
    }

    fn primitive(
        &mut self,
        slot: &Slot,
        value: Option<&Node<'_>>,
        beside: Option<&Node<'_>>,
    ) -> Result<(), ParseError> {
        let found = match beside {
            Some(Node::Object(members)) if !members.is_empty() => self.members(table().element(), members, false)?,
            Some(Node::Object(_)) => return Err(self.place.fail(Problem::UnknownElement)),
            Some(_) => return Err(self.place.fail(Problem::WrongType)),
            None => Vec::new(),
        };
        if value.is_none() && found.iter().all(|member| member.slot.kind == Kind::Attribute) {
            return Err(self.place.fail(Problem::Missing("value".into())));
        }
        self.start(slot, &found)?;
        if let Some(value) = value {
            let text = scalar(slot.kind, value).ok_or_else(|| self.place.fail(Problem::WrongType))?;
            self.attribute("value", text).map_err(|problem| self.place.fail(problem))?;
        }
        self.content(&slot.name, &found)
    }

    /// Writes an attribute so that every reader finds the same text in it (XML 1.0 §3.3.3).
    fn attribute(&mut self, name: &str, text: &str) -> Result<(), Problem> {
        if is_blank(text) {
            return Err(Problem::UnknownElement);
        }
        if !text.chars().all(is_char) {
            return Err(Problem::WrongType);
        }
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\t', '\n', '\r']) {
            let (before, from) = rest.split_at(at);
            self.out.push_str(before);
            let mut letters = from.chars();
            self.out.push_str(match letters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\t') => "&#9;",
                Some('\n') => "&#10;",
                _ => "&#13;",
            });
            rest = letters.as_str();
        }
        self.out.push_str(rest);
        self.out.push('"');
        Ok(())
    }

    /// Writes a narrative as it stands, once it is known to be one element of well-formed xhtml.
    fn xhtml(&mut self, text: &str) -> Result<(), ParseError> {
        let fail = |problem| match problem {
            // A line of the narrative is none of the JSON.
            Problem::Syntax { .. } => Problem::WrongType,
            problem => problem,
        };
        let mut cursor = Cursor::new(text.trim(), XmlLimits::of_size(usize::MAX));
        let mut read = || {
            cursor.legal()?;
            if cursor.next()? != Token::Open {
                return Err(Problem::WrongType);
            }
            let div = cursor.xhtml()?;
            if cursor.next()? == Token::End { Ok(div) } else { Err(Problem::WrongType) }
        };
        let div = read().map_err(|problem| self.place.fail(fail(problem)))?;
        self.out.push_str(&div);
        Ok(())
    }
}

/// The text of a value, if it is of its type.
fn scalar<'n>(kind: Kind, node: &'n Node<'_>) -> Option<&'n str> {
    match (kind, node) {
        (Kind::Boolean, Node::Bool(true)) => Some("true"),
        (Kind::Boolean, Node::Bool(false)) => Some("false"),
        (Kind::Integer { least }, Node::Number(text)) => {
            let whole = text.parse::<i32>().ok().filter(|number| *number >= least && *text != "-0");
            whole.map(|_| *text)
        }
        (Kind::Decimal, Node::Number(text)) => Some(text),
        (Kind::Text, Node::Text(text)) => Some(text),
        _ => None,
    }
}
