//! Stamps of time (RFC 3161): the request, what of the reply is kept (the token), and the check of a token against the
//! authorities one trusts.
//!
//! Bytes in, bytes out: the transport is the program's (RFC 3161 §3.4, a POST of [`REQUEST_TYPE`] answered by
//! [`REPLY_TYPE`]). Makes no cryptography of its own: signatures and paths are rustls-webpki's over aws-lc.

mod bounds;
mod certificate;
mod check;
mod info;
mod reply;
mod request;
#[cfg(test)]
mod tests;

pub use check::check;
pub use reply::token_of;
pub use request::request;

/// Media type of a request.
pub const REQUEST_TYPE: &str = "application/timestamp-query";

/// Media type of a reply.
pub const REPLY_TYPE: &str = "application/timestamp-reply";

/// Longest token read, in bytes. Real ones have 2 to 10 KiB, as they bring the authority's certificates.
pub const MAX_TOKEN: usize = 64 * 1024;

/// Longest reply read, in bytes: a token, and the status before it.
pub const MAX_REPLY: usize = MAX_TOKEN + 4 * 1024;

/// Why there is no stamp, or why it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TsaError {
    /// Longer than [`MAX_REPLY`] or [`MAX_TOKEN`], or made of more parts than any stamp has.
    #[error("the stamp is larger than any real one")]
    TooLarge,
    /// Not the DER of what it should be.
    #[error("not readable as {0}")]
    Unreadable(&'static str),
    /// The authority refuses.
    #[error("the authority refused to stamp (status {status})")]
    Refused {
        /// `PKIStatus` (RFC 3161 §2.4.2): 2 rejection, 3 waiting, 4 and 5 revocation of the authority.
        status: u8,
    },
    /// Granted, and yet without a token.
    #[error("the reply grants a stamp and has none")]
    NoToken,
    /// The signed content is not a stamp.
    #[error("the token holds something else than a stamp of time")]
    NotAStamp,
    /// It stamps something else.
    #[error("the stamp is for other data")]
    OtherImprint,
    /// It answers another request.
    #[error("the stamp answers another request")]
    OtherNonce,
    /// It says something that must be understood and is not.
    #[error("the stamp has a critical extension that is not known")]
    UnknownExtension,
    /// Its time is not one.
    #[error("the time of the stamp is not readable")]
    Time,
    /// Not signed by exactly one signer.
    #[error("the token does not have exactly one signer")]
    Signers,
    /// A signed attribute is missing, repeated, or not about this stamp.
    #[error("the signed attribute {0} is missing, repeated or wrong")]
    Attribute(&'static str),
    /// The signer's certificate is not in the token, or is not the one the signer signed for.
    #[error("the signer's certificate is not in the token")]
    NoCertificate,
    /// The certificate is not for stamping time, and for nothing else (RFC 3161 §2.3).
    #[error("the signer's certificate is not for stamping time alone")]
    NotForStamping,
    /// The certificate does not lead to a trusted authority, or was not valid at the time of the stamp.
    #[error("the signer's certificate leads to no trusted authority")]
    Untrusted,
    /// A trusted authority's certificate cannot be used.
    #[error("a trusted authority's certificate cannot be used")]
    Root,
    /// Signed with an algorithm that is not admitted: others than SHA-256, SHA-384 or SHA-512 with RSA or ECDSA.
    #[error("the token is signed with an algorithm that is not admitted")]
    Algorithm,
    /// The signature is wrong.
    #[error("the signature of the token is wrong")]
    Signature,
}
