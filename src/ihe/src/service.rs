//! One SOAP service: receives a message and hands it to the transaction its body names.

use axum::{
    body::Body,
    http::{Method, Request, header},
    response::Response,
};
use space::{Cause, EntryKind, Refusal, trace::Act};
use wire_soap::{
    ns::action,
    xml::{Element, Tree},
};

use crate::{
    IheState, answer, dsub, habilitations, iti18, iti41, iti42, iti43, iti57, iti62, people, pix,
    receive::{self, Heading, Message},
    wsdl,
};

/// A service of the DMP, or of IHE beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `registry`: ITI-18, ITI-42, ITI-57, ITI-61, ITI-62, ITI-92.
    Registry,
    /// `repository`: ITI-41, ITI-43, ITI-86.
    Repository,
    /// `patients`: TD0.2, TD0.4, TD0.5 (ITI-47), TD1.3a, and the refusal of TD1.1, TD1.3b, TD1.4.
    Patients,
    /// `habilitations`: TD0.3, TD1.6.
    Habilitations,
    /// `pix`: ITI-44, ITI-45.
    Pix,
    /// `pdq`: ITI-47.
    Pdq,
    /// The responding gateway of a community: ITI-38, ITI-39.
    Gateway,
    /// `dsub`: ITI-52.
    Subscriptions,
    /// `xdr`: ITI-41 to a Document Recipient.
    Recipient,
}

/// A transaction of these services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Registry Stored Query.
    Iti18,
    /// Provide and Register Document Set-b.
    Iti41,
    /// Register Document Set-b.
    Iti42,
    /// Cross Gateway Query: ITI-18 from another community.
    Iti38,
    /// Cross Gateway Retrieve: ITI-43 from another community.
    Iti39,
    /// Retrieve Document Set.
    Iti43,
    /// Update Document Set.
    Iti57,
    /// Register On-Demand Document Entry.
    Iti61,
    /// Remove Metadata.
    Iti62,
    /// Remove Documents.
    Iti86,
    /// Restricted Update Document Set.
    Iti92,
    /// Get demographics: TD0.2, TD1.3a.
    Demographics,
    /// Patient Demographics Query v3: ITI-47, TD0.5.
    Candidates,
    /// The rest of an answer of ITI-47.
    Continuation,
    /// Management of a record: TD1.1, TD1.3b, TD1.4.
    Management,
    /// `setAuthorization`: TD0.3.
    SetAuthorization,
    /// `listAuthorizationByPatient`: TD1.6.
    ListAuthorised,
    /// `patientList`: TD0.4.
    ListPatients,
    /// Document Metadata Subscribe, and the end of it: ITI-52.
    Subscribe,
    /// Patient Identity Feed v3: ITI-44.
    Feed,
    /// PIX v3 Query: ITI-45.
    Identifiers,
}

impl Kind {
    /// Name in the technical framework.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iti18 => "ITI-18",
            Self::Iti38 => "ITI-38",
            Self::Iti39 => "ITI-39",
            Self::Iti41 => "ITI-41",
            Self::Iti42 => "ITI-42",
            Self::Iti43 => "ITI-43",
            Self::Iti57 => "ITI-57",
            Self::Iti61 => "ITI-61",
            Self::Iti62 => "ITI-62",
            Self::Iti86 => "ITI-86",
            Self::Iti92 => "ITI-92",
            Self::Demographics => "TD0.2",
            Self::Candidates | Self::Continuation => "ITI-47",
            Self::Management => "TD1.1",
            Self::SetAuthorization => "TD0.3",
            Self::ListAuthorised => "TD1.6",
            Self::ListPatients => "TD0.4",
            Self::Subscribe => "ITI-52",
            Self::Feed => "ITI-44",
            Self::Identifiers => "ITI-45",
        }
    }

    const fn act(self) -> Act {
        match self {
            Self::Iti18 | Self::Iti38 => Act::Find,
            Self::Iti41 | Self::Iti42 | Self::Iti61 => Act::Deposit,
            Self::Iti43 | Self::Iti39 => Act::Fetch,
            Self::Iti57 | Self::Iti92 => Act::Update,
            Self::Iti62 | Self::Iti86 => Act::Delete,
            Self::Demographics | Self::Candidates | Self::Continuation | Self::Identifiers => Act::Identify,
            Self::Feed => Act::FeedIdentity,
            Self::Management => Act::Create,
            Self::SetAuthorization => Act::Authorise,
            Self::ListAuthorised => Act::ListAuthorised,
            Self::ListPatients => Act::ListSpaces,
            Self::Subscribe => Act::Subscribe,
        }
    }

    /// Which one a message asks for, by service, body and action. Senders that name no action are told by their body,
    /// where it says enough.
    fn of(which: Service, body: &str, action: Option<&str>) -> Option<Self> {
        use wire_soap::ns::action as a;
        let by_action = |action: &str| {
            Some(match action {
                a::REGISTER => Self::Iti42,
                a::UPDATE_DOCUMENT_SET => Self::Iti57,
                a::REGISTER_ON_DEMAND => Self::Iti61,
                a::RESTRICTED_UPDATE => Self::Iti92,
                _ => return None,
            })
        };
        let (kind, wanted) = match (which, body) {
            (Service::Registry, "AdhocQueryRequest") => (Self::Iti18, a::REGISTRY_STORED_QUERY),
            (Service::Registry, "RemoveObjectsRequest") => (Self::Iti62, a::REMOVE_METADATA),
            (Service::Registry, "SubmitObjectsRequest") => return by_action(action?),
            (Service::Repository | Service::Recipient, "ProvideAndRegisterDocumentSetRequest") => {
                (Self::Iti41, a::PROVIDE_AND_REGISTER)
            }
            (Service::Subscriptions, "Subscribe") => (Self::Subscribe, a::SUBSCRIBE),
            (Service::Subscriptions, "Unsubscribe") => (Self::Subscribe, a::UNSUBSCRIBE),
            (Service::Repository, "RetrieveDocumentSetRequest") => (Self::Iti43, a::RETRIEVE_DOCUMENT_SET),
            (Service::Repository, "RemoveDocumentsRequest") => (Self::Iti86, a::REMOVE_DOCUMENTS),
            (Service::Gateway, "AdhocQueryRequest") => (Self::Iti38, a::CROSS_GATEWAY_QUERY),
            (Service::Gateway, "RetrieveDocumentSetRequest") => (Self::Iti39, a::CROSS_GATEWAY_RETRIEVE),
            // Here the body tells enough, and software writes actions of several spellings (reference §1.1).
            (Service::Patients, "PRPA_IN201307UV02") => return Some(Self::Demographics),
            (Service::Patients, "PRPA_IN201305UV02") => return Some(Self::Candidates),
            (Service::Patients, "PRPA_IN201311UV02" | "PRPA_IN201314UV02") => return Some(Self::Management),
            (Service::Patients, "patientList") => return Some(Self::ListPatients),
            (Service::Habilitations, "setAuthorization") => return Some(Self::SetAuthorization),
            (Service::Habilitations, "listAuthorizationByPatient") => return Some(Self::ListAuthorised),
            (Service::Pdq, "PRPA_IN201305UV02") => return Some(Self::Candidates),
            (Service::Pdq, "QUQI_IN000003UV01" | "QUQI_IN000003UV01_Cancel") => return Some(Self::Continuation),
            (Service::Pix, "PRPA_IN201301UV02" | "PRPA_IN201302UV02" | "PRPA_IN201304UV02") => return Some(Self::Feed),
            (Service::Pix, "PRPA_IN201309UV02") => return Some(Self::Identifiers),
            _ => return None,
        };
        action.is_none_or(|found| found == wanted).then_some(kind)
    }
}

/// A transaction, once its request has been read.
enum Read {
    Iti18(iti18::Request),
    Iti41(Box<iti41::Request>),
    Iti42(Box<iti42::Request>),
    Iti43(iti43::Request),
    Iti57(Box<iti57::Request>),
    Iti62(iti62::Request),
    People(people::Request),
    Habilitations(habilitations::Request),
    Pix(pix::Request),
    Dsub(dsub::Request),
}

impl Read {
    fn of(state: &IheState, kind: Kind, body: Element<'_, '_>, tree: &Tree<'_>) -> Result<Self, Refusal> {
        Ok(match kind {
            Kind::Iti18 | Kind::Iti38 => Self::Iti18(iti18::Request::read(body)?),
            Kind::Iti41 => Self::Iti41(Box::new(iti41::Request::read(state, body, tree)?)),
            Kind::Iti42 => Self::Iti42(Box::new(iti42::Request::read(state, body, tree, EntryKind::Stable)?)),
            Kind::Iti61 => Self::Iti42(Box::new(iti42::Request::read(state, body, tree, EntryKind::OnDemand)?)),
            Kind::Iti43 | Kind::Iti39 => Self::Iti43(iti43::Request::read(body)?),
            Kind::Iti57 => Self::Iti57(Box::new(iti57::Request::read(state, body, tree, false)?)),
            Kind::Iti92 => Self::Iti57(Box::new(iti57::Request::read(state, body, tree, true)?)),
            Kind::Iti62 => Self::Iti62(iti62::Request::metadata(body)?),
            Kind::Iti86 => Self::Iti62(iti62::Request::documents(state, body)?),
            Kind::Demographics => Self::People(people::Request::demographics(body)?),
            Kind::Candidates => Self::People(people::Request::candidates(body)?),
            Kind::Continuation => Self::People(people::Request::continuation(body)?),
            Kind::Management => Self::People(people::Request::management(body)?),
            Kind::SetAuthorization => Self::Habilitations(habilitations::Request::set(body)?),
            Kind::ListAuthorised => Self::Habilitations(habilitations::Request::list_authorised(body)?),
            Kind::ListPatients => Self::Habilitations(habilitations::Request::list_patients(body)?),
            Kind::Subscribe if body.local_name() == "Subscribe" => Self::Dsub(dsub::Request::subscribe(body)?),
            Kind::Subscribe => Self::Dsub(dsub::Request::unsubscribe(body)?),
            Kind::Feed => Self::Pix(pix::Request::feed(body)?),
            Kind::Identifiers => Self::Pix(pix::Request::identifiers(body)?),
        })
    }
}

/// Which transaction a message was of: an extension of its answer, for who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction(pub &'static str);

/// Serves one request.
pub(crate) async fn serve(state: IheState, which: Service, request: Request<Body>) -> Response {
    let mut heading = Heading::default();
    let replies = state.replies.clone();
    let mut response = answered(state, which, request, &mut heading).await;
    let faulted = response.extensions().get::<answer::Faulted>().is_some();
    let address = if faulted { heading.fault_to().cloned() } else { heading.reply_to };
    if let (Some(replies), Some(address)) = (replies, address) {
        response = replies.send(address, response);
    }
    response.extensions_mut().insert(Transaction(heading.kind.map_or("none", Kind::name)));
    response
}

async fn answered(state: IheState, which: Service, request: Request<Body>, heading: &mut Heading) -> Response {
    let (head, body) = request.into_parts();
    let described = head.uri.query().is_some_and(|query| query.eq_ignore_ascii_case("wsdl"));
    if head.method == Method::GET && described {
        return description(which, &head);
    }
    if head.method != Method::POST {
        let mut response = answer::fault(&state, heading, &Refusal::new(Cause::MethodNotServed));
        response.headers_mut().insert(header::ALLOW, axum::http::HeaderValue::from_static("POST"));
        return response;
    }
    head.uri.path().clone_into(&mut heading.path);
    heading.host = named_host(&head).to_owned();
    heading.recipient = which == Service::Recipient;
    let body = receive::incoming(body, &state.limits);
    let message = match receive::receive(&head.headers, body, &state.limits).await {
        Ok(message) => message,
        Err(refusal) => return refused(&state, heading, &refusal),
    };
    let Message { envelope, parts } = message;
    let mut kind = None;
    let (caller, read) = receive::read(&state, &envelope, &head.extensions, heading, |envelope, body, tree| {
        kind = Kind::of(which, body.local_name(), envelope.action.as_deref());
        let unknown = || Refusal::new(Cause::UnknownAction).at("/Envelope/Header/Action");
        Read::of(&state, kind.ok_or_else(unknown)?, body, tree)
    });
    heading.kind = kind;
    drop(envelope);
    let (caller, transaction) = match (caller, read) {
        (Some(caller), Ok(transaction)) => (caller, transaction),
        (caller, Err(refusal)) => {
            receive::drain(parts, &state.limits).await;
            return match caller {
                Some(caller) => {
                    let act = heading.kind.map_or(Act::Find, Kind::act);
                    refuse(&state, heading, &caller, act, refusal).await
                }
                None => refused(&state, heading, &refusal),
            };
        }
        (None, Ok(_)) => return refused(&state, heading, &Refusal::new(Cause::AssertionMissing)),
    };
    match transaction {
        Read::Iti18(request) => iti18::handle(&state, heading, &caller, request).await,
        Read::Iti41(request) => iti41::handle(&state, heading, &caller, *request, parts).await,
        Read::Iti42(request) => iti42::handle(&state, heading, &caller, *request).await,
        Read::Iti43(request) => iti43::handle(&state, heading, &caller, request).await,
        Read::Iti57(request) => iti57::handle(&state, heading, &caller, *request).await,
        Read::Iti62(request) => iti62::handle(&state, heading, &caller, request).await,
        Read::People(request) => people::handle(&state, heading, &caller, request).await,
        Read::Habilitations(request) => habilitations::handle(&state, heading, &caller, request).await,
        Read::Dsub(request) => dsub::handle(&state, heading, &caller, request).await,
        Read::Pix(request) => pix::handle(&state, heading, &caller, request).await,
    }
}

/// The host that the caller named.
fn named_host(head: &axum::http::request::Parts) -> &str {
    let named = head.headers.get(header::HOST).and_then(|h| h.to_str().ok()).and_then(wsdl::host);
    let authority = head.uri.authority().map(axum::http::uri::Authority::as_str).and_then(wsdl::host);
    named.or(authority).unwrap_or("localhost")
}

/// The service's description.
fn description(which: Service, head: &axum::http::request::Parts) -> Response {
    let text = wsdl::describe(which, named_host(head));
    let mut response = Response::new(Body::from(text));
    let kind = axum::http::HeaderValue::from_static("text/xml; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Leaves the trace of a refusal whose caller is known; what cannot be traced is not answered but as a failure.
pub(crate) async fn traced(state: &IheState, caller: &desk::Caller, act: Act, refusal: Refusal) -> Refusal {
    let mut told = state.desk.refused(caller, act, vec![refusal]).await.refusals();
    told.pop().unwrap_or_else(|| Refusal::new(Cause::Internal))
}

/// Answers a refusal found on the way, with its trace.
pub(crate) async fn refuse(
    state: &IheState,
    heading: &Heading,
    caller: &desk::Caller,
    act: Act,
    refusal: Refusal,
) -> Response {
    let refusal = traced(state, caller, act, refusal).await;
    failed(state, heading, &refusal)
}

/// Answers what a known caller's message was refused for in the words of its transaction; a fault when it has none.
fn failed(state: &IheState, heading: &Heading, refusal: &Refusal) -> Response {
    tracing::info!(cause = refusal.cause.code(), place = refusal.place.as_deref(), "ihe.refused");
    let refusals = std::slice::from_ref(refusal);
    let answered = match heading.kind {
        // What cannot be read of these has no answer of its own to be told in.
        None
        | Some(
            Kind::Demographics
            | Kind::Candidates
            | Kind::Continuation
            | Kind::Management
            | Kind::SetAuthorization
            | Kind::ListAuthorised
            | Kind::ListPatients
            | Kind::Feed
            | Kind::Identifiers,
        ) => return answer::fault(state, heading, refusal),
        Some(Kind::Subscribe) => return dsub::failure(state, heading, refusal),
        Some(Kind::Iti18 | Kind::Iti38) => return iti18::failure(state, heading, refusals),
        Some(Kind::Iti43 | Kind::Iti39) => return iti43::failure(state, heading, refusals),
        Some(Kind::Iti41) => action::PROVIDE_AND_REGISTER_RESPONSE,
        Some(Kind::Iti42) => action::REGISTER_RESPONSE,
        Some(Kind::Iti57) => action::UPDATE_DOCUMENT_SET_RESPONSE,
        Some(Kind::Iti61) => action::REGISTER_ON_DEMAND_RESPONSE,
        Some(Kind::Iti62) => action::REMOVE_METADATA_RESPONSE,
        Some(Kind::Iti86) => action::REMOVE_DOCUMENTS_RESPONSE,
        Some(Kind::Iti92) => action::RESTRICTED_UPDATE_RESPONSE,
    };
    answer::registry_failure(state, answered, heading, refusals)
}

fn refused(state: &IheState, heading: &Heading, refusal: &Refusal) -> Response {
    tracing::info!(cause = refusal.cause.code(), place = refusal.place.as_deref(), "ihe.refused");
    answer::fault(state, heading, refusal)
}
