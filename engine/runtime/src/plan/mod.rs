//! From a stack, the state and what drifted to a plan.
//!
//! Resources are met in dependency order, so that whatever one reads has been settled before. It is
//! pure: it must not read the world, a clock or a file, and decodes only what its digest does not clear.

mod back;
mod claims;
mod draft;
mod foresee;
mod matching;
mod meet;
mod order;
mod reading;
mod refresh;
mod scope;
mod state;
mod twins;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use language::{Diagnostics, Sources};
use model::plan::{Action, OutputChange, Plan, Refusal, Source, Step};
use model::record::{Record, Row};
use model::{Registry, Secrets, Tree};

pub use back::WayBack;
pub use foresee::Foresight;
pub use refresh::{Batch, Drift, Refreshed, batches, read};
pub use scope::Targets;
pub use state::State;
pub use twins::{check_shared_names, check_twins};

use crate::stack::{Block, Stack};
use draft::Draft;
use matching::matched;

/// Everything that a plan depends on.
pub struct Question<'a> {
    /// What is wanted.
    pub stack: &'a Stack<'a>,
    /// What is remembered.
    pub state: &'a State,
    /// What is otherwise than remembered.
    pub drift: &'a Drift,
    /// THE list.
    pub kinds: &'a Registry,
    /// The project's folder.
    pub project: &'a Path,
    /// The text of the files.
    pub sources: &'a Sources,
    /// Secrets, to be compared by their hashes.
    pub secrets: &'a dyn Secrets,
    /// Addresses that are replaced whatever they are.
    pub replace: &'a [String],
    /// What the plan is about.
    pub targets: &'a Targets,
    /// Whether digests may clear what is unchanged. Without them the plan is the same, only slower.
    pub digests: bool,
}

/// Returns what would change, or everything that is wrong with the files.
pub fn plan(question: &Question<'_>) -> Result<Plan, Diagnostics> {
    let mut planner = Planner::new(question);
    planner.check_names();
    for at in 0..question.stack.resources.len() {
        let outcome = planner.settle(at);
        planner.outcomes.push(outcome);
    }
    planner.compare_claims();
    planner.refuse_names_in_use();
    let outputs = planner.outputs();
    if planner.diagnostics.has_errors() {
        return Err(planner.diagnostics);
    }
    planner.gone();
    planner.refuse_to_take_along();
    Ok(planner.finish(outputs))
}

/// What is known about a resource once it has been met.
enum Outcome<'a> {
    /// As it was; its record is decoded when somebody asks.
    Same { key: &'a str, row: &'a Row, record: OnceCell<Option<Record>> },
    /// Its keys, perhaps with holes, and the attributes that are known.
    Met { spec: Tree, known: Tree },
    /// It is not there, and the plan is not about it.
    Absent,
}

struct Planner<'a> {
    question: &'a Question<'a>,
    /// By resource: its row in the state, and under which key.
    rows: Vec<Option<(&'a str, &'a Row)>>,
    /// What the state knows and the file does not; None once it turned out to have been renamed.
    orphans: Vec<Option<(&'a str, &'a Row)>>,
    /// By resource: whether the plan is about it. Empty until somebody asks.
    chosen: Vec<bool>,
    /// By what it was in the world, an orphan: made when a new resource could be one.
    orphan_claims: OnceCell<HashMap<String, usize>>,
    /// By what it is in the world, a resource that was met.
    claims: HashMap<String, usize>,
    /// What the resource that is being met is in the world.
    claimed: Option<String>,
    outcomes: Vec<Outcome<'a>>,
    drafts: Vec<Draft>,
    refused: Vec<Refusal>,
    diagnostics: Diagnostics,
}

impl<'a> Planner<'a> {
    fn new(question: &'a Question<'a>) -> Self {
        let (rows, orphans) = matched(question.stack, question.state);
        Self {
            question,
            outcomes: Vec::with_capacity(rows.len()),
            rows,
            orphans: orphans.into_iter().map(Some).collect(),
            chosen: Vec::new(),
            orphan_claims: OnceCell::new(),
            claims: HashMap::new(),
            claimed: None,
            drafts: Vec::new(),
            refused: Vec::new(),
            diagnostics: Diagnostics::default(),
        }
    }

    fn finish(self, outputs: draft::PlannedOutputs) -> Plan {
        let stack = self.question.stack;
        let silent =
            |draft: &Draft| draft.item.action == Action::Remember && draft.item.note.is_none();
        let (mut drafts, mut refused) = (self.drafts, self.refused);
        let steps =
            order::steps(stack, self.question.state, &mut drafts, outputs.step, &mut refused);
        let mut items: Vec<_> =
            drafts.into_iter().filter(|draft| !silent(draft)).map(|draft| draft.item).collect();
        items.sort_by(|a, b| a.address.cmp(&b.address));
        refused.sort();
        let changed = items
            .iter()
            .filter(|item| !matches!(item.action, Action::Delete | Action::Forget))
            .count();
        let absent =
            self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Absent)).count();
        let unchanged = stack.resources.len() - changed - absent;
        let known = self.question.state.rows.len();
        let lists = lists(stack, &steps);
        let (stack, outputs): (_, Vec<OutputChange>) = (stack.name.clone(), outputs.changes);
        Plan { lists, stack, unchanged, known, items, steps, outputs, refused }
    }
}

/// The addresses of blocks that steps read as lists.
fn lists(stack: &Stack<'_>, steps: &[Step]) -> BTreeMap<String, Vec<String>> {
    let reads = steps.iter().flat_map(|step| step.work.reads());
    let read: BTreeSet<&str> = reads
        .filter_map(|read| match &read.source {
            Source::List { block, .. } => Some(block.as_str()),
            _ => None,
        })
        .collect();
    let list = |block: &Block<'_>| {
        let resources = stack.resources[block.resources.clone()].iter();
        (block.name.to_owned(), resources.map(|resource| resource.address.clone()).collect())
    };
    stack.blocks.iter().filter(|block| read.contains(block.name)).map(list).collect()
}
