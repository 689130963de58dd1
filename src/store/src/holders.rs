//! Holders, and what is set on their spaces.

use access::{Operation, Permit};
use space::{
    Cause, EmergencyConsents, Holder, Ins, InsOid, InsTolerance, Settings, SpaceId, SpaceState,
    settings::{Authorisation, AuthorisationKind},
    trace::TraceEvent,
};
use sqlx::{Connection as _, QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::{
    Store,
    error::StoreError,
    records::{Change, TracePlace, TraceQuery, from_json, json},
};

const fn kind_word(kind: AuthorisationKind) -> &'static str {
    match kind {
        AuthorisationKind::Given => "given",
        AuthorisationKind::Blocked => "blocked",
    }
}

impl Store {
    /// The space of a number. Says nothing else: it is the door from an outside identifier to a decision.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn space_of(&self, ins: &Ins) -> Result<Option<SpaceId>, StoreError> {
        let mut reader = self.readers.get().await?;
        let found: Option<String> =
            sqlx::query_scalar("SELECT space_id FROM ins_index WHERE matricule = $1 AND oid = $2")
                .bind(ins.matricule())
                .bind(ins.oid().as_str())
                .fetch_optional(&mut *reader)
                .await?;
        reader.done();
        found.map(|id| space_id(&id)).transpose()
    }

    /// What a decision on a space depends on. The one thing read without a permit: a permit is made from it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settings(&self, space: SpaceId) -> Result<Option<Settings>, StoreError> {
        // One snapshot: a revision read beside authorisations of another revision would defeat the guard.
        let mut reader = self.readers.get().await?;
        let mut tx = reader.begin().await?;
        let id = space.to_string();
        let row = sqlx::query(
            "SELECT revision, state, centre15, bris_de_glace, emergency_masked FROM space WHERE space_id = $1",
        )
        .bind(&id)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let state: String = row.try_get(1)?;
        let rows = sqlx::query(
            "SELECT grantee, is_structure, kind, since_ms FROM authorisation WHERE space_id = $1 ORDER BY grantee",
        )
        .bind(&id)
        .fetch_all(&mut *tx)
        .await?;
        let mut authorisations = Vec::with_capacity(rows.len());
        for row in rows {
            let kind: String = row.try_get(2)?;
            authorisations.push(Authorisation {
                grantee: row.try_get(0)?,
                is_structure: row.try_get(1)?,
                // An unknown word closes rather than opens.
                kind: if kind == "given" { AuthorisationKind::Given } else { AuthorisationKind::Blocked },
                since_ms: row.try_get(3)?,
            });
        }
        let medecins_traitants =
            sqlx::query_scalar("SELECT professional FROM medecin_traitant WHERE space_id = $1 ORDER BY professional")
                .bind(&id)
                .fetch_all(&mut *tx)
                .await?;
        tx.commit().await?;
        reader.done();
        Ok(Some(Settings {
            revision: row.try_get(0)?,
            state: SpaceState::parse(&state).ok_or(StoreError::Corrupt { what: "state" })?,
            emergency: EmergencyConsents {
                centre15: row.try_get(2)?,
                bris_de_glace: row.try_get(3)?,
                masked: row.try_get(4)?,
            },
            authorisations,
            medecins_traitants,
        }))
    }

    /// Who the holder of a space is, and since when they have known of it (milliseconds since 1970 UTC).
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn holder(&self, permit: &Permit) -> Result<(Holder, i64), StoreError> {
        crate::demand(permit, |o| matches!(o, Operation::Identify | Operation::Set | Operation::Find))?;
        let mut reader = self.readers.get().await?;
        let row = sqlx::query(
            "SELECT h.matricule, h.oid, h.traits, s.state, s.noticed_ms FROM holder h \
             JOIN space s ON s.space_id = h.space_id WHERE h.space_id = $1",
        )
        .bind(permit.space().to_string())
        .fetch_one(&mut *reader)
        .await?;
        reader.done();
        let corrupt = || StoreError::Corrupt { what: "holder" };
        let (matricule, oid, traits): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let state: String = row.try_get(3)?;
        let oid = InsOid::parse(&oid).ok_or_else(corrupt)?;
        let holder = Holder {
            space: permit.space(),
            // What was let in is let out: the tolerance was applied when it came.
            ins: Ins::parse(&matricule, oid, InsTolerance::Test).map_err(|_| corrupt())?,
            traits: from_json(&traits, "traits")?,
            state: SpaceState::parse(&state).ok_or_else(corrupt)?,
        };
        Ok((holder, row.try_get(4)?))
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
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT at_ms, origin, seq, event FROM trace WHERE space_id = ");
        sql.push_bind(permit.space().to_string());
        if let Some(from_ms) = query.from_ms {
            sql.push(" AND at_ms >= ").push_bind(from_ms);
        }
        if let Some(until_ms) = query.until_ms {
            sql.push(" AND at_ms < ").push_bind(until_ms);
        }
        if let Some(TracePlace { at_ms, origin, seq }) = &query.before {
            sql.push(" AND (at_ms, origin, seq) < (").push_bind(at_ms).push(", ").push_bind(origin.clone());
            sql.push(", ").push_bind(seq).push(")");
        }
        sql.push(" ORDER BY at_ms DESC, origin DESC, seq DESC LIMIT ");
        sql.push_bind(i64::try_from(query.limit).unwrap_or(i64::MAX));
        let mut reader = self.readers.get().await?;
        let rows = sql.build().fetch_all(&mut *reader).await?;
        reader.done();
        rows.iter()
            .map(|row| {
                let place = TracePlace { at_ms: row.try_get(0)?, origin: row.try_get(1)?, seq: row.try_get(2)? };
                Ok((place, from_json(row.try_get(3)?, "trace")?))
            })
            .collect()
    }
}

fn space_id(text: &str) -> Result<SpaceId, StoreError> {
    text.parse().map(SpaceId).map_err(|_| StoreError::Corrupt { what: "space" })
}

/// Carries out a change of settings and raises the revision.
pub(crate) async fn apply(tx: &mut SqliteConnection, space: &str, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Create { ins, traits, state, noticed_ms } => {
            let taken: Option<String> =
                sqlx::query_scalar("SELECT space_id FROM ins_index WHERE matricule = $1 AND oid = $2")
                    .bind(ins.matricule())
                    .bind(ins.oid().as_str())
                    .fetch_optional(&mut *tx)
                    .await?;
            if taken.is_some() {
                return Err(StoreError::conflict(Cause::DuplicateUniqueId, None));
            }
            let consents = EmergencyConsents::default();
            sqlx::query("INSERT INTO space VALUES ($1, $2, 0, $3, $4, $5, $6)")
                .bind(space)
                .bind(state.as_str())
                .bind(noticed_ms)
                .bind(consents.centre15)
                .bind(consents.bris_de_glace)
                .bind(consents.masked)
                .execute(&mut *tx)
                .await?;
            sqlx::query("INSERT INTO holder VALUES ($1, $2, $3, $4)")
                .bind(space)
                .bind(ins.matricule())
                .bind(ins.oid().as_str())
                .bind(json(traits, "traits")?)
                .execute(&mut *tx)
                .await?;
            sqlx::query("INSERT INTO ins_index VALUES ($1, $2, $3)")
                .bind(ins.matricule())
                .bind(ins.oid().as_str())
                .bind(space)
                .execute(&mut *tx)
                .await?;
        }
        Change::Stand { grantee, is_structure, kind, since_ms } => {
            sqlx::query(
                "INSERT INTO authorisation (space_id, grantee, is_structure, kind, since_ms) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (space_id, grantee, is_structure) \
                 DO UPDATE SET kind = excluded.kind, since_ms = excluded.since_ms",
            )
            .bind(space)
            .bind(grantee)
            .bind(is_structure)
            .bind(kind_word(*kind))
            .bind(since_ms)
            .execute(&mut *tx)
            .await?;
        }
        Change::Lift { grantee, is_structure, kind } => {
            sqlx::query(
                "DELETE FROM authorisation WHERE space_id = $1 AND grantee = $2 AND is_structure = $3 AND kind = $4",
            )
            .bind(space)
            .bind(grantee)
            .bind(is_structure)
            .bind(kind_word(*kind))
            .execute(&mut *tx)
            .await?;
        }
        Change::MedecinTraitant { professional, declared } => {
            let sql = if *declared {
                "INSERT INTO medecin_traitant (space_id, professional) VALUES ($1, $2) ON CONFLICT DO NOTHING"
            } else {
                "DELETE FROM medecin_traitant WHERE space_id = $1 AND professional = $2"
            };
            sqlx::query(sql).bind(space).bind(professional).execute(&mut *tx).await?;
        }
        Change::Emergency(consents) => {
            sqlx::query(
                "UPDATE space SET centre15 = $1, bris_de_glace = $2, emergency_masked = $3 WHERE space_id = $4",
            )
            .bind(consents.centre15)
            .bind(consents.bris_de_glace)
            .bind(consents.masked)
            .bind(space)
            .execute(&mut *tx)
            .await?;
        }
        Change::State(state) => {
            sqlx::query("UPDATE space SET state = $1 WHERE space_id = $2")
                .bind(state.as_str())
                .bind(space)
                .execute(&mut *tx)
                .await?;
        }
    }
    sqlx::query("UPDATE space SET revision = revision + 1 WHERE space_id = $1").bind(space).execute(tx).await?;
    Ok(())
}
