//! Searching and listing: what a list shows is exactly what may be read.

use std::collections::{HashMap, HashSet};

use access::{EntryFacts, Operation, Permit, ReadGrant, Rule};
use space::{
    Association, AssociationKind, Cause, DocumentEntry, Ins, Refusal, Settings, SpaceId, SubmissionSet,
    query::{EntryQuery, Versions},
    trace::Act,
};
use store::{EntryRow, LinkQuery, ObjectQuery};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, Attempt, on_settings},
};

/// Identifiers or codes one search may name.
pub(crate) const MOST_NAMED: usize = 500;

/// A document of a listing.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its metadata.
    pub entry: DocumentEntry,
    /// When it was stored, in milliseconds since 1970 UTC.
    pub deposited_ms: i64,
}

/// Documents found, oldest first.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The holder.
    pub ins: Ins,
    /// The documents the caller may read.
    pub documents: Vec<Listed>,
    /// Links that start from them (replacements, signatures).
    pub associations: Vec<Association>,
}

/// Submission sets found, each with its members that the caller may read.
#[derive(Debug, Clone)]
pub struct SetListing {
    /// The holder.
    pub ins: Ins,
    /// Sets with the `entry_uuid`s of their visible members.
    pub sets: Vec<(SubmissionSet, Vec<String>)>,
}

impl Desk {
    /// Searches the documents of a holder, with the links that start from those found (PDSm ITI-67).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not search here.
    pub async fn find(&self, caller: &Caller, patient: Option<&Ins>, query: &EntryQuery) -> Result<Listing, Fault> {
        self.search(Acting::new(self, caller, Act::Find, Vec::new()), patient, query).await
    }

    /// Looks up documents known by their identifiers: what the caller may read, and for a structure or its staff what is
    /// its own.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not look up here.
    pub async fn lookup(&self, caller: &Caller, patient: Option<&Ins>, query: &EntryQuery) -> Result<Listing, Fault> {
        self.search(self.looking_up(caller, query), patient, query).await
    }

    fn looking_up<'a>(&'a self, caller: &'a Caller, query: &EntryQuery) -> Acting<'a> {
        let targets = query.unique_ids.iter().chain(&query.entry_uuids).cloned().collect();
        Acting::new(self, caller, Act::Lookup, targets)
    }

    async fn search(&self, acting: Acting<'_>, patient: Option<&Ins>, query: &EntryQuery) -> Result<Listing, Fault> {
        let named = query.unique_ids.len() + query.entry_uuids.len();
        if named.max(query.types.len()) > MOST_NAMED {
            let refusal = Refusal::new(Cause::TooManyResults).about(format!("{MOST_NAMED} identifiers or codes"));
            return Err(Acting { targets: Vec::new(), ..acting }.refuse(None, vec![refusal]).await);
        }
        let (ins, space) = self.enter(&acting, patient).await?;
        let actor = &acting.caller.actor;
        on_settings!(acting, space, |settings| {
            let (permit, documents) = if acting.act == Act::Find {
                let permit = self.tables.decide(actor, Operation::Find, space, &settings)?;
                let grant = self.tables.read_grant(actor, &settings)?;
                let documents = self.visible(&permit, &grant, query).await?;
                (permit, documents)
            } else {
                let permit = self.tables.decide(actor, Operation::FindReference, space, &settings)?;
                let grant = self.tables.reference_grant(actor, &settings)?;
                let rows = self.store.entries(&permit, query).await?;
                let documents = self.shown(&permit, &grant, rows).await?;
                (permit, documents)
            };
            let associations = self.links(&permit, &documents).await?;
            self.store.record(&permit, &acting.done(&permit), acting.emergency_notice()).await?;
            Ok(Listing { ins: ins.clone(), documents, associations })
        })
    }

    /// Lists submission sets that hold at least one document the caller may read (PDSm ITI-66).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not search here.
    pub async fn find_sets(
        &self,
        caller: &Caller,
        patient: Option<&Ins>,
        wanted: impl Fn(&SubmissionSet) -> bool,
    ) -> Result<SetListing, Fault> {
        let acting = Acting::new(self, caller, Act::Find, Vec::new());
        let (ins, space) = self.enter(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::Find, space, &settings)?;
            let sets = self.visible_sets(&permit, caller, &settings, &wanted).await?;
            self.store.record(&permit, &acting.done(&permit), acting.emergency_notice()).await?;
            Ok(SetListing { ins: ins.clone(), sets })
        })
    }

    pub(crate) async fn enter(&self, acting: &Acting<'_>, patient: Option<&Ins>) -> Result<(Ins, SpaceId), Fault> {
        match acting.caller.patient_of(patient) {
            Ok(ins) => {
                let space = acting.space(&ins).await?;
                Ok((ins, space))
            }
            Err(refusal) => Err(acting.refuse(None, vec![refusal]).await),
        }
    }

    async fn visible_sets(
        &self,
        permit: &Permit,
        caller: &Caller,
        settings: &Settings,
        wanted: &impl Fn(&SubmissionSet) -> bool,
    ) -> Result<Vec<(SubmissionSet, Vec<String>)>, Attempt> {
        let grant = self.tables.read_grant(&caller.actor, settings)?;
        let documents = self.visible(permit, &grant, &EntryQuery::default()).await?;
        let visible: HashSet<&str> = documents.iter().map(|d| d.entry.entry_uuid.as_str()).collect();
        let sets: Vec<_> = self.store.submission_sets(permit, &ObjectQuery::default()).await?;
        let sets: Vec<_> = sets.into_iter().map(|row| row.set).filter(|set| wanted(set)).collect();
        let sources: Vec<String> = sets.iter().map(|s| s.entry_uuid.clone()).collect();
        let mut members: HashMap<String, Vec<String>> = HashMap::new();
        for link in self.links_from(permit, sources).await? {
            if link.kind == AssociationKind::HasMember && visible.contains(link.target.as_str()) {
                members.entry(link.source).or_default().push(link.target);
            }
        }
        let held = sets.into_iter().filter_map(|set| members.remove(&set.entry_uuid).map(|m| (set, m)));
        Ok(held.collect())
    }

    /// The entries a query finds that the grant shows. Where nothing opens the space and nothing in it is the caller's
    /// own, the listing is refused as a whole, with the reason.
    async fn visible(&self, permit: &Permit, grant: &ReadGrant, query: &EntryQuery) -> Result<Vec<Listed>, Attempt> {
        let rows = self.store.entries(permit, query).await?;
        let documents = self.shown(permit, grant, rows).await?;
        match grant.refuses_listing() {
            Some(cause) if documents.is_empty() => Err(Refusal::new(cause).into()),
            _ if documents.len() > self.options.max_results => {
                Err(Refusal::new(Cause::TooManyResults).about(self.options.max_results.to_string()).into())
            }
            _ => Ok(documents),
        }
    }

    /// Of these entries, what the grant shows.
    pub(crate) async fn shown(
        &self,
        permit: &Permit,
        grant: &ReadGrant,
        rows: Vec<EntryRow>,
    ) -> Result<Vec<Listed>, Attempt> {
        let (mut shown, signatures) = self.granted(grant, rows);
        if signatures.is_empty() {
            return Ok(shown);
        }
        let hidden = self.tell_of_others(permit, grant, signatures).await?;
        shown.retain(|listed| !hidden.contains(&listed.entry.entry_uuid));
        Ok(shown)
    }

    /// What the grant alone shows, and which of it are signatures that are not the caller's own.
    fn granted(&self, grant: &ReadGrant, rows: Vec<EntryRow>) -> (Vec<Listed>, Vec<String>) {
        let matrix = self.tables.matrix();
        let mut signatures = Vec::new();
        let mut shown = Vec::with_capacity(rows.len());
        for row in rows {
            let EntryRow { entry, owners, deposited_ms, superseded, .. } = row;
            let Ok(rule) = grant.allows(&EntryFacts::of(&entry, owners, matrix), matrix) else { continue };
            // What a former version said of who may see the document holds no more: its author alone sees it.
            if superseded && rule != Rule::Own {
                continue;
            }
            if entry.is_signature() && rule != Rule::Own {
                signatures.push(entry.entry_uuid.clone());
            }
            shown.push(Listed { entry, deposited_ms });
        }
        (shown, signatures)
    }

    /// Which of these signatures cover a document that is not shown: the signature of a set names every document of it,
    /// so that it would tell of one that is masked.
    pub(crate) async fn tell_of_others(
        &self,
        permit: &Permit,
        grant: &ReadGrant,
        signatures: Vec<String>,
    ) -> Result<HashSet<String>, Attempt> {
        let members = |links: Vec<Association>| links.into_iter().filter(|l| l.kind == AssociationKind::HasMember);
        let to = LinkQuery { targets: signatures, ..LinkQuery::default() };
        let of_signatures: Vec<Association> = members(self.store.associations(permit, &to).await?).collect();
        let sets = of_signatures.iter().map(|l| l.source.clone()).collect();
        let mut of_sets: Vec<Association> = members(self.links_from(permit, sets).await?).collect();
        // One that came in a set of its own, to sign a document that was there.
        let signs = self.links_from(permit, of_signatures.iter().map(|l| l.target.clone()).collect()).await?;
        for link in signs.into_iter().filter(|l| l.kind == AssociationKind::Signs) {
            let of = of_signatures.iter().filter(|l| l.target == link.source).map(|l| l.source.clone());
            of_sets.extend(of.map(|source| Association { source, ..link.clone() }));
        }
        let named = EntryQuery {
            entry_uuids: of_sets.iter().map(|l| l.target.clone()).collect(),
            versions: Versions::All,
            ..EntryQuery::default()
        };
        let signed = self.store.entries(permit, &named).await?;
        // A document is what its present version says, whichever version the set holds.
        let unique_ids = signed.iter().map(|row| row.entry.unique_id.clone()).collect();
        let present = self.store.entries(permit, &EntryQuery { unique_ids, ..EntryQuery::default() }).await?;
        let (shown, _) = self.granted(grant, present);
        let shown: HashSet<String> = shown.into_iter().map(|l| l.entry.unique_id).collect();
        let unseen: HashSet<&str> = signed
            .iter()
            .filter(|row| !row.entry.is_signature() && !shown.contains(&row.entry.unique_id))
            .map(|row| row.entry.entry_uuid.as_str())
            .collect();
        let telling: HashSet<&str> =
            of_sets.iter().filter(|l| unseen.contains(l.target.as_str())).map(|l| l.source.as_str()).collect();
        Ok(of_signatures.iter().filter(|l| telling.contains(l.source.as_str())).map(|l| l.target.clone()).collect())
    }

    pub(crate) async fn links_from(&self, permit: &Permit, sources: Vec<String>) -> Result<Vec<Association>, Attempt> {
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store.associations(permit, &LinkQuery { sources, ..LinkQuery::default() }).await?)
    }

    async fn links(&self, permit: &Permit, documents: &[Listed]) -> Result<Vec<Association>, Attempt> {
        // Only replacements, transformations and signatures start from a document, and most documents have none.
        let sources: Vec<String> = documents.iter().map(|d| d.entry.entry_uuid.clone()).collect();
        let mut links = self.links_from(permit, sources.clone()).await?;
        let inside: HashSet<&str> = sources.iter().map(String::as_str).collect();
        links.retain(|l| inside.contains(l.target.as_str()) || l.kind.replaces() || l.kind == AssociationKind::Signs);
        Ok(links)
    }
}
