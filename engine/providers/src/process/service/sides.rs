//! Two sides of one service: the newest version, and the one before it, which goes on running until the
//! next version takes its place.
//!
//! THE rule: a side is taken only if no request can be meant for it. The front is asked to release it, and
//! refuses while it sends requests there, may have to send them back there, or still waits for some; of
//! the sides that it releases, the older one is taken. So a version that was taken back makes room for the
//! next one, and the one that serves in its stead does not. Nobody goes back to a side that was released:
//! another version is there by then.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use model::{Context, Fault, Object, Value};
use tokio::time::{Instant, sleep};

use super::ready::{Unready, Waiting, fault};
use super::source;
use super::spec::ServiceSpec;
use super::wanted::{Release, log_file, wanted};
use super::{attributes, given_port, object};
use crate::front::{busy, release};
use crate::process::supervisor::{Client, Status, SupervisorError, look};

/// What the sides are called.
const SIDES: [&str; 2] = ["blue", "green"];
/// The fact under which a side keeps how many were made before it.
const TURN: &str = "turn";
/// How often it is looked whether a side is free.
const GLANCE: Duration = Duration::from_millis(50);

/// One side, as far as it is known.
#[derive(Clone, Debug)]
struct Side {
    name: &'static str,
    status: Option<Status>,
}

/// Both sides of a service.
#[derive(Debug)]
pub(super) struct Sides([Side; 2]);

/// Returns every name under which the supervisor may know a service.
pub(super) fn names(id: &str) -> [String; 3] {
    let [blue, green] = SIDES.map(|side| format!("{id}/{side}"));
    [id.to_owned(), blue, green]
}

/// Returns what services are doing, each by what is newest of it, without starting a supervisor.
pub async fn newest(home: &Path, ids: &[String]) -> Result<Vec<Option<Status>>, SupervisorError> {
    let all = all(home, ids).await?;
    Ok(all.into_iter().map(|(plain, sides)| sides.newest().cloned().or(plain)).collect())
}

/// Returns services as they are seen.
pub(super) async fn objects(
    home: &Path,
    ids: &[String],
) -> Result<Vec<Option<Object>>, SupervisorError> {
    let all = all(home, ids).await?.into_iter().zip(ids);
    Ok(all.map(|((plain, sides), id)| sides.object(id).or(plain.as_ref().map(object))).collect())
}

async fn all(home: &Path, ids: &[String]) -> Result<Vec<(Option<Status>, Sides)>, SupervisorError> {
    let all: Vec<String> = ids.iter().flat_map(|id| names(id)).collect();
    let mut found = look(home, &all).await?.into_iter();
    let mut next = || found.next().flatten();
    Ok(ids.iter().map(|_| (next(), Sides::of([next(), next()]))).collect())
}

/// Returns the digests of the sources from which versions of a service run.
pub(super) async fn sources(home: &Path, id: &str) -> Result<Vec<String>, SupervisorError> {
    let found = look(home, &names(id)).await?.into_iter().flatten();
    Ok(found.map(|status| object(&status).text(source::DIGEST).to_owned()).collect())
}

impl Sides {
    fn of([blue, green]: [Option<Status>; 2]) -> Self {
        let [one, other] = SIDES;
        Self([Side { name: one, status: blue }, Side { name: other, status: green }])
    }

    async fn seen(client: &Client, id: &str) -> Result<Self, Fault> {
        let [_, blue, green] = names(id);
        let mut found = client.status(&[blue, green]).await.map_err(fault)?.into_iter();
        let mut next = || found.next().flatten();
        Ok(Self::of([next(), next()]))
    }

    fn newest_side(&self) -> Option<&Side> {
        let known = self.0.iter().filter(|side| side.status.is_some());
        known.max_by_key(|side| side.turn())
    }

    fn newest(&self) -> Option<&Status> {
        self.newest_side()?.status.as_ref()
    }

    fn older(&self) -> Option<&Side> {
        let newest = self.newest_side()?;
        self.0.iter().find(|side| side.name != newest.name && side.status.is_some())
    }

    /// Returns the service as it is seen: its newest side, and where the one before is.
    pub(super) fn object(&self, id: &str) -> Option<Object> {
        let mut found = object(self.newest()?);
        id.clone_into(&mut found.id);
        let older = self.older().and_then(|side| side.status.as_ref()).map(object);
        let of = |name: &str| older.as_ref().map_or(Value::Null, |older| older.get(name).clone());
        for (name, from) in [("older_version", "version"), ("older_address", "address")] {
            found.attributes.insert(name.to_owned(), of(from));
        }
        Some(found)
    }

    /// Returns the side that was made under a token.
    pub(super) fn of_token(&self, token: &str) -> Option<(&'static str, &Status)> {
        let of = |side: &'_ Side| side.status.as_ref().is_some_and(|status| status.token == token);
        let side = self.0.iter().find(|side| of(side))?;
        Some((side.name, side.status.as_ref()?))
    }

    /// Returns the sides that may be taken, the best one first.
    fn in_order(&self) -> [&Side; 2] {
        let [blue, green] = &self.0;
        match self.newest_side() {
            Some(newest) if newest.name == blue.name => [green, blue],
            _ => [blue, green],
        }
    }

    /// Returns the side that the next version takes. From then on nobody goes back to what is there.
    async fn free(&self, context: &Context, patience: Duration) -> Result<&Side, Fault> {
        let until = Instant::now() + patience;
        loop {
            for side in self.in_order() {
                let is_free = match side.address() {
                    Some(address) => release(context, address).await?,
                    None => true,
                };
                if is_free {
                    return Ok(side);
                }
            }
            if Instant::now() > until {
                let routed = busy(context).await.map_err(|error| {
                    Fault::broken(format!("cannot see which side is routed to: {error}"))
                })?;
                return Err(self.both_routed(&routed));
            }
            context.progress.status("requests go to both sides, or are still answered there");
            sleep(GLANCE).await;
        }
    }

    fn both_routed(&self, routed: &[(String, SocketAddr)]) -> Fault {
        let by = |side: &Side| {
            let to = routed.iter().find(|(_, address)| Some(*address) == side.address());
            format!("{} by {}", side.name, to.map_or("nobody", |(route, _)| route.as_str()))
        };
        let [one, other] = &self.0;
        Fault::refused(format!("both sides are routed to: {}, {}", by(one), by(other)))
            .help("let these routes go to the same side: apply their stacks, or take one away")
    }
}

impl Side {
    fn turn(&self) -> u64 {
        let turn = self.status.as_ref().and_then(|status| status.facts.get(TURN)?.parse().ok());
        turn.unwrap_or_default()
    }

    fn address(&self) -> Option<SocketAddr> {
        object(self.status.as_ref()?).text("address").parse().ok()
    }
}

/// One service with sides, and what is wanted of it.
pub(super) struct TwoSided<'t> {
    pub(super) context: &'t Context,
    pub(super) client: &'t Client,
    pub(super) id: &'t str,
    pub(super) spec: &'t ServiceSpec,
    pub(super) token: &'t str,
}

impl TwoSided<'_> {
    /// Has the wanted version run on a side of its own, and waits until it is ready. Whatever was wanted
    /// before goes on. Where it runs already it becomes the newest again, and rules alone are taken over.
    pub(super) async fn bring_about(&self, release: Release<'_>) -> Result<Object, Unready> {
        let sides = Sides::seen(self.client, self.id).await?;
        let begun = sides.of_token(self.token).map(|(side, _)| side);
        let mut known = [sides.newest_side(), sides.older()].into_iter().flatten();
        let same = known.find(|side| self.runs_on(side, release)).map(|side| side.name);
        let (side, fresh) = match begun.or(same) {
            Some(side) => (side, false),
            None => (sides.free(self.context, self.spec.stop_timeout.0).await?.name, true),
        };
        let newest = sides.newest_side();
        let turns = newest.is_none_or(|newest| newest.name != side);
        let turn = newest.map_or(0, Side::turn) + u64::from(turns);
        let had = sides.0.iter().find(|one| one.name == side).and_then(Side::address);
        let made = self.ensure(side, release, turn, had).await;
        match made {
            Ok(()) => {}
            Err(unready) if !fresh => return Err(unready),
            Err(unready) => {
                // What does not get ready is nobody's version: the one before stays the newest.
                super::remove_one(self.context, &self.name(side), false).await?;
                return Err(match newest {
                    Some(newest) => goes_on(unready, newest),
                    None => unready,
                });
            }
        }
        let sides = Sides::seen(self.client, self.id).await?;
        let gone = || Fault::refused("it was removed while it was waited for").help("apply again");
        Ok(sides.object(self.id).ok_or_else(gone)?)
    }

    /// Whether what is wanted runs there already, but for rules that it can take over as it runs.
    fn runs_on(&self, side: &Side, release: Release<'_>) -> bool {
        let Some(found) = side.status.as_ref().map(object) else { return false };
        let name = self.name(side.name);
        let log = log_file(self.context, &name, self.spec).display().to_string();
        let port = side.address().map_or(0, |address| address.port());
        let ports = self.spec.ports.as_ref().is_some_and(|range| range.0.contains(&port));
        let version = release.version(self.id, self.context.secrets());
        ports && found.text("version") == version && found.text("log_file") == log
    }

    fn name(&self, side: &str) -> String {
        format!("{}/{side}", self.id)
    }

    async fn ensure(
        &self,
        side: &'static str,
        release: Release<'_>,
        turn: u64,
        had: Option<SocketAddr>,
    ) -> Result<(), Unready> {
        let (context, name) = (self.context, self.name(side));
        let known = self.client.status(std::slice::from_ref(&name)).await.map_err(fault)?.remove(0);
        let running = known.is_some_and(|status| status.pid.is_some());
        let had = had.map(|address| address.port());
        let port = given_port(context, &name, self.spec, had, running).await?;
        let mut kept = attributes(context, &name, release, port);
        let version = release.version(self.id, context.secrets());
        for (key, value) in [("side", side), ("version", &version)] {
            kept.insert(key.to_owned(), Value::text(value));
        }
        // It changes with every version: whoever reads it would not know.
        kept.insert("port".to_owned(), Value::Null);
        let mut asked = wanted(context, &name, release, port, &kept)?;
        asked.rules.facts.insert(TURN.to_owned(), turn.to_string());
        let status = self.client.ensure(&asked, self.token).await.map_err(fault)?;
        self.waiting(&name, port).ready(status).await.map(|_| ())
    }

    fn waiting<'w>(&'w self, name: &'w str, port: Option<u16>) -> Waiting<'w> {
        let Self { context, client, spec, .. } = *self;
        Waiting { context, client, name, spec, port, replaced: false }
    }

    /// Waits until what was begun under the token is ready; None: nothing was, or it does not get ready
    /// and nothing of it is left.
    pub(super) async fn found(&self) -> Result<Option<Object>, Fault> {
        let sides = Sides::seen(self.client, self.id).await?;
        let Some((side, status)) = sides.of_token(self.token) else { return Ok(None) };
        let name = self.name(side);
        let port = sides.0.iter().find(|one| one.name == side).and_then(Side::address);
        let waiting = self.waiting(&name, port.map(|address| address.port()));
        match waiting.ready(status.clone()).await {
            Ok(_) => Ok(Sides::seen(self.client, self.id).await?.object(self.id)),
            Err(_) => super::remove_one(self.context, &name, false).await.map(|()| None),
        }
    }
}

/// Says that nothing was ended for what failed.
fn goes_on(unready: Unready, newest: &Side) -> Unready {
    let found = newest.status.as_ref().map(object);
    let line = found.map(|found| {
        format!("the version before ({}) goes on: {}", found.text("version"), found.text("address"))
    });
    let add = |fault: Fault| fault.details(line);
    match unready {
        Unready::NoPort(fault) => Unready::NoPort(add(fault)),
        Unready::Other(fault) => Unready::Other(add(fault)),
    }
}
