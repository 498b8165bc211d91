//! What a delivery says, the same for all providers.
//!
//! It must not guess: what it does not understand it says so, and the poll finds the push all the same.

use std::borrow::Cow;

use hyper::HeaderMap;
use serde::Deserialize;

use super::provider::Provider;

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The webhook was just set up.
    Ping,
    /// A branch or a tag has moved.
    Moved(Moved),
    /// Something that starts nothing here, by the provider's name for it.
    Other(String),
}

/// A branch or a tag that has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which one.
    pub target: Target,
    /// Where it was; None: it is new.
    pub before: Option<String>,
    /// Where it is now; None: it is gone.
    pub after: Option<String>,
    /// It was moved to a commit that does not follow the one before, where the provider says so.
    pub forced: bool,
}

/// A name within a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A branch, without `refs/heads/`.
    Branch(String),
    /// A tag, without `refs/tags/`.
    Tag(String),
}

#[derive(Deserialize)]
struct Push<'b> {
    #[serde(rename = "ref", borrow)]
    reference: Cow<'b, str>,
    #[serde(borrow)]
    before: Cow<'b, str>,
    #[serde(borrow)]
    after: Cow<'b, str>,
    #[serde(default)]
    forced: bool,
}

/// Returns what a body says; None if it is not what the provider sends.
pub(super) fn read(provider: Provider, headers: &HeaderMap, body: &[u8]) -> Option<Event> {
    let name = provider.event_name(headers)?;
    match (provider, name) {
        (Provider::Github, "ping") => {
            serde_json::from_slice::<serde::de::IgnoredAny>(body).ok()?;
            Some(Event::Ping)
        }
        (Provider::Github | Provider::Gitea, "push")
        | (Provider::Gitlab, "Push Hook" | "Tag Push Hook") => moved(body),
        _ => Some(Event::Other(shown(name))),
    }
}

fn moved(body: &[u8]) -> Option<Event> {
    let push: Push<'_> = serde_json::from_slice(body).ok()?;
    let (before, after) = (commit(&push.before).ok()?, commit(&push.after).ok()?);
    let is_target =
        ["refs/heads/", "refs/tags/"].iter().any(|kind| push.reference.starts_with(kind));
    if push.reference.starts_with("refs/") && !is_target {
        return Some(Event::Other(shown(&push.reference)));
    }
    let target = target(&push.reference)?;
    Some(Event::Moved(Moved { target, before, after, forced: push.forced }))
}

fn target(reference: &str) -> Option<Target> {
    let fits = |name: &&str| {
        let strange = |letter: char| letter.is_control() || " ~^:?*[\\".contains(letter);
        !name.is_empty()
            && !name.starts_with('-')
            && !name.contains(strange)
            && !name.contains("..")
    };
    let branch = reference.strip_prefix("refs/heads/").filter(fits);
    let tag = reference.strip_prefix("refs/tags/").filter(fits);
    branch
        .map(|name| Target::Branch(name.to_owned()))
        .or(tag.map(|name| Target::Tag(name.to_owned())))
}

struct NotACommit;

/// The id of a commit in SHA-1 or SHA-256; None: there is none, which is written as zeros.
fn commit(text: &str) -> Result<Option<String>, NotACommit> {
    let is_id = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_null = text.bytes().all(|byte| byte == b'0');
    if is_id { Ok((!is_null).then(|| text.to_ascii_lowercase())) } else { Err(NotACommit) }
}

/// A name from outside, as it may be shown.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(64).collect()
}
