//! The elements of a header: a flat, bounded tree, dropped without recursion, with places told when they are asked for.

use std::collections::HashMap;

/// Longest element name repeated in a place.
const MAX_NAME_IN_PLACE: usize = 64;

/// One element of `urn:hl7-org:v3` (or one that stands around the document).
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// Attributes in no namespace.
    pub(crate) attributes: Vec<(String, String)>,
    /// Text directly in it.
    pub(crate) text: String,
    pub(crate) parent: Option<usize>,
    pub(crate) children: Vec<usize>,
    /// Its position among siblings of its name, from 1, when it has any.
    pub(crate) number: Option<usize>,
}

/// All elements of a header, in document order.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    /// The `ClinicalDocument`.
    pub(crate) root: usize,
    /// Whether every element knows its number.
    numbered: bool,
}

/// One element.
#[derive(Clone, Copy)]
pub(crate) struct Element<'t> {
    tree: &'t Tree,
    index: usize,
}

impl Tree {
    /// The `ClinicalDocument`.
    pub(crate) fn root(&self) -> Element<'_> {
        Element { tree: self, index: self.root }
    }

    /// Every element of the header, in document order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Element<'_>> {
        (self.root..self.nodes.len()).map(|index| Element { tree: self, index })
    }

    /// Where an element stands, as an XPath of local names with positions among siblings of one name.
    pub(crate) fn place(&self, index: usize) -> String {
        let mut steps = Vec::new();
        let mut next = self.nodes.get(index).map(|_| index);
        while let Some(index) = next {
            steps.push(self.step(index));
            next = self.nodes[index].parent;
        }
        steps.iter().rev().fold(String::new(), |path, step| path + "/" + step)
    }

    /// Numbers every element among its siblings, once all are read: places are then told in no time.
    pub(crate) fn number(&mut self) {
        let mut numbers = vec![None; self.nodes.len()];
        for node in &self.nodes {
            let mut same: HashMap<&str, Vec<usize>> = HashMap::new();
            for &child in &node.children {
                same.entry(self.nodes[child].name.as_str()).or_default().push(child);
            }
            for siblings in same.into_values().filter(|s| s.len() > 1) {
                siblings.iter().enumerate().for_each(|(before, &index)| numbers[index] = Some(before + 1));
            }
        }
        self.nodes.iter_mut().zip(numbers).for_each(|(node, number)| node.number = number);
        self.numbered = true;
    }

    fn step(&self, index: usize) -> String {
        let node = &self.nodes[index];
        let name: String = node.name.chars().take(MAX_NAME_IN_PLACE).collect();
        if self.numbered {
            return node.number.map_or(name.clone(), |number| format!("{name}[{number}]"));
        }
        let Some(parent) = node.parent else { return name };
        let same = || self.nodes[parent].children.iter().filter(|&&s| self.nodes[s].name == node.name);
        let before = same().take_while(|&&s| s <= index).count();
        if same().nth(1).is_some() { format!("{name}[{before}]") } else { name }
    }
}

impl<'t> Element<'t> {
    fn node(self) -> &'t Node {
        &self.tree.nodes[self.index]
    }

    pub(crate) fn tree(self) -> &'t Tree {
        self.tree
    }

    pub(crate) fn name(self) -> &'t str {
        &self.node().name
    }

    /// An attribute in no namespace; an empty one counts as absent.
    pub(crate) fn attr(self, name: &str) -> Option<&'t str> {
        self.node().attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim()).filter(|v| !v.is_empty())
    }

    /// The text directly in it, white space at both ends taken off.
    pub(crate) fn text(self) -> &'t str {
        self.node().text.trim()
    }

    pub(crate) fn children(self) -> impl DoubleEndedIterator<Item = Self> + use<'t> {
        self.node().children.iter().map(move |&index| Self { tree: self.tree, index })
    }

    pub(crate) fn named(self, name: &str) -> impl DoubleEndedIterator<Item = Self> {
        self.children().filter(move |c| c.name() == name)
    }

    /// The first element down a path of names.
    pub(crate) fn down(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |element, name| element.named(name).next())
    }

    /// The exceptional value it has instead of one (`@nullFlavor`).
    pub(crate) fn null_flavor(self) -> Option<&'t str> {
        self.attr("nullFlavor")
    }

    pub(crate) fn place(self) -> String {
        self.tree.place(self.index)
    }
}
