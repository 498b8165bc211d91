//! What the process of a run writes for people: a file that grows, from any place in it to its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::house::House;
use crate::http::{Answer, Sender, Stream, parameter};
use crate::records::{QueuedRun, State};

/// How often it is looked whether there is more.
const GLANCE: Duration = Duration::from_millis(20);
/// So much is read at once, in bytes.
const PIECE: u64 = 32 << 10;

/// Answers with the output of a run from `?from=` on, until the run is over; with `?follow=0` only what
/// there is now, and with `?until=approval` until the run is over or waits for a person.
pub(crate) fn output(house: &Arc<House>, run: QueuedRun, query: Option<&str>) -> Answer {
    let from = parameter(query, "from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let until = match (parameter(query, "follow"), parameter(query, "until")) {
        (Some("0"), _) => Until::Now,
        (_, Some("approval")) => Until::Approval,
        _ => Until::Over,
    };
    let (sender, body) = Stream::open();
    tokio::spawn(follow(Arc::clone(house), run, from, until, sender));
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    answer
}

/// How far an output is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Now,
    Approval,
    Over,
}

impl Until {
    fn is_reached(self, run: &QueuedRun) -> bool {
        run.is_over() || (self == Self::Approval && run.state == State::Approval)
    }
}

async fn follow(house: Arc<House>, run: QueuedRun, mut from: u64, until: Until, sender: Sender) {
    let path = house.folder.output(run.id);
    let mut over = until.is_reached(&run);
    let (mut changes, mut leaving) = (house.changes(), house.leaving());
    changes.mark_changed();
    loop {
        // Asked before reading: whatever was written up to the end is read.
        if changes.has_changed().unwrap_or(true) {
            changes.borrow_and_update();
            over = house.run(run.id).await.ok().flatten().is_none_or(|run| until.is_reached(&run));
        }
        loop {
            let piece = piece(&path, from).await;
            if piece.is_empty() {
                break;
            }
            from += piece.len() as u64;
            if sender.send(Ok(Bytes::from(piece))).await.is_err() {
                return;
            }
        }
        if over || until == Until::Now {
            return;
        }
        tokio::select! {
            () = sleep(GLANCE) => {}
            () = sender.closed() => return,
            _ = leaving.changed() => return,
        }
    }
}

async fn piece(path: &Path, from: u64) -> Vec<u8> {
    let path: PathBuf = path.to_owned();
    let read = move || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut piece = Vec::new();
        file.take(PIECE).read_to_end(&mut piece)?;
        Ok(piece)
    };
    // Before the run begins there is no file.
    spawn_blocking(read).await.ok().and_then(Result::ok).unwrap_or_default()
}

/// Returns the end of what the process of a run wrote, in whole lines.
pub(crate) async fn output_tail(house: &House, run: &QueuedRun) -> String {
    let path = house.folder.output(run.id);
    let length = tokio::fs::metadata(&path).await.map_or(0, |found| found.len());
    let from = length.saturating_sub(PIECE);
    let tail = piece(&path, from).await;
    let text = String::from_utf8_lossy(&tail);
    match (from, text.split_once('\n')) {
        (1.., Some((_, rest))) => rest.to_owned(),
        _ => text.into_owned(),
    }
}
