//! A plan as pure data: what would change, why, and the steps that do it.
//!
//! It says everything that an apply needs, so that the files are not read again. It must not know how it
//! was found, nor how it is drawn.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::kind::{Object, Order};
use crate::record::Record;
use crate::registry::Erased;
use crate::value::{Digest, Tree, Value};

/// The version of the form in which plans are kept.
pub const FORMAT: u32 = 2;

/// A plan that is kept. Its name is handed in, not made from its content: the same change may rightly be
/// planned again, but one plan runs once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// Its own name.
    pub id: String,
    /// Of the plan, so that damage is noticed.
    pub digest: Digest,
    /// The plan.
    pub plan: Plan,
}

/// What would change in one stack, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The name of the stack.
    pub stack: String,
    /// Resources that stay as they are.
    pub unchanged: usize,
    /// Resources in the state before.
    pub known: usize,
    /// Sorted by address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
    /// In dependency order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Of the blocks whose resources a step reads as a list: their addresses, in their order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, Vec<String>>,
    /// Outputs that differ from those that are remembered, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputChange>,
    /// Why it cannot be applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refusal>,
}

/// Why a plan cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It touches what is protected.
    Protected {
        /// The resource.
        address: String,
        /// What would become of it: `deleted`, `replaced`.
        what: String,
    },
    /// Its changes contradict each other; in words.
    Contradiction(String),
}

impl Refusal {
    /// What to do about what is protected.
    pub const UNPROTECT: &'static str = "let its block stand in the file without `protect: true` (put it \
        back if it is gone), and apply that first";
}

/// An output that will be another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputChange {
    /// Its name.
    pub name: String,
    /// What is remembered; None: nothing.
    pub from: Option<Value>,
    /// What it will be, perhaps with holes; None: it is no longer declared.
    pub to: Option<Value>,
}

/// What happens to one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The resource.
    pub address: String,
    /// The name of its kind.
    pub kind: String,
    /// What happens to it.
    pub action: Action,
    /// The keys that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// What a person should know beside the reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Somebody or something else changed it since it was applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drifted: bool,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// Another takes its place.
    Replace {
        /// What goes first.
        order: Order,
        /// Not only because of something that is known later.
        sure: bool,
    },
    /// It is destroyed.
    Delete,
    /// It goes on to exist, but is no longer looked after.
    Forget,
    /// Only the state is brought up to date: a new name, what drifted without harm.
    Remember,
}

/// One key that differs, and where the file says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The key.
    pub key: String,
    /// What there is.
    pub from: Value,
    /// What is wanted, perhaps with holes.
    pub to: Value,
    /// It cannot be changed in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forces: bool,
    /// Where the file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// As the file was named.
    pub file: String,
    /// From 1.
    pub line: usize,
}

/// One thing to do. Stacks, pipelines and images are all made of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The address; of what goes in a replacement, the address with its generation: `site@3`.
    pub name: Address,
    /// Steps that end first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Address>,
    /// After what it runs.
    #[serde(default, skip_serializing_if = "When::is_success")]
    pub when: When,
    /// Attempts in all; only a passing fault earns another one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub attempts: u32,
    /// How long one attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// What it does.
    pub work: Work,
}

/// After what a step runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// All that it needs is done.
    #[default]
    Success,
    /// Something that it needs is not done.
    Failure,
    /// In any case.
    Always,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Makes it so: creates, updates, or nothing if nothing is left to do; never more than `most`.
    Put(Box<Put>),
    /// Destroys what stands in the state under this key. With `want`, only if that cannot be had in
    /// place.
    Delete {
        /// The key in the state.
        key: String,
        /// What the plan saw.
        seen: Seen,
        /// What is wanted instead, as far as it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        want: Option<Box<Want>>,
    },
    /// The state alone forgets it.
    Forget {
        /// The key in the state.
        key: String,
        /// What the plan saw.
        seen: Seen,
    },
    /// Nothing: it stands for all the steps that it needs, so that a thousand that wait for a
    /// thousand are two thousand edges and not a million.
    Join,
    /// Remembers the outputs of the stack.
    Outputs(Box<Outputs>),
    /// A step of a pipeline.
    Task(Box<crate::file::pipeline::Task>),
}

/// A resource as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// What is wanted.
    pub want: Want,
    /// What the plan saw; None: nothing was remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// The key in the state before; it differs from the step's name when the thing was renamed.
    pub key: String,
    /// How much it may do.
    pub most: Verdict,
    /// What goes first in a replacement.
    pub order: Order,
}

/// The outputs of a stack, with holes for what becomes known later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// By name.
    pub values: Tree,
    /// Of the outputs as written, references unresolved.
    pub shape: Digest,
    /// Their references.
    pub reads: Vec<WantedRead>,
    /// Of the outputs that were remembered. None: there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Digest>,
}

/// How much a change asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing differs.
    Nothing,
    /// It can be changed in place.
    Update,
    /// It cannot.
    Replace,
}

/// What the plan saw: a step refuses when it finds something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Of the record.
    pub generation: u64,
    /// Of what lasts of the object, see [`Erased::lasting`]. None: it was gone.
    pub object: Option<Digest>,
}

impl Seen {
    /// Returns what tells a resource as it is now from what others would make of it. A kind that is not
    /// known any more has nothing that comes with time.
    pub fn of(record: &Record, object: Option<&Object>, kind: Option<&Erased>) -> Self {
        let digest = |object: &Object| match kind {
            Some(kind) => kind.lasting(object).digest(),
            None => object.digest(),
        };
        Self { generation: record.generation, object: object.map(digest) }
    }
}

/// What is wanted of one resource, with holes for what is known later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// The name of its kind.
    pub kind: String,
    /// Its keys, perhaps with holes.
    pub spec: Tree,
    /// Of the block as written, references unresolved.
    pub shape: Digest,
    /// Its references.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<WantedRead>,
    /// Names of blocks that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// It refuses to be destroyed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// It is replaced whatever it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
}

/// One reference of a spec: its value by digest, or where it will come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedRead {
    /// As it is written, without `${}`.
    pub path: String,
    /// Where its value comes from.
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It was known when the plan was made, and comes from outside: a parameter, a secret.
    Fixed(Digest),
    /// It is an output of another stack.
    Output {
        /// The other stack.
        stack: String,
        /// The output.
        name: String,
        /// What it was when the plan was made: a step refuses if it is another now.
        known: Digest,
    },
    /// It is an attribute of a resource.
    Attribute {
        /// The address.
        of: String,
        /// The key or attribute.
        name: String,
        /// As above. None: earlier steps make it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<Digest>,
    },
    /// It is the list of an attribute of all resources of a block.
    List {
        /// The block, whose addresses stand in [`Plan::lists`].
        block: String,
        /// The key or attribute.
        name: String,
        /// As above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<Digest>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protected { address, what } => {
                write!(f, "{address} is protected and would be {what}")
            }
            Self::Contradiction(why) => f.write_str(why),
        }
    }
}

impl Source {
    /// Returns the digest of the value that the plan was made with, if it knew it.
    pub fn known(&self) -> Option<Digest> {
        match self {
            Self::Fixed(known) | Self::Output { known, .. } => Some(*known),
            Self::Attribute { known, .. } | Self::List { known, .. } => *known,
        }
    }
}

impl Plan {
    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns whether there is nothing that a person would call a change: at most the state is
    /// brought up to date in silence.
    pub fn is_unchanged(&self) -> bool {
        self.items.is_empty() && self.outputs.is_empty()
    }

    /// Returns text that is the same for the same plan.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns what tells this plan from another.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_json().as_bytes())
    }

    /// Returns how many items have an action.
    pub fn count(&self, wanted: impl Fn(Action) -> bool) -> usize {
        self.items.iter().filter(|item| wanted(item.action)).count()
    }

    /// Returns the plan as it is kept, under a name of its own.
    pub fn saved(self, id: impl Into<String>) -> Saved {
        Saved { format: FORMAT, id: id.into(), digest: self.digest(), plan: self }
    }
}

impl Saved {
    /// Reads a kept plan, if it is whole and of our time.
    pub fn open(text: &str) -> Result<Self, String> {
        let format: Format = serde_json::from_str(text)
            .map_err(|error| format!("this is no saved plan: {error}"))?;
        if format.format != FORMAT {
            return Err(format!(
                "this plan has format {}, and this program knows {FORMAT}: plan again",
                format.format
            ));
        }
        let saved: Self =
            serde_json::from_str(text).map_err(|error| format!("this plan is damaged: {error}"))?;
        match saved.plan.digest() == saved.digest {
            true => Ok(saved),
            false => Err("this plan is damaged: its digest is another".to_owned()),
        }
    }

    /// Returns the text that [`Saved::open`] reads.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The one key that every format has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Work {
    /// Returns the references that it puts in.
    pub fn reads(&self) -> &[WantedRead] {
        match self {
            Self::Put(put) => &put.want.reads,
            Self::Delete { want: Some(want), .. } => &want.reads,
            Self::Outputs(outputs) => &outputs.reads,
            _ => &[],
        }
    }
}

impl Want {
    /// Returns the digest that a row remembers, once all reads have one.
    pub fn digest(&self, reads: impl Iterator<Item = Option<Digest>>) -> Option<Digest> {
        let paths = self.reads.iter().map(|read| read.path.as_str());
        digest(self.shape, paths.zip(reads))
    }
}

/// The digest that a row remembers: what is written, and what it reads.
pub fn digest<'p>(
    shape: Digest,
    reads: impl Iterator<Item = (&'p str, Option<Digest>)>,
) -> Option<Digest> {
    let mut bytes = shape.0.to_le_bytes().to_vec();
    for (path, value) in reads {
        bytes.extend(path.as_bytes());
        bytes.push(0);
        bytes.extend(value?.0.to_le_bytes());
    }
    Some(Digest::of(&bytes))
}

/// The digest of a list of values, from theirs.
pub fn digest_of_list(digests: impl Iterator<Item = Option<Digest>>) -> Option<Digest> {
    let mut bytes = vec![b'*'];
    for digest in digests {
        bytes.extend(digest?.0.to_le_bytes());
    }
    Some(Digest::of(&bytes))
}

impl Step {
    /// Returns a step that runs once, after success.
    pub fn new(name: impl Into<Address>, work: Work) -> Self {
        Self {
            name: name.into(),
            needs: Vec::new(),
            when: When::Success,
            attempts: 1,
            timeout: None,
            work,
        }
    }
}

impl When {
    fn is_success(&self) -> bool {
        *self == Self::Success
    }
}

fn one() -> u32 {
    1
}

fn is_one(number: &u32) -> bool {
    *number == 1
}
