//! What steps name of that which stacks hold: the service of a cutover, the job of a backup.
//!
//! It must not know a kind by name: what can be asked to do something is what has the verb.

use std::collections::BTreeMap;

use language::document::{Entries, List};
use language::{Code, Content, Diagnostic, Leaf, Node, Span, suggest};
use model::address::block_of;
use model::file::pipeline::OfStack;

use super::check::Checker;

/// Names of kinds by the names under `resources`.
pub type Resources = BTreeMap<String, String>;

/// Returns the resources that a stack file declares.
pub fn resources(root: Node<'_>) -> Resources {
    let entries = match root.get("resources").map(Node::content) {
        Some(Content::Map(entries)) => Some(entries),
        _ => None,
    };
    let text = |node: Node<'_>| node.scalar().map(|scalar| scalar.text.to_owned());
    let named = |(key, block): (Node<'_>, Node<'_>)| {
        Some((text(key)?, block.get("kind").and_then(text).unwrap_or_default()))
    };
    entries.into_iter().flat_map(Entries::iter).filter_map(named).collect()
}

impl Checker<'_> {
    pub(super) fn cut_over(&mut self, cutover: Node<'_>) {
        let Some(stack) = cutover.get("stack") else { return };
        self.applied(stack, cutover.get("parameters"));
        let Some(file) = self.known(stack) else { return };
        let Some(loaded) = (self.stacks.file)(&file) else { return };
        let held = resources(loaded.document.root());
        for named in one_or_many(cutover.get("service")).chain(one_or_many(cutover.get("front"))) {
            self.is_held(&file, &held, named);
        }
    }

    pub(super) fn probed(&mut self, probe: Node<'_>) {
        let Some(node) = probe.get("stack") else { return };
        let Some(stack) = self.known(node) else { return };
        let help = "write the name of a stack, or what a step gives it by `as`";
        if !self.is_stack(&stack, node.span(), help) {
            return;
        }
        let Some(held) = (self.stacks.held)(&stack) else { return };
        for named in one_or_many(probe.get("services")) {
            self.is_held(&stack, &held, named);
        }
    }

    /// A resource must be there, and be of a kind that knows the verb.
    pub(super) fn asked_to(&mut self, verb: &str, node: Node<'_>) {
        let Some(OfStack { stack, resource }) =
            self.known(node).and_then(|named| OfStack::parse(&named).ok())
        else {
            return;
        };
        if !self.is_stack(&stack, node.span(), "write STACK/RESOURCE, such as `shop/database`") {
            return;
        }
        let Some(held) = (self.stacks.held)(&stack) else { return };
        let Some(kind) = held.get(block_of(&resource)) else {
            return self.no_such_resource(&stack, &held, &resource, node.span());
        };
        let knows = |kind: &str| Some(self.stacks.kinds.get(kind)?.action(verb).is_some());
        if knows(kind) != Some(false) {
            return;
        }
        let able = held.iter().filter(|(_, kind)| knows(kind) == Some(true));
        let able: Vec<String> = able.map(|(name, _)| format!("{stack}/{name}")).collect();
        let message = format!("{stack}/{resource} is a {kind}, which has no `{verb}`");
        let error = Diagnostic::new(Code::BadValue, node.span(), message);
        self.diagnostics.push(error.help(match able.is_empty() {
            true => format!("nothing in `{stack}` has it; `windlass explain` lists kinds"),
            false => format!("those that have: {}", able.join(", ")),
        }));
    }

    fn is_held(&mut self, stack: &str, held: &Resources, node: Node<'_>) {
        let Some(named) = self.known(node) else { return };
        if !held.contains_key(block_of(&named)) {
            self.no_such_resource(stack, held, &named, node.span());
        }
    }

    fn no_such_resource(&mut self, stack: &str, held: &Resources, named: &str, place: Span) {
        let message = format!("`{stack}` has no resource `{named}`");
        let error = Diagnostic::new(Code::UnknownName, place, message);
        let names = || held.keys().map(String::as_str);
        self.diagnostics.push(match suggest::nearest(named, names()) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None if held.is_empty() => error.help("it has none"),
            None => error.help(format!("it has {}", suggest::list(names()))),
        });
    }
}

/// What is written as one, or as a list.
fn one_or_many(node: Option<Node<'_>>) -> impl Iterator<Item = Node<'_>> {
    let (one, many) = match node.map(Node::content) {
        Some(Content::List(items)) => (None, Some(items)),
        _ => (node, None),
    };
    one.into_iter().chain(many.into_iter().flat_map(List::iter))
}
