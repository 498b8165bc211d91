//! What is wrong with a pipeline beside what stands in its file: stacks that it names, and what it hands to
//! them. What it names of that which they hold stands in `held`.
//!
//! It must not run anything, and says nothing about what only a run can know.

use std::collections::BTreeSet;
use std::path::Path;

use language::decoder::read_with;
use language::scope::Unresolved;
use language::{
    Code, Content, Diagnostic, Diagnostics, Document, Node, Scope, Span, Text, suggest,
};
use model::Registry;
use model::file::stack::{Parameter, ParameterType};

use super::Shared;
use super::held::Resources;
use super::load::{Around, PipelineScope, read, steps};
use super::schedules::check_parameters;
use crate::engine::Loaded;
use crate::parameters::{Declared, Outside, declared, fitting, not_secret};

/// What a pipeline may name.
pub struct Stacks<'s> {
    /// THE list.
    pub kinds: &'s Registry,
    /// Reads a stack file, if there is one of this name.
    pub file: &'s dyn Fn(&str) -> Option<Loaded>,
    /// All stack files of the project.
    pub files: Vec<String>,
    /// Names of all stacks that are declared or remembered.
    pub names: Vec<String>,
    /// What the stack of this name holds; None: nobody can say it before a run.
    pub held: &'s dyn Fn(&str) -> Option<Resources>,
}

/// Notes everything that is wrong with a pipeline file, and with the steps that it shares with others.
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
    // What shared steps are given differs from use to use.
    let theirs = shared.all().map(|document| Part { document, scope: &Unresolved });
    let parts: Vec<Part<'_>> =
        [Part { document, scope: &scope }].into_iter().chain(theirs).collect();
    for part in &parts {
        let mut checker = Checker { part, parts: &parts, stacks, diagnostics };
        steps(part.document.root()).for_each(|(_, step)| checker.step(step));
    }
}

/// The names that a pipeline gives to stacks, each with the file of the stack, as far as they are written
/// out.
pub fn names_given(root: Node<'_>) -> Vec<(String, String)> {
    let text = |node: Node<'_>| Some(node.scalar()?.text.to_owned());
    let given = |step: Node<'_>| {
        let file = step.get("apply").or_else(|| step.get("cutover")?.get("stack"))?;
        Some((text(given_by(step)?)?, text(file)?))
    };
    steps(root).filter_map(|(_, step)| given(step)).collect()
}

/// Where a step gives a stack another name.
fn given_by(step: Node<'_>) -> Option<Node<'_>> {
    step.get("as").or_else(|| step.get("cutover")?.get("as"))
}

/// One file with steps, and what references in it stand for.
struct Part<'c> {
    document: &'c Document,
    scope: &'c dyn Scope,
}

impl Part<'_> {
    /// The text of a value, as far as it is known before a run; what is wrong with it was said.
    fn text(&self, node: Node<'_>) -> Option<Text> {
        let mut unheard = Diagnostics::default();
        read_with(self.document, self.scope, &mut unheard, |decoder| decoder.read(node)).value
    }

    fn known(&self, node: Node<'_>) -> Option<String> {
        self.text(node)?.literal().map(str::to_owned)
    }
}

pub(super) struct Checker<'c> {
    /// The file that is checked.
    part: &'c Part<'c>,
    /// That of the pipeline, and all that it uses.
    parts: &'c [Part<'c>],
    pub(super) stacks: &'c Stacks<'c>,
    pub(super) diagnostics: &'c mut Diagnostics,
}

impl Checker<'_> {
    fn step(&mut self, step: Node<'_>) {
        if let Some(apply) = step.get("apply") {
            self.applied(apply, step.get("parameters"));
        }
        for named in ["destroy", "rollback"].into_iter().filter_map(|word| step.get(word)) {
            self.applied_before(named);
        }
        if let Some(cutover) = step.get("cutover") {
            self.cut_over(cutover);
        }
        if let Some(probe) = step.get("probe") {
            self.probed(probe);
        }
        for verb in ["backup", "verify", "prune", "drill"] {
            step.get(verb).into_iter().for_each(|named| self.asked_to(verb, named));
        }
        if let Some(job) = step.get("restore").and_then(|restore| restore.get("job")) {
            self.asked_to("restore", job);
        }
    }

    pub(super) fn applied(&mut self, apply: Node<'_>, given: Option<Node<'_>>) {
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
        let Some(text) = self.part.text(value) else { return };
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
    fn applied_before(&mut self, stack: Node<'_>) {
        let Some(named) = self.known(stack) else { return };
        if (self.stacks.file)(&named).is_some() {
            return;
        }
        if named.contains('/') || Path::new(&named).extension().is_some() {
            return self.no_such_file(&named, stack.span());
        }
        let help = "write the name of a stack, its file, or what a step gives it by `as`";
        self.is_stack(&named, stack.span(), help);
    }

    /// Whether a stack has this name, or a step gives it one; says so, if not.
    pub(super) fn is_stack(&mut self, name: &str, place: Span, help: &str) -> bool {
        let is_given = |part: &Part<'_>| {
            // One that is not known may be any.
            let is = |given| part.known(given).is_none_or(|given| given == name);
            steps(part.document.root()).filter_map(|(_, step)| given_by(step)).any(is)
        };
        let names = || self.stacks.names.iter().map(String::as_str);
        if names().any(|known| known == name) || self.parts.iter().any(is_given) {
            return true;
        }
        let message = format!("no stack is called `{name}`, and none is remembered");
        let error = Diagnostic::new(Code::UnknownName, place, message);
        self.diagnostics.push(match suggest::nearest(name, names()) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error.help(help),
        });
        false
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

    pub(super) fn known(&self, node: Node<'_>) -> Option<String> {
        self.part.known(node)
    }
}
