//! The signature that an edge puts to a set that came unsigned: the DMP wants every set signed (TD2.1), and who fed the edge
//! by FHIR has signed none. Identifiers and the time follow from the set's own, so that what is sent twice is the
//! same set.

use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use desk::{Fault, Forward, StoredBody};
use futures::TryStreamExt as _;
use space::{Association, AssociationKind, AvailabilityStatus, DocumentEntry, Slot};
use trust::SignedDocument;

use crate::partner::Seal;

/// Bytes of a set that is signed, at most: they are held together.
const MOST: u64 = 64 << 20;

/// A signature, ready to go with its set.
pub(crate) struct SealedSet {
    pub(crate) entry: DocumentEntry,
    /// Its membership, and what it signs.
    pub(crate) links: Vec<Association>,
    pub(crate) bytes: Bytes,
}

impl SealedSet {
    /// Signs a set; none when it is signed already, or too large to be held. What `bodies` streams is held afterwards.
    pub(crate) async fn of(
        seal: &Seal,
        forward: &Forward,
        bodies: &mut [(u64, StoredBody)],
    ) -> Result<Option<Self>, Fault> {
        let entries = || forward.documents.iter().map(|d| &d.entry);
        let total: u64 = bodies.iter().map(|(length, _)| *length).sum();
        let Some(first) = entries().next().filter(|_| total <= MOST && !entries().any(DocumentEntry::is_signature))
        else {
            return Ok(None);
        };
        let mut held = Vec::with_capacity(bodies.len());
        for (_, body) in bodies.iter_mut() {
            held.push(hold(body).await?);
        }
        let documents: Vec<SignedDocument<'_>> = entries()
            .zip(&held)
            .map(|(entry, bytes)| SignedDocument {
                unique_id: &entry.unique_id,
                sha1: &entry.hash,
                sha256: "",
                bytes: Some(bytes),
            })
            .collect();
        let set = &forward.set;
        let Ok(bytes) = seal.sign(&set.unique_id, &documents, set.submission_time.first()) else {
            tracing::error!("upstream.not_signed");
            return Ok(None);
        };
        let of = |what: &str| {
            let digest = digest::digest(&digest::SHA256, format!("{} {what}", set.entry_uuid).as_bytes());
            let mut id = [0; 16];
            id.copy_from_slice(&digest.as_ref()[..16]);
            uuid::Builder::from_custom_bytes(id).into_uuid()
        };
        let entry_uuid = format!("urn:uuid:{}", of("signature"));
        let unique_id = format!("2.25.{}", of("signature").as_u128());
        let link = |kind, source: &str, target: &str, slots| Association {
            entry_uuid: format!("urn:uuid:{}", of(target)),
            kind,
            source: source.to_owned(),
            target: target.to_owned(),
            status: AvailabilityStatus::Approved,
            slots,
            documentation: None,
        };
        let original = Slot { name: "SubmissionSetStatus".to_owned(), values: vec!["Original".to_owned()] };
        Ok(Some(Self {
            links: vec![
                link(AssociationKind::HasMember, &set.entry_uuid, &entry_uuid, vec![original]),
                link(AssociationKind::Signs, &entry_uuid, &set.entry_uuid, Vec::new()),
            ],
            entry: first.signature_beside(entry_uuid, unique_id, &set.submission_time),
            bytes: bytes.into(),
        }))
    }
}

/// Reads a body into memory, and leaves it there.
async fn hold(body: &mut StoredBody) -> Result<Bytes, Fault> {
    let bytes = match std::mem::replace(body, StoredBody::Whole(Bytes::new())) {
        StoredBody::Whole(bytes) => bytes,
        StoredBody::Stream(chunks) => {
            let read: BytesMut = chunks
                .try_fold(BytesMut::new(), |mut read, chunk| async move {
                    read.extend_from_slice(&chunk);
                    Ok(read)
                })
                .await?;
            read.freeze()
        }
    };
    *body = StoredBody::Whole(bytes.clone());
    Ok(bytes)
}
