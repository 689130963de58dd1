//! FHIR R4 between its two representations: JSON (FHIR R4 json §2.6.2) and XML (FHIR R4 xml §2.6.1), by one table of
//! the elements of 4.0.1. Text of decimals is carried over as it stands.
//!
//! What is checked is what the representations themselves demand: which elements there are, their order, how often each
//! may stand, booleans and numbers, that nothing is empty. Minimum cardinalities, value sets, formats of codes and
//! dates and what xhtml may stand in a narrative are left to whoever checks the resource.
//!
//! Places of errors are FHIRPath with the name that was written (`Observation.valueQuantity.value`), and the extensions
//! of a primitive element stand under its own name (`Patient.birthDate.extension[0]`), in both directions.

mod markup;
mod place;
mod read;
#[cfg(test)]
mod refusals;
mod schema;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use crate::error::ParseError;

/// The namespace of FHIR.
const FHIR: &str = "http://hl7.org/fhir";
/// The namespace of narratives.
const XHTML: &str = "http://www.w3.org/1999/xhtml";
/// What a place begins with as long as no resource is known.
const ROOT: &str = "Resource";
/// What is told when a resource is of no type this module knows.
const KNOWN: &str = "a resource of FHIR R4";

/// How much an XML body may hold.
#[derive(Debug, Clone, Copy)]
pub struct XmlLimits {
    /// Bytes.
    pub size: usize,
    /// Elements inside one another, those of a narrative included.
    pub depth: usize,
    /// Elements in all, those of a narrative included.
    pub elements: usize,
}

impl XmlLimits {
    /// Depth 100 and 200,000 elements, in at most `size` bytes.
    #[must_use]
    pub const fn of_size(size: usize) -> Self {
        Self { size, depth: 100, elements: 200_000 }
    }
}

/// Whether resources of this type can be converted.
#[must_use]
pub fn knows(resource_type: &str) -> bool {
    schema::table().resource(resource_type).is_some()
}

/// Writes a resource given as JSON in XML (FHIR R4 xml §2.6.1): no declaration, the namespace of FHIR as the default
/// one of the root, elements in the order of the specification, the narrative as it stands.
///
/// Keys may stand in any order. Depth is bounded to 100 and the number of values to 5,000,000; size is the caller's.
///
/// # Errors
/// The first thing that is no FHIR JSON (FHIR R4 json §2.6.2), by its place: not JSON; a key that is no element there,
/// or one without content; a key twice, or two types of one choice; a value that is not of its type, or that XML cannot
/// hold; an array where there is one value at most, or the reverse; `_x` of another length than `x`; a narrative that
/// is no well-formed xhtml; a resource of an unknown type.
pub fn to_xml(json: &str) -> Result<String, ParseError> {
    write::to_xml(json)
}

/// Writes a resource given as XML in JSON (FHIR R4 json §2.6.2): `resourceType` first, then elements in the order of
/// the specification, decimals by their text, the narrative as the text it has in the XML.
///
/// Comments are passed over, except in a narrative. The encoding is UTF-8, with or without a byte order mark.
///
/// # Errors
/// The first thing that is no FHIR XML (FHIR R4 xml §2.6.1), by its place: XML that is not well-formed, a document
/// type, a processing instruction, an entity beyond the five of XML, another encoding; an element or attribute that is
/// not there in FHIR R4, is of another namespace, out of order or empty; an element that may not repeat; text; a
/// boolean or number that is none; a resource of an unknown type; more than `limits` allow.
pub fn from_xml(xml: &[u8], limits: XmlLimits) -> Result<String, ParseError> {
    read::from_xml(xml, limits)
}
