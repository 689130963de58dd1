//! `TimeStampReq` (RFC 3161 §2.4.1).

/// A request to stamp what has the SHA-256 `sha256`, DER. `nonce` ties the reply to it: take it from chance. The
/// authority is asked for its certificate and for no policy in particular.
#[must_use]
pub fn request(sha256: &[u8; 32], nonce: u64) -> Vec<u8> {
    // All but the nonce is of one length, so that the bytes can be written as they stand and writing cannot fail.
    const VERSION: [u8; 3] = [0x02, 0x01, 0x01];
    // SEQUENCE { SEQUENCE { sha256, NULL }, OCTET STRING of 32 }
    const IMPRINT: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
        0x20,
    ];
    const CERT_REQ: [u8; 3] = [0x01, 0x01, 0xff];
    let nonce = integer(nonce);
    let length = VERSION.len() + IMPRINT.len() + sha256.len() + 2 + nonce.len() + CERT_REQ.len();
    // At most 70 and 9: both fit the short form of lengths.
    let [length, nonce_length] = [length, nonce.len()].map(|n| u8::try_from(n).unwrap_or(0x7f));
    [&[0x30, length], VERSION.as_slice(), &IMPRINT, sha256, &[0x02, nonce_length], &nonce, &CERT_REQ].concat()
}

/// The content of a DER INTEGER: the shortest two's complement, most significant byte first.
pub(super) fn integer(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let skipped = bytes.iter().take(7).take_while(|b| **b == 0).count();
    let digits = bytes.get(skipped..).unwrap_or_default();
    let sign = digits.first().is_some_and(|b| *b >= 0x80).then_some(0);
    sign.into_iter().chain(digits.iter().copied()).collect()
}
