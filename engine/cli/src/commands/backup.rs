//! `windlass backup`: lets backup jobs work, and lists what they have taken.
//!
//! It must not know how a job works: the engine lets resources act.

use std::collections::HashMap;
use std::sync::Arc;

use clap::{Args, Subcommand};
use model::{Tree, Value};
use runtime::engine::{ActRequest, Acted, ApplyOptions, Engine, Problem};
use runtime::lease::Terms;
use runtime::store::RunKind;
use serde_json::json as object;

use crate::applying::{Wait, finish};
use crate::call::{Call, full, light};
use crate::problem::{Exit, tell, usage};
use crate::render::report::Verb as Word;
use crate::watching::{Expected, Watching};
use crate::{json, outside, render, stop};

/// Back up what jobs say, list what there is, verify it, try a restore, remove what is old
///
/// A job is a resource of the kind `backup.job`: `windlass explain backup.job`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Backup {
    #[command(subcommand)]
    verb: Option<Verb>,

    #[command(flatten)]
    jobs: Jobs,
}

#[derive(Args)]
struct Jobs {
    /// STACK/JOB, or all jobs of a STACK; without any all that were applied
    jobs: Vec<String>,

    /// Wait so long if the job is at work already, such as 10m
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true)]
    wait: Wait,
}

#[derive(Subcommand)]
enum Verb {
    /// List snapshots: when, why they are kept, and which are proven by a restore
    List {
        #[command(flatten)]
        jobs: Jobs,
    },
    /// Read the next part of what is stored, and look whether all snapshots are there
    Verify {
        #[command(flatten)]
        jobs: Jobs,
        /// Read everything
        #[arg(long)]
        all: bool,
        /// Strike snapshots that are gone from the list
        #[arg(long)]
        accept_missing: bool,
    },
    /// Restore the newest snapshot into a scratch folder, run the job's checks in it, keep the proof
    Drill {
        #[command(flatten)]
        jobs: Jobs,
        /// Another snapshot, by the beginning of its id
        #[arg(long, value_name = "ID")]
        snapshot: Option<String>,
    },
    /// Remove the snapshots that no window of the job keeps
    Prune {
        #[command(flatten)]
        jobs: Jobs,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}

pub(crate) fn run(call: &Call, args: &Backup) -> Result<Exit, Problem> {
    let flag = |name: &str, is: bool| (name.to_owned(), Value::from(is));
    let (jobs, asked) = match &args.verb {
        None => (&args.jobs, Asked::of("backup", "backed up", Tree::new())),
        Some(Verb::List { jobs }) => return list(call, jobs),
        Some(Verb::Verify { jobs, all, accept_missing }) => {
            let args = [flag("all", *all), flag("accept_missing", *accept_missing)];
            (jobs, Asked::of("verify", "verified", args.into()))
        }
        Some(Verb::Drill { jobs, snapshot }) => {
            let id = snapshot.iter().map(|id| ("snapshot".to_owned(), id.as_str().into()));
            (jobs, Asked::of("drill", "proven", id.collect()))
        }
        Some(Verb::Prune { jobs, dry_run }) => {
            let word = if *dry_run { "only tried" } else { "pruned" };
            (jobs, Asked::of("prune", word, [flag("dry_run", *dry_run)].into()))
        }
    };
    let engine = call.engine()?;
    let mut exit = Exit::Done;
    for (stack, resource) in meant(&engine, &jobs.jobs)? {
        // One that fails keeps no other from being done.
        let one = act(call, &engine, &stack, &resource, &asked, jobs.wait);
        exit = exit.worse(one.unwrap_or_else(|problem| tell(problem, &call.screen)));
    }
    Ok(exit)
}

/// What jobs are asked to do.
pub(super) struct Asked {
    verb: &'static str,
    /// What is said of one that has done it.
    done: &'static str,
    args: Tree,
}

impl Asked {
    pub(super) fn of(verb: &'static str, done: &'static str, args: Tree) -> Self {
        Self { verb, done, args }
    }

    /// Returns what to type to ask for it again.
    fn words<'w>(&'w self, subject: &'w str) -> Vec<&'w str> {
        let to = self.args.get("to").and_then(Value::as_text);
        match (self.verb, to) {
            ("backup", _) => vec!["backup", subject],
            (verb, Some(to)) => vec![verb, subject, "--to", to],
            (verb, None) => vec!["backup", verb, subject],
        }
    }
}

/// Lets one job act, with somebody watching.
pub(super) fn act(
    call: &Call,
    engine: &Engine,
    stack: &str,
    resource: &str,
    asked: &Asked,
    wait: Wait,
) -> Result<Exit, Problem> {
    let request = ActRequest {
        stack: stack.to_owned(),
        resource: resource.to_owned(),
        verb: asked.verb.to_owned(),
        args: asked.args.clone(),
    };
    let subject = request.subject();
    let usual = ApplyOptions::default();
    let options = ApplyOptions { terms: Terms { patience: wait.0, ..usual.terms }, ..usual };
    let timings = engine.store.timings(&RunKind::Action.scope(&subject))?;
    full()?.block_on(async {
        let expected = Expected { verb: asked.verb, timings, kinds: HashMap::new() };
        let watching = Watching::begin(&call.screen, expected);
        let stop = stop::listen(call, watching.feed());
        let acted = engine.act(&request, &options, Arc::new(watching.feed()), stop).await;
        watching.end();
        let Acted { report, said } = acted?;
        if let Some(said) = said {
            let said = json::tree(&said);
            let event = object!({ "subject": subject, "verb": asked.verb, "said": said });
            call.screen.event("acted", event);
        }
        let again = call.typed(asked.words(&subject));
        Ok(finish(call, &report, Word::Act(asked.done), &HashMap::new(), &again))
    })
}

fn list(call: &Call, jobs: &Jobs) -> Result<Exit, Problem> {
    let engine = call.engine()?;
    let runtime = light()?;
    let mut exit = Exit::Done;
    for (at, (stack, resource)) in meant(&engine, &jobs.jobs)?.into_iter().enumerate() {
        let (verb, args) = ("list".to_owned(), Tree::new());
        let said = runtime.block_on(engine.ask(&ActRequest { stack, resource, verb, args }));
        match said {
            Ok(said) => {
                call.screen.event("backups", json::tree(&said));
                let text = render::backup::list(&said, &outside::moment(), call.screen.style);
                call.screen.answer(&if at > 0 { format!("\n{text}") } else { text });
            }
            Err(problem) => exit = exit.worse(tell(problem, &call.screen)),
        }
    }
    Ok(exit)
}

/// Returns the jobs that are meant, as stack and address.
pub(super) fn meant(engine: &Engine, words: &[String]) -> Result<Vec<(String, String)>, Problem> {
    let able = engine.able("backup")?;
    if able.is_empty() {
        let help = "write a resource of the kind `backup.job` and apply it: \
                    `windlass explain backup.job`";
        return Err(usage("no backup job was applied yet", help));
    }
    let mut meant = Vec::new();
    for word in words {
        let is = |(stack, job): &&(String, String)| {
            stack == word || job == word || format!("{stack}/{job}") == *word
        };
        let found: Vec<_> = able.iter().filter(is).cloned().collect();
        if found.is_empty() {
            return Err(unknown(word, &able));
        }
        meant.extend(found);
    }
    Ok(if words.is_empty() { able } else { meant })
}

fn unknown(word: &str, able: &[(String, String)]) -> Problem {
    let names: Vec<String> = able.iter().map(|(stack, job)| format!("{stack}/{job}")).collect();
    let names = || names.iter().map(String::as_str);
    let help = match language::suggest::nearest(word, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", language::suggest::list(names())),
    };
    usage(format!("no backup job is called `{word}`"), help)
}
