//! `run`: commands for the shell, and the results that they leave in files.
//!
//! It must not judge a step by its reports: its commands do.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use child::{Command, Exit};
use model::context::Progress;
use model::file::pipeline::{ReportForm, RunTask, Task, TaskWork};
use model::plan::Step;
use model::value::Piece;
use model::{Fault, Value, secret};
use reports::Source;
use tokio::task::spawn_blocking;

use super::Tasks;
use super::lines::Lines;
use super::results::{collect, keep};
use super::task::{Doing, GRACE, no_end_within};
use crate::log::StepLog;

/// The variable through which a script with secrets reaches the shell.
const SCRIPT: &str = "WINDLASS_SCRIPT";

impl Tasks {
    /// Runs commands in one shell; the first that fails ends it.
    pub(super) async fn run_commands(&self, task: &RunTask, doing: Doing<'_>) -> Result<(), Fault> {
        let directory = task.directory.as_deref();
        let folder = self.folder(directory)?;
        let command = self.shell(&task.commands, &folder, doing)?;
        let pending = self.restore_caches(&task.caches, &folder, doing).await?;
        let begun = SystemTime::now();
        let ended = run(&command, doing.log).await;
        let reported = self.reported(folder.clone(), &task.reports, begun, doing).await;
        ended.and(reported)?;
        self.keep_artifacts(&task.artifacts, directory, folder.clone(), doing).await?;
        self.keep_caches(pending, &folder, doing).await;
        Ok(())
    }

    /// Where a step works and with what variables; the artifacts that it takes are laid out.
    ///
    /// # Errors
    /// Its folder, a secret or an artifact is not there.
    pub async fn surroundings(
        &self,
        task: &Task,
        step: &Step,
    ) -> Result<(PathBuf, BTreeMap<String, String>), Fault> {
        let directory = match &task.does {
            TaskWork::Run(run) => run.directory.as_deref(),
            _ => None,
        };
        self.take_artifacts(&task.takes).await?;
        Ok((self.folder(directory)?, self.environment(task, step)?))
    }

    /// The folder in which a step works.
    pub(super) fn folder(&self, directory: Option<&str>) -> Result<PathBuf, Fault> {
        let project = &self.engine.site.project;
        let folder = directory.map_or(project.clone(), |path| project.join(path));
        match folder.is_dir() {
            true => Ok(folder),
            false => {
                let message = format!("its directory {} is not there", folder.display());
                Err(Fault::refused(message))
            }
        }
    }

    /// One shell for all commands. Arguments can be read by every user of the machine, the environment
    /// by its owner alone: a script with secrets comes that way.
    fn shell(&self, commands: &[Value], folder: &Path, doing: Doing<'_>) -> Result<Command, Fault> {
        let mut environment = self.environment(doing.task, doing.step)?;
        let lines: Vec<String> =
            commands.iter().map(|command| self.revealed(command)).collect::<Result<_, _>>()?;
        let mut script = lines.join("\n");
        if commands.iter().any(|command| !command.secrets().is_empty()) {
            environment.insert(SCRIPT.to_owned(), script);
            script = format!("script=${SCRIPT}; unset {SCRIPT}; eval \"$script\"");
        }
        let argv = ["/bin/sh", "-e", "-c"].map(OsString::from).into_iter();
        Ok(Command {
            argv: argv.chain([script.into()]).collect(),
            environment,
            directory: folder.to_owned(),
            token: doing.token.to_string(),
            timeout: doing.step.timeout,
            grace: GRACE,
        })
    }

    /// The variables of a step: those of who called, what it is, and its own.
    pub(super) fn environment(
        &self,
        task: &Task,
        step: &Step,
    ) -> Result<BTreeMap<String, String>, Fault> {
        let mut environment: BTreeMap<String, String> = self.engine.site.environment.clone();
        environment.insert("CI".to_owned(), "true".to_owned());
        environment.insert("WINDLASS_RUN".to_owned(), self.run.to_string());
        environment.insert("WINDLASS_PIPELINE".to_owned(), self.pipeline.clone());
        environment.insert("WINDLASS_STEP".to_owned(), step.name.to_string());
        let told =
            [("WINDLASS_COMMIT", &self.cause.commit), ("WINDLASS_BRANCH", &self.cause.branch)];
        for (name, value) in told.into_iter().filter(|(_, value)| !value.is_empty()) {
            environment.insert(name.to_owned(), value.clone());
        }
        for (name, value) in &task.env {
            environment.insert(name.clone(), self.revealed(value)?);
        }
        Ok(environment)
    }

    /// The text of a value, with its secrets: only for where it is used.
    pub(super) fn revealed(&self, value: &Value) -> Result<String, Fault> {
        let Value::Parts(pieces) = value else {
            return Ok(value.as_text().unwrap_or_default().to_owned());
        };
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Secret { name, .. } => {
                    text.push_str(secret::revealed_name(&*self.engine.vault, name)?.expose());
                }
                Piece::Later(path) => {
                    return Err(Fault::refused(format!("`{path}` is not known")));
                }
            }
        }
        Ok(text)
    }

    /// Keeps the results that the commands left. Also those of commands that failed: which tests it
    /// was is what everybody wants to know.
    async fn reported(
        &self,
        folder: PathBuf,
        wanted: &[(ReportForm, String)],
        since: SystemTime,
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        if wanted.is_empty() {
            return Ok(());
        }
        let (wanted, log) = (wanted.to_vec(), doing.log);
        let collected = spawn_blocking(move || collect(&folder, &wanted, since)).await;
        let report = collected.map_err(|error| Fault::broken(error.to_string()))?;
        let report = report.inspect_err(|fault| log.line(&format!("— {}", fault.message)))?;
        self.keep_report(report, doing).await
    }

    /// Keeps a report of a step with the logs of the run.
    pub(super) async fn keep_report(
        &self,
        mut report: reports::Report,
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        for test in &mut report.tests {
            for text in [&mut test.suite, &mut test.name, &mut test.message] {
                *text = doing.log.masked(text);
            }
        }
        let name = &doing.step.name;
        let source = Source { block: name.block().to_owned(), step: name.to_string() };
        let folder = crate::log::folder(&self.engine.project.home, self.run);
        let kept = spawn_blocking(move || keep(&folder, source, report)).await;
        kept.map_err(io::Error::other)
            .flatten()
            .map_err(|error| Fault::broken(format!("its reports cannot be kept: {error}")))
    }
}

/// Runs a command to its end, each line of its output to the log.
pub(super) async fn run(command: &Command, log: &StepLog) -> Result<(), Fault> {
    let mut lines = Lines::new(log);
    let exit = child::run(command, &mut |chunk| lines.push(chunk)).await;
    let last = lines.finish();
    match exit {
        Ok(exit) if exit.is_success() => Ok(()),
        Ok(Exit::TimedOut) => Err(no_end_within(command.timeout.unwrap_or_default()).details(last)),
        Ok(exit @ Exit::Code(127)) => Err(Fault::refused(exit.to_string()).details(last).help(
            "the shell has not found a program, or what runs a script (its `#!` line): install it \
             where this runs, or say where it is",
        )),
        Ok(exit) => Err(Fault::refused(exit.to_string()).details(last)),
        Err(error) => Err(Fault::broken(format!("the shell cannot be started: {error}"))),
    }
}
