//! `windlass check`: everything that is wrong with all files, at once.

use std::path::PathBuf;

use clap::Args;
use runtime::engine::{Checked, Problem, check};
use runtime::project::FileType;
use runtime::store::{SqliteStore, Store};
use serde_json::json;

use crate::call::Call;
use crate::given::GivenArgs;
use crate::problem::{Exit, tell_wrong};

/// Check files: all errors of all of them at once
#[derive(Args)]
pub(crate) struct Check {
    /// Files, or names of stacks and pipelines; by default every file of the project
    files: Vec<String>,
    #[command(flatten)]
    given: GivenArgs,
}

pub(crate) fn run(call: &Call, args: &Check) -> Result<Exit, Problem> {
    let project = call.known_project()?;
    let files = args.files.iter().map(|named| located(call, named)).collect::<Result<Vec<_>, _>>()?;
    let only = (!files.is_empty()).then_some(files.as_slice());
    let kinds = call.kinds();
    // Outputs of other stacks are known from the store, if there is one.
    let path = SqliteStore::path(&project.home);
    let store = path
        .is_file()
        .then(|| SqliteStore::open(&path, "", kinds.clone()).map_err(Problem::Store))
        .transpose()?;
    let store = store.as_ref().map(|store| store as &dyn Store);
    let given = args.given.all(call)?;
    let Checked { files, wrong } = check(&project, &kinds, store, only, &given)?;
    let bad = wrong.diagnostics.has_errors();
    if !wrong.diagnostics.is_empty() || call.screen.json {
        tell_wrong(wrong, &call.screen);
    }
    let (count, plural) = (files.len(), if files.len() == 1 { "" } else { "s" });
    call.screen.event("files", json!({ "files": files }));
    if !bad {
        let took = call.took().as_secs_f64();
        call.screen.answer(&format!("{count} file{plural} checked, no errors  {took:.2} s\n"));
        return Ok(Exit::Done);
    }
    call.screen.complain(&match call.screen.json {
        true => String::new(),
        false => format!("{count} file{plural} checked; `windlass explain KIND` lists the keys of a kind\n"),
    });
    Ok(Exit::Usage)
}

fn located(call: &Call, named: &str) -> Result<PathBuf, Problem> {
    let project = call.known_project()?;
    let found = FileType::ALL
        .into_iter()
        .find_map(|of| project.locate(named, of, &call.around.folder));
    found.map_or_else(|| call.locate(&project, named, FileType::Stack), Ok)
}
