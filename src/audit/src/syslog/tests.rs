//! A real collector on this machine, with mutual TLS, in its good and bad moods.

use std::{sync::Arc, time::Duration};

use ambient::SystemClock;
use jiff::Timestamp;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::*;
use crate::testing::{Authority, present};

/// What a collector does with a connection.
#[derive(Debug, Clone, Copy)]
enum Mood {
    /// Reads to the end, then ends.
    Orderly,
    /// Reads to the end, then cuts the line.
    CutsAfter,
    /// Reads a little, then cuts the line.
    CutsMidway,
    /// Reads to the end, then does nothing.
    Silent,
    /// Reads nothing.
    Deaf,
    /// Answers a word, then ends.
    Polite,
    /// Answers and answers.
    Talkative,
}

/// What arrived; what could not be read counts as nothing.
type Received = JoinHandle<Vec<u8>>;

fn world() -> Authority {
    let world = Authority::new();
    world.issue(
        "ca",
        "collector",
        "P-256",
        "subjectAltName = DNS:localhost, IP:127.0.0.1\nextendedKeyUsage = serverAuth\n",
    );
    world.issue("ca", "gateway", "rsa", "subjectAltName = DNS:gateway\nextendedKeyUsage = clientAuth\n");
    world
}

async fn collector(world: &Authority, mood: Mood) -> (u16, Received) {
    let mut roots = RootCertStore::empty();
    roots.add(world.certificate("ca")).expect("a root");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let key = PrivateKeyDer::from_pem_slice(&world.read("collector.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(vec![world.certificate("collector")], key)
        .expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let port = listener.local_addr().expect("an address").port();
    let received = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a caller");
        match TlsAcceptor::from(Arc::new(config)).accept(socket).await {
            Ok(stream) => behave(stream, mood).await,
            Err(_) => Vec::new(),
        }
    });
    (port, received)
}

async fn behave(mut stream: TlsStream<TcpStream>, mood: Mood) -> Vec<u8> {
    let mut received = Vec::new();
    match mood {
        Mood::Deaf => tokio::time::sleep(Duration::from_secs(60)).await,
        Mood::CutsMidway => {
            let mut little = [0; 10];
            stream.read_exact(&mut little).await.expect("reads");
            received.extend(little);
            return received;
        }
        _ => {
            stream.read_to_end(&mut received).await.expect("reads to the end");
        }
    }
    match mood {
        Mood::Silent => tokio::time::sleep(Duration::from_secs(60)).await,
        Mood::Polite => stream.write_all(b"goodbye").await.expect("writes"),
        Mood::Talkative => while stream.write_all(&[b'x'; 4096]).await.is_ok() && stream.flush().await.is_ok() {},
        _ => {}
    }
    if matches!(mood, Mood::Orderly | Mood::Polite) {
        stream.shutdown().await.expect("ends");
    }
    received
}

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    write: Duration::from_millis(1500),
    close: Duration::from_millis(600),
};

fn options(world: &Authority, port: u16) -> SyslogOptions {
    SyslogOptions {
        host: "127.0.0.1".into(),
        port,
        roots: world.read("ca.pem"),
        identity: Some((world.read("gateway.pem"), world.read("gateway.key"))),
        timeouts: TIMEOUTS,
        orderly: true,
    }
}

fn sink(options: SyslogOptions) -> SyslogSink {
    SyslogSink::new(options, SystemClock::new()).expect("a sink")
}

/// Sends to a collector of that mood.
async fn send(mood: Mood, orderly: bool, messages: &[String]) -> (Result<(), SinkError>, Received) {
    let world = world();
    let (port, received) = collector(&world, mood).await;
    let sent = sink(SyslogOptions { orderly, ..options(&world, port) }).send(messages).await;
    (sent, received)
}

fn message(xml: &str) -> String {
    let header = Header { host: "gateway".into(), app: "passerelle".into(), process: "7".into() };
    header.message(Timestamp::from_millisecond(1_790_000_000_100).expect("an instant"), xml)
}

#[test]
fn a_message_has_the_header_of_the_standard() {
    assert_eq!(
        message("<AuditMessage/>"),
        "<85>1 2026-09-21T14:13:20.100Z gateway passerelle 7 IHE+DICOM - \u{FEFF}<AuditMessage/>"
    );
    let odd = Header { host: " hô\nst ".into(), app: "a".repeat(60), process: "é".into() };
    let text = odd.message(Timestamp::UNIX_EPOCH, "x");
    assert_eq!(text, format!("<85>1 1970-01-01T00:00:00.000Z hst {} - IHE+DICOM - \u{FEFF}x", "a".repeat(48)));
}

#[tokio::test]
async fn messages_arrive_counted_in_bytes_and_in_order() {
    if !present("openssl") {
        return;
    }
    let messages = vec![message("<a>é\nà\r\n</a>"), message("<b/>"), message(&"ü".repeat(70_000)), String::new()];
    let (sent, received) = send(Mood::Orderly, true, &messages).await;
    sent.expect("sent");
    let mut received: &[u8] = &received.await.expect("the collector");
    for message in &messages {
        let space = received.iter().position(|b| *b == b' ').expect("a count");
        let count: usize = std::str::from_utf8(&received[..space]).expect("digits").parse().expect("a count");
        assert_eq!(&received[space + 1..space + 1 + count], message.as_bytes());
        received = &received[space + 1 + count..];
    }
    assert!(received.is_empty());
}

#[tokio::test]
async fn only_an_orderly_end_counts_as_sent() {
    if !present("openssl") {
        return;
    }
    let one = [message("<a/>")];
    assert!(send(Mood::Polite, true, &one).await.0.is_ok(), "a word is not too much");
    let (cut, _) = send(Mood::CutsAfter, true, &one).await;
    assert!(matches!(cut, Err(SinkError::Io { step: Step::Close, .. })), "{cut:?}");
    let (midway, _) = send(Mood::CutsMidway, true, &one).await;
    assert!(matches!(midway, Err(SinkError::Io { .. })), "{midway:?}");
    let large = vec![message(&"x".repeat(1 << 20)); 32];
    let (midway, _) = send(Mood::CutsMidway, true, &large).await;
    assert!(matches!(midway, Err(SinkError::Io { .. })), "{midway:?}");
    let (silent, _) = send(Mood::Silent, true, &one).await;
    assert!(matches!(silent, Err(SinkError::Timeout(Step::Close))), "{silent:?}");
    let (deaf, _) = send(Mood::Deaf, true, &large).await;
    assert!(matches!(deaf, Err(SinkError::Timeout(Step::Write))), "{deaf:?}");
    let (talkative, _) = send(Mood::Talkative, true, &one).await;
    assert!(matches!(talkative, Err(SinkError::Talkative)), "{talkative:?}");
}

#[tokio::test]
async fn a_collector_that_never_ends_may_be_borne_with_but_not_one_that_refuses() {
    if !present("openssl") {
        return;
    }
    let one = [message("<a/>")];
    assert!(send(Mood::Silent, false, &one).await.0.is_ok());
    assert!(send(Mood::CutsAfter, false, &one).await.0.is_ok());
    let (talkative, _) = send(Mood::Talkative, false, &one).await;
    assert!(matches!(talkative, Err(SinkError::Talkative)), "{talkative:?}");
    let (deaf, _) = send(Mood::Deaf, false, &vec![message(&"x".repeat(1 << 20)); 32]).await;
    assert!(matches!(deaf, Err(SinkError::Timeout(Step::Write))), "{deaf:?}");
    let world = world();
    for orderly in [true, false] {
        let (port, received) = collector(&world, Mood::Orderly).await;
        let unknown = SyslogOptions { identity: None, orderly, ..options(&world, port) };
        let refused = sink(unknown).send(&one).await;
        assert!(matches!(refused, Err(SinkError::Io { .. })), "{refused:?}");
        assert!(received.await.expect("the collector").is_empty());
    }
}

#[tokio::test]
async fn only_the_collector_that_was_meant_is_written_to() {
    if !present("openssl") {
        return;
    }
    let (world, foreign) = (world(), world());
    let one = [message("<a/>")];
    let (port, received) = collector(&world, Mood::Orderly).await;
    let roots = foreign.read("ca.pem");
    let refused = sink(SyslogOptions { roots, ..options(&world, port) }).send(&one).await;
    assert!(matches!(refused, Err(SinkError::Io { step: Step::Connect, .. })), "{refused:?}");
    assert!(received.await.expect("the collector").is_empty());
    // The same machine by a name that its certificate does not bear.
    let (port, received) = collector(&world, Mood::Orderly).await;
    let refused = sink(SyslogOptions { host: "127.0.0.2".into(), ..options(&world, port) }).send(&one).await;
    assert!(matches!(refused, Err(SinkError::Io { step: Step::Connect, .. })), "{refused:?}");
    received.abort();
    let (port, _) = collector(&world, Mood::Orderly).await;
    let late = ambient::FixedClock::at(Timestamp::UNIX_EPOCH);
    let refused = SyslogSink::new(options(&world, port), late).expect("a sink").send(&one).await;
    assert!(matches!(refused, Err(SinkError::Io { step: Step::Connect, .. })), "{refused:?}");
}

#[tokio::test]
async fn nobody_there_is_an_error_and_nothing_to_send_is_none() {
    if !present("openssl") {
        return;
    }
    let world = world();
    let free = TcpListener::bind("127.0.0.1:0").await.expect("listens").local_addr().expect("an address").port();
    let sink = sink(options(&world, free));
    assert!(sink.send(&[]).await.is_ok());
    let refused = sink.send(&[message("<a/>")]).await;
    assert!(matches!(refused, Err(SinkError::Io { step: Step::Connect, .. })), "{refused:?}");
    // A listener that never answers the handshake.
    let mute = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let timeouts = Timeouts { connect: Duration::from_millis(300), ..TIMEOUTS };
    let port = mute.local_addr().expect("an address").port();
    let late = super::tests::sink(SyslogOptions { timeouts, ..options(&world, port) }).send(&[message("<a/>")]).await;
    assert!(matches!(late, Err(SinkError::Timeout(Step::Connect))), "{late:?}");
}

#[test]
fn options_that_cannot_be_used_are_told_at_the_start() {
    if !present("openssl") {
        return;
    }
    let world = world();
    let refused = |options| SyslogSink::new(options, SystemClock::new()).expect_err("refused").to_string();
    let usual = || options(&world, 1);
    assert!(refused(SyslogOptions { roots: b"nothing".to_vec(), ..usual() }).contains("authority"));
    assert!(refused(SyslogOptions { host: "not a name".into(), ..usual() }).contains("name"));
    let stranger = Some((world.read("gateway.pem"), world.read("collector.key")));
    assert!(refused(SyslogOptions { identity: stranger, ..usual() }).contains("certificate and key"));
    let nothing = Some((Vec::new(), world.read("gateway.key")));
    assert!(refused(SyslogOptions { identity: nothing, ..usual() }).contains("certificate and key"));
    assert!(!format!("{:?}", usual()).contains("PRIVATE"));
}
