//! SOAP messages of the XDS family, of patient identity and of the DMP: bytes to typed messages and back.
//!
//! A request arrives as `multipart/related` ([`content_type`], [`multipart`]) or bare, its root part is an XML tree
//! ([`xml`]) holding a SOAP envelope ([`envelope`]). Its body is one XDS.b message ([`xds`]) made of ebXML registry
//! objects ([`ebxml`]), one HL7 v3 message on patients ([`hl7v3`]) or one of the DMP's own ([`dmp`]). An answer is
//! written by [`reply`].
//!
//! Carries out: W3C SOAP 1.2 part 1, MTOM and XOP, RFC 2045/2046/2387, WS-Addressing 1.0, OASIS ebRIM/ebRS 3.0,
//! HL7 v3 patient registry messages (normative editions 2008 and 2009), IHE ITI TF-2 3.18, 3.41, 3.42, 3.43, 3.44,
//! 3.45, 3.46, 3.47, 3.57 (the messages, not the transactions), the DMP's WSDLs of 2010 and 2024.
//!
//! Never opens a socket, a file or a database, reads no clock, makes no identifier, and knows no rule of the
//! health space: whether a well-formed message may be obeyed is decided elsewhere. Every input is bounded and no
//! error repeats what a message contained.

pub mod content_type;
pub mod dmp;
pub mod ebxml;
pub mod envelope;
mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod hl7v3;
pub mod multipart;
pub mod ns;
mod record;
pub mod reply;
pub mod xds;
pub mod xml;

pub use error::{MessageError, MessageErrorKind};
