//! Where faces and `trust` meet: the peer of the connection and the assertion or token of the call make a credential.

use std::sync::Arc;

use axum::http::{Extensions, HeaderMap, header};
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
        &self,
        document: &uppsala::Document<'_>,
        assertion: uppsala::NodeId,
        extensions: &Extensions,
    ) -> Result<Credential, Refusal> {
        self.vihf.verify(document, assertion, peer(extensions)?)
    }
}

impl fhir::Authenticate for Credentials {
    fn authenticate(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Credential, Refusal> {
        let missing = || Refusal::new(Cause::BearerMissing).at("Authorization");
        let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
        let value = value.to_str().map_err(|_| Refusal::new(Cause::BearerInvalid).at("Authorization"))?;
        let token = value
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(missing)?;
        self.bearer.verify(token, Some(peer(extensions)?))
    }
}
