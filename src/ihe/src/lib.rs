//! The IHE and DMP face: SOAP services at the paths of the national DMP, so that existing software is pointed here by
//! changing the host.
//!
//! One file per transaction or pair of them ([`iti18`], [`iti32`], [`iti41`], [`iti42`], [`iti43`], [`iti57`], [`iti62`],
//! [`people`], [`candidates`], [`habilitations`], [`pix`], [`dsub`]), each request → operation of the desk → response;
//! [`errors`] is the one place where causes become registry errors and SOAP faults. Decides nothing.

mod answer;
mod beyond;
mod candidates;
pub mod client;
#[cfg(test)]
mod docs;
mod dsub;
mod errors;
mod habilitations;
mod iti18;
mod iti32;
mod iti41;
mod iti42;
mod iti43;
mod iti57;
mod iti62;
mod notify;
mod people;
mod pix;
mod receive;
mod replies;
mod service;
mod translate;
mod wsdl;

use std::{sync::Arc, time::Duration};

use axum::{Router, http::Extensions, routing::any};
use desk::Desk;
use space::{Credential, Oid, Refusal};
use wire_soap::{multipart::MultipartLimits, xml::XmlLimits};

pub use answer::Faulted;
pub use beyond::{Other, Rest};
pub use candidates::Continuations;
pub use dsub::{notification, notification_type, pause_after};
pub use iti32::{MediaError, export, import};
pub use notify::{Addressed, notice, verdict};
pub use replies::{Admitted, Replies};
pub use service::{Kind, Service, Transaction};

/// Turns the assertion of an envelope into a credential. Carried out by the program with the room `trust`.
pub trait Authenticate: Send + Sync {
    /// Verifies the assertion on the tree it stands in, against the peer of the connection (in `extensions`).
    ///
    /// # Errors
    /// What is wrong with the credential, with its place in the assertion.
    fn authenticate(
        &self,
        document: &uppsala::Document<'_>,
        assertion: uppsala::NodeId,
        extensions: &Extensions,
    ) -> Result<Credential, Refusal>;
}

/// What bounds a message.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The envelope.
    pub xml: XmlLimits,
    /// The MIME wrapping.
    pub multipart: MultipartLimits,
    /// The whole message, in bytes.
    pub message_bytes: u64,
    /// Longest silence between two pieces of a message.
    pub idle: Duration,
    /// How much of a refused message is read to its end, to keep the connection.
    pub drain_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            xml: XmlLimits::default(),
            multipart: MultipartLimits::default(),
            message_bytes: 4 << 30,
            idle: Duration::from_secs(30),
            drain_bytes: 4 << 20,
        }
    }
}

/// What the services share.
#[derive(Clone)]
pub struct IheState {
    /// The desk.
    pub desk: Arc<Desk>,
    /// Who verifies assertions.
    pub auth: Arc<dyn Authenticate>,
    /// `repositoryUniqueId` of this gateway.
    pub repository: Oid,
    /// The OID by which this gateway names itself in HL7 v3 messages.
    pub device: Oid,
    /// `homeCommunityId` of this gateway (`urn:oid:…`), when it belongs to a community.
    pub home: Option<String>,
    /// Others that are asked what they have: a gateway upstream, other communities.
    pub others: Arc<[Other]>,
    /// Addresses that subscriptions may have told (ITI-52); none, and there are no subscriptions.
    pub consumers: Vec<Admitted>,
    /// Who may have answers sent to an address of their own; nobody without.
    pub replies: Option<Replies>,
    /// Answers of searches whose rest may still be asked for.
    pub continuations: Continuations,
    /// What bounds a message.
    pub limits: Limits,
}

impl std::fmt::Debug for IheState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IheState").field("repository", &self.repository).finish_non_exhaustive()
    }
}

impl IheState {
    /// Whether a message may name this community: its own, or none.
    ///
    /// # Errors
    /// [`space::Cause::UnknownCommunity`] for another's, at `place`.
    pub(crate) fn knows_community(&self, named: Option<&str>, place: &str) -> Result<(), Refusal> {
        match named.filter(|id| !id.trim().is_empty()) {
            Some(id) if !self.home.as_deref().is_some_and(|home| beyond::same(home, id)) => {
                Err(Refusal::new(space::Cause::UnknownCommunity).at(place).about("homeCommunityId"))
            }
            _ => Ok(()),
        }
    }

    /// The community as messages write it (`urn:oid:…`).
    pub(crate) fn home_urn(&self) -> Option<String> {
        self.home.as_deref().map(beyond::urn)
    }
}

/// The services, at the DMP's paths under `/si-dmp-server/v2/services`, and those of identities under `/ihe/services`; of a
/// community, its responding gateway (ITI-38, ITI-39) there too.
pub fn router(state: IheState) -> Router {
    let service = |which: Service| {
        let state = state.clone();
        any(move |request| service::serve(state, which, request))
    };
    let gateway = state.home.is_some().then(|| service(Service::Gateway));
    let router = Router::new()
        .route("/si-dmp-server/v2/services/registry", service(Service::Registry))
        .route("/si-dmp-server/v2/services/repository", service(Service::Repository))
        .route("/si-dmp-server/v2/services/patients", service(Service::Patients))
        .route("/si-dmp-server/v2/services/habilitations", service(Service::Habilitations))
        .route("/ihe/services/pix", service(Service::Pix))
        .route("/ihe/services/pdq", service(Service::Pdq))
        .route("/ihe/services/xdr", service(Service::Recipient))
        .route(dsub::PATH, service(Service::Subscriptions))
        .route(&format!("{}/{{id}}", dsub::PATH), service(Service::Subscriptions));
    match gateway {
        Some(gateway) => router.route("/ihe/services/xca", gateway),
        None => router,
    }
}
