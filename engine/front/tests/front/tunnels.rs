//! Tunnels: `WebSocket` and its ends.

use std::time::Duration;

use front::{Counts, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::backend::{Backend, head, reset, rude, say};
use crate::client::Client;
use crate::suite::tests;
use crate::world::World;

tests![
    bytes_pass_both_ways_and_the_client_ends_it,
    bytes_that_come_with_the_upgrade_are_not_lost,
    a_backend_that_says_goodbye_has_served,
    a_backend_that_dies_has_not,
    a_tunnel_is_cut_at_the_drain_deadline,
    a_tunnel_that_is_silent_for_too_long_ends,
    a_route_says_how_long_its_tunnels_may_be_silent,
    a_refused_upgrade_is_an_answer,
    an_upgrade_that_nobody_asked_for_is_a_loss,
];

const ASK: &str = "GET /socket HTTP/1.1\r\nHost: web.test\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: y\r\n\r\n";

/// A backend that agrees to an upgrade, and then does something.
async fn agreeing<F: Future<Output = ()> + 'static>(
    act: impl Fn(TcpStream) -> F + Clone + 'static,
) -> Backend {
    rude(move |mut stream, _| {
        let act = act.clone();
        async move {
            let asked = head(&mut stream).await.expect("a request").to_ascii_lowercase();
            assert!(asked.contains("\r\nupgrade: websocket\r\n"), "{asked}");
            assert!(asked.contains("\r\nconnection: upgrade\r\n"), "{asked}");
            say(&mut stream, AGREED).await;
            act(stream).await;
        }
    })
    .await
}

async fn echoes(mut stream: TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        say(&mut stream, &buffer[..count]).await;
    }
}

async fn open(world: &World) -> Client {
    let mut client = Client::to(world.plain).await;
    client.say(ASK).await;
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.0.read_u8().await.expect("a head"));
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(
        head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n"),
        "{head}"
    );
    assert!(head.contains("sec-websocket-accept: y\r\n"), "{head}");
    client
}

fn ended(served: u64, lost: u64) -> Counts {
    Counts { served, lost, tunnels: 1, ..Counts::default() }
}

async fn bytes_pass_both_ways_and_the_client_ends_it() {
    let (world, backend) = (World::new().await, agreeing(echoes).await);
    world.route(&[backend.address]).await;
    let mut client = open(&world).await;
    for length in [1, 1000, 1_000_000] {
        let (read, write) = client.0.split();
        let (mut read, mut write) = (read, write);
        let sent = vec![b'x'; length];
        let mut back = vec![0; length];
        let (wrote, got) = tokio::join!(write.write_all(&sent), read.read_exact(&mut back));
        wrote.and(got.map(|_| ())).expect("an echo");
        assert!(sent == back, "{length} bytes came back");
    }
    drop(client);
    assert_eq!(world.counts().await, ended(1, 0));
}

async fn bytes_that_come_with_the_upgrade_are_not_lost() {
    let world = World::new().await;
    let backend = rude(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, format!("{AGREED}hello")).await;
        echoes(stream).await;
    })
    .await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    client.say(format!("{ASK}early")).await;
    let mut all = vec![];
    while !all.ends_with(b"helloearly") {
        all.push(client.0.read_u8().await.expect("bytes"));
    }
}

async fn a_backend_that_says_goodbye_has_served() {
    let world = World::new().await;
    let backend = agreeing(|mut stream| async move {
        say(&mut stream, [0x81, 2, b'h', b'i', 0x88, 2, 3, 0xe8]).await;
    })
    .await;
    world.route(&[backend.address]).await;
    let mut client = open(&world).await;
    assert_eq!(client.rest().await, Some(vec![0x81, 2, b'h', b'i', 0x88, 2, 3, 0xe8]));
    assert_eq!(world.counts().await, ended(1, 0));
}

async fn a_backend_that_dies_has_not() {
    let world = World::new().await;
    for resets in [false, true] {
        let backend = agreeing(move |mut stream| async move {
            say(&mut stream, [0x81, 2, b'h', b'i']).await;
            sleep(Duration::from_millis(20)).await;
            if resets {
                reset(stream);
            }
        })
        .await;
        world.route(&[backend.address]).await;
        let mut client = open(&world).await;
        assert_eq!(client.rest().await, Some(vec![0x81, 2, b'h', b'i']));
        assert_eq!(world.counts().await, ended(0, 1));
    }
}

async fn a_tunnel_is_cut_at_the_drain_deadline() {
    let (world, backend) = (World::new().await, agreeing(echoes).await);
    world.route(&[backend.address]).await;
    let mut client = open(&world).await;
    // A word there and back: the tunnel stands.
    client.say("x").await;
    client.0.read_u8().await.expect("an echo");
    let term = world.pause().await;
    let receipt = world.drain(term, Duration::from_millis(50)).await;
    assert_eq!((receipt.counts.lost, receipt.counts.late), (1, 1));
    assert!(client.rest().await.is_some(), "it ends");
}

async fn a_tunnel_that_is_silent_for_too_long_ends() {
    let world = World::with(|settings| settings.silence_ms = 100).await;
    let backend = agreeing(echoes).await;
    world.route(&[backend.address]).await;
    let mut client = open(&world).await;
    for _ in 0..5 {
        sleep(Duration::from_millis(50)).await;
        client.say("x").await;
        client.0.read_u8().await.expect("an echo");
    }
    assert_eq!(client.rest().await, Some(vec![]));
    assert_eq!(world.counts().await, ended(0, 1));
}

async fn a_route_says_how_long_its_tunnels_may_be_silent() {
    let (world, backend) =
        (World::with(|settings| settings.silence_ms = 100).await, agreeing(echoes).await);
    world.put(|spec| spec.timeouts = Timeouts { silence_ms: Some(60_000), ..spec.timeouts }).await;
    world.flip("one", &[backend.address]).await;
    let mut client = open(&world).await;
    sleep(Duration::from_millis(400)).await;
    client.say("x").await;
    client.0.read_u8().await.expect("an echo");
    drop(client);
    assert_eq!(world.counts().await, ended(1, 0));
}

async fn a_refused_upgrade_is_an_answer() {
    let world = World::new().await;
    let backend = rude(|mut stream, _| async move {
        while head(&mut stream).await.is_some() {
            say(&mut stream, "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    assert_eq!(client.ask(ASK).await.expect("an answer").status, 403);
    assert_eq!(client.get("/").await.expect("the connection goes on").status, 403);
    assert_eq!(world.counts().await, Counts { served: 2, ..Counts::default() });
}

async fn an_upgrade_that_nobody_asked_for_is_a_loss() {
    let world = World::new().await;
    let backend = rude(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, AGREED).await;
    })
    .await;
    world.route(&[backend.address]).await;
    assert_eq!(Client::to(world.plain).await.get("/").await.expect("an answer").status, 502);
    assert_eq!(world.counts().await, Counts { lost: 1, ..Counts::default() });
}
