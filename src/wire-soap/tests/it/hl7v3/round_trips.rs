use super::fixtures::*;
use super::messages::*;
use crate::schema;
use wire_soap::hl7v3::*;
use wire_soap::xml::{Tree, XmlLimits};

/// Writes a message, reads it, has its schema judge it, and gives the text.
macro_rules! round {
    ($message:expr, $type:ident) => {{
        let message: $type = $message;
        let text = String::from_utf8(written(|out| message.write(out))).unwrap();
        let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
        assert_eq!($type::read(tree.root()), Ok(message), "{text}");
        schema::accepts(&text);
        text
    }};
}

#[test]
fn a_question_on_a_file_is_written_and_read_back() {
    let message = get_demographics();
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
    let text = round!(demographics(), Demographics);
    assert!(text.contains("<acknowledgement typeCode=\"AA\"><targetMessage>"));
    let nothing = Demographics { subjects: Vec::new(), reasons: Vec::new(), query: None, ..demographics() };
    round!(nothing, Demographics);
}

#[test]
fn a_search_and_its_answer_are_written_and_read_back() {
    round!(find_candidates(), FindCandidates);
    let answer = candidates();
    assert_eq!(answer.transmission.receivers[0].device, find_candidates().transmission.sender.device);
    assert_eq!(answer.transmission.accept_ack_code, "NE");
    let text = round!(answer, Candidates);
    assert!(text.contains("<acknowledgement><typeCode code=\"AA\"/><targetMessage>"));
}

#[test]
fn the_rest_of_an_answer_is_asked_for_or_given_up() {
    round!(continuation(false), QueryContinuation);
    let text = round!(continuation(true), QueryContinuation);
    assert!(text.starts_with("<QUQI_IN000003UV01_Cancel "));
}

#[test]
fn identifiers_are_asked_for_and_given() {
    round!(get_identifiers(), GetIdentifiers);
    round!(identifiers(), Identifiers);
}

#[test]
fn records_and_their_acknowledgement_are_written_and_read_back() {
    for event in [RegistryEvent::RecordAdded, RegistryEvent::RecordRevised, RegistryEvent::DuplicatesResolved] {
        round!(record(event), RegistryRecord);
    }
    round!(accept_acknowledgement(), AcceptAcknowledgement);
}

#[test]
fn requests_to_a_registry_are_written_and_read_back() {
    for action in [RegistryAction::Add, RegistryAction::Revise] {
        let text = round!(request(action), RegistryRequest);
        assert!(text.contains("<author typeCode=\"AUT\" xsi:nil=\"true\"/>"));
    }
    // To close a file its identifiers are enough.
    let mut closing = request(RegistryAction::Revise);
    closing.control_act = ControlAct::because(reason::CLOSE);
    closing.subject.patient.person = None;
    let text = round!(closing, RegistryRequest);
    assert!(text.contains("xsi:nil=\"true\"/><providerOrganization"));
}

#[test]
fn answers_of_a_registry_are_written_and_read_back() {
    for action in [RegistryAction::Add, RegistryAction::Revise] {
        for repeated in [false, true] {
            let text = round!(rejection(action, repeated), RegistryAnswer);
            assert!(text.starts_with(&format!("<gdp:{}_Response ", action.interaction())));
        }
    }
    for verdict in [
        RegistryVerdict::Added(vec![registration(identified())]),
        RegistryVerdict::Revised(vec![registration(patient())]),
    ] {
        let interaction = verdict.action().accepted();
        let answer = RegistryAnswer {
            transmission: transmission(interaction),
            verdict,
            reasons: Vec::new(),
            ..rejection(RegistryAction::Add, false)
        };
        let text = String::from_utf8(written(|out| answer.write_bare(out))).unwrap();
        assert!(text.starts_with(&format!("<{interaction} ")));
        assert_eq!(RegistryAnswer::read(Tree::parse(&text, &XmlLimits::default()).unwrap().root()).unwrap(), answer);
        round!(answer, RegistryAnswer);
    }
}
