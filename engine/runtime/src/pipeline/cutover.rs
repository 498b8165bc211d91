//! `cutover` and `rollback`: a stack in two parts, with a look at the new version between them; and the
//! way back.
//!
//! It must not know what a front is: it applies what the files say, in an order of its own.

use model::context::Progress;
use model::file::pipeline::{CutoverTask, RunTask, Task};
use model::{Fault, Value};

use super::Tasks;
use super::child_run::fault;
use super::task::Doing;
use crate::engine::PlanRequest;
use crate::plan::Targets;

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
        doing.log.line("— the new version, without anybody who is sent to it");
        self.change(&PlanRequest { targets: without, ..request.clone() }, false, doing).await?;
        if let Some(service) = service.as_ref().filter(|_| !smoke.is_empty()) {
            let stack = self.stack_of(&request)?;
            self.smoked(&stack, service, smoke, doing).await?;
        }
        doing.log.line("— the front");
        self.change(&request, false, doing).await
    }

    /// Looks at the new version.
    async fn smoked(
        &self,
        stack: &str,
        service: &str,
        smoke: &[Value],
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        let record = self.engine.resource(stack, service).map_err(fault)?;
        let address = record.object.text("address");
        if address.is_empty() {
            let message = format!("{} {service} says no address to look at", record.kind);
            return Err(Fault::refused(message).help("give it `ports`, and `sides: true`"));
        }
        let url = format!("http://{address}");
        doing.log.line(&format!("— smoke: {url}"));
        let mut task: Task = doing.task.clone();
        task.env.insert("URL".to_owned(), Value::text(url));
        let commands = RunTask { commands: smoke.to_vec(), ..RunTask::default() };
        let told = self.run_commands(&commands, Doing { task: &task, ..doing }).await;
        told.map_err(|fault| Fault {
            message: format!("the new version fails its smoke test: {}", fault.message),
            help: Some("no request went to it, and the old version goes on to serve".to_owned()),
            ..fault
        })
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
