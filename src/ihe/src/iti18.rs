//! ITI-18 Registry Stored Query (DMP TD3.1): every stored query of the technical framework.
//!
//! ITI TF-2 §3.18. An answer holds what the caller may read, and nothing that says more exists.

use std::collections::HashSet;

use axum::{http::StatusCode, response::Response};
use desk::{AllQuery, Caller, Fault, Found, ObjectKey, ObjectQuery, RegistryQuery};
use space::{
    AssociationKind, AvailabilityStatus, Cause, Dtm, EntryKind, Ins, Refusal,
    query::{CodeQuery, EntryQuery, FolderQuery, SetQuery, Span, Versions},
    trace::Act,
};
use wire_soap::{
    ebxml::{ObjectRef, RegistryObjectList},
    ns::action,
    xds::{AdhocQueryRequest, AdhocQueryResponse, QueryParam, ResponseStatus, ReturnType, Severity},
    xml::Element,
};

use crate::{
    IheState, answer,
    beyond::{self, Asked, Told},
    errors,
    receive::Heading,
    service::Kind,
    translate,
};

/// Parameters of FindDocuments, after `$XDSDocumentEntry` (ITI TF-2 §3.18.4.1.2.3.7.1).
const OF_ENTRIES: [&str; 17] = [
    "PatientId",
    "Status",
    "TypeCode",
    "ClassCode",
    "FormatCode",
    "PracticeSettingCode",
    "HealthcareFacilityTypeCode",
    "EventCodeList",
    "ConfidentialityCode",
    "AuthorPerson",
    "Type",
    "CreationTimeFrom",
    "CreationTimeTo",
    "ServiceStartTimeFrom",
    "ServiceStartTimeTo",
    "ServiceStopTimeFrom",
    "ServiceStopTimeTo",
];

/// The stored queries (ITI TF-2 Table 3.18.4.1.2.4-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    FindDocuments,
    FindDocumentsByReferenceId,
    FindSubmissionSets,
    FindFolders,
    GetAll,
    GetDocuments,
    GetFolders,
    GetAssociations,
    GetDocumentsAndAssociations,
    GetSubmissionSets,
    GetSubmissionSetAndContents,
    GetFolderAndContents,
    GetFoldersForDocument,
    GetRelatedDocuments,
}

impl Stored {
    const ALL: [(&'static str, Self); 14] = [
        ("urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d", Self::FindDocuments),
        ("urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492", Self::FindDocumentsByReferenceId),
        ("urn:uuid:f26abbcb-ac74-4422-8a30-edb644bbc1a9", Self::FindSubmissionSets),
        ("urn:uuid:958f3006-baad-4929-a4de-ff1114824431", Self::FindFolders),
        ("urn:uuid:10b545ea-725c-446d-9b95-8aeb444eddf3", Self::GetAll),
        ("urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4", Self::GetDocuments),
        ("urn:uuid:5737b14c-8a1a-4539-b659-e03a34a5e1e4", Self::GetFolders),
        ("urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155", Self::GetAssociations),
        ("urn:uuid:bab9529a-4a10-40b3-a01f-f68a615d247a", Self::GetDocumentsAndAssociations),
        ("urn:uuid:51224314-5390-4169-9b91-b1980040715a", Self::GetSubmissionSets),
        ("urn:uuid:e8e3cb2c-e39c-46b9-99e4-c12f57260b83", Self::GetSubmissionSetAndContents),
        ("urn:uuid:b909a503-523d-4517-8acf-8e5834dfc4c7", Self::GetFolderAndContents),
        ("urn:uuid:10cae35a-c7f9-4cf5-b61e-fc3278ffb578", Self::GetFoldersForDocument),
        ("urn:uuid:d90e5407-b356-4d91-a89f-873917b4b0e6", Self::GetRelatedDocuments),
    ];

    /// Whether it names the holder it is about.
    const fn names_patient(self) -> bool {
        use Stored as S;
        matches!(
            self,
            S::FindDocuments | S::FindDocumentsByReferenceId | S::FindSubmissionSets | S::FindFolders | S::GetAll
        )
    }

    fn of(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(urn, _)| *urn == id).map(|(_, stored)| stored)
    }

    /// Whether it takes a parameter (its name without `$`).
    fn takes(self, name: &str) -> bool {
        use Stored as S;
        if name == "MetadataLevel" {
            return true;
        }
        let entry = name.strip_prefix("XDSDocumentEntry");
        let by_id = matches!(entry, Some("UniqueId" | "EntryUUID"));
        let of_contents = matches!(entry, Some("FormatCode" | "ConfidentialityCode" | "Type"));
        match self {
            S::FindDocuments => entry.is_some_and(|n| OF_ENTRIES.contains(&n)),
            S::FindDocumentsByReferenceId => entry.is_some_and(|n| n == "ReferenceIdList" || OF_ENTRIES.contains(&n)),
            S::FindSubmissionSets => matches!(
                name.strip_prefix("XDSSubmissionSet"),
                Some(
                    "PatientId"
                        | "SourceId"
                        | "SubmissionTimeFrom"
                        | "SubmissionTimeTo"
                        | "AuthorPerson"
                        | "ContentType"
                        | "Status"
                )
            ),
            S::FindFolders => matches!(
                name.strip_prefix("XDSFolder"),
                Some("PatientId" | "LastUpdateTimeFrom" | "LastUpdateTimeTo" | "CodeList" | "Status")
            ),
            S::GetAll => {
                of_contents
                    || matches!(
                        name,
                        "patientId" | "XDSDocumentEntryStatus" | "XDSSubmissionSetStatus" | "XDSFolderStatus"
                    )
            }
            S::GetDocuments | S::GetDocumentsAndAssociations => {
                by_id || matches!(name, "homeCommunityId" | "XDSDocumentEntryLogicalID")
            }
            S::GetFolders => {
                matches!(name, "XDSFolderEntryUUID" | "XDSFolderUniqueId" | "XDSFolderLogicalID" | "homeCommunityId")
            }
            S::GetAssociations | S::GetSubmissionSets => matches!(name, "uuid" | "homeCommunityId"),
            S::GetSubmissionSetAndContents => {
                of_contents
                    || matches!(name, "XDSSubmissionSetEntryUUID" | "XDSSubmissionSetUniqueId" | "homeCommunityId")
            }
            S::GetFolderAndContents => {
                of_contents || matches!(name, "XDSFolderEntryUUID" | "XDSFolderUniqueId" | "homeCommunityId")
            }
            S::GetFoldersForDocument => by_id || name == "homeCommunityId",
            S::GetRelatedDocuments => {
                by_id || matches!(name, "AssociationTypes" | "homeCommunityId" | "XDSDocumentEntryType")
            }
        }
    }
}

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

/// The parameters of a query, each known to it, and only those repeated that may be.
struct Params<'a> {
    request: &'a AdhocQueryRequest,
}

impl<'a> Params<'a> {
    fn of(stored: Stored, request: &'a AdhocQueryRequest) -> Result<Self, Refusal> {
        let mut seen = HashSet::new();
        for param in &request.params {
            let p = Param { param };
            let name = bare(&param.name);
            if !stored.takes(name) {
                return Err(p.unknown());
            }
            let may_repeat = matches!(
                name,
                "XDSDocumentEntryEventCodeList"
                    | "XDSDocumentEntryConfidentialityCode"
                    | "XDSDocumentEntryReferenceIdList"
                    | "XDSFolderCodeList"
            );
            if !seen.insert(name) && !may_repeat {
                return Err(p.invalid());
            }
        }
        Ok(Self { request })
    }

    fn all(&self, name: &str) -> impl Iterator<Item = Param<'a>> {
        self.request.params.iter().filter(move |p| bare(&p.name) == name).map(|param| Param { param })
    }

    fn get(&self, name: &str) -> Option<Param<'a>> {
        self.all(name).next()
    }

    fn missing(&self, name: &str) -> Refusal {
        Refusal::new(Cause::QueryParameterMissing).at(&self.request.place.0).about(name)
    }

    fn required(&self, name: &str) -> Result<Param<'a>, Refusal> {
        self.get(name).ok_or_else(|| self.missing(&format!("${name}")))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        self.get(name).map_or(Ok(Vec::new()), |p| p.texts())
    }

    fn codes(&self, name: &str) -> Result<Vec<CodeQuery>, Refusal> {
        self.get(name).map_or(Ok(Vec::new()), |p| p.codes())
    }

    /// Each slot of a name: all are asked.
    fn groups(&self, name: &str) -> Result<Vec<Vec<CodeQuery>>, Refusal> {
        self.all(name).map(|p| p.codes()).collect()
    }

    fn span(&self, name: &str) -> Result<Span, Refusal> {
        let bound = |end: &str| self.get(&format!("{name}{end}")).map(|p| p.time()).transpose();
        Ok(Span { from: bound("From")?, to: bound("To")? })
    }

    fn statuses(&self, name: &str) -> Result<Vec<AvailabilityStatus>, Refusal> {
        self.required(name)?.statuses()
    }

    fn kinds(&self) -> Result<Vec<EntryKind>, Refusal> {
        let kind = |urn: &String| match urn.as_str() {
            translate::STABLE_DOCUMENT => Some(EntryKind::Stable),
            translate::ON_DEMAND_DOCUMENT => Some(EntryKind::OnDemand),
            _ => None,
        };
        let Some(param) = self.get("XDSDocumentEntryType") else { return Ok(Vec::new()) };
        param.texts()?.iter().map(|t| kind(t).ok_or_else(|| param.invalid())).collect()
    }

    /// Who says that it understands versions of metadata is shown all of them.
    fn versions(&self) -> Result<Versions, Refusal> {
        let Some(param) = self.get("MetadataLevel") else { return Ok(Versions::Last) };
        match param.one()?.as_str() {
            "1" => Ok(Versions::Last),
            "2" => Ok(Versions::All),
            _ => Err(param.invalid()),
        }
    }

    /// The one of two parameters that is given: an identifier.
    fn key(&self, prefix: &str) -> Result<ObjectKey, Refusal> {
        let (uuid, unique) = (format!("{prefix}EntryUUID"), format!("{prefix}UniqueId"));
        match (self.get(&uuid), self.get(&unique)) {
            (Some(p), None) => Ok(ObjectKey::EntryUuid(p.one()?)),
            (None, Some(p)) => Ok(ObjectKey::UniqueId(p.one()?)),
            (None, None) => Err(self.missing(&format!("${uuid} or ${unique}"))),
            (Some(p), Some(_)) => Err(p.refuse(Cause::QueryParameterInvalid).about("they exclude each other")),
        }
    }

    /// The one of three lists of identifiers that is given.
    fn ids(&self, prefix: &str) -> Result<[Vec<String>; 3], Refusal> {
        let lists = ["EntryUUID", "UniqueId", "LogicalID"];
        let lists = lists.map(|which| self.texts(&format!("{prefix}{which}")));
        let [uuids, uniques, logical] = lists;
        let lists = [uuids?, uniques?, logical?];
        match lists.iter().filter(|l| !l.is_empty()).count() {
            1 => Ok(lists),
            0 => Err(self.missing(&format!("${prefix}EntryUUID or ${prefix}UniqueId"))),
            _ => {
                let refusal = Refusal::new(Cause::QueryParameterInvalid).at(&self.request.place.0);
                Err(refusal.about(format!("${prefix}EntryUUID and ${prefix}UniqueId exclude each other")))
            }
        }
    }

    fn query(&self, stored: Stored) -> Result<RegistryQuery, Refusal> {
        use RegistryQuery as Q;
        Ok(match stored {
            Stored::FindDocuments => Q::FindDocuments(self.find_documents()?),
            Stored::FindDocumentsByReferenceId => {
                let mut query = self.find_documents()?;
                query.references =
                    self.all("XDSDocumentEntryReferenceIdList").map(|p| p.texts()).collect::<Result<_, _>>()?;
                if query.references.is_empty() {
                    return Err(self.missing("$XDSDocumentEntryReferenceIdList"));
                }
                Q::FindDocuments(query)
            }
            Stored::FindSubmissionSets => Q::FindSubmissionSets(SetQuery {
                statuses: self.statuses("XDSSubmissionSetStatus")?,
                sources: self.texts("XDSSubmissionSetSourceId")?,
                submission: self.span("XDSSubmissionSetSubmissionTime")?,
                author_person: self.get("XDSSubmissionSetAuthorPerson").map(|p| p.one()).transpose()?,
                content_types: self.codes("XDSSubmissionSetContentType")?,
            }),
            Stored::FindFolders => Q::FindFolders(FolderQuery {
                statuses: self.statuses("XDSFolderStatus")?,
                last_update: self.span("XDSFolderLastUpdateTime")?,
                codes: self.groups("XDSFolderCodeList")?,
            }),
            Stored::GetAll => {
                let mut entries = self.of_contents()?;
                entries.statuses = self.statuses("XDSDocumentEntryStatus")?;
                let sets = SetQuery { statuses: self.statuses("XDSSubmissionSetStatus")?, ..SetQuery::default() };
                let folders = FolderQuery { statuses: self.statuses("XDSFolderStatus")?, ..FolderQuery::default() };
                Q::GetAll(Box::new(AllQuery { entries, sets, folders }))
            }
            Stored::GetDocuments => Q::GetDocuments(self.named_documents()?),
            Stored::GetDocumentsAndAssociations => Q::GetDocumentsAndAssociations(self.named_documents()?),
            Stored::GetFolders => {
                let [entry_uuids, unique_ids, logical_ids] = self.ids("XDSFolder")?;
                let superseded = self.versions()? == Versions::All;
                Q::GetFolders(ObjectQuery { entry_uuids, unique_ids, logical_ids, superseded })
            }
            Stored::GetAssociations => Q::GetAssociations(self.required("uuid")?.texts()?),
            Stored::GetSubmissionSets => Q::GetSubmissionSets(self.required("uuid")?.texts()?),
            Stored::GetSubmissionSetAndContents => {
                Q::GetSubmissionSetAndContents(self.key("XDSSubmissionSet")?, self.of_contents()?)
            }
            Stored::GetFolderAndContents => Q::GetFolderAndContents(self.key("XDSFolder")?, self.of_contents()?),
            Stored::GetFoldersForDocument => Q::GetFoldersForDocument(self.key("XDSDocumentEntry")?),
            Stored::GetRelatedDocuments => {
                let types = self.required("AssociationTypes")?;
                let kinds = types.texts()?;
                let kinds = kinds.iter().map(|urn| AssociationKind::from_urn(urn).ok_or_else(|| types.invalid()));
                Q::GetRelatedDocuments(self.key("XDSDocumentEntry")?, kinds.collect::<Result<_, _>>()?)
            }
        })
    }

    fn find_documents(&self) -> Result<EntryQuery, Refusal> {
        self.required("XDSDocumentEntryPatientId")?;
        Ok(EntryQuery {
            statuses: self.statuses("XDSDocumentEntryStatus")?,
            types: self.codes("XDSDocumentEntryTypeCode")?,
            classes: self.codes("XDSDocumentEntryClassCode")?,
            formats: self.codes("XDSDocumentEntryFormatCode")?,
            settings: self.codes("XDSDocumentEntryPracticeSettingCode")?,
            facilities: self.codes("XDSDocumentEntryHealthcareFacilityTypeCode")?,
            events: self.groups("XDSDocumentEntryEventCodeList")?,
            confidentialities: self.groups("XDSDocumentEntryConfidentialityCode")?,
            author_persons: self.texts("XDSDocumentEntryAuthorPerson")?,
            creation: self.span("XDSDocumentEntryCreationTime")?,
            service_start: self.span("XDSDocumentEntryServiceStartTime")?,
            service_stop: self.span("XDSDocumentEntryServiceStopTime")?,
            kinds: self.kinds()?,
            versions: self.versions()?,
            ..EntryQuery::default()
        })
    }

    fn named_documents(&self) -> Result<EntryQuery, Refusal> {
        let [entry_uuids, unique_ids, logical_ids] = self.ids("XDSDocumentEntry")?;
        // Who asks by logical identifier asks for the versions.
        let versions = if logical_ids.is_empty() { self.versions()? } else { Versions::All };
        Ok(EntryQuery { entry_uuids, unique_ids, logical_ids, versions, ..EntryQuery::default() })
    }

    /// Which documents of a set or folder.
    fn of_contents(&self) -> Result<EntryQuery, Refusal> {
        Ok(EntryQuery {
            formats: self.codes("XDSDocumentEntryFormatCode")?,
            confidentialities: self.groups("XDSDocumentEntryConfidentialityCode")?,
            kinds: self.kinds()?,
            versions: self.versions()?,
            ..EntryQuery::default()
        })
    }
}

/// A parameter's name without its `$`.
fn bare(name: &str) -> &str {
    name.strip_prefix('$').unwrap_or(name)
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

    fn time(&self) -> Result<Dtm, Refusal> {
        Dtm::parse(&self.one()?).map_err(|_| self.invalid())
    }
}
