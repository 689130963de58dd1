//! The text of the message: DTDs, entities, character sets, depth and size.

use space::Cause;

use super::{
    Corpus,
    workshop::{ID, changed},
};

pub(super) fn add(corpus: &mut Corpus<'_>) {
    doctypes(corpus);
    characters(corpus);
    sizes(corpus);
}

fn doctypes(corpus: &mut Corpus<'_>) {
    let message = corpus.workshop.envelope(&corpus.workshop.good());
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    for (name, about, doctype) in [
        ("dtd-empty", "a document type, whatever it says", "<!DOCTYPE x>".to_owned()),
        (
            "dtd-external",
            "a document type that would be fetched",
            "<!DOCTYPE x SYSTEM \"http://127.0.0.1:9/x.dtd\">".to_owned(),
        ),
        ("dtd-entity", "an entity", "<!DOCTYPE x [<!ENTITY e \"SA07\">]>".to_owned()),
        (
            "dtd-external-entity",
            "an entity that is a file of the gateway's machine",
            "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>".to_owned(),
        ),
        (
            "dtd-parameter-entity",
            "a parameter entity",
            "<!DOCTYPE x [<!ENTITY % p SYSTEM \"http://127.0.0.1:9/p\"> %p;]>".to_owned(),
        ),
        (
            "dtd-billion-laughs",
            "entities that grow tenfold ten times",
            format!("<!DOCTYPE x [<!ENTITY l0 \"x\">{laughs}]>"),
        ),
        (
            "dtd-id-attribute",
            "an attribute declared to be an ID, so that another element bears the signed one",
            "<!DOCTYPE x [<!ATTLIST Body n ID #IMPLIED>]>".to_owned(),
        ),
        (
            "dtd-default-attribute",
            "an attribute that is there only by the document type",
            "<!DOCTYPE x [<!ATTLIST Conditions x CDATA \"y\">]>".to_owned(),
        ),
    ] {
        corpus.message(name, about, Cause::DtdForbidden, format!("{doctype}{message}"));
    }
    let about = "an entity that nothing declares";
    let text = changed(&message, ">urn:dmp<", ">&e;<");
    corpus.message("entity-undeclared", about, Cause::MalformedXml, text);
    let about = "an attribute twice on the assertion: which ID is signed?";
    let text = changed(&message, &format!(" ID=\"{ID}\""), &format!(" ID=\"{ID}\" ID=\"_other\""));
    corpus.message("id-attribute-twice", about, Cause::MalformedXml, text);
    let about = "an attribute twice by two prefixes of one namespace";
    let text = changed(&message, " xmlns:xs=", " xmlns:p=\"urn:p\" xmlns:q=\"urn:p\" p:a=\"1\" q:a=\"2\" xmlns:xs=");
    corpus.message("attribute-twice-by-two-prefixes", about, Cause::MalformedXml, text);
    let about = "a prefix that nothing declares";
    corpus.message(
        "prefix-undeclared",
        about,
        Cause::MalformedXml,
        changed(&message, "<saml2:Subject>", "<zz:x/><saml2:Subject>"),
    );
    let about = "a CDATA section that changes a value after signing";
    let text = changed(&message, ">urn:dmp<", "><![CDATA[urn:dmp ]]><");
    corpus.message("cdata-changes-a-value", about, Cause::SignatureInvalid, text);
    let about = "a CDATA section around an element that was signed";
    let text = changed(&message, "<saml2:NameID>", "<saml2:NameID><![CDATA[<x/>]]>");
    corpus.message("cdata-adds-markup", about, Cause::SignatureInvalid, text);
    let about = "a processing instruction put in after signing: canonicalization keeps it";
    let text = changed(&message, "<saml2:Subject>", "<saml2:Subject><?x y?>");
    corpus.message("instruction-added-after-signing", about, Cause::SignatureInvalid, text);
}

fn characters(corpus: &mut Corpus<'_>) {
    use Cause::{AssertionMissing, MalformedXml, SignatureInvalid};
    let message = corpus.workshop.envelope(&corpus.workshop.good());
    let bytes = message.as_bytes();
    let at = message.find(">urn:dmp<").expect("there") + 1;
    let with = |inside: &[u8]| [&bytes[..at], inside, &bytes[at..]].concat();
    let about = "bytes that are not UTF-8";
    corpus.message("utf8-overlong", about, MalformedXml, with(b"\xc0\xaf"));
    corpus.message("utf8-surrogate", about, MalformedXml, with(b"\xed\xa0\x80"));
    corpus.message("utf8-cut-short", about, MalformedXml, with(b"\xe2\x82"));
    let utf16: Vec<u8> = message.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let about = "a character set that is not read";
    corpus.message("utf16-with-its-mark", about, MalformedXml, [b"\xff\xfe", utf16.as_slice()].concat());
    corpus.message("utf16-without-mark", about, Cause::MalformedXml, utf16);
    let about = "a character that XML does not have";
    corpus.message("character-null", about, MalformedXml, with(b"\0"));
    corpus.message("character-null-by-reference", about, MalformedXml, with(b"&#0;"));
    corpus.message("character-control", about, MalformedXml, with(b"\x0b"));
    corpus.message("character-surrogate-by-reference", about, MalformedXml, with(b"&#xD800;"));
    let about = "a letter of another alphabet put in after signing";
    corpus.message(
        "homoglyph-after-signing",
        about,
        SignatureInvalid,
        changed(&message, ">urn:dmp<", ">urn:dm\u{440}<"),
    );
    let about = "a carriage return by reference, which end-of-line handling must not take away";
    corpus.message("carriage-return-by-reference", about, SignatureInvalid, with(b"&#13;"));
    let about = "white space put into a value after signing";
    corpus.message("white-space-after-signing", about, SignatureInvalid, with(b" "));
    let about = "the assertion inside a comment";
    let good = corpus.workshop.good();
    corpus.refused("assertion-in-a-comment", about, AssertionMissing, &format!("<!--{good}-->"));
    let about = "the assertion inside a CDATA section";
    corpus.refused("assertion-in-cdata", about, AssertionMissing, &format!("<![CDATA[{good}]]>"));
    let about = "the message ends inside the assertion";
    corpus.message("cut-short", about, Cause::MalformedXml, bytes[..at].to_vec());
}

fn sizes(corpus: &mut Corpus<'_>) {
    let workshop = corpus.workshop;
    let text = workshop.unsigned();
    let within = |inside: &str| {
        let signature = workshop.craft(&text).signature();
        changed(
            &super::workshop::after_issuer(&text, &signature),
            "<saml2:AttributeStatement>",
            &format!("{inside}<saml2:AttributeStatement>"),
        )
    };
    let about = "elements four hundred deep inside the assertion";
    let deep = format!("{}{}", "<d>".repeat(400), "</d>".repeat(400));
    corpus.refused("deep", about, Cause::TooDeep, &within(&deep));
    let about = "an element with a thousand attributes";
    let attributes: String = (0..1000).map(|n| format!(" a{n}=\"\"")).collect();
    corpus.refused("attributes-thousand", about, Cause::MalformedXml, &within(&format!("<x{attributes}/>")));
    let about = "a thousand namespaces in scope";
    let declarations: String = (0..1000).map(|n| format!(" xmlns:n{n}=\"urn:{n}\"")).collect();
    corpus.refused("namespaces-thousand", about, Cause::MalformedXml, &within(&format!("<x{declarations}/>")));
    let about = "three hundred thousand elements beside the assertion";
    let many = "<x/>".repeat(300_000);
    corpus.refused("elements-many", about, Cause::TooLarge, &format!("{}{many}", workshop.good()));
    let about = "five megabytes beside the assertion";
    let long = format!("<x>{}</x>{}", "x".repeat(5 << 20), workshop.good());
    corpus.refused("message-huge", about, Cause::TooLarge, &long);
}
