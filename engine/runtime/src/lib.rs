//! Load files, plan, walk, journal, store, lease.

pub mod store;
