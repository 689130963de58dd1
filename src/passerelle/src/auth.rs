//! Where faces and `trust` meet: the peer of the connection and the assertion or token of the call make a credential.

use std::sync::Arc;

use axum::http::{Extensions};
use space::{Cause, Credential, Refusal};
use trust::{BearerVerifier, PeerExtension, VihfVerifier};

/// Verifies VIHF and bearers against the peer of the connection.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) vihf: VihfVerifier,
    pub(crate) bearer: BearerVerifier,
}

fn peer(extensions: &Extensions) -> Result<&Arc<trust::Peer>, Refusal> {
    // The listener requires a certificate: without one no request comes this far.
    extensions.get::<PeerExtension>().map(|p| &p.0).ok_or_else(|| Refusal::new(Cause::PeerMismatch))
}

impl ihe::Authenticate for Credentials {
    fn authenticate(
        &self, document: &uppsala::Document<'_>, assertion: uppsala::NodeId, extensions: &Extensions,
    ) -> Result<Credential, Refusal> {
        self.vihf.verify(document, assertion, peer(extensions)?)
    }
}

