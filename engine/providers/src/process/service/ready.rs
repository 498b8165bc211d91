//! Waits until a service is ready, or says why it is not: with its own last words.

use std::time::Duration;

use language::Script;
use model::{Context, Fault};
use tokio::time::{Instant, sleep};

use super::listener;
use super::spec::{Command, ServiceSpec};
use crate::process::supervisor::{Client, State, Status, SupervisorError, Verdict};
use crate::text::Sieve;

/// Without health, it is ready when it has run this long.
const SETTLED: Duration = Duration::from_millis(300);
/// So many crashes since the change, and it is not waited for any longer.
const HOPELESS: u64 = 5;
/// So many lines of its log are shown.
const LINES: usize = 20;

/// A service that was changed and is waited for.
pub(super) struct Waiting<'w> {
    pub(super) context: &'w Context,
    pub(super) client: &'w Client,
    pub(super) name: &'w str,
    pub(super) spec: &'w ServiceSpec,
    pub(super) port: Option<u16>,
    /// Another version of it ran before.
    pub(super) replaced: bool,
}

/// Why a service is not ready.
pub(super) enum Unready {
    /// Somebody else has the port that it was given.
    NoPort(Fault),
    /// Anything else.
    Other(Fault),
}

impl From<Fault> for Unready {
    fn from(fault: Fault) -> Self {
        Self::Other(fault)
    }
}

impl From<Unready> for Fault {
    fn from(unready: Unready) -> Self {
        match unready {
            Unready::NoPort(fault) | Unready::Other(fault) => fault,
        }
    }
}

impl Waiting<'_> {
    /// Waits until it is ready. `begun` is what it was doing when the change was made.
    pub(super) async fn ready(&self, begun: Status) -> Result<Status, Unready> {
        let deadline = Instant::now() + self.spec.ready_within.0;
        let (mut status, mut said) = (begun.clone(), String::new());
        let (mut pause, mut since) = (Duration::from_millis(5), Instant::now());
        loop {
            let works = self.works(&status, since);
            // Whoever has its port may look like it, and be healthy in its place.
            let doubt = works || status.starts > begun.starts;
            if doubt && let Some(why) = self.in_the_way(&status) {
                return Err(Unready::NoPort(self.fault(why, &status, &begun).await));
            }
            if works {
                return Ok(status);
            }
            let late = (Instant::now() > deadline).then(|| self.late(&status));
            if let Some(why) = hopeless(&status, &begun).or(late) {
                return Err(Unready::Other(self.fault(why, &status, &begun).await));
            }
            self.say(&status, &mut said);
            sleep(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_millis(100));
            let now = self.look().await.map_err(Unready::Other)?;
            if now.pid != status.pid {
                since = Instant::now();
            }
            status = now;
        }
    }

    async fn look(&self) -> Result<Status, Fault> {
        let found = self.client.status(&[self.name.to_owned()]).await.map_err(fault)?;
        let gone = || Fault::refused("it was removed while it was waited for").help("apply again");
        found.into_iter().next().flatten().ok_or_else(gone)
    }

    fn works(&self, status: &Status, since: Instant) -> bool {
        match self.spec.health {
            Some(_) => status.health.verdict == Verdict::Healthy && status.pid.is_some(),
            None => status.pid.is_some() && since.elapsed() >= SETTLED,
        }
    }

    fn late(&self, status: &Status) -> String {
        let within = self.spec.ready_within.words();
        match (&self.spec.health, status.health.detail.as_str()) {
            (Some(_), "") => format!("not healthy after {within}"),
            (Some(_), detail) => format!("not healthy after {within}: {detail}"),
            (None, _) => format!("it did not stay up within {within}"),
        }
    }

    fn say(&self, status: &Status, said: &mut String) {
        let text = match (status.state, status.health.detail.as_str()) {
            (State::Waiting | State::Crashing, _) => {
                let exit = status.last_exit.map(|exit| exit.to_string()).unwrap_or_default();
                format!("ended ({exit}), started {} times", status.starts)
            }
            (_, "") => "starting".to_owned(),
            (_, detail) => format!("health: {detail}"),
        };
        if text != *said {
            self.context.progress.status(&text);
            *said = text;
        }
    }

    async fn fault(&self, why: String, status: &Status, begun: &Status) -> Fault {
        let mut details = vec![started(status, begun)];
        if self.replaced {
            details.push("the version before was ended for it and does not run any more".into());
        }
        details.extend(self.last_words().await);
        let help = format!("windlass logs {} · windlass explain process.service", self.name);
        Fault::refused(why).details(details).help(help)
    }

    /// Somebody else on the port that it was given.
    fn in_the_way(&self, status: &Status) -> Option<String> {
        let port = self.port?;
        let who = listener::stranger_on(port, status.pid)?;
        Some(format!("port {port} is taken by {who}"))
    }

    /// The end of its log, without the secrets that it was given.
    async fn last_words(&self) -> Vec<String> {
        let lines = self.client.tail(self.name, LINES).await.unwrap_or_default();
        let words = match &self.spec.command {
            Command::Shell(Script(line)) => std::slice::from_ref(line),
            Command::Program(words) => words,
        };
        let texts = self.spec.environment.values().chain(words);
        match Sieve::of(self.context.secrets(), texts) {
            Ok(sieve) => lines.iter().map(|line| format!("| {}", sieve.strain(line))).collect(),
            Err(_) => vec![],
        }
    }
}

/// Why waiting is of no use.
fn hopeless(status: &Status, begun: &Status) -> Option<String> {
    let exit = || status.last_exit.map(|exit| exit.to_string()).unwrap_or_default();
    match status.state {
        _ if status.pid.is_none() && status.problem.is_some() => status.problem.clone(),
        State::Stopped => Some(format!("it ended ({})", exit())),
        State::Crashing if status.starts >= begun.starts + HOPELESS => {
            Some("it ends again and again".to_owned())
        }
        _ => None,
    }
}

fn started(status: &Status, begun: &Status) -> String {
    let times = match status.starts.saturating_sub(begun.starts) + 1 {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let after = status.lasted.map(|lasted| {
        let seconds = Duration::from_millis(lasted).as_secs_f64();
        format!(" after {seconds:.1} s")
    });
    match status.last_exit {
        Some(exit) => format!("started {times}; last: {exit}{}", after.unwrap_or_default()),
        None => format!("started {times}"),
    }
}

/// What a supervisor that does not do what it is asked means for an effect.
pub(super) fn fault(error: SupervisorError) -> Fault {
    match error {
        SupervisorError::Refused(why) => Fault::refused(why),
        SupervisorError::Newer { .. } => Fault::refused(error.to_string()),
        SupervisorError::Unreachable { .. } => Fault::broken(error.to_string()),
    }
}
