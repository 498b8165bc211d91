//! Gates: a run that waits for a person while no process does.

use std::thread::sleep;
use std::time::Duration;

use crate::cli::project::{TestProject, until};

const STEPS: &str = "pipeline: p
steps:
  test: { run: [echo tested >> ran] }
  accept: { needs: [test], gate: { approvers: [ops], message: it goes public } }
  deploy: { needs: [accept], run: [echo deployed >> ran] }
  lint: { needs: [test], run: [echo linted >> ran] }
  clear: { needs: [deploy], when: always, run: [echo cleared >> ran] }
";

fn project(steps: &str) -> TestProject {
    TestProject::new().file("pipelines/p.yml", steps).variable("USER", "anna")
}

fn ran(project: &TestProject) -> Vec<String> {
    let mut lines: Vec<String> = project.read("ran").lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_run_does_everything_else_and_waits_without_a_process_until_somebody_approves() {
    let project = project(STEPS);
    insta::assert_snapshot!(project.run(["run", "p", "--parallel", "1"]), @"
    p  run, run 1: 5 steps
      ✓ run   test    done  N.NN s
      ✓ run   lint    done  N.NN s
    p  waiting: 2 steps done, 1 waits for approval  N.NN s
       accept waits for ops: it goes public
       no process waits meanwhile; `windlass approve 1 accept` goes on                            exit 5
    --- exit 5
    ");
    assert_eq!(ran(&project), ["linted", "tested"]);
    insta::assert_snapshot!(project.run(["runs", "show", "1"]), @"
    run 1  pipeline p  waiting  N.NN s so far
      began NNNN-NN-NN NN:NN:NN, just now

      ✓ test    done  N.NN s
      ✓ lint    done  N.NN s
      · accept  waits for ops: it goes public, until NNNN-NN-NN NN:NN
    --- exit 0
    ");
    assert!(project.done(["runs"]).stdout.contains("waiting"));
    // A newer run that waits for nobody is not the last one.
    let project =
        project.file("pipelines/q.yml", "pipeline: q\nsteps: { s: { run: [\"true\"] } }\n");
    project.done(["run", "q"]);
    assert!(project.done(["doctor"]).stdout.contains("every run has ended or is at work"));
    insta::assert_snapshot!(project.run(["approve", "1"]), @"
    --- stderr
    refused: `accept` is answered by `ops`, and `anna` is none of them
        try: `--by NAME` says who answers
    --- exit 4
    ");
    insta::assert_snapshot!(project.run(["approve", "last", "--by", "ops", "--note", "looked at it"]), @"
    accept of run 1 is approved
    p  run, run 1: 5 steps
        accept | approved by ops: looked at it
      ✓ gate  accept  done  N.NN s
      ✓ run   deploy  done  N.NN s
      ✓ run   clear   done  N.NN s
    p  passed: 5 steps done  N.NN s
    --- exit 0
    ");
    assert_eq!(ran(&project), ["cleared", "deployed", "linted", "tested"]);
    insta::assert_snapshot!(project.run(["runs", "show", "1"]), @"
    run 1  pipeline p  done  N.NN s
      began NNNN-NN-NN NN:NN:NN, just now

      ✓ test    done  N.NN s
      ✓ lint    done  N.NN s
      ✓ accept  approved by ops, NNNN-NN-NN NN:NN:NN: looked at it  N.NN s
      ✓ deploy  done  N.NN s
      ✓ clear   done  N.NN s

      1 step wrote something:  windlass logs 1
    --- exit 0
    ");
    insta::assert_snapshot!(project.run(["approve", "1", "--by", "ops"]), @"
    --- stderr
    error: run 1 waits for nobody: it has ended
        try: windlass runs show 1
    --- exit 2
    ");
    insta::assert_snapshot!(project.run(["reject", "last"]), @"
    --- stderr
    error: no run waits for approval
        try: `windlass runs` lists runs
    --- exit 2
    ");
}

#[test]
fn a_gate_that_is_rejected_fails_and_what_clears_up_behind_it_runs() {
    let project = project(STEPS);
    assert_eq!(project.run(["run", "p"]).code, 5);
    insta::assert_snapshot!(project.run(["reject", "last", "accept", "--by", "ops", "--note", "not today"]), @"
    accept of run 1 is rejected
    p  run, run 1: 5 steps
      ✗ gate  accept  rejected by ops: not today  N.NN s
      ○ run   deploy  not started, waited for accept
      ✓ run   clear   done  N.NN s
    ✗ gate  accept  rejected by ops: not today

    p  failed: 3 steps done, 1 failed, 1 not started  N.NN s
       not started: run deploy waits for accept
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    ");
    assert_eq!(ran(&project), ["cleared", "linted", "tested"]);
}

#[test]
fn an_approval_holds_for_what_was_there_when_the_gate_was_reached() {
    let steps = "pipeline: p
steps:
  accept: { gate: {} }
  deploy: { needs: [accept], apply: stacks/shop.yml }
";
    let stack = "  page: { kind: file.text, path: page, content: one }\n";
    let project = TestProject::of(stack).file("pipelines/p.yml", steps).variable("USER", "anna");
    assert_eq!(project.run(["run", "p"]).code, 5);
    let before = project.read("stacks/shop.yml");
    project.write("stacks/shop.yml", before.replace("one", "two"));
    insta::assert_snapshot!(project.run(["approve", "1"]), @"
    --- stderr
    refused: `accept` of run 1 cannot be approved: stacks/shop.yml changed since the gate was reached
        try: put back what was there, or start again: `windlass run p`
    --- exit 4
    ");
    project.write("stacks/shop.yml", &before);
    project.done(["approve", "1", "--later"]);
    project.write("stacks/shop.yml", before.replace("one", "three"));
    insta::assert_snapshot!(project.run(["run", "p", "--resume"]), @"
    p  run, run 1: 2 steps
    p  waiting: 1 waits for approval  N.NN s
       accept still waits: the approval by anna does not hold: stacks/shop.yml changed since the gate
       was reached
       no process waits meanwhile; `windlass run p --resume` goes on                              exit 5
    --- exit 5
    ");
    assert!(!project.place("page").exists(), "nothing was deployed");
    project.write("stacks/shop.yml", before);
    project.done(["run", "p", "--resume"]);
    assert_eq!(project.read("page"), "one");
}

#[test]
fn a_gate_expires() {
    let project = project(&STEPS.replace("message: it goes public", "expires: 100ms"));
    assert_eq!(project.run(["run", "p"]).code, 5);
    sleep(Duration::from_millis(150));
    insta::assert_snapshot!(project.run(["approve", "1", "--by", "ops"]), @"
    --- stderr
    refused: `accept` of run 1 can no longer be approved: its time was up
        try: `windlass run p --resume` ends the run; start again: `windlass run p`
    --- exit 4
    ");
    insta::assert_snapshot!(project.run(["run", "p", "--resume"]), @"
    p  run, run 1: 5 steps
      ✗ gate  accept  nobody approved it within N.NN s  N.NN s
      ○ run   deploy  not started, waited for accept
      ✓ run   clear   done  N.NN s
    ✗ gate  accept  nobody approved it within N.NN s
        try: start the pipeline again; `expires` of the gate says how long it waits

    p  failed: 3 steps done, 1 failed, 1 not started  N.NN s
       not started: run deploy waits for accept
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    ");
}

/// Who approves while the run is at work need not wait for it, nor go on with it.
#[test]
fn a_run_that_is_at_work_takes_an_answer_by_itself() {
    let steps = "pipeline: p
steps:
  accept: { gate: {} }
  deploy: { needs: [accept], run: [echo deployed >> ran] }
  slow: { run: [\"touch begun; until [ -e go ]; do sleep 0.02; done\"] }
";
    let project = project(steps);
    let run = project.start(["run", "p"]);
    let begun = project.place("begun");
    until("the slow step begins", || begun.exists());
    until("the gate is reached", || project.run(["approve", "1", "--later"]).code == 0);
    project.write("go", "");
    assert_eq!(run.end().code, 0);
    assert_eq!(ran(&project), ["deployed"]);
}

#[test]
fn a_run_that_waits_is_left_to_wait_by_the_next_one() {
    let project = project(STEPS);
    assert_eq!(project.run(["run", "p"]).code, 5);
    assert_eq!(project.run(["run", "p"]).code, 5);
    project.done(["approve", "1", "--by", "ops"]);
    project.done(["approve", "2", "--by", "ops"]);
    assert_eq!(ran(&project).iter().filter(|line| *line == "deployed").count(), 2);
}

/// A group is the same at a terminal as where the project is served.
#[test]
fn who_is_of_a_group_that_the_file_of_the_server_names_may_answer_for_it() {
    let file = "server: lab\napprovers: { ops: [anna, ben] }\n";
    let project = project(STEPS).file("windlass.yml", file);
    assert_eq!(project.run(["run", "p"]).code, 5);
    insta::assert_snapshot!(project.run(["approve", "1", "--by", "ops"]), @"
    --- stderr
    refused: `accept` is answered by `ops`, and `ops` is none of them
        try: `--by NAME` says who answers
    --- exit 4
    ");
    project.write("windlass.yml", file.replace("ops", "0ps").replace("lab", "lab\nlissten: x"));
    let answer = project.run(["approve", "1"]);
    assert_eq!(answer.code, 2, "{answer}");
    assert!(answer.stderr.contains("windlass.yml"), "{answer}");
    project.write("windlass.yml", file);
    let answer = project.done(["approve", "1"]);
    assert!(answer.stdout.contains("accept | approved by anna"), "{answer}");
}

/// What has not been committed counts as well, and so does a project without Git.
#[test]
fn an_approval_holds_for_the_templates_and_scripts_behind_the_gate() {
    let steps = "pipeline: p
steps:
  accept: { gate: {} }
  deploy: { needs: [accept], apply: shop }
  tell: { needs: [deploy], run: [\"A=1 sh -e ./tools/tell.sh >> ran; tools/end\"] }
  aside: { run: [sh tools/aside.sh >> ran] }
";
    let stack =
        "  page: { kind: file.template, path: page, template: templates/page, values: {} }\n";
    let project = TestProject::of(stack).file("pipelines/p.yml", steps).variable("USER", "anna");
    project.write("templates/page", "one\n");
    for script in ["tools/tell.sh", "tools/end", "tools/aside.sh"] {
        project.write(script, "true\n");
    }
    assert_eq!(project.run(["run", "p"]).code, 5);
    for file in ["templates/page", "tools/tell.sh", "tools/end"] {
        let before = project.read(file);
        project.write(file, "another\n");
        let answer = project.run(["approve", "1", "--later"]);
        assert_eq!(answer.code, 4, "{answer}");
        let why = format!("cannot be approved: {file} changed since the gate was reached");
        assert!(answer.stderr.contains(&why), "{answer}");
        project.write(file, before);
    }
    // Not behind the gate, and what steps write.
    project.write("tools/aside.sh", "false\n");
    project.write("ran", "more\n");
    project.done(["approve", "1", "--later"]);
}
