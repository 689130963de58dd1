//! The model of a health space: who its holder is, what documents it keeps, who may see what, in which state it is.
//!
//! Types that cannot hold an illegal value, and rules as functions of data and time. Does no I/O, reads no clock, knows
//! no protocol: XML, JSON and SOAP are the faces' business.

pub mod actor;
pub mod cause;
pub mod code;
pub mod data;
pub mod document;
pub mod dtm;
pub mod hl7;
pub mod holder;
pub mod ins;
pub mod local;
pub mod measure;
pub mod oid;
pub mod people;
pub mod query;
pub mod settings;
mod shape;
pub mod submission;
pub mod subscription;
pub mod trace;

pub use actor::{Actor, AuthMode, Credential, Purpose, Role, Software};
pub use cause::{Cause, Refusal};
pub use code::Code;
pub use document::{
    Association, AssociationKind, Author, AvailabilityStatus, DocumentEntry, EntryKind, Folder, LocalizedText, Slot,
    SubmissionSet, Visibility,
};
pub use dtm::Dtm;
pub use holder::{Holder, Sex, SpaceId, SpaceState, TraitQuery, Traits};
pub use ins::{Ins, InsOid, InsTolerance};
pub use local::LocalId;
pub use oid::Oid;
pub use people::{Profession, ProfessionalId, StructureId};
pub use settings::{Authorisation, EmergencyConsents, Settings};
pub use submission::{Submission, SubmittedDocument, SubmittedFolder};
pub use subscription::{Followed, Subscription, Topic};
