//! The store by itself: shared commits, guards, conflicts, bodies, proof.

use std::sync::Arc;

use access::{AccessPolicy, Operation, Permit, Tables};
use ambient::{SharedRng, SystemRng};
use space::{
    Actor, AuthMode, AvailabilityStatus, Cause, Code, DocumentEntry, Dtm, EmergencyConsents, Ins, InsOid, InsTolerance,
    Oid, Profession, ProfessionalId, Purpose, Role, Settings, Sex, Software, SpaceId, SpaceState, StructureId,
    SubmissionSet, Traits,
    hl7::Cx,
    query::EntryQuery,
    settings::AuthorisationKind,
    trace::{Act, Outcome, TraceEvent},
};

use crate::{Change, Deposit, Deposited, NewEntry, StagedBody, Store, StoreError, StoreOptions, StoredBody};

struct World {
    folder: tempfile::TempDir,
    store: Store,
    tables: Tables,
    actor: Arc<Actor>,
    space: SpaceId,
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
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&StoreOptions::in_folder(folder.path()), &rng()).await.expect("opens");
        let policy = AccessPolicy { operator_may_set: true, ..AccessPolicy::default() };
        let tables = Tables::load(&terminology::Mappings::built_in(), policy).expect("tables");
        let space = SpaceId(rng().uuid());
        let world = Self { folder, store, tables, actor: actor(Role::Professional), space };
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
        world
    }

    fn settings(revision: i64) -> Settings {
        Settings {
            revision,
            state: SpaceState::Open,
            emergency: EmergencyConsents::default(),
            authorisations: Vec::new(),
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
        let facts = access::EntryFacts {
            kind: access::KindIndex::UNKNOWN,
            status: AvailabilityStatus::Approved,
            visibility: space::Visibility::default(),
            owners: vec![access::Owner::Person("899900000101".into())],
        };
        let settings = Self::settings(1);
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
        let body = self.body(bytes).await;
        let code = || Code::new("11502-2", "2.16.840.1.113883.6.1", "");
        let patient_id = Cx("p".into());
        let uuid = || format!("urn:uuid:{}", rng().uuid());
        let at = Dtm::parse("20260101").expect("a date");
        let entry = DocumentEntry {
            entry_uuid: uuid(),
            logical_id: uuid(),
            version: 1,
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
        let deposit = Deposit {
            set,
            owners: Vec::new(),
            entries: vec![NewEntry { entry, owners: Vec::new(), body }],
            associations: Vec::new(),
            replaced: Vec::new(),
            original_type: "text/plain",
            original: b"as it came".to_vec(),
            notifications: Vec::new(),
        };
        self.store.deposit(&self.permit(Operation::Deposit, revision), deposit, &self.event(Act::Deposit)).await
    }
}

#[tokio::test]
async fn writers_that_queue_together_are_all_answered_and_the_log_proves_it() {
    let world = Arc::new(World::new().await);
    let writes = (0..200).map(|n| {
        let world = world.clone();
        tokio::spawn(async move { world.deposit(&format!("1.2.{n}"), &[b'x'; 100], 1).await })
    });
    for write in writes.collect::<Vec<_>>() {
        assert_eq!(write.await.expect("ends").expect("stored"), Deposited::Stored);
    }
    let report = world.store.verify().await.expect("verifies");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!((report.entries, report.bodies, report.events), (200, 200, 201));
}

#[tokio::test]
async fn a_decision_on_old_settings_is_not_committed() {
    let world = World::new().await;
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
    assert_eq!(world.store.verify().await.expect("verifies").entries, 1);
}

#[tokio::test]
async fn the_same_again_is_a_replay_and_other_bytes_a_conflict() {
    let world = World::new().await;
    assert_eq!(world.deposit("1.2.3", b"one", 1).await.expect("stored"), Deposited::Stored);
    assert_eq!(world.deposit("1.2.3", b"one", 1).await.expect("replayed"), Deposited::Replayed);
    let other = world.deposit("1.2.3", b"two", 1).await;
    assert!(matches!(other, Err(StoreError::Conflict { cause: Cause::NonIdenticalHash, index: Some(0) })));
    let report = world.store.verify().await.expect("verifies");
    assert!(report.problems.is_empty() && report.entries == 1, "{:?}", report.problems);
}

#[tokio::test]
async fn bodies_of_every_size_come_back_byte_for_byte() {
    let world = World::new().await;
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

#[tokio::test]
async fn an_upload_that_ends_early_leaves_nothing_and_one_too_large_is_refused() {
    let world = World::new().await;
    let mut writer = world.store.stage();
    writer.write(&vec![0; 1 << 20]).await.expect("written");
    drop(writer);
    assert_eq!(world.store.verify().await.expect("verifies").leftovers, 0);
    let mut options = StoreOptions::in_folder(&world.folder.path().join("small"));
    std::fs::create_dir_all(world.folder.path().join("small")).expect("a folder");
    options.size_limit = 1000;
    let small = Store::open(&options, &rng()).await.expect("opens");
    assert!(matches!(small.stage().write(&[0; 1001]).await, Err(StoreError::TooLarge { limit: 1000 })));
}

#[tokio::test]
async fn a_changed_event_or_body_is_found_with_its_place() {
    let world = World::new().await;
    world.deposit("1.2.3", b"bytes", 1).await.expect("stored");
    world.deposit("1.2.4", &vec![7; 100_000], 1).await.expect("stored");
    world.store.close().await;
    let database = world.folder.path().join("passerelle.db");
    let tamper = async |sql: &'static str| {
        use sqlx::ConnectOptions as _;
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
        let mut connection = options.connect().await.expect("opens");
        let done = sqlx::query(sql).execute(&mut connection).await.expect("changes");
        assert!(done.rows_affected() > 0);
    };
    let problems = async || {
        let store = Store::open(&StoreOptions::in_folder(world.folder.path()), &rng()).await.expect("opens");
        let report = store.verify().await.expect("verifies");
        store.close().await;
        report.problems.into_iter().map(|p| p.place).collect::<Vec<_>>()
    };
    assert!(problems().await.is_empty());
    tamper("UPDATE trace SET event = replace(event, 'TEST', 'TOAST') WHERE seq = 2").await;
    assert!(problems().await.iter().any(|p| p.starts_with("trace ") && p.ends_with("/2")));
    tamper("UPDATE trace SET event = replace(event, 'TOAST', 'TEST') WHERE seq = 2").await;
    assert!(problems().await.is_empty());
    tamper("DELETE FROM trace WHERE seq = 2").await;
    assert!(problems().await.iter().any(|p| p.ends_with("/3")));
    tamper("UPDATE body SET content = X'00' WHERE content IS NOT NULL").await;
    assert!(problems().await.iter().any(|p| p.starts_with("body ")));
    let blobs = world.folder.path().join("blobs");
    let folders = std::fs::read_dir(blobs).expect("blobs").map(|f| f.expect("read").path());
    let mut files = folders.flat_map(|f| std::fs::read_dir(f).expect("folder")).map(|f| f.expect("read").path());
    let file = files.next().expect("one file");
    std::fs::remove_file(file).expect("removed");
    assert!(problems().await.iter().filter(|p| p.starts_with("body ")).count() >= 2);
}

#[tokio::test]
async fn a_permit_for_another_operation_opens_nothing() {
    let world = World::new().await;
    let find = world.permit(Operation::Find, 1);
    assert!(matches!(world.store.body(&find, "x").await, Err(StoreError::Permit)));
    assert!(matches!(world.store.traces(&find, &crate::TraceQuery::default()).await, Err(StoreError::Permit)));
    let identify = world.permit(Operation::Identify, 1);
    assert!(matches!(world.store.entries(&identify, &EntryQuery::default()).await, Err(StoreError::Permit)));
}
