//! What the supervisor is asked, and its answers.

use std::fs;

use super::protocol::{Answer, Ask};
use super::record::{Record, Wanted};
use super::service::{Phase, Reply, Service, Then};
use super::spec::ServiceSpec;
use super::status::Verdict;
use super::supervise::Supervisor;

impl Supervisor {
    /// Does what is asked; the answer may come later.
    pub(super) fn asked(&mut self, ask: Ask, reply: Reply) {
        let answer = match ask {
            Ask::Ensure { spec, token } => return self.ensure(*spec, token, reply),
            Ask::Stop { name } => return self.stop(&name, Wanted::Stopped, reply),
            Ask::Remove { name, logs } => {
                return self.stop(&name, Wanted::Removed { logs }, reply);
            }
            Ask::Shutdown => return self.shutdown(reply),
            Ask::Status { names } => {
                let status = |name: &String| self.services.get(name).map(Service::status);
                Answer::Statuses(names.iter().map(status).collect())
            }
            Ask::Find { token } => {
                let found = self.services.values().find(|s| s.record.token == token);
                Answer::Statuses(vec![found.map(Service::status)])
            }
            Ask::List => {
                Answer::Statuses(self.services.values().map(|s| Some(s.status())).collect())
            }
            Ask::Tail { name, lines } => match self.services.get(&name) {
                Some(service) => Answer::Lines(service.record.rules.log.tail(lines)),
                None => unknown(&name),
            },
        };
        _ = reply.send(answer);
    }

    /// Sees to it that a service runs as wanted: the same spec changes nothing, other rules are
    /// taken over, another program takes the place of the one that runs, and one
    /// that does not work is started again.
    fn ensure(&mut self, spec: ServiceSpec, token: String, reply: Reply) {
        if let Some(why) = spec.refuse() {
            _ = reply.send(Answer::Refused(why));
            return;
        }
        let name = spec.name.clone();
        let Some(mut service) = self.services.remove(&name) else {
            return self.create(spec, token, reply);
        };
        service.waiting.push(reply);
        let differs = differs(&service, &spec);
        match &mut service.phase {
            Phase::Ending(ending) => ending.then = Then::Start(Box::new(spec), token),
            Phase::Up(_) if differs => {
                service.record.wanted = Wanted::Stopped;
                self.note_down(&service);
                self.diary.note(&format!("replaces {name}"));
                self.end(&mut service, Then::Start(Box::new(spec), token));
            }
            Phase::Up(_) => self.take_over(&mut service, spec, token),
            Phase::Off | Phase::Waiting { .. } => {
                self.fill(&mut service, spec, token);
                service.phase = Phase::Off;
                self.services.insert(name.clone(), service);
                return self.start(&name);
            }
        }
        self.services.insert(name, service);
    }

    fn create(&mut self, spec: ServiceSpec, token: String, reply: Reply) {
        let name = spec.name.clone();
        let id = match fs::read_to_string("/proc/sys/kernel/random/uuid") {
            Ok(id) => id.trim().to_owned(),
            Err(error) => {
                _ = reply.send(Answer::Refused(format!("no id can be made: {error}")));
                return;
            }
        };
        let mut service = Service::new(Record::new(&spec, id), None);
        self.fill(&mut service, spec, token);
        service.waiting.push(reply);
        self.services.insert(name.clone(), service);
        self.start(&name);
    }

    /// Lets a running service follow other rules, or belong to another effect.
    fn take_over(&self, service: &mut Service, spec: ServiceSpec, token: String) {
        let record = &mut service.record;
        let probes = record.rules.health != spec.rules.health;
        if record.rules != spec.rules || record.token != token {
            (record.rules, record.token) = (spec.rules, token);
            if let Err(error) = self.records.write(record) {
                return service.refuse(&self.unwritten(&error));
            }
        }
        if probes {
            service.health = super::status::Health::new(service.record.rules.health.is_some());
            let probe = self.probe(service);
            if let Phase::Up(up) = &mut service.phase {
                up.probe = probe;
            }
        }
        service.answer();
    }

    /// Ends a service, to stay known or not.
    fn stop(&mut self, name: &str, wanted: Wanted, reply: Reply) {
        let Some(mut service) = self.services.remove(name) else {
            let removed = matches!(wanted, Wanted::Removed { .. });
            _ = reply.send(if removed { Answer::Done } else { unknown(name) });
            return;
        };
        // Being removed, it is not to be stopped instead.
        let wanted = match service.record.wanted {
            removed @ Wanted::Removed { .. } => removed,
            _ => wanted,
        };
        let before = std::mem::replace(&mut service.record.wanted, wanted);
        if let Err(error) = self.records.write(&service.record) {
            service.record.wanted = before;
            _ = reply.send(Answer::Refused(self.unwritten(&error)));
        } else {
            service.waiting.push(reply);
            self.stop_as_wanted(&mut service);
        }
        self.services.insert(name.to_owned(), service);
    }

    /// Goes on to end a service as its record says.
    pub(super) fn stop_as_wanted(&mut self, service: &mut Service) {
        let then = match service.record.wanted {
            Wanted::Removed { logs } => Then::Forget { logs },
            _ => Then::Rest,
        };
        match &mut service.phase {
            Phase::Ending(ending) => ending.then = then,
            _ => self.end(service, then),
        }
    }

    fn shutdown(&mut self, reply: Reply) {
        self.closing.push(reply);
        self.end_all();
    }

    /// Begins to end all services, to stay off.
    pub(super) fn end_all(&mut self) {
        for (_, mut service) in std::mem::take(&mut self.services) {
            if service.needs_care() {
                if service.record.wanted == Wanted::Running {
                    service.record.wanted = Wanted::Stopped;
                }
                self.note_down(&service);
                self.stop_as_wanted(&mut service);
            }
            self.services.insert(service.record.name.clone(), service);
        }
    }
}

/// Whether the process would have to be another one. Of a program that cannot be opened nobody
/// knows.
fn differs(service: &Service, spec: &ServiceSpec) -> bool {
    let sick = service.health.verdict == Verdict::Unhealthy
        && service.record.rules.health == spec.rules.health;
    sick || !service.program.as_ref().is_some_and(|program| program.runs_as(&spec.program))
        || spec.rules.need_a_start_after(&service.record.rules)
}

fn unknown(name: &str) -> Answer {
    Answer::Refused(format!("there is no service `{name}`"))
}
