//! Whether a header and the metadata of its document say the same (DocumentEntry, column "CDA origin").
//!
//! What one of the two leaves out contradicts nothing: absence is judged by the rules of each.

use space::{Code, DocumentEntry, Dtm, hl7::Xcn};

use crate::{
    header::{At, Body, Concept, Header, Identifier, Party},
    rules::{Finding, Rules},
    time::Time,
};

/// Every point on which a header and an entry disagree, in the order of the entry's attributes.
#[must_use]
pub fn consistency(header: &Header, entry: &DocumentEntry, rules: &Rules) -> Vec<Finding> {
    let mut compare = Compare { rules, found: Vec::new() };
    let unique = |id: &Identifier| id.to_xds() == entry.unique_id || entry.unique_id == format!("urn:oid:{}", id.root);
    compare.one("xds-unique-id", header.id.as_ref(), unique);
    compare.patient(header, entry);
    compare.authors(header, entry);
    if let (Some(legal), Some(person)) = (&header.legal_authenticator, &entry.legal_authenticator) {
        compare.person("xds-legal-authenticator", legal, [person]);
    }
    if !entry.title.is_empty() {
        let words = |t: &str| t.split_whitespace().collect::<Vec<_>>().join(" ");
        compare.one("xds-title", header.title.as_ref(), |title| entry.title.iter().any(|t| words(&t.value) == *title));
    }
    compare.time("xds-creation-time", header.effective_time.as_ref(), Some(&entry.creation_time));
    let main = header.main_event().map(|e| &e.value);
    compare.time("xds-service-start", main.and_then(|e| e.low.as_ref()), entry.service_start_time.as_ref());
    compare.time("xds-service-stop", main.and_then(|e| e.high.as_ref()), entry.service_stop_time.as_ref());
    compare.one("xds-language", header.language.as_ref(), |language| *language == entry.language_code);
    compare.code("xds-type", header.code.as_ref(), [&entry.type_code]);
    // Masks stand in the metadata only, in any order: the header's one value is among them.
    compare.code("xds-confidentiality", header.confidentiality.as_ref(), &entry.confidentiality_codes);
    compare.code("xds-facility", header.facility.as_ref(), [&entry.healthcare_facility_type_code]);
    compare.code("xds-setting", main.and_then(|e| e.setting()), [&entry.practice_setting_code]);
    compare.format(header, entry);
    compare.found
}

/// Whether the header and the set agree on what the document replaces; `replaced` is the uniqueId of the entry that
/// the set replaces with it.
#[must_use]
pub fn replacement(header: &Header, replaced: Option<&str>, rules: &Rules) -> Vec<Finding> {
    let says = header.replaces();
    match (says, replaced) {
        (Some(id), Some(replaced)) if id.value.to_xds() == replaced => Vec::new(),
        (None, None) => Vec::new(),
        (Some(id), _) => vec![rules.finding("xds-replaces", &*id.place)],
        (None, Some(_)) => {
            vec![rules.finding("xds-replaces", format!("{}/relatedDocument", header.root().place()))]
        }
    }
}

/// Whether a header can be the next version of another: same `setId`, greater `versionNumber`.
#[must_use]
pub fn succession(new: &Header, old: &Header, rules: &Rules) -> Vec<Finding> {
    let mut compare = Compare { rules, found: Vec::new() };
    if let Some(old) = &old.set_id {
        compare.one("xds-set-id", new.set_id.as_ref(), |set| *set == old.value);
    }
    if let Some(old) = &old.version {
        compare.one("xds-version", new.version.as_ref(), |version| *version > old.value);
    }
    compare.found
}

/// Whether an XCN is this identifier: number and authority, or the bare OID of a system.
fn is_person(id: &Identifier, person: &Xcn) -> bool {
    match &id.extension {
        Some(extension) => person.id() == Some(extension) && person.authority() == Some(&id.root),
        None => person.id() == Some(&id.root),
    }
}

struct Compare<'r> {
    rules: &'r Rules,
    found: Vec<Finding>,
}

impl Compare<'_> {
    fn say(&mut self, rule: &str, place: &str) {
        self.found.push(self.rules.finding(rule, place));
    }

    fn one<T>(&mut self, rule: &str, value: Option<&At<T>>, agrees: impl FnOnce(&T) -> bool) {
        if let Some(At { value, place }) = value
            && !agrees(value)
        {
            self.say(rule, place);
        }
    }

    fn time(&mut self, rule: &str, time: Option<&At<Time>>, utc: Option<&Dtm>) {
        // A time without offset has no moment to compare: the rule on the header says so.
        if let (Some(time), Some(utc)) = (time.filter(|t| t.value.to_utc().is_some()), utc) {
            self.one(rule, Some(time), |t| t.agrees(utc));
        }
    }

    fn code<'c>(&mut self, rule: &str, concept: Option<&At<Concept>>, codes: impl IntoIterator<Item = &'c Code>) {
        self.one(rule, concept, |concept| codes.into_iter().any(|c| c.is(&concept.code, &concept.system)));
    }

    fn patient(&mut self, header: &Header, entry: &DocumentEntry) {
        let Some(patient) = &header.patient else { return };
        let stands = |cx: &space::hl7::Cx| {
            let is = |id: &Identifier| {
                id.extension.as_deref().unwrap_or_default() == cx.id().unwrap_or_default()
                    && cx.authority() == Some(&id.root)
            };
            patient.value.ids.iter().any(|id| is(&id.value))
        };
        if !stands(&entry.patient_id) {
            self.say("xds-patient", &patient.place);
        }
        if entry.source_patient_id.as_ref().is_some_and(|cx| !stands(cx)) {
            self.say("xds-source-patient", &patient.place);
        }
    }

    fn authors(&mut self, header: &Header, entry: &DocumentEntry) {
        let persons = || entry.authors.iter().filter_map(|a| a.person.as_ref());
        if persons().next().is_none() {
            return;
        }
        for author in &header.authors {
            self.person("xds-author", author, persons());
            self.institution(author, entry);
        }
        let known: Vec<_> = header.authors.iter().flat_map(|a| &a.value.ids).collect();
        let beyond = |person: &Xcn| !known.is_empty() && !known.iter().any(|id| is_person(&id.value, person));
        if persons().any(beyond) {
            self.say("xds-author-beyond", &format!("{}/author", header.root().place()));
        }
    }

    fn person<'p>(&mut self, rule: &str, party: &At<Party>, persons: impl IntoIterator<Item = &'p Xcn>) {
        let ids = &party.value.ids;
        if let Some(first) = ids.first()
            && !persons.into_iter().any(|person| ids.iter().any(|id| is_person(&id.value, person)))
        {
            self.say(rule, &first.place);
        }
    }

    /// The structure of the entry's author with the same identifier is the header's, when both tell one.
    fn institution(&mut self, author: &At<Party>, entry: &DocumentEntry) {
        let Some(id) = author.value.organisation.as_ref().and_then(|o| o.ids.first()) else { return };
        let same = |a: &&space::Author| {
            a.person.as_ref().is_some_and(|p| author.value.ids.iter().any(|id| is_person(&id.value, p)))
        };
        let Some(known) = entry.authors.iter().find(same) else { return };
        let mut told = known.institutions.iter().filter(|i| i.id().is_some()).peekable();
        let number = id.value.extension.as_deref().unwrap_or(&id.value.root);
        if told.peek().is_some() && !told.any(|i| i.id() == Some(number)) {
            self.say("xds-author-institution", &id.place);
        }
    }

    fn format(&mut self, header: &Header, entry: &DocumentEntry) {
        let Some((format, place)) = format_of(header, self.rules) else { return };
        if format.stated && !entry.format_code.is(&format.code, &format.scheme) {
            self.say("xds-format", &place);
        }
    }
}

/// The format of a document, and the place that tells it: the media type of its body, else the last of its templates
/// that the table knows.
pub(crate) fn format_of<'r>(header: &Header, rules: &'r Rules) -> Option<(&'r crate::rules::Format, String)> {
    let body = header.body.as_ref()?;
    match &body.value {
        Body::NonXml { media_type, .. } => {
            Some((rules.format(media_type.as_deref()?)?, format!("{}/text", body.place)))
        }
        Body::Structured => header.template_ids.iter().rev().find_map(|t| {
            let version = t.value.extension.as_deref().unwrap_or_default();
            let exact = rules.format(&format!("{}^{version}", t.value.root));
            exact.or_else(|| rules.format(&t.value.root)).map(|f| (f, t.place.clone()))
        }),
    }
}
