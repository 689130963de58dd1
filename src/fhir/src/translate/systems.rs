//! Code systems: the OID or name that XDS writes and the URI that FHIR writes for the same one (ANS NOS of 2024–2026,
//! HL7 THO). A system not listed keeps its OID as `urn:oid:…`.

/// XDS name, URI written, and how other URIs of it begin.
const SYSTEMS: &[(&str, &str, &str)] = &[
    ("2.16.840.1.113883.6.1", "http://loinc.org", ""),
    ("2.16.840.1.113883.5.25", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", ""),
    ("2.16.840.1.113883.6.3", "http://hl7.org/fhir/sid/icd-10", ""),
    ("2.16.840.1.113883.6.96", "http://snomed.info/sct", ""),
    ("2.16.840.1.113883.3.26.1.1", "http://ncithesaurus-stage.nci.nih.gov", ""),
    (
        "1.2.250.1.213.1.1.4.6",
        "https://mos.esante.gouv.fr/NOS/TRE_A00-ProducteurDocNonPS/FHIR/TRE-A00-ProducteurDocNonPS",
        "TRE_A00-",
    ),
    (
        "1.2.250.1.213.1.1.4.9",
        "https://mos.esante.gouv.fr/NOS/TRE_A01-CadreExercice/FHIR/TRE-A01-CadreExercice",
        "TRE_A01-",
    ),
    (
        "1.2.250.1.213.1.1.4.5",
        "https://mos.esante.gouv.fr/NOS/TRE_A02-ProfessionSavFaire-CISIS/FHIR/TRE-A02-ProfessionSavFaire-CISIS",
        "TRE_A02-",
    ),
    (
        "1.2.250.1.213.1.1.4.1",
        "https://mos.esante.gouv.fr/NOS/TRE_A03-ClasseDocument/FHIR/TRE-A03-ClasseDocument",
        "TRE_A03-",
    ),
    (
        "1.2.250.1.213.1.1.4.12",
        "https://mos.esante.gouv.fr/NOS/TRE_A05-TypeDocComplementaire/FHIR/TRE-A05-TypeDocComplementaire",
        "TRE_A05-",
    ),
    (
        "1.2.250.1.213.1.1.4.2.282",
        "https://mos.esante.gouv.fr/NOS/TRE_A06-FormatCodeComplementaire/FHIR/TRE-A06-FormatCodeComplementaire",
        "TRE_A06-",
    ),
    (
        "1.2.250.1.213.1.1.4.13",
        "https://mos.esante.gouv.fr/NOS/TRE_A07-StatusVisibiliteDocument/FHIR/TRE-A07-StatusVisibiliteDocument",
        "TRE_A07-",
    ),
    (
        "1.2.840.10008.2.6.1",
        "https://mos.esante.gouv.fr/NOS/TRE_A09-DICOMuidRegistry/FHIR/TRE-A09-DICOMuidRegistry",
        "TRE_A09-",
    ),
    ("URN", "https://mos.esante.gouv.fr/NOS/TRE_A10-NomenclatureURN/FHIR/TRE-A10-NomenclatureURN", "TRE_A10-"),
    (
        "1.3.6.1.4.1.19376.1.2.3",
        "https://mos.esante.gouv.fr/NOS/TRE_A11-IheFormatCode/FHIR/TRE-A11-IheFormatCode",
        "TRE_A11-",
    ),
    ("ASTM", "https://mos.esante.gouv.fr/NOS/TRE_A12-NomenclatureASTM/FHIR/TRE-A12-NomenclatureASTM", "TRE_A12-"),
    (
        "1.2.250.1.71.4.2.4",
        "https://mos.esante.gouv.fr/NOS/TRE_R02-SecteurActivite/FHIR/TRE-R02-SecteurActivite",
        "TRE_R02-",
    ),
    (
        "1.2.250.1.213.2.2",
        "https://mos.esante.gouv.fr/NOS/TRE_R209-TypeActivite/FHIR/TRE-R209-TypeActivite",
        "TRE_R209-",
    ),
    (
        "1.2.250.1.71.1.2.7",
        "https://mos.esante.gouv.fr/NOS/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante",
        "TRE_G15-",
    ),
    (
        "1.2.250.1.71.4.2.6",
        "https://mos.esante.gouv.fr/NOS/TRE_G05-SousSectionTableauCNOP/FHIR/TRE-G05-SousSectionTableauCNOP",
        "TRE_G05-",
    ),
    (
        "1.2.250.1.213.1.6.1.107",
        "https://mos.esante.gouv.fr/NOS/TRE_R85-RolePriseCharge/FHIR/TRE-R85-RolePriseCharge",
        "TRE_R85-",
    ),
    (
        "1.2.250.1.213.1.6.1.4",
        "https://mos.esante.gouv.fr/NOS/TRE_R94-ProfessionSocial/FHIR/TRE-R94-ProfessionSocial",
        "TRE_R94-",
    ),
    (
        "1.2.250.1.213.1.6.1.109",
        "https://mos.esante.gouv.fr/NOS/TRE_R95-UsagerTitre/FHIR/TRE-R95-UsagerTitre",
        "TRE_R95-",
    ),
];

/// Other URIs of systems above.
const ALIASES: &[(&str, &str)] = &[
    ("http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "1.3.6.1.4.1.19376.1.2.3"),
    ("http://terminology.hl7.org/CodeSystem/icd10", "2.16.840.1.113883.6.3"),
];

/// The URI of a system that XDS names.
pub(crate) fn to_uri(scheme: &str) -> String {
    match SYSTEMS.iter().find(|(name, ..)| *name == scheme) {
        Some((_, uri, _)) => (*uri).to_owned(),
        None if space::Oid::parse(scheme).is_ok() && !scheme.starts_with("urn:") => format!("urn:oid:{scheme}"),
        None => scheme.to_owned(),
    }
}

/// The XDS name of a system that FHIR names.
pub(crate) fn from_uri(uri: &str) -> String {
    if let Some(oid) = uri.strip_prefix("urn:oid:") {
        return oid.to_owned();
    }
    if let Some((name, ..)) = SYSTEMS.iter().find(|(_, known, _)| *known == uri) {
        return (*name).to_owned();
    }
    if let Some((_, name)) = ALIASES.iter().find(|(known, _)| *known == uri) {
        return (*name).to_owned();
    }
    // The ANS renames the tail of its URIs now and then; the number of the nomenclature stays.
    let nos = uri
        .strip_prefix("https://mos.esante.gouv.fr/NOS/")
        .or_else(|| uri.strip_prefix("http://mos.esante.gouv.fr/NOS/"));
    let known = nos.and_then(|rest| SYSTEMS.iter().find(|(_, _, head)| !head.is_empty() && rest.starts_with(head)));
    known.map_or_else(|| uri.to_owned(), |(name, ..)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_comes_back_as_it_went() {
        for (name, uri, _) in SYSTEMS {
            assert_eq!((to_uri(name).as_str(), from_uri(uri).as_str()), (*uri, *name));
        }
        for other in ["1.2.250.1.213.2.5", "Connect-a-thon"] {
            assert_eq!(from_uri(&to_uri(other)), other);
        }
    }

    #[test]
    fn renamed_tails_and_aliases_are_understood() {
        let renamed = "https://mos.esante.gouv.fr/NOS/TRE_A03-ClasseDocument-CISIS/FHIR/TRE-A03-ClasseDocument-CISIS";
        assert_eq!(from_uri(renamed), "1.2.250.1.213.1.1.4.1");
        assert_eq!(
            from_uri("http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode"),
            "1.3.6.1.4.1.19376.1.2.3"
        );
    }

    /// Every system of the tables of codes has its URI here or keeps its OID.
    #[test]
    fn every_system_of_the_mappings_has_a_uri() {
        let terms = terminology::Terminology::load(&terminology::Mappings::built_in()).expect("tables");
        for (_, kind) in terms.types.iter() {
            assert_ne!(to_uri(&kind.scheme), kind.scheme, "{}", kind.scheme);
        }
    }
}
