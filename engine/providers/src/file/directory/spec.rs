//! The keys and attributes of `file.directory`.

use language::scalar::{FilePath, Mode};
use language::{Keys, Spec};

use crate::disk;
use crate::file::write::Rights;

/// A folder with its mode and owner.
#[derive(Debug, Spec)]
#[spec(check = check)]
pub struct DirectorySpec {
    /// Where it stands: relative to the project, or absolute. Folders above it are made with mode
    /// 0755 and stay when it goes.
    #[spec(replaces)]
    pub path: FilePath,
    /// Who may do what with it.
    #[spec(default = "0755")]
    pub mode: Mode,
    /// The user that it belongs to, by name or number; left alone if this is not said.
    pub owner: Option<String>,
    /// The group that it belongs to, by name or number; left alone if this is not said.
    pub group: Option<String>,
    /// Takes over a folder that is there already with another mode or owner, and changes those. One
    /// that is just as it is wanted is taken over in any case.
    #[spec(default = "false")]
    pub adopt: bool,
    /// Removes everything in it when it is destroyed: the plan says how many files that are. What other
    /// resources have made in it must be destroyed with it, or the plan is refused. Without this, a
    /// folder that is not empty stays and the run says so.
    #[spec(default = "false")]
    pub recursive: bool,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct DirectoryObject {
    /// Its absolute path.
    #[spec(follows = "")]
    pub full_path: String,
}

impl DirectorySpec {
    pub(super) fn rights(&self) -> Rights {
        Rights { mode: self.mode, owner: self.owner.clone(), group: self.group.clone() }
    }
}

fn check(spec: &DirectorySpec, keys: &mut Keys<'_, '_, '_>) {
    disk::check_own(keys, "path", &spec.path.0);
}
