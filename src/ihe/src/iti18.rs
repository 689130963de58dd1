//! ITI-18 Registry Stored Query (DMP TD3.1): every stored query of the technical framework.
//!
//! ITI TF-2 §3.18. An answer holds what the caller may read, and nothing that says more exists.

mod params;

use axum::{http::StatusCode, response::Response};
use desk::{Caller, Fault, Found, RegistryQuery};
use space::{Cause, Ins, Refusal, trace::Act};
use wire_soap::{
    ebxml::{ObjectRef, RegistryObjectList},
    ns::action,
    xds::{AdhocQueryRequest, AdhocQueryResponse, ResponseStatus, ReturnType, Severity},
    xml::Element,
};

pub(crate) use params::{FIND_DOCUMENTS, FIND_SUBMISSION_SETS};
use params::{Param, Params, Stored};

use crate::{
    IheState, answer,
    beyond::{self, Asked, Told},
    errors,
    receive::Heading,
    service::Kind,
    translate,
};

/// What an object takes in an answer, about: room is made once.
const OBJECT_BYTES: usize = 8192;

/// A request, read. Its parameters are read once the caller is known, so that what is wrong with them is traced.
pub(crate) struct Request(AdhocQueryRequest);

impl Request {
    pub(crate) fn read(body: Element<'_, '_>) -> Result<Self, Refusal> {
        AdhocQueryRequest::read(body).map(Self).map_err(|e| errors::of_message(&e))
    }
}

/// Carries the transaction out, also for another community (ITI-38), which is answered from here alone.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    let request = request.0;
    let found = match read(state, heading, &request) {
        Ok((query, patient, asked)) => find(state, caller, &request, (&query, patient.as_ref()), asked).await,
        Err(refusal) => Err(state.desk.refused(caller, Act::Find, vec![refusal]).await),
    };
    respond(state, heading, &request, found)
}

/// What is found here, and what others told.
async fn find(
    state: &IheState,
    caller: &Caller,
    request: &AdhocQueryRequest,
    (query, patient): (&RegistryQuery, Option<&Ins>),
    asked: Asked<'_>,
) -> Result<(Found, Told), Fault> {
    let mut found = state.desk.registry(caller, patient, query).await?;
    let told = match asked {
        Asked::Here => Told::default(),
        // What is asked for by name and is all here is not asked for elsewhere.
        Asked::Also(_) if is_all_here(query, &found) => Told::default(),
        Asked::Also(others) => beyond::query(state, caller, &others, request, &found.beyond).await?,
        Asked::There(other) => {
            (found.sets, found.folders, found.documents, found.associations) = Default::default();
            beyond::query(state, caller, &[other], request, &found.beyond).await?
        }
    };
    Ok((found, told))
}

fn is_all_here(query: &RegistryQuery, found: &Found) -> bool {
    let RegistryQuery::GetDocuments(query) = query else { return false };
    let entries = || found.documents.iter().map(|found| &found.entry);
    query.logical_ids.is_empty()
        && query.unique_ids.iter().all(|id| entries().any(|entry| entry.unique_id == *id))
        && query.entry_uuids.iter().all(|id| entries().any(|entry| entry.entry_uuid == *id))
}

fn respond(
    state: &IheState,
    heading: &Heading,
    request: &AdhocQueryRequest,
    found: Result<(Found, Told), Fault>,
) -> Response {
    match found {
        Ok((found, told)) => success(state, heading, request, found, told),
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

/// Answers with what was found: sets, folders, documents, links, written straight from the model; then what others told.
fn success(state: &IheState, heading: &Heading, request: &AdhocQueryRequest, mut found: Found, told: Told) -> Response {
    // Between communities every object says whose it is (ITI TF-2 §3.38.4.1.3, §3.18.4.1.3).
    let home = state.home_urn().filter(|_| heading.kind == Some(Kind::Iti38) || !state.others.is_empty());
    if home.is_some() {
        found.sets.iter_mut().for_each(|set| set.home.clone_from(&home));
        found.folders.iter_mut().for_each(|folder| folder.home.clone_from(&home));
        found.documents.iter_mut().for_each(|found| found.entry.home.clone_from(&home));
    }
    let Found { sets, folders, documents, associations, .. } = &found;
    let count = sets.len() + folders.len() + documents.len() + associations.len() + told.objects.len();
    let is_partial = told.errors.iter().any(|error| error.severity == Severity::Error);
    let response = AdhocQueryResponse {
        status: if is_partial { ResponseStatus::PartialSuccess } else { ResponseStatus::Success },
        errors: told.errors,
        objects: RegistryObjectList::default(),
        total: i64::try_from(count).ok(),
        start_index: Some(0),
    };
    if request.return_type == ReturnType::ObjectRef {
        let ids = sets.iter().map(|s| &s.entry_uuid).chain(folders.iter().map(|f| &f.entry_uuid));
        let ids = ids.chain(documents.iter().map(|d| &d.entry.entry_uuid));
        let ids = ids.chain(associations.iter().map(|a| &a.entry_uuid));
        return send(state, heading, count * 128, |out| {
            response.write_around(out, |out| {
                ids.for_each(|id| ObjectRef { id: id.clone(), home: home.clone(), ..ObjectRef::default() }.write(out));
                told.objects.iter().for_each(|object| object.write(out));
            });
        });
    }
    send(state, heading, count * OBJECT_BYTES, |out| {
        response.write_around(out, |out| {
            sets.iter().for_each(|set| translate::submission_set(set).write(out));
            folders.iter().for_each(|folder| translate::folder(folder).write(out));
            for found in documents {
                translate::write_extrinsic_object(out, &found.entry, state.repository.as_str());
            }
            for link in associations {
                let mut link = translate::association(link);
                link.common.home.clone_from(&home);
                link.write(out);
            }
            told.objects.iter().for_each(|object| object.write(out));
        });
    })
}

fn send(state: &IheState, heading: &Heading, length: usize, body: impl FnOnce(&mut Vec<u8>)) -> Response {
    let action = match heading.kind {
        Some(Kind::Iti38) => action::CROSS_GATEWAY_QUERY_RESPONSE,
        _ => action::REGISTRY_STORED_QUERY_RESPONSE,
    };
    answer::plain(StatusCode::OK, answer::envelope(state, action, heading, length, body))
}

/// Reads what is asked, about whom where the query says so, and who is to answer.
fn read<'a>(
    state: &'a IheState,
    heading: &Heading,
    request: &AdhocQueryRequest,
) -> Result<(RegistryQuery, Option<Ins>, Asked<'a>), Refusal> {
    if matches!(request.return_type, ReturnType::RegistryObject | ReturnType::LeafClassWithRepositoryItem) {
        return Err(Refusal::new(Cause::QueryParameterInvalid).at(&request.place.0).about("returnType"));
    }
    let stored = Stored::of(&request.query_id);
    let stored = stored.ok_or_else(|| Refusal::new(Cause::UnknownStoredQuery).at(&request.place.0))?;
    let params = Params::of(stored, request)?;
    let asked = community(state, heading, request, &params, stored)?;
    let (query, patient) = asked_of(state, stored, &params)?;
    Ok((query, patient, asked))
}

/// What a stored query asks, and of whom where it says so, whoever is to answer.
pub(crate) fn criteria(state: &IheState, request: &AdhocQueryRequest) -> Result<(RegistryQuery, Option<Ins>), Refusal> {
    let stored = Stored::of(&request.query_id);
    let stored = stored.ok_or_else(|| Refusal::new(Cause::UnknownStoredQuery).at(&request.place.0))?;
    asked_of(state, stored, &Params::of(stored, request)?)
}

fn asked_of(state: &IheState, stored: Stored, params: &Params<'_>) -> Result<(RegistryQuery, Option<Ins>), Refusal> {
    let query = params.query(stored)?;
    let named = match stored {
        Stored::FindDocuments | Stored::FindDocumentsByReferenceId => "XDSDocumentEntryPatientId",
        Stored::FindSubmissionSets => "XDSSubmissionSetPatientId",
        Stored::FindFolders => "XDSFolderPatientId",
        Stored::GetAll => "patientId",
        _ => return Ok((query, None)),
    };
    let param = params.required(named)?;
    let ins = Ins::parse_cx(&param.one()?, state.desk.ins_tolerance());
    let ins = ins.map_err(|r| r.at(&param.param.place.0).about(&param.param.name))?;
    Ok((query, Some(ins)))
}

/// Who is to answer, by the community that the message names.
fn community<'a>(
    state: &'a IheState,
    heading: &Heading,
    request: &AdhocQueryRequest,
    params: &Params<'_>,
    stored: Stored,
) -> Result<Asked<'a>, Refusal> {
    let param = params.get("homeCommunityId");
    let named = param.as_ref().map(Param::one).transpose()?;
    let place = &request.place.0;
    let home = match (request.home.as_deref().filter(|home| !home.trim().is_empty()), named.as_deref()) {
        (Some(one), Some(other)) if !beyond::same(one, other) => {
            return Err(Refusal::new(Cause::QueryParameterInvalid).at(place).about("homeCommunityId"));
        }
        (one, other) => one.or(other),
    };
    if heading.kind == Some(Kind::Iti38) {
        // A community answers for itself, and what has no holder in its question must name it.
        if home.is_none() && !stored.names_patient() {
            return Err(Refusal::new(Cause::MissingCommunity).at(place).about("home"));
        }
        state.knows_community(home, place)?;
        return Ok(Asked::Here);
    }
    let of_documents =
        matches!(stored, Stored::FindDocuments | Stored::FindDocumentsByReferenceId | Stored::GetDocuments);
    state.asked(home, stored.names_patient(), of_documents, place)
}
