//! `windlass serve`: hosts the repositories of a folder and runs their pipelines.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use listenfd::ListenFd;
use runtime::engine::Problem;
use serde_json::json;
use server::{Begin, Ready, Told, serve};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::call::Call;
use crate::outside::{OsRandom, SystemClock};
use crate::problem::{Exit, failed};
use crate::stop;

/// Host repositories: a push runs their pipelines
#[derive(Args)]
pub(crate) struct Serve {
    /// The folder with `windlass.yml`; by default this one
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,

    /// Listen here, not where `windlass.yml` says
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,

    /// When told to end, begin nothing more and wait for the runs that are under way
    #[arg(long)]
    drain: bool,
}

pub(crate) fn run(call: &Call, args: &Serve) -> Result<Exit, Problem> {
    let named = args.root.as_deref().or(call.folder.as_deref());
    let root =
        named.map_or_else(|| call.around.folder.clone(), |named| call.around.folder.join(named));
    let begin = Begin {
        program: call.around.program.clone(),
        environment: call.around.environment.clone(),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        kinds: providers::kinds(),
        listen: args.listen.clone(),
    };
    let drain = args.drain;
    few_threads()?.block_on(async {
        let (tells, told) = watch::channel(Told::Stay);
        call.interrupt.disarm();
        tokio::spawn(async move {
            stop::told().await;
            if drain {
                _ = tells.send(Told::Drain);
                stop::told().await;
            }
            _ = tells.send(Told::Leave);
            // Kept: who listens must not take its end for the order.
            std::future::pending::<()>().await;
        });
        serve(root, begin, inherited(), |ready| tell(call, ready), told).await
    })?;
    Ok(Exit::Done)
}

/// The sockets that systemd holds for this process, by its activation protocol (`sd_listen_fds(3)`).
fn inherited() -> Vec<TcpListener> {
    let mut given = ListenFd::from_env();
    (0..given.len()).filter_map(|at| given.take_tcp_listener(at).ok().flatten()).collect()
}

/// A server waits most of the time: a thread that serves nobody is only memory.
fn few_threads() -> Result<Runtime, Problem> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(WORKERS).max_blocking_threads(BLOCKING).thread_keep_alive(KEPT);
    let runtime = builder.enable_all().build();
    runtime.map_err(|error| failed(format!("cannot start: {error}")))
}

/// Threads that serve.
const WORKERS: usize = 2;
/// Threads that read and write files, at most.
const BLOCKING: usize = 4;
/// How long such a thread stays when it has nothing to do.
const KEPT: Duration = Duration::from_secs(2);

fn tell(call: &Call, ready: &Ready) {
    let Ready { name, address, repositories, follows, troubles } = ready;
    let event = json!({
        "server": name, "address": address, "repositories": repositories,
        "follows": follows.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "troubles": troubles,
    });
    call.screen.event("serving", event);
    call.screen.answer(&format!("{name}  serves at {address}\n"));
    for repository in repositories {
        call.screen.note(&format!("  push to it:  git push {address}/{repository}.git main"));
    }
    for (repository, url) in follows {
        call.screen.note(&format!("  follows {repository}:  {url}"));
    }
    for trouble in troubles {
        call.screen.note(&format!("  wrong, and tried again: {trouble}"));
    }
}
