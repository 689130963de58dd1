//! An HTTP client with a client certificate: one connection kept alive, as care software keeps it.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{HeaderMap, Request, StatusCode, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A body of any kind.
pub type Body = BoxBody<Bytes, std::io::Error>;

/// An answer, received whole.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Reply {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// A client on one connection.
#[derive(Debug)]
pub struct Client {
    address: String,
    config: Arc<ClientConfig>,
    sender: Option<SendRequest<Body>>,
    /// How many connections were opened so far.
    pub connections: usize,
}

/// TLS configuration of a client that shows `name`'s certificate; none without name.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn tls(pki: &Path, name: Option<&str>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(pki.join("ca.pem")).expect("ca.pem");
    roots.add(ca).expect("a root");
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_root_certificates(roots);
    Arc::new(match name {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let certificate = CertificateDer::from_pem_file(pki.join(format!("{name}.pem"))).expect("certificate");
            let key = PrivateKeyDer::from_pem_file(pki.join(format!("{name}.key"))).expect("key");
            builder.with_client_auth_cert(vec![certificate], key).expect("they go together")
        }
    })
}

/// A body in memory.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A body that is sent as it comes.
pub fn streamed(chunks: impl futures::Stream<Item = Result<Bytes, std::io::Error>> + Send + Sync + 'static) -> Body {
    use futures::StreamExt as _;
    BodyExt::boxed(StreamBody::new(chunks.map(|chunk| chunk.map(hyper::body::Frame::data))))
}

impl Client {
    /// A client of `address` that shows the certificate of `name` in `pki`.
    #[must_use]
    pub fn new(address: &str, pki: &Path, name: &str) -> Self {
        Self { address: address.to_owned(), config: tls(pki, Some(name)), sender: None, connections: 0 }
    }

    /// The same with a TLS configuration made before.
    #[must_use]
    pub fn with_config(address: &str, config: Arc<ClientConfig>) -> Self {
        Self { address: address.to_owned(), config, sender: None, connections: 0 }
    }

    async fn connect(&mut self) -> std::io::Result<SendRequest<Body>> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(self.config.clone()).connect(name, stream).await?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        self.connections += 1;
        Ok(sender)
    }

    /// Sends a request and receives the answer whole.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn send(&mut self, request: Request<Body>) -> std::io::Result<Reply> {
        let response = self.begin(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        Ok(Reply { status: head.status, headers: head.headers, body })
    }

    /// Sends a request and gives the answer as it comes.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn begin(
        &mut self,
        mut request: Request<Body>,
    ) -> std::io::Result<hyper::Response<hyper::body::Incoming>> {
        let host = self.address.parse().expect("an address is a header value");
        request.headers_mut().insert("host", host);
        let mut kept = self.sender.take();
        let usable = match &mut kept {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        let mut sender = match kept {
            Some(sender) if usable => sender,
            _ => self.connect().await?,
        };
        let response = sender.send_request(request).await.map_err(std::io::Error::other)?;
        self.sender = Some(sender);
        Ok(response)
    }

    /// Posts a body.
    ///
    /// # Panics
    /// When the connection fails.
    pub async fn post(&mut self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        self.send(request("POST", path, headers, full(body))).await.expect("the connection holds")
    }

    /// Gets a resource.
    ///
    /// # Panics
    /// When the connection fails.
    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(request("GET", path, headers, full(""))).await.expect("the connection holds")
    }
}

/// Builds a request.
///
/// # Panics
/// When path or headers are not legal.
#[must_use]
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body).expect("a legal request")
}

/// The next bytes of an answer that was begun; `None` when it is over.
///
/// # Panics
/// When the connection fails before.
pub async fn next(body: &mut hyper::body::Incoming) -> Option<Bytes> {
    loop {
        let frame = body.frame().await?.expect("the connection holds");
        if let Ok(data) = frame.into_data() {
            return Some(data);
        }
    }
}
