//! Algorithms: weak ones, confused ones, and values that are almost right.

use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_core::algorithm as uri;
use space::Cause;

use super::{
    Corpus,
    workshop::{Craft, Hand, ID, changed, key_info, named, reference, usual},
};

const HMAC_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";

pub(super) fn add(corpus: &mut Corpus<'_>) {
    methods(corpus);
    weak(corpus);
    digests(corpus);
    values(corpus);
}

fn start(corpus: &Corpus<'_>) -> (String, Craft) {
    let text = corpus.workshop.unsigned();
    let craft = corpus.workshop.craft(&text);
    (text, craft)
}

/// The algorithm named is not the key's, or none at all.
fn methods(corpus: &mut Corpus<'_>) {
    let (text, craft) = start(corpus);
    let spki = corpus.workshop.request().signer.spki().to_vec();
    let about = "an HMAC whose secret is the signer's public key: anybody could have made it";
    let confused = Craft { method: named("SignatureMethod", HMAC_SHA256, ""), hand: Hand::Hmac(spki), ..craft.clone() };
    corpus.refused(
        "hmac-with-the-public-key",
        about,
        Cause::SignatureAlgorithm,
        &corpus.workshop.with(&text, &confused),
    );
    let about = "an HMAC whose secret is the certificate";
    let certificate = corpus.workshop.request().signer.der().to_vec();
    let confused =
        Craft { method: named("SignatureMethod", HMAC_SHA256, ""), hand: Hand::Hmac(certificate), ..craft.clone() };
    corpus.refused(
        "hmac-with-the-certificate",
        about,
        Cause::SignatureAlgorithm,
        &corpus.workshop.with(&text, &confused),
    );
    for (name, about, method) in [
        ("method-rsa-for-an-ec-key", "an EC key under an RSA algorithm", named("SignatureMethod", uri::RSA_SHA256, "")),
        ("method-none", "no algorithm, as JWT's \"none\"", named("SignatureMethod", "none", "")),
        ("method-unnamed", "an algorithm without name", named("SignatureMethod", "", "")),
        ("method-dsa", "DSA with SHA-1", named("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#dsa-sha1", "")),
        (
            "method-in-capitals",
            "the algorithm's name in capitals",
            named("SignatureMethod", &uri::ECDSA_SHA256.to_uppercase(), ""),
        ),
        (
            "method-truncated-output",
            "a parameter that truncates what is compared (CVE-2009-0217)",
            named("SignatureMethod", uri::ECDSA_SHA256, "<ds:HMACOutputLength>1</ds:HMACOutputLength>"),
        ),
    ] {
        let craft = Craft { method, ..craft.clone() };
        corpus.refused(name, about, Cause::SignatureAlgorithm, &corpus.workshop.with(&text, &craft));
    }
    let about = "the hash named is not the one signed with";
    let craft = Craft { method: named("SignatureMethod", uri::ECDSA_SHA384, ""), ..craft };
    corpus.refused("method-of-another-hash", about, Cause::SignatureInvalid, &corpus.workshop.with(&text, &craft));
}

/// Keys and hashes that are too weak; the signatures are good.
fn weak(corpus: &mut Corpus<'_>) {
    let workshop = corpus.workshop;
    let (text, craft) = start(corpus);
    let to = format!("#{ID}");
    let (rsa, public) = workshop.openssl_key("rsa-2048.pem", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    let certificate = workshop.odd(&public, |_| ());
    let by_rsa = |method: &str, hash: &'static str| Craft {
        method: named("SignatureMethod", method, ""),
        key_info: key_info(&[&certificate]),
        hand: Hand::Openssl(rsa.clone(), hash),
        ..craft.clone()
    };
    let about = "RSA with SHA-1, refused by policy ([trust] allow_sha1)";
    let mut sha1 = by_rsa(uri::RSA_SHA1, "sha1");
    corpus.refused("rsa-sha1", about, Cause::SignatureAlgorithm, &workshop.with(&text, &sha1));
    let about = "RSA and digest with SHA-1, as in 2019, refused by policy ([trust] allow_sha1)";
    sha1.references = reference(Some(&to), &usual(), uri::SHA1, &workshop.digest(&text, uri::SHA1));
    corpus.refused("rsa-sha1-digest-sha1", about, Cause::SignatureAlgorithm, &workshop.with(&text, &sha1));
    let about = "RSA with MD5";
    let md5 = by_rsa("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", "md5");
    corpus.refused("rsa-md5", about, Cause::SignatureAlgorithm, &workshop.with(&text, &md5));
    let about = "RSA-PSS with SHA-1";
    let pss = by_rsa("http://www.w3.org/2007/05/xmldsig-more#sha1-rsa-MGF1", "sha1");
    corpus.refused("rsa-pss-sha1", about, Cause::SignatureAlgorithm, &workshop.with(&text, &pss));
    let about = "an RSA signature under an ECDSA algorithm";
    let confused = by_rsa(uri::ECDSA_SHA256, "sha256");
    corpus.refused("method-ec-for-an-rsa-key", about, Cause::SignatureAlgorithm, &workshop.with(&text, &confused));

    let about = "a good signature by a key of 1024 bits, in a certificate of our own authority";
    let (small, public) = workshop.openssl_key("rsa-1024.pem", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024");
    let certificate = workshop.odd(&public, |_| ());
    let craft = Craft {
        method: named("SignatureMethod", uri::RSA_SHA256, ""),
        key_info: key_info(&[&certificate]),
        hand: Hand::Openssl(small, "sha256"),
        ..craft
    };
    corpus.refused("rsa-1024", about, Cause::SignatureAlgorithm, &workshop.with(&text, &craft));
}

/// Digests that are weak, short or not digests.
fn digests(corpus: &mut Corpus<'_>) {
    let (text, craft) = start(corpus);
    let workshop = corpus.workshop;
    let (to, digest) = (format!("#{ID}"), workshop.digest(&text, uri::SHA256));
    let raw = STANDARD.decode(&digest).expect("base64");
    let with = |method: &str, digest: &str| {
        let references = reference(Some(&to), &usual(), method, digest);
        workshop.with(&text, &Craft { references, ..craft.clone() })
    };
    let about = "a digest by SHA-1, refused by policy ([trust] allow_sha1)";
    corpus.refused(
        "digest-sha1",
        about,
        Cause::SignatureAlgorithm,
        &with(uri::SHA1, &workshop.digest(&text, uri::SHA1)),
    );
    let about = "a digest by MD5";
    let md5 = "http://www.w3.org/2001/04/xmldsig-more#md5";
    corpus.refused("digest-md5", about, Cause::SignatureAlgorithm, &with(md5, &STANDARD.encode(&raw[..16])));
    let about = "a digest by no algorithm";
    corpus.refused("digest-unnamed", about, Cause::SignatureAlgorithm, &with("", &digest));
    for (name, about, value) in [
        ("digest-truncated", "the first sixteen bytes of the digest", STANDARD.encode(&raw[..16])),
        ("digest-of-one-byte", "the first byte of the digest", STANDARD.encode(&raw[..1])),
        ("digest-empty-after-signing", "no digest", String::new()),
        ("digest-extended", "the digest and a byte more", STANDARD.encode([raw.as_slice(), &[0]].concat())),
        ("digest-of-something-else", "the digest of something else", STANDARD.encode([7; 32])),
        ("digest-not-base64", "a digest that is not base64", "*".repeat(44)),
    ] {
        corpus.refused(name, about, Cause::SignatureInvalid, &with(uri::SHA256, &value));
    }
    let about = "a comment inside the digest: two readers, two digests";
    let (head, tail) = digest.split_at(10);
    let split = with(uri::SHA256, &format!("{head}<!-- x -->{tail}"));
    corpus.refused("digest-with-a-comment", about, Cause::AssertionMalformed, &split);
    let about = "the right digest beside another one";
    let twice = changed(
        &workshop.good(),
        "</ds:DigestValue>",
        &format!("</ds:DigestValue><ds:DigestValue>{digest}</ds:DigestValue>"),
    );
    corpus.refused("digest-twice", about, Cause::AssertionMalformed, &twice);
}

/// Values of an ECDSA signature that are almost one.
fn values(corpus: &mut Corpus<'_>) {
    let (text, craft) = start(corpus);
    let workshop = corpus.workshop;
    let good = craft.signature();
    let value = super::workshop::between(&good, "<ds:SignatureValue>", "<").to_owned();
    let raw = STANDARD.decode(&value).expect("base64");
    let (r, s) = raw.split_at(32);
    let padded = |bytes: &[u8]| [&[0][..], bytes].concat();
    let der = {
        let integer = |bytes: &[u8]| {
            let body = if bytes[0] >= 0x80 { padded(bytes) } else { bytes.to_vec() };
            [&[0x02, body.len() as u8][..], &body].concat()
        };
        let body = [integer(r), integer(s)].concat();
        [&[0x30, body.len() as u8][..], &body].concat()
    };
    for (name, about, bytes) in [
        ("ecdsa-as-der", "the right signature, in DER instead of r and s", der),
        ("ecdsa-padded", "r and s a byte longer than the field", [padded(r), padded(s)].concat()),
        ("ecdsa-zero", "r and s are zero (CVE-2022-21449)", vec![0; 64]),
        ("ecdsa-r-zero", "r is zero", [&[0; 32], s].concat()),
        ("ecdsa-s-is-the-order", "s is the order of the curve", [r, &ORDER].concat()),
        ("ecdsa-all-ones", "r and s beyond the order", vec![0xff; 64]),
        ("ecdsa-swapped", "r and s swapped", [s, r].concat()),
        ("ecdsa-truncated", "r alone", r.to_vec()),
        ("signature-value-empty", "no value", Vec::new()),
        ("signature-value-huge", "a value of 20 KiB", vec![1; 20 * 1024]),
    ] {
        let text = super::workshop::after_issuer(&text, &craft.with_value(&STANDARD.encode(bytes)));
        corpus.refused(name, about, Cause::SignatureInvalid, &text);
    }
    let about = "a comment inside the signature's value";
    let (head, tail) = value.split_at(10);
    let split = super::workshop::after_issuer(&text, &craft.with_value(&format!("{head}<!-- x -->{tail}")));
    corpus.refused("signature-value-with-a-comment", about, Cause::AssertionMalformed, &split);
    let about = "one bit of the value is another";
    let mut other = raw;
    other[40] ^= 1;
    let flipped = super::workshop::after_issuer(&text, &craft.with_value(&STANDARD.encode(other)));
    corpus.refused("signature-value-flipped", about, Cause::SignatureInvalid, &flipped);
    let about = "claims changed after signing";
    let forged = changed(&workshop.good(), &workshop.holders().0, &workshop.holders().1);
    corpus.refused("claims-changed-after-signing", about, Cause::SignatureInvalid, &forged);
}

/// The order of P-256.
pub(super) const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
