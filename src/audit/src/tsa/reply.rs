//! `TimeStampResp` (RFC 3161 §2.4.2).

use der::{Decode, Encode};
use x509_tsp::TimeStampResp;

use super::{MAX_REPLY, TsaError, bounds::bounded, info::Token, request::integer};

/// The token of a reply (DER), once it answers the request made with `sha256` and `nonce`. Its signature is not looked
/// at here: see [`super::check`].
///
/// # Errors
/// [`TsaError::Refused`] when no stamp was granted; [`TsaError::OtherImprint`] and [`TsaError::OtherNonce`] when the
/// stamp is not the one asked for; otherwise what is wrong with the reply.
pub fn token_of(reply: &[u8], sha256: &[u8; 32], nonce: u64) -> Result<Vec<u8>, TsaError> {
    const REPLY: &str = "a reply";
    if reply.len() > MAX_REPLY {
        return Err(TsaError::TooLarge);
    }
    bounded(reply, REPLY)?;
    let response = TimeStampResp::from_der(reply).map_err(|_| TsaError::Unreadable(REPLY))?;
    // `granted` and `grantedWithMods`; what was modified is seen below.
    let status = response.status.status as u8;
    if status > 1 {
        return Err(TsaError::Refused { status });
    }
    let token = response.time_stamp_token.ok_or(TsaError::NoToken)?;
    let token = token.to_der().map_err(|_| TsaError::Unreadable(REPLY))?;
    let read = Token::read(&token)?;
    if !read.stamps(sha256) {
        return Err(TsaError::OtherImprint);
    }
    if read.nonce() != Some(integer(nonce).as_slice()) {
        return Err(TsaError::OtherNonce);
    }
    Ok(token)
}
