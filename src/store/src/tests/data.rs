//! Data that are no documents: versions, names, times, and what becomes of them when spaces become one.

use access::DataAction;
use space::{
    data::{Authorship, Brick, Content, Datum, DatumKind, Relation, TimeTest},
    measure::{Decimal, Measure, MeasuredValue, MeasuringDevice},
};

use super::*;
use crate::{DataQuery, DatumWrite, db::Sql};

on_both! {
    a_version_takes_the_place_of_the_one_it_was_decided_on
    a_name_is_given_once
    times_are_ranges_and_pages_go_on_where_they_ended
    data_go_on_with_a_merge_and_are_opened_by_nobody_else
}

impl World {
    pub(super) fn data(&self, action: DataAction, space: SpaceId, revision: i64) -> Permit {
        let holder = actor(Role::Holder);
        let settings = Self::settings(revision);
        self.tables.decide_data(&holder, Brick::Measures, action, space, None, &settings).expect("a permit")
    }

    async fn put(&self, writes: Vec<DatumWrite>) -> Result<(), StoreError> {
        let remove = writes.iter().any(|w| w.datum.is_none());
        let permit = self.data(if remove { DataAction::Remove } else { DataAction::Add }, self.space, 1);
        self.store.write_data(&permit, writes, &self.event(Act::AddData), Vec::new()).await
    }
}

fn measure(at: &str, value: &str) -> Datum {
    let value = Decimal::parse(value).expect("a number");
    let measure = Measure {
        kind: "weight".into(),
        at: Dtm::parse(at).expect("a time"),
        values: vec![MeasuredValue { code: "29463-7".into(), value, unit: "kg".into(), unit_text: None }],
        moment: None,
        days: None,
        comment: Some("CLEAR-COMMENT-7".into()),
        method: None,
        site: None,
        device: None,
        void: false,
    };
    let original = Some("{\"status\":\"final\"}".to_owned());
    Datum { content: Content::Measure(Box::new(measure)), author: Authorship::Holder, original }
}

fn device(number: &str) -> Datum {
    let device = MeasuringDevice { system: "1.2.3".into(), number: number.to_owned() };
    Datum { content: Content::Device(device), author: Authorship::Holder, original: None }
}

fn write(kind: DatumKind, id: &str, base: u32, datum: Option<Datum>) -> DatumWrite {
    DatumWrite { kind, id: id.to_owned(), base, datum }
}

async fn a_version_takes_the_place_of_the_one_it_was_decided_on(world: World) {
    let of = |base, datum| vec![write(DatumKind::Measure, "m1", base, datum)];
    world.put(of(0, Some(measure("20250314", "71")))).await.expect("put in");
    assert!(matches!(world.put(of(2, Some(measure("20250314", "72")))).await, Err(StoreError::Stale)));
    world.put(of(1, Some(measure("20250315", "72")))).await.expect("changed");
    assert!(matches!(world.put(of(1, Some(measure("20250314", "73")))).await, Err(StoreError::Stale)));
    let read = world.data(DataAction::Read, world.space, 1);
    let versions = world.store.datum_versions(&read, DatumKind::Measure, "m1", 100).await.expect("read");
    assert_eq!(versions.iter().map(|v| v.version).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(versions[1].datum, Some(measure("20250314", "71")));
    // Two at once: one of them finds what the other left.
    let (one, other) = tokio::join!(
        world.put(of(2, Some(measure("20250314", "74")))),
        world.put(of(2, Some(measure("20250314", "75"))))
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    world.put(of(3, None)).await.expect("taken away");
    let versions = world.store.datum_versions(&read, DatumKind::Measure, "m1", 100).await.expect("read");
    assert!(versions.len() == 4 && versions.iter().all(|v| v.datum.is_none()), "{versions:?}");
    let left = DataQuery::of(DatumKind::Measure, 10);
    assert!(world.store.data(&read, &left).await.expect("read").is_empty());
    assert!(matches!(world.put(of(4, Some(measure("20250314", "76")))).await, Err(StoreError::Stale)));
    let find =
        world.tables.decide(&world.actor, Operation::Deposit, world.space, &World::settings(1)).expect("a permit");
    assert!(matches!(world.store.data(&find, &left).await, Err(StoreError::Permit)), "another permit opens nothing");
}

async fn a_name_is_given_once(world: World) {
    let of = |id: &str| vec![write(DatumKind::Device, id, 0, Some(device("FE-ED")))];
    let all = ["d1", "d2", "d3"];
    let (a, b, c) = tokio::join!(world.put(of(all[0])), world.put(of(all[1])), world.put(of(all[2])));
    assert_eq!([&a, &b, &c].iter().filter(|r| r.is_ok()).count(), 1, "{a:?} {b:?} {c:?}");
    let read = world.data(DataAction::Read, world.space, 1);
    let found = world.store.datum_named(&read, DatumKind::Device, "1.2.3|FE-ED").await.expect("read").expect("one");
    assert!(all.contains(&found.id.as_str()));
    assert!(world.store.datum_named(&read, DatumKind::Device, "1.2.3|FE").await.expect("read").is_none());
    world.put(vec![write(DatumKind::Device, &found.id, 1, None)]).await.expect("taken away");
    world.put(of("d4")).await.expect("the name is free again");
}

async fn times_are_ranges_and_pages_go_on_where_they_ended(world: World) {
    // A year, a month, a day, an instant.
    let times = [("y", "2025"), ("m", "202503"), ("d", "20250314"), ("i", "20250314103000")];
    let writes = times.iter().map(|(id, at)| write(DatumKind::Measure, id, 0, Some(measure(at, "71"))));
    world.put(writes.collect()).await.expect("put in");
    let read = world.data(DataAction::Read, world.space, 1);
    let day = Dtm::parse("20250314").expect("a day");
    let (from_ms, to_ms) = (day.first().as_millisecond(), day.end().as_millisecond());
    for (relation, fit) in [
        (Relation::Within, "d,i"),
        (Relation::NotWithin, "m,y"),
        (Relation::Above, "m,y"),
        (Relation::Below, "m,y"),
        (Relation::AtLeast, "d,i,m,y"),
        (Relation::AtMost, "d,i,m,y"),
        (Relation::After, ""),
        (Relation::Before, ""),
    ] {
        let times = vec![TimeTest { relation, from_ms, to_ms }];
        let query = DataQuery { times, ..DataQuery::of(DatumKind::Measure, 10) };
        let mut found: Vec<_> =
            world.store.data(&read, &query).await.expect("read").into_iter().map(|d| d.id).collect();
        found.sort_unstable();
        assert_eq!(found.join(","), fit, "{relation:?}");
        let many = found.len() as u64;
        assert_eq!(world.store.count_data(&read, &query).await.expect("counted"), many, "{relation:?}");
    }
    for newest_first in [true, false] {
        let mut query = DataQuery { newest_first, ..DataQuery::of(DatumKind::Measure, 1) };
        let mut order = Vec::new();
        while let Some(one) = world.store.data(&read, &query).await.expect("read").pop() {
            query.after = one.datum.as_ref().map(|d| (d.content.at_ms(), one.id.clone()));
            order.push(one.id);
        }
        let expected = if newest_first { ["i", "d", "m", "y"] } else { ["y", "m", "d", "i"] };
        assert_eq!(order, expected);
    }
}

async fn data_go_on_with_a_merge_and_are_opened_by_nobody_else(world: World) {
    let (other, ins) = world.other().await;
    world.put(vec![write(DatumKind::Measure, "m1", 0, Some(measure("20250314", "71")))]).await.expect("put in");
    world.put(vec![write(DatumKind::Measure, "m1", 1, Some(measure("20250314", "72")))]).await.expect("changed");
    world.put(vec![write(DatumKind::Device, "d1", 0, Some(device("FE-ED")))]).await.expect("put in");
    world.put(vec![write(DatumKind::Device, "d2", 0, Some(device("BA-BE")))]).await.expect("put in");
    world.put(vec![write(DatumKind::Measure, "m2", 0, Some(measure("20250315", "73")))]).await.expect("put in");
    world.put(vec![write(DatumKind::Measure, "m2", 1, None)]).await.expect("taken away");
    let theirs = world.data(DataAction::Add, other, 1);
    let same = vec![write(DatumKind::Device, "d9", 0, Some(device("FE-ED")))];
    world.store.write_data(&theirs, same, &world.event_in(other), Vec::new()).await.expect("put in");
    let mut reader = world.store.readers.get().await.expect("a reader");
    let sql = Sql::new("SELECT CAST(code AS TEXT) FROM datum WHERE code LIKE '%CLEAR%' OR name_hash LIKE '%FE-ED%'");
    assert!(reader.all(sql).await.expect("read").is_empty(), "neither comment nor number stands in clear");
    reader.done();
    world.merge((other, &ins), (1, 1)).await.expect("merged");
    let read = world.data(DataAction::Read, other, 2);
    let versions = world.store.datum_versions(&read, DatumKind::Measure, "m1", 100).await.expect("read");
    assert_eq!(
        versions.iter().filter_map(|v| v.datum.clone()).collect::<Vec<_>>(),
        [measure("20250314", "72"), measure("20250314", "71")]
    );
    let gone = world.store.datum(&read, DatumKind::Measure, "m2").await.expect("read").expect("told to have been");
    assert!(gone.datum.is_none());
    let named = |name: &'static str| world.store.datum_named(&read, DatumKind::Device, name);
    assert_eq!(named("1.2.3|FE-ED").await.expect("read").expect("one").id, "d9", "the name stays theirs");
    assert_eq!(named("1.2.3|BA-BE").await.expect("read").expect("one").id, "d2");
    assert!(world.store.datum(&read, DatumKind::Device, "d1").await.expect("read").is_some_and(|d| d.datum.is_some()));
    let problems = world.problems(&world.store).await;
    let report = world.report().await;
    assert!(problems.is_empty() && report.data == 5, "{problems:?} {report:?}");
}
