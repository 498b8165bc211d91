//! `windlass.yml`: what one `windlass serve` hosts, follows and lets in.
//!
//! It must not open anything that is named in it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use language::decoder::decode;
use language::scope::Unresolved;
use language::shape::ScalarShape;
use language::{
    Code, Diagnostic, Diagnostics, Document, Keys, Leaf, Name, Period, Secret, Spec, Url,
};

/// The file in the folder that is served.
pub const FILE: &str = "windlass.yml";

/// What `windlass serve` does in this folder: repositories that people push to, or that are followed,
/// and whose pipelines run.
#[derive(Clone, Debug, Spec)]
#[spec(extensions, check = check_server)]
pub struct Server {
    /// The name of the server, as its pages show it.
    pub server: Name,
    /// What it is for, in a line.
    pub description: Option<String>,
    /// The address and port to listen on. Beyond this machine it wants `tokens`.
    #[spec(default = "127.0.0.1:7400")]
    pub listen: Listen,
    /// How it is reached from outside, if that is another address: for links.
    pub url: Option<Url>,
    /// Repositories by name. Push to `http://ADDRESS/NAME.git`.
    #[spec(default = "{}")]
    pub repositories: BTreeMap<Name, Repository>,
    /// How many runs there are at once, of different repositories.
    #[spec(default = "2")]
    pub runs: u16,
    /// What is kept of runs that are over.
    #[spec(default = "{}")]
    pub keep: Keep,
    /// Who may approve what waits for approval: names by group. Who somebody is their token says; without
    /// `tokens` everybody on this machine, its pipelines among them, is who they say they are.
    #[spec(default = "{}")]
    pub approvers: BTreeMap<Name, Vec<String>>,
    /// Who may come in, each by name with a secret of theirs. Without any, everybody on this machine.
    #[spec(default = "{}")]
    pub tokens: BTreeMap<Name, Secret>,
}

/// What is kept of runs that are over: of each pipeline the last `runs`, and whatever is younger than
/// `days`. The rest is forgotten: its line, its log, and the files that it made for later steps.
#[derive(Clone, Debug, Spec)]
#[spec(check = check_keep)]
pub struct Keep {
    /// So many of each pipeline of a repository, the newest. The newest of each branch stays in any case.
    #[spec(default = "200")]
    pub runs: u32,
    /// And all that ended within so many days.
    #[spec(default = "30")]
    pub days: u32,
}

/// One repository. With nothing in it (`{}`) it is hosted here.
#[derive(Clone, Debug, Spec)]
pub struct Repository {
    /// What it is for, in a line.
    pub description: Option<String>,
    /// It lives elsewhere, and what comes there is fetched.
    pub follow: Option<Follow>,
    /// The key that opens its `secrets.age`: a copy of `.windlass/key` of the project in which the secrets
    /// are set, or another age identity. A path, relative to this file; nobody but the server may read
    /// it, and it is never in Git.
    pub secrets_key: Option<String>,
}

/// Where a repository that is followed lives.
#[derive(Clone, Debug, Spec)]
#[spec(check = check_follow)]
pub struct Follow {
    /// What to fetch: `https://…`, `ssh://…` or a folder, as Git takes it.
    pub url: String,
    /// Whose webhooks and commit statuses it has; without one it is only polled.
    pub provider: Option<Provider>,
    /// Which branches; `release/*` are all that begin so. Schedules are those of the first.
    #[spec(default = "[main]")]
    pub branches: Vec<String>,
    /// How often it is asked, also where webhooks come: one may be lost.
    #[spec(default = "1m")]
    pub poll: Period,
    /// What its webhooks are signed with. They go to `/hooks/NAME`, as JSON. GitLab has two kinds: one
    /// that begins with `whsec_` is a signing token, and the better one.
    pub secret: Option<Secret>,
    /// What it is fetched with over HTTPS, and what commit statuses are sent with.
    pub token: Option<Secret>,
    /// Where its API is, if it does not follow from `url`.
    pub api: Option<Url>,
    /// What its API calls it, such as `ada/shop`, if it does not follow from `url`.
    pub project: Option<String>,
}

/// Who hosts a repository that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Provider {
    /// GitHub, in the cloud or of one's own.
    Github,
    /// GitLab, in the cloud or of one's own.
    Gitlab,
    /// Gitea or Forgejo.
    Gitea,
}

/// An IP address with a port. Port 0 is any that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl Leaf for Listen {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("an address with a port", &["string"])
        .many("addresses with ports")
        .like(&["127.0.0.1:7400", "[::1]:7400"]);

    fn parse(text: &str) -> Result<Self, String> {
        let local = |port: &str| Some((IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?).into());
        let named = text.strip_prefix("localhost:").and_then(local);
        named.or_else(|| text.parse().ok()).map(Self).ok_or_else(|| {
            "write an IP address and a port, such as 127.0.0.1:7400 (this machine alone) or \
             0.0.0.0:7400 (everybody who can reach it)"
                .to_owned()
        })
    }
}

/// Nobody is asked more often than this.
const LEAST_POLL: Duration = Duration::from_secs(1);

fn check_follow(follow: &Follow, keys: &mut Keys<'_, '_, '_>) {
    let authority = follow.url.split_once("://").map(|(_, rest)| rest.split('/').next());
    let login = authority.flatten().and_then(|authority| authority.rsplit_once('@'));
    if login.is_some_and(|(login, _)| login.contains(':')) {
        let why = "a password in an address is shown by logs and lists of processes: take it out, and \
                   write `token: ${secret.NAME}`";
        keys.refuse("url", why);
    }
    if follow.url.starts_with('-') || follow.url.is_empty() {
        keys.refuse("url", "this is no address that Git could fetch from");
    }
    if follow.token.is_some() && is_readable(&follow.url) {
        keys.refuse("url", "everybody on the way could read the token: write https://");
    }
    if follow.api.as_ref().is_some_and(|api| is_readable(api.as_str())) {
        keys.refuse("api", "everybody on the way could read the token: write https://");
    }
    if follow.secret.is_some() && follow.provider.is_none() {
        let why = "each provider signs its webhooks in its own way: write `provider` as well";
        keys.refuse("secret", why);
    }
    let is_folder = ["/", ".", "file://"].iter().any(|start| follow.url.starts_with(start));
    if follow.provider.is_some()
        && follow.token.is_some()
        && is_folder
        && (follow.project.is_none() || follow.api.is_none())
    {
        let why = "a folder does not say what the provider calls it: write `project: OWNER/NAME` and `api`";
        keys.refuse("url", why);
    }
    if follow.poll.0 < LEAST_POLL {
        keys.refuse("poll", "nobody is asked more often than once a second: write `1s` or more");
    }
    if follow.branches.is_empty() {
        keys.refuse("branches", "nothing would be followed: name a branch");
    }
    if let Some(branch) = follow.branches.iter().find(|branch| branch.starts_with("refs/")) {
        keys.refuse("branches", format!("write `{branch}` without `refs/heads/`"));
    }
}

/// Whether others can read what is sent there.
fn is_readable(url: &str) -> bool {
    let rest = url.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default());
    rest.is_some_and(|authority| !is_this_machine(authority))
}

/// Returns whether a host, with a port or without, is this machine and nothing else: `localhost` or an
/// address of the loopback. Any other name may lead anywhere, and elsewhere in a moment.
pub fn is_this_machine(authority: &str) -> bool {
    let end = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
    let host = &authority[..end.unwrap_or(authority.len())];
    let address = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => host.parse::<Ipv6Addr>().map(IpAddr::from),
        None => host.parse::<Ipv4Addr>().map(IpAddr::from),
    };
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn check_keep(keep: &Keep, keys: &mut Keys<'_, '_, '_>) {
    if keep.runs == 0 {
        let why = "a part of the newest could not be run again: write 1 or more";
        keys.refuse("runs", why);
    }
}

fn check_server(server: &Server, keys: &mut Keys<'_, '_, '_>) {
    if !server.listen.0.ip().is_loopback() && server.tokens.is_empty() {
        let why = "others can reach this address, and without `tokens` they could push and run \
                   what they like";
        keys.refuse("listen", why);
    }
    let outside = |url: &Url| {
        let rest = url.as_str().split_once("://").map_or("", |(_, rest)| rest);
        !is_this_machine(rest.split('/').next().unwrap_or_default())
    };
    if server.url.as_ref().is_some_and(outside) && server.tokens.is_empty() {
        let why = "who reaches it from there could push and run what they like: write `tokens`";
        keys.refuse("url", why);
    }
    if server.runs == 0 {
        keys.refuse("runs", "nothing would ever run: write 1 or more");
    }
    let mut folded = BTreeSet::new();
    for Name(name) in server.repositories.keys() {
        if !folded.insert(name.to_ascii_lowercase()) {
            keys.refuse("repositories", format!("`{name}` differs from another in case alone"));
        }
    }
}

/// Notes everything that is wrong with the file, and returns what stands in it.
pub fn read(document: &Document, diagnostics: &mut Diagnostics) -> Option<Server> {
    let read = decode::<Server>(document, &Unresolved, diagnostics);
    for reference in &read.waiting {
        let message = format!("`${{{}}}` means nothing here", reference.path);
        let error = Diagnostic::new(Code::BadReference, reference.span, message);
        diagnostics.push(error.help("the only references in this file are `${secret.NAME}`"));
    }
    read.value.filter(|_| read.waiting.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_alone_reads_what_stays_here() {
        let here =
            ["http://127.0.0.1:3000/a", "http://localhost/a", "http://[::1]:80/a", "/srv/a.git"];
        assert!(here.iter().all(|url| !is_readable(url)));
        let out = ["http://127.0.0.1.evil.test/a", "http://git.test/a", "http://[2001:db8::1]/a"];
        assert!(out.iter().all(|url| is_readable(url)));
        assert!(!is_readable("https://git.test/a"));
    }

    #[test]
    fn a_name_that_looks_like_an_address_is_not_this_machine() {
        for here in ["localhost", "localhost:7400", "127.0.0.1", "127.1.2.3:80", "[::1]:7400"] {
            assert!(is_this_machine(here), "{here}");
        }
        let out =
            ["127.evil.test:7400", "127.0.0.1.evil.test", "localhost.evil.test", "0.0.0.0:80"];
        for elsewhere in out.into_iter().chain(["", "::1", "[127.0.0.1]", "10.0.0.1"]) {
            assert!(!is_this_machine(elsewhere), "{elsewhere}");
        }
    }
}
