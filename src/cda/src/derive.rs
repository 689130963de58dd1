//! Metadata out of a header, for senders that leave them out (FHIR, HL7 v2): every attribute of the DocumentEntry whose
//! origin is the CDA.
//!
//! What the header does not say, or says wrongly, stays absent: nothing is guessed.

use space::{
    Author, Code, Dtm, LocalizedText, Oid,
    hl7::{Cx, Xcn, Xon},
    ins::InsOid,
    people::{PS_ID_NAT_OID, STRUCT_ID_NAT_OID},
};

use crate::{
    consistency::format_of,
    header::{At, Concept, Header, Identifier, Organisation, Party, Patient},
    rules::Rules,
    time::Time,
};

/// Number of a company (SIRENE), under which a referenced digital service names its editor.
const SIRENE_OID: &str = "1.3.2";
/// Code system of classes of document (TRE_A03).
const CLASS_SCHEME: &str = "1.2.250.1.213.1.1.4.1";
/// Type of a referenced order in `referenceIdList` (ITI TF-3 §4.2.3.2.28).
const ORDER: &str = "urn:ihe:iti:xds:2013:order";

/// Attributes of a DocumentEntry that a header gives; absent where it gives none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Derived {
    /// From `id`.
    pub unique_id: Option<String>,
    /// The INS among the patient's identifiers, as CX.
    pub patient_id: Option<Cx>,
    /// The first other identifier of the patient, else the INS.
    pub source_patient_id: Option<Cx>,
    /// Name, birth date and sex, one `PID-n|…` a value.
    pub source_patient_info: Vec<String>,
    /// From `author`.
    pub authors: Vec<Author>,
    /// From `legalAuthenticator`.
    pub legal_authenticator: Option<Xcn>,
    /// From `title`, cut at 128 characters.
    pub title: Vec<LocalizedText>,
    /// From `effectiveTime`, in UTC.
    pub creation_time: Option<Dtm>,
    /// Start of the main act, in UTC.
    pub service_start_time: Option<Dtm>,
    /// End of the main act, in UTC.
    pub service_stop_time: Option<Dtm>,
    /// From `languageCode`.
    pub language_code: Option<String>,
    /// `text/xml`, or `application/xslt+xml` of a document that displays itself.
    pub mime_type: &'static str,
    /// Class of the kind of document, by the table.
    pub class_code: Option<Code>,
    /// From `code`.
    pub type_code: Option<Code>,
    /// By media type or template, by the table.
    pub format_code: Option<Code>,
    /// The one value a header has; masks stand in metadata only.
    pub confidentiality_codes: Vec<Code>,
    /// From the encounter's facility.
    pub healthcare_facility_type_code: Option<Code>,
    /// From the main act's performer.
    pub practice_setting_code: Option<Code>,
    /// Codes of all acts, with their translations.
    pub event_codes: Vec<Code>,
    /// Orders that it answers, as CXi.
    pub reference_ids: Vec<Cx>,
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Derived(…)")
    }
}

/// Derives what can be.
#[must_use]
pub fn derive(header: &Header, rules: &Rules) -> Derived {
    let patient = header.patient.as_ref().map(|p| &p.value);
    let main = header.main_event().map(|e| &e.value);
    let class = header.code.as_ref().and_then(|c| rules.terms.types.get(&c.value.code)?.class.as_deref());
    Derived {
        unique_id: header.id.as_ref().map(|id| id.value.to_xds()),
        patient_id: patient.and_then(ins),
        source_patient_id: patient.and_then(source_id),
        source_patient_info: patient.map(source_info).unwrap_or_default(),
        authors: header.authors.iter().map(|a| author(&a.value)).collect(),
        legal_authenticator: header.legal_authenticator.as_ref().and_then(|p| person(&p.value)),
        title: header.title.iter().map(|t| title(header, &t.value)).collect(),
        creation_time: utc(header.effective_time.as_ref()),
        service_start_time: utc(main.and_then(|e| e.low.as_ref())),
        service_stop_time: utc(main.and_then(|e| e.high.as_ref())),
        language_code: header.language.as_ref().map(|l| l.value.clone()),
        mime_type: if header.self_displaying { "application/xslt+xml" } else { "text/xml" },
        class_code: class.and_then(|class| {
            let label = &rules.terms.classes.get(class)?.label;
            Some(Code::new(class, CLASS_SCHEME, label))
        }),
        type_code: header.code.as_ref().map(|c| code(&c.value)),
        format_code: format_of(header, rules).map(|(f, _)| Code::new(&*f.code, &*f.scheme, &f.label)),
        confidentiality_codes: header.confidentiality.iter().map(|c| code(&c.value)).collect(),
        healthcare_facility_type_code: header.facility.as_ref().map(|c| code(&c.value)),
        practice_setting_code: main.and_then(|e| e.setting()).map(|c| code(&c.value)),
        event_codes: event_codes(header),
        reference_ids: header.orders.iter().filter_map(|o| cx(&o.value, ORDER)).collect(),
    }
}

fn utc(time: Option<&At<Time>>) -> Option<Dtm> {
    time?.value.to_utc()
}

fn code(concept: &Concept) -> Code {
    Code::new(&*concept.code, &*concept.system, concept.display.as_deref().unwrap_or_default())
}

/// A CX; `None` when a component would break it, or the root is no OID.
fn cx(id: &Identifier, kind: &str) -> Option<Cx> {
    let number = id.extension.as_deref().filter(|e| space::hl7::is_component(e))?;
    is_oid(&id.root).then(|| Cx::new(number, &id.root, kind))
}

fn is_ins(id: &Identifier) -> bool {
    InsOid::parse(&id.root).is_some()
}

fn ins(patient: &Patient) -> Option<Cx> {
    patient.ids.iter().find(|id| is_ins(&id.value)).and_then(|id| cx(&id.value, "NH"))
}

fn source_id(patient: &Patient) -> Option<Cx> {
    let local = patient.ids.iter().filter(|id| !is_ins(&id.value)).find_map(|id| cx(&id.value, "PI"));
    local.or_else(|| ins(patient))
}

fn source_info(patient: &Patient) -> Vec<String> {
    let clean = |t: &str| t.replace(['^', '&', '|', '~'], " ");
    let mut lines = Vec::new();
    if let Some(At { value: name, .. }) = &patient.name {
        let (family, given) = (name.family().unwrap_or_default(), name.given().unwrap_or_default());
        lines.push(format!("PID-5|{}^{}^^^^^L", clean(family), clean(given)));
    }
    // A day of birth is a day, whatever hour the sender adds.
    let day = patient
        .birth_time
        .as_ref()
        .filter(|t| t.value.is_sound())
        .and_then(|t| t.value.0.get(..8.min(t.value.precision())));
    lines.extend(day.map(|day| format!("PID-7|{day}")));
    let sex = patient.gender.as_ref().map(|g| if g.value.code == "UN" { "U" } else { &*g.value.code });
    lines.extend(sex.map(|sex| format!("PID-8|{}", clean(sex))));
    lines
}

/// A title of at most 128 characters, in the language of the document.
fn title(header: &Header, text: &str) -> LocalizedText {
    let lang = header.language.as_ref().map_or_else(|| "FR".to_owned(), |l| l.value.clone());
    LocalizedText { value: text.chars().take(128).collect(), lang: Some(lang), charset: Some("UTF8".into()) }
}

/// The XCN of a party; `None` without an identifier.
fn person(party: &Party) -> Option<Xcn> {
    let id = party.ids.iter().map(|id| &id.value).find(|id| is_oid(&id.root))?;
    let Some(number) = &id.extension else {
        // A referenced digital service is its instance's OID; who its editor is, the header does not say.
        let (system, model) = names(party);
        return Some(Xcn::new(&id.root, &system, &model, "", "U", "RI"));
    };
    if party.device.is_some() {
        let (system, model) = names(party);
        return Some(Xcn::new(number, &system, &model, &id.root, "U", "RI"));
    }
    let name = party.name.clone().unwrap_or_default();
    let kind = match id.root.as_str() {
        PS_ID_NAT_OID => "IDNPS",
        _ if is_ins(id) => "NH",
        _ => "RI",
    };
    let (family, given) = (name.family().unwrap_or_default(), name.given().unwrap_or_default());
    Some(Xcn::new(number, family, given, &id.root, "D", kind))
}

/// Name and model of a system.
fn names(party: &Party) -> (String, String) {
    let device = party.device.clone().unwrap_or_default();
    (device.software.unwrap_or_default(), device.model.unwrap_or_default())
}

fn author(party: &Party) -> Author {
    let patient = party.ids.iter().any(|id| is_ins(&id.value));
    let clean = |t: &str| t.replace(['^', '&', '|', '~'], " ");
    let specialty = |c: &Concept| {
        format!("{}^{}^{}", clean(&c.code), clean(c.display.as_deref().unwrap_or_default()), clean(&c.system))
    };
    Author {
        person: person(party),
        // A patient writes for nobody but themself (CI-SIS: no authorInstitution).
        institutions: party.organisation.iter().filter(|_| !patient).filter_map(institution).collect(),
        roles: party.function.iter().filter_map(|f| f.value.display.clone()).collect(),
        specialties: party.code.iter().map(|c| specialty(&c.value)).collect(),
        ..Author::default()
    }
}

/// The XON of an organisation; `None` without a name, which metadata must have (ITI TF-3 Table 4.2.3.1.7-2).
fn institution(organisation: &Organisation) -> Option<Xon> {
    let name = organisation.name.as_deref().filter(|name| !name.trim().is_empty())?;
    let Some(id) = organisation.ids.iter().map(|id| &id.value).find(|id| is_oid(&id.root)) else {
        // Components 6, 7 and 10 are empty when the identifier is unknown.
        return Some(Xon(name.replace(['^', '&', '|', '~'], " ")));
    };
    let kind = match id.root.as_str() {
        STRUCT_ID_NAT_OID => "IDNST",
        SIRENE_OID => "SIREN",
        _ => "",
    };
    Some(Xon::new(name, &id.root, kind, id.extension.as_deref().unwrap_or_default()))
}

/// Whether the root of an identifier can stand in metadata: CDA admits UUIDs there, and they do not.
fn is_oid(root: &str) -> bool {
    Oid::parse(root).is_ok()
}

/// Codes of acts and conditions, each once.
fn event_codes(header: &Header) -> Vec<Code> {
    let mut codes: Vec<Code> = Vec::new();
    for concept in header.events.iter().filter_map(|e| e.value.code.as_ref()) {
        for one in std::iter::once(&concept.value).chain(&concept.value.translations) {
            if !codes.iter().any(|c| c.is(&one.code, &one.system)) {
                codes.push(code(one));
            }
        }
    }
    codes
}
