//! Answers that go to an address of the caller's own (WS-Addressing 1.0 core §3.4; asynchronous web services exchange, ITI
//! TF-2 Appendix V.3.3): the call is carried out, taken with 202, and its answer posted.
//!
//! Only to addresses that the operator admits for the caller's own structure; any other ReplyTo is answered on the connection, as software that fills the
//! header in without listening expects. An answer that cannot be delivered is lost, as one whose connection breaks: what
//! was done is done, and asked again it is a replay.

use std::sync::Arc;

use axum::{
    body::{Body, HttpBody as _},
    http::{StatusCode, header},
    response::Response,
};
use desk::Caller;
use futures::{StreamExt as _, TryStreamExt as _};
use space::StructureId;
use tokio::sync::Semaphore;

use crate::client::{Call, Transport};

/// Answers on their way at once; past it an answer goes back on its connection.
const MOST: usize = 64;

/// An address of a structure's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The structure.
    pub structure: StructureId,
    /// How its addresses begin (`https://host:port/path`).
    pub address: String,
}

/// Whether an address lies under one of the caller's structure's: the same host, and a path that begins as it does. Whose
/// structure is only claimed has none: what a caller may read is not sent to another house.
pub(crate) fn admits(admitted: &[Admitted], caller: &Caller, address: &str) -> bool {
    let actor = &caller.actor;
    let own = |one: &&Admitted| actor.structure_proven && actor.structure.as_ref() == Some(&one.structure);
    admitted.iter().filter(own).any(|one| is_under(&one.address, address))
}

fn is_under(base: &str, address: &str) -> bool {
    // What a client would read otherwise than it is compared: user, fragment, climbing, escapes of it.
    let plain = address.len() <= 1024 && address.bytes().all(|b| b.is_ascii_graphic());
    let sound = plain && !address.contains(['@', '\\', '#', '%']) && !address.contains("..");
    let base = base.trim_end_matches('/');
    let rest = address.strip_prefix(base).filter(|_| sound && !base.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Who may have answers sent to an address of their own.
#[derive(Clone)]
pub struct Replies {
    admitted: Arc<Vec<Admitted>>,
    transport: Arc<dyn Transport>,
    under_way: Arc<Semaphore>,
}

impl std::fmt::Debug for Replies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replies").finish_non_exhaustive()
    }
}

impl Replies {
    /// To these addresses.
    #[must_use]
    pub fn new(admitted: Vec<Admitted>, transport: Arc<dyn Transport>) -> Self {
        Self { admitted: Arc::new(admitted), transport, under_way: Arc::new(Semaphore::new(MOST)) }
    }

    /// The address an answer is to go to, when it is admitted.
    pub(crate) fn address(&self, caller: &Caller, reply_to: Option<&str>) -> Option<String> {
        reply_to.filter(|address| admits(&self.admitted, caller, address)).map(str::to_owned)
    }

    /// Sends an answer on its way, and gives what the connection is told.
    pub(crate) fn send(&self, url: String, response: Response) -> Response {
        let Ok(permit) = self.under_way.clone().try_acquire_owned() else { return response };
        let (parts, body) = response.into_parts();
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let said = parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        let call = Call {
            url,
            content_type: content_type.to_owned(),
            length: said.or_else(|| body.size_hint().exact()).unwrap_or_default(),
            body: body.into_data_stream().map_err(std::io::Error::other).boxed(),
        };
        let transport = self.transport.clone();
        tokio::spawn(async move {
            match transport.post(call).await {
                Ok(answer) if (200..300).contains(&answer.status) => {}
                Ok(answer) => tracing::warn!(status = answer.status, "ihe.reply_refused"),
                Err(error) => tracing::warn!(error = %error, "ihe.reply_undelivered"),
            }
            drop(permit);
        });
        let mut accepted = Response::new(Body::empty());
        *accepted.status_mut() = StatusCode::ACCEPTED;
        *accepted.extensions_mut() = parts.extensions;
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_under_an_admitted_one_are_told() {
        let admits = |address: &str| is_under("https://hopital.example:8443/notify", address);
        assert!(admits("https://hopital.example:8443/notify") && admits("https://hopital.example:8443/notify/a?b=c"));
        for hostile in [
            "https://hopital.example:8443/notifyx",
            "https://hopital.example:84431/notify",
            "https://hopital.example:8443@evil.example/notify",
            "https://hopital.example:8443/notify/../admin",
            "https://hopital.example:8443/notify/%2e%2e/admin",
            "https://hopital.example:8443/notify/\\evil",
            "http://hopital.example:8443/notify",
            "https://evil.example/https://hopital.example:8443/notify",
            "https://hopital.example:8443/notify/a b",
            "",
        ] {
            assert!(!admits(hostile), "{hostile}");
        }
        assert!(!is_under("", "https://hopital.example:8443/notify"));
    }
}
