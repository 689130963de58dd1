//! The store by itself: shared commits, guards, conflicts, bodies, proof.

use std::sync::Arc;

use access::{AccessPolicy, Operation, Permit, Tables};
use ambient::{SharedClock, SharedRng, SystemClock, SystemRng};
use space::{
    Actor, AuthMode, AvailabilityStatus, Cause, Code, DocumentEntry, Dtm, EmergencyConsents, EntryKind, Ins, InsOid,
    InsTolerance, Oid, Profession, ProfessionalId, Purpose, Role, Settings, Sex, Software, SpaceId, SpaceState,
    StructureId, SubmissionSet, Traits,
    hl7::Cx,
    query::EntryQuery,
    settings::AuthorisationKind,
    trace::{Act, Outcome, TraceEvent},
};

use crate::{
    Change, Deposit, Deposited, EntryBody, EvidenceKey, Forward, ForwardKind, ForwardedDocument, LocalMaster,
    MasterKeys, NewEntry, Report, StagedBody, Store, StoreError, StoreOptions, StoredBody, Witness,
};

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Sqlite,
    Postgres,
}

/// Makes a test of a function of a world, on each database.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::World::on(super::On::Sqlite).await.expect("always there")).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                // Absent, that is said on stderr.
                if let Some(world) = super::World::on(super::On::Postgres).await {
                    super::$name(world).await;
                }
            })*
        }
    };
}

on_both! {
    writers_that_queue_together_are_all_answered_and_the_log_proves_it
    a_decision_on_old_settings_is_not_committed
    the_same_again_is_a_replay_and_other_bytes_a_conflict
    bodies_of_every_size_come_back_byte_for_byte
    an_upload_that_ends_early_leaves_nothing_and_one_too_large_is_refused
    what_was_changed_in_the_store_is_found_with_its_place
    a_permit_for_another_operation_opens_nothing
    a_space_whose_key_is_destroyed_is_unreadable_and_the_log_still_proves_itself
    nothing_of_anybody_stands_in_clear
    a_store_opens_only_under_its_master_key_and_after_rotation_under_the_new_one
}

mod data;
mod evidence;
mod identity;
mod operations;
mod plans;
mod upstream;

struct World {
    folder: tempfile::TempDir,
    options: StoreOptions,
    on: On,
    store: Store,
    tables: Tables,
    actor: Arc<Actor>,
    space: SpaceId,
}

fn masters() -> MasterKeys {
    MasterKeys::new(LocalMaster::from_text(&LocalMaster::make(&rng())).expect("a key"), Vec::new())
}

async fn open(options: &StoreOptions) -> Result<Store, StoreError> {
    let clock: SharedClock = SystemClock::new();
    Store::open(options, &clock, &rng()).await
}

fn rng() -> SharedRng {
    SystemRng::new()
}

fn actor(role: Role) -> Arc<Actor> {
    Arc::new(Actor {
        role,
        id: ProfessionalId::parse("899900000101").ok(),
        profession: Profession { code: "10".into(), speciality: Some("SM26".into()), activity: None },
        name: "TEST".into(),
        structure: StructureId::parse("499900000101001").ok(),
        auth: AuthMode::Directe,
        purpose: Purpose::Normal,
        structure_proven: true,
        secret: false,
        software: Software::default(),
    })
}

impl World {
    async fn on(on: On) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = StoreOptions::in_folder(folder.path(), masters());
        options.evidence = Some(Arc::new(EvidenceKey::from_text(&EvidenceKey::make().expect("made")).expect("a key")));
        options.heads = Some(folder.path().join("heads"));
        options.parts = 4;
        if on == On::Postgres {
            options.url = pgserver::server()?.database();
        }
        let store = open(&options).await.expect("opens");
        let policy = AccessPolicy { operator_may_set: true, ..AccessPolicy::default() };
        let tables = Tables::load(&terminology::Mappings::built_in(), policy).expect("tables");
        let space = SpaceId(rng().uuid());
        let world = Self { folder, options, on, store, tables, actor: actor(Role::Professional), space };
        let ins = Ins::parse("277076322082910", InsOid::NirTest, InsTolerance::Strict).expect("an INS");
        let traits = Traits {
            family: "TEST".into(),
            given: vec!["A".into()],
            used_family: None,
            birth_date: Dtm::parse("1977").expect("a date"),
            sex: Sex::F,
            birth_place: None,
        };
        let create = Change::Create { ins, traits, state: SpaceState::Open, noticed_ms: 0 };
        world.set(create, 0).await.expect("made");
        Some(world)
    }

    /// What is wrong, for who has the gateway's evidence key and the heads kept beside the store.
    async fn problems(&self, store: &Store) -> Vec<String> {
        let verifier = self.options.evidence.as_ref().expect("a key").verifier();
        let kept = std::fs::read_to_string(self.folder.path().join("heads")).unwrap_or_default();
        let heads = verifier.open_all(&kept).expect("signed heads");
        let report = store.verify(&Witness { verifier: Some(verifier), heads }).await.expect("verifies");
        report.problems.into_iter().map(|p| format!("{}: {}", p.place, p.what)).collect()
    }

    async fn report(&self) -> Report {
        self.store.verify(&Witness::default()).await.expect("verifies")
    }

    /// Changes the database behind the store's back; how many rows.
    async fn tamper(&self, sql: &str) -> u64 {
        let database = crate::db::Database::at(&self.options.url, std::time::Duration::from_secs(10)).expect("address");
        let mut connection = database.connect(crate::db::Use::Write).await.expect("opens");
        connection.execute(crate::db::Sql::new(sql)).await.expect("changes")
    }

    fn settings(revision: i64) -> Settings {
        Settings {
            revision,
            state: SpaceState::Open,
            merged_into: None,
            emergency: EmergencyConsents::default(),
            authorisations: Vec::new(),
            feeding_opposed: false,
            medecins_traitants: Vec::new(),
        }
    }

    async fn set(&self, change: Change, revision: i64) -> Result<(), StoreError> {
        let operator = Arc::new(Actor::operator("test"));
        let permit = self.tables.decide(&operator, Operation::Set, self.space, &Self::settings(revision));
        self.store.change(&permit.expect("a permit"), change, &self.event(Act::Create)).await
    }

    fn permit(&self, operation: Operation, revision: i64) -> Permit {
        self.tables.decide(&self.actor, operation, self.space, &Self::settings(revision)).expect("a permit")
    }

    /// Leave to read a document: one of the actor's own.
    fn fetching(&self) -> Permit {
        self.fetching_at(1)
    }

    fn fetching_at(&self, revision: i64) -> Permit {
        let facts = access::EntryFacts {
            kind: access::KindIndex::UNKNOWN,
            status: AvailabilityStatus::Approved,
            visibility: space::Visibility::default(),
            owners: vec![access::Owner::Person("899900000101".into())],
        };
        let settings = Self::settings(revision);
        let permit = self.tables.decide_entry(&self.actor, Operation::Fetch, self.space, &facts, &settings);
        permit.expect("a permit")
    }

    fn event(&self, act: Act) -> TraceEvent {
        TraceEvent {
            space: Some(self.space),
            at_ms: 1,
            actor: (*self.actor).clone(),
            act,
            targets: vec!["x".into()],
            outcome: Outcome::Done,
            rule: "test".into(),
            face: "test".into(),
            signature: None,
        }
    }

    async fn body(&self, bytes: &[u8]) -> StagedBody {
        let mut writer = self.store.stage();
        for chunk in bytes.chunks(7001) {
            writer.write(chunk).await.expect("written");
        }
        writer.finish().await.expect("staged")
    }

    async fn deposit(&self, unique_id: &str, bytes: &[u8], revision: i64) -> Result<Deposited, StoreError> {
        self.deposit_at(unique_id, bytes, revision, false).await
    }

    /// The same at an edge, which passes it on, or elsewhere.
    async fn deposit_at(
        &self,
        unique_id: &str,
        bytes: &[u8],
        revision: i64,
        is_edge: bool,
    ) -> Result<Deposited, StoreError> {
        let body = self.body(bytes).await;
        let code = || Code::new("11502-2", "2.16.840.1.113883.6.1", "");
        let patient_id = Cx("p".into());
        let uuid = || format!("urn:uuid:{}", rng().uuid());
        let at = Dtm::parse("20260101").expect("a date");
        let entry = DocumentEntry {
            entry_uuid: uuid(),
            logical_id: uuid(),
            version: 1,
            kind: EntryKind::Stable,
            repository: None,
            unique_id: unique_id.into(),
            status: AvailabilityStatus::Approved,
            patient_id: patient_id.clone(),
            source_patient_id: None,
            source_patient_info: Vec::new(),
            authors: Vec::new(),
            legal_authenticator: None,
            title: Vec::new(),
            comments: Vec::new(),
            creation_time: at.clone(),
            service_start_time: None,
            service_stop_time: None,
            language_code: "fr-FR".into(),
            mime_type: "text/xml".into(),
            class_code: code(),
            type_code: code(),
            format_code: code(),
            confidentiality_codes: Vec::new(),
            healthcare_facility_type_code: code(),
            practice_setting_code: code(),
            event_codes: Vec::new(),
            reference_ids: Vec::new(),
            hash: body.sha1.clone(),
            size: body.size,
            home: None,
            extra: Vec::new(),
        };
        let set = SubmissionSet {
            entry_uuid: uuid(),
            unique_id: format!("{unique_id}.set.{}", uuid()),
            source_id: Oid::parse("1.2.3").expect("an OID"),
            patient_id,
            status: AvailabilityStatus::Approved,
            submission_time: at,
            authors: Vec::new(),
            content_type_code: code(),
            title: Vec::new(),
            comments: Vec::new(),
            intended_recipients: Vec::new(),
            home: None,
            extra: Vec::new(),
        };
        let forward = is_edge.then(|| Forward {
            kind: ForwardKind::Provide,
            actor: (*self.actor).clone(),
            set: set.clone(),
            documents: vec![ForwardedDocument { entry: entry.clone(), body_id: body.body_id.clone() }],
            folders: Vec::new(),
            associations: Vec::new(),
            touched: Vec::new(),
        });
        let deposit = Deposit {
            set,
            owners: Vec::new(),
            entries: vec![NewEntry { entry, owners: Vec::new(), body: EntryBody::Staged(body) }],
            associations: Vec::new(),
            folders: Vec::new(),
            states: Vec::new(),
            filled_folders: Vec::new(),
            data: Vec::new(),
            events: Vec::new(),
            at: Dtm::parse("20260101").expect("a date"),
            original_type: "text/plain",
            original: b"as it came".to_vec(),
            notifications: Vec::new(),
            forward,
        };
        self.store.deposit(&self.permit(Operation::Deposit, revision), deposit, &self.event(Act::Deposit)).await
    }
}

async fn writers_that_queue_together_are_all_answered_and_the_log_proves_it(world: World) {
    let world = Arc::new(world);
    let writes = (0..200).map(|n| {
        let world = world.clone();
        tokio::spawn(async move { world.deposit(&format!("1.2.{n}"), &[b'x'; 100], 1).await })
    });
    for write in writes.collect::<Vec<_>>() {
        assert_eq!(write.await.expect("ends").expect("stored"), Deposited::Stored);
    }
    let report = world.report().await;
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!((report.entries, report.bodies, report.events), (200, 200, 201));
}

async fn a_decision_on_old_settings_is_not_committed(world: World) {
    let stand = Change::Stand {
        grantee: "899900000101".into(),
        is_structure: false,
        kind: AuthorisationKind::Given,
        since_ms: 0,
    };
    world.set(stand, 1).await.expect("set");
    assert!(matches!(world.deposit("1.2.3", b"x", 1).await, Err(StoreError::Stale)));
    let stale = world.store.record(&world.permit(Operation::Find, 1), &world.event(Act::Find), Vec::new()).await;
    assert!(matches!(stale, Err(StoreError::Stale)));
    assert!(world.deposit("1.2.3", b"x", 2).await.is_ok());
    assert_eq!(world.report().await.entries, 1);
}

async fn the_same_again_is_a_replay_and_other_bytes_a_conflict(world: World) {
    assert_eq!(world.deposit("1.2.3", b"one", 1).await.expect("stored"), Deposited::Stored);
    assert_eq!(world.deposit("1.2.3", b"one", 1).await.expect("replayed"), Deposited::Replayed);
    let other = world.deposit("1.2.3", b"two", 1).await;
    assert!(matches!(other, Err(StoreError::Conflict { cause: Cause::NonIdenticalHash, index: Some(0) })));
    let report = world.report().await;
    assert!(report.problems.is_empty() && report.entries == 1, "{:?}", report.problems);
}

async fn bodies_of_every_size_come_back_byte_for_byte(world: World) {
    let permit = world.fetching();
    for (n, size) in [0usize, 1, 32 * 1024, 32 * 1024 + 1, 300_000, (1 << 20) + 1, 3 << 20].into_iter().enumerate() {
        let bytes: Vec<u8> = (0..size).map(|i| u8::try_from((i * 31 + n) % 251).unwrap_or(0)).collect();
        let id = format!("1.2.{n}");
        world.deposit(&id, &bytes, 1).await.expect("stored");
        let row = world.store.entry_by_unique_id(&permit, &id).await.expect("read").expect("there");
        let (length, body) = world.store.body(&permit, &row.body_id).await.expect("read");
        let read = match body {
            StoredBody::Whole(bytes) => bytes.to_vec(),
            StoredBody::Stream(stream) => {
                use futures::TryStreamExt as _;
                stream.try_collect::<Vec<_>>().await.expect("streams").concat()
            }
        };
        assert_eq!((length, read.len()), (size as u64, size));
        assert!(read == bytes, "{size} bytes came back changed");
    }
}

async fn an_upload_that_ends_early_leaves_nothing_and_one_too_large_is_refused(world: World) {
    let mut writer = world.store.stage();
    writer.write(&vec![0; 1 << 20]).await.expect("written");
    drop(writer);
    assert_eq!(world.report().await.leftovers, 0);
    let mut options = world.options.clone();
    options.size_limit = 1000;
    let small = open(&options).await.expect("opens");
    assert!(matches!(small.stage().write(&[0; 1001]).await, Err(StoreError::TooLarge { limit: 1000 })));
}

async fn what_was_changed_in_the_store_is_found_with_its_place(world: World) {
    world.deposit("1.2.3", b"bytes", 1).await.expect("stored");
    world.deposit("1.2.4", &vec![7; 100_000], 1).await.expect("stored");
    for n in 0..600 {
        world.store.record(&world.permit(Operation::Find, 1), &world.event(Act::Find), Vec::new()).await.expect("kept");
        // A part of them one by one, for batches of all sizes.
        assert!(n < 600);
    }
    world.store.close().await;
    let found = async || {
        let store = open(&world.options).await.expect("opens");
        let problems = world.problems(&store).await;
        store.close().await;
        problems
    };
    let expect = async |what: &str| {
        let problems = found().await;
        assert!(problems.iter().any(|p| p.contains(what)), "no `{what}` among {problems:?}");
    };
    assert_eq!(found().await, Vec::<String>::new());
    // A changed byte, in the event or in what stands beside it.
    let flip = if world.on == On::Sqlite { "X'00' || substr(commitment, 2)" } else { "set_byte(commitment, 0, 0)" };
    world.tamper("CREATE TABLE kept AS SELECT * FROM trace").await;
    let restore = async || {
        world.tamper("DELETE FROM trace").await;
        let columns = "origin, seq, space_id, at_ms, sealed_event, commitment";
        world.tamper(&format!("INSERT INTO trace ({columns}) SELECT {columns} FROM kept")).await;
        assert_eq!(found().await, Vec::<String>::new());
    };
    assert!(world.tamper(&format!("UPDATE trace SET commitment = {flip} WHERE seq = 2")).await > 0);
    expect("are not those signed for").await;
    restore().await;
    world.tamper("UPDATE trace SET at_ms = at_ms + 1 WHERE seq = 3").await;
    expect("are not those signed for").await;
    restore().await;
    // A removed one, a removed end, a whole log, two that changed places.
    world.tamper("DELETE FROM trace WHERE seq = 2").await;
    expect("events are missing before this one").await;
    restore().await;
    world.tamper("DELETE FROM trace WHERE seq > 600").await;
    expect("events at its end are missing").await;
    restore().await;
    world.tamper("DELETE FROM trace").await;
    expect("a whole log is missing").await;
    restore().await;
    world.tamper("UPDATE trace SET seq = -seq WHERE seq IN (10, 11)").await;
    world.tamper("UPDATE trace SET seq = 21 + seq WHERE seq < 0").await;
    expect("are not those signed for").await;
    restore().await;
    // A log cut and linked anew by who owns the database: the heads kept elsewhere tell.
    world.tamper("DELETE FROM trace WHERE seq > 600").await;
    world.tamper("DELETE FROM log_head").await;
    expect("events at its end are missing").await;
    restore().await;
    // Bodies.
    world.tamper("UPDATE body SET sealed_content = sealed_key WHERE sealed_key IS NOT NULL").await;
    expect("the bytes are absent or not those that were stored").await;
    world.tamper("UPDATE body SET sealed_content = NULL WHERE sealed_key IS NOT NULL").await;
    assert_eq!(found().await, Vec::<String>::new());
    let blobs = world.folder.path().join("blobs");
    let folders = std::fs::read_dir(blobs).expect("blobs").map(|f| f.expect("read").path());
    let mut files = folders.flat_map(|f| std::fs::read_dir(f).expect("folder")).map(|f| f.expect("read").path());
    let file = files.next().expect("one file");
    let mut bytes = std::fs::read(&file).expect("reads");
    bytes[70_000] ^= 1;
    std::fs::write(&file, &bytes).expect("writes");
    expect("the bytes are absent").await;
    std::fs::remove_file(file).expect("removed");
    expect("the bytes are absent").await;
}

async fn a_space_whose_key_is_destroyed_is_unreadable_and_the_log_still_proves_itself(world: World) {
    world.deposit("1.2.3", b"small", 1).await.expect("stored");
    world.deposit("1.2.4", &vec![7; 100_000], 1).await.expect("stored");
    let (permit, other) = (world.fetching(), open(&world.options).await);
    // A second process where the database takes one; on SQLite the same.
    let other = other.expect("opens");
    let row = other.entry_by_unique_id(&permit, "1.2.3").await.expect("read").expect("there");
    world.set(Change::DestroyKey, 1).await.expect("destroyed");
    let now = world.fetching_at(2);
    for store in [&world.store, &other] {
        assert!(matches!(store.entry_by_unique_id(&now, "1.2.3").await, Err(StoreError::Forgotten)));
        assert!(matches!(store.body(&now, &row.body_id).await, Err(StoreError::Forgotten)));
    }
    // What was decided before it cannot be committed after it.
    let stale = other.record(&permit, &world.event(Act::Fetch), Vec::new()).await;
    assert!(matches!(stale, Err(StoreError::Stale)));
    let report = world.report().await;
    assert_eq!((report.forgotten, report.problems.len()), (2, 0), "{report:?}");
}

async fn nothing_of_anybody_stands_in_clear(world: World) {
    let secret = b"Madame Untel presente une cephalee brutale";
    world.deposit("1.2.3", &secret.repeat(10), 1).await.expect("stored");
    world.deposit("1.2.4", &secret.repeat(5000), 1).await.expect("stored");
    world.store.close().await;
    if let (On::Postgres, Some(server)) = (world.on, pgserver::server()) {
        let dump = server.dump(&world.options.url);
        assert!(dump.contains("document_entry") && !dump.contains("277076322082910") && !dump.contains("TEST\""));
    }
    let mut looked_at = 0;
    let mut folders = vec![world.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("read").path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let bytes = std::fs::read(&entry).expect("reads");
            looked_at += bytes.len();
            for clear in [&secret[..20], b"277076322082910", b"\"TEST\""] {
                assert!(!bytes.windows(clear.len()).any(|w| w == clear), "{}", entry.display());
            }
        }
    }
    assert!(looked_at > secret.len() * 5000);
}

async fn a_store_opens_only_under_its_master_key_and_after_rotation_under_the_new_one(world: World) {
    world.deposit("1.2.3", b"bytes", 1).await.expect("stored");
    let (old, new) = (LocalMaster::make(&rng()), LocalMaster::make(&rng()));
    let key = |text: &str| LocalMaster::from_text(text).expect("a key");
    let read = async |store: &Store| {
        let permit = world.fetching();
        let row = store.entry_by_unique_id(&permit, "1.2.3").await.expect("read").expect("there");
        store.body(&permit, &row.body_id).await.map(|(size, _)| size)
    };
    let mut options = world.options.clone();
    options.masters = MasterKeys::new(key(&old), Vec::new());
    let refused = open(&options).await.expect_err("another key").to_string();
    assert!(refused.contains("which is not configured"), "{refused}");
    // The new key first, the present one among the former.
    options.masters = world.options.masters.under(key(&new));
    let store = open(&options).await.expect("opens");
    assert_eq!(read(&store).await.expect("read"), 5);
    assert_eq!(store.rotate_keys().await.expect("rotated"), 3);
    assert_eq!(store.rotate_keys().await.expect("nothing left"), 0);
    options.masters = MasterKeys::new(key(&new), Vec::new());
    let store = open(&options).await.expect("opens under the new key alone");
    assert_eq!(read(&store).await.expect("read"), 5);
    assert!(open(&world.options).await.is_err(), "the old key opens nothing any more");
}

async fn a_permit_for_another_operation_opens_nothing(world: World) {
    let find = world.permit(Operation::Find, 1);
    assert!(matches!(world.store.body(&find, "x").await, Err(StoreError::Permit)));
    assert!(matches!(world.store.traces(&find, &crate::TraceQuery::default()).await, Err(StoreError::Permit)));
    let identify = world.permit(Operation::Identify, 1);
    assert!(matches!(world.store.entries(&identify, &EntryQuery::default()).await, Err(StoreError::Permit)));
}
