//! The whole of a first project: made, checked, planned, applied, run, changed, destroyed.

use crate::cli::project::{TestProject, until};

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

/// The processes of a project's front, by how they were started.
fn fronts(project: &TestProject) -> Vec<(i32, String)> {
    let folder = std::fs::canonicalize(project.folder()).unwrap();
    let folder = folder.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let started = processes.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let words = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        Some((pid, words.replace('\0', " ")))
    });
    started.filter(|(_, words)| words.contains(" front ") && words.contains(folder)).collect()
}

fn end(pid: i32) {
    let process = rustix::process::Pid::from_raw(pid).unwrap();
    // It may have ended by itself.
    _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
}

struct Fronts<'p>(&'p TestProject);

impl Drop for Fronts<'_> {
    fn drop(&mut self) {
        // Who keeps it goes first: it would start it again.
        let mut all = fronts(self.0);
        all.sort_by_key(|(_, words)| !words.contains("--keep"));
        all.into_iter().for_each(|(pid, _)| end(pid));
    }
}

#[test]
fn the_doctor_looks_at_the_front_of_a_project_that_routes() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let route = format!("  plain: {{ kind: front.route, listen: {address}, redirect: https }}\n");
    let project = TestProject::of(&route);
    let _fronts = Fronts(&project);
    let front = || {
        let said = project.run(["doctor"]);
        let lines = said.stdout.lines().skip_while(|line| !line.contains(" front "));
        let lines: Vec<&str> = lines.take(2).map(str::trim).collect();
        (said.code, lines.join("\n"))
    };
    assert_eq!(front(), (0, String::new()), "nothing is routed yet");
    project.done(["apply", "-y"]);
    let (code, line) = front();
    assert!(code == 0 && line.starts_with("✓ front"), "{line}");
    assert!(line.contains("1 route, served and kept"), "{line}");
    let (keepers, serving): (Vec<_>, Vec<_>) =
        fronts(&project).into_iter().partition(|(_, words)| words.contains("--keep"));
    keepers.iter().for_each(|(pid, _)| end(*pid));
    until("nobody keeps it", || {
        fronts(&project).iter().all(|(_, words)| !words.contains("--keep"))
    });
    let (code, line) = front();
    let unkept = "the front serves, and nobody would start it again if it ended\nmend it:  windlass apply shop";
    assert!(code == 1 && line.starts_with("✗ front") && line.ends_with(unkept), "{line}");
    serving.iter().for_each(|(pid, _)| end(*pid));
    until("nobody serves", || fronts(&project).is_empty());
    let (code, line) = front();
    let stopped = "nobody serves shop/plain: the front has ended\nmend it:  windlass apply shop";
    assert!(code == 1 && line.ends_with(stopped), "{line}");
    project.done(["apply", "shop", "-y"]);
    assert_eq!(front().0, 0, "what it says mends it");
    project.done(["destroy", "shop", "-y"]);
    assert_eq!(front(), (0, String::new()), "nothing is routed any more");
}
