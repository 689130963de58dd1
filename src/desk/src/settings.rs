//! What the holder sets: authorisations, blocks, emergency consents, opposition.

use access::Operation;
use space::{EmergencyConsents, Ins, SpaceState, settings::AuthorisationKind, trace::Act};
use store::Change;

use crate::{
    Caller, Desk, Fault,
    act::{Acting, on_settings},
};

/// A change the holder may make. `who` is a `PS_IdNat`, or a `Struct_IdNat` when `is_structure`.
#[derive(Debug, Clone)]
pub enum SettingChange {
    /// Authorise.
    Authorise {
        /// Whom.
        who: String,
        /// Whether that is a structure.
        is_structure: bool,
    },
    /// Withdraw an authorisation.
    Withdraw {
        /// From whom.
        who: String,
        /// Whether that is a structure.
        is_structure: bool,
    },
    /// Block.
    Block {
        /// Whom.
        who: String,
        /// Whether that is a structure.
        is_structure: bool,
    },
    /// Unblock.
    Unblock {
        /// Whom.
        who: String,
        /// Whether that is a structure.
        is_structure: bool,
    },
    /// Declare or remove a médecin traitant.
    MedecinTraitant {
        /// Whom.
        who: String,
        /// Declared, or removed.
        declared: bool,
    },
    /// Emergency consents.
    Emergency(EmergencyConsents),
    /// Oppose that values of documents feed the measures, or no more.
    Feeding {
        /// Opposed.
        opposed: bool,
    },
    /// Oppose the opening, or close.
    Oppose,
}

impl SettingChange {
    const fn act(&self) -> Act {
        match self {
            Self::Authorise { .. } => Act::Authorise,
            Self::Withdraw { .. } => Act::Withdraw,
            Self::Block { .. } => Act::Block,
            Self::Unblock { .. } => Act::Unblock,
            Self::MedecinTraitant { .. } => Act::SetMedecinTraitant,
            Self::Emergency(_) => Act::SetEmergency,
            Self::Feeding { .. } => Act::SetFeeding,
            Self::Oppose => Act::Oppose,
        }
    }

    fn target(&self) -> Vec<String> {
        match self {
            Self::Authorise { who, .. }
            | Self::Withdraw { who, .. }
            | Self::Block { who, .. }
            | Self::Unblock { who, .. }
            | Self::MedecinTraitant { who, .. } => vec![who.clone()],
            Self::Emergency(_) | Self::Feeding { .. } | Self::Oppose => Vec::new(),
        }
    }

    fn change(self, state: SpaceState, since_ms: i64) -> Change {
        use AuthorisationKind::{Blocked, Given};
        match self {
            Self::Authorise { who, is_structure } => {
                Change::Stand { grantee: who, is_structure, kind: Given, since_ms }
            }
            Self::Withdraw { who, is_structure } => Change::Lift { grantee: who, is_structure, kind: Given },
            Self::Block { who, is_structure } => Change::Stand { grantee: who, is_structure, kind: Blocked, since_ms },
            Self::Unblock { who, is_structure } => Change::Lift { grantee: who, is_structure, kind: Blocked },
            Self::MedecinTraitant { who, declared } => {
                Change::MedecinTraitant { professional: who, declared, authorised_ms: None }
            }
            Self::Emergency(consents) => Change::Emergency(consents),
            Self::Feeding { opposed } => Change::Feeding { opposed },
            // A space noticed is opposed; an open one is closed.
            Self::Oppose if state == SpaceState::Noticed => Change::State(SpaceState::Opposed),
            Self::Oppose => Change::State(SpaceState::Closed),
        }
    }
}

impl Desk {
    /// Changes what is set on a holder's space; it holds from the next request on, everywhere.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not, or the holder has no space.
    pub async fn set(&self, caller: &Caller, patient: Option<&Ins>, change: &SettingChange) -> Result<(), Fault> {
        let acting = Acting::new(self, caller, change.act(), change.target());
        let space = self.enter_known(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::Set, space, &settings)?;
            let record = change.clone().change(settings.state, self.clock.now().as_millisecond());
            self.store.change(&permit, record, &acting.done(&permit)).await?;
            self.known.forget_settings(space);
            Ok(())
        })
    }
}
