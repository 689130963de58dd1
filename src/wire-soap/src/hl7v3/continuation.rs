//! More of an answer, or no more of it (QUQI_IN000003), and the acknowledgement of a message that nothing else answers
//! (MCCI_IN000002).

use super::acknowledgement::{Acknowledgement, Edition};
use super::control_act::{ControlAct, DetectedIssueEvent};
use super::datatypes::{Code, InstanceIdentifier, Nullable};
use super::message::{self, expect, write_control_act};
use super::transmission::Transmission;
use crate::MessageError;
use crate::ns;
use crate::record::{At, Component, many, optional, record, required};
use crate::xml::Element;

record! {
    strict ns::HL7V3;
    /// `queryContinuation`: of which query, from where, how much.
    pub struct Continuation [] {
        /// `queryId`, of the query.
        query_id: opt InstanceIdentifier = "queryId",
        /// `startResultNumber`, from 1.
        start_result_number: opt Nullable<i64> = "startResultNumber",
        /// `continuationQuantity`.
        continuation_quantity: opt Nullable<i64> = "continuationQuantity",
        /// `statusCode`: `waitContinuedQueryResponse`, or `aborted` to cancel.
        status_code: one Code = "statusCode",
    }
}

/// QUQI_IN000003UV01 (ITI TF-2 3.47.4.3): what is still wanted of the answer to a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryContinuation {
    /// Whether the element is `QUQI_IN000003UV01_Cancel`: nothing more is wanted.
    pub cancel: bool,
    /// The head of the message.
    pub transmission: Transmission,
    /// How the answer so far was taken.
    pub acknowledgement: Option<Acknowledgement>,
    /// The act.
    pub control_act: ControlAct,
    /// `reasonOf`.
    pub reasons: Vec<DetectedIssueEvent>,
    /// `queryContinuation`.
    pub continuation: Continuation,
}

impl QueryContinuation {
    /// The interaction, which is the element's name unless it cancels.
    pub const INTERACTION: &'static str = "QUQI_IN000003UV01";
    /// The element's name when it cancels.
    pub const CANCEL_ELEMENT: &'static str = "QUQI_IN000003UV01_Cancel";

    /// Reads either element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema has it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let path = element.path();
        let at = At::root(&path);
        let cancel = element.is(ns::HL7V3, Self::CANCEL_ELEMENT);
        if !cancel {
            expect(element, Self::INTERACTION, &at)?;
        }
        let process = message::control_act(element, &at)?;
        let process_at = at.child("controlActProcess", 0);
        Ok(Self {
            cancel,
            transmission: Transmission::read(element, &at)?,
            acknowledgement: optional(element, ns::HL7V3, "acknowledgement", &at)?,
            control_act: ControlAct::read(process, &process_at)?,
            reasons: many(process, ns::HL7V3, "reasonOf", &process_at)?,
            continuation: required(process, ns::HL7V3, "queryContinuation", &process_at)?,
        })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        let name = if self.cancel { Self::CANCEL_ELEMENT } else { Self::INTERACTION };
        let acknowledgement = self.acknowledgement.as_ref().map(|a| (a, Edition::Ne2008));
        message::write(out, name, &self.transmission, acknowledgement, |out| {
            write_control_act(
                out,
                &self.control_act,
                |_| {},
                &self.reasons,
                |out| {
                    self.continuation.write(out, "queryContinuation");
                },
            );
        });
    }
}

/// MCCI_IN000002UV01: a message was received, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptAcknowledgement {
    /// The head of the message.
    pub transmission: Transmission,
    /// How the message was taken.
    pub acknowledgement: Acknowledgement,
}

impl AcceptAcknowledgement {
    /// The interaction, which is the element's name.
    pub const INTERACTION: &'static str = "MCCI_IN000002UV01";

    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema has it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let path = element.path();
        let at = At::root(&path);
        expect(element, Self::INTERACTION, &at)?;
        Ok(Self {
            transmission: Transmission::read(element, &at)?,
            acknowledgement: Acknowledgement::read_in(element, &at)?,
        })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        let acknowledgement = Some((&self.acknowledgement, Edition::Ne2008));
        message::write(out, Self::INTERACTION, &self.transmission, acknowledgement, |_| {});
    }
}
