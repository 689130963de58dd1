//! Queries on patients and their answers: get demographics (PRPA_IN201307 and 201308; DMP TD0.2 and TD1.3a), find
//! candidates (201305 and 201306; ITI-47, DMP TD0.5), get identifiers (201309 and 201310; ITI-45).

use super::acknowledgement::{Acknowledgement, Edition};
use super::control_act::{ControlAct, DetectedIssueEvent, QueryAck};
use super::message::{self, expect, write_control_act};
use super::parameters::{CandidateQuery, IdentifierQuery};
use super::patient::{Candidate, IdentifiedPatient, Patient};
use super::registration::{self, Mood, Registration, write_subject};
use super::transmission::Transmission;
use crate::MessageError;
use crate::ns;
use crate::record::{At, Component, many, optional, required};
use crate::xml::Element;

/// A query and the answer to it.
macro_rules! query {
    (
        $(#[$query_meta:meta])*
        $query:ident = $query_id:literal, $by:ty;
        $(#[$answer_meta:meta])*
        $answer:ident = $answer_id:literal, $patient:ty, $edition:expr;
    ) => {
        $(#[$query_meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $query {
            /// The head of the message.
            pub transmission: Transmission,
            /// Why it is asked, and by whom.
            pub control_act: ControlAct,
            /// `queryByParameter`.
            pub query: $by,
        }

        impl $query {
            /// The interaction, which is the element's name.
            pub const INTERACTION: &'static str = $query_id;

            /// Reads the element.
            ///
            /// # Errors
            /// [`MessageError`] where it is not as its schema has it, or is not asked for in full.
            pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
                let path = element.path();
                let at = At::root(&path);
                expect(element, Self::INTERACTION, &at)?;
                let process = message::control_act(element, &at)?;
                let process_at = at.child("controlActProcess", 0);
                Ok(Self {
                    transmission: Transmission::read(element, &at)?,
                    control_act: ControlAct::read(process, &process_at)?,
                    query: required(process, ns::HL7V3, "queryByParameter", &process_at)?,
                })
            }

            /// Appends the element.
            pub fn write(&self, out: &mut Vec<u8>) {
                message::write(out, Self::INTERACTION, &self.transmission, None, |out| {
                    write_control_act(out, &self.control_act, |_| {}, &[], |out| {
                        self.query.write(out, "queryByParameter");
                    });
                });
            }
        }

        $(#[$answer_meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $answer {
            /// The head of the message.
            pub transmission: Transmission,
            /// How the query was taken.
            pub acknowledgement: Acknowledgement,
            /// The act that answers.
            pub control_act: ControlAct,
            /// `subject`: what was found.
            pub subjects: Vec<Registration<$patient>>,
            /// `reasonOf`: why something was not found or not told.
            pub reasons: Vec<DetectedIssueEvent>,
            /// `queryAck`.
            pub query_ack: QueryAck,
            /// `queryByParameter`: the query again. IHE wants it, the DMP does without.
            pub query: Option<$by>,
        }

        impl $answer {
            /// The interaction, which is the element's name.
            pub const INTERACTION: &'static str = $answer_id;

            /// Reads the element.
            ///
            /// # Errors
            /// [`MessageError`] where it is not as its schema has it.
            pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
                let path = element.path();
                let at = At::root(&path);
                expect(element, Self::INTERACTION, &at)?;
                let process = message::control_act(element, &at)?;
                let process_at = at.child("controlActProcess", 0);
                Ok(Self {
                    transmission: Transmission::read(element, &at)?,
                    acknowledgement: Acknowledgement::read_in(element, &at)?,
                    control_act: ControlAct::read(process, &process_at)?,
                    subjects: registration::read_all(process, Mood::Event, &process_at)?,
                    reasons: many(process, ns::HL7V3, "reasonOf", &process_at)?,
                    query_ack: required(process, ns::HL7V3, "queryAck", &process_at)?,
                    query: optional(process, ns::HL7V3, "queryByParameter", &process_at)?,
                })
            }

            /// Appends the element.
            pub fn write(&self, out: &mut Vec<u8>) {
                let acknowledgement = Some((&self.acknowledgement, $edition));
                message::write(out, Self::INTERACTION, &self.transmission, acknowledgement, |out| {
                    let subjects = |out: &mut Vec<u8>| {
                        self.subjects.iter().for_each(|subject| write_subject(subject, out, Mood::Event));
                    };
                    write_control_act(out, &self.control_act, subjects, &self.reasons, |out| {
                        self.query_ack.write(out, "queryAck");
                        self.query.iter().for_each(|query| query.write(out, "queryByParameter"));
                    });
                });
            }
        }
    };
}

query! {
    /// PRPA_IN201307UV02: what is known of this patient. In the DMP a reason code tells TD0.2 from TD1.3a.
    GetDemographics = "PRPA_IN201307UV02", IdentifierQuery;
    /// PRPA_IN201308UV02. TD0.2 tells what the caller may do in the attention lines of its head.
    Demographics = "PRPA_IN201308UV02", Patient, Edition::Ne2009;
}

query! {
    /// PRPA_IN201305UV02: who fits these traits.
    FindCandidates = "PRPA_IN201305UV02", CandidateQuery;
    /// PRPA_IN201306UV02.
    Candidates = "PRPA_IN201306UV02", Candidate, Edition::Ne2008;
}

query! {
    /// PRPA_IN201309UV02: under which other identifiers is this patient known.
    GetIdentifiers = "PRPA_IN201309UV02", IdentifierQuery;
    /// PRPA_IN201310UV02.
    Identifiers = "PRPA_IN201310UV02", IdentifiedPatient, Edition::Ne2008;
}
