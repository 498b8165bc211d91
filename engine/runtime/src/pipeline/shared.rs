//! Steps that several pipelines share: `use: FILE` in a step stands for all steps of that file.
//!
//! It must not run anything, nor read files by itself.

use std::collections::BTreeMap;

use language::{Code, Content, Diagnostic, Diagnostics, Document, Node};

use super::load::steps;

/// The files that a pipeline uses, and those that they use, by their paths as they are written.
#[derive(Default)]
pub struct Shared {
    documents: BTreeMap<String, Document>,
    /// Some use each other: none can be taken apart.
    is_circular: bool,
}

/// Reads a file of the project, with what is wrong with its form, or says why it cannot.
pub(super) type ReadFile<'r> = &'r mut dyn FnMut(&str) -> Result<(Document, Diagnostics), String>;

impl Shared {
    /// Gathers what a pipeline uses. What is not there, or uses itself, is noted where it is used.
    pub fn gather(document: &Document, read: ReadFile<'_>, diagnostics: &mut Diagnostics) -> Self {
        let mut shared = Self::default();
        shared.follow(document, &mut Vec::new(), read, diagnostics);
        shared
    }

    /// Returns a file that is used.
    pub(super) fn get(&self, file: &str) -> Option<&Document> {
        self.documents.get(file).filter(|_| !self.is_circular)
    }

    /// Returns every file that is used.
    pub(super) fn all(&self) -> impl Iterator<Item = &Document> {
        self.documents.values()
    }

    fn follow(
        &mut self,
        document: &Document,
        within: &mut Vec<String>,
        read: ReadFile<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        for (_, step) in steps(document.root()) {
            let Some((file, node)) = used(step) else { continue };
            if within.iter().any(|outer| outer == file) {
                let error = Diagnostic::new(Code::Cycle, node.span(), "these files use each other");
                let text =
                    format!("`{}`", [&within[..], &[file.to_owned()]].concat().join("` uses `"));
                diagnostics.push(error.label(text));
                self.is_circular = true;
                continue;
            }
            if self.documents.contains_key(file) {
                continue;
            }
            match read(file) {
                Err(why) => {
                    let message = format!("there are no shared steps `{file}`: {why}");
                    let error = Diagnostic::new(Code::UnknownName, node.span(), message);
                    let help =
                        "the path is relative to the project's folder: `pipelines/shared/lint.yml`";
                    diagnostics.push(error.help(help));
                }
                Ok((found, noted)) => {
                    diagnostics.append(noted);
                    within.push(file.to_owned());
                    self.follow(&found, within, read, diagnostics);
                    within.pop();
                    self.documents.insert(file.to_owned(), found);
                }
            }
        }
    }
}

/// The file that a step uses, as far as it is written out.
pub(super) fn used(step: Node<'_>) -> Option<(&str, Node<'_>)> {
    let node = step.get("use")?;
    Some((node.scalar()?.text, node))
}

/// Notes what stands beside `use` and would mean nothing there.
pub(super) fn refuse_others(step: Node<'_>, diagnostics: &mut Diagnostics) {
    let Content::Map(entries) = step.content() else { return };
    for (key, _) in entries.iter() {
        let Some(name) = key.scalar().map(|key| key.text) else { continue };
        if ["timeout", "retry", "idempotent", "matrix", "takes", "env"].contains(&name) {
            let message = format!("`{name}` cannot stand beside `use`");
            let error = Diagnostic::new(Code::BadValue, key.span(), message);
            diagnostics.push(error.help("write it in the steps of the file that is used"));
        }
    }
}
