//! The one writer: takes what has arrived, commits it as one, answers.
//!
//! It must not read for others.

use model::event::Event;
use model::{Digest, Registry};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use crate::store::fold::{Write, fold};
use crate::store::{
    Acquired, Holder, Lease, Millis, NewRun, RunId, RunKind, RunOutcome, StoreError,
};

/// Something to write, and where the answer goes once it is durable.
pub(super) struct Request {
    pub operation: Operation,
    pub answer: oneshot::Sender<Result<Answer, StoreError>>,
}

pub(super) enum Operation {
    Begin(Box<NewRun>),
    Append { run: RunId, lease: Lease, events: Vec<Event> },
    Note { run: RunId, event: Box<Event> },
    Wait { run: RunId, waits: bool },
    Finish { run: RunId, outcome: RunOutcome, now: Millis },
    Prune { runs: Vec<RunId> },
    Acquire { subject: String, holder: Holder, now: Millis },
    Renew { lease: Lease, until: Millis },
    Release { lease: Lease },
}

pub(super) enum Answer {
    Done,
    Run(RunId),
    Acquired(Acquired),
}

/// Serves until nobody asks any more, or until a commit fails.
pub(super) fn serve(
    mut connection: Connection,
    mut inbox: mpsc::UnboundedReceiver<Request>,
    kinds: &Registry,
) {
    while let Some(first) = inbox.blocking_recv() {
        let mut batch = vec![first];
        while let Ok(next) = inbox.try_recv() {
            batch.push(next);
        }
        let (operations, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|request| (request.operation, request.answer)).unzip();
        let results = commit(&mut connection, &operations, kinds);
        let failed = results.is_err();
        let results =
            results.unwrap_or_else(|error| answers.iter().map(|_| Err(error.clone())).collect());
        for (answer, result) in answers.into_iter().zip(results) {
            _ = answer.send(result);
        }
        if failed {
            return;
        }
    }
}

/// An operation that is refused (a lost lease, a used plan) wrote nothing and does not disturb the
/// others; an error of the file undoes and fails them all. That another process is writing all the time
/// is no such error: nothing was begun.
fn commit(
    connection: &mut Connection,
    operations: &[Operation],
    kinds: &Registry,
) -> Result<Vec<Result<Answer, StoreError>>, StoreError> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = match begun {
        Ok(transaction) => transaction,
        Err(error) => {
            let error = StoreError::from(error);
            return Ok(operations.iter().map(|_| Err(error.clone())).collect());
        }
    };
    let mut results = Vec::with_capacity(operations.len());
    for operation in operations {
        results.push(match perform(&transaction, operation, kinds) {
            Err(error) if error.is_refusal() => Err(error),
            Err(error) => return Err(error),
            answer => answer,
        });
    }
    transaction.commit()?;
    Ok(results)
}

fn perform(
    transaction: &Transaction<'_>,
    operation: &Operation,
    kinds: &Registry,
) -> Result<Answer, StoreError> {
    match operation {
        Operation::Begin(run) => {
            let id = begin(transaction, run)?;
            append(transaction, id, &run.events, kinds)?;
            Ok(Answer::Run(id))
        }
        Operation::Append { run, lease, events } => {
            check(transaction, lease)?;
            append(transaction, *run, events, kinds).map(|()| Answer::Done)
        }
        Operation::Note { run, event } => {
            append(transaction, *run, std::slice::from_ref(event), kinds).map(|()| Answer::Done)
        }
        Operation::Wait { run, waits } => {
            let wait = "UPDATE run SET outcome = ?2 WHERE id = ?1 AND ended IS NULL";
            let outcome = waits.then_some(RunOutcome::Waiting.word());
            transaction.execute(wait, params![run.0, outcome])?;
            Ok(Answer::Done)
        }
        Operation::Finish { run, outcome, now } => {
            let finish = "UPDATE run SET ended = ?2, outcome = ?3, plan = NULL WHERE id = ?1";
            transaction.execute(finish, params![run.0, now, outcome.word()])?;
            Ok(Answer::Done)
        }
        Operation::Prune { runs } => {
            for run in runs {
                let mark = "UPDATE run SET pruned = 1 WHERE id = ?1 AND ended IS NOT NULL
                            AND id NOT IN (SELECT run FROM doubt)";
                if transaction.execute(mark, [run.0])? > 0 {
                    transaction.execute("DELETE FROM event WHERE run = ?1", [run.0])?;
                }
            }
            Ok(Answer::Done)
        }
        Operation::Acquire { subject, holder, now } => {
            acquire(transaction, subject, holder, *now).map(Answer::Acquired)
        }
        Operation::Renew { lease, until } => {
            check(transaction, lease)?;
            let renew = "UPDATE lease SET until = ?2 WHERE subject = ?1";
            transaction.execute(renew, params![lease.subject, until])?;
            Ok(Answer::Done)
        }
        Operation::Release { lease } => {
            let release =
                "UPDATE lease SET holder = NULL, until = 0 WHERE subject = ?1 AND fence = ?2";
            transaction.execute(release, params![lease.subject, lease.fence])?;
            Ok(Answer::Done)
        }
    }
}

fn begin(transaction: &Transaction<'_>, run: &NewRun) -> Result<RunId, StoreError> {
    if let Some(plan) = &run.plan_id
        && let Some(run) = super::read::plan_used(transaction, plan)?
    {
        return Err(StoreError::PlanUsed { run });
    }
    if let Some(cause) = &run.cause
        && let Some(run) = super::read::run_for(transaction, &cause.id)?
    {
        return Err(StoreError::CauseUsed { run: run.id });
    }
    if let Some(expected) = run.expects {
        let next = "SELECT coalesce(max(id), 0) + 1 FROM run";
        if transaction.query_row(next, [], |row| row.get::<_, u64>(0))? != expected.0 {
            return Err(StoreError::Overtaken);
        }
    }
    transaction.execute(
        "INSERT INTO run (kind, subject, parent, plan_id, plan, nonce, began, again, cause, caused)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            run.kind.word(),
            run.subject,
            run.parent.map(|parent| parent.0),
            run.plan_id,
            run.plan,
            run.nonce,
            run.now,
            run.again.map(|again| again.0),
            run.cause.as_ref().map(|cause| &cause.id),
            run.cause.as_ref().map(serde_json::to_string).transpose()?,
        ],
    )?;
    Ok(RunId(transaction.last_insert_rowid().cast_unsigned()))
}

fn check(transaction: &Transaction<'_>, lease: &Lease) -> Result<(), StoreError> {
    let fence = "SELECT fence FROM lease WHERE subject = ?1";
    let fence: Option<u64> = transaction
        .prepare_cached(fence)?
        .query_row([&lease.subject], |row| row.get(0))
        .optional()?;
    match fence == Some(lease.fence) {
        true => Ok(()),
        false => Err(StoreError::Fenced { subject: lease.subject.clone() }),
    }
}

fn acquire(
    transaction: &Transaction<'_>,
    subject: &str,
    holder: &Holder,
    now: Millis,
) -> Result<Acquired, StoreError> {
    let held = "SELECT fence, holder, until FROM lease WHERE subject = ?1";
    let held = transaction.query_row(held, [subject], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, Millis>(2)?))
    });
    let fence = match held.optional()? {
        Some((_, Some(name), until)) if until > now => {
            return Ok(Acquired::HeldBy(Holder { name, until }));
        }
        Some((fence, ..)) => fence + 1,
        None => 1,
    };
    transaction.execute(
        "REPLACE INTO lease (subject, fence, holder, until) VALUES (?1, ?2, ?3, ?4)",
        params![subject, fence, holder.name, holder.until],
    )?;
    Ok(Acquired::Lease(Lease { subject: subject.to_owned(), fence }))
}

fn append(
    transaction: &Transaction<'_>,
    run: RunId,
    events: &[Event],
    kinds: &Registry,
) -> Result<(), StoreError> {
    let scope = scope(transaction, run)?;
    let next = "SELECT coalesce(max(seq) + 1, 0) FROM event WHERE run = ?1";
    let next: u64 = transaction.prepare_cached(next)?.query_row([run.0], |row| row.get(0))?;
    let mut insert = transaction.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3)")?;
    for (seq, event) in (next..).zip(events) {
        insert.execute(params![run.0, seq, serde_json::to_string(event)?])?;
        fold(event, kinds, |write| keep(transaction, run, &scope, write))?;
    }
    Ok(())
}

fn scope(transaction: &Transaction<'_>, run: RunId) -> Result<String, StoreError> {
    let mut query = transaction.prepare_cached("SELECT kind, subject FROM run WHERE id = ?1")?;
    let scope = query.query_row([run.0], |row| {
        let subject = row.get_ref(1)?.as_str()?;
        Ok(RunKind::of_word(row.get_ref(0)?.as_str()?).scope(subject))
    });
    scope.optional()?.ok_or_else(|| StoreError::Corrupt("there is no such run".to_owned()))
}

fn keep(
    transaction: &Transaction<'_>,
    run: RunId,
    stack: &str,
    write: Write<'_>,
) -> Result<(), StoreError> {
    match write {
        Write::Doubt { step, token, intent } => {
            let doubt =
                "REPLACE INTO doubt (stack, step, run, token, intent) VALUES (?1, ?2, ?3, ?4, ?5)";
            let intent = serde_json::to_string(intent)?;
            transaction.prepare_cached(doubt)?.execute(params![
                stack,
                step.as_str(),
                run.0,
                token.as_str(),
                intent
            ])?;
        }
        Write::Settled { step } => {
            let settled = "DELETE FROM doubt WHERE stack = ?1 AND step = ?2";
            transaction.prepare_cached(settled)?.execute([stack, step.as_str()])?;
        }
        Write::Put { key, row, record } => {
            let attributes: Vec<u8> = row.attributes.iter().flat_map(bytes).collect();
            let digest =
                "REPLACE INTO digest VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
            transaction.prepare_cached(digest)?.execute(params![
                stack,
                key,
                row.kind,
                row.id,
                row.generation,
                bytes(&row.digest),
                bytes(&row.object),
                row.sealed,
                attributes,
                record.needs.join(" "),
                row.claim
            ])?;
            let resource = "REPLACE INTO resource VALUES (?1, ?2, ?3)";
            let body = serde_json::to_string(record)?;
            transaction.prepare_cached(resource)?.execute([stack, key, &body])?;
        }
        Write::Remove { key } => {
            for table in ["digest", "resource"] {
                let remove = format!("DELETE FROM {table} WHERE stack = ?1 AND address = ?2");
                transaction.prepare_cached(&remove)?.execute([stack, key])?;
            }
        }
        Write::Outputs(outputs) => {
            let body = serde_json::to_string(outputs)?;
            let keep = "REPLACE INTO output (stack, body) VALUES (?1, ?2)";
            transaction.prepare_cached(keep)?.execute([stack, &body])?;
        }
        Write::Took { step, took } => {
            let timing = "REPLACE INTO timing (subject, step, took) VALUES (?1, ?2, ?3)";
            transaction.prepare_cached(timing)?.execute(params![stack, step.as_str(), took])?;
        }
    }
    Ok(())
}

fn bytes(digest: &Digest) -> [u8; 16] {
    digest.0.to_le_bytes()
}
