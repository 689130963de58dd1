//! SOAP messages of the DMP as care software writes them: prefixes, header order and line ends of real clients.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::{Client, Reply, TestDocument};

/// Path of the repository.
pub const REPOSITORY: &str = "/si-dmp-server/v2/services/repository";
/// Path of the registry.
pub const REGISTRY: &str = "/si-dmp-server/v2/services/registry";
/// Approved.
pub const APPROVED: &str = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved";
/// Deprecated.
pub const DEPRECATED: &str = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated";
/// repositoryUniqueId of the demonstration.
pub const REPOSITORY_ID: &str = "1.2.250.1.213.4.1.1.1.2";
/// FindDocuments.
pub const FIND_DOCUMENTS: &str = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d";
/// GetDocuments.
pub const GET_DOCUMENTS: &str = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4";

const BOUNDARY: &str = "----=_Part_7_1234.5678";
const AUTHOR: &str = "899900000101^VASSEUR^ELISE^^^^^^&amp;1.2.250.1.71.4.2.1&amp;ISO^D^^^IDNPS";
const INSTITUTION: &str = "CABINET VASSEUR^^^^^&amp;1.2.250.1.71.4.2.2&amp;ISO^IDNST^^^499900000101001";
const SPECIALTY: &str = "G15_10/SM26^Médecin - Qualifié en Médecine Générale (SM)^1.2.250.1.213.1.1.4.5";

/// An envelope with WS-Addressing headers and an assertion.
#[must_use]
pub fn envelope(action: &str, vihf: &str, body: &str) -> String {
    format!(
        r#"<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Header><MessageID xmlns="http://www.w3.org/2005/08/addressing">urn:uuid:{}</MessageID><To xmlns="http://www.w3.org/2005/08/addressing"/><ReplyTo soap:mustUnderstand="true" xmlns="http://www.w3.org/2005/08/addressing"><Address>http://www.w3.org/2005/08/addressing/anonymous</Address></ReplyTo><Action soap:mustUnderstand="true" xmlns="http://www.w3.org/2005/08/addressing">{action}</Action><wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">{vihf}</wsse:Security></soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"#,
        crate::uuid()
    )
}

fn classification(out: &mut String, object: &str, id: &mut u32, scheme: &str, code: &str, system: &str) {
    *id += 1;
    let _ = write!(
        out,
        r#"<Classification classificationScheme="urn:uuid:{scheme}" classifiedObject="{object}" id="cla{id}" nodeRepresentation="{code}"><Slot name="codingScheme"><ValueList><Value>{system}</Value></ValueList></Slot><Name><LocalizedString charset="UTF8" value="Libellé {code}" xml:lang="FR"/></Name></Classification>"#
    );
}

fn author(out: &mut String, object: &str, id: &mut u32, scheme: &str) {
    *id += 1;
    let _ = write!(
        out,
        r#"<Classification classificationScheme="urn:uuid:{scheme}" classifiedObject="{object}" id="cla{id}"><Slot name="authorPerson"><ValueList><Value>{AUTHOR}</Value></ValueList></Slot><Slot name="authorSpecialty"><ValueList><Value>{SPECIALTY}</Value></ValueList></Slot><Slot name="authorInstitution"><ValueList><Value>{INSTITUTION}</Value></ValueList></Slot></Classification>"#
    );
}

fn identifier(out: &mut String, object: &str, id: &mut u32, scheme: &str, value: &str, name: &str) {
    *id += 1;
    let _ = write!(
        out,
        r#"<ExternalIdentifier id="ei{id}" identificationScheme="urn:uuid:{scheme}" registryObject="{object}" value="{value}"><Name><LocalizedString charset="UTF8" value="{name}" xml:lang="FR"/></Name></ExternalIdentifier>"#
    );
}

/// A submission of documents, all about the holder of `ins` (test register).
#[derive(Debug, Clone)]
pub struct Deposit {
    /// INS of the metadata.
    pub ins: String,
    /// uniqueId of the set.
    pub set_id: String,
    /// The documents.
    pub documents: Vec<TestDocument>,
    /// Further registry objects: folders, links.
    pub more: String,
}

impl Deposit {
    /// A submission of one document.
    #[must_use]
    pub fn one(ins: &str, document: TestDocument) -> Self {
        Self { ins: ins.to_owned(), set_id: crate::oid(), documents: vec![document], more: String::new() }
    }

    /// The same with a signature: `make` is given the set's uniqueId and its documents, and gives the bytes.
    #[must_use]
    pub fn signed(mut self, make: impl FnOnce(&str, &[TestDocument]) -> Vec<u8>) -> Self {
        let bytes = make(&self.set_id, &self.documents);
        self.documents.push(TestDocument::signature(bytes));
        self.more.push_str(&association("urn:ihe:iti:2007:AssociationType:signs", "Signature01", SET, &[]));
        self
    }

    /// The body of the envelope; documents are included as `cid:N@test`.
    #[must_use]
    pub fn body(&self) -> String {
        let mut o = String::with_capacity(8192);
        o.push_str(r#"<ns4:ProvideAndRegisterDocumentSetRequest xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" xmlns:ns3="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns:ns4="urn:ihe:iti:xds-b:2007"><ns3:SubmitObjectsRequest><RegistryObjectList>"#);
        o.push_str(&submission_set(&self.ins, &self.set_id));
        for document in &self.documents {
            o.push_str(&document_entry(&self.ins, document));
        }
        for document in &self.documents {
            o.push_str(&association(HAS_MEMBER, SET, &document.id, &[("SubmissionSetStatus", "Original")]));
            if let Some(target) = &document.replaces {
                o.push_str(&association("urn:ihe:iti:2007:AssociationType:RPLC", &document.id, target, &[]));
            }
        }
        o.push_str(&self.more);
        o.push_str("</RegistryObjectList></ns3:SubmitObjectsRequest>");
        for (n, document) in self.documents.iter().enumerate() {
            let _ = write!(
                o,
                r#"<ns4:Document id="{}"><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{n}@test"/></ns4:Document>"#,
                document.id
            );
        }
        o.push_str("</ns4:ProvideAndRegisterDocumentSetRequest>");
        o
    }

    /// The whole message, and its Content-Type.
    #[must_use]
    pub fn message(&self, vihf: &str) -> (String, Vec<u8>) {
        let envelope = envelope("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b", vihf, &self.body());
        let parts: Vec<_> = self.documents.iter().map(|d| (d.mime_type.as_str(), d.body.as_slice())).collect();
        (content_type(), package(&envelope, &parts))
    }

    /// Sends it.
    pub async fn send(&self, client: &mut Client, vihf: &str) -> Reply {
        let (content_type, body) = self.message(vihf);
        client.post(REPOSITORY, &[("content-type", &content_type)], body).await
    }
}

/// Symbolic identifier of the set in our messages.
pub const SET: &str = "SubmissionSet01";
/// HasMember.
pub const HAS_MEMBER: &str = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember";
/// UpdateAvailabilityStatus.
pub const UPDATE_STATUS: &str = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus";
/// Archived, as the DMP writes it.
pub const ARCHIVED: &str = "urn:asip:ci-sis:2010:StatusType:Archived";
/// Deleted, as the DMP writes it.
pub const DELETED: &str = "urn:asip:ci-sis:2010:StatusType:Deleted";

fn cx(ins: &str) -> String {
    format!("{ins}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH")
}

/// The `RegistryPackage` of a submission set.
#[must_use]
pub fn submission_set(ins: &str, unique_id: &str) -> String {
    let mut o = String::with_capacity(2048);
    let id = &mut 0;
    let _ = write!(
        o,
        r#"<RegistryPackage id="{SET}"><Slot name="submissionTime"><ValueList><Value>20260101120000</Value></ValueList></Slot><Name><LocalizedString charset="UTF8" value="Lot de test" xml:lang="FR"/></Name>"#
    );
    author(&mut o, SET, id, "a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d");
    classification(&mut o, SET, id, "aa543740-bdda-424e-8c96-df4873be8500", "04", "1.2.250.1.213.2.2");
    let _ = write!(
        o,
        r#"<Classification classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd" classifiedObject="{SET}" id="claSet"/>"#
    );
    identifier(&mut o, SET, id, "6b5aea1a-874d-4603-a4bc-96a0a7b38446", &cx(ins), "XDSSubmissionSet.patientId");
    identifier(&mut o, SET, id, "554ac39e-e3fe-47fe-b233-965d2a147832", "1.2.250.1.999.8", "XDSSubmissionSet.sourceId");
    identifier(&mut o, SET, id, "96fdda7c-d067-4183-912e-bf5ee74998a8", unique_id, "XDSSubmissionSet.uniqueId");
    o.push_str("</RegistryPackage>");
    o
}

/// The `RegistryPackage` of a folder.
#[must_use]
pub fn folder(object: &str, ins: &str, unique_id: &str, title: &str) -> String {
    let mut o = String::with_capacity(1024);
    let id = &mut 100;
    let _ = write!(
        o,
        r#"<RegistryPackage id="{object}"><Name><LocalizedString charset="UTF8" value="{title}" xml:lang="FR"/></Name><Description><LocalizedString value="Classeur de test"/></Description>"#
    );
    classification(&mut o, object, id, "1ba97051-7806-41a8-a48b-8fce7af683c5", "GROSSESSE", "1.2.250.1.999.9");
    let _ = write!(
        o,
        r#"<Classification classificationNode="urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2" classifiedObject="{object}" id="cla{object}"/>"#
    );
    identifier(&mut o, object, id, "f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a", &cx(ins), "XDSFolder.patientId");
    identifier(&mut o, object, id, "75df8f67-9973-4fbe-a900-df66cefecc5a", unique_id, "XDSFolder.uniqueId");
    o.push_str("</RegistryPackage>");
    o
}

/// An `Association`, with an identifier made of its ends.
#[must_use]
pub fn association(kind: &str, source: &str, target: &str, slots: &[(&str, &str)]) -> String {
    let id = format!("{source}.{target}").replace(':', "-");
    let slots: String = slots.iter().map(|(name, value)| query_slot(name, value)).collect();
    format!(
        r#"<Association associationType="{kind}" id="{id}" sourceObject="{source}" targetObject="{target}">{slots}</Association>"#
    )
}

/// A bare `SubmitObjectsRequest` of a set and `objects`.
#[must_use]
pub fn submit_objects(ins: &str, objects: &str) -> String {
    let set = submission_set(ins, &crate::oid());
    format!(
        r#"<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><RegistryObjectList>{set}{objects}</RegistryObjectList></lcm:SubmitObjectsRequest>"#
    )
}

/// An order that changes the state of an object (ITI-57, DMP TD3.3c and TD3.3d).
#[must_use]
pub fn status_order(target: &str, from: &str, to: &str) -> String {
    association(UPDATE_STATUS, SET, target, &[("OriginalStatus", from), ("NewStatus", to)])
}

/// A new version of a document's metadata: `edit` changes what the registry gave back (`entry`, an ExtrinsicObject).
#[must_use]
pub fn new_version(entry: &str, version: u32, edit: impl FnOnce(String) -> String) -> String {
    let uuid = attributes(entry, "id").into_iter().next().unwrap_or_default();
    let entry = edit(entry.replace(&format!(" id=\"{uuid}"), " id=\"Document01"))
        .replace(&format!("classifiedObject=\"{uuid}"), "classifiedObject=\"Document01")
        .replace(&format!("registryObject=\"{uuid}"), "registryObject=\"Document01");
    let member = association(
        HAS_MEMBER,
        SET,
        "Document01",
        &[("SubmissionSetStatus", "Original"), ("PreviousVersion", &version.to_string())],
    );
    format!("{entry}{member}")
}

/// The first element of this name in an answer, in no namespace prefix, as it can be sent again.
#[must_use]
pub fn element_of(xml: &str, name: &str) -> String {
    let (open, close) = (format!("<rim:{name} "), format!("</rim:{name}>"));
    let start = xml.find(&open).unwrap_or_default();
    let end = xml[start..].find(&close).map_or(start, |end| start + end + close.len());
    xml[start..end].replace("<rim:", "<").replace("</rim:", "</")
}

/// A stored query by identifier and slots.
#[must_use]
pub fn stored_query(id: &str, return_type: &str, slots: &[(&str, &str)]) -> String {
    let slots: String = slots.iter().map(|(name, value)| query_slot(name, value)).collect();
    format!(
        r#"<ns3:AdhocQueryRequest xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" xmlns:ns3="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"><ns3:ResponseOption returnComposedObjects="true" returnType="{return_type}"/><AdhocQuery id="urn:uuid:{id}">{slots}</AdhocQuery></ns3:AdhocQueryRequest>"#
    )
}

/// The `ExtrinsicObject` of a document.
#[must_use]
pub fn document_entry(ins: &str, d: &TestDocument) -> String {
    let mut text = String::with_capacity(4096);
    let (o, cx) = (&mut text, cx(ins));
    let id = &mut 0;
    let object = d.id.as_str();
    let _ = write!(
        o,
        r#"<ExtrinsicObject id="{object}" mimeType="{}" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"><Slot name="creationTime"><ValueList><Value>20260101115900</Value></ValueList></Slot><Slot name="languageCode"><ValueList><Value>fr-FR</Value></ValueList></Slot><Slot name="legalAuthenticator"><ValueList><Value>{AUTHOR}</Value></ValueList></Slot><Slot name="serviceStartTime"><ValueList><Value>20260101110000</Value></ValueList></Slot><Slot name="serviceStopTime"><ValueList><Value>20260101113000</Value></ValueList></Slot><Slot name="sourcePatientId"><ValueList><Value>0456789999^^^&amp;1.2.250.1.999.8.2&amp;ISO^PI</Value></ValueList></Slot><Slot name="sourcePatientInfo"><ValueList><Value>PID-5|AUBRY^CLAIRE^^^^^L</Value><Value>PID-7|19801105</Value><Value>PID-8|F</Value></ValueList></Slot>{}<Name><LocalizedString charset="UTF8" value="{}" xml:lang="FR"/></Name><Description><LocalizedString charset="UTF8" value="Commentaire" xml:lang="FR"/></Description>"#,
        d.mime_type, d.extra, d.title
    );
    author(o, object, id, "93606bcf-9494-43ec-9b4e-a7748d1a838d");
    let class_system = if d.class_code.starts_with("urn:") { "URN" } else { "1.2.250.1.213.1.1.4.1" };
    classification(o, object, id, "41a5887f-8865-4c09-adf7-e362475b143a", &d.class_code, class_system);
    classification(o, object, id, "f0306f51-975f-434e-a61c-c59651d33983", &d.type_code.0, &d.type_code.1);
    classification(o, object, id, "f4f85eac-e6cb-4883-b524-f2705394840f", "N", "2.16.840.1.113883.5.25");
    for code in &d.visibility {
        classification(o, object, id, "f4f85eac-e6cb-4883-b524-f2705394840f", code, "1.2.250.1.213.1.1.4.13");
    }
    classification(o, object, id, "a09d5840-386c-46f2-b5ad-9c3699a4309d", &d.format_code.0, &d.format_code.1);
    classification(o, object, id, "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "SA01", "1.2.250.1.71.4.2.4");
    classification(o, object, id, "cccf5598-8b07-4b77-a05e-ae952c785ead", "ETABLISSEMENT", "1.2.250.1.213.1.1.4.9");
    identifier(o, object, id, "58a6f841-87b3-4a3e-92fd-a8ffeff98427", &cx, "XDSDocumentEntry.patientId");
    identifier(o, object, id, "2e82c1f6-a085-4c72-9da3-8640a32e42ab", &d.unique_id, "XDSDocumentEntry.uniqueId");
    o.push_str("</ExtrinsicObject>");
    text
}

/// Content-Type of an MTOM message.
#[must_use]
pub fn content_type() -> String {
    format!(
        r#"multipart/related; type="application/xop+xml"; start="<rootpart@test>"; start-info="application/soap+xml"; boundary="{BOUNDARY}""#
    )
}

/// What stands before the bytes of the first document, and between and after documents.
#[must_use]
pub fn package(envelope: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = package_head(envelope);
    for (n, (mime_type, body)) in parts.iter().enumerate() {
        out.extend_from_slice(part_head(n, mime_type).as_bytes());
        out.extend_from_slice(body);
    }
    out.extend_from_slice(package_end().as_bytes());
    out
}

/// The root part.
#[must_use]
pub fn package_head(envelope: &str) -> Vec<u8> {
    format!(
        "--{BOUNDARY}\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\nContent-Transfer-Encoding: 8bit\r\nContent-ID: <rootpart@test>\r\n\r\n{envelope}"
    )
    .into_bytes()
}

/// The headers of the `n`th part.
#[must_use]
pub fn part_head(n: usize, mime_type: &str) -> String {
    format!(
        "\r\n--{BOUNDARY}\r\nContent-Type: {mime_type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{n}@test>\r\n\r\n"
    )
}

/// The end of the package.
#[must_use]
pub fn package_end() -> String {
    format!("\r\n--{BOUNDARY}--\r\n")
}

/// FindDocuments; `more` is further slots.
#[must_use]
pub fn find_documents(ins: &str, status: &str, more: &str) -> String {
    format!(
        r#"<ns3:AdhocQueryRequest xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" xmlns:ns3="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"><ns3:ResponseOption returnComposedObjects="true" returnType="LeafClass"/><AdhocQuery id="{FIND_DOCUMENTS}"><Slot name="$XDSDocumentEntryPatientId"><ValueList><Value>'{ins}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH'</Value></ValueList></Slot><Slot name="$XDSDocumentEntryStatus"><ValueList><Value>('{status}')</Value></ValueList></Slot>{more}</AdhocQuery></ns3:AdhocQueryRequest>"#
    )
}

/// GetDocuments by uniqueId.
#[must_use]
pub fn get_documents(unique_id: &str) -> String {
    format!(
        r#"<ns3:AdhocQueryRequest xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" xmlns:ns3="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"><ns3:ResponseOption returnComposedObjects="true" returnType="LeafClass"/><AdhocQuery id="{GET_DOCUMENTS}"><Slot name="$XDSDocumentEntryUniqueId"><ValueList><Value>('{unique_id}')</Value></ValueList></Slot></AdhocQuery></ns3:AdhocQueryRequest>"#
    )
}

/// A slot of a query.
#[must_use]
pub fn query_slot(name: &str, value: &str) -> String {
    format!(r#"<Slot name="{name}"><ValueList><Value>{value}</Value></ValueList></Slot>"#)
}

/// Sends a stored query.
pub async fn query(client: &mut Client, vihf: &str, body: &str) -> Reply {
    let message = envelope("urn:ihe:iti:2007:RegistryStoredQuery", vihf, body);
    client.post(REGISTRY, &[("content-type", "application/soap+xml; charset=UTF-8")], message).await
}

/// Retrieves one document.
pub async fn retrieve(client: &mut Client, vihf: &str, unique_id: &str) -> Reply {
    let body = format!(
        r#"<RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007"><DocumentRequest><RepositoryUniqueId>{REPOSITORY_ID}</RepositoryUniqueId><DocumentUniqueId>{unique_id}</DocumentUniqueId></DocumentRequest></RetrieveDocumentSetRequest>"#
    );
    let message = envelope("urn:ihe:iti:2007:RetrieveDocumentSet", vihf, &body);
    client.post(REPOSITORY, &[("content-type", "application/soap+xml; charset=UTF-8")], message).await
}

/// The parts of an MTOM answer: the envelope, then the documents.
///
/// # Panics
/// When it is no MTOM package.
#[must_use]
pub fn unpack(reply: &Reply) -> (String, Vec<Bytes>) {
    use wire_soap::{content_type::MediaType, multipart};
    let media = MediaType::parse(reply.header("content-type")).expect("a media type");
    assert!(media.is_multipart_related(), "not MTOM: {}", reply.text());
    let boundary = media.boundary().expect("a boundary");
    let parts = multipart::split_complete(reply.body.clone(), boundary, multipart::MultipartLimits::default());
    let mut parts = parts.expect("a package").into_iter().map(|(_, body)| body);
    let envelope = parts.next().expect("a root part");
    (String::from_utf8(envelope.to_vec()).expect("UTF-8"), parts.collect())
}

/// Values of an attribute wherever it stands in a text, in order.
#[must_use]
pub fn attributes(xml: &str, name: &str) -> Vec<String> {
    let needle = format!(" {name}=\"");
    let values = xml.split(needle.as_str()).skip(1).filter_map(|rest| rest.split('"').next());
    values.map(str::to_owned).collect()
}

/// The codes of registry errors, and the stable code each context begins with.
#[must_use]
pub fn errors(xml: &str) -> Vec<(String, String)> {
    let contexts = attributes(xml, "codeContext").into_iter();
    let codes = attributes(xml, "errorCode").into_iter();
    let stable = |c: String| c.split([' ', '[']).next().unwrap_or_default().to_owned();
    codes.zip(contexts.map(stable)).collect()
}

/// The stable code of a fault.
#[must_use]
pub fn fault_code(xml: &str) -> Option<String> {
    let (_, rest) = xml.split_once("Subcode>")?;
    let (_, rest) = rest.split_once("Value")?;
    let (_, rest) = rest.split_once('>')?;
    let (value, _) = rest.split_once('<')?;
    Some(value.rsplit(':').next().unwrap_or(value).to_owned())
}

/// Path of the patients service.
pub const PATIENTS: &str = "/si-dmp-server/v2/services/patients";
/// Path of the authorisations service.
pub const HABILITATIONS: &str = "/si-dmp-server/v2/services/habilitations";

/// The head of an HL7 v3 request, up to its control act.
fn hl7_head(interaction: &str) -> String {
    format!(
        r#"<{interaction} xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0"><id root="1.2.250.1.999.6.1" extension="{}"/><creationTime value="20260101120000"/><interactionId root="2.16.840.1.113883.1.6" extension="{interaction}"/><processingCode code="D"/><processingModeCode code="T"/><acceptAckCode code="AL"/><receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE"><id root="1.2.250.1.213.4.1.1.1"/><softwareName>DMP</softwareName></device></receiver><sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="1.2.250.1.999.6"/><softwareName>TEST</softwareName></device></sender>"#,
        crate::uuid()
    )
}

/// TD0.2 (`TEST_EXST`) or TD1.3a (`CNSLT_DATA`): PRPA_IN201307UV02.
#[must_use]
pub fn get_demographics(ins: &str, reason: &str) -> String {
    let head = hl7_head("PRPA_IN201307UV02");
    format!(
        r#"{head}<controlActProcess classCode="CACT" moodCode="EVN"><reasonCode code="{reason}" codeSystem="1.2.250.1.213.1.1.4.11"/><queryByParameter><queryId root="1.2.250.1.999.6.2" extension="{}"/><statusCode code="new"/><parameterList><patientIdentifier><value root="1.2.250.1.213.1.4.10" extension="{ins}"/><semanticsText>Patient.id</semanticsText></patientIdentifier></parameterList></queryByParameter></controlActProcess></PRPA_IN201307UV02>"#,
        crate::uuid()
    )
}

/// TD0.5, ITI-47: PRPA_IN201305UV02 with these parameters.
#[must_use]
pub fn find_candidates(parameters: &str) -> String {
    let head = hl7_head("PRPA_IN201305UV02");
    format!(
        r#"{head}<controlActProcess classCode="CACT" moodCode="EVN"><code code="PRPA_TE201305UV02" codeSystem="2.16.840.1.113883.1.6"/><queryByParameter><queryId root="1.2.250.1.999.6.2" extension="{}"/><statusCode code="new"/><responseModalityCode code="R"/><responsePriorityCode code="I"/><parameterList>{parameters}</parameterList></queryByParameter></controlActProcess></PRPA_IN201305UV02>"#,
        crate::uuid()
    )
}

/// More of the answer to a query, or no more of it (QUQI_IN000003): `query` is the attributes of its `queryId`.
#[must_use]
pub fn query_continuation(interaction: &str, query: &str, more: &str) -> String {
    let head = hl7_head(interaction);
    let word = if interaction.ends_with("Cancel") { "aborted" } else { "waitContinuedQueryResponse" };
    let query = query.trim();
    format!(
        r#"{head}<controlActProcess classCode="CACT" moodCode="EVN"><code code="PRPA_TE000003UV01" codeSystem="2.16.840.1.113883.1.6"/><queryContinuation><queryId {query}/>{more}<statusCode code="{word}"/></queryContinuation></controlActProcess></{interaction}>"#
    )
}

/// A name, day of birth and sex as parameters of [`find_candidates`].
#[must_use]
pub fn candidate_traits(family: &str, given: &str, birth: &str, sex: &str) -> String {
    let parameter =
        |name: &str, value: &str, text: &str| format!("<{name}>{value}<semanticsText>{text}</semanticsText></{name}>");
    let mut all = String::new();
    if !sex.is_empty() {
        let value = format!(r#"<value code="{sex}" codeSystem="2.16.840.1.113883.5.1"/>"#);
        all += &parameter("livingSubjectAdministrativeGender", &value, "LivingSubject.administrativeGender");
    }
    if !birth.is_empty() {
        let value = format!(r#"<value value="{birth}"/>"#);
        all += &parameter("livingSubjectBirthTime", &value, "LivingSubject.birthTime");
    }
    if !family.is_empty() {
        let given = if given.is_empty() { String::new() } else { format!("<given>{given}</given>") };
        let value = format!("<value>{given}<family>{family}</family></value>");
        all += &parameter("livingSubjectName", &value, "LivingSubject.name");
    }
    all
}

/// Path of the PIX manager.
pub const PIX: &str = "/ihe/services/pix";
/// Path of the PDQ supplier.
pub const PDQ: &str = "/ihe/services/pdq";

/// Somebody as a hospital knows them: number, INS, traits.
#[derive(Debug, Clone)]
pub struct FedPatient {
    /// Domain and number.
    pub local: (String, String),
    /// INS of the test register; none when empty.
    pub ins: String,
    /// Birth name.
    pub family: String,
    /// First given name.
    pub given: String,
    /// Day of birth, 8 digits.
    pub birth: String,
    /// `F` or `M`.
    pub sex: String,
}

impl FedPatient {
    /// The `holder`th holder of a demonstration under a number of the hospital.
    ///
    /// # Panics
    /// When there is no such holder.
    #[must_use]
    pub fn of(demo: &serde_json::Value, holder: usize, number: &str) -> Self {
        let holder = &demo["holders"][holder];
        let text = |key: &str| holder[key].as_str().expect("a holder of the demonstration").to_owned();
        let domain = demo["structures"][0]["domain"].as_str().expect("a domain").to_owned();
        Self {
            local: (domain, number.to_owned()),
            ins: text("ins"),
            family: text("family"),
            given: text("given"),
            birth: text("birthDate").replace('-', ""),
            sex: text("sex"),
        }
    }
}

/// ITI-44: a record added (`PRPA_IN201301UV02`), revised (`…302…`) or, with the number that is no more, duplicates resolved
/// (`…304…`).
#[must_use]
pub fn identity_feed(interaction: &str, patient: &FedPatient, prior: Option<&str>) -> String {
    let head = hl7_head(interaction);
    let trigger = interaction.replace("_IN", "_TE");
    let FedPatient { local: (domain, number), ins, family, given, birth, sex } = patient;
    let other = if ins.is_empty() {
        String::new()
    } else {
        format!(
            r#"<asOtherIDs classCode="PAT"><id root="1.2.250.1.213.1.4.10" extension="{ins}"/><scopingOrganization classCode="ORG" determinerCode="INSTANCE"><id root="1.2.250.1.213.1.4.10"/></scopingOrganization></asOtherIDs>"#
        )
    };
    let replaced = prior.map_or_else(String::new, |prior| {
        format!(
            r#"<replacementOf typeCode="RPLC"><priorRegistration classCode="REG" moodCode="EVN"><statusCode code="obsolete"/><subject1 typeCode="SBJ"><priorRegisteredRole classCode="PAT"><id root="{domain}" extension="{prior}"/></priorRegisteredRole></subject1></priorRegistration></replacementOf>"#
        )
    });
    format!(
        r#"{head}<controlActProcess classCode="CACT" moodCode="EVN"><code code="{trigger}" codeSystem="2.16.840.1.113883.1.6"/><subject typeCode="SUBJ" contextConductionInd="false"><registrationEvent classCode="REG" moodCode="EVN"><statusCode code="active"/><subject1 typeCode="SBJ"><patient classCode="PAT"><id root="{domain}" extension="{number}"/><statusCode code="active"/><patientPerson classCode="PSN" determinerCode="INSTANCE"><name><given>{given}</given><family qualifier="BR">{family}</family></name><administrativeGenderCode code="{sex}" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="{birth}"/>{other}</patientPerson><providerOrganization classCode="ORG" determinerCode="INSTANCE"><id root="{domain}"/><contactParty classCode="CON"/></providerOrganization></patient></subject1><custodian typeCode="CST"><assignedEntity classCode="ASSIGNED"><id root="{domain}"/></assignedEntity></custodian>{replaced}</registrationEvent></subject></controlActProcess></{interaction}>"#
    )
}

/// ITI-45: PRPA_IN201309UV02 on one identifier, for identifiers of these domains (all when there are none).
#[must_use]
pub fn get_identifiers(domain: &str, number: &str, wanted: &[&str]) -> String {
    let head = hl7_head("PRPA_IN201309UV02");
    let source = |oid: &&str| {
        format!(r#"<dataSource><value root="{oid}"/><semanticsText>DataSource.id</semanticsText></dataSource>"#)
    };
    let sources: String = wanted.iter().map(source).collect();
    format!(
        r#"{head}<controlActProcess classCode="CACT" moodCode="EVN"><code code="PRPA_TE201309UV02" codeSystem="2.16.840.1.113883.1.6"/><queryByParameter><queryId root="1.2.250.1.999.6.2" extension="{}"/><statusCode code="new"/><responsePriorityCode code="I"/><parameterList>{sources}<patientIdentifier><value root="{domain}" extension="{number}"/><semanticsText>Patient.id</semanticsText></patientIdentifier></parameterList></queryByParameter></controlActProcess></PRPA_IN201309UV02>"#,
        crate::uuid()
    )
}

/// TD0.3.
#[must_use]
pub fn set_authorization(action: &str, role: &str) -> String {
    let role = if role.is_empty() { String::new() } else { format!("<role>{role}</role>") };
    format!(r#"<setAuthorization xmlns="urn:si-dmp-habilitations"><action>{action}</action>{role}</setAuthorization>"#)
}

/// TD1.6.
#[must_use]
pub fn list_authorization(mode: &str) -> String {
    format!(
        r#"<listAuthorizationByPatient xmlns="urn:si-dmp-habilitations"><mode>{mode}</mode></listAuthorizationByPatient>"#
    )
}

/// TD0.4.
#[must_use]
pub fn patient_list(start: &str, date_type: &str) -> String {
    format!(
        r#"<patientList xmlns="urn:si-dmp-patients"><startDate>{start}</startDate><dateType>{date_type}</dateType></patientList>"#
    )
}

/// An XML text with one element a line, as it is shown to people.
///
/// # Panics
/// When it is no XML.
#[must_use]
pub fn indented(xml: &str) -> String {
    use quick_xml::{Reader, Writer, events::Event};
    let mut reader = Reader::from_str(xml);
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Eof => break,
            event => writer.write_event(event).expect("written"),
        }
    }
    let text = String::from_utf8(writer.into_inner()).expect("UTF-8");
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        // An element with nothing in it is one line.
        let opened = line.trim_start().strip_prefix("</").and_then(|name| name.strip_suffix('>')).filter(|name| {
            let last = out.lines().last().unwrap_or_default().trim_start();
            let head = last.strip_prefix('<').and_then(|rest| rest.strip_prefix(*name));
            head.is_some_and(|rest| rest.starts_with([' ', '>']) && !rest.ends_with("/>") && !rest.contains("</"))
        });
        if opened.is_some() && out.ends_with(">\n") {
            out.truncate(out.len() - 2);
            out.push_str("/>\n");
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}
