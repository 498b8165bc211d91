//! Plans, runs and reports as plain lines.
//!
//! It must not paint over anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use model::event::Ending;
use model::ledger::Steps;
use model::plan::{Action, Plan, Work};
use runtime::engine::Report;
use runtime::store::RunOutcome;
use runtime::walk::Stop;

use crate::json::{kind, outcome};
use crate::observer::Happening;
use crate::screen::Screen;

/// Returns a plan as text.
pub(crate) fn plan(plan: &Plan, took: f64) -> String {
    if plan.is_unchanged() && plan.refused.is_empty() {
        return format!("{}  unchanged, {} resources  {took:.2} s\n", plan.stack, plan.unchanged);
    }
    let mut text = format!("{}  {} changes, {} unchanged  {took:.2} s\n", plan.stack, plan.items.len(), plan.unchanged);
    for item in &plan.items {
        let sign = match item.action {
            Action::Create => "+",
            Action::Update => "~",
            Action::Replace { .. } => "±",
            Action::Delete => "-",
            Action::Forget => "o",
            Action::Remember => "=",
        };
        let note = item.note.as_deref().unwrap_or_default();
        text.push_str(&format!("  {sign} {:<18} {}  {note}", item.kind, item.address).trim_end());
        text.push('\n');
        for reason in &item.reasons {
            let (from, to) = (crate::json::value(&reason.from), crate::json::value(&reason.to));
            text.push_str(&format!("      {}  {from} → {to}\n", reason.key));
        }
    }
    for output in &plan.outputs {
        text.push_str(&format!("  output {}\n", output.name));
    }
    for why in &plan.refused {
        text.push_str(&format!("  refused: {why}\n"));
    }
    text
}

/// Returns what came of a run.
pub(crate) fn report(report: &Report) -> String {
    let mut text = String::new();
    for trouble in &report.troubles {
        let why = match &trouble.ending {
            Some(Ending::Failed { fault } | Ending::Errored { fault }) => fault.message.clone(),
            Some(Ending::Blocked { by }) => format!("not started: {by} was not done"),
            _ => "not done".to_owned(),
        };
        text.push_str(&format!("✗ {} {}  {why}\n", trouble.kind, trouble.address));
        if let Some(fault) = trouble.ending.as_ref().and_then(Ending::fault) {
            fault.details.iter().for_each(|line| text.push_str(&format!("    | {line}\n")));
            if let Some(help) = &fault.help {
                text.push_str(&format!("    try: {help}\n"));
            }
        }
    }
    let done: Vec<String> =
        report.done.iter().map(|(what, count)| format!("{count} {}", outcome(*what))).collect();
    let word = match report.outcome {
        RunOutcome::Done => "done",
        RunOutcome::Stopped => "stopped",
        _ => "failed",
    };
    let seconds = report.took as f64 / 1000.0;
    text.push_str(&format!("{}  {word}: {}  {seconds:.1} s\n", report.subject, done.join(", ")));
    text
}

/// Writes what happens, line by line.
pub(crate) fn follow(screen: &Screen, happenings: &Receiver<Happening>, _: &HashMap<String, u64>) {
    let mut steps: Option<Arc<Steps>> = None;
    while let Ok(happening) = happenings.recv() {
        let name = |id: usize| steps.as_ref().map_or("", |steps| steps.all()[id].name.as_str());
        match happening {
            Happening::Waiting(holder) => screen.note(&format!("waiting for {holder}")),
            Happening::Began { run, subject, steps: all } => {
                screen.note(&format!("{subject}  run {run}, {} steps", all.all().len()));
                steps = Some(all);
            }
            Happening::Running(_) => {}
            Happening::Status(id, text) => screen.note(&format!("  ◐ {}  {text}", name(id))),
            Happening::Line(id, text) => screen.note(&format!("    {} | {text}", name(id))),
            Happening::Retrying(id, fault, pause) => {
                screen.note(&format!("  ◐ {}  {fault}; again in {pause:?}", name(id)));
            }
            Happening::Ended(id, ending, took) => {
                let Some(step) = steps.as_ref().map(|steps| &steps.all()[id]) else { continue };
                if matches!(step.work, Work::Join | Work::Outputs(_)) {
                    continue;
                }
                let sign = if ending.is_done() { "✓" } else { "✗" };
                let took = took as f64 / 1000.0;
                screen.note(&format!("  {sign} {:<18} {}  {took:.1} s", kind(step), step.name));
            }
            Happening::Over => return,
            Happening::Stopping(Stop::Now) => screen.note("stopping now"),
            Happening::Stopping(_) => {
                screen.note("nothing more is started; waiting for what runs (again: stop now)");
            }
        }
    }
}

/// Returns a value in one line.
pub(crate) fn value(value: &model::Value) -> String {
    match crate::json::value(value) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}
