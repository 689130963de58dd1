use super::*;
use crate::ebxml::{Common, ExtrinsicObject, ObjectRef, Place, RegistryObject, RegistryObjectList, Slot};
use crate::ns;
use crate::xml::{Tree, XmlLimits};

fn tree(text: &str) -> Tree<'_> {
    Tree::parse(text, &XmlLimits::default()).unwrap()
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn objects() -> RegistryObjectList {
    let common = Common { id: "d<1>".into(), slots: vec![Slot::new("size", ["12"])], ..Common::default() };
    let entry = ExtrinsicObject { common, mime_type: Some("text/xml".into()), ..ExtrinsicObject::default() };
    let reference = ObjectRef { id: "urn:uuid:1".into(), ..ObjectRef::default() };
    RegistryObjectList(vec![RegistryObject::ExtrinsicObject(entry), RegistryObject::ObjectRef(reference)])
}

#[test]
fn a_submission_is_written_and_read_back() {
    let part = |id: &str, content| DocumentPart { id: id.into(), content, place: Place::default() };
    let documents = vec![
        part("a", DocumentContent::Include("1@urn:ihe é".into())),
        part("b", DocumentContent::Inline(b"bonjour".to_vec())),
    ];
    let request = ProvideAndRegisterDocumentSetRequest { objects: objects(), documents, submit_objects: 0..0 };
    let text = written(|o| request.write(o));
    let tree = tree(&text);
    let read = ProvideAndRegisterDocumentSetRequest::read(tree.root()).unwrap();
    assert_eq!((&read.objects, &read.documents), (&request.objects, &request.documents));
    assert_eq!(read.documents[1].place.0, "/ProvideAndRegisterDocumentSetRequest/Document[2]");
    let source = &text[read.submit_objects];
    assert!(source.starts_with("<lcm:SubmitObjectsRequest") && source.ends_with("</lcm:SubmitObjectsRequest>"));
    let submit = SubmitObjectsRequest { objects: objects() };
    let text = written(|o| submit.write(o));
    assert_eq!(SubmitObjectsRequest::read(self::tree(&text).root()).unwrap(), submit);
}

#[test]
fn a_query_and_its_answer_are_written_and_read_back() {
    let request = AdhocQueryRequest {
        return_type: ReturnType::LeafClass,
        return_composed_objects: true,
        query_id: "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d".into(),
        home: Some("urn:oid:1.2".into()),
        params: vec![
            QueryParam {
                name: "$XDSDocumentEntryStatus".into(),
                values: vec!["('a','b')".into(), "('c')".into()],
                place: Place::default(),
            },
            QueryParam { name: "$XDSDocumentEntryStatus".into(), values: vec!["('d'".into()], place: Place::default() },
        ],
        start_index: Some(3),
        max_results: Some(-1),
        place: Place::default(),
    };
    let text = written(|o| request.write(o));
    let read = AdhocQueryRequest::read(tree(&text).root()).unwrap();
    assert_eq!(read, request);
    assert_eq!(read.params[0].parse().unwrap().values.len(), 3);
    assert_eq!(read.params[1].parse().unwrap_err().place, "/AdhocQueryRequest/AdhocQuery/Slot[2]/ValueList/Value[1]");

    let warning = RegistryError {
        code: "XDSTooManyResults".into(),
        context: "a \"b\"".into(),
        location: Some("here".into()),
        severity: Severity::Warning,
    };
    let response = AdhocQueryResponse {
        status: ResponseStatus::PartialSuccess,
        errors: vec![warning],
        objects: objects(),
        total: Some(7),
        start_index: Some(0),
    };
    let text = written(|o| response.write(o));
    assert!(text.contains("highestSeverity=\"urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Warning\""));
    assert_eq!(AdhocQueryResponse::read(tree(&text).root()).unwrap(), response);
}

#[test]
fn a_retrieval_and_its_answer_are_written_and_read_back() {
    let request =
        DocumentRequest { home: None, repository: "1.2".into(), document: "1.3".into(), place: Place::default() };
    let request = RetrieveDocumentSetRequest {
        requests: vec![request.clone(), DocumentRequest { home: Some("urn:oid:1".into()), ..request }],
    };
    let text = written(|o| request.write(o));
    assert_eq!(RetrieveDocumentSetRequest::read(tree(&text).root()).unwrap(), request);

    let document = DocumentResponse {
        home: None,
        repository: "1.2".into(),
        document: "1.3".into(),
        mime_type: "text/xml".into(),
        content: DocumentContent::Include("a@b".into()),
    };
    let error = RegistryError {
        code: "XDSDocumentUniqueIdError".into(),
        context: String::new(),
        location: None,
        severity: Severity::Error,
    };
    let response = RetrieveDocumentSetResponse {
        response: RegistryResponse { status: ResponseStatus::PartialSuccess, errors: vec![error] },
        documents: vec![document],
    };
    let text = written(|o| response.write(o));
    assert_eq!(RetrieveDocumentSetResponse::read(tree(&text).root()).unwrap(), response);
}

#[test]
fn what_is_missing_or_wrong_is_refused_with_its_place() {
    use crate::MessageErrorKind as Kind;
    let query = |option: &str, query: &str| {
        let text = format!(
            "<AdhocQueryRequest xmlns='{}' xmlns:r='{}'>{option}{query}</AdhocQueryRequest>",
            ns::QUERY,
            ns::RIM
        );
        let error = AdhocQueryRequest::read(tree(&text).root()).unwrap_err();
        (error.kind, error.place)
    };
    assert_eq!(
        query("", "<r:AdhocQuery id='q'/>"),
        (Kind::MissingElement("ResponseOption"), "/AdhocQueryRequest".into())
    );
    assert_eq!(
        query("<ResponseOption returnType='All'/>", ""),
        (Kind::InvalidValue("returnType"), "/AdhocQueryRequest/ResponseOption".into())
    );
    assert_eq!(
        query("<ResponseOption/>", "<r:AdhocQuery/>"),
        (Kind::MissingAttribute("id"), "/AdhocQueryRequest/AdhocQuery".into())
    );
    assert_eq!(
        query("<ResponseOption/>", "<r:AdhocQuery id='q'/><r:AdhocQuery id='q'/>"),
        (Kind::RepeatedElement("AdhocQuery"), "/AdhocQueryRequest/AdhocQuery[2]".into())
    );
    let error =
        RetrieveDocumentSetRequest::read(tree(&format!("<RetrieveDocumentSetRequest xmlns='{}'/>", ns::XDSB)).root())
            .unwrap_err();
    assert_eq!(error.kind, Kind::MissingElement("DocumentRequest"));
    assert_eq!(RegistryResponse::read(tree("<a/>").root()).unwrap_err().kind, Kind::UnexpectedElement);
}
