//! What a person should know of a project as a whole: stacks that are left without a file, and files that
//! nobody reads.
//!
//! It must not change anything.

use std::collections::BTreeSet;

use runtime::engine::{Loaded, Problem};
use runtime::pipeline::names_given;
use runtime::project::{FileType, Project};
use runtime::store::Store;
use serde_json::json;

use crate::call::{Call, declared_as};
use crate::render::measure::counted;
use crate::render::problem::remark;

/// One of them.
pub(crate) struct Remark {
    /// The stack or file.
    pub(crate) about: String,
    /// What is with it.
    pub(crate) is: String,
    /// What to do.
    pub(crate) mend: String,
}

/// A stack of which something exists, and that no file declares.
pub(crate) struct Left {
    /// Its name.
    pub(crate) stack: String,
    /// How many of its resources are remembered.
    pub(crate) resources: usize,
}

impl Left {
    /// Returns what to do with it.
    pub(crate) fn mend(&self) -> String {
        format!("put its file back, or take away what is there: windlass destroy {}", self.stack)
    }
}

/// Returns the stacks that are left without a file. Those that are `seen` have one.
pub(crate) fn left(
    project: &Project,
    store: &dyn Store,
    seen: &BTreeSet<String>,
) -> Result<Vec<Left>, Problem> {
    let mut left = Vec::new();
    for stack in store.stacks()?.into_iter().filter(|stack| !seen.contains(stack)) {
        let resources = store.rows(&stack)?.len();
        if resources > 0 && !is_meant(project, &stack) {
            left.push(Left { stack, resources });
        }
    }
    Ok(left)
}

/// Whether a file has this name, or a pipeline gives it to one.
fn is_meant(project: &Project, stack: &str) -> bool {
    let gives_it = |file| {
        let loaded = Loaded::read(project, file).ok();
        loaded.is_some_and(|loaded| {
            names_given(loaded.document.root()).iter().any(|(name, _)| name == stack)
        })
    };
    declared_as(project, stack, FileType::Stack, None).is_some()
        || project.files(FileType::Pipeline).unwrap_or_default().iter().any(|file| gives_it(file))
}

/// Returns everything that is to be said of a project, beside the stacks that were `seen`.
pub(crate) fn remarks(
    project: &Project,
    store: Option<&dyn Store>,
    seen: &BTreeSet<String>,
) -> Result<Vec<Remark>, Problem> {
    let left = store.map(|store| left(project, store, seen)).transpose()?.unwrap_or_default();
    let mut remarks: Vec<Remark> = left.iter().map(of_left).collect();
    for of in FileType::ALL {
        for file in project.strays(of) {
            let nested = file.parent().is_none_or(|parent| !parent.ends_with(of.folder()));
            let mend = match nested {
                true => format!(
                    "move it into {}/ itself: folders within are not looked into",
                    of.folder()
                ),
                false => "let its name end in `.yml`".to_owned(),
            };
            let about = file.display().to_string();
            remarks.push(Remark { is: format!("{about} is not read"), about, mend });
        }
    }
    Ok(remarks)
}

fn of_left(left: &Left) -> Remark {
    let Left { stack, resources } = left;
    let is = format!("the stack `{stack}` has {} and no file", counted(*resources, "resource"));
    Remark { about: stack.clone(), is, mend: left.mend() }
}

/// Says all of it, beside the answer.
pub(crate) fn tell(
    call: &Call,
    project: &Project,
    store: Option<&dyn Store>,
    seen: &BTreeSet<String>,
) -> Result<(), Problem> {
    for Remark { about, is, mend } in remarks(project, store, seen)? {
        let event = json!({ "about": about, "message": is, "help": mend });
        call.screen.event("remark", event);
        if !call.screen.json {
            call.screen.complain(&remark(&is, &mend, call.screen.style));
        }
    }
    Ok(())
}
