//! Functional rights of the DMP: 27 actions, by actor and authentication mode (PDT-INF-526, PDT-INF-606), as data.

use std::collections::HashMap;

use space::{Actor, AuthMode, Purpose, Role};
use terminology::{LoadError, Mappings};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }
        impl $name {
            /// All of them, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// The table's word.
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $(Self::$variant => $word,)* } }
        }
    };
}

words! {
    /// A row of the table.
    Action {
        /// TD0.0.
        AuthenticateIdentity = "authenticate_identity",
        /// TD0.1.
        Authentication = "authentication",
        /// TD0.2.
        ExistenceTest = "existence_test",
        /// TD0.3.
        DeclareAuthorised = "declare_authorised",
        /// TD0.3.
        RemoveOwnAuthorisation = "remove_own_authorisation",
        /// TD0.3.
        RemoveOwnMt = "remove_own_mt",
        /// TD0.4.
        ListAccessible = "list_accessible",
        /// TD0.5.
        SearchWithoutIns = "search_without_ins",
        /// TD0.9, TD0.10.
        WebAccess = "web_access",
        /// TD1.3a.
        AdministrativeData = "administrative_data",
        /// TD1.6.
        ListAuthorised = "list_authorised",
        /// TD2.1.
        Feed = "feed",
        /// TD2.2.
        FeedCpe = "feed_cpe",
        /// TD3.1, metadata.
        FindMetadata = "find_metadata",
        /// TD3.1, reference of one document.
        FindReference = "find_reference",
        /// TD3.2.
        Read = "read",
        /// TD3.2 of a masked document.
        ReadMasked = "read_masked",
        /// TD3.2 of a document hidden from the holder or representatives.
        ReadHidden = "read_hidden",
        /// TD3.2 of an archived document.
        ReadArchived = "read_archived",
        /// TD3.2 of an older version.
        ReadObsolete = "read_obsolete",
        /// TD3.2 of a deleted document.
        ReadDeleted = "read_deleted",
        /// TD3.3a.
        Mask = "mask",
        /// TD3.3a.
        Unmask = "unmask",
        /// TD3.3b.
        MakeVisible = "make_visible",
        /// TD3.3d.
        Archive = "archive",
        /// TD3.3d.
        Unarchive = "unarchive",
        /// TD3.3c.
        Delete = "delete",
    }
}

words! {
    /// A column of the table: an actor in a mode.
    Column {
        /// Card, not a physician.
        CpsOtherNormal = "CPS_PSnonMedecin_normal",
        /// Card, not a physician, regulation.
        CpsOtherRegulation = "CPS_PSnonMedecin_regulation",
        /// Card, not a physician, break-glass.
        CpsOtherBris = "CPS_PSnonMedecin_bris",
        /// Card, physician.
        CpsPhysicianNormal = "CPS_MedecinNonMT_normal",
        /// Card, physician, regulation.
        CpsPhysicianRegulation = "CPS_MedecinNonMT_regulation",
        /// Card, physician, break-glass.
        CpsPhysicianBris = "CPS_MedecinNonMT_bris",
        /// Card, occupational physician.
        CpsOccupational = "CPS_MedecinDuTravail",
        /// Card, médecin traitant.
        CpsMtNormal = "CPS_MT_normal",
        /// Card, médecin traitant, break-glass.
        CpsMtBris = "CPS_MT_bris",
        /// Secretary's card.
        Cpe = "CPE_nonPS_normal",
        /// Structure certificate.
        StructureNormal = "CertES_normal",
        /// Structure certificate, regulation.
        StructureRegulation = "CertES_regulation",
        /// AIR, not a physician.
        AirOtherNormal = "AIR_PSnonMedecin_normal",
        /// AIR, not a physician, regulation.
        AirOtherRegulation = "AIR_PSnonMedecin_regulation",
        /// AIR, not a physician, break-glass.
        AirOtherBris = "AIR_PSnonMedecin_bris",
        /// AIR, physician.
        AirPhysicianNormal = "AIR_MedecinNonMT_normal",
        /// AIR, physician, regulation.
        AirPhysicianRegulation = "AIR_MedecinNonMT_regulation",
        /// AIR, physician, break-glass.
        AirPhysicianBris = "AIR_MedecinNonMT_bris",
        /// AIR, médecin traitant.
        AirMtNormal = "AIR_MT_normal",
        /// AIR, médecin traitant, break-glass.
        AirMtBris = "AIR_MT_bris",
        /// AIR, staff without profession.
        AirAgent = "AIR_PE_nonPS_normal",
    }
}

/// The table's note number n, as `oui(n)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Condition(pub u8);

impl Condition {
    /// Only documents of one's own (notes 6, 8 and 9).
    #[must_use]
    pub const fn own_only(self) -> bool {
        matches!(self.0, 6 | 8 | 9)
    }
    /// Only if the holder allowed it for emergencies (note 7).
    #[must_use]
    pub const fn holder_allows(self) -> bool {
        self.0 == 7
    }
}

/// A cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// May not, or does not exist.
    No,
    /// May.
    Yes,
    /// May, under a condition.
    Under(Condition),
}

/// The table.
#[derive(Debug)]
pub struct Rights {
    cells: Vec<Right>,
}

impl Rights {
    /// Loads `droits-fonctionnels-dmp.tsv`.
    ///
    /// # Errors
    /// When a row or column is absent or a cell is none of `oui`, `oui(n)`, `non`, `n/a`.
    pub fn load(mappings: &Mappings) -> Result<Self, LoadError> {
        let table = mappings.table("droits-fonctionnels-dmp.tsv")?;
        let rows: HashMap<&str, (usize, &[String])> =
            table.rows().map(|(line, row)| (row[0].as_str(), (line, row))).collect();
        let mut cells = Vec::with_capacity(Action::ALL.len() * Column::ALL.len());
        for action in Action::ALL {
            let (line, row) =
                rows.get(action.word()).copied().ok_or_else(|| table.bad_value(0, "action", action.word()))?;
            for column in Column::ALL {
                let cell = row[table.column(column.word())?].as_str();
                cells.push(match cell {
                    "oui" => Right::Yes,
                    "non" | "n/a" => Right::No,
                    _ => cell
                        .strip_prefix("oui(")
                        .and_then(|c| c.strip_suffix(')'))
                        .and_then(|n| n.parse().ok())
                        .map(|n| Right::Under(Condition(n)))
                        .ok_or_else(|| table.bad_value(line, column.word(), cell))?,
                });
            }
        }
        Ok(Self { cells })
    }

    /// What a column may do. No column, no right.
    #[must_use]
    pub fn right(&self, action: Action, column: Option<Column>) -> Right {
        column.map_or(Right::No, |c| self.cells[action as usize * Column::ALL.len() + c as usize])
    }
}

/// The column an actor stands in; `None` when the table has none for it (then it may nothing).
#[must_use]
pub(crate) fn column_of(actor: &Actor, is_mt: bool, occupational: &[String]) -> Option<Column> {
    use Column as C;
    let purpose = match actor.purpose {
        Purpose::Normal => 0,
        Purpose::Centre15 => 1,
        Purpose::BrisDeGlace { .. } => 2,
    };
    let pick = |columns: [Option<Column>; 3]| columns[purpose];
    let physician = actor.profession.is_physician();
    let is_occupational = physician && actor.profession.speciality.as_ref().is_some_and(|s| occupational.contains(s));
    match (actor.role, actor.auth) {
        (Role::Structure, AuthMode::Indirecte) => pick([Some(C::StructureNormal), Some(C::StructureRegulation), None]),
        (Role::Agent, AuthMode::Directe) => pick([Some(C::Cpe), None, None]),
        (Role::Agent, AuthMode::IndirecteRenforcee) => pick([Some(C::AirAgent), None, None]),
        (Role::Professional, AuthMode::Directe) if is_occupational => Some(C::CpsOccupational),
        (Role::Professional, AuthMode::IndirecteRenforcee) if is_occupational => None,
        // The table has no column for a médecin traitant who regulates: he is then a physician like another.
        (Role::Professional, AuthMode::Directe) if physician && is_mt => {
            pick([Some(C::CpsMtNormal), Some(C::CpsPhysicianRegulation), Some(C::CpsMtBris)])
        }
        (Role::Professional, AuthMode::Directe) if physician => {
            pick([Some(C::CpsPhysicianNormal), Some(C::CpsPhysicianRegulation), Some(C::CpsPhysicianBris)])
        }
        (Role::Professional, AuthMode::Directe) => {
            pick([Some(C::CpsOtherNormal), Some(C::CpsOtherRegulation), Some(C::CpsOtherBris)])
        }
        (Role::Professional, AuthMode::IndirecteRenforcee) if physician && is_mt => {
            pick([Some(C::AirMtNormal), Some(C::AirPhysicianRegulation), Some(C::AirMtBris)])
        }
        (Role::Professional, AuthMode::IndirecteRenforcee) if physician => {
            pick([Some(C::AirPhysicianNormal), Some(C::AirPhysicianRegulation), Some(C::AirPhysicianBris)])
        }
        (Role::Professional, AuthMode::IndirecteRenforcee) => {
            pick([Some(C::AirOtherNormal), Some(C::AirOtherRegulation), Some(C::AirOtherBris)])
        }
        _ => None,
    }
}
