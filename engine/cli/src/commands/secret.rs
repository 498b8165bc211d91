//! `windlass secret`: the secrets of the project, by name. Never prints one.

use std::io::Read;

use clap::{Args, Subcommand};
use model::SecretText;
use runtime::engine::Problem;
use runtime::secret::FILE;
use serde_json::json;

use crate::call::Call;
use crate::problem::{Exit, failed, usage};

/// Keep secrets, encrypted, in the repository
///
/// A file reads one as `${secret.NAME}`. The environment wins: `WINDLASS_SECRET_NAME`.
#[derive(Args)]
pub(crate) struct Secret {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Keep a secret; its text comes from the terminal or from standard input, never from an argument
    Set {
        /// Its name
        name: String,
    },
    /// List names
    List,
    /// Take a secret out
    Rm {
        /// Its name
        name: String,
    },
}

pub(crate) fn run(call: &Call, args: &Secret) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    let vault = &engine.vault;
    let wrong = |error: runtime::secret::SecretError| {
        usage(
            error.to_string(),
            "names have letters, digits, `_` and `-`; texts are long enough to be covered in logs",
        )
    };
    match &args.verb {
        Verb::Set { name } => {
            let text = read(call, name)?;
            vault.set(name, Some(SecretText::new(text))).map_err(wrong)?;
            call.screen.event("secret_set", json!({ "name": name }));
            call.screen.answer(&format!("{name} is kept, encrypted, in {FILE}\n"));
        }
        Verb::List => {
            for name in vault.names() {
                call.screen.event("secret", json!({ "name": name }));
                call.screen.answer(&format!("{name}\n"));
            }
            if vault.names().is_empty() {
                call.screen.note("no secrets are kept; `windlass secret set NAME` keeps one");
            }
        }
        Verb::Rm { name } => {
            if !vault.names().contains(name) {
                return Err(usage(
                    format!("there is no secret `{name}`"),
                    "`windlass secret list`",
                ));
            }
            vault.set(name, None).map_err(wrong)?;
            call.screen.event("secret_removed", json!({ "name": name }));
            call.screen.answer(&format!("{name} is no longer kept\n"));
        }
    }
    Ok(Exit::Done)
}

fn read(call: &Call, name: &str) -> Result<String, Problem> {
    let unread = |error| failed(format!("cannot read the secret: {error}"));
    if call.screen.asks {
        let text = call.screen.ask_unseen(&format!("{name}: "));
        return text.ok_or_else(|| usage("nothing was typed", "type the secret, then Enter"));
    }
    let mut text = String::new();
    std::io::stdin().take(1 << 20).read_to_string(&mut text).map_err(unread)?;
    // Of one line the line end is the shell's; of several it belongs to the text, as in a key file.
    match text.trim_end_matches(['\r', '\n']) {
        line if !line.contains('\n') => Ok(line.to_owned()),
        _ => Ok(text),
    }
}
