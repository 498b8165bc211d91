//! One route with its terms, as it stands and as it is kept.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::command::{Check, Looked, Named, RouteSpec, Seen};
use super::health;
use super::kept::{Accounts, KeptRoute};
use crate::account::{Counts, Place, Receipt, Route, Target, Term};

/// Receipts that are kept of drained terms.
const RECEIPTS: usize = 20;

/// The port of HTTPS where none is named.
const HTTPS: u16 = 443;

pub(crate) struct Office {
    pub(crate) kept: KeptRoute,
    pub(crate) route: Arc<Route>,
    /// Relieved and not drained; `kept.open` names them.
    pub(crate) open: Vec<Arc<Term>>,
    /// What the targets in office are checked by.
    checks: watch::Sender<Option<Check>>,
}

impl Office {
    /// Returns a new route, with nobody in office.
    pub(crate) fn new(spec: RouteSpec) -> Self {
        let route = Arc::new(Route::new());
        Self { kept: KeptRoute::new(spec), route, open: vec![], checks: watch::Sender::default() }
    }

    /// Returns a route as it was kept. Terms that nobody holds since their process died are closed, and
    /// whoever was watched by it is watched again: no process takes the place of one that watches.
    pub(crate) fn resumed(mut kept: KeptRoute, accounts: &Accounts) -> Self {
        let route = Arc::new(Route::new());
        let name = kept.spec.name.clone();
        for named in std::mem::take(&mut kept.open) {
            kept.close(named.receipt(&name, accounts.of(&name, named.term)));
        }
        if let Some(cutover) = kept.cutover.as_mut().filter(|one| one.is_watched()) {
            cutover.watch_again();
        }
        let checks = watch::Sender::default();
        if let Some(named) = &kept.office {
            let term = term(named, &checks);
            term.carry(&accounts.of(&name, named.term));
            route.switch(Some(term));
        }
        Self { kept, route, open: vec![], checks }
    }

    /// Returns the route as it will be kept once a version is in office, and the number of its term.
    pub(crate) fn with(&self, version: &str, targets: Vec<SocketAddr>) -> KeptRoute {
        let mut next = self.relieved();
        next.last += 1;
        let check = next.spec.check.clone();
        // Whoever is in office stays as it is when the route is written anew.
        let redirect = targets.is_empty().then(|| next.spec.redirect.unwrap_or(HTTPS));
        let version = version.into();
        next.office = Some(Named { term: next.last, version, targets, check, redirect });
        next.resting = None;
        next
    }

    /// Returns the route as it will be kept once nobody is in office.
    pub(crate) fn relieved(&self) -> KeptRoute {
        let mut next = self.kept.clone();
        if let Some(named) = next.office.take() {
            next.open.push(named.clone());
            next.resting = Some(named);
        }
        next
    }

    /// Does what is kept by now: the old term is relieved, the new one in office. Returns the old one's
    /// number.
    pub(crate) fn switch(&mut self, next: KeptRoute) -> Option<u64> {
        self.kept = next;
        // Who is relieved is judged by its own check to its end.
        self.checks = watch::Sender::default();
        let term = self.kept.office.as_ref().map(|named| term(named, &self.checks));
        let old = self.route.switch(term)?;
        let number = old.number;
        self.open.push(old);
        Some(number)
    }

    /// Has those in office judged by another check from now on, which is kept by now.
    pub(crate) fn recheck(&mut self, next: KeptRoute) {
        self.kept = next;
        self.checks.send_replace(self.kept.office.as_ref().and_then(|named| named.check.clone()));
    }

    /// Keeps the receipt of a relieved term if nobody else holds it; then its account is final. Returns
    /// whether it is closed by now.
    pub(crate) fn close(&mut self, number: u64) -> bool {
        let Some(at) = self.open.iter().position(|term| term.number == number) else { return true };
        if Arc::get_mut(&mut self.open[at]).is_none() {
            return false;
        }
        let term = self.open.swap_remove(at);
        let receipt = self.account(&term);
        self.kept.close(receipt);
        true
    }

    /// Returns the account of a term that is known here.
    pub(crate) fn receipt(&self, number: u64) -> Option<Receipt> {
        let closed = self.kept.closed.iter().find(|receipt| receipt.term == number).cloned();
        let known = self.open.iter().cloned().chain(self.route.term());
        closed.or_else(|| known.filter(|t| t.number == number).map(|t| self.account(&t)).next())
    }

    pub(crate) fn account(&self, term: &Term) -> Receipt {
        let (route, version) = (self.kept.spec.name.clone(), term.version.clone());
        Receipt { route, term: term.number, version, counts: term.counts() }
    }

    /// Returns all terms that are not drained.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = Receipt> {
        let known = self.open.iter().cloned().chain(self.route.term());
        known.map(|term| self.account(&term))
    }

    /// Returns what it takes: a place for each host.
    pub(crate) fn places(&self) -> Vec<Place> {
        let RouteSpec { listen, hosts, prefix, body_bytes, timeouts, trusted, .. } =
            &self.kept.spec;
        let any = [String::new()];
        let hosts: &[String] = if hosts.is_empty() { &any } else { hosts };
        let place = |host: &String| Place {
            listen: listen.map(|bind| bind.address),
            host: host.clone(),
            prefix: prefix.clone(),
            body: *body_bytes,
            timeouts: *timeouts,
            trusted: trusted.clone(),
            route: self.route.clone(),
        };
        hosts.iter().map(place).collect()
    }

    pub(crate) fn look(&self, listens: bool) -> Looked {
        let term = self.route.term();
        let seen = |target: &Arc<Target>| Seen {
            address: target.address,
            healthy: target.is_healthy(),
            said: target.said(),
        };
        Looked {
            spec: self.kept.spec.clone(),
            office: term.as_ref().map(|term| self.account(term)),
            targets: term.iter().flat_map(|term| &term.targets).map(seen).collect(),
            open: self.open.iter().map(|term| self.account(term)).collect(),
            closed: self.kept.closed.clone(),
            turned_away: self.route.turned_away(),
            listens,
            ..self.kept.look()
        }
    }
}

impl KeptRoute {
    /// Returns a route with nobody in office.
    pub(crate) fn new(spec: RouteSpec) -> Self {
        Self {
            spec,
            last: 0,
            office: None,
            resting: None,
            open: vec![],
            closed: vec![],
            cutover: None,
            quarantined: vec![],
        }
    }

    /// Returns what is known of it without a process that serves it.
    pub(crate) fn look(&self) -> Looked {
        let named = |named: &Named| named.receipt(&self.spec.name, Counts::default());
        let targets = self.office.iter().flat_map(|office| &office.targets);
        let seen = |address: &SocketAddr| Seen { address: *address, healthy: false, said: None };
        Looked {
            spec: self.spec.clone(),
            office: self.office.as_ref().map(named),
            targets: targets.map(seen).collect(),
            check: self.office.as_ref().and_then(|named| named.check.clone()),
            open: self.open.iter().map(named).collect(),
            closed: self.closed.clone(),
            cutover: self.cutover.clone(),
            quarantined: self.quarantined.clone(),
            busy: self.addresses().collect(),
            ..Looked::default()
        }
    }

    /// Returns every address that requests go to, may go to again, or are still being answered by.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let resting = self.resting.iter().filter(|_| self.office.is_none());
        let before = self.cutover.iter().filter(|cutover| cutover.is_watched());
        let before = before.flat_map(|cutover| &cutover.from_targets);
        let all = self.office.iter().chain(resting).chain(&self.open);
        all.flat_map(|named| &named.targets).chain(before).copied()
    }

    /// Keeps the receipt of a drained term.
    pub(crate) fn close(&mut self, receipt: Receipt) {
        self.open.retain(|named| named.term != receipt.term);
        if let Some(cutover) = &mut self.cutover
            && cutover.from_term == Some(receipt.term)
        {
            cutover.receipt = Some(receipt.clone());
        }
        self.closed.push(receipt);
        let surplus = self.closed.len().saturating_sub(RECEIPTS);
        self.closed.drain(..surplus);
    }
}

fn term(named: &Named, checks: &watch::Sender<Option<Check>>) -> Arc<Term> {
    let targets: Vec<_> =
        named.targets.iter().map(|address| Arc::new(Target::new(*address))).collect();
    checks.send_replace(named.check.clone());
    targets.iter().for_each(|target| health::follow(target, checks.subscribe()));
    Arc::new(Term::new(named.term, &named.version, targets, named.redirect))
}
