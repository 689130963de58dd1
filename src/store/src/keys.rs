//! The keys a process has unwrapped: those of the gateway, and those of the spaces it has met.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use ambient::SharedRng;
use space::{Ins, LocalId, SpaceId, TraitQuery, Traits, holder::comparable_name};

use crate::{
    connections::Connections,
    db::{Connection, Row, Sql},
    error::StoreError,
    merge,
    vault::{DataKey, MasterKeys, Wrapped},
};

/// Space keys remembered; past it all are forgotten, which costs one read a space.
const LIMIT: usize = 100_000;

/// Under it the INS is hashed.
const INDEX: &str = "ins index";
/// Under it traces are sealed: they outlive the space they tell of.
const TRACES: &str = "traces";

#[derive(Debug)]
pub(crate) struct Keys {
    masters: MasterKeys,
    rng: SharedRng,
    index: Arc<DataKey>,
    traces: Arc<DataKey>,
    /// As they stood at a revision of the space's settings.
    spaces: RwLock<HashMap<SpaceId, SpaceKey>>,
}

/// The key of a space, as remembered.
#[derive(Debug, Clone)]
pub(crate) struct SpaceKey {
    revision: i64,
    pub(crate) key: Arc<DataKey>,
    /// Whether the space took another over: its holder is known here by more than one number.
    pub(crate) took_over: bool,
}

/// What a new space's key is called when it is wrapped.
fn purpose(space: &str) -> String {
    format!("space {space}")
}

impl Keys {
    /// Reads the gateway's keys, and makes those that are missing.
    pub(crate) async fn open(
        connection: &mut Connection,
        masters: MasterKeys,
        rng: SharedRng,
    ) -> Result<Self, StoreError> {
        let index = gateway_key(connection, &masters, &rng, INDEX).await?;
        let traces = gateway_key(connection, &masters, &rng, TRACES).await?;
        Ok(Self { masters, rng, index, traces, spaces: RwLock::default() })
    }

    /// The key that traces are sealed under.
    pub(crate) fn traces(&self) -> &Arc<DataKey> {
        &self.traces
    }

    /// How a number is found.
    pub(crate) fn ins_hash(&self, ins: &Ins) -> String {
        self.index.lookup(&["ins", ins.oid().as_str(), ins.matricule()])
    }

    /// How a structure's number is found.
    pub(crate) fn local_hash(&self, local: &LocalId) -> String {
        self.index.lookup(&["local", local.domain().as_str(), local.number()])
    }

    /// How traits are found: by either name with the day of birth, and with the first given name.
    pub(crate) fn trait_hashes(&self, traits: &Traits) -> Vec<String> {
        let given = traits.given.first().map(String::as_str);
        let names = std::iter::once(traits.family.as_str()).chain(traits.used_family.as_deref());
        let mut hashes: Vec<String> = names
            .flat_map(|name| {
                [Some(self.by_birth(name, traits.birth_date.as_str())), given.map(|g| self.by_given(name, g))]
            })
            .flatten()
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }

    /// The hash that a search goes by; `None` when it does not ask for enough.
    pub(crate) fn search_hash(&self, query: &TraitQuery) -> Option<String> {
        let family = query.family.as_deref().filter(|_| query.is_enough())?;
        match (&query.birth_date, &query.given) {
            (Some(date), _) => Some(self.by_birth(family, date)),
            (None, Some(given)) => Some(self.by_given(family, given)),
            (None, None) => None,
        }
    }

    fn by_birth(&self, family: &str, date: &str) -> String {
        self.index.lookup(&["family, birth", &comparable_name(family), date])
    }

    fn by_given(&self, family: &str, given: &str) -> String {
        self.index.lookup(&["family, given", &comparable_name(family), &comparable_name(given)])
    }

    /// Makes the key of a space that is about to be made.
    pub(crate) async fn make(&self, space: SpaceId) -> Result<(Arc<DataKey>, Wrapped), StoreError> {
        self.masters.make(&purpose(&space.to_string()), &self.rng).await
    }

    /// The key of a space as it stood at a revision of its settings. A space whose key was destroyed is refused as such:
    /// destroying raises the revision, so that no process goes on with a key it remembers.
    pub(crate) async fn of(
        &self,
        readers: &Arc<Connections>,
        space: SpaceId,
        revision: i64,
    ) -> Result<SpaceKey, StoreError> {
        let known = self.spaces.read().unwrap_or_else(PoisonError::into_inner).get(&space).cloned();
        if let Some(known) = known
            && known.revision == revision
        {
            return Ok(known);
        }
        let mut reader = readers.get().await?;
        let id = space.to_string();
        let key = self.read(&mut reader, &id).await?;
        let took_over = !merge::absorbed(&mut reader, &id).await?.is_empty();
        reader.done();
        let known = SpaceKey { revision, key, took_over };
        let mut spaces = self.spaces.write().unwrap_or_else(PoisonError::into_inner);
        if spaces.len() >= LIMIT {
            spaces.clear();
        }
        spaces.insert(space, known.clone());
        Ok(known)
    }

    /// The key of a space, as it stands.
    pub(crate) async fn read(&self, connection: &mut Connection, space: &str) -> Result<Arc<DataKey>, StoreError> {
        let sql = Sql::new("SELECT master_id, wrapped FROM space_key WHERE space_id = $1").bind(space);
        let row = connection.one(sql).await?.ok_or(StoreError::Forgotten)?;
        self.unwrap(space, &row).await
    }

    /// The key of a space, from its row of `master_id, wrapped`.
    pub(crate) async fn unwrap(&self, space: &str, row: &Row) -> Result<Arc<DataKey>, StoreError> {
        let wrapped = Wrapped { master_id: row.text(0)?.to_owned(), wrapped: row.bytes(1)?.to_vec() };
        self.unwrap_key(space, &wrapped).await
    }

    /// The key of a space, unwrapped.
    pub(crate) async fn unwrap_key(&self, space: &str, wrapped: &Wrapped) -> Result<Arc<DataKey>, StoreError> {
        self.masters.data_key(&purpose(space), wrapped).await
    }

    /// Wraps every key again that is not under the present master key. Bodies and rows stay as they are.
    ///
    /// Returns how many were wrapped again; taken up after an interruption where it stopped.
    pub(crate) async fn rotate(&self, connection: &mut Connection) -> Result<u64, StoreError> {
        const PAGE: i64 = 500;
        let current = self.masters.current().id().to_owned();
        let mut rewrapped = 0;
        for (table, column) in [("gateway_key", "name"), ("space_key", "space_id")] {
            loop {
                let text = format!("SELECT {column}, master_id, wrapped FROM {table} WHERE master_id <> $1 LIMIT $2");
                let rows = connection.all(Sql::new(&text).bind(&current).bind(PAGE)).await?;
                if rows.is_empty() {
                    break;
                }
                for row in rows {
                    let name = row.text(0)?;
                    let old = Wrapped { master_id: row.text(1)?.to_owned(), wrapped: row.bytes(2)?.to_vec() };
                    let purpose = if table == "space_key" { purpose(name) } else { name.to_owned() };
                    let Some(new) = self.masters.rewrap(&purpose, &old).await? else { continue };
                    let text = format!(
                        "UPDATE {table} SET master_id = $1, wrapped = $2 WHERE {column} = $3 AND master_id = $4"
                    );
                    let update = Sql::new(&text).bind(new.master_id).bind(new.wrapped);
                    rewrapped += connection.execute(update.bind(name).bind(old.master_id)).await?;
                }
            }
        }
        Ok(rewrapped)
    }
}

async fn gateway_key(
    connection: &mut Connection,
    masters: &MasterKeys,
    rng: &SharedRng,
    name: &str,
) -> Result<Arc<DataKey>, StoreError> {
    let find = || Sql::new("SELECT master_id, wrapped FROM gateway_key WHERE name = $1").bind(name);
    let row = match connection.one(find()).await? {
        Some(row) => Some(row),
        None => {
            let (_, made) = masters.make(name, rng).await?;
            let sql = Sql::new(
                "INSERT INTO gateway_key (name, master_id, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            );
            connection.execute(sql.bind(name).bind(made.master_id).bind(made.wrapped)).await?;
            // Another process may have been quicker: what stands is what counts.
            connection.one(find()).await?
        }
    };
    let row = row.ok_or(StoreError::Corrupt { what: "gateway key" })?;
    let wrapped = Wrapped { master_id: row.text(0)?.to_owned(), wrapped: row.bytes(1)?.to_vec() };
    masters.data_key(name, &wrapped).await
}
