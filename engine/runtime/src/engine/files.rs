//! Files of the project: checking and planning them.
//!
//! It must not change anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use language::document::Entries;
use language::{Code, Content, Diagnostic, Diagnostics, Document, Node, SourceId, Sources, Span};
use model::address::{block_of, within};
use model::file::pipeline::Schedule;
use model::file::{inventory, server};
use model::plan::Plan;
use model::value::Piece;
use model::{Digest, Fault, Registry, Secrets, Tree, Value};

use super::{Engine, Problem, Wrong};
use crate::parameters::{Given, NONE, Outside};
use crate::pipeline::{self, Resources, Shared, Stacks, resources, schedules};
use crate::plan::{
    Foresight, Question, Refreshed, State, Targets, batches, check_shared_names, check_twins, plan,
    read,
};
use crate::project::{FileType, Project};
use crate::secret::{Opener, unusable};
use crate::stack::{Around, Stack, check_circle, load};
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
    /// Parameters that are given as handles of secrets.
    pub secrets: Tree,
    /// Outputs of other stacks as they will be by the time this is applied, perhaps with holes; what is
    /// remembered counts for all others.
    pub others: BTreeMap<String, Tree>,
    /// What the plan is about.
    pub targets: Targets,
    /// Addresses that are replaced whatever they are.
    pub replace: Vec<String>,
    /// Whether the world is looked at.
    pub refresh: bool,
    /// Whether digests may clear what is unchanged.
    pub digests: bool,
    /// It is about the way back, see [`Self::back`], and no file is asked.
    pub back: bool,
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
    /// When which of the files are due: pipelines with schedules.
    pub schedules: Vec<(PathBuf, Schedule)>,
}

impl PlanRequest {
    /// What it is about and what is to be replaced, without what people write before an address.
    fn addresses_in(&self, stack: &str) -> (Targets, Vec<String>) {
        let own = |names: &[String]| {
            let own = |name: &String| within(stack, name).unwrap_or(name).to_owned();
            names.iter().map(own).collect::<Vec<_>>()
        };
        let Targets { only, without } = &self.targets;
        (Targets { only: own(only), without: own(without) }, own(&self.replace))
    }

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
            secrets: Tree::new(),
            others: BTreeMap::new(),
            targets: Targets::default(),
            replace: Vec::new(),
            refresh: true,
            digests: true,
            back: false,
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

    /// Reads the files whose steps a pipeline uses; what is wrong with them is noted.
    pub fn shared(&mut self, project: &Project) -> Shared {
        let Self { sources, document, diagnostics } = self;
        let mut read = |file: &str| shared_file(project, file, sources);
        Shared::gather(document, &mut read, diagnostics)
    }

    /// Notes every other file of the project that has the same name for what it declares: they would
    /// take each other's state. `name` stands for the one in the file.
    pub fn refuse_namesakes(
        &mut self,
        project: &Project,
        file: &Path,
        of: FileType,
        name: Option<&str>,
    ) {
        let own = self.document.root().get(of.key());
        let Some(name) = name.or(own.and_then(Node::scalar).map(|own| own.text)) else { return };
        let place = own.unwrap_or(self.document.root()).span();
        let file = project.relative(&project.root.join(file));
        for other in project.files(of).unwrap_or_default() {
            // Most files do not hold the name anywhere: they are not worth a parser.
            let text = std::fs::read_to_string(project.root.join(&other)).unwrap_or_default();
            if project.relative(&project.root.join(&other)) == file || !text.contains(name) {
                continue;
            }
            let Ok(loaded) = Self::read(project, &other) else { continue };
            let theirs = loaded.document.root().get(of.key());
            if let Some(theirs) = theirs.filter(|theirs| is_called(*theirs, name)) {
                let source = self.sources.add(other.display().to_string(), text);
                let also = Span { source, ..theirs.span() };
                self.diagnostics.push(namesakes(of, name, place, also));
            }
        }
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
        if request.back {
            return self.plan_back(request).await;
        }
        let loaded = match (&request.file, &request.name) {
            (Some(file), name) => {
                let mut loaded = Loaded::read(&self.project, file)?;
                let name = name.as_deref();
                loaded.refuse_namesakes(&self.project, file, FileType::Stack, name);
                loaded
            }
            (None, name) => Loaded::nothing(name.as_deref().unwrap_or_default()),
        };
        let Loaded { sources, document, mut diagnostics } = loaded;
        let wrong = |diagnostics| {
            Problem::Files(Box::new(Wrong { diagnostics, sources: Sources::default() }))
        };
        let stack = {
            let planned = |name: &str| request.others.get(name).cloned();
            let other = |name: &str| planned(name).or_else(|| self.outputs_of(name));
            let file = |path: &str| self.project.read(path);
            let secrets = self.fresh_handles(&request.secrets);
            let outside = Outside {
                given: &request.given,
                secrets: &secrets,
                keep: &|_, text| self.vault.keep_parameter(text),
                project: &self.project.root,
                complete: true,
            };
            let name = request.name.as_deref();
            let around = Around { kinds: &self.kinds, outside, name, file: &file, other: &other };
            load(&document, &around, &mut diagnostics)
        };
        if let Some(stack) = stack.as_ref().filter(|_| !diagnostics.has_errors()) {
            check_shared_names(stack, &mut diagnostics);
        }
        let Some(stack) = stack.filter(|_| !diagnostics.has_errors()) else {
            return Err(with_sources(wrong(diagnostics), sources));
        };
        let refreshed = match request.refresh {
            true => self.refresh(&stack.name).await?,
            false => Refreshed::default(),
        };
        let state = State::load(&self.store, &stack.name)?;
        let Refreshed { drift, unread } = refreshed.still_sealed(&state, &*self.sealing());
        let (targets, replace) = request.addresses_in(&stack.name);
        let meant = |(key, _): &(String, _)| targets.mean(key, &stack);
        if let Some(problem) = unreadable(unread.into_iter().filter(meant).collect()) {
            return Err(problem);
        }
        let question = Question {
            stack: &stack,
            state: &state,
            drift: &drift,
            kinds: &self.kinds,
            project: &self.project.root,
            sources: &sources,
            secrets: &*self.vault,
            replace: &replace,
            targets: &targets,
            digests: request.digests,
        };
        let planned = plan(&question).map_err(wrong);
        if let Some(trouble) = state.trouble() {
            return Err(Problem::Store(trouble.clone()));
        }
        let (decoded, drifted) = (state.decoded(), drift.len());
        let name = stack.name.clone();
        drop(stack);
        let mut plan = planned.map_err(|problem| match request.file {
            Some(_) => with_sources(problem, sources),
            // Without a file there is nothing to point at.
            None => Problem::usage(problem.first_message())
                .help(format!("`windlass state list {name}` lists what there is")),
        })?;
        if request.refresh {
            let (context, sealing) = (self.context(&plan.stack), self.sealing());
            let (state, drift, kinds) = (&state, &drift, &*self.kinds);
            Foresight { state, drift, kinds, context, sealing: &*sealing }.add_to(&mut plan).await;
        }
        Ok(Planned { plan, decoded, drifted })
    }

    pub(super) async fn refresh(&self, stack: &str) -> Result<Refreshed, Problem> {
        let batches = {
            let state = State::load(&self.store, stack)?;
            batches(&state, &self.kinds)
        };
        Ok(read(batches, &self.context(stack), &*self.sealing()).await)
    }

    /// The same handles, of the texts that are kept now: they may have been made long before.
    fn fresh_handles(&self, secrets: &Tree) -> Tree {
        let vault: &dyn Secrets = &*self.vault;
        let fresh = |piece: &Piece| match piece {
            Piece::Secret { name, hash } => {
                let text = vault.reveal(name);
                let hash = text.map_or(*hash, |text| vault.hash(text.expose()));
                Piece::Secret { name: name.clone(), hash }
            }
            other => other.clone(),
        };
        let fresh = |value: &Value| match value {
            Value::Parts(pieces) => Value::Parts(pieces.iter().map(fresh).collect()),
            other => other.clone(),
        };
        secrets.iter().map(|(name, value)| (name.clone(), fresh(value))).collect()
    }

    /// Returns what a stack gave to others when it was applied last; None: there is nothing of it.
    pub fn outputs_of(&self, stack: &str) -> Option<Tree> {
        remembered(&*self.store, stack)
    }

    /// Refuses a pipeline with anything wrong in its file that shows before it runs.
    pub(super) fn check_pipeline(&self, file: &Path, given: &Given) -> Result<(), Problem> {
        let only = [file.to_owned()];
        let store = Some(&*self.store);
        let Checked { wrong, .. } = check(&self.project, &self.kinds, store, Some(&only), given)?;
        match wrong.diagnostics.has_errors() {
            true => Err(Problem::Files(Box::new(wrong))),
            false => Ok(()),
        }
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
        let project = &self.project.root;
        let outside = Outside { given, secrets: NONE, keep: &unkept, project, complete: false };
        let (kinds, name) = (&self.kinds, None);
        let around = Around { kinds, outside, name, file: &read, other: &other };
        match load(&document, &around, &mut diagnostics) {
            Some(stack) if !diagnostics.has_errors() => Ok(see(&stack)),
            _ => Err(Problem::Files(Box::new(Wrong { diagnostics, sources }))),
        }
    }
}

/// The outputs of a stack that was applied. Of one that was destroyed an empty list is left.
fn remembered(store: &dyn Store, stack: &str) -> Option<Tree> {
    let outputs = store.outputs(stack).ok()?;
    let outputs = outputs.map(|outputs| outputs.values).unwrap_or_default();
    let is_there = !outputs.is_empty() || store.rows(stack).is_ok_and(|rows| !rows.is_empty());
    is_there.then_some(outputs)
}

/// Says what cannot be looked at, each with its reason.
pub(super) fn unreadable(unread: Vec<(String, (&'static str, Fault))>) -> Option<Problem> {
    const HELP: &str = "`--exclude` plans without it, `--refresh=false` without looking";
    let (first, (kind, fault)) = unread.first()?;
    let many = unread.iter().any(|(_, (_, other))| other.message != fault.message);
    let told = match (many, unread.len()) {
        (false, 1) => Fault {
            message: format!("cannot look at {first} ({kind}): {}", fault.message),
            ..fault.clone()
        },
        (false, count) => Fault {
            message: format!(
                "cannot look at {first} and {} more ({kind}): {}",
                count - 1,
                fault.message
            ),
            ..fault.clone()
        },
        (true, count) => {
            let said = |(key, (kind, fault)): &(String, (&str, Fault))| {
                format!("{key} ({kind}): {}", fault.message)
            };
            let message = format!("cannot look at {count} resources");
            Fault::broken(message).details(unread.iter().map(said))
        }
    };
    Some(Problem::Failed(Fault { help: told.help.or(Some(HELP.to_owned())), ..told }))
}

fn with_sources(problem: Problem, sources: Sources) -> Problem {
    match problem {
        Problem::Files(wrong) => Problem::Files(Box::new(Wrong { sources, ..*wrong })),
        other => other,
    }
}

/// Checks files to their leaves: all errors of all of them. Reads no state but the names and outputs of
/// other stacks, where there is a store. None: every file of the project.
pub fn check(
    project: &Project,
    kinds: &Registry,
    store: Option<&dyn Store>,
    only: Option<&[PathBuf]>,
    given: &Given,
) -> Result<Checked, Problem> {
    let mut all = Vec::new();
    for of in FileType::ALL {
        all.extend(project.files(of).map_err(|error| Problem::failed(error.to_string()))?);
    }
    let files = only.map_or_else(|| all.clone(), <[_]>::to_vec);
    let mut sources = Sources::default();
    let mut parsed = Vec::new();
    for file in &files {
        let read = Parsed::read(project, file, &mut sources);
        parsed.push(read.unwrap_or_else(|error| Parsed::unread(file, &error, &mut sources)));
    }
    // What the others say counts, and what is wrong with them is said when they are checked.
    let others = all.iter().filter(|file| !files.contains(file));
    parsed.extend(others.filter_map(|file| Parsed::read(project, file, &mut sources).ok()));
    let mut found: Vec<Diagnostics> =
        parsed.iter_mut().map(|one| std::mem::take(&mut one.diagnostics)).collect();
    found.truncate(files.len());
    let checker = Checker { project, kinds, store, given, parsed: &parsed, asked: files.len() };
    let mut diagnostics = Diagnostics::default();
    for (at, mut own) in found.into_iter().enumerate() {
        checker.check(at, &mut own);
        diagnostics.append(own);
    }
    let stacks = parsed.iter().filter(|one| one.of == Some(FileType::Stack));
    check_circle(&stacks.map(|one| one.document.root()).collect::<Vec<_>>(), &mut diagnostics);
    let pipelines = parsed[..files.len()].iter().filter(|one| one.of == Some(FileType::Pipeline));
    let of_file = |one: &Parsed| {
        schedules(&one.document).into_iter().map(|schedule| (one.file.clone(), schedule)).collect()
    };
    let schedules = pipelines.flat_map::<Vec<_>, _>(of_file).collect();
    Ok(Checked { files, wrong: Wrong { diagnostics, sources }, schedules })
}

/// Reads a file whose steps a pipeline uses.
fn shared_file(
    project: &Project,
    file: &str,
    sources: &mut Sources,
) -> Result<(Document, Diagnostics), String> {
    let text = project.read(file)?;
    let mut diagnostics = Diagnostics::default();
    let id = sources.add_bytes(file.to_owned(), text.as_bytes().to_vec(), &mut diagnostics);
    Ok((Document::parse(sources, id, &mut diagnostics), diagnostics))
}

/// A file of the project while files are checked.
struct Parsed {
    file: PathBuf,
    document: Document,
    of: Option<FileType>,
    /// What is wrong with its form.
    diagnostics: Diagnostics,
    /// The files whose steps it uses.
    shared: Shared,
}

impl Parsed {
    fn read(project: &Project, file: &Path, sources: &mut Sources) -> std::io::Result<Self> {
        let bytes = std::fs::read(project.root.join(file))?;
        let mut diagnostics = Diagnostics::default();
        let id = sources.add_bytes(file.display().to_string(), bytes, &mut diagnostics);
        let document = Document::parse(sources, id, &mut diagnostics);
        let of = file_type(file, document.root());
        let mut read = |file: &str| shared_file(project, file, sources);
        let shared = match of {
            Some(FileType::Pipeline) => Shared::gather(&document, &mut read, &mut diagnostics),
            _ => Shared::default(),
        };
        Ok(Self { file: file.to_owned(), document, of, diagnostics, shared })
    }

    /// A file of which nothing can be said but that it cannot be read: the others are looked at.
    fn unread(file: &Path, error: &std::io::Error, sources: &mut Sources) -> Self {
        let id = sources.add(file.display().to_string(), String::new());
        let document = Document::parse(sources, id, &mut Diagnostics::default());
        let mut diagnostics = Diagnostics::default();
        let message = format!("{} cannot be read", file.display());
        let span = document.root().span();
        let unread = Diagnostic::new(Code::BadValue, span, message).label(error.to_string());
        diagnostics.push(unread.help("mend it or take it away: the other files were looked at"));
        Self { file: file.to_owned(), document, of: None, diagnostics, shared: Shared::default() }
    }

    /// What names that which it declares.
    fn name(&self) -> Option<Node<'_>> {
        self.document.root().get(self.of?.key())
    }

    fn is(&self, of: FileType, name: &str) -> bool {
        self.of == Some(of) && self.name().is_some_and(|own| is_called(own, name))
    }
}

fn is_called(node: Node<'_>, name: &str) -> bool {
    node.scalar().is_some_and(|scalar| scalar.text == name)
}

/// Says that two files declare the same thing.
fn namesakes(of: FileType, name: &str, place: Span, also: Span) -> Diagnostic {
    let what = of.key();
    let error =
        Diagnostic::new(Code::Conflict, place, format!("two files are the {what} `{name}`"));
    error.also(also, "and this one").label("this one").help("give one of them another name")
}

/// Checks files beside each other.
struct Checker<'c> {
    project: &'c Project,
    kinds: &'c Registry,
    store: Option<&'c dyn Store>,
    given: &'c Given,
    /// All files of the project; those that are checked come first.
    parsed: &'c [Parsed],
    /// How many are checked.
    asked: usize,
}

impl Checker<'_> {
    fn check(&self, at: usize, diagnostics: &mut Diagnostics) {
        let Parsed { document, of, shared, .. } = &self.parsed[at];
        self.alone(at, diagnostics);
        let (given, project) = (self.given, &*self.project.root);
        let outside = Outside { given, secrets: NONE, keep: &unkept, project, complete: false };
        match of {
            Some(FileType::Stack) => {
                let other = |name: &str| self.outputs(name);
                let file = |path: &str| self.project.read(path);
                let (kinds, name) = (self.kinds, None);
                let around = Around { kinds, outside, name, file: &file, other: &other };
                if let Some(stack) = load(document, &around, diagnostics) {
                    let written = stack.written();
                    stack.check_all(&written, diagnostics);
                    check_twins(&stack, &written, &self.project.root, diagnostics);
                    check_shared_names(&stack, diagnostics);
                }
            }
            Some(FileType::Pipeline) => {
                let stacks = Stacks {
                    kinds: self.kinds,
                    file: &|named| self.stack_file(named),
                    files: self.files(),
                    names: self.stacks(),
                    held: &|stack| self.held(stack),
                };
                pipeline::check(document, &outside, shared, &stacks, diagnostics);
            }
            Some(FileType::Inventory) => inventory::check(document, diagnostics),
            Some(FileType::Server) => {
                drop(server::read(document, diagnostics));
                self.keys_of_repositories(document.root(), diagnostics);
            }
            None if diagnostics.is_empty() => diagnostics.push(says_nothing(document)),
            None => {}
        }
    }

    /// Notes keys that `windlass serve` would refuse. It is no error, since the file may be checked where
    /// nobody has them.
    fn keys_of_repositories(&self, root: Node<'_>, diagnostics: &mut Diagnostics) {
        let entries = match root.get("repositories").map(Node::content) {
            Some(Content::Map(entries)) => Some(entries),
            _ => None,
        };
        for (name, repository) in entries.into_iter().flat_map(Entries::iter) {
            let Some(key) = repository.get("secrets_key") else { continue };
            let (Some(name), Some(path)) = (name.scalar(), key.scalar()) else { continue };
            let Err(error) = Opener::read(&self.project.root.join(path.text)) else { continue };
            let message = format!("this key opens no secrets of `{}`: {error}", name.text);
            let warning = Diagnostic::warning(Code::BadValue, key.span(), message);
            diagnostics.push(warning.help(unusable(Path::new(path.text), &error)));
        }
    }

    /// Notes another file that declares the same; of two that are checked the later one says so.
    fn alone(&self, at: usize, diagnostics: &mut Diagnostics) {
        let own = &self.parsed[at];
        let (Some(of), Some(place)) = (own.of, own.name()) else { return };
        let Some(name) = place.scalar() else { return };
        let says_it = |other: &usize| *other < at || *other >= self.asked;
        let others = (0..self.parsed.len()).filter(says_it).map(|other| &self.parsed[other]);
        if let Some(other) = others.clone().find(|other| other.is(of, name.text))
            && let Some(also) = other.name()
        {
            diagnostics.push(namesakes(of, name.text, place.span(), also.span()));
        }
    }

    /// What may be read of another stack: what its file says, applied or not.
    fn outputs(&self, stack: &str) -> Option<Tree> {
        let applied = self.store.and_then(|store| remembered(store, stack));
        let declared = self.parsed.iter().find(|one| one.is(FileType::Stack, stack));
        if applied.is_none() && declared.is_none() {
            return None;
        }
        let mut outputs = applied.unwrap_or_default();
        let root = declared.map(|one| one.document.root());
        if let Some(Content::Map(entries)) =
            root.and_then(|root| root.get("outputs")).map(Node::content)
        {
            for name in entries.iter().filter_map(|(key, _)| key.scalar()) {
                outputs.entry(name.text.to_owned()).or_insert(Value::Null);
            }
        }
        Some(outputs)
    }

    fn stack_file(&self, named: &str) -> Option<Loaded> {
        let file = self.project.locate(named, FileType::Stack, &self.project.root)?;
        Loaded::read(self.project, &file).ok()
    }

    /// The stack files of the project, by path and by bare name.
    fn files(&self) -> Vec<String> {
        let files = self.parsed.iter().filter(|one| one.of == Some(FileType::Stack));
        let names = |one: &Parsed| {
            let stem = one.file.file_stem().unwrap_or_default();
            [one.file.display().to_string(), stem.to_string_lossy().into_owned()]
        };
        files.flat_map(names).collect()
    }

    /// The names of all stacks that are declared or remembered, or that a pipeline gives.
    fn stacks(&self) -> Vec<String> {
        let stacks = self.parsed.iter().filter(|one| one.of == Some(FileType::Stack));
        let declared = stacks.filter_map(|one| Some(one.name()?.scalar()?.text.to_owned()));
        let remembered = self.store.and_then(|store| store.stacks().ok()).unwrap_or_default();
        let given = self.names_given().map(|(name, _)| name);
        declared.chain(remembered).chain(given).collect()
    }

    /// The names that pipelines give to stacks, each with a file.
    fn names_given(&self) -> impl Iterator<Item = (String, String)> {
        let pipelines = self.parsed.iter().filter(|one| one.of == Some(FileType::Pipeline));
        pipelines.flat_map(|one| pipeline::names_given(one.document.root()))
    }

    /// What a stack holds: what the files say that declare it or are given its name, and what is
    /// remembered of it. None: nothing is known of it, or one of these files cannot be read.
    fn held(&self, stack: &str) -> Option<Resources> {
        let declared = self.parsed.iter().filter(|one| one.is(FileType::Stack, stack));
        let declared = declared.map(|one| Some(resources(one.document.root())));
        let given = self.names_given().filter(|(name, _)| name == stack);
        let given = given.map(|(_, file)| Some(resources(self.stack_file(&file)?.document.root())));
        let rows = self.store.and_then(|store| store.rows(stack).ok()).unwrap_or_default();
        let remembered =
            rows.into_iter().map(|(address, row)| (block_of(&address).into(), row.kind));
        let remembered = Some(remembered.collect::<Resources>()).filter(|held| !held.is_empty());
        let all = declared.chain(given).chain(remembered.map(Some));
        let all = all.collect::<Option<Vec<_>>>()?;
        (!all.is_empty()).then(|| all.into_iter().flatten().collect())
    }
}

fn says_nothing(document: &Document) -> Diagnostic {
    let root = document.root().span();
    let span = Span { end: root.start, ..root };
    Diagnostic::new(Code::MissingKey, span, "this file does not say what it is")
        .help("start it with `stack:`, `pipeline:` or `inventory:` and a name")
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
