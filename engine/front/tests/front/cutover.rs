//! Cutovers under load: the old side is killed as soon as its receipt is there, and clients never retry.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use front::Counts;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use tokio::io::AsyncReadExt;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use crate::backend::good;
use crate::client::Client;
use crate::http2::{get, plain};
use crate::suite::tests;
use crate::world::{SOON, World};

tests![
    flips_under_load_lose_nothing,
    replacements_through_a_pause_lose_nothing,
    a_side_that_is_killed_before_the_flip_loses_as_much_as_clients_count,
];

/// What clients saw.
#[derive(Default)]
struct Load {
    stop: Cell<bool>,
    answered: Cell<u64>,
    lost: Cell<u64>,
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
            }
        });
        self.tasks.borrow_mut().push(task);
    }

    /// Keep-alive and new connections, slow answers, uploads of both framings, HTTP/2, tunnels.
    async fn begin(world: &World) -> Rc<Self> {
        let (load, address) = (Rc::new(Self::default()), world.plain);
        for path in ["/", "/", "/slow", "/big"] {
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
        let sender = plain(world).await;
        for path in ["/", "/slow", "/upload"] {
            let sender = sender.clone();
            load.repeat(move || {
                let mut sender = sender.clone();
                async move {
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
        load.repeat(move || socket(address));
        load
    }

    /// Lets every exchange end.
    async fn end(&self) {
        self.stop.set(true);
        let tasks = self.tasks.take();
        for task in tasks {
            task.await.expect("a client");
        }
    }
}

/// A WebSocket of 60 ms, which the client ends.
async fn socket(address: std::net::SocketAddr) -> bool {
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

/// Adds up.
fn sum(counts: &mut Counts, more: &Counts) {
    *counts = counts.plus(more);
}

async fn flips_under_load_lose_nothing() {
    let world = World::new().await;
    let mut old = good("side").await;
    world.route(&[old.address]).await;
    let load = Load::begin(&world).await;
    let mut total = Counts::default();
    for round in 0..25 {
        sleep(Duration::from_millis(30)).await;
        let new = good("side").await;
        let term = world.flip(&format!("v{round}"), &[new.address]).await.expect("a relieved term");
        let receipt = world.drain(term, SOON).await;
        assert!(receipt.counts.requests() > 0, "each term does something");
        sum(&mut total, &receipt.counts);
        // It dies as soon as its receipt is there.
        old = new;
    }
    load.end().await;
    sum(&mut total, &world.counts().await);
    drop(old);
    assert_eq!(
        load.lost.get(),
        0,
        "clients: {} answered; receipts: {total:?}",
        load.answered.get()
    );
    assert_eq!((total.served, total.lost, total.gone), (load.answered.get(), 0, 0), "{total:?}");
    assert!(total.tunnels > 10, "{total:?}");
}

async fn replacements_through_a_pause_lose_nothing() {
    let world = World::new().await;
    let mut side_in_office = good("side").await;
    world.route(&[side_in_office.address]).await;
    let load = Load::begin(&world).await;
    let mut total = Counts::default();
    for round in 0..5 {
        sleep(Duration::from_millis(30)).await;
        let term = world.pause().await;
        sum(&mut total, &world.drain(term, SOON).await.counts);
        drop(side_in_office);
        side_in_office = good("side").await;
        assert_eq!(world.flip(&format!("v{round}"), &[side_in_office.address]).await, None);
    }
    load.end().await;
    sum(&mut total, &world.counts().await);
    assert_eq!((load.lost.get(), total.lost), (0, 0), "{total:?}");
    assert_eq!(total.served, load.answered.get());
}

async fn a_side_that_is_killed_before_the_flip_loses_as_much_as_clients_count() {
    let world = World::new().await;
    let mut old = good("side").await;
    world.route(&[old.address]).await;
    let load = Load::begin(&world).await;
    let mut total = Counts::default();
    for round in 0..10 {
        sleep(Duration::from_millis(50)).await;
        let new = good("side").await;
        drop(old);
        let term = world.flip(&format!("v{round}"), &[new.address]).await.expect("a relieved term");
        sum(&mut total, &world.drain(term, SOON).await.counts);
        old = new;
    }
    load.end().await;
    sum(&mut total, &world.counts().await);
    assert!(load.lost.get() > 0, "something is lost");
    assert_eq!(
        (total.served, total.lost + total.gone),
        (load.answered.get(), load.lost.get()),
        "{total:?}"
    );
    assert_eq!(total.gone, 0, "and none of it is the clients' doing: {total:?}");
}
