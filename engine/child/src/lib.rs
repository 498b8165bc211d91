//! One command with everything that it starts: run, watched, ended to the last descendant.
//!
//! A command runs in a process group of its own with a token in its environment. Both output streams
//! go through one pipe, so that they keep their order ([`run`]), or are told apart ([`run_apart`]), or one
//! command is fed with what another writes ([`run_fed`]). Its
//! end is the exit of the command, not the end of its output: what it left in the background would
//! hold that open. It must not know what commands are for.

mod apart;
mod fed;
mod sweep;
mod trouble;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep, sleep_until, timeout};

pub use apart::{Background, Ended, Stream, run_apart};
pub use fed::{Fed, FedTrouble, Voice, run_fed};
pub use sweep::{find, living, sweep};
pub use trouble::Trouble;

/// The variable that holds the token: how a process is known after the death of who started it.
pub const TOKEN: &str = "WINDLASS_TOKEN";

/// What a pipe holds on Linux, in bytes: more does not come at once.
const PIPE: usize = 64 * 1024;

/// Who is killed ends at once, unless it is another user's or hangs in the kernel.
const PATIENCE: Duration = Duration::from_secs(3);

/// A command to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program, absolute if it may be, and its arguments.
    pub argv: Vec<OsString>,
    /// Its whole environment, beside the token.
    pub environment: BTreeMap<String, String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// What it is known by.
    pub token: String,
    /// When it is told to end; None: never.
    pub timeout: Option<Duration>,
    /// How long it may take to end once it is told to.
    pub grace: Duration,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It did not end in time and was made to.
    TimedOut,
}

impl Exit {
    /// Returns whether it ended with 0.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(9) => f.write_str("killed (signal 9)"),
            Self::Signal(signal) => write!(f, "ended by signal {signal}"),
            Self::TimedOut => f.write_str("did not end in time"),
        }
    }
}

/// Runs a command to its end and hands on its output as it comes. When the future is dropped, the
/// command and its group are killed.
///
/// # Errors
/// The program cannot be started, or does not end although it was killed.
pub async fn run(command: &Command, output: &mut (dyn FnMut(&[u8]) + Send)) -> io::Result<Exit> {
    let (reader, writer) = io::pipe()?;
    let mut child = spawn(command, Stdio::null(), writer.try_clone()?, writer)?;
    let guard = Guard::of(&child, command);
    rustix::io::ioctl_fionbio(&reader, true)?;
    let mut reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let deadline = command.timeout.map(|timeout| Instant::now() + timeout);
    let mut buffer = vec![0; PIPE];
    let mut open = true;
    let status = loop {
        tokio::select! {
            status = child.wait() => break Some(status?),
            read = reader.read(&mut buffer), if open => match read? {
                0 => open = false,
                length => output(&buffer[..length]),
            },
            () = until(deadline) => break None,
        }
    };
    if status.is_none() {
        guard.end(command.grace, &mut child).await?;
        sweep(&command.token, Duration::ZERO).await?;
    }
    // What was written before the end is still in the pipe; what comes later, from somebody in the
    // background who never stops writing, is nobody's.
    // The pipe itself is asked: the runtime may not have heard yet that there is something in it.
    let mut left = rustix::io::ioctl_fionread(&reader)?;
    while left > 0
        && let Ok(length @ 1..) = rustix::io::read(&reader, &mut buffer)
    {
        output(&buffer[..length]);
        left = left.saturating_sub(length as u64);
    }
    guard.clear_away(command.grace).await;
    Ok(status.map_or(Exit::TimedOut, exit))
}

fn spawn(
    command: &Command,
    input: impl Into<Stdio>,
    out: impl Into<Stdio>,
    err: impl Into<Stdio>,
) -> io::Result<tokio::process::Child> {
    let mut argv = command.argv.iter();
    let program = argv.next().ok_or(io::ErrorKind::InvalidInput)?;
    tokio::process::Command::new(program)
        .args(argv)
        .env_clear()
        .envs(&command.environment)
        .env(TOKEN, &command.token)
        .current_dir(&command.directory)
        .process_group(0)
        .stdin(input)
        .stdout(out)
        .stderr(err)
        .spawn()
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Kills whatever a command has started when it goes out of scope with somebody left in its group.
struct Guard<'c> {
    group: Option<Pid>,
    token: &'c str,
}

impl<'c> Guard<'c> {
    fn of(child: &tokio::process::Child, command: &'c Command) -> Self {
        let group = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        Self { group, token: &command.token }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            _ = kill_process_group(group, signal);
        }
    }

    fn is_empty(&self) -> bool {
        self.group.is_none_or(|group| living(group).is_empty())
    }

    /// Asks the command to end, and makes it after its grace.
    async fn end(&self, grace: Duration, child: &mut tokio::process::Child) -> Result<(), Trouble> {
        self.signal(Signal::TERM);
        if timeout(grace, child.wait()).await.is_err() {
            self.signal(Signal::KILL);
            let killed = timeout(PATIENCE, child.wait()).await;
            killed.map_err(|_| Trouble::Stubborn(self.group.into_iter().collect()))??;
        }
        Ok(())
    }

    /// Ends what the command left in the background.
    async fn clear_away(mut self, grace: Duration) {
        if !self.is_empty() {
            self.signal(Signal::TERM);
            let deadline = Instant::now() + grace;
            while !self.is_empty() && Instant::now() < deadline {
                sleep(Duration::from_millis(5)).await;
            }
            self.signal(Signal::KILL);
        }
        self.group = None;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.group.is_some() {
            self.signal(Signal::KILL);
            for pid in find(self.token) {
                // It may be gone already.
                _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}
