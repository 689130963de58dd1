//! Documents that a bundle points at outside itself: known by the id of their metadata, or by their own identifier,
//! which is looked up. What is patched must be what is replaced.

use std::collections::HashMap;

use space::{Association, AssociationKind, AvailabilityStatus, Cause, Ins, Refusal, query::EntryQuery};

use super::plan::Plan;
use crate::{FhirState, call::Call, respond::Failure, translate::ids};

/// A document that stands, or will stand, in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// By the name of its entry: a `urn:uuid:`, or the name it has in this submission.
    Entry(String),
    /// By its uniqueId.
    Document(String),
}

impl Target {
    /// Reads `DocumentReference/<id>`, a URL that ends so, `DocumentReference?identifier=…`, or a `urn:uuid:`.
    pub(super) fn of_url(url: &str) -> Option<Self> {
        if let Some((_, query)) = url.split_once("DocumentReference?identifier=") {
            let query = query.replace("%7C", "|").replace("%7c", "|").replace("%3A", ":").replace("%3a", ":");
            let value = query.rsplit_once('|').map_or(query.as_str(), |(_, value)| value);
            return Some(match ids::entry_uuid(value) {
                Some(uuid) if value.starts_with("urn:uuid:") => Self::Entry(uuid),
                _ => Self::Document(ids::unique_of_value(value)),
            });
        }
        let id = url.rsplit_once("DocumentReference/").map_or(url, |(_, rest)| rest);
        let id = id.split_once("/_history").map_or(id, |(id, _)| id);
        ids::entry_uuid(id).map(Self::Entry)
    }
}

/// A link of the bundle whose target is still to be settled.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) kind: AssociationKind,
    pub(super) source: String,
    pub(super) target: Target,
    pub(super) place: String,
}

/// Settles every target, and checks that what is patched is replaced.
pub(super) async fn settle(state: &FhirState, call: &Call, ins: &Ins, plan: &mut Plan) -> Result<(), Failure> {
    let links = std::mem::take(&mut plan.links);
    let patches = std::mem::take(&mut plan.patches);
    let targets = links.iter().map(|l| &l.target).chain(patches.iter().map(|(t, _)| t));
    let unique_ids: Vec<String> = targets
        .filter_map(|target| match target {
            Target::Document(id) => Some(id.clone()),
            Target::Entry(_) => None,
        })
        .collect();
    let known = if unique_ids.is_empty() {
        HashMap::new()
    } else {
        let query = EntryQuery { unique_ids, ..EntryQuery::default() };
        let listing = state.desk.lookup(&call.caller, Some(ins), &query).await?;
        listing.documents.into_iter().map(|d| (d.entry.unique_id, d.entry.entry_uuid)).collect()
    };
    let find = |target: &Target, place: &str| match target {
        Target::Entry(uuid) => Ok(uuid.clone()),
        Target::Document(id) => {
            known.get(id).cloned().ok_or_else(|| Refusal::new(Cause::UnknownAssociationTarget).at(place))
        }
    };
    let mut replaced = Vec::new();
    for Link { kind, source, target, place } in links {
        let target = find(&target, &place)?;
        if kind.replaces() {
            replaced.push(target.clone());
        }
        let association = Association {
            entry_uuid: format!("association-{}", plan.submission.associations.len()),
            kind,
            source,
            target,
            status: AvailabilityStatus::Approved,
            slots: Vec::new(),
            documentation: None,
        };
        plan.submission.associations.push((association, place));
    }
    for (target, place) in patches {
        if !replaced.contains(&find(&target, &place)?) {
            let refusal = Refusal::new(Cause::ResourceInvalid).at(format!("{place}.request.url"));
            return Err(refusal.about("a document that the bundle replaces").into());
        }
    }
    Ok(())
}
