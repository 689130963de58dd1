//! Numbers of structures, and spaces that become one.

use space::LocalId;

use super::*;
use crate::{Merge, db::Sql};

on_both! {
    a_number_is_one_space_s_and_moves_only_with_both
    nothing_that_is_put_in_meanwhile_is_lost_by_a_merge
    nor_by_a_merge_of_another_process
    a_space_that_was_taken_over_is_forgotten_with_the_one_that_took_it
    links_of_spaces_go_on_with_a_merge_and_are_forgotten_with_a_space
}

fn local(number: &str) -> LocalId {
    LocalId::parse("1.2.250.1.999.8.1", number).expect("a number")
}

impl World {
    fn operator(&self, operation: Operation, space: SpaceId, revision: i64) -> Permit {
        let operator = Arc::new(Actor::operator("test"));
        self.tables.decide(&operator, operation, space, &Self::settings(revision)).expect("a permit")
    }

    fn leave(&self, operation: Operation, space: SpaceId, revision: i64) -> Permit {
        self.tables.decide(&self.actor, operation, space, &Self::settings(revision)).expect("a permit")
    }

    pub(super) fn event_in(&self, space: SpaceId) -> TraceEvent {
        TraceEvent { space: Some(space), ..self.event(Act::FeedIdentity) }
    }

    /// One more space, of another number.
    pub(super) async fn other(&self) -> (SpaceId, Ins) {
        let (space, ins) =
            (SpaceId(rng().uuid()), Ins::parse("207058575627097", InsOid::NirTest, InsTolerance::Strict).expect("INS"));
        let traits = Traits {
            family: "TEST".into(),
            given: vec!["A".into()],
            used_family: None,
            birth_date: Dtm::parse("1977").expect("a date"),
            sex: Sex::F,
            birth_place: None,
        };
        let create = Change::Create { ins: ins.clone(), traits, state: SpaceState::Open, noticed_ms: 0 };
        let permit = self.operator(Operation::Create, space, 0);
        self.store.change(&permit, create, &self.event_in(space)).await.expect("made");
        (space, ins)
    }

    /// Lets `survivor` go on for the world's own space, both as they stood at these revisions.
    pub(super) async fn merge(&self, survivor: (SpaceId, &Ins), revisions: (i64, i64)) -> Result<(), StoreError> {
        self.merge_by(&self.store, survivor, revisions).await
    }

    /// The same by a process.
    async fn merge_by(
        &self,
        process: &Store,
        (survivor, ins): (SpaceId, &Ins),
        revisions: (i64, i64),
    ) -> Result<(), StoreError> {
        let onto = self.operator(Operation::Merge, survivor, revisions.0);
        let from = self.operator(Operation::Merge, self.space, revisions.1);
        let (there, here) = (self.event_in(survivor), self.event_in(self.space));
        let merge = Merge {
            survivor: (&onto, &there),
            retired: (&from, &here),
            ins,
            dropped: None,
            at_ms: 7,
            told: Vec::new(),
            notifications: Vec::new(),
        };
        process.merge(merge).await
    }
}

async fn a_number_is_one_space_s_and_moves_only_with_both(world: World) {
    let (other, _) = world.other().await;
    let link = |at: i64| Change::Link { local: local("CLEAR-NUMBER-42"), since_ms: at, told: vec!["dpi".into()] };
    let here = world.leave(Operation::LinkNumber, world.space, 1);
    world.store.change(&here, link(1), &world.event_in(world.space)).await.expect("linked");
    assert_eq!(world.store.space_of_local(&local("CLEAR-NUMBER-42")).await.expect("read"), Some(world.space));
    assert_eq!(world.store.space_of_local(&local("CLEAR-NUMBER-43")).await.expect("read"), None);
    // Another space's: as long as it is not taken from there in the same job.
    let there = world.leave(Operation::LinkNumber, other, 1);
    let taken = world.store.change(&there, link(2), &world.event_in(other)).await;
    assert!(matches!(taken, Err(StoreError::Conflict { cause: Cause::IdentifierTaken, .. })), "{taken:?}");
    let unlink = || Change::Unlink { local: local("CLEAR-NUMBER-42"), at_ms: 3, told: Vec::new() };
    let (gone, came) = (world.event_in(world.space), world.event_in(other));
    // Decided on what stands no more: neither is done.
    let stale = vec![(&here, unlink(), &gone), (&there, link(3), &came)];
    assert!(matches!(world.store.change_all(stale).await, Err(StoreError::Stale)));
    let here = world.leave(Operation::LinkNumber, world.space, 2);
    world.store.change_all(vec![(&here, unlink(), &gone), (&there, link(3), &came)]).await.expect("moved");
    let known = world.store.local_identifiers(&world.leave(Operation::CrossReference, other, 2)).await.expect("read");
    assert_eq!(known, [local("CLEAR-NUMBER-42")]);
    assert!(
        world
            .store
            .local_identifiers(&world.leave(Operation::CrossReference, world.space, 3))
            .await
            .expect("read")
            .is_empty()
    );
    let notices = world.store.next_notices("dpi", 10).await.expect("read");
    assert_eq!(notices.iter().map(|n| n.space).collect::<Vec<_>>(), [world.space, other]);
    world.store.notice_done("dpi", &notices[0]).await.expect("done");
    assert_eq!(world.store.next_notices("dpi", 10).await.expect("read").len(), 1);
    // A permit for another operation links nothing.
    let find = world.leave(Operation::Find, other, 2);
    assert!(matches!(world.store.change(&find, link(4), &came).await, Err(StoreError::Permit)));
    assert!(matches!(world.store.local_identifiers(&find).await, Err(StoreError::Permit)));
    world.store.close().await;
    if world.on == On::Sqlite {
        for file in ["passerelle.db", "passerelle.db-wal"] {
            let bytes = std::fs::read(world.folder.path().join(file)).unwrap_or_default();
            assert!(!bytes.windows(12).any(|w| w == b"CLEAR-NUMBER"), "{file}");
        }
    }
}

async fn nothing_that_is_put_in_meanwhile_is_lost_by_a_merge(world: World) {
    let process = world.store.clone();
    put_in_meanwhile(world, process).await;
}

async fn nor_by_a_merge_of_another_process(world: World) {
    let (process, _) = world.another().await;
    put_in_meanwhile(world, process).await;
}

async fn put_in_meanwhile(world: World, process: Store) {
    let world = Arc::new(world);
    let (survivor, ins) = world.other().await;
    for n in 0..5 {
        world.deposit(&format!("1.2.{n}"), &[b'x'; 50_000], 1).await.expect("stored");
    }
    let writes: Vec<_> = (5..120)
        .map(|n| {
            let world = world.clone();
            tokio::spawn(async move { world.deposit(&format!("1.2.{n}"), &[b'x'; 100], 1).await })
        })
        .collect();
    // A merge that meets a deposit in its own batch is decided again.
    let mut merged = world.merge_by(&process, (survivor, &ins), (1, 1)).await;
    while matches!(merged, Err(StoreError::Stale)) {
        merged = world.merge_by(&process, (survivor, &ins), (1, 1)).await;
    }
    merged.expect("merged");
    let mut stored = 5;
    for write in writes {
        match write.await.expect("ends") {
            Ok(_) => stored += 1,
            Err(StoreError::Stale) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let find = world.leave(Operation::Find, survivor, 2);
    let found = world.store.entries(&find, &EntryQuery::default()).await.expect("read");
    assert_eq!(found.len(), stored, "all that was acknowledged, and nothing else");
    assert!(found.iter().all(|row| row.entry.patient_id.0 == ins.to_cx()), "under the number that goes on");
    let report = world.report().await;
    assert_eq!((report.entries, report.bodies), (stored as u64, stored as u64));
    assert!(world.problems(&world.store).await.is_empty());
    // Its number leads to the other, and it is told where it went.
    let first = Ins::parse("277076322082910", InsOid::NirTest, InsTolerance::Strict).expect("an INS");
    assert_eq!(world.store.space_of(&first).await.expect("read"), Some(survivor));
    let settings = world.store.settings(world.space).await.expect("read").expect("there");
    assert_eq!((settings.state, settings.merged_into), (SpaceState::Merged, Some(survivor)));
    assert!(matches!(world.deposit("1.2.999", b"x", 1).await, Err(StoreError::Stale)));
    // The same identifier in the other space is the same document: its binding came along.
    let left = format!("UPDATE unique_key SET sha256 = sha256 WHERE space_id = '{}'", world.space);
    assert_eq!(world.tamper(&left).await, 0, "nothing is bound to the space that is no more");
}

async fn a_space_that_was_taken_over_is_forgotten_with_the_one_that_took_it(world: World) {
    let (survivor, ins) = world.other().await;
    world.deposit("1.2.3", b"x", 1).await.expect("stored");
    world.merge((survivor, &ins), (1, 1)).await.expect("merged");
    let again = world.merge((survivor, &ins), (2, 1)).await;
    assert!(matches!(again, Err(StoreError::Stale)), "{again:?}");
    let destroy = world.operator(Operation::Set, survivor, 2);
    world.store.change(&destroy, Change::DestroyKey, &world.event_in(survivor)).await.expect("destroyed");
    let database = crate::db::Database::at(&world.options.url, std::time::Duration::from_secs(10)).expect("address");
    let mut connection = database.connect(crate::db::Use::Write).await.expect("opens");
    let row = connection.one(Sql::new("SELECT COUNT(*) FROM space_key")).await.expect("read").expect("a row");
    assert_eq!(row.int(0).expect("a number"), 0, "no key is left by which either could be read");
    let find = world.leave(Operation::Find, survivor, 3);
    assert!(matches!(world.store.entries(&find, &EntryQuery::default()).await, Err(StoreError::Forgotten)));
    assert!(world.problems(&world.store).await.is_empty(), "the log still proves itself");
}

async fn links_of_spaces_go_on_with_a_merge_and_are_forgotten_with_a_space(world: World) {
    let (other, ins) = world.other().await;
    let link = |other: SpaceId| Change::LinkSpace { other, since_ms: 1, told: Vec::new() };
    // What each knows, and how often it was changed.
    let (mut here, mut there) = (1, 1);
    let (event, event_there) = (world.event_in(world.space), world.event_in(other));
    let both = [world.operator(Operation::Merge, world.space, here), world.operator(Operation::Merge, other, there)];
    let pair = vec![(&both[0], link(other), &event), (&both[1], link(world.space), &event_there)];
    world.store.change_all(pair).await.expect("linked");
    (here, there) = (here + 1, there + 1);
    let strangers: Vec<SpaceId> = (0..11).map(|_| SpaceId(rng().uuid())).collect();
    for stranger in &strangers[..9] {
        let permit = world.operator(Operation::Merge, world.space, here);
        world.store.change(&permit, link(*stranger), &event).await.expect("linked");
        here += 1;
    }
    for stranger in &strangers[9..] {
        let permit = world.operator(Operation::Merge, other, there);
        world.store.change(&permit, link(*stranger), &event_there).await.expect("linked");
        there += 1;
    }
    let linked = async |space: SpaceId, revision: i64| {
        let permit = world.operator(Operation::Merge, space, revision);
        world.store.linked_spaces(&permit).await.expect("read")
    };
    assert_eq!((linked(world.space, here).await.len(), linked(other, there).await.len()), (10, 3));
    // Together they would have more than may be: the merge is refused, and with one less it is not.
    let many = world.merge((other, &ins), (there, here)).await;
    assert!(matches!(many, Err(StoreError::Conflict { cause: Cause::TooManyResults, .. })), "{many:?}");
    let unlink = Change::UnlinkSpace { other: strangers[0], at_ms: 2, told: Vec::new() };
    let permit = world.operator(Operation::Merge, world.space, here);
    world.store.change(&permit, unlink, &event).await.expect("unlinked");
    here += 1;
    world.merge((other, &ins), (there, here)).await.expect("merged");
    there += 1;
    let mut found = linked(other, there).await;
    let mut wanted = strangers[1..].to_vec();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "those of both, and not the two of each other");
    // Leave for something else links nothing and tells of no link.
    let find = world.leave(Operation::Find, other, there);
    assert!(matches!(world.store.linked_spaces(&find).await, Err(StoreError::Permit)));
    let feed = world.leave(Operation::LinkNumber, other, there);
    assert!(matches!(world.store.change(&feed, link(world.space), &event_there).await, Err(StoreError::Permit)));
    let set = world.operator(Operation::Set, other, there);
    world.store.change(&set, Change::DestroyKey, &event_there).await.expect("destroyed");
    assert!(linked(other, there + 1).await.is_empty());
}
