//! Access tokens of holders, signed by the gateway's own sign-in service (RFC 9068: type `at+jwt`).
//!
//! Carries out RFC 9068 within RFC 8725: compact form, RS256 or ES256 with the one key that is configured, whatever the
//! header names. Until holders sign in (OAuth), only the command line of development data makes them.

use std::{fmt, sync::Arc};

use ambient::{SharedClock, Timestamp};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use space::{Actor, Cause, Credential, Ins, InsTolerance, Refusal, Role};

use super::wire::{AUDIENCE, instant};
use crate::{
    Peer, SigningKey,
    cache::{self, Cache},
    claims::holder_of,
    key::{Curve, Hash, KeyFamily, PublicKey, Scheme},
    vihf::VihfError,
};

/// Who issues them.
const ISSUER: &str = "urn:passerelle:sign-in";
/// Their type.
const TYPE: &str = "at+jwt";
/// Longest token, in characters.
const LONGEST: usize = 8 * 1024;

/// What a token says, once its signature is known to be good.
#[derive(Debug)]
struct Said {
    holder: Ins,
    issued: Timestamp,
    expires: Timestamp,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Body {
    iss: Option<String>,
    aud: Option<String>,
    sub: Option<String>,
    iat: Option<Value>,
    exp: Option<Value>,
}

/// Turns tokens of holders into credentials.
pub struct HolderTokens {
    key: PublicKey,
    skew: SignedDuration,
    ins_tolerance: InsTolerance,
    clock: SharedClock,
    cache: Cache<Said>,
}

impl HolderTokens {
    /// A verifier that believes what the key of `signer` signed.
    ///
    /// # Errors
    /// [`Cause::SignatureAlgorithm`] when that key is of no family that signs tokens here.
    pub fn new(
        signer: &Peer,
        skew: SignedDuration,
        ins_tolerance: InsTolerance,
        clock: SharedClock,
    ) -> Result<Self, Refusal> {
        let key = signer.public_key().ok_or_else(|| Refusal::new(Cause::SignatureAlgorithm))?;
        Ok(Self { key, skew, ins_tolerance, clock, cache: Cache::default() })
    }

    /// Verifies a compact token.
    ///
    /// # Errors
    /// [`Cause::BearerInvalid`] for its shape, [`Cause::SignatureInvalid`], [`Cause::AssertionExpired`] or
    /// [`Cause::AssertionNotYetValid`] for its time.
    pub fn verify(&self, token: &str) -> Result<Credential, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::new(Cause::TooLarge).about(LONGEST.to_string()));
        }
        let key = cache::key(token, &[]);
        let said = match self.cache.get(&key) {
            Some(said) => said,
            None => {
                let said = Arc::new(self.read(token)?);
                self.cache.put(key, said.clone());
                said
            }
        };
        let now = self.clock.now();
        if said.issued.checked_sub(self.skew).is_ok_and(|at| at > now) {
            return Err(Refusal::new(Cause::AssertionNotYetValid).at("/iat"));
        }
        if said.expires.checked_add(self.skew).is_ok_and(|at| at <= now) {
            self.cache.forget(&key);
            return Err(Refusal::new(Cause::AssertionExpired).at("/exp"));
        }
        let actor = Actor { role: Role::Holder, name: "titulaire".into(), ..Actor::operator("") };
        Ok(Credential { actor, patient: Some(said.holder.clone()) })
    }

    fn read(&self, token: &str) -> Result<Said, Refusal> {
        let invalid = |at: &str| Refusal::new(Cause::BearerInvalid).at(at);
        let parts: Vec<&str> = token.split('.').collect();
        let [header, body, signature] = parts.as_slice() else { return Err(invalid("/")) };
        let decode = |text: &str, at: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid(at));
        let read: Header = serde_json::from_slice(&decode(header, "/header")?).map_err(|_| invalid("/header"))?;
        if !read.typ.is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE)) {
            return Err(invalid("/typ"));
        }
        if read.crit.is_some() {
            return Err(invalid("/crit"));
        }
        let scheme = match (read.alg.as_str(), self.key.family()) {
            ("RS256", KeyFamily::Rsa) => Scheme::RsaPkcs1(Hash::Sha256),
            ("ES256", KeyFamily::Ec(Curve::P256)) => Scheme::EcdsaRaw(Hash::Sha256),
            _ => return Err(Refusal::new(Cause::SignatureAlgorithm).at("/alg")),
        };
        let signed = &token[..header.len() + 1 + body.len()];
        if !self.key.verify(scheme, signed.as_bytes(), &decode(signature, "/signature")?) {
            return Err(Refusal::new(Cause::SignatureInvalid).at("/signature"));
        }
        let body: Body = serde_json::from_slice(&decode(body, "/claims")?).map_err(|_| invalid("/claims"))?;
        if body.iss.as_deref() != Some(ISSUER) {
            return Err(invalid("/iss"));
        }
        if body.aud.as_deref() != Some(AUDIENCE) {
            return Err(invalid("/aud"));
        }
        let holder = body.sub.ok_or_else(|| invalid("/sub"))?;
        Ok(Said {
            holder: holder_of(&holder, self.ins_tolerance).map_err(|r| r.at("/sub"))?,
            issued: instant(body.iat.as_ref(), "/iat")?.ok_or_else(|| invalid("/iat"))?,
            expires: instant(body.exp.as_ref(), "/exp")?.ok_or_else(|| invalid("/exp"))?,
        })
    }
}

impl fmt::Debug for HolderTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HolderTokens")
    }
}

/// Writes a holder's token that holds for so long from `issued` on.
///
/// # Errors
/// [`VihfError`] when the key cannot sign.
pub fn sign_holder(
    key: &SigningKey,
    holder: &Ins,
    issued: Timestamp,
    valid: SignedDuration,
) -> Result<String, VihfError> {
    let alg = if key.family() == KeyFamily::Rsa { "RS256" } else { "ES256" };
    let header = json!({ "alg": alg, "typ": TYPE });
    let expires = issued.checked_add(valid).unwrap_or(Timestamp::MAX);
    let body = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": holder.to_cx(),
        "iat": issued.as_second(), "exp": expires.as_second(),
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&body));
    let signature = key.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use ambient::Clock as _;
    use space::InsOid;

    use super::*;
    use crate::testing::World;

    #[test]
    fn a_holders_token_is_believed_by_its_one_key_and_for_its_time() {
        let world = World::new();
        let (signer, key) = (world.peer("server"), world.key("server"));
        let other = world.key("medecin-ec");
        assert_eq!(key.family(), other.family(), "a key of the same kind");
        let now = world.clock.now();
        let ins = Ins::parse("180117512345626", InsOid::NirTest, InsTolerance::Test).expect("a test number");
        let hour = SignedDuration::from_hours(1);
        let tokens = HolderTokens::new(&signer, SignedDuration::from_secs(60), InsTolerance::Test, world.clock.clone())
            .expect("a key");
        let good = sign_holder(&key, &ins, now, hour).expect("signed");
        for _ in 0..2 {
            let credential = tokens.verify(&good).expect("believed");
            assert_eq!((credential.actor.role, credential.patient.as_ref()), (Role::Holder, Some(&ins)));
        }
        let cause = |token: &str| tokens.verify(token).expect_err("refused").cause;
        assert_eq!(cause(&sign_holder(&other, &ins, now, hour).expect("signed")), Cause::SignatureInvalid);
        let old = now.checked_sub(SignedDuration::from_hours(2)).expect("time");
        assert_eq!(cause(&sign_holder(&key, &ins, old, hour).expect("signed")), Cause::AssertionExpired);
        let early = now.checked_add(hour).expect("time");
        assert_eq!(cause(&sign_holder(&key, &ins, early, hour).expect("signed")), Cause::AssertionNotYetValid);
        let (head, rest) = good.split_once('.').expect("parts");
        for header in [r#"{"alg":"none","typ":"at+jwt"}"#, r#"{"alg":"HS256","typ":"at+jwt"}"#] {
            let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(cause(&forged), Cause::SignatureAlgorithm);
        }
        let typed = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#));
        assert_eq!(cause(&typed), Cause::BearerInvalid);
        assert_eq!(cause(head), Cause::BearerInvalid);
        assert_eq!(cause(&"x".repeat(9000)), Cause::TooLarge);
    }
}
