//! `windlass backup` and `windlass restore`, with the real restic: what people read, and its errors.

use std::io::Write;

use super::project::TestProject;

const STACK: &str = "\
stack: shop
resources:
  local:
    kind: backup.repository
    folder: backups
    password: ${secret.backup_key}
  files:
    kind: backup.job
    repository: ${local.location}
    paths: [data]
    keep: { last: 1 }
    drill: { checks: ['echo \"$(wc -l <data/notes) notes\"'] }
  dump:
    kind: backup.job
    repository: ${local.location}
    dump: cat data/notes; test ! -e broken
    file: notes
";

/// A project whose jobs are applied; None where restic is missing, which is said.
fn project() -> Option<TestProject> {
    if std::process::Command::new("restic").arg("version").output().is_err() {
        let says = b"\nNOT RUN: restic is missing: apt-get install restic\n";
        std::io::stderr().write_all(says).unwrap();
        return None;
    }
    let project = TestProject::new().stack("shop", STACK).file("data/notes", "one\ntwo\n");
    project.with_input(["secret", "set", "backup_key"], "a-key-for-this-test");
    project.done(["apply", "shop", "--yes"]);
    Some(project)
}

/// Ids and minutes differ from one run to the next.
fn covered(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_inclusive([' ', '\n', ':']) {
        let bare = word.trim_end_matches([' ', '\n', ':']);
        let is_id = bare.len() == 8 && bare.chars().all(|c| c.is_ascii_hexdigit());
        words.push(if is_id { word.replace(bare, "ID") } else { word.to_owned() });
    }
    words.concat()
}

#[test]
fn a_backup_is_taken_proven_listed_pruned_and_restored() {
    let Some(project) = project() else { return };
    for words in [
        &["backup", "shop/files"][..],
        &["backup", "drill", "files"],
        &["backup", "shop/files"],
        &["backup", "prune", "shop/files"],
        &["backup", "verify"],
        &["restore", "shop/files", "--to", "again"],
    ] {
        project.done(words.iter().copied());
    }
    assert_eq!(project.read("again/data/notes"), "one\ntwo\n");
    let listed = project.done(["backup", "list", "files", "--json"]).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let rows = listed["snapshots"].as_array().unwrap();
    let kept: Vec<_> = rows.iter().map(|row| row["kept_as"][0].as_str().unwrap()).collect();
    assert_eq!(kept, ["last", "last proven"]);
    assert_eq!(rows[1]["proof"]["said"], "2 notes");
    project.done(["plan", "shop", "--detailed-exitcode"]);
    let runs = project.done(["runs", "shop/files"]).stdout;
    assert_eq!(runs.matches("action").count(), 6, "{runs}");
}

#[test]
fn a_pipeline_backs_up_and_proves() {
    let Some(project) = project() else { return };
    project.write(
        "pipelines/backup.yml",
        "\
pipeline: backup
steps:
  take: { backup: shop/dump }
  read: { verify: shop/dump, all: true, needs: [take] }
  prove: { drill: shop/dump, needs: [read] }
  old: { prune: shop/dump, dry_run: true, needs: [prove] }
  back: { restore: { job: shop/dump, to: again }, needs: [old] }
",
    );
    project.done(["check"]);
    project.done(["run", "backup"]);
    assert_eq!(project.read("again/notes"), "one\ntwo\n");
    project.write("broken", "");
    let answer = project.run(["run", "backup"]);
    assert_eq!(answer.code, 1, "{answer}");
    assert!(answer.stdout.contains("there is no snapshot"), "{answer}");
}

#[test]
fn a_step_that_never_can_succeed_is_not_tried_again() {
    let Some(project) = project() else { return };
    project.done(["backup", "shop/files"]);
    let logged = |does: &str| {
        let pipeline = format!("pipeline: again\nsteps: {{ s: {{ {does}, retry: 2 }} }}\n");
        project.write("pipelines/again.yml", pipeline);
        let answer = project.run(["run", "again"]);
        assert_eq!(answer.code, 1, "{answer}");
        project.run(["logs", "last"]).stdout
    };
    for to in ["data", "data/notes"] {
        let log = logged(&format!("restore: {{ job: shop/files, to: {to} }}"));
        assert_eq!(log.matches(" is production: ").count(), 1, "{log}");
        assert!(log.contains("— no attempt follows: it would end the same"), "{log}");
    }
    project.write("broken", "");
    let log = logged("backup: shop/dump");
    assert_eq!(log.matches("the dump ended with exit code 1").count(), 5, "{log}");
    assert!(log.contains("; attempt 3 follows"), "{log}");
}

#[test]
fn what_cannot_be_done_says_why() {
    let Some(project) = project() else { return };
    project.done(["backup", "shop/files"]);
    project.write("full/x", "");
    project.write("broken", "");
    let said = |words: &[&str]| {
        let answer = project.run(words.iter().copied());
        covered(&format!("{}{}exit {}\n", answer.stdout, answer.stderr, answer.code))
    };
    insta::assert_snapshot!(said(&["backup", "shop/file"]), @"
    error: no backup job is called `shop/file`
        try: did you mean `shop/files`?
    exit 2
    ");
    insta::assert_snapshot!(said(&["backup", "shop/dump", "--quiet"]), @"
    ✗ backup  dump
        the dump ended with exit code 1 (`cat data/notes; test ! -e broken`); there is no snapshot

    shop/dump  failed  N.NN s
               what it left is settled by the next one; `windlass backup shop/dump` tries again   exit 1
    exit 1
    ");
    insta::assert_snapshot!(said(&["restore", "shop/files", "--to", "full", "--quiet"]), @"
    ✗ restore  files  /project/full is occupied: it holds `x`
        try: name a folder that is empty or not there; nothing is written over

    shop/files  refused  N.NN s
                nothing was begun; `windlass restore shop/files --to /project/full` is
                refused again as long as this is so                                               exit 4
    exit 4
    ");
    insta::assert_snapshot!(said(&["restore", "shop/files", "--to", "data", "--quiet"]), @"
    ✗ restore  files
        /project/data is production: it is what shop/files backs up, and a restore onto
        it is refused
        try: restore into a folder of its own, look at it, and move over what you need

    shop/files  refused  N.NN s
                nothing was begun; `windlass restore shop/files --to /project/data` is
                refused again as long as this is so                                               exit 4
    exit 4
    ");
    for words in [&["--to", "."][..], &["--to", ".windlass/x"], &["--to", "x", "--snapshot", "zz"]]
    {
        let answer = said(&[&["restore", "shop/files", "--quiet"], words].concat());
        assert!(answer.ends_with("exit 4\n"), "{answer}");
        assert!(answer.contains("nothing was begun; "), "{answer}");
    }
    insta::assert_snapshot!(said(&["restore", "shop", "--to", "x"]), @"
    error: `shop` may be one of several jobs
        try: name one: STACK/JOB
    exit 2
    ");
    project.with_input(["secret", "set", "backup_key"], "another-key-altogether");
    insta::assert_snapshot!(said(&["backup", "shop/files", "--quiet"]), @"
    ✗ backup  files  the password does not open the repository /project/backups
        | Fatal: wrong password or no key found
        try: set the secret of `password` to the one that it was made with; nothing was changed

    shop/files  failed  N.NN s
                what it left is settled by the next one; `windlass backup shop/files` tries again
    exit 1
    ");
    let without =
        project.command(["backup", "shop/files", "--quiet"]).env("PATH", "/nonexistent").output();
    let without = String::from_utf8(without.unwrap().stdout).unwrap();
    assert!(
        without.contains("backups need the program restic, which is not installed"),
        "{without}"
    );
    assert!(without.contains("try: apt-get install restic"), "{without}");
}

#[test]
fn where_no_job_was_applied_it_is_said_what_one_is() {
    let project = TestProject::of("  note: { kind: file.text, path: note, content: hi }\n");
    let answer = project.run(["backup"]);
    insta::assert_snapshot!(answer.stderr, @"
    error: no backup job was applied yet
        try: write a resource of the kind `backup.job` and apply it: `windlass explain backup.job`
    ");
}

/// As long as it is there, restic holds a lock of the repository.
struct AtWork(std::process::Child);

impl AtWork {
    fn on(project: &TestProject) -> Self {
        let mut command = std::process::Command::new("restic");
        command.args(["backup", "--stdin", "--no-cache"]).stdin(std::process::Stdio::piped());
        command.env("RESTIC_REPOSITORY", project.place("backups"));
        command.env("RESTIC_PASSWORD", "a-key-for-this-test");
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // It ends with what it is fed.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn a_repository_at_which_somebody_is_at_work_is_not_pruned() {
    let Some(project) = project() else { return };
    project.done(["backup", "shop/files"]);
    project.done(["backup", "shop/files"]);
    let at_work = AtWork::on(&project);
    let locks = project.place("backups/locks");
    super::project::until("it is at work", || locks.read_dir().unwrap().next().is_some());
    let answer = project.run(["backup", "prune", "shop/files", "--quiet"]);
    let said = covered(&format!("{}{}exit {}\n", answer.stdout, answer.stderr, answer.code));
    // How restic says who it is depends on where it runs.
    let (before, rest) = said.split_once("    | ").unwrap();
    let (_, after) = rest.split_once("    try: ").unwrap();
    insta::assert_snapshot!(format!("{before}    try: {after}"), @"
    ✗ prune  files
        the repository /project/backups is locked by somebody who is at work
        try: wait for it; the lock of a process that is dead is taken over by itself

    shop/files  failed  N.NN s
                what it left is settled by the next one; `windlass backup prune shop/files` tries again
    exit 1
    ");
    // Who only adds is not in its way.
    project.done(["backup", "shop/files"]);
    drop(at_work);
    project.done(["backup", "prune", "shop/files"]);
}

#[test]
fn where_restic_is_missing_one_line_says_how_to_get_it() {
    let project = TestProject::new().stack("shop", STACK).variable("PATH", "/nonexistent");
    project.with_input(["secret", "set", "backup_key"], "a-key-for-this-test");
    let answer = project.run(["apply", "shop", "--yes"]);
    assert_eq!(answer.code, 1, "{answer}");
    let said = answer.to_string();
    let (_, why) = said.split_once("\n✗ ").unwrap_or_default();
    insta::assert_snapshot!(why, @"
    backup.repository  local  backups need the program restic, which is not installed
        try: apt-get install restic, or the same with your package manager

    shop  not finished: 1 failed, 2 not started  N.NN s
          not started: backup.job files, backup.job dump wait for local
          what was done stays; `windlass apply shop` looks at the rest anew                       exit 1
    --- exit 1
    ");
}
