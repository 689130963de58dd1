//! `kill -9` at any moment: what was acknowledged is there with its bytes and its trace, nothing is half there.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use testkit::{
    Client, Gateway, TestDocument,
    client::{full, request},
    soap::{self, Deposit},
};

use crate::support::{Caller, SUCCESS, stored};

/// Callers that deposit at once.
const CALLERS: usize = 4;

/// Documents acknowledged: uniqueId and bytes.
type Acknowledged = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Deposits until the connection breaks; gives back what was sent last and not acknowledged.
async fn feed(
    address: String,
    pki: PathBuf,
    who: (String, String),
    acknowledged: Acknowledged,
    mut again: Option<Deposit>,
    seed: usize,
) -> Option<Deposit> {
    let (ins, vihf) = who;
    let mut client = Client::new(&address, &pki, "medecin");
    for n in seed.. {
        // Small ones stand in the database, the larger in files.
        let length = [2_000, 90_000, 700, 33_000][n % 4];
        let fresh = || {
            let body = crate::iti41::noise(length + n % 97);
            Deposit::one(&ins, TestDocument::of(body, "11502-2", "10"))
        };
        let deposit = again.take().unwrap_or_else(fresh);
        let (content_type, message) = deposit.message(&vihf);
        let message = request("POST", soap::REPOSITORY, &[("content-type", &content_type)], full(message));
        match client.send(message).await {
            Ok(reply) if reply.status == 200 => {
                assert!(reply.text().contains(SUCCESS), "{}", reply.text());
                let document = &deposit.documents[0];
                let mut acknowledged = acknowledged.lock().expect("no test thread panicked");
                acknowledged.push((document.unique_id.clone(), document.body.clone()));
            }
            // Killed meanwhile; or told that nothing was done, which is no acknowledgement.
            Ok(reply) if reply.status != 503 => panic!("{}: {}", reply.status, reply.text()),
            _ => return Some(deposit),
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_gateway_is_killed_under_load() {
    let rounds = std::env::var("PASSERELLE_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let mut gateway = Gateway::start();
    let pki = gateway.data().join("pki");
    let acknowledged = Acknowledged::default();
    let mut again: Vec<Option<Deposit>> = vec![None; CALLERS];
    for round in 0..rounds {
        let caller = Caller::of(&gateway, "medecin", round % 4);
        let tasks: Vec<_> = again
            .drain(..)
            .enumerate()
            .map(|(n, again)| {
                // What was sent to another holder's space is sent there again.
                let who = match &again {
                    Some(deposit) if deposit.ins != caller.ins => {
                        let holder = (0..4).find(|h| gateway.ins(*h) == deposit.ins).expect("one of the four");
                        Caller::of(&gateway, "medecin", holder)
                    }
                    _ => Caller::of(&gateway, "medecin", round % 4),
                };
                let who = (who.ins, who.vihf);
                tokio::spawn(feed(gateway.pro.clone(), pki.clone(), who, acknowledged.clone(), again, n + round))
            })
            .collect();
        // Moments spread over handshake, first deposits and full load.
        tokio::time::sleep(Duration::from_millis(30 + (round as u64 * 37) % 290)).await;
        gateway.kill();
        for task in tasks {
            again.push(task.await.expect("a caller ends when its connection breaks"));
        }
        gateway.restart();
    }
    let acknowledged = std::mem::take(&mut *acknowledged.lock().expect("no test thread panicked"));
    assert!(acknowledged.len() >= rounds, "{} documents in {rounds} rounds are no load", acknowledged.len());
    prove(&gateway, &acknowledged).await;
}

async fn prove(gateway: &Gateway, acknowledged: &[(String, Vec<u8>)]) {
    assert!(stored(gateway) >= acknowledged.len() as u64);
    let mut traced = HashSet::new();
    for holder in 0..4 {
        for event in gateway.trace(gateway.ins(holder)) {
            if event["act"] == "deposit" && event["outcome"] == "done" {
                let documents = event["documents"].as_array().expect("a list");
                traced.extend(documents.iter().filter_map(|d| d.as_str().map(|d| (holder, d.to_owned()))));
            }
        }
    }
    let mut callers: Vec<_> = (0..4).map(|holder| Caller::of(gateway, "medecin", holder)).collect();
    for (unique_id, bytes) in acknowledged {
        let holder = (0..4).find(|h| traced.contains(&(*h, unique_id.clone())));
        let holder = holder.unwrap_or_else(|| panic!("{unique_id} has no trace"));
        let got = callers[holder].bytes(unique_id).await;
        assert!(got == bytes.as_slice(), "{unique_id} came back with other bytes");
    }
}
