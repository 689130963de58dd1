//! What a change of metadata is, told by what was and what comes: which row of the functional rights it is of, and what may
//! not be changed at all.

use access::Action;
use space::{
    Association, AssociationKind, AvailabilityStatus, Code, DocumentEntry, Slot, Submission, SubmittedDocument,
    document::VISIBILITY_SCHEME, trace::Act,
};

/// Slot of the version that an update starts from.
pub(super) const PREVIOUS_VERSION: &str = "PreviousVersion";
/// Slot that says whether links of the former version are copied to the new one.
const PROPAGATION: &str = "AssociationPropagation";

/// The link by which the set holds an object.
pub(super) fn member<'a>(submission: &'a Submission, id: &str) -> Option<&'a Association> {
    submission
        .associations
        .iter()
        .map(|(a, _)| a)
        .find(|a| a.kind == AssociationKind::HasMember && a.source == submission.set.entry_uuid && a.target == id)
}

pub(super) fn previous_version(member: &Association) -> Option<u32> {
    member.slot(PREVIOUS_VERSION).and_then(|v| v.trim().parse().ok())
}

pub(super) fn propagates(member: &Association) -> bool {
    member.slot(PROPAGATION).is_none_or(|v| !v.eq_ignore_ascii_case("no"))
}

/// The row of the functional rights that a change of state is of; `None` for one that is none.
pub(super) fn action_of(from: AvailabilityStatus, to: AvailabilityStatus) -> Option<Action> {
    use AvailabilityStatus as S;
    match (from, to) {
        (S::Deleted, _) => None,
        (_, S::Deleted) => Some(Action::Delete),
        // IHE's Deprecated is set aside as the DMP's Archived is: the same right opens it.
        (S::Approved, S::Archived | S::Deprecated) | (S::Deprecated, S::Archived) => Some(Action::Archive),
        (S::Archived | S::Deprecated, S::Approved) | (S::Archived, S::Deprecated) => Some(Action::Unarchive),
        (S::Approved, S::Approved) | (S::Archived, S::Archived) | (S::Deprecated, S::Deprecated) => None,
    }
}

pub(super) const fn act_for(action: Action) -> Act {
    match action {
        Action::Mask => Act::Mask,
        Action::Unmask => Act::Unmask,
        Action::MakeVisible => Act::MakeVisible,
        Action::Archive => Act::Archive,
        Action::Unarchive => Act::Unarchive,
        Action::Delete => Act::Delete,
        _ => Act::Update,
    }
}

/// What of the visibility changes, as rows of the functional rights; `None` for hiding from the holder or the
/// representatives afterwards, which no row opens.
pub(super) fn visibility_actions(old: &DocumentEntry, new: &DocumentEntry) -> Vec<Option<Action>> {
    let (was, is) = (old.visibility(), new.visibility());
    let mut actions = Vec::new();
    if was.masked != is.masked {
        actions.push(Some(if is.masked { Action::Mask } else { Action::Unmask }));
    }
    let shown = (was.hidden_from_holder && !is.hidden_from_holder)
        || (was.hidden_from_representatives && !is.hidden_from_representatives);
    let hidden = (!was.hidden_from_holder && is.hidden_from_holder)
        || (!was.hidden_from_representatives && is.hidden_from_representatives);
    if shown {
        actions.push(Some(Action::MakeVisible));
    }
    if hidden {
        actions.push(None);
    }
    actions
}

/// An attribute that no update may change (ITI TF-2 §3.57.4.1.3.3.1) and this one does.
pub(super) fn unmodifiable(old: &DocumentEntry, document: &SubmittedDocument) -> Option<&'static str> {
    let new = &document.entry;
    let hash = document.announced_hash.as_ref().is_some_and(|h| !h.eq_ignore_ascii_case(&old.hash));
    let size = document.announced_size.is_some_and(|s| s != old.size);
    let checks = [
        (new.unique_id != old.unique_id, "XDSDocumentEntry.uniqueId"),
        (new.kind != old.kind, "objectType"),
        (new.repository.is_some() && new.repository != old.repository, "repositoryUniqueId"),
        (new.mime_type != old.mime_type, "mimeType"),
        (new.is_signature() != old.is_signature(), "typeCode (signature)"),
        (hash, "hash"),
        (size, "size"),
    ];
    checks.into_iter().find(|(changed, _)| *changed).map(|(_, what)| what)
}

/// Whether anything but who sees it changes. Labels of codes are not compared: they say nothing the code does not.
pub(super) fn corrected(old: &DocumentEntry, new: &DocumentEntry) -> bool {
    let same_codes =
        |a: &[Code], b: &[Code]| a.len() == b.len() && a.iter().all(|c| b.iter().any(|d| c.is(&d.code, &d.scheme)));
    let one = |a: &Code, b: &Code| a.is(&b.code, &b.scheme);
    let seen =
        |codes: &[Code]| -> Vec<Code> { codes.iter().filter(|c| c.scheme != VISIBILITY_SCHEME).cloned().collect() };
    let values = |texts: &[space::LocalizedText]| -> Vec<String> { texts.iter().map(|t| t.value.clone()).collect() };
    !(one(&old.class_code, &new.class_code)
        && one(&old.type_code, &new.type_code)
        && one(&old.format_code, &new.format_code)
        && one(&old.healthcare_facility_type_code, &new.healthcare_facility_type_code)
        && one(&old.practice_setting_code, &new.practice_setting_code)
        && same_codes(&seen(&old.confidentiality_codes), &seen(&new.confidentiality_codes))
        && same_codes(&old.event_codes, &new.event_codes)
        && values(&old.title) == values(&new.title)
        && values(&old.comments) == values(&new.comments)
        && old.authors == new.authors
        && old.legal_authenticator == new.legal_authenticator
        && (old.creation_time == new.creation_time || old.kind == space::EntryKind::OnDemand)
        && old.service_start_time == new.service_start_time
        && old.service_stop_time == new.service_stop_time
        && old.language_code == new.language_code
        && old.reference_ids == new.reference_ids)
}

/// Whether anything that is stored as it comes differs: what is corrected, and what software often sends again in words of
/// its own, which is no correction of somebody else's document.
pub(super) fn altered(old: &DocumentEntry, new: &DocumentEntry) -> bool {
    corrected(old, new)
        || old.source_patient_id != new.source_patient_id
        || old.source_patient_info != new.source_patient_info
        || !same_slots(&old.extra, &new.extra)
}

/// Whether slots say the same, in whatever order.
fn same_slots(old: &[Slot], new: &[Slot]) -> bool {
    old.len() == new.len() && old.iter().all(|slot| new.contains(slot))
}
