//! Starting a service's program: found in its own PATH, in a group of its own, with nothing but the
//! environment it was given and its mark.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::family::MARK;
use super::spec::{Log, Program};

/// Where programs are looked for without a PATH: confstr(3).
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

impl Program {
    /// Starts it and returns its pid; it is not waited for. The error says what to do.
    pub(super) fn start(&self, folder: &Path, log: &Log, mark: &str) -> Result<i32, String> {
        let file = log.open().map_err(|error| {
            format!("its log file {} cannot be opened: {error}", log.file.display())
        })?;
        let mut command = self.command(&self.command, folder, mark)?;
        output(&mut command, file).map_err(|error| format!("its output is in the way: {error}"))?;
        spawn(command, folder)
    }

    /// Starts another command the way the service is started, without output: a probe.
    pub(super) fn start_beside(
        &self,
        words: &[String],
        folder: &Path,
        mark: &str,
    ) -> Result<i32, String> {
        let mut command = self.command(words, folder, mark)?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        spawn(command, folder)
    }

    fn command(&self, words: &[String], folder: &Path, mark: &str) -> Result<Command, String> {
        let [name, arguments @ ..] = words else { return Err("its command is empty".into()) };
        // Found here: with a bare name and a PATH of its own, std would have to fork.
        let mut command = Command::new(self.find(name, folder)?);
        command.arg0(name).args(arguments).current_dir(folder).process_group(0);
        command.env_clear().envs(&self.inherited).envs(&self.environment).env(MARK, mark);
        command.stdin(Stdio::null());
        Ok(command)
    }

    fn find(&self, name: &str, folder: &Path) -> Result<PathBuf, String> {
        if name.contains('/') {
            return Ok(folder.join(name));
        }
        let path = self.variable("PATH").unwrap_or(PATH);
        let mut places = path.split(':').map(|place| folder.join(place).join(name));
        places.find(|place| executable(place)).ok_or_else(|| {
            format!(
                "there is no program `{name}` in its PATH ({path}): install it, or give its path"
            )
        })
    }
}

/// The dropped `Child` neither waits nor kills: the pid is what is kept.
fn spawn(mut command: Command, folder: &Path) -> Result<i32, String> {
    match command.spawn() {
        Ok(child) => Ok(child.id().cast_signed()),
        Err(error) => Err(why(&error, Path::new(command.get_program()), folder)),
    }
}

fn output(command: &mut Command, file: File) -> io::Result<()> {
    command.stdout(file.try_clone()?).stderr(file);
    Ok(())
}

fn executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The kernel has one error for several causes.
fn why(error: &io::Error, program: &Path, folder: &Path) -> String {
    let exists = program.exists();
    let (program, place) = (program.display(), folder.display());
    if !folder.is_dir() {
        return format!("its working directory {place} is not a folder: make it, or correct it");
    }
    match error.kind() {
        io::ErrorKind::NotFound if exists => {
            format!("{program} cannot run: the interpreter that its first line names is missing")
        }
        io::ErrorKind::NotFound => format!("there is no program {program}"),
        io::ErrorKind::PermissionDenied => {
            format!("{program} may not be run: chmod +x {program}")
        }
        io::ErrorKind::ExecutableFileBusy => format!("{program} is being written to"),
        _ => format!("{program} cannot be started: {error}"),
    }
}
