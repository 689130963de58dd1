//! The stored queries of a registry (ITI TF-2 §3.18.4.1.2.3.7): documents, sets, folders and the links between them, of
//! which a caller is shown what he may read and nothing that says more exists.
//!
//! A set is shown with one of its members, a folder with one of its documents or empty, a link with both its ends.

use std::collections::{HashMap, HashSet};

use access::{Operation, Permit, ReadGrant};
use space::{
    Association, AssociationKind, AvailabilityStatus, Cause, Folder, Ins, Refusal, SubmissionSet,
    query::{CodeQuery, EntryQuery, FolderQuery, SetQuery, Versions},
    trace::Act,
};
use store::{FolderRow, LinkQuery, ObjectQuery};

use crate::{
    Beyond, Caller, Desk, Fault, Listed,
    act::{Acting, Attempt, on_settings},
    find::MOST_NAMED,
};

/// How an object is named: by one of its identifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectKey {
    /// `entryUUID`.
    EntryUuid(String),
    /// `uniqueId`.
    UniqueId(String),
}

/// What of everything is asked (GetAll).
#[derive(Debug, Clone, Default)]
pub struct AllQuery {
    /// Which documents.
    pub entries: EntryQuery,
    /// Which sets.
    pub sets: SetQuery,
    /// Which folders.
    pub folders: FolderQuery,
}

/// What is asked of the registry.
#[derive(Debug, Clone)]
pub enum RegistryQuery {
    /// FindDocuments, FindDocumentsByReferenceId.
    FindDocuments(EntryQuery),
    /// FindSubmissionSets.
    FindSubmissionSets(SetQuery),
    /// FindFolders.
    FindFolders(FolderQuery),
    /// GetAll.
    GetAll(Box<AllQuery>),
    /// GetDocuments: by identifiers.
    GetDocuments(EntryQuery),
    /// GetFolders: by identifiers.
    GetFolders(ObjectQuery),
    /// GetAssociations: those that start from or end at one of these.
    GetAssociations(Vec<String>),
    /// GetDocumentsAndAssociations.
    GetDocumentsAndAssociations(EntryQuery),
    /// GetSubmissionSets: those that hold one of these documents or folders.
    GetSubmissionSets(Vec<String>),
    /// GetSubmissionSetAndContents, with which documents of it.
    GetSubmissionSetAndContents(ObjectKey, EntryQuery),
    /// GetFolderAndContents, with which documents of it.
    GetFolderAndContents(ObjectKey, EntryQuery),
    /// GetFoldersForDocument.
    GetFoldersForDocument(ObjectKey),
    /// GetRelatedDocuments, by links of these kinds.
    GetRelatedDocuments(ObjectKey, Vec<AssociationKind>),
}

impl RegistryQuery {
    /// Whether it searches a space; else it looks up what its caller already knows of.
    const fn searches(&self) -> bool {
        matches!(self, Self::FindDocuments(_) | Self::FindSubmissionSets(_) | Self::FindFolders(_) | Self::GetAll(_))
    }

    /// What is named in it.
    fn named(&self) -> Vec<String> {
        let of_entries =
            |q: &EntryQuery| q.unique_ids.iter().chain(&q.entry_uuids).chain(&q.logical_ids).cloned().collect();
        let of_key = |key: &ObjectKey| match key {
            ObjectKey::EntryUuid(id) | ObjectKey::UniqueId(id) => vec![id.clone()],
        };
        match self {
            Self::FindDocuments(_) | Self::FindSubmissionSets(_) | Self::FindFolders(_) | Self::GetAll(_) => Vec::new(),
            Self::GetDocuments(q) | Self::GetDocumentsAndAssociations(q) => of_entries(q),
            Self::GetFolders(q) => q.unique_ids.iter().chain(&q.entry_uuids).chain(&q.logical_ids).cloned().collect(),
            Self::GetAssociations(ids) | Self::GetSubmissionSets(ids) => ids.clone(),
            Self::GetSubmissionSetAndContents(key, _)
            | Self::GetFolderAndContents(key, _)
            | Self::GetFoldersForDocument(key)
            | Self::GetRelatedDocuments(key, _) => of_key(key),
        }
    }

    /// How many values it holds.
    fn width(&self) -> usize {
        let groups = |groups: &[Vec<CodeQuery>]| groups.iter().map(Vec::len).sum::<usize>();
        let of_entries = |q: &EntryQuery| {
            q.types.len()
                + q.classes.len()
                + q.formats.len()
                + q.facilities.len()
                + q.settings.len()
                + q.statuses.len()
                + q.kinds.len()
                + groups(&q.confidentialities)
                + groups(&q.events)
                + q.references.iter().map(Vec::len).sum::<usize>()
                // A pattern costs more than a code.
                + q.author_persons.len() * 10
        };
        let of_sets = |q: &SetQuery| q.statuses.len() + q.sources.len() + q.content_types.len();
        let of_folders = |q: &FolderQuery| q.statuses.len() + groups(&q.codes);
        self.named().len()
            + match self {
                Self::FindDocuments(q) | Self::GetSubmissionSetAndContents(_, q) | Self::GetFolderAndContents(_, q) => {
                    of_entries(q)
                }
                Self::FindSubmissionSets(q) => of_sets(q),
                Self::FindFolders(q) => of_folders(q),
                Self::GetAll(all) => of_entries(&all.entries) + of_sets(&all.sets) + of_folders(&all.folders),
                Self::GetRelatedDocuments(_, kinds) => kinds.len(),
                _ => 0,
            }
    }
}

/// What a query found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The holder.
    pub ins: Ins,
    /// Sets.
    pub sets: Vec<SubmissionSet>,
    /// Folders.
    pub folders: Vec<Folder>,
    /// Documents, oldest first.
    pub documents: Vec<Listed>,
    /// Links.
    pub associations: Vec<Association>,
    /// By what it was allowed.
    pub beyond: Beyond,
}

/// The same before the holder is known.
#[derive(Debug, Default)]
struct Objects {
    sets: Vec<SubmissionSet>,
    folders: Vec<Folder>,
    documents: Vec<Listed>,
    associations: Vec<Association>,
}

impl Desk {
    /// Answers a stored query of a registry (ITI-18).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not search or look up here, or asks for too much.
    pub async fn registry(
        &self,
        caller: &Caller,
        patient: Option<&Ins>,
        query: &RegistryQuery,
    ) -> Result<Found, Fault> {
        let act = if query.searches() { Act::Find } else { Act::Lookup };
        let acting = Acting::new(self, caller, act, query.named());
        if query.width() > MOST_NAMED {
            let refusal = Refusal::new(Cause::TooManyResults).about(format!("{MOST_NAMED} identifiers or codes"));
            return Err(Acting { targets: Vec::new(), ..acting }.refuse(None, vec![refusal]).await);
        }
        let (ins, space) = self.enter(&acting, patient).await?;
        let actor = &caller.actor;
        on_settings!(acting, space, |settings| {
            let (operation, grant) = if query.searches() {
                (Operation::Find, self.tables.read_grant(actor, &settings)?)
            } else {
                (Operation::FindReference, self.tables.reference_grant(actor, &settings)?)
            };
            let permit = self.tables.decide(actor, operation, space, &settings)?;
            let view = View { desk: self, permit: &permit, grant: &grant };
            let objects = view.answer(query).await?;
            let count = objects.sets.len() + objects.folders.len() + objects.documents.len();
            if count > self.options.max_results {
                return Err(Refusal::new(Cause::TooManyResults).about(self.options.max_results.to_string()).into());
            }
            if let Some(cause) = grant.refuses_listing().filter(|_| query.searches() && count == 0) {
                return Err(Refusal::new(cause).into());
            }
            self.store.record(&permit, &acting.done(&permit), acting.emergency_notice()).await?;
            let Objects { sets, folders, documents, associations } = objects;
            let beyond = Beyond { permit, grant, ins: ins.clone() };
            Ok(Found { ins: ins.clone(), sets, folders, documents, associations, beyond })
        })
    }
}

/// A space as one caller sees it.
struct View<'a> {
    desk: &'a Desk,
    permit: &'a Permit,
    grant: &'a ReadGrant,
}

impl View<'_> {
    async fn answer(&self, query: &RegistryQuery) -> Result<Objects, Attempt> {
        let mut found = Objects::default();
        match query {
            RegistryQuery::FindDocuments(query) | RegistryQuery::GetDocuments(query) => {
                found.documents = self.documents(query).await?;
            }
            RegistryQuery::FindSubmissionSets(query) => {
                let sets = self.all_sets().await?.into_iter().filter(|s| query.matches(s)).collect();
                found.sets = self.shown_sets(sets).await?;
            }
            RegistryQuery::FindFolders(query) => {
                let folders = self.folders(&ObjectQuery::default()).await?;
                found.folders = folders.into_iter().filter(|f| query.matches(f)).collect();
            }
            RegistryQuery::GetAll(all) => {
                let AllQuery { entries, sets, folders } = all.as_ref();
                found.documents = self.documents(entries).await?;
                let all = self.all_sets().await?.into_iter().filter(|s| sets.matches(s)).collect();
                found.sets = self.shown_sets(all).await?;
                let all = self.folders(&ObjectQuery::default()).await?;
                found.folders = all.into_iter().filter(|f| folders.matches(f)).collect();
                found.associations = self.links_among(&found).await?;
            }
            RegistryQuery::GetFolders(query) => found.folders = self.folders(query).await?,
            RegistryQuery::GetAssociations(ids) => found.associations = self.links_of(ids).await?,
            RegistryQuery::GetDocumentsAndAssociations(query) => {
                found.documents = self.documents(query).await?;
                let ids: Vec<String> = found.documents.iter().map(|d| d.entry.entry_uuid.clone()).collect();
                found.associations = self.links_of(&ids).await?;
            }
            RegistryQuery::GetSubmissionSets(ids) => self.sets_holding(ids, &mut found).await?,
            RegistryQuery::GetSubmissionSetAndContents(key, query) => {
                self.set_and_contents(key, query, &mut found).await?;
            }
            RegistryQuery::GetFolderAndContents(key, query) => self.folder_and_contents(key, query, &mut found).await?,
            RegistryQuery::GetFoldersForDocument(key) => {
                if let Some(document) = self.document(key).await? {
                    let to = LinkQuery { targets: vec![document.entry.entry_uuid], ..LinkQuery::default() };
                    let links = self.links(&to).await?;
                    let holding: HashSet<&str> = members(&links).map(|l| l.source.as_str()).collect();
                    // The present versions: a link to a former one was copied to the next.
                    let last = self.folders(&ObjectQuery::default()).await?;
                    found.folders = last.into_iter().filter(|f| holding.contains(f.entry_uuid.as_str())).collect();
                }
            }
            RegistryQuery::GetRelatedDocuments(key, kinds) => self.related(key, kinds, &mut found).await?,
        }
        Ok(found)
    }

    /// The documents a query finds that are shown.
    async fn documents(&self, query: &EntryQuery) -> Result<Vec<Listed>, Attempt> {
        let rows = self.desk.store.entries(self.permit, query).await?;
        self.desk.shown(self.permit, self.grant, rows).await
    }

    async fn documents_named(&self, ids: &[String]) -> Result<Vec<Listed>, Attempt> {
        let mut found = Vec::new();
        for part in ids.chunks(MOST_NAMED) {
            let query = EntryQuery { entry_uuids: part.to_vec(), versions: Versions::All, ..EntryQuery::default() };
            found.extend(self.documents(&query).await?);
        }
        Ok(found)
    }

    async fn document(&self, key: &ObjectKey) -> Result<Option<Listed>, Attempt> {
        let mut query = EntryQuery::default();
        match key {
            ObjectKey::EntryUuid(id) => query.entry_uuids = vec![id.clone()],
            ObjectKey::UniqueId(id) => query.unique_ids = vec![id.clone()],
        }
        Ok(self.documents(&query).await?.pop())
    }

    async fn links(&self, query: &LinkQuery) -> Result<Vec<Association>, Attempt> {
        Ok(self.desk.store.associations(self.permit, query).await?)
    }

    async fn links_from(&self, sources: Vec<String>) -> Result<Vec<Association>, Attempt> {
        self.desk.links_from(self.permit, sources).await
    }

    async fn all_sets(&self) -> Result<Vec<SubmissionSet>, Attempt> {
        let rows = self.desk.store.submission_sets(self.permit, &ObjectQuery::default()).await?;
        Ok(rows.into_iter().map(|row| row.set).collect())
    }

    async fn folders_named(&self, query: &ObjectQuery) -> Result<Vec<Folder>, Attempt> {
        if query.entry_uuids.is_empty() && query.unique_ids.is_empty() && query.logical_ids.is_empty() {
            return Ok(Vec::new());
        }
        self.folders(query).await
    }

    /// Folders that are empty, or hold a document that is shown.
    async fn folders(&self, query: &ObjectQuery) -> Result<Vec<Folder>, Attempt> {
        let rows = self.folder_rows(query).await?;
        let links = self.links_from(rows.iter().map(|r| r.folder.entry_uuid.clone()).collect()).await?;
        let mut held: HashMap<&str, Vec<&str>> = HashMap::new();
        for link in members(&links) {
            held.entry(&link.source).or_default().push(&link.target);
        }
        let shown = self.shown_documents(members(&links).map(|l| l.target.clone()).collect()).await?;
        // An empty one only to whom the space is open, or whose it is.
        let is_open = self.grant.refuses_listing().is_none();
        let is_shown = |row: &FolderRow| match held.get(row.folder.entry_uuid.as_str()) {
            None => is_open || self.grant.is_of(&row.owners),
            Some(targets) => targets.iter().any(|t| shown.contains(*t)),
        };
        Ok(rows.into_iter().filter(is_shown).map(|row| row.folder).collect())
    }

    /// Folders by identifiers, some hundred at a time.
    async fn folder_rows(&self, query: &ObjectQuery) -> Result<Vec<FolderRow>, Attempt> {
        if query.entry_uuids.len() <= MOST_NAMED {
            return Ok(self.desk.store.folders(self.permit, query).await?);
        }
        let mut rows = Vec::new();
        for part in query.entry_uuids.chunks(MOST_NAMED) {
            let part = ObjectQuery { entry_uuids: part.to_vec(), ..query.clone() };
            rows.extend(self.desk.store.folders(self.permit, &part).await?);
        }
        Ok(rows)
    }

    async fn shown_documents(&self, ids: Vec<String>) -> Result<HashSet<String>, Attempt> {
        let documents = self.documents_named(&unique(ids)).await?;
        Ok(documents.into_iter().map(|d| d.entry.entry_uuid).collect())
    }

    /// Of these identifiers, those of documents, folders and links that are shown.
    async fn shown_members(&self, ids: Vec<String>) -> Result<HashSet<String>, Attempt> {
        let ids = unique(ids);
        let mut shown = self.shown_documents(ids.clone()).await?;
        let rest: Vec<String> = ids.into_iter().filter(|id| !shown.contains(id)).collect();
        if rest.is_empty() {
            return Ok(shown);
        }
        let query = ObjectQuery { entry_uuids: rest.clone(), ..ObjectQuery::default() };
        shown.extend(self.folders_named(&query).await?.into_iter().map(|f| f.entry_uuid));
        let links = self.links(&LinkQuery { entry_uuids: rest, ..LinkQuery::default() }).await?;
        if !links.is_empty() {
            let ends = unique(links.iter().flat_map(|l| [l.source.clone(), l.target.clone()]).collect());
            let mut there = self.shown_documents(ends.clone()).await?;
            let query = ObjectQuery { entry_uuids: ends, ..ObjectQuery::default() };
            there.extend(self.folders_named(&query).await?.into_iter().map(|f| f.entry_uuid));
            let both = |l: &Association| there.contains(&l.source) && there.contains(&l.target);
            shown.extend(links.into_iter().filter(|l| both(l)).map(|l| l.entry_uuid));
        }
        Ok(shown)
    }

    /// Sets with a member that is shown.
    async fn shown_sets(&self, sets: Vec<SubmissionSet>) -> Result<Vec<SubmissionSet>, Attempt> {
        let links = self.links_from(sets.iter().map(|s| s.entry_uuid.clone()).collect()).await?;
        let shown = self.shown_members(members(&links).map(|l| l.target.clone()).collect()).await?;
        let holding: HashSet<&str> =
            members(&links).filter(|l| shown.contains(&l.target)).map(|l| l.source.as_str()).collect();
        Ok(sets.into_iter().filter(|s| holding.contains(s.entry_uuid.as_str())).collect())
    }

    async fn sets_named(&self, query: &ObjectQuery) -> Result<Vec<SubmissionSet>, Attempt> {
        if query.entry_uuids.is_empty() && query.unique_ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut sets = Vec::new();
        if query.entry_uuids.is_empty() {
            sets = self.desk.store.submission_sets(self.permit, query).await?;
        }
        for part in query.entry_uuids.chunks(MOST_NAMED) {
            let part = ObjectQuery { entry_uuids: part.to_vec(), ..query.clone() };
            sets.extend(self.desk.store.submission_sets(self.permit, &part).await?);
        }
        self.shown_sets(sets.into_iter().map(|r| r.set).collect()).await
    }

    /// Links that start from or end at one of these objects, both ends shown.
    async fn links_of(&self, ids: &[String]) -> Result<Vec<Association>, Attempt> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut links = self.links_from(ids.to_vec()).await?;
        let known: HashSet<String> = links.iter().map(|l| l.entry_uuid.clone()).collect();
        let to = self.links(&LinkQuery { targets: ids.to_vec(), ..LinkQuery::default() }).await?;
        links.extend(to.into_iter().filter(|l| !known.contains(&l.entry_uuid)));
        self.with_both_ends(links).await
    }

    async fn with_both_ends(&self, links: Vec<Association>) -> Result<Vec<Association>, Attempt> {
        let ends = unique(links.iter().flat_map(|l| [l.source.clone(), l.target.clone()]).collect());
        let mut shown = self.shown_members(ends.clone()).await?;
        let rest = ends.into_iter().filter(|id| !shown.contains(id)).collect();
        let query = ObjectQuery { entry_uuids: rest, ..ObjectQuery::default() };
        shown.extend(self.sets_named(&query).await?.into_iter().map(|s| s.entry_uuid));
        Ok(links.into_iter().filter(|l| shown.contains(&l.source) && shown.contains(&l.target)).collect())
    }

    /// Links between objects found, and from sets found to such links.
    async fn links_among(&self, found: &Objects) -> Result<Vec<Association>, Attempt> {
        let sets = found.sets.iter().map(|s| s.entry_uuid.as_str());
        let folders = found.folders.iter().map(|f| f.entry_uuid.as_str());
        let documents = found.documents.iter().map(|d| d.entry.entry_uuid.as_str());
        let there: HashSet<&str> = sets.chain(folders).chain(documents).collect();
        let mut links = Vec::new();
        for part in there.iter().copied().collect::<Vec<_>>().chunks(MOST_NAMED) {
            links.extend(self.links_from(part.iter().map(|id| (*id).to_owned()).collect()).await?);
        }
        let own: HashSet<String> =
            links.iter().filter(|l| there.contains(l.target.as_str())).map(|l| l.entry_uuid.clone()).collect();
        links.retain(|l| there.contains(l.target.as_str()) || own.contains(&l.target));
        Ok(links)
    }

    async fn sets_holding(&self, ids: &[String], found: &mut Objects) -> Result<(), Attempt> {
        // Only through what is shown: a masked document's set is not told by its document.
        let shown = self.shown_members(ids.to_vec()).await?;
        if shown.is_empty() {
            return Ok(());
        }
        let to = LinkQuery { targets: shown.into_iter().collect(), ..LinkQuery::default() };
        let links: Vec<Association> = members(&self.links(&to).await?).cloned().collect();
        let sources = unique(links.iter().map(|l| l.source.clone()).collect());
        found.sets = self.sets_named(&ObjectQuery { entry_uuids: sources, ..ObjectQuery::default() }).await?;
        let sets: HashSet<&str> = found.sets.iter().map(|s| s.entry_uuid.as_str()).collect();
        found.associations = links.into_iter().filter(|l| sets.contains(l.source.as_str())).collect();
        Ok(())
    }

    async fn set_and_contents(&self, key: &ObjectKey, query: &EntryQuery, found: &mut Objects) -> Result<(), Attempt> {
        found.sets = self.sets_named(&by_key(key)).await?;
        let Some(set) = found.sets.first() else { return Ok(()) };
        let links: Vec<Association> = members(&self.links_from(vec![set.entry_uuid.clone()]).await?).cloned().collect();
        let targets: Vec<String> = links.iter().map(|l| l.target.clone()).collect();
        let documents = self.documents_named(&targets).await?;
        found.documents = documents.into_iter().filter(|d| of_contents(query, d)).collect();
        let named = ObjectQuery { entry_uuids: targets.clone(), ..ObjectQuery::default() };
        found.folders = self.folders_named(&named).await?;
        let documents = found.documents.iter().map(|d| d.entry.entry_uuid.as_str());
        let there: HashSet<&str> = documents.chain(found.folders.iter().map(|f| f.entry_uuid.as_str())).collect();
        // Links that are members themselves: of a document to a folder, both in the set.
        let inner = if targets.is_empty() {
            Vec::new()
        } else {
            self.links(&LinkQuery { entry_uuids: targets, ..LinkQuery::default() }).await?
        };
        let inner: Vec<Association> = self.with_both_ends(inner).await?;
        let kept: HashSet<&str> = inner.iter().map(|l| l.entry_uuid.as_str()).collect();
        let outer = links.into_iter().filter(|l| there.contains(l.target.as_str()) || kept.contains(l.target.as_str()));
        let mut all: Vec<Association> = outer.collect();
        all.extend(inner);
        found.associations = all;
        Ok(())
    }

    async fn folder_and_contents(
        &self,
        key: &ObjectKey,
        query: &EntryQuery,
        found: &mut Objects,
    ) -> Result<(), Attempt> {
        found.folders = self.folders_named(&by_key(key)).await?;
        let Some(folder) = found.folders.first() else { return Ok(()) };
        let links: Vec<Association> =
            members(&self.links_from(vec![folder.entry_uuid.clone()]).await?).cloned().collect();
        let targets: Vec<String> = links.iter().map(|l| l.target.clone()).collect();
        let documents = self.documents_named(&targets).await?;
        found.documents = documents.into_iter().filter(|d| of_contents(query, d)).collect();
        let there: HashSet<&str> = found.documents.iter().map(|d| d.entry.entry_uuid.as_str()).collect();
        found.associations = links.into_iter().filter(|l| there.contains(l.target.as_str())).collect();
        Ok(())
    }

    async fn related(&self, key: &ObjectKey, kinds: &[AssociationKind], found: &mut Objects) -> Result<(), Attempt> {
        let Some(document) = self.document(key).await? else { return Ok(()) };
        let mut links = self.links_of(std::slice::from_ref(&document.entry.entry_uuid)).await?;
        links.retain(|l| kinds.contains(&l.kind));
        let ends = unique(links.iter().flat_map(|l| [l.source.clone(), l.target.clone()]).collect());
        found.documents = self.documents_named(&ends).await?;
        let there: HashSet<&str> = found.documents.iter().map(|d| d.entry.entry_uuid.as_str()).collect();
        // Between documents only: what holds them is not related to them.
        links.retain(|l| there.contains(l.source.as_str()) && there.contains(l.target.as_str()));
        found.associations = links;
        Ok(())
    }
}

fn members(links: &[Association]) -> impl Iterator<Item = &Association> {
    links.iter().filter(|l| l.kind == AssociationKind::HasMember)
}

fn by_key(key: &ObjectKey) -> ObjectQuery {
    match key {
        ObjectKey::EntryUuid(id) => ObjectQuery { entry_uuids: vec![id.clone()], ..ObjectQuery::default() },
        ObjectKey::UniqueId(id) => ObjectQuery { unique_ids: vec![id.clone()], ..ObjectQuery::default() },
    }
}

/// Whether a document of a set or folder is asked for: by format, confidentiality and kind only.
fn of_contents(query: &EntryQuery, listed: &Listed) -> bool {
    listed.entry.status != AvailabilityStatus::Deleted && query.matches(&listed.entry)
}

fn unique(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids.dedup();
    ids
}
