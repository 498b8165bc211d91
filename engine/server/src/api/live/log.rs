//! What the steps of a run write, as events: `Last-Event-ID` is a place in the log.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use model::address::block_of;
use runtime::engine::Problem;
use runtime::log::{Line, Pieces};
use runtime::store::RunId;
use serde::Serialize;
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::house::House;
use crate::http::{ALIVE, Answer, Event, Outlet, Refusal, events, from, parameter};
use crate::records::QueuedRun;
use crate::trouble::failed;

/// How often it is looked whether there is more.
const GLANCE: Duration = Duration::from_millis(50);
/// So much is read at once, in bytes.
const PIECE: u64 = 32 << 10;

/// Reads the log of a run in pieces, off the threads that serve.
pub(crate) struct LogReader {
    pieces: Option<Pieces>,
    from: String,
    /// One step alone; without brackets all of its matrix.
    only: Option<String>,
}

impl LogReader {
    /// Begins at a place; an empty one is the beginning.
    pub(crate) fn new(from: String, only: Option<String>) -> Self {
        Self { pieces: None, from, only }
    }

    /// Returns more, and where it ends. None: there is nothing so far.
    pub(crate) async fn more(
        &mut self,
        house: &House,
        run: &QueuedRun,
    ) -> Result<Option<(Vec<(Arc<str>, Line)>, String)>, Problem> {
        let Some(number) = run.project_run else { return Ok(None) };
        let home = house.folder.project(&run.repository).home;
        let begin = || Pieces::from(&home, RunId(number), &self.from);
        let Some(mut pieces) = self.pieces.take().or_else(begin) else { return Ok(None) };
        let read = spawn_blocking(move || {
            let before = pieces.place();
            let lines = pieces.more(PIECE);
            (before, lines, pieces)
        });
        let (before, lines, pieces) = read.await.map_err(|error| failed(error.to_string()))?;
        let place = pieces.place();
        self.pieces = Some(pieces);
        let mut lines =
            lines.map_err(|error| failed(format!("the log cannot be read: {error}")))?;
        if let Some(only) = &self.only {
            lines.retain(|(step, _)| **step == **only || block_of(step) == only);
        }
        Ok((place != before).then_some((lines, place)))
    }
}

/// Answers with the log of a run, as it is written, until the run is over.
pub(crate) async fn log(
    house: &Arc<House>,
    run: QueuedRun,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Answer, Refusal> {
    let place = from(headers, query).unwrap_or_default();
    if !place.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let message = format!("`{place}` is no place in a log");
        return Err(Refusal::bad(message, "send the id of the last event that you have"));
    }
    let only = parameter(query, "step").map(decoded);
    let (outlet, answer) = events();
    let reader = LogReader::new(place, only);
    tokio::spawn(follow(Arc::clone(house), run, reader, outlet));
    Ok(answer)
}

async fn follow(house: Arc<House>, run: QueuedRun, mut reader: LogReader, outlet: Outlet) {
    let (mut run, mut changes, mut leaving) = (run, house.changes(), house.leaving());
    changes.mark_changed();
    let mut said = Instant::now();
    loop {
        if changes.has_changed().unwrap_or(true) {
            changes.borrow_and_update();
            let Ok(Some(now)) = house.run(run.id).await else { return };
            run = now;
        }
        match reader.more(&house, &run).await {
            Ok(Some((lines, place))) => {
                if outlet.put(of_lines(&lines, &place)).await.is_err() {
                    return;
                }
                said = Instant::now();
                continue;
            }
            Ok(None) if run.is_over() => {
                let data = json!({ "verdict": run.verdict, "message": run.message });
                _ = outlet.send(&[Event { id: None, kind: "end", data }]).await;
                return;
            }
            Ok(None) => {}
            Err(_) => return,
        }
        if said.elapsed() > ALIVE {
            if outlet.alive().await.is_err() {
                return;
            }
            said = Instant::now();
        }
        tokio::select! {
            () = sleep(GLANCE) => {}
            () = outlet.closed() => return,
            _ = leaving.changed() => return,
        }
    }
}

/// A line as it is sent.
#[derive(Serialize)]
struct Sent<'l> {
    step: &'l str,
    at_ms: u64,
    line: &'l str,
}

/// The place stands at the last one: who was cut off before it gets all of the piece again.
fn of_lines(lines: &[(Arc<str>, Line)], place: &str) -> String {
    let mut text = String::new();
    for (at, (step, line)) in lines.iter().enumerate() {
        let id = (at + 1 == lines.len()).then_some(place);
        Event::write(&mut text, id, "line", &Sent { step, at_ms: line.at, line: &line.text });
    }
    if lines.is_empty() {
        Event::write(&mut text, Some(place), "place", &json!({}));
    }
    text
}

/// Takes `%5B` and its like out of a name of a step.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
