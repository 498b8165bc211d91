//! What a push shows to who pushes.

use super::server::Server;

#[test]
fn a_push_runs_its_pipeline_and_shows_it_live_until_the_verdict() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline(
        "  unit: { run: ['echo testing $WINDLASS_BRANCH'] }
  deploy: { needs: [unit], run: ['test \"$WINDLASS_COMMIT\" = \"${run.commit}\"; echo ok'] }
",
    );
    let commit = pusher.commit("cart: round totals");
    let pushed = pusher.push(&server);
    assert!(pushed.done);
    insta::assert_snapshot!(pushed.said, @r#"
    remote: the project is in FOLDER/.windlass/projects/shop
    remote: p  run 1 of COMMIT “cart: round totals”  http://SERVER/runs/shop/1
    remote:   p  run, run 1: 2 steps
    remote:       unit | testing main
    remote:     ✓ run  unit    done  N s
    remote:       deploy | ok
    remote:     ✓ run  deploy  done  N s
    remote:   p  passed: 2 steps done  N s
    remote: ✓ passed in N s
    To http://SERVER/shop.git
     * [new branch]      HEAD -> main
    "#);
    let runs = server.settled();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["verdict"], "passed");
    assert_eq!(runs[0]["cause"]["commit"], commit.as_str());
    assert_eq!(runs[0]["cause"]["author"], "Ada");
    // The work tree is a project like any other.
    let words = ["runs", "show", "1", "--project", ".windlass/projects/shop"];
    let shown = server.command(&words).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let told = format!("started by push of {} on main by Ada", &commit[..7]);
    assert!(shown.contains(&told), "{shown}");
}

#[test]
fn a_push_that_fails_says_which_step_and_why() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline("  unit: { run: ['echo no such total; exit 3'] }\n");
    pusher.commit("cart: round totals");
    insta::assert_snapshot!(pusher.push(&server).said, @r#"
    remote: the project is in FOLDER/.windlass/projects/shop
    remote: p  run 1 of COMMIT “cart: round totals”  http://SERVER/runs/shop/1
    remote:   p  run, run 1: 1 step
    remote:       unit | no such total
    remote:     ✗ run  unit  exit code 3  N s
    remote:   ✗ run  unit  exit code 3
    remote:       | no such total
    remote:
    remote:   p  failed: 1 failed  N s
    remote:      what was done is not undone; `windlass run pipelines/p.yml` starts again       exit 1
    remote: ✗ FAILED after N s
    remote:   the push is in, and what ran before still runs; push a commit that mends it
    To http://SERVER/shop.git
     * [new branch]      HEAD -> main
    "#);
    assert_eq!(server.settled()[0]["verdict"], "failed");
}

#[test]
fn a_pipeline_that_is_broken_in_that_very_commit_is_shown_where() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline("  unit: { runn: [echo hi] }\n");
    pusher.commit("a slip");
    insta::assert_snapshot!(pusher.push(&server).said, @r#"
    remote: the project is in FOLDER/.windlass/projects/shop
    remote: p  run 1 of COMMIT “a slip”  http://SERVER/runs/shop/1
    remote:   error[W012]: unknown key `runn`
    remote:     ╭▸ pipelines/p.yml:4:11
    remote:     │
    remote:   4 │   unit: { runn: [echo hi] }
    remote:     ╰╴          ━━━━ did you mean `run`?
    remote:
    remote:   1 file checked, 1 error.                                                          exit 2
    remote: ✗ FAILED after N s
    remote:   the push is in, and what ran before still runs; push a commit that mends it
    To http://SERVER/shop.git
     * [new branch]      HEAD -> main
    "#);
    let run = &server.settled()[0];
    assert_eq!((&run["verdict"], &run["project_run"]), (&"failed".into(), &().into()));
    assert!(run["message"].as_str().unwrap().contains("pipelines/p.yml:4:11"), "{run}");
    pusher.file("pipelines/p.yml", "pipeline: [p\n");
    pusher.commit("worse");
    let pushed = pusher.push(&server);
    assert!(pushed.said.contains("pipelines/p.yml:"), "{}", pushed.said);
    assert_eq!(server.settled()[1]["verdict"], "failed");
}

#[test]
fn a_push_to_an_unknown_repository_says_which_there_are() {
    let server = Server::of("repositories: { shop: {}, api: {} }\n");
    let pusher = server.pusher("shopp");
    pusher.commit("lost");
    let pushed = pusher.push(&server);
    assert!(!pushed.done);
    insta::assert_snapshot!(pushed.said, @r#"
    remote: there is no repository `shopp` here
    remote:   try: did you mean `shop`?
    fatal: repository 'http://SERVER/shopp.git/' not found
    "#);
}

#[test]
fn a_push_starts_only_what_it_wants() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let pipeline = |name: &str, on: &str| {
        format!("pipeline: {name}\non: {{ push: {on} }}\nsteps:\n  s: {{ run: [echo {name}] }}\n")
    };
    pusher.file("pipelines/all.yml", &pipeline("all", "{ branches: ['**'] }"));
    pusher.file("pipelines/app.yml", &pipeline("app", "{ paths: ['app/**'] }"));
    pusher.file("pipelines/by_hand.yml", "pipeline: by_hand\nsteps: { s: { run: [exit 1] } }\n");
    pusher.commit("first");
    pusher.push(&server);
    pusher.file("docs/index.md", "docs");
    pusher.commit("docs");
    pusher.push(&server);
    pusher.file("app/main.py", "app");
    pusher.commit("app");
    pusher.push(&server);
    pusher.push_to(&server, "topic");
    let names = server.settled();
    let names: Vec<&str> = names.iter().map(|run| run["pipeline"].as_str().unwrap()).collect();
    assert_eq!(names, ["all", "app", "all", "all", "app", "all"]);
}

#[test]
fn a_push_that_starts_several_ends_with_what_came_of_each() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let pipeline = |name: &str, step: &str| {
        let text =
            format!("pipeline: {name}\non: {{ push: {{}} }}\nsteps: {{ s: {{ {step} }} }}\n");
        pusher.file(&format!("pipelines/{name}.yml"), &text);
    };
    pipeline("build", "run: ['true']");
    pipeline("check", "run: [exit 3]");
    pipeline("release", "gate: {}");
    pusher.commit("three of them");
    let pushed = pusher.push(&server);
    let (_, end) = pushed.said.rsplit_once("\nremote:\n").expect("an end");
    insta::assert_snapshot!(end, @"
    remote: ✓ build    passed in N s
    remote: ✗ check    FAILED after N s
    remote: ? release  waits for approval
    To http://SERVER/shop.git
     * [new branch]      HEAD -> main
    ");
}

#[test]
fn a_push_that_starts_nothing_says_so() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.file("README.md", "nothing runs");
    pusher.commit("first");
    let pushed = pusher.push(&server);
    assert!(pushed.said.contains("no pipeline of this commit is started by this push"));
    pusher.file(".windlass/store.db", "not ours");
    pusher.pipeline("  s: { run: [echo hi] }\n").file(".gitignore", "");
    assert!(pusher.git(&["add", "--force", ".windlass/store.db"]).done);
    pusher.commit("state in Git");
    let pushed = pusher.push(&server);
    assert!(pushed.said.contains("this commit holds `.windlass`"), "{}", pushed.said);
}

#[test]
fn what_was_pushed_can_be_cloned_and_the_work_tree_follows() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline("  s: { run: ['cat a.txt; ls'] }\n").file("a.txt", "one").file("b.txt", "b");
    pusher.commit("first");
    pusher.push(&server);
    let project = server.place(".windlass/projects/shop");
    std::fs::write(project.join("kept.txt"), "untracked").unwrap();
    std::fs::write(project.join("a.txt"), "edited by hand").unwrap();
    std::fs::remove_file(pusher.place("b.txt")).unwrap();
    pusher.commit("second");
    pusher.push(&server);
    assert_eq!(std::fs::read_to_string(project.join("a.txt")).unwrap(), "one");
    assert!(!project.join("b.txt").exists() && project.join("kept.txt").exists());
    for version in ["0", "2"] {
        let clone = server.place(&format!("clone-{version}"));
        let from = format!("{}/shop.git", server.address());
        let protocol = format!("protocol.version={version}");
        let words = ["-c", &protocol, "clone", "--quiet", &from, clone.to_str().unwrap()];
        let cloned = pusher.git(&words);
        assert!(cloned.done, "{}", cloned.said);
        assert_eq!(std::fs::read_to_string(clone.join("a.txt")).unwrap(), "one");
    }
}

/// More than is sent at once, and more than is worth sending plain.
#[test]
fn large_pushes_and_long_negotiations_come_through() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let mut noise = vec![0_u8; 5 << 20];
    fastrand::Rng::with_seed(7).fill(&mut noise);
    std::fs::write(pusher.place("noise.bin"), &noise).unwrap();
    for n in 0..60 {
        pusher.commit(&format!("commit {n}"));
    }
    let pushed = pusher.push(&server);
    assert!(pushed.done, "{}", pushed.said);
    let other = server.pusher("shop");
    for n in 0..60 {
        other.commit(&format!("other {n}"));
    }
    let from = format!("{}/shop.git", server.address());
    let fetched = other.git(&["fetch", "--quiet", &from, "main:theirs"]);
    assert!(fetched.done, "{}", fetched.said);
    let shown = other.command(&["cat-file", "-s", "theirs:noise.bin"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&shown.stdout).trim(), noise.len().to_string());
}

/// A push is no place to wait for people: it ends, and the run goes on without it.
#[test]
fn a_push_that_reaches_a_gate_says_how_to_approve_and_ends() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline(
        "  ready: { gate: { message: Ship it? } }\n  deploy: { needs: [ready], run: [echo out] }\n",
    );
    pusher.commit("cart: round totals");
    let pushed = pusher.push(&server);
    assert!(pushed.done);
    insta::assert_snapshot!(pushed.said, @r#"
    remote: the project is in FOLDER/.windlass/projects/shop
    remote: p  run 1 of COMMIT “cart: round totals”  http://SERVER/runs/shop/1
    remote:   p  run, run 1: 2 steps
    remote:   p  waiting: 1 waits for approval  N s
    remote:      ready waits for anybody: Ship it?
    remote:      no process waits meanwhile; `windlass approve 1 ready` goes on                 exit 5
    remote: ? waits for approval: http://SERVER/runs/shop/1
    remote:   the push is in; the run goes on once somebody says yes:
    remote:   curl -d '{"by": "NAME"}' http://SERVER/api/v1/runs/shop/1/approve
    remote:   (no: "reject": true beside it; where the server has tokens: -H 'Authorization: Bearer TOKEN')
    To http://SERVER/shop.git
     * [new branch]      HEAD -> main
    "#);
    assert_eq!(server.runs()[0]["state"], "approval");
    let page = pushed.said.lines().find(|line| line.contains("curl")).unwrap();
    let path = page.split("http://SERVER").nth(1).unwrap();
    let (status, answer) = server.post(path, &serde_json::json!({ "by": "ada" }));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(server.settled()[0]["verdict"], "passed");
}
