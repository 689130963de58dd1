use super::*;
use crate::content_type::MediaType;
use crate::envelope::{Envelope, SoapVersion};
use crate::multipart::{MultipartLimits, split_complete};
use crate::xds::RegistryResponse;
use crate::xml::{Tree, XmlLimits};

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn an_answer_relates_to_its_request() {
    let reply = SoapReply::new("urn:a", "urn:uuid:1").relates_to(Some("a<b")).action_must_understand();
    let text = text(|o| reply.write(o, |o| RegistryResponse::success().write(o)));
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let envelope = Envelope::read(&tree).unwrap();
    assert_eq!(envelope.version, SoapVersion::Soap12);
    assert_eq!((envelope.action.as_deref(), envelope.relates_to.as_deref()), (Some("urn:a"), Some("a<b")));
    assert_eq!(envelope.to.as_deref(), Some(ns::WSA_ANONYMOUS));
    assert_eq!(RegistryResponse::read(envelope.body()).unwrap(), RegistryResponse::success());
}

#[test]
fn a_fault_speaks_both_languages_and_names_the_place() {
    let fault = Fault {
        code: FaultCode::VersionMismatch,
        subcode: Some(Subcode { namespace: ns::WSSE.into(), local_name: "InvalidSecurity".into() }),
        reason_fr: "Enveloppe d'une autre version".into(),
        reason_en: "Envelope of another version".into(),
        base: None,
        detail: Some(FaultDetail {
            code: "soap-version-mismatch".into(),
            place: "/Envelope".into(),
            rule: "SOAP 1.2 §5".into(),
        }),
    };
    let text = text(|o| SoapReply::new(ns::WSA_SOAP_FAULT, "urn:uuid:1").write_fault(o, &fault));
    let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
    let envelope = Envelope::read(&tree).unwrap();
    let element = envelope.body();
    assert!(element.is(ns::SOAP12, "Fault"));
    assert_eq!(element.child(ns::SOAP12, "Code").unwrap().text(), "soap:VersionMismatchsub:InvalidSecurity");
    let langs: Vec<_> =
        element.child(ns::SOAP12, "Reason").unwrap().children().map(|t| t.attr_ns(ns::XML, "lang").unwrap()).collect();
    assert_eq!(langs, ["fr", "en"]);
    assert!(text.contains("<p:Place>/Envelope</p:Place>") && text.contains("<soap:Upgrade>"));
}

#[test]
fn a_package_is_split_as_it_was_framed() {
    let frame = MtomFrame::new("uuid:1", "root@passerelle").unwrap();
    let media = MediaType::parse(&frame.content_type(Some("urn:\"a\""))).unwrap();
    assert_eq!(
        (media.boundary(), media.start(), media.action()),
        (Some("uuid:1"), Some("root@passerelle"), Some("urn:\"a\""))
    );
    let body = [
        frame.prefix(b"<e/>"),
        frame.part_header("1@urn:ihe", "text/xml; charset=utf-8").unwrap(),
        b"one\r\n".to_vec(),
        frame.part_header("2@urn:ihe", "x\r\nSet-Cookie: y").unwrap(),
        Vec::new(),
        frame.closing(),
    ]
    .concat();
    let parts = split_complete(body, media.boundary().unwrap(), MultipartLimits::default()).unwrap();
    let seen: Vec<_> = parts.iter().map(|(h, c)| (h.content_id.as_deref().unwrap(), &c[..])).collect();
    assert_eq!(seen, [("root@passerelle", &b"<e/>"[..]), ("1@urn:ihe", b"one\r\n"), ("2@urn:ihe", b"")]);
    assert_eq!(parts[2].0.content_type.as_ref().unwrap().essence, "application/octet-stream");
}

#[test]
fn nothing_that_ends_a_header_goes_into_one() {
    assert!(MtomFrame::new("a\r\nb", "root").is_none());
    assert!(MtomFrame::new("a", "root>\r\n").is_none());
    let frame = MtomFrame::new("a", "root").unwrap();
    assert!(frame.part_header("a\nb", "text/xml").is_none());
    assert!(!frame.content_type(Some("a\r\nb")).contains('\n'));
    let header = frame.part_header("c", "text/xml; a=\"b\u{85}\r\nc\"").unwrap();
    assert_eq!(String::from_utf8(header).unwrap().lines().count(), 6);
}
