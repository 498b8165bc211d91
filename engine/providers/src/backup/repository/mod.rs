//! `backup.repository`: a restic repository, made if there is none, and never removed.
//!
//! Its definition is noted beside the state, so that the jobs that refer to it find how to open it.
//! A folder is filled beside its content and its `config` is moved in last: a repository that was
//! half made is none.

mod define;
mod place;
mod spec;

use model::secret::revealed_name;
use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Reads, Secrets,
};
use model::{Token, Value};

pub(super) use define::Defined;
pub use spec::{Place, RepositoryObject, RepositorySpec};

use super::archive::Archive;
use super::restic::Restic;
use crate::command::look_token;
use crate::text::sealed_map;

/// A place where backups are stored.
pub struct BackupRepository;

impl Kind for BackupRepository {
    const NAME: &'static str = "backup.repository";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const READS: Reads = Reads::BySpec;
    type Spec = RepositorySpec;
    type Object = RepositoryObject;

    fn identity(spec: &RepositorySpec) -> Option<String> {
        let (key, rest) = spec.place.key();
        Some(format!("{key}:{rest}"))
    }

    fn diff(spec: &RepositorySpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        let (key, rest) = spec.place.key();
        let mut found = Vec::new();
        if object.text(key) != rest {
            let from = object.get(key).clone();
            found.push(Difference { forces: Some(true), ..Difference::new(key, from, rest) });
        }
        found.extend(Difference::among(object, keys(spec, secrets)));
        found
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<RepositorySpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let mut found = Vec::with_capacity(known.len());
        for known in known {
            found.push(match &known.spec {
                Some(spec) => there(context, spec, &look_token(context)).await,
                None => Ok(None),
            });
        }
        Ok(found)
    }

    async fn foresee(
        &self,
        _: &Context,
        change: Change<'_, RepositorySpec>,
    ) -> Result<Option<String>, Fault> {
        let stays =
            "all that it stores stays there, and nothing but its password opens it: keep that";
        Ok(matches!(change, Change::Delete(..)).then(|| stays.to_owned()))
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, RepositorySpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let Some(spec) = change.wanted() else {
            let location = change.object().map_or("", |object| object.text("location"));
            context
                .progress
                .line(&format!("(forgotten only: {location} keeps all that it stores)"));
            return Defined::forget(context, location).map(|()| None);
        };
        let object = match there(context, spec, token.as_str()).await? {
            Some(object) => object,
            None => {
                Defined::refuse_lost(context, &spec.place.location(context))?;
                make(context, spec, token).await?
            }
        };
        Defined::of(spec, &object, token, context).note(context)?;
        Ok(Some(object))
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, RepositorySpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let swept = child::sweep(token.as_str(), std::time::Duration::ZERO).await;
        swept.map_err(|error| Fault::broken(error.to_string()))?;
        let Some(spec) = change.wanted() else {
            let location = change.object().map_or("", |object| object.text("location"));
            let gone = Defined::at(context, location)?.is_none();
            return Ok(if gone { Found::Done(None) } else { Found::Nothing });
        };
        let noted = Defined::at(context, &spec.place.location(context))?;
        if noted.is_none_or(|noted| noted.token != token.as_str()) {
            return Ok(Found::Nothing);
        }
        let there = there(context, spec, token.as_str()).await?;
        Ok(there.map_or(Found::Nothing, |object| Found::Done(Some(object))))
    }
}

fn keys(spec: &RepositorySpec, secrets: &dyn Secrets) -> [(&'static str, Value); 3] {
    let password = revealed_name(secrets, &spec.password.name);
    // A secret that is missing has no hash: it differs from whatever was applied.
    let password = password.map(|text| secrets.hash(text.expose())).unwrap_or_default();
    [
        ("password", Value::Sealed(password)),
        ("environment", sealed_map(secrets, &spec.environment)),
        ("append_only", spec.append_only.into()),
    ]
}

async fn there(
    context: &Context,
    spec: &RepositorySpec,
    token: &str,
) -> Result<Option<Object>, Fault> {
    let id = Restic::of(context, spec, token)?.id().await?;
    Ok(id.map(|id| {
        let location = spec.place.location(context);
        let (key, rest) = spec.place.key();
        let mut object = Object::new(&*location, keys(spec, context.secrets()));
        let more = [(key, rest), ("location", location), ("repository_id", id)];
        object.attributes.extend(more.map(|(key, text)| (key.to_owned(), Value::text(text))));
        object
    }))
}

async fn make(context: &Context, spec: &RepositorySpec, token: &Token) -> Result<Object, Fault> {
    context.progress.status("making the repository");
    match &spec.place {
        Place::Folder { .. } => place::fill(context, spec, token).await?,
        _ => Restic::of(context, spec, token.as_str())?.init().await?,
    }
    let made = there(context, spec, token.as_str()).await?;
    made.ok_or_else(|| Fault::broken("the repository is gone after it was made"))
}
