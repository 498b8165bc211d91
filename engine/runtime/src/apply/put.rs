//! Making a resource what it is wanted to be.
//!
//! It must not destroy anything.

use model::event::{Intent, Outcome, Verb};
use model::judge::judge;
use model::kind::Change;
use model::plan::{Put, Seen, Verdict};
use model::record::Record;
use model::{Context, Erased, Fault, Order, Tree};

use super::{Applying, settled};
use crate::walk::{Done, Prepared};

impl Applying {
    pub(super) fn prepare_put(
        &self,
        step: &str,
        put: &Put,
        quiet: Prepared,
    ) -> Result<Prepared, Fault> {
        let kind = self.kind(&put.want.kind)?;
        let spec = self.known_now(&put.want)?;
        let record = self.record(&put.key)?;
        let beside = match (put.most, put.order, &record, &put.seen) {
            (Verdict::Replace, Order::CreateFirst, Some(record), Some(seen))
                if self.may_replace(kind, &spec, record, put, seen) =>
            {
                Some(format!("{step}@{}", record.generation))
            }
            _ => None,
        };
        let gone = put.seen.as_ref().is_none_or(|seen| seen.object.is_none());
        let verb = match record {
            Some(_) if beside.is_none() && !gone => Verb::Update,
            _ => Verb::Create,
        };
        let intent = Intent {
            verb,
            kind: put.want.kind.clone(),
            key: put.key.clone(),
            claim: kind.claim(&spec, &self.site.project),
            spec,
            digest: self.digest_of_want(&put.want)?,
            generation: self.run.0,
            needs: put.want.needs.clone(),
            protect: put.want.protect,
            beside,
            timeout: None,
        };
        Ok(Prepared { intent: Some(Box::new(intent)), api: kind.api, ..quiet })
    }

    /// Now that everything is known, a replacement that was feared may have vanished. What drifted was
    /// not read yet: then it may still be one.
    fn may_replace(
        &self,
        kind: &Erased,
        spec: &Tree,
        record: &Record,
        put: &Put,
        seen: &Seen,
    ) -> bool {
        put.want.forced
            || record.kind != kind.name
            || seen.object != Some(record.object.digest())
            || judge(kind, spec, record, &record.object, &*self.site.secrets).verdict
                == Verdict::Replace
    }

    pub(super) async fn put(
        &self,
        step: &str,
        put: &Put,
        prepared: &Prepared,
        context: &Context,
    ) -> Result<Done, Fault> {
        let missing = || Fault::broken("it was not prepared");
        let intent = prepared.intent.as_deref().ok_or_else(missing)?;
        let record = self.record(&put.key)?;
        let (record, seen) = match (record, &put.seen) {
            (Some(record), Some(seen)) => (record, seen),
            (Some(_), None) => return Err(Fault::stale("another run made it since")),
            (None, seen) => {
                if seen.is_some() {
                    self.removed_here(&put.key)?;
                }
                return self.create(step, intent, prepared, None, context).await;
            }
        };
        let kind = self.kind(&put.want.kind)?;
        if record.kind != kind.name {
            return Err(Fault::stale(format!("it is still {}", record.kind)));
        }
        let Some(object) = self.found(kind, &record, seen, context).await? else {
            let intent = Intent { verb: Verb::Create, beside: None, ..intent.clone() };
            return self.create(step, &intent, prepared, None, context).await;
        };
        let secrets = &*self.site.secrets;
        let mut verdict = judge(kind, &intent.spec, &record, &object, secrets).verdict;
        if put.want.forced {
            verdict = Verdict::Replace;
        }
        if verdict > put.most || (verdict == Verdict::Replace && put.order == Order::DestroyFirst) {
            let more = "what is known now asks for more than the plan said";
            return Err(Fault::stale(format!("{more} ({verdict:?})").to_lowercase()));
        }
        match verdict {
            Verdict::Nothing => {
                let intent = Intent { beside: None, ..intent.clone() };
                let kept = Intent { generation: record.generation, ..intent };
                let (_, state) = settled::settled(step, &kept, Some(object), Some(&record));
                Ok(Done { what: Outcome::Remembered, state })
            }
            Verdict::Update => {
                let intent = Intent { verb: Verb::Update, beside: None, ..intent.clone() };
                let change = Change::Update(&intent.spec, &object);
                self.bring_about(step, &intent, change, prepared, Some(&record), context).await
            }
            Verdict::Replace => self.create(step, intent, prepared, Some(&record), context).await,
        }
    }

    async fn create(
        &self,
        step: &str,
        intent: &Intent,
        prepared: &Prepared,
        before: Option<&Record>,
        context: &Context,
    ) -> Result<Done, Fault> {
        let change = Change::Create(&intent.spec);
        self.bring_about(step, intent, change, prepared, before, context).await
    }

    async fn bring_about(
        &self,
        step: &str,
        intent: &Intent,
        change: Change<'_, Tree>,
        prepared: &Prepared,
        before: Option<&Record>,
        context: &Context,
    ) -> Result<Done, Fault> {
        let kind = self.kind(&intent.kind)?;
        let object = kind.effects.apply(context, change, &prepared.token).await?;
        let nothing = || Fault::broken(format!("{} says that nothing is there now", kind.name));
        let object = self.sealing.sealed_object(object.ok_or_else(nothing)?, None);
        let (what, state) = settled::settled(step, intent, Some(object), before);
        Ok(Done { what, state })
    }
}
