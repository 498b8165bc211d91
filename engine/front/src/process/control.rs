//! The front's end of the control socket: one command a line, one answer a line.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;

use super::command::{Command, Reply};
use super::desk::Desk;
use super::listening::Listening;

/// The most sockets that go over one message.
pub(crate) const MOST: usize = 32;

pub(crate) struct Control {
    pub(crate) desk: Arc<Desk>,
    pub(crate) listening: Arc<Listening>,
    /// The front has left.
    pub(crate) left: Notify,
}

impl Control {
    /// Talks to whoever comes, for ever.
    pub(crate) async fn listen(self: Arc<Self>, socket: UnixListener) {
        loop {
            if let Ok((stream, _)) = socket.accept().await {
                let control = self.clone();
                tokio::spawn(async move { drop(control.converse(stream).await) });
            }
        }
    }

    async fn converse(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            let (reader, _) = stream.split();
            // One command at a time: nothing is read ahead.
            if BufReader::new(reader).read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let command = serde_json::from_str(&line);
            let leaves = matches!(command, Ok(Command::Leave { .. }));
            match command {
                Ok(Command::Sockets) => self.hand_over(&stream).await?,
                Ok(command) => say(&mut stream, &self.desk.obey(command).await).await?,
                Err(error) => {
                    let why = format!("this is no command: {error}");
                    say(&mut stream, &Reply::no(why)).await?;
                }
            }
            if leaves {
                self.left.notify_one();
            }
        }
    }

    /// Answers with the sockets themselves.
    async fn hand_over(&self, stream: &UnixStream) -> io::Result<()> {
        let listeners = self.listening.listeners();
        let reply = Reply::Sockets(listeners.iter().map(|one| one.tls.is_some()).collect());
        let text = line(&reply)?;
        let fds: Vec<BorrowedFd> = listeners.iter().map(|one| one.socket.as_fd()).collect();
        stream
            .async_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
                let mut rights = SendAncillaryBuffer::new(&mut space);
                rights.push(SendAncillaryMessage::ScmRights(&fds));
                sendmsg(stream, &[IoSlice::new(&text)], &mut rights, SendFlags::empty())?;
                Ok(())
            })
            .await
    }
}

async fn say(stream: &mut UnixStream, reply: &Reply) -> io::Result<()> {
    stream.write_all(&line(reply)?).await
}

fn line(reply: &Reply) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(reply)?;
    text.push(b'\n');
    Ok(text)
}
