//! One daemon for one folder: hosts repositories, runs their pipelines, shows what happens.
//!
//! | module | for |
//! |---|---|
//! | [`folder`], [`settings`] | the folder that is served, and what its `windlass.yml` says |
//! | [`records`] | what is durable: the queue, which commits were seen |
//! | [`house`] | everything together, and the door for whoever starts runs: [`House::arrived`], [`House::enqueue`] |
//! | [`repository`] | bare repositories, work trees, what a commit holds |
//! | [`smart`] | Git over HTTP |
//! | [`runs`] | which run is next, and one run from its start to its verdict |
//! | [`http`], [`api`], [`page`] | requests and answers: JSON, live events, pages |
//! | [`keys`] | what opens the secrets of projects |
//! | [`fronts`], [`services`] | keeps the web fronts of the projects, and has their services supervised |
//! | [`pushed`] | the hook's side of a push |
//! | [`outside`] | what comes from elsewhere and goes there: its tasks |
//! | [`webhook`], [`poll`] | repositories that live elsewhere: what their providers say, and what is there |
//! | [`schedule`] | pipelines that the time starts |
//! | [`status`] | what providers are told of runs |
//! | [`prune`] | forgets old runs |
//! | [`troubles`] | what goes wrong where nobody waits for an answer |
//!
//! It runs no step itself: each run is a process of its own, which a death of this one does not touch.
//! What became of it is read from the project's store, before such a death and after it.

mod api;
mod folder;
mod fronts;
mod git;
mod house;
mod http;
mod keys;
mod outside;
mod page;
mod poll;
mod prune;
mod pushed;
mod records;
mod repository;
mod runs;
mod schedule;
mod serve;
mod services;
mod settings;
mod smart;
mod status;
#[cfg(test)]
mod tests;
mod trouble;
mod troubles;
pub mod webhook;

pub use folder::Folder;
pub use house::{Arrival, House, Wanted};
pub use pushed::{Hook, pushed};
pub use records::{Grouped, QueuedRun, Records, State, Verdict};
pub use serve::{Begin, Ready, Told, serve};
pub use settings::{EXAMPLE, Settings, approvers};
