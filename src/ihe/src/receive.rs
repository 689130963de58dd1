//! Receiving a message: the envelope (alone, or first part of a MIME package), the caller its assertion proves, then
//! the other parts as a stream. Everything is bounded in size and in silence.

use std::{pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Extensions, HeaderMap, header},
};
use desk::{Caller, Face};
use futures::{Stream, StreamExt};
use space::{Cause, Refusal};
use wire_soap::{
    content_type::MediaType,
    envelope::Envelope,
    multipart::{Multipart, PartHeaders},
    xml::{Element, Tree},
};

use crate::{IheState, Limits, errors};

/// Bytes of a message as they arrive, bounded.
pub(crate) type Incoming = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Nothing arrived for too long.
#[derive(Debug)]
pub(crate) struct Idle;
/// More arrived than may.
#[derive(Debug)]
pub(crate) struct TooLong;

macro_rules! marker_error {
    ($name:ident, $text:literal) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($text)
            }
        }
        impl std::error::Error for $name {}
    };
}
marker_error!(Idle, "nothing arrived for too long");
marker_error!(TooLong, "more arrived than may");

/// A message whose envelope has arrived.
pub(crate) struct Message {
    /// The envelope's text.
    pub(crate) envelope: String,
    /// The parts after it, when the message is a MIME package.
    pub(crate) parts: Option<Multipart<Incoming>>,
}

/// What an envelope says before its body is read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heading {
    /// `wsa:MessageID`.
    pub(crate) message_id: Option<String>,
    /// Local name of the body's element.
    pub(crate) body: String,
    /// Where the answer goes, when not back on the connection.
    pub(crate) reply_to: Option<String>,
    /// The same of a fault, when the caller says so (`wsa:FaultTo`); a fault goes where the answer would otherwise.
    pub(crate) fault_to: Option<Option<String>>,
    /// Path of the call.
    pub(crate) path: String,
    /// Host of the call, as the caller named it.
    pub(crate) host: String,
    /// Whether it was sent to a Document Recipient (XDR), who may get by with less metadata.
    pub(crate) recipient: bool,
    /// Which transaction it is, once that is known.
    pub(crate) kind: Option<crate::service::Kind>,
}

impl Heading {
    /// Where a fault goes, when not back on the connection (WS-Addressing 1.0 core §3.4).
    pub(crate) fn fault_to(&self) -> Option<&String> {
        self.fault_to.as_ref().unwrap_or(&self.reply_to).as_ref()
    }
}

/// The bytes of a request, bounded in size and silence.
pub(crate) fn incoming(body: Body, limits: &Limits) -> Incoming {
    let (idle, max) = (limits.idle, limits.message_bytes);
    let stream = futures::stream::try_unfold((body.into_data_stream(), 0u64), move |(mut data, seen)| async move {
        match next(&mut data, idle).await? {
            None => Ok(None),
            Some(bytes) => {
                let seen = seen + bytes.len() as u64;
                if seen > max { Err(BoxError::from(TooLong)) } else { Ok(Some((bytes, (data, seen)))) }
            }
        }
    });
    Box::pin(stream)
}

async fn next(data: &mut axum::body::BodyDataStream, idle: Duration) -> Result<Option<Bytes>, BoxError> {
    match tokio::time::timeout(idle, data.next()).await {
        Err(_) => Err(Idle.into()),
        Ok(None) => Ok(None),
        Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
        Ok(Some(Err(error))) => Err(error.into()),
    }
}

fn of_input(error: &BoxError) -> Refusal {
    let cause = if error.is::<Idle>() {
        Cause::TimedOut
    } else if error.is::<TooLong>() {
        Cause::TooLarge
    } else {
        Cause::Truncated
    };
    Refusal::new(cause)
}

/// Receives the envelope. What remains of a message that is refused is read, within bounds: a sender that is still
/// writing would otherwise lose the answer with the connection.
pub(crate) async fn receive(headers: &HeaderMap, mut body: Incoming, limits: &Limits) -> Result<Message, Refusal> {
    let media = match media_type(headers) {
        Ok(media) => media,
        Err(refusal) => {
            drain_body(body, limits).await;
            return Err(refusal);
        }
    };
    let Some(boundary) = media.boundary().filter(|_| !media.is_envelope()) else {
        let collected = collect(&mut body, limits.xml.max_bytes).await;
        return match collected.and_then(|bytes| decode(&bytes, media.charset())) {
            Ok(envelope) => Ok(Message { envelope, parts: None }),
            Err(refusal) => {
                drain_body(body, limits).await;
                Err(refusal)
            }
        };
    };
    let mut parts = Multipart::new(body, boundary, limits.multipart).map_err(|e| errors::of_multipart(&e))?;
    match root_part(&mut parts, &media, limits).await {
        Ok(envelope) => Ok(Message { envelope, parts: Some(parts) }),
        Err(refusal) => {
            drain(Some(parts), limits).await;
            Err(refusal)
        }
    }
}

/// The media type of a message: an envelope, or a package with a boundary.
fn media_type(headers: &HeaderMap) -> Result<MediaType, Refusal> {
    let wrong = || Refusal::new(Cause::WrongContentType).at("Content-Type");
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).ok_or_else(wrong)?;
    let media = MediaType::parse(value).map_err(|_| wrong())?;
    if media.is_envelope() {
        Ok(media)
    } else if !media.is_multipart_related() {
        Err(wrong())
    } else if media.boundary().is_none() {
        Err(wrong().about("boundary"))
    } else {
        Ok(media)
    }
}

/// The envelope in the first part of a package.
async fn root_part(parts: &mut Multipart<Incoming>, media: &MediaType, limits: &Limits) -> Result<String, Refusal> {
    let refuse = |e| errors::of_multipart(&e);
    let max = limits.xml.max_bytes;
    let root = parts.next_part().await.map_err(refuse)?;
    let root = root.ok_or_else(|| Refusal::new(Cause::Truncated))?;
    if media.start().is_some_and(|start| !is_named(&root, start)) {
        return Err(Refusal::new(Cause::MalformedMultipart).at("Content-Type").about("start"));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = parts.next_chunk().await.map_err(refuse)? {
        if bytes.len() + chunk.len() > max {
            return Err(Refusal::new(Cause::TooLarge).at(root.place()).about(max.to_string()));
        }
        bytes.extend_from_slice(&chunk);
    }
    decode(&bytes, root.content_type.as_ref().and_then(|m| m.charset()))
}

/// Whether a part bears a Content-ID, written with or without angle brackets.
pub(crate) fn is_named(part: &PartHeaders, id: &str) -> bool {
    let bare = |s: &str| s.trim().trim_start_matches('<').trim_end_matches('>').to_owned();
    part.content_id.as_deref().map(bare) == Some(bare(id))
}

async fn collect(body: &mut Incoming, max: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|e| of_input(&e))?;
        if bytes.len() + chunk.len() > max {
            return Err(Refusal::new(Cause::TooLarge).about(max.to_string()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn decode(bytes: &[u8], charset: Option<&str>) -> Result<String, Refusal> {
    wire_soap::xml::decode(bytes, charset).map(std::borrow::Cow::into_owned).map_err(|e| errors::of_xml(&e))
}

/// Parses an envelope, proves its caller, and reads its body — all on one tree. `heading` is filled as soon as the
/// envelope is understood, so that a refusal can say what it answers.
pub(crate) fn read<T>(
    state: &IheState,
    envelope: &str,
    extensions: &Extensions,
    heading: &mut Heading,
    body: impl FnOnce(&Envelope<'_, '_>, Element<'_, '_>, &Tree<'_>) -> Result<T, Refusal>,
) -> (Option<Caller>, Result<T, Refusal>) {
    let refused = |r| (None, Err(r));
    let tree = match Tree::parse(envelope, &state.limits.xml) {
        Ok(tree) => tree,
        Err(error) => return refused(errors::of_xml(&error)),
    };
    let message = match Envelope::read(&tree) {
        Ok(message) => message,
        Err(error) => return refused(errors::of_soap(&error)),
    };
    heading.message_id = message.message_id.as_deref().map(str::to_owned);
    heading.body = message.body().local_name().to_owned();
    let assertions = message.security_assertions();
    let assertion = match assertions.as_slice() {
        [] => return refused(Refusal::new(Cause::AssertionMissing).at("/Envelope/Header/Security")),
        [one] => *one,
        _ => return refused(Refusal::new(Cause::AssertionDuplicated).at("/Envelope/Header/Security")),
    };
    let caller = match state.auth.authenticate(tree.document(), assertion.id(), extensions) {
        Ok(credential) => Caller::new(credential, Face::Ihe),
        Err(refusal) => return refused(refusal),
    };
    let replies = state.replies.as_ref();
    let address = |said: Option<&str>| replies.and_then(|replies| replies.address(&caller, said));
    heading.reply_to = address(message.reply_to.as_deref());
    heading.fault_to = message.fault_to.as_deref().map(|said| address(Some(said)));
    let read = body(&message, message.body(), &tree);
    (Some(caller), read)
}

/// Reads what remains of a body that is no package, within the same bounds as [`drain`].
async fn drain_body(mut body: Incoming, limits: &Limits) {
    let mut left = limits.drain_bytes;
    let reading = async {
        while let Some(Ok(chunk)) = body.next().await {
            left = left.saturating_sub(chunk.len() as u64);
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(limits.idle, reading).await;
}

/// Reads what remains of a refused message, within bounds, so that the connection can be used again.
pub(crate) async fn drain(parts: Option<Multipart<Incoming>>, limits: &Limits) {
    let Some(mut parts) = parts else { return };
    let mut left = limits.drain_bytes;
    let reading = async {
        // What is left of the part under way is counted too: it may be the one that never ends.
        loop {
            while let Ok(Some(chunk)) = parts.next_chunk().await {
                left = left.saturating_sub(chunk.len() as u64);
                if left == 0 {
                    return;
                }
            }
            if !matches!(parts.next_part().await, Ok(Some(_))) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(limits.idle, reading).await;
}
