//! The TLS configuration of a listener, remade when the server's certificate, the authorities or the revocation lists
//! change: new connections see it at once, and a session made under the old one cannot be resumed.
//!
//! Carries out RFC 8446 and RFC 5246 through rustls, with our clock (`ambient`). Client certificates are checked for
//! chain, validity and revocation lists at the handshake; [`TlsEndpoint::check`] repeats it on every request, and asks
//! their responders where OCSP is on. Answers that a client could staple to its certificate are not asked for: rustls
//! offers servers no way to.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ambient::SharedClock;
use rustls::{
    DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    time_provider::TimeProvider,
};
use space::Refusal;

use crate::{
    Peer, RevocationPolicy, TrustAnchors,
    anchors::Loaded,
    files::{self, FileError, Stamp, stamps},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Files of a server's own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate, then intermediates (PEM).
    pub certificate: PathBuf,
    /// Private key (PEM).
    pub key: PathBuf,
}

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// They must.
    Required,
    /// They are not asked.
    None,
}

/// Why a TLS endpoint cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The certificate and key do not go together, or the protocol cannot be configured.
    #[error("{path}: the server's certificate and key cannot be used ({source})")]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The authorities cannot be used to verify clients.
    #[error("the authorities cannot be used to verify clients ({0})")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

struct State {
    looked: Instant,
    stamps: Vec<Option<Stamp>>,
    generation: u64,
    config: Arc<ServerConfig>,
}

/// A listener's TLS.
pub struct TlsEndpoint {
    files: TlsFiles,
    anchors: Arc<TrustAnchors>,
    auth: ClientAuth,
    clock: SharedClock,
    state: Mutex<State>,
}

impl TlsEndpoint {
    /// Reads the certificate and makes the configuration.
    ///
    /// # Errors
    /// [`TlsError`] when a file cannot be used.
    pub fn load(
        files: TlsFiles,
        anchors: Arc<TrustAnchors>,
        auth: ClientAuth,
        clock: SharedClock,
    ) -> Result<Arc<Self>, TlsError> {
        let stamps = files.stamps();
        let loaded = anchors.current();
        let config = configure(&files, &anchors, &loaded, auth, &clock)?;
        let state = State { looked: Instant::now(), stamps, generation: loaded.generation, config };
        Ok(Arc::new(Self { files, anchors, auth, clock, state: Mutex::new(state) }))
    }

    /// The configuration for a new connection, remade first if a file changed. A change that cannot be used is logged
    /// and the old configuration stays.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        let loaded = self.anchors.current();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stale = loaded.generation != state.generation;
        if state.looked.elapsed() >= LOOK_EVERY {
            state.looked = Instant::now();
            let stamps = self.files.stamps();
            stale |= stamps != state.stamps;
            state.stamps = stamps;
        }
        if stale {
            state.generation = loaded.generation;
            self.remake(&mut state, &loaded);
        }
        state.config.clone()
    }

    /// Reads every file again now.
    ///
    /// # Errors
    /// As [`TrustAnchors::reload`]; the old state stays.
    pub fn reload(&self) -> Result<(), crate::anchors::AnchorsError> {
        self.anchors.reload()?;
        let loaded = self.anchors.current();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.stamps = self.files.stamps();
        state.generation = loaded.generation;
        self.remake(&mut state, &loaded);
        Ok(())
    }

    fn remake(&self, state: &mut State, loaded: &Loaded) {
        match configure(&self.files, &self.anchors, loaded, self.auth, &self.clock) {
            Ok(config) => {
                state.config = config;
                tracing::info!("trust.tls.reloaded");
            }
            Err(error) => tracing::error!(%error, "trust.tls.reload_failed: the old state stays in force"),
        }
    }

    /// Whether a peer is trusted still: cheap enough for every request, but for the one that has to wait for its
    /// authority's responder, where one is asked.
    ///
    /// # Errors
    /// As [`TrustAnchors::check`] and [`TrustAnchors::check_status`].
    pub fn check(&self, peer: &Peer) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.anchors.check_peer(peer, now)?;
        self.anchors.check_status(peer, now)
    }

    /// Whether clients must show a certificate.
    #[must_use]
    pub const fn client_auth(&self) -> ClientAuth {
        self.auth
    }
}

impl TlsFiles {
    fn stamps(&self) -> Vec<Option<Stamp>> {
        stamps([&self.certificate, &self.key])
    }
}

fn configure(
    files: &TlsFiles,
    anchors: &TrustAnchors,
    loaded: &Loaded,
    auth: ClientAuth,
    clock: &SharedClock,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = files::certificates(&files.certificate)?;
    let key = files::private_key(&files.key)?;
    let refused = |source| TlsError::Certificate { path: files.certificate.clone(), source };
    // aws-lc's default suites are exactly the admitted ones: TLS 1.3, and ECDHE with AES-GCM or ChaCha20-Poly1305.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_details(provider.clone(), Arc::new(OurTime(clock.clone())))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(refused)?;
    let builder = match auth {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Required => {
            let mut verifier = WebPkiClientVerifier::builder_with_provider(loaded.roots.clone(), provider)
                .with_crls(loaded.crls.iter().cloned());
            verifier = match anchors.policy() {
                RevocationPolicy::LastKnown => verifier.allow_unknown_revocation_status(),
                RevocationPolicy::Required => verifier.enforce_revocation_expiration(),
            };
            let inner = verifier.build()?;
            builder.with_client_cert_verifier(Arc::new(Verifier { inner, ours: loaded.intermediates.clone() }))
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(refused)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(refused)?;
    Ok(Arc::new(config))
}

/// Our clock, for rustls.
#[derive(Debug)]
struct OurTime(SharedClock);

impl TimeProvider for OurTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// The library's verifier, helped by the intermediate authorities that we know: clients of the field send their own
/// certificate alone.
#[derive(Debug)]
struct Verifier {
    inner: Arc<dyn ClientCertVerifier>,
    ours: Vec<CertificateDer<'static>>,
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if self.ours.is_empty() {
            return self.inner.verify_client_cert(end_entity, intermediates, now);
        }
        let all: Vec<CertificateDer<'_>> = intermediates.iter().chain(&self.ours).cloned().collect();
        self.inner.verify_client_cert(end_entity, &all, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

impl fmt::Debug for TlsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsEndpoint({:?}, {:?})", self.auth, self.anchors)
    }
}
