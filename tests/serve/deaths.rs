//! SIGKILL of the server, at any instant: runs go on, every push ends with a true verdict, no step runs
//! twice.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::http;
use super::server::{Server, until_long};
use crate::cli::project::until;

/// Steps that write down that they ran, outside of what Git knows.
fn counted(server: &Server) -> String {
    let out = server.place("ran.txt");
    let note = |step: &str| format!("echo $WINDLASS_COMMIT {step} >> {}", out.display());
    format!(
        "  first: {{ run: ['{}; sleep 0.1'] }}\n  second: {{ needs: [first], run: ['{}; sleep 0.1; test ! -e fails'] }}\n  \
         third: {{ needs: [second], run: ['{}'] }}\n",
        note("first"),
        note("second"),
        note("third")
    )
}

#[test]
fn after_kills_at_random_instants_every_verdict_is_true_and_no_step_ran_twice() {
    let kills: u64 = std::env::var("WINDLASS_KILLS").map_or(4, |text| text.parse().unwrap());
    let seed = std::env::var("WINDLASS_SEED").map_or(20, |text| text.parse().unwrap());
    println!("seed {seed}, {kills} kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let mut expected = BTreeMap::new();
    for kill in 0..kills {
        let fails = random.bool();
        pusher.pipeline(&counted(&server)).file("n.txt", &kill.to_string());
        match fails {
            true => _ = pusher.file("fails", "1"),
            false => _ = fs::remove_file(pusher.place("fails")),
        }
        let commit = pusher.commit(&format!("change {kill}"));
        expected.insert(commit, if fails { "failed" } else { "passed" });
        let mut push = pusher.push_command(&server, "main").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.u64(0..900)));
        server.kill();
        push.wait().unwrap();
        server.start();
        // Whoever saw the connection break pushes again; often there is nothing left to push.
        let again = pusher.push(&server);
        assert!(again.done, "{}", again.said);
    }
    let runs = server.settled();
    let verdicts: BTreeMap<String, &str> = runs
        .iter()
        .map(|run| {
            let commit = run["cause"]["commit"].as_str().unwrap().to_owned();
            (commit, run["verdict"].as_str().unwrap())
        })
        .collect();
    assert_eq!(verdicts, expected, "{runs:#?}");
    assert_eq!(runs.len(), expected.len(), "one run for each push: {runs:#?}");
    let ran = fs::read_to_string(server.place("ran.txt")).unwrap();
    let mut lines: Vec<&str> = ran.lines().collect();
    lines.sort_unstable();
    let all = lines.len();
    lines.dedup();
    assert_eq!(lines.len(), all, "a step ran twice: {ran}");
    for (commit, verdict) in &expected {
        let steps = lines.iter().filter(|line| line.starts_with(commit.as_str())).count();
        assert_eq!(steps, if *verdict == "passed" { 3 } else { 2 }, "{commit}: {ran}");
    }
}

#[test]
fn a_run_goes_on_while_nobody_serves_and_is_attached_by_the_next_server() {
    let mut server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let (begun, go) = (server.place("begun"), server.place("go"));
    let wait = format!(
        "touch {}; until [ -e {} ]; do sleep 0.05; done; echo went on",
        begun.display(),
        go.display()
    );
    pusher.pipeline(&format!("  s: {{ run: ['{wait}'], timeout: 1m }}\n"));
    pusher.commit("long");
    let mut push = pusher.push_command(&server, "main").spawn().unwrap();
    until("the step runs", || begun.exists());
    server.kill();
    push.wait().unwrap();
    server.start();
    let run = &server.runs()[0];
    assert_eq!((&run["state"], &run["run"]), (&"running".into(), &1.into()), "{run}");
    fs::write(&go, "").unwrap();
    assert_eq!(server.settled()[0]["verdict"], "passed");
    let output = server.get("/api/v1/runs/shop/1");
    assert_eq!(output["steps"][0]["state"], "done", "{output}");
}

#[test]
fn what_ended_while_nobody_served_has_its_verdict_and_what_died_goes_on() {
    let mut server = Server::of("runs: 2\nrepositories: { shop: {}, api: {} }\n");
    let (shop, api) = (server.pusher("shop"), server.pusher("api"));
    let (begun, go) = (server.place("begun"), server.place("go"));
    let wait = format!("until [ -e {} ]; do sleep 0.05; done", go.display());
    shop.pipeline(&format!("  s: {{ run: ['{wait}'] }}\n"));
    shop.commit("ends alone");
    // A step that may run twice, since the process of its run is killed too.
    let steps =
        format!("  s: {{ run: ['touch {}; {wait}'], idempotent: true }}\n", begun.display());
    api.pipeline(&steps);
    api.commit("dies");
    let mut pushes = [shop.push_command(&server, "main"), api.push_command(&server, "main")]
        .map(|mut push| push.spawn().unwrap());
    until("both run", || {
        begun.exists()
            && server.runs().iter().filter(|run| !run["project_run"].is_null()).count() == 2
    });
    server.kill();
    for push in &mut pushes {
        push.wait().unwrap();
    }
    let api_folder = fs::canonicalize(server.place(".windlass/projects/api")).unwrap();
    let mut killed = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let at = fs::read_link(entry.path().join("cwd")).ok();
        if at.as_deref() == Some(&*api_folder)
            && words.starts_with(env!("CARGO_BIN_EXE_windlass").as_bytes())
        {
            let pid = entry.file_name().to_str().unwrap().parse().unwrap();
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            rustix::process::kill_process(pid, Signal::KILL).unwrap();
            killed += 1;
        }
    }
    assert!(killed >= 1);
    fs::write(&go, "").unwrap();
    server.start();
    let runs = server.settled();
    assert!(runs.iter().all(|run| run["verdict"] == "passed"), "{runs:#?}");
    assert_eq!(runs.len(), 2);
}

#[test]
fn a_push_that_nobody_was_told_of_is_queued_at_the_start() {
    let mut server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline("  s: { run: [echo hi] }\n");
    pusher.commit("first");
    server.kill();
    // As if the server had died between the push and its hook.
    let bare = server.place(".windlass/repositories/shop.git");
    assert!(
        pusher
            .git(&[
                "push",
                "--quiet",
                "--no-verify",
                "--receive-pack=git -c core.hooksPath=/dev/null receive-pack",
                bare.to_str().unwrap(),
                "main"
            ])
            .done
    );
    server.start();
    let runs = server.settled();
    assert_eq!((runs.len(), &runs[0]["verdict"]), (1, &"passed".into()), "{runs:#?}");
    server.kill();
    server.start();
    assert_eq!(server.settled().len(), 1, "it is queued once");
}

#[test]
fn a_repository_that_was_half_set_up_is_set_up_by_the_next_server() {
    let mut server = Server::of("repositories: { shop: {} }\n");
    let bare = server.place(".windlass/repositories/shop.git");
    let config = |words: &[&str]| {
        let mut git = std::process::Command::new("git");
        let output = git.arg("--git-dir").arg(&bare).arg("config").args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    until("it is set up", || config(&["uploadpack.allowFilter"]) == "true");
    server.kill();
    // As if it had died after the first of the settings.
    for key in ["transfer.fsckObjects", "gc.auto", "gc.autoDetach", "uploadpack.allowFilter"] {
        config(&["--unset", key]);
    }
    server.start();
    until("objects are looked at", || config(&["transfer.fsckObjects"]) == "true");
}

#[test]
fn a_folder_is_served_once() {
    let server = Server::of("repositories: {}\n");
    let second = server.command(&["serve"]).output().unwrap();
    assert_eq!(second.status.code(), Some(4));
    let said = String::from_utf8(second.stderr).unwrap();
    let said = said.replace(&server.pid().to_string(), "PID").replace(&server.address(), "ADDRESS");
    let folder = fs::canonicalize(server.place("")).unwrap();
    let said = said.replace(folder.to_str().unwrap(), "FOLDER");
    let words: Vec<&str> = said.split_whitespace().collect();
    insta::assert_snapshot!(words.join(" "), @"refused: FOLDER is served already at ADDRESS, by process PID: one server at a time try: end that one first: kill PID (its runs go on)");
}

#[test]
fn told_to_end_it_ends_at_once_and_runs_go_on() {
    let mut server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let (begun, go) = (server.place("begun"), server.place("go"));
    let wait =
        format!("touch {}; until [ -e {} ]; do sleep 0.05; done", begun.display(), go.display());
    pusher.pipeline(&format!("  s: {{ run: ['{wait}'] }}\n"));
    pusher.commit("long");
    let mut push = pusher.push_command(&server, "main").spawn().unwrap();
    until("the step runs", || begun.exists());
    let asked = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.ended(), 0);
    assert!(asked.elapsed() < Duration::from_secs(10));
    push.wait().unwrap();
    fs::write(&go, "").unwrap();
    server.start();
    assert_eq!(server.settled()[0]["verdict"], "passed");
}

#[test]
fn drained_it_ends_after_what_is_under_way() {
    let mut server = Server::unstarted(
        "server: lab\nlisten: 127.0.0.1:0\nruns: 1\nrepositories: { shop: {}, api: {} }\n",
    );
    server.start_with(&["--drain"]);
    let (shop, api) = (server.pusher("shop"), server.pusher("api"));
    let (begun, go) = (server.place("begun"), server.place("go"));
    let wait =
        format!("touch {}; until [ -e {} ]; do sleep 0.05; done", begun.display(), go.display());
    shop.pipeline(&format!("  s: {{ run: ['{wait}'] }}\n"));
    shop.commit("long");
    api.pipeline("  s: { run: [echo hi] }\n");
    api.commit("waits");
    let mut first = shop.push_command(&server, "main").spawn().unwrap();
    until("the step runs", || begun.exists());
    let mut second = api.push_command(&server, "main").spawn().unwrap();
    until("the second waits", || server.runs().len() == 2);
    server.signal(Signal::TERM);
    fs::write(&go, "").unwrap();
    assert_eq!(server.ended(), 0);
    first.wait().unwrap();
    second.wait().unwrap();
    server.start();
    until_long("all is over", || server.runs().iter().all(|run| run["verdict"] == "passed"));
}

#[test]
fn a_repository_that_is_broken_keeps_nobody_else_from_being_served() {
    let mut server = Server::of("repositories: { api: {}, shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline("  s: { run: [echo hi] }\n");
    pusher.commit("first");
    server.kill();
    let head = server.place(".windlass/repositories/api.git/HEAD");
    let whole = fs::read(&head).unwrap();
    fs::write(&head, "nothing\n").unwrap();
    server.start();
    let pushed = pusher.push(&server);
    assert!(pushed.said.contains("✓ passed"), "{}", pushed.said);
    let said = fs::read_to_string(server.place("serve.log")).unwrap();
    assert!(said.contains("wrong, and tried again: repository api: "), "{said}");
    assert_eq!(server.get("/health")["troubles"], 1);
    let troubles = server.get("/api/v1/server")["troubles"].clone();
    assert_eq!(troubles[0]["about"], "repository api", "{troubles}");
    let page = super::http::ask(&server.address(), "GET", "/", &[], "").text();
    assert!(page.contains("Goes wrong") && page.contains("repository api"), "{page}");
    let all = server.get("/api/v1/repositories")["repositories"].clone();
    assert!(all[0]["trouble"].is_string() && all[1]["trouble"].is_null(), "{all}");
    fs::write(&head, whole).unwrap();
    until_long("it is whole again", || server.get("/health")["troubles"] == 0);
}

/// With the socket held by somebody else nobody is refused while there is no server.
#[test]
fn who_comes_while_no_server_is_there_waits_in_the_socket_of_its_parent() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut server = Server::unstarted(&format!("server: lab\nlisten: {address}\n"));
    for _ in 0..2 {
        let asks = std::thread::spawn(move || {
            http::ask(&format!("http://{address}"), "GET", "/health", &[], "").status
        });
        std::thread::sleep(Duration::from_millis(50));
        server.start_on(&socket);
        assert_eq!(asks.join().unwrap(), 200);
        server.kill();
    }
}
