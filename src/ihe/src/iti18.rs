//! ITI-18 Registry Stored Query (DMP TD3.1): FindDocuments and GetDocuments.
//!
//! ITI TF-2 §3.18. An answer holds what the caller may read, and nothing that says more exists.

use axum::{http::StatusCode, response::Response};
use desk::{Caller, Fault, Listing};
use space::{
    AvailabilityStatus, Cause, Dtm, Ins, Refusal,
    query::{CodeQuery, EntryQuery, Span},
    trace::Act,
};
use wire_soap::{
    ebxml::{ObjectRef, RegistryObjectList},
    ns::action,
    xds::{AdhocQueryRequest, AdhocQueryResponse, QueryParam, ResponseStatus, ReturnType},
    xml::Element,
};

use crate::{IheState, answer, errors, receive::Heading, translate};

const FIND_DOCUMENTS: &str = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d";
const GET_DOCUMENTS: &str = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4";

/// Object types of `$XDSDocumentEntryType`: stable documents are all that is kept.
const STABLE: &str = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1";

/// What an entry takes in an answer, about: room is made once.
const ENTRY_BYTES: usize = 8192;

/// A request, read. Its parameters are read once the caller is known, so that what is wrong with them is traced.
pub(crate) struct Request(AdhocQueryRequest);

impl Request {
    pub(crate) fn read(body: Element<'_, '_>) -> Result<Self, Refusal> {
        AdhocQueryRequest::read(body).map(Self).map_err(|e| errors::of_message(&e))
    }
}

/// What is asked, once read.
enum Asked {
    /// FindDocuments of a holder.
    Find(Box<EntryQuery>, String),
    /// GetDocuments by identifiers.
    Get(Box<EntryQuery>),
    /// Nothing that is kept here can answer (only on-demand entries asked).
    Nothing,
}

/// Carries the transaction out.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    let request = request.0;
    let found = match read(&request) {
        Ok(Asked::Find(query, patient)) => match Ins::parse_cx(&patient, state.desk.ins_tolerance()) {
            Ok(ins) => state.desk.find(caller, Some(&ins), &query).await,
            Err(refusal) => {
                let refusal = refusal.at(&request.place.0).about("$XDSDocumentEntryPatientId");
                Err(state.desk.refused(caller, Act::Find, vec![refusal]).await)
            }
        },
        Ok(Asked::Get(query)) => state.desk.lookup(caller, None, &query).await,
        Ok(Asked::Nothing) => {
            let none = EntryQuery { entry_uuids: vec!["none".into()], ..EntryQuery::default() };
            state.desk.find(caller, None, &none).await
        }
        Err(refusal) => Err(state.desk.refused(caller, Act::Find, vec![refusal]).await),
    };
    respond(state, heading, &request, found)
}

fn respond(
    state: &IheState,
    heading: &Heading,
    request: &AdhocQueryRequest,
    found: Result<Listing, Fault>,
) -> Response {
    match found {
        Ok(listing) => success(state, heading, request, &listing),
        Err(fault) => {
            let refusals = fault.refusals();
            tracing::info!(cause = refusals.first().map(|r| r.cause.code()), "iti18.refused");
            if let Fault::Store(error) = &fault {
                tracing::error!(error = %error, "iti18.failed");
            }
            failure(state, heading, &refusals)
        }
    }
}

/// Answers with what was refused.
pub(crate) fn failure(state: &IheState, heading: &Heading, refusals: &[Refusal]) -> Response {
    let errors = match errors::registry_errors(refusals) {
        Ok(errors) => errors,
        Err(fault) => return answer::fault(state, heading, fault),
    };
    let objects = RegistryObjectList::default();
    let response =
        AdhocQueryResponse { status: ResponseStatus::Failure, errors, objects, total: None, start_index: None };
    send(state, heading, 0, |out| response.write(out))
}

/// Answers with the documents found, written straight from the model.
fn success(state: &IheState, heading: &Heading, request: &AdhocQueryRequest, listing: &Listing) -> Response {
    let response = AdhocQueryResponse {
        status: ResponseStatus::Success,
        errors: Vec::new(),
        objects: RegistryObjectList::default(),
        total: i64::try_from(listing.documents.len()).ok(),
        start_index: Some(0),
    };
    let (entries, references) = match request.return_type {
        ReturnType::ObjectRef => (&[][..], listing.documents.as_slice()),
        _ => (listing.documents.as_slice(), &[][..]),
    };
    send(state, heading, entries.len() * ENTRY_BYTES, |out| {
        response.write_around(out, |out| {
            for found in entries {
                translate::write_extrinsic_object(out, &found.entry, state.repository.as_str());
            }
            for found in references {
                ObjectRef { id: found.entry.entry_uuid.clone(), ..ObjectRef::default() }.write(out);
            }
        });
    })
}

fn send(state: &IheState, heading: &Heading, length: usize, body: impl FnOnce(&mut Vec<u8>)) -> Response {
    let action = action::REGISTRY_STORED_QUERY_RESPONSE;
    answer::plain(StatusCode::OK, answer::envelope(state, action, heading, length, body))
}

fn read(request: &AdhocQueryRequest) -> Result<Asked, Refusal> {
    if matches!(request.return_type, ReturnType::RegistryObject | ReturnType::LeafClassWithRepositoryItem) {
        return Err(Refusal::new(Cause::QueryParameterInvalid).at(&request.place.0).about("returnType"));
    }
    match request.query_id.as_str() {
        FIND_DOCUMENTS => find_documents(request),
        GET_DOCUMENTS => get_documents(request),
        _ => Err(Refusal::new(Cause::UnknownStoredQuery).at(&request.place.0)),
    }
}

fn find_documents(request: &AdhocQueryRequest) -> Result<Asked, Refusal> {
    let mut query = EntryQuery::default();
    let mut patient = None;
    let mut stable = true;
    let mut seen: Vec<&str> = Vec::new();
    for param in &request.params {
        let p = Param { param };
        let name = param.name.strip_prefix('$').unwrap_or(&param.name);
        let may_repeat = matches!(name, "XDSDocumentEntryEventCodeList" | "XDSDocumentEntryConfidentialityCode");
        if seen.contains(&name) && !may_repeat {
            return Err(p.invalid());
        }
        seen.push(name);
        match name {
            "XDSDocumentEntryPatientId" => patient = Some(p.one()?),
            "XDSDocumentEntryStatus" => query.statuses = p.statuses()?,
            "XDSDocumentEntryTypeCode" => query.types = p.codes()?,
            "XDSDocumentEntryClassCode" => query.classes = p.codes()?,
            "XDSDocumentEntryFormatCode" => query.formats = p.codes()?,
            "XDSDocumentEntryPracticeSettingCode" => query.settings = p.codes()?,
            "XDSDocumentEntryHealthcareFacilityTypeCode" => query.facilities = p.codes()?,
            "XDSDocumentEntryEventCodeList" => query.events.push(p.codes()?),
            "XDSDocumentEntryConfidentialityCode" => query.confidentialities.push(p.codes()?),
            "XDSDocumentEntryAuthorPerson" => query.author_persons = p.texts()?,
            "XDSDocumentEntryType" => stable = p.texts()?.iter().any(|t| t == STABLE),
            // Says that the caller understands versions of metadata; there is one for now.
            "MetadataLevel" => {}
            _ => p.time(name, &mut query)?,
        }
    }
    let missing = |name: &str| Refusal::new(Cause::QueryParameterMissing).at(&request.place.0).about(name);
    let patient = patient.ok_or_else(|| missing("$XDSDocumentEntryPatientId"))?;
    if query.statuses.is_empty() {
        return Err(missing("$XDSDocumentEntryStatus"));
    }
    Ok(if stable { Asked::Find(Box::new(query), patient) } else { Asked::Nothing })
}

fn get_documents(request: &AdhocQueryRequest) -> Result<Asked, Refusal> {
    let mut query = EntryQuery::default();
    for param in &request.params {
        let p = Param { param };
        match param.name.strip_prefix('$').unwrap_or(&param.name) {
            "XDSDocumentEntryUniqueId" => query.unique_ids = p.texts()?,
            "XDSDocumentEntryEntryUUID" => query.entry_uuids = p.texts()?,
            "MetadataLevel" | "homeCommunityId" => {}
            _ => return Err(p.unknown()),
        }
    }
    match (query.unique_ids.is_empty(), query.entry_uuids.is_empty()) {
        (true, true) => Err(Refusal::new(Cause::QueryParameterMissing)
            .at(&request.place.0)
            .about("$XDSDocumentEntryUniqueId or $XDSDocumentEntryEntryUUID")),
        (false, false) => Err(Refusal::new(Cause::QueryParameterInvalid)
            .at(&request.place.0)
            .about("$XDSDocumentEntryUniqueId and $XDSDocumentEntryEntryUUID exclude each other")),
        _ => Ok(Asked::Get(Box::new(query))),
    }
}

struct Param<'a> {
    param: &'a QueryParam,
}

impl Param<'_> {
    fn refuse(&self, cause: Cause) -> Refusal {
        Refusal::new(cause).at(&self.param.place.0).about(&self.param.name)
    }

    fn invalid(&self) -> Refusal {
        self.refuse(Cause::QueryParameterInvalid)
    }

    fn unknown(&self) -> Refusal {
        self.refuse(Cause::QueryParameterUnknown)
    }

    fn texts(&self) -> Result<Vec<String>, Refusal> {
        let values = self.param.parse().map_err(|e| errors::of_message(&e).about(&self.param.name))?;
        let texts: Vec<String> = values.values.iter().map(|v| v.as_str().to_owned()).collect();
        if texts.is_empty() { Err(self.invalid()) } else { Ok(texts) }
    }

    fn one(&self) -> Result<String, Refusal> {
        let mut texts = self.texts()?;
        match (texts.pop(), texts.is_empty()) {
            (Some(text), true) => Ok(text),
            _ => Err(self.invalid()),
        }
    }

    fn statuses(&self) -> Result<Vec<AvailabilityStatus>, Refusal> {
        self.texts()?.iter().map(|t| AvailabilityStatus::from_urn(t).ok_or_else(|| self.invalid())).collect()
    }

    /// `code^^scheme`, the scheme required (ITI TF-2 3.18.4.1.2.3.4).
    fn codes(&self) -> Result<Vec<CodeQuery>, Refusal> {
        let one = |text: &String| {
            let mut parts = text.split('^');
            let code = parts.next().filter(|c| !c.is_empty())?.to_owned();
            let scheme = parts.nth(1).filter(|s| !s.is_empty()).map(str::to_owned);
            scheme.is_some().then_some(CodeQuery { code, scheme })
        };
        self.texts()?.iter().map(|t| one(t).ok_or_else(|| self.invalid())).collect()
    }

    /// The six bounds of time.
    fn time(&self, name: &str, query: &mut EntryQuery) -> Result<(), Refusal> {
        let name = name.strip_prefix("XDSDocumentEntry").ok_or_else(|| self.unknown())?;
        let (span, bound): (&mut Span, &str) = if let Some(bound) = name.strip_prefix("CreationTime") {
            (&mut query.creation, bound)
        } else if let Some(bound) = name.strip_prefix("ServiceStartTime") {
            (&mut query.service_start, bound)
        } else if let Some(bound) = name.strip_prefix("ServiceStopTime") {
            (&mut query.service_stop, bound)
        } else {
            return Err(self.unknown());
        };
        let at = Dtm::parse(&self.one()?).map_err(|_| self.invalid())?;
        match bound {
            "From" => span.from = Some(at),
            "To" => span.to = Some(at),
            _ => return Err(self.unknown()),
        }
        Ok(())
    }
}
