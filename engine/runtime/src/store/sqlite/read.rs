//! What is asked of the file. Nothing here writes.

use std::collections::{BTreeSet, HashMap};

use model::event::Event;
use model::record::{OutputsRecord, Record, Row};
use model::{Digest, Token};
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row as Line, params};

use crate::store::{
    Claim, Doubt, Holder, PRUNED_AT_ONCE, Run, RunId, RunKind, RunOutcome, StoreError,
};

pub(super) fn project(connection: &Connection) -> Result<String, StoreError> {
    Ok(connection.query_row("SELECT project FROM about", [], |line| line.get(0))?)
}

pub(super) fn rows(connection: &Connection, stack: &str) -> Result<Vec<(String, Row)>, StoreError> {
    let mut sweep = connection.prepare_cached(
        "SELECT address, kind, id, generation, digest, object, sealed, attributes, claim
         FROM digest WHERE stack = ?1 ORDER BY address",
    )?;
    let rows = sweep.query_map([stack], |line| Ok((line.get(0)?, row(line)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn row(line: &Line<'_>) -> rusqlite::Result<Row> {
    let attributes = line.get_ref(7)?.as_blob()?.chunks_exact(16).map(digest);
    Ok(Row {
        kind: line.get(1)?,
        id: line.get(2)?,
        generation: line.get(3)?,
        digest: digest(line.get_ref(4)?.as_blob()?)?,
        object: digest(line.get_ref(5)?.as_blob()?)?,
        sealed: line.get(6)?,
        attributes: attributes.collect::<rusqlite::Result<_>>()?,
        claim: line.get(8)?,
    })
}

fn digest(bytes: &[u8]) -> rusqlite::Result<Digest> {
    let bytes = bytes.try_into().map_err(|_| FromSqlError::InvalidType)?;
    Ok(Digest(u128::from_le_bytes(bytes)))
}

pub(super) fn record(
    connection: &Connection,
    stack: &str,
    key: &str,
) -> Result<Option<Record>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT body FROM resource WHERE stack = ?1 AND address = ?2")?;
    let body: Option<String> = query.query_row([stack, key], |line| line.get(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

pub(super) fn needs(
    connection: &Connection,
    stack: &str,
) -> Result<Vec<(String, Vec<String>)>, StoreError> {
    let mut query = connection
        .prepare_cached("SELECT address, needs FROM digest WHERE stack = ?1 ORDER BY address")?;
    let split = |needs: String| needs.split_whitespace().map(str::to_owned).collect();
    let found = query.query_map([stack], |line| Ok((line.get(0)?, split(line.get(1)?))))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn claims(connection: &Connection) -> Result<Vec<Claim>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT claim, stack, address FROM digest WHERE claim IS NOT NULL
         ORDER BY claim, stack, address",
    )?;
    let claim =
        |line: &Line<'_>| Ok(Claim { claim: line.get(0)?, stack: line.get(1)?, key: line.get(2)? });
    let found = query.query_map([], claim)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn doubts(connection: &Connection, stack: &str) -> Result<Vec<Doubt>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT step, run, token, intent FROM doubt WHERE stack = ?1 ORDER BY run, step",
    )?;
    let mut lines = query.query([stack])?;
    let mut doubts = Vec::new();
    while let Some(line) = lines.next()? {
        doubts.push(Doubt {
            step: line.get::<_, String>(0)?.into(),
            run: RunId(line.get(1)?),
            token: Token::from(line.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?),
            intent: serde_json::from_str(
                line.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?,
            )?,
        });
    }
    Ok(doubts)
}

pub(super) fn outputs(
    connection: &Connection,
    stack: &str,
) -> Result<Option<OutputsRecord>, StoreError> {
    let mut query = connection.prepare_cached("SELECT body FROM output WHERE stack = ?1")?;
    let body: Option<String> = query.query_row([stack], |line| line.get(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

pub(super) fn stacks(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT DISTINCT stack FROM digest ORDER BY stack")?;
    let names = query.query_map([], |line| line.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

const RUN: &str =
    "SELECT id, kind, subject, parent, began, ended, outcome, plan, nonce, pruned, again, caused
     FROM run";

pub(super) fn runs(
    connection: &Connection,
    subject: Option<&str>,
    most: usize,
) -> Result<Vec<Run>, StoreError> {
    let wanted = format!("{RUN} WHERE ?1 IS NULL OR subject = ?1 ORDER BY id DESC LIMIT ?2");
    let mut query = connection.prepare_cached(&wanted)?;
    let runs = query.query_map(params![subject, most as u64], one_run)?;
    Ok(runs.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn runs_in(
    connection: &Connection,
    scope: &str,
    most: usize,
) -> Result<Vec<Run>, StoreError> {
    let (kinds, subject) = RunKind::apart(scope);
    let wanted = format!(
        "{RUN} WHERE subject = ?1 AND iif(kind IN ('pipeline', 'action'), kind, '') = ?2 ORDER BY id DESC LIMIT ?3"
    );
    let mut query = connection.prepare_cached(&wanted)?;
    let runs = query.query_map(params![subject, kinds, most as u64], one_run)?;
    Ok(runs.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn unended(connection: &Connection, scope: &str) -> Result<Vec<Run>, StoreError> {
    let (kinds, subject) = RunKind::apart(scope);
    let wanted = format!(
        "{RUN} WHERE subject = ?1 AND ended IS NULL AND iif(kind IN ('pipeline', 'action'), kind, '') = ?2 ORDER BY id DESC"
    );
    let mut query = connection.prepare_cached(&wanted)?;
    let runs = query.query_map(params![subject, kinds], one_run)?;
    Ok(runs.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn run(connection: &Connection, id: RunId) -> Result<Option<Run>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{RUN} WHERE id = ?1"))?;
    Ok(query.query_row([id.0], one_run).optional()?)
}

pub(super) fn run_for(connection: &Connection, cause: &str) -> Result<Option<Run>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{RUN} WHERE cause = ?1"))?;
    Ok(query.query_row([cause], one_run).optional()?)
}

fn one_run(line: &Line<'_>) -> rusqlite::Result<Run> {
    let word = |at: usize| line.get_ref(at)?.as_str_or_null().map_err(rusqlite::Error::from);
    Ok(Run {
        id: RunId(line.get(0)?),
        kind: RunKind::of_word(line.get_ref(1)?.as_str()?),
        subject: line.get(2)?,
        parent: line.get::<_, Option<u64>>(3)?.map(RunId),
        began: line.get(4)?,
        ended: line.get(5)?,
        outcome: match word(6)? {
            Some("done") => Some(RunOutcome::Done),
            Some("failed") => Some(RunOutcome::Failed),
            Some("stopped") => Some(RunOutcome::Stopped),
            Some("waiting") => Some(RunOutcome::Waiting),
            Some(_) => Some(RunOutcome::Abandoned),
            None => None,
        },
        plan: line.get(7)?,
        nonce: line.get(8)?,
        pruned: line.get(9)?,
        again: line.get::<_, Option<u64>>(10)?.map(RunId),
        cause: word(11)?.and_then(|cause| serde_json::from_str(cause).ok()),
    })
}

pub(super) fn prunable(
    connection: &Connection,
    scope: &str,
    keep: usize,
) -> Result<Vec<RunId>, StoreError> {
    let (kinds, subject) = RunKind::apart(scope);
    let newest_old = "SELECT id FROM run WHERE subject = ?1 AND iif(kind IN ('pipeline', 'action'), kind, '') = ?2
         ORDER BY id DESC LIMIT 1 OFFSET ?3";
    let mut query = connection.prepare_cached(newest_old)?;
    let newest_old =
        query.query_row(params![subject, kinds, keep as u64], |line| line.get(0)).optional()?;
    let Some::<u64>(newest_old) = newest_old else { return Ok(Vec::new()) };
    let mut query = connection.prepare_cached(
        "SELECT id FROM run WHERE pruned = 0 AND subject = ?1 AND id <= ?2 AND ended IS NOT NULL
         AND iif(kind IN ('pipeline', 'action'), kind, '') = ?4 AND id NOT IN (SELECT run FROM doubt) ORDER BY id LIMIT ?3",
    )?;
    let old = params![subject, newest_old, PRUNED_AT_ONCE as u64, kinds];
    let runs = query.query_map(old, |line| Ok(RunId(line.get(0)?)))?;
    Ok(runs.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn unpruned(connection: &Connection) -> Result<Vec<Run>, StoreError> {
    let mut query =
        connection.prepare_cached(&format!("{RUN} WHERE pruned = 0 ORDER BY id DESC"))?;
    let runs = query.query_map([], one_run)?;
    Ok(runs.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn in_doubt(connection: &Connection) -> Result<BTreeSet<RunId>, StoreError> {
    let mut query = connection.prepare_cached("SELECT DISTINCT run FROM doubt")?;
    let runs = query.query_map([], |line| Ok(RunId(line.get(0)?)))?;
    Ok(runs.collect::<rusqlite::Result<_>>()?)
}

/// All parts of a run are of its pipeline, by which they are found.
pub(super) fn parts(connection: &Connection, first: RunId) -> Result<Vec<Run>, StoreError> {
    let mut query = connection.prepare_cached(&format!(
        "{RUN} WHERE subject = (SELECT subject FROM run WHERE id = ?1) AND id >= ?1
         AND (id = ?1 OR again = ?1) ORDER BY id DESC"
    ))?;
    let runs = query.query_map([first.0], one_run)?;
    Ok(runs.collect::<rusqlite::Result<_>>()?)
}

/// Events are numbered from 0 on in each run; the first `known` of them are left out.
pub(super) fn events(
    connection: &Connection,
    run: RunId,
    known: usize,
) -> Result<Vec<Event>, StoreError> {
    let query = "SELECT body FROM event WHERE run = ?1 AND seq >= ?2 ORDER BY seq";
    let mut query = connection.prepare_cached(query)?;
    let mut lines = query.query(params![run.0, known as u64])?;
    let mut events = Vec::new();
    while let Some(line) = lines.next()? {
        events
            .push(serde_json::from_str(line.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?);
    }
    Ok(events)
}

pub(super) fn plan_used(connection: &Connection, id: &str) -> Result<Option<RunId>, StoreError> {
    let mut query = connection.prepare_cached("SELECT id FROM run WHERE plan_id = ?1")?;
    Ok(query.query_row([id], |line| line.get(0).map(RunId)).optional()?)
}

pub(super) fn holder(connection: &Connection, subject: &str) -> Result<Option<Holder>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT holder, until FROM lease WHERE subject = ?1 AND holder IS NOT NULL",
    )?;
    let holder =
        query.query_row([subject], |line| Ok(Holder { name: line.get(0)?, until: line.get(1)? }));
    Ok(holder.optional()?)
}

pub(super) fn timings(
    connection: &Connection,
    scope: &str,
) -> Result<HashMap<String, u64>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT step, took FROM timing WHERE subject = ?1")?;
    let timings = query.query_map([scope], |line| Ok((line.get(0)?, line.get(1)?)))?;
    Ok(timings.collect::<rusqlite::Result<_>>()?)
}
