//! What every message has in common: its element with the declarations of its prefixes, its head, its control act.

use super::acknowledgement::{Acknowledgement, Edition};
use super::control_act::{ControlAct, DetectedIssueEvent};
use super::transmission::Transmission;
use crate::MessageErrorKind as Kind;
use crate::ns;
use crate::record::{At, Result, close, only, open, write_all};
use crate::xml::Element;
use crate::xml::escape::{attr, raw};

/// Refuses an element that is not this message.
pub(super) fn expect(element: Element<'_, '_>, interaction: &str, at: &At<'_>) -> Result<()> {
    if element.is(ns::HL7V3, interaction) { Ok(()) } else { Err(at.error(Kind::UnexpectedElement)) }
}

/// The one `controlActProcess`.
pub(super) fn control_act<'t, 'a>(message: Element<'t, 'a>, at: &At<'_>) -> Result<Element<'t, 'a>> {
    only(message, ns::HL7V3, "controlActProcess", at)
}

/// Appends a message: its head, an acknowledgement if it has one, and what follows.
pub(super) fn write(
    out: &mut Vec<u8>,
    interaction: &str,
    transmission: &Transmission,
    acknowledgement: Option<(&Acknowledgement, Edition)>,
    rest: impl FnOnce(&mut Vec<u8>),
) {
    open(out, interaction);
    attr(out, "xmlns", ns::HL7V3);
    attr(out, "xmlns:xsi", ns::XSI);
    attr(out, "ITSVersion", "XML_1.0");
    raw(out, ">");
    transmission.write_children(out);
    if let Some((acknowledgement, edition)) = acknowledgement {
        acknowledgement.write_as(out, edition);
    }
    rest(out);
    close(out, interaction);
}

/// Appends `controlActProcess`: its head, its subjects, why something was not done, and what follows.
pub(super) fn write_control_act(
    out: &mut Vec<u8>,
    control_act: &ControlAct,
    subjects: impl FnOnce(&mut Vec<u8>),
    reasons: &[DetectedIssueEvent],
    rest: impl FnOnce(&mut Vec<u8>),
) {
    control_act.write_start(out, "controlActProcess");
    control_act.write_children(out);
    subjects(out);
    write_all(reasons, out, "reasonOf");
    rest(out);
    close(out, "controlActProcess");
}
