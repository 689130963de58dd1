//! Files, modes and refusals of the development PKI.

use std::collections::HashSet;

use crate::testing::{World, clock, rng};

use super::*;

fn pki() -> (tempfile::TempDir, Pki) {
    let dir = tempfile::tempdir().expect("a folder");
    let pki = Pki::create(&dir.path().join("pki"), clock(), rng()).expect("a CA");
    (dir, pki)
}

fn server(name: &str) -> IssueRequest {
    let kind = Kind::Server { dns: vec!["passerelle.example".into()], ips: vec![] };
    IssueRequest { key: KeyType::P256, ..IssueRequest::new(name, kind) }
}

#[test]
fn a_ca_and_a_certificate_are_never_overwritten_unless_told() {
    let (_dir, pki) = pki();
    assert!(matches!(Pki::create(&pki.dir, clock(), rng()), Err(PkiError::Exists(_))));
    pki.issue(&server("server")).expect("issues");
    let before = fs::read(pki.path("server.pem")).expect("reads");
    assert!(matches!(pki.issue(&server("server")), Err(PkiError::NameTaken(_))));
    assert_eq!(fs::read(pki.path("server.pem")).expect("reads"), before);
    pki.issue(&IssueRequest { replace: true, ..server("server") }).expect("replaces");
    assert_ne!(fs::read(pki.path("server.pem")).expect("reads"), before);
}

#[cfg(unix)]
#[test]
fn keys_are_readable_by_their_owner_only_and_nothing_temporary_is_left() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, pki) = pki();
    pki.issue(&server("server")).expect("issues");
    for key in ["ca.key", "server.key"] {
        let mode = fs::metadata(pki.path(key)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
        assert!(fs::read_to_string(pki.path(key)).expect("reads").starts_with("-----BEGIN PRIVATE KEY-----"));
    }
    let names: HashSet<String> = fs::read_dir(&pki.dir)
        .expect("lists")
        .map(|e| e.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    let expected = ["ca.pem", "ca.key", "crl.pem", "index.json", "server.pem", "server.key", ".lock"];
    assert_eq!(names, expected.into_iter().map(str::to_owned).collect());
}

#[test]
fn a_name_cannot_leave_the_folder_nor_take_the_place_of_the_ca() {
    let (_dir, pki) = pki();
    for bad in ["", "../server", "ca", "crl", "index", "a/b", "Server", "a.b"] {
        assert!(matches!(pki.issue(&server(bad)), Err(PkiError::BadName(_))), "{bad}");
    }
}

#[test]
fn the_index_tells_what_was_issued_and_revoked() {
    let (_dir, pki) = pki();
    pki.issue(&server("one")).expect("issues");
    pki.issue(&server("two")).expect("issues");
    pki.revoke("one", Reason::KeyCompromise).expect("revokes");
    assert!(matches!(pki.revoke("three", Reason::default()), Err(PkiError::Unknown(_))));
    let entries = Pki::open(&pki.dir, clock(), rng()).expect("opens").certificates().expect("lists");
    let told: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.revoked.as_ref().map(|r| r.reason))).collect();
    assert_eq!(told, [("one", Some(Reason::KeyCompromise)), ("two", None)]);
    let serials: HashSet<_> = entries.iter().map(|e| &e.serial).collect();
    assert_eq!(serials.len(), 2);
}

#[test]
fn the_server_certificate_covers_this_machine() {
    use x509_parser::{extensions::GeneralName, prelude::FromDer};
    let world = World::new();
    let der = world.der("server");
    let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(&der).expect("reads");
    let names = certificate.subject_alternative_name().expect("reads").expect("there");
    let told: Vec<String> = names
        .value
        .general_names
        .iter()
        .map(|n| match n {
            GeneralName::DNSName(n) => (*n).to_owned(),
            GeneralName::IPAddress(ip) => format!("{} bytes", ip.len()),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["localhost", "4 bytes", "16 bytes"]);
}
