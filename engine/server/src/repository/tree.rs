//! The work tree of a repository: one, an ordinary project, at the commit of the run that is under way.
//!
//! Files that Git does not know stay: state, data, what steps left.

use std::fs;

use runtime::engine::Problem;

use crate::folder::Folder;
use crate::git::{finished, git, told};
use crate::trouble::{place, refused};

/// Puts the work tree of a repository at a commit: every file of it as it is there, and none that was
/// there before and is not any more.
///
/// # Errors
/// The commit is not there, holds what must not be in Git, or cannot be written.
pub(crate) async fn check_out(folder: &Folder, name: &str, commit: &str) -> Result<(), Problem> {
    let repository = folder.repository(name);
    let tree = folder.project(name).root;
    fs::create_dir_all(&tree).map_err(|error| place("make", &tree, error))?;
    let own = told(&repository, ["ls-tree", "--name-only", commit, "--", ".windlass"]).await?;
    if !own.trim().is_empty() {
        let message = "this commit holds `.windlass`, where state and keys lie: never in Git";
        return Err(refused(message, "git rm -r --cached .windlass, commit and push again"));
    }
    let index = folder.index(name);
    // Only one run of a repository is under way, so whoever held this is gone.
    let lock = index.with_extension("index.lock");
    if lock.exists() {
        fs::remove_file(&lock).map_err(|error| place("remove", &lock, error))?;
    }
    let mut command = git(&repository);
    command.env("GIT_WORK_TREE", &tree).env("GIT_INDEX_FILE", &index).current_dir(&tree);
    command.args(["read-tree", "--reset", "-u", commit]);
    finished(command, &[]).await.map(|_| ())
}
