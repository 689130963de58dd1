//! What became of a patient's record, told to a registry: added, revised, duplicates resolved (PRPA_IN201301, 201302,
//! 201304; ITI-44), and revised, told by a registry (ITI-46). An accept acknowledgement answers.

use super::control_act::{ControlAct, DetectedIssueEvent};
use super::message::{self, write_control_act};
use super::patient::Patient;
use super::registration::{self, Mood, Registration, write_subject};
use super::transmission::Transmission;
use crate::ns;
use crate::record::{At, Component, many};
use crate::xml::Element;
use crate::{MessageError, MessageErrorKind as Kind};

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryEvent {
    /// PRPA_IN201301UV02: it is new.
    RecordAdded,
    /// PRPA_IN201302UV02: it changed.
    RecordRevised,
    /// PRPA_IN201304UV02: it takes the place of another, which `replacementOf` names.
    DuplicatesResolved,
}

impl RegistryEvent {
    const ALL: [Self; 3] = [Self::RecordAdded, Self::RecordRevised, Self::DuplicatesResolved];

    /// The interaction, which is the element's name.
    #[must_use]
    pub const fn interaction(self) -> &'static str {
        match self {
            Self::RecordAdded => "PRPA_IN201301UV02",
            Self::RecordRevised => "PRPA_IN201302UV02",
            Self::DuplicatesResolved => "PRPA_IN201304UV02",
        }
    }

    /// The trigger event, for the code of the control act.
    #[must_use]
    pub const fn trigger_event(self) -> &'static str {
        match self {
            Self::RecordAdded => "PRPA_TE201301UV02",
            Self::RecordRevised => "PRPA_TE201302UV02",
            Self::DuplicatesResolved => "PRPA_TE201304UV02",
        }
    }
}

/// A message of ITI-44, or the notification of ITI-46.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryRecord {
    /// What became of the record.
    pub event: RegistryEvent,
    /// The head of the message.
    pub transmission: Transmission,
    /// The act.
    pub control_act: ControlAct,
    /// `subject`: the record as it stands now. The schema allows several, IHE has one.
    pub subjects: Vec<Registration<Patient>>,
    /// `reasonOf`.
    pub reasons: Vec<DetectedIssueEvent>,
}

impl RegistryRecord {
    /// Reads any of the three elements.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema has it, or no record is told of.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let path = element.path();
        let at = At::root(&path);
        let event = RegistryEvent::ALL.into_iter().find(|event| element.is(ns::HL7V3, event.interaction()));
        let event = event.ok_or_else(|| at.error(Kind::UnexpectedElement))?;
        let process = message::control_act(element, &at)?;
        let process_at = at.child("controlActProcess", 0);
        let subjects = registration::read_all(process, Mood::Event, &process_at)?;
        if subjects.is_empty() {
            return Err(process_at.error(Kind::MissingElement("subject")));
        }
        Ok(Self {
            event,
            transmission: Transmission::read(element, &at)?,
            control_act: ControlAct::read(process, &process_at)?,
            subjects,
            reasons: many(process, ns::HL7V3, "reasonOf", &process_at)?,
        })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        message::write(out, self.event.interaction(), &self.transmission, None, |out| {
            let subjects = |out: &mut Vec<u8>| {
                self.subjects.iter().for_each(|subject| write_subject(subject, out, Mood::Event));
            };
            write_control_act(out, &self.control_act, subjects, &self.reasons, |_| {});
        });
    }
}
