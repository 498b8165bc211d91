//! The races between a client, the front and a backend, one by one.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use front::Counts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::backend::{OK, good, head, reset, rude, say};
use crate::client::Client;
use crate::suite::tests;
use crate::world::World;

tests![
    a_get_on_a_connection_that_closed_is_repeated_once,
    a_post_never_is,
    a_post_takes_no_connection_that_the_backend_closed,
    a_post_takes_a_new_connection_where_the_backend_is_rude,
    a_connection_that_is_about_to_close_is_left_alone,
    an_early_answer_to_an_upload_arrives,
    an_early_answer_by_a_backend_that_closes_arrives,
    a_client_that_half_closes_still_gets_its_answer,
    a_body_is_asked_for_by_the_backend_alone,
    a_backend_that_refuses_the_body_never_gets_it,
    events_pass_as_they_come,
    uploads_arrive_whole,
    pipelined_requests_are_answered_in_order,
];

/// A backend that answers the first request of its first connections, and closes without a word as soon as
/// the second one comes.
async fn closes_at_the_second(first: usize, asked: Rc<Cell<usize>>) -> crate::backend::Backend {
    rude(move |mut stream, number| {
        let asked = asked.clone();
        async move {
            for round in 0.. {
                if head(&mut stream).await.is_none() {
                    return;
                }
                asked.set(asked.get() + 1);
                if round == 1 && number < first {
                    return reset(stream);
                }
                say(&mut stream, OK).await;
            }
        }
    })
    .await
}

async fn a_get_on_a_connection_that_closed_is_repeated_once() {
    let world = World::with(|settings| settings.threads = Some(1)).await;
    let asked = Rc::new(Cell::new(0));
    let backend = closes_at_the_second(1, asked.clone()).await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.expect("an answer").status, 200);
    }
    assert_eq!(asked.get(), 4);
    assert_eq!(world.counts().await, Counts { served: 3, moved: 1, ..Counts::default() });
}

const POST: &str = "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 0\r\n\r\n";

async fn a_post_never_is() {
    let world = World::with(|settings| settings.threads = Some(1)).await;
    let asked = Rc::new(Cell::new(0));
    let backend = closes_at_the_second(1, asked.clone()).await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    assert_eq!(client.ask(POST).await.expect("an answer").status, 200);
    assert_eq!(client.ask(POST).await.expect("an answer").status, 502, "it may have been done");
    assert_eq!(asked.get(), 2);
    assert_eq!(world.counts().await, Counts { served: 1, lost: 1, ..Counts::default() });
}

async fn a_post_takes_no_connection_that_the_backend_closed() {
    let world = World::with(|settings| settings.threads = Some(1)).await;
    // Each connection is closed after its first answer, in silence.
    let backend = rude(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, OK).await;
    })
    .await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    for _ in 0..20 {
        assert_eq!(client.ask(POST).await.expect("an answer").status, 200);
        // A close that crosses the request is another matter: it may be lost.
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.counts().await.lost, 0);
}

async fn a_post_takes_a_new_connection_where_the_backend_is_rude() {
    let world = World::with(|settings| settings.threads = Some(1)).await;
    let asked = Rc::new(Cell::new(0));
    let backend = closes_at_the_second(usize::MAX, asked).await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    assert_eq!(client.get("/").await.expect("an answer").status, 200);
    assert_eq!(client.get("/").await.expect("an answer").status, 200, "repeated; now it is known");
    for _ in 0..20 {
        assert_eq!(client.ask(POST).await.expect("an answer").status, 200);
    }
    assert_eq!(world.counts().await.lost, 0);
}

async fn a_connection_that_is_about_to_close_is_left_alone() {
    let world = World::with(|settings| settings.threads = Some(1)).await;
    let connections = Rc::new(Cell::new(0));
    let seen = connections.clone();
    let backend = rude(move |mut stream, _| {
        seen.set(seen.get() + 1);
        async move {
            while head(&mut stream).await.is_some() {
                let kept = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 0\r\n\r\n";
                say(&mut stream, kept).await;
            }
        }
    })
    .await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    for _ in 0..3 {
        let heard = client.get("/").await.expect("an answer");
        assert_eq!(heard.header("keep-alive"), None, "that is between the front and the backend");
    }
    assert_eq!(connections.get(), 3, "a promise of one second is no promise");
}

/// Answers before the body has come, and goes on reading it.
async fn an_early_answer_to_an_upload_arrives() {
    let world = World::new().await;
    let backend = rude(|mut stream, _| async move {
        while head(&mut stream).await.is_some() {
            say(&mut stream, "HTTP/1.1 413 Too Long\r\ncontent-length: 2\r\n\r\nno").await;
            if stream.read_exact(&mut vec![0; 8 << 20]).await.is_err() {
                return;
            }
        }
    })
    .await;
    early(&world, backend).await;
}

/// Answers before the body has come, and closes with most of it unread: that resets the connection.
async fn an_early_answer_by_a_backend_that_closes_arrives() {
    let world = World::new().await;
    let backend = rude(|mut stream, _| async move {
        head(&mut stream).await;
        say(
            &mut stream,
            "HTTP/1.1 413 Too Long\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno",
        )
        .await;
        sleep(Duration::from_millis(50)).await;
    })
    .await;
    early(&world, backend).await;
}

async fn early(world: &World, backend: crate::backend::Backend) {
    world.route(&[backend.address]).await;
    for _ in 0..10 {
        let client = Client::to(world.plain).await;
        let (read, mut write) = client.0.into_split();
        // The client sends everything before it looks at the answer.
        let sending = tokio::task::spawn_local(async move {
            let length = 8 << 20;
            let head =
                format!("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: {length}\r\n\r\n");
            let _ = write.write_all(head.as_bytes()).await;
            for _ in 0..128 {
                if write.write_all(&vec![b'x'; 64 << 10]).await.is_err() {
                    break;
                }
            }
            write
        });
        let mut answer = vec![];
        let mut read = read;
        while !answer.ends_with(b"no") {
            match read.read_u8().await {
                Ok(byte) => answer.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&answer)),
            }
        }
        assert!(answer.starts_with(b"HTTP/1.1 413"));
        sending.abort();
    }
    let counts = world.counts().await;
    assert_eq!((counts.served, counts.lost), (10, 0), "{counts:?}");
}

async fn a_client_that_half_closes_still_gets_its_answer() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    client.say("GET /slow HTTP/1.1\r\nHost: web.test\r\n\r\n").await;
    client.0.shutdown().await.expect("half a close");
    assert_eq!(client.hear().await.expect("an answer").text(), "blue");
    assert_eq!(client.rest().await, Some(vec![]), "and then it is over");
    assert_eq!(world.counts().await, Counts { served: 1, ..Counts::default() });
}

const EXPECT: &str =
    "POST /upload HTTP/1.1\r\nHost: web.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

async fn a_body_is_asked_for_by_the_backend_alone() {
    let world = World::new().await;
    let backend = rude(|mut stream, _| async move {
        let asked = head(&mut stream).await.expect("a request");
        assert!(asked.to_ascii_lowercase().contains("expect: 100-continue"), "{asked}");
        sleep(Duration::from_millis(100)).await;
        say(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
        stream.read_exact(&mut [0; 4]).await.expect("the body");
        say(&mut stream, OK).await;
    })
    .await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    client.say(EXPECT).await;
    let early = tokio::time::timeout(Duration::from_millis(50), client.0.readable()).await;
    assert!(early.is_err(), "nothing before the backend says so");
    assert_eq!(client.hear().await.expect("a word").status, 100);
    assert_eq!(client.ask("body").await.expect("an answer").status, 200);
}

async fn a_backend_that_refuses_the_body_never_gets_it() {
    let world = World::new().await;
    let backend = rude(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n").await;
        assert!(stream.read_u8().await.is_err(), "no body comes");
    })
    .await;
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    assert_eq!(client.ask(EXPECT).await.expect("an answer").status, 417);
    assert_eq!(world.counts().await, Counts { served: 1, ..Counts::default() });
}

async fn events_pass_as_they_come() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    client.say("GET /events HTTP/1.1\r\nHost: web.test\r\n\r\n").await;
    let mut seen = vec![];
    while !seen.windows(9).any(|part| part == b"data: 3\n\n") {
        seen.push(client.0.read_u8().await.expect("events"));
    }
    let term = world.pause().await;
    let receipt = world.drain(term, Duration::from_millis(20)).await;
    assert_eq!(receipt.counts.late, 1, "a stream without end is cut at the deadline");
    let rest = client.rest().await.expect("an end");
    assert!(!rest.ends_with(b"0\r\n\r\n"), "and does not look whole");
}

async fn uploads_arrive_whole() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    let body = "x".repeat(1_000_000);
    let head = "POST /upload HTTP/1.1\r\nHost: web.test\r\n";
    let sized = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(client.ask(sized).await.expect("an answer").text(), "1000000");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\nf4240\r\n{body}\r\n0\r\n\r\n");
    assert_eq!(client.ask(chunked).await.expect("an answer").text(), "1000000");
    assert_eq!(world.counts().await.served, 2);
}

async fn pipelined_requests_are_answered_in_order() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    let asked: String = [201, 202, 203]
        .map(|s| format!("GET /status/{s} HTTP/1.1\r\nHost: web.test\r\n\r\n"))
        .concat();
    client.say(asked).await;
    for status in [201, 202, 203] {
        assert_eq!(client.hear().await.expect("an answer").status, status);
    }
}
