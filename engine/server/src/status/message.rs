//! What a provider is told about a commit, and in its own words.
//!
//! Sources: docs.github.com, "REST API endpoints for commit statuses"; docs.gitlab.com, "Commits API",
//! "Set commit pipeline status"; docs.gitea.com, "API", `repoCreateStatus`. Pure: it must not send.

use model::SecretText;
use model::file::server::Provider;
use serde_json::{Value, json};

use super::place::Place;
use crate::records::{QueuedRun, State, Verdict};

/// The most letters of a description: GitHub takes 140.
const LONGEST: usize = 140;

/// How a run stands, in what all providers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It waits or runs.
    Pending,
    /// It passed.
    Success,
    /// It failed.
    Failure,
    /// Nobody can say: it was ended, or another one took its place.
    Cancelled,
}

impl Stand {
    /// Returns how a run stands.
    pub(crate) fn of(run: &QueuedRun) -> Self {
        match (run.state, run.verdict) {
            (State::Ended, Some(Verdict::Passed)) => Self::Success,
            (State::Ended, Some(Verdict::Cancelled | Verdict::Superseded)) => Self::Cancelled,
            (State::Ended, _) => Self::Failure,
            _ => Self::Pending,
        }
    }

    fn word(self, provider: Provider) -> &'static str {
        match (self, provider) {
            (Self::Pending, _) => "pending",
            (Self::Success, _) => "success",
            (Self::Failure, Provider::Gitlab) => "failed",
            (Self::Failure, _) => "failure",
            (Self::Cancelled, Provider::Gitlab) => "canceled",
            (Self::Cancelled, _) => "error",
        }
    }
}

/// Returns what is told of a run, in a word: nothing is told twice while this is the same.
pub(crate) fn told(run: &QueuedRun) -> String {
    let verdict = run.verdict.map_or("", Verdict::word);
    format!("{} {verdict}", run.state.word()).trim_end().to_owned()
}

/// Something to send.
pub(crate) struct Message {
    /// Where to.
    pub(crate) url: String,
    /// Names and values; one is the token.
    pub(crate) headers: Vec<(&'static str, SecretText)>,
    /// What.
    pub(crate) body: Value,
}

impl Message {
    /// Returns what a provider is told of a run, with its page at `target`.
    pub(crate) fn of(place: &Place, run: &QueuedRun, target: &str, token: &SecretText) -> Self {
        let Place { provider, api, project } = place;
        let (commit, state) = (&run.cause.commit, Stand::of(run).word(*provider));
        let name = format!("windlass/{}", run.pipeline);
        let description: String = description(run).chars().take(LONGEST).collect();
        let url = match provider {
            Provider::Github | Provider::Gitea => {
                format!("{api}/repos/{project}/statuses/{commit}")
            }
            Provider::Gitlab => {
                format!("{api}/projects/{}/statuses/{commit}", project.replace('/', "%2F"))
            }
        };
        let mut body = json!({ "state": state, "target_url": target, "description": description });
        match provider {
            Provider::Gitlab => {
                body["name"] = name.into();
                body["ref"] = run.cause.branch.as_str().into();
            }
            Provider::Github | Provider::Gitea => body["context"] = name.into(),
        }
        Self { url, headers: headers(*provider, token), body }
    }
}

fn headers(provider: Provider, token: &SecretText) -> Vec<(&'static str, SecretText)> {
    let text = token.expose();
    match provider {
        Provider::Github => vec![
            ("authorization", SecretText::new(format!("Bearer {text}"))),
            ("accept", SecretText::new("application/vnd.github+json")),
            ("x-github-api-version", SecretText::new("2022-11-28")),
        ],
        Provider::Gitlab => vec![("private-token", token.clone())],
        Provider::Gitea => vec![("authorization", SecretText::new(format!("token {text}")))],
    }
}

fn description(run: &QueuedRun) -> String {
    let said = match (run.state, run.verdict) {
        (State::Waiting, _) => "waits its turn",
        (State::Running, _) => "runs",
        (State::Approval, _) => "waits for approval",
        (State::Ended, Some(Verdict::Passed)) => "passed",
        (State::Ended, Some(Verdict::Failed) | None) => "failed",
        (State::Ended, Some(Verdict::Cancelled)) => "was ended",
        (State::Ended, Some(Verdict::Superseded)) => "left out: a newer one took its place",
    };
    match (&run.message, run.started, run.ended) {
        (Some(message), ..) if run.is_over() => format!("{said}: {message}"),
        (None, Some(started), Some(ended)) => {
            format!("{said} in {} s", ended.saturating_sub(started) / 1_000)
        }
        _ => said.to_owned(),
    }
}
