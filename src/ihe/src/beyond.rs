//! Asking others what they have of a holder, for a caller here: the gateway upstream of an edge (ITI-18, ITI-43), and other
//! communities (XCA initiating gateway: ITI-38, ITI-39; ITI TF-2 §3.38, §3.39).
//!
//! Others are asked together, each once at most for one message and within its budget of time; one that does not answer is
//! told beside what the others have. What they tell is shown by the rules of here ([`desk::Beyond`]).

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use desk::{Beyond, Caller, Fault};
use futures::future::join_all;
use space::{Cause, DocumentEntry, Refusal};
use wire_soap::{
    ebxml::{ObjectRef, RegistryObject, RegistryObjectList},
    xds::{AdhocQueryRequest, RegistryError, ReturnType, Severity},
};

use crate::{
    IheState,
    client::{Answered, Client, ClientError, OnBehalf, Retrieval, Retrieved, TransportError, Use, Verdict, Way},
    errors, iti41, translate,
};

/// Another server that is asked.
#[derive(Debug, Clone)]
pub struct Other {
    /// How it is called in logs.
    pub name: String,
    /// As what it is asked.
    pub way: Way,
    /// Its `repositoryUniqueId`, where documents are asked of it without naming a community.
    pub repository: Option<String>,
    /// How it is called.
    pub client: Client,
    /// How long it may take to answer.
    pub budget: Duration,
    /// Whether it is left alone for a while.
    pub rest: Rest,
}

/// Failures in a row after which another is left alone.
const TOLERATED: u32 = 3;
/// How long: whoever asks meanwhile does not wait for it in vain.
const LEFT_ALONE: Duration = Duration::from_secs(10);

/// Whether another is left alone: what this process remembers of it, and nothing that another process needs.
#[derive(Debug, Clone, Default)]
pub struct Rest(Arc<Mutex<(u32, Option<Instant>)>>);

impl Rest {
    /// Whether it may be asked now. Of those who come when the time is over one asks, the others wait for how that ends.
    fn may_ask(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.1 {
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                state.1 = Some(Instant::now() + LEFT_ALONE);
                true
            }
            None => true,
        }
    }

    /// Remembers how a call went: whether it was answered at all.
    fn note(&self, answered: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match (answered, state.0.saturating_add(1)) {
            (true, _) => (0, None),
            (false, failures) if failures >= TOLERATED => (failures, Some(Instant::now() + LEFT_ALONE)),
            (false, failures) => (failures, None),
        };
    }
}

impl Other {
    /// Carries out one call within the budget, unless it is left alone.
    async fn within<T>(&self, call: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
        if !self.rest.may_ask() {
            return Err(TransportError::Unreachable.into());
        }
        let late = || Err(TransportError::TooSlow.into());
        let answered = tokio::time::timeout(self.budget, call).await.unwrap_or_else(|_| late());
        self.rest.note(!matches!(&answered, Err(error) if error.verdict() == Verdict::Away));
        answered
    }
}

/// The identifier of a community as messages write it.
pub(crate) fn urn(id: &str) -> String {
    format!("urn:oid:{}", id.trim().trim_start_matches("urn:oid:"))
}

/// Whether two texts name one community.
pub(crate) fn same(a: &str, b: &str) -> bool {
    urn(a) == urn(b)
}

/// Who is to answer a message.
#[derive(Debug)]
pub(crate) enum Asked<'a> {
    /// This gateway alone.
    Here,
    /// This gateway, and these.
    Also(Vec<&'a Other>),
    /// Another community alone; the decision is made here all the same.
    There(&'a Other),
}

impl IheState {
    /// Who is to answer a query that names a community, or none. Communities are asked of a holder; of what is named by its
    /// own identifiers only when they are named themselves (ITI TF-2 §3.18.4.1.2.3.8). The gateway upstream is asked of
    /// documents: sets and folders of what is here are here.
    pub(crate) fn asked(
        &self,
        home: Option<&str>,
        by_patient: bool,
        of_documents: bool,
        place: &str,
    ) -> Result<Asked<'_>, Refusal> {
        if let Some(home) = home.filter(|id| !id.trim().is_empty()) {
            if let Some(other) = self.community(home) {
                return Ok(Asked::There(other));
            }
            self.knows_community(Some(home), place)?;
            return Ok(Asked::Here);
        }
        let asked: Vec<&Other> =
            self.others.iter().filter(|other| if other.way == Way::Xds { of_documents } else { by_patient }).collect();
        Ok(if asked.is_empty() { Asked::Here } else { Asked::Also(asked) })
    }

    /// The other community of this identifier.
    pub(crate) fn community(&self, home: &str) -> Option<&Other> {
        self.others.iter().find(|other| other.way.home().is_some_and(|id| same(id, home)))
    }
}

/// What others have told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Objects that may be shown.
    pub(crate) objects: Vec<RegistryObject>,
    /// What is missing, and why.
    pub(crate) errors: Vec<RegistryError>,
    /// `uniqueId`s of the documents among the objects.
    documents: HashSet<String>,
}

/// Asks all of them at once.
pub(crate) async fn query(
    state: &IheState,
    caller: &Caller,
    others: &[&Other],
    request: &AdhocQueryRequest,
    beyond: &Beyond,
) -> Result<Told, Fault> {
    let who = on_behalf(caller);
    let asking = others.iter().map(|other| async move {
        let request = outward(other, request);
        (*other, other.within(other.client.stored_query(who, &other.way, &request)).await)
    });
    let mut told = Told::default();
    for (other, answered) in join_all(asking).await {
        match answered {
            Ok(answered) => take(state, other, answered, beyond, &mut told).await?,
            Err(error) => told.errors.extend(missing(other, &error)),
        }
    }
    if request.return_type == ReturnType::ObjectRef {
        let reference = |object: RegistryObject| {
            let home = object.common().and_then(|common| common.home.clone());
            RegistryObject::ObjectRef(ObjectRef { id: object.id().to_owned(), home, ..ObjectRef::default() })
        };
        told.objects = told.objects.into_iter().map(reference).collect();
    }
    Ok(told)
}

fn on_behalf(caller: &Caller) -> OnBehalf<'_> {
    OnBehalf { actor: &caller.actor, patient: caller.patient.as_ref(), to: Use::Person }
}

/// The question as another is asked it: whole objects always, because what is shown of them is decided here.
fn outward(other: &Other, request: &AdhocQueryRequest) -> AdhocQueryRequest {
    let home = other.way.home().map(urn);
    let mut params = request.params.clone();
    params.retain(|param| param.name.trim_start_matches('$') != "homeCommunityId");
    AdhocQueryRequest {
        return_type: ReturnType::LeafClass,
        return_composed_objects: true,
        home,
        params,
        ..request.clone()
    }
}

/// Takes over what another answered: documents that may be shown, and of a community what goes with them.
async fn take(
    state: &IheState,
    other: &Other,
    answered: Answered,
    beyond: &Beyond,
    told: &mut Told,
) -> Result<(), Fault> {
    let Answered { objects, errors } = answered;
    told.errors.extend(errors.iter().map(|error| relayed(other, error)));
    let at = iti41::now(state);
    let read: Vec<Option<DocumentEntry>> =
        objects.extrinsic_objects().map(|object| translate::registered_entry(object, &at).ok()).collect();
    let readable: Vec<DocumentEntry> = read.iter().flatten().cloned().collect();
    let mut shown = state.desk.shown_from_beyond(beyond, &readable).await?.into_iter();
    if readable.len() < read.len() {
        tracing::warn!(other = other.name, count = read.len() - readable.len(), "beyond.unreadable_entries");
        told.errors.push(error(other, Cause::MetadataInvalid, Severity::Error));
    }
    let mut kept: Vec<bool> = Vec::with_capacity(read.len());
    kept.extend(read.iter().map(|entry| match entry {
        // Two may have the same document, or one tell it twice.
        Some(entry) => shown.next().unwrap_or(false) && told.documents.insert(entry.unique_id.clone()),
        None => false,
    }));
    let shown: HashSet<&str> =
        objects.extrinsic_objects().zip(&kept).filter(|(_, kept)| **kept).map(|(o, _)| o.common.id.as_str()).collect();
    let holds = |package: &str| {
        objects.0.iter().any(|object| {
            matches!(object, RegistryObject::Association(link)
                if link.source == package && shown.contains(link.target.as_str()))
        })
    };
    // A set or a folder is shown by a document of it, as here.
    let holding: HashSet<String> = objects
        .0
        .iter()
        .filter(|object| matches!(object, RegistryObject::RegistryPackage(_)) && holds(object.id()))
        .map(|object| object.id().to_owned())
        .collect();
    let mut kept = kept.into_iter();
    let mut gone: HashSet<String> = HashSet::new();
    let mut taken = RegistryObjectList::default();
    for object in objects.0 {
        let stays = match &object {
            RegistryObject::ExtrinsicObject(_) => kept.next().unwrap_or(false),
            RegistryObject::RegistryPackage(package) => {
                other.way != Way::Xds && holding.contains(package.common.id.as_str())
            }
            // What is only named was not judged.
            RegistryObject::ObjectRef(_) => false,
            _ => other.way != Way::Xds,
        };
        if stays {
            taken.0.push(object);
        } else {
            gone.insert(object.id().to_owned());
        }
    }
    taken.0.retain(|object| match object {
        RegistryObject::Association(link) => !gone.contains(&link.source) && !gone.contains(&link.target),
        _ => true,
    });
    if let Some(home) = other.way.home() {
        crate::client::at_home(&mut taken, &urn(home));
    }
    told.objects.extend(taken.0);
    Ok(())
}

/// Retrieves documents of several others at once: what they gave, and what is missing.
pub(crate) async fn retrieve(
    caller: &Caller,
    wanted: &[(&Other, Vec<Retrieval>)],
) -> (Vec<(Option<String>, Retrieved)>, Vec<RegistryError>) {
    let who = on_behalf(caller);
    let asking = wanted.iter().map(|(other, wanted)| async move {
        (*other, other.within(other.client.retrieve(who, &other.way, wanted)).await)
    });
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    for (other, answered) in join_all(asking).await {
        match answered {
            Ok((given, said)) => {
                let home = other.way.home().map(urn);
                documents.extend(given.into_iter().map(|document| (home.clone(), document)));
                errors.extend(said.iter().map(|error| relayed(other, error)));
            }
            Err(error) => {
                let told = missing(other, &error);
                // A document that is asked for is never simply not there.
                errors.extend(told.or_else(|| Some(self::error(other, Cause::UnknownDocument, Severity::Error))));
            }
        }
    }
    (documents, errors)
}

/// What is told of one that gave nothing; none when it only has no such holder.
fn missing(other: &Other, failed: &ClientError) -> Option<RegistryError> {
    tracing::warn!(other = other.name, error = %failed, "beyond.not_answered");
    let ClientError::Registry(told) = failed else {
        return Some(error(other, Cause::UnavailableCommunity, Severity::Error));
    };
    // No holder of that number there is no failure; a failure that gives no reason is one.
    let Some(first) = told.iter().find(|said| said.code != "XDSUnknownPatientId") else {
        return told.is_empty().then(|| error(other, Cause::UnavailableCommunity, Severity::Error));
    };
    Some(RegistryError {
        code: Cow::Owned(first.code.clone()),
        context: first.text.clone(),
        location: Some(place(other)),
        severity: Severity::Error,
    })
}

/// What another said of what it did not give.
fn relayed(other: &Other, error: &RegistryError) -> RegistryError {
    let context = error.context.chars().take(1000).collect();
    RegistryError { context, location: Some(place(other)), ..error.clone() }
}

fn error(other: &Other, cause: Cause, severity: Severity) -> RegistryError {
    let refusal = Refusal::new(cause).at(place(other)).about(other.name.clone());
    RegistryError { severity, ..errors::registry_error(&refusal) }
}

/// Where something is missing: the community (ITI TF-2 §3.38.4.1.3), or upstream.
fn place(other: &Other) -> String {
    other.way.home().map_or_else(|| other.name.clone(), urn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_fails_again_and_again_is_left_alone_until_it_answers() {
        let rest = Rest::default();
        for _ in 0..TOLERATED {
            assert!(rest.may_ask());
            rest.note(false);
        }
        assert!(!rest.may_ask() && !rest.clone().may_ask());
        rest.note(true);
        assert!(rest.may_ask());
    }

    #[test]
    fn a_community_is_the_same_however_it_is_written() {
        assert!(same("1.2.3", "urn:oid:1.2.3") && same(" urn:oid:1.2.3", "1.2.3") && !same("1.2.3", "1.2.4"));
    }
}
