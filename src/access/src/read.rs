//! Reading: one rule for a listing and for a fetch.

use space::{Actor, AvailabilityStatus, Cause, Refusal};

use crate::{
    facts::{EntryFacts, Owner},
    matrix::Matrix,
    permit::Rule,
    rights::Right,
};

/// What an actor may read in one space, worked out once and applied to each entry.
#[derive(Debug, Clone)]
pub struct ReadGrant {
    /// What opens documents that are not the actor's own; `None` when nothing does.
    pub(crate) base: Result<Rule, Cause>,
    /// The actor's column of the matrix; all bits when the matrix does not filter.
    pub(crate) column: u32,
    pub(crate) masked: Right,
    pub(crate) hidden: Right,
    pub(crate) archived: Right,
    pub(crate) obsolete: Right,
    pub(crate) deleted: Right,
    pub(crate) emergency_masked: bool,
    pub(crate) own: bool,
    pub(crate) person: Option<String>,
    pub(crate) structure: Option<String>,
}

/// Whether an entry is shown, and by which rule or why not.
pub type Shown = Result<Rule, Cause>;

impl ReadGrant {
    /// Whether the actor may read this entry.
    ///
    /// # Errors
    /// The first rule that stands against it.
    pub fn allows(&self, facts: &EntryFacts, matrix: &Matrix) -> Shown {
        let own = self.own && self.owns(facts);
        if facts.status == AvailabilityStatus::Deleted && self.deleted == Right::No {
            return Err(Cause::DocumentDeleted);
        }
        if own {
            return Ok(Rule::Own);
        }
        // Before anything that would tell a masked document from an absent one.
        if facts.visibility.masked && !self.opens(self.masked) {
            return Err(Cause::Masked);
        }
        let rule = self.base?;
        if !matrix.may_read(self.column, facts.kind) {
            return Err(Cause::MatrixExcludes);
        }
        let hidden = facts.visibility.hidden_from_holder || facts.visibility.hidden_from_representatives;
        if hidden && !self.opens(self.hidden) {
            return Err(Cause::FunctionDenied);
        }
        let state = match facts.status {
            AvailabilityStatus::Approved => Right::Yes,
            AvailabilityStatus::Deprecated => self.obsolete,
            AvailabilityStatus::Archived => self.archived,
            AvailabilityStatus::Deleted => self.deleted,
        };
        if self.opens(state) { Ok(rule) } else { Err(Cause::FunctionDenied) }
    }

    /// Why a listing with nothing of one's own in it is refused as a whole; `None` when a listing may be given.
    #[must_use]
    pub fn refuses_listing(&self) -> Option<Cause> {
        self.base.err()
    }

    /// Whether something of these owners is the actor's own.
    #[must_use]
    pub fn is_of(&self, owners: &[Owner]) -> bool {
        self.own && is_of(self.person.as_deref(), self.structure.as_deref(), owners)
    }

    pub(crate) fn owns(&self, facts: &EntryFacts) -> bool {
        owns(self.person.as_deref(), self.structure.as_deref(), facts)
    }

    const fn opens(&self, right: Right) -> bool {
        match right {
            Right::Yes => true,
            Right::No => false,
            Right::Under(condition) => condition.holder_allows() && self.emergency_masked,
        }
    }
}

/// Whether the document is the actor's: the person's, or the structure's when the structure acts itself.
pub(crate) fn owns(person: Option<&str>, structure: Option<&str>, facts: &EntryFacts) -> bool {
    is_of(person, structure, &facts.owners)
}

fn is_of(person: Option<&str>, structure: Option<&str>, owners: &[Owner]) -> bool {
    owners.iter().any(|owner| match owner {
        Owner::Person(id) => person == Some(id),
        Owner::Structure(id) => structure == Some(id),
        Owner::Holder => false,
    })
}

/// The identifiers by which an actor owns documents: a professional by name, a structure (or its staff) as a whole.
pub(crate) fn owner_keys(actor: &Actor) -> (Option<String>, Option<String>) {
    use space::Role;
    match actor.role {
        Role::Professional => (actor.id.as_ref().map(ToString::to_string), None),
        Role::Agent | Role::Structure if actor.structure_proven => {
            (None, actor.structure.as_ref().map(ToString::to_string))
        }
        Role::Agent | Role::Structure => (None, None),
        Role::Holder | Role::Operator => (None, None),
    }
}

/// A refusal at no place: decisions know no message.
pub(crate) fn refuse<T>(cause: Cause) -> Result<T, Refusal> {
    Err(Refusal::new(cause))
}
