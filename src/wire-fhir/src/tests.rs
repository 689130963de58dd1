//! Where R4 and R4B differ for what is used here, and that R4's own content reads.

use serde_json::{Value, json};

use crate::{Limits, Resource, check, parse_bundle};

#[test]
fn values_of_extensions_that_only_r4b_knows_are_refused() {
    for (key, value) in [
        ("valueCodeableReference", json!({"concept": {"text": "x"}})),
        ("valueRatioRange", json!({"lowNumerator": {"value": 1}})),
    ] {
        let resource = json!({"resourceType": "Patient", "extension": [{"url": "http://x", key: value}]});
        assert_eq!(check(&resource).expect_err(key).place, format!("Patient.extension[0].{key}"));
    }
    let both = json!({"resourceType": "Patient", "extension": [{"url": "http://x", "valueRatio": {}}]});
    check(&both).expect("R4 knows Ratio");
}

#[test]
fn a_capability_statement_may_say_4_0_1() {
    let statement = json!({"resourceType": "CapabilityStatement", "status": "active", "date": "2026-01-01",
        "kind": "instance", "fhirVersion": "4.0.1", "format": ["json"]});
    check(&statement).expect("R4");
}

#[test]
fn required_codes_of_r4_are_known() {
    for status in ["current", "superseded", "entered-in-error"] {
        let resource = json!({"resourceType": "DocumentReference", "status": status, "content": [{"attachment": {}}]});
        check(&resource).expect(status);
    }
    for status in ["current", "retired", "entered-in-error"] {
        check(&json!({"resourceType": "List", "status": status, "mode": "working"})).expect(status);
    }
    for outcome in ["0", "4", "8", "12"] {
        let event = json!({"resourceType": "AuditEvent", "type": {"code": "rest"}, "recorded": "2026-01-01T00:00:00Z",
            "agent": [{"requestor": true}], "source": {"observer": {"display": "x"}}, "action": "E", "outcome": outcome});
        check(&event).expect(outcome);
    }
}

#[test]
fn elements_of_r4_of_every_resource_used_are_known_and_those_of_r5_are_not() {
    let known = [
        json!({"resourceType": "Device", "deviceName": [{"name": "x", "type": "user-friendly-name"}],
            "modelNumber": "1", "owner": {"display": "x"}}),
        json!({"resourceType": "PractitionerRole", "practitioner": {"display": "x"}, "availableTime": [{"allDay": true}]}),
        json!({"resourceType": "Organization", "name": "x", "alias": ["y"], "telecom": [{"system": "phone"}]}),
        json!({"resourceType": "Practitioner", "qualification": [{"code": {"text": "x"}}], "photo": [{"url": "u"}]}),
        json!({"resourceType": "Binary", "contentType": "text/plain", "data": "SGVsbG8="}),
        json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "too-costly",
            "expression": ["Bundle"]}]}),
        json!({"resourceType": "Patient", "birthDate": "1974-12", "_birthDate": {"extension": [
            {"url": "http://x", "valueCode": "unknown"}]}, "deceasedBoolean": false, "multipleBirthInteger": 2}),
    ];
    for resource in &known {
        check(resource).unwrap_or_else(|e| panic!("{} {e}", resource["resourceType"]));
    }
    let of_r5 = [
        json!({"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {}}], "version": "1"}),
        json!({"resourceType": "Device", "name": [{"value": "x", "type": "registered-name"}]}),
        json!({"resourceType": "Practitioner", "deceasedBoolean": true}),
    ];
    for resource in &of_r5 {
        assert!(check(resource).is_err(), "{}", resource["resourceType"]);
    }
}

/// Examples of a guide, beside the project or where `PASSERELLE_SHARED` says.
fn guide(package: &str) -> std::path::PathBuf {
    let shared = std::env::var_os("PASSERELLE_SHARED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    shared.join("reference/fhir/json").join(package).join("example")
}

/// The guide's own examples, when the reference material is at hand.
#[test]
#[expect(clippy::print_stderr, reason = "a test says that it skipped")]
fn the_examples_of_the_french_guides_read_and_come_back() {
    let folder = guide("ans.fhir.fr.pdsm-3.1.1");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    };
    let mut seen = 0;
    for file in files {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        check(&value).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if value["resourceType"] != "Bundle" {
            let read: Resource = serde_json::from_value(value).expect("structures");
            check(&serde_json::to_value(&read).expect("JSON")).expect("still FHIR");
            seen += 1;
        }
    }
    assert!(seen >= 6, "examples were skipped: {seen}");
}

/// The transactions of the draft guide for the DMP, when the reference material is at hand.
#[test]
#[expect(clippy::print_stderr, reason = "a test says that it skipped")]
fn the_transactions_of_the_draft_guide_read() {
    let folder = guide("ans.fhir.fr.pdsm4dmp-0.1.0");
    for name in ["Bundle-example-td2-iti65-lot-soumission.json", "Bundle-example-td2-1-remplacement.json"] {
        let Ok(text) = std::fs::read(folder.join(name)) else {
            eprintln!("skipped: {name} is not there");
            return;
        };
        let bundle = parse_bundle(&text, Limits::of_size(1 << 20)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(bundle.entries.len() >= 3 && bundle.entries.iter().any(|e| e.content.is_some()), "{name}");
    }
}
