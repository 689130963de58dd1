//! What proves the trace to others: proofs as files, exports, time stamps, audit repositories, copies, spans.

use std::{
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use testkit::{Catcher, Gateway, GatewayOptions, TestDocument, gateway::program};

use crate::{
    operations::page,
    support::{Caller, SUCCESS, eventually, stored},
};

/// The program far from any gateway.
fn alone(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Command::new(program()).args(arguments).current_dir(folder.path()).output().expect("the program runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the suite is text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_is_proven_to_a_holder_by_a_small_file_and_a_key() {
    let mut gateway = Gateway::start();
    let mut caller = Caller::of(&gateway, "medecin", 0);
    for _ in 0..30 {
        caller.put(&TestDocument::biology()).await;
    }
    // A head is signed when it stops.
    assert_eq!(gateway.terminate(), Some(0));
    gateway.restart();
    let ins = gateway.ins(0).to_owned();
    let key = gateway.command(&["evidence", "key"]).trim().to_owned();
    let events = gateway.trace(&ins);
    let place = events[7]["place"].as_str().expect("a place").to_owned();
    let proof = gateway.data().join("proof.txt");
    let _ = gateway.command(&["evidence", "proof", "--ins", &ins, "--place", &place, "--out", text(&proof)]);
    let checked = alone(&["evidence", "check", text(&proof), "--key", &key]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let shown: serde_json::Value = serde_json::from_slice(&checked.stdout).expect("JSON");
    assert_eq!(shown["event"]["targets"], events[7]["documents"], "{shown}");
    // Changed, or of another gateway: exit 1, on one line.
    let was = std::fs::read_to_string(&proof).expect("text");
    std::fs::write(&proof, was.replacen("index ", "index 1", 1)).expect("written");
    let wrong = alone(&["evidence", "check", text(&proof), "--key", &key]);
    assert_eq!((wrong.status.code(), wrong.stderr.iter().filter(|b| **b == b'\n').count()), (Some(1), 1));
    std::fs::write(&proof, was).expect("written");
    let other = Gateway::start();
    let _ = std::fs::remove_file(other.data().join("keys/evidence.key"));
    let _ = other.command(&["keys", "make"]);
    let stranger = other.command(&["evidence", "key"]);
    let wrong = alone(&["evidence", "check", text(&proof), "--key", stranger.trim()]);
    assert_eq!(wrong.status.code(), Some(1));
    // Without a place, the newest that a head covers; of another holder, nothing.
    let newest = gateway.command(&["evidence", "proof", "--ins", &ins]);
    assert!(newest.starts_with("c2sp.org/tlog-proof@v1\n"), "{newest}");
    let foreign = gateway.run(&["evidence", "proof", "--ins", gateway.ins(1), "--place", &place]);
    assert_eq!(foreign.status.code(), Some(2), "{}", String::from_utf8_lossy(&foreign.stderr));

    // The whole log, far from the store.
    let export = gateway.data().join("log.ndjson");
    let _ = gateway.command(&["evidence", "export", "--out", text(&export)]);
    let log = std::fs::read_to_string(&export).expect("text");
    assert!(!log.contains(&ins) && !log.contains("VASSEUR") && !log.contains("899900000101"));
    let right = alone(&["verify", "--export", text(&export), "--key", &key]);
    assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stderr));
    let cut: Vec<&str> = log.lines().filter(|line| !line.contains("\"seq\":2,")).collect();
    std::fs::write(&export, cut.join("\n") + "\n").expect("written");
    assert_eq!(alone(&["verify", "--export", text(&export), "--key", &key]).status.code(), Some(1));

    // It only grew.
    let (origin, size) = {
        let head = log.lines().find(|l| l.contains("\"head\"")).expect("a head");
        let head: serde_json::Value = serde_json::from_str(head).expect("JSON");
        (head["head"]["origin"].as_str().expect("text").to_owned(), head["head"]["size"].to_string())
    };
    let growth = gateway.data().join("growth.json");
    let _ = gateway.command(&[
        "evidence",
        "growth",
        "--origin",
        &origin,
        "--from",
        &size,
        "--to",
        &size,
        "--out",
        text(&growth),
    ]);
    assert!(alone(&["evidence", "check", text(&growth), "--key", &key]).status.success());
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_while_the_gateway_works_is_restored_and_verified() {
    let gateway = Gateway::with(GatewayOptions::default().with("STORE__URL", "sqlite:passerelle.db"));
    assert!(gateway.data().join("passerelle.db").exists(), "on the embedded store, whatever the suite runs on");
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let documents: Vec<_> =
        [500, 90_000, 2 << 20].map(|n| TestDocument::of(crate::iti41::noise(n), "11502-2", "10")).into();
    for document in &documents {
        caller.put(document).await;
    }
    let restored = tempfile::tempdir().expect("a folder");
    let told = gateway.command(&["backup", "--to", text(restored.path())]);
    assert!(told.contains("\"bodies\":"), "{told}");
    // After the copy: not in it.
    caller.put(&TestDocument::biology()).await;
    let before = stored(&gateway);
    // What a restore needs besides: configuration, certificates and keys, which stand elsewhere.
    for part in ["pki", "keys"] {
        copy(&gateway.data().join(part), &restored.path().join(part));
    }
    for file in ["passerelle.toml", "demo.json"] {
        std::fs::copy(gateway.data().join(file), restored.path().join(file)).expect("copied");
    }
    let folder = text(restored.path());
    let report = alone(&["verify", "--data", folder]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).expect("JSON");
    assert_eq!(report["entries"].as_u64(), Some(before - 1), "{report}");
    let wrong: Vec<_> = report["problems"].as_array().expect("a list").iter().collect();
    // Heads signed after the copy may tell of more events than it has: of nothing else.
    assert!(wrong.iter().all(|p| p["what"].as_str().is_some_and(|w| w.starts_with("events at its end"))), "{report}");
    let second = gateway.beside(&["demo", "--any-port", "--data", folder], &GatewayOptions::default());
    let mut there = Caller::of(&gateway, "medecin", 0);
    there.client = testkit::Client::new(&second.pro, &restored.path().join("pki"), "medecin");
    for document in &documents {
        assert!(there.bytes(&document.unique_id).await == document.body.as_slice());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audit_repositories_are_given_every_trace_whatever_happens_to_them() {
    let gateway = Gateway::start();
    let pki = gateway.data().join("pki");
    let file = |name: &str| pki.join(name).display().to_string();
    let syslog = Catcher::syslog("127.0.0.1:0", &pki).await;
    let fhir = Catcher::http("127.0.0.1:0", |_| (201, "application/fhir+json", Vec::new())).await;
    let (at_syslog, at_fhir) = (syslog.address.clone(), fhir.address.clone());
    // Dead when the gateway starts.
    drop((syslog, fhir));
    let mut gateway = gateway;
    for (key, value) in [
        ("SYSLOG", at_syslog.clone()),
        ("SYSLOG_AUTHORITIES", format!("[{:?}]", file("ca.pem"))),
        ("SYSLOG_CERTIFICATE", file("hopital-auth.pem")),
        ("SYSLOG_KEY", file("hopital-auth.key")),
        ("FHIR", format!("http://{at_fhir}/fhir")),
    ] {
        gateway.set(&format!("PASSERELLE__AUDIT__{key}"), &value);
    }
    gateway.restart();
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    caller.put(&document).await;
    let _ = caller.bytes(&document.unique_id).await;
    assert!(caller.find("").await.text().contains(SUCCESS), "nobody's act waits for them");
    let behind = async || {
        let ready = page(&gateway.admin, "/health/ready").1;
        ready.contains("feed syslog: ") && !ready.contains("feed syslog: 0 ")
    };
    assert!(eventually(behind).await);
    let failing = async || {
        let jobs = gateway.command(&["jobs", "list"]);
        let job = jobs.lines().find(|line| line.contains("\"feed syslog\"")).expect("it is set up");
        !job.contains("\"failure\":\"\"")
    };
    assert!(within(Duration::from_secs(30), failing).await);

    // They come, and are given everything.
    let syslog = Catcher::syslog(&at_syslog, &pki).await;
    let fhir = Catcher::http(&at_fhir, |_| (201, "application/fhir+json", Vec::new())).await;
    let done = async || {
        let ready = page(&gateway.admin, "/health/ready").1;
        ready.contains("feed syslog: 0 ") && ready.contains("feed fhir: 0 ")
    };
    assert!(within(Duration::from_secs(60), done).await, "{}", page(&gateway.admin, "/health/ready").1);
    let (messages, records) = (syslog.texts(), fhir.texts());
    // Each deposit of the demonstration and of this test, once at least, in both.
    let deposited: Vec<String> = (0..6)
        .flat_map(|h| gateway.trace(gateway.ins(h)))
        .filter(|event| event["act"] == "deposit" && event["outcome"] == "done")
        .flat_map(|event| event["documents"].as_array().cloned().unwrap_or_default())
        .map(|id| id.as_str().expect("text").to_owned())
        .collect();
    assert!(deposited.len() > 4);
    for unique_id in &deposited {
        let in_both = messages.iter().any(|m| m.contains(unique_id)) && records.iter().any(|r| r.contains(unique_id));
        assert!(in_both, "{unique_id} was not told");
    }
    let of_document = |texts: &[String]| texts.iter().filter(|t| t.contains(&document.unique_id)).count();
    assert!(of_document(&messages) >= 2 && of_document(&records) >= 2, "deposited and read");
    assert!(messages.iter().all(|m| m.starts_with("<85>1 ") && m.contains("<AuditMessage")), "{}", messages[0]);
    for record in &records {
        let record: serde_json::Value = serde_json::from_str(record).expect("JSON");
        assert!(record["resourceType"] == "AuditEvent" && record["recorded"].is_string(), "{record}");
    }
    let patient = records.iter().any(|r| r.contains("IHE.BasicAudit.PatientRead"));
    assert!(patient, "a reading is what BALP calls one");
    // One of them answers with errors: the other goes on.
    drop(fhir);
    let _fhir = Catcher::http(&at_fhir, |_| (500, "text/plain", Vec::new())).await;
    let before = syslog.caught().len();
    caller.put(&TestDocument::biology()).await;
    assert!(within(Duration::from_secs(30), async || syslog.caught().len() > before).await);
    for name in [gateway.ins(0), "VASSEUR", &document.unique_id] {
        assert!(!gateway.log().contains(name), "{name} in a log");
    }
}

async fn within(time: Duration, holds: impl AsyncFn() -> bool) -> bool {
    let began = std::time::Instant::now();
    while began.elapsed() < time {
        if holds().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    false
}

/// A time-stamping authority of OpenSSL's; `None`, said on stderr, when there is none on this machine.
struct Authority(tempfile::TempDir);

const OPENSSL: &str = "
[tsa]
default_tsa = this
[this]
dir = .
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
certs = ./ca.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[stamp]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
[req]
distinguished_name = name
[name]
";

impl Authority {
    fn make() -> Option<Self> {
        let this = Self(tempfile::tempdir().expect("a folder"));
        std::fs::write(this.0.path().join("cnf"), OPENSSL).expect("written");
        std::fs::write(this.0.path().join("serial"), "01").expect("written");
        let steps: &[&[&str]] = &[
            &[
                "req",
                "-x509",
                "-config",
                "cnf",
                "-extensions",
                "authority",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=Test TSA root",
                "-days",
                "30",
                "-keyout",
                "ca.key",
                "-out",
                "ca.pem",
            ],
            &[
                "req",
                "-config",
                "cnf",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=Test TSA",
                "-keyout",
                "tsa.key",
                "-out",
                "tsa.csr",
            ],
            &[
                "x509",
                "-req",
                "-in",
                "tsa.csr",
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-set_serial",
                "7",
                "-days",
                "20",
                "-extfile",
                "cnf",
                "-extensions",
                "stamp",
                "-out",
                "tsa.pem",
            ],
        ];
        for step in steps {
            if this.openssl(step).is_none() {
                say("SKIPPED with time stamps: no openssl on this machine");
                return None;
            }
        }
        Some(this)
    }

    fn openssl(&self, arguments: &[&str]) -> Option<()> {
        let done = Command::new("openssl").args(arguments).current_dir(self.0.path()).output().ok()?;
        done.status.success().then_some(())
    }

    /// Answers a request.
    fn reply(folder: &Path, query: &[u8]) -> Vec<u8> {
        std::fs::write(folder.join("query"), query).expect("written");
        let arguments = ["ts", "-reply", "-config", "cnf", "-queryfile", "query", "-out", "reply"];
        let _ = Command::new("openssl").args(arguments).current_dir(folder).output();
        std::fs::read(folder.join("reply")).unwrap_or_default()
    }
}

#[expect(clippy::print_stderr, reason = "what a test leaves out is said")]
fn say(text: &str) {
    eprintln!("{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_are_time_stamped_and_without_an_authority_service_ends_after_a_countdown() {
    let Some(authority) = Authority::make() else { return };
    let folder = authority.0.path().to_owned();
    let serve = move |address: String| {
        let folder = folder.clone();
        async move {
            let answer = move |query: &[u8]| (200, "application/timestamp-reply", Authority::reply(&folder, query));
            Catcher::http(&address, answer).await
        }
    };
    let server = serve("127.0.0.1:0".to_owned()).await;
    let address = server.address.clone();
    let options = GatewayOptions::default()
        .with("EVIDENCE__TSA_URL", &format!("http://{address}/tsa"))
        .with("EVIDENCE__TSA_AUTHORITIES", &format!("[{:?}]", authority.0.path().join("ca.pem").display().to_string()))
        .with("EVIDENCE__STAMP_EVERY_S", "1")
        .with("EVIDENCE__STAMP_GRACE_S", "600")
        .with("EVIDENCE__SIGN_EVERY_S", "1");
    let gateway = Gateway::with(options);
    let mut caller = Caller::of(&gateway, "medecin", 0);
    caller.put(&TestDocument::biology()).await;
    let stamped = async || {
        let report: serde_json::Value = serde_json::from_str(&gateway.command(&["verify"])).expect("JSON");
        report["stamps"].as_u64() > Some(0)
    };
    assert!(within(Duration::from_secs(30), stamped).await, "{}", gateway.command(&["verify"]));
    assert!(page(&gateway.admin, "/health/ready").1.contains("time stamps: "));

    // The authority is out of reach: it goes on for ten minutes, counting down.
    drop(server);
    caller.put(&TestDocument::biology()).await;
    let _ = gateway.command(&["advance", "--by", "11m"]);
    let refused = async || {
        let mut caller = Caller::of(&gateway, "medecin", 0);
        caller.find("").await.text().contains("evidence_unavailable")
    };
    assert!(within(Duration::from_secs(20), refused).await, "after the grace nothing is served");
    let (status, told) = page(&gateway.admin, "/health/ready");
    assert!(status.contains("503") && told.contains("no time stamps"), "{status} {told}");
    let before = stored(&gateway);
    let mut caller = Caller::of(&gateway, "medecin", 0);
    assert!(caller.deposit(&TestDocument::biology()).await.text().contains("evidence_unavailable"));
    assert_eq!(stored(&gateway), before);
    // It is back.
    let _server = serve(address).await;
    let served = async || {
        let mut caller = Caller::of(&gateway, "medecin", 0);
        caller.deposit(&TestDocument::biology()).await.text().contains(SUCCESS)
    };
    assert!(within(Duration::from_secs(90), served).await, "{}", gateway.command(&["jobs", "list"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_logs_and_metrics_say_nothing_of_anybody() {
    let collector = Catcher::http("127.0.0.1:0", |_| (200, "application/x-protobuf", Vec::new())).await;
    let mut options = GatewayOptions::default().with("TELEMETRY__OTLP", &format!("http://{}", collector.address));
    options.environment.push(("PASSERELLE_LOG".into(), "debug".into()));
    let mut gateway = Gateway::with(options);
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    caller.put(&document).await;
    let _ = caller.bytes(&document.unique_id).await;
    let _ = caller.find("").await;
    let _ = caller.retrieve("1.2.3.4.5").await;
    let _ = caller.client.get(&format!("/fhir/Patient?identifier={}", caller.ins), &[]).await;
    let (metrics, vihf) = (page(&gateway.admin, "/metrics").1, caller.vihf.clone());
    assert!(metrics.contains("passerelle_commit_seconds_count") && metrics.contains("passerelle_writes_queued"));
    assert_eq!(gateway.terminate(), Some(0));
    let spans: String = collector.texts().concat();
    assert!(spans.contains("/si-dmp-server/v2/services/repository") && spans.contains("passerelle"), "{spans}");
    let log = gateway.log();
    assert!(log.contains("\"level\""), "{log}");
    let token = &vihf[vihf.len() / 2..vihf.len() / 2 + 40];
    for word in [gateway.ins(0), "VASSEUR", "899900000101", &document.unique_id, "1.2.3.4.5", token] {
        for (place, text) in [("a span", &spans), ("the log", &log), ("a metric", &metrics)] {
            assert!(!text.contains(word), "{word} in {place}");
        }
    }
}
