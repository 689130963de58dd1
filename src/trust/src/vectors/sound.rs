//! Sound assertions, so that a verifier that refuses everything does not pass; among them variations that change
//! nothing of what is signed, and must not be mistaken for attacks.

use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_core::algorithm as uri;
use space::Purpose;

use super::{
    Corpus,
    algorithms::ORDER,
    workshop::{Craft, ID, after_issuer, between, changed, key_info, named, reference, transforms},
};

pub(super) fn add(corpus: &mut Corpus<'_>) {
    let workshop = corpus.workshop;
    let text = workshop.unsigned();
    let good = workshop.good();
    let plain = |security: &str| workshop.envelope(security);
    corpus.accepted("sound", "what a physician's software sends", plain(&good));
    let request = workshop.request();
    let signed = workshop.signed(&request);
    corpus.accepted("sound-as-written-here", "the same, signed by the gateway's own command", plain(&signed));
    let version = crate::VihfRequest { version: "4.0".into(), ..request.clone() };
    corpus.accepted("sound-version-4", "a VIHF 4.0", plain(&workshop.signed(&version)));
    let broken = crate::VihfRequest {
        purpose: Purpose::BrisDeGlace { reason: Some("Détresse <vitale> & \"coma\"".into()) },
        ..request.clone()
    };
    corpus.accepted("sound-break-glass", "a break-glass access with its reason", plain(&workshop.signed(&broken)));
    let open = crate::VihfRequest { validity: None, ..request };
    corpus.accepted(
        "sound-without-conditions",
        "no Conditions: the IssueInstant bounds it",
        plain(&workshop.signed(&open)),
    );

    let comment = changed(&good, "<saml2:AttributeStatement>", "<!-- x --><saml2:AttributeStatement>");
    corpus.accepted(
        "sound-comment-between-elements",
        "a comment between elements, which nobody reads",
        plain(&comment),
    );
    let cdata = changed(&good, ">urn:dmp<", "><![CDATA[urn:dmp]]><");
    corpus.accepted(
        "sound-cdata-of-the-same-text",
        "the same text as a CDATA section: the canonical form is the same",
        plain(&cdata),
    );
    let reference_ = changed(&good, ">urn:dmp<", ">urn:&#100;mp<");
    corpus.accepted(
        "sound-character-reference",
        "a character by reference: the canonical form is the same",
        plain(&reference_),
    );
    let quotes = changed(&good, " Version=\"2.0\"", " Version='2.0'");
    corpus.accepted("sound-other-quotes", "other quotes around an attribute", plain(&quotes));
    let mark = [b"\xef\xbb\xbf".as_slice(), plain(&good).as_bytes()].concat();
    corpus.accepted("sound-byte-order-mark", "a byte order mark before the message", mark);
    let declared = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", plain(&good));
    corpus.accepted("sound-xml-declaration", "an XML declaration", declared);

    let certificate = STANDARD.encode(workshop.request().signer.der());
    let lines = changed(
        &good,
        &certificate,
        &certificate.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n"),
    );
    corpus.accepted("sound-certificate-in-lines", "the certificate in lines of 64 characters", plain(&lines));
    let craft = workshop.craft(&text);
    let authority = crate::files::certificates(&workshop.authority()).expect("reads")[0].to_vec();
    let chain = Craft { key_info: key_info(&[workshop.request().signer.der(), &authority]), ..craft.clone() };
    corpus.accepted(
        "sound-with-its-authority",
        "the authority's certificate after the signer's",
        plain(&workshop.with(&text, &chain)),
    );
    let list = "<c:InclusiveNamespaces xmlns:c=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"xs\"/>";
    let all = transforms(&[named("Transform", uri::ENVELOPED_SIGNATURE, ""), named("Transform", uri::EXC_C14N, list)]);
    let filled = workshop.filled(&text, &reference(Some(&format!("#{ID}")), &all, uri::SHA256, ""), uri::EXC_C14N);
    corpus.accepted(
        "sound-inclusive-prefixes",
        "a list of prefixes to keep, as many libraries write it",
        plain(&filled),
    );

    let signature = craft.signature();
    let value = STANDARD.decode(between(&signature, "<ds:SignatureValue>", "<")).expect("base64");
    let (r, s) = value.split_at(32);
    let twin = craft.with_value(&STANDARD.encode([r, &minus(s)].concat()));
    let about = "the twin of an ECDSA signature (s taken from the order): as good as the other for the same content";
    corpus.accepted("sound-ecdsa-twin", about, plain(&after_issuer(&text, &twin)));
}

/// The order of P-256 less a number.
fn minus(s: &[u8]) -> Vec<u8> {
    let mut borrow = 0i16;
    let mut out = vec![0; 32];
    for at in (0..32).rev() {
        let digit = i16::from(ORDER[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(digit < 0);
        out[at] = u8::try_from(digit.rem_euclid(256)).unwrap_or(0);
    }
    out
}
