//! KeyInfo and signers: another's key beside a trusted name, and certificates that may not sign.

use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_core::algorithm as uri;
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use space::Cause;

use super::{
    Corpus,
    workshop::{Craft, DSIG, Hand, after_issuer, changed, key_info, named},
};
use crate::{IssueRequest, KeyType, Kind, Peer, SigningKey, VihfRequest};

pub(super) fn add(corpus: &mut Corpus<'_>) {
    key_infos(corpus);
    several(corpus);
    signers(corpus);
    issued(corpus);
}

/// `KeyValue` of a P-256 key.
fn key_value(peer: &Peer) -> String {
    let point = &peer.spki()[peer.spki().len() - 65..];
    format!(
        "<ds:KeyValue><k:ECKeyValue xmlns:k=\"http://www.w3.org/2009/xmldsig11#\"><k:NamedCurve \
         URI=\"urn:oid:1.2.840.10045.3.1.7\"></k:NamedCurve><k:PublicKey>{}</k:PublicKey></k:ECKeyValue></ds:KeyValue>",
        STANDARD.encode(point)
    )
}

/// What KeyInfo holds instead of the signer's certificate. The signatures are an outsider's, and good under its key.
fn key_infos(corpus: &mut Corpus<'_>) {
    let workshop = corpus.workshop;
    let text = workshop.forged().replace("_f0123456789abcdef", super::workshop::ID);
    let outsider = workshop.foreign();
    let trusted = workshop.request().signer;
    let certificate = |peer: &Peer| {
        format!("<ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>", STANDARD.encode(peer.der()))
    };
    let value = key_value(&outsider.signer);
    let craft = |inside: &str| {
        let craft = workshop.craft(&text);
        let key_info = format!("<ds:KeyInfo>{inside}</ds:KeyInfo>");
        workshop.with(&text, &Craft { key_info, hand: Hand::Key(outsider.key.clone()), ..craft })
    };
    let name = "<ds:KeyName>vecteur</ds:KeyName>";
    let remote = "<ds:RetrievalMethod URI=\"http://127.0.0.1:9/cert\" Type=\"http://www.w3.org/2000/09/xmldsig#X509Data\"></ds:RetrievalMethod>";
    let elsewhere =
        "<ds:KeyInfoReference xmlns:k=\"http://www.w3.org/2009/xmldsig11#\" URI=\"#k\"></ds:KeyInfoReference>";
    for (which, about, inside, cause) in [
        (
            "key-info-key-value",
            "the outsider's public key and no certificate",
            value.clone(),
            Cause::AssertionMalformed,
        ),
        ("key-info-name-only", "the name of a key", name.to_owned(), Cause::AssertionMalformed),
        (
            "key-info-retrieval",
            "an address to fetch the certificate from",
            remote.to_owned(),
            Cause::AssertionMalformed,
        ),
        ("key-info-reference", "a reference to another KeyInfo", elsewhere.to_owned(), Cause::AssertionMalformed),
        ("key-info-empty", "nothing", String::new(), Cause::AssertionMalformed),
        (
            "key-info-key-value-beside-a-trusted-certificate",
            "the outsider's key, then a trusted certificate: whoever takes the first key believes it",
            format!("{value}{}", certificate(&trusted)),
            Cause::SignatureInvalid,
        ),
        (
            "key-info-swapped",
            "a trusted certificate on the outsider's signature",
            certificate(&trusted),
            Cause::SignatureInvalid,
        ),
        (
            "key-info-trusted-then-outsider",
            "a trusted certificate, then the outsider's, whose signature it is",
            format!("{}{}", certificate(&trusted), certificate(&outsider.signer)),
            Cause::SignatureInvalid,
        ),
        (
            "key-info-outsider-then-trusted",
            "the outsider's certificate, then a trusted one to lean on",
            format!("{}{}", certificate(&outsider.signer), certificate(&trusted)),
            Cause::SignerUntrusted,
        ),
    ] {
        corpus.refused(which, about, cause, &craft(&inside));
    }
}

/// Certificates that are many, split or dressed up; the signatures are good.
fn several(corpus: &mut Corpus<'_>) {
    let workshop = corpus.workshop;
    let text = workshop.unsigned();
    let der = workshop.request().signer.der().to_vec();
    let encoded = STANDARD.encode(&der);
    let (head, tail) = encoded.split_at(40);
    let one = |text: &str| format!("<ds:X509Certificate>{text}</ds:X509Certificate>");
    for (name, about, inside, cause) in [
        (
            "certificates-five",
            "five certificates: no chain of the field is longer than four",
            one(&encoded).repeat(5),
            Cause::AssertionMalformed,
        ),
        (
            "certificate-with-a-comment",
            "a comment inside the certificate",
            one(&format!("{head}<!-- x -->{tail}")),
            Cause::AssertionMalformed,
        ),
        (
            "certificate-as-pem",
            "a certificate with the dashes of PEM",
            one(&format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----")),
            Cause::AssertionMalformed,
        ),
        ("certificate-cut-short", "a certificate without its end", one(&encoded[..400]), Cause::SignerUntrusted),
        ("certificate-empty", "an empty certificate", one(""), Cause::SignerUntrusted),
        (
            "certificate-with-more-after-it",
            "a certificate and a byte after it",
            one(&STANDARD.encode([der.as_slice(), &[0]].concat())),
            Cause::SignerUntrusted,
        ),
        (
            "certificate-of-another-namespace",
            "an X509Certificate that is none of XML-DSig",
            format!("<X509Certificate xmlns=\"urn:exemple\">{encoded}</X509Certificate>"),
            Cause::AssertionMalformed,
        ),
    ] {
        let key_info = format!("<ds:KeyInfo><ds:X509Data>{inside}</ds:X509Data></ds:KeyInfo>");
        let craft = Craft { key_info, ..workshop.craft(&text) };
        corpus.refused(name, about, cause, &workshop.with(&text, &craft));
    }
    let about = "two KeyInfo";
    let twice = changed(&workshop.good(), "</ds:KeyInfo>", &format!("</ds:KeyInfo>{}", key_info(&[&der])));
    corpus.refused("key-info-twice", about, Cause::AssertionMalformed, &twice);
    let about = "no KeyInfo";
    let craft = Craft { key_info: String::new(), ..workshop.craft(&text) };
    corpus.refused("key-info-absent", about, Cause::AssertionMalformed, &workshop.with(&text, &craft));
    let about = "KeyInfo before the value: no order but the schema's";
    let good = workshop.craft(&text).signature();
    let info = key_info(&[&der]);
    let early = changed(&good.replace(&info, ""), "<ds:SignatureValue>", &format!("{info}<ds:SignatureValue>"));
    corpus.refused("key-info-before-the-value", about, Cause::AssertionMalformed, &after_issuer(&text, &early));
    let about = "the signature's elements in another namespace than XML-DSig's";
    let foreign = workshop.good().replace(DSIG, "http://www.w3.org/2000/09/xmldsig");
    corpus.refused("signature-of-another-namespace", about, Cause::AssertionUnsigned, &foreign);
}

/// Cards of the PKI, or of another one, whose holder may not sign now.
fn signers(corpus: &mut Corpus<'_>) {
    let workshop = corpus.workshop;
    for (name, about, request, cause) in [
        (
            "signer-unknown",
            "a card of an authority nobody trusts, which says it is the bearer's",
            workshop.foreign(),
            Cause::SignerUntrusted,
        ),
        ("signer-expired", "a card that has expired", workshop.by("vecteur-perime"), Cause::SignerExpired),
        ("signer-not-yet-valid", "a card that is not valid yet", workshop.by("vecteur-futur"), Cause::SignerExpired),
        (
            "signer-revoked",
            "a card that is on the revocation list (xmlsec1 is given none)",
            workshop.by("vecteur-revoque"),
            Cause::SignerRevoked,
        ),
    ] {
        corpus.refused(name, about, cause, &workshop.signed(&request));
    }
    let structure = workshop.another_structure();
    for (certificate, about, kind, cause) in [
        (
            "vecteur-serveur",
            "a server's certificate: it authenticates no bearer",
            Kind::Server { dns: vec![], ips: vec![] },
            Cause::ModeMismatch,
        ),
        (
            "vecteur-cachet",
            "a structure's seal in direct mode",
            Kind::Seal { id: structure.clone(), organisation: "X".into() },
            Cause::ModeMismatch,
        ),
        (
            "vecteur-auth",
            "a structure's TLS certificate, which is no seal",
            Kind::Structure { id: structure, organisation: "X".into() },
            Cause::ModeMismatch,
        ),
    ] {
        if !workshop.has(certificate) {
            workshop.issue(&IssueRequest { key: KeyType::P256, ..IssueRequest::new(certificate, kind) });
        }
        let name = certificate.replace("vecteur", "signer");
        corpus.refused(&name, about, cause, &workshop.signed(&workshop.by(certificate)));
    }
}

/// Certificates of our own authority that are not what they should be; the signatures are good.
fn issued(corpus: &mut Corpus<'_>) {
    let workshop = corpus.workshop;
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let key = std::sync::Arc::new(SigningKey::from_pem(&pair.serialize_pem()).expect("a key"));
    let by = |der: &[u8]| {
        let signer = Peer::from_der(der).expect("reads");
        workshop.signed(&VihfRequest { signer, key: key.clone(), ..workshop.request() })
    };
    let about = "a card whose key is for encryption only (key usage)";
    let der = workshop.odd(&pair, |p| p.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    corpus.refused("signer-key-usage", about, Cause::SignerUntrusted, &by(&der));
    let about = "a certificate that says it is an authority's: those sign certificates only";
    let der = workshop.odd(&pair, |p| {
        p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        p.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    });
    corpus.refused("signer-authority", about, Cause::SignerUntrusted, &by(&der));
    let about = "a card with a critical extension that nobody here understands";
    let der = workshop.odd(&pair, |p| {
        let mut unknown = rcgen::CustomExtension::from_oid_content(&[1, 2, 250, 1, 999, 9], vec![0x05, 0x00]);
        unknown.set_criticality(true);
        p.custom_extensions.push(unknown);
    });
    corpus.refused("signer-critical-extension", about, Cause::SignerUntrusted, &by(&der));
    let about = "a key on a curve that is not admitted (secp256k1), in a certificate of our own authority";
    let file = workshop.openssl_key_file("k1.pem", "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1");
    let der = workshop.openssl_certificate(&file);
    let text = workshop.unsigned();
    let craft = workshop.craft(&text);
    let craft = Craft {
        key_info: key_info(&[&der]),
        hand: Hand::Bytes(vec![1; 64]),
        method: named("SignatureMethod", uri::ECDSA_SHA256, ""),
        ..craft
    };
    corpus.refused("signer-curve", about, Cause::SignatureAlgorithm, &workshop.with(&text, &craft));
    let about = "a card signed by the bearer's own card, which is no authority";
    let der = workshop.below_the_card(&pair, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let signer = Peer::from_der(&der).expect("reads");
    let request = VihfRequest { signer, key: key.clone(), ..workshop.request() };
    let chained = changed(
        &workshop.signed(&request),
        "</ds:X509Certificate>",
        &format!(
            "</ds:X509Certificate><ds:X509Certificate>{}</ds:X509Certificate>",
            STANDARD.encode(workshop.request().signer.der())
        ),
    );
    corpus.refused("signer-issued-by-a-card", about, Cause::SignerUntrusted, &chained);
    let about = "a certificate the outsider signed himself, under the card's own name";
    let der = workshop.self_signed(&pair);
    corpus.refused("signer-self-signed", about, Cause::SignerUntrusted, &by(&der));
}
