//! `windlass check`: everything that is wrong with all files, at once.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use runtime::engine::{Checked, Problem, check};
use runtime::project::FileType;
use runtime::store::{SqliteStore, Store};
use serde_json::json;

use crate::call::Call;
use crate::given::GivenArgs;
use crate::problem::{Exit, tell_wrong};
use crate::render::diagnostics::well;
use crate::{outside, remarks, render};

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
    let files =
        args.files.iter().map(|named| located(call, named)).collect::<Result<Vec<_>, _>>()?;
    let only = (!files.is_empty()).then_some(files.as_slice());
    let kinds = providers::kinds();
    // Outputs of other stacks are known from the store, if there is one.
    let path = SqliteStore::path(&project.home);
    let store = path
        .is_file()
        .then(|| SqliteStore::open(&path, "", kinds.clone()).map_err(Problem::Store))
        .transpose()?;
    let store = store.as_ref().map(|store| store as &dyn Store);
    let given = args.given.all(call)?;
    let Checked { files, wrong, schedules } = check(&project, &kinds, store, only, &given)?;
    let (errors, warnings) = (wrong.diagnostics.errors(), wrong.diagnostics.warnings());
    let exit = if errors == 0 { Exit::Done } else { Exit::Usage };
    let (style, now) = (call.screen.style, outside::moment().timestamp());
    match wrong.diagnostics.is_empty() {
        true => {
            let due = render::schedules::due(&schedules, now, style);
            call.screen.answer(&format!("{}{due}", well(files.len(), style)));
        }
        false => tell_wrong(wrong, files.len(), exit, &call.screen),
    }
    if only.is_none() {
        remarks::tell(call, &project, store, &BTreeSet::new())?;
    }
    let mut event = json!({ "files": files, "errors": errors, "warnings": warnings });
    if !schedules.is_empty() {
        event["schedules"] = render::schedules::due_json(&schedules, now);
    }
    call.screen.event("checked", event);
    Ok(exit)
}

fn located(call: &Call, named: &str) -> Result<PathBuf, Problem> {
    let project = call.known_project()?;
    let found =
        FileType::ALL.into_iter().find_map(|of| project.locate(named, of, &call.around.folder));
    found.map_or_else(|| call.locate(&project, named, FileType::Stack), Ok)
}
