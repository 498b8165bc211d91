//! One call of the program: from what was typed to an exit code.
//!
//! A command gets a [`Call`] and takes from it what it needs: a project, an engine, a runtime. What it
//! does not need is not opened, since a call should take no longer than its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use clap::Parser;
use language::Node;
use runtime::engine::{Engine, Loaded, Outside, Problem};
use runtime::project::{FileType, Project};
use runtime::store::SqliteStore;
use tokio::runtime::{Builder, Runtime};

use crate::args::{Arguments, Colours, Command, Global};
use crate::commands;
use crate::looking::Interrupt;
use crate::outside::{OsRandom, Surroundings, SystemClock};
use crate::problem::{Exit, failed, tell, usage};
use crate::remarks::left;
use crate::render;
use crate::render::measure::counted;
use crate::render::style::Style;
use crate::screen::Screen;

/// What a command gets.
pub(crate) struct Call {
    /// Where everything is written to.
    pub(crate) screen: Arc<Screen>,
    /// What is around the program.
    pub(crate) around: Surroundings,
    /// Who answers Ctrl-C before a run does.
    pub(crate) interrupt: Interrupt,
    /// The project's folder, where one was named.
    pub(crate) folder: Option<PathBuf>,
}

/// Runs the program.
pub(crate) fn run(around: Surroundings) -> u8 {
    let arguments = match Arguments::try_parse_from(&around.arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let screen = screen(&Global::overheard(&around.arguments), &around);
            return written(misunderstood(&error, &screen), &screen) as u8;
        }
    };
    let screen = Arc::new(screen(&arguments.global, &around));
    let interrupt = Interrupt::default();
    let call = Call { screen, around, interrupt, folder: arguments.global.project };
    let exit = match dispatch(&call, arguments.command) {
        Ok(exit) => exit,
        Err(problem) => tell(problem, &call.screen),
    };
    written(exit, &call.screen) as u8
}

/// Help and versions are answers, everything else is an error of who typed.
fn misunderstood(error: &clap::Error, screen: &Screen) -> Exit {
    if !error.use_stderr() {
        screen.paint(|_| error.print());
        return Exit::Done;
    }
    match screen.json {
        true => {
            let text = error.render().to_string();
            let why = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            tell(usage(why, "`--help` says what can be typed"), screen);
        }
        // Nobody is left to be told if this cannot be printed.
        false => _ = error.print(),
    }
    Exit::Usage
}

/// An answer that could not be written is no answer, whatever came of the work.
fn written(exit: Exit, screen: &Screen) -> Exit {
    let Some(error) = screen.failure() else { return exit };
    let problem = failed(format!("cannot write the answer: {error}"));
    screen.complain(&render::problem::problem(&problem, screen.style));
    exit.worse(Exit::Failed)
}

fn screen(global: &Global, around: &Surroundings) -> Screen {
    let plain = around.variable("NO_COLOR").is_some() || around.variable("TERM") == Some("dumb");
    let colour = match global.color {
        Colours::Always => true,
        Colours::Never => false,
        Colours::Auto => around.shows && !plain && !global.json,
    };
    let named = around.variable("COLUMNS").and_then(|columns| columns.parse().ok());
    let width = named.or(around.width).unwrap_or(WIDTH).clamp(40, 400);
    let style = Style { colour, unicode: unicode(around), width };
    Screen {
        json: global.json,
        quiet: global.quiet,
        live: around.shows && !global.json && around.variable("TERM") != Some("dumb"),
        asks: around.asks && !global.json,
        style,
        broken: OnceLock::new(),
    }
}

/// Columns where there is no terminal.
const WIDTH: usize = 100;

/// Only a locale that was chosen can forbid it.
fn unicode(around: &Surroundings) -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = names.into_iter().find_map(|name| around.variable(name)).unwrap_or("C.UTF-8");
    !matches!(locale, "C" | "POSIX")
}

fn dispatch(call: &Call, command: Option<Command>) -> Result<Exit, Problem> {
    match command {
        None => commands::here::run(call),
        Some(Command::Init(args)) => commands::init::run(call, &args),
        Some(Command::Check(args)) => commands::check::run(call, &args),
        Some(Command::Plan(args)) => commands::plan::run(call, &args),
        Some(Command::Apply(args)) => commands::apply::run(call, &args),
        Some(Command::Destroy(args)) => commands::destroy::run(call, &args),
        Some(Command::Rollback(args)) => commands::rollback::run(call, &args),
        Some(Command::Run(args)) => commands::run::run(call, &args),
        Some(Command::Runs(args)) => commands::runs::run(call, &args),
        Some(Command::Approve(args)) => commands::approve::approve(call, &args),
        Some(Command::Reject(args)) => commands::approve::reject(call, &args),
        Some(Command::Logs(args)) => commands::logs::run(call, &args),
        Some(Command::Serve(args)) => commands::serve::run(call, &args),
        Some(Command::Outputs(args)) => commands::outputs::run(call, &args),
        Some(Command::Backup(args)) => commands::backup::run(call, &args),
        Some(Command::Restore(args)) => commands::restore::run(call, &args),
        Some(Command::Drift(args)) => commands::drift::run(call, &args),
        Some(Command::Graph(args)) => commands::graph::run(call, &args),
        Some(Command::State(args)) => commands::state::run(call, &args),
        Some(Command::Import(args)) => commands::import::run(call, &args),
        Some(Command::Secret(args)) => commands::secret::run(call, &args),
        Some(Command::Explain(args)) => commands::explain::run(call, &args),
        Some(Command::Schema(args)) => Ok(commands::schema::run(call, &args)),
        Some(Command::Doctor(args)) => commands::doctor::run(call, &args),
        Some(Command::Completions(args)) => Ok(commands::completions::run(call, &args)),
        Some(Command::Man(args)) => commands::man::run(call, &args),
        Some(Command::Supervise(args)) => commands::supervise::run(&args),
        Some(Command::Pushed(_)) => commands::pushed::run(call),
        Some(Command::Front(args)) => commands::front::run(args),
    }
}

impl Call {
    /// Returns the project that is meant.
    pub(crate) fn project(&self) -> Result<Project, Problem> {
        let named = self.folder.as_deref().unwrap_or(Path::new("."));
        let folder = self.around.folder.join(named);
        let missing = |error| {
            usage(
                format!("cannot open the folder {}: {error}", named.display()),
                "`--project` names the folder that holds `stacks`",
            )
        };
        let found = Project::find(&folder).map_err(missing)?;
        // Who names a folder means it, and not one above it.
        let root = match self.folder {
            Some(_) => std::fs::canonicalize(&folder).map_err(missing)?,
            None => found.root,
        };
        Ok(Project { home: root.join(".windlass"), root })
    }

    /// Returns the project that is meant, if it is one already.
    pub(crate) fn known_project(&self) -> Result<Project, Problem> {
        let project = self.project()?;
        let folders = FileType::ALL.map(FileType::folder);
        if project.home.is_dir() || folders.iter().any(|folder| project.root.join(folder).exists())
        {
            return Ok(project);
        }
        let message = format!("there is no project in {}, nor above it", project.root.display());
        Err(usage(message, "`windlass init` makes one here"))
    }

    /// Opens the engine of the project.
    pub(crate) fn engine(&self) -> Result<Engine, Problem> {
        Engine::open(self.known_project()?, providers::kinds(), self.outside())
    }

    fn outside(&self) -> Outside {
        Outside {
            program: self.around.program.clone(),
            environment: self.around.environment.clone(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        }
    }

    /// Returns how long the call has taken so far.
    pub(crate) fn took(&self) -> Duration {
        self.around.begun.elapsed()
    }

    /// Returns the file that a name or path means.
    pub(crate) fn locate(
        &self,
        project: &Project,
        named: &str,
        of: FileType,
    ) -> Result<PathBuf, Problem> {
        if let Some(file) = project.locate(named, of, &self.around.folder) {
            return the_one(project, file, named, of);
        }
        if let Some(file) = declared_as(project, named, of, None) {
            return Ok(file);
        }
        let left = (of == FileType::Stack).then(|| self.without_file(project, named)).flatten();
        Err(left.unwrap_or_else(|| {
            let files = project.files(of).unwrap_or_default();
            let names: Vec<&str> =
                files.iter().filter_map(|file| file.file_stem()?.to_str()).collect();
            let what = of.key();
            let message = format!("there is no {what} `{named}`");
            let near = language::suggest::nearest(named, names.iter().copied());
            match near {
                Some(near) => usage(message, format!("did you mean `{near}`?")),
                None if names.is_empty() => usage(
                    message,
                    format!("{}/ has no files in {}", of.folder(), project.root.display()),
                ),
                None => usage(message, format!("there are {}", language::suggest::list(names))),
            }
        }))
    }

    /// Why nothing can be planned of a stack that is remembered and has no file.
    fn without_file(&self, project: &Project, named: &str) -> Option<Problem> {
        SqliteStore::path(&project.home).is_file().then_some(())?;
        let engine = self.engine().ok()?;
        let left = left(project, &*engine.store, &BTreeSet::new()).ok()?;
        let left = left.into_iter().find(|left| left.stack == named)?;
        let has = counted(left.resources, "resource");
        Some(usage(format!("the stack `{named}` has {has} and no file"), left.mend()))
    }

    /// Returns variables of the environment that give parameters, by folded name.
    pub(crate) fn parameters_of_environment(&self) -> BTreeMap<String, String> {
        let named = self.around.environment.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix("WINDLASS_PARAM_")?.to_ascii_lowercase(), value.clone()))
        });
        named.collect()
    }
}

/// Returns the file of a bare name, if no other file gives itself that name: then nobody can say which of
/// them is meant.
fn the_one(
    project: &Project,
    file: PathBuf,
    named: &str,
    of: FileType,
) -> Result<PathBuf, Problem> {
    let is_path = named.contains('/') || Path::new(named).extension().is_some();
    let other = || declared_as(project, named, of, Some(&file));
    match if is_path { None } else { other() } {
        // Two files of one name are told of where they are read.
        Some(other) if !declares(project, &file, named, of) => Err(usage(
            format!(
                "`{named}` may be the file {} or the {} of that name in {}",
                file.display(),
                of.key(),
                other.display()
            ),
            "name one of them by its file",
        )),
        _ => Ok(file),
    }
}

/// Returns the file, other than one, that gives itself a name, whatever the file is called.
pub(crate) fn declared_as(
    project: &Project,
    named: &str,
    of: FileType,
    other_than: Option<&Path>,
) -> Option<PathBuf> {
    let holds = |file: &PathBuf| {
        // Most files do not hold the name anywhere: they are not worth a parser.
        let text = std::fs::read_to_string(project.root.join(file)).unwrap_or_default();
        text.contains(named)
    };
    let files = project.files(of).ok()?.into_iter().filter(|file| Some(&**file) != other_than);
    files.filter(holds).find(|file| declares(project, file, named, of))
}

fn declares(project: &Project, file: &Path, named: &str, of: FileType) -> bool {
    let Ok(loaded) = Loaded::read(project, file) else { return false };
    let name = loaded.document.root().get(of.key()).and_then(Node::scalar);
    name.is_some_and(|name| name.text == named)
}

/// Returns a runtime for looking and planning: everything on this thread.
pub(crate) fn light() -> Result<Runtime, Problem> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| failed(format!("cannot start: {error}")))
}

/// Returns a runtime for work.
pub(crate) fn full() -> Result<Runtime, Problem> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| failed(format!("cannot start: {error}")))
}
