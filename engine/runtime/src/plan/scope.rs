//! What a plan is about: everything, some addresses with what they need, or all but some.
//!
//! It must not know state.

use crate::stack::Stack;

/// What a plan is about.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Only these and what they need; empty: everything.
    pub only: Vec<String>,
    /// Not these, nor what needs them.
    pub without: Vec<String>,
}

impl Targets {
    /// Returns whether everything is meant.
    pub fn are_all(&self) -> bool {
        self.only.is_empty() && self.without.is_empty()
    }

    /// Returns which resources are meant, by position.
    pub(super) fn chosen(&self, stack: &Stack<'_>) -> Vec<bool> {
        let mut chosen = vec![self.only.is_empty(); stack.resources.len()];
        let named = |names: &[String], at: usize| {
            let resource = &stack.resources[at];
            let block = stack.blocks[resource.block].name;
            names.iter().any(|name| *name == resource.address || name == block)
        };
        for (at, chosen) in chosen.iter_mut().enumerate() {
            *chosen |= named(&self.only, at);
        }
        // Later blocks need earlier ones: once backwards takes in all that the targets need.
        for block in stack.blocks.iter().rev() {
            if block.resources.clone().any(|at| chosen[at]) {
                for need in &block.needs {
                    stack.blocks[*need].resources.clone().for_each(|at| chosen[at] = true);
                }
            }
        }
        let mut left_out = vec![false; stack.blocks.len()];
        for (at, block) in stack.blocks.iter().enumerate() {
            let by_need = block.needs.iter().any(|need| left_out[*need]);
            for resource in block.resources.clone() {
                if by_need || named(&self.without, resource) {
                    chosen[resource] = false;
                    left_out[at] = true;
                }
            }
        }
        chosen
    }

    /// Returns whether what stands in the state under this key is meant.
    pub fn mean(&self, key: &str, stack: &Stack<'_>) -> bool {
        let at = stack.resources.iter().position(|resource| resource.address == key);
        self.are_all() || at.map_or_else(|| self.means_orphan(key), |at| self.chosen(stack)[at])
    }

    /// Returns whether something that only the state knows is meant.
    pub(super) fn means_orphan(&self, key: &str) -> bool {
        let named = |names: &[String]| {
            names.iter().any(|name| name == key || *name == model::address::block_of(key))
        };
        (self.only.is_empty() || named(&self.only)) && !named(&self.without)
    }

    /// Returns the names that mean nothing, given all addresses and blocks.
    pub(super) fn unknown(&self, known: impl Fn(&str) -> bool) -> Vec<&str> {
        let all = self.only.iter().chain(&self.without).map(String::as_str);
        all.filter(|name| !known(name)).collect()
    }
}
