//! What went wrong in a call, and what follows: the other is away, the message may pass later, or it is refused.

use space::Cause;
use wire_soap::xds::{RegistryError, Severity};

/// The call did not come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection.
    #[error("could not be reached")]
    Unreachable,
    /// No answer in time.
    #[error("took too long")]
    TooSlow,
    /// The connection ended before the answer did. What was sent may have been carried out.
    #[error("broke off")]
    Broken,
}

/// One thing the other said, in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldError {
    /// Its code.
    pub code: String,
    /// The stable code of the cause, where the other is a Passerelle.
    pub word: String,
    /// Where in the message.
    pub place: String,
    /// Its text: it may say something of somebody, and is neither logged nor kept in the open.
    pub text: String,
}

/// Why a call gave nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// It did not come through.
    #[error("the call {0}")]
    Transport(#[from] TransportError),
    /// A status of HTTP and no message.
    #[error("the other answered {0}")]
    Http(u16),
    /// A SOAP fault.
    #[error("the other answered a fault ({})", .told.code)]
    Fault {
        /// Whether the other says that it is its own.
        receiver: bool,
        /// HTTP status.
        status: u16,
        /// What it said.
        told: ToldError,
    },
    /// Registry errors: nothing was done.
    #[error("the other refused ({})", .0.first().map_or("", |told| told.code.as_str()))]
    Registry(Vec<ToldError>),
    /// The answer is not the transaction's.
    #[error("the answer cannot be read ({0})")]
    Unreadable(&'static str),
    /// No credential could be signed.
    #[error("no credential can be signed: {0}")]
    Credential(&'static str),
}

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The other is not there, or lets nobody in: nothing else would pass either.
    Away,
    /// This message did not pass, and may later.
    Later,
    /// This message is refused: as it is, it will not pass.
    Refused,
}

impl ClientError {
    /// What follows.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Transport(_) => Verdict::Away,
            // Not ours to be let in, too many, or a gateway before the other that does not reach it.
            Self::Http(401 | 403 | 404 | 405 | 408 | 429 | 502..=504) => Verdict::Away,
            Self::Http(500..) | Self::Unreadable(_) => Verdict::Later,
            Self::Http(_) | Self::Credential(_) => Verdict::Refused,
            Self::Fault { status: 429 | 503, .. } => Verdict::Away,
            Self::Fault { told, .. } if told.word == Cause::Busy.code() => Verdict::Away,
            Self::Fault { receiver: true, .. } => Verdict::Later,
            // Who we are is not believed: that is of no one message.
            Self::Fault { told, .. } if is_of_the_credential(&told.word) => Verdict::Away,
            Self::Fault { .. } => Verdict::Refused,
            Self::Registry(told) => {
                let codes = || told.iter().map(|t| t.code.as_str());
                if codes().any(|c| matches!(c, "XDSRegistryBusy" | "XDSRepositoryBusy")) {
                    Verdict::Away
                } else if codes().any(is_of_the_moment) {
                    Verdict::Later
                } else {
                    Verdict::Refused
                }
            }
        }
    }

    /// The first thing the other said, for the operator: without its text.
    #[must_use]
    pub fn told(&self) -> ToldError {
        let bare = |code: String| ToldError { code, ..ToldError::default() };
        let told = match self {
            Self::Fault { told, .. } => told.clone(),
            Self::Registry(told) => told.first().cloned().unwrap_or_default(),
            Self::Transport(_) => bare("transport".to_owned()),
            Self::Http(status) => bare(format!("HTTP {status}")),
            Self::Unreadable(_) => bare("unreadable".to_owned()),
            Self::Credential(_) => bare("credential".to_owned()),
        };
        ToldError { text: String::new(), ..told }
    }
}

fn is_of_the_moment(code: &str) -> bool {
    matches!(
        code,
        "XDSRegistryError"
            | "XDSRepositoryError"
            | "XDSRegistryOutOfResources"
            | "XDSRepositoryOutOfResources"
            | "XDSRegistryNotAvailable"
    )
}

fn is_of_the_credential(word: &str) -> bool {
    use Cause as C;
    [C::SignerUntrusted, C::SignerRevoked, C::SignerExpired, C::AssertionExpired, C::AssertionNotYetValid]
        .iter()
        .any(|cause| cause.code() == word)
}

/// What could not be received.
pub(super) fn of_reception(cause: Cause) -> ClientError {
    match cause {
        Cause::Truncated => TransportError::Broken.into(),
        Cause::TimedOut => TransportError::TooSlow.into(),
        Cause::TooLarge => ClientError::Unreadable("too long"),
        Cause::WrongContentType => ClientError::Unreadable("Content-Type"),
        Cause::MalformedMultipart => ClientError::Unreadable("multipart"),
        _ => ClientError::Unreadable("envelope"),
    }
}

/// Registry errors that are no warnings.
pub(super) fn of_registry(errors: &[RegistryError]) -> Vec<ToldError> {
    errors.iter().filter(|e| e.severity == Severity::Error).map(told).collect()
}

/// One registry error. A context of another Passerelle begins with the stable code of the cause.
pub(super) fn told(error: &RegistryError) -> ToldError {
    let word = error.context.split([' ', '[']).next().unwrap_or_default();
    let known = Cause::ALL.iter().any(|cause| cause.code() == word);
    ToldError {
        code: code(&error.code),
        word: if known { word.to_owned() } else { String::new() },
        place: place(error.location.as_deref().unwrap_or_default()),
        text: bounded(&error.context, 1000),
    }
}

/// A code as it may be kept and logged: what is no code is not repeated, for it may be anything.
pub(super) fn code(text: &str) -> String {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
    let text = text.trim();
    let is_code = (1..=80).contains(&text.len()) && text.bytes().all(good) && !holds_number(text);
    if is_code { text.to_owned() } else { "unnamed".to_owned() }
}

/// A place in a message as it may be kept and logged: a path of names, never a value.
pub(super) fn place(text: &str) -> String {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'[' | b']' | b'_' | b'-' | b'.' | b':' | b'@');
    let text = text.trim();
    let is_path = text.starts_with('/') && text.len() <= 300 && text.bytes().all(good) && !holds_number(text);
    if is_path { text.to_owned() } else { String::new() }
}

/// Whether as many digits stand together as in what names a person.
fn holds_number(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 5)
}

/// The beginning of a text.
pub(super) fn bounded(text: &str, max: usize) -> String {
    text.trim().chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::{code, place};

    #[test]
    fn what_may_name_somebody_is_not_kept() {
        assert_eq!([code("XDSUnknownPatientId"), code("HTTP 500")], ["XDSUnknownPatientId", "unnamed"]);
        assert_eq!([code("277076322082910"), code("INS:AUBRY CLAIRE")], ["unnamed", "unnamed"]);
        assert_eq!(place("/Envelope/Body[1]/Slot[2]"), "/Envelope/Body[1]/Slot[2]");
        assert!(
            ["at java.lang.X(Y.java:12)", "/a/277076322082910", "patient AUBRY", ""]
                .iter()
                .all(|p| place(p).is_empty())
        );
    }
}
