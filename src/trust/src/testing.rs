//! What the tests of this room share: a development PKI made once and copied for each world, and the national samples.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use ambient::{FixedClock, SharedClock, SharedRng, SystemRng, Timestamp};
use base64::{Engine, engine::general_purpose::STANDARD};
use space::{AuthMode, Ins, InsOid, InsTolerance, ProfessionalId, Purpose, Software, StructureId};

use crate::{
    CodedRole, IssueRequest, KeyType, Kind, Peer, Pki, SigningKey, TrustAnchors, VihfRequest,
    claims::{PROFESSION_SYSTEM, SPECIALITY_SYSTEM},
    files,
    pki::Validity,
};

pub(crate) const PHYSICIAN: &str = "899900000001";
pub(crate) const OFFICE: &str = "499900000001001";
pub(crate) const HOSPITAL: &str = "1750000001";
/// A test number of the national documentation.
pub(crate) const HOLDER: &str = "207058575627097";

pub(crate) fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().expect("an instant")
}

pub(crate) fn clock() -> SharedClock {
    FixedClock::at(now())
}

pub(crate) fn rng() -> SharedRng {
    SystemRng::new()
}

pub(crate) fn structure(text: &str) -> StructureId {
    StructureId::parse(text).expect("a structure")
}

pub(crate) fn professional(text: &str) -> ProfessionalId {
    ProfessionalId::parse(text).expect("a professional")
}

/// A development PKI of its own, and everything to sign and verify with it.
pub(crate) struct World {
    _dir: tempfile::TempDir,
    pub(crate) dir: PathBuf,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) pki: Pki,
}

/// The PKI every world starts from: RSA keys take a while to make.
fn model() -> &'static Path {
    static MODEL: OnceLock<tempfile::TempDir> = OnceLock::new();
    MODEL
        .get_or_init(|| {
            let dir = tempfile::tempdir().expect("a folder");
            let pki = Pki::create(dir.path(), clock(), rng()).expect("a CA");
            for request in requests() {
                pki.issue(&request).expect("issues");
            }
            dir
        })
        .path()
}

fn card(id: &str, family: &str, speciality: &str) -> Kind {
    Kind::Cps {
        id: professional(id),
        profession: "10".into(),
        speciality: Some(speciality.into()),
        structure: Some(structure(OFFICE)),
        family: family.into(),
        given: "Camille".into(),
    }
}

fn requests() -> Vec<IssueRequest> {
    let hospital = |seal: bool, id: &str| {
        let (id, organisation) = (structure(id), "HOPITAL, DE TEST".to_owned());
        if seal { Kind::Seal { id, organisation } } else { Kind::Structure { id, organisation } }
    };
    let agent = Kind::Cpe {
        id: professional("3750000001/42"),
        structure: structure(HOSPITAL),
        family: "PETIT".into(),
        given: "Dominique".into(),
    };
    let p256 = |name: &str, kind| IssueRequest { key: KeyType::P256, ..IssueRequest::new(name, kind) };
    let at = |name: &str, before, after| IssueRequest {
        validity: Some(Validity::around(now(), before, after)),
        ..p256(name, card(PHYSICIAN, "DURAND", "SM26"))
    };
    vec![
        IssueRequest::new("medecin", card(PHYSICIAN, "DURAND", "SM26")),
        p256("medecin-ec", card(PHYSICIAN, "DURAND", "SM26")),
        p256("autre-medecin", card("899900000002", "MARTIN", "SM04")),
        at("medecin-perime", 400, -1),
        at("medecin-futur", -10, 400),
        p256("secretaire", agent),
        IssueRequest::new("hopital-auth", hospital(false, HOSPITAL)),
        IssueRequest::new("hopital-seal", hospital(true, HOSPITAL)),
        p256("clinique-auth", hospital(false, "1750000002")),
        p256("clinique-seal", hospital(true, "1750000002")),
        p256("server", Kind::Server { dns: vec![], ips: vec![] }),
        p256("operateur-a", Kind::Operator { name: "operateur-a.example".into(), domains: vec!["a.example".into()] }),
    ]
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for entry in fs::read_dir(model()).expect("lists") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), dir.path().join(entry.file_name())).expect("copies");
        }
        let clock = FixedClock::at(now());
        let path = dir.path().to_owned();
        let pki = Pki::open(&path, clock.clone(), rng()).expect("opens");
        Self { _dir: dir, dir: path, clock, pki }
    }

    pub(crate) fn anchors(&self) -> Arc<TrustAnchors> {
        TrustAnchors::of_pki(&self.dir).expect("loads")
    }

    pub(crate) fn der(&self, name: &str) -> Vec<u8> {
        files::certificates(&self.dir.join(format!("{name}.pem"))).expect("reads")[0].to_vec()
    }

    pub(crate) fn peer(&self, name: &str) -> Peer {
        Peer::from_der(&self.der(name)).expect("reads")
    }

    pub(crate) fn key(&self, name: &str) -> Arc<SigningKey> {
        Arc::new(SigningKey::from_file(&self.dir.join(format!("{name}.key"))).expect("reads"))
    }

    /// What the physician's software would write, in direct mode, signed with the certificate `name`.
    pub(crate) fn request(&self, name: &str) -> VihfRequest {
        let role = |code: &str, system: &str| CodedRole { code: code.into(), system: system.into() };
        VihfRequest {
            signer: self.peer(name),
            key: self.key(name),
            subject: professional(PHYSICIAN),
            name: Some("DURAND Camille".into()),
            structure: structure(OFFICE),
            sector: "SA07".into(),
            roles: vec![role("10", PROFESSION_SYSTEM), role("SM26", SPECIALITY_SYSTEM)],
            patient: Some(Ins::parse(HOLDER, InsOid::NirTest, InsTolerance::Strict).expect("an INS")),
            purpose: Purpose::Normal,
            mode: AuthMode::Directe,
            software: Software { name: "Logiciel d'essai".into(), version: "1.2".into() },
            instance: None,
            homologation: "ESSAI".into(),
            secret: false,
            issued: now(),
            validity: Some(Duration::from_secs(1800)),
            version: "3.0".into(),
            issuer: None,
            omit: Vec::new(),
        }
    }

    /// The same for a user of the hospital, sealed by it.
    pub(crate) fn sealed(&self, mode: AuthMode) -> VihfRequest {
        VihfRequest { mode, structure: structure(HOSPITAL), sector: "SA01".into(), ..self.request("hopital-seal") }
    }
}

/// Says that a comparison was not made.
#[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
pub(crate) fn without_xmlsec1() {
    eprintln!("skipped: no xmlsec1 here");
}

/// The folder of the national messages. `None`, with a line that says so, when it is not on this machine.
pub(crate) fn messages() -> Option<PathBuf> {
    let shared = std::env::var_os("PASSERELLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("corpus/dmp/messages");
    if !folder.is_dir() {
        skipped();
        return None;
    }
    Some(folder)
}

/// The national samples of assertions, `(file name, text)`.
pub(crate) fn corpus() -> Option<Vec<(String, String)>> {
    let folder = messages()?;
    let entries = fs::read_dir(&folder).expect("a folder");
    let mut found: Vec<(String, String)> = entries
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("VIHF_")))
        .map(|p| {
            let text = String::from_utf8_lossy(&fs::read(&p).expect("reads")).into_owned();
            (p.file_name().expect("a name").to_string_lossy().into_owned(), text)
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} holds no VIHF sample", folder.display());
    Some(found)
}

#[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
fn skipped() {
    eprintln!("skipped: ../shared is absent");
}

/// Those of the national samples that are signed.
pub(crate) fn signed_samples() -> Vec<(String, String)> {
    let signed = |file: &str| file.ends_with("_sign.xml") && !file.contains("non_sign");
    corpus().into_iter().flatten().filter(|(file, _)| signed(file)).collect()
}

/// The first certificate in the text of a signed assertion.
pub(crate) fn first_certificate(xml: &str) -> Vec<u8> {
    let start = xml.find("X509Certificate>").expect("a certificate") + "X509Certificate>".len();
    let text = &xml[start..start + xml[start..].find('<').expect("its end")];
    STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).expect("base64")
}
