//! Answers that go to an address of the caller's own (WS-Addressing 1.0 core §3.4; asynchronous web services exchange, ITI
//! TF-2 Appendix V.3.3): the call is carried out, taken with 202, and its answer posted.
//!
//! Only to addresses that the operator admits; any other ReplyTo is answered on the connection, as software that fills the
//! header in without listening expects. An answer that cannot be delivered is lost, as one whose connection breaks: what
//! was done is done, and asked again it is a replay.

use std::sync::Arc;

use axum::{
    body::{Body, HttpBody as _},
    http::{StatusCode, header},
    response::Response,
};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::Semaphore;

use crate::{
    client::{Call, Transport},
    dsub,
};

/// Answers on their way at once; past it an answer goes back on its connection.
const MOST: usize = 64;

/// Who may have answers sent to an address of their own.
#[derive(Clone)]
pub struct Replies {
    admitted: Arc<Vec<String>>,
    transport: Arc<dyn Transport>,
    under_way: Arc<Semaphore>,
}

impl std::fmt::Debug for Replies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replies").finish_non_exhaustive()
    }
}

impl Replies {
    /// To addresses that begin with one of these.
    #[must_use]
    pub fn new(admitted: Vec<String>, transport: Arc<dyn Transport>) -> Self {
        Self { admitted: Arc::new(admitted), transport, under_way: Arc::new(Semaphore::new(MOST)) }
    }

    /// The address an answer is to go to, when it is admitted.
    pub(crate) fn admits(&self, reply_to: Option<&str>) -> Option<String> {
        reply_to.filter(|address| dsub::admitted(&self.admitted, address)).map(str::to_owned)
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
