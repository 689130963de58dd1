//! `passerelle keys`: makes the keys of a store, and wraps its data keys anew under another master key.

use ambient::{SharedRng, SystemRng};
use clap::{Args, Subcommand};

use super::{DataArgs, Failure, print};
use crate::{app, config::Config, keys};

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the keys that the configuration names and that do not exist.
    #[command(after_help = "Example: passerelle keys make --data ./data")]
    Make(DataArgs),
    /// Wrap every data key anew under the present master key; the gateway may go on meanwhile.
    #[command(
        after_help = "Example: passerelle keys rotate --data ./data   # the old key among former_master_key_files"
    )]
    Rotate(DataArgs),
}

pub(crate) async fn run(args: KeysArgs) -> Result<(), Failure> {
    match args.action {
        Action::Make(data) => {
            let file = data.data.join("passerelle.toml");
            let config = Config::load(&file).map_err(|e| Failure::usage("configuration", &e))?;
            let rng: SharedRng = SystemRng::new();
            keys::make(&config, &rng)
        }
        Action::Rotate(data) => {
            let (_, core) = app::open_data(&data.data).await?;
            let rewrapped = core.store.rotate_keys().await.map_err(|e| Failure::run("keys", &e))?;
            core.store.close().await;
            print(&serde_json::json!({ "rewrapped": rewrapped }).to_string());
            Ok(())
        }
    }
}
