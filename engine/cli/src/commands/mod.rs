//! One file for each verb: its arguments, and one function that does it.
//!
//! A command must not print by itself, nor read the environment: its `Call` does.

pub(crate) mod apply;
pub(crate) mod approve;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod destroy;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod front;
pub(crate) mod graph;
pub(crate) mod here;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod outputs;
pub(crate) mod plan;
pub(crate) mod pushed;
pub(crate) mod restore;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod state;
pub(crate) mod supervise;
