//! Steps of pipelines: what they write, how long they may take, and what becomes of them when the
//! engine is killed.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::cli::project::{TestProject, until};

fn pipeline(steps: &str) -> TestProject {
    TestProject::new().file("pipelines/p.yml", &format!("pipeline: p\nsteps:\n{steps}"))
}

#[test]
fn every_line_of_a_thousand_short_steps_is_kept() {
    let steps: String =
        (0..1_000).map(|n| format!("  s{n}: {{ run: [\"echo line {n}\"] }}\n")).collect();
    let project = pipeline(&steps);
    let shown = project.done(["run", "p", "--parallel", "4"]).stdout;
    let kept = project.done(["logs", "last"]).stdout;
    for n in 0..1_000 {
        let line = format!(" | line {n}\n");
        assert!(shown.contains(&line), "line {n} was not shown");
        assert!(kept.contains(&line), "line {n} was not kept");
    }
}

#[test]
fn what_goes_on_writing_in_the_background_is_not_waited_for() {
    let project = pipeline("  s: { run: ['yes & exit 0'] }\n");
    let begun = Instant::now();
    project.done(["run", "p"]);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn a_step_that_takes_too_long_is_told_first_and_tried_again() {
    let step = "  s:
    run: [\"trap 'echo told; exit 1' TERM; echo begun; sleep 60 & wait\"]
    timeout: 300ms
    retry: 1
";
    let project = pipeline(step);
    assert_eq!(project.run(["run", "p"]).code, 1);
    insta::assert_snapshot!(project.run(["logs", "last"]), @r#"
    s | begun
    s | told
    s | — no end within N.NN s; attempt 2 follows
    s | begun
    s | told
    --- exit 0
    "#);
}

#[test]
fn a_stack_that_takes_too_long_fails_its_step_and_is_settled_by_the_next_run() {
    let project = TestProject::of(
        "  slow:\n    kind: command.run\n    create: [sh, -c, \"[ -e go ] || sleep 60\"]\n",
    )
    .file(
        "pipelines/p.yml",
        "pipeline: p\nsteps:\n  s: { apply: stacks/shop.yml, timeout: 300ms }\n",
    );
    insta::assert_snapshot!(project.run(["run", "p"]), @r#"
    p  run, run 1: 1 step
        s | shop: run 2, 1 step
      ✗ apply  s  no end within N.NN s  N.NN s
    ✗ apply  s  no end within N.NN s
        try: raise its `timeout`, or see its log

    p  failed: 1 failed  N.NN s
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    "#);
    project.write("go", "");
    project.done(["run", "p"]);
    assert!(project.done(["plan"]).stdout.contains("unchanged"));
}

#[test]
fn a_stack_whose_own_steps_change_what_the_plan_saw_is_planned_once_more() {
    let stack = |create: &str, content: &str| {
        format!(
            "stack: shop\nresources:\n  one: {{ kind: command.run, create: {create} }}\n  \
             two: {{ kind: file.text, path: two.txt, content: {content}, needs: [one] }}\n"
        )
    };
    let project = pipeline("  all: { apply: stacks/shop.yml }\n");
    project.write("stacks/shop.yml", stack("echo first", "hello"));
    project.done(["run", "p"]);
    project.write("stacks/shop.yml", stack("echo other >two.txt", "bye"));
    project.done(["run", "p"]);
    assert_eq!(project.read("two.txt"), "bye");
    let log = project.done(["logs", "last", "all"]).stdout;
    let said = "two the plan is stale: it is not what it was when the plan was made; so it is planned once more";
    assert_eq!(log.matches(said).count(), 1, "{log}");
}

#[test]
fn steps_run_by_how_those_before_them_ended() {
    let steps = "  test: { run: [exit 1] }
  deploy: { needs: [test], run: [echo deploying] }
  undo: { needs: [deploy], when: failure, run: [echo undoing] }
  clear: { needs: [undo], when: always, run: [echo clearing] }
";
    let project = pipeline(steps);
    insta::assert_snapshot!(project.run(["run", "p", "--parallel", "1"]), @r#"
    p  run, run 1: 4 steps
      ✗ run  test    exit code 1  N.NN s
      ○ run  deploy  not started, waited for test
        undo | undoing
      ✓ run  undo    done  N.NN s
        clear | clearing
      ✓ run  clear   done  N.NN s
    ✗ run  test  exit code 1

    p  failed: 2 steps done, 1 failed, 1 not started  N.NN s
       not started: run deploy waits for test
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    "#);
    let steps = steps.replace("exit 1", "exit 0");
    project.write("pipelines/p.yml", format!("pipeline: p\nsteps:\n{steps}"));
    insta::assert_snapshot!(project.run(["run", "p", "--parallel", "1"]), @r#"
    p  run, run 2: 4 steps
      ✓ run  test    done  N.NN s
        deploy | deploying
      ✓ run  deploy  done  N.NN s
      ○ run  undo    not needed
        clear | clearing
      ✓ run  clear   done  N.NN s
    p  passed: 3 steps done  N.NN s
    --- exit 0
    "#);
}

/// Of many steps that were about to begin, one was at work when the engine was killed. The next run
/// does those that had not begun, and does not do twice what had ended.
#[test]
fn a_killed_run_goes_on_with_what_had_not_begun() {
    let mut steps = String::from("  first: { run: [echo first >> ran] }\n");
    steps += "  slow: { run: [\"echo slow >> ran; sleep 60\"] }\n";
    for n in 0..20 {
        steps += &format!("  s{n}: {{ run: [\"echo s{n} >> ran\"] }}\n");
    }
    let project = pipeline(&steps);
    let run = project.start(["run", "p", "--parallel", "1"]);
    let ran = project.place("ran");
    until("the slow step begins", || {
        std::fs::read_to_string(&ran).is_ok_and(|ran| ran.contains("slow"))
    });
    run.signal(Signal::KILL);
    run.end();
    let answer = project.run(["run", "p", "--resume"]);
    assert_eq!(answer.code, 1, "{answer}");
    assert!(answer.stdout.contains("nobody knows how far it came"), "{answer}");
    let ran = project.read("ran");
    let mut lines: Vec<&str> = ran.lines().collect();
    assert_eq!(lines.len(), 22, "{ran}");
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 22, "each step ran once: {ran}");
}

/// Who starts anew instead of going on is told so, and what was left running does not run beside it.
#[test]
fn a_killed_run_is_given_up_by_a_new_one() {
    let project =
        pipeline("  slow: { run: [\"test -e ran || { echo $$ > ran; exec sleep 60; }\"] }\n");
    let run = project.start(["run", "p"]);
    let ran = project.place("ran");
    until("the step begins", || std::fs::read_to_string(&ran).is_ok_and(|ran| ran.ends_with('\n')));
    run.signal(Signal::KILL);
    run.end();
    let left = std::path::PathBuf::from(format!("/proc/{}/exe", project.read("ran").trim()));
    assert!(left.exists(), "the step outlives its engine");
    insta::assert_snapshot!(project.run(["run", "p"]), @r#"
    run 1 of NN:NN had not ended and is given up; its step slow still ran and was ended
    p  run, run 2: 1 step
      ✓ run  slow  done  N.NN s
    p  passed: 1 step done  N.NN s
    --- exit 0
    "#);
    assert!(!left.exists(), "the step was ended");
}

/// A line that never ends is shown in pieces, and a secret across the place of a cut is covered.
#[test]
fn a_secret_in_an_endless_line_is_covered() {
    let project = TestProject::new()
        .variable("WINDLASS_SECRET_TOKEN", "canary-canary-canary")
        .file(
            "pipelines/p.yml",
            "pipeline: p
steps:
  s:
    env: { TOKEN: \"${secret.token}\" }
    run: ['for n in $(seq 9); do head -c 65523 /dev/zero | tr \"\\0\" x; printf %s \"$TOKEN\"; done; echo']
",
        );
    project.done(["run", "p"]);
    let kept = project.done(["logs", "last"]).stdout;
    assert_eq!(kept.matches("(secret)").count(), 9, "{} bytes", kept.len());
    assert!(!kept.contains("canary"));
    assert_eq!(kept.matches('x').count(), 9 * 65_523);
}

#[test]
fn nothing_is_run_of_a_pipeline_whose_file_is_wrong() {
    let project = TestProject::new().file(
        "pipelines/p.yml",
        "pipeline: p
steps:
  first: { run: [touch begun] }
  clear: { needs: [first], destroy: nobody }
  deploy: { needs: [first], apply: stacks/nowhere.yml }
",
    );
    let checked = project.run(["check"]);
    insta::assert_snapshot!(checked, @r#"
    --- stderr
    error[W021]: no stack is called `nobody`, and none is remembered
      ╭▸ pipelines/p.yml:4:37
      │
    4 │   clear: { needs: [first], destroy: nobody }
      │                                     ━━━━━━
      │
      ╰ help: write the name of a stack, its file, or what a step gives it by `as`

    error[W021]: there is no stack file `stacks/nowhere.yml`
      ╭▸ pipelines/p.yml:5:36
      │
    5 │   deploy: { needs: [first], apply: stacks/nowhere.yml }
      │                                    ━━━━━━━━━━━━━━━━━━
      │
      ╰ help: the path is relative to the project's folder

    1 file checked, 2 errors.                                                                     exit 2
    --- exit 2
    "#);
    assert_eq!(project.run(["run", "p"]).stderr, checked.stderr);
    assert!(!project.place("begun").exists());
}

/// What succeeded is taken as it was; what is done anew is told the number of the first run.
#[test]
fn a_part_of_a_run_is_done_again() {
    let step = |name: &str, run: &str, needs: &str| {
        format!(
            "  {name}: {{ needs: [{needs}], run: [\"echo {name} ${{run.id}} >> ran{run}\"] }}\n"
        )
    };
    let mut steps = step("build", "", "") + &step("lint", "", "");
    steps += &step("test", "; test -e good", "build");
    steps += &step("deploy", "", "test");
    let project = pipeline(&steps);
    let refused = [["--failed"].as_slice(), &["--from", "build"]];
    let answers = refused.map(|flags| project.run([&["run", "p"], flags].concat()).to_string());
    insta::assert_snapshot!(answers.join("\n"), @r#"
    --- stderr
    error: `p` has not run yet, so nothing can be done again
        try: windlass run p
    --- exit 2
    --- stderr
    error: `p` has not run yet, so nothing can be done again
        try: windlass run p
    --- exit 2
    "#);
    assert_eq!(project.run(["run", "p", "--parallel", "1"]).code, 1);
    assert_eq!(project.run(["run", "p", "--failed"]).code, 1);
    project.write("good", "");
    insta::assert_snapshot!(project.run(["run", "p", "--failed"]), @r#"
    p  run, run 3: 4 steps
      ✓ run  test    done  N.NN s
      ✓ run  deploy  done  N.NN s
    p  passed: 2 done in the run before, 2 steps done  N.NN s
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["run", "p", "--from", "test"]), @r#"
    p  run, run 4: 4 steps
      ✓ run  test    done  N.NN s
      ✓ run  deploy  done  N.NN s
    p  passed: 2 done in the run before, 2 steps done  N.NN s
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["runs", "show", "4"]), @r#"
    run 4  pipeline p  done  N.NN s
      began NNNN-NN-NN NN:NN:NN, just now, a part of run 1 again

      ✓ build   done in the run before
      ✓ lint    done in the run before
      ✓ test    done  N.NN s
      ✓ deploy  done  N.NN s
    --- exit 0
    "#);
    let ran = project.read("ran");
    let times = |line: &str| ran.lines().filter(|ran| *ran == line).count();
    let steps = ["build 1", "lint 1", "test 1", "deploy 1"];
    assert_eq!(steps.map(times), [1, 1, 4, 2], "{ran}");
    assert_eq!(ran.lines().count(), 8, "{ran}");
    let refused = [["--failed"].as_slice(), &["--from", "tset"], &["--from", "build", "--resume"]];
    let answers = refused.map(|flags| project.run([&["run", "p"], flags].concat()).to_string());
    insta::assert_snapshot!(answers.join("\n"), @r#"
    --- stderr
    error: everything of run 4 succeeded: nothing is to be done again
        try: `windlass run p --from STEP` does a part of it again
    --- exit 2
    --- stderr
    error: `p` has no step `tset`
        try: did you mean `test`?
    --- exit 2
    --- stderr
    error: the argument '--from <STEP>' cannot be used with '--resume'

    Usage: windlass run --from <STEP> <PIPELINE>

    For more information, try '--help'.
    --- exit 2
    "#);
}

/// Without `--of` it is the last run of which a part is done again.
#[test]
fn the_run_of_which_a_part_is_done_again_can_be_named() {
    let steps = "  build: { run: [echo build >> ran, test -e good] }\n  \
                 test: { needs: [build], run: [echo test >> ran; test -e good] }\n";
    let project = pipeline(steps);
    let given = |cause: &str, commit: &str, more: &[&str]| {
        let (cause, commit) = (format!("--cause={cause}"), format!("--commit={commit}"));
        project.run([&["run", "p", &cause, &commit], more].concat())
    };
    let (old, new) = ("a".repeat(40), "b".repeat(40));
    project.write("good", "");
    assert_eq!(given("1", &new, &[]).code, 0);
    std::fs::remove_file(project.place("good")).unwrap();
    assert_eq!(given("2", &old, &[]).code, 1);
    let answers = [
        given("3", &new, &["--failed"]),
        given("3", &old, &["--from", "test", "--of", "1"]),
        given("3", &new, &["--failed", "--of", "7"]),
        project.run(["run", "p", "--of", "2"]),
    ];
    insta::assert_snapshot!(answers.map(|answer| answer.to_string()).join("\n"), @r#"
    --- stderr
    refused: run 2 was of commit aaaaaaa, and this one is of bbbbbbb: what was done there is not done
             here
        try: run all of it: `windlass run p`; or name a run of bbbbbbb: `--of RUN`
    --- exit 4
    --- stderr
    refused: run 1 was of commit bbbbbbb, and this one is of aaaaaaa: what was done there is not done
             here
        try: run all of it: `windlass run p`; or name a run of aaaaaaa: `--of RUN`
    --- exit 4
    --- stderr
    error: `p` has no run 7, so nothing of it can be done again
        try: `windlass runs p` lists its runs
    --- exit 2
    --- stderr
    error: `--of 2` does not say what of run 2 is done again
        try: add `--failed`, or `--from STEP`
    --- exit 2
    "#);
    project.write("good", "");
    // The last run did not build at all.
    assert_eq!(given("3", &new, &["--from", "test", "--of", "1"]).code, 0);
    assert_eq!(
        project.read("ran").split_whitespace().collect::<Vec<_>>(),
        ["build", "test", "build", "test"]
    );
    assert_eq!(given("4", &old, &["--failed", "--of", "2"]).code, 0);
}

/// What was built for one region is not taken for another one's; a secret may be another each time.
#[test]
fn a_part_is_done_again_with_the_same_parameters_alone() {
    let file = "pipeline: p\non:\n  manual:\n    parameters:\n      region: { default: north }\n      token: { type: secret }\nsteps:\n  \
                build: { run: [\"echo $R > built\"], env: { R: \"${region}\" } }\n  \
                test: { needs: [build], run: [\"test -e good\"], env: { T: \"${token}\" } }\n";
    let project = TestProject::new().file("pipelines/p.yml", file);
    let south = ["run", "p", "--param", "region=south", "--param", "token=first-of-them"];
    assert_eq!(project.run(south).code, 1);
    let other = ["run", "p", "--failed", "--param", "token=first-of-them"];
    insta::assert_snapshot!(project.run(other), @"
    --- stderr
    refused: run 1 was given another `region`: what was done with that is not done with this
        try: give it the same (`--param NAME=VALUE`), or run all of it: `windlass run p`
    --- exit 4
    ");
    project.write("good", "");
    let again = ["run", "p", "--failed", "--param", "region=south", "--param", "token=another-one"];
    assert_eq!(project.run(again).code, 0);
    assert_eq!(project.read("built"), "south\n");
}

/// What other programs make of a secret, written byte by byte: nothing of it is kept or shown.
#[test]
fn a_secret_is_covered_in_every_form_that_other_programs_write() {
    let script = r#"
import base64, html, json, os, shlex, subprocess, sys, urllib.parse as u
s = os.environ["TOKEN"]
b = s.encode()
forms = [s, json.dumps(s), json.dumps(s, ensure_ascii=False), u.quote(s), u.quote(s, safe=""), u.quote_plus(s),
  html.escape(s), shlex.quote(s), repr(s), b.hex(), b.hex().upper(), json.dumps({"a": json.dumps({"b": s})}),
  *[base64.b64encode(b"x" * n + b + b"yz").decode() for n in range(3)], base64.urlsafe_b64encode(b).decode(),
  subprocess.run(["bash", "-c", 'printf %q "$TOKEN"'], capture_output=True, text=True).stdout,
  base64.encodebytes(b).decode()]
for at, form in enumerate(forms):
    for byte in f"form {at}: {form} end\n".encode():
        os.write(1, bytes([byte]))
print(len(forms), "forms")
"#;
    let secret = "p@ss w0rd/+&<>'\"$`;?=#% tail";
    let project = TestProject::new()
        .variable("WINDLASS_SECRET_TOKEN", secret)
        .file("forms.py", script)
        .file(
            "pipelines/p.yml",
            "pipeline: p\nsteps:\n  s: { env: { TOKEN: \"${secret.token}\" }, run: [python3 forms.py] }\n",
        );
    let shown = project.done(["run", "p"]).stdout;
    let kept = project.done(["logs", "last", "s"]).stdout;
    assert!(kept.contains("18 forms"), "{kept}");
    for text in [&shown, &kept] {
        let forms = text.lines().filter(|line| line.contains("form ")).take(17);
        let seen: Vec<&str> = forms.filter(|line| !line.contains("(secret)")).collect();
        assert_eq!(seen, [""; 0], "{text}");
        assert!(!text.contains("w0rd") && !text.contains("tail end"), "{text}");
    }
}

#[test]
fn a_step_whose_program_is_not_there_says_which_and_what_to_do() {
    let steps = "pipeline: p
steps:
  program: { run: [no-such-runner --all] }
  script: { run: [./test.sh], needs: [program], when: always }
";
    let project = TestProject::new().file("pipelines/p.yml", steps);
    project.write("test.sh", "#!/no/such/interpreter\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(project.place("test.sh"), mode).unwrap();
    insta::assert_snapshot!(project.run(["run", "p", "--parallel", "1"]), @"
    p  run, run 1: 2 steps
        program | /bin/sh: 1: no-such-runner: not found
      ✗ run  program  exit code 127  N.NN s
        script | /bin/sh: 1: ./test.sh: not found
      ✗ run  script   exit code 127  N.NN s
    ✗ run  program  exit code 127
        | /bin/sh: 1: no-such-runner: not found
        try: the shell has not found a program, or what runs a script (its `#!` line): install it where
             this runs, or say where it is
    ✗ run  script  exit code 127
        | /bin/sh: 1: ./test.sh: not found
        try: the shell has not found a program, or what runs a script (its `#!` line): install it where
             this runs, or say where it is

    p  failed: 2 failed  N.NN s
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    ");
}
