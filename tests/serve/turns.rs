//! Who runs when: turns of repositories, groups, cancelling, doing again, gates.

use std::fs;

use serde_json::json;

use super::http::ask;
use super::server::{Server, until_long};
use crate::cli::project::until;

/// A step that says that it began, and waits for a file.
fn waits(server: &Server, name: &str) -> String {
    let (begun, go) = (server.place(&format!("begun-{name}")), server.place(&format!("go-{name}")));
    format!("touch {}; until [ -e {} ]; do sleep 0.05; done", begun.display(), go.display())
}

fn begun(server: &Server, name: &str) {
    let place = server.place(&format!("begun-{name}"));
    until("the step runs", || place.exists());
}

fn go(server: &Server, name: &str) {
    fs::write(server.place(&format!("go-{name}")), "").unwrap();
}

#[test]
fn a_run_is_ended_when_asked_and_so_is_one_that_waits() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline(&format!("  s: {{ run: ['{}'] }}\n", waits(&server, "a")));
    pusher.commit("long");
    let mut first = pusher.push_command(&server, "main").spawn().unwrap();
    begun(&server, "a");
    pusher.commit("next");
    let mut second = pusher.push_command(&server, "main").spawn().unwrap();
    until("the second waits", || server.runs().len() == 2);
    let (status, run) = server.post("/api/v1/runs/shop/2/cancel", &json!({}));
    assert_eq!((status, &run["verdict"]), (200, &"cancelled".into()), "{run}");
    assert_eq!(server.post("/api/v1/runs/shop/1/cancel", &json!({})).0, 200);
    first.wait().unwrap();
    second.wait().unwrap();
    let runs = server.settled();
    assert!(runs.iter().all(|run| run["verdict"] == "cancelled"), "{runs:#?}");
    assert_eq!(server.post("/api/v1/runs/shop/1/cancel", &json!({})).0, 409);
    until("nothing of it is left", || {
        !crate::cli::project::anybody_works_in(&server.place(".windlass/projects/shop"))
    });
}

#[test]
fn the_newest_of_a_group_takes_the_place_of_those_that_wait() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let steps = format!("  s: {{ run: ['{}'] }}\n", waits(&server, "a"));
    let file = format!(
        "pipeline: p\non: {{ push: {{}} }}\nconcurrency: {{ group: site, keep: newest }}\nsteps:\n{steps}"
    );
    pusher.file("pipelines/p.yml", &file);
    let mut pushes = Vec::new();
    for n in 1..=4 {
        pusher.commit(&format!("change {n}"));
        pushes.push(pusher.push_command(&server, "main").spawn().unwrap());
        until("it is queued", || server.runs().len() == n);
        begun(&server, "a");
    }
    go(&server, "a");
    for mut push in pushes {
        push.wait().unwrap();
    }
    let runs = server.settled();
    let verdicts: Vec<_> = runs.iter().map(|run| run["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["passed", "superseded", "superseded", "passed"]);
}

#[test]
fn a_newer_run_ends_the_one_at_work_where_its_group_says_so() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let group = "concurrency: { group: site, cancel: running }\n";
    let file = |step: &str| {
        format!("pipeline: p\non: {{ push: {{}} }}\n{group}steps:\n  s: {{ run: ['{step}'] }}\n")
    };
    pusher.file("pipelines/p.yml", &file(&waits(&server, "a")));
    pusher.commit("long");
    let mut first = pusher.push_command(&server, "main").spawn().unwrap();
    begun(&server, "a");
    pusher.file("pipelines/p.yml", &file("echo quick"));
    pusher.commit("quick");
    pusher.push(&server);
    first.wait().unwrap();
    let runs = server.settled();
    let verdicts: Vec<_> = runs.iter().map(|run| run["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["cancelled", "passed"], "{runs:#?}");
}

#[test]
fn repositories_run_side_by_side_each_one_run_at_a_time() {
    let server = Server::of("runs: 2\nrepositories: { shop: {}, api: {} }\n");
    let (shop, api) = (server.pusher("shop"), server.pusher("api"));
    shop.pipeline(&format!("  s: {{ run: ['{}'] }}\n", waits(&server, "shop")));
    api.pipeline(&format!("  s: {{ run: ['{}'] }}\n", waits(&server, "api")));
    shop.commit("one");
    let mut pushes = vec![shop.push_command(&server, "main").spawn().unwrap()];
    begun(&server, "shop");
    shop.commit("two");
    pushes.push(shop.push_command(&server, "main").spawn().unwrap());
    api.commit("one");
    pushes.push(api.push_command(&server, "main").spawn().unwrap());
    begun(&server, "api");
    let states: Vec<_> = server.runs().iter().map(|run| run["state"].clone()).collect();
    assert_eq!(states.iter().filter(|state| **state == "running").count(), 2, "{states:?}");
    go(&server, "shop");
    go(&server, "api");
    pushes.iter_mut().for_each(|push| _ = push.wait().unwrap());
    assert!(server.settled().iter().all(|run| run["verdict"] == "passed"));
}

#[test]
fn a_run_is_done_again_at_its_commit_whole_or_in_part() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let flag = server.place("mended");
    let steps = format!(
        "  one: {{ run: [echo one >> {0}] }}\n  two: {{ needs: [one], run: ['test -e {1}'] }}\n",
        server.place("ran.txt").display(),
        flag.display()
    );
    pusher.pipeline(&steps);
    let commit = pusher.commit("first");
    pusher.push(&server);
    pusher.pipeline("  other: { run: [echo other] }\n");
    pusher.commit("second");
    pusher.push(&server);
    fs::write(&flag, "").unwrap();
    let (status, again) = server.post("/api/v1/runs/shop/1/rerun", &json!({}));
    assert_eq!((status, &again["of"]), (201, &1.into()), "{again}");
    assert_eq!(again["cause"]["commit"], commit.as_str());
    let (status, start) =
        server.post("/api/v1/repositories/shop/runs", &json!({ "pipeline": "p" }));
    assert_eq!(status, 201, "{start}");
    let runs = server.settled();
    let verdicts: Vec<_> = runs.iter().map(|run| run["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["failed", "passed", "passed", "passed"], "{runs:#?}");
    assert_eq!(fs::read_to_string(server.place("ran.txt")).unwrap().lines().count(), 2);
    let (status, none) = server.post("/api/v1/repositories/shop/runs", &json!({ "pipeline": "q" }));
    assert_eq!(status, 404, "{none}");
}

#[test]
fn a_secret_is_not_taken_as_a_parameter_that_everybody_sees() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.file(
        "pipelines/p.yml",
        "pipeline: p\nparameters:\n  token: { type: secret }\nsteps: { a: { run: [\"true\"] } }\n",
    );
    pusher.commit("first");
    pusher.push(&server);
    let order = json!({ "pipeline": "p", "parameters": { "token": "hunter2" } });
    let (status, said) = server.post("/api/v1/repositories/shop/runs", &order);
    assert_eq!(status, 400);
    let message = "`token` is a secret, and what starts a run is kept and shown";
    assert_eq!(said["error"]["message"].as_str().unwrap_or_default(), message, "{said}");
    assert!(server.runs().is_empty());
}

/// What is taken as done is what that run did, and not what the newest did at another commit.
#[test]
fn a_part_is_done_again_of_the_run_that_was_named() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let steps = format!(
        "  build: {{ run: ['cp version built; test ! -e broken'] }}\n  \
           deploy: {{ needs: [build], run: ['echo $WINDLASS_COMMIT $(cat built) >> {}; test -e {}'] }}\n",
        server.place("deployed").display(),
        server.place("mended").display()
    );
    pusher.pipeline(&steps).file("version", "1").file("broken", "");
    let first = pusher.commit("does not build");
    pusher.push(&server);
    std::fs::remove_file(pusher.place("broken")).unwrap();
    pusher.file("version", "2");
    let second = pusher.commit("builds");
    pusher.push(&server);
    fs::write(server.place("mended"), "").unwrap();
    let (status, again) = server.post("/api/v1/runs/shop/1/rerun", &json!({ "failed": true }));
    assert_eq!(status, 201, "{again}");
    let run = &server.settled()[2];
    assert_eq!(run["verdict"], "failed", "its build has never succeeded: {run}");
    let (status, again) = server.post("/api/v1/runs/shop/2/rerun", &json!({ "failed": true }));
    assert_eq!(status, 201, "{again}");
    let run = &server.settled()[3];
    assert_eq!(run["verdict"], "passed", "{run}");
    let states = server.get("/api/v1/runs/shop/4")["steps"].clone();
    let deployed = fs::read_to_string(server.place("deployed")).unwrap();
    assert!(!deployed.contains(&first) && deployed.contains(&second), "{deployed}");
    assert_eq!(states[0]["step"], "build", "{states}");
}

#[test]
fn a_part_of_what_never_began_cannot_be_done_again() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline("  unit: { runn: [echo hi] }\n");
    pusher.commit("a slip");
    pusher.push(&server);
    server.settled();
    let (status, refused) = server.post("/api/v1/runs/shop/1/rerun", &json!({ "failed": true }));
    let message = "run 1 never began, so there is no part of it";
    assert_eq!((status, &refused["error"]["message"]), (409, &message.into()), "{refused}");
}

#[test]
fn a_newer_run_takes_the_place_of_one_that_waits_at_a_gate() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let file = format!(
        "pipeline: p\non: {{ push: {{}} }}\nconcurrency: {{ group: site, keep: newest }}\nsteps:\n  \
           ready: {{ gate: {{ message: Ship it? }} }}\n  \
           deploy: {{ needs: [ready], run: [echo $WINDLASS_COMMIT >> {}] }}\n",
        server.place("deployed").display()
    );
    pusher.file("pipelines/p.yml", &file);
    pusher.commit("older");
    let mut older = pusher.push_command(&server, "main").spawn().unwrap();
    until_long("it waits", || server.runs().iter().any(|run| run["state"] == "approval"));
    let commit = pusher.commit("newer");
    let mut newer = pusher.push_command(&server, "main").spawn().unwrap();
    until_long("the newer one waits", || {
        server.runs().get(1).is_some_and(|run| run["state"] == "approval")
    });
    let run = &server.runs()[0];
    assert_eq!(
        (&run["verdict"], &run["message"]),
        (&"superseded".into(), &"run 2 is newer".into()),
        "{run}"
    );
    let (status, answer) = server.post("/api/v1/runs/shop/1/approve", &json!({ "by": "ada" }));
    assert_eq!(status, 409, "{answer}");
    assert_eq!(server.post("/api/v1/runs/shop/2/approve", &json!({ "by": "ada" })).0, 200);
    older.wait().unwrap();
    newer.wait().unwrap();
    assert_eq!(server.settled()[1]["verdict"], "passed");
    assert_eq!(fs::read_to_string(server.place("deployed")).unwrap().trim(), commit);
}

#[test]
fn a_gate_waits_while_others_run_and_goes_on_when_it_is_approved() {
    let server = Server::of("repositories: { shop: {} }\napprovers: { ops: [ada] }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline(
        "  unit: { run: [echo tested] }
  ready: { needs: [unit], gate: { approvers: [ops], message: Ship it? } }
  deploy: { needs: [ready], run: [echo deployed] }
",
    );
    pusher.commit("first");
    let mut push = pusher.push_command(&server, "main").spawn().unwrap();
    until_long("it waits", || server.runs().iter().any(|run| run["state"] == "approval"));
    let run = server.get("/api/v1/runs/shop/1");
    assert_eq!(run["steps"][1]["asks"], "Ship it?", "{run}");
    let path = "/api/v1/runs/shop/1/approve";
    let (status, refused) = server.post(path, &json!({ "by": "eve" }));
    assert_eq!(status, 409, "{refused}");
    let (status, run) = server.post(path, &json!({ "by": "ada" }));
    assert_eq!(status, 200, "{run}");
    push.wait().unwrap();
    let runs = server.settled();
    assert_eq!(runs[0]["verdict"], "passed", "{runs:#?}");
}

/// The answer is kept at once, and outlives the server; the run goes on when its turn comes.
#[test]
fn a_gate_is_approved_while_another_run_of_the_repository_is_at_work() {
    let mut server = Server::of("repositories: { shop: {} }\napprovers: { ops: [ada] }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline(
        "  ready: { gate: { approvers: [ops] } }\n  deploy: { needs: [ready], run: [cat n.txt] }\n",
    );
    pusher.file("n.txt", "one").commit("first");
    let mut pushes = vec![pusher.push_command(&server, "main").spawn().unwrap()];
    until_long("it waits", || server.runs().iter().any(|run| run["state"] == "approval"));
    pusher.pipeline(&format!("  s: {{ run: ['{}'] }}\n", waits(&server, "a")));
    pusher.file("n.txt", "two").commit("second");
    pushes.push(pusher.push_command(&server, "main").spawn().unwrap());
    begun(&server, "a");
    // Whatever the server looks at meanwhile, its gate is open and its turn has not come.
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    assert_eq!(server.get("/api/v1/runs/shop/1")["state"], "approval");
    let path = "/api/v1/runs/shop/1/approve";
    let (status, refused) = server.post(path, &json!({ "by": "eve" }));
    assert_eq!(status, 409, "{refused}");
    for _ in 0..2 {
        let (status, run) = server.post(path, &json!({ "by": "ada" }));
        assert_eq!((status, &run["state"]), (200, &"waiting".into()), "{run}");
    }
    server.kill();
    server.start();
    assert_eq!(server.get("/api/v1/runs/shop/1")["state"], "waiting", "its turn has not come");
    go(&server, "a");
    let runs = server.settled();
    assert!(runs.iter().all(|run| run["verdict"] == "passed"), "{runs:#?}");
    let output = ask(&server.address(), "GET", "/api/v1/runs/shop/1/output", &[], "").text();
    assert!(output.contains("approved by ada") && output.contains("deploy | one"), "{output}");
    pushes.iter_mut().for_each(|push| _ = push.wait().unwrap());
}
