//! Destroying a resource, or only forgetting it.
//!
//! It must not make anything.

use model::event::{Intent, Outcome, StateChange, Verb};
use model::judge::judge;
use model::kind::Change;
use model::plan::{Seen, Verdict, Want};
use model::{Context, Fault};

use super::Applying;
use crate::walk::{Done, Prepared};

impl Applying {
    pub(super) fn prepare_delete(&self, key: &str, quiet: Prepared) -> Result<Prepared, Fault> {
        let Some(record) = self.record(key)? else { return Ok(quiet) };
        let kind = self.kind(&record.kind)?;
        let intent = Intent {
            verb: Verb::Delete,
            kind: record.kind.clone(),
            key: key.to_owned(),
            spec: record.spec.clone(),
            digest: record.digest,
            generation: record.generation,
            needs: Vec::new(),
            protect: false,
            claim: None,
            beside: None,
            timeout: None,
        };
        Ok(Prepared { intent: Some(Box::new(intent)), api: kind.api, ..quiet })
    }

    pub(super) async fn delete(
        &self,
        _step: &str,
        key: &str,
        seen: &Seen,
        want: Option<&Want>,
        prepared: &Prepared,
        context: &Context,
    ) -> Result<Done, Fault> {
        let Some(record) = self.record(key)? else {
            self.removed_here(key)?;
            return Ok(Done { what: Outcome::Nothing, state: Vec::new() });
        };
        let kind = self.kind(&record.kind)?;
        let object = self.found(kind, &record, seen, context).await?;
        if let (Some(want), Some(object)) = (want, &object) {
            let spec = self.known_now(want)?;
            let judgement = judge(kind, &spec, &record, object, &*self.site.secrets);
            if judgement.verdict < Verdict::Replace {
                return Ok(Done { what: Outcome::Kept, state: Vec::new() });
            }
        }
        if let Some(object) = &object {
            let change = Change::Delete(Some(&record.spec), object);
            kind.effects.apply(context, change, &prepared.token).await?;
        }
        let state = vec![StateChange::Remove { key: key.to_owned() }];
        Ok(Done { what: Outcome::Deleted, state })
    }

    pub(super) fn forget(&self, key: &str, seen: &Seen) -> Result<Done, Fault> {
        match self.record(key)? {
            Some(record) if record.generation == seen.generation => {
                let state = vec![StateChange::Remove { key: key.to_owned() }];
                Ok(Done { what: Outcome::Forgotten, state })
            }
            None => Err(Fault::stale("another run removed it since")),
            Some(_) => Err(Fault::stale("another run changed it since")),
        }
    }
}
