//! URLs of profiles, extensions and code systems that this face reads or writes, each from its guide.

use wire_fhir::Extension;

/// PDSm 3.1.1.
pub(crate) const PDSM_DOCUMENT_REFERENCE: &str =
    "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-comprehensive-document-reference";
pub(crate) const PDSM_SUBMISSION_SET: &str =
    "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-submissionset-comprehensive";
pub(crate) const PDSM_FIND_DOCUMENTS: &str = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-find-documentreferences-comprehensive-response";
pub(crate) const PDSM_FIND_LISTS: &str =
    "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-find-lists-response";
pub(crate) const PDSM_IS_ARCHIVED: &str =
    "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-ext-is-archived";
pub(crate) const PDSM_INTENDED_RECIPIENT: &str =
    "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-ext-intended-recipient";
pub(crate) const PROVIDE_BUNDLE_RESPONSE: &str =
    "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.ProvideDocumentBundleResponse";

/// MHD 4.2, by their last segment: guides write them with http and https.
pub(crate) const MHD_BASE: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/";
pub(crate) const DESIGNATION_TYPE: &str = "ihe-designationType";
pub(crate) const SOURCE_ID: &str = "ihe-sourceId";
pub(crate) const AUTHOR_ORG: &str = "ihe-authorOrg";
pub(crate) const INTENDED_RECIPIENT: &str = "ihe-intendedRecipient";
pub(crate) const LIST_TYPES: &str = "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes";
pub(crate) const LIST_TYPES_HTTP: &str = "http://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes";

/// FR Core 2.1.0.
pub(crate) const FR_CORE_PATIENT_INS: &str = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient-ins";
pub(crate) const FR_CORE_RELIABILITY: &str =
    "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability";
pub(crate) const FR_CORE_V2_0445: &str = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0445";
pub(crate) const FR_CORE_GIVEN_NAMES: &str =
    "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient-birth-list-given-name";
pub(crate) const FR_CORE_INSEE_CODE: &str =
    "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code";
pub(crate) const FR_CORE_V2_0203: &str = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203";
pub(crate) const BIRTH_PLACE: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace";
pub(crate) const COMMUNE: &str = "https://mos.esante.gouv.fr/NOS/TRE_R13-Commune/FHIR/TRE-R13-Commune";

/// HL7.
pub(crate) const V2_0203: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
pub(crate) const RFC_3986: &str = "urn:ietf:rfc:3986";

/// TDE 2.0.0.
pub(crate) const TDE_AUDIT_EVENT: &str =
    "https://interop.esante.gouv.fr/ig/fhir/tde/StructureDefinition/tde-auditevent";

/// Extensions of ours: what XDS says and FHIR has no place for. All start so.
#[cfg(test)]
const OURS: &str = "https://passerelle-sante.github.io/fhir/StructureDefinition/";
/// The HL7 v2 text of a person, structure, identifier or address, when its FHIR form would not give it back.
pub(crate) const HL7_TEXT: &str = "https://passerelle-sante.github.io/fhir/StructureDefinition/xds-hl7-text";
/// An author's structure beyond the first, or of an author that is no professional.
pub(crate) const AUTHOR_INSTITUTION: &str =
    "https://passerelle-sante.github.io/fhir/StructureDefinition/xds-author-institution";
/// A role of an author that is no professional.
pub(crate) const AUTHOR_ROLE: &str = "https://passerelle-sante.github.io/fhir/StructureDefinition/xds-author-role";
/// A speciality of such an author, or one not of the form `<code>^<label>^<OID>`.
pub(crate) const AUTHOR_SPECIALTY: &str =
    "https://passerelle-sante.github.io/fhir/StructureDefinition/xds-author-specialty";
/// An address of such an author.
pub(crate) const AUTHOR_TELECOM: &str =
    "https://passerelle-sante.github.io/fhir/StructureDefinition/xds-author-telecom";
/// An author of a set beyond the first.
pub(crate) const OTHER_AUTHOR: &str = "https://passerelle-sante.github.io/fhir/StructureDefinition/xds-other-author";
/// homeCommunityId.
pub(crate) const HOME: &str = "https://passerelle-sante.github.io/fhir/StructureDefinition/xds-home-community-id";
/// A label beyond the first or not in French, as `<language>|<charset>|<text>`.
pub(crate) const LABELS: &str = "https://passerelle-sante.github.io/fhir/StructureDefinition/xds-label";

/// Whether an extension of reliability ([`FR_CORE_RELIABILITY`]) says that the identity is validated.
pub(crate) fn is_qualified(extension: &Extension) -> bool {
    let status = extension.extension.iter().find(|e| e.url == "identityStatus");
    status.and_then(|e| e.value_coding.as_ref()).and_then(|c| c.code.as_deref()) == Some("VALI")
}

/// Whether an extension is MHD's of that name, whatever scheme its guide writes.
pub(crate) fn is_mhd(extension: &Extension, name: &str) -> bool {
    let url = extension.url.as_str();
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.and_then(|r| r.strip_prefix("profiles.ihe.net/ITI/MHD/StructureDefinition/")) == Some(name)
}

/// The text an extension of ours carries.
pub(crate) fn text<'a>(extensions: &'a [Extension], url: &str) -> Option<&'a str> {
    extensions.iter().find(|e| e.url == url)?.value_string.as_deref()
}

/// All texts of an extension of ours.
pub(crate) fn texts(extensions: &[Extension], url: &str) -> Vec<String> {
    extensions.iter().filter(|e| e.url == url).filter_map(|e| e.value_string.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_extensions_are_all_under_one_base() {
        for url in
            [HL7_TEXT, AUTHOR_INSTITUTION, AUTHOR_ROLE, AUTHOR_SPECIALTY, AUTHOR_TELECOM, OTHER_AUTHOR, HOME, LABELS]
        {
            assert!(url.starts_with(OURS));
        }
    }
}
