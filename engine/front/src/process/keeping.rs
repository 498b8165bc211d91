//! One keeper of a front at a time: who holds the lock of its folder. It can be asked to take up the
//! sockets of the front, to renew it, to leave it to another keeper, and to end it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep, timeout};

use super::command::Reply;
use super::kept::Short;

const GLANCE: Duration = Duration::from_millis(5);
/// So often it is tried to take a lock that somebody may only be looking at.
const LOOKS: usize = 5;
/// How long one who asks may take to say what.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a keeper may take to leave the front to another one.
const HANDOVER: Duration = Duration::from_secs(10);

/// What a keeper can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Hold all sockets that the front listens on.
    Hold,
    /// Have the front be the program that is installed by now: another one takes its place.
    Renew,
    /// Leave the front to whoever asks.
    Yield,
    /// End the front: it goes on with what it has begun until the deadline.
    Stop { deadline_ms: u64 },
}

/// The right to keep a front. Dropped, another one may.
#[derive(Debug)]
pub(crate) struct Charge {
    socket: UnixListener,
    _lock: File,
}

impl Charge {
    /// Takes it; None: somebody else has it.
    pub(crate) fn take(folder: &Path) -> io::Result<Option<Self>> {
        let exclusive = FlockOperation::NonBlockingLockExclusive;
        let Some(lock) = locked(folder, exclusive)? else { return Ok(None) };
        let path = socket_of(folder);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Some(Self { socket: UnixListener::bind(Short::of(&path)?.path())?, _lock: lock }))
    }

    /// Takes it, unless another keeper has it for longer than a look takes.
    pub(crate) async fn take_if_free(folder: &Path) -> io::Result<Option<Self>> {
        for _ in 0..LOOKS {
            if let Some(charge) = Self::take(folder)? {
                return Ok(Some(charge));
            }
            sleep(GLANCE).await;
        }
        Ok(None)
    }

    /// Takes it, from another keeper if need be.
    pub(crate) async fn take_over(folder: &Path) -> io::Result<Self> {
        let until = Instant::now() + HANDOVER;
        loop {
            if let Some(charge) = Self::take(folder)? {
                return Ok(charge);
            }
            if Instant::now() > until {
                let why = format!("another process keeps the front of {}", folder.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            // It may be about to end: then nobody answers, and the lock is free in a moment.
            let _ = Parent::of(folder).ask(Ask::Yield).await;
            sleep(GLANCE).await;
        }
    }

    /// Waits for the next question.
    pub(crate) async fn asked(&self) -> io::Result<(Ask, UnixStream)> {
        let (mut stream, _) = self.socket.accept().await?;
        let mut line = String::new();
        timeout(PATIENCE, BufReader::new(&mut stream).read_line(&mut line)).await??;
        Ok((serde_json::from_str(&line)?, stream))
    }
}

/// Answers a question.
pub(crate) async fn answer(mut stream: UnixStream, done: io::Result<()>) {
    let reply = done.map_or_else(|error| Reply::no(error.to_string()), |()| Reply::Done);
    if let Ok(mut text) = serde_json::to_vec(&reply) {
        text.push(b'\n');
        // Who does not wait for the answer does not need it.
        let _ = stream.write_all(&text).await;
    }
}

/// Speaks to whoever keeps the front of a folder.
#[derive(Clone, Debug)]
pub struct Parent(PathBuf);

impl Parent {
    /// Returns who speaks to the keeper of a folder's front.
    pub fn of(folder: &Path) -> Self {
        Self(folder.into())
    }

    /// Returns whether anybody keeps the front: restarts it when it dies.
    pub fn is_there(&self) -> bool {
        // Who only looks keeps no other one who looks from seeing the same.
        let looked = || locked(&self.0, FlockOperation::NonBlockingLockShared);
        self.0.join(LOCK).exists() && looked().is_ok_and(|lock| lock.is_none())
    }

    /// Has it hold all sockets that the front listens on, so that they outlive the front.
    pub async fn hold(&self) -> io::Result<()> {
        self.ask(Ask::Hold).await
    }

    /// Has the front be the program that is installed by now, if it is not, without losing a request.
    pub async fn renew(&self) -> io::Result<()> {
        self.ask(Ask::Renew).await
    }

    /// Has it end the front, which goes on with what it has begun until the deadline.
    pub async fn stop(&self, deadline: Duration) -> io::Result<()> {
        self.ask(Ask::Stop { deadline_ms: deadline.as_millis() as u64 }).await
    }

    async fn ask(&self, ask: Ask) -> io::Result<()> {
        let nobody = |error: io::Error| {
            let place = self.0.display();
            io::Error::new(error.kind(), format!("nobody keeps the front of {place}: {error}"))
        };
        let place = Short::of(&socket_of(&self.0)).map_err(nobody)?;
        let mut stream = UnixStream::connect(place.path()).await.map_err(nobody)?;
        let mut text = serde_json::to_vec(&ask)?;
        text.push(b'\n');
        stream.write_all(&text).await?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await?;
        if line.is_empty() {
            let why = "whoever kept the front ended before it answered";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        match serde_json::from_str(&line)? {
            Reply::Refused { why } => Err(io::Error::other(why)),
            _ => Ok(()),
        }
    }
}

const LOCK: &str = "keeper.lock";

fn socket_of(folder: &Path) -> PathBuf {
    folder.join("keeper.sock")
}

/// Returns the lock; None: somebody else has it.
fn locked(folder: &Path, how: FlockOperation) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let lock = options.create(true).append(true).mode(0o600).open(folder.join(LOCK))?;
    Ok(flock(&lock, how).is_ok().then_some(lock))
}
