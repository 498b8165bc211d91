//! An upgrade: supervisors and clients of other releases.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use providers::process::supervisor::{Client, SupervisorError};
use serde_json::{Value, json};

use crate::place::{Place, eventually, status, wait};
use crate::suite::tests;

tests![
    a_newer_client_is_told_the_release_and_may_ask_for_the_end,
    an_older_supervisor_is_asked_to_hand_over,
    a_newer_supervisor_is_left_alone,
    nonsense_is_answered_and_harms_nobody,
];

fn say(home: &Path, line: &str) -> Value {
    let mut stream = UnixStream::connect(home.join("socket")).expect("a supervisor");
    writeln!(stream, "{line}").expect("a question");
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).expect("an answer");
    serde_json::from_str(&answer).expect("JSON")
}

fn a_newer_client_is_told_the_release_and_may_ask_for_the_end() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t").await.expect("a service").pid;
        let answer = say(&place.home, r#"{"protocol": 99, "ask": {"something": "new"}}"#);
        assert_eq!(answer["answer"], "stranger");
        assert_eq!(answer["release"], env!("CARGO_PKG_VERSION"));
        let old = place.supervisors();
        let answer = say(&place.home, r#"{"protocol": 99, "hand_over": true, "more": 1}"#);
        assert_eq!(answer["protocol"], 2);
        eventually("it handed over", || place.supervisors().is_empty());
        assert_eq!(status(&client, "web").await.pid, first);
        assert_ne!(place.supervisors(), old);
        assert!(place.diary().contains("hands over to its successor"));
    });
}

/// Speaks as a supervisor of another release would until it is asked to hand over. Returns what it
/// was asked.
fn speak(home: &Path, protocol: u32) -> Vec<Value> {
    let listener = UnixListener::bind(home.join("socket")).expect("a socket");
    let mut asked = vec![];
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).expect("a question");
        asked.push(serde_json::from_str(&line).expect("JSON"));
        let answer = json!({ "protocol": protocol, "release": "9.8.7", "pid": 1, "answer": 3 });
        writeln!(stream, "{answer}").expect("an answer");
        if protocol > 2 || asked.last().is_some_and(|a: &Value| a["hand_over"] == true) {
            break;
        }
    }
    fs::remove_file(home.join("socket")).expect("a socket");
    asked
}

fn an_older_supervisor_is_asked_to_hand_over() {
    wait(async {
        let place = Place::new();
        fs::create_dir_all(&place.home).expect("a folder");
        let home = place.home.clone();
        let older = thread::spawn(move || speak(&home, 1));
        eventually("it listens", || place.home.join("socket").exists());
        let client = place.client().await;
        let asked = older.join().expect("an older one");
        assert!(asked.len() >= 2 && asked.last().expect("a question")["hand_over"] == true);
        let spec = place.shell("web", "exec sleep 1000");
        client.ensure(&spec, "t").await.expect("a service");
    });
}

fn a_newer_supervisor_is_left_alone() {
    wait(async {
        let place = Place::new();
        fs::create_dir_all(&place.home).expect("a folder");
        let home = place.home.clone();
        let newer = thread::spawn(move || speak(&home, 99));
        eventually("it listens", || place.home.join("socket").exists());
        let error = Client::connect_or_launch(&place.home, place.launch()).await;
        let error = error.expect_err("refused");
        assert_eq!(error, SupervisorError::Newer { release: "9.8.7".into() });
        assert!(error.to_string().contains("use that release, or newer"), "{error}");
        assert_eq!(newer.join().expect("a newer one").len(), 1);
        assert_eq!(place.supervisors(), [0; 0]);
    });
}

fn nonsense_is_answered_and_harms_nobody() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t").await.expect("a service").pid;
        for line in ["GET / HTTP/1.1", "{}", r#"{"protocol": 2}"#, r#"{"protocol":2,"ask":"fly"}"#]
        {
            let answer = say(&place.home, line);
            let text = answer["answer"]["refused"].as_str().expect("a refusal").to_owned();
            assert!(text.starts_with("the request is wrong"), "{text}");
        }
        assert_eq!(status(&client, "web").await.pid, first);
    });
}
