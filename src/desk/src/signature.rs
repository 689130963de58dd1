//! The signature of a set, looked at when the set goes in (DMP TD2.1): what is found is traced with the deposit; whether
//! it also refuses or warns is the gateway's policy.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use space::{Actor, AssociationKind, Cause, Refusal, Submission};
use trust::{SetVerifier, SignedDocument, SignedSet};

use crate::{Caller, Desk, EntryBody, Face, Fault};

/// Longest document whose canonical form is made, in bytes: larger ones leave the signature unexamined where it needs it.
const MOST_BYTES: u64 = 16 << 20;
/// Bytes of documents held at once for one signature; what is past them is judged by what is known of it.
const MOST_HELD: u64 = 48 << 20;

/// What follows from what is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignaturePolicy {
    /// Nothing goes in.
    Refuse,
    /// The set goes in, and its sender is told.
    #[default]
    Warn,
    /// Signatures are not looked at.
    Off,
}

/// How signatures of sets are looked at.
#[derive(Debug, Clone)]
pub struct Signatures {
    /// Who verifies them.
    pub verifier: Arc<SetVerifier>,
    /// What follows.
    pub policy: SignaturePolicy,
    /// Whether a set that documents come with must be signed on the DMP's services.
    pub required: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// As it is traced; nothing of a set without signature.
    pub(crate) traced: Option<String>,
    /// What is wrong, with its place.
    pub(crate) wrong: Option<Refusal>,
    /// Whether nothing goes in for it.
    pub(crate) refuses: bool,
}

/// A document, held while its signature is examined.
struct Held {
    unique_id: String,
    sha1: String,
    sha256: String,
    bytes: Option<Bytes>,
}

impl Desk {
    /// Looks at the signature of a set.
    pub(crate) async fn signature_of(
        &self,
        caller: &Caller,
        submission: &Submission,
        bodies: &[EntryBody],
    ) -> Result<Verdict, Fault> {
        let Some(signatures) = self.signatures.as_ref().filter(|s| s.policy != SignaturePolicy::Off) else {
            return Ok(Verdict::default());
        };
        let here = bodies.iter().all(|body| body.staged().is_some());
        let Some(index) = signature_in(submission) else {
            let wanted = signatures.required && caller.face == Face::Ihe && here && !bodies.is_empty();
            let missing = wanted.then(|| Refusal::new(Cause::SetSignatureMissing).at(&submission.place));
            return Ok(Verdict { traced: None, refuses: wanted, wrong: missing });
        };
        let Some(signature) = bodies[index].staged() else { return Ok(Verdict::default()) };
        let place = submission.documents[index].place.clone();
        let mut held = Vec::new();
        let mut left = MOST_HELD;
        for (number, (document, body)) in submission.documents.iter().zip(bodies).enumerate() {
            // Another "signature" beside the set's is a document of it like any other.
            let Some(body) = body.staged().filter(|_| number != index) else { continue };
            held.push(Held {
                unique_id: document.entry.unique_id.clone(),
                sha1: body.sha1.clone(),
                sha256: body.sha256.clone(),
                bytes: self.store.staged(body, MOST_BYTES.min(left)).await?,
            });
            left = left.saturating_sub(held.last().and_then(|h| h.bytes.as_ref()).map_or(0, |b| b.len() as u64));
        }
        let signature = self.store.staged(signature, MOST_BYTES).await?.unwrap_or_default();
        let verifier = signatures.verifier.clone();
        let (set, actor) = (submission.set.unique_id.clone(), caller.actor.clone());
        // A canonical form is made of every document: work that would hold up other calls.
        let examined = tokio::task::spawn_blocking(move || examine(&verifier, &set, &held, &signature, &actor)).await;
        let found = examined.unwrap_or_else(|_| Err(Refusal::new(Cause::SetSignatureUnexamined)));
        let wrong =
            found.err().map(|r| Refusal { place: Some(format!("{place} {}", r.place.as_deref().unwrap_or(""))), ..r });
        let traced = wrong.as_ref().map_or("valid", |r| r.cause.code());
        let refuses = wrong.is_some() && signatures.policy == SignaturePolicy::Refuse;
        Ok(Verdict { traced: Some(traced.to_owned()), wrong, refuses })
    }
}

fn examine(verifier: &SetVerifier, set: &str, held: &[Held], signature: &[u8], actor: &Actor) -> Result<(), Refusal> {
    let documents = held.iter().map(|d| SignedDocument {
        unique_id: &d.unique_id,
        sha1: &d.sha1,
        sha256: &d.sha256,
        bytes: d.bytes.as_deref(),
    });
    let documents = documents.collect();
    verifier.verify(&SignedSet { unique_id: set, documents, signature }, actor)
}

/// Which document signs the set: the one that a link says, or the only one that is a signature.
fn signature_in(submission: &Submission) -> Option<usize> {
    let signs =
        |uuid: &str| submission.associations.iter().any(|(a, _)| a.kind == AssociationKind::Signs && a.source == uuid);
    let all = || submission.documents.iter().enumerate().filter(|(_, d)| d.entry.is_signature());
    let linked = all().find(|(_, d)| signs(&d.entry.entry_uuid));
    linked.or_else(|| all().next()).map(|(index, _)| index)
}
