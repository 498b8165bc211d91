//! A run whose process is gone: what is said of it, and what to type.

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
