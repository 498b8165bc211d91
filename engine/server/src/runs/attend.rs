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
use crate::records::{QueuedRun, State, Verdict, queue};
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
/// So often a store is asked that cannot be read, where nothing of the run is alive.
const TRIES: u32 = 5;

/// What came of a run.
struct End {
    verdict: Verdict,
    message: Option<String>,
}

/// Sees a run through to its verdict; if the server is to end before, it is taken up by the next one.
pub(crate) async fn attend(house: &Arc<House>, run: QueuedRun) {
    let (id, now) = (run.id, house.now());
    let begin = || house.records.ask(move |records| queue::begin(records, id, now));
    // Its place may have been taken, or its end asked for, while its turn came.
    if insist(house, &run, begin).await != Some(true) {
        return;
    }
    house.has_changed();
    let tree = house.tree(&run.repository).await;
    let seen = see_through(house, &run).await;
    drop(tree);
    let End { verdict, message } = match seen {
        Ok(None) => return,
        Ok(Some(end)) => end,
        Err(problem) => End { verdict: Verdict::Failed, message: Some(in_words(&problem)) },
    };
    let end = || {
        let (message, now) = (message.clone(), house.now());
        house.records.ask(move |records| queue::end(records, id, verdict, message.as_deref(), now))
    };
    if insist(house, &run, end).await.is_some() {
        house.has_changed();
    }
}

/// Asks until it is answered: whoever gives up while a process of the run may be alive lets the next run
/// into its tree. None: the server is to end.
async fn insist<T, F: Future<Output = Result<T, Problem>>>(
    house: &House,
    run: &QueuedRun,
    mut ask: impl FnMut() -> F,
) -> Option<T> {
    let about = format!("run {} of {}", run.id, run.repository);
    let mut is_told = false;
    loop {
        match ask().await {
            Ok(answer) => {
                if is_told {
                    house.troubles.clear(&about);
                }
                return Some(answer);
            }
            Err(_) if house.leaves() => return None,
            Err(problem) => {
                is_told = true;
                house.troubles.note(&about, in_words(&problem), house.now());
                sleep(AGAIN).await;
            }
        }
    }
}

/// Returns how it ended; None: somebody else sees to it later. What fails here fails while no process of it
/// is alive.
async fn see_through(house: &Arc<House>, run: &QueuedRun) -> Result<Option<End>, Problem> {
    let mut lives = 0;
    let mut last: Option<ExitStatus> = None;
    let mut known = None;
    // What an earlier server started may be alive.
    let mut is_alone = run.state == State::Waiting;
    loop {
        let Some(seen) = looked(house, run, is_alone).await? else { return Ok(None) };
        if note(house, run, &seen, &mut known).await.is_none() {
            return Ok(None);
        }
        match seen {
            Seen::Over(_, verdict) => return Ok(Some(End { verdict, message: None })),
            Seen::AtWork(_, pid) => {
                if attached(house, run, pid).await.is_none() {
                    return Ok(None);
                }
            }
            Seen::NotBegun if let Some(code) = last.and_then(|status| status.code()) => {
                let message = last_words(&house.folder.output(run.id)).unwrap_or_default();
                let message = match message.trim() {
                    "" => format!("it did not begin: exit code {code}"),
                    said => said.to_owned(),
                };
                return Ok(Some(End { verdict: Verdict::Failed, message: Some(message) }));
            }
            Seen::Waits(_) if lives > 0 => {
                let (id, now) = (run.id, house.now());
                let waits = || house.records.ask(move |records| queue::approval(records, id, now));
                insist(house, run, waits).await;
                return Ok(None);
            }
            Seen::NotBegun | Seen::CutOff(_) | Seen::Waits(_) => {
                let Some(asked) = asked_to_end(house, run).await else { return Ok(None) };
                if let Some(why) = asked {
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
                let child = start(house, run, of)?;
                last = own(house, run, child, &mut known).await;
                is_alone = last.is_some();
            }
        }
        if house.leaves() && last.is_none() {
            return Ok(None);
        }
    }
}

/// Looks how the run stands. Where no process of it is alive, nobody is kept waiting for long by a store
/// that cannot be read.
async fn looked(
    house: &Arc<House>,
    run: &QueuedRun,
    is_alone: bool,
) -> Result<Option<Seen>, Problem> {
    for _ in 0..TRIES {
        match look(house, run).await {
            Ok(seen) => return Ok(Some(seen)),
            Err(_) if house.leaves() => return Ok(None),
            Err(_) if !is_alone => break,
            Err(_) => sleep(AGAIN).await,
        }
    }
    match is_alone {
        true => look(house, run).await.map(Some),
        false => Ok(insist(house, run, || look(house, run)).await),
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

/// Writes down which run of its project it is, once that is known. None: the server is to end before.
async fn note(
    house: &House,
    run: &QueuedRun,
    seen: &Seen,
    known: &mut Option<RunId>,
) -> Option<()> {
    let (Seen::AtWork(found, _) | Seen::CutOff(found) | Seen::Waits(found) | Seen::Over(found, _)) =
        seen
    else {
        return Some(());
    };
    if known.replace(found.id) != Some(found.id) {
        let (id, number) = (run.id, found.id.0);
        let known = || house.records.ask(move |records| queue::known_as(records, id, number));
        insist(house, run, known).await?;
        house.has_changed();
    }
    Some(())
}

/// Waits for the end of a process of ours; None: the server is to end before.
async fn own(
    house: &Arc<House>,
    run: &QueuedRun,
    mut child: Child,
    known: &mut Option<RunId>,
) -> Option<ExitStatus> {
    let pid = child.id();
    let mut told = Telling::default();
    let (mut changes, mut leaving) = (house.changes(), house.leaving());
    loop {
        tokio::select! {
            status = child.wait() => return status.ok(),
            _ = changes.changed() => {}
            _ = leaving.changed() => return None,
            () = told.due() => {}
            () = sleep(BEGINS), if known.is_none() => {
                // It is told once it has begun, so that its log can be followed.
                let seen = insist(house, run, || look(house, run)).await?;
                note(house, run, &seen, known).await?;
                continue;
            }
        }
        if asked_to_end(house, run).await?.is_some() {
            told.tell(pid);
        }
    }
}

/// Waits for the end of a process that another server started. Nobody is told of it: it is looked for.
/// None: the server is to end before.
async fn attached(house: &Arc<House>, run: &QueuedRun, pid: Option<u32>) -> Option<()> {
    let mut told = Telling::default();
    while let Seen::AtWork(..) = insist(house, run, || look(house, run)).await? {
        if house.leaves() {
            return None;
        }
        if asked_to_end(house, run).await?.is_some() {
            told.tell(pid);
        }
        sleep(GLANCE).await;
    }
    Some(())
}

/// Whether somebody asked for its end, and why. None: the server is to end.
async fn asked_to_end(house: &House, run: &QueuedRun) -> Option<Option<String>> {
    Some(insist(house, run, || house.run(run.id)).await?.and_then(|run| run.cancel))
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
