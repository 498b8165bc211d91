//! `backup.job` against restic itself.

use std::path::Path;
use std::process::Command;

use model::{Fault, Object, On, Tree, Value};

use crate::lab::Lab;
use crate::life::Life;
use crate::tools::{here, said};

/// A job that was applied, over a repository in the folder `store`.
struct Job<'l> {
    lab: &'l Lab,
    keys: String,
    object: Object,
    claims: Vec<String>,
}

impl<'l> Job<'l> {
    async fn of(lab: &'l Lab, keys: &str) -> Self {
        let life = Life::of(lab, "backup.repository");
        life.create("{folder: store, password: '${secret.api}'}").await.unwrap();
        let store = lab.place("store").display().to_string();
        let keys = format!("{{repository: '{store}', {keys}}}");
        let life = Life::of(lab, "backup.job");
        let object = life.create(&keys).await.unwrap();
        life.is_as_applied(&keys, &object).await;
        Self { lab, keys, object, claims: Vec::new() }
    }

    async fn act(&self, verb: &str, args: &str) -> Result<Tree, Fault> {
        let (spec, args) = (self.lab.tree(&self.keys), self.lab.tree(args));
        let kind = crate::lab::kind("backup.job");
        let action = kind.action(verb).unwrap_or_else(|| panic!("no verb {verb}"));
        let token = self.lab.token();
        let on = On { spec: &spec, object: &self.object, claims: &self.claims, token: &token };
        action.performs.perform(&self.lab.context, on, &args).await
    }

    async fn done(&self, verb: &str, args: &str) -> Tree {
        match self.act(verb, args).await {
            Ok(said) => said,
            Err(fault) => panic!("{verb}: {fault} {:?} {:?}", fault.help, fault.details),
        }
    }

    async fn refused(&self, verb: &str, args: &str) -> Fault {
        match self.act(verb, args).await {
            Ok(said) => panic!("{verb} was done: {said:?}"),
            Err(fault) => fault,
        }
    }

    async fn backup(&self) -> String {
        self.done("backup", "{}").await["snapshot"].as_text().unwrap().to_owned()
    }

    async fn rows(&self) -> Vec<Tree> {
        let Value::List(rows) = &self.done("list", "{}").await["snapshots"] else { panic!() };
        let rows = rows.iter().map(|row| match row {
            Value::Map(row) => row.clone(),
            other => panic!("{other:?}"),
        });
        rows.collect()
    }
}

/// Runs restic itself on the repository.
fn restic(lab: &Lab, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("restic");
    command.args(arguments).arg("--no-cache").env("RESTIC_REPOSITORY", lab.place("store"));
    let output = command.env("RESTIC_PASSWORD", "canary-of-api-7431").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Changes one bit, within what is stored first: at the end of a pack stands what nobody needs to
/// restore it.
fn flip(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    let early = bytes.len().min(40) / 2;
    bytes[early] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_job_is_noted_changed_and_forgotten() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let life = Life::of(&lab, "backup.repository");
    life.create("{folder: store, password: '${secret.api}'}").await.unwrap();
    let store = lab.place("store").display().to_string();
    let first = format!("{{repository: '{store}', paths: [data]}}");
    let second = format!("{{repository: '{store}', dump: 'echo x', keep: {{daily: 3}}}}");
    Life::of(&lab, "backup.job").runs(&first, &second).await;
}

#[tokio::test]
async fn a_backup_is_taken_listed_drilled_and_restored() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    lab.write("data/cache/b.txt", "beta");
    let drill = "drill: {checks: ['test ! -e data/cache', 'echo \"$(cat \"$RESTORED\"/data/a.txt) is there\"']}";
    let job = Job::of(&lab, &format!("paths: [data], exclude: [cache], {drill}")).await;
    let id = job.backup().await;
    let proof = job.done("drill", "{}").await;
    assert_eq!(proof["proof"].as_text(), Some("alpha is there"));
    assert_eq!(lab.names(".windlass/backups/drills"), Vec::<String>::new());
    let rows = job.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["missing"], Value::from(false));
    assert!(rows[0]["id"].as_text().unwrap().starts_with(&id[..8]));
    assert!(format!("{:?}", rows[0]["proof"]).contains("alpha is there"));
    job.done("restore", "{to: again}").await;
    assert_eq!(lab.text("again/data/a.txt"), "alpha");
    assert_eq!(lab.names("again/data"), ["a.txt"]);
    let (whole, text) = restic(&lab, &["check", "--read-data"]);
    assert!(whole, "{text}");
    for text in lab.said.lines() {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn a_dump_that_fails_leaves_no_snapshot() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let failing = [
        ("'echo part; exit 3'", "the dump ended with exit code 3"),
        ("'echo part; kill -9 $$'", "the dump ended with killed (signal 9)"),
        ("'(echo part; exit 4) | cat'", "the dump ended with exit code 4"),
        ("[no-such-program]", "there is no program `no-such-program`"),
        ("[sh, -c, 'echo part; kill -15 $$']", "the dump ended with ended by signal 15"),
    ];
    for (dump, why) in failing {
        let job = Job::of(&lab, &format!("dump: {dump}, file: x.sql")).await;
        let fault = job.refused("backup", "{}").await;
        assert!(fault.message.contains(why), "{dump}: {fault}");
        assert!(fault.message.ends_with("there is no snapshot"), "{dump}: {fault}");
        assert_eq!(lab.names("store/snapshots"), Vec::<String>::new(), "{dump}");
        assert_eq!(job.rows().await.len(), 0);
    }
    let job = Job::of(&lab, "dump: 'echo \"$SECRET_OF\" | wc -c', environment: {SECRET_OF: '${secret.db}'}, file: x.sql").await;
    job.backup().await;
    job.done("restore", "{to: again}").await;
    assert_eq!(lab.text("again/x.sql").trim(), "19");
}

#[tokio::test]
async fn what_cannot_be_read_fails_the_job_unless_it_is_named() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    let job = Job::of(&lab, "paths: [data, none]").await;
    let fault = job.refused("backup", "{}").await;
    assert_eq!(fault.message, "none is not there, so there is no snapshot");
    let job = Job::of(&lab, "paths: [data, none], unreadable: [none]").await;
    job.backup().await;
}

#[tokio::test]
async fn a_file_whose_content_cannot_be_read_leaves_no_snapshot_unless_it_is_named() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    // Nobody, not even root, reads this from its beginning.
    let unreadable = format!("/proc/{}/mem", std::process::id());
    assert!(std::fs::read(&unreadable).is_err());
    let job = Job::of(&lab, &format!("paths: [data, {unreadable}]")).await;
    let fault = job.refused("backup", "{}").await;
    let why = format!("{unreadable} cannot be read, so there is no snapshot");
    assert_eq!(fault.message, why);
    assert_eq!(fault.details, std::slice::from_ref(&unreadable));
    assert!(fault.help.unwrap().contains("name it under `exclude` or `unreadable`"));
    assert_eq!(lab.names("store/snapshots"), Vec::<String>::new());
    assert_eq!(job.rows().await.len(), 0);
    let keys = format!("paths: [data, {unreadable}], unreadable: [{unreadable}]");
    let job = Job::of(&lab, &keys).await;
    job.backup().await;
    assert_eq!(lab.names("store/snapshots").len(), 1);
    job.done("restore", "{to: again}").await;
    assert_eq!(lab.text("again/data/a.txt"), "alpha");
}

/// A lab whose restic does something else before, in `sh`, as long as the file that is returned is there.
fn with_restic_that(does: &str) -> (Lab, tempfile::TempDir, std::path::PathBuf) {
    let path = std::env::var("PATH").unwrap();
    let tools = tempfile::tempdir().unwrap();
    let (stand_in, odd) = (tools.path().join("restic"), tools.path().join("odd"));
    let flag = odd.display();
    let script =
        format!("#!/bin/sh\nPATH='{path}'\n[ ! -e '{flag}' ] || {does}\nexec restic \"$@\"\n");
    std::fs::write(&stand_in, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&stand_in, mode).unwrap();
    let path = format!("{}:{path}", tools.path().display());
    (Lab::with([("PATH".to_owned(), path)].into()), tools, odd)
}

#[tokio::test]
async fn a_restic_that_is_killed_as_it_verifies_has_found_no_damage() {
    if !here("restic") {
        return;
    }
    let (lab, _tools, odd) = with_restic_that("case \"$1\" in check) kill -9 $$;; esac");
    lab.write("data/a.txt", "alpha");
    let job = Job::of(&lab, "paths: [data], keep: {daily: 1}").await;
    job.backup().await;
    std::fs::write(&odd, "").unwrap();
    let fault = job.refused("verify", "{}").await;
    assert_eq!(fault.message, "the verification failed: restic: killed (signal 9)");
    std::fs::remove_file(&odd).unwrap();
    job.backup().await;
    job.done("prune", "{}").await;
}

#[tokio::test]
async fn a_restic_that_hangs_is_ended() {
    if !here("restic") {
        return;
    }
    let (lab, _tools, odd) = with_restic_that("sleep 600");
    lab.write("data/a.txt", "alpha");
    let after = "after: 'echo $WINDLASS_OUTCOME >>log'";
    for what in ["paths: [data]", "dump: 'echo whole'"] {
        let job = Job::of(&lab, &format!("{what}, {after}, time_limit: 1s")).await;
        std::fs::write(&odd, "").unwrap();
        let fault = job.refused("backup", "{}").await;
        assert_eq!(fault.message, "the backup did not end within 1 s, and was ended", "{what}");
        std::fs::remove_file(&odd).unwrap();
    }
    assert_eq!(lab.text("log"), "failed\nfailed\n");
    Job::of(&lab, "paths: [data]").await.backup().await;
}

/// Text that cannot be made smaller, another for each number.
fn noise(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..60_000).map(|_| next()).collect()
}

/// A job that reads three parts, and a pack of its repository in the second one.
async fn of_the_second_part(lab: &Lab) -> (Job<'_>, std::path::PathBuf) {
    let job = Job::of(lab, "paths: [data], keep: {last: 1}, verify: {parts: 3}").await;
    // A pack is of the part that the first byte of its name says. A large one holds content.
    let is_of_second = |pack: &std::path::PathBuf| {
        let name = pack.file_name().unwrap().to_str().unwrap();
        let first = u8::from_str_radix(&name[..2], 16).unwrap();
        first % 3 == 1 && std::fs::metadata(pack).unwrap().len() > 50_000
    };
    for number in 1..40 {
        lab.write("data/a", noise(number));
        job.backup().await;
        if let Some(pack) = files(&lab.place("store/data")).into_iter().find(is_of_second) {
            return (job, pack);
        }
    }
    panic!("no pack is of the second part");
}

#[tokio::test]
async fn each_verification_reads_the_next_part() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let (job, _) = of_the_second_part(&lab).await;
    for part in ["1", "2", "3", "1"] {
        let said = job.done("verify", "{}").await;
        assert_eq!((said["part"].as_text(), said["of"].as_text()), (Some(part), Some("3")));
    }
}

#[tokio::test]
async fn a_byte_that_flips_is_found_when_its_part_is_read() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let (job, pack) = of_the_second_part(&lab).await;
    flip(&pack);
    assert_eq!(job.done("verify", "{}").await["part"].as_text(), Some("1"));
    let fault = job.refused("verify", "{}").await;
    assert!(fault.message.contains("found damage in the repository"), "{fault}");
    assert!(job.refused("prune", "{}").await.message.contains("was found damaged at"));
}

#[tokio::test]
async fn hooks_run_before_and_always_after() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    let after = "after: 'echo $WINDLASS_OUTCOME >>log'";
    let job = Job::of(&lab, &format!("paths: [data], before: 'echo before >>log', {after}")).await;
    job.backup().await;
    let job =
        Job::of(&lab, &format!("paths: [data], before: 'echo no >>log; exit 7', {after}")).await;
    let fault = job.refused("backup", "{}").await;
    assert!(fault.message.starts_with("before ended with exit code 7"), "{fault}");
    assert_eq!(lab.text("log"), "before\ndone\nno\nfailed\n");
    assert_eq!(lab.names("store/snapshots").len(), 1);
}

#[tokio::test]
async fn a_byte_that_flips_is_said_before_anything_is_removed() {
    if !here("restic") {
        return;
    }
    for folder in ["data", "index", "snapshots", "keys", "config"] {
        let lab = Lab::new();
        lab.write("data/a.txt", "alpha");
        let job = Job::of(&lab, "paths: [data], keep: {last: 1}, verify: {parts: 1}").await;
        job.backup().await;
        lab.write("data/a.txt", "beta");
        job.backup().await;
        let objects = match folder {
            "config" => vec![lab.place("store/config")],
            folder => files(&lab.place(&format!("store/{folder}"))),
        };
        for object in &objects {
            let whole = std::fs::read(object).unwrap();
            flip(object);
            let found = job.refused("verify", "{}").await;
            let before = lab.names("store/snapshots");
            let refused = job.refused("prune", "{}").await;
            assert_eq!(lab.names("store/snapshots"), before, "{object:?}: {found} / {refused}");
            std::fs::write(object, whole).unwrap();
        }
        job.done("verify", "{}").await;
        job.done("prune", "{}").await;
        assert_eq!(job.rows().await.len(), 1);
    }
}

#[tokio::test]
async fn what_is_left_is_read_before_anything_goes() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    let job = Job::of(&lab, "paths: [data], keep: {last: 1}").await;
    job.backup().await;
    let before = files(&lab.place("store/data"));
    lab.write("data/a.txt", "beta");
    job.backup().await;
    job.done("drill", "{}").await;
    // Flipped after the proof, in what only the proven one has.
    let new: Vec<_> =
        files(&lab.place("store/data")).into_iter().filter(|file| !before.contains(file)).collect();
    flip(&new[0]);
    let fault = job.refused("prune", "{}").await;
    assert!(fault.message.contains("found damage in the repository"), "{fault}");
    assert_eq!(lab.names("store/snapshots").len(), 2);
    let fault = job.refused("prune", "{}").await;
    assert!(fault.message.contains("was found damaged at"), "{fault}");
}

#[tokio::test]
async fn a_snapshot_that_was_removed_by_hand_is_missed() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    let job = Job::of(&lab, "paths: [data], keep: {last: 5}").await;
    job.backup().await;
    lab.write("data/a.txt", "beta");
    job.backup().await;
    let gone = job.rows().await[1]["id"].as_text().unwrap().to_owned();
    let (done, text) = restic(&lab, &["forget", &gone]);
    assert!(done, "{text}");
    assert_eq!(job.rows().await[1]["missing"], Value::from(true));
    assert_eq!(job.done("backup", "{}").await["missing"].as_text(), Some("1"));
    assert!(lab.said.lines().iter().any(|line| line.contains("is gone, and nobody here")));
    for verb in ["verify", "prune"] {
        let fault = job.refused(verb, "{}").await;
        assert!(fault.message.ends_with("is gone, and nobody here removed it"), "{fault}");
    }
    job.done("verify", "{accept_missing: true}").await;
    job.done("prune", "{}").await;
    assert_eq!(job.rows().await.len(), 2);
}

#[tokio::test]
async fn a_ledger_that_is_lost_takes_in_what_was_taken_before() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    let job = Job::of(&lab, "paths: [data], keep: {last: 5}").await;
    job.backup().await;
    job.done("verify", "{}").await;
    let flood =
        ["backup", "--tag", "job:lab/thing", "--time", "2030-01-01 00:00:00", "/etc/hostname"];
    assert!(restic(&lab, &flood).0);
    std::fs::remove_dir_all(lab.place(".windlass/backups/jobs")).unwrap();
    let job = Job::of(&lab, "paths: [data], keep: {last: 5}").await;
    job.backup().await;
    assert_eq!(job.rows().await.len(), 1);
    job.done("verify", "{}").await;
    assert_eq!(job.rows().await.len(), 2, "and not what is said to be from the future");
}

#[tokio::test]
async fn a_prune_keeps_the_last_proven_one_and_what_nobody_here_took() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "0");
    let job = Job::of(&lab, "paths: [data], keep: {last: 2}").await;
    for number in 0..5 {
        lab.write("data/a.txt", number.to_string());
        job.backup().await;
        if number == 1 {
            job.done("drill", "{}").await;
        }
    }
    // A flood of snapshots with this job's tag, from the future.
    let place = lab.place("data").display().to_string();
    for day in 1..4 {
        let time = format!("2030-01-0{day} 00:00:00");
        let flood = ["backup", "--tag", "job:lab/thing", "--time", &time, &place];
        assert!(restic(&lab, &flood).0);
    }
    let tried = job.done("prune", "{dry_run: true}").await;
    assert_eq!(tried["count"].as_text(), Some("2"));
    assert_eq!(lab.names("store/snapshots").len(), 8, "only tried");
    job.done("prune", "{}").await;
    let rows = job.rows().await;
    let kept: Vec<String> = rows.iter().map(|row| format!("{:?}", row["kept_as"])).collect();
    assert_eq!(rows.len(), 3, "{kept:?}");
    assert!(kept[2].contains("last proven"), "{kept:?}");
    assert_eq!(lab.names("store/snapshots").len(), 6, "strangers are left alone");
    assert!(restic(&lab, &["check", "--read-data"]).0);
}

#[tokio::test]
async fn a_restore_goes_nowhere_where_something_is() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    lab.write("other/b.txt", "beta");
    std::fs::create_dir(lab.place("empty")).unwrap();
    let mut job = Job::of(&lab, "paths: [data]").await;
    job.backup().await;
    job.claims = vec!["file run/site".to_owned()];
    for (to, why) in [
        ("other", "is occupied: it holds `b.txt`"),
        ("other/b.txt", "is occupied: it is a file"),
        ("data", "a restore onto it is refused"),
        ("data/again", "a restore onto it is refused"),
        ("run/site/again", "a restore onto it is refused"),
        ("run", "a restore onto it is refused"),
        (".", "is the project itself"),
        (".windlass/x", "where windlass keeps its state"),
    ] {
        let fault = job.refused("restore", &format!("{{to: '{to}'}}")).await;
        assert!(fault.message.contains(why), "{to}: {fault}");
    }
    assert!(job.refused("restore", "{}").await.message.contains("to"), "the target must be named");
    let fault = job.refused("restore", "{to: x, snapshot: ffffff}").await;
    assert_eq!(fault.message, "lab/thing has no snapshot `ffffff`");
    job.done("restore", "{to: empty}").await;
    assert_eq!(lab.text("empty/data/a.txt"), "alpha");
    assert!(!lab.names(".").iter().any(|name| name.starts_with(".windlass-")));
}

#[tokio::test]
async fn a_live_lock_is_respected_and_one_of_the_dead_is_taken_over() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    let job = Job::of(&lab, "paths: [data], keep: {last: 1}").await;
    job.backup().await;
    job.backup().await;
    // A restic that waits for its input holds a lock.
    let mut waiting = Command::new("restic")
        .args(["backup", "--stdin", "--no-cache"])
        .env("RESTIC_REPOSITORY", lab.place("store"))
        .env("RESTIC_PASSWORD", "canary-of-api-7431")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let late = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while lab.names("store/locks").is_empty() && std::time::Instant::now() < late {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let fault = job.refused("prune", "{}").await;
    assert!(fault.message.contains("is locked by somebody who is at work"), "{fault}");
    job.backup().await;
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    assert_ne!(lab.names("store/locks"), Vec::<String>::new());
    job.done("prune", "{}").await;
    assert_eq!(lab.names("store/locks"), Vec::<String>::new());
    assert!(restic(&lab, &["check", "--read-data"]).0);
}

/// Leaves the lock of a restic that wanted to be alone and was killed. It counts as alive for a second, as it
/// would after a parent that was killed too.
fn killed_as_it_was_alone(lab: &Lab) -> std::thread::JoinHandle<()> {
    let is_held = || lab.names("store/locks").iter().any(|name| name.len() == 64);
    for _ in 0..50 {
        let mut alone = Command::new("restic")
            .args(["check", "--no-cache"])
            .env("RESTIC_REPOSITORY", lab.place("store"))
            .env("RESTIC_PASSWORD", "canary-of-api-7431")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while !is_held() && alone.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        alone.kill().unwrap();
        if is_held() {
            return std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_secs(1));
                alone.wait().unwrap();
            });
        }
        alone.wait().unwrap();
    }
    panic!("no restic was killed as it held a lock");
}

#[tokio::test]
async fn the_lock_of_one_who_was_killed_a_moment_ago_is_waited_for() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    for what in ["paths: [data]", "dump: 'cat data/a.txt', file: x"] {
        let job = Job::of(&lab, what).await;
        let reaped = killed_as_it_was_alone(&lab);
        job.backup().await;
        reaped.join().unwrap();
        assert_eq!(lab.names("store/locks"), Vec::<String>::new(), "{what}");
    }
}

#[tokio::test]
async fn another_key_says_so_and_changes_nothing() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    lab.write("data/a.txt", "alpha");
    let job = Job::of(&lab, "paths: [data]").await;
    lab.vault.set("api", "another-key-altogether");
    let fault = job.refused("backup", "{}").await;
    assert!(fault.message.starts_with("the password does not open the repository"), "{fault}");
    assert!(fault.help.unwrap().contains("nothing was changed"));
}

#[tokio::test]
async fn where_others_can_add_windows_may_not_count() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let life = Life::of(&lab, "backup.repository");
    life.create("{folder: store, password: '${secret.api}', append_only: true}").await.unwrap();
    let store = lab.place("store").display().to_string();
    let jobs = Life::of(&lab, "backup.job");
    let keys = |keep: &str| format!("{{repository: '{store}', paths: [data], keep: {keep}}}");
    let fault = jobs.create(&keys("{daily: 3}")).await.unwrap_err();
    assert!(fault.message.contains("`keep` may only say `within`"), "{fault}");
    jobs.create(&keys("{within: 1m}")).await.unwrap();
    let fault = jobs.create("{repository: /none, paths: [data]}").await.unwrap_err();
    assert_eq!(fault.message, "no repository that was applied is at /none");
}

#[test]
fn keys_that_cannot_be_say_why() {
    let kind = crate::lab::kind("backup.job");
    for (keys, why) in [
        ("{repository: x, paths: []}", "name what is to be backed up"),
        ("{repository: x, paths: [a], keep: {}}", "this keeps nothing"),
        (
            "{repository: x, paths: [a], keep: {within: 3w}}",
            "units are `y`, `m` (months), `d` and `h`",
        ),
        ("{repository: x, dump: pg_dump, file: a/b}", "a name without `/`"),
        ("{repository: x, paths: [a], tags: ['a,b']}", "no `,` in a tag"),
        ("{repository: x, paths: [a], verify: {parts: 0}}", "1 to 256"),
    ] {
        assert!(said(&kind, keys).contains(why), "{keys}: {}", said(&kind, keys));
    }
}

/// A small disk of its own in the project; it goes when it is dropped.
struct Disk(std::path::PathBuf);

impl Disk {
    fn at(lab: &Lab, path: &str) -> Option<Self> {
        let place = lab.place(path);
        std::fs::create_dir_all(&place).unwrap();
        let flags = rustix::mount::MountFlags::empty();
        let size = Some(c"size=4m");
        rustix::mount::mount("tmpfs", &place, "tmpfs", flags, size).ok().map(|()| Self(place))
    }

    fn grow(&self) {
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount_remount(&self.0, flags, "size=64m").unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_once_there_is_room_the_next_run_heals() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let Some(disk) = Disk::at(&lab, "store") else {
        return crate::tools::not_run_because("a disk of its own cannot be mounted: it takes root");
    };
    lab.write("data/small", "alpha");
    let job = Job::of(&lab, "paths: [data], keep: {last: 1}").await;
    job.backup().await;
    let mut noise = vec![0; 12_000_000];
    lab.context.site.random.fill(&mut noise);
    lab.write("data/large", noise);
    for _ in 0..2 {
        let fault = job.refused("backup", "{}").await;
        assert!(fault.message.contains("found no room: a disk is full"), "{fault}");
        assert_eq!(job.rows().await.len(), 1);
    }
    disk.grow();
    job.backup().await;
    job.done("drill", "{}").await;
    job.done("prune", "{}").await;
    assert_eq!(job.rows().await.len(), 1);
    let (whole, text) = restic(&lab, &["check", "--read-data"]);
    assert!(whole, "{text}");
}

#[tokio::test]
async fn what_a_killed_one_left_the_next_one_settles() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let after = "before: 'echo before >>log', after: 'echo $WINDLASS_OUTCOME >>log'";
    let job =
        Job::of(&lab, &format!("dump: 'echo part; sleep 30; echo whole', file: x, {after}")).await;
    // Killed in the middle: what it started goes with it, and nobody had the time to say so.
    let acting = job.act("backup", "{}");
    let cut = tokio::time::timeout(std::time::Duration::from_secs(3), acting).await;
    assert!(cut.is_err());
    assert_eq!(lab.text("log"), "before\n");
    // As a restic that outlived the engine would have: half a dump, stored.
    let pending = std::fs::read_dir(lab.place(".windlass/backups/jobs")).unwrap().next().unwrap();
    let ledger = std::fs::read_to_string(pending.unwrap().path()).unwrap();
    let ledger: serde_json::Value = serde_json::from_str(&ledger).unwrap();
    let tag = format!("run:{}", ledger["pending"]["token"].as_str().unwrap());
    lab.write("half", "part");
    let half = lab.place("half").display().to_string();
    assert!(restic(&lab, &["backup", "--tag", &tag, &half]).0);
    assert_eq!(lab.names("store/snapshots").len(), 1);
    assert!(job.done("verify", "{}").await.contains_key("part"));
    assert_eq!(lab.text("log"), "before\nfailed\n");
    assert_eq!(lab.names("store/snapshots"), Vec::<String>::new());
    assert_eq!(job.rows().await.len(), 0);
}
