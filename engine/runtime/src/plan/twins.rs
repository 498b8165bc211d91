//! Which thing in the world a resource is, as far as what is known of its spec says so: two resources must
//! not be the same one.
//!
//! It must not know state.

use std::collections::HashMap;
use std::path::Path;

use language::{Code, Diagnostic, Diagnostics};
use model::value::{Reading, filled};
use model::{Erased, Tree, Value};

use crate::stack::{Resource, Stack, Target};

/// Stands for what is not known yet while it is asked which thing a spec means.
const HOLE: &str = "later-7f3ca1";

/// Returns which thing in the world a spec means, if what is known of it says so.
pub(super) fn identity(kind: &Erased, spec: &Tree, project: &Path) -> Option<String> {
    let mut unknown = |_: &str| Ok(Reading::Known(Value::text(HOLE)));
    let spec = filled(spec, &mut unknown).ok()?;
    let identity = (kind.identity)(&spec).filter(|identity| !identity.contains(HOLE))?;
    // A path may be written either way.
    let within = Path::new(&identity).strip_prefix(project).ok();
    Some(within.and_then(Path::to_str).map_or(identity.clone(), str::to_owned))
}

/// Says that two resources are the same thing.
pub(super) fn same(stack: &Stack<'_>, other: usize, own: usize, identity: &str) -> Diagnostic {
    let (own, other) = (&stack.resources[own], &stack.resources[other]);
    let space = stack.block(own).kind.space;
    let message =
        format!("`{}` and `{}` are both {space} `{identity}`", other.address, own.address);
    let error = Diagnostic::new(Code::BadValue, stack.block(own).key.span(), message);
    error.label("this one").also(stack.block(other).key.span(), "and this one")
}

/// Notes resources that are the same thing by what stands in the file alone.
pub fn check_twins(stack: &Stack<'_>, project: &Path, diagnostics: &mut Diagnostics) {
    let mut specs: Vec<Tree> = Vec::with_capacity(stack.resources.len());
    let mut seen = HashMap::new();
    for (at, resource) in stack.resources.iter().enumerate() {
        let spec = as_written(stack, resource, &specs);
        let kind = &*stack.block(resource).kind;
        if let Some(identity) = identity(kind, &spec, project) {
            let key = (kind.space, identity);
            match seen.get(&key) {
                Some(&other) => diagnostics.push(same(stack, other, at, &key.1)),
                None => _ = seen.insert(key, at),
            }
        }
        specs.push(spec);
    }
}

/// The keys of a resource: with what parameters and earlier resources say, and holes for the rest.
fn as_written(stack: &Stack<'_>, resource: &Resource, earlier: &[Tree]) -> Tree {
    let block = stack.block(resource);
    let known = |path: &str| match block.reads.target(path)? {
        Target::Parameter => stack.parameters.get(path).cloned(),
        Target::Repeat => resource.repeat.as_deref().map(Value::from),
        Target::Attribute { resources, name, list: false } => {
            earlier.get(resources.start)?.get(name).cloned()
        }
        _ => None,
    };
    let mut read = |path: &str| {
        let value = known(path).filter(Value::is_complete);
        Ok(value.map_or(Reading::Later, Reading::Known))
    };
    let keys = block.keys().filter(|(key, _)| block.file(key).is_none());
    let resolved = keys
        .filter_map(|(key, node)| Some((key.to_owned(), Value::resolve(node, &mut read).ok()?)));
    resolved.collect()
}
