//! A gateway at the edge (docs/edge.md): what is put in here arrives upstream, once and in order, whatever happens to the
//! line; what is refused there is told here; what is there is read through here.

use std::time::{Duration, Instant};

use serde_json::Value;
use space::{Ins, InsOid, InsTolerance};
use testkit::{Credentials, Gateway, GatewayOptions, Proxy, TestDocument, proxy::Fault, soap};

use crate::fhir_bundle::FhirCaller;
use crate::support::{Caller, PARTIAL, SUCCESS, eventually, newest, refused, succeeded};

/// What an edge of `core`, reached at `address`, is configured with.
pub(crate) fn options(address: &str) -> GatewayOptions {
    let port = address.rsplit(':').next().expect("a port");
    GatewayOptions::default()
        .with("GATEWAY__ROLE", "edge")
        .with("OUTWARD__CERTIFICATE", "pki/hopital-auth.pem")
        .with("OUTWARD__KEY", "pki/hopital-auth.key")
        .with("OUTWARD__SEAL_CERTIFICATE", "pki/hopital-seal.pem")
        .with("OUTWARD__SEAL_KEY", "pki/hopital-seal.key")
        .with("OUTWARD__AUTHORITIES", "[\"pki/ca.pem\"]")
        .with("UPSTREAM__URL", &format!("https://localhost:{port}/si-dmp-server/v2/services"))
        .with("UPSTREAM__SETS_PER_S", "0")
        // Machines that run these tests may be busy: only a line that is cut is to be missed.
        .with("OUTWARD__BUDGET_MS", "60000")
}

/// An edge and the core it passes on to, with a line between them that a test can cut.
struct World {
    core: Gateway,
    edge: Gateway,
    line: Proxy,
}

impl World {
    async fn new() -> Self {
        let core = Gateway::start();
        let line = Proxy::to(&core.pro).await;
        // The demonstration's own documents are put in before it is an edge.
        let mut edge = Gateway::start();
        for (key, value) in options(&line.address).environment {
            edge.set(&key, &value);
        }
        edge.restart();
        Self { core, edge, line }
    }

    /// What the edge says of the sets in a state.
    fn sets(&self, state: &str) -> Vec<Value> {
        let text = self.edge.command(&["upstream", "list", "--state", state]);
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Waits until so many sets are in a state.
    async fn reached(&self, state: &str, count: usize) {
        let began = Instant::now();
        while self.sets(state).len() != count {
            let all = self.edge.command(&["upstream", "list"]);
            let jobs = self.edge.command(&["jobs", "list"]);
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "{state} is not {count}: {all}{jobs}{}",
                self.edge.log()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn retry(&self) {
        let _ = self.edge.command(&["upstream", "retry"]);
    }

    /// The line is cut: nothing passes until it is mended.
    fn cut(&self) {
        self.line.next(Fault::CutBefore(Vec::new()), usize::MAX);
    }

    fn mend(&self) {
        self.line.next(Fault::CutBefore(Vec::new()), 0);
    }
}

#[tokio::test]
async fn what_is_put_in_at_the_edge_arrives_upstream_with_its_bytes_and_identifiers() {
    let world = World::new().await;
    let mut here = Caller::of(&world.edge, "medecin", 0);
    let small = TestDocument::biology();
    let large = TestDocument::of(crate::iti41::noise(300_000), "11502-2", "10");
    here.put(&small).await;
    here.put(&large).await;
    // By the other face, and one in place of another.
    let by_fhir = TestDocument::biology();
    let _ = FhirCaller::of(&world.edge, "medecin", 0).put(&by_fhir).await;
    let (old, mut new) = (TestDocument::biology(), TestDocument::biology());
    here.put(&old).await;
    new.replaces = Some(here.entry_uuid(&old.unique_id).await);
    here.put(&new).await;
    world.reached("sent", 5).await;
    let mut there = Caller::of(&world.core, "medecin", 0);
    let listed = there.listed("").await;
    assert!(listed.contains(&new.unique_id) && !listed.contains(&old.unique_id), "{listed:?}");
    for document in [&small, &large, &by_fhir, &new] {
        assert_eq!(there.bytes(&document.unique_id).await, document.body.as_slice());
        assert_eq!(there.entry_uuid(&document.unique_id).await, here.entry_uuid(&document.unique_id).await);
    }
    // Upstream it is the structure that fed, for the physician whom it names; here that it was passed on is traced.
    let event = newest(&world.core, &here.ins, "deposit");
    assert_eq!(
        (&event["who"]["id"], &event["who"]["structure"]),
        (&"899900000101".into(), &"10B0999991".into()),
        "{event}"
    );
    assert_eq!(event["signature"], "valid", "what came unsigned was signed by the structure");
    assert_eq!(newest(&world.edge, &here.ins, "forward")["documents"][0], new.unique_id);
    assert!(world.sets("queued").is_empty() && world.sets("refused").is_empty());
}

#[tokio::test]
async fn a_line_that_is_cut_loses_nothing_and_what_is_sent_again_arrives_once_and_in_order() {
    let world = World::new().await;
    let mut here = Caller::of(&world.edge, "medecin", 0);
    let documents: Vec<TestDocument> = (0..6).map(|_| TestDocument::biology()).collect();
    here.put(&documents[0]).await;
    world.reached("sent", 1).await;
    // Upstream hears it and does it, and its answer is cut in the middle.
    world.line.next(Fault::CutInside(40), 1);
    here.put(&documents[1]).await;
    world.reached("sent", 2).await;
    assert_eq!(world.line.left(), 0, "the line was cut");
    // Then nothing passes for a while.
    world.cut();
    for document in &documents[2..5] {
        here.put(document).await;
    }
    let failed = async || world.edge.command(&["jobs", "list"]).contains("the call ");
    assert!(eventually(failed).await, "{}", world.edge.command(&["jobs", "list"]));
    assert_eq!((world.sets("queued").len(), world.sets("sent").len()), (3, 2));
    // What the edge holds is served meanwhile, and a process that dies loses none of it.
    let mut edge = world.edge;
    edge.kill();
    edge.restart();
    let world = World { edge, ..world };
    let mut here = Caller::of(&world.edge, "medecin", 0);
    here.put(&documents[5]).await;
    world.mend();
    world.retry();
    world.reached("sent", 6).await;
    let mut there = Caller::of(&world.core, "medecin", 0);
    let wanted: Vec<&String> = documents.iter().map(|d| &d.unique_id).collect();
    let found = there.listed("").await;
    let arrived: Vec<&String> = found.iter().filter(|id| wanted.contains(id)).collect();
    assert_eq!(arrived, wanted, "each once, in the order it was put in");
    assert!(world.edge.command(&["verify"]).contains("\"problems\":[]"));
    assert!(world.core.command(&["verify"]).contains("\"problems\":[]"));
}

// Commands of the program call upstream while this thread waits for them: the line needs another.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_upstream_is_told_with_its_cause_and_sent_again_by_command() {
    let world = World::new().await;
    // A holder whom the edge knows and the core does not.
    let line = r#"{"ins":"277076322082910","oid":"1.2.250.1.213.1.4.10","family":"TEST","given":"ANNE","birthDate":"19770701","sex":"F"}"#;
    let file = world.edge.data().join("one.ndjson");
    std::fs::write(&file, format!("{line}\n")).expect("written");
    let _ = world.edge.command(&["import", "identities", file.to_str().expect("text")]);
    let ins = Ins::parse("277076322082910", InsOid::NirTest, InsTolerance::Test).expect("an INS");
    let of_her = |c: &mut Credentials| c.request.patient = Some(ins.clone());
    let mut here = Caller::with(&world.edge, "medecin", 0, of_her);
    here.ins = ins.matricule().to_owned();
    let document = TestDocument::biology();
    here.put(&document).await;
    world.reached("refused", 1).await;
    // It holds up nobody else.
    let mut other = Caller::of(&world.edge, "medecin", 1);
    other.put(&TestDocument::biology()).await;
    world.reached("sent", 1).await;
    let told = world.edge.command(&["upstream", "status"]);
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&lines[0]["queued"], &lines[0]["refused"]), (&0.into(), &1.into()), "{told}");
    let refused = &lines[1];
    assert_eq!(
        (&refused["code"], &refused["cause"]),
        (&"XDSUnknownPatientId".into(), &"unknown_holder".into()),
        "{told}"
    );
    assert_eq!(refused["documents"][0], document.unique_id);
    assert!(
        refused["advice"].as_str().is_some_and(|advice| advice.contains("upstream retry --set urn:uuid:")),
        "{told}"
    );
    for word in ["277076322082910", "VASSEUR", "AUBRY"] {
        assert!(!told.contains(word) && !world.edge.log().contains(word), "{word}");
    }
    assert_eq!(newest(&world.edge, &here.ins, "forward")["outcome"], "refused");
    let asked = world.edge.command(&["upstream", "ask", "--ins", &here.ins]);
    assert!(asked.contains("\"exists\":false"), "{asked}");
    let metrics = crate::operations::page(&world.edge.admin, "/metrics").1;
    assert!(metrics.contains("passerelle_upstream_sets{state=\"refused\"}"), "{metrics}");
    // Mended there, sent again from here.
    let _ = world.core.command(&["import", "identities", file.to_str().expect("text")]);
    assert!(world.edge.command(&["upstream", "ask", "--ins", &here.ins]).contains("\"exists\":true"));
    let set = refused["set"].as_str().expect("a set").to_owned();
    assert!(world.edge.command(&["upstream", "retry", "--set", &set]).contains("\"again\":1"));
    world.reached("sent", 2).await;
    let mut there = Caller::with(&world.core, "medecin", 0, of_her);
    assert_eq!(there.bytes(&document.unique_id).await, document.body.as_slice());
}

#[tokio::test]
async fn a_kind_of_jobs_that_is_stopped_passes_nothing_on_and_a_set_can_be_given_up() {
    let world = World::new().await;
    let _ = world.edge.command(&["jobs", "stop", "upstream"]);
    let at_rest = async || {
        let jobs = world.edge.command(&["jobs", "list"]);
        let line = jobs.lines().find(|line| line.contains("\"upstream\"")).unwrap_or_default().to_owned();
        line.contains("\"leased\":false") && line.contains("\"stopped\":true")
    };
    assert!(eventually(at_rest).await);
    let mut here = Caller::of(&world.edge, "medecin", 0);
    let documents = [TestDocument::biology(), TestDocument::biology()];
    for document in &documents {
        here.put(document).await;
    }
    let waiting = world.sets("queued");
    assert_eq!((waiting.len(), &waiting[0]["attempts"]), (2, &0.into()));
    let set = waiting[0]["set"].as_str().expect("a set");
    let _ = world.edge.command(&["upstream", "give-up", "--set", set]);
    assert_eq!(newest(&world.edge, &here.ins, "forward")["cause"], "given_up");
    assert!(!world.edge.run(&["upstream", "give-up", "--set", "urn:uuid:none"]).status.success());
    let _ = world.edge.command(&["jobs", "start", "upstream"]);
    world.reached("sent", 1).await;
    let mut there = Caller::of(&world.core, "medecin", 0);
    let found = there.listed("").await;
    let arrived: Vec<bool> = documents.iter().map(|d| found.contains(&d.unique_id)).collect();
    assert_eq!(arrived, [false, true]);
    assert_eq!(world.sets("given_up").len(), 1);
}

#[tokio::test]
async fn what_is_masked_or_deleted_here_is_so_upstream_after_what_it_bears_on() {
    let world = World::new().await;
    let mut author = Caller::of(&world.edge, "medecin", 0);
    world.cut();
    let documents = [TestDocument::biology(), TestDocument::biology(), TestDocument::biology()];
    for document in &documents {
        author.put(document).await;
    }
    let [masked, deleted, removed] = &documents;
    let entry = author.query(&soap::get_documents(&masked.unique_id)).await;
    let version = soap::new_version(&soap::element_of(&entry.text(), "ExtrinsicObject"), 1, crate::iti57::masked);
    succeeded(&crate::iti57::update(&mut author, &version).await);
    let uuid = author.entry_uuid(&deleted.unique_id).await;
    let order = soap::status_order(&uuid, soap::APPROVED, soap::DELETED);
    succeeded(&crate::iti57::update(&mut author, &order).await);
    succeeded(&crate::iti57::remove_document(&mut author, &removed.unique_id).await);
    assert_eq!(world.sets("queued").len(), 6);
    world.mend();
    world.retry();
    world.reached("sent", 6).await;
    let mut there = Caller::of(&world.core, "medecin", 0);
    let mut other = Caller::of(&world.core, "pharmacien", 0);
    let (seen, others) = (there.listed("").await, other.listed("").await);
    assert!(seen.contains(&masked.unique_id) && !others.contains(&masked.unique_id), "its author alone sees it");
    for gone in [deleted, removed] {
        assert!(!seen.contains(&gone.unique_id));
    }
    // An order that upstream carries out and whose answer is lost: asked again, it refuses, and is found to have done it.
    let last = TestDocument::biology();
    author.put(&last).await;
    world.reached("sent", 7).await;
    let uuid = author.entry_uuid(&last.unique_id).await;
    world.line.next(Fault::CutInside(40), 1);
    succeeded(&crate::iti57::update(&mut author, &soap::status_order(&uuid, soap::APPROVED, soap::ARCHIVED)).await);
    world.reached("sent", 8).await;
    assert!(world.line.left() == 0 && world.sets("refused").is_empty());
    assert!(!there.listed("").await.contains(&last.unique_id));
}

#[tokio::test]
async fn what_upstream_has_is_read_through_by_the_rules_of_here_and_is_missed_when_the_line_is_cut() {
    let world = World::new().await;
    let mut there = Caller::of(&world.core, "medecin", 0);
    let mut here = Caller::of(&world.edge, "medecin", 0);
    let (theirs, ours) = (TestDocument::biology(), TestDocument::biology());
    there.put(&theirs).await;
    here.put(&ours).await;
    world.reached("sent", 1).await;
    let found = here.listed("").await;
    for id in [&theirs.unique_id, &ours.unique_id] {
        assert_eq!(found.iter().filter(|one| *one == id).count(), 1, "{found:?}");
    }
    assert_eq!(here.bytes(&theirs.unique_id).await, theirs.body.as_slice());
    assert_eq!(newest(&world.edge, &here.ins, "fetch")["outcome"], "done");
    assert_eq!(newest(&world.core, &here.ins, "fetch")["who"]["id"], "899900000101", "upstream knows who reads");
    let both = [(soap::REPOSITORY_ID, theirs.unique_id.as_str()), (soap::REPOSITORY_ID, ours.unique_id.as_str())];
    let (envelope, parts) = soap::unpack(&here.retrieve_all(&both).await);
    assert!(envelope.contains(SUCCESS) && parts.len() == 2, "{envelope}");
    // A document that is masked upstream, or here, is shown to nobody else here.
    let mut other = Caller::of(&world.edge, "pharmacien", 0);
    let masked = TestDocument::biology().visible(&["MASQUE_PS"]);
    there.put(&masked).await;
    assert!(!other.listed("").await.contains(&masked.unique_id));
    // Who is blocked here is not asked for there.
    let calls = || ["ITI-18", "ITI-43"].map(|transaction| crate::xca::calls(&world.core, transaction));
    let before = calls();
    let _ = world.edge.command(&["space", "block", "--ins", &here.ins, "--who", "infirmier"]);
    let mut nurse = Caller::of(&world.edge, "infirmier", 0);
    refused(&nurse.find("").await, "LocalPolicyRestrictionError", "blocked");
    assert!(!nurse.retrieve(&theirs.unique_id).await.text().contains(SUCCESS));
    assert_eq!(calls(), before);
    // Without the line: what is here, and that something is missing.
    world.cut();
    let partial = here.find("").await.text();
    assert!(partial.contains(PARTIAL) && partial.contains(&ours.unique_id), "{partial}");
    assert!(!partial.contains(&theirs.unique_id) && partial.contains("XDSUnavailableCommunity"), "{partial}");
    let reply = here.retrieve_all(&both).await;
    let (envelope, parts) = soap::unpack(&reply);
    assert!(
        envelope.contains(PARTIAL) && envelope.contains("XDSUnavailableCommunity") && parts.len() == 1,
        "{envelope}"
    );
    assert_eq!(parts[0], ours.body.as_slice());
    world.mend();
    assert!(here.listed("").await.contains(&theirs.unique_id));
}

#[test]
fn an_edge_that_cannot_call_says_so_before_it_starts() {
    let gateway = Gateway::start();
    let wrong = |options: &GatewayOptions| {
        let mut command = std::process::Command::new(testkit::gateway::program());
        command.args(["config", "check"]).arg(gateway.data().join("passerelle.toml"));
        command.envs(options.environment.iter().map(|(k, v)| (k, v)));
        let output = command.output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (code, told) = wrong(&GatewayOptions::default().with("GATEWAY__ROLE", "edge"));
    assert!(code != Some(0) && told.contains("[upstream] url") && told.contains("[outward] certificate"), "{told}");
    let (code, told) = wrong(&options("localhost:1"));
    assert_eq!(code, Some(0), "{told}");
}

#[tokio::test]
async fn what_is_put_in_under_a_number_that_gave_way_is_passed_on_under_the_one_that_goes_on() {
    let world = World::new().await;
    let survivor = world.edge.ins(0).to_owned();
    let retired = crate::identity::second_identity(&world.edge, "2801175123462", "AUBRY", "gave-way.ndjson");
    let _ = world.edge.command(&["space", "authorise", "--ins", &retired, "--who", "medecin"]);
    let _ = world.edge.command(&["space", "merge", "--ins", &retired, "--into", &survivor]);
    let ins = Ins::parse(&retired, InsOid::NirTest, InsTolerance::Test).expect("an INS");
    let mut here = Caller::with(&world.edge, "medecin", 0, |c| c.request.patient = Some(ins));
    here.ins = retired;
    let document = TestDocument::biology();
    here.put(&document).await;
    world.reached("sent", 1).await;
    // Upstream nobody has ever heard of the number that gave way.
    let mut there = Caller::of(&world.core, "medecin", 0);
    assert_eq!(there.bytes(&document.unique_id).await, document.body.as_slice());
    let found = there.query(&soap::get_documents(&document.unique_id)).await.text();
    assert!(found.contains(&survivor) && !found.contains(&here.ins), "{found}");
}
