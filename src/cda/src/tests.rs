//! A sound document, and every way of breaking each rule.

use proptest::prelude::*;
use space::{
    Author, AvailabilityStatus, Code, DocumentEntry, Dtm, EntryKind, LocalizedText,
    hl7::{Cx, Xcn, Xon},
};
use terminology::Mappings;

use super::*;

/// A letter of discharge that breaks no rule.
const SOUND: &str = include_str!("tests/sound.xml");

const NON_XML: &str = r#"<component><nonXMLBody><text mediaType="application/pdf" representation="B64">JVBER"#;

/// The sound document with an unstructured body, cut in its base64 as a head is.
fn unstructured() -> String {
    let at = SOUND.find("<component><structured").expect("a body");
    let xds_sd = "<templateId root=\"1.3.6.1.4.1.19376.1.2.20\"/>\n<id root=\"1.2.250.1.999.1.7\"/>";
    SOUND[..at].replacen("<id root=\"1.2.250.1.999.1.7\"/>", xds_sd, 1) + NON_XML
}

fn rules() -> Rules {
    Rules::load(&Mappings::built_in()).expect("rules load")
}

fn header(text: &str) -> Header {
    Header::read(text.as_bytes()).expect("reads")
}

fn broken(text: &str, rules: &Rules) -> Vec<String> {
    let mut names: Vec<String> = check(&header(text), rules).into_iter().map(|f| f.rule).collect();
    names.sort();
    names.dedup();
    names
}

/// A rule, what to replace in the sound document, by what.
const BREAKS: &[(&str, &str, &str)] = &[
    ("realm-code", "realmCode code=\"FR\"", "realmCode code=\"US\""),
    ("type-id", "POCD_HD000040", "POCD_HD000041"),
    ("template-count", "<templateId root=\"1.2.250.1.213.1.1.1.29\" extension=\"2022.01\"/>", ""),
    ("template-hl7-france", "<templateId root=\"2.16.840.1.113883.2.8.2.1\"/>", "<templateId root=\"1.2.3\"/>"),
    ("template-ci-sis", "<templateId root=\"1.2.250.1.213.1.1.1.1\"/>", "<templateId root=\"1.2.3\"/>"),
    ("template-order", "<templateId root=\"2.16", "<templateId root=\"1.2.3\"/><templateId root=\"2.16"),
    (
        "template-order-ci-sis",
        "<templateId root=\"1.2.250.1.213.1.1.1.1\"/>",
        "<templateId root=\"1.2.3\"/><templateId root=\"1.2.250.1.213.1.1.1.1\"/>",
    ),
    ("id", "<id root=\"1.2.250.1.999.1.7\"/>", "<id nullFlavor=\"UNK\"/>"),
    ("id-root-only", "<id root=\"1.2.250.1.999.1.7\"/>", "<id root=\"1.2.250.1.999.1.7\" extension=\"a\"/>"),
    ("code", " displayName=\"Lettre de liaison\"", ""),
    ("code-known", "11490-0", "11490-9"),
    ("title", "<title>Lettre de\n   liaison</title>", "<title> </title>"),
    ("effective-time", "20240301134500+0100", "20240301134500"),
    ("confidentiality", "<confidentialityCode code=\"N\"", "<confidentialityCode code=\"MASQUE_PS\""),
    ("language", "fr-FR", "fr-fr"),
    ("set-id", "<setId root=\"1.2.250.1.999.1.6\"/>", ""),
    ("version-number", "versionNumber value=\"2\"", "versionNumber value=\"0\""),
    ("copy-time", "<recordTarget>", "<copyTime value=\"2024\"/><recordTarget>"),
    ("record-target", "<author>", "<recordTarget nullFlavor=\"NI\"/><author>"),
    ("patient-role", "<recordTarget><patientRole>", "<recordTarget><patientRole nullFlavor=\"NI\">"),
    ("patient-id", " extension=\"P42\"", ""),
    (
        "patient-ins-first",
        "<id root=\"1.2.250.1.213.1.4.10\"",
        "<id root=\"1.2.3\" extension=\"x\"/><id root=\"1.2.250.1.213.1.4.10\"",
    ),
    ("patient-ins-shape", "277076322082910", "27707632208291"),
    ("patient", "<patient>", "<patient nullFlavor=\"UNK\">"),
    ("patient-name", "<name><family qualifier", "<name nullFlavor=\"UNK\"><family qualifier"),
    ("patient-birth-family", "family qualifier=\"BR\"", "family qualifier=\"CL\""),
    ("patient-birth-given", "given qualifier=\"BR\"", "given qualifier=\"CL\""),
    ("patient-given-list", "<given>ELISE ANNE</given>", ""),
    ("patient-gender", "administrativeGenderCode code=\"F\"", "administrativeGenderCode code=\"X\""),
    ("patient-birth-time", "19770707", "19771307"),
    ("patient-birth-place", "<county>63220</county>", "<county>Riom</county>"),
    ("patient-religion", "<birthplace>", "<religiousAffiliationCode nullFlavor=\"MSK\"/><birthplace>"),
    ("patient-race", "<birthplace>", "<raceCode nullFlavor=\"MSK\"/><birthplace>"),
    ("patient-ethnic-group", "<birthplace>", "<ethnicGroupCode nullFlavor=\"MSK\"/><birthplace>"),
    ("author", "<author>", "<author nullFlavor=\"UNK\">"),
    ("author-time", "<time value=\"202403011340+0100\"/>", ""),
    ("author-role", "<assignedAuthor>", "<assignedAuthor nullFlavor=\"UNK\">"),
    (
        "author-id",
        "<id root=\"1.2.250.1.71.4.2.1\" extension=\"899900063480\"/>\n<code code=\"G15",
        "<id nullFlavor=\"UNK\"/>\n<code code=\"G15",
    ),
    ("author-code", " displayName=\"Cardiologie\"", ""),
    ("author-code-known", "G15_10/SM04", "G15_10/SM00"),
    (
        "author-who",
        "<assignedPerson><name><family>MAX</family><given>LIBRE</given></name></assignedPerson>\n<rep",
        "<rep",
    ),
    (
        "author-device-model",
        ASSIGNED,
        "<assignedAuthoringDevice><softwareName>S</softwareName></assignedAuthoringDevice>",
    ),
    (
        "author-device-software",
        ASSIGNED,
        "<assignedAuthoringDevice><manufacturerModelName>M</manufacturerModelName></assignedAuthoringDevice>",
    ),
    ("author-function-device", ASSIGNED, DEVICE),
    (
        "author-organization",
        "<representedOrganization><id root=\"1.2.250.1.71.4.2.2\" extension=\"10B0127189\"/><name>CHU</name></representedOrganization>",
        "",
    ),
    (
        "author-function-patient",
        "<assignedAuthor>\n<id root=\"1.2.250.1.71.4.2.1\"",
        "<assignedAuthor>\n<id root=\"1.2.250.1.213.1.4.8\"",
    ),
    (
        "event-patient",
        "<assignedAuthor>\n<id root=\"1.2.250.1.71.4.2.1\"",
        "<assignedAuthor>\n<id root=\"1.2.250.1.213.1.4.8\"",
    ),
    ("data-enterer", "<custodian>", "<dataEnterer/><dataEnterer/><custodian>"),
    ("custodian", "<custodian>", "<custodian nullFlavor=\"UNK\">"),
    (
        "custodian-organization",
        "<representedCustodianOrganization>",
        "<representedCustodianOrganization nullFlavor=\"UNK\">",
    ),
    (
        "custodian-id",
        "<representedCustodianOrganization>\n<id root=\"1.2.250.1.71.4.2.2\"",
        "<representedCustodianOrganization>\n<id root=\"1.2.3\"",
    ),
    (
        "custodian-id-number",
        "extension=\"10B0127189\"/></representedCustodianOrganization>",
        "/></representedCustodianOrganization>",
    ),
    (
        "custodian-dmp",
        "<representedCustodianOrganization>\n<id root=\"1.2.250.1.71.4.2.2\"",
        "<representedCustodianOrganization>\n<id root=\"1.2.250.1.213.4.1\"",
    ),
    ("legal-authenticator", "<legalAuthenticator>", "<legalAuthenticator nullFlavor=\"UNK\">"),
    ("legal-authenticator-time", "<time value=\"20240301\"/>", ""),
    ("legal-authenticator-signature", "<signatureCode code=\"S\"/>", "<signatureCode code=\"I\"/>"),
    ("legal-authenticator-entity", "<assignedEntity>\n", "<assignedEntity nullFlavor=\"UNK\">\n"),
    (
        "legal-authenticator-id",
        "<assignedEntity>\n<id root=\"1.2.250.1.71.4.2.1\" extension=\"899900063480\"/>",
        "<assignedEntity>\n",
    ),
    ("event", "<serviceEvent>", "<serviceEvent nullFlavor=\"UNK\">"),
    ("event-main", "<standardIndustryClassCode code=\"ETABLISSEMENT\" codeSystem=\"1.2.250.1.213.1.1.4.9\"/>", ""),
    ("event-start", "202402281000+0100", "20240228"),
    (
        "event-performer-id",
        "<assignedEntity><id root=\"1.2.250.1.71.4.2.1\" extension=\"899900063480\"/>",
        "<assignedEntity>",
    ),
    ("event-setting", "standardIndustryClassCode code=\"ETABLISSEMENT\"", "standardIndustryClassCode"),
    ("event-setting-known", "ETABLISSEMENT", "HOPITAL"),
    ("related", "typeCode=\"RPLC\"", "typeCode=\"APND\""),
    ("related-id", "<parentDocument><id root=\"1.2.250.1.999.1.5\"/>", "<parentDocument>"),
    ("encounter", "<encompassingEncounter>", "<encompassingEncounter nullFlavor=\"UNK\">"),
    ("encounter-time", "<effectiveTime nullFlavor=\"UNK\"/>", ""),
    ("encounter-facility", "<healthCareFacility>", "<healthCareFacility nullFlavor=\"UNK\">"),
    ("facility-code", "<code code=\"SA01\" codeSystem=\"1.2.250.1.71.4.2.4\"/>", "<code nullFlavor=\"UNK\"/>"),
    ("facility-code-known", "SA01", "SA00"),
    ("oid-id", "<id root=\"1.2.250.1.999.8\"", "<id root=\"1.2.0250.1.999.8\""),
    ("oid-code-system", "1.2.250.1.213.2.5", "CCAM"),
    ("telecom", "tel:0100000000", "tel: 01 00 00 00 00"),
    ("offset-high", "202403010900+0100", "202403010900"),
    ("offset-low", "202402281000+0100", "202402281000"),
    ("offset-time", "<time value=\"20240301\"/>", "<time value=\"2024030110\"/>"),
];

const ASSIGNED: &str = "<assignedPerson><name><family>MAX</family><given>LIBRE</given></name></assignedPerson>\n<rep";
const DEVICE: &str = "<assignedAuthoringDevice><manufacturerModelName>M</manufacturerModelName><softwareName>S</softwareName></assignedAuthoringDevice><rep";

#[test]
fn a_sound_header_breaks_no_rule() {
    let rules = rules();
    assert_eq!(broken(SOUND, &rules), Vec::<String>::new());
    assert_eq!(broken(&unstructured(), &rules), Vec::<String>::new());
}

#[test]
fn every_rule_is_broken_by_its_own_mistake() {
    let rules = rules();
    for (rule, old, new) in BREAKS {
        assert!(SOUND.contains(old), "{rule}: nothing to replace");
        let text =
            SOUND.replacen(old, &if new.ends_with("Device>") { format!("{new}<rep") } else { (*new).to_owned() }, 1);
        let names = broken(&text, &rules);
        assert!(names.iter().any(|n| n == rule), "{rule}: {names:?}");
        assert!(names.len() <= 4, "{rule} brings others: {names:?}");
    }
    for (rule, old, new) in [
        ("template-unstructured", "1.3.6.1.4.1.19376.1.2.20", "1.3.6.1.4.1.19376.1.2.21"),
        ("body-text", "application/pdf", "application/msword"),
        ("body-text", "B64", "TXT"),
    ] {
        assert_eq!(broken(&unstructured().replacen(old, new, 1), &rules), [rule]);
    }
}

#[test]
fn every_rule_of_the_table_has_a_mistake_and_sentences() {
    let rules = rules();
    let of_body = ["template-unstructured", "body-text"];
    for rule in rules.names().filter(|r| *r != "read" && !r.starts_with("xds-")) {
        assert!(BREAKS.iter().any(|b| b.0 == rule) || of_body.contains(&rule), "{rule} is never broken");
    }
    for rule in rules.names() {
        for lang in [Lang::Fr, Lang::En] {
            assert!(rules.sentence(rule, lang).is_some_and(|s| s.ends_with('.')), "{rule}");
        }
        assert!(rules.clause(rule).is_some_and(|c| !c.is_empty()), "{rule}");
    }
}

#[test]
fn a_finding_names_the_place_and_never_the_value() {
    let rules = rules();
    let found = check(&header(&SOUND.replacen("P42\"", "\"", 1)), &rules);
    assert_eq!(found[0].place, "/ClinicalDocument/recordTarget/patientRole/id[2]");
    let found = check(&header(&SOUND.replacen("<languageCode code=\"fr-FR\"/>", "", 1)), &rules);
    assert_eq!(found[0].place, "/ClinicalDocument/languageCode");
    assert_eq!(found[0].severity, Severity::Error);
}

#[test]
fn what_the_header_says_is_read_with_its_place() {
    let h = header(SOUND);
    assert_eq!(h.title.as_ref().map(|t| t.value.as_str()), Some("Lettre de liaison"));
    assert_eq!(h.version.as_ref().map(|v| v.value), Some(2));
    let name = &h.patient.as_ref().and_then(|p| p.value.name.as_ref()).expect("a name").value;
    assert_eq!((name.family(), name.given()), (Some("DUPONT"), Some("ELISE")));
    assert_eq!(h.replaces().map(|r| r.value.to_xds()).as_deref(), Some("1.2.250.1.999.1.5"));
    assert_eq!(h.authors[0].place, "/ClinicalDocument/author");
    assert!(matches!(h.body.as_ref().map(|b| &b.value), Some(Body::Structured)));
    assert!(!h.self_displaying);
    assert_eq!(format!("{h:?} {:?}", h.patient), "Header(…) Some(At(/ClinicalDocument/recordTarget/patientRole))");
    let text = unstructured();
    let media = header(&text).body.map(|b| b.value);
    assert!(matches!(media, Some(Body::NonXml { media_type: Some(m), .. }) if m == "application/pdf"));
}

#[test]
fn a_document_that_displays_itself_is_read_in_its_stylesheet() {
    let inside = SOUND.split_once("-->").expect("a comment").1;
    let text = format!("<x:stylesheet xmlns:x=\"urn:x\"><x:a/><x:data>{inside}</x:data></x:stylesheet>");
    let h = header(&text);
    assert!(h.self_displaying);
    assert_eq!(h.id.as_ref().map(|i| i.place.as_str()), Some("/stylesheet/data/ClinicalDocument/id"));
    assert_eq!(broken(&text, &rules()), Vec::<String>::new());
    assert_eq!(derive(&h, &rules()).mime_type, "application/xslt+xml");
}

fn kind(bytes: &[u8]) -> Option<HeaderErrorKind> {
    Header::read(bytes).err().map(|e| e.kind)
}

#[test]
fn each_refusal_has_its_kind() {
    use HeaderErrorKind as K;
    let doctype = SOUND.replacen("<!-- A", "<!DOCTYPE ClinicalDocument [<!ENTITY a \"b\">]><!-- A", 1);
    assert_eq!(kind(doctype.as_bytes()), Some(K::Doctype));
    assert_eq!(kind(SOUND.replacen("Lettre de\n", "&lettre;", 1).as_bytes()), Some(K::Entity));
    assert_eq!(kind(b"<a/>"), Some(K::NotCda));
    assert_eq!(kind(b""), Some(K::NotCda));
    assert_eq!(kind(b"%PDF-1.4 "), Some(K::NotCda));
    assert_eq!(kind(b"<ClinicalDocument><component/></ClinicalDocument>"), Some(K::NotCda));
    assert_eq!(kind(b"<ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>"), Some(K::NotCda));
    assert_eq!(kind(b"<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><id/></ClinicalDocument>"), Some(K::NotCda));
    assert_eq!(kind(format!("Content-ID: <a>\n\n{SOUND}").as_bytes()), Some(K::NotCda));
    assert_eq!(kind(format!("<part@example.org>{SOUND}").as_bytes()), Some(K::Malformed));
    assert_eq!(kind(format!("<a></a>{SOUND}").as_bytes()), Some(K::Malformed));
    assert_eq!(kind(SOUND.replacen("</title>", "</titel>", 1).as_bytes()), Some(K::Malformed));
    assert_eq!(kind(SOUND.replacen("code=\"FR\"", "code=\"FR\" code=\"FR\"", 1).as_bytes()), Some(K::Malformed));
    assert_eq!(kind(SOUND.replacen("UTF-8", "UTF-16", 1).as_bytes()), Some(K::UnknownCharset));
    assert_eq!(kind(b"<a>\xE9</a>"), Some(K::NotText));
    let deep = SOUND.replacen("<recordTarget>", &format!("{}<recordTarget>", "<a>".repeat(60)), 1);
    assert_eq!(kind(deep.as_bytes()), Some(K::TooDeep));
    let many = SOUND.replacen("<recordTarget>", &format!("{}<recordTarget>", "<a/>".repeat(20_001)), 1);
    assert_eq!(kind(many.as_bytes()), Some(K::TooManyElements));
    let attributes: String = (0..70).map(|n| format!(" a{n}=\"\"")).collect();
    let wide = SOUND.replacen("<recordTarget>", &format!("<a{attributes}/><recordTarget>"), 1);
    assert_eq!(kind(wide.as_bytes()), Some(K::TooManyAttributes));
}

#[test]
fn latin_1_and_windows_1252_are_read() {
    let text = SOUND.replacen("UTF-8", "windows-1252", 1).replacen("<title>Lettre", "<title>Note \u{80}", 1);
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    let h = Header::read(&bytes).expect("reads");
    assert_eq!(h.title.map(|t| t.value).as_deref(), Some("Note € de liaison"));
}

#[test]
fn a_head_cut_anywhere_is_incomplete_and_nothing_else() {
    let end = SOUND.find("<structuredBody").expect("a body");
    for cut in SOUND.find("<ClinicalDocument").expect("starts") + 1..=end {
        let found = kind(&SOUND.as_bytes()[..cut]);
        assert_eq!(found, Some(HeaderErrorKind::Incomplete), "cut at {cut}");
    }
    assert_eq!(kind(&SOUND.as_bytes()[..end + 16]), None);
}

#[test]
fn nothing_after_the_body_begins_is_looked_at() {
    let mut bytes = unstructured().into_bytes();
    bytes.extend(std::iter::repeat_n(b'<', 50 << 20));
    assert!(Header::read(&bytes).is_ok());
}

fn entry() -> DocumentEntry {
    let code = |c: &str, s: &str| Code::new(c, s, "");
    let dtm = |t: &str| Dtm::parse(t).expect("a time");
    DocumentEntry {
        entry_uuid: "urn:uuid:1".into(),
        logical_id: "urn:uuid:1".into(),
        version: 1,
        kind: EntryKind::Stable,
        repository: None,
        unique_id: "1.2.250.1.999.1.7".into(),
        status: AvailabilityStatus::Approved,
        patient_id: Cx::new("277076322082910", "1.2.250.1.213.1.4.10", "NH"),
        source_patient_id: Some(Cx::new("P42", "1.2.250.1.999.3", "PI")),
        source_patient_info: vec!["PID-5|DUPONT^ELISE^^^^^L".into(), "PID-7|19770707".into(), "PID-8|F".into()],
        authors: vec![Author {
            person: Some(Xcn::new("899900063480", "MAX", "LIBRE", "1.2.250.1.71.4.2.1", "D", "IDNPS")),
            institutions: vec![Xon::new("CHU", "1.2.250.1.71.4.2.2", "IDNST", "10B0127189")],
            roles: vec!["Médecin responsable".into()],
            specialties: vec!["G15_10/SM04^Cardiologie^1.2.250.1.213.1.1.4.5".into()],
            ..Author::default()
        }],
        legal_authenticator: Some(Xcn::new("899900063480", "MAX", "LIBRE", "1.2.250.1.71.4.2.1", "D", "IDNPS")),
        title: vec![LocalizedText::french("Lettre de liaison")],
        comments: Vec::new(),
        creation_time: dtm("20240301124500"),
        service_start_time: Some(dtm("202402280900")),
        service_stop_time: Some(dtm("20240301080000")),
        language_code: "fr-FR".into(),
        mime_type: "text/xml".into(),
        class_code: code("10", "1.2.250.1.213.1.1.4.1"),
        type_code: code("11490-0", "2.16.840.1.113883.6.1"),
        format_code: code("urn:asip:ci-sis:ldl-ses:2017", "1.2.250.1.213.1.1.4.2.282"),
        confidentiality_codes: vec![code("MASQUE_PS", "1.2.250.1.213.1.1.4.13"), code("N", "2.16.840.1.113883.5.25")],
        healthcare_facility_type_code: code("SA01", "1.2.250.1.71.4.2.4"),
        practice_setting_code: code("ETABLISSEMENT", "1.2.250.1.213.1.1.4.9"),
        event_codes: Vec::new(),
        reference_ids: Vec::new(),
        hash: String::new(),
        size: 0,
        home: None,
        extra: Vec::new(),
    }
}

#[test]
fn metadata_that_say_the_same_agree() {
    assert_eq!(consistency(&header(SOUND), &entry(), &rules()), Vec::new());
}

#[test]
fn every_attribute_that_differs_is_told() {
    let rules = rules();
    let h = header(SOUND);
    type Change = fn(&mut DocumentEntry);
    let changes: &[(&str, Change)] = &[
        ("xds-unique-id", |e| e.unique_id.push('1')),
        ("xds-patient", |e| e.patient_id = Cx::new("277076322082910", "1.2.250.1.213.1.4.8", "NH")),
        ("xds-source-patient", |e| e.source_patient_id = Some(Cx::new("P43", "1.2.250.1.999.3", "PI"))),
        ("xds-author-institution", |e| {
            e.authors[0].institutions = vec![Xon::new("A", "1.2.250.1.71.4.2.2", "IDNST", "1")]
        }),
        ("xds-author-beyond", |e| {
            let person = Some(Xcn::new("1", "A", "B", "1.2.250.1.71.4.2.1", "D", "IDNPS"));
            e.authors.push(Author { person, ..Author::default() });
        }),
        ("xds-legal-authenticator", |e| {
            e.legal_authenticator = Some(Xcn::new("1", "A", "B", "1.2.250.1.71.4.2.1", "D", "IDNPS"));
        }),
        ("xds-title", |e| e.title = vec![LocalizedText::french("Autre")]),
        ("xds-creation-time", |e| e.creation_time = Dtm::parse("20240301134500").expect("a time")),
        ("xds-service-start", |e| e.service_start_time = Dtm::parse("202402281000").ok()),
        ("xds-service-stop", |e| e.service_stop_time = Dtm::parse("202403010900").ok()),
        ("xds-language", |e| e.language_code = "fr".into()),
        ("xds-type", |e| e.type_code.code = "11488-4".into()),
        ("xds-confidentiality", |e| e.confidentiality_codes.truncate(1)),
        ("xds-facility", |e| e.healthcare_facility_type_code.code = "SA02".into()),
        ("xds-setting", |e| e.practice_setting_code.code = "AMBULATOIRE".into()),
    ];
    for (rule, change) in changes {
        let mut entry = entry();
        change(&mut entry);
        let found: Vec<_> = consistency(&h, &entry, &rules).into_iter().map(|f| f.rule).collect();
        assert_eq!(found, [*rule]);
        assert!(rules.sentence(rule, Lang::Fr).is_some());
    }
    let mut changed = entry();
    changed.authors[0].person = Some(Xcn::new("1", "A", "B", "1.2.250.1.71.4.2.1", "D", "IDNPS"));
    let found: Vec<_> = consistency(&h, &changed, &rules).into_iter().map(|f| f.rule).collect();
    assert_eq!(found, ["xds-author", "xds-author-beyond"]);
    let found: Vec<_> = consistency(&header(&unstructured()), &entry(), &rules).into_iter().map(|f| f.rule).collect();
    assert_eq!(found, ["xds-format"]);
}

#[test]
fn replacement_and_succession_are_checked_on_both_sides() {
    let rules = rules();
    let h = header(SOUND);
    let names = |found: Vec<Finding>| found.into_iter().map(|f| f.rule).collect::<Vec<_>>();
    assert!(replacement(&h, Some("1.2.250.1.999.1.5"), &rules).is_empty());
    assert_eq!(names(replacement(&h, Some("1.2.3"), &rules)), ["xds-replaces"]);
    assert_eq!(names(replacement(&h, None, &rules)), ["xds-replaces"]);
    let first = header(&SOUND.replacen("versionNumber value=\"2\"", "versionNumber value=\"1\"", 1));
    assert!(succession(&h, &first, &rules).is_empty());
    assert_eq!(names(succession(&first, &h, &rules)), ["xds-version"]);
    let other = SOUND.replacen("1.2.250.1.999.1.6", "1.2.250.1.999.1.9", 1);
    let other = header(&other.replacen("versionNumber value=\"2\"", "versionNumber value=\"1\"", 1));
    assert_eq!(names(succession(&h, &other, &rules)), ["xds-set-id"]);
}

#[test]
fn everything_a_header_gives_is_derived() {
    let (d, want) = (derive(&header(SOUND), &rules()), entry());
    assert_eq!(d.unique_id.as_deref(), Some(want.unique_id.as_str()));
    assert_eq!((d.patient_id, d.source_patient_id), (Some(want.patient_id), want.source_patient_id));
    assert_eq!(d.source_patient_info, want.source_patient_info);
    assert_eq!(d.authors, want.authors);
    assert_eq!(d.legal_authenticator, want.legal_authenticator);
    assert_eq!(d.title[0].value, want.title[0].value);
    assert_eq!(d.creation_time, Some(want.creation_time));
    assert_eq!(d.service_start_time, want.service_start_time);
    assert_eq!(d.service_stop_time.map(|t| t.sortable()), want.service_stop_time.map(|t| t.sortable()));
    assert_eq!(d.language_code.as_deref(), Some("fr-FR"));
    for (got, code) in [
        (&d.class_code, &want.class_code),
        (&d.type_code, &want.type_code),
        (&d.format_code, &want.format_code),
        (&d.healthcare_facility_type_code, &want.healthcare_facility_type_code),
        (&d.practice_setting_code, &want.practice_setting_code),
    ] {
        assert!(got.as_ref().is_some_and(|g| g.is(&code.code, &code.scheme)), "{code:?}");
    }
    assert!(d.confidentiality_codes[0].is("N", "2.16.840.1.113883.5.25"));
    assert!(d.event_codes[0].is("DEQP003", "1.2.250.1.213.2.5"));
    assert_eq!(d.reference_ids[0].0, "O1^^^&1.2.250.1.999.8&ISO^urn:ihe:iti:xds:2013:order");
    let pdf = derive(&header(&unstructured()), &rules());
    assert!(pdf.format_code.is_some_and(|f| f.code == "urn:ihe:iti:xds-sd:pdf:2008"));
}

#[test]
fn the_policy_says_what_is_looked_at_and_what_is_refused() {
    let mut rules = rules();
    let toml = "policy = \"warn\"\n[types]\n\"11490-0\" = \"refuse\"\n[rules]\nlanguage = \"warning\"\n";
    let policy: Policy = toml::from_str(toml).expect("a policy");
    policy.apply(&mut rules).expect("known rules");
    let bad = SOUND.replacen("fr-FR", "fr", 1).replacen("versionNumber value=\"2\"", "versionNumber", 1);
    let examined = examine(bad.as_bytes(), &entry(), &rules, &policy);
    let refusing: Vec<_> = examined.refusing().map(|f| f.rule.as_str()).collect();
    assert_eq!(refusing, ["version-number", "xds-language"]);
    assert_eq!(examine(bad.as_bytes(), &entry(), &rules, &Policy::default()).refusing().count(), 0);
    let unread = examine(b"<a/>", &entry(), &rules, &policy);
    assert_eq!(unread.refusing().next().map(|f| f.rule.as_str()), Some("read"));
    assert!(unread.header.is_none() && unread.unread.is_some());
    let off = |change: fn(&mut DocumentEntry)| {
        let mut entry = entry();
        change(&mut entry);
        policy.level(&entry)
    };
    assert_eq!(off(|e| e.mime_type = "application/pdf".into()), Level::Off);
    assert_eq!(off(|e| e.mime_type = "text/xml; charset=utf-8".into()), Level::Refuse);
    assert_eq!(off(|e| e.type_code = Code::new("E1762", "ASTM", "")), Level::Off);
    assert_eq!(off(|e| e.type_code.code = "FEUILLE-DE-STYLE".into()), Level::Off);
    assert_eq!(off(|e| e.type_code.code = "11488-4".into()), Level::Warn);
    let unknown = Policy { rules: [("nothing".to_owned(), Severity::Error)].into(), ..Policy::default() };
    assert_eq!(unknown.apply(&mut rules), Err("nothing".to_owned()));
}

/// Pieces that make hostile headers likelier than chance does.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        Just("<author><assignedAuthor><id root=\"1.2\"/></assignedAuthor></author>".to_owned()),
        Just("<recordTarget><patientRole>".to_owned()),
        Just("</patientRole></recordTarget>".to_owned()),
        Just("<effectiveTime value=\"2024é0301+01\"/>".to_owned()),
        Just("<title><![CDATA[x]]>&#60;&amp;</title>".to_owned()),
        Just("<component><nonXMLBody><text/></nonXMLBody></component>".to_owned()),
        Just("<component><structuredBody>".to_owned()),
        Just("<!--".to_owned()),
        Just("-->".to_owned()),
        "[<>&;\"=/a-z ]{0,8}",
    ]
}

/// All that is done with a header.
fn everything(bytes: &[u8], rules: &Rules) {
    let examined = examine(bytes, &entry(), rules, &Policy { policy: Level::Refuse, ..Policy::default() });
    if let Some(header) = &examined.header {
        let _ = (derive(header, rules), replacement(header, None, rules), succession(header, header, rules));
    }
    assert!(examined.findings.len() <= 220);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Header::read(&bytes);
    }

    #[test]
    fn no_header_of_pieces_panics(pieces in proptest::collection::vec(piece(), 0..12)) {
        let rules = RULES.get_or_init(rules);
        everything(format!("<ClinicalDocument xmlns=\"urn:hl7-org:v3\">{}", pieces.concat()).as_bytes(), rules);
    }

    #[test]
    fn no_change_of_a_byte_panics(at in 0..SOUND.len(), byte: u8, end in 0..SOUND.len()) {
        let rules = RULES.get_or_init(rules);
        let mut bytes = SOUND.as_bytes().to_vec();
        bytes[at] = byte;
        everything(&bytes, rules);
        everything(&bytes[..end], rules);
    }

    #[test]
    fn no_time_panics(text in "[0-9+.\\-é]{0,24}") {
        let time = Time(text);
        let _ = (time.is_sound(), time.to_utc(), time.agrees(&entry().creation_time));
    }
}

static RULES: std::sync::OnceLock<Rules> = std::sync::OnceLock::new();

/// Generous for a machine that is busy: each of these takes some milliseconds.
const A_MOMENT: std::time::Duration = std::time::Duration::from_secs(5);

#[test]
fn the_worst_head_takes_no_longer_than_a_moment() {
    let rules = rules();
    let open = "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">";
    let body = "<component><structuredBody/></component>";
    let declared: String = (0..60).map(|n| format!(" xmlns:n{n}=\"urn:{n}\"")).collect();
    let pieces = [
        "<id root=\"0\"/>".to_owned(),
        "<author/>".to_owned(),
        "<a b=\"&lt;\"/>".to_owned(),
        "<telecom value=\"x\"/>".to_owned(),
        "&#65;".to_owned(),
        "<!---->".to_owned(),
        format!("<a{declared}/>"),
        "<documentationOf><serviceEvent><performer><assignedEntity/></performer></serviceEvent></documentationOf>"
            .to_owned(),
    ];
    for piece in pieces {
        let room = (HEAD_BYTES - open.len() - body.len()) / piece.len();
        let elements = piece.matches('<').count().max(1);
        let text = format!("{open}{}{body}", piece.repeat(room.min(19_000 / elements)));
        let start = std::time::Instant::now();
        everything(text.as_bytes(), &rules);
        assert!(start.elapsed() < A_MOMENT, "{piece}: {:?}", start.elapsed());
    }
    let nested = format!("{open}{}", "<x:a xmlns:x=\"urn:x\">".repeat(10_000));
    let start = std::time::Instant::now();
    everything(nested.as_bytes(), &rules);
    assert!(start.elapsed() < A_MOMENT);
}
