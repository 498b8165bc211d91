//! The keys and attributes of `process.service`.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use glob::Pattern;
use language::shape::ScalarShape;
use language::spec::Leaf;
use language::{
    Duration, FilePath, HostName, Keys, Period, Port, PortRange, Script, Size, Spec, Text,
};

use crate::disk;
use crate::front::Socket;
use crate::process::supervisor::{RestartWhen, StopSignal};

/// A program that is kept running and is ready when its health says so. It outlives the command that
/// started it. A change of what is run ends it first and starts it again then, or, with `sides`, starts
/// the new version beside it.
#[derive(Debug, Spec)]
#[spec(check = check)]
pub struct ServiceSpec {
    /// What is run: a list is the program and its arguments, a line goes to the shell.
    pub command: Command,
    /// Variables of its environment, beside `PORT` and those that it inherits from whoever starts it:
    /// `PATH`, `HOME`, `USER`, `LOGNAME`, `SHELL`, `LANG`, `LC_*`, `TZ` and `TMPDIR`, and no others. A
    /// change of an inherited one takes effect with the next change of what is run. Secrets in them
    /// are put in at the last moment and lie on disk only encrypted.
    #[spec(default = "{}")]
    pub environment: BTreeMap<String, Text>,
    /// The folder with its program: relative to the project, or absolute. Each content of it is a version
    /// of its own and runs in a copy that nobody edits: what is changed in the folder, tested or not, runs
    /// with the next apply that takes it, and never because a crash let the service start again. Whatever
    /// fills the folder does so before the plan is made: an earlier step, another stack. The copy goes with
    /// its version: data that is to stay lies elsewhere, and so does all that this stack writes.
    pub source: Option<Source>,
    /// The folder it runs in: relative to the project, or absolute; with `source`, relative to that.
    #[spec(default = ".")]
    pub working_directory: FilePath,
    /// It is given a free port of these as `PORT`, and keeps it as long as it is one of them.
    pub ports: Option<PortRange>,
    /// Keeps two places for it, `blue` and `green`. A change of what is run starts the new version on the
    /// one that nobody is routed to, and leaves the other one running: a `front.route` changes over
    /// without losing a request, and can go back at once. Each has a port of its own. A version is what
    /// stands here and what is in `source`. Without that, files that it reads are no part of it: whatever
    /// lies there when it is started again after a crash is what runs then.
    #[spec(default = "false", replaces)]
    pub sides: bool,
    /// How to see that it works. Without it, it is ready when it stays up.
    pub health: Option<Health>,
    /// How long it may take to be ready after a change.
    #[spec(default = "60s")]
    pub ready_within: Period,
    /// What happens when it ends by itself.
    #[spec(default = "on-failure")]
    pub restart: Restart,
    /// How soon it is started again.
    #[spec(default = "{}")]
    pub backoff: Backoff,
    /// How it is asked to end.
    #[spec(default = "term")]
    pub stop_signal: Signal,
    /// How long it may take to end before it is killed, with all that it started.
    #[spec(default = "30s")]
    pub stop_timeout: Duration,
    /// Where its output goes.
    #[spec(default = "{}")]
    pub log: LogSpec,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct ServiceObject {
    /// `running`, `crashing` when it ends again and again, `unhealthy` when it runs and its health says
    /// that it does not work (the next apply starts it again), `stopped`, `needs-secrets` when it ended
    /// and what it needs cannot be decrypted, or `unsupervised` when nothing would start it again.
    #[spec(follows = "")]
    pub state: String,
    /// The port it was given; null with `sides`, where each version has another one: see `address`.
    #[spec(follows = "ports")]
    pub port: Option<Port>,
    /// The file with its output; with `sides`, of the newest version.
    pub log_file: String,
    /// Where it listens, if it was given a port: `127.0.0.1:8401`; with `sides`, the newest version.
    pub address: Option<Socket>,
    /// Names what is run: a digest of its command, environment, folder and source.
    pub version: String,
    /// Where the newest version runs: `blue` or `green`.
    pub side: Option<String>,
    /// The version before, which still runs.
    pub older_version: Option<String>,
    /// Where that one listens.
    pub older_address: Option<Socket>,
}

/// The files of a program.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub enum Source {
    /// Everything in a folder but what is called `.git`, `.windlass` or `__pycache__`.
    Folder(FilePath),
    /// What belongs to the program.
    Part(Part),
}

/// A folder, and what in it is no part of a program.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub struct Part {
    /// The folder: relative to the project, or absolute.
    pub folder: FilePath,
    /// What is left out of it: a name wherever it stands (`tests`, `*.pyc`) or, with a slash, a path within
    /// the folder (`web/drafts`), in which `**` stands for any number of folders.
    #[spec(default = "[]")]
    pub exclude: Vec<String>,
}

/// What is run.
#[derive(Debug, Spec)]
pub enum Command {
    /// A line for the shell.
    Shell(Script<Text>),
    /// The program and each of its arguments; no shell.
    Program(Vec<Text>),
}

/// How to see that a service works.
#[derive(Debug, Spec)]
pub struct Health {
    /// What is asked.
    #[spec(flatten)]
    pub probe: Probe,
    /// The time between two probes. While it starts, it is asked more often.
    #[spec(default = "5s")]
    pub interval: Period,
    /// How long an answer may take.
    #[spec(default = "5s")]
    pub timeout: Period,
    /// How many failures in a row mean that it is unhealthy.
    #[spec(default = "3")]
    pub retries: u16,
    /// How long failures after a start do not count.
    #[spec(default = "30s")]
    pub start_period: Duration,
}

/// What is asked.
#[derive(Debug, Spec)]
pub enum Probe {
    /// A GET over HTTP.
    Http {
        /// The path to ask for, with its query.
        http: HttpPath,
        /// The port to ask, the one it was given by default.
        port: Option<Port>,
        /// The machine to ask, this one by default.
        host: Option<Host>,
        /// The status that means healthy.
        #[spec(default = "200")]
        status: u16,
    },
    /// A GET over HTTPS.
    Https {
        /// The path to ask for, with its query.
        https: HttpPath,
        /// The port to ask, the one it was given by default.
        port: Option<Port>,
        /// The machine to ask, this one by default.
        host: Option<Host>,
        /// The status that means healthy.
        #[spec(default = "200")]
        status: u16,
        /// The name its certificate is for, the host by default.
        server_name: Option<Host>,
        /// A PEM file with the authorities to trust. Without it any certificate will do: what is asked
        /// is whether it works, not who it is.
        authority: Option<FilePath>,
    },
    /// A connection that is accepted.
    Tcp {
        /// The port to connect to; `own` is the one it was given.
        tcp: TcpPort,
        /// The machine to connect to, this one by default.
        host: Option<Host>,
    },
    /// A command that ends with 0, in the folder and the environment of the service.
    Command {
        /// The program and each of its arguments; no shell, no secrets.
        command: Vec<String>,
    },
}

/// What a GET asks for: a path and its query, as the first line of the request holds it
/// (RFC 9112 §3.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpPath(pub String);

impl Leaf for HttpPath {
    const SHAPE: &'static ScalarShape = &ScalarShape::new("a path of a URL", &["string"])
        .many("paths of URLs")
        .like(&["/health", "/ready?full=1"])
        .pattern("^/[!-~]*$");

    fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("it begins with `/`; machine and port have keys of their own".to_owned());
        }
        match text.chars().find(|character| !character.is_ascii_graphic()) {
            Some(' ') => Err("a blank is written `%20`".to_owned()),
            Some(other) => {
                let mut bytes = [0; 4];
                let bytes = other.encode_utf8(&mut bytes).bytes();
                let code = bytes.map(|byte| format!("%{byte:02X}")).collect::<String>();
                Err(format!("`{}` is written `{code}`", other.escape_default()))
            }
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// A machine, by name or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(pub String);

impl Leaf for Host {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a host name or an IP address", &["string"])
            .many("host names or IP addresses")
            .like(&["shop.test", "127.0.0.1"]);

    fn parse(text: &str) -> Result<Self, String> {
        match text.parse::<std::net::IpAddr>() {
            Ok(address) => Ok(Self(address.to_string())),
            Err(_) => HostName::parse(text).map(|name| Self(name.0)),
        }
    }
}

/// A port to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpPort {
    /// The one that the service was given.
    Own,
    /// This one.
    Number(Port),
}

impl Leaf for TcpPort {
    const SHAPE: &'static ScalarShape =
        &ScalarShape::new("a port or `own`", &["string", "integer"])
            .many("ports")
            .like(&["own", "5432"])
            .pattern(r"^(own|[0-9]+)$");

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "own" => Ok(Self::Own),
            number => Port::parse(number).map(Self::Number),
        }
    }
}

/// What happens when a service ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Restart {
    /// Start it again, whatever its exit code.
    Always,
    /// Start it again unless its exit code is 0.
    OnFailure,
    /// Leave it.
    Never,
}

/// How soon a service that ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub struct Backoff {
    /// The pause before the first start again; it doubles with each crash in a row.
    #[spec(default = "200ms")]
    pub first: Period,
    /// The longest pause.
    #[spec(default = "30s")]
    pub longest: Period,
    /// Having run this long, a crash counts as the first one again.
    #[spec(default = "10s")]
    pub steady: Period,
}

/// How a service is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub enum Signal {
    /// TERM, which most programs understand.
    Term,
    /// INT, as Ctrl-C sends it.
    Int,
    /// QUIT: nginx, for one, finishes what it has begun.
    Quit,
    /// HUP, as a closed terminal sends it.
    Hup,
    /// KILL: not asked at all.
    Kill,
}

/// Where the output of a service goes.
#[derive(Clone, Debug, PartialEq, Eq, Spec)]
pub struct LogSpec {
    /// The file: relative to the project, or absolute; `.windlass` has a place for it by default.
    pub file: Option<FilePath>,
    /// Past this size it is set aside. It is looked at once a second: what a service writes within one
    /// may come on top.
    #[spec(default = "10MiB")]
    pub size: Size,
    /// How many files that were set aside are kept.
    #[spec(default = "5")]
    pub keep: u16,
}

/// What needs more than one key to be seen.
fn check(spec: &ServiceSpec, keys: &mut Keys<'_, '_, '_>) {
    if matches!(&spec.command, Command::Program(words) if words.is_empty()) {
        keys.refuse("command", "a program is missing");
    }
    if spec.ports.is_some() && spec.environment.contains_key("PORT") {
        keys.refuse("environment", "`PORT` is already given by `ports`");
    }
    if let Some(source) = &spec.source {
        check_source(source, spec, keys);
    }
    let two = |range: &PortRange| range.0.start() < range.0.end();
    if spec.sides && !spec.ports.as_ref().is_some_and(two) {
        keys.refuse("sides", "each side needs a port of its own: give `ports`, two or more");
    }
    let own = spec.health.as_ref().is_some_and(Health::asks_own_port);
    if own && spec.ports.is_none() {
        keys.refuse(
            "health",
            "which port? Say it here, or give the service `ports` to choose from",
        );
    }
}

fn check_source(source: &Source, spec: &ServiceSpec, keys: &mut Keys<'_, '_, '_>) {
    let (working_directory, log) = (&spec.working_directory.0, spec.log.file.as_ref());
    let parts = Path::new(working_directory).components();
    if parts.into_iter().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        keys.refuse(
            "working_directory",
            "it runs in a copy of `source`: name a folder within that",
        );
    }
    let (folder, exclude) = source.parts();
    let log = log.map(|file| disk::place(&file.0));
    if log.is_some_and(|log| Path::new(&log).starts_with(disk::place(folder))) {
        keys.refuse("log", "this file lies in `source`: each line in it would be a new version");
    }
    for pattern in exclude {
        if let Err(error) = Pattern::new(pattern) {
            keys.refuse("source", format!("`{pattern}` is no pattern of files: {}", error.msg));
        }
    }
}

impl Health {
    fn asks_own_port(&self) -> bool {
        match &self.probe {
            Probe::Http { port, .. } | Probe::Https { port, .. } => port.is_none(),
            Probe::Tcp { tcp, .. } => *tcp == TcpPort::Own,
            Probe::Command { .. } => false,
        }
    }
}

impl Restart {
    pub(super) fn when(self) -> (RestartWhen, &'static str) {
        match self {
            Self::Always => (RestartWhen::Always, "always"),
            Self::OnFailure => (RestartWhen::OnFailure, "on-failure"),
            Self::Never => (RestartWhen::Never, "never"),
        }
    }
}

impl Signal {
    pub(super) fn signal(self) -> (StopSignal, &'static str) {
        match self {
            Self::Term => (StopSignal::Term, "term"),
            Self::Int => (StopSignal::Int, "int"),
            Self::Quit => (StopSignal::Quit, "quit"),
            Self::Hup => (StopSignal::Hup, "hup"),
            Self::Kill => (StopSignal::Kill, "kill"),
        }
    }
}

#[cfg(test)]
mod tests {
    use language::decoder::decode;
    use language::scope::Unresolved;
    use language::{Diagnostics, Document, Sources};

    use super::*;

    /// What is said about a spec.
    fn said(yaml: &str) -> String {
        let mut diagnostics = Diagnostics::default();
        decode::<ServiceSpec>(&Document::value(yaml), &Unresolved, &mut diagnostics);
        let all = diagnostics.sorted().into_iter();
        let text = |one: language::Diagnostic| {
            let labels = one.labels.iter().map(|label| label.text.clone());
            [one.message.clone()].into_iter().chain(labels).collect::<Vec<_>>().join(": ")
        };
        all.map(text).collect::<Vec<_>>().join("\n")
    }

    /// The lines and columns at which anything is said about a file that holds a spec.
    fn places(yaml: &str) -> Vec<(usize, usize)> {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
        let id = sources.add("shop.yml", yaml);
        let document = Document::parse(&sources, id, &mut diagnostics);
        decode::<ServiceSpec>(&document, &Unresolved, &mut diagnostics);
        let place = |one: language::Diagnostic| sources.place(one.labels[0].span);
        let all = diagnostics.sorted().into_iter().filter_map(place);
        all.map(|place| (place.line, place.column)).collect()
    }

    #[test]
    fn what_is_right_is_not_talked_about() {
        let all = [
            "{ command: exec bin/web }",
            "{ command: [bin/web], ports: 8000, health: { http: / } }",
            "{ command: [bin/web], health: { https: /, port: 8443, host: '::1' } }",
            "{ command: [bin/web], ports: 80-81, health: { tcp: own } }",
            "{ command: [bin/web], health: { tcp: 5432, host: db.shop.test } }",
        ];
        assert!(all.iter().all(|yaml| said(yaml).is_empty()), "{:?}", all.map(said));
    }

    #[test]
    fn a_program_that_is_missing_is_asked_for() {
        assert!(said("{ command: [] }").contains("a program is missing"));
    }

    #[test]
    fn a_probe_without_a_port_asks_which() {
        for probe in ["http: /", "https: /", "tcp: own"] {
            let text = said(&format!("{{ command: [bin/web], health: {{ {probe} }} }}"));
            assert!(text.contains("which port?"), "{probe}: {text}");
        }
    }

    #[test]
    fn a_source_is_run_from_within_and_leaves_out_what_can_be_read() {
        for folder in ["/srv", "../app"] {
            let text =
                said(&format!("{{ command: [x], source: app, working_directory: {folder} }}"));
            assert!(text.contains("name a folder within that"), "{text}");
        }
        let text = said("{ command: [x], source: { folder: app, exclude: ['a***b'] } }");
        assert!(text.contains("`a***b` is no pattern of files"), "{text}");
        let text = said("{ command: [x], source: app, log: { file: ./app/log/web.log } }");
        assert!(text.contains("this file lies in `source`"), "{text}");
        let fine =
            "{ command: [x], source: app, working_directory: ./web, log: { file: app.log } }";
        assert_eq!(said(fine), "");
    }

    #[test]
    fn a_port_that_is_given_twice_is_refused() {
        let text = said("{ command: [bin/web], ports: 8000, environment: { PORT: 1 } }");
        assert!(text.contains("`PORT` is already given by `ports`"), "{text}");
    }

    #[test]
    fn a_secret_has_no_place_in_a_command_that_probes() {
        let text = said("{ command: [bin/web], health: { command: [curl, '${secret.api}'] } }");
        assert!(text.contains("secret"), "{text}");
    }

    #[test]
    fn a_path_that_would_break_the_request_is_refused_where_it_stands() {
        let paths = [
            ("health", "it begins with `/`"),
            ("http://127.0.0.1/health", "machine and port have keys of their own"),
            ("/is it up", "a blank is written `%20`"),
            ("/grün", "`\\u{fc}` is written `%C3%BC`"),
            (r"/x\r\nHost: y", r"`\r` is written `%0D`"),
        ];
        for (path, why) in paths {
            for probe in ["http", "https"] {
                let yaml =
                    format!("command: [bin/web]\nhealth:\n  port: 80\n  {probe}: \"{path}\"\n");
                let text = said(&yaml);
                assert!(text.contains("is not a path of a URL") && text.contains(why), "{text}");
                assert_eq!(places(&yaml), [(4, 5 + probe.len())], "{yaml}");
            }
        }
    }

    #[test]
    fn hosts_and_ports_that_are_none_are_told_from_those_that_are() {
        let text = said("{ command: [bin/web], health: { tcp: mine, host: 'a b' } }");
        assert!(text.contains("`mine` is not a port or `own`"), "{text}");
        assert!(text.contains("`a b` is not a host name or an IP address"), "{text}");
    }
}
