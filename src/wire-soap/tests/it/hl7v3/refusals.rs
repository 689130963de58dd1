use super::messages::*;
use wire_soap::hl7v3::*;
use wire_soap::xml::{Tree, XmlLimits};
use wire_soap::{MessageError, MessageErrorKind as Kind};

/// The bounds of one text and of one element's repetitions.
const BOUND: usize = 10_000;

fn question() -> String {
    String::from_utf8(written(|out| get_demographics().write(out))).unwrap()
}

fn search() -> String {
    String::from_utf8(written(|out| find_candidates().write(out))).unwrap()
}

/// Why a message is refused once some text in it is another.
fn refusal(text: &str, from: &str, to: &str) -> MessageError {
    assert!(text.contains(from), "{from} is not in {text}");
    let text = text.replacen(from, to, 1);
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    match tree.root().local_name() {
        "PRPA_IN201305UV02" => FindCandidates::read(tree.root()).unwrap_err(),
        _ => GetDemographics::read(tree.root()).unwrap_err(),
    }
}

#[test]
fn what_is_missing_is_told_with_its_place() {
    let text = question();
    let root = "/PRPA_IN201307UV02";
    let missing = refusal(&text, "<creationTime value=\"20240101120000+0100\"/>", "");
    assert_eq!((missing.kind, missing.place.as_str()), (Kind::MissingElement("creationTime"), root));
    let missing = refusal(&text, "<queryId root=\"1.2.3.2\" extension=\"q-1\"/>", "");
    assert_eq!(missing.kind, Kind::MissingElement("queryId"));
    assert_eq!(missing.place, format!("{root}/controlActProcess/queryByParameter"));
    let missing = refusal(&text, "<processingCode code=\"P\"/>", "<processingCode/>");
    assert_eq!(missing.kind, Kind::MissingAttribute("code"));
    let missing = refusal(&text, "<value root=\"1.2.9\"/>", "");
    assert_eq!(missing.place, format!("{root}/controlActProcess/queryByParameter/parameterList/dataSource[2]"));
    let nil = refusal(
        &text,
        "<patientIdentifier>",
        "<patientIdentifier xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:nil=\"true\">",
    );
    assert_eq!(nil.kind, Kind::MissingElement("patientIdentifier"), "a nil element is none");
    let other = refusal(&text, "urn:hl7-org:v3", "urn:hl7-org:v4");
    assert_eq!((other.kind, other.place.as_str()), (Kind::UnexpectedElement, root));
}

#[test]
fn what_has_no_form_of_its_type_is_told_with_its_place() {
    let text = question();
    let invalid = refusal(&text, "20240101120000+0100", "2024-01-01");
    assert_eq!((invalid.kind, invalid.place.as_str()), (Kind::InvalidValue("TS"), "/PRPA_IN201307UV02/creationTime"));
    let untyped = refusal(&text, " xsi:type=\"BL\"", "");
    assert_eq!(
        (untyped.kind, untyped.place.as_str()),
        (Kind::MissingAttribute("xsi:type"), "/PRPA_IN201307UV02/attentionLine[2]/value")
    );
    assert_eq!(refusal(&text, " xsi:type=\"BL\"", " xsi:type=\"PIVL_TS\"").kind, Kind::InvalidValue("ANY"));
    let search = search();
    assert_eq!(
        refusal(&search, "<initialQuantity value=\"5\"", "<initialQuantity value=\"five\"").kind,
        Kind::InvalidValue("integer")
    );
    let wide = refusal(&search, "<low value=\"1979\"/>", "<width value=\"1\" unit=\"a\"/>");
    assert_eq!(wide.kind, Kind::UnexpectedElement);
    assert!(wide.place.ends_with("/parameterList/livingSubjectBirthTime[1]/value[1]/*"), "{}", wide.place);
}

#[test]
fn a_condition_that_is_not_known_is_refused() {
    let unknown =
        refusal(&search(), "<parameterList>", "<parameterList><templateId root=\"1.2\"/><livingSubjectShoeSize/>");
    assert_eq!(unknown.kind, Kind::UnexpectedElement);
    assert_eq!(unknown.place, "/PRPA_IN201305UV02/controlActProcess/queryByParameter/parameterList/*");
    let unknown = refusal(&question(), "<parameterList>", "<parameterList><x/>");
    assert_eq!(unknown.kind, Kind::UnexpectedElement);
}

#[test]
fn what_repeats_or_is_too_long_is_refused() {
    let text = question();
    let twice = refusal(&text, "<processingCode", "<processingCode code=\"D\"/><processingCode");
    assert_eq!(
        (twice.kind, twice.place.as_str()),
        (Kind::RepeatedElement("processingCode"), "/PRPA_IN201307UV02/processingCode[2]")
    );
    let long = "x".repeat(BOUND + 1);
    let long = refusal(&text, "277076322082910", &long);
    assert_eq!(long.kind, Kind::TooLong { max: BOUND });
    assert!(!long.to_string().contains("xx"));
    let many = "<dataSource><value root=\"1\"/></dataSource>".repeat(BOUND);
    let many = refusal(&text, "<dataSource>", &format!("{many}<dataSource>"));
    assert_eq!(many.kind, Kind::TooMany("dataSource"));
    let acts = refusal(&text, "<controlActProcess", "<controlActProcess/><controlActProcess");
    assert_eq!(acts.kind, Kind::RepeatedElement("controlActProcess"));
}

#[test]
fn null_flavours_are_kept_whatever_they_are() {
    let text = question().replace("<value root=\"1.2.9\"/>", "<value nullFlavor=\"WHATEVER\" root=\"1.2.9\"/>");
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let read = GetDemographics::read(tree.root()).unwrap();
    let source = read.query.data_sources().nth(1).unwrap();
    assert_eq!(source.null_flavor.as_ref().map(NullFlavor::as_str), Some("WHATEVER"));
    assert_eq!(source.root.as_deref(), Some("1.2.9"));
    // A flag that is said unknown is not believed beside its flavour; one that says nothing says nothing.
    for (wire, flavor) in [("nullFlavor=\"UNK\" value=\"true\"", "UNK"), ("", "NI")] {
        let text = question().replace("xsi:type=\"BL\" value=\"true\"", &format!("xsi:type=\"BL\" {wire}"));
        let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
        let read = GetDemographics::read(tree.root()).unwrap();
        let Some(Value::Boolean(Nullable::Null(read))) = &read.transmission.attention_lines[1].value else { panic!() };
        assert_eq!(read.as_str(), flavor);
    }
}

#[test]
fn an_answer_in_another_wrapper_or_in_none_that_is_known_is_refused() {
    let text = String::from_utf8(written(|out| rejection(RegistryAction::Add, true).write(out))).unwrap();
    let read = |text: &str| RegistryAnswer::read(Tree::parse(text, &XmlLimits::default()).unwrap().root());
    assert!(read(&text).is_ok());
    let empty = "<g:PRPA_IN201311UV02_Response xmlns:g=\"asip:ci-sis:gdp:2010\"/>";
    assert_eq!(read(empty).unwrap_err().kind, Kind::UnexpectedElement);
    let twice = text.replace("<subject ", "<subject typeCode=\"SUBJ\"><registrationRequest><statusCode code=\"a\"/></registrationRequest></subject><subject ");
    assert_eq!(read(&twice).unwrap_err().kind, Kind::MissingElement("subject1"));
    let inner = &text[text.find("<PRPA_IN201313UV02").unwrap()..text.rfind("</gdp:").unwrap()];
    let subject = &inner[inner.find("<subject ").unwrap()..inner.find("<reasonOf").unwrap()];
    let error = read(&inner.replace("<reasonOf", &format!("{subject}<reasonOf"))).unwrap_err();
    assert_eq!(
        (error.kind, error.place.as_str()),
        (Kind::RepeatedElement("subject"), "/PRPA_IN201313UV02/controlActProcess/subject[2]")
    );
    let other = "<g:PRPA_IN201311UV02_Response xmlns:g=\"asip:other\"><PRPA_IN201313UV02 xmlns=\"urn:hl7-org:v3\"/></g:PRPA_IN201311UV02_Response>";
    assert_eq!(read(other).unwrap_err().place, "/PRPA_IN201311UV02_Response");
}
