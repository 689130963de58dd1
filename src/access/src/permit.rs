//! A permission as a value: nobody but this room can make one, the store's functions on a space ask for it, and the
//! trace records it.

use std::{fmt, sync::Arc};

use space::{Actor, SpaceId};

use crate::{bricks::DataAction, rights::Action};

/// An operation of the model on a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Put documents in.
    Deposit,
    /// Search and list documents.
    Find,
    /// Look up the technical identifiers of documents already known by their uniqueId.
    FindReference,
    /// Find the entry of a document that is to be read: opens no body.
    Locate,
    /// Read a document.
    Fetch,
    /// Ask whether a space exists and what its holder is called.
    Identify,
    /// Ask the same of a space that may be closed, and what one may do with it (TD0.2).
    Exists,
    /// Read administrative data (TD1.3a).
    Administrative,
    /// Read who is authorised or blocked (TD1.6).
    ListAuthorised,
    /// Declare or give up an authorisation or a role of one's own (TD0.3).
    SetOwn(Action),
    /// Link a structure's own number to the holder, or take the link away (ITI-44).
    LinkNumber,
    /// Read by which numbers the holder is known (ITI-45).
    CrossReference,
    /// Make one space of two that are one person's.
    Merge,
    /// Tell a consumer that the numbers of the holder changed (ITI-46).
    Notify,
    /// Tell who follows the space what came in (ITI-53).
    Publish,
    /// Read the trace.
    ReadTrace,
    /// Change a document's state or visibility.
    Change(Action),
    /// Read, put in, change or take away data that are no documents.
    Data(DataAction),
    /// Make the space of a holder (import of identities).
    Create,
    /// Pass on to the gateway upstream what was decided and done here.
    Forward,
    /// Set an authorisation, a block or a consent, or oppose a space.
    Set,
}

/// Which rule allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A function open to this column of the functional rights.
    Function(Action),
    /// The holder, on their own space.
    Holder,
    /// The professional's own document.
    Own,
    /// An authorisation given to the professional.
    Authorised,
    /// An authorisation given to the professional's structure.
    TeamAuthorised,
    /// Declared médecin traitant.
    MedecinTraitant,
    /// Break-glass, not opposed.
    BrisDeGlace,
    /// Regulation of emergency calls, not opposed.
    Centre15,
    /// The structure that gives out the numbers of a domain.
    IdentitySource,
    /// The gateway's operator: import of identities; on development data, settings too.
    Operator,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(action) => {
                write!(f, "droits fonctionnels PDT-INF-526/606: {}", action.word())
            }
            Self::Holder => f.write_str("R.1111-27: titulaire"),
            Self::Own => f.write_str("R.1111-49: auteur"),
            Self::Authorised => f.write_str("R.1111-46: autorisation du titulaire; matrice d'habilitation"),
            Self::TeamAuthorised => f.write_str("R.1111-46: équipe de soins de la structure; matrice d'habilitation"),
            Self::MedecinTraitant => f.write_str("R.1111-49: médecin traitant; matrice d'habilitation"),
            Self::BrisDeGlace => f.write_str("R.1111-48: bris de glace"),
            Self::Centre15 => f.write_str("R.1111-48: centre 15"),
            Self::IdentitySource => f.write_str("ITI TF-1 §5: structure du domaine d'identification; RNIV"),
            Self::Operator => f.write_str("exploitant de la passerelle"),
        }
    }
}

/// Leave for an action that bears on no one space: what it comes to is decided space by space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtLarge {
    action: Action,
}

impl AtLarge {
    pub(crate) const fn new(action: Action) -> Self {
        Self { action }
    }

    /// For what.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }
}

/// Leave to carry out one operation on one space, as its settings stood at one revision.
#[derive(Debug, Clone)]
pub struct Permit {
    actor: Arc<Actor>,
    space: SpaceId,
    operation: Operation,
    rule: Rule,
    revision: i64,
}

impl Permit {
    pub(crate) const fn new(
        actor: Arc<Actor>,
        space: SpaceId,
        operation: Operation,
        rule: Rule,
        revision: i64,
    ) -> Self {
        Self { actor, space, operation, rule, revision }
    }

    /// Who.
    #[must_use]
    pub fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }
    /// Where.
    #[must_use]
    pub const fn space(&self) -> SpaceId {
        self.space
    }
    /// What.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }
    /// By which rule.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }
    /// Revision of the settings the decision was made on.
    #[must_use]
    pub const fn revision(&self) -> i64 {
        self.revision
    }
}
