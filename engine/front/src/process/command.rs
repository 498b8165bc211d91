//! What a front can be told, one JSON object a line, and what it answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::cutover::{Barred, Cutover, Quarantined, Watch};
use super::sockets::Bind;
use crate::account::{Counts, Receipt, Timeouts};

/// A route as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// What the route is called in every other command.
    pub name: String,
    /// The socket that its requests come by: it is opened if there is none; nothing: any.
    #[serde(default)]
    pub listen: Option<Bind>,
    /// `shop.test`, `*.shop.test`; nothing for any host.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Where the paths begin.
    pub prefix: String,
    /// The longest body of a request, in bytes; nothing: any length.
    #[serde(default)]
    pub body_bytes: Option<u64>,
    /// How long each part of a request may take.
    #[serde(default, skip_serializing_if = "Timeouts::is_default")]
    pub timeouts: Timeouts,
    /// Proxies before the front, whose `X-Forwarded-*` and `Forwarded` are believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<IpNet>,
    /// A version without targets sends everybody on to HTTPS at this port, with the same host, path and
    /// query; nothing: a version has targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<u16>,
    /// How targets show that they are in health; nothing: they always are.
    #[serde(default)]
    pub check: Option<Check>,
    /// What whoever made the route wants to be told again; nothing secret.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
}

/// How a target shows that it is in health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The path that is asked for, and answered with a status from 200 to 399; nothing: that it can be
    /// connected to.
    #[serde(default)]
    pub http: Option<String>,
    /// From one check to the next.
    pub interval_ms: u64,
    /// How long a check may take.
    pub timeout_ms: u64,
    /// So many failures in a row take a target out.
    #[serde(default = "two")]
    pub fall: u32,
    /// So many passes in a row put it back.
    #[serde(default = "two")]
    pub rise: u32,
}

fn two() -> u32 {
    2
}

/// What a front can be told. What changes something is on disk before it is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Makes a route, or changes one; who is in office stays, and is checked as before.
    Put(RouteSpec),
    /// Has the targets in office judged by another check from now on, if one of them passes it in time.
    Recheck { route: String, check: Check, ready_ms: u64 },
    /// Takes a route away.
    Remove { route: String },
    /// Puts targets in office as a version; answers with the new term and the relieved one.
    Flip {
        route: String,
        version: String,
        targets: Vec<SocketAddr>,
        /// How long to wait until a target is in health, where the route has a check.
        #[serde(default)]
        ready_ms: u64,
    },
    /// As a flip that is watched: see [`CutOver`].
    CutOver(CutOver),
    /// Has a version come into office again that was quarantined on a route.
    Pardon { route: String, version: String },
    /// Has no route change over to an address, whatever is asked: who is there is not known to be good.
    /// Where a route goes already it goes on, and a way back to who has served stays open.
    Bar { address: SocketAddr, why: String },
    /// Has routes change over to an address again.
    Admit { address: SocketAddr },
    /// Has no route go back to an address, since somebody else will be there, who is not barred. Refused
    /// while requests go there, may have to go back there, or are still answered there.
    Release { address: SocketAddr },
    /// Puts nobody in office: requests wait.
    Pause { route: String },
    /// Puts back in office who was before the pause, as a new term.
    Resume { route: String },
    /// Waits until nobody holds a relieved term, cuts who is left at the deadline, answers with the
    /// receipt. Asked again, it answers the same.
    Drain { route: String, term: u64, deadline_ms: u64 },
    /// Answers with the account of a term as it stands.
    Receipt { route: String, term: u64 },
    /// Answers with everything.
    Look,
    /// Serves a certificate to clients that ask for these names; an empty name: to everybody else.
    Certificate {
        /// Where it is served; nothing: wherever there is none of the address's own.
        #[serde(default)]
        at: Option<SocketAddr>,
        names: Vec<String>,
        certificate: PathBuf,
        key: PathBuf,
    },
    /// Serves the names no longer.
    Uncertify {
        #[serde(default)]
        at: Option<SocketAddr>,
        names: Vec<String>,
    },
    /// Reads all certificates again.
    Reload,
    /// Changes nothing from now on: a successor begins where this one stands.
    Freeze,
    /// The successor did not begin.
    Thaw,
    /// Leaves: accepts no connection, ends each with its next answer, cuts the rest at the deadline.
    /// Answers with what this process counted.
    Leave { deadline_ms: u64 },
    /// Adds what the predecessor counted (nothing: it died, and what it had written down counts), and
    /// obeys changes from now on.
    Carry { receipts: Option<Vec<Receipt>> },
    /// Answers with the listening sockets beside the line.
    Sockets,
}

/// A flip that is known by a token, and that the front itself takes back if it goes wrong, whoever else
/// has died by then. Said again with the same token, it changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutOver {
    pub route: String,
    pub version: String,
    pub targets: Vec<SocketAddr>,
    /// How long to wait until a target is in health, where the route has a check.
    #[serde(default)]
    pub ready_ms: u64,
    /// Names this very change.
    pub token: String,
    /// What it is held to. Where nobody was in office before there is nobody to go back to, and it is
    /// not watched.
    #[serde(default)]
    pub watch: Option<Watch>,
    /// Why the version that is relieved must not come into office again; nothing: it may.
    #[serde(default)]
    pub quarantine: Option<String>,
}

/// What a front answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done, and on disk.
    Done,
    /// Who is in office now, and who was before.
    Term {
        term: Option<u64>,
        relieved: Option<u64>,
    },
    Receipt(Receipt),
    Receipts(Vec<Receipt>),
    Look(Look),
    /// For each socket that comes with the line, whether it speaks TLS.
    Sockets(Vec<bool>),
    /// It was not done.
    Refused {
        why: String,
    },
}

/// Everything about a front.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The process.
    pub pid: u32,
    /// Which program it runs: a mark of its file.
    #[serde(default)]
    pub program: Option<String>,
    /// Nothing may be changed: it is being replaced.
    pub frozen: bool,
    pub routes: Vec<Looked>,
    /// Addresses that no route changes over to.
    #[serde(default)]
    pub barred: Vec<Barred>,
}

/// One route of a front.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    pub spec: RouteSpec,
    /// Who is in office; nobody while it is paused.
    pub office: Option<Receipt>,
    /// The targets in office.
    pub targets: Vec<Seen>,
    /// What they are checked by: the route's own check from its next flip on.
    #[serde(default)]
    pub check: Option<Check>,
    /// Relieved terms that are not drained.
    pub open: Vec<Receipt>,
    /// The latest of those that are drained.
    pub closed: Vec<Receipt>,
    /// The change of office that was made last by [`Command::CutOver`].
    #[serde(default)]
    pub cutover: Option<Cutover>,
    /// Versions that do not come into office.
    #[serde(default)]
    pub quarantined: Vec<Quarantined>,
    /// Every address that its requests go to, may go back to, or are still answered by.
    #[serde(default)]
    pub busy: Vec<SocketAddr>,
    /// Whether its own socket is there, if it names one.
    #[serde(default)]
    pub listens: bool,
    /// Requests lost because nobody came into office while they waited, since the process began.
    pub turned_away: u64,
}

/// One target, as its checks see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub address: SocketAddr,
    pub healthy: bool,
    /// What the last check said.
    pub said: Option<String>,
}

impl Reply {
    /// Returns a refusal.
    pub(crate) fn no(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into() }
    }
}

/// What is kept of a term besides its counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) term: u64,
    pub(crate) version: String,
    pub(crate) targets: Vec<SocketAddr>,
    /// What its targets are checked by.
    #[serde(default)]
    pub(crate) check: Option<Check>,
    /// Without targets: the port of HTTPS that requests are sent on to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redirect: Option<u16>,
}

impl Named {
    pub(crate) fn receipt(&self, route: &str, counts: Counts) -> Receipt {
        Receipt { route: route.into(), term: self.term, version: self.version.clone(), counts }
    }
}
