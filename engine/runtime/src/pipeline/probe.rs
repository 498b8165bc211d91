//! `probe`: a question to every service of a stack over HTTP, and what they answer as one result.
//!
//! It must not know a kind by name: a service is what has a health check over HTTP, or is named, and says
//! its `address` or `port`.

use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use model::context::Progress;
use model::file::pipeline::ProbeTask;
use model::record::Record;
use model::{Fault, Tree, Value};
use reports::{Form, Outcome, Report, Test};
use serde::Deserialize;

use super::Tasks;
use super::task::Doing;
use crate::http::send;

/// A service, and where it is asked.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    name: String,
    url: String,
}

/// What a service may answer in JSON: its tests, or how many of them failed.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    tests: Vec<Test>,
    #[serde(default)]
    passed: Option<u64>,
    #[serde(default)]
    failed: Option<u64>,
}

impl Tasks {
    /// Asks all services, each in turn, and keeps what they answer.
    pub(super) async fn probe(&self, probe: &ProbeTask, doing: Doing<'_>) -> Result<(), Fault> {
        let services = self.services(probe)?;
        let (mut report, mut failed) = (Report::default(), Vec::new());
        for Asked { name, url } in &services {
            let tests = answered(name, url, &probe.path, probe.within).await;
            let bad = tests.iter().filter(|test| test.outcome == Outcome::Failed).count();
            let why = tests.iter().find(|test| test.outcome == Outcome::Failed);
            let why = why.map(|test| test.message.as_str()).unwrap_or_default();
            match bad {
                0 => doing.log.line(&format!("{name}  {url}  passed")),
                _ => {
                    doing.log.line(&format!("{name}  {url}  failed: {why}"));
                    failed.push(format!("{name}: {why}"));
                }
            }
            report.tests.extend(tests);
        }
        self.keep_report(report, doing).await?;
        if failed.is_empty() {
            return Ok(());
        }
        let message = format!("{} of {} services failed", failed.len(), services.len());
        Err(Fault::refused(message).details(failed))
    }

    fn services(&self, probe: &ProbeTask) -> Result<Vec<Asked>, Fault> {
        let broken = |error: crate::store::StoreError| Fault::broken(error.to_string());
        let store = &self.engine.store;
        let mut found = Vec::new();
        for (address, _) in store.rows(&probe.stack).map_err(broken)? {
            let Some(record) = store.record(&probe.stack, &address).map_err(broken)? else {
                continue;
            };
            let block = model::address::block_of(&address);
            let is_named = probe.services.iter().any(|name| *name == address || name == block);
            match url(&record, &probe.path, is_named) {
                _ if !is_named && !probe.services.is_empty() => {}
                Some(url) => found.push(Asked { name: address, url }),
                None if is_named => {
                    let message =
                        format!("{} {address} says neither `address` nor `port`", record.kind);
                    return Err(Fault::refused(message).help("name a service that listens"));
                }
                None => {}
            }
        }
        let names = |name: &&String| {
            let is = |asked: &Asked| {
                asked.name == **name || model::address::block_of(&asked.name) == *name
            };
            !found.iter().any(is)
        };
        if let Some(missing) = probe.services.iter().find(names) {
            let message = format!("`{}` has no service `{missing}`", probe.stack);
            return Err(
                Fault::refused(message).help(format!("windlass state list {}", probe.stack))
            );
        }
        if found.is_empty() {
            let message = format!("`{}` has no service that answers over HTTP", probe.stack);
            let help = "give one a `health` check with `http`, or name it under `services`";
            return Err(Fault::refused(message).help(help));
        }
        Ok(found)
    }
}

/// Where a resource is asked: at the address that it says it has, in the way of its health check.
fn url(record: &Record, path: &str, is_named: bool) -> Option<String> {
    let none = Tree::new();
    let health = match record.spec.get("health") {
        Some(Value::Map(health)) => health,
        _ => &none,
    };
    let scheme = ["http", "https"].into_iter().find(|scheme| health.contains_key(*scheme));
    let scheme = scheme.or(is_named.then_some("http"))?;
    let text = |tree: &Tree, key: &str| {
        tree.get(key).and_then(Value::as_text).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let own = &record.object.attributes;
    let host = text(health, "host").unwrap_or_else(|| "127.0.0.1".to_owned());
    let at = text(own, "address").or_else(|| {
        let port = text(health, "port").or_else(|| text(own, "port"))?;
        Some(format!("{host}:{port}"))
    })?;
    Some(format!("{scheme}://{at}{path}"))
}

/// The tests of one service: those that it tells of, or the answer itself.
async fn answered(service: &str, url: &str, path: &str, within: Duration) -> Vec<Test> {
    let begun = std::time::Instant::now();
    let request = Request::get(url).header("user-agent", "windlass").body(Full::<Bytes>::default());
    let answer = match request {
        Ok(request) => send(request, within).await,
        Err(error) => Err(error.to_string()),
    };
    let took = begun.elapsed().as_millis() as u64;
    let own = |outcome: Outcome, message: String| Test {
        suite: service.to_owned(),
        name: path.to_owned(),
        outcome,
        took,
        message,
    };
    let (status, body) = match answer {
        Ok(answer) => answer,
        Err(why) => return vec![own(Outcome::Failed, why)],
    };
    let mut tests = told(&body);
    for test in &mut tests {
        format!("{service} {}", test.suite).trim_end().clone_into(&mut test.suite);
    }
    let failed = tests.iter().any(|test| test.outcome == Outcome::Failed);
    if tests.is_empty() || (status != 200 && !failed) {
        let (outcome, message) = match status {
            200 => (Outcome::Passed, String::new()),
            other => (Outcome::Failed, format!("it answered {other}")),
        };
        tests.push(own(outcome, message));
    }
    tests
}

/// What an answer says of tests, in a form that is known.
fn told(body: &[u8]) -> Vec<Test> {
    let text = body.trim_ascii_start();
    if text.starts_with(b"<") {
        return reports::read(Form::Junit, text).map(|report| report.tests).unwrap_or_default();
    }
    let Ok(Told { mut tests, passed, failed }) = serde_json::from_slice(text) else {
        return Vec::new();
    };
    if let (true, Some(failed)) = (tests.is_empty(), failed) {
        let all = failed + passed.unwrap_or_default();
        tests.push(Test {
            suite: String::new(),
            name: "all".to_owned(),
            outcome: if failed == 0 { Outcome::Passed } else { Outcome::Failed },
            took: 0,
            message: if failed == 0 { String::new() } else { format!("{failed} of {all} failed") },
        });
    }
    tests
}
