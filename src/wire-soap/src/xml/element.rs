//! A view of one element of a [`Tree`]: two words, copied freely, with the questions a message reader asks.
//!
//! Never changes the tree and never recurses.

use super::Tree;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use uppsala::{NodeId, NodeKind};

/// Longest element name repeated in a place.
const MAX_NAME_IN_PLACE: usize = 64;

/// An element of a tree (`'t`) over a text (`'a`).
#[derive(Clone, Copy)]
pub struct Element<'t, 'a> {
    tree: &'t Tree<'a>,
    id: NodeId,
}

impl<'t, 'a> Element<'t, 'a> {
    pub(super) fn new(tree: &'t Tree<'a>, id: NodeId) -> Self {
        Self { tree, id }
    }

    fn data(self) -> Option<&'t uppsala::Element<'a>> {
        self.tree.document().element(self.id)
    }

    /// The node id in [`Tree::document`].
    #[must_use]
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The tree this element belongs to.
    #[must_use]
    pub fn tree(self) -> &'t Tree<'a> {
        self.tree
    }

    /// The name without prefix.
    #[must_use]
    pub fn local_name(self) -> &'t str {
        self.data().map_or("", |e| &e.name.local_name)
    }

    /// The namespace name, if the element is in one.
    #[must_use]
    pub fn namespace(self) -> Option<&'t str> {
        self.data().and_then(|e| e.name.namespace_uri.as_deref())
    }

    /// Whether this is the named element.
    #[must_use]
    pub fn is(self, namespace: &str, local_name: &str) -> bool {
        self.data().is_some_and(|e| e.name.matches(Some(namespace), local_name))
    }

    /// The value of the attribute of this name that is in no namespace.
    #[must_use]
    pub fn attr(self, local_name: &str) -> Option<&'t str> {
        self.find_attr(None, local_name)
    }

    /// The value of the attribute of this name in a namespace, such as `xml:lang`.
    #[must_use]
    pub fn attr_ns(self, namespace: &str, local_name: &str) -> Option<&'t str> {
        self.find_attr(Some(namespace), local_name)
    }

    fn find_attr(self, namespace: Option<&str>, local_name: &str) -> Option<&'t str> {
        self.data()?.attributes.iter().find(|a| a.name.matches(namespace, local_name)).map(|a| &*a.value)
    }

    /// The parent element; `None` for the document element.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        self.tree.element(self.tree.document().parent(self.id)?)
    }

    /// The child elements in document order.
    pub fn children(self) -> impl Iterator<Item = Element<'t, 'a>> {
        self.tree.document().children_iter(self.id).filter_map(move |id| self.tree.element(id))
    }

    /// The child elements of this name.
    pub fn children_named<'n>(
        self,
        namespace: &'n str,
        local_name: &'n str,
    ) -> impl Iterator<Item = Element<'t, 'a>> + use<'t, 'a, 'n> {
        self.children().filter(move |e| e.is(namespace, local_name))
    }

    /// The first child element of this name.
    #[must_use]
    pub fn child(self, namespace: &str, local_name: &str) -> Option<Self> {
        self.children().find(|e| e.is(namespace, local_name))
    }

    /// The elements below this one, in document order.
    pub fn descendants(self) -> impl Iterator<Item = Element<'t, 'a>> {
        self.tree.document().descendants(self.id).into_iter().filter_map(move |id| self.tree.element(id))
    }

    /// All text below this element, CDATA sections included; borrowed when it is one run.
    #[must_use]
    pub fn text(self) -> Cow<'t, str> {
        let document = self.tree.document();
        let mut children = document.children_iter(self.id);
        match (children.next(), children.next()) {
            (None, _) => return Cow::Borrowed(""),
            (Some(only), None) => {
                if let Some(NodeKind::Text(text) | NodeKind::CData(text)) = document.node_kind(only) {
                    return Cow::Borrowed(text);
                }
            }
            _ => {}
        }
        let mut all = String::new();
        for id in document.descendants(self.id) {
            if let Some(NodeKind::Text(text) | NodeKind::CData(text)) = document.node_kind(id) {
                all.push_str(text);
            }
        }
        Cow::Owned(all)
    }

    /// The text directly in this element, CDATA sections included: its runs trimmed, joined by a space.
    #[must_use]
    pub fn own_text(self) -> String {
        let document = self.tree.document();
        let mut all = String::new();
        for id in document.children_iter(self.id) {
            let Some(NodeKind::Text(text) | NodeKind::CData(text)) = document.node_kind(id) else { continue };
            let text = text.trim();
            if !all.is_empty() && !text.is_empty() {
                all.push(' ');
            }
            all.push_str(text);
        }
        all
    }

    /// Where this element stands: the local names from the document element down, each with its position among
    /// siblings of the same name when it has any, as `/Envelope/Body/Request/Slot[2]`.
    #[must_use]
    pub fn path(self) -> String {
        let mut steps = Vec::new();
        let mut next = Some(self);
        while let Some(element) = next {
            steps.push(element.step());
            next = element.parent();
        }
        let mut path = String::new();
        for step in steps.iter().rev() {
            path.push('/');
            path.push_str(step);
        }
        path
    }

    fn step(self) -> String {
        let name = name_in_place(self.local_name());
        let Some(parent) = self.parent() else { return name.to_owned() };
        let (mut before, mut all) = (0, 0);
        for sibling in parent.children().filter(|s| s.local_name() == self.local_name()) {
            all += 1;
            if sibling.id == self.id {
                before = all;
            }
        }
        if all > 1 { format!("{name}[{before}]") } else { name.to_owned() }
    }

    /// The text of the document that this element was parsed from, tags included.
    #[must_use]
    pub fn source(self) -> &'a str {
        self.tree.document().node_source(self.id).unwrap_or("")
    }

    /// The byte range of [`Element::source`] in the document.
    #[must_use]
    pub fn source_range(self) -> Range<usize> {
        self.tree.document().node_range(self.id).unwrap_or(0..0)
    }
}

/// A name cut to a length that cannot flood a log.
fn name_in_place(name: &str) -> &str {
    match name.char_indices().nth(MAX_NAME_IN_PLACE) {
        Some((end, _)) => &name[..end],
        None => name,
    }
}

impl fmt::Debug for Element<'_, '_> {
    /// The place only: an element's content belongs to a patient.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Element({})", self.path())
    }
}
