//! Where the bytes of a document are, and which document belongs to which object: XOP §4, ITI TF-2 3.41.4.1.2.

use super::{DocumentPart, optional_child};
use crate::ebxml::{RegistryObject, RegistryObjectList};
use crate::ns;
use crate::xml::Element;
use crate::xml::escape::{attr, raw};
use crate::{MessageError, MessageErrorKind as Kind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::fmt;

/// The content of a `Document` element.
#[derive(Clone, PartialEq, Eq)]
pub enum DocumentContent {
    /// `xop:Include`: the Content-ID of a part, percent-decoded, without `cid:`.
    Include(String),
    /// Base64 inside the envelope, decoded.
    Inline(Vec<u8>),
}

impl fmt::Debug for DocumentContent {
    /// Never the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Include(cid) => f.debug_tuple("Include").field(cid).finish(),
            Self::Inline(bytes) => write!(f, "Inline({} bytes)", bytes.len()),
        }
    }
}

impl DocumentContent {
    pub(super) fn read(document: Element<'_, '_>) -> Result<Self, MessageError> {
        if let Some(include) = optional_child(document, ns::XOP, "Include")? {
            let href = include.attr("href").ok_or_else(|| Kind::MissingAttribute("href").at(include.path()))?;
            let cid = content_id(href).ok_or_else(|| Kind::InvalidReference.at(include.path()))?;
            return Ok(Self::Include(cid));
        }
        if let Some(child) = document.children().next() {
            return Err(Kind::UnexpectedElement.at(child.path()));
        }
        let text: Vec<u8> = document.text().bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(text).map_err(|_| Kind::InvalidValue("base64Binary").at(document.path()))?;
        Ok(Self::Inline(bytes))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Include(cid) => {
                raw(out, "<xop:Include xmlns:xop=\"");
                raw(out, ns::XOP);
                raw(out, "\"");
                attr(out, "href", &cid_uri(cid));
                raw(out, "/>");
            }
            Self::Inline(bytes) => raw(out, &STANDARD.encode(bytes)),
        }
    }
}

/// The Content-ID of a `cid:` URI (RFC 2392), percent-decoded. `None` for another scheme, an escape that is none,
/// or bytes that are not UTF-8.
fn content_id(href: &str) -> Option<String> {
    let href = href.trim();
    let (scheme, encoded) = href.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("cid") || encoded.is_empty() {
        return None;
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// The `cid:` URI of a Content-ID.
fn cid_uri(cid: &str) -> String {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    let mut uri = String::from("cid:");
    for byte in cid.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@!$&'()*+,;=".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push('%');
            uri.push(char::from(HEX[usize::from(byte >> 4)]));
            uri.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    uri
}

/// A document and its object, as indices into what [`match_documents`] was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    /// Index into the documents.
    pub document: usize,
    /// Index into the list; the object there is an `ExtrinsicObject`.
    pub object: usize,
}

/// Pairs every `ExtrinsicObject` with the document of its id: the exact one, else the only one that differs in ASCII
/// case alone. The pairs are in the order of the objects.
///
/// # Errors
/// `MissingDocument`, `MissingDocumentMetadata` or `AmbiguousDocument`, at the object or document concerned.
pub fn match_documents(objects: &RegistryObjectList, documents: &[DocumentPart]) -> Result<Vec<Matched>, MessageError> {
    let mut exact = HashMap::new();
    let mut folded: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, document) in documents.iter().enumerate() {
        if exact.insert(document.id.as_str(), index).is_some() {
            return Err(Kind::AmbiguousDocument.at(document.place.0.as_str()));
        }
        folded.entry(document.id.to_ascii_lowercase()).or_default().push(index);
    }
    let mut owner: Vec<Option<usize>> = vec![None; documents.len()];
    let mut waiting = Vec::new();
    for (object, id, place) in entries(objects) {
        match exact.get(id) {
            Some(&document) => claim(&mut owner, document, object, place)?,
            None => waiting.push((object, id, place)),
        }
    }
    for (object, id, place) in waiting {
        let candidates = folded.get(&id.to_ascii_lowercase()).map_or(&[][..], Vec::as_slice);
        let mut free = candidates.iter().copied().filter(|&d| owner[d].is_none());
        match (free.next(), free.next()) {
            (Some(document), None) => claim(&mut owner, document, object, place)?,
            (None, _) => return Err(Kind::MissingDocument.at(place)),
            (Some(_), Some(_)) => return Err(Kind::AmbiguousDocument.at(place)),
        }
    }
    let mut matched = Vec::with_capacity(documents.len());
    for (document, object) in owner.into_iter().enumerate() {
        let object = object.ok_or_else(|| Kind::MissingDocumentMetadata.at(documents[document].place.0.as_str()))?;
        matched.push(Matched { document, object });
    }
    matched.sort_unstable_by_key(|m| m.object);
    Ok(matched)
}

/// Index, id and place of each `ExtrinsicObject`.
fn entries(objects: &RegistryObjectList) -> impl Iterator<Item = (usize, &str, &str)> {
    objects.0.iter().enumerate().filter_map(|(index, object)| match object {
        RegistryObject::ExtrinsicObject(entry) => {
            Some((index, entry.common.id.as_str(), entry.common.place.0.as_str()))
        }
        _ => None,
    })
}

fn claim(owner: &mut [Option<usize>], document: usize, object: usize, place: &str) -> Result<(), MessageError> {
    match owner[document].replace(object) {
        None => Ok(()),
        Some(_) => Err(Kind::AmbiguousDocument.at(place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ebxml::{Common, ExtrinsicObject, Place};

    fn outcome(objects: &[&str], documents: &[&str]) -> Result<Vec<(usize, usize)>, MessageError> {
        let object = |id: &&str| {
            let place = Place(format!("object {id}"));
            let common = Common { id: (*id).to_owned(), place, ..Common::default() };
            RegistryObject::ExtrinsicObject(ExtrinsicObject { common, ..ExtrinsicObject::default() })
        };
        let document = |id: &&str| DocumentPart {
            id: (*id).to_owned(),
            content: DocumentContent::Inline(Vec::new()),
            place: Place(format!("document {id}")),
        };
        let list = RegistryObjectList(objects.iter().map(object).collect());
        let documents: Vec<_> = documents.iter().map(document).collect();
        match_documents(&list, &documents).map(|m| m.into_iter().map(|m| (m.object, m.document)).collect())
    }

    #[test]
    fn an_exact_id_wins_over_one_that_differs_in_case() {
        assert_eq!(
            outcome(&["DocumentME2", "Signature01"], &["Signature01", "documentME2"]).unwrap(),
            [(0, 1), (1, 0)]
        );
        assert_eq!(outcome(&["A", "a"], &["a", "A"]).unwrap(), [(0, 1), (1, 0)]);
        assert_eq!(outcome(&["Ab", "ab"], &["ab", "AB"]).unwrap(), [(0, 1), (1, 0)]);
    }

    #[test]
    fn what_does_not_pair_is_refused_where_it_stands() {
        let error = |objects: &[&str], documents: &[&str]| {
            let error = outcome(objects, documents).unwrap_err();
            (error.kind, error.place)
        };
        assert_eq!(error(&["a"], &[]), (Kind::MissingDocument, "object a".into()));
        assert_eq!(error(&[], &["a"]), (Kind::MissingDocumentMetadata, "document a".into()));
        assert_eq!(error(&["ab"], &["aB", "Ab"]), (Kind::AmbiguousDocument, "object ab".into()));
        assert_eq!(error(&["a"], &["a", "a"]), (Kind::AmbiguousDocument, "document a".into()));
        assert_eq!(error(&["a", "a"], &["a"]), (Kind::AmbiguousDocument, "object a".into()));
        assert_eq!(error(&["é"], &["É"]), (Kind::MissingDocument, "object é".into()));
    }

    #[test]
    fn content_ids_are_percent_decoded_and_encoded() {
        assert_eq!(content_id("cid:b857-2@urn%3Aihe%3aiti").as_deref(), Some("b857-2@urn:ihe:iti"));
        assert_eq!(content_id(" CID:a ").as_deref(), Some("a"));
        for href in ["", "cid:", "http://a", "cid:%4", "cid:%zz", "cid:%ff", "cid:%+1"] {
            assert_eq!(content_id(href), None, "{href}");
        }
        assert_eq!(content_id(&cid_uri("é a:\"<%")).as_deref(), Some("é a:\"<%"));
    }
}
