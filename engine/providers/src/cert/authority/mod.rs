//! `cert.authority`: a certificate authority on this machine.
//!
//! It never overwrites a key that it has not made.

mod spec;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Reads, Secrets, Token,
};

pub(super) use spec::check_term;
pub use spec::{AuthorityObject, AuthoritySpec};

use super::look::{CERTIFICATE, KEY, Seen, look};
use super::term::{self, Term};
use super::versions::{Current, Versions};
use super::{aside, damage, issue, keys, renewal, spell};
use crate::disk;

/// A certificate authority.
pub struct CertAuthority;

impl Kind for CertAuthority {
    const NAME: &'static str = "cert.authority";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const SPACE: &'static str = disk::SPACE;
    const READS: Reads = Reads::BySpec;
    const AGES: &'static [&'static str] = &["renewal"];
    type Spec = AuthoritySpec;
    type Object = AuthorityObject;

    fn identity(spec: &AuthoritySpec) -> Option<String> {
        Some(disk::place(&spec.path))
    }

    fn diff(spec: &AuthoritySpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        let damage = damage(object);
        if damage.is_some() && object.text("fingerprint").is_empty() {
            // Without its certificate nothing else can be compared.
            return damage.into_iter().collect();
        }
        let keys = [
            ("path", disk::tidy(&spec.path).into()),
            ("common_name", spec.common_name.as_str().into()),
            ("organisation", spec.organisation.clone().into()),
            ("key_type", spec.key_type.word().into()),
            ("days", spec.days.into()),
            ("renew_before", spec.renew_before.map(spell).into()),
        ];
        Difference::among(object, keys).into_iter().chain(damage).chain(renewal(object)).collect()
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<AuthoritySpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let now = term::now(context);
        let one = |known: &Known<AuthoritySpec>| {
            (known.id.clone(), Versions::at(context, &known.id), known.spec.clone())
        };
        let known: Vec<_> = known.iter().map(one).collect();
        aside(move || {
            let known = known.iter();
            Ok(known.map(|(id, versions, spec)| object(id, versions, spec.as_ref(), now)).collect())
        })
        .await
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, AuthoritySpec>,
    ) -> Result<Option<String>, Fault> {
        match change {
            Change::Create(spec) => disk::own_place(context, &spec.path).map(|_| None),
            _ => Ok(None),
        }
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, AuthoritySpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let Some(spec) = change.wanted().cloned() else {
            let path = change.object().map_or("", |object| &object.id);
            let versions = Versions::at(context, path);
            return aside(move || versions.remove().map(|()| None)).await;
        };
        let before = change.object().cloned();
        let (context, token) = (context.clone(), token.clone());
        aside(move || put(&context, &spec, before.as_ref(), &token).map(Some)).await
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, AuthoritySpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let Some(spec) = change.wanted().cloned() else {
            let versions = Versions::at(context, change.object().map_or("", |object| &object.id));
            return aside(move || super::found_gone(&versions)).await;
        };
        let path = disk::tidy(&spec.path);
        let (versions, now) = (Versions::at(context, &path), term::now(context));
        let (update, token, secrets) =
            (change.object().is_some(), token.clone(), context.site.secrets.clone());
        aside(move || {
            versions.clear(&token)?;
            let made = versions.current()? == Current::Version(token.as_str().to_owned());
            let object = object(&path, &versions, Some(&spec), now)?;
            let done = object
                .filter(|object| made || update && Self::diff(&spec, object, &*secrets).is_empty());
            Ok(done.map_or(Found::Nothing, |object| Found::Done(Some(object))))
        })
        .await
    }
}

fn object(
    path: &str,
    versions: &Versions,
    spec: Option<&AuthoritySpec>,
    now: i64,
) -> Result<Option<Object>, Fault> {
    let Some(mut seen) = look(versions)? else { return Ok(None) };
    if seen.damage.is_none() && seen.facts.as_ref().is_some_and(|facts| !facts.authority) {
        seen.damage = Some(format!("{CERTIFICATE} is not that of an authority"));
    }
    let before = spec.and_then(|spec| spec.renew_before);
    let version = seen.version.clone();
    Ok(Some(seen.object(path, |facts| {
        [
            ("common_name", facts.common_name.clone().into()),
            ("organisation", facts.organisation.clone().into()),
            ("days", facts.term.days().into()),
            ("renew_before", before.map(spell).into()),
            ("renewal", facts.term.renewal(before.map(|before| before.0), now).into()),
            ("certificate_path", versions.of_version(&version, CERTIFICATE).into()),
            ("key_path", versions.of_version(&version, KEY).into()),
        ]
    })))
}

fn put(
    context: &Context,
    spec: &AuthoritySpec,
    before: Option<&Object>,
    token: &Token,
) -> Result<Object, Fault> {
    let path = disk::tidy(&spec.path);
    let (versions, now) = (Versions::at(context, &path), term::now(context));
    let current = versions.current()?;
    let made = current == Current::Version(token.as_str().to_owned());
    if !made && before.is_none() {
        super::refuse_taken(&versions, &path)?;
    }
    if !made
        && !super::stays::<CertAuthority>(context, spec, before, || {
            object(&path, &versions, Some(spec), now)
        })?
    {
        make(context, &versions, spec, now, token)?;
    }
    let object = object(&path, &versions, Some(spec), now)?;
    object.ok_or_else(|| Fault::broken(format!("{path} is empty after it was written")))
}

/// Makes a version; with the key of the one before, unless that is gone or another's.
fn make(
    context: &Context,
    versions: &Versions,
    spec: &AuthoritySpec,
    now: i64,
    token: &Token,
) -> Result<(), Fault> {
    let key = match look(versions)? {
        Some(Seen { version, facts, .. }) => {
            let key = keys::load(&versions.file(&version, KEY)).ok();
            key.filter(|key| facts.is_none_or(|facts| keys::fits(key, &facts)))
        }
        _ => None,
    };
    let key = key.map_or_else(|| spec.key_type.make(&*context.site.random), Ok)?;
    let term = Term::of_days(spec.days, now);
    let organisation = spec.organisation.as_deref();
    let certificate = issue::authority(context, &spec.common_name, organisation, term, &key)?;
    let draft = versions.begin(token)?;
    draft.write(KEY, keys::text(&key).expose().as_bytes(), 0o600)?;
    draft.write(CERTIFICATE, certificate.pem().as_bytes(), 0o644)?;
    draft.finish()?;
    context.progress.status(&format!("valid until {}", term::date(term.until)));
    Ok(())
}
