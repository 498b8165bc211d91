//! Two at once, Ctrl-C, and a run that is killed: who waits, who is refused, and what can be gone on with.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use crate::cli::project::{TestProject, anybody_works_in, until};

/// A pipeline whose first step goes on until a file is there.
const SLOW: &str = "pipeline: slow
steps:
  wait:
    run: ['touch begun; until [ -e go ]; do sleep 0.02; done']
  after: { needs: [wait], run: [touch after] }
";

fn slow() -> TestProject {
    TestProject::new().file("pipelines/slow.yml", SLOW)
}

#[test]
fn the_second_of_two_is_refused_or_waits_as_it_is_asked() {
    let project = slow();
    let first = project.start(["run", "slow"]);
    until("the first run begins", || project.place("begun").exists());
    insta::assert_snapshot!(project.run(["run", "slow"]), @r#"
    --- stderr
    refused: the pipeline `slow` runs already: run (process N)
        try: wait for it: `--wait 10m`
    --- exit 4
    "#);
    let third = project.start(["run", "slow", "--wait", "1m"]);
    sleep(Duration::from_millis(300));
    project.write("go", "");
    assert_eq!(first.end().code, 0);
    let waited = third.end();
    assert!(waited.stdout.contains("process N"), "it says for whom it waits: {waited}");
    assert_eq!(waited.code, 0, "{waited}");
}

#[test]
fn two_applies_of_one_stack_do_not_meet() {
    let slow = "  slow:\n    kind: command.run\n    create: [sh, -c, \"touch begun; until [ -e go ]; do sleep 0.02; done\"]\n";
    let project = TestProject::of(slow);
    let first = project.start(["apply", "-y"]);
    until("the first apply begins", || project.place("begun").exists());
    insta::assert_snapshot!(project.run(["apply", "-y"]), @r#"
    shop  1 to create  N.NN s

      + command.run  slow  create [sh, -c, "touch begun; until [ -e go ];…

    --- stderr
    refused: `shop` is being changed by another run: apply (process N)
        try: wait for it: `--wait 10m`
    --- exit 4
    "#);
    let third = project.start(["apply", "-y", "--wait", "1m"]);
    sleep(Duration::from_millis(300));
    project.write("go", "");
    assert_eq!(first.end().code, 0);
    let waited = third.end();
    insta::assert_snapshot!(waited, @r#"
    shop  waits for apply (process N)
    shop  unchanged, 1 resource  N.NN s
    --- exit 0
    "#);
}

#[test]
fn ctrl_c_once_starts_nothing_more_and_the_run_can_be_resumed() {
    let project = slow();
    let run = project.start(["run", "slow"]);
    until("the run begins", || project.place("begun").exists());
    run.signal(Signal::INT);
    sleep(Duration::from_millis(300));
    project.write("go", "");
    let answer = run.end();
    assert_eq!(answer.code, 1, "{answer}");
    assert!(!project.place("after").exists());
    insta::assert_snapshot!(answer, @r#"
    slow  run, run 1: 2 steps
    nothing more is started; waiting for what runs (Ctrl-C again stops now)
      ✓ run  wait   done  N.NN s
    slow  stopped: 1 step done, 1 left  N.NN s
          a command that was cut off runs again only if its step is `idempotent`; `windlass run slow
          --resume` does the rest                                                                 exit 1
    --- exit 1
    "#);
    insta::assert_snapshot!(project.run(["run", "slow", "--resume"]), @r#"
    slow  run, run 1: 2 steps
      ✓ run  after  done  N.NN s
    slow  passed: 2 steps done  N.NN s
    --- exit 0
    "#);
    assert!(project.place("after").exists());
}

#[test]
fn ctrl_c_twice_stops_now_and_leaves_no_process() {
    let project = slow();
    let run = project.start(["run", "slow"]);
    until("the run begins", || project.place("begun").exists());
    run.signal(Signal::INT);
    sleep(Duration::from_millis(300));
    run.signal(Signal::INT);
    let answer = run.end();
    assert_eq!(answer.code, 1, "{answer}");
    insta::assert_snapshot!(answer, @r#"
    slow  run, run 1: 2 steps
    nothing more is started; waiting for what runs (Ctrl-C again stops now)
    stopping now; what was under way is looked for when this goes on
    slow  stopped: 2 left  N.NN s
          a command that was cut off runs again only if its step is `idempotent`; `windlass run slow
          --resume` does the rest                                                                 exit 1
    --- exit 1
    "#);
    let folder = project.folder().to_owned();
    until("its processes are gone", || !anybody_works_in(&folder));
}

#[test]
fn a_run_that_was_killed_is_settled_by_the_next_one() {
    let slow = "  slow:\n    kind: command.run\n    create: [sh, -c, \"touch begun; sleep 60\"]\n";
    let project = TestProject::of(slow);
    let run = project.start(["apply", "-y"]);
    until("the run begins", || project.place("begun").exists());
    run.signal(Signal::KILL);
    run.end();
    project.write(
        "stacks/shop.yml",
        "stack: shop\nresources:\n  slow:\n    kind: command.run\n    create: [touch, done]\n",
    );
    insta::assert_snapshot!(project.run(["apply", "-y"]), @r#"
    shop  waits for word of what an earlier run left in doubt (1 step)
    shop  a run of NN:NN ended without finishing (run 1: its process is gone)
      in doubt: command.run slow was being created. Found: nothing of it runs, and nobody knows how
        far it came: it is done once more
    shop  1 to create  N.NN s

      + command.run  slow  create [touch, done]

    shop  apply, run 3: 1 step
      ✓ command.run  slow  created  N.NN s
    shop  applied: 1 created  N.NN s
    --- exit 0
    "#);
    assert!(project.place("done").exists());
    let folder = project.folder().to_owned();
    until("what the dead run had started is gone", || !anybody_works_in(&folder));
}

#[test]
fn what_a_dead_run_left_is_told_before_the_state_is_changed_by_hand() {
    let project = TestProject::of(
        "  slow:\n    kind: command.run\n    needs: [note]\n    create: [sh, -c, \"touch begun; sleep 60\"]\n  note: { kind: data.value, input: x }\n",
    );
    let run = project.start(["apply", "-y"]);
    until("the run begins", || project.place("begun").exists());
    run.signal(Signal::KILL);
    run.end();
    let moved = project.run(["state", "rm", "shop/note"]).to_string();
    let folder = project.folder().to_owned();
    until("what the dead run had started is gone", || !anybody_works_in(&folder));
    insta::assert_snapshot!(moved, @r#"
    shop  a run of NN:NN ended without finishing (run 1: its process is gone)
      in doubt: command.run slow was being created. Found: nothing of it runs, and nobody knows how
        far it came: it is done once more
    shop  note is forgotten; NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN goes on to exist
    --- exit 0
    "#);
}
