//! UUIDs by which ebXML says which attribute a classification or identifier carries (ITI TF-3 Table 4.2.5-1…).

/// Object type of a stable document.
pub(crate) const STABLE_DOCUMENT: &str = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1";

pub(super) const ENTRY_AUTHOR: &str = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d";
pub(super) const ENTRY_CLASS: &str = "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a";
pub(super) const ENTRY_CONFIDENTIALITY: &str = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f";
pub(super) const ENTRY_EVENT: &str = "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4";
pub(super) const ENTRY_FORMAT: &str = "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d";
pub(super) const ENTRY_FACILITY: &str = "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1";
pub(super) const ENTRY_PRACTICE: &str = "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead";
pub(super) const ENTRY_TYPE: &str = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983";
pub(super) const ENTRY_PATIENT: &str = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427";
pub(super) const ENTRY_UNIQUE: &str = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab";

pub(super) const SET_NODE: &str = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd";
pub(super) const SET_AUTHOR: &str = "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d";
pub(super) const SET_CONTENT_TYPE: &str = "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500";
pub(super) const SET_PATIENT: &str = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446";
pub(super) const SET_SOURCE: &str = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832";
pub(super) const SET_UNIQUE: &str = "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8";

/// Object type of a document made on demand.
pub(crate) const ON_DEMAND_DOCUMENT: &str = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248";

pub(super) const FOLDER_CODE: &str = "urn:uuid:1ba97051-7806-41a8-a48b-8fce7af683c5";
pub(super) const FOLDER_PATIENT: &str = "urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a";
pub(super) const FOLDER_UNIQUE: &str = "urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a";
/// Why two documents are linked.
pub(super) const ASSOCIATION_DOCUMENTATION: &str = "urn:uuid:abd807a3-4432-4053-87b4-fd82c643d1f3";
pub(super) const FOLDER_NODE: &str = "urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2";

/// Slot of identifiers a document refers to.
pub(super) const REFERENCE_IDS: &str = "urn:ihe:iti:xds:2013:referenceIdList";
