//! Who may do what on a health space: pure decisions over tables of law and what the holder has set.
//!
//! [`Tables::decide`] answers with a [`Permit`] — a value that nobody else can make, which the store asks for — or with
//! the cause of the refusal. A listing and a fetch go through the same rule ([`ReadGrant::allows`]), so that what a
//! list shows is exactly what may be read. Does no I/O.

mod bricks;
mod decide;
mod domains;
mod facts;
mod matrix;
mod permit;
mod policy;
mod read;
mod rights;

#[cfg(test)]
mod tests;

pub use bricks::{BrickRights, DataAction};
pub use domains::{Consumer, Domain};
pub use facts::{EntryFacts, Owner};
pub use matrix::{KindIndex, Matrix};
pub use permit::{AtLarge, Operation, Permit, Rule};
pub use policy::AccessPolicy;
pub use read::{ReadGrant, Shown};
pub use rights::{Action, Column, Condition, Right, Rights};

/// The tables a decision is made with.
#[derive(Debug)]
pub struct Tables {
    pub(crate) matrix: Matrix,
    pub(crate) rights: Rights,
    pub(crate) bricks: BrickRights,
    pub(crate) policy: AccessPolicy,
    pub(crate) domains: Vec<Domain>,
}

impl Tables {
    /// Loads and checks the access matrix and the functional rights.
    ///
    /// # Errors
    /// On the first cell that means nothing.
    pub fn load(mappings: &terminology::Mappings, policy: AccessPolicy) -> Result<Self, terminology::LoadError> {
        Ok(Self {
            matrix: Matrix::load(mappings)?,
            rights: Rights::load(mappings)?,
            bricks: BrickRights::load(mappings)?,
            policy,
            domains: Vec::new(),
        })
    }

    /// The access matrix.
    #[must_use]
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The functional rights.
    #[must_use]
    pub fn rights(&self) -> &Rights {
        &self.rights
    }

    /// The readings of the law in force here.
    #[must_use]
    pub fn policy(&self) -> &AccessPolicy {
        &self.policy
    }
}
