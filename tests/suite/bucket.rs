//! Bodies in a bucket of a real S3 server.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use testkit::{Client, Gateway, GatewayOptions, TestDocument};

use crate::support::{Caller, SUCCESS, stored};

/// An S3 server with one bucket. Dropped, it is killed.
pub(crate) struct S3 {
    child: Child,
    pub(crate) address: String,
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl S3 {
    /// Starts `moto_server`; `None`, said once on stderr, when there is none.
    pub(crate) async fn start(port: u16) -> Option<Self> {
        let child = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            say("SKIPPED on S3: no moto_server on this machine (pip install 'moto[server]')");
            return None;
        };
        let s3 = Self { child, address: format!("127.0.0.1:{port}") };
        let began = Instant::now();
        while s3.request("PUT", "/bodies").await.is_none_or(|status| status != 200) {
            assert!(began.elapsed() < Duration::from_secs(60), "the S3 server does not answer");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(s3)
    }

    /// A plain request; its status.
    async fn request(&self, method: &str, path: &str) -> Option<u16> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(&self.address).await.ok()?;
        let host = &self.address;
        let head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
    }
}

/// A gateway whose bodies go to the bucket of the S3 server at `address`.
pub(crate) fn options(address: &str) -> GatewayOptions {
    let mut options = GatewayOptions::default().with("STORE__BLOBS", "s3://bodies/dmp");
    let variables = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT", &format!("http://{address}")),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    options.environment.extend(variables.map(|(k, v)| (k.to_owned(), v.to_owned())));
    options
}

#[expect(clippy::print_stderr, reason = "what a test leaves out is said")]
fn say(text: &str) {
    eprintln!("{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_go_to_a_bucket_and_come_back_and_its_loss_is_told() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let Some(s3) = S3::start(port).await else { return };
    let gateway = Gateway::with(options(&s3.address));
    let mut physician = Caller::of(&gateway, "medecin", 0);
    // In the row; in one part; in several.
    let lengths = [900, 200_000, 12 << 20];
    let documents = lengths.map(|length| TestDocument::of(crate::iti41::noise(length), "11502-2", "10"));
    for document in &documents {
        physician.put(document).await;
    }
    for document in &documents {
        assert!(physician.bytes(&document.unique_id).await == document.body.as_slice());
    }
    assert!(gateway.command(&["verify"]).contains("\"problems\":[]"));

    // The bucket is gone: what needs it fails by itself, what does not goes on, nothing is half stored.
    let before = stored(&gateway);
    drop(s3);
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.client = Client::new(&gateway.pro, &gateway.data().join("pki"), "medecin");
    let large = TestDocument::of(crate::iti41::noise(200_000), "11502-2", "10");
    let told = physician.deposit(&large).await;
    assert!(!told.text().contains(SUCCESS), "{}", told.text());
    let small = TestDocument::biology();
    physician.put(&small).await;
    assert!(physician.bytes(&small.unique_id).await == small.body.as_slice());

    // It is back, empty (this server keeps nothing): new bodies are taken, the lost ones are told of.
    let Some(_s3) = S3::start(port).await else { return };
    physician.put(&large).await;
    assert!(physician.bytes(&large.unique_id).await == large.body.as_slice());
    let output = gateway.run(&["verify"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["problems"].as_array().map(Vec::len), Some(2), "{report}");
    assert_eq!(report["entries"].as_u64(), Some(before + 2), "{report}");
}
