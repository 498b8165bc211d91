//! The one that owns all services of a project: a single task, so that nothing happens twice.
//!
//! Everything reaches it as an event; what takes time (ending, probing, waiting) happens in tasks
//! that only send one.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::PoisonError;

use tokio::sync::mpsc::UnboundedSender;

use super::diary::Diary;
use super::exit::bury;
use super::family::ended_children;
use super::health::{Claims, Sight};
use super::lock::Lock;
use super::protocol::{Answer, Ask};
use super::record::Records;
use super::seal::SecretBox;
use super::service::{Phase, Reply, Service, Task};

/// So many seconds without anything to keep running, and it ends.
const IDLE: u32 = 3;

/// What can happen.
pub(super) enum Event {
    /// Somebody wants something.
    Asked(Ask, Reply),
    /// Its successor is there.
    HandOver,
    /// Something about one start of a service.
    Of { name: String, start: String, news: News },
}

/// What can happen to a service.
pub(super) enum News {
    /// Its leader has ended.
    Gone,
    /// All of its processes have ended, or one does not.
    Ended(Result<(), String>),
    /// Its pause is over.
    Due,
    /// A probe saw it.
    Seen(Sight),
}

/// All services of a project.
pub(super) struct Supervisor {
    lock: Rc<Lock>,
    pub(super) home: PathBuf,
    pub(super) records: Records,
    pub(super) diary: Diary,
    pub(super) secrets: Box<dyn SecretBox>,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) claims: Claims,
    events: UnboundedSender<Event>,
    /// Those who wait until everything has ended.
    pub(super) closing: Vec<Reply>,
    pub(super) leaving: bool,
    /// Its folder is another one's, or nobody's: its services end, and it leaves.
    lost: bool,
    idle: u32,
}

impl Supervisor {
    pub(super) fn new(
        home: &Path,
        lock: Rc<Lock>,
        secrets: Box<dyn SecretBox>,
        events: UnboundedSender<Event>,
    ) -> Self {
        Self {
            home: home.into(),
            records: Records::held(home, Rc::clone(&lock)),
            diary: Diary::new(home, Rc::clone(&lock)),
            lock,
            secrets,
            services: BTreeMap::new(),
            claims: Claims::default(),
            events,
            closing: vec![],
            leaving: false,
            lost: false,
            idle: 0,
        }
    }

    /// Takes in what happened.
    pub(super) fn take(&mut self, event: Event) {
        match event {
            // Without an answer the other one asks whoever is there now.
            Event::Asked(..) if self.has_lost() => {}
            Event::Asked(ask, reply) => self.asked(ask, reply),
            Event::HandOver => self.hand_over("hands over to its successor"),
            Event::Of { name, start, news } => self.news(&name, &start, news),
        }
        self.close();
    }

    fn news(&mut self, name: &str, start: &str, news: News) {
        let Some(service) = self.services.get_mut(name) else { return };
        if service.record.id != start && service.record.start.as_deref() != Some(start) {
            return; // of a start that is over
        }
        match (news, &service.phase) {
            (News::Gone, Phase::Up(_)) => self.gone(name),
            (News::Ended(result), Phase::Ending(_)) => self.ended(name, result),
            (News::Due, Phase::Waiting { .. }) => self.due(name),
            (News::Seen(sight), Phase::Up(_)) => self.seen(name, sight),
            _ => {}
        }
    }

    /// Starts a task that ends in news of a service.
    pub(super) fn later(
        &self,
        service: &Service,
        work: impl Future<Output = News> + Send + 'static,
    ) -> Task {
        let tell = self.teller(service);
        let task = tokio::spawn(async move {
            tell(work.await);
        });
        Task(task.abort_handle())
    }

    /// Returns what brings news of a service's present start; false: nobody listens any more.
    pub(super) fn teller(&self, service: &Service) -> impl Fn(News) -> bool + Send + use<> {
        let record = &service.record;
        let start = record.start.clone().unwrap_or_else(|| record.id.clone());
        let (name, events) = (record.name.clone(), self.events.clone());
        move |news| {
            events.send(Event::Of { name: name.clone(), start: start.clone(), news }).is_ok()
        }
    }

    /// Once a second: sets logs aside that have grown, and sees whether it is of any use.
    pub(super) fn tick(&mut self, connections: usize) {
        if self.has_lost() {
            return self.close();
        }
        for service in self.services.values().filter(|s| matches!(s.phase, Phase::Up(_))) {
            let log = &service.record.rules.log;
            if let Err(error) = log.rotate() {
                let file = log.file.display();
                self.diary.note(&format!("{file} was not set aside: {error}"));
            }
        }
        let needed = connections > 0 || self.services.values().any(Service::needs_care);
        self.idle = if needed { 0 } else { self.idle + 1 };
        if self.idle >= IDLE {
            self.leave("ends: there is nothing to keep running");
        }
    }

    /// Leaves its services to a successor. Without a folder there will be none.
    pub(super) fn hand_over(&mut self, why: &str) {
        if !self.has_lost() {
            self.leave(why);
        }
    }

    fn leave(&mut self, why: &str) {
        self.leaving = true;
        self.diary.note(why);
    }

    /// Whether its folder was deleted or moved. Then no successor learns of its services, and what
    /// lies at the path now is not to be touched: it ends them, and leaves without a word.
    fn has_lost(&mut self) -> bool {
        if !self.lost && !self.lock.stands() {
            self.lost = true;
            self.services.values_mut().for_each(|service| service.waiting.clear());
            self.end_all();
        }
        self.lost
    }

    /// Answers those who wait for the end of everything.
    fn close(&mut self) {
        let ends = self.lost || !self.closing.is_empty();
        if !ends || self.services.values().any(Service::needs_care) {
            return;
        }
        for reply in std::mem::take(&mut self.closing) {
            _ = reply.send(Answer::Done);
        }
        self.leave("ends: everything was stopped");
    }

    /// Frees the entries of orphans that it inherited as subreaper. Leaders and probes are taken by
    /// those who wait for them.
    pub(super) fn bury_orphans(&self) {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let leaders: Vec<i32> = self.services.values().filter_map(Service::leader).collect();
        let others = ended_children().into_iter();
        others.filter(|pid| !claims.contains(pid) && !leaders.contains(pid)).for_each(bury);
    }
}
