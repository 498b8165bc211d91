//! What follows an upgrade: bytes in both directions, until one end has had enough.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::client::conn::http1::Parts;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::closing::Frames;
use super::line::Busy;
use super::ride::Fare;
use super::timer::Timer;
use super::wire::Wire;
use crate::account::Verdict;

/// How long the second end may go on after the first has ended.
const LINGER: Duration = Duration::from_secs(5);

thread_local! {
    /// Where bytes pass through: a tunnel that is silent holds no memory.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; 16 << 10].into());
}

/// An upgrade that has been agreed to, until the client's connection is handed over.
pub(crate) struct Tunnel {
    fare: Fare,
    back: oneshot::Receiver<Parts<TokioIo<Wire>>>,
    /// How long it may be silent.
    silence: Duration,
    _busy: Busy,
}

impl Tunnel {
    pub(crate) fn new(
        fare: Fare,
        back: oneshot::Receiver<Parts<TokioIo<Wire>>>,
        silence: Duration,
        busy: Busy,
    ) -> Self {
        Self { fare, back, silence, _busy: busy }
    }

    /// Relays until both ends have ended. The tunnel is served if the client ended it or the backend said
    /// goodbye first; else it is lost.
    pub(crate) async fn run(self, mut client: impl AsyncRead + AsyncWrite + Unpin, sent: Bytes) {
        let Ok(parts) = self.back.await else { return self.fare.close(Verdict::Lost) };
        let mut backend = parts.io.into_inner();
        self.fare.ticket(crate::account::Ticket::tunnel);
        let (mut up, mut down) = (Way::of(sent), Way::of(parts.read_buf));
        let (mut frames, mut timer) = (Frames::default(), Timer::default());
        frames.follow(&down.kept);
        let mut moved = Instant::now();
        let end = poll_fn(|cx| {
            if self.fare.poll_cut(cx).is_ready() {
                return Poll::Ready(End::Ours);
            }
            let (before, now) = (up.count + down.count, Instant::now());
            let upwards = up.poll(cx, &mut client, &mut backend, |_| {});
            let downwards = down.poll(cx, &mut backend, &mut client, |bytes| frames.follow(bytes));
            if up.ended
                || matches!(upwards, Poll::Ready(Err(Side::From)))
                || matches!(downwards, Poll::Ready(Err(Side::To)))
            {
                return Poll::Ready(End::Client);
            }
            if upwards.is_ready() || downwards.is_ready() || down.ended {
                return Poll::Ready(End::Backend);
            }
            if up.count + down.count != before {
                moved = now;
            }
            timer.poll(cx, moved + self.silence).map(|()| End::Ours)
        })
        .await;
        self.fare.close(match end {
            End::Client => Verdict::Served,
            End::Backend if frames.closed() => Verdict::Served,
            End::Backend | End::Ours => Verdict::Lost,
        });
        if !matches!(end, End::Ours) {
            let rest = poll_fn(|cx| {
                let upwards = up.poll(cx, &mut client, &mut backend, |_| {});
                let downwards = down.poll(cx, &mut backend, &mut client, |_| {});
                match (upwards, downwards) {
                    (Poll::Ready(Ok(())), Poll::Ready(Ok(())))
                    | (Poll::Ready(Err(_)), _)
                    | (_, Poll::Ready(Err(_))) => Poll::Ready(()),
                    _ => Poll::Pending,
                }
            });
            let _ = timeout(LINGER, rest).await;
        }
    }
}

/// Who ended a tunnel.
enum End {
    Client,
    Backend,
    /// The drain deadline or the longest silence.
    Ours,
}

/// Which side of a way failed.
enum Side {
    From,
    To,
}

/// One direction.
struct Way {
    /// Read and not yet written.
    kept: Vec<u8>,
    ended: bool,
    shut: bool,
    count: u64,
}

impl Way {
    fn of(first: Bytes) -> Self {
        Self { kept: first.into(), ended: false, shut: false, count: 0 }
    }

    /// Moves what can be moved; is ready when one side has ended and the other has been told.
    fn poll(
        &mut self,
        cx: &mut Context,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        mut look: impl FnMut(&[u8]),
    ) -> Poll<Result<(), Side>> {
        let failed = |_: io::Error| Side::To;
        loop {
            if !self.kept.is_empty() {
                match Pin::new(&mut *to).poll_write(cx, &self.kept).map_err(failed)? {
                    Poll::Ready(0) => return Poll::Ready(Err(Side::To)),
                    Poll::Ready(written) => drop(self.kept.drain(..written)),
                    Poll::Pending => return Poll::Pending,
                }
            } else if self.ended {
                if !self.shut {
                    match Pin::new(&mut *to).poll_shutdown(cx).map_err(failed)? {
                        Poll::Ready(()) => self.shut = true,
                        Poll::Pending => return Poll::Pending,
                    }
                }
                return Poll::Ready(Ok(()));
            } else if let Poll::Ready(came) = SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                let read = Pin::new(&mut *from).poll_read(cx, &mut buffer);
                read.map(|read| read.map(|()| self.take(cx, buffer.filled(), to, &mut look)))
            }) {
                came.map_err(|_| Side::From)?.map_err(failed)?;
            } else {
                let _ = Pin::new(&mut *to).poll_flush(cx).map_err(failed)?;
                return Poll::Pending;
            }
        }
    }

    /// Writes what came at once if the other side takes it, and keeps the rest.
    fn take(
        &mut self,
        cx: &mut Context,
        bytes: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
        look: &mut impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.ended = bytes.is_empty();
        self.count += bytes.len() as u64;
        look(bytes);
        if !bytes.is_empty() {
            let written = match Pin::new(to).poll_write(cx, bytes)? {
                Poll::Ready(written) => written,
                Poll::Pending => 0,
            };
            self.kept.extend_from_slice(&bytes[written..]);
        }
        Ok(())
    }
}
