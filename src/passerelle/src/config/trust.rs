//! Sections on certificates and credentials: what is presented, who is trusted, how revocation is known.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Section `[tls]`. Files are read again when they change.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    /// Certificate chain of the gateway (PEM).
    pub(crate) certificate: PathBuf,
    /// Its private key (PEM, PKCS#8, mode 0600).
    pub(crate) key: PathBuf,
    /// Authorities whose cards and structure certificates are trusted (PEM).
    pub(crate) authorities: Vec<PathBuf>,
    /// Their revocation lists (PEM or DER).
    pub(crate) crls: Vec<PathBuf>,
    /// Trust nothing of an authority whose revocation list is absent or out of date.
    pub(crate) require_fresh_crl: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate: "pki/server.pem".into(),
            key: "pki/server.key".into(),
            authorities: vec!["pki/ca.pem".into()],
            crls: vec!["pki/crl.pem".into()],
            require_fresh_crl: true,
        }
    }
}

/// Section `[trust]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Trust {
    /// Accept SHA-1 in the signature of a VIHF (UNVERIFIED that the DMP still does; off).
    pub(crate) allow_sha1: bool,
    /// How far a client's clock may be off, in seconds.
    pub(crate) clock_skew_s: u64,
    /// How long a VIHF holds after its IssueInstant, in seconds.
    pub(crate) vihf_lifetime_s: u64,
    /// Attributes that may carry the reason of a break-glass access (UNVERIFIED name).
    pub(crate) reason_attributes: Vec<String>,
    /// Refuse sectors of activity that are not in the table of facilities (JDV_J02; whether JDV_J61, which the VIHF names,
    /// has others is UNVERIFIED).
    pub(crate) check_sector: bool,
    /// Refuse a VIHF of *authentification indirecte renforcée* without AuthnContextDecl (UNVERIFIED that it must be there).
    pub(crate) air_declares: bool,
    /// Ask the authorities' responders about certificates (OCSP): `off`, `soft` (silence lets pass for `ocsp_grace_s`) or
    /// `hard` (silence refuses).
    pub(crate) ocsp: OcspSetting,
    /// Responder to ask instead of those that certificates name; empty = theirs.
    pub(crate) ocsp_url: String,
    /// How long a call waits for a responder, in milliseconds.
    pub(crate) ocsp_timeout_ms: u64,
    /// Under `soft`, how long a certificate passes from the first question without an answer, in seconds.
    pub(crate) ocsp_grace_s: u64,
    /// Certificate whose key signs the access tokens of holders (PEM); empty = no holder comes in.
    pub(crate) holder_tokens: PathBuf,
}

/// Whether and how responders are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OcspSetting {
    #[default]
    Off,
    Soft,
    Hard,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            allow_sha1: false,
            clock_skew_s: 120,
            vihf_lifetime_s: 3600,
            reason_attributes: vec!["Mode_Acces_Raison".into()],
            check_sector: true,
            air_declares: false,
            ocsp: OcspSetting::Off,
            ocsp_url: String::new(),
            ocsp_timeout_ms: 1500,
            ocsp_grace_s: 3600,
            holder_tokens: PathBuf::new(),
        }
    }
}
