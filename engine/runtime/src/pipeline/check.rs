//! What is wrong with a pipeline beside what stands in its file: stacks that it names, and what it hands to
//! them.
//!
//! It must not run anything, and says nothing about what only a run can know.

use std::collections::BTreeSet;
use std::path::Path;

use language::decoder::read_with;
use language::{Code, Content, Diagnostic, Diagnostics, Document, Node, Span, Text, suggest};
use model::file::stack::{Parameter, ParameterType};

use super::Shared;
use super::load::{Around, PipelineScope, read, steps};
use super::schedules::check_parameters;
use crate::engine::Loaded;
use crate::parameters::{Declared, Outside, declared, fitting, not_secret};

/// What a pipeline may name.
pub struct Stacks<'s> {
    /// Reads a stack file, if there is one of this name.
    pub file: &'s dyn Fn(&str) -> Option<Loaded>,
    /// All stack files of the project.
    pub files: Vec<String>,
    /// Names of all stacks that are declared or remembered.
    pub names: Vec<String>,
}

/// Notes everything that is wrong with a pipeline file.
pub fn check(
    document: &Document,
    outside: &Outside<'_>,
    shared: &Shared,
    stacks: &Stacks<'_>,
    diagnostics: &mut Diagnostics,
) {
    let scope = PipelineScope::new(document, outside, None, diagnostics);
    read(document, &scope, &Around { outside, shared }, diagnostics);
    check_parameters(document, diagnostics);
    let mut checker = Checker { document, scope: &scope, stacks, diagnostics };
    for (_, step) in steps(document.root()) {
        if let Some(apply) = step.get("apply") {
            checker.applied(apply, step.get("parameters"));
        }
        if let Some(destroy) = step.get("destroy") {
            checker.destroyed(destroy);
        }
        if let Some(stack) = step.get("cutover").and_then(|cutover| cutover.get("stack")) {
            let given = step.get("cutover").and_then(|cutover| cutover.get("parameters"));
            checker.applied(stack, given);
        }
    }
}

/// The names that a pipeline gives to stacks, as far as they are written out.
pub fn names_given(root: Node<'_>) -> Vec<String> {
    let named = |step: Node<'_>| Some(step.get("as")?.scalar()?.text.to_owned());
    let given = |step: Node<'_>| named(step).or_else(|| named(step.get("cutover")?));
    steps(root).filter_map(|(_, step)| given(step)).collect()
}

struct Checker<'c> {
    document: &'c Document,
    scope: &'c PipelineScope,
    stacks: &'c Stacks<'c>,
    diagnostics: &'c mut Diagnostics,
}

impl Checker<'_> {
    fn applied(&mut self, apply: Node<'_>, given: Option<Node<'_>>) {
        let Some(named) = self.known(apply) else { return };
        let Some(stack) = (self.stacks.file)(&named) else {
            return self.no_such_file(&named, apply.span());
        };
        if stack.document.root().get("stack").is_none() {
            let message = format!("`{named}` is no stack: it has no `stack:`");
            self.diagnostics.push(Diagnostic::new(Code::BadValue, apply.span(), message));
            return;
        }
        let declared = declared(&stack.document, stack.document.root().get("parameters"));
        self.handed_over(&named, apply, given, &declared);
    }

    /// Looks at what a stack asks for beside what it is given.
    fn handed_over(
        &mut self,
        stack: &str,
        apply: Node<'_>,
        given: Option<Node<'_>>,
        declared: &[Declared<'_>],
    ) {
        let mut names = BTreeSet::new();
        let entries = match given.map(Node::content) {
            Some(Content::Map(entries)) => Some(entries),
            // All of them may be one reference.
            Some(_) => return,
            None => None,
        };
        for (key, value) in entries.into_iter().flat_map(language::document::Entries::iter) {
            let Some(name) = key.scalar() else { continue };
            names.insert(name.text);
            match declared.iter().find(|one| one.name == name.text) {
                Some(Declared { parameter: Some(parameter), .. }) => {
                    self.fits(stack, name.text, parameter, value);
                }
                Some(_) => {}
                None => {
                    let message = format!("`{stack}` has no parameter `{}`", name.text);
                    let error = Diagnostic::new(Code::UnknownName, key.span(), message);
                    let known = || declared.iter().map(|one| one.name);
                    self.diagnostics.push(match suggest::nearest(name.text, known()) {
                        Some(near) => error.label(format!("did you mean `{near}`?")),
                        None if declared.is_empty() => error.help("it declares no parameters"),
                        None => error.help(format!("it has {}", suggest::list(known()))),
                    });
                }
            }
        }
        for one in declared.iter().filter(|one| !names.contains(one.name)) {
            if one.parameter.as_ref().is_some_and(|parameter| parameter.default.is_none()) {
                let message = format!("`{stack}` asks for the parameter `{}`", one.name);
                let error = Diagnostic::new(Code::MissingKey, apply.span(), message);
                self.diagnostics.push(error.help("give it under `parameters` of this step"));
            }
        }
    }

    fn fits(&mut self, stack: &str, name: &str, parameter: &Parameter, value: Node<'_>) {
        let Some(text) = self.text(value) else { return };
        if text.secrets().next().is_some() && parameter.is != ParameterType::Secret {
            let error = Diagnostic::new(Code::MisplacedSecret, value.span(), not_secret(name));
            self.diagnostics.push(error.help(format!("declare it with `type: secret` in {stack}")));
        } else if let Some(text) = text.literal()
            && let Err(why) = fitting(name, parameter, text, "given")
        {
            let error = Diagnostic::new(Code::BadValue, value.span(), why);
            self.diagnostics.push(error.help(format!("see its declaration in {stack}")));
        }
    }

    /// A file must be there, and a name must be that of a stack: what is misspelt would be left out in
    /// silence.
    fn destroyed(&mut self, destroy: Node<'_>) {
        let Some(named) = self.known(destroy) else { return };
        if (self.stacks.file)(&named).is_some() {
            return;
        }
        if named.contains('/') || Path::new(&named).extension().is_some() {
            return self.no_such_file(&named, destroy.span());
        }
        if self.is_known(&named) {
            return;
        }
        let message = format!("no stack is called `{named}`, and none is remembered");
        let error = Diagnostic::new(Code::UnknownName, destroy.span(), message);
        let names = self.stacks.names.iter().map(String::as_str);
        self.diagnostics.push(match suggest::nearest(&named, names) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => {
                error.help("write the name of a stack, its file, or what a step gives it by `as`")
            }
        });
    }

    /// Whether a stack has this name, or a step gives it one.
    fn is_known(&mut self, name: &str) -> bool {
        self.stacks.names.iter().any(|known| known == name)
            || steps(self.document.root()).filter_map(|(_, step)| step.get("as")).any(|given| {
                // One that is not known may be any.
                self.known(given).is_none_or(|given| given == name)
            })
    }

    fn no_such_file(&mut self, named: &str, place: Span) {
        let error =
            Diagnostic::new(Code::UnknownName, place, format!("there is no stack file `{named}`"));
        self.diagnostics.push(
            match suggest::nearest(named, self.stacks.files.iter().map(String::as_str)) {
                Some(near) => error.label(format!("did you mean `{near}`?")),
                None => error.help("the path is relative to the project's folder"),
            },
        );
    }

    /// The text of a value, as far as it is known before a run; what is wrong with it was said.
    fn text(&self, node: Node<'_>) -> Option<Text> {
        let mut unheard = Diagnostics::default();
        read_with(self.document, self.scope, &mut unheard, |decoder| decoder.read(node)).value
    }

    fn known(&self, node: Node<'_>) -> Option<String> {
        self.text(node)?.literal().map(str::to_owned)
    }
}
