//! Identifiers: bare OIDs and `urn:uuid:` of XDS ⇄ `urn:ietf:rfc:3986` identifiers and ids of FHIR.

use sha1::{Digest as _, Sha1};
use space::{AvailabilityStatus, Oid};
use wire_fhir::Identifier;

use super::urls::RFC_3986;

/// The id of a resource: its UUID without `urn:uuid:`.
pub(crate) fn resource_id(entry_uuid: &str) -> &str {
    entry_uuid.strip_prefix("urn:uuid:").unwrap_or(entry_uuid)
}

/// The `urn:uuid:` of an id, when it is a UUID.
pub(crate) fn entry_uuid(id: &str) -> Option<String> {
    let id = id.strip_prefix("urn:uuid:").unwrap_or(id);
    uuid::Uuid::try_parse(id).ok().filter(|_| id.len() == 36).map(|u| format!("urn:uuid:{u}"))
}

/// The identifier of an object by its uniqueId.
pub(crate) fn unique(unique_id: &str) -> Identifier {
    if Oid::parse(unique_id).is_ok() {
        Identifier::new(RFC_3986, format!("urn:oid:{unique_id}"))
    } else {
        Identifier::new(RFC_3986, unique_id)
    }
}

/// The uniqueId an identifier stands for: a bare OID, also of a UUID (`2.25.…`, ITI TF-2 Appendix B.6); else the
/// value, which the rules of metadata refuse.
pub(crate) fn unique_id(identifier: &Identifier) -> Option<String> {
    let value = identifier.value.as_deref()?;
    match identifier.system.as_deref() {
        None | Some(RFC_3986) => Some(unique_of_value(value)),
        // A CDA id of root and extension has no form of 64 characters that is an OID.
        Some(system) => Some(format!("{}^{value}", system.strip_prefix("urn:oid:").unwrap_or(system))),
    }
}

/// The uniqueId of a URI or bare OID.
pub(crate) fn unique_of_value(value: &str) -> String {
    if let Some(oid) = value.strip_prefix("urn:oid:") {
        return oid.to_owned();
    }
    match value.strip_prefix("urn:uuid:").map(uuid::Uuid::try_parse) {
        Some(Ok(uuid)) => format!("2.25.{}", uuid.as_u128()),
        _ => value.to_owned(),
    }
}

/// A UUID that is always the same for the same name (RFC 9562 §5.8): a set sent again has the same one.
pub(crate) fn derived_uuid(kind: &str, name: &str) -> uuid::Uuid {
    let digest = Sha1::new().chain_update(kind).chain_update([0]).chain_update(name).finalize();
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The status of a `DocumentReference`, and whether it is archived.
pub(crate) const fn document_status(status: AvailabilityStatus) -> (&'static str, bool) {
    match status {
        AvailabilityStatus::Approved => ("current", false),
        AvailabilityStatus::Deprecated => ("superseded", false),
        AvailabilityStatus::Archived => ("current", true),
        AvailabilityStatus::Deleted => ("entered-in-error", false),
    }
}

/// The status of a `List`, and whether it is archived.
pub(crate) const fn list_status(status: AvailabilityStatus) -> (&'static str, bool) {
    match status {
        AvailabilityStatus::Approved => ("current", false),
        AvailabilityStatus::Deprecated => ("retired", false),
        AvailabilityStatus::Archived => ("current", true),
        AvailabilityStatus::Deleted => ("entered-in-error", false),
    }
}

/// Reads a status back.
pub(crate) fn status_of(word: &str, archived: bool) -> Option<AvailabilityStatus> {
    match (word, archived) {
        ("current", false) => Some(AvailabilityStatus::Approved),
        ("current" | "superseded" | "retired", true) => Some(AvailabilityStatus::Archived),
        ("superseded" | "retired", false) => Some(AvailabilityStatus::Deprecated),
        ("entered-in-error", _) => Some(AvailabilityStatus::Deleted),
        _ => None,
    }
}

/// Hexadecimal of the base64 of a hash.
pub(crate) fn hash_hex(base64: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
    (bytes.len() == 20).then(|| bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// Base64 of the hexadecimal of a hash.
pub(crate) fn hash_base64(hex: &str) -> Option<String> {
    use base64::Engine as _;
    let pair = |i: usize| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(pair).collect();
    bytes.filter(|b| b.len() == 20).map(|b| base64::engine::general_purpose::STANDARD.encode(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_hexadecimal_in_xds_and_base64_in_fhir() {
        let hex = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        assert_eq!(hash_base64(hex).as_deref(), Some("2jmj7l5rSw0yVb/vlWAYkK/YBwk="));
        assert_eq!(hash_hex("2jmj7l5rSw0yVb/vlWAYkK/YBwk=").as_deref(), Some(hex));
        assert!(hash_hex("AAAA").is_none() && hash_base64("zz").is_none() && hash_base64("é").is_none());
    }

    #[test]
    fn unique_ids_are_bare_oids_also_of_uuids() {
        assert_eq!(unique_id(&unique("1.2.250.1")).as_deref(), Some("1.2.250.1"));
        let uuid = Identifier::new(RFC_3986, "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        assert_eq!(unique_id(&uuid).as_deref(), Some("2.25.329800735698586629295641978511506172918"));
    }

    #[test]
    fn an_id_is_a_uuid_of_36_characters() {
        let id = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        assert_eq!(entry_uuid(id).as_deref(), Some(format!("urn:uuid:{id}").as_str()));
        assert!(entry_uuid("1").is_none() && entry_uuid("f81d4fae7dec11d0a76500a0c91e6bf6").is_none());
        assert_eq!(derived_uuid("set", "1.2"), derived_uuid("set", "1.2"));
    }
}
