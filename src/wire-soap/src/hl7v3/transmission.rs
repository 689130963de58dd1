//! The transmission wrapper: who sends what to whom (MCCI_MT000100, 000200, 000300).

use super::concept::CodedText;
use super::datatypes::{Code, InstanceIdentifier, Timestamp};
use super::names::EntityName;
use super::value::Value;
use crate::ns;
use crate::record::record;

/// The root of `interactionId`: HL7's own interactions.
pub const INTERACTIONS: &str = "2.16.840.1.113883.1.6";

record! {
    lenient ns::HL7V3;
    /// `representedOrganization` of a device: whose it is.
    pub struct DeviceOrganization [classCode = "ORG", determinerCode = "INSTANCE"] {
        /// `id`.
        ids: some InstanceIdentifier = "id",
        /// `name`.
        names: many EntityName = "name",
    }
}

record! {
    lenient ns::HL7V3;
    /// `asAgent`: on whose behalf a device acts.
    pub struct DeviceAgent [classCode = "AGNT"] {
        /// `representedOrganization`.
        represented_organization: opt DeviceOrganization = "representedOrganization",
    }
}

record! {
    lenient ns::HL7V3;
    /// `device`: a system that sends or receives.
    pub struct Device [classCode = "DEV", determinerCode = "INSTANCE"] {
        /// `id`, an OID as a rule.
        ids: some InstanceIdentifier = "id",
        /// `name`.
        names: many EntityName = "name",
        /// `manufacturerModelName`.
        manufacturer_model_name: opt CodedText = "manufacturerModelName",
        /// `softwareName`.
        software_name: opt CodedText = "softwareName",
        /// `asAgent`.
        as_agent: opt DeviceAgent = "asAgent",
    }
}

impl Device {
    /// A device known by an OID.
    #[must_use]
    pub fn new(root: impl Into<String>) -> Self {
        Self { ids: vec![InstanceIdentifier::root(root)], ..Self::default() }
    }
}

record! {
    lenient ns::HL7V3;
    /// `receiver`.
    pub struct Receiver [typeCode = "RCV"] {
        /// `device`.
        device: one Device = "device",
    }
}

record! {
    lenient ns::HL7V3;
    /// `sender`.
    pub struct Sender [typeCode = "SND"] {
        /// `device`.
        device: one Device = "device",
    }
}

record! {
    lenient ns::HL7V3;
    /// `attentionLine`: a word and its value, beside the message. The DMP puts AUTORISATION and STATUT_MT here.
    pub struct AttentionLine [] {
        /// `keyWordText`.
        key_word_text: opt CodedText = "keyWordText",
        /// `value`.
        value: opt Value = "value",
    }
}

record! {
    lenient ns::HL7V3;
    /// What stands at the head of every message.
    pub struct Transmission [] {
        /// `id` of the message.
        id: one InstanceIdentifier = "id",
        /// `creationTime`.
        creation_time: one Timestamp = "creationTime",
        /// `versionCode`.
        version_code: opt Code = "versionCode",
        /// `interactionId`. Which message it is, is told by its element.
        interaction_id: one InstanceIdentifier = "interactionId",
        /// `processingCode`: `P` production, `T` training, `D` debugging.
        processing_code: one Code = "processingCode",
        /// `processingModeCode`: `T` current processing.
        processing_mode_code: one Code = "processingModeCode",
        /// `acceptAckCode`: `AL` acknowledge always, `NE` never.
        accept_ack_code: one Code = "acceptAckCode",
        /// `receiver`.
        receivers: some Receiver = "receiver",
        /// `sender`.
        sender: one Sender = "sender",
        /// `attentionLine`.
        attention_lines: many AttentionLine = "attentionLine",
    }
}

impl Transmission {
    /// The head of a request: production, to be acknowledged.
    #[must_use]
    pub fn request(
        interaction: &str,
        id: InstanceIdentifier,
        creation_time: Timestamp,
        sender: Device,
        receiver: Device,
    ) -> Self {
        Self {
            id,
            creation_time,
            version_code: None,
            interaction_id: InstanceIdentifier::new(INTERACTIONS, interaction),
            processing_code: "P".into(),
            processing_mode_code: "T".into(),
            accept_ack_code: "AL".into(),
            receivers: vec![Receiver { device: receiver }],
            sender: Sender { device: sender },
            attention_lines: Vec::new(),
        }
    }

    /// The head of the answer to this message, from `device` to its sender: as the DMP's answers, production, current,
    /// not to be acknowledged. Each may be changed afterwards.
    #[must_use]
    pub fn answer(&self, interaction: &str, id: InstanceIdentifier, creation_time: Timestamp, device: Device) -> Self {
        let mut answer = Self::request(interaction, id, creation_time, device, self.sender.device.clone());
        answer.accept_ack_code = "NE".into();
        answer
    }
}
