//! The process that keeps a project's front running, until a server takes it over or nothing is routed.
//!
//! It outlives the command that started it, as the supervisor of services does.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ::front::{Keeper, Parent, Plan, Remote, Settings};
use model::{Context, Fault};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::home;
use crate::process::supervisor::detach;

/// The hidden words of the command line under which the program becomes the keeper of a folder's front:
/// `windlass front --keep FOLDER` calls [`keep`].
pub const KEEP: [&str; 2] = ["front", "--keep"];

/// How long a front may take to serve, also where another one has to leave first.
const PATIENCE: Duration = Duration::from_secs(45);
const GLANCE: Duration = Duration::from_millis(5);
/// How long one that was started may take before another one is started.
const START: Duration = Duration::from_secs(2);

/// Keeps the front of a folder until another keeper takes it over or it is ended. Returns at once if it
/// is kept. Meant to be the whole of a process.
pub fn keep(folder: &Path) -> io::Result<()> {
    detach()?;
    let folder = folder.canonicalize()?;
    let plan = Plan {
        program: std::env::current_exe()?,
        arguments: vec![KEEP[0].to_owned()],
        folder,
        binds: vec![],
        settings: Settings::default(),
        names: None,
    };
    std::env::set_current_dir("/")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Some(keeper) = Keeper::start_unless_kept(plan).await? {
            keeper.ended().await;
        }
        Ok(())
    })
}

/// Sees to it that a front serves and is kept, and returns who speaks to it.
pub(super) async fn ensure(context: &Context) -> Result<Remote, Fault> {
    let folder = home(context);
    let lame = |error: io::Error| {
        let log = folder.join(LOG);
        Fault::broken(format!("the web front in {} does not serve: {error}", folder.display()))
            .help(format!("what it said last stands in {}", log.display()))
    };
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(lame)?;
    let (remote, parent) = (Remote::of(&folder).map_err(lame)?, Parent::of(&folder));
    let mut started: Option<(Child, Instant)> = None;
    let until = Instant::now() + PATIENCE;
    loop {
        if parent.is_there() && remote.look().await.is_ok_and(|look| !look.frozen) {
            // Where a change of office is under way it stays what it is until the next time.
            let _ = parent.renew().await;
            return Ok(remote);
        }
        if Instant::now() > until {
            return Err(lame(io::ErrorKind::TimedOut.into()));
        }
        let coming = started.as_ref().is_some_and(|(_, since)| since.elapsed() < START);
        if !parent.is_there() && !coming {
            started = Some((start(context, &folder).map_err(lame)?, Instant::now()));
        }
        sleep(GLANCE).await;
    }
}

/// What keeper and front say goes there.
const LOG: &str = "front.log";

fn start(context: &Context, folder: &Path) -> io::Result<Child> {
    let mut options = OpenOptions::new();
    let log = options.create(true).append(true).mode(0o600).open(folder.join(LOG))?;
    // Nothing of a run clings to it: it outlives the run, and a sweep for the run's processes must not
    // find it.
    let mut command = Command::new(&context.site.program);
    command.args(KEEP).arg(folder).env_clear();
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()
}
