//! The web front of a project, as resources: what is routed where.
//!
//! | module | for |
//! |---|---|
//! | [`route`] | the kind `front.route` |
//! | `keep` | the process that keeps the front running |
//!
//! It must not answer requests itself: the crate `front` does, in processes of its own.

mod keep;
pub mod route;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::front::{Command, Look, Remote, Reply};
pub use keep::{KEEP, keep};
use model::fault::Nature;
use model::{Context, Fault};
pub use route::{FrontRoute, Socket};
use tokio::time::{Instant, sleep};

/// How long the front may be away in the middle of something: it is started again.
const AWAY: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(25);

/// The folder of a project's front.
fn home(context: &Context) -> PathBuf {
    context.site.home.join("front")
}

/// What there is of a front, and whether it serves.
struct Sight {
    look: Look,
    serves: bool,
}

/// Looks at the front of a folder without starting anything; what nobody serves is known from disk.
async fn sight(folder: &Path) -> io::Result<Sight> {
    if folder.join("control.sock").exists()
        && let Ok(look) = Remote::of(folder)?.look().await
    {
        return Ok(Sight { look, serves: true });
    }
    Ok(Sight { look: Look::kept(folder)?, serves: false })
}

/// How a project's front is, as nobody but who asks needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// So many routes are served, and the front is started again if it ends.
    Well(usize),
    /// Nobody serves; one of its routes.
    Stopped(String),
    /// It serves, and nobody would start it again; one of its routes.
    Unkept(String),
    /// The address of a route is not open.
    Closed(String, SocketAddr),
}

/// Looks at the front of a project without starting anything. None: nothing is routed.
///
/// # Errors
/// What is kept of it cannot be read.
pub async fn health(project_home: &Path) -> io::Result<Option<Health>> {
    let folder = project_home.join("front");
    let sight = sight(&folder).await?;
    let routes = sight.look.routes;
    let Some(first) = routes.first().map(|route| route.spec.name.clone()) else { return Ok(None) };
    if !sight.serves {
        return Ok(Some(Health::Stopped(first)));
    }
    if let Some(closed) = routes.iter().find(|route| !route.listens)
        && let Some(bind) = closed.spec.listen
    {
        return Ok(Some(Health::Closed(closed.spec.name.clone(), bind.address)));
    }
    let kept = route::is_kept(&folder).await;
    Ok(Some(if kept { Health::Well(routes.len()) } else { Health::Unkept(first) }))
}

/// Has no route of a project's front go back to an address, since somebody else will be there. Returns
/// whether nobody goes there: false while requests do, may have to go back, or are still answered there.
pub(crate) async fn release(context: &Context, address: SocketAddr) -> Result<bool, Fault> {
    let unseen = |error: io::Error| Fault::broken(format!("cannot see what is routed: {error}"));
    if sight(&home(context)).await.map_err(unseen)?.look.routes.is_empty() {
        return Ok(true);
    }
    match tell(context, Command::Release { address }).await {
        Ok(_) => Ok(true),
        Err(fault) if fault.nature == Nature::Refused => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Has the routes of a project's front change over to these addresses again, if they were kept from it.
pub(crate) async fn admit(context: &Context, addresses: &[SocketAddr]) -> Result<(), Fault> {
    let unseen = |error: io::Error| Fault::broken(format!("cannot see who is barred: {error}"));
    let barred = sight(&home(context)).await.map_err(unseen)?.look.barred;
    for one in barred.iter().filter(|one| addresses.contains(&one.address)) {
        tell(context, Command::Admit { address: one.address }).await?;
    }
    Ok(())
}

/// Says a command to the front of a project; a refusal is a refusal. Where the front ends before it answers,
/// the next one is told the same: whatever is said to it can be said again.
async fn tell(context: &Context, command: Command) -> Result<Reply, Fault> {
    let until = Instant::now() + AWAY;
    loop {
        match keep::ensure(context).await?.say(&command).await {
            Ok(reply) => return Ok(reply),
            Err(error) if !is_gone(&error) => return Err(Fault::refused(error.to_string())),
            Err(error) if Instant::now() > until => return Err(Fault::passing(error.to_string())),
            Err(_) => sleep(GLANCE).await,
        }
    }
}

/// Whether nobody answers, for whatever reason; otherwise somebody refuses.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
    let kinds = [BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof];
    kinds.contains(&error.kind())
}

/// Returns every address that the front of a project sends requests to, may send them back to, or still
/// waits for, each with the route that does.
pub(crate) async fn busy(context: &Context) -> io::Result<Vec<(String, SocketAddr)>> {
    let sight = sight(&home(context)).await?;
    let routes = sight.look.routes.into_iter();
    Ok(routes
        .flat_map(|route| {
            let name = route.spec.name;
            route.busy.into_iter().map(move |address| (name.clone(), address))
        })
        .collect())
}
