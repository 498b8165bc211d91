//! Live logs: in order, from any place on, and in little memory however long they are.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::ask;
use super::server::Server;

/// The events of a stream until its end: kind, id, data.
fn events(reply: super::http::Reply) -> Vec<(String, String, Value)> {
    let (mut all, mut kind, mut id) = (Vec::new(), String::new(), String::new());
    for line in reply.lines() {
        match line.split_once(": ") {
            Some(("event", text)) => text.clone_into(&mut kind),
            Some(("id", text)) => text.clone_into(&mut id),
            Some(("data", text)) => {
                let data = serde_json::from_str(text).unwrap();
                all.push((std::mem::take(&mut kind), std::mem::take(&mut id), data));
            }
            _ => {}
        }
    }
    all
}

fn lines(events: &[(String, String, Value)]) -> Vec<String> {
    let lines = events.iter().filter(|(kind, ..)| kind == "line");
    lines.map(|(_, _, data)| data["line"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_log_is_followed_and_goes_on_where_a_reader_stopped() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let script = "for n in $(seq 1 200); do echo line $n; done; sleep 0.3; echo last";
    pusher.pipeline(&format!(
        "  s: {{ run: ['{script}'] }}\n  t: {{ needs: [s], run: [echo other] }}\n"
    ));
    pusher.commit("first");
    let mut push = pusher.push_command(&server, "main").spawn().unwrap();
    crate::cli::project::until("it is queued", || server.runs().len() == 1);
    let path = "/api/v1/runs/shop/1/log";
    let live = events(ask(&server.address(), "GET", path, &[], ""));
    push.wait().unwrap();
    let all = lines(&live);
    assert_eq!(all.len(), 202, "{all:?}");
    assert_eq!((&*all[0], &*all[200], &*all[201]), ("line 1", "last", "other"));
    assert_eq!(live.last().unwrap().2["verdict"], "passed");
    let places: Vec<_> = live.iter().filter(|(_, id, _)| !id.is_empty()).collect();
    let (at, (_, place, _)) =
        live.iter().enumerate().find(|(_, (_, id, _))| !id.is_empty()).unwrap();
    assert!(!places.is_empty());
    let header = format!("Last-Event-ID: {place}");
    let rest = events(ask(&server.address(), "GET", path, &[&header], ""));
    assert_eq!(lines(&rest), lines(&live[at + 1..]), "after {place}");
    let one = events(ask(&server.address(), "GET", &format!("{path}?step=t"), &[], ""));
    assert_eq!(lines(&one), ["other"]);
    let bad = ask(&server.address(), "GET", &format!("{path}?from=../x"), &[], "");
    assert_eq!(bad.status, 400);
}

#[test]
fn what_happens_to_steps_is_told_and_goes_on_behind_what_is_known() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline("  a: { run: [echo a] }\n  b: { needs: [a], run: [exit 7] }\n");
    pusher.commit("first");
    pusher.push(&server);
    let path = "/api/v1/runs/shop/1/events";
    let all = events(ask(&server.address(), "GET", path, &[], ""));
    let told: Vec<String> = all
        .iter()
        .map(|(kind, id, data)| format!("{id} {kind} {}", data["step"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        told,
        ["1 step_began a", "2 step_ended a", "3 step_began b", "4 step_ended b", " end "]
    );
    let rest = events(ask(&server.address(), "GET", &format!("{path}?from=3"), &[], ""));
    assert_eq!(rest.len(), 2);
    assert_eq!(rest[1].2["verdict"], "failed");
}

/// `WINDLASS_LOG_MB` says how long the log is: 200 in the large.
#[test]
fn a_very_long_log_takes_little_memory() {
    let megabytes: usize =
        std::env::var("WINDLASS_LOG_MB").map_or(20, |text| text.parse().unwrap());
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let line = "0123456789abcdef".repeat(8);
    let count = megabytes * 1_000_000 / (line.len() + 15);
    pusher.pipeline(&format!("  s: {{ run: ['yes {line} | head -n {count}'], timeout: 10m }}\n"));
    pusher.commit("long");
    let output = server.place("push.txt");
    let out = std::fs::File::create(&output).unwrap();
    let mut push = pusher.push_command(&server, "main").stderr(out).spawn().unwrap();
    crate::cli::project::until("it is queued", || server.runs().len() == 1);
    let asked = Instant::now();
    let reply = ask(&server.address(), "GET", "/api/v1/runs/shop/1/log", &[], "");
    let (mut first, mut last, mut seen, mut memory) = (None, String::new(), 0, Vec::new());
    for line in reply.lines() {
        if let Some(data) = line.strip_prefix("data: ") {
            seen += usize::from(data.contains("0123456789abcdef"));
            first.get_or_insert_with(|| asked.elapsed());
        } else if let Some(id) = line.strip_prefix("id: ") {
            id.clone_into(&mut last);
            memory.push(own_kib(server.pid()));
        }
    }
    push.wait().unwrap();
    let (half, most) = (memory[memory.len() / 2], memory.iter().max().unwrap());
    println!(
        "{megabytes} MB: first line after {first:?}, {seen} lines, {half} KiB in the middle, {most} KiB at most"
    );
    assert_eq!(seen, count);
    assert!(first.unwrap() < Duration::from_secs(10), "{first:?}");
    assert!(*most < 80_000, "{most} KiB");
    let middle = last.split('.').next().unwrap().parse::<u64>().unwrap() / 2;
    let begun = Instant::now();
    let path = format!("/api/v1/runs/shop/1/log?from={middle}");
    let line = ask(&server.address(), "GET", &path, &[], "")
        .lines()
        .find(|line| line.starts_with("data: "));
    println!("from the middle: {:?}", begun.elapsed());
    assert!(line.unwrap().contains(r#""step":"s""#));
}

/// Memory that a process has for itself, without its program, in KiB.
fn own_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
