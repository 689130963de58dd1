//! ebXML → model: a submission as it was sent, each thing with the place it stood at.

use std::collections::HashSet;

use space::{
    Association, AssociationKind, Author, AvailabilityStatus, Cause, Code, DocumentEntry, Dtm, EntryKind, Folder,
    LocalizedText, Oid, Refusal, Slot, Submission, SubmissionSet, SubmittedDocument, SubmittedFolder,
    hl7::{Cx, Xcn, Xon},
};
use wire_soap::ebxml::{
    self, Classification, Common, ExtrinsicObject, InternationalString, RegistryObject, RegistryObjectList,
    RegistryPackage,
};

use super::scheme;

type Result<T> = std::result::Result<T, Refusal>;

/// Reads a submission: one set, its documents, its folders, its links. Documents in a repository other than `own` keep
/// the name of theirs.
pub(crate) fn submission(objects: &RegistryObjectList, own: &str, at: &Dtm) -> Result<Submission> {
    let mut set = None;
    let mut documents = Vec::new();
    let mut folders = Vec::new();
    let mut associations = Vec::new();
    // Sets and folders may be marked by a classification of their own, beside the package.
    let marked = |package: &RegistryPackage, node: &str| {
        is_node(&package.common, node)
            || objects.0.iter().any(|object| {
                matches!(object, RegistryObject::Classification(mark)
                    if mark.node.as_deref() == Some(node) && mark.classified_object == package.common.id)
            })
    };
    for object in &objects.0 {
        match object {
            RegistryObject::RegistryPackage(package) if marked(package, scheme::FOLDER_NODE) => {
                folders.push(folder(package, at)?);
            }
            RegistryObject::RegistryPackage(package) => {
                if !marked(package, scheme::SET_NODE) {
                    return Err(missing(&package.common.place.0, "Classification of SubmissionSet"));
                }
                if set.replace(package).is_some() {
                    return Err(Refusal::new(Cause::OneSubmissionSet).at(object.place()));
                }
            }
            RegistryObject::ExtrinsicObject(entry) => {
                let slots = Slots::of_object(&entry.common)?;
                let read = document(entry, slots, own, at)?;
                if !read.announced_hash.as_deref().is_none_or(is_sha1) {
                    return Err(broken(Cause::MetadataHash, &read.place, "hash"));
                }
                documents.push(read);
            }
            RegistryObject::Association(link) => associations.push(association(link)?),
            RegistryObject::Classification(mark)
                if matches!(mark.node.as_deref(), Some(scheme::SET_NODE | scheme::FOLDER_NODE)) => {}
            // What is said of an object that is there already (ebRS); XDS needs none of it.
            RegistryObject::ObjectRef(_) => {}
            other => return Err(Refusal::new(Cause::MetadataObject).at(other.place())),
        }
    }
    let package = set.ok_or_else(|| Refusal::new(Cause::OneSubmissionSet).at("/RegistryObjectList"))?;
    Ok(Submission {
        set: submission_set(package)?,
        place: package.common.place.0.clone(),
        documents,
        folders,
        associations,
    })
}

fn missing(place: &str, what: &str) -> Refusal {
    Refusal::new(Cause::MetadataMissing).at(place).about(what)
}

fn broken(cause: Cause, place: &str, what: &str) -> Refusal {
    Refusal::new(cause).at(place).about(what)
}

/// Whether a text is a SHA-1 in hexadecimal.
fn is_sha1(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_node(common: &Common, node: &str) -> bool {
    common.classifications.iter().any(|c| c.node.as_deref() == Some(node))
}

/// Slots already read into a field of the model; what remains is kept as it is.
struct Slots<'a> {
    common: &'a Common,
    read: Vec<&'a str>,
}

impl<'a> Slots<'a> {
    fn new(common: &'a Common) -> Self {
        Self { common, read: Vec::new() }
    }

    /// The slots of something of the submission, none of them twice.
    fn once(common: &'a Common) -> Result<Self> {
        let mut names = HashSet::new();
        match common.slots.iter().find(|s| !names.insert(s.name.as_str())) {
            Some(twice) => Err(broken(Cause::MetadataRepeated, &common.place.0, &twice.name)),
            None => Ok(Self::new(common)),
        }
    }

    /// The same of an object, once it is known to be put together as ebRIM asks: what is said inside it is said of it, and
    /// once.
    fn of_object(common: &'a Common) -> Result<Self> {
        for classification in &common.classifications {
            Self::once(&classification.common)?;
        }
        let classified = common.classifications.iter().map(|c| (&c.classified_object, &c.common.place.0));
        let identified = common.external_identifiers.iter().map(|i| (&i.registry_object, &i.common.place.0));
        for (named, place) in classified.chain(identified) {
            // The schema asks for it; many leave it out where it can be but one.
            if !named.is_empty() && *named != common.id {
                return Err(Refusal::new(Cause::MetadataParent).at(place));
            }
        }
        Self::once(common)
    }

    fn values(&mut self, name: &'a str) -> Vec<String> {
        self.read.push(name);
        self.common.slot(name).map(|s| s.values.clone()).unwrap_or_default()
    }

    fn one(&mut self, name: &'a str) -> Result<Option<String>> {
        let values = self.values(name);
        if values.len() > 1 {
            return Err(broken(Cause::MetadataRepeated, &self.common.place.0, name));
        }
        Ok(values.into_iter().next().filter(|v| !v.is_empty()))
    }

    fn time(&mut self, name: &'a str) -> Result<Option<Dtm>> {
        let value = self.one(name)?;
        value.map(|v| Dtm::parse(&v).map_err(|_| broken(Cause::MetadataTime, &self.common.place.0, name))).transpose()
    }

    fn rest(self) -> Vec<Slot> {
        let unread = |s: &&ebxml::Slot| !self.read.contains(&s.name.as_str());
        self.common.slots.iter().filter(unread).map(slot).collect()
    }
}

fn slot(slot: &ebxml::Slot) -> Slot {
    Slot { name: slot.name.clone(), values: slot.values.clone() }
}

fn texts(text: Option<&InternationalString>) -> Vec<LocalizedText> {
    let one = |s: &ebxml::LocalizedString| LocalizedText {
        value: s.value.clone(),
        lang: s.lang.clone(),
        charset: s.charset.clone(),
    };
    text.map(|t| t.0.iter().map(one).collect()).unwrap_or_default()
}

fn classified<'a>(common: &'a Common, scheme: &str) -> impl Iterator<Item = &'a Classification> {
    let scheme = scheme.to_owned();
    common.classifications.iter().filter(move |c| c.scheme.as_deref() == Some(&scheme))
}

fn code(classification: &Classification) -> Result<Code> {
    let incomplete = |what: &str| broken(Cause::MetadataCode, &classification.common.place.0, what);
    let code = classification.node_representation.clone().filter(|c| !c.is_empty());
    let scheme = Slots::new(&classification.common).one("codingScheme")?;
    Ok(Code {
        code: code.ok_or_else(|| incomplete("nodeRepresentation"))?,
        scheme: scheme.ok_or_else(|| incomplete("codingScheme"))?,
        label: texts(classification.common.name.as_ref()),
    })
}

fn one_code(common: &Common, scheme: &str, attribute: &str) -> Result<Code> {
    let mut found = classified(common, scheme);
    let first = found.next().ok_or_else(|| missing(&common.place.0, attribute))?;
    match found.next() {
        None => code(first),
        Some(second) => Err(broken(Cause::MetadataRepeated, &second.common.place.0, attribute)),
    }
}

/// The same of an attribute that may be left out here: what is missing in the end, the rules of metadata tell.
fn said_code(common: &Common, scheme: &str, attribute: &str) -> Result<Code> {
    match classified(common, scheme).next() {
        None => Ok(Code::default()),
        Some(_) => one_code(common, scheme, attribute),
    }
}

fn codes(common: &Common, scheme: &str) -> Result<Vec<Code>> {
    classified(common, scheme).map(code).collect()
}

fn authors(common: &Common, scheme: &str) -> Result<Vec<Author>> {
    classified(common, scheme)
        .map(|classification| {
            let mut slots = Slots::new(&classification.common);
            Ok(Author {
                person: slots.one("authorPerson")?.map(Xcn),
                institutions: slots.values("authorInstitution").into_iter().map(Xon).collect(),
                roles: slots.values("authorRole"),
                specialties: slots.values("authorSpecialty"),
                telecoms: slots.values("authorTelecommunication"),
                extra: slots.rest(),
            })
        })
        .collect()
}

fn identifier(common: &Common, scheme: &str, attribute: &str) -> Result<String> {
    let mut found = common.external_identifiers.iter().filter(|i| i.scheme == scheme);
    let first = found.next().filter(|i| !i.value.is_empty()).ok_or_else(|| missing(&common.place.0, attribute))?;
    match found.next() {
        None => Ok(first.value.clone()),
        Some(second) => Err(broken(Cause::MetadataRepeated, &second.common.place.0, attribute)),
    }
}

/// An entry, by its slots.
fn document<'a>(object: &'a ExtrinsicObject, mut slots: Slots<'a>, own: &str, at: &Dtm) -> Result<SubmittedDocument> {
    let common = &object.common;
    let place = &common.place.0;
    let kind = match common.object_type.as_deref() {
        Some(scheme::STABLE_DOCUMENT) => EntryKind::Stable,
        Some(scheme::ON_DEMAND_DOCUMENT) => EntryKind::OnDemand,
        _ => return Err(broken(Cause::MetadataObject, place, "objectType")),
    };
    let announced_size = slots
        .one("size")?
        .map(|s| s.parse::<u64>().map_err(|_| broken(Cause::MetadataSize, place, "size")))
        .transpose()?;
    let announced_hash = slots.one("hash")?;
    let repository = slots.one("repositoryUniqueId")?.filter(|r| r != own);
    let made = slots.time("creationTime")?;
    // A document that is made when it is asked for has no instant of making: what stands is when it was registered.
    let made = if kind == EntryKind::OnDemand { Some(at.clone()) } else { made };
    let entry = DocumentEntry {
        entry_uuid: common.id.clone(),
        logical_id: common.lid.clone().unwrap_or_else(|| common.id.clone()),
        version: 1,
        kind,
        repository,
        unique_id: identifier(common, scheme::ENTRY_UNIQUE, "XDSDocumentEntry.uniqueId")?,
        status: AvailabilityStatus::Approved,
        patient_id: Cx(identifier(common, scheme::ENTRY_PATIENT, "XDSDocumentEntry.patientId")?),
        source_patient_id: slots.one("sourcePatientId")?.map(Cx),
        source_patient_info: slots.values("sourcePatientInfo"),
        authors: authors(common, scheme::ENTRY_AUTHOR)?,
        legal_authenticator: slots.one("legalAuthenticator")?.map(Xcn),
        title: texts(common.name.as_ref()),
        comments: texts(common.description.as_ref()),
        creation_time: made.ok_or_else(|| missing(place, "creationTime"))?,
        service_start_time: slots.time("serviceStartTime")?,
        service_stop_time: slots.time("serviceStopTime")?,
        language_code: slots.one("languageCode")?.unwrap_or_default(),
        mime_type: object.mime_type.clone().unwrap_or_default(),
        class_code: said_code(common, scheme::ENTRY_CLASS, "classCode")?,
        type_code: said_code(common, scheme::ENTRY_TYPE, "typeCode")?,
        format_code: said_code(common, scheme::ENTRY_FORMAT, "formatCode")?,
        confidentiality_codes: codes(common, scheme::ENTRY_CONFIDENTIALITY)?,
        healthcare_facility_type_code: said_code(common, scheme::ENTRY_FACILITY, "healthcareFacilityTypeCode")?,
        practice_setting_code: said_code(common, scheme::ENTRY_PRACTICE, "practiceSettingCode")?,
        event_codes: codes(common, scheme::ENTRY_EVENT)?,
        reference_ids: slots.values(scheme::REFERENCE_IDS).into_iter().map(Cx).collect(),
        hash: String::new(),
        size: 0,
        home: common.home.clone(),
        extra: slots.rest(),
    };
    Ok(SubmittedDocument { entry, place: place.clone(), announced_hash, announced_size })
}

/// An entry as another registry gives it back, with what a registry sets. How well it is put together is that registry's.
pub(crate) fn registered_entry(object: &ExtrinsicObject, at: &Dtm) -> Result<DocumentEntry> {
    let SubmittedDocument { mut entry, place, announced_hash, announced_size } =
        document(object, Slots::new(&object.common), "", at)?;
    let common = &object.common;
    entry.status = match common.status.as_deref() {
        Some(urn) => AvailabilityStatus::from_urn(urn)
            .ok_or_else(|| broken(Cause::MetadataInvalid, &place, "availabilityStatus"))?,
        None => return Err(missing(&place, "availabilityStatus")),
    };
    entry.version = common.version_name().and_then(|v| v.trim().parse().ok()).unwrap_or(1);
    entry.hash = announced_hash.unwrap_or_default();
    entry.size = announced_size.unwrap_or_default();
    Ok(entry)
}

fn submission_set(package: &RegistryPackage) -> Result<SubmissionSet> {
    let common = &package.common;
    let place = &common.place.0;
    let mut slots = Slots::of_object(common)?;
    let source = identifier(common, scheme::SET_SOURCE, "XDSSubmissionSet.sourceId")?;
    Ok(SubmissionSet {
        entry_uuid: common.id.clone(),
        unique_id: identifier(common, scheme::SET_UNIQUE, "XDSSubmissionSet.uniqueId")?,
        source_id: Oid::parse(&source).map_err(|_| broken(Cause::MetadataOid, place, "XDSSubmissionSet.sourceId"))?,
        patient_id: Cx(identifier(common, scheme::SET_PATIENT, "XDSSubmissionSet.patientId")?),
        status: AvailabilityStatus::Approved,
        submission_time: slots.time("submissionTime")?.ok_or_else(|| missing(place, "submissionTime"))?,
        authors: authors(common, scheme::SET_AUTHOR)?,
        content_type_code: one_code(common, scheme::SET_CONTENT_TYPE, "contentTypeCode")?,
        title: texts(common.name.as_ref()),
        comments: texts(common.description.as_ref()),
        intended_recipients: slots.values("intendedRecipient"),
        home: common.home.clone(),
        extra: slots.rest(),
    })
}

fn folder(package: &RegistryPackage, at: &Dtm) -> Result<SubmittedFolder> {
    let common = &package.common;
    let mut slots = Slots::of_object(common)?;
    // The registry's own, whatever the sender says.
    slots.values("lastUpdateTime");
    let folder = Folder {
        entry_uuid: common.id.clone(),
        logical_id: common.lid.clone().unwrap_or_else(|| common.id.clone()),
        version: 1,
        unique_id: identifier(common, scheme::FOLDER_UNIQUE, "XDSFolder.uniqueId")?,
        patient_id: Cx(identifier(common, scheme::FOLDER_PATIENT, "XDSFolder.patientId")?),
        status: AvailabilityStatus::Approved,
        last_update: at.clone(),
        codes: codes(common, scheme::FOLDER_CODE)?,
        title: texts(common.name.as_ref()),
        comments: texts(common.description.as_ref()),
        home: common.home.clone(),
        extra: slots.rest(),
    };
    Ok(SubmittedFolder { folder, place: common.place.0.clone() })
}

fn association(link: &ebxml::Association) -> Result<(Association, String)> {
    let place = link.common.place.0.clone();
    let kind = AssociationKind::from_urn(&link.association_type)
        .ok_or_else(|| broken(Cause::AssociationType, &place, "associationType"))?;
    let slots = Slots::once(&link.common)?.rest();
    let documentation = classified(&link.common, scheme::ASSOCIATION_DOCUMENTATION).next().map(code).transpose()?;
    let association = Association {
        entry_uuid: link.common.id.clone(),
        kind,
        source: link.source.clone(),
        target: link.target.clone(),
        status: AvailabilityStatus::Approved,
        slots,
        documentation,
    };
    Ok((association, place))
}
