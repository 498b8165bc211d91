//! The way back of a stack: a plan of what can be turned back at once.
//!
//! It must not change anything, nor read a file.

use model::address::within;

use super::files::unreadable;
use super::{Engine, PlanRequest, Planned, Problem};
use crate::plan::{Foresight, Refreshed, State, WayBack};

impl PlanRequest {
    /// Returns a request for the way back of a stack: of these addresses, or of all that can.
    pub fn back(stack: &str, only: &[String]) -> Self {
        let own = |name: &String| within(stack, name).unwrap_or(name).to_owned();
        let mut request = Self { back: true, ..Self::destroy(stack) };
        request.targets.only = only.iter().map(own).collect();
        request
    }
}

impl Engine {
    pub(super) async fn plan_back(&self, request: &PlanRequest) -> Result<Planned, Problem> {
        let stack = request.name.as_deref().unwrap_or_default();
        let only = &request.targets.only;
        let refreshed = self.refresh(stack).await?;
        let state = State::load(&self.store, stack)?;
        refuse_unknown(stack, only, &state)?;
        let Refreshed { drift, unread } = refreshed.still_sealed(&state, &*self.sealing());
        let meant = |(key, _): &(String, _)| only.is_empty() || only.contains(key);
        if let Some(problem) = unreadable(unread.into_iter().filter(meant).collect()) {
            return Err(problem);
        }
        let secrets = &*self.vault;
        let kinds = &*self.kinds;
        let mut plan = WayBack { stack, state: &state, drift: &drift, kinds, secrets, only }.plan();
        if let Some(trouble) = state.trouble() {
            return Err(Problem::Store(trouble.clone()));
        }
        if plan.is_empty() {
            let what =
                only.first().map_or_else(|| stack.to_owned(), |one| format!("{stack}/{one}"));
            return Err(Problem::refused(format!("nothing of `{what}` can go back at once")).help(
                "a front.route goes back to the version before while that still stands by, and not \
                 to one in quarantine; for anything else apply the files as they were",
            ));
        }
        let (context, sealing) = (self.context(stack), self.sealing());
        let foresight =
            Foresight { state: &state, drift: &drift, kinds, context, sealing: &*sealing };
        foresight.add_to(&mut plan).await;
        Ok(Planned { plan, decoded: state.decoded(), drifted: drift.len() })
    }
}

/// What is misspelt would be left out in silence.
fn refuse_unknown(stack: &str, only: &[String], state: &State) -> Result<(), Problem> {
    let Some(unknown) = only.iter().find(|name| !state.rows.contains_key(*name)) else {
        return Ok(());
    };
    let message = format!("nothing in the stack `{stack}` is called `{unknown}`");
    let names = state.rows.keys().map(String::as_str);
    Err(Problem::usage(message).help(match language::suggest::nearest(unknown, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`windlass state list {stack}` lists what there is"),
    }))
}
