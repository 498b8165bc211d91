//! One connection to the supervisor: a line with a question, a line with the answer, and again.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::protocol::{Answer, Greeting, LONGEST, PROTOCOL, Request, Response, Signature};
use super::supervise::Event;

/// Answers until the other one hangs up.
pub(super) async fn converse(stream: UnixStream, events: UnboundedSender<Event>) -> io::Result<()> {
    // The folder is this user's alone; this is for one whose permissions somebody opened.
    let peer = stream.peer_cred()?.uid();
    let me = rustix::process::geteuid().as_raw();
    if peer != me && peer != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        let length = (&mut from).take(LONGEST).read_until(b'\n', &mut line).await?;
        if length == 0 {
            return Ok(());
        }
        // Without an answer the other one asks the successor.
        let Some(answer) = answer(&line, &events).await else { return Ok(()) };
        let response = Response { signature: Signature::ours(), answer };
        let mut line = serde_json::to_vec(&response)?;
        line.push(b'\n');
        to.write_all(&line).await?;
    }
}

async fn answer(line: &[u8], events: &UnboundedSender<Event>) -> Option<Answer> {
    let unread = |why| Some(Answer::Refused(format!("the request is wrong: {why}")));
    match serde_json::from_slice::<Greeting>(line) {
        Err(why) => return unread(why),
        Ok(Greeting { hand_over: true, .. }) => {
            _ = events.send(Event::HandOver);
            return Some(Answer::Done);
        }
        Ok(Greeting { protocol, .. }) if protocol != PROTOCOL => return Some(Answer::Stranger),
        Ok(_) => {}
    }
    let request: Request = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(why) => return unread(why),
    };
    let (reply, answer) = oneshot::channel();
    events.send(Event::Asked(request.ask, reply)).ok()?;
    answer.await.ok()
}
