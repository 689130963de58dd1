//! The shapes of metadata attributes (ITI TF-3 §4.2.3.1.7 and the clause of each attribute): what can be said of one
//! value alone, each rule with its own cause. What a value must be among (a code in its set, the holder of the call) is
//! [`crate::submission`]'s.

use crate::{
    Author, Cause, DocumentEntry, Dtm, Folder, Oid, Refusal, SubmissionSet,
    hl7::{Cx, Xcn, Xon},
};

/// Collects what is wrong at one place.
pub(crate) struct Shapes<'a> {
    place: &'a str,
    wrong: &'a mut Vec<Refusal>,
}

impl<'a> Shapes<'a> {
    pub(crate) fn at(place: &'a str, wrong: &'a mut Vec<Refusal>) -> Self {
        Self { place, wrong }
    }

    fn hold(&mut self, kept: bool, cause: Cause, attribute: &str) {
        if !kept {
            self.wrong.push(Refusal::new(cause).at(self.place).about(attribute));
        }
    }

    /// What a new version of an entry may set whoever changes it: its identifier, and the community it says it is of.
    pub(crate) fn identifiers(&mut self, entry: &DocumentEntry) {
        self.hold(is_entry_uuid(&entry.entry_uuid), Cause::MetadataUuid, "entryUUID");
        self.home(entry.home.as_deref());
    }

    /// An entry of a document that is put in.
    pub(crate) fn entry(&mut self, entry: &DocumentEntry) {
        self.identifiers(entry);
        if let Some(id) = &entry.source_patient_id {
            self.hold(is_cx(id), Cause::MetadataPatientId, "sourcePatientId");
        }
        self.hold(
            entry.source_patient_info.iter().all(|line| is_patient_info(line)),
            Cause::MetadataPatientInfo,
            "sourcePatientInfo",
        );
        self.authors(&entry.authors);
        if let Some(person) = &entry.legal_authenticator {
            self.hold(is_person(person), Cause::MetadataPerson, "legalAuthenticator");
        }
        self.hold(entry.reference_ids.iter().all(is_reference), Cause::MetadataReferenceId, "referenceIdList");
        // That they are there is another rule.
        let said = |text: &str, is: fn(&str) -> bool| text.is_empty() || is(text);
        self.hold(said(&entry.language_code, is_language), Cause::MetadataLanguage, "languageCode");
        self.hold(said(&entry.mime_type, is_media_type), Cause::MetadataMediaType, "mimeType");
        let title = entry.title.first().map_or("", |t| t.value.as_str());
        self.hold(title.chars().count() <= TITLE, Cause::MetadataTitle, "title");
        let (start, stop) = (&entry.service_start_time, &entry.service_stop_time);
        let in_order = start.as_ref().zip(stop.as_ref()).is_none_or(|(start, stop)| start.first() <= stop.end());
        self.hold(in_order, Cause::MetadataPeriod, "serviceStopTime");
        if let Some(repository) = &entry.repository {
            self.hold(is_bare_oid(repository), Cause::MetadataOid, "repositoryUniqueId");
        }
        let mut availability = entry.extra.iter().filter(|s| s.name == "documentAvailability");
        let known = |value: &String| AVAILABILITIES.contains(&value.as_str());
        self.hold(
            availability.all(|s| s.values.iter().all(known)),
            Cause::MetadataAvailability,
            "documentAvailability",
        );
    }

    /// A submission set.
    pub(crate) fn set(&mut self, set: &SubmissionSet) {
        self.hold(is_entry_uuid(&set.entry_uuid), Cause::MetadataUuid, "XDSSubmissionSet.entryUUID");
        self.home(set.home.as_deref());
        self.authors(&set.authors);
        let sound = set.intended_recipients.iter().all(|r| is_recipient(r));
        self.hold(sound, Cause::MetadataRecipient, "intendedRecipient");
    }

    /// A folder.
    pub(crate) fn folder(&mut self, folder: &Folder) {
        self.hold(is_entry_uuid(&folder.entry_uuid), Cause::MetadataUuid, "XDSFolder.entryUUID");
        self.home(folder.home.as_deref());
    }

    fn home(&mut self, home: Option<&str>) {
        let sound = home.filter(|h| !h.is_empty()).is_none_or(|h| h.strip_prefix("urn:oid:").is_some_and(is_bare_oid));
        self.hold(sound, Cause::MetadataCommunity, "homeCommunityId");
    }

    fn authors(&mut self, authors: &[Author]) {
        for author in authors {
            self.hold(author.person.as_ref().is_none_or(is_person), Cause::MetadataPerson, "authorPerson");
            let sound = author.institutions.iter().all(is_organization);
            self.hold(sound, Cause::MetadataOrganization, "authorInstitution");
        }
    }
}

/// Longest title (CI-SIS Partage).
const TITLE: usize = 128;

const AVAILABILITIES: [&str; 2] =
    ["urn:ihe:iti:2010:DocumentAvailability:Online", "urn:ihe:iti:2010:DocumentAvailability:Offline"];

/// What the sender calls an object: a symbol of the message's own, or a UUID.
fn is_entry_uuid(id: &str) -> bool {
    let Some(uuid) = id.strip_prefix("urn:uuid:") else { return !id.is_empty() };
    let mut groups = uuid.split('-');
    let lengths = [8, 4, 4, 4, 12];
    let hex = |group: &str, length: usize| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit());
    lengths.iter().all(|&length| groups.next().is_some_and(|g| hex(g, length))) && groups.next().is_none()
}

fn is_bare_oid(text: &str) -> bool {
    !text.starts_with("urn:") && Oid::parse(text).is_ok()
}

/// An authority inside a component: `&<OID>&ISO`.
fn is_authority(component: &str) -> bool {
    let mut parts = component.split('&');
    let (_, oid, kind) = (parts.next(), parts.next(), parts.next());
    oid.is_some_and(is_bare_oid) && kind == Some("ISO") && parts.next().is_none()
}

/// `components` of a value, counted from one as HL7 does; an absent one is empty.
fn component(value: &str, number: usize) -> &str {
    value.split('^').nth(number - 1).unwrap_or_default()
}

fn is_cx(id: &Cx) -> bool {
    !component(&id.0, 1).is_empty() && is_authority(component(&id.0, 4))
}

fn is_reference(id: &Cx) -> bool {
    let authority = component(&id.0, 4);
    !component(&id.0, 1).is_empty()
        && (authority.is_empty() || is_authority(authority))
        && !component(&id.0, 5).is_empty()
}

fn is_person(person: &Xcn) -> bool {
    let authority = component(&person.0, 9);
    (1..=3).any(|n| !component(&person.0, n).is_empty()) && (authority.is_empty() || is_authority(authority))
}

fn is_organization(organization: &Xon) -> bool {
    let (authority, id) = (component(&organization.0, 6), component(&organization.0, 10));
    let needed = !id.is_empty() && !is_bare_oid(id);
    !component(&organization.0, 1).is_empty() && if authority.is_empty() { !needed } else { is_authority(authority) }
}

fn is_recipient(recipient: &str) -> bool {
    let mut parts = recipient.split('|');
    let (organization, person, address) = (parts.next(), parts.next(), parts.next());
    let said = |part: Option<&str>| part.filter(|p| !p.is_empty()).map(ToOwned::to_owned);
    let (organization, person) = (said(organization).map(Xon), said(person).map(Xcn));
    let any = organization.is_some() || person.is_some() || said(address).is_some();
    any && organization.as_ref().is_none_or(is_organization)
        && person.as_ref().is_none_or(is_person)
        && parts.next().is_none()
}

/// One value of `sourcePatientInfo`: `PID-<field>|<value>`.
fn is_patient_info(line: &str) -> bool {
    let Some((field, value)) = line.strip_prefix("PID-").and_then(|rest| rest.split_once('|')) else { return false };
    let Ok(field) = field.parse::<u8>() else { return false };
    match field {
        0 | 2 | 4 | 12 | 19 => false,
        3 => value.split('~').all(|id| id.is_empty() || is_cx(&Cx(id.to_owned()))),
        7 => value.is_empty() || Dtm::parse(value).is_ok(),
        8 => matches!(value, "" | "M" | "F" | "O" | "U" | "A" | "N" | "I"),
        _ => true,
    }
}

fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    let primary = (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
    let private = matches!(first, "x" | "i" | "X" | "I") && tag.len() > 2;
    (primary || private) && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_takes_what_is_sound_and_refuses_what_is_not() {
        type Rule = fn(&str) -> bool;
        let rules: [(Rule, &[&str], &[&str]); 10] = [
            (
                is_entry_uuid,
                &[
                    "Document01",
                    "urn:uuid:a6e06ca8-0c75-4064-9e5c-88b9045a96f6",
                    "urn:uuid:A6E06CA8-0C75-4064-9E5C-88B9045A96F6",
                ],
                &[
                    "",
                    "urn:uuid:",
                    "urn:uuid:a6e06ca8-0c75-4064-9e5c-88b9045a96f",
                    "urn:uuid:a6e06ca80c7540649e5c88b9045a96f6",
                    "urn:uuid:g6e06ca8-0c75-4064-9e5c-88b9045a96f6",
                ],
            ),
            (
                |t| is_cx(&Cx(t.into())),
                &["1^^^&1.2.3&ISO", "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"],
                &["", "1", "^^^&1.2.3&ISO", "1^^^1.2.3", "1^^^&1.2.3", "1^^^&x&ISO", "1^^^&1.2.3&ISO&x"],
            ),
            (
                |t| is_reference(&Cx(t.into())),
                &["7^^^&1.2.3&ISO^urn:ihe:iti:xds:2013:order", "7^^^^urn:ihe:iti:xds:2013:uniqueId"],
                &["7^^^&1.2.3&ISO", "^^^&1.2.3&ISO^x", "7^^^1.2.3^x"],
            ),
            (
                |t| is_person(&Xcn(t.into())),
                &["^DUPONT", "8012^^^^^^^^&1.2.3&ISO", "8012^A^B^^^^^^&1.2.3&ISO^D^^^IDNPS"],
                &["", "^^^Dr", "8012^A^B^^^^^^1.2.3", "8012^A^B^^^^^^&1.2.3&DNS"],
            ),
            (
                |t| is_organization(&Xon(t.into())),
                &["CHU", "CHU^^^^^^^^^1.2.3.4", "CHU^^^^^&1.2.3&ISO^IDNST^^^1750"],
                &["", "^^^^^&1.2.3&ISO^^^^12", "CHU^^^^^^^^^1750", "CHU^^^^^1.2.3^^^^1750"],
            ),
            (
                is_recipient,
                &["CHU", "|8012^A", "||^^Internet^a@example.org", "CHU|^A|^^Internet^a@b"],
                &["", "||", "CHU|^^^Dr", "CHU|^A|x|y", "^^^^|^A"],
            ),
            (
                is_patient_info,
                &["PID-5|A^B", "PID-3|1^^^&1.2.3&ISO~2^^^&1.2.3&ISO", "PID-7|19800101", "PID-8|F", "PID-8|"],
                &[
                    "PID-5",
                    "5|A",
                    "PID-x|A",
                    "PID-2|1",
                    "PID-4|1",
                    "PID-12|x",
                    "PID-19|x",
                    "PID-7|80-01-01",
                    "PID-8|X",
                    "PID-3|1",
                ],
            ),
            (is_language, &["fr", "fr-FR", "zh-Hant-TW", "x-klingon"], &["f", "fr_FR", "fr-", "français", "12"]),
            (
                is_media_type,
                &["text/xml", "application/fhir+json", "text/plain; charset=utf-8"],
                &["xml", "text/", "/xml", "text /xml", "a/b/c"],
            ),
            (|t| is_bare_oid(t), &["1.2.3"], &["urn:oid:1.2.3", "1.2.", "1.02"]),
        ];
        for (rule, sound, broken) in rules {
            for text in sound {
                assert!(rule(text), "{text:?} is sound");
            }
            for text in broken {
                assert!(!rule(text), "{text:?} is not");
            }
        }
    }
}
