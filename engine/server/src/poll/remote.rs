//! A repository that lives elsewhere, asked by `git`: where its branches are, and what is new in them.
//!
//! The token goes to `git` through the environment, for its own host alone, and is sent to no other that
//! a redirect may name. It must not stand in an argument or an error.

use std::collections::BTreeMap;
use std::path::Path;

use model::SecretText;
use model::file::server::{Follow, Provider};
use runtime::engine::Problem;
use tokio::process::Command;

use crate::git::{finished, git};
use crate::repository::{BRANCHES, fits};
use crate::trouble::failed;

/// What `git` runs to be told the token: it stands in the environment of that shell alone.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \
                      \"$WINDLASS_GIT_USER\" \"$WINDLASS_GIT_TOKEN\"; }; f";

/// A repository that lives elsewhere.
pub(super) struct Remote<'f> {
    /// What the file says of it.
    pub(super) follow: &'f Follow,
    /// What it is fetched with.
    pub(super) token: Option<&'f SecretText>,
    /// The environment of who started the server.
    pub(super) environment: &'f BTreeMap<String, String>,
}

/// How this machine reaches others, as far as its owner says it in the environment.
const INHERITED: [&str; 11] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
];

impl Remote<'_> {
    /// Returns the branches that are followed, and their commits: one question, no objects.
    ///
    /// # Errors
    /// It cannot be reached, or does not let us in.
    pub(super) async fn branches(&self, bare: &Path) -> Result<Vec<(String, String)>, Problem> {
        let mut command = self.command(bare);
        command.args(["ls-remote", "--heads", "--", &self.follow.url]);
        command.args(self.follow.branches.iter().map(|branch| format!("{BRANCHES}{branch}")));
        let listed = finished(command, &[]).await.map_err(|problem| self.covered(&problem))?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let pair = |line: &str| {
            let (hash, name) = line.split_once('\t')?;
            // What a pattern of `git ls-remote` fits may begin anywhere.
            let name = name.strip_prefix(BRANCHES)?;
            let branch = format!("{BRANCHES}{name}");
            self.follows(&branch).then(|| (branch, hash.to_owned()))
        };
        Ok(listed.lines().filter_map(pair).collect())
    }

    /// Fetches these branches, wherever they point to by now.
    ///
    /// # Errors
    /// See [`Remote::branches`].
    pub(super) async fn fetch(&self, bare: &Path, branches: &[String]) -> Result<(), Problem> {
        let mut command = self.command(bare);
        command.args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"]);
        command.args(["--no-recurse-submodules", "--", &self.follow.url]);
        command.args(branches.iter().map(|branch| format!("+{branch}:{branch}")));
        finished(command, &[]).await.map(|_| ()).map_err(|problem| self.covered(&problem))
    }

    /// Returns whether a reference is one of the branches that are followed.
    pub(super) fn follows(&self, reference: &str) -> bool {
        let patterns = &self.follow.branches;
        let branch = reference.strip_prefix(BRANCHES);
        branch.is_some_and(|branch| patterns.iter().any(|pattern| fits(pattern, branch)))
    }

    fn command(&self, bare: &Path) -> Command {
        let mut settings = vec![
            // Who does not send anything for a minute is gone.
            ("http.lowSpeedLimit".to_owned(), "1".to_owned()),
            ("http.lowSpeedTime".to_owned(), "60".to_owned()),
            // Many an old history has flaws that nobody can mend any more.
            ("fetch.fsckObjects".to_owned(), "false".to_owned()),
        ];
        let mut command = git(bare);
        let inherited = INHERITED.iter().filter_map(|name| self.environment.get_key_value(*name));
        command.envs(inherited);
        command.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh");
        command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=20");
        if let (Some(token), Some(origin)) = (self.token, origin(&self.follow.url)) {
            settings.push((format!("credential.{origin}.helper"), HELPER.to_owned()));
            command.env("WINDLASS_GIT_USER", self.user());
            command.env("WINDLASS_GIT_TOKEN", token.expose());
        }
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (at, (key, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{at}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        command
    }

    /// The name that goes with a token: GitHub and GitLab ask for these, Gitea takes any.
    fn user(&self) -> &'static str {
        match self.follow.provider {
            Some(Provider::Gitlab | Provider::Gitea) => "oauth2",
            Some(Provider::Github) | None => "x-access-token",
        }
    }

    /// A problem without what may be secret in it, and what to do.
    fn covered(&self, problem: &Problem) -> Problem {
        let mut message = problem.message();
        if let Some(token) = self.token {
            message = message.replace(token.expose(), "***");
        }
        let help = match &message {
            text if text.contains("could not read Username") || text.contains("Authentication") => {
                "give it a `token` that may read it; it wants one, or another one"
            }
            text if text.contains("not found") || text.contains("does not exist") => {
                "is `url` right, and may the token see it? Who may not is told that it is not there"
            }
            text if text.contains("resolve host") => "is the name in `url` spelt right?",
            text if text.contains("Permission denied (publickey)") => {
                "the SSH key of who runs `windlass serve` must be let in there"
            }
            _ => return failed(message),
        };
        failed(message).help(help)
    }
}

/// Scheme, host and port of an address over HTTP.
fn origin(url: &str) -> Option<&str> {
    let after = url.find("://")? + 3;
    let is_http = url.starts_with("https://") || url.starts_with("http://");
    let end = url[after..].find('/').map_or(url.len(), |end| after + end);
    is_http.then(|| &url[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_one_host() {
        assert_eq!(origin("https://github.com/a/b.git"), Some("https://github.com"));
        assert_eq!(origin("http://127.0.0.1:8080"), Some("http://127.0.0.1:8080"));
        assert_eq!(origin("ssh://git@github.com/a/b"), None);
        assert_eq!(origin("/srv/git/shop.git"), None);
    }
}
