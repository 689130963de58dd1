//! Document Metadata Subscription: ITI-52 (Subscribe, Unsubscribe) at `/ihe/services/dsub`, and ITI-53 (Notify) as the
//! gateway sends it.
//!
//! ITI TF-2 §3.52, §3.53. Whoever may search a space may follow it; what a notification carries is decided anew when it is
//! sent. Consumers are only those that the operator admits: a gateway that posted anywhere would be anybody's tool.

use std::time::Duration;

use axum::{http::StatusCode, response::Response};
use desk::{Caller, Fault, Following, Published, RegistryQuery};
use jiff::{SignedDuration, Span, Timestamp};
use space::{AvailabilityStatus, Cause, Followed, Ins, Refusal, Topic, trace::Act};
use wire_soap::{
    ebxml::{ObjectRef, Place},
    ns::{self, action},
    reply::{BaseFault, SoapReply},
    xds::{
        AdhocQueryRequest, QueryParam, ReturnType, SubscribeRequest, SubscribeResponse, read_unsubscribe, write_notify,
        write_unsubscribed,
    },
    xml::Element,
};

use crate::{IheState, answer, errors, iti18, receive::Heading, replies, translate};

/// Where the service is.
pub(crate) const PATH: &str = "/ihe/services/dsub";

/// Filters on documents and on submission sets of one patient (ITI TF-2 Table 3.52.5.3-2); others are not served.
const OF_DOCUMENTS: &str = "urn:uuid:aa2332d0-f8fe-11e0-be50-0800200c9a66";
const OF_SETS: &str = "urn:uuid:fbede94e-dbdc-4f6b-bc1f-d730e677cece";

/// Action of its faults (WS-BaseNotification 1.3 §4.2).
const FAULT: &str = "http://docs.oasis-open.org/wsn/fault";
/// The same of a resource that is not there (WS-Resource 1.2 §5).
const RESOURCE_FAULT: &str = "http://docs.oasis-open.org/wsrf/fault";
const TOPIC: &str = "TopicExpression";

/// How long a subscription runs when it does not say, and at most.
/// Who subscribed proved himself once, by a credential of minutes: it does not vouch for him for long.
const USUAL: SignedDuration = SignedDuration::from_hours(14 * 24);
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// A message, read.
pub(crate) enum Request {
    Subscribe(Box<SubscribeRequest>),
    Unsubscribe,
}

impl Request {
    pub(crate) fn subscribe(body: Element<'_, '_>) -> Result<Self, Refusal> {
        SubscribeRequest::read(body).map(|m| Self::Subscribe(Box::new(m))).map_err(|e| errors::of_message(&e))
    }

    pub(crate) fn unsubscribe(body: Element<'_, '_>) -> Result<Self, Refusal> {
        read_unsubscribe(body).map(|()| Self::Unsubscribe).map_err(|e| errors::of_message(&e))
    }
}

/// Carries the transaction out.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    let done = match request {
        Request::Subscribe(message) => subscribe(state, heading, caller, &message).await.map(|made| {
            let xml = answer::envelope(state, action::SUBSCRIBE_RESPONSE, heading, 1024, |out| made.write(out));
            answer::plain(StatusCode::OK, xml)
        }),
        Request::Unsubscribe => {
            let id = heading.path.rsplit('/').next().unwrap_or_default();
            state.desk.unsubscribe(caller, id).await.map(|()| {
                let xml = answer::envelope(state, action::UNSUBSCRIBE_RESPONSE, heading, 256, write_unsubscribed);
                answer::plain(StatusCode::OK, xml)
            })
        }
    };
    done.unwrap_or_else(|fault| {
        if let Fault::Store(error) = &fault {
            tracing::error!(error = %error, "dsub.failed");
        }
        let refusal = fault.refusals().into_iter().next().unwrap_or_else(|| Refusal::new(Cause::Internal));
        tracing::info!(cause = refusal.cause.code(), "ihe.refused");
        failure(state, heading, &refusal)
    })
}

/// Answers a refusal in the words of WS-Notification.
pub(crate) fn failure(state: &IheState, heading: &Heading, refusal: &Refusal) -> Response {
    let base = base_fault(refusal, heading.body == "Unsubscribe", state.desk.clock().now());
    let action = if base.namespace == ns::WSRF_R { RESOURCE_FAULT } else { FAULT };
    answer::fault_as(state, heading, refusal, action, Some(base))
}

/// What WS-Notification calls a refusal (WS-BaseNotification 1.3 §4.2, §6.1.2).
fn base_fault(refusal: &Refusal, ending: bool, now: Timestamp) -> BaseFault {
    let at = |name: &str| refusal.place.as_deref().is_some_and(|place| place.ends_with(name));
    let latest = now.checked_add(LONGEST).unwrap_or(now);
    let (namespace, local_name, more) = match refusal.cause {
        Cause::UnknownSubscription if ending => (ns::WSRF_R, "ResourceUnknownFault", Vec::new()),
        _ if ending => (ns::WSNT, "UnableToDestroySubscriptionFault", Vec::new()),
        Cause::QueryParameterInvalid if at("InitialTerminationTime") => {
            let bounds = vec![("MinimumTime", now.to_string()), ("MaximumTime", latest.to_string())];
            (ns::WSNT, "UnacceptableInitialTerminationTimeFault", bounds)
        }
        Cause::QueryParameterInvalid if refusal.subject.as_deref() == Some(TOPIC) => {
            (ns::WSNT, "TopicNotSupportedFault", Vec::new())
        }
        Cause::QueryParameterInvalid
        | Cause::QueryParameterMissing
        | Cause::QueryParameterUnknown
        | Cause::UnknownStoredQuery => (ns::WSNT, "InvalidMessageContentExpressionFault", Vec::new()),
        _ => (ns::WSNT, "SubscribeCreationFailedFault", Vec::new()),
    };
    let description = refusal.cause.advice_en().into();
    BaseFault { namespace, local_name, timestamp: now.to_string(), description, more }
}

async fn subscribe(
    state: &IheState,
    heading: &Heading,
    caller: &Caller,
    message: &SubscribeRequest,
) -> Result<SubscribeResponse, Fault> {
    let now = state.desk.clock().now();
    match following(state, caller, message, now) {
        Ok((patient, following)) => {
            let ends = Timestamp::from_millisecond(following.ends_ms).unwrap_or(now);
            let following = Following { base: format!("https://{}{PATH}", heading.host), ..following };
            let address = state.desk.subscribe(caller, Some(&patient), following).await?;
            Ok(SubscribeResponse { address, now: now.to_string(), ends: ends.to_string() })
        }
        Err(refusal) => Err(state.desk.refused(caller, Act::Subscribe, vec![refusal]).await),
    }
}

/// What is to be followed, of whom.
fn following(
    state: &IheState,
    caller: &Caller,
    message: &SubscribeRequest,
    now: Timestamp,
) -> Result<(Ins, Following), Refusal> {
    let place = &message.place.0;
    if !replies::admits(&state.consumers, caller, &message.consumer) {
        return Err(Refusal::new(Cause::ConsumerRefused).at(format!("{place}/ConsumerReference/Address")));
    }
    let unserved = |what: &str| Refusal::new(Cause::QueryParameterInvalid).at(format!("{place}/Filter")).about(what);
    let topic = Topic::of(&message.topic).ok_or_else(|| unserved(TOPIC))?;
    // The stored queries with the same parameters.
    let (query_id, status) = match (message.query_id.as_str(), topic) {
        (OF_DOCUMENTS, Topic::FullDocumentEntry | Topic::MinimalDocumentEntry) => {
            (iti18::FIND_DOCUMENTS, "$XDSDocumentEntryStatus")
        }
        (OF_SETS, Topic::SubmissionSetMetadata) => (iti18::FIND_SUBMISSION_SETS, "$XDSSubmissionSetStatus"),
        _ => return Err(unserved("AdhocQuery/@id")),
    };
    let mut params = message.params.clone();
    params.push(QueryParam {
        name: status.to_owned(),
        values: vec![format!("('{}')", AvailabilityStatus::Approved.urn())],
        place: Place(format!("{place}/Filter")),
    });
    let query = AdhocQueryRequest {
        return_type: ReturnType::LeafClass,
        return_composed_objects: true,
        query_id: query_id.to_owned(),
        home: None,
        params,
        start_index: None,
        max_results: None,
        place: Place(format!("{place}/Filter/AdhocQuery")),
    };
    let (criteria, patient) = iti18::criteria(state, &query)?;
    let followed = match criteria {
        RegistryQuery::FindDocuments(query) => Followed::Documents(Box::new(query)),
        RegistryQuery::FindSubmissionSets(query) => Followed::Sets(Box::new(query)),
        _ => return Err(unserved("AdhocQuery/@id")),
    };
    let patient = patient.ok_or_else(|| Refusal::new(Cause::QueryParameterMissing).at(place).about("PatientId"))?;
    let ends = ends(message.ends.as_deref(), now);
    let ends =
        ends.ok_or_else(|| Refusal::new(Cause::QueryParameterInvalid).at(format!("{place}/InitialTerminationTime")))?;
    let consumer = message.consumer.clone();
    Ok((patient, Following { topic, followed, consumer, base: String::new(), ends_ms: ends.as_millisecond() }))
}

/// When it ends: an instant, or a duration from now (WS-BaseNotification 1.3 §4.2); in the future, and not too far.
fn ends(said: Option<&str>, now: Timestamp) -> Option<Timestamp> {
    let longest = now.checked_add(LONGEST).ok()?;
    let Some(said) = said else { return now.checked_add(USUAL).ok() };
    let at = if said.starts_with('P') {
        let span: Span = said.parse().ok()?;
        now.to_zoned(jiff::tz::TimeZone::UTC).checked_add(span).ok()?.timestamp()
    } else {
        said.parse().ok()?
    };
    (at > now).then(|| at.min(longest))
}

/// The message of a notification: its envelope.
#[must_use]
pub fn notification(published: &Published, repository: &str, id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096 + 8192 * published.documents.len());
    SoapReply::new(action::NOTIFY, id).to(&published.consumer).write(&mut out, |out| {
        write_notify(out, &published.address, published.topic.name(), |out| {
            for listed in &published.documents {
                if published.topic == Topic::MinimalDocumentEntry {
                    ObjectRef { id: listed.entry.entry_uuid.clone(), ..ObjectRef::default() }.write(out);
                } else {
                    translate::write_extrinsic_object(out, &listed.entry, repository);
                }
            }
            for set in &published.sets {
                use wire_soap::ebxml::RegistryObject;
                RegistryObject::RegistryPackage(translate::submission_set(set)).write(out);
            }
        });
    });
    out
}

/// Content-Type of a notification.
#[must_use]
pub fn notification_type() -> String {
    format!("application/soap+xml; charset=UTF-8; action=\"{}\"", action::NOTIFY)
}

/// How long to wait after so many attempts; none when there were enough.
#[must_use]
pub fn pause_after(attempts: i64) -> Option<Duration> {
    // About ten days: a consumer that is away over a long weekend misses nothing.
    const ENOUGH: i64 = 250;
    let doubled = u32::try_from(attempts.clamp(0, 10)).unwrap_or(10);
    (attempts < ENOUGH).then(|| Duration::from_secs((5u64 << doubled).min(3600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_ends_when_it_says_and_not_too_late() {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().expect("an instant");
        let at = |said: &str| ends(Some(said), now).map(|t| t.to_string());
        assert_eq!(at("2026-03-21T00:00:00+01:00").as_deref(), Some("2026-03-20T23:00:00Z"));
        assert_eq!(at("P30D").as_deref(), Some("2026-03-31T00:00:00Z"));
        assert_eq!(at("PT1H").as_deref(), Some("2026-03-01T01:00:00Z"));
        assert_eq!(at("2100-01-01T00:00:00Z").as_deref(), Some("2026-04-01T00:00:00Z"));
        assert!(["2026-02-01T00:00:00Z", "P", "tomorrow", "-P1D", "P99999999Y"].iter().all(|said| at(said).is_none()));
        assert_eq!(ends(None, now).map(|t| t.to_string()).as_deref(), Some("2026-03-15T00:00:00Z"));
    }

    #[test]
    fn waits_grow_and_end() {
        assert_eq!(pause_after(0), Some(Duration::from_secs(5)));
        assert_eq!(pause_after(9), Some(Duration::from_secs(2560)));
        assert_eq!((pause_after(10), pause_after(250)), (Some(Duration::from_secs(3600)), None));
    }
}
