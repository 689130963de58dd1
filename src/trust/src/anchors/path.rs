//! From a certificate up to an anchor (RFC 5280 §6.1): names, signatures, constraints and revocation of every step.
//!
//! Knows no purpose: a seal of IGC-Santé is good for mail protection only and a card's signature key for nothing that a
//! TLS verifier asks for, which is why the TLS library's verifier does not serve here. Validity in time is returned,
//! not judged, so that the result can be kept.

use ambient::Timestamp;
use space::{Cause, Refusal};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{
    RevocationPolicy,
    authority::{Authorities, Authority, Signed, authority_key_id, only_understood, signed_part},
};
use crate::ocsp::Issuer;

/// No chain of the field is longer.
const LONGEST: usize = 5;
/// Signatures tried for one certificate, whatever it comes with.
const MOST_SIGNATURES: usize = 32;

/// When a whole chain is valid, and until when its revocation lists say they are up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    not_before: Timestamp,
    not_after: Timestamp,
    lists_until: Option<Timestamp>,
}

impl Window {
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Option<Self> {
        let at = |t: x509_parser::time::ASN1Time| Timestamp::from_second(t.timestamp()).ok();
        let validity = certificate.validity();
        Some(Self { not_before: at(validity.not_before)?, not_after: at(validity.not_after)?, lists_until: None })
    }

    fn and(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
            lists_until: match (self.lists_until, other.lists_until) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }

    fn with_list(self, until: Option<Timestamp>) -> Self {
        self.and(Self { not_before: Timestamp::MIN, not_after: Timestamp::MAX, lists_until: until })
    }

    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    pub(super) fn needs_fresh_crl(&self, policy: RevocationPolicy, now: Timestamp) -> bool {
        policy == RevocationPolicy::Required && self.lists_until.is_some_and(|until| until < now)
    }
}

/// What a step needs of the certificate below.
struct Below<'c> {
    issuer: &'c [u8],
    serial: &'c [u8],
    authority_key_id: Option<&'c [u8]>,
    signed: &'c Signed,
}

fn later(best: Option<Window>, window: Window) -> Option<Window> {
    Some(best.map_or(window, |b| if window.not_after > b.not_after { window } else { b }))
}

struct Climb<'c> {
    known: &'c [Authority],
    given: &'c [Authority],
    signatures_left: usize,
    /// The most telling refusal met: a revoked step says more than an unknown issuer.
    worst: Cause,
}

impl Authorities {
    /// The validity of the best chain from `certificate` to an anchor.
    pub(super) fn window_of(&self, certificate: &[u8], given: &[Vec<u8>]) -> Result<Window, Refusal> {
        let untrusted = |what: &str| Refusal::new(Cause::SignerUntrusted).about(what);
        let (rest, leaf) = X509Certificate::from_der(certificate).map_err(|_| untrusted("not an X.509 certificate"))?;
        let window = Window::of(&leaf).ok_or_else(|| untrusted("validity out of range"))?;
        let is_authority = leaf.basic_constraints().ok().flatten().is_some_and(|c| c.value.ca);
        if !rest.is_empty() || is_authority || !only_understood(&leaf) {
            return Err(untrusted("not an end-entity certificate"));
        }
        let given: Vec<Authority> = given.iter().take(LONGEST).filter_map(|der| Authority::read(der)).collect();
        let mut climb =
            Climb { known: &self.all, given: &given, signatures_left: MOST_SIGNATURES, worst: Cause::SignerUntrusted };
        let (signed, key_id) = (signed_part(&leaf), authority_key_id(&leaf));
        let below = Below {
            issuer: leaf.issuer().as_raw(),
            serial: leaf.raw_serial(),
            authority_key_id: key_id.as_deref(),
            signed: &signed,
        };
        match self.step(&mut climb, &below, 0) {
            Some(above) => Ok(window.and(above)),
            None => Err(Refusal::new(climb.worst)),
        }
    }

    /// The name and key of the authority that issued a certificate, for one whose chain [`Authorities::window_of`] found:
    /// whatever certificate of it stands here, that name and that key are the chain's.
    pub(super) fn issuer_of(&self, certificate: &[u8], given: &[Vec<u8>]) -> Option<Issuer> {
        let (_, leaf) = X509Certificate::from_der(certificate).ok()?;
        let signed = signed_part(&leaf);
        let given: Vec<Authority> = given.iter().take(LONGEST).filter_map(|der| Authority::read(der)).collect();
        let all = self.all.iter().chain(&given).filter(|a| a.subject == leaf.issuer().as_raw());
        let found = all.take(MOST_SIGNATURES).find(|a| signed.is_by(&a.key))?;
        Some(Issuer { name: found.subject.clone(), key: found.key.clone() })
    }

    /// Whether a list of the authority names a serial number.
    pub(super) fn is_revoked(&self, issuer: &Issuer, serial: &[u8]) -> bool {
        let of_it = self.lists.iter().filter(|l| l.issuer == issuer.name && l.key == issuer.key);
        of_it.into_iter().any(|list| list.revoked.contains(serial))
    }

    /// `intermediates` authorities stand below this step already.
    fn step(&self, climb: &mut Climb<'_>, below: &Below<'_>, intermediates: usize) -> Option<Window> {
        if intermediates >= LONGEST {
            return None;
        }
        let (known, given) = (climb.known, climb.given);
        // An authority that was renewed with the same key stands here twice: the chain that lasts longest is the one.
        let mut best: Option<Window> = None;
        for authority in known.iter().chain(given) {
            let named = authority.subject == below.issuer
                && match (below.authority_key_id, &authority.key_id) {
                    (Some(wanted), Some(id)) => wanted == id.as_slice(),
                    _ => true,
                };
            let short_enough = authority.path_len.is_none_or(|most| intermediates <= most as usize);
            if !named || !short_enough || climb.signatures_left == 0 {
                continue;
            }
            climb.signatures_left -= 1;
            if !below.signed.is_by(&authority.key) {
                continue;
            }
            let Some(lists_until) = self.not_revoked(authority, below.serial, &mut climb.worst) else { continue };
            let window = authority.window.with_list(lists_until);
            if authority.is_anchor {
                best = later(best, window);
                continue;
            }
            let next = Below {
                issuer: &authority.issuer,
                serial: &authority.serial,
                authority_key_id: authority.authority_key_id.as_deref(),
                signed: &authority.signed,
            };
            if let Some(above) = self.step(climb, &next, intermediates + 1) {
                best = later(best, window.and(above));
            }
        }
        best
    }

    /// `Some` when no list of the authority names the serial number, with the instant until which its latest list is up
    /// to date; `None` when one does, or when a list is required and there is none.
    #[expect(
        clippy::option_option,
        reason = "the outer tells whether it passes, the inner until when the list is fresh"
    )]
    fn not_revoked(&self, authority: &Authority, serial: &[u8], worst: &mut Cause) -> Option<Option<Timestamp>> {
        let of_it = || self.lists.iter().filter(|l| l.issuer == authority.subject && l.key == authority.key);
        if of_it().any(|list| list.revoked.contains(serial)) {
            *worst = Cause::SignerRevoked;
            return None;
        }
        if self.policy == RevocationPolicy::Required && of_it().next().is_none() {
            return None;
        }
        Some(of_it().filter_map(|list| list.next_update).max())
    }
}
