//! Queries as full as their types allow.

use super::fixtures::{address, id, name};
use wire_soap::hl7v3::*;

pub(super) fn query_ack() -> QueryAck {
    QueryAck {
        status_code: Some("deliveredResponse".into()),
        result_total_quantity: Some(3.into()),
        result_current_quantity: Some(2.into()),
        result_remaining_quantity: Some(1.into()),
        ..QueryAck::of(id("1.2.3.2", "q-1"), QueryResponse::Ok)
    }
}

pub(super) fn identifier_query() -> IdentifierQuery {
    let mut query = IdentifierQuery::on(id("1.2.3.2", "q-1"), id("1.2.250.1.213.1.4.10", "277076322082910"));
    query.response_priority_code = Some("I".into());
    query.parameters.data_sources = vec![
        Parameter::new(semantics::DATA_SOURCE_ID, InstanceIdentifier::root("1.2.8")),
        Parameter::new(semantics::DATA_SOURCE_ID, InstanceIdentifier::root("1.2.9")),
    ];
    query
}

pub(super) fn candidate_query() -> CandidateQuery {
    let searched = EntityName { uses: vec!["SRCH".into()], ..EntityName::default() };
    let searched = searched.with(NamePartType::Family, None, "PAT*").with(NamePartType::Given, None, "D");
    let parameters = CandidateParameters {
        administrative_gender: vec![Parameter::new(
            semantics::ADMINISTRATIVE_GENDER,
            ConceptDescriptor::new("F", "2.16.840.1.113883.5.1"),
        )],
        birth_place_address: vec![Parameter::new("LivingSubject.BirthPlace.Addr", address())],
        birth_place_name: vec![Parameter::new("LivingSubject.BirthPlace.Place.Name", EntityName::text("Ajaccio"))],
        birth_time: vec![
            Parameter::new(semantics::BIRTH_TIME, Interval::between("1979", "1980")),
            Parameter::new(semantics::BIRTH_TIME, Interval::point("19790328")),
        ],
        deceased_time: vec![Parameter::new(
            "LivingSubject.deceasedTime",
            Interval { center: Some(Timestamp::from("2020").into()), ..Interval::default() },
        )],
        living_subject_id: vec![Parameter::new(semantics::LIVING_SUBJECT_ID, id("1.2.8", "p"))],
        living_subject_name: vec![Parameter::new(semantics::LIVING_SUBJECT_NAME, searched)],
        mothers_maiden_name: vec![Parameter::new(semantics::MOTHERS_MAIDEN_NAME, name("MERE", "A"))],
        scoping_organization: vec![Parameter::new(
            semantics::SCOPING_ORGANIZATION_ID,
            InstanceIdentifier::root("1.2.9"),
        )],
        patient_address: vec![Parameter::new(semantics::PATIENT_ADDRESS, address())],
        patient_status_code: vec![Parameter::new(
            "Patient.statusCode",
            ConceptDescriptor::new("active", "2.16.840.1.113883.5.14"),
        )],
        patient_telecom: vec![Parameter::new(
            semantics::PATIENT_TELECOM,
            Telecom { value: Some("tel:1".into()), ..Telecom::default() },
        )],
        principal_care_provider_id: vec![Parameter::new("AssignedProvider.id", id("1.2", "d"))],
        principal_care_provision_id: vec![Parameter::new("CareProvision.id", id("1.2", "c"))],
        id: None,
    };
    let mut query = CandidateQuery::on(id("1.2.3.2", "q-1"), parameters);
    query.initial_quantity = Some(5.into());
    query.initial_quantity_code = Some(ConceptDescriptor::new("RD", "2.16.840.1.113883.12.126"));
    query.match_criteria = Some(MatchCriteria {
        minimum_degree_match: Some(Parameter::new("MinimumDegreeMatch", Value::Integer(75.into()))),
        match_algorithm: Some(Parameter::new("MatchAlgorithm", Value::Text("x".into()))),
        ..MatchCriteria::default()
    });
    query.sort_controls = vec![SortControl {
        sequence_number: Some(1.into()),
        element_name: Some("LivingSubject.name".into()),
        direction_code: Some("A".into()),
    }];
    query
}
