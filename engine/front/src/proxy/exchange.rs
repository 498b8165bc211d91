//! One request: admission, attempts, answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Request, Response, StatusCode, Version, ext};
use tokio::select;
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::{Answer, Passed};
use super::head::{self, Refusal};
use super::line::{Busy, Line};
use super::pool::{Backend, Choice};
use super::ride::Fare;
use super::tunnel::Tunnel;
use super::upload::{Broken, Gate, Progress, Upload};
use super::worker::Worker;
use crate::account::{Absent, Place, Ticket, Verdict};

/// How often a request that reached nobody is sent on its way again, and after which pause where there is
/// no other target.
const ATTEMPTS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(20);

const NO_ROUTE: Refusal = (StatusCode::NOT_FOUND, "no route leads there");
const NO_HOST: Refusal = (StatusCode::BAD_REQUEST, "it does not say which host to go on to");
const PAUSED: Refusal = (StatusCode::SERVICE_UNAVAILABLE, "paused for too long");
const NO_HEALTH: Refusal = (StatusCode::SERVICE_UNAVAILABLE, "no backend is in health");
const NO_BACKEND: Refusal = (StatusCode::BAD_GATEWAY, "no backend can be reached");
const NO_ANSWER: Refusal = (StatusCode::BAD_GATEWAY, "the backend gave no answer");
const BAD_ANSWER: Refusal = (StatusCode::BAD_GATEWAY, "the backend upgraded unasked");
const SLOW_ANSWER: Refusal = (StatusCode::GATEWAY_TIMEOUT, "the backend took too long");
const LATE: Refusal = (StatusCode::SERVICE_UNAVAILABLE, "cut at the drain deadline");
const TOO_LONG: Refusal = (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
const STALLED: Refusal = (StatusCode::REQUEST_TIMEOUT, "the body came too slowly");
const BROKEN: Refusal = (StatusCode::BAD_REQUEST, "the body did not become whole");

/// Answers one request of a client.
pub(crate) async fn answer(
    request: Request<Incoming>,
    line: Rc<Line>,
    worker: Rc<Worker>,
) -> Result<Response<Answer>, Infallible> {
    let _busy = Busy::on(&line);
    let (parts, body) = request.into_parts();
    let answered = match admit(&parts, &body, &line, &worker) {
        Ok((host, place)) => {
            let exchange = Exchange::new(parts, &body, &host, place, line.clone(), worker.clone());
            exchange.run((!body.is_end_stream()).then_some(body)).await
        }
        Err(refusal) => Err(refusal),
    };
    let mut response = answered.unwrap_or_else(|refusal| refused(refusal, &line));
    if worker.is_leaving() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        say_close(&mut response, &line);
    }
    Ok(response)
}

/// Returns the host of a request and where it goes, or why it goes no further.
fn admit(
    parts: &Parts,
    body: &Incoming,
    line: &Line,
    worker: &Worker,
) -> Result<(String, Arc<Place>), Refusal> {
    let host = head::host(parts)?;
    let path = if parts.uri.path() == "*" { "/" } else { parts.uri.path() };
    let place = worker.place(line.by, &host, path).ok_or(NO_ROUTE)?;
    if place.body.is_some_and(|limit| body.size_hint().lower() > limit) {
        return Err(TOO_LONG);
    }
    Ok((host, place))
}

fn refused((status, why): Refusal, line: &Rc<Line>) -> Response<Answer> {
    let mut response = Response::new(Answer::own(why, line));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    // What is wrong with a request may be where it ends.
    let theirs = status.is_client_error() || status == StatusCode::NOT_IMPLEMENTED;
    if theirs && status != StatusCode::NOT_FOUND {
        say_close(&mut response, line);
    }
    response
}

/// Has the connection end with this answer; HTTP/2 says that in a frame of its own.
fn say_close(response: &mut Response<Answer>, line: &Line) {
    if !line.shared {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// What came of an attempt.
#[expect(clippy::large_enum_variant, reason = "one at a time, and the large one is the usual one")]
enum Outcome {
    Answered(Response<Answer>),
    /// It reached nobody, or was never answered, and may be sent again.
    Again,
    Failed(Verdict, Refusal),
}

/// A request on its way from backend to backend until one answers.
struct Exchange {
    parts: Parts,
    websocket: bool,
    /// There is no body: what is sent once may be sent again.
    whole: bool,
    place: Arc<Place>,
    line: Rc<Line>,
    worker: Rc<Worker>,
    /// The target that was tried last, in vain.
    avoid: Option<SocketAddr>,
    /// A connection that had been used closed without a word: only new ones from now on.
    fresh: bool,
}

impl Exchange {
    fn new(
        mut parts: Parts,
        body: &Incoming,
        host: &str,
        place: Arc<Place>,
        line: Rc<Line>,
        worker: Rc<Worker>,
    ) -> Self {
        let (websocket, is_last) = (head::wants_websocket(&parts), head::is_last(&parts));
        head::pass_on(&mut parts, host, &line, place.trusts(line.from));
        let whole = body.is_end_stream();
        line.silent.set(whole && is_last);
        Self { parts, websocket, whole, place, line, worker, avoid: None, fresh: false }
    }

    async fn run(mut self, mut body: Option<Incoming>) -> Result<Response<Answer>, Refusal> {
        let until = Instant::now() + self.worker.settings().connect();
        let mut attempts = ATTEMPTS;
        loop {
            let admitted = self.place.route.admit(self.worker.settings().patience()).await;
            let ticket = admitted.map_err(|absent| match absent {
                Absent::Paused => PAUSED,
                Absent::Removed => NO_ROUTE,
            })?;
            let fare = self.worker.rides.board(ticket, &self.line);
            if let Some(port) = fare.ticket(Ticket::redirect).flatten() {
                return self.send_on(port, fare);
            }
            let outcome = select! {
                outcome = self.attempt(&fare, &mut body) => outcome,
                () = fare.is_cut() => Outcome::Failed(Verdict::Lost, LATE),
            };
            attempts -= 1;
            let (verdict, refusal) = match outcome {
                Outcome::Answered(response) => return Ok(response),
                Outcome::Failed(verdict, refusal) => (verdict, refusal),
                Outcome::Again if attempts == 0 || Instant::now() > until => {
                    (Verdict::Lost, NO_BACKEND)
                }
                Outcome::Again => {
                    let alone = fare.ticket(|t| t.pick(self.avoid)).flatten() == self.avoid;
                    fare.close(Verdict::Moved);
                    drop(fare);
                    if alone && !self.fresh {
                        sleep(PAUSE).await;
                    }
                    continue;
                }
            };
            fare.close(verdict);
            return Err(refusal);
        }
    }

    /// Sends the client to the same place by HTTPS.
    fn send_on(&self, port: u16, fare: Fare) -> Result<Response<Answer>, Refusal> {
        let Some(location) = elsewhere(&self.parts, port) else {
            fare.close(Verdict::Gone);
            return Err(NO_HOST);
        };
        fare.answers(StatusCode::PERMANENT_REDIRECT.as_u16());
        let mut response = Response::new(Answer::served(fare, &self.line));
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        response.headers_mut().insert(header::LOCATION, location);
        if !self.whole {
            say_close(&mut response, &self.line);
        }
        Ok(response)
    }

    async fn attempt(&mut self, fare: &Fare, body: &mut Option<Incoming>) -> Outcome {
        let Some(address) = fare.ticket(|t: &Ticket| t.pick(self.avoid)).flatten() else {
            return Outcome::Failed(Verdict::Lost, NO_HEALTH);
        };
        let choice = match self.parts.method.is_idempotent() && self.whole {
            _ if self.fresh => Choice::New,
            true => Choice::Any,
            false => Choice::Safe,
        };
        let connect = self.worker.settings().connect();
        match self.worker.pool.take(address, choice, connect).await {
            Ok(backend) => self.ask(backend, fare, body).await,
            Err(_) => {
                self.avoid = Some(address);
                Outcome::Again
            }
        }
    }

    async fn ask(
        &mut self,
        mut backend: Backend,
        fare: &Fare,
        body: &mut Option<Incoming>,
    ) -> Outcome {
        let repeatable = backend.used && self.whole && self.parts.method.is_idempotent();
        let progress = Progress::new();
        let (request, parts) = self.request(body.take(), &progress, repeatable);
        backend.wire.begin();
        let sent = backend.sender.try_send_request(request);
        let failed = select! {
            sent = sent => match sent {
                Ok(response) => return self.pass(response, fare, backend),
                Err(failed) => failed,
            },
            () = self.overdue(&progress) => return Outcome::Failed(Verdict::Lost, SLOW_ANSWER),
        };
        let mut failed = failed;
        if let Some(unsent) = failed.take_message() {
            // Never written: any request may go to another connection.
            let (parts, upload) = unsent.into_parts();
            (self.parts, *body, self.fresh) = (parts, upload.into_body(), true);
            return Outcome::Again;
        }
        if let Some(broken) = progress.broken() {
            let refusal = match broken {
                Broken::TooLong => TOO_LONG,
                Broken::Stalled => STALLED,
                Broken::Left => BROKEN,
            };
            return Outcome::Failed(Verdict::Gone, refusal);
        }
        if backend.used && !backend.wire.has_answered() {
            self.worker.pool.distrust(backend.address);
        }
        match parts {
            Some(parts) if !backend.wire.has_answered() => {
                (self.parts, self.fresh) = (parts, true);
                Outcome::Again
            }
            _ => Outcome::Failed(Verdict::Lost, NO_ANSWER),
        }
    }

    /// Returns the request as the backend gets it, and what it is made of if it may have to be repeated.
    fn request(
        &mut self,
        body: Option<Incoming>,
        progress: &Progress,
        repeatable: bool,
    ) -> (Request<Upload>, Option<Parts>) {
        let parts = std::mem::replace(&mut self.parts, Request::new(()).into_parts().0);
        let copy = repeatable.then(|| parts.clone());
        self.parts.method = parts.method.clone();
        let asks = parts.headers.get(header::EXPECT).is_some();
        let stall = self.place.timeouts.stall(self.worker.settings());
        let upload = Upload::of(body, self.place.body, stall, progress.clone());
        let mut request = Request::from_parts(parts, upload);
        if asks {
            let gate = Gate::default();
            request = request.map(|upload| upload.behind(gate.clone()));
            ext::on_informational(&mut request, move |said| {
                if said.status() == StatusCode::CONTINUE {
                    gate.open();
                }
            });
        }
        (request, copy)
    }

    /// Is over when the backend has had its time, which begins anew with each part of the body.
    async fn overdue(&self, progress: &Progress) {
        let limit = self.place.timeouts.answer(self.worker.settings());
        let mut timer = pin!(sleep_until(progress.at() + limit));
        loop {
            timer.as_mut().await;
            if Instant::now() >= progress.at() + limit {
                return;
            }
            timer.as_mut().reset(progress.at() + limit);
        }
    }

    /// Has the client get what the backend answers.
    fn pass(&self, mut response: Response<Incoming>, fare: &Fare, mut backend: Backend) -> Outcome {
        let status = response.status();
        fare.answers(status.as_u16());
        *response.version_mut() = Version::HTTP_11;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return self.upgrade(response, fare, backend);
        }
        backend.hear(response.headers());
        head::strip(response.headers_mut());
        let (settings, timeouts) = (self.worker.settings(), &self.place.timeouts);
        let stall = match is_events(&response) {
            true => timeouts.silence(settings),
            false => timeouts.stall(settings),
        };
        let pool = self.worker.pool.clone();
        let (line, fare) = (&self.line, fare.clone());
        Outcome::Answered(response.map(|body| {
            Answer::Passed(Passed::new(body, fare, backend, pool, stall, Busy::on(line)))
        }))
    }

    fn upgrade(&self, mut response: Response<Incoming>, fare: &Fare, backend: Backend) -> Outcome {
        if !self.websocket {
            return Outcome::Failed(Verdict::Lost, BAD_ANSWER);
        }
        head::strip(response.headers_mut());
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        let silence = self.place.timeouts.silence(self.worker.settings());
        let tunnel = Tunnel::new(fare.clone(), backend.back, silence, Busy::on(&self.line));
        *self.line.tunnel.borrow_mut() = Some(tunnel);
        Outcome::Answered(response.map(|_| Answer::own("", &self.line)))
    }
}

/// Returns where the same is by HTTPS; None: the request does not say at which host.
fn elsewhere(parts: &Parts, port: u16) -> Option<HeaderValue> {
    let host = parts.headers.get(header::HOST)?.to_str().ok()?;
    let authority: Authority = host.parse().ok()?;
    let name = authority.host();
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    // `*` of a request that asks about the server as such.
    let path = if path.starts_with('/') { path } else { "/" };
    let to = format!("https://{name}{port}{path}");
    HeaderValue::try_from(to).ok().filter(|_| !name.is_empty())
}

/// Returns whether an answer is a stream of events, which may be silent for long.
fn is_events(response: &Response<Incoming>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}
