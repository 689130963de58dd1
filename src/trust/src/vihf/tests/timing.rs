//! Prints how long a VIHF takes to verify, the first time and afterwards. Asserts nothing about time.

use std::time::Instant;

use super::*;

#[test]
#[expect(clippy::print_stderr, reason = "figures for whoever runs it")]
fn figures() {
    let world = World::new();
    for name in ["medecin", "medecin-ec"] {
        let (verifier, peer) = (verifier(&world), world.peer(name));
        let texts: Vec<String> = (0..200).map(|_| envelope(&signed(&world.request(name)))).collect();
        let docs: Vec<_> = texts.iter().map(|t| uppsala::parse(t).expect("well-formed")).collect();
        let run = || {
            let start = Instant::now();
            for doc in &docs {
                verifier.verify(doc, first_assertion(doc), &peer).expect("accepted");
            }
            start.elapsed() / docs.len() as u32
        };
        let (cold, cached) = (run(), run());
        eprintln!("VIHF of {} bytes, {name}: cold {cold:?}, cached {cached:?}", texts[0].len());
    }
}
