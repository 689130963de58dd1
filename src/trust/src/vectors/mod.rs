//! The corpus of hostile assertions: every way we know of lying with a signed VIHF, made anew with the keys of a
//! development PKI, each with the cause it must be refused for; and sound ones, which must be accepted.
//!
//! For tests only (the feature `vectors`): the room's own tests, the comparison with `xmlsec1`, and the tests of the
//! running program feed on this one list. A vector is a whole SOAP message in bytes, since some attacks are on the text
//! around the assertion.

mod algorithms;
mod claims;
mod keys;
mod references;
mod sound;
mod text;
mod workshop;
mod wrapping;

use std::fmt;

use space::Cause;

pub use self::workshop::Workshop;

/// One message, and what is to become of it.
#[derive(Clone)]
pub struct Vector {
    /// What it attacks, in a few words that name a file.
    pub name: String,
    /// What it tries, and why it is refused (or, if sound, why it is accepted).
    pub about: &'static str,
    /// Accepted, or the cause it is refused for.
    pub expected: Result<(), Cause>,
    /// The whole message.
    pub message: Vec<u8>,
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vector({}, {:?})", self.name, self.expected)
    }
}

/// A list of vectors under way.
struct Corpus<'w> {
    workshop: &'w Workshop,
    vectors: Vec<Vector>,
}

impl Corpus<'_> {
    /// A whole message that is to be refused.
    fn message(&mut self, name: &str, about: &'static str, cause: Cause, message: impl Into<Vec<u8>>) {
        self.vectors.push(Vector { name: name.to_owned(), about, expected: Err(cause), message: message.into() });
    }

    /// What stands in `wsse:Security` of a message that is to be refused.
    fn refused(&mut self, name: &str, about: &'static str, cause: Cause, security: &str) {
        let message = self.workshop.envelope(security);
        self.message(name, about, cause, message);
    }

    /// The same for a message that is to be accepted.
    fn accepted(&mut self, name: &str, about: &'static str, message: impl Into<Vec<u8>>) {
        self.vectors.push(Vector { name: name.to_owned(), about, expected: Ok(()), message: message.into() });
    }
}

/// Every vector, hostile ones first. Names differ.
///
/// # Panics
/// When the `openssl` program, which makes the weak signatures that our own library refuses to make, cannot be run.
#[must_use]
pub fn corpus(workshop: &Workshop) -> Vec<Vector> {
    let mut corpus = Corpus { workshop, vectors: Vec::new() };
    wrapping::add(&mut corpus);
    references::add(&mut corpus);
    algorithms::add(&mut corpus);
    keys::add(&mut corpus);
    claims::add(&mut corpus);
    text::add(&mut corpus);
    sound::add(&mut corpus);
    corpus.vectors
}
