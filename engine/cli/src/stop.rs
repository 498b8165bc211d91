//! Ctrl-C: once starts nothing more, twice stops now. So do SIGTERM and SIGHUP.
//!
//! It must not end anything by itself.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use runtime::walk::Stop;

use crate::call::Call;
use crate::observer::{Feed, Happening};

/// All that ask the program to end.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> Option<Self> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let signals: Vec<Signal> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
        signals.try_into().ok().map(Self)
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Waits until the program is asked to end.
pub(crate) async fn told() {
    match Signals::new() {
        Some(mut signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

/// Listens for as long as the runtime lives; whoever watches is told.
pub(crate) fn listen(call: &Call, feed: Feed) -> watch::Receiver<Stop> {
    let (says, hears) = watch::channel(Stop::No);
    let signals = Signals::new();
    call.interrupt.disarm();
    tokio::spawn(async move {
        let Some(mut signals) = signals else { return std::future::pending().await };
        loop {
            signals.next().await;
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
