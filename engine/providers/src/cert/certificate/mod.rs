//! `cert.certificate`: a certificate and its key, signed on this machine.
//!
//! It must not change anything of its authority.

mod signer;
mod spec;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Reads, Secrets, Token,
};

pub use spec::{CertificateObject, CertificateSpec};

use super::facts::{self, Facts};
use super::look::{self, CERTIFICATE, KEY, Seen, look};
use super::term::{self, Term};
use super::versions::{Current, Versions};
use super::{aside, damage, issue, keys, renewal, spell};
use crate::disk;
use signer::Signer;

const CHAIN: &str = "chain.pem";
const BUNDLE: &str = "bundle.pem";

/// A certificate.
pub struct CertCertificate;

impl Kind for CertCertificate {
    const NAME: &'static str = "cert.certificate";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const SPACE: &'static str = disk::SPACE;
    const READS: Reads = Reads::BySpec;
    const AGES: &'static [&'static str] = &["renewal"];
    type Spec = CertificateSpec;
    type Object = CertificateObject;

    fn identity(spec: &CertificateSpec) -> Option<String> {
        Some(disk::place(&spec.path))
    }

    fn diff(spec: &CertificateSpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        let damage = damage(object);
        if damage.is_some() && object.text("fingerprint").is_empty() {
            // Without its certificate nothing else can be compared.
            return damage.into_iter().collect();
        }
        let keys = [
            ("path", disk::tidy(&spec.path).into()),
            ("authority", disk::tidy(&spec.authority).into()),
            ("authority_key", spec.authority_key.as_deref().map(disk::tidy).into()),
            ("names", sorted(spec.names.iter().map(|name| name.0.as_str())).into()),
            ("usage", sorted(spec.usage.iter().map(|usage| usage.word())).into()),
            ("key_type", spec.key_type.word().into()),
            ("days", spec.days.into()),
            ("renew_before", spec.renew_before.map(spell).into()),
        ];
        Difference::among(object, keys).into_iter().chain(damage).chain(renewal(object)).collect()
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<CertificateSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let one = |known: &Known<CertificateSpec>| (known.id.clone(), known.spec.clone());
        let (context, known) = (context.clone(), known.iter().map(one).collect::<Vec<_>>());
        aside(move || {
            Ok(known.iter().map(|(path, spec)| object(&context, path, spec.as_ref())).collect())
        })
        .await
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, CertificateSpec>,
    ) -> Result<Option<String>, Fault> {
        match change {
            Change::Create(spec) => disk::own_place(context, &spec.path).map(|_| None),
            _ => Ok(None),
        }
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, CertificateSpec>,
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
        change: Change<'_, CertificateSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let Some(spec) = change.wanted().cloned() else {
            let versions = Versions::at(context, change.object().map_or("", |object| &object.id));
            return aside(move || super::found_gone(&versions)).await;
        };
        let (update, token, context) = (change.object().is_some(), token.clone(), context.clone());
        aside(move || {
            let path = disk::tidy(&spec.path);
            let versions = Versions::at(&context, &path);
            versions.clear(&token)?;
            let made = versions.current()? == Current::Version(token.as_str().to_owned());
            let done = object(&context, &path, Some(&spec))?.filter(|object| {
                made || update && Self::diff(&spec, object, context.secrets()).is_empty()
            });
            Ok(done.map_or(Found::Nothing, |object| Found::Done(Some(object))))
        })
        .await
    }
}

fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names
}

/// What there is, seen with the spec that was applied last.
fn object(
    context: &Context,
    path: &str,
    spec: Option<&CertificateSpec>,
) -> Result<Option<Object>, Fault> {
    let versions = Versions::at(context, path);
    let Some(mut seen) = look(&versions)? else { return Ok(None) };
    let chain = look::read(&versions, &seen.version, CHAIN)?;
    let chain = chain.as_deref().and_then(facts::all).unwrap_or_default();
    if let (None, Some(facts)) = (&seen.damage, &seen.facts) {
        seen.damage = more_damage(&versions, &seen, facts, &chain);
    }
    let now = term::now(context);
    let before = spec.and_then(|spec| spec.renew_before);
    Ok(Some(seen.object(path, |facts| {
        [
            ("authority", spec.map(|spec| authority(context, spec, facts)).into()),
            (
                "authority_key",
                spec.and_then(|spec| spec.authority_key.as_deref()).map(disk::tidy).into(),
            ),
            ("names", facts.names.clone().into()),
            ("usage", facts.usage.clone().into()),
            ("days", days(facts, &chain, spec).into()),
            ("renew_before", before.map(spell).into()),
            ("renewal", facts.term.renewal(before.map(|before| before.0), now).into()),
            ("certificate_path", versions.stable(CERTIFICATE).into()),
            ("chain_path", versions.stable(CHAIN).into()),
            ("key_path", versions.stable(KEY).into()),
            ("bundle_path", versions.stable(BUNDLE).into()),
        ]
    })))
}

/// The files beside certificate and key.
fn more_damage(versions: &Versions, seen: &Seen, facts: &Facts, chain: &[Facts]) -> Option<String> {
    if chain.first().is_none_or(|first| first.der != facts.der) {
        return Some(format!("{CHAIN} does not begin with {CERTIFICATE}"));
    }
    let bundle = versions.file(&seen.version, BUNDLE);
    let key = keys::load(&bundle).ok().is_some_and(|key| keys::fits(&key, facts));
    let there = disk::read(&bundle).ok().flatten().map(zeroize::Zeroizing::new);
    let first = there.as_ref().and_then(|text| facts::first(text));
    if !key || first.is_none_or(|first| first.der != facts.der) {
        return Some(format!("{BUNDLE} does not hold {CERTIFICATE} and {KEY}"));
    }
    look::open_to_others(&bundle).map(|mode| format!("others may read {BUNDLE} (mode {mode})"))
}

/// Who signed it, as the spec says it, or what else stands there now. An authority that is not there
/// changes nothing about the certificate.
fn authority(context: &Context, spec: &CertificateSpec, facts: &Facts) -> String {
    match Signer::certificates(context, spec) {
        Ok((_, chain)) if !facts::is_signed_by(facts, &chain[0]) => {
            let name = chain[0].common_name.as_deref().unwrap_or("without a name");
            format!("signed by another than {} ({name})", disk::tidy(&spec.authority))
        }
        _ => disk::tidy(&spec.authority),
    }
}

/// A certificate that ends with its authority is as long as it can be.
fn days(facts: &Facts, chain: &[Facts], spec: Option<&CertificateSpec>) -> u32 {
    let days = facts.term.days();
    let cut = chain.get(1).is_some_and(|authority| authority.term.until == facts.term.until);
    match spec {
        Some(spec) if cut && spec.days > days => spec.days,
        _ => days,
    }
}

fn put(
    context: &Context,
    spec: &CertificateSpec,
    before: Option<&Object>,
    token: &Token,
) -> Result<Object, Fault> {
    let path = disk::tidy(&spec.path);
    let versions = Versions::at(context, &path);
    let made = versions.current()? == Current::Version(token.as_str().to_owned());
    if !made && before.is_none() {
        super::refuse_taken(&versions, &path)?;
    }
    let there = || object(context, &path, Some(spec));
    if !made && !super::stays::<CertCertificate>(context, spec, before, there)? {
        make(context, &versions, spec, token)?;
    }
    let object = object(context, &path, Some(spec))?;
    object.ok_or_else(|| Fault::broken(format!("{path} is empty after it was written")))
}

fn make(
    context: &Context,
    versions: &Versions,
    spec: &CertificateSpec,
    token: &Token,
) -> Result<(), Fault> {
    let now = term::now(context);
    let signer = Signer::of(context, spec, now)?;
    let key = spec.key_type.make(&*context.site.random)?;
    let mut term = Term::of_days(spec.days, now);
    let cut = term.cut(signer.term);
    let issuer = &signer.issuer;
    let certificate =
        issue::certificate(context, &spec.names, &spec.usage, term, &key, issuer)?.pem();
    let (chain, key) = (format!("{certificate}{}", signer.chain), keys::text(&key));
    let bundle = zeroize::Zeroizing::new(format!("{}{chain}", key.expose()));
    let draft = versions.begin(token)?;
    draft.write(KEY, key.expose().as_bytes(), 0o600)?;
    draft.write(BUNDLE, bundle.as_bytes(), 0o600)?;
    draft.write(CERTIFICATE, certificate.as_bytes(), 0o644)?;
    draft.write(CHAIN, chain.as_bytes(), 0o644)?;
    draft.finish()?;
    let why = if cut { ", as its authority is" } else { "" };
    context.progress.status(&format!("valid until {}{why}", term::date(term.until)));
    Ok(())
}
