//! Several processes on one PostgreSQL: none holds what another needs, and what one is told holds for all.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use testkit::{Gateway, GatewayOptions, TestDocument};

use crate::support::{Caller, SUCCESS, stored};

/// The second process of a gateway, and a caller of it.
fn second(gateway: &Gateway, options: &GatewayOptions) -> testkit::Process {
    let folder = gateway.data().to_str().expect("a path of the suite is text").to_owned();
    gateway.beside(&["demo", "--any-port", "--data", &folder], options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_is_told_holds_for_all_and_one_may_die() {
    let Some(server) = pgserver::server() else { return };
    let options = GatewayOptions::default().with("STORE__URL", &server.database()).with("STORE__PARTS", "3");
    let mut gateway = Gateway::with(options.clone());
    let other = second(&gateway, &options);
    let mut here = Caller::of(&gateway, "medecin", 0);
    let mut there = Caller::of(&gateway, "medecin", 0);
    there.client = testkit::Client::new(&other.pro, &gateway.data().join("pki"), "medecin");

    // Put in by one, read from the other: small and large.
    for length in [500, 400_000] {
        let document = TestDocument::of(crate::iti41::noise(length), "11502-2", "10");
        here.put(&document).await;
        assert!(there.bytes(&document.unique_id).await == document.body.as_slice(), "{length} bytes");
        // The same again, to the other: the same success, and nothing twice.
        let before = stored(&gateway);
        assert!(there.deposit(&document).await.text().contains(SUCCESS));
        assert_eq!(stored(&gateway), before);
    }

    // Both have answered for this holder and know the settings: what is withdrawn is withdrawn on the next request.
    let ins = gateway.ins(0).to_owned();
    let _ = gateway.command(&["space", "block", "--ins", &ins, "--who", "medecin"]);
    for caller in [&mut here, &mut there] {
        let refused = caller.deposit(&TestDocument::biology()).await.text();
        assert!(!refused.contains(SUCCESS), "{refused}");
    }
    let _ = gateway.command(&["space", "unblock", "--ins", &ins, "--who", "medecin"]);
    let _ = gateway.command(&["space", "authorise", "--ins", &ins, "--who", "medecin"]);

    // One dies in the middle of it all; the other goes on.
    gateway.kill();
    let document = TestDocument::biology();
    there.put(&document).await;
    gateway.restart();
    let mut again = Caller::of(&gateway, "medecin", 0);
    assert!(again.bytes(&document.unique_id).await == document.body.as_slice());
    let report: serde_json::Value = serde_json::from_str(&gateway.command(&["verify"])).expect("JSON");
    assert_eq!(report["problems"], serde_json::json!([]), "{report}");
    assert!(report["heads"].as_u64().is_some_and(|heads| heads > 0), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_document_put_in_by_all_at_once_is_stored_once() {
    let Some(server) = pgserver::server() else { return };
    let options = GatewayOptions::default().with("STORE__URL", &server.database()).with("STORE__PARTS", "2");
    let gateway = Gateway::with(options.clone());
    let other = second(&gateway, &options);
    let before = stored(&gateway);
    let documents: Vec<TestDocument> = (0..10).map(|_| TestDocument::biology()).collect();
    let tasks: Vec<_> = [gateway.pro.clone(), other.pro.clone(), gateway.pro.clone(), other.pro.clone()]
        .into_iter()
        .map(|address| {
            let mut caller = Caller::of(&gateway, "medecin", 0);
            caller.client = testkit::Client::new(&address, &gateway.data().join("pki"), "medecin");
            let documents = documents.clone();
            tokio::spawn(async move {
                for document in &documents {
                    caller.put(document).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every one is told success");
    }
    assert_eq!(stored(&gateway), before + documents.len() as u64);
    let report = gateway.command(&["verify"]);
    assert!(report.contains("\"problems\":[]"), "{report}");
}

/// Deposits until told to stop. What the gateway could not do for now is sent again, the same, until it is done.
async fn feed(mut caller: Caller, stop: Arc<AtomicBool>, stored: Arc<Mutex<Vec<TestDocument>>>) {
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let document = TestDocument::of(crate::iti41::noise([1_000, 60_000][n % 2] + n), "11502-2", "10");
        loop {
            let reply = caller.deposit(&document).await;
            let text = reply.text();
            if text.contains(SUCCESS) {
                break;
            }
            assert!(reply.status == 503 || text.contains("busy — "), "{}: {text}", reply.status);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stored.lock().expect("no test thread panicked").push(document);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_database_crashes_under_load() {
    let rounds = std::env::var("PASSERELLE_DATABASE_CRASHES").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let Some(server) = pgserver::Server::private() else { return };
    let options = GatewayOptions::default().with("STORE__URL", &server.database()).with("STORE__PARTS", "2");
    let gateway = Gateway::with(options.clone());
    let other = second(&gateway, &options);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let tasks: Vec<_> = [&gateway.pro, &other.pro, &gateway.pro, &other.pro]
        .into_iter()
        .map(|address| {
            let mut caller = Caller::of(&gateway, "medecin", 0);
            caller.client = testkit::Client::new(address, &gateway.data().join("pki"), "medecin");
            tokio::spawn(feed(caller, stop.clone(), done.clone()))
        })
        .collect();
    let server = Arc::new(server);
    for _ in 0..rounds {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let server = server.clone();
        tokio::task::spawn_blocking(move || server.crash_and_restart()).await.expect("it comes back");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        assert!(task.await.is_ok(), "a caller was told neither success nor to come back: {}", gateway.log());
    }
    let done = std::mem::take(&mut *done.lock().expect("no test thread panicked"));
    assert!(done.len() > rounds * 4, "{} documents are no load", done.len());
    let mut caller = Caller::of(&gateway, "medecin", 0);
    for document in &done {
        assert!(caller.bytes(&document.unique_id).await == document.body.as_slice());
    }
    let report: serde_json::Value = serde_json::from_str(&gateway.command(&["verify"])).expect("JSON");
    assert_eq!(report["problems"], serde_json::json!([]), "{report}");
    let traced: std::collections::HashSet<String> = gateway
        .trace(gateway.ins(0))
        .iter()
        .filter(|e| e["act"] == "deposit" && e["outcome"] == "done")
        .flat_map(|e| e["documents"].as_array().cloned().unwrap_or_default())
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    assert!(done.iter().all(|d| traced.contains(&d.unique_id)), "each has its trace");
}

/// Three processes of one gateway that come and go.
struct Fleet {
    members: Vec<testkit::Process>,
    /// Where each listens now.
    addresses: Arc<Mutex<Vec<String>>>,
}

impl Fleet {
    fn start(gateway: &Gateway, options: &GatewayOptions) -> Self {
        let members: Vec<_> = (0..3).map(|_| second(gateway, options)).collect();
        let addresses = members.iter().map(|m| m.pro.clone()).collect();
        Self { members, addresses: Arc::new(Mutex::new(addresses)) }
    }

    /// `kill -9`, and another in its place.
    fn replace(&mut self, index: usize, gateway: &Gateway, options: &GatewayOptions) {
        // Dropped, it is killed: before the next starts, so that there are two for a while.
        drop(self.members.remove(index));
        self.members.insert(index, second(gateway, options));
        self.addresses.lock().expect("no test thread panicked")[index] = self.members[index].pro.clone();
    }
}

/// As [`feed`], at whichever process answers: one that is gone is left for the next.
async fn feed_anywhere(
    mut caller: Caller,
    pki: std::path::PathBuf,
    addresses: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    stored: Arc<Mutex<Vec<TestDocument>>>,
    seed: usize,
) {
    for n in seed.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let document = TestDocument::of(crate::iti41::noise([1_000, 60_000][n % 2] + n), "11502-2", "10");
        let deposit = testkit::soap::Deposit::one(&caller.ins, document.clone());
        for turn in n.. {
            if crate::faults::tried(&mut caller, &deposit).await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            let address = {
                let all = addresses.lock().expect("no test thread panicked");
                all[turn % all.len()].clone()
            };
            caller.client = testkit::Client::new(&address, &pki, "medecin");
        }
        stored.lock().expect("no test thread panicked").push(document);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_processes_are_killed_and_the_database_crashes() {
    let kills = std::env::var("PASSERELLE_PROCESS_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let Some(server) = pgserver::Server::private() else { return };
    let options = GatewayOptions::default().with("STORE__URL", &server.database()).with("STORE__PARTS", "2");
    let gateway = Gateway::with(options.clone());
    let pki = gateway.data().join("pki");
    let mut fleet = Fleet::start(&gateway, &options);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let tasks: Vec<_> = (0..6)
        .map(|index| {
            let caller = Caller::of(&gateway, "medecin", 0);
            let (addresses, stop, done) = (fleet.addresses.clone(), stop.clone(), done.clone());
            tokio::spawn(feed_anywhere(caller, pki.clone(), addresses, stop, done, index))
        })
        .collect();
    let server = Arc::new(server);
    let mut state = 7_u64;
    for round in 0..kills {
        tokio::time::sleep(Duration::from_millis(150 + state % 200)).await;
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let victim = usize::try_from(state >> 40).unwrap_or_default() % 3;
        tokio::task::block_in_place(|| fleet.replace(victim, &gateway, &options));
        if round % 10 == 4 {
            let server = server.clone();
            tokio::task::spawn_blocking(move || server.crash_and_restart()).await.expect("it comes back");
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("each ends acknowledged");
    }
    let done = std::mem::take(&mut *done.lock().expect("no test thread panicked"));
    assert!(done.len() > kills * 4, "{} documents are no load", done.len());
    say(&format!("{} documents acknowledged over {kills} kills", done.len()));
    let mut caller = Caller::of(&gateway, "medecin", 0);
    for document in &done {
        assert!(caller.bytes(&document.unique_id).await == document.body.as_slice());
    }
    let report: serde_json::Value = serde_json::from_str(&gateway.command(&["verify"])).expect("JSON");
    assert_eq!(report["problems"], serde_json::json!([]), "{report}");
    // Each is there once, and nothing besides: what was sent again was stored once.
    let demonstration = report["entries"].as_u64().expect("a number") - done.len() as u64;
    assert_eq!(demonstration, stored(&Gateway::start()), "{report}");
}

#[expect(clippy::print_stderr, reason = "figures of a long run")]
fn say(text: &str) {
    eprintln!("{text}");
}
