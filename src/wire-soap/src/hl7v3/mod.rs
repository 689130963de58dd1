//! HL7 v3 messages on patients: those of the DMP's `patients` service and of IHE PDQv3 and PIXv3.
//!
//! Carries out the XML schemas of normative edition 2008 (ITI-44 to ITI-47, DMP TD0.5) and 2009 (the other messages of
//! the DMP), which differ in where an acknowledgement has its type: both are read, each message is written as its own
//! edition has it. Every `read` takes the one element of an envelope's body; every `write` appends that element, with
//! the declarations of its prefixes and its children in the order of its schema.
//!
//! What a type carries is read and written alike. An element that no type has is passed over, for these schemas allow a
//! hundred that mean nothing here; among the conditions of a query it is refused. An element that is nil counts as
//! absent, a null flavour as a value that says why there is none.
//!
//! Never makes an identifier or a time, never decides whether a patient exists, fits or may be told of.

mod acknowledgement;
mod addresses;
mod concept;
mod continuation;
mod control_act;
mod datatypes;
mod entities;
mod interval;
mod message;
mod names;
mod parameters;
mod patient;
mod person;
mod queries;
mod registration;
mod registry;
mod requests;
mod transmission;
mod value;

pub use acknowledgement::{Acknowledgement, AcknowledgementDetail, AcknowledgementType};
pub use addresses::{AddressPart, PostalAddress, Telecom};
pub use concept::{CodedText, ConceptDescriptor};
pub use continuation::{AcceptAcknowledgement, Continuation, QueryContinuation};
pub use control_act::{
    AuthorOrPerformer, ControlAct, DataEnterer, DetectedIssueEvent, DetectedIssueManagement, QueryAck, QueryResponse,
    reason,
};
pub use datatypes::{Code, InstanceIdentifier, NullFlavor, Nullable, Timestamp};
pub use entities::{
    AssignedEntity, ContactParty, NamedDevice, NamedOrganization, NamedPerson, Organization, ScopingOrganization,
};
pub use interval::{Bound, Interval};
pub use names::{EntityName, NamePart, NamePartType};
pub use parameters::{
    CandidateParameters, CandidateQuery, IdentifierParameters, IdentifierQuery, MatchCriteria, Parameter, SortControl,
    semantics,
};
pub use patient::{
    AdministrativeObservation, Candidate, IdentifiedPatient, IdentifiedPerson, Patient, QueryMatchObservation,
    observation,
};
pub use person::{
    BirthPlace, BirthPlaceEntity, Guardian, GuardianPerson, LanguageCommunication, OtherIds, Person,
    PersonalRelationship, ROLE_CODE, RelatedPerson,
};
pub use queries::{Candidates, Demographics, FindCandidates, GetDemographics, GetIdentifiers, Identifiers};
pub use registration::{Author, Custodian, PriorRegisteredRole, PriorRegistration, Registration};
pub use registry::{RegistryEvent, RegistryRecord};
pub use requests::{RegistryAction, RegistryAnswer, RegistryRequest, RegistryVerdict};
pub use transmission::{
    AttentionLine, Device, DeviceAgent, DeviceOrganization, INTERACTIONS, Receiver, Sender, Transmission,
};
pub use value::Value;
