//! Fills a store fast with holders and documents of the shape that the gateway stores, through the store itself: sealed,
//! traced and linked as deposits are, without the messages around them.

use std::{path::Path, sync::Arc};

use access::{AccessPolicy, Operation, Permit, Tables};
use ambient::{SharedClock, SharedRng, SystemClock, SystemRng};
use space::{
    Actor, AuthMode, AvailabilityStatus, Code, DocumentEntry, Dtm, EmergencyConsents, EntryKind, Ins, InsOid,
    InsTolerance, Oid, Profession, ProfessionalId, Purpose, Role, Settings, Sex, Software, SpaceId, SpaceState,
    StructureId, SubmissionSet, Traits,
    hl7::Cx,
    settings::AuthorisationKind,
    trace::{Act, Outcome, TraceEvent},
};
use store::{
    Change, Deposit, EntryBody, EvidenceKey, LocalMaster, MasterKeys, NewEntry, Store, StoreOptions, read_secret,
};

/// Documents of a holder.
pub(crate) const PER_SPACE: u64 = 20;
/// Documents of a set.
const PER_SET: u64 = 10;
/// One document of so many is of the kind that is asked for.
const CROWD: u64 = 100;
/// Holders filled at once.
const AT_ONCE: usize = 256;

/// A store being filled.
pub(crate) struct Filling {
    store: Store,
    tables: Tables,
    rng: SharedRng,
    operator: Arc<Actor>,
    physician: Arc<Actor>,
}

/// The number of the `n`th holder: a well-formed one of the test register.
pub(crate) fn ins(n: u64) -> Ins {
    let digits = format!("2{:02}{:02}75{:06}", n / 12_000_000 % 100, n / 1_000_000 % 12 + 1, n % 1_000_000);
    let number: u64 = digits.parse().expect("digits");
    let text = format!("{digits}{:02}", 97 - number % 97);
    Ins::parse(&text, InsOid::NirTest, InsTolerance::Test).expect("an INS")
}

impl Filling {
    /// Opens the store of a data folder that no gateway works on.
    pub(crate) async fn open(data: &Path, url: Option<&str>) -> Self {
        let rng: SharedRng = SystemRng::new();
        let clock: SharedClock = SystemClock::new();
        let master = LocalMaster::from_text(&read_secret(&data.join("keys/master.key")).expect("a key"));
        let mut options = StoreOptions::in_folder(data, MasterKeys::new(master.expect("a key"), Vec::new()));
        let key = read_secret(&data.join("keys/evidence.key")).expect("a key");
        options.evidence = Some(Arc::new(EvidenceKey::from_text(&key).expect("a key")));
        if let Some(url) = url {
            options.url = url.to_owned();
        }
        let store = Store::open(&options, &clock, &rng).await.expect("the store opens");
        let policy = AccessPolicy { operator_may_set: true, ..AccessPolicy::default() };
        let tables = Tables::load(&terminology::Mappings::built_in(), policy).expect("tables");
        let physician = Arc::new(Actor {
            role: Role::Professional,
            id: ProfessionalId::parse("899900000101").ok(),
            profession: Profession { code: "10".into(), speciality: Some("SM26".into()), activity: None },
            name: "FILL".into(),
            structure: StructureId::parse("499900000101001").ok(),
            auth: AuthMode::Directe,
            purpose: Purpose::Normal,
            structure_proven: true,
            secret: false,
            software: Software::default(),
        });
        Self { store, tables, rng, operator: Arc::new(Actor::operator("fill")), physician }
    }

    pub(crate) async fn close(&self) {
        self.store.close().await;
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
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

    pub(crate) fn permit(&self, operation: Operation, space: SpaceId, revision: i64) -> Permit {
        if let Operation::Data(action) = operation {
            let holder = Arc::new(Actor { role: Role::Holder, ..(*self.operator).clone() });
            let settings = Self::settings(revision);
            let brick = space::data::Brick::Measures;
            return self.tables.decide_data(&holder, brick, action, space, None, &settings).expect("a permit");
        }
        let own = matches!(operation, Operation::Set | Operation::ReadTrace);
        let actor = if own { &self.operator } else { &self.physician };
        self.tables.decide(actor, operation, space, &Self::settings(revision)).expect("a permit")
    }

    pub(crate) fn event(&self, space: SpaceId, act: Act, target: &str) -> TraceEvent {
        TraceEvent {
            space: Some(space),
            at_ms: 1_780_000_000_000,
            actor: (*self.physician).clone(),
            act,
            targets: vec![target.to_owned()],
            outcome: Outcome::Done,
            rule: "fill".into(),
            face: "ihe".into(),
            signature: None,
        }
    }

    /// Where the `n`th holder's space stands: in order, so that a store is filled from left to right.
    pub(crate) fn space(n: u64) -> SpaceId {
        SpaceId(uuid::Uuid::from_u128((u128::from(n) << 64) | 0x8000_0000_0000_0000))
    }

    pub(crate) async fn set(&self, n: u64, change: Change, revision: i64) {
        let space = Self::space(n);
        let permit = self.permit(Operation::Set, space, revision);
        self.store.change(&permit, change, &self.event(space, Act::Create, "")).await.expect("set");
    }

    /// Makes the `n`th holder's space; with `open_to`, a professional may read it.
    pub(crate) async fn holder(&self, n: u64, open_to: Option<&str>) {
        let traits = Traits {
            family: format!("FILL{n}"),
            given: vec!["A".into()],
            used_family: None,
            birth_date: Dtm::parse("1977").expect("a date"),
            sex: Sex::F,
            birth_place: None,
        };
        let create = Change::Create { ins: ins(n), traits, state: SpaceState::Open, noticed_ms: 0 };
        self.set(n, create, 0).await;
        if let Some(who) = open_to {
            let stand = Change::Stand {
                grantee: who.to_owned(),
                is_structure: false,
                kind: AuthorisationKind::Given,
                since_ms: 0,
            };
            self.set(n, stand, 1).await;
        }
    }

    /// Makes the `n`th holder's space with many documents, which `open_to` may read.
    pub(crate) async fn crowd(&self, n: u64, documents: u64, open_to: &str) {
        self.holder(n, Some(open_to)).await;
        self.documents(n, 2, documents).await;
    }

    /// Puts documents of the `n`th holder in.
    async fn documents(&self, n: u64, revision: i64, count: u64) {
        let space = Self::space(n);
        let permit = self.permit(Operation::Deposit, space, revision);
        for set in 0..count / PER_SET {
            let mut entries = Vec::new();
            for document in set * PER_SET..(set + 1) * PER_SET {
                let mut body = self.store.stage();
                body.write(format!("document {document} of {n}: {}", "x".repeat(100)).as_bytes())
                    .await
                    .expect("written");
                let body = body.finish().await.expect("staged");
                entries.push(NewEntry {
                    entry: self.entry(n, document, &body),
                    owners: Vec::new(),
                    body: EntryBody::Staged(body),
                });
            }
            let deposit = Deposit {
                set: self.set_of(n, set),
                owners: Vec::new(),
                entries,
                associations: Vec::new(),
                folders: Vec::new(),
                states: Vec::new(),
                filled_folders: Vec::new(),
                data: Vec::new(),
                events: Vec::new(),
                at: Dtm::parse("20260101").expect("a date"),
                original_type: "text/plain",
                original: b"filled".to_vec(),
                notifications: Vec::new(),
                forward: None,
            };
            let event = self.event(space, Act::Deposit, &unique_id(n, set * PER_SET));
            self.store.deposit(&permit, deposit, &event).await.expect("stored");
        }
    }

    fn code(code: &str) -> Code {
        Code::new(code, "2.16.840.1.113883.6.1", "")
    }

    fn entry(&self, n: u64, document: u64, body: &store::StagedBody) -> DocumentEntry {
        let uuid = format!("urn:uuid:{}", uuid::Uuid::from_u128((u128::from(n) << 64) | u128::from(document)));
        let kind = if document.is_multiple_of(CROWD) { "11369-6" } else { "11502-2" };
        DocumentEntry {
            logical_id: uuid.clone(),
            entry_uuid: uuid,
            version: 1,
            kind: EntryKind::Stable,
            repository: None,
            unique_id: unique_id(n, document),
            status: AvailabilityStatus::Approved,
            patient_id: Cx(format!("{}^^^&1.2.250.1.213.1.4.10&ISO^NH", ins(n).matricule())),
            source_patient_id: None,
            source_patient_info: Vec::new(),
            authors: Vec::new(),
            legal_authenticator: None,
            title: Vec::new(),
            comments: Vec::new(),
            creation_time: Dtm::parse("20260101").expect("a date"),
            service_start_time: None,
            service_stop_time: None,
            language_code: "fr-FR".into(),
            mime_type: "text/xml".into(),
            class_code: Code::new(
                if document.is_multiple_of(CROWD) { "52" } else { "10" },
                "1.2.250.1.213.1.1.4.1",
                "",
            ),
            type_code: Self::code(kind),
            format_code: Code::new("urn:ihe:iti:xds-sd:pdf:2008", "1.3.6.1.4.1.19376.1.2.3", ""),
            confidentiality_codes: vec![Code::new("N", "2.16.840.1.113883.5.25", "")],
            healthcare_facility_type_code: Code::new("SA07", "1.2.250.1.71.4.2.4", ""),
            practice_setting_code: Code::new("AMBULATOIRE", "1.2.250.1.213.1.1.4.9", ""),
            event_codes: Vec::new(),
            reference_ids: Vec::new(),
            hash: body.sha1.clone(),
            size: body.size,
            home: None,
            extra: Vec::new(),
        }
    }

    fn set_of(&self, n: u64, set: u64) -> SubmissionSet {
        let uuid = uuid::Uuid::from_u128((u128::from(n) << 64) | (1 << 32) | u128::from(set));
        SubmissionSet {
            entry_uuid: format!("urn:uuid:{uuid}"),
            unique_id: format!("{}.1", unique_id(n, set * PER_SET)),
            source_id: Oid::parse("1.2.3").expect("an OID"),
            patient_id: Cx(String::new()),
            status: AvailabilityStatus::Approved,
            submission_time: Dtm::parse("20260101").expect("a date"),
            authors: Vec::new(),
            content_type_code: Self::code("11502-2"),
            title: Vec::new(),
            comments: Vec::new(),
            intended_recipients: Vec::new(),
            home: None,
            extra: Vec::new(),
        }
    }

    /// Fills holders `from..to`; every `sample`th may be read by `open_to`.
    pub(crate) async fn fill(self: &Arc<Self>, from: u64, to: u64, sample: u64, open_to: &str) {
        let mut under_way = tokio::task::JoinSet::new();
        for n in from..to {
            if under_way.len() == AT_ONCE {
                under_way.join_next().await.expect("some are under way").expect("filled");
            }
            let (this, open_to) = (self.clone(), (n % sample == 0).then(|| open_to.to_owned()));
            under_way.spawn(async move {
                this.holder(n, open_to.as_deref()).await;
                this.documents(n, if open_to.is_some() { 2 } else { 1 }, PER_SPACE).await;
            });
        }
        while let Some(done) = under_way.join_next().await {
            done.expect("filled");
        }
    }
}

/// `uniqueId` of a filled document: as wide for all, so that they are in order.
pub(crate) fn unique_id(n: u64, document: u64) -> String {
    format!("1.2.250.1.999.{}.{}", 100_000_000 + n, 100 + document)
}

impl std::fmt::Debug for Filling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filling").field("rng", &self.rng).finish_non_exhaustive()
    }
}
