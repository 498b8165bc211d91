//! A step that writes and writes, secrets at random places: little memory, no leak, and nothing else is
//! covered.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli::project::TestProject;

const TOKEN: &str = "Xk7pQ2vR9tLm+/ &é";
const KEY: &str = "-----BEGIN EXAMPLE KEY-----\n\
    uhVQXiLj3bZ0dVn8m2Yk5sTq1wRc7xKfPaGo9eHt4zNyBl6IvJrDgSMuOWCEAF+/\n\
    q1wRc7xKfPaGo9eHt4zNyBl6IvJrDgSMuOWCEAFuhVQXiLj3bZ0dVn8m2Yk5sTab\n\
    Zg==\n-----END EXAMPLE KEY-----";

/// What must not be seen: pieces of the token and of the key, as they are, and of the token in base64.
const PIECES: [&str; 7] =
    ["k7pQ2", "R9tLm", "azdwUTJ2", "Ujl0TG0r", "uhVQXiLj", "WCEAF", "q1wRc7xK"];

/// Counts what it hides in the rest.
const WRITE: &str = r#"
BEGIN {
    srand(11); size = ENVIRON["MIB"] * 1048576; token = ENVIRON["TOKEN"]; coded = ENVIRON["CODED"]
    key = ENVIRON["KEY"]; words = "compiled 17 of 42 crates in 0.25 s; everything is well, "
    while (written < size) {
        chance = rand(); text = words substr(words, 1 + int(rand() * 40))
        if (chance < 0.01) { text = text token "|" token; secrets += 2 }
        else if (chance < 0.02) { text = "Authorization: Basic " coded; secrets++ }
        else if (chance < 0.022) { text = text "\n" key; secrets++ }
        else if (chance < 0.03) { text = "10 %\r50 %\r" text }
        else if (chance < 0.031) {
            for (n = 0; n < 4000; n++) printf "%s", words
            written += 4000 * length(words); text = token; secrets++
        }
        print text; written += length(text) + 1
    }
    print secrets > "count"
}
"#;

fn project(mib: &str) -> TestProject {
    let step = "pipeline: p
steps:
  s:
    env: { TOKEN: \"${secret.token}\", KEY: \"${secret.key}\", MIB: \"MIB_\" }
    run:
      - 'CODED=$(printf %s \"x:$TOKEN\" | base64) awk -f write.awk'
      - 'touch written; until [ -e go ]; do sleep 0.02; done'
"
    .replace("MIB_", mib);
    TestProject::new()
        .variable("WINDLASS_SECRET_TOKEN", TOKEN)
        .variable("WINDLASS_SECRET_KEY", KEY)
        .file("write.awk", WRITE)
        .file("pipelines/p.yml", &step)
}

/// `LOG_MIB=200` for the size that is asked for.
#[test]
fn a_long_log_takes_little_memory_and_tells_no_secret() {
    let mib = std::env::var("LOG_MIB").unwrap_or_else(|_| "6".to_owned());
    let project = project(&mib);
    let into = |name: &str| Stdio::from(File::create(project.place(name)).unwrap());
    let mut run = project.command(["run", "p", "--json"]);
    let mut run = run.stdout(into("events")).stderr(into("said")).spawn().unwrap();
    let begun = Instant::now();
    while !project.place("written").exists() && run.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_mins(10), "it is not written");
        sleep(Duration::from_millis(10));
    }
    let peak = peak_kib(run.id());
    project.write("go", "");
    assert!(run.wait().unwrap().success(), "{}", project.read("said"));
    let mut logs = project.command(["logs", "last"]);
    let logs = logs.stdout(into("shown")).stderr(into("said")).status().unwrap();
    assert!(logs.success(), "{}", project.read("said"));

    let count: usize = project.read("count").trim().parse().unwrap();
    let kept: Vec<PathBuf> = files(&project.place(".windlass"));
    // Who watches is told how many lines came too fast to be shown; the log holds them all.
    let left_out = fs::read(project.place("events")).unwrap();
    let left_out = String::from_utf8_lossy(&left_out).contains(" came too fast: `windlass logs` ");
    for place in [project.place("events"), project.place("shown")].iter().chain(&kept) {
        let covered = look(place);
        let is_log = place.extension().is_some_and(|end| end == "log");
        if is_log || place.ends_with("events") || place.ends_with("shown") {
            let is_whole = !(left_out && place.ends_with("events"));
            assert!(covered == count || !is_whole && covered < count, "{}", place.display());
        }
    }
    assert!(kept.iter().any(|place| place.extension().is_some_and(|end| end == "log")));
    assert!(peak < 100 * 1024, "{peak} KiB for {mib} MiB");
}

/// Reads a file line by line, and counts what was covered in it.
fn look(place: &Path) -> usize {
    let mut covered = 0;
    for line in BufReader::new(File::open(place).unwrap()).split(b'\n') {
        let line = line.unwrap();
        let line = String::from_utf8_lossy(&line);
        covered += line.matches("(secret)").count();
        let leak = PIECES.iter().find(|piece| line.contains(**piece));
        assert_eq!(leak, None, "{}: {line}", place.display());
    }
    covered
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let each = |place: PathBuf| if place.is_dir() { files(&place) } else { vec![place] };
    entries.filter(|place| place.is_dir() || place.is_file()).flat_map(each).collect()
}

/// The most memory that a process ever had.
fn peak_kib(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(usize::MAX)
}
