//! Signature wrapping (XSW 1 to 8 of Somorovsky et al., and their kin): a forged assertion about another holder beside,
//! around or inside one that is rightly signed.

use space::Cause;

use super::{
    Corpus,
    workshop::{ID, after_issuer, at_end, changed, reference, usual},
};
use bergshamra_core::algorithm as uri;

const FOREIGN: &str = "<e xmlns=\"urn:exemple\">";

/// A good assertion, without its signature and its signature alone, and a forged copy.
struct Parts {
    good: String,
    bare: String,
    signature: String,
    forged: String,
}

impl Parts {
    /// The signature with an object in it.
    fn object(&self, inside: &str) -> String {
        self.signature.replace("</ds:Signature>", &format!("<ds:Object>{inside}</ds:Object></ds:Signature>"))
    }

    /// The forged assertion with something right after its Issuer.
    fn forging(&self, inside: &str) -> String {
        after_issuer(&self.forged, inside)
    }
}

pub(super) fn add(corpus: &mut Corpus<'_>) {
    let workshop = corpus.workshop;
    let bare = workshop.unsigned();
    let signature = workshop.craft(&bare).signature();
    let parts = Parts { good: after_issuer(&bare, &signature), bare, signature, forged: workshop.forged() };
    classic(corpus, &parts);
    identified(corpus, &parts);
    elsewhere(corpus, &parts);
    nested(corpus, &parts);
}

fn classic(corpus: &mut Corpus<'_>, p: &Parts) {
    use Cause::{AssertionDuplicated as Twice, AssertionMalformed, SignatureReference};
    let (good, bare, forged) = (&p.good, &p.bare, &p.forged);
    let about = "a forged assertion and the signed one in one message: one call brings one assertion";
    for (name, security) in [
        ("xsw1-signed-in-the-forged-ones-signature", p.forging(&p.object(bare))),
        ("xsw2-forged-then-detached-signature-then-signed", format!("{forged}{}{bare}", p.signature)),
        ("xsw3-forged-before-signed", format!("{forged}{good}")),
        ("xsw3-forged-after-signed", format!("{good}{forged}")),
        ("xsw4-signed-inside-forged", at_end(forged, good)),
        (
            "xsw4-signed-inside-the-forged-subject",
            changed(forged, "<saml2:Subject>", &format!("<saml2:Subject>{good}")),
        ),
        ("xsw5-signature-in-forged-signed-after", format!("{}{bare}", p.forging(&p.signature))),
        ("xsw5-signature-in-forged-signed-before", format!("{bare}{}", p.forging(&p.signature))),
        ("xsw6-signed-in-the-signature-inside-forged", at_end(forged, &p.object(bare))),
        ("xsw7-forged-under-an-extension", format!("{FOREIGN}{forged}</e>{good}")),
        ("xsw7-forged-in-an-extension-of-the-signed", after_issuer(good, &format!("{FOREIGN}{forged}</e>"))),
        ("xsw8-signed-in-an-object-of-the-forged", format!("{}{good}", p.forging(&p.object(bare)))),
        ("xsw-forged-in-the-signed-ones-key-info", changed(good, "</ds:KeyInfo>", &format!("{forged}</ds:KeyInfo>"))),
        ("xsw-one-id-twice-forged-first", format!("{}{good}", same_id(forged))),
        ("xsw-one-id-twice-forged-last", format!("{good}{}", same_id(forged))),
    ] {
        corpus.refused(name, about, Twice, &security);
    }
    let about = "the good signature moved to a forged assertion under its own ID: the reference is to another";
    corpus.refused("xsw-signature-of-another-assertion", about, SignatureReference, &p.forging(&p.signature));
    let about = "a forged assertion under the signed one's ID, the content changed";
    let moved = after_issuer(&same_id(forged), &p.signature);
    corpus.refused("xsw-signature-of-another-content", about, Cause::SignatureInvalid, &moved);
    let about = "the signature below the Subject: it must be a child of what it signs";
    let below = changed(bare, "<saml2:Subject>", &format!("<saml2:Subject>{}", p.signature));
    corpus.refused("signature-in-the-subject", about, SignatureReference, &below);
    let about = "the signature beside the assertion: it must be its child";
    corpus.refused("signature-beside", about, SignatureReference, &format!("{bare}{}", p.signature));
    let about = "two signatures on one assertion: which one counts would be chance";
    corpus.refused("two-signatures", about, SignatureReference, &after_issuer(good, &p.signature));
    let about = "a signature inside an attribute's value, which the first reader by name would find";
    let inside = changed(
        good,
        "<saml2:AttributeValue",
        &format!("<saml2:AttributeValue>{}</saml2:AttributeValue><saml2:AttributeValue", p.signature),
    );
    corpus.refused("signature-in-a-value", about, SignatureReference, &inside);
    let about = "an Object in the signature: it could hold anything, unsigned";
    let empty = p.good.replace("</ds:Signature>", "<ds:Object></ds:Object></ds:Signature>");
    corpus.refused("object-in-the-signature", about, AssertionMalformed, &empty);
    let about = "no signature at all";
    corpus.refused("unsigned", about, Cause::AssertionUnsigned, bare);
}

fn same_id(forged: &str) -> String {
    changed(forged, "_f0123456789abcdef", ID)
}

/// Other bearers of the signed ID.
fn identified(corpus: &mut Corpus<'_>, p: &Parts) {
    let about = "another element bears the signed ID under a name that some readers take for an ID";
    for (name, attribute) in [
        ("id-again-as-id", "Id"),
        ("id-again-as-lower-case", "id"),
        ("id-again-as-xml-id", "xml:id"),
        ("id-again-as-assertion-id", "AssertionID"),
        ("id-again-as-wsu-id", "xmlns:w=\"urn:w\" w:Id"),
    ] {
        let beside = format!("<e {attribute}=\"{ID}\"></e>{}", p.good);
        corpus.refused(name, about, Cause::SignatureReference, &beside);
    }
    let about = "another element inside the assertion bears its ID, signed by the same key";
    let inside = changed(&p.bare, "<saml2:NameID>", &format!("<saml2:NameID ID=\"{ID}\">"));
    let signed = after_issuer(&inside, &corpus.workshop.craft(&p.bare).signature());
    corpus.refused("id-again-inside", about, Cause::SignatureReference, &signed);
}

/// Assertions and signatures outside wsse:Security.
fn elsewhere(corpus: &mut Corpus<'_>, p: &Parts) {
    let workshop = corpus.workshop;
    let about = "the signed assertion elsewhere in the header, the forged one where it is read";
    let beside = |message: String, what: &str| {
        changed(&message, "</soap:Header>", &format!("{FOREIGN}{what}</e></soap:Header>"))
    };
    let message = beside(workshop.envelope(&p.forging(&p.signature)), &p.bare);
    corpus.message("forged-read-signed-elsewhere", about, Cause::SignatureReference, message);
    let about = "a second assertion elsewhere in the header: one message brings one";
    let message = beside(workshop.envelope(&p.good), &p.forged);
    corpus.message("forged-elsewhere-in-the-header", about, Cause::AssertionDuplicated, message);
    let about = "an assertion in the header but not in wsse:Security is nobody's";
    let message = beside(workshop.envelope(""), &p.good);
    corpus.message("signed-outside-security", about, Cause::AssertionMissing, message);
    let about = "the signature in another header block signs what is read, but is no child of it";
    let message = beside(workshop.envelope(&p.bare), &p.signature);
    corpus.message("signature-in-another-header", about, Cause::SignatureReference, message);
    let about = "the forged assertion in a second wsse:Security";
    let second =
        "<w:Security xmlns:w=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\">";
    let message = changed(
        &workshop.envelope(&p.good),
        "</soap:Header>",
        &format!("{second}{}</w:Security></soap:Header>", p.forged),
    );
    corpus.message("forged-in-a-second-security", about, Cause::AssertionDuplicated, message);
}

/// Assertions that a rightly signed one holds: the signer put them there.
fn nested(corpus: &mut Corpus<'_>, p: &Parts) {
    let workshop = corpus.workshop;
    let value = format!(
        "<saml2:Attribute Name=\"x\"><saml2:AttributeValue>{}</saml2:AttributeValue></saml2:Attribute>",
        p.forged
    );
    let inside = changed(&p.bare, "</saml2:AttributeStatement>", &format!("{value}</saml2:AttributeStatement>"));
    let about = "a rightly signed assertion with another one in an attribute's value";
    corpus.refused("assertion-in-a-value", about, Cause::AssertionDuplicated, &workshop.crafted(&inside));
    let advice = |inside: &str| {
        changed(
            &p.bare,
            "<saml2:AuthnStatement",
            &format!("<saml2:Advice>{inside}</saml2:Advice><saml2:AuthnStatement"),
        )
    };
    let about = "a rightly signed assertion with another one in its Advice";
    corpus.refused("assertion-in-the-advice", about, Cause::AssertionDuplicated, &workshop.crafted(&advice(&p.forged)));
    let about = "a rightly signed assertion with an Advice: nothing that is not read is let through";
    corpus.refused("empty-advice", about, Cause::AssertionMalformed, &workshop.crafted(&advice("")));
    let about = "the reference is to the Conditions inside the assertion, and its digest right: the rest is unsigned";
    let conditions = changed(&p.bare, "<saml2:Conditions ", "<saml2:Conditions ID=\"_c1\" ");
    let only = reference(Some("#_c1"), &usual(), uri::SHA256, "");
    let signed = workshop.filled(&conditions, &only, uri::EXC_C14N);
    corpus.refused("signature-over-the-conditions", about, Cause::SignatureReference, &signed);
}
