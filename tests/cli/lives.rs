//! The whole of a first project: made, checked, planned, applied, run, changed, destroyed.

use crate::cli::project::TestProject;

#[test]
fn a_first_project_can_be_applied_at_once() {
    let project = TestProject::new();
    std::fs::remove_dir(project.place("stacks")).unwrap();
    insta::assert_snapshot!(project.run([]), @r#"
    There is no project here yet.

      windlass init             a commented first one, in this folder
      windlass explain          the kinds of resources there are
      windlass doctor           whether this machine is ready
      windlass --help           every command
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["init"]), @r#"
      + stacks/hello.yml
      + templates/hello.txt.hbs
      + pipelines/hello.yml
      + .gitignore

    Look at it:  windlass plan
    Make it so:  windlass apply
    Run it:      windlass run hello
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run([]), @r#"
    /project
      stacks     hello  not applied yet
      pipelines  hello

      windlass plan             what would change
      windlass apply            make it so
      windlass run hello        run a pipeline
      windlass --help           every command
    --- exit 0
    "#);
    project.done(["check"]);
    project.done(["apply", "-y"]);
    assert_eq!(project.read("out/hello.txt"), "Hello, world!\n");
    project.done(["run", "hello", "--param", "name=Ada"]);
    assert_eq!(project.read("out/hello.txt"), "Hello, Ada!\n");
    insta::assert_snapshot!(project.run([]), @r#"
    /project
      stacks     hello  2 to update, 2 unchanged
      pipelines  hello
      last run   2: pipeline hello, done, just now

      windlass plan             what would change
      windlass apply            make it so
      windlass run hello        run a pipeline
      windlass --help           every command
    --- exit 0
    "#);
    project.done(["destroy", "hello", "-y"]);
    assert!(!project.place("out").exists());
    insta::assert_snapshot!(project.run(["init"]), @r#"
    --- stderr
    error: stacks/hello.yml is there already: nothing was written
        try: `windlass` alone says what can be done here
    --- exit 2
    "#);
}

#[test]
fn a_project_can_be_made_in_a_folder_that_is_not_there() {
    let project = TestProject::new();
    insta::assert_snapshot!(project.run(["init", "first"]), @r#"
      + stacks/hello.yml
      + templates/hello.txt.hbs
      + pipelines/hello.yml
      + .gitignore

    Look at it:  cd first && windlass plan
    Make it so:  cd first && windlass apply
    Run it:      cd first && windlass run hello
    --- exit 0
    "#);
    assert_eq!(project.run(["check", "--project", "first"]).code, 0);
}

#[test]
fn where_there_is_no_project_every_command_says_so() {
    let project = TestProject::new();
    std::fs::remove_dir(project.place("stacks")).unwrap();
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    --- stderr
    error: there is no project in /project, nor above it
        try: `windlass init` makes one here
    --- exit 2
    "#);
    assert!(!project.place(".windlass").exists(), "nothing is made only because somebody looks");
}

#[test]
fn a_project_is_found_from_a_folder_in_it() {
    let project = TestProject::of("  note: { kind: file.text, path: a.txt, content: hello }\n");
    std::fs::create_dir(project.place("deep")).unwrap();
    let answer =
        project.command(["apply", "-y"]).current_dir(project.place("deep")).output().unwrap();
    assert!(answer.status.success());
    assert_eq!(project.read("a.txt"), "hello");
}

#[test]
fn the_doctor_finds_nothing_in_a_sound_project() {
    let project = TestProject::of("  note: { kind: file.text, path: a.txt, content: hello }\n");
    project.done(["apply", "-y"]);
    let answer = project.run(["doctor"]);
    assert_eq!(answer.code, 0, "{answer}");
    assert!(!answer.stdout.contains('✗'), "{answer}");
}
