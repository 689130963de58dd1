//! A gateway at the edge (docs/edge.md): what is put in here arrives upstream, once and in order, whatever happens to the
//! line; what is refused there is told here; what is there is read through here.

use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Gateway, GatewayOptions, Proxy, TestDocument, proxy::Fault};

use crate::support::{Caller, newest};

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
        let edge = Gateway::with(options(&line.address));
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
    world.reached("sent", 2).await;
    let mut there = Caller::of(&world.core, "medecin", 0);
    for document in [&small, &large] {
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
    assert_eq!(newest(&world.edge, &here.ins, "forward")["documents"][0], large.unique_id);
    assert!(world.sets("queued").is_empty() && world.sets("refused").is_empty());
}
