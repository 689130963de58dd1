use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

pub(super) const LIMITS: XmlLimits = XmlLimits::of_size(1 << 20);

fn back(xml: &str) -> String {
    from_xml(xml.as_bytes(), LIMITS).expect("FHIR XML")
}

/// JSON without the line breaks and indents that make it readable here.
fn dense(json: &str) -> String {
    json.lines().map(str::trim_start).collect()
}

/// XML of a resource, which must come back as the same text of JSON.
fn round(json: &str) -> String {
    let json = dense(json);
    let xml = to_xml(&json).expect("FHIR JSON");
    assert_eq!(back(&xml), json);
    xml
}

/// A patient of that content, in XML.
pub(super) fn patient(content: &str) -> String {
    format!("<Patient xmlns=\"http://hl7.org/fhir\">{content}</Patient>")
}

#[test]
fn elements_stand_in_the_order_of_the_specification_whatever_the_order_of_keys() {
    let json = r#"{"birthDate":"1970-03-30","name":[{"given":["Ada","Eve"],"family":"Durand"}],"id":"p",
        "active":true,"resourceType":"Patient"}"#;
    let xml = to_xml(json).expect("writes");
    assert_eq!(
        xml,
        "<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"p\"/><active value=\"true\"/>\
         <name><family value=\"Durand\"/><given value=\"Ada\"/><given value=\"Eve\"/></name>\
         <birthDate value=\"1970-03-30\"/></Patient>"
    );
    assert_eq!(
        back(&xml),
        dense(
            r#"{"resourceType":"Patient","id":"p","active":true,"name":[{"family":"Durand","given":["Ada","Eve"]}],
                "birthDate":"1970-03-30"}"#
        )
    );
    assert!(knows("Patient") && knows("ImagingStudy"));
    assert!(!knows("HumanName") && !knows("Patient.contact") && !knows("patient") && !knows(""));
}

#[test]
fn decimals_keep_their_text_and_integers_are_numbers() {
    for number in ["1", "1.0", "1.00", "-0.5", "1e2", "1.20E-22", "0", "100000000000000000000.000000000000000000001"] {
        let json = format!(
            r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},
                "valueQuantity":{{"value":{number}}}}}"#
        );
        assert!(round(&json).contains(&format!("<valueQuantity><value value=\"{number}\"/></valueQuantity>")));
    }
    round(r#"{"resourceType":"Patient","multipleBirthInteger":-2147483648}"#);
    round(r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueInteger":0}"#);
    let plus = back(&patient("<multipleBirthInteger value=\"+3\"/>"));
    assert_eq!(plus, r#"{"resourceType":"Patient","multipleBirthInteger":3}"#);
}

#[test]
fn what_stands_beside_primitives_is_padded_with_null_and_only_then() {
    let xml = round(
        r#"{"resourceType":"Patient","name":[{"given":["Ada",null,"Eve",null],"_given":[null,{"extension":[{
            "url":"u","valueBoolean":false}]},null,{"id":"g","extension":[{"url":"v","valueCode":"c"}]}]}],
            "birthDate":"1970","_birthDate":{"id":"b","extension":[{"url":"t","valueTime":"10:00:00"}]}}"#,
    );
    assert!(xml.contains(
        "<given value=\"Ada\"/><given><extension url=\"u\"><valueBoolean value=\"false\"/></extension></given>\
         <given value=\"Eve\"/><given id=\"g\"><extension url=\"v\"><valueCode value=\"c\"/></extension></given>"
    ));
    assert!(xml.contains(
        "<birthDate id=\"b\" value=\"1970\"><extension url=\"t\"><valueTime value=\"10:00:00\"/></extension>\
         </birthDate>"
    ));
    // Nothing but extensions: no array of nulls; and one may be given.
    round(
        r#"{"resourceType":"Patient","name":[{"_given":[{"extension":[{"url":"u","valueBoolean":true}]}]}],
            "gender":"other"}"#,
    );
    let nulls = r#"{"resourceType":"Patient","name":[{"given":[null],"_given":[{"extension":[{"url":"u",
        "valueString":"x"}]}]}]}"#;
    assert!(!back(&to_xml(nulls).expect("writes")).contains("\"given\""));
    // The last ones have nothing beside them.
    round(r#"{"resourceType":"Patient","name":[{"given":["A","B","C"],"_given":[{"id":"x"},null,null]}]}"#);
    round(r#"{"resourceType":"Patient","_gender":{"extension":[{"url":"u","valueCode":"x"}]},"birthDate":"1970"}"#);
}

#[test]
fn id_and_url_are_attributes_of_elements_and_id_an_element_of_resources() {
    let xml = round(
        r#"{"resourceType":"Patient","id":"p","extension":[{"id":"e","extension":[{"url":"in",
            "valueDecimal":1.50}],"url":"out"}],"name":[{"id":"n","family":"Durand"}]}"#,
    );
    assert!(xml.contains("<id value=\"p\"/>"));
    assert!(xml.contains(
        "<extension id=\"e\" url=\"out\"><extension url=\"in\"><valueDecimal value=\"1.50\"/></extension></extension>"
    ));
    assert!(xml.contains("<name id=\"n\"><family value=\"Durand\"/></name>"));
    // Whatever the order of attributes.
    let turned = patient("<extension url='u' id='e'><valueString value='x'/></extension>");
    assert_eq!(back(&turned), r#"{"resourceType":"Patient","extension":[{"id":"e","url":"u","valueString":"x"}]}"#);
}

#[test]
fn resources_stand_in_an_element_of_their_type_wherever_they_are() {
    let xml = round(
        r#"{"resourceType":"List","contained":[{"resourceType":"Patient","id":"a"},{"resourceType":"Device",
            "id":"b"}],"status":"current","mode":"working"}"#,
    );
    assert!(xml.contains("<contained><Patient><id value=\"a\"/></Patient></contained><contained><Device>"));
    let xml = round(
        r#"{"resourceType":"Bundle","type":"searchset","total":1,"link":[{"relation":"self",
            "url":"http://x/?a=1&b=2"}],"entry":[{"link":[{"relation":"l","url":"u"}],"resource":{
            "resourceType":"Patient","id":"p"},"search":{"mode":"match","score":0.90}}]}"#,
    );
    assert!(xml.contains("<url value=\"http://x/?a=1&amp;b=2\"/>"));
    assert!(xml.contains("<resource><Patient><id value=\"p\"/></Patient></resource>"));
    let xml = round(
        r#"{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","part":[{"name":"c",
            "resource":{"resourceType":"Binary","contentType":"text/plain","data":"SGk="}}]},{"name":"d",
            "valueUnsignedInt":7}]}]}"#,
    );
    assert!(xml.contains("<part><name value=\"c\"/><resource><Binary><contentType value=\"text/plain\"/>"));
    assert_eq!(round(r#"{"resourceType":"Parameters"}"#), "<Parameters xmlns=\"http://hl7.org/fhir\"/>");
}

#[test]
fn a_narrative_is_carried_over_as_it_stands() {
    let div = "<div xmlns=\"http://www.w3.org/1999/xhtml\">\n <p class='a' xml:lang=\"fr\">caf\u{e9} &amp; &#160;<br/>\
               <!-- said -->&lt;x&gt;</p>\r\n</div>";
    let json = json!({"resourceType": "Patient", "text": {"status": "generated", "div": div}}).to_string();
    let xml = to_xml(&json).expect("writes");
    assert!(xml.contains(&format!("<status value=\"generated\"/>{div}</text>")));
    assert_eq!(serde_json::from_str::<Value>(&back(&xml)).expect("JSON")["text"]["div"], div);
    // With white space around it, or a prefix of its own.
    let prefixed = "<h:div xmlns:h=\"http://www.w3.org/1999/xhtml\"><h:b>x</h:b></h:div>";
    let json = json!({"resourceType": "Patient", "text": {"status": "generated", "div": format!(" {prefixed}\n")}});
    assert!(to_xml(&json.to_string()).expect("writes").contains(&format!("{prefixed}</text>")));
}

#[test]
fn a_narrative_is_given_the_namespaces_declared_around_it() {
    let xml = "<f:Patient xmlns:f=\"http://hl7.org/fhir\" xmlns='http://www.w3.org/1999/xhtml' \
               xmlns:h='http://www.w3.org/1999/xhtml'><f:text><f:status value=\"generated\"/>\
               <h:div class=\"a\"><p>x</p><h:p/></h:div></f:text></f:Patient>";
    let json = back(xml);
    let value: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        value["text"]["div"],
        "<h:div xmlns:h=\"http://www.w3.org/1999/xhtml\" xmlns=\"http://www.w3.org/1999/xhtml\" class=\"a\">\
         <p>x</p><h:p/></h:div>"
    );
    assert_eq!(back(&to_xml(&json).expect("writes")), json);
}

#[test]
fn white_space_and_marks_in_values_survive_attributes() {
    let text = " a\tb\nc\r\nd  <e> & \"f\" 'g' \u{a0}\u{1f600}\\ ";
    let json = json!({"resourceType": "Patient", "name": [{"text": text}]}).to_string();
    let xml = to_xml(&json).expect("writes");
    assert!(
        xml.contains(
            "<text value=\" a&#9;b&#10;c&#13;&#10;d  &lt;e&gt; &amp; &quot;f&quot; 'g' \u{a0}\u{1f600}\\ \"/>"
        )
    );
    assert_eq!(serde_json::from_str::<Value>(&back(&xml)).expect("JSON")["name"][0]["text"], text);
    // White space written as such is made spaces; characters by number stay.
    let read = back(&patient("<name><text value='a\r\n\tb&#xA;c&#x1F600;&apos;'/></name>"));
    assert_eq!(read, "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"a  b\\nc\u{1f600}'\"}]}");
}

#[test]
fn comments_the_declaration_and_a_byte_order_mark_are_passed_over() {
    let xml = "\u{feff}<?xml version='1.0' encoding=\"utf-8\" standalone='yes'?>\n<!-- a -->\n\
               <Patient xmlns=\"http://hl7.org/fhir\"><!-- b -->\n <active value=\"true\"><!-- c --></active>\
               </Patient>\n<!-- d -->";
    assert_eq!(back(xml), r#"{"resourceType":"Patient","active":true}"#);
}

/// A string FHIR allows: some content other than white space, and nothing XML cannot hold.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex(
        "[ \\t\\n\\r\"&<>'/\\\\]{0,3}[A-Za-z0-9\u{e9}\u{4e2d}][ -~\\t\\n\\r\u{a0}-\u{d7ff}]{0,12}",
    )
    .expect("a pattern")
}

fn decimal() -> impl Strategy<Value = String> {
    proptest::string::string_regex("-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,10})?([eE][+-]?[0-9]{1,3})?").expect("a pattern")
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A list of values and what stands beside them, as members of an object.
fn list(name: &str, items: &[(Option<String>, Option<String>)]) -> Vec<String> {
    let beside = |url: &String| format!("{{\"extension\":[{{\"url\":{},\"valueBoolean\":true}}]}}", quoted(url));
    let nulls = |items: Vec<Option<String>>| {
        let items: Vec<String> = items.into_iter().map(|item| item.unwrap_or_else(|| "null".to_owned())).collect();
        items.join(",")
    };
    let mut members = Vec::new();
    if items.iter().any(|(value, _)| value.is_some()) {
        let values = items.iter().map(|(value, _)| value.as_deref().map(quoted)).collect();
        members.push(format!("\"{name}\":[{}]", nulls(values)));
    }
    if items.iter().any(|(_, url)| url.is_some()) {
        let values = items.iter().map(|(_, url)| url.as_ref().map(beside)).collect();
        members.push(format!("\"_{name}\":[{}]", nulls(values)));
    }
    members
}

proptest! {
    #[test]
    fn a_patient_comes_back(
        id in text(),
        active in any::<bool>(),
        family in proptest::option::of(text()),
        given in proptest::collection::vec((proptest::option::of(text()), proptest::option::of(text())), 0..5),
        births in any::<i32>(),
    ) {
        let given: Vec<_> = given.into_iter().filter(|(value, url)| value.is_some() || url.is_some()).collect();
        let mut name: Vec<String> = family.iter().map(|family| format!("\"family\":{}", quoted(family))).collect();
        name.extend(list("given", &given));
        let mut members = vec!["\"resourceType\":\"Patient\"".to_owned(), format!("\"id\":{}", quoted(&id))];
        members.push(format!("\"active\":{active}"));
        if !name.is_empty() {
            members.push(format!("\"name\":[{{{}}}]", name.join(",")));
        }
        members.push(format!("\"multipleBirthInteger\":{births}"));
        round(&format!("{{{}}}", members.join(",")));
    }

    #[test]
    fn an_observation_comes_back(
        note in text(),
        values in proptest::collection::vec((decimal(), text()), 1..5),
    ) {
        let quantity = |(value, unit): &(String, String)| format!("{{\"value\":{value},\"unit\":{}}}", quoted(unit));
        let component =
            |value| format!("{{\"code\":{{\"text\":\"x\"}},\"valueQuantity\":{}}}", quantity(value));
        let components: Vec<String> = values.iter().map(component).collect();
        let note = format!("\"note\":[{{\"text\":{}}}]", quoted(&note));
        let start = r#"{"resourceType":"Observation","status":"final","code":{"text":"x"}"#;
        round(&format!("{start},{note},\"component\":[{}]}}", components.join(",")));
    }

    #[test]
    fn nothing_makes_the_readers_panic(
        content in proptest::collection::vec(
            proptest::sample::select(vec![
                "<", ">", "/", "</", "/>", "Patient", "text", "div", "name", "given", " ", "=", "\"", "'", "value",
                "xmlns", "http://hl7.org/fhir", "http://www.w3.org/1999/xhtml", "&", ";", "#", "x", "<!--", "-->", "-",
                "<![CDATA[", "]]>", "<?", "?>", "<!DOCTYPE", "[", "]", ":", "\u{e9}", "<name>", "</name>",
                "<given value=\"a\"/>", "<extension url=\"u\">", "</extension>", "\n",
            ]),
            0..40,
        )
    ) {
        let content = content.concat();
        let _ = from_xml(content.as_bytes(), LIMITS);
        let _ = from_xml(patient(&content).as_bytes(), LIMITS);
        let _ = to_xml(&content);
        let _ = to_xml(&json!({"resourceType": "Patient", "text": {"status": "empty", "div": content}}).to_string());
    }
}
