//! Answers: a SOAP 1.2 envelope with WS-Addressing 1.0 headers around a message or a fault, and its MTOM framing.
//!
//! SOAP 1.2 is what is written, whichever version asked (SOAP 1.2 part 1, appendix A). The answer is addressed to
//! the anonymous endpoint: it goes back on the connection it is asked on.
//!
//! Never makes an identifier or a boundary: they are given.

mod fault;
mod mtom;

pub use fault::{BaseFault, Fault, FaultCode, FaultDetail, Subcode};
pub use mtom::MtomFrame;

use crate::ns;
use crate::xml::escape::{attr, element, raw};

/// Headers of an answer, or of a request that a test client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoapReply<'m> {
    action: &'m str,
    message_id: &'m str,
    to: &'m str,
    relates_to: Option<&'m str>,
    action_must_understand: bool,
    header: Option<&'m [u8]>,
}

impl<'m> SoapReply<'m> {
    /// A message with this `wsa:Action` and `wsa:MessageID`, to the anonymous address.
    #[must_use]
    pub fn new(action: &'m str, message_id: &'m str) -> Self {
        Self {
            action,
            message_id,
            to: ns::WSA_ANONYMOUS,
            relates_to: None,
            action_must_understand: false,
            header: None,
        }
    }

    /// Sets `wsa:RelatesTo`: the `MessageID` of the request.
    #[must_use]
    pub fn relates_to(mut self, message_id: Option<&'m str>) -> Self {
        self.relates_to = message_id;
        self
    }

    /// Sets `wsa:To`, for a request.
    #[must_use]
    pub fn to(mut self, address: &'m str) -> Self {
        self.to = address;
        self
    }

    /// Marks `wsa:Action` with `mustUnderstand`, as IHE examples do and the DMP does not.
    #[must_use]
    pub fn action_must_understand(mut self) -> Self {
        self.action_must_understand = true;
        self
    }

    /// Adds header blocks as they are, for a request that carries `wsse:Security`. They must be well-formed XML that
    /// declares its own prefixes.
    #[must_use]
    pub fn header(mut self, blocks: &'m [u8]) -> Self {
        self.header = Some(blocks);
        self
    }

    /// Appends the envelope; `body` appends what is in its body.
    pub fn write(&self, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
        self.open(out, "");
        body(out);
        raw(out, "</soap:Body></soap:Envelope>");
    }

    /// Appends the envelope of a fault.
    pub fn write_fault(&self, out: &mut Vec<u8>, fault: &Fault) {
        self.open(out, fault.header());
        fault.write(out);
        raw(out, "</soap:Body></soap:Envelope>");
    }

    fn open(&self, out: &mut Vec<u8>, fault_header: &str) {
        raw(out, "<soap:Envelope xmlns:soap=\"");
        raw(out, ns::SOAP12);
        raw(out, "\" xmlns:wsa=\"");
        raw(out, ns::WSA);
        raw(out, "\"><soap:Header>");
        raw(out, fault_header);
        if self.action_must_understand {
            raw(out, "<wsa:Action");
            attr(out, "soap:mustUnderstand", "true");
            raw(out, ">");
            crate::xml::escape::text(out, self.action);
            raw(out, "</wsa:Action>");
        } else {
            element(out, "wsa:Action", self.action);
        }
        element(out, "wsa:MessageID", self.message_id);
        element(out, "wsa:To", self.to);
        if let Some(relates_to) = self.relates_to {
            element(out, "wsa:RelatesTo", relates_to);
        }
        out.extend_from_slice(self.header.unwrap_or_default());
        raw(out, "</soap:Header><soap:Body>");
    }
}

#[cfg(test)]
mod tests;
