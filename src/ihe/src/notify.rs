//! ITI-46, as the gateway sends it: PRPA_IN201302 to a consumer, and its acknowledgement read. ITI TF-2 §3.46. Opens no
//! connection: the program carries it.

use desk::Reference;
use space::Dtm;
use wire_soap::{
    envelope::Envelope,
    hl7v3::{
        AcceptAcknowledgement, AcknowledgementType, ControlAct, Device, InstanceIdentifier, RegistryEvent,
        RegistryRecord, Timestamp, Transmission,
    },
    ns::action,
    reply::SoapReply,
    xml::{Tree, XmlLimits},
};

use crate::pix;

/// From whom a notice is, and to whom.
#[derive(Debug, Clone)]
pub struct Addressed<'a> {
    /// OID by which this gateway names itself.
    pub device: &'a str,
    /// OID of the consumer's device.
    pub consumer: &'a str,
    /// Where it listens.
    pub url: &'a str,
}

/// The envelope of a notice; `id` is a fresh UUID.
#[must_use]
pub fn notice(addressed: &Addressed<'_>, references: &[Reference], id: &str, at: &Dtm) -> Vec<u8> {
    let record = RegistryRecord {
        event: RegistryEvent::RecordRevised,
        transmission: Transmission::request(
            RegistryEvent::RecordRevised.interaction(),
            InstanceIdentifier::root(id),
            Timestamp(at.as_str().to_owned()),
            Device::new(addressed.device),
            Device::new(addressed.consumer),
        ),
        control_act: ControlAct::of(RegistryEvent::RecordRevised.trigger_event()),
        subjects: vec![pix::updated(addressed.device, references)],
        reasons: Vec::new(),
    };
    let mut out = Vec::with_capacity(4096);
    let message_id = format!("urn:uuid:{id}");
    SoapReply::new(action::RECORD_REVISED, &message_id).to(addressed.url).write(&mut out, |out| record.write(out));
    out
}

/// Whether a notice was taken, as its acknowledgement says; none when the answer is none.
#[must_use]
pub fn verdict(answer: &[u8]) -> Option<bool> {
    let tree = Tree::parse(std::str::from_utf8(answer).ok()?, &XmlLimits::default()).ok()?;
    let envelope = Envelope::read(&tree).ok()?;
    let read = AcceptAcknowledgement::read(envelope.body()).ok()?;
    let taken = [AcknowledgementType::CommitAccept, AcknowledgementType::ApplicationAccept];
    Some(taken.contains(&read.acknowledgement.type_code))
}
