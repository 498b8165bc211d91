//! Secrets: in the service's environment and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use providers::process::supervisor::State;

use crate::place::{Place, alive, eventually, kill, seen, status, wait};
use crate::suite::tests;

tests![
    no_file_holds_a_secret_in_plain_text,
    a_successor_opens_what_was_sealed_and_starts_again,
    without_the_key_it_says_what_it_needs_and_does_not_start_wrongly,
];

/// The files below a folder that hold a text, plain or in base64.
fn holders(folder: &Path, text: &str) -> Vec<String> {
    use base64::Engine;
    let coded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(text);
    let mut found = vec![];
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.file_type().is_ok_and(|t| t.is_file()) {
            let bytes = fs::read(entry.path()).expect("a file");
            let text_of = String::from_utf8_lossy(&bytes);
            if text_of.contains(text) || text_of.contains(&coded[..coded.len() - 2]) {
                found.push(entry.path().display().to_string());
            }
        }
    }
    found
}

fn no_file_holds_a_secret_in_plain_text() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        // In the environment, in an argument; started, crashed, replaced, adopted, refused.
        let mut spec = place.shell("web", "test canary-in-command; exit 1");
        spec.program.environment.insert("PASSWORD".into(), "canary-in-environment".into());
        client.ensure(&spec, "t").await.expect("a service");
        seen(&client, "web", |s| s.restarts >= 2).await;
        spec.program.command[2] = "exec sleep 1000 # canary-in-command".into();
        client.ensure(&spec, "t").await.expect("a service");
        place.kill_supervisor();
        status(&client, "web").await;
        spec.rules.log.file = "relative".into();
        client.ensure(&spec, "t").await.expect_err("refused");
        let statuses = format!("{:?}", client.list().await.expect("an answer"));
        assert!(!statuses.contains("canary"), "{statuses}");
        let debug = format!("{spec:?}");
        assert!(!debug.contains("canary"), "{debug}");
        for canary in ["canary-in-command", "canary-in-environment", "canary"] {
            assert_eq!(holders(&place.home, canary), [""; 0]);
        }
        for entry in fs::read_dir(&place.home).expect("a folder").flatten() {
            let mode = entry.metadata().expect("a file").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
        }
        // The search itself finds what is there.
        fs::write(place.home.join("proof"), "a canary").expect("a file");
        assert_eq!(holders(&place.home, "canary").len(), 1);
    });
}

fn a_successor_opens_what_was_sealed_and_starts_again() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let mut spec = place.shell("web", "echo $PASSWORD > got; exec sleep 1000");
        spec.program.environment.insert("PASSWORD".into(), "canary".into());
        let first = client.ensure(&spec, "t").await.expect("a service").pid.expect("a process");
        let got = place.path().join("got");
        let is_there = || fs::read_to_string(&got).is_ok_and(|text| text == "canary\n");
        eventually("a password", is_there);
        place.kill_supervisor();
        assert_eq!(status(&client, "web").await.pid, Some(first));
        fs::remove_file(&got).expect("a file");
        kill(first);
        seen(&client, "web", |s| s.starts == 2 && s.pid.is_some()).await;
        eventually("the password again", is_there);
        // What was opened is known to be the same: nothing is started again.
        let again = client.ensure(&spec, "t").await.expect("a service");
        assert_eq!(again.starts, 2);
    });
}

fn without_the_key_it_says_what_it_needs_and_does_not_start_wrongly() {
    wait(async {
        let place = Place::new();
        let (client, spec) = (place.client().await, place.shell("web", "exec sleep 1000"));
        let first = client.ensure(&spec, "t").await.expect("a service").pid.expect("a process");
        place.kill_supervisor();
        place.change_key();
        let adopted = status(&client, "web").await;
        assert_eq!((adopted.state, adopted.pid), (State::Running, Some(first)));
        kill(first);
        let needs = seen(&client, "web", |s| s.state == State::NeedsSecrets).await;
        let problem = needs.problem.expect("a problem");
        assert!(problem.contains("it needs secrets: run windlass apply"), "{problem}");
        assert!(!alive(first) && place.processes().is_empty());
        let again = client.ensure(&spec, "t").await.expect("a service");
        assert_eq!((again.state, again.problem), (State::Running, None));
    });
}
