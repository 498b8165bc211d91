//! From a pipeline file to steps in dependency order, with parameters put in and secrets as handles.
//!
//! It must not run anything.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use language::decoder::read_with;
use language::text::TextPart;
use language::{
    Code, Content, Decoder, Diagnostic, Diagnostics, Document, Found, Leaf, Name, Node, Reference,
    Scope, Script, Span, Spanned, Text, suggest,
};
use model::address::block_of;
use model::file::pipeline::{
    ArtifactTask, Caches, CutoverTask, Does, GateTask, NotifyTask, Patterns, Pipeline,
    PipelineStep, ProbeTask, Reports, RunTask, SharedSteps, StepWhen, Take, TakeName, TakeTask,
    Task, TaskWork,
};
use model::graph::Graph;
use model::plan::{Step, When, Work};
use model::value::Piece;
use model::{Address, Secrets, Tree, Value};

use super::matrix::{Combination, Matrix, PREFIX, Within};
use super::shared::{Shared, refuse_others, used};
use crate::parameters::{Given, NONE, Outside, Parameters};
use crate::stack::place;
use crate::store::Cause;

/// Returns the name of a pipeline and its steps in dependency order; None if something is wrong.
pub fn load(
    document: &Document,
    outside: &Outside<'_>,
    told: &Told,
    shared: &Shared,
    secrets: &dyn Secrets,
    diagnostics: &mut Diagnostics,
) -> Option<(String, Vec<Step>)> {
    let scope = PipelineScope::new(document, outside, Some(told), diagnostics);
    let read = read(document, &scope, &Around { outside, shared }, diagnostics)?;
    let mut texts = Texts { secrets, root: document.root(), diagnostics };
    let common = texts.tree(&read.env);
    let addresses: HashMap<&str, Vec<Address>> =
        read.blocks.iter().map(|block| (block.name.as_str(), block.addresses())).collect();
    let mut steps = Vec::new();
    for block in &read.blocks {
        for (address, step) in addresses[block.name.as_str()].iter().zip(&block.steps) {
            let takes: Vec<TakeTask> = step.takes.iter().map(Take::task).collect();
            let makers = takes.iter().map(|take| block_of(&take.step));
            let needs = step.needs.iter().map(String::as_str).chain(makers);
            let mut needs: Vec<Address> =
                needs.filter_map(|need| addresses.get(need)).flatten().cloned().collect();
            let mut seen = HashSet::new();
            needs.retain(|need| seen.insert(need.clone()));
            steps.push(texts.step(address, step, needs, block.limit(), &common));
        }
    }
    (!diagnostics.has_errors()).then_some((read.name, steps))
}

/// What references in a pipeline stand for.
pub(super) struct PipelineScope {
    parameters: Parameters,
    run: Option<Arc<ToldDocuments>>,
}

/// What a run tells its steps about itself: `${run.id}`, `${run.commit}`, `${run.branch}`.
pub struct Told {
    run: u64,
    commit: String,
    branch: String,
}

impl Told {
    /// Returns what a run of this number tells, which may have been started for something.
    pub fn of(run: u64, cause: Option<&Cause>) -> Self {
        let Cause { commit, branch, .. } = cause.cloned().unwrap_or_default();
        Self { run, commit, branch }
    }
}

/// The same, to be read in place.
struct ToldDocuments {
    run: Document,
    commit: Document,
    branch: Document,
}

impl ToldDocuments {
    fn of(told: &Told) -> Self {
        Self {
            run: Document::value(&told.run.to_string()),
            commit: Document::value(&told.commit),
            branch: Document::value(&told.branch),
        }
    }

    fn find(&self, name: &str) -> Option<Node<'_>> {
        let document = match name {
            "run.id" => &self.run,
            "run.commit" => &self.commit,
            "run.branch" => &self.branch,
            _ => return None,
        };
        Some(document.root())
    }
}

impl PipelineScope {
    /// Without a run, its number comes later.
    pub(super) fn new(
        document: &Document,
        outside: &Outside<'_>,
        told: Option<&Told>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let root = document.root();
        let node = root.get("on").and_then(|on| on.get("manual")?.get("parameters"));
        let place = root.get("pipeline").map_or(root.span(), Node::span);
        let parameters = Parameters::read(document, node, place, outside, diagnostics);
        Self { parameters, run: told.map(ToldDocuments::of).map(Arc::new) }
    }
}

/// What is around a pipeline file.
pub(super) struct Around<'a> {
    /// What comes from outside.
    pub(super) outside: &'a Outside<'a>,
    /// The files that it uses.
    pub(super) shared: &'a Shared,
}

/// What every run can be asked for.
const TOLD: [&str; 3] = ["run.id", "run.commit", "run.branch"];

impl Scope for PipelineScope {
    /// What a matrix says is known within its step alone: see [`Within`].
    fn find(&self, reference: &Reference) -> Found<'_> {
        let path = reference.path.as_str();
        match &self.run {
            Some(run) if let Some(known) = run.find(path) => Found::Known(known),
            None if TOLD.contains(&path) => Found::Later,
            _ if path.starts_with(PREFIX) => Found::Later,
            _ => self.parameters.find(reference),
        }
    }

    fn is_chosen(&self, reference: &Reference) -> bool {
        self.parameters.is_chosen(reference)
    }
}

/// A pipeline as it was read.
pub(super) struct Read {
    name: String,
    env: BTreeMap<String, Text>,
    /// In dependency order.
    blocks: Vec<Block>,
}

/// What stands under one name in the file: a step, or one for each combination of its matrix.
struct Block {
    name: String,
    matrix: Option<Matrix>,
    steps: Vec<PipelineStep>,
}

impl Block {
    fn addresses(&self) -> Vec<Address> {
        match &self.matrix {
            None => vec![self.name.as_str().into()],
            Some(matrix) => {
                let address = |one: &Combination| format!("{}[{}]", self.name, one.name()).into();
                matrix.combinations.iter().map(address).collect()
            }
        }
    }

    fn limit(&self) -> Option<usize> {
        self.matrix.as_ref()?.limit
    }
}

/// Reads a pipeline; None if something in it is wrong, or comes later.
pub(super) fn read(
    document: &Document,
    scope: &PipelineScope,
    around: &Around<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Read> {
    let root = document.root();
    let read = read_with(document, scope, diagnostics, |decoder| decoder.read::<Pipeline>(root));
    let of_matrices = read.waiting.iter().any(|reference| reference.path.starts_with(PREFIX));
    let whole = read.value.map(|whole| whole.steps);
    let mut gathered = Gathered {
        around,
        diagnostics,
        waits: Vec::new(),
        blocks: BTreeMap::new(),
        groups: BTreeMap::new(),
    };
    gathered.part(Part { document, scope, prefix: "", whole, of_matrices });
    let Gathered { mut waits, mut blocks, groups, .. } = gathered;
    stand_for_all(&groups, &mut waits, &mut blocks);
    waits.sort_by(|one, other| one.name.cmp(&other.name));
    let order = ordered(&waits, diagnostics);
    let (name, env) = header(document, scope, diagnostics);
    let in_order = |at: usize| blocks.remove(&waits[at].name).flatten();
    let blocks = order?.into_iter().map(in_order).collect::<Option<Vec<_>>>()?;
    Some(Read { name: name?, env: env?, blocks })
}

/// The steps of one file, as they are read.
struct Part<'p> {
    document: &'p Document,
    scope: &'p PipelineScope,
    /// What its names begin with: nothing, or `lint.` where a step `lint` uses it.
    prefix: &'p str,
    /// What could be read of it as a whole.
    whole: Option<BTreeMap<Name, PipelineStep>>,
    of_matrices: bool,
}

/// The steps of all files.
struct Gathered<'g> {
    around: &'g Around<'g>,
    diagnostics: &'g mut Diagnostics,
    waits: Vec<Waits>,
    blocks: BTreeMap<String, Option<Block>>,
    /// The steps that a step with `use` stands for.
    groups: BTreeMap<String, Vec<String>>,
}

impl Gathered<'_> {
    fn part(&mut self, part: Part<'_>) {
        let Part { document, scope, prefix, mut whole, of_matrices } = part;
        let root = document.root();
        for (name, step) in steps(root) {
            refuse_nothing_to_run(step, self.diagnostics);
            let full = format!("{prefix}{name}");
            let waiting = Waits { name: full.clone(), place: root.span(), needs: Vec::new() };
            let waiting = waiting.of(prefix, step, document, scope, self.diagnostics);
            if let Some((file, _)) = used(step) {
                refuse_others(step, self.diagnostics);
                let when = step.get("when").and_then(Node::scalar).map(|when| when.text);
                self.used(file, step, &full, when, waiting, document, scope);
                continue;
            }
            self.waits.push(waiting);
            let matrix = step.get("matrix").filter(|matrix| !is_null(*matrix));
            let block = match (matrix, &mut whole) {
                (None, Some(whole)) => {
                    let step = whole.remove(&Name(name.to_owned()));
                    step.map(|step| Block { name: full.clone(), matrix: None, steps: vec![step] })
                }
                (None, None) if !of_matrices => None,
                (matrix, _) => repeated(&full, step, matrix, document, scope, self.diagnostics),
            };
            self.blocks.insert(full, block.map(|block| within(prefix, block)));
        }
        refuse_what_nobody_makes(root, self.diagnostics);
    }

    /// Reads the steps of a file that a step uses.
    #[expect(clippy::too_many_arguments, reason = "one step, and where it stands")]
    fn used(
        &mut self,
        file: &str,
        step: Node<'_>,
        name: &str,
        when: Option<&str>,
        waiting: Waits,
        document: &Document,
        scope: &PipelineScope,
    ) {
        let Some(theirs) = self.around.shared.get(file) else {
            self.blocks.insert(name.to_owned(), None);
            self.waits.push(waiting);
            return;
        };
        let root = theirs.root();
        let (given, later) = given(step, document, scope);
        let outside = self.around.outside;
        let complete = outside.complete && !later;
        let outside = Outside { given: &given, secrets: NONE, complete, ..*outside };
        let place = step.get("use").map_or(step.span(), Node::span);
        let node = root.get("parameters");
        let parameters = Parameters::read(theirs, node, place, &outside, self.diagnostics);
        let scope = PipelineScope { parameters, run: scope.run.clone() };
        let read = |decoder: &mut Decoder<'_>| decoder.read::<SharedSteps>(root);
        let read = read_with(theirs, &scope, self.diagnostics, read);
        let of_matrices = read.waiting.iter().any(|one| one.path.starts_with(PREFIX));
        let whole = read.value.map(|whole| whole.steps);
        let from = self.waits.len();
        let prefix = format!("{name}.");
        self.part(Part { document: theirs, scope: &scope, prefix: &prefix, whole, of_matrices });
        let needs: Vec<String> = waiting.needs.iter().map(|need| need.value.clone()).collect();
        for inner in &mut self.waits[from..] {
            if !inner.needs.is_empty() {
                continue;
            }
            (inner.needs, inner.place) = (waiting.needs.clone(), waiting.place);
            for step in
                self.blocks.get_mut(&inner.name).into_iter().flatten().flat_map(|b| &mut b.steps)
            {
                step.needs.clone_from(&needs);
                step.when = match when {
                    Some("failure") => StepWhen::Failure,
                    Some("always") => StepWhen::Always,
                    _ => step.when,
                };
            }
        }
        // What runs after a failure alone is not waited for: it does not run when all is well.
        let clears = |name: &String| {
            let block = self.blocks.get(name).into_iter().flatten();
            block.flat_map(|block| &block.steps).any(|step| step.when == StepWhen::Failure)
        };
        let names = self.waits[from..].iter().map(|inner| inner.name.clone());
        let names = names.filter(|name| !clears(name)).collect();
        self.groups.insert(name.to_owned(), names);
    }
}

/// What a step gives to the file that it uses, and whether some of it comes later.
fn given(step: Node<'_>, document: &Document, scope: &PipelineScope) -> (Given, bool) {
    let Some(Content::Map(entries)) = step.get("with").map(Node::content) else {
        return (Given::new(), false);
    };
    let (mut given, mut later) = (Given::new(), false);
    for (key, value) in entries.iter() {
        // What is wrong with it was said where the whole file was read.
        let mut unheard = Diagnostics::default();
        let read = read_with(document, scope, &mut unheard, |decoder| decoder.read(value));
        match (key.scalar(), read.value) {
            (Some(key), Some(value)) => _ = given.insert(key.text.to_owned(), value),
            _ => later = true,
        }
    }
    (given, later)
}

/// Names within a file that is used begin with the name of the step that uses it.
fn within(prefix: &str, mut block: Block) -> Block {
    for step in &mut block.steps {
        step.needs.iter_mut().for_each(|need| need.insert_str(0, prefix));
        step.takes.iter_mut().for_each(|take| take.name_mut().step.insert_str(0, prefix));
    }
    block
}

/// Who needs a step with `use` waits for all steps that it stands for.
fn stand_for_all(
    groups: &BTreeMap<String, Vec<String>>,
    waits: &mut [Waits],
    blocks: &mut BTreeMap<String, Option<Block>>,
) {
    for wait in waits {
        let all = |need: Spanned<String>| match groups.get(&need.value) {
            None => vec![need],
            Some(names) => {
                let named = |value: &String| Spanned { value: value.clone(), span: need.span };
                names.iter().map(named).collect()
            }
        };
        wait.needs = std::mem::take(&mut wait.needs).into_iter().flat_map(all).collect();
    }
    for step in blocks.values_mut().flatten().flat_map(|block| &mut block.steps) {
        let all = |need: String| groups.get(&need).cloned().unwrap_or_else(|| vec![need]);
        step.needs = std::mem::take(&mut step.needs).into_iter().flat_map(all).collect();
    }
}

fn is_null(node: Node<'_>) -> bool {
    node.scalar().is_some_and(|scalar| scalar.is_null())
}

fn refuse_nothing_to_run(step: Node<'_>, diagnostics: &mut Diagnostics) {
    if let Some(run) = step.get("run")
        && let Content::List(lines) = run.content()
        && lines.is_empty()
    {
        let error = Diagnostic::new(Code::BadValue, run.span(), "there is nothing to run");
        diagnostics.push(error.help("write commands, or take the step out"));
    }
}

/// What stands beside the steps, where nothing is known of a matrix. What else is wrong with it was said
/// where the whole file was read.
fn header(
    document: &Document,
    scope: &PipelineScope,
    diagnostics: &mut Diagnostics,
) -> (Option<String>, Option<BTreeMap<String, Text>>) {
    let root = document.root();
    let within = Within::new(scope, None);
    let mut noted = Diagnostics::default();
    let name = root.get("pipeline").and_then(|name| {
        let read = read_with(document, &within, &mut noted, |decoder| decoder.read::<Name>(name));
        read.value.map(|name| name.0)
    });
    let env = match root.get("env") {
        None => Some(BTreeMap::new()),
        Some(env) => read_with(document, &within, &mut noted, |decoder| decoder.read(env)).value,
    };
    note_new(noted, diagnostics);
    (name, env)
}

/// Reads a step once for each combination of its matrix.
fn repeated(
    name: &str,
    step: Node<'_>,
    matrix: Option<Node<'_>>,
    document: &Document,
    scope: &PipelineScope,
    diagnostics: &mut Diagnostics,
) -> Option<Block> {
    let matrix = match matrix {
        None => None,
        Some(node) => Some(Matrix::read(node, document, scope, diagnostics)?),
    };
    let combinations = match &matrix {
        None => vec![None],
        Some(matrix) => matrix.combinations.iter().map(Some).collect(),
    };
    let read = |combination: Option<&Combination>| {
        let within = Within::new(scope, combination);
        let mut noted = Diagnostics::default();
        let read = read_with(document, &within, &mut noted, |decoder| decoder.read(step));
        note_new(noted, diagnostics);
        read.value
    };
    let steps: Vec<_> = combinations.into_iter().map(read).collect();
    let name = name.to_owned();
    Some(Block { name, steps: steps.into_iter().collect::<Option<_>>()?, matrix })
}

/// Notes what was not noted when the same place was read before.
pub(super) fn note_new(noted: Diagnostics, diagnostics: &mut Diagnostics) {
    for one in noted {
        if !diagnostics.iter().any(|known| *known == one) {
            diagnostics.push(one);
        }
    }
}

/// The steps of a pipeline, by name, in the order of the file.
pub(super) fn steps(root: Node<'_>) -> impl Iterator<Item = (&str, Node<'_>)> {
    let entries = match root.get("steps").map(Node::content) {
        Some(Content::Map(entries)) => Some(entries),
        _ => None,
    };
    let named = |(key, value): (_, _)| Node::scalar(key).map(|key| (key.text, value));
    entries.into_iter().flat_map(language::document::Entries::iter).filter_map(named)
}

/// A step, and for which others it waits.
struct Waits {
    name: String,
    /// Where it says so.
    place: Span,
    needs: Vec<Spanned<String>>,
}

impl Waits {
    /// What is wrong with the form of `needs` is said where the whole file is read.
    fn of(
        mut self,
        prefix: &str,
        step: Node<'_>,
        document: &Document,
        scope: &dyn Scope,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        if let Some(needs) = step.get("needs") {
            let mut unheard = Diagnostics::default();
            let read = read_with(document, scope, &mut unheard, |decoder| decoder.read(needs));
            for reference in read.waiting.iter().filter(|one| one.path.starts_with(PREFIX)) {
                let message = "a step needs the same in all combinations of its matrix";
                let error = Diagnostic::new(Code::BadReference, reference.span, message);
                diagnostics.push(error.help("name the step that it waits for"));
            }
            self.needs = read.value.unwrap_or_default();
            self.place = needs.span();
        }
        for (take, span) in taken(step) {
            self.place = if self.needs.is_empty() { span } else { self.place };
            self.needs.push(Spanned { value: block_of(&take.step).to_owned(), span });
        }
        self.needs.iter_mut().for_each(|need| need.value.insert_str(0, prefix));
        self
    }
}

/// The artifacts that a step takes, as far as they are written out.
fn taken(step: Node<'_>) -> Vec<(TakeName, Span)> {
    let Some(Content::List(items)) = step.get("takes").map(Node::content) else {
        return Vec::new();
    };
    let one = |item: Node<'_>| {
        let named = item.get("from").unwrap_or(item);
        Some((TakeName::parse(named.scalar()?.text).ok()?, named.span()))
    };
    items.iter().filter_map(one).collect()
}

/// Notes what steps take that no step makes.
fn refuse_what_nobody_makes(root: Node<'_>, diagnostics: &mut Diagnostics) {
    let made = |step: &str| -> Option<Vec<String>> {
        let (_, step) = steps(root).find(|(name, _)| *name == step)?;
        let names = match step.get("artifacts").map(Node::content) {
            Some(Content::Map(entries)) => {
                entries.iter().filter_map(|(key, _)| Some(key.scalar()?.text.to_owned())).collect()
            }
            _ => Vec::new(),
        };
        Some(names)
    };
    for (take, span) in steps(root).flat_map(|(_, step)| taken(step)) {
        let step = block_of(&take.step);
        // A step that is not there is told of with all others that are needed.
        let Some(names) = made(step).filter(|names| !names.contains(&take.name)) else { continue };
        let message = format!("`{step}` makes no artifact `{}`", take.name);
        let error = Diagnostic::new(Code::UnknownName, span, message);
        diagnostics.push(match suggest::nearest(&take.name, names.iter().map(String::as_str)) {
            Some(near) => error.label(format!("did you mean `{step}.{near}`?")),
            None if names.is_empty() => {
                error.help(format!("declare it under `artifacts` of `{step}`"))
            }
            None => {
                error.help(format!("it makes {}", suggest::list(names.iter().map(String::as_str))))
            }
        });
    }
}

/// The order of the steps; None if `needs` name nothing or lead in a circle.
fn ordered(steps: &[Waits], diagnostics: &mut Diagnostics) -> Option<Vec<usize>> {
    let mut all = Vec::with_capacity(steps.len());
    let mut found = true;
    for step in steps {
        let mut needs = Vec::with_capacity(step.needs.len());
        for need in &step.needs {
            match steps.binary_search_by(|step| step.name.as_str().cmp(&need.value)) {
                Ok(at) => needs.push(at),
                Err(_) => {
                    found = false;
                    let message = format!("no step is called `{}`", need.value);
                    let error = Diagnostic::new(Code::UnknownName, need.span, message);
                    let names = steps.iter().map(|step| step.name.as_str());
                    diagnostics.push(match suggest::nearest(&need.value, names) {
                        Some(near) => error.label(format!("did you mean `{near}`?")),
                        None => error,
                    });
                }
            }
        }
        all.push(needs);
    }
    match Graph::new(all.iter().map(Vec::as_slice)).order() {
        Ok(order) => found.then_some(order),
        Err(circle) => {
            diagnostics.push(waiting_for_each_other(steps, &circle)?);
            None
        }
    }
}

fn waiting_for_each_other(steps: &[Waits], circle: &[usize]) -> Option<Diagnostic> {
    let text = |user: &Waits, need: usize| format!("`{}` needs `{}`", user.name, steps[need].name);
    let edges = circle.iter().zip(circle.iter().cycle().skip(1));
    let mut edges = edges.map(|(&user, &need)| (steps[user].place, text(&steps[user], need)));
    let (place, text) = edges.next()?;
    let error = Diagnostic::new(Code::Cycle, place, "these steps wait for each other").label(text);
    Some(edges.fold(error, |error, (place, text)| error.also(place, text)))
}

/// Turns texts into values that may be kept: secrets become handles.
struct Texts<'t> {
    secrets: &'t dyn Secrets,
    root: Node<'t>,
    diagnostics: &'t mut Diagnostics,
}

impl Texts<'_> {
    fn step(
        &mut self,
        address: &Address,
        step: &PipelineStep,
        needs: Vec<Address>,
        limit: Option<usize>,
        common: &Tree,
    ) -> Step {
        let mut env = common.clone();
        env.extend(self.tree(&step.env));
        let task = Task {
            env,
            idempotent: step.idempotent,
            retry: step.retry,
            limit,
            takes: step.takes.iter().map(Take::task).collect(),
            does: self.does(&step.does),
        };
        let when = match step.when {
            StepWhen::Success => When::Success,
            StepWhen::Failure => When::Failure,
            StepWhen::Always => When::Always,
        };
        let timeout = Some(step.timeout.0);
        Step { needs, when, timeout, ..Step::new(address.clone(), Work::Task(Box::new(task))) }
    }

    fn does(&mut self, does: &Does) -> TaskWork {
        let flag = |name: &str, is: bool| Tree::from([(name.to_owned(), is.into())]);
        match does {
            Does::Run { run, directory, reports, artifacts, cache } => {
                let artifact = |(name, patterns): (&Name, &Patterns)| ArtifactTask {
                    name: name.0.clone(),
                    files: patterns.all(),
                };
                TaskWork::Run(RunTask {
                    commands: run.iter().map(|Script(line)| self.value(line)).collect(),
                    directory: directory.clone(),
                    reports: reports.as_ref().map(Reports::all).unwrap_or_default(),
                    artifacts: artifacts.iter().map(artifact).collect(),
                    caches: cache.as_ref().map(Caches::tasks).unwrap_or_default(),
                })
            }
            Does::Apply { apply, name, parameters } => TaskWork::Apply {
                file: apply.clone(),
                name: name.clone(),
                parameters: self.tree(parameters),
            },
            Does::Destroy { destroy } => TaskWork::Destroy { stack: destroy.clone() },
            Does::Backup { backup } => backup.to("backup", Tree::new()),
            Does::Verify { verify, all } => verify.to("verify", flag("all", *all)),
            Does::Prune { prune, dry_run } => prune.to("prune", flag("dry_run", *dry_run)),
            Does::Drill { drill } => drill.to("drill", Tree::new()),
            Does::Restore { restore } => restore.work(),
            Does::Cutover { cutover } => TaskWork::Cutover(Box::new(CutoverTask {
                file: cutover.stack.clone(),
                name: cutover.name.clone(),
                parameters: self.tree(&cutover.parameters),
                fronts: cutover.front.all(),
                service: cutover.service.clone(),
                smoke: cutover.smoke.iter().map(|Script(line)| self.value(line)).collect(),
            })),
            Does::Rollback { rollback } => TaskWork::Rollback { stack: rollback.clone() },
            Does::Probe { probe } => TaskWork::Probe(ProbeTask {
                stack: probe.stack.clone(),
                path: probe.path.clone(),
                services: probe.services.clone(),
                within: probe.within.0,
            }),
            Does::Notify { notify } => TaskWork::Notify(NotifyTask {
                url: notify.url.as_ref().map(|url| self.value(url)),
                headers: self.tree(&notify.headers),
                command: notify
                    .command
                    .iter()
                    .flatten()
                    .map(|Script(line)| self.value(line))
                    .collect(),
                message: notify.message.clone(),
            }),
            // Taken apart where the file is read.
            Does::Use { .. } => TaskWork::Run(RunTask::default()),
            Does::Gate { gate } => TaskWork::Gate(GateTask {
                approvers: gate.approvers.clone(),
                message: gate.message.clone(),
                expires: gate.expires.0,
            }),
        }
    }

    fn tree(&mut self, texts: &BTreeMap<String, Text>) -> Tree {
        texts.iter().map(|(name, text)| (name.clone(), self.value(text))).collect()
    }

    fn value(&mut self, text: &Text) -> Value {
        if let [TextPart::Literal(literal)] = &text.parts[..] {
            return Value::text(literal);
        }
        let pieces = text.parts.iter().map(|part| match part {
            TextPart::Literal(literal) => Piece::Literal(literal.clone()),
            TextPart::Secret(name) => self.secret(name),
        });
        match pieces.collect::<Vec<_>>() {
            none if none.is_empty() => Value::text(""),
            pieces => Value::Parts(pieces),
        }
    }

    fn secret(&mut self, name: &str) -> Piece {
        let text = self.secrets.reveal(name);
        if text.is_none() {
            let path = format!("secret.{name}");
            let span = place(self.root, &path).unwrap_or(self.root.span());
            let missing = || format!("there is no secret `{name}`");
            let message = self.secrets.problem(name).unwrap_or_else(missing);
            let error = Diagnostic::new(Code::BadReference, span, message);
            self.diagnostics.push(error.help(model::secret::advice(self.secrets, name)));
        }
        let hash = text.map(|text| self.secrets.hash(text.expose())).unwrap_or_default();
        Piece::Secret { name: name.to_owned(), hash }
    }
}
