//! Who needs whom, as DOT for other programs and as SVG to be looked at.
//!
//! A repeated block is one node with its number. It must not know what a resource is.

mod layout;
mod svg;

use std::fmt::Write;

use runtime::stack::Stack;

/// One node: a block of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its name.
    pub(crate) name: String,
    /// Its kind.
    pub(crate) kind: String,
    /// How many resources it stands for.
    pub(crate) count: usize,
    /// What it needs, by position: only earlier ones.
    pub(crate) needs: Vec<usize>,
}

/// A graph, each node after what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Graph {
    /// What it shows.
    pub(crate) title: String,
    /// In dependency order.
    pub(crate) nodes: Vec<Node>,
}

impl Graph {
    /// Returns the graph of a stack's blocks.
    pub(crate) fn of(stack: &Stack<'_>) -> Self {
        let node = |block: &runtime::stack::Block<'_>| Node {
            name: block.name.to_owned(),
            kind: block.kind.name.to_owned(),
            count: block.resources.len(),
            needs: block.needs.clone(),
        };
        Self { title: stack.name.clone(), nodes: stack.blocks.iter().map(node).collect() }
    }

    /// Returns it in the language of Graphviz. An arrow leads from what is needed to what waits for it.
    pub(crate) fn dot(&self) -> String {
        let mut out = format!("digraph {} {{\n", quoted(&self.title));
        out.push_str("  rankdir = LR;\n  node [shape = box, style = rounded];\n");
        for node in &self.nodes {
            let times = if node.count == 1 { String::new() } else { format!(" ×{}", node.count) };
            let label = quoted(&format!("{}{times}\n{}", node.name, node.kind));
            _ = writeln!(out, "  {} [label = {label}];", quoted(&node.name));
        }
        for node in &self.nodes {
            for need in node.needs.iter().filter_map(|&need| self.nodes.get(need)) {
                _ = writeln!(out, "  {} -> {};", quoted(&need.name), quoted(&node.name));
            }
        }
        out.push_str("}\n");
        out
    }

    /// Returns it as a picture of its own, which suits light and dark pages. Left of each node stands
    /// what it waits for; an arrow that follows from others is left out.
    pub(crate) fn svg(&self) -> String {
        svg::draw(self)
    }

    /// Returns for each node what it needs and nothing else that it needs needs already.
    fn direct(&self) -> Vec<Vec<usize>> {
        let words = self.nodes.len().div_ceil(64);
        let mut reach: Vec<Vec<u64>> = Vec::with_capacity(self.nodes.len());
        let mut direct = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes.iter().enumerate() {
            let mut needs: Vec<usize> =
                node.needs.iter().copied().filter(|&need| need < id).collect();
            needs.sort_unstable_by(|a, b| b.cmp(a));
            needs.dedup();
            let mut own = vec![0_u64; words];
            // Later ones first: what they reach needs no arrow of its own.
            let mut kept = Vec::new();
            for need in needs {
                if own[need / 64] & (1 << (need % 64)) == 0 {
                    kept.push(need);
                }
                own.iter_mut().zip(&reach[need]).for_each(|(own, reached)| *own |= reached);
                own[need / 64] |= 1 << (need % 64);
            }
            kept.sort_unstable();
            direct.push(kept);
            reach.push(own);
        }
        direct
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests;
