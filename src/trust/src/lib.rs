//! Who is calling, and how it is proved: certificates and their names, the development PKI, mutual TLS, XML signature,
//! the signature of submission sets, the VIHF and its JWT equivalent.
//!
//! Turns credentials into a [`space::Credential`]; never decides what its bearer may do. All cryptography is aws-lc's.
//! No identity, name, token or content is ever in a log line, an error or a `Debug` of this room.

pub mod anchors;
pub mod bearer;
pub mod claims;
pub mod key;
pub mod name;
pub mod ocsp;
pub mod peer;
pub mod pki;
pub mod tls;
#[cfg(any(test, feature = "vectors"))]
pub mod vectors;
pub mod vihf;
pub mod xades;
pub mod xmldsig;

mod cache;
mod files;
#[cfg(test)]
mod testing;

pub use anchors::{AnchorFiles, RevocationPolicy, TrustAnchors};
pub use bearer::{BearerVerifier, HolderTokens};
pub use claims::{Claims, CodedRole};
pub use key::SigningKey;
pub use name::{DistinguishedName, same_name};
pub use ocsp::{Ocsp, OcspFigures, OcspMode, OcspPolicy, OcspTransport, Unanswered};
pub use peer::{Bearer, Peer, StructureUse};
pub use pki::{IssueRequest, KeyType, Kind, Pki};
pub use tls::{ClientAuth, PeerExtension, ServeOptions, TlsEndpoint, TlsFiles, serve};
pub use vihf::{VihfPolicy, VihfRequest, VihfVerifier};
pub use xades::{SetVerifier, SignedDocument, SignedSet, sign_set};
