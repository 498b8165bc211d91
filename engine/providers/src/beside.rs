//! Long work with files, on a thread beside the others, which stops when nobody waits for it any more.
//!
//! It must not leave behind what only its caller could find again: that is the caller's to clear away.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::Fault;

/// Runs long work beside the others. When the future is dropped, the work is told to stop.
pub(crate) async fn beside<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let stop = Stop::default();
    let inner = Stop(Arc::clone(&stop.0));
    let _called_when_dropped = CallWhenDropped(stop);
    let done = tokio::task::spawn_blocking(move || work(&inner)).await;
    done.unwrap_or_else(|error| Err(Fault::broken(format!("it broke off: {error}"))))
}

/// Whether work is to stop.
#[derive(Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

struct CallWhenDropped(Stop);

impl Drop for CallWhenDropped {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Stop {
    pub(crate) fn is_called(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns a reader that ends when it is to stop.
    pub(crate) fn watch<R>(&self, reader: R) -> Watched<R> {
        Watched { stop: Self(Arc::clone(&self.0)), reader }
    }
}

/// A reader that ends when it is to stop.
pub(crate) struct Watched<R> {
    stop: Stop,
    reader: R,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_called() {
            return Err(io::Error::other("it was given up"));
        }
        self.reader.read(buffer)
    }
}

impl<R: io::Seek> io::Seek for Watched<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}
