//! `windlass run`: runs a pipeline to its end.

use std::collections::HashMap;
use std::sync::Arc;

use clap::Args;
use runtime::engine::{ApplyOptions, Course, Engine, Problem, Report, RunRequest, Surroundings};
use runtime::pipeline::Again;
use runtime::project::FileType;
use runtime::store::{Cause, RunId, RunKind, RunOutcome};
use runtime::walk::{Observer, Stop};
use tokio::sync::watch;

use crate::applying::{WorkArgs, finish};
use crate::call::{Call, full};
use crate::commands::runs::tell_results;
use crate::given::GivenArgs;
use crate::problem::{Exit, failed, usage};
use crate::render::report::Verb;
use crate::stacks::one;
use crate::stop;
use crate::watching::{Expected, Watching};

/// Run a pipeline
#[derive(Args)]
pub(crate) struct Run {
    /// The pipeline, by name or file
    pipeline: String,

    /// Go on with the last run where it stopped
    #[arg(long)]
    resume: bool,

    /// Run again what did not succeed in the last run (or that of `--of`), and what comes after it
    #[arg(long, conflicts_with = "resume")]
    failed: bool,

    /// Run this step of the last run (or that of `--of`) again, and what comes after it
    #[arg(long, value_name = "STEP", conflicts_with_all = ["resume", "failed"])]
    from: Option<String>,

    /// Do a part of this run again and not of the last one, with `--failed` or `--from`
    #[arg(long, value_name = "RUN")]
    of: Option<u64>,

    /// Open a shell in the environment of this step instead: its folder, its variables with their secrets,
    /// the artifacts that it takes
    #[arg(long, value_name = "STEP", conflicts_with_all = ["resume", "failed", "from"])]
    shell: Option<String>,

    #[command(flatten)]
    cause: CauseArgs,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    given: GivenArgs,
}

/// What a program starts a run for.
#[derive(Args)]
struct CauseArgs {
    /// Run this once: a run for the same that was cut off goes on, one that has ended is not repeated
    #[arg(long, value_name = "ID", hide_short_help = true)]
    cause: Option<String>,
    /// What happened, in a word
    #[arg(long, value_name = "WORD", hide = true, requires = "cause", default_value = "")]
    by: String,
    /// The commit that the project stands at
    #[arg(long, value_name = "COMMIT", hide = true, requires = "cause", default_value = "")]
    commit: String,
    /// Its branch
    #[arg(long, value_name = "NAME", hide = true, requires = "cause", default_value = "")]
    branch: String,
    /// Who wrote it
    #[arg(long, value_name = "NAME", hide = true, requires = "cause", default_value = "")]
    author: String,
    /// The first line of what its author says
    #[arg(long, value_name = "TEXT", hide = true, requires = "cause", default_value = "")]
    title: String,
}

impl CauseArgs {
    fn cause(&self) -> Option<Box<Cause>> {
        let Self { cause, by, commit, branch, author, title } = self;
        let id = cause.clone()?;
        Some(Box::new(Cause {
            id,
            by: by.clone(),
            commit: commit.clone(),
            branch: branch.clone(),
            author: author.clone(),
            title: title.clone(),
        }))
    }
}

pub(crate) fn run(call: &Call, args: &Run) -> Result<Exit, Problem> {
    let runtime = full()?;
    let engine = call.engine()?;
    let file = call.locate(&engine.project, &args.pipeline, FileType::Pipeline)?;
    let meant = one(call, &engine.project, file)?;
    let given = args.given.of(call, meant.outline.as_ref(), true)?;
    let course = args.course()?;
    let request = RunRequest { file: meant.file, given, course, cause: args.cause.cause() };
    let options = options(&args.work);
    if let Some(step) = &args.shell {
        let around = runtime.block_on(engine.surroundings(&request, step))?;
        return shell(call, &engine, &around);
    }
    let subject = engine.pipeline_name(&request.file)?;
    let again =
        [vec!["run".to_owned(), args.pipeline.clone()], args.given.words(call, None, true)?];
    runtime.block_on(watched(call, &engine, &subject, again.concat(), |feed, stop| {
        let (engine, options) = (&engine, &options);
        async move { engine.run(&request, options, feed, stop).await }
    }))
}

impl Run {
    fn course(&self) -> Result<Course, Problem> {
        let of = self.of.map(RunId);
        let part = match &self.from {
            Some(step) => Some(Again::From(step.clone())),
            None => self.failed.then_some(Again::Failed),
        };
        match (part, of) {
            (Some(part), of) => Ok(Course::Again { part, of }),
            (None, Some(run)) => Err(usage(
                format!("`--of {run}` does not say what of run {run} is done again"),
                "add `--failed`, or `--from STEP`",
            )),
            (None, None) if self.resume => Ok(Course::Resume),
            (None, None) => Ok(Course::Whole),
        }
    }
}

/// Opens a shell for a person. It is no command of a step: nobody watches it or ends it.
fn shell(call: &Call, engine: &Engine, around: &Surroundings) -> Result<Exit, Problem> {
    let shell = call.around.variable("SHELL").unwrap_or("/bin/sh");
    let commands: String = around.commands.iter().map(|line| format!("  {line}\n")).collect();
    call.screen.note(&engine.sealing().masked(&format!(
        "{shell} as the step {} has it, in {}; it runs\n{commands}`exit` leaves",
        around.step,
        around.directory.display()
    )));
    let ended = std::process::Command::new(shell)
        .env_clear()
        .envs(&around.environment)
        .current_dir(&around.directory)
        .status()
        .map_err(|error| failed(format!("{shell} cannot be started: {error}")))?;
    Ok(if ended.success() { Exit::Done } else { Exit::Failed })
}

/// Runs a pipeline, or goes on with a run of it, while somebody watches. `again` is what starts it anew.
pub(crate) async fn watched<R: Future<Output = Result<Report, Problem>>>(
    call: &Call,
    engine: &Engine,
    subject: &str,
    again: Vec<String>,
    run: impl FnOnce(Arc<dyn Observer>, watch::Receiver<Stop>) -> R,
) -> Result<Exit, Problem> {
    let timings = engine.store.timings(&RunKind::Pipeline.scope(subject))?;
    let expected = Expected { verb: "run", timings, kinds: HashMap::new() };
    let watching = Watching::begin(&call.screen, expected);
    let stop = stop::listen(call, watching.feed());
    let report = run(Arc::new(watching.feed()), stop).await;
    watching.end();
    let report = report?;
    if let Some(run) = report.run {
        tell_results(call, engine, run)?;
    }
    let words = match (report.outcome, report.run, &report.held[..]) {
        (RunOutcome::Waiting, _, [gate, ..]) if gate.why.is_some() => resume(subject),
        (RunOutcome::Stopped, ..) => resume(subject),
        (RunOutcome::Waiting, Some(run), [gate, ..]) => {
            vec!["approve".to_owned(), run.to_string(), gate.step.clone()]
        }
        _ => again,
    };
    let again = engine.sealing().masked(&call.typed(words));
    Ok(finish(call, &report, Verb::Run, &HashMap::new(), &again))
}

fn resume(subject: &str) -> Vec<String> {
    ["run", subject, "--resume"].map(str::to_owned).into()
}

/// Steps are programs: one more than there are cores, so that none is idle between two steps.
pub(crate) fn options(work: &WorkArgs) -> ApplyOptions {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let running = work.parallel.map_or(cores + 1, usize::from);
    ApplyOptions { running, ..work.options() }
}
