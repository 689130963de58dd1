//! Claims: what a rightly signed assertion may not say. The signatures are good.

use std::time::Duration;

use jiff::SignedDuration;
use space::{Cause, ProfessionalId};

use super::{
    Corpus,
    workshop::{ID, changed},
};
use crate::VihfRequest;

pub(super) fn add(corpus: &mut Corpus<'_>) {
    times(corpus);
    names(corpus);
    holder(corpus);
    values(corpus);
    shapes(corpus);
    namespaces(corpus);
}

fn signed(
    corpus: &mut Corpus<'_>,
    name: &str,
    about: &'static str,
    cause: Cause,
    change: impl FnOnce(&mut VihfRequest),
) {
    let mut request = corpus.workshop.request();
    change(&mut request);
    let text = corpus.workshop.signed(&request);
    corpus.refused(name, about, cause, &text);
}

/// The good text with one thing changed before it is signed.
fn edited(corpus: &mut Corpus<'_>, name: &str, about: &'static str, cause: Cause, from: &str, to: &str) {
    let text = changed(&corpus.workshop.unsigned(), from, to);
    let text = corpus.workshop.crafted(&text);
    corpus.refused(name, about, cause, &text);
}

fn times(corpus: &mut Corpus<'_>) {
    use Cause::{AssertionExpired, AssertionMalformed, AssertionNotYetValid};
    let hours = |n: i64| SignedDuration::from_hours(n);
    signed(corpus, "expired-by-its-conditions", "its NotOnOrAfter has passed", AssertionExpired, |r| {
        r.issued -= SignedDuration::from_mins(30);
        r.validity = Some(Duration::from_secs(300));
    });
    signed(corpus, "expired-by-its-age", "issued a day ago, with conditions that last a year", AssertionExpired, |r| {
        r.issued -= hours(24);
        r.validity = Some(Duration::from_secs(365 * 86_400));
    });
    signed(corpus, "expired-without-conditions", "issued a day ago, without conditions", AssertionExpired, |r| {
        r.issued -= hours(24);
        r.validity = None;
    });
    signed(corpus, "not-yet-issued", "issued in an hour", AssertionNotYetValid, |r| r.issued += hours(1));
    let issued = crate::vihf::instant(corpus.workshop.request().issued);
    let begins = format!("NotBefore=\"{issued}\"");
    let about = "conditions that begin in a century";
    edited(corpus, "not-yet-valid", about, AssertionNotYetValid, &begins, "NotBefore=\"2126-01-01T00:00:00Z\"");
    let about = "an instant without time zone: whose clock would it be?";
    edited(corpus, "instant-without-zone", about, AssertionMalformed, &begins, &begins.replace('Z', ""));
    let about = "an instant that is not one";
    edited(corpus, "instant-of-nonsense", about, AssertionMalformed, &begins, "NotBefore=\"2026-02-30T25:61:00Z\"");
    let about = "no IssueInstant";
    edited(corpus, "issue-instant-absent", about, AssertionMalformed, &format!(" IssueInstant=\"{issued}\""), "");
    let about = "a condition that is not understood makes the assertion invalid (SAML 2.0 core §2.5.1.1)";
    let unknown = "><saml2:OneTimeUse></saml2:OneTimeUse></saml2:Conditions>";
    edited(corpus, "condition-not-understood", about, AssertionMalformed, "></saml2:Conditions>", unknown);
    let about = "an audience that is not ours";
    let audience = "><saml2:AudienceRestriction><saml2:Audience>urn:autre</saml2:Audience></saml2:AudienceRestriction></saml2:Conditions>";
    edited(corpus, "audience-of-another", about, AssertionMalformed, "></saml2:Conditions>", audience);
    let about = "conditions twice: which ones hold?";
    edited(
        corpus,
        "conditions-twice",
        about,
        AssertionMalformed,
        "<saml2:AuthnStatement",
        "<saml2:Conditions></saml2:Conditions><saml2:AuthnStatement",
    );
}

/// Issuer and subject.
fn names(corpus: &mut Corpus<'_>) {
    use Cause::{AssertionMalformed, IssuerMismatch};
    let name = corpus.workshop.request().signer.subject().to_rfc4514();
    let reversed = name.split(',').rev().collect::<Vec<_>>().join(",");
    for (which, about, issuer) in [
        ("issuer-of-another", "an issuer that is not the signer's name", "CN=899900000999,O=AUTRE,C=FR".to_owned()),
        ("issuer-reversed", "the signer's name in the other order", reversed),
        (
            "issuer-homoglyph",
            "the signer's name with a Cyrillic letter",
            changed(&name, "PASSERELLE", "P\u{410}SSERELLE"),
        ),
        ("issuer-longer", "the signer's name under another root", format!("{name},DC=exemple")),
        ("issuer-shorter", "the signer's name without its country", changed(&name, ",C=FR", "")),
        ("issuer-empty", "no name", String::new()),
    ] {
        signed(corpus, which, about, IssuerMismatch, |r| r.issuer = Some(issuer));
    }
    let about = "an issuer whose name has a comment in it: two readers, two names";
    edited(corpus, "issuer-with-a-comment", about, AssertionMalformed, ",C=FR<", ",C=FR<!-- x --><");
    let about = "an issuer of another format than a certificate's name";
    edited(corpus, "issuer-format", about, AssertionMalformed, "X509SubjectName", "entity");
    let subject = corpus.workshop.request().subject;
    let (head, tail) = subject.as_str().split_at(6);
    let about = "a user other than the card's holder";
    let other = ProfessionalId::parse("899900009999").expect("an identifier");
    signed(corpus, "subject-of-another", about, Cause::PeerMismatch, |r| r.subject = other);
    let whole = format!(">{}<", subject.as_str());
    for (which, about, cause, to) in [
        (
            "subject-with-a-comment",
            "a comment in the user's identifier (CVE-2017-11427): a careless reader reads half of it",
            AssertionMalformed,
            format!(">{head}<!-- x -->{tail}<"),
        ),
        (
            "subject-with-an-instruction",
            "a processing instruction in the user's identifier",
            AssertionMalformed,
            format!(">{head}<?x y?>{tail}<"),
        ),
        (
            "subject-with-an-element",
            "an element in the user's identifier",
            AssertionMalformed,
            format!(">{head}<x></x>{tail}<"),
        ),
        (
            "subject-with-a-byte-order-mark",
            "a byte order mark in the user's identifier",
            Cause::ProfessionalIdInvalid,
            format!(">\u{feff}{}<", subject.as_str()),
        ),
        (
            "subject-in-full-width-digits",
            "the user's identifier in digits of another width",
            Cause::ProfessionalIdInvalid,
            format!(">{}<", wide(subject.as_str())),
        ),
    ] {
        edited(corpus, which, about, cause, &whole, &to);
    }
    let about = "two names of the user";
    let name = format!("<saml2:NameID>{}</saml2:NameID>", subject.as_str());
    edited(corpus, "subject-twice", about, AssertionMalformed, &name, &name.repeat(2));
}

/// Digits as their full-width forms.
fn wide(digits: &str) -> String {
    digits.chars().map(|c| c.to_digit(10).and_then(|d| char::from_u32(0xff10 + d)).unwrap_or(c)).collect()
}

/// The holder's identifier.
fn holder(corpus: &mut Corpus<'_>) {
    let (cx, other) = corpus.workshop.holders();
    let (head, tail) = cx.split_at(7);
    let number = &cx[..15];
    let (whole, invalid) = (format!(">{cx}<"), Cause::InsInvalid);
    for (name, about, cause, to) in [
        (
            "resource-id-with-blank-before",
            "a blank before the holder's identifier: an identifier is exact",
            invalid,
            format!("> {cx}<"),
        ),
        ("resource-id-with-line-feed-after", "a line feed after the holder's identifier", invalid, format!(">{cx}\n<")),
        ("resource-id-with-no-break-space", "a no-break space after it", invalid, format!(">{cx}\u{a0}<")),
        ("resource-id-with-blank-inside", "a blank inside it", invalid, format!(">{head} {tail}<")),
        ("resource-id-with-tab-inside", "a tabulation inside it", invalid, format!(">{head}&#9;{tail}<")),
        (
            "resource-id-with-zero-width-space",
            "a character inside it that is not seen",
            invalid,
            format!(">{head}\u{200b}{tail}<"),
        ),
        (
            "resource-id-in-full-width-digits",
            "digits of another width",
            invalid,
            format!(">{}{}<", wide(number), &cx[15..]),
        ),
        (
            "resource-id-with-a-homoglyph",
            "a separator that looks like ours",
            invalid,
            format!(">{}<", cx.replacen('^', "\u{2c4}", 1)),
        ),
        (
            "resource-id-with-a-comment",
            "a comment inside it",
            Cause::AssertionMalformed,
            format!(">{head}<!-- x -->{tail}<"),
        ),
        ("resource-id-empty", "an empty identifier", invalid, "><".to_owned()),
        (
            "resource-id-of-another-register",
            "a register that does not exist",
            invalid,
            format!(">{}<", changed(&cx, "1.2.250.1.213.1.4.", "1.2.250.1.213.1.5.")),
        ),
        (
            "resource-id-overlong",
            "an identifier of two thousand characters",
            invalid,
            format!(">{}{}<", "1".repeat(2000), &cx[15..]),
        ),
        (
            "resource-id-with-parts-between",
            "something in the parts that must be empty: another reader may take it",
            invalid,
            format!(">{}<", changed(&cx, "^^^", "^x^y^")),
        ),
        (
            "resource-id-twice",
            "two holders in one attribute",
            Cause::AssertionMalformed,
            format!(">{cx}</saml2:AttributeValue><saml2:AttributeValue>{other}<"),
        ),
    ] {
        edited(corpus, name, about, cause, &whole, &to);
    }
    let about = "two attributes of the same name, each with its holder";
    let attribute = "<saml2:Attribute Name=\"Ressource_URN\">";
    let again = format!(
        "<saml2:Attribute Name=\"urn:oasis:names:tc:xacml:2.0:resource:resource-id\"><saml2:AttributeValue>{other}</saml2:AttributeValue></saml2:Attribute>{attribute}"
    );
    edited(corpus, "resource-id-attribute-twice", about, Cause::AssertionMalformed, attribute, &again);
}

fn values(corpus: &mut Corpus<'_>) {
    use Cause::{AssertionMalformed, ClaimInvalid, ClaimMissing};
    let role = "urn:oasis:names:tc:xacml:2.0:subject:role";
    let nurse = "code=\"60\" codeSystem=\"1.2.250.1.71.1.2.7\"";
    for (name, about, cause, from, to) in [
        ("vihf-version-2", "a version that is not served", ClaimInvalid, ">3.0<", ">2.0<"),
        ("vihf-version-5", "a version nobody has written", ClaimInvalid, ">3.0<", ">5.0<"),
        (
            "saml-version-1",
            "a version of SAML that is not served",
            AssertionMalformed,
            " Version=\"2.0\"",
            " Version=\"1.1\"",
        ),
        ("mode-unknown", "an authentication mode that does not exist", ClaimInvalid, ">DIRECTE<", ">DIRECT<"),
        (
            "mode-homoglyph",
            "an authentication mode with a Cyrillic letter",
            ClaimInvalid,
            ">DIRECTE<",
            ">DIR\u{415}CTE<",
        ),
        ("mode-of-a-seal", "an indirect mode signed by a card", Cause::ModeMismatch, ">DIRECTE<", ">INDIRECTE<"),
        ("resource-of-another-kind", "another resource than the DMP's", ClaimInvalid, ">urn:dmp<", ">urn:dcc<"),
        ("sector-without-system", "a sector without its code system", ClaimInvalid, "^1.2.250.1.71.4.2.4<", "<"),
        (
            "sector-of-another-system",
            "a sector of another code system",
            ClaimInvalid,
            "^1.2.250.1.71.4.2.4<",
            "^1.2.250.1.71.4.2.5<",
        ),
        ("purpose-unknown", "a purpose that does not exist", ClaimInvalid, "code=\"normal\"", "code=\"urgence\""),
        (
            "purpose-of-another-system",
            "a purpose of another code system",
            ClaimInvalid,
            "1.2.250.1.213.1.1.4.248",
            "1.2.250.1.213.1.1.4.247",
        ),
        (
            "profession-of-another",
            "another profession than the card's",
            ClaimInvalid,
            "code=\"10\" codeSystem=\"1.2.250.1.71.1.2.7\"",
            nurse,
        ),
        (
            "profession-of-no-system",
            "a profession of a code system outside the French arc",
            ClaimInvalid,
            "codeSystem=\"1.2.250.1.71.1.2.7\"",
            "codeSystem=\"1.2.3\"",
        ),
        (
            "role-in-another-namespace",
            "a role that is no HL7 element",
            AssertionMalformed,
            "<Role xmlns=\"urn:hl7-org:v3\"",
            "<Role xmlns=\"urn:hl7-org:v2\"",
        ),
        (
            "role-twice-a-profession",
            "two professions: the first one found would count",
            ClaimInvalid,
            "</Role></saml2:AttributeValue>",
            "</Role></saml2:AttributeValue><saml2:AttributeValue><Role xmlns=\"urn:hl7-org:v3\" code=\"60\" codeSystem=\"1.2.250.1.71.1.2.7\"></Role></saml2:AttributeValue>",
        ),
        (
            "context-of-no-class",
            "a class of authentication that SAML does not have",
            ClaimInvalid,
            "SAML:2.0:ac:classes:SmartcardPKI",
            "SAML:2.0:ac:classes:",
        ),
        (
            "role-as-xspa",
            "the role under XSPA's name instead of XACML's",
            ClaimMissing,
            role,
            "urn:oasis:names:tc:xspa:1.0:subject:role",
        ),
        ("attribute-twice", "the same attribute twice", AssertionMalformed, "LPS_Version", "LPS_Nom"),
        (
            "mode-in-both-spellings",
            "one claim under both its names, with two values",
            AssertionMalformed,
            "<saml2:Attribute Name=\"Identifiant_Structure\"",
            "<saml2:Attribute Name=\"Authentification_Mode\"><saml2:AttributeValue>INDIRECTE</saml2:AttributeValue></saml2:Attribute><saml2:Attribute Name=\"Identifiant_Structure\"",
        ),
        (
            "secrecy-unknown",
            "a confidentiality that is not known: it is not taken for none",
            ClaimInvalid,
            "<saml2:Attribute Name=\"LPS_Nom\"",
            "<saml2:Attribute Name=\"urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code\"><saml2:AttributeValue>VISIBLE</saml2:AttributeValue></saml2:Attribute><saml2:Attribute Name=\"LPS_Nom\"",
        ),
        ("value-with-a-comment", "a comment in a value", AssertionMalformed, ">urn:dmp<", ">urn:<!-- x -->dmp<"),
        (
            "value-with-an-instruction",
            "a processing instruction in a value",
            AssertionMalformed,
            ">urn:dmp<",
            ">urn:<?x?>dmp<",
        ),
        ("value-around-an-element", "an element around a value", AssertionMalformed, ">urn:dmp<", "><x>urn:dmp</x><"),
    ] {
        edited(corpus, name, about, cause, from, to);
    }
    signed(corpus, "structure-of-another", "another structure than the card's", Cause::StructureMismatch, |r| {
        r.structure = crate::vectors::claims::structure();
    });
    signed(corpus, "claims-missing", "an attribute that must be there is not", ClaimMissing, |r| {
        r.omit = vec!["VIHF_Version".into()];
    });
}

fn structure() -> space::StructureId {
    space::StructureId::parse("499900000001002").expect("a structure")
}

/// Elements of the assertion.
fn shapes(corpus: &mut Corpus<'_>) {
    use Cause::AssertionMalformed;
    for (name, about, from, to) in [
        (
            "statement-twice",
            "two statements of attributes",
            "</saml2:Assertion>",
            "<saml2:AttributeStatement></saml2:AttributeStatement></saml2:Assertion>",
        ),
        (
            "statement-of-another-kind",
            "a statement that is not known (a decision, made by the caller)",
            "<saml2:AttributeStatement>",
            "<saml2:AuthzDecisionStatement></saml2:AuthzDecisionStatement><saml2:AttributeStatement>",
        ),
        (
            "attribute-encrypted",
            "an encrypted attribute",
            "<saml2:Attribute Name=\"LPS_Nom\"",
            "<saml2:EncryptedAttribute></saml2:EncryptedAttribute><saml2:Attribute Name=\"LPS_Nom\"",
        ),
        (
            "attribute-nameless",
            "an attribute without name",
            "<saml2:Attribute Name=\"LPS_Nom\"",
            "<saml2:Attribute FriendlyName=\"LPS_Nom\"",
        ),
        (
            "attribute-without-value",
            "an attribute without value",
            "<saml2:Attribute Name=\"LPS_Nom\"",
            "<saml2:Attribute Name=\"x\"></saml2:Attribute><saml2:Attribute Name=\"LPS_Nom\"",
        ),
        (
            "context-twice",
            "two contexts of authentication",
            "</saml2:AuthnContext>",
            "</saml2:AuthnContext><saml2:AuthnContext></saml2:AuthnContext>",
        ),
        (
            "foreign-child",
            "an element of another namespace in the assertion",
            "<saml2:AuthnStatement",
            "<x xmlns=\"urn:exemple\"></x><saml2:AuthnStatement",
        ),
    ] {
        edited(corpus, name, about, AssertionMalformed, from, to);
    }
    let about = "an assertion of SAML 1.1";
    let text = corpus
        .workshop
        .good()
        .replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:1.0:assertion");
    corpus.refused("assertion-of-saml-1", about, Cause::AssertionMissing, &text);
    let about = "a namespace that looks like SAML's";
    let text = corpus
        .workshop
        .good()
        .replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:o\u{430}sis:names:tc:SAML:2.0:assertion");
    corpus.refused("assertion-of-a-namespace-that-looks-like-samls", about, Cause::AssertionMissing, &text);
    let about = "an encrypted assertion: nothing here can read it";
    let text = "<saml2:EncryptedAssertion xmlns:saml2=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>";
    corpus.refused("assertion-encrypted", about, Cause::AssertionMissing, text);
    let about = "an assertion of 70 KB";
    let long = "x".repeat(70_000);
    signed(corpus, "assertion-huge", about, Cause::TooLarge, |r| r.homologation = long);
}

/// The same prefix, another namespace.
fn namespaces(corpus: &mut Corpus<'_>) {
    use Cause::{AssertionMalformed, SignatureInvalid};
    let about = "the prefix of SAML bound to something else around an attribute";
    let from = "<saml2:Attribute Name=\"LPS_Nom\"";
    let to = "<saml2:Attribute xmlns:saml2=\"urn:exemple\" Name=\"LPS_Nom\"";
    edited(corpus, "prefix-bound-anew", about, AssertionMalformed, from, to);
    let good = corpus.workshop.good();
    let about = "the prefix of SAML bound anew after signing";
    corpus.refused("prefix-bound-anew-after-signing", about, SignatureInvalid, &changed(&good, from, to));
    let about = "the statement under a prefix of another namespace after signing";
    let moved = changed(&good, "<saml2:AttributeStatement>", "<saml2:AttributeStatement xmlns:saml2=\"urn:exemple\">");
    corpus.refused("statement-bound-anew-after-signing", about, SignatureInvalid, &moved);
    let about = "a prefix that the signature uses, taken from around the assertion and bound to something else";
    let text = corpus.workshop.unsigned().replacen(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"", "", 1);
    let under = |uri: &str, text: &str| format!("<r xmlns=\"urn:r\" xmlns:xsi=\"{uri}\">{text}</r>");
    let around = under("http://www.w3.org/2001/XMLSchema-instance", &text);
    let digest = {
        let signed = corpus.workshop.filled(
            &around,
            &super::workshop::reference(
                Some(&format!("#{ID}")),
                &super::workshop::usual(),
                bergshamra_core::algorithm::SHA256,
                "",
            ),
            bergshamra_core::algorithm::EXC_C14N,
        );
        super::workshop::between(&signed, "<ds:DigestValue>", "<").to_owned()
    };
    let mut craft = corpus.workshop.craft(&corpus.workshop.unsigned());
    craft.references = super::workshop::reference(
        Some(&format!("#{ID}")),
        &super::workshop::usual(),
        bergshamra_core::algorithm::SHA256,
        &digest,
    );
    let text = corpus.workshop.with(&text, &craft);
    corpus.refused("prefix-from-around-bound-anew", about, SignatureInvalid, &under("urn:autre", &text));
    let message = corpus.workshop.envelope(&under("http://www.w3.org/2001/XMLSchema-instance", &text));
    corpus.accepted(
        "sound-namespaces-from-around",
        "a prefix declared above the assertion, as it was when it was signed",
        message,
    );
}
