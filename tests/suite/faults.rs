//! Everything that may break, broken: at every step of a deposit, the database in the middle of a commit, the disk, the
//! bucket, the clock. What was acknowledged is there with bytes, entry and trace; what was not is not half there; what is
//! sent again is there once; the log proves itself.

use std::{path::Path, process::Command, time::Duration};

use testkit::{Fault, Gateway, GatewayOptions, Proxy, TestDocument, soap::Deposit};

use crate::support::{Caller, SUCCESS, eventually, stored, succeeded};

/// Places of a deposit where the program is made to die: before and after each thing it does.
const STEPS: &[&str] = &[
    "body.write",
    "body.sync",
    "body.synced",
    "commit.begun",
    "commit.judged",
    "deposit.sets",
    "deposit.entries",
    "deposit.bodies",
    "commit.deposits",
    "commit.messages",
    "commit.traces",
    "commit.done",
];

const FAILPOINT: &str = "PASSERELLE_FAILPOINT";

fn noise(length: usize) -> TestDocument {
    TestDocument::of(crate::iti41::noise(length), "11502-2", "10")
}

fn verified(gateway: &Gateway) {
    let report = gateway.command(&["verify"]);
    assert!(report.contains("\"problems\":[]"), "{report}");
}

/// A deposit that may end in any way; whether it was acknowledged.
pub(crate) async fn tried(caller: &mut Caller, deposit: &Deposit) -> bool {
    let (content_type, message) = deposit.message(&caller.vihf);
    let headers = [("content-type", content_type.as_str())];
    let call = testkit::client::request("POST", testkit::soap::REPOSITORY, &headers, testkit::client::full(message));
    caller.client.send(call).await.is_ok_and(|reply| reply.text().contains(SUCCESS))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_any_two_steps_a_deposit_is_whole_or_absent() {
    let mut gateway = Gateway::start();
    for step in STEPS {
        // Outside the database; inside it the first steps do not come.
        for length in [40_000, 500] {
            if length == 500 && step.starts_with("body.") {
                continue;
            }
            gateway.set(FAILPOINT, &format!("{step}=kill"));
            gateway.restart();
            let before = stored(&gateway);
            let mut caller = Caller::of(&gateway, "medecin", 0);
            let document = noise(length);
            let deposit = Deposit::one(&caller.ins, document.clone());
            assert!(!tried(&mut caller, &deposit).await, "{step}: it died before it answered");
            let _ = gateway.wait();
            gateway.set(FAILPOINT, "");
            gateway.restart();

            let done = *step == "commit.done";
            assert_eq!(stored(&gateway), before + u64::from(done), "{step}, {length} bytes");
            let mut caller = Caller::of(&gateway, "medecin", 0);
            let listed = caller.listed("").await;
            assert_eq!(listed.contains(&document.unique_id), done, "{step}");
            // Sent again it is there, once.
            assert!(tried(&mut caller, &deposit).await, "{step}");
            assert_eq!(stored(&gateway), before + 1, "{step}");
            assert!(caller.bytes(&document.unique_id).await == document.body.as_slice(), "{step}");
        }
    }
    verified(&gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_fails_for_want_of_room_is_told_and_leaves_nothing() {
    let mut gateway = Gateway::start();
    for step in ["body.write", "commit.judged", "deposit.bodies", "commit.traces"] {
        gateway.set(FAILPOINT, &format!("{step}=fail@1"));
        gateway.restart();
        let before = stored(&gateway);
        let mut caller = Caller::of(&gateway, "medecin", 0);
        let document = noise(40_000);
        let told = caller.deposit(&document).await.text();
        assert!(told.contains("XDSRegistryOutOfResources") && told.contains("storage_full"), "{step}: {told}");
        assert_eq!(stored(&gateway), before, "{step}");
        // There is room again: it goes on, without a restart.
        caller.put(&document).await;
        assert_eq!(stored(&gateway), before + 1, "{step}");
    }
    gateway.set(FAILPOINT, "");
    verified(&gateway);
}

/// A small disk of its own, where the machine lets a test have one. Dropped, it is gone.
struct Disk(tempfile::TempDir);

impl Disk {
    fn of(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(folder.path())
            .output();
        if done.is_ok_and(|d| d.status.success()) {
            return Some(Self(folder));
        }
        say("SKIPPED on a full disk: this machine lets nobody mount a small one");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[expect(clippy::print_stderr, reason = "what a test leaves out is said")]
fn say(text: &str) {
    eprintln!("{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_deposits_are_refused_reading_goes_on_and_room_heals() {
    let Some(disk) = Disk::of(64) else { return };
    let at = |name: &str| disk.path().join(name).display().to_string();
    let mut gateway = Gateway::with(GatewayOptions::default().with("STORE__URL", "sqlite:passerelle.db"));
    assert_eq!(gateway.terminate(), Some(0));
    let _ = std::fs::copy(gateway.data().join("passerelle.db"), at("passerelle.db")).expect("copied");
    let moved = Command::new("cp").arg("-r").arg(gateway.data().join("blobs")).arg(disk.path()).status();
    assert!(moved.is_ok_and(|status| status.success()), "bodies are copied");
    gateway.set("PASSERELLE__STORE__URL", &format!("sqlite:{}", at("passerelle.db")));
    gateway.set("PASSERELLE__STORE__BLOBS", &format!("file:{}", at("blobs")));
    gateway.set("PASSERELLE__STORE__RESERVE_MIB", "16");
    gateway.restart();
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let first = noise(40_000);
    caller.put(&first).await;
    // A neighbour fills the disk, down to less than deposits may leave.
    let ballast = disk.path().join("ballast");
    let fill = |mebibytes: usize| std::fs::write(&ballast, vec![0; mebibytes << 20]);
    fill(40).expect("room for it");
    // The large are refused first, then those for which there was just room left.
    for length in [300_000, 40_000, 500] {
        let mut taken = 0;
        let refused = loop {
            let told = caller.deposit(&noise(length)).await.text();
            if !told.contains(SUCCESS) {
                break told;
            }
            taken += 1;
            assert!(taken < 500, "the disk does not fill");
        };
        assert!(refused.contains("storage_full"), "{refused}");
    }
    let before = stored(&gateway);
    // Reading goes on, traced.
    for _ in 0..20 {
        assert!(caller.bytes(&first.unique_id).await == first.body.as_slice());
        assert!(caller.listed("").await.contains(&first.unique_id));
    }
    assert_eq!(stored(&gateway), before);
    // To the last byte: nothing is done that cannot be traced, and nothing breaks.
    let mut last = std::fs::File::create(disk.path().join("last")).expect("made");
    while std::io::Write::write_all(&mut last, &[0; 65_536]).is_ok() {}
    for _ in 0..200 {
        let told = caller.find("").await.text();
        assert!(told.contains(SUCCESS) || told.contains("storage_full"), "{told}");
    }
    drop(last);
    std::fs::remove_file(disk.path().join("last")).expect("removed");
    std::fs::remove_file(&ballast).expect("removed");
    // Room again: it goes on, without a restart.
    let healed = async || {
        let mut caller = Caller::of(&gateway, "medecin", 0);
        caller.deposit(&noise(40_000)).await.text().contains(SUCCESS)
    };
    assert!(eventually(healed).await);
    assert!(caller.bytes(&first.unique_id).await == first.body.as_slice());
    verified(&gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_body_is_told_of_and_others_are_read() {
    let gateway = Gateway::start();
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let (damaged, whole) = (noise(60_000), noise(60_000));
    caller.put(&damaged).await;
    let known = body_files(gateway.data());
    caller.put(&whole).await;
    let file = known.iter().max_by_key(|f| f.metadata().and_then(|m| m.modified()).ok()).expect("a body");
    let mut bytes = std::fs::read(file).expect("read");
    bytes[30_000] ^= 1;
    std::fs::write(file, bytes).expect("written");
    let told = caller.retrieve(&damaged.unique_id).await.text();
    assert!(told.contains("document_damaged") && told.contains("XDSRepositoryError"), "{told}");
    assert!(caller.bytes(&whole.unique_id).await == whole.body.as_slice());
    let metrics = crate::operations::page(&gateway.admin, "/metrics").1;
    assert!(metrics.contains("passerelle_bodies_damaged_total 1"), "{metrics}");
    assert!(gateway.log().contains("store.body_damaged"));
}

fn body_files(data: &Path) -> Vec<std::path::PathBuf> {
    let shards = std::fs::read_dir(data.join("blobs")).expect("a folder").map(|e| e.expect("read").path());
    let all = shards.filter(|p| p.is_dir()).flat_map(|p| std::fs::read_dir(p).expect("a folder"));
    all.map(|e| e.expect("read").path()).collect()
}

/// A gateway on a database behind a wire that can be cut.
async fn behind_a_wire(server: &pgserver::Server) -> (Gateway, Proxy) {
    let url = server.database();
    let place = server.place().to_owned();
    let wire = Proxy::to(&place).await;
    let options = GatewayOptions::default()
        .with("STORE__URL", &url.replace(&place, &wire.address))
        .with("STORE__PARTS", "2")
        .with("STORE__SCRUB_MIB_PER_S", "0");
    (Gateway::with(options), wire)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_in_the_middle_of_a_commit_loses_and_doubles_nothing() {
    let Some(server) = pgserver::server() else { return };
    let (gateway, wire) = behind_a_wire(server).await;
    // Jobs commit too: none is under way now.
    let _ = gateway.command(&["jobs", "stop", "all"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let commit = b"COMMIT\0".to_vec();
    for (fault, done) in [(Fault::CutBefore(commit.clone()), false), (Fault::CutAfter(commit.clone()), true)] {
        for length in [500, 40_000] {
            let before = stored(&gateway);
            let mut caller = Caller::of(&gateway, "medecin", 0);
            let deposit = Deposit::one(&caller.ins, noise(length));
            wire.next(fault.clone(), 1);
            assert!(!tried(&mut caller, &deposit).await, "its outcome is unknown: it is not acknowledged");
            assert_eq!(wire.left(), 0, "the commit was cut");
            assert_eq!(stored(&gateway), before + u64::from(done), "{fault:?}");
            let again = async || {
                let mut caller = Caller::of(&gateway, "medecin", 0);
                tried(&mut caller, &deposit).await
            };
            assert!(eventually(again).await, "{fault:?}");
            assert_eq!(stored(&gateway), before + 1, "{fault:?}: once");
            let document = &deposit.documents[0];
            assert!(caller.bytes(&document.unique_id).await == document.body.as_slice());
        }
    }
    verified(&gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica_has_everything_that_was_acknowledged() {
    let Some(mut primary) = pgserver::Server::private() else { return };
    let (gateway, wire) = behind_a_wire(&primary).await;
    let standby = primary.standby();
    let mut acknowledged = Vec::new();
    let feed = async |count: usize, acknowledged: &mut Vec<TestDocument>| {
        let mut caller = Caller::of(&gateway, "medecin", 0);
        for n in 0..count {
            let document = noise([500, 40_000][n % 2]);
            let deposit = Deposit::one(&caller.ins, document.clone());
            if tried(&mut caller, &deposit).await {
                acknowledged.push(document);
            }
        }
    };
    feed(20, &mut acknowledged).await;
    assert_eq!(acknowledged.len(), 20);
    // The primary dies; nobody is served, and nobody is told that something was done.
    primary.crash();
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let deposit = Deposit::one(&caller.ins, noise(500));
    assert!(!tried(&mut caller, &deposit).await);
    standby.promote();
    wire.switch(standby.place());
    let served = async || {
        let mut caller = Caller::of(&gateway, "medecin", 0);
        let deposit = Deposit::one(&caller.ins, noise(700));
        tried(&mut caller, &deposit).await
    };
    assert!(eventually(served).await, "the replica serves");
    feed(10, &mut acknowledged).await;
    assert_eq!(acknowledged.len(), 30);
    let mut caller = Caller::of(&gateway, "medecin", 0);
    for document in &acknowledged {
        assert!(caller.bytes(&document.unique_id).await == document.body.as_slice());
    }
    verified(&gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_fails_is_slow_or_forgets_to_answer_loses_nothing() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let Some(s3) = crate::bucket::S3::start(port).await else { return };
    let wire = Proxy::to(&s3.address).await;
    // Only the calls of this test go through the wire.
    let gateway = Gateway::with(crate::bucket::options(&wire.address).with("STORE__SCRUB_MIB_PER_S", "0"));
    let _ = gateway.command(&["jobs", "stop", "all"]);
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let error = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    let put = b"PUT /bodies".to_vec();
    let faults = [
        (Fault::Answer(put.clone(), error.clone()), 1),
        (Fault::CutBefore(put.clone()), 1),
        (Fault::CutAfter(put.clone()), 1),
        (Fault::Slow(Duration::from_millis(300)), 6),
    ];
    for (fault, times) in faults {
        let document = noise(200_000);
        let before = stored(&gateway);
        wire.next(fault.clone(), times);
        // Tried again by the gateway itself, within the caller's patience.
        succeeded(&caller.deposit(&document).await);
        assert_eq!(wire.left(), 0, "{fault:?} happened");
        assert_eq!(stored(&gateway), before + 1);
        wire.next(Fault::Answer(b"GET /bodies/dmp/".to_vec(), error.clone()), 1);
        assert!(caller.bytes(&document.unique_id).await == document.body.as_slice(), "{fault:?}");
        assert_eq!(wire.left(), 0, "a reading met the fault");
    }
    // It fails for good: that deposit is refused, and soon.
    wire.next(Fault::Answer(put, error), 1_000);
    let before = stored(&gateway);
    let began = std::time::Instant::now();
    let told = caller.deposit(&noise(200_000)).await.text();
    assert!(!told.contains(SUCCESS), "{told}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    wire.next(Fault::Slow(Duration::ZERO), 0);
    assert_eq!(stored(&gateway), before);
    verified(&gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_ten_minutes_loses_and_doubles_nothing() {
    let gateway = Gateway::start();
    let mut acknowledged = Vec::new();
    for jump in ["10m", "10m"] {
        let mut caller = Caller::of(&gateway, "medecin", 0);
        let document = noise(40_000);
        caller.put(&document).await;
        acknowledged.push(document);
        let _ = gateway.command(&["advance", "--by", jump]);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // Back again: what was moved is set to nothing, behind the command's back.
    let offset = "UPDATE gateway SET value = '0' WHERE name = 'clock_offset_ms'";
    change(&gateway, offset).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut caller = Caller::of(&gateway, "medecin", 0);
    let document = noise(500);
    caller.put(&document).await;
    acknowledged.push(document);
    for document in &acknowledged {
        assert!(caller.bytes(&document.unique_id).await == document.body.as_slice());
    }
    let listed = caller.listed("").await;
    assert!(acknowledged.iter().all(|d| listed.iter().filter(|id| **id == d.unique_id).count() == 1));
    verified(&gateway);
}

/// Changes the gateway's database by somebody else's program.
async fn change(gateway: &Gateway, sql: &str) {
    if let Some(url) = gateway.variable("PASSERELLE__STORE__URL").filter(|url| url.starts_with("postgres")) {
        let _ = pgserver::server().expect("it runs on one").psql(url, sql);
        return;
    }
    let database = gateway.data().join("passerelle.db");
    let script =
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=10); c.execute(sys.argv[2]); c.commit()";
    let done = Command::new("python3").args(["-c", script]).arg(&database).arg(sql).status();
    assert!(done.is_ok_and(|status| status.success()), "python3 changes the database");
}
