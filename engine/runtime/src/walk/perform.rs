//! One step from its intent to its ending: look first when in doubt, act, try again.
//!
//! It must not write the journal or know other steps: the walker does both.

use std::time::{Duration, Instant};

use model::Fault;
use model::event::{Ending, LogRange};
use model::fault::Nature;
use model::plan::Step;
use tokio::time::{sleep, timeout};

use super::gates::Gates;
use super::{Done, Effects, Live, Prepared, since};

/// How a step ended, and what is known about it beside.
pub(super) struct Performed {
    pub ending: Ending,
    /// In milliseconds.
    pub took: u64,
    pub log: Option<LogRange>,
}

impl Performed {
    pub(super) fn without_running(ending: Ending) -> Self {
        Self { ending, took: 0, log: None }
    }

    /// Its intent is durable, and nothing came of it: it waits as if it had not been begun.
    pub(super) fn not_begun() -> Self {
        Self::without_running(Ending::Lost)
    }

    pub(super) fn refused(fault: Fault) -> Self {
        Self::without_running(Ending::Failed { fault })
    }
}

/// Every attempt after the first one is in doubt, whatever ended the one before it: an error, a
/// time-out or the death of the engine.
pub(super) async fn perform<E: Effects>(
    step: &Step,
    prepared: Prepared,
    mut in_doubt: bool,
    effects: &E,
    gates: &Gates,
    live: &Live,
) -> Performed {
    let mut attempt = 1;
    let mut took = 0;
    let ending = loop {
        let pass = gates.pass(prepared.api, effects.places(step)).await;
        if gates.are_closed() && !in_doubt {
            return Performed::not_begun();
        }
        live.observer().running(live.id(), step);
        let begun = Instant::now();
        let result = attempt_once(step, &prepared, in_doubt, effects, live).await;
        took += since(begun);
        drop(pass);
        let fault = match result {
            Ok(Done { what, state }) => break Ending::Done { what, state },
            Err(fault) => fault,
        };
        match fault.nature {
            Nature::Refused | Nature::Futile | Nature::Stale => break Ending::Failed { fault },
            Nature::Passing if attempt < step.attempts => {
                let pause = pause(attempt, fastrand::f64());
                live.observer().retrying(live.id(), step, &effects.shown(fault), pause);
                sleep(pause).await;
            }
            Nature::Passing | Nature::Broken => break Ending::Errored { fault },
        }
        in_doubt = true;
        attempt += 1;
    };
    Performed { ending, took, log: live.log() }
}

async fn attempt_once<E: Effects>(
    step: &Step,
    prepared: &Prepared,
    in_doubt: bool,
    effects: &E,
    live: &Live,
) -> Result<Done, Fault> {
    let act = async {
        if in_doubt && let Some(done) = effects.find(step, prepared, live).await? {
            return Ok(done);
        }
        effects.apply(step, prepared, live).await
    };
    match prepared.timeout {
        None => act.await,
        Some(limit) => timeout(limit, act).await.unwrap_or_else(|_| {
            let limit = language::Duration(limit).words();
            let message = match live.said() {
                said if said.is_empty() => format!("no end within {limit}"),
                said => format!("no end within {limit}: {said}"),
            };
            Err(Fault::passing(message).help("raise its `timeout` if it rightly takes longer"))
        }),
    }
}

/// Returns how long to wait before the next attempt: full jitter below a bound that doubles from
/// 200 ms to 20 s. `chance` is between 0 and 1.
pub fn pause(attempt: u32, chance: f64) -> Duration {
    let bound = Duration::from_millis(200 << (attempt - 1).min(7)).min(Duration::from_secs(20));
    bound.mul_f64(chance.clamp(0.05, 1.0))
}
