//! Real samples of the DMP and of IHE, which live outside this repository: each is understood, or the reason why not
//! is stated here by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wire_soap::content_type::MediaType;
use wire_soap::dmp::PatientListResponse;
use wire_soap::envelope::{Envelope, SoapVersion};
use wire_soap::hl7v3::{
    AcknowledgementType, Candidates, Demographics, GetDemographics, NamePartType, QueryResponse, RegistryEvent,
    RegistryRecord, Value, observation, reason,
};
use wire_soap::multipart::{MultipartLimits, split_complete};
use wire_soap::xds::{
    AdhocQueryRequest, AdhocQueryResponse, DocumentContent, ProvideAndRegisterDocumentSetRequest, QueryValue,
    RegistryResponse, ResponseStatus, RetrieveDocumentSetRequest, RetrieveDocumentSetResponse, SubmitObjectsRequest,
    match_documents,
};
use wire_soap::xml::{Tree, XmlLimits, decode};

/// Files that are no SOAP message, or not one that may be accepted: what becomes of them, and why.
const NOT_UNDERSTOOD: [(&str, &str); 17] = [
    // A clinical document, its signature, and bare assertions: parts of messages.
    ("TD2.1-DocumentME2.xml", "not SOAP: ClinicalDocument"),
    ("TD2.1-SignatureXades.xml", "not SOAP: Signature"),
    ("VIHF_INDIRECTE_sign.xml", "not SOAP: Assertion"),
    // One byte of an accented letter is ISO-8859-1 in a document that declares nothing, hence UTF-8: a verifier
    // that replaced it would verify something else, so the file is refused as a request would be.
    ("VIHF_DIRECTE_non_sign.xml", "refused: xml-not-text"),
    ("VIHF_DIRECTE_sign.xml", "refused: xml-not-text"),
    // Printed examples that leave namespaces out.
    ("ITI-18_request.xml", "refused: xml-malformed"),
    ("ITI-43_request.xml", "refused: xml-malformed"),
    ("ITI-43_response.xml", "refused: xml-malformed"),
    // A payload without envelope.
    ("ITI-44_request.xml", "not SOAP: PRPA_IN201301UV02"),
    // ATNA audit messages.
    ("iti-18-log.xml", "not SOAP: AuditMessage"),
    ("iti-41-log.xml", "not SOAP: AuditMessage"),
    ("iti-43-log.xml", "not SOAP: AuditMessage"),
    ("iti-44-log.xml", "not SOAP: AuditMessage"),
    ("iti-45-log.xml", "not SOAP: AuditMessage"),
    ("iti-47-log.xml", "not SOAP: AuditMessage"),
    // A log whose envelope uses the prefix wsse without declaring it, raw and as a listing: read below, repaired.
    ("ITI-41_request_raw.xml", "refused: xml-malformed"),
    ("ITI-41_request.xml", "refused: xml-malformed"),
];

/// The folder of samples and schemas beside the project, if it is there.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("PASSERELLE_SHARED").map_or(beside, PathBuf::from);
    if !shared.exists() {
        eprintln!("skipped: ../shared is absent");
        return None;
    }
    Some(shared)
}

fn files() -> Option<Vec<PathBuf>> {
    let shared = shared()?;
    let mut files = Vec::new();
    let mut folders = vec![shared.join("corpus/dmp/messages"), shared.join("corpus/ihe")];
    while let Some(folder) = folders.pop() {
        let before = files.len() + folders.len();
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|n| n != "LICENSE") {
                files.push(path);
            }
        }
        assert!(files.len() + folders.len() > before, "{} is empty", folder.display());
    }
    Some(files)
}

#[test]
fn every_sample_is_understood_or_its_reason_is_stated() {
    let Some(files) = files() else { return };
    let mut stated: BTreeMap<&str, &str> = NOT_UNDERSTOOD.into_iter().collect();
    let mut surprises = Vec::new();
    let mut understood = 0;
    for path in &files {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap();
        let bytes = std::fs::read(path).unwrap();
        let expected = stated.remove(name);
        match (outcome(&bytes), expected) {
            (Ok(_), None) => understood += 1,
            (Err(seen), Some(expected)) if seen == expected => {}
            (seen, expected) => surprises.push(format!("{name}: expected {expected:?}, saw {seen:?}")),
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert!(stated.is_empty(), "stated but absent: {stated:?}");
    assert!(understood >= 40, "only {understood} samples were understood");
}

#[test]
fn the_dmp_samples_say_what_they_are_known_to_say() {
    let Some(files) = files() else { return };
    let read = |name: &str| std::fs::read(files.iter().find(|f| f.ends_with(name)).unwrap()).unwrap();

    let body = read("TD2.1-request.xml");
    let parts = package(&body).unwrap();
    let names: Vec<_> = parts.iter().map(|(id, _)| id.as_deref().unwrap()).collect();
    assert_eq!(names, ["rootpart@soapui.org", "WS_DMP_TD2.1-DocumentME2.xml", "WS_DMP_TD2.1-SignatureXades.xml"]);
    assert_eq!(parts[2].1, read("TD2.1-SignatureXades.xml"), "a part comes out exactly");
    let text = decode(&parts[0].1, Some("UTF-8")).unwrap();
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let envelope = Envelope::read(&tree).unwrap();
    assert_eq!(envelope.version, SoapVersion::Soap11);
    assert_eq!(envelope.action.as_deref(), Some("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"));
    assert_eq!(envelope.security_assertions().len(), 1);
    let request = ProvideAndRegisterDocumentSetRequest::read(envelope.body()).unwrap();
    assert_eq!((request.objects.0.len(), request.documents.len()), (6, 2));
    assert_eq!(
        request.objects.extrinsic_objects().nth(1).unwrap().common.classifications[0].common.place.0,
        "/Envelope/Body/ProvideAndRegisterDocumentSetRequest/SubmitObjectsRequest/RegistryObjectList/ExtrinsicObject[2]/Classification[1]"
    );

    let text = String::from_utf8(read("TD3.1-request.xml")).unwrap();
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let query = AdhocQueryRequest::read(Envelope::read(&tree).unwrap().body()).unwrap();
    assert_eq!(query.query_id, "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d");
    let patient = query.params[0].parse().unwrap();
    assert!(!patient.list && matches!(patient.single(), Some(QueryValue::Text(id)) if id.ends_with("&ISO^NH")));
    assert!(query.params[1].parse().unwrap().list);

    let text = String::from_utf8(read("TD3.2-response.xml")).unwrap();
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let retrieved = RetrieveDocumentSetResponse::read(Envelope::read(&tree).unwrap().body()).unwrap();
    let cid = "b857abb7-a2c3-4db8-bd69-d5ff76826e72-2@urn:ihe:iti:xds-b:2007";
    assert_eq!(retrieved.documents[0].content, DocumentContent::Include(cid.into()));
}

#[test]
fn the_ihe_submission_is_understood_once_its_missing_prefix_is_declared() {
    let Some(files) = files() else { return };
    let bytes = std::fs::read(files.iter().find(|f| f.ends_with("ITI-41_request_raw.xml")).unwrap()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let declared = format!("<soap:Envelope xmlns:wsse=\"{}\" ", wire_soap::ns::WSSE);
    let text = text.replacen("<soap:Envelope ", &declared, 1);
    assert_eq!(outcome(text.as_bytes()), Ok("ProvideAndRegisterDocumentSetRequest".to_owned()));
}

#[test]
fn the_samples_on_patients_say_what_they_are_known_to_say() {
    let Some(files) = files() else { return };
    let read = |name: &str| {
        let bytes = std::fs::read(files.iter().find(|f| f.ends_with(name)).unwrap()).unwrap();
        decode(&without_line_numbers(&bytes), None).unwrap().into_owned()
    };

    let text = read("TD0.2-response.xml");
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let answer = Demographics::read(Envelope::read(&tree).unwrap().body()).unwrap();
    assert_eq!(answer.acknowledgement.type_code, AcknowledgementType::ApplicationAccept);
    assert_eq!(answer.query_ack.query_response_code, QueryResponse::Ok);
    let [authorization, attending] = &answer.transmission.attention_lines[..] else { panic!("two lines") };
    let Some(Value::CodedValue(status)) = &authorization.value else { panic!("a code") };
    assert_eq!(status.code.as_deref(), Some("VALIDE"));
    assert_eq!(attending.value, Some(true.into()));
    let patient = &answer.subjects[0].patient;
    assert_eq!((patient.ids.len(), patient.observations.len()), (2, 2));
    assert!(patient.observations[0].code.is(observation::INTERNET_ACCOUNT_OPEN, observation::ACCOUNT_CODE_SYSTEM));
    let family = patient.person.as_ref().unwrap().names[0].of(NamePartType::Family).next().unwrap();
    assert_eq!(family.qualifiers, ["SP"]);

    let text = read("TD0.2-request.xml");
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let question = GetDemographics::read(Envelope::read(&tree).unwrap().body()).unwrap();
    assert!(question.control_act.has_reason(reason::TEST_EXISTENCE));
    assert!(question.query.parameters.data_sources.is_empty() && question.transmission.attention_lines.is_empty());
    assert_eq!(question.query.patient_identifiers().next().unwrap().root.as_deref(), Some("1.2.250.1.213.1.4.10"));

    let text = read("TD0.4-response.xml");
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let list = PatientListResponse::read(Envelope::read(&tree).unwrap().body()).unwrap();
    assert!(list.is_ok());
    let mine: Vec<_> = list.patients.iter().map(|p| p.medecin_traitant).collect();
    assert_eq!(mine, [false, true]);

    let text = read("ITI-47_response.xml");
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let answer = Candidates::read(Envelope::read(&tree).unwrap().body()).unwrap();
    let candidate = &answer.subjects[0].patient;
    assert_eq!(candidate.query_matches[0].value, Some(Value::Integer(100.into())));
    assert_eq!(candidate.person.as_ref().unwrap().addresses[0].part("city"), Some("Pontarlier"));
    assert_eq!(answer.query_ack.result_remaining_quantity, Some(0.into()));

    // A payload without envelope.
    let text = read("ITI-44_request.xml");
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    assert_eq!(crate::schema::again(tree.root()), Some(Ok(())));
    let record = RegistryRecord::read(tree.root()).unwrap();
    assert_eq!(record.event, RegistryEvent::RecordAdded);
    let contact = &record.subjects[0].patient.provider_organization.as_ref().unwrap().contact_parties[0];
    assert_eq!(contact.contact_person.as_ref().unwrap().names[0].parts.len(), 2);
}

/// Parts of a package, names first.
type Parts = Vec<(Option<String>, Vec<u8>)>;

/// What a sample is: the name of the message it was understood as, or why it was not.
fn outcome(bytes: &[u8]) -> Result<String, String> {
    let bytes = without_line_numbers(bytes);
    let parts = match package(&bytes) {
        Some(parts) => parts,
        None => vec![(None, bytes)],
    };
    let text = decode(&parts[0].1, None).map_err(|e| format!("refused: {}", e.code()))?;
    let tree = Tree::parse(&text, &XmlLimits::default()).map_err(|e| format!("refused: {}", e.code()))?;
    if tree.root().local_name() != "Envelope" {
        return Err(format!("not SOAP: {}", tree.root().local_name()));
    }
    let envelope = Envelope::read(&tree).map_err(|e| format!("refused: {e}"))?;
    let body = envelope.body();
    let name = body.local_name().to_owned();
    let read = match name.as_str() {
        "ProvideAndRegisterDocumentSetRequest" => {
            ProvideAndRegisterDocumentSetRequest::read(body).and_then(|request| {
                for matched in match_documents(&request.objects, &request.documents)? {
                    let DocumentContent::Include(cid) = &request.documents[matched.document].content else { continue };
                    assert!(parts.iter().any(|(id, _)| id.as_deref() == Some(cid)), "no part {cid}");
                }
                let mut out = Vec::new();
                request.write(&mut out);
                let text = String::from_utf8(out).unwrap();
                let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
                let again = ProvideAndRegisterDocumentSetRequest::read(tree.root())?;
                assert_eq!((again.objects, again.documents), (request.objects, request.documents));
                Ok(())
            })
        }
        "AdhocQueryRequest" => AdhocQueryRequest::read(body)
            .and_then(|request| request.params.iter().try_for_each(|p| p.parse().map(|_| ()))),
        "AdhocQueryResponse" => AdhocQueryResponse::read(body).map(|response| {
            assert_eq!(response.status, ResponseStatus::Success);
            let mut out = Vec::new();
            SubmitObjectsRequest { objects: response.objects.clone() }.write(&mut out);
            let text = String::from_utf8(out).unwrap();
            let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
            assert_eq!(SubmitObjectsRequest::read(tree.root()).unwrap().objects, response.objects);
        }),
        "RetrieveDocumentSetRequest" => RetrieveDocumentSetRequest::read(body).map(|_| ()),
        "RetrieveDocumentSetResponse" => RetrieveDocumentSetResponse::read(body).map(|_| ()),
        "RegistryResponse" => RegistryResponse::read(body).map(|_| ()),
        // HL7 v3 and DMP messages; of XUA's, the envelope is what is read here.
        _ => crate::schema::again(body).unwrap_or(Ok(())),
    };
    read.map(|()| name).map_err(|e| format!("refused: {e}"))
}

/// Takes the line numbers off a printed listing.
fn without_line_numbers(bytes: &[u8]) -> Vec<u8> {
    if !bytes.starts_with(b"1 ") {
        return bytes.to_vec();
    }
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let line = |l: &str| {
        let rest = l.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        format!("{}\n", rest.strip_prefix(' ').unwrap_or(rest))
    };
    text.lines().map(line).collect::<String>().into_bytes()
}

/// The parts of a multipart body, with or without the HTTP head it was logged with. The boundary is the body's own
/// first line: one log shows a `Content-Type` of another hop.
fn package(bytes: &[u8]) -> Option<Parts> {
    let text = String::from_utf8_lossy(bytes);
    let start = if text.starts_with("--") {
        0
    } else if text.starts_with("DefaultHttp") {
        let media = text.lines().find_map(|l| l.strip_prefix("Content-Type:")).unwrap();
        assert!(MediaType::parse(media.trim()).unwrap().is_multipart_related());
        text.find("\n--")? + 1
    } else {
        return None;
    };
    let boundary = text[start..].lines().next()?.strip_prefix("--")?.trim_end();
    let parts = split_complete(bytes[start..].to_vec(), boundary, MultipartLimits::default()).unwrap();
    Some(parts.into_iter().map(|(headers, content)| (headers.content_id, content.to_vec())).collect())
}
