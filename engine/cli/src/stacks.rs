//! Which stacks are meant, by name or all of them, and in which order: a stack that reads the outputs
//! of another comes after it.
//!
//! It must not plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use language::{Content, Node};
use runtime::engine::{Loaded, Problem};
use runtime::project::{FileType, Project};
use runtime::stack::stacks_read;

use crate::call::Call;
use crate::problem::usage;

/// A stack or pipeline that is meant.
pub(crate) struct Meant {
    /// The file, relative to the project.
    pub(crate) file: PathBuf,
    /// What can be seen of it without planning; None: nobody had to look, since that costs as much
    /// again as reading the file does.
    pub(crate) outline: Option<Outline>,
}

/// What can be seen of a file without planning.
pub(crate) struct Outline {
    /// The name of the stack; empty if it says none.
    pub(crate) name: String,
    /// The parameters that it declares.
    pub(crate) parameters: Vec<String>,
    /// Stacks whose outputs it reads, by name.
    pub(crate) reads: BTreeSet<String>,
}

/// Returns the stacks that are meant, in order; none named: all of the project.
pub(crate) fn meant(
    call: &Call,
    project: &Project,
    names: &[String],
) -> Result<Vec<Meant>, Problem> {
    let files = match names {
        [] => all(project)?,
        names => names
            .iter()
            .map(|named| call.locate(project, named, FileType::Stack))
            .collect::<Result<Vec<_>, _>>()?,
    };
    match <[PathBuf; 1]>::try_from(files) {
        Ok([file]) => Ok(vec![one(call, project, file)?]),
        Err(files) => {
            // What cannot be read is told of when it is planned.
            let look = |file: PathBuf| {
                let outline = Outline::read(project, &file).ok();
                Meant { file, outline }
            };
            Ok(ordered(files.into_iter().map(look).collect()))
        }
    }
}

/// Returns the one file that is meant. The environment gives only what a file declares, so that it is
/// looked at if there is something to give.
pub(crate) fn one(call: &Call, project: &Project, file: PathBuf) -> Result<Meant, Problem> {
    let given = !call.parameters_of_environment().is_empty();
    let outline = given.then(|| Outline::read(project, &file)).transpose()?;
    Ok(Meant { file, outline })
}

fn all(project: &Project) -> Result<Vec<PathBuf>, Problem> {
    let files = project.files(FileType::Stack).map_err(|error| {
        let help = "the project's folder must be readable";
        usage(format!("cannot read the folder stacks: {error}"), help)
    })?;
    match files.is_empty() {
        false => Ok(files),
        true => Err(usage(
            format!("there are no stacks in {}", project.root.display()),
            "`windlass init` makes a first one",
        )),
    }
}

impl Meant {
    /// Returns its name, with its file where that is called otherwise.
    pub(crate) fn titled(&self, stack: &str) -> String {
        match self.named(stack) {
            same if same == stack => same,
            file if stack.is_empty() => file,
            file => format!("{stack} ({file})"),
        }
    }

    /// Returns how it is named on the command line: by its name, if that is what its file is called too.
    pub(crate) fn named(&self, stack: &str) -> String {
        let ends = ["yml", "yaml"].map(|end| format!("{}/{stack}.{end}", FileType::Stack.folder()));
        match ends.iter().any(|end| self.file == Path::new(end)) {
            true => stack.to_owned(),
            false => self.file.display().to_string(),
        }
    }
}

impl Outline {
    /// Looks at a file.
    pub(crate) fn read(project: &Project, file: &Path) -> Result<Self, Problem> {
        let document = Loaded::read(project, file)?.document;
        let root = document.root();
        let reads = stacks_read(root).into_iter().map(|(name, _)| name).collect();
        let name = root.get("stack").and_then(Node::scalar).map(|name| name.text.to_owned());
        Ok(Self { name: name.unwrap_or_default(), parameters: declared(root), reads })
    }
}

/// Returns the names of the parameters that a file declares.
fn declared(root: Node<'_>) -> Vec<String> {
    let pipeline = root.get("on").and_then(|on| on.get("manual")?.get("parameters"));
    let names = |node: Node<'_>| match node.content() {
        Content::Map(entries) => {
            let name = |(key, _): (Node<'_>, _)| Some(key.scalar()?.text.to_owned());
            entries.iter().filter_map(name).collect()
        }
        _ => Vec::new(),
    };
    root.get("parameters").or(pipeline).map(names).unwrap_or_default()
}

/// Stacks after those that they read, otherwise by file. Those in a circle come last, as they are:
/// planning says what is wrong with them.
fn ordered(stacks: Vec<Meant>) -> Vec<Meant> {
    let mut left: BTreeMap<usize, Meant> = stacks.into_iter().enumerate().collect();
    let mut done = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let outlines = || left.values().filter_map(|stack| stack.outline.as_ref());
        let names: BTreeSet<&String> = outlines().map(|outline| &outline.name).collect();
        let free = |(_, stack): &(&usize, &Meant)| {
            let Some(Outline { name, reads, .. }) = &stack.outline else { return true };
            reads.iter().all(|read| read == name || !names.contains(read))
        };
        let next = left.iter().find(free).or(left.iter().next()).map(|(at, _)| *at);
        done.extend(next.and_then(|at| left.remove(&at)));
    }
    done
}

/// Returns names of stacks in the order in which they can be destroyed: each before those that it reads, as
/// far as the project's files say so, otherwise as they are given.
pub(crate) fn backwards(project: &Project, names: Vec<String>) -> Vec<String> {
    if names.len() < 2 {
        return names;
    }
    let files = project.files(FileType::Stack).unwrap_or_default();
    let outlines = files.iter().filter_map(|file| Outline::read(project, file).ok());
    let reads: BTreeMap<String, _> = outlines.map(|one| (one.name, one.reads)).collect();
    let meant = |name: String| {
        let reads = reads.get(&name).cloned().unwrap_or_default();
        let file = PathBuf::from(&name);
        Meant { file, outline: Some(Outline { name, parameters: Vec::new(), reads }) }
    };
    let stacks = ordered(names.into_iter().rev().map(meant).collect());
    stacks.into_iter().rev().filter_map(|stack| Some(stack.outline?.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(name: &str, reads: &[&str]) -> Meant {
        let reads = reads.iter().map(|read| (*read).to_owned()).collect();
        let outline = Outline { name: name.to_owned(), parameters: Vec::new(), reads };
        Meant { file: PathBuf::from(format!("{name}.yml")), outline: Some(outline) }
    }

    fn names(stacks: Vec<Meant>) -> Vec<String> {
        let file = |stack: Meant| stack.file.display().to_string();
        ordered(stacks).into_iter().map(file).collect()
    }

    #[test]
    fn a_stack_comes_after_those_that_it_reads() {
        let stacks = vec![stack("a", &["c"]), stack("b", &["a", "b"]), stack("c", &["outside"])];
        assert_eq!(names(stacks), ["c.yml", "a.yml", "b.yml"]);
    }

    #[test]
    fn a_circle_loses_nobody() {
        let stacks = vec![stack("a", &["b"]), stack("b", &["a"]), stack("c", &[])];
        assert_eq!(names(stacks), ["c.yml", "a.yml", "b.yml"]);
    }
}
