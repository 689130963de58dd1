//! Codes: `Code` of the model ⇄ `Coding`. The first French label is `display`; other labels travel in an extension.

use space::{Code, LocalizedText, document};
use wire_fhir::{CodeableConcept, Coding, Extension};

use super::{
    systems,
    urls::{LABELS, texts},
};

/// The wire form of a code.
pub(crate) fn coding(code: &Code) -> Coding {
    let mut coding = Coding::new(None, &code.code, code.display());
    coding.system = (!code.scheme.is_empty()).then(|| systems::to_uri(&code.scheme));
    coding.extension = labels(&code.label);
    coding
}

/// The same, as a concept.
pub(crate) fn concept(code: &Code) -> CodeableConcept {
    CodeableConcept::of(coding(code))
}

/// The model's form of a coding.
pub(crate) fn code(coding: &Coding) -> Code {
    let code = coding.code.clone().unwrap_or_default();
    let mut scheme = coding.system.as_deref().map(systems::from_uri).unwrap_or_default();
    // PDSm's own example writes the confidentiality N in the French system, which has no such code.
    if scheme == document::VISIBILITY_SCHEME && matches!(code.as_str(), "N" | "R" | "V") {
        document::CONFIDENTIALITY_SCHEME.clone_into(&mut scheme);
    }
    Code { code, scheme, label: read_labels(coding.display.as_deref(), &coding.extension) }
}

/// The first code of a concept; an empty one, which the rules refuse, when it has none.
pub(crate) fn of_concept(concept: Option<&CodeableConcept>) -> Code {
    concept.and_then(|c| c.coding.first()).map(code).unwrap_or_default()
}

/// Labels that `display` cannot carry: anything but one in French.
pub(crate) fn labels(label: &[LocalizedText]) -> Vec<Extension> {
    match label {
        [] => Vec::new(),
        [one] if *one == LocalizedText::french(&one.value) => Vec::new(),
        all => all
            .iter()
            .map(|l| {
                let (lang, charset) = (l.lang.as_deref().unwrap_or(""), l.charset.as_deref().unwrap_or(""));
                Extension::string(LABELS, format!("{lang}|{charset}|{}", l.value))
            })
            .collect(),
    }
}

/// Reads labels back.
pub(crate) fn read_labels(display: Option<&str>, extensions: &[Extension]) -> Vec<LocalizedText> {
    let all: Vec<LocalizedText> = texts(extensions, LABELS)
        .iter()
        .filter_map(|text| {
            let mut parts = text.splitn(3, '|').map(str::to_owned);
            let some = |t: Option<String>| t.filter(|t| !t.is_empty());
            let (lang, charset) = (some(parts.next()), some(parts.next()));
            Some(LocalizedText { lang, charset, value: parts.next()? })
        })
        .collect();
    match (all.is_empty(), display.filter(|d| !d.is_empty())) {
        (false, _) => all,
        (true, Some(display)) => vec![LocalizedText::french(display)],
        (true, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_any_number_and_language_come_back() {
        let english = LocalizedText { value: "Report|x".into(), lang: Some("en".into()), charset: None };
        for label in [
            vec![],
            vec![LocalizedText::french("Compte rendu")],
            vec![english.clone()],
            vec![LocalizedText::french("Compte rendu"), english],
        ] {
            let sent = Code { code: "10".into(), scheme: "1.2.250.1.213.1.1.4.1".into(), label };
            assert_eq!(code(&coding(&sent)), sent);
        }
    }

    #[test]
    fn confidentiality_n_is_read_in_either_system() {
        let uri = systems::to_uri(document::VISIBILITY_SCHEME);
        assert!(code(&Coding::new(Some(&uri), "N", None)).is("N", document::CONFIDENTIALITY_SCHEME));
        assert!(code(&Coding::new(Some(&uri), "MASQUE_PS", None)).is("MASQUE_PS", document::VISIBILITY_SCHEME));
    }
}
