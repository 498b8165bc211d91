//! `process.service`, as the engine uses it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use model::context::Site;
use model::{Change, Fault, Found, Object};
use tokio::time::timeout;

use crate::lab::Lab;
use crate::life::{Life, is_made_once};
use crate::place::{
    OURS, clear, eventually, kill, kill_supervisor_of, number, processes_of, supervisors_of, wait,
};
use crate::roles::SERVE;
use crate::suite::tests;

tests![
    it_is_made_changed_read_and_ended,
    it_is_made_once,
    eight_at_once_get_eight_ports,
    it_inherits_a_few_variables_and_none_is_a_reason_to_start_it_again,
    it_keeps_its_port_through_changes_and_crashes,
    a_start_by_the_supervisor_is_no_drift_and_an_end_for_good_is,
    one_without_a_supervisor_is_seen_and_gets_one_as_it_runs,
    one_that_does_not_get_healthy_shows_its_last_words_and_is_not_left,
    one_that_cannot_start_is_not_waited_for,
    one_that_ends_again_and_again_is_not_waited_for,
    a_change_that_fails_says_that_the_old_one_is_gone,
    a_port_that_is_taken_is_named_with_who_has_it,
    a_stranger_who_is_faster_is_not_taken_for_it,
    a_run_that_died_while_it_waited_finds_what_it_started,
    a_run_that_died_before_it_got_ready_leaves_nothing_in_doubt,
    no_secret_is_in_any_file_nor_in_what_is_said,
    nothing_is_left_when_the_last_one_goes,
    reading_starts_nothing,
];

static PROJECTS: AtomicU16 = AtomicU16::new(0);

/// A project whose program is this executable.
pub(crate) struct Project {
    /// Ports that no other test has.
    pub(crate) ports: RangeInclusive<u16>,
    pub(crate) lab: Lab,
    home: PathBuf,
}

impl Project {
    pub(crate) fn new() -> Self {
        let lab = Lab::new();
        let home = lab.context.site.home.join("services");
        let first = 43_000 + 50 * PROJECTS.fetch_add(1, Ordering::Relaxed);
        let mut project = Self { ports: first..=first + 49, lab, home };
        project.called_with(&[]);
        project
    }

    /// From now on the caller has these variables, and a PATH.
    fn called_with(&mut self, variables: &[(&str, &str)]) {
        let home = self.home.display().to_string();
        let all = [("PATH", "/usr/bin:/bin"), (OURS, home.as_str())].into_iter();
        let all = all.chain(variables.iter().copied());
        let old = &self.lab.context.site;
        let site = Site {
            project: old.project.clone(),
            home: old.home.clone(),
            program: std::env::current_exe().expect("this executable"),
            environment: all.map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
            secrets: old.secrets.clone(),
            clock: old.clock.clone(),
            random: old.random.clone(),
        };
        self.lab.context.site = Arc::new(site);
    }

    fn life(&self) -> Life<'_> {
        Life::of(&self.lab, "process.service")
    }

    /// The keys of a web server, with more.
    fn web(&self, more: &str) -> String {
        let exe = std::env::current_exe().expect("this executable");
        let (exe, folder) = (exe.display(), self.lab.place(".").display().to_string());
        format!(
            "{{ command: ['{exe}', '{SERVE}', '{folder}'], ports: 43000-43999, \
             health: {{ http: /health, interval: 50ms }}, stop_timeout: 5s {more} }}"
        )
        .replace("43000-43999", &self.range())
    }

    pub(crate) fn range(&self) -> String {
        format!("{}-{}", self.ports.start(), self.ports.end())
    }

    pub(crate) fn processes(&self) -> Vec<i32> {
        processes_of(&self.home)
    }

    fn kill_supervisor(&self) {
        kill_supervisor_of(&self.home);
    }

    fn said(&self) -> String {
        self.lab.said.lines().join("\n")
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[allow(clippy::print_stdout, reason = "it says why the test failed")]
            {
                let diary = fs::read_to_string(self.home.join("supervisor.log"));
                println!("--- supervisor.log of a test that failed\n{}", diary.unwrap_or_default());
            }
        }
        clear(&self.home);
    }
}

fn port(object: &Object) -> u16 {
    object.text("port").parse().expect("a port")
}

/// All that a fault says.
pub(crate) fn told(fault: &Fault) -> String {
    let help = fault.help.clone().unwrap_or_default();
    format!("{}\n{}\n{help}", fault.message, fault.details.join("\n"))
}

fn it_is_made_changed_read_and_ended() {
    wait(async {
        let project = Project::new();
        let (life, first) = (project.life(), project.web(""));
        let second = project.web(", environment: { COLOUR: blue, TOKEN: '${secret.api}' }");
        life.runs(&first, &second).await;
        // Rules alone are taken over while it runs.
        let made = life.create(&first).await.expect("a service");
        let before = project.processes();
        let third = project.web(", restart: always, backoff: { first: 1s }");
        assert_eq!(life.differing(&third, &made), ["restart", "backoff"]);
        let changed = life.update(&third, &made).await.expect("a change");
        life.is_as_applied(&third, &changed).await;
        assert_eq!(project.processes(), before);
        // A line for the shell; without health it is ready when it stays up.
        let plain = "command: 'echo up; exec sleep 1000'";
        let changed = life.update(plain, &changed).await.expect("a change");
        life.is_as_applied(plain, &changed).await;
        assert_eq!(fs::read_to_string(changed.text("log_file")).expect("a log"), "up\n");
    });
}

fn it_is_made_once() {
    wait(async {
        let project = Project::new();
        is_made_once(&project.life(), &project.web("")).await;
        assert_eq!(project.processes().len(), 1);
    });
}

fn eight_at_once_get_eight_ports() {
    wait(async {
        let project = Project::new();
        let kind = project.life().kind;
        let tree = Arc::new(project.lab.tree(&project.web("")));
        let mut all = tokio::task::JoinSet::new();
        for index in 0..8 {
            let (kind, tree) = (kind.clone(), tree.clone());
            let (mut context, token) = (project.lab.context.clone(), project.lab.token());
            context.address = format!("web[{index}]").into();
            all.spawn(async move {
                let made = kind.effects.apply(&context, Change::Create(&tree), &token).await;
                port(&made.expect("a service").expect("an object"))
            });
        }
        let mut ports = all.join_all().await;
        assert!(ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()));
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 8);
    });
}

/// The variables of a process, sorted.
fn variables(pid: i32) -> Vec<String> {
    let all = fs::read(format!("/proc/{pid}/environ")).expect("an environment");
    let all = String::from_utf8_lossy(&all);
    let one = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut all: Vec<String> = all.split('\0').filter_map(one).collect();
    all.sort();
    all
}

fn it_inherits_a_few_variables_and_none_is_a_reason_to_start_it_again() {
    wait(async {
        let mut project = Project::new();
        let passed = ["HOME", "LANG", "LC_ALL", "LOGNAME", "SHELL", "TMPDIR", "TZ", "USER"]
            .map(|n| (n, "/"));
        let kept =
            ["WINDLASS_TOKEN", "CI_JOB_TOKEN", "LCD", "HOMES", "TERM"].map(|n| (n, "secret"));
        project.called_with(&[&passed[..], &kept[..]].concat());
        let keys = |more: &str| {
            format!("{{ command: [sleep, '1000'], environment: {{ TZ: UTC, A: b }} {more} }}")
        };
        let made = project.life().create(&keys("")).await.expect("a service");
        let pid = project.processes()[0];
        let (home, seen) = (format!("{OURS}={}", project.home.display()), variables(pid));
        let mut expected: Vec<String> =
            ["A=b", "HOME=/", "LANG=/", "LC_ALL=/", &home, "LOGNAME=/", "PATH=/usr/bin:/bin"]
                .into_iter()
                .chain(["SHELL=/", "TMPDIR=/", "TZ=UTC", "USER=/"])
                .map(str::to_owned)
                .collect();
        expected.extend(seen.iter().find(|one| one.starts_with("WINDLASS_SERVICE=")).cloned());
        assert_eq!((seen.len(), seen), (12, expected));
        // From another shell, other rules alone are no reason to start it again.
        project.called_with(&[("LANG", "C.UTF-8"), ("CI_JOB_TOKEN", "another")]);
        let changed = project.life().update(&keys(", stop_timeout: 7s"), &made).await;
        let changed = changed.expect("a change");
        assert_eq!(project.processes(), [pid]);
        // What is taken from there is taken with the next start.
        let other = keys(", stop_timeout: 7s").replace("A: b", "A: c");
        project.life().update(&other, &changed).await.expect("a change");
        let now = project.processes()[0];
        assert_ne!(now, pid);
        let seen = variables(now);
        assert!(seen.contains(&"LANG=C.UTF-8".into()) && seen.contains(&"A=c".into()), "{seen:?}");
        assert!(!seen.iter().any(|one| one.starts_with("HOME=")), "{seen:?}");
    });
}

fn it_keeps_its_port_through_changes_and_crashes() {
    wait(async {
        let project = Project::new();
        let life = project.life();
        // The first of the range is taken, so that keeping is not choosing the same again.
        let taken =
            project.ports.clone().find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
        let made = life.create(&project.web("")).await.expect("a service");
        drop(taken);
        let other = project.web(", environment: { COLOUR: blue }");
        let changed = life.update(&other, &made).await.expect("a change");
        assert_eq!(port(&changed), port(&made));
        let pid = project.processes()[0];
        kill(pid);
        eventually("it runs again", || project.processes().iter().any(|now| *now != pid));
        eventually("it answers", || TcpStream::connect(("127.0.0.1", port(&made))).is_ok());
        let again = life.read(&other, &changed).await.expect("a look").expect("a service");
        assert_eq!(port(&again), port(&made));
    });
}

fn a_start_by_the_supervisor_is_no_drift_and_an_end_for_good_is() {
    wait(async {
        let project = Project::new();
        let (life, keys) = (project.life(), project.web(", restart: on-failure"));
        let made = life.create(&keys).await.expect("a service");
        let pid = project.processes()[0];
        kill(pid);
        eventually("it runs again", || project.processes().iter().any(|now| *now != pid));
        let read = life.read(&keys, &made).await.expect("a look").expect("a service");
        assert_eq!(read.digest(), made.digest());
        let never = project.web(", restart: never");
        let made = life.update(&never, &made).await.expect("a change");
        kill(project.processes()[0]);
        eventually("it is gone", || project.processes().is_empty());
        let mut read = made.clone();
        while read == made {
            tokio::time::sleep(Duration::from_millis(5)).await;
            read = life.read(&never, &made).await.expect("a look").expect("a service");
        }
        assert_eq!(read.text("state"), "stopped");
        assert_eq!(life.differing(&never, &read), ["state"]);
        let back = life.update(&never, &read).await.expect("a change");
        assert_eq!(back, made);
        life.is_as_applied(&never, &back).await;
    });
}

fn one_without_a_supervisor_is_seen_and_gets_one_as_it_runs() {
    wait(async {
        let project = Project::new();
        let (life, keys) = (project.life(), project.web(""));
        let made = life.create(&keys).await.expect("a service");
        let before = project.processes();
        project.kill_supervisor();
        let read = life.read(&keys, &made).await.expect("a look").expect("a service");
        assert_eq!(read.text("state"), "unsupervised");
        assert_eq!(life.differing(&keys, &read), ["state"]);
        let back = life.update(&keys, &read).await.expect("a change");
        assert_eq!(back, made);
        assert_eq!(project.processes(), before);
        assert_eq!(supervisors_of(&project.home).len(), 1);
    });
}

fn one_that_does_not_get_healthy_shows_its_last_words_and_is_not_left() {
    wait(async {
        let project = Project::new();
        let life = project.life();
        project.lab.write("status", "503 Not yet");
        let keys = project.web(", ready_within: 1s");
        let fault = life.create(&keys).await.expect_err("not healthy");
        assert_eq!(fault.message, "not healthy after 1 s: GET /health → 503");
        assert_eq!(fault.details[0], "started once");
        assert!(fault.help.as_ref().is_some_and(|help| help.contains("windlass logs lab/thing")));
        assert!(project.said().contains("(health: GET /health → 503)"), "{}", project.said());
        assert_eq!(project.processes(), [0; 0]);
        let id = Object::new("lab/thing", []);
        assert_eq!(life.read(&keys, &id).await.expect("a look"), None);
    });
}

fn one_that_cannot_start_is_not_waited_for() {
    wait(async {
        let project = Project::new();
        let life = project.life();
        let create = |keys: String| async move {
            let made = timeout(Duration::from_secs(20), project_free(&life, &keys)).await;
            made.expect("it was waited for")
        };
        let fault = create("command: [no-such-program]".into()).await;
        assert!(fault.message.starts_with("there is no program `no-such-program`"), "{fault}");
        let life = project.life();
        let fault = project_free(&life, "{ command: 'echo bye; exit 3', restart: never }").await;
        assert_eq!(fault.message, "it ended (exit code 3)");
        assert_eq!(fault.details.last().map(String::as_str), Some("| bye"));
        let fault = project_free(&life, "{ command: 'true', working_directory: gone }").await;
        assert!(fault.message.ends_with("/gone is not a folder"), "{fault}");
        assert_eq!(project.processes(), [0; 0]);
    });
}

/// A creation that fails.
async fn project_free(life: &Life<'_>, keys: &str) -> Fault {
    life.create(keys).await.expect_err("it fails")
}

fn one_that_ends_again_and_again_is_not_waited_for() {
    wait(async {
        let project = Project::new();
        let life = project.life();
        let keys = "{ command: 'echo no database; sleep 0.05; exit 7', ready_within: 1h, \
                    backoff: { first: 5ms } }";
        let fault = life.create(keys).await.expect_err("it fails");
        assert_eq!(fault.message, "it ends again and again");
        let started = &fault.details[0];
        assert!(started.starts_with("started 6 times; last: exit code 7 after 0."), "{started}");
        assert_eq!(fault.details.last().map(String::as_str), Some("| no database"));
        assert!(project.said().contains("(ended (exit code 7), started "), "{}", project.said());
        assert_eq!(project.processes(), [0; 0]);
    });
}

fn a_change_that_fails_says_that_the_old_one_is_gone() {
    wait(async {
        let project = Project::new();
        let (life, keys) = (project.life(), project.web(""));
        let made = life.create(&keys).await.expect("a service");
        let worse = "{ command: 'echo broken; sleep 1000', ports: 43000-43999, \
                     health: { http: /health, interval: 50ms }, ready_within: 500ms, stop_timeout: 5s }";
        let worse = &worse.replace("43000-43999", &project.range());
        let fault = life.update(worse, &made).await.expect_err("it fails");
        let text = told(&fault);
        assert!(
            text.contains("not healthy after 0.5 s: GET /health → connection refused"),
            "{text}"
        );
        assert!(text.contains("the version before was ended for it and does not run"), "{text}");
        assert!(text.contains("| broken"), "{text}");
        // What there is is the new one, and the old one is what differs from it.
        let read = life.read(worse, &made).await.expect("a look").expect("a service");
        assert_eq!(life.differing(&keys, &read), ["command"]);
        let back = life.update(&keys, &read).await.expect("a change");
        assert_eq!(port(&back), port(&made));
        // One whose change did not end it says nothing of the kind.
        project.lab.write("status", "500 Oh");
        let rules = project
            .web(", restart: always, ready_within: 500ms")
            .replace("interval: 50ms", "interval: 60ms");
        let fault = life.update(&rules, &back).await.expect_err("it fails");
        assert!(!told(&fault).contains("the version before"), "{}", told(&fault));
    });
}

fn a_port_that_is_taken_is_named_with_who_has_it() {
    wait(async {
        let project = Project::new();
        let life = project.life();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let taken = listener.local_addr().expect("an address").port();
        let me = format!("(pid {})", std::process::id());
        let keys = format!("{{ command: [sleep, '1000'], health: {{ tcp: {taken} }} }}");
        let fault = project_free(&life, &keys).await;
        assert!(fault.message.starts_with(&format!("port {taken} is taken by ")), "{fault}");
        assert!(fault.message.ends_with(&me), "{fault}");
        let keys = format!("{{ command: [sleep, '1000'], ports: {taken} }}");
        let fault = project_free(&life, &keys).await;
        let none = format!("no port of {taken}-{taken} is free: {taken} is taken by ");
        assert!(fault.message.starts_with(&none) && fault.message.contains(&me), "{fault}");
        assert_eq!(project.processes(), [0; 0]);
    });
}

fn a_stranger_who_is_faster_is_not_taken_for_it() {
    wait(async {
        let project = Project::new();
        let life = project.life();
        // The service takes its time before it looks at its port, and somebody else takes it first:
        // one that answers just as the service would.
        let exe = std::env::current_exe().expect("this executable");
        let folder = project.lab.place("stranger");
        fs::create_dir(&folder).expect("a folder");
        let slow = format!(
            "{{ command: 'sleep 1; exec {} {SERVE} {}', ports: {}, \
             health: {{ http: /health, interval: 50ms }}, backoff: {{ first: 50ms }} }}",
            exe.display(),
            project.lab.place(".").display(),
            project.range(),
        );
        let first = *project.ports.start();
        let mut stranger = tokio::process::Command::new(&exe);
        stranger.arg(SERVE).arg(&folder).env("PORT", first.to_string()).kill_on_drop(true);
        let intrude = async {
            let file = project.home.join("ports.list");
            while !fs::read_to_string(&file).is_ok_and(|list| list.contains("lab/thing")) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            while project.processes().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stranger.spawn().expect("a stranger")
        };
        let (made, _stranger) = tokio::join!(life.create(&slow), intrude);
        let made = made.expect("it got another port");
        assert_ne!(port(&made), first);
        life.is_as_applied(&slow, &made).await;
        assert_eq!(project.processes().len(), 1);
    });
}

fn a_run_that_died_while_it_waited_finds_what_it_started() {
    wait(async {
        let project = Project::new();
        let (life, token) = (project.life(), project.lab.token());
        project.lab.write("status", "503 Not yet");
        let tree = project.lab.tree(&project.web(""));
        let waits = async {
            while project.processes().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        tokio::select! {
            ended = life.apply(Change::Create(&tree), &token) => panic!("it ended: {ended:?}"),
            () = waits => {}
        }
        let before = project.processes();
        assert_eq!(before.len(), 1);
        project.lab.write("status", "200 OK");
        let Found::Done(Some(found)) = life.find(Change::Create(&tree), &token).await else {
            panic!("it was not found");
        };
        life.is_as_applied(&project.web(""), &found).await;
        assert_eq!(project.processes(), before);
        let other = project.lab.token();
        assert_eq!(life.find(Change::Create(&tree), &other).await, Found::Nothing);
        assert_eq!(project.processes(), before, "another one's is left alone");
    });
}

fn a_run_that_died_before_it_got_ready_leaves_nothing_in_doubt() {
    wait(async {
        let project = Project::new();
        let (life, token) = (project.life(), project.lab.token());
        project.lab.write("status", "503 Not yet");
        let tree = project.lab.tree(&project.web(", ready_within: 1s"));
        let died = timeout(Duration::from_millis(500), life.apply(Change::Create(&tree), &token));
        died.await.expect_err("it was still waiting");
        assert_eq!(life.find(Change::Create(&tree), &token).await, Found::Nothing);
        assert_eq!(project.processes(), [0; 0]);
    });
}

/// The files below a folder that hold a text.
fn holders(folder: &Path, text: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            holders(&entry.path(), text, found);
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).expect("a file");
            if String::from_utf8_lossy(&bytes).contains(text) {
                found.push(entry.path().display().to_string());
            }
        }
    }
}

fn no_secret_is_in_any_file_nor_in_what_is_said() {
    wait(async {
        let project = Project::new();
        let life = project.life();
        let keys = "{ command: ['/bin/sh', -c, 'test $TOKEN = $0 && exec sleep 1000', \
                    'x-${secret.api}'], environment: { TOKEN: 'x-${secret.api}' } }";
        let made = life.create(keys).await.expect("a service");
        life.is_as_applied(keys, &made).await;
        let mut found = vec![];
        holders(&project.home, "canary-of-api", &mut found);
        assert_eq!(found, [""; 0]);
        // One that tells its own secret tells it to its own log, and to nobody else.
        let chatty = "{ command: 'echo my token is $TOKEN; exit 1', restart: never, \
                      environment: { TOKEN: '${secret.api}' } }";
        let text = told(&life.update(chatty, &made).await.expect_err("it fails"));
        assert!(text.contains("| my token is (secret api)"), "{text}");
        life.shows_no_secret(&text);
        life.shows_no_secret(&project.said());
    });
}

fn nothing_is_left_when_the_last_one_goes() {
    wait(async {
        let project = Project::new();
        let (life, keys) = (project.life(), project.web(""));
        let made = life.create(&keys).await.expect("a service");
        life.ends(&keys, &made).await;
        assert_eq!(project.processes(), [0; 0]);
        eventually("the supervisor ended", || supervisors_of(&project.home).is_empty());
        let left = fs::read_dir(&project.home).expect("a folder").flatten();
        let mut left: Vec<_> = left.map(|e| e.file_name().display().to_string()).collect();
        left.sort();
        let expected = ["key", "lock", "logs", "ports.list", "ports.lock", "supervisor.log"];
        assert_eq!(left, expected);
        assert_eq!(fs::read_to_string(project.home.join("ports.list")).expect("a list"), "{}");
        assert!(!Path::new(made.text("log_file")).exists());
        // It would be missed if it were: a number is written by those that run.
        assert!(number(&project.lab.place("port")) > 0);
    });
}

fn reading_starts_nothing() {
    wait(async {
        let project = Project::new();
        let life = project.life();
        let object = Object::new("lab/thing", []);
        assert_eq!(life.read("command: 'true'", &object).await.expect("a look"), None);
        life.delete("command: 'true'", &object).await.expect("gone is gone");
        assert!(!project.home.exists());
        assert_eq!(supervisors_of(&project.home), [0; 0]);
    });
}
