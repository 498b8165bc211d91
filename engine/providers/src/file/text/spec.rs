//! The keys and attributes of `file.text`.

use language::scalar::{FilePath, Mode};
use language::{Keys, Spec, Text};

use crate::disk;
use crate::file::write::Rights;

/// A file whose content stands in the stack.
#[derive(Debug, Spec)]
#[spec(check = check)]
pub struct TextSpec {
    /// Where it stands: relative to the project, or absolute. Folders above it are made with mode
    /// 0755 and stay when it goes. A link at this very place is replaced, not followed.
    #[spec(replaces)]
    pub path: FilePath,
    /// What stands in it, to the last line break. Secrets in it are put in at the last moment.
    pub content: Text,
    /// Who may do what with it. Without this it is 0644, and 0600 where it holds a secret.
    pub mode: Option<Mode>,
    /// The user that it belongs to, by name or number; left alone if this is not said.
    pub owner: Option<String>,
    /// The group that it belongs to, by name or number; left alone if this is not said.
    pub group: Option<String>,
    /// Takes over a file that is there already and differs, and overwrites it. One that is just as
    /// it is wanted is taken over in any case.
    #[spec(default = "false")]
    pub adopt: bool,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct TextObject {
    /// Its absolute path.
    #[spec(follows = "")]
    pub full_path: String,
    /// A hash of its content, for what must start again when it changes. Where the content holds
    /// secrets, it is made under the project's own key.
    #[spec(follows = "content")]
    pub digest: String,
    /// How many bytes it has.
    #[spec(follows = "content")]
    pub size: String,
}

impl TextSpec {
    pub(super) fn rights(&self, sealed: bool) -> Rights {
        let mode = self.mode.unwrap_or(Mode(if sealed { 0o600 } else { 0o644 }));
        Rights { mode, owner: self.owner.clone(), group: self.group.clone() }
    }
}

fn check(spec: &TextSpec, keys: &mut Keys<'_, '_, '_>) {
    disk::check_own_file(keys, "path", &spec.path.0);
}
