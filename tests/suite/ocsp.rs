//! Certificates judged by their authority's responder: the real `openssl ocsp`, asked by the real program.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use testkit::{Client, Gateway, GatewayOptions, TestDocument, client, soap};

use crate::{
    operations::page,
    support::{Caller, SOAP, eventually},
};

struct Responder(Child);

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether `openssl` is here; a test that needs it says so and ends otherwise.
#[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
fn present() -> bool {
    let run = Command::new("openssl").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let present = run.is_ok_and(|status| status.success());
    if !present {
        eprintln!("skipped: no openssl here");
    }
    present
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// A gateway of this policy that asks a responder at `port`.
fn gateway(policy: &str, port: u16) -> Gateway {
    let mut options = GatewayOptions::default();
    let setting = |key: &str, value: &str| (format!("PASSERELLE__TRUST__{key}"), value.to_owned());
    options.environment.extend([
        setting("OCSP", policy),
        setting("OCSP_URL", &format!("http://127.0.0.1:{port}/ocsp")),
        setting("OCSP_TIMEOUT_MS", "1000"),
    ]);
    Gateway::with(options)
}

/// The authority itself answers: every certificate of its index is good but those of `revoked`.
fn responder(pki: &Path, port: u16, revoked: &[&str]) -> Responder {
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(pki.join("index.json")).expect("reads")).expect("an index");
    let line = |entry: &serde_json::Value| {
        let text = |key: &str| entry[key].as_str().expect("text").to_owned();
        let gone = revoked.contains(&text("name").as_str());
        let (flag, at) = if gone { ("R", "260101000000Z") } else { ("V", "") };
        format!("{flag}\t490101000000Z\t{at}\t{}\tunknown\t/CN=x\n", text("serial").to_uppercase())
    };
    let lines: String = index["certificates"].as_array().expect("a list").iter().map(line).collect();
    fs::write(pki.join("index.txt"), lines).expect("writes");
    fs::write(pki.join("index.txt.attr"), "unique_subject = no\n").expect("writes");
    let log = pki.join("responder.log");
    let child = Command::new("openssl")
        .args(["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key"])
        .args(["-nmin", "10", "-port", &port.to_string()])
        .current_dir(pki)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).expect("a log"))
        .spawn()
        .expect("openssl runs");
    let responder = Responder(child);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if fs::read_to_string(&log).is_ok_and(|text| text.contains("waiting for OCSP client connections")) {
            return responder;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("openssl does not listen");
}

/// Whether a client that shows `name`'s certificate gets any answer at all.
async fn is_served(gateway: &Gateway, name: &str) -> bool {
    let mut client = Client::with_config(&gateway.pro, client::tls(&gateway.data().join("pki"), Some(name)));
    let message = client::request("POST", soap::REGISTRY, &[("content-type", SOAP)], client::full("<x/>"));
    client.send(message).await.is_ok()
}

async fn metric(gateway: &Gateway, line: &str) -> bool {
    eventually(async || page(&gateway.admin, "/metrics").1.lines().any(|l| l == line)).await
}

#[tokio::test]
async fn under_the_hard_policy_only_certificates_that_their_responder_knows_as_good_are_served() {
    if !present() {
        return;
    }
    let port = free_port();
    let gateway = gateway("hard", port);
    let began = Instant::now();
    assert!(!is_served(&gateway, "infirmier").await, "nobody answers");
    assert!(began.elapsed() < Duration::from_secs(20), "the wait is bounded");
    let _responder = responder(&gateway.data().join("pki"), port, &["pharmacien"]);
    assert!(!is_served(&gateway, "pharmacien").await, "revoked by its responder, on no list");
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.put(&TestDocument::biology()).await;
    assert_eq!(physician.client.connections, 1);
    for line in [
        "passerelle_ocsp_answers{answer=\"good\"} 1",
        "passerelle_ocsp_answers{answer=\"revoked\"} 1",
        "passerelle_ocsp_answers{answer=\"none\"} 1",
        "passerelle_ocsp_silent 1",
    ] {
        assert!(metric(&gateway, line).await, "{line}: {}", page(&gateway.admin, "/metrics").1);
    }
    assert!(page(&gateway.admin, "/health/ready").1.contains("ocsp: 1 certificates without an answer"));
}

#[tokio::test]
async fn under_the_soft_policy_a_silent_responder_stops_nobody_and_is_seen() {
    // Listens, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gateway = gateway("soft", silent.local_addr().expect("an address").port());
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.put(&TestDocument::biology()).await;
    physician.put(&TestDocument::biology()).await;
    assert!(metric(&gateway, "passerelle_ocsp_silent 1").await);
    assert!(metric(&gateway, "passerelle_ocsp_answers{answer=\"none\"} 1").await, "asked once, not at every call");
    let graced = page(&gateway.admin, "/metrics").1;
    assert!(!graced.contains("passerelle_ocsp_graced 0"), "{graced}");
}
