//! Starting: once, as wanted, and with a word for what is in the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use providers::process::supervisor::{
    Client, Exit, Launch, RestartWhen, ServiceSpec, State, SupervisorError, look,
};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use crate::place::{Place, alive, eventually, kill, pid, seen, status, wait};
use crate::suite::tests;

tests![
    asking_again_starts_nothing_again,
    another_token_takes_the_service_over_as_it_runs,
    other_rules_are_followed_without_a_start,
    another_program_takes_its_place,
    it_gets_its_own_environment_and_nothing_else,
    what_cannot_be_started_says_why,
    what_cannot_be_wanted_is_refused,
    a_folder_with_a_long_path_will_do,
    a_stale_socket_is_replaced,
    nothing_of_whoever_started_it_clings_to_it,
    a_supervisor_that_cannot_be_started_is_named,
    a_supervisor_that_says_nothing_is_not_waited_for_for_ever,
    a_supervisor_that_hangs_is_named_with_what_to_do,
    an_answer_that_takes_its_time_is_waited_for,
    a_record_that_is_none_is_set_aside,
    many_services_are_seen_in_one_question,
];

fn asking_again_starts_nothing_again() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t1").await.expect("a service");
        let again = client.ensure(&spec, "t1").await.expect("a service");
        assert_eq!((first.pid, again.starts), (again.pid, 1));
        assert_eq!(place.processes(), [first.pid.expect("a process")]);
        let mode = fs::metadata(&place.home).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    });
}

fn another_token_takes_the_service_over_as_it_runs() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t1").await.expect("a service");
        client.ensure(&spec, "t2").await.expect("a service");
        assert_eq!(client.find("t1").await.expect("an answer"), None);
        let found = client.find("t2").await.expect("an answer").expect("a service");
        assert_eq!((found.name.as_str(), found.pid), ("web", first.pid));
    });
}

fn other_rules_are_followed_without_a_start() {
    wait(async {
        let place = Place::new();
        let (client, mut spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t").await.expect("a service");
        spec.rules.restart.when = RestartWhen::Never;
        spec.rules.facts.insert("port".into(), "8080".into());
        let again = client.ensure(&spec, "t").await.expect("a service");
        assert_eq!((again.pid, again.facts["port"].as_str()), (first.pid, "8080"));
        kill(first.pid.expect("a process"));
        let ended = seen(&client, "web", |s| s.state == State::Stopped).await;
        assert_eq!((ended.starts, ended.restarts), (1, 0));
    });
}

fn another_program_takes_its_place() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t1").await.expect("a service");
        let mut other = spec.clone();
        other.program.environment.insert("COLOUR".into(), "blue".into());
        let second = client.ensure(&other, "t2").await.expect("a service");
        assert!(!alive(first.pid.expect("a process")));
        assert_eq!(place.processes(), [second.pid.expect("a process")]);
        assert_eq!((second.state, second.token.as_str()), (State::Running, "t2"));
        // Eight at once that want the first one back.
        let all: Vec<_> = (0..8).map(|_| client.ensure(&spec, "t3")).collect();
        let mut pids = vec![];
        for one in all {
            pids.push(one.await.expect("a service").pid.expect("a process"));
        }
        assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
        assert_eq!(place.processes(), pids[..1]);
    });
}

fn it_gets_its_own_environment_and_nothing_else() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let mut spec = place.program("web", &["sh", "-c", "env; pwd; exec sleep 1000"]);
        spec.rules.working_directory = place.path().join("work");
        fs::create_dir(&spec.rules.working_directory).expect("a folder");
        client.ensure(&spec, "t").await.expect("a service");
        let log = || fs::read_to_string(&spec.rules.log.file).unwrap_or_default();
        eventually("a folder in the log", || log().contains("/work\n"));
        let text = log();
        let mut names: Vec<&str> =
            text.lines().filter_map(|l| Some(l.split_once('=')?.0)).collect();
        names.sort_unstable();
        let shell = ["OLDPWD", "PWD", "SHLVL", "_"];
        names.retain(|name| !shell.contains(name));
        assert_eq!(names, ["LC_WINDLASS_TEST_HOME", "PATH", "WINDLASS_SERVICE"]);
        let mode = fs::metadata(&spec.rules.log.file).expect("a log").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}

fn what_cannot_be_started_says_why() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let script = place.path().join("script");
        fs::write(&script, "#!/no/such/interpreter\n").expect("a script");
        let script = script.display().to_string();
        let problem = async |spec: &ServiceSpec| {
            let status = client.ensure(spec, "t").await.expect("an answer");
            assert_eq!(status.pid, None);
            status.problem.expect("a problem")
        };
        let said = problem(&place.program("a", &["no-such-program"])).await;
        let expected = "there is no program `no-such-program` in its PATH (/usr/bin:/bin): install \
                        it, or give its path";
        assert_eq!(said, expected);
        let said = problem(&place.program("b", &[&script])).await;
        assert_eq!(said, format!("{script} may not be run: chmod +x {script}"));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a mode");
        let said = problem(&place.program("b", &[&script])).await;
        let missing = "cannot run: the interpreter that its first line names is missing";
        assert_eq!(said, format!("{script} {missing}"));
        let mut spec = place.shell("c", "exec sleep 1000");
        spec.rules.working_directory = place.path().join("gone");
        let said = problem(&spec).await;
        assert!(said.contains("gone is not a folder: make it, or correct it"), "{said}");
        // It is tried again, and runs as soon as it can.
        fs::create_dir(&spec.rules.working_directory).expect("a folder");
        let runs = seen(&client, "c", |s| s.state == State::Running).await;
        assert_eq!(runs.problem, None);
    });
}

fn what_cannot_be_wanted_is_refused() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let mut specs = [(); 4].map(|()| place.shell("web", "exec sleep 1000"));
        specs[0].program.command.clear();
        specs[1].rules.working_directory = "relative".into();
        specs[2].program.environment.insert("A=B".into(), String::new());
        specs[3].name = "x".repeat(300);
        let words = [
            "command is empty",
            "relative is not an absolute",
            "`A=B` cannot",
            "too long for a file",
        ];
        for (spec, word) in specs.iter().zip(words) {
            let error = client.ensure(spec, "t").await.expect_err("refused").to_string();
            assert!(error.contains(word), "{error}");
        }
        let error = client.stop("nobody").await.expect_err("refused").to_string();
        assert_eq!(error, "there is no service `nobody`");
        let error = client.tail("nobody", 3).await.expect_err("refused").to_string();
        assert_eq!(error, "there is no service `nobody`");
        assert_eq!(client.list().await.expect("an answer"), []);
    });
}

fn a_folder_with_a_long_path_will_do() {
    wait(async {
        let place = Place::below(&["a-folder-with-a-name-of-some-length"; 6].join("/"));
        assert!(place.home.as_os_str().len() > 200);
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let status = client.ensure(&spec, "t").await.expect("a service");
        assert_eq!(place.processes(), [status.pid.expect("a process")]);
        client.remove("web", true).await.expect("removed");
    });
}

fn a_stale_socket_is_replaced() {
    wait(async {
        for kind in ["a socket of a dead one", "a file", "a link to nothing"] {
            let place = Place::new();
            fs::create_dir_all(&place.home).expect("a folder");
            let socket = place.home.join("socket");
            match kind {
                "a file" => fs::write(&socket, "").expect("a file"),
                "a link to nothing" => {
                    std::os::unix::fs::symlink("/no/such/file", &socket).expect("a link");
                }
                _ => drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket")),
            }
            let client = place.client().await;
            let spec = place.shell("web", "exec sleep 1000");
            client.ensure(&spec, "t").await.expect(kind);
        }
    });
}

fn nothing_of_whoever_started_it_clings_to_it() {
    wait(async {
        let place = Place::new();
        let lock = place.path().join("ci.lock");
        let own = place.launch();
        // As `( flock 9; windlass apply ) 9>ci.lock` does, in a shell with a umask of its own.
        let script = format!(
            "umask 077; exec 3>{0} 9>{0}; flock 9 || exit; exec \"$0\" \"$@\"",
            lock.display()
        );
        let args = [vec!["-c".into(), script.into(), own.program.into()], own.args].concat();
        let launch = Launch { program: "/bin/sh".into(), args, environment: vec![] };
        let client = Client::connect_or_launch(&place.home, launch).await.expect("a supervisor");
        client.ensure(&place.shell("web", "exec sleep 1000"), "t").await.expect("a service");
        assert!(lock.exists(), "it was not started with the lock");
        for pid in [place.supervisors(), place.processes()].concat() {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
            assert!(status.contains("\nUmask:\t0022\n"), "{status}");
            let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").flatten();
            let held =
                |entry: &fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|to| to == lock);
            assert_eq!(open.filter(held).count(), 0, "{pid} holds the lock");
        }
        let file = fs::File::open(&lock).expect("the lock");
        flock(&file, FlockOperation::NonBlockingLockExclusive).expect("the lock is free");
    });
}

fn a_supervisor_that_cannot_be_started_is_named() {
    wait(async {
        let place = Place::new();
        let launch = Launch { program: "/no/such/windlass".into(), ..place.launch() };
        let client = Client::connect_or_launch(&place.home, launch);
        let error = client.await.expect_err("no supervisor");
        assert!(matches!(error, SupervisorError::Unreachable { .. }));
        let text = error.to_string();
        assert!(text.contains("/no/such/windlass cannot be started: No such file"), "{text}");
        assert!(text.contains("supervisor.log"), "{text}");
    });
}

fn a_supervisor_that_says_nothing_is_not_waited_for_for_ever() {
    wait(async {
        let place = Place::new();
        let (client, mut spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t").await.expect("a service").pid;
        let supervisor = place.supervisors()[0];
        let signal = |signal| kill_process(Pid::from_raw(supervisor).expect("a pid"), signal);
        signal(Signal::STOP).expect("it stops");
        spec.rules.stop.grace = Duration::from_hours(1);
        let names = ["web".to_owned()];
        let all = async {
            tokio::join!(
                client.status(&names),
                look(&place.home, &names),
                client.find("t"),
                client.list(),
                client.tail("web", 1),
                client.ensure(&spec, "t"),
                client.stop("web"),
                client.remove("web", true),
                client.shutdown(),
            )
        };
        let all = timeout(Duration::from_secs(30), all).await.expect("it was waited for");
        let (status, look, find, list, tail, ensure, stop, remove, shutdown) = all;
        let reading = [status.err(), look.err(), find.err(), list.err(), tail.err()];
        let doing = [ensure.err(), stop.err(), remove.err(), shutdown.err()];
        let expected = format!(
            "does not answer: its process {supervisor} is stopped (SIGSTOP): `kill -CONT \
             {supervisor}` lets it go on; what it did last stands in"
        );
        for error in reading.into_iter().chain(doing) {
            let said = error.expect("it says nothing").to_string();
            assert!(said.contains(&expected), "{said}");
        }
        signal(Signal::CONT).expect("it goes on");
        // It answers again, having done what it was asked in the meantime.
        client.shutdown().await.expect("an end");
        assert!(!alive(first.expect("a process")));
    });
}

fn a_supervisor_that_hangs_is_named_with_what_to_do() {
    wait(async {
        let place = Place::new();
        fs::create_dir_all(&place.home).expect("a folder");
        // This process listens, and never answers.
        let socket = place.home.join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        let asked = timeout(Duration::from_secs(30), look(&place.home, &["web".to_owned()])).await;
        let said = asked.expect("it was waited for").expect_err("no answer").to_string();
        let me = std::process::id();
        assert!(said.contains(&format!("its process {me} said nothing for 10 s")), "{said}");
        assert!(said.contains(&format!("end it with `kill -9 {me}`: the services stay")), "{said}");
    });
}

fn an_answer_that_takes_its_time_is_waited_for() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let script = "trap 'sleep 16; exit 0' TERM; echo up; while :; do sleep 0.01; done";
        let mut spec = place.shell("web", script);
        spec.rules.stop.grace = Duration::from_secs(30);
        client.ensure(&spec, "t").await.expect("a service");
        while client.tail("web", 1).await.expect("lines").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Longer than a supervisor may take for an answer that it has.
        let stopped = client.stop("web").await.expect("stopped");
        assert_eq!(stopped.last_exit, Some(Exit::Code(0)));
    });
}

fn a_record_that_is_none_is_set_aside() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t").await.expect("a service").pid;
        place.kill_supervisor();
        fs::write(place.home.join("other.json"), "{\"name\":").expect("a file");
        assert_eq!(status(&client, "web").await.pid, first);
        assert!(place.home.join("other.broken").exists());
        assert!(place.diary().contains("is no record of a service"));
    });
}

fn many_services_are_seen_in_one_question() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        for name in ["shop/a", "shop/b[0]"] {
            let mut spec = place.shell("x", "exec sleep 1000");
            spec.name = name.into();
            client.ensure(&spec, name).await.expect("a service");
        }
        let names = ["shop/b[0]", "shop/none", "shop/a"].map(String::from);
        let all = client.status(&names).await.expect("an answer");
        let found = all.iter().map(|s| s.as_ref().map(|s| s.name.as_str()));
        assert_eq!(found.collect::<Vec<_>>(), [Some("shop/b[0]"), None, Some("shop/a")]);
        assert_eq!(client.list().await.expect("an answer").len(), 2);
        let looked = look(&place.home, &names).await.expect("statuses");
        assert_eq!(looked.iter().flatten().filter(|s| s.supervised).count(), 2);
        let one = pid(&client, "shop/a").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(pid(&client, "shop/a").await, one);
    });
}
