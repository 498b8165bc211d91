//! `windlass pushed`: is the hook of a push to a repository that is served. Not for people.

use std::io::Read;

use clap::Args;
use runtime::engine::Problem;
use server::Hook;

use crate::call::{Call, light};
use crate::problem::{Exit, failed, usage};

/// Tell the server of a push, and show what comes of it
#[derive(Args)]
pub(crate) struct Pushed {}

pub(crate) fn run(call: &Call) -> Result<Exit, Problem> {
    let told = |name: &str| {
        let value = call.around.variable(name).map(str::to_owned);
        value.ok_or_else(|| usage(format!("{name} is not set"), "`windlass serve` starts this"))
    };
    let hook = Hook {
        address: told("WINDLASS_HOOK_ADDRESS")?,
        key: told("WINDLASS_HOOK_KEY")?,
        repository: told("WINDLASS_HOOK_REPOSITORY")?,
        untold: told("WINDLASS_HOOK_UNTOLD")?.into(),
    };
    let mut lines = String::new();
    let read = std::io::stdin().read_to_string(&mut lines);
    read.map_err(|error| failed(format!("cannot read what was pushed: {error}")))?;
    let passed = light()?.block_on(async {
        let mut out = std::io::stdout();
        server::pushed(&hook, &lines, &mut out).await
    });
    Ok(if passed { Exit::Done } else { Exit::Failed })
}
