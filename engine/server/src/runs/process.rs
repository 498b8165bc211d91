//! The process of a run: `windlass run`, in a group of its own, so that nothing that ends the server
//! ends it, and with its output in a file.
//!
//! It must not wait for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use runtime::engine::Problem;
use runtime::keep::SERVED;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::house::House;
use crate::records::QueuedRun;
use crate::trouble::{failed, place};

/// What a run inherits of the server's environment, and nothing else. It is no wall: steps are programs of
/// the server's own user, and read what that one may read. Who must not trust each other wants a server
/// each, as users of their own.
const INHERITED: [&str; 16] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TZ",
    "TMPDIR",
    "LANG",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// A run waits so long for somebody who runs the same pipeline by hand.
const PATIENCE: &str = "24h";

/// Starts the process of a run, or one that goes on with it. `of` is the run of its project of which it
/// does a part again.
pub(crate) fn start(house: &House, run: &QueuedRun, of: Option<u64>) -> Result<Child, Problem> {
    let path = house.folder.output(run.id);
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    let output = options.open(&path).map_err(|error| place("write", &path, error))?;
    let both = output.try_clone().map_err(|error| place("write", &path, error))?;
    let mut command = Command::new(&house.begin().program);
    command.args(arguments(run, of)).env_clear().envs(environment(house, run));
    command.current_dir(house.folder.project(&run.repository).root);
    command.process_group(0).stdin(Stdio::null()).stdout(output).stderr(both);
    command.spawn().map_err(|error| failed(format!("the run cannot be started: {error}")))
}

fn arguments(run: &QueuedRun, of: Option<u64>) -> Vec<OsString> {
    let cause = &run.cause;
    let mut words: Vec<String> = ["run", &run.file].map(str::to_owned).to_vec();
    let told = [
        ("--cause", &cause.id),
        ("--by", &cause.by),
        ("--commit", &cause.commit),
        ("--branch", &cause.branch),
        ("--author", &cause.author),
        ("--title", &cause.title),
    ];
    // As one word each: a title may begin with a dash.
    words.extend(
        told.iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={value}")),
    );
    words.extend(run.parameters.iter().map(|(name, value)| format!("--param={name}={value}")));
    words.push(format!("--wait={PATIENCE}"));
    match run.course.as_deref() {
        Some("failed") => words.push("--failed".to_owned()),
        Some(course) if let Some(step) = course.strip_prefix("from ") => {
            words.push(format!("--from={step}"));
        }
        _ => {}
    }
    words.extend(of.map(|of| format!("--of={of}")));
    words.into_iter().map(OsString::from).collect()
}

fn environment(house: &House, run: &QueuedRun) -> BTreeMap<String, String> {
    let all = &house.begin().environment;
    let inherited = INHERITED.iter().filter_map(|name| Some((*name, all.get(*name)?.clone())));
    let page = house.page_of(run);
    let own = [
        ("NO_COLOR", "1".to_owned()),
        // Git puts `remote: ` before each line.
        ("COLUMNS", "88".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("WINDLASS_SERVER", house.url().to_owned()),
        (SERVED, page),
    ];
    inherited.chain(own).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Tells a process to end: first to begin nothing more, then to stop at once, then it is killed.
pub(crate) fn tell(pid: u32, times: u32) {
    let signal = if times < 3 { Signal::TERM } else { Signal::KILL };
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        // It may have ended by itself.
        _ = kill_process(pid, signal);
    }
}
