//! PIX v3 at `/ihe/services/pix`: structures feed their patients' numbers (ITI-44: PRPA_IN201301 adds, 201302 revises,
//! 201304 resolves duplicates), and who may ask is told by which numbers a person is known (ITI-45: PRPA_IN201309 → 201310).
//!
//! ITI TF-2 §3.44, §3.45. A feed is answered by an accept acknowledgement, a query by an application's; what is refused
//! is told in either with its code, place and advice. Matches nobody by traits, decides nothing.

use axum::response::Response;
use desk::{Caller, Fault, Feed, FeedKind, PersonKey, Reference};
use space::{Cause, Ins, InsOid, LocalId, Oid, Refusal, Sex, TraitQuery, trace::Act};
use wire_soap::{
    hl7v3::{
        AcceptAcknowledgement, AcknowledgementType, AssignedEntity, ControlAct, EntityName, GetIdentifiers,
        IdentifiedPatient, IdentifiedPerson, Identifiers, InstanceIdentifier, NamePartType, NullFlavor, Patient,
        Person, QueryAck, QueryResponse, Registration, RegistryEvent, RegistryRecord,
    },
    ns::action,
    xml::Element,
};

use crate::{
    IheState, errors,
    people::{Answering, refusals_of},
    receive::Heading,
};

/// A message, read.
pub(crate) enum Request {
    Feed(Box<RegistryRecord>),
    Identifiers(Box<GetIdentifiers>),
}

impl Request {
    pub(crate) fn feed(body: Element<'_, '_>) -> Result<Self, Refusal> {
        RegistryRecord::read(body).map(|m| Self::Feed(Box::new(m))).map_err(|e| errors::of_message(&e))
    }

    pub(crate) fn identifiers(body: Element<'_, '_>) -> Result<Self, Refusal> {
        GetIdentifiers::read(body).map(|m| Self::Identifiers(Box::new(m))).map_err(|e| errors::of_message(&e))
    }
}

/// Carries the transaction out.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    match request {
        Request::Feed(message) => feed(state, heading, caller, &message).await,
        Request::Identifiers(message) => identifiers(state, heading, caller, &message).await,
    }
}

/// What a feed asks for.
enum Asked {
    Link(Feed),
    Merge { survivor: LocalId, retired: LocalId },
}

async fn feed(state: &IheState, heading: &Heading, caller: &Caller, message: &RegistryRecord) -> Response {
    let done = match asked(state, message) {
        Ok(Asked::Link(feed)) => state.desk.feed(caller, &feed).await.map(drop),
        Ok(Asked::Merge { survivor, retired }) => state.desk.merge_numbers(caller, &survivor, &retired).await,
        Err(refusal) => Err(state.desk.refused(caller, Act::FeedIdentity, vec![refusal]).await),
    };
    let refusals = done.as_ref().err().map_or_else(Vec::new, |fault| refusals_of(fault, "identity feed"));
    let answering = Answering { state, heading, asked: &message.transmission };
    let mut acknowledgement = answering.acknowledgement(&refusals);
    acknowledgement.type_code =
        if refusals.is_empty() { AcknowledgementType::CommitAccept } else { AcknowledgementType::CommitError };
    let accepted =
        AcceptAcknowledgement { transmission: answering.head(AcceptAcknowledgement::INTERACTION), acknowledgement };
    answering.send(action::ACCEPT_ACKNOWLEDGEMENT, |out| accepted.write(out))
}

fn asked(state: &IheState, message: &RegistryRecord) -> Result<Asked, Refusal> {
    let malformed = |about: &str| Refusal::new(Cause::MalformedMessage).about(about);
    let [subject] = message.subjects.as_slice() else { return Err(malformed("one subject")) };
    let local = own_number(subject.patient.ids.iter())?;
    let kind = match message.event {
        RegistryEvent::RecordAdded => FeedKind::Add,
        RegistryEvent::RecordRevised => FeedKind::Revise,
        RegistryEvent::DuplicatesResolved => {
            let prior = match subject.replacement_of.as_slice() {
                [prior] => prior.prior_registered_role.as_ref(),
                _ => None,
            };
            let prior = prior.ok_or_else(|| malformed("one replacementOf with its priorRegisteredRole"))?;
            return Ok(Asked::Merge { survivor: local, retired: own_number(prior.ids.iter())? });
        }
    };
    let person = subject.patient.person.as_ref();
    let others = person.iter().flat_map(|p| p.other_ids.iter().flat_map(|o| &o.ids).chain(&p.ids));
    let ins = number(state, subject.patient.ids.iter().chain(others))?;
    Ok(Asked::Link(Feed { local, ins, traits: traits(&subject.patient)?, kind }))
}

fn is_ins(id: &InstanceIdentifier) -> bool {
    id.root.as_deref().is_some_and(|root| InsOid::parse(root).is_some())
}

/// A structure's number as HL7 writes it.
pub(crate) fn local(id: &InstanceIdentifier) -> Result<LocalId, Refusal> {
    let (root, extension) = (id.root.as_deref().unwrap_or_default(), id.extension.as_deref().unwrap_or_default());
    LocalId::parse(root, extension.trim()).map_err(|refusal| refusal.at(&id.place.0))
}

/// The one number of a structure among identifiers.
fn own_number<'a>(ids: impl Iterator<Item = &'a InstanceIdentifier>) -> Result<LocalId, Refusal> {
    let mut own = ids.filter(|id| !is_ins(id));
    let first = own.next().ok_or_else(|| Refusal::new(Cause::LocalIdInvalid).about("patient/id"))?;
    match own.next() {
        None => local(first),
        Some(second) => Err(Refusal::new(Cause::LocalIdInvalid).at(&second.place.0).about("one number in one domain")),
    }
}

/// The one INS among identifiers, if there is one; two different ones are nobody's.
fn number<'a>(state: &IheState, ids: impl Iterator<Item = &'a InstanceIdentifier>) -> Result<Option<Ins>, Refusal> {
    let mut found: Option<Ins> = None;
    for id in ids.filter(|id| is_ins(id)) {
        let ins = ins(state, id)?;
        if found.as_ref().is_some_and(|known| *known != ins) {
            return Err(Refusal::new(Cause::PatientMismatch).at(&id.place.0));
        }
        found = Some(ins);
    }
    Ok(found)
}

fn ins(state: &IheState, id: &InstanceIdentifier) -> Result<Ins, Refusal> {
    let oid = id.root.as_deref().and_then(InsOid::parse).ok_or_else(|| Refusal::new(Cause::InsInvalid))?;
    let matricule = id.extension.as_deref().unwrap_or_default().trim();
    Ins::parse(matricule, oid, state.desk.ins_tolerance()).map_err(|refusal| refusal.at(&id.place.0))
}

/// The strict traits that come with a number: birth name (the one so qualified, or the only one), first given name, day of
/// birth, sex, and the place of birth when it is told.
fn traits(patient: &Patient) -> Result<TraitQuery, Refusal> {
    let Some(person) = &patient.person else { return Ok(TraitQuery::default()) };
    let is_birth = |q: &String| q == "BR";
    let birth_name =
        |name: &&EntityName| name.of(NamePartType::Family).any(|part| part.qualifiers.iter().any(is_birth));
    let name = person.names.iter().find(birth_name).or_else(|| person.names.first());
    let text = |value: &str| Some(value.trim().to_owned()).filter(|v| !v.is_empty());
    let family = name.and_then(|name| {
        let mut parts = name.of(NamePartType::Family);
        let qualified = name.of(NamePartType::Family).find(|part| part.qualifiers.iter().any(is_birth));
        qualified.or_else(|| parts.next()).and_then(|part| text(&part.value))
    });
    let birth_date = match person.birth_time.as_ref().and_then(|time| time.value()) {
        None => None,
        Some(time) => {
            let day = time.0.get(..8).ok_or_else(|| Refusal::new(Cause::IdentityMismatch).about("birthTime"))?;
            Some(day.to_owned())
        }
    };
    let sex = person.administrative_gender_code.as_ref().and_then(|code| match code.code.as_deref() {
        Some("F") => Some(Sex::F),
        Some("M") => Some(Sex::M),
        _ => None,
    });
    let place = person.birth_place.as_ref().and_then(|place| place.address.as_ref());
    Ok(TraitQuery {
        family,
        given: name.and_then(|n| n.of(NamePartType::Given).next()).and_then(|part| text(&part.value)),
        birth_date,
        sex,
        birth_place: place.and_then(|address| address.part("county")).and_then(text),
    })
}

async fn identifiers(state: &IheState, heading: &Heading, caller: &Caller, message: &GetIdentifiers) -> Response {
    let found = match sought(state, message) {
        Ok((key, wanted)) => state.desk.cross_references(caller, &key, &wanted).await.map_err(|f| placed(f, message)),
        Err(refusal) => Err(state.desk.refused(caller, Act::Identify, vec![refusal]).await),
    };
    let answering = Answering { state, heading, asked: &message.transmission };
    let (refusals, response) = match &found {
        Ok(found) if found.references.is_empty() => (Vec::new(), QueryResponse::NotFound),
        Ok(_) => (Vec::new(), QueryResponse::Ok),
        Err(fault) => (refusals_of(fault, "cross references"), QueryResponse::ApplicationError),
    };
    let references = found.ok().map(|found| found.references).filter(|references| !references.is_empty());
    let mut query_ack = QueryAck::of(message.query.query_id.clone(), response);
    query_ack.status_code = Some("deliveredResponse".into());
    let identifiers = Identifiers {
        transmission: answering.head(Identifiers::INTERACTION),
        acknowledgement: answering.acknowledgement(&refusals),
        control_act: ControlAct::of("PRPA_TE201310UV02"),
        subjects: references.iter().map(|references| known_by(state.device.as_str(), references)).collect(),
        reasons: Vec::new(),
        query_ack,
        query: Some(message.query.clone()),
    };
    answering.send(action::GET_IDENTIFIERS_RESPONSE, |out| identifiers.write(out))
}

/// Who is asked about, and the domains whose identifiers are wanted.
fn sought(state: &IheState, message: &GetIdentifiers) -> Result<(PersonKey, Vec<Oid>), Refusal> {
    let mut asked = message.query.patient_identifiers();
    let id = asked.next().ok_or_else(|| Refusal::new(Cause::QueryParameterMissing).about("patientIdentifier"))?;
    if let Some(second) = asked.next() {
        return Err(Refusal::new(Cause::QueryParameterInvalid).at(&second.place.0).about("one patientIdentifier"));
    }
    let key = if is_ins(id) { PersonKey::Ins(ins(state, id)?) } else { PersonKey::Local(local(id)?) };
    let domain = |id: &InstanceIdentifier| {
        let root = id.root.as_deref().unwrap_or_default();
        Oid::parse(root).map_err(|_| Refusal::new(Cause::QueryParameterInvalid).at(&id.place.0).about("dataSource"))
    };
    Ok((key, message.query.data_sources().map(domain).collect::<Result<_, _>>()?))
}

/// Gives what is refused its place in the query (ITI TF-2 §3.45.4.2.3, cases 3 to 5).
fn placed(fault: Fault, message: &GetIdentifiers) -> Fault {
    let Fault::Refused(refusals) = fault else { return fault };
    let patient = || message.query.patient_identifiers().next().map_or_else(String::new, |id| id.place.0.clone());
    let source = |about: Option<&str>| {
        let found = message.query.data_sources().find(|id| id.root.as_deref() == about);
        found.map_or_else(String::new, |id| id.place.0.clone())
    };
    let place = |refusal: Refusal| match refusal.cause {
        Cause::UnknownTargetDomain => {
            let at = source(refusal.subject.as_deref());
            refusal.or_at(|| at)
        }
        Cause::UnknownDomain | Cause::ForeignDomain | Cause::UnknownIdentifier | Cause::UnknownHolder => {
            refusal.or_at(patient)
        }
        _ => refusal,
    };
    Fault::Refused(refusals.into_iter().map(place).collect())
}

/// A reference as HL7 writes it.
fn identifier(reference: &Reference) -> InstanceIdentifier {
    InstanceIdentifier::new(reference.domain(), reference.number())
}

/// Nobody is named by PIX: the name is there because the schema wants one.
fn unnamed() -> Vec<EntityName> {
    vec![EntityName::null(NullFlavor::NOT_APPLICABLE)]
}

fn custodian(device: &str) -> AssignedEntity {
    AssignedEntity { ids: vec![InstanceIdentifier::root(device)], ..AssignedEntity::default() }
}

fn known_by(device: &str, references: &[Reference]) -> Registration<IdentifiedPatient> {
    let patient = IdentifiedPatient {
        ids: references.iter().map(identifier).collect(),
        status_code: "active".into(),
        person: Some(IdentifiedPerson { names: unnamed(), ..IdentifiedPerson::default() }),
        ..IdentifiedPatient::default()
    };
    Registration::new("active", patient, custodian(device))
}

/// What a consumer is told (ITI-46): the record under its numbers as they stand.
pub(crate) fn updated(device: &str, references: &[Reference]) -> Registration<Patient> {
    let patient = Patient {
        ids: references.iter().map(identifier).collect(),
        status_code: "active".into(),
        person: Some(Person { names: unnamed(), ..Person::default() }),
        ..Patient::default()
    };
    Registration::new("active", patient, custodian(device))
}
