//! What the engine is tested with; development only.
//!
//! | module | for |
//! |---|---|
//! | [`world`] | an in-memory reality for any registry, which forgives nothing |
//! | [`fuse`] | the instant at which a process dies |
//! | [`crash_store`] | a store that dies with it |
//! | [`toy`] | five kinds that each stand for a class of real ones |
//! | [`lab`] | a project, a store, a world and an engine: plan and apply from text |
//! | [`author`] | random stacks and edits of them |
//! | [`drawing`] | a plan as plain text, for tables of cases |
//! | [`memory`] | world and state without what differs from run to run |
//!
//! It must not hold an answer of its own to what the engine decides.
#![allow(clippy::unwrap_used, reason = "a test kit: whatever goes wrong here fails the test")]

pub mod author;
pub mod crash_store;
pub mod drawing;
pub mod fuse;
pub mod lab;
pub mod memory;
pub mod outside;
pub mod toy;
pub mod world;

pub use crash_store::CrashStore;
pub use fuse::Fuse;
pub use lab::Lab;
pub use world::{Script, World};
