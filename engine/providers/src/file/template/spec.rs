//! The keys and attributes of `file.template`.

use std::collections::BTreeMap;

use language::scalar::{FilePath, Mode};
use language::{AnyValue, Keys, Spec};
use model::file::project_file::ProjectFile;

use super::render::render;
use crate::disk;
use crate::file::write::Rights;

/// A file that is made of a template and values.
#[derive(Debug, Spec)]
#[spec(check = check)]
pub struct TemplateSpec {
    /// Where it stands: relative to the project, or absolute. Folders above it are made with mode
    /// 0755 and stay when it goes. A link at this very place is replaced, not followed.
    #[spec(replaces)]
    pub path: FilePath,
    /// The template, a file of the project in Handlebars. A name in it for which there is no value
    /// is an error.
    pub template: ProjectFile,
    /// What stands for the names in the template: text, numbers, lists and maps, as deep as need
    /// be. Secrets in them are put in at the last moment: they can be put in, but not looked at.
    #[spec(default = "{}")]
    pub values: BTreeMap<String, AnyValue>,
    /// What is done to values so that they mean nothing special where they are put in.
    #[spec(default = "none")]
    pub escape: Escape,
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

/// What is done to values in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Escape {
    /// Nothing: they are put in as they are.
    None,
    /// What HTML gives a meaning to is escaped, except between three braces.
    Html,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct TemplateObject {
    /// Its absolute path.
    #[spec(follows = "")]
    pub full_path: String,
    /// A hash of its content, for what must start again when it changes. Where a value holds a
    /// secret, it is made under the project's own key.
    #[spec(follows = "content, template, values, escape")]
    pub digest: String,
    /// How many bytes it has.
    #[spec(follows = "content, template, values, escape")]
    pub size: String,
}

impl TemplateSpec {
    pub(super) fn rights(&self, sealed: bool) -> Rights {
        let mode = self.mode.unwrap_or(Mode(if sealed { 0o600 } else { 0o644 }));
        Rights { mode, owner: self.owner.clone(), group: self.group.clone() }
    }
}

/// Renders it for the errors alone. While only the file that names the template is checked, there
/// is no template yet.
fn check(spec: &TemplateSpec, keys: &mut Keys<'_, '_, '_>) {
    disk::check_own_file(keys, "path", &spec.path.0);
    if let Err(why) = render(&spec.template.content, &spec.values, spec.escape) {
        keys.refuse("template", format!("{}:{why}", spec.template.path));
    }
}
