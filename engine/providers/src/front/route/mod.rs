//! `front.route`: requests by address, host and path, and who answers them. A change of who does is a
//! cutover.
//!
//! | module | for |
//! |---|---|
//! | [`spec`] | its keys and attributes |
//! | `bar` | keeps it from changing over to an address |
//! | `put` | brings a route about: socket, certificate, cutover |
//! | `seen` | a route as the front tells of it |

mod bar;
mod put;
mod seen;
mod spec;

use std::path::Path;
use std::time::Duration;

use ::front::{Look, Looked as Seen, Parent};
use model::action::ErasedAction;
use model::fault::Nature;
use model::{
    Change, Context, Difference, Fault, Found, Kind, Known, Looked, Object, Secrets, Token, Value,
};
use tokio::time::{Instant, sleep};

pub use spec::{
    HostPattern, Rate, Redirect, RouteHealth, RouteObject, RouteSpec, RouteTimeouts, Socket,
    Targets, TlsFiles,
};

use super::{GLANCE, Sight, home, sight};
use put::Putting;

/// What a route shows when all is well.
const RUNNING: &str = "running";

/// How long a parent may be away before the front counts as unkept, and a front that is kept before it counts
/// as stopped: whoever is started again is back by then.
const AWAY: Duration = Duration::from_secs(2);

/// Requests and who answers them.
pub struct FrontRoute;

impl Kind for FrontRoute {
    const NAME: &'static str = "front.route";
    const EXAMPLE: &'static str = include_str!("example.yml");
    const NAMED_BY_ADDRESS: bool = true;
    const AGES: &'static [&'static str] = &[
        "outcome",
        "cut_over",
        "previous_version",
        "previous_to",
        "served",
        "lost",
        "late",
        "errors",
        "slowest_ms",
        "receipt",
    ];
    type Spec = RouteSpec;
    type Object = RouteObject;

    fn identity(spec: &RouteSpec) -> Option<String> {
        let mut hosts: Vec<&str> = spec.hosts.iter().map(|host| host.0.as_str()).collect();
        hosts.sort_unstable();
        Some(format!("{} {} {}", spec.listen.0, hosts.join(","), spec.path.0))
    }

    fn diff(spec: &RouteSpec, object: &Object, _: &dyn Secrets) -> Vec<Difference> {
        let mut found = Difference::among(object, seen::keys(spec));
        let state = object.get("state");
        if state.as_text() != Some(RUNNING) {
            found.push(Difference::new("state", state.clone(), RUNNING));
        }
        found
    }

    fn back(object: &Object) -> Option<model::Tree> {
        // The file of one that sends everybody on has no `to` to put back.
        if *object.get("redirect") != Value::Null {
            return None;
        }
        let (to, version) = (object.get("previous_to"), object.get("previous_version"));
        let addresses = to.as_text()?.split(", ").map(Value::text).collect();
        let keys = [
            ("to", Value::List(addresses)),
            ("version", version.clone()),
            ("for_good", true.into()),
        ];
        Some(keys.map(|(key, value)| (key.to_owned(), value)).into())
    }

    fn actions() -> Vec<ErasedAction> {
        vec![ErasedAction::of(bar::Bar), ErasedAction::of(bar::Admit)]
    }

    async fn read(
        &self,
        context: &Context,
        known: &[Known<RouteSpec>],
    ) -> Result<Vec<Looked>, Fault> {
        let sight = steady(context).await?;
        let kept = !sight.serves || is_kept(&home(context)).await;
        let one = |id: &String| {
            let route = route(&sight.look, id)?;
            let state = match (sight.serves, kept) {
                (false, _) => "stopped",
                (true, _) if !route.listens => "closed",
                (true, false) => "unkept",
                (true, true) => RUNNING,
            };
            Some(seen::object(route, state))
        };
        Ok(known.iter().map(|known| Ok(one(&known.id))).collect())
    }

    async fn foresee(
        &self,
        context: &Context,
        change: Change<'_, RouteSpec>,
    ) -> Result<Option<String>, Fault> {
        let Some(spec) = change.wanted() else { return Ok(None) };
        put::refuse_expired(context, spec)?;
        let sight = see(context).await?;
        let name = name_of(context, &change);
        if let Some(route) = route(&sight.look, &name) {
            put::refuse_quarantined(context, route, spec)?;
            put::refuse_gone(route, spec)?;
        }
        put::refuse_barred(context, &sight.look, &name, spec)?;
        put::refuse_twin(&sight.look, &name, spec)?;
        let is_new = !sight
            .look
            .routes
            .iter()
            .any(|route| route.spec.listen.is_some_and(|bind| bind.address == spec.listen.0));
        if is_new {
            put::refuse_taken(spec.listen.0)?;
        }
        Ok(put::absent(context, spec))
    }

    async fn apply(
        &self,
        context: &Context,
        change: Change<'_, RouteSpec>,
        token: &Token,
    ) -> Result<Option<Object>, Fault> {
        let name = name_of(context, &change);
        let Some(spec) = change.wanted() else {
            return put::remove(context, &name).await.map(|()| None);
        };
        let putting = Putting { context, name: &name, spec, token: token.as_str() };
        putting.bring_about().await.map(Some)
    }

    async fn find(
        &self,
        context: &Context,
        change: Change<'_, RouteSpec>,
        token: &Token,
    ) -> Result<Found, Fault> {
        let name = name_of(context, &change);
        let sight = see(context).await?;
        let known = route(&sight.look, &name);
        let (Some(spec), Some(known)) = (change.wanted(), known) else {
            let gone = change.wanted().is_none() && known.is_none();
            return Ok(if gone { Found::Done(None) } else { Found::Nothing });
        };
        let putting = Putting { context, name: &name, spec, token: token.as_str() };
        if putting.is_begun(known) {
            // It was flipped, or nothing was to be flipped: what is left is done to the end.
            return match putting.bring_about().await {
                Ok(object) => Ok(Found::Done(Some(object))),
                // It was taken back, or nobody was in health.
                Err(fault) if fault.nature == Nature::Refused => Ok(Found::Nothing),
                Err(fault) => Err(fault),
            };
        }
        if change.object().is_none() && known.office.is_none() {
            put::remove(context, &name).await?;
        }
        Ok(Found::Nothing)
    }
}

fn name_of(context: &Context, change: &Change<'_, RouteSpec>) -> String {
    match change.object() {
        Some(object) => object.id.clone(),
        None => format!("{}/{}", context.stack, context.address),
    }
}

fn route<'l>(look: &'l Look, name: &str) -> Option<&'l Seen> {
    look.routes.iter().find(|route| route.spec.name == name)
}

async fn see(context: &Context) -> Result<Sight, Fault> {
    sight(&home(context))
        .await
        .map_err(|error| Fault::broken(format!("cannot see what is routed: {error}")))
}

/// As [`see`], but one that was killed a moment ago, and is about to be started again, is waited for.
async fn steady(context: &Context) -> Result<Sight, Fault> {
    let patience = Instant::now() + AWAY;
    loop {
        let sight = see(context).await?;
        let is_well = sight.serves || sight.look.routes.is_empty();
        if is_well || Instant::now() >= patience || !is_kept(&home(context)).await {
            return Ok(sight);
        }
        sleep(GLANCE).await;
    }
}

/// Whether somebody would start the front again.
pub(super) async fn is_kept(folder: &Path) -> bool {
    let parent = Parent::of(folder);
    let patience = Instant::now() + AWAY;
    while !parent.is_there() {
        if Instant::now() >= patience {
            return false;
        }
        sleep(GLANCE).await;
    }
    true
}
