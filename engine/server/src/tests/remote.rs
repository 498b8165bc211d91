//! A repository that lives elsewhere: a real one, on disk, and over HTTP with a password.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What pushes to `main` start.
pub(super) const PIPELINE: &str = "pipeline: shop\non: { push: { branches: [\"**\"] } }\n\
                                   steps: { go: { run: [\"true\"] } }\n";

/// A repository that lives elsewhere.
pub(super) struct Remote {
    folder: TempDir,
}

impl Remote {
    pub(super) fn new() -> Self {
        let remote = Self { folder: tempfile::tempdir().unwrap() };
        remote.git(&["init", "--quiet", "--initial-branch=main", "."]);
        remote.git(&["config", "user.name", "Ada"]);
        remote.git(&["config", "user.email", "ada@shop.test"]);
        remote.commit("first", "pipelines/shop.yml", PIPELINE);
        remote
    }

    pub(super) fn url(&self) -> String {
        self.folder.path().display().to_string()
    }

    pub(super) fn git_folder(&self) -> PathBuf {
        self.folder.path().join(".git")
    }

    /// Commits a file to the branch that is checked out, and returns the commit.
    pub(super) fn commit(&self, title: &str, path: &str, text: &str) -> String {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::write(file, text).unwrap();
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", title]);
        self.git(&["update-server-info"]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(self.folder.path());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
