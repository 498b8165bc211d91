//! Keeps the web fronts of all projects: this process holds their sockets and starts them again. What
//! another process keeps it takes over, and hands on when it ends in good order; after a SIGKILL the
//! fronts go on by themselves until somebody takes them over.
//!
//! It must not tell a front what to route: the kind `front.route` does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use front::{Keeper, Plan, Settings};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::house::House;

/// How often it is looked whether there is a front that nobody here keeps.
const GLANCE: Duration = Duration::from_millis(500);

/// The hidden word of the command line under which this program is a front.
const WORD: &str = "front";

/// Keeps fronts until the server is to end.
pub(crate) async fn keep_fronts(house: Arc<House>) {
    let mut leaving = house.leaving();
    let mut kept: HashMap<PathBuf, Keeper> = HashMap::new();
    loop {
        let names = house.settings.file.repositories.keys();
        for name in names {
            let folder = house.folder.project(&name.0).home.join("front");
            let about = format!("the front of {}", name.0);
            if let Some(keeper) = kept.get(&folder)
                && !has_ended(keeper).await
            {
                continue;
            }
            kept.remove(&folder);
            if !routes(&folder).await {
                house.troubles.clear(&about);
                continue;
            }
            // One that cannot be started now is tried again.
            match Keeper::start(plan(&house, &folder)).await {
                Ok(keeper) => {
                    house.troubles.clear(&about);
                    kept.insert(folder, keeper);
                }
                Err(error) => house.troubles.note(&about, error.to_string(), house.now()),
            }
        }
        tokio::select! {
            () = sleep(GLANCE) => {}
            _ = leaving.changed() => return hand_on(&house, kept).await,
        }
    }
}

async fn has_ended(keeper: &Keeper) -> bool {
    timeout(Duration::ZERO, keeper.ended()).await.is_ok()
}

/// Whether a front of this folder has anything to route.
async fn routes(folder: &Path) -> bool {
    let Ok(text) = tokio::fs::read(folder.join("front.json")).await else { return false };
    let kept: Value = serde_json::from_slice(&text).unwrap_or_default();
    kept["routes"].as_array().is_some_and(|routes| !routes.is_empty())
}

fn plan(house: &House, folder: &Path) -> Plan {
    Plan {
        program: house.begin().program.clone(),
        arguments: vec![WORD.to_owned()],
        folder: folder.to_owned(),
        binds: Vec::new(),
        settings: Settings::default(),
        names: None,
    }
}

/// Leaves each front to a process of its own that keeps it; one that has nothing to route any more has ended.
async fn hand_on(house: &House, kept: HashMap<PathBuf, Keeper>) {
    for (folder, keeper) in kept {
        drop(keeper);
        if !routes(&folder).await {
            continue;
        }
        let mut command = Command::new(&house.begin().program);
        command.args([WORD, "--keep"]).arg(folder).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Without it the front serves all the same, and the next server keeps it.
        _ = command.spawn();
    }
}
