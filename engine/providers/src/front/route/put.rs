//! Brings a route about: its socket, its certificate, and who answers; and takes it away.
//!
//! Whatever is said to the front can be said again: a run that died says it once more.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ::front::{
    Barred, Bind, Check, Command, CutOver, CutoverStage, Look, Looked, Parent, Remote, Settings,
    Timeouts, Watch,
};
use model::fault::Nature;
use model::{Context, Fault, Object};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::seen::{facts, object, receipt, time};
use super::spec::{RouteSpec, RouteTimeouts};
use super::{RUNNING, route, see};
use crate::cert::ends_at;
use crate::front::keep::ensure;
use crate::front::{AWAY, GLANCE, admit, home, tell};
use crate::process::service::refuse_taken as refuse_port;

/// The fact under which the front keeps who asked last.
const TOKEN: &str = "token";

/// One change of a route.
pub(super) struct Putting<'p> {
    pub(super) context: &'p Context,
    pub(super) name: &'p str,
    pub(super) spec: &'p RouteSpec,
    pub(super) token: &'p str,
}

impl Putting<'_> {
    /// Whether this very change was made, as far as the office of the route goes.
    pub(super) fn is_begun(&self, known: &Looked) -> bool {
        let flipped = known.cutover.as_ref().is_some_and(|cutover| cutover.token == self.token);
        let asked = known.spec.facts.get(TOKEN).is_some_and(|token| token == self.token);
        flipped || asked && !self.flips(known)
    }

    /// Brings it about, or what is left of it.
    pub(super) async fn bring_about(&self) -> Result<Object, Fault> {
        refuse_expired(self.context, self.spec)?;
        let before = see(self.context).await?.look;
        let known = route(&before, self.name);
        if let Some(known) = known {
            refuse_quarantined(self.context, known, self.spec)?;
            refuse_gone(known, self.spec)?;
        }
        refuse_barred(self.context, &before, self.name, self.spec)?;
        refuse_twin(&before, self.name, self.spec)?;
        let remote = ensure(self.context).await?;
        let made = self.put(&remote, known).await;
        if made.is_err() && known.is_none() {
            // Nobody knows of it: nothing of it may stay.
            remove(self.context, self.name).await?;
        }
        made
    }

    async fn put(&self, remote: &Remote, known: Option<&Looked>) -> Result<Object, Fault> {
        let before = known.and_then(|known| known.spec.listen);
        if before != Some(self.bind()) {
            self.socket_is_free(remote).await?;
        }
        self.certify().await?;
        if let Some(known) = known.filter(|known| !self.flips(known)) {
            self.recheck(known).await?;
        }
        tell(self.context, Command::Put(self.wanted()?)).await?;
        hold(self.context).await?;
        if let Some(version) = &self.spec.pardon {
            let (route, version) = (self.name.to_owned(), version.clone());
            tell(self.context, Command::Pardon { route, version }).await?;
            if self.spec.is_pardoned() {
                admit(self.context, &self.spec.targets()).await?;
            }
        }
        let looked = self.look(remote).await?;
        if self.flips(&looked) {
            self.cut_over().await?;
            return self.settled(remote).await;
        }
        match &looked.cutover {
            // Of an earlier life of this very change.
            Some(cutover) if cutover.token == self.token => self.settled(remote).await,
            _ => Ok(object(&looked, RUNNING)),
        }
    }

    /// Who answers is judged by the check that is written from now on.
    async fn recheck(&self, known: &Looked) -> Result<(), Fault> {
        let Some(check) = self.check() else { return Ok(()) };
        if known.office.is_none() || known.check.as_ref() == Some(&check) {
            return Ok(());
        }
        let (route, ready_ms) = (self.name.to_owned(), ms(self.spec.ready_within.0));
        let told = tell(self.context, Command::Recheck { route, check, ready_ms }).await;
        told.map(|_| ()).map_err(|fault| Fault {
            message: format!("what answers does not pass the new `health`: {}", fault.message),
            help: Some("it goes on to answer, judged as before".to_owned()),
            ..fault
        })
    }

    /// Whether somebody else is to answer than does.
    fn flips(&self, known: &Looked) -> bool {
        let targets: Vec<_> = known.targets.iter().map(|target| target.address).collect();
        let version = known.office.as_ref().map(|office| office.version.clone());
        let made = known.cutover.as_ref().is_some_and(|cutover| cutover.token == self.token);
        !made && (version != Some(self.spec.version()) || targets != self.spec.targets())
    }

    /// The new version comes into office, unless it is not in health.
    async fn cut_over(&self) -> Result<(), Fault> {
        self.context.progress.status("waits for health");
        let asked = CutOver {
            route: self.name.to_owned(),
            version: self.spec.version(),
            targets: self.spec.targets(),
            ready_ms: ms(self.spec.ready_within.0),
            token: self.token.to_owned(),
            watch: self.watch(),
            quarantine: self.spec.for_good.then(|| "it was left by a rollback".to_owned()),
        };
        let told = tell(self.context, Command::CutOver(asked)).await;
        told.map(|_| ()).map_err(|fault| {
            if fault.nature != Nature::Refused {
                return fault;
            }
            let help = "no request went to it; see its log, or raise `ready_within`";
            let message = format!("{} does not come: {}", self.spec.version(), fault.message);
            Fault::refused(message).help(help)
        })
    }

    /// Waits until the watch is over and the old version has ended what it had begun.
    async fn settled(&self, remote: &Remote) -> Result<Object, Fault> {
        let looked = self.watched(remote).await?;
        let Some(cutover) = looked.cutover.as_ref() else { return Ok(object(&looked, RUNNING)) };
        let drained = match cutover.from_term {
            Some(term) => self.drained(remote, term, cutover.at_ms).await,
            None => Ok(()),
        };
        if let CutoverStage::Reverted { why } = &cutover.stage {
            let from = cutover.from.clone().unwrap_or_default();
            return Err(Fault::refused(format!("{} was taken back: {why}", cutover.version))
                .details([
                    format!("{from} serves again, and nothing of it was ended"),
                    format!("{} is in quarantine and does not come again", cutover.version),
                ])
                .help("mend it and deploy what is another version then"));
        }
        drained?;
        let looked = self.look(remote).await?;
        if let Some(line) = looked.cutover.as_ref().and_then(receipt) {
            self.context.progress.came_of_it(&line);
        }
        Ok(object(&looked, RUNNING))
    }

    /// Waits until the watch is over.
    async fn watched(&self, remote: &Remote) -> Result<Looked, Fault> {
        let mut away = Instant::now();
        loop {
            match self.look(remote).await {
                Ok(looked) => {
                    let watched = |stage: &CutoverStage| *stage == CutoverStage::Watched;
                    if !looked.cutover.as_ref().is_some_and(|cutover| watched(&cutover.stage)) {
                        return Ok(looked);
                    }
                    away = Instant::now();
                    if let Some(counts) = looked.office.map(|office| office.counts) {
                        let (served, lost) = (counts.served, counts.lost);
                        let text = format!("watched: {served} served, {lost} lost");
                        self.context.progress.status(&text);
                    }
                }
                Err(fault) if away.elapsed() > AWAY => return Err(fault),
                Err(_) => {}
            }
            sleep(GLANCE).await;
        }
    }

    /// Waits until the old version has ended what it had begun; what is left at the deadline is cut.
    async fn drained(&self, remote: &Remote, term: u64, since_ms: u64) -> Result<(), Fault> {
        let now = self.context.site.clock.now().duration_since(std::time::UNIX_EPOCH);
        let passed = ms(now.unwrap_or_default()).saturating_sub(since_ms);
        let left = self.spec.drain.0.saturating_sub(Duration::from_millis(passed));
        let away = Instant::now();
        loop {
            self.context.progress.status("the old version ends what it has begun");
            match remote.drain(self.name, term, left).await {
                Ok(_) => return Ok(()),
                // The front was away, and what was open in it is over: its receipt is there in a moment.
                Err(error) if away.elapsed() > left + AWAY => {
                    return Err(Fault::broken(format!("cannot learn how it ended: {error}")));
                }
                Err(_) => sleep(GLANCE).await,
            }
        }
    }

    async fn look(&self, remote: &Remote) -> Result<Looked, Fault> {
        let look = remote.look().await.map_err(|error| Fault::passing(error.to_string()))?;
        let found = look.routes.into_iter().find(|route| route.spec.name == self.name);
        found.ok_or_else(|| Fault::refused("somebody took the route away").help("apply again"))
    }

    /// Somebody else on its socket is named.
    async fn socket_is_free(&self, remote: &Remote) -> Result<(), Fault> {
        let look = remote.look().await.map_err(|error| Fault::passing(error.to_string()))?;
        let own = |looked: &Looked| {
            looked.spec.listen.is_some_and(|bind| bind.address == self.spec.listen.0)
        };
        if look.routes.iter().any(own) { Ok(()) } else { refuse_taken(self.spec.listen.0) }
    }

    async fn certify(&self) -> Result<(), Fault> {
        let Some([certificate, key]) = files(self.context, self.spec) else { return Ok(()) };
        let (at, names) = (Some(self.spec.listen.0), names(self.spec));
        tell(self.context, Command::Certificate { at, names, certificate, key }).await.map(|_| ())
    }

    fn bind(&self) -> Bind {
        Bind { address: self.spec.listen.0, tls: self.spec.tls.is_some() }
    }

    /// Where everybody is sent on there is nobody who could be bad.
    fn watch(&self) -> Option<Watch> {
        self.spec.redirect.is_none().then(|| Watch {
            for_ms: ms(self.spec.watch.0),
            max_lost: self.spec.max_lost.into(),
            max_errors_ppm: self.spec.max_error_rate.0,
        })
    }

    fn check(&self) -> Option<Check> {
        let health = &self.spec.health;
        self.spec.redirect.is_none().then(|| Check {
            http: health.http.as_ref().map(|path| path.0.clone()),
            interval_ms: ms(health.interval.0),
            timeout_ms: ms(health.timeout.0),
            fall: health.fall.into(),
            rise: health.rise.into(),
        })
    }

    fn timeouts(&self) -> Timeouts {
        let RouteTimeouts { answer, stall, silence } = self.spec.timeouts;
        let (answer, stall, silence) = (ms(answer.0), ms(stall.0), ms(silence.0));
        let usual = Settings::default();
        let unless = |usual, time| (time != usual).then_some(time);
        Timeouts {
            answer_ms: unless(usual.answer_ms, answer),
            stall_ms: unless(usual.stall_ms, stall),
            silence_ms: unless(usual.silence_ms, silence),
        }
    }

    fn wanted(&self) -> Result<::front::RouteSpec, Fault> {
        let kept = facts(self.spec).map_err(|error| Fault::broken(error.to_string()))?;
        let token = (TOKEN.to_owned(), self.token.to_owned());
        Ok(::front::RouteSpec {
            name: self.name.to_owned(),
            listen: Some(self.bind()),
            hosts: self.spec.hosts.iter().map(|host| host.0.clone()).collect(),
            prefix: self.spec.path.0.clone(),
            body_bytes: self.spec.max_body.map(|size| size.0),
            timeouts: self.timeouts(),
            trusted: self.spec.trusted_proxies.iter().map(|network| network.0).collect(),
            redirect: self.spec.redirect.map(|redirect| redirect.0),
            check: self.check(),
            facts: BTreeMap::from([kept, token]),
        })
    }
}

/// Routes that go in one run go one after the other: the last one ends the front.
static GOING: Mutex<()> = Mutex::const_new(());

/// Takes a route away; with the last one the front ends.
pub(super) async fn remove(context: &Context, name: &str) -> Result<(), Fault> {
    let _one_at_a_time = GOING.lock().await;
    let sight = see(context).await?;
    let look = sight.look;
    let Some(known) = route(&look, name) else {
        // One that was begun for a route that could not be made has nothing to do.
        let idle = sight.serves && look.routes.is_empty();
        return if idle { ended(Parent::of(&home(context)).stop(LEAVE).await) } else { Ok(()) };
    };
    if let Err(fault) = tell(context, Command::Remove { route: name.to_owned() }).await {
        // One that ended before it answered may have done it.
        if route(&see(context).await?.look, name).is_some() {
            return Err(fault);
        }
    }
    // Others may have gone at the same time.
    let left = see(context).await?.look.routes;
    if left.is_empty() {
        return ended(Parent::of(&home(context)).stop(LEAVE).await);
    }
    if let Some(bind) = known.spec.listen.filter(|bind| bind.tls) {
        let beside = left.iter().filter(|other| other.spec.listen == known.spec.listen);
        let others: Vec<String> = beside.flat_map(|other| served(&other.spec)).collect();
        let mut names = served(&known.spec);
        names.retain(|name| !others.contains(name));
        tell(context, Command::Uncertify { at: Some(bind.address), names }).await?;
    }
    hold(context).await
}

/// How long a front that ends goes on with what it has begun.
const LEAVE: Duration = Duration::from_secs(30);

fn ended(done: io::Result<()>) -> Result<(), Fault> {
    let gone = |error: &io::Error| {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
        matches!(error.kind(), NotFound | ConnectionRefused | ConnectionReset | UnexpectedEof)
    };
    // Whoever took the last route away beside this one has ended it by now.
    if done.as_ref().is_err_and(gone) {
        return Ok(());
    }
    done.map_err(|error| Fault::broken(format!("the web front does not end: {error}")))
}

/// Has the sockets of the front outlive it. It is said again if the keeper was about to change.
async fn hold(context: &Context) -> Result<(), Fault> {
    let parent = Parent::of(&home(context));
    let until = Instant::now() + AWAY;
    loop {
        match parent.hold().await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > until => {
                return Err(Fault::broken(format!("the web front is not kept: {error}")));
            }
            Err(_) => sleep(GLANCE).await,
        }
    }
}

/// A certificate that has ended is not served: browsers would refuse it.
pub(super) fn refuse_expired(context: &Context, spec: &RouteSpec) -> Result<(), Fault> {
    let Some([certificate, _]) = files(context, spec) else { return Ok(()) };
    let path = certificate.display();
    // It may be made by then. The front says what cannot be read.
    let Ok(text) = std::fs::read_to_string(&certificate) else { return Ok(()) };
    let Some(until) = ends_at(&text) else {
        return Err(Fault::refused(format!("{path} holds no certificate")).help(
            "`tls.certificate` is a PEM file: the certificate, and its authorities behind it",
        ));
    };
    let now = context.site.clock.now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let until = u64::try_from(until).unwrap_or_default();
    if until > now.as_secs() {
        return Ok(());
    }
    Err(Fault::refused(format!("the certificate {path} ended on {}", time(until * 1000)))
        .help("renew it; `cert.certificate` does so by itself"))
}

/// Says which files of its certificate are not there. It is no refusal: another step may make them before.
pub(super) fn absent(context: &Context, spec: &RouteSpec) -> Option<String> {
    let tls = spec.tls.as_ref()?;
    let files = [&tls.certificate.0, &tls.key.0].into_iter();
    let absent: Vec<&str> =
        files.filter(|file| !context.place(file).exists()).map(String::as_str).collect();
    let are = if absent.len() == 1 { "is" } else { "are" };
    (!absent.is_empty())
        .then(|| format!("`tls` needs {}, which {are} not there yet", absent.join(" and ")))
}

/// Another route of this front that would take the same requests.
pub(super) fn refuse_twin(look: &Look, name: &str, spec: &RouteSpec) -> Result<(), Fault> {
    let hosts = names(spec);
    let same = |other: &&Looked| {
        let other = &other.spec;
        let at = other.listen.map(|bind| bind.address) == Some(spec.listen.0);
        let host = served(other).iter().any(|host| hosts.contains(host));
        other.name != name && at && host && other.prefix == spec.path.0
    };
    match look.routes.iter().find(same) {
        None => Ok(()),
        Some(other) => {
            let (at, path) = (spec.listen.0, &spec.path.0);
            let hosts =
                if spec.hosts.is_empty() { "any host".to_owned() } else { hosts.join(", ") };
            let message = format!(
                "{} takes requests for {hosts} with {path} at {at} already",
                other.spec.name
            );
            Err(Fault::refused(message).help("give one of them another host, path or address"))
        }
    }
}

/// A version that failed, or was left for good, does not come again.
pub(super) fn refuse_quarantined(
    context: &Context,
    known: &Looked,
    spec: &RouteSpec,
) -> Result<(), Fault> {
    let version = spec.version();
    let serves = known.office.as_ref().is_some_and(|office| office.version == version);
    let one = known.quarantined.iter().find(|one| one.version == version);
    let Some(one) = one.filter(|_| !serves && !spec.is_pardoned()) else {
        return Ok(());
    };
    let since = time(one.since_ms);
    let message = format!("{version} is in quarantine since {since}: {}", one.why);
    Err(Fault::refused(message).help(ways_on(context, &version)))
}

/// What can be done while a version is not let in.
fn ways_on(context: &Context, version: &str) -> String {
    let address = &context.address;
    format!(
        "deploy what is another version; to try this one all the same, say `pardon: {version}` there; \
         meanwhile `--exclude {address}` applies the rest"
    )
}

/// Who did not pass a test gets no request. Who has some already keeps them, and so does who has had some:
/// that says more than a test.
pub(super) fn refuse_barred(
    context: &Context,
    look: &Look,
    name: &str,
    spec: &RouteSpec,
) -> Result<(), Fault> {
    let goes_there = |address: SocketAddr| {
        let targets = route(look, name).into_iter().flat_map(|known| &known.targets);
        targets.into_iter().any(|target| target.address == address)
    };
    let to = spec.targets();
    let comes = |one: &&Barred| to.contains(&one.address) && !goes_there(one.address);
    let Some(one) = look.barred.iter().find(comes) else { return Ok(()) };
    if spec.for_good || spec.is_pardoned() {
        return Ok(());
    }
    let (version, since) = (spec.version(), time(one.since_ms));
    let message = format!("{version} is kept away since {since}: {}", one.why);
    let ways = ways_on(context, &version);
    Err(Fault::refused(message)
        .help(format!("it comes once its test passes: run the pipeline again; or {ways}")))
}

/// There is no way back to where another version is by now.
pub(super) fn refuse_gone(known: &Looked, spec: &RouteSpec) -> Result<(), Fault> {
    let gone = known
        .cutover
        .as_ref()
        .is_some_and(|cutover| cutover.gone && cutover.from_targets == spec.targets());
    if !(spec.for_good && gone) {
        return Ok(());
    }
    let message = format!("{} does not stand by any more", spec.version());
    Err(Fault::refused(message)
        .help("another version is in its place: apply the files as they were"))
}

/// Somebody else on its address.
pub(super) fn refuse_taken(address: SocketAddr) -> Result<(), Fault> {
    // Others may listen on the same port of another address.
    match std::net::TcpListener::bind(address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            refuse_port(address.port(), "route")
                .and(Err(Fault::refused(format!("{address} is taken by nobody that can be seen"))))
        }
        Err(error) => {
            let help = "`listen` is an address of this machine; ports below 1024 need a right";
            Err(Fault::refused(format!("cannot listen on {address}: {error}")).help(help))
        }
        Ok(_) => Ok(()),
    }
}

/// What a certificate is served for.
fn names(spec: &RouteSpec) -> Vec<String> {
    match spec.hosts.as_slice() {
        [] => vec![String::new()],
        hosts => hosts.iter().map(|host| host.0.clone()).collect(),
    }
}

fn served(spec: &::front::RouteSpec) -> Vec<String> {
    if spec.hosts.is_empty() { vec![String::new()] } else { spec.hosts.clone() }
}

fn files(context: &Context, spec: &RouteSpec) -> Option<[PathBuf; 2]> {
    let tls = spec.tls.as_ref()?;
    Some([&tls.certificate, &tls.key].map(|file| context.place(&file.0)))
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}
