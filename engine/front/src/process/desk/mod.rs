//! Obeys commands. What changes something is on disk before it happens and before it is answered.
//!
//! | module | for |
//! |---|---|
//! | [`cutovers`] | a change of office that is watched, and taken back if it goes wrong |
//! | [`leaving`] | the end of a front, and its successor |

mod cutovers;
mod leaving;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::certificates::Certificates;
use super::command::{Check, Command, Look, Named, Reply, RouteSpec};
use super::cutover::Barred;
use super::health;
use super::kept::{Accounts, Folder, Kept, KeptCertificate, KeptRoute};
use super::listening::Listening;
use super::office::Office;
use super::program::own_mark;
use super::sockets::Bind;
use crate::account::{Receipt, Table};
use crate::proxy::Shared;

/// How often somebody who waits looks.
const GLANCE: Duration = Duration::from_millis(2);
/// After a cut every ticket is given back within moments; who waits longer than this has met a fault.
const AFTER_CUT: Duration = Duration::from_secs(5);

const FROZEN: &str = "the front is being replaced: say it again in a moment";

/// What one front obeys with.
pub(crate) struct Desk {
    outfit: Outfit,
    folder: Folder,
    /// A mark of the program that this is.
    program: Option<String>,
    state: Mutex<State>,
}

/// What a desk commands.
pub(crate) struct Outfit {
    pub(crate) shared: Arc<Shared>,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) listening: Arc<Listening>,
}

struct State {
    offices: BTreeMap<String, Office>,
    certificates: Vec<KeptCertificate>,
    barred: Vec<Barred>,
    /// Nothing may be changed: a successor begins, or a predecessor has not ended.
    frozen: bool,
    /// What is counted is this process's to write down.
    accounts: bool,
    /// What was written down last.
    noted: Option<Accounts>,
    /// A version was taken back, and that could not be kept on disk yet.
    unkept: bool,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

/// What a change comes to: an answer, or why it was not done.
type Done = Result<Reply, String>;

impl Desk {
    /// Takes up what was kept. A successor changes nothing before it has heard what its predecessor
    /// counted.
    pub(crate) fn open(outfit: Outfit, folder: Folder, successor: bool) -> io::Result<Arc<Self>> {
        let kept = folder.kept()?;
        let whole = Accounts { whole: true, ..Accounts::default() };
        let accounts = if successor { whole } else { folder.accounts()? };
        // One that cannot be read any more is no reason to serve nobody.
        outfit.certificates.begin(&kept.certificates);
        let resumed = kept.routes.into_iter().map(|route| Office::resumed(route, &accounts));
        let offices: BTreeMap<_, _> =
            resumed.map(|office| (office.kept.spec.name.clone(), office)).collect();
        for bind in offices.values().filter_map(|office: &Office| office.kept.spec.listen) {
            // Nor is one whose socket somebody else has by now: a look tells of it.
            let _ = outfit.listening.ensure(bind);
        }
        let state = State {
            offices,
            certificates: kept.certificates,
            barred: kept.barred,
            frozen: successor,
            accounts: !successor,
            noted: None,
            unkept: false,
            threads: vec![],
        };
        let desk = Arc::new(Self { outfit, folder, program: own_mark(), state: Mutex::new(state) });
        let state = desk.state();
        desk.publish(&state);
        if !successor {
            desk.folder.keep(&kept_of(&state))?;
            desk.write_accounts(&state, false)?;
            desk.watch_on(&state);
        }
        drop(state);
        Ok(desk)
    }

    /// Gives the desk the threads that it has to wait for when it leaves.
    pub(crate) fn employ(&self, threads: Vec<JoinHandle<io::Result<()>>>) {
        self.state().threads = threads;
    }

    pub(crate) async fn obey(self: &Arc<Self>, command: Command) -> Reply {
        let done = match command {
            Command::Put(spec) => self.put(spec),
            Command::Recheck { route, check, ready_ms } => {
                self.recheck(&route, check, Duration::from_millis(ready_ms)).await
            }
            Command::Remove { route } => self.remove(&route),
            Command::Flip { route, version, targets, ready_ms } => {
                self.flip(&route, &version, targets, Duration::from_millis(ready_ms)).await
            }
            Command::CutOver(cut_over) => self.cut_over(cut_over).await,
            Command::Pardon { route, version } => self.pardon(&route, &version),
            Command::Bar { address, why } => self.bar(address, Some(why)),
            Command::Admit { address } => self.bar(address, None),
            Command::Release { address } => self.release(address),
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
            Command::Certificate { at, names, certificate, key } => {
                let one = KeptCertificate { at, names, certificate, key };
                self.certify(|all| all.push(one.clone()), at, &one.names, |kept| *kept == one)
            }
            Command::Uncertify { at, names } => self.certify(|_| {}, at, &names, |_| false),
            Command::Reload => self.certify(|_| {}, None, &[], |_| true),
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
        state.refuse(&spec)?;
        let before = state.offices.get(&spec.name).map(|office| office.kept.clone());
        let left = before.as_ref().and_then(|kept| kept.spec.listen);
        let mut next = before.unwrap_or_else(|| KeptRoute::new(spec.clone()));
        next.spec = spec.clone();
        let opened = match spec.listen {
            Some(bind) => self.outfit.listening.ensure(bind)?.then_some(bind),
            None => None,
        };
        if let Err(why) = self.keep(&kept_with(&state, &next)) {
            opened.inspect(|bind| self.outfit.listening.close(bind.address));
            return Err(why);
        }
        let office = state.offices.entry(spec.name.clone()).or_insert_with(|| Office::new(spec));
        office.kept = next;
        self.publish(&state);
        self.leave_socket(&state, left);
        Ok(Reply::Done)
    }

    /// Has who is in office judged by another check. One that nobody passes would end the route.
    async fn recheck(&self, route: &str, check: Check, patience: Duration) -> Done {
        let targets = |state: &State| {
            let office = state.office(route)?.kept.office.clone();
            let targets = office.map(|named| named.targets);
            targets.ok_or_else(|| format!("nobody is in office on {route}"))
        };
        let asked = targets(&self.state())?;
        health::ready(&asked, &check, patience).await?;
        let mut state = self.changing()?;
        if targets(&state)? != asked {
            return Err(format!("who is in office on {route} has changed meanwhile"));
        }
        let mut next = state.office(route)?.kept.clone();
        next.office = next.office.map(|named| Named { check: Some(check), ..named });
        self.keep(&kept_with(&state, &next))?;
        let office = state.offices.get_mut(route).ok_or_else(|| no_route(route))?;
        office.recheck(next);
        Ok(Reply::Done)
    }

    fn remove(&self, route: &str) -> Done {
        let mut state = self.changing()?;
        let left = state.office(route)?.kept.spec.listen;
        let mut kept = kept_of(&state);
        kept.routes.retain(|kept| kept.spec.name != route);
        if kept.routes.is_empty() {
            // Nobody goes anywhere any more, and nobody says when somebody else is there.
            kept.barred.clear();
        }
        self.keep(&kept)?;
        state.barred = kept.barred;
        if let Some(office) = state.offices.remove(route) {
            office.route.remove();
        }
        self.publish(&state);
        self.leave_socket(&state, left);
        Ok(Reply::Done)
    }

    fn publish(&self, state: &State) {
        let places = state.offices.values().flat_map(Office::places);
        self.outfit.shared.table.store(Arc::new(Table::new(places)));
    }

    /// Closes a socket that a route named and none names any more.
    fn leave_socket(&self, state: &State, left: Option<Bind>) {
        let named = |address| {
            let mut binds = state.offices.values().filter_map(|office| office.kept.spec.listen);
            binds.any(|bind| bind.address == address)
        };
        if let Some(bind) = left.filter(|bind| !named(bind.address)) {
            self.outfit.listening.close(bind.address);
        }
    }

    async fn flip(
        self: &Arc<Self>,
        route: &str,
        version: &str,
        targets: Vec<SocketAddr>,
        patience: Duration,
    ) -> Done {
        let spec = self.state().office(route)?.kept.spec.clone();
        if targets.is_empty() && spec.redirect.is_none() {
            return Err("a flip needs targets; to put nobody in office, pause".into());
        }
        if let Some(check) = spec.check.filter(|_| !targets.is_empty()) {
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
        self.follow(route, relieved);
        Ok(reply)
    }

    /// Keeps the receipt of a relieved term as soon as it is drained.
    fn follow(self: &Arc<Self>, route: &str, relieved: Option<u64>) {
        let Some(number) = relieved else { return };
        let (desk, route) = (self.clone(), route.to_owned());
        tokio::spawn(async move {
            while !desk.close(&route, number) {
                sleep(GLANCE).await;
            }
        });
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
                    self.outfit.shared.cuts.send_modify(|cuts| *cuts += 1);
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

    fn certify(
        &self,
        add: impl FnOnce(&mut Vec<KeptCertificate>),
        at: Option<SocketAddr>,
        names: &[String],
        anew: impl Fn(&KeptCertificate) -> bool,
    ) -> Done {
        let mut state = self.changing()?;
        let mut all = state.certificates.clone();
        for one in all.iter_mut().filter(|one| one.at == at) {
            one.names.retain(|name| !names.contains(name));
        }
        all.retain(|one| !one.names.is_empty());
        add(&mut all);
        // Read before it is kept: a front that starts must be able to serve what it finds.
        self.outfit.certificates.set(&all, anew)?;
        state.certificates = all;
        self.keep(&kept_of(&state))?;
        Ok(Reply::Done)
    }

    /// Takes up certificates whose files are others by now.
    pub(crate) fn renew(&self) {
        self.outfit.certificates.renew();
    }

    fn look(&self) -> Look {
        let state = self.state();
        let look = |office: &Office| {
            let bind = office.kept.spec.listen;
            office.look(bind.is_none_or(|bind| self.outfit.listening.has(bind)))
        };
        let routes = state.offices.values().map(look).collect();
        let (pid, program) = (std::process::id(), self.program.clone());
        let barred = state.barred.clone();
        Look { pid, program, frozen: state.frozen, routes, barred }
    }

    /// Writes down what open terms have counted by now, and what could not be kept before.
    pub(crate) fn note(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.unkept && !state.frozen {
            self.folder.keep(&kept_of(&state))?;
            state.unkept = false;
        }
        let counted = state.counted(false);
        if !state.accounts || state.noted.as_ref() == Some(&counted) {
            return Ok(());
        }
        self.folder.account(&counted)?;
        state.noted = Some(counted);
        Ok(())
    }

    fn write_accounts(&self, state: &State, whole: bool) -> io::Result<()> {
        self.folder.account(&state.counted(whole))
    }
}

impl State {
    /// What terms have counted by now. `whole`: nothing is counted on.
    fn counted(&self, whole: bool) -> Accounts {
        accounts(self.offices.values().flat_map(Office::accounts), whole)
    }

    /// Refuses what cannot be a route beside the others.
    fn refuse(&self, spec: &RouteSpec) -> Result<(), String> {
        if !spec.prefix.starts_with('/') || spec.name.is_empty() {
            return Err("a route needs a name, and a prefix that begins with a slash".into());
        }
        for other in self.offices.values().map(|office| &office.kept.spec) {
            if other.name == spec.name {
                continue;
            }
            if let (Some(bind), Some(theirs)) = (spec.listen, other.listen)
                && bind.address == theirs.address
                && bind.tls != theirs.tls
            {
                let speaks = if theirs.tls { "TLS" } else { "plain HTTP" };
                let (at, name) = (bind.address, &other.name);
                return Err(format!(
                    "{at} speaks {speaks} for the route {name}: it cannot do both"
                ));
            }
            if takes_the_same(spec, other) {
                return Err(format!("the route {} takes these requests already", other.name));
            }
        }
        Ok(())
    }

    /// Remembers what was kept of routes whose offices are as they were, and who is barred.
    fn take_up(&mut self, kept: Kept) {
        self.barred = kept.barred;
        for route in kept.routes {
            if let Some(office) = self.offices.get_mut(&route.spec.name) {
                office.kept = route;
            }
        }
    }

    fn office(&self, route: &str) -> Result<&Office, String> {
        self.offices.get(route).ok_or_else(|| no_route(route))
    }
}

/// Whether there are requests of which nobody could say whose they are.
fn takes_the_same(one: &RouteSpec, other: &RouteSpec) -> bool {
    let at = |spec: &RouteSpec| spec.listen.map(|bind| bind.address);
    let hosts = |spec: &RouteSpec| match spec.hosts.as_slice() {
        [] => vec![String::new()],
        hosts => hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
    };
    let theirs = hosts(other);
    let shared = hosts(one).iter().any(|host| theirs.contains(host));
    at(one) == at(other) && one.prefix == other.prefix && shared
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
    let (certificates, barred) = (state.certificates.clone(), state.barred.clone());
    Kept { routes, certificates, barred }
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
