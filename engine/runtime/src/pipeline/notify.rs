//! `notify`: tells others how the run goes, over HTTP or by a command.
//!
//! It must not say where to: an address may be a secret.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Request, Uri};
use model::context::Progress;
use model::file::pipeline::{NotifyTask, RunTask, Task};
use model::{Fault, Value};
use serde_json::json;
use tokio::time::sleep;

use super::Tasks;
use super::task::Doing;
use crate::http::send;
use crate::walk::pause;

/// How often it is tried where the fault may pass.
const ATTEMPTS: u32 = 5;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The variable in which a command finds what is told.
const NOTICE: &str = "WINDLASS_NOTICE";

impl Tasks {
    /// Tells it.
    pub(super) async fn notify(&self, notify: &NotifyTask, doing: Doing<'_>) -> Result<(), Fault> {
        let notice = self.notice(notify);
        match &notify.url {
            Some(url) => self.post(url, notify, notice, doing).await,
            None => {
                let mut task: Task = doing.task.clone();
                task.env.insert(NOTICE.to_owned(), Value::text(notice));
                let commands = notify.command.clone();
                let run = RunTask { commands, ..RunTask::default() };
                self.run_commands(&run, Doing { task: &task, ..doing }).await
            }
        }
    }

    /// What is told: what the run is, and how it goes so far.
    fn notice(&self, notify: &NotifyTask) -> String {
        let failed = self.failed();
        let verdict = if failed.is_empty() { "passed" } else { "failed" };
        let notice = json!({
            "run": self.run,
            "pipeline": self.pipeline,
            "verdict": verdict,
            "failed": *failed,
            "commit": self.cause.commit,
            "branch": self.cause.branch,
            "message": notify.message,
            // Where chats look for what they show.
            "text": notify.message.clone().unwrap_or_else(|| {
                format!("{}: run {} {verdict}", self.pipeline, self.run)
            }),
        });
        notice.to_string()
    }

    async fn post(
        &self,
        url: &Value,
        notify: &NotifyTask,
        notice: String,
        doing: Doing<'_>,
    ) -> Result<(), Fault> {
        let url: Uri = self.revealed(url)?.parse().map_err(|_| {
            Fault::refused("its `url` is no address").help("write `https://HOST/PATH`")
        })?;
        let host = url.host().unwrap_or_default().to_owned();
        let mut attempt = 1;
        loop {
            let sent = send(self.posted(&url, notify, &notice)?, PATIENCE).await;
            let (why, may_pass) = match sent {
                Ok((200..300, _)) => return Ok(()),
                Ok((status, _)) => {
                    (format!("it answered {status}"), status >= 500 || status == 429)
                }
                Err(why) => (why, true),
            };
            if !may_pass || attempt == ATTEMPTS {
                let message = format!("{host} did not take the notice: {why}");
                return Err(Fault::refused(message).help("look at its `url` and `headers`"));
            }
            let pause = pause(attempt, fastrand::f64());
            let again = language::Duration(pause).words();
            doing.log.line(&format!("— {host}: {why}; again in {again}"));
            sleep(pause).await;
            attempt += 1;
        }
    }

    fn posted(
        &self,
        url: &Uri,
        notify: &NotifyTask,
        notice: &str,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        let mut request = Request::post(url)
            .header("user-agent", "windlass")
            .header("content-type", "application/json");
        for (name, value) in &notify.headers {
            let bad = |_| Fault::refused(format!("the header `{name}` is not one line of ASCII"));
            let mut value = HeaderValue::from_str(&self.revealed(value)?).map_err(bad)?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::from(notice.to_owned()));
        request.body(body).map_err(|error| Fault::refused(format!("its request: {error}")))
    }
}
