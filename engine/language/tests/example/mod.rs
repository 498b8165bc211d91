//! Specs as an author writes them: a kind, a stack with the header of every resource, a pipeline, and one
//! that has everything.
#![allow(dead_code, reason = "specs are read, and not every key of them is looked at")]

pub mod everything;
pub mod pipeline;
pub mod process_service;
pub mod stack;
