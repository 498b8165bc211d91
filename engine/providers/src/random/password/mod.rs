//! `random.password`: a password that is made once and kept as a secret.
//!
//! Its text goes from where it is made to where secrets are kept, and nowhere else.

mod draw;
mod spec;

use model::secret::handle;
use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Order, Reads,
    SecretText,
};
use model::{Secrets, Token, Value};

pub use spec::{Least, PasswordObject, PasswordSpec, Set};

use crate::text::sealed_map;

/// A password that is made once and kept as a secret.
pub struct RandomPassword;

impl Kind for RandomPassword {
    const NAME: &'static str = "random.password";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const ORDER: Order = Order::CreateFirst;
    const READS: Reads = Reads::BySpec;
    type Spec = PasswordSpec;
    type Object = PasswordObject;

    fn diff(spec: &PasswordSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        Difference::among(object, keys(spec, secrets))
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<PasswordSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let read = |known: &Known<PasswordSpec>| {
            Ok(known.spec.as_ref().and_then(|spec| there(context, &known.id, spec)))
        };
        Ok(known.iter().map(read).collect())
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, PasswordSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let (id, spec) = match change {
            Change::Create(spec) => (name(token), spec),
            // Every key that it has makes a new one, so that nothing is left to be done.
            Change::Update(spec, object) => (object.id.clone(), spec),
            Change::Delete(_, object) => {
                return context.secrets().forget(&object.id).map(|()| None);
            }
        };
        if context.secrets().reveal(&id).is_none() {
            let text = SecretText::new(draw::password(spec, &*context.site.random)?);
            context.secrets().keep(&id, &text)?;
        }
        let made = there(context, &id, spec);
        made.map(Some).ok_or_else(|| Fault::broken("the password was kept and cannot be found"))
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, PasswordSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        Ok(match change {
            Change::Create(spec) | Change::Update(spec, _) => {
                let id = change.object().map_or_else(|| name(token), |object| object.id.clone());
                let there = there(context, &id, spec);
                there.map_or(Found::Nothing, |there| Found::Done(Some(there)))
            }
            // One that cannot be revealed may be kept all the same; it can be forgotten twice.
            Change::Delete(..) => Found::Nothing,
        })
    }
}

/// The name of the secret: one effect, one secret.
fn name(token: &Token) -> String {
    format!("password-{token}")
}

fn there(context: &Context, id: &str, spec: &PasswordSpec) -> Option<Object> {
    let value = handle(context.secrets(), id)?;
    let mut object = Object::new(id, keys(spec, context.secrets()));
    object.attributes.insert("value".to_owned(), value);
    Some(object)
}

fn keys(spec: &PasswordSpec, secrets: &dyn Secrets) -> [(&'static str, Value); 6] {
    [
        ("length", spec.length.into()),
        ("sets", spec.sets.iter().map(|set| set.name()).collect::<Vec<_>>().into()),
        ("symbols", spec.symbols.as_str().into()),
        ("without", spec.without.as_str().into()),
        ("least", spec.least.value()),
        ("keepers", sealed_map(secrets, &spec.keepers)),
    ]
}
