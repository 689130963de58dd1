//! A certificate authority for tests, made by the `openssl` program: what it makes, others made.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use tempfile::TempDir;

/// Whether a program can be run here; a test that needs it says so and ends otherwise.
pub(crate) fn present(program: &str) -> bool {
    let argument = if program == "xmllint" { "--version" } else { "version" };
    let run = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let present = run.is_ok_and(|status| status.success());
    if !present {
        report(&format!("skipped: no {program} here"));
    }
    present
}

#[expect(clippy::print_stderr, reason = "a test that was skipped must say so")]
fn report(text: &str) {
    eprintln!("{text}");
}

/// Extensions of a certificate that stamps time.
pub(crate) const STAMPING: &str = "extendedKeyUsage = critical, timeStamping\nkeyUsage = critical, digitalSignature\n";

/// Extensions of an intermediate authority, which names no purpose.
pub(crate) const AUTHORITY: &str = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n";

const CONFIG: &str = "[req]\ndistinguished_name = dn\n[dn]\n[ca]\nbasicConstraints = critical, CA:TRUE\n\
                      keyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n";

/// A folder with an authority `ca` and what it issued.
pub(crate) struct Authority(TempDir);

impl Authority {
    /// A new one.
    pub(crate) fn new() -> Self {
        let authority = Self(tempfile::tempdir().expect("a folder"));
        authority.write("openssl.cnf", CONFIG);
        authority.openssl(&format!(
            "req -x509 {} -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=ca -config openssl.cnf -extensions ca",
            new_key("P-256"),
        ));
        authority
    }

    /// Issues `name`.pem with `name`.key (`key`: `rsa` or a curve), signed by `issuer`.
    pub(crate) fn issue(&self, issuer: &str, name: &str, key: &str, extensions: &str) {
        self.write("extensions", extensions);
        let key = new_key(key);
        self.openssl(&format!(
            "req {key} -nodes -keyout {name}.key -out {name}.csr -subj /CN={name} -config openssl.cnf"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -days 30 -out {name}.pem \
             -extfile extensions"
        ));
    }

    /// Runs `openssl`, which must succeed.
    pub(crate) fn openssl(&self, arguments: &str) {
        let output = self.run(arguments);
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs `openssl`.
    pub(crate) fn run(&self, arguments: &str) -> std::process::Output {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(self.0.path()).stdin(Stdio::null());
        command.output().expect("openssl runs")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("writes");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        read(&self.path(name))
    }

    /// The certificate `name`.pem.
    pub(crate) fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(&self.read(&format!("{name}.pem"))).expect("a certificate")
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("reads")
}

fn new_key(key: &str) -> String {
    match key {
        "rsa" => "-newkey rsa:2048".to_owned(),
        curve => format!("-newkey ec -pkeyopt ec_paramgen_curve:{curve}"),
    }
}
