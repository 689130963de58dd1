//! The rules of the VIHF, one sentence each, and what attackers try.

mod attacks;
mod attributes;
mod corpus;
mod rules;
mod timing;
mod xmlsec;

use space::{Cause, Credential, Refusal};
use uppsala::NodeId;

use super::*;
use crate::testing::{World, rng};

pub(super) fn verifier(world: &World) -> VihfVerifier {
    VihfVerifier::new(VihfPolicy::default(), world.anchors(), world.clock.clone())
}

pub(super) fn signed(request: &VihfRequest) -> String {
    request.sign(&*rng()).expect("signs")
}

/// An assertion in the envelope that carries it.
pub(super) fn envelope(assertion: &str) -> String {
    format!(
        "<soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\"><soap:Header>\
         <wsse:Security xmlns:wsse=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\">\
         {assertion}</wsse:Security></soap:Header><soap:Body id=\"b\"><x id=\"cl01\"/><y id=\"cl01\"/></soap:Body>\
         </soap:Envelope>"
    )
}

/// The assertion a careless reader would take: the first of the message.
pub(super) fn first_assertion(doc: &Document<'_>) -> NodeId {
    doc.get_elements_by_tag_name_ns(SAML, "Assertion")[0]
}

pub(super) fn verify_text(verifier: &VihfVerifier, xml: &str, peer: &Peer) -> Result<Credential, Refusal> {
    let doc = uppsala::parse(xml).expect("well-formed");
    verifier.verify(&doc, first_assertion(&doc), peer)
}

pub(super) fn verify(world: &World, request: &VihfRequest, peer: &str) -> Result<Credential, Refusal> {
    verify_text(&verifier(world), &envelope(&signed(request)), &world.peer(peer))
}

/// Cause and place of a refusal.
pub(super) fn refused(result: Result<Credential, Refusal>) -> (Cause, String) {
    let refusal = result.expect_err("refused");
    (refusal.cause, refusal.place.unwrap_or_default())
}

pub(super) fn attribute_place(name: &str) -> String {
    format!("/Assertion/AttributeStatement/Attribute[@Name='{name}']")
}
