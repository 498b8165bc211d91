//! The threads of a front, as each sees the others: how many connections each keeps, and how to hand one on.
//!
//! Whichever thread wakes first accepts, and in a burst that may be the same one each time: its clients
//! would wait for each other while the other threads are idle. So who has more than the others hands on.
//! It must not look at what comes on a connection.

use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::worker::Listener;

/// So many connections more than another thread a thread keeps: handing on costs, and short ones come
/// and go.
const SLACK: usize = 2;

/// All threads.
pub(crate) struct Crew(Vec<Member>);

struct Member {
    open: AtomicUsize,
    door: UnboundedSender<Arrival>,
}

/// One thread's place among them.
#[derive(Clone)]
pub(crate) struct Seat {
    crew: Arc<Crew>,
    at: usize,
}

/// A connection that was accepted by another thread.
pub(crate) struct Arrival {
    pub(crate) stream: TcpStream,
    pub(crate) from: IpAddr,
    pub(crate) listener: Arc<Listener>,
    pub(crate) open: Open,
}

/// Held while a connection is open, from before it is handed on: a thread does not leave before it has come.
pub(crate) struct Open(Seat);

impl Crew {
    /// Returns a seat for each thread, with what others hand to it.
    pub(crate) fn of(threads: usize) -> Vec<(Seat, UnboundedReceiver<Arrival>)> {
        let (members, inboxes): (Vec<_>, Vec<_>) = (0..threads)
            .map(|_| unbounded_channel())
            .map(|(door, inbox)| (Member { open: AtomicUsize::new(0), door }, inbox))
            .unzip();
        let crew = Arc::new(Self(members));
        let seat = |(at, inbox)| (Seat { crew: Arc::clone(&crew), at }, inbox);
        inboxes.into_iter().enumerate().map(seat).collect()
    }
}

impl Seat {
    /// Returns how many connections this thread keeps.
    pub(crate) fn open(&self) -> usize {
        self.member().open.load(Relaxed)
    }

    /// Returns who is to keep one more connection: this thread, or one that has fewer.
    pub(crate) fn takes(&self) -> Seat {
        let count = |(_, member): &(usize, &Member)| member.open.load(Relaxed);
        let least = self.crew.0.iter().enumerate().min_by_key(count);
        match least {
            Some(least) if count(&least) + SLACK < self.open() => {
                Self { crew: Arc::clone(&self.crew), at: least.0 }
            }
            _ => self.clone(),
        }
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.at == other.at
    }

    /// Counts one connection more.
    pub(crate) fn begin(&self) -> Open {
        self.member().open.fetch_add(1, Relaxed);
        Open(self.clone())
    }

    /// Hands a connection to the thread that has this seat; back comes what it does not take any more.
    pub(crate) fn hand(&self, arrival: Arrival) -> Result<(), Arrival> {
        self.member().door.send(arrival).map_err(|back| back.0)
    }

    fn member(&self) -> &Member {
        &self.crew.0[self.at]
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.member().open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_fewer_takes_more_and_short_waves_are_let_be() {
        let seats: Vec<Seat> = Crew::of(2).into_iter().map(|(seat, _)| seat).collect();
        let mut open: Vec<Open> = (0..SLACK).map(|_| seats[0].begin()).collect();
        assert!(seats[0].takes().is(&seats[0]), "a few more are kept");
        open.push(seats[0].begin());
        assert!(seats[0].takes().is(&seats[1]), "more than a few are handed on");
        assert!(seats[1].takes().is(&seats[1]), "who has fewer keeps them");
        drop(open);
        assert!(seats[0].takes().is(&seats[0]), "what has ended counts no more");
    }
}
