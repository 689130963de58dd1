//! Stamps made and judged by OpenSSL, then by us; and what an adversary could send.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use der::Decode;
use jiff::Timestamp;
use proptest::prelude::*;
use rustls_pki_types::CertificateDer;
use x509_tsp::TimeStampReq;

use super::{info::Token, request::integer, *};
use crate::testing::{AUTHORITY, Authority, STAMPING, present};

const NONCE: u64 = 0xfedc_ba98_7654_3210;

fn hash() -> [u8; 32] {
    digest::digest(&digest::SHA256, b"a head of the log").as_ref().try_into().expect("32 bytes")
}

/// How an authority stamps.
struct Manner {
    /// Name of its certificate and key.
    name: &'static str,
    /// What it puts beside its own certificate.
    chain: &'static str,
    digest: &'static str,
    ess: &'static str,
    accepts: &'static str,
}

const USUAL: Manner = Manner { name: "tsa", chain: "ca", digest: "sha256", ess: "sha256", accepts: "sha256" };

impl Manner {
    /// The reply to a request.
    fn stamp(&self, world: &Authority, request: &[u8]) -> Vec<u8> {
        let Self { name, chain, digest, ess, accepts } = self;
        world.write("query.tsq", request);
        world.write(
            "tsa.cnf",
            format!(
                "[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_cert = {name}.pem\ncerts = {chain}.pem\n\
                 signer_key = {name}.key\nsigner_digest = {digest}\ndefault_policy = 1.2.3.4.1\ndigests = {accepts}\n\
                 accuracy = secs:1, millisecs:500\nclock_precision_digits = 3\nordering = yes\ntsa_name = yes\n\
                 ess_cert_id_chain = no\ness_cert_id_alg = {ess}\n"
            ),
        );
        world.openssl("ts -reply -queryfile query.tsq -config tsa.cnf -out reply.tsr");
        world.read("reply.tsr")
    }
}

fn world() -> Authority {
    let world = Authority::new();
    world.issue("ca", "tsa", "P-256", STAMPING);
    world
}

/// The token of the usual authority, with its root.
fn usual(world: &Authority) -> (Vec<u8>, [CertificateDer<'static>; 1]) {
    let reply = USUAL.stamp(world, &request(&hash(), NONCE));
    (token_of(&reply, &hash(), NONCE).expect("a token"), [world.certificate("ca")])
}

/// A stamp of this instant: what the usual authority signs, for others to sign. Their certificates come first, as none
/// is believed for a time before it was made.
fn stamp(world: &Authority) -> Vec<u8> {
    Token::read(&usual(world).0).expect("reads").content
}

/// Signs a stamp otherwise than the authority of OpenSSL would: `options` of `openssl cms -sign`.
fn signed(world: &Authority, stamp: &[u8], options: &str) -> Vec<u8> {
    world.write("stamp.der", stamp);
    world.openssl(&format!(
        "cms -sign -binary -nodetach -in stamp.der -outform DER -out token.der -certfile ca.pem {options}"
    ));
    world.read("token.der")
}

const TST: &str = "-econtent_type 1.2.840.113549.1.9.16.1.4";

#[test]
fn a_request_is_what_the_standard_says_whatever_the_nonce() {
    for nonce in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, NONCE, u64::MAX] {
        let der = request(&hash(), nonce);
        let read = TimeStampReq::from_der(&der).expect("reads");
        assert!(read.cert_req);
        assert_eq!(read.message_imprint.hashed_message.as_bytes(), hash());
        assert_eq!(read.nonce.expect("a nonce").as_bytes(), integer(nonce), "{nonce:x}");
        assert_eq!(der::Encode::to_der(&TimeStampReq::from_der(&der).expect("reads")).expect("writes"), der);
    }
}

#[test]
fn what_openssl_stamps_we_accept_and_what_we_ask_openssl_understands() {
    if !present("openssl") {
        return;
    }
    let world = world();
    for nonce in [NONCE, 0, 0x80] {
        let reply = USUAL.stamp(&world, &request(&hash(), nonce));
        world.openssl("ts -verify -queryfile query.tsq -in reply.tsr -CAfile ca.pem");
        let token = token_of(&reply, &hash(), nonce).expect("a token");
        world.write("token.der", &token);
        world.openssl("ts -verify -queryfile query.tsq -in token.der -token_in -CAfile ca.pem");
        let at = check(&token, &hash(), &[world.certificate("ca")]).expect("a stamp");
        let now = ambient::Clock::now(&*ambient::SystemClock::new());
        assert!(now.duration_since(at).abs() < jiff::SignedDuration::from_mins(5), "{at}");
        let other = nonce ^ 1;
        assert_eq!(token_of(&reply, &hash(), other), Err(TsaError::OtherNonce));
    }
}

#[test]
fn keys_hashes_and_attributes_of_the_field_are_understood() {
    if !present("openssl") {
        return;
    }
    let world = Authority::new();
    world.issue("ca", "sub", "P-384", AUTHORITY);
    for (name, key) in [("tsa-rsa", "rsa"), ("tsa-p256", "P-256"), ("tsa-p384", "P-384")] {
        world.issue("sub", name, key, STAMPING);
        for (digest, ess) in [("sha256", "sha1"), ("sha384", "sha256"), ("sha512", "sha512")] {
            let manner = Manner { name, chain: "sub", digest, ess, accepts: "sha256" };
            let reply = manner.stamp(&world, &request(&hash(), NONCE));
            let token = token_of(&reply, &hash(), NONCE).expect("a token");
            let checked = check(&token, &hash(), &[world.certificate("ca")]);
            assert!(checked.is_ok(), "{name} {digest} {ess}: {checked:?}");
        }
    }
    world.issue("ca", "tsa", "P-256", STAMPING);
    world.issue("ca", "tsa-pss", "rsa", STAMPING);
    let stamp = stamp(&world);
    for (digest, salt, good) in
        [("sha256", 32, true), ("sha384", 48, true), ("sha512", 64, true), ("sha256", 20, false)]
    {
        let options = format!(
            "{TST} -cades -md {digest} -signer tsa-pss.pem -inkey tsa-pss.key -keyopt rsa_padding_mode:pss \
             -keyopt rsa_pss_saltlen:{salt}"
        );
        let checked = check(&signed(&world, &stamp, &options), &hash(), &[world.certificate("ca")]);
        assert_eq!(checked.is_ok(), good, "PSS {digest} {salt}: {checked:?}");
    }
    world.issue("ca", "tsa-p521", "P-521", STAMPING);
    let manner = Manner { name: "tsa-p521", ..USUAL };
    let token = token_of(&manner.stamp(&world, &request(&hash(), NONCE)), &hash(), NONCE).expect("a token");
    assert_eq!(check(&token, &hash(), &[world.certificate("ca")]), Err(TsaError::Algorithm));
}

#[test]
fn what_was_not_asked_or_not_granted_is_refused() {
    if !present("openssl") {
        return;
    }
    let world = world();
    let reply = USUAL.stamp(&world, &request(&hash(), NONCE));
    let other = [7; 32];
    assert_eq!(token_of(&reply, &other, NONCE), Err(TsaError::OtherImprint));
    let token = token_of(&reply, &hash(), NONCE).expect("a token");
    assert_eq!(check(&token, &other, &[world.certificate("ca")]), Err(TsaError::OtherImprint));
    let refusing = Manner { accepts: "sha512", ..USUAL };
    let refusal = refusing.stamp(&world, &request(&hash(), NONCE));
    assert_eq!(token_of(&refusal, &hash(), NONCE), Err(TsaError::Refused { status: 2 }));
    assert_eq!(token_of(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00], &hash(), NONCE), Err(TsaError::NoToken));
    world.openssl(&format!("ts -query -digest {} -sha256 -no_nonce -cert -out query2.tsq", hex(&hash())));
    let without_nonce = USUAL.stamp(&world, &world.read("query2.tsq"));
    assert_eq!(token_of(&without_nonce, &hash(), NONCE), Err(TsaError::OtherNonce));
    let mut without_cert = request(&hash(), NONCE);
    without_cert.truncate(without_cert.len() - 3);
    without_cert[1] -= 3;
    let bare = token_of(&USUAL.stamp(&world, &without_cert), &hash(), NONCE).expect("a token");
    assert_eq!(check(&bare, &hash(), &[world.certificate("ca")]), Err(TsaError::NoCertificate));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn only_a_certificate_for_stamping_from_a_trusted_authority_is_believed() {
    if !present("openssl") {
        return;
    }
    let world = world();
    let (token, roots) = usual(&world);
    let foreign = Authority::new();
    assert_eq!(check(&token, &hash(), &[foreign.certificate("ca")]), Err(TsaError::Untrusted));
    assert_eq!(check(&token, &hash(), &[]), Err(TsaError::Untrusted));
    assert_eq!(check(&token, &hash(), &[CertificateDer::from(vec![0x30, 0x00])]), Err(TsaError::Root));
    let both = [foreign.certificate("ca"), world.certificate("ca")];
    assert!(check(&token, &hash(), &both).is_ok());
    let by = |name: &str, extensions: &str| {
        world.issue("ca", name, "P-256", extensions);
        let options = format!("{TST} -cades -md sha256 -signer {name}.pem -inkey {name}.key");
        check(&signed(&world, &stamp(&world), &options), &hash(), &roots).map(drop)
    };
    assert_eq!(by("good", STAMPING), Ok(()), "the way of signing is not what is refused");
    assert_eq!(by("no-key-usage", "extendedKeyUsage = critical, timeStamping\n"), Ok(()));
    for (name, extensions) in [
        ("none", "keyUsage = critical, digitalSignature\n"),
        ("not-critical", "extendedKeyUsage = timeStamping\n"),
        ("also-another", "extendedKeyUsage = critical, timeStamping, serverAuth\n"),
        ("another", "extendedKeyUsage = critical, serverAuth\n"),
        ("no-signing", "extendedKeyUsage = critical, timeStamping\nkeyUsage = critical, keyEncipherment\n"),
    ] {
        assert_eq!(by(name, extensions), Err(TsaError::NotForStamping), "{name}");
    }
    let authority = format!("{STAMPING}basicConstraints = critical, CA:TRUE\n");
    assert_eq!(by("an-authority", &authority), Err(TsaError::Untrusted));
}

#[test]
fn a_token_is_signed_once_for_this_stamp_by_this_certificate() {
    if !present("openssl") {
        return;
    }
    let world = world();
    world.issue("ca", "second", "P-256", STAMPING);
    // Two certificates of the same key, name and number: only the signed hash tells them apart.
    let twin = |name: &str, days: u8| {
        world.openssl(&format!(
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -set_serial 77 -days {days} -out {name}.pem \
             -extfile extensions"
        ));
        world.certificate(name)
    };
    let (a, mut b) = (twin("twin-a", 20), twin("twin-b", 25));
    // Signatures of ECDSA differ in length; the exchange below wants one of the same.
    while b.len() != a.len() {
        b = twin("twin-b", 25);
    }
    let (stamp, roots) = (stamp(&world), [world.certificate("ca")]);
    let check_of = |options: &str| check(&signed(&world, &stamp, options), &hash(), &roots).map(drop);
    let by_tsa = "-md sha256 -signer tsa.pem -inkey tsa.key";
    assert_eq!(check_of(&format!("{TST} -cades {by_tsa}")), Ok(()));
    assert_eq!(check_of(&format!("{TST} -cades -keyid {by_tsa}")), Ok(()), "named by its key");
    assert_eq!(check_of(&format!("{TST} {by_tsa}")), Err(TsaError::Attribute("signingCertificateV2")));
    assert_eq!(check_of(&format!("{TST} -noattr {by_tsa}")), Err(TsaError::Attribute("contentType")));
    assert_eq!(check_of(&format!("-cades {by_tsa}")), Err(TsaError::NotAStamp));
    assert_eq!(check_of(&format!("{TST} -cades -md sha1 -signer tsa.pem -inkey tsa.key")), Err(TsaError::Algorithm));
    let two = format!("{TST} -cades {by_tsa} -signer second.pem -inkey second.key");
    assert_eq!(check_of(&two), Err(TsaError::Signers));
    let by_twin = signed(&world, &stamp, &format!("{TST} -cades -md sha256 -signer twin-a.pem -inkey tsa.key"));
    assert!(check(&by_twin, &hash(), &roots).is_ok());
    let at = by_twin.windows(a.len()).position(|w| w == a.as_ref()).expect("the certificate");
    let mut exchanged = by_twin;
    exchanged[at..at + b.len()].copy_from_slice(&b);
    assert_eq!(check(&exchanged, &hash(), &roots), Err(TsaError::Attribute("signingCertificateV2")));
}

#[test]
fn the_certificate_must_have_been_valid_when_it_stamped() {
    if !present("openssl") {
        return;
    }
    let world = world();
    let (stamp, roots) = (stamp(&world), [world.certificate("ca")]);
    let moved = |year: &[u8]| {
        let is_time = |w: &[u8]| w[0] == 0x18 && (0x0f..=0x13).contains(&w[1]) && w[2..] == *b"20";
        let year_at = stamp.windows(4).position(is_time).expect("a time") + 2;
        let mut stamp = stamp.clone();
        stamp[year_at..year_at + 4].copy_from_slice(year);
        let options = format!("{TST} -cades -md sha256 -signer tsa.pem -inkey tsa.key");
        check(&signed(&world, &stamp, &options), &hash(), &roots)
    };
    for year in [b"1969", b"2001", b"2999"] {
        let refused = moved(year);
        assert!(matches!(refused, Err(TsaError::Untrusted | TsaError::Time)), "{refused:?}");
    }
}

#[test]
fn no_changed_byte_makes_another_stamp() {
    if !present("openssl") {
        return;
    }
    let world = world();
    let request = request(&hash(), NONCE);
    let reply = USUAL.stamp(&world, &request);
    let token = token_of(&reply, &hash(), NONCE).expect("a token");
    let roots = [world.certificate("ca")];
    let at = check(&token, &hash(), &roots).expect("a stamp");
    let good = |at: Timestamp, result: Result<Timestamp, TsaError>| result.is_err() || result == Ok(at);
    for place in 0..token.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut changed = token.clone();
            changed[place] ^= bit;
            assert!(good(at, check(&changed, &hash(), &roots)), "{place} {bit}");
            assert!(check(&changed, &[7; 32], &roots).is_err(), "{place} {bit}");
        }
        assert!(check(&token[..place], &hash(), &roots).is_err(), "cut at {place}");
    }
    let stamp = Token::read(&token).expect("reads").content;
    let inside = token.windows(stamp.len()).position(|w| w == stamp).expect("the stamp");
    for place in inside..inside + stamp.len() {
        let mut changed = token.clone();
        changed[place] ^= 0x01;
        assert!(check(&changed, &hash(), &roots).is_err(), "signed byte {place}");
    }
    for place in 0..reply.len() {
        let mut changed = reply.clone();
        changed[place] ^= 0x01;
        if let Ok(token) = token_of(&changed, &hash(), NONCE) {
            assert!(good(at, check(&token, &hash(), &roots)), "{place}");
        }
    }
    let trailing = [token.as_slice(), &[0]].concat();
    assert!(check(&trailing, &hash(), &roots).is_err());
}

#[test]
fn what_is_larger_than_any_stamp_is_not_looked_into() {
    let long = vec![0x30; MAX_REPLY + 1];
    assert_eq!(token_of(&long, &hash(), NONCE), Err(TsaError::TooLarge));
    assert_eq!(check(&long, &hash(), &[]), Err(TsaError::TooLarge));
    let many = [[0x31u8, 0x82, 0x08, 0x0c].as_slice(), &[0x05, 0x00].repeat(1030)].concat();
    assert_eq!(check(&many, &hash(), &[]), Err(TsaError::TooLarge));
    let deep = (0..40u8)
        .fold(vec![], |inner, _| [&[0x30, u8::try_from(inner.len()).expect("short")], inner.as_slice()].concat());
    assert_eq!(check(&deep, &hash(), &[]), Err(TsaError::TooLarge));
}

/// A real reply, its token, and the root it leads to.
type Sample = (Vec<u8>, Vec<u8>, CertificateDer<'static>);

/// One, where OpenSSL is.
static SAMPLE: LazyLock<Option<Sample>> = LazyLock::new(|| {
    present("openssl").then(|| {
        let world = world();
        let reply = USUAL.stamp(&world, &request(&hash(), NONCE));
        let token = token_of(&reply, &hash(), NONCE).expect("a token");
        (reply, token, world.certificate("ca"))
    })
});

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(token_of(&bytes, &hash(), NONCE).is_err());
        prop_assert!(check(&bytes, &hash(), &[]).is_err());
    }

    #[test]
    fn any_bytes_put_into_a_real_one_prove_nothing_else(
        place in any::<prop::sample::Index>(),
        drop in 0usize..40,
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        if let Some((reply, token, root)) = &*SAMPLE {
            let spliced = |original: &[u8]| {
                let from = place.index(original.len());
                let mut changed = original.to_vec();
                changed.splice(from..(from + drop).min(original.len()), bytes.iter().copied());
                changed
            };
            let _ = token_of(&spliced(reply), &hash(), NONCE);
            prop_assert!(check(&spliced(token), &[7; 32], std::slice::from_ref(root)).is_err());
            let _ = check(&spliced(token), &hash(), std::slice::from_ref(root));
        }
    }
}
