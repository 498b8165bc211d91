//! Asks the supervisor of a project, and starts it if there is none.
//!
//! Every question can be asked again: a supervisor that dies before it answers leaves a successor
//! that knows what the first one did.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::identity::Stat;
use super::launch::{Launch, prepare};
use super::protocol::{Answer, Ask, Greeting, PROTOCOL, Request, Signature};
use super::socket;
use super::spec::ServiceSpec;
use super::status::Status;
use super::trouble::SupervisorError;

/// How long a supervisor may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often one whose answer takes longer is asked whether it is still there.
const BEAT: Duration = Duration::from_secs(5);
/// How long one that was started may take to listen before another one is started.
const START: Duration = Duration::from_secs(1);
/// How many supervisors may die of one question.
const LOSSES: u32 = 20;
/// One that ends at once lost the lock; another one is about to listen.
const LOST: Duration = Duration::from_millis(30);

/// The one who asks.
#[derive(Clone, Debug)]
pub struct Client {
    home: PathBuf,
    launch: Launch,
}

impl Client {
    /// Returns one whose supervisor answers, having started it if need be.
    pub async fn connect_or_launch(home: &Path, launch: Launch) -> Result<Self, SupervisorError> {
        let client = Self { home: home.into(), launch };
        client.prepare()?;
        client.status(&[]).await.map(|_| client)
    }

    /// Sees to it that a service runs as wanted. Asking again changes nothing; other rules are taken
    /// over while it runs; another program replaces the one that runs, which has ended by then.
    pub async fn ensure(&self, spec: &ServiceSpec, token: &str) -> Result<Status, SupervisorError> {
        let ask = Ask::Ensure { spec: Box::new(spec.clone()), token: token.into() };
        self.one(ask).await?.ok_or_else(|| removed(&spec.name))
    }

    /// Returns what services are doing, in the order of the names; None: it knows none of that name.
    pub async fn status(&self, names: &[String]) -> Result<Vec<Option<Status>>, SupervisorError> {
        self.statuses(Ask::Status { names: names.to_vec() }).await
    }

    /// Returns the service that was brought about under a token.
    pub async fn find(&self, token: &str) -> Result<Option<Status>, SupervisorError> {
        self.one(Ask::Find { token: token.into() }).await
    }

    /// Returns what all services are doing.
    pub async fn list(&self) -> Result<Vec<Status>, SupervisorError> {
        Ok(self.statuses(Ask::List).await?.into_iter().flatten().collect())
    }

    /// Ends a service, with everything it started; it stays known.
    pub async fn stop(&self, name: &str) -> Result<Status, SupervisorError> {
        self.one(Ask::Stop { name: name.into() }).await?.ok_or_else(|| removed(name))
    }

    /// Ends a service, with everything it started, and forgets it. One that is unknown is no error.
    /// Its log goes as well if `logs`.
    pub async fn remove(&self, name: &str, logs: bool) -> Result<(), SupervisorError> {
        self.ask(Ask::Remove { name: name.into(), logs }).await.map(|_| ())
    }

    /// Returns the last lines of a service's log.
    pub async fn tail(&self, name: &str, lines: usize) -> Result<Vec<String>, SupervisorError> {
        match self.ask(Ask::Tail { name: name.into(), lines }).await? {
            Answer::Lines(lines) => Ok(lines),
            other => Err(strange(&other)),
        }
    }

    /// Ends all services, and the supervisor with them.
    pub async fn shutdown(&self) -> Result<(), SupervisorError> {
        self.ask(Ask::Shutdown).await.map(|_| ())
    }

    async fn one(&self, ask: Ask) -> Result<Option<Status>, SupervisorError> {
        Ok(self.statuses(ask).await?.pop().flatten())
    }

    async fn statuses(&self, ask: Ask) -> Result<Vec<Option<Status>>, SupervisorError> {
        match self.ask(ask).await? {
            Answer::Statuses(statuses) => Ok(statuses),
            Answer::Done => Ok(vec![]),
            other => Err(strange(&other)),
        }
    }

    /// Asks until there is an answer.
    async fn ask(&self, ask: Ask) -> Result<Answer, SupervisorError> {
        let mut started: Option<(Child, Instant)> = None;
        let mut deadline = Instant::now() + PATIENCE;
        let mut losses = 0;
        let mut why = String::from("nobody listens");
        while Instant::now() < deadline && losses < LOSSES {
            match ask_once(&self.home, &ask).await {
                Ok(answer) => return refused(answer),
                Err(Silence::Newer(release)) => return Err(SupervisorError::Newer { release }),
                Err(Silence::Mute(listener)) => return Err(mute(&self.home, listener)),
                // It listened: whatever happened to it, its successor gets as long.
                Err(Silence::Lost) => {
                    (deadline, losses) = (Instant::now() + PATIENCE, losses + 1);
                    why = format!("it ended {losses} times while it was asked");
                }
                Err(Silence::Older) => self.hand_over().await,
                Err(Silence::Nobody(error)) => {
                    why = error.to_string();
                    if !still_coming(&mut started) {
                        started = Some((self.start()?, Instant::now()));
                    }
                }
            }
            sleep(Duration::from_millis(2)).await;
        }
        Err(SupervisorError::Unreachable { home: self.home.clone(), why })
    }

    fn prepare(&self) -> Result<(), SupervisorError> {
        prepare(&self.home).map_err(|error| SupervisorError::Unreachable {
            home: self.home.clone(),
            why: format!("its folder cannot be made: {error}"),
        })
    }

    fn start(&self) -> Result<Child, SupervisorError> {
        // Somebody may have deleted it since.
        self.prepare()?;
        self.launch.start(&self.home).map_err(|error| SupervisorError::Unreachable {
            home: self.home.clone(),
            why: format!("{} cannot be started: {error}", self.launch.program.display()),
        })
    }

    /// Asks one of an older release to leave its services to a successor.
    async fn hand_over(&self) {
        let greeting = Greeting { protocol: PROTOCOL, hand_over: true };
        _ = exchange::<Signature>(&self.home, &greeting).await;
    }
}

/// Whether the supervisor that was started may still come to listen.
fn still_coming(started: &mut Option<(Child, Instant)>) -> bool {
    let Some((child, since)) = started else { return false };
    let ended = !matches!(child.try_wait(), Ok(None));
    since.elapsed() < if ended { LOST } else { START }
}

/// Why there is no answer.
pub(super) enum Silence {
    /// Nobody listens.
    Nobody(io::Error),
    /// Somebody listened, and is gone.
    Lost,
    /// Somebody listens and says nothing: the pid, if it can be seen.
    Mute(Option<i32>),
    Older,
    Newer(String),
}

/// What to do about a supervisor that says nothing. It holds the lock: another one cannot help.
pub(super) fn mute(home: &Path, listener: Option<i32>) -> SupervisorError {
    let patience = PATIENCE.as_secs();
    let stopped = |pid| Stat::of(pid).is_some_and(|process| process.stopped());
    let why = match listener {
        Some(pid) if stopped(pid) => {
            format!("its process {pid} is stopped (SIGSTOP): `kill -CONT {pid}` lets it go on")
        }
        Some(pid) => format!(
            "its process {pid} said nothing for {patience} s, as if it waited for a slow disk: try \
             again, or end it with `kill -9 {pid}`: the services stay, and windlass apply brings \
             them another one"
        ),
        None => {
            format!("it said nothing for {patience} s, and its process cannot be seen from here")
        }
    };
    SupervisorError::Unreachable { home: home.into(), why }
}

/// Asks whoever listens.
pub(super) async fn ask_once(home: &Path, ask: &Ask) -> Result<Answer, Silence> {
    #[derive(Deserialize)]
    struct Body {
        answer: Answer,
    }
    let request = Request { protocol: PROTOCOL, ask: ask.clone() };
    let line: serde_json::Value = match ask {
        Ask::Status { .. } | Ask::Find { .. } | Ask::List | Ask::Tail { .. } => {
            exchange(home, &request).await?
        }
        // The answer comes when something has ended, which takes as long as its grace.
        Ask::Ensure { .. } | Ask::Stop { .. } | Ask::Remove { .. } | Ask::Shutdown => {
            exchange_at_length(home, &request).await?
        }
    };
    let signature = Signature::deserialize(&line).map_err(|_| Silence::Lost)?;
    match signature.protocol {
        older if older < PROTOCOL => Err(Silence::Older),
        PROTOCOL => Ok(Body::deserialize(line).map_err(|_| Silence::Lost)?.answer),
        _ => Err(Silence::Newer(signature.release)),
    }
}

/// Says a line and hears one, in time.
async fn exchange<T: DeserializeOwned>(
    home: &Path,
    request: &impl Serialize,
) -> Result<T, Silence> {
    let stream = socket::connect(home).await.map_err(Silence::Nobody)?;
    // A pid of another namespace is seen as 0.
    let listener = stream.peer_cred().ok().and_then(|peer| peer.pid()).filter(|pid| *pid > 0);
    let heard = timeout(PATIENCE, talk(stream, request)).await;
    heard.unwrap_or(Err(Silence::Mute(listener)))
}

/// Says a line and hears one, for as long as whoever listens answers other questions in time.
async fn exchange_at_length<T: DeserializeOwned>(
    home: &Path,
    request: &impl Serialize,
) -> Result<T, Silence> {
    let stream = socket::connect(home).await.map_err(Silence::Nobody)?;
    tokio::select! {
        heard = talk(stream, request) => heard,
        listener = falls_silent(home) => Err(Silence::Mute(listener)),
    }
}

/// Waits until whoever listens does not answer in time.
async fn falls_silent(home: &Path) -> Option<i32> {
    let request = Request { protocol: PROTOCOL, ask: Ask::Status { names: vec![] } };
    loop {
        sleep(BEAT).await;
        if let Err(Silence::Mute(listener)) = exchange::<Signature>(home, &request).await {
            return listener;
        }
    }
}

async fn talk<T: DeserializeOwned>(
    stream: UnixStream,
    request: &impl Serialize,
) -> Result<T, Silence> {
    let mut line = serde_json::to_vec(request).map_err(|_| Silence::Lost)?;
    line.push(b'\n');
    let mut stream = BufReader::new(stream);
    stream.write_all(&line).await.map_err(|_| Silence::Lost)?;
    line.clear();
    stream.read_until(b'\n', &mut line).await.map_err(|_| Silence::Lost)?;
    serde_json::from_slice(&line).map_err(|_| Silence::Lost)
}

fn refused(answer: Answer) -> Result<Answer, SupervisorError> {
    match answer {
        Answer::Refused(why) => Err(SupervisorError::Refused(why)),
        answer => Ok(answer),
    }
}

fn removed(name: &str) -> SupervisorError {
    SupervisorError::Refused(format!("the service `{name}` was removed meanwhile"))
}

fn strange(answer: &Answer) -> SupervisorError {
    SupervisorError::Refused(format!("the supervisor answered something else: {answer:?}"))
}
