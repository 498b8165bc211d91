//! Files, folders and archives on this machine.
//!
//! What is written appears whole or not at all, and nothing that stood there before is overwritten
//! unless somebody has said so. Nothing here may follow a link out of the place that it was given.

pub mod archive;
pub mod directory;
pub(crate) mod look;
pub(crate) mod owner;
pub(crate) mod sweep;
pub mod template;
pub mod text;
pub(crate) mod wanted;
pub(crate) mod write;

pub use archive::FileArchive;
pub use directory::FileDirectory;
pub use template::FileTemplate;
pub use text::FileText;
