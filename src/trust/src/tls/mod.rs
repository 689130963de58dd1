//! TLS as a server: the endpoint that holds the configuration, and the loop that serves HTTP over it.
//!
//! Carries out reference §1.2: mutual authentication, TLS 1.2 (ECDHE with AES-GCM or ChaCha20-Poly1305) and 1.3. Says who
//! the peer is ([`crate::Peer`]), never what it may do.

mod endpoint;
mod serve;
#[cfg(test)]
mod tests;

pub use endpoint::{ClientAuth, TlsEndpoint, TlsError, TlsFiles};
pub use serve::{PeerExtension, ServeOptions, serve};
