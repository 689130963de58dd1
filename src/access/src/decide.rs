//! The decision itself: space, block, mode, function, consent, matrix, visibility, in that order.

use std::sync::Arc;

use space::{Actor, Cause, Purpose, Refusal, Role, Settings, SpaceId, SpaceState, settings::AuthorisationKind};

use crate::{
    Tables,
    facts::{EntryFacts, Owner},
    permit::{AtLarge, Operation, Permit, Rule},
    read::{self, ReadGrant, refuse},
    rights::{Action, Column, Right, column_of},
};

impl Tables {
    /// Decides an operation that bears on a space as a whole.
    ///
    /// # Errors
    /// The rule that stands against it.
    pub fn decide(
        &self,
        actor: &Arc<Actor>,
        operation: Operation,
        space: SpaceId,
        settings: &Settings,
    ) -> Result<Permit, Refusal> {
        let permit = |rule| Permit::new(Arc::clone(actor), space, operation, rule, settings.revision);
        if actor.role == Role::Operator {
            return match operation {
                Operation::Set if !self.policy.operator_may_set => refuse(Cause::FunctionDenied),
                Operation::Create | Operation::Forward | Operation::Publish => Ok(permit(Rule::Operator)),
                Operation::ReadTrace | Operation::Identify if !self.policy.operator_may_set => {
                    refuse(Cause::FunctionDenied)
                }
                Operation::Merge if !self.policy.operator_may_set => refuse(Cause::FunctionDenied),
                Operation::Set | Operation::ReadTrace | Operation::Identify => Ok(permit(Rule::Operator)),
                Operation::Merge if settings.state == SpaceState::Open => Ok(permit(Rule::Operator)),
                Operation::Merge => refuse(Cause::SpaceClosed),
                _ => refuse(Cause::FunctionDenied),
            };
        }
        if operation == Operation::Exists {
            return self.exists(actor, settings).map(permit);
        }
        let column = self.enter(actor, settings)?;
        match operation {
            Operation::Administrative => {
                self.function(Action::AdministrativeData, column)?;
                Ok(permit(Rule::Function(Action::AdministrativeData)))
            }
            Operation::ListAuthorised => {
                self.function(Action::ListAuthorised, column)?;
                Ok(permit(Rule::Function(Action::ListAuthorised)))
            }
            Operation::SetOwn(action) => {
                self.function(action, column)?;
                Ok(permit(Rule::Function(action)))
            }
            Operation::Deposit => {
                let action = if actor.role == Role::Agent { Action::FeedCpe } else { Action::Feed };
                self.function(action, column)?;
                Ok(permit(Rule::Function(action)))
            }
            Operation::Find => {
                self.function(Action::FindMetadata, column)?;
                let grant = self.read_grant_in(actor, settings, column);
                // Own documents are always shown: the desk refuses the listing when there are none of them.
                Ok(permit(grant.base.unwrap_or(Rule::Own)))
            }
            Operation::FindReference => {
                self.function(Action::FindReference, column)?;
                Ok(permit(Rule::Function(Action::FindReference)))
            }
            // Which document is meant is looked up first; reading it is decided on the document.
            Operation::Locate => Ok(permit(Rule::Own)),
            Operation::Identify => {
                self.function(Action::ExistenceTest, column)?;
                Ok(permit(Rule::Function(Action::ExistenceTest)))
            }
            // Who feeds a domain is decided on the domain (`Tables::source_of`); here, that the space may be touched.
            Operation::LinkNumber | Operation::Merge => {
                self.function(Action::ExistenceTest, column)?;
                Ok(permit(Rule::IdentitySource))
            }
            Operation::CrossReference => {
                self.function(Action::ExistenceTest, column)?;
                Ok(permit(Rule::Function(Action::ExistenceTest)))
            }
            Operation::ReadTrace => {
                self.function(Action::ExistenceTest, column)?;
                let rule = if is_mt(actor, settings) { Rule::MedecinTraitant } else { Rule::Own };
                Ok(permit(rule))
            }
            Operation::Fetch
            | Operation::Change(_)
            | Operation::Data(_)
            | Operation::Set
            | Operation::Create
            | Operation::Exists
            | Operation::Notify
            | Operation::Publish
            | Operation::Forward => refuse(Cause::FunctionDenied),
        }
    }

    /// Decides an operation that bears on one document.
    ///
    /// # Errors
    /// The rule that stands against it.
    pub fn decide_entry(
        &self,
        actor: &Arc<Actor>,
        operation: Operation,
        space: SpaceId,
        facts: &EntryFacts,
        settings: &Settings,
    ) -> Result<Permit, Refusal> {
        let column = self.enter(actor, settings)?;
        let rule = match operation {
            Operation::Fetch => {
                let grant = self.read_grant_in(actor, settings, column);
                grant.allows(facts, &self.matrix).map_err(Refusal::new)?
            }
            Operation::Change(action) => self.change(actor, action, facts, column)?,
            _ => return refuse(Cause::FunctionDenied),
        };
        Ok(Permit::new(Arc::clone(actor), space, operation, rule, settings.revision))
    }

    /// Decides an action that bears on no one space (TD0.4, TD0.5).
    ///
    /// # Errors
    /// The rule that stands against it.
    pub fn decide_at_large(&self, actor: &Actor, action: Action) -> Result<AtLarge, Refusal> {
        let reason = matches!(actor.purpose, Purpose::BrisDeGlace { .. }) && actor.purpose.reason().is_none();
        if reason {
            return refuse(Cause::ReasonRequired);
        }
        self.function(action, column_of(actor, false, &self.policy.occupational_specialities))?;
        Ok(AtLarge::new(action))
    }

    /// A space that is closed is told to be; one that nobody has yet is not there.
    fn exists(&self, actor: &Actor, settings: &Settings) -> Result<Rule, Refusal> {
        let open = match settings.state {
            SpaceState::Open => settings,
            SpaceState::Closed => &Settings { state: SpaceState::Open, ..settings.clone() },
            SpaceState::Noticed | SpaceState::Opposed | SpaceState::Merged => {
                return refuse(Cause::UnknownHolder);
            }
        };
        let column = self.enter(actor, open)?;
        self.function(Action::ExistenceTest, column)?;
        Ok(Rule::Function(Action::ExistenceTest))
    }

    /// What the actor may read in the space, to be applied to each entry of a listing.
    ///
    /// # Errors
    /// When the actor may not even enter (state of the space, block, emergency opposed).
    pub fn read_grant(&self, actor: &Actor, settings: &Settings) -> Result<ReadGrant, Refusal> {
        let column = self.enter(actor, settings)?;
        Ok(self.read_grant_in(actor, settings, column))
    }

    /// What the actor may look up by reference: what he may read, and (structures, staff) what is his structure's.
    ///
    /// # Errors
    /// As [`Tables::read_grant`].
    pub fn reference_grant(&self, actor: &Actor, settings: &Settings) -> Result<ReadGrant, Refusal> {
        let column = self.enter(actor, settings)?;
        let mut grant = self.read_grant_in(actor, settings, column);
        grant.own = true;
        Ok(grant)
    }

    /// State of the space, block, and the conditions of the mode.
    pub(crate) fn enter(&self, actor: &Actor, settings: &Settings) -> Result<Option<Column>, Refusal> {
        match settings.state {
            SpaceState::Open => {}
            SpaceState::Noticed => return refuse(Cause::SpaceNotOpen),
            SpaceState::Opposed | SpaceState::Closed | SpaceState::Merged => return refuse(Cause::SpaceClosed),
        }
        let blocked = |id: Option<&str>, is_structure| {
            id.is_some_and(|id| settings.standing(id, is_structure) == Some(AuthorisationKind::Blocked))
        };
        if blocked(actor.id.as_ref().map(space::ProfessionalId::as_str), false)
            || blocked(actor.structure.as_ref().map(space::StructureId::as_str), true)
        {
            return refuse(Cause::Blocked);
        }
        if matches!(actor.purpose, Purpose::BrisDeGlace { .. }) && actor.purpose.reason().is_none() {
            return refuse(Cause::ReasonRequired);
        }
        Ok(column_of(actor, is_mt(actor, settings), &self.policy.occupational_specialities))
    }

    fn function(&self, action: Action, column: Option<Column>) -> Result<(), Refusal> {
        match self.rights.right(action, column) {
            Right::No => Err(Refusal::new(Cause::FunctionDenied).about(action.word())),
            Right::Yes | Right::Under(_) => Ok(()),
        }
    }

    fn read_grant_in(&self, actor: &Actor, settings: &Settings, column: Option<Column>) -> ReadGrant {
        let right = |action| self.rights.right(action, column);
        let reads = right(Action::Read) != Right::No;
        let (person, structure) = read::owner_keys(actor);
        let mt_masked = if self.policy.mt_reads_masked { Right::Yes } else { Right::No };
        let masked = match right(Action::ReadMasked) {
            // The only unconditional "oui" of this row is the médecin traitant's, on which sources disagree.
            Right::Yes => mt_masked,
            other => other,
        };
        let emergency = !matches!(actor.purpose, Purpose::Normal);
        let matrix_column = if emergency && self.policy.emergency_ignores_matrix {
            u32::MAX
        } else {
            self.matrix.column(&actor.profession)
        };
        let base = if !reads {
            Err(Cause::FunctionDenied)
        } else {
            consent(actor, settings, self.policy.team_of_structure)
                .and_then(|rule| if matrix_column == 0 { Err(Cause::ProfessionExcluded) } else { Ok(rule) })
        };
        ReadGrant {
            base,
            column: matrix_column,
            masked,
            hidden: right(Action::ReadHidden),
            archived: right(Action::ReadArchived),
            obsolete: right(Action::ReadObsolete),
            deleted: if self.policy.read_deleted { right(Action::ReadDeleted) } else { Right::No },
            emergency_masked: settings.emergency.masked,
            own: reads || self.policy.depositor_reads_in_any_mode,
            person,
            structure,
        }
    }

    /// What opens the space to a professional, as for the documents of others.
    pub(crate) fn opens_space(&self, actor: &Actor, settings: &Settings) -> Result<Rule, Refusal> {
        consent(actor, settings, self.policy.team_of_structure).map_err(Refusal::new)
    }

    fn change(
        &self,
        actor: &Actor,
        action: Action,
        facts: &EntryFacts,
        column: Option<Column>,
    ) -> Result<Rule, Refusal> {
        let right = self.rights.right(action, column);
        let (person, structure) = read::owner_keys(actor);
        let own = read::owns(person.as_deref(), structure.as_deref(), facts);
        match right {
            Right::No => return Err(Refusal::new(Cause::FunctionDenied).about(action.word())),
            Right::Under(condition) if condition.own_only() && !own => {
                return refuse(Cause::NotAuthor);
            }
            Right::Yes | Right::Under(_) => {}
        }
        // Note (*) of the table: a holder's own document is put aside or deleted by nobody but the médecin traitant.
        let put_aside = matches!(action, Action::Archive | Action::Unarchive | Action::Delete);
        if put_aside
            && facts.owners.contains(&Owner::Holder)
            && !matches!(column, Some(Column::CpsMtNormal | Column::AirMtNormal))
        {
            return refuse(Cause::NotAuthor);
        }
        Ok(if own { Rule::Own } else { Rule::Function(action) })
    }
}

fn is_mt(actor: &Actor, settings: &Settings) -> bool {
    actor.id.as_ref().is_some_and(|id| settings.medecins_traitants.iter().any(|mt| mt == id.as_str()))
}

/// What opens other people's documents to the actor.
fn consent(actor: &Actor, settings: &Settings, team: bool) -> Result<Rule, Cause> {
    match actor.purpose {
        Purpose::BrisDeGlace { .. } if settings.emergency.bris_de_glace => {
            return Ok(Rule::BrisDeGlace);
        }
        Purpose::Centre15 if settings.emergency.centre15 => return Ok(Rule::Centre15),
        Purpose::BrisDeGlace { .. } | Purpose::Centre15 => return Err(Cause::EmergencyOpposed),
        Purpose::Normal => {}
    }
    let given = |id: Option<&str>, is_structure| {
        id.is_some_and(|id| settings.standing(id, is_structure) == Some(AuthorisationKind::Given))
    };
    if is_mt(actor, settings) {
        Ok(Rule::MedecinTraitant)
    } else if given(actor.id.as_ref().map(space::ProfessionalId::as_str), false) {
        Ok(Rule::Authorised)
    } else if team && actor.structure_proven && given(actor.structure.as_ref().map(space::StructureId::as_str), true) {
        Ok(Rule::TeamAuthorised)
    } else {
        Err(Cause::NotAuthorised)
    }
}
