//! Taking over what a supervisor left that died, handed over, or went down with the machine.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::exit::Exit;
use super::family::{Family, started_as};
use super::identity::Identity;
use super::record::{Record, Wanted};
use super::service::{Service, Then};
use super::spec::Program;
use super::supervise::Supervisor;

/// Between exec and the moment at which its environment shows, a process has none to show. It may
/// exec again soon after (a shell that becomes what it starts), so one further look is not enough.
const EXEC: Duration = Duration::from_millis(10);
/// So many times it is looked for.
const LOOKS: u32 = 5;

impl Supervisor {
    /// Adopts all services that its folder knows.
    pub(super) fn adopt_all(&mut self) -> std::io::Result<()> {
        let (records, broken) = self.records.all()?;
        for file in broken {
            self.set_aside(&file);
        }
        for record in records {
            let name = record.name.clone();
            let program = record.sealed.as_deref().and_then(|sealed| self.open(sealed));
            let service = Service::new(record, program);
            self.services.insert(name.clone(), service);
            self.adopt(&name);
        }
        Ok(())
    }

    /// A record that is none must not keep the others from being adopted.
    fn set_aside(&self, file: &Path) {
        let aside = file.with_extension("broken");
        _ = std::fs::rename(file, &aside);
        let (file, aside) = (file.display(), aside.display());
        self.diary.note(&format!("{file} is no record of a service and is now {aside}"));
    }

    fn open(&self, sealed: &str) -> Option<Program> {
        let plain = self.secrets.open(&STANDARD.decode(sealed).ok()?)?;
        serde_json::from_slice(&plain).ok()
    }

    fn adopt(&mut self, name: &str) {
        let Some(mut service) = self.services.remove(name) else { return };
        let intent = service.record.start.is_some() && service.record.process.is_none();
        if intent {
            service.record.process = found(&service.record);
            self.note_down(&service);
        }
        let process = service.record.process.clone();
        let held = process.and_then(|process| Some((process.pid, process.hold()?)));
        let alive = held.as_ref().map(|(pid, _)| *pid);
        self.diary.note(&match alive {
            Some(pid) => format!("adopts {name}, pid {pid}"),
            None => format!("takes over {name}, which does not run"),
        });
        if let Some((pid, held)) = held {
            self.watch(&mut service, pid, held, false);
        }
        match (service.record.wanted, alive) {
            (Wanted::Running, Some(_)) => {}
            (Wanted::Running, None) => return self.revive(service),
            (Wanted::Stopped, None) if nothing_left(&service) => {}
            (Wanted::Stopped | Wanted::Removed { .. }, _) => self.stop_as_wanted(&mut service),
        }
        self.services.insert(name.to_owned(), service);
    }

    /// Nobody saw it end: a crash, unless it was never started.
    fn revive(&mut self, mut service: Service) {
        let name = service.record.name.clone();
        let meant = service.record.process.is_none() && service.record.start.is_some();
        if meant && service.program.is_some() {
            self.services.insert(name.clone(), service);
            return self.start(&name);
        }
        if service.record.process.is_some() {
            (service.record.last_exit, service.record.lasted) = (Some(Exit::Unseen), None);
        }
        self.end(&mut service, Then::Settle(Exit::Unseen, Duration::ZERO));
        self.services.insert(name, service);
    }
}

/// The process of an intent, if it came to one.
fn found(record: &Record) -> Option<Identity> {
    let start = record.start.as_deref()?;
    for _ in 1..LOOKS {
        if let Some(pid) = started_as(start) {
            return Identity::of(pid);
        }
        sleep(EXEC);
    }
    Identity::of(started_as(start)?)
}

fn nothing_left(service: &Service) -> bool {
    Family::gather(&service.record.id, None).any().is_none()
}
