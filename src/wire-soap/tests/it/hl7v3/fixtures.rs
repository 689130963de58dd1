//! Messages as full as their types allow, with made-up people.

use wire_soap::hl7v3::*;

pub(super) fn id(root: &str, extension: &str) -> InstanceIdentifier {
    InstanceIdentifier::new(root, extension)
}

pub(super) fn transmission(interaction: &str) -> Transmission {
    let mut sender = Device::new("1.2.3");
    sender.names.push(EntityName::text("Émetteur"));
    sender.manufacturer_model_name = Some("model".into());
    sender.software_name = Some("logiciel <1>".into());
    sender.as_agent = Some(DeviceAgent {
        represented_organization: Some(DeviceOrganization {
            ids: vec![InstanceIdentifier::root("1.2.4")],
            names: vec![EntityName::text("Hôpital")],
        }),
    });
    let id = id("1.2.3.1", "m-1");
    let mut head = Transmission::request(interaction, id, "20240101120000+0100".into(), sender, Device::new("1.2.5"));
    head.version_code = Some("V3PR1".into());
    head.attention_lines = vec![
        AttentionLine {
            key_word_text: Some(CodedText::coded("AUTORISATION", "1.2.250.1.213.4.1.2.6.1")),
            value: Some(Value::CodedValue(ConceptDescriptor::new("VALIDE", "1.2.250.1.213.4.1.2.6.2"))),
        },
        AttentionLine {
            key_word_text: Some(CodedText::coded("STATUT_MT", "1.2.250.1.213.4.1.2.6.3")),
            value: Some(true.into()),
        },
    ];
    head
}

pub(super) fn acknowledgement(type_code: AcknowledgementType) -> Acknowledgement {
    let detail = AcknowledgementDetail {
        type_code: Some("E".into()),
        code: Some(ConceptDescriptor::new("204", "2.16.840.1.113883.12.357")),
        text: Some("inconnu & <refusé>".into()),
        locations: vec!["/PRPA_IN201309UV02/controlActProcess".into(), "/a".into()],
    };
    Acknowledgement {
        type_code,
        target_message: id("1.2.5.1", "m-0"),
        details: vec![detail, AcknowledgementDetail::default()],
    }
}

pub(super) fn control_act() -> ControlAct {
    let assigned = AssignedEntity {
        ids: vec![id("1.2.250.1.71.4.2.1", "899700000001")],
        assigned_person: Some(NamedPerson { names: vec![name("DOC", "ANNE")] }),
        represented_organization: Some(organization(true)),
        ..AssignedEntity::default()
    };
    ControlAct {
        code: Some(ConceptDescriptor::new("PRPA_TE201305UV02", INTERACTIONS)),
        text: Some("pourquoi".into()),
        effective_time: Some(Interval::between("2024", "20240102")),
        language_code: Some(ConceptDescriptor::new("fr", "2.16.840.1.113883.6.121")),
        authors_or_performers: vec![AuthorOrPerformer {
            type_code: "PRF".into(),
            time: Some(Interval::point("20240101")),
            assigned_device: None,
            assigned_person: Some(assigned.clone()),
        }],
        data_enterers: vec![DataEnterer { time: None, assigned_person: assigned }],
        ..ControlAct::because(reason::TEST_EXISTENCE)
    }
}

pub(super) fn reasons() -> Vec<DetectedIssueEvent> {
    vec![DetectedIssueEvent {
        code: ConceptDescriptor::new("ActAdministrativeDetectedIssueCode", "2.16.840.1.113883.5.4"),
        text: Some("occupé".into()),
        value: Some(Value::Text("plus tard".into())),
        mitigated_by: vec![DetectedIssueManagement {
            code: Some(ConceptDescriptor::new("ResponderBusy", "1.3.6.1.4.1.19376.1.2.27.3")),
            text: None,
        }],
        ..DetectedIssueEvent::default()
    }]
}

pub(super) fn name(family: &str, given: &str) -> EntityName {
    let name = EntityName::default()
        .with(NamePartType::Prefix, None, "M")
        .with(NamePartType::Given, Some("BR"), given)
        .with(NamePartType::Given, None, "Éléonore")
        .with(NamePartType::Family, Some("BR"), family)
        .with(NamePartType::Family, Some("SP"), "D'USAGE")
        .with(NamePartType::Suffix, None, "Jr");
    EntityName { uses: vec!["L".into()], ..name }
}

pub(super) fn organization(contact: bool) -> Organization {
    let party = ContactParty {
        telecoms: vec![Telecom { value: Some("tel:+33102030405".into()), ..Telecom::default() }],
        contact_person: Some(NamedPerson { names: vec![name("ADMIN", "MAX")] }),
        ..ContactParty::default()
    };
    Organization {
        ids: vec![InstanceIdentifier::root("1.2.4")],
        names: vec![EntityName::text("Hôpital")],
        contact_parties: if contact { vec![party] } else { Vec::new() },
        ..Organization::default()
    }
}

pub(super) fn address() -> PostalAddress {
    let address = PostalAddress { uses: vec!["HP".into()], ..PostalAddress::default() };
    address
        .with("streetAddressLine", "1 rue A & B")
        .with("postalCode", "75001")
        .with("city", "Paris")
        .with("county", "75101")
}

pub(super) fn person() -> Person {
    let mother = PersonalRelationship {
        code: ConceptDescriptor::new("MTH", ROLE_CODE),
        relationship_holder: Some(RelatedPerson { names: vec![name("MERE", "Anne")], ..RelatedPerson::default() }),
        ..PersonalRelationship::default()
    };
    let other = OtherIds {
        class_code: "CIT".into(),
        ids: vec![id("1.2.9", "x")],
        status_code: Some("active".into()),
        scoping_organization: Some(ScopingOrganization {
            ids: vec![InstanceIdentifier::root("1.2.9")],
            ..ScopingOrganization::default()
        }),
    };
    Person {
        ids: vec![id("1.2.8", "p")],
        names: vec![name("PAT", "DOMINIQUE"), EntityName::null(NullFlavor::NOT_APPLICABLE)],
        telecoms: vec![Telecom {
            value: Some("mailto:a@b.fr".into()),
            uses: vec!["MC".into(), "HP".into()],
            null_flavor: None,
        }],
        administrative_gender_code: Some(ConceptDescriptor::new("F", "2.16.840.1.113883.5.1")),
        birth_time: Some(Timestamp::from("19790328").into()),
        deceased_ind: Some(false.into()),
        deceased_time: Some(Nullable::Null(NullFlavor::UNKNOWN)),
        multiple_birth_ind: Some(true.into()),
        multiple_birth_order_number: Some(2.into()),
        addresses: vec![address()],
        marital_status_code: Some(ConceptDescriptor::new("M", "2.16.840.1.113883.5.2")),
        other_ids: vec![other],
        guardians: vec![Guardian {
            ids: vec![id("1.2.7", "g")],
            guardian_person: Some(GuardianPerson { names: vec![name("TUTEUR", "Paul")], ..GuardianPerson::default() }),
            ..Guardian::default()
        }],
        personal_relationships: vec![mother],
        birth_place: Some(BirthPlace {
            address: Some(PostalAddress::default().with("county", "2A004").with("country", "FRA")),
            birthplace: Some(BirthPlaceEntity {
                names: vec![EntityName::text("Ajaccio")],
                ..BirthPlaceEntity::default()
            }),
        }),
        language_communications: vec![LanguageCommunication {
            language_code: ConceptDescriptor::new("fr", "2.16.840.1.113883.6.121"),
            preference_ind: Some(true.into()),
        }],
    }
}

pub(super) fn patient() -> Patient {
    let ins = InstanceIdentifier {
        assigning_authority_name: Some("INS".into()),
        ..id("1.2.250.1.213.1.4.10", "277076322082910")
    };
    let observe =
        |code: &str, system: &str, value| AdministrativeObservation::new(ConceptDescriptor::new(code, system), value);
    Patient {
        ids: vec![id("1.2.250.1.213.1.4.2", "1"), ins],
        addresses: vec![address()],
        telecoms: vec![Telecom { null_flavor: Some(NullFlavor::MASKED), ..Telecom::default() }],
        status_code: "active".into(),
        effective_time: Some(Interval {
            low: Some(Bound { time: Timestamp::from("2024").into(), inclusive: false }),
            ..Interval::default()
        }),
        confidentiality_codes: vec![ConceptDescriptor::new("N", "2.16.840.1.113883.5.25")],
        person: Some(person()),
        provider_organization: Some(organization(true)),
        observations: vec![
            observe(observation::INTERNET_ACCOUNT_OPEN, observation::ACCOUNT_CODE_SYSTEM, true.into()),
            observe(
                observation::OPPOSES_BREAK_GLASS,
                observation::STATE_CODE_SYSTEM,
                Value::Boolean(Nullable::Null(NullFlavor::UNKNOWN)),
            ),
            observe(
                "FERMETURE",
                observation::CLOSING_CODE_SYSTEM,
                Value::CodedValue(ConceptDescriptor::new(
                    "FERMETURE_DEMANDE_PATIENT",
                    observation::CLOSING_CODE_SYSTEM,
                )),
            ),
            observe("DATE", observation::CLOSING_CODE_SYSTEM, Value::Time(Timestamp::from("20240101").into())),
        ],
    }
}

pub(super) fn identified() -> IdentifiedPatient {
    IdentifiedPatient {
        ids: vec![id("1.2.8", "p"), id("1.2.9", "q")],
        status_code: "active".into(),
        effective_time: None,
        person: Some(IdentifiedPerson {
            names: vec![EntityName::null(NullFlavor::NOT_APPLICABLE)],
            ..IdentifiedPerson::default()
        }),
        provider_organization: Some(organization(false)),
    }
}

pub(super) fn registration<P>(patient: P) -> Registration<P> {
    let custodian = AssignedEntity {
        ids: vec![InstanceIdentifier::root("1.2.250.1.213.4.1.1.1")],
        assigned_organization: Some(NamedOrganization { names: vec![EntityName::text("DMP")] }),
        ..AssignedEntity::default()
    };
    let prior = PriorRegistration {
        status_code: Some("obsolete".into()),
        prior_registered_role: Some(PriorRegisteredRole { ids: vec![id("1.2.8", "old")] }),
        ..PriorRegistration::default()
    };
    Registration {
        ids: vec![InstanceIdentifier {
            null_flavor: Some(NullFlavor::NOT_APPLICABLE),
            ..InstanceIdentifier::default()
        }],
        effective_time: Some(Interval::point("20240101")),
        author: Some(Author { time: Some(Interval::point("2024")), assigned_entity: custodian.clone() }),
        replacement_of: vec![prior],
        ..Registration::new("active", patient, custodian)
    }
}
