//! Which thing in the world a resource is, as far as what is known of its spec says so: two resources must
//! not be the same one.
//!
//! It must not know state.

use std::collections::HashMap;
use std::path::Path;

use language::{Code, Diagnostic, Diagnostics};
use model::value::{Reading, filled};
use model::{Erased, Tree, Value};

use crate::stack::Stack;

/// Stands for what is not known yet while it is asked which thing a spec means.
const HOLE: &str = "later-7f3ca1";

/// Returns which thing in the world a spec means, see [`Erased::claim`], if what is known of it says so.
pub(super) fn claim(kind: &Erased, spec: &Tree, project: &Path) -> Option<String> {
    kind.claim(&with_holes(spec)?, project).filter(|claim| !claim.contains(HOLE))
}

fn with_holes(spec: &Tree) -> Option<Tree> {
    filled(spec, &mut |_: &str| Ok(Reading::Known(Value::text(HOLE)))).ok()
}

/// The space and the identity.
pub(super) fn parts(claim: &str) -> (&str, &str) {
    claim.split_once(' ').unwrap_or((claim, ""))
}

/// Says that two resources are the same thing.
pub(super) fn same(stack: &Stack<'_>, other: usize, own: usize, claim: &str) -> Diagnostic {
    let (own, other) = (&stack.resources[own], &stack.resources[other]);
    let (space, identity) = parts(claim);
    let message =
        format!("`{}` and `{}` are both {space} `{identity}`", other.address, own.address);
    let error = Diagnostic::new(Code::BadValue, stack.block(own).key.span(), message);
    error.label("this one").also(stack.block(other).key.span(), "and this one")
}

/// Notes resources that are the same thing by what stands in the file alone.
pub fn check_twins(
    stack: &Stack<'_>,
    written: &[Tree],
    project: &Path,
    diagnostics: &mut Diagnostics,
) {
    let mut seen = HashMap::new();
    for (at, spec) in written.iter().enumerate() {
        let kind = &*stack.block(&stack.resources[at]).kind;
        if let Some(claim) = claim(kind, spec, project) {
            match seen.get(&claim) {
                Some(&other) => diagnostics.push(same(stack, other, at, &claim)),
                None => _ = seen.insert(claim, at),
            }
        }
    }
}

/// Notes resources of which one must be alone under its name, and is not, by what stands in the file.
pub fn check_shared_names(stack: &Stack<'_>, diagnostics: &mut Diagnostics) {
    // Most stacks have no such kinds: they are not worth the specs.
    if stack.blocks.iter().all(|block| block.kind.shared_name.is_none()) {
        return;
    }
    let mut seen: HashMap<(&str, String), (usize, bool)> = HashMap::new();
    for (at, spec) in stack.written().iter().enumerate() {
        let kind = &*stack.block(&stack.resources[at]).kind;
        if let Some((name, alone)) = kind.shared_name.and_then(|of| of(&with_holes(spec)?))
            && !name.contains(HOLE)
        {
            match seen.get(&(kind.name, name.clone())) {
                // Two of one sort are the same thing: that is said by itself.
                Some(&(other, others)) if alone != others => {
                    diagnostics.push(not_alone(stack, other, at, &name));
                }
                Some(_) => {}
                None => _ = seen.insert((kind.name, name), (at, alone)),
            }
        }
    }
}

fn not_alone(stack: &Stack<'_>, other: usize, own: usize, name: &str) -> Diagnostic {
    let (own, other) = (&stack.resources[own], &stack.resources[other]);
    let kind = stack.block(own).kind.name;
    let message = format!(
        "`{}` and `{}` are both {kind} `{name}`, and one of them must be the only one",
        other.address, own.address
    );
    let error = Diagnostic::new(Code::BadValue, stack.block(own).key.span(), message);
    let error = error.label("this one").also(stack.block(other).key.span(), "and this one");
    error.help("give one of them another name")
}
