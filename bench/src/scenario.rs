//! The scenarios of the issue that asked for them: deposit 10 kB, find in a space of 200 documents, fetch 100 kB, refused
//! access.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use testkit::{Client, Credentials, Gateway, GatewayOptions, TestDocument, client, soap};

use crate::{
    Arguments,
    load::{self, Plan, Worker},
};

/// Documents in the space that is searched.
const SPACE: usize = 200;
/// A kind of document (and its class) that stands once in that space.
const ALONE: (&str, &str) = ("11369-6", "52");
/// VIHFs signed before a run that asks for fresh ones.
const SIGNED: usize = 4000;

/// Assertions to be used: one, or many used once each (then again from the first).
#[derive(Clone)]
struct Vihfs {
    all: Arc<Vec<String>>,
    next: Arc<AtomicUsize>,
}

impl Vihfs {
    fn sign(pki: &Path, name: &str, ins: &str, fresh: bool) -> Self {
        let count = if fresh { SIGNED } else { 1 };
        let all = (0..count).map(|_| Credentials::of(pki, name, ins).vihf()).collect();
        Self { all: Arc::new(all), next: Arc::default() }
    }

    fn next(&self) -> &str {
        &self.all[self.next.fetch_add(1, Ordering::Relaxed) % self.all.len()]
    }
}

pub(crate) fn random_text(bytes: usize) -> Vec<u8> {
    // Text that does not compress to nothing, without asking for chance: a linear congruence.
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'a' + u8::try_from((state >> 33) % 26).unwrap_or(0)
    };
    (0..bytes).map(letter).collect()
}

struct Deposits {
    client: Client,
    vihfs: Vihfs,
    ins: Vec<String>,
    body: Arc<Vec<u8>>,
}

impl Worker for Deposits {
    async fn request(&mut self, n: u64) -> bool {
        let document = TestDocument::of(self.body.to_vec(), "11502-2", "10");
        let ins = &self.ins[usize::try_from(n).unwrap_or(0) % self.ins.len()];
        let deposit = soap::Deposit::one(ins, document);
        let reply = deposit.send(&mut self.client, self.vihfs.next()).await;
        reply.status == 200 && contains(&reply.body, b"ResponseStatusType:Success")
    }
}

struct Posts {
    client: Client,
    vihfs: Vihfs,
    path: &'static str,
    action: &'static str,
    body: Arc<String>,
    wanted: &'static [u8],
    at_least: usize,
}

impl Worker for Posts {
    async fn request(&mut self, _: u64) -> bool {
        let message = soap::envelope(self.action, self.vihfs.next(), &self.body);
        let kind = [("content-type", "application/soap+xml; charset=UTF-8")];
        let reply = self.client.post(self.path, &kind, message).await;
        reply.body.len() >= self.at_least && contains(&reply.body, self.wanted)
    }
}

struct Gets {
    client: Client,
    path: Arc<String>,
    bearer: Arc<String>,
    size: usize,
}

impl Worker for Gets {
    async fn request(&mut self, _: u64) -> bool {
        let reply = self.client.get(&self.path, &[("authorization", &self.bearer)]).await;
        reply.status == 200 && reply.body.len() == self.size
    }
}

pub(crate) fn contains(text: &[u8], needle: &[u8]) -> bool {
    // Answers name their status early.
    let head = &text[..text.len().min(4096)];
    head.windows(needle.len()).any(|w| w == needle)
}

pub(crate) fn retrieve_body(unique_id: &str) -> String {
    let repository = soap::REPOSITORY_ID;
    format!(
        r#"<RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007"><DocumentRequest><RepositoryUniqueId>{repository}</RepositoryUniqueId><DocumentUniqueId>{unique_id}</DocumentUniqueId></DocumentRequest></RetrieveDocumentSetRequest>"#
    )
}

/// Runs a scenario on a gateway of its own.
pub(crate) async fn run(name: &str, arguments: &Arguments) -> Value {
    let server = arguments.postgres.then(database);
    let mut options = GatewayOptions::default();
    if let Some((_, url)) = &server {
        options = options.with("STORE__URL", url);
    }
    let gateway = Gateway::with(options);
    let folder = gateway.data().display().to_string();
    let others: Vec<_> = (1..arguments.processes)
        .map(|_| gateway.beside(&["demo", "--any-port", "--data", &folder], &GatewayOptions::default()))
        .collect();
    let addresses: Vec<String> =
        std::iter::once(gateway.pro.clone()).chain(others.iter().map(|other| other.pro.clone())).collect();
    let address = |index: usize| addresses[index % addresses.len()].clone();
    let pki = gateway.data().join("pki");
    let ins = gateway.ins(0).to_owned();
    let plan = Plan { seconds: arguments.seconds, rate: arguments.rate, connections: arguments.connections };
    let as_of = |who: &str| client::tls(&pki, Some(who));
    let servers: Vec<u32> = std::iter::once(gateway.pid()).chain(others.iter().map(testkit::Process::pid)).collect();
    let post = |who: &'static str, path, action, body: String, wanted, at_least| {
        let (config, vihfs) = (as_of(who), Vihfs::sign(&pki, who, &ins, arguments.fresh_vihf));
        let body = Arc::new(body);
        move |index| Posts {
            client: Client::with_config(&address(index), config.clone()),
            vihfs: vihfs.clone(),
            path,
            action,
            body: body.clone(),
            wanted,
            at_least,
        }
    };
    const FIND: &str = "urn:ihe:iti:2007:RegistryStoredQuery";
    const RETRIEVE: &str = "urn:ihe:iti:2007:RetrieveDocumentSet";
    const SUCCESS: &[u8] = b"ResponseStatusType:Success";
    match name {
        "deposit" => {
            let before = disk(gateway.data());
            let vihfs = Vihfs::sign(&pki, "medecin", &ins, arguments.fresh_vihf);
            let body = Arc::new(random_text(10_000));
            let config = as_of("medecin");
            let make = |index| Deposits {
                client: Client::with_config(&address(index), config.clone()),
                vihfs: vihfs.clone(),
                ins: vec![ins.clone()],
                body: body.clone(),
            };
            let mut line = load::run("deposit 10 kB", plan, &servers, make).await;
            drop(others);
            let mut gateway = gateway;
            gateway.terminate();
            let stored = line["requests"].as_u64().unwrap_or(1).max(1);
            line["disk_bytes_per_document"] = json!((disk(gateway.data()) - before) / stored);
            line
        }
        "find" | "find-ten" | "find-all" => {
            fill(&gateway, &pki, &ins).await;
            let by_kind = |code: &str| {
                let value = format!("('{code}^^2.16.840.1.113883.6.1')");
                soap::query_slot("$XDSDocumentEntryTypeCode", &value)
            };
            let (more, title, at_least) = match name {
                "find" => (by_kind(ALONE.0), "find in 200 documents (1 found)", 4_000),
                "find-ten" => (by_kind("34112-3"), "find in 200 documents (10 found)", 40_000),
                _ => (String::new(), "find in 200 documents (all listed)", 800_000),
            };
            let body = soap::find_documents(&ins, soap::APPROVED, &more);
            load::run(title, plan, &servers, post("medecin", soap::REGISTRY, FIND, body, SUCCESS, at_least)).await
        }
        "fetch" | "fetch-fhir" => {
            let document = TestDocument::of(random_text(100_000), "11502-2", "10");
            deposit(&gateway, &pki, &ins, document.clone()).await;
            if name == "fetch" {
                let body = retrieve_body(&document.unique_id);
                let make = post("medecin", soap::REPOSITORY, RETRIEVE, body, SUCCESS, 100_000);
                return load::run("fetch 100 kB (SOAP, MTOM)", plan, &servers, make).await;
            }
            let config = as_of("medecin");
            let path = Arc::new(format!("/fhir/Binary/{}", document.unique_id));
            let bearer = Arc::new(Credentials::of(&pki, "medecin", &ins).bearer());
            let make = |index| Gets {
                client: Client::with_config(&address(index), config.clone()),
                path: path.clone(),
                bearer: bearer.clone(),
                size: 100_000,
            };
            load::run("fetch 100 kB (FHIR)", plan, &servers, make).await
        }
        "refused" => {
            // A pregnancy report: the matrix opens it to physicians and midwives only.
            let document = TestDocument::report("89233-1", "10");
            deposit(&gateway, &pki, &ins, document.clone()).await;
            let body = retrieve_body(&document.unique_id);
            let make = post("pharmacien", soap::REPOSITORY, RETRIEVE, body, b"ResponseStatusType:Failure", 100);
            load::run("refused access", plan, &servers, make).await
        }
        other => panic!("no scenario {other}"),
    }
}

/// A database on a private PostgreSQL with room to work in, its durability untouched.
pub(crate) fn database() -> (pgserver::Server, String) {
    let server = pgserver::Server::private().expect("PostgreSQL programs on this machine");
    let url = server.database();
    for setting in ["shared_buffers = '2GB'", "max_wal_size = '8GB'", "checkpoint_timeout = '15min'"] {
        server.psql(&url, &format!("ALTER SYSTEM SET {setting}"));
    }
    server.crash_and_restart();
    (server, url)
}

async fn deposit(gateway: &Gateway, pki: &Path, ins: &str, document: TestDocument) {
    let mut client = Client::new(&gateway.pro, pki, "medecin");
    let vihf = Credentials::of(pki, "medecin", ins).vihf();
    let reply = soap::Deposit::one(ins, document).send(&mut client, &vihf).await;
    assert!(reply.text().contains("ResponseStatusType:Success"), "{}", reply.text());
}

/// Fills a space: 200 documents of twenty kinds, ten of each.
async fn fill(gateway: &Gateway, pki: &Path, ins: &str) {
    let kinds = [
        ("11502-2", "10"),
        ("34112-3", "10"),
        ("11488-4", "10"),
        ("34874-8", "10"),
        ("15507-7", "10"),
        ("60568-3", "10"),
        ("11490-0", "10"),
        ("77436-4", "10"),
        ("34749-2", "10"),
        ("47420-5", "10"),
        ("85208-7", "10"),
        ("60591-5", "11"),
        ("18761-7", "11"),
        ("34133-9", "11"),
        ("18748-4", "31"),
        ("57833-6", "42"),
        ("57832-8", "42"),
        ("60593-1", "43"),
        ("18776-5", "44"),
        ("87273-9", "52"),
    ];
    for n in 0..SPACE {
        let (kind, class) = if n == 0 { ALONE } else { kinds[n % kinds.len()] };
        deposit(gateway, pki, ins, TestDocument::report(kind, class)).await;
    }
}

/// Bytes on disk of a folder.
pub(crate) fn disk(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk(&entry.path()),
        Ok(meta) => meta.blocks() * 512,
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(size).sum()
}
