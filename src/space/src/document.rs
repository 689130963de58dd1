//! Documents of a space: the metadata that describe them (ITI TF-3 §4.2.3) and the visibility that rules them.

use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    dtm::Dtm,
    hl7::{Cx, Xcn, Xon},
    oid::Oid,
};

/// Code system of the French visibility codes (TRE_A07).
pub const VISIBILITY_SCHEME: &str = "1.2.250.1.213.1.1.4.13";
/// Kind of document that the signature of a set is, with its system (ASTM E1762).
const SIGNATURE_TYPE: (&str, &str) = ("E1762", "ASTM");
/// Code system of HL7 confidentiality.
pub const CONFIDENTIALITY_SCHEME: &str = "2.16.840.1.113883.5.25";

/// A text with its language, as its sender wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LocalizedText {
    /// The text.
    #[serde(rename = "v")]
    pub value: String,
    /// Its language, as sent (`FR`, `fr-FR`…).
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// The charset its sender declared.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
}

impl LocalizedText {
    /// A French text.
    #[must_use]
    pub fn french(value: &str) -> Self {
        Self { value: value.to_owned(), lang: Some("FR".into()), charset: Some("UTF8".into()) }
    }
}

/// A named list of values that the model has no field for: kept to be given back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// Name.
    #[serde(rename = "n")]
    pub name: String,
    /// Values, in order.
    #[serde(rename = "v")]
    pub values: Vec<String>,
}

/// Who wrote a document or sent a set (ITI TF-3 §4.2.3.2.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Author {
    /// The person or system.
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    pub person: Option<Xcn>,
    /// Structures.
    #[serde(rename = "i", skip_serializing_if = "Vec::is_empty")]
    pub institutions: Vec<Xon>,
    /// Roles, as free labels.
    #[serde(rename = "r", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Professions and specialities, `<code>^<label>^<OID>`.
    #[serde(rename = "s", skip_serializing_if = "Vec::is_empty")]
    pub specialties: Vec<String>,
    /// Telecom addresses.
    #[serde(rename = "t", skip_serializing_if = "Vec::is_empty")]
    pub telecoms: Vec<String>,
    /// Slots of the classification that the model has no field for.
    #[serde(rename = "x", skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Slot>,
}

/// Whether an entry is in use (JDV_J52).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AvailabilityStatus {
    /// The current version.
    Approved,
    /// Replaced by a newer one.
    Deprecated,
    /// Put aside.
    Archived,
    /// Deleted: kept in the back office, shown to nobody (R.1111-51).
    Deleted,
}

impl AvailabilityStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Approved, Self::Deprecated, Self::Archived, Self::Deleted];

    /// The URN of XDS.
    #[must_use]
    pub const fn urn(self) -> &'static str {
        match self {
            Self::Approved => "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved",
            Self::Deprecated => "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated",
            Self::Archived => "urn:asip:ci-sis:2010:StatusType:Archived",
            Self::Deleted => "urn:asip:ci-sis:2010:StatusType:Deleted",
        }
    }

    /// Reads the URN of XDS.
    #[must_use]
    pub fn from_urn(urn: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.urn() == urn)
    }

    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Deprecated => "deprecated",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// From whom a document is kept: three independent flags (reference §1.12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Visibility {
    /// `MASQUE_PS`: masked to professionals.
    pub masked: bool,
    /// `INVISIBLE_PATIENT`: not yet shown to the holder.
    pub hidden_from_holder: bool,
    /// `INVISIBLE_REPRESENTANTS_LEGAUX`: not shown to a minor's legal representatives.
    pub hidden_from_representatives: bool,
}

impl Visibility {
    /// Reads the flags out of a document's confidentiality codes.
    #[must_use]
    pub fn of(codes: &[Code]) -> Self {
        let has = |code: &str| codes.iter().any(|c| c.is(code, VISIBILITY_SCHEME));
        Self {
            masked: has("MASQUE_PS"),
            hidden_from_holder: has("INVISIBLE_PATIENT"),
            hidden_from_representatives: has("INVISIBLE_REPRESENTANTS_LEGAUX"),
        }
    }
}

/// Whether an entry describes bytes that stand, or a document that is made when it is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Bytes that stand.
    #[default]
    Stable,
    /// Made on demand (ITI TF-1 §18.2.2): no hash, no size.
    OnDemand,
}

impl EntryKind {
    /// Whether it is the kind of nearly all.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        *self == Self::Stable
    }
}

/// Everything the registry knows of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentEntry {
    /// `urn:uuid:…`; changes with each version of the metadata.
    pub entry_uuid: String,
    /// `urn:uuid:…` of the first version of the metadata.
    pub logical_id: String,
    /// Version of the metadata, from 1.
    pub version: u32,
    /// Stable or on demand.
    #[serde(default, skip_serializing_if = "EntryKind::is_stable")]
    pub kind: EntryKind,
    /// The repository that holds the document, when it is another than this gateway's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Identifier of the document: a bare OID for the DMP.
    pub unique_id: String,
    /// State.
    pub status: AvailabilityStatus,
    /// The holder, as CX: checked against the space it stands in.
    pub patient_id: Cx,
    /// The sender's own number for the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_patient_id: Option<Cx>,
    /// The holder's traits as the sender knew them, one `PID-n|…` a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_patient_info: Vec<String>,
    /// Authors, the first being the main one.
    pub authors: Vec<Author>,
    /// Who takes responsibility for the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_authenticator: Option<Xcn>,
    /// Title, in each language given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub title: Vec<LocalizedText>,
    /// Comments, in each language given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<LocalizedText>,
    /// When the document was made.
    pub creation_time: Dtm,
    /// When the act it describes began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_start_time: Option<Dtm>,
    /// When that act ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_stop_time: Option<Dtm>,
    /// Language.
    pub language_code: String,
    /// MIME type of the body.
    pub mime_type: String,
    /// Class.
    pub class_code: Code,
    /// Kind.
    pub type_code: Code,
    /// Format.
    pub format_code: Code,
    /// Confidentiality and visibility codes.
    pub confidentiality_codes: Vec<Code>,
    /// Kind of facility the act took place in.
    pub healthcare_facility_type_code: Code,
    /// Practice setting.
    pub practice_setting_code: Code,
    /// Acts and conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_codes: Vec<Code>,
    /// Identifiers of other things it refers to (accession, order, study), as CXi.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_ids: Vec<Cx>,
    /// SHA-1 of the body, in hexadecimal, as XDS asks; empty for what is made on demand.
    pub hash: String,
    /// Bytes of the body.
    pub size: u64,
    /// Home community, when the sender gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// Slots the model has no field for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Slot>,
}

impl DocumentEntry {
    /// From whom it is kept.
    #[must_use]
    pub fn visibility(&self) -> Visibility {
        Visibility::of(&self.confidentiality_codes)
    }

    /// Whether it is the signature of a submission set, not a document of care.
    #[must_use]
    pub fn is_signature(&self) -> bool {
        self.type_code.is(SIGNATURE_TYPE.0, SIGNATURE_TYPE.1)
    }

    /// The entry of the signature of the set that this document came in, as the DMP's samples have it (reference §1.5):
    /// seen by nobody but its sender.
    #[must_use]
    pub fn signature_beside(&self, entry_uuid: String, unique_id: String, at: &Dtm) -> Self {
        let visible = |code: &str, label: &str| Code::new(code, VISIBILITY_SCHEME, label);
        Self {
            logical_id: entry_uuid.clone(),
            entry_uuid,
            version: 1,
            kind: EntryKind::Stable,
            unique_id,
            source_patient_info: Vec::new(),
            title: vec![LocalizedText {
                value: "Source".to_owned(),
                lang: Some("FR".to_owned()),
                charset: Some("UTF8".to_owned()),
            }],
            comments: Vec::new(),
            creation_time: at.clone(),
            language_code: "art".to_owned(),
            mime_type: "text/xml".to_owned(),
            class_code: Code::new("urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN", "Digital Signature"),
            type_code: Code::new(SIGNATURE_TYPE.0, SIGNATURE_TYPE.1, "Full Document"),
            format_code: Code::new("http://www.w3.org/2000/09/xmldsig#", "URN", "Default Signature Style"),
            confidentiality_codes: vec![
                Code::new("N", CONFIDENTIALITY_SCHEME, "Normal"),
                visible("MASQUE_PS", "Masqué aux professionnels de santé"),
                visible("INVISIBLE_PATIENT", "Non visible par le patient"),
            ],
            event_codes: vec![Code::new("1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12", "Source")],
            reference_ids: Vec::new(),
            hash: String::new(),
            size: 0,
            extra: Vec::new(),
            ..self.clone()
        }
    }
}

/// A submission set (*lot*): what was sent together (ITI TF-3 §4.2.3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionSet {
    /// `urn:uuid:…`.
    pub entry_uuid: String,
    /// Identifier of the set.
    pub unique_id: String,
    /// Identifier of the sending system.
    pub source_id: Oid,
    /// The holder, as CX.
    pub patient_id: Cx,
    /// State.
    pub status: AvailabilityStatus,
    /// When it was sent, as its sender says.
    pub submission_time: Dtm,
    /// Who sent it.
    pub authors: Vec<Author>,
    /// The activity it comes from.
    pub content_type_code: Code,
    /// Title.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub title: Vec<LocalizedText>,
    /// Comments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<LocalizedText>,
    /// For whom it was meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intended_recipients: Vec<String>,
    /// Home community, when the sender gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// Slots the model has no field for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Slot>,
}

/// A folder (*classeur*): documents put together for a purpose (ITI TF-3 §4.2.3.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// `urn:uuid:…`; changes with each version of the metadata.
    pub entry_uuid: String,
    /// `urn:uuid:…` of the first version of the metadata.
    pub logical_id: String,
    /// Version of the metadata, from 1.
    pub version: u32,
    /// Identifier of the folder.
    pub unique_id: String,
    /// The holder, as CX.
    pub patient_id: Cx,
    /// State.
    pub status: AvailabilityStatus,
    /// When something last went in: set by the registry.
    pub last_update: Dtm,
    /// What it is for.
    pub codes: Vec<Code>,
    /// Title.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub title: Vec<LocalizedText>,
    /// Comments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<LocalizedText>,
    /// Home community, when the sender gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// Slots the model has no field for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Slot>,
}

/// How two objects hang together (ITI TF-3 §4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssociationKind {
    /// A set (or folder) holds an object.
    HasMember,
    /// A document replaces another.
    Replace,
    /// A document completes another.
    Append,
    /// A document is another in another form.
    Transform,
    /// A document replaces another and is its transformation.
    TransformReplace,
    /// A signature signs.
    Signs,
    /// A stable snapshot of an on-demand document.
    IsSnapshotOf,
    /// A request to change the state of an object: carried out, never stored (ITI TF-2 §3.57.4.1.3.3.2).
    UpdateAvailabilityStatus,
    /// A request to link two objects that are there: carried out, never stored (ITI TF-2 §3.57.4.1.3.3.5).
    SubmitAssociation,
}

impl AssociationKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::HasMember,
        Self::Replace,
        Self::Append,
        Self::Transform,
        Self::TransformReplace,
        Self::Signs,
        Self::IsSnapshotOf,
        Self::UpdateAvailabilityStatus,
        Self::SubmitAssociation,
    ];

    /// The URN of XDS.
    #[must_use]
    pub const fn urn(self) -> &'static str {
        match self {
            Self::HasMember => "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember",
            Self::Replace => "urn:ihe:iti:2007:AssociationType:RPLC",
            Self::Append => "urn:ihe:iti:2007:AssociationType:APND",
            Self::Transform => "urn:ihe:iti:2007:AssociationType:XFRM",
            Self::TransformReplace => "urn:ihe:iti:2007:AssociationType:XFRM_RPLC",
            Self::Signs => "urn:ihe:iti:2007:AssociationType:signs",
            Self::IsSnapshotOf => "urn:ihe:iti:2010:AssociationType:IsSnapshotOf",
            Self::UpdateAvailabilityStatus => "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus",
            Self::SubmitAssociation => "urn:ihe:iti:2010:AssociationType:SubmitAssociation",
        }
    }

    /// Reads the URN of XDS.
    #[must_use]
    pub fn from_urn(urn: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.urn() == urn)
    }

    /// Whether the target is replaced, and therefore deprecated.
    #[must_use]
    pub const fn replaces(self) -> bool {
        matches!(self, Self::Replace | Self::TransformReplace)
    }

    /// Whether it is a link between documents (ITI TF-3 §4.2.2.2), from one that is put in.
    #[must_use]
    pub const fn relates(self) -> bool {
        matches!(
            self,
            Self::Replace | Self::Append | Self::Transform | Self::TransformReplace | Self::Signs | Self::IsSnapshotOf
        )
    }

    /// Whether it is an order of a metadata update, and not a link.
    #[must_use]
    pub const fn is_order(self) -> bool {
        matches!(self, Self::UpdateAvailabilityStatus | Self::SubmitAssociation)
    }
}

/// A link between two objects of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Association {
    /// `urn:uuid:…`.
    pub entry_uuid: String,
    /// How.
    pub kind: AssociationKind,
    /// `urn:uuid:…` of the source.
    pub source: String,
    /// `urn:uuid:…` of the target.
    pub target: String,
    /// State.
    pub status: AvailabilityStatus,
    /// Slots (`SubmissionSetStatus`, `PreviousVersion`…).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Slot>,
    /// Why the two are linked (ITI TF-3 Table 4.2.3.1-1, documentation classification).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<Code>,
}

impl Association {
    /// The one value of a slot.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<&str> {
        self.slots.iter().find(|s| s.name == name).and_then(|s| s.values.first()).map(String::as_str)
    }
}
