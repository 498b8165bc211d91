//! A run whose process is gone, a service that does not work: what is said of it, and what to type.

use rustix::process::Signal;

use crate::cli::project::{TestProject, until};

#[test]
fn a_run_that_was_left_is_told_from_one_at_work() {
    let project = TestProject::of(
        "  slow:\n    kind: command.run\n    create: [sh, -c, \"echo $$ > pid; sleep 30\"]\n",
    );
    let apply = project.start(["apply", "-y"]);
    until("the command is at work", || project.place("pid").exists());
    assert!(project.done([]).stdout.contains("  running    1: apply shop, since"));
    assert!(project.run(["doctor"]).stdout.contains("every run has ended or is at work"));
    apply.signal(Signal::KILL);
    apply.end();
    let here = project.done([]).stdout;
    assert!(here.contains("  left       1: apply shop, began"), "{here}");
    assert!(here.contains("its process is gone: windlass apply shop"), "{here}");
    let doctor = project.run(["doctor"]);
    assert_eq!(doctor.code, 1, "{doctor}");
    assert!(doctor.stdout.contains("run 1 of shop was left: its process is gone"), "{doctor}");
    assert!(doctor.stdout.contains("windlass apply shop"), "{doctor}");
    project.done(["destroy", "shop", "-y"]);
}

#[test]
fn a_service_that_does_not_work_is_drift_and_is_started_again() {
    let project = TestProject::of(
        "  web:\n    kind: process.service\n    command: [sh, -c, \"echo on > works; exec sleep 60\"]\n    health: { command: [cat, works], interval: 20ms, retries: 2, start_period: 5s }\n",
    );
    project.done(["apply", "-y"]);
    std::fs::remove_file(project.place("works")).unwrap();
    until("it is drift", || project.done(["drift"]).stdout.contains("running → unhealthy"));
    let doctor = project.run(["doctor"]);
    assert_eq!(doctor.code, 1, "{doctor}");
    assert!(doctor.stdout.contains("shop/web is unhealthy"), "{doctor}");
    project.done(["apply", "-y"]);
    assert!(project.place("works").exists(), "it was started again");
    assert!(!project.done(["drift"]).stdout.contains("unhealthy"));
    project.done(["destroy", "shop", "-y"]);
}
