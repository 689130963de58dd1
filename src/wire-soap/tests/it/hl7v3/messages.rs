//! One message of each kind, as full as its types allow.

use super::fixtures::*;
use super::queries::{candidate_query, identifier_query, query_ack};
use wire_soap::dmp::*;
use wire_soap::hl7v3::*;

/// What a writer appends.
pub(crate) fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// Every kind of message, written.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let list = PatientListResponse {
        patients: vec![PatientListData { last_name: Some("PAT".into()), ..PatientListData::default() }; 2],
        status: Some(status::OK.into()),
        context: None,
    };
    let professional = AuthorizationByPatient {
        mode: Some(AuthorizationMode::Active),
        specific_rights: vec![AuthorizationRole::MedecinTraitant],
        ..AuthorizationByPatient::default()
    };
    let professionals = ListAuthorizationByPatientResponse {
        authorizations: vec![professional],
        ..ListAuthorizationByPatientResponse::default()
    };
    vec![
        written(|out| get_demographics().write(out)),
        written(|out| demographics().write(out)),
        written(|out| find_candidates().write(out)),
        written(|out| candidates().write(out)),
        written(|out| continuation(false).write(out)),
        written(|out| get_identifiers().write(out)),
        written(|out| identifiers().write(out)),
        written(|out| record(RegistryEvent::DuplicatesResolved).write(out)),
        written(|out| accept_acknowledgement().write(out)),
        written(|out| request(RegistryAction::Revise).write(out)),
        written(|out| rejection(RegistryAction::Add, true).write(out)),
        written(|out| list.write(out)),
        written(|out| professionals.write(out)),
    ]
}

pub(crate) fn get_demographics() -> GetDemographics {
    GetDemographics {
        transmission: transmission(GetDemographics::INTERACTION),
        control_act: control_act(),
        query: identifier_query(),
    }
}

pub(crate) fn demographics() -> Demographics {
    Demographics {
        transmission: transmission(Demographics::INTERACTION),
        acknowledgement: acknowledgement(AcknowledgementType::ApplicationAccept),
        control_act: control_act(),
        subjects: vec![registration(patient())],
        reasons: reasons(),
        query_ack: query_ack(),
        query: Some(identifier_query()),
    }
}

pub(crate) fn find_candidates() -> FindCandidates {
    FindCandidates {
        transmission: transmission(FindCandidates::INTERACTION),
        control_act: ControlAct::of("PRPA_TE201305UV02"),
        query: candidate_query(),
    }
}

pub(crate) fn candidates() -> Candidates {
    let question = find_candidates();
    let head = &question.transmission;
    Candidates {
        transmission: head.answer(Candidates::INTERACTION, id("1.2", "2"), "2024".into(), Device::new("1.2.5")),
        acknowledgement: Acknowledgement::of(AcknowledgementType::ApplicationAccept, head.id.clone()),
        control_act: ControlAct::of("PRPA_TE201306UV02"),
        subjects: vec![registration(Candidate::new(patient(), 93)), registration(Candidate::new(patient(), 20))],
        reasons: Vec::new(),
        query_ack: query_ack(),
        query: Some(question.query),
    }
}

pub(crate) fn continuation(cancel: bool) -> QueryContinuation {
    QueryContinuation {
        cancel,
        transmission: transmission(QueryContinuation::INTERACTION),
        acknowledgement: (!cancel).then(|| acknowledgement(AcknowledgementType::ApplicationAccept)),
        control_act: ControlAct::of("PRPA_TE000003UV01"),
        reasons: Vec::new(),
        continuation: Continuation {
            query_id: Some(id("1.2.3.2", "q-1")),
            start_result_number: Some(6.into()),
            continuation_quantity: Some(5.into()),
            status_code: if cancel { "aborted" } else { "waitContinuedQueryResponse" }.into(),
        },
    }
}

pub(crate) fn get_identifiers() -> GetIdentifiers {
    GetIdentifiers {
        transmission: transmission(GetIdentifiers::INTERACTION),
        control_act: control_act(),
        query: identifier_query(),
    }
}

pub(crate) fn identifiers() -> Identifiers {
    Identifiers {
        transmission: transmission(Identifiers::INTERACTION),
        acknowledgement: acknowledgement(AcknowledgementType::ApplicationError),
        control_act: ControlAct::of("PRPA_TE201310UV02"),
        subjects: vec![registration(identified())],
        reasons: reasons(),
        query_ack: QueryAck::of(id("1.2", "3"), QueryResponse::ApplicationError),
        query: Some(identifier_query()),
    }
}

pub(crate) fn record(event: RegistryEvent) -> RegistryRecord {
    RegistryRecord {
        event,
        transmission: transmission(event.interaction()),
        control_act: ControlAct::of(event.trigger_event()),
        subjects: vec![registration(patient())],
        reasons: reasons(),
    }
}

pub(crate) fn accept_acknowledgement() -> AcceptAcknowledgement {
    AcceptAcknowledgement {
        transmission: transmission(AcceptAcknowledgement::INTERACTION),
        acknowledgement: acknowledgement(AcknowledgementType::CommitError),
    }
}

pub(crate) fn request(action: RegistryAction) -> RegistryRequest {
    RegistryRequest {
        action,
        transmission: transmission(action.interaction()),
        control_act: control_act(),
        subject: Registration { author: None, custodian: None, ..registration(patient()) },
        reasons: Vec::new(),
    }
}

pub(crate) fn rejection(action: RegistryAction, repeated: bool) -> RegistryAnswer {
    let subject = repeated.then(|| Box::new(Registration { custodian: None, ..registration(patient()) }));
    RegistryAnswer {
        transmission: transmission(action.rejected()),
        acknowledgement: acknowledgement(AcknowledgementType::ApplicationError),
        control_act: ControlAct::default(),
        verdict: RegistryVerdict::Rejected(action, subject),
        reasons: reasons(),
    }
}
