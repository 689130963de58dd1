//! What a decision needs to know of a document: its kind, state, visibility and whose it is.

use space::{AvailabilityStatus, DocumentEntry, Visibility};

use crate::matrix::{KindIndex, Matrix};

/// Somebody whose document it is: author, or depositor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Owner {
    /// A professional (`PS_IdNat`).
    #[serde(rename = "p")]
    Person(String),
    /// A structure (`Struct_IdNat`).
    #[serde(rename = "s")]
    Structure(String),
    /// The holder.
    #[serde(rename = "h")]
    Holder,
}

/// What a decision needs to know of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFacts {
    /// Row of the matrix.
    pub kind: KindIndex,
    /// State.
    pub status: AvailabilityStatus,
    /// From whom it is kept.
    pub visibility: Visibility,
    /// Whose it is.
    pub owners: Vec<Owner>,
}

impl EntryFacts {
    /// The facts of an entry; `owners` is what [`EntryFacts::owners_of`] gave when it was deposited.
    #[must_use]
    pub fn of(entry: &DocumentEntry, owners: Vec<Owner>, matrix: &Matrix) -> Self {
        Self {
            kind: matrix.kind(&entry.type_code.code, &entry.type_code.scheme),
            status: entry.status,
            visibility: entry.visibility(),
            owners,
        }
    }

    /// Whose a document is: its authors and their structures, and who deposited it.
    #[must_use]
    pub fn owners_of(entry: &DocumentEntry, depositor: &space::Actor) -> Vec<Owner> {
        Self::owners_of_authors(&entry.authors, depositor)
    }

    /// The same of something else that has authors.
    #[must_use]
    pub fn owners_of_authors(authors: &[space::Author], depositor: &space::Actor) -> Vec<Owner> {
        let mut owners = Vec::new();
        let mut add = |owner: Owner| {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        };
        for author in authors {
            let person = author.person.as_ref();
            if let Some(id) = person.and_then(|p| p.id()) {
                match person.and_then(|p| p.id_type()) {
                    Some("NH") => add(Owner::Holder),
                    _ => add(Owner::Person(id.to_owned())),
                }
            }
            for id in author.institutions.iter().filter_map(|i| i.id()) {
                add(Owner::Structure(id.to_owned()));
            }
        }
        if let Some(id) = &depositor.id {
            add(Owner::Person(id.as_str().to_owned()));
        }
        if let Some(id) = &depositor.structure {
            add(Owner::Structure(id.as_str().to_owned()));
        }
        owners
    }
}
