//! Obeys commands. What changes something is on disk before it happens and before it is answered.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::certificates::Certificates;
use super::command::{Command, Look, Named, Reply, RouteSpec};
use super::health;
use super::kept::{Accounts, Folder, Kept, KeptCertificate, KeptRoute};
use super::office::Office;
use crate::account::{Receipt, Table};
use crate::proxy::{Shared, Stage};

/// How often somebody who waits looks.
const GLANCE: Duration = Duration::from_millis(2);
/// After a cut every ticket is given back within moments; who waits longer than this has met a fault.
const AFTER_CUT: Duration = Duration::from_secs(5);
/// How long idle connections have to close when everything is over.
const LAST_CALL: Duration = Duration::from_millis(50);

const FROZEN: &str = "the front is being replaced: say it again in a moment";

/// What one front obeys with.
pub(crate) struct Desk {
    shared: Arc<Shared>,
    certificates: Arc<Certificates>,
    folder: Folder,
    state: Mutex<State>,
}

struct State {
    offices: BTreeMap<String, Office>,
    certificates: Vec<KeptCertificate>,
    /// Nothing may be changed: a successor begins, or a predecessor has not ended.
    frozen: bool,
    /// What is counted is this process's to write down.
    accounts: bool,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

/// What a change comes to: an answer, or why it was not done.
type Done = Result<Reply, String>;

impl Desk {
    /// Takes up what was kept. A successor changes nothing before it has heard what its predecessor
    /// counted.
    pub(crate) fn open(
        shared: Arc<Shared>,
        certificates: Arc<Certificates>,
        folder: Folder,
        successor: bool,
    ) -> io::Result<Arc<Self>> {
        let kept = folder.kept()?;
        let whole = Accounts { whole: true, ..Accounts::default() };
        let accounts = if successor { whole } else { folder.accounts()? };
        certificates.set(&kept.certificates).map_err(io::Error::other)?;
        let resumed = kept.routes.into_iter().map(|route| Office::resumed(route, &accounts));
        let offices: BTreeMap<_, _> =
            resumed.map(|office| (office.kept.spec.name.clone(), office)).collect();
        shared.table.store(Arc::new(Table::new(offices.values().map(Office::place))));
        let state = State {
            offices,
            certificates: kept.certificates,
            frozen: successor,
            accounts: !successor,
            threads: vec![],
        };
        let desk = Self { shared, certificates, folder, state: Mutex::new(state) };
        if !successor {
            let state = desk.state();
            desk.folder.keep(&kept_of(&state))?;
            desk.write_accounts(&state, false)?;
        }
        Ok(Arc::new(desk))
    }

    /// Gives the desk the threads that it has to wait for when it leaves.
    pub(crate) fn employ(&self, threads: Vec<JoinHandle<io::Result<()>>>) {
        self.state().threads = threads;
    }

    pub(crate) async fn obey(self: &Arc<Self>, command: Command) -> Reply {
        let done = match command {
            Command::Put(spec) => self.put(spec),
            Command::Remove { route } => self.remove(&route),
            Command::Flip { route, version, targets, ready_ms } => {
                self.flip(&route, &version, targets, Duration::from_millis(ready_ms)).await
            }
            Command::Pause { route } => self.change(&route, |office| Ok(office.relieved())),
            Command::Resume { route } => self.change(&route, resumed),
            Command::Drain { route, term, deadline_ms } => {
                self.drained(&route, term, Duration::from_millis(deadline_ms)).await
            }
            Command::Receipt { route, term } => {
                let receipt = self.state().office(&route).map(|office| office.receipt(term));
                receipt.and_then(|r| r.map(Reply::Receipt).ok_or_else(|| unknown(&route, term)))
            }
            Command::Look => Ok(Reply::Look(self.look())),
            Command::Certificate { names, certificate, key } => {
                let one = KeptCertificate { names, certificate, key };
                self.certify(|all| all.push(one.clone()), &one.names)
            }
            Command::Uncertify { names } => self.certify(|_| {}, &names),
            Command::Reload => self.certify(|_| {}, &[]),
            Command::Freeze => self.freeze(),
            Command::Thaw => {
                self.state().frozen = false;
                Ok(Reply::Done)
            }
            Command::Carry { receipts } => self
                .carry(receipts)
                .map(|()| Reply::Done)
                .map_err(|error| format!("the predecessor's place cannot be taken: {error}")),
            Command::Leave { deadline_ms } => {
                Ok(Reply::Receipts(self.leave(Duration::from_millis(deadline_ms)).await))
            }
            Command::Sockets => Err("sockets come over the control socket alone".into()),
        };
        done.unwrap_or_else(Reply::no)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state for a change.
    fn changing(&self) -> Result<MutexGuard<'_, State>, String> {
        let state = self.state();
        if state.frozen { Err(FROZEN.into()) } else { Ok(state) }
    }

    /// Puts on disk what will be.
    fn keep(&self, kept: &Kept) -> Result<(), String> {
        self.folder.keep(kept).map_err(|error| format!("it cannot be kept on disk: {error}"))
    }

    fn put(&self, spec: RouteSpec) -> Done {
        let mut state = self.changing()?;
        if !spec.prefix.starts_with('/') || spec.name.is_empty() {
            return Err("a route needs a name, and a prefix that begins with a slash".into());
        }
        let same = |o: &&Office| {
            o.kept.spec.name != spec.name
                && o.kept.spec.prefix == spec.prefix
                && o.kept.spec.host.eq_ignore_ascii_case(&spec.host)
        };
        if let Some(other) = state.offices.values().find(same) {
            return Err(format!("the route {} takes these requests already", other.kept.spec.name));
        }
        let before = state.offices.get(&spec.name).map(|office| office.kept.clone());
        let mut next = before.unwrap_or_else(|| Office::new(spec.clone()).kept);
        next.spec = spec.clone();
        self.keep(&kept_with(&state, &next))?;
        let office = state.offices.entry(spec.name.clone()).or_insert_with(|| Office::new(spec));
        office.kept = next;
        self.publish(&state);
        Ok(Reply::Done)
    }

    fn remove(&self, route: &str) -> Done {
        let mut state = self.changing()?;
        state.office(route)?;
        let mut kept = kept_of(&state);
        kept.routes.retain(|kept| kept.spec.name != route);
        self.keep(&kept)?;
        if let Some(office) = state.offices.remove(route) {
            office.route.remove();
        }
        self.publish(&state);
        Ok(Reply::Done)
    }

    fn publish(&self, state: &State) {
        self.shared.table.store(Arc::new(Table::new(state.offices.values().map(Office::place))));
    }

    async fn flip(
        self: &Arc<Self>,
        route: &str,
        version: &str,
        targets: Vec<SocketAddr>,
        patience: Duration,
    ) -> Done {
        if targets.is_empty() {
            return Err("a flip needs targets; to put nobody in office, pause".into());
        }
        let check = self.state().office(route)?.kept.spec.check.clone();
        if let Some(check) = check {
            health::ready(&targets, &check, patience).await?;
        }
        self.change(route, |office| Ok(office.with(version, targets)))
    }

    /// Changes who is in office; who is relieved is drained from now on.
    fn change(
        self: &Arc<Self>,
        route: &str,
        next: impl FnOnce(&Office) -> Result<KeptRoute, String>,
    ) -> Done {
        let mut state = self.changing()?;
        let next = next(state.office(route)?)?;
        self.keep(&kept_with(&state, &next))?;
        let office = state.offices.get_mut(route).ok_or_else(|| no_route(route))?;
        let relieved = office.switch(next);
        let term = office.kept.office.as_ref().map(|named| named.term);
        let reply = Reply::Term { term, relieved };
        if let Some(number) = relieved {
            let (desk, route) = (self.clone(), route.to_owned());
            tokio::spawn(async move {
                while !desk.close(&route, number) {
                    sleep(GLANCE).await;
                }
            });
        }
        Ok(reply)
    }

    /// Keeps the receipt of a relieved term if nobody holds a ticket of it any more. Returns whether
    /// there is nothing left to wait for.
    fn close(&self, route: &str, number: u64) -> bool {
        let mut state = self.state();
        let Some(office) = state.offices.get_mut(route) else { return true };
        if !office.close(number) {
            return false;
        }
        // It is an account, not an order: what cannot be written now is written with the next change.
        if !state.frozen {
            let _ = self.keep(&kept_of(&state));
        }
        true
    }

    async fn drained(&self, route: &str, number: u64, deadline: Duration) -> Done {
        let until = Instant::now() + deadline;
        loop {
            {
                let state = self.state();
                let office = state.office(route)?;
                if let Some(receipt) = office.kept.closed.iter().find(|r| r.term == number) {
                    return Ok(Reply::Receipt(receipt.clone()));
                }
                let Some(term) = office.open.iter().find(|term| term.number == number) else {
                    return Err(match office.route.term().is_some_and(|t| t.number == number) {
                        true => {
                            format!("term {number} of {route} is in office: flip or pause first")
                        }
                        false => unknown(route, number),
                    });
                };
                if Instant::now() >= until && term.cut() {
                    self.shared.cuts.send_modify(|cuts| *cuts += 1);
                }
                if Instant::now() >= until + AFTER_CUT {
                    return Err(format!("term {number} of {route} was cut, and does not end"));
                }
            }
            if self.close(route, number) {
                continue;
            }
            sleep(GLANCE).await;
        }
    }

    fn certify(&self, add: impl FnOnce(&mut Vec<KeptCertificate>), names: &[String]) -> Done {
        let mut state = self.changing()?;
        let mut all = state.certificates.clone();
        for one in &mut all {
            one.names.retain(|name| !names.contains(name));
        }
        all.retain(|one| !one.names.is_empty());
        add(&mut all);
        // Read before it is kept: a front that starts must be able to serve what it finds.
        self.certificates.set(&all)?;
        state.certificates = all;
        self.keep(&kept_of(&state))?;
        Ok(Reply::Done)
    }

    fn look(&self) -> Look {
        let state = self.state();
        let routes = state.offices.values().map(Office::look).collect();
        Look { pid: std::process::id(), frozen: state.frozen, routes }
    }

    fn freeze(&self) -> Done {
        let mut state = self.changing()?;
        if let Some(office) = state.offices.values().find(|office| !office.open.is_empty()) {
            let (route, term) = (&office.kept.spec.name, office.open[0].number);
            return Err(format!("term {term} of {route} is not drained: drain it first"));
        }
        state.frozen = true;
        Ok(Reply::Done)
    }

    /// Adds what the predecessor counted, and takes its place.
    fn carry(&self, receipts: Option<Vec<Receipt>>) -> io::Result<()> {
        let mut state = self.state();
        let counted = match receipts {
            Some(receipts) => accounts(receipts.into_iter(), true),
            None => self.folder.accounts()?,
        };
        for (name, office) in &state.offices {
            if let Some(term) = office.route.term() {
                term.carry(&counted.of(name, term.number));
            }
        }
        (state.frozen, state.accounts) = (false, true);
        self.write_accounts(&state, false)?;
        self.folder.take_place()
    }

    /// Leaves, and returns what was counted.
    async fn leave(&self, deadline: Duration) -> Vec<Receipt> {
        let until = Instant::now() + deadline;
        let threads = {
            let mut state = self.state();
            state.frozen = true;
            std::mem::take(&mut state.threads)
        };
        self.shared.stage.send_replace(Stage::Leaving);
        while Instant::now() < until && !threads.iter().all(JoinHandle::is_finished) {
            sleep(GLANCE).await;
        }
        self.shared.stage.send_replace(Stage::Over);
        if !threads.iter().all(JoinHandle::is_finished) {
            sleep(LAST_CALL).await;
        }
        let receipts = self.last_receipts().await;
        self.settle(&receipts);
        receipts
    }

    /// Cuts whoever is left, and returns the accounts.
    async fn last_receipts(&self) -> Vec<Receipt> {
        let relieved = |(name, office): (&String, &mut Office)| {
            let next = office.relieved();
            let number = office.switch(next)?;
            Some((name.clone(), number))
        };
        let terms: Vec<_> = self.state().offices.iter_mut().filter_map(relieved).collect();
        let until = Instant::now() + AFTER_CUT;
        let mut receipts = vec![];
        for (route, number) in terms {
            while !self.ends(&route, number) && Instant::now() < until {
                sleep(GLANCE).await;
            }
            let receipt =
                self.state().offices.get(&route).and_then(|office| office.receipt(number));
            receipts.extend(receipt);
        }
        receipts
    }

    /// Has whoever holds a ticket of a term let go; returns whether nobody does any more.
    fn ends(&self, route: &str, number: u64) -> bool {
        let mut state = self.state();
        let Some(office) = state.offices.get_mut(route) else { return true };
        if office.open.iter().any(|term| term.number == number && term.cut()) {
            self.shared.cuts.send_modify(|cuts| *cuts += 1);
        }
        office.close(number)
    }

    /// Writes down what was counted to the end, for whoever comes next.
    fn settle(&self, receipts: &[Receipt]) {
        let mut state = self.state();
        if std::mem::take(&mut state.accounts) {
            let _ = self.folder.account(&accounts(receipts.iter().cloned(), true));
        }
    }

    /// Writes down what open terms have counted by now.
    pub(crate) fn note(&self) -> io::Result<()> {
        let state = self.state();
        if state.accounts { self.write_accounts(&state, false) } else { Ok(()) }
    }

    fn write_accounts(&self, state: &State, whole: bool) -> io::Result<()> {
        let open = state.offices.values().flat_map(Office::accounts);
        self.folder.account(&accounts(open, whole))
    }
}

impl State {
    fn office(&self, route: &str) -> Result<&Office, String> {
        self.offices.get(route).ok_or_else(|| no_route(route))
    }
}

fn no_route(route: &str) -> String {
    format!("there is no route {route}")
}

fn unknown(route: &str, term: u64) -> String {
    format!("{route} has no term {term}, or its receipt is no longer kept")
}

fn resumed(office: &Office) -> Result<KeptRoute, String> {
    let name = &office.kept.spec.name;
    match (&office.kept.office, &office.kept.resting) {
        (Some(_), _) => Err(format!("{name} is not paused")),
        (None, Some(Named { version, targets, .. })) => Ok(office.with(version, targets.clone())),
        (None, None) => Err(format!("{name} has never had anybody in office: flip instead")),
    }
}

fn kept_of(state: &State) -> Kept {
    let routes = state.offices.values().map(|office| office.kept.clone()).collect();
    Kept { routes, certificates: state.certificates.clone() }
}

/// Returns what is kept with one route as it will be.
fn kept_with(state: &State, next: &KeptRoute) -> Kept {
    let mut kept = kept_of(state);
    kept.routes.retain(|route| route.spec.name != next.spec.name);
    kept.routes.push(next.clone());
    kept
}

fn accounts(receipts: impl Iterator<Item = Receipt>, whole: bool) -> Accounts {
    let mut all = Accounts { whole, ..Accounts::default() };
    for receipt in receipts {
        all.counts.entry(receipt.route).or_default().insert(receipt.term, receipt.counts);
    }
    all
}
