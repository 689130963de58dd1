//! Receiving a body: bounded in bytes and in time, by configuration.

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use space::{Cause, Refusal};

use crate::{FhirState, respond::Failure};

/// Receives a body of at most `limit` bytes.
pub(crate) async fn collect(
    body: Body,
    headers: &HeaderMap,
    limit: usize,
    state: &FhirState,
) -> Result<Bytes, Failure> {
    let too_large = || Refusal::new(Cause::TooLarge).about(format!("{limit} bytes"));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    if announced.is_some_and(|n: u64| n > limit as u64) {
        return Err(too_large().into());
    }
    match tokio::time::timeout(state.limits.body_timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large().into()),
        Ok(Err(_)) => Err(Refusal::new(Cause::Truncated).into()),
        Err(_) => Err(Refusal::new(Cause::TimedOut).into()),
    }
}
