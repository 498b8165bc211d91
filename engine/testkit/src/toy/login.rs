//! A remote that repeats the secret that it was handed, in the open.

use std::sync::Arc;

use language::{Spec, Text};
use model::{Difference, Kind, Object, Secrets, Value, secret};

use super::in_a_world;
use crate::world::World;

pub(super) struct ToyLogin(pub Arc<World>);

/// A login.
#[derive(Debug, Spec)]
pub(super) struct LoginSpec {
    /// Who it is.
    user: String,
    /// What they type.
    password: Text,
}

/// What it gives.
#[derive(Debug, Spec)]
#[expect(dead_code, reason = "a declaration: nobody makes one")]
pub(super) struct LoginObject {
    /// How a client connects: user and password in the open.
    url: String,
}

impl Kind for ToyLogin {
    const NAME: &'static str = "toy.login";
    const EXAMPLE: &'static str = "kind: toy.login\nuser: ann\npassword: ${secret.token}\n";
    type Spec = LoginSpec;
    type Object = LoginObject;

    fn diff(spec: &LoginSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        Difference::among(object, keys(spec, secrets))
    }

    in_a_world!(ToyLogin: LoginSpec, made);
}

fn made(spec: &LoginSpec, _: Option<&Object>, id: String, secrets: &dyn Secrets) -> Object {
    let password = secret::revealed(secrets, &spec.password);
    let password = password.as_ref().map_or("", |text| text.expose());
    let url = format!("login://{}:{password}@remote", spec.user);
    let mut object = Object::new(id, keys(spec, secrets));
    object.attributes.insert("url".to_owned(), Value::Text(url));
    object
}

fn keys(spec: &LoginSpec, secrets: &dyn Secrets) -> [(&'static str, Value); 2] {
    [
        ("user", Value::text(spec.user.as_str())),
        ("password", secret::sealed(secrets, &spec.password)),
    ]
}
