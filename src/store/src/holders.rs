//! Holders, and what is set on their spaces.

use access::{Action, AtLarge, Operation, Permit};
use serde::{Deserialize, Serialize};
use space::{
    Cause, EmergencyConsents, Holder, Ins, InsOid, InsTolerance, Settings, SpaceId, SpaceState, TraitQuery, Traits,
    settings::{Authorisation, AuthorisationKind},
    trace::TraceEvent,
};

use crate::{
    Store, changes,
    db::{Connection, Sql},
    error::StoreError,
    identity,
    keys::Keys,
    links, merge,
    records::{Change, TracePlace, TraceQuery},
    trace_log::SALT,
    vault::{DataKey, Wrapped},
    writer::{NewSpace, PreparedChange, SpaceChange},
};

const fn kind_word(kind: AuthorisationKind) -> &'static str {
    match kind {
        AuthorisationKind::Given => "given",
        AuthorisationKind::Blocked => "blocked",
    }
}

/// Who a holder is, as it stands sealed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) matricule: String,
    pub(crate) oid: String,
    pub(crate) traits: Traits,
}

impl Identity {
    /// Opens what stands in the row of `space`.
    pub(crate) fn open(key: &DataKey, space: &str, sealed: &[u8]) -> Result<Self, StoreError> {
        let text = key.open(&["holder", space], sealed)?;
        serde_json::from_slice(&text).map_err(|_| StoreError::Corrupt { what: "holder" })
    }

    /// The holder's number. What was let in is let out: the tolerance was applied when it came.
    pub(crate) fn ins(&self) -> Result<Ins, StoreError> {
        let corrupt = || StoreError::Corrupt { what: "holder" };
        let oid = InsOid::parse(&self.oid).ok_or_else(corrupt)?;
        Ins::parse(&self.matricule, oid, InsTolerance::Test).map_err(|_| corrupt())
    }
}

impl Store {
    /// The space of a number. Says nothing else: it is the door from an outside identifier to a decision.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn space_of(&self, ins: &Ins) -> Result<Option<SpaceId>, StoreError> {
        let mut reader = self.readers.get().await?;
        let sql = Sql::new("SELECT space_id FROM ins_index WHERE ins_hash = $1").bind(self.keys.ins_hash(ins));
        let row = reader.one(sql).await?;
        reader.done();
        row.map(|row| space_id(row.text(0)?)).transpose()
    }

    /// The spaces that somebody is authorised on, with since when (milliseconds since 1970 UTC), newest first: the door of
    /// TD0.4. Whether each may be told is decided on it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spaces_authorising(
        &self,
        leave: &AtLarge,
        grantee: &str,
        is_structure: bool,
        since_ms: i64,
        limit: usize,
    ) -> Result<Vec<(SpaceId, i64)>, StoreError> {
        if leave.action() != Action::ListAccessible {
            return Err(StoreError::Permit);
        }
        let sql = Sql::new(
            "SELECT space_id, since_ms FROM authorisation WHERE grantee = $1 AND is_structure = $2 AND kind = 'given' \
             AND since_ms >= $3 ORDER BY since_ms DESC LIMIT $4",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql.bind(grantee).bind(is_structure).bind(since_ms).bind(limit)).await?;
        reader.done();
        rows.iter().map(|row| Ok((space_id(row.text(0)?)?, row.int(1)?))).collect()
    }

    /// The spaces whose holders may be those looked for by traits: the door of TD0.5. Each is decided on, then opened and
    /// compared.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spaces_of_traits(
        &self,
        leave: &AtLarge,
        query: &TraitQuery,
        limit: usize,
    ) -> Result<Vec<SpaceId>, StoreError> {
        if leave.action() != Action::SearchWithoutIns {
            return Err(StoreError::Permit);
        }
        let Some(hash) = self.keys.search_hash(query) else { return Ok(Vec::new()) };
        let sql = Sql::new("SELECT space_id FROM trait_index WHERE trait_hash = $1 ORDER BY space_id LIMIT $2");
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql.bind(hash).bind(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
        reader.done();
        rows.iter().map(|row| space_id(row.text(0)?)).collect()
    }

    /// When something was last put into a space, in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn last_deposit(&self, permit: &Permit) -> Result<Option<i64>, StoreError> {
        crate::demand(permit, |o| o == Operation::Identify)?;
        let sql = Sql::new("SELECT MAX(deposited_ms) FROM submission_set WHERE space_id = $1");
        let mut reader = self.readers.get().await?;
        let row = reader.one(sql.bind(permit.space().to_string())).await?;
        reader.done();
        row.map_or(Ok(None), |row| row.maybe_int(0))
    }

    /// What a decision on a space depends on. The one thing read without a permit: a permit is made from it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settings(&self, space: SpaceId) -> Result<Option<Settings>, StoreError> {
        let mut reader = self.readers.get().await?;
        // One snapshot: a revision read beside authorisations of another revision would defeat the guard.
        reader.snapshot().await?;
        let settings = read_settings(&mut reader, &space.to_string()).await?;
        reader.commit().await?;
        reader.done();
        Ok(settings)
    }

    /// Who the holder of a space is, and since when they have known of it (milliseconds since 1970 UTC).
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn holder(&self, permit: &Permit) -> Result<(Holder, i64), StoreError> {
        crate::demand(permit, |o| {
            use Operation as O;
            matches!(
                o,
                O::Identify
                    | O::Exists
                    | O::Administrative
                    | O::Set
                    | O::Find
                    | O::LinkNumber
                    | O::CrossReference
                    | O::Merge
                    | O::Notify
                    | O::Data(_)
                    | O::Deposit
            )
        })?;
        let id = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let mut reader = self.readers.get().await?;
        let sql = Sql::new(
            "SELECT h.sealed_identity, s.state, s.noticed_ms FROM holder h \
             JOIN space s ON s.space_id = h.space_id WHERE h.space_id = $1 AND s.space_id = $1",
        );
        let row = reader.one(sql.bind(&id)).await?;
        reader.done();
        let corrupt = || StoreError::Corrupt { what: "holder" };
        let row = row.ok_or_else(corrupt)?;
        let identity = Identity::open(&key, &id, row.bytes(0)?)?;
        let holder = Holder {
            space: permit.space(),
            ins: identity.ins()?,
            traits: identity.traits,
            state: SpaceState::parse(row.text(1)?).ok_or_else(corrupt)?,
        };
        Ok((holder, row.int(2)?))
    }

    /// The trace of a space, newest first, each event with its place.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn traces(
        &self,
        permit: &Permit,
        query: &TraceQuery,
    ) -> Result<Vec<(TracePlace, TraceEvent)>, StoreError> {
        crate::demand(permit, |o| o == Operation::ReadTrace)?;
        let space = permit.space().to_string();
        let mut reader = self.readers.get().await?;
        let absorbed = merge::absorbed(&mut reader, &space).await?;
        let mut sql = Sql::new("SELECT at_ms, origin, seq, sealed_event, space_id FROM trace WHERE space_id ");
        if absorbed.is_empty() {
            sql.push("= ").value(&space);
        } else {
            sql.push("IN ").list(absorbed.iter().chain([&space]));
        }
        if let Some(from_ms) = query.from_ms {
            sql.push(" AND at_ms >= ").value(from_ms);
        }
        if let Some(until_ms) = query.until_ms {
            sql.push(" AND at_ms < ").value(until_ms);
        }
        if let Some(TracePlace { at_ms, origin, seq }) = &query.before {
            sql.push(" AND (at_ms, origin, seq) < ").push("(").value(*at_ms).push(", ").value(origin);
            sql.push(", ").value(*seq).push(")");
        }
        sql.push(" ORDER BY at_ms DESC, origin DESC, seq DESC LIMIT ");
        sql.value(i64::try_from(query.limit).unwrap_or(i64::MAX));
        let rows = reader.all(sql).await?;
        reader.done();
        rows.iter()
            .map(|row| {
                let place = TracePlace { at_ms: row.int(0)?, origin: row.text(1)?.to_owned(), seq: row.int(2)? };
                Ok((place, self.open_event(row.text(4)?, row.bytes(3)?)?))
            })
            .collect()
    }

    /// Opens an event of the trace of `space`.
    pub(crate) fn open_event(&self, space: &str, sealed: &[u8]) -> Result<TraceEvent, StoreError> {
        let salted = self.keys.traces().open(&["trace", space], sealed)?;
        let text = salted.get(SALT..).unwrap_or_default();
        serde_json::from_slice(text).map_err(|_| StoreError::Corrupt { what: "trace" })
    }
}

async fn read_settings(connection: &mut Connection, id: &str) -> Result<Option<Settings>, StoreError> {
    let sql = Sql::new(
        "SELECT revision, state, centre15, bris_de_glace, emergency_masked, feeding_opposed FROM space WHERE space_id = $1",
    );
    let Some(row) = connection.one(sql.bind(id)).await? else { return Ok(None) };
    let sql = Sql::new(
        "SELECT grantee, is_structure, kind, since_ms FROM authorisation WHERE space_id = $1 ORDER BY grantee",
    );
    let rows = connection.all(sql.bind(id)).await?;
    let authorisation = |row: &crate::db::Row| {
        Ok(Authorisation {
            grantee: row.text(0)?.to_owned(),
            is_structure: row.boolean(1)?,
            // An unknown word closes rather than opens.
            kind: if row.text(2)? == "given" { AuthorisationKind::Given } else { AuthorisationKind::Blocked },
            since_ms: row.int(3)?,
        })
    };
    let authorisations = rows.iter().map(authorisation).collect::<Result<_, StoreError>>()?;
    let sql = Sql::new("SELECT professional FROM medecin_traitant WHERE space_id = $1 ORDER BY professional");
    let rows = connection.all(sql.bind(id)).await?;
    let medecins_traitants = rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect::<Result<_, StoreError>>()?;
    let state = SpaceState::parse(row.text(1)?).ok_or(StoreError::Corrupt { what: "state" })?;
    let merged_into = if state == SpaceState::Merged { merge::survivor(connection, id).await? } else { None };
    Ok(Some(Settings {
        revision: row.int(0)?,
        state,
        merged_into,
        emergency: EmergencyConsents {
            centre15: row.boolean(2)?,
            bris_de_glace: row.boolean(3)?,
            masked: row.boolean(4)?,
        },
        authorisations,
        feeding_opposed: row.boolean(5)?,
        medecins_traitants,
    }))
}

pub(crate) fn space_id(text: &str) -> Result<SpaceId, StoreError> {
    text.parse().map(SpaceId).map_err(|_| StoreError::Corrupt { what: "space" })
}

/// Carries out changes of what is set on spaces and raises their revisions. What stands against one of them is found
/// before anything is written.
pub(crate) async fn change(connection: &mut Connection, parts: &[SpaceChange]) -> Result<(), StoreError> {
    for part in parts {
        check(connection, part, parts).await?;
    }
    for SpaceChange { guard, change, .. } in parts {
        let space = guard.space.as_str();
        match change {
            PreparedChange::Create(new) => create(connection, space, new).await?,
            PreparedChange::Setting(change) => set(connection, space, change).await?,
            PreparedChange::Link(link) => identity::link(connection, space, link).await?,
            PreparedChange::Unlink { hash, notices } => identity::unlink(connection, space, hash, notices).await?,
            PreparedChange::LinkSpace { other, since_ms, notices } => {
                links::link(connection, space, other, *since_ms).await?;
                identity::queue(connection, space, notices).await?;
            }
            PreparedChange::UnlinkSpace { other, notices } => {
                links::unlink(connection, space, other).await?;
                identity::queue(connection, space, notices).await?;
            }
            PreparedChange::Retire { into, at_ms } => merge::retire(connection, space, into, *at_ms).await?,
            PreparedChange::Absorb(absorption) => merge::absorb(connection, space, absorption).await?,
        }
        let sql = Sql::new("UPDATE space SET revision = revision + 1 WHERE space_id = $1").bind(space);
        connection.execute(sql).await?;
        changes::tell(connection, &format!("space {space}")).await?;
    }
    Ok(())
}

async fn check(connection: &mut Connection, part: &SpaceChange, job: &[SpaceChange]) -> Result<(), StoreError> {
    let space = part.guard.space.as_str();
    match &part.change {
        PreparedChange::Create(new) => {
            let taken = Sql::new("SELECT space_id FROM ins_index WHERE ins_hash = $1").bind(&new.ins_hash);
            match connection.one(taken).await? {
                Some(_) => Err(StoreError::conflict(Cause::DuplicateUniqueId, None)),
                None => Ok(()),
            }
        }
        PreparedChange::Link(link) => identity::check_link(connection, space, link, job).await,
        PreparedChange::Absorb(absorption) => merge::check(connection, space, absorption).await,
        PreparedChange::Unlink { .. }
        | PreparedChange::LinkSpace { .. }
        | PreparedChange::UnlinkSpace { .. }
        | PreparedChange::Retire { .. }
        | PreparedChange::Setting(_) => Ok(()),
    }
}

async fn create(connection: &mut Connection, space: &str, new: &NewSpace) -> Result<(), StoreError> {
    let consents = EmergencyConsents::default();
    let text = "INSERT INTO space (space_id, state, revision, noticed_ms, centre15, bris_de_glace, emergency_masked) \
         VALUES ($1, $2, 0, $3, $4, $5, $6)";
    let sql = Sql::new(text).bind(space).bind(new.state.as_str());
    let sql = sql.bind(new.noticed_ms).bind(consents.centre15).bind(consents.bris_de_glace).bind(consents.masked);
    connection.execute(sql).await?;
    let sql = Sql::new("INSERT INTO space_key (space_id, master_id, wrapped) VALUES ($1, $2, $3)").bind(space);
    connection.execute(sql.bind(&new.key.master_id).bind(new.key.wrapped.clone())).await?;
    let sql = Sql::new("INSERT INTO holder (space_id, sealed_identity) VALUES ($1, $2)").bind(space);
    connection.execute(sql.bind(new.sealed_identity.clone())).await?;
    let sql = Sql::new("INSERT INTO ins_index (ins_hash, space_id) VALUES ($1, $2)").bind(&new.ins_hash);
    connection.execute(sql.bind(space)).await?;
    index(connection, space, &new.trait_hashes).await
}

async fn index(connection: &mut Connection, space: &str, hashes: &[String]) -> Result<(), StoreError> {
    for hash in hashes {
        let sql = Sql::new("INSERT INTO trait_index (trait_hash, space_id) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        connection.execute(sql.bind(hash).bind(space)).await?;
    }
    Ok(())
}

/// Puts the holders of a store made before there was an index of traits into it, once.
pub(crate) async fn index_traits(connection: &mut Connection, keys: &Keys) -> Result<(), StoreError> {
    const PAGE: i64 = 500;
    let done = Sql::new("SELECT value FROM gateway WHERE name = 'traits_indexed'");
    if connection.one(done).await?.is_some() {
        return Ok(());
    }
    let mut after = String::new();
    loop {
        let sql = Sql::new(
            "SELECT h.space_id, h.sealed_identity, k.master_id, k.wrapped FROM holder h \
             JOIN space_key k ON k.space_id = h.space_id WHERE h.space_id > $1 ORDER BY h.space_id LIMIT $2",
        );
        let rows = connection.all(sql.bind(&after).bind(PAGE)).await?;
        let Some(last) = rows.last() else { break };
        after = last.text(0)?.to_owned();
        for row in &rows {
            let space = row.text(0)?;
            let wrapped = Wrapped { master_id: row.text(2)?.to_owned(), wrapped: row.bytes(3)?.to_vec() };
            let key = keys.unwrap_key(space, &wrapped).await?;
            let identity = Identity::open(&key, space, row.bytes(1)?)?;
            index(connection, space, &keys.trait_hashes(&identity.traits)).await?;
        }
    }
    let sql = Sql::new("INSERT INTO gateway (name, value) VALUES ('traits_indexed', '1') ON CONFLICT DO NOTHING");
    connection.execute(sql).await.map(drop)
}

/// An authorisation or a block that comes to stand.
fn stand(space: &str, grantee: &str, is_structure: bool, kind: AuthorisationKind, since_ms: i64) -> Sql {
    let sql = Sql::new(
        "INSERT INTO authorisation (space_id, grantee, is_structure, kind, since_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (space_id, grantee, is_structure) DO UPDATE SET kind = excluded.kind, since_ms = excluded.since_ms",
    );
    sql.bind(space).bind(grantee).bind(is_structure).bind(kind_word(kind)).bind(since_ms)
}

async fn set(connection: &mut Connection, space: &str, change: &Change) -> Result<(), StoreError> {
    if let Change::MedecinTraitant { professional, authorised_ms: Some(since_ms), .. } = change {
        let kind = AuthorisationKind::Given;
        let sql = stand(space, professional, false, kind, *since_ms);
        connection.execute(sql).await?;
    }
    let sql = match change {
        // Prepared before they queue.
        Change::Create { .. }
        | Change::Link { .. }
        | Change::Unlink { .. }
        | Change::LinkSpace { .. }
        | Change::UnlinkSpace { .. } => return Err(StoreError::Permit),
        Change::Stand { grantee, is_structure, kind, since_ms } => {
            stand(space, grantee, *is_structure, *kind, *since_ms)
        }
        Change::Lift { grantee, is_structure, kind } => Sql::new(
            "DELETE FROM authorisation WHERE space_id = $1 AND grantee = $2 AND is_structure = $3 AND kind = $4",
        )
        .bind(space)
        .bind(grantee)
        .bind(*is_structure)
        .bind(kind_word(*kind)),
        Change::MedecinTraitant { professional, declared, .. } => Sql::new(if *declared {
            "INSERT INTO medecin_traitant (space_id, professional) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM medecin_traitant WHERE space_id = $1 AND professional = $2"
        })
        .bind(space)
        .bind(professional),
        Change::Emergency(consents) => {
            Sql::new("UPDATE space SET centre15 = $1, bris_de_glace = $2, emergency_masked = $3 WHERE space_id = $4")
                .bind(consents.centre15)
                .bind(consents.bris_de_glace)
                .bind(consents.masked)
                .bind(space)
        }
        Change::Feeding { opposed } => {
            Sql::new("UPDATE space SET feeding_opposed = $1 WHERE space_id = $2").bind(*opposed).bind(space)
        }
        Change::State(state) => {
            Sql::new("UPDATE space SET state = $1 WHERE space_id = $2").bind(state.as_str()).bind(space)
        }
        Change::DestroyKey => {
            // Nothing may be left by which the holder could be looked for.
            connection.execute(Sql::new("DELETE FROM trait_index WHERE space_id = $1").bind(space)).await?;
            identity::forget_numbers(connection, space).await?;
            links::forget(connection, space).await?;
            // Who it was before it was merged is forgotten with it.
            let absorbed = "DELETE FROM space_key WHERE space_id IN \
                 (SELECT space_id FROM merged_space WHERE into_space = $1)";
            connection.execute(Sql::new(absorbed).bind(space)).await?;
            Sql::new("DELETE FROM space_key WHERE space_id = $1").bind(space)
        }
    };
    connection.execute(sql).await.map(drop)
}
