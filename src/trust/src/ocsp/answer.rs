//! The answer (RFC 6960 §4.2): read within bounds, believed only when the authority, or one it delegates, has signed it.

use ambient::Timestamp;
use der::{Decode, Encode, Header, Reader, SliceReader, asn1::ObjectIdentifier};
use jiff::SignedDuration;
use x509_cert::ext::Extension;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus, ResponderId,
    ResponseData, SingleResponse, ext::Nonce,
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, x509::AlgorithmIdentifier};

use super::{
    Issuer, MAX_ANSWER,
    request::{Question, SHA_1},
};
use crate::{
    anchors::{
        Window,
        authority::{Signed, only_understood, scheme_of, signed_part},
    },
    key::{PublicKey, sha1},
};

const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
const NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";
/// Certificates that an answer may bring.
const MOST_CERTIFICATES: usize = 4;
/// How deep the elements of an answer may lie in one another, and how many parts one may have.
const MAX_DEPTH: u8 = 24;
const MAX_PARTS: usize = 256;
/// How old an answer may be, and how long it is kept, that does not say when the next one comes: such a responder has
/// always a newer one (RFC 6960 §4.2.2.1).
const WITHOUT_NEXT_UPDATE: SignedDuration = SignedDuration::from_mins(5);

/// How long an answer is kept at most, whatever its nextUpdate.
const LONGEST_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Nothing came.
    #[error("the responder {0}")]
    Silent(&'static str),
    /// The certificate cannot be asked about.
    #[error("the certificate cannot be asked about")]
    Question,
    /// Longer, deeper or of more parts than any answer.
    #[error("the answer is larger than any real one")]
    TooLarge,
    /// Not an answer.
    #[error("the answer cannot be read")]
    Unreadable,
    /// The responder cannot or will not say.
    #[error("the responder does not say (status {0})")]
    Status(u8),
    /// It says something that must be understood and is not.
    #[error("the answer has a critical extension that is not known")]
    UnknownExtension,
    /// It is about other certificates, or more than once about this one.
    #[error("the answer is not about the certificate")]
    OtherCertificate,
    /// It answers another question.
    #[error("the answer is to another question")]
    OtherNonce,
    /// It is signed by nobody who may.
    #[error("the answer is not signed by the authority, nor by whom it delegates")]
    Signer,
    /// Its signature is wrong, or of an algorithm that is not admitted.
    #[error("the signature of the answer is wrong")]
    Signature,
    /// It was good once, or will be.
    #[error("the answer does not hold now")]
    Stale,
}

/// What a responder says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Good,
    Revoked,
    Unknown,
}

/// A status, and until when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) until: Timestamp,
}

/// Reads and verifies an answer to `question` by `issuer`'s responder.
///
/// # Errors
/// [`Unanswered`].
pub(super) fn read(
    reply: &[u8],
    question: &Question,
    issuer: &Issuer,
    is_revoked: &dyn Fn(&[u8]) -> bool,
    now: Timestamp,
    skew: SignedDuration,
) -> Result<Answer, Unanswered> {
    let basic = basic(reply)?;
    let parts = Parts::of(&basic)?;
    let data = ResponseData::from_der(parts.data).map_err(|_| Unanswered::Unreadable)?;
    let responder = Responder { issuer, is_revoked, now };
    if !parts.signed()?.is_by(&responder.key(&data.responder_id, &parts.certificates)?) {
        return Err(Unanswered::Signature);
    }
    let extensions = data.response_extensions.as_deref().unwrap_or_default();
    understood(extensions)?;
    let tied = is_tied(extensions, question)?;
    let single = the_one(&data.responses, &question.certificate)?;
    understood(single.single_extensions.as_deref().unwrap_or_default())?;
    let until = holds_until(single, &data.produced_at, tied, now, skew)?;
    let status = match single.cert_status {
        CertStatus::Good(_) => Status::Good,
        CertStatus::Revoked(_) => Status::Revoked,
        CertStatus::Unknown(_) => Status::Unknown,
    };
    Ok(Answer { status, until })
}

/// The `BasicOCSPResponse` of a successful answer.
fn basic(reply: &[u8]) -> Result<Vec<u8>, Unanswered> {
    if reply.len() > MAX_ANSWER {
        return Err(Unanswered::TooLarge);
    }
    bounded(reply, MAX_DEPTH)?;
    let response = OcspResponse::from_der(reply).map_err(|_| Unanswered::Unreadable)?;
    if response.response_status != OcspResponseStatus::Successful {
        return Err(Unanswered::Status(response.response_status as u8));
    }
    let bytes = response.response_bytes.ok_or(Unanswered::Unreadable)?;
    if bytes.response_type != BASIC {
        return Err(Unanswered::Unreadable);
    }
    let basic = bytes.response.into_bytes();
    bounded(&basic, MAX_DEPTH)?;
    // Its shape as a whole; what is signed is read from the bytes as they came.
    BasicOcspResponse::from_der(&basic).map_err(|_| Unanswered::Unreadable)?;
    Ok(basic)
}

/// Refuses DER whose elements lie deeper, or have more parts, than those of any answer.
fn bounded(der: &[u8], depth: u8) -> Result<(), Unanswered> {
    if der.is_empty() {
        return Ok(());
    }
    let unreadable = |_| Unanswered::Unreadable;
    let depth = depth.checked_sub(1).ok_or(Unanswered::TooLarge)?;
    let mut reader = SliceReader::new(der).map_err(unreadable)?;
    let mut count = 0;
    while !reader.is_finished() {
        count += 1;
        if count > MAX_PARTS {
            return Err(Unanswered::TooLarge);
        }
        let header = Header::decode(&mut reader).map_err(unreadable)?;
        let value = reader.read_slice(header.length).map_err(unreadable)?;
        if header.tag.is_constructed() {
            bounded(value, depth)?;
        }
    }
    Ok(())
}

/// The parts of a `BasicOCSPResponse`, each as it came: a signature is on their own bytes, not on ours.
struct Parts<'b> {
    data: &'b [u8],
    algorithm: &'b [u8],
    signature: &'b [u8],
    certificates: Vec<&'b [u8]>,
}

impl<'b> Parts<'b> {
    fn of(basic: &'b [u8]) -> Result<Self, Unanswered> {
        let parts = elements(content(basic)?)?;
        let [data, algorithm, signature, further @ ..] = parts.as_slice() else { return Err(Unanswered::Unreadable) };
        let certificates = match further {
            [] => Vec::new(),
            [one] => elements(content(content(one)?)?)?,
            _ => return Err(Unanswered::Unreadable),
        };
        if certificates.len() > MOST_CERTIFICATES {
            return Err(Unanswered::TooLarge);
        }
        // A BIT STRING of whole bytes.
        let signature = content(signature)?.strip_prefix(&[0]).ok_or(Unanswered::Signature)?;
        Ok(Self { data, algorithm, signature, certificates })
    }

    fn signed(&self) -> Result<Signed, Unanswered> {
        let (rest, algorithm) = AlgorithmIdentifier::from_der(self.algorithm).map_err(|_| Unanswered::Signature)?;
        let scheme = if rest.is_empty() { scheme_of(&algorithm) } else { None };
        let signature = self.signature.to_vec();
        Ok(Signed { data: self.data.to_vec(), scheme, signature })
    }
}

/// The content of an element.
fn content(der: &[u8]) -> Result<&[u8], Unanswered> {
    let mut reader = SliceReader::new(der).map_err(|_| Unanswered::Unreadable)?;
    let header = Header::decode(&mut reader).map_err(|_| Unanswered::Unreadable)?;
    reader.read_slice(header.length).map_err(|_| Unanswered::Unreadable)
}

/// The elements that stand one after another.
fn elements(der: &[u8]) -> Result<Vec<&[u8]>, Unanswered> {
    let mut all = Vec::new();
    if der.is_empty() {
        return Ok(all);
    }
    let mut reader = SliceReader::new(der).map_err(|_| Unanswered::Unreadable)?;
    while !reader.is_finished() {
        all.push(reader.tlv_bytes().map_err(|_| Unanswered::Unreadable)?);
    }
    Ok(all)
}

/// Who may answer for an authority.
struct Responder<'i> {
    issuer: &'i Issuer,
    is_revoked: &'i dyn Fn(&[u8]) -> bool,
    now: Timestamp,
}

impl Responder<'_> {
    /// The key of the one that an answer names: the authority's, or that of a certificate it issued for answering.
    fn key(&self, id: &ResponderId, certificates: &[&[u8]]) -> Result<PublicKey, Unanswered> {
        let name = match id {
            ResponderId::ByName(name) => Some(name.to_der().map_err(|_| Unanswered::Unreadable)?),
            ResponderId::ByKey(_) => None,
        };
        let is_named = |subject: &[u8], key: &PublicKey| match (id, &name) {
            (ResponderId::ByKey(hash), _) => hash.as_bytes() == sha1(key.bits()),
            (_, Some(name)) => name.as_slice() == subject,
            _ => false,
        };
        // A certificate of its own wins: an authority may answer under its name by another key.
        let delegated = certificates.iter().find_map(|der| {
            let (subject, key) = self.delegated(der)?;
            is_named(&subject, &key).then_some(key)
        });
        let authority = || is_named(&self.issuer.name, &self.issuer.key).then(|| self.issuer.key.clone());
        delegated.or_else(authority).ok_or(Unanswered::Signer)
    }

    /// Subject and key of a certificate that the authority itself issued for signing answers (RFC 6960 §4.2.2.2), valid
    /// now and on no list of it.
    fn delegated(&self, der: &[u8]) -> Option<(Vec<u8>, PublicKey)> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        let purposes = certificate.extended_key_usage().ok()??;
        let signs = certificate.key_usage().ok()?.is_none_or(|usage| usage.value.digital_signature());
        let authority = certificate.basic_constraints().ok()?.is_some_and(|c| c.value.ca);
        let fits = rest.is_empty() && purposes.value.ocsp_signing && signs && !authority;
        let issued = certificate.issuer().as_raw() == self.issuer.name
            && signed_part(&certificate).is_by(&self.issuer.key)
            && only_understood(&certificate);
        let unchecked = certificate.extensions().iter().any(|e| e.oid.to_id_string() == NO_CHECK);
        let stands =
            Window::of(&certificate)?.holds(self.now) && (unchecked || !(self.is_revoked)(certificate.raw_serial()));
        let key = PublicKey::from_spki(certificate.public_key())?;
        (fits && issued && stands).then(|| (certificate.subject().as_raw().to_vec(), key))
    }
}

/// Critical extensions of answers are none that we know, but for the nonce.
fn understood(extensions: &[Extension]) -> Result<(), Unanswered> {
    let unknown = extensions.iter().any(|e| e.critical && e.extn_id != NONCE);
    if unknown { Err(Unanswered::UnknownExtension) } else { Ok(()) }
}

/// Whether the answer repeats the question's nonce. One made beforehand has none; another's is another's answer.
fn is_tied(extensions: &[Extension], question: &Question) -> Result<bool, Unanswered> {
    let mut nonces = extensions.iter().filter(|e| e.extn_id == NONCE);
    let (first, further) = (nonces.next(), nonces.next());
    let Some(first) = first else { return Ok(false) };
    let nonce = Nonce::from_der(first.extn_value.as_bytes()).map_err(|_| Unanswered::OtherNonce)?;
    if further.is_none() && nonce.0.as_bytes() == question.nonce { Ok(true) } else { Err(Unanswered::OtherNonce) }
}

/// The only response about the certificate.
fn the_one<'r>(responses: &'r [SingleResponse], wanted: &CertId) -> Result<&'r SingleResponse, Unanswered> {
    let same = |id: &CertId| {
        id.hash_algorithm.oid == SHA_1
            && id.issuer_name_hash == wanted.issuer_name_hash
            && id.issuer_key_hash == wanted.issuer_key_hash
            && id.serial_number == wanted.serial_number
    };
    let mut found = responses.iter().filter(|r| same(&r.cert_id));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Unanswered::OtherCertificate),
    }
}

/// Until when a response holds: its nextUpdate, or a moment where it has none.
fn holds_until(
    single: &SingleResponse,
    produced: &OcspGeneralizedTime,
    tied: bool,
    now: Timestamp,
    skew: SignedDuration,
) -> Result<Timestamp, Unanswered> {
    let at = |time: &OcspGeneralizedTime| {
        let seconds = i64::try_from(time.0.to_unix_duration().as_secs()).map_err(|_| Unanswered::Stale)?;
        Timestamp::from_second(seconds).map_err(|_| Unanswered::Stale)
    };
    let later = |t: Timestamp, by: SignedDuration| t.checked_add(by).unwrap_or(Timestamp::MAX);
    let (this, produced) = (at(&single.this_update)?, at(produced)?);
    if this > later(now, skew) || produced > later(now, skew) {
        return Err(Unanswered::Stale);
    }
    let until = match &single.next_update {
        Some(next) => at(next)?,
        // Only one made for this question is known to be the newest.
        None if tied => later(now, WITHOUT_NEXT_UPDATE),
        None => later(this, WITHOUT_NEXT_UPDATE),
    };
    if until < this || later(until, skew) <= now {
        return Err(Unanswered::Stale);
    }
    // One that holds by the responder's clock only is believed, and asked for again soon; none is kept for ever.
    Ok(until.clamp(later(now, SignedDuration::from_secs(1)), later(now, LONGEST_KEPT)))
}
