//! The JWT equivalent of the VIHF, for FHIR and mail until Pro Santé Connect's tokens come.
//!
//! Carries out RFC 7515 and RFC 7519 within RFC 8725: compact form, RS256 or ES256 with the key of the certificate in
//! `x5c`, type `JWT`, no critical extension. The claims are the VIHF's, under the same rules and refusals. Never logs
//! anything of a token.

mod holder;
#[cfg(test)]
mod tests;
mod wire;

use std::{fmt, sync::Arc};

use ambient::SharedClock;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use space::{Cause, Credential, Refusal};

use self::wire::{Body, Header};
pub use self::{
    holder::{HolderTokens, sign_holder},
    wire::{AUDIENCE, sign},
};
use crate::{
    Claims, Peer, TrustAnchors, VihfPolicy,
    cache::{self, Cache, Known},
    claims::Places,
    key::{Curve, Hash, KeyFamily, Scheme},
};

const PLACES: Places = Places {
    issuer: "/iss",
    issued: "/iat",
    not_before: "/nbf",
    not_after: "/exp",
    subject: "/sub",
    name: "/vihf/name",
    mode: "/vihf/mode",
    structure: "/vihf/structure",
    role: "/vihf/roles",
    speciality: "/vihf/roles/1",
    signer: "/x5c/0",
};

/// Turns tokens into credentials.
pub struct BearerVerifier {
    policy: VihfPolicy,
    anchors: Arc<TrustAnchors>,
    clock: SharedClock,
    cache: Cache,
}

impl BearerVerifier {
    /// A verifier that trusts `anchors`.
    #[must_use]
    pub fn new(policy: VihfPolicy, anchors: Arc<TrustAnchors>, clock: SharedClock) -> Self {
        Self { policy, anchors, clock, cache: Cache::default() }
    }

    /// Verifies a compact token that `peer` sent; `None` where the protocol has no client certificate (mail).
    ///
    /// # Errors
    /// A [`Refusal`]: [`Cause::BearerInvalid`] for the token's shape, the VIHF's causes for what it claims.
    pub fn verify(&self, token: &str, peer: Option<&Peer>) -> Result<Credential, Refusal> {
        if token.len() > self.policy.max_bytes {
            return Err(Refusal::new(Cause::TooLarge).about(self.policy.max_bytes.to_string()));
        }
        let key = cache::key(token, &[]);
        if let Some(known) = self.cache.get(&key) {
            let told = self.told(&known, peer);
            if told.as_ref().is_err_and(|refusal| crate::vihf::for_good(refusal.cause)) {
                self.cache.forget(&key);
            }
            return told;
        }
        let (claims, signer) = self.read(token)?;
        let known = Arc::new(Known { claims, signer });
        let told = self.told(&known, peer)?;
        self.cache.put(key, known);
        Ok(told)
    }

    /// What depends on the instant and the caller: signer, time, and who may say so to whom.
    fn told(&self, known: &Known, peer: Option<&Peer>) -> Result<Credential, Refusal> {
        let now = self.clock.now();
        self.check_signer(&known.signer)?;
        self.anchors.check_status(&known.signer, now).map_err(|r| r.at(PLACES.signer))?;
        known.claims.check_time(self.policy.lifetime(), now, &PLACES)?;
        known.claims.credential(&known.signer, peer, &PLACES)
    }

    fn check_signer(&self, signer: &Peer) -> Result<(), Refusal> {
        self.anchors.check_peer(signer, self.clock.now()).map_err(|r| r.at(PLACES.signer))
    }

    fn read(&self, token: &str) -> Result<(Claims, Peer), Refusal> {
        let invalid = |at: &str| Refusal::new(Cause::BearerInvalid).at(at);
        let parts: Vec<&str> = token.split('.').collect();
        let [header, body, signature] = parts.as_slice() else { return Err(invalid("/")) };
        let decode = |text: &str, at: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid(at));
        let read: Header = serde_json::from_slice(&decode(header, "/header")?).map_err(|_| invalid("/header"))?;
        read.check()?;
        let chain = read.x5c.iter().map(|c| STANDARD.decode(c).map_err(|_| invalid("/x5c")));
        let chain: Vec<Vec<u8>> = chain.collect::<Result<_, _>>()?;
        let (leaf, further) = chain.split_first().ok_or_else(|| invalid("/x5c"))?;
        let signer = Peer::from_chain(leaf, further).map_err(|r| r.at(PLACES.signer))?;
        self.check_signer(&signer)?;
        let unfit = || Refusal::new(Cause::SignatureAlgorithm).at("/alg");
        let key = signer.public_key().ok_or_else(unfit)?;
        let scheme = match (read.alg.as_str(), key.family()) {
            ("RS256", KeyFamily::Rsa) => Scheme::RsaPkcs1(Hash::Sha256),
            ("ES256", KeyFamily::Ec(Curve::P256)) => Scheme::EcdsaRaw(Hash::Sha256),
            _ => return Err(unfit()),
        };
        let signed = &token[..header.len() + 1 + body.len()];
        if !key.verify(scheme, signed.as_bytes(), &decode(signature, "/signature")?) {
            return Err(Refusal::new(Cause::SignatureInvalid).at("/signature"));
        }
        let body: Body = serde_json::from_slice(&decode(body, "/claims")?).map_err(|_| invalid("/claims"))?;
        Ok((body.claims(&self.policy)?, signer))
    }
}

impl fmt::Debug for BearerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerVerifier").field("policy", &self.policy).finish_non_exhaustive()
    }
}
