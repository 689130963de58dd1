//! The desk over a real store: decisions made again when settings change, in this process or another.

use std::sync::Arc;

use access::{AccessPolicy, Tables};
use ambient::{FixedClock, SystemRng};
use space::{
    Actor, AuthMode, Cause, Credential, Dtm, Ins, InsOid, InsTolerance, Profession, ProfessionalId, Purpose, Role, Sex,
    Software, SpaceState, StructureId, Traits, query::EntryQuery, trace::Outcome,
};
use store::{Store, StoreOptions};
use terminology::{Mappings, Terminology};

use crate::{Caller, Desk, DeskOptions, Face, Fault, NewHolder, SettingChange};

const ME: &str = "899900000101";

async fn desk(folder: &std::path::Path) -> Desk {
    let (rng, clock): (ambient::SharedRng, ambient::SharedClock) = (SystemRng::new(), ambient::SystemClock::new());
    let master = store::LocalMaster::from_text("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=").expect("a key");
    let options = StoreOptions::in_folder(folder, store::MasterKeys::new(master, Vec::new()));
    let store = Store::open(&options, &clock, &rng).await.expect("opens");
    let policy = AccessPolicy { operator_may_set: true, ..AccessPolicy::default() };
    let tables = Tables::load(&Mappings::built_in(), policy).expect("tables");
    let terms = Terminology::load(&Mappings::built_in()).expect("terms");
    let clock = FixedClock::at("2026-01-01T00:00:00Z".parse().expect("an instant"));
    Desk::new(store, tables, terms, clock, SystemRng::new(), DeskOptions::default())
}

fn ins() -> Ins {
    Ins::parse("277076322082910", InsOid::NirTest, InsTolerance::Strict).expect("an INS")
}

fn caller() -> Caller {
    let actor = Actor {
        role: Role::Professional,
        id: ProfessionalId::parse(ME).ok(),
        profession: Profession { code: "10".into(), speciality: Some("SM26".into()), activity: None },
        name: "TEST".into(),
        structure: StructureId::parse("499900000101001").ok(),
        auth: AuthMode::Directe,
        purpose: Purpose::Normal,
        structure_proven: true,
        secret: false,
        software: Software::default(),
    };
    Caller::new(Credential { actor, patient: Some(ins()) }, Face::Ihe)
}

fn holder() -> NewHolder {
    let traits = Traits {
        family: "TEST".into(),
        given: vec!["A".into()],
        used_family: None,
        birth_date: Dtm::parse("19770701").expect("a date"),
        sex: Sex::F,
        birth_place: None,
    };
    NewHolder { ins: ins(), traits, state: SpaceState::Open }
}

fn cause<T>(result: Result<T, Fault>) -> Option<Cause> {
    result.err().and_then(|f| f.refusals().first().map(|r| r.cause))
}

fn who() -> String {
    ME.to_owned()
}

#[tokio::test]
async fn what_another_process_sets_holds_from_the_next_request_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, there) = (desk(folder.path()).await, desk(folder.path()).await);
    let operator = Caller::operator();
    here.create(&operator, holder()).await.expect("made");
    let find = async || here.find(&caller(), None, &EntryQuery::default()).await;
    let set = async |change| there.set(&operator, Some(&ins()), &change).await.expect("set");
    assert_eq!(cause(find().await), Some(Cause::NotAuthorised));
    set(SettingChange::Authorise { who: who(), is_structure: false }).await;
    assert!(find().await.is_ok(), "an authorisation holds at once, though the refusal before was remembered");
    set(SettingChange::Block { who: who(), is_structure: false }).await;
    assert_eq!(cause(find().await), Some(Cause::Blocked));
    set(SettingChange::Unblock { who: who(), is_structure: false }).await;
    assert_eq!(cause(find().await), Some(Cause::NotAuthorised), "a block replaces the authorisation");
    set(SettingChange::Oppose).await;
    assert_eq!(cause(find().await), Some(Cause::SpaceClosed));
}

#[tokio::test]
async fn refusals_leave_their_trace_with_the_cause_and_an_unknown_holder_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let desk = desk(folder.path()).await;
    assert_eq!(cause(desk.find(&caller(), None, &EntryQuery::default()).await), Some(Cause::UnknownHolder));
    let operator = Caller::operator();
    desk.create(&operator, holder()).await.expect("made");
    assert_eq!(cause(desk.create(&operator, holder()).await), Some(Cause::DuplicateUniqueId));
    let other = Ins::parse("153078987658513", InsOid::NirTest, InsTolerance::Strict).expect("an INS");
    let mismatch = desk.find(&caller(), Some(&other), &EntryQuery::default()).await;
    assert_eq!(cause(mismatch), Some(Cause::PatientMismatch));
    assert_eq!(cause(desk.find(&caller(), None, &EntryQuery::default()).await), Some(Cause::NotAuthorised));
    let trace = desk
        .traces(&operator, Some(&ins()), &store::TraceQuery { limit: 10, ..store::TraceQuery::default() })
        .await
        .expect("read");
    let refused: Vec<_> =
        trace.iter().filter(|(_, e)| matches!(&e.outcome, Outcome::Refused(c) if c == "not_authorised")).collect();
    assert_eq!(refused.len(), 1);
    let report = desk.store.verify(&store::Witness::default()).await.expect("verifies");
    // Made, made again, unknown, mismatch, not authorised, trace read.
    assert_eq!((report.events, report.problems.len()), (6, 0));
}

#[tokio::test]
async fn settings_that_change_under_many_callers_never_let_one_through_after_a_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let desk = Arc::new(desk(folder.path()).await);
    let operator = Caller::operator();
    desk.create(&operator, holder()).await.expect("made");
    let authorise = SettingChange::Authorise { who: who(), is_structure: false };
    desk.set(&operator, Some(&ins()), &authorise).await.expect("set");
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let desk = desk.clone();
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for _ in 0..50 {
                    answers.push(cause(desk.find(&caller(), None, &EntryQuery::default()).await));
                }
                answers
            })
        })
        .collect();
    let block = SettingChange::Block { who: who(), is_structure: false };
    desk.set(&operator, Some(&ins()), &block).await.expect("set");
    assert_eq!(cause(desk.find(&caller(), None, &EntryQuery::default()).await), Some(Cause::Blocked));
    for task in callers {
        let answers = task.await.expect("ends");
        let first = answers.iter().position(|a| *a == Some(Cause::Blocked)).unwrap_or(answers.len());
        assert!(
            answers[..first].iter().all(Option::is_none) && answers[first..].iter().all(|a| *a == Some(Cause::Blocked))
        );
    }
    // In the trace, nothing done by the caller comes after the block.
    let trace = desk
        .traces(&operator, Some(&ins()), &store::TraceQuery { limit: 1000, ..store::TraceQuery::default() })
        .await
        .expect("read");
    let block_at = trace.iter().position(|(_, e)| e.act == space::trace::Act::Block).expect("a block");
    assert!(trace[..block_at].iter().filter(|(_, e)| e.face == "ihe").all(|(_, e)| e.outcome != Outcome::Done));
}
