//! A real listener and real clients on this machine.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::{Request, Response, body::Incoming, client::conn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_rustls::TlsConnector;

use super::*;
use crate::{Bearer, TrustAnchors, files, pki::Reason, testing::World};

/// More than the sockets between client and server hold.
const LARGE: usize = 64 << 20;

/// Long enough for a busy machine, short enough for a test.
const STALL: Duration = Duration::from_millis(500);

struct Server {
    address: SocketAddr,
    endpoint: Arc<TlsEndpoint>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/slow" {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    if request.uri().path() == "/large" {
        return Ok(Response::new(Full::new(Bytes::from(vec![0u8; LARGE]))));
    }
    let who = match request.extensions().get::<PeerExtension>().map(|p| p.0.bearer().clone()) {
        Some(Bearer::Card { id, .. }) => id.to_string(),
        Some(Bearer::Structure { id, .. }) => id.to_string(),
        Some(other) => format!("{other:?}"),
        None => "nobody".to_owned(),
    };
    Ok(Response::new(Full::new(Bytes::from(who))))
}

async fn server(world: &World, anchors: Arc<TrustAnchors>, auth: ClientAuth) -> Server {
    let files = TlsFiles { certificate: world.dir.join("server.pem"), key: world.dir.join("server.key") };
    let endpoint = TlsEndpoint::load(files, anchors, auth, world.clock.clone()).expect("an endpoint");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async {
        let _ = stopped.await;
    };
    let service = tower::service_fn(answer);
    let options = ServeOptions { write_stall_timeout: STALL, ..ServeOptions::default() };
    let task = tokio::spawn(serve(listener, endpoint.clone(), service, options, shutdown));
    Server { address, endpoint, stop: Some(stop), task }
}

type Sender1 = conn::http1::SendRequest<Empty<Bytes>>;

fn client(world: &World, name: Option<&str>, alpn: &[u8]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(world.der("ca").into()).expect("adds");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let mut config = match name {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let chain = files::certificates(&world.dir.join(format!("{name}.pem"))).expect("reads");
            let key = files::private_key(&world.dir.join(format!("{name}.key"))).expect("reads");
            builder.with_client_auth_cert(chain, key).expect("a client")
        }
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}

async fn connect(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(config.clone()).connect(name, stream).await
}

async fn open(config: &Arc<ClientConfig>, address: SocketAddr) -> Option<Sender1> {
    let tls = connect(config, address).await.ok()?;
    let (sender, connection) = conn::http1::handshake(TokioIo::new(tls)).await.ok()?;
    tokio::spawn(connection);
    Some(sender)
}

async fn ask(sender: &mut Sender1, path: &str) -> Option<String> {
    sender.ready().await.ok()?;
    let request = Request::builder().uri(path).header("host", "localhost").body(Empty::new()).expect("a request");
    let body = sender.send_request(request).await.ok()?.into_body().collect().await.ok()?;
    Some(String::from_utf8(body.to_bytes().to_vec()).expect("text"))
}

async fn call(config: &Arc<ClientConfig>, address: SocketAddr) -> Option<String> {
    ask(&mut open(config, address).await?, "/").await
}

#[tokio::test]
async fn a_trusted_caller_is_served_by_name_and_all_others_are_not() {
    let world = World::new();
    let server = server(&world, world.anchors(), ClientAuth::Required).await;
    let config = |name| Arc::new(client(&world, name, b"http/1.1"));
    assert_eq!(call(&config(Some("medecin")), server.address).await.as_deref(), Some("899900000001"));
    assert_eq!(call(&config(Some("hopital-auth")), server.address).await.as_deref(), Some("1750000001"));
    assert_eq!(call(&config(None), server.address).await, None, "no certificate");
    assert_eq!(call(&config(Some("medecin-perime")), server.address).await, None, "expired");
    assert_eq!(call(&config(Some("medecin-futur")), server.address).await, None, "not yet valid");
    assert_eq!(call(&config(Some("hopital-seal")), server.address).await, None, "a seal is no client");
    let foreign = World::new();
    let pki =
        crate::Pki::create(&foreign.dir.join("other"), foreign.clock.clone(), crate::testing::rng()).expect("a CA");
    let request = crate::IssueRequest::new(
        "medecin",
        crate::Kind::Structure { id: crate::testing::structure("1750000001"), organisation: "FAUX".into() },
    );
    pki.issue(&request).expect("issues");
    for file in ["medecin.pem", "medecin.key"] {
        std::fs::copy(foreign.dir.join("other").join(file), foreign.dir.join(file)).expect("copies");
    }
    assert_eq!(call(&Arc::new(client(&foreign, Some("medecin"), b"http/1.1")), server.address).await, None, "foreign");
    assert!(call(&config(Some("medecin")), server.address).await.is_some(), "the loop goes on");
}

#[tokio::test]
async fn a_revoked_caller_is_refused_on_new_resumed_and_open_connections() {
    let world = World::new();
    let server = server(&world, world.anchors(), ClientAuth::Required).await;
    let config = Arc::new(client(&world, Some("medecin"), b"http/1.1"));
    let other = Arc::new(client(&world, Some("hopital-auth"), b"http/1.1"));
    let mut held = open(&config, server.address).await.expect("connects");
    assert!(ask(&mut held, "/").await.is_some());
    let mut held_by_other = open(&other, server.address).await.expect("connects");
    assert!(ask(&mut held_by_other, "/").await.is_some());
    world.pki.revoke("medecin", Reason::KeyCompromise).expect("revokes");
    server.endpoint.reload().expect("reloads");
    assert_eq!(ask(&mut held, "/").await, None, "the open connection");
    assert_eq!(call(&config, server.address).await, None, "a new one, resuming or not");
    assert!(ask(&mut held_by_other, "/").await.is_some(), "others go on");
}

#[tokio::test]
async fn changed_files_take_effect_without_being_told() {
    let world = World::new();
    let server = server(&world, world.anchors(), ClientAuth::Required).await;
    let config = Arc::new(client(&world, Some("medecin"), b"http/1.1"));
    assert!(call(&config, server.address).await.is_some());
    world.pki.revoke("medecin", Reason::KeyCompromise).expect("revokes");
    for file in ["pem", "key"] {
        std::fs::copy(world.dir.join(format!("operateur-a.{file}")), world.dir.join(format!("server.{file}")))
            .expect("copies");
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(call(&config, server.address).await, None);
    let other = Arc::new(client(&world, Some("hopital-auth"), b"http/1.1"));
    assert_eq!(call(&other, server.address).await, None, "the new certificate is not localhost's");
}

#[tokio::test]
async fn http2_and_tls_1_2_are_spoken() {
    let world = World::new();
    let server = server(&world, world.anchors(), ClientAuth::Required).await;
    let config = Arc::new(client(&world, Some("medecin"), b"h2"));
    let tls = connect(&config, server.address).await.expect("connects");
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.expect("speaks HTTP/2");
    tokio::spawn(connection);
    let request = Request::builder().uri("https://localhost/").body(Empty::<Bytes>::new()).expect("a request");
    let response = sender.send_request(request).await.expect("answers");
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "899900000001");

    let mut roots = RootCertStore::empty();
    roots.add(world.der("ca").into()).expect("adds");
    let chain = files::certificates(&world.dir.join("medecin.pem")).expect("reads");
    let key = files::private_key(&world.dir.join("medecin.key")).expect("reads");
    let old = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .expect("a client");
    assert!(call(&Arc::new(old), server.address).await.is_some());
}

#[tokio::test]
async fn a_listener_that_asks_for_no_certificate_serves_nobody_in_particular() {
    let world = World::new();
    let server = server(&world, world.anchors(), ClientAuth::None).await;
    let config = Arc::new(client(&world, None, b"http/1.1"));
    assert_eq!(call(&config, server.address).await.as_deref(), Some("nobody"));
}

#[tokio::test]
async fn shutdown_lets_a_request_end_and_takes_no_new_connection() {
    let world = World::new();
    let mut server = server(&world, world.anchors(), ClientAuth::Required).await;
    let config = Arc::new(client(&world, Some("medecin"), b"http/1.1"));
    let mut sender = open(&config, server.address).await.expect("connects");
    let asked = tokio::spawn(async move { ask(&mut sender, "/slow").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.take().expect("not stopped yet").send(()).expect("stops");
    assert_eq!(asked.await.expect("runs").as_deref(), Some("899900000001"));
    tokio::time::timeout(Duration::from_secs(5), server.task).await.expect("ends in time").expect("ends");
    assert!(call(&config, server.address).await.is_none());
}

#[tokio::test]
async fn who_asks_and_does_not_read_is_let_go() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let world = World::new();
    let server = server(&world, world.anchors(), ClientAuth::Required).await;
    let config = Arc::new(client(&world, Some("medecin"), b"http/1.1"));
    let mut tls = connect(&config, server.address).await.expect("connects");
    tls.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("asks");
    tls.flush().await.expect("sent");
    tokio::time::sleep(STALL * 4).await;
    let mut read = 0;
    let mut buffer = vec![0u8; 1 << 16];
    while let Ok(n @ 1..) = tls.read(&mut buffer).await {
        read += n;
    }
    assert!(read < LARGE, "the whole answer came after {:?} without reading", STALL * 4);
}
