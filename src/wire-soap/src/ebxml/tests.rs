use super::*;
use crate::xml::{Tree, XmlLimits};
use crate::{MessageError, MessageErrorKind};

fn read(list: &str) -> Result<RegistryObjectList, MessageError> {
    let text = format!("<rim:RegistryObjectList{NAMESPACES}>{list}</rim:RegistryObjectList>");
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    RegistryObjectList::read(tree.root())
}

fn written(list: &RegistryObjectList) -> String {
    let mut out = Vec::new();
    list.write(&mut out);
    let text = String::from_utf8(out).unwrap();
    text["<rim:RegistryObjectList>".len()..text.len() - "</rim:RegistryObjectList>".len()].to_owned()
}

const EVERYTHING: &str = concat!(
    "<rim:RegistryPackage id=\"p\" home=\"urn:oid:1\" lid=\"l\" objectType=\"t\" status=\"s\">",
    "<rim:Slot name=\"a\" slotType=\"x\"><rim:ValueList><rim:Value> 1 </rim:Value><rim:Value></rim:Value></rim:ValueList></rim:Slot>",
    "<rim:Slot name=\"a\"><rim:ValueList></rim:ValueList></rim:Slot>",
    "<rim:Name><rim:LocalizedString xml:lang=\"fr\" charset=\"UTF8\" value=\"é &lt;&quot;&#10;\"/><rim:LocalizedString value=\"\"/></rim:Name>",
    "<rim:Description></rim:Description>",
    "<rim:VersionInfo versionName=\"2\" comment=\"c\"/>",
    "<rim:Classification id=\"c\" classificationScheme=\"s\" classifiedObject=\"p\" nodeRepresentation=\"\">",
    "<rim:Classification classificationNode=\"n\" classifiedObject=\"c\"></rim:Classification>",
    "</rim:Classification>",
    "<rim:ExternalIdentifier id=\"e\" identificationScheme=\"i\" registryObject=\"p\" value=\"1&amp;2\"></rim:ExternalIdentifier>",
    "<rim:RegistryObjectList><rim:ObjectRef id=\"r\" home=\"h\" createReplica=\"true\"></rim:ObjectRef></rim:RegistryObjectList>",
    "</rim:RegistryPackage>",
    "<rim:ExtrinsicObject id=\"d\" mimeType=\"text/xml\" isOpaque=\"false\"><rim:ContentVersionInfo versionName=\"1\"/></rim:ExtrinsicObject>",
    "<rim:Association id=\"a\" associationType=\"t\" sourceObject=\"p\" targetObject=\"d\"></rim:Association>",
    "<rim:Classification classificationNode=\"n\" classifiedObject=\"p\"></rim:Classification>",
);

#[test]
fn what_is_read_is_written_back() {
    let list = read(EVERYTHING).unwrap();
    assert_eq!(written(&list), EVERYTHING);
    assert_eq!(read(&written(&list)).unwrap(), list);
}

#[test]
fn places_number_what_may_repeat() {
    let list = read(EVERYTHING).unwrap();
    let package = list.registry_packages().next().unwrap();
    assert_eq!(package.common.place.0, "/RegistryObjectList/RegistryPackage[1]");
    assert_eq!(package.common.slot_place(1), "/RegistryObjectList/RegistryPackage[1]/Slot[2]");
    assert_eq!(
        package.common.classifications[0].common.classifications[0].common.place.0,
        "/RegistryObjectList/RegistryPackage[1]/Classification[1]/Classification[1]"
    );
    assert_eq!(
        package.members.as_ref().unwrap().0[0].place(),
        "/RegistryObjectList/RegistryPackage[1]/RegistryObjectList/ObjectRef[1]"
    );
    assert_eq!(list.0[3].place(), "/RegistryObjectList/Classification[1]");
}

#[test]
fn what_would_be_lost_is_refused_with_its_place() {
    let cases = [
        ("<rim:Organization id='o'/>", MessageErrorKind::UnexpectedElement, "/RegistryObjectList/*[1]"),
        ("<rim:ExtrinsicObject/>", MessageErrorKind::MissingAttribute("id"), "/RegistryObjectList/ExtrinsicObject[1]"),
        (
            "<rim:ExtrinsicObject id='d' isOpaque='peut-être'/>",
            MessageErrorKind::InvalidValue("boolean"),
            "/RegistryObjectList/ExtrinsicObject[1]",
        ),
        (
            "<rim:ExtrinsicObject id='d'><rim:Name/><rim:Name/></rim:ExtrinsicObject>",
            MessageErrorKind::RepeatedElement("Name"),
            "/RegistryObjectList/ExtrinsicObject[1]",
        ),
        (
            "<rim:ObjectRef id='d'/><rim:ObjectRef/>",
            MessageErrorKind::MissingAttribute("id"),
            "/RegistryObjectList/ObjectRef[2]",
        ),
        (
            "<rim:ExtrinsicObject id='d'><rim:Slot name='x'/></rim:ExtrinsicObject>",
            MessageErrorKind::MissingElement("ValueList"),
            "/RegistryObjectList/ExtrinsicObject[1]/Slot[1]",
        ),
        (
            "<rim:ExtrinsicObject id='d'><x/></rim:ExtrinsicObject>",
            MessageErrorKind::UnexpectedElement,
            "/RegistryObjectList/ExtrinsicObject[1]/x",
        ),
    ];
    for (list, kind, place) in cases {
        let error = read(list).unwrap_err();
        assert_eq!((error.kind, error.place.as_str()), (kind, place));
    }
}
