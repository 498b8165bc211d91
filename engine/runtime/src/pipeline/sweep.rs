//! Throwing away the objects that no artifact of a run and no cache needs any more.
//!
//! It must not throw away what may be on its way into something that names it.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::bundle::Bundle;
use super::{artifacts, caches};
use crate::objects::{ObjectError, Objects};
use crate::store::RunId;

/// What goes.
pub struct Sweep<'s> {
    /// Runs whose artifacts are to go, where they are still there.
    pub without: &'s BTreeSet<RunId>,
    /// What was touched since stays: a run is at work that may name it when it is done with all of it.
    pub since: SystemTime,
    /// Only look what would go.
    pub dry_run: bool,
}

static NONE: BTreeSet<RunId> = BTreeSet::new();

impl Sweep<'static> {
    /// Returns one of all that is not of late.
    pub fn now() -> Self {
        Self { without: &NONE, since: SystemTime::now(), dry_run: false }
    }
}

/// Throws away all objects that no artifact and no cache needs, and returns how many bytes that frees.
///
/// # Errors
/// It is not known what is needed, or something cannot be thrown away.
pub fn sweep(home: &Path, sweep: &Sweep<'_>) -> io::Result<u64> {
    let objects = Objects::of(home);
    let bundles = artifacts::all(&home.join("logs"), sweep.without)?;
    let Some(caches) = caches::all(home) else { return Ok(0) };
    let mut named = HashSet::new();
    for bundle in bundles.into_iter().chain(caches) {
        match Bundle::open(&objects, &bundle) {
            Ok(bundle) => bundle.names(&mut named),
            // What was in it cannot be had any more.
            Err(ObjectError::Missing | ObjectError::Damaged) => {}
            Err(ObjectError::Io(error)) => return Err(error),
        }
        named.insert(bundle);
    }
    objects.sweep(&named, sweep.since, sweep.dry_run)
}
