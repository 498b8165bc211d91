//! Certificates for names that no public authority vouches for: a local authority, and what it signs.
//!
//! | module | for |
//! |---|---|
//! | [`authority`] | the kind `cert.authority` |
//! | [`certificate`] | the kind `cert.certificate` |
//! | [`name`] | what a certificate may be valid for |
//! | `facts` | what a certificate says |
//! | `issue` | certificates, signed |
//! | `keys` | private keys, which never leave their files |
//! | `look` | what there is in a folder |
//! | `term` | how long, and when it is time for a new one |
//! | `versions` | files that belong together, changed in one step |
//!
//! It must not speak to authorities elsewhere.

pub mod authority;
pub mod certificate;
mod facts;
mod issue;
pub mod keys;
mod look;
pub mod name;
mod term;
mod versions;

pub use authority::CertAuthority;
pub use certificate::CertCertificate;

use language::Duration;
use model::{Context, Difference, Fault, Found, Kind, Object};
use tokio::task::spawn_blocking;

use versions::Versions;

/// Returns when the first certificate of a text ends: seconds since 1970.
pub(crate) fn ends_at(text: &str) -> Option<i64> {
    facts::first(text).map(|facts| facts.term.until)
}

/// Runs work on files and keys where it holds nobody up.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    spawn_blocking(work).await.unwrap_or_else(|_| Err(Fault::broken("the work broke off")))
}

/// Returns the difference that a look at the files found, as [`model::Kind::diff`] gives it.
fn damage(object: &Object) -> Option<Difference> {
    let files = object.text("files");
    (files != look::SOUND).then(|| Difference::new("files", files, look::SOUND))
}

/// Returns the difference that the time makes.
fn renewal(object: &Object) -> Option<Difference> {
    let renewal = object.text("renewal");
    let due = renewal.starts_with("due");
    due.then(|| Difference::new("renewal", renewal, "renewed"))
}

/// Returns whether an update needs no new certificate: only when it is due has changed.
fn stays<K: Kind>(
    context: &Context,
    spec: &K::Spec,
    before: Option<&Object>,
    now: impl FnOnce() -> Result<Option<Object>, Fault>,
) -> Result<bool, Fault> {
    let Some(before) = before else { return Ok(false) };
    let mild = |object: &Object| {
        let differences = K::diff(spec, object, context.secrets());
        differences.iter().all(|difference| difference.key == "renew_before")
    };
    Ok(mild(before) && now()?.is_some_and(|object| mild(&object)))
}

/// Refuses a folder in which there is a certificate or a key that this effect has not made.
fn refuse_taken(versions: &Versions, path: &str) -> Result<(), Fault> {
    let files = [look::CERTIFICATE, look::KEY, "ca.pem", "ca.key", "ca-key.pem"];
    let Some(there) = versions.taken(&files)? else { return Ok(()) };
    Err(Fault::refused(format!("{there} is there already, and not of this resource"))
        .help(format!("move {path} away, or choose another `path`: keys are never overwritten")))
}

/// Returns whether a deletion in doubt has happened.
fn found_gone(versions: &Versions) -> Result<Found, Fault> {
    Ok(if versions.is_gone()? { Found::Done(None) } else { Found::Nothing })
}

/// Returns a time as people write it.
fn spell(time: Duration) -> String {
    match time.0.as_secs() {
        seconds if time.0.subsec_nanos() == 0 && u32::try_from(seconds).is_ok() => {
            crate::dns::spell(seconds as u32)
        }
        _ => format!("{}ms", time.0.as_millis()),
    }
}
