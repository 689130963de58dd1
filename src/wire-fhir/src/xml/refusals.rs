use serde_json::json;

use super::{
    tests::{LIMITS, patient},
    *,
};
use crate::error::Problem;

fn refused_xml(xml: &str) -> (String, Problem) {
    let error = from_xml(xml.as_bytes(), LIMITS).expect_err("refused");
    (error.place, error.problem)
}

fn refused_json(json: &str) -> (String, Problem) {
    let error = to_xml(json).expect_err("refused");
    (error.place, error.problem)
}

/// What is wrong with a patient of that content.
fn refused(content: &str) -> (String, Problem) {
    refused_xml(&patient(content))
}

fn is_syntax(refusal: &(String, Problem), place: &str) -> bool {
    refusal.0 == place && matches!(refusal.1, Problem::Syntax { .. })
}

#[test]
fn a_narrative_that_is_no_xhtml_is_refused_in_json() {
    let ns = "xmlns=\"http://www.w3.org/1999/xhtml\"";
    for bad in [
        "text".to_owned(),
        "<div>x</div>".to_owned(),
        format!("<p {ns}>x</p>"),
        format!("<div {ns}>x"),
        format!("<div {ns}><b>x</div></b>"),
        format!("<div {ns}>x</div><div {ns}>y</div>"),
        format!("<div {ns}>x</div>y"),
        format!("<div {ns}>&nbsp;</div>"),
        format!("<div {ns}>a & b</div>"),
        format!("<div {ns}>]]></div>"),
        format!("<div {ns}><?php x?></div>"),
        format!("<!DOCTYPE div><div {ns}/>"),
        format!("<div {ns}><p a=b>x</p></div>"),
        format!("<div {ns}><p a=\"1\"b=\"2\">x</p></div>"),
        format!("<div {ns}><p a=\"1\" a=\"2\">x</p></div>"),
        format!("<div {ns}><p a=\"<\">x</p></div>"),
        format!("<div {ns}><p a=\"&x;\">x</p></div>"),
        format!("<div {ns}><p/ >x</div>"),
        format!("<div {ns}><1/></div>"),
        format!("<div {ns}><x:p/></div>"),
        format!("<div {ns}><p xmlns=\"http://hl7.org/fhir\"/></div>"),
        format!("<div {ns} xlink:href=\"a\"/>"),
        format!("<div {ns}>\u{1}</div>"),
        format!("<div {ns}>{}{}</div>", "<p>".repeat(100), "</p>".repeat(100)),
    ] {
        let json = json!({"resourceType": "Patient", "text": {"status": "generated", "div": bad}}).to_string();
        let (place, problem) = refused_json(&json);
        assert_eq!(place, "Patient.text.div", "{bad}");
        assert!(matches!(problem, Problem::WrongType | Problem::UnknownElement | Problem::TooDeep), "{bad}");
        // Nor is it in XML, where the error may be found further out.
        let xml = patient(&format!("<text><status value=\"generated\"/>{bad}</text>"));
        assert!(from_xml(xml.as_bytes(), LIMITS).is_err(), "{bad}");
    }
}

#[test]
fn xml_that_is_not_well_formed_or_more_than_fhir_allows_is_refused() {
    let whole = patient("<active value=\"true\"/>");
    for bad in [
        String::new(),
        "text".to_owned(),
        "{}".to_owned(),
        format!("<!DOCTYPE Patient [<!ENTITY x \"y\">]>{whole}"),
        format!("<!DOCTYPE Patient>{whole}"),
        format!("<?xml-stylesheet href=\"a\"?>{whole}"),
        format!(" <?xml version=\"1.0\"?>{whole}"),
        format!("<?xml version=\"1.1\"?>{whole}"),
        format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{whole}"),
        format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{whole}"),
        format!("<?xml encoding=\"UTF-8\"?>{whole}"),
        format!("<?xml version=\"1.0\"?><?xml version=\"1.0\"?>{whole}"),
    ] {
        assert!(is_syntax(&refused_xml(&bad), "Resource"), "{bad}");
    }
    for bad in [
        format!("{whole}{whole}"),
        format!("{whole}x"),
        format!("{whole}</Patient>"),
        patient("<active value=\"true\">"),
        patient("<active value=\"true\"/><?x y?>"),
        patient("&x;"),
        patient("<active value=true/>"),
        patient("<active value=\"true\" value=\"true\"/>"),
        patient("<active id=\"a\"value=\"true\"/>"),
        patient("<active value=\"&true;\"/>"),
        patient("<active value=\"&#0;\"/>"),
        patient("<active value=\"&#xd800;\"/>"),
        patient("<active value=\"&#+9;\"/>"),
        patient("<active value=\"<\"/>"),
        patient("<!-- a -- b -->"),
        patient("<!-->"),
        patient("<a:b:c/>"),
        patient("<active xmlns:xml=\"http://hl7.org/fhir\" value=\"true\"/>"),
    ] {
        let (place, problem) = refused_xml(&bad);
        assert!(place.starts_with("Patient") && matches!(problem, Problem::Syntax { .. }), "{bad}: {problem}");
    }
    let (_, problem) = refused_xml("<Patient xmlns=\"http://hl7.org/fhir\">\n  <active value=\"true\" x/>\n</Patient>");
    assert_eq!(problem, Problem::Syntax { line: 2, column: 3 });
    let control = from_xml(b"<Patient xmlns=\"http://hl7.org/fhir\">\n\x01</Patient>", LIMITS).expect_err("refused");
    assert_eq!(control.problem, Problem::Syntax { line: 2, column: 1 });
    for bytes in [b"<Patient\n \xe9/>".as_slice(), b"\xff\xfe<\0P\0"] {
        let error = from_xml(bytes, LIMITS).expect_err("not UTF-8");
        assert!(matches!(error.problem, Problem::Syntax { .. }));
    }
}

#[test]
fn elements_and_attributes_that_are_not_there_are_refused_in_xml() {
    let unknown = |place: &str| (place.to_owned(), Problem::UnknownElement);
    assert_eq!(refused("<surname value=\"x\"/>"), unknown("Patient.surname"));
    assert_eq!(
        refused("<name><given value=\"x\"/></name><name><sur value=\"x\"/></name>"),
        unknown("Patient.name[1].sur")
    );
    assert_eq!(refused("<multipleBirthString value=\"x\"/>"), unknown("Patient.multipleBirthString"));
    assert_eq!(refused("<active value=\"true\" use=\"x\"/>"), unknown("Patient.active.use"));
    assert_eq!(refused("<active value=\"true\" xml:lang=\"fr\"/>"), unknown("Patient.active.?"));
    assert_eq!(refused("<name value=\"x\"/>"), unknown("Patient.name[0].value"));
    assert_eq!(refused("<name url=\"x\"><family value=\"x\"/></name>"), unknown("Patient.name[0].url"));
    assert_eq!(refused("<extension><url value=\"x\"/></extension>"), unknown("Patient.extension[0].url"));
    assert_eq!(refused("<name><id value=\"x\"/></name>"), unknown("Patient.name[0].id"));
    assert_eq!(refused("<active value=\"true\"><value/></active>"), unknown("Patient.active.value"));
    assert_eq!(refused("<contained id=\"a\"><Patient/></contained>"), unknown("Patient.contained[0].id"));
    assert_eq!(refused("<Patient/>"), unknown("Patient.Patient"));
    let (place, problem) = refused_xml("<Patient xmlns=\"http://hl7.org/fhir\" id=\"a\"/>");
    assert_eq!((place, problem), unknown("Patient.id"));
    let schema = "<Patient xmlns=\"http://hl7.org/fhir\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"/>";
    assert_eq!(refused_xml(schema), unknown("Patient.xmlns"));
}

#[test]
fn other_namespaces_are_refused() {
    for bad in [
        "<Patient/>",
        "<Patient xmlns=\"http://hl7.org/FHIR\"/>",
        "<Patient xmlns=\"urn:hl7-org:v3\"/>",
        "<f:Patient xmlns=\"http://hl7.org/fhir\"/>",
        "<Patient xmlns:f=\"http://hl7.org/fhir\"/>",
    ] {
        assert_eq!(refused_xml(bad), ("Resource".to_owned(), Problem::UnknownElement), "{bad}");
    }
    let (place, problem) = refused("<active xmlns=\"\" value=\"true\"/>");
    assert_eq!((place.as_str(), problem), ("Patient.active", Problem::UnknownElement));
    let (place, _) = refused("<active xmlns=\"http://www.w3.org/1999/xhtml\" value=\"true\"/>");
    assert_eq!(place, "Patient.active");
    let (place, _) = refused("<text><status value=\"empty\"/><div>x</div></text>");
    assert_eq!(place, "Patient.text.div");
    // A declaration holds no longer than its element.
    let (place, _) = refused("<active xmlns:g=\"http://hl7.org/fhir\" value=\"true\"/><g:gender value=\"male\"/>");
    assert_eq!(place, "Patient.gender");
    let two = refused_xml("<Nonsense xmlns=\"http://hl7.org/fhir\"/>");
    assert_eq!(two, ("Resource".to_owned(), Problem::WrongResource(KNOWN)));
}

#[test]
fn order_and_repetition_are_those_of_the_specification() {
    let (place, problem) = refused("<birthDate value=\"1970\"/><gender value=\"male\"/>");
    assert_eq!((place.as_str(), problem), ("Patient.gender", Problem::UnknownElement));
    let (place, problem) = refused("<name><family value=\"a\"/></name><active value=\"true\"/>");
    assert_eq!((place.as_str(), problem), ("Patient.active", Problem::UnknownElement));
    let (place, problem) = refused("<gender value=\"male\"/><gender value=\"female\"/>");
    assert_eq!((place.as_str(), problem), ("Patient.gender", Problem::DuplicateKey));
    let (place, problem) = refused("<deceasedBoolean value=\"true\"/><deceasedDateTime value=\"2020\"/>");
    assert_eq!((place.as_str(), problem), ("Patient.deceasedDateTime", Problem::DuplicateKey));
    let (place, problem) = refused("<contained><Patient/><Patient/></contained>");
    assert_eq!((place.as_str(), problem), ("Patient.contained[0]", Problem::DuplicateKey));
}

#[test]
fn text_and_emptiness_are_refused() {
    let (place, problem) = refused("<name><family value=\"a\"/>DUPONT</name>");
    assert_eq!((place.as_str(), problem), ("Patient.name[0]", Problem::WrongType));
    assert_eq!(refused("<active value=\"true\">x</active>").0, "Patient.active");
    assert_eq!(refused("<![CDATA[x]]>"), ("Patient".to_owned(), Problem::WrongType));
    assert_eq!(refused("&#65;"), ("Patient".to_owned(), Problem::WrongType));
    let missing = Problem::Missing("value".to_owned());
    assert_eq!(refused("<active/>"), ("Patient.active".to_owned(), missing.clone()));
    assert_eq!(
        refused("<name><given value=\"a\"/><given id=\"b\"/></name>"),
        ("Patient.name[0].given[1]".to_owned(), missing)
    );
    for (bad, place) in [
        ("<active value=\"\"/>", "Patient.active.value"),
        ("<name><text value=\" &#10;\"/></name>", "Patient.name[0].text.value"),
        ("<active id=\"\" value=\"true\"/>", "Patient.active.id"),
        ("<name/>", "Patient.name[0]"),
        ("<name id=\"a\"></name>", "Patient.name[0]"),
        ("<extension url=\"u\"/>", "Patient.extension[0]"),
        ("<contained/>", "Patient.contained[0]"),
    ] {
        assert_eq!(refused(bad), (place.to_owned(), Problem::UnknownElement), "{bad}");
    }
}

#[test]
fn booleans_and_numbers_that_are_none_are_refused() {
    for bad in ["1", "TRUE", " true", "yes"] {
        let refusal = refused(&format!("<active value=\"{bad}\"/>"));
        assert_eq!(refusal, ("Patient.active".to_owned(), Problem::WrongType));
    }
    for bad in ["1.0", "01", "-0", "1e2", "2147483648", "x", "+", "--1", " 1"] {
        let refusal = refused(&format!("<multipleBirthInteger value=\"{bad}\"/>"));
        assert_eq!(refusal, ("Patient.multipleBirthInteger".to_owned(), Problem::WrongType), "{bad}");
    }
    for (bad, name) in [("0", "rank"), ("-1", "rank")] {
        let refusal = refused(&format!("<telecom><{name} value=\"{bad}\"/></telecom>"));
        assert_eq!(refusal, ("Patient.telecom[0].rank".to_owned(), Problem::WrongType), "{bad}");
    }
    for bad in ["", "+1.0", ".5", "1.", "01", "NaN", "INF", "1e", "1e+", "0x1", "1,5", "1 ", "--1", "1.0.0"] {
        let refusal = refused(&format!("<extension url=\"u\"><valueDecimal value=\"{bad}\"/></extension>"));
        assert!(refusal.0.starts_with("Patient.extension[0].valueDecimal"), "{bad}");
    }
}

#[test]
fn size_depth_and_number_of_elements_are_bounded() {
    let few = XmlLimits { size: 200, depth: 3, elements: 4 };
    let refused = |content: &str| {
        let error = from_xml(patient(content).as_bytes(), few).expect_err("refused");
        (error.place, error.problem)
    };
    assert_eq!(refused(&" ".repeat(200)), ("Resource".to_owned(), Problem::TooLarge));
    let deep = "<contact><name><family value=\"a\"/></name></contact>";
    assert_eq!(refused(deep), ("Patient.contact[0].name".to_owned(), Problem::TooDeep));
    let many = "<name><given value=\"a\"/></name>".repeat(2);
    assert_eq!(refused(&many), ("Patient.name[1]".to_owned(), Problem::TooLarge));
    let div = "<text><div xmlns=\"http://www.w3.org/1999/xhtml\"><p/></div></text>";
    assert_eq!(refused(div), ("Patient.text.div".to_owned(), Problem::TooDeep));
    let deep = patient(&"<extension url=\"u\">".repeat(10_000));
    assert_eq!(refused_xml(&deep).1, Problem::TooDeep);
    let attributes: String = (0..100).map(|i| format!(" xmlns:a{i}=\"http://hl7.org/fhir\"")).collect();
    assert!(from_xml(format!("<Patient xmlns=\"http://hl7.org/fhir\"{attributes}/>").as_bytes(), LIMITS).is_err());
    let declared: String =
        (0..70).map(|i| format!("<extension xmlns:a{i}=\"http://hl7.org/fhir\" url=\"u\">")).collect();
    assert_eq!(refused_xml(&patient(&declared)).1, Problem::TooLarge);
}

#[test]
fn what_is_no_fhir_json_is_refused_at_its_place() {
    for bad in ["", "{", "{\"resourceType\":\"Patient\"}x", "{\"a\":tru}", "\u{feff}{}", "[\"\\ud800\"]", "{\"a\":01}"]
    {
        assert!(is_syntax(&refused_json(bad), "Resource"), "{bad}");
    }
    let (_, problem) = refused_json("{\n \"resourceType\": \"\\udc00\"}");
    assert_eq!(problem, Problem::Syntax { line: 2, column: 18 });
    let missing = |name: &str| Problem::Missing(name.to_owned());
    for (bad, place, problem) in [
        ("[]", "Resource", Problem::WrongType),
        ("{}", "Resource", missing("resourceType")),
        (r#"{"resourceType":1}"#, "Resource.resourceType", Problem::WrongType),
        (r#"{"resourceType":"HumanName"}"#, "Resource", Problem::WrongResource(KNOWN)),
        (r#"{"resourceType":"Patient","resourceType":"Patient"}"#, "Patient.resourceType", Problem::DuplicateKey),
        (r#"{"resourceType":"Patient","sur name":1}"#, "Patient.?", Problem::UnknownElement),
        (r#"{"resourceType":"Patient","_name":[{"id":"a"}]}"#, "Patient._name", Problem::UnknownElement),
        (
            r#"{"resourceType":"Patient","name":[{"resourceType":"x"}]}"#,
            "Patient.name[0].resourceType",
            Problem::UnknownElement,
        ),
        (r#"{"resourceType":"Patient","name":[{"_id":{"id":"x"}}]}"#, "Patient.name[0]._id", Problem::UnknownElement),
        (r#"{"resourceType":"Patient","active":true,"active":true}"#, "Patient.active", Problem::DuplicateKey),
        (
            r#"{"resourceType":"Patient","deceasedBoolean":true,"_deceasedDateTime":{}}"#,
            "Patient._deceasedDateTime",
            Problem::DuplicateKey,
        ),
        (r#"{"resourceType":"Patient","active":null}"#, "Patient.active", Problem::WrongType),
        (r#"{"resourceType":"Patient","active":"true"}"#, "Patient.active", Problem::WrongType),
        (r#"{"resourceType":"Patient","active":[true]}"#, "Patient.active", Problem::WrongType),
        (r#"{"resourceType":"Patient","gender":1}"#, "Patient.gender", Problem::WrongType),
        (r#"{"resourceType":"Patient","gender":""}"#, "Patient.gender", Problem::UnknownElement),
        (r#"{"resourceType":"Patient","gender":"\u0001"}"#, "Patient.gender", Problem::WrongType),
        (
            r#"{"resourceType":"Patient","multipleBirthInteger":1.0}"#,
            "Patient.multipleBirthInteger",
            Problem::WrongType,
        ),
        (
            r#"{"resourceType":"Patient","multipleBirthInteger":1e1}"#,
            "Patient.multipleBirthInteger",
            Problem::WrongType,
        ),
        (r#"{"resourceType":"Patient","multipleBirthInteger":-0}"#, "Patient.multipleBirthInteger", Problem::WrongType),
        (r#"{"resourceType":"Patient","telecom":[{"rank":0}]}"#, "Patient.telecom[0].rank", Problem::WrongType),
        (r#"{"resourceType":"Patient","name":{"family":"a"}}"#, "Patient.name", Problem::WrongType),
        (r#"{"resourceType":"Patient","name":[]}"#, "Patient.name", Problem::UnknownElement),
        (r#"{"resourceType":"Patient","name":[{}]}"#, "Patient.name[0]", Problem::UnknownElement),
        (r#"{"resourceType":"Patient","name":[{"id":"a"}]}"#, "Patient.name[0]", Problem::UnknownElement),
        (r#"{"resourceType":"Patient","name":[null]}"#, "Patient.name[0]", Problem::WrongType),
        (r#"{"resourceType":"Patient","name":[{"id":1,"family":"a"}]}"#, "Patient.name[0].id", Problem::WrongType),
        (
            r#"{"resourceType":"Patient","name":[{"given":["a"],"_given":[null,{"id":"x"}]}]}"#,
            "Patient.name[0].given",
            Problem::WrongType,
        ),
        (r#"{"resourceType":"Patient","name":[{"given":[null]}]}"#, "Patient.name[0].given[0]", missing("value")),
        (
            r#"{"resourceType":"Patient","name":[{"given":["a"],"_given":[{}]}]}"#,
            "Patient.name[0].given[0]",
            Problem::UnknownElement,
        ),
        (r#"{"resourceType":"Patient","_active":{"id":"a"}}"#, "Patient.active", missing("value")),
        (
            r#"{"resourceType":"Patient","_active":{"extension":[{"url":"u","valueX":1}]}}"#,
            "Patient.active.extension[0].valueX",
            Problem::UnknownElement,
        ),
        (
            r#"{"resourceType":"Patient","contained":[{"resourceType":"Flag","code":{"text":1}}]}"#,
            "Patient.contained[0].code.text",
            Problem::WrongType,
        ),
        (r#"{"resourceType":"Patient","contained":[{"id":"a"}]}"#, "Patient.contained[0]", missing("resourceType")),
    ] {
        assert_eq!(refused_json(bad), (place.to_owned(), problem), "{bad}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(refused_json(&deep).1, Problem::TooDeep);
    let many = format!("[{}0]", "0,".repeat(5_000_000));
    assert_eq!(refused_json(&many).1, Problem::TooLarge);
}

#[test]
fn an_error_repeats_no_value() {
    for bad in ["<gender value=\"DUPONT\" value=\"\"/>", "<active value=\"DUPONT\"/>", "DUPONT", "<active DUPONT/>"] {
        let error = from_xml(patient(bad).as_bytes(), LIMITS).expect_err("refused").to_string();
        assert!(!error.contains("DUPONT"), "{error}");
    }
    let json = r#"{"resourceType":"Patient","DUPONT Jean":1}"#;
    assert!(!to_xml(json).expect_err("refused").to_string().contains("DUPONT"));
}
