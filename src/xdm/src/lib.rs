//! Sets of documents on a medium (IHE ITI-32, ITI TF-2 §3.32; XDM): a zip with `INDEX.HTM`, `README.TXT` and
//! `IHE_XDM/SUBSETnn/METADATA.XML`, read without trust and written exactly.
//!
//! An archive is judged as a whole before a byte of it is unpacked: number and names of its entries, what they claim to
//! unpack to, where they lie. Unpacking then stops at what was claimed; documents are streamed, and held against the
//! size and the hash of the metadata. Archives inside archives are documents like others: nobody opens them.
//!
//! Knows zip and the shape of `METADATA.XML`; what the metadata mean is the caller's. Blocking: for files and memory.

mod directory;
mod error;
mod layout;
mod limits;
mod names;
mod read;
mod write;

pub use error::{XdmError, XdmErrorKind};
pub use layout::Departure;
pub use limits::Limits;
pub use read::{Document, Media, SubsetFiles};
pub use write::{About, NewDocument, NewSubset, Written, write};

#[cfg(test)]
mod tests;
