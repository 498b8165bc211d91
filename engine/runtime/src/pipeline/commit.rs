//! Which commit a folder stands at, as its Git files say.
//!
//! It must not change anything, nor need the program `git`. Layout: gitrepository-layout(5).

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the commit of `HEAD` in the repository around a folder; None if there is none.
pub(super) fn commit(folder: &Path) -> Option<String> {
    let git = folder.ancestors().find_map(|around| repository(&around.join(".git")))?;
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    // A further work tree shares the branches of the first one.
    let common = fs::read_to_string(git.join("commondir")).ok();
    let common = common.map_or_else(|| git.clone(), |path| git.join(path.trim()));
    let loose = [&git, &common].into_iter().find_map(|at| fs::read_to_string(at.join(name)).ok());
    loose.map(|text| text.trim().to_owned()).or_else(|| packed(&common, name))
}

/// The folder of a repository: `.git` itself, or where the file of that name points to.
fn repository(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.to_owned());
    }
    let text = fs::read_to_string(git).ok()?;
    Some(git.parent()?.join(text.trim().strip_prefix("gitdir: ")?))
}

fn packed(git: &Path, name: &str) -> Option<String> {
    let refs = fs::read_to_string(git.join("packed-refs")).ok()?;
    let mut lines = refs.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(_, of)| *of == name).map(|(commit, _)| commit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn git(folder: &Path, words: &[&str]) -> String {
        let identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main"];
        let said = Command::new("git").args(identity).args(words).current_dir(folder).output();
        let said = said.expect("git");
        assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    #[test]
    fn it_is_what_git_says() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("first");
        fs::create_dir(&folder).expect("a folder");
        assert_eq!(commit(&folder), None);
        git(&folder, &["init", "-q"]);
        assert_eq!(commit(&folder), None, "there is no commit yet");
        git(&folder, &["commit", "-q", "--allow-empty", "-m", "one"]);
        let head = git(&folder, &["rev-parse", "HEAD"]);
        assert_eq!(commit(&folder).as_ref(), Some(&head));
        git(&folder, &["pack-refs", "--all"]);
        fs::create_dir(folder.join("deep")).expect("a folder");
        assert_eq!(commit(&folder.join("deep")).as_ref(), Some(&head), "packed, from below");
        git(&folder, &["worktree", "add", "-q", "../second"]);
        assert_eq!(commit(&place.path().join("second")).as_ref(), Some(&head), "another work tree");
        git(&folder, &["checkout", "-q", "--detach"]);
        assert_eq!(commit(&folder).as_ref(), Some(&head), "no branch");
    }
}
