//! Whether the server lives, and numbers about it in the text form that Prometheus reads
//! (prometheus.io, "Exposition formats").

use std::fmt::Write as _;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;

use crate::house::House;
use crate::http::{Answer, Refusal, json as answer_json, text};
use crate::records::queue;

/// Says whether it lives, and can do what it is there for: without its records it takes in nothing. What
/// else goes wrong is counted; what it is, `/api/v1/server` says to who may ask.
pub(crate) async fn health(house: &Arc<House>) -> Answer {
    let records = house.records.ask(queue::is_readable).await;
    let status = if records.is_ok() { "ok" } else { "failing" };
    let about = json!({
        "status": status,
        "server": house.settings.file.server.0,
        "version": env!("CARGO_PKG_VERSION"),
        "troubles": house.troubles.list().len(),
    });
    let mut answer = answer_json(&about);
    if status != "ok" {
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    answer
}

/// Says how much of what there is.
pub(crate) async fn metrics(house: &Arc<House>) -> Result<Answer, Refusal> {
    let counts = house.records.ask(queue::counts).await?;
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, lines: &[String]| {
        _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for line in lines {
            _ = writeln!(out, "{name}{line}");
        }
    };
    let waiting: u64 =
        counts.iter().filter(|(_, word, ..)| word == "waiting").map(|(_, _, count, _)| count).sum();
    family(
        "windlass_queue_length",
        "gauge",
        "Runs that wait for their turn.",
        &[format!(" {waiting}")],
    );
    let labels = |repository: &str, word: &str| {
        format!("{{repository=\"{}\",state=\"{}\"}}", escaped(repository), escaped(word))
    };
    let runs: Vec<String> = counts
        .iter()
        .map(|(repository, word, count, _)| format!("{} {count}", labels(repository, word)))
        .collect();
    family("windlass_runs", "gauge", "Runs by repository and by state or verdict.", &runs);
    let durations: Vec<String> = counts
        .iter()
        .filter(|(_, word, ..)| word == "passed" || word == "failed")
        .map(|(repository, word, _, took)| {
            format!("{} {}", labels(repository, word), *took as f64 / 1000.0)
        })
        .collect();
    family(
        "windlass_run_duration_seconds_sum",
        "gauge",
        "How long runs took that have ended and are kept, in all.",
        &durations,
    );
    let requests = house.counters.all();
    let requests: Vec<String> = requests
        .iter()
        .map(|((what, status), count)| format!("{{of=\"{what}\",status=\"{status}\"}} {count}"))
        .collect();
    family("windlass_http_requests_total", "counter", "Requests that were answered.", &requests);
    let uptime = house.since.elapsed().as_secs_f64();
    family("windlass_uptime_seconds", "gauge", "Since when it serves.", &[format!(" {uptime:.3}")]);
    let mut answer = text(StatusCode::OK, out);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(answer)
}

/// Values of labels escape backslashes, quotes and line ends.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
