//! Applying, destroying, running; what is asked before, and what is told after.

use crate::cli::project::TestProject;

const NOTE: &str = "  note: { kind: file.text, path: a.txt, content: hello }\n";

#[test]
fn an_apply_says_what_it_did_and_prints_the_outputs() {
    let project = TestProject::new().stack(
        "shop",
        &format!(
            "stack: shop
resources:
{NOTE}outputs:
  file: ${{note.path}}
"
        ),
    );
    insta::assert_snapshot!(project.run(["apply", "--yes"]), @r#"
    shop  1 to create  N.NN s

      + file.text  note  path a.txt, content hello

      outputs
        + file  a.txt

    shop  apply, run 1: 1 step
      ✓ file.text  note  created  N.NN s
    shop  applied: 1 created  N.NN s
      file  a.txt
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["apply", "--yes"]), @r#"
    shop  unchanged, 1 resource  N.NN s
      file  a.txt
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["outputs", "shop"]), @r#"
      file  a.txt
    --- exit 0
    "#);
    assert_eq!(project.run(["outputs", "shop", "file"]).stdout, "a.txt\n");
    insta::assert_snapshot!(project.run(["outputs", "shop", "fiel"]), @r#"
    --- stderr
    error: the stack `shop` has no output `fiel`
        try: there are `file`
    --- exit 2
    "#);
}

#[test]
fn without_a_terminal_nobody_can_say_yes() {
    let project = TestProject::of(NOTE);
    insta::assert_snapshot!(project.run(["apply"]), @r#"
    shop  1 to create  N.NN s

      + file.text  note  path a.txt, content hello

    --- stderr
    error: nobody can be asked here whether to go on
        try: look at the plan above, then say yes: `windlass apply --yes`
    --- exit 2
    "#);
    assert!(!project.place("a.txt").exists());
}

#[test]
fn what_is_unchanged_needs_no_yes() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["apply"]), @r#"
    shop  unchanged, 1 resource  N.NN s
    --- exit 0
    "#);
}

#[test]
fn an_apply_that_fails_says_why_and_what_was_not_started() {
    let project = TestProject::of(
        "  first: { kind: file.text, path: a.txt, content: hello }
  last: { kind: file.text, path: c.txt, content: hello, needs: [first] }
",
    );
    project.write("a.txt", "somebody else's");
    insta::assert_snapshot!(project.run(["apply", "-y", "--parallel", "1"]), @r#"
    shop  2 to create  N.NN s

      + file.text  first  cannot be made now: a.txt is there already, with another content: path a.txt, content hello
      + file.text  last   path c.txt, content hello

    shop  apply, run 1: 2 steps
      ✗ file.text  first  a.txt is there already, with another content  N.NN s
      ○ file.text  last   not started, waited for first
    ✗ file.text  first  a.txt is there already, with another content
        try: `adopt: true` takes it over and changes it; or move it away

    shop  not finished: 1 failed, 1 not started  N.NN s
          not started: file.text last waits for first
          what was done stays; `windlass apply shop` looks at the rest anew                       exit 1
    --- exit 1
    "#);
}

#[test]
fn destroy_takes_all_of_it_away() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["destroy", "shop"]), @r#"
    shop  1 to destroy  N.NN s

      - file.text  note  destroyed

    --- stderr
    error: nobody can be asked here whether to go on
        try: look at the plan above, then say yes: `windlass destroy shop --yes`
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["destroy", "shop", "--yes"]), @r#"
    shop  1 to destroy  N.NN s

      - file.text  note  destroyed

    shop  destroy, run 2: 1 step
      ✓ file.text  note  destroyed  N.NN s
    shop  destroyed: 1 resource  N.NN s
    --- exit 0
    "#);
    assert!(!project.place("a.txt").exists());
    insta::assert_snapshot!(project.run(["destroy", "shop", "--yes"]), @r#"
    shop  nothing is left of it
    --- exit 0
    "#);
}

#[test]
fn a_stack_whose_file_is_gone_can_be_destroyed() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    std::fs::remove_file(project.place("stacks/shop.yml")).unwrap();
    project.done(["destroy", "shop", "-y"]);
    assert!(!project.place("a.txt").exists());
    insta::assert_snapshot!(project.run(["destroy", "nobody", "-y"]), @r#"
    --- stderr
    error: there is no stack `nobody`
        try: stacks/ has no files in /project
    --- exit 2
    "#);
}

#[test]
fn what_is_protected_is_refused_even_when_its_block_is_gone() {
    let project = TestProject::of(
        "  note: { kind: file.text, path: a.txt, content: hello, protect: true }\n",
    );
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["destroy", "shop", "-y"]), @r#"
    shop  1 to destroy  N.NN s

      - file.text  note  destroyed

      ! note is protected and would be deleted
    It cannot be applied: let its block stand in the file without `protect: true` (put it back if it is
    gone), and apply that first.

    --- stderr
    refused: the plan touches what is protected
        - note is protected and would be deleted
        try: let its block stand in the file without `protect: true` (put it back if it is gone), and
             apply that first
    --- exit 4
    "#);
    project.write(
        "stacks/shop.yml",
        "stack: shop
resources: {}
",
    );
    insta::assert_snapshot!(project.run(["apply", "-y"]), @r#"
    shop  1 to destroy  N.NN s

      - file.text  note  destroyed

      ! note is protected and would be deleted
    It cannot be applied: let its block stand in the file without `protect: true` (put it back if it is
    gone), and apply that first.

    --- stderr
    refused: the plan touches what is protected
        - note is protected and would be deleted
        try: let its block stand in the file without `protect: true` (put it back if it is gone), and
             apply that first
    --- exit 4
    "#);
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  1 to destroy  N.NN s

      - file.text  note  destroyed

      ! note is protected and would be deleted
    It cannot be applied: let its block stand in the file without `protect: true` (put it back if it is
    gone), and apply that first.
    --- exit 4
    "#);
    assert_eq!(project.read("a.txt"), "hello");
}

#[test]
fn many_deletions_are_not_done_unasked() {
    let five: String = (1..=5)
        .map(|at| {
            let needs = if at == 5 { "n4" } else { "" };
            format!(
                "  n{at}: {{ kind: file.text, path: {at}.txt, content: x, needs: [{needs}] }}\n"
            )
        })
        .collect();
    let project = TestProject::of(&five);
    project.done(["apply", "-y"]);
    let two: String = five.lines().take(3).map(|line| format!("{line}\n")).collect();
    project.write(
        "stacks/shop.yml",
        format!(
            "stack: shop
resources:
{two}"
        ),
    );
    insta::assert_snapshot!(project.run(["apply", "-y"]), @r#"
    shop  2 to destroy, 3 unchanged  N.NN s

      - file.text  n5  destroyed
      - file.text  n4  destroyed

    --- stderr
    refused: it would destroy 2 of 5 resources, and more than 30 % is not done unasked
        try: look at the plan; if it is meant, say so: `--allow-deletes 2`
    --- exit 4
    "#);
    insta::assert_snapshot!(project.run(["apply", "-y", "--allow-deletes", "1"]), @r#"
    shop  2 to destroy, 3 unchanged  N.NN s

      - file.text  n5  destroyed
      - file.text  n4  destroyed

    --- stderr
    refused: it would destroy 2 of 5 resources, and at most 1 may go
        try: look at the plan; if it is meant, say so: `--allow-deletes 2`
    --- exit 4
    "#);
    insta::assert_snapshot!(project.run(["apply", "-y", "--allow-deletes", "2"]), @r#"
    shop  2 to destroy, 3 unchanged  N.NN s

      - file.text  n5  destroyed
      - file.text  n4  destroyed

    shop  apply, run 2: 2 steps
      ✓ file.text  n5  destroyed  N.NN s
      ✓ file.text  n4  destroyed  N.NN s
    shop  applied: 2 destroyed  N.NN s
    --- exit 0
    "#);
    project.write(
        "stacks/shop.yml",
        "stack: shop
resources: {}
",
    );
    insta::assert_snapshot!(project.run(["apply", "-y"]), @r#"
    shop  3 to destroy  N.NN s

      - file.text  n1  destroyed
      - file.text  n2  destroyed
      - file.text  n3  destroyed

    --- stderr
    refused: it would destroy 3 of 3 resources, and that is everything
        try: look at the plan; if it is meant, say so: `--allow-deletes 3`
    --- exit 4
    "#);
    project.done(["apply", "-y", "--allow-deletes", "all"]);
    assert!(!project.place("1.txt").exists());
}

#[test]
fn a_pipeline_runs_its_steps_and_keeps_what_they_wrote() {
    let project = TestProject::of(NOTE).file(
        "pipelines/ship.yml",
        "pipeline: ship
on: { manual: { parameters: { who: { default: world } } } }
steps:
  build: { run: [echo building] }
  apply: { needs: [build], apply: stacks/shop.yml }
  greet: { needs: [apply], env: { WHO: \"${who}\" }, run: ['echo \"hello $WHO\"', cat a.txt] }
",
    );
    insta::assert_snapshot!(project.run(["run", "ship", "--param", "who=you", "--parallel", "1"]), @r#"
    ship  run, run 1: 3 steps
        build | building
      ✓ run    build  done  N.NN s
        apply | shop: run 2, 1 step
        apply | note created
      ✓ apply  apply  done  N.NN s
        greet | hello you
        greet | hello
      ✓ run    greet  done  N.NN s
    ship  passed: 3 steps done  N.NN s
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["logs", "last"]), @r#"
    build | building
    apply | shop: run 2, 1 step
    apply | note created
    greet | hello you
    greet | hello
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["logs", "1", "greet"]), @r#"
    hello you
    hello
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["logs", "1", "gret"]), @r#"
    --- stderr
    error: run 1 has no step `gret`
        try: there are `build`, `apply` or `greet`
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["logs", "99"]), @r#"
    --- stderr
    error: there is no run 99
        try: `windlass runs` lists them
    --- exit 2
    "#);
}

#[test]
fn a_pipeline_that_fails_says_which_step_and_shows_its_last_words() {
    let project = TestProject::new().file(
        "pipelines/ship.yml",
        "pipeline: ship
steps:
  test: { run: [echo testing, 'echo \"2 of 3 failed\" >&2; exit 3'] }
  deploy: { needs: [test], run: [echo deploying] }
  tell: { needs: [deploy], when: failure, run: [echo telling] }
",
    );
    insta::assert_snapshot!(project.run(["run", "ship", "--parallel", "1"]), @r#"
    ship  run, run 1: 3 steps
        test | testing
        test | 2 of 3 failed
      ✗ run  test    exit code 3  N.NN s
      ○ run  deploy  not started, waited for test
        tell | telling
      ✓ run  tell    done  N.NN s
    ✗ run  test  exit code 3
        | testing
        | 2 of 3 failed

    ship  failed: 1 step done, 1 failed, 1 not started  N.NN s
          not started: run deploy waits for test
          what was done is not undone; `windlass run ship` starts again                           exit 1
    --- exit 1
    "#);
    insta::assert_snapshot!(project.run(["runs"]), @r#"
      run  when                what      of       ended       took
        1  NN:NN  just now     pipeline  ship     failed  N.NN s
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["runs", "show", "1"]), @r#"
    run 1  pipeline ship  failed  N.NN s
      began NNNN-NN-NN NN:NN:NN, just now

      ✗ test    exit code 3  N.NN s
          | testing
          | 2 of 3 failed
      ○ deploy  not started, waited for test
      ✓ tell    done  N.NN s

      2 steps wrote something:  windlass logs 1
    --- exit 0
    "#);
}

#[test]
fn a_pipeline_and_its_stack_may_have_one_name() {
    let project = TestProject::of(NOTE).file(
        "pipelines/shop.yml",
        "pipeline: shop
steps:
  apply: { apply: stacks/shop.yml }
",
    );
    project.done(["run", "shop"]);
    assert_eq!(project.read("a.txt"), "hello");
}

#[test]
fn what_is_protected_goes_once_its_block_stood_without_it() {
    let note = "  note: { kind: file.text, path: a.txt, content: hello, protect: true }\n";
    let project = TestProject::of(note);
    project.done(["apply", "-y"]);
    project.write("stacks/shop.yml", "stack: shop\nresources: {}\n");
    assert_eq!(project.run(["apply", "-y"]).code, 4);
    let without = format!("stack: shop\nresources:\n{}", note.replace(", protect: true", ""));
    project.write("stacks/shop.yml", without);
    project.done(["apply", "-y"]);
    project.done(["destroy", "shop", "-y"]);
    assert!(!project.place("a.txt").exists());
}

#[test]
fn a_kept_plan_that_was_applied_is_not_shown_again() {
    let project = TestProject::of(NOTE);
    project.done(["plan", "-o", "once.plan"]);
    project.done(["apply", "once.plan"]);
    insta::assert_snapshot!(project.run(["apply", "once.plan"]), @r#"
    --- stderr
    refused: once.plan was applied already, as run 1: a plan is applied once
        try: plan again: windlass plan shop -o once.plan
    --- exit 4
    "#);
}
