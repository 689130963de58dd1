//! Where vectors are made: cards of every kind, and signatures of every shape, right or wrong.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use ambient::{SharedClock, SharedRng};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_core::algorithm as uri;
use kryptering::{SignatureAlgorithm, traits::Signer};
use rcgen::{CertificateParams, Issuer, KeyPair, PublicKeyData, SerialNumber, SubjectPublicKeyInfo};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use space::{Ins, StructureId};
use tempfile::TempDir;

use crate::{
    Bearer, IssueRequest, KeyType, Kind, Peer, Pki, SigningKey, VihfRequest,
    pki::{Reason, Validity},
    xmldsig::{fill, place_for_signature},
};

/// The namespace of XML-DSig.
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Inclusive C14N 1.0.
pub(super) const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
/// The ID of every assertion made here.
pub(super) const ID: &str = "_v0123456789abcdef";

/// Puts what stands in `wsse:Security` in a message of the wire.
type Enveloper = Box<dyn Fn(&str) -> String + Send + Sync>;

/// Keys, cards and the assertion that vectors are made from.
pub struct Workshop {
    folder: TempDir,
    pki: Pki,
    rng: SharedRng,
    envelope: Enveloper,
    /// Signed with a P-256 card: what a physician's software would send.
    request: VihfRequest,
    other: Ins,
}

/// What a signature is made with.
#[derive(Clone)]
pub(super) enum Hand {
    /// A key of ours, with SHA-256.
    Key(Arc<SigningKey>),
    /// A key in a file and a hash, by the `openssl` program.
    Openssl(PathBuf, &'static str),
    /// A shared secret, with SHA-256.
    Hmac(Vec<u8>),
    /// No key at all: these bytes.
    Bytes(Vec<u8>),
}

impl Hand {
    pub(super) fn sign(&self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Key(key) => key.sign(data).expect("signs"),
            Self::Openssl(key, hash) => openssl_sign(key, hash, data),
            Self::Hmac(secret) => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), data).as_ref().to_vec(),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

/// Signs for the library, whatever algorithm the message names.
struct Named(SignatureAlgorithm, Hand);

impl Signer for Named {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0
    }

    fn sign(&self, data: &[u8]) -> kryptering::error::Result<Vec<u8>> {
        Ok(self.1.sign(data))
    }
}

/// The parts of a signature; each is the whole element, or nothing.
#[derive(Clone)]
pub(super) struct Craft {
    pub(super) canonicalization: String,
    pub(super) method: String,
    pub(super) references: String,
    pub(super) key_info: String,
    /// After KeyInfo.
    pub(super) objects: String,
    pub(super) hand: Hand,
}

impl Craft {
    /// The text of SignedInfo's children, all of them with end tags: their canonical form.
    fn signed_info(&self) -> String {
        [self.canonicalization.as_str(), &self.method, &self.references].concat()
    }

    /// The whole signature, its value made over the exclusive canonical form of SignedInfo.
    pub(super) fn signature(&self) -> String {
        let inside = self.signed_info();
        let canonical = format!("<ds:SignedInfo xmlns:ds=\"{DSIG}\">{inside}</ds:SignedInfo>");
        self.with_value(&STANDARD.encode(self.hand.sign(canonical.as_bytes())))
    }

    /// The whole signature with this value.
    pub(super) fn with_value(&self, value: &str) -> String {
        format!(
            "<ds:Signature xmlns:ds=\"{DSIG}\"><ds:SignedInfo>{}</ds:SignedInfo><ds:SignatureValue>{value}\
             </ds:SignatureValue>{}{}</ds:Signature>",
            self.signed_info(),
            self.key_info,
            self.objects
        )
    }
}

/// `<ds:NAME Algorithm="…">inside</ds:NAME>`.
pub(super) fn named(name: &str, algorithm: &str, inside: &str) -> String {
    format!("<ds:{name} Algorithm=\"{algorithm}\">{inside}</ds:{name}>")
}

/// The two transforms of SAML, and further ones.
pub(super) fn transforms(all: &[String]) -> String {
    format!("<ds:Transforms>{}</ds:Transforms>", all.concat())
}

/// The transforms that SAML admits.
pub(super) fn usual() -> String {
    transforms(&[named("Transform", uri::ENVELOPED_SIGNATURE, ""), named("Transform", uri::EXC_C14N, "")])
}

/// A reference; `to` is the URI attribute's value, if there is one.
pub(super) fn reference(to: Option<&str>, transforms: &str, digest_method: &str, digest: &str) -> String {
    let to = to.map(|to| format!(" URI=\"{to}\"")).unwrap_or_default();
    let method = named("DigestMethod", digest_method, "");
    format!("<ds:Reference{to}>{transforms}{method}<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>")
}

/// KeyInfo with these certificates.
pub(super) fn key_info(certificates: &[&[u8]]) -> String {
    let one = |der: &&[u8]| format!("<ds:X509Certificate>{}</ds:X509Certificate>", STANDARD.encode(der));
    let all: String = certificates.iter().map(one).collect();
    format!("<ds:KeyInfo><ds:X509Data>{all}</ds:X509Data></ds:KeyInfo>")
}

/// Puts something into an assertion, right after its Issuer.
pub(super) fn after_issuer(assertion: &str, inside: &str) -> String {
    let made = assertion.replacen("</saml2:Issuer>", &format!("</saml2:Issuer>{inside}"), 1);
    assert_ne!(made, assertion, "no Issuer");
    made
}

/// Puts something at the end of an assertion.
pub(super) fn at_end(assertion: &str, inside: &str) -> String {
    let end = assertion.rfind("</saml2:Assertion>").expect("an end");
    [&assertion[..end], inside, &assertion[end..]].concat()
}

/// The same text with one thing changed, which must be there.
pub(super) fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "nothing to change: {from}");
    text.replacen(from, to, 1)
}

/// What stands between two marks.
pub(super) fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let start = text.find(from).expect("a start") + from.len();
    &text[start..start + text[start..].find(to).expect("an end")]
}

impl Workshop {
    /// A workshop over a development PKI. `request` is a card holder's in direct mode; the vectors are about the same
    /// holder of a space and signed with cards of the same bearer, which are issued here (names in `vecteur-…`), one of
    /// them revoked. `other` is whose space forgeries ask for.
    ///
    /// # Panics
    /// When `request` is of no card, or a certificate cannot be issued.
    #[must_use]
    pub fn new(
        pki: Pki,
        mut request: VihfRequest,
        other: Ins,
        clock: &SharedClock,
        rng: SharedRng,
        envelope: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        let kind = Self::card_of(&request);
        let now = clock.now();
        for (name, validity) in [
            ("vecteur-ec", None),
            ("vecteur-perime", Some(Validity::around(now, 400, -1))),
            ("vecteur-futur", Some(Validity::around(now, -10, 400))),
            ("vecteur-revoque", None),
        ] {
            let issue = IssueRequest { key: KeyType::P256, validity, ..IssueRequest::new(name, kind.clone()) };
            pki.issue(&issue).expect("issues");
        }
        pki.revoke("vecteur-revoque", Reason::KeyCompromise).expect("revokes");
        let folder = tempfile::tempdir().expect("a folder");
        request.issuer = None;
        let mut workshop = Self { folder, pki, rng, envelope: Box::new(envelope), request, other };
        workshop.request = workshop.by("vecteur-ec");
        workshop
    }

    /// The card of the request's signer, to be issued again.
    fn card_of(request: &VihfRequest) -> Kind {
        let Bearer::Card { id, profession, speciality, structure, .. } = request.signer.bearer() else {
            panic!("the request is of no card")
        };
        Kind::Cps {
            id: id.clone(),
            profession: profession.clone().expect("a profession"),
            speciality: speciality.clone(),
            structure: structure.clone(),
            family: "VECTEUR".into(),
            given: "Camille".into(),
        }
    }

    /// The folder of the authority.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.pki.path("ca.pem")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A message with this in its `wsse:Security`.
    pub(super) fn envelope(&self, security: &str) -> String {
        (self.envelope)(security)
    }

    pub(super) fn request(&self) -> VihfRequest {
        self.request.clone()
    }

    pub(super) fn peer(&self, name: &str) -> Peer {
        Peer::from_pem_file(&self.pki.path(&format!("{name}.pem"))).expect("reads")
    }

    pub(super) fn key(&self, name: &str) -> Arc<SigningKey> {
        Arc::new(SigningKey::from_file(&self.pki.path(&format!("{name}.key"))).expect("reads"))
    }

    /// The request, by another card of the PKI.
    pub(super) fn by(&self, name: &str) -> VihfRequest {
        VihfRequest { signer: self.peer(name), key: self.key(name), ..self.request.clone() }
    }

    /// The same request, signed.
    pub(super) fn signed(&self, request: &VihfRequest) -> String {
        request.sign(&*self.rng).expect("signs")
    }

    /// The good assertion, not signed, under [`ID`].
    pub(super) fn unsigned(&self) -> String {
        self.request.unsigned(ID)
    }

    /// The good assertion, signed.
    pub(super) fn good(&self) -> String {
        self.crafted(&self.unsigned())
    }

    /// A text signed as it should be.
    pub(super) fn crafted(&self, unsigned: &str) -> String {
        self.with(unsigned, &self.craft(unsigned))
    }

    /// A text with this signature, where the schema wants it.
    pub(super) fn with(&self, unsigned: &str, craft: &Craft) -> String {
        after_issuer(unsigned, &craft.signature())
    }

    /// The right signature of a text, to be varied.
    pub(super) fn craft(&self, unsigned: &str) -> Craft {
        let digest = self.digest(unsigned, uri::SHA256);
        Craft {
            canonicalization: named("CanonicalizationMethod", uri::EXC_C14N, ""),
            method: named("SignatureMethod", uri::ECDSA_SHA256, ""),
            references: reference(Some(&format!("#{ID}")), &usual(), uri::SHA256, &digest),
            key_info: key_info(&[self.request.signer.der()]),
            objects: String::new(),
            hand: Hand::Key(self.request.key.clone()),
        }
    }

    /// Digest of the exclusive canonical form of a text's assertion, in base64.
    pub(super) fn digest(&self, unsigned: &str, method: &str) -> String {
        let filled = self.filled(unsigned, &reference(Some(&format!("#{ID}")), &usual(), method, ""), uri::EXC_C14N);
        between(&filled, "<ds:DigestValue>", "<").to_owned()
    }

    /// A text signed by the library: any canonicalization and any transforms that it knows, `references` without digests.
    pub(super) fn filled(&self, unsigned: &str, references: &str, canonicalization: &str) -> String {
        let doc = uppsala::parse(unsigned).expect("well-formed");
        let at = place_for_signature(&doc, ID).expect("a place");
        let craft = Craft {
            canonicalization: named("CanonicalizationMethod", canonicalization, ""),
            method: named("SignatureMethod", uri::ECDSA_SHA256, ""),
            references: references.to_owned(),
            key_info: key_info(&[self.request.signer.der()]),
            objects: String::new(),
            hand: Hand::Key(self.request.key.clone()),
        };
        let template = craft.with_value("");
        let prepared = [&unsigned[..at], &template, &unsigned[at..]].concat();
        let algorithm = SignatureAlgorithm::Ecdsa(kryptering::EcCurve::P256, kryptering::HashAlgorithm::Sha256);
        fill(prepared, Box::new(Named(algorithm, craft.hand))).expect("signs")
    }

    /// The holder's identifier as an assertion writes it, and the other holder's.
    pub(super) fn holders(&self) -> (String, String) {
        let escaped = |ins: &Ins| ins.to_cx().replace('&', "&amp;");
        (escaped(self.request.patient.as_ref().expect("a holder")), escaped(&self.other))
    }

    /// The good assertion about the other holder, not signed, under another ID.
    pub(super) fn forged(&self) -> String {
        let (holder, other) = self.holders();
        changed(&changed(&self.unsigned(), &holder, &other), ID, "_f0123456789abcdef")
    }

    /// A card of the same bearer by an authority nobody trusts, its name and key in [`Workshop::path`]'s folder.
    pub(super) fn foreign(&self) -> VihfRequest {
        let folder = self.path("foreign");
        if !folder.exists() {
            let pki = Pki::create(&folder, ambient::SystemClock::new(), self.rng.clone()).expect("an authority");
            let kind = Self::card_of(&self.request);
            let validity = Some(Validity::around(self.request.issued, 1, 400));
            let issue = IssueRequest { key: KeyType::P256, validity, ..IssueRequest::new("carte", kind) };
            pki.issue(&issue).expect("issues");
        }
        let signer = Peer::from_pem_file(&folder.join("carte.pem")).expect("reads");
        let key = Arc::new(SigningKey::from_file(&folder.join("carte.key")).expect("reads"));
        VihfRequest { signer, key, ..self.request() }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.pki.path(&format!("{name}.pem")).exists()
    }

    pub(super) fn issue(&self, request: &IssueRequest) {
        self.pki.issue(request).expect("issues");
    }

    /// A certificate of our authority for a key, shaped like the bearer's card but for `change`.
    pub(super) fn odd(&self, key: &impl PublicKeyData, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let params = self.odd_params(change);
        params.signed_by(key, &self.pki.issuer().expect("the authority")).expect("signs").der().to_vec()
    }

    /// The same, issued by the bearer's own card.
    pub(super) fn below_the_card(
        &self,
        key: &impl PublicKeyData,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Vec<u8> {
        let text = |file: &str| fs::read_to_string(self.pki.path(file)).expect("reads");
        let pair = KeyPair::from_pem(&text("vecteur-ec.key")).expect("a key");
        let issuer = Issuer::from_ca_cert_pem(&text("vecteur-ec.pem"), pair).expect("an issuer");
        self.odd_params(change).signed_by(key, &issuer).expect("signs").der().to_vec()
    }

    /// The same, signed by its own key.
    pub(super) fn self_signed(&self, key: &KeyPair) -> Vec<u8> {
        self.odd_params(|_| ()).self_signed(key).expect("signs").der().to_vec()
    }

    fn odd_params(&self, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
        let issue = IssueRequest::new("odd", Self::card_of(&self.request));
        let mut params = issue.params().expect("a certificate");
        let window = Validity::around(self.request.issued, 1, 400);
        let at = |t: ambient::Timestamp| {
            rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(t.as_second()).unwrap_or(0))
        };
        (params.not_before, params.not_after) = (at(window.not_before), at(window.not_after));
        let mut serial = [0x41; 16];
        self.rng.fill(&mut serial[1..]);
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        change(&mut params);
        params
    }

    /// A certificate of our authority for a key whose kind our own library does not know, by the `openssl` program.
    pub(super) fn openssl_certificate(&self, key: &Path) -> Vec<u8> {
        let kind = crate::peer::oid::KIND.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        let extensions = self.path("extensions.cnf");
        let text = format!("keyUsage = critical, digitalSignature\n{kind} = ASN1:UTF8String:cps\n");
        fs::write(&extensions, text).expect("writes");
        let subject = format!("/C=FR/CN={}", self.request.subject.as_str());
        let request = self.path("request.pem");
        let authority = |file: &str| self.pki.path(file).display().to_string();
        openssl(&format!("req -new -key {} -subj {subject} -out {}", key.display(), request.display()), &[]);
        fs::write(self.path("index.txt"), "").expect("writes");
        fs::write(self.path("serial"), "4242").expect("writes");
        let config = format!(
            "[ca]\ndefault_ca = d\n[d]\ndatabase = {0}/index.txt\nserial = {0}/serial\nnew_certs_dir = {0}\n\
             default_md = sha256\npolicy = p\n[p]\ncountryName = optional\ncommonName = optional\n",
            self.folder.path().display()
        );
        fs::write(self.path("ca.cnf"), config).expect("writes");
        let window = Validity::around(self.request.issued, 1, 400);
        let at = |at: ambient::Timestamp| at.strftime("%Y%m%d%H%M%SZ").to_string();
        let pem = openssl(
            &format!(
                "ca -batch -notext -config {} -in {} -cert {} -keyfile {} -startdate {} -enddate {} -extfile {}",
                self.path("ca.cnf").display(),
                request.display(),
                authority("ca.pem"),
                authority("ca.key"),
                at(window.not_before),
                at(window.not_after),
                extensions.display()
            ),
            &[],
        );
        let der = CertificateDer::from_pem_slice(&pem).expect("a certificate");
        der.to_vec()
    }

    /// A private key made by the `openssl` program, in a file.
    pub(super) fn openssl_key_file(&self, name: &str, arguments: &str) -> PathBuf {
        let file = self.path(name);
        if !file.exists() {
            openssl(&format!("genpkey {arguments} -out {}", file.display()), &[]);
        }
        file
    }

    /// The same, with its public half.
    pub(super) fn openssl_key(&self, name: &str, arguments: &str) -> (PathBuf, SubjectPublicKeyInfo) {
        let file = self.openssl_key_file(name, arguments);
        let public = openssl(&format!("pkey -in {} -pubout", file.display()), &[]);
        let public = String::from_utf8(public).expect("PEM");
        (file, SubjectPublicKeyInfo::from_pem(&public).expect("a key"))
    }

    /// The request's structure, or another one's.
    pub(super) fn another_structure(&self) -> StructureId {
        StructureId::parse("499900000001002").expect("a structure")
    }
}

impl fmt::Debug for Workshop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workshop")
    }
}

/// Runs `openssl`, which must succeed, on what it reads.
fn openssl(arguments: &str, input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("openssl runs");
    child.stdin.take().expect("its input").write_all(input).expect("reads");
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A signature by the `openssl` program: PKCS#1 v1.5 or, with an EC key, `SEQUENCE { r, s }`.
fn openssl_sign(key: &Path, hash: &str, data: &[u8]) -> Vec<u8> {
    debug_assert!(fs::metadata(key).is_ok());
    openssl(&format!("dgst -{hash} -sign {}", key.display()), data)
}
