//! `subject`: what is registered of a patient, or asked to be (MFMI_MT700701, 700711, 700721).

use super::datatypes::{Code, InstanceIdentifier};
use super::entities::AssignedEntity;
use super::interval::Interval;
use crate::MessageErrorKind as Kind;
use crate::ns;
use crate::record::{
    At, Component, Result, children, close, many, only, optional, record, required, write_all, write_nil,
};
use crate::xml::Element;
use crate::xml::escape::raw;

record! {
    lenient ns::HL7V3;
    /// `author` of a registration.
    pub struct Author [typeCode = "AUT"] {
        /// `time`.
        time: opt Interval = "time",
        /// `assignedEntity`.
        assigned_entity: one AssignedEntity = "assignedEntity",
    }
}

record! {
    lenient ns::HL7V3;
    /// `custodian`: who keeps the record.
    pub struct Custodian [typeCode = "CST"] {
        /// `assignedEntity`.
        assigned_entity: one AssignedEntity = "assignedEntity",
    }
}

record! {
    lenient ns::HL7V3;
    /// `subject1/priorRegisteredRole`: the patient that was.
    pub struct PriorRegisteredRole [classCode = "PAT"] inside [typeCode = "SBJ"] "priorRegisteredRole" {
        /// `id`.
        ids: some InstanceIdentifier = "id",
    }
}

record! {
    lenient ns::HL7V3;
    /// `replacementOf/priorRegistration`: a record that this one takes the place of.
    pub struct PriorRegistration [classCode = "REG", moodCode = "EVN"] inside [typeCode = "RPLC"] "priorRegistration" {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `statusCode`: `obsolete`.
        status_code: opt Code = "statusCode",
        /// `subject1/priorRegisteredRole`.
        prior_registered_role: opt PriorRegisteredRole = "subject1",
    }
}

/// `subject/registrationEvent` or `subject/registrationRequest`, its patient being of one of the patient types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registration<P> {
    /// `id`.
    pub ids: Vec<InstanceIdentifier>,
    /// `statusCode`: `active` in IHE's messages, `completed` in the DMP's.
    pub status_code: Code,
    /// `effectiveTime`.
    pub effective_time: Option<Interval>,
    /// `subject1/patient`.
    pub patient: P,
    /// `author`. The schema of a request wants one: without, a nil one is written.
    pub author: Option<Author>,
    /// `custodian`. The schema of an event wants one, that of a request has none: without, a nil one is written in an
    /// event.
    pub custodian: Option<Custodian>,
    /// `replacementOf`.
    pub replacement_of: Vec<PriorRegistration>,
}

impl<P> Registration<P> {
    /// The registration of a patient that a custodian keeps.
    #[must_use]
    pub fn new(status_code: &str, patient: P, custodian: AssignedEntity) -> Self {
        Self {
            ids: Vec::new(),
            status_code: status_code.into(),
            effective_time: None,
            patient,
            author: None,
            custodian: Some(Custodian { assigned_entity: custodian }),
            replacement_of: Vec::new(),
        }
    }
}

/// What a registration is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It happened: `registrationEvent`.
    Event,
    /// It is asked for: `registrationRequest`.
    Request,
}

impl Mood {
    const fn element(self) -> &'static str {
        match self {
            Self::Event => "registrationEvent",
            Self::Request => "registrationRequest",
        }
    }
}

/// Reads the `subject` elements of a control act.
pub(super) fn read_all<P: Component>(
    process: Element<'_, '_>,
    mood: Mood,
    at: &At<'_>,
) -> Result<Vec<Registration<P>>> {
    let mut all = Vec::new();
    for (index, subject) in children(process, ns::HL7V3).filter(|e| e.local_name() == "subject").enumerate() {
        crate::record::repeats(all.len(), "subject", at)?;
        all.push(read_subject(subject, mood, &at.child("subject", index + 1))?);
    }
    Ok(all)
}

/// Reads the one `subject` of a control act.
pub(super) fn read_one<P: Component>(process: Element<'_, '_>, mood: Mood, at: &At<'_>) -> Result<Registration<P>> {
    let mut all = read_all(process, mood, at)?;
    match (all.pop(), all.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(at.error(Kind::MissingElement("subject"))),
        (Some(_), false) => Err(at.child("subject", 2).error(Kind::RepeatedElement("subject"))),
    }
}

fn read_subject<P: Component>(subject: Element<'_, '_>, mood: Mood, at: &At<'_>) -> Result<Registration<P>> {
    let name = mood.element();
    let event = only(subject, ns::HL7V3, name, at)?;
    let at = &at.child(name, 0);
    let subject1 = only(event, ns::HL7V3, "subject1", at)?;
    Ok(Registration {
        ids: many(event, ns::HL7V3, "id", at)?,
        status_code: required(event, ns::HL7V3, "statusCode", at)?,
        effective_time: optional(event, ns::HL7V3, "effectiveTime", at)?,
        patient: required(subject1, ns::HL7V3, "patient", &at.child("subject1", 0))?,
        author: optional(event, ns::HL7V3, "author", at)?,
        custodian: if mood == Mood::Event { optional(event, ns::HL7V3, "custodian", at)? } else { None },
        replacement_of: many(event, ns::HL7V3, "replacementOf", at)?,
    })
}

/// Appends the `subject` element.
pub(super) fn write_subject<P: Component>(registration: &Registration<P>, out: &mut Vec<u8>, mood: Mood) {
    let name = mood.element();
    raw(out, "<subject typeCode=\"SUBJ\" contextConductionInd=\"false\"><");
    raw(out, name);
    raw(
        out,
        if mood == Mood::Event {
            " classCode=\"REG\" moodCode=\"EVN\">"
        } else {
            " classCode=\"REG\" moodCode=\"RQO\">"
        },
    );
    write_all(&registration.ids, out, "id");
    registration.status_code.write(out, "statusCode");
    registration.effective_time.iter().for_each(|time| time.write(out, "effectiveTime"));
    raw(out, "<subject1 typeCode=\"SBJ\">");
    registration.patient.write(out, "patient");
    raw(out, "</subject1>");
    match (&registration.author, mood) {
        (Some(author), _) => author.write(out, "author"),
        (None, Mood::Request) => write_nil::<Author>(out, "author"),
        (None, Mood::Event) => {}
    }
    match (&registration.custodian, mood) {
        (Some(custodian), Mood::Event) => custodian.write(out, "custodian"),
        (None, Mood::Event) => write_nil::<Custodian>(out, "custodian"),
        (_, Mood::Request) => {}
    }
    write_all(&registration.replacement_of, out, "replacementOf");
    close(out, name);
    raw(out, "</subject>");
}
