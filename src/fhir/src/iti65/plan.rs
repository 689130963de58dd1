//! What each entry of a bundle is for, and the submission they make together. Everything wrong is told at once.

use std::collections::HashSet;

use space::{
    Association, AssociationKind, AvailabilityStatus, Cause, Ins, Refusal, Slot, Submission, SubmittedDocument,
};
use wire_fhir::{DocumentReference, List, RelatesTo, Resource, TransactionBundle, TransactionEntry};

use super::{
    patch,
    relations::{Link, Target},
};
use crate::translate::{
    entry_in, ids,
    resolve::{Names, Scope},
    set_in,
};

/// The part an entry plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The submission set.
    Set,
    /// The metadata of the document of that number.
    Document(usize),
    /// The content of the document of that number.
    Content(usize),
    /// A person, structure or system that metadata refer to.
    Person,
    /// The word that a replaced document is superseded.
    Patch,
}

/// A bundle understood.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) submission: Submission,
    /// For each entry, its part.
    pub(super) roles: Vec<Role>,
    /// Links whose targets are still to be settled.
    pub(super) links: Vec<Link>,
    /// What is patched.
    pub(super) patches: Vec<(Target, String)>,
}

/// Entries by what they are, before they are read.
#[derive(Default)]
struct Sorted<'a> {
    sets: Vec<(usize, &'a List)>,
    documents: Vec<(usize, &'a DocumentReference)>,
    contents: Vec<usize>,
    patches: Vec<usize>,
}

fn place_of(index: usize) -> String {
    format!("Bundle.entry[{index}]")
}

/// Name of a document inside the submission: the registry gives it its UUID.
fn name_of(document: usize) -> String {
    format!("document-{document}")
}

/// Understands a bundle for a holder.
pub(super) fn read(bundle: &TransactionBundle, ins: &Ins) -> Result<Plan, Vec<Refusal>> {
    let sorted = sort(&bundle.entries)?;
    let names = Names::of(&bundle.entries);
    let mut wrong = Vec::new();
    let mut roles = vec![Role::Person; bundle.entries.len()];
    for index in &sorted.patches {
        roles[*index] = Role::Patch;
    }
    let mut documents = Vec::new();
    for (number, (index, resource)) in sorted.documents.iter().enumerate() {
        roles[*index] = Role::Document(number);
        let content = content_of(resource, &names, &sorted.contents, *index).map(|content| {
            let free = roles[content] == Role::Person;
            roles[content] = Role::Content(number);
            (content, free)
        });
        match content {
            Ok((content, true)) => match document(bundle, resource, &names, ins, number, *index, content) {
                Ok(read) => documents.push(read),
                Err(refusals) => wrong.extend(refusals),
            },
            Ok((_, false)) => wrong.push(
                Refusal::new(Cause::ResourceInvalid)
                    .at(format!("{}.resource.content[0].attachment.url", place_of(*index)))
                    .about("one Binary for each document"),
            ),
            Err(refusal) => wrong.push(refusal),
        }
    }
    for index in sorted.contents.iter().filter(|i| roles[**i] == Role::Person) {
        wrong.push(Refusal::new(Cause::MissingDocumentMetadata).at(place_of(*index)));
    }
    let [(index, list)] = sorted.sets.as_slice() else {
        wrong.push(Refusal::new(Cause::ResourceInvalid).at("Bundle.entry").about("exactly one SubmissionSet List"));
        return Err(wrong);
    };
    roles[*index] = Role::Set;
    let unique_ids: Vec<String> = documents.iter().map(|d: &SubmittedDocument| d.entry.unique_id.clone()).collect();
    let place = format!("{}.resource", place_of(*index));
    let scope = Scope { contained: &list.contained, names: &names };
    let set = set_in::read(list, scope, ins, &unique_ids, &place).map_err(|refusals| wrong.extend(refusals)).ok();
    let set_uuid = set.as_ref().map_or_else(String::new, |s| s.entry_uuid.clone());
    let associations = members(list, &names, &roles, &set_uuid, &place, &mut wrong);
    let mut links = Vec::new();
    for (number, (index, resource)) in sorted.documents.iter().enumerate() {
        for (nth, relation) in resource.relates_to.iter().enumerate() {
            let place = format!("{}.resource.relatesTo[{nth}]", place_of(*index));
            match link(relation, number, &names, &roles, &set_uuid, &place) {
                Ok(link) => links.push(link),
                Err(refusal) => wrong.push(refusal),
            }
        }
    }
    let mut patches = Vec::new();
    for index in &sorted.patches {
        let (entry, place) = (&bundle.entries[*index], place_of(*index));
        match patch::check(entry, &place).and_then(|()| {
            Target::of_url(&entry.url).ok_or_else(|| {
                Refusal::new(Cause::ResourceInvalid).at(format!("{place}.request.url")).about("DocumentReference/<id>")
            })
        }) {
            Ok(target) => patches.push((target, place)),
            Err(refusal) => wrong.push(refusal),
        }
    }
    match set {
        Some(set) if wrong.is_empty() => Ok(Plan {
            submission: Submission { set, place, documents, folders: Vec::new(), associations },
            roles,
            links,
            patches,
        }),
        _ => Err(wrong),
    }
}

/// Sorts entries; what this transaction is not for is refused.
fn sort(entries: &[TransactionEntry]) -> Result<Sorted<'_>, Vec<Refusal>> {
    let mut sorted = Sorted::default();
    let mut wrong = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = place_of(index);
        let refuse =
            |path: &str, about: &str| Refusal::new(Cause::ResourceInvalid).at(format!("{place}.{path}")).about(about);
        let Some(resource) = &entry.resource else {
            wrong.push(refuse("resource", "resource"));
            continue;
        };
        match (entry.method.as_str(), resource) {
            ("PATCH", _) => {
                sorted.patches.push(index);
                continue;
            }
            ("POST", _) if entry.url.trim_matches('/') != resource.kind() && *resource != Resource::Other => {
                wrong.push(refuse("request.url", resource.kind()));
                continue;
            }
            ("POST", _) => {}
            _ => {
                wrong.push(refuse("request.method", "POST"));
                continue;
            }
        }
        match resource {
            Resource::List(list) => match set_in::kind(list) {
                Some("submissionset") => sorted.sets.push((index, list)),
                Some("folder") => wrong.push(refuse("resource.code", "folders are not served")),
                _ => wrong.push(refuse("resource.code", "submissionset")),
            },
            Resource::DocumentReference(reference) => sorted.documents.push((index, reference)),
            Resource::Binary(_) if entry.content.is_some() => sorted.contents.push(index),
            Resource::Binary(_) => {
                wrong.push(Refusal::new(Cause::MissingDocument).at(format!("{place}.resource.data")).about("data"));
            }
            Resource::Patient(_)
            | Resource::Practitioner(_)
            | Resource::PractitionerRole(_)
            | Resource::Organization(_)
            | Resource::Device(_) => {}
            Resource::Parameters(_) | Resource::Other => {
                wrong.push(refuse("resource", "List, DocumentReference, Binary, or a person they refer to"));
            }
        }
    }
    if wrong.is_empty() { Ok(sorted) } else { Err(wrong) }
}

/// The entry that holds a document's content.
fn content_of(
    resource: &DocumentReference,
    names: &Names<'_>,
    contents: &[usize],
    index: usize,
) -> Result<usize, Refusal> {
    let url = resource.content.first().and_then(|c| c.attachment.url.as_deref());
    let found = url.and_then(|url| names.find(url)).map(|(entry, _)| entry).filter(|e| contents.contains(e));
    found.ok_or_else(|| {
        Refusal::new(Cause::MissingDocument)
            .at(format!("{}.resource.content[0].attachment.url", place_of(index)))
            .about("fullUrl of a Binary of the bundle")
    })
}

fn document(
    bundle: &TransactionBundle,
    resource: &DocumentReference,
    names: &Names<'_>,
    ins: &Ins,
    number: usize,
    index: usize,
    content: usize,
) -> Result<SubmittedDocument, Vec<Refusal>> {
    let place = format!("{}.resource", place_of(index));
    let scope = Scope { contained: &resource.contained, names };
    let mut read = entry_in::read(resource, scope, ins, &name_of(number), &place)?;
    if !entry_in::may_be_submitted(read.entry.status) {
        return Err(vec![Refusal::new(Cause::ResourceInvalid).at(format!("{place}.status")).about("current")]);
    }
    if let Some(Resource::Binary(binary)) = &bundle.entries[content].resource {
        let bare = |t: &str| t.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if read.entry.mime_type.is_empty() {
            read.entry.mime_type.clone_from(&binary.content_type);
        } else if bare(&read.entry.mime_type) != bare(&binary.content_type) {
            let refusal = Refusal::new(Cause::MetadataMediaType)
                .at(format!("{place}.content[0].attachment.contentType"))
                .about("contentType of the Binary");
            return Err(vec![refusal]);
        }
    }
    Ok(SubmittedDocument {
        entry: read.entry,
        place,
        announced_hash: read.announced_hash,
        announced_size: read.announced_size,
    })
}

/// What the set holds.
fn members(
    list: &List,
    names: &Names<'_>,
    roles: &[Role],
    set_uuid: &str,
    place: &str,
    wrong: &mut Vec<Refusal>,
) -> Vec<(Association, String)> {
    let mut associations = Vec::new();
    let mut seen = HashSet::new();
    for (nth, entry) in list.entry.iter().enumerate() {
        let place = format!("{place}.entry[{nth}].item");
        let found = entry.item.reference.as_deref().and_then(|name| names.find(name)).map(|(index, _)| roles[index]);
        let Some(Role::Document(number)) = found else {
            wrong.push(
                Refusal::new(Cause::UnknownAssociationTarget).at(place).about("a DocumentReference of the bundle"),
            );
            continue;
        };
        if seen.insert(number) {
            let slots = vec![Slot { name: "SubmissionSetStatus".into(), values: vec!["Original".into()] }];
            let association = Association {
                entry_uuid: format!("member-{number}"),
                kind: AssociationKind::HasMember,
                source: set_uuid.to_owned(),
                target: name_of(number),
                status: AvailabilityStatus::Approved,
                slots,
                documentation: None,
            };
            associations.push((association, place));
        }
    }
    associations
}

/// A relation of a document.
fn link(
    relation: &RelatesTo,
    number: usize,
    names: &Names<'_>,
    roles: &[Role],
    set_uuid: &str,
    place: &str,
) -> Result<Link, Refusal> {
    let kind = match relation.code.as_str() {
        "replaces" => AssociationKind::Replace,
        "transforms" => AssociationKind::Transform,
        "signs" => AssociationKind::Signs,
        "appends" => AssociationKind::Append,
        _ => return Err(Refusal::new(Cause::ResourceInvalid).at(format!("{place}.code"))),
    };
    let reference = relation.target.reference.as_deref();
    let inside = reference.and_then(|name| names.find(name)).map(|(index, _)| roles[index]);
    let target = match (inside, reference, &relation.target.identifier) {
        (Some(Role::Document(other)), ..) => Some(Target::Entry(name_of(other))),
        (Some(Role::Set), ..) => Some(Target::Entry(set_uuid.to_owned())),
        (_, Some(url), _) => Target::of_url(url),
        (None, None, Some(identifier)) => ids::unique_id(identifier).map(Target::Document),
        _ => None,
    };
    let target = target.ok_or_else(|| {
        Refusal::new(Cause::UnknownAssociationTarget).at(format!("{place}.target")).about("DocumentReference/<id>")
    })?;
    Ok(Link { kind, source: name_of(number), target, place: place.to_owned() })
}
