//! Decisions alone: one on a document, and a listing of 10,000 entries filtered.

use std::{hint::black_box, sync::Arc, time::Instant};

use access::{AccessPolicy, EntryFacts, Operation, Owner, Tables};
use serde_json::{Value, json};
use space::{
    Actor, AuthMode, Authorisation, AvailabilityStatus, EmergencyConsents, Profession, ProfessionalId, Purpose, Role,
    Settings, Software, SpaceId, SpaceState, StructureId, Visibility, settings::AuthorisationKind,
};
use terminology::Mappings;

const ROUNDS: u32 = 1_000_000;
const LISTING: usize = 10_000;

pub(crate) fn run() -> Value {
    let tables = Tables::load(&Mappings::built_in(), AccessPolicy::default()).expect("the tables load");
    let actor = Arc::new(Actor {
        role: Role::Professional,
        id: ProfessionalId::parse("899900000101").ok(),
        profession: Profession { code: "60".into(), speciality: None, activity: None },
        name: "BENCH".into(),
        structure: StructureId::parse("499900000101001").ok(),
        auth: AuthMode::Directe,
        purpose: Purpose::Normal,
        structure_proven: true,
        secret: false,
        software: Software::default(),
    });
    // Ten professionals authorised, ours last.
    let authorisation = |n: u32| Authorisation {
        grantee: format!("8999000002{n:02}"),
        is_structure: false,
        kind: AuthorisationKind::Given,
        since_ms: 0,
    };
    let mut authorisations: Vec<_> = (0..9).map(authorisation).collect();
    authorisations.push(Authorisation { grantee: "899900000101".into(), ..authorisation(0) });
    let settings = Settings {
        revision: 1,
        state: SpaceState::Open,
        merged_into: None,
        emergency: EmergencyConsents::default(),
        authorisations,
        feeding_opposed: false,
        medecins_traitants: Vec::new(),
    };
    let kinds: Vec<_> = tables.matrix().kinds().map(|(_, kind)| kind).collect();
    let facts: Vec<EntryFacts> = (0..LISTING)
        .map(|n| EntryFacts {
            kind: kinds[n % kinds.len()],
            status: AvailabilityStatus::Approved,
            visibility: Visibility { masked: n % 17 == 0, ..Visibility::default() },
            owners: vec![Owner::Person(format!("8999000003{:02}", n % 90)), Owner::Structure("10B0999991".into())],
        })
        .collect();
    let space = SpaceId(uuid::Uuid::nil());
    let began = Instant::now();
    let mut allowed = 0u32;
    for n in 0..ROUNDS {
        let entry = &facts[n as usize % LISTING];
        let answer = tables.decide_entry(black_box(&actor), Operation::Fetch, space, entry, &settings);
        allowed += u32::from(answer.is_ok());
    }
    let one = began.elapsed() / ROUNDS;
    let began = Instant::now();
    let grant = tables.read_grant(&actor, &settings).expect("may enter");
    let shown = facts.iter().filter(|f| grant.allows(black_box(f), tables.matrix()).is_ok()).count();
    let listing = began.elapsed();
    json!({
        "scenario": "decide", "one_decision_ns": one.as_nanos(), "allowed_of_million": allowed,
        "listing_entries": LISTING, "listing_shown": shown, "listing_us": listing.as_micros(),
    })
}
