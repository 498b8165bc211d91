//! From a plan to its report: asking, the walk with somebody watching, what to say at the end.
//!
//! It must not plan.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use model::Tree;
use model::fault::Nature;
use model::plan::{Action, Plan};
use runtime::engine::{ApplyOptions, Budget, Engine, Problem, Report, Settled};
use runtime::lease::Terms;
use runtime::store::RunOutcome;
use serde_json::json as object;

use crate::call::Call;
use crate::problem::{Exit, usage};
use crate::render::measure::counted;
use crate::render::recovered::recovered;
use crate::render::report::{Verb, View};
use crate::render::tree;
use crate::watching::{Expected, Watching};
use crate::{json, outside, render, stop};

/// Flags of everything that changes the world.
#[derive(Args, Clone)]
pub(crate) struct WorkArgs {
    /// Wait so long if another run is at work, such as 10m
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true)]
    pub(crate) wait: Wait,

    /// So many steps at once
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) parallel: Option<u16>,
}

/// How long to wait: a duration as files write it.
#[derive(Clone, Copy)]
pub(crate) struct Wait(pub(crate) Duration);

impl std::str::FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = <language::Duration as language::Leaf>::parse(text);
        read.map(|duration| Self(duration.0))
    }
}

/// How much may be deleted without asking.
#[derive(Clone, Copy)]
pub(crate) struct Deletes(pub(crate) Budget);

impl std::str::FromStr for Deletes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self(Budget::Everything)),
            number => number
                .parse()
                .map(|most| Self(Budget::AtMost(most)))
                .map_err(|_| "write a number, or `all`".to_owned()),
        }
    }
}

impl WorkArgs {
    /// Returns the options of the engine.
    pub(crate) fn options(&self) -> ApplyOptions {
        let usual = ApplyOptions::default();
        ApplyOptions {
            terms: Terms { patience: self.wait.0, ..usual.terms },
            running: self.parallel.map_or(usual.running, usize::from),
            ..usual
        }
    }
}

/// Settles what a dead run left before the state is changed by hand, and says what was found.
pub(crate) async fn settle(call: &Call, engine: &Engine, stack: &str) -> Result<(), Problem> {
    let settled = engine.settle(stack, ApplyOptions::default().terms, |_| {}).await?;
    tell_settled(call, stack, &settled);
    Ok(())
}

/// Says what a dead run left in doubt, and what was found.
pub(crate) fn tell_settled(call: &Call, stack: &str, settled: &Settled) {
    for run in &settled.abandoned {
        let event = object!({ "run": run.id, "subject": stack, "began_ms": run.began });
        call.screen.event("abandoned", event);
    }
    for doubt in &settled.recovered {
        let event = object!({
            "step": doubt.step, "kind": doubt.kind, "verb": doubt.verb, "happened": doubt.happened,
        });
        call.screen.event("recovered", event);
    }
    let text = recovered(stack, settled, &outside::moment(), call.screen.style);
    call.screen.answer(&text);
}

/// What a person says to a plan.
pub(crate) enum Said {
    /// Go on; perhaps with more deletions than usual.
    Yes(ApplyOptions),
    /// Leave it.
    No,
}

/// Asks whether a plan is to be applied. Without a terminal somebody has to have said so before.
pub(crate) fn confirm(
    call: &Call,
    plan: &Plan,
    yes: bool,
    options: ApplyOptions,
    engine: &Engine,
) -> Result<Said, Problem> {
    let over = engine.permitted(plan, &options);
    // What is protected cannot be allowed by saying so; what is only much can.
    let too_much = match over {
        Ok(()) => None,
        Err(problem) if yes || !call.screen.asks || !plan.refused.is_empty() => {
            return Err(problem);
        }
        Err(problem) => Some(problem.message()),
    };
    if yes {
        return Ok(Said::Yes(options));
    }
    if !call.screen.asks {
        let yes = engine.sealing().masked(&call.typed_with("--yes"));
        let help = format!("look at the plan above, then say yes: `{yes}`");
        return Err(usage("nobody can be asked here whether to go on", help));
    }
    let typed = match (&too_much, options.destroy) {
        (None, false) => {
            return Ok(match answered(call, "Apply this? [y/N] ", &["y", "yes"]) {
                true => Said::Yes(options),
                false => Said::No,
            });
        }
        (Some(why), _) => format!("{why}.\nType the stack's name to do it all the same: "),
        (None, true) => {
            let going = plan.count(|action| action == Action::Delete);
            let going = counted(going, "resource");
            format!("Destroy {going} of {}? Type the stack's name to go on: ", plan.stack)
        }
    };
    Ok(match answered(call, &typed, &[&plan.stack]) {
        true => Said::Yes(ApplyOptions { budget: Budget::Everything, ..options }),
        false => Said::No,
    })
}

fn verb(options: &ApplyOptions) -> &'static str {
    if options.destroy { "destroy" } else { "apply" }
}

fn answered(call: &Call, question: &str, expected: &[&str]) -> bool {
    let answer = call.screen.ask(question).unwrap_or_default();
    expected.iter().any(|word| answer.eq_ignore_ascii_case(word))
}

/// Applies a plan with somebody watching. `again` is what to type to go on if it is not finished.
pub(crate) async fn apply(
    call: &Call,
    engine: &Engine,
    plan: Plan,
    id: Option<String>,
    options: &ApplyOptions,
    again: &str,
) -> Result<Exit, Problem> {
    let (stack, kinds) = (plan.stack.clone(), tree::kinds(&plan));
    let timings = engine.store.timings(&stack)?;
    let verb = verb(options);
    let expected = Expected { verb, timings, kinds: kinds.clone() };
    let watching = Watching::begin(&call.screen, expected);
    let stop = stop::listen(call, watching.feed());
    let report = engine.apply(plan, id, options, Arc::new(watching.feed()), stop).await;
    watching.end();
    let verb = if options.destroy { Verb::Destroy } else { Verb::Apply };
    Ok(finish(call, &report?, verb, &kinds, again))
}

/// Says what came of a run.
pub(crate) fn finish(
    call: &Call,
    report: &Report,
    verb: Verb,
    kinds: &HashMap<String, String>,
    again: &str,
) -> Exit {
    let exit = exit(report, verb);
    call.screen.event("run_ended", json::report(report));
    let view = View { verb, kinds, again, next: None, exit: exit as u8 };
    call.screen.answer(&render::report::report(report, &view, call.screen.style));
    exit
}

/// Returns the exit of a report. A plan that was stale is refused, not failed: planning again helps. So is
/// what a resource was asked to do and did not begin.
fn exit(report: &Report, verb: Verb) -> Exit {
    match report.outcome {
        RunOutcome::Done => return Exit::Done,
        RunOutcome::Waiting => return Exit::Waiting,
        _ => {}
    }
    let mut faults = report.troubles.iter().filter_map(|trouble| trouble.ending.as_ref()?.fault());
    let refused = |fault: &model::Fault| match fault.nature {
        Nature::Stale => true,
        Nature::Futile => matches!(verb, Verb::Act(_)),
        _ => false,
    };
    let any = faults.clone().next().is_some();
    if any && faults.all(refused) { Exit::Refused } else { Exit::Failed }
}

/// Prints the outputs of a stack.
pub(crate) fn tell_outputs(call: &Call, stack: &str, values: &Tree) {
    call.screen.event("outputs", object!({ "stack": stack, "values": json::tree(values) }));
    call.screen.answer(&render::report::outputs(values, call.screen.style));
}
