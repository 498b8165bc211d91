//! Clients of all kinds at once, who never retry and count what became of each request.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2::SendRequest;
use rustls::pki_types::CertificateDer;
use tokio::io::AsyncReadExt;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use super::client::Client;
use super::streams::{encrypted, get, over_plain, two};

/// What clients saw.
#[derive(Default)]
pub(crate) struct Load {
    stop: Cell<bool>,
    pub(crate) answered: Cell<u64>,
    pub(crate) lost: Cell<u64>,
    tasks: RefCell<Vec<JoinHandle<()>>>,
}

impl Load {
    fn count(&self, good: bool) {
        let seen = if good { &self.answered } else { &self.lost };
        seen.set(seen.get() + 1);
    }

    /// Repeats an exchange until the load ends.
    fn repeat<F: Future<Output = bool> + 'static>(
        self: &Rc<Self>,
        exchange: impl Fn() -> F + 'static,
    ) {
        let load = self.clone();
        let task = spawn_local(async move {
            while !load.stop.get() {
                let good = exchange().await;
                load.count(good);
                if !good {
                    sleep(Duration::from_millis(2)).await;
                }
            }
        });
        self.tasks.borrow_mut().push(task);
    }

    /// Keep-alive and new connections, slow answers, streams of events, uploads of both framings and with
    /// `Expect`, HTTP/2.
    pub(crate) async fn begin(address: SocketAddr) -> Rc<Self> {
        let load = Rc::new(Self::default());
        for path in ["/", "/", "/slow", "/big", "/some-events"] {
            let kept = Rc::new(tokio::sync::Mutex::new(Client::to(address).await));
            load.repeat(move || {
                let kept = kept.clone();
                async move {
                    let mut client = kept.lock().await;
                    let heard = client.get(path).await;
                    let good = heard.is_some_and(|heard| heard.status == 200 && heard.whole);
                    if !good {
                        *client = Client::to(address).await;
                    }
                    good
                }
            });
        }
        let chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        for upload in ["Content-Length: 5\r\n\r\nhello", chunked] {
            let request =
                format!("POST /upload HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n{upload}");
            load.repeat(move || {
                let request = request.clone();
                async move {
                    let heard = Client::to(address).await.ask(request).await;
                    heard.is_some_and(|heard| heard.whole && heard.text() == "5")
                }
            });
        }
        load.repeat(move || expectant(address));
        load.ask_over(move || over_plain(address));
        while load.answered.get() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        load
    }

    /// Tunnels besides. Whether one that a backend's death ends had come to its end, both sides may see
    /// differently.
    pub(crate) fn tunnel(self: &Rc<Self>, address: SocketAddr) {
        self.repeat(move || socket(address));
    }

    /// The same over TLS, for a name that a certificate is trusted for.
    pub(crate) fn encrypt(
        self: &Rc<Self>,
        address: SocketAddr,
        name: &str,
        trusted: &CertificateDer<'static>,
    ) {
        let (name, trusted) = (name.to_owned(), trusted.clone());
        self.ask_over(move || {
            let (name, trusted) = (name.clone(), [trusted.clone()]);
            async move {
                let stream = encrypted(address, &name, &trusted, b"h2").await;
                two(stream.expect("a connection")).await
            }
        });
    }

    /// Asks over one connection of HTTP/2, several at once; over another one when that is gone.
    fn ask_over<C>(self: &Rc<Self>, connect: impl Fn() -> C + 'static)
    where
        C: Future<Output = SendRequest<Full<Bytes>>> + 'static,
    {
        let (connect, kept) = (Rc::new(connect), Rc::new(tokio::sync::Mutex::new(None)));
        for path in ["/", "/slow", "/upload"] {
            let (connect, kept) = (connect.clone(), kept.clone());
            self.repeat(move || {
                let (connect, kept) = (connect.clone(), kept.clone());
                async move {
                    let sender: Option<SendRequest<Full<Bytes>>> = kept.lock().await.clone();
                    let mut sender = match sender.filter(|sender| !sender.is_closed()) {
                        Some(sender) => sender,
                        None => kept.lock().await.insert(connect().await).clone(),
                    };
                    let request = if path == "/upload" {
                        let body = Full::from(vec![b'x'; 100_000]);
                        Request::post("http://web.test/upload").body(body).expect("a request")
                    } else {
                        get(path)
                    };
                    let Ok(response) = sender.send_request(request).await else { return false };
                    response.status() == 200 && response.into_body().collect().await.is_ok()
                }
            });
        }
    }

    /// Lets every exchange end.
    pub(crate) async fn end(&self) {
        self.stop.set(true);
        let tasks = self.tasks.take();
        for task in tasks {
            task.await.expect("a client");
        }
    }
}

/// An upload whose body is sent when the backend wants it.
async fn expectant(address: SocketAddr) -> bool {
    let mut client = Client::to(address).await;
    let head = "POST /upload HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\
                Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    match client.ask(head).await {
        Some(heard) if heard.status == 100 => {}
        _ => return false,
    }
    let heard = client.ask("hello").await;
    heard.is_some_and(|heard| heard.whole && heard.text() == "5")
}

/// A WebSocket of 60 ms, which the client ends.
async fn socket(address: SocketAddr) -> bool {
    let mut client = Client::to(address).await;
    let ask = "GET /socket HTTP/1.1\r\nHost: web.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.say(ask).await;
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        match client.0.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    for _ in 0..3 {
        sleep(Duration::from_millis(20)).await;
        let frame = [0x82, 1, b'x'];
        let echoed = client.say(frame).await && client.0.read_exact(&mut [0; 3]).await.is_ok();
        if !echoed {
            return false;
        }
    }
    head.starts_with(b"HTTP/1.1 101")
}
