//! `cutover` and `rollback`: a stack in two parts, with a look at the new version between them; and the
//! way back.
//!
//! It must not know what a front is: it applies what the files say, in an order of its own. Who sends
//! requests is told by verbs, if its kind has them: `bar` keeps it away from an address, `admit` lets it go
//! there again.

use std::sync::Arc;

use model::address::block_of;
use model::context::Progress;
use model::file::pipeline::{CutoverTask, RunTask, Task};
use model::plan::{Action, Item, Plan};
use model::{Fault, Tree, Value};

use super::Tasks;
use super::child_run::fault;
use super::task::Doing;
use crate::engine::{ActRequest, PlanRequest};
use crate::plan::Targets;

/// Those that send requests, and where the new version is.
struct Fronts<'f> {
    stack: &'f str,
    /// As the file names them: addresses, or blocks of them.
    names: &'f [String],
    address: &'f str,
}

impl Fronts<'_> {
    fn are(&self, stack: &str, address: &str) -> bool {
        let named = |name: &String| name == address || name == block_of(address);
        stack == self.stack && self.names.iter().any(named)
    }
}

impl Tasks {
    /// The new version first, which nobody is sent to; then the smoke commands; then the front.
    pub(super) async fn cut_over(
        &self,
        cutover: &CutoverTask,
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        let CutoverTask { file, name, parameters, fronts, service, smoke } = cutover;
        let request = self.request(file, name.clone(), parameters)?;
        let without = Targets { only: vec![], without: fronts.clone() };
        let stack = self.stack_of(&request)?;
        let version = || self.version_of(&stack, service.as_deref()?);
        let before = version();
        doing.log.line("— the new version, without anybody who is sent to it");
        self.change(&PlanRequest { targets: without, ..request.clone() }, false, doing).await?;
        if let Some(service) = service.as_ref().filter(|_| !smoke.is_empty()) {
            let address = self.address_of(&stack, service)?;
            let fronts = Fronts { stack: &stack, names: fronts, address: &address };
            self.smoked(&fronts, smoke, doing).await?;
        }
        if let Some(before) = before.filter(|before| Some(before) == version().as_ref()) {
            doing.log.line(&format!(
                "— {before} is the version that was there. A change of files is another one if they are \
                 in its `source`: see `windlass explain process.service`"
            ));
        }
        doing.log.line("— the front");
        let is_fit = |plan: &Plan| as_looked_at(plan, service.as_deref());
        self.change_if(&request, false, doing, is_fit).await
    }

    fn address_of(&self, stack: &str, service: &str) -> Result<String, Fault> {
        let record = self.engine.resource(stack, service).map_err(fault)?;
        let address = record.object.text("address");
        if address.is_empty() {
            let message = format!("{} {service} says no address to look at", record.kind);
            return Err(Fault::refused(message).help("give it `ports`, and `sides: true`"));
        }
        Ok(address.to_owned())
    }

    /// Looks at the new version. Nobody is sent to it before all is well, whoever applies the stack by
    /// then and whatever becomes of this process.
    async fn smoked(
        &self,
        fronts: &Fronts<'_>,
        smoke: &[Value],
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        self.bar(fronts, "its smoke test was begun and has not passed", doing).await?;
        let url = format!("http://{}", fronts.address);
        doing.log.line(&format!("— smoke: {url}"));
        let mut task: Task = doing.task.clone();
        task.env.insert("URL".to_owned(), Value::text(url));
        let commands = RunTask { commands: smoke.to_vec(), ..RunTask::default() };
        let Err(failed) = self.run_commands(&commands, Doing { task: &task, ..doing }).await else {
            return self.say_to(fronts, "admit", Tree::new(), doing).await;
        };
        let failed = self.engine.sealing().masked_fault(failed);
        let why = format!("it failed its smoke test: {}", failed.message);
        // It is barred already: only why is not as good to read, if this cannot be said.
        let _ = self.bar(fronts, &why, doing).await;
        let help = "no request goes to it before it passes, and the old version goes on to serve";
        Err(Fault {
            message: format!("the new version fails its smoke test: {}", failed.message),
            help: Some(help.to_owned()),
            ..failed
        })
    }

    async fn bar(&self, fronts: &Fronts<'_>, why: &str, doing: Doing<'_>) -> Result<(), Fault> {
        let why = Tree::from([("why".to_owned(), why.into())]);
        self.say_to(fronts, "bar", why, doing).await
    }

    /// Says a verb to all that send requests, with the address of the new version. Who is not there yet
    /// sends nobody anywhere, and whose kind has no such verb cannot be told.
    async fn say_to(
        &self,
        fronts: &Fronts<'_>,
        verb: &str,
        args: Tree,
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        let args = args.into_iter().chain([("address".to_owned(), fronts.address.into())]);
        let args: Tree = args.collect();
        let able = self.engine.able(verb).map_err(fault)?.into_iter();
        for (stack, resource) in able.filter(|(stack, address)| fronts.are(stack, address)) {
            let request = ActRequest { stack, resource, verb: verb.to_owned(), args: args.clone() };
            let progress = Arc::clone(doing.log) as Arc<dyn Progress>;
            self.engine.act_within(&request, progress, doing.token).await.map_err(fault)?;
        }
        Ok(())
    }

    /// Which version of a service is there, as far as it says so.
    fn version_of(&self, stack: &str, service: &str) -> Option<String> {
        let record = self.engine.resource(stack, service).ok()?;
        Some(record.object.text("version").to_owned()).filter(|version| !version.is_empty())
    }

    /// What was changed over from is changed over to.
    pub(super) async fn go_back(&self, stack: &str, doing: Doing<'_>) -> Result<(), Fault> {
        let stack = match self.file(stack) {
            Err(_) => stack.to_owned(),
            Ok(file) => self.stack_of(&PlanRequest::of(file))?,
        };
        self.change(&PlanRequest::back(&stack, &[]), false, doing).await
    }

    /// The name of the stack that is asked for.
    fn stack_of(&self, request: &PlanRequest) -> Result<String, Fault> {
        match (&request.name, &request.file) {
            (Some(name), _) => Ok(name.clone()),
            (None, Some(file)) => {
                let name = |stack: &crate::stack::Stack<'_>| stack.name.clone();
                self.engine.with_stack(file, &request.given, name).map_err(fault)
            }
            (None, None) => Err(Fault::broken("a stack has a name or a file")),
        }
    }
}

/// Refuses a plan by which the service would become another one than the smoke commands have seen.
fn as_looked_at(plan: &Plan, service: Option<&str>) -> Result<(), Fault> {
    let Some(service) = service else { return Ok(()) };
    let changes = |item: &&Item| {
        let is_it = item.address == service || block_of(&item.address) == service;
        is_it && item.action != Action::Remember
    };
    let Some(changed) = plan.items.iter().find(changes) else { return Ok(()) };
    let keys: Vec<&str> = changed.reasons.iter().map(|reason| reason.key.as_str()).collect();
    Err(Fault::refused(format!(
        "{service} is not what it was when it was looked at ({}): nobody is sent to it",
        keys.join(", ")
    ))
    .help(
        "what it is made of stays as it is while this step runs: let other steps write to its source, \
         then run this one again",
    ))
}
