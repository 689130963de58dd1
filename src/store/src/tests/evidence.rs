//! Proofs of single events and of growth, logs left behind, and the check of an export far from the store.

use super::*;
use crate::{TracePlace, check_growth, check_proof, verify_export};

on_both! {
    any_event_is_proven_by_a_file_and_a_key
    a_log_left_behind_is_signed_for_by_another
    an_export_is_checked_without_the_store
}

impl World {
    fn reading(&self) -> Permit {
        let operator = Arc::new(Actor::operator("test"));
        let permit = self.tables.decide(&operator, Operation::ReadTrace, self.space, &Self::settings(1));
        permit.expect("a permit")
    }

    fn verifier(&self) -> crate::EvidenceVerifier {
        self.options.evidence.as_ref().expect("a key").verifier()
    }

    /// Many events, committed together.
    async fn events(&self, store: &Store, many: usize) {
        let records = (0..many).map(|n| {
            let (store, permit) = (store.clone(), self.permit(Operation::Find, 1));
            let event = TraceEvent { targets: vec![n.to_string()], ..self.event(Act::Find) };
            tokio::spawn(async move { store.record(&permit, &event, Vec::new()).await })
        });
        for record in records.collect::<Vec<_>>() {
            record.await.expect("ends").expect("recorded");
        }
    }

    async fn origins(&self) -> Vec<(String, i64)> {
        let database = crate::db::Database::at(&self.options.url, std::time::Duration::from_secs(10)).expect("address");
        let mut connection = database.connect(crate::db::Use::Read).await.expect("opens");
        let rows = connection.all(crate::db::Sql::new("SELECT origin, size FROM log ORDER BY size")).await;
        let rows = rows.expect("listed");
        rows.iter().map(|r| (r.text(0).expect("text").to_owned(), r.int(1).expect("a number"))).collect()
    }
}

async fn any_event_is_proven_by_a_file_and_a_key(world: World) {
    // Past two full blocks of hashes, and not at the end of one.
    world.events(&world.store, 699).await;
    let origin = world.origins().await.pop().expect("a log").0;
    let place = |seq| TracePlace { at_ms: 1, origin: origin.clone(), seq };
    assert!(matches!(world.store.prove(&world.reading(), &place(7)).await, Err(StoreError::Unsigned)));
    world.store.close().await;
    let store = open(&world.options).await.expect("opens");
    let verifier = world.verifier();
    for seq in [1, 2, 256, 257, 511, 512, 513, 640, 699, 700] {
        let proof = store.prove(&world.reading(), &place(seq)).await.expect("proven");
        let proven = check_proof(&proof, &verifier).expect("it proves");
        assert_eq!((proven.event.space, proven.head.size, &proven.head.origin), (Some(world.space), 700, &origin));
        assert!(proof.len() < 4096, "{} bytes", proof.len());
        // Of another key, or with anything changed, it proves nothing.
        let other = EvidenceKey::from_text(&EvidenceKey::make().expect("made")).expect("a key").verifier();
        assert!(check_proof(&proof, &other).is_none());
        for at in (0..proof.len()).step_by(17) {
            let mut bytes = proof.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(check_proof(&changed, &verifier).is_none(), "byte {at} of the proof of {seq}");
        }
    }
    let missing = store.prove(&world.reading(), &place(701)).await;
    assert!(matches!(missing, Err(StoreError::Corrupt { .. })));

    // Growth, over heads at odd places.
    world.events(&store, 100).await;
    store.close().await;
    let store = open(&world.options).await.expect("opens");
    let second = world.origins().await.into_iter().find(|(_, size)| *size == 100).expect("a log").0;
    assert!(matches!(store.prove_growth(&second, 3, 100).await, Err(StoreError::Unsigned)));
    let grown = store.prove_growth(&second, 100, 100).await.expect("proven");
    assert!(check_growth(&grown, &verifier).is_some());
}

async fn a_log_left_behind_is_signed_for_by_another(world: World) {
    let options = StoreOptions { heads: None, ..world.options.clone() };
    let clock = SystemClock::new();
    let shared: SharedClock = clock.clone();
    let other = Store::open(&options, &shared, &rng()).await.expect("opens");
    // The process that wrote these dies without a word: its store is never closed.
    world.events(&world.store, 600).await;
    let report = |store: Store| async move { store.verify(&Witness::default()).await.expect("verifies") };
    assert_eq!(report(other.clone()).await.unsigned, 601);
    let silent = std::time::Duration::from_secs(600);
    // Its last event says 1 ms since 1970: long ago. A log somebody works on is left alone.
    world.tamper(&format!("UPDATE log SET beat_ms = {}", jiff_now())).await;
    assert_eq!(other.sign_left_logs(silent).await.expect("looked"), 0);
    clock.set_offset_ms(700_000);
    assert_eq!(other.sign_left_logs(silent).await.expect("signed"), 1);
    assert_eq!(other.sign_left_logs(silent).await.expect("nothing left"), 0);
    let witness = Witness { verifier: Some(world.verifier()), heads: Vec::new() };
    let report = other.verify(&witness).await.expect("verifies");
    assert!(report.problems.is_empty() && report.unsigned == 0 && report.heads == 1, "{report:?}");
    // It was asleep: it goes on, its own head covers both.
    world.events(&world.store, 10).await;
    world.store.close().await;
    let report = other.verify(&witness).await.expect("verifies");
    assert!(report.problems.is_empty() && report.unsigned == 0 && report.heads == 2, "{report:?}");
    let (origin, size) = world.origins().await.pop().expect("a log");
    let grown = other.prove_growth(&origin, 601, u64::try_from(size).expect("small")).await.expect("proven");
    let (from, to) = check_growth(&grown, &world.verifier()).expect("it grew");
    assert_eq!((from.size, to.size), (601, 611));
    let mut wrong = grown.clone();
    wrong.hashes.reverse();
    assert!(check_growth(&wrong, &world.verifier()).is_none());
    std::mem::swap(&mut wrong.from, &mut wrong.to);
    assert!(check_growth(&wrong, &world.verifier()).is_none());

    // A cut log is not signed for.
    let third = Store::open(&options, &shared, &rng()).await.expect("opens");
    world.events(&third, 20).await;
    let cut = format!("DELETE FROM trace WHERE seq = 20 AND origin <> '{origin}'");
    assert_eq!(world.tamper(&cut).await, 1);
    clock.set_offset_ms(7_000_000);
    assert_eq!(other.sign_left_logs(silent).await.expect("looked"), 0);
}

fn jiff_now() -> i64 {
    use ambient::Clock as _;
    SystemClock::new().now().as_millisecond()
}

async fn an_export_is_checked_without_the_store(world: World) {
    world.events(&world.store, 40).await;
    world.store.close().await;
    let store = open(&world.options).await.expect("opens");
    world.events(&store, 5).await;
    let mut export = Vec::new();
    assert_eq!(store.export_logs(&mut export).await.expect("exported"), 46);
    let text = String::from_utf8(export).expect("text");
    assert!(!text.contains("TEST") && !text.contains("899900000101"), "nothing of anybody");
    let witness = Witness { verifier: Some(world.verifier()), heads: Vec::new() };
    let check = |text: &str| verify_export(text.as_bytes(), &witness);
    let report = check(&text).expect("read");
    assert!(report.problems.is_empty(), "{report:?}");
    assert_eq!((report.origins, report.events, report.heads, report.unsigned), (2, 46, 1, 5));
    let lines: Vec<&str> = text.lines().collect();
    // The signed log, without the head's line.
    let signed: Vec<usize> = {
        let head: serde_json::Value = serde_json::from_str(lines[0]).expect("JSON");
        let origin = head["head"]["origin"].as_str().expect("an origin").to_owned();
        (1..lines.len()).filter(|n| lines[*n].contains(&origin)).collect()
    };
    let without = |n: usize| {
        let mut lines = lines.clone();
        lines.remove(n);
        lines.join("\n") + "\n"
    };
    let wrong = |text: &str| check(text).map_or(true, |r| !r.problems.is_empty());
    assert!(wrong(&without(signed[3])), "an event is missing");
    assert!(wrong(&without(signed[signed.len() - 1])), "the end is missing");
    let mut swapped = lines.clone();
    swapped.swap(signed[3], signed[4]);
    assert!(wrong(&(swapped.join("\n") + "\n")), "two changed places");
    assert!(wrong(&text.replacen("\"at_ms\":1,", "\"at_ms\":2,", 60)), "a changed byte");
    assert!(wrong(&lines[..1].join("\n")), "a whole log is missing");
    assert!(check("{}\n").is_err() && check(&"x".repeat(100_000)).is_err());
}
