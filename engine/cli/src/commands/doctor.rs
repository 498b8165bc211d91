//! `windlass doctor`: whether this machine and this project are ready, and the one command that mends
//! each miss.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use clap::Args;
use model::Kind;
use providers::front::{Health, health};
use providers::process::ProcessService;
use providers::process::service::newest;
use providers::process::supervisor::Status;
use runtime::engine::Problem;
use runtime::project::Project;
use runtime::store::{Run, RunOutcome, SqliteStore, Store};
use serde_json::json;

use crate::call::{Call, light};
use crate::commands::here::again;
use crate::problem::Exit;
use crate::remarks::{Remark, remarks};
use crate::render::doctor::{Finding, doctor};
use crate::render::measure::counted;

/// See whether this machine and this project are ready
#[derive(Args)]
pub(crate) struct Doctor {}

fn finding(name: &str, is: Result<String, String>, mend: impl Into<String>) -> Finding {
    Finding { name: name.to_owned(), is, mend: mend.into(), may_be: false }
}

pub(crate) fn run(call: &Call, _: &Doctor) -> Result<Exit, Problem> {
    let project = call.project()?;
    let mut findings = vec![of_project(call, &project)];
    if findings[0].is.is_ok() {
        findings.push(home(&project));
        findings.push(key(&project));
        findings.push(store(&project));
        findings.push(space(&project));
        findings.extend(unfinished(call, &project));
        findings.extend(services(call, &project));
        findings.extend(front(&project));
        findings.extend(remarked(&project));
    }
    findings.push(program(call, "git", "apt-get install git"));
    findings.push(program(call, "sh", "apt-get install dash"));
    findings.push(clock());
    for Finding { name, is, mend, may_be } in &findings {
        let ok = is.is_ok() || *may_be;
        let (Ok(text) | Err(text)) = is;
        let help = is.is_err().then_some(mend);
        let event = json!({ "what": name, "ok": ok, "is": text, "mend": help });
        call.screen.event("examined", event);
    }
    call.screen.answer(&doctor(&findings, call.screen.style));
    let well = findings.iter().all(|one| one.is.is_ok() || one.may_be);
    Ok(if well { Exit::Done } else { Exit::Failed })
}

fn of_project(call: &Call, project: &Project) -> Finding {
    let is = match call.known_project() {
        Ok(_) => Ok(project.root.display().to_string()),
        Err(problem) => Err(problem.message()),
    };
    finding("project", is, "windlass init")
}

fn home(project: &Project) -> Finding {
    let home = &project.home;
    let is = match std::fs::metadata(home) {
        Err(_) if !may_write(&project.root) => {
            return finding(
                "home",
                Err("the project's folder cannot be written, so .windlass cannot be made"
                    .to_owned()),
                format!("chmod u+w {}", project.root.display()),
            );
        }
        Err(_) => Ok(".windlass is made with the first plan".to_owned()),
        Ok(_) if !may_write(home) => Err(".windlass cannot be written".to_owned()),
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            Err(".windlass can be read by others".to_owned())
        }
        Ok(_) => Ok(".windlass can be written, for its owner alone".to_owned()),
    };
    finding("home", is, format!("chmod -R u+rwX,go= {}", home.display()))
}

fn may_write(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

fn key(project: &Project) -> Finding {
    let path = project.home.join("key");
    let is = match std::fs::metadata(&path) {
        Err(_) if project.root.join(runtime::secret::FILE).exists() => {
            Err("secrets.age is there, and the key that opens it is not".to_owned())
        }
        Err(_) if SqliteStore::path(&project.home).exists() => {
            Err("store.db is there, and the key that it was made with is not".to_owned())
        }
        Ok(found) if found.len() == 0 => Err("the key is empty".to_owned()),
        Err(_) => Ok("is made when it is needed".to_owned()),
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            Err("the key can be read by others".to_owned())
        }
        Ok(_) => Ok("readable by its owner alone".to_owned()),
    };
    let whole = std::fs::metadata(&path).is_ok_and(|found| found.len() > 0);
    let mend = match whole {
        true => format!("chmod 600 {}", path.display()),
        false => format!("cp YOUR-COPY-OF-THE-KEY {}", path.display()),
    };
    finding("key", is, mend)
}

fn store(project: &Project) -> Finding {
    let path = SqliteStore::path(&project.home);
    let is = match path.is_file() {
        false => Ok("is made with the first plan".to_owned()),
        true if std::fs::metadata(&path).is_ok_and(|found| found.len() == 0) => {
            Err("is empty: nothing is remembered of what was applied".to_owned())
        }
        true => SqliteStore::examine(&path)
            .map(|()| "whole".to_owned())
            .map_err(|error| error.to_string()),
    };
    let mend = format!("put back a copy of {}", path.display());
    finding("store", is, mend)
}

/// Less than this is too little for a run with its logs, in bytes.
const LEAST_SPACE: u64 = 100 << 20;

fn space(project: &Project) -> Finding {
    let at: &Path = if project.home.is_dir() { &project.home } else { &project.root };
    let is = match rustix::fs::statvfs(at) {
        Err(error) => Err(format!("cannot be measured: {error}")),
        Ok(disk) => {
            let free = disk.f_bavail * disk.f_frsize;
            let text = format!("{} MB free", free >> 20);
            if free < LEAST_SPACE { Err(text) } else { Ok(text) }
        }
    };
    finding("disk", is, format!("du -sh {}/logs", project.home.display()))
}

fn unfinished(call: &Call, project: &Project) -> Option<Finding> {
    SqliteStore::path(&project.home).is_file().then_some(())?;
    let engine = call.engine().ok()?;
    let runs = engine.store.runs(None, 200).ok()?;
    let waits = |run: &Run| run.outcome == Some(RunOutcome::Waiting);
    let left =
        |run: &&Run| run.ended.is_none() && !waits(run) && !engine.is_at_work(run).unwrap_or(true);
    let left = runs.iter().find(left);
    let is = match left {
        None => Ok("every run has ended or is at work".to_owned()),
        Some(run) => {
            Err(format!("run {} of {} was left: its process is gone", run.id, run.subject))
        }
    };
    Some(finding("runs", is, left.map(|run| again(call, project, run)).unwrap_or_default()))
}

/// Looks without starting anything.
fn services(call: &Call, project: &Project) -> Option<Finding> {
    let home = project.home.join("services");
    home.is_dir().then_some(())?;
    let engine = call.engine().ok()?;
    let mut names = Vec::new();
    for stack in engine.store.stacks().ok()? {
        let rows = engine.store.rows(&stack).ok()?.into_iter().map(|(_, row)| row);
        names.extend(rows.filter(|row| row.kind == ProcessService::NAME).map(|row| row.id));
    }
    let known = match light().ok()?.block_on(newest(&home, &names)) {
        Ok(known) => known,
        Err(error) => {
            return Some(finding("services", Err(error.to_string()), "windlass apply"));
        }
    };
    let known: Vec<Status> = known.into_iter().flatten().collect();
    let bad = known.iter().find(|one| one.word() != "running");
    let is = match bad {
        None if known.is_empty() => return None,
        None => Ok(format!("{}, watched over", counted(known.len(), "service"))),
        Some(one) if !one.supervised => Err(format!("nobody watches over {}", one.name)),
        Some(one) => Err(format!("{} is {}", one.name, one.word())),
    };
    let stack = bad.and_then(|one| one.name.split('/').next()).unwrap_or_default();
    Some(finding("services", is, format!("windlass apply {stack}")))
}

/// Looks without starting anything.
fn front(project: &Project) -> Option<Finding> {
    let apply = |route: &str| {
        let stack = route.split('/').next().unwrap_or_default();
        format!("windlass apply {stack}")
    };
    let (is, mend) = match light().ok()?.block_on(health(&project.home)) {
        Ok(None) => return None,
        Ok(Some(Health::Well(count))) => {
            let routes = counted(count, "route");
            (Ok(format!("{routes}, served and kept")), String::new())
        }
        Ok(Some(Health::Stopped(route))) => {
            (Err(format!("nobody serves {route}: the front has ended")), apply(&route))
        }
        Ok(Some(Health::Unkept(route))) => {
            let why = "the front serves, and nobody would start it again if it ended";
            (Err(why.to_owned()), apply(&route))
        }
        Ok(Some(Health::Closed(route, address))) => {
            (Err(format!("the address of {route} is not open: {address}")), apply(&route))
        }
        Err(error) => {
            let folder = project.home.join("front");
            let is = format!("what it routes cannot be read: {error}");
            return Some(finding("front", Err(is), format!("ls -l {}", folder.display())));
        }
    };
    Some(finding("front", is, mend))
}

/// Stacks without a file, and files that nobody reads: either may be meant.
fn remarked(project: &Project) -> Vec<Finding> {
    let path = SqliteStore::path(&project.home);
    let whole = std::fs::metadata(&path).is_ok_and(|found| found.len() > 0);
    let store = whole.then(|| SqliteStore::open(&path, "", providers::kinds()).ok()).flatten();
    let store = store.as_ref().map(|store| store as &dyn Store);
    let remarks = remarks(project, store, &BTreeSet::new()).unwrap_or_default();
    let finding = |remark: Remark| Finding {
        name: "files".to_owned(),
        is: Err(remark.is),
        mend: remark.mend,
        may_be: true,
    };
    remarks.into_iter().map(finding).collect()
}

fn program(call: &Call, name: &'static str, mend: &str) -> Finding {
    let path = call.around.variable("PATH").unwrap_or("/usr/bin:/bin");
    let found =
        path.split(':').map(|folder| Path::new(folder).join(name)).find(|file| file.is_file());
    let is = found.map(|file| file.display().to_string()).ok_or_else(|| "is not there".to_owned());
    finding(name, is, mend)
}

/// About 2026: no clock that is right says less.
const RELEASED: Duration = Duration::from_hours(56 * 365 * 24);

fn clock() -> Finding {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let is = match now > RELEASED {
        true => Ok("can be right".to_owned()),
        false => Err("is years behind: certificates and schedules would be wrong".to_owned()),
    };
    finding("clock", is, "timedatectl set-ntp true")
}
