//! ITI-32 Distribute Document Set on Media: the sets of a medium put in, and a holder's sets written to one.
//!
//! ITI TF-2 §3.32. What comes on a medium goes in by the same rules as what comes by ITI-41, decided for whoever brings it;
//! what goes out is what its bearer may read, in the sets it came in. Blocking where it reads and writes the zip: for the
//! command line, which has nothing else to do.

use std::{
    collections::{HashMap, HashSet},
    io::{Cursor, Read, Seek},
};

use desk::{
    AllQuery, Caller, DepositRequest, Desk, DocumentKey, EntryBody, Fault, Fetched, Listed, Original, Receipt,
    RegistryQuery, StoredBody,
};
use futures::TryStreamExt as _;
use space::{AssociationKind, AvailabilityStatus, Cause, Dtm, EntryKind, Ins, Oid, Refusal};
use wire_soap::{
    ebxml::{Association, ExtrinsicObject, RegistryObject, RegistryObjectList},
    xds::SubmitObjectsRequest,
    xml::{Tree, XmlLimits},
};
use xdm::{About, Media, NewDocument, NewSubset, SubsetFiles, Written, XdmError};

use crate::{errors, translate};

/// Why a medium was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The archive, at a place in it.
    #[error(transparent)]
    Archive(#[from] XdmError),
    /// What the desk refused.
    #[error("{0}")]
    Refused(#[source] Fault),
    /// There is nothing to write.
    #[error("nothing that may be read is asked for")]
    Nothing,
}

impl From<Fault> for MediaError {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

/// Puts the sets of a medium in, each by itself: all of a set or nothing of it. Documents are held against size and hash
/// of their metadata on the way.
///
/// # Errors
/// [`MediaError::Archive`] when the archive as a whole is refused; what is wrong with one set stands in its place.
pub async fn import<R: Read + Seek>(
    desk: &Desk,
    repository: &Oid,
    caller: &Caller,
    archive: R,
) -> Result<Vec<Result<Receipt, MediaError>>, MediaError> {
    let mut media = Media::open(archive, xdm::Limits::default())?;
    let sets = std::mem::take(&mut media.submission_sets);
    let mut done = Vec::with_capacity(sets.len());
    for set in sets {
        done.push(put(desk, repository, caller, &mut media, set).await);
    }
    Ok(done)
}

async fn put<R: Read + Seek>(
    desk: &Desk,
    repository: &Oid,
    caller: &Caller,
    media: &mut Media<R>,
    set: SubsetFiles,
) -> Result<Receipt, MediaError> {
    let now = Dtm::from_timestamp(desk.clock().now());
    let mut submission = translate::submission(&set.request.objects, repository.as_str(), &now).map_err(Fault::from)?;
    let mut bodies = Vec::with_capacity(set.documents.len());
    for (document, submitted) in set.documents.iter().zip(&mut submission.documents) {
        let mut bytes = Vec::with_capacity(usize::try_from(document.size).unwrap_or_default());
        media.document(document, &mut bytes)?;
        let mut writer = desk.stage();
        writer.write(&bytes).await.map_err(Fault::from)?;
        bodies.push(EntryBody::Staged(writer.finish().await.map_err(Fault::from)?));
        // It stands here from now on, whatever repository and place on the medium the metadata name.
        submitted.entry.repository = None;
        submitted.entry.extra.retain(|slot| slot.name != "URI");
    }
    let original = Original { media_type: "application/xml", bytes: set.metadata };
    let request = DepositRequest { submission, bodies, original, fill_in: false };
    Ok(desk.deposit(caller, request).await?)
}

/// Writes the sets of a holder to a medium: those documents (by `uniqueId`; all when none is named) that are current,
/// stand here and may be read by the caller. Gives the zip and what stands in it.
///
/// # Errors
/// [`MediaError`].
pub async fn export(
    desk: &Desk,
    repository: &Oid,
    caller: &Caller,
    patient: &Ins,
    unique_ids: &[String],
    about: &About<'_>,
) -> Result<(Vec<u8>, Vec<Written>), MediaError> {
    let current = vec![AvailabilityStatus::Approved];
    let mut all = AllQuery::default();
    all.entries.statuses.clone_from(&current);
    all.sets.statuses.clone_from(&current);
    all.folders.statuses = current;
    let found = desk.registry(caller, Some(patient), &RegistryQuery::GetAll(Box::new(all))).await?;
    let asked = |listed: &&Listed| unique_ids.is_empty() || unique_ids.contains(&listed.entry.unique_id);
    let here = |listed: &&Listed| listed.entry.repository.as_deref().is_none_or(|r| r == repository.as_str());
    let wanted: HashMap<&str, &Listed> = found
        .documents
        .iter()
        .filter(|l| asked(l) && here(l) && l.entry.kind == EntryKind::Stable)
        .map(|listed| (listed.entry.entry_uuid.as_str(), listed))
        .collect();
    let mut subsets = Vec::new();
    let mut contents: Vec<Vec<(String, String, Vec<u8>)>> = Vec::new();
    for set in &found.sets {
        let holds = |l: &&space::Association| l.kind == AssociationKind::HasMember && l.source == set.entry_uuid;
        let members: Vec<&Listed> =
            found.associations.iter().filter(holds).filter_map(|l| wanted.get(l.target.as_str()).copied()).collect();
        if members.is_empty() {
            continue;
        }
        let inside: HashSet<&str> = members.iter().map(|m| m.entry.entry_uuid.as_str()).collect();
        let mut objects = vec![RegistryObject::RegistryPackage(translate::submission_set(set))];
        let mut documents = Vec::with_capacity(members.len());
        for member in &members {
            objects.push(RegistryObject::ExtrinsicObject(extrinsic(member, repository)?));
            let bytes = bytes_of(desk, caller, member).await?;
            let title = member.entry.title.first().map(|t| t.value.clone()).unwrap_or_default();
            documents.push((member.entry.entry_uuid.clone(), title, bytes));
        }
        let of_set = |l: &&space::Association| {
            let from = l.source == set.entry_uuid || inside.contains(l.source.as_str());
            from && (inside.contains(l.target.as_str()) || l.target == set.entry_uuid)
        };
        let links = found.associations.iter().filter(of_set).map(translate::association);
        objects.extend(links.map(|link: Association| RegistryObject::Association(link)));
        subsets.push(RegistryObjectList(objects));
        contents.push(documents);
    }
    if subsets.is_empty() {
        return Err(MediaError::Nothing);
    }
    written(subsets, &contents, about, desk.clock().now())
}

fn written(
    subsets: Vec<RegistryObjectList>,
    contents: &[Vec<(String, String, Vec<u8>)>],
    about: &About<'_>,
    at: jiff::Timestamp,
) -> Result<(Vec<u8>, Vec<Written>), MediaError> {
    let mut readers: Vec<Vec<(&str, &str, &[u8])>> = contents
        .iter()
        .map(|set| set.iter().map(|(id, title, bytes)| (id.as_str(), title.as_str(), bytes.as_slice())).collect())
        .collect();
    let sets = subsets.into_iter().zip(&mut readers).map(|(objects, documents)| NewSubset {
        objects,
        documents: documents
            .iter_mut()
            .map(|(id, title, content)| NewDocument {
                object_id: (*id).to_owned(),
                title: (*title).to_owned(),
                content,
            })
            .collect(),
    });
    let mut out = Cursor::new(Vec::new());
    let written = xdm::write(&mut out, about, sets.collect(), at)?;
    Ok((out.into_inner(), written))
}

/// The entry as the registry gives it back, in the form a medium is written from.
fn extrinsic(listed: &Listed, repository: &Oid) -> Result<ExtrinsicObject, Fault> {
    let mut text = format!(
        "<lcm:SubmitObjectsRequest xmlns:lcm=\"{}\"><rim:RegistryObjectList xmlns:rim=\"{}\">",
        wire_soap::ns::LCM,
        wire_soap::ns::RIM
    )
    .into_bytes();
    translate::write_extrinsic_object(&mut text, &listed.entry, repository.as_str());
    text.extend_from_slice(b"</rim:RegistryObjectList></lcm:SubmitObjectsRequest>");
    let internal = || Fault::from(Refusal::new(Cause::Internal));
    let text = String::from_utf8(text).map_err(|_| internal())?;
    let tree = Tree::parse(&text, &XmlLimits::default()).map_err(|e| Fault::from(errors::of_xml(&e)))?;
    let read = SubmitObjectsRequest::read(tree.root()).map_err(|e| Fault::from(errors::of_message(&e)))?;
    let found = read.objects.extrinsic_objects().next().cloned();
    found.ok_or_else(internal)
}

async fn bytes_of(desk: &Desk, caller: &Caller, listed: &Listed) -> Result<Vec<u8>, MediaError> {
    let key = DocumentKey::UniqueId(listed.entry.unique_id.clone());
    let Fetched { body, .. } = desk.fetch(caller, &key).await?;
    match body {
        StoredBody::Whole(bytes) => Ok(bytes.to_vec()),
        StoredBody::Stream(chunks) => {
            let collected: Result<Vec<_>, _> = chunks.try_collect().await;
            Ok(collected.map_err(Fault::from)?.concat())
        }
    }
}
