//! The ticket of a request, from its admission to the moment when the client's socket has accepted the
//! last byte of its answer.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::ops::Deref;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::line::Line;
use crate::account::{Ticket, Verdict};

/// All rides of this thread, so that those of a term can be cut.
#[derive(Default)]
pub(crate) struct Rides(RefCell<Slab<Weak<Ride>>>);

pub(crate) struct Ride {
    /// None once the verdict is given.
    ticket: RefCell<Option<Ticket>>,
    line: Rc<Line>,
    /// The status of the answer; zero until it has begun.
    status: Cell<u16>,
    /// The answer's last byte was handed over.
    whole: Cell<bool>,
    cut: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    rides: Rc<Rides>,
    seat: usize,
}

impl Rides {
    /// Begins a ride. It is held by a [`Fare`], whose last copy ends it.
    pub(crate) fn board(self: &Rc<Self>, mut ticket: Ticket, line: &Rc<Line>) -> Fare {
        // From here on nothing but the client's leaving drops a ride without a verdict.
        ticket.presume(Verdict::Gone);
        let mut seats = self.0.borrow_mut();
        let seat = seats.vacant_entry();
        let ride = Rc::new(Ride {
            ticket: RefCell::new(Some(ticket)),
            line: line.clone(),
            status: Cell::new(0),
            whole: Cell::new(false),
            cut: Cell::new(false),
            waker: RefCell::default(),
            rides: self.clone(),
            seat: seat.key(),
        });
        seat.insert(Rc::downgrade(&ride));
        Fare(ride)
    }

    /// Cuts every ride of a term whose drain deadline has passed.
    pub(crate) fn cut(&self) {
        let open: Vec<Rc<Ride>> =
            self.0.borrow().iter().filter_map(|(_, ride)| ride.upgrade()).collect();
        open.iter().for_each(|ride| ride.cut());
    }
}

impl Ride {
    /// Gives the verdict; the first one stands.
    pub(crate) fn close(&self, verdict: Verdict) {
        if let Some(ticket) = self.ticket.take() {
            ticket.close(verdict);
        }
    }

    pub(crate) fn serve(&self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.serve(self.status.get());
        }
    }

    /// Has a look at the ticket while there is no verdict.
    pub(crate) fn ticket<T>(&self, look: impl FnOnce(&Ticket) -> T) -> Option<T> {
        self.ticket.borrow().as_ref().map(look)
    }

    /// The answer begins.
    pub(crate) fn answers(&self, status: u16) {
        self.status.set(status);
    }

    /// The answer's last byte is handed over.
    pub(crate) fn ends(&self) {
        self.whole.set(true);
    }

    fn cut(&self) {
        if !self.ticket(Ticket::is_cut).unwrap_or(false) {
            return;
        }
        if let Some(ticket) = self.ticket.take() {
            ticket.cut();
        }
        self.cut.set(true);
        // An answer that has begun can only be broken off; one that has not can still say why.
        if self.status.get() != 0 && !self.line.shared {
            self.line.sever();
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.cut.get()
    }

    /// Is ready when the ride is cut.
    pub(crate) fn poll_cut(&self, cx: &Context) -> Poll<()> {
        if self.cut.get() {
            return Poll::Ready(());
        }
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) async fn is_cut(&self) {
        poll_fn(|cx| self.poll_cut(cx)).await;
    }
}

impl Drop for Ride {
    fn drop(&mut self) {
        self.rides.0.borrow_mut().remove(self.seat);
    }
}

/// A hold on a ride: the answer's body has one, and so has each piece of it that is on its way. When the
/// last one goes and the answer is whole, what remains is the socket's to accept.
#[derive(Clone)]
pub(crate) struct Fare(Rc<Ride>);

impl Fare {
    /// A piece went nowhere: the answer is not whole.
    pub(crate) fn tear(&self) {
        self.close(Verdict::Gone);
    }
}

impl Deref for Fare {
    type Target = Ride;

    fn deref(&self) -> &Ride {
        &self.0
    }
}

impl Drop for Fare {
    fn drop(&mut self) {
        if Rc::strong_count(&self.0) == 1 && self.0.whole.get() && self.0.ticket.borrow().is_some()
        {
            self.0.line.leave(self.0.clone());
        }
    }
}
