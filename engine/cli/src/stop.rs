//! Ctrl-C: once starts nothing more, twice stops now. So do SIGTERM and SIGHUP.
//!
//! It must not end anything by itself.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use runtime::walk::Stop;

use crate::observer::{Feed, Happening};

/// Listens for as long as the runtime lives; whoever watches is told.
pub(crate) fn listen(feed: Feed) -> watch::Receiver<Stop> {
    let (says, hears) = watch::channel(Stop::No);
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let signals: Vec<Signal> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    tokio::spawn(async move {
        let Ok([mut interrupt, mut terminate, mut hangup]) = <[Signal; 3]>::try_from(signals)
        else {
            return std::future::pending().await;
        };
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            let next = match *says.borrow() {
                Stop::No => Stop::StartNothing,
                _ => Stop::Now,
            };
            feed.tell(Happening::Stopping(next));
            _ = says.send(next);
        }
    });
    hears
}
