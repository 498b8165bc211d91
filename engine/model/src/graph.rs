//! Dependency order, and the shortest circle where there is none.
//!
//! The only module that knows petgraph. It must not know what its nodes are.

use std::collections::VecDeque;

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

/// Who needs whom, by position.
pub struct Graph {
    /// An edge leads from what is needed to what needs it.
    graph: DiGraph<(), ()>,
}

impl Graph {
    /// Returns the graph of nodes that each need these others.
    pub fn new<'n>(needs: impl ExactSizeIterator<Item = &'n [usize]>) -> Self {
        let mut graph = DiGraph::with_capacity(needs.len(), needs.len() * 2);
        for _ in 0..needs.len() {
            graph.add_node(());
        }
        for (node, needs) in needs.enumerate() {
            for &need in needs {
                graph.add_edge(NodeIndex::new(need), NodeIndex::new(node), ());
            }
        }
        Self { graph }
    }

    /// Returns all nodes, each after what it needs and otherwise as they came; or else the shortest
    /// circle, each node followed by what it needs.
    pub fn order(&self) -> Result<Vec<usize>, Vec<usize>> {
        let count = self.graph.node_count();
        let incoming = petgraph::Direction::Incoming;
        let mut open: Vec<usize> = (0..count)
            .map(|node| self.graph.edges_directed(NodeIndex::new(node), incoming).count())
            .collect();
        let mut order: Vec<usize> = (0..count).filter(|&node| open[node] == 0).collect();
        let mut next = 0;
        while let Some(&node) = order.get(next) {
            let mut users: Vec<usize> = self.users(node).collect();
            users.sort_unstable();
            for user in users {
                open[user] -= 1;
                if open[user] == 0 {
                    order.push(user);
                }
            }
            next += 1;
        }
        if order.len() == count { Ok(order) } else { Err(self.shortest_circle(&open)) }
    }

    fn users(&self, node: usize) -> impl Iterator<Item = usize> {
        self.graph.edges(NodeIndex::new(node)).map(|edge| edge.target().index())
    }

    /// A search in breadth from every node that is left. It ends at once where a circle of one or two
    /// is found, and looks from at most a thousand nodes: among more, any short one will do.
    fn shortest_circle(&self, open: &[usize]) -> Vec<usize> {
        let mut shortest: Vec<usize> = Vec::new();
        for start in (0..open.len()).filter(|&node| open[node] > 0).take(1_000) {
            if let Some(circle) = self.circle_through(start, open)
                && (shortest.is_empty() || circle.len() < shortest.len())
            {
                shortest = circle;
            }
            if (1..=2).contains(&shortest.len()) {
                break;
            }
        }
        shortest
    }

    fn circle_through(&self, start: usize, open: &[usize]) -> Option<Vec<usize>> {
        let mut before: Vec<Option<usize>> = vec![None; open.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for user in self.users(node).filter(|&user| open[user] > 0) {
                if user == start {
                    return Some(walked_back(node, start, &before));
                }
                if before[user].is_none() {
                    before[user] = Some(node);
                    queue.push_back(user);
                }
            }
        }
        None
    }
}

/// The way from `start` back along what each needs.
fn walked_back(last: usize, start: usize, before: &[Option<usize>]) -> Vec<usize> {
    let mut circle = vec![start];
    let mut at = last;
    while at != start {
        circle.push(at);
        match before[at] {
            Some(earlier) => at = earlier,
            None => break,
        }
    }
    circle
}

#[cfg(test)]
mod tests {
    use super::Graph;

    fn order(needs: &[&[usize]]) -> Result<Vec<usize>, Vec<usize>> {
        Graph::new(needs.iter().copied()).order()
    }

    #[test]
    fn what_is_needed_comes_first_and_the_rest_as_it_came() {
        assert_eq!(order(&[&[2], &[], &[]]), Ok(vec![1, 2, 0]));
    }

    #[test]
    fn the_shortest_of_several_circles_is_told() {
        let needs: [&[usize]; 6] = [&[1], &[2], &[3], &[0], &[5], &[4]];
        assert_eq!(order(&needs), Err(vec![4, 5]));
    }

    #[test]
    fn what_needs_itself_is_a_circle_of_one() {
        assert_eq!(order(&[&[0]]), Err(vec![0]));
    }
}
