//! Servers that take what a gateway sends of itself: HTTP in clear or over TLS, and syslog over TLS.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What a request is answered: status, media type, body.
pub type Answer = (u16, &'static str, Vec<u8>);

/// A server. Dropped, it is gone.
#[derive(Debug)]
pub struct Catcher {
    /// `host:port`.
    pub address: String,
    caught: Arc<Mutex<Vec<Vec<u8>>>>,
    task: JoinHandle<()>,
}

impl Drop for Catcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on an address, which may have been another's a moment ago.
async fn listen(address: &str) -> TcpListener {
    for _ in 0..100 {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{address} cannot be listened on")
}

impl Catcher {
    /// Takes HTTP requests at `address` (port 0 = a free one) and answers each body by `answer`.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn http(address: &str, answer: impl Fn(&[u8]) -> Answer + Send + Sync + 'static) -> Self {
        let listener = listen(address).await;
        let address = listener.local_addr().expect("bound").to_string();
        let caught = Arc::new(Mutex::new(Vec::new()));
        let (shared, answer) = (caught.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            let mut calls = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                calls.spawn(answered(stream, shared.clone(), answer.clone()));
            }
        });
        Self { address, caught, task }
    }

    /// The same over mutual TLS, with the certificate `server` and the authority of a development PKI's folder.
    ///
    /// # Panics
    /// When it cannot listen, or the folder is no PKI.
    pub async fn https(address: &str, pki: &Path, answer: impl Fn(&[u8]) -> Answer + Send + Sync + 'static) -> Self {
        let listener = listen(address).await;
        let address = listener.local_addr().expect("bound").to_string();
        let acceptor = TlsAcceptor::from(Arc::new(tls(pki)));
        let caught = Arc::new(Mutex::new(Vec::new()));
        let (shared, answer) = (caught.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            let mut calls = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, answer, acceptor) = (shared.clone(), answer.clone(), acceptor.clone());
                calls.spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answered(stream, shared, answer).await;
                    }
                });
            }
        });
        Self { address, caught, task }
    }

    /// Collects syslog messages over mutual TLS at `address`, with the certificate `server` and the authority of a
    /// development PKI's folder.
    ///
    /// # Panics
    /// When it cannot listen, or the folder is no PKI.
    pub async fn syslog(address: &str, pki: &Path) -> Self {
        let listener = listen(address).await;
        let address = listener.local_addr().expect("bound").to_string();
        let acceptor = TlsAcceptor::from(Arc::new(tls(pki)));
        let caught = Arc::new(Mutex::new(Vec::new()));
        let shared = caught.clone();
        let task = tokio::spawn(async move {
            let mut calls = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, acceptor) = (shared.clone(), acceptor.clone());
                calls.spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    while let Some(message) = frame(&mut stream).await {
                        shared.lock().expect("no thread panicked").push(message);
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { address, caught, task }
    }

    /// What was caught so far.
    ///
    /// # Panics
    /// When a test thread panicked.
    #[must_use]
    pub fn caught(&self) -> Vec<Vec<u8>> {
        self.caught.lock().expect("no thread panicked").clone()
    }

    /// The same as text.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.caught().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

/// Answers the requests of one connection.
async fn answered<F: Fn(&[u8]) -> Answer>(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    caught: Arc<Mutex<Vec<Vec<u8>>>>,
    answer: Arc<F>,
) {
    while let Some(body) = request(&mut stream).await {
        let (status, kind, text) = answer(&body);
        caught.lock().expect("no thread panicked").push(body);
        let head =
            format!("HTTP/1.1 {status} Answer\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", text.len());
        if stream.write_all(&[head.into_bytes(), text].concat()).await.is_err() {
            return;
        }
    }
}

/// One request's body, by its announced length or in chunks.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}

/// One message of RFC 5425: its length, a space, itself.
async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        match stream.read_u8().await.ok()? {
            b' ' => break,
            digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
            _ => return None,
        }
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await.ok()?;
    Some(message)
}

fn tls(pki: &Path) -> ServerConfig {
    let read = |name: &str| std::fs::read(pki.join(name)).expect("a file of the PKI");
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&read("ca.pem")) {
        roots.add(authority.expect("a certificate")).expect("an authority");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    let chain = CertificateDer::pem_slice_iter(&read("server.pem")).map(|c| c.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).expect("a key");
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(clients.expect("an authority"))
        .with_single_cert(chain, key)
        .expect("a certificate with its key")
}
