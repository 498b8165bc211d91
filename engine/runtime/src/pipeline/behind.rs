//! Files of the project that lie behind a gate: what is approved is what they hold.
//!
//! These are the stacks that are applied, the files whose text is part of those, and the scripts that
//! commands start. What steps write is none of it: a gate would never hold. It must not change anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use language::{Content, Diagnostics, Document, Node, Sources};
use model::file::ProjectFile;
use model::file::pipeline::TaskWork;
use model::value::Piece;
use model::{Fault, Value};

use crate::engine::Engine;
use crate::project::FileType;

/// Returns the files of the project that some work depends on, relative to it.
///
/// # Errors
/// A stack that is there cannot be read.
pub(super) fn files(engine: &Engine, work: &TaskWork) -> Result<BTreeSet<PathBuf>, Fault> {
    let mut files = BTreeSet::new();
    if let Some(named) = work.file() {
        let root = Path::new(&engine.project.root);
        if let Some(stack) = engine.project.locate(named, FileType::Stack, root) {
            files.extend(of_stack(engine, &stack)?);
            files.insert(stack);
        }
    }
    let (commands, folder) = match work {
        TaskWork::Run(run) => (&run.commands[..], run.directory.as_deref().unwrap_or_default()),
        TaskWork::Cutover(cutover) => (&cutover.smoke[..], ""),
        _ => (&[][..], ""),
    };
    for command in commands {
        files.extend(started(&engine.project.root, Path::new(folder), command));
    }
    Ok(files)
}

/// The files whose text is part of a stack, as it is written: what only a reference tells is left out.
fn of_stack(engine: &Engine, stack: &Path) -> Result<BTreeSet<PathBuf>, Fault> {
    let bytes = fs::read(engine.project.root.join(stack))
        .map_err(|error| Fault::broken(format!("{} cannot be read: {error}", stack.display())))?;
    let (mut sources, mut unheard) = (Sources::default(), Diagnostics::default());
    let id = sources.add_bytes(stack.display().to_string(), bytes, &mut unheard);
    let document = Document::parse(&sources, id, &mut unheard);
    let resources = document.root().get("resources").map(Node::content);
    let Some(Content::Map(resources)) = resources else { return Ok(BTreeSet::new()) };
    let named = resources.iter().flat_map(|(_, node)| {
        let kind = node.get("kind").and_then(Node::scalar);
        let kind = kind.and_then(|kind| engine.kinds.get(kind.text).cloned());
        let fields = kind.map(|kind| (kind.spec)().fields.clone()).into_iter().flatten();
        let files = fields.filter(|field| ProjectFile::is((field.shape)()));
        files.filter_map(move |field| Some(node.get(field.key)?.scalar()?.text))
    });
    Ok(named.filter_map(|named| within(&engine.project.root, Path::new(named))).collect())
}

/// The programs and scripts of the project that a command starts: of each of its parts the first words
/// that are no options.
fn started(root: &Path, folder: &Path, command: &Value) -> Vec<PathBuf> {
    let text = match command {
        Value::Parts(pieces) => pieces.iter().map(literal).collect(),
        other => other.as_text().unwrap_or_default().to_owned(),
    };
    let ends = |sign: char| matches!(sign, ';' | '|' | '&' | '\n' | '(' | ')');
    let words = text.split(ends).flat_map(|part| {
        let is_set = |word: &&str| word.contains('=') || word.starts_with('-');
        part.split_whitespace().filter(move |word| !is_set(word)).take(2)
    });
    let bare = words.map(|word| word.trim_matches(['"', '\'']));
    bare.filter_map(|word| within(root, &folder.join(word))).collect()
}

fn literal(piece: &Piece) -> &str {
    match piece {
        Piece::Literal(text) => text,
        // Only a name that is written down is looked for.
        _ => "=",
    }
}

/// Returns a file that lies in the project, relative to it.
fn within(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.strip_prefix(root).unwrap_or(path).components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir if plain.pop() => {}
            _ => return None,
        }
    }
    root.join(&plain).is_file().then_some(plain)
}
