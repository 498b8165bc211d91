//! Looks at the services of a project without starting anything: for plans.

use std::path::Path;

use super::client::{Silence, ask_once, mute};
use super::protocol::{Answer, Ask};
use super::record::{Record, Records, Wanted};
use super::status::{Health, State, Status};
use super::trouble::SupervisorError;

/// Returns what the named services do. If no supervisor is there, from its records: then nobody
/// keeps them running, and their `supervised` is false. One that is there and says nothing is an
/// error.
pub async fn look(home: &Path, names: &[String]) -> Result<Vec<Option<Status>>, SupervisorError> {
    match ask_once(home, &Ask::Status { names: names.to_vec() }).await {
        Ok(Answer::Statuses(all)) => return Ok(all),
        // What it would say is not in its records.
        Err(Silence::Mute(listener)) => return Err(mute(home, listener)),
        _ => {}
    }
    let unread = |error: std::io::Error| SupervisorError::Unreachable {
        home: home.into(),
        why: format!("its records cannot be read: {error}"),
    };
    if !home.exists() {
        return Ok(vec![None; names.len()]);
    }
    let (records, _) = Records::of(home).all().map_err(unread)?;
    let find = |name: &String| records.iter().find(|r| r.name == *name);
    Ok(names.iter().map(|name| find(name).map(status)).collect())
}

fn status(record: &Record) -> Status {
    let alive = record.process.as_ref().filter(|process| process.alive());
    let stopped = record.wanted != Wanted::Running;
    let alone = "no supervisor runs: windlass apply brings it back".to_owned();
    let running = alive.is_some();
    Status {
        name: record.name.clone(),
        token: record.token.clone(),
        facts: record.rules.facts.clone(),
        state: if running { State::Running } else { State::Stopped },
        pid: alive.map(|process| process.pid),
        supervised: false,
        starts: record.starts,
        restarts: record.restarts,
        last_exit: record.last_exit,
        lasted: record.lasted,
        started_at: record.started_at,
        health: Health::new(record.rules.health.is_some()),
        problem: (!stopped).then_some(alone),
        next_start: None,
        tail: if running { vec![] } else { record.rules.log.tail(5) },
    }
}
