//! What a token says: `SignedData` (RFC 5652 §5.1) around `TSTInfo` (RFC 3161 §2.4.2).

use cms::{
    cert::x509::ext::Extensions,
    content_info::{CmsVersion, ContentInfo},
    signed_data::{EncapsulatedContentInfo, SignerInfos},
};
use der::{
    Any, Decode, Sequence, Tag, Tagged,
    asn1::{Int, ObjectIdentifier, OctetString, SetOfVec},
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use x509_tsp::{Accuracy, MessageImprint};

use super::{MAX_TOKEN, TsaError, bounds::bounded};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// `id-ct-TSTInfo`.
pub(super) const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// SHA-256.
pub(super) const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// `SignedData`, its certificates as they came: a signature is on their own bytes, not on ours.
#[derive(Sequence)]
pub(super) struct SignedData {
    version: CmsVersion,
    digest_algorithms: Any,
    content: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) certificates: Option<SetOfVec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    crls: Option<SetOfVec<Any>>,
    pub(super) signers: SignerInfos,
}

/// `TSTInfo`. The library's own type reads no fraction of a second, which many authorities write.
#[derive(Sequence)]
struct TstInfo {
    version: u8,
    policy: ObjectIdentifier,
    imprint: MessageImprint,
    serial: Int,
    time: Any,
    #[asn1(optional = "true")]
    accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    tsa: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

/// A token, read and not yet believed.
pub(super) struct Token {
    /// Who signed, with which certificates.
    pub(super) signed: SignedData,
    /// The `TSTInfo` as it came: what is signed.
    pub(super) content: Vec<u8>,
    info: TstInfo,
}

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// [`TsaError::TooLarge`], [`TsaError::Unreadable`], [`TsaError::NotAStamp`], [`TsaError::UnknownExtension`].
    pub(super) fn read(der: &[u8]) -> Result<Self, TsaError> {
        const TOKEN: &str = "a token";
        if der.len() > MAX_TOKEN {
            return Err(TsaError::TooLarge);
        }
        bounded(der, TOKEN)?;
        let outer = ContentInfo::from_der(der).map_err(|_| TsaError::Unreadable(TOKEN))?;
        if outer.content_type != SIGNED_DATA {
            return Err(TsaError::NotAStamp);
        }
        let signed: SignedData = outer.content.decode_as().map_err(|_| TsaError::Unreadable(TOKEN))?;
        if signed.content.econtent_type != TST_INFO {
            return Err(TsaError::NotAStamp);
        }
        let content = signed.content.econtent.as_ref().ok_or(TsaError::NotAStamp)?;
        let content: OctetString = content.decode_as().map_err(|_| TsaError::NotAStamp)?;
        let content = content.into_bytes();
        bounded(&content, "a stamp")?;
        let info = TstInfo::from_der(&content).map_err(|_| TsaError::Unreadable("a stamp"))?;
        if info.version != 1 {
            return Err(TsaError::Unreadable("a stamp of version 1"));
        }
        if info.extensions.iter().flatten().any(|extension| extension.critical) {
            return Err(TsaError::UnknownExtension);
        }
        Ok(Self { signed, content, info })
    }

    /// Whether it stamps what has the SHA-256 `sha256`.
    pub(super) fn stamps(&self, sha256: &[u8; 32]) -> bool {
        let imprint = &self.info.imprint;
        imprint.hash_algorithm.oid == SHA_256 && imprint.hashed_message.as_bytes() == sha256
    }

    /// The nonce, as the content of its INTEGER.
    pub(super) fn nonce(&self) -> Option<&[u8]> {
        self.info.nonce.as_ref().map(Int::as_bytes)
    }

    /// When it was stamped.
    ///
    /// # Errors
    /// [`TsaError::Time`].
    pub(super) fn time(&self) -> Result<Timestamp, TsaError> {
        generalized(&self.info.time).ok_or(TsaError::Time)
    }
}

/// `YYYYMMDDhhmmss[.f…]Z` (RFC 3161 §2.4.2), a fraction of nine digits at most.
fn generalized(time: &Any) -> Option<Timestamp> {
    if time.tag() != Tag::GeneralizedTime {
        return None;
    }
    let text = std::str::from_utf8(time.value()).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) {
        return None;
    }
    let nanoseconds = match fraction {
        None => 0,
        Some(f) if (1..=9).contains(&f.len()) && digits(f) => format!("{f:0<9}").parse().ok()?,
        Some(_) => return None,
    };
    let part = |from: usize, to: usize| whole.get(from..to)?.parse::<i8>().ok();
    let year = whole.get(..4)?.parse().ok()?;
    let (month, day, hour, minute, second) = (part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let at = DateTime::new(year, month, day, hour, minute, second, nanoseconds).ok()?;
    at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_a_fraction() {
        let read = |text: &str| {
            generalized(&Any::new(Tag::GeneralizedTime, text.as_bytes()).expect("a value")).map(|t| t.to_string())
        };
        assert_eq!(read("20260102030405Z").as_deref(), Some("2026-01-02T03:04:05Z"));
        assert_eq!(read("20260102030405.25Z").as_deref(), Some("2026-01-02T03:04:05.25Z"));
        for bad in
            ["", "Z", "20260102030405", "20260102030460Z", "20261302030405Z", "20260102030405.Z", "202601020304Z"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        for bad in ["20260102030405.1234567890Z", "20260102030405+0100", "+026010203040Z", "２0260102030405Z"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
