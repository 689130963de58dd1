//! Receiving a body: bounded in bytes and in time, by configuration; all of them together bounded in memory.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use space::{Cause, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{FhirState, format, respond::Failure};

/// Unit of the budget, in bytes.
const UNIT: usize = 4096;

/// XML longer than this is turned into JSON on a thread of its own.
const LONG: usize = 256 * 1024;

/// Room made for a body before its first byte, at most.
const FIRST: usize = 1 << 20;

/// What the bodies that are being received and read may take together. A call past it is told to come back: one more
/// large bundle must not cost those that are under way.
#[derive(Debug, Clone)]
pub struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS))))
    }
}

/// A body in memory, and its part of the budget until it is dropped.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) held: Held,
}

/// A part of the budget.
#[derive(Debug)]
pub(crate) struct Held {
    budget: BodyBudget,
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Held {
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let units = |bytes: usize| u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let more = units(self.bytes + bytes) - units(self.bytes);
        self.bytes += bytes;
        if more == 0 {
            return Ok(());
        }
        let permit = self.budget.0.clone().try_acquire_many_owned(more).map_err(|_| Refusal::new(Cause::Busy))?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }
}

/// Receives a resource of at most `limit` bytes, as JSON, whichever of its forms it comes in.
pub(crate) async fn resource(
    body: Body,
    headers: &HeaderMap,
    limit: usize,
    state: &FhirState,
) -> Result<Received, Failure> {
    let form = format::sent(headers)?;
    let Received { bytes, held } = collect(body, headers, limit, state).await?;
    // Away from the threads that answer others, where it takes long.
    let bytes = if bytes.len() > LONG && form == format::Format::Xml {
        let turned = tokio::task::spawn_blocking(move || format::as_json(form, bytes)).await;
        turned.map_err(|_| Refusal::new(Cause::Internal))??
    } else {
        format::as_json(form, bytes)?
    };
    Ok(Received { bytes, held })
}

/// Receives a body of at most `limit` bytes.
pub(crate) async fn collect(
    body: Body,
    headers: &HeaderMap,
    limit: usize,
    state: &FhirState,
) -> Result<Received, Failure> {
    let too_large = || Refusal::new(Cause::TooLarge).about(format!("{limit} bytes"));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    if announced.is_some_and(|n: usize| n > limit) {
        return Err(too_large().into());
    }
    let mut held = Held { budget: state.bodies.clone(), permit: None, bytes: 0 };
    let mut whole = BytesMut::with_capacity(announced.unwrap_or_default().min(FIRST));
    let mut body = body;
    let receive = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::new(Cause::Truncated))?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len() + data.len() > limit {
                return Err(too_large());
            }
            held.grow(data.len())?;
            whole.extend_from_slice(&data);
        }
        Ok(())
    };
    match tokio::time::timeout(state.limits.body_timeout, receive).await {
        Ok(Ok(())) => Ok(Received { bytes: whole.freeze(), held }),
        Ok(Err(refusal)) => Err(refusal.into()),
        Err(_) => Err(Refusal::new(Cause::TimedOut).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_shared_and_given_back() {
        let budget = BodyBudget::of(10 * UNIT);
        let hold = || Held { budget: budget.clone(), permit: None, bytes: 0 };
        let (mut one, mut other) = (hold(), hold());
        for _ in 0..8 {
            one.grow(UNIT / 2).expect("four units");
        }
        other.grow(6 * UNIT).expect("the rest");
        assert_eq!(one.grow(1).expect_err("full").cause, Cause::Busy);
        drop(other);
        let mut third = hold();
        third.grow(6 * UNIT).expect("given back");
    }
}
