//! What is remembered of one stack, as planning sees it: all rows at once, records when asked for.
//!
//! It must not write.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use model::record::{OutputsRecord, Record};

use crate::store::{Rows, Store, StoreError};

/// The rows of one stack, and the way to its records.
pub struct State {
    /// By key.
    pub rows: Rows,
    /// What others may read.
    pub outputs: Option<OutputsRecord>,
    stack: String,
    store: Arc<dyn Store>,
    users: OnceLock<HashMap<String, Vec<String>>>,
    /// How many records were decoded: a plan without changes decodes none.
    decoded: AtomicUsize,
    /// The first error of the store since; records cannot be had after it.
    trouble: OnceLock<StoreError>,
}

impl State {
    /// Loads the rows of a stack.
    pub fn load(store: &Arc<dyn Store>, stack: &str) -> Result<Self, StoreError> {
        Ok(Self {
            rows: store.rows(stack)?.into_iter().collect(),
            outputs: store.outputs(stack)?,
            stack: stack.to_owned(),
            store: Arc::clone(store),
            users: OnceLock::new(),
            decoded: AtomicUsize::new(0),
            trouble: OnceLock::new(),
        })
    }

    /// Returns the record under a key.
    pub fn record(&self, key: &str) -> Option<Record> {
        self.decoded.fetch_add(1, Ordering::Relaxed);
        self.store.record(&self.stack, key).unwrap_or_else(|error| {
            _ = self.trouble.set(error);
            None
        })
    }

    /// Returns the keys whose last apply needed this block, sorted.
    pub fn users(&self, block: &str) -> &[String] {
        let users = self.users.get_or_init(|| self.all_users());
        users.get(block).map_or(&[], Vec::as_slice)
    }

    /// Returns how many records were decoded.
    pub fn decoded(&self) -> usize {
        self.decoded.load(Ordering::Relaxed)
    }

    /// Returns what went wrong with the store meanwhile.
    pub fn trouble(&self) -> Option<&StoreError> {
        self.trouble.get()
    }

    fn all_users(&self) -> HashMap<String, Vec<String>> {
        let needs = self.store.needs(&self.stack).unwrap_or_else(|error| {
            _ = self.trouble.set(error);
            Vec::new()
        });
        let mut users: HashMap<String, Vec<String>> = HashMap::new();
        for (key, needs) in needs {
            for need in needs {
                users.entry(need).or_default().push(key.clone());
            }
        }
        users
    }
}
