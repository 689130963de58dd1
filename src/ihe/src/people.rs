//! HL7 v3 messages of the `patients` service: TD0.2 and TD1.3a (PRPA_IN201307 → 201308), and what is left of the record's
//! management (TD1.1, TD1.3b, TD1.4), which a record attached to Mon espace santé refuses. Searches are in
//! [`crate::candidates`].
//!
//! Reference §1.1, §1.3. What is refused is told in the acknowledgement, with its code, place and advice.

use axum::{http::StatusCode, response::Response};
use desk::{Caller, Fault, Record};
use space::{Cause, Holder, Ins, Refusal, Sex, SpaceState, Traits, trace::Act};
use wire_soap::{
    hl7v3::{
        Acknowledgement, AcknowledgementDetail, AcknowledgementType, AdministrativeObservation, AssignedEntity,
        AttentionLine, CodedText, ConceptDescriptor, ControlAct, Demographics, Device, EntityName, FindCandidates,
        GetDemographics, InstanceIdentifier, NamePartType, Patient, Person, QueryAck, QueryContinuation, QueryResponse,
        Registration, RegistryAnswer, RegistryRequest, RegistryVerdict, Timestamp, Transmission, Value, reason,
    },
    ns::action,
    xml::Element,
};

use crate::{IheState, answer, candidates, errors, iti41, receive::Heading};

/// Code system of our own causes, in acknowledgement details: its name, and its identifier (HL7 v3 `uid` admits no URN).
const CAUSES: (&str, &str) = ("urn:passerelle:cause", "5d0f6a52-2b1c-4b6e-9d3a-7c1e8f4a9b60");
/// Words that head attention lines, of `mappings/dmp-record-words.tsv`.
const AUTHORISATION: &str = "AUTORISATION";
const MEDECIN_TRAITANT: &str = "STATUT_MT";
/// Observations on a record, of the same.
const INTERNET_ACCOUNT: &str = "COMPTE_INTERNET_OUVERT";
const CLOSING: &str = "FERMETURE_DEMANDE_PATIENT";
/// AdministrativeGender.
const GENDER: &str = "2.16.840.1.113883.5.1";

/// A message, read.
pub(crate) enum Request {
    Demographics(Box<GetDemographics>),
    Candidates(Box<FindCandidates>),
    Continuation(Box<QueryContinuation>),
    Management(Box<RegistryRequest>),
}

impl Request {
    pub(crate) fn demographics(body: Element<'_, '_>) -> Result<Self, Refusal> {
        GetDemographics::read(body).map(|m| Self::Demographics(Box::new(m))).map_err(|e| errors::of_message(&e))
    }

    pub(crate) fn candidates(body: Element<'_, '_>) -> Result<Self, Refusal> {
        FindCandidates::read(body).map(|m| Self::Candidates(Box::new(m))).map_err(|e| errors::of_message(&e))
    }

    pub(crate) fn continuation(body: Element<'_, '_>) -> Result<Self, Refusal> {
        QueryContinuation::read(body).map(|m| Self::Continuation(Box::new(m))).map_err(|e| errors::of_message(&e))
    }

    pub(crate) fn management(body: Element<'_, '_>) -> Result<Self, Refusal> {
        RegistryRequest::read(body).map(|m| Self::Management(Box::new(m))).map_err(|e| errors::of_message(&e))
    }
}

/// Carries the transaction out.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    match request {
        Request::Demographics(message) => demographics(state, heading, caller, &message).await,
        Request::Candidates(message) => candidates::find(state, heading, caller, *message).await,
        Request::Continuation(message) if message.cancel => candidates::cancel(state, heading, caller, &message),
        Request::Continuation(message) => candidates::more(state, heading, caller, &message).await,
        Request::Management(message) => management(state, heading, caller, &message).await,
    }
}

/// Heads and tails of answers.
pub(crate) struct Answering<'a> {
    pub(crate) state: &'a IheState,
    pub(crate) heading: &'a Heading,
    pub(crate) asked: &'a Transmission,
}

impl Answering<'_> {
    pub(crate) fn head(&self, interaction: &str) -> Transmission {
        let id = InstanceIdentifier::root(self.state.desk.rng().uuid().to_string());
        let at = Timestamp(iti41::now(self.state).as_str().to_owned());
        self.asked.answer(interaction, id, at, device(self.state))
    }

    pub(crate) fn acknowledgement(&self, refusals: &[Refusal]) -> Acknowledgement {
        let kind = if refusals.is_empty() {
            AcknowledgementType::ApplicationAccept
        } else {
            AcknowledgementType::ApplicationError
        };
        let mut acknowledgement = Acknowledgement::of(kind, self.asked.id.clone());
        acknowledgement.details = refusals.iter().map(detail).collect();
        acknowledgement
    }

    pub(crate) fn send(&self, action: &str, body: impl FnOnce(&mut Vec<u8>)) -> Response {
        answer::plain(StatusCode::OK, answer::envelope(self.state, action, self.heading, 4096, body))
    }
}

fn detail(refusal: &Refusal) -> AcknowledgementDetail {
    AcknowledgementDetail {
        type_code: Some("E".into()),
        code: Some(ConceptDescriptor {
            code_system_name: Some(CAUSES.0.to_owned()),
            ..ConceptDescriptor::new(refusal.cause.code(), CAUSES.1)
        }),
        text: Some(errors::context(refusal)),
        locations: refusal.place.iter().cloned().collect(),
    }
}

pub(crate) fn device(state: &IheState) -> Device {
    let mut device = Device::new(state.device.as_str());
    device.software_name = Some(CodedText { text: "DMP".into(), ..CodedText::default() });
    device
}

/// What is refused, with a log line and never more.
pub(crate) fn refusals_of(fault: &Fault, what: &'static str) -> Vec<Refusal> {
    let refusals = fault.refusals();
    tracing::info!(cause = refusals.first().map(|r| r.cause.code()), what, "ihe.refused");
    if let Fault::Store(error) = fault {
        tracing::error!(error = %error, what, "ihe.failed");
    }
    refusals
}

/// The one patient a message names, as an INS.
pub(crate) fn named(state: &IheState, ids: &[&InstanceIdentifier]) -> Result<Ins, Refusal> {
    let mut wrong = Refusal::new(Cause::InsInvalid).about("id");
    for id in ids {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let cx = format!("{}^^^&{}&ISO^NH", part(&id.extension), part(&id.root));
        match Ins::parse_cx(&cx, state.desk.ins_tolerance()) {
            Ok(ins) => return Ok(ins),
            Err(refusal) => wrong = refusal.at(&id.place.0),
        }
    }
    Err(wrong)
}

async fn demographics(state: &IheState, heading: &Heading, caller: &Caller, message: &GetDemographics) -> Response {
    let answering = Answering { state, heading, asked: &message.transmission };
    let ids: Vec<&InstanceIdentifier> = message.query.patient_identifiers().collect();
    let test = message.control_act.has_reason(reason::TEST_EXISTENCE);
    let found = match named(state, &ids) {
        Ok(ins) if test => state.desk.exists(caller, Some(&ins)).await,
        Ok(ins) => state.desk.administrative(caller, Some(&ins)).await,
        Err(refusal) => Err(state.desk.refused(caller, Act::Identify, vec![refusal]).await),
    };
    let mut transmission = answering.head(Demographics::INTERACTION);
    let query_id = message.query.query_id.clone();
    let (subjects, refusals, response) = match &found {
        Ok(record) => {
            transmission.attention_lines = standing(state, record);
            (vec![registration(state, "completed", patient(state, record))], Vec::new(), QueryResponse::Ok)
        }
        Err(fault) => {
            let refusals = refusals_of(fault, "demographics");
            let cause = refusals.first().map(|r| r.cause);
            let word = if cause == Some(Cause::Blocked) { "blocked" } else { "none" };
            if matches!(cause, Some(Cause::Blocked | Cause::UnknownHolder)) {
                transmission.attention_lines = vec![authorisation(state, word)];
            }
            match cause {
                // No record is an answer, and not an error.
                Some(Cause::UnknownHolder) => (Vec::new(), Vec::new(), QueryResponse::NotFound),
                _ => (Vec::new(), refusals, QueryResponse::ApplicationError),
            }
        }
    };
    let mut query_ack = QueryAck::of(query_id, response);
    query_ack.status_code = Some("deliveredResponse".into());
    let demographics = Demographics {
        transmission,
        acknowledgement: answering.acknowledgement(&refusals),
        control_act: answered_act(&message.control_act),
        subjects,
        reasons: Vec::new(),
        query_ack,
        query: Some(message.query.clone()),
    };
    answering.send(action::GET_DEMOGRAPHICS_RESPONSE, |out| demographics.write(out))
}

/// The act of an answer: what it was asked for, done.
fn answered_act(asked: &ControlAct) -> ControlAct {
    ControlAct {
        mood_code: "EVN".into(),
        reason_codes: asked.reason_codes.clone(),
        code: asked.code.clone(),
        ..ControlAct::default()
    }
}

/// TD1.1, TD1.3b, TD1.4: a record attached to Mon espace santé is managed there.
async fn management(state: &IheState, heading: &Heading, caller: &Caller, message: &RegistryRequest) -> Response {
    let answering = Answering { state, heading, asked: &message.transmission };
    let refusal = Refusal::new(Cause::AttachedRecord);
    let act = match message.action {
        wire_soap::hl7v3::RegistryAction::Add => Act::Create,
        wire_soap::hl7v3::RegistryAction::Revise => Act::Update,
    };
    let refusals = refusals_of(&state.desk.refused(caller, act, vec![refusal]).await, "management");
    let verdict = RegistryVerdict::Rejected(message.action, Some(Box::new(message.subject.clone())));
    let (interaction, action) = match message.action {
        wire_soap::hl7v3::RegistryAction::Add => ("PRPA_IN201313UV02", action::ADD_REQUEST_RESPONSE),
        wire_soap::hl7v3::RegistryAction::Revise => ("PRPA_IN201316UV02", action::REVISE_REQUEST_RESPONSE),
    };
    let rejected = RegistryAnswer {
        transmission: answering.head(interaction),
        acknowledgement: answering.acknowledgement(&refusals),
        control_act: answered_act(&message.control_act),
        verdict,
        reasons: Vec::new(),
    };
    answering.send(action, |out| rejected.write(out))
}

/// The system of a word that tells of a record.
fn system_of<'a>(state: &'a IheState, word: &str) -> &'a str {
    state.desk.terms().record_words.get(word).map_or("", |word| word.scheme.as_str())
}

fn line(state: &IheState, word: &str, value: Value) -> AttentionLine {
    AttentionLine { key_word_text: Some(CodedText::coded(word, system_of(state, word))), value: Some(value) }
}

fn authorisation(state: &IheState, word: &str) -> AttentionLine {
    let words = &state.desk.terms().authorisation_words;
    let word = words.get(word).map(|w| ConceptDescriptor::new(w.label.clone(), w.scheme.clone())).unwrap_or_default();
    line(state, AUTHORISATION, Value::CodedValue(word))
}

/// What stands between the caller and the record.
fn standing(state: &IheState, record: &Record) -> Vec<AttentionLine> {
    let word = if record.authorised { "given" } else { "none" };
    vec![authorisation(state, word), line(state, MEDECIN_TRAITANT, record.medecin_traitant.into())]
}

pub(crate) fn registration<P>(state: &IheState, status: &str, patient: P) -> Registration<P> {
    let custodian =
        AssignedEntity { ids: vec![InstanceIdentifier::root(state.device.as_str())], ..AssignedEntity::default() };
    Registration::new(status, patient, custodian)
}

/// A holder as the DMP writes one.
pub(crate) fn patient(gateway: &IheState, record: &Record) -> Patient {
    let Holder { ins, traits, state, .. } = &record.holder;
    let observe = |word: &str, value: bool| {
        AdministrativeObservation::new(ConceptDescriptor::new(word, system_of(gateway, word)), value.into())
    };
    let emergency = record.settings.emergency;
    let mut observations = vec![
        observe(INTERNET_ACCOUNT, *state == SpaceState::Open),
        observe("RATTACHEMENT_ENS", true),
        observe("OPPOSITION_BRIS_DE_GLACE", !emergency.bris_de_glace),
        observe("OPPOSITION_ACCES_URGENCE", !emergency.centre15),
    ];
    if *state == SpaceState::Closed {
        observations.push(observe(CLOSING, true));
    }
    Patient {
        ids: vec![InstanceIdentifier::new(ins.oid().as_str(), ins.matricule())],
        status_code: if *state == SpaceState::Open { "active".into() } else { "terminated".into() },
        person: Some(person_of(traits)),
        observations,
        ..Patient::default()
    }
}

fn person_of(traits: &Traits) -> Person {
    let mut name = EntityName::default();
    for given in &traits.given {
        name = name.with(NamePartType::Given, None, given.clone());
    }
    if let Some(used) = &traits.used_family {
        name = name.with(NamePartType::Family, Some("SP"), used.clone());
    }
    name = name.with(NamePartType::Family, Some("BR"), traits.family.clone());
    let sex = match traits.sex {
        Sex::F => "F",
        Sex::M => "M",
    };
    let place = traits.birth_place.as_ref().map(|cog| wire_soap::hl7v3::BirthPlace {
        address: Some(wire_soap::hl7v3::PostalAddress::default().with("county", cog.clone())),
        birthplace: None,
    });
    Person {
        names: vec![name],
        administrative_gender_code: Some(ConceptDescriptor::new(sex, GENDER)),
        birth_time: Some(Timestamp(traits.birth_date.as_str().to_owned()).into()),
        birth_place: place,
        ..Person::default()
    }
}
