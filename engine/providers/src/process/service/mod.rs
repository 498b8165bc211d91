//! `process.service`: a program that is kept running and is ready when its health says so.
//!
//! It asks the project's supervisor, which does the work. It must not start or end processes itself.

mod kept;
mod listener;
mod ports;
mod program;
mod ready;
mod sides;
mod source;
mod spec;
mod wanted;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::slice;

use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Secrets, Token, Tree,
    Value,
};

pub use sides::newest;
pub use spec::{
    Backoff, Command, Health, Host, HttpPath, LogSpec, Part, Probe, Restart, ServiceObject,
    ServiceSpec, Signal, Source, TcpPort,
};
pub use wanted::usual_log;

use crate::front::admit;
use crate::process::SUPERVISE;
use crate::process::supervisor::{Client, Launch, Status, look};
use ports::Ports;
pub(crate) use ports::refuse_taken;
use ready::{Unready, Waiting, fault};
use sides::TwoSided;
use wanted::{ATTRIBUTES, Release, log_file, named_port, wanted};

/// So many ports are tried for a new service, if somebody else is faster.
const PORTS: u32 = 5;

/// A program that is kept running.
pub struct ProcessService;

impl Kind for ProcessService {
    const NAME: &'static str = "process.service";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const NAMED_BY_ADDRESS: bool = true;
    // The side before may be taken away, or never have come about.
    const AGES: &'static [&'static str] = &["older_version", "older_address"];
    type Spec = ServiceSpec;
    type Object = ServiceObject;

    fn diff(spec: &ServiceSpec, object: &Object, secrets: &dyn Secrets) -> Vec<Difference> {
        let mut found = Difference::among(object, kept::keys(spec, secrets));
        if !found.iter().any(|difference| difference.key == "source") {
            found.extend(source::difference(object));
        }
        let state = object.get("state");
        if state.as_text() != Some("running") {
            found.push(Difference::new("state", state.clone(), "running"));
        }
        found
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<ServiceSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let names: Vec<String> = known.iter().map(|known| known.id.clone()).collect();
        let mut found = sides::objects(&home(context), &names).await.map_err(fault)?;
        source::look(context, &mut found).await;
        Ok(found.into_iter().map(Ok).collect())
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, ServiceSpec>,
    ) -> Result<Option<String>, Fault> {
        Ok(change.wanted().and_then(|spec| source::left_out(context, spec)))
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, ServiceSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let name = name_of(context, &change);
        let applied = match change.wanted() {
            Some(spec) => put(context, &name, spec, change.object(), token).await.map(Some),
            None => remove(context, &name, true).await.map(|()| None),
        };
        source::clear(context, &name).await;
        applied
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, ServiceSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let name = name_of(context, &change);
        let known = newest(&home(context), slice::from_ref(&name)).await.map_err(fault)?.remove(0);
        let (Some(spec), Some(status)) = (change.wanted(), known) else {
            let gone = change.wanted().is_none() && !is_known(context, &name).await?;
            return Ok(if gone { Found::Done(None) } else { Found::Nothing });
        };
        if spec.sides {
            let client = client(context).await?;
            let found = two_sided(context, &client, &name, spec, token).found().await?;
            return Ok(found.map_or(Found::Nothing, |found| Found::Done(Some(found))));
        }
        if status.token != token.as_str() {
            return Ok(Found::Nothing);
        }
        // It was asked for. Whether it came about is whether it gets ready.
        let client = client(context).await?;
        let port = port(&object(&status));
        let replaced = change.object().is_some();
        let waiting = Waiting { context, client: &client, name: &name, spec, port, replaced };
        match waiting.ready(status).await {
            Ok(status) => Ok(Found::Done(Some(object(&status)))),
            Err(_) if replaced => Ok(Found::Nothing),
            Err(_) => remove(context, &name, false).await.map(|()| Found::Nothing),
        }
    }
}

fn two_sided<'t>(
    context: &'t Context,
    client: &'t Client,
    id: &'t str,
    spec: &'t ServiceSpec,
    token: &'t Token,
) -> TwoSided<'t> {
    TwoSided { context, client, id, spec, token: token.as_str() }
}

/// Has what is wanted run.
async fn put(
    context: &Context,
    name: &str,
    spec: &ServiceSpec,
    before: Option<&Object>,
    token: &Token,
) -> Result<Object, Fault> {
    let client = client(context).await?;
    let copied = match &spec.source {
        Some(source) => Some(source::copy(context, name, source, token).await?),
        None => None,
    };
    if let Some(copied) = &copied {
        source::as_planned(spec, copied, before)?;
    }
    let release = Release { spec, copied: copied.as_ref() };
    let mut tries = if before.is_none() && spec.ports.is_some() { PORTS } else { 1 };
    loop {
        let made = match spec.sides {
            true => two_sided(context, &client, name, spec, token).bring_about(release).await,
            false => bring_about(context, &client, name, release, before, token).await,
        };
        tries -= 1;
        let retry = tries > 0 && matches!(made, Err(Unready::NoPort(_)));
        match made.map_err(Fault::from) {
            Ok(object) => return Ok(object),
            Err(fault) if before.is_none() => {
                // Others choose ports too. Nobody knows of this one yet, so another will do.
                let fault = undone(context, name, fault).await?;
                if !retry {
                    return Err(fault);
                }
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// Has the supervisor start it, and waits until it is ready.
async fn bring_about(
    context: &Context,
    client: &Client,
    name: &str,
    release: Release<'_>,
    before: Option<&Object>,
    token: &Token,
) -> Result<Object, Unready> {
    let spec = release.spec;
    let known = client.status(&[name.to_owned()]).await.map_err(fault)?.remove(0);
    let running = known.as_ref().is_some_and(|status| status.pid.is_some());
    let had = before.and_then(port);
    let port = given_port(context, name, spec, had, running).await?;
    let attributes = attributes(context, name, release, port);
    let wanted = wanted(context, name, release, port, &attributes)?;
    let status = client.ensure(&wanted, token.as_str()).await.map_err(fault)?;
    let replaced = known.is_some_and(|known| running && known.starts != status.starts);
    let waiting = Waiting { context, client, name, spec, port, replaced };
    waiting.ready(status).await.map(|status| object(&status))
}

/// The port that it is given, if it is given one. Nobody else may be on it, or on the one that it
/// takes by itself.
async fn given_port(
    context: &Context,
    name: &str,
    spec: &ServiceSpec,
    had: Option<u16>,
    running: bool,
) -> Result<Option<u16>, Fault> {
    let port = match &spec.ports {
        Some(range) => Some(Ports::of(&home(context)).choose(name, had, &range.0).await?),
        None => None,
    };
    if let Some(port) = port.or(named_port(spec)).filter(|_| !running) {
        refuse_taken(port, "service")?;
    }
    // What is held against who was there before is not held against this one.
    if let Some(port) = port.filter(|_| !running && had != port) {
        admit(context, &[(Ipv4Addr::LOCALHOST, port).into()]).await?;
    }
    Ok(port)
}

/// Clears away a service that did not come about: nothing is known of it afterwards, so nothing of it
/// may stay; its log may. Returns why it did not, or what is left.
async fn undone(context: &Context, name: &str, why: Fault) -> Result<Fault, Fault> {
    match remove(context, name, false).await {
        Ok(()) => Ok(why),
        Err(left) => {
            let details = why.details.into_iter().chain([format!("it is still there: {left}")]);
            Err(Fault::broken(why.message).details(details))
        }
    }
}

/// Ends a service with all of its sides.
async fn remove(context: &Context, name: &str, logs: bool) -> Result<(), Fault> {
    for name in sides::names(name) {
        remove_one(context, &name, logs).await?;
    }
    Ok(())
}

async fn remove_one(context: &Context, name: &str, logs: bool) -> Result<(), Fault> {
    let found = look(&home(context), &[name.to_owned()]).await.map_err(fault)?;
    if found.into_iter().flatten().next().is_some() {
        client(context).await?.remove(name, logs).await.map_err(fault)?;
    }
    if home(context).is_dir() {
        Ports::of(&home(context)).release(name).await;
    }
    Ok(())
}

/// Whether anything is known of it. Does not start a supervisor to ask.
async fn is_known(context: &Context, name: &str) -> Result<bool, Fault> {
    let found = look(&home(context), &sides::names(name)).await.map_err(fault)?;
    Ok(found.into_iter().flatten().next().is_some())
}

async fn client(context: &Context) -> Result<Client, Fault> {
    let home = home(context);
    let launch = Launch {
        program: context.site.program.clone(),
        args: vec![SUPERVISE.into(), home.clone().into()],
        environment: vec![],
    };
    Client::connect_or_launch(&home, launch).await.map_err(fault)
}

/// The folder of the project's supervisor.
fn home(context: &Context) -> PathBuf {
    context.site.home.join("services")
}

fn name_of(context: &Context, change: &Change<'_, ServiceSpec>) -> String {
    match change.object() {
        Some(object) => object.id.clone(),
        None => format!("{}/{}", context.stack, context.address),
    }
}

/// What an object holds beside its state. The supervisor keeps it and tells it again.
fn attributes(context: &Context, name: &str, release: Release<'_>, port: Option<u16>) -> Tree {
    let log = log_file(context, name, release.spec).display().to_string();
    let kept = kept::keys(release.spec, context.secrets());
    let address = port.map(|port| format!("127.0.0.1:{port}"));
    let digest = release.copied.map(|copied| copied.digest.clone());
    let own: [(&str, Value); 8] = [
        (source::DIGEST, digest.into()),
        ("port", port.into()),
        ("log_file", log.into()),
        ("address", address.into()),
        ("version", release.version(name, context.secrets()).into()),
        ("side", Value::Null),
        ("older_version", Value::Null),
        ("older_address", Value::Null),
    ];
    let kept = kept.into_iter().chain(own);
    kept.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Returns a service as it is seen. Its pid and how often it was started are not part of it: that the
/// supervisor starts it again is no drift.
fn object(status: &Status) -> Object {
    let kept = status.facts.get(ATTRIBUTES).and_then(|kept| serde_json::from_str(kept).ok());
    let mut attributes: Tree = kept.unwrap_or_default();
    attributes.insert("state".to_owned(), Value::text(status.word()));
    Object { id: status.name.clone(), attributes }
}

fn port(object: &Object) -> Option<u16> {
    object.text("port").parse().ok()
}
