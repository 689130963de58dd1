//! The holder as the sender knew them: sourcePatientId (CX) and sourcePatientInfo (`PID-n|…`) ⇄ a contained `Patient`.

use space::{Dtm, hl7::Cx};
use wire_fhir::{Extension, HumanName, Patient};

use super::{
    person,
    urls::{HL7_TEXT, texts},
};

/// The resource.
pub(crate) fn patient(id: Option<&Cx>, info: &[String]) -> Patient {
    let mut patient = Patient { identifier: id.map(person::of_cx).into_iter().collect(), ..Patient::default() };
    for line in info {
        match line.split_once('|') {
            Some(("PID-5", name)) => {
                let mut parts = name.split('^').map(str::to_owned);
                let some = |t: Option<String>| t.filter(|t| !t.is_empty());
                let family = some(parts.next());
                patient.name.push(HumanName {
                    usage: Some("official".into()),
                    family,
                    given: some(parts.next()).into_iter().collect(),
                    ..HumanName::default()
                });
            }
            Some(("PID-7", day)) => {
                patient.birth_date = Dtm::parse(day).ok().filter(|_| day.len() <= 8).map(|d| d.to_fhir())
            }
            Some(("PID-8", sex)) => patient.gender = gender(sex).map(str::to_owned),
            _ => {}
        }
    }
    if lines(&patient) != info {
        patient.extension.extend(info.iter().map(|line| Extension::string(HL7_TEXT, line)));
    }
    patient
}

/// sourcePatientId of a resource: its local number, or its INS.
pub(crate) fn id(patient: &Patient) -> Option<Cx> {
    // An identifier whose system is no OID has no authority that metadata could name.
    patient.identifier.iter().filter_map(|i| person::identifier_cx(i, "PI")).find(|cx| cx.authority().is_some())
}

/// sourcePatientInfo of a resource.
pub(crate) fn info(patient: &Patient) -> Vec<String> {
    let kept = texts(&patient.extension, HL7_TEXT);
    if kept.is_empty() { lines(patient) } else { kept }
}

fn lines(patient: &Patient) -> Vec<String> {
    let mut lines = Vec::new();
    for name in &patient.name {
        let clean = |t: &str| t.replace(['^', '&', '|', '~'], " ");
        let family = clean(name.family.as_deref().or(name.text.as_deref()).unwrap_or_default());
        let given = clean(name.given.first().map_or("", String::as_str));
        lines.push(format!("PID-5|{family}^{given}^^^^^L"));
    }
    if let Some(day) = patient.birth_date.as_deref().and_then(|d| Dtm::from_fhir(d).ok()) {
        lines.push(format!("PID-7|{}", day.as_str()));
    }
    if let Some(sex) = patient.gender.as_deref() {
        let sex = match sex {
            "male" => "M",
            "female" => "F",
            "other" => "O",
            _ => "U",
        };
        lines.push(format!("PID-8|{sex}"));
    }
    lines
}

fn gender(sex: &str) -> Option<&'static str> {
    match sex {
        "M" => Some("male"),
        "F" => Some("female"),
        "O" => Some("other"),
        "U" => Some("unknown"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traits_of_the_sender_come_back_in_their_own_words() {
        for info in [
            vec!["PID-5|DUPONT^ELISE^^^^^L", "PID-7|19790301", "PID-8|F"],
            vec!["PID-7|19790301", "PID-5|DUPONT^ELISE^^^^^L"],
            vec!["PID-3|45^^^&1.2.3&ISO^PI", "PID-5|DUPONT^ELISE^MARIE^^^^D~DURAND^^^^^^L", "PID-11|^^PARIS"],
            vec![],
        ] {
            let info: Vec<String> = info.into_iter().map(str::to_owned).collect();
            assert_eq!(super::info(&patient(None, &info)), info);
        }
    }
}
