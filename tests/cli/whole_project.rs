//! What concerns a project as a whole: stacks that read each other, files that are gone or not read, names.

use crate::cli::project::TestProject;

const BASE: &str = "stack: base
resources:
  note: { kind: file.text, path: a.txt, content: hello }
outputs:
  text: ${note.content}
";

const APP: &str = "stack: app
parameters:
  who: { default: world }
resources:
  copy: { kind: file.text, path: b.txt, content: \"${stack.base.text} ${who}\" }
";

fn two() -> TestProject {
    TestProject::new().stack("base", BASE).stack("app", APP)
}

#[test]
fn a_plan_of_all_shows_what_one_change_makes_of_the_next_stack() {
    let project = two();
    project.done(["apply", "--yes"]);
    project.write("stacks/base.yml", BASE.replace("hello", "welcome"));
    insta::assert_snapshot!(project.run(["plan", "--param", "who=you all"]), @r#"
    base  1 to update  N.NN s

      ~ file.text  note
          content        hello → welcome   stacks/base.yml:3

      outputs
          text  hello → welcome

    Apply it:  windlass apply base      Keep it:  windlass plan base -o base.plan
    app  as it will be after base:
    app  1 to update  N.NN s

      ~ file.text  copy
          content        hello world → welcome you all   stacks/app.yml:5

    Apply it:  windlass apply base app --param 'who=you all'
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run([] as [&str; 0]), @r#"
    /project
      stacks     base  1 to update
                 app   1 to update
      last run   2: apply app, done, just now

      windlass plan             what would change
      windlass apply            make it so
      windlass --help           every command
    --- exit 0
    "#);
}

#[test]
fn a_stack_whose_file_is_gone_is_told_of_everywhere() {
    let project = two();
    project.done(["apply", "--yes"]);
    std::fs::rename(project.place("stacks/base.yml"), project.place("gone.yml")).unwrap();
    for command in [&["plan"][..], &["drift"], &["apply"], &["check"], &["doctor"], &[]] {
        let answer = project.done(command.iter().copied()).to_string();
        assert!(answer.contains("1 resource and no file"), "{command:?}: {answer}");
        assert!(answer.contains("windlass destroy base"), "{command:?}: {answer}");
    }
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    app  unchanged, 1 resource  N.NN s
    --- stderr
    warning: the stack `base` has 1 resource and no file
        try: put its file back, or take away what is there: windlass destroy base
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["apply", "base"]), @r#"
    --- stderr
    error: the stack `base` has 1 resource and no file
        try: put its file back, or take away what is there: windlass destroy base
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["destroy", "base", "--yes"]), @r#"
    base  1 to destroy  N.NN s

      - file.text  note  destroyed

      outputs
        - text  hello

    base  destroy, run 3: 1 step
      ✓ file.text  note  destroyed  N.NN s
    base  destroyed: 1 resource  N.NN s
    --- stderr
    warning: the outputs of `base` are read by `app`, which cannot be planned without them
        try: take them away first, or apply `base` again afterwards
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error[W021]: the stack `base` has not been applied, so it has no outputs
      ╭▸ stacks/app.yml:5:51
      │
    5 │   copy: { kind: file.text, path: b.txt, content: "${stack.base.text} ${who}" }
      │                                                   ━━━━━━━━━━━━━━━━━━
      │
      ╰ note: apply it first: windlass apply base

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn a_stack_that_a_pipeline_names_is_not_left() {
    let project = two().file(
        "pipelines/trial.yml",
        "pipeline: trial
steps:
  base: { apply: stacks/base.yml, as: trial }
",
    );
    project.done(["run", "trial"]);
    // It is refused, as both would write the same file.
    let answer = project.run(["plan"]).to_string();
    assert!(!answer.contains("no file"), "{answer}");
}

#[test]
fn what_lies_beside_and_is_not_read_is_told() {
    let project = two().file("stacks/more/deep.yml", BASE).file("pipelines/RUN.YML", "");
    insta::assert_snapshot!(project.run(["check"]), @r#"
    2 files checked, nothing is wrong
    --- stderr
    warning: stacks/more/deep.yml is not read
        try: move it into stacks/ itself: folders within are not looked into
    warning: pipelines/RUN.YML is not read
        try: let its name end in `.yml`
    --- exit 0
    "#);
}

#[test]
fn a_file_that_cannot_be_read_leaves_the_others() {
    let project = two();
    std::os::unix::fs::symlink("nowhere", project.place("stacks/link.yml")).unwrap();
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W014]: stacks/link.yml cannot be read
      ╭▸ stacks/link.yml:1:1
      │
    1 │
      │ ━ No such file or directory (os error 2)
      │
      ╰ help: mend it or take it away: the other files were looked at

    3 files checked, 1 error.                                                                     exit 2
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    base  1 to create  N.NN s

      + file.text  note  path a.txt, content hello

      outputs
        + text  hello

    Apply it:  windlass apply base      Keep it:  windlass plan base -o base.plan
    app  as it will be after base:
    app  1 to create  N.NN s

      + file.text  copy  path b.txt, content hello world

    Apply it:  windlass apply base app
    --- stderr
    error: cannot read stacks/link.yml: No such file or directory (os error 2)
        try: name a stack or pipeline by its file, or by its name: `windlass` lists them
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["apply", "--yes"]), @r#"
    --- stderr
    error: cannot read stacks/link.yml: No such file or directory (os error 2)
        try: name a stack or pipeline by its file, or by its name: `windlass` lists them
    --- exit 2
    "#);
    assert!(!project.place("a.txt").exists());
}

#[test]
fn a_name_that_means_two_files_is_refused() {
    let project = TestProject::new().stack("base", APP).stack("other", BASE);
    insta::assert_snapshot!(project.run(["plan", "base"]), @r#"
    --- stderr
    error: `base` may be the file stacks/base.yml or the stack of that name in stacks/other.yml
        try: name one of them by its file
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["plan", "stacks/other.yml"]), @r#"
    base  1 to create  N.NN s

      + file.text  note  path a.txt, content hello

      outputs
        + text  hello

    Apply it:  windlass apply stacks/other.yml
    Keep it:   windlass plan stacks/other.yml -o base.plan
    --- exit 0
    "#);
}

#[test]
fn what_an_editor_keeps_beside_is_no_file_of_the_project() {
    let project = two().file("stacks/.old/base.yml", BASE);
    std::os::unix::fs::symlink("somebody@here.1", project.place("stacks/.#base.yml")).unwrap();
    assert_eq!(
        project.done(["check"]).to_string(),
        "2 files checked, nothing is wrong\n--- exit 0"
    );
    project.done(["apply", "--yes"]);
}

#[test]
fn a_command_that_is_told_is_about_the_same_project() {
    let project = TestProject::new().file("my shop/stacks/base.yml", BASE);
    let planned = project.done(["plan", "--project", "my shop"]).stdout;
    let told = "Apply it:  windlass apply base --project 'my shop'";
    assert!(planned.contains(told), "{planned}");
}

#[test]
fn several_stacks_are_destroyed_before_those_that_they_read() {
    let project = two().stack("alone", "stack: alone\nresources: {}\n");
    project.done(["apply", "--yes"]);
    insta::assert_snapshot!(project.run(["destroy", "base", "nothing", "--yes"]), @"
    --- stderr
    error: nothing is remembered of a stack `nothing`
        try: there are `app` or `base`
    --- exit 2
    ");
    insta::assert_snapshot!(project.run(["destroy", "base", "app", "--yes", "--target", "note"]), @"
    --- stderr
    error: `--target` and `--exclude` are for one stack, and several are meant
        try: name one
    --- exit 2
    ");
    let plan = project.done(["plan", "--destroy", "base", "app"]).stdout;
    assert!(plan.find("app  1 to destroy") < plan.find("base  1 to destroy"), "{plan}");
    assert!(project.place("a.txt").exists() && project.place("b.txt").exists());
    insta::assert_snapshot!(project.run(["destroy", "alone", "base", "app", "--yes"]), @"
    alone  nothing is left of it
    app  1 to destroy  N.NN s

      - file.text  copy  destroyed

    app  destroy, run 3: 1 step
      ✓ file.text  copy  destroyed  N.NN s
    app  destroyed: 1 resource  N.NN s
    base  1 to destroy  N.NN s

      - file.text  note  destroyed

      outputs
        - text  hello

    base  destroy, run 4: 1 step
      ✓ file.text  note  destroyed  N.NN s
    base  destroyed: 1 resource  N.NN s
    --- exit 0
    ");
}
