//! Which targets get requests: each is asked at an interval for as long as its term has it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::command::Check;
use crate::account::Target;

/// How often it is looked whether a target that nobody checks is there still.
const UNCHECKED: Duration = Duration::from_secs(2);
/// From one look to the next while a flip waits for a target.
const EAGER: Duration = Duration::from_millis(50);

/// What a target is checked by: it may change.
pub(crate) type Checks = watch::Receiver<Option<Check>>;

/// Watches a target until nobody has it any more. Without a check it is in health.
pub(crate) fn follow(target: &Arc<Target>, checks: Checks) {
    tokio::spawn(judge(Arc::downgrade(target), target.address, checks));
}

async fn judge(target: Weak<Target>, address: SocketAddr, mut checks: Checks) {
    let (mut passed, mut failed) = (0, 0);
    loop {
        let (began, check) = (Instant::now(), checks.borrow_and_update().clone());
        let outcome = match &check {
            Some(check) => once(address, check).await,
            None => Ok("nobody checks it".to_owned()),
        };
        let Some(target) = target.upgrade() else { return };
        (passed, failed) = if outcome.is_ok() { (passed + 1, 0) } else { (0, failed + 1) };
        let (fall, rise) = check.as_ref().map_or((1, 1), |check| (check.fall, check.rise));
        let healthy = match target.is_healthy() {
            true => failed < fall.max(1),
            false => passed >= rise.max(1),
        };
        target.judge(healthy, outcome.unwrap_or_else(|error| error));
        drop(target);
        let pause =
            check.map_or(UNCHECKED, |check| Duration::from_millis(check.interval_ms.max(1)));
        select! {
            () = sleep_until(began + pause) => {}
            Ok(()) = checks.changed() => (passed, failed) = (0, 0),
        }
    }
}

/// Waits until one of the targets passes its check; says what they said when none did in time.
pub(crate) async fn ready(
    targets: &[SocketAddr],
    check: &Check,
    patience: Duration,
) -> Result<(), String> {
    let until = Instant::now() + patience;
    loop {
        let mut said = vec![];
        for address in targets {
            match once(*address, check).await {
                Ok(_) => return Ok(()),
                Err(why) => said.push(format!("{address}: {why}")),
            }
        }
        if Instant::now() + EAGER > until {
            return Err(format!("no target is in health: {}", said.join("; ")));
        }
        sleep(EAGER).await;
    }
}

/// Asks a target once.
async fn once(address: SocketAddr, check: &Check) -> Result<String, String> {
    let limit = Duration::from_millis(check.timeout_ms);
    let asked = async {
        let stream = TcpStream::connect(address).await?;
        match &check.http {
            Some(path) => ask(stream, address, path).await,
            None => Ok("it can be connected to".to_owned()),
        }
    };
    match timeout(limit, asked).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} ms", check.timeout_ms)),
    }
}

async fn ask(stream: TcpStream, address: SocketAddr, path: &str) -> io::Result<String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let talk = tokio::spawn(connection);
    let request = hyper::Request::get(path)
        .header(HOST, address.to_string())
        .header(USER_AGENT, "windlass")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new().map_err(|never: Infallible| match never {}))
        .map_err(io::Error::other)?;
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    talk.abort();
    match answer.status().as_u16() {
        status @ 200..400 => Ok(format!("GET {path} → {status}")),
        status => Err(io::Error::other(format!("GET {path} → {status}"))),
    }
}
