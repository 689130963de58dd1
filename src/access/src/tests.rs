//! The tables cell by cell, and the invariants over generated cases.

use std::sync::Arc;

use proptest::prelude::*;
use space::{
    Actor, AuthMode, Authorisation, AvailabilityStatus, Cause, EmergencyConsents, Oid, Profession, ProfessionalId,
    Purpose, Role, Settings, SpaceId, SpaceState, StructureId, Visibility, actor::Software,
    settings::AuthorisationKind,
};
use terminology::Mappings;

use crate::{
    AccessPolicy, Action, Column, Consumer, Domain, EntryFacts, Operation, Owner, Right, Rule, Tables,
    matrix::KindIndex,
};

const ME: &str = "899900000011";
const MY_STRUCTURE: &str = "499900000011001";

fn tables(policy: AccessPolicy) -> Tables {
    Tables::load(&Mappings::built_in(), policy).expect("the tables load")
}

fn actor(role: Role, auth: AuthMode, profession: &str, speciality: Option<&str>, purpose: Purpose) -> Arc<Actor> {
    Arc::new(Actor {
        role,
        id: Some(ProfessionalId::parse(ME).expect("id")),
        profession: Profession { code: profession.into(), speciality: speciality.map(str::to_owned), activity: None },
        name: "TEST".into(),
        structure: Some(StructureId::parse(MY_STRUCTURE).expect("structure")),
        auth,
        purpose,
        structure_proven: true,
        secret: false,
        software: Software::default(),
    })
}

fn settings() -> Settings {
    Settings {
        revision: 1,
        state: SpaceState::Open,
        merged_into: None,
        emergency: EmergencyConsents { centre15: true, bris_de_glace: true, masked: true },
        authorisations: vec![standing(ME, false, AuthorisationKind::Given)],
        feeding_opposed: false,
        medecins_traitants: vec![],
    }
}

fn standing(grantee: &str, is_structure: bool, kind: AuthorisationKind) -> Authorisation {
    Authorisation { grantee: grantee.into(), is_structure, kind, since_ms: 0 }
}

fn space() -> SpaceId {
    SpaceId(uuid::Uuid::nil())
}

fn bris() -> Purpose {
    Purpose::BrisDeGlace { reason: Some("inconscient".into()) }
}

fn facts(kind: KindIndex) -> EntryFacts {
    EntryFacts {
        kind,
        status: AvailabilityStatus::Approved,
        visibility: Visibility::default(),
        owners: vec![Owner::Person("899900000999".into()), Owner::Structure("10B0000999".into())],
    }
}

fn physician() -> Arc<Actor> {
    actor(Role::Professional, AuthMode::Directe, "10", Some("SM26"), Purpose::Normal)
}

/// An actor that stands in `column`, and settings under which it does.
fn in_column(column: Column) -> (Arc<Actor>, Settings) {
    use AuthMode::{Directe, Indirecte, IndirecteRenforcee as Air};
    use Column as C;
    use Purpose::{Centre15, Normal};
    use Role::{Agent, Professional, Structure};
    let (role, auth, profession, speciality, purpose, mt) = match column {
        C::CpsOtherNormal => (Professional, Directe, "60", None, Normal, false),
        C::CpsOtherRegulation => (Professional, Directe, "60", None, Centre15, false),
        C::CpsOtherBris => (Professional, Directe, "60", None, bris(), false),
        C::CpsPhysicianNormal => (Professional, Directe, "10", Some("SM26"), Normal, false),
        C::CpsPhysicianRegulation => (Professional, Directe, "10", Some("SM26"), Centre15, false),
        C::CpsPhysicianBris => (Professional, Directe, "10", Some("SM26"), bris(), false),
        C::CpsOccupational => (Professional, Directe, "10", Some("SM25"), Normal, false),
        C::CpsMtNormal => (Professional, Directe, "10", Some("SM26"), Normal, true),
        C::CpsMtBris => (Professional, Directe, "10", Some("SM26"), bris(), true),
        C::Cpe => (Agent, Directe, "", None, Normal, false),
        C::StructureNormal => (Structure, Indirecte, "10", Some("SM26"), Normal, false),
        C::StructureRegulation => (Structure, Indirecte, "10", Some("SM26"), Centre15, false),
        C::AirOtherNormal => (Professional, Air, "60", None, Normal, false),
        C::AirOtherRegulation => (Professional, Air, "60", None, Centre15, false),
        C::AirOtherBris => (Professional, Air, "60", None, bris(), false),
        C::AirPhysicianNormal => (Professional, Air, "10", Some("SM26"), Normal, false),
        C::AirPhysicianRegulation => (Professional, Air, "10", Some("SM26"), Centre15, false),
        C::AirPhysicianBris => (Professional, Air, "10", Some("SM26"), bris(), false),
        C::AirMtNormal => (Professional, Air, "10", Some("SM26"), Normal, true),
        C::AirMtBris => (Professional, Air, "10", Some("SM26"), bris(), true),
        C::AirAgent => (Agent, Air, "", None, Normal, false),
    };
    let mut settings = settings();
    if mt {
        settings.medecins_traitants.push(ME.into());
    }
    (actor(role, auth, profession, speciality, purpose), settings)
}

#[test]
fn every_cell_of_the_functional_rights_decides_what_it_says() {
    let open = AccessPolicy { mt_reads_masked: true, read_deleted: true, ..AccessPolicy::default() };
    let t = tables(open);
    let kind = t.matrix().kind("11502-2", "2.16.840.1.113883.6.1");
    for &column in Column::ALL {
        let (who, settings) = in_column(column);
        let agent = who.role == Role::Agent;
        for &action in Action::ALL {
            let right = t.rights().right(action, Some(column));
            let granted = right != Right::No;
            let whole = |op| t.decide(&who, op, space(), &settings).is_ok();
            let entry = |change: &dyn Fn(&mut EntryFacts), op| {
                let mut f = facts(kind);
                change(&mut f);
                t.decide_entry(&who, op, space(), &f, &settings).is_ok()
            };
            let answer = match action {
                Action::Feed if !agent => whole(Operation::Deposit),
                Action::FeedCpe if agent => whole(Operation::Deposit),
                Action::FindMetadata => whole(Operation::Find),
                Action::FindReference => whole(Operation::FindReference),
                Action::ExistenceTest => whole(Operation::Identify),
                Action::Read => entry(&|_| (), Operation::Fetch),
                Action::ReadHidden => entry(&|f| f.visibility.hidden_from_holder = true, Operation::Fetch),
                Action::ReadArchived => entry(&|f| f.status = AvailabilityStatus::Archived, Operation::Fetch),
                Action::ReadObsolete => entry(&|f| f.status = AvailabilityStatus::Deprecated, Operation::Fetch),
                Action::ReadDeleted => entry(&|f| f.status = AvailabilityStatus::Deleted, Operation::Fetch),
                Action::ReadMasked => {
                    let others = entry(&|f| f.visibility.masked = true, Operation::Fetch);
                    assert_eq!(others, matches!(right, Right::Yes) || right == Right::Under(crate::Condition(7)));
                    entry(
                        &|f| {
                            f.visibility.masked = true;
                            f.owners.push(Owner::Person(ME.into()));
                        },
                        Operation::Fetch,
                    )
                }
                Action::Mask
                | Action::Unmask
                | Action::MakeVisible
                | Action::Archive
                | Action::Unarchive
                | Action::Delete => {
                    let op = Operation::Change(action);
                    let own_only = matches!(right, Right::Under(c) if c.own_only());
                    assert_eq!(entry(&|_| (), op), granted && !own_only, "{action:?} {column:?}, another's document");
                    entry(&|f| f.owners.extend([Owner::Person(ME.into()), Owner::Structure(MY_STRUCTURE.into())]), op)
                }
                _ => continue,
            };
            assert_eq!(answer, granted, "{action:?} by {column:?}");
        }
    }
}

#[test]
fn every_cell_of_the_matrix_decides_what_it_says() {
    let t = tables(AccessPolicy::default());
    let professions: &[(&str, Option<&str>, Option<&str>, &str)] = &[
        ("10", Some("SM26"), None, "P01"),
        ("21", Some("G"), None, "P02"),
        ("21", Some("D"), None, "P03"),
        ("99", Some("316"), None, "P03"),
        ("40", None, None, "P04"),
        ("50", None, None, "P05"),
        ("60", None, None, "P06"),
        ("69", None, None, "P06"),
        ("70", None, None, "P07"),
        ("80", None, None, "P08"),
        ("91", None, None, "P09"),
        ("94", None, None, "P10"),
        ("26", None, None, "P11"),
        ("28", None, None, "P12"),
        ("98", None, None, "P13"),
        ("99", None, Some("GENR08"), "P14"),
        ("41", None, None, "P15"),
        ("99", None, Some("GENR09"), "P16"),
        ("99", None, Some("GENR10"), "P17"),
        ("99", None, Some("GENR11"), "P18"),
        ("99", None, Some("GENR12"), "P19"),
    ];
    let table = Mappings::built_in().table("matrice-habilitation.tsv").expect("table");
    let mut cells = 0;
    for (_, row) in table.rows() {
        let kind = t.matrix().kind(&row[0], "");
        for (profession, speciality, activity, column) in professions {
            let mut who =
                (*actor(Role::Professional, AuthMode::Directe, profession, *speciality, Purpose::Normal)).clone();
            who.profession.activity = activity.map(str::to_owned);
            let expected = row[table.column(column).expect("column")] == "L";
            let got = t.decide_entry(&Arc::new(who), Operation::Fetch, space(), &facts(kind), &settings());
            assert_eq!(got.is_ok(), expected, "{} by {profession} ({column})", row[0]);
            cells += 1;
        }
    }
    assert_eq!(cells, 109 * professions.len());
}

#[test]
fn professions_without_a_column_read_nothing_but_their_own() {
    let t = tables(AccessPolicy::default());
    let kind = t.matrix().kind("11502-2", "");
    for code in ["35", "36", "37", "32", "31", "86", "93"] {
        let who = actor(Role::Professional, AuthMode::Directe, code, None, Purpose::Normal);
        let refused = t.decide_entry(&who, Operation::Fetch, space(), &facts(kind), &settings());
        assert_eq!(refused.map(|_| ()).map_err(|r| r.cause), Err(Cause::ProfessionExcluded), "{code}");
        let mut mine = facts(kind);
        mine.owners.push(Owner::Person(ME.into()));
        assert!(t.decide_entry(&who, Operation::Fetch, space(), &mine, &settings()).is_ok());
    }
}

#[test]
fn consent_comes_from_the_holder_the_team_or_the_medecin_traitant() {
    let t = tables(AccessPolicy::default());
    let who = physician();
    let rule = |s: &Settings| t.decide(&who, Operation::Find, space(), s).map(|p| p.rule()).ok();
    let mut s = settings();
    assert_eq!(rule(&s), Some(Rule::Authorised));
    s.authorisations.clear();
    assert_eq!(t.read_grant(&who, &s).expect("enters").refuses_listing(), Some(Cause::NotAuthorised));
    s.authorisations.push(standing(MY_STRUCTURE, true, AuthorisationKind::Given));
    assert_eq!(rule(&s), Some(Rule::TeamAuthorised));
    s.authorisations = vec![];
    s.medecins_traitants.push(ME.into());
    assert_eq!(rule(&s), Some(Rule::MedecinTraitant));
    let strict = tables(AccessPolicy { team_of_structure: false, ..AccessPolicy::default() });
    s.medecins_traitants.clear();
    s.authorisations.push(standing(MY_STRUCTURE, true, AuthorisationKind::Given));
    assert_eq!(strict.read_grant(&who, &s).expect("enters").refuses_listing(), Some(Cause::NotAuthorised));
}

#[test]
fn emergencies_need_the_holders_consent_and_break_glass_a_reason() {
    let t = tables(AccessPolicy::default());
    let kind = t.matrix().kind("11502-2", "");
    let mut s = settings();
    s.authorisations.clear();
    let fetch = |purpose: Purpose, s: &Settings| {
        let who = actor(Role::Professional, AuthMode::Directe, "10", Some("SM26"), purpose);
        t.decide_entry(&who, Operation::Fetch, space(), &facts(kind), s).map(|p| p.rule()).map_err(|r| r.cause)
    };
    assert_eq!(fetch(bris(), &s), Ok(Rule::BrisDeGlace));
    assert_eq!(fetch(Purpose::Centre15, &s), Ok(Rule::Centre15));
    for blank in [None, Some(String::new()), Some("  ".into())] {
        assert_eq!(fetch(Purpose::BrisDeGlace { reason: blank }, &s), Err(Cause::ReasonRequired));
    }
    s.emergency = EmergencyConsents { centre15: false, bris_de_glace: true, masked: true };
    assert_eq!(fetch(Purpose::Centre15, &s), Err(Cause::EmergencyOpposed));
    assert_eq!(fetch(bris(), &s), Ok(Rule::BrisDeGlace));
    s.emergency = EmergencyConsents { centre15: true, bris_de_glace: false, masked: true };
    assert_eq!(fetch(bris(), &s), Err(Cause::EmergencyOpposed));
}

#[test]
fn spaces_that_are_not_open_answer_nobody() {
    let t = tables(AccessPolicy::default());
    for (state, cause) in [
        (SpaceState::Noticed, Cause::SpaceNotOpen),
        (SpaceState::Opposed, Cause::SpaceClosed),
        (SpaceState::Closed, Cause::SpaceClosed),
        (SpaceState::Merged, Cause::SpaceClosed),
    ] {
        let s = Settings { state, ..settings() };
        for op in [
            Operation::Deposit,
            Operation::Find,
            Operation::FindReference,
            Operation::LinkNumber,
            Operation::CrossReference,
            Operation::Merge,
        ] {
            assert_eq!(t.decide(&physician(), op, space(), &s).map(|_| ()).map_err(|r| r.cause), Err(cause));
        }
    }
}

fn domain(oid: &str, structure: &str, shared: bool) -> Domain {
    let structure = StructureId::parse(structure).expect("a structure");
    Domain { oid: Oid::parse(oid).expect("an OID"), structure, name: String::new(), shared }
}

#[test]
fn a_domain_is_fed_by_its_structure_and_told_of_to_others_only_when_shared() {
    let other = "10B0999992";
    let domains =
        vec![domain("1.2.1", MY_STRUCTURE, false), domain("1.2.2", other, false), domain("1.2.3", other, true)];
    let t = tables(AccessPolicy::default()).with_domains(domains);
    let (mine, claimed) = (physician(), Arc::new(Actor { structure_proven: false, ..(*physician()).clone() }));
    let oid = |text: &str| Oid::parse(text).expect("an OID");
    let feeds = |actor: &Actor, text: &str| t.source_of(actor, &oid(text)).map(drop).map_err(|r| r.cause);
    assert_eq!(feeds(&mine, "1.2.1"), Ok(()));
    assert_eq!(feeds(&claimed, "1.2.1"), Err(Cause::ForeignDomain), "a structure that is merely claimed");
    assert_eq!(feeds(&mine, "1.2.2"), Err(Cause::ForeignDomain));
    assert_eq!(feeds(&mine, "1.2.3"), Err(Cause::ForeignDomain), "shared is told, not fed");
    assert_eq!(feeds(&mine, "1.2.4"), Err(Cause::UnknownDomain));
    let told = |actor: &Actor| {
        ["1.2.1", "1.2.2", "1.2.3", "1.2.4", "1.2.250.1.213.1.4.8"].map(|o| t.may_be_told(actor, &oid(o)))
    };
    assert_eq!(told(&mine), [true, false, true, false, true]);
    assert_eq!(told(&claimed), [false, false, true, false, true]);
}

#[test]
fn a_consumer_is_told_what_its_structure_could_ask_for_and_nothing_when_blocked() {
    let other = "10B0999992";
    let domains = vec![domain("1.2.1", MY_STRUCTURE, false), domain("1.2.2", other, false)];
    let t = tables(AccessPolicy::default()).with_domains(domains);
    let oid = |text: &str| Oid::parse(text).expect("an OID");
    let structure = StructureId::parse(MY_STRUCTURE).expect("a structure");
    let consumer = Consumer { name: "dpi".into(), structure, domains: vec![oid("1.2.1"), oid("1.2.2")] };
    let told = ["1.2.1", "1.2.2", "1.2.250.1.213.1.4.8"].map(|o| t.tells_consumer(&consumer, &oid(o)));
    assert_eq!(told, [true, false, false], "its own, not another's, and no register that it does not follow");
    let operator = Arc::new(Actor::operator("job"));
    let decide =
        |s: &Settings| t.decide_notice(&operator, &consumer, space(), s).map(|p| p.operation()).map_err(|r| r.cause);
    assert_eq!(decide(&settings()), Ok(Operation::Notify));
    let mut blocked = settings();
    blocked.authorisations.push(standing(MY_STRUCTURE, true, AuthorisationKind::Blocked));
    assert_eq!(decide(&blocked), Err(Cause::Blocked));
    assert_eq!(decide(&Settings { state: SpaceState::Noticed, ..settings() }), Err(Cause::SpaceClosed));
    for operation in [Operation::Notify, Operation::Merge, Operation::LinkNumber] {
        let denied = t.decide(&operator, operation, space(), &settings());
        assert_eq!(denied.map(drop).map_err(|r| r.cause), Err(Cause::FunctionDenied), "{operation:?}");
    }
}

#[test]
fn the_operator_sets_only_where_the_configuration_says_development() {
    let operator = Arc::new(Actor::operator("cli"));
    let set = |policy| tables(policy).decide(&operator, Operation::Set, space(), &settings()).is_ok();
    assert!(!set(AccessPolicy::default()));
    assert!(set(AccessPolicy { operator_may_set: true, ..AccessPolicy::default() }));
    let t = tables(AccessPolicy::default());
    assert!(t.decide(&operator, Operation::Find, space(), &settings()).is_err());
}

fn any_facts() -> impl Strategy<Value = EntryFacts> {
    let kinds = ["11502-2", "EXPPAT_3", "PRESC-AAT", "unknown", "57833-6", "11526-1"];
    (0..kinds.len(), 0..4usize, any::<(bool, bool, bool)>(), any::<(bool, bool, bool)>()).prop_map(
        move |(kind, status, (masked, holder, representatives), (mine, structures, patients))| {
            let t = Mappings::built_in();
            let matrix = crate::Matrix::load(&t).expect("matrix");
            let mut owners = vec![Owner::Person("899900000999".into())];
            if mine {
                owners.push(Owner::Person(ME.into()));
            }
            if structures {
                owners.push(Owner::Structure(MY_STRUCTURE.into()));
            }
            if patients {
                owners.push(Owner::Holder);
            }
            EntryFacts {
                kind: matrix.kind(kinds[kind], ""),
                status: AvailabilityStatus::ALL[status],
                visibility: Visibility {
                    masked,
                    hidden_from_holder: holder,
                    hidden_from_representatives: representatives,
                },
                owners,
            }
        },
    )
}

fn any_case() -> impl Strategy<Value = (Arc<Actor>, Settings)> {
    (0..Column::ALL.len(), any::<(bool, bool, bool, bool)>(), 0..4usize).prop_map(
        |(column, (c15, bdg, masked, given), state)| {
            let (who, mut s) = in_column(Column::ALL[column]);
            s.emergency = EmergencyConsents { centre15: c15, bris_de_glace: bdg, masked };
            if !given {
                s.authorisations.clear();
            }
            s.state = [SpaceState::Open, SpaceState::Open, SpaceState::Noticed, SpaceState::Closed][state];
            (who, s)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Masking, hiding, deleting or withdrawing never opens anything.
    #[test]
    fn reading_is_monotone_in_what_hides((who, s) in any_case(), f in any_facts(), open in any::<bool>()) {
        let policy = AccessPolicy { mt_reads_masked: open, depositor_reads_in_any_mode: open, ..AccessPolicy::default() };
        let t = tables(policy);
        let reads = |f: &EntryFacts, s: &Settings| t.decide_entry(&who, Operation::Fetch, space(), f, s).is_ok();
        if !reads(&f, &s) {
            let mut hidden = f.clone();
            hidden.visibility.masked = true;
            prop_assert!(!reads(&hidden, &s));
            hidden.visibility.hidden_from_holder = true;
            hidden.visibility.hidden_from_representatives = true;
            prop_assert!(!reads(&hidden, &s));
            hidden.status = AvailabilityStatus::Deleted;
            prop_assert!(!reads(&hidden, &s));
            let mut withdrawn = s.clone();
            withdrawn.authorisations.clear();
            withdrawn.emergency = EmergencyConsents { centre15: false, bris_de_glace: false, masked: false };
            prop_assert!(!reads(&f, &withdrawn));
        }
    }

    /// A block closes everything, in every mode.
    #[test]
    fn a_block_closes_everything((who, mut s) in any_case(), f in any_facts()) {
        let t = tables(AccessPolicy::default());
        s.authorisations.push(standing(ME, false, AuthorisationKind::Blocked));
        for op in [Operation::Deposit, Operation::Find, Operation::FindReference, Operation::Fetch, Operation::ReadTrace] {
            prop_assert!(t.decide(&who, op, space(), &s).is_err());
        }
        prop_assert!(t.decide_entry(&who, Operation::Fetch, space(), &f, &s).is_err());
    }

    /// What a listing shows is exactly what a fetch gives.
    #[test]
    fn a_listing_shows_exactly_what_a_fetch_gives((who, s) in any_case(), f in any_facts()) {
        let t = tables(AccessPolicy::default());
        let listed = t.read_grant(&who, &s).is_ok_and(|g| g.allows(&f, t.matrix()).is_ok());
        let fetched = t.decide_entry(&who, Operation::Fetch, space(), &f, &s).is_ok();
        prop_assert_eq!(listed, fetched);
    }
}
