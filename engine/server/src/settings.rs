//! What `windlass.yml` says, with its secrets looked up.
//!
//! It must not listen, nor touch a repository.

use std::collections::BTreeMap;
use std::path::Path;

use language::Leaf;
use model::file::server::{self, FILE, Listen, Server};
use model::{SecretText, Secrets};
use runtime::engine::{Groups, Loaded, Problem, Wrong};
use runtime::project::Project;

use crate::folder::Folder;
use crate::trouble::{refused, usage};

/// The least that can be written.
pub const EXAMPLE: &str = "server: lab\nrepositories:\n  shop: {}\n";

/// What is served, and how.
pub struct Settings {
    /// What stands in the file.
    pub file: Server,
    /// Who may come in: hashes of their tokens, by name. Empty: everybody on this machine.
    pub(crate) tokens: BTreeMap<String, blake3::Hash>,
}

impl Settings {
    /// Reads the file of a folder.
    ///
    /// # Errors
    /// There is none, it is wrong, or a secret that it names is not there.
    pub fn read(folder: &Folder, secrets: &dyn Secrets) -> Result<Self, Problem> {
        if !folder.root.join(FILE).is_file() {
            let message = format!("there is no {FILE} in {}", folder.root.display());
            let help = format!(
                "write one (`windlass explain server` lists all keys), such as:\n\n{}",
                indented(EXAMPLE)
            );
            return Err(usage(message, help));
        }
        let file = said(&Project { root: folder.root.clone(), home: folder.home.clone() })?;
        let mut tokens = BTreeMap::new();
        for (name, secret) in &file.tokens {
            let text = secret_text(secrets, &secret.name)?;
            tokens.insert(name.0.clone(), blake3::hash(text.expose().as_bytes()));
        }
        Ok(Self { file, tokens })
    }

    /// Returns who may stand for a name that a gate asks for.
    pub(crate) fn approvers(&self) -> Groups {
        groups(&self.file)
    }

    /// Listens elsewhere than the file says.
    ///
    /// # Errors
    /// It is no address, or others can reach it and nobody has a token.
    pub(crate) fn listen_at(&mut self, text: &str) -> Result<(), Problem> {
        let listen =
            Listen::parse(text).map_err(|why| usage(format!("cannot listen at `{text}`"), why))?;
        if !listen.0.ip().is_loopback() && self.tokens.is_empty() {
            let message = format!(
                "others can reach {}, and without `tokens` they could push and run what they like",
                listen.0
            );
            let help = "write `tokens: { NAME: ${secret.NAME} }` into windlass.yml, or listen on \
                        127.0.0.1";
            return Err(refused(message, help));
        }
        self.file.listen = listen;
        Ok(())
    }
}

/// Returns the groups of approvers that the file of a project names; none, where it has no such file.
///
/// # Errors
/// It is wrong.
pub fn approvers(project: &Project) -> Result<Groups, Problem> {
    match project.root.join(FILE).is_file() {
        true => said(project).map(|file| groups(&file)),
        false => Ok(Groups::new()),
    }
}

fn groups(file: &Server) -> Groups {
    file.approvers.iter().map(|(name, members)| (name.0.clone(), members.clone())).collect()
}

/// Returns what the file of a folder says.
fn said(project: &Project) -> Result<Server, Problem> {
    let Loaded { sources, document, mut diagnostics } = Loaded::read(project, Path::new(FILE))?;
    let read = server::read(&document, &mut diagnostics);
    match read.filter(|_| !diagnostics.has_errors()) {
        Some(file) => Ok(file),
        None => Err(Problem::Files(Box::new(Wrong { diagnostics, sources }))),
    }
}

/// Returns the text of a secret that the file names.
pub(crate) fn secret_text(secrets: &dyn Secrets, name: &str) -> Result<SecretText, Problem> {
    secrets.reveal(name).ok_or_else(|| {
        let message = format!("{FILE} names the secret `{name}`, and there is none");
        usage(message, model::secret::advice(secrets, name))
    })
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
