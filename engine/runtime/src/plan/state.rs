//! What is remembered of one stack, as planning sees it: all rows at once, records when asked for.
//!
//! It must not write.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use model::record::{OutputsRecord, Record};

use crate::store::{Claim, Rows, Store, StoreError};

/// The rows of one stack, and the way to its records.
pub struct State {
    /// By key.
    pub rows: Rows,
    /// What others may read.
    pub outputs: Option<OutputsRecord>,
    stack: String,
    store: Arc<dyn Store>,
    users: OnceLock<HashMap<String, Vec<String>>>,
    claims: OnceLock<Vec<Claim>>,
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
            claims: OnceLock::new(),
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

    /// Returns which resources of other stacks are the same thing in the world.
    pub fn claimed_elsewhere(&self, claim: &str) -> impl Iterator<Item = &Claim> {
        let claims = self.claims();
        let at = claims.partition_point(|one| one.claim.as_str() < claim);
        let same = claims[at..].iter().take_while(move |one| one.claim == claim);
        same.filter(|one| one.stack != self.stack)
    }

    /// Returns which resources of all stacks lie within this one: what is below its path.
    pub fn claimed_within(&self, claim: &str) -> impl Iterator<Item = &Claim> {
        let (claims, below) = (self.claims(), format!("{claim}/"));
        let at = claims.partition_point(|one| one.claim < below);
        claims[at..].iter().take_while(move |one| one.claim.starts_with(&below))
    }

    /// Returns the name of the stack.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// Returns how many records were decoded.
    pub fn decoded(&self) -> usize {
        self.decoded.load(Ordering::Relaxed)
    }

    /// Returns what went wrong with the store meanwhile.
    pub fn trouble(&self) -> Option<&StoreError> {
        self.trouble.get()
    }

    fn claims(&self) -> &[Claim] {
        self.claims.get_or_init(|| {
            self.store.claims().unwrap_or_else(|error| {
                _ = self.trouble.set(error);
                Vec::new()
            })
        })
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
