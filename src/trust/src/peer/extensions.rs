//! The extensions in which a card says what its holder is.
//!
//! Cards of the health sector carry profession and speciality in extensions named by the code systems' OIDs, as an
//! INTEGER or a SEQUENCE of strings (national samples of 2019). Our development PKI uses the same OIDs with a
//! UTF8String; the structure and the kind of certificate, which real cards tell by their DN and issuer, are ours.

use space::StructureId;
use x509_parser::certificate::X509Certificate;

/// OIDs of the extensions, as arcs.
pub mod oid {
    /// Profession (TRE_G15).
    pub const PROFESSION: &[u64] = &[1, 2, 250, 1, 71, 1, 2, 7];
    /// Speciality (TRE_R01) or section (TRE_G05).
    pub const SPECIALITY: &[u64] = &[1, 2, 250, 1, 71, 4, 2, 5];
    /// Structure (`Struct_IdNat`).
    pub const STRUCTURE: &[u64] = &[1, 2, 250, 1, 71, 4, 2, 2];
    /// Kind of a certificate of our development PKI (`cps`, `cpe`, `structure`, `seal`, `server`, `operator`): an arc of
    /// our own for development only, that no issuer of the field uses.
    pub const KIND: &[u64] = &[1, 2, 250, 1, 999, 1, 1];
}

/// Kind of a certificate of our development PKI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KindMark {
    Cps,
    Cpe,
    Structure,
    Seal,
    Server,
    Operator,
}

impl KindMark {
    pub(crate) const ALL: [Self; 6] = [Self::Cps, Self::Cpe, Self::Structure, Self::Seal, Self::Server, Self::Operator];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Cps => "cps",
            Self::Cpe => "cpe",
            Self::Structure => "structure",
            Self::Seal => "seal",
            Self::Server => "server",
            Self::Operator => "operator",
        }
    }
}

/// What the extensions of a certificate say.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) kind: Option<KindMark>,
    pub(super) profession: Option<String>,
    pub(super) speciality: Option<String>,
    pub(super) structure: Option<StructureId>,
}

impl Extensions {
    pub(super) fn read(certificate: &X509Certificate<'_>) -> Self {
        let text = |arcs: &[u64]| {
            let dotted = arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
            let found = certificate.extensions().iter().find(|e| e.oid.to_id_string() == dotted)?;
            first_text(found.value, 0)
        };
        let code = |arcs: &[u64]| {
            let is_code = |t: &String| (1..=16).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric());
            text(arcs).filter(is_code)
        };
        Self {
            kind: text(oid::KIND).and_then(|t| KindMark::ALL.into_iter().find(|k| k.as_str() == t)),
            profession: code(oid::PROFESSION),
            speciality: code(oid::SPECIALITY),
            structure: text(oid::STRUCTURE).and_then(|t| StructureId::parse(&t).ok()),
        }
    }
}

/// The first string or small integer of a DER value, looking into sequences and sets.
fn first_text(der: &[u8], depth: u8) -> Option<String> {
    let (&tag, rest) = der.split_first()?;
    let (&len, rest) = rest.split_first()?;
    // Values of these extensions are short: long lengths are not read.
    let content = rest.get(..usize::from(len)).filter(|_| len < 0x80)?;
    match tag {
        0x02 if (1..=4).contains(&content.len()) && content[0] & 0x80 == 0 => {
            Some(content.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)).to_string())
        }
        0x0c | 0x12 | 0x13 | 0x16 => String::from_utf8(content.to_vec()).ok(),
        0x30 | 0x31 if depth < 4 => first_text(content, depth + 1),
        _ => None,
    }
}

/// DER of a UTF8String, as our development PKI writes these extensions.
pub(crate) fn utf8_string(text: &str) -> Vec<u8> {
    debug_assert!(text.len() < 0x80, "extension values of the development PKI are short");
    let mut der = vec![0x0c, text.len() as u8];
    der.extend_from_slice(text.as_bytes());
    der
}
