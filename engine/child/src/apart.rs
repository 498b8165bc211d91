//! A command whose two streams are told apart, ended to the last process that carries its token, also
//! one that has left its group.
//!
//! It must not know what its output means.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    Command, Exit, Guard, PATIENCE, PIPE, Trouble, exit, find, living, spawn, sweep, until,
};

/// What is still in a pipe after the exit is there at once.
const REST: Duration = Duration::from_millis(10);

/// Where a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Its standard output.
    Out,
    /// Its standard error output.
    Err,
}

/// What becomes of what a command leaves in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// It is ended too.
    Ends,
    /// It goes on.
    Stays,
}

/// How a command ended, and how many processes it left that were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub exit: Exit,
    /// So many processes were left.
    pub left: usize,
}

/// Runs a command to its end, and hands on what it writes as it comes. When the future is dropped,
/// everything that it started is killed.
///
/// # Errors
/// It cannot be started, or something that it started cannot be ended.
pub async fn run_apart(
    command: &Command,
    background: Background,
    hear: &mut (dyn FnMut(Stream, &[u8]) + Send),
) -> Result<Ended, Trouble> {
    let mut child =
        spawn(command, Stdio::null(), Stdio::piped(), Stdio::piped()).map_err(Trouble::Start)?;
    let guard = Guard::of(&child, command);
    let mut out = Buffer::of(child.stdout.take());
    let mut err = Buffer::of(child.stderr.take());
    let deadline = command.timeout.map(|timeout| Instant::now() + timeout);
    let status = loop {
        tokio::select! {
            status = child.wait() => break Some(status?),
            () = out.fill() => hear(Stream::Out, &out.bytes),
            () = err.fill() => hear(Stream::Err, &err.bytes),
            () = until(deadline) => break None,
        }
    };
    if status.is_none() {
        guard.end(command.grace, &mut child).await?;
    }
    while out.rest().await {
        hear(Stream::Out, &out.bytes);
    }
    while err.rest().await {
        hear(Stream::Err, &err.bytes);
    }
    let left = match background {
        Background::Ends => guard.end_all(command.grace).await?,
        Background::Stays => guard.let_go(),
    };
    Ok(Ended { exit: status.map_or(Exit::TimedOut, exit), left })
}

/// What has come of one stream.
pub(crate) struct Buffer<S> {
    /// None: it has ended.
    stream: Option<S>,
    pub(crate) bytes: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Buffer<S> {
    pub(crate) fn of(stream: Option<S>) -> Self {
        Self { stream, bytes: Vec::new() }
    }

    /// Waits for more; for ever once the stream has ended. Cancelled, it loses nothing.
    pub(crate) async fn fill(&mut self) {
        self.bytes.clear();
        self.bytes.reserve(PIPE);
        let Some(stream) = &mut self.stream else { return std::future::pending().await };
        if !matches!(stream.read_buf(&mut self.bytes).await, Ok(1..)) {
            self.stream = None;
        }
    }

    /// Returns whether there was more of what was written before the end.
    pub(crate) async fn rest(&mut self) -> bool {
        self.stream.is_some() && timeout(REST, self.fill()).await.is_ok() && !self.bytes.is_empty()
    }
}

impl Guard<'_> {
    /// Ends whatever carries the token or is left of the group, and returns how much there was.
    pub(crate) async fn end_all(mut self, grace: Duration) -> Result<usize, Trouble> {
        let left = find(self.token).len();
        if left > 0 {
            sweep(self.token, grace).await?;
        }
        let late = Instant::now() + PATIENCE;
        loop {
            let living: Vec<Pid> = self.group.map(living).unwrap_or_default();
            if living.is_empty() {
                break;
            }
            if Instant::now() > late {
                return Err(Trouble::Stubborn(living));
            }
            self.signal(Signal::KILL);
            sleep(Duration::from_millis(2)).await;
        }
        self.group = None;
        Ok(left)
    }

    fn let_go(mut self) -> usize {
        self.group = None;
        0
    }
}
