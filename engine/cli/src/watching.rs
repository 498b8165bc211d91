//! Watches a run: takes what happens from the channel and draws it, or writes it as events.
//!
//! It runs on a thread of its own, so that a slow terminal slows nothing down. It must not decide
//! anything.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use model::ledger::Steps;
use runtime::store::Run;
use runtime::walk::Stop;
use serde_json::{Value as Json, json};

use crate::json;
use crate::observer::{Feed, Happening, Heard};
use crate::outside;
use crate::render::tree::{Options, Tree};
use crate::screen::Screen;

/// Somebody who watches a run.
pub(crate) struct Watching {
    thread: Option<JoinHandle<()>>,
    feed: Feed,
}

/// What is known of a run before it begins.
pub(crate) struct Expected {
    /// What it does, in a word: `apply`, `destroy`, `run`; or the verb of an action.
    pub(crate) verb: &'static str,
    /// How long steps took last time, in milliseconds, by name.
    pub(crate) timings: HashMap<String, u64>,
    /// The kinds of what is destroyed, by address.
    pub(crate) kinds: HashMap<String, String>,
}

impl Watching {
    /// Begins to watch.
    pub(crate) fn begin(screen: &Arc<Screen>, expected: Expected) -> Self {
        let (feed, happenings) = Feed::new();
        let screen = Arc::clone(screen);
        let draw = move || match (screen.json, screen.quiet) {
            (true, _) => events(&screen, &happenings),
            (false, true) => while !matches!(happenings.recv(), Ok(Happening::Over) | Err(_)) {},
            (false, false) => picture(&screen, &happenings, expected),
        };
        let thread = thread::Builder::new().name("screen".to_owned()).spawn(draw).ok();
        Self { thread, feed }
    }

    /// Returns where the run tells what happens.
    pub(crate) fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// Waits until everything that was told so far is drawn.
    pub(crate) fn end(self) {
        self.feed.tell(Happening::Over);
        if let Some(thread) = self.thread {
            _ = thread.join();
        }
    }
}

/// How often the picture is painted.
const FRAME: Duration = Duration::from_millis(100);

fn picture(screen: &Screen, happenings: &Heard, expected: Expected) {
    let Expected { verb, timings, kinds } = expected;
    let rows = screen.live.then(outside::terminal_size).flatten().map(|(_, rows)| rows);
    let options = Options {
        style: screen.style,
        rows,
        verb: verb.to_owned(),
        timings,
        kinds,
        output: !matches!(verb, "apply" | "destroy"),
    };
    let (mut tree, begun) = (Tree::new(options), Instant::now());
    let (mut painted, mut last) = (begun, Sort::Other);
    loop {
        let due = (painted + FRAME).saturating_duration_since(Instant::now());
        match happenings.recv_timeout(due) {
            Ok(Happening::Over) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(happening) => {
                // Plain lines keep the order in which things happened.
                let sort = Sort::of(&happening);
                if rows.is_none() && std::mem::replace(&mut last, sort) != sort {
                    screen.paint(|out| tree.tick(begun.elapsed(), out));
                }
                take(&mut tree, happening, begun.elapsed());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if painted.elapsed() >= FRAME {
            if let Some((columns, rows)) = rows.and_then(|_| outside::terminal_size()) {
                tree.resize(columns, rows);
            }
            screen.paint(|out| tree.tick(begun.elapsed(), out));
            painted = Instant::now();
        }
    }
    screen.paint(|out: &mut dyn io::Write| tree.finish(begun.elapsed(), out));
}

/// What is drawn together: lines of output, ends of steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Output,
    End,
    /// What is said of an earlier run, before this one begins.
    Earlier,
    Other,
}

impl Sort {
    fn of(happening: &Happening) -> Self {
        match happening {
            Happening::Line(..) => Self::Output,
            Happening::Ended(..) => Self::End,
            Happening::GaveUp(..) => Self::Earlier,
            _ => Self::Other,
        }
    }
}

fn take(tree: &mut Tree, happening: Happening, now: Duration) {
    match happening {
        Happening::Waiting(holder) => tree.waiting(now, &holder),
        Happening::GaveUp(run, ended) => tree.say(&given_up(&run, &ended)),
        Happening::Began { run, subject, steps } => tree.began(now, run.0, &subject, &steps),
        Happening::Running(id) => tree.running(now, id),
        Happening::Status(id, text) => tree.status(id, &text),
        Happening::Line(id, text) => tree.line(id, &text),
        Happening::Retrying(id, fault, pause) => tree.retrying(now, id, &fault.message, pause),
        Happening::Ended(id, ending, took) => tree.ended(id, &ending, took),
        Happening::Stopping(Stop::Now) => {
            tree.say("stopping now; what was under way is looked for when this goes on");
        }

        Happening::Stopping(_) => {
            tree.say("nothing more is started; waiting for what runs (Ctrl-C again stops now)");
        }
        Happening::Over => {}
    }
}

fn given_up(run: &Run, ended: &[String]) -> String {
    let began = outside::moment().clock(run.began);
    let ended = match ended {
        [] => String::new(),
        [step] => format!("; its step {step} still ran and was ended"),
        steps => format!("; its steps {} still ran and were ended", steps.join(", ")),
    };
    format!("run {} of {began} had not ended and is given up{ended}", run.id)
}

fn events(screen: &Screen, happenings: &Heard) {
    let mut steps: Option<Arc<Steps>> = None;
    while let Ok(happening) = happenings.recv() {
        let named = |id: usize, more: Json| {
            let mut event =
                steps.as_ref().map_or_else(|| json!({}), |all| json::step(&all.all()[id]));
            if let (Some(event), Json::Object(more)) = (event.as_object_mut(), more) {
                event.extend(more);
            }
            event
        };
        match happening {
            Happening::Waiting(holder) => screen.event("waiting", json!({ "for": holder })),
            Happening::GaveUp(run, ended) => {
                let event = json!({ "run": run.id, "subject": run.subject, "began_ms": run.began,
                    "ended": ended });
                screen.event("abandoned", event);
            }
            Happening::Began { run, subject, steps: all } => {
                let count = all.all().len();
                let event = json!({ "run": run, "subject": subject, "steps": count });
                screen.event("run_began", event);
                steps = Some(all);
            }
            Happening::Running(id) => screen.event("step_running", named(id, json!({}))),
            Happening::Status(id, text) => {
                screen.event("step_status", named(id, json!({ "status": text })));
            }
            Happening::Line(id, text) => {
                screen.event("step_line", named(id, json!({ "line": text })));
            }
            Happening::Retrying(id, fault, pause) => {
                let more = json!({ "fault": json::fault(&fault), "again_in_ms": pause.as_millis() as u64 });
                screen.event("step_retrying", named(id, more));
            }
            Happening::Ended(id, ending, took) => {
                let mut more = json::ending(&ending);
                more["took_ms"] = json!(took);
                screen.event("step_ended", named(id, more));
            }
            Happening::Over => return,
            Happening::Stopping(stop) => {
                let how = if stop == Stop::Now { "now" } else { "start_nothing" };
                screen.event("stopping", json!({ "how": how }));
            }
        }
    }
}
