//! Strings (FHIR R4 search §3.1.1.4.8): the start of a text, without regard to case or accents.

/// Whether one of the values is the start of one of the texts.
pub(crate) fn starts(values: &[String], texts: &[&str]) -> bool {
    values.iter().any(|value| {
        let value = folded(value);
        texts.iter().any(|text| folded(text).starts_with(&value))
    })
}

fn folded(text: &str) -> String {
    let plain = |c: char| match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    };
    text.trim().chars().flat_map(char::to_lowercase).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_do_not_count() {
        let asked = ["hélè".to_owned()];
        assert!(starts(&asked, &["HELENE"]) && starts(&asked, &["x", "Hélène"]) && !starts(&asked, &["Michèle"]));
    }
}
