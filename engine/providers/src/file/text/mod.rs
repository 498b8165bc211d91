//! `file.text`: a file whose content stands in the stack.
//!
//! It must not show or keep the text of a secret in it.

mod spec;

use model::secret::revealed;
use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Secrets, Token, Value,
};

pub use spec::{TextObject, TextSpec};

use super::wanted::{self, Wanted};
use crate::disk;
use crate::text::plain;

/// A file whose content stands in the stack.
pub struct FileText;

impl Kind for FileText {
    const NAME: &'static str = "file.text";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const SPACE: &'static str = disk::SPACE;
    type Spec = TextSpec;
    type Object = TextObject;

    fn identity(spec: &TextSpec) -> Option<String> {
        Some(disk::place(&spec.path.0))
    }

    fn diff(spec: &TextSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
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
        known: &[Known<TextSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        wanted::read(context, known).await
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, TextSpec>,
    ) -> Result<Option<String>, Fault> {
        match change {
            Change::Create(spec) => wanted_of(spec, context.secrets())?.foresee(context),
            _ => Ok(None),
        }
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, TextSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let wanted = change.wanted().map(|spec| wanted_of(spec, context.secrets())).transpose()?;
        wanted::apply(context, &change, wanted, token)
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, TextSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let wanted = change.wanted().map(|spec| wanted_of(spec, context.secrets())).transpose()?;
        wanted::find(context, &change, wanted, token)
    }
}

fn wanted_of(spec: &TextSpec, secrets: &dyn Secrets) -> Result<Wanted, Fault> {
    let sealed = plain(&spec.content).is_none();
    Ok(Wanted {
        path: disk::tidy(&spec.path.0),
        content: revealed(secrets, &spec.content)?,
        sealed,
        hidden: sealed && spec.mode.is_none(),
        rights: spec.rights(sealed),
        adopt: spec.adopt,
    })
}
