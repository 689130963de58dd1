//! What an edge passes on: queued with the act, one after the other in a space, settled once.

use std::time::Duration;

use super::*;
use crate::{DueForward, ForwardEnd, ForwardTold};

on_both! {
    what_is_put_in_at_an_edge_is_queued_once_and_goes_in_order
    what_is_put_off_or_refused_waits_and_goes_again_when_it_is_told_to
    what_is_to_be_passed_on_is_sealed_and_forgotten_with_its_space
}

impl World {
    fn forwarding(&self, revision: i64) -> Permit {
        let operator = Arc::new(Actor::operator("test"));
        let permit = self.tables.decide(&operator, Operation::Forward, self.space, &Self::settings(revision));
        permit.expect("a permit")
    }

    async fn due(&self) -> Option<DueForward> {
        let mut due = self.store.forwards_due(10).await.expect("asked");
        assert!(due.len() < 2, "one at a time of a space");
        due.pop()
    }

    async fn end(&self, due: &DueForward, end: ForwardEnd) -> Result<(), StoreError> {
        let told = ForwardTold { code: "XDSUnknownPatientId".into(), ..ForwardTold::default() };
        self.store.settle_forward(due, end, told, &self.event(Act::Forward)).await
    }

    async fn unique_id_of(&self, due: &DueForward) -> String {
        let (_, forward) = self.store.forward(&self.forwarding(1), due).await.expect("opens").expect("waits");
        forward.documents[0].entry.unique_id.clone()
    }
}

async fn what_is_put_in_at_an_edge_is_queued_once_and_goes_in_order(world: World) {
    assert_eq!(world.deposit("1.2.9", b"of a core", 1).await.expect("stored"), Deposited::Stored);
    assert!(world.due().await.is_none(), "a core passes nothing on");
    for id in ["1.2.1", "1.2.2"] {
        assert_eq!(world.deposit_at(id, b"text", 1, true).await.expect("stored"), Deposited::Stored);
    }
    assert_eq!(world.deposit_at("1.2.1", b"text", 1, true).await.expect("known"), Deposited::Replayed);
    let first = world.due().await.expect("due");
    assert_eq!(world.unique_id_of(&first).await, "1.2.1");
    let (_, forward) = world.store.forward(&world.forwarding(1), &first).await.expect("opens").expect("waits");
    let body = world.store.forwarded_body(&world.forwarding(1), &forward.documents[0].body_id).await.expect("read");
    assert!(matches!(body, (4, StoredBody::Whole(bytes)) if bytes == b"text".as_slice()));
    world.end(&first, ForwardEnd::Sent).await.expect("settled");
    assert!(matches!(world.end(&first, ForwardEnd::Refused).await, Err(StoreError::Stale)), "it is settled once");
    assert!(world.store.forward(&world.forwarding(1), &first).await.expect("asked").is_none());
    let second = world.due().await.expect("due");
    assert_eq!(world.unique_id_of(&second).await, "1.2.2");
    let sent = world.store.forwards(Some("sent"), 10).await.expect("listed");
    assert_eq!((sent.len(), sent[0].documents.as_slice()), (1, ["1.2.1".to_owned()].as_slice()));
    assert_eq!(world.store.forward_counts().await.expect("counted").queued, 1);
    // Nobody but who passes on may read what is passed on.
    let finding = world.permit(Operation::Find, 1);
    assert!(matches!(world.store.forward(&finding, &second).await, Err(StoreError::Permit)));
    assert!(matches!(world.store.forwarded_body(&finding, "x").await, Err(StoreError::Permit)));
}

async fn what_is_put_off_or_refused_waits_and_goes_again_when_it_is_told_to(world: World) {
    for id in ["1.2.1", "1.2.2", "1.2.3"] {
        world.deposit_at(id, b"text", 1, true).await.expect("stored");
    }
    let first = world.due().await.expect("due");
    world.store.forward_tried(&first).await.expect("noted");
    let told = ForwardTold { code: "XDSRegistryError".into(), word: "internal".into(), place: "/a".into() };
    world.store.put_forward_off(&first, Duration::from_secs(60), true, &told).await.expect("put off");
    assert!(world.due().await.is_none(), "what stands after it waits for it");
    assert_eq!(world.store.retry_forwards(Some(&first.set_uuid)).await.expect("retried"), 1);
    let again = world.due().await.expect("due");
    assert_eq!((again.attempts, again.failures, again.set_uuid.as_str()), (1, 1, first.set_uuid.as_str()));
    // What is refused holds nobody up, and goes before what came after it when it goes again.
    world.end(&again, ForwardEnd::Refused).await.expect("settled");
    let second = world.due().await.expect("due");
    assert_ne!(second.set_uuid, first.set_uuid);
    let refused = world.store.forwards(Some("refused"), 10).await.expect("listed");
    assert_eq!((refused[0].code.as_str(), refused[0].attempts), ("XDSUnknownPatientId", 1));
    assert_eq!(world.store.retry_forwards(None).await.expect("retried"), 1);
    assert_eq!(world.due().await.expect("due").set_uuid, first.set_uuid);
    let unsettled = world.store.unsettled_forwards(&first.set_uuid).await.expect("listed");
    assert_eq!((unsettled.len(), unsettled[0].1.len()), (1, 1));
    world.end(&unsettled[0].0, ForwardEnd::GivenUp).await.expect("given up");
    assert!(world.store.unsettled_forwards(&first.set_uuid).await.expect("listed").is_empty());
    assert_eq!(world.due().await.expect("due").set_uuid, second.set_uuid);
    let counts = world.store.forward_counts().await.expect("counted");
    assert_eq!((counts.queued, counts.refused, counts.given_up), (2, 0, 1));
}

async fn what_is_to_be_passed_on_is_sealed_and_forgotten_with_its_space(world: World) {
    world.deposit_at("1.2.1", b"text", 1, true).await.expect("stored");
    let due = world.due().await.expect("due");
    world.set(Change::DestroyKey, 1).await.expect("destroyed");
    let opened = world.store.forward(&world.forwarding(2), &due).await;
    assert!(matches!(opened, Err(StoreError::Forgotten)), "{opened:?}");
    world.end(&due, ForwardEnd::GivenUp).await.expect("settled");
    assert!(world.due().await.is_none());
}
