//! The corpus given to `xmlsec1` too, and both verdicts kept in `docs/trust-vectors.md`.
//!
//! The comparison is one-sided: what `xmlsec1` finds wrong with a signature we may never accept. It knows nothing of
//! SAML, of a VIHF or of our policy, so that much of what it finds right is refused here, each time for a reason.

use std::{fmt::Write, fs, path::Path, process::Command};

use super::{corpus::made, *};
use crate::vectors::{Vector, Workshop};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/trust-vectors.md");

/// What `xmlsec1` says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The first signature of the message is good.
    Good,
    /// It is not.
    Bad,
    /// There is none, or it cannot be judged.
    Unjudged,
}

impl Told {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "OK",
            Self::Bad => "FAIL",
            Self::Unjudged => "error",
        }
    }
}

/// `xmlsec1`'s version; `None`, said on stderr, when it is not here.
fn version() -> Option<String> {
    let output = Command::new("xmlsec1").arg("--version").output().ok().filter(|o| o.status.success());
    let Some(output) = output else {
        crate::testing::without_xmlsec1();
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.split_whitespace().nth(1).unwrap_or_default().to_owned())
}

/// Asks `xmlsec1` about a file, at the instant of the tests.
fn ask(file: &Path, authority: &Path) -> Told {
    let at = crate::testing::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
    let output = Command::new("xmlsec1")
        .args(["--verify", "--crypto", "openssl", "--verification-gmt-time", &at])
        .args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", "--trusted-pem"])
        .args([authority, file])
        .output()
        .expect("xmlsec1 runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    match output.status.success() {
        true => Told::Good,
        false if said.lines().any(|line| line == "FAIL") => Told::Bad,
        false => Told::Unjudged,
    }
}

/// One row: the vector, our verdict, theirs.
struct Row<'v> {
    vector: &'v Vector,
    ours: String,
    theirs: Told,
}

fn rows<'v>(world: &World, vectors: &'v [Vector], workshop: &Workshop) -> Vec<Row<'v>> {
    let (verifier, peer) = (verifier(world), world.peer("medecin-ec"));
    let folder = tempfile::tempdir().expect("a folder");
    let row = |vector: &'v Vector| {
        let file = folder.path().join(format!("{}.xml", vector.name));
        fs::write(&file, &vector.message).expect("writes");
        let ours = match super::corpus::judge(&verifier, &peer, &vector.message) {
            Ok(_) => "accepted".to_owned(),
            Err(refusal) => refusal.cause.code().to_owned(),
        };
        Row { vector, ours, theirs: ask(&file, &workshop.authority()) }
    };
    vectors.iter().map(row).collect()
}

fn page(rows: &[Row<'_>], version: &str) -> String {
    let hostile = rows.iter().filter(|r| r.vector.expected.is_err());
    let passed: Vec<&Row<'_>> = hostile.clone().filter(|r| r.theirs == Told::Good).collect();
    let mut page = format!(
        "# Hostile assertions: our verdict and xmlsec1's\n\n\
         Written by `UPDATE_DOCS=1 cargo test -p trust xmlsec` with xmlsec1 {version} (OpenSSL), which is given the \
         authority, the instant and the name of the ID attribute, and no revocation list. `OK`: it finds the first \
         signature of the message good; `FAIL`: it finds it wrong; `error`: it finds none, or cannot judge it. The \
         messages are made anew at each run by `src/trust/src/vectors/`; the causes are explained in \
         [errors.md](errors.md).\n\n\
         {} hostile messages, all refused; {} sound ones, all accepted. Nothing is accepted that xmlsec1 finds wrong.\n\n\
         ## Refused although the signature is good\n\n\
         {} of the hostile messages bear a signature that xmlsec1 finds good: it is not asked what was signed, by whom \
         it may be, or what is read. These are what a verifier of signatures alone lets through.\n\n\
         | message | refused for | because |\n|---|---|---|\n",
        hostile.count(),
        rows.iter().filter(|r| r.vector.expected.is_ok()).count(),
        passed.len(),
    );
    for row in passed {
        let _ = writeln!(page, "| {} | `{}` | {} |", row.vector.name, row.ours, row.vector.about);
    }
    page.push_str("\n## All messages\n\n| message | ours | xmlsec1 | what it is |\n|---|---|---|---|\n");
    for row in rows {
        let (name, ours, theirs) = (&row.vector.name, &row.ours, row.theirs.word());
        let _ = writeln!(page, "| {name} | `{ours}` | {theirs} | {} |", row.vector.about);
    }
    page
}

#[test]
fn nothing_is_accepted_that_xmlsec1_finds_wrong() {
    let Some(version) = version() else { return };
    let (world, vectors, workshop) = made();
    let rows = rows(&world, &vectors, &workshop);
    let worse: Vec<&str> = rows
        .iter()
        .filter(|row| row.ours == "accepted" && row.theirs != Told::Good)
        .map(|row| row.vector.name.as_str())
        .collect();
    assert!(worse.is_empty(), "accepted here, refused by xmlsec1: {worse:?}");
    let page = page(&rows, &version);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PAGE, page).expect("written");
        return;
    }
    let kept = fs::read_to_string(PAGE).expect("docs/trust-vectors.md");
    // Another version may judge weak algorithms otherwise: then our own verdicts are compared alone.
    if kept.contains(&format!("xmlsec1 {version} ")) {
        let differ = kept.lines().zip(page.lines()).find(|(kept, now)| kept != now);
        assert!(kept == page, "UPDATE_DOCS=1 cargo test -p trust xmlsec: {differ:?}");
    } else {
        let ours = |row: &Row<'_>| format!("| {} | `{}` | ", row.vector.name, row.ours);
        for row in &rows {
            assert!(kept.contains(&ours(row)), "{}: UPDATE_DOCS=1 cargo test -p trust xmlsec", row.vector.name);
        }
    }
}
