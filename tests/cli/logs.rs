//! What steps and services wrote, and what they write just now.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::cli::project::{TestProject, anybody_works_in, until};

/// Writes a line, waits for a file, and writes another line.
const SLOW: &str = "pipeline: slow
steps:
  quick: { run: [echo at once] }
  wait: { run: [echo begun, 'until [ -e go ]; do sleep 0.02; done', echo done], needs: [quick] }
";

fn slow() -> TestProject {
    TestProject::new().file("pipelines/slow.yml", SLOW)
}

/// Returns what `windlass` prints as soon as that contains a text.
fn until_it_says(project: &TestProject, arguments: &[&str], text: &str) -> String {
    let begun = Instant::now();
    loop {
        let answer = project.run(arguments.iter().copied());
        if answer.stdout.contains(text) {
            return answer.stdout;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{answer}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_step_has_written_so_far_can_be_read() {
    let project = slow();
    let run = project.start(["run", "slow"]);
    let said = until_it_says(&project, &["logs"], "begun");
    assert_eq!(said, "quick | at once\nwait | begun\n");
    assert_eq!(project.done(["logs", "last", "wait"]).stdout, "begun\n");
    let followed = project.start(["logs", "last", "wait", "--follow"]);
    let all = project.start(["logs", "--follow", "--json"]);
    // Both have read what was there when the rest comes.
    sleep(Duration::from_millis(500));
    project.write("go", "");
    assert_eq!(run.end().code, 0);
    insta::assert_snapshot!(followed.end(), @r#"
    begun
    done
    --- exit 0
    "#);
    assert_eq!(all.end().stdout.lines().count(), 3);
    assert_eq!(project.done(["logs", "-f"]).stdout, "quick | at once\nwait | begun\nwait | done\n");
}

#[test]
fn the_log_of_a_run_that_was_killed_ends() {
    let project = slow();
    let run = project.start(["run", "slow"]);
    until_it_says(&project, &["logs"], "begun");
    run.signal(Signal::KILL);
    run.end();
    insta::assert_snapshot!(project.run(["logs", "--follow"]), @r#"
    quick | at once
    wait | begun
    the process of this run is gone: nothing more will come
    --- exit 0
    "#);
    project.write("go", "");
    let folder = project.folder().to_owned();
    until("what it had started is gone", || !anybody_works_in(&folder));
}

#[test]
fn a_service_neither_steers_the_terminal_nor_tells_a_secret() {
    let project = TestProject::of(
        r#"  key: { kind: random.password }
  web:
    kind: process.service
    command: [sh, -c, "printf 'a\\033[2Jb %s\\n' \"$KEY\"; exec sleep 60"]
    environment: { KEY: "${key.value}" }
"#,
    );
    let applied = project.run(["apply", "-y"]);
    let piped = until_it_says(&project, &["logs", "shop/web"], "b ");
    let json = project.run(["logs", "shop/web", "--json"]);
    let painted = project.typed(["logs", "shop/web"], &[]);
    project.run(["destroy", "shop", "-y"]);
    assert_eq!(applied.code, 0, "{applied}");
    assert_eq!(piped, "a\u{1b}[2Jb (secret)\n");
    assert_eq!(
        json.stdout,
        "{\"type\":\"log\",\"resource\":\"shop/web\",\"line\":\"a\\u001b[2Jb (secret)\"}\n"
    );
    assert_eq!(painted.stdout, "ab (secret)\n");
}

#[test]
fn a_service_that_never_started_has_written_all_the_same() {
    let project = TestProject::of(
        r#"  web: { kind: process.service, command: [sh, -c, "echo boom; exit 3"] }
"#,
    );
    let applied = project.run(["apply", "-y"]).stdout;
    assert!(applied.contains("try: windlass logs shop/web"), "{applied}");
    let log = project.done(["logs", "shop/web"]).stdout;
    assert!(log.starts_with("boom\n"), "{log}");
}

#[test]
fn a_run_is_named_by_its_stack_too() {
    let project = TestProject::of("  say: { kind: command.run, create: [echo, hello] }\n");
    project.done(["apply", "-y"]);
    assert_eq!(project.done(["logs", "shop"]).stdout, project.done(["logs", "last"]).stdout);
    insta::assert_snapshot!(project.run(["logs", "say"]), @r#"
    --- stderr
    error: `say` is no run
        try: did you mean `shop/say`?
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["logs", "other"]), @r#"
    --- stderr
    error: `other` is no run
        try: write its number, `last`, or the name of its stack or pipeline (`windlass runs` lists
             runs); of a service STACK/ADDRESS
    --- exit 2
    "#);
}
