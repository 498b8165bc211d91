//! One `git upload-pack` or `git receive-pack` for one request: its input is the request's body, its
//! output the answer's, and neither is held in memory.

use std::process::Stdio;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_ENCODING;
use hyper::{Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

use super::inflate::Inflate;
use crate::git::{git, not_started};
use crate::house::House;
use crate::http::{Answer, Refusal, Request, Sender, Stream};

/// What `git` is asked to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Hands out commits.
    UploadPack,
    /// Takes commits in.
    ReceivePack,
}

/// So much of an output is handed on at once.
const PIECE: usize = 16 << 10;

impl Service {
    fn word(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }

    pub(super) fn content_type(self, what: &str) -> String {
        format!("application/x-git-{}-{what}", self.word())
    }
}

/// Starts it, and returns the answer that it writes.
pub(super) async fn start(
    house: &Arc<House>,
    name: &str,
    service: Service,
    advertises: bool,
    request: Request,
) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let encoding = text(CONTENT_ENCODING.as_str());
    let inflate = Inflate::of(encoding).ok_or_else(|| {
        let message = "this encoding of a body is not known here";
        Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, "send gzip, or none")
    })?;
    let protocol = text("git-protocol").filter(|protocol| is_protocol(protocol));
    let mut command = command(house, name, service);
    if let Some(protocol) = protocol {
        command.env("GIT_PROTOCOL", protocol);
    }
    if advertises {
        command.arg("--http-backend-info-refs");
    }
    command.arg(".").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // What was taken in is taken in, also when its sender goes away.
    command.kill_on_drop(false);
    let mut child = command.spawn().map_err(|error| Refusal::from(not_started(&error)))?;
    if let Some(stdin) = child.stdin.take().filter(|_| !advertises) {
        tokio::spawn(take_in(body, inflate, stdin));
    }
    let (sender, body) = Stream::open();
    let greets = advertises && protocol.is_none_or(|protocol| !protocol.contains("version=2"));
    let greeting = greets.then(|| greeting(service));
    tokio::spawn(hand_out(child, greeting, sender));
    Ok(Response::new(body))
}

fn command(house: &House, name: &str, service: Service) -> Command {
    let mut command = git(&house.folder.repository(name));
    command.arg(service.word()).arg("--stateless-rpc");
    if service == Service::ReceivePack {
        command
            .env("WINDLASS_PROGRAM", &house.begin().program)
            .env("WINDLASS_HOOK_ADDRESS", house.own_address())
            .env("WINDLASS_HOOK_KEY", &house.hook_key)
            .env("WINDLASS_HOOK_UNTOLD", house.folder.untold())
            .env("WINDLASS_HOOK_REPOSITORY", name);
    }
    command
}

/// What it says may go into the environment of a program.
fn is_protocol(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"=:._-".contains(&byte);
    text.len() <= 200 && text.bytes().all(fine)
}

/// The first line of an advertisement, as a packet line with its length, and the packet that ends it.
fn greeting(service: Service) -> Bytes {
    let line = format!("# service=git-{}\n", service.word());
    format!("{:04x}{line}0000", line.len() + 4).into()
}

/// Hands a body to a program. Where either breaks off the other learns it by the end of its input.
async fn take_in(mut body: Incoming, mut inflate: Inflate, mut stdin: ChildStdin) {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return };
        let Ok(bytes) = frame.into_data() else { continue };
        for piece in inflate.pieces(&bytes) {
            let Ok(bytes) = inflate.take(piece) else { return };
            if stdin.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
    if let Ok(rest) = inflate.rest() {
        _ = stdin.write_all(&rest).await;
    }
    _ = stdin.shutdown().await;
}

/// Hands the output of a program on, and waits for its end.
async fn hand_out(mut child: Child, greeting: Option<Bytes>, sender: Sender) {
    if let Some(greeting) = greeting {
        _ = sender.send(Ok(greeting)).await;
    }
    if let Some(mut stdout) = child.stdout.take() {
        let mut buffer = vec![0; PIECE];
        while let Ok(length @ 1..) = stdout.read(&mut buffer).await {
            if sender.send(Ok(Bytes::copy_from_slice(&buffer[..length]))).await.is_err() {
                break;
            }
        }
    }
    drop(sender);
    _ = child.wait().await;
}
