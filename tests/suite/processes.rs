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
