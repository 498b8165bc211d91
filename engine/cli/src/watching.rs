//! Watches a run: takes what happens from the channel and draws it, or writes it as events.
//!
//! It runs on a thread of its own, so that a slow terminal slows nothing down. It must not decide
//! anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};

use model::ledger::Steps;
use runtime::walk::Stop;
use serde_json::{Value as Json, json};

use crate::json;
use crate::observer::{Feed, Happening};
use crate::plain;
use crate::screen::Screen;

/// Somebody who watches a run.
pub(crate) struct Watching {
    thread: Option<JoinHandle<()>>,
    feed: Feed,
}

impl Watching {
    /// Begins to watch. `timings`: how long steps took last time, in milliseconds.
    pub(crate) fn begin(screen: &Arc<Screen>, timings: HashMap<String, u64>) -> Self {
        let (feed, happenings) = Feed::new();
        let screen = Arc::clone(screen);
        let draw = move || match screen.json {
            true => events(&screen, &happenings),
            false => plain::follow(&screen, &happenings, &timings),
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

fn events(screen: &Screen, happenings: &Receiver<Happening>) {
    let mut steps: Option<Arc<Steps>> = None;
    while let Ok(happening) = happenings.recv() {
        let named = |id: usize, more: Json| {
            let mut event = steps.as_ref().map_or_else(|| json!({}), |all| json::step(&all.all()[id]));
            if let (Some(event), Json::Object(more)) = (event.as_object_mut(), more) {
                event.extend(more);
            }
            event
        };
        match happening {
            Happening::Waiting(holder) => screen.event("waiting", json!({ "for": holder })),
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
