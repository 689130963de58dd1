//! Who may do what with data that are no documents: a table of law by brick, action and kind of actor.

use std::{collections::HashMap, sync::Arc};

use space::{
    Actor, Cause, Refusal, Role, Settings, SpaceId,
    data::{Authorship, Brick},
};
use terminology::{LoadError, Mappings};

use crate::{
    Tables,
    permit::{Operation, Permit, Rule},
    read::refuse,
};

/// What is done with data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataAction {
    /// Read and search.
    Read,
    /// Put in.
    Add,
    /// Put a new version in.
    Change,
    /// Take away.
    Remove,
}

impl DataAction {
    const ALL: [Self; 4] = [Self::Read, Self::Add, Self::Change, Self::Remove];

    /// The table's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Add => "add",
            Self::Change => "change",
            Self::Remove => "remove",
        }
    }
}

/// A cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Yes,
    No,
    Own,
    Setting,
}

/// Columns: holder, professional, structure.
type Row = [Cell; 3];

/// The table.
#[derive(Debug)]
pub struct BrickRights {
    rows: HashMap<(Brick, DataAction), Row>,
}

impl BrickRights {
    /// Loads `brick-rights.tsv`.
    ///
    /// # Errors
    /// When a row or column is absent, or a cell means nothing.
    pub fn load(mappings: &Mappings) -> Result<Self, LoadError> {
        let table = mappings.table("brick-rights.tsv")?;
        let mut rows = HashMap::new();
        for brick in Brick::ALL {
            for action in DataAction::ALL {
                let (brick_at, action_at) = (table.column("brick")?, table.column("action")?);
                let found = table.rows().find(|(_, r)| r[brick_at] == brick.word() && r[action_at] == action.word());
                let (line, row) = found.ok_or_else(|| table.bad_value(0, "brick", brick.word()))?;
                let cell = |name: &str| match row[table.column(name)?].as_str() {
                    "oui" => Ok(Cell::Yes),
                    "non" => Ok(Cell::No),
                    "own" => Ok(Cell::Own),
                    "setting" => Ok(Cell::Setting),
                    other => Err(table.bad_value(line, name, other)),
                };
                rows.insert((*brick, action), [cell("holder")?, cell("professional")?, cell("structure")?]);
            }
        }
        Ok(Self { rows })
    }
}

impl Tables {
    /// Decides what is done with the data of a brick; `of` is whose the datum is, where one is named.
    ///
    /// # Errors
    /// The rule that stands against it.
    pub fn decide_data(
        &self,
        actor: &Arc<Actor>,
        brick: Brick,
        action: DataAction,
        space: SpaceId,
        of: Option<&Authorship>,
        settings: &Settings,
    ) -> Result<Permit, Refusal> {
        self.enter(actor, settings)?;
        let reserved = || Refusal::new(Cause::BrickReserved).about(format!("{}: {}", brick.word(), action.word()));
        let row = self.bricks.rows.get(&(brick, action)).ok_or_else(reserved)?;
        let cell = match actor.role {
            Role::Holder => row[0],
            Role::Professional => row[1],
            Role::Structure | Role::Agent => row[2],
            Role::Operator => Cell::No,
        };
        let own = || match (of, actor.role) {
            (Some(Authorship::Holder), Role::Holder) => true,
            (Some(Authorship::Professional(id)), _) => actor.id.as_ref() == Some(id),
            _ => false,
        };
        let opened = self.policy.bricks_open_to_professionals.iter().any(|word| word == brick.word());
        let granted = match cell {
            Cell::Yes => true,
            Cell::No => false,
            Cell::Own if !own() => return refuse(Cause::NotAuthor),
            // What a professional put in while it was open stays his to mend only as long as it is.
            Cell::Own => actor.role == Role::Holder || opened,
            Cell::Setting => opened,
        };
        if !granted {
            return Err(reserved());
        }
        let rule = match actor.role {
            Role::Holder => Rule::Holder,
            // Opened by the gateway's operator, and by the holder as documents are.
            _ => self.opens_space(actor, settings)?,
        };
        Ok(Permit::new(Arc::clone(actor), space, Operation::Data(action), rule, settings.revision))
    }
}
