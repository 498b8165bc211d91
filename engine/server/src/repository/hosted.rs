//! A bare repository, made where it is not there, with the hook that tells of pushes.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use runtime::engine::Problem;

use crate::git::{asked, finished, git};
use crate::trouble::place;

/// What `git receive-pack` runs once a push is in. The server says by environment which program it is.
const HOOK: &str = "#!/bin/sh\n# Written by windlass serve. Tells it of a push, and shows what comes of it.\n\
                    exec \"$WINDLASS_PROGRAM\" pushed\n";

/// Sees to it that there is a bare repository with our hook.
///
/// # Errors
/// It cannot be made.
pub(crate) async fn host(repository: &Path) -> Result<(), Problem> {
    if !repository.join("HEAD").is_file() {
        fs::create_dir_all(repository).map_err(|error| place("make", repository, error))?;
        let mut init = git(repository);
        init.args(["init", "--quiet", "--bare", "--initial-branch=main", "--template=", "."]);
        finished(init, &[]).await?;
    }
    let settings = [
        // A push that would lose commits is the pusher's to force.
        ("receive.advertisePushOptions", "false"),
        ("transfer.fsckObjects", "true"),
        ("gc.auto", "2000"),
        ("gc.autoDetach", "true"),
        ("uploadpack.allowFilter", "true"),
    ];
    let config = repository.join("config");
    let text = fs::read_to_string(&config).map_err(|error| place("read", &config, error))?;
    // Whoever was killed in the middle of this did not come to the last one.
    if !text.contains("allowFilter") {
        for (key, value) in settings {
            asked(repository, ["config", key, value]).await?;
        }
    }
    hook(repository).map_err(|error| place("write", &repository.join("hooks"), error))
}

fn hook(repository: &Path) -> io::Result<()> {
    let hooks = repository.join("hooks");
    let hook = hooks.join("post-receive");
    if fs::read_to_string(&hook).is_ok_and(|text| text == HOOK) {
        return Ok(());
    }
    fs::create_dir_all(&hooks)?;
    let new = hooks.join("post-receive.new");
    fs::write(&new, HOOK)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
    fs::rename(new, hook)
}
