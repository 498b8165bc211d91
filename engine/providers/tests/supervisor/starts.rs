//! Starting: once, as wanted, and with a word for what is in the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use providers::process::supervisor::{
    Launch, RestartWhen, ServiceSpec, State, SupervisorError, look,
};

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
    a_supervisor_that_cannot_be_started_is_named,
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
        assert_eq!(names, ["PATH", "WINDLASS_SERVICE", "WINDLASS_TEST_HOME"]);
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

fn a_supervisor_that_cannot_be_started_is_named() {
    wait(async {
        let place = Place::new();
        let launch = Launch { program: "/no/such/windlass".into(), ..place.launch() };
        let client = providers::process::supervisor::Client::connect_or_launch(&place.home, launch);
        let error = client.await.expect_err("no supervisor");
        assert!(matches!(error, SupervisorError::Unreachable { .. }));
        let text = error.to_string();
        assert!(text.contains("/no/such/windlass cannot be started: No such file"), "{text}");
        assert!(text.contains("supervisor.log"), "{text}");
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
