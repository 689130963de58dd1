use super::fixtures::*;
use crate::hl7v3::*;
use crate::xml::{Tree, XmlLimits};

/// Writes a message, reads it, and gives the text.
macro_rules! round {
    ($message:expr, $type:ident) => {{
        let message: $type = $message;
        let mut out = Vec::new();
        message.write(&mut out);
        let text = String::from_utf8(out).unwrap();
        let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
        assert_eq!($type::read(tree.root()), Ok(message), "{text}");
        text
    }};
}

#[test]
fn a_question_on_a_file_is_written_and_read_back() {
    let message = GetDemographics {
        transmission: transmission(GetDemographics::INTERACTION),
        control_act: control_act(),
        query: identifier_query(),
    };
    assert!(message.control_act.has_reason(reason::TEST_EXISTENCE));
    assert!(!message.control_act.has_reason(reason::CONSULT_DATA));
    assert_eq!(message.query.patient_identifiers().count(), 1);
    assert_eq!(message.query.data_sources().count(), 2);
    let text = round!(message, GetDemographics);
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let read = GetDemographics::read(tree.root()).unwrap();
    assert_eq!(
        read.query.data_sources().nth(1).unwrap().place.0,
        "/PRPA_IN201307UV02/controlActProcess/queryByParameter/parameterList/dataSource[2]/value[1]"
    );
}

#[test]
fn an_answer_on_a_file_is_written_and_read_back() {
    let answer = Demographics {
        transmission: transmission(Demographics::INTERACTION),
        acknowledgement: acknowledgement(AcknowledgementType::ApplicationAccept),
        control_act: control_act(),
        subjects: vec![registration(patient())],
        reasons: reasons(),
        query_ack: query_ack(),
        query: Some(identifier_query()),
    };
    let text = round!(answer.clone(), Demographics);
    assert!(text.contains("<acknowledgement typeCode=\"AA\"><targetMessage>"));
    round!(Demographics { subjects: Vec::new(), reasons: Vec::new(), query: None, ..answer }, Demographics);
}

#[test]
fn a_search_and_its_answer_are_written_and_read_back() {
    let question = FindCandidates {
        transmission: transmission(FindCandidates::INTERACTION),
        control_act: ControlAct::of("PRPA_TE201305UV02"),
        query: candidate_query(),
    };
    round!(question.clone(), FindCandidates);
    let head = &question.transmission;
    let answer = Candidates {
        transmission: head.answer(Candidates::INTERACTION, id("1.2", "2"), "2024".into(), Device::new("1.2.5")),
        acknowledgement: Acknowledgement::of(AcknowledgementType::ApplicationAccept, head.id.clone()),
        control_act: ControlAct::of("PRPA_TE201306UV02"),
        subjects: vec![registration(Candidate::new(patient(), 93)), registration(Candidate::new(patient(), 20))],
        reasons: Vec::new(),
        query_ack: query_ack(),
        query: Some(question.query),
    };
    assert_eq!(answer.transmission.receivers[0].device, head.sender.device);
    assert_eq!(answer.transmission.accept_ack_code, "NE");
    let text = round!(answer, Candidates);
    assert!(text.contains("<acknowledgement><typeCode code=\"AA\"/><targetMessage>"));
}

#[test]
fn the_rest_of_an_answer_is_asked_for_or_given_up() {
    let message = QueryContinuation {
        cancel: false,
        transmission: transmission(QueryContinuation::INTERACTION),
        acknowledgement: Some(acknowledgement(AcknowledgementType::ApplicationAccept)),
        control_act: ControlAct::of("PRPA_TE000003UV01"),
        reasons: Vec::new(),
        continuation: Continuation {
            query_id: Some(id("1.2.3.2", "q-1")),
            start_result_number: Some(6.into()),
            continuation_quantity: Some(5.into()),
            status_code: "waitContinuedQueryResponse".into(),
        },
    };
    round!(message.clone(), QueryContinuation);
    let text = round!(QueryContinuation { cancel: true, acknowledgement: None, ..message }, QueryContinuation);
    assert!(text.starts_with("<QUQI_IN000003UV01_Cancel "));
}

#[test]
fn identifiers_are_asked_for_and_given() {
    round!(
        GetIdentifiers {
            transmission: transmission(GetIdentifiers::INTERACTION),
            control_act: control_act(),
            query: identifier_query(),
        },
        GetIdentifiers
    );
    let answer = Identifiers {
        transmission: transmission(Identifiers::INTERACTION),
        acknowledgement: acknowledgement(AcknowledgementType::ApplicationError),
        control_act: ControlAct::of("PRPA_TE201310UV02"),
        subjects: vec![registration(identified())],
        reasons: reasons(),
        query_ack: QueryAck::of(id("1.2", "3"), QueryResponse::ApplicationError),
        query: Some(identifier_query()),
    };
    round!(answer, Identifiers);
}

#[test]
fn records_and_their_acknowledgement_are_written_and_read_back() {
    for event in [RegistryEvent::RecordAdded, RegistryEvent::RecordRevised, RegistryEvent::DuplicatesResolved] {
        let message = RegistryRecord {
            event,
            transmission: transmission(event.interaction()),
            control_act: ControlAct::of(event.trigger_event()),
            subjects: vec![registration(patient())],
            reasons: reasons(),
        };
        round!(message, RegistryRecord);
    }
    let message = AcceptAcknowledgement {
        transmission: transmission(AcceptAcknowledgement::INTERACTION),
        acknowledgement: acknowledgement(AcknowledgementType::CommitError),
    };
    round!(message, AcceptAcknowledgement);
}

#[test]
fn requests_to_a_registry_and_its_answers_are_written_and_read_back() {
    for action in [RegistryAction::Add, RegistryAction::Revise] {
        let subject = Registration { custodian: None, ..registration(patient()) };
        let request = RegistryRequest {
            action,
            transmission: transmission(action.interaction()),
            control_act: control_act(),
            subject: Registration { author: None, ..subject.clone() },
            reasons: Vec::new(),
        };
        let text = round!(request, RegistryRequest);
        assert!(text.contains("<author typeCode=\"AUT\" xsi:nil=\"true\"/>"));
        for subject in [None, Some(subject)] {
            let answer = RegistryAnswer {
                transmission: transmission(action.rejected()),
                acknowledgement: acknowledgement(AcknowledgementType::ApplicationError),
                control_act: ControlAct::default(),
                verdict: RegistryVerdict::Rejected(action, subject),
                reasons: reasons(),
            };
            let text = round!(answer, RegistryAnswer);
            assert!(text.starts_with(&format!("<gdp:{}_Response ", action.interaction())));
        }
    }
    for verdict in [
        RegistryVerdict::Added(vec![registration(identified())]),
        RegistryVerdict::Revised(vec![registration(patient())]),
    ] {
        let answer = RegistryAnswer {
            transmission: transmission(verdict.action().accepted()),
            acknowledgement: acknowledgement(AcknowledgementType::ApplicationAccept),
            control_act: ControlAct::default(),
            verdict,
            reasons: Vec::new(),
        };
        let mut out = Vec::new();
        answer.write_bare(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(RegistryAnswer::read(Tree::parse(&text, &XmlLimits::default()).unwrap().root()).unwrap(), answer);
        round!(answer, RegistryAnswer);
    }
}
