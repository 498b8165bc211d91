//! What stands in the files that people write, as typed declarations: the decoder, the JSON Schema and
//! the help all come from these.
//!
//! It must not read files, nor know any kind by name.

pub mod inventory;
pub mod pipeline;
pub mod project_file;
pub mod server;
pub mod stack;

pub use project_file::ProjectFile;
