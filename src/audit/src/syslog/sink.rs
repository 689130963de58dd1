//! The sender: one TLS connection a batch.
//!
//! Syslog has no acknowledgement: what TCP took may still be lost with the collector. The one thing a collector can say
//! is that it read to the end, by ending its own side in order after ours; that is asked for by default. Whatever else
//! happens, the batch counts as not sent and is to be sent again: the collector may see a message twice, and never
//! misses one (at least once).

use std::{fmt, future::Future, io, sync::Arc, time::Duration};

use ambient::SharedClock;
use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    time_provider::TimeProvider,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::frame::frame;

/// What a collector may say before it ends: nothing by the standard, a line of greeting by some.
const MAX_ANSWER: usize = 512;

/// Bytes written at once.
const CHUNK: usize = 64 * 1024;

/// How long each step of a batch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Reaching the collector, with the handshake.
    pub connect: Duration,
    /// Writing all messages.
    pub write: Duration,
    /// Waiting for the collector's end, once ours is said.
    pub close: Duration,
}

/// Where to send, and as whom.
#[derive(Clone)]
pub struct SyslogOptions {
    /// Name or IP address of the collector, which its certificate must bear.
    pub host: String,
    /// Port; 6514 is the registered one.
    pub port: u16,
    /// Authorities that may vouch for the collector (PEM), at least one.
    pub roots: Vec<u8>,
    /// Our certificate with its intermediates and our private key (both PEM), where the collector asks for them.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Limits of time.
    pub timeouts: Timeouts,
    /// Whether only an orderly end by the collector counts as sent. Some collectors never end their side: when `false`,
    /// a batch counts as sent once it is written, flushed and our end is said, unless the collector refuses (a TLS
    /// alert, a reset) within the time given for closing.
    pub orderly: bool,
}

/// Nothing of the key is shown.
impl fmt::Debug for SyslogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyslogOptions({}:{}, orderly {})", self.host, self.port, self.orderly)
    }
}

/// Why a batch was not sent, or a sink cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// No authority can be read.
    #[error("no readable authority for the collector")]
    Roots,
    /// Our certificate or key cannot be used.
    #[error("our certificate and key for the collector cannot be used")]
    Identity,
    /// The collector's name is no name.
    #[error("the collector's name is neither a DNS name nor an IP address")]
    Name,
    /// TLS cannot be configured.
    #[error("TLS to the collector cannot be configured ({0})")]
    Tls(rustls::Error),
    /// A step took too long.
    #[error("the collector took too long: {0}")]
    Timeout(Step),
    /// The connection failed.
    #[error("the connection to the collector failed: {step} ({kind})")]
    Io {
        /// In which step.
        step: Step,
        /// How.
        kind: io::ErrorKind,
    },
    /// The collector speaks, which no syslog collector does.
    #[error("the collector answers with more than a syslog collector has to say")]
    Talkative,
}

/// The steps of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Connecting, with the handshake.
    Connect,
    /// Writing.
    Write,
    /// Closing.
    Close,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Write => "writing",
            Self::Close => "closing",
        })
    }
}

/// A collector to send to.
pub struct SyslogSink {
    host: String,
    port: u16,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    timeouts: Timeouts,
    orderly: bool,
}

impl fmt::Debug for SyslogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyslogSink({}:{})", self.host, self.port)
    }
}

impl SyslogSink {
    /// A sink. `clock` says whether the collector's certificate is valid. Connects nowhere yet.
    ///
    /// # Errors
    /// [`SinkError::Roots`], [`SinkError::Identity`], [`SinkError::Name`] or [`SinkError::Tls`] when an option cannot
    /// be used.
    pub fn new(options: SyslogOptions, clock: SharedClock) -> Result<Self, SinkError> {
        let name = ServerName::try_from(options.host.clone()).map_err(|_| SinkError::Name)?;
        let config = Arc::new(configure(&options, clock)?);
        let SyslogOptions { host, port, timeouts, orderly, .. } = options;
        Ok(Self { host, port, name, config, timeouts, orderly })
    }

    /// Sends `messages` (each one as [`super::Header::message`] makes it) in their order, over a connection of their
    /// own. `Ok` means that all went; on any error some may have arrived, and all are to be sent again.
    ///
    /// # Errors
    /// [`SinkError::Timeout`], [`SinkError::Io`], [`SinkError::Talkative`].
    pub async fn send(&self, messages: &[String]) -> Result<(), SinkError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut stream = within(self.timeouts.connect, Step::Connect, self.connect()).await?;
        within(self.timeouts.write, Step::Write, write(&mut stream, messages)).await?;
        match within(self.timeouts.close, Step::Close, close(&mut stream)).await {
            Ok(Ended::Talking) => Err(SinkError::Talkative),
            Ok(Ended::InOrder) => Ok(()),
            // Only a client of TLS 1.3 that listens learns that its certificate was refused.
            Err(SinkError::Timeout(_)) if !self.orderly => Ok(()),
            Err(SinkError::Io { kind: io::ErrorKind::UnexpectedEof, .. }) if !self.orderly => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
        socket.set_nodelay(true)?;
        TlsConnector::from(self.config.clone()).connect(self.name.clone(), socket).await
    }
}

async fn within<T>(limit: Duration, step: Step, work: impl Future<Output = io::Result<T>>) -> Result<T, SinkError> {
    match timeout(limit, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(SinkError::Io { step, kind: error.kind() }),
        Err(_) => Err(SinkError::Timeout(step)),
    }
}

async fn write(stream: &mut TlsStream<TcpStream>, messages: &[String]) -> io::Result<()> {
    // Small messages share records, and no copy of the whole batch is made.
    let mut pending = Vec::new();
    for message in messages {
        pending.extend(frame(message));
        if pending.len() >= CHUNK {
            stream.write_all(&pending).await?;
            pending.clear();
        }
    }
    stream.write_all(&pending).await?;
    stream.flush().await
}

/// How the collector ended.
enum Ended {
    /// It said its end after ours.
    InOrder,
    /// It did not stop talking.
    Talking,
}

/// Says our end (`close_notify`) and waits for theirs. A connection that is cut instead is an `UnexpectedEof`.
async fn close(stream: &mut TlsStream<TcpStream>) -> io::Result<Ended> {
    stream.shutdown().await?;
    let (mut buffer, mut heard) = ([0u8; 256], 0);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(Ended::InOrder),
            n => heard += n,
        }
        if heard > MAX_ANSWER {
            return Ok(Ended::Talking);
        }
    }
}

fn configure(options: &SyslogOptions, clock: SharedClock) -> Result<ClientConfig, SinkError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&options.roots) {
        certificate.ok().and_then(|c| roots.add(c).ok()).ok_or(SinkError::Roots)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|_| SinkError::Roots)?;
    let builder = ClientConfig::builder_with_details(provider, Arc::new(OurTime(clock)))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(SinkError::Tls)?
        .with_webpki_verifier(verifier);
    let Some((certificate, key)) = &options.identity else { return Ok(builder.with_no_client_auth()) };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.map_err(|_| SinkError::Identity)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| SinkError::Identity)?;
    builder.with_client_auth_cert(chain, key).map_err(|_| SinkError::Identity)
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
