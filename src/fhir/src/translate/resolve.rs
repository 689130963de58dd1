//! What a reference inside a resource points at: `#id` among what it contains, a name or relative URL among the entries
//! of the bundle. A reference to anything else is not followed.

use std::collections::HashMap;

use wire_fhir::{Reference, Resource, TransactionEntry};

/// The entries of a bundle by the names that others give them.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    by_name: HashMap<String, (usize, &'a Resource)>,
}

impl<'a> Names<'a> {
    /// The names of a bundle's entries: their `fullUrl`, and `Type/id`.
    pub(crate) fn of(entries: &'a [TransactionEntry]) -> Self {
        let mut by_name = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let Some(resource) = &entry.resource else { continue };
            if let Some(url) = &entry.full_url {
                by_name.entry(url.clone()).or_insert((index, resource));
            }
            if let Some(id) = resource.id() {
                by_name.entry(format!("{}/{id}", resource.kind())).or_insert((index, resource));
            }
        }
        Self { by_name }
    }

    /// The entry that bears a name.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, &'a Resource)> {
        self.by_name.get(name).copied()
    }
}

/// Where references of one resource are looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// What it contains.
    pub(crate) contained: &'a [Resource],
    /// The bundle it stands in.
    pub(crate) names: &'a Names<'a>,
}

impl<'a> Scope<'a> {
    /// The resource a reference points at.
    pub(crate) fn resolve(&self, reference: &Reference) -> Option<&'a Resource> {
        let text = reference.reference.as_deref()?;
        match text.strip_prefix('#') {
            Some(id) => self.contained.iter().find(|r| r.id() == Some(id)),
            None => self.names.find(text).map(|(_, resource)| resource),
        }
    }
}
