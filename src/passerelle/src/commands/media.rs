//! `passerelle media`: sets of documents on a medium (ITI-32, XDM) — shown, put in, written.

use std::{fs::File, path::PathBuf};

use clap::{Args, Subcommand};
use desk::{Caller, Face};
use ihe::MediaError;
use space::Oid;
use trust::{Peer, TrustAnchors, VihfPolicy, VihfVerifier};
use xdm::{About, Media};

use super::{Failure, print, vihf::VihfArgs};
use crate::app::{self, Core};

#[derive(Debug, Args)]
pub(crate) struct MediaArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check a medium and say what stands in it. Needs no gateway.
    #[command(after_help = "Example: passerelle media show IHE_XDM.zip")]
    Show {
        /// The zip.
        file: PathBuf,
    },
    /// Put the sets of a medium in, as somebody's act: development data, with a certificate of pki/.
    #[command(after_help = "Example: passerelle media import IHE_XDM.zip --as medecin --ins 277076322082910")]
    Import {
        /// The zip.
        file: PathBuf,
        #[command(flatten)]
        who: VihfArgs,
    },
    /// Write a holder's sets to a medium: what the one who asks may read.
    #[command(after_help = "Example: passerelle media export --as medecin --ins 277076322082910 --out IHE_XDM.zip")]
    Export {
        /// uniqueId of a document; without any, all.
        #[arg(long = "document")]
        documents: Vec<String>,
        /// The zip to write.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        who: VihfArgs,
    },
}

pub(crate) async fn run(args: MediaArgs) -> Result<(), Failure> {
    match args.action {
        Action::Show { file } => show(&file),
        Action::Import { file, who } => import(&file, &who).await,
        Action::Export { documents, out, who } => export(&documents, &out, &who).await,
    }
}

fn opened(file: &PathBuf) -> Result<File, Failure> {
    File::open(file).map_err(|e| Failure::usage(&file.display().to_string(), &e))
}

fn show(file: &PathBuf) -> Result<(), Failure> {
    let wrong = |e: xdm::XdmError| Failure::run("media", &e);
    let mut media = Media::open(opened(file)?, xdm::Limits::default()).map_err(wrong)?;
    let sets = std::mem::take(&mut media.submission_sets);
    for set in &sets {
        for document in &set.documents {
            media.document(document, &mut std::io::sink()).map_err(wrong)?;
            let line = serde_json::json!({
                "set": set.folder, "document": document.uri, "size": document.size, "sha1": document.hash,
            });
            print(&line.to_string());
        }
    }
    let departures: Vec<String> = media.departures.iter().map(|d| format!("{d:?}")).collect();
    print(&serde_json::json!({ "sets": sets.len(), "departures": departures }).to_string());
    Ok(())
}

/// Somebody with a certificate of the development PKI, proved as a caller over the wire is.
async fn caller(who: &VihfArgs) -> Result<(Core, Caller, Oid), Failure> {
    let (config, core) = app::open_data(&who.data.data).await?;
    if !config.gateway.development {
        return Err(Failure::usage("gateway.development", &"keys of callers are here on development data alone"));
    }
    let repository =
        Oid::parse(&config.ihe.repository_unique_id).map_err(|e| Failure::usage("ihe.repository_unique_id", &e))?;
    let pki = who.data.data.join("pki");
    let anchors = TrustAnchors::of_pki(&pki).map_err(|e| Failure::usage("pki", &e))?;
    let assertion = who.signed(&core).await?;
    let wrong = |r: space::Refusal| Failure::run("credential", &format!("{r} — {}", r.cause.advice_en()));
    let peer = Peer::from_pem_file(&pki.join(format!("{}.pem", who.name))).map_err(wrong)?;
    let document = uppsala::parse(&assertion).map_err(|_| Failure::run("credential", &"the VIHF cannot be read"))?;
    let root = document.document_element().ok_or_else(|| Failure::run("credential", &"the VIHF is empty"))?;
    let verifier = VihfVerifier::new(VihfPolicy::default(), anchors, core.clock.clone());
    let credential = verifier.verify(&document, root, &peer).map_err(wrong)?;
    Ok((core, Caller::new(credential, Face::Cli), repository))
}

fn told(error: &MediaError) -> Failure {
    match error {
        MediaError::Refused(fault) => Failure::refused("media", fault),
        other => Failure::run("media", other),
    }
}

async fn import(file: &PathBuf, who: &VihfArgs) -> Result<(), Failure> {
    let file = opened(file)?;
    let (core, caller, repository) = caller(who).await?;
    let done = ihe::import(&core.desk, &repository, &caller, file).await.map_err(|e| told(&e))?;
    let mut failed = None;
    for (index, set) in done.iter().enumerate() {
        match set {
            Ok(receipt) => {
                let documents: Vec<&str> = receipt.documents.iter().map(|(id, _)| id.as_str()).collect();
                let line = serde_json::json!({
                    "set": index + 1, "documents": documents, "replayed": receipt.replayed,
                    "warnings": receipt.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
                });
                print(&line.to_string());
            }
            Err(error) => failed = failed.or(Some((index + 1, told(error)))),
        }
    }
    core.store.close().await;
    match failed {
        Some((set, failure)) => Err(failure.of(&format!("set {set}"))),
        None => Ok(()),
    }
}

/// Writes records that are nobody else's to read, over nothing that stands.
fn kept(out: &PathBuf, zip: &[u8]) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(out)?;
    file.write_all(zip)?;
    file.sync_all()
}

async fn export(documents: &[String], out: &PathBuf, who: &VihfArgs) -> Result<(), Failure> {
    let (core, caller, repository) = caller(who).await?;
    let ins = caller.patient.clone().ok_or_else(|| Failure::usage("--ins", &"say whose documents"))?;
    let institution = caller.actor.structure.as_ref().map_or("", |s| s.as_str());
    let about =
        About { institution, contact: &caller.actor.name, product: concat!("passerelle ", env!("CARGO_PKG_VERSION")) };
    let (zip, written) =
        ihe::export(&core.desk, &repository, &caller, &ins, documents, &about).await.map_err(|e| told(&e))?;
    kept(out, &zip).map_err(|e| Failure::run(&out.display().to_string(), &e))?;
    core.store.close().await;
    for document in written {
        let line = serde_json::json!({ "document": document.path, "size": document.size, "sha1": document.hash });
        print(&line.to_string());
    }
    Ok(())
}
