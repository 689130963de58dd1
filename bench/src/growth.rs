//! How latency grows with the store: filled to one size after another, and asked at a fixed rate all over it.

use std::{path::Path, sync::Arc, time::Instant};

use serde_json::{Value, json};
use testkit::{Client, Credentials, Gateway, GatewayOptions, TestDocument, client, soap};

use crate::{
    Arguments,
    fill::{Filling, PER_SPACE, ins, unique_id},
    load::{self, Plan, Worker},
    scenario::{contains, random_text, retrieve_body},
};

/// Holders that are asked about, spread over the whole store.
const ASKED: u64 = 500;
/// Requests a second: well below what one process takes, so that what is seen is the store and not a queue.
const RATE: u64 = 100;

/// Documents of the space that holds many, and which holder that is.
const CROWD: u64 = 1_000;
const CROWDED: u64 = 900_000_000;

/// Somebody asked about.
struct Asked {
    n: u64,
    ins: String,
    vihf: String,
}

struct Asks {
    client: Client,
    about: Arc<Vec<Asked>>,
    what: What,
}

#[derive(Clone)]
enum What {
    Deposit(Arc<Vec<u8>>),
    Find,
    Fetch,
}

impl Worker for Asks {
    async fn request(&mut self, n: u64) -> bool {
        const SUCCESS: &[u8] = b"ResponseStatusType:Success";
        // Not one after another: the next is far away in the store.
        let about = &self.about[usize::try_from(n * 7919).unwrap_or(0) % self.about.len()];
        let kind = [("content-type", "application/soap+xml; charset=UTF-8")];
        let reply = match &self.what {
            What::Deposit(body) => {
                let document = TestDocument::of(body.to_vec(), "11502-2", "10");
                soap::Deposit::one(&about.ins, document).send(&mut self.client, &about.vihf).await
            }
            What::Find => {
                let kind_asked = soap::query_slot("$XDSDocumentEntryTypeCode", "('11369-6^^2.16.840.1.113883.6.1')");
                let body = soap::find_documents(&about.ins, soap::APPROVED, &kind_asked);
                let message = soap::envelope("urn:ihe:iti:2007:RegistryStoredQuery", &about.vihf, &body);
                let reply = self.client.post(soap::REGISTRY, &kind, message).await;
                if reply.body.len() < 2_000 {
                    return false;
                }
                reply
            }
            What::Fetch => {
                let body = retrieve_body(&unique_id(about.n, 3 + n % 10));
                let message = soap::envelope("urn:ihe:iti:2007:RetrieveDocumentSet", &about.vihf, &body);
                self.client.post(soap::REPOSITORY, &kind, message).await
            }
        };
        contains(&reply.body, SUCCESS)
    }
}

/// Fills to each size in turn and measures there; a line for each scenario at each size.
pub(crate) async fn run(arguments: &Arguments, mut say: impl FnMut(Value)) {
    let server = arguments.postgres.then(crate::scenario::database);
    let mut options = GatewayOptions::default();
    if let Some((_, url)) = &server {
        options = options.with("STORE__URL", url);
    }
    // What is asked about must not be scrubbed into memory meanwhile.
    options = options.with("STORE__SCRUB_MIB_PER_S", "0");
    let last = arguments.documents.last().copied().unwrap_or_default();
    let mut gateway = match &arguments.filled {
        Some(folder) => Gateway::on(folder, options),
        None => Gateway::with(options),
    };
    let url = server.as_ref().map(|(_, url)| url.clone());
    let data = gateway.data().to_owned();
    let mut holders = 0;
    // The same holders for all sizes would be the oldest corner of the last: each size has its own, all over it.
    let sample = (last / PER_SPACE / ASKED / 20).max(1);
    for size in arguments.documents.iter().filter(|size| arguments.filled.is_none() || **size == last) {
        let wanted = size / PER_SPACE;
        if arguments.filled.is_some() {
            holders = wanted;
        }
        gateway.terminate();
        let began = Instant::now();
        let filling = Arc::new(Filling::open(&data, url.as_deref()).await);
        filling.fill(holders, wanted, sample, "899900000101").await;
        filling.crowd(CROWDED + size, CROWD, "899900000101").await;
        filling.close().await;
        drop(filling);
        let seconds = began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = ((wanted - holders) * PER_SPACE) as f64 / seconds.max(0.001);
        let bytes = crate::scenario::disk(&data);
        say(json!({ "scenario": "fill", "documents": size, "per_second": rate.round(), "bytes": bytes }));
        holders = wanted;
        gateway.restart();
        let about = Arc::new(asked(&data.join("pki"), holders, sample));
        let body = Arc::new(random_text(10_000));
        for (name, what) in [("find", What::Find), ("fetch", What::Fetch), ("deposit 10 kB", What::Deposit(body))] {
            let config = client::tls(&data.join("pki"), Some("medecin"));
            let plan = Plan { seconds: arguments.seconds, rate: RATE, connections: arguments.connections };
            let make = |_| Asks {
                client: Client::with_config(&gateway.pro, config.clone()),
                about: about.clone(),
                what: what.clone(),
            };
            // Once unmeasured: statements are prepared, what is asked about is met.
            let warm = Plan { seconds: 3, ..plan };
            let _ = load::run(name, warm, &[gateway.pid()], make).await;
            let mut line = load::run(name, plan, &[gateway.pid()], make).await;
            line["documents"] = json!(size);
            line["store"] = json!(if arguments.postgres { "postgres" } else { "sqlite" });
            say(line);
        }
        let mut line = crowded(&gateway, arguments, CROWDED + size).await;
        line["documents"] = json!(size);
        line["store"] = json!(if arguments.postgres { "postgres" } else { "sqlite" });
        say(line);
    }
}

/// FindDocuments on the one space that holds a thousand documents, as many as go: ten are of the kind that is asked for.
async fn crowded(gateway: &Gateway, arguments: &Arguments, n: u64) -> Value {
    let pki = gateway.data().join("pki");
    let number = ins(n).matricule().to_owned();
    let vihf = Credentials::of(&pki, "medecin", &number).vihf();
    let about = Arc::new(vec![Asked { n, ins: number, vihf }]);
    let config = client::tls(&pki, Some("medecin"));
    let plan = Plan { seconds: arguments.seconds, rate: arguments.rate, connections: arguments.connections };
    let make =
        |_| Asks { client: Client::with_config(&gateway.pro, config.clone()), about: about.clone(), what: What::Find };
    let _ = load::run("find", Plan { seconds: 3, ..plan }, &[gateway.pid()], make).await;
    load::run("find in 1,000 documents (10 found)", plan, &[gateway.pid()], make).await
}

/// Holders that may be read, spread over all.
fn asked(pki: &Path, holders: u64, sample: u64) -> Vec<Asked> {
    let readable = holders / sample;
    let step = (readable / ASKED).max(1);
    (0..readable)
        .step_by(usize::try_from(step).unwrap_or(1))
        .take(usize::try_from(ASKED).unwrap_or(500))
        .map(|k| {
            let n = k * sample;
            let number = ins(n).matricule().to_owned();
            Asked { n, vihf: Credentials::of(pki, "medecin", &number).vihf(), ins: number }
        })
        .collect()
}
