//! Parameters as they are given: by flag, by file, by environment, the first of these that says one.
//!
//! It must not know what a file declares beyond the names.

use std::path::PathBuf;

use clap::Args;
use language::{Content, Diagnostics, Document, Node, Sources, suggest};
use runtime::engine::{Problem, Wrong};
use runtime::parameters::Given;

use crate::call::Call;
use crate::problem::usage;
use crate::stacks::{Meant, Outline};

/// Flags that give parameters.
#[derive(Args, Clone, Default)]
pub(crate) struct GivenArgs {
    /// Give a parameter; also `WINDLASS_PARAM_NAME` in the environment
    #[arg(long = "param", visible_alias = "parameter", value_name = "NAME=VALUE")]
    params: Vec<String>,

    /// Give a parameter the text of a file, such as a certificate
    #[arg(long = "param-file", value_name = "NAME=FILE")]
    texts: Vec<String>,

    /// Give the parameters that stand in a YAML file, `name: value` each
    #[arg(long = "params", value_name = "FILE")]
    param_files: Vec<PathBuf>,
}

impl GivenArgs {
    /// Returns whether no flag was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.params.is_empty() && self.texts.is_empty() && self.param_files.is_empty()
    }

    /// Returns the flags that give one of the files that are meant the same again.
    pub(crate) fn words(
        &self,
        call: &Call,
        outline: Option<&Outline>,
        alone: bool,
    ) -> Result<Vec<String>, Problem> {
        let flag = |name: &str, value: String| [name.to_owned(), value];
        let Some(outline) = outline.filter(|_| !alone) else {
            let params = self.params.iter().flat_map(|param| flag("--param", param.clone()));
            let files = self.param_files.iter();
            let files = files.flat_map(|file| flag("--params", file.display().to_string()));
            let texts = self.texts.iter().flat_map(|text| flag("--param-file", text.clone()));
            return Ok(params.chain(texts).chain(files).collect());
        };
        // A file may give what only another one of them declares.
        let all = self.all(call)?.into_iter();
        let own = all.filter(|(name, _)| outline.parameters.contains(name));
        Ok(own.flat_map(|(name, value)| flag("--param", format!("{name}={value}"))).collect())
    }

    /// Returns what flags and files give.
    pub(crate) fn all(&self, call: &Call) -> Result<Given, Problem> {
        let mut given = Given::new();
        for file in &self.param_files {
            given.extend(read(call, file)?);
        }
        for text in &self.texts {
            let (name, file) = text.split_once('=').ok_or_else(|| {
                usage(format!("`{text}` names no file"), "write `--param-file NAME=FILE`")
            })?;
            let read = std::fs::read_to_string(call.around.folder.join(file)).map_err(|error| {
                let help = "`--param-file` gives a parameter the text of a file";
                usage(format!("cannot read {file}: {error}"), help)
            })?;
            given.insert(name.to_owned(), read.strip_suffix('\n').unwrap_or(&read).to_owned());
        }
        for param in &self.params {
            let (name, value) = param.split_once('=').ok_or_else(|| {
                usage(format!("`{param}` gives no value"), "write `--param NAME=VALUE`")
            })?;
            given.insert(name.to_owned(), value.to_owned());
        }
        Ok(given)
    }

    /// Returns what is given to one of the files that are meant: of several each gets what it
    /// declares. What a single one does not declare is left in, so that it is told of.
    pub(crate) fn of(
        &self,
        call: &Call,
        outline: Option<&Outline>,
        alone: bool,
    ) -> Result<Given, Problem> {
        let mut given = self.all(call)?;
        let Some(Outline { parameters, .. }) = outline else { return Ok(given) };
        if !alone {
            given.retain(|name, _| parameters.contains(name));
        }
        let environment = call.parameters_of_environment();
        for name in parameters {
            let folded = name.to_ascii_lowercase().replace('-', "_");
            if let (false, Some(value)) = (given.contains_key(name), environment.get(&folded)) {
                given.insert(name.clone(), value.clone());
            }
        }
        Ok(given)
    }

    /// Sees to it that what flags give is declared by one of several files at least.
    pub(crate) fn all_are_meant(&self, call: &Call, meant: &[Meant]) -> Result<(), Problem> {
        let declared =
            || meant.iter().filter_map(|one| one.outline.as_ref()).flat_map(|o| &o.parameters);
        for name in self.all(call)?.into_keys().filter(|_| meant.len() > 1) {
            if !declared().any(|known| *known == name) {
                let near = suggest::nearest(&name, declared().map(String::as_str));
                let help = near
                    .map_or("leave it out".to_owned(), |near| format!("did you mean `{near}`?"));
                return Err(usage(format!("no stack has a parameter `{name}`"), help));
            }
        }
        Ok(())
    }
}

fn read(call: &Call, file: &PathBuf) -> Result<Given, Problem> {
    let named = file.display().to_string();
    let bytes = std::fs::read(call.around.folder.join(file)).map_err(|error| {
        usage(format!("cannot read {named}: {error}"), "`--params` names a YAML file of parameters")
    })?;
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let id = sources.add_bytes(named.clone(), bytes, &mut diagnostics);
    let document = Document::parse(&sources, id, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(Problem::Files(Box::new(Wrong { diagnostics, sources })));
    }
    let not_plain = || {
        let message = format!("{named} is no list of parameters");
        usage(message, "write one `name: value` a line")
    };
    match document.root().content() {
        Content::Map(entries) => entries
            .iter()
            .map(|(key, value)| {
                let text = |node: Node<'_>| Some(node.scalar()?.text.to_owned());
                text(key).zip(text(value)).ok_or_else(not_plain)
            })
            .collect(),
        Content::Scalar(scalar) if scalar.is_null() => Ok(Given::new()),
        _ => Err(not_plain()),
    }
}
