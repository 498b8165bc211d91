//! What a job needs of whatever stores its snapshots.
//!
//! It must not know what a job is.

use std::future::Future;

use model::Fault;

/// A place that stores snapshots, opened with its key.
pub(super) trait Archive: Send + Sync {
    /// Returns the repository's own id; None: there is no repository at the place.
    ///
    /// # Errors
    /// The key is wrong, or the place cannot be reached.
    fn id(&self) -> impl Future<Output = Result<Option<String>, Fault>> + Send;

    /// Makes an empty repository.
    ///
    /// # Errors
    /// There is something at the place already, or it cannot be written.
    fn init(&self) -> impl Future<Output = Result<(), Fault>> + Send;
}
