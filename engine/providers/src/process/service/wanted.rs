//! What the supervisor is asked for: the spec with its secrets put in and its paths made absolute.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use language::{Port, Script};
use model::secret::revealed;
use model::{Context, Fault, Secrets, Tree, Value};

use super::kept;
use super::source::Copied;
use super::spec::{Command, Health, Host, Probe, ServiceSpec, TcpPort};
use crate::process::supervisor;
use crate::process::supervisor::{HealthCheck, Log, Program, Rules, Stop, Tls};
use crate::text::revealed_map;

/// The fact under which the supervisor keeps what the object holds.
pub(super) const ATTRIBUTES: &str = "attributes";

/// The variables of the caller that a service starts from, beside `LC_*`.
const INHERITED: [&str; 8] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR"];

/// What is to run: what its file says, and the copy of its source.
#[derive(Clone, Copy)]
pub(super) struct Release<'r> {
    pub(super) spec: &'r ServiceSpec,
    pub(super) copied: Option<&'r Copied>,
}

impl Release<'_> {
    /// Returns which version of a service it is: what tells what is run, and where, from anything else that
    /// is run.
    pub(super) fn version(self, id: &str, secrets: &dyn Secrets) -> String {
        let what = ["command", "environment", "working_directory"];
        let run = kept::keys(self.spec, secrets).into_iter().filter(|(key, _)| what.contains(key));
        let mut tree: Tree = run.map(|(key, value)| (key.to_owned(), value)).collect();
        tree.insert("id".to_owned(), Value::text(id));
        if let Some(copied) = self.copied {
            tree.insert("source".to_owned(), Value::text(&copied.digest));
        }
        Value::Map(tree).digest().to_string().chars().take(12).collect()
    }

    fn working_directory(self, context: &Context) -> PathBuf {
        let folder = &self.spec.working_directory.0;
        match self.copied {
            // The way to `.` ends there, as people read it.
            Some(copied) => copied.folder.join(folder).components().collect(),
            None => context.place(folder),
        }
    }
}

/// Returns the service as the supervisor understands it.
pub(super) fn wanted(
    context: &Context,
    name: &str,
    release: Release<'_>,
    port: Option<u16>,
    attributes: &Tree,
) -> Result<supervisor::ServiceSpec, Fault> {
    let spec = release.spec;
    let kept = serde_json::to_string(attributes)
        .map_err(|error| Fault::broken(format!("its attributes cannot be kept: {error}")))?;
    let folder = release.working_directory(context);
    if !folder.is_dir() {
        let help = match release.copied {
            Some(_) => "`source` has no such folder: correct working_directory",
            None => "make it (file.directory), or correct working_directory",
        };
        return Err(Fault::refused(format!("{} is not a folder", folder.display())).help(help));
    }
    let rules = Rules {
        working_directory: folder,
        log: log(context, name, spec),
        restart: restart(spec),
        stop: Stop { signal: spec.stop_signal.signal().0, grace: spec.stop_timeout.0 },
        health: spec.health.as_ref().map(|health| check(context, health, port)),
        facts: BTreeMap::from([(ATTRIBUTES.to_owned(), kept)]),
    };
    let program = program(context, spec, port)?;
    Ok(supervisor::ServiceSpec { name: name.to_owned(), program, rules })
}

/// Returns the file with the output of a service.
pub(super) fn log_file(context: &Context, name: &str, spec: &ServiceSpec) -> PathBuf {
    match &spec.log.file {
        Some(file) if spec.sides => beside(&context.place(&file.0), name),
        Some(file) => context.place(&file.0),
        None => usual_log(&context.site.home, name),
    }
}

/// Returns the file of one side: `log/web.blue.log` of `log/web.log`.
fn beside(file: &Path, name: &str) -> PathBuf {
    let side = name.rsplit('/').next().unwrap_or_default();
    match file.extension().map(|extension| extension.display().to_string()) {
        Some(extension) => file.with_extension(format!("{side}.{extension}")),
        None => file.with_extension(side),
    }
}

/// Returns where the output of a service goes whose file says nothing else; `name` is `STACK/ADDRESS`.
pub fn usual_log(home: &Path, name: &str) -> PathBuf {
    home.join("services/logs").join(format!("{name}.log"))
}

fn log(context: &Context, name: &str, spec: &ServiceSpec) -> Log {
    let (size, keep) = (spec.log.size.0, spec.log.keep.into());
    Log { file: log_file(context, name, spec), size, keep }
}

fn program(context: &Context, spec: &ServiceSpec, port: Option<u16>) -> Result<Program, Fault> {
    let secrets = context.secrets();
    let reveal = |text| revealed(secrets, text).map(|text| text.expose().to_owned());
    let command = match &spec.command {
        Command::Shell(Script(line)) => vec!["/bin/sh".into(), "-c".into(), reveal(line)?],
        Command::Program(words) => words.iter().map(reveal).collect::<Result<_, _>>()?,
    };
    let own = revealed_map(secrets, &spec.environment)?.into_iter();
    let mut environment: BTreeMap<String, String> =
        own.map(|(name, text)| (name, text.expose().to_owned())).collect();
    environment.extend(port.map(|port| ("PORT".to_owned(), port.to_string())));
    Ok(Program { command, environment, inherited: inherited(&context.site.environment) })
}

/// Returns the variables that a service starts from: who and where it is, and how it speaks. The
/// others are the caller's own business: a token of a build job must not stay in a service for good.
fn inherited(all: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let passes = |name: &str| INHERITED.contains(&name) || name.starts_with("LC_");
    let passed = all.iter().filter(|(name, _)| passes(name));
    passed.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn restart(spec: &ServiceSpec) -> supervisor::Restart {
    supervisor::Restart {
        when: spec.restart.when().0,
        pause: spec.backoff.first.0,
        factor: 2.0,
        longest: spec.backoff.longest.0,
        steady: spec.backoff.steady.0,
    }
}

fn check(context: &Context, health: &Health, own: Option<u16>) -> HealthCheck {
    HealthCheck {
        probe: probe(context, &health.probe, own),
        interval: health.interval.0,
        timeout: health.timeout.0,
        grace: health.start_period.0,
        failures: health.retries.max(1).into(),
    }
}

fn probe(context: &Context, probe: &Probe, own: Option<u16>) -> supervisor::Probe {
    let at = |host: &Option<Host>| {
        host.as_ref().map_or_else(|| "127.0.0.1".to_owned(), |host| host.0.clone())
    };
    // The check of the spec sees to it that there is one.
    let own = own.unwrap_or_default();
    match probe {
        Probe::Http { http, port, host, status } => supervisor::Probe::Http {
            tls: None,
            host: at(host),
            port: port.map_or(own, Port::get),
            path: http.0.clone(),
            status: *status,
        },
        Probe::Https { https, port, host, status, server_name, authority } => {
            supervisor::Probe::Http {
                tls: Some(Tls {
                    name: server_name.as_ref().map(|name| name.0.clone()),
                    authorities: authority.as_ref().map(|file| context.place(&file.0)),
                }),
                host: at(host),
                port: port.map_or(own, Port::get),
                path: https.0.clone(),
                status: *status,
            }
        }
        Probe::Tcp { tcp: TcpPort::Own, host } => {
            supervisor::Probe::Tcp { host: at(host), port: own }
        }
        Probe::Tcp { tcp: TcpPort::Number(port), host } => {
            supervisor::Probe::Tcp { host: at(host), port: port.get() }
        }
        Probe::Command { command } => supervisor::Probe::Command { command: command.clone() },
    }
}

/// Returns the port on this machine that a spec names itself and its service must be able to take.
pub(super) fn named_port(spec: &ServiceSpec) -> Option<u16> {
    match &spec.health.as_ref()?.probe {
        Probe::Http { port, host: None, .. } | Probe::Https { port, host: None, .. } => {
            port.map(Port::get)
        }
        Probe::Tcp { tcp: TcpPort::Number(port), host: None } => Some(port.get()),
        _ => None,
    }
}
