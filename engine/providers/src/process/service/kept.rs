//! What an object of `process.service` holds of its spec: what a later spec is compared with.
//!
//! No text of a secret is in it.

use language::{Port, Script};
use model::secret::sealed;
use model::{Secrets, Tree, Value};

use super::spec::{Backoff, Command, Health, LogSpec, Probe, ServiceSpec, Source, TcpPort};
use crate::text::sealed_map;

/// Returns the keys that make a difference, each with its value as it is kept.
pub(super) fn keys(spec: &ServiceSpec, secrets: &dyn Secrets) -> [(&'static str, Value); 12] {
    let ports = spec.ports.as_ref().map(|range| match (range.0.start(), range.0.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    });
    [
        ("command", command(&spec.command, secrets)),
        ("environment", sealed_map(secrets, &spec.environment)),
        ("source", spec.source.as_ref().map(Source::value).into()),
        ("working_directory", spec.working_directory.0.as_str().into()),
        ("ports", ports.into()),
        ("sides", spec.sides.into()),
        ("health", spec.health.as_ref().map(health).into()),
        ("restart", spec.restart.when().1.into()),
        ("backoff", backoff(&spec.backoff)),
        ("stop_signal", spec.stop_signal.signal().1.into()),
        ("stop_timeout", spec.stop_timeout.to_string().into()),
        ("log", log(&spec.log)),
    ]
}

fn command(command: &Command, secrets: &dyn Secrets) -> Value {
    match command {
        Command::Shell(Script(line)) => sealed(secrets, line),
        Command::Program(words) => {
            Value::List(words.iter().map(|word| sealed(secrets, word)).collect())
        }
    }
}

fn health(health: &Health) -> Value {
    let mut tree = probe(&health.probe);
    tree.extend(tree_of([
        ("interval", health.interval.to_string().into()),
        ("timeout", health.timeout.to_string().into()),
        ("retries", health.retries.into()),
        ("start_period", health.start_period.to_string().into()),
    ]));
    // A key that was left out is not kept as one that is empty.
    tree.retain(|_, value| *value != Value::Null);
    tree.into()
}

fn probe(probe: &Probe) -> Tree {
    let text = |text: &str| Value::text(text);
    match probe {
        Probe::Http { http, port, host, status } => tree_of([
            ("http", text(&http.0)),
            ("port", port.map(Port::get).into()),
            ("host", host.as_ref().map(|host| text(&host.0)).into()),
            ("status", (*status).into()),
        ]),
        Probe::Https { https, port, host, status, server_name, authority } => tree_of([
            ("https", text(&https.0)),
            ("port", port.map(Port::get).into()),
            ("host", host.as_ref().map(|host| text(&host.0)).into()),
            ("status", (*status).into()),
            ("server_name", server_name.as_ref().map(|name| text(&name.0)).into()),
            ("authority", authority.as_ref().map(|file| text(&file.0)).into()),
        ]),
        Probe::Tcp { tcp, host } => tree_of([
            (
                "tcp",
                match tcp {
                    TcpPort::Own => text("own"),
                    TcpPort::Number(port) => port.get().into(),
                },
            ),
            ("host", host.as_ref().map(|host| text(&host.0)).into()),
        ]),
        Probe::Command { command } => tree_of([("command", command.clone().into())]),
    }
}

fn backoff(backoff: &Backoff) -> Value {
    let Backoff { first, longest, steady } = backoff;
    let times = [("first", first), ("longest", longest), ("steady", steady)];
    tree_of(times.map(|(key, time)| (key, time.to_string().into()))).into()
}

fn log(log: &LogSpec) -> Value {
    let mut tree = tree_of([("size", log.size.to_string().into()), ("keep", log.keep.into())]);
    tree.extend(log.file.as_ref().map(|file| ("file".to_owned(), file.0.as_str().into())));
    tree.into()
}

fn tree_of<const N: usize>(entries: [(&str, Value); N]) -> Tree {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
