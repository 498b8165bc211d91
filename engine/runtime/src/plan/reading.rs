//! What references stand for while a plan is made, and the digests of what they stand for.
//!
//! It must not decide what changes.

use language::{Code, Diagnostic, Node, Span};
use model::file::project_file::{CONTENT, PATH};
use model::plan::{OutputChange, Outputs, Source, Want, WantedRead, digest, digest_of_list};
use model::registry::Erased;
use model::value::Reading;
use model::{Digest, Tree, Value, secret};

use super::draft::PlannedOutputs;
use super::{Outcome, Planner};
use crate::stack::{Reads, Resource, Target, place};

impl Planner<'_> {
    /// Resolves what a block says of one resource.
    pub(super) fn want(&mut self, at: usize, forced: bool) -> Option<Want> {
        let stack = self.question.stack;
        let resource = &stack.resources[at];
        let block = stack.block(resource);
        let mut spec = Tree::new();
        for (key, node) in block.keys() {
            let value = match block.file(key) {
                Some(file) => Value::Map(Tree::from([
                    (PATH.to_owned(), Value::text(file.path.as_str())),
                    (CONTENT.to_owned(), Value::text(&*file.content)),
                ])),
                None => self.resolved(node, &block.reads, resource.repeat.as_deref())?,
            };
            spec.insert(key.to_owned(), value);
        }
        let reads = self.wanted_reads(&block.reads, resource.repeat.as_deref());
        let needs = block.needs.iter().map(|&need| stack.blocks[need].name.to_owned()).collect();
        let (kind, shape, protect) =
            (block.kind.name.to_owned(), block.shape, block.header.protect);
        Some(Want { kind, spec, shape, reads, needs, protect, forced })
    }

    /// Resolves one value, or notes at which reference it failed.
    fn resolved(&mut self, node: Node<'_>, reads: &Reads, repeat: Option<&str>) -> Option<Value> {
        let mut failed = String::new();
        let result = Value::resolve(node, &mut |path: &str| {
            self.reading(reads, repeat, path).inspect_err(|_| path.clone_into(&mut failed))
        });
        result
            .map_err(|why| {
                let own = reads.0.iter().find(|read| read.path == failed).map(|read| read.span);
                let within =
                    |span: &Span| span.start >= node.span().start && span.end <= node.span().end;
                let span = own.filter(within).or_else(|| place(node, &failed));
                let span = span.unwrap_or(node.span());
                let mut error = Diagnostic::new(Code::BadReference, span, why);
                if let Some(name) = failed.strip_prefix("secret.") {
                    error = error.help(secret::advice(self.question.secrets, name));
                }
                self.diagnostics.push(error);
            })
            .ok()
    }

    /// What was known when the plan was made is fixed: a row remembers what it was made of, and a step
    /// refuses if it should be another by the time of the apply.
    fn wanted_reads(&self, reads: &Reads, repeat: Option<&str>) -> Vec<WantedRead> {
        let wanted = |read: &crate::stack::Read| {
            let known = self.digest_read(reads, repeat, &read.path);
            let stack = self.question.stack;
            let source = match &read.target {
                Target::Attribute { resources, name, list: false } => {
                    let of = stack.resources[resources.start].address.clone();
                    Source::Attribute { of, name: name.clone(), known }
                }
                Target::Attribute { resources, name, .. } => match resources.is_empty() {
                    true => Source::Fixed(known.unwrap_or_default()),
                    false => {
                        let block = stack.block(&stack.resources[resources.start]).name.to_owned();
                        Source::List { block, name: name.clone(), known }
                    }
                },
                Target::Output { stack, name } => {
                    let (stack, name) = (stack.clone(), name.clone());
                    Source::Output { stack, name, known: known.unwrap_or_default() }
                }
                _ => Source::Fixed(known.unwrap_or_default()),
            };
            WantedRead { path: read.path.clone(), source }
        };
        reads.0.iter().map(wanted).collect()
    }

    fn reading(&self, reads: &Reads, repeat: Option<&str>, path: &str) -> Result<Reading, String> {
        let unknown = || format!("nothing is called `{path}`");
        match reads.target(path).ok_or_else(unknown)? {
            Target::Repeat => Ok(Reading::Known(repeat.ok_or_else(unknown)?.into())),
            Target::Parameter => {
                let value = self.question.stack.parameters.get(path).ok_or_else(unknown)?;
                Ok(Reading::Known(value.clone()))
            }
            Target::Secret => {
                let name = path.trim_start_matches("secret.");
                let secrets = self.question.secrets;
                let missing = || {
                    secrets.problem(name).unwrap_or_else(|| format!("there is no secret `{name}`"))
                };
                secret::handle(secrets, name).ok_or_else(missing).map(Reading::Known)
            }
            Target::Output { stack, name } => {
                let outputs = self.question.stack.others.get(stack).and_then(Option::as_ref);
                let value = outputs.and_then(|outputs| outputs.get(name)).ok_or_else(unknown)?;
                // Of a stack that is to be applied before, some are known only then.
                match value.is_complete() {
                    true => Ok(Reading::Known(value.clone())),
                    false => Ok(Reading::Later),
                }
            }
            Target::Attribute { resources, name, list: false } => {
                self.attribute(resources.start, name, path)
            }
            Target::Attribute { resources, name, .. } => {
                let mut items = Vec::new();
                for at in resources.clone() {
                    match self.attribute(at, name, path)? {
                        Reading::Known(value) => items.push(value),
                        Reading::Later => return Ok(Reading::Later),
                    }
                }
                Ok(Reading::Known(Value::List(items)))
            }
        }
    }

    /// What an attribute of a resource that has been met is now.
    fn attribute(&self, at: usize, name: &str, path: &str) -> Result<Reading, String> {
        let resource = &self.question.stack.resources[at];
        let kind = &*self.question.stack.block(resource).kind;
        let is_key = kind.key(name).is_some();
        let value = match &self.outcomes[at] {
            Outcome::Same { key, record, .. } => {
                let record = record.get_or_init(|| self.question.state.record(key)).as_ref();
                record.map(|record| record.attribute(kind, name))
            }
            Outcome::Met { spec, .. } if is_key => spec.get(name).cloned(),
            Outcome::Met { known, .. } => match known.get(name) {
                Some(value) => Some(value.clone()),
                None => return Ok(Reading::Later),
            },
            Outcome::Absent => {
                return Err(format!(
                    "`{path}` has no value yet: `{}` is not made, and this plan leaves it out",
                    resource.address
                ));
            }
        };
        match value.unwrap_or_else(|| kind.default(name)) {
            value if value.is_sealed() => Err(format!(
                "`{path}` held a secret in the open, so only its hash was kept: write what it is made \
                 of here, with `${{secret.NAME}}` in it"
            )),
            value if value.is_complete() => Ok(Reading::Known(value)),
            _ => Ok(Reading::Later),
        }
    }

    /// The digest that the row of this resource would have if nothing is done to it.
    pub(super) fn digest(&self, at: usize) -> Option<Digest> {
        let resource: &Resource = &self.question.stack.resources[at];
        let block = self.question.stack.block(resource);
        self.digest_of_reads(block.shape, &block.reads, resource.repeat.as_deref())
    }

    fn digest_of_reads(
        &self,
        shape: Digest,
        reads: &Reads,
        repeat: Option<&str>,
    ) -> Option<Digest> {
        let digests = reads.0.iter().map(|read| {
            let of = |path: &str| self.digest_read(reads, repeat, path);
            (read.path.as_str(), of(&read.path))
        });
        digest(shape, digests)
    }

    /// Of the value of one reference; None while it is a hole.
    fn digest_read(&self, reads: &Reads, repeat: Option<&str>, path: &str) -> Option<Digest> {
        match reads.target(path)? {
            Target::Attribute { resources, name, list: false } => {
                self.digest_of(resources.start, name)
            }
            Target::Attribute { resources, name, .. } => {
                digest_of_list(resources.clone().map(|at| self.digest_of(at, name)))
            }
            _ => match self.reading(reads, repeat, path).ok()? {
                Reading::Known(value) => Some(value.digest()),
                Reading::Later => None,
            },
        }
    }

    /// Of one attribute: of what has not changed without decoding it.
    fn digest_of(&self, at: usize, name: &str) -> Option<Digest> {
        if let Outcome::Same { row, .. } = &self.outcomes[at] {
            let kind: &Erased = &self.question.stack.block(&self.question.stack.resources[at]).kind;
            let place = kind.names().position(|one| one == name)?;
            return row.attributes.get(place).copied();
        }
        match self.attribute(at, name, name).ok()? {
            Reading::Known(value) => Some(value.digest()),
            Reading::Later => None,
        }
    }

    /// What becomes of the outputs. Nothing is decoded if what they read is as it was. What is made of
    /// something that is not there, and that the plan leaves out, stays as it was.
    pub(super) fn outputs(&mut self) -> PlannedOutputs {
        let outputs = &self.question.stack.outputs;
        let before = self.question.state.outputs.as_ref();
        let reads = outputs.reads.only(|read| !self.is_absent(&read.target));
        let digest = self.digest_of_reads(outputs.shape, &reads, None);
        let same_digest = before.is_some_and(|before| Some(before.digest) == digest);
        if same_digest && self.question.digests {
            return PlannedOutputs::default();
        }
        let nothing = Tree::new();
        let before_values = before.map_or(&nothing, |before| &before.values);
        let mut values = Tree::new();
        for (name, node) in &outputs.values {
            let value = match self.reads_absent(*node) {
                true => before_values.get(*name).cloned(),
                false => self.resolved(*node, &reads, None),
            };
            values.extend(value.map(|value| ((*name).to_owned(), value)));
        }
        if (same_digest || before.is_none() && values.is_empty()) && values == *before_values {
            return PlannedOutputs::default();
        }
        let reads = self.wanted_reads(&reads, None);
        let changes = changes(before_values, &values);
        let seen = before.map(|before| before.digest);
        let step = Outputs { values, shape: outputs.shape, reads, seen };
        PlannedOutputs { changes, step: Some(step) }
    }

    /// Whether an output reads something that is not there, and that the plan leaves out.
    fn reads_absent(&self, output: Node<'_>) -> bool {
        let reads = &self.question.stack.outputs.reads;
        let mut absent = false;
        let seen = Value::resolve(output, &mut |path: &str| {
            absent |= reads.target(path).is_some_and(|target| self.is_absent(target));
            Ok(Reading::Later)
        });
        seen.is_ok() && absent
    }

    fn is_absent(&self, target: &Target) -> bool {
        let Target::Attribute { resources, .. } = target else { return false };
        self.outcomes[resources.clone()].iter().any(|outcome| matches!(outcome, Outcome::Absent))
    }
}

fn changes(before: &Tree, after: &Tree) -> Vec<OutputChange> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| {
        let (from, to) = (before.get(name).cloned(), after.get(name).cloned());
        (from != to).then(|| OutputChange { name: name.clone(), from, to })
    };
    names.into_iter().filter_map(change).collect()
}
