//! A change of office that is watched, and taken back if it goes wrong.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::sleep;

use super::{Desk, Done, GLANCE, State, kept_of, kept_with, no_route};
use crate::process::command::{CutOver, Reply};
use crate::process::cutover::{Cutover, CutoverStage, Quarantined, now_ms};
use crate::process::health;
use crate::process::kept::KeptRoute;
use crate::process::office::Office;

/// Versions that are kept from coming into office on one route; the oldest is forgotten.
const QUARANTINED: usize = 50;

impl Desk {
    pub(super) async fn cut_over(self: &Arc<Self>, asked: CutOver) -> Done {
        let route = asked.route.clone();
        if asked.targets.is_empty() || asked.token.is_empty() {
            return Err("a cutover needs targets and a token".into());
        }
        let check = {
            let state = self.state();
            let office = state.office(&route)?;
            if let Some(reply) = done_already(office, &asked.token) {
                return Ok(reply);
            }
            refuse_quarantined(office, &asked.version)?;
            office.kept.spec.check.clone()
        };
        if let Some(check) = check {
            let patience = std::time::Duration::from_millis(asked.ready_ms);
            health::ready(&asked.targets, &check, patience).await?;
        }
        let mut state = self.changing()?;
        let office = state.office(&route)?;
        if let Some(reply) = done_already(office, &asked.token) {
            return Ok(reply);
        }
        refuse_quarantined(office, &asked.version)?;
        let next = next(office, asked);
        let reply = self.switch(&mut state, &route, next)?;
        self.watch_on(&state);
        Ok(reply)
    }

    /// Has a version come into office again.
    pub(super) fn pardon(&self, route: &str, version: &str) -> Done {
        let mut state = self.changing()?;
        let mut next = state.office(route)?.kept.clone();
        next.quarantined.retain(|one| one.version != version);
        self.keep(&kept_with(&state, &next))?;
        if let Some(office) = state.offices.get_mut(route) {
            office.kept = next;
        }
        Ok(Reply::Done)
    }

    /// Has no route go back to an address.
    pub(super) fn release(&self, address: SocketAddr) -> Done {
        let mut state = self.changing()?;
        let goes_there = |office: &&Office| office.kept.addresses().any(|one| one == address);
        if let Some(office) = state.offices.values().find(goes_there) {
            return Err(format!("requests go to {address} by the route {}", office.kept.spec.name));
        }
        let mut kept = kept_of(&state);
        for cutover in kept.routes.iter_mut().filter_map(|route| route.cutover.as_mut()) {
            cutover.from_targets.retain(|target| *target != address);
        }
        self.keep(&kept)?;
        for route in kept.routes {
            if let Some(office) = state.offices.get_mut(&route.spec.name) {
                office.kept = route;
            }
        }
        Ok(Reply::Done)
    }

    /// Keeps what will be, and does it.
    fn switch(self: &Arc<Self>, state: &mut State, route: &str, next: KeptRoute) -> Done {
        self.keep(&kept_with(state, &next))?;
        let office = state.offices.get_mut(route).ok_or_else(|| no_route(route))?;
        let relieved = office.switch(next);
        let term = office.kept.office.as_ref().map(|named| named.term);
        self.follow(route, relieved);
        Ok(Reply::Term { term, relieved })
    }

    /// Watches every version that has just come into office, also of a process that died meanwhile.
    pub(super) fn watch_on(self: &Arc<Self>, state: &State) {
        for office in state.offices.values() {
            let Some(cutover) = office.kept.cutover.as_ref().filter(|one| one.is_watched()) else {
                continue;
            };
            let (desk, route) = (self.clone(), office.kept.spec.name.clone());
            let token = cutover.token.clone();
            tokio::spawn(async move {
                while !desk.judge(&route, &token) {
                    sleep(GLANCE).await;
                }
            });
        }
    }

    /// Looks at a version that is watched. Returns whether there is nothing left to watch.
    fn judge(self: &Arc<Self>, route: &str, token: &str) -> bool {
        let mut state = self.state();
        let Some(office) = state.offices.get(route) else { return true };
        let Some(cutover) = office.kept.cutover.clone() else { return true };
        if cutover.token != token || !cutover.is_watched() {
            return true;
        }
        // Who leaves judges nobody: the next process goes on.
        if state.frozen {
            return false;
        }
        let office = &state.offices[route];
        let (over, counts) = (cutover.is_over(), office.receipt(cutover.term));
        let in_office = office.kept.office.as_ref().is_some_and(|one| one.term == cutover.term);
        let Some(counts) = counts.filter(|_| in_office).map(|receipt| receipt.counts) else {
            return self.note_stage(&mut state, route, cutover, CutoverStage::Overtaken);
        };
        let sick = office.route.term().is_some_and(|term| !term.has_health());
        let sick = sick.then(|| "none of its targets is in health any more".to_owned());
        let cutover = Cutover { seen: counts.clone(), ..cutover };
        match cutover.watch.exceeded(&counts, over).or(sick) {
            Some(why) => self.revert(&mut state, route, cutover, why),
            None if over => self.note_stage(&mut state, route, cutover, CutoverStage::Held),
            None => false,
        }
    }

    /// Puts back in office who was before, and keeps the version that failed from coming again.
    fn revert(
        self: &Arc<Self>,
        state: &mut State,
        route: &str,
        cutover: Cutover,
        why: String,
    ) -> bool {
        let Some(office) = state.offices.get(route) else { return true };
        let from = cutover.from.clone().unwrap_or_default();
        let mut next = office.with(&from, cutover.from_targets.clone());
        quarantine(&mut next, &cutover.version, &why);
        next.cutover = Some(Cutover { stage: CutoverStage::Reverted { why }, ..cutover });
        // A disk that is full is no reason to stay with what is bad: it is tried again in a moment.
        self.switch(state, route, next).is_ok()
    }

    /// Keeps how far a change of office has come. Returns whether that is on disk.
    fn note_stage(
        &self,
        state: &mut State,
        route: &str,
        cutover: Cutover,
        stage: CutoverStage,
    ) -> bool {
        let Some(office) = state.offices.get(route) else { return true };
        let mut next = office.kept.clone();
        next.cutover = Some(Cutover { stage, ..cutover });
        let kept = self.keep(&kept_with(state, &next)).is_ok();
        if let Some(office) = state.offices.get_mut(route).filter(|_| kept) {
            office.kept = next;
        }
        kept
    }
}

/// Returns the answer to a change that was made already.
fn done_already(office: &Office, token: &str) -> Option<Reply> {
    let made = office.kept.cutover.as_ref().filter(|made| made.token == token)?;
    Some(Reply::Term { term: Some(made.term), relieved: made.from_term })
}

fn refuse_quarantined(office: &Office, version: &str) -> Result<(), String> {
    match office.kept.quarantined.iter().find(|one| one.version == version) {
        Some(one) => Err(format!("{version} is in quarantine: {}", one.why)),
        None => Ok(()),
    }
}

/// Returns the route as it will be kept once the change is made.
fn next(office: &Office, asked: CutOver) -> KeptRoute {
    let before = office.kept.office.clone();
    let mut next = office.with(&asked.version, asked.targets);
    if let (Some(why), Some(before)) = (&asked.quarantine, &before) {
        quarantine(&mut next, &before.version, why);
    }
    let watch = asked.watch.filter(|_| before.is_some());
    let stage = if watch.is_some() { CutoverStage::Watched } else { CutoverStage::Held };
    next.cutover = Some(Cutover {
        token: asked.token,
        version: asked.version,
        term: next.last,
        from: before.as_ref().map(|named| named.version.clone()),
        from_term: before.as_ref().map(|named| named.term),
        from_targets: before.map(|named| named.targets).unwrap_or_default(),
        at_ms: now_ms(),
        watch: watch.unwrap_or_default(),
        stage,
        ..Cutover::default()
    });
    next
}

fn quarantine(route: &mut KeptRoute, version: &str, why: &str) {
    route.quarantined.retain(|one| one.version != version);
    let (version, why) = (version.to_owned(), why.to_owned());
    route.quarantined.push(Quarantined { version, since_ms: now_ms(), why });
    let surplus = route.quarantined.len().saturating_sub(QUARANTINED);
    route.quarantined.drain(..surplus);
}
