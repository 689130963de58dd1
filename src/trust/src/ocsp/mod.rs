//! What the authorities' responders say of certificates (OCSP, RFC 6960), beside revocation lists.
//!
//! A certificate is asked about once its chain leads to us and its bearer has proved to hold the key. One question at a
//! time for each certificate; an answer is kept until its nextUpdate, a silence for a moment, so that no call waits longer
//! than the policy's bound and a dead responder is not asked at every call. What an answer says is never softened: the
//! policy decides only what silence means. `hard` refuses; `soft` lets a certificate pass for a time of grace, which is
//! counted. Only the bearer's certificate is asked about: authorities are revoked by their lists.
//!
//! Answers stapled to a client's TLS handshake are not read: rustls servers do not ask for them.
//!
//! Bytes in, bytes out: the transport is the program's ([`OcspTransport`]). Signatures are aws-lc's.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use ambient::{SharedRng, Timestamp};
use jiff::SignedDuration;
use space::{Cause, Refusal};

pub use self::answer::Unanswered;
use self::{
    answer::{Answer, Status},
    request::Question,
};
use crate::{Peer, key::PublicKey};

/// Media type of a question.
pub const REQUEST_TYPE: &str = "application/ocsp-request";
/// Longest answer read, in bytes. Real ones have 0.5 to 4 KiB, as they bring the responder's certificate.
pub const MAX_ANSWER: usize = 64 * 1024;

/// Certificates remembered.
const REMEMBERED: usize = 8192;
/// Questions under way at once; further ones wait, within their bound.
const AT_ONCE: usize = 16;
/// How long a responder that did not answer about a certificate is not asked about it again.
const PAUSE: Duration = Duration::from_secs(10);

/// An authority, as far as OCSP names it.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its subject, DER.
    pub(crate) name: Vec<u8>,
    pub(crate) key: PublicKey,
}

/// What silence means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OcspMode {
    /// A certificate passes for the time of grace.
    #[default]
    Soft,
    /// It does not pass.
    Hard,
}

/// How responders are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspPolicy {
    /// What silence means.
    pub mode: OcspMode,
    /// Under [`OcspMode::Soft`], how long a certificate passes from the first question that got no answer.
    pub grace: Duration,
    /// How long a call waits for an answer.
    pub timeout: Duration,
    /// Whom to ask, instead of the responder that the certificate names.
    pub url: Option<String>,
    /// How far the clock of a responder may be off.
    pub skew: Duration,
}

/// Carries a question to a responder. Carried out by the program.
pub trait OcspTransport: Send + Sync {
    /// Posts `request` ([`REQUEST_TYPE`]) to `url` and gives the body of a successful answer, at most [`MAX_ANSWER`]
    /// bytes. Blocks the thread, for `limit` at most.
    ///
    /// # Errors
    /// A word for what went wrong, without the address.
    fn ask(&self, url: &str, request: Vec<u8>, limit: Duration) -> Result<Vec<u8>, &'static str>;
}

/// What is remembered of a certificate.
#[derive(Default)]
struct Entry {
    answer: Option<Answer>,
    /// Since when questions have got no answer.
    silent_since: Option<Timestamp>,
    /// Not asked again before.
    pause_until: Option<Instant>,
    asking: bool,
}

#[derive(Default)]
struct State {
    entries: HashMap<[u8; 32], Entry>,
    asking: usize,
}

/// What was counted since the start, and what stands now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OcspFigures {
    /// Answers: the certificate is good.
    pub good: u64,
    /// Answers: it is revoked.
    pub revoked: u64,
    /// Answers: the responder does not know it.
    pub unknown: u64,
    /// Questions without an answer that could be believed.
    pub unanswered: u64,
    /// Calls let pass by grace.
    pub graced: u64,
    /// Calls refused for want of an answer.
    pub refused: u64,
    /// Certificates that stand without an answer now: under `soft` their grace is running, or over.
    pub silent: u64,
}

#[derive(Default)]
struct Counted {
    good: AtomicU64,
    revoked: AtomicU64,
    unknown: AtomicU64,
    unanswered: AtomicU64,
    graced: AtomicU64,
    refused: AtomicU64,
}

/// Asks responders and remembers what they said.
pub struct Ocsp {
    policy: OcspPolicy,
    transport: Arc<dyn OcspTransport>,
    rng: SharedRng,
    state: Mutex<State>,
    answered: Condvar,
    counted: Counted,
}

impl Ocsp {
    /// Asks by `transport`.
    #[must_use]
    pub fn new(policy: OcspPolicy, transport: Arc<dyn OcspTransport>, rng: SharedRng) -> Self {
        let (state, answered, counted) = (Mutex::default(), Condvar::new(), Counted::default());
        Self { policy, transport, rng, state, answered, counted }
    }

    /// The figures.
    #[must_use]
    pub fn figures(&self) -> OcspFigures {
        let silent = self.state().entries.values().filter(|e| e.silent_since.is_some()).count();
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        OcspFigures {
            good: of(&self.counted.good),
            revoked: of(&self.counted.revoked),
            unknown: of(&self.counted.unknown),
            unanswered: of(&self.counted.unanswered),
            graced: of(&self.counted.graced),
            refused: of(&self.counted.refused),
            silent: silent as u64,
        }
    }

    /// What is known of a certificate without asking: an answer that still holds.
    pub(crate) fn remembered(&self, fingerprint: &[u8; 32], now: Timestamp) -> Option<Result<(), Refusal>> {
        let state = self.state();
        let answer = state.entries.get(fingerprint)?.answer.as_ref()?;
        (now < answer.until).then(|| verdict(answer.status))
    }

    /// Whether the responder of `issuer` knows `peer`'s certificate and has not revoked it. `is_revoked` tells whether a
    /// serial number is on a revocation list of the same authority.
    ///
    /// # Errors
    /// [`Cause::SignerRevoked`]; [`Cause::SignerUntrusted`] for a certificate that the responder does not know, or of
    /// which nothing is known although it must be.
    pub(crate) fn check(
        &self,
        peer: &Peer,
        issuer: &Issuer,
        is_revoked: &dyn Fn(&[u8]) -> bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(url) = self.policy.url.clone().or_else(|| request::responder_of(peer.der())) else {
            return self.nobody_to_ask();
        };
        if !self.may_ask(peer.fingerprint(), now) {
            return self.by_what_is_known(peer.fingerprint(), now);
        }
        // From here on the entry says that it is being asked: whatever happens, it must stop saying so.
        let asking = Asking { ocsp: self, fingerprint: *peer.fingerprint() };
        let answer = waiting(|| self.ask(&url, peer, issuer, is_revoked, now));
        asking.note(answer, now);
        drop(asking);
        self.by_what_is_known(peer.fingerprint(), now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Neither certificate nor policy names a responder: revocation lists alone decide, unless they are not enough.
    fn nobody_to_ask(&self) -> Result<(), Refusal> {
        match self.policy.mode {
            OcspMode::Soft => Ok(()),
            OcspMode::Hard => {
                self.counted.refused.fetch_add(1, Relaxed);
                Err(Refusal::new(Cause::SignerUntrusted).about("no OCSP responder"))
            }
        }
    }

    /// Takes the turn to ask about a certificate; `false` when what is known must do: it was answered meanwhile, asked
    /// about in vain a moment ago, or the wait is over.
    fn may_ask(&self, fingerprint: &[u8; 32], now: Timestamp) -> bool {
        let until = Instant::now() + self.policy.timeout;
        let mut state = self.state();
        loop {
            if !state.entries.contains_key(fingerprint) && !make_room(&mut state.entries, now) {
                return false;
            }
            let at_once = state.asking;
            let entry = state.entries.entry(*fingerprint).or_default();
            let known = entry.answer.as_ref().is_some_and(|answer| now < answer.until);
            if known || entry.pause_until.is_some_and(|until| Instant::now() < until) {
                return false;
            }
            if !entry.asking && at_once < AT_ONCE {
                entry.asking = true;
                state.asking += 1;
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Not asked, and still without an answer: grace is counted from here.
                entry.silent_since = entry.silent_since.or(Some(now));
                return false;
            }
            state = waiting(|| self.answered.wait_timeout(state, left)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn ask(
        &self,
        url: &str,
        peer: &Peer,
        issuer: &Issuer,
        is_revoked: &dyn Fn(&[u8]) -> bool,
        now: Timestamp,
    ) -> Result<Answer, Unanswered> {
        let mut nonce = [0; 32];
        self.rng.fill(&mut nonce);
        let question = Question::new(issuer, peer.serial(), nonce).ok_or(Unanswered::Question)?;
        let request = question.request().ok_or(Unanswered::Question)?;
        let reply = self.transport.ask(url, request, self.policy.timeout).map_err(Unanswered::Silent)?;
        let skew = SignedDuration::try_from(self.policy.skew).unwrap_or(SignedDuration::MAX);
        answer::read(&reply, &question, issuer, is_revoked, now, skew)
    }

    /// The verdict on what is known of a certificate that was, or could not be, asked about.
    fn by_what_is_known(&self, fingerprint: &[u8; 32], now: Timestamp) -> Result<(), Refusal> {
        let state = self.state();
        let entry = state.entries.get(fingerprint);
        if let Some(answer) = entry.and_then(|e| e.answer.as_ref()) {
            // What was refused once stays refused until an answer says otherwise.
            if now < answer.until || answer.status != Status::Good {
                return verdict(answer.status);
            }
        }
        let since = entry.map(|e| e.silent_since.unwrap_or(now));
        drop(state);
        let grace = SignedDuration::try_from(self.policy.grace).unwrap_or(SignedDuration::MAX);
        let graced =
            self.policy.mode == OcspMode::Soft && since.is_some_and(|since| now.duration_since(since) <= grace);
        let counter = if graced { &self.counted.graced } else { &self.counted.refused };
        counter.fetch_add(1, Relaxed);
        if graced { Ok(()) } else { Err(Refusal::new(Cause::SignerUntrusted).about("no OCSP answer")) }
    }
}

fn verdict(status: Status) -> Result<(), Refusal> {
    match status {
        Status::Good => Ok(()),
        Status::Revoked => Err(Refusal::new(Cause::SignerRevoked)),
        Status::Unknown => Err(Refusal::new(Cause::SignerUntrusted).about("not known to its authority's responder")),
    }
}

/// Makes room for one more; `false` when there is none: what stands without an answer is not forgotten, or its grace
/// would begin anew.
fn make_room(entries: &mut HashMap<[u8; 32], Entry>, now: Timestamp) -> bool {
    if entries.len() < REMEMBERED {
        return true;
    }
    entries.retain(|_, e| e.asking || e.silent_since.is_some() || e.answer.as_ref().is_some_and(|a| now < a.until));
    if entries.len() >= REMEMBERED {
        entries.retain(|_, e| e.asking || e.silent_since.is_some());
    }
    entries.len() < REMEMBERED
}

/// Runs what blocks, beside the tasks of the runtime if there is one.
fn waiting<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// The turn to ask about a certificate, given back when dropped.
struct Asking<'o> {
    ocsp: &'o Ocsp,
    fingerprint: [u8; 32],
}

impl Asking<'_> {
    fn note(&self, answer: Result<Answer, Unanswered>, now: Timestamp) {
        let counted = &self.ocsp.counted;
        let counter = match &answer {
            Ok(Answer { status: Status::Good, .. }) => &counted.good,
            Ok(Answer { status: Status::Revoked, .. }) => &counted.revoked,
            Ok(Answer { status: Status::Unknown, .. }) => &counted.unknown,
            Err(_) => &counted.unanswered,
        };
        counter.fetch_add(1, Relaxed);
        let mut state = self.ocsp.state();
        let entry = state.entries.entry(self.fingerprint).or_default();
        match answer {
            Ok(answer) => *entry = Entry { answer: Some(answer), asking: true, ..Entry::default() },
            Err(why) => {
                tracing::warn!(%why, mode = ?self.ocsp.policy.mode, "trust.ocsp.unanswered");
                entry.silent_since = entry.silent_since.or(Some(now));
                entry.pause_until = Some(Instant::now() + PAUSE);
            }
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut state = self.ocsp.state();
        state.asking = state.asking.saturating_sub(1);
        if let Some(entry) = state.entries.get_mut(&self.fingerprint) {
            entry.asking = false;
        }
        drop(state);
        self.ocsp.answered.notify_all();
    }
}

impl fmt::Debug for Ocsp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ocsp").field("policy", &self.policy).finish_non_exhaustive()
    }
}
