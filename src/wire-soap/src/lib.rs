//! SOAP messages of the XDS family: bytes to typed messages and back.
//!
//! A request arrives as `multipart/related` ([`content_type`], [`multipart`]), its root part is an XML tree
//! ([`xml`]) holding a SOAP envelope ([`envelope`]) whose body is one XDS.b message ([`xds`]) made of ebXML
//! registry objects ([`ebxml`]). An answer is written by [`reply`].
//!
//! Carries out: W3C SOAP 1.2 part 1, MTOM and XOP, RFC 2045/2046/2387, WS-Addressing 1.0, OASIS ebRIM/ebRS 3.0,
//! IHE ITI TF-2 3.18, 3.41, 3.42, 3.43, 3.57 (the messages, not the transactions).
//!
//! Never opens a socket, a file or a database, reads no clock, makes no identifier, and knows no rule of the
//! health space: whether a well-formed message may be obeyed is decided elsewhere. Every input is bounded and no
//! error repeats what a message contained.

pub mod content_type;
pub mod ebxml;
pub mod envelope;
mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod multipart;
pub mod ns;
pub mod reply;
pub mod xds;
pub mod xml;

pub use error::{MessageError, MessageErrorKind};
