//! Who sends, and under which headers each says what.
//!
//! Sources: docs.github.com, "Webhook events and payloads"; docs.gitlab.com, "Webhooks", "Delivery
//! headers"; docs.gitea.com, "Webhooks", "Delivery headers"; forgejo.org, "Webhooks".

use hyper::HeaderMap;

/// Where a repository is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// github.com, or GitHub Enterprise Server.
    Github,
    /// gitlab.com, or a GitLab of one's own.
    Gitlab,
    /// Gitea, and Forgejo, which says the same under its own name as well.
    Gitea,
}

impl Provider {
    /// Returns what the sender calls this delivery; its repeats have the same.
    ///
    /// GitLab's `X-Gitlab-Event-UUID` is none: an event that a hook has brought about has that of the
    /// event before it.
    pub(super) fn delivery_id(self, headers: &HeaderMap) -> Option<&str> {
        let names: &[&str] = match self {
            Self::Github => &["x-github-delivery"],
            Self::Gitlab => &["webhook-id", "idempotency-key"],
            Self::Gitea => &["x-gitea-delivery", "x-forgejo-delivery"],
        };
        names.iter().find_map(|name| only(headers, name)).filter(|id| !id.is_empty())
    }

    /// Returns the name of what has happened.
    pub(super) fn event_name(self, headers: &HeaderMap) -> Option<&str> {
        let names: &[&str] = match self {
            Self::Github => &["x-github-event"],
            Self::Gitlab => &["x-gitlab-event"],
            Self::Gitea => &["x-gitea-event", "x-forgejo-event"],
        };
        names.iter().find_map(|name| only(headers, name))
    }
}

/// Returns the text of a header that stands there once: of two, nobody can say which is meant.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok()).flatten()
}
