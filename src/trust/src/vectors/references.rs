//! References and transforms: what is signed, and what is made of it before it is digested.

use bergshamra_core::algorithm as uri;
use space::Cause;

use super::{
    Corpus,
    workshop::{Craft, ID, INCLUSIVE, changed, named, reference, transforms, usual},
};

const WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";

pub(super) fn add(corpus: &mut Corpus<'_>) {
    targets(corpus);
    several(corpus);
    identifiers(corpus);
    canonical(corpus);
    chains(corpus);
}

fn unsigned(corpus: &Corpus<'_>) -> (String, String, Craft) {
    let text = corpus.workshop.unsigned();
    let digest = corpus.workshop.digest(&text, uri::SHA256);
    let craft = corpus.workshop.craft(&text);
    (text, digest, craft)
}

/// What the reference points at.
fn targets(corpus: &mut Corpus<'_>) {
    let (text, digest, craft) = unsigned(corpus);
    let (id, long) = (format!("#{ID}"), format!("#xpointer(id('{ID}'))"));
    for (name, about, to) in [
        ("uri-absent", "a reference without URI: what it means is left to chance", None),
        ("uri-empty", "the empty URI means the whole message, whatever it is", Some("")),
        ("uri-xpointer", "an XPointer to the same ID: another way to find it", Some(long.as_str())),
        ("uri-xpointer-root", "an XPointer to the root of the message", Some("#xpointer(/)")),
        ("uri-bare-hash", "a reference to the empty fragment", Some("#")),
        ("uri-external", "a reference outside the message: nothing is ever fetched", Some("http://127.0.0.1:9/a.xml")),
        ("uri-file", "a reference to a file of the gateway's machine", Some("file:///etc/passwd")),
        ("uri-percent-encoded", "the ID percent-encoded", Some("#%5fv0123456789abcdef")),
        ("uri-with-blank", "the ID followed by a blank", Some("#_v0123456789abcdef ")),
        ("uri-of-another-case", "the ID in capitals", Some("#_V0123456789ABCDEF")),
        ("uri-of-nothing", "an ID that nothing bears", Some("#_nothing")),
    ] {
        let craft = Craft { references: reference(to, &usual(), uri::SHA256, &digest), ..craft.clone() };
        corpus.refused(name, about, Cause::SignatureReference, &corpus.workshop.with(&text, &craft));
    }
    let about = "a good signature of the whole message (empty URI): what is read is not what the reference names";
    let whole = corpus.workshop.envelope(&text);
    let signed = corpus.workshop.filled(&whole, &reference(Some(""), &usual(), uri::SHA256, ""), uri::EXC_C14N);
    corpus.message("uri-empty-over-the-whole-message", about, Cause::SignatureReference, signed);
    let about = "the reference is a Manifest's, whose own references nobody has to check";
    let manifest = format!(
        "<ds:Object><ds:Manifest Id=\"m\">{}</ds:Manifest></ds:Object>",
        reference(Some(&id), &usual(), uri::SHA256, &digest)
    );
    let craft = Craft { references: reference(Some("#m"), "", uri::SHA256, &digest), objects: manifest, ..craft };
    corpus.refused("manifest", about, Cause::AssertionMalformed, &corpus.workshop.with(&text, &craft));
}

/// How many references there are.
fn several(corpus: &mut Corpus<'_>) {
    let (text, digest, craft) = unsigned(corpus);
    let one = reference(Some(&format!("#{ID}")), &usual(), uri::SHA256, &digest);
    let foreign = reference(Some("http://127.0.0.1:9/"), "", uri::SHA256, &digest);
    for (name, about, references) in [
        ("references-none", "SignedInfo without a reference: a good signature of nothing", String::new()),
        ("references-two-alike", "the same reference twice", format!("{one}{one}")),
        ("references-second-external", "a second reference, outside the message", format!("{one}{foreign}")),
        ("references-forty", "forty references: each costs a digest", one.repeat(40)),
    ] {
        let craft = Craft { references, ..craft.clone() };
        corpus.refused(name, about, Cause::SignatureReference, &corpus.workshop.with(&text, &craft));
    }
    let about = "the reference inside another element of SignedInfo";
    let craft = Craft { references: format!("<ds:Manifest>{one}</ds:Manifest>"), ..craft };
    corpus.refused("reference-too-deep", about, Cause::SignatureReference, &corpus.workshop.with(&text, &craft));
}

/// IDs that two readers may read in two ways.
fn identifiers(corpus: &mut Corpus<'_>) {
    let (text, digest, craft) = unsigned(corpus);
    let long = format!("_{}", "a".repeat(300));
    for (name, about, id) in [
        ("id-homoglyph", "an ID with a Cyrillic letter that looks like ours", "_v0123456789\u{430}bcdef"),
        ("id-decomposed", "an ID with a letter in two characters, which another reader may compose", "_vale\u{301}"),
        ("id-zero-width", "an ID with a character that is not seen", "_v0123\u{200b}456789"),
        ("id-empty", "an empty ID", ""),
        ("id-digit-first", "an ID that no XML name may be", "0123456789"),
        ("id-with-colon", "an ID with a colon", "_v:01"),
        ("id-with-newline", "an ID with an escaped line feed, which attribute normalisation may lose", "_v01&#10;23"),
        ("id-with-quote", "an ID that ends an XPointer's string", "_v'01"),
        ("id-overlong", "an ID of 300 characters", long.as_str()),
    ] {
        let text = text.replace(&format!("ID=\"{ID}\""), &format!("ID=\"{id}\""));
        let to = format!("#{id}");
        let craft = Craft { references: reference(Some(&to), &usual(), uri::SHA256, &digest), ..craft.clone() };
        corpus.refused(name, about, Cause::SignatureReference, &corpus.workshop.with(&text, &craft));
    }
    let about = "no ID on the assertion, the reference to where it was";
    let nameless = text.replace(&format!(" ID=\"{ID}\""), "");
    corpus.refused("id-absent", about, Cause::SignatureReference, &corpus.workshop.with(&nameless, &craft));
    let about = "the ID in a namespace of its own: it is no ID of SAML";
    let spaced = text.replace(&format!(" ID=\"{ID}\""), &format!(" xml:id=\"{ID}\""));
    corpus.refused("id-only-as-xml-id", about, Cause::SignatureReference, &corpus.workshop.with(&spaced, &craft));
}

/// Canonicalizations other than the exclusive one without comments; the signatures are good where they stand.
fn canonical(corpus: &mut Corpus<'_>) {
    let workshop = corpus.workshop;
    let whole = workshop.envelope(&workshop.unsigned());
    let to = format!("#{ID}");
    let enveloped = named("Transform", uri::ENVELOPED_SIGNATURE, "");
    let chain = |c14n: &str| transforms(&[enveloped.clone(), named("Transform", c14n, "")]);
    let one = |transforms: &str| reference(Some(&to), transforms, uri::SHA256, "");
    let about = "SignedInfo canonicalized so that comments or namespaces around it count";
    for (name, c14n) in [
        ("signed-info-inclusive", INCLUSIVE),
        ("signed-info-with-comments", WITH_COMMENTS),
        ("signed-info-c14n-1-1", "http://www.w3.org/2006/12/xml-c14n11"),
    ] {
        corpus.message(name, about, Cause::SignatureAlgorithm, workshop.filled(&whole, &one(&usual()), c14n));
    }
    let about = "the reference canonicalized so that comments or namespaces around it count";
    for (name, c14n) in [
        ("transform-inclusive", INCLUSIVE),
        ("transform-with-comments", WITH_COMMENTS),
        ("transform-inclusive-with-comments", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"),
        ("transform-c14n-1-1", "http://www.w3.org/2006/12/xml-c14n11"),
    ] {
        let signed = workshop.filled(&whole, &one(&chain(c14n)), uri::EXC_C14N);
        corpus.message(name, about, Cause::SignatureAlgorithm, signed);
    }
    let about = "the canonicalization swapped for the inclusive one after signing";
    let swapped = changed(&workshop.good(), uri::EXC_C14N, INCLUSIVE);
    corpus.refused("signed-info-swapped-after-signing", about, Cause::SignatureAlgorithm, &swapped);
    let about = "canonicalization named by nothing";
    let (text, _, craft) = unsigned(corpus);
    let craft = Craft { canonicalization: named("CanonicalizationMethod", "", ""), ..craft };
    corpus.refused(
        "signed-info-canonicalization-unnamed",
        about,
        Cause::SignatureAlgorithm,
        &corpus.workshop.with(&text, &craft),
    );
}

/// Chains of transforms.
fn chains(corpus: &mut Corpus<'_>) {
    let (text, digest, craft) = unsigned(corpus);
    let enveloped = named("Transform", uri::ENVELOPED_SIGNATURE, "");
    let exclusive = named("Transform", uri::EXC_C14N, "");
    let xpath = named(
        "Transform",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>",
    );
    let hiding = named(
        "Transform",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "<ds:XPath>not(ancestor-or-self::node()[local-name()='AttributeStatement'])</ds:XPath>",
    );
    let filter = named(
        "Transform",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "<f:XPath xmlns:f=\"http://www.w3.org/2002/06/xmldsig-filter2\" Filter=\"subtract\">//*[local-name()='AttributeStatement']</f:XPath>",
    );
    let xslt = named(
        "Transform",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "<x:stylesheet xmlns:x=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\"><x:template match=\"/\"><x:copy-of select=\"document('/etc/passwd')\"></x:copy-of></x:template></x:stylesheet>",
    );
    let prefixes = named(
        "Transform",
        uri::EXC_C14N,
        "<c:InclusiveNamespaces xmlns:c=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"xs\"><c:x></c:x></c:InclusiveNamespaces>",
    );
    for (name, about, all) in [
        (
            "transforms-xslt",
            "XSLT: a program that makes what is digested, and may read files",
            vec![enveloped.clone(), xslt],
        ),
        (
            "transforms-xpath-for-enveloped",
            "XPath instead of the enveloped-signature transform",
            vec![xpath.clone(), exclusive.clone()],
        ),
        (
            "transforms-xpath-hiding-claims",
            "XPath that takes the claims out of what is digested",
            vec![enveloped.clone(), hiding, exclusive.clone()],
        ),
        (
            "transforms-xpath-filter-2",
            "an XPath filter that subtracts the claims",
            vec![enveloped.clone(), filter, exclusive.clone()],
        ),
        (
            "transforms-base64",
            "base64 decoding: the digest is of the text alone",
            vec![enveloped.clone(), named("Transform", "http://www.w3.org/2000/09/xmldsig#base64", "")],
        ),
        (
            "transforms-decryption",
            "decryption while verifying",
            vec![named("Transform", "http://www.w3.org/2002/07/decrypt#XML", ""), enveloped.clone(), exclusive.clone()],
        ),
        (
            "transforms-swapped",
            "canonicalization before the signature is taken out",
            vec![exclusive.clone(), enveloped.clone()],
        ),
        ("transforms-only-exclusive", "no enveloped-signature transform", vec![exclusive.clone()]),
        ("transforms-only-enveloped", "no canonicalization: inclusive C14N would be implied", vec![enveloped.clone()]),
        (
            "transforms-canonicalized-twice",
            "one canonicalization too many",
            vec![enveloped.clone(), exclusive.clone(), exclusive.clone()],
        ),
        (
            "transforms-two-hundred",
            "two hundred transforms: each costs a pass over the message",
            vec![exclusive.clone(); 200],
        ),
        (
            "transforms-prefixes-with-content",
            "a list of inclusive prefixes that holds elements",
            vec![enveloped.clone(), prefixes],
        ),
        (
            "transforms-parameter-in-enveloped",
            "a parameter where none is defined",
            vec![named("Transform", uri::ENVELOPED_SIGNATURE, "<ds:XPath>1</ds:XPath>"), exclusive.clone()],
        ),
    ] {
        let all = transforms(&all);
        let craft =
            Craft { references: reference(Some(&format!("#{ID}")), &all, uri::SHA256, &digest), ..craft.clone() };
        corpus.refused(name, about, Cause::SignatureAlgorithm, &corpus.workshop.with(&text, &craft));
    }
    let about = "no transforms at all: the digest would be of the signature too";
    let craft = Craft { references: reference(Some(&format!("#{ID}")), "", uri::SHA256, &digest), ..craft };
    corpus.refused("transforms-absent", about, Cause::AssertionMalformed, &corpus.workshop.with(&text, &craft));
}
