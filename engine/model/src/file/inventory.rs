//! An inventory: hosts by group, and how they are reached.
//!
//! It must not reach any of them.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use language::decoder::decode;
use language::scope::Unresolved;
use language::{
    Code, Content, Diagnostic, Diagnostics, Document, Name, Node, Span, Spec, Text, suggest,
};

use crate::graph::Graph;

/// Hosts that stacks and pipelines can name.
#[derive(Clone, Debug, Spec)]
#[spec(extensions)]
pub struct Inventory {
    /// The name of the inventory.
    pub inventory: Name,
    /// What holds for every host unless it says otherwise.
    #[spec(default = "{}")]
    pub defaults: Reach,
    /// Hosts by name.
    #[spec(default = "{}")]
    pub hosts: BTreeMap<String, Host>,
    /// Groups of hosts, and of other groups, by name.
    #[spec(default = "{}")]
    pub groups: BTreeMap<String, Group>,
}

/// One host.
#[derive(Clone, Debug, Spec)]
pub struct Host {
    /// Its name or address; its own name by default.
    pub address: Option<String>,
    #[spec(flatten)]
    pub reach: Reach,
    /// What templates and steps may read about it.
    #[spec(default = "{}")]
    pub values: BTreeMap<String, Text>,
}

/// How a host is reached over SSH.
#[derive(Clone, Debug, Spec)]
pub struct Reach {
    /// The user to log in as.
    pub user: Option<String>,
    /// The port of its SSH server.
    pub port: Option<NonZeroU16>,
    /// The file with the private key.
    pub key: Option<String>,
    /// A host to go through, by name in this inventory.
    pub through: Option<String>,
}

/// Some of the hosts.
#[derive(Clone, Debug, Spec)]
pub struct Group {
    /// Its hosts and other groups.
    #[spec(default = "[]")]
    pub members: Vec<String>,
    /// What templates and steps may read about all of them.
    #[spec(default = "{}")]
    pub values: BTreeMap<String, Text>,
}

/// Notes everything that is wrong with an inventory file.
pub fn check(document: &Document, diagnostics: &mut Diagnostics) {
    decode::<Inventory>(document, &Unresolved, diagnostics);
    let root = document.root();
    let (hosts, groups) = (Named::under(root, "hosts"), Named::under(root, "groups"));
    if let Some(through) = root.get("defaults").and_then(|defaults| defaults.get("through")) {
        find(through, "host", &hosts.names, diagnostics);
    }
    let ways = hosts.each(|host| host.get("through").into_iter().collect());
    let ways = hosts.edges(&ways, "host", &[], diagnostics);
    hosts.circle(&ways, "these hosts are reached through each other", "goes through", diagnostics);
    let members = groups.each(|group| items(group.get("members")));
    let members = groups.edges(&members, "host or group", &hosts.names, diagnostics);
    groups.circle(&members, "these groups hold each other", "holds", diagnostics);
    for (at, name) in groups.names.iter().enumerate() {
        if let Some(host) = hosts.names.iter().position(|host| host == name) {
            let message = format!("`{name}` is both a host and a group");
            let error = Diagnostic::new(Code::Conflict, groups.keys[at], message);
            let error = error.also(hosts.keys[host], "the host");
            diagnostics.push(error.help("`members` must mean one of them: rename the other"));
        }
    }
}

/// Hosts or groups, as they stand in the file.
#[derive(Default)]
struct Named<'d> {
    names: Vec<&'d str>,
    keys: Vec<Span>,
    values: Vec<Node<'d>>,
}

/// By position: which others it names, and where.
type Edges = Vec<Vec<(usize, Span)>>;

impl<'d> Named<'d> {
    fn under(root: Node<'d>, key: &str) -> Self {
        let mut named = Self::default();
        if let Some(Content::Map(entries)) = root.get(key).map(Node::content) {
            for (key, value) in entries.iter() {
                let Some(name) = key.scalar() else { continue };
                named.names.push(name.text);
                named.keys.push(key.span());
                named.values.push(value);
            }
        }
        named
    }

    fn each(&self, names: impl Fn(Node<'d>) -> Vec<Node<'d>>) -> Vec<Vec<Node<'d>>> {
        self.values.iter().map(|value| names(*value)).collect()
    }

    /// Turns names into positions, and notes those that mean neither one of these nor of `others`.
    fn edges(
        &self,
        named: &[Vec<Node<'d>>],
        what: &str,
        others: &[&str],
        diagnostics: &mut Diagnostics,
    ) -> Edges {
        let names: Vec<&str> = self.names.iter().chain(others).copied().collect();
        let mut edge = |node: &Node<'d>| {
            let at = find(*node, what, &names, diagnostics)?;
            (at < self.names.len()).then(|| (at, node.span()))
        };
        named.iter().map(|nodes| nodes.iter().filter_map(&mut edge).collect()).collect()
    }

    fn circle(&self, edges: &Edges, message: &str, verb: &str, diagnostics: &mut Diagnostics) {
        let needs: Vec<Vec<usize>> =
            edges.iter().map(|edges| edges.iter().map(|(at, _)| *at).collect()).collect();
        let Err(circle) = Graph::new(needs.iter().map(Vec::as_slice)).order() else { return };
        let steps = circle.iter().zip(circle.iter().cycle().skip(1)).map(|(&from, &to)| {
            let edge = edges[from].iter().find(|(at, _)| *at == to);
            let place = edge.map_or(self.keys[from], |(_, place)| *place);
            (place, format!("`{}` {verb} `{}`", self.names[from], self.names[to]))
        });
        let noted = steps.fold(None, |error: Option<Diagnostic>, (place, text)| match error {
            None => Some(Diagnostic::new(Code::Cycle, place, message).label(text)),
            Some(error) => Some(error.also(place, text)),
        });
        diagnostics.extend(noted);
    }
}

/// The position of the name that stands here.
fn find(
    node: Node<'_>,
    what: &str,
    names: &[&str],
    diagnostics: &mut Diagnostics,
) -> Option<usize> {
    let written = node.scalar().filter(|scalar| !scalar.is_null())?.text;
    let found = names.iter().position(|name| *name == written);
    if found.is_none() {
        let message = format!("no {what} is called {}", suggest::quoted(written));
        let error = Diagnostic::new(Code::UnknownName, node.span(), message);
        diagnostics.push(match suggest::nearest(written, names.iter().copied()) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error,
        });
    }
    found
}

fn items(list: Option<Node<'_>>) -> Vec<Node<'_>> {
    match list.map(Node::content) {
        Some(Content::List(items)) => items.iter().collect(),
        _ => Vec::new(),
    }
}
