//! World and state without what rightly differs from run to run: the numbers of runs.
//!
//! It must not leave out anything else.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Tree;
use model::record::{OutputsRecord, Record};
use runtime::store::Store;

use crate::world::World;

/// What there is, and what is remembered of one stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// What there is, by kind and id.
    pub objects: BTreeMap<(String, String), Tree>,
    /// What is remembered.
    pub records: BTreeMap<String, Record>,
    /// What others may read.
    pub outputs: Option<OutputsRecord>,
    /// Steps of which nobody knows how they went.
    pub doubts: Vec<String>,
}

impl Memory {
    /// Returns what there is now.
    pub fn of(world: &World, store: &Arc<dyn Store>, stack: &str) -> Self {
        let record = |(key, row): (String, model::record::Row)| {
            let record = store.record(stack, &key).unwrap().unwrap();
            assert_eq!(row.generation, record.generation, "the row of {key} is its record's");
            assert_eq!(row.object, record.object.digest(), "the row of {key} is its record's");
            (without_run(&key), Record { generation: 0, ..record })
        };
        let doubts = store.doubts(stack).unwrap();
        Self {
            objects: world.objects(),
            records: store.rows(stack).unwrap().into_iter().map(record).collect(),
            outputs: store.outputs(stack).unwrap(),
            doubts: doubts.iter().map(|doubt| without_run(doubt.step.as_str())).collect(),
        }
    }

    /// Returns what is there and nobody remembers.
    pub fn orphans(&self) -> Vec<String> {
        let known = self.known();
        let unknown = self.objects.keys().filter(|key| !known.contains(key));
        unknown.map(|(kind, id)| format!("{kind} {id} is known to nobody")).collect()
    }

    /// Returns what is remembered and not there.
    pub fn missing(&self) -> Vec<String> {
        let known = self.known();
        let missing = known.iter().filter(|key| !self.objects.contains_key(key));
        missing.map(|(kind, id)| format!("{kind} {id} is not there")).collect()
    }

    fn known(&self) -> Vec<(String, String)> {
        let known = |record: &Record| (record.kind.clone(), record.object.id.clone());
        self.records.values().map(known).collect()
    }
}

/// `site@3` is `site@`, whichever run made it.
fn without_run(address: &str) -> String {
    address.split_once('@').map_or(address.to_owned(), |(address, _)| format!("{address}@"))
}
