//! What `moved` and `removed` name, looked at beside what stands in the file.
//!
//! It must not know state: that something is named which was never there is no error, since such
//! entries stay in files after they took effect.

use std::collections::BTreeSet;

use language::{Code, Content, Diagnostic, Diagnostics, Node, suggest};
use model::address::block_of;
use model::file::stack::StackHead;

/// What stands in a file.
pub(super) struct Names<'s> {
    /// Names of blocks.
    pub(super) blocks: BTreeSet<&'s str>,
    /// Names of those of which nobody can say yet what they make.
    pub(super) open: BTreeSet<&'s str>,
    /// Names of all that the others make.
    pub(super) addresses: BTreeSet<String>,
}

impl Names<'_> {
    /// Notes every entry that contradicts the file.
    pub(super) fn check(&self, head: &StackHead, root: Node<'_>, diagnostics: &mut Diagnostics) {
        for (at, moved) in head.moved.iter().enumerate() {
            let (from, to) = (moved.from.as_str(), moved.to.as_str());
            let goes_on = || head.moved.iter().any(|next| next.from == to && next.to != to);
            if !self.names(to) && !goes_on() {
                let message = format!("nothing in the file is called `{to}`");
                let error =
                    Diagnostic::new(Code::UnknownName, span(root, "moved", at, "to"), message);
                let names = self.blocks.iter().copied();
                let names = names.chain(self.addresses.iter().map(String::as_str));
                diagnostics.push(match suggest::nearest(to, names) {
                    Some(near) => error.label(format!("did you mean `{near}`?")),
                    None => error.help("`to` is the name that it has in this file now"),
                });
            }
            if self.still_there(from, to) {
                let message = format!("`{from}` still stands in the file, so it has not moved");
                let place = span(root, "moved", at, "from");
                let error = Diagnostic::new(Code::Conflict, place, message);
                diagnostics
                    .push(error.help("take out this entry, or give the new one another name"));
            }
        }
        for (at, removed) in head.removed.iter().enumerate() {
            if self.names(&removed.address) {
                let message = format!("`{}` still stands in the file", removed.address);
                let place = span(root, "removed", at, "address");
                let error = Diagnostic::new(Code::Conflict, place, message);
                diagnostics
                    .push(error.help("take it out under `resources`, or take out this entry"));
            }
        }
    }

    fn names(&self, name: &str) -> bool {
        self.blocks.contains(name)
            || self.addresses.contains(name)
            || self.open.contains(block_of(name))
    }

    /// `a` may move to `a[0]`: then only the one that had no number has gone.
    fn still_there(&self, from: &str, to: &str) -> bool {
        self.addresses.contains(from) || self.blocks.contains(from) && !to.contains('[')
    }
}

fn span(root: Node<'_>, list: &str, at: usize, key: &str) -> language::Span {
    let entry = match root.get(list).map(Node::content) {
        Some(Content::List(entries)) => entries.iter().nth(at),
        _ => None,
    };
    entry.and_then(|entry| entry.get(key)).unwrap_or(root).span()
}
