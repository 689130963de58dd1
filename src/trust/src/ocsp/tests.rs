//! Certificates of our PKI judged by the real `openssl ocsp` on 127.0.0.1, and answers that nobody should believe.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{LazyLock, atomic::AtomicUsize},
};

use ambient::{Clock as _, SystemClock, SystemRng};
use proptest::prelude::*;
use rcgen::{CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

use super::*;
use crate::{
    AnchorFiles, IssueRequest, KeyType, Kind, Pki, RevocationPolicy, TrustAnchors,
    pki::{IndexEntry, Reason},
    testing::{OFFICE, PHYSICIAN, professional, structure},
};

/// Whether `openssl` is here; a test that needs it says so and ends otherwise.
fn present() -> bool {
    let run = Command::new("openssl").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let present = run.is_ok_and(|status| status.success());
    if !present {
        skipped();
    }
    present
}

#[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
fn skipped() {
    eprintln!("skipped: no openssl here");
}

fn now() -> Timestamp {
    SystemClock::default().now()
}

fn later(seconds: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_secs(seconds)).expect("an instant")
}

/// A PKI whose certificates are valid by the machine's clock, which is openssl's.
struct Bench {
    _folder: tempfile::TempDir,
    dir: PathBuf,
    pki: Pki,
}

impl Bench {
    fn new() -> Self {
        /// RSA keys take a while to make.
        static MODEL: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let pki = Pki::create(folder.path(), SystemClock::new(), SystemRng::new()).expect("an authority");
            for name in ["carte", "revoquee", "inconnue"] {
                let kind = Kind::Cps {
                    id: professional(PHYSICIAN),
                    profession: "10".into(),
                    speciality: Some("SM26".into()),
                    structure: Some(structure(OFFICE)),
                    family: "DURAND".into(),
                    given: "Camille".into(),
                };
                pki.issue(&IssueRequest { key: KeyType::P256, ..IssueRequest::new(name, kind) }).expect("issues");
            }
            folder
        });
        let folder = tempfile::tempdir().expect("a folder");
        for entry in fs::read_dir(MODEL.path()).expect("lists") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copies");
        }
        let dir = folder.path().to_owned();
        let pki = Pki::open(&dir, SystemClock::new(), SystemRng::new()).expect("opens");
        let bench = Self { _folder: folder, dir, pki };
        bench.index();
        bench.delegate("signataire", &bench.dir, |_| ());
        bench
    }

    /// What openssl knows: every card but `inconnue`, and that `revoquee` is revoked.
    fn index(&self) {
        let entries = self.pki.certificates().expect("lists");
        let line = |entry: &IndexEntry| {
            let revoked = entry.name == "revoquee";
            let (flag, at) = if revoked { ("R", "260101000000Z,keyCompromise") } else { ("V", "") };
            format!("{flag}\t350101000000Z\t{at}\t{}\tunknown\t/CN=x\n", entry.serial.to_uppercase())
        };
        let text: String = entries.iter().filter(|e| e.name != "inconnue").map(line).collect();
        fs::write(self.dir.join("index.txt"), text).expect("writes");
        fs::write(self.dir.join("index.txt.attr"), "unique_subject = no\n").expect("writes");
    }

    /// A certificate for signing answers, by the authority of the folder `by`.
    fn delegate(&self, name: &str, by: &std::path::Path, change: impl FnOnce(&mut CertificateParams)) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2050, 1, 1);
        change(&mut params);
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        let issuer = Pki::open(by, SystemClock::new(), SystemRng::new()).expect("opens").issuer().expect("an issuer");
        let certificate = params.signed_by(&key, &issuer).expect("signs");
        fs::write(self.dir.join(format!("{name}.pem")), certificate.pem()).expect("writes");
        fs::write(self.dir.join(format!("{name}.key")), key.serialize_pem()).expect("writes");
    }

    fn peer(&self, name: &str) -> Peer {
        Peer::from_pem_file(&self.dir.join(format!("{name}.pem"))).expect("reads")
    }

    fn anchors(&self, ocsp: Ocsp) -> Arc<TrustAnchors> {
        let files = AnchorFiles { authorities: vec![self.dir.join("ca.pem")], crls: vec![self.dir.join("crl.pem")] };
        TrustAnchors::load_with(files, RevocationPolicy::LastKnown, Some(ocsp)).expect("loads")
    }

    /// Starts `openssl ocsp`, signing as `signer`.
    fn responder(&self, signer: &str, more: &[&str]) -> Responder {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let log = self.dir.join("responder.log");
        let child = Command::new("openssl")
            .args(["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-port", &port.to_string()])
            .args(["-rsigner", &format!("{signer}.pem"), "-rkey", &format!("{signer}.key")])
            .args(more)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(fs::File::create(&log).expect("a log")))
            .spawn()
            .expect("openssl runs");
        let responder = Responder { child, url: format!("http://127.0.0.1:{port}/") };
        for _ in 0..400 {
            // A connection that asks nothing would keep it busy: it says itself when it listens.
            if fs::read_to_string(&log).is_ok_and(|text| text.contains("waiting for OCSP client connections")) {
                return responder;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("openssl does not listen");
    }

    /// The answer of `openssl ocsp` to a question, as bytes.
    fn answered(&self, request: &[u8], signer: &str, more: &[&str]) -> Vec<u8> {
        fs::write(self.dir.join("question"), request).expect("writes");
        let output = Command::new("openssl")
            .args(["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-reqin", "question", "-respout", "answer"])
            .args(["-rsigner", &format!("{signer}.pem"), "-rkey", &format!("{signer}.key")])
            .args(more)
            .current_dir(&self.dir)
            .output()
            .expect("openssl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read(self.dir.join("answer")).expect("reads")
    }
}

struct Responder {
    child: Child,
    url: String,
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// HTTP as small as it can be, and a count of what was asked.
#[derive(Default)]
struct Http {
    asked: AtomicUsize,
    urls: Mutex<Vec<String>>,
}

impl OcspTransport for Http {
    fn ask(&self, url: &str, request: Vec<u8>, limit: Duration) -> Result<Vec<u8>, &'static str> {
        self.asked.fetch_add(1, Relaxed);
        self.urls.lock().expect("unharmed").push(url.to_owned());
        let rest = url.strip_prefix("http://").ok_or("is not asked by http")?;
        let host = rest.split('/').next().unwrap_or_default();
        let address = host.parse().map_err(|_| "has no address")?;
        let mut stream = TcpStream::connect_timeout(&address, limit).map_err(|_| "could not be reached")?;
        stream.set_read_timeout(Some(limit)).map_err(|_| "broke off")?;
        let head = format!(
            "POST / HTTP/1.0\r\nHost: {host}\r\nContent-Type: {REQUEST_TYPE}\r\nContent-Length: {}\r\n\r\n",
            request.len()
        );
        stream.write_all(&[head.as_bytes(), &request].concat()).map_err(|_| "broke off")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(|_| "took too long")?;
        let at = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or("broke off")?;
        Ok(answer.split_off(at + 4))
    }
}

/// Answers from a function.
struct Made<F>(F, AtomicUsize);

impl<F: Fn(Vec<u8>) -> Result<Vec<u8>, &'static str> + Send + Sync> OcspTransport for Made<F> {
    fn ask(&self, _: &str, request: Vec<u8>, _: Duration) -> Result<Vec<u8>, &'static str> {
        self.1.fetch_add(1, Relaxed);
        (self.0)(request)
    }
}

fn policy(mode: OcspMode, url: Option<&str>) -> OcspPolicy {
    OcspPolicy {
        mode,
        grace: Duration::from_secs(3600),
        timeout: Duration::from_millis(1500),
        url: url.map(str::to_owned),
        skew: Duration::from_secs(120),
    }
}

fn asking(mode: OcspMode, url: &str) -> (Ocsp, Arc<Http>) {
    let http = Arc::new(Http::default());
    (Ocsp::new(policy(mode, Some(url)), http.clone(), SystemRng::new()), http)
}

/// Cause, and what it is about.
fn told(result: Result<(), Refusal>) -> Result<(), (Cause, String)> {
    result.map_err(|r| (r.cause, r.subject.unwrap_or_default()))
}

fn unanswered() -> Result<(), (Cause, String)> {
    Err((Cause::SignerUntrusted, "no OCSP answer".into()))
}

#[test]
fn a_good_certificate_passes_and_is_asked_about_once_until_the_next_update() {
    if !present() {
        return;
    }
    let bench = Bench::new();
    let responder = bench.responder("signataire", &["-nmin", "10"]);
    let (ocsp, http) = asking(OcspMode::Hard, &responder.url);
    let anchors = bench.anchors(ocsp);
    let card = bench.peer("carte");
    assert_eq!(told(anchors.check_status(&card, now())), Ok(()));
    drop(responder);
    assert_eq!(told(anchors.check_status(&card, now())), Ok(()));
    assert_eq!(told(anchors.check_status(&card, later(540))), Ok(()));
    assert_eq!(http.asked.load(Relaxed), 1);
    assert_eq!(told(anchors.check_status(&card, later(601))), unanswered(), "the answer holds no longer");
    let figures = anchors.ocsp().expect("asks").figures();
    assert_eq!((figures.good, figures.unanswered, figures.refused, figures.silent), (1, 1, 1, 1));
}

#[test]
fn what_a_responder_says_is_never_softened() {
    if !present() {
        return;
    }
    let bench = Bench::new();
    let responder = bench.responder("signataire", &["-nmin", "10"]);
    for mode in [OcspMode::Soft, OcspMode::Hard] {
        let (ocsp, _) = asking(mode, &responder.url);
        let anchors = bench.anchors(ocsp);
        // No revocation list names it.
        assert_eq!(anchors.check_peer(&bench.peer("revoquee"), now()), Ok(()));
        let revoked = Err((Cause::SignerRevoked, String::new()));
        assert_eq!(told(anchors.check_status(&bench.peer("revoquee"), now())), revoked);
        let unknown = Err((Cause::SignerUntrusted, "not known to its authority's responder".into()));
        assert_eq!(told(anchors.check_status(&bench.peer("inconnue"), now())), unknown);
        let figures = anchors.ocsp().expect("asks").figures();
        assert_eq!((figures.revoked, figures.unknown, figures.graced), (1, 1, 0));
    }
}

#[test]
fn the_authority_itself_may_answer_by_name_and_by_key() {
    if !present() {
        return;
    }
    let bench = Bench::new();
    for more in [&["-nmin", "10"][..], &["-nmin", "10", "-resp_key_id"], &[]] {
        for signer in ["ca", "signataire"] {
            let responder = bench.responder(signer, more);
            let (ocsp, _) = asking(OcspMode::Hard, &responder.url);
            assert_eq!(
                told(bench.anchors(ocsp).check_status(&bench.peer("carte"), now())),
                Ok(()),
                "{signer} {more:?}"
            );
        }
    }
}

#[test]
fn an_answer_of_a_signer_who_may_not_is_no_answer() {
    if !present() {
        return;
    }
    let bench = Bench::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    Pki::create(elsewhere.path(), SystemClock::new(), SystemRng::new()).expect("an authority");
    // Of the same name, by an authority of the same name.
    bench.delegate("etranger", elsewhere.path(), |p| {
        p.distinguished_name = rcgen::DistinguishedName::new();
        p.distinguished_name.push(DnType::CommonName, "signataire");
    });
    bench.delegate("sans-usage", &bench.dir, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    bench.delegate("chiffrement", &bench.dir, |p| p.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    bench.delegate("perime", &bench.dir, |p| p.not_after = rcgen::date_time_ymd(2021, 1, 1));
    for signer in ["etranger", "sans-usage", "chiffrement", "perime", "carte"] {
        let responder = bench.responder(signer, &["-nmin", "10"]);
        let (ocsp, _) = asking(OcspMode::Hard, &responder.url);
        let anchors = bench.anchors(ocsp);
        assert_eq!(told(anchors.check_status(&bench.peer("carte"), now())), unanswered(), "{signer}");
        assert_eq!(anchors.ocsp().expect("asks").figures().unanswered, 1);
    }
}

#[test]
fn a_revoked_signer_of_answers_is_believed_only_when_its_certificate_says_not_to_look() {
    if !present() {
        return;
    }
    let bench = Bench::new();
    let Ok(question) = question(&bench, "carte", [7; 32]) else { panic!("a question") };
    let issuer = issuer(&bench);
    let request = question.request().expect("a request");
    bench.delegate("sans-controle", &bench.dir, |p| {
        p.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], vec![0x05, 0x00]));
    });
    let read = |signer: &str| {
        let answer = bench.answered(&request, signer, &["-nmin", "10"]);
        answer::read(&answer, &question, &issuer, &|_| true, now(), SignedDuration::from_secs(120)).map(|a| a.status)
    };
    assert_eq!(read("signataire"), Err(Unanswered::Signer));
    assert_eq!(read("sans-controle"), Ok(Status::Good));
}

#[test]
fn a_stale_answer_or_one_to_another_question_is_no_answer() {
    if !present() {
        return;
    }
    let bench = Bench::new();
    let (first, second) = (question(&bench, "carte", [7; 32]), question(&bench, "carte", [8; 32]));
    let (Ok(first), Ok(second)) = (first, second) else { panic!("questions") };
    let (issuer, skew) = (issuer(&bench), SignedDuration::from_secs(120));
    let answer = bench.answered(&first.request().expect("a request"), "signataire", &["-nmin", "1"]);
    let read = |question: &Question, at: Timestamp| {
        answer::read(&answer, question, &issuer, &|_| false, at, skew).map(|a| a.status)
    };
    assert_eq!(read(&first, now()), Ok(Status::Good));
    assert_eq!(read(&first, later(400)), Err(Unanswered::Stale));
    assert_eq!(read(&first, later(-400)), Err(Unanswered::Stale), "from the future");
    assert_eq!(read(&second, now()), Err(Unanswered::OtherNonce));
    let other = question(&bench, "revoquee", [7; 32]);
    let Ok(other) = other else { panic!("a question") };
    assert_eq!(read(&other, now()), Err(Unanswered::OtherCertificate));
    // One made beforehand, for everybody, has no nonce: it holds by its times alone.
    let request = without_nonce(&first);
    let answer = bench.answered(&request, "signataire", &["-nmin", "1"]);
    let read = |at: Timestamp| answer::read(&answer, &first, &issuer, &|_| false, at, skew).map(|a| a.status);
    assert_eq!((read(now()), read(later(400))), (Ok(Status::Good), Err(Unanswered::Stale)));
    // Without nextUpdate it must be fresh.
    let answer = bench.answered(&request, "signataire", &[]);
    let read = |at: Timestamp| answer::read(&answer, &first, &issuer, &|_| false, at, skew).map(|a| a.status);
    assert_eq!((read(now()), read(later(600))), (Ok(Status::Good), Err(Unanswered::Stale)));
}

#[test]
fn answers_of_refusal_or_of_nothing_are_no_answers() {
    let bench = Bench::new();
    let Ok(question) = question(&bench, "carte", [7; 32]) else { panic!("a question") };
    let issuer = issuer(&bench);
    let read = |bytes: &[u8]| {
        answer::read(bytes, &question, &issuer, &|_| false, now(), SignedDuration::from_secs(120)).map(|a| a.status)
    };
    for status in [1u8, 2, 3, 5, 6] {
        assert_eq!(read(&[0x30, 0x03, 0x0a, 0x01, status]), Err(Unanswered::Status(status)));
    }
    assert_eq!(read(&[0x30, 0x03, 0x0a, 0x01, 0x00]), Err(Unanswered::Unreadable), "good, and says nothing");
    assert_eq!(read(b""), Err(Unanswered::Unreadable));
    assert_eq!(read(b"<html>"), Err(Unanswered::Unreadable));
    assert_eq!(read(&vec![0; MAX_ANSWER + 1]), Err(Unanswered::TooLarge));
    let mut deep = Vec::new();
    for _ in 0..40 {
        deep = [&[0x30, u8::try_from(deep.len()).expect("short")][..], &deep].concat();
    }
    assert_eq!(read(&deep), Err(Unanswered::TooLarge));
}

#[test]
fn a_silent_responder_keeps_no_call_longer_than_the_bound_and_is_left_alone_for_a_while() {
    let bench = Bench::new();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let http = Arc::new(Http::default());
    let bound = Duration::from_millis(300);
    let policy = OcspPolicy { timeout: bound, ..policy(OcspMode::Hard, Some(&url)) };
    let anchors = bench.anchors(Ocsp::new(policy, http.clone(), SystemRng::new()));
    let began = Instant::now();
    assert_eq!(told(anchors.check_status(&bench.peer("carte"), now())), unanswered());
    assert!(began.elapsed() < bound * 20, "the wait is bounded: {:?}", began.elapsed());
    for _ in 0..50 {
        assert_eq!(told(anchors.check_status(&bench.peer("carte"), now())), unanswered());
    }
    assert_eq!(http.asked.load(Relaxed), 1, "asked again at once");
}

#[test]
fn grace_covers_silence_for_its_time_counted_and_no_longer() {
    let bench = Bench::new();
    let made = Arc::new(Made(|_| Err("could not be reached"), AtomicUsize::new(0)));
    let anchors = bench.anchors(Ocsp::new(policy(OcspMode::Soft, Some("http://x/")), made, SystemRng::new()));
    let card = bench.peer("carte");
    assert_eq!(told(anchors.check_status(&card, now())), Ok(()));
    assert_eq!(told(anchors.check_status(&card, later(3500))), Ok(()));
    assert_eq!(told(anchors.check_status(&card, later(3700))), unanswered());
    let figures = anchors.ocsp().expect("asks").figures();
    assert_eq!((figures.graced, figures.refused, figures.silent), (2, 1, 1));
    // Nobody to ask: the lists alone decide under soft, nobody passes under hard.
    let nobody = |mode| {
        let made = Arc::new(Made(|_| Err("is not asked"), AtomicUsize::new(0)));
        told(bench.anchors(Ocsp::new(policy(mode, None), made, SystemRng::new())).check_status(&card, now()))
    };
    assert_eq!(nobody(OcspMode::Soft), Ok(()));
    assert_eq!(nobody(OcspMode::Hard), Err((Cause::SignerUntrusted, "no OCSP responder".into())));
}

#[test]
fn what_was_revoked_stays_so_while_the_responder_is_silent() {
    if !present() {
        return;
    }
    let bench = Bench::new();
    let responder = bench.responder("signataire", &["-nmin", "1"]);
    let (ocsp, _) = asking(OcspMode::Soft, &responder.url);
    let anchors = bench.anchors(ocsp);
    let revoked = Err((Cause::SignerRevoked, String::new()));
    assert_eq!(told(anchors.check_status(&bench.peer("revoquee"), now())), revoked);
    drop(responder);
    assert_eq!(told(anchors.check_status(&bench.peer("revoquee"), later(1000))), revoked);
}

#[test]
fn calls_that_come_together_ask_once() {
    if !present() {
        return;
    }
    let bench = Arc::new(Bench::new());
    let inner = bench.clone();
    let made = Arc::new(Made(
        move |request: Vec<u8>| {
            std::thread::sleep(Duration::from_millis(200));
            Ok(inner.answered(&request, "signataire", &["-nmin", "10"]))
        },
        AtomicUsize::new(0),
    ));
    let policy = OcspPolicy { timeout: Duration::from_secs(20), ..policy(OcspMode::Hard, Some("http://x/")) };
    let anchors = bench.anchors(Ocsp::new(policy, made.clone(), SystemRng::new()));
    let card = bench.peer("carte");
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..12).map(|_| scope.spawn(|| told(anchors.check_status(&card, now())))).collect();
        for call in calls {
            assert_eq!(call.join().expect("ends"), Ok(()));
        }
    });
    assert_eq!(made.1.load(Relaxed), 1);
}

#[test]
fn who_waits_for_anothers_question_waits_no_longer_than_the_bound_and_its_grace_is_counted() {
    let bench = Bench::new();
    let made = Arc::new(Made(
        |_| {
            std::thread::sleep(Duration::from_secs(2));
            Err("took too long")
        },
        AtomicUsize::new(0),
    ));
    let policy = OcspPolicy { timeout: Duration::from_millis(50), ..policy(OcspMode::Soft, Some("http://x/")) };
    let anchors = bench.anchors(Ocsp::new(policy, made.clone(), SystemRng::new()));
    let card = bench.peer("carte");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| told(anchors.check_status(&card, now())));
        while made.1.load(Relaxed) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(told(anchors.check_status(&card, now())), Ok(()));
        assert!(!first.is_finished(), "the other still asks");
        assert_eq!(told(anchors.check_status(&card, later(3700))), unanswered());
        assert_eq!(first.join().expect("ends"), Ok(()));
    });
    assert_eq!(made.1.load(Relaxed), 1);
}

#[test]
fn the_certificate_says_whom_to_ask_unless_the_policy_does() {
    let bench = Bench::new();
    let names = |urls: &[&str]| {
        // AccessDescriptions of id-ad-ocsp with uniformResourceIdentifiers.
        let one = |url: &&str| {
            let uri = [&[0x86, u8::try_from(url.len()).expect("short")][..], url.as_bytes()].concat();
            let body = [&[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 48, 1][..], &uri].concat();
            [&[0x30, u8::try_from(body.len()).expect("short")][..], &body].concat()
        };
        let all: Vec<u8> = urls.iter().flat_map(one).collect();
        let content = [&[0x30, 0x81, u8::try_from(all.len()).expect("short")][..], &all].concat();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "x");
        params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content));
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        let der = params.signed_by(&key, &bench.pki.issuer().expect("an issuer")).expect("signs").der().to_vec();
        request::responder_of(&der)
    };
    let ours = "http://ocsp.exemple.fr/q";
    assert_eq!(names(&[ours]).as_deref(), Some(ours));
    assert_eq!(names(&["ldap://ocsp.exemple.fr", ours, "http://autre/"]).as_deref(), Some(ours));
    for bad in ["file:///etc/passwd", "http://", "http://a@b/", "http://a b/", "gopher://x", "http:///x"] {
        assert_eq!(names(&[bad]), None, "{bad}");
    }
    assert_eq!(request::responder_of(bench.peer("carte").der()), None);
    assert_eq!(request::responder_of(b"\x30\x00"), None);
}

#[test]
fn a_verified_assertion_is_refused_once_its_signer_is_revoked_by_ocsp_although_it_is_remembered() {
    use crate::{VihfPolicy, VihfVerifier, testing::World};
    if !present() {
        return;
    }
    let bench = Arc::new(Bench::new());
    let revoked = Arc::new(AtomicUsize::new(0));
    let (inner, flag) = (bench.clone(), revoked.clone());
    // The index says that the card is revoked once the flag is up.
    let made = Made(
        move |request: Vec<u8>| {
            if flag.load(Relaxed) == 1 {
                let index = fs::read_to_string(inner.dir.join("index.txt")).expect("reads");
                let mut lines: Vec<String> = index.lines().map(str::to_owned).collect();
                lines[0] = lines[0].replacen("V\t350101000000Z\t", "R\t350101000000Z\t260101000000Z", 1);
                fs::write(inner.dir.join("index.txt"), lines.join("\n") + "\n").expect("writes");
            }
            Ok(inner.answered(&request, "signataire", &["-nmin", "1"]))
        },
        AtomicUsize::new(0),
    );
    let clock = ambient::FixedClock::at(now());
    let anchors = bench.anchors(Ocsp::new(policy(OcspMode::Hard, Some("http://x/")), Arc::new(made), SystemRng::new()));
    let verifier = VihfVerifier::new(VihfPolicy::default(), anchors, clock.clone());
    let world = World::new();
    let key = Arc::new(crate::SigningKey::from_file(&bench.dir.join("carte.key")).expect("reads"));
    let request = crate::VihfRequest { signer: bench.peer("carte"), key, issued: now(), ..world.request("medecin") };
    let text = request.sign(&*SystemRng::new()).expect("signs");
    let doc = uppsala::parse(&text).expect("well-formed");
    let root = doc.document_element().expect("a root");
    let verify = || verifier.verify(&doc, root, &bench.peer("carte")).map(|_| ()).map_err(|r| r.cause);
    assert_eq!((verify(), verify()), (Ok(()), Ok(())));
    revoked.store(1, Relaxed);
    assert_eq!(verify(), Ok(()), "the answer still holds");
    clock.set(later(100));
    assert_eq!(verify(), Err(Cause::SignerRevoked));
}

/// A signature is never made over a certificate that somebody only shows.
#[test]
fn a_certificate_is_asked_about_only_once_its_key_has_signed() {
    use crate::{VihfPolicy, VihfVerifier, testing::World};
    let bench = Bench::new();
    let made = Arc::new(Made(|_| Err("is not to be asked"), AtomicUsize::new(0)));
    let anchors = bench.anchors(Ocsp::new(policy(OcspMode::Soft, Some("http://x/")), made.clone(), SystemRng::new()));
    let clock = ambient::FixedClock::at(now());
    let verifier = VihfVerifier::new(VihfPolicy::default(), anchors, clock);
    let world = World::new();
    let key = Arc::new(crate::SigningKey::from_file(&bench.dir.join("carte.key")).expect("reads"));
    let request = crate::VihfRequest { signer: bench.peer("carte"), key, issued: now(), ..world.request("medecin") };
    let text = request.sign(&*SystemRng::new()).expect("signs").replacen(">SA07^", ">SA08^", 1);
    let doc = uppsala::parse(&text).expect("well-formed");
    let root = doc.document_element().expect("a root");
    let told = verifier.verify(&doc, root, &bench.peer("carte")).map(|_| ()).map_err(|r| r.cause);
    assert_eq!((told, made.1.load(Relaxed)), (Err(Cause::SignatureInvalid), 0));
}

fn issuer(bench: &Bench) -> Issuer {
    use x509_parser::prelude::FromDer;
    let der = crate::files::certificates(&bench.dir.join("ca.pem")).expect("reads")[0].to_vec();
    let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(&der).expect("reads");
    let key = PublicKey::from_spki(certificate.public_key()).expect("a key");
    Issuer { name: certificate.subject().as_raw().to_vec(), key }
}

fn question(bench: &Bench, name: &str, nonce: [u8; 32]) -> Result<Question, Unanswered> {
    Question::new(&issuer(bench), bench.peer(name).serial(), nonce).ok_or(Unanswered::Question)
}

/// The same question by a client that sends no nonce.
fn without_nonce(question: &Question) -> Vec<u8> {
    use der::Encode;
    let request = x509_ocsp::OcspRequest {
        tbs_request: x509_ocsp::TbsRequest {
            request_list: vec![x509_ocsp::Request {
                req_cert: question.certificate.clone(),
                single_request_extensions: None,
            }],
            ..x509_ocsp::TbsRequest::default()
        },
        optional_signature: None,
    };
    request.to_der().expect("writes")
}

/// An answer made once, the question it answers, and when.
struct Sample {
    question: Question,
    issuer: Issuer,
    good: Vec<u8>,
    revoked: Vec<u8>,
    at: Timestamp,
}

static SAMPLE: LazyLock<Option<Sample>> = LazyLock::new(|| {
    let bench = Bench::new();
    let issuer = issuer(&bench);
    if !present() {
        return None;
    }
    let (Ok(good), Ok(bad)) = (question(&bench, "carte", [7; 32]), question(&bench, "revoquee", [7; 32])) else {
        panic!("questions")
    };
    let answered = |q: &Question| bench.answered(&q.request().expect("a request"), "signataire", &["-nmin", "10"]);
    Some(Sample { good: answered(&good), revoked: answered(&bad), question: good, issuer, at: now() })
});

fn read_sample(sample: &Sample, bytes: &[u8]) -> Result<Answer, Unanswered> {
    answer::read(bytes, &sample.question, &sample.issuer, &|_| false, sample.at, SignedDuration::from_secs(120))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_answer_says_anything_else(at in 0usize..100_000, flip in 1u8..=255, cut in 0usize..4) {
        let Some(sample) = &*SAMPLE else { return Ok(()) };
        let whole = read_sample(sample, &sample.good).expect("answers");
        for (bytes, wanted) in [(&sample.good, Some(whole)), (&sample.revoked, None)] {
            let mut bytes = bytes.clone();
            let at = at % bytes.len();
            match cut {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, flip),
                2 => { bytes.remove(at); }
                _ => bytes[at] ^= flip,
            }
            // What is not signed (a certificate that is not used, a tag's spelling) may change; what is said may not.
            if let Ok(answer) = read_sample(sample, &bytes) {
                prop_assert_eq!(Some(answer), wanted, "byte {}", at);
            }
        }
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300), wrap in any::<bool>()) {
        let Some(sample) = &*SAMPLE else { return Ok(()) };
        // As they are, or as the content of a successful answer of the basic kind.
        let bytes = if wrap {
            let tlv = |tag: u8, content: &[u8]| {
                let n = content.len();
                [&[tag, 0x82, (n >> 8) as u8, n as u8][..], content].concat()
            };
            let kind = [0x06, 9, 0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
            let response = tlv(0x30, &[&kind[..], &tlv(0x04, &tlv(0x30, &bytes))].concat());
            tlv(0x30, &[&[0x0a, 1, 0][..], &tlv(0xa0, &response)].concat())
        } else {
            bytes
        };
        prop_assert!(read_sample(sample, &bytes).is_err());
    }
}

#[test]
fn a_revocation_list_still_counts_beside_a_good_answer() {
    let bench = Bench::new();
    let made = Arc::new(Made(|_| Err("is not to be asked"), AtomicUsize::new(0)));
    bench.pki.revoke("carte", Reason::KeyCompromise).expect("revokes");
    let anchors = bench.anchors(Ocsp::new(policy(OcspMode::Soft, Some("http://x/")), made, SystemRng::new()));
    let refused = anchors.check_peer(&bench.peer("carte"), now()).map_err(|r| r.cause);
    assert_eq!(refused, Err(Cause::SignerRevoked));
}
