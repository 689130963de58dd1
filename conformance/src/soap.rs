//! ITI-18, ITI-41 and ITI-43 by SOAP 1.2, as ITI TF-2 §3.18, §3.41, §3.43 and TF-3 §4.2 ask.

use sha1::{Digest, Sha1};

use crate::{
    Clause,
    bundle::document,
    client::{Answer, Server},
};

const QUERY: &str = "urn:ihe:iti:2007:RegistryStoredQuery";
const PROVIDE: &str = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";
const RETRIEVE: &str = "urn:ihe:iti:2007:RetrieveDocumentSet";
pub const APPROVED: &str = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved";
const MESSAGE: &str = "urn:uuid:0f4a8a52-6a0c-4a52-9c5e-0d4b8a6f1c77";

pub const CLAUSES: &[Clause] = &[
    Clause {
        name: "SOAP12-1_5.4_fault_on_malformed_envelope",
        asks: "a message that is no XML is answered by a SOAP 1.2 fault",
        check: |s| {
            let answer = post(s, &s.registry, b"<Envelope")?;
            expect(
                &answer,
                answer.status >= 400 && answer.text().contains("http://www.w3.org/2003/05/soap-envelope"),
                "a fault",
            )?;
            has(&answer, "Fault")
        },
    },
    Clause {
        name: "VIHF_absent_assertion_is_a_fault",
        asks: "a call without assertion is refused by a fault and answers nothing else",
        check: |s| {
            let answer = post(s, &s.registry, envelope(QUERY, "", &find(s, &status())).as_bytes())?;
            expect(&answer, answer.status >= 400, "a fault")?;
            has(&answer, "Fault")
        },
    },
    Clause {
        name: "WSA10_3.4_RelatesTo",
        asks: "the answer relates to the MessageID of the request and names the response's action",
        check: |s| {
            let answer = query(s, &find(s, &status()))?;
            has(&answer, MESSAGE)?;
            has(&answer, "urn:ihe:iti:2007:RegistryStoredQueryResponse")
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.1_FindDocuments",
        asks: "FindDocuments by patient and status succeeds",
        check: |s| success(&query(s, &find(s, &status()))?),
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7_missing_parameter",
        asks: "FindDocuments without status is refused by XDSStoredQueryMissingParam",
        check: |s| failure(&query(s, &find(s, ""))?, "XDSStoredQueryMissingParam"),
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7_unknown_query",
        asks: "an unknown query id is refused by XDSUnknownStoredQuery",
        check: |s| {
            let body = find(s, &status())
                .replace("14d4debf-8f97-4251-9a74-a90016b0af0d", "14d4debf-0000-4251-9a74-a90016b0af0d");
            failure(&query(s, &body)?, "XDSUnknownStoredQuery")
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.6_ObjectRef",
        asks: "returnType ObjectRef gives references and no objects",
        check: |s| {
            let answer = query(s, &find(s, &status()).replace("LeafClass", "ObjectRef"))?;
            success(&answer)?;
            expect(&answer, !answer.text().contains("ExtrinsicObject "), "no ExtrinsicObject")
        },
    },
    Clause {
        name: "ITI41_3.41_provide_then_ITI18_GetDocuments",
        asks: "a document provided is registered with SHA-1, size and repositoryUniqueId (TF-3 4.2.3.2)",
        check: |s| {
            let (id, body) = (s.fresh_oid(), document("registered"));
            success(&provide(s, &id, &s.fresh_oid(), &body)?)?;
            let answer = query(s, &get(&id))?;
            success(&answer)?;
            has(&answer, &id)?;
            has(&answer, &hex(&Sha1::digest(&body)))?;
            has(&answer, &format!(">{}<", body.len()))?;
            has(&answer, &s.repository_id)
        },
    },
    Clause {
        name: "ITI43_3.43_retrieve_by_MTOM",
        asks: "a document provided is retrieved byte for byte in an MTOM package",
        check: |s| {
            let (id, body) = (s.fresh_oid(), document("retrieved"));
            success(&provide(s, &id, &s.fresh_oid(), &body)?)?;
            let answer = retrieve(s, &s.repository_id, &id)?;
            expect(&answer, answer.content_type.starts_with("multipart/related"), "multipart/related")?;
            expect(&answer, answer.body.windows(body.len()).any(|w| w == body), "the bytes")
        },
    },
    Clause {
        name: "TF3_4.2.4.1_same_uniqueId_other_content",
        asks: "the same uniqueId with other content is refused by XDSNonIdenticalHash",
        check: |s| {
            let id = s.fresh_oid();
            success(&provide(s, &id, &s.fresh_oid(), &document("one"))?)?;
            failure(&provide(s, &id, &s.fresh_oid(), &document("two"))?, "XDSNonIdenticalHash")
        },
    },
    Clause {
        name: "TF3_4.2.4.1_unknown_document_type",
        asks: "a typeCode outside its value set is refused by XDSRegistryMetadataError",
        check: |s| {
            let body = submission(s, &s.fresh_oid(), &s.fresh_oid()).replace("11502-2", "00000-0");
            failure(&send(s, &body, &document("x"))?, "XDSRegistryMetadataError")
        },
    },
    Clause {
        name: "ITI43_3.43.5_unknown_document",
        asks: "an unknown document is refused by XDSDocumentUniqueIdError",
        check: |s| failure(&retrieve(s, &s.repository_id, &s.fresh_oid())?, "XDSDocumentUniqueIdError"),
    },
    Clause {
        name: "ITI43_3.43.5_unknown_repository",
        asks: "another repository's identifier is refused by XDSUnknownRepositoryId",
        check: |s| failure(&retrieve(s, "1.2.3", &s.fresh_oid())?, "XDSUnknownRepositoryId"),
    },
];

pub fn expect(answer: &Answer, met: bool, what: &str) -> Result<(), String> {
    if met { Ok(()) } else { Err(format!("expected {what}; status {}: {}", answer.status, answer.head())) }
}

pub fn has(answer: &Answer, text: &str) -> Result<(), String> {
    expect(answer, answer.text().contains(text), text)
}

pub fn success(answer: &Answer) -> Result<(), String> {
    expect(answer, answer.status == 200, "HTTP 200")?;
    has(answer, "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success")
}

pub fn failure(answer: &Answer, code: &str) -> Result<(), String> {
    has(answer, "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure")?;
    has(answer, &format!("errorCode=\"{code}\""))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn envelope(action: &str, vihf: &str, body: &str) -> String {
    let security = if vihf.is_empty() {
        String::new()
    } else {
        format!(
            r#"<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">{vihf}</wsse:Security>"#
        )
    };
    format!(
        r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header><a:Action s:mustUnderstand="true">{action}</a:Action><a:MessageID>{MESSAGE}</a:MessageID><a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>{security}</s:Header><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

pub fn post(s: &Server, path: &str, body: &[u8]) -> Result<Answer, String> {
    s.post(path, &[("content-type", "application/soap+xml; charset=UTF-8")], body)
}

pub fn vihf(s: &Server) -> &str {
    s.vihf.as_deref().unwrap_or_default()
}

pub fn slot(name: &str, value: &str) -> String {
    format!(r#"<Slot name="{name}"><ValueList><Value>{value}</Value></ValueList></Slot>"#)
}

pub fn status() -> String {
    slot("$XDSDocumentEntryStatus", &format!("('{APPROVED}')"))
}

pub fn adhoc(id: &str, slots: &str) -> String {
    format!(
        r#"<q:AdhocQueryRequest xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><q:ResponseOption returnComposedObjects="true" returnType="LeafClass"/><AdhocQuery id="urn:uuid:{id}">{slots}</AdhocQuery></q:AdhocQueryRequest>"#
    )
}

pub fn find(s: &Server, more: &str) -> String {
    let patient = slot("$XDSDocumentEntryPatientId", &format!("'{}^^^&amp;{}&amp;ISO^NH'", s.ins, s.oid));
    adhoc("14d4debf-8f97-4251-9a74-a90016b0af0d", &(patient + more))
}

pub fn get(unique_id: &str) -> String {
    adhoc("5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4", &slot("$XDSDocumentEntryUniqueId", &format!("('{unique_id}')")))
}

pub fn query(s: &Server, body: &str) -> Result<Answer, String> {
    post(s, &s.registry, envelope(QUERY, vihf(s), body).as_bytes())
}

/// An envelope of this action and body.
pub fn send_to(s: &Server, path: &str, action: &str, body: &str) -> Result<Answer, String> {
    post(s, path, envelope(action, vihf(s), body).as_bytes())
}

fn retrieve(s: &Server, repository: &str, unique_id: &str) -> Result<Answer, String> {
    let body = format!(
        r#"<RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007"><DocumentRequest><RepositoryUniqueId>{repository}</RepositoryUniqueId><DocumentUniqueId>{unique_id}</DocumentUniqueId></DocumentRequest></RetrieveDocumentSetRequest>"#
    );
    post(s, &s.repository, envelope(RETRIEVE, vihf(s), &body).as_bytes())
}

pub fn provide(s: &Server, unique_id: &str, set_id: &str, body: &[u8]) -> Result<Answer, String> {
    send(s, &submission(s, unique_id, set_id), body)
}

pub fn send(s: &Server, body: &str, document: &[u8]) -> Result<Answer, String> {
    send_all(s, &s.repository, body, &[("document", document)])
}

/// Sends a submission to the service at `path`, with its documents: what each is included by before `@conformance`, and
/// its bytes.
pub fn send_all(s: &Server, path: &str, body: &str, documents: &[(&str, &[u8])]) -> Result<Answer, String> {
    const BOUNDARY: &str = "conformance-boundary";
    let root = envelope(PROVIDE, vihf(s), body);
    let mut package = format!(
        "--{BOUNDARY}\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <root@conformance>\r\n\r\n{root}"
    )
    .into_bytes();
    for (name, document) in documents {
        let head = format!(
            "\r\n--{BOUNDARY}\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{name}@conformance>\r\n\r\n"
        );
        package.extend_from_slice(head.as_bytes());
        package.extend_from_slice(document);
    }
    package.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!(
        "multipart/related; type=\"application/xop+xml\"; boundary=\"{BOUNDARY}\"; start=\"<root@conformance>\"; start-info=\"application/soap+xml\""
    );
    s.post(path, &[("content-type", &kind)], &package)
}

const PERSON: &str = "899900000101^CONFORMANCE^TEST^^^^^^&amp;1.2.250.1.71.4.2.1&amp;ISO^D^^^IDNPS";

fn cx(s: &Server) -> String {
    format!("{}^^^&amp;{}&amp;ISO^NH", s.ins, s.oid)
}

fn author(scheme: &str, object: &str, n: &str) -> String {
    format!(
        r#"<Classification id="{n}" classificationScheme="urn:uuid:{scheme}" classifiedObject="{object}" nodeRepresentation="">{}{}</Classification>"#,
        slot("authorInstitution", "CONFORMANCE^^^^^&amp;1.2.250.1.71.4.2.2&amp;ISO^IDNST^^^499900000101001"),
        slot("authorPerson", PERSON)
    )
}

fn code(scheme: &str, object: &str, n: &str, code: &str, system: &str) -> String {
    format!(
        r#"<Classification id="{n}" classificationScheme="urn:uuid:{scheme}" classifiedObject="{object}" nodeRepresentation="{code}">{}<Name><LocalizedString value="{code}"/></Name></Classification>"#,
        slot("codingScheme", system)
    )
}

fn identifier(scheme: &str, object: &str, n: &str, value: &str, name: &str) -> String {
    format!(
        r#"<ExternalIdentifier id="{n}" identificationScheme="urn:uuid:{scheme}" registryObject="{object}" value="{value}"><Name><LocalizedString value="{name}"/></Name></ExternalIdentifier>"#
    )
}

/// A submission set.
pub fn submission_set(s: &Server, set_id: &str) -> String {
    let set = [
        slot("submissionTime", "20260101120000"),
        author("a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", "set", "c1"),
        code("aa543740-bdda-424e-8c96-df4873be8500", "set", "c2", "07", "1.2.250.1.213.2.2"),
        r#"<Classification id="c3" classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd" classifiedObject="set"/>"#.to_owned(),
        identifier("6b5aea1a-874d-4603-a4bc-96a0a7b38446", "set", "e1", &cx(s), "XDSSubmissionSet.patientId"),
        identifier("554ac39e-e3fe-47fe-b233-965d2a147832", "set", "e2", "1.2.250.1.999.9", "XDSSubmissionSet.sourceId"),
        identifier("96fdda7c-d067-4183-912e-bf5ee74998a8", "set", "e3", set_id, "XDSSubmissionSet.uniqueId"),
    ]
    .concat();
    format!(r#"<RegistryPackage id="set">{set}</RegistryPackage>"#)
}

/// A minimal French submission: one biology report.
pub fn submission(s: &Server, unique_id: &str, set_id: &str) -> String {
    let (cx, set) = (cx(s), submission_set(s, set_id));
    let entry = [
        slot("creationTime", "20260101115900"),
        slot("languageCode", "fr-FR"),
        slot("legalAuthenticator", PERSON),
        slot("serviceStartTime", "20260101110000"),
        slot("sourcePatientId", "1^^^&amp;1.2.250.1.999.9.2&amp;ISO^PI"),
        r#"<Name><LocalizedString value="Compte rendu de conformité" xml:lang="FR" charset="UTF8"/></Name>"#.to_owned(),
        author("93606bcf-9494-43ec-9b4e-a7748d1a838d", "doc", "c4"),
        code("41a5887f-8865-4c09-adf7-e362475b143a", "doc", "c5", "10", "1.2.250.1.213.1.1.4.1"),
        code("f0306f51-975f-434e-a61c-c59651d33983", "doc", "c6", "11502-2", "2.16.840.1.113883.6.1"),
        code("f4f85eac-e6cb-4883-b524-f2705394840f", "doc", "c7", "N", "2.16.840.1.113883.5.25"),
        code(
            "a09d5840-386c-46f2-b5ad-9c3699a4309d",
            "doc",
            "c8",
            "urn:ihe:iti:xds-sd:text:2008",
            "1.3.6.1.4.1.19376.1.2.3",
        ),
        code("f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "doc", "c9", "SA01", "1.2.250.1.71.4.2.4"),
        code("cccf5598-8b07-4b77-a05e-ae952c785ead", "doc", "c10", "ETABLISSEMENT", "1.2.250.1.213.1.1.4.9"),
        identifier("58a6f841-87b3-4a3e-92fd-a8ffeff98427", "doc", "e4", &cx, "XDSDocumentEntry.patientId"),
        identifier("2e82c1f6-a085-4c72-9da3-8640a32e42ab", "doc", "e5", unique_id, "XDSDocumentEntry.uniqueId"),
    ]
    .concat();
    format!(
        r#"<x:ProvideAndRegisterDocumentSetRequest xmlns:x="urn:ihe:iti:xds-b:2007" xmlns:l="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><l:SubmitObjectsRequest><RegistryObjectList>{set}<ExtrinsicObject id="doc" mimeType="text/xml" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">{entry}</ExtrinsicObject><Association id="a1" associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember" sourceObject="set" targetObject="doc">{}</Association></RegistryObjectList></l:SubmitObjectsRequest><x:Document id="doc"><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:document@conformance"/></x:Document></x:ProvideAndRegisterDocumentSetRequest>"#,
        slot("SubmissionSetStatus", "Original")
    )
}
