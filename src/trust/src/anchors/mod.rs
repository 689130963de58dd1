//! Whom we trust: roots, intermediate authorities and revocation lists, read from files and read again when they change.
//!
//! Carries out RFC 5280 §6 for signing certificates and for the re-check of TLS peers on every request. Both use the
//! same files as the TLS handshake. A file that cannot be read leaves what was known in force; nothing is fetched.

pub(crate) mod authority;
mod path;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use ambient::Timestamp;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, CertificateRevocationListDer},
};
use space::{Cause, Refusal};

use self::authority::Authorities;
pub(crate) use self::path::Window;
use crate::{
    files::{self, FileError, Stamp, stamps},
    key::sha256,
    ocsp::Ocsp,
};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many verified certificates are remembered.
const REMEMBERED: usize = 8192;

/// Files of the authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorFiles {
    /// PEM files of authorities: self-issued ones are roots, the others intermediates — or roots of their own when their
    /// issuer is not among them.
    pub authorities: Vec<PathBuf>,
    /// Revocation lists, PEM or DER.
    pub crls: Vec<PathBuf>,
}

/// What to make of an authority whose revocation list is absent or out of date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RevocationPolicy {
    /// Go by the last list known, if any.
    #[default]
    LastKnown,
    /// Trust nothing it issued.
    Required,
}

/// Why authorities could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AnchorsError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A certificate among the authorities is none of an authority, or has a key that is not admitted.
    #[error("{0}: a certificate in it is not an authority's")]
    NotAnAuthority(PathBuf),
    /// No authority was given.
    #[error("no authority is configured")]
    Empty,
    /// A revocation list cannot be used.
    #[error("{0}: a revocation list in it cannot be used ({1})")]
    Crl(PathBuf, &'static str),
}

/// What the files said when they were last read.
pub(crate) struct Loaded {
    /// Counts readings: a TLS configuration is remade when it changes.
    pub(crate) generation: u64,
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) intermediates: Vec<CertificateDer<'static>>,
    pub(crate) crls: Vec<CertificateRevocationListDer<'static>>,
    authorities: Authorities,
    verified: Mutex<HashMap<[u8; 32], Window>>,
}

struct Watch {
    looked: Instant,
    stamps: Vec<Option<Stamp>>,
}

/// The authorities we trust, kept up to date with their files.
pub struct TrustAnchors {
    files: AnchorFiles,
    policy: RevocationPolicy,
    loaded: RwLock<Arc<Loaded>>,
    watch: Mutex<Watch>,
    ocsp: Option<Ocsp>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TrustAnchors {
    /// Reads the files.
    ///
    /// # Errors
    /// [`AnchorsError`] when one cannot be read.
    pub fn load(files: AnchorFiles, policy: RevocationPolicy) -> Result<Arc<Self>, AnchorsError> {
        Self::load_with(files, policy, None)
    }

    /// The same, with somebody who asks their responders besides (RFC 6960).
    ///
    /// # Errors
    /// As [`TrustAnchors::load`].
    pub fn load_with(
        files: AnchorFiles,
        policy: RevocationPolicy,
        ocsp: Option<Ocsp>,
    ) -> Result<Arc<Self>, AnchorsError> {
        let stamps = files.stamps();
        let loaded = RwLock::new(Arc::new(Loaded::read(&files, policy, 1)?));
        let watch = Mutex::new(Watch { looked: Instant::now(), stamps });
        Ok(Arc::new(Self { files, policy, loaded, watch, ocsp }))
    }

    /// Who asks the responders of the authorities, if anybody does.
    #[must_use]
    pub const fn ocsp(&self) -> Option<&Ocsp> {
        self.ocsp.as_ref()
    }

    /// Authorities and revocation list of a development PKI's folder.
    ///
    /// # Errors
    /// [`AnchorsError`] when one cannot be read.
    pub fn of_pki(dir: &std::path::Path) -> Result<Arc<Self>, AnchorsError> {
        let files = AnchorFiles { authorities: vec![dir.join("ca.pem")], crls: vec![dir.join("crl.pem")] };
        Self::load(files, RevocationPolicy::LastKnown)
    }

    /// Reads the files again, whether or not they seem to have changed.
    ///
    /// # Errors
    /// [`AnchorsError`]; what was known then stays in force.
    pub fn reload(&self) -> Result<(), AnchorsError> {
        let mut watch = locked(&self.watch);
        let stamps = self.files.stamps();
        *watch = Watch { looked: Instant::now(), stamps };
        self.read_again()
    }

    fn read_again(&self) -> Result<(), AnchorsError> {
        let generation = self.known().generation + 1;
        let loaded = Arc::new(Loaded::read(&self.files, self.policy, generation)?);
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    fn known(&self) -> Arc<Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the files say: read again first if they changed, looked at once a second at most.
    pub(crate) fn current(&self) -> Arc<Loaded> {
        // Whoever finds the watch taken goes on with what is known: the other is reading.
        if let Ok(mut watch) = self.watch.try_lock()
            && watch.looked.elapsed() >= LOOK_EVERY
        {
            watch.looked = Instant::now();
            let stamps = self.files.stamps();
            if stamps != watch.stamps {
                watch.stamps = stamps;
                match self.read_again() {
                    Ok(()) => tracing::info!("trust.anchors.reloaded"),
                    Err(error) => tracing::error!(%error, "trust.anchors.reload_failed: the old state stays in force"),
                }
            }
        }
        self.known()
    }

    /// When the first of the revocation lists is out of date; `None` without lists.
    #[must_use]
    pub fn lists_hold_until(&self) -> Option<Timestamp> {
        self.current().authorities.lists.iter().filter_map(|list| list.next_update).min()
    }

    /// Whether a certificate is trusted at `now`: issued by an authority of ours, within its validity, not revoked.
    ///
    /// # Errors
    /// [`Cause::SignerUntrusted`], [`Cause::SignerExpired`] or [`Cause::SignerRevoked`].
    pub fn check(&self, certificate: &[u8], now: Timestamp) -> Result<(), Refusal> {
        self.check_chain(certificate, &[], now)
    }

    /// The same, with intermediate certificates that the signer gave: they are only steps towards our authorities.
    ///
    /// # Errors
    /// As [`TrustAnchors::check`].
    pub fn check_chain(&self, certificate: &[u8], given: &[Vec<u8>], now: Timestamp) -> Result<(), Refusal> {
        self.check_known(&sha256(certificate), certificate, given, now)
    }

    /// The same for a certificate already read, with those that came with it: cheap enough for every request.
    ///
    /// # Errors
    /// As [`TrustAnchors::check`].
    pub fn check_peer(&self, peer: &crate::Peer, now: Timestamp) -> Result<(), Refusal> {
        self.check_known(peer.fingerprint(), peer.der(), peer.intermediates(), now)
    }

    /// What the responder of a peer's authority says of it, for a peer that [`TrustAnchors::check_peer`] has let through
    /// and that has proved to hold its key: whoever merely shows a certificate has nothing asked. Waits for an answer
    /// where none is remembered, within the policy's bound; without OCSP there is nothing to ask.
    ///
    /// # Errors
    /// As [`Ocsp::check`].
    pub fn check_status(&self, peer: &crate::Peer, now: Timestamp) -> Result<(), Refusal> {
        let Some(ocsp) = &self.ocsp else { return Ok(()) };
        if let Some(verdict) = ocsp.remembered(peer.fingerprint(), now) {
            return verdict;
        }
        let loaded = self.current();
        let untrusted = || Refusal::new(Cause::SignerUntrusted).about("issuer not known");
        let issuer = loaded.authorities.issuer_of(peer.der(), peer.intermediates()).ok_or_else(untrusted)?;
        let is_revoked = |serial: &[u8]| loaded.authorities.is_revoked(&issuer, serial);
        ocsp.check(peer, &issuer, &is_revoked, now)
    }

    fn check_known(
        &self,
        fingerprint: &[u8; 32],
        certificate: &[u8],
        given: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let loaded = self.current();
        let remembered = locked(&loaded.verified).get(fingerprint).copied();
        let window = match remembered {
            Some(window) => window,
            None => {
                let window = loaded.authorities.window_of(certificate, given)?;
                let mut verified = locked(&loaded.verified);
                if verified.len() >= REMEMBERED {
                    verified.clear();
                }
                verified.insert(*fingerprint, window);
                window
            }
        };
        if !window.holds(now) {
            return Err(Refusal::new(Cause::SignerExpired));
        }
        if window.needs_fresh_crl(self.policy, now) {
            return Err(Refusal::new(Cause::SignerUntrusted).about("revocation list out of date"));
        }
        Ok(())
    }
}

impl AnchorFiles {
    fn stamps(&self) -> Vec<Option<Stamp>> {
        stamps(self.authorities.iter().chain(&self.crls))
    }
}

impl Loaded {
    fn read(files: &AnchorFiles, policy: RevocationPolicy, generation: u64) -> Result<Self, AnchorsError> {
        let mut certificates = Vec::new();
        for path in &files.authorities {
            certificates.extend(files::certificates(path)?.into_iter().map(|c| (path.clone(), c)));
        }
        let mut lists = Vec::new();
        for path in &files.crls {
            lists.extend(files::crls(path)?.into_iter().map(|c| (path.clone(), c)));
        }
        let authorities = Authorities::read(&certificates, &lists, policy)?;
        let mut roots = RootCertStore::empty();
        let mut intermediates = Vec::new();
        for (anchor, (path, certificate)) in authorities.anchors().zip(certificates) {
            if anchor {
                roots.add(certificate).map_err(|_| AnchorsError::NotAnAuthority(path))?;
            } else {
                intermediates.push(certificate);
            }
        }
        Ok(Self {
            generation,
            roots: Arc::new(roots),
            intermediates,
            crls: lists.into_iter().map(|(_, crl)| crl).collect(),
            authorities,
            verified: Mutex::default(),
        })
    }
}

impl TrustAnchors {
    pub(crate) const fn policy(&self) -> RevocationPolicy {
        self.policy
    }
}

impl fmt::Debug for TrustAnchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustAnchors(generation {})", self.known().generation)
    }
}
