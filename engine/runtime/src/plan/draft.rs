//! An item and the work that it will be, before steps are put in order.
//!
//! It must not know other items.

use std::time::Duration;

use model::Order;
use model::file::stack::Header;
use model::plan::{Action, Item, OutputChange, Outputs, Put, Seen, Step, Verdict, Want, Work};

/// An item and the work that it will be.
pub(super) struct Draft {
    pub item: Item,
    /// Where it stands in the file; None: only in the state.
    pub block: Option<usize>,
    /// Its key in the state.
    pub key: String,
    /// What it will be in the world, if that is known already.
    pub takes: Option<String>,
    /// What it was in the world, if that is destroyed.
    pub leaves: Option<String>,
    pub work: Work,
    pub attempts: u32,
    pub timeout: Option<Duration>,
}

/// What becomes of the outputs.
#[derive(Default)]
pub(super) struct PlannedOutputs {
    pub changes: Vec<OutputChange>,
    pub step: Option<Outputs>,
}

/// How much a step may do, and in which order.
pub(super) struct Bounds {
    pub most: Verdict,
    pub order: Order,
}

impl Bounds {
    /// For what is not replaced.
    pub(super) fn at_most(most: Verdict) -> Self {
        Self { most, order: Order::DestroyFirst }
    }
}

impl Draft {
    pub(super) fn put(
        item: Item,
        (block, header): (usize, &Header),
        key: String,
        seen: Option<Seen>,
        want: Want,
        bounds: &Bounds,
    ) -> Self {
        let Bounds { most, order } = *bounds;
        let work = Work::Put(Box::new(Put { want, seen, key: key.clone(), most, order }));
        let timeout = header.timeout.map(|timeout| timeout.0);
        let (block, attempts) = (Some(block), header.attempts);
        Self { item, block, key, takes: None, leaves: None, work, attempts, timeout }
    }

    pub(super) fn gone(item: Item, seen: Seen) -> Self {
        let key = item.address.clone();
        let work = match item.action {
            Action::Forget => Work::Forget { key: key.clone(), seen },
            _ => Work::Delete { key: key.clone(), seen, want: None },
        };
        let (takes, leaves) = (None, None);
        Self { item, block: None, key, takes, leaves, work, attempts: 4, timeout: None }
    }

    pub(super) fn step(&self, name: String, work: Work) -> Step {
        Step { attempts: self.attempts, timeout: self.timeout, ..Step::new(name, work) }
    }

    pub(super) fn replaces(&self, order: Order) -> bool {
        matches!(self.item.action, Action::Replace { order: own, .. } if own == order)
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.item.action == Action::Delete
    }

    /// Something that it uses is destroyed first, so it cannot be made beside its old self.
    pub(super) fn destroy_first(&mut self) {
        if let Action::Replace { order, .. } = &mut self.item.action {
            *order = Order::DestroyFirst;
            self.item.note = Some("something that it uses is destroyed first".to_owned());
        }
        if let Work::Put(put) = &mut self.work {
            put.order = Order::DestroyFirst;
        }
    }
}
