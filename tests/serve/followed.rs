//! Repositories that live elsewhere: what is pushed there runs here, and who hosts them is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::http;
use super::server::{Pusher, Server, until_long};
use crate::cli::project::until;

/// Stands in for the API of a provider: notes what it is told, by commit, and takes it.
struct Provider {
    address: String,
    told: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

impl Provider {
    /// Its thread ends with this process: nothing of it outlives a test.
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::<Mutex<_>>::default();
        let notes = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                _ = answer(stream, &notes);
            }
        });
        Self { address, told }
    }

    /// What was told last of a commit.
    fn last(&self, commit: &str) -> Option<String> {
        self.told.lock().unwrap().get(commit).and_then(|states| states.last().cloned())
    }
}

fn answer(stream: TcpStream, notes: &Mutex<BTreeMap<String, Vec<String>>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(text) = lower.strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    let commit = path.rsplit('/').next().unwrap_or_default().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let state = body["state"].as_str().unwrap_or_default().to_owned();
    notes.lock().unwrap().entry(commit).or_default().push(state);
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}")
}

/// Somebody who commits to a repository that is followed from its folder. Only the API is elsewhere.
fn elsewhere(poll: &str, provider: &Provider) -> (Server, Pusher) {
    let other = Server::unstarted("");
    let pusher = other.pusher("shop");
    let folder = pusher.place("");
    let file = format!(
        "server: lab\nlisten: 127.0.0.1:0\nrepositories:\n  shop:\n    follow: {{ url: \"{}\", \
         poll: {poll}, provider: gitlab, api: \"{}\", project: ada/shop, secret: \"${{secret.hook}}\", \
         token: \"${{secret.token}}\" }}\n",
        folder.display(),
        provider.address,
    );
    let server = Server::unstarted(&file)
        .variable("WINDLASS_SECRET_HOOK", "open sesame")
        .variable("WINDLASS_SECRET_TOKEN", "glpat-secret");
    (server, pusher)
}

fn commit(pusher: &Pusher, title: &str, step: &str) -> String {
    pusher.pipeline(&format!("  go: {{ run: ['{step}'] }}\n")).commit(title)
}

fn run_of(server: &Server, commit: &str) -> Vec<Value> {
    let runs = server.runs().into_iter();
    runs.filter(|run| run["cause"]["commit"] == commit).collect()
}

fn verdict(server: &Server, commit: &str) -> Option<String> {
    let run = run_of(server, commit).pop()?;
    run["verdict"].as_str().map(str::to_owned)
}

#[test]
fn what_is_pushed_elsewhere_runs_here_and_its_host_is_told() {
    let provider = Provider::new();
    let (mut server, pusher) = elsewhere("1s", &provider);
    let good = commit(&pusher, "good", "test -f pipelines/p.yml");
    server.start();
    until("the first run", || verdict(&server, &good).as_deref() == Some("passed"));
    let bad = commit(&pusher, "bad", "false");
    until("the second run", || verdict(&server, &bad).as_deref() == Some("failed"));
    assert_eq!(server.runs().len(), 2);
    assert_eq!(run_of(&server, &bad)[0]["cause"]["by"], "poll");
    until("the verdicts are told", || {
        let told = [&good, &bad].map(|commit| provider.last(commit));
        told == [Some("success".to_owned()), Some("failed".to_owned())]
    });
    let shown = server.get("/api/v1/repositories/shop");
    assert_eq!(shown["following"]["failures"], 0, "{shown}");
    let everything = std::fs::read_to_string(server.place("serve.log")).unwrap();
    assert!(!everything.contains("glpat-secret") && !everything.contains("open sesame"));
}

/// The poll would come tomorrow.
#[test]
fn a_webhook_brings_it_at_once() {
    let provider = Provider::new();
    let (mut server, pusher) = elsewhere("1d", &provider);
    let first = commit(&pusher, "first", "true");
    server.start();
    until("the first run", || verdict(&server, &first).is_some());
    let second = commit(&pusher, "second", "true");
    let body = json!({ "ref": "refs/heads/main", "before": first, "after": second }).to_string();
    let send = |token: &str| {
        let token = format!("X-Gitlab-Token: {token}");
        let more = ["Content-Type: application/json", "X-Gitlab-Event: Push Hook", &token];
        http::ask(&server.address(), "POST", "/hooks/shop", &more, &body).status
    };
    assert_eq!(send("open barley"), 401);
    for _ in 0..5 {
        assert_eq!(send("open sesame"), 202);
    }
    until("the second run", || verdict(&server, &second).as_deref() == Some("passed"));
    assert_eq!(run_of(&server, &second).len(), 1);
    assert_eq!(run_of(&server, &second)[0]["cause"]["by"], "webhook");
    let metrics = http::ask(&server.address(), "GET", "/metrics", &[], "").text();
    assert!(
        metrics.contains("windlass_http_requests_total{of=\"hook\",status=\"401\"} 1"),
        "{metrics}"
    );
}

#[test]
fn after_kills_at_random_instants_no_commit_ran_twice_and_the_last_is_told() {
    let kills: u64 = std::env::var("WINDLASS_KILLS").map_or(4, |text| text.parse().unwrap());
    let seed = std::env::var("WINDLASS_SEED").map_or(21, |text| text.parse().unwrap());
    println!("seed {seed}, {kills} kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let provider = Provider::new();
    let (mut server, pusher) = elsewhere("1s", &provider);
    let ran = server.place("ran.txt");
    let mut last = String::new();
    for kill in 0..kills {
        let step = format!("echo $WINDLASS_COMMIT >> {}", ran.display());
        last = pusher
            .file("n.txt", &kill.to_string())
            .pipeline(&format!("  go: {{ run: ['{step}'] }}\n"))
            .commit("n");
        server.start();
        std::thread::sleep(Duration::from_millis(random.u64(0..1_500)));
        server.kill();
    }
    server.start();
    until_long("the last one passed", || verdict(&server, &last).as_deref() == Some("passed"));
    let runs = server.settled();
    let mut seen = BTreeMap::<&str, usize>::new();
    for run in &runs {
        *seen.entry(run["cause"]["commit"].as_str().unwrap()).or_default() += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    let ran = std::fs::read_to_string(ran).unwrap();
    let mut steps: Vec<&str> = ran.lines().collect();
    let all = steps.len();
    steps.sort_unstable();
    steps.dedup();
    assert_eq!(steps.len(), all, "a step ran twice: {ran}");
    until("the last verdict is told", || provider.last(&last).as_deref() == Some("success"));
}
