//! Backends: a good one that answers by path, and rude ones that do what they are told with a socket.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Collected, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

/// A backend; dropped, it dies with all its connections, as by SIGKILL.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a backend that does something with each connection; the number counts them.
pub(crate) async fn rude<F: Future<Output = ()> + 'static>(
    act: impl Fn(TcpStream, usize) -> F + 'static,
) -> Backend {
    rude_at(([127, 0, 0, 1], 0).into(), act).await
}

/// As [`rude`], at an address.
async fn rude_at<F: Future<Output = ()> + 'static>(
    address: SocketAddr,
    act: impl Fn(TcpStream, usize) -> F + 'static,
) -> Backend {
    let listener = TcpListener::bind(address).await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    let task = spawn_local(async move {
        let mut connections = tokio::task::JoinSet::new();
        for number in 0.. {
            let (stream, _) = listener.accept().await.expect("a connection");
            connections.spawn_local(act(stream, number));
            while connections.try_join_next().is_some() {}
        }
    });
    Backend { address, task }
}

/// Starts a backend that says its name, and more by path: see [`answer`].
pub(crate) async fn good(name: &'static str) -> Backend {
    good_at(([127, 0, 0, 1], 0).into(), name).await
}

/// As [`good`], at an address.
pub(crate) async fn good_at(address: SocketAddr, name: &'static str) -> Backend {
    rude_at(address, move |stream, _| async move {
        let _ = stream.set_nodelay(true);
        let upgrade: Rc<RefCell<Option<OnUpgrade>>> = Rc::default();
        let service = service_fn(|mut request: Request<Incoming>| {
            if request.uri().path() == "/socket" {
                *upgrade.borrow_mut() = Some(hyper::upgrade::on(&mut request));
            }
            answer(name, request)
        });
        let mut connection = http1::Builder::new();
        let connection =
            connection.half_close(true).serve_connection(TokioIo::new(stream), service);
        let _ = connection.with_upgrades().await;
        let Some(upgrade) = upgrade.take() else { return };
        if let Ok(upgraded) = upgrade.await {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut read, &mut write).await;
        }
    })
    .await
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// `/slow` takes 100 ms, `/big` is 3 MB, `/events` sends one now and then, `/some-events` five of them, `/upload` says how long the body
/// was, `/status/N` has that status, `/cut` breaks off in its body, `/echo` says what came,
/// `/socket` is a WebSocket; anything else is the backend's name. With a file `bad-NAME` in its folder all
/// of it is a 500, but for `/health`.
async fn answer(
    name: &'static str,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    if path != "/health" && std::path::Path::new(&format!("bad-{name}")).exists() {
        let mut response = Response::new(Full::from("bad").boxed_unsync());
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        return Ok(response);
    }
    let text = |text: String| Response::new(Full::from(text).boxed_unsync());
    if let Some(status) = path.strip_prefix("/status/") {
        let mut response = text(name.into());
        *response.status_mut() = status.parse().expect("a status");
        return Ok(response);
    }
    Ok(match path.as_str() {
        "/slow" => {
            sleep(Duration::from_millis(100)).await;
            text(name.into())
        }
        "/cut" => {
            let (pieces, stream) = tokio::sync::mpsc::channel::<Bytes>(1);
            let _ = pieces.try_send("cut".into());
            let body = StreamBody::new(Events(stream)).boxed_unsync();
            Response::builder().header("content-length", "10").body(body).expect("a part")
        }
        "/big" => Response::new(Full::from(vec![b'x'; 3_000_000]).boxed_unsync()),
        "/socket" => {
            let agreed = Response::builder().status(101);
            let agreed = agreed.header("connection", "upgrade").header("upgrade", "websocket");
            agreed.body(Full::default().boxed_unsync()).expect("a response")
        }
        "/upload" => {
            let body = request.into_body().collect().await;
            text(body.map_or("broken".into(), |body| body.to_bytes().len().to_string()))
        }
        "/echo" => {
            let (parts, body) = request.into_parts();
            let mut said = format!("{} {}\n", parts.method, parts.uri);
            for (name, value) in &parts.headers {
                said += &format!("{name}: {}\n", value.to_str().expect("text"));
            }
            let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
            text(said + "\n" + &String::from_utf8_lossy(&body))
        }
        "/events" | "/some-events" => {
            let most = if path == "/events" { usize::MAX } else { 5 };
            let (events, stream) = tokio::sync::mpsc::channel::<Bytes>(1);
            spawn_local(async move {
                for number in 0..most {
                    if events.send(format!("data: {number}\n\n").into()).await.is_err() {
                        return;
                    }
                    sleep(Duration::from_millis(20)).await;
                }
            });
            let body = StreamBody::new(Events(stream)).boxed_unsync();
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(body)
                .expect("events")
        }
        _ => text(name.into()),
    })
}

/// What a channel brings, as a stream.
struct Events(tokio::sync::mpsc::Receiver<Bytes>);

impl futures_core::Stream for Events {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|event| event.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Reads a request's head.
pub(crate) async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut text = vec![];
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

pub(crate) async fn say(stream: &mut TcpStream, text: impl AsRef<[u8]>) {
    let _ = stream.write_all(text.as_ref()).await;
}

/// Closes a connection with a reset.
pub(crate) fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A backend that answers every request, and keeps what it was asked.
pub(crate) async fn hearing() -> (Backend, Rc<RefCell<Vec<String>>>) {
    let heard: Rc<RefCell<Vec<String>>> = Rc::default();
    let keep = heard.clone();
    let backend = rude(move |mut stream, _| {
        let keep = keep.clone();
        async move {
            while let Some(head) = head(&mut stream).await {
                keep.borrow_mut().push(head);
                say(&mut stream, OK).await;
            }
        }
    })
    .await;
    (backend, heard)
}
