//! Time-outs and limits.

use std::time::{Duration, Instant};

use front::{Command, Counts, RouteSpec, Timeouts};
use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use crate::backend::{good, head, rude, say};
use crate::client::{Client, get};
use crate::suite::tests;
use crate::world::World;

tests![
    a_head_that_comes_too_slowly_ends_the_connection,
    a_connection_that_asks_nothing_is_closed,
    a_body_that_pauses_too_long_is_refused,
    a_backend_that_takes_too_long_is_a_loss,
    a_backend_that_pauses_too_long_is_a_loss,
    a_client_that_takes_nothing_is_gone,
    a_head_too_long_is_refused,
    a_path_too_long_is_refused,
    a_body_too_long_is_refused,
    a_route_has_times_of_its_own,
];

/// How long what is slow may take in these tests.
const LIMIT: u64 = 200;

fn about(limit: u64, begun: Instant) {
    let took = begun.elapsed().as_millis() as u64;
    // Who is slow to look sees less of the wait.
    assert!((limit / 4..limit + 2000).contains(&took), "it took {took} ms");
}

async fn a_head_that_comes_too_slowly_ends_the_connection() {
    let world = World::with(|settings| settings.header_ms = LIMIT).await;
    let begun = Instant::now();
    let mut client = Client::to(world.plain).await;
    // A byte now and then does not help.
    for byte in "GET / HTTP/1.1\r\n".bytes() {
        sleep(Duration::from_millis(30)).await;
        if !client.say([byte]).await {
            break;
        }
    }
    assert!(client.rest().await.is_some());
    about(LIMIT, begun);
}

async fn a_connection_that_asks_nothing_is_closed() {
    let world = World::with(|settings| {
        settings.idle_ms = LIMIT;
        settings.header_ms = LIMIT;
    })
    .await;
    let backend = good("blue").await;
    world.route(&[backend.address]).await;
    let begun = Instant::now();
    assert_eq!(Client::to(world.plain).await.rest().await, Some(vec![]), "one that never asked");
    about(LIMIT, begun);
    let mut client = Client::to(world.plain).await;
    for _ in 0..3 {
        client.get("/slow").await.expect("an answer");
        sleep(Duration::from_millis(LIMIT / 2)).await;
    }
    client.get("/slow").await.expect("an answer");
    let begun = Instant::now();
    assert_eq!(client.rest().await, Some(vec![]), "one that asks no more");
    about(LIMIT, begun);
    assert_eq!(world.counts().await.served, 4);
}

async fn a_body_that_pauses_too_long_is_refused() {
    let world = World::with(|settings| settings.stall_ms = LIMIT).await;
    let backend = good("blue").await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    let begun = Instant::now();
    let request = "POST /upload HTTP/1.1\r\nHost: web.test\r\nContent-Length: 10\r\n\r\nhalf";
    assert_eq!(client.ask(request).await.expect("an answer").status, 408);
    about(LIMIT, begun);
    assert_eq!(world.counts().await, Counts { gone: 1, ..Counts::default() });
}

async fn a_backend_that_takes_too_long_is_a_loss() {
    let world = World::with(|settings| settings.answer_ms = LIMIT).await;
    let backend = rude(|mut stream, _| async move {
        head(&mut stream).await;
        let _ = stream.read_u8().await;
    })
    .await;
    world.route(&[backend.address]).await;
    let begun = Instant::now();
    assert_eq!(get(world.plain, "/").await.expect("an answer").status, 504);
    about(LIMIT, begun);
    assert_eq!(world.counts().await, Counts { lost: 1, ..Counts::default() });
}

async fn a_backend_that_pauses_too_long_is_a_loss() {
    let world = World::with(|settings| settings.stall_ms = LIMIT).await;
    let backend = rude(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        let _ = stream.read_u8().await;
    })
    .await;
    world.route(&[backend.address]).await;
    let begun = Instant::now();
    assert!(!get(world.plain, "/").await.expect("a head").whole);
    about(LIMIT, begun);
    assert_eq!(world.counts().await, Counts { lost: 1, ..Counts::default() });
}

async fn a_client_that_takes_nothing_is_gone() {
    let world = World::with(|settings| settings.stall_ms = LIMIT).await;
    let backend = good("blue").await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    client.say("GET /big HTTP/1.1\r\nHost: web.test\r\n\r\n".repeat(8)).await;
    sleep(Duration::from_millis(50)).await;
    // Nobody reads: the term can be drained all the same.
    let counts = world.counts().await;
    assert_eq!((counts.gone, counts.lost), (1, 0), "{counts:?}");
}

async fn a_head_too_long_is_refused() {
    let world = World::with(|settings| {
        settings.head_bytes = 8 << 10;
        settings.head_fields = 20;
    })
    .await;
    let long =
        format!("GET / HTTP/1.1\r\nHost: web.test\r\nX-Long: {}\r\n\r\n", "x".repeat(9 << 10));
    let many = format!("GET / HTTP/1.1\r\nHost: web.test\r\n{}\r\n", "X-A: b\r\n".repeat(20));
    for request in [long, many] {
        let mut client = Client::to(world.plain).await;
        assert_eq!(client.ask(request).await.expect("an answer").status, 431);
        assert!(client.rest().await.is_some());
    }
}

async fn a_path_too_long_is_refused() {
    let world = World::with(|settings| settings.head_bytes = 128 << 10).await;
    let request = format!("GET /{} HTTP/1.1\r\nHost: web.test\r\n\r\n", "x".repeat(70_000));
    assert_eq!(Client::to(world.plain).await.ask(request).await.expect("an answer").status, 414);
}

async fn a_body_too_long_is_refused() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.put(|spec| spec.body_bytes = Some(5)).await;
    world.flip("one", &[backend.address]).await;
    let head = "POST /upload HTTP/1.1\r\nHost: web.test\r\n";
    let chunked = |body: &str| {
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
    };
    for (status, request) in [
        (200, format!("{head}Content-Length: 5\r\n\r\nabcde")),
        (413, format!("{head}Content-Length: 6\r\n\r\nabcdef")),
        (200, chunked("abcde")),
        (413, chunked("abcdef")),
    ] {
        let heard = Client::to(world.plain).await.ask(&request).await.expect("an answer");
        assert_eq!(heard.status, status, "{request}");
    }
    assert_eq!(world.counts().await, Counts { served: 2, gone: 1, ..Counts::default() });
}

/// Another route of the same front has more patience.
async fn a_route_has_times_of_its_own() {
    let world = World::new().await;
    // It takes three times as long as the one route allows, each time that it has something to say.
    let slow = rude(|mut stream, _| async move {
        while head(&mut stream).await.is_some() {
            sleep(Duration::from_millis(3 * LIMIT)).await;
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf").await;
            sleep(Duration::from_millis(3 * LIMIT)).await;
            say(&mut stream, "half").await;
        }
    })
    .await;
    let own = |answer_ms, stall_ms| Timeouts { answer_ms, stall_ms, ..Timeouts::default() };
    let routes = [
        ("/answer", own(Some(LIMIT), None)),
        ("/stall", own(None, Some(LIMIT))),
        ("/", own(None, None)),
    ];
    for (prefix, timeouts) in routes {
        let (name, prefix) = (prefix.to_owned(), prefix.to_owned());
        world.say(Command::Put(RouteSpec { name, prefix, timeouts, ..RouteSpec::default() })).await;
    }
    for (route, _) in routes {
        let (route, version, targets) = (route.into(), "one".into(), vec![slow.address]);
        world.say(Command::Flip { route, version, targets, ready_ms: 0 }).await;
    }
    let (mut upload, mut patient) = (Client::to(world.plain).await, Client::to(world.plain).await);
    let form = "POST PATH HTTP/1.1\r\nHost: web.test\r\nContent-Length: 8\r\n\r\nhalf";
    upload.say(form.replace("PATH", "/stall")).await;
    patient.say(form.replace("PATH", "/")).await;
    let begun = Instant::now();
    let answer = async || {
        let heard = get(world.plain, "/answer").await.expect("an answer");
        about(LIMIT, begun);
        heard.status
    };
    let (status, paused, whole, refused) =
        tokio::join!(answer(), get(world.plain, "/stall"), get(world.plain, "/"), upload.hear(),);
    assert_eq!(status, 504);
    assert!(!paused.expect("a head").whole, "it paused within its answer");
    assert_eq!(refused.expect("an answer").status, 408);
    assert_eq!(whole.expect("an answer").text(), "halfhalf");
    sleep(Duration::from_millis(2 * LIMIT)).await;
    patient.say("half").await;
    assert_eq!(patient.hear().await.expect("an answer").status, 200);
}
