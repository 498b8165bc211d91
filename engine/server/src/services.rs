//! Sees to it that services of all projects are supervised: whoever applies starts a supervisor, but when the
//! machine was off, or the supervisor was killed, nothing else would bring them back before the next apply.
//!
//! It must not know what a service is: the supervisor knows its folder, and ends at once if there is one.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::house::House;

/// How often it is looked whether services have nobody who supervises them.
const GLANCE: Duration = Duration::from_secs(20);

/// The hidden word of the command line under which this program is a supervisor.
const WORD: &str = "supervise";

/// In its folder, beside the records of services: what a supervisor says.
const LOG: &str = "supervisor.log";

/// Keeps services supervised until the server is to end. Supervisors outlive it.
pub(crate) async fn keep_services(house: Arc<House>) {
    let mut leaving = house.leaving();
    let mut begun: HashMap<String, Child> = HashMap::new();
    loop {
        for name in house.settings.file.repositories.keys() {
            see_to(&house, &name.0, &mut begun).await;
        }
        tokio::select! {
            () = sleep(GLANCE) => {}
            _ = leaving.changed() => return,
        }
    }
}

async fn see_to(house: &House, name: &str, begun: &mut HashMap<String, Child>) {
    let about = format!("the services of {name}");
    let home = house.folder.project(name).home.join("services");
    match begun.get_mut(name).map(Child::try_wait) {
        Some(Ok(None)) => return house.troubles.clear(&about),
        Some(Ok(Some(ended))) if !ended.success() => {
            let log = home.join(LOG);
            let why = format!("their supervisor ended with {ended}: {} says why", log.display());
            house.troubles.note(&about, why, house.now());
        }
        _ => house.troubles.clear(&about),
    }
    begun.remove(name);
    let place = home.clone();
    if !spawn_blocking(move || are_wanted(&place)).await.unwrap_or(false) {
        return;
    }
    match supervisor(house, &home) {
        Ok(child) => _ = begun.insert(name.to_owned(), child),
        Err(error) => {
            let why = format!("their supervisor cannot be started: {error}");
            house.troubles.note(&about, why, house.now());
        }
    }
}

/// Whether any service whose record lies in this folder is to run.
fn are_wanted(home: &Path) -> bool {
    let Ok(entries) = fs::read_dir(home) else { return false };
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths.any(|path| {
        let is_record = path.extension().is_some_and(|end| end == "json");
        let read = || serde_json::from_slice::<Value>(&fs::read(&path).ok()?).ok();
        is_record && read().is_some_and(|record| record["wanted"] == "running")
    })
}

/// Nothing of this process clings to it: it begins a session of its own.
fn supervisor(house: &House, home: &Path) -> io::Result<Child> {
    let mut options = OpenOptions::new();
    let log = options.create(true).append(true).mode(0o600).open(home.join(LOG))?;
    let mut command = Command::new(&house.begin().program);
    command.arg(WORD).arg(home).env_clear();
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn()
}
