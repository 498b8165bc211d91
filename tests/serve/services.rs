//! Services of projects, after everything was gone.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use super::server::{Server, until_long};

/// The supervisor of a folder is ended before what it supervises.
struct Supervised(PathBuf);

impl Supervised {
    fn kill(&self) -> usize {
        let mut killed = 0;
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let mut words = words.split(|byte| *byte == 0).skip(1);
            let is_it = words.next() == Some(b"supervise")
                && words.next().is_some_and(|home| home == self.0.as_os_str().as_encoded_bytes());
            let pid = entry.file_name().to_str().and_then(|pid| pid.parse().ok());
            if let Some(pid) = pid.filter(|_| is_it) {
                end(pid);
                killed += 1;
            }
        }
        killed
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.kill();
    }
}

fn end(pid: i32) {
    _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
}

fn pids(place: &Path) -> Vec<i32> {
    let text = fs::read_to_string(place).unwrap_or_default();
    text.lines().map(|pid| pid.parse().unwrap()).collect()
}

/// As when the machine was off.
#[test]
fn services_run_again_when_the_server_begins_after_everything_was_gone() {
    let mut server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    let place = server.place("begun");
    let stack = format!(
        "stack: shop\nresources:\n  web:\n    kind: process.service\n    \
         command: [sh, -c, \"echo $$ >> {}; exec sleep 600\"]\n",
        place.display()
    );
    pusher.file("stacks/shop.yml", &stack).pipeline("  up: { apply: stacks/shop.yml }\n");
    pusher.commit("first");
    let services = fs::canonicalize(server.place(".windlass/projects")).unwrap();
    let supervised = Supervised(services.join("shop/.windlass/services"));
    let pushed = pusher.push(&server);
    assert!(pushed.said.contains("✓ passed"), "{}", pushed.said);
    until_long("the service runs", || pids(&place).len() == 1);
    server.kill();
    assert_eq!(supervised.kill(), 1);
    end(pids(&place)[0]);
    server.start();
    until_long("the service runs again", || pids(&place).len() == 2);
    let now = pids(&place)[1];
    assert!(Path::new(&format!("/proc/{now}")).exists());
    assert_eq!(server.get("/health")["troubles"], 0);
}
