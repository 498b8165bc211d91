//! HTTP/2 and TLS.

use std::path::Path;
use std::time::Duration;

use front::{Command, Counts};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::{Request, Response};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

use crate::backend::{good, head, rude, say};
use crate::client::{Client, Heard};
use crate::streams::{encrypted, get, over_plain, two};
use crate::suite::tests;
use crate::world::{SOON, World};

tests![
    many_requests_share_a_connection,
    a_stream_that_is_reset_is_gone,
    a_window_that_stays_shut_cannot_stop_a_drain,
    an_answer_that_is_broken_off_resets_its_stream_alone,
    cookies_in_parts_become_one_line,
    an_upload_is_passed_on,
    malformed_requests_are_refused,
    a_certificate_is_chosen_by_name_and_swapped_live,
    a_certificate_that_cannot_be_served_is_refused,
    http1_and_http2_are_agreed_on_over_tls,
];

async fn text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

async fn many_requests_share_a_connection() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let sender = plain(&world).await;
    let mut tasks = vec![];
    for path in ["/slow", "/", "/big", "/status/503", "/upload"].repeat(10) {
        let mut sender = sender.clone();
        tasks.push(spawn_local(async move {
            let response = sender.send_request(get(path)).await.expect("an answer");
            text(response).await.len()
        }));
    }
    let mut lengths = vec![];
    for task in tasks {
        lengths.push(task.await.expect("a task"));
    }
    assert_eq!(lengths[..5], [4, 4, 3_000_000, 4, 1]);
    assert_eq!(world.counts().await, Counts { served: 50, errors: 10, ..Counts::default() });
}

async fn a_stream_that_is_reset_is_gone() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let mut sender = plain(&world).await;
    // One before its head, one in its body.
    let early = timeout(Duration::from_millis(50), sender.send_request(get("/slow"))).await;
    assert!(early.is_err(), "it is dropped before it is answered");
    let mut response = sender.send_request(get("/events")).await.expect("an answer");
    response.frame().await.expect("a frame").expect("an event");
    drop(response);
    assert_eq!(world.counts().await, Counts { gone: 2, ..Counts::default() });
}

async fn a_window_that_stays_shut_cannot_stop_a_drain() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let mut sender = plain(&world).await;
    // Nobody takes the body, so its window stays shut.
    let held = sender.send_request(get("/big")).await.expect("an answer");
    assert_eq!(text(sender.send_request(get("/")).await.expect("an answer")).await, "blue");
    let term = world.pause().await;
    let receipt = world.drain(term, Duration::from_millis(50)).await;
    let counts = Counts { slowest_ms: 0, ..receipt.counts };
    assert_eq!(counts, Counts { served: 1, lost: 1, late: 1, ..Counts::default() });
    let whole = timeout(SOON, held.into_body().collect()).await.expect("an end");
    assert!(whole.is_err(), "it never looks complete");
}

async fn an_answer_that_is_broken_off_resets_its_stream_alone() {
    let world = World::new().await;
    let backend = rude(|mut stream, _| async move {
        while let Some(asked) = head(&mut stream).await {
            if asked.contains("/dies") {
                say(
                    &mut stream,
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                )
                .await;
                return;
            }
            say(&mut stream, crate::backend::OK).await;
        }
    })
    .await;
    world.route(&[backend.address]).await;
    let mut sender = plain(&world).await;
    let dying = sender.send_request(get("/dies")).await.expect("a head");
    assert!(dying.into_body().collect().await.is_err(), "it never looks complete");
    assert_eq!(text(sender.send_request(get("/")).await.expect("an answer")).await, "ok");
    assert_eq!(world.counts().await, Counts { served: 1, lost: 1, ..Counts::default() });
}

async fn cookies_in_parts_become_one_line() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let request =
        Request::get("http://web.test/echo").header("cookie", "a=1").header("cookie", "b=2");
    let request = request.body(Full::default()).expect("a request");
    let said = text(plain(&world).await.send_request(request).await.expect("an answer")).await;
    assert!(said.contains("\ncookie: a=1; b=2\n"), "{said}");
    assert!(said.contains("\nhost: web.test\n"), "{said}");
    assert!(said.starts_with("GET /echo\n"), "{said}");
}

async fn an_upload_is_passed_on() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.put(|spec| spec.body_bytes = Some(2_000_000)).await;
    world.flip("one", &[backend.address]).await;
    let mut sender = plain(&world).await;
    for (length, status) in [(2_000_000, 200), (2_000_001, 413)] {
        let body = Full::from(vec![b'x'; length]);
        let request = Request::post("http://web.test/upload").body(body).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), status);
        if status == 200 {
            assert_eq!(text(response).await, length.to_string());
        }
    }
    assert_eq!(world.counts().await, Counts { served: 1, ..Counts::default() });
}

/// A request in frames made by hand: names and values as they are.
fn raw(fields: &[(&str, &str)], ends: bool) -> Vec<u8> {
    let mut block = vec![];
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(text.len() as u8);
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut all = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    all.extend_from_slice(&[0, 0, block.len() as u8, 1, 4 | u8::from(ends), 0, 0, 0, 1]);
    all.extend_from_slice(&block);
    all
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Status(u16),
    Reset,
    Away,
    Closed,
}

/// Returns what the front says of the first stream.
async fn verdict(stream: &mut TcpStream) -> Said {
    loop {
        let mut header = [0; 9];
        if stream.read_exact(&mut header).await.is_err() {
            return Said::Closed;
        }
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let mut payload = vec![0; length];
        if stream.read_exact(&mut payload).await.is_err() {
            return Said::Closed;
        }
        match header[3] {
            1 if payload[0] == 0x88 => return Said::Status(200),
            1 if payload[0] == 0x8c => return Said::Status(400),
            1 => return Said::Status(0),
            3 => return Said::Reset,
            7 => return Said::Away,
            _ => {}
        }
    }
}

async fn malformed_requests_are_refused() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let base =
        [(":method", "GET"), (":scheme", "http"), (":authority", "web.test"), (":path", "/")];
    let with = |more: (&'static str, &'static str)| [&base[..], &[more]].concat();
    let without = |name: &str| base.into_iter().filter(|field| field.0 != name).collect::<Vec<_>>();
    let swapped = |name: &str, value: &'static str| {
        base.map(|field| if field.0 == name { (field.0, value) } else { field }).to_vec()
    };
    let cases = [
        ("an upper-case name", with(("X-A", "b"))),
        ("a field of the connection", with(("connection", "close"))),
        ("a coding", with(("transfer-encoding", "chunked"))),
        ("an upgrade", with(("upgrade", "h2c"))),
        ("te other than trailers", with(("te", "gzip"))),
        ("another host", with(("host", "other.test"))),
        ("a pseudo-field after the others", [&[("x-a", "b")][..], &base].concat()),
        ("an unknown pseudo-field", with((":mine", "x"))),
        ("a path twice", with((":path", "/x"))),
        ("no path", without(":path")),
        ("no method", without(":method")),
        ("no scheme", without(":scheme")),
        ("an empty path", swapped(":path", "")),
        ("a path without a slash", swapped(":path", "x")),
        ("a user in the authority", swapped(":authority", "me@web.test")),
        ("a line in a value", with(("x-a", "b\r\nx-c: d"))),
        ("a zero byte in a value", with(("x-a", "b\0c"))),
        ("a blank in a name", with(("x a", "b"))),
        ("a length that is none", with(("content-length", "+5"))),
        ("a length without a body", with(("content-length", "5"))),
        ("two lengths", [&base[..], &[("content-length", "0"), ("content-length", "1")]].concat()),
    ];
    let good = raw(&base, true);
    let mut stream = TcpStream::connect(world.plain).await.expect("a connection");
    stream.write_all(&good).await.expect("a request");
    assert_eq!(verdict(&mut stream).await, Said::Status(200), "the base is good");
    for (what, fields) in cases {
        let mut stream = TcpStream::connect(world.plain).await.expect("a connection");
        stream.write_all(&raw(&fields, true)).await.expect("a request");
        let said = timeout(SOON, verdict(&mut stream)).await.expect("a verdict");
        assert!(matches!(said, Said::Status(400) | Said::Reset | Said::Away), "{what}: {said:?}");
    }
    // A body that is longer than it says.
    let mut stream = TcpStream::connect(world.plain).await.expect("a connection");
    let mut longer =
        raw(&[&swapped(":method", "POST")[..], &[("content-length", "2")]].concat(), false);
    longer.extend_from_slice(b"\0\0\x04\0\x01\0\0\0\x01body");
    stream.write_all(&longer).await.expect("a request");
    let said = timeout(SOON, verdict(&mut stream)).await.expect("a verdict");
    assert!(matches!(said, Said::Status(400) | Said::Reset | Said::Away), "{said:?}");
    let counts = world.counts().await;
    assert_eq!((counts.served, counts.lost), (1, 0), "{counts:?}");
}

/// Writes a certificate for a name, and returns the command that has it served.
pub(crate) fn certificate(
    folder: &Path,
    file: &str,
    name: &str,
) -> (Command, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let (certificate, key) =
        (folder.join(format!("{file}.pem")), folder.join(format!("{file}.key")));
    std::fs::write(&certificate, cert.pem()).expect("a file");
    std::fs::write(&key, signing_key.serialize_pem()).expect("a file");
    (
        Command::Certificate { at: None, names: vec![name.into()], certificate, key },
        cert.der().clone(),
    )
}

/// Connects to a name that may be served with these certificates alone.
async fn connect(
    world: &World,
    name: &str,
    believed: &[CertificateDer<'static>],
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    encrypted(world.tls, name, believed, protocol).await
}

async fn plain(world: &World) -> SendRequest<Full<Bytes>> {
    over_plain(world.plain).await
}

async fn a_certificate_is_chosen_by_name_and_swapped_live() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let folder = world.folder.path();
    let mut ders = vec![];
    for (file, name) in [("web", "web.test"), ("wild", "*.shop.test")] {
        let (command, der) = certificate(folder, file, name);
        world.say(command).await;
        ders.push(der);
    }
    assert!(connect(&world, "web.test", &ders[..1], b"http/1.1").await.is_ok());
    assert!(connect(&world, "a.shop.test", &ders[1..], b"http/1.1").await.is_ok());
    assert!(
        connect(&world, "web.test", &ders[1..], b"http/1.1").await.is_err(),
        "not the other one"
    );
    assert!(
        connect(&world, "other.test", &ders, b"http/1.1").await.is_err(),
        "no name, no handshake"
    );
    let standing = connect(&world, "web.test", &ders[..1], b"h2").await.expect("a connection");
    let mut sender = two(standing).await;
    let (_, next) = certificate(folder, "web", "web.test");
    world.say(Command::Reload).await;
    assert!(connect(&world, "web.test", &[next], b"http/1.1").await.is_ok(), "the new one");
    assert!(
        connect(&world, "web.test", &ders[..1], b"http/1.1").await.is_err(),
        "no longer the old one"
    );
    let answer = sender.send_request(get("/")).await.expect("the old connection stands");
    assert_eq!(text(answer).await, "blue");
    world.say(Command::Uncertify { at: None, names: vec!["web.test".into()] }).await;
    assert!(connect(&world, "web.test", &ders, b"http/1.1").await.is_err(), "taken away");
}

async fn a_certificate_that_cannot_be_served_is_refused() {
    let world = World::new().await;
    let folder = world.folder.path();
    let (command, der) = certificate(folder, "web", "web.test");
    world.say(command.clone()).await;
    let (_, _) = certificate(folder, "other", "web.test");
    std::fs::copy(folder.join("other.key"), folder.join("web.key")).expect("a wrong key");
    for command in [command, Command::Reload] {
        let why = world.remote().say(&command).await.expect_err("a refusal").to_string();
        assert!(why.contains("web.pem cannot be served: ") && why.contains("key"), "{why}");
    }
    assert!(
        connect(&world, "web.test", &[der], b"h2").await.is_ok(),
        "the good one is still served"
    );
}

async fn http1_and_http2_are_agreed_on_over_tls() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let (command, der) = certificate(world.folder.path(), "web", "web.test");
    world.say(command).await;
    let stream =
        connect(&world, "web.test", std::slice::from_ref(&der), b"h2").await.expect("a connection");
    let said = text(two(stream).await.send_request(get("/echo")).await.expect("an answer")).await;
    assert!(said.contains("x-forwarded-proto: https"), "{said}");
    let mut stream = connect(&world, "web.test", &[der], b"http/1.1").await.expect("a connection");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n")
        .await
        .expect("bytes");
    let mut all = String::new();
    stream.read_to_string(&mut all).await.expect("an answer that ends in good order");
    assert!(all.starts_with("HTTP/1.1 200") && all.ends_with("blue"), "{all}");
    let mut silent = Client::to(world.tls).await;
    let heard: Option<Heard> = silent.get("/").await;
    assert_eq!(heard, None, "without TLS there is no answer");
    sleep(Duration::from_millis(1)).await;
    assert_eq!(world.counts().await, Counts { served: 2, ..Counts::default() });
}
