//! What is known of one client's connection.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Waker};

use tokio::time::Instant;

use super::head::Introduction;
use super::ride::Ride;
use super::tunnel::Tunnel;

/// A client's connection, shared by its stream, its requests and their answers.
pub(crate) struct Line {
    pub(crate) from: IpAddr,
    /// The socket that it came by.
    pub(crate) by: SocketAddr,
    pub(crate) tls: bool,
    /// Carries several requests at once (HTTP/2): one of them alone is no reason to close it.
    pub(crate) shared: bool,
    /// Requests that are being answered.
    open: Cell<usize>,
    /// Since when no request has been open, or since when one has been arriving.
    pub(crate) since: Cell<Instant>,
    /// The first byte of a head has come, and not its last.
    pub(crate) arriving: Cell<bool>,
    /// Answers that are whole, and whose last byte the socket has not accepted yet.
    leaving: RefCell<Vec<Rc<Ride>>>,
    /// The client has said everything that it is going to say.
    pub(crate) silent: Cell<bool>,
    /// Nothing goes through any more.
    severed: Cell<bool>,
    pub(crate) introduction: RefCell<Option<Introduction>>,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
    /// What takes the connection over once its upgrade has been answered.
    pub(crate) tunnel: RefCell<Option<Tunnel>>,
}

/// Which half of a line waits.
#[derive(Clone, Copy)]
pub(crate) enum Half {
    Reader,
    Writer,
}

impl Line {
    pub(crate) fn new(from: IpAddr, by: SocketAddr, tls: bool, shared: bool) -> Self {
        Self {
            from,
            by,
            tls,
            shared,
            open: Cell::new(0),
            since: Cell::new(Instant::now()),
            arriving: Cell::new(false),
            leaving: RefCell::default(),
            silent: Cell::new(false),
            severed: Cell::new(false),
            introduction: RefCell::default(),
            reader: RefCell::default(),
            writer: RefCell::default(),
            tunnel: RefCell::default(),
        }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Returns whether no request is being answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.get() == 0
    }

    /// The answer is whole: its ride ends when the socket has accepted what is buffered.
    pub(crate) fn leave(&self, ride: Rc<Ride>) {
        self.leaving.borrow_mut().push(ride);
    }

    /// The socket has accepted everything.
    pub(crate) fn flushed(&self) {
        if !self.leaving.borrow().is_empty() {
            let rides = self.leaving.take();
            rides.iter().for_each(|ride| ride.serve());
        }
    }

    /// Has every further read and write fail.
    pub(crate) fn sever(&self) {
        self.severed.set(true);
        for half in [&self.reader, &self.writer] {
            if let Some(waker) = half.take() {
                waker.wake();
            }
        }
    }

    pub(crate) fn is_severed(&self) -> bool {
        self.severed.get()
    }

    /// Has the half that waits woken when the line is severed.
    pub(crate) fn waits(&self, half: Half, cx: &Context) {
        let mut kept = match half {
            Half::Reader => self.reader.borrow_mut(),
            Half::Writer => self.writer.borrow_mut(),
        };
        match &mut *kept {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *kept = Some(cx.waker().clone()),
        }
    }
}

/// Held while a request of a line is being answered.
pub(crate) struct Busy(Rc<Line>);

impl Busy {
    pub(crate) fn on(line: &Rc<Line>) -> Self {
        line.open.set(line.open.get() + 1);
        line.arriving.set(false);
        Self(line.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.since.set(Instant::now());
    }
}

/// The end of a line, however it comes: whose answer is still on its way has lost its client.
pub(crate) struct End(Rc<Line>);

impl End {
    pub(crate) fn of(line: &Rc<Line>) -> Self {
        Self(line.clone())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        drop(self.0.tunnel.take());
        drop(self.0.leaving.take());
    }
}
