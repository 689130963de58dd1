//! Signature wrapping (XSW 1–8 of Somorovsky et al.) in whole messages: a forged assertion about another holder beside,
//! around or inside one that is rightly signed. None is ever accepted, none stores or shows anything.

use testkit::{Gateway, TestDocument, soap};

use crate::support::{Caller, envelope_of, faulted, stored, succeeded};

const EMPTY: &str = "<e xmlns=\"urn:exemple\">";

/// A good assertion about one holder, and what forgeries are made of.
struct Parts {
    good: String,
    /// Without its signature.
    bare: String,
    signature: String,
    /// About the other holder, without signature, under another ID.
    forged: String,
}

fn parts(good: &str, ins: &str, other: &str) -> Parts {
    let start = good.find("<ds:Signature").expect("a signature");
    let end = good.find("</ds:Signature>").expect("its end") + "</ds:Signature>".len();
    let bare = [&good[..start], &good[end..]].concat();
    let forged = bare.replace(ins, other).replacen("ID=\"_", "ID=\"_f", 1);
    assert_ne!(forged, bare);
    Parts { good: good.to_owned(), bare, signature: good[start..end].to_owned(), forged }
}

impl Parts {
    /// The signature with an object inside it.
    fn object(&self, inside: &str) -> String {
        self.signature.replace("</ds:Signature>", &format!("<ds:Object>{inside}</ds:Object></ds:Signature>"))
    }
}

/// Right after the Issuer of an assertion.
fn after_issuer(assertion: &str, inside: &str) -> String {
    assertion.replacen("</saml2:Issuer>", &format!("</saml2:Issuer>{inside}"), 1)
}

/// At the end of an assertion.
fn at_end(assertion: &str, inside: &str) -> String {
    let end = assertion.rfind("</saml2:Assertion>").expect("an end");
    [&assertion[..end], inside, &assertion[end..]].concat()
}

/// What stands in wsse:Security, by form.
fn forms(p: &Parts) -> Vec<(&'static str, String)> {
    let same_id = p.forged.replacen("ID=\"_f", "ID=\"_", 1);
    vec![
        ("1: forged around its signature around the signed", after_issuer(&p.forged, &p.object(&p.bare))),
        ("2: forged, detached signature, signed", format!("{}{}{}", p.forged, p.signature, p.bare)),
        ("3: forged before the signed", format!("{}{}", p.forged, p.good)),
        ("3b: forged after the signed", format!("{}{}", p.good, p.forged)),
        ("4: signed inside the forged", at_end(&p.forged, &p.good)),
        ("5: signature in the forged, signed beside", format!("{}{}", after_issuer(&p.forged, &p.signature), p.bare)),
        ("5b: signed beside, signature in the forged", format!("{}{}", p.bare, after_issuer(&p.forged, &p.signature))),
        ("6: signed inside the signature inside the forged", at_end(&p.forged, &p.object(&p.bare))),
        ("7: forged under an extension", format!("{EMPTY}{}</e>{}", p.forged, p.good)),
        ("7b: forged in an extension of the signed", after_issuer(&p.good, &format!("{EMPTY}{}</e>", p.forged))),
        ("8: signed in an object of the forged", format!("{}{}", after_issuer(&p.forged, &p.object(&p.bare)), p.good)),
        ("one ID twice", format!("{same_id}{}", p.good)),
        ("one ID twice, forged last", format!("{}{same_id}", p.good)),
        ("signature of another assertion", after_issuer(&p.forged, &p.signature)),
        ("signature of another assertion under its ID", after_issuer(&same_id, &p.signature)),
    ]
}

const REFUSED: [&str; 5] =
    ["assertion_duplicated", "assertion_malformed", "assertion_unsigned", "signature_invalid", "signature_reference"];

#[tokio::test]
async fn no_form_of_signature_wrapping_is_accepted() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let good = physician.vihf.clone();
    let (ins, other) = (physician.ins.clone(), gateway.ins(1).to_owned());
    let parts = parts(&good, &ins, &other);
    let before = stored(&gateway);
    // The forgery would open the other holder's space: the messages are about that one.
    physician.ins = other;
    for (form, security) in forms(&parts) {
        physician.vihf = security;
        for reply in [
            physician.deposit(&TestDocument::biology()).await,
            physician.find("").await,
            physician.retrieve("1.2.250.1.999.7.1.2.1").await,
        ] {
            let envelope = envelope_of(&reply);
            let code = soap::fault_code(&envelope).unwrap_or_else(|| panic!("{form}: {envelope}"));
            assert!(REFUSED.contains(&code.as_str()), "{form}: {code}");
            assert_eq!(reply.status, 400, "{form}");
        }
    }
    assert_eq!(stored(&gateway), before);
    assert_eq!(physician.client.connections, 1);
    (physician.ins, physician.vihf) = (ins, good);
    physician.put(&TestDocument::biology()).await;
}

#[tokio::test]
async fn an_assertion_hidden_elsewhere_in_the_message_lends_nothing() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let parts = parts(&physician.vihf, &physician.ins, gateway.ins(1));
    let query = soap::find_documents(gateway.ins(1), soap::APPROVED, "");
    let action = "urn:ihe:iti:2007:RegistryStoredQuery";
    let forged = after_issuer(&parts.forged, &parts.signature);
    let message = soap::envelope(action, &forged, &query);
    let in_header = message.replace("</soap:Header>", &format!("{EMPTY}{}</e></soap:Header>", parts.bare));
    let in_body = message.replace("</ns3:AdhocQueryRequest>", &format!("{}</ns3:AdhocQueryRequest>", parts.bare));
    let second_security = soap::envelope(action, &parts.good, &query).replace(
        "<wsse:Security",
        &format!(
            "<w:Security xmlns:w=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\">{}</w:Security><wsse:Security",
            parts.forged
        ),
    );
    for message in [in_header, in_body, second_security] {
        let reply = physician.post_envelope(soap::REGISTRY, message).await;
        let code = soap::fault_code(&reply.text()).unwrap_or_else(|| panic!("{}", reply.text()));
        assert!(REFUSED.contains(&code.as_str()) || code == "malformed_soap", "{code}");
    }
    let outside = soap::envelope(action, "", &query)
        .replace("</soap:Header>", &format!("{EMPTY}{}</e></soap:Header>", parts.good));
    faulted(&physician.post_envelope(soap::REGISTRY, outside).await, 400, "assertion_missing");
    succeeded(&physician.find("").await);
    assert_eq!(physician.client.connections, 1);
}
