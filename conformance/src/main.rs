//! Conformance of a document-sharing server, by the wire alone: ITI-18, 41, 43, 57, 62 and the DMP's own
//! messages by SOAP, PIX and PDQ v3 (ITI-45, 47), XDR, DSUB (ITI-52), the signature of a set, ITI-38 and 39 of a community's
//! gateway; PDSm (ITI-65, 66, 67, 68) and PIXm (ITI-83, 104) by FHIR.
//! Each test is named by the clause it checks. Writes JUnit XML and one HTML page; exit 1 when a clause is not met.

mod bundle;
mod client;
mod dmp;
mod exchange;
mod fhir;
mod report;
mod soap;
mod xca;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;

/// Check a server against the clauses of its standards.
#[derive(Debug, Parser)]
#[command(after_help = "Example: cargo run --manifest-path conformance/Cargo.toml -- --target https://127.0.0.1:8443 \
    --ca data/pki/ca.pem --cert data/pki/medecin.pem --key data/pki/medecin.key --ins 280117512345673 \
    --vihf vihf.xml --bearer bearer.jwt")]
pub struct Arguments {
    /// The server, without path.
    #[arg(long)]
    pub target: String,
    /// Client certificate (PEM).
    #[arg(long)]
    pub cert: PathBuf,
    /// Its private key (PEM).
    #[arg(long)]
    pub key: PathBuf,
    /// Authority of the server's certificate (PEM).
    #[arg(long)]
    pub ca: PathBuf,
    /// A holder whose documents the caller may read and feed.
    #[arg(long)]
    pub ins: String,
    /// OID of the register of the number.
    #[arg(long, default_value = "1.2.250.1.213.1.4.10")]
    pub oid: String,
    /// File of a signed VIHF of the caller for the holder. Without it the SOAP clauses are skipped.
    #[arg(long)]
    pub vihf: Option<PathBuf>,
    /// File of a bearer of the caller for the holder. Without it the FHIR clauses are skipped.
    #[arg(long)]
    pub bearer: Option<PathBuf>,
    /// A number (INS) that has no record.
    #[arg(long)]
    pub nobody: Option<String>,
    /// File of a signed VIHF of the caller for that number. Without both, what is asked of it is skipped.
    #[arg(long)]
    pub nobody_vihf: Option<PathBuf>,
    /// Path of the registry service.
    #[arg(long, default_value = "/si-dmp-server/v2/services/registry")]
    pub registry: String,
    /// Path of the repository service.
    #[arg(long, default_value = "/si-dmp-server/v2/services/repository")]
    pub repository: String,
    /// Path of the patients service.
    #[arg(long, default_value = "/si-dmp-server/v2/services/patients")]
    pub patients: String,
    /// Path of the habilitations service.
    #[arg(long, default_value = "/si-dmp-server/v2/services/habilitations")]
    pub habilitations: String,
    /// Path of the PIX manager.
    #[arg(long, default_value = "/ihe/services/pix")]
    pub pix: String,
    /// Path of the Patient Demographics Supplier.
    #[arg(long, default_value = "/ihe/services/pdq")]
    pub pdq: String,
    /// Path of the Document Recipient (XDR).
    #[arg(long, default_value = "/ihe/services/xdr")]
    pub xdr: String,
    /// Path of the notification broker (DSUB).
    #[arg(long, default_value = "/ihe/services/dsub")]
    pub dsub: String,
    /// An address that the server may tell of what is new for the caller. Without it what needs one is skipped.
    #[arg(long)]
    pub consumer: Option<String>,
    /// repositoryUniqueId of the server.
    #[arg(long, default_value = "1.2.250.1.213.4.1.1.1.2")]
    pub repository_id: String,
    /// Path of the responding gateway (XCA).
    #[arg(long, default_value = "/ihe/services/xca")]
    pub xca: String,
    /// homeCommunityId of the server (an OID). Without it the clauses of communities are skipped.
    #[arg(long)]
    pub home: Option<String>,
    /// Path of the FHIR base.
    #[arg(long, default_value = "/fhir")]
    pub fhir: String,
    /// Where JUnit XML is written.
    #[arg(long, default_value = "conformance.xml")]
    pub junit: PathBuf,
    /// Where the HTML page is written.
    #[arg(long, default_value = "conformance.html")]
    pub html: PathBuf,
    /// Run only clauses whose name holds this text.
    #[arg(long)]
    pub only: Option<String>,
}

/// A clause: its name, what it says, and how it is checked.
pub struct Clause {
    /// Standard and section, as an identifier.
    pub name: &'static str,
    /// What it asks, in one sentence.
    pub asks: &'static str,
    /// The check; the error says what was seen instead.
    pub check: fn(&client::Server) -> Result<(), String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let server = match client::Server::new(&arguments) {
        Ok(server) => server,
        Err(problem) => {
            eprintln!("passerelle-conformance: {problem}");
            return ExitCode::from(2);
        }
    };
    let mut outcomes = Vec::new();
    for (face, clauses, ready) in [
        ("soap", soap::CLAUSES, server.vihf.is_some()),
        ("dmp", dmp::CLAUSES, server.vihf.is_some()),
        ("dmp", dmp::OF_NOBODY, server.nobody.is_some()),
        ("exchange", exchange::CLAUSES, server.vihf.is_some()),
        ("exchange", exchange::OF_A_CONSUMER, server.vihf.is_some() && server.consumer.is_some()),
        ("xca", xca::CLAUSES, server.vihf.is_some() && server.home.is_some()),
        ("fhir", fhir::CLAUSES, server.bearer.is_some()),
    ] {
        for clause in clauses {
            if arguments.only.as_ref().is_some_and(|only| !clause.name.contains(only.as_str())) {
                continue;
            }
            let began = Instant::now();
            let result = ready.then(|| (clause.check)(&server));
            let outcome = report::Outcome { face, name: clause.name, asks: clause.asks, result, took: began.elapsed() };
            println!("{outcome}");
            outcomes.push(outcome);
        }
    }
    let written = std::fs::write(&arguments.junit, report::junit(&outcomes))
        .and_then(|()| std::fs::write(&arguments.html, report::html(&outcomes, &arguments.target)));
    if let Err(error) = written {
        eprintln!("passerelle-conformance: the report cannot be written: {error}");
        return ExitCode::from(2);
    }
    let (met, failed, skipped) = report::count(&outcomes);
    println!("conformance: {met} met, {failed} not met, {skipped} skipped");
    if failed == 0 && met > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
