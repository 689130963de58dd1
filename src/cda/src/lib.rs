//! Headers of CDA R2 documents (HL7 CDA R2 §4.2; CI-SIS *Structuration minimale*): read from the first bytes of a
//! document, checked against rules that are data, compared with the metadata of XDS, turned into them.
//!
//! For all of that nothing after the header is looked at: a document of 50 MB costs what its first [`HEAD_BYTES`] cost. Values
//! that feed the measures of a holder ([`values`]) are read from the body, in one pass of their own. Never a DTD, never an
//! entity but the five of XML. Errors and findings carry the name of a rule and a place, never a value.
//!
//! Knows the model and the code tables; opens no file, decides nothing: what follows from a finding is the caller's
//! [`Policy`].

mod consistency;
mod derive;
mod error;
mod form;
mod header;
mod path;
mod policy;
mod read;
mod rules;
mod text;
mod time;
mod tree;
mod values;

pub use consistency::{consistency, replacement, succession};
pub use derive::{Derived, derive};
pub use error::{HeaderError, HeaderErrorKind};
pub use header::{
    At, Body, Concept, Device, Header, Identifier, NamePart, Organisation, Party, Patient, PersonName, Related,
    ServiceEvent,
};
pub use policy::{Examined, Level, Policy, examine};
pub use rules::{Finding, Lang, Rules, Severity, check};
pub use time::Time;
pub use values::{Value, ValueRule, ValueRules, values};

/// First bytes of a document that hold its header and the start of its body: 256 KiB.
///
/// The longest header of the published ANS examples ends at byte 60 864 (a catalogue of every element there is), all
/// others before 36 000; a header is some 250 to 500 elements. Four times the longest leaves room for comments and
/// long lists of participants. A self-displaying document whose stylesheet comes before its header may need more: it
/// is said to be [`HeaderErrorKind::Incomplete`], not wrong.
pub const HEAD_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests;
