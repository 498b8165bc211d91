//! The environment of a step, for a person to look around in.
//!
//! It must not run the step.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use language::suggest;
use model::file::pipeline::TaskWork;
use model::plan::{Step, Work};
use tokio::sync::watch;

use super::apply::steps;
use super::{Engine, Problem, RunRequest};
use crate::log::Logs;
use crate::pipeline::{Tasks, Trace};
use crate::store::{RunId, RunKind};

/// Where a step works, and with what.
pub struct Surroundings {
    /// The step.
    pub step: String,
    /// Its folder.
    pub directory: PathBuf,
    /// Its variables, with the text of secrets: only for a process that is about to begin.
    pub environment: BTreeMap<String, String>,
    /// Its commands, with secrets covered.
    pub commands: Vec<String>,
}

impl Engine {
    /// Returns the environment of a step as it would be in the last run, and lays out the artifacts that
    /// it takes.
    pub async fn surroundings(
        &self,
        request: &RunRequest,
        named: &str,
    ) -> Result<Surroundings, Problem> {
        let name = self.pipeline_name(&request.file)?;
        let last = self.store.runs_in(&RunKind::Pipeline.scope(&name), 1)?.into_iter().next();
        let told = last.as_ref().and_then(|run| run.again).or(last.as_ref().map(|run| run.id));
        let told = told.unwrap_or(RunId(1));
        let steps = steps(self.pipeline_steps(request, told.0)?)?;
        let step = chosen(&name, named, steps.all())?;
        let Work::Task(task) = &step.work else {
            return Err(Problem::usage(format!("`{named}` does nothing here")));
        };
        let TaskWork::Run(run) = &task.does else {
            let message = format!("`{named}` runs no commands: it is `{}`", task.does.word());
            return Err(Problem::usage(message).help("name a step with `run`"));
        };
        let id = last.as_ref().map_or(told, |run| run.id);
        let (_, stop) = watch::channel(crate::walk::Stop::No);
        let tasks = Tasks {
            engine: self.clone(),
            pipeline: name,
            run: id,
            origin: String::new(),
            cause: last.and_then(|run| run.cause).map(|cause| *cause).unwrap_or_default(),
            logs: Arc::new(Logs::new(&self.project.home, id, Arc::clone(&self.site.clock))),
            trace: Trace::unkept().map_err(|error| Problem::failed(error.to_string()))?,
            steps: Arc::clone(&steps),
            held: Mutex::default(),
            failed: Mutex::default(),
            stop,
        };
        let (directory, environment) =
            tasks.surroundings(task, step).await.map_err(Problem::Failed)?;
        let shown = |command: &model::Value| match command {
            model::Value::Parts(pieces) => model::value::written(pieces),
            other => other.as_text().unwrap_or_default().to_owned(),
        };
        let commands = run.commands.iter().map(shown).collect();
        Ok(Surroundings { step: step.name.to_string(), directory, environment, commands })
    }
}

fn chosen<'s>(pipeline: &str, named: &str, steps: &'s [Step]) -> Result<&'s Step, Problem> {
    let is = |step: &&Step| step.name.as_str() == named || step.name.block() == named;
    let meant: Vec<&Step> = steps.iter().filter(is).collect();
    match &meant[..] {
        [step] => Ok(step),
        [] => {
            let names = steps.iter().map(|step| step.name.block());
            let help = match suggest::nearest(named, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("`windlass explain {pipeline}` lists its steps"),
            };
            Err(Problem::usage(format!("`{pipeline}` has no step `{named}`")).help(help))
        }
        several => {
            let names = suggest::list(several.iter().map(|step| step.name.as_str()));
            let message = format!("`{named}` stands for {} steps", several.len());
            Err(Problem::usage(message).help(format!("name one of {names}")))
        }
    }
}
