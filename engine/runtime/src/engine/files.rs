//! Files of the project: checking and planning them.
//!
//! It must not change anything.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use language::{Code, Content, Diagnostic, Diagnostics, Document, Node, SourceId, Sources, Span};
use model::plan::Plan;
use model::value::Piece;
use model::{Digest, Registry, Tree, Value};

use super::{Engine, Problem, Wrong};
use crate::parameters::Given;
use crate::pipeline;
use crate::plan::{Drift, Question, State, Targets, batches, plan, read};
use crate::project::{FileType, Project};
use crate::sealing::Sealing;
use crate::stack::{Around, Stack, load};
use crate::store::Store;

/// A file that was read.
pub struct Loaded {
    /// Its text, and that of no other.
    pub sources: Sources,
    /// What stands in it.
    pub document: Document,
    /// What is wrong with its form.
    pub diagnostics: Diagnostics,
}

/// What a plan is asked for.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// The stack file, relative to the project; None: nothing is wanted of this stack any more.
    pub file: Option<PathBuf>,
    /// Another name for the stack; without a file, its name.
    pub name: Option<String>,
    /// Parameters.
    pub given: Given,
    /// What the plan is about.
    pub targets: Targets,
    /// Addresses that are replaced whatever they are.
    pub replace: Vec<String>,
    /// Whether the world is looked at.
    pub refresh: bool,
    /// Whether digests may clear what is unchanged.
    pub digests: bool,
}

/// A plan, and what was seen while it was made.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// How many records had to be decoded.
    pub decoded: usize,
    /// How many objects are otherwise than remembered.
    pub drifted: usize,
}

/// What a check found.
pub struct Checked {
    /// The files that were looked at.
    pub files: Vec<PathBuf>,
    /// Everything that is wrong.
    pub wrong: Wrong,
}

impl PlanRequest {
    /// Returns a request for everything in a file.
    pub fn of(file: impl Into<PathBuf>) -> Self {
        Self { file: Some(file.into()), ..Self::without_file(None) }
    }

    /// Returns a request for the end of a stack.
    pub fn destroy(stack: &str) -> Self {
        Self::without_file(Some(stack.to_owned()))
    }

    fn without_file(name: Option<String>) -> Self {
        Self {
            file: None,
            name,
            given: Given::new(),
            targets: Targets::default(),
            replace: Vec::new(),
            refresh: true,
            digests: true,
        }
    }
}

impl Loaded {
    /// Reads a file of the project. A file that is no text is an error in the diagnostics.
    pub fn read(project: &Project, file: &Path) -> Result<Self, Problem> {
        let named = file.display().to_string();
        let bytes = std::fs::read(project.root.join(file)).map_err(|error| {
            Problem::usage(format!("cannot read {named}: {error}"))
                .help("name a stack or pipeline by its file, or by its name: `windlass` lists them")
        })?;
        let mut sources = Sources::default();
        let mut diagnostics = Diagnostics::default();
        let id = sources.add_bytes(named, bytes, &mut diagnostics);
        let document = Document::parse(&sources, id, &mut diagnostics);
        Ok(Self { sources, document, diagnostics })
    }

    /// Returns a file that asks for nothing.
    fn nothing(stack: &str) -> Self {
        let mut sources = Sources::default();
        let id: SourceId = sources.add("(nothing)", format!("stack: \"{stack}\"\n"));
        let mut diagnostics = Diagnostics::default();
        let document = Document::parse(&sources, id, &mut diagnostics);
        Self { sources, document, diagnostics }
    }
}

impl Engine {
    /// Returns what would change. Takes no lock, and changes nothing.
    pub async fn plan(&self, request: &PlanRequest) -> Result<Planned, Problem> {
        let loaded = match (&request.file, &request.name) {
            (Some(file), _) => Loaded::read(&self.project, file)?,
            (None, name) => Loaded::nothing(name.as_deref().unwrap_or_default()),
        };
        let Loaded { sources, document, mut diagnostics } = loaded;
        let wrong = |diagnostics| {
            Problem::Files(Box::new(Wrong { diagnostics, sources: Sources::default() }))
        };
        let stack = {
            let other = |name: &str| self.outputs_of(name);
            let file = |path: &str| self.project.read(path);
            let around = Around {
                kinds: &self.kinds,
                given: &request.given,
                keep: &|_, text| self.vault.keep_parameter(text),
                name: request.name.as_deref(),
                file: &file,
                other: &other,
            };
            load(&document, &around, &mut diagnostics)
        };
        let Some(stack) = stack.filter(|_| !diagnostics.has_errors()) else {
            return Err(with_sources(wrong(diagnostics), sources));
        };
        let drift = match request.refresh {
            true => self.refresh(&stack.name).await?,
            false => Drift::new(),
        };
        let state = State::load(&self.store, &stack.name)?;
        let question = Question {
            stack: &stack,
            state: &state,
            drift: &drift,
            kinds: &self.kinds,
            sources: &sources,
            secrets: &*self.vault,
            replace: &request.replace,
            targets: &request.targets,
            digests: request.digests,
        };
        let planned = plan(&question).map_err(wrong);
        if let Some(trouble) = state.trouble() {
            return Err(Problem::Store(trouble.clone()));
        }
        let (decoded, drifted) = (state.decoded(), drift.len());
        drop(stack);
        match planned {
            Ok(plan) => Ok(Planned { plan, decoded, drifted }),
            Err(problem) => Err(with_sources(problem, sources)),
        }
    }

    async fn refresh(&self, stack: &str) -> Result<Drift, Problem> {
        let batches = {
            let state = State::load(&self.store, stack)?;
            batches(&state, &self.kinds)
        };
        let sealing: Arc<dyn Sealing> = self.sealing();
        read(batches, &self.context(stack), &*sealing).await.map_err(|(kind, fault)| {
            let fault = sealing.masked_fault(fault);
            Problem::failed(format!("cannot look at what {kind} has made: {}", fault.message))
                .help(fault.help.unwrap_or("`--refresh=false` plans without looking".to_owned()))
        })
    }

    fn outputs_of(&self, stack: &str) -> Option<Tree> {
        self.store.outputs(stack).ok().flatten().map(|outputs| outputs.values)
    }

    /// Loads the stack of a file, for what needs its graph alone.
    pub fn with_stack<T>(
        &self,
        file: &Path,
        given: &Given,
        see: impl FnOnce(&Stack<'_>) -> T,
    ) -> Result<T, Problem> {
        let Loaded { sources, document, mut diagnostics } = Loaded::read(&self.project, file)?;
        let other = |name: &str| self.outputs_of(name);
        let read = |path: &str| self.project.read(path);
        let around = Around {
            kinds: &self.kinds,
            given,
            keep: &unkept,
            name: None,
            file: &read,
            other: &other,
        };
        match load(&document, &around, &mut diagnostics) {
            Some(stack) if !diagnostics.has_errors() => Ok(see(&stack)),
            _ => Err(Problem::Files(Box::new(Wrong { diagnostics, sources }))),
        }
    }
}

fn with_sources(problem: Problem, sources: Sources) -> Problem {
    match problem {
        Problem::Files(wrong) => Problem::Files(Box::new(Wrong { sources, ..*wrong })),
        other => other,
    }
}

/// Checks files to their leaves: all errors of all of them. Reads no state but the outputs of other
/// stacks, where there is a store. None: every file of the project.
pub fn check(
    project: &Project,
    kinds: &Registry,
    store: Option<&dyn Store>,
    only: Option<&[PathBuf]>,
    given: &Given,
) -> Result<Checked, Problem> {
    let mut files = only.map(<[_]>::to_vec).unwrap_or_default();
    if only.is_none() {
        for of in FileType::ALL {
            files.extend(project.files(of).map_err(|error| Problem::failed(error.to_string()))?);
        }
    }
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let others = Others { project, store, declared: OnceCell::new() };
    for file in &files {
        let named = file.display().to_string();
        let bytes = std::fs::read(project.root.join(file))
            .map_err(|error| Problem::usage(format!("cannot read {named}: {error}")))?;
        let mut own = Diagnostics::default();
        let id = sources.add_bytes(named, bytes, &mut own);
        let document = Document::parse(&sources, id, &mut own);
        check_one(&others, kinds, given, file, &document, &mut own);
        diagnostics.append(own);
    }
    Ok(Checked { files, wrong: Wrong { diagnostics, sources } })
}

/// What a file that is only checked may read of other stacks: what they say, applied or not.
struct Others<'o> {
    project: &'o Project,
    store: Option<&'o dyn Store>,
    /// Names of outputs by stack, from the files.
    declared: OnceCell<BTreeMap<String, Vec<String>>>,
}

impl Others<'_> {
    fn outputs(&self, stack: &str) -> Option<Tree> {
        let applied = self.store.and_then(|store| store.outputs(stack).ok()?);
        let declared = self.declared.get_or_init(|| declared(self.project)).get(stack);
        if applied.is_none() && declared.is_none() {
            return None;
        }
        let mut outputs = applied.map(|outputs| outputs.values).unwrap_or_default();
        for name in declared.into_iter().flatten() {
            outputs.entry(name.clone()).or_insert(Value::Null);
        }
        Some(outputs)
    }
}

/// What is wrong with these files is said where they are checked themselves.
fn declared(project: &Project) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for file in project.files(FileType::Stack).unwrap_or_default() {
        let Ok(Loaded { document, .. }) = Loaded::read(project, &file) else { continue };
        let root = document.root();
        let Some(name) = root.get("stack").and_then(Node::scalar) else { continue };
        let outputs = match root.get("outputs").map(Node::content) {
            Some(Content::Map(entries)) => {
                let key = |(key, _): (Node<'_>, _)| Some(key.scalar()?.text.to_owned());
                entries.iter().filter_map(key).collect()
            }
            _ => Vec::new(),
        };
        found.insert(name.text.to_owned(), outputs);
    }
    found
}

fn check_one(
    others: &Others<'_>,
    kinds: &Registry,
    given: &Given,
    file: &Path,
    document: &Document,
    diagnostics: &mut Diagnostics,
) {
    match file_type(file, document.root()) {
        Some(FileType::Stack) => {
            let other = |name: &str| others.outputs(name);
            let read = |path: &str| others.project.read(path);
            let around =
                Around { kinds, given, keep: &unkept, name: None, file: &read, other: &other };
            if let Some(stack) = load(document, &around, diagnostics) {
                stack.blocks.iter().for_each(|block| stack.check(block, diagnostics));
            }
        }
        Some(FileType::Pipeline) => pipeline::check(document, given, &unkept, diagnostics),
        Some(FileType::Inventory) => {
            language::decoder::decode::<model::file::inventory::Inventory>(
                document,
                &language::scope::Unresolved,
                diagnostics,
            );
        }
        None if diagnostics.is_empty() => {
            let root = document.root().span();
            let span = Span { end: root.start, ..root };
            let message = "this file does not say what it is";
            let error = Diagnostic::new(Code::MissingKey, span, message);
            diagnostics
                .push(error.help("start it with `stack:`, `pipeline:` or `inventory:` and a name"));
        }
        None => {}
    }
}

/// A file says what it is by the key that names it, and else by its folder.
fn file_type(file: &Path, root: Node<'_>) -> Option<FileType> {
    let by_key = FileType::ALL.into_iter().find(|of| root.get(of.key()).is_some());
    by_key.or_else(|| FileType::ALL.into_iter().find(|of| file.starts_with(of.folder())))
}

/// What a secret parameter stands for where nothing is done with it.
#[expect(clippy::unnecessary_wraps, reason = "the shape of what keeps")]
fn unkept(name: &str, _: &str) -> Result<Value, String> {
    let name = format!("parameter-{name}");
    Ok(Value::Parts(vec![Piece::Secret { name, hash: Digest::default() }]))
}
