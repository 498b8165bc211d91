//! From a pipeline file to steps in dependency order, with parameters put in and secrets as handles.
//!
//! It must not run anything.

use std::collections::BTreeMap;

use language::decoder::read_with;
use language::text::TextPart;
use language::{
    Code, Diagnostic, Diagnostics, Document, Found, Node, Reference, Scope, Text, suggest,
};
use model::file::pipeline::{Does, Pipeline, PipelineStep, StepWhen, Task, TaskWork};
use model::graph::Graph;
use model::plan::{Step, When, Work};
use model::value::Piece;
use model::{Secrets, Tree, Value};

use crate::parameters::{Given, Keep, Parameters};
use crate::stack::place;

/// Notes everything that is wrong with a pipeline file.
pub fn check(document: &Document, given: &Given, keep: Keep<'_>, diagnostics: &mut Diagnostics) {
    if let Some((pipeline, _)) = decoded(document, given, None, keep, diagnostics) {
        ordered(&pipeline, document.root(), diagnostics);
    }
}

/// Returns the name of a pipeline and its steps in dependency order; None if something is wrong.
pub fn load(
    document: &Document,
    given: &Given,
    run: u64,
    secrets: &dyn Secrets,
    keep: Keep<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(String, Vec<Step>)> {
    let (pipeline, _) = decoded(document, given, Some(run), keep, diagnostics)?;
    let order = ordered(&pipeline, document.root(), diagnostics)?;
    let mut texts = Texts { secrets, root: document.root(), diagnostics };
    let common = texts.tree(&pipeline.env);
    let names: Vec<&String> = pipeline.steps.keys().collect();
    let steps: Vec<Step> = order
        .into_iter()
        .map(|at| {
            let name = names[at];
            texts.step(name, &pipeline.steps[name], &common)
        })
        .collect();
    (!diagnostics.has_errors()).then(|| (pipeline.pipeline.0.clone(), steps))
}

/// What references in a pipeline stand for.
struct PipelineScope<'p> {
    parameters: &'p Parameters,
    run: Option<Document>,
}

impl Scope for PipelineScope<'_> {
    fn find(&self, reference: &Reference) -> Found<'_> {
        match (&self.run, reference.path.as_str()) {
            (Some(run), "run.id") => Found::Known(run.root()),
            (None, "run.id") => Found::Later,
            _ => self.parameters.find(reference),
        }
    }
}

fn decoded(
    document: &Document,
    given: &Given,
    run: Option<u64>,
    keep: Keep<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(Pipeline, Parameters)> {
    let root = document.root();
    let declared = declared(document);
    let node = root.get("on").and_then(|on| on.get("manual")?.get("parameters"));
    let span = root.get("pipeline").map_or(root.span(), Node::span);
    let parameters = Parameters::new(&declared, node, span, given, keep, diagnostics);
    let run = run.map(|run| Document::value(&run.to_string()));
    let scope = PipelineScope { parameters: &parameters, run };
    let read = read_with(document, &scope, diagnostics, |decoder| decoder.read::<Pipeline>(root));
    Some((read.value?, parameters))
}

/// The parameters alone, since everything else may refer to them.
fn declared(document: &Document) -> BTreeMap<String, model::file::stack::Parameter> {
    let node = document.root().get("on").and_then(|on| on.get("manual")?.get("parameters"));
    let Some(node) = node else { return BTreeMap::new() };
    // Errors are noted when the whole file is read.
    let mut unheard = Diagnostics::default();
    let scope = language::scope::Unresolved;
    let read = read_with(document, &scope, &mut unheard, |decoder| decoder.read(node));
    read.value.unwrap_or_default()
}

/// The order of the steps; None if `needs` name nothing or lead in a circle.
fn ordered(
    pipeline: &Pipeline,
    root: Node<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<usize>> {
    let names: Vec<&str> = pipeline.steps.keys().map(String::as_str).collect();
    let node = |step: &str| root.get("steps").and_then(|steps| steps.get(step));
    let mut all = Vec::with_capacity(names.len());
    let before = diagnostics.len();
    for (name, step) in &pipeline.steps {
        let mut needs = Vec::with_capacity(step.needs.len());
        for need in &step.needs {
            match names.binary_search(&need.as_str()) {
                Ok(at) => needs.push(at),
                Err(_) => {
                    let span = node(name).and_then(|node| place(node.get("needs")?, need));
                    let message = format!("no step is called `{need}`");
                    let error =
                        Diagnostic::new(Code::UnknownName, span.unwrap_or(root.span()), message);
                    diagnostics.push(match suggest::nearest(need, names.iter().copied()) {
                        Some(near) => error.label(format!("did you mean `{near}`?")),
                        None => error,
                    });
                }
            }
        }
        all.push(needs);
    }
    if diagnostics.len() > before {
        return None;
    }
    match Graph::new(all.iter().map(Vec::as_slice)).order() {
        Ok(order) => Some(order),
        Err(circle) => {
            let span = |step: &str| {
                node(step).and_then(|node| node.get("needs")).map_or(root.span(), Node::span)
            };
            let message = "these steps wait for each other";
            let mut edges = circle.iter().zip(circle.iter().cycle().skip(1));
            let text =
                |user: usize, need: usize| format!("`{}` needs `{}`", names[user], names[need]);
            let (&user, &need) = edges.next()?;
            let error = Diagnostic::new(Code::Cycle, span(names[user]), message);
            let error = edges.fold(error.label(text(user, need)), |error, (&user, &need)| {
                error.also(span(names[user]), text(user, need))
            });
            diagnostics.push(error);
            None
        }
    }
}

/// Turns texts into values that may be kept: secrets become handles.
struct Texts<'t> {
    secrets: &'t dyn Secrets,
    root: Node<'t>,
    diagnostics: &'t mut Diagnostics,
}

impl Texts<'_> {
    fn step(&mut self, name: &str, step: &PipelineStep, common: &Tree) -> Step {
        let mut env = common.clone();
        env.extend(self.tree(&step.env));
        let task = Task {
            env,
            idempotent: step.idempotent,
            retry: step.retry,
            does: self.does(&step.does),
        };
        let when = match step.when {
            StepWhen::Success => When::Success,
            StepWhen::Failure => When::Failure,
            StepWhen::Always => When::Always,
        };
        let needs = step.needs.iter().map(|need| need.as_str().into()).collect();
        let timeout = Some(step.timeout.0);
        Step { needs, when, timeout, ..Step::new(name, Work::Task(Box::new(task))) }
    }

    fn does(&mut self, does: &Does) -> TaskWork {
        match does {
            Does::Run { run, directory } => TaskWork::Run {
                commands: run.iter().map(|line| self.value(line)).collect(),
                directory: directory.clone(),
            },
            Does::Apply { apply, name, parameters } => TaskWork::Apply {
                file: apply.clone(),
                name: name.as_ref().map(|name| self.open(name)),
                parameters: parameters
                    .iter()
                    .map(|(name, text)| (name.clone(), self.open(text)))
                    .collect(),
            },
            Does::Destroy { destroy } => TaskWork::Destroy { stack: self.open(destroy) },
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
            self.diagnostics.push(error.help(format!("keep it: windlass secret set {name}")));
        }
        let hash = text.map(|text| self.secrets.hash(text.expose())).unwrap_or_default();
        Piece::Secret { name: name.to_owned(), hash }
    }

    /// Text that is shown: no secret may stand in it.
    fn open(&mut self, text: &Text) -> String {
        match self.value(text) {
            Value::Text(text) => text,
            _ => {
                let message = "a secret cannot be used here: this value is shown and kept";
                let span = self.root.span();
                self.diagnostics.push(Diagnostic::new(Code::MisplacedSecret, span, message));
                String::new()
            }
        }
    }
}
