//! What is put in together, and the rules it must keep before the registry looks at it: French metadata rules of
//! CI-SIS *Partage de documents de santé* on top of ITI TF-3 §4.2.3 (reference §3.2, §3.3).

use std::collections::HashSet;

use terminology::{Terminology, ValueSet};

use crate::{
    cause::{Cause, Refusal},
    code::Code,
    document::{Association, AssociationKind, CONFIDENTIALITY_SCHEME, DocumentEntry, Folder, SubmissionSet},
    ins::{Ins, InsTolerance},
    oid::Oid,
    shape::Shapes,
};

/// A document of a submission: its entry and where in the message it was described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedDocument {
    /// The entry. Its `entry_uuid` may still be symbolic (`Document01`): the desk gives it a UUID.
    pub entry: DocumentEntry,
    /// XPath or FHIRPath of the entry in the message.
    pub place: String,
    /// Hash the sender announced, when it did.
    pub announced_hash: Option<String>,
    /// Size the sender announced, when it did.
    pub announced_size: Option<u64>,
}

impl SubmittedDocument {
    /// Checks all that can be checked of one document's metadata.
    #[must_use]
    pub fn check(&self, terms: &Terminology, rules: SubmissionRules) -> Vec<Refusal> {
        let mut wrong = Vec::new();
        EntryCheck { terms, rules, document: self, wrong: &mut wrong }.all();
        wrong
    }
}

/// A folder of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedFolder {
    /// The folder. Its `entry_uuid` may still be symbolic.
    pub folder: Folder,
    /// Where it stood in the message.
    pub place: String,
}

/// A set of documents with what holds them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The set.
    pub set: SubmissionSet,
    /// XPath or FHIRPath of the set in the message.
    pub place: String,
    /// The documents, signature included.
    pub documents: Vec<SubmittedDocument>,
    /// The folders.
    pub folders: Vec<SubmittedFolder>,
    /// The links, each with its place.
    pub associations: Vec<(Association, String)>,
}

/// What a gateway may decide about the rules of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmissionRules {
    /// Which wrong INS keys pass.
    pub ins_tolerance: InsTolerance,
    /// Whether a document may be masked to professionals and hidden from the holder at once (DMP parameter
    /// `cumul-invisible_patient-masque_ps`, off by default).
    pub allow_masked_and_hidden: bool,
}

impl Submission {
    /// Checks everything that can be checked without the registry. All that is wrong is told at once.
    ///
    /// # Errors
    /// Every rule broken, each with its place.
    pub fn check(&self, terms: &Terminology, rules: SubmissionRules) -> Result<Ins, Vec<Refusal>> {
        let mut wrong = Vec::new();
        let ins = Ins::parse_cx(&self.set.patient_id.0, rules.ins_tolerance)
            .map_err(|r| wrong.push(r.at(&self.place).about("XDSSubmissionSet.patientId")))
            .ok();
        if self.is_empty() {
            wrong.push(Refusal::new(Cause::EmptySubmission).at(&self.place));
        }
        self.check_set(terms, &mut wrong);
        for document in &self.documents {
            let mut check = EntryCheck { terms, rules, document, wrong: &mut wrong };
            check.all();
            if let Some(ins) = &ins {
                check.patient(ins);
            }
        }
        for folder in &self.folders {
            check_folder(folder, ins.as_ref(), rules, &mut wrong);
        }
        self.check_unique_ids(&mut wrong);
        self.check_members(&mut wrong);
        match ins {
            Some(ins) if wrong.is_empty() => Ok(ins),
            _ => Err(wrong),
        }
    }

    /// Checks an update of metadata (ITI-57): each entry and folder in its new version, the set, and what orders it.
    /// Whether what is changed is there, and may be, the registry says.
    ///
    /// # Errors
    /// Every rule broken, each with its place.
    pub fn check_update(&self, terms: &Terminology, rules: SubmissionRules) -> Result<Ins, Vec<Refusal>> {
        let mut wrong = Vec::new();
        let ins = Ins::parse_cx(&self.set.patient_id.0, rules.ins_tolerance)
            .map_err(|r| wrong.push(r.at(&self.place).about("XDSSubmissionSet.patientId")))
            .ok();
        self.check_set(terms, &mut wrong);
        for document in &self.documents {
            // What was accepted once is not held against an update that leaves it: only what an update may break is
            // looked at.
            let mut check = EntryCheck { terms, rules, document, wrong: &mut wrong };
            check.confidentiality(&document.entry);
            Shapes::at(&document.place, check.wrong).identifiers(&document.entry);
            if let Some(ins) = &ins {
                check.patient(ins);
            }
        }
        for folder in &self.folders {
            check_folder(folder, ins.as_ref(), rules, &mut wrong);
        }
        self.check_unique_ids(&mut wrong);
        match ins {
            Some(ins) if wrong.is_empty() => Ok(ins),
            _ => Err(wrong),
        }
    }

    /// Whether nothing is put in: no document of care, no folder, no link to what is there.
    fn is_empty(&self) -> bool {
        self.documents.iter().all(|d| d.entry.is_signature())
            && self.folders.is_empty()
            && !self.associations.iter().any(|(a, _)| self.is_outside(&a.target))
    }

    /// Whether an identifier is of something that is not in this message.
    fn is_outside(&self, id: &str) -> bool {
        id.starts_with("urn:uuid:")
            && self.set.entry_uuid != id
            && !self.documents.iter().any(|d| d.entry.entry_uuid == id)
            && !self.folders.iter().any(|f| f.folder.entry_uuid == id)
            && !self.associations.iter().any(|(a, _)| a.entry_uuid == id)
    }

    fn check_set(&self, terms: &Terminology, wrong: &mut Vec<Refusal>) {
        let set = &self.set;
        if Oid::parse(&set.unique_id).is_err() {
            wrong.push(Refusal::new(Cause::UniqueIdInvalid).at(&self.place).about("XDSSubmissionSet.uniqueId"));
        }
        if set.authors.is_empty() {
            wrong.push(Refusal::new(Cause::MetadataMissing).at(&self.place).about("XDSSubmissionSet.author"));
        }
        in_set(&terms.content_types, &set.content_type_code, "contentTypeCode", &self.place, wrong);
        Shapes::at(&self.place, wrong).set(set);
    }

    fn check_unique_ids(&self, wrong: &mut Vec<Refusal>) {
        let mut seen = HashSet::from([self.set.unique_id.as_str()]);
        let mut entries = HashSet::from([self.set.entry_uuid.as_str()]);
        let documents = self.documents.iter().map(|d| (&d.entry.unique_id, &d.entry.entry_uuid, &d.place));
        let folders = self.folders.iter().map(|f| (&f.folder.unique_id, &f.folder.entry_uuid, &f.place));
        for (unique, uuid, place) in documents.chain(folders) {
            let duplicate = !seen.insert(unique) || !entries.insert(uuid);
            if duplicate {
                wrong.push(Refusal::new(Cause::DuplicateUniqueIdInMessage).at(place));
            }
        }
    }

    /// Every link starts and ends where its kind says (ITI TF-3 Table 4.2.2-1), and everything is in the set.
    fn check_members(&self, wrong: &mut Vec<Refusal>) {
        let documents: HashSet<&str> = self.documents.iter().map(|d| d.entry.entry_uuid.as_str()).collect();
        let folders: HashSet<&str> = self.folders.iter().map(|f| f.folder.entry_uuid.as_str()).collect();
        let links: HashSet<&str> = self.associations.iter().map(|(a, _)| a.entry_uuid.as_str()).collect();
        let set = self.set.entry_uuid.as_str();
        let mut members = HashSet::new();
        for (association, place) in &self.associations {
            let mut bad = |cause, what: &str| wrong.push(Refusal::new(cause).at(place).about(what));
            let (source, target) = (association.source.as_str(), association.target.as_str());
            match association.kind {
                AssociationKind::HasMember if source == set => {
                    let status = association.slot("SubmissionSetStatus");
                    if documents.contains(target) || folders.contains(target) {
                        members.insert(target);
                        // Of what is no entry nothing is said; of an entry it must be.
                        if documents.contains(target) && status != Some("Original") {
                            bad(Cause::SubmissionSetStatus, "SubmissionSetStatus");
                        }
                    } else if !links.contains(target) && !self.is_outside(target) {
                        bad(Cause::UnknownAssociationTarget, "targetObject");
                    } else if self.is_outside(target) && status.is_some_and(|s| s != "Reference") {
                        bad(Cause::SubmissionSetStatus, "SubmissionSetStatus");
                    }
                }
                AssociationKind::HasMember => {
                    if !folders.contains(source) && !self.is_outside(source) {
                        bad(Cause::UnknownAssociationTarget, "sourceObject");
                    }
                    if !documents.contains(target) && !self.is_outside(target) {
                        bad(Cause::UnknownAssociationTarget, "targetObject");
                    }
                }
                AssociationKind::UpdateAvailabilityStatus | AssociationKind::SubmitAssociation => {
                    bad(Cause::AssociationType, "associationType (ITI-57)");
                }
                AssociationKind::Signs if target == set || documents.contains(target) => {
                    if !documents.contains(source) {
                        bad(Cause::UnknownAssociationTarget, "sourceObject");
                    }
                }
                _ => {
                    if !documents.contains(source) {
                        bad(Cause::UnknownAssociationTarget, "sourceObject");
                    }
                    if !self.is_outside(target) {
                        bad(Cause::UnknownAssociationTarget, "targetObject");
                    }
                }
            }
        }
        let documents = self.documents.iter().map(|d| (d.entry.entry_uuid.as_str(), &d.place));
        let folders = self.folders.iter().map(|f| (f.folder.entry_uuid.as_str(), &f.place));
        for (id, place) in documents.chain(folders) {
            if !members.contains(id) {
                wrong.push(Refusal::new(Cause::NotInSet).at(place));
            }
        }
    }
}

/// What a folder must say (ITI TF-3 Table 4.2.3.4-1).
fn check_folder(submitted: &SubmittedFolder, ins: Option<&Ins>, rules: SubmissionRules, wrong: &mut Vec<Refusal>) {
    let SubmittedFolder { folder, place } = submitted;
    let mut refuse = |cause, what: &str| wrong.push(Refusal::new(cause).at(place).about(what));
    if Oid::parse(&folder.unique_id).is_err() {
        refuse(Cause::UniqueIdInvalid, "XDSFolder.uniqueId");
    }
    if folder.codes.is_empty() {
        refuse(Cause::MetadataMissing, "XDSFolder.codeList");
    }
    if folder.title.first().is_none_or(|t| t.value.is_empty()) {
        refuse(Cause::MetadataMissing, "XDSFolder.title");
    }
    Shapes::at(place, wrong).folder(folder);
    match (Ins::parse_cx(&folder.patient_id.0, rules.ins_tolerance), ins) {
        (Ok(found), Some(ins)) if found != *ins => {
            wrong.push(Refusal::new(Cause::PatientMismatch).at(place).about("XDSFolder.patientId"));
        }
        (Ok(_), _) => {}
        (Err(refusal), _) => wrong.push(refusal.at(place).about("XDSFolder.patientId")),
    }
}

fn in_set(set: &ValueSet, code: &Code, attribute: &str, place: &str, wrong: &mut Vec<Refusal>) {
    if code.code.is_empty() {
        wrong.push(Refusal::new(Cause::MetadataMissing).at(place).about(attribute));
    } else if !set.contains(&code.code, &code.scheme) {
        wrong.push(Refusal::new(Cause::CodeUnknown).at(place).about(attribute));
    }
}

struct EntryCheck<'a> {
    terms: &'a Terminology,
    rules: SubmissionRules,
    document: &'a SubmittedDocument,
    wrong: &'a mut Vec<Refusal>,
}

impl EntryCheck<'_> {
    fn refuse(&mut self, cause: Cause, about: &str) {
        self.wrong.push(Refusal::new(cause).at(&self.document.place).about(about));
    }

    fn all(&mut self) {
        let entry = &self.document.entry;
        if Oid::parse(&entry.unique_id).is_err() || entry.unique_id.starts_with("urn:") {
            self.refuse(Cause::UniqueIdInvalid, "XDSDocumentEntry.uniqueId");
        }
        Shapes::at(&self.document.place, self.wrong).entry(entry);
        self.kind(entry);
        self.mandatory(entry);
        let place = &self.document.place;
        in_set(&self.terms.formats, &entry.format_code, "formatCode", place, self.wrong);
        in_set(
            &self.terms.facilities,
            &entry.healthcare_facility_type_code,
            "healthcareFacilityTypeCode",
            place,
            self.wrong,
        );
        in_set(&self.terms.settings, &entry.practice_setting_code, "practiceSettingCode", place, self.wrong);
        self.confidentiality(entry);
    }

    fn kind(&mut self, entry: &DocumentEntry) {
        if entry.type_code.code.is_empty() {
            return self.refuse(Cause::MetadataMissing, "typeCode");
        }
        match self.terms.types.get(&entry.type_code.code) {
            Some(kind) if kind.scheme == entry.type_code.scheme => {
                if !kind.may_be_written {
                    self.refuse(Cause::WithdrawnDocumentType, "typeCode");
                }
                if kind.class.as_ref().is_some_and(|class| *class != entry.class_code.code) {
                    self.refuse(Cause::ClassMismatch, "classCode");
                }
            }
            _ => self.refuse(Cause::UnknownDocumentType, "typeCode"),
        }
        in_set(&self.terms.classes, &entry.class_code, "classCode", &self.document.place, self.wrong);
    }

    fn mandatory(&mut self, entry: &DocumentEntry) {
        let author_ok = entry.authors.iter().any(|a| a.person.is_some() || !a.institutions.is_empty());
        let title = entry.title.first().map_or("", |t| t.value.as_str());
        let checks = [
            (author_ok, "author"),
            (entry.legal_authenticator.is_some(), "legalAuthenticator"),
            (!title.is_empty(), "title"),
            (entry.service_start_time.is_some(), "serviceStartTime"),
            (entry.source_patient_id.is_some(), "sourcePatientId"),
            (!entry.language_code.is_empty(), "languageCode"),
            (!entry.mime_type.is_empty(), "mimeType"),
        ];
        for (present, attribute) in checks {
            if !present {
                self.refuse(Cause::MetadataMissing, attribute);
            }
        }
    }

    fn confidentiality(&mut self, entry: &DocumentEntry) {
        if !entry.confidentiality_codes.iter().any(|c| c.scheme == CONFIDENTIALITY_SCHEME) {
            self.refuse(Cause::MetadataMissing, "confidentialityCode");
        }
        for code in &entry.confidentiality_codes {
            in_set(&self.terms.confidentialities, code, "confidentialityCode", &self.document.place, self.wrong);
        }
        let visibility = entry.visibility();
        // The signature of a set is for machines: samples of the DMP both mask and hide it.
        let conflict = visibility.masked && visibility.hidden_from_holder && !entry.is_signature();
        if conflict && !self.rules.allow_masked_and_hidden {
            self.refuse(Cause::VisibilityConflict, "confidentialityCode");
        }
    }

    fn patient(&mut self, ins: &Ins) {
        match Ins::parse_cx(&self.document.entry.patient_id.0, self.rules.ins_tolerance) {
            Ok(found) if found == *ins => {}
            Ok(_) => self.refuse(Cause::PatientMismatch, "XDSDocumentEntry.patientId"),
            Err(refusal) => {
                self.wrong.push(refusal.at(&self.document.place).about("XDSDocumentEntry.patientId"));
            }
        }
    }
}
