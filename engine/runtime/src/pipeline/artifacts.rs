//! Artifacts: files that one step makes and others take, by content.
//!
//! They are listed with the logs of the run, and stay as long as it does. It must not guess: what a step
//! takes was made in this run, or in the one of which it does a part again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use model::address::block_of;
use model::context::Progress;
use model::file::pipeline::{ArtifactTask, TakeTask};
use model::{Address, Fault};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::Tasks;
use super::bundle::Bundle;
use super::task::Doing;
use crate::objects::{ObjectError, Objects};
use crate::store::RunId;

/// In the folder of a run's logs: a line for each artifact that a step made; the last one counts.
const NAME: &str = "artifacts";

/// An artifact that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    step: String,
    name: String,
    /// The folder of the step, relative to the project.
    folder: String,
    /// The object with its list of files.
    bundle: String,
}

impl Tasks {
    /// Keeps what a step has made.
    pub(super) async fn keep_artifacts(
        &self,
        wanted: &[ArtifactTask],
        directory: Option<&str>,
        folder: PathBuf,
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        for ArtifactTask { name, files } in wanted {
            let (objects, files, from) = (self.objects(), files.clone(), folder.clone());
            let gathered = spawn_blocking(move || {
                let bundle = Bundle::gather(&objects, &from, &files)?;
                let kept = bundle.keep(&objects).map_err(|error| unkept(&error))?;
                Ok::<_, Fault>((kept, bundle.size()))
            });
            let gathered = gathered.await.map_err(|error| Fault::broken(error.to_string()))?;
            let (bundle, count) = gathered.map_err(|fault| Fault {
                message: format!("no artifact `{name}`: {}", fault.message),
                ..fault
            })?;
            let made = Made {
                step: doing.step.name.to_string(),
                name: name.clone(),
                folder: directory.unwrap_or_default().to_owned(),
                bundle,
            };
            note(&self.logs_folder(self.run), &made).map_err(|error| unkept(&error))?;
            doing.log.line(&format!("— artifact {name}: {count} kept"));
        }
        Ok(())
    }

    /// Lays out what a step takes.
    pub(super) async fn take_artifacts(&self, takes: &[TakeTask]) -> Result<(), Fault> {
        for take in takes {
            for made in self.made(take)? {
                let (objects, root) = (self.objects(), self.engine.site.project.clone());
                let place = root.join(take.to.as_deref().unwrap_or(&made.folder));
                let laid = spawn_blocking(move || {
                    let bundle = Bundle::open(&objects, &made.bundle)
                        .map_err(|why| ("its list of files".to_owned(), why))?;
                    bundle.lay(&objects, &place).map_err(|bad| (bad.what, bad.why))
                });
                let laid = laid.await.map_err(|error| Fault::broken(error.to_string()))?;
                laid.map_err(|(what, why)| self.unusable(take, &what, &why))?;
            }
        }
        Ok(())
    }

    /// What is meant by what a step takes: of a matrix, one of each step.
    fn made(&self, take: &TakeTask) -> Result<Vec<Made>, Fault> {
        let mut found: BTreeMap<String, Made> = BTreeMap::new();
        let means = |made: &Made| {
            made.name == take.name && (made.step == take.step || block_of(&made.step) == take.step)
        };
        for run in self.parts()? {
            let made = listed(&self.logs_folder(run)).map_err(|error| unread(&error))?;
            let mut latest = BTreeMap::new();
            for made in made.into_iter().filter(means) {
                latest.insert(made.step.clone(), made);
            }
            for (step, made) in latest {
                found.entry(step).or_insert(made);
            }
        }
        let expected = self.steps.all().iter().map(|step| &step.name);
        let mut expected =
            expected.filter(|name| *name.as_str() == take.step || name.block() == take.step);
        match expected.find(|name: &&Address| !found.contains_key(name.as_str())) {
            Some(missing) => Err(self.missing(take, missing)),
            None => Ok(found.into_values().collect()),
        }
    }

    /// This run, and those of which it does a part again, newest first.
    fn parts(&self) -> Result<Vec<RunId>, Fault> {
        let broken = |error: crate::store::StoreError| Fault::broken(error.to_string());
        let store = &self.engine.store;
        let Some(first) = store.run(self.run).map_err(broken)?.and_then(|run| run.again) else {
            return Ok(vec![self.run]);
        };
        let parts = store.parts(first).map_err(broken)?;
        Ok(parts.into_iter().map(|run| run.id).filter(|run| *run <= self.run).collect())
    }

    fn missing(&self, take: &TakeTask, step: &Address) -> Fault {
        let TakeTask { step: of, name, .. } = take;
        let message =
            format!("the artifact `{of}.{name}` is not there: {step} has not made it in this run");
        Fault::refused(message).help(format!("windlass run {} --from '{of}'", self.pipeline))
    }

    fn unusable(&self, take: &TakeTask, what: &str, why: &ObjectError) -> Fault {
        let TakeTask { step, name, .. } = take;
        let message = format!("the artifact `{step}.{name}` cannot be used: {what}: {why}");
        let again = format!("make it again: `windlass run {} --from '{step}'`", self.pipeline);
        Fault::refused(message).help(again)
    }

    pub(super) fn objects(&self) -> Objects {
        Objects::of(&self.engine.project.home)
    }

    fn logs_folder(&self, run: RunId) -> PathBuf {
        crate::log::folder(&self.engine.project.home, run)
    }
}

fn unkept(error: &io::Error) -> Fault {
    Fault::broken(format!("what it made cannot be kept: {error}"))
}

fn unread(error: &io::Error) -> Fault {
    Fault::broken(format!("the list of artifacts cannot be read: {error}"))
}

fn note(folder: &Path, made: &Made) -> io::Result<()> {
    let mut line = serde_json::to_vec(made)?;
    line.push(b'\n');
    fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join(NAME))?;
    file.write_all(&line)?;
    file.sync_data()
}

/// A line that was cut off when the engine died is left out.
fn listed(folder: &Path) -> io::Result<Vec<Made>> {
    let file = match File::open(folder.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let lines = BufReader::new(file).split(b'\n');
    lines
        .map(|line| line.map(|line| serde_json::from_slice(&line).ok()))
        .filter_map(Result::transpose)
        .collect()
}

/// Returns the lists of files of all artifacts under a folder of logs, but for those of some runs.
///
/// # Errors
/// It is not known what is kept.
pub(super) fn all(logs: &Path, without: &BTreeSet<RunId>) -> io::Result<Vec<String>> {
    let runs = match fs::read_dir(logs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        runs => runs?,
    };
    let mut all = Vec::new();
    for run in runs {
        let run = run?;
        let number = run.file_name().to_str().and_then(|name| name.parse().ok());
        if number.is_none_or(|number| !without.contains(&RunId(number))) {
            all.extend(listed(&run.path())?.into_iter().map(|made| made.bundle));
        }
    }
    Ok(all)
}
