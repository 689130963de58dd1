//! Keys of the store: where they come from, and making them.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

use ambient::SharedRng;
use store::{EvidenceKey, EvidenceVerifier, LocalMaster, MasterKeys, StoreError, Witness};

use crate::{commands::Failure, config::Config};

fn failed(error: &StoreError) -> Failure {
    Failure::usage("keys", error)
}

/// The master keys that a configuration names.
pub(crate) fn masters(config: &Config) -> Result<MasterKeys, Failure> {
    let store = &config.store;
    let current = if store.master_key.is_empty() {
        LocalMaster::from_file(&store.master_key_file)
    } else {
        LocalMaster::from_text(&store.master_key)
    };
    let former: Result<Vec<_>, _> = store.former_master_key_files.iter().map(|f| LocalMaster::from_file(f)).collect();
    Ok(MasterKeys::new(current.map_err(|e| failed(&e))?, former.map_err(|e| failed(&e))?))
}

/// The key that signs heads, unless none is named.
pub(crate) fn evidence(config: &Config) -> Result<Option<Arc<EvidenceKey>>, Failure> {
    let path = &config.evidence.key_file;
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let text = store::read_secret(path).map_err(|e| failed(&e))?;
    EvidenceKey::from_text(&text).map(|key| Some(Arc::new(key))).map_err(|e| failed(&e))
}

/// By what `verify` checks: the key's public half, and the heads kept in `heads`.
pub(crate) fn witness(config: &Config, heads: Option<&Path>) -> Result<Witness, Failure> {
    witness_of(evidence(config)?.map(|key| key.verifier()), heads)
}

/// The same, with a public key that is given.
pub(crate) fn witness_of(verifier: Option<EvidenceVerifier>, heads: Option<&Path>) -> Result<Witness, Failure> {
    let kept = match (heads, &verifier) {
        (Some(path), Some(verifier)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| Failure::usage("--heads", &format!("{}: {e}", path.display())))?;
            verifier.open_all(&text).map_err(|n| {
                Failure::run("--heads", &format!("head {n} of the file is not signed by the gateway's key"))
            })?
        }
        (Some(_), None) => {
            return Err(Failure::usage(
                "--heads",
                &"evidence.key_file is empty: without the key no head can be checked",
            ));
        }
        (None, _) => Vec::new(),
    };
    Ok(Witness { verifier, heads: kept })
}

/// Makes the keys that are missing.
pub(crate) fn make(config: &Config, rng: &SharedRng) -> Result<(), Failure> {
    if config.store.master_key.is_empty() {
        secret(&config.store.master_key_file, || Ok(LocalMaster::make(rng)))?;
    }
    if !config.evidence.key_file.as_os_str().is_empty() {
        secret(&config.evidence.key_file, || EvidenceKey::make().map_err(|e| failed(&e)))?;
    }
    Ok(())
}

/// Writes a secret where there is none, readable by its owner alone.
fn secret(path: &Path, make: impl FnOnce() -> Result<String, Failure>) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let text = make()?;
    let written = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Whole or not at all: a key cut in half would lock its store for ever.
        let temporary = path.with_extension("new");
        let _ = std::fs::remove_file(&temporary);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        // In its place for good before anything is sealed under it.
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()
    };
    written().map_err(|e| Failure::run("keys", &format!("{}: {e}", path.display())))
}
