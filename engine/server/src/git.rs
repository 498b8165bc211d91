//! One call of `git`: with nothing of this machine's or person's settings, and never without end.
//!
//! It must not know what repositories are for.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use runtime::engine::Problem;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::trouble::failed;

/// How long a call on this machine may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Returns a call of `git` in a repository, ready for arguments. It is killed when it is dropped.
pub(crate) fn git(repository: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear().envs(environment()).env("GIT_DIR", repository);
    command.current_dir(repository).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What every call sees: where programs are, and that nobody can be asked.
pub(crate) fn environment() -> Vec<(&'static str, String)> {
    let inherited = |name: &'static str| Some((name, std::env::var(name).ok()?));
    let fixed = [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("LC_ALL", "C.UTF-8"),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name, value.to_owned()));
    ["PATH", "HOME"].into_iter().filter_map(inherited).chain(fixed).collect()
}

/// Runs it to its end and returns what it wrote.
///
/// # Errors
/// It cannot be started, or says that it failed: then in its own words.
pub(crate) async fn asked<S: AsRef<OsStr>>(
    repository: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Result<Vec<u8>, Problem> {
    let mut command = git(repository);
    command.args(arguments);
    finished(command, &[]).await
}

/// As [`asked`], in text.
pub(crate) async fn told<S: AsRef<OsStr>>(
    repository: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Result<String, Problem> {
    Ok(String::from_utf8_lossy(&asked(repository, arguments).await?).into_owned())
}

/// Runs a command to its end with an input, and returns what it wrote.
///
/// # Errors
/// See [`asked`].
pub(crate) async fn finished(mut command: Command, input: &[u8]) -> Result<Vec<u8>, Problem> {
    let what = described(&command);
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = timeout(PATIENCE, fed(command, input)).await;
    let Output { status, stdout, stderr } = match ended {
        Ok(output) => output.map_err(|error| not_started(&error))?,
        Err(_) => return Err(failed(format!("`{what}` did not end within 5 minutes"))),
    };
    match status.success() {
        true => Ok(stdout),
        false => {
            let why = String::from_utf8_lossy(&stderr);
            Err(failed(format!("`{what}` failed: {}", why.trim())))
        }
    }
}

async fn fed(mut command: Command, input: &[u8]) -> io::Result<Output> {
    let mut child = command.spawn()?;
    let stdin = child.stdin.take();
    let feed = async move {
        if let Some(mut stdin) = stdin {
            // Whoever does not read to the end says why in its own words.
            _ = stdin.write_all(input).await;
        }
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    output
}

/// Says that there is no `git`, and what to do.
pub(crate) fn not_started(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => failed("there is no program `git` on this machine")
            .help("install it: apt-get install git"),
        _ => failed(format!("cannot start `git`: {error}")),
    }
}

fn described(command: &Command) -> String {
    let arguments = command.as_std().get_args().map(OsStr::to_string_lossy);
    let arguments: Vec<_> = arguments.filter(|one| !one.starts_with('-')).take(2).collect();
    format!("git {}", arguments.join(" "))
}
