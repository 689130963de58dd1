//! The header as types, each value with its place: what stands there, judged by nobody yet.

use std::fmt;

use crate::{
    HEAD_BYTES,
    error::HeaderError,
    read, text,
    time::Time,
    tree::{Element, Tree},
};

/// A value and where it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its place, as an XPath of local names.
    pub place: String,
}

impl<T> fmt::Debug for At<T> {
    /// The place only: what stands there belongs to somebody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "At({})", self.place)
    }
}

/// An instance identifier (II).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Identifier {
    /// `@root`, an OID or a UUID; empty when absent.
    pub root: String,
    /// `@extension`.
    pub extension: Option<String>,
}

impl Identifier {
    /// As XDS writes it: `root`, or `root^extension` (ITI TF-3 §4.2.3.2.26).
    #[must_use]
    pub fn to_xds(&self) -> String {
        self.extension.as_ref().map_or_else(|| self.root.clone(), |e| format!("{}^{e}", self.root))
    }
}

/// A coded value (CE).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Concept {
    /// `@code`.
    pub code: String,
    /// `@codeSystem`, an OID.
    pub system: String,
    /// `@displayName`.
    pub display: Option<String>,
    /// `translation`.
    pub translations: Vec<Self>,
}

/// A part of a name.
#[derive(Clone, PartialEq, Eq)]
pub struct NamePart {
    /// The text.
    pub value: String,
    /// `@qualifier`: `BR` of birth, `CL` in use.
    pub qualifier: Option<String>,
}

/// A person's name.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PersonName {
    /// `family`.
    pub families: Vec<NamePart>,
    /// `given`.
    pub givens: Vec<NamePart>,
}

impl PersonName {
    /// The family name of birth, or the only one there is.
    #[must_use]
    pub fn family(&self) -> Option<&str> {
        pick(&self.families)
    }

    /// The first given name of birth, or the first there is.
    #[must_use]
    pub fn given(&self) -> Option<&str> {
        pick(&self.givens)
    }
}

fn pick(parts: &[NamePart]) -> Option<&str> {
    let of = |qualifier: Option<&str>| parts.iter().find(|p| p.qualifier.as_deref() == qualifier);
    of(Some("BR")).or_else(|| of(None)).or(parts.first()).map(|p| p.value.as_str())
}

/// The holder, as `recordTarget` has them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Patient {
    /// Identifiers; the first is the INS when the document is shared.
    pub ids: Vec<At<Identifier>>,
    /// Name.
    pub name: Option<At<PersonName>>,
    /// `administrativeGenderCode`.
    pub gender: Option<At<Concept>>,
    /// `birthTime`.
    pub birth_time: Option<At<Time>>,
    /// INSEE code of the place of birth.
    pub birth_place: Option<At<String>>,
}

/// A system that wrote a document.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// `manufacturerModelName`.
    pub model: Option<String>,
    /// `softwareName`.
    pub software: Option<String>,
}

/// A structure.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Organisation {
    /// Identifiers.
    pub ids: Vec<At<Identifier>>,
    /// Name.
    pub name: Option<String>,
    /// `standardIndustryClassCode`: the practice setting.
    pub setting: Option<At<Concept>>,
}

/// Somebody with a part in the document: author, legal authenticator, performer.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// Identifiers.
    pub ids: Vec<At<Identifier>>,
    /// Profession or speciality.
    pub code: Option<At<Concept>>,
    /// `functionCode`.
    pub function: Option<At<Concept>>,
    /// When.
    pub time: Option<At<Time>>,
    /// Name, of a person.
    pub name: Option<PersonName>,
    /// The system, when it is one.
    pub device: Option<Device>,
    /// The structure it acts for.
    pub organisation: Option<Organisation>,
    /// Telecom addresses, as written.
    pub telecoms: Vec<String>,
}

/// An act that the document tells of.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ServiceEvent {
    /// What.
    pub code: Option<At<Concept>>,
    /// From when.
    pub low: Option<At<Time>>,
    /// Until when.
    pub high: Option<At<Time>>,
    /// By whom.
    pub performer: Option<At<Party>>,
}

impl ServiceEvent {
    /// The practice setting, which the main event alone tells.
    #[must_use]
    pub fn setting(&self) -> Option<&At<Concept>> {
        self.performer.as_ref()?.value.organisation.as_ref()?.setting.as_ref()
    }
}

/// Another document this one hangs on.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Related {
    /// `@typeCode`: `RPLC` or `XFRM`.
    pub kind: String,
    /// Identifiers of the other.
    pub ids: Vec<At<Identifier>>,
}

/// What body follows the header.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// Sections (level 2 or 3).
    Structured,
    /// One encoded file (level 1).
    NonXml {
        /// `text/@mediaType`.
        media_type: Option<String>,
        /// `text/@representation`.
        representation: Option<String>,
    },
}

/// The header of a document.
pub struct Header {
    tree: Tree,
    /// `templateId`, in order.
    pub template_ids: Vec<At<Identifier>>,
    /// `id`.
    pub id: Option<At<Identifier>>,
    /// `code`: the kind of document.
    pub code: Option<At<Concept>>,
    /// `title`.
    pub title: Option<At<String>>,
    /// `effectiveTime`: when it was made.
    pub effective_time: Option<At<Time>>,
    /// `confidentialityCode`.
    pub confidentiality: Option<At<Concept>>,
    /// `languageCode`.
    pub language: Option<At<String>>,
    /// `setId`: the same in all versions.
    pub set_id: Option<At<Identifier>>,
    /// `versionNumber`.
    pub version: Option<At<u32>>,
    /// `recordTarget`, the first.
    pub patient: Option<At<Patient>>,
    /// `author`.
    pub authors: Vec<At<Party>>,
    /// `custodian`.
    pub custodian: Option<At<Organisation>>,
    /// `legalAuthenticator`.
    pub legal_authenticator: Option<At<Party>>,
    /// `documentationOf/serviceEvent`.
    pub events: Vec<At<ServiceEvent>>,
    /// `relatedDocument`.
    pub related: Vec<At<Related>>,
    /// `inFulfillmentOf/order/id`: the orders it answers.
    pub orders: Vec<At<Identifier>>,
    /// `componentOf/encompassingEncounter/location/healthCareFacility/code`.
    pub facility: Option<At<Concept>>,
    /// What follows.
    pub body: Option<At<Body>>,
    /// Whether the document displays itself: it stands in a stylesheet.
    pub self_displaying: bool,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Header(…)")
    }
}

impl Header {
    /// Reads the header out of the first bytes of a document; more than [`HEAD_BYTES`] are not looked at.
    ///
    /// # Errors
    /// [`HeaderError`]; [`crate::HeaderErrorKind::Incomplete`] when the body does not begin in these bytes.
    pub fn read(head: &[u8]) -> Result<Self, HeaderError> {
        let text = text::decode(&head[..head.len().min(HEAD_BYTES)])?;
        Ok(Self::of(read::read(&text)?))
    }

    fn of(tree: Tree) -> Self {
        let root = tree.root();
        let one = |name: &str| root.named(name).next();
        let last = root.named("component").next_back();
        Self {
            template_ids: root.named("templateId").map(|e| at(e, identifier(e))).collect(),
            id: one("id").and_then(known_identifier),
            code: one("code").and_then(known_concept),
            title: one("title").and_then(known_text),
            effective_time: one("effectiveTime").and_then(known_time),
            confidentiality: one("confidentialityCode").and_then(known_concept),
            language: one("languageCode").and_then(|e| Some(at(e, e.attr("code")?.to_owned()))),
            set_id: one("setId").and_then(known_identifier),
            version: one("versionNumber").and_then(|e| Some(at(e, e.attr("value")?.parse().ok()?))),
            patient: one("recordTarget").and_then(|e| e.down(&["patientRole"])).map(|e| at(e, patient(e))),
            authors: root.named("author").map(|e| at(e, party(e, "assignedAuthor"))).collect(),
            custodian: one("custodian")
                .and_then(|e| e.down(&["assignedCustodian", "representedCustodianOrganization"]))
                .map(|e| at(e, organisation(e))),
            legal_authenticator: one("legalAuthenticator").map(|e| at(e, party(e, "assignedEntity"))),
            events: root
                .named("documentationOf")
                .filter_map(|e| e.down(&["serviceEvent"]))
                .map(|e| at(e, event(e)))
                .collect(),
            related: root.named("relatedDocument").map(|e| at(e, related(e))).collect(),
            orders: root.named("inFulfillmentOf").filter_map(|e| e.down(&["order"])).flat_map(identifiers).collect(),
            facility: one("componentOf")
                .and_then(|e| e.down(&["encompassingEncounter", "location", "healthCareFacility", "code"]))
                .and_then(known_concept),
            body: last.and_then(body),
            self_displaying: tree.root > 0,
            tree,
        }
    }

    /// The `ClinicalDocument`, for the rules.
    pub(crate) fn root(&self) -> Element<'_> {
        self.tree.root()
    }

    /// The main act: the one whose performer's structure tells the practice setting, else the first that has a date.
    #[must_use]
    pub fn main_event(&self) -> Option<&At<ServiceEvent>> {
        let setting = self.events.iter().find(|e| e.value.setting().is_some());
        setting.or_else(|| self.events.iter().find(|e| e.value.low.is_some())).or(self.events.first())
    }

    /// The identifier of the document this one replaces.
    #[must_use]
    pub fn replaces(&self) -> Option<&At<Identifier>> {
        self.related.iter().find(|r| r.value.kind == "RPLC").and_then(|r| r.value.ids.first())
    }
}

fn at<T>(element: Element<'_>, value: T) -> At<T> {
    At { value, place: element.place() }
}

fn identifier(element: Element<'_>) -> Identifier {
    Identifier {
        root: element.attr("root").unwrap_or_default().to_owned(),
        extension: element.attr("extension").map(str::to_owned),
    }
}

/// An identifier that is one: no exceptional value.
fn known_identifier(element: Element<'_>) -> Option<At<Identifier>> {
    element.attr("root").filter(|_| element.null_flavor().is_none()).map(|_| at(element, identifier(element)))
}

fn identifiers(element: Element<'_>) -> Vec<At<Identifier>> {
    element.named("id").filter_map(known_identifier).collect()
}

fn concept(element: Element<'_>) -> Concept {
    let own = |name: &str| element.attr(name).map(str::to_owned);
    Concept {
        code: own("code").unwrap_or_default(),
        system: own("codeSystem").unwrap_or_default(),
        display: own("displayName"),
        translations: Vec::new(),
    }
}

fn known_concept(element: Element<'_>) -> Option<At<Concept>> {
    element.attr("code")?;
    let translations = element.named("translation").filter(|t| t.attr("code").is_some()).map(concept).collect();
    Some(at(element, Concept { translations, ..concept(element) }))
}

fn known_text(element: Element<'_>) -> Option<At<String>> {
    Some(element.text()).filter(|t| !t.is_empty()).map(|t| at(element, one_line(t)))
}

/// White space of any kind and length is one space: a title is cut in lines by whoever indents the file.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn known_time(element: Element<'_>) -> Option<At<Time>> {
    element.attr("value").map(|v| at(element, Time(v.to_owned())))
}

fn name(element: Element<'_>) -> PersonName {
    let parts = |name: &str| {
        let part =
            |e: Element<'_>| NamePart { value: one_line(e.text()), qualifier: e.attr("qualifier").map(str::to_owned) };
        element.named(name).filter(|e| !e.text().is_empty()).map(part).collect()
    };
    PersonName { families: parts("family"), givens: parts("given") }
}

fn patient(role: Element<'_>) -> Patient {
    let one = |path: &[&str]| role.down(path);
    Patient {
        ids: identifiers(role),
        name: one(&["patient", "name"]).map(|e| at(e, name(e))),
        gender: one(&["patient", "administrativeGenderCode"]).and_then(known_concept),
        birth_time: one(&["patient", "birthTime"]).and_then(known_time),
        birth_place: one(&["patient", "birthplace", "place", "addr", "county"]).and_then(known_text),
    }
}

fn organisation(element: Element<'_>) -> Organisation {
    Organisation {
        ids: identifiers(element),
        name: element.named("name").next().map(|e| one_line(e.text())).filter(|n| !n.is_empty()),
        setting: element.down(&["standardIndustryClassCode"]).and_then(known_concept),
    }
}

fn party(element: Element<'_>, role: &str) -> Party {
    let time = element.down(&["time"]).and_then(known_time);
    let function = element.down(&["functionCode"]).and_then(known_concept);
    let Some(role) = element.down(&[role]) else { return Party { time, function, ..Party::default() } };
    let text = |e: Option<Element<'_>>| e.map(|e| one_line(e.text())).filter(|t| !t.is_empty());
    Party {
        ids: identifiers(role),
        code: role.down(&["code"]).and_then(known_concept),
        function,
        time,
        name: role.down(&["assignedPerson", "name"]).map(name),
        device: role.down(&["assignedAuthoringDevice"]).map(|d| Device {
            model: text(d.down(&["manufacturerModelName"])),
            software: text(d.down(&["softwareName"])),
        }),
        organisation: role.down(&["representedOrganization"]).map(organisation),
        telecoms: role.named("telecom").filter_map(|t| t.attr("value")).map(str::to_owned).collect(),
    }
}

fn event(element: Element<'_>) -> ServiceEvent {
    let when = element.down(&["effectiveTime"]);
    let point = when.filter(|w| w.attr("value").is_some()).and_then(known_time);
    ServiceEvent {
        code: element.down(&["code"]).and_then(known_concept),
        low: when.and_then(|w| w.down(&["low"])).and_then(known_time).or(point),
        high: when.and_then(|w| w.down(&["high"])).and_then(known_time),
        performer: element.down(&["performer"]).map(|p| at(p, party(p, "assignedEntity"))),
    }
}

fn related(element: Element<'_>) -> Related {
    Related {
        kind: element.attr("typeCode").unwrap_or_default().to_owned(),
        ids: element.down(&["parentDocument"]).map(identifiers).unwrap_or_default(),
    }
}

fn body(component: Element<'_>) -> Option<At<Body>> {
    if let Some(structured) = component.down(&["structuredBody"]) {
        return Some(at(structured, Body::Structured));
    }
    let encoded = component.down(&["nonXMLBody"])?;
    let own = |name: &str| encoded.down(&["text"]).and_then(|t| t.attr(name)).map(str::to_owned);
    let body = Body::NonXml { media_type: own("mediaType"), representation: own("representation") };
    Some(at(encoded, body))
}
