//! The flags that say what a plan is about, and planning with them.
//!
//! It must not apply anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::{ArgAction, Args};
use model::Tree;
use model::plan::Plan;
use runtime::engine::{Engine, PlanRequest, Planned, Problem};
use runtime::plan::Targets;

use crate::call::Call;
use crate::given::GivenArgs;
use crate::looking::looking;
use crate::problem::{Exit, tell, usage};
use crate::remarks;
use crate::stacks::Meant;

/// Whether to look first.
#[derive(Args, Clone, Default)]
pub(crate) struct Refresh {
    /// Look at the world first (`--refresh=false` relies on what is remembered)
    #[arg(
        long,
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    refresh: Option<bool>,
}

/// Flags of everything that plans.
#[derive(Args, Clone, Default)]
pub(crate) struct PlanArgs {
    /// Only this resource and what it needs; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) target: Vec<String>,

    /// All but this resource and what needs it; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) exclude: Vec<String>,

    /// Replace this resource whatever it is; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) replace: Vec<String>,

    #[command(flatten)]
    pub(crate) refresh: Refresh,

    /// Another name for the stack, so that one file can stand for several
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) given: GivenArgs,
}

impl PlanArgs {
    /// Returns what to ask the engine about one of the stacks that are meant.
    pub(crate) fn request(
        &self,
        call: &Call,
        meant: &Meant,
        alone: bool,
    ) -> Result<PlanRequest, Problem> {
        let given = self.given.of(call, meant.outline.as_ref(), alone)?;
        Ok(PlanRequest { given, ..self.about(PlanRequest::of(&meant.file)) })
    }

    /// Returns the flags that ask for the same plan again.
    pub(crate) fn words(
        &self,
        call: &Call,
        meant: &Meant,
        alone: bool,
    ) -> Result<Vec<String>, Problem> {
        let mut words = self.given.words(call, meant.outline.as_ref(), alone)?;
        words.extend(self.words_of_end());
        words.extend(flags("--replace", &self.replace));
        words.extend(flags("--as", self.name.as_slice()));
        Ok(words)
    }

    /// Returns the flags that ask for the same end of a stack again.
    pub(crate) fn words_of_end(&self) -> Vec<String> {
        let mut words = flags("--target", &self.target);
        words.extend(flags("--exclude", &self.exclude));
        words.extend(self.refresh.refresh.map(|refresh| format!("--refresh={refresh}")));
        words
    }

    /// Refuses these flags where a plan is meant that was kept: they come too late for it.
    pub(crate) fn not_for_kept(&self, file: &str) -> Result<(), Problem> {
        let flags = [
            ("--target", !self.target.is_empty()),
            ("--exclude", !self.exclude.is_empty()),
            ("--replace", !self.replace.is_empty()),
            ("--refresh", self.refresh.refresh.is_some()),
            ("--as", self.name.is_some()),
            ("--param", !self.given.is_empty()),
        ];
        let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) else { return Ok(()) };
        Err(usage(
            format!("`{flag}` says what to plan, and {file} is a plan already"),
            format!("give it to `windlass plan -o {file}`"),
        ))
    }

    /// Returns what to ask the engine about the end of a stack.
    pub(crate) fn destroy(&self, stack: &str) -> PlanRequest {
        PlanRequest { name: Some(stack.to_owned()), ..self.about(PlanRequest::destroy(stack)) }
    }

    fn about(&self, request: PlanRequest) -> PlanRequest {
        PlanRequest {
            name: self.name.clone(),
            targets: Targets { only: self.target.clone(), without: self.exclude.clone() },
            replace: self.replace.clone(),
            refresh: self.refresh.refresh.unwrap_or(true),
            ..request
        }
    }
}

/// The same flag before each value.
fn flags(flag: &str, values: &[String]) -> Vec<String> {
    values.iter().flat_map(|value| [flag.to_owned(), value.clone()]).collect()
}

/// Plans, and says so if it takes long.
pub(crate) async fn plan(
    call: &Call,
    engine: &Engine,
    request: &PlanRequest,
) -> Result<Planned, Problem> {
    let file = request.file.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
    let name = request.name.as_deref().or(file.as_deref()).unwrap_or_default();
    looking(call, &format!("{name}  looks at what is there"), engine.plan(request)).await
}

/// Plans the stacks that are meant, each counting on what those before will give to it, and hands on each
/// plan. What is wrong with one of several says nothing of the others. `named` are the words that they
/// were meant by: none, and what belongs to no file is told too.
pub(crate) async fn plan_each(
    call: &Call,
    engine: &Engine,
    flags: &PlanArgs,
    named: &[String],
    meant: &[Meant],
    mut see: impl FnMut(&Meant, Plan, &Ahead) -> Result<Exit, Problem>,
) -> Result<Exit, Problem> {
    let alone = meant.len() == 1;
    let (mut exit, mut ahead, mut seen) = (Exit::Done, Ahead::default(), BTreeSet::new());
    for one in meant {
        let request = ahead.counted_on(flags.request(call, one, alone)?);
        let plan = match plan(call, engine, &request).await {
            Ok(planned) => planned.plan,
            Err(problem) if alone => return Err(problem),
            Err(problem) => {
                exit = exit.worse(tell(problem, &call.screen));
                continue;
            }
        };
        ahead.note(engine, &plan);
        seen.insert(plan.stack.clone());
        exit = exit.worse(see(one, plan, &ahead)?);
    }
    if named.is_empty() {
        remarks::tell(call, &engine.project, Some(&*engine.store), &seen)?;
    }
    Ok(exit)
}

/// What stacks will give to others once the plans that were made so far are applied.
#[derive(Default)]
pub(crate) struct Ahead(BTreeMap<String, Tree>);

impl Ahead {
    /// Takes note of a plan.
    pub(crate) fn note(&mut self, engine: &Engine, plan: &Plan) {
        if plan.outputs.is_empty() {
            return;
        }
        let mut outputs = engine.outputs_of(&plan.stack).unwrap_or_default();
        for change in &plan.outputs {
            match &change.to {
                Some(to) => outputs.insert(change.name.clone(), to.clone()),
                None => outputs.remove(&change.name),
            };
        }
        self.0.insert(plan.stack.clone(), outputs);
    }

    /// Returns the stacks that one reads and that will give it something else.
    pub(crate) fn of(&self, meant: &Meant) -> Vec<String> {
        let reads = meant.outline.iter().flat_map(|outline| &outline.reads);
        reads.filter(|name| self.0.contains_key(*name)).cloned().collect()
    }

    /// Returns a request that counts on all of it.
    pub(crate) fn counted_on(&self, request: PlanRequest) -> PlanRequest {
        PlanRequest { others: self.0.clone(), ..request }
    }
}
