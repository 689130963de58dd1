//! Where faces and `trust` meet: the peer of the connection and the assertion or token of the call make a credential.

use std::sync::Arc;

use axum::http::{Extensions, HeaderMap, header};
use space::{Cause, Credential, Refusal};
use trust::{BearerVerifier, HolderTokens, PeerExtension, VihfVerifier};

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
        self.bearer.verify(token_of(headers)?, Some(peer(extensions)?))
    }
}

/// Verifies the tokens of holders, on the listener that asks for no certificate.
#[derive(Debug)]
pub(crate) struct Holders(pub(crate) Option<HolderTokens>);

impl fhir::Authenticate for Holders {
    fn authenticate(&self, headers: &HeaderMap, _: &Extensions) -> Result<Credential, Refusal> {
        let token = token_of(headers)?;
        let tokens = self.0.as_ref().ok_or_else(|| Refusal::new(Cause::BearerInvalid).at("Authorization"))?;
        tokens.verify(token)
    }
}

fn token_of(headers: &HeaderMap) -> Result<&str, Refusal> {
    let missing = || Refusal::new(Cause::BearerMissing).at("Authorization");
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let value = value.to_str().map_err(|_| Refusal::new(Cause::BearerInvalid).at("Authorization"))?;
    value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(missing)
}
