//! The stream to a backend: read and written by hyper, and looked at by the pool.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// One of two holds on a stream: hyper's connection has one, the pool the other.
#[derive(Clone)]
pub(crate) struct Wire(Rc<Shared>);

struct Shared {
    stream: TcpStream,
    /// Bytes have come since the last request began.
    heard: Cell<bool>,
    /// The backend takes no more. It may have answered before it closed, so what is written from then on
    /// goes nowhere, and reading says how it ended.
    deaf: Cell<bool>,
}

impl Wire {
    pub(crate) fn of(stream: TcpStream) -> Self {
        Self(Rc::new(Shared { stream, heard: Cell::new(false), deaf: Cell::new(false) }))
    }

    /// A request begins.
    pub(crate) fn begin(&self) {
        self.0.heard.set(false);
    }

    /// Returns whether the backend has said anything since the request began.
    pub(crate) fn has_answered(&self) -> bool {
        self.0.heard.get()
    }

    /// Asks the kernel whether nothing has come on an idle stream, neither bytes nor its end.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let looked = recv(&self.0.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(looked, Err(Errno::AGAIN))
    }

    /// A read that left room has taken everything: the next one waits for the reactor, and costs no system
    /// call to learn that there is nothing.
    fn is_empty(&self) {
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = self.0.stream.try_io(Interest::READABLE, nothing);
    }

    fn write(
        &self,
        cx: &mut Context,
        length: usize,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        while !self.0.deaf.get() {
            let ready = ready!(self.0.stream.poll_write_ready(cx));
            match ready.and_then(|()| write(&self.0.stream)) {
                Ok(written) => return Poll::Ready(Ok(written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.0.deaf.set(true),
            }
        }
        Poll::Ready(Ok(length))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.stream.poll_read_ready(cx))?;
            let room = buffer.remaining();
            match self.0.stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(came) => {
                    self.0.heard.set(self.0.heard.get() || came > 0);
                    if came > 0 && came < room {
                        self.is_empty();
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, bytes.len(), |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context,
        slices: &[io::IoSlice],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        self.write(cx, length, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
        Poll::Ready(shutdown(&self.0.stream, Shutdown::Write).map_err(Into::into))
    }
}
