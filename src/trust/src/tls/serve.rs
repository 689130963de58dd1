//! The accept loop: TLS handshakes in tasks of their own, HTTP/1.1 and HTTP/2, bounded, drained on shutdown.
//!
//! Every request is checked anew: a connection opened with a certificate that has been revoked or has expired since is
//! closed without an answer, as a new handshake would be. Nothing of a client is logged but a word for what went wrong.

use std::{convert::Infallible, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt;

use super::{ClientAuth, TlsEndpoint};
use crate::Peer;

/// Who is at the other end, in the extensions of every request of a listener that asks for certificates.
#[derive(Debug, Clone)]
pub struct PeerExtension(pub Arc<Peer>);

/// Limits of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeOptions {
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// How long a request's head may take, and an HTTP/1.1 connection stay idle.
    pub header_timeout: Duration,
    /// Connections at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// Requests at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// How long a write may wait for its reader.
    pub write_stall_timeout: Duration,
    /// How long connections may take to end after shutdown was asked for.
    pub drain_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            max_connections: 10_000,
            max_streams: 100,
            write_stall_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Serves until `shutdown` resolves, then lets open connections end their requests. A service's error type is
/// [`Infallible`]: it always has an answer.
pub async fn serve<S, B>(
    listener: TcpListener,
    endpoint: Arc<TlsEndpoint>,
    service: S,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) where
    S: tower::Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(options.max_connections));
    let http = Arc::new(Protocols::new(&options));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let slot = slots.clone().acquire_owned().await.ok();
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                back_off(&error).await;
                continue;
            }
        };
        let (endpoint, service, http) = (endpoint.clone(), service.clone(), http.clone());
        let watcher = graceful.watcher();
        let (handshake_timeout, write_stall) = (options.handshake_timeout, options.write_stall_timeout);
        tokio::spawn(async move {
            let _slot = slot;
            let Some((tls, peer)) = handshake(stream, &endpoint, handshake_timeout, write_stall).await else { return };
            let is_h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = Checked { service, peer, endpoint };
            let connection = http.of(is_h2).serve_connection(TokioIo::new(tls), service).into_owned();
            if watcher.watch(connection).await.is_err() {
                tracing::debug!("trust.tls.connection_ended_early");
            }
        });
    }
    drop(listener);
    if timeout(options.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("trust.tls.drain_timed_out");
    }
}

/// A connection whose writes end when its reader stops reading.
type Socket = Pin<Box<TimeoutStream<TcpStream>>>;

/// Connections that broke before they were accepted are nobody's fault; an exhausted process must be let breathe.
async fn back_off(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        tracing::error!(kind = %error.kind(), "trust.tls.accept_failed");
        sleep(Duration::from_millis(200)).await;
    }
}

async fn handshake(
    stream: TcpStream,
    endpoint: &TlsEndpoint,
    limit: Duration,
    write_stall: Duration,
) -> Option<(TlsStream<Socket>, Option<Arc<Peer>>)> {
    if stream.set_nodelay(true).is_err() {
        return None;
    }
    // Who asks and does not read is let go: an answer that waits holds what it is made of.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(write_stall));
    let stream = Box::pin(stream);
    let tls = match timeout(limit, TlsAcceptor::from(endpoint.config()).accept(stream)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            tracing::debug!(reason = reason(&error), "trust.tls.handshake_failed");
            return None;
        }
        Err(_) => {
            tracing::debug!(reason = "timed out", "trust.tls.handshake_failed");
            return None;
        }
    };
    if endpoint.client_auth() == ClientAuth::None {
        return Some((tls, None));
    }
    let chain = tls.get_ref().1.peer_certificates().and_then(<[_]>::split_first);
    let read = chain.and_then(|(leaf, further)| Peer::from_chain(leaf, further).ok());
    // A resumed session repeats no check: this one stands for it.
    match read.filter(|peer| endpoint.check(peer).is_ok()) {
        Some(peer) => Some((tls, Some(Arc::new(peer)))),
        None => {
            tracing::warn!(reason = "no bearer, or no longer trusted", "trust.tls.peer_refused");
            None
        }
    }
}

/// A word for a failed handshake that says nothing of the client.
fn reason(error: &io::Error) -> &'static str {
    use rustls::{CertificateError, Error};
    match error.get_ref().and_then(|e| e.downcast_ref::<Error>()) {
        Some(Error::NoCertificatesPresented) => "no certificate presented",
        Some(Error::InvalidCertificate(why)) => match why {
            CertificateError::Revoked => "certificate revoked",
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "certificate expired",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "certificate not valid yet",
            CertificateError::UnknownIssuer => "certificate of an unknown authority",
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "certificate for another purpose"
            }
            _ => "certificate refused",
        },
        Some(Error::AlertReceived(_)) => "the client refused",
        Some(Error::PeerIncompatible(_)) => "no common protocol or suite",
        Some(_) => "protocol error",
        None => "connection lost",
    }
}

/// One set of limits per protocol: HTTP/1.1's head timeout covers idle connections, HTTP/2 has pings.
struct Protocols {
    http1: auto::Builder<TokioExecutor>,
    http2: auto::Builder<TokioExecutor>,
}

impl Protocols {
    fn new(options: &ServeOptions) -> Self {
        let mut http1 = auto::Builder::new(TokioExecutor::new()).http1_only();
        http1.http1().timer(TokioTimer::new()).header_read_timeout(options.header_timeout);
        let mut http2 = auto::Builder::new(TokioExecutor::new()).http2_only();
        http2
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(options.max_streams)
            .max_header_list_size(64 * 1024)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(20));
        Self { http1, http2 }
    }

    const fn of(&self, is_h2: bool) -> &auto::Builder<TokioExecutor> {
        if is_h2 { &self.http2 } else { &self.http1 }
    }
}

/// The peer of an open connection is no longer trusted.
#[derive(Debug, thiserror::Error)]
#[error("the peer is no longer trusted")]
struct NoLongerTrusted;

/// The service of one connection: who is at the other end is checked and told with every request.
struct Checked<S> {
    service: S,
    peer: Option<Arc<Peer>>,
    endpoint: Arc<TlsEndpoint>,
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Checked<S>
where
    S: tower::Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<B>;
    type Error = NoLongerTrusted;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, NoLongerTrusted>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Some(peer) = &self.peer {
            if let Err(refusal) = self.endpoint.check(peer) {
                tracing::warn!(cause = refusal.cause.code(), "trust.tls.peer_no_longer_trusted");
                return Box::pin(async { Err(NoLongerTrusted) });
            }
            request.extensions_mut().insert(PeerExtension(peer.clone()));
        }
        let service = self.service.clone();
        Box::pin(async move {
            match service.oneshot(request).await {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            }
        })
    }
}
