//! From a pipeline file to steps in dependency order, with parameters put in and secrets as handles.
//!
//! It must not run anything.

use std::collections::{BTreeMap, HashMap, HashSet};

use language::decoder::read_with;
use language::text::TextPart;
use language::{
    Code, Content, Diagnostic, Diagnostics, Document, Found, Leaf, Name, Node, Reference, Scope,
    Script, Span, Spanned, Text, suggest,
};
use model::address::block_of;
use model::file::pipeline::{
    ArtifactTask, Caches, CutoverTask, Does, GateTask, NotifyTask, Patterns, Pipeline,
    PipelineStep, ProbeTask, Reports, RunTask, StepWhen, Take, TakeName, TakeTask, Task, TaskWork,
};
use model::graph::Graph;
use model::plan::{Step, When, Work};
use model::value::Piece;
use model::{Address, Secrets, Tree, Value};

use super::matrix::{Combination, Matrix, PREFIX, Within};
use crate::parameters::{Outside, Parameters};
use crate::stack::place;
use crate::store::Cause;

/// Returns the name of a pipeline and its steps in dependency order; None if something is wrong.
pub fn load(
    document: &Document,
    outside: &Outside<'_>,
    told: &Told,
    secrets: &dyn Secrets,
    diagnostics: &mut Diagnostics,
) -> Option<(String, Vec<Step>)> {
    let scope = PipelineScope::new(document, outside, Some(told), diagnostics);
    let read = read(document, &scope, diagnostics)?;
    let mut texts = Texts { secrets, root: document.root(), diagnostics };
    let common = texts.tree(&read.env);
    let addresses: HashMap<&str, Vec<Address>> =
        read.blocks.iter().map(|block| (block.name, block.addresses())).collect();
    let mut steps = Vec::new();
    for block in &read.blocks {
        for (address, step) in addresses[block.name].iter().zip(&block.steps) {
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
    run: Option<ToldDocuments>,
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
        Self { parameters, run: told.map(ToldDocuments::of) }
    }
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
pub(super) struct Read<'d> {
    name: String,
    env: BTreeMap<String, Text>,
    /// In dependency order.
    blocks: Vec<Block<'d>>,
}

/// What stands under one name in the file: a step, or one for each combination of its matrix.
struct Block<'d> {
    name: &'d str,
    matrix: Option<Matrix>,
    steps: Vec<PipelineStep>,
}

impl Block<'_> {
    fn addresses(&self) -> Vec<Address> {
        match &self.matrix {
            None => vec![self.name.into()],
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
pub(super) fn read<'d>(
    document: &'d Document,
    scope: &PipelineScope,
    diagnostics: &mut Diagnostics,
) -> Option<Read<'d>> {
    let root = document.root();
    let read = read_with(document, scope, diagnostics, |decoder| decoder.read::<Pipeline>(root));
    let of_matrices = read.waiting.iter().any(|reference| reference.path.starts_with(PREFIX));
    let mut whole = read.value;
    let mut waits: Vec<Waits<'_>> = Vec::new();
    let mut blocks = BTreeMap::new();
    for (name, step) in steps(root) {
        refuse_nothing_to_run(step, diagnostics);
        let waiting = Waits { name, place: root.span(), needs: Vec::new() };
        waits.push(waiting.of(step, document, scope, diagnostics));
        let matrix = step.get("matrix").filter(|matrix| !is_null(*matrix));
        let block = match (matrix, &mut whole) {
            (None, Some(whole)) => {
                let step = whole.steps.remove(&Name(name.to_owned()));
                step.map(|step| Block { name, matrix: None, steps: vec![step] })
            }
            (None, None) if !of_matrices => None,
            (matrix, _) => repeated(name, step, matrix, document, scope, diagnostics),
        };
        blocks.insert(name, block);
    }
    refuse_what_nobody_makes(root, diagnostics);
    waits.sort_by_key(|step| step.name);
    let order = ordered(&waits, diagnostics);
    let (name, env) = header(document, scope, diagnostics);
    let in_order = |at: usize| blocks.remove(waits[at].name).flatten();
    let blocks = order?.into_iter().map(in_order).collect::<Option<Vec<_>>>()?;
    Some(Read { name: name?, env: env?, blocks })
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
fn repeated<'d>(
    name: &'d str,
    step: Node<'_>,
    matrix: Option<Node<'_>>,
    document: &Document,
    scope: &PipelineScope,
    diagnostics: &mut Diagnostics,
) -> Option<Block<'d>> {
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
struct Waits<'d> {
    name: &'d str,
    /// Where it says so.
    place: Span,
    needs: Vec<Spanned<String>>,
}

impl Waits<'_> {
    /// What is wrong with the form of `needs` is said where the whole file is read.
    fn of(
        mut self,
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
fn ordered(steps: &[Waits<'_>], diagnostics: &mut Diagnostics) -> Option<Vec<usize>> {
    let mut all = Vec::with_capacity(steps.len());
    let mut found = true;
    for step in steps {
        let mut needs = Vec::with_capacity(step.needs.len());
        for need in &step.needs {
            match steps.binary_search_by(|step| step.name.cmp(&need.value)) {
                Ok(at) => needs.push(at),
                Err(_) => {
                    found = false;
                    let message = format!("no step is called `{}`", need.value);
                    let error = Diagnostic::new(Code::UnknownName, need.span, message);
                    let names = steps.iter().map(|step| step.name);
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

fn waiting_for_each_other(steps: &[Waits<'_>], circle: &[usize]) -> Option<Diagnostic> {
    let text =
        |user: &Waits<'_>, need: usize| format!("`{}` needs `{}`", user.name, steps[need].name);
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
                front: cutover.front.clone(),
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
