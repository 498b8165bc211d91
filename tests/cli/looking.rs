//! Looking takes its time: that is said, and Ctrl-C ends it with everything that was started.

use rustix::process::Signal;

use crate::cli::project::{TestProject, until};

fn slow() -> TestProject {
    let project = TestProject::of(
        "  slow:\n    kind: data.command\n    command: [sh, -c, \"echo $$ > pid; [ ! -e slow ] || sleep 30\"]\n",
    );
    project.done(["apply", "-y"]);
    project.write("slow", "");
    std::fs::remove_file(project.place("pid")).unwrap();
    project
}

#[test]
fn a_plan_that_takes_long_says_so_and_ctrl_c_leaves_nothing_behind() {
    let project = slow();
    let plan = project.start(["plan"]);
    until("the command is at work", || project.place("pid").exists());
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    plan.signal(Signal::INT);
    let answer = plan.end();
    assert!(answer.stdout.starts_with("shop  looks at what is there …"), "{answer}");
    assert_eq!(answer.code, 130, "{answer}");
    assert!(answer.stderr.contains("stopped: nothing was changed"), "{answer}");
    let pid = project.read("pid");
    until("the command has ended", || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        state.map_or(true, |stat| stat.contains(") Z "))
    });
}
