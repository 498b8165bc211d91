//! How a repository is opened, noted for the jobs that refer to it by its location.
//!
//! It must hold no text of a secret: only their names.

use language::Text;
use model::registry::typed;
use model::value::Piece;
use model::{Context, Digest, Fault, Object, Token, Tree, Value};
use serde::{Deserialize, Serialize};

use super::spec::RepositorySpec;
use crate::note::Note;
use crate::text::handed_on;

const FOLDER: &str = "backups/repositories";

/// A repository that was applied.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::backup) struct Defined {
    pub(in crate::backup) location: String,
    /// The repository's own.
    pub(in crate::backup) id: String,
    /// Of the change that noted it.
    pub(in crate::backup) token: String,
    /// Its keys, with the names of secrets in the place of their texts.
    keys: Tree,
}

impl Defined {
    pub(super) fn of(
        spec: &RepositorySpec,
        object: &Object,
        token: &Token,
        context: &Context,
    ) -> Self {
        let secrets = context.secrets();
        let handle = |text: &Text| handed_on(secrets, text);
        let (key, place) = spec.place.key();
        let environment: Tree =
            spec.environment.iter().map(|(name, text)| (name.clone(), handle(text))).collect();
        let name = spec.password.name.clone();
        let password = Value::Parts(vec![Piece::Secret { name, hash: Digest::default() }]);
        let keys = [
            (key, Value::text(place)),
            ("password", password),
            ("environment", Value::Map(environment)),
            ("append_only", spec.append_only.into()),
        ];
        Self {
            location: object.text("location").to_owned(),
            id: object.text("repository_id").to_owned(),
            token: token.as_str().to_owned(),
            keys: keys.map(|(key, value)| (key.to_owned(), value)).into(),
        }
    }

    /// Returns how the repository at a location is opened; None: none was applied.
    pub(in crate::backup) fn at(context: &Context, location: &str) -> Result<Option<Self>, Fault> {
        note(context, location).read()
    }

    /// Returns its keys.
    pub(in crate::backup) fn spec(&self) -> Result<RepositorySpec, Fault> {
        typed(&self.keys).map_err(|why| {
            Fault::broken(format!("how {} is opened cannot be read: {why}", self.location))
                .help("apply the stack with its `backup.repository` once more")
        })
    }

    pub(super) fn note(&self, context: &Context) -> Result<(), Fault> {
        note(context, &self.location).write(self)
    }

    pub(super) fn forget(context: &Context, location: &str) -> Result<(), Fault> {
        note(context, location).remove()
    }

    /// Refuses to make an empty repository where one was: its disk may only not be mounted.
    pub(super) fn refuse_lost(context: &Context, location: &str) -> Result<(), Fault> {
        let Some(lost) = Self::at(context, location)? else { return Ok(()) };
        let id: String = lost.id.chars().take(10).collect();
        Err(Fault::refused(format!("the repository {id} that was at {location} is not there"))
            .help(
                "mount or reach what it lies on. If it is lost: destroy this resource, which forgets \
                 it, then apply again to begin with an empty one",
            ))
    }
}

fn note(context: &Context, location: &str) -> Note {
    Note::of(context, FOLDER, &Digest::of(location.as_bytes()).to_string())
}
