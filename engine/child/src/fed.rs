//! A command whose standard input is what another one writes, by one pipe from one to the other.
//!
//! The one that is fed sees the end of its input only when the other is known to have ended well: until
//! then a writing end of the pipe is held here. After a failure it is killed, and never sees an end. It
//! must not touch what flows.

use std::error::Error;
use std::fmt;
use std::io::{self, PipeWriter};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Child;
use tokio::time::Instant;

use crate::apart::Buffer;
use crate::{Command, Exit, Guard, Trouble, exit, spawn, until};

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The one that feeds, on its standard error output.
    Source,
    /// The one that is fed, on its standard output.
    Sink,
    /// The one that is fed, on its standard error output.
    SinkErr,
}

/// How both ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// None: it was ended, because the other one was gone.
    pub source: Option<Exit>,
    /// None: it was killed, because the other one had failed.
    pub sink: Option<Exit>,
}

/// What can go wrong, beside how they end.
#[derive(Debug)]
pub enum FedTrouble {
    /// With the one that feeds.
    Source(Trouble),
    /// With the one that is fed.
    Sink(Trouble),
    /// It could not be noted that the input is whole.
    Note(io::Error),
}

/// Runs both to their end. `whole` is called when the source has ended well, before the sink can know:
/// if it fails, the sink is killed too. What the source leaves in the background is ended. They must not
/// carry the same token. The time of the sink counts from the end of the source. When the future is dropped,
/// everything that they started is killed.
///
/// # Errors
/// One cannot be started, or ended; or `whole` fails.
pub async fn run_fed(
    source: &Command,
    sink: &Command,
    whole: &mut (dyn FnMut() -> io::Result<()> + Send),
    hear: &mut (dyn FnMut(Voice, &[u8]) + Send),
) -> Result<Fed, FedTrouble> {
    let (reader, writer) = io::pipe().map_err(|error| FedTrouble::Sink(Trouble::Start(error)))?;
    let from = (|| spawn(source, Stdio::null(), writer.try_clone()?, Stdio::piped()))();
    let mut from = from.map_err(|error| FedTrouble::Source(Trouble::Start(error)))?;
    let feeding = Guard::of(&from, source);
    let to = spawn(sink, reader, Stdio::piped(), Stdio::piped());
    let mut to = to.map_err(|error| FedTrouble::Sink(Trouble::Start(error)))?;
    let fed = Guard::of(&to, sink);
    let mut pipes = Pipes::of(&mut from, &mut to, writer);
    let deadline = source.timeout.map(|timeout| Instant::now() + timeout);
    let ended = tokio::select! {
        status = from.wait() => Some(exit(status.map_err(|error| FedTrouble::Source(error.into()))?)),
        _ = to.wait() => None,
        () = pipes.listen(hear) => None,
        () = until(deadline) => Some(Exit::TimedOut),
    };
    // First whatever could still write: after this the pipe is held by nobody but this process.
    let grace = if ended.is_some_and(Exit::is_success) { source.grace } else { Duration::ZERO };
    feeding.end_all(grace).await.map_err(FedTrouble::Source)?;
    if let Some(failed) = ended.filter(|exit| !exit.is_success()) {
        fed.end_all(Duration::ZERO).await.map_err(FedTrouble::Sink)?;
        pipes.rest(hear).await;
        return Ok(Fed { source: Some(failed), sink: None });
    }
    if ended.is_some() {
        whole().map_err(FedTrouble::Note)?;
    }
    pipes.writer = None;
    let deadline = sink.timeout.map(|timeout| Instant::now() + timeout);
    let status = tokio::select! {
        status = to.wait() => Some(status.map_err(|error| FedTrouble::Sink(error.into()))?),
        () = pipes.listen(hear) => None,
        () = until(deadline) => None,
    };
    if status.is_none() {
        fed.end(sink.grace, &mut to).await.map_err(FedTrouble::Sink)?;
    }
    pipes.rest(hear).await;
    fed.end_all(sink.grace).await.map_err(FedTrouble::Sink)?;
    Ok(Fed { source: ended, sink: Some(status.map_or(Exit::TimedOut, exit)) })
}

/// What is said, and the end of the pipe that keeps it open.
struct Pipes {
    source: Buffer<tokio::process::ChildStderr>,
    out: Buffer<tokio::process::ChildStdout>,
    err: Buffer<tokio::process::ChildStderr>,
    writer: Option<PipeWriter>,
}

impl Pipes {
    fn of(from: &mut Child, to: &mut Child, writer: PipeWriter) -> Self {
        let source = Buffer::of(from.stderr.take());
        let (out, err) = (Buffer::of(to.stdout.take()), Buffer::of(to.stderr.take()));
        Self { source, out, err, writer: Some(writer) }
    }

    /// Hands on what is said, for ever.
    async fn listen(&mut self, hear: &mut (dyn FnMut(Voice, &[u8]) + Send)) {
        loop {
            tokio::select! {
                () = self.source.fill() => hear(Voice::Source, &self.source.bytes),
                () = self.out.fill() => hear(Voice::Sink, &self.out.bytes),
                () = self.err.fill() => hear(Voice::SinkErr, &self.err.bytes),
            }
        }
    }

    /// Hands on what was said before the end.
    async fn rest(&mut self, hear: &mut (dyn FnMut(Voice, &[u8]) + Send)) {
        while self.source.rest().await {
            hear(Voice::Source, &self.source.bytes);
        }
        while self.out.rest().await {
            hear(Voice::Sink, &self.out.bytes);
        }
        while self.err.rest().await {
            hear(Voice::SinkErr, &self.err.bytes);
        }
    }
}

impl fmt::Display for FedTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(trouble) | Self::Sink(trouble) => trouble.fmt(f),
            Self::Note(error) => write!(f, "its end cannot be noted: {error}"),
        }
    }
}

impl Error for FedTrouble {}
