//! A change of office that is watched, and taken back if it goes wrong.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::sleep;

use super::{Desk, Done, GLANCE, State, kept_of, kept_with, no_route};
use crate::process::command::{CutOver, Reply};
use crate::process::cutover::{Barred, Cutover, CutoverStage, Quarantined, now_ms};
use crate::process::health;
use crate::process::kept::KeptRoute;
use crate::process::office::Office;

/// Versions that are kept from coming into office on one route; the oldest is forgotten.
const QUARANTINED: usize = 50;

impl Desk {
    pub(super) async fn cut_over(self: &Arc<Self>, asked: CutOver) -> Done {
        let route = asked.route.clone();
        let check = {
            let state = self.state();
            let office = state.office(&route)?;
            let leads = !asked.targets.is_empty() || office.kept.spec.redirect.is_some();
            if !leads || asked.token.is_empty() {
                return Err("a cutover needs targets and a token".into());
            }
            if let Some(reply) = done_already(office, &asked.token) {
                return Ok(reply);
            }
            refuse(&state, office, &asked)?;
            office.kept.spec.check.clone()
        };
        if let Some(check) = check.filter(|_| !asked.targets.is_empty()) {
            let patience = std::time::Duration::from_millis(asked.ready_ms);
            health::ready(&asked.targets, &check, patience).await?;
        }
        let mut state = self.changing()?;
        let office = state.office(&route)?;
        if let Some(reply) = done_already(office, &asked.token) {
            return Ok(reply);
        }
        refuse(&state, office, &asked)?;
        let next = next(office, asked);
        let reply = self.switch(&mut state, &route, next)?;
        self.watch_on(&state);
        Ok(reply)
    }

    /// Has a version come into office again.
    pub(super) fn pardon(&self, route: &str, version: &str) -> Done {
        let mut state = self.changing()?;
        let own = &state.office(route)?.kept.quarantined;
        let own = own.iter().find(|one| one.version == version);
        let places = own.map(|one| one.targets.clone()).unwrap_or_default();
        let mut kept = kept_of(&state);
        for one in &mut kept.routes {
            let own = one.spec.name == route;
            let same = |q: &Quarantined| q.version == version && (own || q.targets == places);
            one.quarantined.retain(|one| !same(one));
        }
        self.keep(&kept)?;
        state.take_up(kept);
        Ok(Reply::Done)
    }

    /// Keeps routes from changing over to an address, or lets them.
    pub(super) fn bar(&self, address: SocketAddr, why: Option<String>) -> Done {
        let mut state = self.changing()?;
        let mut kept = kept_of(&state);
        kept.barred.retain(|one| one.address != address);
        kept.barred.extend(why.map(|why| Barred { address, since_ms: now_ms(), why }));
        if kept.barred != state.barred {
            self.keep(&kept)?;
            state.take_up(kept);
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
            cutover.gone |= cutover.from_targets.contains(&address);
        }
        kept.barred.retain(|one| one.address != address);
        self.keep(&kept)?;
        state.take_up(kept);
        Ok(Reply::Done)
    }

    /// Keeps what will be, and does it.
    fn switch(self: &Arc<Self>, state: &mut State, route: &str, next: KeptRoute) -> Done {
        self.keep(&kept_with(state, &next))?;
        self.seat(state, route, next)
    }

    /// Does what will be.
    fn seat(self: &Arc<Self>, state: &mut State, route: &str, next: KeptRoute) -> Done {
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
        let (version, targets) = match state.offices.get(route).map(|office| &office.kept.office) {
            Some(Some(named)) => (named.version.clone(), named.targets.clone()),
            _ => return true,
        };
        if self.put_back(state, route, cutover, why.clone()).is_err() {
            return true;
        }
        // What is bad here is bad everywhere: other routes to the very same go back, too.
        let is_there = |office: &&Office| {
            let named = office.kept.office.as_ref();
            named.is_some_and(|named| named.version == version && named.targets == targets)
        };
        let others: Vec<(String, Cutover)> = state
            .offices
            .values()
            .filter(is_there)
            .filter_map(|office| {
                let cutover = office.kept.cutover.clone()?;
                let ours = cutover.version == version && !cutover.gone && cutover.from.is_some();
                ours.then(|| (office.kept.spec.name.clone(), cutover))
            })
            .collect();
        for (other, cutover) in others {
            // It is gone, if this is refused.
            let _ = self.put_back(state, &other, cutover, format!("by the route {route}: {why}"));
        }
        true
    }

    fn put_back(
        self: &Arc<Self>,
        state: &mut State,
        route: &str,
        cutover: Cutover,
        why: String,
    ) -> Done {
        let office = state.office(route)?;
        let from = cutover.from.clone().unwrap_or_default();
        let mut next = office.with(&from, cutover.from_targets.clone());
        let targets = office.kept.office.as_ref().map(|named| named.targets.clone());
        quarantine(&mut next, &cutover.version, targets.unwrap_or_default(), &why);
        next.cutover = Some(Cutover { stage: CutoverStage::Reverted { why }, ..cutover });
        // A disk that is full, perhaps by what is bad, is no reason to stay with it: what cannot be kept
        // now is kept in a moment.
        state.unkept |= self.keep(&kept_with(state, &next)).is_err();
        self.seat(state, route, next)
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

/// Refuses a version that is in quarantine, on this route or, at the same place, on another; a place that is
/// barred; and a way back to where somebody else is by now.
fn refuse(state: &State, office: &Office, asked: &CutOver) -> Result<(), String> {
    let version = &asked.version;
    let own = office.kept.quarantined.iter().filter(|one| one.version == *version);
    let others = state.offices.values().filter(|other| other.kept.spec.name != asked.route);
    let others = others.flat_map(|other| &other.kept.quarantined);
    let same = |one: &&Quarantined| one.version == *version && one.targets == asked.targets;
    if let Some(one) = own.chain(others.filter(same)).next() {
        return Err(format!("{version} is in quarantine: {}", one.why));
    }
    let serves = |address: &SocketAddr| {
        office.kept.office.as_ref().is_some_and(|named| named.targets.contains(address))
    };
    let comes = |one: &&Barred| asked.targets.contains(&one.address) && !serves(&one.address);
    // Whoever is gone back to has served: that says more than what it was barred for.
    let goes_back = asked.quarantine.is_some();
    if let Some(one) = state.barred.iter().find(comes).filter(|_| !goes_back) {
        return Err(format!("{version} is kept away from {}: {}", one.address, one.why));
    }
    let gone = |cutover: &&Cutover| cutover.gone && cutover.from_targets == asked.targets;
    match office.kept.cutover.as_ref().filter(gone) {
        Some(_) if asked.quarantine.is_some() => {
            Err(format!("{version} does not stand by any more: another version is in its place"))
        }
        _ => Ok(()),
    }
}

/// Returns the route as it will be kept once the change is made.
fn next(office: &Office, asked: CutOver) -> KeptRoute {
    let before = office.kept.office.clone();
    let mut next = office.with(&asked.version, asked.targets);
    if let (Some(why), Some(before)) = (&asked.quarantine, &before) {
        quarantine(&mut next, &before.version, before.targets.clone(), why);
    }
    let watch = asked.watch.filter(|_| before.is_some());
    let stage = if watch.is_some() { CutoverStage::Watched } else { CutoverStage::Held };
    let at_ms = now_ms();
    next.cutover = Some(Cutover {
        token: asked.token,
        version: asked.version,
        term: next.last,
        from: before.as_ref().map(|named| named.version.clone()),
        from_term: before.as_ref().map(|named| named.term),
        from_targets: before.map(|named| named.targets).unwrap_or_default(),
        at_ms,
        since_ms: at_ms,
        watch: watch.unwrap_or_default(),
        stage,
        ..Cutover::default()
    });
    next
}

fn quarantine(route: &mut KeptRoute, version: &str, targets: Vec<SocketAddr>, why: &str) {
    route.quarantined.retain(|one| one.version != version);
    let (version, why) = (version.to_owned(), why.to_owned());
    route.quarantined.push(Quarantined { version, targets, since_ms: now_ms(), why });
    let surplus = route.quarantined.len().saturating_sub(QUARANTINED);
    route.quarantined.drain(..surplus);
}
