//! X.509 distinguished names: read from a certificate, written as RFC 4514 text, compared with such text.
//!
//! Carries out RFC 4514 (and reads RFC 2253) for the VIHF's Issuer, which repeats the signing certificate's subject
//! (CI-SIS VIHF). Never normalises what the certificate says: RDN order and values are its own.

mod text;

#[cfg(test)]
mod tests;

use std::fmt;

use x509_parser::x509::X509Name;

/// One attribute of a name: its type (dotted OID) and its value as DER.
#[derive(Clone, PartialEq, Eq)]
pub struct NameAttribute {
    oid: String,
    tag: u8,
    content: Vec<u8>,
}

/// A distinguished name, in the order of the certificate (country first); each RDN may hold several attributes.
#[derive(Clone, PartialEq, Eq)]
pub struct DistinguishedName {
    rdns: Vec<Vec<NameAttribute>>,
}

/// Type of the common name.
pub const CN: &str = "2.5.4.3";
/// Type of the surname.
pub const SN: &str = "2.5.4.4";
/// Type of the given name.
pub const GN: &str = "2.5.4.42";
/// Type of the organisation.
pub const O: &str = "2.5.4.10";
/// Type of the organisational unit.
pub const OU: &str = "2.5.4.11";

impl NameAttribute {
    /// Its type, as a dotted OID.
    #[must_use]
    pub fn oid(&self) -> &str {
        &self.oid
    }

    /// Its value as text, when it is one of the string types.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        decode_text(self.tag, &self.content)
    }

    /// Its value as DER, tag and length included.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        let mut out = vec![self.tag];
        let len = self.content.len();
        if len < 0x80 {
            out.push(len as u8);
        } else {
            let bytes = len.to_be_bytes();
            let skip = bytes.iter().take_while(|b| **b == 0).count();
            out.push(0x80 | (bytes.len() - skip) as u8);
            out.extend_from_slice(&bytes[skip..]);
        }
        out.extend_from_slice(&self.content);
        out
    }
}

/// The text of a DER string value. T61 is read as Latin-1, as every issuer of such names writes it.
fn decode_text(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        0x0c => String::from_utf8(content.to_vec()).ok(),
        0x12 | 0x13 | 0x16 | 0x1a => content.is_ascii().then(|| content.iter().map(|b| *b as char).collect()),
        0x14 => Some(content.iter().map(|b| *b as char).collect()),
        0x1e if content.len().is_multiple_of(2) => {
            let units: Vec<u16> = content.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
            String::from_utf16(&units).ok()
        }
        0x1c if content.len().is_multiple_of(4) => {
            content.chunks_exact(4).map(|c| char::from_u32(u32::from_be_bytes([c[0], c[1], c[2], c[3]]))).collect()
        }
        _ => None,
    }
}

impl DistinguishedName {
    /// Reads a certificate's name.
    #[must_use]
    pub fn from_x509(name: &X509Name<'_>) -> Self {
        let attribute = |a: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            let value = a.attr_value();
            let constructed = if value.header.is_constructed() { 0x20 } else { 0 };
            NameAttribute {
                oid: a.attr_type().to_id_string(),
                tag: (u8::try_from(value.header.tag().0).unwrap_or(0) & 0x1f) | constructed,
                content: value.data.to_vec(),
            }
        };
        Self { rdns: name.iter().map(|rdn| rdn.iter().map(attribute).collect()).collect() }
    }

    /// The RDNs, in the certificate's order.
    #[must_use]
    pub fn rdns(&self) -> &[Vec<NameAttribute>] {
        &self.rdns
    }

    /// Texts of every attribute of a type, in the certificate's order.
    pub fn all<'s>(&'s self, oid: &'s str) -> impl Iterator<Item = String> + 's {
        self.rdns.iter().flatten().filter(move |a| a.oid == oid).filter_map(NameAttribute::text)
    }

    /// Text of the last attribute of a type (the most specific one).
    #[must_use]
    pub fn last(&self, oid: &str) -> Option<String> {
        self.all(oid).last()
    }

    /// RFC 4514 text: most specific RDN first; types without a short name there as dotted OID with the value's DER in
    /// hexadecimal.
    #[must_use]
    pub fn to_rfc4514(&self) -> String {
        text::render(self)
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({} RDNs)", self.rdns.len())
    }
}

impl fmt::Debug for NameAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameAttribute({})", self.oid)
    }
}

/// Whether `text` (RFC 2253 or 4514) names exactly this subject: same RDNs in the same order, in each the same
/// attributes in any order; string encodings are compared by the text they carry.
#[must_use]
pub fn same_name(text: &str, name: &DistinguishedName) -> bool {
    let Some(mut parsed) = text::parse(text) else { return false };
    parsed.reverse();
    parsed.len() == name.rdns.len() && parsed.iter().zip(&name.rdns).all(|(a, b)| same_rdn(a, b))
}

fn same_rdn(texts: &[text::TextAttribute], attributes: &[NameAttribute]) -> bool {
    if texts.len() != attributes.len() {
        return false;
    }
    let mut left: Vec<&NameAttribute> = attributes.iter().collect();
    texts.iter().all(|t| match left.iter().position(|a| t.matches(a)) {
        Some(found) => {
            left.swap_remove(found);
            true
        }
        None => false,
    })
}
