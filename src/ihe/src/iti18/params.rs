//! Which stored queries there are, the parameters each takes, and what they come to (ITI TF-2 §3.18.4.1.2.3.7). Knows
//! nothing of who asks.

use std::collections::HashSet;

use desk::{AllQuery, ObjectKey, ObjectQuery, RegistryQuery};
use space::{
    AssociationKind, AvailabilityStatus, Cause, Dtm, EntryKind, Refusal,
    query::{CodeQuery, EntryQuery, FolderQuery, SetQuery, Span, Versions},
};
use wire_soap::xds::{AdhocQueryRequest, QueryParam};

use crate::{errors, translate};

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

/// FindDocuments.
pub(crate) const FIND_DOCUMENTS: &str = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d";
/// FindSubmissionSets.
pub(crate) const FIND_SUBMISSION_SETS: &str = "urn:uuid:f26abbcb-ac74-4422-8a30-edb644bbc1a9";

/// The stored queries (ITI TF-2 Table 3.18.4.1.2.4-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
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
        (FIND_DOCUMENTS, Self::FindDocuments),
        ("urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492", Self::FindDocumentsByReferenceId),
        (FIND_SUBMISSION_SETS, Self::FindSubmissionSets),
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
    pub(super) const fn names_patient(self) -> bool {
        use Stored as S;
        matches!(
            self,
            S::FindDocuments | S::FindDocumentsByReferenceId | S::FindSubmissionSets | S::FindFolders | S::GetAll
        )
    }

    pub(super) fn of(id: &str) -> Option<Self> {
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

/// The parameters of a query, each known to it, and only those repeated that may be.
pub(super) struct Params<'a> {
    request: &'a AdhocQueryRequest,
}

impl<'a> Params<'a> {
    pub(super) fn of(stored: Stored, request: &'a AdhocQueryRequest) -> Result<Self, Refusal> {
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

    pub(super) fn get(&self, name: &str) -> Option<Param<'a>> {
        self.all(name).next()
    }

    fn missing(&self, name: &str) -> Refusal {
        Refusal::new(Cause::QueryParameterMissing).at(&self.request.place.0).about(name)
    }

    pub(super) fn required(&self, name: &str) -> Result<Param<'a>, Refusal> {
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

    pub(super) fn query(&self, stored: Stored) -> Result<RegistryQuery, Refusal> {
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

pub(super) struct Param<'a> {
    pub(super) param: &'a QueryParam,
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

    pub(super) fn one(&self) -> Result<String, Refusal> {
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
