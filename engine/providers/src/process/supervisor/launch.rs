//! Starting a supervisor so that nothing of whoever started it clings to it.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::diary::FILE;

/// How to start the supervisor: a command that ends up in [`run`](super::run).
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program; absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment. Nothing of a run belongs in it (a token above all): the supervisor
    /// outlives the run, and a sweep for the run's processes must not find it.
    pub environment: Vec<(OsString, OsString)>,
}

impl Launch {
    /// Starts it. It is not known yet whether it wins the lock.
    pub(super) fn start(&self, home: &Path) -> io::Result<Child> {
        let mut options = OpenOptions::new();
        let log = options.create(true).append(true).mode(0o600).open(home.join(FILE))?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // No group of its own: it could not begin a session of its own then.
        command.spawn()
    }
}

/// Makes the supervisor's folder, for this user alone.
pub fn prepare(home: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(home)?;
    let folder = fs::metadata(home)?;
    if folder.uid() != rustix::process::geteuid().as_raw() {
        let why = format!("{} belongs to another user ({})", home.display(), folder.uid());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    if folder.mode() & 0o077 != 0 {
        fs::set_permissions(home, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}
