//! One run, from its turn to its verdict: starts its process, starts another one where that died, and
//! writes down what came of it. It attaches to a process that an earlier life of the server started.
//!
//! It must not decide what a run's end is: the project's store says it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use runtime::engine::Problem;
use runtime::store::RunId;
use tokio::process::Child;
use tokio::time::{Instant, sleep};

use super::process::{start, tell};
use super::seen::{Seen, look};
use crate::house::House;
use crate::records::{QueuedRun, Verdict, queue};
use crate::repository::check_out;
use crate::trouble::{in_words, refused};

/// How often a process that another server started is looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// How often it is looked whether a process that was started has begun its run.
const BEGINS: Duration = Duration::from_millis(10);
/// A run whose process died so often without an end is given up.
const LIVES: u32 = 4;
/// From one word to a process that is to end to the next.
const WORDS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(30)];
/// So much of the end of an output says why a run did not begin, in bytes.
const LAST_WORDS: u64 = 16 << 10;
/// How long to wait when something cannot be read or written: a disk that is full may have room again.
const AGAIN: Duration = Duration::from_secs(2);

/// What came of a run.
struct End {
    verdict: Verdict,
    message: Option<String>,
}

/// Sees a run through to its verdict; if the server is to end before, it is taken up by the next one.
pub(crate) async fn attend(house: &Arc<House>, run: QueuedRun) {
    let (id, now) = (run.id, house.now());
    while house.records.ask(move |records| queue::begin(records, id, now)).await.is_err() {
        if house.leaves() {
            return;
        }
        sleep(AGAIN).await;
    }
    house.has_changed();
    let tree = house.tree(&run.repository).await;
    let seen = see_through(house, &run).await;
    drop(tree);
    let ended = match seen {
        Ok(None) => return,
        Ok(Some(end)) => end,
        Err(problem) => End { verdict: Verdict::Failed, message: Some(in_words(&problem)) },
    };
    loop {
        let (verdict, message, now) = (ended.verdict, ended.message.clone(), house.now());
        let end = move |records: &mut _| queue::end(records, id, verdict, message.as_deref(), now);
        match house.records.ask(end).await {
            Ok(()) => return house.has_changed(),
            Err(_) if house.leaves() => return,
            Err(_) => sleep(AGAIN).await,
        }
    }
}

async fn see_through(house: &Arc<House>, run: &QueuedRun) -> Result<Option<End>, Problem> {
    let mut lives = 0;
    let mut last: Option<ExitStatus> = None;
    let mut known = None;
    loop {
        let seen = look(house, run).await?;
        note(house, run, &seen, &mut known).await?;
        match seen {
            Seen::Over(_, verdict) => return Ok(Some(End { verdict, message: None })),
            Seen::AtWork(_, pid) => attached(house, run, pid).await?,
            Seen::NotBegun if let Some(code) = last.and_then(|status| status.code()) => {
                let message = last_words(&house.folder.output(run.id)).unwrap_or_default();
                let message = match message.trim() {
                    "" => format!("it did not begin: exit code {code}"),
                    said => said.to_owned(),
                };
                return Ok(Some(End { verdict: Verdict::Failed, message: Some(message) }));
            }
            Seen::Waits(_) if lives > 0 => {
                let id = run.id;
                house.records.ask(move |records| queue::approval(records, id)).await?;
                return Ok(None);
            }
            Seen::NotBegun | Seen::CutOff(_) | Seen::Waits(_) => {
                if let Some(why) = asked_to_end(house, run).await? {
                    return Ok(Some(End { verdict: Verdict::Cancelled, message: Some(why) }));
                }
                if house.leaves() {
                    return Ok(None);
                }
                if lives == LIVES {
                    let message = format!("its process died {LIVES} times before its end");
                    return Ok(Some(End { verdict: Verdict::Failed, message: Some(message) }));
                }
                lives += 1;
                check_out(&house.folder, &run.repository, &run.cause.commit).await?;
                let of = repeated(house, run).await?;
                last = own(house, run, start(house, run, of)?, &mut known).await?;
            }
        }
        if house.leaves() && last.is_none() {
            return Ok(None);
        }
    }
}

/// Which run of its project it does a part of again. What the newest one did may be of another commit.
async fn repeated(house: &House, run: &QueuedRun) -> Result<Option<u64>, Problem> {
    let (Some(of), Some(_)) = (run.of, &run.course) else { return Ok(None) };
    let number = house.run(of).await?.and_then(|run| run.project_run);
    number.map(Some).ok_or_else(|| {
        refused(
            format!("nothing is kept of run {of}, so no part of it can be done again"),
            "start all of it: POST /api/v1/repositories/NAME/runs",
        )
    })
}

/// Writes down which run of its project it is, once that is known.
async fn note(
    house: &House,
    run: &QueuedRun,
    seen: &Seen,
    known: &mut Option<RunId>,
) -> Result<(), Problem> {
    let (Seen::AtWork(found, _) | Seen::CutOff(found) | Seen::Waits(found) | Seen::Over(found, _)) =
        seen
    else {
        return Ok(());
    };
    if known.replace(found.id) != Some(found.id) {
        let (id, number) = (run.id, found.id.0);
        house.records.ask(move |records| queue::known_as(records, id, number)).await?;
        house.has_changed();
    }
    Ok(())
}

/// Waits for the end of a process of ours; None: the server is to end before.
async fn own(
    house: &Arc<House>,
    run: &QueuedRun,
    mut child: Child,
    known: &mut Option<RunId>,
) -> Result<Option<ExitStatus>, Problem> {
    let pid = child.id();
    let mut told = Telling::default();
    let (mut changes, mut leaving) = (house.changes(), house.leaving());
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status.ok()),
            _ = changes.changed() => {}
            _ = leaving.changed() => return Ok(None),
            () = told.due() => {}
            () = sleep(BEGINS), if known.is_none() => {
                // It is told once it has begun, so that its log can be followed.
                note(house, run, &look(house, run).await?, known).await?;
                continue;
            }
        }
        if asked_to_end(house, run).await?.is_some() {
            told.tell(pid);
        }
    }
}

/// Waits for the end of a process that another server started. Nobody is told of it: it is looked for.
async fn attached(house: &Arc<House>, run: &QueuedRun, pid: Option<u32>) -> Result<(), Problem> {
    let mut told = Telling::default();
    while let Seen::AtWork(..) = look(house, run).await? {
        if house.leaves() {
            return Ok(());
        }
        if asked_to_end(house, run).await?.is_some() {
            told.tell(pid);
        }
        sleep(GLANCE).await;
    }
    Ok(())
}

async fn asked_to_end(house: &House, run: &QueuedRun) -> Result<Option<String>, Problem> {
    Ok(house.run(run.id).await?.and_then(|run| run.cancel))
}

/// What a process that is to end was told so far.
#[derive(Default)]
struct Telling {
    times: u32,
    next: Option<Instant>,
}

impl Telling {
    fn tell(&mut self, pid: Option<u32>) {
        if self.next.is_some_and(|next| next > Instant::now()) {
            return;
        }
        self.times += 1;
        if let Some(pid) = pid {
            tell(pid, self.times);
        }
        let pause = WORDS.get(self.times as usize).copied().unwrap_or(WORDS[2]);
        self.next = Some(Instant::now() + pause);
    }

    async fn due(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }
}

/// What a process said at last.
fn last_words(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS)))?;
    let mut text = Vec::new();
    file.take(LAST_WORDS).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
