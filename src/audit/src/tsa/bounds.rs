//! Bounds on foreign DER, looked at before anything is made of it.

use der::{Decode, Header, Reader, SliceReader};

use super::TsaError;

/// How deep elements may lie in one another; a token of real life needs a dozen.
const MAX_DEPTH: u8 = 24;

/// Parts of one element: sets are sorted in a time that grows with the square of their parts. A list of revoked
/// certificates, which a token may bring, has the most.
const MAX_PARTS: usize = 1024;

/// Refuses DER whose elements have more parts, or lie deeper, than those of any stamp.
///
/// # Errors
/// [`TsaError::TooLarge`], or [`TsaError::Unreadable`] where it is no DER.
pub(super) fn bounded(der: &[u8], what: &'static str) -> Result<(), TsaError> {
    parts(der, MAX_DEPTH, what)
}

fn parts(der: &[u8], depth: u8, what: &'static str) -> Result<(), TsaError> {
    if der.is_empty() {
        return Ok(());
    }
    let unreadable = |_| TsaError::Unreadable(what);
    let depth = depth.checked_sub(1).ok_or(TsaError::TooLarge)?;
    let mut reader = SliceReader::new(der).map_err(unreadable)?;
    let mut count = 0;
    while !reader.is_finished() {
        count += 1;
        if count > MAX_PARTS {
            return Err(TsaError::TooLarge);
        }
        let header = Header::decode(&mut reader).map_err(unreadable)?;
        let value = reader.read_slice(header.length).map_err(unreadable)?;
        if header.tag.is_constructed() {
            parts(value, depth, what)?;
        }
    }
    Ok(())
}
