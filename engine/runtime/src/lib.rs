//! Load files, plan, walk, journal, store, lease: the engine behind the command line and the server.
//!
//! | module | for |
//! |---|---|
//! | [`engine`] | everything together: what the command line and the server call |
//! | [`project`] | a project's folder and its files |
//! | [`parameters`] | values from outside |
//! | [`stack`] | a stack file as blocks in dependency order |
//! | [`plan`] | what would change |
//! | [`walk`] | the one walker |
//! | [`apply`] | a plan's steps as effects, and what a dead run left in doubt |
//! | [`pipeline`] | a pipeline file as steps, and their effects |
//! | [`secret`] | where secrets come from, and what hides them |
//! | [`sealing`] | secrets that came into the open |
//! | [`log`], [`annotations`] | what steps wrote, and what they said about files |
//! | [`objects`] | files by their content |
//! | [`store`] | where runs and state are kept |
//! | [`keep`] | which runs are kept |
//! | [`lease`], [`process`] | who may change a stack now |
//!
//! It must not print, and must not know any kind by name.

pub mod annotations;
pub mod apply;
pub mod engine;
mod http;
pub mod keep;
pub mod lease;
pub mod log;
pub mod objects;
pub mod parameters;
pub mod pipeline;
pub mod plan;
pub mod process;
pub mod project;
pub mod sealing;
pub mod secret;
pub mod stack;
pub mod store;
pub mod walk;
