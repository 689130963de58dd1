//! `GET Patient?identifier=system|value`: whether a holder has a space here, and who they are, shaped by
//! FRCorePatientINS 2.1.0 (PDSm4DMP, TD0.2; ITI-78 of PDQm 3.1.0). Without a number people are searched for by traits, under the
//! law of ITI-47: in regulation of emergency calls only. A `Patient` is read by the id that the search gave. Addresses are not
//! held, and not searched.

use axum::{
    extract::{Path, Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use desk::{PersonKey, Record};
use space::{Cause, Holder, Refusal, Sex, SpaceState, TraitQuery, trace::Act};
use wire_fhir::{Address, Coding, Extension, HumanName, Meta, Patient, Resource};

use crate::{
    FhirState,
    call::Call,
    respond::{self, Failure},
    search::{
        Search, holder, invalid,
        page::{Frame, Page},
        parameters::PATIENT,
    },
    translate::{
        person,
        urls::{
            BIRTH_PLACE, COMMUNE, FR_CORE_GIVEN_NAMES, FR_CORE_INSEE_CODE, FR_CORE_PATIENT_INS, FR_CORE_RELIABILITY,
            FR_CORE_V2_0445,
        },
    },
};

/// Answers a search.
pub(crate) async fn search(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let call = Call::search(&state, request, Act::Identify).await?;
    let answer = answer(&state, &call).await;
    call.conclude(&state, Act::Identify, answer).await
}

async fn answer(state: &FhirState, call: &Call) -> Result<Response, Failure> {
    let search = Search::read(call, PATIENT)?;
    let page = Page::read(state, call)?;
    let by_traits = ["family", "given", "birthdate", "gender"].iter().any(|name| search.all(name).next().is_some());
    if !by_traits {
        search.require(&["identifier"])?;
    }
    let traits = traits(&search)?;
    let mut asked = search.all("identifier");
    let found = match asked.next() {
        Some(values) => numbered(state, call, values).await,
        None => state.desk.search_people(&call.caller, &traits).await.map(holders).map_err(Failure::from),
    };
    if asked.next().is_some() {
        return Err(crate::search::invalid("identifier", "one value").into());
    }
    let mut found = match found {
        Ok(found) => found,
        // An empty answer is the answer; the desk has traced the question.
        Err(failure) if failure.is(Cause::UnknownHolder) || failure.is(Cause::UnknownIdentifier) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    found.retain(|holder| traits.matches(&holder.traits));
    let frame = Frame { call, search: &search, kind: "Patient", profile: None, page };
    let bundle = frame.bundle(&found, |holder| {
        let patient = patient(holder);
        (patient.id.clone().unwrap_or_default(), Resource::Patient(Box::new(patient)))
    });
    Ok(respond::json(StatusCode::OK, &bundle))
}

fn holders(records: Vec<Record>) -> Vec<Holder> {
    records.into_iter().map(|record| record.holder).collect()
}

/// Whom a number names: the INS, or a structure's own.
async fn numbered(state: &FhirState, call: &Call, values: &[String]) -> Result<Vec<Holder>, Failure> {
    Ok(match holder::key(state, "identifier", values)? {
        PersonKey::Ins(ins) => vec![state.desk.identify(&call.caller, Some(&ins)).await?.0],
        key @ PersonKey::Local(_) => vec![state.desk.person(&call.caller, &key).await?.holder],
    })
}

/// The traits a search asks for, each compared whole: a start of a name, or one of several, would find strangers.
fn traits(search: &Search) -> Result<TraitQuery, Refusal> {
    let one = |name: &'static str| {
        let mut asked = search.all(name);
        match (asked.next(), asked.next()) {
            (None, _) => Ok(None),
            (Some([value]), None) => Ok(Some(value.clone())),
            _ => Err(invalid(name, "one value")),
        }
    };
    let birth_date = match one("birthdate")? {
        None => None,
        Some(day) => {
            let day = day.strip_prefix("eq").unwrap_or(&day).replace('-', "");
            let whole = day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit());
            Some(if whole { day } else { return Err(invalid("birthdate", "YYYY-MM-DD")) })
        }
    };
    let sex = match one("gender")?.as_deref() {
        None => None,
        Some("female") => Some(Sex::F),
        Some("male") => Some(Sex::M),
        Some(_) => return Err(invalid("gender", "female | male")),
    };
    Ok(TraitQuery { family: one("family")?, given: one("given")?, birth_date, sex, birth_place: None })
}

/// Reads the holder that the credential names, by the id a search gave; any other id is unknown.
pub(crate) async fn read(
    State(state): State<FhirState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut call, parts, _) = Call::open(&state, request)?;
    let done = one(&state, &mut call, &parts, &id).await;
    call.conclude(&state, Act::Identify, done).await
}

async fn one(state: &FhirState, call: &mut Call, parts: &Parts, id: &str) -> Result<Response, Failure> {
    call.read_parameters(parts)?;
    call.negotiate(&parts.headers)?;
    let (holder, ..) = state.desk.identify(&call.caller, None).await?;
    if holder.space.to_string() != id {
        return Err(Refusal::new(Cause::UnknownHolder).at("Patient.id").into());
    }
    Ok(respond::json(StatusCode::OK, &Resource::Patient(Box::new(patient(&holder)))))
}

/// A holder as FRCorePatientINS.
pub(crate) fn patient(holder: &Holder) -> Patient {
    let traits = &holder.traits;
    let coding = |system: &str, code: &str| Coding::new(Some(system), code, None);
    let status = Extension { value_coding: Some(coding(FR_CORE_V2_0445, "VALI")), ..Extension::new("identityStatus") };
    let mut extension = vec![Extension { extension: vec![status], ..Extension::new(FR_CORE_RELIABILITY) }];
    if let Some(place) = &traits.birth_place {
        let code = Extension { value_coding: Some(coding(COMMUNE, place)), ..Extension::new(FR_CORE_INSEE_CODE) };
        let address = Address { extension: vec![code], text: None };
        extension.push(Extension { value_address: Some(address), ..Extension::new(BIRTH_PLACE) });
    }
    let official = HumanName {
        usage: Some("official".into()),
        family: Some(traits.family.clone()),
        given: traits.given.first().cloned().into_iter().collect(),
        extension: vec![Extension::string(FR_CORE_GIVEN_NAMES, traits.given.join(" "))],
        text: None,
    };
    let usual = traits.used_family.as_ref().map(|family| HumanName {
        usage: Some("usual".into()),
        family: Some(family.clone()),
        given: traits.given.first().cloned().into_iter().collect(),
        ..HumanName::default()
    });
    Patient {
        id: Some(holder.space.to_string()),
        meta: Some(Meta { profile: vec![FR_CORE_PATIENT_INS.to_owned()], ..Meta::default() }),
        extension,
        identifier: vec![person::ins_identifier(holder.ins.matricule(), holder.ins.oid())],
        active: Some(holder.state == SpaceState::Open),
        name: std::iter::once(official).chain(usual).collect(),
        gender: Some(if traits.sex == Sex::F { "female" } else { "male" }.to_owned()),
        birth_date: Some(traits.birth_date.to_fhir()),
        link: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use space::{Dtm, Ins, InsOid, InsTolerance, SpaceId, Traits};

    use super::*;

    #[test]
    fn a_holder_is_a_french_core_patient_with_a_qualified_identity() {
        let holder = Holder {
            space: SpaceId(uuid::Uuid::nil()),
            ins: Ins::parse("279035121518989", InsOid::Nir, InsTolerance::Strict).expect("INS"),
            traits: Traits {
                family: "DUPONT".into(),
                given: vec!["ELISE".into(), "MARIE".into()],
                used_family: Some("DURAND".into()),
                birth_date: Dtm::parse("19790301").expect("DTM"),
                sex: Sex::F,
                birth_place: Some("51215".into()),
            },
            state: SpaceState::Open,
        };
        let value = serde_json::to_value(Resource::Patient(Box::new(patient(&holder)))).expect("JSON");
        wire_fhir::check(&value).expect("FHIR R4");
        assert_eq!(value["identifier"][0]["type"]["coding"][0]["code"], "INS-NIR");
        assert_eq!(value["name"][0]["extension"][0]["valueString"], "ELISE MARIE");
        assert_eq!((&value["gender"], &value["birthDate"]), (&"female".into(), &"1979-03-01".into()));
        assert_eq!(value["extension"][1]["valueAddress"]["extension"][0]["valueCoding"]["code"], "51215");
    }
}
