//! How the databases carry out the statements of the hot paths: by an index only, and on PostgreSQL in one part only.

use std::{cell::RefCell, collections::BTreeSet};

use super::*;
use crate::{
    EntryBody, LinkQuery, ObjectKind, ObjectQuery, StateChange, TraceQuery,
    db::{Connection, Database, NOTED, Sql, Use},
    trace_log::Log,
    writer::{Guard, Job, PreparedDeposit, Recorded},
};

on_both! {
    every_hot_statement_goes_by_an_index_into_one_part
}

async fn every_hot_statement_goes_by_an_index_into_one_part(world: World) {
    for n in 0..50 {
        world.deposit(&format!("1.2.{n}"), b"x", 1).await.expect("stored");
    }
    let noted = NOTED.scope(RefCell::default(), async {
        hot(&world).await;
        NOTED.with(|noted| noted.borrow().clone())
    });
    let noted = noted.await;
    let database = Database::at(&world.options.url, std::time::Duration::from_secs(10)).expect("address");
    let mut connection = database.connect(Use::Write).await.expect("opens");
    if world.on == On::Postgres {
        // The tables are small: what counts is whether there is a way by index, not whether it pays for fifty rows.
        connection
            .run("ANALYZE; SET enable_seqscan = off; SET plan_cache_mode = force_custom_plan")
            .await
            .expect("set");
    }
    let mut seen = BTreeSet::new();
    for sql in noted {
        let text = sql.text().to_owned();
        let touches = ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb));
        if touches && text.contains(" WHERE ") && seen.insert(text.clone()) {
            match world.on {
                On::Sqlite => check_sqlite(&mut connection, sql, &text).await,
                On::Postgres => check_postgres(&mut connection, sql, &text).await,
            }
        }
    }
    assert!(seen.len() >= 14, "{seen:#?}");
}

/// Measures are found by their kind or their time, and read by their id.
async fn measures(world: &World) {
    let (store, read) = (&world.store, world.data(access::DataAction::Read, world.space, 1));
    let time = space::data::TimeTest { relation: space::data::Relation::AtLeast, from_ms: 5, to_ms: 7 };
    let kind = space::data::DatumKind::Measure;
    for codes in [vec!["weight".to_owned()], Vec::new(), vec!["weight".to_owned(), "height".to_owned()]] {
        let after = Some((5, "x".to_owned()));
        let query = crate::DataQuery { codes, after, times: vec![time], ..crate::DataQuery::of(kind, 20) };
        store.data(&read, &query).await.expect("read");
        store.count_data(&read, &query).await.expect("counted");
    }
    store.datum(&read, kind, "x").await.expect("read");
    store.datum_version(&read, kind, "x", 2).await.expect("read");
    store.datum_versions(&read, kind, "x", 5).await.expect("read");
    store.datum_named(&read, kind, "x").await.expect("read");
    store.data_of(&read, kind, &["x".to_owned()]).await.expect("read");
}

/// Each operation of a hot path, once.
async fn hot(world: &World) {
    let store = &world.store;
    let ins = Ins::parse("277076322082910", InsOid::NirTest, InsTolerance::Strict).expect("an INS");
    store.space_of(&ins).await.expect("asked").expect("known");
    store.settings(world.space).await.expect("read");
    let permit = world.fetching();
    let row = store.entry_by_unique_id(&permit, "1.2.3").await.expect("read").expect("there");
    store.body(&permit, &row.body_id).await.expect("read");
    let find = world.permit(Operation::Find, 1);
    let typed = EntryQuery {
        statuses: vec![AvailabilityStatus::Approved],
        types: vec![space::query::CodeQuery { code: "11502-2".into(), scheme: None }],
        ..EntryQuery::default()
    };
    let by_id = EntryQuery { entry_uuids: vec![row.entry.entry_uuid.clone()], ..EntryQuery::default() };
    let by_unique = EntryQuery { unique_ids: vec!["1.2.3".into()], ..EntryQuery::default() };
    for query in [EntryQuery::default(), typed, by_id, by_unique] {
        store.entries(&find, &query).await.expect("read");
    }
    store.submission_sets(&find, &ObjectQuery::default()).await.expect("read");
    store.folders(&find, &ObjectQuery::default()).await.expect("read");
    measures(world).await;
    let from = LinkQuery { sources: vec!["urn:uuid:x".into()], ..LinkQuery::default() };
    let to = LinkQuery { targets: vec!["urn:uuid:x".into()], ..LinkQuery::default() };
    let named = LinkQuery { entry_uuids: vec!["urn:uuid:x".into()], ..LinkQuery::default() };
    for query in [from, to, named] {
        store.associations(&find, &query).await.expect("read");
    }
    store.holder(&world.permit(Operation::Identify, 1)).await.expect("read");
    let operator = Arc::new(Actor::operator("test"));
    let reading = world.tables.decide(&operator, Operation::ReadTrace, world.space, &World::settings(1));
    let reading = reading.expect("a permit");
    let first = store.traces(&reading, &TraceQuery { limit: 10, ..TraceQuery::default() }).await.expect("read");
    let next = TraceQuery { before: first.last().map(|e| e.0.clone()), from_ms: Some(0), until_ms: Some(9), limit: 10 };
    store.traces(&reading, &next).await.expect("read");
    // A new process has remembered no key.
    let other = open(&world.options).await.expect("opens");
    other.submission_sets(&find, &ObjectQuery::default()).await.expect("read");

    // What the writing task does, done here.
    let database = Database::at(&world.options.url, std::time::Duration::from_secs(10)).expect("address");
    let mut connection = database.connect(Use::Write).await.expect("opens");
    let key = store.keys.read(&mut connection, &world.space.to_string()).await.expect("a key");
    let body = world.body(b"hot").await;
    let mut entry = row.entry.clone();
    entry.entry_uuid = "urn:uuid:hot".into();
    entry.unique_id = "1.2.99".into();
    let set = SubmissionSet {
        entry_uuid: "urn:uuid:hot-set".into(),
        unique_id: "1.2.99.1".into(),
        source_id: Oid::parse("1.2.3").expect("an OID"),
        patient_id: entry.patient_id.clone(),
        status: AvailabilityStatus::Approved,
        submission_time: Dtm::parse("20260101").expect("a date"),
        authors: Vec::new(),
        content_type_code: entry.type_code.clone(),
        title: Vec::new(),
        comments: Vec::new(),
        intended_recipients: Vec::new(),
        home: None,
        extra: Vec::new(),
    };
    let deposit = Deposit {
        set,
        owners: Vec::new(),
        entries: vec![NewEntry { entry, owners: Vec::new(), body: EntryBody::Staged(body) }],
        associations: Vec::new(),
        folders: Vec::new(),
        states: vec![StateChange {
            kind: ObjectKind::Entry,
            uuid: row.entry.entry_uuid.clone(),
            from: AvailabilityStatus::Approved,
            to: AvailabilityStatus::Deprecated,
            superseded: false,
            otherwise: space::Cause::ReplacedNotApproved,
        }],
        filled_folders: vec!["urn:uuid:none".into()],
        data: Vec::new(),
        events: Vec::new(),
        at: Dtm::parse("20260101").expect("a date"),
        original_type: "text/plain",
        original: Vec::new(),
        notifications: Vec::new(),
        forward: None,
    };
    let permit = world.permit(Operation::Deposit, 1);
    let trace = store.trace(&world.event(Act::Deposit)).expect("sealed");
    let prepared = PreparedDeposit::of(&permit, deposit, &key, trace.clone(), Vec::new(), Vec::new()).expect("sealed");
    let jobs = [
        Job::Deposit(Box::new(prepared)),
        Job::Record(vec![Recorded { guard: Some(Guard::on(&permit)), trace, messages: Vec::new() }]),
    ];
    let mut log = Log::new(rng().uuid().to_string(), None);
    for answer in crate::batch::commit(&mut connection, &mut log, &jobs).await.expect("committed") {
        answer.expect("accepted");
    }
}

async fn check_sqlite(connection: &mut Connection, sql: Sql, text: &str) {
    let rows = connection.all(sql.after("EXPLAIN QUERY PLAN ")).await.expect("explained");
    for row in rows {
        let step = row.text(3).expect("text");
        assert!(!step.starts_with("SCAN"), "{step}: {text}");
    }
}

async fn check_postgres(connection: &mut Connection, sql: Sql, text: &str) {
    let rows = connection.all(sql.after("EXPLAIN ")).await.expect("explained");
    let plan: Vec<String> = rows.iter().map(|r| r.text(0).expect("text").to_owned()).collect();
    let plan = plan.join("\n");
    assert!(!plan.contains("Seq Scan"), "{plan}\n{text}");
    // Two are looked for at once where a set brings its document: each in the one part it may be in.
    let keys = if text.contains("unique_key") { 2 } else { 1 };
    let mut parts: BTreeSet<&str> = BTreeSet::new();
    for word in plan.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
        if let Some((table, part)) = word.rsplit_once("_p")
            && part.bytes().all(|b| b.is_ascii_digit())
            && !part.is_empty()
            && text.contains(table)
        {
            parts.insert(word);
        }
    }
    let tables: BTreeSet<&str> = parts.iter().filter_map(|p| p.rsplit_once("_p").map(|(t, _)| t)).collect();
    assert!(parts.len() <= keys * tables.len().max(1), "{parts:?}\n{plan}\n{text}");
    assert!(plan.contains("Index Cond") || !plan.contains("Scan"), "{plan}\n{text}");
}
