//! `file.template`: a file that is made of a template and values.
//!
//! It is rendered when it is planned, so that a plan shows what will stand in the file. It must not
//! show or keep the text of a secret in it.

mod render;
mod spec;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Secrets, Token, Value,
};

pub use spec::{Escape, TemplateObject, TemplateSpec};

use self::render::{Rendered, render};
use super::wanted::{self, Wanted};
use crate::disk;
use crate::text::plain;

/// A file that is made of a template and values.
pub struct FileTemplate;

impl Kind for FileTemplate {
    const NAME: &'static str = "file.template";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const SPACE: &'static str = disk::SPACE;
    type Spec = TemplateSpec;
    type Object = TemplateObject;

    fn identity(spec: &TemplateSpec) -> Option<String> {
        Some(disk::place(&spec.path.0))
    }

    fn diff(spec: &TemplateSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        match wanted_of(spec, secrets) {
            Ok(wanted) => wanted.differences(object, secrets),
            // A secret that is missing has no hash: it differs from whatever was applied.
            Err(_) => vec![Difference::new(
                "content",
                object.get("content").clone(),
                Value::Sealed(model::Digest::default()),
            )],
        }
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<TemplateSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        wanted::read(context, known).await
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, TemplateSpec>,
    ) -> Result<Option<String>, Fault> {
        match change {
            Change::Create(spec) => wanted_of(spec, context.secrets())?.foresee(context),
            _ => Ok(None),
        }
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, TemplateSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let wanted = change.wanted().map(|spec| wanted_of(spec, context.secrets())).transpose()?;
        wanted::apply(context, &change, wanted, token)
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, TemplateSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let wanted = change.wanted().map(|spec| wanted_of(spec, context.secrets())).transpose()?;
        wanted::find(context, &change, wanted, token)
    }
}

fn wanted_of(spec: &TemplateSpec, secrets: &dyn Secrets) -> Result<Wanted, Fault> {
    let mut sealed = false;
    let mut see = |text: &language::Text| sealed |= plain(text).is_none();
    spec.values.values().for_each(|value| value.texts(&mut see));
    Ok(Wanted {
        path: disk::tidy(&spec.path.0),
        content: rendered(spec)?.revealed(secrets)?,
        sealed,
        hidden: sealed && spec.mode.is_none(),
        rights: spec.rights(sealed),
        adopt: spec.adopt,
    })
}

fn rendered(spec: &TemplateSpec) -> Result<Rendered, Fault> {
    render(&spec.template.content, &spec.values, spec.escape)
        .map_err(|why| Fault::refused(format!("{}:{why}", spec.template.path)))
}
