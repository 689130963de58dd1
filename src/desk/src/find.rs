//! Searching and listing: what a list shows is exactly what may be read.

use access::{EntryFacts, Operation, Permit, ReadGrant, Rule};
use space::{
    Association, AssociationKind, Cause, DocumentEntry, Ins, Refusal, Settings, SpaceId, SubmissionSet,
    query::EntryQuery, trace::Act,
};
use store::{EntryRow, LinkQuery, ObjectQuery};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, Attempt, on_settings},
};

/// Identifiers or codes one search may name.
const MOST_NAMED: usize = 500;

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
    /// Links that start from them (replacements, signatures), when they were asked for.
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
    /// Searches the documents of a holder (IHE FindDocuments).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not search here.
    pub async fn find(&self, caller: &Caller, patient: Option<&Ins>, query: &EntryQuery) -> Result<Listing, Fault> {
        self.search(Acting::new(self, caller, Act::Find, Vec::new()), patient, query, false).await
    }

    /// The same with the links that start from the documents found (PDSm ITI-67).
    ///
    /// # Errors
    /// As [`Desk::find`].
    pub async fn find_linked(
        &self,
        caller: &Caller,
        patient: Option<&Ins>,
        query: &EntryQuery,
    ) -> Result<Listing, Fault> {
        self.search(Acting::new(self, caller, Act::Find, Vec::new()), patient, query, true).await
    }

    /// Looks up documents known by their identifiers (IHE GetDocuments): what the caller may read, and for a structure
    /// or its staff what is its own.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not look up here.
    pub async fn lookup(&self, caller: &Caller, patient: Option<&Ins>, query: &EntryQuery) -> Result<Listing, Fault> {
        self.search(self.looking_up(caller, query), patient, query, false).await
    }

    /// The same with the links that start from the documents found.
    ///
    /// # Errors
    /// As [`Desk::lookup`].
    pub async fn lookup_linked(
        &self,
        caller: &Caller,
        patient: Option<&Ins>,
        query: &EntryQuery,
    ) -> Result<Listing, Fault> {
        self.search(self.looking_up(caller, query), patient, query, true).await
    }

    fn looking_up<'a>(&'a self, caller: &'a Caller, query: &EntryQuery) -> Acting<'a> {
        let targets = query.unique_ids.iter().chain(&query.entry_uuids).cloned().collect();
        Acting::new(self, caller, Act::Lookup, targets)
    }

    async fn search(
        &self,
        acting: Acting<'_>,
        patient: Option<&Ins>,
        query: &EntryQuery,
        linked: bool,
    ) -> Result<Listing, Fault> {
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
                (permit, self.shown(&grant, rows))
            };
            let associations = if linked { self.links(&permit, &documents).await? } else { Vec::new() };
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
        let visible: std::collections::HashSet<&str> = documents.iter().map(|d| d.entry.entry_uuid.as_str()).collect();
        let sets: Vec<_> = self.store.submission_sets(permit, &ObjectQuery::default()).await?;
        let sets: Vec<_> = sets.into_iter().map(|row| row.set).filter(|set| wanted(set)).collect();
        let sources: Vec<String> = sets.iter().map(|s| s.entry_uuid.clone()).collect();
        let mut members: std::collections::HashMap<String, Vec<String>> = std::collections::HashMap::new();
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
        let documents = self.shown(grant, rows);
        match grant.refuses_listing() {
            Some(cause) if documents.is_empty() => Err(Refusal::new(cause).into()),
            _ if documents.len() > self.options.max_results => {
                Err(Refusal::new(Cause::TooManyResults).about(self.options.max_results.to_string()).into())
            }
            _ => Ok(documents),
        }
    }

    pub(crate) fn shown(&self, grant: &ReadGrant, rows: Vec<EntryRow>) -> Vec<Listed> {
        let matrix = self.tables.matrix();
        rows.into_iter()
            .filter_map(|row| {
                let EntryRow { entry, owners, deposited_ms, superseded, .. } = row;
                let facts = EntryFacts::of(&entry, owners, matrix);
                let rule = grant.allows(&facts, matrix).ok()?;
                // What a former version said of who may see the document holds no more: its author alone sees it.
                (!superseded || rule == Rule::Own).then_some(Listed { entry, deposited_ms })
            })
            .collect()
    }

    async fn links_from(&self, permit: &Permit, sources: Vec<String>) -> Result<Vec<Association>, Attempt> {
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store.associations(permit, &LinkQuery { sources, ..LinkQuery::default() }).await?)
    }

    async fn links(&self, permit: &Permit, documents: &[Listed]) -> Result<Vec<Association>, Attempt> {
        // Only replacements, transformations and signatures start from a document, and most documents have none.
        let sources: Vec<String> = documents.iter().map(|d| d.entry.entry_uuid.clone()).collect();
        let mut links = self.links_from(permit, sources.clone()).await?;
        let inside: std::collections::HashSet<&str> = sources.iter().map(String::as_str).collect();
        links.retain(|l| inside.contains(l.target.as_str()) || l.kind.replaces() || l.kind == AssociationKind::Signs);
        Ok(links)
    }
}
