//! `GET Patient?identifier=system|matricule`: whether a holder has a space here, and who they are, shaped by
//! FRCorePatientINS 2.1.0 (PDSm4DMP, TD0.2). A `Patient` is read by the id that the search gave. No other search of people is served.

use axum::{
    extract::{Path, Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use space::{Cause, Holder, Refusal, Sex, SpaceState, trace::Act};
use wire_fhir::{Address, Coding, Extension, HumanName, Meta, Patient, Resource};

use crate::{
    FhirState,
    call::Call,
    respond::{self, Failure},
    search::{
        Search, holder,
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
    search.require(&["identifier"])?;
    let mut asked = search.all("identifier");
    let ins = holder::number(state, "identifier", asked.next().unwrap_or_default())?;
    if asked.next().is_some() {
        return Err(crate::search::invalid("identifier", "one value").into());
    }
    let found = match state.desk.identify(&call.caller, Some(&ins)).await.map_err(Failure::from) {
        Ok((holder, ..)) => vec![holder],
        // An empty answer is the answer; the desk has traced the question.
        Err(failure) if failure.is(Cause::UnknownHolder) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let frame = Frame { call, search: &search, kind: "Patient", profile: None, page };
    let bundle = frame.bundle(&found, |holder| {
        let patient = patient(holder);
        (patient.id.clone().unwrap_or_default(), Resource::Patient(Box::new(patient)))
    });
    Ok(respond::json(StatusCode::OK, &bundle))
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
