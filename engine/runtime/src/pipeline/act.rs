//! A step that lets a resource do something: `backup`, `verify` and the like, as a run of its own.
//!
//! It must not know any verb.

use std::sync::Arc;

use model::Fault;

use super::child_run::{PATIENCE, Told, fault, finished};
use super::task::{Doing, Tasks};
use crate::engine::{ActRequest, ApplyOptions};
use crate::lease::Terms;

impl Tasks {
    pub(super) async fn act(&self, request: &ActRequest, doing: Doing<'_>) -> Result<(), Fault> {
        let engine = self.engine.clone();
        let options = ApplyOptions {
            terms: Terms { patience: PATIENCE, ..ApplyOptions::default().terms },
            parent: Some(self.run),
            ..ApplyOptions::default()
        };
        let told = Arc::new(Told::new(doing.log));
        let work = |stop| async move {
            // Boxed, since a run may hold a step that holds a run.
            let acted = Box::pin(engine.act(request, &options, told, stop)).await;
            finished(&acted.map_err(fault)?.report)
        };
        self.within(doing, work).await
    }
}
