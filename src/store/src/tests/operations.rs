//! What the store does by itself: jobs, feeds, scrubbing, telling other processes, copies.

use std::time::Duration;

use futures::StreamExt;

use super::*;
use crate::{Changed, JobSpec};

on_both! {
    a_job_is_one_process_s_until_its_lease_ends
    a_job_that_fails_waits_longer_each_time_and_its_progress_stays
    a_partner_that_fails_is_left_alone_and_then_tried_by_one
    what_an_operator_stops_is_not_done
    an_audit_repository_is_given_everything_once_and_in_order
    the_scrubber_reads_everything_and_finds_what_is_damaged
    without_time_stamps_writing_ends_when_the_grace_is_over
    a_store_of_a_newer_program_is_refused_untouched
}

impl World {
    /// Another process of the same gateway, with a clock of its own.
    pub(super) async fn another(&self) -> (Store, Arc<SystemClock>) {
        let clock = SystemClock::new();
        let shared: SharedClock = clock.clone();
        let options = StoreOptions { heads: None, ..self.options.clone() };
        (Store::open(&options, &shared, &rng()).await.expect("opens"), clock)
    }

    async fn record(&self, times: usize) {
        for _ in 0..times {
            let permit = self.permit(Operation::Find, 1);
            self.store.record(&permit, &self.event(Act::Find), Vec::new()).await.expect("recorded");
        }
    }
}

fn job(id: &str, partner: &str) -> JobSpec {
    JobSpec { job_id: id.into(), kind: "test", partner: partner.into(), every: Duration::from_secs(60) }
}

const LEASE: Duration = Duration::from_secs(30);

async fn a_job_is_one_process_s_until_its_lease_ends(world: World) {
    let (other, clock) = world.another().await;
    world.store.set_up(&job("a", "")).await.expect("set up");
    let mine = world.store.lease(LEASE).await.expect("asked").expect("due");
    assert_eq!((mine.job_id.as_str(), mine.attempts, mine.progress.as_str()), ("a", 1, ""));
    assert!(other.lease(LEASE).await.expect("asked").is_none(), "it is leased");
    // Set up again, nothing is taken from who is at it.
    other.set_up(&job("a", "")).await.expect("set up");
    assert!(other.lease(LEASE).await.expect("asked").is_none());

    // Its process is dead, for all anybody knows: another takes up.
    clock.set_offset_ms(31_000);
    let theirs = other.lease(LEASE).await.expect("asked").expect("anybody's");
    assert_eq!(theirs.attempts, 2);
    // The first comes back to life: what it did is not believed.
    assert!(matches!(world.store.job_done(&mine, "mine", false).await, Err(StoreError::Stale)));
    other.job_done(&theirs, "theirs", false).await.expect("done");
    assert!(other.lease(LEASE).await.expect("asked").is_none(), "not due before its interval");
    clock.set_offset_ms(92_000);
    let again = other.lease(LEASE).await.expect("asked").expect("due again");
    assert_eq!((again.progress.as_str(), again.attempts), ("theirs", 1));
    other.job_done(&again, "", true).await.expect("done");
    assert!(other.lease(LEASE).await.expect("asked").is_some(), "there was more to do");

    // All at once: each job is leased once.
    clock.set_offset_ms(0);
    for n in 0..8 {
        world.store.set_up(&job(&format!("b{n}"), "")).await.expect("set up");
    }
    let takers = (0..16).map(|n| if n % 2 == 0 { world.store.clone() } else { other.clone() });
    let takers = takers.map(|store| tokio::spawn(async move { store.lease(LEASE).await.expect("asked") }));
    let mut taken = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        taken.extend(taker.await.expect("ends").map(|l| l.job_id));
    }
    taken.sort();
    let whole = taken.len();
    taken.dedup();
    assert_eq!((whole, taken.len()), (8, 8), "{taken:?}");

    world.store.retire(&["test"], &["a".into(), "b3".into()]).await.expect("retired");
    let left: Vec<_> = world.store.jobs().await.expect("listed").into_iter().map(|j| j.job_id).collect();
    assert_eq!(left, ["a", "b3"]);
}

async fn a_job_that_fails_waits_longer_each_time_and_its_progress_stays(world: World) {
    let (store, clock) = world.another().await;
    store.set_up(&job("a", "")).await.expect("set up");
    let first = store.lease(LEASE).await.expect("asked").expect("due");
    store.job_done(&first, "here", true).await.expect("done");
    let mut now = 0;
    for (attempt, pause) in [(1, 5_000), (2, 10_000), (3, 20_000)] {
        let leased = store.lease(LEASE).await.expect("asked").expect("due");
        assert_eq!((leased.attempts, leased.progress.as_str()), (attempt, "here"));
        store.job_failed(&leased, "no answer").await.expect("given back");
        clock.set_offset_ms(now + pause / 2);
        assert!(store.lease(LEASE).await.expect("asked").is_none(), "too early after {attempt}");
        now += pause * 3 / 2 + 1_000;
        clock.set_offset_ms(now);
    }
    let state = &store.jobs().await.expect("listed")[0];
    assert_eq!((state.failure.as_str(), state.attempts, state.leased), ("no answer", 3, false));
}

async fn a_partner_that_fails_is_left_alone_and_then_tried_by_one(world: World) {
    let (store, clock) = world.another().await;
    for n in 0..5 {
        store.set_up(&job(&format!("p{n}"), "partner")).await.expect("set up");
    }
    store.set_up(&job("q", "other")).await.expect("set up");
    for _ in 0..3 {
        let leased = store.lease(LEASE).await.expect("asked").expect("due");
        assert!(leased.job_id.starts_with('p'));
        store.job_failed(&leased, "refused").await.expect("given back");
    }
    // Three failures: the two jobs that never tried are held back too, the other partner's is not.
    let leased = store.lease(LEASE).await.expect("asked").expect("due");
    assert_eq!(leased.job_id, "q");
    store.job_done(&leased, "", false).await.expect("done");
    assert!(store.lease(LEASE).await.expect("asked").is_none());
    // Over: one tries, four wait for it.
    clock.set_offset_ms(9_000);
    let probe = store.lease(LEASE).await.expect("asked").expect("one tries");
    assert!(store.lease(LEASE).await.expect("asked").is_none(), "the others wait");
    store.job_failed(&probe, "refused").await.expect("given back");
    clock.set_offset_ms(12_000);
    assert!(store.lease(LEASE).await.expect("asked").is_none(), "left alone for longer");
    clock.set_offset_ms(30_000);
    let probe = store.lease(LEASE).await.expect("asked").expect("one tries");
    store.job_done(&probe, "", false).await.expect("done");
    assert!(store.lease(LEASE).await.expect("asked").is_some(), "the way is open again");
    assert!(store.lease(LEASE).await.expect("asked").is_some());
}

async fn what_an_operator_stops_is_not_done(world: World) {
    let store = &world.store;
    store.set_up(&job("a", "")).await.expect("set up");
    for kind in ["test", "*"] {
        store.stop_jobs(kind, true).await.expect("stopped");
        assert!(store.lease(LEASE).await.expect("asked").is_none());
        assert!(store.jobs().await.expect("listed")[0].stopped);
        store.stop_jobs(kind, false).await.expect("goes on");
    }
    assert!(store.lease(LEASE).await.expect("asked").is_some());
}

async fn an_audit_repository_is_given_everything_once_and_in_order(world: World) {
    world.record(30).await;
    let (other, _) = world.another().await;
    let permit = world.permit(Operation::Find, 1);
    for _ in 0..5 {
        other.record(&permit, &world.event(Act::Find), Vec::new()).await.expect("recorded");
    }
    let nobody = TraceEvent { space: None, ..world.event(Act::Find) };
    other
        .record_all(vec![crate::ActRecord { decided_on: None, event: nobody, notifications: Vec::new() }])
        .await
        .expect("recorded");
    let store = &world.store;
    assert_eq!(store.feed_lag("one").await.expect("counted"), 37);
    let mut given: Vec<(String, i64)> = Vec::new();
    loop {
        let events = store.next_to_feed("one", 10).await.expect("read");
        if events.is_empty() {
            break;
        }
        // Asked again before it was noted, the same come again.
        let again = store.next_to_feed("one", 10).await.expect("read");
        assert_eq!(again.len(), events.len());
        for event in &events {
            let read = event.event.as_ref().expect("readable");
            assert_eq!(event.ins.is_some(), read.space.is_some());
            given.push((event.origin.clone(), event.seq));
        }
        store.fed("one", &events).await.expect("noted");
    }
    assert_eq!(given.len(), 37);
    for (index, (origin, seq)) in given.iter().enumerate() {
        let before = given[..index].iter().filter(|(other, _)| other == origin).count();
        assert_eq!(i64::try_from(before), Ok(seq - 1), "each log in order, each event once");
    }
    assert_eq!(store.feed_lag("one").await.expect("counted"), 0);
    assert_eq!(store.feed_lag("two").await.expect("counted"), 37, "each has its own place");
    // One that was damaged is told of and does not keep back the others.
    world.record(2).await;
    let text = "UPDATE trace SET sealed_event = commitment WHERE seq = (SELECT MAX(seq) FROM trace) - 1";
    assert_eq!(world.tamper(text).await, 1);
    let events = store.next_to_feed("one", 10).await.expect("read");
    assert_eq!(events.iter().map(|e| e.event.is_some()).collect::<Vec<_>>(), [false, true]);
    store.fed("one", &events).await.expect("noted");
    // A forgotten holder is not named any more.
    world.set(Change::DestroyKey, 1).await.expect("destroyed");
    let events = store.next_to_feed("one", 10).await.expect("read");
    assert!(events.len() == 1 && events[0].ins.is_none());
}

async fn the_scrubber_reads_everything_and_finds_what_is_damaged(world: World) {
    for (n, size) in [10usize, 50_000, 20, 2 << 20].into_iter().enumerate() {
        world.deposit(&format!("1.2.{n}"), &vec![7; size], 1).await.expect("stored");
    }
    let mut place = String::new();
    let (mut bodies, mut steps) = (0, 0);
    loop {
        let step = world.store.scrub(&place, 40_000).await.expect("scrubbed");
        assert!(step.damaged.is_empty(), "{step:?}");
        bodies += step.bodies;
        steps += 1;
        place = step.next;
        if place.is_empty() {
            break;
        }
    }
    assert!(bodies == 4 && steps > 1, "{bodies} in {steps}");
    // A byte of the database, and a file cut short.
    let text = "UPDATE body SET sealed_content = NULL, sealed_key = NULL WHERE size = 20";
    assert_eq!(world.tamper(text).await, 1);
    let file = files(&world.folder.path().join("blobs")).into_iter().max_by_key(|f| f.1).expect("a file");
    std::fs::OpenOptions::new().write(true).open(&file.0).and_then(|f| f.set_len(file.1 / 2)).expect("cut");
    let before = world.store.metrics().damaged.get();
    let found = world.store.scrub("", u64::MAX).await.expect("scrubbed");
    assert_eq!((found.damaged.len(), found.bodies), (2, 4), "{found:?}");
    assert!(world.store.metrics().damaged.get() > before, "the alarm rises");
}

fn files(folder: &std::path::Path) -> Vec<(std::path::PathBuf, u64)> {
    let shards = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("read").path());
    let all = shards.filter(|p| p.is_dir()).flat_map(|p| std::fs::read_dir(p).expect("a folder"));
    all.map(|e| e.expect("read")).map(|e| (e.path(), e.metadata().expect("known").len())).collect()
}

async fn without_time_stamps_writing_ends_when_the_grace_is_over(world: World) {
    let (store, clock) = world.another().await;
    let grace = Duration::from_secs(100);
    let record = async || store.record(&world.permit(Operation::Find, 1), &world.event(Act::Find), Vec::new()).await;
    let left = store.look_at_stamps(grace).await.expect("looked");
    assert!((99..=100).contains(&left), "{left}");
    record().await.expect("within the grace");
    clock.set_offset_ms(101_000);
    assert!(matches!(record().await, Err(StoreError::Unstamped)));
    assert!(store.look_at_stamps(grace).await.expect("looked") < 0);
    assert!(matches!(store.ping().await, Err(StoreError::Unstamped)), "no more traffic is sent here");
    store.authority_answered().await.expect("noted");
    store.look_at_stamps(grace).await.expect("looked");
    record().await.expect("open again");
}

async fn a_store_of_a_newer_program_is_refused_untouched(world: World) {
    world.store.close().await;
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
               SELECT 99, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    assert_eq!(world.tamper(sql).await, 1);
    let before = dump(&world).await;
    let error = open(&world.options).await.expect_err("refused").to_string();
    assert!(error.contains("99"), "{error}");
    assert_eq!(dump(&world).await, before);
}

/// The schema's tables and their numbers of rows.
async fn dump(world: &World) -> Vec<String> {
    let database = crate::db::Database::at(&world.options.url, Duration::from_secs(10)).expect("address");
    let mut connection = database.connect(crate::db::Use::Read).await.expect("opens");
    let tables = match world.on {
        On::Sqlite => "SELECT name FROM sqlite_schema ORDER BY name",
        On::Postgres => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    };
    let rows = connection.all(crate::db::Sql::new(tables)).await.expect("listed");
    let mut seen: Vec<String> = rows.iter().map(|r| r.text(0).expect("a name").to_owned()).collect();
    for table in ["gateway", "space", "trace", "_sqlx_migrations", "gateway_key"] {
        let sql = crate::db::Sql::new(&format!("SELECT COUNT(*) FROM {table}"));
        let rows = connection.all(sql).await.expect("counted");
        seen.push(format!("{table} {}", rows[0].int(0).expect("a number")));
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_changes_another_hears() {
    let Some(world) = World::on(On::Postgres).await else { return };
    let (other, _) = world.another().await;
    let mut changes = Box::pin(other.changes());
    async fn next(changes: &mut (impl StreamExt<Item = Changed> + Unpin)) -> Changed {
        tokio::time::timeout(Duration::from_secs(20), changes.next()).await.expect("told").expect("goes on")
    }
    assert_eq!(next(&mut changes).await, Changed::Anything, "at first anything may have changed");
    world.set(Change::State(SpaceState::Open), 1).await.expect("set");
    assert_eq!(next(&mut changes).await, Changed::Space(world.space));
    world.store.set_clock_offset_ms(1).await.expect("set");
    assert_eq!(next(&mut changes).await, Changed::Clock);
    // The connection is torn away: anything may have changed meanwhile.
    let _ = world
        .tamper("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
        .await;
    assert_eq!(next(&mut changes).await, Changed::Anything);
    assert_eq!(next(&mut changes).await, Changed::Anything);
    world.store.set_clock_offset_ms(2).await.expect("set");
    assert_eq!(next(&mut changes).await, Changed::Clock);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_while_the_store_works_is_whole() {
    let world = Arc::new(World::on(On::Sqlite).await.expect("always there"));
    for n in 0..20 {
        world.deposit(&format!("1.2.{n}"), &vec![7; 20_000 * (n % 4 + 1)], 1).await.expect("stored");
    }
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = tokio::spawn({
        let (world, stop) = (world.clone(), stop.clone());
        async move {
            let mut n = 1000;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                world.deposit(&format!("1.2.{n}"), &vec![9; 60_000], 1).await.expect("stored");
                n += 1;
            }
            n - 1000
        }
    });
    let copy = tempfile::tempdir().expect("a folder");
    for round in 0..3 {
        let done = world.store.backup(copy.path()).await.expect("copied");
        assert!(done.bytes > 0 && !done.bodies_in_bucket && (round == 0 || done.kept > 0), "{done:?}");
        let options =
            StoreOptions { heads: None, ..StoreOptions::in_folder(copy.path(), world.options.masters.clone()) };
        // What is verified is a copy of the copy: to open it is to write to it.
        let restored = tempfile::tempdir().expect("a folder");
        let options = StoreOptions { url: format!("sqlite:{}", restored.path().join("db").display()), ..options };
        std::fs::copy(copy.path().join("passerelle.db"), restored.path().join("db")).expect("restored");
        let store = open(&options).await.expect("opens");
        let report = store.verify(&Witness::default()).await.expect("verifies");
        assert!(report.problems.is_empty() && report.bodies >= 20, "{report:?}");
        store.close().await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(writer.await.expect("ends") > 0, "it went on meanwhile");
    let Some(world) = World::on(On::Postgres).await else { return };
    let error = world.store.backup(copy.path()).await.expect_err("its own tools");
    assert!(matches!(error, StoreError::Unsupported(_)));
}
