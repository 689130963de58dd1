//! What a registry is asked to do with a patient's file, and its answer: add (PRPA_IN201311; DMP TD1.1) and revise
//! (PRPA_IN201314; DMP TD1.3b, TD1.4), accepted (201312, 201315) or rejected (201313, 201316).
//!
//! The DMP wraps an answer in an element of its own (GestionDossierPatientPartage.wsdl): so it is written; bare answers
//! are read too.

use super::acknowledgement::{Acknowledgement, Edition};
use super::control_act::{ControlAct, DetectedIssueEvent};
use super::message::{self, write_control_act};
use super::patient::{IdentifiedPatient, Patient};
use super::registration::{self, Mood, Registration, write_subject};
use super::transmission::Transmission;
use crate::ns;
use crate::record::{At, Component, close, many, open};
use crate::xml::Element;
use crate::xml::escape::{attr, raw};
use crate::{MessageError, MessageErrorKind as Kind};

/// What a registry is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryAction {
    /// Open a file.
    Add,
    /// Change or close one: the reason code tells which.
    Revise,
}

impl RegistryAction {
    const ALL: [Self; 2] = [Self::Add, Self::Revise];

    /// The interaction of the request, which is the element's name.
    #[must_use]
    pub const fn interaction(self) -> &'static str {
        match self {
            Self::Add => "PRPA_IN201311UV02",
            Self::Revise => "PRPA_IN201314UV02",
        }
    }

    /// The interaction of an answer that accepts.
    #[must_use]
    pub const fn accepted(self) -> &'static str {
        match self {
            Self::Add => "PRPA_IN201312UV02",
            Self::Revise => "PRPA_IN201315UV02",
        }
    }

    /// The interaction of an answer that rejects.
    #[must_use]
    pub const fn rejected(self) -> &'static str {
        match self {
            Self::Add => "PRPA_IN201313UV02",
            Self::Revise => "PRPA_IN201316UV02",
        }
    }

    /// The element that the DMP wraps an answer in.
    const fn wrapper(self) -> &'static str {
        match self {
            Self::Add => "PRPA_IN201311UV02_Response",
            Self::Revise => "PRPA_IN201314UV02_Response",
        }
    }
}

/// PRPA_IN201311UV02 or PRPA_IN201314UV02: a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryRequest {
    /// What is asked.
    pub action: RegistryAction,
    /// The head of the message.
    pub transmission: Transmission,
    /// Why it is asked, and by whom.
    pub control_act: ControlAct,
    /// `subject`: the patient's file as it should be.
    pub subject: Registration<Patient>,
    /// `reasonOf`.
    pub reasons: Vec<DetectedIssueEvent>,
}

impl RegistryRequest {
    /// Reads either element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema has it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let path = element.path();
        let at = At::root(&path);
        let action = RegistryAction::ALL.into_iter().find(|action| element.is(ns::HL7V3, action.interaction()));
        let action = action.ok_or_else(|| at.error(Kind::UnexpectedElement))?;
        let process = message::control_act(element, &at)?;
        let process_at = at.child("controlActProcess", 0);
        Ok(Self {
            action,
            transmission: Transmission::read(element, &at)?,
            control_act: ControlAct::read(process, &process_at)?,
            subject: registration::read_one(process, Mood::Request, &process_at)?,
            reasons: many(process, ns::HL7V3, "reasonOf", &process_at)?,
        })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        message::write(out, self.action.interaction(), &self.transmission, None, |out| {
            let subject = |out: &mut Vec<u8>| write_subject(&self.subject, out, Mood::Request);
            write_control_act(out, &self.control_act, subject, &self.reasons, |_| {});
        });
    }
}

/// What a registry did with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryVerdict {
    /// PRPA_IN201312UV02: the file was added, and is known so.
    Added(Vec<Registration<IdentifiedPatient>>),
    /// PRPA_IN201315UV02: the file was revised, and stands so.
    Revised(Vec<Registration<Patient>>),
    /// PRPA_IN201313UV02 or PRPA_IN201316UV02: nothing was done. The request may be repeated; it is nil otherwise.
    Rejected(RegistryAction, Option<Box<Registration<Patient>>>),
}

impl RegistryVerdict {
    const fn interaction(&self) -> &'static str {
        match self {
            Self::Added(_) => RegistryAction::Add.accepted(),
            Self::Revised(_) => RegistryAction::Revise.accepted(),
            Self::Rejected(action, _) => action.rejected(),
        }
    }

    /// What was asked.
    #[must_use]
    pub const fn action(&self) -> RegistryAction {
        match self {
            Self::Added(_) => RegistryAction::Add,
            Self::Revised(_) => RegistryAction::Revise,
            Self::Rejected(action, _) => *action,
        }
    }

    fn read(name: &str, process: Element<'_, '_>, at: &At<'_>) -> Result<Option<Self>, MessageError> {
        let rejected = RegistryAction::ALL.into_iter().find(|action| action.rejected() == name);
        Ok(if let Some(action) = rejected {
            let mut subjects = registration::read_all(process, Mood::Request, at)?;
            if subjects.len() > 1 {
                return Err(at.child("subject", 2).error(Kind::RepeatedElement("subject")));
            }
            Some(Self::Rejected(action, subjects.pop().map(Box::new)))
        } else if name == RegistryAction::Add.accepted() {
            Some(Self::Added(registration::read_all(process, Mood::Event, at)?))
        } else if name == RegistryAction::Revise.accepted() {
            Some(Self::Revised(registration::read_all(process, Mood::Event, at)?))
        } else {
            None
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Added(subjects) => subjects.iter().for_each(|s| write_subject(s, out, Mood::Event)),
            Self::Revised(subjects) => subjects.iter().for_each(|s| write_subject(s, out, Mood::Event)),
            Self::Rejected(_, Some(subject)) => write_subject(subject, out, Mood::Request),
            Self::Rejected(_, None) => raw(out, "<subject typeCode=\"SUBJ\" xsi:nil=\"true\"/>"),
        }
    }
}

/// The answer to a [`RegistryRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryAnswer {
    /// The head of the message.
    pub transmission: Transmission,
    /// How the request was taken, and what was wrong with it.
    pub acknowledgement: Acknowledgement,
    /// The act that answers.
    pub control_act: ControlAct,
    /// What was done.
    pub verdict: RegistryVerdict,
    /// `reasonOf`: why it was not.
    pub reasons: Vec<DetectedIssueEvent>,
}

impl RegistryAnswer {
    /// Reads the answer, with the DMP's wrapper or without.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema has it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let wrapped = RegistryAction::ALL.into_iter().any(|action| element.is(ns::DMP_GDP, action.wrapper()));
        let message = if wrapped { element.children().next() } else { Some(element) };
        let path = message.unwrap_or(element).path();
        let at = At::root(&path);
        let unexpected = || at.error(Kind::UnexpectedElement);
        let message = message.filter(|e| e.namespace() == Some(ns::HL7V3)).ok_or_else(unexpected)?;
        let process = message::control_act(message, &at)?;
        let process_at = at.child("controlActProcess", 0);
        Ok(Self {
            verdict: RegistryVerdict::read(message.local_name(), process, &process_at)?.ok_or_else(unexpected)?,
            transmission: Transmission::read(message, &at)?,
            acknowledgement: Acknowledgement::read_in(message, &at)?,
            control_act: ControlAct::read(process, &process_at)?,
            reasons: many(process, ns::HL7V3, "reasonOf", &process_at)?,
        })
    }

    /// Appends the answer in the DMP's wrapper.
    pub fn write(&self, out: &mut Vec<u8>) {
        // The wrapper has a prefix, so that the message inside declares its own namespace alone.
        let wrapper = match self.verdict.action() {
            RegistryAction::Add => "gdp:PRPA_IN201311UV02_Response",
            RegistryAction::Revise => "gdp:PRPA_IN201314UV02_Response",
        };
        open(out, wrapper);
        attr(out, "xmlns:gdp", ns::DMP_GDP);
        raw(out, ">");
        self.write_bare(out);
        close(out, wrapper);
    }

    /// Appends the answer without wrapper.
    pub fn write_bare(&self, out: &mut Vec<u8>) {
        let acknowledgement = Some((&self.acknowledgement, Edition::Ne2009));
        message::write(out, self.verdict.interaction(), &self.transmission, acknowledgement, |out| {
            write_control_act(out, &self.control_act, |out| self.verdict.write(out), &self.reasons, |_| {});
        });
    }
}
