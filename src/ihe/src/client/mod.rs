//! The client of these transactions: the gateway as consumer and source towards another server, another Passerelle or a
//! national one (ITI-18, ITI-41, ITI-43, ITI-57, ITI-38, ITI-39, TD0.2, TD0.3, TD0.4, TD1.6).
//!
//! Writes requests, reads answers within bounds, and tells what failed by whose fault it is ([`ClientError::verdict`]).
//! Opens no socket ([`Transport`]) and holds no key ([`Signer`]): both are carried out by the program. Decides nothing.

mod error;
mod fault;
mod people;
mod provide;
mod query;
mod retrieve;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ambient::SharedRng;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use space::{Actor, Ins};
use wire_soap::{
    envelope::Envelope,
    multipart::Multipart,
    ns,
    reply::{MtomFrame, SoapReply},
    xml::{Element, Tree},
};

use crate::{
    Limits,
    receive::{self, Incoming},
};

pub use error::{ClientError, ToldError, TransportError, Verdict};
pub use people::{OwnAuthorisation, Standing};
pub use provide::{OutgoingBody, Submitted};
pub(crate) use query::at_home;
pub use query::{Answered, StoredQuery, Way};
pub use retrieve::{Retrieval, Retrieved};

/// A call, to be carried out.
pub struct Call {
    /// Whole address.
    pub url: String,
    /// Content-Type.
    pub content_type: String,
    /// Bytes of the body.
    pub length: u64,
    /// The body.
    pub body: BoxStream<'static, Result<Bytes, std::io::Error>>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("length", &self.length).finish_non_exhaustive()
    }
}

/// An answer, as it comes.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Content-Type.
    pub content_type: String,
    /// The body.
    pub body: BoxStream<'static, Result<Bytes, TransportError>>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Carries calls to the other server, over mutual TLS, bounded in time.
pub trait Transport: Send + Sync {
    /// Posts a message.
    fn post(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>>;
}

/// For what a credential is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// What the structure does itself: it feeds, and looks up what it fed.
    Structure,
    /// What it does for the person who asks.
    Person,
}

/// Signs credentials as the structure that calls.
pub trait Signer: Send + Sync {
    /// A VIHF for this actor, on this holder.
    ///
    /// # Errors
    /// Why none can be signed; nothing of anybody.
    fn vihf(&self, actor: &Actor, patient: Option<&Ins>, to: Use) -> Result<String, &'static str>;
}

/// Whom a call is made for.
#[derive(Debug, Clone, Copy)]
pub struct OnBehalf<'a> {
    /// Who acts.
    pub actor: &'a Actor,
    /// On whose space.
    pub patient: Option<&'a Ins>,
    /// In what capacity.
    pub to: Use,
}

/// Where the other server listens.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// ITI-18, ITI-57; or ITI-38.
    pub registry: String,
    /// ITI-41, ITI-43; or ITI-39.
    pub repository: String,
    /// TD0.2, TD0.4.
    pub patients: String,
    /// TD0.3, TD1.6.
    pub habilitations: String,
}

impl Endpoints {
    /// The DMP's four services under one address (`https://host/si-dmp-server/v2/services`).
    #[must_use]
    pub fn of_dmp(base: &str) -> Self {
        let under = |service: &str| format!("{}/{service}", base.trim_end_matches('/'));
        Self {
            registry: under("registry"),
            repository: under("repository"),
            patients: under("patients"),
            habilitations: under("habilitations"),
        }
    }
}

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    endpoints: Endpoints,
    transport: Arc<dyn Transport>,
    signer: Arc<dyn Signer>,
    rng: SharedRng,
    limits: Limits,
    /// Longest answer with documents, held in memory.
    answer_bytes: u64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// What is sent beside an envelope.
struct Attached {
    content_id: String,
    mime_type: String,
    body: OutgoingBody,
}

/// An envelope received, and what comes after it.
struct Received {
    status: u16,
    envelope: String,
    parts: Option<Multipart<Incoming>>,
}

impl Client {
    /// A client of the server at `endpoints`.
    #[must_use]
    pub fn new(
        endpoints: Endpoints,
        transport: Arc<dyn Transport>,
        signer: Arc<dyn Signer>,
        rng: SharedRng,
        answer_bytes: u64,
    ) -> Self {
        let mut limits = Limits::default();
        // A listing is longer than any request: ten thousand entries, of some 6 kB and 400 nodes each.
        (limits.xml.max_bytes, limits.xml.max_nodes) = (64 << 20, 4_000_000);
        Self { endpoints, transport, signer, rng, limits, answer_bytes }
    }

    fn envelope(
        &self,
        action: &str,
        to: &str,
        who: OnBehalf<'_>,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Vec<u8>, ClientError> {
        let vihf = self.signer.vihf(who.actor, who.patient, who.to).map_err(ClientError::Credential)?;
        let header = format!(
            "<wsa:ReplyTo><wsa:Address>{}</wsa:Address></wsa:ReplyTo><wsse:Security xmlns:wsse=\"{}\">{vihf}</wsse:Security>",
            ns::WSA_ANONYMOUS,
            ns::WSSE
        );
        let id = format!("urn:uuid:{}", self.rng.uuid());
        let mut out = Vec::with_capacity(16 << 10);
        SoapReply::new(action, &id).to(to).action_must_understand().header(header.as_bytes()).write(&mut out, body);
        Ok(out)
    }

    /// Sends one envelope and reads the answer.
    async fn ask<T>(
        &self,
        action: &str,
        to: &str,
        who: OnBehalf<'_>,
        body: impl FnOnce(&mut Vec<u8>),
        read: impl FnOnce(Element<'_, '_>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let envelope = self.envelope(action, to, who, body)?;
        let received = self.send(to, action, envelope, None).await?;
        parse(&received, &self.limits, read)
    }

    async fn send(
        &self,
        to: &str,
        action: &str,
        envelope: Vec<u8>,
        attached: Option<Vec<Attached>>,
    ) -> Result<Received, ClientError> {
        let (content_type, length, body) = match attached {
            None => {
                let length = envelope.len() as u64;
                let one = futures::stream::once(async move { Ok(Bytes::from(envelope)) });
                (format!("application/soap+xml; charset=UTF-8; action=\"{action}\""), length, one.boxed())
            }
            Some(attached) => self.package(action, &envelope, attached)?,
        };
        let call = Call { url: to.to_owned(), content_type, length, body };
        let answer = self.transport.post(call).await?;
        self.received(answer).await
    }

    /// A MIME package: the envelope, then each document, streamed.
    #[expect(clippy::type_complexity, reason = "what a call is made of, once")]
    fn package(
        &self,
        action: &str,
        envelope: &[u8],
        attached: Vec<Attached>,
    ) -> Result<(String, u64, BoxStream<'static, Result<Bytes, std::io::Error>>), ClientError> {
        let boundary = format!("uuid:{}", self.rng.uuid());
        let frame = MtomFrame::new(&boundary, "root@passerelle").ok_or(ClientError::Unreadable("boundary"))?;
        let content_type = frame.content_type(Some(action));
        let whole = |bytes: Vec<u8>| futures::stream::once(async move { Ok(Bytes::from(bytes)) }).boxed();
        let mut pieces = Vec::with_capacity(attached.len() * 2 + 2);
        let prefix = frame.prefix(envelope);
        let mut length = prefix.len() as u64;
        pieces.push(whole(prefix));
        for part in attached {
            let head = frame.part_header(&part.content_id, &part.mime_type);
            let head = head.ok_or(ClientError::Unreadable("Content-ID"))?;
            length += head.len() as u64 + part.body.length;
            pieces.push(whole(head));
            pieces.push(part.body.bytes);
        }
        let closing = frame.closing();
        length += closing.len() as u64;
        pieces.push(whole(closing));
        Ok((content_type, length, futures::stream::iter(pieces).flatten().boxed()))
    }

    async fn received(&self, answer: Answer) -> Result<Received, ClientError> {
        let Answer { status, content_type, body } = answer;
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&content_type) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        let max = self.answer_bytes.saturating_add(self.limits.xml.max_bytes as u64);
        let mut seen = 0u64;
        let body = body.map(move |chunk| {
            let chunk = chunk?;
            seen += chunk.len() as u64;
            if seen > max { Err(Box::from(receive::TooLong)) } else { Ok(chunk) }
        });
        // A proxy's page is no answer of the server: what it says is its status.
        match receive::receive(&headers, Box::pin(body), &self.limits).await {
            Ok(message) => Ok(Received { status, envelope: message.envelope, parts: message.parts }),
            Err(_) if !(200..300).contains(&status) => Err(ClientError::Http(status)),
            Err(refusal) => Err(error::of_reception(refusal.cause)),
        }
    }
}

/// Parses an answer: a fault is an error, anything else is read.
fn parse<T>(
    received: &Received,
    limits: &Limits,
    read: impl FnOnce(Element<'_, '_>) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let unreadable = || match received.status {
        200..300 => ClientError::Unreadable("envelope"),
        status => ClientError::Http(status),
    };
    let tree = Tree::parse(&received.envelope, &limits.xml).map_err(|_| unreadable())?;
    let envelope = Envelope::read(&tree).map_err(|_| unreadable())?;
    let body = envelope.body();
    if body.local_name() == "Fault" && matches!(body.namespace(), Some(ns::SOAP12 | ns::SOAP11)) {
        return Err(fault::read(body, received.status));
    }
    match received.status {
        200..300 => read(body),
        status => Err(ClientError::Http(status)),
    }
}
