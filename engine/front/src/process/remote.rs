//! The other end of the control socket: whoever tells a front what to do.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::command::{Command, Look, Reply};
use super::control::MOST;
use super::kept::{Folder, Short};
use super::sockets::Socket;
use crate::account::Receipt;

/// How long a front may take to hand its sockets over.
const PATIENCE: Duration = Duration::from_secs(5);

/// Speaks to a front, wherever it is in its life: each command is a conversation of its own.
#[derive(Clone, Debug)]
pub struct Remote(PathBuf);

impl Remote {
    /// Returns who speaks to the front of a folder.
    pub fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self(Folder::at(folder)?.socket()))
    }

    pub(crate) fn at(socket: PathBuf) -> Self {
        Self(socket)
    }

    pub(crate) async fn connect(&self) -> io::Result<UnixStream> {
        let nobody = |error: io::Error| {
            let place = self.0.display();
            io::Error::new(error.kind(), format!("no front answers at {place}: {error}"))
        };
        let place = Short::of(&self.0).map_err(nobody)?;
        UnixStream::connect(place.path()).await.map_err(nobody)
    }

    /// Says a command, and returns the answer; a refusal is an error.
    pub async fn say(&self, command: &Command) -> io::Result<Reply> {
        let mut stream = self.connect().await?;
        let mut text = serde_json::to_vec(command)?;
        text.push(b'\n');
        stream.write_all(&text).await?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await?;
        if line.is_empty() {
            let why = "the front ended before it answered";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        match serde_json::from_str(&line)? {
            Reply::Refused { why } => Err(io::Error::other(why)),
            reply => Ok(reply),
        }
    }

    /// Returns everything about the front.
    pub async fn look(&self) -> io::Result<Look> {
        match self.say(&Command::Look).await? {
            Reply::Look(look) => Ok(look),
            other => Err(odd(&other)),
        }
    }

    /// Waits for the receipt of a relieved term.
    pub async fn drain(&self, route: &str, term: u64, deadline: Duration) -> io::Result<Receipt> {
        let (route, deadline_ms) = (route.to_owned(), deadline.as_millis() as u64);
        match self.say(&Command::Drain { route, term, deadline_ms }).await? {
            Reply::Receipt(receipt) => Ok(receipt),
            other => Err(odd(&other)),
        }
    }

    pub(crate) async fn leave(&self, deadline: Duration) -> io::Result<Vec<Receipt>> {
        let deadline_ms = deadline.as_millis() as u64;
        match self.say(&Command::Leave { deadline_ms }).await? {
            Reply::Receipts(receipts) => Ok(receipts),
            other => Err(odd(&other)),
        }
    }

    /// Returns holds on the sockets that the front listens on.
    pub(crate) fn sockets(&self) -> io::Result<Vec<Socket>> {
        let mut stream = std::os::unix::net::UnixStream::connect(Short::of(&self.0)?.path())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut command = serde_json::to_vec(&Command::Sockets)?;
        command.push(b'\n');
        stream.write_all(&command)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let mut text = vec![0; 4096];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got = rustix::io::retry_on_intr(|| {
            recvmsg(&stream, &mut [IoSliceMut::new(&mut text)], &mut rights, flags)
        })?;
        text.truncate(got.bytes);
        let mut fds: Vec<OwnedFd> = vec![];
        for message in rights.drain() {
            if let RecvAncillaryMessage::ScmRights(given) = message {
                fds.extend(given);
            }
        }
        while text.last() != Some(&b'\n') {
            let mut more = [0; 4096];
            match stream.read(&mut more)? {
                0 => break,
                count => text.extend_from_slice(&more[..count]),
            }
        }
        match serde_json::from_slice(&text)? {
            Reply::Sockets(kinds) if kinds.len() == fds.len() => {
                let pairs = kinds.into_iter().zip(fds);
                Ok(pairs.map(|(tls, fd)| Socket { listener: fd.into(), tls }).collect())
            }
            other => Err(odd(&other)),
        }
    }
}

fn odd(reply: &Reply) -> io::Error {
    io::Error::other(format!("the front gave an answer to something else: {reply:?}"))
}
