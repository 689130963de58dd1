//! ebXML → model → ebXML: what comes in is given back.

use space::{AvailabilityStatus, Cause, Dtm};
use wire_soap::{
    ebxml::{RegistryObject, RegistryObjectList},
    xds::ProvideAndRegisterDocumentSetRequest,
    xml::{Tree, XmlLimits},
};

use super::{submission, write_extrinsic_object};

const MESSAGE: &str = r#"<x:ProvideAndRegisterDocumentSetRequest xmlns:x="urn:ihe:iti:xds-b:2007" xmlns:l="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><l:SubmitObjectsRequest><RegistryObjectList>
<RegistryPackage id="set"><Slot name="submissionTime"><ValueList><Value>20260101120000</Value></ValueList></Slot><Name><LocalizedString value="Lot" xml:lang="FR"/></Name>
<Classification id="c1" classificationScheme="urn:uuid:aa543740-bdda-424e-8c96-df4873be8500" classifiedObject="set" nodeRepresentation="07"><Slot name="codingScheme"><ValueList><Value>1.2.250.1.213.2.2</Value></ValueList></Slot></Classification>
<Classification id="c2" classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd" classifiedObject="set"/>
<ExternalIdentifier id="e1" identificationScheme="urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446" registryObject="set" value="1^^^&amp;1.2.3&amp;ISO^NH"><Name/></ExternalIdentifier>
<ExternalIdentifier id="e2" identificationScheme="urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832" registryObject="set" value="1.2.3"><Name/></ExternalIdentifier>
<ExternalIdentifier id="e3" identificationScheme="urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8" registryObject="set" value="1.2.3.4"><Name/></ExternalIdentifier></RegistryPackage>
<ExtrinsicObject id="doc" mimeType="text/xml" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">
<Slot name="creationTime"><ValueList><Value>202601011159</Value></ValueList></Slot><Slot name="languageCode"><ValueList><Value>fr-FR</Value></ValueList></Slot>
<Slot name="sourcePatientInfo"><ValueList><Value>PID-5|A^B^^^^^L</Value><Value>PID-8|F</Value></ValueList></Slot>
<Slot name="urn:example:slot"><ValueList><Value>one</Value><Value>two &amp; three</Value></ValueList></Slot>
<Name><LocalizedString value="Titre" xml:lang="fr-FR" charset="UTF8"/><LocalizedString value="Title" xml:lang="en"/></Name>
<Description><LocalizedString value="Commentaire"/></Description>
<Classification id="a1" classificationScheme="urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d" classifiedObject="doc"><Slot name="authorPerson"><ValueList><Value>8^A^B</Value></ValueList></Slot><Slot name="authorRole"><ValueList><Value>r1</Value><Value>r2</Value></ValueList></Slot><Slot name="urn:example:author"><ValueList><Value>x</Value></ValueList></Slot></Classification>
CODES
<ExternalIdentifier id="e4" identificationScheme="urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427" registryObject="doc" value="1^^^&amp;1.2.3&amp;ISO^NH"><Name/></ExternalIdentifier>
<ExternalIdentifier id="e5" identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab" registryObject="doc" value="1.2.3.5"><Name/></ExternalIdentifier></ExtrinsicObject>
<Association id="as" associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember" sourceObject="set" targetObject="doc"><Slot name="SubmissionSetStatus"><ValueList><Value>Original</Value></ValueList></Slot></Association>
</RegistryObjectList></l:SubmitObjectsRequest></x:ProvideAndRegisterDocumentSetRequest>"#;

fn message() -> String {
    let code = |scheme: &str, code: &str| {
        format!(
            r#"<Classification id="k{code}" classificationScheme="urn:uuid:{scheme}" classifiedObject="doc" nodeRepresentation="{code}"><Slot name="codingScheme"><ValueList><Value>1.2.{code}</Value></ValueList></Slot><Name><LocalizedString value="L {code}" xml:lang="FR"/></Name></Classification>"#
        )
    };
    let codes = [
        code("41a5887f-8865-4c09-adf7-e362475b143a", "1"),
        code("f4f85eac-e6cb-4883-b524-f2705394840f", "2"),
        code("f4f85eac-e6cb-4883-b524-f2705394840f", "3"),
        code("2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", "4"),
        code("a09d5840-386c-46f2-b5ad-9c3699a4309d", "5"),
        code("f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "6"),
        code("cccf5598-8b07-4b77-a05e-ae952c785ead", "7"),
        code("f0306f51-975f-434e-a61c-c59651d33983", "8"),
    ];
    MESSAGE.replace("CODES", &codes.concat())
}

fn objects(xml: &str) -> RegistryObjectList {
    let tree = Tree::parse(xml, &XmlLimits::default()).expect("XML");
    ProvideAndRegisterDocumentSetRequest::read(tree.root()).expect("a message").objects
}

fn at() -> Dtm {
    Dtm::parse("20260101").expect("a date")
}

/// The entry as the registry writes it, read again.
fn written(entry: &space::DocumentEntry) -> RegistryObject {
    let mut xml = br#"<rim:RegistryObjectList xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">"#.to_vec();
    write_extrinsic_object(&mut xml, entry, "1.2.9");
    xml.extend_from_slice(b"</rim:RegistryObjectList>");
    let xml = String::from_utf8(xml).expect("UTF-8");
    let tree = Tree::parse(&xml, &XmlLimits::default()).expect("XML");
    RegistryObjectList::read(tree.root()).expect("a list").0.remove(0)
}

#[test]
fn an_entry_is_given_back_as_it_came() {
    let read = submission(&objects(&message()), "1.2.9", &at()).expect("a submission");
    let mut entry = read.documents[0].entry.clone();
    entry.status = AvailabilityStatus::Archived;
    let mut list = objects(&message());
    for object in &mut list.0 {
        if matches!(object, RegistryObject::ExtrinsicObject(_)) {
            *object = written(&entry);
        }
    }
    let again = submission(&list, "1.2.9", &at()).expect("a submission");
    let mut given = again.documents[0].entry.clone();
    // What the registry adds stands outside the entry: hash, size, repository.
    assert_eq!(again.documents[0].announced_hash.as_deref(), Some("").filter(|h| !h.is_empty()));
    given.status = entry.status;
    assert_eq!(given, entry);
    assert_eq!(again.associations, read.associations);
    assert_eq!(entry.extra.len(), 1);
    assert_eq!(entry.authors[0].extra.len(), 1);
    assert_eq!(entry.title.len(), 2);
}

#[test]
fn what_is_absent_or_twice_is_told_with_its_place() {
    let place = |from: &str, to: &str| {
        let refused = submission(&objects(&message().replacen(from, to, 1)), "1.2.9", &at()).expect_err("refused");
        (refused.cause, refused.subject.unwrap_or_default(), refused.place.unwrap_or_default())
    };
    let (cause, subject, at) =
        place(r#"<Slot name="creationTime"><ValueList><Value>202601011159</Value></ValueList></Slot>"#, "");
    assert_eq!((cause, subject.as_str()), (Cause::MetadataMissing, "creationTime"));
    assert!(at.contains("ExtrinsicObject"), "{at}");
    assert_eq!(place("202601011159", "2026-01-01").0, Cause::MetadataTime);
    assert_eq!(place("AssociationType:HasMember", "AssociationType:Nothing").0, Cause::AssociationType);
    let twice = r#"<ExternalIdentifier id="e9" identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab" registryObject="doc" value="1.2"><Name/></ExternalIdentifier></ExtrinsicObject>"#;
    assert_eq!(place("</ExtrinsicObject>", twice).1, "XDSDocumentEntry.uniqueId");
}
