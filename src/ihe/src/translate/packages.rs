//! Model → ebXML: sets, folders and links, of which an answer has few.

use space::{Association, Author, Code, Folder, LocalizedText, SubmissionSet};
use wire_soap::ebxml::{
    self, Classification, Common, ExternalIdentifier, InternationalString, LocalizedString, RegistryPackage, Slot,
    VersionInfo,
};

use super::scheme;

/// Object type of a registry package (ebRIM).
const PACKAGE: &str = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:RegistryPackage";
/// Object type of an association (ebRIM).
const ASSOCIATION: &str = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Association";

/// Parts of one object under construction: each gets the object's id with a number, as nobody refers to it.
struct Parts<'a> {
    id: &'a str,
    count: usize,
    common: Common,
}

impl<'a> Parts<'a> {
    fn of(id: &'a str, object_type: &str, status: &str, home: Option<&String>) -> Self {
        let common = Common {
            id: id.to_owned(),
            home: home.cloned(),
            lid: Some(id.to_owned()),
            object_type: Some(object_type.to_owned()),
            status: Some(status.to_owned()),
            ..Common::default()
        };
        Self { id, count: 0, common }
    }

    fn part(&mut self) -> Common {
        self.count += 1;
        Common { id: format!("{}-{}", self.id, self.count), ..Common::default() }
    }

    fn texts(&mut self, title: &[LocalizedText], comments: &[LocalizedText]) {
        self.common.name = texts(title);
        self.common.description = texts(comments);
    }

    fn node(&mut self, node: &str) {
        let common = self.part();
        self.common.classifications.push(Classification {
            common,
            node: Some(node.to_owned()),
            classified_object: self.id.to_owned(),
            ..Classification::default()
        });
    }

    fn author(&mut self, scheme: &str, author: &Author) {
        let mut common = self.part();
        let mut slot = |name: &str, values: Vec<&str>| {
            if !values.is_empty() {
                common.slots.push(Slot::new(name, values));
            }
        };
        slot("authorInstitution", author.institutions.iter().map(|i| i.0.as_str()).collect());
        slot("authorPerson", author.person.iter().map(|p| p.0.as_str()).collect());
        slot("authorRole", author.roles.iter().map(String::as_str).collect());
        slot("authorSpecialty", author.specialties.iter().map(String::as_str).collect());
        slot("authorTelecommunication", author.telecoms.iter().map(String::as_str).collect());
        common.slots.extend(author.extra.iter().map(kept));
        self.common.classifications.push(Classification {
            common,
            scheme: Some(scheme.to_owned()),
            classified_object: self.id.to_owned(),
            node_representation: Some(String::new()),
            ..Classification::default()
        });
    }

    fn code(&mut self, scheme: &str, code: &Code) {
        let mut common = self.part();
        common.slots.push(Slot::new("codingScheme", [code.scheme.as_str()]));
        common.name = texts(&code.label);
        self.common.classifications.push(Classification {
            common,
            scheme: Some(scheme.to_owned()),
            classified_object: self.id.to_owned(),
            node_representation: Some(code.code.clone()),
            ..Classification::default()
        });
    }

    fn identifier(&mut self, scheme: &str, name: &str, value: &str) {
        let mut common = self.part();
        common.name =
            Some(InternationalString(vec![LocalizedString { value: name.to_owned(), ..LocalizedString::default() }]));
        self.common.external_identifiers.push(ExternalIdentifier {
            common,
            scheme: scheme.to_owned(),
            registry_object: self.id.to_owned(),
            value: value.to_owned(),
        });
    }
}

fn texts(texts: &[LocalizedText]) -> Option<InternationalString> {
    let one = |t: &LocalizedText| LocalizedString {
        value: t.value.clone(),
        lang: t.lang.clone(),
        charset: t.charset.clone(),
    };
    (!texts.is_empty()).then(|| InternationalString(texts.iter().map(one).collect()))
}

fn kept(slot: &space::Slot) -> Slot {
    Slot::new(&slot.name, &slot.values)
}

/// A submission set as the registry gives it back.
pub(crate) fn submission_set(set: &SubmissionSet) -> RegistryPackage {
    let mut parts = Parts::of(&set.entry_uuid, PACKAGE, set.status.urn(), set.home.as_ref());
    parts.common.slots.push(Slot::new("submissionTime", [set.submission_time.as_str()]));
    if !set.intended_recipients.is_empty() {
        parts.common.slots.push(Slot::new("intendedRecipient", &set.intended_recipients));
    }
    parts.common.slots.extend(set.extra.iter().map(kept));
    parts.texts(&set.title, &set.comments);
    parts.node(scheme::SET_NODE);
    for author in &set.authors {
        parts.author(scheme::SET_AUTHOR, author);
    }
    parts.code(scheme::SET_CONTENT_TYPE, &set.content_type_code);
    parts.identifier(scheme::SET_PATIENT, "XDSSubmissionSet.patientId", &set.patient_id.0);
    parts.identifier(scheme::SET_SOURCE, "XDSSubmissionSet.sourceId", set.source_id.as_str());
    parts.identifier(scheme::SET_UNIQUE, "XDSSubmissionSet.uniqueId", &set.unique_id);
    RegistryPackage { common: parts.common, members: None }
}

/// A folder as the registry gives it back.
pub(crate) fn folder(folder: &Folder) -> RegistryPackage {
    let mut parts = Parts::of(&folder.entry_uuid, PACKAGE, folder.status.urn(), folder.home.as_ref());
    parts.common.lid = Some(folder.logical_id.clone());
    parts.common.slots.push(Slot::new("lastUpdateTime", [folder.last_update.as_str()]));
    parts.common.slots.extend(folder.extra.iter().map(kept));
    parts.texts(&folder.title, &folder.comments);
    parts.common.version_info = Some(VersionInfo { version_name: Some(folder.version.to_string()), comment: None });
    parts.node(scheme::FOLDER_NODE);
    for code in &folder.codes {
        parts.code(scheme::FOLDER_CODE, code);
    }
    parts.identifier(scheme::FOLDER_PATIENT, "XDSFolder.patientId", &folder.patient_id.0);
    parts.identifier(scheme::FOLDER_UNIQUE, "XDSFolder.uniqueId", &folder.unique_id);
    RegistryPackage { common: parts.common, members: None }
}

/// A link as the registry gives it back.
pub(crate) fn association(link: &Association) -> ebxml::Association {
    let mut parts = Parts::of(&link.entry_uuid, ASSOCIATION, link.status.urn(), None);
    parts.common.slots.extend(link.slots.iter().map(kept));
    if let Some(code) = &link.documentation {
        parts.code(scheme::ASSOCIATION_DOCUMENTATION, code);
    }
    ebxml::Association {
        common: parts.common,
        association_type: link.kind.urn().to_owned(),
        source: link.source.clone(),
        target: link.target.clone(),
    }
}
